"""What is left of purchases after what their goods cost, and how much work they were."""

import numpy as np

from ..engine import profit, purchases
from . import orders
from .base import MetricSource


class Margins(MetricSource):
    """From the lines of the purchases in the window."""

    columns = profit.COLUMNS

    def get_order_columns(self, scope):
        return orders.get_rate_column(scope)

    def read_columns(self, reading, columns):
        documents, _which = self._read_documents(reading)
        found, scope = reading.purchases, reading.scope
        # Who never bought has nothing that a rebate could lower.
        customer, money = reading.rebates
        has_bought = np.zeros(len(reading.customers), dtype=bool)
        has_bought[found.buyer[purchases.choose_bought(found, scope.decimals, least=scope.least)]] = True
        rebates = customer[has_bought[customer]], money[has_bought[customer]]
        return profit.summarize(reading.customers, documents, rebates, decimals=scope.decimals)

    def read_margins(self, reading):
        """Return of each of the reading's purchases the margin, and the money of which no cost is known: two arrays of
        float64, 0 where it does not count in the window."""
        documents, which = self._read_documents(reading)
        margins = np.zeros((2, len(reading.purchases.money)))
        margins[:, which] = profit.get_margins(documents)
        return margins

    def _read_documents(self, reading):
        """Return the ``profit.Documents`` of the window, and which of the reading's purchases each is."""
        scope, source, found = reading.scope, reading.purchase_source, reading.purchases
        whole = found.money.copy()
        whole[found.taken] += found.returned
        counted, served = purchases.choose_counted(
            found, scope.as_of, scope.window_days, scope.decimals, least=scope.least
        )
        # What is given away costs all the same, but of an order that was cancelled only the record is left.
        given = (whole == 0) & (found.day > np.datetime64(scope.window_start, "D"))
        given[found.taken[found.undone > 0]] = False
        some = np.flatnonzero(counted | served | given)
        ids, of_id = np.unique(source.get_ids(reading)[some], return_inverse=True)  # several customers share some
        place, *charged, share = source.read_costs(reading, ids)
        cost, uncosted, lines, _money = (values[of_id] for values in profit.charge(place, *charged, count=len(ids)))
        came = share > 0
        numbers, is_goods = charged[:-1], charged[-1][came]
        returned = (values[came] * share[came] for values in numbers)
        is_back = (found.money < whole)[some] & (whole[some] > 0)
        cost_back, uncosted_back, _lines, back = (
            np.where(is_back, values[of_id], 0.0)
            for values in profit.charge(place[came], *returned, is_goods, count=len(ids))
        )
        with_goods = ~given[some] | (lines > 0)
        if scope.least == 0:  # else it is smaller than what counts
            counted |= given
        # Of a document that several customers share each has a part.
        of_all = source.get_wholes(reading)[some]
        part = np.divide(whole[some], of_all, out=np.ones(len(some)), where=of_all != 0)
        documents = profit.Documents(
            found.buyer[some],
            found.money[some],
            whole[some],
            cost * part,
            uncosted * part,
            lines * part,
            counted[some],
            back * part,
            cost_back * part,
            uncosted_back * part,
        )
        return profit.Documents(*(values[with_goods] for values in documents)), some[with_goods]
