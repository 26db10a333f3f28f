from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.ledger import ORDERS
from odoo.addons.customer_tiering.tests.test_stories import COUNT, StoriesCommon

from .common import TicketsCommon
from .ticket_stories import ORDERS_AND_TICKETS, TICKETS, TillAuthor, TillLedger, TillStage


@tagged("post_install", "-at_install")
class TestTicketStories(StoriesCommon, TicketsCommon):
    author, ledger_class, count = TillAuthor, TillLedger, COUNT // 2

    @classmethod
    def new_stage(cls, rates):
        return TillStage(cls.company, cls.ledger, rates, cls.till, cls.pay)

    def test_tickets(self):
        self._judge_runs(TICKETS)

    def test_orders_and_tickets(self):
        self._judge_runs(ORDERS_AND_TICKETS)

    def test_orders_that_are_settled_in_the_till(self):
        self._judge_runs(ORDERS)

    def test_small_tickets_are_left_out(self):
        self.policy.write({"revenue_from": TICKETS, "min_order_amount": 100})
        self.compute()
        self.assertJudged(AS_OF, TICKETS, smallest=100)

    def test_tickets_one_customer_at_a_time(self):
        self._judge_refreshes(TICKETS)

    def test_orders_and_tickets_one_customer_at_a_time(self):
        self._judge_refreshes(ORDERS_AND_TICKETS)
