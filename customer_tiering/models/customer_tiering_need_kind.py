from odoo import fields, models


class CustomerTieringNeedKind(models.Model):
    """What a customer's need is about, such as the packing."""

    _name = "customer.tiering.need.kind"
    _inherit = ["customer.tiering.typed"]
    _description = "Kind of Customer Need"
    _order = "sequence, id"
    _names_copies = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
