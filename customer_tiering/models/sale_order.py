from odoo import fields, models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    # Stored, and set once: which tier the customer was in when they ordered stays true whatever
    # happens to the customer later. A related field would rewrite history with every run.
    tiering_tier_id = fields.Many2one(
        "customer.tier",
        string="Tier at Confirmation",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        groups="sales_team.group_sale_salesman",
        help="The customer's tier when the order was confirmed.",
    )

    def _action_confirm(self):
        # sudo: a portal customer can confirm too
        for company, orders in self.sudo().grouped("company_id").items():
            for order in orders:
                order.tiering_tier_id = order.partner_id.with_company(company).tiering_tier_id
        return super()._action_confirm()
