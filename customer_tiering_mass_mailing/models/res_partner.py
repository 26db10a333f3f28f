from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    def action_tiering_mailing(self):
        """Open a new mailing to these contacts: by the filter of the list, if they are all that it shows."""
        mailings = self.env["mailing.mailing"]
        domain = mailings._get_filter_of(self)
        return mailings._open_for_tiering([("id", "in", self.ids)] if domain is None else domain, self.env.company)
