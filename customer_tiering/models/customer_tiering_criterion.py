from itertools import pairwise

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class CustomerTieringCriterion(models.Model):
    _name = "customer.tiering.criterion"
    _description = "Customer Tiering Criterion"
    _order = "policy_id, sequence, id"
    _rec_name = "metric"

    policy_id = fields.Many2one("customer.tiering.policy", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    # A module that brings its own metric extends this selection and registers the metric in the engine.
    metric = fields.Selection(
        [
            ("recency", "Recency"),
            ("frequency", "Frequency"),
            ("monetary", "Monetary value"),
            ("average_order", "Average order"),
            ("gap_mean", "Average days between orders"),
            ("gap_median", "Purchase cycle"),
            ("contacts", "Contacts"),
            ("contact_recency", "Days since last contact"),
        ],
        required=True,
    )
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
        ],
        required=True,
        default="percentile",
        help="Percentile: 0 to 100 points by the customer's place among those who bought in the window.\n"
        "Fifths: 0, 25, 50, 75 or 100 points, one fifth of the customers each.\n"
        "Fixed bands: 0, 25, 50, 75 or 100 points by the limits you type.",
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
        [("value", "The metric's own unit"), ("average_order", "Times the average order")],
        string="Limits In",
        compute="_compute_bands",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="For money, limits in multiples of your average order fit any currency and price level.",
    )

    _metric_uniq = models.UniqueIndex(
        "(policy_id, metric)", "A policy uses each metric once: change the weight of the one that is there."
    )
    _weight_positive = models.Constraint("CHECK(weight >= 0)", "A weight is 0 or more.")

    @api.depends("metric")
    def _compute_bands(self):
        from ..engine import metrics  # noqa: PLC0415 - pandas stays out of the server's start-up

        for criterion in self:
            if not criterion.metric:
                criterion.band_unit = "value"
                continue
            metric = metrics.get(criterion.metric)
            criterion.band_1, criterion.band_2, criterion.band_3, criterion.band_4 = metric.bands
            criterion.band_unit = metric.band_unit

    @api.constrains("band_1", "band_2", "band_3", "band_4")
    def _check_bands(self):
        for criterion in self:
            bands = criterion._get_bands()
            if any(low >= high for low, high in pairwise(bands)):
                raise ValidationError(
                    self.env._(
                        "The limits of “%(metric)s” must rise from limit 1 to limit 4. Now they are %(bands)s.",
                        metric=criterion._get_metric_label(),
                        bands=", ".join(f"{band:g}" for band in bands),
                    )
                )

    @api.constrains("weight")
    def _check_policy_criteria(self):
        # A policy saved with its criteria is judged once, when all of them are in place.
        if not self.env.context.get("tiering_policy_in_progress"):
            self.policy_id._check_criteria()

    def unlink(self):
        policies = self.policy_id
        result = super().unlink()
        if not self.env.context.get("tiering_policy_in_progress"):
            policies.exists()._check_criteria()
        return result

    @api.depends("metric")
    def _compute_display_name(self):
        for criterion in self:
            criterion.display_name = criterion._get_metric_label()

    def _get_bands(self):
        self.ensure_one()
        return (self.band_1, self.band_2, self.band_3, self.band_4)

    def _get_metric_label(self):
        self.ensure_one()
        return self._get_metric_labels().get(self.metric, self.metric)

    @api.model
    def _get_metric_labels(self):
        """Return ``{metric key: label in the user's language}``."""
        return dict(self._fields["metric"]._description_selection(self.env))

    def _get_rule(self):
        """Return the engine's rule of this criterion."""
        from ..engine import rules  # noqa: PLC0415

        self.ensure_one()
        return rules.CriterionRule(
            metric=self.metric,
            weight=self.weight,
            method=self.method,
            bands=self._get_bands(),
            band_unit=self.band_unit,
        )
