import ast
import json
from datetime import datetime, time, timedelta
from itertools import pairwise

import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import SQL, float_compare

from .customer_tier import BENEFIT_FIELDS

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
}
RETENTION_FIELDS = ("one_step", "month_end", "protection_days", "refunds_at_once")
# What decides over the customers, beside tiers and criteria; a simulation may change it.
RULE_FIELDS = (
    "partner_domain",
    "window_days",
    "min_population",
    "method",
    "basis",
    "segment_map",
    "grace_days",
    "stay_days",
    *RETENTION_FIELDS,
    *LIFECYCLE_FIELDS,
    *RISK_FIELDS,
)

# Up to this many confirmed orders "Compute Now" answers at once; a larger base is computed in the
# background, because a person should not look at a blocked screen for more than a moment.
DIRECT_ORDER_LIMIT = 100_000


class CustomerTieringPolicy(models.Model):
    _name = "customer.tiering.policy"
    _description = "Customer Tiering Policy"
    _order = "company_id, sequence, id"

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
    window_days = fields.Integer(
        string="Window (Days)",
        default=365,
        required=True,
        help="Orders, amounts and contacts of the last so many days count. "
        "The last order itself is looked for in the whole history.",
    )
    method = fields.Selection(
        [
            ("score", "Weighted score"),
            ("customer_share", "Share of customers (ABC by rank)"),
            ("revenue_share", "Share of revenue (ABC by amount)"),
            ("conditions", "Conditions"),
            ("clusters", "Clusters"),
        ],
        required=True,
        default="score",
        help="What leads to a tier. The score is computed with every method.\n"
        "Weighted score: each tier starts at a score.\n"
        "Share of customers: the first so many percent of the customers, by score or by one metric.\n"
        "Share of revenue: the customers who bring the first so many percent of the amount.\n"
        "Conditions: such as an amount of at least 10,000 and at least 5 orders.\n"
        "Clusters: groups of customers who resemble each other in all criteria, the best group on top.",
    )
    basis = fields.Selection(
        lambda self: self._selection_basis(),
        string="Ranked By",
        help="What the customers are ranked by. Empty: by their score.",
    )
    recalibrate_days = fields.Integer(
        string="Compare Anew Every (Days)",
        default=7,
        help="The comparison with all customers stays for so many days, so that a customer's score moves only by what "
        "the customer does. 0: every run compares the customers anew.",
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
        help="A downgrade is announced so many days before it takes effect; an order in time calls it off. "
        "Each tier can have its own number.",
    )
    stay_days = fields.Integer(
        string="Minimum Stay (Days)",
        help="Who enters a tier stays at least so many days. Each tier can have its own number.",
    )
    one_step = fields.Boolean(
        string="One Step Down at a Time", help="A downgrade leads to the next lower tier, however low the score is."
    )
    month_end = fields.Boolean(
        string="Downgrade at the End of a Month", help="A downgrade takes effect on the last day of its month."
    )
    protection_days = fields.Integer(
        string="Protect New Customers (Days)", help="No downgrade so many days after a customer's first order."
    )
    refunds_at_once = fields.Boolean(
        string="Refunds Downgrade at Once",
        help="A customer who falls only because of credit notes has no days of grace.",
    )
    lifecycle_lost = fields.Float(
        string="Lost After",
        default=4,
        digits=(6, 2),
        help="Lost: no order for more than so many times the customer's usual gap between orders.",
    )
    lifecycle_late = fields.Float(
        string="Declining After",
        default=2,
        digits=(6, 2),
        help="Declining: no order for more than so many times the customer's usual gap between orders.",
    )
    lifecycle_falling = fields.Float(
        string="Declining When Falling By (%)",
        default=50,
        digits=(5, 2),
        help="Declining: the growth (see the metric “Growth”) is at or below minus this.",
    )
    lifecycle_exploring_days = fields.Integer(
        string="Exploring Up To (Orders)",
        default=2,
        help="Exploring: orders on at most so many days, in the whole history.",
    )
    lifecycle_growing = fields.Float(
        string="Forming When Growing By (%)",
        default=25,
        digits=(5, 2),
        help="Forming: the growth (see the metric “Growth”) is at least this.",
    )
    risk_watch = fields.Float(
        string="Watch After",
        default=1.5,
        digits=(6, 2),
        help="Watch: no order for more than so many times the customer's usual gap between orders.",
    )
    risk_high = fields.Float(
        string="High After",
        default=2.5,
        digits=(6, 2),
        help="High: no order for more than so many times the customer's usual gap between orders.",
    )
    risk_silent_days = fields.Integer(
        string="Silent After (Days)",
        default=90,
        help="Silence: neither an order nor a contact for more than so many days, although there were contacts before. "
        "It makes a customer who is late or buys less a high risk.",
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
    criterion_ids = fields.One2many("customer.tiering.criterion", "policy_id", string="Criteria", copy=True)
    tier_ids = fields.One2many("customer.tier", "policy_id", string="Tiers", copy=True, context={"active_test": True})
    condition_ids = fields.One2many("customer.tier.condition", "policy_id", string="Conditions")
    segment_map = fields.Json(
        default=lambda self: self._default_segment_map(),
        help="Which segment each combination of recency score and frequency/monetary score belongs to: "
        "five rows (R 1 to 5) of five segment ids (FM 1 to 5).",
    )
    playbook_ids = fields.One2many("customer.tiering.playbook", "policy_id", string="Playbooks")
    run_ids = fields.One2many("customer.tiering.run", "policy_id", string="Runs")
    version_ids = fields.One2many("customer.tiering.policy.version", "policy_id", string="Versions")
    is_simulation = fields.Boolean(readonly=True, copy=False, help="The changed copy inside a simulation.")
    last_run_id = fields.Many2one("customer.tiering.run", compute="_compute_last_run_id")
    customer_count = fields.Integer(string="Customers Scored", compute="_compute_customer_count")
    population_count = fields.Integer(
        string="Customers Matching",
        compute="_compute_population",
        help="Customers who match, and match no policy before this one.",
    )
    unmatched_count = fields.Integer(
        string="Customers Without Policy", compute="_compute_population", help="Customers who match no policy."
    )
    simulation_result = fields.Json(compute="_compute_simulation")
    simulation_state = fields.Selection(
        [("new", "Not computed yet"), ("waiting", "Waiting"), ("stale", "Values changed since"), ("done", "Done")],
        compute="_compute_simulation",
    )
    simulation_count = fields.Integer(
        string="Simulations", compute="_compute_simulation_count", groups="sales_team.group_sale_manager"
    )
    share_total = fields.Float(string="Total Share (%)", compute="_compute_share_total")
    benefit_warning = fields.Text(compute="_compute_benefit_warning")

    _window_positive = models.Constraint(
        "CHECK(window_days BETWEEN 1 AND 36500)",
        "The window must be 1 to 36,500 days long: type the number of days whose orders count, for example 365.",
    )
    _days_positive = models.Constraint(
        "CHECK(grace_days >= 0 AND stay_days >= 0 AND protection_days >= 0 AND recalibrate_days >= 0)",
        "Days of grace, minimum stay, protection of new customers and days between comparisons are 0 or more.",
    )
    _min_population_positive = models.Constraint(
        "CHECK(min_population >= 0)", "“Customers Needed to Compare” is 0 or more."
    )

    # ------------------------------------------------------------------
    # Defaults and computed fields
    # ------------------------------------------------------------------

    @api.model
    def _default_segment_map(self):
        from ..engine import segments  # noqa: PLC0415 - pandas stays out of the server's start-up

        ids = {segment.code: segment.id for segment in self.env["customer.segment"].search([])}
        if not ids:
            return False
        return [[ids.get(code) for code in row] for row in segments.DEFAULT_MAP]

    @api.model
    def _get_default_values(self):
        """Return the values of the policy that every company starts with."""
        return {
            "name": self.env._("Default policy"),
            "criterion_ids": [
                Command.create({"metric": metric, "sequence": sequence})
                for sequence, metric in enumerate(("recency", "frequency", "monetary"), 1)
            ],
            "tier_ids": [
                Command.create({"name": name, "entry_floor": floor, "color": color, "contact_days": contact_days})
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

    @api.model
    def _selection_basis(self):
        return self.env["customer.tiering.criterion"]._fields["metric"]._description_selection(self.env)

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
    def _compute_benefit_warning(self):
        for policy in self:
            policy.benefit_warning = "\n".join(filter(None, policy.tier_ids.mapped("benefit_warning"))) or False

    @api.depends("partner_domain", "company_id", "sequence", "active")
    def _compute_population(self):
        reader = self.env["customer.tiering.reader"].sudo()
        for policy in self:
            mine = policy._get_population_domain()
            everybody = Domain.OR([other._get_claim() for other in (policy, *policy._get_other_policies())])
            policy.population_count = reader._count_customers(policy.company_id, mine)
            policy.unmatched_count = reader._count_customers(policy.company_id, ~everybody)

    def _compute_simulation(self):
        for policy in self:
            simulation = policy._get_simulation() if policy.is_simulation else policy.env["customer.tiering.simulation"]
            policy.simulation_result = simulation.result
            if "queued" in policy.run_ids.mapped("state"):
                policy.simulation_state = "waiting"
            elif not simulation.result:
                policy.simulation_state = "new"
            elif simulation.draft_rules == policy._origin._get_simulated_values():
                policy.simulation_state = "done"
            else:
                policy.simulation_state = "stale"

    def _compute_simulation_count(self):
        counts = dict(
            self.env["customer.tiering.simulation"]._read_group(
                [("base_id", "in", self._origin.ids)], ["base_id"], ["__count"]
            )
        )
        for policy in self:
            policy.simulation_count = counts.get(policy._origin, 0)

    @api.depends("run_ids.state")
    def _compute_last_run_id(self):
        last = dict(
            self.env["customer.tiering.run"]._read_group(
                [("policy_id", "in", self._origin.ids), ("state", "=", "done")], ["policy_id"], ["id:max"]
            )
        )
        for policy in self:
            policy.last_run_id = last.get(policy._origin, False)

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
        in_progress = self.with_context(tiering_policy_in_progress=True)
        policies = super(CustomerTieringPolicy, in_progress).create(vals_list).with_env(self.env)
        policies._rules_changed()
        return policies

    def write(self, vals):
        if any(policy.company_id.id != vals["company_id"] for policy in self if "company_id" in vals):
            raise UserError(self.env._("A policy stays in its company. Copy it and choose the company of the copy."))
        archived = self.filtered("active") if vals.get("active") is False else self.browse()
        in_progress = self.with_context(tiering_policy_in_progress=True)
        days = {fname: vals[fname] for fname in ("grace_days", "stay_days") if fname in vals}
        if days and "tier_ids" in vals:
            # First the days of all tiers, else they would replace the own ones that a tier gets by this save.
            super(CustomerTieringPolicy, in_progress).write(days)
            vals = {fname: value for fname, value in vals.items() if fname not in days}
        result = super(CustomerTieringPolicy, in_progress).write(vals)
        if vals.keys() & {"tier_ids", "condition_ids", "criterion_ids", *RULE_FIELDS}:
            self._rules_changed()
        if "active" in vals:
            self.env.registry.clear_cache("templates")  # the partner's search view lists the tiers
        for policy in archived:
            # Nobody would compute these customers any more; their last tier must not stay for ever.
            self.env["customer.tiering.writer"].sudo()._remove_scorecards(policy)
        return result

    def _tiers_changed(self):
        """Judge the policy again after one of its tiers or conditions was changed on its own."""
        self.env.registry.clear_cache("templates")
        # A policy saved with its tiers is judged once, when all of them are in place.
        if not self.env.context.get("tiering_policy_in_progress"):
            self._rules_changed()

    def _criteria_changed(self):
        """Judge the policy again after one of its criteria was changed on its own."""
        if not self.env.context.get("tiering_policy_in_progress"):
            self._rules_changed()

    def _rules_changed(self):
        """Judge the rules, put the tiers in their order, and keep a version of rules that runs refer to."""
        self._sort_tiers()
        self._check_tiers()
        self._check_criteria()
        # Only who edits a policy is refused: a run works with fewer customers too, and says so.
        self.filtered(lambda policy: policy.method == "clusters")._check_clusters()
        for policy in self:
            if policy.version_ids:
                policy._get_version()

    def _sort_tiers(self):
        in_progress = self.with_context(tiering_policy_in_progress=True)
        for policy in in_progress.filtered(lambda policy: policy.method == "score"):
            for sequence, tier in enumerate(policy.tier_ids.sorted(lambda t: (-t.entry_floor, t.id)), 1):
                if tier.sequence != sequence:
                    tier.sequence = sequence
        self.invalidate_recordset(["tier_ids"])  # in their new order

    def copy_data(self, default=None):
        default = default or {}
        vals_list = super().copy_data(default)
        for policy, vals in zip(self, vals_list, strict=True):
            if "name" not in default:
                vals["name"] = self.env._("%(policy)s (copy)", policy=policy.name)
            if policy._takes_all() and not default.keys() & {"active", "partner_domain"}:
                # Two policies for all customers are refused: the copy waits for its own customers.
                vals["active"] = False
        return vals_list

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_history(self):
        # sudo: the history of other companies counts too
        changes, orders = self.env["customer.tier.change"].sudo(), self.env["sale.order"].sudo()
        tiers = self.env["customer.tier"].sudo().with_context(active_test=False)
        tiers = tiers.search([("policy_id", "in", self.ids)])
        if changes.search_count([("policy_id", "in", self.ids)], limit=1) or orders.search_count(
            [("tiering_tier_id", "in", tiers.ids)], limit=1
        ):
            raise UserError(
                self.env._("Customers have been in the tiers of this policy. Archive it, so that their history stays.")
            )

    def _keep_runs_out(self):
        """Let no run of these policies' companies begin before the end of the transaction: scorecards refer to what
        is being deleted.

        :raises RunUnderWayError: when one is under way
        """
        for company in self.company_id:
            # sudo: whoever may delete the record
            self.env["customer.tiering.run"].sudo()._lock_company(company)

    def unlink(self):
        self.filtered(lambda policy: not policy.is_simulation)._keep_runs_out()
        simulations = self.env["customer.tiering.simulation"].sudo().search([("base_id", "in", self.ids)])
        if simulations:
            simulations._discard()
        # Without history, these are scorecards of who never had a tier.
        self.env.cr.execute(SQL("DELETE FROM customer_tiering_scorecard WHERE policy_id = ANY(%s)", self.ids))
        result = super().unlink()
        self.env.registry.clear_cache("templates")
        return result

    def _check_tiers(self):
        for policy in self:
            if not policy.tier_ids:
                raise ValidationError(
                    self.env._(
                        "Policy “%(policy)s” has no tier. Add at least one tier that starts at score 0.",
                        policy=policy.display_name,
                    )
                )
            if policy.method == "score":
                policy._check_floors()
            elif policy.method in DEFAULT_SHARES:
                policy._check_shares()
            elif policy.method == "conditions":
                policy._check_conditions()

    def _check_floors(self):
        tiers = self.tier_ids
        floors = tiers.mapped("entry_floor")
        double = next((floor for floor in floors if floors.count(floor) > 1), None)
        if double is not None:
            names = ", ".join(tiers.filtered(lambda t, floor=double: t.entry_floor == floor).mapped("name"))
            raise ValidationError(
                self.env._(
                    "%(tiers)s all start at score %(floor)g. Give each tier its own “From Score”.",
                    tiers=names,
                    floor=double,
                )
            )
        if min(floors) != 0:
            lowest = min(tiers, key=lambda tier: tier.entry_floor)
            raise ValidationError(
                self.env._(
                    "No tier starts at score 0, so customers below %(floor)g would have none. "
                    "Set “From Score” of %(tier)s to 0 or add a tier that starts at 0.",
                    floor=lowest.entry_floor,
                    tier=lowest.name,
                )
            )
        ascending = tiers.sorted("entry_floor")
        for lower, higher in pairwise(ascending):
            if higher.keep_floor < lower.keep_floor:
                raise ValidationError(
                    self.env._(
                        "%(higher)s stays down to %(high)g and %(lower)s only to %(low)g. A higher tier must not be "
                        "easier to keep: change one of the “Stays Down To”.",
                        higher=higher.name,
                        high=higher.keep_floor,
                        lower=lower.name,
                        low=lower.keep_floor,
                    )
                )

    def _check_shares(self):
        without = self.tier_ids.filtered(lambda tier: tier.share <= 0)
        if without:
            raise ValidationError(
                self.env._("%(tiers)s: give each tier a share above 0 %%.", tiers=", ".join(without.mapped("name")))
            )
        total = sum(self.tier_ids.mapped("share"))
        if float_compare(total, 100, precision_digits=2):
            raise ValidationError(
                self.env._(
                    "The shares of the tiers add up to %(total)g %%. Change them so that they make 100 %% together.",
                    total=total,
                )
            )

    def _check_conditions(self):
        *higher, lowest = self.tier_ids
        if lowest.condition_ids:
            raise ValidationError(
                self.env._(
                    "%(tier)s is the lowest tier and takes all who meet none of the conditions above. "
                    "Remove its conditions, or add a tier without conditions below it.",
                    tier=lowest.name,
                )
            )
        for tier in higher:
            if not tier.condition_ids:
                raise ValidationError(
                    self.env._(
                        "%(tier)s has no condition, so nobody would be below it. Add at least one condition.",
                        tier=tier.name,
                    )
                )

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
                        "There are only %(customers)s customers who differ from each other, too few for %(tiers)s "
                        "clusters. Remove tiers or choose another method.",
                        customers=len(different),
                        tiers=tiers,
                    )
                )

    def _check_criteria(self):
        for policy in self:
            if not sum(policy.criterion_ids.mapped("weight")) > 0:
                raise ValidationError(
                    self.env._(
                        "The weights of policy “%(policy)s” add up to 0, so every customer would score 0. "
                        "Give at least one criterion a weight above 0.",
                        policy=policy.display_name,
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
                and all(cell in known for row in rows for cell in row)
            )
            if not complete:
                raise ValidationError(
                    self.env._(
                        "The segment map of policy “%(policy)s” is not complete: "
                        "choose a segment for each of its 25 cells.",
                        policy=policy.display_name,
                    )
                )

    @api.constrains("partner_domain")
    def _check_partner_domain(self):
        for policy in self:
            # As the person who saves it (Odoo checks constraints as superuser): a run reads with
            # all rights, so nobody may choose customers by what they themselves may not see.
            error = policy.sudo(False)._get_domain_error()
            if error:
                raise ValidationError(
                    self.env._(
                        "The customer filter of policy “%(policy)s” cannot be read (%(error)s). "
                        "Choose the conditions again.",
                        policy=policy.display_name,
                        error=error,
                    )
                )

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

    @api.constrains(*LIFECYCLE_FIELDS)
    def _check_lifecycle(self):
        for policy in self:
            if not 1 < policy.lifecycle_late < policy.lifecycle_lost:
                raise ValidationError(
                    self.env._(
                        "“Declining After” must be more than 1 usual gap and less than “Lost After”. "
                        "Now they are %(late)g and %(lost)g.",
                        late=policy.lifecycle_late,
                        lost=policy.lifecycle_lost,
                    )
                )
            if not (0 < policy.lifecycle_falling <= 100 and 0 < policy.lifecycle_growing <= 100):
                raise ValidationError(
                    self.env._("The percentages of growing and falling amounts lie above 0 and up to 100.")
                )
            if policy.lifecycle_exploring_days < 1:
                raise ValidationError(self.env._("“Exploring Up To” needs at least 1 order."))

    @api.constrains(*RISK_FIELDS, "lifecycle_lost")
    def _check_risk(self):
        for policy in self:
            if not 1 <= policy.risk_watch < policy.risk_high <= policy.lifecycle_lost:
                raise ValidationError(
                    self.env._(
                        "The warning must grow with the days: “Watch After” of 1 usual gap or more, then “High After”, "
                        "then “Lost After”. Now they are %(watch)g, %(high)g and %(lost)g.",
                        watch=policy.risk_watch,
                        high=policy.risk_high,
                        lost=policy.lifecycle_lost,
                    )
                )
            if policy.risk_silent_days < 1:
                raise ValidationError(self.env._("“Silent After” needs at least 1 day."))

    def _segment_map_ids(self):
        self.ensure_one()
        return {segment for row in self.segment_map for segment in row}

    # ------------------------------------------------------------------
    # What a run asks a policy
    # ------------------------------------------------------------------

    def _get_partner_domain(self):
        self.ensure_one()
        return Domain(ast.literal_eval(self.partner_domain or "[]"))

    def _takes_all(self):
        """Whether every customer matches this policy."""
        self.ensure_one()
        return not self.partner_domain or self.partner_domain.strip() == "[]"

    def _get_population_domain(self):
        """Return the domain of this policy's customers: the first policy that matches has them."""
        self.ensure_one()
        place = self._get_place()
        before = self._get_other_policies().filtered(lambda policy: policy._get_place() < place)
        return Domain.AND([self._get_claim(), *(~policy._get_claim() for policy in before)])

    def _get_claim(self):
        """Return the domain of those who match this policy.

        If its filter cannot be read any more, because the field of an uninstalled module was in it,
        these are the customers it has: they stay as they are until somebody repairs the filter.
        """
        self.ensure_one()
        if not self._get_domain_error():
            return self._get_partner_domain()
        return Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s IN (SELECT partner_id FROM customer_tiering_scorecard WHERE policy_id = %s)",
                SQL.identifier(alias, "id"),
                self._get_simulated().id or None,  # not saved yet: nobody
            )
        )

    def _get_domain_error(self):
        """Return why the filter of customers cannot be read, or None."""
        try:
            self.env["res.partner"]._search(self._get_partner_domain())
        except (ValueError, SyntaxError, TypeError, UserError) as error:
            return error
        return None

    def _check_usable(self):
        """Refuse to compute a policy whose filter of customers cannot be read.

        :raises UserError: with what to do about it
        """
        error = self._get_domain_error()
        if error:
            raise UserError(
                self.env._(
                    "The customer filter of policy “%(policy)s” cannot be read any more (%(error)s). Its customers "
                    "keep their tiers. Choose the conditions again.",
                    policy=self.name,
                    error=error,
                )
            )

    def _get_place(self):
        """Return what sorts the policies of a company; a policy that is not saved yet comes last."""
        self.ensure_one()
        origin = self._get_simulated()
        return (self.sequence, origin.id or float("inf"))

    def _get_simulated(self):
        """Return the policy whose place and customers this one has: itself, or the one it simulates."""
        self.ensure_one()
        return self._get_simulation().base_id if self.is_simulation else self._origin

    def _get_simulation(self):
        return self.env["customer.tiering.simulation"].search([("draft_id", "=", self._origin.id)])

    def _get_other_policies(self):
        self.ensure_one()
        company, simulated = self.company_id, self._get_simulated()
        # Archived policies and drafts have no customers, even where the context shows them.
        return self.search([("company_id", "=", company.id), ("id", "!=", simulated.id), ("active", "=", True)])

    def _get_rules(self):
        """Return the policy as the engine's ``PolicyRules``.

        :raises UserError: when the policy cannot be used, with what to do about it
        """
        from ..engine import rules  # noqa: PLC0415

        self.ensure_one()
        # A policy can become unusable after it was saved (data removed in the database, an
        # uninstalled module), so it is judged again before each run.
        self._check_tiers()
        self._check_criteria()
        self._check_segment_map()
        prospect = self.env.ref("customer_tiering.customer_segment_prospect", raise_if_not_found=False)
        try:
            return rules.PolicyRules(
                criteria=tuple(criterion._get_rule() for criterion in self.criterion_ids),
                tiers=tuple(tier._get_rule() for tier in self.tier_ids),
                segment_map=tuple(tuple(row) for row in self.segment_map),
                prospect_segment=prospect.id if prospect else None,
                min_population=self.min_population,
                tier_method=self.method,
                basis=(self.basis or None) if self.method == "customer_share" else None,
                retention=rules.RetentionRules(**{name: self[name] for name in RETENTION_FIELDS}),
                lifecycle=rules.LifecycleRules(**{name: self[fname] for fname, name in LIFECYCLE_FIELDS.items()}),
                risk=rules.RiskRules(**{name: self[fname] for fname, name in RISK_FIELDS.items()}),
            )
        except ValueError as error:
            raise UserError(str(error)) from error

    def _get_rules_values(self):
        """Return all that decides over the customers as a dict of plain values."""
        values = {
            "rules": self._get_rules().to_json(),
            "window_days": self.window_days,
            "partner_domain": self.partner_domain,
        }
        return json.loads(json.dumps(values))  # as the database gives it back: lists, no tuples

    def _get_simulated_values(self):
        """Return all that a simulation may change and that changes its result, a dict of plain values."""
        benefits = {str(tier._get_key()): {fname: tier[fname].id for fname in BENEFIT_FIELDS} for tier in self.tier_ids}
        return {**self._get_rules_values(), "recalibrate_days": self.recalibrate_days, "benefits": benefits}

    def _get_version(self):
        """Return the version that stands for the present rules, a new one if they have changed."""
        self.ensure_one()
        # sudo: who edits a policy writes no version; it keeps the person as its author
        last = self.sudo().version_ids.sorted("number")[-1:]
        values = self._get_rules_values()
        if last and last.rules == values:
            return last
        names = {str(tier._get_key()): tier.name for tier in self.tier_ids}
        if last and not last.run_ids:  # nothing was computed by it
            last.write({"rules": values, "names": names})
            return last
        return last.create([{"policy_id": self.id, "number": last.number + 1, "rules": values, "names": names}])

    def compute(self, as_of):
        """Compute what the policy's customers were on a past day, by the present rules; write nothing.

        It takes as long as a run, so it is for those who may start one. There is no past to be fair to:
        nobody is kept in a tier by grace, stay or lock.

        :param as_of: a date, or its text ``YYYY-MM-DD``, today or before; orders up to then count
        :return: a list of dicts, one per customer: ``partner_id``, ``score``, ``tier_id``, ``segment_id``,
            ``recency_score``, ``frequency_score``, ``monetary_score``, ``lifecycle``, ``amount``,
            ``order_count``; None where there is none
        """
        self.ensure_one()
        self.check_access("write")
        as_of = fields.Date.to_date(as_of)
        if not as_of or as_of > self.company_id._get_tiering_today():
            raise UserError(self.env._("Choose today or a day in the past."))
        result = self._compute_frame(as_of).rename(columns={"earned": "tier_id", "segment": "segment_id"})
        columns = ["score", "tier_id", "segment_id", "recency_score", "frequency_score", "monetary_score"]
        columns += ["lifecycle", "amount", "order_count"]
        result = result[columns].astype(object).where(result[columns].notna(), None)
        return result.rename_axis("partner_id").reset_index().to_dict("records")

    def _compute_frame(self, as_of):
        """Return the frame of the customers on a day, with all that the engine makes of it."""
        from ..engine import pipeline  # noqa: PLC0415

        self._check_usable()
        rules = self._get_rules()
        frame = self.env["customer.tiering.replica"].sudo()._read_customers(self, as_of, metrics=rules.metrics)
        try:
            fit = pipeline.fit(rules, frame, as_of)
            return frame.join(pipeline.apply(rules, fit, frame, as_of))
        except ValueError as error:
            raise UserError(str(error)) from error

    def _get_last_computation(self):
        """Return the rules and the fitted values of the last run, or (None, None) before the first one."""
        # sudo: who sees a scorecard may know how it came about
        last = self.env["customer.tiering.run"].sudo()._get_last(self)
        fit = (last.calibration_id or last)._get_fit()
        if not fit or not last.version_id:
            return None, None
        try:
            return last.version_id._get_rules(), fit
        except ValueError:  # a metric of an uninstalled module
            return None, None

    def _get_window(self, as_of):
        """Return ``(window start, end)``: the first excluded day, and the first excluded moment.

        The window is ``(as_of - window_days, as_of]`` in days of the company's time zone. PostgreSQL
        decides which day an order belongs to; the moment (naive UTC, as the database stores
        datetimes) only keeps it from looking at later orders and is generous by half a day, because
        two time zone databases may differ.
        """
        self.ensure_one()
        timezone = self.company_id._get_tiering_timezone()
        noon = timezone.localize(datetime.combine(as_of + timedelta(days=1), time(12)))
        return as_of - timedelta(days=self.window_days), noon.astimezone(pytz.utc).replace(tzinfo=None)

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_compute_now(self):
        """Compute at once where that takes a moment, in the background where it takes longer."""
        self.check_access("write")
        if not self:
            raise UserError(self.env._("This company has no tiering policy. Add one before you compute."))
        runs = self.env["customer.tiering.run"]._queue(
            self, trigger="manual", recalibrate=bool(self.env.context.get("tiering_recalibrate"))
        )
        orders = (
            self.env["sale.order"]
            .sudo()
            .search_count(
                [("company_id", "in", self.company_id.ids), ("state", "=", "sale")],
                limit=DIRECT_ORDER_LIMIT + 1,
            )
        )
        if orders > DIRECT_ORDER_LIMIT:
            runs._call_job()
            message = self.env._("The computation starts in a moment. You will be told here when it is done.")
            return self._notification("info", message)
        for run in runs:
            run._compute()
        return self._notification("success", "\n".join(run._get_summary() for run in runs))

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
        advice = self.env["customer.tiering.advisor"].create([{"policy_id": self.id}])
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
        """Compare the customers anew, now."""
        self.check_access("write")
        return self.with_context(tiering_recalibrate=True).action_compute_now()

    def action_simulate(self):
        """Open a copy of the policy to try other values on."""
        self.ensure_one()
        self.check_access("write")
        draft = self.with_context(tiering_simulation=True).copy(
            {
                "name": self.env._("%(policy)s (simulation)", policy=self.name),
                "active": False,
                "is_simulation": True,
                "sequence": self.sequence,
            }
        )
        # sudo: simulations are written by their policy only
        self.env["customer.tiering.simulation"].sudo().create(
            [{"base_id": self.id, "draft_id": draft.id, "base_rules": self._get_simulated_values()}]
        )
        return draft._open_simulation()

    def _open_simulation(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_simulation_action")
        form = self.env.ref("customer_tiering.customer_tiering_simulation_view_form")
        return {**action, "res_id": self.id, "views": [(form.id, "form")], "view_mode": "form"}

    def action_simulation_compute(self):
        """Compute what the changed values would do; in the background where it takes longer."""
        self.ensure_one()
        return self.action_compute_now()

    def action_simulation_apply(self):
        """Give the policy the simulated values and compute its customers."""
        self.ensure_one()
        self.check_access("write")
        simulation = self._get_simulation()
        base = simulation.base_id
        if self.simulation_state != "done":
            raise UserError(self.env._("Simulate the present values first, so that you see what you apply."))
        simulation._apply()
        notification = base.action_compute_now()
        notification["params"]["next"] = {
            "type": "ir.actions.act_window",
            "res_model": "customer.tiering.policy",
            "res_id": base.id,
            "views": [(False, "form")],
        }
        return notification

    def action_simulation_discard(self):
        """Forget the simulation."""
        self.ensure_one()
        self.check_access("write")
        base = self._get_simulation().base_id
        self._get_simulation()._discard()
        return {
            "type": "ir.actions.act_window",
            "res_model": "customer.tiering.policy",
            "res_id": base.id,
            "views": [(False, "form")],
            "target": "main",
        }

    @api.readonly
    def action_simulation_lines(self):
        """Open the customers who would move."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_tiering.customer_tiering_simulation_line_action"
        )
        action["domain"] = [("simulation_id", "=", self._get_simulation().id)]
        return action

    @api.readonly
    def action_simulation_export(self):
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": f"/customer_tiering/simulation/{self.id}", "target": "download"}

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
    def action_open_simulations(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_simulation_action")
        drafts = self.env["customer.tiering.simulation"].search([("base_id", "=", self.id)]).draft_id
        action["domain"] = [("id", "in", drafts.ids), ("active", "=", False)]
        return action

    @api.readonly
    def action_open_runs(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_run_action")
        action["domain"] = [("policy_id", "=", self.id)]
        return action
