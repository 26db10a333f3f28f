from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.customer_tiering.sentences import format_number

from ..triggers import PointsExpire


class CustomerTieringPlaybook(models.Model):
    _inherit = "customer.tiering.playbook"

    trigger = fields.Selection(selection_add=[("points", "Loyalty points expire")], ondelete={"points": "cascade"})
    points_days = fields.Integer(
        string="Days before Loyalty Points Expire",
        default=30,
        help="So many days before loyalty points of the customer expire: with the card, or because the program ends.",
    )

    @api.constrains("points_days")
    def _check_points_days(self):
        for playbook in self.filtered(lambda playbook: playbook.points_days < 0):
            raise ValidationError(
                self.env._(
                    "“%(playbook)s”: type 0 or more days before loyalty points expire, not %(days)s.",
                    playbook=playbook.name,
                    days=format_number(self.env, playbook.points_days),
                )
            )

    @api.model
    def _get_trigger_classes(self):
        return {**super()._get_trigger_classes(), "points": PointsExpire}
