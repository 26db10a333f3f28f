from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import customers
from odoo.addons.customer_tiering.sources.base import COUNT, DATE, NUMBER, QuerySource

from .customer_tiering_policy import LEAST, MOST


class Surveys(QuerySource):
    """What customers and their contacts answered to the surveys that the policy names, and when they were asked."""

    columns = {
        "survey_result": NUMBER,
        "survey_count": COUNT,
        "survey_recommendation": NUMBER,
        "survey_recommendation_date": DATE,
        "survey_asked_days": NUMBER,
        "last_survey_date": DATE,
    }

    def get_query(self, scope):
        return SQL(
            """
            WITH entry AS (
                SELECT %(customer)s AS customer, asked.id, asked.end_datetime,
                       survey.scoring_type != 'no_scoring' AS is_scored, asked.scoring_percentage,
                       (asked.create_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date AS asked_on,
                       CASE WHEN asked.state = 'done'
                            THEN (asked.end_datetime AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date END AS done_on,
                       policy.recommendation_question_id AS question_id
                  FROM customer_tiering_policy policy
                  JOIN customer_tiering_policy_survey_rel named ON named.policy_id = policy.id
                  JOIN survey_survey survey ON survey.id = named.survey_id AND survey.active
                  JOIN survey_user_input asked ON asked.survey_id = survey.id AND asked.test_entry IS NOT TRUE
                  JOIN res_partner who ON who.id = asked.partner_id
                 WHERE policy.id = %(policy)s AND %(of_partners)s
            ), answered AS (
                SELECT entry.*, done_on > %(window_start)s AND done_on <= %(as_of)s AS is_recent, said.value
                  FROM entry
             LEFT JOIN LATERAL (SELECT line.value_scale AS value
                                  FROM survey_user_input_line line
                                 WHERE line.user_input_id = entry.id AND line.question_id = entry.question_id
                                   AND line.skipped IS NOT TRUE AND line.value_scale BETWEEN %(least)s AND %(most)s
                              ORDER BY line.id DESC LIMIT 1) said ON TRUE
            )
            SELECT customer,
                   (AVG(scoring_percentage) FILTER (WHERE is_recent AND is_scored))::float8 AS survey_result,
                   COUNT(*) FILTER (WHERE is_recent AND is_scored) AS survey_count,
                   ((array_agg(value ORDER BY end_datetime DESC, answered.id DESC)
                     FILTER (WHERE is_recent AND value IS NOT NULL))[1])::float8 AS survey_recommendation,
                   MAX(done_on) FILTER (WHERE is_recent AND value IS NOT NULL) AS survey_recommendation_date,
                   (%(as_of)s - MAX(asked_on) FILTER (WHERE asked_on <= %(as_of)s))::float8 AS survey_asked_days,
                   MAX(asked_on) FILTER (WHERE asked_on <= %(as_of)s) AS last_survey_date
              FROM answered
          GROUP BY 1
            """,
            customer=customers.get_customer(SQL("who"), SQL("asked.create_date")),
            least=LEAST,
            most=MOST,
            of_partners=scope.of_partners(SQL.identifier("asked", "partner_id")),
            **scope.parameters,
        )


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        return [*super()._get_metric_sources(), Surveys()]
