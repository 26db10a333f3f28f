"""How soon quotations go to the customers who asked for them."""

from odoo.tools import SQL

from . import customers, orders
from .base import MetricSource

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
             LEFT JOIN (SELECT message.res_id,
                               MIN(message.date) AS moment,
                               MIN(message.date) FILTER (WHERE message.subtype_id = subtype.sent) AS marked
                          FROM mail_message message
                    CROSS JOIN (SELECT MAX(res_id) AS sent FROM ir_model_data
                                 WHERE module = 'sale' AND name = 'mt_order_sent') subtype
                     LEFT JOIN mail_message_subtype kind ON kind.id = message.subtype_id
                         WHERE message.model = 'sale.order' AND message.date >= %(since)s
                           AND message.is_internal IS NOT TRUE
                           AND (message.subtype_id = subtype.sent
                             OR message.message_type IN ('comment', 'email', 'email_outgoing', 'auto_comment')
                                AND kind.internal IS NOT TRUE
                                AND EXISTS (SELECT FROM res_users colleague
                                             WHERE colleague.partner_id = message.author_id
                                               AND colleague.share IS NOT TRUE))
                      GROUP BY 1) sent ON sent.res_id = placed.id
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
        of_orders=SQL("TRUE") if of_orders is None else of_orders,
        no_quotations=SQL(" OR ").join([SQL("FALSE"), *no_quotations]),
    )


class Answers(MetricSource):
    """The median of the days in which quotations that were made in the window were answered.

    :param no_quotations: see :func:`get_answer_query`
    """

    columns = ("quotation_days",)

    def __init__(self, no_quotations=()):
        self.no_quotations = no_quotations

    def read_columns(self, reading, columns):
        return reading.fetch_medians(self._get_query(reading.scope), "quotation_days")

    def _get_query(self, scope):
        return SQL(
            """
            SELECT customer, days AS quotation_days
              FROM (SELECT customer, CASE WHEN answered <= %(as_of)s THEN answered - day
                                          WHEN %(as_of)s - day > %(patience)s THEN %(as_of)s - day END AS days
                      FROM (%(answers)s) answer
                     WHERE day > %(window_start)s AND day <= %(as_of)s) waited
             WHERE days IS NOT NULL
            """,
            answers=get_answer_query(
                SQL("(VALUES (%(company)s, %(timezone)s))", **scope.parameters),
                scope.since,
                self.no_quotations,
                scope.of_partners(SQL.identifier("placed", "partner_id")),
            ),
            patience=PATIENCE_DAYS,
            **scope.parameters,
        )
