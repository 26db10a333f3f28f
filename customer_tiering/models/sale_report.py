from odoo import fields, models


class SaleReport(models.Model):
    _inherit = "sale.report"

    tiering_tier_id = fields.Many2one(
        "customer.tier",
        string="Tier at Confirmation",
        readonly=True,
        groups="sales_team.group_sale_salesman",
        help="The customer's tier when the order was confirmed. Orders from elsewhere, such as an import, have that of "
        "the history on their day. None: the customer had no tier, or none was known yet.",
    )

    def _select_additional_fields(self):
        # What was confirmed before the addon was there, or came in by an import, has kept no tier. That of its day
        # is the one of the last change before: on the day itself, the order has not counted yet. To orders from before
        # the first change of all nothing is looked up.
        of_history = """CASE WHEN s.state = 'sale' AND s.date_order::date > (
            SELECT MIN(date) FROM customer_tier_change) THEN (
            SELECT change.to_tier_id FROM customer_tier_change change
             WHERE change.partner_id = partner.commercial_partner_id AND change.company_id = s.company_id
               AND change.date < s.date_order::date
          ORDER BY change.id DESC LIMIT 1) END"""
        return {**super()._select_additional_fields(), "tiering_tier_id": f"COALESCE(s.tiering_tier_id, {of_history})"}
