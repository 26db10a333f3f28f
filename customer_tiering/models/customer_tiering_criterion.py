from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .. import engine


class CustomerTieringCriterion(models.Model):
    _name = "customer.tiering.criterion"
    _inherit = ["customer.tiering.typed"]
    _description = "Customer Tiering Criterion"
    _order = "policy_id, sequence, id"
    _rec_name = "metric_id"

    _typed_ranges = {"weight": (0, None)}

    policy_id = fields.Many2one("customer.tiering.policy", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    metric_id = fields.Many2one("customer.tiering.metric", required=True, ondelete="cascade", index=True)
    metric_unit = fields.Selection(related="metric_id.unit", string="Unit")
    metric_help = fields.Text(related="metric_id.help", string="Meaning")
    weight = fields.Float(
        default=1.0,
        digits=(6, 2),
        help="How much this criterion counts against the others: 2 counts twice as much as 1, 0 not at all.",
    )
    method = fields.Selection(
        [
            ("percentile", "Percentile"),
            ("quintile", "Fifths"),
            ("bands", "Fixed bands"),
            ("points", "The points of its values"),
        ],
        required=True,
        compute="_compute_method",
        store=True,
        readonly=False,
        precompute=True,
        help="Percentile: 0 to 100 points by the customer's place among those who bought in the window.\n"
        "Fifths: 0, 25, 50, 75 or 100 points, one fifth of the customers each.\n"
        "Fixed bands: 0, 25, 50, 75 or 100 points by the limits you type.\n"
        "The points of its values: what the metric says, from 0 to 100, for a choice on the contact.",
    )
    unknown = fields.Selection(
        [("zero", "0 points"), ("left_out", "Left out")],
        string="If Not Known",
        required=True,
        compute="_compute_unknown",
        store=True,
        readonly=False,
        precompute=True,
        help="0 points: a customer of whom it is not known has no points for it.\n"
        "Left out: the customer is judged by the other criteria, which share its weight.",
    )
    band_1 = fields.Float(
        "Limit 1", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_2 = fields.Float(
        "Limit 2", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_3 = fields.Float(
        "Limit 3", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_4 = fields.Float(
        "Limit 4", digits=(16, 2), compute="_compute_bands", store=True, readonly=False, precompute=True
    )
    band_unit = fields.Selection(
        [("value", "The metric's own unit"), ("median_order", "Times the median order")],
        string="Limits In",
        compute="_compute_bands",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="For money, limits in multiples of your median order fit any currency and price level: half of your "
        "customers order for more at a time, half for less. One huge order does not move it.",
    )

    _metric_uniq = models.UniqueIndex(
        "(policy_id, metric_id)", "A policy uses each metric once: change the weight of the one that is there."
    )
    _weight_positive = models.Constraint("CHECK(weight >= 0)", "A weight is 0 or more.")

    # A new criterion takes over what its metric proposes; later changes of the proposals change no criterion.

    @api.depends("metric_id")
    def _compute_bands(self):
        for criterion in self:
            metric = criterion.metric_id
            bands = metric._get_bands() if metric else (0, 0, 0, 0)
            criterion.band_1, criterion.band_2, criterion.band_3, criterion.band_4 = bands
            criterion.band_unit = metric.band_unit or "value"

    @api.depends("metric_id")
    def _compute_method(self):
        methods = {"points": "points", "yes_no": "bands"}
        for criterion in self:
            criterion.method = methods.get(criterion.metric_id.unit, "percentile")

    @api.depends("metric_id")
    def _compute_unknown(self):
        for criterion in self:
            criterion.unknown = criterion.metric_id.unknown or "zero"

    # And by which limits: trying them would tell the value.
    @api.constrains("metric_id", "method", "band_1", "band_2", "band_3", "band_4", "band_unit")
    def _check_metric_id(self):
        self.metric_id._check_may_see()

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_typed(vals)  # before the database is asked
        self._check_once(vals_list)
        criteria = super().create(vals_list)
        criteria.policy_id._criteria_changed()
        return criteria

    def write(self, vals):
        if vals.get("metric_id"):
            self._check_typed(vals)
            self._check_once([{"policy_id": one.policy_id.id, **vals} for one in self])
        result = super().write(vals)
        self.policy_id._criteria_changed()
        return result

    def _check_once(self, vals_list):
        """Refuse a metric that a policy would have twice, before the database does: it logs an error.

        :param vals_list: of new criteria, or what these will have
        """
        policies = self.env["customer.tiering.policy"].browse({vals.get("policy_id") for vals in vals_list} - {None})
        taken = {(one.policy_id.id, one.metric_id.id) for one in policies.criterion_ids - self}
        for vals in vals_list:
            metric = vals.get("policy_id"), vals.get("metric_id")
            if metric in taken:
                raise ValidationError(
                    self.env._(
                        "%(policy)s uses %(metric)s already: change the weight of the criterion that is there.",
                        policy=policies.browse(metric[0]).name,
                        metric=self.env["customer.tiering.metric"].browse(metric[1]).name,
                    )
                )
            taken.add(metric)

    def unlink(self):
        policies = self.policy_id
        result = super().unlink()
        policies.exists()._criteria_changed()
        return result

    @api.depends("metric_id.name")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for criterion in self:
            criterion.display_name = criterion.metric_id.name

    def _get_bands(self):
        self.ensure_one()
        return (self.band_1, self.band_2, self.band_3, self.band_4)

    def _get_rule(self):
        """Return the engine's rule of this criterion.

        :raises RuleError: when it cannot be used
        """
        self.ensure_one()
        return engine.rules.CriterionRule(
            metric=self.metric_id.key,
            weight=self.weight,
            method=self.method,
            bands=self._get_bands(),
            band_unit=self.band_unit,
            unknown=self.unknown,
        )
