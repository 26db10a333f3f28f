from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering import jobs

from .test_free_delivery import FreeDeliveryCommon


@tagged("post_install", "-at_install")
class TestConcession(FreeDeliveryCommon):
    """What free deliveries would have cost, by hand: the post takes 12."""

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(jobs, "commit", lambda env, done=0, left=None: True))
        self.company.tiering_ledger = True
        self.rows = self.env["customer.tiering.concession"]

    def _confirm(self, order):
        self.deliver(order)
        order.sudo().action_confirm()
        return order

    def _of(self, order):
        return self.rows.search([("order_id", "=", order.id), ("kind", "=", "freight")])

    def test_what_a_delivery_would_have_cost(self):
        free, paid = self._confirm(self.cart(self.ann)), self._confirm(self.cart(self.ben))
        self.rows._cron_record()
        self.platinum.delivery_free_from = 150
        large, small = self._confirm(self.cart(self.ann, 150)), self._confirm(self.cart(self.ann, 149))
        self.rows._cron_record()
        self.assertEqual(self._of(free).given, 12)
        self.assertEqual(self._of(large).given, 12)
        self.assertEqual((self._of(large).amount, self._of(large).tier_id), (150, self.platinum))
        self.assertEqual((self._of(large).partner_id, self._of(large).reason), (self.firm, "earned"))
        self.assertFalse(self._of(paid) | self._of(small))
        # What the tier gives since changes nothing of an order that got a line of text.
        before, self.platinum.delivery_free = self._of(free), False
        free.order_line = [Command.create({"display_type": "line_note", "name": "Later"})]
        self.env.flush_all()
        self.rows._cron_settle()
        kept = self._of(free)
        self.assertNotEqual(kept, before, "It was looked at again")
        self.assertEqual((kept.given, kept.tier_id), (12, self.platinum))
