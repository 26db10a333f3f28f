"""Posted invoices and credit notes in SQL, and what ties them to orders; said once, for all sources and for reports.

``move`` is the alias of ``account_move``, ``line`` of ``account_move_line``.
"""

from odoo.tools import SQL

#: What makes an order line one that is neither goods nor a discount on them, where some app has this field.
NO_GOODS_FIELDS = ("is_delivery",)


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
        """%s AND NOT EXISTS (SELECT FROM account_move undone
                            WHERE undone.id = move.reversed_entry_id AND undone.move_type = 'out_refund')""",
        is_posted(scope, "out_invoice", "out_receipt"),
    )


def is_credit(scope):
    """The condition that ``move`` gives money back; one that another entry has reversed does no more."""
    return SQL(
        """%(is_posted)s AND NOT EXISTS (
                  SELECT FROM account_move undoing
                   WHERE undoing.reversed_entry_id = move.id AND undoing.state = 'posted'
                     AND undoing.date <= %(as_of)s)""",
        is_posted=is_posted(scope, "out_refund"),
        **scope.parameters,
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
    """The condition that ``line``, of a product, is income and not the part of a business that was paid before."""
    return SQL(
        """(line.is_downpayment IS NOT TRUE AND %s IS NOT TRUE AND line.account_id IN (
                SELECT id FROM account_account WHERE account_type IN ('income', 'income_other')))""",
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


def get_links(lines):
    """The SELECT of the orders that lines of invoices and credit notes come from: ``line_id``, ``order_id`` and the
    ``part`` of the line that is each order's, 1 unless somebody joined lines of several orders.

    :param lines: the SELECT of the ids of the lines
    """
    return SQL(
        """SELECT invoice_line_id AS line_id, order_id, 1.0 / COUNT(*) OVER (PARTITION BY invoice_line_id) AS part
             FROM sale_order_line_invoice_rel
             JOIN sale_order_line ON sale_order_line.id = order_line_id
            WHERE invoice_line_id IN (%s)
         GROUP BY invoice_line_id, order_id""",
        lines,
    )


def is_linked():
    """The condition that ``line`` comes from an order."""
    return SQL("EXISTS (SELECT FROM sale_order_line_invoice_rel rel WHERE rel.invoice_line_id = line.id)")


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
