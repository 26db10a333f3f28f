from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestTours(TieringCommon, HttpCase):
    """People at work in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.settings_manager = cls._new_user("tiering_settings", "base.group_system,sales_team.group_sale_manager")
        cls.salesperson.group_ids |= cls.env.ref("base.group_allow_export")
        cls.best, cls.second, cls.poor, cls.asked = (
            cls._customer(name, is_company=True, customer_rank=1) for name in ("Best", "Second", "Poor", "Asked")
        )
        today = cls.company._get_tiering_today()
        # Fixed bands, average order 100 (19 orders, 1900 in all):
        # Best: today, 12 orders, 1200 → 100 points each: Platinum.
        # Second: 40 days → 75, 6 orders → 75, 600 = 6 average orders → 75: score 75, Gold.
        # Poor: 300 days → 25, one order → 0, one average order → 25: score 16.67, Bronze.
        for partner, days in (
            (cls.best, range(12)),
            (cls.second, range(40, 46)),
            (cls.poor, (300,)),
        ):
            for days_ago in days:
                cls._order(partner, amount=100, when=cls._noon(today, days_ago))
        cls._order(cls.asked, state="draft")
        cls._run(as_of=today)

    def test_the_expected_tiers(self):
        self.assertTiers({self.best: "Platinum", self.second: "Gold", self.poor: "Bronze", self.asked: False})

    def test_salesperson_filters_opens_a_customer_and_sees_why(self):
        self.start_tour("/odoo/customers", "customer_tiering_salesperson", login="tiering_salesperson")

    def test_salesperson_groups_by_tier(self):
        self.start_tour("/odoo/customers", "customer_tiering_group_by_tier", login="tiering_salesperson")

    def test_manager_edits_tiers_in_the_settings_and_computes(self):
        self.start_tour("/odoo/settings?#sale_management", "customer_tiering_manager", login="tiering_settings")
        self.assertEqual(
            self.policy.tier_ids.mapped(lambda tier: (tier.name, tier.entry_floor)),
            [("Diamond", 99), ("Platinum", 80), ("Gold", 50), ("Silver", 40), ("Bronze", 0)],
        )
        self.assertTiers({self.best: "Diamond", self.second: "Gold", self.poor: "Bronze"})

    def test_manager_is_told_about_a_mistake(self):
        with self.assertLogs("odoo.http", "WARNING"):  # how Odoo logs a message to the user
            self.start_tour(
                "/odoo/settings?#sale_management", "customer_tiering_manager_mistake", login="tiering_settings"
            )
        self.assertEqual(min(self.policy.tier_ids.mapped("entry_floor")), 0)

    def test_manager_paints_the_segment_map(self):
        champions = self.env.ref("customer_tiering.customer_segment_champions")
        self.assertNotEqual(self.policy.segment_map[4][0], champions.id)
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_segment_map", login="tiering_manager")
        self.policy.invalidate_recordset()
        self.assertEqual(self.policy.segment_map[4][0], champions.id)

    def test_tiering_table_with_export_and_pivot(self):
        self.start_tour("/odoo/customer-tiering", "customer_tiering_table", login="tiering_salesperson")

    def test_manager_simulates_and_applies(self):
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_simulation", login="tiering_manager")
        self.env.invalidate_all()
        self.assertEqual(self.policy.tier_ids.mapped("entry_floor"), [70, 60, 20, 0])
        self.assertEqual(self.policy.criterion_ids.mapped("weight"), [8, 1, 1])
        # Second: 75 whatever the weights; Poor: 25 × 8, 0, 25 by 10 is 22.5
        self.assertTiers({self.best: "Platinum", self.second: "Platinum", self.poor: "Silver", self.asked: False})
        self.assertFalse(self.env["customer.tiering.simulation"].search([]))

    def test_salesperson_reads_the_explanation_and_cannot_lock(self):
        self.start_tour("/odoo/customers", "customer_tiering_explained", login="tiering_salesperson")
        values = {"tier_id": self.policy.tier_ids[0].id, "reason": "Mine"}
        env = self.env(user=self.salesperson)
        with self.assertRaises(AccessError):
            env["customer.tiering.lock"].create([{**values, "partner_id": self.second.id}])
        with self.assertRaises(AccessError):
            env["customer.tiering.lock.wizard"].create(
                [{**values, "partner_ids": self.second.ids, "action": "fixed"}]
            ).action_apply()
        self._lock(self.second)
        with self.assertRaises(AccessError):
            self.second.with_env(env).action_tiering_unlock()

    def _lock(self, partner):
        return self.env["customer.tiering.lock"].create(
            [{"partner_id": partner.id, "tier_id": self.policy.tier_ids[0].id, "reason": "Agreed"}]
        )

    def test_manager_locks_one_and_many_and_puts_them_back(self):
        self.start_tour("/odoo/customers", "customer_tiering_lock", login="tiering_manager")
        self.assertTiers({self.second: "Gold", self.poor: "Bronze"})
        locks = self.env["customer.tiering.lock"].with_context(active_test=False).search([])
        self.assertEqual(
            sorted((lock.partner_id.name, lock.tier_id.name, lock.mode, lock.active) for lock in locks),
            [
                ("Poor", "Gold", "floor", False),
                ("Second", "Gold", "floor", False),
                ("Second", "Platinum", "floor", False),
            ],
        )
        self.assertEqual((locks.user_id, locks.ended_by_id), (self.manager, self.manager))

    def test_an_order_lifts_its_customer_at_once(self):
        order = self._order(self.poor, amount=600, state="draft")
        self.start_tour(
            f"/odoo/action-sale.action_quotations_with_onboarding/{order.id}",
            "customer_tiering_confirm",
            login="tiering_salesperson",
        )
        self.assertEqual((order.state, order.tiering_tier_id.name), ("sale", "Bronze"))
        self.assertTiers({self.poor: "Bronze"})  # nobody waited for it
        self.env.ref("customer_tiering.ir_cron_refresh").method_direct_trigger()
        # today → 100, 2 orders → 25, 700 = 7 average orders → 75: 66.67
        self.env.invalidate_all()
        self.assertTiers({self.poor: "Gold"})
        self.start_tour("/odoo/customers", "customer_tiering_upgraded", login="tiering_salesperson")

    def test_manager_accepts_advice(self):
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_advice", login="tiering_manager")
        line = self.env["customer.tiering.advisor.line"].search([("accepted", "=", True)])
        self.assertEqual(line.kind, "window")
        self.assertEqual(self.policy.window_days, line.values["window_days"])
        self.assertNotEqual(self.policy.window_days, 365)

    def test_manager_switches_to_conditions(self):
        platinum, _gold, silver, _bronze = self.policy.tier_ids
        self.policy.tier_ids = [Command.delete(platinum.id), Command.delete(silver.id)]
        with self.assertLogs("odoo.http", "WARNING"):  # how Odoo logs a message to the user
            self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_conditions", login="tiering_manager")
        self.env.invalidate_all()
        self.assertEqual(self.policy.method, "conditions")
        self.assertRecordValues(
            self.policy.condition_ids, [{"metric": "monetary", "operator": ">=", "value": 500, "keep_value": 400}]
        )
        self._run(as_of=self.company._get_tiering_today())
        self.assertTiers({self.best: "Gold", self.second: "Gold", self.poor: "Bronze"})
