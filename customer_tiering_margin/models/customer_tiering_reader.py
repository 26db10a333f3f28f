from odoo import api, models
from odoo.tools import SQL


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_recorded_cost(self):
        """The cost of the line, which somebody may have corrected, and which stays when the product's cost changes."""
        return SQL("ordered.purchase_price")
