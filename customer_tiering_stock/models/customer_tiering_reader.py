from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import customers
from odoo.addons.customer_tiering.sources.base import COUNT, QuerySource


class Deliveries(QuerySource):
    """How many transfers of the customer's orders went to the customer in the window, and how many came back.

    What was moved decides, not the type of the transfer: so a delivery by the supplier is one, and steps inside the
    warehouse are none.
    """

    columns = {"delivery_count": COUNT, "return_count": COUNT}

    def get_query(self, scope):
        return SQL(
            """
            SELECT %(customer)s AS customer,
                   COUNT(DISTINCT picking.id) FILTER (WHERE target.usage = 'customer' AND origin.usage != 'customer')
                       AS delivery_count,
                   COUNT(DISTINCT picking.id) FILTER (WHERE origin.usage = 'customer' AND target.usage != 'customer')
                       AS return_count
              FROM sale_order
              JOIN res_partner buyer ON buyer.id = sale_order.partner_id
              JOIN sale_order_line line ON line.order_id = sale_order.id
              JOIN stock_move move ON move.sale_line_id = line.id AND move.state = 'done'
              JOIN stock_location origin ON origin.id = move.location_id
              JOIN stock_location target ON target.id = move.location_dest_id
              JOIN stock_picking picking ON picking.id = move.picking_id AND picking.state = 'done'
             WHERE sale_order.company_id = %(company)s AND %(of_partners)s
               AND picking.date_done >= %(since)s AND picking.date_done < %(until)s
               AND (picking.date_done AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date > %(window_start)s
               AND (picking.date_done AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date <= %(as_of)s
          GROUP BY 1
            """,
            customer=customers.get_customer(SQL("buyer"), SQL("sale_order.date_order")),
            of_partners=scope.of_partners(SQL.identifier("sale_order", "partner_id")),
            **scope.parameters,
        )


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        """Add deliveries and returns."""
        return [*super()._get_metric_sources(), Deliveries()]
