from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .common import AS_OF, TieringCommon


class OccasionCommon(TieringCommon):
    """Today is AS_OF; Ann and Ben are customers of the salesperson."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time("2026-06-30 10:00:00"))
        mine = {"user_id": cls.salesperson.id}
        cls.ann, cls.ben = cls.new_customer("Ann", **mine), cls.new_customer("Ben", **mine)
        cls.other = cls.new_customer("Other", user_id=cls.manager.id)
        for partner, amount in ((cls.ann, 100), (cls.ben, 50), (cls.other, 80)):
            for days in (20, 50):
                cls.order(partner, days, amount, user_id=cls.salesperson.id)
        cls.policy.look_for_gaps = cls.policy.foresees_falls = True
        cls.compute()
        cls.call = cls.env.ref("mail.mail_activity_data_call")
        cls.call.tiering_minutes = 20
        # What the forecast says of them is given, not computed.
        cls.cards = cls.card(cls.ann) | cls.card(cls.ben) | cls.card(cls.other)
        cls.cards.write({"order_percent": False, "next_order_date": False, "risk": "none", "expected_loss": 0})

    def renew(self, user=None, companies=None):
        """Open the list as ``user``; return its open rows in order."""
        env = self.env(user=user or self.salesperson, context={"allowed_company_ids": (companies or self.company).ids})
        env["customer.tiering.occasion"].action_open_day()
        self.env.invalidate_all()
        return env["customer.tiering.occasion"].search([("user_id", "=", env.uid), ("state", "=", "open")])

    def one(self, **kwargs):
        rows = self.renew(**kwargs)
        self.assertEqual(len(rows), 1, rows.mapped("why"))
        return rows

    def activity(self, who, days=0, user=None, **values):
        return who.activity_schedule(
            "mail.mail_activity_data_call",
            date_deadline=AS_OF + timedelta(days=days),
            user_id=(user or self.salesperson).id,
            **values,
        )

    def quotation(self, who, amount=100.0, days=3, **values):
        valid = {"validity_date": AS_OF + timedelta(days=days), "user_id": self.salesperson.id}
        return self.order(who, amount=amount, state="draft", **{**valid, **values})

    def gap(self, who, worth, name="Bottle", **values):
        product = self.env["product.product"].create({"name": name})
        return self.env["customer.tiering.gap"].create(
            {
                "partner_id": who.id,
                "company_id": self.company.id,
                "kind": "stopped",
                "yearly_worth": worth,
                "product_id": product.id,
                **values,
            }
        )

    def fall(self, who, days, needed=0.0, **values):
        tiers = self.policy.tier_ids
        card = self.card(who)
        return self.env["customer.tiering.fall"].create(
            {
                "partner_id": who.id,
                "company_id": self.company.id,
                "policy_id": self.policy.id,
                "tier_id": card.tier_id.id,
                "to_tier_id": tiers[-1].id,
                "date": AS_OF + timedelta(days=days),
                "needed_amount": needed,
                "is_kept_by_order": bool(needed),
                "amount": card.amount,
                **values,
            }
        )

    def invoice(self, who, amount, due=-10, **values):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": who.id,
                "invoice_user_id": self.salesperson.id,
                "invoice_date": AS_OF + timedelta(days=due),
                "invoice_date_due": AS_OF + timedelta(days=due),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create({"name": "Goods", "quantity": 1, "price_unit": amount, "tax_ids": False})
                ],
                **values,
            }
        )
        move.action_post()
        return move


@tagged("post_install", "-at_install")
class TestOccasion(OccasionCommon):
    """What is on a salesperson's list of the day, and why."""

    def test_nothing_to_do(self):
        self.assertFalse(self.renew())

    # ------------------------------------------------------------------
    # Each kind
    # ------------------------------------------------------------------

    def test_a_follow_up_of_mine_due_today_or_before(self):
        self.activity(self.ann, -2, summary="Ask about boxes")
        self.activity(self.ann, 1)  # tomorrow
        self.activity(self.ben, 0, user=self.manager)
        row = self.one()
        self.assertEqual((row.partner_id, row.kind, row.minutes), (self.ann, "followup", 20))
        self.assertEqual(row.why, "Call, due on 06/28/2026: Ask about boxes")
        # An order of Ann's comes to 100 on average.
        self.assertEqual((row.money, row.chance, row.rate), (100, 1, 5))
        self.card(self.ann).write({"risk": "high", "expected_loss": 640})
        self.assertEqual(self.one().money, 640)

    def test_a_follow_up_on_an_order_is_one_of_the_customer(self):
        contact = self.new_customer("Of Ann", parent_id=self.ann.id)
        order = self.order(contact, 3, user_id=self.salesperson.id)
        self.activity(order, 0)
        row = self.one()
        self.assertEqual(row.partner_id, self.ann)
        self.assertEqual(row.action_open()["res_model"], "sale.order")
        self.assertEqual(row.action_open()["res_id"], order.id)

    def test_an_announced_downgrade(self):
        silver = self.policy.tier_ids[2]
        self.card(self.ann).write({"pending_tier_id": silver.id, "pending_date": AS_OF + timedelta(days=9)})
        self.card(self.other).write({"pending_tier_id": silver.id, "pending_date": AS_OF + timedelta(days=9)})
        self.fall(self.ann, 9, 70)
        row = self.one()
        self.assertEqual((row.partner_id, row.kind, row.money), (self.ann, "downgrade", 100))
        self.assertEqual(row.why, "The downgrade to Silver is announced for 07/09/2026.")

    def test_a_foreseen_downgrade_of_the_coming_four_weeks(self):
        self.fall(self.ann, 28, 70)
        self.fall(self.ben, 29, 70)
        self.fall(self.other, 5, 70)
        row = self.one()
        self.assertEqual((row.partner_id, row.kind, row.money), (self.ann, "downgrade", 70))
        self.assertIn("would end on 07/28/2026 unless $\xa070.00 is ordered", row.why)
        self.order(self.ann, 0, 70)
        self.compute()
        self.cards.write({"order_percent": False, "next_order_date": False})
        self.assertFalse(self.renew())

    def test_a_follow_up_about_the_downgrade_and_the_downgrade_are_one_row(self):
        playbook = self.env["customer.tiering.playbook"].create(
            {
                "name": "Before the fall",
                "policy_id": self.policy.id,
                "trigger": "foreseen",
                "assign": "user",
                "user_id": self.salesperson.id,
                "cooldown_days": 0,
                "step_ids": [Command.create({"activity_type_id": self.call.id, "summary": "Call them", "days": 0})],
            }
        )
        self.fall(self.ann, 28, 70)
        self.assertEqual(self.one().kind, "downgrade")
        playbook.action_enable()
        self.env["customer.tiering.followup"]._process(playbook, AS_OF)
        activity = self.env["mail.activity"].search([("user_id", "=", self.salesperson.id)])
        row = self.one()
        self.assertEqual((row.kind, row.reference), ("followup", activity.id))
        self.assertEqual(
            row.why, f"Call, due on 06/30/2026: Call them. {self.env['customer.tiering.fall'].search([]).sentence}"
        )
        activity.date_deadline = AS_OF + timedelta(days=2)  # it is in good hands
        self.assertFalse(self.renew())
        activity.date_deadline = AS_OF
        self.one().action_done()
        self.assertFalse(self.renew())
        activity.date_done = AS_OF - timedelta(days=14)  # long ago, and the customer still falls
        self.assertEqual(self.one().kind, "downgrade")
        self.card(self.ann).last_order_date = AS_OF  # another reason
        activity.date_done = AS_OF
        self.assertEqual(self.one().kind, "downgrade")

    def test_a_follow_up_of_a_colleague_about_the_downgrade_leaves_it_on_my_list(self):
        silver = self.policy.tier_ids[2]
        day = AS_OF + timedelta(days=9)
        self.card(self.ann).write({"pending_tier_id": silver.id, "pending_date": day})
        playbook = self.policy.playbook_ids.filtered(lambda playbook: playbook.trigger == "pending")
        followup = {
            "playbook_id": playbook.id,
            "partner_id": self.ann.id,
            "company_id": self.company.id,
            "event": f"pending:{day}",
            "action": "1",
            "date": AS_OF,
            "state": "open",
            "user_id": self.manager.id,
            "activity_id": self.activity(self.ann, 3, user=self.manager).id,
        }
        followup = self.env["customer.tiering.followup"].create(followup)
        self.assertEqual(self.one().kind, "downgrade")
        followup.write({"user_id": self.salesperson.id, "activity_id": False})  # mine, and cancelled
        self.assertFalse(self.renew())

    def test_stopped_products(self):
        bottle = self.gap(self.ann, 400)
        self.gap(self.ann, 300, "Foil")
        self.gap(self.ann, 200, "Glue")
        category = self.env["product.category"].create({"name": "Packing"})
        self.gap(self.ann, 700, product_id=False, category_id=category.id)
        self.gap(self.ann, 5000, "Of others", kind="missing")
        self.gap(self.ben, 900, state="not_needed")
        row = self.one()
        # 400 + 300 + 200; the category is the same money.
        self.assertEqual((row.partner_id, row.kind, row.money), (self.ann, "stopped", 900))
        self.assertEqual(row.why, "Has stopped buying Bottle and Foil and 1 more")
        row.action_done()
        self.assertFalse(self.renew())
        bottle.unlink()
        self.assertFalse(self.renew())  # no news
        self.gap(self.ann, 10, "Lamp")
        # 300 + 200 + 10 of products, 700 of the category.
        self.assertEqual(self.one().money, 700)

    def test_a_quotation_that_expires_within_a_week(self):
        order = self.quotation(self.ann, 600, 7)
        self.quotation(self.ann, 600, 8)
        self.quotation(self.ann, 600, 3, user_id=self.manager.id)
        row = self.one()
        self.assertEqual((row.partner_id, row.kind, row.money), (self.ann, "quotation", 600))
        self.assertEqual(row.why, f"{order.name} of $\xa0600.00 expires on 07/07/2026")
        # Six confirmed orders of the salesperson, none lost: 7 of 8.
        self.assertEqual((row.chance, row.rate), (0.875, 600 * 0.875 / 20))
        self.assertEqual(row.action_open()["res_id"], order.id)
        self.quotation(self.ben, 10, -1)  # one lost
        self.order(self.ben, 3, state="cancel", user_id=self.salesperson.id)  # and another
        self.assertEqual(self.one().chance, 0.7)  # 7 of 10
        order.action_confirm()
        self.assertFalse(self.renew())

    def test_a_quotation_in_another_currency(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": "2026-01-01", "rate": 0.5}
        )
        pricelist = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        self.quotation(self.ann, 600, 7, pricelist_id=pricelist.id)
        self.assertEqual(self.one().money, 1200)

    def test_what_is_past_due_less_what_came_in(self):
        self.accounting()
        self.invoice(self.ann, 300, -10)
        self.invoice(self.ann, 200, -5)
        self.invoice(self.ann, 999, 5)
        self.invoice(self.other, 300, -10)
        row = self.one()
        self.assertEqual((row.partner_id, row.kind, row.money), (self.ann, "overdue", 500))
        self.assertEqual(row.why, "$\xa0500.00 past due, the oldest since 06/20/2026")
        self.credit_note(self.ann, 1, 120)  # which nobody has matched
        self.assertEqual(self.one().money, 380)
        self.credit_note(self.ann, 1, 380)
        self.assertFalse(self.renew())

    def test_of_an_invoice_in_instalments_those_that_are_due(self):
        self.accounting()
        halves = [
            Command.create({"value": "percent", "value_amount": 50, "nb_days": days, "delay_type": "days_after"})
            for days in (0, 60)
        ]
        term = self.env["account.payment.term"].create({"name": "Half and half", "line_ids": halves})
        self.invoice(self.ann, 300, -10, invoice_payment_term_id=term.id, invoice_date_due=False)
        row = self.one()
        self.assertEqual((row.kind, row.money, row.date), ("overdue", 150, AS_OF - timedelta(days=10)))

    def test_invoices_that_the_person_does_not_see(self):
        self.accounting()
        self.invoice(self.ann, 300, -10)
        own = self.new_user("tiering_own", "sales_team.group_sale_salesman")
        self.ann.user_id = own
        self.assertFalse(self.renew(user=own))  # Odoo shows them their own invoices only
        self.env["account.move"].search([("partner_id", "=", self.ann.id)]).invoice_user_id = own
        self.assertEqual(self.one(user=own).money, 300)

    def test_an_expected_order(self):
        for who, days in ((self.ann, 7), (self.ben, 8), (self.other, 1)):
            self.card(who).write({"order_percent": 80, "next_order_date": AS_OF + timedelta(days=days)})
        row = self.one()
        self.assertEqual((row.partner_id, row.kind, row.money, row.chance), (self.ann, "expected", 100, 0.8))
        self.assertEqual(row.why, "An order of about $\xa0100.00 is expected around 07/07/2026")

    # ------------------------------------------------------------------
    # Order
    # ------------------------------------------------------------------

    def test_the_most_money_for_a_minute_first_and_as_many_as_fit(self):
        self.company.tiering_day_minutes = 45
        meeting = self.env.ref("mail.mail_activity_data_meeting")
        meeting.tiering_minutes = 40
        cleo = self.new_customer("Cleo", user_id=self.salesperson.id)
        self.gap(self.ann, 800)  # 40 a minute
        self.activity(self.ann)  # 100 in 20 minutes, in the same talk
        self.gap(self.ben, 600, "Foil")  # 30 a minute
        cleo.activity_schedule("mail.mail_activity_data_meeting", date_deadline=AS_OF, user_id=self.salesperson.id)
        rows = self.renew()
        self.assertEqual(
            [(row.partner_id, row.kind, row.part, row.minutes) for row in rows],
            [
                (self.ann, "stopped", "day", 20),
                (self.ann, "followup", "day", 0),
                (self.ben, "stopped", "day", 20),
                (cleo, "followup", "later", 40),
            ],
        )
        self.assertEqual(
            rows.mapped("why"),
            [
                "Has stopped buying Bottle",
                "In the same talk: Call, due on 06/30/2026: Call",
                "Has stopped buying Foil",
                "Meeting, due on 06/30/2026: Meeting",
            ],
        )
        rows[0].action_done()  # the other one is alone on the list
        self.env.invalidate_all()
        self.assertEqual(rows[1].why, "Call, due on 06/30/2026: Call")

    def test_it_is_made_anew_each_time_and_rows_stay_the_same(self):
        self.gap(self.ann, 800)
        self.gap(self.ben, 600, "Foil")
        rows = self.renew()
        self.assertEqual(self.renew(), rows)
        self.env["customer.tiering.gap"].search([("partner_id", "=", self.ann.id)]).yearly_worth = 100
        self.assertEqual(self.renew().mapped("partner_id.name"), ["Ben", "Ann"])
        self.assertEqual(set(self.renew().ids), set(rows.ids))

    def test_companies_with_their_currencies(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        other = self.env["res.company"].create({"name": "Other Company", "currency_id": euro.id})
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": "2026-01-01", "rate": 0.25}
        )
        self.salesperson.company_ids |= other
        other.tiering_policy_ids.look_for_gaps = True
        self.gap(self.ann, 800)
        self.gap(self.ben, 300, "Foil", company_id=other.id)
        rows = self.renew(companies=self.company | other)
        # 300 € are 1,200 $.
        self.assertEqual(
            [(row.partner_id.name, row.money, row.rate) for row in rows], [("Ben", 300, 60), ("Ann", 800, 40)]
        )
        self.assertEqual(self.one().partner_id, self.ann)

    def test_it_takes_as_many_queries_for_many_customers(self):
        def add(number):
            for each in range(number):
                who = self.buyer(f"Customer {each}", 5, user_id=self.salesperson.id)
                self.gap(who, 100 + each, f"Product {each}")
                self.activity(who)
                self.quotation(who)

        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            rows = self.renew()
            rows.read(["why", "tier_id", "money"])
            return self.env.cr.sql_log_count - before, len(rows)

        add(5)
        count()
        few, first = count()
        add(25)
        count()
        many, second = count()
        self.assertEqual((first, second), (15, 90))
        self.assertLessEqual(many, few + 2)

    # ------------------------------------------------------------------
    # Answers
    # ------------------------------------------------------------------

    def answer(self, rows, answer, **values):
        action = rows.action_later() if answer == "later" else rows.action_not_useful()
        wizard = rows.env["customer.tiering.occasion.answer"].with_context(**action["context"]).create(values)
        return wizard.action_confirm()

    def test_done_is_a_call_in_the_history_and_rests_two_weeks(self):
        self.gap(self.ann, 800)
        row = self.one()
        row.action_done()
        self.assertEqual((row.state, row.until), ("done", AS_OF + timedelta(days=14)))
        message = self.ann.message_ids[0]
        self.assertEqual(message.mail_activity_type_id, self.call)
        self.assertIn("Has stopped buying Bottle", message.body)
        self.assertFalse(self.renew())
        with freeze_time("2026-07-13 10:00:00"):
            self.assertFalse(self.renew())
        with freeze_time("2026-07-14 10:00:00"):
            self.assertEqual(self.one(), row)

    def test_done_does_the_follow_up(self):
        activity = self.activity(self.ann, summary="Ask")
        self.one().action_done()
        self.assertFalse(activity.active)
        self.assertEqual(len(self.ann.message_ids.filtered("mail_activity_type_id")), 1)
        self.assertFalse(self.renew())

    def test_what_is_left_of_an_answered_reason_is_no_news(self):
        """The newest of two stopped products is bought again: nothing has come since the answer."""
        self.gap(self.ann, 800)
        newest = self.gap(self.ann, 100, "Foil")
        self.one().action_done()
        newest.unlink()
        self.assertFalse(self.renew())
        self.gap(self.ann, 10, "Glue")
        self.assertEqual(self.one().money, 810)

    def test_done_says_nothing_of_a_reason_that_is_gone(self):
        gap = self.gap(self.ann, 800)
        row = self.one()
        gap.unlink()
        before = self.ann.message_ids
        row.action_done()
        self.assertEqual((row.state, self.ann.message_ids), ("done", before))

    def test_an_unchanged_list_writes_nothing(self):
        self.gap(self.ann, 800 / 3)
        self.quotation(self.ben, 100 / 7)
        self.renew()
        self.env.flush_all()
        statements = []
        execute = type(self.env.cr).execute

        def watch(cr, query, *args, **kwargs):
            statements.append(str(getattr(query, "code", query)))
            return execute(cr, query, *args, **kwargs)

        with patch.object(type(self.env.cr), "execute", watch):
            self.renew()
            self.env.flush_all()
        self.assertFalse([one for one in statements if one.lstrip().startswith(("UPDATE", "INSERT", "DELETE"))])

    def test_later_is_another_day(self):
        activity = self.activity(self.ann)
        self.gap(self.ann, 800)
        rows = self.renew()
        for day in (False, AS_OF, AS_OF + timedelta(days=400)):
            with self.assertRaisesRegex(UserError, "Choose a day after today"):
                self.answer(rows, "later", until=day)
        self.answer(rows, "later", until=AS_OF + timedelta(days=2))
        self.assertEqual(activity.date_deadline, AS_OF + timedelta(days=2))
        self.assertFalse(self.renew())
        with freeze_time("2026-07-02 10:00:00"):
            self.assertEqual(self.renew(), rows)

    def test_not_useful_says_why(self):
        activity = self.activity(self.ann, summary="Ask")
        self.gap(self.ann, 800)
        rows = self.renew()
        with self.assertRaisesRegex(UserError, "Say in a few words"):
            self.answer(rows, "not_useful", reason=" ")
        self.answer(rows, "not_useful", reason="Buys from <b>his brother</b>")
        self.assertEqual(set(rows.mapped("reason")), {"Buys from <b>his brother</b>"})
        self.assertFalse(activity.exists())
        self.assertIn("Ask cancelled, not useful: Buys from &lt;b&gt;his brother", self.ann.message_ids[0].body)
        self.assertFalse(self.renew())
        with freeze_time("2026-12-28 10:00:00"):
            self.assertEqual(self.one().kind, "stopped")

    def test_only_the_person_answers(self):
        self.gap(self.ann, 800)
        row = self.one()
        colleague = self.new_user("tiering_colleague", "sales_team.group_sale_salesman_all_leads")
        with self.assertRaises(AccessError):
            row.with_user(colleague).action_done()
        of_manager = row.with_user(self.manager)
        self.assertEqual(of_manager.read(["state"])[0]["state"], "open")
        for refused in (of_manager.action_done, of_manager.action_later, of_manager.action_not_useful):
            with self.assertRaisesRegex(UserError, "list of a colleague"):
                refused()
        with self.assertRaises(AccessError):
            row.write({"money": 1})
        internal = self.new_user("tiering_internal", "base.group_user")
        with self.assertRaises(AccessError):
            self.env["customer.tiering.occasion"].with_user(internal).action_open_day()

    def test_an_answer_of_others_rows_by_the_dialog_is_refused(self):
        self.gap(self.ann, 800)
        row = self.one()
        wizard = self.env["customer.tiering.occasion.answer"].with_user(self.manager)
        wizard = wizard.create({"occasion_ids": row.ids, "answer": "not_useful", "reason": "Why"})
        with self.assertRaisesRegex(UserError, "list of a colleague"):
            wizard.action_confirm()
        self.assertEqual(row.state, "open")

    # ------------------------------------------------------------------
    # What changes meanwhile
    # ------------------------------------------------------------------

    def test_a_reason_that_is_gone_meanwhile(self):
        activity = self.activity(self.ann)
        row = self.one()
        activity.unlink()
        self.assertEqual(row.why, "The reason is gone.")
        self.assertEqual(row.action_open()["res_id"], self.ann.id)
        row.action_done()
        self.assertEqual(row.state, "done")

    def test_archived_and_reassigned_customers(self):
        self.gap(self.ann, 800)
        self.gap(self.ben, 600, "Foil")
        self.ann.active = False
        self.assertEqual(self.one().partner_id, self.ben)
        self.ben.user_id = self.manager
        self.assertFalse(self.renew())
        self.assertEqual(self.one(user=self.manager).partner_id, self.ben)

    def test_merged_customers(self):
        self.gap(self.ann, 800)
        self.gap(self.ben, 600, "Foil")
        rows = self.renew()
        rows.action_done()
        self.env["base.partner.merge.automatic.wizard"].with_context(active_test=False)._merge(
            (self.ann | self.ben).ids, self.ben
        )
        self.assertEqual(self.env["customer.tiering.occasion"].search([]).partner_id, self.ben)

    def test_old_answers_are_forgotten(self):
        self.gap(self.ann, 800)
        row = self.one()
        row.action_done()
        occasions = self.env["customer.tiering.occasion"]
        row.sudo().until = AS_OF - timedelta(days=365)
        occasions._gc_answered()
        self.assertTrue(row.exists())
        row.sudo().until = AS_OF - timedelta(days=366)
        occasions._gc_answered()
        self.assertFalse(row.exists())
