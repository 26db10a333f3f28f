import psycopg2

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestPolicy(TieringCommon):
    def test_every_company_has_a_default_policy(self):
        for company in self.env["res.company"].search([]) | self.env["res.company"].create({"name": "Later"}):
            policy = company.tiering_policy_ids
            self.assertEqual(len(policy), 1)
            self.assertEqual(policy.window_days, 365)
            self.assertEqual(policy.criterion_ids.mapped("metric"), ["recency", "frequency", "monetary"])
            self.assertEqual(policy.criterion_ids.mapped("weight"), [1, 1, 1])
            self.assertEqual(
                policy.tier_ids.mapped(lambda tier: (tier.name, tier.entry_floor)),
                [("Platinum", 80), ("Gold", 60), ("Silver", 40), ("Bronze", 0)],
            )

    def test_nothing_is_computed_before_somebody_asks(self):
        self._order(self._customer("Ann"))
        self.assertFalse(self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)]))
        self.assertFalse(self.policy.run_ids)

    def test_the_default_map_uses_each_of_the_eleven_segments(self):
        segments = self.env["customer.segment"].search([])
        used = segments.browse(self.policy._segment_map_ids())
        self.assertEqual(len(used), 11)
        self.assertEqual((segments - used).mapped("code"), ["prospect"])

    def _refused(self, message, values):
        with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
            self.policy.write(values)
            self.env.flush_all()

    def test_a_policy_needs_tiers_from_zero_up(self):
        platinum, gold, _silver, bronze = self.policy.tier_ids
        self._refused("has no tier. Add at least one", {"tier_ids": [Command.clear()]})
        self._refused("No tier starts at score 0", {"tier_ids": [Command.delete(bronze.id)]})
        same = Command.update(gold.id, {"entry_floor": 40})
        self._refused("Gold, Silver all start at score 40", {"tier_ids": [same]})
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"), self.env.cr.savepoint():
            bronze.entry_floor = 10
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"), self.env.cr.savepoint():
            bronze.unlink()
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"), self.env.cr.savepoint():
            bronze.active = False
        with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.errors.CheckViolation), self.env.cr.savepoint():
            platinum.entry_floor = 101
            self.env.flush_all()

    def test_floors_can_be_exchanged_in_one_go(self):
        platinum, gold = self.policy.tier_ids[:2]
        self.policy.tier_ids = [
            Command.update(platinum.id, {"entry_floor": 60}),
            Command.update(gold.id, {"entry_floor": 80}),
        ]
        self.assertEqual(self.policy.tier_ids.sorted()[:2], gold | platinum)

    def test_weights_must_not_all_be_zero(self):
        self._refused(
            "Give at least one criterion a weight above 0",
            {"criterion_ids": [Command.update(id_, {"weight": 0}) for id_ in self.policy.criterion_ids.ids]},
        )
        self._refused("Give at least one criterion", {"criterion_ids": [Command.clear()]})

    def test_the_window_must_be_positive(self):
        for days in (0, -30):
            with (
                mute_logger("odoo.sql_db"),
                self.assertRaises(psycopg2.errors.CheckViolation),
                self.env.cr.savepoint(),
            ):
                self.policy.window_days = days
                self.env.flush_all()

    def test_bands_must_rise(self):
        with self.assertRaisesRegex(ValidationError, "must rise from limit 1 to limit 4"):
            self.policy.criterion_ids[0].band_2 = 5

    def test_the_segment_map_must_be_complete(self):
        holes = [row[:] for row in self.policy.segment_map]
        holes[2][3] = False
        for segment_map in (holes, holes[:4], [row[:4] for row in holes], False):
            self._refused("choose a segment for each of its 25 cells", {"segment_map": segment_map})

    def test_a_segment_in_use_cannot_be_deleted(self):
        segment = self.env.ref("customer_tiering.customer_segment_champions")
        with self.assertRaisesRegex(UserError, "The policies of new companies need"):
            segment.unlink()
        own = self.env["customer.segment"].create({"name": "Own", "code": "own"})
        segment_map = self.policy.segment_map
        self.policy.segment_map = [[own.id] * 5] * 5
        with self.assertRaisesRegex(UserError, "Choose another segment for those cells first"):
            own.unlink()
        self.policy.segment_map = segment_map
        own.unlink()
        self.assertFalse(own.exists())

    def test_the_customer_filter_must_be_readable(self):
        for domain in ("[('no_such_field', '=', 1)]", "[(", "[1, 2]"):
            self._refused("cannot be read", {"partner_domain": domain})

    def test_deleting_a_tier_with_history_archives_it(self):
        customer = self._customer("Ann")
        self._order(customer)
        self._run()
        tier = self._card(customer).tier_id
        unused = self.policy.tier_ids - tier
        self.policy.tier_ids = [
            Command.delete(tier.id),
            Command.create({"name": "New lowest", "entry_floor": 0}),
            *(Command.delete(other.id) for other in unused),
        ]
        self.assertTrue(tier.exists())
        self.assertFalse(tier.active)
        self.assertFalse(unused.exists())
        self._run()
        self.assertTiers({customer: "New lowest"})

    def test_a_new_segment_can_be_mapped(self):
        own = self.env["customer.segment"].create({"name": "Own", "code": "own"})
        self.policy.segment_map = [[own.id] * 5] * 5
        customer = self._customer("Ann")
        self._order(customer)
        self._run()
        self.assertEqual(self._card(customer).segment_id, own)

    def test_other_metrics_can_be_criteria(self):
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric": "contacts", "weight": 1}),
            Command.create({"metric": "average_order", "weight": 3, "method": "bands"}),
        ]
        criterion = self.policy.criterion_ids[1]
        self.assertEqual((criterion.band_1, criterion.band_4, criterion.band_unit), (0.5, 3, "average_order"))
        customer = self._customer("Ann")
        self._order(customer, 5, 100)
        self._run()
        # no contact → 0 points; the average order is 1 × itself → third of five bands, 50 points
        self.assertEqual(self._card(customer).score, 37.5)  # (1 × 0 + 3 × 50) / 4

    def test_the_form_proposes_the_bands_of_the_metric(self):
        with Form(self.policy) as form, form.criterion_ids.new() as line:
            line.metric = "contact_recency"
            self.assertEqual((line.band_1, line.band_4), (14, 120))

    def test_copying_a_policy_copies_its_rules(self):
        copy = self.policy.copy({"sequence": 99})
        self.assertEqual(copy.tier_ids.mapped("name"), self.policy.tier_ids.mapped("name"))
        self.assertEqual(copy.criterion_ids.mapped("metric"), self.policy.criterion_ids.mapped("metric"))
        self.assertFalse(copy.tier_ids & self.policy.tier_ids)
        self.assertEqual(self._run(copy, AS_OF).state, "done")
