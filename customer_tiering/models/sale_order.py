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
        self._set_tiering_tier()
        result = super()._action_confirm()
        self._tiering_refresh()
        return result

    def _set_tiering_tier(self):
        """Keep the tier in which the customer is now."""
        # sudo: a portal customer can confirm too; nobody follows this field
        for company, orders in self.sudo().with_context(tracking_disable=True).grouped("company_id").items():
            domain = [
                ("company_id", "=", company.id),
                ("partner_id", "in", orders.partner_id.commercial_partner_id.ids),
                ("tier_id", "!=", False),
            ]
            # Grouped, because to read a scorecard would read all of its wide row.
            tiers = dict(orders.env["customer.tiering.scorecard"]._read_group(domain, ["partner_id", "tier_id"]))
            for order in orders:
                tier = tiers.get(order.partner_id.commercial_partner_id, orders.env["customer.tier"])
                if order.tiering_tier_id != tier:
                    order.tiering_tier_id = tier

    def _action_cancel(self):
        confirmed = self.filtered(lambda order: order.state == "sale")
        result = super()._action_cancel()
        confirmed._tiering_refresh()
        return result

    def _tiering_refresh(self):
        for company, orders in self.grouped("company_id").items():
            self.env["customer.tiering.refresh"]._add(orders.partner_id, company, "instant")
