from odoo import api, models


class CustomerTieringMapReport(models.AbstractModel):
    _inherit = "customer.tiering.map.report"

    @api.model
    def _get_actions(self):
        found = super()._get_actions()
        if self.env.user.has_group("mass_mailing.group_mass_mailing_user"):
            found.append(("action_tiering_mailing", self.env._("Mailing")))
        return found
