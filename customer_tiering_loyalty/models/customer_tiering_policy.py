from odoo import api, models


class CustomerTieringPolicy(models.Model):
    _inherit = "customer.tiering.policy"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_of_programs(self):
        """Its tiers, which go with it, may be those of a program."""
        self.with_context(active_test=False).tier_ids._unlink_except_of_programs()
