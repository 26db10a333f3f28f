"""Sale orders: a purchase source, and the one scan of them that several sources share.

What is said about an order is said here once, in SQL, for reports too.
"""

from odoo.tools import SQL

from .. import engine, sources
from . import billing, customers
from .base import BOOLEAN, CONFIRMED, FLOAT, ID, MOMENT, PurchaseSource

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


def get_worth(order, advances):
    """What it is worth as a purchase: the untaxed amount, whatever of it was paid in advance, without what it sells of
    means of payment.

    :param advances: see :attr:`.base.PurchaseSource.advances`
    """
    amount = SQL.identifier(order, "amount_untaxed")
    if advances is None:
        return amount
    return SQL(
        """(%s - COALESCE((SELECT SUM(ordered.price_subtotal) FROM sale_order_line ordered
                            WHERE ordered.order_id = %s AND %s), 0))""",
        amount,
        SQL.identifier(order, "id"),
        billing.is_advance("ordered", advances),
    )


def get_rate(order="sale_order"):
    """The order's currency per company currency on the day of the order."""
    return billing.get_known_rate(SQL.identifier(order, "currency_rate"))


def get_money(order="sale_order"):
    """The untaxed amount in the company's currency, NULL where the order has none."""
    return billing.convert(SQL.identifier(order, "amount_untaxed"), SQL.identifier(order, "currency_rate"))


def get_day(timezone, order="sale_order"):
    """The day of the order.

    :param timezone: name of the company's time zone, a value or a column as SQL
    """
    return SQL("(%s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", SQL.identifier(order, "date_order"), timezone)


def get_rate_on(day, order="sale_order"):
    """The order's currency per company currency on another day, as Odoo knows it; looked up, where few rows ask.

    :param day: SQL
    """

    def get_known(currency):
        known = SQL(
            """SELECT rate FROM res_currency_rate known
                WHERE known.currency_id = %(currency)s
                  AND (known.company_id IS NULL OR known.company_id = SPLIT_PART(company.parent_path, '/', 1)::int)""",
            currency=currency,
        )
        return SQL(
            """COALESCE((%(known)s AND known.name <= %(day)s ORDER BY known.company_id, known.name DESC LIMIT 1),
                        (%(known)s ORDER BY known.company_id, known.name LIMIT 1), 1)""",
            known=known,
            day=day,
        )

    return SQL(
        "(SELECT %s / %s FROM res_company company WHERE company.id = %s)",
        get_known(SQL.identifier(order, "currency_id")),
        get_known(SQL.identifier("company", "currency_id")),
        SQL.identifier(order, "company_id"),
    )


def in_currency_of_order(sign, money=None, day=None):
    """The money of ``line`` in the currency of the order ``placed``, at the rate on the day of the invoice.

    :param sign: that of the balance, whose debit is what credit notes have
    :param money: the same in the company's currency, SQL; that of its balance when left out
    :param day: SQL; that of ``line`` when left out
    """
    return SQL(
        "CASE WHEN line.currency_id = placed.currency_id THEN %s ELSE %s * %s END",
        billing.get_price(sign),
        SQL("%s * line.balance", sign) if money is None else money,
        get_rate_on(SQL("line.invoice_date") if day is None else day, "placed"),
    )


# ----------------------------------------------------------------------
# The scan
# ----------------------------------------------------------------------


def scan(reading, more):
    """Return the arrays of the company's quotations and orders of any state.

    :param reading: a :class:`.reading.Reading`
    :param more: further columns, as :meth:`.base.MetricSource.get_order_columns` returns them
    :return: a dict of arrays: ``id``, the place of each ``person``, ``moment``, ``confirmed`` and ``amount``: money of
        the company's currency for confirmed orders, of which those before the window only say whether it is
        positive, unless a least amount is asked for: their money counts nowhere else, and to convert it takes
        longest. NaN: cancelled, no dealing
    """
    scope = reading.scope
    columns = {"id": ID, "partner_id": ID, "moment": MOMENT, "confirmed": BOOLEAN, "amount": FLOAT}
    columns |= {name: kind for name, (kind, _value) in more.items()}
    query = SQL(
        """
        SELECT id, partner_id, date_order AS moment, %(is_confirmed)s AS confirmed, %(more)s
               CASE WHEN NOT %(is_dealing)s THEN 'NaN'
                    WHEN NOT %(is_confirmed)s THEN 0
                    WHEN %(is_sign_enough)s THEN CASE WHEN %(is_positive)s THEN 1 ELSE 0 END
                    ELSE COALESCE(%(money)s, 0)::float8
                    END::float8 AS amount
          FROM sale_order
         WHERE company_id = %(company)s AND %(of_partners)s
        """,
        is_confirmed=is_confirmed(),
        is_dealing=is_dealing(),
        is_positive=is_positive(),
        is_sign_enough=SQL("FALSE") if scope.least else SQL("date_order < %s", scope.money_since),
        money=get_money(),
        more=SQL("").join(SQL("%s AS %s,", value, SQL.identifier(name)) for name, (_kind, value) in more.items()),
        of_partners=scope.of_partners(SQL.identifier("partner_id")),
        **scope.parameters,
    )
    orders = reading.fetch(query, columns, "sale_order")
    orders["person"] = reading.people.find(orders.pop("partner_id"), orders["moment"])
    return orders


def get_rate_column(scope):
    """Return the column ``rate`` of the scan, by which the money of lines is divided that are of confirmed orders of
    the window."""
    rate = SQL(
        """CASE WHEN NOT %(is_confirmed)s OR date_order < %(since)s OR currency_rate = 1 THEN 1::float8
                ELSE %(rate)s::float8 END""",
        is_confirmed=is_confirmed(),
        rate=get_rate(),
        **scope.parameters,
    )
    return {"rate": (FLOAT, rate)}


def choose_placed(reading):
    """Return which orders of any state are of a customer and dated in the window, as an array of bool."""
    return (reading.orders["buyer"] >= 0) & reading.is_in_window(reading.orders["day"])


# ----------------------------------------------------------------------
# The source
# ----------------------------------------------------------------------


class Orders(PurchaseSource):
    """Confirmed orders of the company, less what was returned of them.

    :param no_goods: conditions, any of which says of ``ordered``, a line of an order, that it is neither goods nor a
        discount on them, a list of SQL
    :param advances: see :attr:`.base.PurchaseSource.advances`
    :param recorded_cost: what one unit of ``ordered``, a line of an order, costs in the order's currency, as it was
        recorded, SQL; None: no app records it, so that goods cost what they cost today
    """

    counts_when = CONFIRMED
    papers = ("sale.order",)

    def __init__(self, no_goods=(), advances=None, recorded_cost=None):
        self.no_goods, self.advances, self.recorded_cost = no_goods, advances, recorded_cost

    def get_dealing_query(self, company_id):
        return SQL(
            "SELECT partner_id, date_order AS moment FROM sale_order WHERE company_id = %s AND %s",
            company_id,
            is_dealing(),
        )

    def get_days_query(self, customer, company, timezone):
        return SQL(
            """
            SELECT %(day)s AS day
              FROM res_partner buyer
              JOIN sale_order placed ON placed.partner_id = buyer.id AND placed.company_id = %(company)s
             WHERE %(of_contacts)s AND %(buyer)s = %(customer)s AND %(is_confirmed)s AND %(worth)s > 0
            """,
            day=get_day(timezone, "placed"),
            is_confirmed=is_confirmed("placed"),
            worth=get_worth("placed", self.advances),
            of_contacts=customers.get_contacts(customer),
            buyer=customers.get_customer(SQL("buyer"), SQL("placed.date_order")),
            customer=customer,
            company=company,
        )

    def read_dealing(self, reading):
        amount = reading.orders["amount"]
        return reading.orders["person"][amount == amount]  # not NaN: not cancelled

    def read_purchases(self, reading):
        orders = reading.orders
        money, chosen = orders["amount"], orders["confirmed"].copy()  # nobody else looks at the money
        ids, worth = self._read_with_advances(reading)
        places, found = reading.find_in(orders["id"], ids)
        money[places] = worth[found]
        ids, kept, returned = sources.returns.read_of_orders(reading)
        returned_of, found = reading.find_in(orders["id"], ids)
        live = chosen[returned_of]
        returned_of, returned = returned_of[live], returned[found[live]]
        money[returned_of] = kept[found[live]]
        undone_of, undone = reading.join(), reading.join()
        if reading.scope.with_untaken:
            ids, undone = self._read_undone(reading)
            undone_of, found = reading.find_in(orders["id"], ids)
            undone = undone[found]
            money[undone_of[~chosen[undone_of]]] = 0
            chosen[undone_of] = True
        chosen &= (orders["buyer"] >= 0) & reading.is_past(orders["day"])
        self.chosen = chosen
        taken = reading.renumber(chosen, (returned_of, returned), (undone_of, undone))
        return engine.purchases.Purchases(orders["buyer"][chosen], orders["day"][chosen], money[chosen], *taken)

    def get_ids(self, reading):
        return reading.orders["id"][self.chosen]

    def _read_with_advances(self, reading):
        """Return the ids of orders of any state that are worth more or less than their amount says, because they were
        paid in advance, as with a gift card, or sell such a card, and what they are worth (company's currency)."""
        if self.advances is None:
            return reading.join(), reading.join()
        query = SQL(
            """
            SELECT id, %(worth)s AS worth
              FROM (%(advance)s) advance JOIN sale_order ON sale_order.id = advance.order_id
            """,
            advance=self._get_advance_query(reading.scope),
            worth=billing.convert(SQL("(amount_untaxed - advance.amount)"), SQL("currency_rate")),
        )
        found = reading.fetch(query, {"id": ID, "worth": FLOAT})
        return found["id"], found["worth"]

    def _get_advance_query(self, scope):
        """Return the SELECT of what the lines of orders that stand for money paid in advance come to, by order:
        ``order_id`` and ``amount``, in the order's currency."""
        return SQL(
            """
            SELECT ordered.order_id, SUM(ordered.price_subtotal) AS amount
              FROM sale_order_line ordered
             WHERE ordered.company_id = %(company)s AND %(is_advance)s AND %(of_partners)s
          GROUP BY 1
            """,
            is_advance=billing.is_advance("ordered", self.advances),
            of_partners=scope.of_partners(SQL.identifier("ordered", "order_partner_id")),
            **scope.parameters,
        )

    def _read_undone(self, reading):
        """Return the ids of orders that are worth less than when they were confirmed, and how much (company's
        currency): cancelled ones, and those that somebody corrected."""
        scope = reading.scope
        worth, advances = SQL("amount_untaxed"), SQL()
        if self.advances is not None:
            worth = SQL("amount_untaxed - COALESCE(advance.amount, 0)")
            query = self._get_advance_query(scope)
            advances = SQL("LEFT JOIN (%s) advance ON advance.order_id = sale_order.id", query)
        now = SQL("CASE WHEN %s THEN %s ELSE 0 END", is_confirmed(), worth)
        query = SQL(
            """
            SELECT id, %(undone)s AS undone
              FROM sale_order %(advances)s
             WHERE company_id = %(company)s AND tiering_amount > %(now)s AND %(of_partners)s
            """,
            now=now,
            undone=billing.convert(SQL("(tiering_amount - %s)", now), SQL("currency_rate")),
            advances=advances,
            of_partners=scope.of_partners(SQL.identifier("partner_id")),
            **scope.parameters,
        )
        found = reading.fetch(query, {"id": ID, "undone": FLOAT})
        return found["id"], found["undone"]

    def read_teams(self, reading, ids):
        return reading.look_up(reading.orders["id"], reading.orders["team"], ids)

    def get_line_columns(self):
        # A column only where some lines are not goods: it would be one more for each line of everybody.
        columns = {}
        if self.no_goods:
            columns["is_goods"] = BOOLEAN, SQL("(%s) IS NOT TRUE", SQL(" OR ").join(self.no_goods))
        if self.advances is not None:
            columns["is_advance"] = BOOLEAN, billing.is_advance("ordered", self.advances)
        if self.recorded_cost is not None:
            columns["recorded"] = FLOAT, self.recorded_cost
        return columns

    def read_lines(self, reading, ids):
        return sources.products.read_lines(reading, self._read_sold(reading, ids), self._read_back(reading, ids))

    def read_goods(self, reading, ids):
        return sources.products.read_goods(reading, self._read_sold(reading, ids), self._read_back(reading, ids))

    def read_costs(self, reading, ids):
        return sources.costs.read_costs(reading, self._read_charged(reading, ids), self._read_back(reading, ids))

    def _read_sold(self, reading, ids):
        """Return the lines of these documents that sell goods, or are discounts on them, as a dict of arrays: ``id``,
        ``place`` in ``ids``, ``product`` and ``unit`` (ids; no unit: the product's), ``quantity``, ``discount``
        (percent), and in the company's currency ``money``, and ``listed``, what that would be without the discount."""
        lines = sources.lines.read_ordered(reading, ids)
        lines["listed"] = lines["price"] * lines["quantity"]
        return sources.lines.choose(lines, lines["is_goods"] & (lines["quantity"] > 0))

    def _read_charged(self, reading, ids):
        """Return the lines of these documents that charge something, discounts and goods that come back too, as a dict
        of arrays: ``id``, ``place`` in ``ids``, ``quantity``, ``is_goods``, and in the company's currency ``money`` and
        either the ``cost`` or, for one, what was ``recorded``. Where that is not there, or NaN, goods of this
        ``product`` and ``unit`` cost what they cost today."""
        return sources.lines.read_ordered(reading, ids)

    def _read_back(self, reading, ids):
        """Return which lines (ids) of these documents came back, and which share of each, as two arrays; of a line that
        is there several times they are added up."""
        return reading.returns["line"], reading.returns["share"]

    def get_affected(self, records):
        if records._name == "sale.order":
            affecting = records.filtered(lambda order: order.state == "sale")
            return {company: found.partner_id for company, found in affecting.grouped("company_id").items()}
        if records._name == "account.move":
            return billing.get_affected(records.filtered(billing.is_about_credit))
        return {}
