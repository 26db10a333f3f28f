from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.test_bookkeeper import PAST, UNDOING, ContactsTwinsCommon

from .common import TicketsCommon


@tagged("post_install", "-at_install")
class TestTwinsOfTheTill(ContactsTwinsCommon, TicketsCommon):
    """Who bought the same in the till in other ways has the same scorecard; the twin has three tickets."""

    sources = ("pos", "order_pos")

    def test_twins(self):
        self._judge_twins()

    def bought(self, who, past=None):
        return [self.ticket(who, days, self.sells(amount)) for days, amount in (self.past if past is None else past)]

    # ------------------------------------------------------------------
    # Undone
    # ------------------------------------------------------------------

    def way_01_all_comes_back_in_another_session(self):
        who, _tickets = self.new_twin("Came back")
        sold = self.ticket(who, 12, self.sells(500), self.sells(100, qty=2))
        self.till.current_session_id.action_pos_session_closing_control()
        self.till.open_ui()
        self.till.current_session_id.set_opening_control(0, None)
        back = self.refund(sold, 5)
        self.assertNotEqual(back.session_id, sold.session_id)
        return who, UNDOING

    def way_02_it_comes_back_in_another_shop_by_somebody_else(self):
        who, _tickets = self.new_twin("Came back elsewhere")
        sold = self.ticket(who, 12, self.sells(500))
        self.ticket(self.new_customer("Friend"), 5, self.takes_back(sold, 500), till=self.new_till("Other Shop"))
        return who, UNDOING

    def way_03_a_ticket_is_dropped(self):
        who, _tickets = self.new_twin("Dropped")
        self.ticket(who, 12, self.sells(500), pay=False).state = "cancel"
        return who, set()

    def way_04_a_refund_was_a_mistake(self):
        who, tickets = self.new_twin("By mistake")
        back = self.ticket(who, 20, self.takes_back(tickets[-1], 400))
        self.ticket(who, 20, self.sells(400, refunded_orderline_id=back.lines.id))
        return who, UNDOING

    # ------------------------------------------------------------------
    # Otherwise sold
    # ------------------------------------------------------------------

    def way_10_with_a_tip(self):
        who, _tickets = self.new_twin("Tips", PAST[:2])
        self.ticket(who, 30, self.sells(400), self.sells(20, self.till.tip_product_id))
        return who, set()

    def way_11_only_a_tip(self):
        who, _tickets = self.new_twin("Only a tip")
        self.ticket(who, 12, self.sells(20, self.till.tip_product_id))
        return who, set()

    def way_12_the_till_rounds(self):
        who, _tickets = self.new_twin("Rounded", PAST[:2])
        account = self.account("expense")
        rounding = self.env["account.cash.rounding"].create(
            {
                "name": "To the unit",
                "rounding": 1,
                "strategy": "add_invoice_line",
                "profit_account_id": account.id,
                "loss_account_id": account.id,
            }
        )
        till = self.new_till("Rounding Till", cash_rounding=True, rounding_method=rounding.id)
        self.ticket(who, 30, self.sells(399.6), self.sells(0.4), till=till, amount_total=401)
        return who, {"order_line_count", "cost_to_serve", "margin", "margin_percent", "net_profit", "net_percent"}

    def way_13_with_an_invoice(self):
        who, _tickets = self.new_twin("With an invoice", PAST[:2])
        ticket = self.ticket(who, 30, self.sells(400))
        ticket.action_pos_order_invoice()
        self.assertTrue(ticket.account_move)
        return who, set()

    def way_14_after_the_session_was_closed(self):
        who = self.new_customer("Closed")
        till = self.new_till("Closing Till")
        for days, amount in PAST:
            self.ticket(who, days, self.sells(amount), till=till)
        till.current_session_id.action_pos_session_closing_control()
        return who, set()

    def way_15_at_a_discount(self):
        who, _tickets = self.new_twin("Discount", PAST[:2])
        self.ticket(who, 30, self.sells(500, discount=20))
        return who, {"discount_share", "behaviour", "motive_id", "motive_rank", "motive_metric"}

    # ------------------------------------------------------------------
    # Otherwise who they are
    # ------------------------------------------------------------------

    def way_23_the_customer_is_put_on_the_ticket_later(self):
        who, _tickets = self.new_twin("Later", PAST[:2])
        ticket = self.ticket(None, 30, self.sells(400))
        ticket.partner_id = who
        return who, set()
