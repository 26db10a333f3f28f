from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import invoices, scope

from ..sources import tickets


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_purchase_sources(self):
        found = super()._get_purchase_sources()
        ordered = found[scope.ORDER]
        # pos_sale brings sales teams, and orders that are settled in the till; pos_loyalty gift cards and wallets.
        lines = self.env["pos.order.line"]._fields
        with_orders, with_cards = "sale_order_origin_id" in lines, "reward_id" in lines
        in_orders = with_orders and "reward_id" in self.env["sale.order.line"]._fields
        by_ticket = {
            "no_goods": [tickets.is_given(in_orders)] if with_cards else [],
            "advances": ordered.advances,
            "with_teams": "crm_team_id" in self.env["pos.order"]._fields,
            "with_gifts": with_cards,
        }
        nothing_sold = [tickets.IS_TIP, *([tickets.is_prepaid()] if with_cards else [])]
        alone = [*nothing_sold, tickets.is_down_payment()] if with_orders else nothing_sold
        beside = [*nothing_sold, tickets.is_settled()] if with_orders else nothing_sold
        # On the invoice of a ticket tips and down payments are lines like any other.
        no_income = [ordered.advances, tickets.TIPS, tickets.DOWN_PAYMENTS if with_orders else None]
        of_invoices = ordered.no_goods, SQL(" UNION ").join(filter(None, no_income)), ordered.recorded_cost
        found["invoice"], direct = invoices.Invoices(*of_invoices), invoices.DirectInvoices(*of_invoices)
        if with_orders:
            found[scope.ORDER] = tickets.SettledOrders(ordered.no_goods, ordered.advances, ordered.recorded_cost)
            direct = tickets.DirectInvoices(*of_invoices)
        found["order_invoice"] = tickets.OrdersAndMore(found[scope.ORDER], direct)
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
