from odoo import api, fields, models


class CustomerTier(models.Model):
    _inherit = "customer.tier"

    least_margin = fields.Float(
        string="Least Margin (%)",
        digits=(5, 2),
        help="Quotations for customers in this tier whose margin is less say so. 0: no margin is too small.",
    )
    least_margin_rule = fields.Selection(
        [("warn", "Warn"), ("ask", "Ask a sales manager")],
        string="Below the Least Margin",
        default="warn",
        required=True,
        help="Warn: whoever sells may confirm it all the same. Ask: only sales managers confirm it.",
    )

    _least_margin_range = models.Constraint(
        "CHECK(least_margin BETWEEN 0 AND 100)", "“Least Margin” is a percentage from 0 to 100."
    )

    @api.model
    def _get_typed_ranges(self):
        return {**super()._get_typed_ranges(), "least_margin": (0, 100)}

    @api.model
    def _get_side_fields(self):
        return [*super()._get_side_fields(), "least_margin", "least_margin_rule"]
