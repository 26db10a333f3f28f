import base64
from datetime import timedelta

import numpy as np

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools.misc import formatLang

from .common import AS_OF, TieringCommon

PROFIT = ("margin", "margin_percent", "cost_to_serve", "net_profit", "net_percent")


@tagged("post_install", "-at_install")
class ProfitCommon(TieringCommon):
    """A company that measures profit and sells goods of 100 that cost 60."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accounting()
        cls.product.standard_price = 60
        cls.product.invoice_policy = "order"
        cls.gift = cls.env["product.product"].create({"name": "Gift wrap", "type": "service", "taxes_id": False})
        cls.measure(*PROFIT)

    @classmethod
    def measure(cls, *keys):
        cls.policy.shown_metric_ids = [Command.set([cls.metric(key) for key in keys])]

    @classmethod
    def rate(cls, **rates):
        """What the company reckons for work, by key."""
        for cost in cls.env["customer.tiering.cost"].search([]):
            cost.rate = rates.get(cost.key, 0)

    @classmethod
    def sold(cls, who, days, *lines, **values):
        """An order of ``lines``: product, quantity and price of one."""
        commands = [
            Command.create({"product_id": product.id, "product_uom_qty": number, "price_unit": price, "tax_ids": False})
            for product, number, price in lines
        ]
        return cls.order(who, days, order_line=commands, **values)

    @classmethod
    def invoice(cls, order, days):
        """The posted invoice of an order."""
        invoice = order._create_invoices()
        invoice.invoice_date = invoice.invoice_date_due = AS_OF - timedelta(days=days)
        invoice.action_post()
        return invoice

    @classmethod
    def pay(cls, invoice, days, amount=None):
        """A payment of an invoice, ``days`` days before AS_OF."""
        register = cls.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
        wizard = register.create({"payment_date": AS_OF - timedelta(days=days)})
        if amount:
            wizard.amount = amount
        wizard._create_payments()

    def assertCard(self, who, **values):  # noqa: N802 - like unittest's own
        card = self.card(who)
        self.assertEqual({fname: round(card[fname], 2) for fname in values}, values)


class TestMargin(ProfitCommon):
    def test_margin_is_what_goods_are_sold_for_less_what_they_cost(self):
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 3, 100))  # 300 - 180
        self.sold(anna, 400, (self.product, 9, 100))  # before the window
        self.compute()
        self.assertCard(anna, margin=120, margin_percent=40, uncosted_amount=0, net_profit=120, net_percent=40)

    def test_what_has_no_cost_is_no_margin(self):
        """150 of 450 are gift wrap, of which nobody knows what it costs."""
        anna, ben = self.new_customer("Anna"), self.new_customer("Ben")
        self.sold(anna, 10, (self.product, 3, 100), (self.gift, 1, 150))
        self.sold(ben, 10, (self.gift, 1, 80))
        self.compute()
        self.assertCard(anna, amount=450, margin=120, margin_percent=40, uncosted_amount=150)
        labels = [line["label"] for line in self.card(anna).profit_data]
        self.assertIn("Goods without a cost (33.3% of the amount)", labels)
        # Nothing is known, and nothing is no margin of 80.
        self.assertCard(ben, amount=80, margin=0, uncosted_amount=80)
        self.assertEqual(self.card(ben).profit_data[-1], {"kind": "sum", "label": "Margin", "text": "not known"})

    def test_what_comes_back_takes_the_cost_of_its_own_lines_along(self):
        """3 lamps of 100 that cost 60, and 2 vases of 50 that cost 5; one vase comes back: 350 - 180 - 5. The same by
        a credit note that reverses the invoice, and by one that is the order's; of the order and of the invoice."""
        vase = self.env["product.product"].create(
            {"name": "Vase", "type": "service", "taxes_id": False, "standard_price": 5, "invoice_policy": "order"}
        )
        anna, ben = self.new_customer("Anna"), self.new_customer("Ben")
        for who in (anna, ben):
            order = self.sold(who, 10, (self.product, 3, 100), (vase, 2, 50))
            invoice = self.invoice(order, 10)
            credit = invoice._reverse_moves([{"invoice_date": AS_OF - timedelta(days=5), "date": AS_OF}])
            kept = credit.invoice_line_ids.filtered(lambda line: line.product_id == vase)
            (credit.invoice_line_ids - kept).unlink()
            kept.quantity = 1
            if who == ben:
                credit.reversed_entry_id = False
            credit.action_post()
            self.assertEqual(credit.amount_untaxed, 50)
        for source in ("order", "invoice"):
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.compute()
                for who in (anna, ben):
                    self.assertCard(who, amount=350, margin=350 - 180 - 5, uncosted_amount=0)

    def test_goods_of_a_direct_invoice_take_their_own_cost_along(self):
        """One lamp that cost 60 and gift wrap of 50 without a cost, which comes back."""
        anna = self.new_customer("Anna")
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": anna.id,
                "invoice_date": AS_OF - timedelta(days=10),
                "invoice_line_ids": [
                    Command.create({"product_id": product.id, "quantity": 1, "price_unit": price, "tax_ids": False})
                    for product, price in ((self.product, 100), (self.gift, 50))
                ],
            }
        )
        invoice.action_post()
        credit = invoice._reverse_moves([{"invoice_date": AS_OF - timedelta(days=5), "date": AS_OF}])
        credit.invoice_line_ids.filtered(lambda line: line.product_id == self.product).unlink()
        credit.action_post()
        for source in ("order_invoice", "invoice"):
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.compute()
                self.assertCard(anna, amount=100, margin=40, uncosted_amount=0)

    def test_a_discount_lowers_the_margin_also_as_a_line(self):
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 3, 100), (self.gift, 1, -30))
        self.compute()
        self.assertCard(anna, amount=270, margin=90, uncosted_amount=0)

    def test_a_discount_on_the_whole_order_is_one_on_goods_without_a_cost_too(self):
        """10 % of 1,000, of which 900 are gift wrap: 90 for goods that cost 60, and not 0 for them."""
        anna = self.new_customer("Anna")
        order = self.sold(anna, 10, (self.product, 1, 100), (self.gift, 1, 900))
        self.env["sale.order.discount"].create(
            {"sale_order_id": order.id, "discount_type": "so_discount", "discount_percentage": 0.1}
        ).action_apply_discount()
        invoice = self.invoice(order, 10)
        self.assertEqual((order.amount_untaxed, invoice.amount_untaxed), (900, 900))
        for source in ("order", "invoice"):
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.compute()
                self.assertCard(anna, amount=900, margin=30, uncosted_amount=810, margin_percent=33.3)

    def test_samples_cost_what_they_cost_also_by_an_order_of_their_own(self):
        """Two pieces for nothing: 40 - 120. Without goods an order of nothing is no work."""
        self.rate(order=15, order_line=1)
        anna, ben = self.new_customer("Anna"), self.new_customer("Ben")
        self.sold(anna, 10, (self.product, 1, 100))
        self.sold(anna, 9, (self.product, 2, 0))
        self.sold(anna, 9, (self.product, 2, 0), state="cancel")
        self.sold(anna, 400, (self.product, 2, 0))
        self.sold(anna, 9)
        self.sold(ben, 9, (self.product, 1, 0))
        self.compute()
        self.assertCard(anna, amount=100, order_count=1, margin=40 - 120, served_order_count=2, order_line_count=2)
        self.assertCard(anna, net_profit=-80 - 2 * 15 - 2)
        self.assertCard(ben, amount=0, order_count=0, margin=-60, net_profit=-60 - 16)
        # Where small orders do not count, neither does the smallest.
        self.policy.min_order_amount = 50
        self.compute()
        self.assertCard(anna, margin=40, served_order_count=2)

    def test_a_cancelled_order_costs_nothing(self):
        """Also where it is asked what would be, had nothing been taken back."""
        self.policy.refunds_at_once = True
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 1, 100))
        order = self.sold(anna, 9, (self.product, 2, 100), state="draft")
        order.action_confirm()
        order.date_order = self.noon(AS_OF, 9)
        order._action_cancel()
        self.compute()
        self.assertCard(anna, margin=40, served_order_count=1)

    def test_a_return_takes_its_margin_along(self):
        """A third of 300 came back: 200 less 120 for the goods that stay."""
        anna = self.new_customer("Anna")
        order = self.sold(anna, 10, (self.product, 3, 100))
        invoice = self.invoice(order, 10)
        reversal = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        reversed_by = reversal.create({"journal_id": invoice.journal_id.id, "date": AS_OF}).reverse_moves()
        credit = self.env["account.move"].browse(reversed_by["res_id"])
        credit.invoice_date = AS_OF - timedelta(days=2)
        credit.invoice_line_ids.quantity = 1
        credit.action_post()
        for source in ("order", "invoice"):
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.compute()
                self.assertCard(anna, amount=200, margin=80, returned_order_count=1)

    def test_a_rebate_is_all_margin(self):
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 3, 100))
        self.credit_note(anna, 3, 50)
        self.compute()
        self.assertCard(anna, amount=250, margin=70)

    def test_units_are_converted(self):
        """Two dozens for 1,200 cost 24 * 60 - 1,440."""
        anna = self.new_customer("Anna")
        order = self.sold(anna, 10, (self.product, 2, 1000))
        dozen = self.env.ref("uom.product_uom_dozen")
        order.order_line.product_uom_id = dozen
        order.order_line.price_unit = 1000
        self.compute()
        self.assertCard(anna, amount=2000, margin=2000 - 24 * 60)

    def test_foreign_currency(self):
        """100 of a currency of which 2 are one of ours: 50 less the cost of 60, which is ours."""
        self.env["res.currency.rate"].create(
            {
                "currency_id": self.env.ref("base.EUR").id,
                "name": AS_OF - timedelta(days=500),
                "rate": 2.0,
                "company_id": self.company.id,
            }
        )
        self.env.ref("base.EUR").active = True
        pricelist = self.env["product.pricelist"].create(
            {"name": "Euro", "currency_id": self.env.ref("base.EUR").id, "company_id": self.company.id}
        )
        anna = self.new_customer("Anna")
        order = self.sold(anna, 10, (self.product, 1, 100), pricelist_id=pricelist.id)
        self.assertEqual(order.currency_rate, 2)
        self.compute()
        self.assertCard(anna, amount=50, margin=-10)

    def test_direct_invoices_cost_what_goods_cost_today(self):
        """As Odoo's own analysis of invoices says."""
        self.policy.revenue_from = "order_invoice"
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 1, 100))
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": anna.id,
                "invoice_date": AS_OF - timedelta(days=5),
                "invoice_line_ids": [
                    Command.create({"product_id": self.product.id, "quantity": 4, "price_unit": 90, "tax_ids": False})
                ],
            }
        )
        invoice.action_post()
        self.env.flush_all()
        report = self.env["account.invoice.report"].search([("move_id", "=", invoice.id)])
        self.assertEqual(sum(report.mapped("price_margin")), 4 * 30)
        self.compute()
        self.assertCard(anna, amount=460, margin=40 + 120, served_order_count=2, order_line_count=2)

    def test_of_an_invoice_of_several_customers_each_has_its_part(self):
        self.policy.revenue_from = "invoice"
        office, anna, berta = (self.new_customer(name) for name in ("Office", "Anna", "Berta"))
        orders = [
            self.sold(who, 10, (self.product, number, 100), partner_invoice_id=office.id, partner_shipping_id=office.id)
            for who, number in ((anna, 2), (berta, 1))
        ]
        invoice = self.invoice(orders[0] | orders[1], 5)
        self.assertEqual((len(invoice), invoice.amount_untaxed), (1, 300))
        self.compute()
        self.assertCard(anna, amount=200, margin=200 - 2 * 60)
        self.assertCard(berta, amount=100, margin=100 - 60)

    def test_a_deposit_on_an_invoice_is_no_goods(self):
        """It is a debt until the bottles come back: neither amount nor goods without a cost."""
        self.policy.revenue_from = "order_invoice"
        anna = self.new_customer("Anna")
        deposits = self.env["account.account"].create(
            {"name": "Deposits", "code": "TIERDEP", "account_type": "liability_current"}
        )
        bottles = {"name": "Deposit", "quantity": 1, "price_unit": 20, "tax_ids": False, "account_id": deposits.id}
        goods = {"product_id": self.product.id, "quantity": 1, "price_unit": 100, "tax_ids": False}
        self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": anna.id,
                "invoice_date": AS_OF - timedelta(days=5),
                "invoice_line_ids": [Command.create(goods), Command.create(bottles)],
            }
        ).action_post()
        self.compute()
        self.assertCard(anna, amount=100, uncosted_amount=0, margin=40)

    def test_one_customer_is_scored_as_in_the_run(self):
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 3, 100), (self.gift, 1, 150))
        self.rate(order=15, meeting_hour=80)
        self.compute()
        before = self.card(anna).read(PROFIT)
        run = self.env["customer.tiering.run"].search([("policy_id", "=", self.policy.id)], limit=1)
        scope = self.policy._get_scope(AS_OF, anna.ids, run.version_id)
        reader, rules = self.env["customer.tiering.reader"], run.version_id._get_rules()
        one = reader._read_customers(scope, rules.columns)
        everybody = reader._read_customers(self.policy._get_scope(AS_OF), rules.columns)
        self.assertTrue(one.equals(everybody.loc[[anna.id]]))
        self.assertEqual(before[0]["net_profit"], 105)

    def test_who_measures_no_profit_reads_none(self):
        self.measure()
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 3, 100))
        self.compute()
        self.assertFalse(self.card(anna).profit_data)
        self.assertNotIn("margin", self.policy._get_rules().columns)


class TestCostToServe(ProfitCommon):
    def test_each_kind_of_work_has_its_cost(self):
        """Two orders at 15, three lines at 2, one hour and a half at 80, one call at 10, margin 3 * 40."""
        self.rate(order=15, order_line=2, meeting_hour=80, activity=10)
        anna = self.new_customer("Anna")
        shop = self.new_customer("Anna's shop", parent_id=anna.id)
        self.sold(anna, 10, (self.product, 1, 100), (self.product, 1, 100))
        self.sold(shop, 20, (self.product, 1, 100))
        # One meeting of two people of the customer, one and a half hours.
        self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": self.noon(AS_OF, 8),
                "stop": self.noon(AS_OF, 8) + timedelta(hours=1, minutes=30),
                "partner_ids": [Command.set((anna | shop).ids)],
            }
        )
        call = self.env["mail.activity"].create(
            {
                "res_model_id": self.env["ir.model"]._get_id("res.partner"),
                "res_id": shop.id,
                "activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
                "user_id": self.salesperson.id,
            }
        )
        call.action_done()
        self.env.flush_all()
        self.env.cr.execute("UPDATE mail_activity SET date_done = %s WHERE id = %s", [AS_OF, call.id])
        self.compute()
        work = 2 * 15 + 3 * 2 + 1.5 * 80 + 10
        self.assertCard(anna, margin=120, cost_to_serve=work, net_profit=120 - work, meeting_hours=1.5)
        parts = [line["text"] for line in self.card(anna).profit_data if line["kind"] == "less"]
        self.assertEqual(len(parts), 5, "the cost of the goods and four kinds of work")

    def test_work_stays_with_the_firm_that_the_contact_has_left(self):
        """As the orders and the interactions do: a visit and a call of half a year ago."""
        self.rate(order=15, meeting_hour=40, activity=10)
        old, new = (self.new_customer(name, is_company=True) for name in ("Old firm", "New firm"))
        carla = self.new_customer("Carla", parent_id=old.id)
        self.sold(carla, 10, (self.product, 1, 100))
        self.sold(new, 10, (self.product, 1, 100))
        start = self.noon(AS_OF, 8)
        visit = {"name": "Visit", "start": start, "stop": start + timedelta(hours=1)}
        self.env["calendar.event"].create({**visit, "partner_ids": [Command.set(carla.ids)]})
        call = self.env["mail.activity"].create(
            {
                "res_model_id": self.env["ir.model"]._get_id("res.partner"),
                "res_id": carla.id,
                "activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
                "user_id": self.salesperson.id,
            }
        )
        call.action_done()
        self.env.flush_all()
        self.env.cr.execute("UPDATE mail_activity SET date_done = %s WHERE id = %s", [AS_OF, call.id])
        carla.parent_id = new
        self.compute()
        worked = {"served_order_count": 1, "meeting_hours": 1, "done_activity_count": 1}
        self.assertCard(old, contact_count=2, net_profit=40 - 15 - 40 - 10, **worked)
        idle = {"served_order_count": 1, "meeting_hours": 0, "done_activity_count": 0}
        self.assertCard(new, contact_count=0, net_profit=40 - 15, **idle)
        scope = self.policy._get_scope(AS_OF, (old | new).ids)
        alone = self.env["customer.tiering.reader"]._read_customers(scope, self.policy._get_rules().columns)
        self.assertEqual(alone["meeting_hours"].to_dict(), {old.id: 1, new.id: 0})

    def test_a_meeting_and_the_activity_from_which_it_was_planned_are_one(self):
        self.rate(meeting_hour=40, activity=10)
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 3, 100))
        start = self.noon(AS_OF, 8)
        visit = self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": start,
                "stop": start + timedelta(hours=1),
                "partner_ids": [Command.set(anna.ids)],
            }
        )
        planned, call = self.env["mail.activity"].create(
            [
                {
                    "res_model_id": self.env["ir.model"]._get_id("res.partner"),
                    "res_id": anna.id,
                    "activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
                    "user_id": self.salesperson.id,
                    "calendar_event_id": event,
                }
                for event in (visit.id, False)
            ]
        )
        (planned | call).action_done()
        self.env.flush_all()
        self.env.cr.execute("UPDATE mail_activity SET date_done = %s WHERE id IN %s", [AS_OF, (planned.id, call.id)])
        self.compute()
        self.assertCard(anna, meeting_hours=1, done_activity_count=1, cost_to_serve=40 + 10)

    def test_a_discount_is_nobody_s_work(self):
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 1, 100), (self.product, 1, 100), (self.gift, 1, -30))
        self.compute()
        self.assertCard(anna, order_line_count=2)

    def test_receivables(self):
        """300 due at once on day 100 before, paid 40 days later: 300 * 60 of 365 days would be wrong, it is 40 days."""
        self.measure(*PROFIT, "days_to_pay", "overdue_amount", "receivable_average")
        self.rate(interest=6, overdue_month=10)
        anna = self.new_customer("Anna")
        invoice = self.invoice(self.sold(anna, 100, (self.product, 3, 100)), 100)
        self.pay(invoice, 60)
        late = self.invoice(self.sold(anna, 20, (self.product, 1, 100)), 20)
        self.compute()
        card = self.card(anna)
        self.assertEqual(late.amount_residual, 100)
        self.assertEqual(card.days_to_pay, 40)
        self.assertEqual(card.overdue_amount, 100)
        # Owed at the end of 40 days (the day of the invoice among them) 300, and of 21 days 100.
        owed = 40 * 300 + 21 * 100
        self.assertAlmostEqual(card.receivable_average, owed / 365, places=2)
        interest = round(owed / 365 / 100 * 6, 2)
        overdue = round(10 * (40 + 20) / (365 / 12), 2)
        self.assertAlmostEqual(card.cost_to_serve, interest + overdue, places=2)

    def test_what_is_paid_and_not_matched_is_not_overdue(self):
        self.measure("overdue_amount")
        anna = self.new_customer("Anna")
        self.invoice(self.sold(anna, 20, (self.product, 1, 100)), 20)
        payment = self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": anna.id,
                "amount": 70,
                "date": AS_OF - timedelta(days=3),
            }
        )
        payment.action_post()
        self.compute()
        self.assertCard(anna, overdue_amount=30)

    def test_a_credit_note_is_no_payment(self):
        self.measure("days_to_pay", "overdue_amount")
        anna = self.new_customer("Anna")
        invoice = self.invoice(self.sold(anna, 20, (self.product, 1, 100)), 20)
        invoice._reverse_moves([{"invoice_date": AS_OF - timedelta(days=5), "date": AS_OF}], cancel=True)
        self.compute()
        self.assertCard(anna, days_to_pay=0, overdue_amount=0)

    def settle(self, invoice, days, amount, account):
        """An entry ``days`` days before AS_OF that lowers what is owed for an invoice, and is matched with it."""
        owed = invoice.line_ids.filtered(lambda line: line.account_type == "asset_receivable")
        entry = self.env["account.move"].create(
            {
                "date": AS_OF - timedelta(days=days),
                "journal_id": self.env["account.journal"]
                .search([("type", "=", "general"), ("company_id", "=", self.company.id)], limit=1)
                .id,
                "line_ids": [
                    Command.create({"account_id": owed.account_id.id, "partner_id": owed.partner_id.id, **side})
                    if account is None
                    else Command.create({"account_id": account.id, **side})
                    for account, side in ((None, {"credit": amount}), (account, {"debit": amount}))
                ],
            }
        )
        entry.action_post()
        (owed + entry.line_ids.filtered("credit")).reconcile()

    def test_what_is_written_off_is_no_payment(self):
        """Of 100, 70 are paid after 10 days and 30 written off after 40; another customer's 100 are lost entirely, and
        a third one's come in by an entry, as from a till or a lawyer's account, after 15 days."""
        self.measure("days_to_pay", "overdue_amount")
        customers = anna, ben, carl = [self.new_customer(name) for name in ("Anna", "Ben", "Carl")]
        invoices = [self.invoice(self.sold(who, 50, (self.product, 1, 100)), 50) for who in customers]
        lost, money = (
            self.env["account.account"].create(
                {"name": kind, "code": f"TT.{kind[:2]}", "account_type": kind, "company_ids": self.company.ids}
            )
            for kind in ("expense", "asset_current")
        )
        self.pay(invoices[0], 40, 70)
        self.settle(invoices[0], 10, 30, lost)
        self.settle(invoices[1], 10, 100, lost)
        self.settle(invoices[2], 35, 100, money)
        self.assertEqual([invoice.amount_residual for invoice in invoices], [0, 0, 0])
        found = self.env["customer.tiering.reader"]._read_customers(
            self.policy._get_scope(AS_OF), {"days_to_pay", "overdue_amount"}
        )
        self.assertEqual(found.overdue_amount[[who.id for who in customers]].tolist(), [0, 0, 0])
        self.assertEqual((found.days_to_pay[anna.id], found.days_to_pay[carl.id]), (10, 15))
        self.assertNotEqual(found.days_to_pay[ben.id], found.days_to_pay[ben.id])  # NaN: nothing was paid

    def test_costs_are_those_of_each_company(self):
        self.rate(order=15)
        other = self.env["res.company"].create({"name": "Other"})
        costs = self.env["customer.tiering.cost"]
        self.assertEqual(set(costs.with_company(other).search([]).mapped("rate")), {0})
        self.assertEqual([rule.key for rule in costs._get_rules(self.company)], ["order"])

    def test_a_changed_cost_is_a_changed_rule(self):
        self.rate(order=15)
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 1, 100))
        first = self.compute().version_id
        self.rate(order=20)
        self.assertNotEqual(self.compute().version_id, first)
        self.assertCard(anna, cost_to_serve=20, net_profit=20)

    def test_bad_costs_are_refused(self):
        cost = self.env["customer.tiering.cost"].search([("key", "=", "order")])
        for wrong in (-1, float("nan"), float("inf"), 1e30):
            with self.subTest(wrong=wrong), self.assertRaises(ValidationError):
                cost.with_user(self.manager).write({"rate": wrong})
        with self.assertRaises(ValidationError):
            cost.text_many = "%s orders"
        for fname in ("key", "column"):
            with self.subTest(fname=fname), self.assertRaises(UserError):
                cost.with_user(self.manager).write({fname: "other"})

    def test_margins_alone_without_any_cost(self):
        self.rate()
        anna = self.new_customer("Anna")
        self.sold(anna, 10, (self.product, 1, 100))
        self.compute()
        self.assertCard(anna, cost_to_serve=0, net_profit=40, net_percent=40)


class TestProposal(ProfitCommon):
    def propose(self):
        action = self.env["customer.tiering.cost"].with_user(self.manager).action_propose()
        return self.env["customer.tiering.cost.wizard"].with_user(self.manager).browse(action["res_id"])

    def test_a_cost_is_the_year_divided_by_its_number(self):
        self.company.partner_id.tz = "UTC"
        today = self.company._get_tiering_today()
        for name in ("Anna", "Ben"):
            order = self.sold(self.new_customer(name), 0, (self.product, 1, 100), (self.product, 1, 100))
            order.date_order = self.noon(today, 30)
        wizard = self.propose()
        numbers = {line.cost_id.key: line.number for line in wizard.line_ids}
        self.assertEqual((numbers["order"], numbers["order_line"]), (2, 4))
        self.assertNotIn("overdue_month", numbers)  # what customers owe is not for everybody
        wizard.line_ids.filtered(lambda line: line.cost_id.key == "order").total = 50
        wizard.action_apply()
        rates = {cost.key: cost.rate for cost in self.env["customer.tiering.cost"].search([])}
        self.assertEqual((rates["order"], rates["order_line"]), (25, 0))

    def test_who_does_not_see_all_is_told(self):
        self.env["ir.rule"].create(
            {
                "name": "Only some",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": "[('name', '!=', 'Anna')]",
                "groups": [Command.link(self.env.ref("sales_team.group_sale_manager").id)],
            }
        )
        with self.assertRaisesRegex(UserError, "hidden from you"):
            self.propose()

    def test_salespeople_change_no_costs(self):
        cost = self.env["customer.tiering.cost"].search([("key", "=", "order")])
        with self.assertRaises(AccessError):
            cost.with_user(self.salesperson).rate = 5
        with self.assertRaises(AccessError):
            cost.with_user(self.salesperson).action_propose()


class TestTwoAxes(ProfitCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rate(order=15)
        cls.policy.write(
            {
                "method": "two_axes",
                "axis_value_by": "value",
                "axis_value_border": 250,
                "axis_profit_by": "value",
                "axis_profit_border": 50,
            }
        )
        cls.policy.with_user(cls.manager).action_name_axes()
        cls.core, cls.small, cls.drain, cls.marginal = (cls.new_customer(name) for name in ("A", "B", "C", "D"))
        cls.sold(cls.core, 10, (cls.product, 3, 100))  # 300, 120 - 15
        cls.sold(cls.small, 10, (cls.product, 1, 130))  # 130, 70 - 15
        for day in range(10, 20):
            cls.sold(cls.drain, day, (cls.product, 1, 70))  # 700, 100 - 150
        cls.sold(cls.marginal, 10, (cls.product, 1, 61))  # 61, 1 - 15

    def get_tiers(self):
        return {
            partner.name: self.card(partner).tier_id.name
            for partner in self.core | self.small | self.drain | self.marginal
        }

    def test_value_and_profit_make_four_tiers(self):
        self.compute()
        expected = {"A": "Core", "B": "Opportunistic", "C": "Service Drain", "D": "Marginal"}
        self.assertEqual(self.get_tiers(), expected)
        self.assertEqual(set(self.env["customer.tier.change"].search([]).mapped("reason")), {"first"})
        text = self.card(self.small).explanation_data
        self.assertEqual(
            text["rule"], "Opportunistic needs Net profit of at least $ 50.00.".replace(" 50", "\N{NO-BREAK SPACE}50")
        )
        more = "To reach Core: $ 120.00 more ($ 250.00 in all).".replace("$ ", "$\N{NO-BREAK SPACE}")
        self.assertEqual(text["next"]["sentence"], more)

    def test_who_was_good_stays_a_little_below_the_border(self):
        """Down to 45, 10 % below 50: an order more costs 15 and brings 5."""
        self.compute()
        self.sold(self.small, 5, (self.product, 1, 65))
        self.compute()
        self.assertEqual(self.card(self.small).net_profit, 45)
        self.assertEqual(self.get_tiers()["B"], "Opportunistic")
        self.credit_note(self.small, 3, 0.01)
        self.compute()
        self.assertEqual(self.card(self.small).net_profit, 44.99)
        self.assertEqual(self.get_tiers()["B"], "Marginal")

    def test_it_is_simulated_and_applied(self):
        self.compute()
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        draft.axis_value_border = 100
        simulation = draft._get_simulation()
        self.env["customer.tiering.run"]._queue(draft, trigger="manual")._compute(as_of=AS_OF)
        moved = simulation.line_ids.filtered(lambda line: line.from_tier_id != line.to_tier_id)
        self.assertEqual(moved.partner_id, self.small)
        self.assertEqual(moved.to_tier_id.name, "Core")

    def test_a_lock_holds(self):
        tier = self.policy.tier_ids[0]
        self.env["customer.tiering.lock"].create(
            {
                "partner_id": self.marginal.id,
                "company_id": self.company.id,
                "tier_id": tier.id,
                "mode": "fixed",
                "reason": "Friend",
            }
        )
        self.compute()
        self.assertEqual(self.get_tiers()["D"], "Core")

    def test_three_tiers_are_refused_with_what_to_do(self):
        with self.assertRaisesRegex(ValidationError, "Two axes make four tiers"):
            self.policy.tier_ids[-1].unlink()

    def test_borders_that_divide_nothing_are_refused(self):
        for border in (0, 100, -5):
            with (
                self.subTest(border=border),
                self.assertRaisesRegex(ValidationError, "less than 100% of all"),
            ):
                self.policy.write({"axis_profit_by": "share", "axis_profit_border": border})


class TestProfitReport(ProfitCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rate(order=15)
        cls.good, cls.bad = cls.new_customer("Good"), cls.new_customer("Bad")
        cls.sold(cls.good, 10, (cls.product, 3, 100))  # 120 - 15
        cls.sold(cls.bad, 10, (cls.product, 1, 70))  # 10 - 15
        cls.sold(cls.bad, 12, (cls.product, 1, 70))  # 10 - 15
        cls.compute()

    def setUp(self):
        super().setUp()
        self.report = self.env["customer.tiering.profit.report"].with_user(self.manager)

    def decode(self, data, name):
        kind, text = data["arrays"][name]
        size = {"Uint16": "<u2", "Int32": "<i4", "Float64": "<f8"}[kind]
        return np.frombuffer(base64.b64decode(text), size).tolist()

    def test_the_arrays_give_the_net_profit_of_each(self):
        data = self.report.get_data()
        margin, orders = self.decode(data, "margin"), self.decode(data, "order")
        ids = self.decode(data, "id")
        net = {id_: money - 15 * count for id_, money, count in zip(ids, margin, orders, strict=True)}
        self.assertEqual(net, {self.good.id: 105, self.bad.id: -10})
        self.assertEqual([cost["rate"] for cost in data["costs"]], [15])
        self.assertEqual([cost["currency_id"] for cost in data["costs"]], [self.company.currency_id.id])
        self.assertEqual(sum(tier["net_profit"] for tier in data["tiers"]), 95)

    def test_costs_are_money_and_an_interest_is_none(self):
        costs = self.env["customer.tiering.cost"].with_company(self.company).search([])
        interest = costs.filtered(lambda cost: cost.key == "interest")
        self.assertFalse(interest.currency_id)
        self.assertEqual({cost.currency_id for cost in costs - interest}, {self.company.currency_id})
        order = costs.filtered(lambda cost: cost.key == "order")
        price = formatLang(self.env, 15, currency_obj=self.company.currency_id)
        self.assertEqual(order._tell(1, 15, self.company.currency_id), f"Order at {price}")
        self.assertEqual(order._tell(2, 15, self.company.currency_id), f"2 orders at {price}")

    def test_salespeople_see_their_customers_only(self):
        own = self.new_user("own_only", "sales_team.group_sale_salesman")
        self.good.user_id = self.manager
        for order in self.env["sale.order"].search([("partner_id", "=", self.good.id)]):
            order.user_id = self.manager
        self.bad.user_id = own
        data = self.report.with_user(own).get_data()
        self.assertEqual(self.decode(data, "id"), [self.bad.id])
        self.assertEqual(sum(tier["customers"] for tier in data["tiers"]), 1)
        outsider = self.new_user("outsider", "base.group_user")
        with self.assertRaises(AccessError):
            self.report.with_user(outsider).get_data()
        with self.assertRaises(AccessError):
            self.report.with_user(own).use_rates({"order": 1})

    def test_a_remedy_tried_on_all(self):
        """140 in two orders; one order of at least 71 saves 15, which is more than the 10 that are missing."""
        result = self.report.simulate("minimum_order", 71)
        self.assertEqual((result["customers"], result["gain"], result["healed"]), (1, 15, 1))
        self.assertIn("customers 1, ", result["text"])
        for kind, size in (("minimum_order", 0), ("price", -1), ("magic", 1), ("price", "x"), ("price", float("nan"))):
            with self.subTest(kind=kind, size=size), self.assertRaises(UserError):
                self.report.simulate(kind, size)

    def test_each_below_zero_has_the_smallest_change(self):
        """10 of 140 are 7.2 % higher prices, or 5 of freight for each of two orders of 70, which is 7.1 %."""
        card = self.card(self.bad).with_user(self.manager)
        self.assertEqual(card.remedy, "$ 5.00 of freight for each order".replace("$ ", "$\N{NO-BREAK SPACE}"))
        self.assertFalse(self.card(self.good).remedy)

    def test_who_has_no_tier_is_in_the_pyramid_too(self):
        """A prospect who was visited and never bought: the tiers add up to what all bring."""
        self.rate(order=15, meeting_hour=40)
        prospect = self.new_customer("Prospect")
        self.order(prospect, 5, 100, "draft")
        start = self.noon(AS_OF, 8)
        self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": start,
                "stop": start + timedelta(hours=2),
                "partner_ids": [Command.set(prospect.ids)],
            }
        )
        self.compute()
        self.assertFalse(self.card(prospect).tier_id)
        tiers = self.report.get_data()["tiers"]
        self.assertEqual(sum(tier["net_profit"] for tier in tiers), 105 - 10 - 80)
        self.assertEqual([tier["customers"] for tier in tiers if not tier["id"]], [1])

    def test_where_nothing_is_enough_the_list_says_so(self):
        """An order of 1 with a loss of 74: no price, freight or order is within reach; the other has its remedy."""
        lost = self.new_customer("Lost")
        self.sold(lost, 10, (self.product, 1, 1))
        self.compute()
        cards = (self.card(lost) | self.card(self.bad)).with_user(self.manager)
        self.assertEqual(cards[0].remedy, "No single change is enough.")
        self.assertIn("freight", cards[1].remedy)

    def test_the_costs_that_were_tried_are_used(self):
        self.report.use_rates({"order": 12})
        self.compute()
        self.assertCard(self.bad, net_profit=-4)


class TestAbsurdNumbers(ProfitCommon):
    def test_what_somebody_typed_by_mistake_stops_no_run(self):
        """A cost of 1e300, a meeting of 1e300 hours: the others have their profit."""
        self.rate(order=15, meeting_hour=80)
        anna, ben = self.new_customer("Anna"), self.new_customer("Ben")
        absurd = self.env["product.product"].create({"name": "Scanned", "standard_price": 1, "taxes_id": False})
        self.sold(anna, 10, (self.product, 3, 100))
        order = self.sold(ben, 10, (absurd, 1, 100))
        visit = {"name": "Visit", "start": self.noon(AS_OF, 8), "stop": self.noon(AS_OF, 8)}
        event = self.env["calendar.event"].create({**visit, "partner_ids": [Command.set(ben.ids)]})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE product_product SET standard_price = jsonb_build_object(%s, '1e300'::numeric) WHERE id = %s",
            [str(self.company.id), absurd.id],
        )
        self.env.cr.execute("UPDATE calendar_event SET duration = 1e300 WHERE id = %s", [event.id])
        self.env.cr.execute("UPDATE sale_order_line SET product_uom_qty = 1e30 WHERE order_id = %s", [order.id])
        self.env.invalidate_all()
        self.assertEqual(self.compute().state, "done")
        self.assertCard(anna, margin=120, net_profit=105)

    def test_the_lines_of_the_profit_add_up_to_the_cent(self):
        """6 % on receivables of 5.7534... and months that are no whole ones."""
        self.rate(order=3.33, order_line=0.37, meeting_hour=47.11, overdue_month=9.87, interest=6.35)
        anna = self.new_customer("Anna")
        self.invoice(self.sold(anna, 97, (self.product, 3, 33.3)), 97)
        self.env["calendar.event"].create(
            {
                "name": "Visit",
                "start": self.noon(AS_OF, 8),
                "stop": self.noon(AS_OF, 8) + timedelta(minutes=37),
                "partner_ids": [Command.set(anna.ids)],
            }
        )
        self.compute()
        card = self.card(anna)
        rules, _fit = self.policy._get_last_computation()
        from ..engine import profit  # noqa: PLC0415 - with pandas

        parts = [profit.get_cost(card[rule.column], rule) for rule in rules.costs]
        self.assertEqual(len(parts), 5)
        self.assertTrue(all(parts))
        self.assertEqual(round(sum(parts), 2), round(card.cost_to_serve, 2))
        self.assertEqual(round(card.margin - sum(parts), 2), round(card.net_profit, 2))
