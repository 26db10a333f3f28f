from odoo import api, models
from odoo.tools import SQL


class CustomerTieringFormer(models.Model):
    _inherit = "customer.tiering.former"

    @api.model
    def _get_dealing_conditions(self):
        ticket = SQL("EXISTS (SELECT FROM pos_order ticket WHERE ticket.partner_id = moving.id)")
        return [*super()._get_dealing_conditions(), ticket]
