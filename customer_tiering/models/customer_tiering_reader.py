import io
from datetime import datetime, time, timedelta

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

# Messages that a person wrote to, from or about the customer; notifications are left out, because a
# done activity posts one and would count twice.
CONTACT_MESSAGE_TYPES = ("email", "email_outgoing", "comment")

# What a source's column holds, and what a customer has there of whom the source knows nothing.
DATE = "date"  # nothing
COUNT = "count"  # a whole number, 0
SUM = "sum"  # 0
NUMBER = "number"  # nothing
DTYPES = {DATE: "datetime64[s]", COUNT: "int64", SUM: "float64", NUMBER: "float64"}


class CustomerTieringReader(models.AbstractModel):
    """Turns orders, credit notes and contacts into one row per customer.

    The ORM is bypassed because 200,000 customers with 2,000,000 orders have to be read in seconds:
    PostgreSQL aggregates everything in one statement, whose text does not depend on the number of
    customers. It runs as superuser and filters the company itself.

    What is read beside the population comes from *sources*, each a SELECT with a row per customer.
    A source that no metric in use needs is not part of the statement. Another module adds its own
    in :meth:`_get_sources`.
    """

    _name = "customer.tiering.reader"
    _description = "Customer Tiering Reader"

    @api.model
    def _read_customers(self, policy, as_of, metrics=(), partner_ids=None):
        """Read the customers of ``policy`` as of the end of day ``as_of``.

        :param policy: a ``customer.tiering.policy`` record
        :param as_of: a ``datetime.date``, the last day that counts
        :param metrics: keys of the metrics in use: what only other metrics need is not read
        :param partner_ids: ids of the only customers to read, in milliseconds whatever the size of
            the tables; their rows are those of the full read. None: all customers
        :return: a DataFrame as ``engine/schema.py`` describes it: index = id of the commercial
            partner (int64, ascending); money in the company's currency, rounded to its decimals
        """
        import pandas as pd  # noqa: PLC0415 - stays out of the server's start-up

        self.env.flush_all()
        sources = self._get_needed_sources(policy, self._get_parameters(policy, as_of, partner_ids), metrics)
        query = self._get_query(self._get_population_query(policy, partner_ids), sources)
        columns = {column: kind for _query, kinds in sources.values() for column, kind in kinds.items()}
        frame = self._copy_to_frame(query, ["customer", *columns])
        frame = frame.astype({"customer": "int64"}).set_index("customer")
        for column, kind in columns.items():
            if kind == DATE:
                frame[column] = pd.to_datetime(frame[column], format="%Y-%m-%d")
            frame[column] = frame[column].astype(DTYPES[kind])
        return frame

    @api.model
    def _read_states(self, company, as_of, customers, partner_ids=None):
        """Read what was decided about customers before, and the locks that hold on ``as_of``.

        :param company: a ``res.company`` record
        :param as_of: a ``datetime.date``
        :param customers: the index of the frame of customers; the result has the same
        :param partner_ids: read only these, as in :meth:`_read_customers`
        :return: a DataFrame: previous_tier, pending_tier, lock_id, lock_tier (Int64), previous_since,
            pending_date (datetime64), lock_mode (object); missing where there is none
        """
        import pandas as pd  # noqa: PLC0415

        only = SQL() if partner_ids is None else SQL("AND card.partner_id = ANY(%s)", partner_ids)
        query = SQL(
            """
            SELECT COALESCE(card.partner_id, lock.partner_id), card.computed_tier_id, card.computed_since,
                   card.pending_tier_id, card.pending_date, lock.lock_id, lock.lock_mode, lock.lock_tier
              FROM (SELECT * FROM customer_tiering_scorecard card WHERE card.company_id = %(company)s %(only)s) card
         FULL JOIN (%(locks)s) lock ON lock.partner_id = card.partner_id
            """,
            company=company.id,
            only=only,
            locks=self.env["customer.tiering.lock"]._get_query(company, as_of),
        )
        keys = ["previous_tier", "pending_tier", "lock_id", "lock_tier"]
        dates = ["previous_since", "pending_date"]
        columns = ["customer", "previous_tier", "previous_since", "pending_tier", "pending_date"]
        states = self._copy_to_frame(query, [*columns, "lock_id", "lock_mode", "lock_tier"])
        states = states.astype({"customer": "int64"}).set_index("customer").reindex(customers)
        for column in dates:
            states[column] = pd.to_datetime(states[column], format="%Y-%m-%d")
        return states.astype({**dict.fromkeys(keys, "Int64"), "lock_mode": object})

    @api.model
    def _count_customers(self, company, domain):
        """Return how many customers of ``company`` match ``domain``."""
        self.env.flush_all()
        query = self._get_customer_query(company, domain)
        ((count,),) = self.env.execute_query(SQL("SELECT COUNT(*) FROM %s customer", query))
        return count

    @api.model
    def _get_sources(self, policy, parameters):
        """Return what can be read of customers.

        :param policy: a ``customer.tiering.policy`` record
        :param parameters: what :meth:`_get_parameters` returns
        :return: ``{name: (SELECT, {column: kind})}``; the SELECT has one row per customer, with the
            commercial partner's id as ``customer`` and the columns under their names in the frame;
            the kind is DATE, COUNT, SUM or NUMBER
        """
        return {
            "purchase": (
                self._get_purchase_query(parameters),
                {
                    "first_order_date": DATE,
                    "last_order_date": DATE,
                    "purchase_days": COUNT,
                    "order_count": COUNT,
                    "gross_amount": SUM,
                    "amount": SUM,
                    "refund_amount": SUM,
                    "amount_late": SUM,
                    "amount_early": SUM,
                    "gap_median_days": NUMBER,
                    "gap_std_days": NUMBER,
                },
            ),
            "contact": (
                self._get_contact_query(parameters),
                {"contact_count": COUNT, "last_contact_date": DATE, "contact_decay": SUM},
            ),
            "placed": (
                self._get_placed_query(parameters),
                {
                    "top_team_id": NUMBER,
                    "top_team_order_count": NUMBER,
                    "placed_count": COUNT,
                    "confirmed_count": COUNT,
                    "open_quotation_count": COUNT,
                    "open_quotation_amount": SUM,
                },
            ),
            "product": (
                self._get_product_query(parameters),
                {
                    "category_count": COUNT,
                    "top_category_id": NUMBER,
                    "top_category_amount": NUMBER,
                    "category_amount": NUMBER,
                    "product_count": COUNT,
                    "repeated_product_count": COUNT,
                    "list_amount": NUMBER,
                    "discount_amount": NUMBER,
                },
            ),
            "overdue": (self._get_overdue_query(parameters), {"overdue_activity_count": COUNT}),
        }

    @api.model
    def _get_needed_sources(self, policy, parameters, metrics):
        """Return the sources with the columns that every run or one of ``metrics`` needs."""
        from ..engine import metrics as engine_metrics  # noqa: PLC0415
        from ..engine import schema  # noqa: PLC0415

        needed = schema.DTYPES.keys() | {schema.REFUND_AMOUNT} | engine_metrics.needed_columns(metrics)
        sources = {}
        for name, (query, kinds) in self._get_sources(policy, parameters).items():
            kinds = {column: kind for column, kind in kinds.items() if column in needed}
            if kinds:
                sources[name] = (query, kinds)
        return sources

    @api.model
    def _get_query(self, population, sources):
        """Return the SELECT of all customers, one row each, in the order of their ids."""
        return SQL(
            "WITH population (id) AS %s, %s SELECT population.id, %s FROM population %s ORDER BY population.id",
            population,
            SQL(", ").join(SQL("%s AS (%s)", SQL.identifier(name), query) for name, (query, _kinds) in sources.items()),
            SQL(", ").join(
                SQL("COALESCE(%s, 0)" if kind in (COUNT, SUM) else "%s", SQL.identifier(name, column))
                for name, (_query, kinds) in sources.items()
                for column, kind in kinds.items()
            ),
            SQL(" ").join(
                SQL("LEFT JOIN %s ON %s = population.id", SQL.identifier(name), SQL.identifier(name, "customer"))
                for name in sources
            ),
        )

    @api.model
    def _get_parameters(self, policy, as_of, partner_ids):
        """Return the parameters of the sources' queries.

        ``window_start`` is the day before the window, ``middle`` the last day of its earlier half.
        ``since`` and ``until`` are moments (naive UTC) that only keep PostgreSQL from looking at
        other orders; the day of an order decides. No place on earth is 24 hours ahead of UTC, so
        what happens before ``since`` happens before the window everywhere.
        """
        window_start, until = policy._get_window(as_of)
        return {
            "company": policy.company_id.id,
            "timezone": policy.company_id._get_tiering_timezone().zone,
            "decimals": policy.company_id.currency_id.decimal_places,
            "as_of": as_of,
            "window_start": window_start,
            "window_days": policy.window_days,
            "middle": as_of - timedelta(days=policy.window_days // 2),
            "since": datetime.combine(window_start, time()),
            "until": until,
            "of_partners": self._get_partner_condition(SQL.identifier("partner_id"), partner_ids),
            "of_messages": self._get_document_condition("message", "model", partner_ids),
            "of_activities": self._get_document_condition("activity", "res_model", partner_ids),
            "of_attendees": self._get_partner_condition(SQL.identifier("attendance", "res_partner_id"), partner_ids),
        }

    @api.model
    def _get_partner_condition(self, column, partner_ids):
        """Return the condition that ``column`` is one of the customers or a contact of theirs."""
        if partner_ids is None:
            return SQL("TRUE")
        return SQL(
            "%s IN (SELECT id FROM res_partner WHERE commercial_partner_id = ANY(%s))", column, list(partner_ids)
        )

    @api.model
    def _get_document_condition(self, alias, model_column, partner_ids):
        """Return the condition that a message or an activity is on the customers, their contacts or orders."""
        if partner_ids is None:
            return SQL("TRUE")
        return SQL(
            """(%(model)s, %(res_id)s) IN (
                SELECT 'res.partner', id FROM res_partner WHERE %(contacts)s
             UNION ALL
                SELECT 'sale.order', id FROM sale_order WHERE %(orders)s)""",
            model=SQL.identifier(alias, model_column),
            res_id=SQL.identifier(alias, "res_id"),
            contacts=SQL("commercial_partner_id = ANY(%s)", list(partner_ids)),
            orders=self._get_partner_condition(SQL.identifier("partner_id"), partner_ids),
        )

    @api.model
    def _get_population_query(self, policy, partner_ids=None):
        """Return the SELECT (in parentheses) of the ids of the policy's customers."""
        return self._get_customer_query(policy.company_id, policy._get_population_domain(), partner_ids)

    @api.model
    def _get_customer_query(self, company, domain, partner_ids=None):
        """Return the SELECT (in parentheses) of the ids of the company's customers who match ``domain``.

        A customer is an active commercial partner with a quotation or an order in the company that
        is not cancelled, or with a lock, or one that has a scorecard already (so that who loses the
        last order is scored again and not forgotten). The companies' own contacts are no customers.
        """
        # The set of those with an order is computed once, for all partners: it has to be small too.
        domain = Domain.AND(
            [
                Domain("active", "=", True),
                Domain.TRUE if partner_ids is None else Domain("id", "in", list(partner_ids)),
                domain,
                Domain.custom(
                    to_sql=lambda model, alias, query: SQL(
                        """%(id)s = %(commercial)s
                        AND %(id)s NOT IN (SELECT partner_id FROM res_company)
                        AND (%(id)s IN (SELECT commercial_partner_id FROM res_partner
                                         WHERE id IN (SELECT partner_id FROM sale_order
                                                       WHERE company_id = %(company)s AND state != 'cancel'
                                                         AND %(of_partners)s))
                          OR %(id)s IN (SELECT partner_id FROM customer_tiering_scorecard
                                         WHERE company_id = %(company)s AND %(of_partners)s)
                          OR %(id)s IN (SELECT partner_id FROM customer_tiering_lock
                                         WHERE company_id = %(company)s AND active IS TRUE AND %(of_partners)s))""",
                        id=SQL.identifier(alias, "id"),
                        commercial=SQL.identifier(alias, "commercial_partner_id"),
                        company=company.id,
                        of_partners=self._get_partner_condition(SQL.identifier("partner_id"), partner_ids),
                    )
                ),
            ]
        )
        partners = self.env["res.partner"].sudo().with_company(company)
        return partners._search(domain, order="id").subselect()

    @api.model
    def _get_purchase_query(self, parameters):
        """Return the SELECT of what each customer ordered, less credit notes.

        ``currency_rate`` is the order currency per company currency on the day of the order; Odoo
        itself reads a missing or zero rate as 1. The gap before a day is counted from the last day
        with a purchase, whatever was returned in between. Who never bought has nothing that a
        credit note could lower. Credit notes are rows like orders, not a join of their own:
        PostgreSQL would take a poor guess of their number for a reason to repeat the whole.
        """
        return SQL(
            """
            SELECT customer,
                   MIN(day) FILTER (WHERE purchases > 0) AS first_order_date,
                   MAX(day) FILTER (WHERE purchases > 0) AS last_order_date,
                   COUNT(*) FILTER (WHERE purchases > 0) AS purchase_days,
                   SUM(purchases) FILTER (WHERE day > %(window_start)s) AS order_count,
                   ROUND(SUM(gross) FILTER (WHERE day > %(window_start)s), %(decimals)s) AS gross_amount,
                   ROUND(COALESCE(SUM(net) FILTER (WHERE day > %(window_start)s), 0)
                       + CASE WHEN SUM(purchases) > 0 THEN COALESCE(SUM(credited), 0) ELSE 0 END,
                       %(decimals)s) AS amount,
                   ROUND(CASE WHEN SUM(purchases) > 0 THEN COALESCE(-SUM(credited), 0) ELSE 0 END,
                       %(decimals)s) AS refund_amount,
                   ROUND(SUM(gross) FILTER (WHERE day > %(middle)s), %(decimals)s) AS amount_late,
                   ROUND(SUM(gross) FILTER (WHERE day > %(window_start)s AND day <= %(middle)s),
                       %(decimals)s) AS amount_early,
                   PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY gap) AS gap_median_days,
                   STDDEV_POP(gap) AS gap_std_days
              FROM (
                    SELECT *, CASE WHEN purchases > 0 THEN
                                  day - MAX(day) FILTER (WHERE purchases > 0) OVER (
                                      PARTITION BY customer ORDER BY day
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                              END AS gap
                      FROM (
                            SELECT buyer.commercial_partner_id AS customer, placed.day,
                                   COUNT(*) FILTER (WHERE placed.amount > 0) AS purchases,
                                   SUM(placed.amount) FILTER (WHERE placed.amount > 0) AS gross,
                                   SUM(placed.amount) AS net,
                                   SUM(placed.credit) AS credited
                              FROM (
                                    SELECT partner_id,
                                           (date_order AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date AS day,
                                           amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1) AS amount,
                                           NULL::numeric AS credit
                                      FROM sale_order
                                     WHERE company_id = %(company)s AND state = 'sale'
                                       AND date_order < %(until)s AND %(of_partners)s
                                 UNION ALL
                                    %(credits)s
                                   ) placed
                              JOIN res_partner buyer ON buyer.id = placed.partner_id
                          GROUP BY 1, 2
                           ) customer_day
                     WHERE day <= %(as_of)s
                   ) rhythm
          GROUP BY customer
            """,
            credits=self._get_credit_query(parameters),
            **parameters,
        )

    @api.model
    def _get_credit_query(self, parameters):
        """Return the SELECT of the posted credit notes in the window (negative amounts), as rows of
        :meth:`_get_purchase_query`.

        A credit note that an entry has reversed counts no more.
        """
        return SQL(
            """
            SELECT partner_id, invoice_date AS day, NULL AS amount, amount_untaxed_signed AS credit
              FROM account_move
             WHERE company_id = %(company)s AND move_type = 'out_refund' AND state = 'posted'
               AND payment_state IS DISTINCT FROM 'reversed'
               AND invoice_date > %(window_start)s AND invoice_date <= %(as_of)s AND %(of_partners)s
            """,
            **parameters,
        )

    @api.model
    def _get_contact_query(self, parameters):
        """Return the SELECT of the contacts with each customer: messages and done activities, on the
        customer, its contacts and their orders in the policy's company, and meetings.

        A meeting counts once for a customer, however many of its contacts attend. The done activity
        from which it was planned is the same contact, whichever day somebody marked it as done.
        A follow-up that was closed because its reason had gone was no contact.
        """
        return SQL(
            """
            WITH meeting AS MATERIALIZED (
                SELECT DISTINCT event_id, customer, day FROM (%(meetings)s) attended WHERE day <= %(as_of)s)
            SELECT customer,
                   COUNT(*) FILTER (WHERE contact.day > %(window_start)s) AS contact_count,
                   MAX(contact.day) AS last_contact_date,
                   ROUND(SUM(1 - (%(as_of)s - contact.day)::numeric / %(window_days)s)
                       FILTER (WHERE contact.day > %(window_start)s), 6) AS contact_decay
              FROM (
                    SELECT partner.commercial_partner_id AS customer, spoken.day
                      FROM (
                            SELECT CASE WHEN message.model = 'res.partner' THEN message.res_id
                                        ELSE sale_order.partner_id END AS partner_id,
                                   NULL::integer AS event_id,
                                   (message.date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date AS day
                              FROM mail_message message
                         LEFT JOIN sale_order ON message.model = 'sale.order' AND sale_order.id = message.res_id
                                             AND sale_order.company_id = %(company)s
                             WHERE message.model IN ('res.partner', 'sale.order')
                               AND message.message_type IN %(types)s AND message.date < %(until)s AND %(of_messages)s
                         UNION ALL
                            SELECT CASE WHEN activity.res_model = 'res.partner' THEN activity.res_id
                                        ELSE sale_order.partner_id END AS partner_id,
                                   activity.calendar_event_id AS event_id,
                                   activity.date_done AS day
                              FROM mail_activity activity
                         LEFT JOIN sale_order ON activity.res_model = 'sale.order' AND sale_order.id = activity.res_id
                                             AND sale_order.company_id = %(company)s
                             WHERE activity.res_model IN ('res.partner', 'sale.order')
                               AND activity.active IS FALSE AND %(of_activities)s
                               AND NOT EXISTS (SELECT FROM customer_tiering_followup followup
                                                WHERE followup.activity_id = activity.id
                                                  AND followup.state = 'closed')
                           ) spoken
                      JOIN res_partner partner ON partner.id = spoken.partner_id
                     WHERE spoken.day <= %(as_of)s
                       AND NOT EXISTS (SELECT FROM meeting WHERE meeting.event_id = spoken.event_id
                                          AND meeting.customer = partner.commercial_partner_id)
                 UNION ALL
                    SELECT customer, day FROM meeting
                   ) contact
          GROUP BY 1
            """,
            types=CONTACT_MESSAGE_TYPES,
            meetings=self._get_meeting_query(
                SQL("(VALUES (%(company)s, %(timezone)s))", **parameters), parameters["of_attendees"]
            ),
            **parameters,
        )

    @api.model
    def _get_meeting_query(self, companies, of_attendees):
        """Return the SELECT of who met customers: a row per company, meeting and person who attended, with
        ``company_id``, ``event_id``, ``customer``, ``day`` and ``hours``; several contacts of a customer
        give equal rows.

        Colleagues who attend, and who declined the invitation, do not make a meeting with a customer.
        A meeting has no company: it belongs to those that its organizer may work in, and to all when
        no user organizes it. All-day meetings are kept as dates without a time zone, and count 8 hours
        a day. The occurrences of a recurrent meeting are rows of their own.

        :param companies: a table of the companies' ids and the names of their time zones, as SQL
        :param of_attendees: condition on ``attendance.res_partner_id``, as SQL
        """
        return SQL(
            """
            SELECT company.id AS company_id, event.id AS event_id, attendee.commercial_partner_id AS customer,
                   CASE WHEN event.allday THEN event.start_date
                        ELSE (event.start AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date END AS day,
                   CASE WHEN event.allday THEN (event.stop_date - event.start_date + 1) * 8.0
                        ELSE event.duration END AS hours
              FROM calendar_event_res_partner_rel attendance
              JOIN calendar_event event ON event.id = attendance.calendar_event_id
              JOIN res_partner attendee ON attendee.id = attendance.res_partner_id
              JOIN %(companies)s company (id, timezone)
                ON event.user_id IS NULL
                OR EXISTS (SELECT FROM res_company_users_rel WHERE cid = company.id AND user_id = event.user_id)
             WHERE event.active IS TRUE AND attendee.partner_share IS NOT FALSE
               AND NOT EXISTS (SELECT FROM calendar_attendee answer
                                WHERE answer.event_id = event.id AND answer.partner_id = attendee.id
                                  AND answer.state = 'declined')
               AND %(of_attendees)s
            """,
            companies=companies,
            of_attendees=of_attendees,
        )

    @api.model
    def _get_overdue_query(self, parameters):
        """Return the SELECT of the open activities whose deadline has passed, on each customer, its
        contacts and their orders in the policy's company."""
        return SQL(
            """
            SELECT customer.commercial_partner_id AS customer, COUNT(*) AS overdue_activity_count
              FROM mail_activity activity
         LEFT JOIN sale_order ON activity.res_model = 'sale.order' AND sale_order.id = activity.res_id
                             AND sale_order.company_id = %(company)s
              JOIN res_partner customer ON customer.id = CASE WHEN activity.res_model = 'res.partner'
                                                              THEN activity.res_id ELSE sale_order.partner_id END
             WHERE activity.res_model IN ('res.partner', 'sale.order') AND activity.active
               AND activity.date_deadline < %(as_of)s AND %(of_activities)s
          GROUP BY 1
            """,
            **parameters,
        )

    @api.model
    def _get_placed_query(self, parameters):
        """Return the SELECT of the quotations and orders of any state: how many of those dated in the
        window are confirmed, the team with the most purchases, and the quotations that are open now.

        Among teams with equally many purchases the one with the smallest id is the top team.
        """
        return SQL(
            """
            SELECT customer,
                   (ARRAY_AGG(team ORDER BY purchases DESC, team)
                        FILTER (WHERE team IS NOT NULL AND purchases > 0))[1] AS top_team_id,
                   MAX(purchases) FILTER (WHERE team IS NOT NULL AND purchases > 0) AS top_team_order_count,
                   SUM(placed) AS placed_count,
                   SUM(confirmed) AS confirmed_count,
                   SUM(quotations) AS open_quotation_count,
                   ROUND(SUM(quoted), %(decimals)s) AS open_quotation_amount
              FROM (
                    SELECT buyer.commercial_partner_id AS customer, team_id AS team,
                           COUNT(*) FILTER (WHERE in_window) AS placed,
                           COUNT(*) FILTER (WHERE in_window AND state = 'sale') AS confirmed,
                           COUNT(*) FILTER (WHERE in_window AND state = 'sale' AND amount > 0) AS purchases,
                           COUNT(*) FILTER (WHERE is_open) AS quotations,
                           SUM(amount) FILTER (WHERE is_open) AS quoted
                      FROM (
                            SELECT partner_id, team_id, state,
                                   amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1) AS amount,
                                   (date_order AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date > %(window_start)s
                               AND (date_order AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date <= %(as_of)s
                                       AS in_window,
                                   state IN ('draft', 'sent')
                               AND (create_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date <= %(as_of)s
                                       AS is_open
                              FROM sale_order
                             WHERE company_id = %(company)s
                               AND (state IN ('draft', 'sent') OR date_order >= %(since)s AND date_order < %(until)s)
                               AND %(of_partners)s
                           ) dated
                      JOIN res_partner buyer ON buyer.id = dated.partner_id
                  GROUP BY 1, 2
                   ) of_team
          GROUP BY customer
            """,
            **parameters,
        )

    @api.model
    def _get_product_query(self, parameters):
        """Return the SELECT of the products and categories bought in the window.

        Lines with a negative price (a discount, a reward) are nothing that somebody bought. Among
        categories with equally much money the one with the smallest id is the top category. Prices
        are floats in the database; as numeric their sums do not depend on the order of the rows.
        """
        return SQL(
            """
            SELECT customer,
                   COUNT(category) AS category_count,
                   (ARRAY_AGG(category ORDER BY amount DESC, category)
                        FILTER (WHERE category IS NOT NULL))[1] AS top_category_id,
                   ROUND(MAX(amount) FILTER (WHERE category IS NOT NULL), %(decimals)s) AS top_category_amount,
                   ROUND(SUM(amount) FILTER (WHERE category IS NOT NULL), %(decimals)s) AS category_amount,
                   SUM(products) AS product_count,
                   SUM(repeated) AS repeated_product_count,
                   ROUND(SUM(listed), %(decimals)s) AS list_amount,
                   ROUND(SUM(discount), %(decimals)s) AS discount_amount
              FROM (
                    SELECT customer, template.categ_id AS category,
                           COUNT(product_id) AS products,
                           COUNT(product_id) FILTER (WHERE days > 1) AS repeated,
                           SUM(amount) AS amount, SUM(listed) AS listed, SUM(discount) AS discount
                      FROM (
                            SELECT customer, product_id, COUNT(*) AS days,
                                   SUM(amount) AS amount, SUM(listed) AS listed, SUM(discount) AS discount
                              FROM (
                                    SELECT buyer.commercial_partner_id AS customer, line.product_id, ordered.day,
                                           SUM(GREATEST(line.price_subtotal, 0) / ordered.rate) AS amount,
                                           SUM(line.price_unit::numeric * line.product_uom_qty / ordered.rate)
                                               AS listed,
                                           SUM(line.price_unit::numeric * line.product_uom_qty
                                               * COALESCE(line.discount, 0) / 100 / ordered.rate) AS discount
                                      FROM (
                                            SELECT id, partner_id, COALESCE(NULLIF(currency_rate, 0), 1) AS rate,
                                                   (date_order AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date
                                                       AS day
                                              FROM sale_order
                                             WHERE company_id = %(company)s AND state = 'sale' AND amount_untaxed > 0
                                               AND date_order >= %(since)s AND date_order < %(until)s
                                               AND %(of_partners)s
                                           ) ordered
                                      JOIN res_partner buyer ON buyer.id = ordered.partner_id
                                      JOIN sale_order_line line ON line.order_id = ordered.id
                                     WHERE ordered.day > %(window_start)s AND ordered.day <= %(as_of)s
                                       AND line.display_type IS NULL
                                       AND line.product_uom_qty > 0 AND line.price_unit >= 0
                                  GROUP BY 1, 2, 3
                                   ) of_day
                          GROUP BY 1, 2
                           ) of_product
                 LEFT JOIN product_product product ON product.id = of_product.product_id
                 LEFT JOIN product_template template ON template.id = product.product_tmpl_id
                  GROUP BY 1, 2
                   ) of_category
          GROUP BY customer
            """,
            **parameters,
        )

    @api.model
    def _copy_to_frame(self, query, columns):
        """Return the rows of ``query`` as a DataFrame with these columns, NULL as NaN.

        COPY hands over a million rows without a Python object per value.
        """
        import pandas as pd  # noqa: PLC0415

        statement = self.env.cr.mogrify(SQL("COPY (%s) TO STDOUT WITH (FORMAT csv)", query))
        buffer = io.BytesIO()
        self.env.cr.copy_expert(statement.decode(), buffer)
        buffer.seek(0)
        # In one piece: read in parts, pandas may take a column for two types and warn in the log.
        return pd.read_csv(buffer, names=columns, header=None, low_memory=False)
