from unittest.mock import patch

from odoo import fields
from odoo.tests import new_test_user, tagged

from ..models.sale_order import SaleOrder
from .common import TieringCommon


def confirm_without_addon(orders):
    return super(SaleOrder, orders)._action_confirm()


@tagged("post_install", "-at_install")
class TestQueue(TieringCommon):
    """Who confirms an order only leaves a note and a call for the job, in one statement."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.env["res.partner"].create({"name": "Customer", "is_company": True})
        cls.contact = cls.env["res.partner"].create({"name": "Contact", "parent_id": cls.customer.id})
        cls.job = cls.env.ref("customer_tiering.ir_cron_refresh")

    def _rows(self):
        rows = self.env["customer.tiering.refresh"].search([("company_id", "=", self.company.id)])
        return [(row.partner_id, row.reason, row.user_id) for row in rows]

    def _calls(self):
        return self.env["ir.cron.trigger"].search([("cron_id", "=", self.job.id)])

    def _add(self, user=None):
        queue = self.env["customer.tiering.refresh"].with_user(user or self.env.user)
        queue._add((self.customer | self.contact).with_user(queue.env.user), self.company, "instant")

    def test_one_statement_queues_the_customer_and_calls_the_job(self):
        self._calls().unlink()
        self._add()  # learns the job's id
        self.env.flush_all()
        with self.assertQueryCount(1):
            self._add()
        self.assertEqual(self._rows(), [(self.customer, "instant", self.env.user)] * 2)
        self.assertEqual(len(self._calls()), 2)
        self.assertLessEqual(max(self._calls().mapped("call_at")), fields.Datetime.now())

    def test_who_finds_the_queue_empty_wakes_the_worker(self):
        self.env["customer.tiering.refresh"].search([]).unlink()
        with patch.object(self.env.registry["ir.cron"], "_notifydb", autospec=True) as wake:
            for customers in (self.customer, self.contact, self.customer):
                self.env.cr.postcommit.clear()
                self.env["customer.tiering.refresh"]._add(customers, self.company, "instant")
                self.env.cr.postcommit.run()
        self.assertEqual(wake.call_count, 1)
        self.assertEqual(len(self._rows()), 3)

    def test_a_portal_user_can_queue(self):
        user = new_test_user(self.env, "portal_queue", groups="base.group_portal")
        self._add(user)
        self.assertEqual(self._rows(), [(self.customer, "instant", user)])

    def test_without_the_job_the_customer_waits_for_the_run(self):
        self._calls().unlink()
        self.job.active = False
        self.env.flush_all()
        self._add()
        self.assertFalse(self._calls())
        self.job.unlink()
        self._add()
        self.assertEqual(len(self._rows()), 2)

    def test_the_order_keeps_the_tier_of_the_contacts_company(self):
        orders = self.order(self.contact, state="draft") | self.order(self.contact, state="draft")
        orders[0].action_confirm()
        self.assertFalse(orders[0].tiering_tier_id)
        self.compute(self.company._get_tiering_today())
        orders[1].action_confirm()
        self.assertTrue(orders[1].tiering_tier_id)
        self.assertEqual(orders[1].tiering_tier_id, self.customer.with_company(self.company).tiering_tier_id)

    def test_the_confirmation_needs_one_statement_more(self):
        self.compute(self.company._get_tiering_today())
        orders = [self.order(self.contact, state="draft") for _ in range(3)]

        def count(order):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            order.action_confirm()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(orders[0])  # learns what is cached for longer
        with_it = count(orders[1])
        with patch.object(SaleOrder, "_action_confirm", confirm_without_addon):
            without = count(orders[2])
        self.assertFalse(orders[2].tiering_tier_id)
        self.assertEqual(with_it, without + 1)
