from datetime import datetime, time, timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import SQL

from .. import sources

# What was longer ago is in no row: the months before this one.
MONTHS = 12
# How long nobody may have been in touch with a customer to whom nothing was promised before it counts.
CONTACT_PATIENCE_DAYS = 30
# The number of the kind is the last of an id.
MOST_KINDS = 16


class CustomerTieringPromiseReport(models.Model):
    """How customers were treated: a row for each quotation, delivery and so on, with the tier of the customer then,
    what that tier promises, and how many days it took.

    What tiers promise nothing about is a row too, so that treatment can be compared. What is under way counts once it
    has taken longer than was promised; where nothing was, once it has taken so long that it says something.
    """

    _name = "customer.tiering.promise.report"
    _description = "Report of Promises"
    _tiering_customer = "partner_id"
    _auto = False
    _rec_name = "partner_id"
    _order = "date desc, id desc"
    _depends = {
        "customer.tier": ["contact_days", "policy_id"],
        "customer.tier.change": ["company_id", "date", "partner_id", "to_tier_id"],
        "customer.tier.promise": ["days", "kind", "tier_id"],
        "customer.tiering.former": ["customer_id", "moved_at", "partner_id"],
        "customer.tiering.followup": ["activity_id", "state"],
        "customer.tiering.scorecard": ["company_id", "partner_id"],
        "calendar.attendee": ["event_id", "partner_id", "state"],
        "calendar.event": ["active", "allday", "partner_ids", "start", "start_date", "user_id"],
        "mail.activity": ["active", "calendar_event_id", "date_done", "res_id", "res_model"],
        "mail.message": [
            *("author_id", "date", "is_internal", "message_type", "model", "res_id", "subtype_id"),
            "tiering_impersonal",
        ],
        "res.partner": ["commercial_partner_id"],
        "sale.order": ["company_id", "create_date", "date_order", "partner_id", "state"],
    }

    kind = fields.Selection(selection="_get_kinds", string="What", readonly=True)
    date = fields.Date(
        string="Day",
        readonly=True,
        help="The day on which a quotation was made, a delivery was promised, or somebody was in touch with the "
        "customer again; today, where nobody has been.",
    )
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    policy_id = fields.Many2one("customer.tiering.policy", readonly=True)
    tier_id = fields.Many2one("customer.tier", readonly=True, help="The tier of the customer on that day.")
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color", aggregator=None)
    is_present = fields.Boolean(string="Present Tier", readonly=True, help="The customer is in this tier today.")
    order_id = fields.Many2one("sale.order", readonly=True)
    promised_days = fields.Integer(
        string="Promised (Days)",
        readonly=True,
        aggregator="avg",
        help="What the tier promises today. Empty where it promises nothing about this.",
    )
    is_promised = fields.Boolean(string="Promised", readonly=True)
    days = fields.Float(
        string="Median Days",
        digits=(16, 1),
        readonly=True,
        aggregator="median",
        help="How long it took. Quotations: from the day on which they were made to the day on which they were first "
        "sent, or else confirmed. Interactions: from one day with an interaction to the next. Deliveries: from the "
        "promised day to the last transfer, below zero where it came sooner. What is under way counts once it has "
        "taken longer than was promised. Half of them took fewer days than the median, half of them more.",
    )
    is_done = fields.Boolean(string="Done", readonly=True, help="No longer under way.")
    status = fields.Selection(
        [("kept", "Kept"), ("broken", "Broken"), ("open", "Under way"), ("free", "Not promised")], readonly=True
    )
    event_count = fields.Integer(string="Cases", readonly=True)
    kept_count = fields.Integer(string="Kept", readonly=True)
    # A row has 100, 0 or nothing, so that the average is the share.
    kept_share = fields.Float(
        string="Kept (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the promises were kept, of those that were kept or broken.",
    )

    @api.model
    def _get_kinds(self):
        """Return what is measured, as the choices of a selection; another app adds its own."""
        quotation, contact = self.env._("Quotation answered"), self.env._("Interaction")
        return [("quotation", quotation), ("contact", contact)]

    def _read_group_select(self, aggregate_spec, query):
        # Odoo has no median. The views pass on whatever aggregator a field has.
        fname, _separator, aggregator = aggregate_spec.partition(":")
        if aggregator == "median" and fname == "days":
            return SQL("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY %s)", self._field_to_sql(self._table, fname, query))
        return super()._read_group_select(aggregate_spec, query)

    # ------------------------------------------------------------------
    # The query
    # ------------------------------------------------------------------

    @property
    def _table_query(self):
        first = self._get_first_day()
        return self._get_query(self._get_queries(first))

    @api.model
    def _get_query(self, queries):
        """Return the SELECT of the rows.

        :param queries: of some kinds of events, see :meth:`_get_queries`
        """
        return SQL(
            """
            SELECT event.id, event.kind, event.date, event.partner_id, event.company_id, tier.policy_id,
                   standing.tier_id, event.order_id,
                   NOT EXISTS (SELECT FROM customer_tier_change later
                                WHERE later.partner_id = event.partner_id AND later.company_id = event.company_id
                                  AND later.id > standing.id) AS is_present,
                   promise.days AS promised_days,
                   promise.days IS NOT NULL AS is_promised, took.days, event.is_done, outcome.status,
                   1 AS event_count, (outcome.status = 'kept')::int AS kept_count,
                   CASE outcome.status WHEN 'kept' THEN 100.0 WHEN 'broken' THEN 0.0 END AS kept_share
              FROM (%(events)s) event
-- One after the other, by the index: PostgreSQL has no idea how few or many events there are, and would try all pairs.
 LEFT JOIN LATERAL (SELECT change.id, change.to_tier_id AS tier_id
                      FROM customer_tier_change change
                     WHERE change.partner_id = event.partner_id AND change.company_id = event.company_id
                       AND change.date <= event.date
                  ORDER BY change.id DESC
                     LIMIT 1) standing ON TRUE
         LEFT JOIN customer_tier tier ON tier.id = standing.tier_id
         LEFT JOIN customer_tier_promise promised ON promised.tier_id = standing.tier_id AND promised.kind = event.kind
CROSS JOIN LATERAL (SELECT CASE WHEN event.kind = 'contact' THEN NULLIF(tier.contact_days, 0)
                                ELSE promised.days END AS days) promise
CROSS JOIN LATERAL (SELECT CASE WHEN event.is_done OR event.days > COALESCE(promise.days, event.patience)
                                THEN event.days END AS days) took
CROSS JOIN LATERAL (SELECT CASE WHEN promise.days IS NULL THEN 'free'
                                WHEN took.days IS NULL THEN 'open'
                                WHEN took.days <= promise.days THEN 'kept'
                                ELSE 'broken' END AS status) outcome
            """,
            events=self._get_event_query(queries),
        )

    def _get_event_query(self, queries):
        """Return the SELECT of the events of these kinds, see :meth:`_get_queries`."""
        return SQL(" UNION ALL ").join(
            SQL(
                """
                SELECT number * %(most)s + %(place)s AS id, %(kind)s AS kind, partner_id, company_id, date, order_id,
                       days, is_done, patience
                  FROM (%(query)s) of_kind
                """,
                most=MOST_KINDS,
                place=place,
                kind=kind,
                query=queries[kind],
            )
            for place, (kind, _label) in enumerate(self._get_kinds())
            if kind in queries
        )

    @api.model
    def _get_queries(self, first):
        """Return the SELECT of the events of each kind, ``{kind: SQL}``; another app adds its own.

        A row has a ``number`` that no other row of its kind has, the customer as ``partner_id``, ``company_id``, its
        ``date``, ``order_id`` or NULL, the ``days`` that it took or has taken until today, whether it ``is_done``, and
        ``patience``: what is under way without a promise counts when it takes more days than these; NULL: not before it
        is done.

        :param first: what was before that day is no row
        """
        return {"quotation": self._get_quotation_query(first), "contact": self._get_contact_query(first)}

    @api.model
    def _get_first_day(self):
        """Return the first day of the report, that of a month."""
        today = min(company._get_tiering_today() for company in self.env.companies)
        return today.replace(day=1) - relativedelta(months=MONTHS)

    @api.model
    def _get_companies(self, *names):
        """Return the companies in use, as a table ``company``: ``id``, ``timezone`` and what day is ``today`` there.

        :param names: those of these columns that are asked for; all
        """
        companies = self.env.companies
        return SQL(
            "(SELECT %s FROM unnest(%s::int[], %s::text[], %s::date[]) AS known (id, timezone, today))",
            SQL(", ").join(map(SQL.identifier, names or ("id", "timezone", "today"))),
            companies.ids,
            [company._get_tiering_timezone().key for company in companies],
            [company._get_tiering_today() for company in companies],
        )

    @api.model
    def _get_quotation_query(self, first):
        """A row per quotation, on the day on which it was made."""
        since = datetime.combine(first - timedelta(days=1), time())
        return SQL(
            """
            SELECT answer.id AS number, answer.customer AS partner_id, answer.company_id, answer.day AS date,
                   answer.id AS order_id, COALESCE(answer.answered, company.today) - answer.day AS days,
                   answer.answered IS NOT NULL AS is_done, %(patience)s AS patience
              FROM (%(answers)s) answer
              JOIN %(companies)s company ON company.id = answer.company_id
             WHERE answer.day >= %(first)s
            """,
            answers=sources.answers.get_answer_query(
                self._get_companies("id", "timezone"),
                since,
                self.env["customer.tiering.reader"]._get_no_quotations(),
            ),
            companies=self._get_companies(),
            patience=sources.answers.PATIENCE_DAYS,
            first=first,
        )

    @api.model
    def _get_contact_query(self, first):
        """A row per time without an interaction, of customers in a tier that promises some: from one day with an
        interaction to the next, on which it is done; and from the last one, or the customer's first tier, until today.

        A row per month would be one for each customer, whatever happened: millions.
        """
        return SQL(
            """
            WITH promised AS (
                SELECT DISTINCT change.partner_id, change.company_id
                  FROM customer_tier_change change
                  JOIN customer_tier tier ON tier.id = change.to_tier_id AND tier.contact_days > 0
            ), touched AS (  -- of those before the first day only the last
                SELECT partner_id, company_id, MAX(day) AS day
                  FROM (%(touches)s) touch JOIN promised USING (partner_id, company_id)
              GROUP BY partner_id, company_id, CASE WHEN day >= %(first)s THEN day END
            )
            SELECT card.id * 65536::bigint + (ended.day - DATE '2000-01-01') AS number, card.partner_id,
                   card.company_id, ended.day AS date, NULL::int AS order_id, ended.day - ended.last_day AS days,
                   TRUE AS is_done, NULL::int AS patience
              FROM (SELECT *, LAG(day) OVER (PARTITION BY partner_id, company_id ORDER BY day) AS last_day
                      FROM touched) ended
              JOIN customer_tiering_scorecard card
                ON card.partner_id = ended.partner_id AND card.company_id = ended.company_id
             WHERE ended.day >= %(first)s AND ended.last_day IS NOT NULL
         UNION ALL
            SELECT card.id * 65536::bigint, card.partner_id, card.company_id, company.today, NULL,
                   company.today - COALESCE(last.day, entered.day), FALSE, %(patience)s
              FROM promised
              JOIN customer_tiering_scorecard card USING (partner_id, company_id)
              JOIN %(companies)s company ON company.id = card.company_id
         LEFT JOIN (SELECT partner_id, company_id, MAX(day) AS day FROM touched GROUP BY 1, 2) last
                ON last.partner_id = card.partner_id AND last.company_id = card.company_id
         LEFT JOIN (SELECT partner_id, company_id, MIN(date) AS day FROM customer_tier_change GROUP BY 1, 2) entered
                ON entered.partner_id = card.partner_id AND entered.company_id = card.company_id
             WHERE COALESCE(last.day, entered.day) <= company.today
            """,
            touches=sources.touches.get_touch_query(
                self._get_companies(), self.env["customer.tiering.reader"]._get_documents()
            ),
            companies=self._get_companies(),
            first=first,
            patience=CONTACT_PATIENCE_DAYS,
        )

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    @api.readonly
    def action_open_document(self):
        """Open the order that it is about, or the customer where it is about none."""
        self.ensure_one()
        document = self.order_id or self.partner_id
        return {
            "type": "ir.actions.act_window",
            "res_model": document._name,
            "res_id": document.id,
            "views": [(False, "form")],
        }
