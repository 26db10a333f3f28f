"""Posted invoices and credit notes in SQL, and what ties them to orders; said once, for all sources and for reports.

``move`` is the alias of ``account_move``, ``line`` of ``account_move_line``.
"""

from odoo.tools import SQL

from .base import MOST

#: What makes an order line one that is neither goods nor a discount on them, where some app has this field.
NO_GOODS_FIELDS = ("is_delivery",)

# A document whose rate is outside of these limits has none. Nobody sees the field, but programs write it.
_LEAST_RATE, _MOST_RATE = SQL("1e-12"), SQL("1e12")
_MOST = SQL(f"{MOST:.0f}")


def get_known_rate(rate):
    """A document's currency per company currency; what can be no rate is read as 1, as Odoo reads a missing one.

    :param rate: the column, as SQL
    """
    return SQL("CASE WHEN %s > %s AND %s < %s THEN %s ELSE 1 END", rate, _LEAST_RATE, rate, _MOST_RATE, rate)


def convert(amount, rate):
    """Money in the company's currency, NULL where there is none.

    More than ``base.MOST`` is that, because by a small rate it could become more than a float holds.

    :param amount: in the currency of a document, as SQL
    :param rate: the column with the document's rate, as SQL
    """
    return SQL(
        "CASE WHEN %(rate)s = 1 THEN %(amount)s"  # to divide takes longest
        " WHEN %(amount)s > %(most)s THEN %(most)s WHEN %(amount)s < -%(most)s THEN -%(most)s"
        " ELSE %(amount)s / %(known_rate)s END",
        amount=amount,
        rate=rate,
        most=_MOST,
        known_rate=get_known_rate(rate),
    )


def is_posted(scope, *types):
    """The condition that ``move`` is posted in the company until the last day, and of one of these types."""
    return SQL(
        """move.company_id = %(company)s AND move.state = 'posted' AND move.move_type IN %(types)s
           AND move.invoice_date <= %(as_of)s""",
        types=types,
        **scope.parameters,
    )


def is_invoice(scope):
    """The condition that ``move`` charges a customer; what only undoes a credit note charges nothing."""
    return SQL(
        """%(is_posted)s AND CASE WHEN move.move_type = 'out_refund' THEN %(is_final)s AND NOT %(is_undone)s
                WHEN move.reversed_entry_id IS NULL THEN TRUE -- almost all of them, without a look at another
                ELSE NOT EXISTS (SELECT FROM account_move undone
                                  WHERE undone.id = move.reversed_entry_id AND undone.move_type = 'out_refund'
                                    AND (%(is_partial)s) IS NOT TRUE) END""",
        is_posted=is_posted(scope, "out_invoice", "out_receipt", "out_refund"),
        is_final=_is_final(),
        is_undone=_is_undone(scope),
        is_partial=_is_partial("move", "undone"),
    )


def is_credit(scope):
    """The condition that ``move`` gives money back; one that another entry has reversed does no more."""
    return SQL(
        "%s AND NOT %s AND NOT %s",
        is_posted(scope, "out_refund"),
        _is_final(),
        _is_undone(scope),
    )


def _is_undone(scope):
    """The condition that another entry has reversed ``move``, a credit note, until the last day."""
    return SQL(
        """EXISTS (SELECT FROM account_move undoing
                   WHERE undoing.reversed_entry_id = move.id AND undoing.state = 'posted'
                     AND undoing.date <= %(as_of)s AND (%(is_partial)s) IS NOT TRUE)""",
        is_partial=_is_partial("undoing", "move"),
        **scope.parameters,
    )


def _is_final():
    """The condition that ``move``, a credit note, is the final invoice of a business for which more was paid before
    than was bought in the end: it charges what was bought, and gives back the rest of the down payment."""
    return SQL(
        """(move.reversed_entry_id IS NULL AND EXISTS (
               SELECT FROM account_move_line advance WHERE advance.move_id = move.id AND advance.is_downpayment))"""
    )


def get_price(sign):
    """What ``line`` charges (``sign`` -1) or gives back (1) in the currency of its document, whatever that is."""
    return SQL("SIGN(%s * line.balance) * ABS(line.price_subtotal)", sign)


def _is_partial(undoing, undone):
    """The condition that an invoice reverses only some of a credit note, and so is an invoice like any other.

    :param undoing: the alias of the invoice, or of the entry that Odoo made in its place until version 16
    :param undone: the alias of the credit note
    """
    return SQL(
        "%(undoing)s.move_type != 'entry' AND %(undoing)s.currency_id = %(undone)s.currency_id"
        " AND %(undoing)s.amount_total < %(undone)s.amount_total",
        undoing=SQL.identifier(undoing),
        undone=SQL.identifier(undone),
    )


def is_about_credit(move):
    """Whether a move is a credit note or the entry that reverses one, posted or not."""
    return "out_refund" in (move.move_type, move.reversed_entry_id.move_type)


def is_about_purchase(move):
    """Whether a move is an invoice, a credit note or the entry that reverses one, posted or not."""
    return move.move_type in ("out_invoice", "out_receipt") or is_about_credit(move)


def get_affected(moves):
    """Return who is billed by moves, and who ordered what they, or those that they reverse, are about.

    ``{company: partners}``
    """
    # sudo: who posts need not see orders
    return {
        company: found.partner_id
        | (found | found.reversed_entry_id).sudo().line_ids.sale_line_ids.order_id.partner_id.sudo(False)
        for company, found in moves.grouped("company_id").items()
    }


def is_advance(alias, advances):
    """The condition that a line pays with what was paid in advance, or sells what will pay.

    :param alias: of ``sale_order_line`` or ``account_move_line``
    :param advances: see :attr:`.base.PurchaseSource.advances`
    """
    if advances is None:
        return SQL("FALSE")
    # An array, once for the whole statement: so an index can be looked up in.
    return SQL("(%s = ANY(ARRAY(%s)))", SQL.identifier(alias, "product_id"), advances)


def is_charged(advances):
    """The condition that ``line`` is a charge, and not a tax, a text or the part of a business that was paid before."""
    return SQL(
        "line.display_type = 'product' AND line.is_downpayment IS NOT TRUE AND %s IS NOT TRUE",
        is_advance("line", advances),
    )


def is_income(advances):
    """The condition that ``line``, of a product, is income, or an allowance, which may be an expense, and not the part
    of a business that was paid before."""
    return SQL(
        """(line.is_downpayment IS NOT TRUE AND %s IS NOT TRUE AND (
                line.account_id IN (SELECT id FROM account_account WHERE account_type IN ('income', 'income_other'))
                OR line.balance > 0 AND line.account_id IN (
                SELECT id FROM account_account WHERE account_type LIKE 'expense%%')))""",
        is_advance("line", advances),
    )


def get_moves_of_orders(of_orders):
    """The SELECT of the ids of the moves with a line that comes from certain orders.

    :param of_orders: a condition on ``sale_order``, as SQL
    """
    return SQL(
        """SELECT line.move_id FROM sale_order
             JOIN sale_order_line ON sale_order_line.order_id = sale_order.id
             JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = sale_order_line.id
             JOIN account_move_line line ON line.id = rel.invoice_line_id
            WHERE %s""",
        of_orders,
    )


def is_any_move(scope, *conditions):
    """The condition that one of several conditions on ``move`` holds.

    :param scope: the :class:`.scope.Scope`; where very many customers are read, each condition is one look into a
        table, where all together would be asked row by row
    """
    if not scope.scans:
        return SQL("(%s)", SQL(" OR ").join(conditions))
    found = [SQL("SELECT move.id FROM account_move move WHERE %s", condition) for condition in conditions]
    return SQL("move.id IN (%s)", SQL(" UNION ALL ").join(found))


def get_links(lines):
    """The SELECT of the lines of orders that lines of invoices and credit notes come from: ``line_id``, ``order_id``,
    ``order_line_id``, and the ``part`` of the line that is its, 1 unless somebody joined several.

    :param lines: the SELECT of the ids of the lines
    """
    return SQL(
        """SELECT invoice_line_id AS line_id, order_id, order_line_id,
                  CASE WHEN COUNT(*) OVER of_line = 1 THEN 1 -- to divide takes longest, and its digits are carried on
                       ELSE COALESCE(ABS(price_subtotal) / NULLIF(SUM(ABS(price_subtotal)) OVER of_line, 0),
                                     1.0 / COUNT(*) OVER of_line) END AS part
             FROM sale_order_line_invoice_rel
             JOIN sale_order_line ON sale_order_line.id = order_line_id
            WHERE invoice_line_id IN (%s)
           WINDOW of_line AS (PARTITION BY invoice_line_id)""",
        lines,
    )


def is_linked():
    """The condition that ``line`` comes from an order."""
    return SQL("EXISTS (SELECT FROM sale_order_line_invoice_rel rel WHERE rel.invoice_line_id = line.id)")


def is_of_purchase():
    """The condition that ``line`` comes from an order that is more than goods that come back."""
    return SQL(
        """EXISTS (SELECT FROM sale_order_line_invoice_rel rel
                     JOIN sale_order_line ON sale_order_line.id = rel.order_line_id
                     JOIN sale_order ON sale_order.id = sale_order_line.order_id
                    WHERE rel.invoice_line_id = line.id AND sale_order.amount_untaxed >= 0)"""
    )


def is_ordered_as(conditions):
    """The condition that ``line`` comes from a line of an order, ``ordered``, for which one of the conditions holds.

    :param conditions: a list of SQL
    """
    if not conditions:
        return SQL("FALSE")
    return SQL(
        """EXISTS (SELECT FROM sale_order_line_invoice_rel rel
                          JOIN sale_order_line ordered ON ordered.id = rel.order_line_id
                    WHERE rel.invoice_line_id = line.id AND (%s))""",
        SQL(" OR ").join(conditions),
    )
