import math

from odoo import api, fields, models
from odoo.tools import SQL, float_round, format_date
from odoo.tools.misc import formatLang

from ..fields import UncheckedMany2one


class CustomerTieringScorecard(models.Model):
    _name = "customer.tiering.scorecard"
    _description = "Customer Scorecard"
    _order = "score desc, id"
    _rec_name = "partner_id"
    # Only runs write scorecards, and the run says when and who; two more columns with foreign keys
    # would cost hundreds of thousands of checks a night.
    _log_access = False

    partner_id = UncheckedMany2one("res.partner", string="Customer", required=True, readonly=True, ondelete="cascade")
    company_id = UncheckedMany2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    policy_id = UncheckedMany2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade")
    run_id = UncheckedMany2one(
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
    purchase_days = fields.Integer(
        string="Days with Orders", readonly=True, help="Days with a confirmed order, over the whole history."
    )
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
        help="Meetings with the customer or its contacts, and done activities, e-mails, messages and notes on "
        "the customer, its contacts and their orders, in the policy's window.",
    )
    last_contact_date = fields.Date(string="Last Contact", readonly=True)
    days_since_contact = fields.Integer(string="Days since Last Contact", compute="_compute_days")
    tenure_days = fields.Integer(string="Days since First Order", compute="_compute_days")
    lateness = fields.Float(
        digits=(10, 1),
        compute="_compute_days",
        help="Days since the last order in multiples of the purchase cycle: 2 means twice as long as usual.",
    )
    gap_regularity = fields.Float(
        string="Regularity (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How alike the days between orders are, over the whole history: 100 is always the same, "
        "50 is by pure chance. Needs three days with orders.",
    )
    growth = fields.Float(
        string="Growth (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="Amounts of the later half of the policy's window against the earlier half: "
        "100 is all in the later half, 0 equally much, -100 all in the earlier half.",
    )
    # Only what the policy's criteria look at is measured; the rest is empty.
    category_count = fields.Integer(
        string="Product Categories",
        readonly=True,
        aggregator="avg",
        help="Different product categories bought in the policy's window.",
    )
    top_category_id = UncheckedMany2one(
        "product.category",
        readonly=True,
        ondelete="set null",
        help="The product category with the highest amount in the policy's window.",
    )
    top_category_share = fields.Float(
        string="Share of Top Category (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How much of the amount in the policy's window is of the top category.",
    )
    repurchase_rate = fields.Float(
        string="Bought Again (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the products bought in the policy's window were bought on two or more days.",
    )
    discount_share = fields.Float(
        string="Discount (%)",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Discounts given in the policy's window, in percent of the prices before discount.",
    )
    top_team_id = UncheckedMany2one(
        "crm.team",
        string="Top Sales Team",
        readonly=True,
        ondelete="set null",
        help="The sales team with the most orders in the policy's window.",
    )
    top_team_share = fields.Float(
        string="Share of Top Sales Team (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the orders in the policy's window are of the top sales team.",
    )
    conversion_rate = fields.Float(
        string="Confirmed (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the quotations and orders dated in the policy's window are confirmed.",
    )
    open_quotation_count = fields.Integer(
        string="Open Quotations", readonly=True, help="Quotations that are neither confirmed nor cancelled."
    )
    open_quotation_amount = fields.Monetary(
        readonly=True, help="Untaxed amount of the open quotations, in the company's currency."
    )
    contact_decay = fields.Float(
        string="Recent Contacts",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="Contacts in the policy's window, recent ones count more: one of today counts 1, "
        "one in the middle of the window counts half.",
    )
    overdue_activity_count = fields.Integer(
        string="Overdue Activities",
        readonly=True,
        help="Open activities past their deadline on the customer, its contacts and their orders.",
    )
    lifecycle = fields.Selection(
        [
            ("prospect", "Prospect"),
            ("exploring", "Exploring"),
            ("forming", "Forming"),
            ("stable", "Stable"),
            ("declining", "Declining"),
            ("lost", "Lost"),
        ],
        string="Lifecycle Stage",
        readonly=True,
        help="Prospect: never bought. Exploring: the first orders. Forming: buys more and more. "
        "Stable: buys as usual. Declining: late for the usual cycle, or buys much less. "
        "Lost: so late that nothing more is expected.",
    )

    usual_gap_days = fields.Float(
        string="Usual Gap (Days)",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="After how many days the customer usually orders again: the own purchase cycle from three days with "
        "orders on, before that what is typical of all customers.",
    )
    risk = fields.Selection(
        [("none", "None"), ("watch", "Watch"), ("high", "High"), ("lost", "Lost")],
        readonly=True,
        help="Watch: late for the usual gap between orders, or buys much less. High: very late, or two of late, buys "
        "less and silent. Lost: so late that nothing more is expected.",
    )
    risk_rank = fields.Integer(
        string="Risk (%)",
        readonly=True,
        aggregator="avg",
        help="Puts the customers in an order, in steps of 5: twice as late as usual is 50; buying less and silence "
        "raise it. It is no probability. Lost is 100, no warning 0.",
    )
    expected_loss = fields.Monetary(
        readonly=True,
        help="The risk's percentage of the amount in the policy's window; 0 for lost customers, who have nothing left "
        "to save.",
    )
    risk_reason = fields.Char(
        compute="_compute_risk_reason", help="Why the customer is at risk, in words, as of today. Empty without risk."
    )

    # What it is worth
    recency_score = fields.Integer(string="R", readonly=True, aggregator="avg", help="Recency score, 5 is best.")
    frequency_score = fields.Integer(string="F", readonly=True, aggregator="avg", help="Frequency score, 5 is best.")
    monetary_score = fields.Integer(string="M", readonly=True, aggregator="avg", help="Monetary score, 5 is best.")
    score = fields.Float(digits=(5, 2), readonly=True, aggregator="avg", help="0 to 100, 100 is best.")
    tier_id = UncheckedMany2one(
        "customer.tier",
        readonly=True,
        ondelete="restrict",
        group_expand="_read_group_tier_id",
    )
    tier_since = fields.Date(readonly=True, help="Since when the customer has been in this tier.")
    # What the rules say, without a person's lock; the next run starts from it.
    computed_tier_id = UncheckedMany2one(
        "customer.tier",
        readonly=True,
        ondelete="restrict",
        help="The tier that the customer would have without the lock.",
    )
    computed_since = fields.Date(readonly=True)
    differs = fields.Boolean(
        string="Lock Changes the Tier", readonly=True, help="The customer is in another tier than the computed one."
    )
    pending_tier_id = UncheckedMany2one(
        "customer.tier",
        string="Announced Downgrade",
        readonly=True,
        ondelete="set null",
        help="The tier to which the customer falls on the announced day, unless they buy in time.",
    )
    pending_date = fields.Date(
        string="Downgrade On",
        readonly=True,
        help="The day from which the announced downgrade takes effect.",
    )
    lock_id = UncheckedMany2one("customer.tiering.lock", readonly=True, ondelete="set null")
    lock_mode = fields.Selection(related="lock_id.mode")
    lock_reason = fields.Char(related="lock_id.reason")
    lock_user_id = fields.Many2one(related="lock_id.user_id")
    segment_id = UncheckedMany2one("customer.segment", readonly=True, ondelete="restrict")
    segment_since = fields.Date(readonly=True, help="Since when the customer has been in this segment.")
    next_tier_id = UncheckedMany2one("customer.tier", readonly=True, ondelete="set null")
    points_to_next = fields.Float(
        digits=(5, 2), readonly=True, aggregator="avg", help="Points missing to the next tier."
    )
    parts = fields.Text(
        string="Parts of the Score",
        readonly=True,
        exportable=False,
        groups="base.group_no_one",
        help="The explanation without the names and weights of the criteria, as it is kept.",
    )
    explanation = fields.Json(
        compute="_compute_explanation",
        compute_sudo=True,
        help="Per criterion: value (none for days that pass), points (0 to 100), weight, contribution. "
        "The contributions add up to the score.",
    )

    digest = fields.Float(
        readonly=True,
        prefetch=False,
        exportable=False,
        aggregator=None,
        groups="base.group_no_one",
        help="Of all that the run wrote: the next run writes only scorecards whose digest differs.",
    )

    # What the screens show beside
    tier_color = fields.Integer(related="tier_id.color", string="Tier Colour")
    segment_color = fields.Integer(related="segment_id.color", string="Segment Colour")
    segment_description = fields.Text(related="segment_id.description")
    segment_advice = fields.Text(related="segment_id.advice")
    partner_ref = fields.Char(related="partner_id.ref", string="Customer Number")
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    country_id = fields.Many2one(related="partner_id.country_id", string="Country")
    explanation_data = fields.Json(
        string="Explanation for People",
        compute="_compute_explanation_data",
        help="Everything that explains the tier: the lines of the score, the ways to the next tier and to keep "
        "this one, announced downgrade, lock, stage, and all of it as text.",
    )
    change_ids = fields.Many2many("customer.tier.change", string="Tier History", compute="_compute_change_ids")

    # Partners are filtered by "commercial partner in (partners of a tier)", grouped by tier and sorted
    # by score: the indexes hold all that these joins read, without the wide rows. To group and to sort, all
    # scorecards of a company are read, hence the order of this one; PostgreSQL does so in parallel.
    _partner_company_uniq = models.Constraint(
        "UNIQUE(company_id, partner_id) INCLUDE (tier_id, score)", "A customer has one scorecard in each company."
    )
    _tier_idx = models.Index("(tier_id, company_id, partner_id)")
    _segment_idx = models.Index("(segment_id, company_id, partner_id)")
    # The daily list asks for the few who are at risk.
    _risk_idx = models.Index("(company_id, risk, partner_id) WHERE risk != 'none'")

    @api.model
    def _merge(self, sources, target):
        """Give the scorecards of the partners ``sources``, who are about to be deleted, to the partner ``target``.

        Where several have one in a company, that of the target stays, or the one that is longest in its tier.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_scorecard
                 WHERE id IN (SELECT id
                                FROM (SELECT id, ROW_NUMBER() OVER (
                                                 PARTITION BY company_id
                                                     ORDER BY partner_id = %(target)s DESC, tier_since, id)
                                        FROM customer_tiering_scorecard
                                       WHERE partner_id = ANY(%(partners)s)) ranked
                               WHERE row_number > 1)
                """,
                target=target.id,
                partners=(sources | target).ids,
            )
        )
        self.env.cr.execute(
            SQL(
                "UPDATE customer_tiering_scorecard SET partner_id = %s WHERE partner_id = ANY(%s)",
                target.id,
                sources.ids,
            )
        )
        self.env.invalidate_all(flush=False)

    def write(self, vals):
        """Write without the digest, so that the next run puts right what was not its own."""
        return super().write({"digest": 0, **vals})

    @api.model
    def _read_group_tier_id(self, tiers, domain):
        """Show the empty tiers of the current company too, the highest first."""
        return self.env["customer.tier"]._search_current() | tiers

    @api.depends("first_order_date", "last_order_date", "last_contact_date", "gap_median_days", "company_id")
    def _compute_days(self):
        for company, cards in self.grouped("company_id").items():
            today = company._get_tiering_today()
            for card in cards:
                card.recency_days = card.last_order_date and (today - card.last_order_date).days
                card.days_since_contact = card.last_contact_date and (today - card.last_contact_date).days
                card.tenure_days = card.first_order_date and (today - card.first_order_date).days
                card.lateness = card.gap_median_days and card.recency_days / card.gap_median_days

    @api.depends(
        "risk",
        "usual_gap_days",
        "purchase_days",
        "growth",
        "last_order_date",
        "last_contact_date",
        "company_id",
        "policy_id.window_days",
        "policy_id.lifecycle_falling",
        "policy_id.risk_watch",
        "policy_id.risk_silent_days",
    )
    @api.depends_context("lang")
    def _compute_risk_reason(self):
        for card in self:
            reason = ", ".join(card._get_risk_reasons()) if card.risk not in (False, "none") else ""
            card.risk_reason = reason[:1].upper() + reason[1:]

    def _get_risk_reasons(self):
        """Return in words what speaks for losing the customer, by the policy's numbers and the days until today."""
        from ..engine import metrics  # noqa: PLC0415 - pandas stays out of the server's start-up

        self.ensure_one()
        policy, rhythm = self.policy_id, self.purchase_days >= metrics.RHYTHM_DAYS
        falling = rhythm and self.growth <= -policy.lifecycle_falling
        silent = self.last_contact_date and min(self.recency_days, self.days_since_contact) > policy.risk_silent_days
        reasons = []
        # Falling alone is no question of days; but a customer at risk always has some reason.
        late = self.recency_days > policy.risk_watch * self.usual_gap_days or not falling
        if late:
            values = {
                "gap": self._format_days(round(self.usual_gap_days)),
                "days": self._format_days(self.recency_days),
            }
            reasons.append(
                self.env._("usually orders every %(gap)s, last order %(days)s ago", **values)
                if rhythm
                else self.env._("customers like this order again after %(gap)s, last order %(days)s ago", **values)
            )
        if falling and not (late and self.growth <= -100):  # the day of the last order says that
            reasons.append(self._explain_fall())
        if silent:
            reasons.append(self.env._("no contact for %(days)s", days=self._format_days(self.days_since_contact)))
        return reasons

    def _explain_fall(self):
        """Return in words how the later half of the window compares with the earlier one.

        The growth is of their sum: late / early = (100 + growth) / (100 - growth).
        """
        fall = round(100 - 100 * (100 + self.growth) / (100 - self.growth))
        if fall >= 100:
            days = self._format_days(self.policy_id.window_days // 2)
            return self.env._("no order in the last %(days)s", days=days)
        if 48 <= fall <= 52:
            return self.env._("amount halved")
        return self.env._("amount down %(fall)s %%", fall=fall)

    @api.depends("parts", "run_id")
    def _compute_explanation(self):
        from ..engine import explain  # noqa: PLC0415 - pandas stays out of the server's start-up

        self.explanation = False
        runs = self.run_id.exists()  # no foreign key says so
        written = self.filtered(lambda card: card.parts and card.run_id in runs)
        for version, cards in written.grouped(lambda card: card.run_id.version_id).items():
            if version:
                weights = {rule["metric"]: rule["weight"] for rule in version.rules["rules"]["criteria"]}
                for card in cards:
                    card.explanation = explain.from_text(card.parts, weights)

    @api.depends(
        "explanation",
        "tier_id",
        "computed_tier_id",
        "pending_tier_id",
        "lock_id",
        "lifecycle",
        "risk_reason",
        "first_order_date",
        "last_order_date",
        "last_contact_date",
        "gap_median_days",
        "policy_id.criterion_ids.sequence",
    )
    @api.depends_context("lang")
    def _compute_explanation_data(self):
        for policy, cards in self.grouped("policy_id").items():
            rules, fit = policy._get_last_computation()
            for card in cards:
                card.explanation_data = card._get_explanation_data(rules, fit)

    def _get_explanation_data(self, rules, fit):
        """Return all that explains the tier, a dict of plain values.

        :param rules: the engine's ``PolicyRules`` of the policy's last run, or None
        :param fit: the engine's ``Fit`` that it scored by, or None
        """
        self.ensure_one()
        data = {
            "lines": self._get_explanation_lines(),
            "score": self.score,
            "tier": self.tier_id.name or False,
            "rule": self._explain_rule(rules),
            "next": self._explain_next(rules, fit),
            "keep": self._explain_keep(rules, fit),
            "lock": self._explain_lock(),
            "lifecycle": self._explain_lifecycle(),
            "risk": self._explain_risk(),
        }
        data["text"] = self._explain_as_text(data)
        return data

    def _explain_rule(self, rules):
        """Return in words what the tier that the rules came to asks for, or False."""
        tier = self.computed_tier_id
        rule = rules and next((rule for rule in rules.tiers if rule.key == tier.id), None)
        if not rule:
            return False
        if rules.tier_method == "score":
            if rule.kept < rule.floor:
                return self.env._(
                    "%(tier)s starts at %(floor)g points and is kept down to %(kept)g.",
                    tier=tier.name,
                    floor=rule.floor,
                    kept=rule.kept,
                )
            return self.env._("%(tier)s starts at %(floor)g points.", tier=tier.name, floor=rule.floor)
        if rules.tier_method == "customer_share":
            return self.env._("%(tier)s is for %(share)g %% of the customers.", tier=tier.name, share=rule.share)
        if rules.tier_method == "revenue_share":
            return self.env._(
                "%(tier)s is for those who bring %(share)g %% of the revenue.", tier=tier.name, share=rule.share
            )
        if rules.tier_method == "clusters":
            return self.env._("%(tier)s is a group of customers who resemble each other.", tier=tier.name)
        if not rule.conditions:
            return self.env._("%(tier)s is for all who meet no higher tier's conditions.", tier=tier.name)
        labels = self.env["customer.tiering.criterion"]._get_metric_labels()
        joint = self.env._(" or ") if rule.match_any else self.env._(" and ")
        return self.env._(
            "%(tier)s needs %(conditions)s.",
            tier=tier.name,
            conditions=joint.join(self._format_condition(condition, labels) for condition in rule.conditions),
        )

    def _format_condition(self, condition, labels):
        from ..engine import metrics  # noqa: PLC0415

        value = self._format_value(metrics.get(condition.metric), condition.value)
        label = labels.get(condition.metric, condition.metric)
        if condition.operator == ">=":
            return self.env._("%(metric)s of at least %(value)s", metric=label, value=value)
        return self.env._("%(metric)s of at most %(value)s", metric=label, value=value)

    def _explain_next(self, rules, fit):
        """Return the next tier and the single ways to it, each in words; False at the top or locked in one tier."""
        if not self.next_tier_id or self.lock_mode == "fixed":
            return False
        return {
            "tier": self.next_tier_id.name,
            "points": self.points_to_next,
            "ways": self._explain_ways(rules, fit, self.next_tier_id, keep=False),
        }

    def _explain_keep(self, rules, fit):
        """Return the announced downgrade and the single ways to call it off; False when none is announced."""
        if not self.pending_tier_id:
            return False
        return {
            "tier": self.computed_tier_id.name,
            "to": self.pending_tier_id.name,
            "date": format_date(self.env, self.pending_date),
            "ways": self._explain_ways(rules, fit, self.computed_tier_id, keep=True),
        }

    def _explain_ways(self, rules, fit, tier, keep):
        """Return the ways to enter or to keep ``tier``, the easiest first, each in words."""
        order, found = self._find_ways(rules, fit, tier, keep)
        # An order makes the customer recent anyway.
        single = [way for way in found if not order or way.metric != "recency"]
        return [*self._format_order(order), *map(self._format_way, single)]

    def _find_ways(self, rules, fit, tier, keep, order_only=False):
        """Return ``((orders today, their amount) or None, [single ways])`` to enter or to keep ``tier``.

        They are found by applying the fitted values, one metric at a time with the others as they are.

        :param order_only: where an order leads there, it is enough to know that
        """
        from ..engine import ways  # noqa: PLC0415

        rule = rules and next((rule for rule in rules.tiers if rule.key == tier.id), None)
        if not rule or not fit or not self.last_order_date:
            return None, []
        values = {key: self._get_metric_value(key) for key in rules.metrics}
        if rules.tier_method == "score":
            floor = rule.kept if keep else rule.floor
            order = ways.to_order(rules, fit.scales, values, floor)
            return order, [] if order and order_only else ways.to_reach(rules, fit.scales, values, floor)
        if rules.tier_method == "conditions":
            return None, ways.to_conditions(rule, values, keep=keep)
        if rules.tier_method in ("customer_share", "revenue_share"):
            return None, self._find_ways_to_share(rules, fit, values, rule)
        return None, []  # nearest clusters: no single number leads there

    def _get_missing_amount(self, rules, fit):
        """Return the amount of orders today that keeps a tier about to be lost, else reaches the next one.

        :return: money; 0 where any order is enough; None where no amount alone leads there, or it is not known
        """
        self.ensure_one()
        keep = bool(self.pending_tier_id)
        tier = self.computed_tier_id if keep else self.next_tier_id
        order, found = self._find_ways(rules, fit, tier, keep, order_only=True)
        if order:
            return order[1]
        return next((way.change for way in found if way.metric == "monetary" and way.change > 0), None)

    def _find_ways_to_share(self, rules, fit, values, rule):
        """Return the ways to what was the least good value in the tier when the customers were compared."""
        from ..engine import metrics, ways  # noqa: PLC0415

        cut = fit.tiers.cuts[rules.ladder.index(rule)]
        if cut is None:
            return []
        basis = rules.basis if rules.tier_method == "customer_share" else "monetary"
        if not basis:
            return ways.to_reach(rules, fit.scales, values, cut)
        way = ways.to_cut(metrics.get(basis), self._get_metric_value(basis), cut)
        return [way] if way else []

    def _get_metric_value(self, key):
        """Return the value of a metric, NaN when it is unknown."""
        from ..engine import metrics  # noqa: PLC0415

        metric = metrics.get(key)
        if metric.of_window and not self.order_count:
            return math.nan
        value = (self.explanation or {}).get(key, [None])[0]
        if value is None and metric.column in self._fields and (not metric.ages or self._is_known(key)):
            value = self[metric.column]
        return math.nan if value is None else value

    def _format_order(self, order):
        """Return orders placed today and their amount in words, in a list; an empty one for None."""
        if not order:
            return []
        count, amount = order
        money = formatLang(self.env, amount, currency_obj=self.currency_id)
        if count == 1:
            if amount:
                return [self.env._("an order of %(amount)s today", amount=money)]
            return [self.env._("an order today")]
        if not amount:
            return [self.env._("%(count)s orders today", count=count)]
        return [self.env._("%(count)s orders of %(amount)s together today", count=count, amount=money)]

    def _format_way(self, way):
        from ..engine import metrics  # noqa: PLC0415

        metric = metrics.get(way.metric)
        if way.metric == "recency":
            return self.env._("an order today")
        if way.metric == "contact_recency":
            return self.env._("a contact today")
        needed = self._format_value(metric, way.needed)
        if way.metric in ("monetary", "frequency", "contacts") and not math.isnan(way.current):
            return self.env._(
                "%(change)s more (%(needed)s in all)", change=self._format_value(metric, abs(way.change)), needed=needed
            )
        label = self.env["customer.tiering.criterion"]._get_metric_labels().get(way.metric, way.metric)
        return self.env._("%(metric)s: %(needed)s", metric=label, needed=needed)

    def _explain_lock(self):
        """Return who locked the tier, why and until when; False without a lock."""
        lock = self.lock_id.sudo()
        if not lock:
            return False
        return {
            "mode": lock.mode,
            "tier": lock.tier_id.name,
            "computed": self.computed_tier_id.name or False,
            "differs": self.differs,
            "reason": lock.reason,
            "user": lock.user_id.name,
            "date_end": format_date(self.env, lock.date_end) if lock.date_end else False,
        }

    def _explain_lifecycle(self):
        """Return the stage and what it means, with the policy's numbers."""
        policy = self.policy_id
        if not self.lifecycle:
            return False
        # The policy's numbers are of the sum of both halves of the window; people compare one with the other.
        grown, fallen = policy.lifecycle_growing, policy.lifecycle_falling
        forming = self.env._("bought nothing in the earlier half of the window")
        if grown < 100:
            rise = round(100 * (100 + grown) / (100 - grown) - 100)
            forming = self.env._("buys at least %(rise)s %% more than before", rise=rise)
        meaning = {
            "prospect": self.env._("has not bought yet"),
            "exploring": self.env._("orders on at most %(days)s days so far", days=policy.lifecycle_exploring_days),
            "forming": forming,
            "stable": self.env._("buys in the usual rhythm"),
            "declining": self.env._(
                "no order for more than %(late)g usual gaps, or at least %(fall)s %% less than before",
                late=policy.lifecycle_late,
                fall=round(100 - 100 * (100 - fallen) / (100 + fallen)),
            ),
            "lost": self.env._("no order for more than %(lost)g usual gaps", lost=policy.lifecycle_lost),
        }
        label = dict(self._fields["lifecycle"]._description_selection(self.env))[self.lifecycle]
        return {"label": label, "meaning": meaning[self.lifecycle]}

    def _explain_risk(self):
        """Return the churn warning and its reason in words; False without one."""
        if not self.risk_reason:
            return False
        label = dict(self._fields["risk"]._description_selection(self.env))[self.risk]
        return {"level": self.risk, "label": label, "rank": self.risk_rank, "reason": self.risk_reason}

    def _explain_as_text(self, data):
        """Return the explanation in sentences, for screen readers and other programs."""
        env = self.env
        sentences = [
            env._("%(tier)s, %(score).2f of 100 points.", tier=data["tier"] or env._("No tier"), score=data["score"])
        ]
        sentences += [
            env._(
                "%(metric)s: %(value)s gives %(points).2f points and, with weight %(weight)g, %(part).2f of the score.",
                metric=line["label"],
                value=line["text"],
                points=line["points"],
                weight=line["weight"],
                part=line["contribution"],
            )
            for line in data["lines"]
        ]
        if data["rule"]:
            sentences.append(data["rule"])
        either = env._(" or ")
        if data["next"] and data["next"]["ways"]:
            sentences.append(
                env._("To reach %(tier)s: %(ways)s.", tier=data["next"]["tier"], ways=either.join(data["next"]["ways"]))
            )
        if data["keep"]:
            keep = data["keep"]
            sentences.append(env._("On %(date)s the tier falls to %(tier)s.", date=keep["date"], tier=keep["to"]))
            if keep["ways"]:
                sentences.append(
                    env._("To keep %(tier)s until then: %(ways)s.", tier=keep["tier"], ways=either.join(keep["ways"]))
                )
        if data["lock"]:
            sentences.append(
                env._(
                    "Locked by %(user)s: %(reason)s. The rules alone come to %(tier)s.",
                    user=data["lock"]["user"],
                    reason=data["lock"]["reason"],
                    tier=data["lock"]["computed"] or env._("no tier"),
                )
            )
        if data["lifecycle"]:
            sentences.append(
                env._(
                    "Stage: %(stage)s, %(meaning)s.",
                    stage=data["lifecycle"]["label"],
                    meaning=data["lifecycle"]["meaning"],
                )
            )
        if data["risk"]:
            sentences.append(
                env._("Risk: %(level)s. %(reason)s.", level=data["risk"]["label"], reason=data["risk"]["reason"])
            )
        return " ".join(sentences)

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
        """Return ``value``, the customer's own, of ``metric`` as a person reads it; “none” when it is unknown."""
        if metric.ages:
            value = self[metric.column] if self._is_known(metric.key) else None
        return self.env._("none") if value is None else self._format_value(metric, value)

    def _is_known(self, key):
        """Whether the days of a metric are: the numbers of a record have no "never"."""
        known = {"contact_recency": self.last_contact_date, "lateness": self.gap_median_days}
        return bool(known.get(key, self.last_order_date))

    def _format_value(self, metric, value):
        """Return a value of ``metric`` as a person reads it: “12 days”, “3 orders”, “$ 1,234.00”."""
        unit = metric.unit
        if unit == "money":
            return formatLang(self.env, value, currency_obj=self.currency_id)
        number = formatLang(self.env, value, digits=0 if float(value).is_integer() else 1)
        if unit == "days":
            return self._format_days(value)
        if unit == "orders":
            return self.env._("1 order") if value == 1 else self.env._("%(number)s orders", number=number)
        if unit == "contacts":
            return self.env._("1 contact") if value == 1 else self.env._("%(number)s contacts", number=number)
        if unit == "categories":
            return self.env._("1 category") if value == 1 else self.env._("%(number)s categories", number=number)
        if unit == "quotations":
            return self.env._("1 quotation") if value == 1 else self.env._("%(number)s quotations", number=number)
        if unit == "activities":
            return self.env._("1 activity") if value == 1 else self.env._("%(number)s activities", number=number)
        if unit == "times":
            return self.env._("%(number)s times the usual gap", number=number)
        if unit == "%":
            return self.env._("%(number)s %%", number=number)
        return number

    def _format_days(self, days):
        if days == 1:
            return self.env._("1 day")
        number = formatLang(self.env, days, digits=0 if float(days).is_integer() else 1)
        return self.env._("%(number)s days", number=number)

    @api.depends("partner_id", "company_id")
    def _compute_change_ids(self):
        changes = self.env["customer.tier.change"].search(
            [("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)]
        )
        of_card = changes.grouped(lambda change: (change.partner_id, change.company_id))
        for card in self:
            card.change_ids = of_card.get((card.partner_id, card.company_id), False)

    def action_tiering_lock(self):
        """Open the form to lock the tier of these customers."""
        return self.partner_id.action_tiering_lock()

    def action_tiering_unlock(self):
        """Put these customers back to automatic, in the company of their scorecard."""
        for company, cards in self.grouped("company_id").items():
            cards.partner_id.with_company(company).action_tiering_unlock()

    @api.readonly
    def action_open_partner(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "views": [(False, "form")],
        }
