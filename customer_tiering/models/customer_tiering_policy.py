import ast
from datetime import datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain

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
    tier_ids = fields.One2many("customer.tier", "policy_id", string="Tiers", copy=True)
    segment_map = fields.Json(
        default=lambda self: self._default_segment_map(),
        help="Which segment each combination of recency score and frequency/monetary score belongs to: "
        "five rows (R 1 to 5) of five segment ids (FM 1 to 5).",
    )
    run_ids = fields.One2many("customer.tiering.run", "policy_id", string="Runs")
    last_run_id = fields.Many2one("customer.tiering.run", compute="_compute_last_run_id")
    customer_count = fields.Integer(string="Customers Scored", compute="_compute_customer_count")

    _window_positive = models.Constraint(
        "CHECK(window_days BETWEEN 1 AND 36500)",
        "The window must be 1 to 36,500 days long: type the number of days whose orders count, for example 365.",
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
                Command.create({"name": name, "entry_floor": floor, "color": color})
                for name, floor, color in (
                    (self.env._("Platinum"), 80, 11),
                    (self.env._("Gold"), 60, 3),
                    (self.env._("Silver"), 40, 0),
                    (self.env._("Bronze"), 0, 2),
                )
            ],
        }

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
        policies._check_tiers()
        policies._check_criteria()
        return policies

    def write(self, vals):
        if any(policy.company_id.id != vals["company_id"] for policy in self if "company_id" in vals):
            raise UserError(self.env._("A policy stays in its company. Copy it and choose the company of the copy."))
        archived = self.filtered("active") if vals.get("active") is False else self.browse()
        in_progress = self.with_context(tiering_policy_in_progress=True)
        result = super(CustomerTieringPolicy, in_progress).write(vals)
        if "tier_ids" in vals:
            self._check_tiers()
        if "criterion_ids" in vals:
            self._check_criteria()
        if "active" in vals:
            self.env.registry.clear_cache("templates")  # the partner's search view lists the tiers
        for policy in archived:
            # Nobody would compute these customers any more; their last tier must not stay for ever.
            self.env["customer.tiering.writer"].sudo()._remove_scorecards(policy)
        return result

    def copy_data(self, default=None):
        return [
            dict(vals, name=self.env._("%(policy)s (copy)", policy=policy.name))
            if "name" not in (default or {})
            else vals
            for policy, vals in zip(self, super().copy_data(default), strict=True)
        ]

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_history(self):
        # sudo: the history of other companies counts too
        changes = self.env["customer.tier.change"].sudo()
        if changes.search_count([("policy_id", "in", self.ids)], limit=1):
            raise UserError(
                self.env._("Customers have been in the tiers of this policy. Archive it, so that their history stays.")
            )

    def _check_tiers(self):
        for policy in self:
            tiers = policy.tier_ids
            if not tiers:
                raise ValidationError(
                    self.env._(
                        "Policy “%(policy)s” has no tier. Add at least one tier that starts at score 0.",
                        policy=policy.display_name,
                    )
                )
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
            try:
                # As the person who saves it (Odoo checks constraints as superuser): a run reads with
                # all rights, so nobody may choose customers by what they themselves may not see.
                self.env["res.partner"].sudo(False)._search(policy._get_partner_domain())
            except (ValueError, SyntaxError, TypeError, UserError) as error:
                raise ValidationError(
                    self.env._(
                        "The customer filter of policy “%(policy)s” cannot be read (%(error)s). "
                        "Choose the conditions again.",
                        policy=policy.display_name,
                        error=error,
                    )
                ) from error

    def _segment_map_ids(self):
        self.ensure_one()
        return {segment for row in self.segment_map for segment in row}

    # ------------------------------------------------------------------
    # What a run asks a policy
    # ------------------------------------------------------------------

    def _get_partner_domain(self):
        self.ensure_one()
        return Domain(ast.literal_eval(self.partner_domain or "[]"))

    def _get_population_domain(self):
        """Return the domain of this policy's customers: the first policy that matches has them."""
        self.ensure_one()
        before = self._get_other_policies().filtered(
            lambda policy: (policy.sequence, policy.id) < (self.sequence, self.id)
        )
        return Domain.AND([self._get_partner_domain(), *(~policy._get_partner_domain() for policy in before)])

    def _get_other_policies(self):
        self.ensure_one()
        return self.search([("company_id", "=", self.company_id.id), ("id", "!=", self.id)])

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
                tiers=tuple(rules.TierRule(key=tier.id, floor=tier.entry_floor) for tier in self.tier_ids),
                segment_map=tuple(tuple(row) for row in self.segment_map),
                prospect_segment=prospect.id if prospect else None,
                min_population=self.min_population,
            )
        except ValueError as error:
            raise UserError(str(error)) from error

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
        runs = self.env["customer.tiering.run"]._queue(self, trigger="manual")
        orders = (
            self.env["sale.order"]
            .sudo()
            .search_count(
                [("company_id", "in", self.company_id.ids), ("state", "=", "sale")],
                limit=DIRECT_ORDER_LIMIT + 1,
            )
        )
        if orders > DIRECT_ORDER_LIMIT:
            self.env.ref("customer_tiering.ir_cron_process_queue").sudo()._trigger()
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

    def action_open_scorecards(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_scorecard_action")
        action["domain"] = [("policy_id", "=", self.id)]
        return action

    def action_open_runs(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_run_action")
        action["domain"] = [("policy_id", "=", self.id)]
        return action
