from odoo import models


class CustomerTier(models.Model):
    _inherit = "customer.tier"

    def action_tiering_mailing(self):
        """Open a new mailing to the customers who are in this tier when it is sent."""
        self.ensure_one()
        return self.env["mailing.mailing"]._open_for_tiering([("tiering_tier_id", "=", self.id)], self.company_id)
