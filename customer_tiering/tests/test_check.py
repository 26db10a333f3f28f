from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged
from odoo.tools import SQL, mute_logger

from ..models.customer_tiering_check import KEPT_DAYS
from .common import AS_OF, TieringCommon

RUN_LOGGER = "odoo.addons.customer_tiering.models.customer_tiering_run"
DAYS = (40, 80, 120)


@tagged("post_install", "-at_install")
class TestCheck(TieringCommon):
    """Ann is there twice, with three orders of 100 each. Fixed bands decide: see test_run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.tiering_check_data = True
        cls.checks = cls.env["customer.tiering.check"]
        cls.ann = cls.buyer("Ann Smith", *DAYS, vat="DE 123.456.789", user_id=cls.salesperson.id)
        cls.twin = cls.buyer("Smith, Ann Mary", *DAYS, vat="DE123456789", user_id=cls.salesperson.id)
        cls.both = cls.ann | cls.twin

    def look(self, days=0):
        with freeze_time(self.noon(AS_OF, -days)):
            self.checks._look(self.company, AS_OF + timedelta(days=days))
        return self.checks.search([("company_id", "=", self.company.id)])

    def found(self, kind, days=0):
        return self.look(days).filtered(lambda check: check.kind == kind and check.state == "open")

    def said(self, kind, days=0):
        """What is found of a kind, as a manager reads it, ``{customer: (problem, effect)}``."""
        checks = self.found(kind, days).with_user(self.manager)
        return {check.partner_id.sudo(): (check.problem, check.effect) for check in checks}

    # ------------------------------------------------------------------
    # Duplicates
    # ------------------------------------------------------------------

    def test_duplicates_and_the_tier_that_they_would_have_together(self):
        first = self.found("duplicate")
        self.assertEqual((first.partner_ids, first.evidence, first.number), (self.both, "vat", 2))
        self.assertFalse(first.tier_id)  # nothing was computed yet
        self.assertIn("each of them seems smaller than they are together", first.effect)
        self.compute()
        check = self.found("duplicate")
        self.assertEqual(check, first)
        self.assertEqual(check.problem, "The same VAT number.")
        # 40 days → 75; six orders of 10, where three are 50; 600 = 6 median orders.
        self.assertEqual(check.effect, "Now: Silver and Silver. Together: Gold.")
        one = self.buyer("One", *DAYS, *DAYS)
        self.env["customer.tiering.refresh"]._add(one, self.company, "instant")
        with freeze_time(self.noon(AS_OF)):
            self.env["customer.tiering.refresh"]._process(self.company)
        self.assertEqual(check.tier_id, self.card(one).tier_id)

    def test_every_proof_is_said(self):
        self.both.write({"vat": False, "email": "ann@x.example"})
        self.ann.phone, self.twin.phone = "+49 30 1234567", "0049 30 1234567"
        check = self.found("duplicate")
        self.assertEqual(check.problem, "The same e-mail address. The same phone number and a similar name.")
        self.both.write({"email": False, "phone": False, "zip": "10115", "name": "Ann Smith"})
        self.assertEqual(self.found("duplicate").problem, "The same name and postal code.")

    def test_who_is_no_duplicate(self):
        archived = self.buyer("Ann Archived", 5, vat="DE123456789")
        archived.active = False
        other = self.env["res.company"].create({"name": "Other Company"})
        self.buyer("Ann Elsewhere", 5, vat="DE123456789").company_id = other
        self.new_customer("Ann Without Orders", vat="DE123456789")
        firm = self.buyer("Firm", 5, vat="DE555666777", is_company=True)
        for name in ("One", "Two"):
            self.buyer(name, 5, parent_id=firm.id, vat="DE555666777")
        for vat in ("/", "NA", ""):
            self.buyer(f"A{vat}", 5, vat=vat)
            self.buyer(f"B{vat}", 5, vat=vat)
        self.assertEqual(self.found("duplicate").partner_ids, self.both)

    def test_many_with_one_address_prove_nothing_and_are_counted(self):
        for number in range(6):
            self.buyer(f"Crowd {number}", 5, email="all@x.example")
        self.assertEqual(self.checks._look(self.company, AS_OF), 1)
        self.assertEqual(self.found("duplicate").partner_ids, self.both)

    def test_a_long_row_of_duplicates_lists_some_and_says_how_many(self):
        """Each shares the address with the one before and the phone number with the next."""
        for number in range(14):
            address, phone = number // 2, (number + 1) // 2
            self.buyer("Row Long", 5, email=f"row{address}@x.example", phone=f"+49 30 77700{phone:02}")
        check = self.found("duplicate").filtered(lambda check: check.number == 14)
        self.assertEqual(len(check.partner_ids), 10)
        self.assertIn("14 customers are alike; here are 10 of them.", check.problem)

    def test_as_many_queries_for_many_customers(self):
        self.compute()

        def count():
            self.look()  # what is cached
            before = self.env.cr.sql_log_count
            self.checks._look(self.company, AS_OF)
            return self.env.cr.sql_log_count - before

        def grow(number):
            for place in range(number):
                twins = {"email": f"grown{number}{place}@x.example"}
                for name in ("Grown", "Grown Again"):
                    self.buyer(f"{name} {place}", 40, **twins)
                large = self.buyer(f"Large {place}", 50, 60, 70, 80, 90)
                self.order(large, 3, 99_999)

        grow(5)
        few = count()
        grow(60)
        self.assertEqual(count(), few)
        self.assertEqual(len(self.found("duplicate")), 66)

    # ------------------------------------------------------------------
    # The other kinds
    # ------------------------------------------------------------------

    def test_an_unusually_large_order_and_the_tier_without_it(self):
        ben = self.buyer("Ben", *range(10, 60, 10), user_id=self.salesperson.id)
        large = self.order(ben, 5, 2001)
        self.compute()
        check = self.found("large")
        self.assertEqual((check.order_id, check.partner_id), (large, ben))
        self.assertEqual((check.amount, check.usual_amount), (2001, 100))
        self.assertIn("where this customer usually orders for", check.problem)
        same = self.buyer("Same", *range(10, 60, 10))
        self.env["customer.tiering.refresh"]._add(same, self.company, "instant")
        with freeze_time(self.noon(AS_OF)):
            self.env["customer.tiering.refresh"]._process(self.company)
        self.assertEqual(check.tier_id, self.card(same).tier_id)
        large.order_line.price_unit = 2000  # 20 times
        self.assertFalse(self.found("large"))
        large.order_line.price_unit = 9999
        self.env["sale.order"].search([("partner_id", "=", ben.id)], limit=2, order="date_order").state = "cancel"
        self.assertFalse(self.found("large"))  # four orders say nothing

    def test_invoices(self):
        self.accounting()
        self.policy.revenue_from = "invoice"
        dates = [AS_OF - timedelta(days=ago) for ago in range(10, 60, 10)]
        for date, amount in [*zip(dates, [10] * 5, strict=True), (AS_OF, 999), (AS_OF + timedelta(days=9), 7)]:
            line = {"name": "It", "quantity": 1, "price_unit": amount, "tax_ids": False}
            values = {"partner_id": self.ann.id, "invoice_date": date, "invoice_line_ids": [Command.create(line)]}
            move = self.env["account.move"].create({"move_type": "out_invoice", **values})
            move.action_post()
        checks = self.look()
        large, future = (checks.filtered(lambda check, kind=kind: check.kind == kind) for kind in ("large", "future"))
        self.assertEqual((large.move_id.amount_untaxed, large.usual_amount), (999, 10))
        self.assertEqual((future.move_id, future.day), (move, AS_OF + timedelta(days=9)))

    def test_orders_in_the_future_and_before_all_others(self):
        self.order(self.ann, -2)
        self.order(self.twin, -2, state="draft")
        old = self.order(self.twin, when="1900-01-01 12:00:00")
        said = self.said("future")
        self.assertEqual(
            said, {self.ann: ("It is dated 07/02/2026, which is still to come.", "It does not count before that day.")}
        )
        check = self.found("early")
        self.assertEqual(
            (check.order_id, check.partner_id, check.effect), (old, self.twin, "The relation seems older than it is.")
        )

    def test_currencies_without_a_rate(self):
        foreign = self.env["res.currency"].create({"name": "QQQ", "symbol": "Q"})
        order = self.order(self.ann, 5)
        self.env.flush_all()
        self.env.cr.execute(
            SQL("UPDATE sale_order SET currency_id = %s, currency_rate = 0 WHERE id = %s", foreign.id, order.id)
        )
        check = self.found("rate")
        self.assertEqual((check.rate_currency_id, check.number), (foreign, 1))
        self.assertEqual(check.problem, "No exchange rate of QQQ is known. Documents in it: 1.")
        self.env.cr.execute(SQL("UPDATE sale_order SET currency_rate = 2 WHERE id = %s", order.id))
        self.env["res.currency.rate"].create({"currency_id": foreign.id, "rate": 2, "company_id": self.company.id})
        self.assertFalse(self.found("rate"))

    def test_rates_of_another_company_are_not_known_here(self):
        """Odoo converts by rates of the company itself, and by those of nobody in particular."""
        foreign = self.env["res.currency"].create({"name": "QQQ", "symbol": "Q", "rounding": 0.01})
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env["res.currency.rate"].create({"currency_id": foreign.id, "rate": 2, "company_id": other.id})
        order = self.order(self.ann, 5)
        self.env.cr.execute(
            SQL("UPDATE sale_order SET currency_id = %s, currency_rate = 1 WHERE id = %s", foreign.id, order.id)
        )
        self.assertEqual(self.found("rate").rate_currency_id, foreign)
        self.env["res.currency.rate"].create({"currency_id": foreign.id, "rate": 1, "company_id": False})
        self.assertFalse(self.found("rate"))

    def control(self, *days, amount=100, **values):
        """The tier of a customer with all these orders."""
        one = self.buyer("Control", *days, amount=amount, **values)
        self.env["customer.tiering.refresh"]._add(one, self.company, "instant")
        with freeze_time(self.noon(AS_OF)):
            self.env["customer.tiering.refresh"]._process(self.company)
        return self.card(one).tier_id

    def test_persons_of_one_company_are_told_of_each_other(self):
        firm = self.buyer("Acme", 5, is_company=True, email="info@acme.example")
        for name in ("Eve Brown", "Max Blue"):
            self.buyer(name, *DAYS, email=f"{name[:3]}@acme.example")
        self.compute()
        tier = self.control(5, *DAYS, *DAYS)
        checks = self.found("person")
        self.assertEqual(checks.tier_id, tier)
        for check in checks:
            names = [self.card(who).tier_id.name for who in check.partner_ids]
            self.assertEqual(
                check.effect,
                f"Now: {names[0]} and {names[1]}. Together with the other persons of this company: {tier.name}.",
            )
        checks[0].partner_id.active = False
        self.assertRegex(self.found("person").effect, r"\. Together: ")
        self.assertNotEqual(firm, self.found("person").partner_id)

    def test_a_person_and_a_company_of_two_policies(self):
        """By the rules of the company's policy, by which it would count."""
        firms = self.other_policy()
        firm = self.buyer("Acme", 5, is_company=True, email="info@acme.example")
        person = self.buyer("Eve Brown", *DAYS, email="eve@acme.example", amount=900)
        for number in range(4):
            self.buyer(f"Firm {number}", 50, amount=100 * number + 50, is_company=True)
        self.compute()
        self.compute(policy=firms)
        self.assertEqual((self.card(firm).policy_id, self.card(person).policy_id), (firms, self.policy))
        check = self.found("person")
        both = self.order(firm, 40, 900) | self.order(firm, 80, 900) | self.order(firm, 120, 900)
        self.env["customer.tiering.refresh"]._add(firm, self.company, "instant")
        with freeze_time(self.noon(AS_OF)):
            self.env["customer.tiering.refresh"]._process(self.company)
        self.assertTrue(both and self.card(firm).tier_id.policy_id == firms)
        self.assertEqual(check.tier_id, self.card(firm).tier_id)

    def test_two_large_orders_of_a_customer_are_told_of_each_other(self):
        ben = self.buyer("Ben", *range(10, 60, 10))
        self.order(ben, 5, 3000)
        self.order(ben, 4, 4000)
        self.compute()
        tier = self.control(*range(10, 60, 10))
        checks = self.found("large")
        self.assertEqual(len(checks), 2)
        for check in checks:
            self.assertEqual(check.tier_id, tier)
            self.assertRegex(check.effect, f"Without it and the others like it: {tier.name}.")

    def test_customers_without_a_salesperson_where_others_have_one(self):
        poor = self.buyer("Poor", 5)
        self.assertFalse(self.found("nobody"))  # one of three
        for number in range(7):
            self.buyer(f"Rich {number}", 5, user_id=self.salesperson.id)
        self.assertEqual(self.found("nobody").partner_id, poor)  # one of ten

    def test_archived_salespeople(self):
        self.salesperson.active = False
        check = self.found("gone")
        self.assertEqual((check.salesperson_id, check.number), (self.salesperson, 2))
        self.assertEqual(check.effect, "The tier is right, but nobody acts on it.")

    def test_who_buys_beside_the_company(self):
        firm = self.buyer("Acme", 5, is_company=True, email="info@acme.example", user_id=self.salesperson.id)
        person = self.buyer("Eve Brown", *DAYS, email="eve@acme.example")
        self.compute()
        check = self.found("person")
        self.assertEqual((check.partner_id, check.partner_ids), (person, firm | person))
        self.assertEqual(check.problem, "Buys as a private person with an e-mail address of Acme.")
        self.assertTrue(check.tier_id)

    def test_what_counts_for_nobody(self):
        stray = self.buyer("Stray", 5)
        self.env.flush_all()
        self.env.cr.execute(SQL("UPDATE res_partner SET commercial_partner_id = NULL WHERE id = %s", stray.id))
        self.env.invalidate_all()
        self.assertEqual(self.found("stray").partner_id, stray)

    # ------------------------------------------------------------------
    # What people say, and what becomes of it
    # ------------------------------------------------------------------

    def test_what_is_ignored_stays_so_and_takes_a_reason(self):
        check = self.found("duplicate").with_user(self.manager)
        with self.assertRaisesRegex(UserError, "Say in “Why”"):
            check.action_ignore()
        check.reason = "Two sisters"
        check.action_ignore()
        self.assertEqual((check.user_id, check.date), (self.manager, self.company._get_tiering_today()))
        self.assertFalse(self.found("duplicate", 1))
        self.assertEqual((check.state, check.reason), ("ignored", "Two sisters"))
        third = self.buyer("Ann S.", 5, vat="DE123456789")
        new = self.found("duplicate", 2)  # another one is another question
        self.assertEqual((new.partner_ids, check.state), (self.both | third, "ignored"))
        check.action_reopen()
        self.assertEqual((check.state, check.reason), ("open", False))

    def test_the_reason_of_what_stays_is_not_taken_away(self):
        check = self.found("duplicate").with_user(self.manager)
        check.write({"state": "ignored", "reason": "Two sisters"})
        for nothing in ("", "  ", False):
            with self.assertRaisesRegex(UserError, "Say in “Why”"):
                check.reason = nothing
        check.reason = "Mother and daughter"
        self.assertEqual((check.state, check.reason), ("ignored", "Mother and daughter"))

    def test_what_is_not_found_is_settled_and_the_same_row_again_later(self):
        check = self.found("duplicate")
        self.twin.vat = False
        self.look(1)
        self.assertEqual(check.state, "settled")
        self.twin.vat = "DE123456789"
        self.assertEqual(self.found("duplicate", 2), check)
        self.twin.vat = False
        self.look(3)
        self.look(3 + KEPT_DAYS)
        self.assertTrue(check.exists())
        self.look(4 + KEPT_DAYS)
        self.assertFalse(check.exists())

    def test_another_look_writes_nothing(self):
        before = self.look()
        self.env.cr.execute("SELECT id, xmin FROM customer_tiering_check ORDER BY id")
        rows = self.env.cr.fetchall()
        self.assertEqual(self.look(), before)
        self.env.cr.execute("SELECT id, xmin FROM customer_tiering_check ORDER BY id")
        self.assertEqual(self.env.cr.fetchall(), rows)

    def test_who_is_left_out_has_no_scorecard_from_the_next_run_on(self):
        ben = self.buyer("Ben", *range(10, 60, 10))
        self.order(ben, 5, 5000)
        self.compute()
        check = self.found("large").with_user(self.manager)
        check.reason = "Our own shop"
        check.action_leave_out()
        run = self.compute()
        self.assertFalse(self.card(ben))
        self.assertEqual(run.left_count, 1)
        self.look(1)
        self.assertEqual(check.state, "left_out")
        check.action_reopen()
        self.compute()
        self.assertTrue(self.card(ben))

    def test_several_are_not_left_out_together(self):
        check = self.found("duplicate").with_user(self.manager)
        check.reason = "Why"
        with self.assertRaisesRegex(UserError, "Only single customers"):
            check.action_leave_out()
        with self.assertRaisesRegex(UserError, "settled by itself"):
            check.state = "settled"

    def test_merging_is_odoos_own_and_settles_it(self):
        check = self.found("duplicate").with_user(self.manager)
        with self.assertRaisesRegex(UserError, "right to create contacts"):
            check.action_merge()
        self.manager.group_ids |= self.env.ref("base.group_partner_manager")
        action = check.action_merge()
        wizard = self.env[action["res_model"]].with_user(self.manager).with_context(**action["context"]).create({})
        self.assertEqual(wizard.partner_ids.sudo(), self.both)
        self.env[action["res_model"]].with_context(**action["context"]).create({}).action_merge()
        self.assertEqual(len(self.both.exists()), 1)
        self.assertFalse(check.exists())
        self.assertFalse(self.found("duplicate"))

    def test_who_was_merged_takes_the_word_along(self):
        ben = self.buyer("Ben", *range(10, 60, 10))
        self.order(ben, 5, 5000)
        check = self.found("large")
        check.write({"state": "ignored", "reason": "Why"})
        self.env["base.partner.merge.automatic.wizard"]._merge((ben | self.ann).ids, self.ann)
        self.assertEqual((check.partner_id, check.state), (self.ann, "ignored"))

    def test_who_is_left_out_takes_nobody_along(self):
        """Who may only move or merge contacts leaves nobody out of scoring by that."""
        firm = self.buyer("Firm", *DAYS, is_company=True)
        shop, second = (self.buyer(name, *DAYS) for name in ("Our Shop", "Our Second Shop"))
        values = {"company_id": self.company.id, "kind": "nobody", "state": "left_out", "reason": "Our own"}
        checks = self.checks.create([{**values, "key": str(who.id), "partner_id": who.id} for who in (shop, second)])
        self.compute()
        self.assertFalse(self.card(shop))
        self.env["base.partner.merge.automatic.wizard"]._merge((shop | second).ids, shop)
        self.assertEqual(set(checks.mapped("state")), {"left_out"}, "Both are left out")
        self.salesperson.group_ids |= self.env.ref("base.group_partner_manager")
        shop.with_user(self.salesperson).parent_id = firm
        self.assertEqual((checks.partner_id, set(checks.mapped("state"))), (firm, {"open"}))
        self.compute()
        self.assertTrue(self.card(firm))

    def test_what_is_opened(self):
        for check in self.look():
            action = check.with_user(self.manager).action_open()
            self.assertEqual(action["res_model"], "res.partner")
        self.assertEqual(action["domain"], [("id", "in", self.both.ids)])

    # ------------------------------------------------------------------
    # Runs
    # ------------------------------------------------------------------

    def take(self):
        """The nightly run, as the job takes it."""
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        with freeze_time(self.noon(AS_OF)), self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        run.invalidate_recordset()
        return run

    def test_a_run_says_which_share_is_clean(self):
        for number in range(6):
            self.buyer(f"Clean {number}", 5, user_id=self.salesperson.id)
        run = self.take()
        self.assertEqual((run.state, run.customer_count, run.to_check_count), ("done", 8, 2))
        self.assertEqual(run.clean_note, "75% of 8 customers without anything to check.")
        action = run.with_user(self.manager).action_open_checks()
        self.assertEqual(self.checks.search(action["domain"]).partner_ids, self.both)

    def test_switched_off_nobody_looks(self):
        self.company.tiering_check_data = False
        run = self.take()
        self.assertEqual((run.state, run.checked_at, run.clean_note), ("done", False, False))
        self.assertFalse(self.checks.search([("company_id", "=", self.company.id)]))

    def test_a_person_who_computes_does_not_wait_for_it(self):
        self.policy.with_user(self.manager).action_compute_now()
        self.assertFalse(self.checks.search([("company_id", "=", self.company.id)]))

    def test_a_look_that_fails_stops_no_run(self):
        broken = patch.object(type(self.checks), "_look", side_effect=ValueError("broken"))
        with broken, mute_logger(RUN_LOGGER):
            run = self.take()
        self.assertEqual((run.state, run.checked_at), ("done", False))

    # ------------------------------------------------------------------
    # Access
    # ------------------------------------------------------------------

    def test_managers_only(self):
        check = self.found("duplicate")
        with self.assertRaises(AccessError):
            check.with_user(self.salesperson).read(["problem"])
        for method in ("action_merge", "action_open", "action_ignore", "action_leave_out", "action_reopen"):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                getattr(check.with_user(self.salesperson), method)()

    def test_one_hidden_customer_hides_the_row(self):
        check = self.found("duplicate")
        self.assertEqual(self.checks.with_user(self.manager).search([("id", "=", check.id)]), check)
        hidden = (self.both - check.partner_id) or self.twin
        group = self.env["res.groups"].create({"name": "No Twin", "user_ids": self.manager.ids})
        self.env["ir.rule"].create(
            {
                "name": "No Twin",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "groups": group.ids,
                "domain_force": f"[('id', '!=', {hidden.id})]",
            }
        )
        self.assertFalse(self.checks.with_user(self.manager).search([("id", "=", check.id)]))
        with self.assertRaises(AccessError):
            check.with_user(self.manager).read(["kind"])

    def test_numbers_that_count_hidden_customers_are_not_told(self):
        foreign = self.env["res.currency"].create({"name": "QQQ", "symbol": "Q"})
        order = self.order(self.ann, 5)
        self.env.flush_all()
        self.env.cr.execute(
            SQL("UPDATE sale_order SET currency_id = %s, currency_rate = 0 WHERE id = %s", foreign.id, order.id)
        )
        self.salesperson.active = False
        self.compute()
        checks = self.look().filtered(lambda check: check.kind in ("gone", "rate")).with_user(self.manager)
        gone = "The salesperson is archived and still has customers"
        rate = "No exchange rate of QQQ is known"
        self.assertEqual(set(checks.mapped("problem")), {f"{gone}: 2.", f"{rate}. Documents in it: 1."})
        self.env["ir.rule"].create(
            {
                "name": "No Twin",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": f"[('id', '!=', {self.twin.id})]",
            }
        )
        checks.invalidate_recordset()
        self.assertEqual(set(checks.mapped("problem")), {f"{gone}.", f"{rate}."})
        with self.assertRaises(AccessError):
            checks.read(["number"])

    def test_another_company_sees_nothing(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        foreign = self.new_user("check_foreign", "sales_team.group_sale_manager", other)
        check = self.found("duplicate")
        checks = self.checks.with_user(foreign).with_context(allowed_company_ids=other.ids)
        self.assertFalse(checks.search([("id", "=", check.id)]))
        with self.assertRaises(AccessError):
            checks.browse(check.id).action_open()

    def test_only_the_word_of_a_person_is_written(self):
        check = self.found("duplicate").with_user(self.manager)
        check.write({"kind": "gone", "key": "x", "partner_id": False, "reason": "Mine"})
        self.assertEqual((check.kind, check.partner_id.sudo() in self.both, check.reason), ("duplicate", True, "Mine"))
