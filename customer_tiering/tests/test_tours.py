from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, freeze_time, tagged

from ..models import customer_tiering_replay
from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestTours(TieringCommon, HttpCase):
    """People at work in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.settings_manager = cls.new_user("tiering_settings", "base.group_system,sales_team.group_sale_manager")
        cls.salesperson.group_ids |= cls.env.ref("base.group_allow_export")
        cls.best, cls.second, cls.poor, cls.asked = (
            cls.new_customer(name, is_company=True, customer_rank=1) for name in ("Best", "Second", "Poor", "Asked")
        )
        today = cls.company._get_tiering_today()
        # Fixed bands, median order 100 (19 orders, 1900 in all):
        # Best: today, 12 orders, 1200 → 100 points each: Platinum.
        # Second: 40 days → 75, 6 orders → 75, 600 = 6 median orders → 75: score 75, Gold.
        # Poor: 300 days → 25, one order → 0, one median order → 25: score 16.67, Bronze.
        for partner, days in (
            (cls.best, range(12)),
            (cls.second, range(40, 46)),
            (cls.poor, (300,)),
        ):
            for days_ago in days:
                cls.order(partner, amount=100, when=cls.noon(today, days_ago))
        cls.order(cls.asked, state="draft")
        cls.compute(today)

    def test_the_expected_tiers(self):
        self.assertTiers({self.best: "Platinum", self.second: "Gold", self.poor: "Bronze", self.asked: False})

    def test_salesperson_filters_opens_a_customer_and_sees_why(self):
        self.start_tour("/odoo/customers", "customer_tiering_salesperson", login="tiering_salesperson")

    def test_salesperson_groups_by_tier(self):
        self.start_tour("/odoo/customers", "customer_tiering_group_by_tier", login="tiering_salesperson")

    def test_salesperson_sees_tiers_on_orders(self):
        self.start_tour("/odoo/orders", "customer_tiering_everywhere", login="tiering_salesperson")

    def test_salesperson_looks_back_at_a_customer(self):
        for size in ("1366x768", "390x844"):
            with self.subTest(size=size):
                self.browser_size = size
                url = f"/odoo/customers/{self.best.id}"
                self.start_tour(url, "customer_tiering_timeline", login="tiering_salesperson")

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

    def test_manager_goes_from_the_map_to_calls(self):
        self.start_tour("/odoo/customer-tiering-map", "customer_tiering_map", login="tiering_manager")
        calls = self.env["mail.activity"].search([("res_model", "=", "res.partner"), ("res_id", "=", self.best.id)])
        self.assertEqual(calls.user_id, self.manager)
        self.assertFalse(self.second.activity_ids)

    def test_manager_opens_a_cohort(self):
        self.start_tour("/odoo/customer-tiering-cohorts", "customer_tiering_cohorts", login="tiering_manager")

    def test_manager_simulates_and_applies(self):
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_simulation", login="tiering_manager")
        self.env.invalidate_all()
        self.assertEqual(self.policy.tier_ids.mapped("entry_floor"), [70, 60, 20, 0])
        self.assertEqual(self.policy.criterion_ids.mapped("weight"), [8, 1, 1])
        # Second: 75 whatever the weights; Poor: 25 × 8, 0, 25 by 10 is 22.5
        self.assertTiers({self.best: "Platinum", self.second: "Platinum", self.poor: "Silver", self.asked: False})
        self.assertFalse(self.env["customer.tiering.simulation"].search([]))

    def test_administrator_adds_a_metric_and_the_salesperson_reads_its_line(self):
        self.env["ir.model.fields"].create(
            {
                "name": "x_trucks",
                "field_description": "Trucks",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "ttype": "integer",
            }
        )
        self.reset_registry()
        self.best.x_trucks, self.second.x_trucks, self.poor.x_trucks = 2, 9, 40
        self.start_tour("/odoo/customer-tiering-metrics", "customer_tiering_metric_add", login="tiering_settings")
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_metric_simulate", login="tiering_manager")
        self.env.invalidate_all()
        # Limits 1, 3, 6 and 12 trucks: 25, 75 and 100 points, six times; recency, orders and money as above
        scores = [self.card(who).score for who in (self.best, self.second, self.poor)]
        self.assertEqual(scores, [50, 75, 72.22])  # (3 x 100 + 6 x 25) / 9, 75, (25 + 0 + 25 + 6 x 100) / 9
        self.assertTiers({self.best: "Silver", self.second: "Gold", self.poor: "Gold"})
        self.start_tour("/odoo/customers", "customer_tiering_metric_explained", login="tiering_salesperson")

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

    def test_salesperson_goes_through_the_explanations(self):
        self.new_customer("Buyer", parent_id=self.best.id, customer_rank=1)  # “Best, Buyer”, so behind Best
        self.new_customer("Zero", customer_rank=1)
        self.start_tour(
            "/odoo/customers", "customer_tiering_explained_one_after_the_other", login="tiering_salesperson"
        )

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

    def test_manager_reassigns_customers_and_undoes_it(self):
        (self.best | self.second | self.poor).user_id = self.salesperson
        self.start_tour("/odoo/customer-tiering-portfolios", "customer_tiering_reassign", login="tiering_manager")
        reassignment = self.env["customer.tiering.reassignment"].search([])
        self.assertEqual((reassignment.state, reassignment.line_ids.partner_id), ("undone", self.best | self.second))
        self.assertEqual((self.best | self.second | self.poor).user_id, self.salesperson)

    def test_manager_reassigns_selected_customers(self):
        self.start_tour("/odoo/customers", "customer_tiering_reassign_selected", login="tiering_manager")
        self.env.invalidate_all()
        self.assertEqual((self.second | self.poor).user_id, self.manager)
        self.assertFalse(self.best.user_id)

    def test_an_order_lifts_its_customer_at_once(self):
        order = self.order(self.poor, amount=600, state="draft")
        self.start_tour(
            f"/odoo/action-sale.action_quotations_with_onboarding/{order.id}",
            "customer_tiering_confirm",
            login="tiering_salesperson",
        )
        self.assertEqual((order.state, order.tiering_tier_id.name), ("sale", "Bronze"))
        self.assertTiers({self.poor: "Bronze"})  # nobody waited for it
        self.env.ref("customer_tiering.ir_cron_refresh").method_direct_trigger()
        # today → 100, 2 orders → 25, 700 = 7 median orders → 75: 66.67
        self.env.invalidate_all()
        self.assertTiers({self.poor: "Gold"})
        self.start_tour("/odoo/customers", "customer_tiering_upgraded", login="tiering_salesperson")

    def test_a_quotation_grows_until_it_reaches_the_tier_that_it_promises(self):
        # One disc: today → 100, 2 orders → 25, 200 = 2 median orders → 50: 58.33. Six: see above.
        self.product.list_price = 100
        order = self.order(self.poor, amount=100, state="draft")
        self.start_tour(
            f"/odoo/action-sale.action_quotations_with_onboarding/{order.id}",
            "customer_tiering_draft",
            login="tiering_salesperson",
        )
        self.assertEqual((order.state, order.amount_untaxed), ("sale", 600))
        self.env.ref("customer_tiering.ir_cron_refresh").method_direct_trigger()
        self.env.invalidate_all()
        self.assertTiers({self.poor: "Gold"})

    def test_a_day_from_the_list_to_the_order_that_reaches_the_tier_it_promised(self):
        (self.best | self.second | self.poor).user_id = self.salesperson
        self.product.list_price = 100
        today = self.company._get_tiering_today()
        order = self.order(
            self.poor, 0, state="draft", validity_date=today + timedelta(days=2), user_id=self.salesperson.id
        )
        call = "mail.mail_activity_data_call"
        for who, summary in ((self.second, "Ask about the new catalogue"), (self.best, "Say hello")):
            who.activity_schedule(call, today, summary=summary, user_id=self.salesperson.id)
        self.start_tour("/odoo", "customer_tiering_day", login="tiering_salesperson")
        self.assertEqual((order.state, order.amount_untaxed), ("sale", 600))
        self.assertFalse((self.best | self.second).activity_ids)
        answers = self.env["customer.tiering.occasion"].search([("state", "!=", "open")])
        self.assertEqual(
            {(row.partner_id, row.state, row.reason) for row in answers},
            {(self.second, "done", False), (self.best, "not_useful", "Is on holiday")},
        )
        self.env.ref("customer_tiering.ir_cron_refresh").method_direct_trigger()
        self.env.invalidate_all()
        self.assertTiers({self.poor: "Gold"})

    def test_salesperson_works_the_customers_at_risk(self):
        today = self.company._get_tiering_today()
        mine = {"user_id": self.salesperson.id, "is_company": True}
        late, slow, foreign, gone = (
            self.new_customer(name, **values)
            for name, values in (
                ("Late Ltd", mine),
                ("Slow Ltd", mine),
                ("Foreign Ltd", {"user_id": self.manager.id}),
                ("Gone Ltd", mine),
            )
        )
        self.new_customer("Buyer", parent_id=late.id, user_id=self.salesperson.id)
        self.best.user_id = self.salesperson
        # Every 10 days: 3 times late, 2 times (and less to lose), 3 times with a colleague, 20 times
        for partner, last, amount in ((late, 30, 100), (slow, 20, 10), (foreign, 30, 100), (gone, 200, 500)):
            for days_ago in (last, last + 10, last + 20):
                self.order(partner, amount=amount, when=self.noon(today, days_ago))
        self.compute(today)
        self.start_tour("/odoo/customers-at-risk", "customer_tiering_risk", login="tiering_salesperson")
        activities = (late | slow).activity_ids
        self.assertEqual(
            sorted((activity.res_name, activity.user_id, activity.activity_category) for activity in activities),
            [
                ("Late Ltd", self.salesperson, "phonecall"),
                ("Late Ltd", self.salesperson, "phonecall"),
                ("Slow Ltd", self.salesperson, "phonecall"),
            ],
        )

    def test_manager_tests_the_warning(self):
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_backtest", login="tiering_manager")

    def test_manager_accepts_advice(self):
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_advice", login="tiering_manager")
        line = self.env["customer.tiering.advisor.line"].search([("accepted", "=", True)])
        self.assertEqual(line.kind, "window")
        self.assertEqual(self.policy.window_days, line.values["window_days"])
        self.assertNotEqual(self.policy.window_days, 365)

    def test_manager_replays_a_policy_on_a_desk_and_on_a_phone(self):
        for size in ("1366x768", "390x844"):
            with self.subTest(size=size):
                self.browser_size = size
                url = f"/odoo/customer-tiering-policies/{self.policy.id}"
                with patch.object(customer_tiering_replay, "NIGHTS", 5):  # a busy machine takes long for more
                    self.start_tour(url, "customer_tiering_calm", login="tiering_manager")

    def test_manager_accepts_a_protection(self):
        url = f"/odoo/customer-tiering-policies/{self.policy.id}"
        with patch.object(customer_tiering_replay, "NIGHTS", 5):
            self.start_tour(url, "customer_tiering_protection", login="tiering_manager")
        self.env.invalidate_all()
        self.assertEqual(set(self.policy.tier_ids.mapped("grace_days")), {14})
        self.assertEqual(len(set(self.policy.tier_ids.mapped("keep_margin"))), 1)
        self.assertTrue(self.policy.tier_ids[0].keep_margin)

    def test_manager_switches_to_conditions(self):
        platinum, _gold, silver, _bronze = self.policy.tier_ids
        self.policy.tier_ids = [Command.delete(platinum.id), Command.delete(silver.id)]
        with self.assertLogs("odoo.http", "WARNING"):  # how Odoo logs a message to the user
            self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_conditions", login="tiering_manager")
        self.env.invalidate_all()
        self.assertEqual(self.policy.method, "conditions")
        self.assertRecordValues(
            self.policy.condition_ids,
            [{"metric_id": self.metric("monetary"), "operator": ">=", "value": 500, "keep_value": 400}],
        )
        self.compute(self.company._get_tiering_today())
        self.assertTiers({self.best: "Gold", self.second: "Gold", self.poor: "Bronze"})

    def _followup(self, partner, due, done=None):
        """A follow-up of the first playbook for the salesperson, of ``due`` days from now, done in ``done`` days."""
        today = self.company._get_tiering_today()
        playbook = self.env["customer.tiering.playbook"].search([("company_id", "=", self.company.id)], limit=1)
        activity = partner.activity_schedule(
            "mail.mail_activity_data_call",
            date_deadline=today + timedelta(days=due),
            summary="Say hello",
            user_id=self.salesperson.id,
        )
        self.env["customer.tiering.followup"].create(
            {
                "playbook_id": playbook.id,
                "partner_id": partner.id,
                "company_id": self.company.id,
                "event": f"test:{partner.id}",
                "action": "1",
                "date": today,
                "state": "open",
                "user_id": self.salesperson.id,
                "activity_id": activity.id,
                "planned_on": today,
                "date_deadline": activity.date_deadline,
            }
        )
        if done is not None:
            with freeze_time(today + timedelta(days=done)):
                activity.action_feedback()
                self.env.flush_all()

    def test_salesperson_works_with_my_customers(self):
        (self.best | self.second | self.poor).user_id = self.salesperson
        self.second.write({"phone": "+1 555 1234", "email": "second@example.com"})
        self._followup(self.second, due=-1)
        self._followup(self.best, due=3)
        today = self.company._get_tiering_today()
        self.card(self.second).write(
            {"pending_tier_id": self.policy.tier_ids[2].id, "pending_date": today + timedelta(days=9)}
        )
        self.start_tour("/odoo", "customer_tiering_my_customers", login="tiering_salesperson")

    def test_salesperson_works_in_another_language(self):
        self.best.user_id = self.second.user_id = self.salesperson
        for lang, name in (("zh_CN", "张伟"), ("de_DE", "Müller")):
            with self.subTest(lang=lang):
                self.env["res.lang"]._activate_lang(lang)
                modules = ["base", "web", "contacts", "sale", "customer_tiering"]
                self.env["ir.module.module"]._load_module_terms(modules, [lang])
                self.salesperson.lang = lang
                self.best.name = name
                self.start_tour("/odoo/customers", f"customer_tiering_salesperson_{lang}", login="tiering_salesperson")

    def test_salesperson_without_customers_is_told_what_to_do(self):
        self.start_tour("/odoo/my-customers", "customer_tiering_no_customers", login="tiering_salesperson")

    def test_manager_sees_who_follows_up(self):
        self._followup(self.best, due=-2, done=-4)
        self._followup(self.poor, due=-5, done=-1)
        self._followup(self.second, due=-1)
        self.start_tour("/odoo", "customer_tiering_compliance", login="tiering_manager")

    def test_manager_creates_a_playbook_and_sees_what_becomes_of_it(self):
        self.start_tour("/odoo", "customer_tiering_playbook", login="tiering_manager")
        playbook = self.env["customer.tiering.playbook"].search([("name", "=", "Ring them up")])
        self.assertTrue(playbook.enabled)
        self.assertFalse(self.second.activity_ids)
        self.env.ref("customer_tiering.ir_cron_followup").method_direct_trigger()
        self.env.invalidate_all()
        activity = self.env["customer.tiering.followup"].search([("playbook_id", "=", playbook.id)]).activity_id
        self.assertRecordValues(
            activity,
            [{"res_name": "Second", "user_id": self.salesperson.id, "summary": "Ask Second what's new"}],
        )
        activity.with_user(self.salesperson).action_feedback(feedback="All well")
        self.start_tour("/odoo", "customer_tiering_playbook_compliance", login="tiering_manager")

    def test_a_manager_looks_who_brings_a_profit(self):
        self.product.standard_price = 60
        keys = ("net_profit", "margin")
        self.policy.shown_metric_ids = self.env["customer.tiering.metric"].search([("key", "in", keys)])
        self.env["customer.tiering.cost"].search([("key", "=", "order")]).rate = 15
        good, bad = self.new_customer("Good"), self.new_customer("Bad")
        for customer, price, quantity in ((good, 100, 3), (bad, 70, 1), (bad, 70, 1)):
            line = {"product_id": self.product.id, "product_uom_qty": quantity, "price_unit": price, "tax_ids": False}
            self.order(customer, 10, order_line=[Command.create(line)])
        self.compute()
        self.start_tour("/odoo/customer-tiering-profit", "customer_tiering_profit", login="tiering_manager")
