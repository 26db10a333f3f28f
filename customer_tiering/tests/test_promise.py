from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median

import psycopg2

from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, freeze_time, tagged
from odoo.tools import mute_logger

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class PromiseCommon(TieringCommon):
    """Today is AS_OF, 30 June 2026, noon in Greenwich."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time("2026-06-30 12:00:00"))
        cls.firm = cls.new_customer("Lumber Inc", is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.new_customer("Ben")
        cls.new = cls.new_customer("New")

    @classmethod
    def quote(cls, who, made, sent=None, how="mail", **values):
        """A quotation made ``made`` days ago, sent ``sent`` days ago; both can be moments (UTC)."""
        order = cls.order(who, 0, state="draft", when=cls._moment(made), **values)
        cls.env.cr.flush()  # what is written from here on is tracked
        cls.env.cr.execute("UPDATE sale_order SET create_date = %s WHERE id = %s", [cls._moment(made), order.id])
        order.invalidate_recordset()
        if sent is not None:
            with freeze_time(cls._moment(sent)):
                cls._send(order, how)
        return order

    @classmethod
    def _moment(cls, when):
        return when if isinstance(when, datetime) else cls.noon(AS_OF, when)

    @classmethod
    def _send(cls, order, how):
        order = order.with_user(cls.salesperson).with_context(allowed_company_ids=order.company_id.ids)
        if how == "mail":
            order.with_context(mark_so_as_sent=True).message_post(
                body="Our offer", message_type="comment", subtype_xmlid="mail.mt_comment"
            )
        elif how == "mark":
            order.with_context(tracking_disable=False).action_quotation_sent()
            cls.env.cr.flush()
        elif how == "confirm":
            order.sudo().action_confirm()
            cls.env.flush_all()

    @classmethod
    def touch(cls, who, days):
        """Somebody writes to a customer."""
        with freeze_time(cls._moment(days)):
            who.with_user(cls.salesperson).message_post(body="Hello", message_type="comment")

    @classmethod
    def enter(cls, who, tier, days, company=None):
        """Have a customer in a tier from so many days ago."""
        cls.env["customer.tier.change"].create(
            {
                "partner_id": who.id,
                "company_id": (company or cls.company).id,
                "date": AS_OF - timedelta(days=days),
                "to_tier_id": tier and tier.id,
                "direction": "new",
                "reason": "first",
            }
        )
        card = cls.card(who, company)
        if card:
            card.tier_id = tier
        else:
            cls.env["customer.tiering.scorecard"].create(
                {
                    "partner_id": who.id,
                    "company_id": (company or cls.company).id,
                    "policy_id": tier.policy_id.id,
                    "tier_id": tier.id,
                }
            )


class TestPresales(PromiseCommon):
    """How soon quotations are answered, and how much was credited."""

    def assertWaited(self, expected, as_of=AS_OF, company=None):  # noqa: N802 - like unittest's own
        """``expected``: ``{customer: days or None}``; read with all and alone."""
        policy = (company or self.company).tiering_policy_ids
        read = self.env["customer.tiering.reader"]._read_customers
        for partner_ids in (None, tuple(customer.id for customer in expected)):
            frame = read(policy._get_scope(as_of, partner_ids=partner_ids), {"quotation_days"})
            days = {customer.name: frame.quotation_days.get(customer.id) for customer in expected}
            days = {name: None if value != value else value for name, value in days.items()}
            self.assertEqual(days, {customer.name: value for customer, value in expected.items()})

    def test_a_quotation_is_answered_when_it_is_first_sent_marked_or_confirmed(self):
        self.quote(self.firm, 30, 27)
        self.assertWaited({self.firm: 3})
        self.quote(self.ann, 20, 15, "mark")
        self.assertWaited({self.firm: 4})  # the median of 3 and 5
        self.quote(self.firm, 20, 0, "confirm")
        self.assertWaited({self.firm: 5})  # of 3, 5 and 20
        again = self.quote(self.ben, 10, 10)
        with freeze_time(self.noon(AS_OF, 2)):
            self._send(again, "confirm")
        self.assertWaited({self.ben: 0, self.firm: 5})

    def test_what_is_no_answer(self):
        internal = self.quote(self.ben, 30)
        by_customer = self.quote(self.ben, 30)
        draft = self.quote(self.ben, 30)
        with freeze_time(self.noon(AS_OF, 29)):
            internal.with_user(self.salesperson).message_post(body="Who does it?", message_type="comment")
            by_customer.message_post(
                body="And?", message_type="comment", subtype_xmlid="mail.mt_comment", author_id=self.ben.id
            )
            draft.with_user(self.salesperson).message_post(
                body="Soon", message_type="comment", subtype_xmlid="mail.mt_comment"
            )
        self.assertWaited({self.ben: 30})

    def test_what_was_not_sent_counts_once_it_is_older_than_a_week(self):
        self.quote(self.ben, 8)
        self.quote(self.firm, 7)
        self.assertWaited({self.ben: 8, self.firm: None})

    def test_of_what_was_cancelled_imported_or_sent_without_a_trace_nobody_knows(self):
        self.quote(self.ben, 30).state = "cancel"
        self.quote(self.ben, 30).state = "sent"
        imported = self.quote(self.ben, 30)
        imported.write({"state": "sale", "date_order": self.noon(AS_OF, 300)})
        self.assertWaited({self.ben: None})
        self.quote(self.ben, 30, 29).state = "cancel"  # but not before it was sent
        self.assertWaited({self.ben: 1})

    def test_the_window_and_the_day_decide(self):
        self.policy.window_days = 10
        self.quote(self.firm, 10, 1)  # the day before the window
        self.quote(self.ben, 9, 1)
        self.quote(self.ben, -1, -2)  # tomorrow
        self.assertWaited({self.firm: None, self.ben: 8})
        # Five days ago it was four days old, and not sent yet.
        self.assertWaited({self.ben: None}, as_of=AS_OF - timedelta(days=5))
        self.policy.window_days = 30
        self.assertWaited({self.ben: 8}, as_of=AS_OF - timedelta(days=1))
        self.assertWaited({self.ben: None}, as_of=AS_OF - timedelta(days=2))

    def test_days_are_those_of_the_company(self):
        # 3 a. m. in Greenwich is still the day before in Los Angeles.
        self.quote(self.ben, datetime(2026, 6, 20, 3), datetime(2026, 6, 20, 20))
        self.assertWaited({self.ben: 0})
        self.company.partner_id.tz = "America/Los_Angeles"
        self.assertWaited({self.ben: 1})

    def test_another_company_has_its_own_quotations(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.env.user.company_ids |= other
        self.salesperson.company_ids |= other
        product = self.product.id
        self.quote(self.ben, 9, 8)
        self.quote(
            self.ben,
            9,
            4,
            company_id=other.id,
            order_line=[Command.create({"product_id": product, "product_uom_qty": 1, "price_unit": 1})],
        )
        self.assertWaited({self.ben: 1})
        self.assertWaited({self.ben: 5}, company=other)

    def test_the_scorecard_has_what_the_policy_measures(self):
        self.accounting()
        keys = ("quotations_per_order", "quotation_days", "credited_share")
        self.policy.shown_metric_ids = [Command.set([self.metric(key) for key in keys])]
        self.quote(self.ben, 30, 27)
        self.quote(self.ben, 30, 27, "confirm")
        self.quote(self.ben, 20, 15, "confirm")
        self.quote(self.firm, 20, 20)
        for days, amount in ((10, 80), (5, 120), (400, 1000)):
            self._invoice(self.ben, days, amount)
        self.credit_note(self.ben, 3, 30)
        self.credit_note(self.ben, 400, 500)
        self.credit_note(self.firm, 3, 30)
        self.compute()
        card = self.card(self.ben)
        self.assertEqual((card.quotations_per_order, card.quotation_days, card.credited_share), (1.5, 3, 15))
        # What is unknown is no zero.
        self.env.cr.execute(
            "SELECT quotations_per_order, quotation_days, credited_share FROM customer_tiering_scorecard WHERE id = %s",
            [self.card(self.firm).id],
        )
        self.assertEqual(self.env.cr.fetchall(), [(None, 0, None)])

    def _invoice(self, who, days, amount):
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": who.id,
                "invoice_date": AS_OF - timedelta(days=days),
                "invoice_line_ids": [
                    Command.create({"name": "Goods", "quantity": 1, "price_unit": amount, "tax_ids": False})
                ],
            }
        )
        move.action_post()
        return move


class TestPromise(PromiseCommon):
    """What is promised on tiers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tier, cls.lower = cls.policy.tier_ids[:2]
        cls.tier.contact_days = 14
        cls.words, cls.answer = cls.env["customer.tier.promise"].create(
            [
                {"tier_id": cls.tier.id, "text": "A person to call"},
                {"tier_id": cls.tier.id, "kind": "quotation", "days": 2},
            ]
        )

    def test_salespeople_read_them_on_the_scorecard_in_their_language(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.words.with_context(lang="de_DE").text = "Ein fester Ansprechpartner"
        self.enter(self.ben, self.tier, 5)
        card = self.card(self.ben).with_user(self.salesperson)
        said = "A person to call\nA quotation is answered within 2 days.\nSomebody is in touch every 14 days."
        self.assertEqual(card.promises, said)
        self.assertIn("Ein fester Ansprechpartner", card.with_context(lang="de_DE").promises)
        self.tier.promise_ids.unlink()
        self.tier.contact_days = 0
        card.invalidate_recordset()
        self.assertFalse(card.promises)

    def test_sentences_count(self):
        for days, said in ((0, "on the same day"), (1, "within a day"), (3, "within 3 days")):
            self.answer.days = days
            self.assertEqual(self.answer.sentence, f"A quotation is answered {said}.")

    def test_it_is_printed_on_the_sheet(self):
        self.enter(self.ben, self.tier, 5)
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            "customer_tiering.report_customer_sheet", self.card(self.ben).ids
        )
        self.assertIn("A person to call", html.decode())

    @mute_logger("odoo.sql_db")
    def test_bad_promises_are_refused_with_a_sentence(self):
        create = self.env["customer.tier.promise"].with_user(self.manager).create
        for values, message in (
            ({"text": "  "}, "Say in words"),
            ({"kind": "quotation", "days": -1, "tier_id": self.lower.id}, "0 or more"),
            ({"kind": "quotation", "days": 99_999, "tier_id": self.lower.id}, "up to"),
        ):
            with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
                create({"tier_id": self.tier.id, **values})
        with self.assertRaises(psycopg2.IntegrityError), self.env.cr.savepoint():
            create({"tier_id": self.tier.id, "kind": "quotation", "days": 3})

    def test_a_form_proposes_a_day(self):
        with Form(self.env["customer.tier"].with_user(self.manager).browse(self.lower.id)) as form:
            with form.promise_ids.new() as line:
                line.kind = "quotation"
            with form.promise_ids.new() as line:
                line.text = "Free samples"
        self.assertEqual(self.lower.promise_ids.mapped("days"), [1, 0])

    def test_copies_promise_the_same_and_there_is_no_new_version(self):
        versions = self.env["customer.tiering.policy.version"]
        self.compute()
        before = versions.search_count([("policy_id", "=", self.policy.id)])
        self.answer.days = 1
        self.tier.promise_ids = [Command.create({"text": "More"})]
        self.compute()
        self.assertEqual(versions.search_count([("policy_id", "=", self.policy.id)]), before)
        copied = self.policy.copy({"name": "Copy"})
        self.assertEqual(self._said(copied), self._said(self.policy))

    def test_a_simulation_takes_them_along_and_gives_them_back_only_if_changed(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.words.with_context(lang="de_DE").text = "Ein Mensch"
        self._apply(lambda draft: None)
        self.assertEqual(self.words.exists().with_context(lang="de_DE").text, "Ein Mensch")
        said = self._said(self.policy)
        self._apply(lambda draft: draft.promise_ids[1].write({"days": 5}))
        self.assertEqual(self._said(self.policy), {**said, self.tier.name: ["A person to call", 5]})

    def _apply(self, change):
        self.policy.action_simulate()
        simulation = self.env["customer.tiering.simulation"].search([("base_id", "=", self.policy.id)])
        draft = simulation.draft_id
        self.assertEqual(self._said(draft), self._said(self.policy))
        change(draft.tier_ids.filtered(lambda tier: tier.origin_id == self.tier))
        simulation._apply()

    def _said(self, policy):
        return {tier.name: [promise.text or promise.days for promise in tier.promise_ids] for tier in policy.tier_ids}

    def test_only_managers_write_them_and_other_companies_do_not_see_them(self):
        self.words.with_user(self.manager).text = "Two people to call"
        with self.assertRaises(AccessError):
            self.words.with_user(self.salesperson).text = "Me"
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager", other)
        promises = self.env["customer.tier.promise"].with_user(stranger).with_context(allowed_company_ids=other.ids)
        self.assertFalse(promises.search([("id", "=", self.words.id)]))


class ReportCommon(PromiseCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.high, cls.middle, cls.low = cls.policy.tier_ids[:3]
        cls.policy.tier_ids.contact_days = 0
        cls.high.contact_days = 14
        cls.high.promise_ids = [Command.create({"kind": "quotation", "days": 1})]

    def rows(self, user=None, **equal):
        report = self.env["customer.tiering.promise.report"].with_user(user or self.manager)
        return report.search([(fname, "=", value) for fname, value in equal.items()])

    def quotation_row(self, order):
        return self.rows(order_id=order.id, kind="quotation")


class TestPromiseReport(ReportCommon):
    """What was promised and what it took."""

    def test_a_quotation_is_judged_by_the_tier_of_its_day(self):
        self.enter(self.firm, self.low, 60)
        self.enter(self.firm, self.high, 20)
        first, second, third = (self.quote(self.ann, days, days - took) for days, took in ((21, 4), (20, 1), (9, 2)))
        lines = [
            (row.date, row.partner_id, row.tier_id, row.is_promised, row.days, row.status, row.kept_share)
            for row in map(self.quotation_row, (first, second, third))
        ]
        self.assertEqual(
            lines,
            [
                (date(2026, 6, 9), self.firm, self.low, False, 4, "free", 0),
                (date(2026, 6, 10), self.firm, self.high, True, 1, "kept", 100),
                (date(2026, 6, 21), self.firm, self.high, True, 2, "broken", 0),
            ],
        )
        group = self.env["customer.tiering.promise.report"].formatted_read_group(
            [("kind", "=", "quotation"), ("partner_id", "=", self.firm.id)],
            ["tier_id"],
            ["event_count:sum", "kept_share:avg", "days:median"],
        )
        found = {
            line["tier_id"][0]: (line["event_count:sum"], line["kept_share:avg"], line["days:median"]) for line in group
        }
        self.assertEqual(found, {self.high.id: (2, 50, 1.5), self.low.id: (1, False, 4)})

    def test_several_changes_of_a_day_leave_the_last(self):
        for tier in (self.low, self.middle, self.high):
            self.enter(self.ben, tier, 20)
        self.assertEqual(self.quotation_row(self.quote(self.ben, 20, 20)).tier_id, self.high)
        self.assertFalse(self.quotation_row(self.quote(self.ben, 21, 20)).tier_id)

    def test_what_is_under_way_counts_once_it_takes_too_long(self):
        self.enter(self.ben, self.high, 60)
        self.enter(self.firm, self.low, 60)
        found = [
            (row.status, row.days, row.is_done)
            for row in (
                self.quotation_row(self.quote(who, days))
                for who, days in ((self.ben, 1), (self.ben, 2), (self.firm, 7), (self.firm, 8))
            )
        ]
        self.assertEqual(found, [("open", 0, False), ("broken", 2, False), ("free", 0, False), ("free", 8, False)])

    def test_the_days_from_one_interaction_to_the_next(self):
        self.high.contact_days = 14
        self.enter(self.ben, self.high, 90)
        for days in (500, 85, 71, 40, 40, 20):  # 6 and 20 April, 21 May, 10 June
            self.touch(self.ben, days)
        self.enter(self.firm, self.low, 45)  # which promises nothing
        self.enter(self.new, self.high, 3)
        found = {
            (row.partner_id.name, row.date): (row.days, row.status, row.is_done)
            for row in self.rows(kind="contact", company_id=self.company.id)
        }
        self.assertEqual(
            found,
            {
                ("Ben", date(2026, 4, 6)): (415, "broken", True),  # from February of last year on
                ("Ben", date(2026, 4, 20)): (14, "kept", True),
                ("Ben", date(2026, 5, 21)): (31, "broken", True),
                ("Ben", date(2026, 6, 10)): (20, "broken", True),
                ("Ben", date(2026, 6, 30)): (20, "broken", False),
                ("New", date(2026, 6, 30)): (0, "open", False),
            },
        )

    def test_interactions_are_those_of_the_scorecard(self):
        """Each day on which the last interaction, as the engine reads it, is another one."""
        self.touch(self.ann, 100)  # a contact of the firm
        order = self.order(self.ann, 90)
        with freeze_time(self.noon(AS_OF, 80)):
            order.with_user(self.salesperson).message_post(body="Note", message_type="comment")
            self.firm.with_user(self.salesperson).message_post(body="Moved", message_type="notification")
        with freeze_time(self.noon(AS_OF, 33)):
            self.firm.activity_schedule("mail.mail_activity_data_call", user_id=self.env.uid).action_feedback()
            self.env.flush_all()
        self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": self.noon(AS_OF, 12),
                "stop": self.noon(AS_OF, 12) + timedelta(hours=1),
                "partner_ids": [Command.set(self.ann.ids)],
                "user_id": self.salesperson.id,
            }
        )
        self.enter(self.firm, self.high, 200)
        read = self.env["customer.tiering.reader"]._read_customers
        days = set()
        for ago in range(110):
            scope = self.policy._get_scope(AS_OF - timedelta(days=ago), partner_ids=self.firm.ids)
            last = read(scope).last_contact_date[self.firm.id]
            days |= {last.date()} if last == last else set()
        days = sorted(days)
        self.assertEqual(days, [AS_OF - timedelta(days=ago) for ago in (100, 80, 33, 12)])
        expected = {day: (day - before).days for before, day in pairwise(days)}
        rows = self.rows(kind="contact", partner_id=self.firm.id, is_done=True)
        self.assertEqual({row.date: row.days for row in rows}, expected)

    def test_days_are_those_of_the_company(self):
        self.enter(self.ben, self.high, 60)
        self.company.partner_id.tz = "America/Los_Angeles"
        row = self.quotation_row(self.quote(self.ben, datetime(2026, 6, 20, 3), datetime(2026, 6, 20, 20)))
        self.assertEqual((row.date, row.days), (date(2026, 6, 19), 1))

    def test_what_was_more_than_a_year_ago_is_no_row(self):
        self.assertTrue(self.quotation_row(self.quote(self.ben, datetime(2025, 6, 1, 12), 10)))
        self.assertFalse(self.quotation_row(self.quote(self.ben, datetime(2025, 5, 31, 12), 10)))

    def test_a_row_opens_its_document(self):
        self.enter(self.ben, self.high, 60)
        order = self.quote(self.ben, 9, 8)
        opened = self.quotation_row(order).action_open_document()
        self.assertEqual((opened["res_model"], opened["res_id"]), ("sale.order", order.id))
        opened = self.rows(kind="contact", partner_id=self.ben.id)[0].action_open_document()
        self.assertEqual((opened["res_model"], opened["res_id"]), ("res.partner", self.ben.id))

    def test_rows_have_ids_of_their_own(self):
        self.enter(self.ben, self.high, 90)
        self.enter(self.firm, self.low, 90)
        for days in (5, 10):
            self.quote(self.ben, days, days)
        ids = self.rows().ids
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(len(ids), 2 + 2)  # what Ben was sent is an interaction, too

    def test_managers_see_their_companies_and_salespeople_nothing(self):
        self.enter(self.ben, self.high, 60)
        self.quote(self.ben, 9, 8)
        own = self.new_user("tiering_own", "sales_team.group_sale_salesman")
        for model in ("customer.tiering.promise.report", "customer.tiering.treatment.report"):
            for user in (own, self.salesperson):
                with self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([])
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager", other)
        report = self.env["customer.tiering.promise.report"]
        self.assertTrue(report.with_user(self.manager).search([("partner_id", "=", self.ben.id)]))
        self.assertFalse(report.with_user(stranger).with_context(allowed_company_ids=other.ids).search([]))

    def test_each_of_two_companies_has_its_rows(self):
        other = self.env["res.company"].create({"name": "Other"})
        other.partner_id.tz = "Asia/Tokyo"
        self.env.user.company_ids |= other
        (self.manager | self.salesperson).company_ids |= other
        tier = other.tiering_policy_ids.tier_ids[0]
        self.enter(self.ben, self.high, 60)
        self.enter(self.ben, tier, 60, other)
        order = self.quote(
            self.ben,
            datetime(2026, 6, 20, 3),
            datetime(2026, 6, 20, 20),
            company_id=other.id,
            order_line=[Command.create({"product_id": self.product.id, "product_uom_qty": 1, "price_unit": 1})],
        )
        report = self.env["customer.tiering.promise.report"].with_user(self.manager)
        both = report.with_context(allowed_company_ids=(self.company | other).ids)
        row = both.search([("order_id", "=", order.id)])
        self.assertEqual((row.tier_id, row.days), (tier, 1))  # 8 p. m. is the next day in Tokyo
        self.assertFalse(report.search([("order_id", "=", order.id)]))
        found = both.search([("kind", "=", "contact"), ("partner_id", "=", self.ben.id)])
        self.assertEqual(found.mapped("tier_id"), tier | self.high)


class TestTreatment(ReportCommon):
    """Who was treated worse than customers of lower tiers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cases = {
            "Ada": (cls.high, (5, 5, 1)),
            "Bea": (cls.high, (2, 3)),
            "Cleo": (cls.high, (9,)),  # one case says nothing
            "Dora": (cls.middle, (4, 4, 4)),
            "Ella": (cls.middle, (4,)),
            "Fay": (cls.low, (3, 3)),
            "Gil": (cls.low, (2, 7)),
        }
        cls.customers = {}
        for name, (tier, waits) in cls.cases.items():
            who = cls.customers[name] = cls.new_customer(name)
            cls.enter(who, tier, 100)
            for number, days in enumerate(waits):
                cls.quote(who, 20 + number, 20 + number - days)

    def found(self, kind="quotation"):
        rows = self.env["customer.tiering.treatment.report"].with_user(self.manager).search([("kind", "=", kind)])
        return {
            row.partner_id.name: (row.days, row.case_count, row.lower_tier_id, row.lower_days, row.lower_case_count)
            for row in rows
        }

    def test_half_of_the_cases_took_longer_than_those_of_a_lower_tier(self):
        expected = {}
        for name, (tier, waits) in self.cases.items():
            lower = []
            for other in (self.middle, self.low):
                of_other = [days for place, all_days in self.cases.values() if place == other for days in all_days]
                if other.sequence > tier.sequence and len(of_other) >= 3:
                    lower.append((median(of_other), len(of_other), other))
            if lower and len(waits) >= 2 and median(waits) > min(lower)[0]:
                days, count, other = min(lower, key=lambda found: found[0])
                expected[name] = (median(waits), len(waits), other, days, count)
        self.assertEqual(set(expected), {"Ada", "Dora"})  # lower customers wait 3 days
        self.assertEqual(self.found(), expected)

    def test_hidden_customers_count_for_nobody(self):
        """Without Fay the low tier has two cases, which say nothing; the middle one has four of 4 days."""
        self.env["ir.rule"].create(
            {
                "name": "All but Fay",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": "[('name', '!=', 'Fay')]",
                "groups": [Command.link(self.env.ref("sales_team.group_sale_manager").id)],
            }
        )
        self.assertEqual(self.found(), {"Ada": (5, 3, self.middle, 4, 4)})

    def test_it_is_said_in_words(self):
        row = self.env["customer.tiering.treatment.report"].search([("partner_id", "=", self.customers["Ada"].id)])
        self.assertEqual(
            row.filtered(lambda found: found.kind == "quotation").sentence,
            f"Days until a quotation is answered: 5 for Ada, 3 for customers in {self.low.name}.",
        )
        self.assertEqual(row[0].action_open_customer()["res_id"], self.customers["Ada"].id)

    def test_what_happened_in_another_tier_or_longer_ago_does_not_count(self):
        risen, old = self.new_customer("Hedy"), self.new_customer("Ida")
        self.enter(risen, self.middle, 400)
        self.enter(risen, self.high, 10)
        self.enter(old, self.high, 400)
        for days in (30, 20):
            self.quote(risen, days, days - 9)
        for days in (200, 180):
            self.quote(old, days, days - 9)
        self.assertEqual(set(self.found()), {"Ada", "Dora"})
        for days in (10, 9):
            self.quote(risen, days, days - 9)
        for days in (179, 178):
            self.quote(old, days, days - 9)
        self.assertEqual(set(self.found()), {"Ada", "Dora", "Hedy", "Ida"})
        self.assertEqual(self.found()["Ida"][1], 2)

    def test_interactions_are_compared_too(self):
        """By hand: 365 days for each interaction; of the low tier half of the customers have more than 36.5 days."""
        self.customers["Hal"] = self.new_customer("Hal")
        self.enter(self.customers["Hal"], self.low, 100)
        counts = {"Ada": 2, "Bea": 20, "Cleo": 0, "Dora": 5, "Ella": 73, "Fay": 10, "Gil": 12, "Hal": 6}
        for name, count in counts.items():
            self.card(self.customers[name]).write({"contact_count": count, "first_order_date": date(2020, 1, 1)})
        self.card(self.customers["Bea"]).first_order_date = AS_OF - timedelta(days=30)  # not here for longer
        found = self.found("contact")
        self.assertEqual(
            {name: (round(days, 1), count, tier) for name, (days, count, tier, *_lower) in found.items()},
            {"Ada": (182.5, 2, self.low), "Cleo": (365, 0, self.low), "Dora": (73, 5, self.low)},
        )
        self.assertEqual(found["Ada"][3:], (36.5, 28))
