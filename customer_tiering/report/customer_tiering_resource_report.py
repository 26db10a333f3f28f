from odoo import api, fields, models
from odoo.tools import SQL

from .. import sources


class CustomerTieringResourceReport(models.Model):
    """Who serves whom: a row per customer and company.

    What was bought and the interactions come from the scorecard, as of the policy's last run; activities
    and meetings are counted now, in the window that ends today. Their sums are computed once per
    query, not per customer, and only those that the query asks for: PostgreSQL leaves out a join
    whose columns nobody reads.
    """

    _name = "customer.tiering.resource.report"
    _description = "Customer Tiering Resources"
    _tiering_customer = "partner_id"
    _auto = False
    _rec_name = "partner_id"
    _order = "score desc, id"
    _depends = {
        "calendar.attendee": ["event_id", "partner_id", "state"],
        "calendar.event": [
            *("active", "allday", "duration", "partner_ids", "start", "start_date", "stop_date", "user_id"),
        ],
        "customer.tier": ["capacity"],
        "customer.tiering.scorecard": [
            *("amount", "company_id", "contact_count", "order_count"),
            *("partner_id", "policy_id", "score", "segment_id", "tier_id"),
        ],
        "mail.activity": ["active", "date_deadline", "date_done", "res_id", "res_model"],
        "res.partner": ["active", "commercial_partner_id", "country_id", "partner_share", "user_id"],
        "res.users": ["company_ids", "sale_team_id"],
        "sale.order": ["company_id", "partner_id"],
    }

    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    policy_id = fields.Many2one("customer.tiering.policy", readonly=True)
    tier_id = fields.Many2one("customer.tier", readonly=True)
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color", aggregator=None)
    segment_id = fields.Many2one("customer.segment", readonly=True)
    user_id = fields.Many2one("res.users", string="Salesperson", readonly=True)
    team_id = fields.Many2one(
        "crm.team", string="Sales Team", readonly=True, help="The main sales team of the salesperson."
    )
    country_id = fields.Many2one("res.country", readonly=True)
    score = fields.Float(digits=(5, 2), readonly=True, aggregator="avg")
    customer_count = fields.Integer(string="Customers", readonly=True)
    amount = fields.Monetary(
        readonly=True, help="Untaxed amount of the orders in the policy's window, less credit notes."
    )
    order_count = fields.Integer(string="Orders", readonly=True, help="Orders in the policy's window.")
    contact_count = fields.Integer(
        string="Interactions",
        readonly=True,
        help="Meetings, done activities, e-mails, messages and notes in the policy's window.",
    )
    orders_per_contact = fields.Float(
        string="Orders per Interaction",
        readonly=True,
        digits=(16, 2),
        aggregator="avg",
        help="Orders in the policy's window divided by the interactions in it. Of several customers: all their orders "
        "divided by all their interactions.",
    )
    activity_count = fields.Integer(
        string="Activities Done",
        readonly=True,
        help="Activities done on the customer, its contacts and their orders in the policy's window until today.",
    )
    meeting_hours = fields.Float(
        string="Hours of Meetings",
        readonly=True,
        help="How long the meetings with the customer were, in the policy's window until today; all-day meetings "
        "count 8 hours a day. A meeting with two customers counts for both.",
    )
    open_activity_count = fields.Integer(
        string="Open Follow-ups",
        readonly=True,
        help="Open activities on the customer, its contacts and their orders.",
    )
    overdue_activity_count = fields.Integer(
        string="Overdue Follow-ups", readonly=True, help="Open follow-ups that are past their deadline."
    )
    beyond_capacity = fields.Integer(
        readonly=True,
        help="The tier says how many customers one person can look after. Of the salesperson's customers in the "
        "tier, those with the best scores are counted up to that number; the others are beyond it.",
    )

    @property
    def _table_query(self):
        return SQL("WITH of_policy AS (%s) %s %s", self._get_policy_query(), self._select(), self._from())

    def _get_policy_query(self):
        """Return the SELECT of the policies of the companies in use, with the window that ends today."""
        # sudo: who sees a customer's row may not see its policy, an archived one for example
        policies = self.env["customer.tiering.policy"].sudo().with_context(active_test=False)
        policies = policies.search([("company_id", "in", self.env.companies.ids)])
        today = {company: company._get_tiering_today() for company in policies.company_id}
        scopes = [
            policy.company_id._get_tiering_scope(today[policy.company_id], policy.window_days) for policy in policies
        ]
        return SQL(
            "SELECT * FROM unnest(%s::int[], %s::int[], %s::text[], %s::date[], %s::date[]) "
            "AS policy (id, company_id, timezone, window_start, as_of)",
            policies.ids,
            [scope.company_id for scope in scopes],
            [scope.timezone for scope in scopes],
            [scope.window_start for scope in scopes],
            [scope.as_of for scope in scopes],
        )

    def _select(self):
        return SQL(
            """
            SELECT card.id, card.partner_id, card.company_id, company.currency_id, card.policy_id,
                   card.tier_id, card.segment_id, partner.user_id, partner.country_id,
                   CASE WHEN COALESCE(team.company_id, card.company_id) = card.company_id THEN team.id END AS team_id,
                   card.score, 1 AS customer_count, card.amount, card.order_count, card.contact_count,
                   card.order_count::float8 / NULLIF(card.contact_count, 0) AS orders_per_contact,
                   COALESCE(activity.done, 0) AS activity_count,
                   COALESCE(activity.open, 0) AS open_activity_count,
                   COALESCE(activity.overdue, 0) AS overdue_activity_count,
                   COALESCE(meeting.hours, 0) AS meeting_hours,
                   CASE WHEN tier.capacity > 0 AND partner.user_id IS NOT NULL
                         AND ROW_NUMBER() OVER (PARTITION BY card.company_id, card.tier_id, partner.user_id
                                                    ORDER BY card.score DESC, card.id) > tier.capacity
                        THEN 1 ELSE 0 END AS beyond_capacity
            """
        )

    def _from(self):
        return SQL(
            """
              FROM customer_tiering_scorecard card
              JOIN of_policy ON of_policy.id = card.policy_id
              JOIN res_partner partner ON partner.id = card.partner_id AND partner.active
              JOIN res_company company ON company.id = card.company_id
         LEFT JOIN customer_tier tier ON tier.id = card.tier_id
         LEFT JOIN res_users seller ON seller.id = partner.user_id
         LEFT JOIN crm_team team ON team.id = seller.sale_team_id
         LEFT JOIN (%s) activity ON activity.card_id = card.id
         LEFT JOIN (%s) meeting ON meeting.card_id = card.id
            """,
            self._get_activity_query(),
            self._get_meeting_query(),
        )

    def _get_activity_query(self):
        """Return the SELECT of the activities on each customer, its contacts and their documents in the company."""
        documents = self.env["customer.tiering.reader"]._get_documents()
        return SQL(
            """
            SELECT card.id AS card_id,
                   COUNT(*) FILTER (WHERE activity.active IS NOT TRUE AND activity.date_done > of_policy.window_start
                                      AND activity.date_done <= of_policy.as_of) AS done,
                   COUNT(*) FILTER (WHERE activity.active) AS open,
                   COUNT(*) FILTER (WHERE %(is_overdue)s) AS overdue
              FROM %(activities)s
              JOIN customer_tiering_scorecard card ON card.partner_id = %(customer)s
                                                  AND %(are_of_company)s
              JOIN of_policy ON of_policy.id = card.policy_id
          GROUP BY card.id
            """,
            activities=sources.activities.get_activities(documents),
            customer=sources.activities.get_customer(),
            are_of_company=sources.activities.are_of_company(documents, SQL("card.company_id")),
            is_overdue=sources.activities.is_overdue(SQL("of_policy.as_of")),
        )

    def _get_meeting_query(self):
        """Return the SELECT of the hours that meetings with each customer took."""
        attended = sources.meetings.get_meeting_query(
            SQL("(SELECT DISTINCT company_id, timezone FROM of_policy)"),
            self.env["customer.tiering.reader"]._get_documents(),
        )
        return SQL(
            """
            SELECT card.id AS card_id, SUM(met.hours) AS hours
              FROM (SELECT DISTINCT * FROM (%s) attended) met
              JOIN customer_tiering_scorecard card ON card.partner_id = met.customer
                                                  AND card.company_id = met.company_id
              JOIN of_policy ON of_policy.id = card.policy_id
               AND met.day > of_policy.window_start AND met.day <= of_policy.as_of
          GROUP BY card.id
            """,
            attended,
        )

    def _read_group_select(self, aggregate_spec, query):
        """Of a group, divide all orders by all interactions: no average of ratios."""
        if aggregate_spec == "orders_per_contact:avg":
            return SQL(
                "SUM(%s)::float8 / NULLIF(SUM(%s), 0)",
                self._field_to_sql(self._table, "order_count", query),
                self._field_to_sql(self._table, "contact_count", query),
            )
        return super()._read_group_select(aggregate_spec, query)

    @api.readonly
    def action_open_partner(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "views": [(False, "form")],
        }
