from odoo import models


class RatingRating(models.Model):
    _inherit = "rating.rating"

    # To find those of one customer.
    _tiering_partner_idx = models.Index("(partner_id) WHERE consumed IS TRUE")
