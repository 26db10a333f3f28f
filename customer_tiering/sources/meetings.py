"""Who attended which meeting, and which is about a document, as SQL."""

from odoo.tools import SQL

from . import customers
from .documents import is_of_company


def get_attendance_query(companies, of_attendees, documents):
    """Return the SELECT of who attends meetings: rows of company, meeting and person, with ``company_id``,
    ``event_id``, ``partner_id``, ``day`` and ``hours``. Whoever declined the invitation does not attend.

    A meeting about a document is one with the document's customer, who need not be invited; the same row may come twice
    then. A meeting has no company: it belongs to those that its organizer may work in, and to all when
    no user organizes it. All-day meetings are kept as dates without a time zone, and count 8 hours
    a day. The occurrences of a recurrent meeting are rows of their own.

    :param companies: a table of the companies' ids and the names of their time zones, as SQL
    :param of_attendees: condition on ``attendance.res_partner_id``, as SQL
    :param documents: the :class:`.documents.Documents` that meetings may be about
    """
    met = [about for about in documents if about.meetings]
    return SQL(
        """
        SELECT company.id AS company_id, event.id AS event_id, attendance.res_partner_id AS partner_id,
               CASE WHEN event.allday THEN event.start_date
                    ELSE (event.start AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date END AS day,
               CASE WHEN event.allday THEN (event.stop_date - event.start_date + 1) * 8.0
                    ELSE event.duration END AS hours
          FROM %(attendance)s attendance
          JOIN calendar_event event ON event.id = attendance.calendar_event_id
          JOIN %(companies)s company (id, timezone)
            ON event.user_id IS NULL
            OR EXISTS (SELECT FROM res_company_users_rel WHERE cid = company.id AND user_id = event.user_id)
         WHERE event.active IS TRUE
           AND %(is_of_company)s
           AND NOT EXISTS (SELECT FROM calendar_attendee answer
                            WHERE answer.event_id = event.id AND answer.partner_id = attendance.res_partner_id
                              AND answer.state = 'declined')
           AND %(of_attendees)s
        """,
        attendance=SQL("(%s)", _get_guests(met)) if met else SQL("calendar_event_res_partner_rel"),
        companies=companies,
        is_of_company=is_of_company(SQL("attendance.company_id"), SQL("company.id")) if met else SQL("TRUE"),
        of_attendees=of_attendees,
    )


def _get_guests(documents):
    """Return the SELECT of who is invited to a meeting or the customer of what it is about."""
    invited = SQL(
        "SELECT calendar_event_id, res_partner_id, NULL::int AS company_id FROM calendar_event_res_partner_rel"
    )
    concerned = [
        SQL(
            "SELECT event.id, %s, %s FROM %s JOIN calendar_event event ON %s",
            about.get_column("partner_id"),
            about.get_column("company_id"),
            about.from_table,
            is_about,
        )
        for about in documents
        for is_about in about.meetings
    ]
    return SQL(" UNION ALL ").join([invited, *concerned])


def get_meeting_query(companies, documents):
    """Return the SELECT of who met customers: what :func:`get_attendance_query` has, without colleagues, and
    the ``customer``, that of the day; several contacts of a customer give equal rows.

    :param companies: a table of the companies' ids and the names of their time zones, as SQL
    :param documents: the :class:`.documents.Documents` that meetings may be about
    """
    return SQL(
        """
        SELECT attended.company_id, attended.event_id, %(customer)s AS customer, attended.day, attended.hours
          FROM (%(attended)s) attended
          JOIN res_partner attendee ON attendee.id = attended.partner_id
         WHERE attendee.partner_share IS NOT FALSE
        """,
        customer=customers.get_customer(SQL("attendee"), SQL("attended.day")),
        attended=get_attendance_query(companies, SQL("TRUE"), documents),
    )
