from odoo.tests import freeze_time, tagged

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_everyday import NOTHING, EverydayCommon

from .common import TicketsCommon


@tagged("post_install", "-at_install")
class TestEverydayTickets(EverydayCommon, TicketsCommon):
    """What was bought by tickets, by orders and tickets, by orders, and by orders and direct invoices."""

    sources = ("pos", "order_pos", "order", "order_invoice")

    def test_stories(self):
        self._judge()

    @classmethod
    def undoes(cls, refund, amount):
        """The line that sells again what the first line of a refund had taken back."""
        return cls.sells(amount, refunded_orderline_id=refund.lines[0].id)

    def of_order(self, order):
        """What ties a line of a ticket to the only line of an order."""
        return {"sale_order_origin_id": order.id, "sale_order_line_id": order.order_line.id}

    # ------------------------------------------------------------------
    # What comes back
    # ------------------------------------------------------------------

    def story_01_a_refund_is_given_back(self):
        whole, part = self.new_customer("Refund undone"), self.new_customer("Refund undone in part")
        for who, again in ((whole, 40), (part, 15)):
            ticket = self.ticket(who, 30, self.sells(100))
            refund = self.ticket(who, 20, self.takes_back(ticket, 40))
            self.ticket(who, 10, self.undoes(refund, again))
        return {
            whole: [(100, 1), (100, 1), NOTHING, NOTHING],
            part: [(75, 1), (75, 1), NOTHING, NOTHING],
        }

    def story_02_a_fee_for_taking_it_back(self):
        who = self.new_customer("Fee")
        ticket = self.ticket(who, 30, self.sells(100))
        self.ticket(who, 20, self.takes_back(ticket, 100), self.sells(10))
        return {who: [(10, 1), (10, 1), NOTHING, NOTHING]}

    def story_03_one_piece_after_the_other(self):
        who = self.new_customer("Piece by piece")
        ticket = self.ticket(who, 30, self.sells(20, qty=5), self.sells(7))
        self.ticket(who, 20, self.takes_back(ticket, 20))
        self.ticket(who, 10, {**self.takes_back(ticket, 20), "qty": -3, "price_subtotal": -60})
        return {who: [(27, 1), (27, 1), NOTHING, NOTHING]}

    def story_04_it_comes_back_tomorrow(self):
        who = self.new_customer("Back tomorrow")
        ticket = self.ticket(who, 30, self.sells(100))
        self.ticket(who, -1, self.takes_back(ticket, 100))
        return {who: [(100, 1), (100, 1), NOTHING, NOTHING]}

    def story_05_exchanged_by_somebody_else(self):
        buyer, friend = self.new_customer("Buyer of a present"), self.new_customer("Friend")
        ticket = self.ticket(buyer, 30, self.sells(100))
        self.ticket(friend, 20, self.takes_back(ticket, 100), self.sells(130))
        return {buyer: [NOTHING] * 4, friend: [(130, 1), (130, 1), NOTHING, NOTHING]}

    def story_06_half_price(self):
        who = self.new_customer("Half price")
        ticket = self.ticket(who, 30, self.sells(100, discount=50), self.sells(30))
        self.ticket(who, 20, self.takes_back(ticket, 100, discount=50))
        return {who: [(30, 1), (30, 1), NOTHING, NOTHING]}

    # ------------------------------------------------------------------
    # Papers
    # ------------------------------------------------------------------

    def story_10_another_customer_after_the_payment(self):
        wrong, right = self.new_customer("Wrong customer"), self.new_customer("Right customer")
        ticket = self.ticket(wrong, 30, self.sells(60))
        ticket.partner_id = right
        return {wrong: [NOTHING] * 4, right: [(60, 1), (60, 1), NOTHING, NOTHING]}

    def story_11_for_nothing(self):
        who = self.new_customer("Given away")
        self.ticket(who, 30, self.sells(60, discount=100)), self.ticket(who, 20, self.sells(0))
        return {who: [NOTHING] * 4}

    def story_12_a_ticket_is_dropped(self):
        who = self.new_customer("Dropped")
        self.ticket(who, 30, self.sells(60), pay=False).action_pos_order_cancel()
        return {who: [NOTHING] * 4}

    def story_13_two_tickets_on_one_invoice(self):
        who = self.new_customer("Two tickets on one invoice")
        tickets = self.ticket(who, 30, self.sells(60)) | self.ticket(who, 29, self.sells(25))
        wizard = self.env["pos.make.invoice"].with_context(active_ids=tickets.ids)
        with freeze_time(self.noon(AS_OF, 28)):
            wizard.create({"consolidated_billing": True}).action_create_invoices()
        self.assertEqual(len(tickets.account_move), 1)
        return {who: [(85, 2), (85, 2), NOTHING, (85, 1)]}

    def story_14_to_pay_later(self):
        who = self.new_customer("Pays later")
        later = self.env["pos.payment.method"].create({"name": "On account", "split_transactions": True})
        till = self.new_till("Account", payment_method_ids=[(6, 0, later.ids)])
        self.ticket(who, 30, self.sells(45), till=till)
        return {who: [(45, 1), (45, 1), NOTHING, NOTHING]}

    # ------------------------------------------------------------------
    # Orders in the till
    # ------------------------------------------------------------------

    def story_20_some_of_a_settled_order_comes_back(self):
        who = self.new_customer("Some of a settled order back")
        order = self.ordered(who, 40, 100)
        ticket = self.ticket(who, 30, self.sells(100, **self.of_order(order)))
        self.ticket(who, 20, self.takes_back(ticket, 60))
        return {who: [(40, 1)] * 4}

    def story_21_all_of_a_settled_order_comes_back_and_is_kept(self):
        back, kept = self.new_customer("Settled order back"), self.new_customer("Settled order kept")
        for who in (back, kept):
            order = self.ordered(who, 40, 100)
            ticket = self.ticket(who, 30, self.sells(100, **self.of_order(order)))
            refund = self.ticket(who, 20, self.takes_back(ticket, 100))
            if who == kept:
                self.ticket(who, 19, self.undoes(refund, 100))
        return {back: [NOTHING] * 4, kept: [(100, 1)] * 4}

    def story_22_an_order_of_somebody_else_is_settled(self):
        shop, buyer = self.new_customer("Who ordered"), self.new_customer("Who paid")
        order = self.ordered(shop, 40, 100)
        ticket = self.ticket(buyer, 30, self.sells(100, **self.of_order(order)), self.sells(9))
        self.ticket(buyer, 20, self.takes_back(ticket, 30))
        return {shop: [NOTHING, (70, 1), (70, 1), (70, 1)], buyer: [(79, 1), (9, 1), NOTHING, NOTHING]}

    def story_23_an_order_credited_in_the_office_and_in_the_till(self):
        who = self.new_customer("Office and till")
        order = self.ordered(who, 40, 100)
        self.credit(self.bill(order, 35), 34, amount=30)
        ticket = self.ticket(who, 30, self.sells(100, **self.of_order(order)))
        self.ticket(who, 20, self.takes_back(ticket, 50))
        return {who: [(50, 1), (20, 1), (20, 1), (20, 1)]}

    def story_24_an_order_in_another_currency_is_settled_and_comes_back(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        for days, rate in ((900, 0.5), (15, 0.8)):
            self.rate(euro, days, rate)
        prices = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        back, half = self.new_customer("Euro order back"), self.new_customer("Half of a euro order back")
        for who, amount in ((back, 125), (half, 62.5)):
            order = self.ordered(who, 40, 100, pricelist_id=prices.id)
            ticket = self.ticket(who, 10, self.sells(125, **self.of_order(order)))
            self.ticket(who, 5, self.takes_back(ticket, amount))
        return {back: [NOTHING] * 4, half: [(62.5, 1), (100, 1), (100, 1), (100, 1)]}
