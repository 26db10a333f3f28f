from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import AS_OF, TieringCommon

MODULE = "odoo.addons.customer_tiering.models.sale_order"


@tagged("post_install", "-at_install")
class TestOldOrders(TieringCommon):
    """Orders that recorded nothing at their confirmation; all are written with their state, as an import does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platinum, *_others, cls.bronze = cls.policy.tier_ids
        cls.firm = cls.buyer("Lumber Inc", *range(12), is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.first = cls.firm.sale_order_ids
        cls.compute()

    def _change(self, who, day, tier, company=None):
        self.env["customer.tier.change"].sudo().create(
            {
                "partner_id": who.id,
                "company_id": (company or self.company).id,
                "date": day,
                "to_tier_id": tier.id,
                "direction": "down" if tier else "left",
                "reason": "score" if tier else "left",
            }
        )

    def _fill(self):
        self.env.flush_all()
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_fill").method_direct_trigger()
        self.env.invalidate_all()

    def _next(self, days, who=None, **values):
        """An order at noon so many days after the first computation."""
        return self.order(who or self.firm, -days, **values)

    def test_an_order_gets_the_tier_of_the_day_before(self):
        day = self.noon(AS_OF, -10).date()
        self._change(self.firm, day, self.bronze)
        self._change(self.firm, self.noon(AS_OF, -20).date(), self.env["customer.tier"])
        days = {1: self.platinum, 9: self.platinum, 10: self.platinum, 11: self.bronze, 20: self.bronze, 21: None}
        orders = {self._next(ago, self.ann): tier for ago, tier in days.items()}
        self._fill()
        for order, tier in orders.items():
            self.assertEqual(
                (order.tiering_tier_id.name, order.tiering_tier_filled), ((tier and tier.name) or False, bool(tier))
            )

    def test_nothing_before_the_history_begins(self):
        self._fill()
        self.assertFalse(self.first.tiering_tier_id)
        self.assertFalse(any(self.first.mapped("tiering_tier_filled")))

    def test_what_was_recorded_stays_also_when_it_was_none(self):
        newcomer = self.new_customer("Newcomer")
        quotations = self.order(self.firm, state="draft") | self.order(newcomer, state="draft")
        quotations.action_confirm()
        quotations.write({"date_order": self.noon(AS_OF, -40)})
        self.env.flush_all()
        self._change(self.firm, self.noon(AS_OF, -30).date(), self.bronze)
        self._change(newcomer, self.noon(AS_OF, -30).date(), self.bronze)
        self._fill()
        self.assertEqual([order.tiering_tier_id.name for order in quotations], ["Platinum", False])
        self.assertFalse(any(quotations.mapped("tiering_tier_filled")))

    def test_quotations_and_cancelled_orders_get_none(self):
        orders = self._next(5, state="draft") | self._next(5, state="sent") | self._next(5, state="cancel")
        self._fill()
        self.assertFalse(orders.tiering_tier_id)

    def test_the_day_is_that_of_the_company(self):
        order = self.order(self.firm, when=self.noon(AS_OF).replace(hour=20))  # 1 July, 8 o'clock, in Auckland
        self._fill()
        self.assertFalse(order.tiering_tier_id)
        self.company.partner_id.tz = "Pacific/Auckland"
        self._fill()
        self.assertEqual(order.tiering_tier_id, self.platinum)

    def test_each_company_has_its_own_history(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        order = self._next(5, company_id=other.id)
        self._fill()
        self.assertFalse(order.tiering_tier_id)
        tier = other.tiering_policy_ids.tier_ids[1]
        self._change(self.firm, AS_OF, tier, other)
        self._fill()
        self.assertEqual(order.tiering_tier_id, tier)

    def test_the_customer_is_the_one_of_that_time(self):
        order = self._next(5, self.ann)
        elsewhere = self.new_customer("Elsewhere", is_company=True)
        self._change(elsewhere, AS_OF, self.bronze)
        self.ann.parent_id = elsewhere  # today, months after the order
        self._fill()
        self.assertEqual(order.tiering_tier_id, self.platinum)

    def test_it_goes_on_after_an_interruption_and_does_nothing_twice(self):
        orders = self._next(5) | self._next(6) | self._next(7)
        self.env.flush_all()
        sale_order = self.env["sale.order"]
        with (
            patch(f"{MODULE}.FILL_BATCH", 2),
            patch(f"{MODULE}.jobs.commit", side_effect=lambda *args, **kwargs: "left" in kwargs),
        ):
            sale_order._cron_fill_tiers()  # no time after the first batch
            self.assertEqual(len(orders.filtered("tiering_tier_id")), 2)
            sale_order._cron_fill_tiers()
        self.assertEqual(orders.mapped("tiering_tier_id"), self.platinum)
        self.assertEqual(len(orders.filtered("tiering_tier_filled")), 3)
        self.env.flush_all()
        versions = "SELECT id, ctid::text FROM sale_order ORDER BY id"  # moves when a row is written
        self.env.cr.execute(versions)
        before = self.env.cr.fetchall()
        self._fill()
        self.env.cr.execute(versions)
        self.assertEqual(self.env.cr.fetchall(), before)

    def test_a_new_confirmation_records_anew(self):
        order = self._next(5)
        self._fill()
        self.assertTrue(order.tiering_tier_filled)
        self._change(self.firm, AS_OF, self.bronze)
        self.card(self.firm).sudo().tier_id = self.bronze
        self.env.flush_all()
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        self.assertEqual((order.tiering_tier_id, order.tiering_tier_filled), (self.bronze, False))

    def test_managers_start_it_and_nobody_else(self):
        triggers = self.env["ir.cron.trigger"].search
        mine = [("cron_id", "=", self.env.ref("customer_tiering.ir_cron_fill").id)]
        before = len(triggers(mine))
        policy = self.policy.with_user(self.manager)
        self.assertIn("There is no order", policy.action_fill_orders()["params"]["message"])
        self.assertEqual(len(triggers(mine)), before)
        self._next(5)
        self.assertIn("in the background", policy.action_fill_orders()["params"]["message"])
        self.assertEqual(len(triggers(mine)), before + 1)
        with self.assertRaises(AccessError):
            self.policy.with_user(self.salesperson).action_fill_orders()

    def test_who_deleted_the_job_reads_what_to_do(self):
        self._next(5)
        self.env.ref("customer_tiering.ir_cron_fill").unlink()
        with self.assertRaisesRegex(UserError, "was deleted"):
            self.policy.with_user(self.manager).action_fill_orders()
