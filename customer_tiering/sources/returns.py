"""What was returned of orders, and rebates: credit notes, by what they take back."""

import numpy as np

from odoo.tools import SQL

from . import billing, orders, people
from .base import FLOAT, ID
from .rows import fetch_arrays


def read(reading):
    """Return what was returned of orders as a dict of arrays: a row for each ``line`` (id) of an order with a credit
    note, with the id of the ``order``, the ``share`` of the line that came back (NaN: not known), and of the whole
    order what is left of its money, ``kept``, and what was ``returned``, both in the company's currency, at the order's
    rate; NaN: nothing was returned.

    An order's credit notes are those whose lines come from its lines, or which reverse an invoice that does. Returned
    is what was credited and not invoiced again, which is how far what is invoiced of its lines is below what it once
    was; never more than what was credited, nor than what is missing from full invoicing. What was paid in advance is in
    none of these sums.
    """
    query = SQL(
        """
        %(of_lines)s, total AS (
            SELECT id, MAX(worth) AS worth, MAX(rate) AS rate, SUM(credited + more) AS credited,
                   SUM(invoiced) AS invoiced, SUM(missing + more) AS missing
              FROM whole
          GROUP BY id
        ), back AS (  -- of an order by which goods come back that return, which is below 0
            SELECT id, worth, rate,
                   CASE WHEN worth < 0 THEN LEAST(0, GREATEST(credited, worth, worth - invoiced, missing))
                        ELSE GREATEST(0, LEAST(credited, worth, worth - invoiced, missing)) END AS returned
              FROM total
        ), left_over AS (
            SELECT id, %(kept)s AS kept, %(returned)s AS returned FROM back WHERE returned != 0
        )
        SELECT whole.id AS order, order_line_id AS line, kept, returned,
               LEAST(credited + more, missing + more) / NULLIF(ordered, 0) AS share
          FROM whole LEFT JOIN left_over ON left_over.id = whole.id
        """,
        of_lines=_get_lines(reading),
        kept=billing.convert(SQL("(worth - returned)"), SQL("rate")),
        returned=billing.convert(SQL("GREATEST(returned, 0)"), SQL("rate")),
    )
    return reading.fetch(query, {"order": ID, "line": ID, "kept": FLOAT, "returned": FLOAT, "share": FLOAT})


def read_foreign(cr, company_id):
    """Return the ids of the credit notes of a company that may be about orders of others than those who are billed.

    Of the orders of contacts who have moved all are.
    """
    query = SQL(
        """
        WITH of_order AS (
            SELECT move.id, move.commercial_partner_id, rel.order_line_id
              FROM account_move move
              JOIN account_move_line line ON line.move_id IN (move.id, move.reversed_entry_id)
              JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
             WHERE move.company_id = %s AND move.move_type = 'out_refund'
        )
        SELECT DISTINCT of_order.id
          FROM of_order
          JOIN sale_order_line ordered ON ordered.id = of_order.order_line_id
          JOIN sale_order placed ON placed.id = ordered.order_id
          JOIN res_partner buyer ON buyer.id = placed.partner_id
         WHERE buyer.commercial_partner_id IS DISTINCT FROM of_order.commercial_partner_id
            OR buyer.id IN (SELECT partner_id FROM customer_tiering_former)
        """,
        company_id,
    )
    return fetch_arrays(cr, query, {"id": ID})["id"]


def read_of_orders(reading):
    """Return the ids of the orders of which something was returned, and their money, ``kept`` and ``returned``, as
    :func:`read` says."""
    found = reading.returns
    ids, first = np.unique(found["order"], return_index=True)
    some = ~np.isnan(found["kept"][first])
    return ids[some], *(found[name][first[some]] for name in ("kept", "returned"))


def find_shares(back, lines):
    """Return which share of each of ``lines`` (ids) came back, 0 or more.

    :param back: two arrays: lines, several times or not at all, and the share of each; they are added up
    """
    line, share = back[0], np.nan_to_num(back[1])
    order = np.lexsort((share, line))  # a sum of floats depends on the order of the rows
    ids, place = np.unique(line[order], return_inverse=True)
    return np.append(np.bincount(place, share[order], len(ids)), 0).clip(0)[people.find(ids, lines)]


def _get_lines(reading):
    """Return the WITH of ``whole``: of each line of an order with a credit note what was ``credited``, ``invoiced``
    in the end, is ``missing`` of what once was invoiced, and came back ``more``, in the order's currency."""
    scope, advances = reading.scope, reading.purchase_source.advances
    return SQL(
        """
        WITH credit AS (
            SELECT move.id, move.reversed_entry_id, move.invoice_date
              FROM account_move move
             WHERE %(is_credit)s AND %(of_orders)s
        ), credited_line AS (
            SELECT line.id, line.move_id, credit.invoice_date, credit.reversed_entry_id AS invoice_id, line.currency_id,
                   line.price_subtotal, line.balance
              FROM credit JOIN account_move_line line ON line.move_id = credit.id AND %(is_charged)s
        ), link AS (
            %(links_of_credits)s
        ), unlinked AS (
            SELECT invoice_id, currency_id, SUM(price_subtotal) AS price_subtotal, SUM(balance) AS balance,
                   MAX(invoice_date) AS invoice_date, MAX(move_id) AS move_id
              FROM credited_line
             WHERE invoice_id IS NOT NULL AND NOT EXISTS (SELECT FROM link WHERE link.line_id = credited_line.id)
          GROUP BY 1, 2
        ), reversed_line AS (
            SELECT line.id, line.move_id, line.price_subtotal, line.balance
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id AND %(is_invoice)s
             WHERE line.move_id IN (SELECT invoice_id FROM unlinked) AND %(is_charged)s
        ), charged AS (
            SELECT move_id, order_id, order_line_id,
                   SUM(price_subtotal * COALESCE(part, 1)) AS price_subtotal,
                   SUM(balance * COALESCE(part, 1)) AS balance
              FROM reversed_line LEFT JOIN (%(links_of_reversed)s) link ON link.line_id = reversed_line.id
          GROUP BY 1, 2, 3
        ), shared AS (  -- beyond what the invoice charged without an order
            SELECT charged.order_id, charged.order_line_id, unlinked.invoice_id, unlinked.invoice_date,
                   unlinked.move_id, unlinked.currency_id,
                   GREATEST(unlinked.price_subtotal - COALESCE(direct.price_subtotal, 0), 0) * charged.price_subtotal
                   / NULLIF(SUM(charged.price_subtotal) OVER of_invoice, 0) AS price_subtotal,
                   GREATEST(unlinked.balance + COALESCE(direct.balance, 0), 0) * charged.price_subtotal
                   / NULLIF(SUM(charged.price_subtotal) OVER of_invoice, 0) AS balance
              FROM unlinked
              JOIN charged ON charged.move_id = unlinked.invoice_id AND charged.order_id IS NOT NULL
         LEFT JOIN charged direct ON direct.move_id = unlinked.invoice_id AND direct.order_id IS NULL
            WINDOW of_invoice AS (PARTITION BY unlinked.invoice_id, unlinked.currency_id)
        ), given_back AS (  -- not before the invoice, whatever the day of the credit note
            SELECT placed.id, order_line_id, GREATEST(line.invoice_date, invoice.invoice_date) AS invoice_date,
                   line.move_id, %(credited)s AS credited, %(worth)s AS worth, %(rate)s AS rate
              FROM (SELECT order_id, order_line_id, invoice_id, invoice_date, move_id, currency_id,
                           price_subtotal * part AS price_subtotal, balance * part AS balance
                      FROM credited_line JOIN link ON link.line_id = credited_line.id
                 UNION ALL
                    SELECT order_id, order_line_id, invoice_id, invoice_date, move_id, currency_id,
                           price_subtotal, balance
                      FROM shared) line
              JOIN sale_order placed ON placed.id = line.order_id
         LEFT JOIN account_move invoice ON invoice.id = line.invoice_id
             WHERE placed.company_id = %(company)s AND %(of_buyers)s
        ), invoice_line AS (
            SELECT line.id, line.move_id, move.invoice_date, line.currency_id, line.price_subtotal, line.balance
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id AND %(is_invoice)s
             WHERE %(is_charged)s
               AND line.id IN (SELECT invoice_line_id FROM sale_order_line_invoice_rel WHERE order_line_id IN (
                               SELECT id FROM sale_order_line WHERE order_id IN (SELECT id FROM given_back))
                           EXCEPT SELECT id FROM credited_line) -- no invoice's, and half of them
        ), document AS (
            SELECT id, order_line_id, invoice_date, move_id, worth, rate, credited, -credited AS invoiced
              FROM given_back
         UNION ALL
            SELECT placed.id, order_line_id, line.invoice_date, line.move_id, NULL, NULL, 0,
                   %(invoiced)s * link.part
              FROM invoice_line line
              JOIN (%(links_of_invoices)s) link ON link.line_id = line.id
              JOIN sale_order placed ON placed.id = link.order_id
        ), balance AS (
            SELECT id, order_line_id, worth, rate, credited, invoiced,
                   SUM(invoiced) OVER (PARTITION BY id, order_line_id ORDER BY invoice_date, move_id) AS so_far
              FROM document
        ), of_line AS (
            SELECT balance.id, order_line_id, MAX(worth) AS worth, MAX(rate) AS rate, SUM(credited) AS credited,
                   SUM(invoiced) AS invoiced,
                   CASE WHEN price_subtotal < 0 THEN LEAST(MIN(so_far), 0) ELSE GREATEST(MAX(so_far), 0) END
                   - SUM(invoiced) AS missing, price_subtotal AS ordered
              FROM balance JOIN sale_order_line ON sale_order_line.id = order_line_id
          GROUP BY balance.id, order_line_id, sale_order_line.id
        ), whole AS (  -- less was invoiced than ordered, at a rate or a price of its own, and all of it came back
            SELECT *, CASE WHEN ROUND(invoiced, 2) = 0 AND missing / NULLIF(ordered, 0) BETWEEN 0.9 AND 1
                           THEN ordered - missing ELSE 0 END AS more
              FROM of_line
        )
        """,
        is_credit=billing.is_credit(scope),
        is_invoice=billing.is_invoice(scope),
        is_charged=billing.is_charged(advances),
        worth=orders.get_worth("placed", advances),
        of_orders=_of_orders(scope),
        of_buyers=scope.of_partners(SQL.identifier("placed", "partner_id")),
        links_of_credits=billing.get_links(SQL("SELECT id FROM credited_line")),
        links_of_reversed=billing.get_links(SQL("SELECT id FROM reversed_line")),
        links_of_invoices=billing.get_links(SQL("SELECT id FROM invoice_line")),
        credited=orders.in_currency_of_order(
            1,
            SQL(
                "CASE WHEN line.currency_id = invoice.currency_id THEN %s ELSE line.balance END",
                billing.convert(SQL("line.price_subtotal"), SQL("invoice.invoice_currency_rate")),
            ),
            SQL("COALESCE(invoice.invoice_date, line.invoice_date)"),
        ),
        invoiced=orders.in_currency_of_order(-1),
        rate=orders.get_rate("placed"),
        **scope.parameters,
    )


def _of_orders(scope):
    """The condition that ``move``, a credit note, may be about an order of one of these people."""
    if scope.everybody or (scope.part and scope.foreign_credits is None):
        return SQL("TRUE")
    if scope.part:
        return SQL(
            "(%s OR move.id = ANY(%s))",
            scope.of_customers(SQL.identifier("move", "commercial_partner_id")),
            list(scope.foreign_credits),
        )
    invoiced = billing.get_moves_of_orders(scope.of_partners(SQL.identifier("sale_order", "partner_id")))
    return SQL("(move.id IN (%s) OR move.reversed_entry_id IN (%s))", invoiced, invoiced)


def read_rebates(reading, is_of_order=None):
    """Return the rebates of the window as two arrays: place of the customer and (negative) money.

    A rebate is what a credit note gives that comes from no order and reverses nothing; it is the billed customer's.
    What it gives of no income, such as an opening balance or a deposit, is none.

    :param is_of_order: the condition that ``line`` comes from an order whose purchase it lowers; None: from any
    """
    scope = reading.scope
    if scope.rebates is None:
        return reading.join(), reading.join()
    query = SQL(
        """
        SELECT move.commercial_partner_id AS customer, -SUM(line.balance) AS amount
          FROM account_move move
          JOIN account_move_line line ON line.move_id = move.id AND line.display_type = 'product' AND %(is_income)s
         WHERE %(is_credit)s AND move.reversed_entry_id IS NULL AND move.invoice_date > %(window_start)s
           AND %(of_partners)s AND NOT %(is_of_order)s AND %(is_rebate)s
      GROUP BY move.id
        """,
        is_income=billing.is_income(reading.purchase_source.advances),
        is_credit=billing.is_credit(scope),
        is_of_order=billing.is_linked() if is_of_order is None else is_of_order,
        is_rebate=scope.rebates,
        of_partners=scope.of_partners(SQL.identifier("move", "partner_id")),
        **scope.parameters,
    )
    rows = reading.fetch(query, {"customer": ID, "amount": FLOAT})
    customer = reading.places[reading.people.find(rows["customer"])]
    return customer[customer >= 0], rows["amount"][customer >= 0]
