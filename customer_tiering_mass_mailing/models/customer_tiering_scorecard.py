from odoo import models
from odoo.exceptions import UserError


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    def action_tiering_mailing(self):
        """Open a new mailing to these customers: by the filter of the list, if they are all that it shows."""
        if len(self.company_id) > 1:
            raise UserError(
                self.env._("A mailing is for the customers of one company. Choose scorecards of one company only.")
            )
        mailings = self.env["mailing.mailing"]
        domain = mailings._get_filter_of(self)
        if domain is None:
            wanted = ("tiering_scorecard_id.partner_id", "in", self.partner_id.ids)
        else:
            wanted = ("tiering_scorecard_id", "any", domain)
        return mailings._open_for_tiering([wanted], self.company_id)
