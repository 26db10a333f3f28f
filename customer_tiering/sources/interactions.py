"""Messages, done activities and meetings."""

import numpy as np

from odoo.tools import SQL

from ..engine import interactions, schema
from . import meetings
from .base import BOOLEAN, DATE, ID, MOMENT, MetricSource
from .people import find

# Messages that a person wrote to, from or about the customer; notifications are left out, because a
# done activity posts one and would count twice.
MESSAGE_TYPES = ("email", "email_outgoing", "comment")


class Interactions(MetricSource):
    """The interactions of each customer with the company: how many and when.

    Messages and done activities on the customer, its contacts and their orders in the company, and meetings.
    A meeting counts once for a customer, however many of its contacts attend. The done activity
    from which it was planned is the same interaction, whichever day somebody marked it as done.
    """

    columns = (schema.CONTACT_COUNT, schema.LAST_CONTACT_DATE, schema.CONTACT_DECAY)

    def read_columns(self, reading, columns):
        scope = reading.scope
        who, day = _read(reading)
        return interactions.summarize(reading.customers, who, day, as_of=scope.as_of, window_days=scope.window_days)


def _read(reading):
    """Return the interactions until the last day: place of the customer and day."""
    people, places, orders = reading.people, reading.places, reading.orders
    messages, activities, attendance = _fetch_messages(reading), _fetch_activities(reading), _fetch_attendance(reading)
    by_id = orders["id"].argsort()
    order_ids, order_people = orders["id"][by_id], np.append(orders["person"][by_id], -1)

    def find_customers(documents, moments):
        on_order, res_id = documents["on_order"], documents["res_id"]
        person = np.empty(len(res_id), dtype=int)
        person[~on_order] = people.find(res_id[~on_order], moments[~on_order])
        person[on_order] = order_people[find(order_ids, res_id[on_order])]
        return places[person]

    person = people.find(attendance["partner_id"], attendance["day"])
    met = (person >= 0) & reading.is_past(attendance["day"])
    met[met] = ~people.colleagues[person[met]]
    guest, event, met_on = places[person[met]], attendance["event_id"][met], attendance["day"][met]
    met_once, first = np.unique(_join(event, guest), return_index=True)

    doer = find_customers(activities, activities["day"])
    again = np.isin(_join(activities["event_id"], doer), met_once)
    who = np.concatenate((find_customers(messages, messages["moment"]), doer[~again], guest[first]))
    day = np.concatenate((reading.to_days(messages["moment"]), activities["day"][~again], met_on[first]))
    past = (who >= 0) & reading.is_past(day)
    return who[past], day[past]


def _join(events, customers):
    """Return meeting and customer in one number each."""
    return (events.astype("int64") << 31) + customers


def _fetch_messages(reading):
    """Return what people wrote to, from or about customers."""
    query = SQL(
        """
        SELECT id, model = 'sale.order' AS on_order, res_id, date AS moment
          FROM mail_message message
         WHERE message_type IN %(types)s AND model IN ('sale.order', 'res.partner')
           AND date < %(until)s AND %(of_messages)s
        """,
        types=MESSAGE_TYPES,
        of_messages=reading.scope.of_documents(SQL.identifier("message", "model"), SQL.identifier("message", "res_id")),
        **reading.scope.parameters,
    )
    return reading.fetch(query, {"on_order": BOOLEAN, "res_id": ID, "moment": MOMENT}, "mail_message")


def _fetch_activities(reading):
    """Return the done activities on customers and orders.

    A follow-up that was closed because its reason had gone was no interaction.
    """
    of_activities = reading.scope.of_documents(
        SQL.identifier("activity", "res_model"), SQL.identifier("activity", "res_id")
    )
    query = SQL(
        """
        SELECT res_model = 'sale.order' AS on_order, res_id, calendar_event_id AS event_id, date_done AS day
          FROM mail_activity activity
         WHERE active IS FALSE AND res_model IN ('sale.order', 'res.partner')
           AND date_done <= %(as_of)s AND %(of_activities)s
           AND NOT EXISTS (SELECT FROM customer_tiering_followup followup
                            WHERE followup.activity_id = activity.id AND followup.state = 'closed')
        """,
        of_activities=of_activities,
        **reading.scope.parameters,
    )
    return reading.fetch(query, {"on_order": BOOLEAN, "res_id": ID, "event_id": ID, "day": DATE})


def _fetch_attendance(reading):
    query = meetings.get_attendance_query(
        SQL("(VALUES (%(company)s, %(timezone)s))", **reading.scope.parameters),
        reading.scope.of_partners(SQL.identifier("attendance", "res_partner_id")),
    )
    return reading.fetch(query, {"event_id": ID, "partner_id": ID, "day": DATE})
