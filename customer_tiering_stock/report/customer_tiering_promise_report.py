from datetime import datetime, time, timedelta

from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import customers


class CustomerTieringPromiseReport(models.Model):
    _inherit = "customer.tiering.promise.report"
    _depends = {
        "sale.order": ["commitment_date"],
        "sale.order.line": ["order_id"],
        "stock.location": ["usage"],
        "stock.move": [
            "date",
            "date_deadline",
            "location_dest_id",
            "location_id",
            "picking_id",
            "sale_line_id",
            "state",
        ],
        "stock.picking": ["backorder_id", "date_done"],
    }

    @api.model
    def _get_kinds(self):
        return [*super()._get_kinds(), ("delivery", self.env._("Delivery"))]

    @api.model
    def _get_queries(self, first):
        return {**super()._get_queries(first), "delivery": self._get_delivery_query(first)}

    @api.model
    def _get_delivery_query(self, first):
        """A row per confirmed order of which a delivery was due: on the day that the order promises, or else the last
        one of the deadlines of its transfers, which is what the order expected.

        What is due today or was before is a row. It is done when nothing of it is left to send. What is sent again
        because it came back is another matter, whenever that was: not so the rest of a delivery in parts.
        """
        return SQL(
            """
            SELECT due.id AS number, due.customer AS partner_id, due.company_id, due.promised AS date,
                   due.id AS order_id, COALESCE(due.sent, due.today) - due.promised AS days,
                   due.sent IS NOT NULL AS is_done, 0 AS patience
              FROM (SELECT placed.id, placed.company_id, company.today, %(customer)s AS customer,
                           %(promised)s AS promised,
                           CASE WHEN BOOL_AND(move.state = 'done') THEN %(sent)s END AS sent
                      FROM sale_order placed
                      JOIN %(companies)s company ON company.id = placed.company_id
                      JOIN res_partner buyer ON buyer.id = placed.partner_id
                      JOIN sale_order_line line ON line.order_id = placed.id
                      JOIN stock_move move ON move.sale_line_id = line.id AND move.state != 'cancel'
                      JOIN stock_location origin ON origin.id = move.location_id AND origin.usage != 'customer'
                      JOIN stock_location target ON target.id = move.location_dest_id AND target.usage = 'customer'
                 LEFT JOIN stock_picking picking ON picking.id = move.picking_id
                     WHERE placed.state = 'sale' AND COALESCE(placed.commitment_date, move.date_deadline) >= %(since)s
                       AND (picking.backorder_id IS NOT NULL OR NOT EXISTS (
                               SELECT FROM stock_move back
                                 JOIN stock_location came_from
                                   ON came_from.id = back.location_id AND came_from.usage = 'customer'
                                WHERE back.sale_line_id = line.id AND back.id < move.id AND back.state != 'cancel'))
                  GROUP BY placed.id, buyer.id, company.today, company.timezone) due
             WHERE due.promised BETWEEN %(first)s AND due.today
            """,
            customer=customers.get_customer(SQL("buyer"), SQL("placed.date_order")),
            companies=self._get_companies(),
            promised=self._get_day(SQL("COALESCE(placed.commitment_date, MAX(move.date_deadline))")),
            sent=self._get_day(SQL("MAX(COALESCE(picking.date_done, move.date))")),
            since=datetime.combine(first - timedelta(days=1), time()),
            first=first,
        )

    @api.model
    def _get_day(self, moment):
        return SQL("(%s AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date", moment)
