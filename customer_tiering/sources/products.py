"""Which products customers bought, from the lines of their purchases."""

import numpy as np
import pandas as pd

from odoo.tools import SQL

from ..engine import products
from . import costs, orders
from .base import BOOLEAN, ID, MetricSource
from .lines import choose
from .people import find
from .returns import find_shares

#: Which share of a line, in money or pieces, is all of it: what came back at another rate may be a little less.
ALL_BACK = 0.999


class Products(MetricSource):
    """From the lines of the purchases in the window."""

    columns = (*products.COLUMNS, *products.PRICE_COLUMNS)

    def get_order_columns(self, scope):
        return orders.get_rate_column(scope)

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


def read_lines(reading, lines, back):
    """Return the lines of documents as :meth:`.base.PurchaseSource.read_lines` does.

    A line with a negative price is a discount on the rest.

    :param lines: those of goods and of discounts on them, as :meth:`.orders.Orders._read_sold` returns them
    :param back: what came back, see :func:`.returns.find_shares`
    """
    lines = _choose_kept(lines, back)
    cost, listed = lines["money"], lines["listed"]
    is_discount = (cost < 0) | (listed < 0)
    product = np.where(is_discount, 0, lines["product"])
    category, is_combo = _read_categories(reading, product)
    product = np.where(is_combo, 0, product)  # what is in it has lines of its own
    less = np.where(is_discount, -cost, listed * lines["discount"] / 100)
    cost, listed = (np.where(is_discount, 0.0, values) for values in (cost, listed))
    return lines["place"], product, category, cost, listed, less


def read_goods(reading, lines, back):
    """Return the goods in documents as :meth:`.base.PurchaseSource.read_goods` does.

    :param lines, back: as for :func:`read_lines`
    """
    lines = _choose_kept(lines, back)
    product = lines["product"]
    category, is_combo = _read_categories(reading, product)
    factor, own = costs.read_factors(reading, product, lines["unit"])
    quantity = lines["quantity"] * np.nan_to_num(factor / own, nan=1)
    goods = (product > 0) & ~is_combo & (lines["money"] > 0)
    return tuple(values[goods] for values in (lines["place"], product, category, quantity, lines["money"]))


def _choose_kept(lines, back):
    """Return those of which not all came back: of what came back in part nobody knows whether it was goods, or a lower
    price."""
    return choose(lines, find_shares(back, lines["id"]) < ALL_BACK)


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
    levels = np.where(rows["is_upper"], products.UPPER, products.BELOW)
    return np.append(levels, products.NO_THIRDS)[find(rows["id"], product)]


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
        SQL("TRUE") if reading.scope.scans else SQL("product.id = ANY(%s)", np.unique(product).tolist()),
    )
    rows = reading.fetch(query, {"id": ID, "category": ID, "is_combo": BOOLEAN})
    place = find(rows["id"], product)
    return np.append(rows["category"], 0)[place], np.append(rows["is_combo"], False)[place]
