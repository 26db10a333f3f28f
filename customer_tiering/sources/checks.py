"""What customers' contacts say of themselves, and documents that cannot be right."""

from odoo.tools import SQL

from .. import engine, pace
from . import billing, orders

#: So many contacts are read at a time: their texts do not fill the memory.
_PART = 1 << 16

#: The condition that salespeople may see a ``move``: Odoo's rules hide receipts from them.
_IS_SHOWN = SQL("move.move_type IN ('out_invoice', 'out_refund')")

#: The models of the documents that a :class:`.base.PurchaseSource` counts, by what is said here.
ORDER, MOVE = "sale.order", "account.move"


def read_contacts(cr, customers, phone):
    """Yield what the contacts of customers say, in parts.

    :param customers: ids, a list
    :param phone: the column of the number, or what is made of it, SQL; ``partner`` is the alias
    :return: lists of ``(engine.checks.Contact, id of the company that it belongs to, id of the salesperson, whether
        that one works here)``; None: none
    """
    for first in range(0, len(customers), _PART):
        cr.execute(
            SQL(
                """
                SELECT partner.id, partner.is_company, partner.vat, partner.email, %(phone)s, partner.name, partner.zip,
                       country.code, country.phone_code, partner.company_id, partner.user_id, salesperson.active
                  FROM res_partner partner
             LEFT JOIN res_country country ON country.id = partner.country_id
             LEFT JOIN res_users salesperson ON salesperson.id = partner.user_id
                 WHERE partner.id = ANY(%(ids)s)
              ORDER BY partner.id
                """,
                phone=phone,
                ids=customers[first : first + _PART],
            )
        )
        yield [(engine.checks.Contact(*row[:9]), *row[9:]) for row in cr.fetchall()]
        pace.rest()


def get_names_query(ids):
    """The SELECT of the ids and names of partners."""
    return SQL("SELECT id, name FROM res_partner WHERE id = ANY(%s)", list(ids))


def get_future_query(scope, model):
    """The SELECT of the documents that count and are dated after the last day: ``id``, ``customer`` and ``day``.

    :param model: of the documents
    """
    if model == ORDER:
        return SQL(
            """
            SELECT placed.id, buyer.commercial_partner_id AS customer, %(day)s AS day
              FROM sale_order placed JOIN res_partner buyer ON buyer.id = placed.partner_id
             WHERE placed.company_id = %(company)s AND %(is_confirmed)s AND placed.date_order > %(as_of)s
               AND %(day)s > %(as_of)s
            """,
            day=orders.get_day(scope.timezone, "placed"),
            is_confirmed=orders.is_confirmed("placed"),
            **scope.parameters,
        )
    return SQL(
        """
        SELECT move.id, move.commercial_partner_id AS customer, move.invoice_date AS day
          FROM account_move move
         WHERE move.company_id = %(company)s AND move.state = 'posted'
           AND %(is_shown)s AND move.invoice_date > %(as_of)s
        """,
        is_shown=_IS_SHOWN,
        **scope.parameters,
    )


def get_shown_query(ids):
    """The SELECT of the ids of those of these moves that salespeople may see."""
    return SQL("SELECT move.id FROM account_move move WHERE move.id = ANY(%s) AND %s", list(ids), _IS_SHOWN)


def get_rateless_query(scope, model):
    """The SELECT of the currencies of documents of the window whose amounts count as if they were in the company's,
    because no rate is known: ``currency`` and the ``number`` of documents."""
    if model == ORDER:
        documents, rate = SQL("sale_order document"), SQL("document.currency_rate")
        counts = SQL(
            "%s AND document.date_order > %s AND document.date_order < %s",
            orders.is_confirmed("document"),
            scope.since,
            scope.until,
        )
    else:
        documents, rate = SQL("account_move document"), SQL("document.invoice_currency_rate")
        counts = SQL(
            """document.state = 'posted' AND document.move_type IN ('out_invoice', 'out_receipt', 'out_refund')
               AND document.invoice_date > %s AND document.invoice_date <= %s""",
            scope.window_start,
            scope.as_of,
        )
    return SQL(
        """
        SELECT document.currency_id AS currency, COUNT(*) AS number
          FROM %(documents)s
          JOIN res_company company ON company.id = document.company_id
         WHERE document.company_id = %(company)s AND document.currency_id != company.currency_id AND %(counts)s
           AND ((%(rate)s IS NULL OR %(rate)s <= 0 OR %(known)s != %(rate)s)
                OR NOT EXISTS (SELECT FROM res_currency_rate known
                                WHERE known.currency_id IN (document.currency_id, company.currency_id)
                                  AND (known.company_id IS NULL
                                       OR known.company_id = split_part(company.parent_path, '/', 1)::int)))
      GROUP BY 1
        """,
        documents=documents,
        counts=counts,
        rate=rate,
        known=billing.get_known_rate(rate),
        **scope.parameters,
    )
