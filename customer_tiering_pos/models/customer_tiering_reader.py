from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import scope

from ..sources import tickets


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_purchase_sources(self):
        found = super()._get_purchase_sources()
        # pos_sale brings sales teams, and orders that are settled in the till; pos_loyalty gift cards and wallets.
        lines = self.env["pos.order.line"]._fields
        with_orders, with_cards = "sale_order_origin_id" in lines, "reward_id" in lines
        by_ticket = {
            "no_goods": [tickets.is_given()] if with_cards else [],
            "with_teams": "crm_team_id" in self.env["pos.order"]._fields,
        }
        nothing_sold = [tickets.IS_TIP, *([tickets.is_prepaid()] if with_cards else [])]
        alone = [*nothing_sold, tickets.is_down_payment()] if with_orders else nothing_sold
        beside = [*nothing_sold, tickets.is_settled()] if with_orders else nothing_sold
        if with_orders:
            ordered, direct = found[scope.ORDER], found["order_invoice"].invoices
            ordered = tickets.SettledOrders(ordered.no_goods, ordered.advances, ordered.recorded_cost)
            direct = tickets.DirectInvoices(direct.no_goods, direct.advances, direct.recorded_cost)
            found |= {scope.ORDER: ordered, "order_invoice": tickets.OrdersAndMore(ordered, direct)}
        return {
            **found,
            "pos": tickets.Tickets(left_out=alone, **by_ticket),
            "order_pos": tickets.OrdersAndMore(found[scope.ORDER], tickets.Tickets(left_out=beside, **by_ticket)),
        }

    @api.model
    def _get_rebate_condition(self):
        """A credit note of a ticket gives back what the refund in the till gave back already."""
        return SQL(
            "%s AND NOT EXISTS (SELECT FROM pos_order WHERE pos_order.account_move = move.id)",
            super()._get_rebate_condition(),
        )
