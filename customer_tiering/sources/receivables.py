"""How customers pay, from the receivables of the company."""

from odoo.tools import SQL

from .base import MOST, NUMBER, SUM, QuerySource

#: The mean length of a month, days.
MONTH = 365 / 12


def is_payment():
    """The condition that ``paying``, a move that lowers what is owed, brings something else for it: money, or a claim
    on whoever has the money.

    A credit note brings nothing, nor does what only moves a result, as a write-off, a difference of exchange rates or
    an entry that reverses an invoice.
    """
    return SQL(
        """paying.move_type = 'entry' AND (paying.origin_payment_id IS NOT NULL OR EXISTS (
               SELECT FROM account_move_line brought
                 JOIN account_account account ON account.id = brought.account_id
                WHERE brought.move_id = paying.id AND brought.balance > 0 AND brought.tax_line_id IS NULL
                  AND (account.account_type LIKE 'asset%%' OR account.account_type LIKE 'liability%%')))"""
    )


class Receivables(QuerySource):
    """What is owed and paid, as of the last day: of each line on a receivable account less what was matched with it
    until then.

    ``overdue_amount``
        what is past due, less what the customer has paid without it being matched; never below 0
    ``overdue_months``
        the months of the window that invoices, or instalments, were past due, each counted for itself
    ``receivable_average``
        what was owed on a day of the window, on average; never below 0
    ``receivable_cost_base``
        one percent of that, times the years of the window: what an interest of 1 % a year comes to
    ``days_to_pay``
        from the invoice to its payments in the window, on average by money; unknown without any. What a credit note
        settles, or what is written off, is not paid
    """

    columns = {
        "overdue_amount": SUM,
        "overdue_months": SUM,
        "receivable_average": SUM,
        "receivable_cost_base": SUM,
        "days_to_pay": NUMBER,
    }

    def get_query(self, scope):
        return SQL(
            """
            WITH item AS (
                SELECT line.id, line.partner_id, line.date,
                       LEAST(GREATEST(line.balance, -%(most)s), %(most)s) AS balance, move.move_type,
                       COALESCE(line.date_maturity, line.date) AS due
                  FROM account_move_line line
                  JOIN account_move move ON move.id = line.move_id
                 WHERE line.account_id IN (SELECT id FROM account_account WHERE account_type = 'asset_receivable')
                   AND line.company_id = %(company)s AND line.parent_state = 'posted' AND line.date <= %(as_of)s
                   AND line.partner_id IS NOT NULL AND %(of_partners)s
            ), payment AS (
                SELECT item.id, item.partner_id, GREATEST(match.max_date - item.date, 0) AS days, match.amount,
                       match.max_date > %(window_start)s AND item.move_type IN ('out_invoice', 'out_receipt')
                       AND %(is_payment)s AS is_recent, match.max_date
                  FROM item
                  JOIN account_partial_reconcile match ON match.debit_move_id = item.id AND match.max_date <= %(as_of)s
                  JOIN account_move_line other ON other.id = match.credit_move_id
                  JOIN account_move paying ON paying.id = other.move_id
                 WHERE item.balance > 0
            ), used AS (  -- of what lowers the debt, what is matched
                SELECT item.id, SUM(match.amount) AS amount
                  FROM item
                  JOIN account_partial_reconcile match ON match.credit_move_id = item.id AND match.max_date <= %(as_of)s
                 WHERE item.balance < 0
              GROUP BY 1
            ), paid AS (
                SELECT id, SUM(amount) AS amount, MAX(max_date) AS day FROM payment GROUP BY 1
            ), standing AS (
                SELECT item.partner_id, item.balance, item.date, item.due,
                       item.balance - COALESCE(paid.amount, 0) + COALESCE(used.amount, 0) AS residual, paid.day
                  FROM item LEFT JOIN paid ON paid.id = item.id LEFT JOIN used ON used.id = item.id
            ), owed AS (
                SELECT partner_id,
                       SUM(residual) FILTER (WHERE balance < 0 OR due < %(as_of)s) AS overdue,
                       SUM(GREATEST(0, CASE WHEN residual > 0.005 THEN %(as_of)s ELSE LEAST(day, %(as_of)s) END
                                       - GREATEST(due, %(window_start)s))) FILTER (WHERE balance > 0) AS late_days,
                       SUM(balance * LEAST(%(as_of)s - date + 1, %(days)s)) / %(days)s AS average
                  FROM standing
              GROUP BY 1
            ), quick AS (
                SELECT partner_id, SUM(amount * days) AS weighted, SUM(amount) AS amount
                  FROM payment WHERE is_recent GROUP BY 1
            )
            SELECT partner.commercial_partner_id AS customer,
                   GREATEST(SUM(overdue), 0)::float8 AS overdue_amount,
                   (SUM(late_days) / %(month)s)::float8 AS overdue_months,
                   GREATEST(SUM(average), 0)::float8 AS receivable_average,
                   (GREATEST(SUM(average), 0) / 100 * %(days)s / 365)::float8 AS receivable_cost_base,
                   (SUM(weighted) / NULLIF(SUM(amount), 0))::float8 AS days_to_pay
              FROM owed
              JOIN res_partner partner ON partner.id = owed.partner_id
         LEFT JOIN quick ON quick.partner_id = owed.partner_id
          GROUP BY 1
            """,
            is_payment=is_payment(),
            of_partners=scope.of_partners(SQL.identifier("line", "partner_id")),
            days=scope.window_days,
            month=MONTH,
            most=MOST,
            **scope.parameters,
        )
