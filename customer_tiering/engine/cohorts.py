"""Customers by the period of their first purchase, and what became of them.

Periods are calendar months, quarters or years, numbered without gaps; in a cohort they are counted from its own, which
is 0. A period is over when its last day has passed.
"""

import dataclasses
import datetime

import numpy as np
import pandas as pd

from . import grouped, schema

MONTH, QUARTER, YEAR = "month", "quarter", "year"

#: Length of a period in months.
MONTHS = {MONTH: 1, QUARTER: 3, YEAR: 12}

# Numbers of periods are counted from here, so that all of them are positive.
_FIRST_YEAR = 1


def number(day: np.ndarray, unit: str) -> np.ndarray:
    """The period of each day.

    Parameters
    ----------
    day : np.ndarray of datetime64[D], from the year 1 on
    unit : one of `MONTHS`

    Returns
    -------
    np.ndarray of int64

    >>> days = np.array(["2024-02-29", "2024-03-01", "2024-04-01", "2025-01-01"], dtype="datetime64[D]")
    >>> [(number(days, unit) - number(days, unit)[0]).tolist() for unit in MONTHS]
    [[0, 1, 2, 11], [0, 0, 1, 4], [0, 0, 0, 1]]
    """
    months = day.astype("datetime64[M]").astype("int64") + 12 * (1970 - _FIRST_YEAR)
    return months // MONTHS[unit]


def get_first_day(period: int, unit: str) -> datetime.date:
    """The day with which a period begins.

    >>> [get_first_day(int(number(np.array(["2024-06-30"], dtype="datetime64[D]"), unit)[0]), unit) for unit in MONTHS]
    [datetime.date(2024, 6, 1), datetime.date(2024, 4, 1), datetime.date(2024, 1, 1)]
    """
    months = period * MONTHS[unit]
    return datetime.date(_FIRST_YEAR + months // 12, months % 12 + 1, 1)


@dataclasses.dataclass(frozen=True)
class Cohorts:
    """Purchases by cohort and period; arrays of numbers have a row per cohort, the newest first, and a column per
    period, from 0 to that of today of the oldest cohort.

    Parameters
    ----------
    unit : one of `MONTHS`
    periods : np.ndarray of int64, shape (n_cohorts,): the period of each cohort; nobody began in the others
    sizes : np.ndarray of int64, shape (n_cohorts,): customers
    bought : np.ndarray of int64: who bought in the period
    later : np.ndarray of int64: who bought in the period or after it
    money : np.ndarray of float64: what was bought in the period and kept
    is_over : np.ndarray of bool
    first, last : pd.Series of int64, index = ids of customers: the period of the first and of the last purchase
    pairs : pd.DataFrame with ``customer`` and ``period``: who bought when, each once
    """

    unit: str
    periods: np.ndarray
    sizes: np.ndarray
    bought: np.ndarray
    later: np.ndarray
    money: np.ndarray
    is_over: np.ndarray
    first: pd.Series
    last: pd.Series
    pairs: pd.DataFrame

    def choose(self, cohort: int, period: int | None = None, *, later: bool = False) -> np.ndarray:
        """The ids of customers of a cohort, int64, ascending.

        Parameters
        ----------
        cohort : its period
        period : counted from the cohort's own: who bought then; None: all
        later : or after it
        """
        ids = self.first.index[self.first == cohort]
        if period is not None and later:
            ids = ids[self.last[ids] >= cohort + period]
        elif period is not None:
            ids = ids.intersection(self.pairs["customer"][self.pairs["period"] == cohort + period])
        return np.sort(ids.to_numpy(dtype="int64"))


def build(
    customers: pd.Index,
    buyer: np.ndarray,
    day: np.ndarray,
    money: np.ndarray,
    bought: np.ndarray,
    today: datetime.date,
    unit: str,
) -> Cohorts:
    """Sort customers into cohorts.

    Parameters
    ----------
    customers : ids, int64, unique
    buyer : of each document the place of the customer, int, shape (n_documents,)
    day : datetime64[D], today at the latest
    money : what is left of it, float64
    bought : which documents are purchases, bool. Others below zero lower the money of who ever bought: in their
        period, or in the first where they are earlier
    today : purchases of this day count, but it is not over
    unit : one of `MONTHS`

    >>> day = np.array(["2024-01-31", "2024-02-29", "2024-03-01", "2024-02-10"], dtype="datetime64[D]")
    >>> who, money = np.array([0, 0, 0, 1]), np.array([10.0, 20, -5, 7])
    >>> found = build(pd.Index([8, 9]), who, day, money, money > 0, datetime.date(2024, 3, 31), MONTH)
    >>> found.sizes.tolist(), found.bought.tolist(), found.later.tolist(), found.money.tolist()
    ([1, 1], [[1, 0, 0], [1, 1, 0]], [[1, 0, 0], [1, 1, 0]], [[7.0, 0.0, 0.0], [10.0, 20.0, -5.0]])
    >>> found.is_over.tolist()
    [[True, False, False], [True, True, False]]
    """
    period = number(day, unit)
    who, when = grouped.unpaired(grouped.distinct(grouped.pairs(buyer[bought], period[bought])))
    begins = np.ones(len(who), dtype=bool)
    begins[1:] = who[1:] != who[:-1]
    ends = np.append(begins[1:], True)[: len(who)]
    first = np.full(len(customers), -1)
    first[who[begins]] = when[begins]
    last = first.copy()
    last[who[ends]] = when[ends]

    has_bought = first >= 0
    periods = grouped.distinct(first[has_bought])[::-1]
    now = int(number(np.array([schema.day(today)]), unit)[0])
    width = now - int(periods[-1]) + 1 if len(periods) else 0
    shape = (len(periods), width)
    of_customer = len(periods) - 1 - np.searchsorted(periods[::-1], first)

    def count(people, number_of):
        """Customers, or rows of customers, by cohort and period counted from its own."""
        return np.bincount(of_customer[people] * width + number_of, minlength=len(periods) * width).reshape(shape)

    everybody = np.flatnonzero(has_bought)
    ending = count(everybody, (last - first)[everybody])
    counted = bought | ((money < 0) & has_bought[buyer])
    since = np.maximum(period - first[buyer], 0)[counted]
    cell = of_customer[buyer[counted]] * width + since
    over = periods[:, None] + np.arange(width)[None, :] < now
    return Cohorts(
        unit,
        periods,
        count(everybody, 0).sum(axis=1) if width else np.zeros(0, dtype="int64"),
        count(who, when - first[who]),
        ending[:, ::-1].cumsum(axis=1)[:, ::-1],
        grouped.sums(cell, money[counted], len(periods) * width).reshape(shape),
        over,
        pd.Series(first[has_bought], index=customers[has_bought]),
        pd.Series(last[has_bought], index=customers[has_bought]),
        pd.DataFrame({"customer": customers.to_numpy()[who], "period": when}),
    )
