from odoo import api, fields, models
from odoo.tools import float_round
from odoo.tools.misc import formatLang


class CustomerTieringScorecard(models.Model):
    _name = "customer.tiering.scorecard"
    _description = "Customer Scorecard"
    _order = "score desc, id"
    _rec_name = "partner_id"
    # Only runs write scorecards, and the run says when and who; two more columns with foreign keys
    # would cost hundreds of thousands of checks a night.
    _log_access = False

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade", index=True)
    run_id = fields.Many2one(
        "customer.tiering.run",
        string="Last Changed By",
        readonly=True,
        ondelete="set null",
        help="The run that last changed this scorecard. A run that finds the same values leaves it alone.",
    )

    # What the customer did
    first_order_date = fields.Date(string="First Order", readonly=True)
    last_order_date = fields.Date(string="Last Order", readonly=True)
    # Days that pass are not stored: every scorecard would change every night.
    recency_days = fields.Integer(string="Days since Last Order", compute="_compute_days")
    order_count = fields.Integer(
        string="Orders", readonly=True, help="Confirmed orders with a positive amount in the policy's window."
    )
    amount = fields.Monetary(
        readonly=True,
        help="Untaxed amount of the orders in the policy's window, less credit notes, in the company's currency.",
    )
    average_order = fields.Monetary(
        readonly=True, aggregator="avg", help="Average untaxed amount of an order in the policy's window."
    )
    gap_mean_days = fields.Float(
        string="Average Days between Orders",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="Average number of days between two days with orders, over the whole history.",
    )
    gap_median_days = fields.Float(
        string="Purchase Cycle (Days)",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="How often the customer usually buys: the median number of days between two days with orders, "
        "over the whole history.",
    )
    contact_count = fields.Integer(
        string="Contacts",
        readonly=True,
        help="Done activities, e-mails, messages and notes on the customer, its contacts and their orders "
        "in the policy's window.",
    )
    last_contact_date = fields.Date(string="Last Contact", readonly=True)
    days_since_contact = fields.Integer(string="Days since Last Contact", compute="_compute_days")

    # What it is worth
    recency_score = fields.Integer(string="R", readonly=True, aggregator="avg", help="Recency score, 5 is best.")
    frequency_score = fields.Integer(string="F", readonly=True, aggregator="avg", help="Frequency score, 5 is best.")
    monetary_score = fields.Integer(string="M", readonly=True, aggregator="avg", help="Monetary score, 5 is best.")
    score = fields.Float(digits=(5, 2), readonly=True, aggregator="avg", help="0 to 100, 100 is best.")
    tier_id = fields.Many2one(
        "customer.tier",
        readonly=True,
        ondelete="restrict",
        group_expand="_read_group_tier_id",
    )
    tier_since = fields.Date(readonly=True, help="Since when the customer has been in this tier.")
    segment_id = fields.Many2one("customer.segment", readonly=True, ondelete="restrict")
    next_tier_id = fields.Many2one("customer.tier", readonly=True, ondelete="set null")
    points_to_next = fields.Float(
        digits=(5, 2), readonly=True, aggregator="avg", help="Points missing to the next tier."
    )
    explanation = fields.Json(
        readonly=True,
        help="Per criterion: value (none for days that pass), points (0 to 100), weight, contribution. "
        "The contributions add up to the score.",
    )

    # What the screens show beside
    tier_color = fields.Integer(related="tier_id.color", string="Tier Colour")
    segment_color = fields.Integer(related="segment_id.color", string="Segment Colour")
    segment_description = fields.Text(related="segment_id.description")
    segment_advice = fields.Text(related="segment_id.advice")
    partner_ref = fields.Char(related="partner_id.ref", string="Customer Number")
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    country_id = fields.Many2one(related="partner_id.country_id", string="Country")
    explanation_lines = fields.Json(compute="_compute_explanation_lines")
    change_ids = fields.Many2many("customer.tier.change", string="Tier History", compute="_compute_change_ids")

    # A constraint, not an index: merging contacts looks for constraints to know what it cannot move.
    _partner_company_uniq = models.Constraint(
        "UNIQUE(partner_id, company_id)", "A customer has one scorecard in each company."
    )

    # Partners are filtered by "commercial partner in (partners of a tier)", grouped by tier and sorted
    # by score: the indexes hold all that these joins read, without the wide rows.
    _tier_idx = models.Index("(tier_id, company_id, partner_id) INCLUDE (score)")
    _segment_idx = models.Index("(segment_id, company_id, partner_id)")

    @api.model
    def _read_group_tier_id(self, tiers, domain):
        """Show the empty tiers of the current company too, the highest first."""
        return self.env["customer.tier"]._search_current() | tiers

    @api.depends("last_order_date", "last_contact_date", "company_id")
    def _compute_days(self):
        for company, cards in self.grouped("company_id").items():
            today = company._get_tiering_today()
            for card in cards:
                card.recency_days = card.last_order_date and (today - card.last_order_date).days
                card.days_since_contact = card.last_contact_date and (today - card.last_contact_date).days

    @api.depends("explanation", "last_order_date", "last_contact_date", "policy_id.criterion_ids.sequence")
    @api.depends_context("lang")
    def _compute_explanation_lines(self):
        for card in self:
            card.explanation_lines = card._get_explanation_lines()

    def _get_explanation_lines(self):
        """Return the score's parts as a list of dicts, in the order of the policy's criteria.

        Keys: ``metric``, ``label``, ``text`` (the value with its unit in the user's language),
        ``points`` (0 to 100), ``weight``, ``contribution`` and ``maximum`` (points; the contributions
        add up to the score).
        """
        from ..engine import metrics  # noqa: PLC0415 - pandas stays out of the server's start-up

        self.ensure_one()
        if not self.last_order_date:
            return []
        labels = self.env["customer.tiering.criterion"]._get_metric_labels()
        # The database keeps the keys of a JSON object in an order of its own.
        order = {metric: rank for rank, metric in enumerate(self.policy_id.criterion_ids.mapped("metric"))}
        parts = dict(sorted((self.explanation or {}).items(), key=lambda item: order.get(item[0], len(order))))
        total_weight = sum(weight for _value, _points, weight, _contribution in parts.values())
        return [
            {
                "metric": metric,
                "label": labels.get(metric, metric),
                "text": self._format_metric(metrics.get(metric), value),
                "points": points,
                "weight": weight,
                "contribution": contribution,
                "maximum": float_round(100 * weight / total_weight, 2) if total_weight else 0,
            }
            for metric, (value, points, weight, contribution) in parts.items()
        ]

    def _format_metric(self, metric, value):
        """Return ``value`` of ``metric`` as a person reads it: “12 days”, “3 orders”, “$ 1,234.00”."""
        if metric.ages:
            # The day counts are integers, which have no "never".
            never = metric.key == "contact_recency" and not self.last_contact_date
            value = None if never else self[metric.column]
        if value is None:
            return self.env._("none")
        unit = metric.unit
        if unit == "money":
            return formatLang(self.env, value, currency_obj=self.currency_id)
        number = formatLang(self.env, value, digits=0 if float(value).is_integer() else 1)
        if unit == "days":
            return self.env._("1 day") if value == 1 else self.env._("%(number)s days", number=number)
        if unit == "orders":
            return self.env._("1 order") if value == 1 else self.env._("%(number)s orders", number=number)
        if unit == "contacts":
            return self.env._("1 contact") if value == 1 else self.env._("%(number)s contacts", number=number)
        return number

    @api.depends("partner_id", "company_id")
    def _compute_change_ids(self):
        changes = self.env["customer.tier.change"].search(
            [("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)]
        )
        of_card = changes.grouped(lambda change: (change.partner_id, change.company_id))
        for card in self:
            card.change_ids = of_card.get((card.partner_id, card.company_id), False)

    def action_open_partner(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "views": [(False, "form")],
        }
