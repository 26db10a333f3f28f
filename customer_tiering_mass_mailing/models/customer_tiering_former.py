from odoo import api, models


class CustomerTieringFormer(models.Model):
    _inherit = "customer.tiering.former"

    @api.model
    def _hand_over(self, targets):
        companies = super()._hand_over(targets)
        if targets:
            self.env["customer.tiering.mailing.draw"].sudo()._merge(targets)  # sudo: written by the system
        return companies
