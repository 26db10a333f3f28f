"""Messages, done activities and meetings."""

import numpy as np

from odoo.tools import SQL

from ..engine import interactions, schema
from . import meetings, messages
from .base import DATE, ID, MOMENT, MetricSource
from .documents import ORDERS, is_of_company
from .people import find


class Interactions(MetricSource):
    """The interactions of each customer with the company: how many and when.

    Personal messages and done activities on the customer, its contacts and their documents in the company, and
    meetings with them or about such a document. A meeting counts once for a customer, however many of its contacts
    attend. The done activity from which it was planned is the same interaction, whichever day somebody marked it as
    done.
    """

    columns = (schema.CONTACT_COUNT, schema.LAST_CONTACT_DATE, schema.CONTACT_DECAY)

    def read_columns(self, reading, columns):
        scope = reading.scope
        who, day = read_days(reading)
        return interactions.summarize(reading.customers, who, day, as_of=scope.as_of, window_days=scope.window_days)


def read_days(reading):
    """Return the interactions until the last day: place of the customer and day."""
    people, places = reading.people, reading.places
    owners = [_fetch_owners(reading, documents) for documents in reading.scope.documents]

    def find_customers(found, moments):
        kind, res_id = found["kind"], found["res_id"]
        person = np.empty(len(res_id), dtype=int)
        person[kind == 0] = people.find(res_id[kind == 0], moments[kind == 0])
        for number, (ids, owner) in enumerate(owners, 1):
            person[kind == number] = owner[find(ids, res_id[kind == number])]
        return places[person]

    def are_of_customers(found):
        return find_customers(found, found["moment"]) >= 0

    written = _fetch_messages(reading, are_of_customers)
    activities, attendance = _fetch_activities(reading), _fetch_attendance(reading)

    person = people.find(attendance["partner_id"], attendance["day"])
    met = (person >= 0) & reading.is_past(attendance["day"])
    met[met] = ~people.colleagues[person[met]]
    guest, event, met_on = places[person[met]], attendance["event_id"][met], attendance["day"][met]
    met_once, first = np.unique(_join(event, guest), return_index=True)

    doer = find_customers(activities, activities["day"])
    again = np.isin(_join(activities["event_id"], doer), met_once)
    who = np.concatenate((find_customers(written, written["moment"]), doer[~again], guest[first]))
    day = np.concatenate((reading.to_days(written["moment"]), activities["day"][~again], met_on[first]))
    past = (who >= 0) & reading.is_past(day)
    return who[past], day[past]


def _join(events, customers):
    """Return meeting and customer in one number each."""
    return (events.astype("int64") << 31) + customers


def _fetch_owners(reading, documents):
    """Return the ids of documents of the company, and the place of the person of each.

    And one place more: that of nobody, for what is not found.
    """
    if documents == ORDERS:  # scanned already
        ids, person = reading.orders["id"], reading.orders["person"]
    else:
        query = SQL(
            "SELECT id, partner_id FROM %s WHERE partner_id IS NOT NULL AND %s AND %s",
            documents.from_table,
            reading.scope.of_partners(SQL.identifier("partner_id")),
            is_of_company(SQL.identifier("company_id"), SQL("%s", reading.scope.company_id)),
        )
        found = reading.fetch(query, {"id": ID, "partner_id": ID}, documents.table)
        ids, person = found["id"], reading.people.find(found["partner_id"])
    return ids, np.append(person, -1)


def _get_kind(scope, column):
    """Return the number of the scope's documents that a message or an activity is on, as SQL; of a contact NULL.

    :param column: the name of the documents' model, as SQL
    """
    numbers = [SQL("WHEN %s THEN %s", on.model, number) for number, on in enumerate(scope.documents, 1)]
    return SQL("CASE %s %s END", column, SQL(" ").join(numbers))


def _get_models(scope):
    return ("res.partner", *(on.model for on in scope.documents))


def _fetch_messages(reading, are_of_customers):
    """Return what people wrote to, from or about customers.

    :param are_of_customers: returns of an array of messages which are of a customer. Of a part all messages are looked
        at: to find out by SQL whose they are takes longer
    """
    scope, model = reading.scope, SQL.identifier("message", "model")
    query = SQL(
        """
        SELECT id, %(kind)s AS kind, res_id, date AS moment
          FROM mail_message message
         WHERE %(is_personal)s AND model IN %(models)s
           AND date < %(until)s AND %(of_messages)s
        """,
        kind=_get_kind(scope, model),
        is_personal=messages.is_personal(),
        models=_get_models(scope),
        of_messages=SQL("TRUE") if scope.scans else scope.of_documents(model, SQL.identifier("message", "res_id")),
        **scope.parameters,
    )
    columns = {"kind": ID, "res_id": ID, "moment": MOMENT}
    return reading.fetch(query, columns, "mail_message", None if scope.everybody else are_of_customers)


def _fetch_activities(reading):
    """Return the done activities on customers and documents.

    A follow-up that was closed because its reason had gone was no interaction.
    """
    scope, model = reading.scope, SQL.identifier("activity", "res_model")
    query = SQL(
        """
        SELECT %(kind)s AS kind, res_id, calendar_event_id AS event_id, date_done AS day
          FROM mail_activity activity
         WHERE active IS FALSE AND res_model IN %(models)s
           AND date_done <= %(as_of)s AND %(of_activities)s
           AND NOT EXISTS (SELECT FROM customer_tiering_followup followup
                            WHERE followup.activity_id = activity.id AND followup.state = 'closed')
        """,
        kind=_get_kind(scope, model),
        models=_get_models(scope),
        of_activities=SQL("TRUE") if scope.scans else scope.of_documents(model, SQL.identifier("activity", "res_id")),
        **scope.parameters,
    )
    return reading.fetch(query, {"kind": ID, "res_id": ID, "event_id": ID, "day": DATE})


def _fetch_attendance(reading):
    query = meetings.get_attendance_query(
        SQL("(VALUES (%(company)s, %(timezone)s))", **reading.scope.parameters),
        reading.scope.of_partners(SQL.identifier("attendance", "res_partner_id")),
        reading.scope.documents,
    )
    return reading.fetch(query, {"event_id": ID, "partner_id": ID, "day": DATE})
