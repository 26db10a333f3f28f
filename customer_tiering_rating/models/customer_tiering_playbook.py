from odoo import api, fields, models

from ..triggers import BadRating


class CustomerTieringPlaybook(models.Model):
    _inherit = "customer.tiering.playbook"

    trigger = fields.Selection(selection_add=[("rating", "Bad rating")], ondelete={"rating": "cascade"})

    @api.model
    def _get_trigger_classes(self):
        return {**super()._get_trigger_classes(), "rating": BadRating}
