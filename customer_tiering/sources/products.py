"""Which products customers bought, from the lines of their orders."""

import numpy as np

from odoo.tools import SQL

from ..engine import products
from . import orders
from .base import FLOAT, ID, MetricSource
from .people import find


class Products(MetricSource):
    """From the lines of the purchases in the window.

    Lines with a negative price (a discount, a reward) are nothing that somebody bought.
    """

    columns = products.COLUMNS

    def get_order_columns(self, scope):
        """The rates, which convert the money of lines."""
        rate = SQL(
            """CASE WHEN NOT %(is_confirmed)s OR date_order < %(since)s OR currency_rate = 1 THEN 1::float8
                    ELSE %(rate)s::float8 END""",
            is_confirmed=orders.is_confirmed(),
            rate=orders.get_rate(),
            **scope.parameters,
        )
        return {"rate": (FLOAT, rate)}

    def read_columns(self, reading, columns):
        lines = _read_lines(reading)
        return products.summarize(reading.customers, *lines, decimals=reading.scope.decimals)


def _read_lines(reading):
    """Return the lines as ``engine/products.py`` takes them."""
    scope, found = reading.scope, reading.orders
    chosen = np.flatnonzero(orders.choose_bought(reading))
    chosen = chosen[found["id"][chosen].argsort()]
    ids = found["id"][chosen]
    if scope.everybody:
        # Which of the orders, is asked below; most that are not are older and have smaller ids.
        of_orders = SQL("order_id >= %s AND order_id <= %s", *(map(int, ids[[0, -1]]) if len(ids) else (0, 0)))
    else:
        of_orders = SQL("order_id = ANY(%s)", ids.tolist())
    query = SQL(
        """
        SELECT id, order_id, product_id AS product, GREATEST(price_subtotal, 0) AS cost,
               price_unit AS price, product_uom_qty AS quantity, discount
          FROM sale_order_line
         WHERE %(of_orders)s AND display_type IS NULL AND product_uom_qty > 0 AND price_unit >= 0
           AND company_id = %(company)s
        """,
        of_orders=of_orders,
        **scope.parameters,
    )
    numbers = ("cost", "price", "quantity", "discount")
    columns = {"order_id": ID, "product": ID, **dict.fromkeys(numbers, FLOAT)}
    lines = reading.fetch(query, columns, "sale_order_line")
    place = find(ids, lines.pop("order_id"))
    known = place >= 0
    order = chosen[place[known]]
    rate = found["rate"][order]
    cost, price, quantity, discount = (np.nan_to_num(lines.pop(column)[known]) for column in numbers)
    listed = price * quantity / rate
    product = lines.pop("product")[known]
    money = cost / rate, listed, listed * discount / 100
    return found["buyer"][order], found["day"][order], product, _read_categories(reading, product), money


def _read_categories(reading, product):
    """Return the category of each product (ids), 0: none."""
    query = SQL(
        """
        SELECT product.id, template.categ_id AS category
          FROM product_product product
          JOIN product_template template ON template.id = product.product_tmpl_id
         WHERE %s
        """,
        SQL("TRUE") if reading.scope.everybody else SQL("product.id = ANY(%s)", np.unique(product).tolist()),
    )
    rows = reading.fetch(query, {"id": ID, "category": ID})
    by_id = rows["id"].argsort()
    categories = np.append(rows["category"][by_id], 0)
    return categories[find(rows["id"][by_id], product)]
