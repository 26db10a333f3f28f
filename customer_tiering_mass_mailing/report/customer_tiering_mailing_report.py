from odoo import fields, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.models.res_partner import GROUP
from odoo.addons.customer_tiering.sources.scope import ORDER

# So many days after a mailing a purchase still counts for it.
ORDER_DAYS = 30


class CustomerTieringMailingReport(models.Model):
    """What became of mailings to contacts, per tier of the day on which they were sent. Customers count, not mails."""

    _name = "customer.tiering.mailing.report"
    _description = "Results of Mailings by Tier"
    _auto = False
    _order = "mailing_id desc, sequence, id"
    _rec_name = "mailing_id"
    _depends = {
        "account.move": ["company_id", "invoice_date", "move_type", "partner_id", "state"],
        "customer.tier": ["sequence"],
        "customer.tier.change": ["company_id", "date", "partner_id", "to_tier_id"],
        "customer.tiering.policy": ["revenue_from"],
        "customer.tiering.scorecard": ["company_id", "partner_id", "policy_id"],
        "mailing.mailing": ["tiering_company_id"],
        "mailing.trace": [
            *("is_test_trace", "links_click_datetime", "mass_mailing_id", "model", "res_id"),
            *("sent_datetime", "trace_status"),
        ],
        "res.partner": ["commercial_partner_id"],
        "sale.order": ["company_id", "date_order", "partner_id", "state"],
    }

    mailing_id = fields.Many2one("mailing.mailing", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    tier_id = fields.Many2one(
        "customer.tier",
        readonly=True,
        groups=GROUP,
        help="The tier in which the customers were on the day on which the mailing was sent to them.",
    )
    sequence = fields.Integer(readonly=True, aggregator=None)  # of the tier, also for who may not see it
    customer_count = fields.Integer(
        string="Customers",
        readonly=True,
        help="Customers to whom the mailing was sent, however many contacts they have.",
    )
    delivered_count = fields.Integer(
        string="Delivered", readonly=True, help="Customers of whom at least one address took the mailing."
    )
    clicked_count = fields.Integer(
        string="Clicked", readonly=True, help="Customers who clicked on a link of the mailing."
    )
    replied_count = fields.Integer(string="Replied", readonly=True, help="Customers who answered the mailing.")
    buyer_count = fields.Integer(
        string="Bought within 30 Days",
        readonly=True,
        groups=GROUP,
        help="Customers to whom it was delivered and who bought something on the day of the mailing or in the 30 days "
        "after it. This alone is no effect of the mailing: some of them would have bought anyway.",
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT MIN(reached.id) AS id, reached.mailing_id, reached.company_id, tier.id AS tier_id, tier.sequence,
                   COUNT(*)::int AS customer_count,
                   COUNT(*) FILTER (WHERE reached.delivered)::int AS delivered_count,
                   COUNT(*) FILTER (WHERE reached.clicked)::int AS clicked_count,
                   COUNT(*) FILTER (WHERE reached.replied)::int AS replied_count,
                   COUNT(*) FILTER (WHERE reached.delivered AND EXISTS (%(purchases)s))::int AS buyer_count
              FROM (%(reached)s) reached
         LEFT JOIN LATERAL (SELECT standing.id, standing.sequence
                              FROM customer_tier_change change
                              JOIN customer_tier standing ON standing.id = change.to_tier_id
                             WHERE change.partner_id = reached.customer_id AND change.company_id = reached.company_id
                               AND change.date <= reached.day
                          ORDER BY change.id DESC
                             LIMIT 1) tier ON TRUE
         LEFT JOIN customer_tiering_scorecard card
                ON card.partner_id = reached.customer_id AND card.company_id = reached.company_id
         LEFT JOIN customer_tiering_policy policy ON policy.id = card.policy_id
          GROUP BY reached.mailing_id, reached.company_id, tier.id, tier.sequence
            """,
            reached=self._get_reached(),
            purchases=self._get_purchases(),
        )

    def _get_reached(self):
        """Return the SELECT of the customers to whom each mailing was sent, of the companies in use."""
        # sudo: numbers of customers tell nothing but what the person may see, see ir.rule
        seen = (
            self.env["res.partner"]
            .sudo()
            ._search(self.env["ir.rule"]._get_tiering_domain("res.partner"), active_test=False)
        )
        return SQL(
            """
            SELECT MIN(trace.id) AS id, mailing.id AS mailing_id, company.id AS company_id, company.timezone,
                   who.commercial_partner_id AS customer_id,
                   MIN((trace.sent_datetime AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date) AS day,
                   BOOL_OR(trace.trace_status IN ('sent', 'open', 'reply')) AS delivered,
                   BOOL_OR(trace.links_click_datetime IS NOT NULL) AS clicked,
                   BOOL_OR(trace.trace_status = 'reply') AS replied
              FROM mailing_trace trace
              JOIN mailing_mailing mailing ON mailing.id = trace.mass_mailing_id
              JOIN %(companies)s ON company.id = mailing.tiering_company_id
              JOIN res_partner who ON trace.model = 'res.partner' AND who.id = trace.res_id
             WHERE trace.is_test_trace IS NOT TRUE AND trace.sent_datetime IS NOT NULL
               AND who.commercial_partner_id IN %(seen)s
          GROUP BY mailing.id, company.id, company.timezone, who.commercial_partner_id
            """,
            companies=self.env["customer.tiering.followup.report"]._get_companies(),
            seen=seen.subselect(),
        )

    def _get_purchases(self):
        """Return the SELECT of the purchases that follow a mailing, by what the customer's policy takes for one."""
        arguments = (SQL("reached.customer_id"), SQL("reached.company_id"), SQL("reached.timezone"))
        purchases = [
            SQL(
                "SELECT day FROM (%s) bought WHERE COALESCE(policy.revenue_from, %s) = %s",
                source.get_days_query(*arguments),
                ORDER,
                key,
            )
            for key, source in self.env["customer.tiering.reader"]._get_purchase_sources().items()
        ]
        return SQL(
            "SELECT FROM (%s) ordered WHERE ordered.day >= reached.day AND ordered.day <= reached.day + %s",
            SQL(" UNION ALL ").join(purchases),
            ORDER_DAYS,
        )
