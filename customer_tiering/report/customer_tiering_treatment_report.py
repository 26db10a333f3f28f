from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..sentences import format_number

# How long ago what happened may be, and in how many cases it must have.
DAYS = 180
LEAST_OWN = 2
LEAST_OTHERS = 3


class CustomerTieringTreatmentReport(models.Model):
    """Who was treated worse than customers of a lower tier: a row per customer and what was measured, where half of the
    customer's cases took more days than half of the cases of all customers of a lower tier of the same policy.

    Of several lower tiers the one with the fewest days is named. A case counts for the tier that its customer was in
    then; of the customer's own, those in the present tier. Interactions are no cases: how often there was one is known
    of each customer from the scorecard.
    """

    _name = "customer.tiering.treatment.report"
    _description = "Customers Treated Worse than Lower Tiers"
    _tiering_customer = "partner_id"
    _auto = False
    _rec_name = "partner_id"
    _order = "difference desc, id"
    _depends = {
        "customer.tier": ["policy_id", "sequence"],
        "customer.tiering.promise.report": [
            *("company_id", "date", "days", "is_present", "kind", "partner_id", "tier_id"),
        ],
        "customer.tiering.policy": ["window_days"],
        "customer.tiering.scorecard": ["company_id", "contact_count", "first_order_date", "partner_id", "tier_id"],
        "res.partner": ["user_id"],
    }

    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    user_id = fields.Many2one("res.users", string="Salesperson", readonly=True)
    policy_id = fields.Many2one("customer.tiering.policy", readonly=True)
    kind = fields.Selection(selection="_get_kinds", string="What", readonly=True)
    tier_id = fields.Many2one("customer.tier", readonly=True)
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color", aggregator=None)
    case_count = fields.Integer(string="Cases", readonly=True)
    days = fields.Float(
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help=f"Half of the customer's cases of the last {DAYS} days, in the present tier, took more days. Of "
        "interactions: the days of the policy's window, or since the first order, for each interaction in it.",
    )
    lower_tier_id = fields.Many2one("customer.tier", readonly=True)
    lower_color = fields.Integer(related="lower_tier_id.color", string="Lower Tier's Color", aggregator=None)
    lower_case_count = fields.Integer(string="Cases There", readonly=True)
    lower_days = fields.Float(
        string="Days There",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help=f"Half of the cases of all customers of the lower tier in the last {DAYS} days took more days; of "
        "interactions, half of these customers have more days for each.",
    )
    difference = fields.Float(string="More Days", digits=(16, 1), readonly=True, aggregator="avg")
    sentence = fields.Char(string="In Words", compute="_compute_sentence")

    @api.model
    def _get_kinds(self):
        return self.env["customer.tiering.promise.report"]._get_kinds()

    @api.depends("days", "kind", "lower_days", "lower_tier_id", "partner_id")
    @api.depends_context("lang")
    def _compute_sentence(self):
        for row in self:
            row.sentence = row._tell(
                customer=row.partner_id.display_name,
                days=format_number(self.env, row.days, 1),
                tier=row.lower_tier_id.name,
                lower=format_number(self.env, row.lower_days, 1),
            )

    def _tell(self, **facts):
        """Return the row in words; another app tells its own kinds.

        :param facts: the name of the ``customer``, the ``days``, the name of the lower ``tier``, and its days
            (``lower``), all of them as people read them
        """
        self.ensure_one()
        if self.kind == "quotation":
            return self.env._(
                "Days until a quotation is answered: %(days)s for %(customer)s, %(lower)s for customers in %(tier)s.",
                **facts,
            )
        return self.env._(
            "Days for each interaction: %(days)s with %(customer)s, %(lower)s with customers in %(tier)s.",
            **facts,
        )

    @property
    def _table_query(self):
        reports = self.env["customer.tiering.promise.report"]
        today = {company.id: company._get_tiering_today() for company in self.env.companies}
        first = min(today.values(), default=fields.Date.today()) - timedelta(days=DAYS)
        queries = reports._get_queries(first)
        seen = self.env["ir.rule"]._get_tiering_domain("res.partner")
        # sudo: what the domain leads to; hidden customers count for nobody
        partners = None if seen.is_true() else self.env["res.partner"].sudo()._search(seen, active_test=False)

        def is_seen(alias):
            if partners is None:
                return SQL("TRUE")
            return SQL("%s IN %s", SQL.identifier(alias, "partner_id"), partners.subselect())

        return SQL(
            """
            WITH event AS (
                SELECT event.id, event.kind, event.partner_id, event.company_id, event.tier_id, event.is_present,
                       event.days
                  FROM (%(events)s) event
                  JOIN %(companies)s company ON company.id = event.company_id
                 WHERE event.date > %(first)s AND event.date > company.today - %(window)s
                   AND event.days IS NOT NULL AND event.tier_id IS NOT NULL
            ), touched AS (
                SELECT card.id, card.partner_id, card.company_id, card.tier_id, card.contact_count AS case_count,
                       GREATEST(LEAST(policy.window_days, company.today - card.first_order_date), 1)::float8
                       / GREATEST(card.contact_count, 1) AS days
                  FROM customer_tiering_scorecard card
                  JOIN customer_tiering_policy policy ON policy.id = card.policy_id
                  JOIN %(companies)s company ON company.id = card.company_id
                 WHERE card.tier_id IS NOT NULL
            ), own AS (  -- a case is of one customer and kind only, so its id can stand for them
                SELECT MIN(id) AS id, partner_id, company_id, tier_id, kind, COUNT(*) AS case_count,
                       PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY days) AS days
                  FROM event
                 WHERE is_present
              GROUP BY partner_id, company_id, tier_id, kind
                HAVING COUNT(*) >= %(least_own)s
             UNION ALL
                SELECT -id, partner_id, company_id, tier_id, 'contact', case_count, days FROM touched
            ), of_tier AS (
                SELECT tier_id, kind, COUNT(*) AS case_count,
                       PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY days) AS days
                  FROM event
                 WHERE %(seen_event)s
              GROUP BY 1, 2
                HAVING COUNT(*) >= %(least_others)s
             UNION ALL
                SELECT tier_id, 'contact', SUM(case_count), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY days)
                  FROM touched
                 WHERE %(seen_touched)s
              GROUP BY 1
                HAVING COUNT(*) >= %(least_others)s
            ), best AS (  -- of the lower tiers the one with the fewest days
                SELECT DISTINCT ON (higher.id, of_tier.kind) higher.id AS higher_id, higher.policy_id, of_tier.*
                  FROM of_tier
                  JOIN customer_tier lower ON lower.id = of_tier.tier_id
                  JOIN customer_tier higher ON higher.policy_id = lower.policy_id
                                           AND (higher.sequence, higher.id) < (lower.sequence, lower.id)
              ORDER BY higher.id, of_tier.kind, of_tier.days, lower.sequence DESC, lower.id DESC
            )
            SELECT own.id, own.partner_id, own.company_id, partner.user_id,
                   best.policy_id, own.kind, own.tier_id, own.case_count, own.days, best.tier_id AS lower_tier_id,
                   best.case_count AS lower_case_count, best.days AS lower_days, own.days - best.days AS difference
              FROM own
              JOIN best ON best.higher_id = own.tier_id AND best.kind = own.kind AND own.days > best.days
              JOIN res_partner partner ON partner.id = own.partner_id
            """,
            events=reports._get_query({kind: query for kind, query in queries.items() if kind != "contact"}),
            companies=reports._get_companies(),
            first=first,
            seen_event=is_seen("event"),
            seen_touched=is_seen("touched"),
            window=DAYS,
            least_own=LEAST_OWN,
            least_others=LEAST_OTHERS,
        )

    @api.readonly
    def action_open_customer(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "views": [(False, "form")],
        }
