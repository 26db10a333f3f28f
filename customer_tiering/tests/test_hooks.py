from odoo.tests import tagged

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

from ..hooks import post_init_hook, uninstall_hook
from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestHooks(TieringCommon):
    def test_installing_gives_each_company_one_policy(self):
        company = self.env["res.company"].create({"name": "Archived Company"})
        company.active = False
        company.tiering_policy_ids.unlink()
        self.assertFalse(company.tiering_policy_ids)
        post_init_hook(self.env)
        self.assertEqual(len(company.tiering_policy_ids), 1)
        self.assertEqual(company.tiering_policy_ids.tier_ids.mapped("entry_floor"), [80, 60, 40, 0])
        self.assertEqual(self.company.tiering_policy_ids, self.policy)

    def test_uninstalling_removes_what_runs_computed_before_the_segments(self):
        customer = self.new_customer("Ann")
        order = self.order(customer)
        self.compute()
        self.assertTrue(customer.tiering_tier_id)
        with self.env.cr.savepoint() as savepoint:
            uninstall_hook(self.env)
            for model in ("customer.tiering.scorecard", "customer.tier.change"):
                self.assertFalse(self.env[model].search([]))
            self.assertFalse(customer.tiering_tier_id)
            # as Odoo deletes the records of a module
            self.env["customer.segment"].with_context(**{MODULE_UNINSTALL_FLAG: True}).search([]).unlink()
            self.assertTrue(order.exists())
            savepoint.rollback()
        self.env.invalidate_all()
        self.assertTrue(customer.tiering_tier_id)
