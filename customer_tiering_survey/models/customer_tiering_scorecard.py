from odoo import api, fields, models

from .customer_tiering_policy import GROUP


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    # Filled in by runs, because metrics have columns of these names. Answers are for people of surveys only; so are,
    # by these groups, the values of the metrics.
    survey_result = fields.Float(
        string="Survey Result (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        groups=GROUP,
        help="Average score of the surveys named by the policy that the customer and its contacts completed in the "
        "policy's window. Empty: not asked, or no answer, or the surveys have no scores.",
    )
    survey_count = fields.Integer(
        string="Surveys with a Result",
        readonly=True,
        groups=GROUP,
        help="How many completed surveys this result is the average of.",
    )
    survey_recommendation = fields.Float(
        string="Recommendation",
        digits=(3, 1),
        readonly=True,
        aggregator="avg",
        groups=GROUP,
        help="How likely the customer is to recommend you, 0 to 10: the last answer to the policy's question in its "
        "window. 9 and 10 are promoters, 6 and less are detractors. 0 is an answer, too: without one there is no date.",
    )
    survey_recommendation_date = fields.Date(
        string="Recommendation Given", readonly=True, groups=GROUP, help="When this answer was given."
    )
    last_survey_date = fields.Date(
        string="Last Asked",
        readonly=True,
        groups=GROUP,
        help="When the customer or one of its contacts was last asked by a survey of the policy, answered or not.",
    )

    @api.model
    def _get_table_fields(self):
        return [*super()._get_table_fields(), "survey_result", "survey_recommendation"]
