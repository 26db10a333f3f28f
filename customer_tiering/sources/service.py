"""The work that customers are, beside their orders: meetings and activities."""

from odoo.tools import SQL

from .activities import are_of_company, get_activities, get_customer
from .base import COUNT, SUM, QuerySource
from .meetings import get_meeting_query

#: More hours of one meeting are a typing error.
MOST_HOURS = 1e6


def _get_meetings(scope):
    return get_meeting_query(SQL("(VALUES (%(company)s, %(timezone)s))", **scope.parameters), scope.documents)


class MeetingHours(QuerySource):
    """Hours of meetings with the customer in the window; a meeting with several of its people counts once."""

    columns = {"meeting_hours": SUM}

    def get_query(self, scope):
        return SQL(
            """
            SELECT customer, SUM(LEAST(GREATEST(hours, 0), %(most)s)) AS meeting_hours
              FROM (SELECT DISTINCT met.event_id, met.customer, met.hours
                      FROM (%(meetings)s) met
                      JOIN res_partner partner ON partner.id = met.customer AND %(of_partners)s
                     WHERE met.day > %(window_start)s AND met.day <= %(as_of)s) held
          GROUP BY 1
            """,
            meetings=_get_meetings(scope),
            of_partners=scope.of_partners(SQL.identifier("partner", "id")),
            most=MOST_HOURS,
            **scope.parameters,
        )


class DoneActivities(QuerySource):
    """Activities that were done in the window, on the customer, its contacts and their documents of the company; a
    follow-up that was closed because its reason had gone was not done, and the activity from which a meeting with the
    customer was planned is that meeting."""

    columns = {"done_activity_count": COUNT}

    def get_query(self, scope):
        return SQL(
            """
            SELECT %(customer)s AS customer, COUNT(*) AS done_activity_count
              FROM %(activities)s
             WHERE activity.active IS FALSE
               AND activity.date_done > %(window_start)s AND activity.date_done <= %(as_of)s
               AND %(are_of_company)s AND %(of_activities)s
               AND NOT EXISTS (SELECT FROM customer_tiering_followup followup
                                WHERE followup.activity_id = activity.id AND followup.state = 'closed')
               AND NOT EXISTS (SELECT FROM (%(meetings)s) met
                                WHERE met.event_id = activity.calendar_event_id
                                  AND met.customer = %(customer)s
                                  AND met.day > %(window_start)s AND met.day <= %(as_of)s)
          GROUP BY 1
            """,
            meetings=_get_meetings(scope),
            activities=get_activities(scope.documents),
            customer=get_customer(),
            are_of_company=are_of_company(scope.documents, SQL("%s", scope.company_id)),
            of_activities=scope.of_documents(
                SQL.identifier("activity", "res_model"), SQL.identifier("activity", "res_id")
            ),
            **scope.parameters,
        )
