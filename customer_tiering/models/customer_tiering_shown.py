from odoo import api, fields, models
from odoo.fields import Domain

GROUP = "sales_team.group_sale_salesman"


class CustomerTieringShown(models.AbstractModel):
    """Shows on a paper the tier in which its customer is today, whatever the paper keeps of another day."""

    _name = "customer.tiering.shown"
    _description = "Shows the Customer's Tier"

    tiering_customer_tier_id = fields.Many2one(
        "customer.tier",
        string="Customer's Tier",
        compute="_compute_tiering_customer_tier",
        search="_search_tiering_customer_tier_id",
        groups=GROUP,
        help="The tier in which the customer is today.",
    )
    tiering_customer_tier_color = fields.Integer(
        string="Colour of the Customer's Tier", compute="_compute_tiering_customer_tier", groups=GROUP
    )

    @api.depends("partner_id", "company_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_customer_tier(self):
        for company, records in self.grouped(lambda record: record.company_id or record.env.company).items():
            records.partner_id.with_company(company).mapped("tiering_tier_id")  # one query for all
            for record in records:
                partner = record.partner_id.with_company(company)
                record.tiering_customer_tier_id = partner.tiering_tier_id
                record.tiering_customer_tier_color = partner.tiering_tier_color

    def _search_tiering_customer_tier_id(self, operator, value):
        return Domain("partner_id.tiering_tier_id", operator, value)
