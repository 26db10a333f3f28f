"""One reading: what the sources share, and the frame that it ends with."""

import dataclasses
import functools
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from odoo.tools import SQL

from ..engine import grouped, purchases, replay, schema
from . import customers, lines, orders, people, returns, rows
from .base import COUNT, DATE, FLOAT, ID, INTEGER, NUMBER, SUM

#: The columns that every run needs, whatever its metrics.
ALWAYS = frozenset({*schema.DTYPES, schema.REFUND_AMOUNT})

#: For the tables that the people and the documents of a part are looked up in.
WORK_MEMORY = "256MB"

#: Kind of a source's column: what PostgreSQL hands over, the dtype in the frame, and who has no row.
_KINDS = {
    DATE: (DATE, "datetime64[s]", "NaT"),
    COUNT: (INTEGER, "int64", 0),
    SUM: (FLOAT, "float64", 0.0),
    NUMBER: (FLOAT, "float64", float("nan")),
}


class Reading:
    """Reads the customers of a scope, once.

    Rows come as arrays, only the columns that count, in one scan of each table; the engine sums them up by customer.
    So the same scan answers several questions.

    :param cr: the cursor
    :param scope: a :class:`.scope.Scope` with candidates
    :param purchase_source: a :class:`.base.PurchaseSource`
    :param metric_sources: of :class:`.base.MetricSource`; those none of whose columns is needed are not read

    Sources find here, all of it theirs to read and not to change:

    ``scope``
        as it was given, with ``people_ids``
    ``people``
        the :class:`.people.People`
    ``customers``
        the customers, a pd.Index of their ids (int64, ascending): the index of the frame
    ``places``
        from the place of a person, as ``people`` finds it, to the place of the customer, int32; -1, a stranger, leads
        to -1
    ``orders``
        the arrays of :func:`.orders.scan`, of which ``day`` has taken the place of ``moment``, with the place of the
        customer as ``buyer``
    ``purchases``
        the documents of the purchase source, as it returned them
    ``bought``
        which of them are purchases of the window, an array of bool
    ``rebates``
        what else lowers amounts, as the purchase source returned it

    And where somebody asks for it, read once:

    ``lines``
        the arrays of :func:`.lines.scan`
    ``returns``
        the arrays of :func:`.returns.read`
    """

    def __init__(self, cr, scope, purchase_source, metric_sources):
        self.cr = cr
        self.purchase_source, self.metric_sources = purchase_source, metric_sources
        self.people = people.read(cr, scope)
        self.scope = scope
        if not scope.everybody:
            ids = self.people.moved_ids if scope.scans else self.people.ids
            self.scope = dataclasses.replace(scope, people_ids=tuple(ids.tolist()))
        if scope.part:
            # What is looked up in is held at once, or else it would be gone through for each row.
            cr.execute(SQL("SET LOCAL work_mem = %s", WORK_MEMORY))

    @functools.cached_property
    def lines(self):
        return lines.scan(self, self.purchase_source.get_line_columns())

    @functools.cached_property
    def returns(self):
        return returns.read(self)

    def revenue(self):
        """Return what customers bought in the window and is offered to them now, see the reader's ``_read_revenue``.

        With a source of quotations among the metric sources.
        """
        frame = self.frame((schema.OPEN_QUOTATION_COUNT,), always=frozenset())
        quoted = (self.orders["buyer"] >= 0) & ~np.isnat(self.orders["quoted_at"])
        buyer, money, count = self.orders["buyer"][quoted], self.orders["quoted"][quoted], len(frame)
        return (
            frame[[schema.AMOUNT]]
            .assign(
                quotations=np.bincount(buyer, minlength=count),
                quoted=grouped.rounded(grouped.sums(buyer, money, count), self.scope.decimals),
            )
            .rename(columns={schema.AMOUNT: "revenue"})
        )

    def history(self, columns=()):
        """Return the ``engine.replay.History`` of the customers, by a scope that says how many nights.

        :param columns: names of the columns that are needed beside those that every run needs
        """
        scope = self.scope
        return replay.History(
            self.frame(columns),
            self.purchases,
            self.rebates,
            scope.as_of,
            scope.window_days,
            scope.decimals,
            scope.least,
        )

    def frame(self, columns=(), always=ALWAYS):
        """Return the frame of the customers, a DataFrame as ``engine/schema.py`` describes it.

        :param columns: names of the columns that are needed beside ``always`` and those about purchases
        """
        columns = always | set(columns)
        asked = [source for source in self.metric_sources if not columns.isdisjoint(source.columns)]
        more = {}
        for source in asked:
            more |= source.get_order_columns(self.scope)
        self.read_purchases(more)
        self.rebates = self.purchase_source.read_rebates(self)
        frame = self._summarize(self.purchases)
        for source in asked:
            found = source.read_columns(self, columns)
            frame = frame.join(found[[column for column in found if column in columns]])
        return frame

    def read_purchases(self, more=None):
        """Read the customers and what they bought, without summing it up.

        :param more: further columns of the orders, see ``orders.scan``
        """
        self.orders = orders.scan(self, more or {})
        self.customers = self._read_customers()
        self.places = np.append(self.customers.get_indexer(self.people.customer_ids), -1).astype("int32")
        self.orders["buyer"] = self.places[self.orders["person"]]
        self.orders["day"] = self.to_days(self.orders.pop("moment"))
        self.purchases = self.purchase_source.read_purchases(self)
        self.bought = purchases.choose_recent(self.purchases, **self._by_scope)

    def plan(self, frame, day, money):
        """Return the frame as it would be if its only customer had bought once more.

        :param frame: what :meth:`frame` has returned
        :param day: of the purchase, a ``datetime.date``
        :param money: of the company, untaxed
        """
        return frame.assign(**self._summarize(purchases.with_document(self.purchases, 0, day, money)))

    def leave_out(self, frame, ids):
        """Return the frame as it would be without some documents.

        :param frame: what :meth:`frame` has returned
        :param ids: by which the purchase source knows them
        """
        left_out = np.isin(self.purchase_source.get_ids(self), ids)
        return frame.assign(**self._summarize(purchases.without_documents(self.purchases, left_out)))

    def _read_customers(self):
        ids = self.fetch(self.scope.candidates, {"id": ID})["id"]
        ids.sort()
        dealing = np.zeros(len(self.people.customer_ids) + 1, dtype=bool)  # the last one is for strangers
        dealing[self.purchase_source.read_dealing(self)] = True
        of_partners = self.scope.of_partners(SQL.identifier("partner_id"))
        kept = self.fetch(customers.get_kept_query(self.scope.company_id, of_partners), {"partner_id": ID})
        known = np.append(self.people.customer_ids[dealing[:-1]], kept["partner_id"])
        return pd.Index(ids[np.isin(ids, known)], dtype="int64", name=schema.CUSTOMER)

    @property
    def _by_scope(self):
        scope = self.scope
        return {
            "as_of": scope.as_of,
            "window_days": scope.window_days,
            "decimals": scope.decimals,
            "least": scope.least,
        }

    def _summarize(self, documents):
        return purchases.summarize(
            self.customers, documents, self.rebates, with_untaken=self.scope.with_untaken, **self._by_scope
        )

    # ------------------------------------------------------------------
    # What sources ask for
    # ------------------------------------------------------------------

    def fetch(self, query, columns, table=None, choose=None):
        """Return the arrays of ``query``, see :func:`.rows.fetch_arrays`.

        :param table: where the query may bring all rows of a table, the name of it: they come in parts. The ``id`` of
            the query is that of the table
        :param choose: of the rows of many others that come with them, returns the own ones, see
            :func:`.rows.fetch_parts`
        """
        if table and self.scope.scans:
            return rows.fetch_parts(self.cr, table, query, columns, choose)
        return rows.fetch_arrays(self.cr, query, columns)

    def fetch_by_customer(self, query, kinds):
        """Return the DataFrame of ``query``, index = ``customers``.

        :param query: a SELECT with a row per customer, as :meth:`.base.QuerySource.get_query` returns it
        :param kinds: ``{column: DATE, COUNT, SUM or NUMBER}``
        """
        found = self.fetch(query, {"customer": ID, **{column: _KINDS[kind][0] for column, kind in kinds.items()}})
        place = self.customers.get_indexer(found["customer"])
        frame = {}
        for column, kind in kinds.items():
            _kind, dtype, nothing = _KINDS[kind]
            values = found[column] if kind != SUM else np.nan_to_num(found[column])
            frame[column] = np.full(len(self.customers), nothing, dtype=dtype)
            frame[column][place[place >= 0]] = values[place >= 0]
        return pd.DataFrame(frame, index=self.customers)

    def of_documents(self, column, ids):
        """The condition that ``column`` is one of these ids, an array, or near enough where they are very many."""
        if not self.scope.everybody:
            return rows.is_one_of(column, ids)
        # Which of them, is asked when the rows are there; most that are not are older and have smaller ids.
        first, last = (int(ids.min()), int(ids.max())) if len(ids) else (0, 0)
        return SQL("%(column)s >= %(first)s AND %(column)s <= %(last)s", column=column, first=first, last=last)

    def find_in(self, ids, some):
        """Return where in ``ids`` those of ``some`` are that are there, and their places in ``some``.

        :param ids: an array of ids in any order, each of them once
        :param some: few ids, each of them once
        """
        if not len(some):
            return self.join(), self.join()
        found = people.find(some, ids)
        places = np.flatnonzero(found >= 0)
        return places, found[places]

    def find_each(self, ids, wanted):
        """Return the places in ``ids`` of those of ``wanted`` that are there, and their places in ``wanted``.

        :param ids: an array of ids in any order, each of them once
        :param wanted: ids, each of them any number of times
        """
        place = people.find(ids, wanted)
        found = np.flatnonzero(place >= 0)
        return place[found], found

    def look_up(self, ids, values, wanted):
        """Return the value of each of ``wanted``, all of which are among ``ids``."""
        return values[people.find(ids, wanted)]

    def renumber(self, chosen, returned, undone):
        """Return the last three arrays of ``engine.purchases.Purchases`` of the chosen documents.

        :param chosen: which documents, an array of bool
        :param returned: two arrays: places of documents, each of them once, and what was returned of them
        :param undone: the same of what was cancelled or corrected away
        """
        places = np.union1d(returned[0], undone[0]).astype("int64")
        amounts = np.zeros((2, len(places)))
        for row, (some, money) in zip(amounts, (returned, undone), strict=True):
            row[np.searchsorted(places, some)] = money
        kept = chosen[places]
        return np.cumsum(chosen, dtype="int32")[places[kept]] - 1, *amounts[:, kept]

    def join(self, *arrays):
        """Return these arrays as one; without any an empty one."""
        return np.concatenate(arrays) if arrays else np.zeros(0, dtype="int64")

    def to_days(self, moments):
        """Return the day of each moment (datetime64, naive UTC) in the company's time zone, as datetime64[D]."""
        local = pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(ZoneInfo(self.scope.timezone)).tz_localize(None)
        return local.to_numpy().astype("datetime64[D]")

    def is_past(self, day):
        """Return which days (datetime64[D]) are the last one or before it."""
        return day <= schema.day(self.scope.as_of)

    def is_in_window(self, day):
        """Return which days (datetime64[D]) are in the window."""
        return (day > schema.day(self.scope.window_start)) & self.is_past(day)
