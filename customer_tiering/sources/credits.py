"""Credit notes, which take purchases back."""

from odoo.tools import SQL

from .base import FLOAT, ID


def get_condition(scope):
    """Return the condition that a row of ``account_move`` is a credit note of the company that counts in the window.

    One that an entry has reversed counts no more.
    """
    return SQL(
        """account_move.company_id = %(company)s AND move_type = 'out_refund' AND account_move.state = 'posted'
           AND payment_state IS DISTINCT FROM 'reversed'
           AND invoice_date > %(window_start)s AND invoice_date <= %(as_of)s""",
        **scope.parameters,
    )


def is_about_credit(move):
    """Whether a move is a credit note or the entry that reverses one, posted or not."""
    return "out_refund" in (move.move_type, move.reversed_entry_id.move_type)


def read(reading):
    """Return the credit notes of the window as two arrays: place of the customer and (negative) money."""
    query = SQL(
        "SELECT partner_id, COALESCE(amount_untaxed_signed, 0) AS amount FROM account_move WHERE %s AND %s",
        get_condition(reading.scope),
        reading.scope.of_partners(SQL.identifier("partner_id")),
    )
    rows = reading.fetch(query, {"partner_id": ID, "amount": FLOAT})
    customer = reading.places[reading.people.find(rows["partner_id"])]
    return customer[customer >= 0], rows["amount"][customer >= 0]
