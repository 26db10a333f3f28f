"""How much of what was invoiced was credited."""

from odoo.tools import SQL

from . import billing
from .base import MOST, SUM, QuerySource


class Credited(QuerySource):
    """What was credited and what was invoiced in the window, untaxed, whenever what came back had been invoiced."""

    columns = {"credited_amount": SUM, "invoiced_amount": SUM}

    def get_query(self, scope):
        return SQL(
            """
            SELECT move.commercial_partner_id AS customer,
                   COALESCE(SUM(-move.amount) FILTER (WHERE move.is_credit), 0)::float8 AS credited_amount,
                   COALESCE(SUM(move.amount) FILTER (WHERE move.is_invoice), 0)::float8 AS invoiced_amount
              FROM (SELECT move.commercial_partner_id, %(is_credit)s AS is_credit, %(is_invoice)s AS is_invoice,
                           LEAST(GREATEST(move.amount_untaxed_signed, -%(most)s), %(most)s) AS amount
                      FROM account_move move
                     WHERE move.company_id = %(company)s AND move.state = 'posted'
                       AND move.move_type IN ('out_invoice', 'out_receipt', 'out_refund')
                       AND move.invoice_date > %(window_start)s AND move.invoice_date <= %(as_of)s
                       AND %(of_partners)s) move
          GROUP BY 1
            """,
            is_credit=billing.is_credit(scope),
            is_invoice=billing.is_invoice(scope),
            of_partners=scope.of_partners(SQL.identifier("move", "partner_id")),
            most=MOST,
            **scope.parameters,
        )
