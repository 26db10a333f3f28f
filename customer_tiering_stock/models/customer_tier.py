from odoo import api, fields, models


class CustomerTier(models.Model):
    _inherit = "customer.tier"

    delivery_urgent = fields.Boolean(
        string="Urgent Deliveries",
        help="Deliveries of orders of customers in this tier get the star of urgent transfers: they are on top of the "
        "list, and the stock is reserved for them first. A person can take the star away.",
    )

    @api.model
    def _get_side_fields(self):
        return [*super()._get_side_fields(), "delivery_urgent"]
