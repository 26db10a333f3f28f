"""Sale orders: a purchase source, and the one scan of them that several sources share.

What is said about an order is said here once, in SQL, for reports too.
"""

from odoo.tools import SQL

from . import credits
from .base import BOOLEAN, FLOAT, ID, MOMENT, PurchaseSource

# ----------------------------------------------------------------------
# An order in SQL; ``order`` is the alias of ``sale_order``
# ----------------------------------------------------------------------


def is_dealing(order="sale_order"):
    """The condition that somebody asked for something: whoever has such an order is a customer."""
    return SQL("%s != 'cancel'", SQL.identifier(order, "state"))


def is_quotation(order="sale_order"):
    """The condition that it is a quotation, which is open."""
    return SQL("%s IN ('draft', 'sent')", SQL.identifier(order, "state"))


def is_confirmed(order="sale_order"):
    """The condition that its money counts, also where there is none or less."""
    return SQL("%s = 'sale'", SQL.identifier(order, "state"))


def is_positive(order="sale_order"):
    """The condition that it is neither for nothing nor a return."""
    return SQL("%s > 0", SQL.identifier(order, "amount_untaxed"))


def is_purchase(order="sale_order"):
    """The condition that somebody bought something."""
    return SQL("%s AND %s", is_confirmed(order), is_positive(order))


def get_rate(order="sale_order"):
    """The order's currency per company currency on the day of the order; Odoo reads a missing or zero rate as 1."""
    return SQL("COALESCE(NULLIF(%s, 0), 1)", SQL.identifier(order, "currency_rate"))


def get_money(order="sale_order"):
    """The untaxed amount in the company's currency, NULL where the order has none."""
    return SQL(
        "CASE WHEN %(rate)s = 1 THEN %(amount)s ELSE %(amount)s / %(known_rate)s END",  # to divide takes longest
        amount=SQL.identifier(order, "amount_untaxed"),
        rate=SQL.identifier(order, "currency_rate"),
        known_rate=get_rate(order),
    )


def get_day(timezone, order="sale_order"):
    """The day of the order.

    :param timezone: name of the company's time zone, a value or a column as SQL
    """
    return SQL("(%s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", SQL.identifier(order, "date_order"), timezone)


# ----------------------------------------------------------------------
# The scan
# ----------------------------------------------------------------------


def scan(reading, more):
    """Return the arrays of the company's quotations and orders of any state.

    :param reading: a :class:`.reading.Reading`
    :param more: further columns, as :meth:`.base.MetricSource.get_order_columns` returns them
    :return: a dict of arrays: ``id``, the place of each ``person``, ``moment``, ``confirmed`` and ``amount``: money of
        the company's currency for confirmed orders, of which those before the window only say whether it is
        positive: their money counts nowhere, and to convert it takes longest. NaN: cancelled, no dealing
    """
    scope = reading.scope
    columns = {"id": ID, "partner_id": ID, "moment": MOMENT, "confirmed": BOOLEAN, "amount": FLOAT}
    columns |= {name: kind for name, (kind, _value) in more.items()}
    query = SQL(
        """
        SELECT id, partner_id, date_order AS moment, %(is_confirmed)s AS confirmed, %(more)s
               CASE WHEN NOT %(is_dealing)s THEN 'NaN'
                    WHEN NOT %(is_confirmed)s THEN 0
                    WHEN date_order < %(since)s THEN CASE WHEN %(is_positive)s THEN 1 ELSE 0 END
                    ELSE COALESCE(%(money)s, 0)::float8
                    END::float8 AS amount
          FROM sale_order
         WHERE company_id = %(company)s AND %(of_partners)s
        """,
        is_confirmed=is_confirmed(),
        is_dealing=is_dealing(),
        is_positive=is_positive(),
        money=get_money(),
        more=SQL("").join(SQL("%s AS %s,", value, SQL.identifier(name)) for name, (_kind, value) in more.items()),
        of_partners=scope.of_partners(SQL.identifier("partner_id")),
        **scope.parameters,
    )
    orders = reading.fetch(query, columns, "sale_order")
    orders["person"] = reading.people.find(orders.pop("partner_id"))
    return orders


def choose_placed(reading):
    """Return which orders of any state are of a customer and dated in the window, as an array of bool."""
    return (reading.orders["buyer"] >= 0) & reading.is_in_window(reading.orders["day"])


def choose_bought(reading):
    """Return which of them are purchases."""
    return choose_placed(reading) & reading.orders["confirmed"] & (reading.orders["amount"] > 0)


# ----------------------------------------------------------------------
# The source
# ----------------------------------------------------------------------


class Orders(PurchaseSource):
    """Confirmed orders of the company, less its credit notes."""

    def get_dealing_query(self, company_id):
        return SQL("SELECT partner_id FROM sale_order WHERE company_id = %s AND %s", company_id, is_dealing())

    def read_dealing(self, reading):
        amount = reading.orders["amount"]
        return reading.orders["person"][amount == amount]  # not NaN: not cancelled

    def read_purchases(self, reading):
        orders = reading.orders
        chosen = orders["confirmed"] & (orders["buyer"] >= 0) & reading.is_past(orders["day"])
        return orders["buyer"][chosen], orders["day"][chosen], orders["amount"][chosen]

    def read_returns(self, reading):
        return credits.read(reading)

    def get_affected(self, records):
        if records._name == "sale.order":
            affecting = records.filtered(lambda order: order.state == "sale")
        elif records._name == "account.move":
            affecting = records.filtered(credits.is_about_credit)
        else:
            return {}
        return {company: found.partner_id for company, found in affecting.grouped("company_id").items()}
