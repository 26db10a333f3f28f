from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import StockCommon

COLUMNS = {"delivery_count", "return_count"}


@tagged("post_install", "-at_install")
class TestDeliveries(StockCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.new_customer("Lumber Inc", is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 40)

    def assertMoved(self, expected, company=None):  # noqa: N802 - like unittest's own
        """``expected``: ``{customer: (deliveries, returns)}``; read with all and alone, and counted by the ORM too."""
        policy = (company or self.company).tiering_policy_ids
        read = self.env["customer.tiering.reader"]._read_customers
        everybody = read(policy._get_scope(AS_OF), COLUMNS)
        for customer, counts in expected.items():
            alone = read(policy._get_scope(AS_OF, partner_ids=customer.ids), COLUMNS)
            for frame in (everybody, alone):
                row = frame.loc[customer.id]
                self.assertEqual((customer.name, row.delivery_count, row.return_count), (customer.name, *counts))
            self.assertEqual(self._count(customer, company or self.company), counts)

    def _count(self, customer, company):
        """The same, transfer by transfer, for companies whose day is UTC's."""
        orders = self.env["sale.order"].search(
            [("partner_id.commercial_partner_id", "=", customer.id), ("company_id", "=", company.id)]
        )
        begin = AS_OF - timedelta(days=365)
        done = orders.order_line.move_ids.picking_id.filtered(
            lambda picking: picking.state == "done" and begin < picking.date_done.date() <= AS_OF
        )
        codes = done.mapped("picking_type_code")
        return codes.count("outgoing"), codes.count("incoming")

    def test_what_is_sent_and_comes_back_is_counted(self):
        self.assertMoved({self.ben: (0, 0)})
        first = self.sent(self.ann, 20)
        self.sent(self.firm, 10)
        self.give_back(first, 5)
        self.sent(self.ben, 3)
        self.assertMoved({self.firm: (2, 1), self.ben: (1, 0)})

    def test_what_was_sent_stays_with_the_firm_that_the_contact_has_left(self):
        """As the order does."""
        new = self.buyer("New firm", 40, is_company=True)
        self.give_back(self.sent(self.ann, 20), 5)
        self.ann.parent_id = new
        everybody = self.env["customer.tiering.reader"]._read_customers(self.policy._get_scope(AS_OF), COLUMNS)
        self.assertEqual(everybody.loc[self.firm.id, ["delivery_count", "return_count"]].tolist(), [1, 1])
        alone = self.policy._get_scope(AS_OF, partner_ids=(self.firm | new).ids)
        alone = self.env["customer.tiering.reader"]._read_customers(alone, COLUMNS)
        self.assertEqual(alone["delivery_count"].to_dict(), {self.firm.id: 1, new.id: 0})

    def test_an_order_sent_in_two_parts_has_two_deliveries(self):
        order = self.confirmed(self.ann, 3)
        self.finish(order.picking_ids, 9, quantity=1)
        self.assertMoved({self.firm: (1, 0)})
        self.finish(order.picking_ids.filtered(lambda picking: picking.state != "done"), 8)
        self.assertMoved({self.firm: (2, 0)})

    def test_what_is_only_prepared_is_none_and_what_was_cancelled_later_is_one(self):
        prepared, cancelled = (self.confirmed(self.ann).picking_ids for _number in range(2))
        cancelled.action_cancel()
        (prepared | cancelled).date_done = self.noon(AS_OF, 3)  # as an import may leave them
        self.assertMoved({self.firm: (0, 0)})
        order = self.sent(self.ann, 2).sale_id
        order._action_cancel()
        self.assertEqual(order.state, "cancel")
        self.assertMoved({self.firm: (1, 0)})

    def test_steps_inside_the_warehouse_are_none(self):
        warehouse = self.env["stock.warehouse"].search([("company_id", "=", self.company.id)], limit=1)
        warehouse.delivery_steps = "pick_ship"
        order = self.confirmed(self.ann)
        self.finish(order.picking_ids, 4)
        self.assertMoved({self.firm: (0, 0)})
        self.finish(order.picking_ids.filtered(lambda picking: picking.state != "done"), 3)
        self.assertMoved({self.firm: (1, 0)})

    def test_it_is_the_customers_who_ordered_wherever_it_is_sent(self):
        self.sent(self.ann, 5, partner_shipping_id=self.ben.id)
        self.assertMoved({self.firm: (1, 0), self.ben: (0, 0)})

    def test_a_transfer_without_an_order_is_none(self):
        warehouse = self.env["stock.warehouse"].search([("company_id", "=", self.company.id)], limit=1)
        places = {
            "location_id": warehouse.lot_stock_id.id,
            "location_dest_id": self.env.ref("stock.stock_location_customers").id,
        }
        move = {"product_id": self.product.id, "product_uom_qty": 1, **places}
        picking = self.env["stock.picking"].create(
            {
                "partner_id": self.ben.id,
                "picking_type_id": warehouse.out_type_id.id,
                "move_ids": [Command.create(move)],
                **places,
            }
        )
        self.finish(picking, 3)
        self.assertEqual(picking.state, "done")
        self.assertMoved({self.ben: (0, 0)})

    def test_the_window_begins_and_ends_with_days_of_the_company(self):
        self.sent(self.ann, 365)
        self.sent(self.ann, -1)
        self.assertMoved({self.firm: (0, 0)})
        self.sent(self.ann, 364)
        self.sent(self.ann, 0)
        self.assertMoved({self.firm: (2, 0)})
        # In Auckland, twelve hours ahead, the next day begins at noon (UTC): so it does where these were sent, and only
        # those on the last day are not in the window any more.
        self.company.partner_id.tz = "Pacific/Auckland"
        self.sent(self.ben, when=datetime(2026, 6, 30, 11, 59))
        frame = self.env["customer.tiering.reader"]._read_customers(self.policy._get_scope(AS_OF), COLUMNS)
        self.assertEqual(frame.loc[[self.firm.id, self.ben.id], "delivery_count"].tolist(), [2, 1])

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.sent(self.ann, 5)
        env = self.env(context={**self.env.context, "allowed_company_ids": other.ids})
        warehouse = env["stock.warehouse"].search([("company_id", "=", other.id)], limit=1)
        order = env["sale.order"].create(
            {
                "partner_id": self.ben.id,
                "company_id": other.id,
                "warehouse_id": warehouse.id,
                "order_line": [Command.create({"product_id": self.product.id, "tax_ids": False})],
            }
        )
        order.action_confirm()
        self.finish(order.picking_ids, 4)
        self.assertMoved({self.firm: (1, 0), self.ben: (0, 0)})
        self.assertMoved({self.ben: (1, 0)}, other.with_env(env))

    def test_the_scorecard_has_it_and_a_single_customer_is_read_alike(self):
        for key in ("deliveries", "returned_deliveries", "returned_share"):
            self.policy.criterion_ids = [Command.create({"metric_id": self.metric(key), "method": "bands"})]
        first = self.sent(self.ann, 20)
        for days in (19, 18, 17):
            self.sent(self.ann, days)
        self.give_back(first, 5)
        self.compute()
        card = self.card(self.firm)
        self.assertEqual((card.delivery_count, card.return_count, card.returned_share), (4, 1, 25))
        self.assertIn("4 deliveries", str(card.explanation_data))
        self.assertIn("1 return", str(card.explanation_data))
        self.sent(self.ann, 0)
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(self.firm, self.company, "instant")
        with freeze_time(self.noon(AS_OF)):
            refresh._process(self.company)
        self.env.invalidate_all()
        self.assertEqual((card.delivery_count, card.return_count, card.returned_share), (5, 1, 20))

    def test_without_a_delivery_the_share_is_not_known_and_it_can_be_above_all(self):
        self.policy.criterion_ids = [Command.create({"metric_id": self.metric("returned_share"), "method": "bands"})]
        self.give_back(self.sent(self.ann, 400), 5)
        twice = self.sent(self.ben, 400)
        self.give_back(twice, 5)
        self.sent(self.ben, 6)
        self.give_back(self.sent(self.ben, 380), 4)
        self.compute()
        # The share of the firm has no weight: its score comes from the other criterion alone.
        self.assertEqual((self.card(self.firm).return_count, self.card(self.firm).returned_share), (1, 0))
        self.assertIsNone(self.card(self.firm).explanation["returned_share"][0])
        self.assertEqual(self.card(self.ben).returned_share, 200)

    def test_deliveries_and_returns_cost_what_the_company_says(self):
        """Three deliveries at 20 and a return at 35."""
        rates = {"delivery": 20, "returned_delivery": 35}
        for cost in self.env["customer.tiering.cost"].search([]):
            cost.rate = rates.get(cost.key, 0)
        self.policy.shown_metric_ids = [Command.set([self.metric("net_profit")])]
        first = self.sent(self.ann, 20)
        self.sent(self.ann, 19)
        self.sent(self.firm, 18)
        self.give_back(first, 5)
        self.compute()
        self.assertEqual(self.card(self.firm).cost_to_serve, 95)
        self.assertEqual(self.card(self.ben).cost_to_serve, 0)

    def test_nothing_is_read_where_no_policy_looks_at_it(self):
        self.sent(self.ann, 5)
        self.compute()
        self.assertFalse(self.card(self.firm).delivery_count)
