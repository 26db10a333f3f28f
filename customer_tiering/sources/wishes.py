"""What customers wish when they order: something made for them, or soon."""

import numpy as np

from odoo.tools import SQL

from ..engine import schema, wishes
from . import orders
from .base import BOOLEAN, FLOAT, ID, MetricSource

#: An order that is to be delivered within so many days is one in a hurry.
SOON_DAYS = 2


class Wishes(MetricSource):
    """From the confirmed orders of the window."""

    columns = wishes.COLUMNS

    def get_order_columns(self, scope):
        timezone = SQL("%s", scope.timezone)
        soon = SQL(
            "COALESCE((commitment_date AT TIME ZONE 'UTC' AT TIME ZONE %s)::date <= %s + %s, FALSE)",
            timezone,
            orders.get_day(timezone),
            SOON_DAYS,
        )
        return {"hurried": (BOOLEAN, soon)}

    def read_columns(self, reading, columns):
        chosen = np.flatnonzero(orders.choose_placed(reading) & reading.orders["confirmed"])
        lines, specified = np.zeros(len(chosen)), np.zeros(len(chosen))
        if not columns.isdisjoint((schema.SPECIFIED_LINE_COUNT, schema.ORDERED_LINE_COUNT)):
            ids = reading.orders["id"][chosen]
            found = reading.fetch(self._get_lines_query(reading, ids), {"id": ID, "lines": FLOAT, "specified": FLOAT})
            places, kept = reading.find_each(ids, found["id"])
            lines[places], specified[places] = found["lines"][kept], found["specified"][kept]
        hurried = reading.orders["hurried"][chosen]
        return wishes.summarize(reading.customers, reading.orders["buyer"][chosen], hurried, lines, specified)

    def _get_lines_query(self, reading, ids):
        """Return the SELECT of the ``lines`` of goods of orders, and of those that were ``specified``: with a value
        that somebody typed, or with an option of which the product has no variant."""
        return SQL(
            """
            WITH specified AS (
                SELECT sale_order_line_id AS id FROM product_attribute_custom_value
                 WHERE sale_order_line_id IS NOT NULL AND COALESCE(custom_value, '') != ''
                 UNION
                SELECT sale_order_line_id FROM product_template_attribute_value_sale_order_line_rel
            )
            SELECT ordered.order_id AS id, COUNT(*) AS lines, COUNT(specified.id) AS specified
              FROM sale_order_line ordered
         LEFT JOIN specified ON specified.id = ordered.id
             WHERE %(of_documents)s AND ordered.display_type IS NULL AND ordered.product_uom_qty > 0
               AND ordered.is_downpayment IS NOT TRUE AND ordered.company_id = %(company)s
          GROUP BY 1
            """,
            of_documents=reading.of_documents(SQL.identifier("ordered", "order_id"), ids),
            **reading.scope.parameters,
        )
