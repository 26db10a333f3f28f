from odoo import api, fields, models


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    # Filled in by runs, because metrics have columns of these names.
    rating_average = fields.Float(
        string="Average Rating",
        digits=(3, 2),
        readonly=True,
        aggregator="avg",
        help="Average of the ratings, 1 to 5, that the customer and its contacts gave tasks and chats in the policy's "
        "window. Empty: nobody was asked, or nobody has answered.",
    )
    rating_count = fields.Integer(
        string="Ratings",
        readonly=True,
        help="Ratings that the customer and its contacts gave tasks and chats in the policy's window.",
    )
    bad_rating_count = fields.Integer(
        string="Bad Ratings", readonly=True, help="Which of these ratings are below 3 of 5."
    )

    @api.model
    def _get_table_fields(self):
        return [*super()._get_table_fields(), "rating_average", "rating_count"]
