from odoo.fields import Command
from odoo.tests import tagged

from .common import TicketsCommon


@tagged("post_install", "-at_install")
class TestProfit(TicketsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product.standard_price = 60
        metrics = cls.env["customer.tiering.metric"].search([("key", "in", ("margin", "net_profit"))])
        cls.policy.shown_metric_ids = [Command.set(metrics.ids)]
        cls.ann = cls.new_customer("Ann")

    def assertCard(self, **values):  # noqa: N802 - like unittest's own
        card = self.card(self.ann)
        self.assertEqual({fname: round(card[fname], 2) for fname in values}, values)

    def test_a_ticket_costs_what_the_till_has_recorded(self):
        """100 - 60; what goods cost later is no matter."""
        self.ticket(self.ann, 5)
        self.product.standard_price = 90
        self.compute()
        self.assertCard(amount=100, margin=40, uncosted_amount=0, served_order_count=1, order_line_count=1)

    def test_a_discount_is_margin_that_is_not_there(self):
        self.ticket(self.ann, 5, self.sells(100, discount=10))
        self.compute()
        self.assertCard(amount=90, margin=30)

    def test_what_comes_back_takes_its_margin_along(self):
        """Of two tickets one comes back, on a day of its own."""
        self.ticket(self.ann, 5)
        gone = self.ticket(self.ann, 4)
        self.refund(gone, 2)
        self.compute()
        self.assertCard(amount=100, margin=40, returned_order_count=1)

    def test_goods_that_come_back_take_their_own_cost_along(self):
        """100 that cost 60 and two bags of 30 that cost 3 each, one of which comes back."""
        bag = self.new_product("Bag", standard_price=3)
        sold = self.ticket(self.ann, 5, self.sells(100), self.sells(30, bag, qty=2))
        line = sold.lines.filtered(lambda line: line.product_id == bag)
        self.ticket(self.ann, 2, self.sells(30, bag, qty=-1, refunded_orderline_id=line.id))
        self.compute()
        self.assertCard(amount=130, margin=130 - 60 - 3, uncosted_amount=0)

    def test_goods_that_come_back_in_another_session(self):
        """Sold: 100 that cost 60, and two bags of 30 that cost 3 each. The session is closed, goods cost more since;
        one bag comes back in the next session, the other in another shop, to which it had to be brought."""
        bag = self.new_product("Bag", standard_price=3)
        sold = self.ticket(self.ann, 9, self.sells(100), self.sells(30, bag, qty=2))
        line = sold.lines.filtered(lambda line: line.product_id == bag)
        first = self.till.current_session_id
        first.action_pos_session_closing_control()
        self.assertEqual(first.state, "closed")
        self.product.standard_price, bag.standard_price = 90, 20
        self.till.open_ui()
        self.till.current_session_id.set_opening_control(0, None)
        other = self.new_till("Elsewhere")
        for days, till in ((5, self.till), (2, other)):
            back = self.ticket(self.ann, days, self.sells(30, bag, qty=-1, refunded_orderline_id=line.id), till=till)
            self.assertNotEqual(back.session_id, first)
        for as_of, amount, margin, returns in ((6, 160, 94, 0), (3, 130, 67, 1), (0, 100, 40, 1)):
            with self.subTest(days_before=as_of):
                self.compute_after(-as_of)
                self.assertCard(amount=amount, margin=margin, order_count=1, returned_order_count=returns)
        # All of it has come back.
        self.ticket(self.ann, 1, self.takes_back(sold, 100), till=other)
        self.compute_after(1)
        self.assertCard(amount=0, margin=0, order_count=0, purchase_days=0)

    def test_goods_without_a_cost(self):
        self.ticket(self.ann, 5, self.sells(100), self.sells(30, self.new_product("Bag")))
        self.compute()
        self.assertCard(amount=130, margin=40, uncosted_amount=30)

    def test_orders_and_tickets_together(self):
        self.policy.revenue_from = "order_pos"
        self.ticket(self.ann, 5)
        self.order(self.ann, 3, 80)
        self.compute()
        self.assertCard(amount=180, margin=60, served_order_count=2)


@tagged("post_install", "-at_install")
class TestNeedsInTheTill(TicketsCommon):
    def test_cashiers_read_what_a_customer_needs(self):
        ann = self.new_customer("Ann")
        shop = self.new_customer("Ann's shop", parent_id=ann.id)
        kind = self.env["customer.tiering.need.kind"].search([], limit=1)
        for text, company in (("In a box", self.company), ("By e-mail", self.env["res.company"])):
            self.env["customer.tiering.need"].create(
                {"partner_id": ann.id, "kind_id": kind.id, "text": text, "company_id": company.id}
            )
        told = shop.with_user(self.cashier).with_company(self.company).tiering_till_needs
        self.assertEqual(told, "In a box, By e-mail")
        # Somebody who also sells, but own documents only, sees no more in the till than elsewhere.
        own = self.new_user("tiering_own", "sales_team.group_sale_salesman,point_of_sale.group_pos_user")
        self.order(ann, 5, user_id=self.salesperson.id)
        seen = shop.with_user(own).with_company(self.company)
        self.assertEqual((seen.tiering_till_tier, seen.tiering_till_needs), (False, False))
        partners = self.env["res.partner"]
        self.assertIn("tiering_till_needs", partners._load_pos_data_fields(self.till))
        # Guests who order by themselves are answered as superuser.
        for fname in partners._load_pos_self_data_fields(self.till):
            self.assertFalse(fname.startswith("tiering_"))
