from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from ..models import res_company
from .common import AS_OF, TieringCommon


class PurchasesCommon(TieringCommon):
    """What was bought and given back, from papers as people make them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accounting()
        cls.product.invoice_policy = "order"

    @classmethod
    def bill(cls, orders, days=0):
        """The posted invoice of these orders, ``days`` days before AS_OF."""
        invoice = orders._create_invoices(grouped=False)
        invoice.invoice_date = AS_OF - timedelta(days=days)
        invoice.action_post()
        return invoice

    @classmethod
    def direct(cls, who, days=0, amount=100.0, kind="out_invoice", **values):
        """A posted invoice without an order."""
        line = {"product_id": cls.product.id, "quantity": 1, "price_unit": amount, "tax_ids": False}
        invoice = cls.env["account.move"].create(
            {
                "move_type": kind,
                "partner_id": who.id,
                "invoice_date": AS_OF - timedelta(days=days),
                "invoice_line_ids": [Command.create(line)],
                **values,
            }
        )
        invoice.action_post()
        return invoice

    @classmethod
    def credit(cls, invoice, days=0, again=False, amount=None):
        """The posted credit note of an invoice, of ``amount`` or in full; with a new invoice if ``again``."""
        wizard = cls.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        wizard = wizard.create({"journal_id": invoice.journal_id.id, "date": AS_OF - timedelta(days=days)})
        wizard.modify_moves() if again else wizard.refund_moves()
        note = invoice.reversal_move_ids
        if note.state == "draft":
            note.invoice_date = AS_OF - timedelta(days=days)
            if amount is not None:
                note.invoice_line_ids.price_unit = amount
            note.action_post()
        if again:
            new = cls.env["account.move"].search([("state", "=", "draft"), ("company_id", "=", cls.company.id)])
            new.invoice_date = AS_OF - timedelta(days=days)
            new.action_post()
        return note

    def _row(self, who, as_of=AS_OF):
        """What is read of a customer, in the full reading and alone."""
        reader = self.env["customer.tiering.reader"]
        everybody = reader._read_customers(self.policy._get_scope(as_of))
        alone = reader._read_customers(self.policy._get_scope(as_of, who.ids))
        self.assertEqual(everybody.loc[who.ids].to_csv(), alone.to_csv(), who.name)
        return alone.loc[who.id]

    def assertBought(self, who, amount, orders, last=None, as_of=AS_OF):  # noqa: N802 - like unittest's own
        """``last``: days since the last purchase."""
        row = self._row(who, as_of)
        self.assertEqual((row.amount, row.order_count), (amount, orders), who.name)
        if last is not None:
            self.assertEqual(row.last_order_date.date(), AS_OF - timedelta(days=last), who.name)


@tagged("post_install", "-at_install")
class TestReturnsOfOrders(PurchasesCommon):
    def test_a_corrected_invoice_takes_nothing_away(self):
        for who, again in ((self.new_customer("Corrected"), True), (self.new_customer("Control"), False)):
            self.order(who, 60, 300), self.order(who, 40, 300)
            invoice = self.bill(self.order(who, 20, 3000), 19)
            if again:
                self.credit(invoice, 10, again=True)
            self.assertBought(who, 3600, 3, last=20)

    def test_credited_and_invoiced_again_by_hand(self):
        who = self.new_customer("Ann")
        order = self.order(who, 20, 3000)
        self.credit(self.bill(order, 19), 15)
        self.assertBought(who, 0, 0)
        self.bill(order, 10)
        self.assertBought(who, 3000, 1)
        self.assertBought(who, 0, 0, as_of=AS_OF - timedelta(days=12))  # between the two

    def test_a_corrected_invoice_of_a_contract_takes_nothing_away(self):
        who = self.new_customer("Ann")
        order = self.order(who, 100, 12000)

        def bill(days):
            invoice = order._create_invoices()
            invoice.invoice_line_ids.price_unit = 1000
            invoice.invoice_date = AS_OF - timedelta(days=days)
            invoice.action_post()
            return invoice

        first = bill(60)
        self.assertBought(who, 12000, 1)
        self.credit(first, 50)
        self.assertBought(who, 11000, 1)
        first.copy(
            {
                "invoice_date": AS_OF - timedelta(days=40),
                "invoice_line_ids": [
                    Command.create(
                        {
                            "product_id": self.product.id,
                            "price_unit": 1000,
                            "tax_ids": False,
                            "sale_line_ids": [Command.set(order.order_line.ids)],
                        }
                    )
                ],
            }
        ).action_post()
        self.assertBought(who, 12000, 1)

    def test_a_return_lowers_its_own_order(self):
        who = self.new_customer("Ann")
        first, second = self.order(who, 30, 1500), self.order(who, 20, 1000)
        self.bill(first, 29)
        self.credit(self.bill(second, 19), 10, amount=400)
        self.assertBought(who, 2100, 2, last=20)
        self.assertBought(who, 2500, 2, as_of=AS_OF - timedelta(days=11))  # the day before

    def test_refunded_in_full_and_cancelled(self):
        who = self.new_customer("Ann")
        self.order(who, 30, 1500)
        second = self.order(who, 20, 1000)
        self.credit(self.bill(second))
        self.assertBought(who, 1500, 1, last=30)
        second._action_cancel()
        self.assertBought(who, 1500, 1, last=30)

    def test_goods_come_back_to_who_ordered_whoever_is_billed(self):
        payer, shop = self.new_customer("Head office", is_company=True), self.new_customer("Shop", is_company=True)
        self.order(payer, 25, 5000)
        self.credit(self.bill(self.order(shop, 20, 3000, partner_invoice_id=payer.id)), amount=1000)
        self.assertBought(payer, 5000, 1)
        self.assertBought(shop, 2000, 1)

    def test_the_return_of_an_order_before_the_window_is_before_the_window(self):
        who = self.new_customer("Ann")
        self.credit(self.bill(self.order(who, 400, 10000), 399), 300)
        self.order(who, 20, 500)
        self.assertBought(who, 500, 1)
        self.assertEqual(self._row(who).purchase_days, 1)

    def test_part_of_the_invoice_and_part_of_it_back(self):
        who = self.new_customer("Ann")
        order = self.order(who, 20, 3000)
        invoice = order._create_invoices()
        invoice.invoice_line_ids.price_unit = 1000
        invoice.invoice_date = AS_OF
        invoice.action_post()
        self.credit(invoice, amount=200)
        self.assertBought(who, 2800, 1)

    def test_a_down_payment_given_back_returns_no_goods(self):
        who = self.new_customer("Ann")
        order = self.order(who, 20, 1000)
        wizard = self.env["sale.advance.payment.inv"].with_context(active_model="sale.order", active_ids=order.ids)
        wizard.create({"advance_payment_method": "fixed", "fixed_amount": 300}).create_invoices()
        down = order.invoice_ids
        down.invoice_date = AS_OF - timedelta(days=15)
        down.action_post()
        self.credit(down, 10)
        self.assertBought(who, 1000, 1)

    def test_two_orders_on_one_invoice(self):
        who = self.new_customer("Ann")
        orders = self.order(who, 20, 1000) | self.order(who, 400, 500)
        invoice = orders._create_invoices()
        invoice.invoice_date = AS_OF
        invoice.action_post()
        self.assertEqual(len(invoice), 1)
        self.credit(invoice, amount=100)  # of each line
        self.assertBought(who, 900, 1)

    def test_a_credit_note_by_a_sum_belongs_to_the_orders_of_its_invoice(self):
        who = self.new_customer("Ann")
        invoice = self.bill(self.order(who, 20, 1000), 19)
        note = self.credit_note(who, 5, 250, post=False)
        note.reversed_entry_id = invoice
        note.action_post()
        self.assertBought(who, 750, 1)

    def test_what_never_counted_cannot_be_taken_back(self):
        who = self.new_customer("Ann")
        self.order(who, 20, 100)
        self.credit(self.direct(who, 15, 200), 10)
        self.assertBought(who, 100, 1)

    def test_a_credit_note_that_was_reversed_takes_nothing(self):
        who = self.new_customer("Ann")
        note = self.credit(self.bill(self.order(who, 20, 1000), 19), 5)
        self.assertBought(who, 0, 0)
        self.credit(note, 3)
        self.assertBought(who, 1000, 1)

    def test_a_return_in_another_currency_counts_at_the_rate_of_its_order(self):
        who, euro = self.new_customer("Ann"), self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create(
            [
                {
                    "currency_id": euro.id,
                    "company_id": self.company.id,
                    "name": AS_OF - timedelta(days=ago),
                    "rate": rate,
                }
                for ago, rate in ((500, 0.5), (10, 0.8))
            ]
        )
        prices = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        order = self.order(who, 20, 100, pricelist_id=prices.id)
        order.currency_rate = 0.5
        self.assertBought(who, 200, 1)
        self.credit(self.bill(order, 5), 4, amount=30)
        self.assertBought(who, 140, 1)  # 70 / 0.5, whatever the rate of the credit note

    def test_a_rebate_counts_on_its_own_day_if_the_policy_says_so(self):
        who = self.new_customer("Ann")
        self.order(who, 300, 1000)
        self.credit_note(who, 10, 50)
        self.assertBought(who, 950, 1)
        self.assertBought(who, 1000, 1, as_of=AS_OF - timedelta(days=11))
        self.policy.subtract_rebates = False
        self.assertBought(who, 1000, 1)

    def test_orders_below_the_least_amount_are_no_purchases(self):
        many, one = self.new_customer("Twelve cents"), self.new_customer("One order")
        for ago in range(12):
            self.order(many, 3 + 5 * ago, 0.01)
        self.order(one, 3, 4000)
        self.credit(self.bill(self.order(one, 2, 60)), amount=55)
        self.policy.min_order_amount = 10
        self.assertBought(many, 0, 0)
        self.assertEqual(self._row(many).purchase_days, 0)
        self.assertBought(one, 4000, 1, last=3)
        self.compute()
        card = self.card(one)
        self.assertEqual(card.small_count, 1)
        self.assertIn("1 order below $\N{NO-BREAK SPACE}10.00 is left out.", card.explanation_data["text"])

    def test_refunds_downgrade_at_once_whatever_took_the_purchase_back(self):
        self.policy.write({"grace_days": 30, "stay_days": 90, "refunds_at_once": True})
        bands = {"band_1": 100, "band_2": 500, "band_3": 1500, "band_4": 5000}
        money = {"metric_id": self.metric("monetary"), "method": "bands", "band_unit": "value", **bands}
        self.policy.criterion_ids = [Command.clear(), Command.create(money)]
        for number in range(20):
            self.buyer(f"Other {number}", 20 + 10 * number, amount=300)
        cancels, corrects, stays = (self.new_customer(name) for name in ("Cancels", "Corrects", "Stays"))
        for who in (cancels, corrects, stays):
            for ago in (300, 100, 40, 20):
                self.order(who, ago, 300)
        self.compute(AS_OF - timedelta(days=1))
        before = self.card(cancels).tier_id
        big = {who: self.order(who, 0, 20000, state="draft") for who in (cancels, corrects, stays)}
        for order in big.values():
            order.action_confirm()
            order.date_order = self.noon(AS_OF)
        self.compute()
        self.assertTiers(dict.fromkeys(big, "Platinum"))
        big[cancels]._action_cancel()
        big[corrects].order_line.price_unit = 0.01
        self.compute()
        self.assertEqual(self.card(cancels).tier_id, before)
        self.assertEqual(self.card(cancels).pending_date, False)
        self.assertEqual(self.card(corrects).pending_date, False)
        self.assertNotEqual(self.card(corrects).tier_id.name, "Platinum")
        self.assertEqual(self.card(stays).tier_id.name, "Platinum")


@tagged("post_install", "-at_install")
class TestInvoices(PurchasesCommon):
    def setUp(self):
        super().setUp()
        self.policy.revenue_from = "invoice"

    def test_invoices_count_on_their_day_for_who_was_billed(self):
        firm = self.new_customer("Firm", is_company=True)
        buyer = self.new_customer("Buyer", parent_id=firm.id)
        self.direct(buyer, 20, 100), self.direct(firm, 10, 50, kind="out_receipt"), self.direct(firm, 400, 7)
        self.order(firm, 5, 1000)  # not invoiced
        self.assertBought(firm, 150, 2, last=10)
        self.assertEqual(self._row(firm).purchase_days, 3)

    def test_an_invoice_belongs_to_who_ordered(self):
        payer, shop = self.new_customer("Head office", is_company=True), self.new_customer("Shop", is_company=True)
        invoice = self.bill(self.order(shop, 20, 3000, partner_invoice_id=payer.id), 10)
        self.assertEqual(invoice.partner_id, payer)
        self.direct(payer, 5, 70)
        self.assertBought(shop, 3000, 1, last=10)
        self.assertBought(payer, 70, 1)

    def test_an_opening_balance_is_none(self):
        who = self.new_customer("Ann")
        equity = self.env["account.account"].search(
            [("account_type", "=", "equity"), ("company_ids", "in", self.company.ids)], limit=1
        )
        line = {"name": "Opening", "quantity": 1, "price_unit": 900, "tax_ids": False, "account_id": equity.id}
        self.direct(who, 20, 100)
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": who.id,
                "invoice_date": AS_OF,
                "invoice_line_ids": [Command.create(line)],
            }
        )
        move.action_post()
        self.assertBought(who, 100, 1, last=20)

    def test_a_business_with_a_down_payment_is_one(self):
        who = self.new_customer("Ann")
        order = self.order(who, 40, 1000)
        wizard = self.env["sale.advance.payment.inv"].with_context(active_model="sale.order", active_ids=order.ids)
        wizard.create({"advance_payment_method": "fixed", "fixed_amount": 300}).create_invoices()
        order.invoice_ids.invoice_date = AS_OF - timedelta(days=30)
        order.invoice_ids.action_post()
        self.assertBought(who, 0, 0)
        final = order._create_invoices(final=True)
        final.invoice_date = AS_OF - timedelta(days=10)
        final.action_post()
        self.assertBought(who, 1000, 1, last=10)

    def test_the_monthly_invoices_of_a_contract_are_one_each(self):
        who = self.new_customer("Ann")
        order = self.order(who, 370, 12000)
        for ago in range(0, 360, 30):
            self.direct(who, ago, 1000)
        self.assertBought(who, 12000, 12, last=0)
        self.assertTrue(order)

    def test_credit_notes_lower_the_invoice_that_they_reverse(self):
        who = self.new_customer("Ann")
        self.direct(who, 30, 100)
        self.credit(self.direct(who, 20, 200), 5, amount=80)
        self.assertBought(who, 220, 2, last=20)
        self.credit(self.direct(who, 10, 333.33), 5)
        self.assertBought(who, 220, 2, last=20)

    def test_a_corrected_invoice_is_one_business(self):
        who = self.new_customer("Ann")
        self.credit(self.direct(who, 20, 3000), 10, again=True)
        self.assertBought(who, 3000, 1, last=10)

    def test_a_credit_note_from_the_order_lowers_its_last_invoice(self):
        who = self.new_customer("Ann")
        order = self.order(who, 40, 1000)
        invoice = self.bill(order, 30)
        note = invoice.copy({"move_type": "out_refund", "invoice_date": AS_OF - timedelta(days=3)})
        note.invoice_line_ids.write(
            {"sale_line_ids": [Command.set(order.order_line.ids)], "price_unit": 250, "tax_ids": False}
        )
        note.action_post()
        self.assertBought(who, 750, 1, last=30)

    def test_orders_and_direct_invoices(self):
        self.policy.revenue_from = "order_invoice"
        who = self.new_customer("Ann")
        self.bill(self.order(who, 20, 1000), 19)
        self.direct(who, 10, 50)
        self.credit(self.direct(who, 8, 500), 7, amount=100)
        self.assertBought(who, 1450, 3, last=8)

    def test_products_and_teams_come_from_the_same_source(self):
        who = self.new_customer("Ann")
        self.product.categ_id = self.env["product.category"].create({"name": "Goods"})
        for key in ("categories", "top_team_share"):
            metric = self.metric(key)
            if metric:
                self.policy.criterion_ids = [Command.create({"metric_id": metric, "weight": 1})]
        for source in ("invoice", "order_invoice"):
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.direct(who, 10, 50)
                columns = {"category_count", "top_category_id", "product_count"}
                scope = self.policy._get_scope(AS_OF, who.ids)
                row = self.env["customer.tiering.reader"]._read_customers(scope, columns).loc[who.id]
                self.assertEqual((row.category_count, row.product_count), (1, 1))
                self.assertEqual(row.top_category_id, self.product.categ_id.id)

    def test_posting_an_invoice_wakes_the_customer_and_keeps_the_tier(self):
        who = self.buyer("Ann")
        self.direct(who, 20, 1000)
        self.compute()
        queue = self.env["customer.tiering.refresh"]
        queue.search([]).unlink()
        invoice = self.direct(who, 1, 100)
        self.assertEqual(queue.search([]).partner_id, who)
        self.assertEqual(invoice.tiering_tier_id, self.card(who).tier_id)
        self.assertTrue(invoice.tiering_tier_id)

    def test_the_policy_says_what_orders_do_not_see(self):
        today = self.company._get_tiering_today()
        self.direct(self.new_customer("Ann"), (AS_OF - today).days, 900)
        self.assertEqual(self.policy.revenue_hint, False)
        self.policy.revenue_from = "order"
        self.assertIn("100% of your revenue", self.policy.with_user(self.manager).revenue_hint)
        self.order(self.new_customer("Ben"), (AS_OF - today).days, 2700)  # 900 of 3,600
        self.env.invalidate_all()
        self.assertIn("25% of your revenue", self.policy.with_user(self.manager).revenue_hint)
        with self.assertRaises(AccessError):  # it tells about all invoices of the company
            self.policy.with_user(self.salesperson).read(["revenue_hint"])

    def test_a_sample_of_large_tables_tells_the_same_and_a_small_company_is_read_whole(self):
        today = self.company._get_tiering_today()
        people = [self.new_customer(f"Customer {number}") for number in range(30)]
        for who in people:
            self.direct(who, (AS_OF - today).days, 100)
            self.order(who, (AS_OF - today).days, 300)
        self.env.flush_all()
        self.env.cr.execute("ANALYZE account_move; ANALYZE sale_order")
        self.assertEqual(self.company._get_tiering_revenue_shares(), (25, True))
        with patch.object(res_company, "SAMPLED_ROWS", 5):
            self.assertEqual(self.company._get_tiering_revenue_shares(), (25, True))
            _sample, factor = self.company._get_tiering_sample("account_move")
            self.assertGreater(factor, 5)


@tagged("post_install", "-at_install")
class TestThreeSources(PurchasesCommon):
    def test_the_same_past_gives_the_same_scorecards(self):
        customers = [self.new_customer(f"Customer {number}") for number in range(6)]
        bought = [
            (who, 7 + 31 * place * (number + 1) % 360, 20 + 35 * number + place)
            for number, who in enumerate(customers)
            for place in range(number + 1)
        ]
        for who, days, amount in bought:
            self.order(who, days, amount)
        self.compute()
        fields = ("score", "tier_id", "segment_id", "amount", "order_count", "last_order_date", "purchase_days", "risk")
        by_orders = [self.card(who).read(fields, load=None)[0] for who in customers]
        self.env["sale.order"].search([("company_id", "=", self.company.id)])._action_cancel()
        for who, days, amount in bought:
            self.direct(who, days, amount)
        for source in ("invoice", "order_invoice"):
            self.policy.revenue_from = source
            self.compute()
            self.env.invalidate_all()
            self.assertEqual([self.card(who).read(fields, load=None)[0] for who in customers], by_orders, source)
