from odoo import fields
from odoo.tests import tagged

from odoo.addons.customer_tiering.sources.orders import Orders
from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import TicketsCommon


@tagged("post_install", "-at_install")
class TestPayment(TicketsCommon):
    def setUp(self):
        super().setUp()
        self.waiting.unlink()

    @property
    def waiting(self):
        return self.env["customer.tiering.refresh"].search([("company_id", "=", self.company.id)])

    def assertWaits(self, *partners):  # noqa: N802 - like unittest's own
        waiting = self.waiting
        self.assertEqual(set(waiting.partner_id), set(partners))
        waiting.unlink()

    def _from_till(self, who, *lines):
        """A ticket that the till sends, as the cashier."""
        total = sum(line["price_subtotal_incl"] for line in lines)
        payment = {
            "name": fields.Datetime.to_string(fields.Datetime.now()),
            "payment_method_id": self.till.payment_method_ids.id,
            "amount": total,
        }
        order = {
            "uuid": f"{who.id}-{len(self.till.current_session_id.order_ids)}",
            "access_token": "token",
            "name": "Order",
            "partner_id": who.id,
            "session_id": self.till.current_session_id.id,
            "company_id": self.company.id,
            "date_order": fields.Datetime.to_string(fields.Datetime.now()),
            "amount_paid": total,
            "amount_total": total,
            "amount_tax": 0,
            "amount_return": 0,
            "state": "paid",
            "lines": [[0, 0, {**line, "tax_ids": []}] for line in lines],
            "payment_ids": [[0, 0, payment]],
        }
        sent = self.env["pos.order"].with_user(self.cashier).sync_from_ui([order])
        return self.env["pos.order"].browse([data["id"] for data in sent["pos.order"]])

    def test_paying_queues_the_customer_from_the_till_and_from_the_back_office(self):
        firm = self.new_customer("Firm", is_company=True)
        who = self.new_customer("Ann", parent_id=firm.id)
        ticket = self._from_till(who, self.sells(100))
        self.assertEqual(ticket.state, "paid")
        self.assertWaits(firm)
        draft = self.ticket(who, 0, pay=False)
        self.assertWaits()
        self.pay(draft)
        self.assertWaits(firm)

    def test_a_refund_queues_who_bought(self):
        buyer, other = self.new_customer("Buyer"), self.new_customer("Other")
        ticket = self.ticket(buyer)
        self.waiting.unlink()
        self.ticket(other, 0, self.takes_back(ticket, 10))
        self.assertWaits(buyer, other)
        self.refund(self.ticket(buyer))
        self.assertWaits(buyer)

    def test_a_customer_put_on_a_paid_ticket_is_queued(self):
        who, other = self.new_customer("Ann"), self.new_customer("Bob")
        ticket = self.ticket(None)
        self.assertWaits()
        ticket.partner_id = who
        self.assertWaits(who)
        ticket.partner_id = who
        self.assertWaits()
        ticket.partner_id = other
        self.assertWaits(who, other)

    def test_nobody_is_queued_where_no_policy_counts_tickets(self):
        self.policy.revenue_from = "order"
        self.ticket(self.new_customer("Ann"))
        self.assertWaits()

    def test_the_ticket_keeps_the_tier_at_payment(self):
        who, new = self.new_customer("Ann"), self.new_customer("Bob")
        self.ticket(who, 10, self.sells(500))
        self.compute()
        tier = self.card(who).tier_id
        self.assertTrue(tier)
        ticket, of_new = self._from_till(who, self.sells(10)), self.ticket(new)
        self.assertEqual(ticket.tiering_tier_id, tier)
        self.assertFalse(of_new.tiering_tier_id)
        self.card(who).unlink()
        self.assertEqual(ticket.tiering_tier_id, tier)
        self.assertFalse(self.refund(ticket).tiering_tier_id)
        seller = self.new_user("tiering_seller", "point_of_sale.group_pos_manager,sales_team.group_sale_salesman")
        of_new.with_user(seller).write({"tiering_tier_id": 999_999_999, "general_customer_note": "Wrapped"})
        self.env.flush_all()
        self.assertEqual((of_new.tiering_tier_id.id, of_new.general_customer_note), (False, "Wrapped"))

    def test_a_ticket_upgrades_at_once(self):
        self.policy.upgrade_when = "instant"
        for number in range(20):
            self.buyer_in_till(f"Other {number}", 20 + 10 * number)
        who = self.new_customer("Ann")
        self.ticket(who, 200, self.sells(1))
        today = self.company._get_tiering_today()
        self.compute(today)
        before = self.card(who).tier_id
        self._from_till(who, self.sells(50000))
        self.env["customer.tiering.refresh"]._process(self.company)
        self.assertGreater(self.card(who).tier_id.entry_floor, before.entry_floor)

    def buyer_in_till(self, name, days):
        self.ticket(self.new_customer(name), days, self.sells(300))

    def test_the_policy_counts_orders_when_the_app_goes(self):
        who = self.new_customer("Ann")
        self.ticket(who)
        self.compute()
        field = self.env["ir.model.fields"]._get("customer.tiering.policy", "revenue_from")
        with self.env.cr.savepoint() as savepoint:
            for value in ("pos", "order_pos"):
                self.policy.revenue_from = value
                field.selection_ids.filtered(lambda choice, value=value: choice.value == value)._process_ondelete()
                self.assertEqual(self.policy.revenue_from, "order")
            savepoint.rollback()
        # A version of the rules that is older says so still.
        scope = self.policy._get_scope(AS_OF, who.ids)
        self.patch(
            type(self.env["customer.tiering.reader"]), "_get_purchase_sources", lambda _reader: {"order": Orders()}
        )
        row = self.env["customer.tiering.reader"]._read_customers(scope).loc[who.id]
        self.assertEqual(row.amount, 0)
