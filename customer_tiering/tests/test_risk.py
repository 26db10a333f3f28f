from ast import literal_eval
from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.modules.module import load_script
from odoo.tests import freeze_time, new_test_user, tagged
from odoo.tools import file_path

from .common import AS_OF, TieringCommon

NOW = f"{AS_OF} 10:00:00"
COLUMNS = ("risk", "risk_rank", "expected_loss", "usual_gap_days", "purchase_days", "risk_signals")


class RiskCommon(TieringCommon):
    """Customers who are told by the days since their orders."""

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))


@tagged("post_install", "-at_install")
class TestRisk(RiskCommon):
    """From orders to the warning, its reason, and the list of customers at risk."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        mine = {"user_id": cls.salesperson.id, "is_company": True}
        # Every 21 days, 6 orders of 50 in the later half of the year and 3 of 200 in the earlier half.
        cls.halved = cls.buyer("Halved", *range(64, 170, 21), amount=50, **mine)
        for days_ago in (190, 211, 232):
            cls.order(cls.halved, days_ago, 200)
        cls.steady = cls.buyer("Steady", 10, 39, 68, **mine)  # every 29 days
        cls.once = cls.buyer("Once", 80, amount=200)
        cls.silent = cls.buyer("Silent", 100, 125, 150, **mine)  # every 25 days
        cls.silent.message_post(body="They called", message_type="comment").date = cls.noon(AS_OF, 95)
        cls.lost = cls.buyer("Lost", 300, amount=5000, **mine)
        cls.asked = cls.new_customer("Asked")
        cls.order(cls.asked, state="draft")
        cls.contact = cls.new_customer("Buyer", parent_id=cls.halved.id)
        cls.everybody = cls.halved | cls.steady | cls.once | cls.silent | cls.lost | cls.asked | cls.contact

    def _columns(self, partner):
        card = self.card(partner)
        return tuple(card[name] for name in COLUMNS)

    def test_the_columns_after_a_run(self):
        self.compute()
        # The typical gap is the median of 21, 29 and 25 days.
        for partner, expected in (
            # 64 / 21 = 3.05; 100 (1 - 0.7 x 21 / 64) = 77; 75 % of 900
            (self.halved, ("high", 75, 675, 21, 9, "late falling")),
            (self.steady, ("none", 0, 0, 29, 3, "")),
            (self.once, ("high", 70, 140, 25, 1, "late")),  # 80 / 25 = 3.2; 100 (1 - 25 / 80) = 69
            # 100 / 25 = 4, not more than 4; 100 (1 - 0.8 x 25 / 100) = 80
            (self.silent, ("high", 80, 240, 25, 3, "late silent")),
            (self.lost, ("lost", 100, 5000, 25, 1, "late")),  # all of it
            (self.asked, ("none", 0, 0, 0, 0, "")),
        ):
            self.assertEqual(self._columns(partner), expected, partner.name)

    def test_the_reason_in_words(self):
        self.compute()
        reasons = {partner.name: self.card(partner).risk_reason for partner in self.everybody - self.contact}
        self.assertEqual(
            reasons,
            {
                "Halved": "Usually orders every 21 days; the last order was 64 days ago. The amount has halved.",
                "Steady": "",
                "Once": "Customers like this order again after 25 days; the last order was 80 days ago.",
                "Silent": "Usually orders every 25 days; the last order was 100 days ago. No interaction for 95 days.",
                "Lost": "Customers like this order again after 25 days; the last order was 300 days ago.",
                "Asked": "",
            },
        )
        with freeze_time("2026-07-02 10:00:00"):
            self.env.invalidate_all()
            self.assertIn("the last order was 66 days ago.", self.card(self.halved).risk_reason)

    def test_the_reason_is_that_of_the_run(self):
        self.compute()
        reasons = {partner: self.card(partner).risk_reason for partner in self.everybody - self.contact}
        self.policy.write({"risk_watch": 2.4, "lifecycle_falling": 90, "risk_silent_days": 300})
        self.env.invalidate_all()
        self.assertEqual({partner: self.card(partner).risk_reason for partner in reasons}, reasons)
        self.compute()
        self.assertEqual(
            self.card(self.halved).risk_reason, "Usually orders every 21 days; the last order was 64 days ago."
        )
        self.assertEqual(
            self.card(self.silent).risk_reason, "Usually orders every 25 days; the last order was 100 days ago."
        )

    def test_a_high_risk_goes_before_a_faithful_customers_advice(self):
        self.compute()
        champions = self.env.ref("customer_tiering.customer_segment_champions")
        hibernating = self.env.ref("customer_tiering.customer_segment_hibernating")
        card = self.card(self.steady).sudo()
        call = "Call personally and find out what has changed, before anything else."
        for segment, risk, advice in (
            (champions, "none", champions.advice),
            (champions, "watch", champions.advice),
            (champions, "high", call),
            (champions, "lost", call),
            (hibernating, "lost", hibernating.advice),  # which says already what to do
        ):
            card.write({"segment_id": segment.id, "risk": risk})
            self.assertEqual(card.segment_advice, advice)

    def test_the_signals_are_for_no_screen(self):
        self.compute()
        self.assertEqual(self.card(self.silent).risk_signals, "late silent")
        self.assertEqual(self.card(self.steady).risk_signals, "")
        card = self.card(self.silent).with_user(self.salesperson)
        with self.assertRaises(AccessError):
            card.read(["risk_signals"])
        self.assertNotIn("risk_signals", card.fields_get())
        self.assertIn("No interaction", card.risk_reason)

    def test_the_fall_in_words(self):
        self.compute()
        card = self.card(self.steady)
        for growth, expected in (
            (-50, "The amount has halved."),
            (-66.7, "The amount has fallen by 67%."),  # a third is left
            (-99.9, "No order in the last 182 days."),  # a two thousandth: nothing, as people speak
            (-100, "No order in the last 182 days."),
        ):
            card.sudo().write({"risk": "watch", "risk_signals": "falling", "growth": growth})
            self.assertEqual(card.risk_reason, expected)
        # The late day says already that nothing was bought.
        card.sudo().write({"usual_gap_days": 3, "risk_signals": "late falling"})
        self.assertEqual(card.risk_reason, "Usually orders every 3 days; the last order was 10 days ago.")

    def test_a_day_is_no_plural(self):
        self.compute()
        for partner, expected in (
            (self.silent, "Usually orders every day; the last order was 100 days ago."),
            (self.once, "Customers like this order again after 1 day; the last order was 80 days ago."),
        ):
            self.card(partner).sudo().write({"usual_gap_days": 1, "risk_signals": "late"})
            self.assertEqual(self.card(partner).risk_reason, expected)

    def test_the_reason_is_in_the_explanation(self):
        self.compute()
        partner = self.contact.with_user(self.salesperson)
        reason = "Usually orders every 21 days; the last order was 64 days ago. The amount has halved."
        self.assertEqual(
            partner.tiering_explanation["risk"],
            {
                "level": "high",
                "label": "High",
                "rank": 75,
                "at_stake": True,
                "reason": reason,
                "sentence": f"Risk: High (75%). {reason}",
            },
        )
        self.assertIn(f"Risk: High (75%). {reason}", partner.tiering_explanation["text"])
        lost = self.lost.with_user(self.salesperson).tiering_explanation["risk"]
        self.assertEqual(lost["sentence"], f"Risk: Very High. {lost['reason']}")  # always 100 %
        self.assertFalse(self.steady.tiering_explanation["risk"])

    def test_the_update_tells_the_signals_of_risks_that_are_there(self):
        day = AS_OF + timedelta(days=40)
        self.compute(day)
        cards = self.env["customer.tiering.scorecard"].search([("partner_id", "in", self.everybody.ids)])
        expected = {card.partner_id.name: card.risk_signals for card in cards}
        self.assertEqual(set(expected.values()), {"", "late", "late falling", "late silent"})
        self.env.flush_all()
        self.env.cr.execute("UPDATE customer_tiering_scorecard SET risk_signals = NULL")
        path = file_path("customer_tiering/migrations/19.0.1.6.0/post-10-risk.py")
        load_script(path, "post_risk").migrate(self.env.cr, "19.0.1.5.0")
        self.env.invalidate_all()
        self.assertEqual({card.partner_id.name: card.risk_signals or "" for card in cards}, expected)

    def test_the_update_takes_the_full_stop_after_the_reason_from_playbooks(self):
        playbook = self.env["customer.tiering.playbook"].create(
            {
                "name": "Call",
                "policy_id": self.policy.id,
                "trigger": "risk",
                "step_ids": [
                    Command.create(
                        {"summary": "Why: {{ reason }}.", "note": "<p>{{ reason }}. Call {{ customer }}.</p>"}
                    )
                ],
            }
        )
        self.env.flush_all()
        path = file_path("customer_tiering/migrations/19.0.1.6.0/post-10-risk.py")
        load_script(path, "post_risk").migrate(self.env.cr, "19.0.1.5.0")
        self.env.invalidate_all()
        step = playbook.step_ids
        self.assertEqual(
            (step.summary, str(step.note)), ("Why: {{ reason }}", "<p>{{ reason }} Call {{ customer }}.</p>")
        )

    def test_a_refresh_finds_what_the_run_finds(self):
        self.compute()
        expected = {partner: self._columns(partner) for partner in self.everybody - self.contact}
        for partner in expected:
            self.card(partner).sudo().write(
                {"risk": "none", "risk_rank": 1, "expected_loss": 1, "purchase_days": 1, "risk_signals": "falling"}
            )
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(self.everybody, self.company, "instant")
        refresh._process(self.company)
        self.env.invalidate_all()
        self.assertEqual({partner: self._columns(partner) for partner in expected}, expected)

    def test_a_second_run_writes_nothing(self):
        self.compute()
        self.assertEqual(self.compute().written_count, 0)

    def test_an_order_calls_the_warning_off(self):
        self.compute()
        self.order(self.halved, 0)
        self.compute()
        self.assertEqual(self.card(self.halved).risk, "none")
        self.assertFalse(self.halved.tiering_risk_reason)

    # ------------------------------------------------------------------
    # On the customers
    # ------------------------------------------------------------------

    def _listed(self, *conditions, user=None):
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_risk_action")
        partners = self.env["res.partner"].with_user(user or self.salesperson)
        order = "tiering_expected_loss desc, tiering_amount desc, id"  # as in the view
        domain = [("id", "in", self.everybody.ids), *literal_eval(action["domain"]), *conditions]
        return partners.search(domain, order=order).mapped("name")

    def test_the_list_has_customers_at_risk_and_no_contacts(self):
        self.compute()
        self.assertEqual(self._listed(), ["Lost", "Halved", "Silent", "Once"])  # 5000, 675, 240, 140
        self.assertEqual(self._listed(("tiering_risk", "in", ["watch", "high"])), ["Halved", "Silent", "Once"])
        self.assertEqual(self._listed(("user_id", "=", self.salesperson.id)), ["Lost", "Halved", "Silent"])
        view = self.env.ref("customer_tiering.customer_tiering_risk_view_list")
        self.assertIn('default_order="tiering_expected_loss desc, tiering_amount desc, id"', view.arch)

    def test_contacts_show_the_risk_of_their_company(self):
        self.compute()
        contact = self.contact.with_user(self.salesperson)
        self.assertEqual((contact.tiering_risk, contact.tiering_risk_rank), ("high", 75))
        self.assertEqual((contact.tiering_expected_loss, contact.tiering_currency_id), (675, self.company.currency_id))

    def test_customers_are_grouped_by_risk(self):
        self.compute()
        partners = self.env["res.partner"].with_user(self.salesperson)
        groups = partners._read_group(
            [("id", "in", (self.everybody - self.contact).ids)], ["tiering_risk"], ["__count"], order="tiering_risk"
        )
        self.assertEqual(groups, [("high", 3), ("lost", 1), ("none", 2)])

    def test_each_company_has_its_own_warning(self):
        self.compute()
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.salesperson.company_ids |= other
        self.order(self.halved, 5, company_id=other.id)
        self.compute(policy=other.tiering_policy_ids)
        partner = self.halved.with_user(self.salesperson)
        self.assertEqual(partner.with_context(allowed_company_ids=self.company.ids).tiering_risk, "high")
        self.assertEqual(partner.with_context(allowed_company_ids=other.ids).tiering_risk, "none")
        both = partner.with_context(allowed_company_ids=[other.id, self.company.id])
        self.assertFalse(both.search([("id", "=", partner.id), ("tiering_risk", "=", "high")]))

    def test_only_salespeople_see_it(self):
        self.compute()
        employee = new_test_user(
            self.env,
            "tiering_employee",
            groups="base.group_user",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        for name in ("tiering_risk", "tiering_risk_rank", "tiering_expected_loss", "tiering_risk_reason"):
            with self.assertRaises(AccessError):
                self.halved.with_user(employee).read([name])
        self.assertEqual(self._listed(user=employee), [])

    # ------------------------------------------------------------------
    # What to do about it
    # ------------------------------------------------------------------

    def _follow(self, action, values=None):
        """Return the record that the salesperson's dialog or form begins with."""
        model = self.env(user=self.salesperson)[action["res_model"]]
        return model.with_context(**action["context"]).create([values or {}])

    def test_a_planned_call_is_an_activity_on_the_customer(self):
        self.compute()
        partner = self.halved.with_user(self.salesperson)
        action = partner.action_tiering_plan_call()
        schedule = self._follow(action)
        schedule.action_schedule_activities()
        activity = partner.activity_ids
        self.assertEqual(activity.activity_type_id, self.env.ref("mail.mail_activity_data_call"))
        self.assertEqual((activity.user_id, activity.summary), (self.salesperson, "Customer at risk"))
        self.assertIn("the last order was 64 days ago.", activity.note)

    def test_salespeople_follow_up_on_customers_and_change_nothing(self):
        self.compute()
        # Odoo's CRM lets salespeople change contacts, Sales alone does not.
        of_crm = self.env["ir.model.access"].search(
            [
                ("model_id.model", "=", "res.partner"),
                ("group_id", "=", self.env.ref("sales_team.group_sale_salesman").id),
            ]
        )
        of_crm.perm_write = False
        stranger = self.new_customer("Stranger")
        employee = new_test_user(self.env, "tiering_employee", groups="base.group_user", company_id=self.company.id)
        self.assertFalse(self.salesperson.has_group("base.group_partner_manager"))
        self.contact.with_user(self.salesperson).message_post(body="Hello")
        for partner, user in ((stranger, self.salesperson), (self.halved, employee)):
            with self.assertRaises(AccessError):
                partner.with_user(user).message_post(body="Hello")
            with self.assertRaises(AccessError):
                partner.with_user(user).activity_schedule("mail.mail_activity_data_call", user_id=user.id)
        with self.assertRaises(AccessError):
            self.halved.with_user(self.salesperson).name = "Mine"

    def test_a_planned_call_is_done(self):
        self.compute()
        partner = self.halved.with_user(self.salesperson)
        activity = partner.activity_schedule("mail.mail_activity_data_call", user_id=self.salesperson.id)
        activity.action_feedback(feedback="They need nothing now")
        self.assertFalse(activity.active)
        self.assertIn("They need nothing now", partner.message_ids[0].body)

    def test_calls_are_planned_for_many(self):
        self.compute()
        partners = (self.halved | self.silent).with_user(self.salesperson)
        action = partners.action_tiering_plan_call()
        schedule = self._follow(action)
        schedule.action_schedule_activities()
        self.assertEqual(sorted(partners.activity_ids.mapped("res_id")), sorted(partners.ids))
        # Each with its own reason, as the single call
        for partner, reason in ((self.halved, "The amount has halved."), (self.silent, "No interaction for 95 days.")):
            self.assertEqual(partner.activity_ids.summary, "Customer at risk")
            self.assertIn(reason, partner.activity_ids.note)
        # What the person writes stays, and who is no risk has no reason.
        partners = (self.halved | self.steady).with_user(self.salesperson)
        partners.sudo().activity_ids.unlink()
        schedule = self._follow(partners.action_tiering_plan_call(), {"summary": "The fair", "note": "<p>In May</p>"})
        schedule.action_schedule_activities()
        self.assertEqual(partners.activity_ids.mapped("summary"), ["The fair", "The fair"])
        self.assertIn("The amount has halved.</p><p>In May", self.halved.activity_ids.note)
        self.assertEqual(self.steady.activity_ids.note, "<p>In May</p>")
        with self.assertRaisesRegex(UserError, "at most 500 customers"):
            self.env["res.partner"].browse(range(1, 502)).action_tiering_plan_call()

    def test_the_list_says_who_was_contacted_today(self):
        self.compute()
        with freeze_time("2026-06-30 22:30:00"):
            self.env.invalidate_all()
            partners = (self.halved | self.silent | self.once | self.contact).with_user(self.salesperson)
            self.assertEqual(set(partners.mapped("tiering_today")), {False})
            called = partners[0].activity_schedule("mail.mail_activity_data_call", user_id=self.salesperson.id)
            self.assertFalse(self.halved.with_user(self.salesperson).tiering_today)
            called.action_feedback(feedback="They need nothing now")
            self.silent.with_user(self.salesperson).message_post(body="Hello", message_type="comment")
            self.once.message_post(body="Moved to Gold", message_type="notification")  # nobody wrote it
            self.env.invalidate_all()
            self.assertEqual(
                partners.mapped("tiering_today"), ["Contacted today", "Contacted today", False, "Contacted today"]
            )
            self.company.partner_id.tz = "Europe/Brussels"  # where it is half past midnight
            self.env.invalidate_all()
            self.assertTrue(partners[1].tiering_today)
        with freeze_time("2026-07-01 22:30:00"):
            self.env.invalidate_all()
            self.assertEqual(set(partners.mapped("tiering_today")), {False})

    def test_a_message_begins_with_a_template(self):
        self.compute()
        composer = self._follow(self.halved.with_user(self.salesperson).action_tiering_write())
        self.assertEqual(composer.subject, "Tiering Company: how are things going?")
        self.assertIn("Hello Halved,", composer.body)
        address = self.new_customer(False, parent_id=self.halved.id, type="invoice")
        self.assertEqual(address._get_tiering_greeting(), "Hello Halved, Invoice,")
        self.env.ref("customer_tiering.mail_template_customer").unlink()
        self.assertNotIn("default_template_id", self.halved.action_tiering_write()["context"])

    def test_a_message_and_a_quotation_are_for_the_customer(self):
        self.compute()
        partner = self.halved.with_user(self.salesperson)
        partner.sudo().email = "halved@example.com"
        action = partner.action_tiering_write()
        composer = self._follow(action, {"subject": "Hello", "body": "How are you?"})
        composer.action_send_mail()
        self.assertIn("How are you?", partner.message_ids[0].body)
        self.assertEqual(partner.message_ids[0].partner_ids, self.halved)
        action = partner.action_tiering_new_quotation()
        order = self._follow(action)
        self.assertEqual((order.partner_id, order.state), (self.halved, "draft"))

    # ------------------------------------------------------------------
    # The numbers of the policy
    # ------------------------------------------------------------------

    def test_the_numbers_are_the_policys(self):
        self.policy.write({"risk_watch": 1.1, "risk_high": 3.9, "risk_silent_days": 99, "lifecycle_falling": 51})
        self.compute()
        self.assertEqual([self.card(partner).risk for partner in (self.halved, self.silent)], ["watch", "high"])
        self.assertEqual(self.card(self.once).risk, "watch")
        self.policy.write({"risk_high": 3.1})
        self.compute()
        self.assertEqual([self.card(partner).risk for partner in (self.halved, self.once)], ["watch", "high"])

    def test_impossible_numbers_are_refused_in_words(self):
        for values in (
            {"risk_watch": 0.9},
            {"risk_watch": 2.5},
            {"risk_high": 4.5},
            {"risk_watch": -2, "risk_high": -1},
        ):
            with self.subTest(values=values):
                self.assertRefused("must grow with the days", values)
        self.assertRefused("needs at least 1 day", {"risk_silent_days": 0})
        self.policy.write({"risk_watch": 1, "risk_high": 4})  # High until Lost

    def test_the_numbers_are_part_of_the_version(self):
        self.compute()
        first = self.policy._get_version()
        self.assertIn("watch after 1.5 usual gaps, high after 2.5, silence after 90 days", first.summary)
        self.policy.risk_watch = 1.25
        second = self.policy._get_version()
        self.assertNotEqual(first, second)
        self.assertEqual(second._get_rules().risk.watch_lateness, 1.25)
        # A version from before there was a warning
        values = first.rules
        del values["rules"]["risk"]
        first.rules = values
        self.assertNotIn("watch after", first.summary)
        self.assertEqual(first._get_rules().risk.watch_lateness, 1.5)


@tagged("post_install", "-at_install")
class TestBacktest(RiskCommon):
    """Flag customers as of 30 days ago, and look at which of them have ordered since."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Every 10 days; 30 days ago, the last order was … days ago
        cls.buyer("Late and gone", 50, 60, 70)  # 20 days: Watch, rightly
        cls.buyer("Late and back", 10, 50, 60, 70, amount=300)  # 20 days: Watch, a false alarm
        cls.buyer("Well and gone", 35, 45, 55)  # 5 days: not flagged, but stopped
        cls.buyer("Well", 5, 31, 41, 51)
        cls.buyer("Lost", 200, 210, 220)  # 170 days: no warning any more
        cls.buyer("New", 3)  # was no customer yet
        cls.asked = cls.new_customer("Asked")
        cls.order(cls.asked, 40, state="draft")

    def _test(self, days=30, **values):
        test = self.env["customer.tiering.backtest"].with_user(self.manager)
        test = test.create([{"policy_id": self.policy.id, "days": days, **values}])
        action = test.action_test()
        self.assertEqual((action["res_id"], action["target"]), (test.id, "new"))
        return test

    def _rates(self, test, rule):
        return tuple(test[f"{rule}_{name}"] for name in ("stopped", "precision", "recall", "lift", "money"))

    def test_a_warning_is_judged_by_what_happened(self):
        test = self._test()
        self.assertEqual((test.customer_count, test.warned_count, test.stopped_count), (4, 2, 2))
        self.assertEqual(test.base_rate, 0.5)
        # One of two is right, one of two is found: no better than chance. 300 of 600 of their money.
        self.assertEqual(self._rates(test, "warning"), (1, 0.5, 0.5, 1, 0.5))
        self.assertEqual(self._rates(test, "naive"), (1, 0.5, 0.5, 1, 0.5))  # the same two have waited longest
        self.assertIn("would have flagged 2 of 4 customers. 1 of them (50%) have bought nothing", test.verdict)
        self.assertIn("The plain rule does as well", test.verdict)
        self.assertIn("no better than chance", test.verdict)

    def test_a_worse_warning_is_called_worse(self):
        self.buyer("Slow and gone", 55, 95, 135)  # every 40 days, 25 days ago: well, but stopped
        test = self._test()
        self.assertEqual(self._rates(test, "warning"), (1, 0.5, 0.333, 0.83, 0.333))  # of three, 0.6 of five
        # The slow one, and one of two with 20 days by lot: 1.5 of 2
        self.assertEqual(self._rates(test, "naive"), (1.5, 0.75, 0.5, 1.25, 0.5))
        self.assertIn("The plain rule does better here", test.verdict)
        self.assertIn("no better than chance", test.verdict)

    def test_a_better_warning_is_called_better(self):
        self.buyer("Slow and well", 15, 55, 95, 135)  # 25 days: well, and still there
        test = self._test()
        self.assertEqual(self._rates(test, "warning"), (1, 0.5, 0.5, 1.25, 0.5))  # 0.4 of five
        self.assertEqual(self._rates(test, "naive"), (0.5, 0.25, 0.25, 0.63, 0.25))
        self.assertIn("The warning does better than the plain rule", test.verdict)
        self.assertNotIn("no better than chance", test.verdict)

    def test_the_lost_count_when_asked_for(self):
        test = self._test(with_lost=True)
        self.assertEqual((test.customer_count, test.warned_count, test.stopped_count), (5, 3, 3))
        self.assertEqual(self._rates(test, "warning")[:2], (2, 0.667))

    def test_high_only(self):
        test = self._test(level="high")
        self.assertEqual((test.customer_count, test.warned_count), (4, 0))
        self.assertIn("nobody would have been flagged", test.verdict)
        self.assertFalse(test.is_judged)

    def test_nothing_to_judge(self):
        test = self._test(days=3000)
        self.assertEqual((test.customer_count, test.is_judged), (0, False))
        self.assertIn("there is nothing to judge. Choose fewer days.", test.verdict)

    def test_all_came_back(self):
        self.policy.partner_domain = "[('name', '=', 'Late and back')]"
        test = self._test()
        self.assertEqual((test.customer_count, test.stopped_count, test.is_judged), (1, 0, False))
        self.assertIn("all have ordered in the 30 days since 05/31/2026, also the 1 whom", test.verdict)

    def test_it_is_the_policys_population_and_company(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.order(self.new_customer("Elsewhere"), 50, company_id=other.id)
        self.assertEqual(self._test().customer_count, 4)

    def test_the_button_begins_with_half_the_window(self):
        action = self.policy.with_user(self.manager).action_test_warning()
        test = self.env["customer.tiering.backtest"].browse(action["res_id"])
        self.assertEqual((test.days, test.policy_id), (182, self.policy))
        self.assertTrue(test.verdict)

    def test_nothing_is_written(self):
        self._test()
        self.assertFalse(self.env["customer.tiering.scorecard"].search([("policy_id", "=", self.policy.id)]))
        self.assertFalse(self.policy.run_ids)

    def test_managers_only(self):
        with self.assertRaises(AccessError):
            self.policy.with_user(self.salesperson).action_test_warning()
        test = self._test()
        with self.assertRaises(AccessError):
            test.with_user(self.salesperson).read(["verdict"])
        other = self.env["res.company"].create({"name": "Other Company"})
        with self.assertRaises(AccessError):
            self._test(policy_id=other.tiering_policy_ids.id)

    def test_a_policy_that_cannot_be_read_is_refused_in_words(self):
        self.policy.flush_recordset()
        self.env.cr.execute(
            "UPDATE customer_tiering_policy SET partner_domain = %s WHERE id = %s",
            ["[('gone', '=', 1)]", self.policy.id],
        )
        self.policy.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "cannot be read any more"):
            self._test()

    def test_days_are_counted_in_the_companys_time_zone(self):
        self.company.partner_id.tz = "Pacific/Kiritimati"  # 14 hours ahead: already 1 July
        self.assertEqual(self._test()._get_day(), AS_OF + timedelta(days=1) - timedelta(days=30))
