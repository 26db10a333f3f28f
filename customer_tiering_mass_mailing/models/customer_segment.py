from odoo import models


class CustomerSegment(models.Model):
    _inherit = "customer.segment"

    def action_tiering_mailing(self):
        """Open a new mailing to the customers of the current company who are in this segment when it is sent."""
        self.ensure_one()
        return self.env["mailing.mailing"]._open_for_tiering([("tiering_segment_id", "=", self.id)], self.env.company)
