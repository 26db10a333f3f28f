from odoo import api, fields, models


class CustomerTier(models.Model):
    _inherit = "customer.tier"

    delivery_free = fields.Boolean(
        string="Free Delivery",
        help="Customers in this tier pay nothing for the delivery of an order, by delivery methods that are free for "
        "tiers. A price that a person types on the order stays.",
    )
    delivery_free_from = fields.Monetary(
        string="From an Order of",
        help="The delivery is free when the order comes to this amount or more, with taxes and without the delivery, "
        "in the currency of the company. 0: any order.",
    )

    _delivery_free_from_positive = models.Constraint(
        "CHECK(delivery_free_from >= 0)", "“From an Order of” is 0 or more; 0 means any order."
    )

    @api.model
    def _get_typed_ranges(self):
        return {**super()._get_typed_ranges(), "delivery_free_from": (0, None)}

    @api.model
    def _get_side_fields(self):
        return [*super()._get_side_fields(), "delivery_free", "delivery_free_from"]
