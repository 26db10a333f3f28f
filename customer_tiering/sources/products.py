"""Which products customers bought, from the lines of their purchases."""

import numpy as np
import pandas as pd

from odoo.tools import SQL

from ..engine import products
from . import orders
from .base import BOOLEAN, FLOAT, ID, MetricSource
from .people import find

#: Which share of a line, in money or pieces, is all of it: what came back at another rate may be a little less.
ALL_BACK = 0.999


class Products(MetricSource):
    """From the lines of the purchases in the window."""

    columns = (*products.COLUMNS, *products.PRICE_COLUMNS)

    def get_order_columns(self, scope):
        """The rates, which convert the money of orders' lines."""
        rate = SQL(
            """CASE WHEN NOT %(is_confirmed)s OR date_order < %(since)s OR currency_rate = 1 THEN 1::float8
                    ELSE %(rate)s::float8 END""",
            is_confirmed=orders.is_confirmed(),
            rate=orders.get_rate(),
            **scope.parameters,
        )
        return {"rate": (FLOAT, rate)}

    def read_columns(self, reading, columns):
        bought, source = reading.bought, reading.purchase_source
        line, product, category, *money = source.read_lines(reading, source.get_ids(reading)[bought])
        buyer, decimals = reading.purchases.buyer[bought][line], reading.scope.decimals
        found = products.summarize(
            reading.customers,
            buyer,
            reading.purchases.day[bought][line],
            product,
            category,
            tuple(money),
            decimals=decimals,
        )
        if columns.isdisjoint(products.PRICE_COLUMNS):
            return found
        levels = _read_levels(reading, product)
        return found.join(products.summarize_prices(reading.customers, buyer, levels, money[0], decimals=decimals))


class Goods(Products):
    """Nothing but the lines: ``found`` are the arrays of what the customers bought in the window, a row for each line:
    ``customer`` (id), ``day``, ``product``, ``category`` (id, 0: none), ``quantity`` and ``money``, see
    :meth:`.base.PurchaseSource.read_goods`. Purchases, and lines, of which everything was given back are none."""

    columns = ("goods",)

    def read_columns(self, reading, columns):
        bought, source = reading.bought, reading.purchase_source
        line, *goods = source.read_goods(reading, source.get_ids(reading)[bought])
        self.found = {
            "customer": reading.customers.to_numpy()[reading.purchases.buyer[bought][line]],
            "day": reading.purchases.day[bought][line],
            **dict(zip(("product", "category", "quantity", "money"), goods, strict=True)),
        }
        return pd.DataFrame(index=reading.customers)


def read_lines(reading, back, query, table, ids, rate=None):
    """Return the lines of documents as :meth:`.base.PurchaseSource.read_lines` does.

    A line with a negative price is a discount on the rest.

    :param back: the SELECT of which ``share`` of a ``line`` came back, several rows are added up
    :param query: the SELECT of the lines of goods and of discounts on them: ``id``, ``document``, ``product``, what it
        ``cost`` and what it would have without the ``discount`` (percent) as ``listed``
    :param table: the name of their table
    :param rate: of each document by which money is divided; None: it is in the company's currency
    """
    numbers = ("cost", "listed", "discount")
    columns = {"document": ID, "product": ID, **dict.fromkeys(numbers, FLOAT)}
    lines = reading.fetch(SQL("SELECT * FROM (%s) line WHERE %s", query, _is_kept(reading, back)), columns, table)
    place, found = reading.find_each(ids, lines.pop("document"))
    lines = {name: values[found] for name, values in lines.items()}
    cost, listed, discount = (np.nan_to_num(lines[name]) for name in numbers)
    if rate is not None:
        cost, listed = cost / rate[place], listed / rate[place]
    is_discount = (cost < 0) | (listed < 0)
    product = np.where(is_discount, 0, lines["product"])
    category, is_combo = _read_categories(reading, product)
    product = np.where(is_combo, 0, product)  # what is in it has lines of its own
    less = np.where(is_discount, -cost, listed * discount / 100)
    nothing = np.zeros_like(cost)
    return place, product, category, np.where(is_discount, nothing, cost), np.where(is_discount, nothing, listed), less


def read_goods(reading, back, query, table, ids, rate=None):
    """Return the goods in documents as :meth:`.base.PurchaseSource.read_goods` does.

    :param back: as for :func:`read_lines`
    :param query: the same, with the ``quantity`` and the ``unit`` in which it is, NULL: the product's
    """
    query = SQL(
        """
        SELECT line.id, line.document, line.product, line.cost,
               line.quantity * COALESCE(sold_in.factor / NULLIF(kept_in.factor, 0), 1) AS quantity
          FROM (%s) line
          JOIN product_product product ON product.id = line.product
          JOIN product_template template ON template.id = product.product_tmpl_id
     LEFT JOIN uom_uom kept_in ON kept_in.id = template.uom_id
     LEFT JOIN uom_uom sold_in ON sold_in.id = line.unit
         WHERE line.cost > 0 AND line.quantity > 0
           AND %s
        """,
        query,
        _is_kept(reading, back),
    )
    columns = {"document": ID, "product": ID, "quantity": FLOAT, "cost": FLOAT}
    lines = reading.fetch(query, columns, table)
    place, found = reading.find_each(ids, lines.pop("document"))
    product, quantity, cost = (lines[name][found] for name in ("product", "quantity", "cost"))
    if rate is not None:
        cost = cost / rate[place]
    category, is_combo = _read_categories(reading, product)
    goods = ~is_combo & np.isfinite(quantity) & np.isfinite(cost)
    return tuple(values[goods] for values in (place, product, category, quantity, cost))


def _is_kept(reading, back):
    """Return the SQL condition that not all of ``line`` came back: of what came back in part nobody knows whether it
    was goods, or a lower price."""
    query = SQL("SELECT line FROM (%s) back WHERE line IS NOT NULL GROUP BY 1 HAVING SUM(share) >= %s", back, ALL_BACK)
    # Once, not with each part of the lines.
    gone = reading.fetch(query, {"line": ID})["line"]
    return SQL("line.id != ALL(%s)", gone.tolist()) if len(gone) else SQL("TRUE")


def _read_levels(reading, product):
    """Return where each product (ids) stands by its list price of today among those of its category that are sold."""
    query = SQL(
        """
        SELECT product.id, ranked.place > 2.0 / 3 AS is_upper
          FROM (SELECT id, COUNT(*) OVER (PARTITION BY categ_id) AS many,
                       PERCENT_RANK() OVER (PARTITION BY categ_id ORDER BY list_price) AS place
                  FROM product_template
                 WHERE active AND sale_ok AND type != 'combo' AND list_price > 0 AND categ_id IS NOT NULL
                   AND (company_id IS NULL OR company_id = %(company)s)) ranked
          JOIN product_product product ON product.product_tmpl_id = ranked.id
         WHERE ranked.many >= 3
        """,
        **reading.scope.parameters,
    )
    rows = reading.fetch(query, {"id": ID, "is_upper": BOOLEAN})
    by_id = rows["id"].argsort()
    place = find(rows["id"][by_id], product)
    levels = np.where(rows["is_upper"][by_id], products.UPPER, products.BELOW)
    return np.append(levels, products.NO_THIRDS)[place]


def _read_categories(reading, product):
    """Return the category of each product (ids), 0: none, and whether it is a combination of products."""
    query = SQL(
        """
        SELECT product.id, CASE WHEN template.type != 'combo' THEN template.categ_id END AS category,
               template.type = 'combo' AS is_combo
          FROM product_product product
          JOIN product_template template ON template.id = product.product_tmpl_id
         WHERE %s
        """,
        SQL("TRUE") if reading.scope.everybody else SQL("product.id = ANY(%s)", np.unique(product).tolist()),
    )
    rows = reading.fetch(query, {"id": ID, "category": ID, "is_combo": BOOLEAN})
    by_id = rows["id"].argsort()
    place = find(rows["id"][by_id], product)
    return np.append(rows["category"][by_id], 0)[place], np.append(rows["is_combo"][by_id], False)[place]
