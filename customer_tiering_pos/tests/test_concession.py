from unittest.mock import patch

from odoo.fields import Command, Datetime
from odoo.tests import tagged

from odoo.addons.customer_tiering import jobs

from .common import TicketsCommon


@tagged("post_install", "-at_install")
class TestConcession(TicketsCommon):
    """What tickets would have cost, by hand: a disc is 100, for Gold 80; all others pay 95."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product.list_price = 100

        def pricelist(name, price, **values):
            rule = {"applied_on": "0_product_variant", "product_id": cls.product.id, "fixed_price": price}
            return cls.env["product.pricelist"].create(
                {"name": name, "company_id": cls.company.id, "item_ids": [Command.create(rule)], **values}
            )

        cls.usual, cls.best = pricelist("Usual", 95, sequence=0), pricelist("Best", 80)
        cls.till.write(
            {
                "use_pricelist": True,
                "available_pricelist_ids": [Command.set((cls.usual | cls.best).ids)],
                "pricelist_id": cls.usual.id,
            }
        )
        cls.ann = cls.new_customer("Ann")
        cls.ticket(cls.ann, 5)
        cls.compute()
        cls.gold = cls.card(cls.ann).tier_id
        cls.gold.pricelist_id = cls.best
        cls.company.tiering_ledger = True
        cls.company.sudo().tiering_ledger_since = Datetime.subtract(Datetime.now(), minutes=5)
        cls.rows = cls.env["customer.tiering.concession"]

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(jobs, "commit", lambda env, done=0, left=None: True))

    def _sell(self, *lines, **values):
        common = {"date_order": Datetime.now(), "pricelist_id": self.best.id}
        return self.ticket(self.ann, 0, *lines, **common, **values)

    def _of(self, ticket):
        return self.rows.search([("pos_order_id", "=", ticket.id)], order="line")

    def test_tickets_by_hand_and_what_comes_back(self):
        ticket = self._sell(
            self.sells(80, qty=3),
            self.sells(80, discount=50, price_type="original"),  # the other half is the cashier's
            self.sells(60, price_type="manual"),
            self.sells(70),  # nor from the pricelist
            self.sells(80, discount=100, price_type="original"),  # free without the tier, too
        )
        self.rows._cron_record()
        rows = self._of(ticket)
        # 3 × (95 - 80) = 45; 95 - 80 = 15; 240 + 40 + 60 + 70
        self.assertEqual(rows.mapped("given"), [45, 15])
        self.assertEqual(set(rows.mapped("amount")), {410})
        self.assertEqual((rows.tier_id, rows.partner_id, set(rows.mapped("reason"))), (self.gold, self.ann, {"earned"}))
        self.assertEqual(rows[0].display_name, ticket.display_name)
        self.assertEqual(rows[0].action_open_paper()["res_model"], "pos.order")
        back = self.ticket(
            self.ann, 0, self.sells(80, qty=-1, refunded_orderline_id=ticket.lines[0].id), date_order=Datetime.now()
        )
        self.assertEqual(back.state, "paid")
        self.rows._cron_settle()
        # 45 × 2/3; 410 - 80
        self.assertEqual(rows.mapped("given"), [30, 15])
        self.assertEqual(set(rows.mapped("amount")), {330})
        self.assertFalse(self._of(back))

    def test_a_gift_card_that_pays_all_but_the_taxes(self):
        voucher = self.new_product("Voucher", list_price=0)
        ticket = self._sell(self.sells(80), self.sells(-80, voucher), amount_total=12, amount_tax=12)
        other = self._sell(self.sells(80))
        self.rows._cron_record()
        self.assertEqual((self._of(ticket).given, self._of(ticket).amount), (15, 0))
        for sold in (ticket, other):
            line = self.sells(80, qty=-1, refunded_orderline_id=sold.lines[0].id)
            self.ticket(self.ann, 0, line, date_order=Datetime.now())
        self.rows._cron_settle()
        self.assertEqual((self._of(ticket) | self._of(other)).mapped("given"), [0, 0])

    def test_what_an_order_gave_that_is_settled_in_the_till_is_given_once(self):
        """By the order: 2 × (95 - 80) of 160; by the ticket what else is on it: 95 - 80 of 80. One disc comes back."""
        line = Command.create({"product_id": self.product.id, "product_uom_qty": 2, "tax_ids": False})
        order = self.order(self.ann, 0, state="draft", pricelist_id=self.best.id, order_line=[line])
        self.assertEqual(order.amount_untaxed, 160)
        order.action_confirm()
        settles = {"sale_order_origin_id": order.id, "sale_order_line_id": order.order_line.id}
        ticket = self._sell(self.sells(80, qty=2, **settles), self.sells(80))
        self.rows._cron_record()
        rows = self.rows.search([("partner_id", "=", self.ann.id)])
        self.assertEqual(
            {(row.order_id.id, row.given, row.amount) for row in rows}, {(order.id, 30, 160), (False, 15, 80)}
        )
        back = self.sells(80, qty=-1, refunded_orderline_id=ticket.lines.sorted("qty")[-1].id)
        self.ticket(self.ann, 0, back, date_order=Datetime.now())
        self.rows._cron_settle()
        self.assertEqual(
            {(row.order_id.id, row.given, row.amount) for row in rows}, {(order.id, 15, 80), (False, 15, 80)}
        )

    def test_who_may_not_see_tickets_sees_none_of_their_rows(self):
        ticket = self._sell(self.sells(80))
        self.rows._cron_record()
        both = self.new_user("tiering_both", "sales_team.group_sale_manager,point_of_sale.group_pos_user")
        domain = [("partner_id", "=", self.ann.id)]
        found = self.rows.with_user(both).search_read(domain, ["display_name"])
        self.assertEqual([row["display_name"] for row in found], [ticket.display_name])
        for user in (self.salesperson, self.manager):
            self.assertEqual(self.rows.with_user(user).search_read(domain, ["display_name"]), [])

    def test_a_till_knows_its_own_pricelists_only(self):
        self.till.write({"available_pricelist_ids": [Command.set(self.best.ids)], "pricelist_id": self.best.id})
        ticket = self._sell(self.sells(80))
        self.rows._cron_record()
        self.assertEqual(self._of(ticket).given, 0)
