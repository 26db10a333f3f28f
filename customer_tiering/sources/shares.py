"""Whose an invoice is that comes from orders: who ordered has it, or of several each its part."""

import numpy as np

from odoo.tools import SQL

from . import billing
from .base import FLOAT, ID, MOMENT
from .rows import is_one_of


class Shares:
    """The parts of invoices that are for orders of several customers, as when one office pays for all shops.

    :param rows: the invoices as ``Invoices`` reads them, each once; they get further rows, one for each further
        customer of an invoice, with the same ``id`` and the customer's part of the ``money``
    :param ordered: the orders of the invoices, in any order: ``id`` of the invoice and ``order_id``
    :param advances: see :attr:`.base.PurchaseSource.advances`
    """

    def __init__(self, reading, rows, ordered, advances):
        by_id = np.lexsort((ordered["order_id"], ordered["id"]))  # whose the first order is has what is nobody else's
        ids, person = ordered["id"][by_id], self._find_persons(reading, ordered["order_id"][by_id])
        is_first = np.append(True, ids[1:] != ids[:-1])[: len(ids)]
        places, found = reading.find_each(rows["id"], ids[is_first])
        rows["person"][places] = person[is_first][found]
        customer = reading.people.get_customers(person)
        self.shared = np.unique(ids[customer != customer[is_first][is_first.cumsum() - 1]])
        if len(self.shared):
            self._share_out(reading, rows, advances)

    def _find_persons(self, reading, order_ids):
        """Return the place of who placed each of these orders, -1: somebody whose orders are not read."""
        person = np.full(len(order_ids), -1)
        places, found = reading.find_each(reading.orders["id"], order_ids)
        person[found] = reading.orders["person"][places]
        return person

    def _share_out(self, reading, rows, advances):
        parts = self._read_parts(reading, advances)
        row, found = reading.find_each(rows["id"], parts["id"])
        parts = {name: values[found] for name, values in parts.items()}
        person = reading.people.find(parts["buyer"], parts["moment"])
        customer = reading.people.get_customers(person)
        pairs, one, group = np.unique(np.stack([row, customer]), axis=1, return_index=True, return_inverse=True)
        group = group.ravel()
        money = np.bincount(group, parts["money"])
        back = np.bincount(group, parts["back"].clip(0)).clip(0, money.clip(0))
        row, is_first = pairs[0], pairs[1] == reading.people.get_customers(rows["person"][pairs[0]])
        more = np.flatnonzero(~is_first & (money > 0))
        place = np.append(row[is_first], len(rows["id"]) + np.arange(len(more)))
        whole = rows["money"].copy()
        np.subtract.at(rows["money"], row[more], money[more])
        added = {"person": person[one[more]], "money": money[more]}
        for name, values in rows.items():
            rows[name] = np.append(values, added.get(name, values[row[more]]))
        rows["whole"] = np.append(whole, whole[row[more]])
        self.place, self.row = place, np.append(row[is_first], row[more])
        self.back = np.append(back[is_first], back[more])
        self.all_back = np.bincount(self.row, self.back)[self.row]

    def give_back(self, rows, places, returned):
        """Return the places of rows and what was given back of them, with what is known to be of whose orders.

        :param places, returned: the same in proportion to the parts
        """
        if not len(self.shared):
            return places, returned
        of_row = np.zeros(len(rows["id"]))
        of_row[places] = returned
        money, whole = rows["money"][self.place], rows["whole"][self.place]
        total = whole * of_row[self.place] / np.where(money > 0, money, 1)
        rest = total - self.all_back
        known = self.back * np.where(rest < 0, total / np.where(self.all_back > 0, self.all_back, 1), 1)
        unknown = (money - self.back) * rest.clip(0) / np.maximum(whole - self.all_back, 1e-9)
        of_row[self.place] = (known + unknown).clip(0, money)
        places = of_row.nonzero()[0]
        return places, of_row[places]

    def _read_parts(self, reading, advances):
        """Return what of shared invoices is for which order, and what credit notes that reverse them give ``back`` of
        it, in the company's currency at the rate of the invoice."""
        query = SQL(
            """
            WITH charged AS (
                SELECT line.id, line.move_id, -line.balance AS money
                  FROM account_move_line line
                 WHERE %(of_shared)s AND line.display_type = 'product' AND %(is_income)s
            ), credited AS (
                SELECT line.id, move.reversed_entry_id AS move_id,
                       CASE WHEN line.currency_id = invoice.currency_id
                            THEN %(in_company_currency)s
                            ELSE line.balance END AS money
                  FROM account_move move
                  JOIN account_move invoice ON invoice.id = move.reversed_entry_id
                  JOIN account_move_line line ON line.move_id = move.id
                 WHERE %(is_credit)s AND %(of_reversed)s AND %(is_charged)s
            ), part AS (
                SELECT move_id, order_id, money * part AS money, 0 AS back
                  FROM charged JOIN (%(links_of_charged)s) link ON link.line_id = charged.id
             UNION ALL
                SELECT move_id, order_id, 0, money * part
                  FROM credited JOIN (%(links_of_credited)s) link ON link.line_id = credited.id
            )
            SELECT move_id AS id, placed.partner_id AS buyer, placed.date_order AS moment,
                   SUM(money) AS money, SUM(back) AS back
              FROM part JOIN sale_order placed ON placed.id = part.order_id
          GROUP BY move_id, placed.id
            """,
            of_shared=is_one_of(SQL.identifier("line", "move_id"), self.shared),
            of_reversed=is_one_of(SQL.identifier("move", "reversed_entry_id"), self.shared),
            is_income=billing.is_income(advances),
            in_company_currency=billing.convert(SQL("line.price_subtotal"), SQL("invoice.invoice_currency_rate")),
            is_credit=billing.is_credit(reading.scope),
            is_charged=billing.is_charged(advances),
            links_of_charged=billing.get_links(SQL("SELECT id FROM charged")),
            links_of_credited=billing.get_links(SQL("SELECT id FROM credited")),
        )
        columns = {"id": ID, "buyer": ID, "moment": MOMENT, "money": FLOAT, "back": FLOAT}
        return reading.fetch(query, columns)
