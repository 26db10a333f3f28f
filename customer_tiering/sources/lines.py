"""The lines of documents: the one scan of those of orders that several sources share."""

import numpy as np

from odoo.tools import SQL

from . import orders
from .base import FLOAT, ID


def scan(reading, more):
    """Return the arrays of the lines of the company's orders of any state in the window; texts and down payments are
    none.

    :param reading: a :class:`.reading.Reading`
    :param more: further columns, as :meth:`.base.PurchaseSource.get_line_columns` returns them
    :return: a dict of arrays: ``id``, ``document``, ``product`` and ``unit`` (ids), ``quantity``, and in the currency
        of the order the ``price`` of one unit without ``discount`` (percent), and the ``money`` of the line; what is
        not known is 0, but NaN as ``recorded``
    """
    of_documents = reading.of_documents(
        SQL.identifier("ordered", "order_id"), reading.orders["id"][orders.choose_placed(reading)]
    )
    query = SQL(
        """
        SELECT ordered.id, ordered.order_id AS document, ordered.product_id AS product, ordered.product_uom_id AS unit,
               ordered.product_uom_qty AS quantity, ordered.price_unit AS price, ordered.discount, %(more)s
               ordered.price_subtotal AS money
          FROM sale_order_line ordered
         WHERE %(of_documents)s AND ordered.display_type IS NULL AND ordered.is_downpayment IS NOT TRUE
           AND ordered.company_id = %(company)s
        """,
        more=SQL("").join(SQL("%s AS %s,", value, SQL.identifier(name)) for name, (_kind, value) in more.items()),
        of_documents=of_documents,
        **reading.scope.parameters,
    )
    kinds = dict.fromkeys(("id", "document", "product", "unit"), ID)
    kinds |= dict.fromkeys(("quantity", "price", "discount", "money"), FLOAT)
    return _fetch(reading, query, kinds | {name: kind for name, (kind, _value) in more.items()}, "sale_order_line")


def read_ordered(reading, ids):
    """Return the lines of these orders but those that stand for money paid in advance, as :func:`scan` does, all money
    in the company's currency, with the ``place`` of the order in ``ids`` and whether each ``is_goods``."""
    place, found = reading.find_each(ids, reading.lines["document"])
    if "is_advance" in reading.lines:
        charged = ~reading.lines["is_advance"][found]
        place, found = place[charged], found[charged]
    lines = {name: values[found] for name, values in reading.lines.items() if name not in ("document", "is_advance")}
    lines.setdefault("is_goods", np.ones(len(found), dtype=bool))
    rate = reading.look_up(reading.orders["id"], reading.orders["rate"], ids)[place]
    for name in {"price", "money", "recorded"} & set(lines):
        lines[name] /= rate
    return lines | {"place": place}


def choose(lines, chosen):
    """Return those lines of a dict of arrays that are ``chosen``, an array of bool."""
    return lines if chosen.all() else {name: values[chosen] for name, values in lines.items()}


def fetch(reading, query, kinds, table, ids):
    """Return the arrays of the lines of other documents, with the ``place`` of each ``document`` in ``ids``.

    :param query: a SELECT of ``id``, ``document``, and the columns of ``kinds``, ``{name: kind}``
    :param table: the name of the lines' table
    """
    lines = _fetch(reading, query, {"id": ID, "document": ID} | kinds, table)
    place, found = reading.find_each(ids, lines.pop("document"))
    return {name: values[found] for name, values in lines.items()} | {"place": place}


def _fetch(reading, query, kinds, table):
    lines = reading.fetch(query, kinds, table)
    known = [name for name, kind in kinds.items() if kind == FLOAT and name != "recorded"]
    return lines | {name: np.nan_to_num(lines[name]) for name in known}
