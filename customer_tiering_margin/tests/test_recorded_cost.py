from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.test_profit import ProfitCommon


@tagged("post_install", "-at_install")
class TestRecordedCost(ProfitCommon):
    def test_goods_cost_what_they_cost_when_they_were_sold(self):
        anna = self.new_customer("Anna")
        order = self.sold(anna, 10, (self.product, 2, 100))
        self.product.standard_price = 90
        self.compute()
        self.assertCard(anna, margin=80)
        order.order_line.purchase_price = 55  # somebody knows better
        self.compute()
        self.assertCard(anna, margin=90)

    def test_invoices_of_orders_have_the_cost_of_the_order(self):
        self.policy.revenue_from = "invoice"
        anna = self.new_customer("Anna")
        order = self.sold(anna, 10, (self.product, 2, 100))
        order.order_line.purchase_price = 55
        invoice = order._create_invoices()
        invoice.invoice_date = "2026-06-25"
        invoice.invoice_line_ids.quantity = 1
        invoice.action_post()
        self.compute()
        self.assertCard(anna, amount=100, margin=45)

    def test_margin_and_amount_without_cost_are_the_margin_of_sales_analysis(self):
        """Fifty customers: three kinds of goods, one without a cost, two currencies, units, discounts."""
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "name": "2025-01-01", "rate": 0.8, "company_id": self.company.id}
        )
        pricelist = self.env["product.pricelist"].create(
            {"name": "Euro", "currency_id": euro.id, "company_id": self.company.id}
        )
        vase = self.env["product.product"].create({"name": "Vase", "standard_price": 7.35, "taxes_id": False})
        dozen = self.env.ref("uom.product_uom_dozen")
        who = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(50)])
        for number, partner in enumerate(who):
            lines = [(self.product, 1 + number % 4, 99.9), (vase, 1 + number % 7, 12.34)]
            if number % 3 == 0:
                lines.append((self.gift, 1, 5.55))
            values = {"pricelist_id": pricelist.id} if number % 5 == 0 else {}
            order = self.sold(partner, number, *lines, **values)
            if number % 6 == 0:
                order.order_line[0].product_uom_id = dozen
                order.order_line[0].price_unit = 1000
            if number % 4 == 0:
                order.order_line[1].discount = 12.5
        self.compute()
        self.env.flush_all()
        report = self.env["sale.report"]._read_group(
            [("partner_id", "in", who.ids), ("state", "=", "sale")],
            ["partner_id"],
            ["margin:sum", "price_subtotal:sum"],
        )
        theirs = {partner: (margin, amount) for partner, margin, amount in report}
        for partner in who:
            card = self.card(partner)
            margin, amount = theirs[partner]
            self.assertAlmostEqual(card.margin + card.uncosted_amount, margin, delta=0.011)
            self.assertAlmostEqual(card.amount, amount, delta=0.006)

    def test_fifty_customers_by_hand(self):
        """As in a spreadsheet: price, cost, number, orders, rates."""
        self.rate(order=12.5, order_line=1.75)
        who = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(50)])
        expected = {}
        for number, partner in enumerate(who, 1):
            orders, quantity, price, cost = 1 + number % 3, 1 + number % 5, 20 + number, 10 + number % 9
            for day in range(orders):
                order = self.sold(partner, 5 + day, (self.product, quantity, price))
                order.order_line.purchase_price = cost
            expected[partner] = round(orders * (quantity * (price - cost) - 12.5 - 1.75), 2)
        self.compute()
        self.assertEqual({partner: round(self.card(partner).net_profit, 2) for partner in who}, expected)
        self.assertTrue(any(profit < 0 for profit in expected.values()))
