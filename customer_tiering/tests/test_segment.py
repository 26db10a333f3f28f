from itertools import combinations

from odoo.exceptions import UserError
from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools import file_path

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestSegment(TieringCommon):
    def _own_segment(self):
        """A segment of the company's own, in each cell of the map."""
        own = self.env["customer.segment"].create({"name": "Own", "code": "own"})
        self.policy.segment_map = [[own.id] * 5] * 5
        return own

    def test_segments_stages_and_risks_have_no_word_in_common(self):
        cards = self.env["customer.tiering.scorecard"]
        names = [
            self.env["customer.segment"].search([]).mapped("name"),
            *(dict(cards._fields[fname]._description_selection(self.env)).values() for fname in ("lifecycle", "risk")),
        ]
        words = [{word for name in group for word in name.lower().split()} for group in names]
        for one, other in combinations(words, 2):
            self.assertFalse(one & other)

    def test_the_update_renames_what_nobody_has_renamed(self):
        at_risk, lost = (self.env.ref(f"customer_tiering.customer_segment_{name}") for name in ("at_risk", "lost"))
        at_risk.name, lost.name = "At risk", "Sunk"
        self.env.flush_all()
        path = file_path("customer_tiering/migrations/19.0.1.8.0/post-20-segment-names.py")
        load_script(path, "segment_names").migrate(self.env.cr, "19.0.1.7.0")
        self.env.invalidate_all()
        self.assertEqual((at_risk.name, lost.name), ("Slipping away", "Sunk"))

    def test_a_new_segment_can_be_mapped(self):
        own = self._own_segment()
        customer = self.new_customer("Ann")
        self.order(customer)
        self.compute()
        self.assertEqual(self.card(customer).segment_id, own)

    def test_delivered_segments_cannot_be_deleted(self):
        self._own_segment()  # nothing points to the others any more
        for code in ("champions", "prospect"):
            segment = self.env.ref(f"customer_tiering.customer_segment_{code}")
            with self.assertRaisesRegex(UserError, f"The policies of new companies need “{segment.name}”"):
                segment.unlink()

    def test_a_mapped_segment_cannot_be_deleted(self):
        segment_map = self.policy.segment_map
        own = self._own_segment()
        for active in (True, False):
            self.policy.active = active  # an archived policy can come back
            with self.assertRaisesRegex(UserError, "points to “Own”. Choose another segment for those cells first"):
                own.unlink()
        self.policy.segment_map = segment_map
        own.unlink()
        self.assertFalse(own.exists())

    def test_a_segment_with_customers_cannot_be_deleted(self):
        segment_map = self.policy.segment_map
        own = self._own_segment()
        self.order(self.new_customer("Ann"))
        self.compute()
        self.policy.segment_map = segment_map
        with self.assertRaisesRegex(UserError, "still in this segment. Compute the customers again first"):
            own.with_user(self.manager).unlink()
        self.compute()
        own.with_user(self.manager).unlink()
        self.assertFalse(own.exists())

    def test_a_code_never_changes(self):
        segment = self.env.ref("customer_tiering.customer_segment_champions")
        with self.assertRaisesRegex(UserError, "The code of a segment never changes"):
            segment.code = "winners"
        segment.write({"code": "champions", "name": "Winners"})  # a form may send it all
        self.assertEqual((segment.code, segment.name), ("champions", "Winners"))

    def test_a_company_can_be_founded_after_all_segments_were_renamed(self):
        for segment in self.env["customer.segment"].search([]):
            segment.name = f"Our {segment.name}"
        policy = self.env["res.company"].create({"name": "Founded Later"}).tiering_policy_ids
        champions = self.env.ref("customer_tiering.customer_segment_champions")
        self.assertEqual(policy.segment_map[4][4], champions.id)  # R 5, FM 5
        self.assertEqual(len(policy._segment_map_ids()), 11)
