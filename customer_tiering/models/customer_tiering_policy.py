import dataclasses
import json
from contextlib import contextmanager
from datetime import date
from itertools import combinations

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import SQL, format_list, ormcache

from .. import engine, filters, jobs, languages, messages
from ..fields import DerivedMany2one
from ..sentences import format_number, join, say_cannot_tell

# Percent of the customers (or of the revenue) per number of tiers, the highest first: ABC analysis, and
# with four tiers its first class in two.
DEFAULT_SHARES = {
    "customer_share": {2: (20, 80), 3: (30, 40, 30), 4: (10, 20, 40, 30)},
    "revenue_share": {2: (80, 20), 3: (80, 15, 5), 4: (50, 30, 15, 5)},
}
LIFECYCLE_FIELDS = {
    "lifecycle_lost": "lost_lateness",
    "lifecycle_late": "late_lateness",
    "lifecycle_falling": "falling",
    "lifecycle_exploring_days": "exploring_days",
    "lifecycle_growing": "growing",
}
RISK_FIELDS = {
    "risk_watch": "watch_lateness",
    "risk_high": "high_lateness",
    "risk_silent_days": "silent_days",
    "risk_method": "method",
    "risk_watch_percent": "watch_percent",
    "risk_high_percent": "high_percent",
    "risk_lost_percent": "lost_percent",
}
OUTLOOK_FIELDS = {"outlook_days": "days", "outlook_discount": "discount"}
# What decides which purchases of whom are read.
SCOPE_FIELDS = ("window_days", "partner_domain", "revenue_from", "min_order_amount", "subtract_rebates")
RETENTION_FIELDS = (
    *("one_step", "month_end", "protection_days", "refunds_at_once"),
    *("enter_margin", "upgrade_days", "at_once_margin", "skip_idle_days"),
)
AXIS_FIELDS = (
    *("axis_value_id", "axis_value_by", "axis_value_border"),
    *("axis_profit_id", "axis_profit_by", "axis_profit_border", "axis_margin"),
)
# What decides over the customers, beside tiers and criteria; a simulation may change it.
RULE_FIELDS = (
    *SCOPE_FIELDS,
    "min_population",
    "method",
    "basis_id",
    *AXIS_FIELDS,
    "segment_map",
    "grace_days",
    "stay_days",
    *RETENTION_FIELDS,
    *LIFECYCLE_FIELDS,
    *RISK_FIELDS,
    *OUTLOOK_FIELDS,
)

# No window reaches back to where dates of arrays end.
FIRST_DAY = date(1900, 1, 1)

# Up to this many confirmed orders "Compute Now" answers at once; a larger base is computed in the
# background, because a person should not look at a blocked screen for more than a moment.
DIRECT_ORDER_LIMIT = 100_000

# Raised where the same rules come to other results: the first run afterwards compares all customers anew, and what is
# new in it is no event in their lives. Part of the rules that a run keeps.
# 2: limits in multiples of the median order; segments by the own rhythm, too.
EDITION = 2


# How far what is foretold can be relied on.
GRADES = [("A", "A"), ("B", "B"), ("C", "C")]
GRADE_HELP = (
    "How far the chances of the next order can be relied on, by what came after earlier days. A: clearly better than "
    "counting the days since the last order, and right within 5 points. B: no worse than that, and right within 10 "
    "points. C: else; then the longest silence says more."
)

# What divides an axis.
AXIS_BORDERS = [("share", "The best customers, in percent"), ("value", "From a value on")]

# Key of the cursor's cache: whoever saves a policy judges it when all is in place.
IN_PROGRESS = "customer_tiering.policy_in_progress"

# Percent of the revenue that is invoiced without an order, from which on somebody should know.
UNSEEN_SHARE = 5


class CustomerTieringPolicy(models.Model):
    _name = "customer.tiering.policy"
    _inherit = ["customer.tiering.typed"]
    _description = "Customer Tiering Policy"
    _typed_sizes = {"partner_domain": filters.MOST_CHARACTERS}
    _order = "company_id, sequence, id"
    _names_copies = True

    _typed_ranges = {
        "window_days": (1, 36500),
        **dict.fromkeys(("grace_days", "stay_days", "protection_days", "recalibrate_days"), (0, None)),
        **dict.fromkeys(("min_order_amount", "min_population"), (0, None)),
    }

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, ondelete="cascade", index=True
    )
    partner_domain = fields.Char(
        string="Customers",
        default="[]",
        required=True,
        help="Which customers this policy is for. A customer belongs to the first policy that matches.",
    )
    filter_author_id = fields.Many2one(
        "res.users",
        string="Customers Chosen By",
        readonly=True,
        copy=False,
        ondelete="restrict",
        help="Who wrote the conditions: a run finds no more by them than this person may see.",
    )
    window_days = fields.Integer(
        string="Window (Days)",
        default=365,
        required=True,
        help="Orders, amounts and interactions of this many days count, up to today. "
        "The last order itself is looked for in the whole history.",
    )
    method = fields.Selection(
        [
            ("score", "Weighted score"),
            ("customer_share", "Share of customers (ABC by rank)"),
            ("revenue_share", "Share of revenue (ABC by amount)"),
            ("conditions", "Conditions"),
            ("clusters", "Clusters"),
            ("two_axes", "Two axes"),
        ],
        required=True,
        default="score",
        help="What leads to a tier. The score is computed with every method.\n"
        "Weighted score: each tier starts at a score.\n"
        "Share of customers: the best customers, up to a percentage of all, by score or by one metric.\n"
        "Share of revenue: the largest customers, up to a percentage of the whole amount.\n"
        "Conditions: such as an amount of at least 10,000 and at least 5 orders.\n"
        "Clusters: groups of customers who resemble each other in all criteria, the best group on top.\n"
        "Two axes: four tiers by value and by net profit: good on both, on profit only, on value only, on none.",
    )
    basis_id = fields.Many2one(
        "customer.tiering.metric",
        string="Ranked By",
        ondelete="set null",
        index="btree_not_null",
        help="What the customers are ranked by. Empty: by their score.",
    )
    axis_value_id = fields.Many2one(
        "customer.tiering.metric",
        string="Value By",
        ondelete="set null",
        index="btree_not_null",
        default=lambda self: self._default_axis("monetary"),
        help="What the first axis shows. Empty: the score.",
    )
    axis_value_by = fields.Selection(
        AXIS_BORDERS, string="Good Value", required=True, default="share", help="Who is good on the first axis."
    )
    axis_value_border = fields.Float(string="Value Border", default=30, help="Percent of the customers, or the value.")
    axis_profit_id = fields.Many2one(
        "customer.tiering.metric",
        string="Profit By",
        ondelete="set null",
        index="btree_not_null",
        default=lambda self: self._default_axis("net_profit"),
        help="What the second axis shows. Empty: the score.",
    )
    axis_profit_by = fields.Selection(
        AXIS_BORDERS, string="Good Profit", required=True, default="value", help="Who is good on the second axis."
    )
    axis_profit_border = fields.Float(string="Profit Border", help="Percent of the customers, or the value.")
    axis_margin = fields.Float(
        string="May Fall Below the Border By (%)",
        default=10,
        digits=(5, 2),
        help="Who is good on an axis stays so down to this many percent below its border. A border of 0 is exact.",
    )
    revenue_from = fields.Selection(
        [
            ("order", "Orders"),
            ("invoice", "Invoices"),
            ("order_invoice", "Orders, and invoices without an order"),
        ],
        required=True,
        default="order",
        help="What is a purchase. Orders count when they are confirmed, on the day of the order. Invoices count when "
        "they are posted, on the day of the invoice, for the customer who ordered; a down payment is no purchase, its "
        "final invoice is the whole one. A return lowers the purchase that it takes back, from the day of the credit "
        "note on.",
    )
    # A share of all that the company invoices: not for salespeople, who may read policies.
    revenue_hint = fields.Text(compute="_compute_revenue_hint", groups="sales_team.group_sale_manager")
    currency_id = fields.Many2one(related="company_id.currency_id")
    min_order_amount = fields.Monetary(
        string="Ignore Orders Below",
        help="Orders, invoices or tickets of which less than this is left, without taxes, are no purchases. "
        "0: whatever is more than nothing is one.",
    )
    subtract_rebates = fields.Boolean(
        default=True,
        help="A credit note that comes from no order and reverses no invoice, such as a yearly bonus, lowers the "
        "customer's amount on its own day.",
    )
    recalibrate_days = fields.Integer(
        string="Recalibrate Every (Days)",
        default=7,
        help="The customers are compared with each other this often. In between, a customer's score moves only by what "
        "the customer does. 0: in every run.",
    )
    upgrade_when = fields.Selection(
        [("instant", "At once, when an order is confirmed"), ("run", "In the nightly run")],
        string="Upgrades",
        required=True,
        default="instant",
        help="At once means within a minute. Downgrades happen in the nightly run only.",
    )
    grace_days = fields.Integer(
        string="Days of Grace",
        help="A downgrade is announced this many days before it takes effect; an order in time calls it off. "
        "Each tier can have its own number.",
    )
    stay_days = fields.Integer(
        string="Minimum Stay (Days)",
        help="Customers who enter a tier stay at least this many days. Each tier can have its own number.",
    )
    one_step = fields.Boolean(
        string="One Step Down at a Time", help="A downgrade leads to the next lower tier, however low the score is."
    )
    month_end = fields.Boolean(
        string="Downgrade at the End of a Month", help="A downgrade takes effect on the last day of its month."
    )
    protection_days = fields.Integer(
        string="Protect New Customers (Days)",
        help="No downgrade until this many days after a customer's first order.",
    )
    look_for_gaps = fields.Boolean(
        string="Look for Stopped Products",
        help="Looks once a week for products and categories that customers of this policy bought again and again and "
        "have stopped buying, and for categories that most of the similar customers buy and they do not. They "
        "stand on the scorecard, in “Stopped Products” and on quotations. It also keeps which products each customer "
        "is likely to buy next, for mailings and the shop.",
    )
    foresees_falls = fields.Boolean(
        string="Foresee Downgrades",
        help="After each run looks at the coming 13 weeks: who falls on which day if nothing more is ordered, and who "
        "at the usual rhythm. They stand in “Foreseen Downgrades” and on the customer, and start playbooks.",
    )
    refunds_at_once = fields.Boolean(
        string="Refunds Downgrade at Once",
        help="A customer who falls only because purchases were returned, cancelled or corrected falls in the next run "
        "and all the way: without days of grace, minimum stay, protection of new customers, waiting for the end of the "
        "month, or single steps.",
    )
    enter_margin = fields.Float(
        string="Points to Rise",
        digits=(5, 2),
        help="Where a score leads to the tiers: customers who have a tier move up to a higher one at this many points "
        "above its “From Score”, but never more than half of the way from there to 100. A first tier starts at its "
        "“From Score”. 0: so do all others.",
    )
    upgrade_days = fields.Integer(
        string="Days to Rise",
        help="An upgrade is announced, and takes effect when the customer has reached the tier in all computations of "
        "this many days. 0: at once. A first tier, and tiers by conditions, are always reached at once.",
    )
    at_once_margin = fields.Float(
        string="Points to Rise at Once",
        digits=(5, 2),
        help="Where a score leads to the tiers: customers this many points above the “From Score” of a tier do not "
        "wait for the days to rise. 0: all of them wait.",
    )
    skip_idle_days = fields.Boolean(
        string="Days Without Purchases Do Not Count",
        help="On a day on which none of the policy's customers bought anything, such as a holiday, nobody is "
        "downgraded, and such days make nobody's last order look older until the customers are compared again.",
    )
    lifecycle_lost = fields.Float(
        string="Lost After",
        default=4,
        digits=(6, 2),
        help="Lost: no order for more than this many times the customer's usual gap between orders.",
    )
    lifecycle_late = fields.Float(
        string="Declining After",
        default=2,
        digits=(6, 2),
        help="Declining: no order for more than this many times the customer's usual gap between orders.",
    )
    lifecycle_falling = fields.Float(
        string="Declining When Falling By (%)",
        default=50,
        digits=(5, 2),
        help="Declining: in the later half of the window the customer bought for at least this percentage less than in "
        "the earlier half. 50 is half as much.",
    )
    lifecycle_exploring_days = fields.Integer(
        string="Exploring Up To (Days with Orders)",
        default=2,
        help="Exploring: orders on at most this many days, in the whole history.",
    )
    lifecycle_growing = fields.Float(
        string="Forming When Growing By (%)",
        default=25,
        digits=(5, 2),
        help="Forming: in the later half of the window the customer bought for at least this percentage more than in "
        "the earlier half. 25 is a quarter more, 100 twice as much; more than 900 is not measured.",
    )
    risk_method = fields.Selection(
        [
            ("prediction", "The chance of the next order"),
            ("lateness", "The usual gap between orders"),
        ],
        string="At Risk By",
        required=True,
        default="prediction",
        help="What says who is at risk, declining or lost. The chance is learned from the company's own orders, once a "
        "week. Where nothing can be foretold yet, the usual gap decides.",
    )
    risk_watch_percent = fields.Integer(
        string="Watch From (%)",
        default=50,
        help="Watch: from this chance on that no order comes, of customers who have ordered on two days or more.",
    )
    risk_high_percent = fields.Integer(
        string="High From (%)",
        default=70,
        help="High: from this chance on that no order comes, of customers who have ordered on two days or more.",
    )
    risk_lost_percent = fields.Integer(
        string="Lost From (%)",
        default=90,
        help="Very high risk, and the stage Lost: from this chance on that no order comes.",
    )
    outlook_days = fields.Integer(
        string="Look Ahead (Days)",
        help="Of how many days the next order's chance is told, 7 to 730. 0: three usual gaps between orders, at least "
        "30 days and at most a year.",
    )
    outlook_discount = fields.Float(
        string="Discount a Year (%)",
        default=10,
        digits=(5, 2),
        help="By how much money that comes a year later is worth less in the value of the next 12 months.",
    )
    outlook_note = fields.Text(compute="_compute_outlook_note", compute_sudo=True)
    outlook_horizon = fields.Integer(compute="_compute_outlook_note", compute_sudo=True, exportable=False)
    forecast_ids = fields.One2many(
        "customer.tiering.forecast", "policy_id", string="Tests of the Forecast", groups="sales_team.group_sale_manager"
    )
    forecast_grade = fields.Selection(
        GRADES,
        string="Grade of the Forecast",
        compute="_compute_forecast_grade",
        help=GRADE_HELP,
    )
    risk_watch = fields.Float(
        string="Watch After",
        default=1.5,
        digits=(6, 2),
        help="Watch: no order for more than this many times the customer's usual gap between orders.",
    )
    risk_high = fields.Float(
        string="High After",
        default=2.5,
        digits=(6, 2),
        help="High: no order for more than this many times the customer's usual gap between orders.",
    )
    risk_silent_days = fields.Integer(
        string="Silent After (Days)",
        default=90,
        help="Silence: neither an order nor an interaction for more than this many days, although there were "
        "interactions before. It makes a customer who is late or buys less a high risk.",
    )
    min_population = fields.Integer(
        string="Customers Needed to Compare",
        default=100,
        required=True,
        help="With fewer customers than this, comparing them with each other says little: "
        "the fixed bands of each criterion are used instead.",
    )
    post_changes = fields.Boolean(
        string="Note Changes in the Chatter",
        help="When somebody starts a computation by hand, note each customer's new tier in the "
        "customer's chatter. The nightly run never does.",
    )
    portal_tier = fields.Boolean(
        string="Customers See Their Tier",
        help="Customers who log in see in their portal which tier they are in, what it gives, what leads to the next "
        "one, an announced downgrade, and the tiers that they had. What people here think or count of them is not "
        "told.",
    )
    portal_score = fields.Boolean(
        string="And Their Score", help="The portal says how many of the 100 points a customer has, too."
    )
    criterion_ids = fields.One2many("customer.tiering.criterion", "policy_id", string="Criteria", copy=True)
    tier_ids = fields.One2many("customer.tier", "policy_id", string="Tiers", copy=True, context={"active_test": True})
    condition_ids = fields.One2many("customer.tier.condition", "policy_id", string="Conditions")
    propose_motives = fields.Boolean(
        string="Propose What Matters",
        help="From how each customer buys, the computation proposes what matters to the customer: the price, quality, "
        "function, service or speed. It measures what speaks for them. What a person says counts before any proposal.",
    )
    shown_metric_ids = fields.Many2many(
        "customer.tiering.metric",
        "customer_tiering_policy_shown_metric_rel",
        string="Also Measured",
        help="What is measured of the customers although it has no weight: columns of lists, reports and playbooks. "
        "Each takes some time of the nightly run.",
    )
    segment_map = fields.Json(
        default=lambda self: self._default_segment_map(),
        help="Which segment each combination of recency score and frequency/monetary score belongs to: "
        "five rows (R 1 to 5) of five segment ids (FM 1 to 5).",
    )
    playbook_ids = fields.One2many("customer.tiering.playbook", "policy_id", string="Playbooks")
    run_ids = fields.One2many("customer.tiering.run", "policy_id", string="Runs")
    version_ids = fields.One2many("customer.tiering.policy.version", "policy_id", string="Versions")
    last_run_id = DerivedMany2one("customer.tiering.run", compute="_compute_last_run_id")
    customer_count = fields.Integer(string="Customers Scored", compute="_compute_customer_count")
    population_count = fields.Integer(
        string="Customers Matching",
        compute="_compute_population",
        groups="sales_team.group_sale_manager",
        help="Customers who match this policy and none before it.",
    )
    unmatched_count = fields.Integer(
        string="Customers Without Policy",
        compute="_compute_population",
        groups="sales_team.group_sale_manager",
        help="Customers who match no policy.",
    )
    share_total = fields.Float(string="Total Share (%)", compute="_compute_share_total")
    benefit_warning = fields.Text(compute="_compute_benefit_warning")
    lost_metrics = fields.Json(
        groups=fields.NO_ACCESS,
        copy=False,
        help="Names, in all languages, of metrics that went with the app or field behind them.",
    )
    lost_metric_warning = fields.Text(compute="_compute_lost_metric_warning", compute_sudo=True)

    _window_positive = models.Constraint(
        "CHECK(window_days BETWEEN 1 AND 36500)",
        "The window must be 1 to 36,500 days long: type the number of days whose orders count, for example 365.",
    )
    _days_positive = models.Constraint(
        "CHECK(grace_days >= 0 AND stay_days >= 0 AND protection_days >= 0 AND recalibrate_days >= 0)",
        "Days of grace, minimum stay, protection of new customers and days between recalibrations are 0 or more.",
    )
    _min_order_amount_positive = models.Constraint(
        "CHECK(min_order_amount >= 0)", "“Ignore Orders Below” is an amount of 0 or more; 0 leaves out nothing."
    )
    _min_population_positive = models.Constraint(
        "CHECK(min_population >= 0)", "“Customers Needed to Compare” is 0 or more."
    )

    # ------------------------------------------------------------------
    # Defaults and computed fields
    # ------------------------------------------------------------------

    @api.model
    def _default_segment_map(self):
        ids = {segment.code: segment.id for segment in self.env["customer.segment"].search([])}
        if not ids:
            return False
        return [[ids.get(code) for code in row] for row in engine.segments.DEFAULT_MAP]

    @api.model
    def _get_default_values(self):
        """Return the values of the policy that every company starts with."""
        return {
            "name": self.env._("Default policy"),
            **engine.calm.POLICY,
            "criterion_ids": [
                Command.create({"metric_id": metric.id, "sequence": sequence})
                for sequence, metric in enumerate(self.env["customer.tiering.metric"]._get_behind_segments(), 1)
            ],
            "tier_ids": [
                Command.create(
                    {
                        "name": name,
                        "entry_floor": floor,
                        "keep_floor": engine.calm.keep_floor(floor),
                        "color": color,
                        "contact_days": contact_days,
                    }
                )
                for name, floor, color, contact_days in (
                    (self.env._("Platinum"), 80, 11, 14),
                    (self.env._("Gold"), 60, 3, 30),
                    (self.env._("Silver"), 40, 0, 60),
                    (self.env._("Bronze"), 0, 2, 0),
                )
            ],
            "playbook_ids": [
                Command.create({"sequence": sequence, **values})
                for sequence, values in enumerate(self.env["customer.tiering.playbook"]._get_default_values(), 1)
            ],
        }

    @api.onchange("method")
    def _onchange_method(self):
        """Propose shares where a method needs them and there are none that add up."""
        if self.method in DEFAULT_SHARES and abs(self.share_total - 100) > 0.01 and self.tier_ids:
            for tier, share in zip(self.tier_ids, self._get_default_shares(), strict=True):
                tier.share = share

    def _get_default_shares(self):
        """Return the usual shares for as many tiers as there are, the highest first; they add up to 100."""
        self.ensure_one()
        count = len(self.tier_ids)
        usual = DEFAULT_SHARES[self.method].get(count)
        if usual:
            return usual
        equal = round(100 / count, 2)
        return (*[equal] * (count - 1), round(100 - equal * (count - 1), 2))

    @api.depends("tier_ids.share")
    def _compute_share_total(self):
        for policy in self:
            policy.share_total = sum(policy.tier_ids.mapped("share"))

    @api.depends("tier_ids.benefit_warning")
    @api.depends_context("lang")
    def _compute_benefit_warning(self):
        for policy in self:
            policy.benefit_warning = "\n".join(filter(None, policy.tier_ids.mapped("benefit_warning"))) or False

    @api.depends("revenue_from", "company_id")
    @api.depends_context("lang")
    def _compute_revenue_hint(self):
        """Say what part of last year's revenue the chosen source does not see."""
        for company, policies in self.grouped("company_id").items():
            direct, is_invoicing = company._get_tiering_revenue_shares() if company else (0, False)
            for policy in policies:
                policy.revenue_hint = False
                if policy.revenue_from == "order" and direct >= UNSEEN_SHARE:
                    policy.revenue_hint = self.env._(
                        "%(share)s%% of your revenue of the last 12 months was invoiced without an order, and does "
                        "not count here. Choose “Orders, and invoices without an order”, or “Invoices”.",
                        share=format_number(self.env, direct),
                    )
                elif policy.revenue_from == "invoice" and not is_invoicing:
                    policy.revenue_hint = self.env._(
                        "Nothing was invoiced in the last 12 months. As long as you do not invoice, choose “Orders”."
                    )

    @api.depends("forecast_ids.grade")
    def _compute_forecast_grade(self):
        grades = self.env["customer.tiering.forecast"]._get_grades()
        for policy in self:
            policy.forecast_grade = grades.get(policy._origin.id, False)

    @api.depends_context("lang")
    def _compute_outlook_note(self):
        for policy in self:
            rules, fit = policy._get_last_computation() if policy._origin else (None, None)
            outlook = fit.outlook if rules and rules.foretells else {}
            policy.outlook_note = policy._say_outlook(outlook)
            policy.outlook_horizon = outlook["horizon"] if engine.outlook.tells(outlook) else 0

    def _say_outlook(self, outlook):
        """Return in words what is foretold, or why nothing can be; False where nothing was asked.

        :param outlook: what ``engine.outlook.learn`` has learned
        """
        if not outlook:
            return False
        if outlook["prediction"]["cannot_tell"]:
            return self.env._(
                "%(reason)s The usual gaps between orders say who is at risk.",
                reason=say_cannot_tell(self.env, outlook["prediction"]["cannot_tell"]),
            )
        return False

    @api.depends("lost_metrics")
    @api.depends_context("lang")
    def _compute_lost_metric_warning(self):
        for policy in self:
            lang = self.env.lang or "en_US"
            names = [names.get(lang) or names["en_US"] for names in (policy.lost_metrics or {}).values()]
            policy.lost_metric_warning = bool(names) and self.env._(
                "These metrics are gone, because the app or the field behind them was removed: %(metrics)s. Their "
                "criteria and conditions were removed too; the others still count.",
                metrics=format_list(self.env, names),
            )

    def _get_loss(self):
        """Return why nothing can be computed since metrics were lost, in words; False where the rest is enough."""
        self.ensure_one()
        if not self.lost_metric_warning:
            return False
        try:
            self._get_rules()
        except UserError as error:
            return join(self.env, (self.lost_metric_warning, str(error)))
        return False

    @api.depends("partner_domain", "company_id", "sequence", "active")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_population(self):
        """Count as the person: customers whom they may see, in companies that are theirs, whatever the form names."""
        # sudo: what is read of orders says only who is a customer
        reader = self.env["customer.tiering.reader"].sudo()
        seen = self.env["ir.rule"]._get_tiering_domain("res.partner")
        for policy in self:
            policy.population_count = policy.unmatched_count = 0
            if not (self.env.su or policy.company_id in self.env.companies):
                continue
            mine = policy._get_population_domain()
            everybody = Domain.OR([other._get_claim() for other in (policy, *policy._get_other_policies())])
            policy.population_count = reader._count_customers(policy.company_id, seen & mine, policy.revenue_from)
            policy.unmatched_count = reader._count_customers(policy.company_id, seen & ~everybody, policy.revenue_from)

    @api.depends("run_ids.state")
    def _compute_last_run_id(self):
        last = dict(
            self.env["customer.tiering.run"]._read_group(
                [("policy_id", "in", self._origin.ids), ("state", "=", "done")], ["policy_id"], ["id:max"]
            )
        )
        for policy in self:
            policy.last_run_id = self.env["customer.tiering.run"].browse(last.get(policy._origin, ()))

    def _compute_customer_count(self):
        counts = dict(
            self.env["customer.tiering.scorecard"]._read_group(
                [("policy_id", "in", self._origin.ids)], ["policy_id"], ["__count"]
            )
        )
        for policy in self:
            policy.customer_count = counts.get(policy._origin, 0)

    # ------------------------------------------------------------------
    # What a policy must be
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals["filter_author_id"] = self.env.uid
        with self._in_progress():
            policies = super().create(vals_list)
        self.env.registry.clear_cache()  # where revenue comes from
        policies._rules_changed()
        return policies

    def write(self, vals):
        if any(policy.company_id.id != vals["company_id"] for policy in self if "company_id" in vals):
            raise UserError(self.env._("A policy stays in its company. Copy it and choose the company of the copy."))
        vals = {fname: value for fname, value in vals.items() if fname != "filter_author_id"}
        if any(policy.partner_domain != vals["partner_domain"] for policy in self if "partner_domain" in vals):
            vals["filter_author_id"] = self.env.uid
        archived = self.filtered("active") if vals.get("active") is False else self.browse()
        days = {fname: vals[fname] for fname in ("grace_days", "stay_days") if fname in vals}
        if days and "tier_ids" in vals:
            # First the days of all tiers, else they would replace the own ones that a tier gets by this save.
            with self._in_progress():
                super().write(days)
            vals = {fname: value for fname, value in vals.items() if fname not in days}
        floors = self._get_floors() if "tier_ids" in vals else {}
        with self._in_progress():
            result = super().write(vals)
        self._check_order(floors)
        if vals.keys() & {"tier_ids", "condition_ids", "criterion_ids", *RULE_FIELDS}:
            self._rules_changed()
        if "active" in vals:
            self.env.registry.clear_cache("templates")  # the partner's search view lists the tiers
        if vals.keys() & {"active", "revenue_from", "look_for_gaps"}:
            self.env.registry.clear_cache()
        if vals.keys() & {"active", "foresees_falls"}:
            self.env["customer.tiering.fall"]._follow(self)
        for policy in archived:
            # Nobody would compute these customers any more; their last tier must not stay for ever.
            self.env["customer.tiering.writer"].sudo()._remove_scorecards(policy)
        return result

    def _tiers_changed(self):
        """Judge the policy again after one of its tiers or conditions was changed on its own."""
        self.env.registry.clear_cache("templates")
        if not self._is_in_progress():
            self._rules_changed()

    def _criteria_changed(self):
        """Judge the policy again after one of its criteria was changed on its own."""
        if not self._is_in_progress():
            self._rules_changed()

    def _is_in_progress(self):
        """Whether a policy is being saved with its tiers, see :meth:`_in_progress`."""
        return bool(self.env.cr.cache.get(IN_PROGRESS))

    @contextmanager
    def _in_progress(self):
        """Leave the judgement to who saves a policy with its tiers: once, when all of them are in place.

        A flag of the context would be for anybody to send.
        """
        cache = self.env.cr.cache
        before = cache.get(IN_PROGRESS)
        cache[IN_PROGRESS] = True
        try:
            yield
        finally:
            cache[IN_PROGRESS] = before

    def _rules_changed(self):
        """Judge the rules, put the tiers in their order, and keep a version of rules that runs refer to."""
        self._sort_tiers()
        self._check_rules()
        # Only who edits a policy is refused: a run works with fewer customers too, and says so.
        self.filtered(lambda policy: policy.method == "clusters")._check_clusters()
        for policy in self:
            if policy.version_ids:
                policy._get_version()

    def _sort_tiers(self):
        with self._in_progress():
            for policy in self.filtered(lambda policy: policy.method == "score"):
                for sequence, tier in enumerate(policy.tier_ids.sorted(lambda t: (-t.entry_floor, t.id)), 1):
                    if tier.sequence != sequence:
                        tier.sequence = sequence
        self.invalidate_recordset(["tier_ids"])  # in their new order

    def _get_floors(self):
        """Return ``{tier: the score at which it starts}``, the highest tier first."""
        return {tier: tier.entry_floor for policy in self for tier in policy.tier_ids.sorted()}

    def _check_order(self, floors):
        """Refuse that a tier passes another one by a new score of its own: who thinks of a slip finds all customers of
        Platinum below Gold. Where both scores are new, or the places are given, that is what was meant.

        :param floors: what :meth:`_get_floors` returned before the change
        :raises ValidationError: with the first two tiers
        """
        for higher, lower in combinations((tier for tier in floors if tier.exists()), 2):
            if (
                higher.policy_id == lower.policy_id
                and higher.policy_id.method == "score"
                and lower.entry_floor > higher.entry_floor
                and lower.sequence > higher.sequence
                and (lower.entry_floor == floors[lower] or higher.entry_floor == floors[higher])
            ):
                raise ValidationError(
                    self.env._(
                        "%(lower)s would start at %(low)s, above %(higher)s, which starts at %(high)s and has been the "
                        "higher tier so far. Change one of the scores; or exchange the scores of both in one go, if "
                        "the tiers shall change places.",
                        lower=lower.name,
                        low=format_number(self.env, lower.entry_floor, 2),
                        higher=higher.name,
                        high=format_number(self.env, higher.entry_floor, 2),
                    )
                )

    def copy_data(self, default=None):
        default = default or {}
        vals_list = super().copy_data(default)
        for policy, vals in zip(self, vals_list, strict=True):
            if policy._takes_all() and not default.keys() & {"active", "partner_domain"}:
                # Two policies for all customers are refused: the copy waits for its own customers.
                vals["active"] = False
        return vals_list

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_history(self):
        # sudo: the history of other companies counts too
        changes, papers = self.env["customer.tier.change"].sudo(), ("sale.order", "account.move")
        tiers = self.env["customer.tier"].sudo().with_context(active_test=False)
        tiers = tiers.search([("policy_id", "in", self.ids)])
        if changes.search_count([("policy_id", "in", self.ids)], limit=1) or any(
            self.env[model].sudo().search_count([("tiering_tier_id", "in", tiers.ids)], limit=1) for model in papers
        ):
            raise UserError(
                self.env._("Customers have been in the tiers of this policy. Archive it, so that their history stays.")
            )

    def _check_unlink(self):
        """Refuse before anything is held or removed."""
        self.check_access("unlink")
        self._unlink_except_with_history()

    def _keep_runs_out(self):
        """Let no run of these policies' companies begin before the end of the transaction: scorecards refer to what
        is being deleted.

        :raises RunUnderWayError: when one is under way
        """
        for company in self.company_id:
            # sudo: whoever may delete the record
            self.env["customer.tiering.run"].sudo()._lock_company(company)

    def unlink(self):
        self._check_unlink()
        self._keep_runs_out()
        # Without history, these are scorecards of who never had a tier.
        self.env.cr.execute(SQL("DELETE FROM customer_tiering_scorecard WHERE policy_id = ANY(%s)", self.ids))
        result = super().unlink()
        self.env.registry.clear_cache("default", "templates")
        return result

    def _check_rules(self):
        """Judge the rules as a run does.

        :raises ValidationError: with what to do about it
        """
        for policy in self:
            try:
                policy._build_rules()
            except engine.errors.RuleError as error:
                raise ValidationError(messages.get_sentence(self.env, error, policy)) from error

    def _check_clusters(self):
        """Refuse more tiers than there are different customers, as far as the last run knows."""
        # sudo: a manager of the policy need not see every scorecard
        cards = self.env["customer.tiering.scorecard"].sudo()
        for policy in self:
            tiers = len(policy.tier_ids)
            different = cards._read_group(
                [("company_id", "=", policy.company_id.id), ("order_count", ">", 0)],
                ["last_order_date:day", "order_count", "amount"],
                limit=tiers,
            )
            if different and len(different) < tiers:
                raise ValidationError(
                    self.env._(
                        "Customers who differ from each other: only %(customers)s, too few for %(tiers)s "
                        "clusters. Remove tiers or choose another method.",
                        customers=format_number(self.env, len(different)),
                        tiers=tiers,
                    )
                )

    @api.constrains("segment_map")
    def _check_segment_map(self):
        known = self.env["customer.segment"].search([]).ids
        for policy in self:
            rows = policy.segment_map
            complete = (
                isinstance(rows, list)
                and len(rows) == 5
                and all(isinstance(row, list) and len(row) == 5 for row in rows)
                and all(type(cell) is int and cell in known for row in rows for cell in row)
            )
            if not complete:
                raise ValidationError(
                    self.env._(
                        "The segment map of policy “%(policy)s” is not complete: "
                        "choose a segment for each of its 25 cells.",
                        policy=policy.display_name,
                    )
                )

    @api.constrains("basis_id", "shown_metric_ids", "axis_value_id", "axis_profit_id")
    def _check_basis_id(self):
        (self.basis_id | self.shown_metric_ids | self.axis_value_id | self.axis_profit_id)._check_may_see()

    @api.constrains("partner_domain")
    def _check_partner_domain(self):
        for policy in self:
            # As the person who saves it (Odoo checks constraints as superuser): a run reads with
            # all rights, so nobody may choose customers by what they themselves may not see.
            if policy.filter_author_id != self.env.user:
                continue  # the conditions were there before
            policy = policy.sudo(False)
            if not (policy._takes_all() or self.env["ir.rule"].sudo(False)._hides_contacts_by_company_only()):
                raise ValidationError(
                    self.env._(
                        "Some contacts are hidden from you, so you cannot choose the customers of policy “%(policy)s” "
                        "by conditions: you would learn who else meets them.",
                        policy=policy.display_name,
                    )
                )
            error = policy._get_domain_error(policy.partner_domain, filters.PATIENCE)
            if error:
                raise ValidationError(
                    self.env._(
                        "The customer filter of policy “%(policy)s” cannot be read (%(error)s). "
                        "Choose the conditions again.",
                        policy=policy.display_name,
                        error=error,
                    )
                )
            circle = policy._get_circle()
            if circle:
                raise ValidationError(circle)

    @api.constrains("partner_domain", "active", "company_id")
    def _check_one_default(self):
        for policy in self.filtered(lambda policy: policy.active and policy._takes_all()):
            other = policy._get_other_policies().filtered(lambda other: other._takes_all())[:1]
            if other:
                raise ValidationError(
                    self.env._(
                        "“%(other)s” is already for all customers, so “%(policy)s” would never get one. "
                        "Choose under “Customers” whom “%(policy)s” is for.",
                        other=other.name,
                        policy=policy.name,
                    )
                )

    def _segment_map_ids(self):
        self.ensure_one()
        return {segment for row in self.segment_map for segment in row}

    # ------------------------------------------------------------------
    # What a run asks a policy
    # ------------------------------------------------------------------

    def _get_scope(self, as_of, partner_ids=None, version=None, part=None):
        """Return the ``Scope`` in which this policy's customers are read as of the end of a day.

        :param as_of: a ``datetime.date``, the last day that counts
        :param partner_ids: ids of the only customers to read; None: all
        :param version: the ``customer.tiering.policy.version`` whose window and filter of customers count, not the
            policy's own
        :param part: the first and the last id of the only customers to read; None: all
        """
        self.ensure_one()
        reader = self.env["customer.tiering.reader"]
        rules = version.rules if version else {fname: self[fname] for fname in SCOPE_FIELDS}
        domain = self._get_population_domain(rules["partner_domain"])
        if partner_ids is not None:
            domain &= Domain("id", "in", partner_ids)
        if part:
            domain &= Domain("id", ">=", part[0]) & Domain("id", "<=", part[1])
        return dataclasses.replace(
            self.company_id._get_tiering_scope(as_of, rules["window_days"]),
            policy_id=self._origin.id or None,
            candidates=reader._get_candidates(self.company_id, domain),
            with_untaken=self.refunds_at_once,
            **self._get_purchase_values(rules),
            choices=version._get_rules().choices if version else None,
            partner_ids=None if partner_ids is None else tuple(partner_ids),
            part=part,
        )

    @api.model
    @ormcache()
    def _get_used_sources(self):
        """Return ``{id of a company: the keys of the purchase sources that its policies use}``."""
        # sudo: whoever confirms an order
        used = self.sudo()._read_group([("active", "=", True)], ["company_id"], ["revenue_from:array_agg_distinct"])
        return {company.id: tuple(keys) for company, keys in used}

    @api.model
    @ormcache()
    def _get_looking(self):
        """Return the ids of the companies with a policy that looks for stopped products, a tuple."""
        # sudo: whoever opens a quotation
        looking = self.sudo()._read_group([("active", "=", True), ("look_for_gaps", "=", True)], ["company_id"])
        return tuple(company.id for (company,) in looking)

    def _get_revenue_scope(self, as_of, days):
        """Return the ``Scope`` in which the purchases of ``days`` days are read as this policy sees them, of all
        customers of the company."""
        self.ensure_one()
        reader = self.env["customer.tiering.reader"]
        return dataclasses.replace(
            self.company_id._get_tiering_scope(as_of, days),
            candidates=reader._get_candidates(self.company_id, Domain.TRUE),
            **self._get_purchase_values({fname: self[fname] for fname in SCOPE_FIELDS}),
        )

    @api.model
    def _get_purchase_values(self, rules):
        """Return the fields of a ``Scope`` that say what a purchase is.

        :param rules: the values of :data:`SCOPE_FIELDS`
        """
        condition = self.env["customer.tiering.reader"]._get_rebate_condition()
        return {
            "revenue_from": rules["revenue_from"],
            "least": rules["min_order_amount"],
            "rebates": condition if rules["subtract_rebates"] else None,
        }

    def _takes_all(self, partner_domain=None):
        """Whether every customer matches this policy.

        :param partner_domain: the filter of customers; the policy's own when left out
        """
        self.ensure_one()
        partner_domain = self.partner_domain if partner_domain is None else partner_domain
        return not partner_domain or partner_domain.strip() == "[]"

    def _get_population_domain(self, partner_domain=None):
        """Return the domain of this policy's customers: the first policy that matches has them.

        :param partner_domain: the filter of customers; the policy's own when left out
        """
        self.ensure_one()
        place = self._get_place()
        before = self._get_other_policies().filtered(lambda policy: policy._get_place() < place)
        return Domain.AND([self._get_claim(partner_domain), *(~policy._get_claim() for policy in before)])

    def _get_claim(self, partner_domain=None):
        """Return the domain of those who match this policy.

        If the filter cannot be read any more, because the field of an uninstalled module was in it, or goes round in
        a circle, these are the customers it has: they stay as they are until somebody repairs the filter.

        :param partner_domain: the filter of customers; the policy's own when left out
        """
        self.ensure_one()
        partner_domain = self.partner_domain if partner_domain is None else partner_domain
        if not self._get_domain_error(partner_domain) and not self._find_circle(partner_domain):
            domain, partners = filters.read(partner_domain), self._as_author(partner_domain)
            if filters.is_plain(partners, domain):
                return domain
            # What the paths of the filter lead to is looked at with no more than the author's rights.
            return Domain("id", "in", partners._search(domain, active_test=False, bypass_access=True))
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s IN (SELECT partner_id FROM customer_tiering_scorecard WHERE policy_id = %s)",
                SQL.identifier(alias, "id"),
                self._get_simulated().id or None,  # not saved yet: nobody
            )
        )

    def _as_author(self, partner_domain):
        """Return no contacts, in the environment in which a filter of customers is looked at: that of who wrote it, in
        the policy's company and in that person's language, in which names in it were written: whoever starts a run, it
        finds the same. What is being typed is the person's who types."""
        self.ensure_one()
        typed = not self.id and partner_domain != self._origin.partner_domain
        # sudo: who wrote it decides over what is found, not over who may ask
        author = (not typed and self._origin.sudo().filter_author_id) or self.env.user
        lang = author.sudo().lang
        if lang not in languages.get_languages(self.env):  # nobody works in it any more
            lang = "en_US"
        context = {"lang": lang, "allowed_company_ids": self.company_id.ids}
        return self.env(user=author.id, su=False, context=context)["res.partner"]

    def _get_domain_error(self, partner_domain, patience=0):
        """Return why a filter of customers cannot be used, in short; None: it can.

        :param patience: milliseconds for which it may look for its first customer; 0: as long as it takes
        """
        if self._takes_all(partner_domain):
            return None
        try:
            domain = filters.read(partner_domain)
        except ValueError as error:
            return str(error)
        partners = self._as_author(partner_domain)
        if patience:
            return filters.find_error(partners, domain, patience)
        return self._try_filter(partner_domain, partners.env.uid, partners, domain)

    @ormcache("partner_domain", "uid", "self.company_id.id")
    def _try_filter(self, partner_domain, uid, partners, domain):
        """Try a filter out, once as long as nothing else changes: a run must not fail by it."""
        return filters.find_error(partners, domain)

    def _find_circle(self, partner_domain):
        """Return what of a filter of customers, which can be read, asks for what runs bring about; None: nothing."""
        return filters.find_circle(self.env["res.partner"], filters.read(partner_domain))

    def _get_circle(self):
        """Return that the filter of customers goes round in a circle and what to do, in words; False where it does not.

        One that cannot be read does not.
        """
        self.ensure_one()
        if self._get_domain_error(self.partner_domain):
            return False
        found = self._find_circle(self.partner_domain)
        return bool(found) and self.env._(
            "The customers of policy “%(policy)s” cannot be chosen by “%(field)s”, because that follows from what runs "
            "decide: customers would come to this policy one night and leave it the next. Choose them by what no run "
            "changes, for example a tag, the country or the salesperson. To give more to the best customers of a "
            "policy, give it one more tier.",
            policy=self.display_name,
            field=found,
        )

    def _get_obstacle(self):
        """Return why no run computes this policy before somebody does something about it, in words; else False."""
        return self._get_rest() or self._get_circle() or self._get_loss()

    def _get_rest(self):
        """Return that the policy's company is archived, in words; False where it is not."""
        self.ensure_one()
        return not self.company_id.active and self.env._(
            "The company “%(company)s” is archived, so its customers are left as they are. Restore it before you "
            "compute them.",
            company=self.company_id.name,
        )

    def _check_usable(self):
        """Refuse to compute a policy whose company is archived, or whose filter of customers cannot be used.

        :raises UserError: with what to do about it
        """
        if problem := self._get_rest() or self._get_circle():
            raise UserError(problem)
        error = self._get_domain_error(self.partner_domain)
        if error:
            raise UserError(
                self.env._(
                    "The customer filter of policy “%(policy)s” cannot be read any more (%(error)s). Its customers "
                    "keep their tiers. Choose the conditions again.",
                    policy=self.name,
                    error=error,
                )
            )

    def _get_refusal(self):
        """Return why no run could compute this policy as it is, in words; False where one could."""
        try:
            self._check_usable()
            self._get_rules()
        except UserError as error:
            return str(error)
        return False

    def _get_place(self):
        """Return what sorts the policies of a company; a policy that is not saved yet comes last."""
        self.ensure_one()
        origin = self._get_simulated()
        return (self.sequence, origin.id or float("inf"))

    def _get_simulated(self):
        """Return the policy whose place and customers this one has: itself, unless it simulates another one."""
        self.ensure_one()
        return self._origin

    def _get_other_policies(self):
        self.ensure_one()
        company, simulated = self.company_id, self._get_simulated()
        # Archived policies and drafts have no customers, even where the context shows them.
        return self.search([("company_id", "=", company.id), ("id", "!=", simulated.id), ("active", "=", True)])

    def _get_rules(self):
        """Return the policy as the engine's ``PolicyRules``.

        :raises UserError: when the policy cannot be used, with what to do about it
        """
        # A policy can become unusable after it was saved (data removed in the database, an
        # uninstalled module), so it is judged again before each run.
        self._check_segment_map()
        try:
            return self._build_rules()
        except engine.errors.RuleError as error:
            raise UserError(messages.get_sentence(self.env, error, self)) from error

    def _build_rules(self):
        """Return the engine's ``PolicyRules``.

        :raises RuleError: when the policy cannot be used
        """
        self.ensure_one()
        prospect = self.env.ref("customer_tiering.customer_segment_prospect", raise_if_not_found=False)
        ranked_by = self.basis_id if self.method == "customer_share" else self.env["customer.tiering.metric"]
        criteria = self._sort_criteria()
        tiers = tuple(tier._get_rule() for tier in self.tier_ids)
        conditions = (self.tier_ids if self.method == "conditions" else self.tier_ids.browse()).condition_ids
        behind_segments = self.env["customer.tiering.metric"]._get_behind_segments()
        on_axes = self.axis_value_id | self.axis_profit_id if self.method == "two_axes" else ranked_by.browse()
        behind_motives = self._get_behind_motives()
        used = behind_segments | criteria.metric_id | conditions.metric_id | ranked_by | on_axes
        used |= self.shown_metric_ids | behind_motives
        used._check_columns()
        definitions = tuple(
            metric._get_definition(with_bands=metric in behind_segments) for metric in used.sorted("key")
        )
        costs = ()
        if engine.metrics.needs_profit(definitions):
            costs = self.env["customer.tiering.cost"]._get_rules(self.company_id)
        return engine.rules.PolicyRules(
            criteria=tuple(criterion._get_rule() for criterion in criteria),
            tiers=tiers,
            segment_map=tuple(tuple(row) for row in self.segment_map),
            prospect_segment=prospect.id if prospect else None,
            min_population=self.min_population,
            tier_method=self.method,
            basis=ranked_by.key or None,
            retention=engine.rules.RetentionRules(**{name: self[name] for name in RETENTION_FIELDS}),
            lifecycle=engine.rules.LifecycleRules(**{name: self[fname] for fname, name in LIFECYCLE_FIELDS.items()}),
            risk=engine.rules.RiskRules(**{name: self[fname] for fname, name in RISK_FIELDS.items()}),
            outlook=engine.rules.OutlookRules(**{name: self[fname] for fname, name in OUTLOOK_FIELDS.items()}),
            definitions=definitions,
            shown=tuple(self.shown_metric_ids.sorted("key").mapped("key")),
            costs=costs,
            axes=self._build_axes() if self.method == "two_axes" else None,
            motives=tuple(engine.rules.MotiveRule(metric.key, metric.motive_id.id) for metric in behind_motives),
        )

    def _get_behind_motives(self):
        """Return the metrics that speak for buying motives, those of the first motive first; none where the policy
        proposes none."""
        if not self.propose_motives:
            return self.env["customer.tiering.metric"]
        found = self.env["customer.tiering.metric"].search([("motive_id.active", "=", True)])
        return found.sorted(lambda metric: (metric.motive_id.sequence, metric.motive_id.id, metric.sequence, metric.id))

    def action_measure_table(self):
        """Measure all that the tiering table has columns for."""
        self.check_access("write")
        self.shown_metric_ids |= self.env["customer.tiering.scorecard"]._get_table_metrics()

    @api.model
    def _default_axis(self, key):
        return self.env["customer.tiering.metric"].search([("key", "=", key)], limit=1)

    def action_name_axes(self):
        """Give the four tiers the names that the trade has for them; they can be changed as ever."""
        self.check_access("write")
        self.ensure_one()
        names = (self.env._("Core"), self.env._("Opportunistic"), self.env._("Service Drain"), self.env._("Marginal"))
        if len(self.tier_ids) != len(names):
            error = engine.errors.RuleError("four_tiers", number=len(self.tier_ids))
            raise UserError(messages.get_sentence(self.env, error, self))
        for tier, name in zip(self.tier_ids, names, strict=True):
            tier.name = name

    def _build_axes(self):
        """Return the engine's ``AxesRule``.

        :raises RuleError: when it cannot be used
        """
        axes = (
            engine.rules.AxisRule(
                self[f"axis_{name}_id"].key or None, self[f"axis_{name}_by"], self[f"axis_{name}_border"]
            )
            for name in ("value", "profit")
        )
        return engine.rules.AxesRule(*axes, self.axis_margin)

    def _sort_criteria(self):
        """Return the criteria in the order of the last version; new ones follow in the order of the form.

        So the order in which people see them changes neither a result nor a version.
        """
        # sudo: whoever may see the policy
        last = self.sudo().version_ids.sorted("number")[-1:]
        place = {rule["metric"]: place for place, rule in enumerate(last.rules["rules"]["criteria"] if last else [])}
        return self.criterion_ids.sorted(lambda criterion: place.get(criterion.metric_id.key, len(place)))

    def _get_rules_values(self, rules=None):
        """Return all that decides over the customers as a dict of plain values.

        :param rules: what :meth:`_get_rules` returned, where it was asked already
        """
        values = {
            "rules": (rules or self._get_rules()).to_json(),
            **{fname: self[fname] for fname in SCOPE_FIELDS},
            "edition": EDITION,
        }
        return json.loads(json.dumps(values))  # as the database gives it back: lists, no tuples

    def _get_version(self, rules=None):
        """Return the version that stands for the present rules, a new one if they have changed.

        :param rules: what :meth:`_get_rules` returned, where it was asked already
        """
        self.ensure_one()
        # sudo: who edits a policy writes no version; it keeps the person as its author
        last = self.sudo().version_ids.sorted("number")[-1:]
        values = self._get_rules_values(rules)
        if last and last.rules == values:
            return last
        keys = [metric["key"] for metric in values["rules"]["definitions"]]
        metrics = self.env["customer.tiering.metric"].with_context(active_test=False).search([("key", "in", keys)])
        told = {
            "rules": values,
            "names": self.tier_ids._get_names(),
            "metric_texts": metrics._get_texts(),
        }
        if last and not last.run_ids:  # nothing was computed by it
            last.write(told)
            return last
        return last.create([{"policy_id": self.id, "number": last.number + 1, **told}])

    def compute(self, as_of):
        """Compute what the policy's customers were on a past day, by the present rules; write nothing.

        It takes as long as a run, so it is for those who may start one. There is no past to be fair to:
        nobody is kept in a tier by grace, stay or lock.

        :param as_of: a date, or its text ``YYYY-MM-DD``, today or before; orders up to then count
        :return: a list of dicts, one per customer whom the person may see: ``partner_id``, ``score``, ``tier_id``,
            ``segment_id``, ``recency_score``, ``frequency_score``, ``monetary_score``, ``lifecycle``, ``amount``,
            ``order_count``; None where there is none
        """
        self.ensure_one()
        self.check_access("write")
        try:
            as_of = fields.Date.to_date(as_of)
        except (ValueError, TypeError):
            as_of = None
        if not as_of or not FIRST_DAY <= as_of <= self.company_id._get_tiering_today():
            raise UserError(self.env._("Choose today or a day in the past."))
        result = self._compute_frame(as_of).rename(columns={"earned": "tier_id", "segment": "segment_id"})
        result = result[self.env["ir.rule"]._find_tiering_seen(result.index)]
        columns = ["score", "tier_id", "segment_id", "recency_score", "frequency_score", "monetary_score"]
        columns += ["lifecycle", "amount", "order_count"]
        result = result[columns].astype(object).where(result[columns].notna(), None)
        return result.rename_axis("partner_id").reset_index().to_dict("records")

    def _compute_frame(self, as_of):
        """Return the frame of the customers on a day, with all that the engine makes of it."""
        return self._compute_on(
            as_of,
            lambda rules: (rules.foretells, True),
            lambda *found: found[2].join(engine.pipeline.apply(*found)),
        )

    def _compute_earned(self, as_of):
        """Return the id of the tier that each customer earns on a day, a Series; in half the time of all the rest."""
        return self._compute_on(as_of, lambda rules: (rules.by_outlook, rules.by_interactions), engine.pipeline.earned)

    def _compute_on(self, as_of, ask, compute):
        """Return what ``compute`` makes of the rules, a fit of them, the frame of the customers and the day.

        :param ask: called with the rules, returns whether it has to be learned what customers will do, and whether
            interactions matter
        """
        self._check_usable()
        rules = self._get_rules()
        replica, scope = self.env["customer.tiering.replica"].sudo(), self._get_scope(as_of)
        runs, outlook = self.env["customer.tiering.run"].sudo(), {}
        try:
            learns, with_interactions = ask(rules)
            learn = runs._get_learner(rules, scope, outlook) if learns else None
            frame = replica._read_customers(scope, rules.columns, learn, with_interactions)
            return compute(rules, engine.pipeline.fit(rules, frame, as_of, outlook), frame, as_of)
        except ValueError as error:
            raise UserError(str(error)) from error

    @api.model
    def _choose_for_report(self, policy_id):
        """Return what a report offers to choose from, and what is chosen.

        :param policy_id: id of a policy of the current company; False: the one with the most customers
        :return: a list of dicts with ``id``, ``name`` and the ``customers`` whom the person may see, and the policy,
            empty where the company has none
        """
        company = self.env.company
        policies = self.search([("company_id", "=", company.id), ("is_simulation", "=", False)])
        groups = self.env["customer.tiering.scorecard"]._read_group(
            [("company_id", "=", company.id), ("policy_id", "in", policies.ids)], ["policy_id"], ["__count"]
        )
        counts = {policy.id: count for policy, count in groups}
        policy = policies.filtered(lambda policy: policy.id == policy_id)
        if policy_id and not policy:
            raise UserError(self.env._("This policy does not exist any more. Choose another one."))
        offered = [{"id": policy.id, "name": policy.name, "customers": counts.get(policy.id, 0)} for policy in policies]
        return offered, policy or max(policies, key=lambda policy: counts.get(policy.id, 0), default=policies)

    def _get_last_computation(self):
        """Return the rules and the fitted values of the last run, or (None, None) before the first one."""
        # sudo: who sees a scorecard may know how it came about
        last = self.env["customer.tiering.run"].sudo()._get_last(self)
        if not last.version_id:
            return None, None
        try:
            rules = last.version_id._get_rules()
        except ValueError:  # judged otherwise by an earlier version
            return None, None
        fit = last._get_used_fit(rules, self.company_id._get_tiering_today())
        return (rules, fit) if fit else (None, None)

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_open_forecast(self):
        """Open the test of the forecast."""
        self.ensure_one()
        self.check_access("write")
        action = self.env["ir.actions.actions"]._for_xml_id("customer_tiering.customer_tiering_forecast_report_action")
        return {**action, "params": {"policy_id": self.id}}

    def action_open_foresight(self):
        """Open what the tiers of past month-ends foretold."""
        self.ensure_one()
        self.env["customer.tiering.foresight"].check_access("read")
        action = self.env["ir.actions.actions"]._for_xml_id("customer_tiering.customer_tiering_foresight_report_action")
        return {**action, "params": {"policy_id": self.id}}

    def action_compute_now(self):
        """Compute at once where that takes a moment, in the background where it takes longer."""
        self.check_access("write")
        if not self:
            raise UserError(self.env._("This company has no tiering policy. Add one before you compute."))
        runs = self.env["customer.tiering.run"]._queue(
            self, trigger="manual", recalibrate=bool(self.env.context.get("tiering_recalibrate"))
        )
        if self._count_purchases(DIRECT_ORDER_LIMIT + 1) > DIRECT_ORDER_LIMIT:
            runs._call_job()
            message = self.env._("The computation starts in a moment. You will be told here when it is done.")
            return self._notification("info", message)
        for run in runs:
            run._compute()
        kind = "warning" if "skipped" in runs.mapped("state") else "success"
        return self._notification(kind, "\n".join(run._get_summary() for run in runs))

    def action_fill_orders(self):
        """Have the orders that recorded no tier at their confirmation filled from the history, in the background."""
        self.ensure_one()
        self.check_access("write")
        # sudo: whether there are any is no secret
        if not self.env["sale.order"].sudo()._count_fillable(self.company_id.sudo(), most=1):
            message = self.env._("There is no order without a tier from after the day on which the history begins.")
            return self._notification("info", message)
        if not jobs.call(self.env, jobs.FILL):
            raise UserError(
                self.env._(
                    "The scheduled action that fills the tiers of old orders was deleted. Upgrade the app Customer "
                    "Tiering to get it back."
                )
            )
        message = self.env._("Orders without a tier get that of their day from the history, in the background.")
        return self._notification("info", message)

    def _count_purchases(self, most):
        """Return about how many documents these policies look at; no more than so many of a kind are counted."""
        papers = {"sale.order": [("state", "=", "sale")]}
        if set(self.mapped("revenue_from")) != {"order"}:
            papers["account.move"] = [("state", "=", "posted"), ("move_type", "=", "out_invoice")]
        mine = Domain("company_id", "in", self.company_id.ids)
        # sudo: how many there are is no secret
        return sum(
            self.env[model].sudo().search_count(mine & Domain(domain), limit=most) for model, domain in papers.items()
        )

    def action_forget_lost_metrics(self):
        """Take note that metrics were lost: nobody is told about it any more."""
        self.check_access("write")
        self.sudo().lost_metrics = False

    def _notification(self, kind, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Customer Tiering"),
                "type": kind,
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_advise(self):
        """Open proposals for bands, window and floors from the customers' own data."""
        self.ensure_one()
        self.check_access("write")
        customers = self._compute_frame(self.company_id._get_tiering_today())
        # sudo: nobody writes proposals by hand
        advice = self.env["customer.tiering.advisor"].sudo().create([{"policy_id": self.id}])
        advice._propose(customers)
        return advice._get_action()

    def action_test_warning(self):
        """Open the test of the churn warning against what customers really did."""
        self.ensure_one()
        self.check_access("write")
        Backtest = self.env["customer.tiering.backtest"]
        values = {"policy_id": self.id, "days": max(self.window_days // 2, 1)}
        values |= Backtest.new(values)._get_outcome()
        return Backtest.create([values])._get_action()

    def action_recalibrate(self):
        """Compare the customers with each other again, now."""
        self.check_access("write")
        return self.with_context(tiering_recalibrate=True).action_compute_now()

    def action_try_live(self):
        """Open the sliders that show at once what other numbers make of the tiers."""
        self.ensure_one()
        self.check_access("write")
        return {"type": "ir.actions.client", "tag": "customer_tiering.live", "params": {"policy_id": self.id}}

    def action_calm(self):
        """Give these policies the rules with which new companies start, by which tiers move seldom and stay fair."""
        self.check_access("write")
        self.write(engine.calm.POLICY)
        for tier in self.filtered(lambda policy: policy.method == "score").tier_ids:
            tier.keep_floor = engine.calm.keep_floor(tier.entry_floor)

    @api.readonly
    def action_open_scorecards(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_scorecard_action")
        action["domain"] = [("policy_id", "=", self.id)]
        return action

    @api.readonly
    def action_open_playbooks(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_playbook_action")
        action["domain"] = [("policy_id", "=", self.id)]
        action["context"] = {"default_policy_id": self.id}
        return action

    @api.readonly
    def action_open_versions(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_tiering.customer_tiering_policy_version_action"
        )
        action["domain"] = [("policy_id", "=", self.id)]
        return action

    @api.readonly
    def action_open_runs(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_run_action")
        action["domain"] = [("policy_id", "=", self.id)]
        return action
