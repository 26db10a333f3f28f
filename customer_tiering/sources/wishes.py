"""What customers wish when they order: something made for them, or soon."""

import numpy as np

from odoo.tools import SQL

from ..engine import schema, wishes
from . import orders
from .base import BOOLEAN, ID, MetricSource

#: An order that is to be delivered within so many days is one in a hurry.
SOON_DAYS = 2


class Wishes(MetricSource):
    """From the confirmed orders of the window."""

    columns = wishes.COLUMNS

    def get_order_columns(self, scope):
        timezone = SQL("%s", scope.timezone)
        soon = SQL(
            "CASE WHEN commitment_date IS NOT NULL"  # to compute days takes longest
            " THEN (commitment_date AT TIME ZONE 'UTC' AT TIME ZONE %s)::date <= %s + %s END",
            timezone,
            orders.get_day(timezone),
            SOON_DAYS,
        )
        return {"hurried": (BOOLEAN, soon)}

    def read_columns(self, reading, columns):
        chosen = np.flatnonzero(orders.choose_placed(reading) & reading.orders["confirmed"])
        lines, specified = np.zeros(len(chosen)), np.zeros(len(chosen))
        if not columns.isdisjoint((schema.SPECIFIED_LINE_COUNT, schema.ORDERED_LINE_COUNT)):
            ordered = reading.lines["quantity"] > 0
            line, document = (reading.lines[name][ordered] for name in ("id", "document"))
            place, found = reading.find_each(reading.orders["id"][chosen], document)
            lines = np.bincount(place, minlength=len(chosen)).astype("float64")
            specified = np.bincount(place, np.isin(line, self._read_specified(reading))[found], len(chosen))
        hurried = reading.orders["hurried"][chosen]
        return wishes.summarize(reading.customers, reading.orders["buyer"][chosen], hurried, lines, specified)

    def _read_specified(self, reading):
        """Return the ids of the lines of orders that were specified: with a value that somebody typed, or with an
        option of which the product has no variant."""
        query = SQL(
            """
            SELECT line AS id
              FROM (SELECT sale_order_line_id AS line FROM product_attribute_custom_value
                     WHERE COALESCE(custom_value, '') != ''
                 UNION ALL
                    SELECT sale_order_line_id FROM product_template_attribute_value_sale_order_line_rel) specified
             WHERE %s
            """,
            reading.of_documents(SQL.identifier("line"), reading.lines["id"]),
        )
        return reading.fetch(query, {"id": ID})["id"]
