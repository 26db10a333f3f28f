import json
from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestVersion(TieringCommon):
    """What the rules were when a run used them, and how long its comparison of the customers holds."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann, cls.ben = cls.new_customer("Ann"), cls.new_customer("Ben")
        cls.order(cls.ann, 5)
        cls.order(cls.ben, 100)
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        cls.edited = cls.policy.with_user(cls.manager)

    def _numbers(self, policy=None):
        return (policy or self.policy).version_ids.sorted("number").mapped("number")

    # ------------------------------------------------------------------
    # Versions
    # ------------------------------------------------------------------

    def test_the_first_run_makes_the_first_version(self):
        self.edited.window_days = 300
        self.assertFalse(self.policy.version_ids)
        run = self.compute()
        self.assertEqual(run.version_id, self.policy.version_ids)
        self.assertEqual((run.version_id.number, run.version_id.rules["window_days"]), (1, 300))
        self.assertEqual(self.compute().version_id, run.version_id)
        self.assertEqual(self._numbers(), [1])

    def test_a_version_says_what_changed(self):
        self.compute()
        self.edited.window_days = 300
        self.compute()
        self.edited.criterion_ids[0].band_1 = 20
        self.compute()
        first, second, third = self.policy.version_ids.sorted("number").with_user(self.manager)
        self.assertFalse(first.changes)
        self.assertEqual(second.changes, "Before: Window: 365 days\nNow: Window: 300 days")
        self.assertIn("limits or the segment map", third.changes)

    def test_every_rule_that_changes_makes_a_version(self):
        recency = self.edited.criterion_ids[0]
        gold, bronze = self.edited.tier_ids[1], self.edited.tier_ids[3]
        mapped = [[*row] for row in self.policy.segment_map]
        mapped[0][0] = mapped[4][4]
        for number, edit in enumerate(
            (
                lambda: self.edited.write({"window_days": 300}),
                lambda: self.edited.write({"min_population": 7}),
                lambda: self.edited.write({"partner_domain": "[('name', '!=', 'Nobody')]"}),
                lambda: self.edited.write({"segment_map": mapped}),
                lambda: self.edited.write({"grace_days": 9}),
                lambda: self.edited.write({"stay_days": 9}),
                lambda: self.edited.write({"one_step": True}),
                lambda: self.edited.write({"month_end": True}),
                lambda: self.edited.write({"protection_days": 9}),
                lambda: self.edited.write({"refunds_at_once": True}),
                lambda: self.edited.write({"enter_margin": 3}),
                lambda: self.edited.write({"upgrade_days": 7}),
                lambda: self.edited.write({"at_once_margin": 25}),
                lambda: self.edited.write({"skip_idle_days": True}),
                lambda: self.edited.write({"lifecycle_late": 1.5}),
                lambda: self.edited.write({"lifecycle_exploring_days": 3}),
                lambda: gold.write({"entry_floor": 65}),
                lambda: gold.write({"keep_floor": 50}),
                lambda: gold.write({"grace_days": 3}),
                lambda: self.edited.write({"tier_ids": [Command.create({"name": "New", "entry_floor": 95})]}),
                lambda: self.edited.tier_ids.filtered(lambda tier: tier.name == "New").unlink(),
                lambda: recency.write({"weight": 2}),
                lambda: recency.write({"method": "bands"}),
                lambda: recency.write({"band_1": 20}),
                lambda: self.edited.write({"criterion_ids": [Command.create({"metric_id": self.metric("contacts")})]}),
                lambda: self.edited.criterion_ids[-1].unlink(),
                lambda: self.edited.write(
                    {
                        "method": "customer_share",
                        "tier_ids": [Command.update(tier.id, {"share": 25}) for tier in self.edited.tier_ids],
                    }
                ),
                lambda: self.edited.write({"basis_id": self.metric("monetary")}),
                lambda: self.edited.write(
                    {
                        "tier_ids": [
                            Command.update(gold.id, {"share": 20}),
                            Command.update(bronze.id, {"share": 30}),
                        ]
                    }
                ),
                lambda: self.edited.write(
                    {
                        "tier_ids": [
                            Command.update(gold.id, {"sequence": self.edited.tier_ids[0].sequence}),
                            Command.update(self.edited.tier_ids[0].id, {"sequence": gold.sequence}),
                        ]
                    }
                ),
                lambda: self.edited.write(
                    {
                        "method": "conditions",
                        "tier_ids": [
                            Command.update(
                                tier.id,
                                {"condition_ids": [Command.create({"metric_id": self.metric("monetary"), "value": 9})]},
                            )
                            for tier in self.edited.tier_ids[:-1]
                        ],
                    }
                ),
                lambda: gold.condition_ids.write({"value": 10}),
                lambda: gold.condition_ids.write({"keep_value": 5}),
                lambda: gold.write(
                    {"condition_ids": [Command.create({"metric_id": self.metric("recency"), "value": 30})]}
                ),
                lambda: gold.write({"match": "any"}),
                lambda: gold.condition_ids[0].unlink(),
            ),
            2,
        ):
            with self.subTest(number=number):
                self.compute()
                edit()
                version = self.policy.version_ids.sorted("number")[-1:]
                self.assertEqual((len(self.policy.version_ids), version.number), (number, number))
                self.assertEqual(version.create_uid, self.manager)
                self.assertFalse(version.run_ids)

    def test_what_decides_nothing_makes_no_version(self):
        self.compute()
        self.edited.write(
            {"name": "Renamed", "sequence": 3, "post_changes": True, "upgrade_when": "run", "recalibrate_days": 9}
        )
        gold = self.edited.tier_ids[1]
        gold.write({"name": "Golden", "color": 9, "description": "The best"})
        self.edited.write({"tier_ids": [Command.update(gold.id, {"name": "Gold again", "entry_floor": 60})]})
        self.edited.window_days = 365  # as it was
        self.assertEqual(self._numbers(), [1])
        self.assertEqual(self.compute().version_id.number, 1)

    def test_editing_again_before_the_next_run_is_the_same_version(self):
        first = self.compute()
        self.edited.window_days = 300
        self.edited.tier_ids[1].entry_floor = 65
        self.assertEqual(self._numbers(), [1, 2])
        second = self.compute()
        self.assertEqual(second.version_id.number, 2)
        self.assertEqual(second.version_id.rules["window_days"], 300)
        self.assertEqual([tier["floor"] for tier in second.version_id.rules["rules"]["tiers"]], [80, 65, 40, 0])
        self.assertEqual(first.version_id.rules["window_days"], 365)
        self.assertEqual([tier["floor"] for tier in first.version_id.rules["rules"]["tiers"]], [80, 60, 40, 0])

    def test_the_summary_can_be_read(self):
        self.gold.write({"keep_floor": 50, "grace_days": 14})
        self.compute()
        self.assertEqual(
            self.policy.version_ids.summary.splitlines(),
            [
                "Method: Weighted score",
                "Window: 365 days",
                "Revenue from: Orders",
                "Customers: all",
                "Criterion Recency: weight 1, Percentile",
                "Criterion Frequency: weight 1, Percentile",
                "Criterion Monetary value: weight 1, Percentile",
                "Tier Platinum: from 80, stays down to 80; days of grace: 0, days to stay: 0",
                "Tier Gold: from 60, stays down to 50; days of grace: 14, days to stay: 0",
                "Tier Silver: from 40, stays down to 40; days of grace: 0, days to stay: 0",
                "Tier Bronze: from 0, stays down to 0; days of grace: 0, days to stay: 0",
                (
                    "Lifecycle: lost after 4 usual gaps, declining after 2 or a fall of 50%, "
                    "exploring up to 2 days with orders, forming from a growth of 25%"
                ),
                "Churn warning by the chance that no order comes: watch from 50%, high from 70%, lost from 90%",
                "Churn warning: watch after 1.5 usual gaps, high after 2.5, silence after 90 days",
            ],
        )
        self.assertEqual(self.policy.version_ids.display_name, "Default policy, version 1")

    def test_the_summary_of_an_old_version_shows_the_names_of_that_time(self):
        self.compute()
        self.gold.write({"name": "Topaz", "entry_floor": 61})
        self.silver.unlink()
        self.compute()
        old, new = self.policy.version_ids.sorted("number")
        self.assertIn("Tier Gold: from 60", old.summary)
        self.assertIn("Tier Silver", old.summary)
        self.assertIn("Tier Topaz: from 61", new.summary)
        self.assertNotIn("Silver", new.summary)
        self.assertEqual(old.with_user(self.salesperson).summary, old.summary)

    def test_changes_after_an_edit_say_so(self):
        self.compute()
        # Ann: 5 days 100 points, 1 order 0, 1 median order 25: 41.67. Ben: 50, 0, 25: 25.
        self.assertTiers({self.ann: "Silver", self.ben: "Bronze"})
        self.edited.tier_ids[2].entry_floor = 20
        run = self.compute()
        self.assertTiers({self.ann: "Silver", self.ben: "Silver"})
        self.assertRecordValues(run.change_ids, [{"partner_id": self.ben.id, "reason": "rules"}])
        self.assertEqual(run.change_ids.version_id, run.version_id)
        for _number in range(9):
            self.order(self.ann, 5)
        run = self.compute()
        self.assertEqual(run.change_ids.mapped("reason"), ["score"])

    def test_nobody_rewrites_versions(self):
        self.compute()
        for user in (self.manager, self.salesperson):
            version = self.policy.version_ids.with_user(user)
            self.assertEqual(version.number, 1)
            for forbidden in (lambda v=version: v.write({"number": 7}), version.unlink):
                with self.assertRaises(AccessError):
                    forbidden()

    # ------------------------------------------------------------------
    # How long a comparison holds
    # ------------------------------------------------------------------

    def _compare_amounts(self, days):
        """Rank by the amount alone, anew every so many days; Ann has 100, Ben 100, Cid 400."""
        self.policy.write(
            {
                "min_population": 1,
                "recalibrate_days": days,
                "criterion_ids": [Command.clear(), Command.create({"metric_id": self.metric("monetary")})],
            }
        )
        self.cid = self.new_customer("Cid")
        self.order(self.cid, 50, 400)

    def _scores(self):
        return [self.card(partner).score for partner in (self.ann, self.ben, self.cid)]

    def test_a_comparison_holds_so_many_days(self):
        self._compare_amounts(10)
        first = self.compute()
        # two of three share the ranks 1 and 2: 100 × (1.5 - 0.5) / 3; the third: 100 × 2.5 / 3
        self.assertEqual(self._scores(), [33.33, 33.33, 83.33])
        self.assertTiers({self.ann: "Bronze", self.ben: "Bronze", self.cid: "Platinum"})
        self.assertEqual((first.calibration_id, first.drift), (first, 0))
        self.order(self.ben, 0, 300)  # now 100, 400, 400
        second = self.compute_after(9)
        self.assertEqual(self._scores(), [33.33, 83.33, 83.33])  # Ann and Cid did nothing
        self.assertEqual((second.calibration_id, second.fitted), (first, False))
        # Anew: Ann 16.67, the others 100 × (2.5 - 0.5) / 3 = 66.67, Gold instead of Platinum: 2 of 3
        self.assertEqual(second.drift, 66.67)
        third = self.compute_after(10)
        self.assertEqual(self._scores(), [16.67, 66.67, 66.67])
        self.assertEqual((third.calibration_id, third.drift), (third, 0))
        self.assertEqual(set(third.change_ids.mapped("reason")), {"calibration"})
        self.assertEqual(third.change_ids.partner_id, self.ben | self.cid)
        fourth = self.compute_after(19)
        self.assertEqual(self._scores(), [16.67, 66.67, 66.67])
        self.assertEqual(fourth.calibration_id, third)
        self.assertFalse(fourth.change_ids)

    def test_without_days_every_run_compares_anew(self):
        self._compare_amounts(0)
        self.compute()
        self.order(self.ben, 0, 300)
        run = self.compute()
        self.assertEqual(self._scores(), [16.67, 66.67, 66.67])
        self.assertEqual((run.calibration_id, run.drift), (run, 0))
        self.assertEqual(set(run.change_ids.mapped("reason")), {"score"})

    def test_customers_can_be_compared_anew_by_hand(self):
        self._compare_amounts(1000)
        with freeze_time("2026-06-30 12:00:00"):
            first = self.compute()
            self.order(self.ben, 0, 300)
            self.edited.action_compute_now()
            self.assertEqual(self.policy.last_run_id.calibration_id, first)
            self.assertEqual(self._scores()[0], 33.33)
            with self.assertRaises(AccessError):
                self.policy.with_user(self.salesperson).action_recalibrate()
            self.edited.action_recalibrate()
        run = self.policy.last_run_id
        self.assertEqual((run.calibration_id, run.user_id, run.recalibrate), (run, self.manager, True))
        self.assertEqual(self._scores(), [16.67, 66.67, 66.67])
        changes = run.change_ids
        # Ben had bought before; only the comparison moved Cid, and Ben once more
        self.assertEqual(set(changes.mapped("reason")), {"calibration"})
        self.assertEqual(changes.user_id, self.manager)

    def test_other_rules_are_compared_anew(self):
        self._compare_amounts(1000)
        self.compute()
        self.policy.criterion_ids.weight = 2
        run = self.compute()
        self.assertEqual(run.calibration_id, run)

    def test_a_comparison_that_was_deleted_is_made_anew(self):
        self._compare_amounts(1000)
        first = self.compute()
        second = self.compute()
        self.assertEqual(second.calibration_id, first)
        first.sudo().unlink()
        third = self.compute()
        self.assertEqual(third.calibration_id, third)

    def test_customers_between_the_runs_are_scored_by_the_kept_comparison(self):
        self._compare_amounts(1000)
        first = self.compute()
        self.compute()
        with freeze_time("2026-06-30 12:00:00"):
            order = self.order(self.ben, 0, 300, state="draft")
            order.action_confirm()
            self.env["customer.tiering.refresh"]._process(self.company)
        self.assertEqual(self._scores(), [33.33, 83.33, 83.33])
        self.assertTrue(first.fitted)

    # ------------------------------------------------------------------
    # A past day, without a trace
    # ------------------------------------------------------------------

    def _trace(self):
        self.env.flush_all()
        counts = {}
        for table in ("scorecard", "run", "refresh", "policy_version"):
            self.env.cr.execute(f"SELECT COUNT(*), MAX(id) FROM customer_tiering_{table}")
            counts[table] = self.env.cr.fetchone()
        self.env.cr.execute("SELECT COUNT(*), MAX(id) FROM customer_tier_change")
        return counts | {"change": self.env.cr.fetchone()}

    def test_a_past_day_is_computed_without_a_trace(self):
        asked = self.new_customer("Asked")
        self.order(asked, 20, state="draft")
        before = self._trace()
        day = AS_OF - timedelta(days=10)  # before Ann's order
        rows = self.policy.with_user(self.manager).compute(day)
        self.assertEqual(self._trace(), before)
        json.dumps(rows)  # plain values, as remote callers need them
        by_partner = {row["partner_id"]: row for row in rows}
        self.assertEqual(by_partner.keys(), {self.ann.id, self.ben.id, asked.id})
        self.assertEqual(self.policy.compute(day.isoformat()), rows)
        ben, ann = by_partner[self.ben.id], by_partner[self.ann.id]
        # 90 days: 75 points, one order: 0, one median order: 25
        self.assertEqual((ben["score"], ben["tier_id"]), (33.33, self.bronze.id))
        self.assertEqual((ben["order_count"], ben["amount"]), (1, 100))
        self.assertEqual((ann["score"], ann["tier_id"], ann["lifecycle"]), (0, None, "prospect"))
        run = self.compute(day)
        cards = self.env["customer.tiering.scorecard"].search([("policy_id", "=", self.policy.id)])
        self.assertEqual(run.customer_count, len(rows))
        for card in cards:
            row = by_partner[card.partner_id.id]
            for fname in ("score", "amount", "order_count", "recency_score", "frequency_score", "monetary_score"):
                self.assertEqual(card[fname], row[fname] or 0, fname)
            self.assertEqual((card.tier_id.id or None, card.segment_id.id), (row["tier_id"], row["segment_id"]))
            self.assertEqual(card.lifecycle, row["lifecycle"])

    def test_a_past_day_knows_no_grace_and_no_locks(self):
        self.policy.grace_days = 400
        for _number in range(9):
            self.order(self.ann, 5)
        self.compute()
        self.assertTiers({self.ann: "Platinum"})  # 5 days, 10 orders, 10 median orders: 100 points each
        self.ann.sale_order_ids[1:]._action_cancel()
        self.compute()
        self.assertTiers({self.ann: "Platinum"})
        row = next(row for row in self.policy.compute(AS_OF) if row["partner_id"] == self.ann.id)
        self.assertEqual(row["tier_id"], self.silver.id)

    def test_a_future_day_is_refused(self):
        with freeze_time("2026-06-30 12:00:00"):
            self.assertEqual(len(self.policy.compute(AS_OF)), 2)
            for day in (AS_OF + timedelta(days=1), False, None):
                with self.assertRaisesRegex(UserError, "Choose today or a day in the past"):
                    self.policy.compute(day)
        internal = self.new_user("tiering_internal", "base.group_user")
        for user in (internal, self.salesperson):  # it costs as much as a run
            with self.assertRaises(AccessError):
                self.policy.with_user(user).compute(AS_OF)

    def test_a_day_before_everything(self):
        rows = self.policy.compute(AS_OF - timedelta(days=1000))
        self.assertEqual({row["tier_id"] for row in rows}, {None})
