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
            ("tenure", "Days since first order"),
            ("regularity", "Regularity"),
            ("lateness", "Lateness"),
            ("growth", "Growth"),
            ("categories", "Product categories"),
            ("category_share", "Share of top category"),
            ("repurchase_rate", "Products bought again"),
            ("discount_share", "Discounts"),
            ("team_share", "Share of top sales team"),
            ("conversion", "Quotations confirmed"),
            ("open_quotations", "Open quotations"),
            ("contact_decay", "Recent contacts"),
            ("overdue_activities", "Overdue activities"),
        ],
        required=True,
    )
    metric_help = fields.Text(string="Meaning", compute="_compute_metric_help")
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

    @api.depends("metric")
    @api.depends_context("lang")
    def _compute_metric_help(self):
        for criterion in self:
            criterion.metric_help = criterion.metric and self._get_metric_help(criterion.metric)

    @api.model
    def _get_metric_help(self, metric):
        """Return what a metric measures, in which unit and what is better, in the user's language.

        :param metric: key of a metric
        :return: one or two sentences for a sales manager; empty for a metric that has none
        """
        texts = {
            "recency": self.env._("Days since the last order. Fewer is better."),
            "frequency": self.env._("Number of orders in the window. More is better."),
            "monetary": self.env._("Untaxed amount of the orders in the window, less credit notes. More is better."),
            "average_order": self.env._("Average untaxed amount of an order in the window. More is better."),
            "gap_mean": self.env._("Average number of days between two days with orders, ever. Fewer is better."),
            "gap_median": self.env._("Usual number of days between two days with orders, ever. Fewer is better."),
            "contacts": self.env._(
                "Meetings, e-mails, messages, notes and done activities in the window. More is better."
            ),
            "contact_recency": self.env._("Days since the last contact. Fewer is better."),
            "tenure": self.env._("Days since the first order. More is better."),
            "regularity": self.env._(
                "How alike the days between orders are, in percent: 100 is always the same, 50 is by chance. "
                "More is better. Needs three days with orders."
            ),
            "lateness": self.env._(
                "Days since the last order in multiples of the customer's usual cycle: 2 is twice as long as usual. "
                "Less is better. Needs two days with orders."
            ),
            "growth": self.env._(
                "Amounts of the later half of the window against the earlier half, from -100 to 100 percent; "
                "0 is equally much. More is better."
            ),
            "categories": self.env._("Number of different product categories bought in the window. More is better."),
            "category_share": self.env._(
                "Percent of the amount in the window that one product category has. "
                "Less is better: the customer does not depend on one category."
            ),
            "repurchase_rate": self.env._(
                "Percent of the products bought in the window that were bought on two or more days. More is better."
            ),
            "discount_share": self.env._(
                "Discounts in the window, in percent of the prices before discount. Less is better."
            ),
            "team_share": self.env._(
                "Percent of the orders in the window that one sales team has. "
                "Less is better: the customer buys in several ways."
            ),
            "conversion": self.env._(
                "Percent of the quotations and orders dated in the window that are confirmed. More is better."
            ),
            "open_quotations": self.env._("Number of quotations neither confirmed nor cancelled. More is better."),
            "contact_decay": self.env._(
                "Contacts in the window; one of today counts 1, an older one less, down to 0 at the start of the "
                "window. More is better."
            ),
            "overdue_activities": self.env._("Number of open activities past their deadline. Fewer is better."),
        }
        return texts.get(metric, "")

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

    @api.model_create_multi
    def create(self, vals_list):
        criteria = super().create(vals_list)
        criteria.policy_id._criteria_changed()
        return criteria

    def write(self, vals):
        result = super().write(vals)
        self.policy_id._criteria_changed()
        return result

    def unlink(self):
        policies = self.policy_id
        result = super().unlink()
        policies.exists()._criteria_changed()
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
