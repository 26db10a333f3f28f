from odoo import fields, models


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    # Filled in by runs, because a metric has a column of this name.
    contact_person_count = fields.Integer(string="Contact Persons", readonly=True)
