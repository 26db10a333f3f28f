from odoo import api, fields, models


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    # Filled in by runs, where the policy measures it.
    delivery_count = fields.Integer(
        string="Deliveries",
        readonly=True,
        help="Transfers to the customer in the policy's window, of the customer's orders. What is sent in two parts is "
        "two deliveries.",
    )
    return_count = fields.Integer(
        string="Returned Deliveries",
        readonly=True,
        help="Transfers back from the customer in the policy's window, of the customer's orders.",
    )
    returned_share = fields.Float(
        string="Returned Share (%)",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Returned deliveries in percent of the deliveries in the policy's window. Without a delivery it is not "
        "known; above 100 where more came back than was sent in the window.",
    )

    @api.model
    def _get_table_fields(self):
        return [*super()._get_table_fields(), "delivery_count", "returned_share"]
