from odoo import api, fields, models
from odoo.exceptions import ValidationError


class CustomerTierCondition(models.Model):
    _name = "customer.tier.condition"
    _description = "Customer Tier Condition"
    _order = "policy_id, tier_id, id"
    _rec_name = "metric"

    tier_id = fields.Many2one("customer.tier", required=True, ondelete="cascade", index=True)
    policy_id = fields.Many2one(related="tier_id.policy_id", store=True, precompute=True, index=True)
    metric = fields.Selection(lambda self: self._selection_metric(), required=True, default="monetary")
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
    metric_help = fields.Char(string="Meaning", compute="_compute_metric_help")

    @api.model
    def _selection_metric(self):
        return self.env["customer.tiering.criterion"]._fields["metric"]._description_selection(self.env)

    @api.depends("metric")
    def _compute_operator(self):
        from ..engine import metrics  # noqa: PLC0415 - pandas stays out of the server's start-up

        for condition in self:
            higher = not condition.metric or metrics.get(condition.metric).higher_is_better
            condition.operator = ">=" if higher else "<="

    @api.depends("value")
    def _compute_keep_value(self):
        for condition in self:
            condition.keep_value = condition.value

    @api.depends("metric")
    def _compute_metric_help(self):
        for condition in self:
            condition.metric_help = condition.metric and self.env["customer.tiering.criterion"]._get_metric_help(
                condition.metric
            )

    @api.depends("metric", "operator", "value")
    @api.depends_context("lang")
    def _compute_display_name(self):
        metrics = dict(self._selection_metric())
        operators = dict(self._fields["operator"]._description_selection(self.env))
        for condition in self:
            condition.display_name = (
                f"{metrics.get(condition.metric)} {operators.get(condition.operator)} {condition.value:g}"
            )

    @api.constrains("metric", "operator", "value", "keep_value")
    def _check_keep_value(self):
        for condition in self:
            at_least = condition.operator == ">="
            if condition.keep_value > condition.value if at_least else condition.keep_value < condition.value:
                raise ValidationError(
                    self.env._(
                        "Staying in %(tier)s asks for more than entering it: “%(condition)s”, but %(kept)g to stay. "
                        "Change “To Stay”.",
                        tier=condition.tier_id.name,
                        condition=condition.display_name,
                        kept=condition.keep_value,
                    )
                )

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

        :raises ValueError: when it cannot be used
        """
        from ..engine import rules  # noqa: PLC0415

        self.ensure_one()
        return rules.ConditionRule(self.metric, self.operator, self.value, self.keep_value)
