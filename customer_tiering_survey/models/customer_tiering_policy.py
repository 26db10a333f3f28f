from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Command

GROUP = "survey.group_survey_user"
# The scale of recommendations, from “not at all” to “certainly”.
LEAST, MOST = 0, 10


class CustomerTieringPolicy(models.Model):
    _inherit = "customer.tiering.policy"

    # Copied by hand: who copies a policy need not see the surveys.
    survey_ids = fields.Many2many(
        "survey.survey",
        "customer_tiering_policy_survey_rel",
        "policy_id",
        "survey_id",
        string="Surveys",
        copy=False,
        groups=GROUP,
        help="The surveys that ask customers how satisfied they are. Only answers to these count. None: the metrics of "
        "surveys are not known of anybody.",
    )
    recommendation_question_id = fields.Many2one(
        "survey.question",
        string="Question about Recommending",
        domain="[('survey_id', 'in', survey_ids), ('question_type', '=', 'scale')]",
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        groups=GROUP,
        help="The question with a scale from 0 to 10 that asks how likely the customer is to recommend you. Empty: "
        "recommendations are not known.",
    )

    @api.constrains("survey_ids", "recommendation_question_id")
    def _check_recommendation_question_id(self):
        for policy in self.sudo().with_context(active_test=False):  # sudo: who changes something else need not see them
            question = policy.recommendation_question_id
            if not question:
                continue
            if question.survey_id not in policy.survey_ids:
                raise ValidationError(
                    self.env._(
                        "“%(question)s” is a question of the survey %(survey)s. Add this survey to those of "
                        "%(policy)s, or choose another question.",
                        question=question.title,
                        survey=question.survey_id.title,
                        policy=policy.name,
                    )
                )
            if question.question_type != "scale" or (question.scale_min, question.scale_max) != (LEAST, MOST):
                raise ValidationError(
                    self.env._(
                        "“%(question)s” has no scale from %(least)s to %(most)s. Give it one in the survey, or choose "
                        "another question.",
                        question=question.title,
                        least=LEAST,
                        most=MOST,
                    )
                )

    def copy(self, default=None):
        copies = super().copy(default)
        for policy, copied in zip(self.sudo(), copies.sudo(), strict=True):
            copied.write(
                {
                    "survey_ids": [Command.set(policy.survey_ids.ids)],
                    "recommendation_question_id": policy.recommendation_question_id.id,
                }
            )
        return copies
