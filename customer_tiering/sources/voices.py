"""What people have noted about customers: needs, the pulse, and what matters to them."""

from datetime import timedelta

from odoo.tools import SQL

from .base import COUNT, NUMBER, QuerySource

#: What a salesperson feels counts for so many days.
PULSE_DAYS = 90


class Needs(QuerySource):
    """How many needs of the customer hold on the last day, in this company or in all."""

    columns = {"need_count": COUNT}

    def get_query(self, scope):
        return SQL(
            """
            SELECT partner_id AS customer, COUNT(*) AS need_count
              FROM customer_tiering_need
             WHERE (company_id IS NULL OR company_id = %(company)s) AND date <= %(as_of)s
               AND (valid_until IS NULL OR valid_until >= %(as_of)s) AND %(of_partners)s
          GROUP BY 1
            """,
            of_partners=scope.of_partners(SQL.identifier("partner_id")),
            **scope.parameters,
        )


class Pulse(QuerySource):
    """The mean of what each person felt last, within the days for which it counts: -1 to 1, unknown without any."""

    columns = {"pulse": NUMBER}

    def get_query(self, scope):
        return SQL(
            """
            SELECT partner_id AS customer, AVG(value)::float8 AS pulse
              FROM (SELECT DISTINCT ON (partner_id, user_id) partner_id, value
                      FROM customer_tiering_pulse
                     WHERE company_id = %(company)s AND date <= %(as_of)s AND date > %(since_day)s AND %(of_partners)s
                  ORDER BY partner_id, user_id, date DESC, id DESC) felt
          GROUP BY 1
            """,
            since_day=scope.as_of - timedelta(days=PULSE_DAYS),
            of_partners=scope.of_partners(SQL.identifier("partner_id")),
            **scope.parameters,
        )


class Motives(QuerySource):
    """What matters to customers: what a person said last about each, and what was proposed until now."""

    columns = {"motive_said": NUMBER, "motive_before": NUMBER}

    def get_query(self, scope):
        return SQL(
            """
            WITH said AS (
                SELECT DISTINCT ON (partner_id) partner_id, motive_id
                  FROM customer_tiering_motive_word
                 WHERE company_id = %(company)s AND date <= %(as_of)s AND %(of_partners)s
              ORDER BY partner_id, date DESC, id DESC
            ), proposed AS (
                SELECT partner_id, proposed_motive_id
                  FROM customer_tiering_scorecard
                 WHERE company_id = %(company)s AND proposed_motive_id IS NOT NULL AND %(of_partners)s
            )
            SELECT COALESCE(said.partner_id, proposed.partner_id) AS customer,
                   said.motive_id::float8 AS motive_said, proposed.proposed_motive_id::float8 AS motive_before
              FROM said FULL JOIN proposed ON proposed.partner_id = said.partner_id
            """,
            of_partners=scope.of_partners(SQL.identifier("partner_id")),
            **scope.parameters,
        )
