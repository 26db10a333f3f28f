from odoo import models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import billing, orders

from ..sources import tickets


class ResCompany(models.Model):
    _inherit = "res.company"

    def _get_tiering_till_share(self):
        """Return which percentage of what customers bought in the last 12 months is on tickets that nobody invoiced;
        the rest was ordered, or invoiced if that is more."""
        self.ensure_one()
        scope = self._get_tiering_scope(self._get_tiering_today(), 365)
        self.env.flush_all()
        ((sold, ordered, invoiced),) = self.env.execute_query(
            SQL(
                """
                SELECT (SELECT SUM(%(sold)s)
                          FROM pos_order
                         WHERE %(is_counted)s AND date_order > %(since)s
                           AND partner_id IS NOT NULL AND account_move IS NULL),
                       (SELECT SUM(%(money)s)
                          FROM sale_order
                         WHERE company_id = %(company)s AND %(is_confirmed)s AND date_order > %(since)s),
                       (SELECT SUM(amount_untaxed_signed)
                          FROM account_move move
                         WHERE %(is_invoice)s AND invoice_date > %(window_start)s)
                """,
                sold=tickets.get_money("pos_order"),
                is_counted=tickets.is_counted(scope, "pos_order"),
                money=orders.get_money(),
                is_confirmed=orders.is_confirmed(),
                is_invoice=billing.is_invoice(scope),
                **scope.parameters,
            )
        )
        sold, ordered, invoiced = (float(amount or 0) for amount in (sold, ordered, invoiced))
        return 100 * sold / (sold + max(ordered, invoiced, 0)) if sold > 0 else 0.0
