"""The days on which somebody was in touch with customers, as SQL for reports; what is an interaction is said in
:mod:`.interactions`."""

from odoo.tools import SQL

from . import customers, meetings, messages


def get_touch_query(companies, documents):
    """Return the SELECT of the interactions until today: ``partner_id``, the customer, ``company_id`` and ``day``; the
    same row may come several times.

    :param companies: a table of ``id``, ``timezone`` and what day is ``today`` there, as SQL
    :param documents: the :class:`.documents.Documents` on which there are interactions, beside contacts
    """
    return SQL(
        """
        WITH met AS (
            SELECT DISTINCT held.company_id, held.event_id, held.customer, held.day
              FROM (%(meetings)s) held JOIN %(companies)s company ON company.id = held.company_id
             WHERE held.day <= company.today
        )
        SELECT message.customer AS partner_id, company.id AS company_id, written.day
          FROM (%(messages)s) message
          JOIN %(companies)s company ON message.company_id IS NULL OR message.company_id = company.id
    CROSS JOIN LATERAL (SELECT (message.moment AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date AS day) written
         WHERE written.day <= company.today
     UNION ALL
        SELECT activity.customer, company.id, activity.date_done
          FROM (%(activities)s) activity
          JOIN %(companies)s company ON activity.company_id IS NULL OR activity.company_id = company.id
         WHERE activity.date_done <= company.today
           AND NOT EXISTS (SELECT FROM customer_tiering_followup followup
                            WHERE followup.activity_id = activity.id AND followup.state = 'closed')
           AND NOT EXISTS (SELECT FROM met
                            WHERE met.event_id = activity.calendar_event_id AND met.customer = activity.customer
                              AND met.company_id = company.id)
     UNION ALL
        SELECT customer, company_id, day FROM met
        """,
        companies=companies,
        meetings=meetings.get_meeting_query(SQL("(SELECT id, timezone FROM %s each)", companies), documents),
        messages=_get_messages(documents),
        activities=_get_activities(documents),
    )


def _get_messages(documents):
    return _of_all(
        documents,
        """
        SELECT %(customer)s AS customer, %(company)s AS company_id, message.date AS moment
          FROM mail_message message %(join)s
         WHERE message.model = %(model)s AND %(is_personal)s
        """,
        table="message",
        moment=SQL("message.date"),
        is_personal=messages.is_personal(),
    )


def _get_activities(documents):
    return _of_all(
        documents,
        """
        SELECT %(customer)s AS customer, %(company)s AS company_id, activity.id, activity.date_done,
               activity.calendar_event_id
          FROM mail_activity activity %(join)s
         WHERE activity.res_model = %(model)s AND activity.active IS FALSE AND activity.date_done IS NOT NULL
        """,
        table="activity",
        moment=SQL("activity.date_done"),
    )


def _of_all(documents, template, table, moment, **parameters):
    """Return the SELECT of what is on contacts and on documents, one after the other.

    :param template: the SELECT for one model, with ``customer``, ``company``, ``join`` and ``model``
    :param table: the alias of what is on them; their ids are its ``res_id``
    :param moment: naive UTC, when it was, as SQL
    """
    res_id = SQL.identifier(table, "res_id")
    person = SQL("JOIN res_partner person ON person.id = %s", res_id)
    of_each = [("res.partner", person, SQL("NULL::int"))]
    for on in documents:
        join = SQL(
            "JOIN %s ON %s = %s JOIN res_partner person ON person.id = %s",
            on.from_table,
            on.get_column("id"),
            res_id,
            on.get_column("partner_id"),
        )
        of_each.append((on.model, join, on.get_column("company_id")))
    customer = customers.get_customer(SQL("person"), moment)
    return SQL(" UNION ALL ").join(
        SQL(template, model=model, join=join, company=company, customer=customer, **parameters)
        for model, join, company in of_each
    )
