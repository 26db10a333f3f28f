from odoo import fields, models


class SaleReport(models.Model):
    _inherit = "sale.report"

    tiering_tier_id = fields.Many2one(
        "customer.tier",
        string="Tier at Confirmation",
        readonly=True,
        groups="sales_team.group_sale_salesman",
    )

    def _select_additional_fields(self):
        return {**super()._select_additional_fields(), "tiering_tier_id": "s.tiering_tier_id"}
