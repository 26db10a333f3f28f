from odoo import models


class CustomerTieringScorecard(models.Model):
    _name = "customer.tiering.scorecard"
    _inherit = ["customer.tiering.scorecard", "customer.tiering.mailable"]

    def _get_tiering_mailing_domain(self):
        """Take the filter of the list, if these are all that it shows."""
        domain = self.env["mailing.mailing"]._get_filter_of(self)
        return super()._get_tiering_mailing_domain() if domain is None else [("tiering_scorecard_id", "any", domain)]
