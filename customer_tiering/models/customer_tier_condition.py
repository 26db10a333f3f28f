from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .. import engine
from ..sentences import format_number


class CustomerTierCondition(models.Model):
    _name = "customer.tier.condition"
    _inherit = ["customer.tiering.typed"]
    _description = "Customer Tier Condition"
    _order = "policy_id, tier_id, id"
    _rec_name = "metric_id"

    tier_id = fields.Many2one("customer.tier", required=True, ondelete="cascade", index=True)
    policy_id = fields.Many2one(related="tier_id.policy_id", store=True, precompute=True, index=True)
    metric_id = fields.Many2one(
        "customer.tiering.metric",
        required=True,
        ondelete="cascade",
        index=True,
        default=lambda self: self.env.ref("customer_tiering.customer_tiering_metric_monetary", False),
    )
    operator = fields.Selection(
        [(">=", "at least"), ("<=", "at most")],
        compute="_compute_operator",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
    )
    value = fields.Float(
        digits=(16, 2),
        help="Needed to enter the tier, in the unit of the metric; money in the company's currency.",
    )
    keep_value = fields.Float(
        string="To Stay",
        digits=(16, 2),
        compute="_compute_keep_value",
        store=True,
        readonly=False,
        precompute=True,
        help="Enough to stay in the tier. The same as the value, unless staying shall be easier than entering.",
    )
    metric_help = fields.Text(related="metric_id.help", string="Meaning")

    @api.depends("metric_id")
    def _compute_operator(self):
        for condition in self:
            condition.operator = "<=" if condition.metric_id.direction == "lower" else ">="

    @api.depends("value")
    def _compute_keep_value(self):
        for condition in self:
            condition.keep_value = condition.value

    @api.depends("metric_id", "operator", "value")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for condition in self:
            values = {"metric": condition.metric_id.name, "value": format_number(self.env, condition.value, 2)}
            condition.display_name = (
                self.env._("%(metric)s of at least %(value)s", **values)
                if condition.operator == ">="
                else self.env._("%(metric)s of at most %(value)s", **values)
            )

    # And by which limit: trying them would tell the value.
    @api.constrains("metric_id", "operator", "value", "keep_value")
    def _check_metric_id(self):
        self.metric_id._check_may_see()

    @api.constrains("policy_id", "tier_id")
    def _check_policy(self):
        for condition in self:
            if condition.policy_id != condition.tier_id.policy_id:
                raise ValidationError(
                    self.env._("%(tier)s is a tier of another policy.", tier=condition.tier_id.display_name)
                )

    @api.model_create_multi
    def create(self, vals_list):
        conditions = super().create(vals_list)
        conditions.tier_id._policies_changed()
        return conditions

    def write(self, vals):
        result = super().write(vals)
        self.tier_id._policies_changed()
        return result

    def unlink(self):
        tiers = self.tier_id
        result = super().unlink()
        tiers.exists()._policies_changed()
        return result

    def _get_rule(self):
        """Return the engine's rule of this condition.

        :raises RuleError: when it cannot be used
        """
        self.ensure_one()
        return engine.rules.ConditionRule(self.metric_id.key, self.operator, self.value, self.keep_value)
