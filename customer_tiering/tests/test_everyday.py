import dataclasses
from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .. import sources
from .common import AS_OF
from .stage import TABLES
from .test_purchases import PurchasesCommon

SOURCES = ("order", "invoice", "order_invoice")
NOTHING = (0, 0)


class EverydayCommon(PurchasesCommon):
    """Stories of ordinary business, each acted out and reckoned by hand.

    A story is a method ``story_…`` that returns what must have been bought by whom: ``{customer: (by orders, by
    invoices, by orders and direct invoices)}``, each of which is an amount and a number of purchases. All are acted
    out first; so each of the sources has to tell them apart.
    """

    sources = SOURCES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.general = cls.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", cls.company.id)], limit=1
        )

    def _judge(self):
        names = [name for name in dir(self) if name.startswith("story_")]
        expected = {}
        for name in names:
            for who, bought in getattr(self, name)().items():
                expected[who] = (name, dict(zip(self.sources, bought, strict=True)))
        # Nothing is committed, so nobody tells PostgreSQL how much there is by now; it would search by bad plans.
        self.env.flush_all()
        for table in TABLES:
            self.env.cr.execute(SQL("ANALYZE %s", SQL.identifier(table)))
        import pandas as pd  # noqa: PLC0415

        reader = self.env["customer.tiering.reader"]
        nothing = dict.fromkeys(("amount", "order_count"), 0)
        wrong = []
        for source in self.sources:
            self.policy.revenue_from = source
            everybody = reader._read_customers(self.policy._get_scope(AS_OF))
            ids = sorted(who.id for who in expected)
            some = reader._read_customers(self.policy._get_scope(AS_OF, ids))
            half = len(ids) // 2
            parts = [(0, ids[0]), (ids[0] + 1, ids[half]), (ids[half] + 1, 2**31 - 1)]
            foreign = tuple(sources.returns.read_foreign(self.env.cr, self.company.id).tolist())
            scopes = [self.policy._get_scope(AS_OF, part=part) for part in parts]
            scopes = [dataclasses.replace(scope, foreign_credits=foreign) for scope in scopes]
            parts = [reader._read_customers(scope) for scope in scopes]
            frames = {"everybody": everybody, "some": some, "parts": pd.concat(parts)}
            self.assertEqual(frames["parts"].to_csv(), everybody.to_csv())
            for who, (name, bought) in expected.items():
                for reading, frame in frames.items():
                    row = frame.loc[who.id] if who.id in frame.index else nothing
                    found = float(row["amount"]), int(row["order_count"])
                    if found != bought[source]:
                        wrong.append(f"{name}, {who.name}, {source}, {reading}: {found}, expected {bought[source]}")
        self.assertFalse(wrong, "\n".join(wrong))

    # ------------------------------------------------------------------
    # What happens
    # ------------------------------------------------------------------

    @classmethod
    def date(cls, days):
        return AS_OF - timedelta(days=days)

    @classmethod
    def line(cls, amount, quantity=1, **values):
        """A line of an order."""
        line = {"product_id": cls.product.id, "product_uom_qty": quantity, "price_unit": amount, "tax_ids": False}
        return Command.create({**line, **values})

    @classmethod
    def ordered(cls, who, days, *amounts, **values):
        """An order with a line of each amount."""
        return cls.order(who, days, order_line=[cls.line(amount) for amount in amounts], **values)

    @classmethod
    def due(cls, orders, days):
        """What is due of the orders is invoiced, or credited if it is less than nothing."""
        moves = orders._create_invoices(final=True)
        moves.invoice_date = cls.date(days)
        moves.action_post()
        return moves

    @classmethod
    def advance(cls, order, days, **values):
        """A down payment is invoiced."""
        wizard = cls.env["sale.advance.payment.inv"].with_context(active_model="sale.order", active_ids=order.ids)
        before = order.invoice_ids
        wizard.create(values).create_invoices()
        down = order.invoice_ids - before
        down.invoice_date = cls.date(days)
        down.action_post()
        return down

    @classmethod
    def reverse(cls, move, days, lines=None, **values):
        """A bill is reversed; ``lines`` says what is given back of which of its lines, the others are left out."""
        note = move._reverse_moves([{"invoice_date": cls.date(days), "date": cls.date(days), **values}])
        if lines is not None:
            places = list(note.invoice_line_ids)
            for place, line in enumerate(places):
                if place not in lines:
                    line.unlink()
                else:
                    line.write({"quantity": 1, "price_unit": lines[place]})
        note.action_post()
        return note

    @classmethod
    def bill_without_order(cls, who, days, *lines, kind="out_invoice", **values):
        """A bill with such lines (values)."""
        lines = [Command.create({"name": "Line", "quantity": 1, "tax_ids": False, **line}) for line in lines]
        return cls.direct(who, days, kind=kind, invoice_line_ids=lines, **values)

    @classmethod
    def account(cls, account_type):
        return cls.env["account.account"].search(
            [("account_type", "=", account_type), ("company_ids", "in", cls.company.ids)], limit=1
        )

    @classmethod
    def settle(cls, move, days, **counterpart):
        """A bill is settled by an entry."""
        open_lines = move.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        amount = sum(open_lines.mapped("balance"))
        entry = cls.env["account.move"].create(
            {
                "move_type": "entry",
                "date": cls.date(days),
                "journal_id": cls.general.id,
                "line_ids": [
                    Command.create(
                        {"account_id": open_lines.account_id.id, "partner_id": move.partner_id.id, "balance": -amount}
                    ),
                    Command.create({"balance": amount, **counterpart}),
                ],
            }
        )
        entry.action_post()
        (open_lines | entry.line_ids.filtered(lambda line: line.account_id == open_lines.account_id)).reconcile()
        return entry


@tagged("post_install", "-at_install")
class TestEverydayBusiness(EverydayCommon):
    def test_stories(self):
        self._judge()

    # ------------------------------------------------------------------
    # Down payments
    # ------------------------------------------------------------------

    def story_01_down_payment_of_some_percent(self):
        who = self.new_customer("Down payment in percent")
        order = self.ordered(who, 40, 1000)
        self.advance(order, 30, advance_payment_method="percentage", amount=30)
        self.due(order, 10)
        return {who: [(1000, 1)] * 3}

    def story_02_down_payment_kept_when_the_order_is_cancelled(self):
        who = self.new_customer("Down payment kept")
        order = self.ordered(who, 40, 1000)
        self.advance(order, 30, advance_payment_method="fixed", fixed_amount=300)
        order._action_cancel()
        return {who: [NOTHING] * 3}

    def story_03_all_is_paid_before(self):
        who = self.new_customer("All paid before")
        order = self.ordered(who, 40, 1000)
        self.advance(order, 30, advance_payment_method="percentage", amount=100)
        self.due(order, 10)
        return {who: [(1000, 1)] * 3}

    def story_04_more_was_paid_before_than_was_bought(self):
        who = self.new_customer("Too much paid before")
        order = self.ordered(who, 40, 1000)
        self.advance(order, 30, advance_payment_method="fixed", fixed_amount=500)
        order.order_line[0].price_unit = 400
        final = self.due(order, 10)
        self.assertEqual((final.move_type, final.amount_untaxed), ("out_refund", 100))
        return {who: [(400, 1)] * 3}

    def story_05_the_final_invoice_is_credited(self):
        who = self.new_customer("Final invoice credited")
        order = self.ordered(who, 40, 1000)
        self.advance(order, 30, advance_payment_method="percentage", amount=30)
        self.credit(self.due(order, 10), 5)
        return {who: [NOTHING] * 3}

    def story_06_the_down_payment_is_credited_and_all_invoiced(self):
        who = self.new_customer("Down payment credited")
        order = self.ordered(who, 40, 1000)
        self.reverse(self.advance(order, 30, advance_payment_method="percentage", amount=30), 25)
        self.due(order, 10)
        return {who: [(1000, 1)] * 3}

    def story_07_a_final_invoice_below_zero_is_corrected(self):
        undone, again = self.new_customer("Final invoice undone"), self.new_customer("Final invoice made again")
        for who in (undone, again):
            order = self.ordered(who, 40, 1000)
            self.advance(order, 30, advance_payment_method="fixed", fixed_amount=500)
            order.order_line[0].price_unit = 400
            self.reverse(self.due(order, 20), 10)
        self.assertEqual(self.due(order, 5).move_type, "out_refund")
        # The order stands, and is to be invoiced again.
        return {undone: [(400, 1), NOTHING, (400, 1)], again: [(400, 1)] * 3}

    # ------------------------------------------------------------------
    # Orders that change
    # ------------------------------------------------------------------

    def story_10_more_of_it(self):
        who = self.new_customer("More of it")
        order = self.ordered(who, 40, 1000)
        self.bill(order, 30)
        order.order_line.product_uom_qty = 3
        self.bill(order, 20)
        return {who: [(3000, 1), (3000, 2), (3000, 1)]}

    def story_11_something_else_after_a_return(self):
        who = self.new_customer("Something else after a return")
        order = self.ordered(who, 40, 1000)
        self.credit(self.bill(order, 30), 20, amount=300)
        order.order_line = [self.line(300)]
        invoice = order._create_invoices()
        invoice.invoice_line_ids.filtered(lambda line: line.price_unit != 300).unlink()
        invoice.invoice_date = self.date(10)
        invoice.action_post()
        self.assertEqual(invoice.amount_untaxed, 300)
        return {who: [(1000, 1), (1000, 2), (1000, 1)]}

    def story_12_an_order_that_goes_on(self):
        who = self.new_customer("Order that goes on")
        order = self.ordered(who, 80, 1000)
        self.bill(order, 80)
        order.order_line = [self.line(1000)]
        second = self.bill(order, 60)
        note = self.reverse(second, 55, {0: 500})
        note.invoice_line_ids.quantity = 1
        order.order_line = [self.line(1000)]
        third = order._create_invoices()
        third.invoice_line_ids[:-1].unlink()
        third.invoice_date = self.date(40)
        third.action_post()
        self.assertEqual(third.amount_untaxed, 1000)
        return {who: [(2500, 1), (2500, 3), (2500, 1)]}

    def story_13_a_discount_after_the_fact(self):
        who = self.new_customer("Discount after the fact")
        order = self.ordered(who, 40, 1000)
        self.bill(order, 30)
        order.order_line = [self.line(-100)]
        self.assertEqual(self.due(order, 20).move_type, "out_refund")
        return {who: [(900, 1)] * 3}

    def story_14_a_discount_line_and_all_comes_back(self):
        who = self.new_customer("With a discount, and back")
        self.credit(self.bill(self.ordered(who, 40, 1000, -100), 30), 20)
        return {who: [NOTHING] * 3}

    def story_15_cancelled_and_confirmed_again(self):
        who = self.new_customer("Confirmed again")
        order = self.ordered(who, 40, 700)
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        order.date_order = self.noon(AS_OF, 30)
        return {who: [(700, 1), NOTHING, (700, 1)]}

    def story_16_less_was_delivered(self):
        who = self.new_customer("Less delivered")
        thing = self.env["product.product"].create(
            {"name": "By delivery", "type": "service", "invoice_policy": "delivery", "taxes_id": False}
        )
        order = self.order(who, 40, order_line=[self.line(10, 10, product_id=thing.id)])
        order.order_line.qty_delivered = 6
        self.bill(order, 30)
        return {who: [(100, 1), (60, 1), (100, 1)]}

    def story_17_a_running_order_credited_long_ago(self):
        who = self.new_customer("Credited long ago")
        order = self.order(who, 420, order_line=[self.line(100, 10)])
        self.bill(order, 400)
        order.order_line.product_uom_qty = 7
        self.due(order, 380)  # 300 back, from the order
        order.order_line = [self.line(500)]
        self.due(order, 20)
        return {who: [NOTHING, (500, 1), NOTHING]}

    # ------------------------------------------------------------------
    # Money
    # ------------------------------------------------------------------

    def _euro(self):
        euro = self.env.ref("base.EUR")
        if not euro.active or not self.env["res.currency.rate"].search_count([("company_id", "=", self.company.id)]):
            euro.active = True
            for days, rate in ((900, 0.5), (15, 0.8)):
                self.env["res.currency.rate"].create(
                    {
                        "currency_id": euro.id,
                        "company_id": self.company.id,
                        "name": self.date(days),
                        "rate": rate,
                    }
                )
        return euro

    def _in_euro(self, who, days, amount):
        prices = self.env["product.pricelist"].create({"name": "Euro", "currency_id": self._euro().id})
        order = self.ordered(who, days, amount, pricelist_id=prices.id)
        self.assertEqual(order.currency_rate, 0.5)
        return order

    def story_20_ordered_in_euro_and_invoiced_in_dollars(self):
        who = self.new_customer("Dollars for euro")
        invoice = self._in_euro(who, 30, 100)._create_invoices()
        invoice.write({"currency_id": self.company.currency_id.id, "invoice_date": self.date(10)})
        invoice.invoice_line_ids.price_unit = 125
        invoice.action_post()
        return {who: [(200, 1), (125, 1), (200, 1)]}

    def _in_another_currency(self, order, days, currency, price):
        invoice = order._create_invoices()
        invoice.write({"currency_id": currency.id, "invoice_date": self.date(days)})
        invoice.invoice_line_ids.price_unit = price
        invoice.action_post()
        return invoice

    def story_18_invoiced_in_another_currency_at_another_rate(self):
        euro, dollar = self._euro(), self.company.currency_id
        back, half, less = (self.new_customer(f"Dollars for euro, {how}") for how in ("back", "half", "less"))
        # 100 euro are 200 dollars when they are ordered, and 125 when they are invoiced.
        self.credit(self._in_another_currency(self._in_euro(back, 30, 100), 10, dollar, 125), 5)
        self.credit(self._in_another_currency(self._in_euro(half, 30, 100), 10, dollar, 125), 5, amount=62.5)
        order = self._in_euro(less, 30, 100)
        self._in_another_currency(order, 10, dollar, 125)
        order.order_line = [self.line(-25)]
        self.assertEqual(self.due(order, 5).currency_id, euro)
        # 100 dollars are 50 euro; when these come back they would be 62.5 dollars.
        later, again = (self.new_customer(f"Euro for dollars, {how}") for how in ("back", "again"))
        self.credit(self._in_another_currency(self.ordered(later, 40, 100), 30, euro, 50), 10)
        order = self.ordered(again, 40, 100)
        self.credit(self._in_another_currency(order, 30, euro, 50), 10)
        self._in_another_currency(order, 8, euro, 80)
        return {
            back: [NOTHING] * 3,
            half: [(100, 1), (62.5, 1), (100, 1)],
            less: [(150, 1), (93.75, 1), (150, 1)],
            later: [NOTHING] * 3,
            again: [(100, 1)] * 3,
        }

    def story_19_invoiced_for_less_and_all_back(self):
        price, rate, line = (self.new_customer(f"{what}, all back") for what in ("Agreed price", "Bank's rate", "Line"))
        currency = self.company.currency_id
        self.credit(self._in_another_currency(self.ordered(price, 40, 1000), 30, currency, 950), 10)
        self.credit(self._in_another_currency(self._in_euro(rate, 30, 100), 10, currency, 118), 5)
        order = self.ordered(line, 40, 950, 50)
        invoice = order._create_invoices()
        invoice.invoice_line_ids[1].unlink()  # to be invoiced later
        invoice.invoice_date = self.date(30)
        invoice.action_post()
        self.credit(invoice, 10)
        return {price: [NOTHING] * 3, rate: [NOTHING] * 3, line: [(50, 1), NOTHING, (50, 1)]}

    def story_21_a_credit_note_in_another_currency(self):
        who = self.new_customer("Credit note in dollars")
        invoice = self.direct(who, 30, 100, currency_id=self._euro().id)
        note = self.credit_note(who, 5, 100, post=False)
        note.reversed_entry_id = invoice
        note.action_post()
        return {who: [NOTHING, (100, 1), (100, 1)]}

    def story_22_more_back_than_was_charged(self):
        who = self.new_customer("More back than charged")
        self.direct(who, 40, 50)
        self.credit(self.direct(who, 30, 200), 20, amount=250)
        return {who: [NOTHING, (50, 1), (50, 1)]}

    def story_23_tax_in_the_price(self):
        who = self.new_customer("Tax in the price")
        tax = self.env["account.tax"].create(
            {
                "name": "15 % included",
                "amount": 15,
                "price_include_override": "tax_included",
                "company_id": self.company.id,
            }
        )
        order = self.order(who, 40, order_line=[self.line(115, tax_ids=[Command.set(tax.ids)])])
        self.bill(order, 30)
        self.bill_without_order(who, 20, {"price_unit": 230, "tax_ids": [Command.set(tax.ids)]})
        return {who: [(100, 1), (300, 2), (300, 2)]}

    def story_24_for_nothing(self):
        free, discounted = self.new_customer("For nothing"), self.new_customer("100 % discount")
        self.bill(self.ordered(free, 40, 0), 30)
        self.bill(self.order(discounted, 40, order_line=[self.line(80, discount=100)]), 30)
        return {free: [NOTHING] * 3, discounted: [NOTHING] * 3}

    def story_25_cash_rounding(self):
        who = self.new_customer("Cash rounding")
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "5 cents",
                "rounding": 0.05,
                "strategy": "add_invoice_line",
                "rounding_method": "HALF-UP",
                "profit_account_id": self.account("income").id,
                "loss_account_id": self.account("expense").id,
            }
        )
        invoice = self.direct(who, 30, 99.98, invoice_cash_rounding_id=rounding.id)
        self.assertEqual(invoice.amount_total, 100)
        return {who: [NOTHING, (99.98, 1), (99.98, 1)]}

    def story_26_a_bad_debt_is_written_off(self):
        who = self.new_customer("Bad debt")
        invoice = self.bill(self.ordered(who, 40, 600), 30)
        self.settle(invoice, 5, account_id=self.account("expense").id)
        return {who: [(600, 1)] * 3}

    def story_27_two_percent_for_paying_early(self):
        who = self.new_customer("Pays early")
        terms = self.env["account.payment.term"].create(
            {
                "name": "2 % in 10 days",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "early_pay_discount_computation": "mixed",
                "line_ids": [Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})],
            }
        )
        self.direct(who, 30, 1000, invoice_payment_term_id=terms.id)
        return {who: [NOTHING, (1000, 1), (1000, 1)]}

    def story_28_an_allowance_on_an_expense_account(self):
        who = self.new_customer("Allowance")
        expense = self.account("expense").id
        self.bill_without_order(who, 30, {"price_unit": 100}, {"price_unit": -10, "account_id": expense})
        return {who: [NOTHING, (90, 1), (90, 1)]}

    # ------------------------------------------------------------------
    # Credit notes
    # ------------------------------------------------------------------

    def story_30_a_credit_note_is_withdrawn(self):
        draft, cancelled = self.new_customer("Note in draft again"), self.new_customer("Note cancelled")
        for who in (draft, cancelled):
            note = self.credit(self.bill(self.ordered(who, 40, 500), 30), 20)
            note.button_draft()
            if who == cancelled:
                note.button_cancel()
        return {who: [(500, 1)] * 3 for who in (draft, cancelled)}

    def story_31_a_credit_note_is_reversed_in_part(self):
        who = self.new_customer("Note reversed in part")
        note = self.credit(self.bill(self.ordered(who, 40, 1000), 30), 20)
        self.reverse(note, 10, {0: 300})
        return {who: [(300, 1)] * 3}

    def story_32_a_credit_note_is_reversed_and_made_again(self):
        who = self.new_customer("Note made again")
        invoice = self.bill(self.ordered(who, 40, 1000), 30)
        self.reverse(self.credit(invoice, 20), 15)
        self.reverse(invoice, 10, {0: 200})
        return {who: [(800, 1)] * 3}

    def story_33_a_credit_note_is_dated_before_its_invoice(self):
        who = self.new_customer("Note backdated")
        self.credit(self.bill(self.ordered(who, 40, 400), 20), 25)
        return {who: [NOTHING] * 3}

    def story_34_an_invoice_was_sent_twice(self):
        who = self.new_customer("Sent twice")
        invoice = self.direct(who, 40, 350)
        again = invoice.copy({"invoice_date": self.date(39)})
        again.action_post()
        self.credit(again, 30)
        return {who: [NOTHING, (350, 1), (350, 1)]}

    def story_35_an_opening_balance_in_favour_of_the_customer(self):
        who = self.new_customer("Opening balance")
        self.direct(who, 60, 500), self.ordered(who, 70, 300)
        self.bill_without_order(
            who, 50, {"price_unit": 120, "account_id": self.account("equity").id}, kind="out_refund"
        )
        return {who: [(300, 1), (500, 1), (800, 2)]}

    def story_36_a_compensation_is_an_expense(self):
        who = self.new_customer("Compensation")
        self.direct(who, 60, 500)
        self.bill_without_order(
            who, 50, {"price_unit": 20, "account_id": self.account("expense").id}, kind="out_refund"
        )
        return {who: [NOTHING, (480, 1), (480, 1)]}

    def story_37_the_new_invoice_is_written_before_the_old_is_credited(self):
        who = self.new_customer("New invoice first")
        order = self.ordered(who, 40, 900)
        first = self.bill(order, 30)
        again = first.copy({"invoice_date": self.date(25)})
        again.invoice_line_ids.sale_line_ids = order.order_line
        again.action_post()
        self.credit(first, 20)
        return {who: [(900, 1)] * 3}

    # ------------------------------------------------------------------
    # Several on one
    # ------------------------------------------------------------------

    def story_40_one_invoice_for_all_shops(self):
        payer = self.new_customer("Head office", is_company=True)
        shops = [self.new_customer(f"Shop {number}", is_company=True) for number in range(3)]
        orders = self.env["sale.order"]
        for shop, amount in zip(shops, (1000, 500, 250), strict=True):
            orders |= self.ordered(shop, 40, amount, partner_invoice_id=payer.id, partner_shipping_id=payer.id)
        invoice = self.due(orders, 30)
        self.assertEqual((len(invoice), invoice.partner_id), (1, payer))
        lines = invoice.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        place = list(invoice.invoice_line_ids).index(lines.filtered(lambda line: line.price_unit == 500))
        self.reverse(invoice, 20, {place: 200})
        return {
            payer: [NOTHING] * 3,
            **{shop: [(amount, 1)] * 3 for shop, amount in zip(shops, (1000, 300, 250), strict=True)},
        }

    def story_44_one_invoice_for_all_shops_is_credited(self):
        payer, *shops = (self.new_customer(f"Office {number}", is_company=True) for number in range(3))
        orders = self.env["sale.order"]
        for shop, amount in zip(shops, (33.33, 66.67), strict=True):
            orders |= self.ordered(shop, 40, amount, partner_invoice_id=payer.id, partner_shipping_id=payer.id)
        self.credit(self.due(orders, 30), 20)
        kept = self.due(self.ordered(shops[0], 40, 70, partner_invoice_id=payer.id), 30)
        note = self.credit_note(payer, 10, 7, post=False)
        note.reversed_entry_id = kept
        note.action_post()
        return {payer: [NOTHING] * 3, shops[0]: [(63, 1)] * 3, shops[1]: [NOTHING] * 3}

    def story_41_one_invoice_for_two_buyers_of_a_firm(self):
        firm = self.new_customer("Firm with two buyers", is_company=True)
        orders = self.env["sale.order"]
        for name, amount in (("One", 100), ("Two", 60)):
            buyer = self.new_customer(name, parent_id=firm.id)
            orders |= self.ordered(buyer, 40, amount, partner_invoice_id=firm.id, partner_shipping_id=firm.id)
        self.assertEqual(len(self.due(orders, 30)), 1)
        return {firm: [(160, 2), (160, 1), (160, 2)]}

    def _in_one_line(self, who, days):
        orders = self.ordered(who, days, 1000) | self.ordered(who, days, 100)
        line = {
            "product_id": self.product.id,
            "price_unit": 1100,
            "sale_line_ids": [Command.set(orders.order_line.ids)],
        }
        return self.bill_without_order(who, days - 5, line)

    def story_42_two_orders_in_one_line(self):
        kept, back, half = (self.new_customer(f"Two orders in one line, {name}") for name in ("kept", "back", "half"))
        self._in_one_line(kept, 40)
        self.credit(self._in_one_line(back, 40), 20)
        self.credit(self._in_one_line(half, 40), 20, amount=550)
        return {
            kept: [(1100, 2), (1100, 1), (1100, 2)],
            back: [NOTHING] * 3,
            half: [(550, 2), (550, 1), (550, 2)],
        }

    def story_43_sections_and_notes(self):
        who = self.new_customer("Sections and notes")
        lines = [
            Command.create({"display_type": "line_section", "name": "Part"}),
            self.line(120),
            Command.create({"display_type": "line_note", "name": "Note"}),
        ]
        self.credit(self.bill(self.order(who, 40, order_line=lines), 30), 10, amount=None)
        self.bill(self.order(who, 35, order_line=lines), 30)
        return {who: [(120, 1)] * 3}

    # ------------------------------------------------------------------
    # Goods that come back
    # ------------------------------------------------------------------

    def story_50_a_return_order(self):
        who = self.new_customer("Return order")
        self.bill(self.ordered(who, 100, 1000), 95)
        back = self.order(who, 10, order_line=[self.line(200, -1)])
        self.assertEqual(self.due(back, 5).move_type, "out_refund")
        return {who: [(800, 1)] * 3}

    def story_51_a_return_with_the_next_order(self):
        who = self.new_customer("Return with the next order")
        self.bill(self.ordered(who, 100, 1000), 95)
        self.due(self.order(who, 10, order_line=[self.line(500), self.line(200, -1)]), 5)
        return {who: [(1300, 2)] * 3}

    def story_52_a_larger_return_with_the_next_order(self):
        who = self.new_customer("Larger return with the next order")
        self.bill(self.ordered(who, 100, 1000), 95)
        self.due(self.order(who, 10, order_line=[self.line(100), self.line(300, -1)]), 5)
        return {who: [(800, 1)] * 3}

    def story_53_a_return_with_the_next_order_and_all_of_that_back(self):
        who = self.new_customer("All of the next order back")
        self.bill(self.ordered(who, 100, 1000), 95)
        self.credit(self.due(self.order(who, 10, order_line=[self.line(500), self.line(200, -1)]), 5), 2)
        return {who: [(1000, 1)] * 3}

    def story_54_a_return_order_and_the_next_order_on_one_invoice(self):
        kept, back = self.new_customer("Return and order"), self.new_customer("Return and order, all back")
        for who in (kept, back):
            self.bill(self.ordered(who, 100, 1000), 95)
            orders = self.ordered(who, 10, 500) | self.order(who, 10, order_line=[self.line(200, -1)])
            invoice = self.due(orders, 5)
            self.assertEqual((len(invoice), invoice.amount_untaxed), (1, 300))
        self.credit(invoice, 2)
        return {kept: [(1300, 2)] * 3, back: [(1000, 1)] * 3}

    def story_55_a_return_order_of_who_never_bought(self):
        who = self.new_customer("Returns what was bought elsewhere")
        self.due(self.order(who, 10, order_line=[self.line(50, -1)]), 5)
        return {who: [NOTHING] * 3}

    # ------------------------------------------------------------------
    # Who and when
    # ------------------------------------------------------------------

    def story_60_a_customer_who_sells_to_us(self):
        who = self.new_customer("Customer and vendor")
        self.direct(who, 40, 300)
        for kind in ("in_invoice", "in_refund", "in_receipt"):
            expense = {"price_unit": 500, "account_id": self.account("expense").id}
            self.bill_without_order(who, 30, expense, kind=kind)
            income = {"price_unit": 500, "account_id": self.account("income").id}
            self.bill_without_order(who, 30, income, kind=kind)
        return {who: [NOTHING, (300, 1), (300, 1)]}

    def story_61_a_receipt_and_its_credit_note(self):
        kept, back = self.new_customer("Receipt"), self.new_customer("Receipt given back")
        self.direct(kept, 40, 70, kind="out_receipt")
        self.reverse(self.direct(back, 40, 70, kind="out_receipt"), 20)
        return {kept: [NOTHING, (70, 1), (70, 1)], back: [NOTHING] * 3}

    def story_62_the_future(self):
        who = self.new_customer("Future")
        self.direct(who, -10, 70), self.direct(who, 20, 30), self.ordered(who, -5, 40)
        self.credit(self.bill(self.ordered(who, 20, 40), 15), -3)
        return {who: [(40, 1), (70, 2), (70, 2)]}

    def story_63_the_same_every_month(self):
        who = self.new_customer("Every month")
        first = self.direct(who, 70, 25)
        for days in (40, 10):
            first.copy({"invoice_date": self.date(days)}).action_post()
        first.copy({"invoice_date": self.date(-20)})
        return {who: [NOTHING, (75, 3), (75, 3)]}

    def story_64_another_company(self):
        who = self.new_customer("Of another company too")
        other = self.env["res.company"].create({"name": "Sister"})
        self.env.user.company_ids |= other
        self.env["account.chart.template"].try_loading("generic_coa", company=other, install_demo=False)
        self.direct(who, 30, 80)
        of_other = self.env["account.move"].with_context(allowed_company_ids=other.ids)
        line = {"name": "Other", "quantity": 1, "price_unit": 900, "tax_ids": False}
        for kind in ("out_invoice", "out_refund"):
            of_other.create(
                {
                    "move_type": kind,
                    "company_id": other.id,
                    "partner_id": who.id,
                    "invoice_date": self.date(20),
                    "invoice_line_ids": [Command.create(line)],
                }
            ).action_post()
        return {who: [NOTHING, (80, 1), (80, 1)]}

    def story_65_billed_to_a_contact_of_a_contact(self):
        firm = self.new_customer("Holding", is_company=True)
        office = self.new_customer("Office", parent_id=firm.id)
        clerk = self.new_customer("Clerk", parent_id=office.id)
        self.direct(clerk, 40, 45), self.bill(self.ordered(clerk, 30, 5, partner_invoice_id=office.id), 20)
        return {firm: [(5, 1), (50, 2), (50, 2)]}
