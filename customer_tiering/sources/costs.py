"""What goods cost the company, from the lines of documents."""

import numpy as np

from odoo.tools import SQL

from .base import FLOAT, ID, MOST
from .people import find
from .returns import find_shares


def read_costs(reading, lines, back):
    """Return the costs of documents as :meth:`.base.PurchaseSource.read_costs` does.

    :param lines: those that charge something, as :meth:`.orders.Orders._read_charged` returns them
    :param back: what came back, see :func:`.returns.find_shares`
    """
    cost, quantity = lines.get("cost"), lines["quantity"]
    if cost is None:
        one = lines.get("recorded")
        if one is None:
            one = _read_today(reading, lines["product"], lines["unit"])
        elif np.isnan(one).any():
            one = np.where(np.isnan(one), _read_today(reading, lines["product"], lines["unit"]), one)
        cost = quantity * one
    share = find_shares(back, lines["id"]).clip(0, 1)
    # However a number was typed, it makes no sum fail.
    return lines["place"], lines["money"], cost.clip(-MOST, MOST), quantity, lines["is_goods"], share


def _read_today(reading, product, unit):
    """Return what one unit (ids, 0: the product's) of each product costs today in the company's currency, as Odoo's own
    analysis of invoices reads it."""
    query = SQL(
        "SELECT id, (standard_price ->> %s::text)::numeric AS cost FROM product_product product WHERE %s",
        reading.scope.company_id,
        _of_products(reading, product),
    )
    costs = reading.fetch(query, {"id": ID, "cost": FLOAT})
    factor, own = read_factors(reading, product, unit)
    one = _look_up(costs["id"], np.nan_to_num(costs["cost"]), product, 0)
    return one * np.nan_to_num(factor, nan=1) / np.nan_to_num(own, nan=1)


def read_factors(reading, product, unit):
    """Return of each unit (ids) how many of the reference of its kind it is, and the same of the product's own unit;
    NaN: unknown."""
    query = SQL(
        """
        SELECT product.id, kept_in.factor
          FROM product_product product
          JOIN product_template template ON template.id = product.product_tmpl_id
          JOIN uom_uom kept_in ON kept_in.id = template.uom_id
         WHERE %s
        """,
        _of_products(reading, product),
    )
    units = reading.fetch(SQL("SELECT id, factor FROM uom_uom"), {"id": ID, "factor": FLOAT})
    own = reading.fetch(query, {"id": ID, "factor": FLOAT})
    own["factor"][own["factor"] == 0] = np.nan
    return tuple(_look_up(found["id"], found["factor"], ids, np.nan) for found, ids in ((units, unit), (own, product)))


def _of_products(reading, product):
    if reading.scope.scans:
        return SQL("TRUE")
    return SQL("product.id = ANY(%s)", np.unique(product).tolist())


def _look_up(ids, values, wanted, nothing):
    return np.append(values, nothing)[find(ids, wanted)]
