from datetime import date, timedelta
from itertools import pairwise

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import TransactionCase, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestTimeline(TieringCommon, TransactionCase):
    """What a customer did through time, against what was written down."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", 0, 3, 40, 200, 500, amount=100)
        cls.ben = cls.buyer("Ben", 1, amount=7000)

    def setUp(self):
        super().setUp()
        # A timeline ends today.
        self.startPatcher(freeze_time(self.noon(AS_OF)))

    def _read(self, who=None, months=12, user=None):
        card = self.card(who or self.ann).with_user(user or self.salesperson)
        return card.get_timeline(months)

    def _sums(self, data):
        return [
            (period["start"], period["orders"], period["amount"], period["returned"], period["interactions"])
            for period in data["periods"]
            if period["orders"] or period["amount"] or period["returned"] or period["interactions"]
        ]

    def _monday(self, days):
        day = AS_OF - timedelta(days=days)
        return str(day - timedelta(days=day.weekday()))

    def test_weeks_have_what_was_bought_in_them(self):
        self.compute()
        data = self._read()
        # AS_OF is a Tuesday: 3 days before it is in the week before.
        self.assertEqual(self._sums(data), [(self._monday(days), 1, 100, 0, 0) for days in (200, 40, 3, 0)])
        self.assertEqual((data["unit"], data["last"]), ("week", str(AS_OF)))
        self.assertLessEqual(date.fromisoformat(data["first"]), AS_OF - timedelta(days=364))
        starts = [date.fromisoformat(period["start"]) for period in data["periods"]]
        self.assertEqual({start.weekday() for start in starts}, {0})
        self.assertEqual({after - before for before, after in pairwise(starts)}, {timedelta(7)})
        self.assertEqual(data["periods"][-1]["end"], str(AS_OF))

    def test_longer_times_have_more(self):
        self.compute()
        self.assertEqual(sum(row[1] for row in self._sums(self._read(months=24))), 5)
        self.assertEqual(sum(row[1] for row in self._sums(self._read(months=0))), 5)
        self.order(self.ann, 3000)
        self.compute()
        data = self._read(months=0)
        self.assertEqual(data["unit"], "month")
        self.assertEqual(sum(row[1] for row in self._sums(data)), 6)
        self.assertLessEqual(len(data["periods"]), 400)

    def test_returns_stand_below_and_all_adds_up_to_the_amount(self):
        self.accounting()
        order = self.order(self.ann, 10, 500)
        order.order_line.qty_delivered = 1
        invoice = order._create_invoices()
        invoice.invoice_date = AS_OF - timedelta(days=9)
        invoice.action_post()
        refund = invoice._reverse_moves([{"invoice_date": AS_OF - timedelta(days=5)}])
        refund.invoice_line_ids.filtered("price_unit").price_unit = 120
        refund.action_post()
        self.compute()
        data = self._read()
        rows = {row[0]: row[1:] for row in self._sums(data)}
        self.assertEqual(rows[self._monday(10)], (1, 500, 120, 0))
        window = [p for p in data["periods"] if p["start"] > str(AS_OF - timedelta(days=self.policy.window_days))]
        self.assertEqual(sum(p["amount"] - p["returned"] for p in window), self.card(self.ann).amount)

    def test_interactions_are_dots_on_their_days(self):
        contact = self.new_customer("Kid", parent_id=self.ann.id)
        for who, days in ((self.ann, 2), (contact, 3), (self.ben, 3)):
            message = who.message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
            message.date = self.noon(AS_OF, days)
        self.compute()
        rows = {row[0]: row[4] for row in self._sums(self._read())}
        self.assertEqual((rows[self._monday(3)], rows[self._monday(0)]), (2, 0))
        self.assertEqual(self.card(self.ann).contact_count, 2)

    def test_the_tier_is_a_band_and_new_rules_are_marked(self):
        low, high = self.policy.tier_ids[-1], self.policy.tier_ids[0]
        change = self.env["customer.tier.change"]
        self.compute()
        change.search([]).unlink()
        common = {"partner_id": self.ann.id, "company_id": self.company.id, "policy_id": self.policy.id}
        change.create(
            [
                {
                    **common,
                    "date": AS_OF - timedelta(days=days),
                    "from_tier_id": before,
                    "to_tier_id": after,
                    "score_before": 10,
                    "score_after": score,
                    "direction": direction,
                    "reason": "score",
                }
                for days, before, after, score, direction in (
                    (900, False, low.id, 10, "new"),
                    (90, low.id, high.id, 80, "up"),
                    (5, high.id, False, 0, "left"),
                )
            ]
        )
        data = self._read()
        self.assertEqual(
            [(band["tier"], band["start"], band["end"]) for band in data["bands"]],
            [
                (low.name, data["first"], str(AS_OF - timedelta(days=91))),
                (high.name, str(AS_OF - timedelta(days=90)), str(AS_OF - timedelta(days=6))),
            ],
        )
        self.assertEqual(data["scores"], [{"day": str(AS_OF - timedelta(days=90)), "score": 80}])
        self.assertFalse(data["marks"])
        self.policy.window_days = 300
        self.compute()
        self.env.flush_all()
        self.env.invalidate_all()
        version = self.policy.version_ids.sorted("number")[-1]
        self.assertGreater(version.number, 1)
        self.env.cr.execute(
            "UPDATE customer_tiering_policy_version SET create_date = %s WHERE id = %s",
            (self.noon(AS_OF, 7), version.id),
        )
        self.env.invalidate_all()
        marks = self._read()["marks"]
        self.assertEqual([(mark["day"], mark["kind"]) for mark in marks], [(str(AS_OF - timedelta(days=7)), "rules")])

    def test_who_never_bought_has_an_empty_picture(self):
        asked = self.new_customer("Asked")
        self.order(asked, 3, state="draft")
        self.compute()
        for months in (12, 24, 0):
            data = self._read(asked, months)
            self.assertEqual((self._sums(data), data["bands"]), ([], []))

    def test_a_wrong_time_is_refused_in_words(self):
        self.compute()
        for months in (-1, 13, "12; DROP TABLE", None, 1e9):
            with self.assertRaisesRegex(UserError, "Choose 12 or 24 months, or all."):
                self._read(months=months)

    def test_nobody_reads_the_timeline_of_a_hidden_customer(self):
        own = self.new_user("tiering_timeline_own", "sales_team.group_sale_salesman")
        self.ann.user_id = self.salesperson
        self.env["sale.order"].search([("partner_id", "=", self.ann.id)]).user_id = self.salesperson
        self.compute()
        portal = self.new_user("tiering_timeline_portal", "base.group_portal")
        for user in (own, portal):
            with self.assertRaises(AccessError):
                self._read(user=user)
        self.assertTrue(self._read())

    def test_another_company_is_left_out(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.order(self.ann, 3, 999, company_id=other.id)
        self.compute()
        self.assertEqual(sum(row[2] for row in self._sums(self._read())), 400)

    def test_the_number_of_queries_does_not_grow_with_the_orders(self):
        self.compute()
        counts = []
        for _round in range(2):
            self.env.flush_all()
            self.env.invalidate_all()
            self._read(months=24)  # what is cached for all
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self._read(months=24)
            counts.append(self.env.cr.sql_log_count - before)
            for days in range(50):
                self.order(self.ann, days)
        self.assertEqual(*counts)

    def test_numbers_lead_to_their_documents(self):
        self.accounting()
        outside = self.env["sale.order"].search([("partner_id", "=", self.ann.id)], order="date_order", limit=1)
        self.ann.activity_schedule("mail.mail_activity_data_call", AS_OF, user_id=self.salesperson.id)
        self.compute()
        card = self.card(self.ann).with_user(self.salesperson)

        def found(action):
            model = self.env[action["res_model"]].with_user(self.salesperson)
            return model.with_context(**action["context"]).search(action["domain"])

        orders = found(card.action_tiering_purchases())
        self.assertEqual((len(orders), outside in orders), (card.order_count, False))
        week = found(card.action_tiering_purchases(self._monday(3), str(AS_OF - timedelta(days=2))))
        self.assertEqual(week.mapped("date_order"), [self.noon(AS_OF, 3)])
        self.assertEqual(found(card.action_tiering_activities()), self.ann.activity_ids)
        self.assertFalse(found(card.action_tiering_invoices()))
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.ann.id,
                "invoice_date": AS_OF,
                "invoice_line_ids": [Command.create({"name": "Disc", "price_unit": 10, "tax_ids": False})],
            }
        )
        invoice.action_post()
        self.assertEqual(found(card.action_tiering_invoices()), invoice)
        self.policy.revenue_from = "invoice"
        self.assertEqual(found(card.action_tiering_purchases()), invoice)
