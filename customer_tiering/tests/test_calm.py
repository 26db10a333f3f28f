from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestCalm(TieringCommon):
    """Upgrades that take a margin and have to hold, and days on which nobody buys.

    The only criterion is money in bands of 100, 200, 300 and 400: 0, 25, 50, 75 or 100 points. Gold starts at 48
    points, so that 50 are two above it, Platinum at 74 and Silver at 20.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        bands = {f"band_{number}": 100 * number for number in (1, 2, 3, 4)}
        cls.policy.criterion_ids = [
            Command.clear(),
            Command.create(
                {"metric_id": cls.metric("monetary"), "method": "bands", "band_unit": "value", **bands},
            ),
        ]
        for tier, floor in zip(cls.policy.tier_ids, (74, 48, 20, 0), strict=True):
            tier.write({"entry_floor": floor, "keep_floor": floor})
        cls.policy.upgrade_days = 7
        cls.ann = cls.buyer("Ann", 100, amount=100)  # 25 points: Silver

    def assertAnnounced(self, tier, rises_to=False, on=False, partner=None):  # noqa: N802
        """Which tier, and which upgrade is announced for which day, counted from AS_OF; no downgrade is."""
        card = self.card(partner or self.ann)
        day = card.upgrade_date and (card.upgrade_date - AS_OF).days
        self.assertEqual((card.tier_id.name, card.upgrade_tier_id.name, day), (tier, rises_to, on))
        self.assertFalse(card.pending_tier_id or card.pending_date)

    def _scorecard(self):
        fnames = ["tier_id", "upgrade_tier_id", "upgrade_date", "pending_tier_id", "score", "points_to_next"]
        return self.card(self.ann).read(fnames)

    def test_an_upgrade_is_announced_and_comes_when_it_has_held(self):
        self.compute()
        self.order(self.ann, 0, 100)  # 200 in all: 50 points
        self.compute()
        self.assertAnnounced("Silver", "Gold", 7)
        self.compute_after(6)
        self.assertAnnounced("Silver", "Gold", 7)
        run = self.compute_after(7)
        self.assertAnnounced("Gold")
        self.assertEqual((run.up_count, run.pending_count), (1, 0))
        self.assertEqual(self.changes(self.ann)[0].direction, "up")

    def test_a_first_tier_comes_at_once(self):
        self.compute()
        bob = self.buyer("Bob", 1, amount=200)
        self.compute()
        self.assertAnnounced("Gold", partner=bob)

    def test_who_falls_back_stays_without_a_word(self):
        self.compute()
        order = self.order(self.ann, 0, 100)
        self.compute()
        before = self.changes(self.ann)
        order._action_cancel()
        self.compute_after(3)
        self.assertAnnounced("Silver")
        self.assertEqual(self.changes(self.ann), before)

    def test_a_purchase_announces_what_the_night_would(self):
        self.compute()
        order = self.order(self.ann, 0, 100, state="draft")
        refresh = self.env["customer.tiering.refresh"]
        self.patch(type(self.company), "_get_tiering_today", lambda company: AS_OF)
        order.write({"state": "sale", "date_order": self.noon(AS_OF)})
        refresh._add(self.ann, self.company, "instant")
        refresh._process(self.company)
        self.assertAnnounced("Silver", "Gold", 7)
        at_once = self._scorecard()
        self.compute()
        self.assertEqual(self._scorecard(), at_once)

    def test_an_upgrade_takes_the_margin_and_a_first_tier_does_not(self):
        self.policy.write({"enter_margin": 3, "upgrade_days": 0})
        self.compute()
        self.order(self.ann, 0, 100)
        bob = self.buyer("Bob", 1, amount=200)
        self.compute()
        self.assertAnnounced("Silver")  # 50 are less than 48 + 3
        self.assertEqual(self.card(self.ann).points_to_next, 1)
        self.assertAnnounced("Gold", partner=bob)
        self.policy.enter_margin = 2
        self.compute()
        self.assertAnnounced("Gold")

    def test_far_above_an_upgrade_comes_at_once(self):
        self.policy.at_once_margin = 25
        self.compute()
        self.order(self.ann, 0, 200)  # 75 points: 27 above Gold, 1 above Platinum
        self.compute()
        self.assertAnnounced("Gold", "Platinum", 7)

    def test_the_explanation_says_when_and_what_it_takes(self):
        self.policy.enter_margin = 1
        self.compute()
        data = self.card(self.ann).explanation_data
        (way,) = data["next"]["ways"]
        self.assertIn("100.00", way)
        self.assertEqual(
            data["next"]["sentence"], f"To reach Gold: {way}. The upgrade comes when this has held for 7 days."
        )
        self.assertFalse(data["rise"])
        self.order(self.ann, 0, 100)
        self.compute()
        data = self.card(self.ann).explanation_data
        self.assertEqual(data["rise"]["sentence"], "Gold on 07/07/2026 if the score stays at 49 or more.")
        self.assertIn(data["rise"]["sentence"], data["text"])
        self.assertFalse(data["keep"])

    def test_what_waits_for_a_downgrade_takes_no_upgrade_for_one(self):
        self.compute()
        self.order(self.ann, 0, 100)
        run = self.compute()
        self.assertEqual(run.pending_count, 0)
        falling = [("tiering_pending_tier_id", "!=", False), ("id", "=", self.ann.id)]
        rising = [("tiering_upgrade_tier_id", "!=", False), ("id", "=", self.ann.id)]
        self.assertFalse(self.env["res.partner"].search(falling))
        self.assertTrue(self.env["res.partner"].search(rising))

    def test_a_simulation_tells_who_is_to_rise(self):
        self.policy.upgrade_days = 0
        self.compute()
        self.order(self.ann, 100, 100)
        self.patch(type(self.company), "_get_tiering_today", lambda company: AS_OF)
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        draft.upgrade_days = 7
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        line = draft._get_simulation().line_ids
        self.assertEqual((line.partner_id, line.direction, line.to_tier_id.name), (self.ann, "rising", "Gold"))

    def test_rules_that_are_not_used_are_not_part_of_a_version(self):
        self.policy.upgrade_days = 0
        before = self.policy._get_rules_values()
        self.assertFalse(before["rules"]["retention"].keys() & {"enter_margin", "upgrade_days", "skip_idle_days"})
        self.policy.upgrade_days = 7
        self.assertEqual(self.policy._get_rules_values()["rules"]["retention"]["upgrade_days"], 7)

    def test_impossible_values_are_refused(self):
        self.assertRefused("“Points to Rise” are 0 to 100", {"enter_margin": -1})
        self.assertRefused("“Points to Rise at Once” are 0 to 100", {"at_once_margin": 101})
        self.assertRefused("“Days to Rise” are 0 to 365", {"upgrade_days": 366})

    def test_calm_rules_with_one_click(self):
        self.policy.with_user(self.manager).action_calm()
        delivered = self.env["res.company"].create({"name": "Founded Later"}).tiering_policy_ids
        for fname in ("grace_days", "enter_margin", "upgrade_days", "at_once_margin", "skip_idle_days"):
            self.assertTrue(delivered[fname])
            self.assertEqual(self.policy[fname], delivered[fname])
        self.assertEqual(
            [tier.entry_floor - tier.keep_floor for tier in self.policy.tier_ids],
            [tier.entry_floor - tier.keep_floor for tier in delivered.tier_ids],
        )
        with self.assertRaises(AccessError):
            self.policy.with_user(self.salesperson).action_calm()


@tagged("post_install", "-at_install")
class TestIdleDays(TieringCommon):
    """Days on which nobody buys. The only criterion is recency in its bands: Platinum up to 30 days after an order."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": cls.metric("recency"), "method": "bands"}),
        ]
        cls.policy.skip_idle_days = True
        cls.ann, cls.bob = cls.buyer("Ann", 30), cls.buyer("Bob", 0)

    def test_nobody_falls_as_long_as_nobody_buys(self):
        self.compute()
        self.compute_after(1)  # 31 days after Ann's order
        self.compute_after(9)
        self.assertTiers({self.ann: "Platinum"})
        self.order(self.bob, -10)
        self.compute_after(10)
        self.assertTiers({self.ann: "Gold"})

    def test_without_the_rule_they_do(self):
        self.policy.skip_idle_days = False
        self.compute()
        self.compute_after(1)
        self.assertTiers({self.ann: "Gold"})

    def test_changed_rules_do_not_wait_for_a_purchase(self):
        self.compute()
        self.policy.tier_ids[0].keep_floor = 79
        self.compute_after(1)
        self.assertTiers({self.ann: "Gold"})

    def test_a_comparison_that_is_kept_does_not_age_by_them(self):
        self.policy.recalibrate_days = 30
        self.compute()
        self.compute_after(2)
        self.order(self.bob, -3)
        run = self.compute_after(3)  # two days without a purchase, one with: Ann is 31 days old
        self.assertEqual(run.open_days, [str(AS_OF + timedelta(3))])
        self.assertEqual(run.last_purchase_date, AS_OF + timedelta(3))
        # Of three days two were without a purchase, so that the band of 30 days ends at 32.
        self.assertTiers({self.ann: "Gold"})

    def test_an_order_finds_the_customer_as_old_as_the_run_did(self):
        self.policy.recalibrate_days = 30
        self.compute()
        self.compute_after(1)
        run = self.compute_after(2)
        self.assertFalse(run.open_days)
        score = self.card(self.ann).score
        self.patch(type(self.company), "_get_tiering_today", lambda company: AS_OF + timedelta(2))
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(self.ann, self.company, "instant")
        refresh._process(self.company)
        self.assertEqual(self.card(self.ann).score, score)
        self.assertEqual(score, 100)  # 32 days, two of them without a purchase: as on the 30th
