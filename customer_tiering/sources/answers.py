"""How soon quotations go to the customers who asked for them."""

import numpy as np
import pandas as pd

from odoo.tools import SQL

from ..engine import grouped, schema
from . import customers, orders
from .base import BOOLEAN, ID, MOMENT, MetricSource

#: A quotation that has not been sent counts with its age so far once that is longer than so many days.
PATIENCE_DAYS = 7


def get_answer_query(companies, since, no_quotations=(), of_orders=None):
    """Return the SELECT of quotations and when they were answered, a row for each: ``id``, ``company_id``,
    ``customer``, ``day``, on which it was made, and ``answered``, NULL while it waits.

    Answered is a quotation on the day on which it was marked as sent or a colleague first wrote to the customer on it,
    as the e-mail that it is sent with does; one that was confirmed without any of it on the day of its confirmation.
    What somebody writes on a draft and keeps as a draft is no answer. Of what was cancelled before, or came in as sent
    or confirmed already, as by an import, nobody knows: these are no rows.

    :param companies: a table of the companies' ids and the names of their time zones, as SQL
    :param since: a moment (naive UTC); quotations that were made before are no rows
    :param no_quotations: conditions, any of which says of ``placed``, an order, that the customer made it alone
    :param of_orders: a condition on ``placed``; None: of all
    """
    return SQL(
        """
        SELECT asked.id, asked.company_id, asked.customer, asked.day,
               CASE WHEN asked.answered < asked.day THEN asked.day ELSE asked.answered END AS answered
          FROM (SELECT placed.id, placed.company_id, placed.state, %(customer)s AS customer, made.day, made.placed_on,
                       LEAST(CASE WHEN placed.state = 'sale' THEN made.placed_on END,
                             %(sent_day)s) AS answered
                  FROM sale_order placed
                  JOIN %(companies)s company (id, timezone) ON company.id = placed.company_id
                  JOIN res_partner buyer ON buyer.id = placed.partner_id
            CROSS JOIN LATERAL (SELECT %(made_day)s AS day, %(placed_day)s AS placed_on) made
             LEFT JOIN (%(sent)s) sent ON sent.id = placed.id
                 WHERE placed.create_date >= %(since)s AND %(of_orders)s AND NOT (%(no_quotations)s)
                OFFSET 0 -- each day is computed once
               ) asked
         WHERE (asked.answered IS NOT NULL OR asked.state = 'draft')
           AND (asked.state != 'sale' OR asked.placed_on >= asked.day)
        """,
        customer=customers.get_customer(SQL("buyer"), SQL("placed.date_order")),
        companies=companies,
        made_day=SQL("(placed.create_date AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date"),
        placed_day=orders.get_day(SQL("company.timezone"), "placed"),
        sent_day=SQL(
            "((CASE WHEN placed.state = 'draft' THEN sent.marked ELSE sent.moment END)"
            " AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date"
        ),
        since=since,
        sent=_get_sent_query(since, SQL("TRUE")),
        of_orders=SQL("TRUE") if of_orders is None else of_orders,
        no_quotations=SQL(" OR ").join([SQL("FALSE"), *no_quotations]),
    )


def _get_sent_query(since, of_messages):
    """Return the SELECT of when orders first went to their customers, a row for each of which that is known: ``id``,
    the ``moment``, and the one when it was ``marked`` as sent, NULL: it was not.

    :param since: a moment (naive UTC), before which nobody looks
    :param of_messages: a condition on ``message``
    """
    return SQL(
        """
        SELECT message.res_id AS id,
               MIN(message.date) AS moment,
               MIN(message.date) FILTER (WHERE message.subtype_id = subtype.sent) AS marked
          FROM mail_message message
    CROSS JOIN (SELECT MAX(res_id) AS sent FROM ir_model_data
                 WHERE module = 'sale' AND name = 'mt_order_sent') subtype
     LEFT JOIN mail_message_subtype kind ON kind.id = message.subtype_id
         WHERE message.model = 'sale.order' AND message.date >= %(since)s
           AND message.is_internal IS NOT TRUE AND %(of_messages)s
           AND (message.subtype_id = subtype.sent
             OR message.message_type IN ('comment', 'email', 'email_outgoing', 'auto_comment')
                AND kind.internal IS NOT TRUE
                AND EXISTS (SELECT FROM res_users colleague
                             WHERE colleague.partner_id = message.author_id
                               AND colleague.share IS NOT TRUE))
      GROUP BY 1
        """,
        since=since,
        of_messages=of_messages,
    )


class Answers(MetricSource):
    """The median of the days in which quotations that were made in the window were answered, as
    :func:`get_answer_query` says, of the orders that are scanned anyway.

    :param no_quotations: conditions, any of which says of ``sale_order`` that the customer made it alone, a list of SQL
    """

    columns = ("quotation_days",)

    def __init__(self, no_quotations=()):
        self.no_quotations = no_quotations

    def get_order_columns(self, scope):
        made = SQL(
            "CASE WHEN create_date >= %s AND NOT (%s) THEN create_date END",
            scope.since,
            SQL(" OR ").join([SQL("FALSE"), *self.no_quotations]),
        )
        return {"made_at": (MOMENT, made), "is_draft": (BOOLEAN, SQL("state = 'draft'"))}

    def read_columns(self, reading, columns):
        scanned, as_of = reading.orders, schema.day(reading.scope.as_of)
        made = np.flatnonzero((scanned["buyer"] >= 0) & ~np.isnat(scanned["made_at"]))
        ids, buyer, placed_on, confirmed, is_draft = (
            scanned[name][made] for name in ("id", "buyer", "day", "confirmed", "is_draft")
        )
        day = reading.to_days(scanned["made_at"][made])
        answered = np.where(confirmed, placed_on, np.datetime64("NaT", "D"))
        sent, sent_on = self._read_sent(reading, ids, is_draft)
        answered[sent] = np.fmin(answered[sent], sent_on)  # whichever is known
        answered = np.maximum(answered, day)  # NaT: it waits, or nobody knows
        known = (~np.isnat(answered) | is_draft) & (~confirmed | (placed_on >= day)) & reading.is_in_window(day)
        waits = ~(answered <= as_of)
        days = (np.where(waits, as_of, answered) - day).astype(int)
        known &= ~waits | (days > PATIENCE_DAYS)
        medians = grouped.medians(buyer[known], days[known], len(reading.customers))
        return pd.DataFrame({"quotation_days": medians}, index=reading.customers)

    def _read_sent(self, reading, ids, is_draft):
        """Return the places in ``ids`` of the orders that went to their customers, drafts only where they were marked
        as sent, and the days."""
        of_messages = reading.of_documents(SQL.identifier("message", "res_id"), ids)
        query = _get_sent_query(reading.scope.since, of_messages)
        found = reading.fetch(query, {"id": ID, "moment": MOMENT, "marked": MOMENT})
        place, which = reading.find_in(ids, found["id"])
        moment = np.where(is_draft[place], found["marked"][which], found["moment"][which])
        return place, reading.to_days(moment)
