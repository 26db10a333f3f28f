from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .. import filters
from ..filters import find_circle
from .common import TieringCommon

REFUSED = "cannot be chosen by “{}”, because that follows from what runs decide"


@tagged("post_install", "-at_install")
class TestCircle(TieringCommon):
    """A policy's customers cannot be chosen by what runs bring about: they would come and go night by night."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", *range(20, 260, 20), amount=300)
        cls.platinum = cls.policy.tier_ids.filtered(lambda tier: tier.name == "Platinum")

    def _field(self, name, ttype, model="res.partner", **values):
        """A field as Studio adds it."""
        return self.env["ir.model.fields"].create(
            {
                "name": name,
                "field_description": f"Of Studio {name}",
                "model_id": self.env["ir.model"]._get_id(model),
                "ttype": ttype,
                **values,
            }
        )

    def _vip(self, domain):
        """A policy as somebody saved it when it was not refused."""
        vip = self.policy.copy({"name": "VIP", "sequence": 1, "partner_domain": "[('id', '=', 0)]"})
        vip.recalibrate_days = 0
        self.env.flush_all()
        self.env.cr.execute("UPDATE customer_tiering_policy SET partner_domain = %s WHERE id = %s", [domain, vip.id])
        self.env.invalidate_all()
        return vip

    def test_every_way_to_a_tier_is_refused(self):
        for domain, label in (
            (f"[('tiering_tier_id', '=', {self.platinum.id})]", "Tier"),
            ("[('tiering_tier_id.name', '=', 'Platinum')]", "Tier > Name"),
            ("[('tiering_score', '>', 50)]", "Score"),
            ("[('tiering_segment_id.code', '=', 'champions')]", "Segment > Code"),
            ("[('tiering_moved_up', '=', True)]", "Moved Up Lately"),
            ("[('tiering_scorecard_id', '!=', False)]", None),
            ("['|', ('is_company', '=', True), '!', ('tiering_risk', '=', 'high')]", None),
            ("[('parent_id.tiering_tier_id', '!=', False)]", "Related Company > Tier"),
            ("[('commercial_partner_id', 'any', [('tiering_score', '<', 9)])]", "Commercial Entity > Score"),
            ("[('sale_order_ids.tiering_tier_id', '!=', False)]", None),
            ("[('sale_order_ids', 'not any', [('partner_id.tiering_score', '>', 1)])]", None),
            ("[('sale_order_ids.partner_id.parent_id.tiering_lifecycle', '=', 'lost')]", None),
        ):
            with self.subTest(domain):
                self.assertRefused(REFUSED.format(label or ".*"), {"partner_domain": domain})

    def test_no_field_of_scorecards_on_contacts_is_forgotten(self):
        partners = self.env["res.partner"]
        fnames = [fname for fname in partners._fields if fname.startswith("tiering_")]
        searchable = [fname for fname in fnames if partners._fields[fname]._description_searchable]
        self.assertGreater(len(searchable), 30)
        free = [fname for fname in searchable if not find_circle(partners, filters.read(f"[('{fname}', '=', 1)]"))]
        # What people said is brought about by no run.
        self.assertEqual(free, ["tiering_said_motive_id"])

    def test_fields_of_others_through_a_scorecard_are_refused(self):
        self._field("x_tier_name", "char", related="tiering_tier_id.name", store=False, readonly=True)
        self._field("x_boss_score", "float", related="parent_id.tiering_score", store=False, readonly=True)
        self._field(
            "x_twice",
            "float",
            depends="x_boss_score",
            compute="for partner in self: partner['x_twice'] = 2 * partner.x_boss_score",
            store=True,
            readonly=True,
        )
        self._field("x_free", "char")
        for fname in ("x_tier_name", "x_boss_score", "x_twice"):
            with self.subTest(fname):
                self.assertRefused(REFUSED.format(f"Of Studio {fname}"), {"partner_domain": f"[('{fname}', '=', '1')]"})
        self.policy.partner_domain = "[('x_free', '=', 'yes')]"

    def test_what_no_run_changes_is_accepted(self):
        for domain in (
            "[('category_id.name', '=', 'VIP'), ('country_id.code', '=', 'BE')]",
            "[('sale_order_ids', 'any', [('amount_untaxed', '>', 100), ('team_id', '!=', False)])]",
            "[('create_date.month_number', '=', 1), ('parent_id.user_id', '!=', False)]",
            "[('property_payment_term_id', '!=', False), ('display_name', 'ilike', 'a')]",
            "[('company_id.tiering_nightly', '=', True)]",
        ):
            with self.subTest(domain):
                self.policy.with_user(self.manager).partner_domain = domain

    def test_a_copy_and_a_simulation_are_refused_too(self):
        domain = "[('tiering_score', '>', 50)]"
        with self.assertRaisesRegex(ValidationError, REFUSED.format("Score")), self.env.cr.savepoint():
            self.policy.copy({"partner_domain": domain})
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        self.assertRefused(REFUSED.format("Score"), {"partner_domain": domain}, policy=draft)
        with self.assertRaisesRegex(ValidationError, REFUSED.format("Tier")), self.env.cr.savepoint():
            self._vip("[('tiering_tier_id', '!=', False)]").action_simulate()

    def test_a_policy_from_before_rests_and_says_why(self):
        self.compute()
        self.assertTiers({self.ann: "Platinum"})
        vip = self._vip(f"[('tiering_tier_id', '=', {self.platinum.id})]")
        before = len(self.changes(self.ann))
        for night in (1, 2, 3):
            run = self.compute_after(night, policy=vip)
            self.assertEqual(run.state, "skipped")
            self.assertRegex(run.note, REFUSED.format("Tier"))
            self.assertIn("Choose them by what no run changes", run.note)
            self.compute_after(night)
        self.assertEqual(self.card(self.ann).policy_id, self.policy)
        self.assertEqual(len(self.changes(self.ann)), before)
        with self.assertRaisesRegex(UserError, REFUSED.format("Tier")):
            vip.compute("2026-06-30")
        vip.partner_domain = "[('name', '=', 'Ann')]"
        self.compute_after(4, policy=vip)
        self.assertEqual(self.card(self.ann).policy_id, vip)
