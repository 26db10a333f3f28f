from odoo import api, fields, models


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    # Filled in by runs, because metrics have columns of these names.
    loyalty_points = fields.Float(
        string="Loyalty Points Held",
        digits=(16, 2),
        readonly=True,
        help="Points on the loyalty cards of the customer and its contacts that can be used. Cards that are archived "
        "or have expired, and programs that are over, do not count.",
    )
    loyalty_expiring = fields.Float(
        string="Loyalty Points Expiring Soon",
        digits=(16, 2),
        readonly=True,
        help="Which of these loyalty points expire within 30 days: with the card, or because the program ends.",
    )
    loyalty_earned = fields.Float(
        string="Loyalty Points Earned",
        digits=(16, 2),
        readonly=True,
        help="Loyalty points that were given in the policy's window.",
    )
    loyalty_used = fields.Float(
        string="Loyalty Points Used",
        digits=(16, 2),
        readonly=True,
        help="Loyalty points that were used in the policy's window.",
    )

    @api.model
    def _get_table_fields(self):
        return [*super()._get_table_fields(), "loyalty_points"]
