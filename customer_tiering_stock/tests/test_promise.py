from datetime import date, datetime, timedelta

from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import StockCommon


@tagged("post_install", "-at_install")
class TestDeliveredOnTheDay(StockCommon):
    """Orders that were delivered on the promised day, or not; today is AS_OF."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time("2026-06-30 12:00:00"))
        cls.firm = cls.new_customer("Lumber Inc", is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.high, cls.low = cls.policy.tier_ids[0], cls.policy.tier_ids[-1]
        cls.high.promise_ids = [Command.create({"kind": "delivery"})]

    @classmethod
    def enter(cls, who, tier):
        cls.env["customer.tier.change"].create(
            {
                "partner_id": who.id,
                "company_id": cls.company.id,
                "date": AS_OF - timedelta(days=100),
                "to_tier_id": tier.id,
                "direction": "new",
                "reason": "first",
            }
        )
        cls.env["customer.tiering.scorecard"].create(
            {"partner_id": who.id, "company_id": cls.company.id, "policy_id": cls.policy.id, "tier_id": tier.id}
        )

    @classmethod
    def due(cls, who, promised, sent=None, **values):
        """An order that promises a day, ``promised`` days ago, or a moment (UTC), and is sent then."""
        moment = promised if isinstance(promised, datetime) else cls.noon(AS_OF, promised)
        order = cls.confirmed(who, commitment_date=moment, **values)
        if sent is not None:
            cls.finish(order.picking_ids, sent)
        cls.env.flush_all()
        return order

    def row(self, order):
        self.env.invalidate_all()  # the rows of a report are what they were when they were read
        return (
            self.env["customer.tiering.promise.report"]
            .with_user(self.manager)
            .search([("order_id", "=", order.id), ("kind", "=", "delivery")])
        )

    def line(self, order):
        row = self.row(order)
        return row.date, row.partner_id, row.days, row.status, row.is_done

    def test_the_last_transfer_decides(self):
        self.enter(self.firm, self.high)
        found = [self.line(self.due(self.ann, *days)) for days in ((20, 20), (19, 21), (18, 15), (17,), (0,))]
        self.assertEqual(
            found,
            [
                (date(2026, 6, 10), self.firm, 0, "kept", True),
                (date(2026, 6, 11), self.firm, -2, "kept", True),
                (date(2026, 6, 12), self.firm, 3, "broken", True),
                (date(2026, 6, 13), self.firm, 17, "broken", False),
                (date(2026, 6, 30), self.firm, 0, "open", False),
            ],
        )
        self.assertFalse(self.row(self.due(self.ann, -1, 3)), "what is due tomorrow")
        self.assertFalse(self.row(self.due(self.ann, 395, 395)), "more than a year ago")
        order = self.due(self.ann, 10)
        self.finish(order.picking_ids, 12)
        self.finish(self.sent(self.ann, 5).sale_id.picking_ids, 5)
        self.assertEqual(self.line(order)[2:], (-2, "kept", True))

    def test_an_order_in_two_parts_is_done_with_the_second(self):
        self.enter(self.firm, self.high)
        order = self.due(self.ann, 10, quantity=3)
        self.finish(order.picking_ids, 11, quantity=1)
        self.env.flush_all()
        self.assertEqual(self.line(order)[2:], (10, "broken", False))
        rest = order.picking_ids.filtered(lambda picking: picking.state != "done")
        self.finish(rest, 9)
        self.env.flush_all()
        self.assertEqual(self.line(order)[2:], (1, "broken", True))
        # Had nobody wanted the rest, the first would have been all.
        other = self.due(self.ann, 10, quantity=3)
        self.finish(other.picking_ids, 11, quantity=1)
        other.picking_ids.filtered(lambda picking: picking.state != "done").action_cancel()
        self.env.flush_all()
        self.assertEqual(self.line(other)[2:], (-1, "kept", True))

    def test_without_a_promised_day_the_deadline_of_the_transfer_is_it(self):
        self.enter(self.firm, self.high)
        order = self.confirmed(self.ann)
        order.picking_ids.move_ids.date_deadline = self.noon(AS_OF, 8)
        self.finish(order.picking_ids, 6)
        self.env.flush_all()
        self.assertEqual(self.line(order), (date(2026, 6, 22), self.firm, 2, "broken", True))

    def test_what_is_not_promised_is_compared_and_what_comes_back_is_none(self):
        self.enter(self.firm, self.low)
        order = self.due(self.ann, 20, 16)
        self.give_back(order.picking_ids, 2)
        self.env.flush_all()
        self.assertEqual(self.line(order)[2:], (4, "free", True))
        self.assertFalse(self.row(order).is_promised)
        order._action_cancel()
        self.env.flush_all()
        self.assertFalse(self.row(order))

    def test_what_is_sent_again_for_what_came_back_breaks_no_promise(self):
        """In time, and exchanged weeks later; the rest of a delivery in parts is the order's all the same."""
        self.enter(self.firm, self.high)
        order = self.due(self.ann, 30, 30)
        wizard = self.env["stock.return.picking"].create({"picking_id": order.picking_ids.id})
        wizard.product_return_moves.quantity = 1
        back = self.env["stock.picking"].browse(wizard.action_create_exchanges()["res_id"])
        self.finish(back, 5)
        again = order.picking_ids.filtered(lambda picking: picking.state != "done")
        self.assertEqual(again.move_ids.sale_line_id, order.order_line)
        self.env.flush_all()
        self.assertEqual(self.line(order)[2:], (0, "kept", True))
        self.finish(again, 3)
        self.env.flush_all()
        self.assertEqual(self.line(order)[2:], (0, "kept", True))
        # One of three was sent in time and came back; of the other two one is sent late, the last one never.
        parts = self.due(self.ann, 20, quantity=3)
        first = self.finish(parts.picking_ids, 20, quantity=1)
        self.give_back(first, 15)
        rest = parts.picking_ids.filtered(lambda picking: picking.state != "done")
        self.finish(rest, 10, quantity=1)
        self.env.flush_all()
        self.assertEqual(self.line(parts)[2:], (20, "broken", False))

    def test_days_are_those_of_the_company(self):
        self.enter(self.firm, self.high)
        self.company.partner_id.tz = "America/Los_Angeles"
        # 3 a. m. in Greenwich is the day before in Los Angeles, noon is the day itself.
        order = self.due(self.ann, datetime(2026, 6, 20, 3), 10)
        self.assertEqual(self.line(order)[:3], (date(2026, 6, 19), self.firm, 1))

    def test_who_waits_longer_than_a_lower_tier_is_told(self):
        ben = self.new_customer("Ben")
        self.enter(self.firm, self.high)
        self.enter(ben, self.low)
        for days in (20, 21, 22):
            self.due(self.ann, days, days - 3)
            self.due(ben, days, days)
        row = self.env["customer.tiering.treatment.report"].search(
            [("kind", "=", "delivery"), ("company_id", "=", self.company.id)]
        )
        self.assertEqual((row.partner_id, row.days, row.lower_days, row.lower_tier_id), (self.firm, 3, 0, self.low))
        self.assertEqual(
            row.sentence,
            f"Days from the promised day to the delivery: 3 for Lumber Inc, 0 for customers in {self.low.name}.",
        )

    def test_it_is_told_on_the_scorecard(self):
        self.enter(self.firm, self.high)
        self.high.contact_days = 0
        self.assertEqual(self.card(self.firm).promises, "Orders are delivered on the promised day.")
