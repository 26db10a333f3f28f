"""Customers on a map of 5 x 5 cells: where each stands, and what each cell holds.

The rows and columns of a map are numbered from 1, the worst, to 5, the best.
"""

import datetime

import numpy as np
import pandas as pd

SIZE = 5

#: What is summed up in a cell.
SUMS = ("amount", "expected_loss", "contacted", "by_email", "by_phone")


def fit(values: pd.Series, *, higher_is_better: bool) -> np.ndarray:
    """Where the fifths of the known values begin.

    Parameters
    ----------
    values : pd.Series of float64, shape (n_customers,), NaN: unknown

    Returns
    -------
    np.ndarray of float64, shape (5,): the worst value of each fifth, the worst fifth first; NaN: nobody is in it.
        Equal values are in one fifth, that of the middle of their ranks

    >>> fit(pd.Series([10.0, 20, 30, 40, 50, None]), higher_is_better=True).tolist()
    [10.0, 20.0, 30.0, 40.0, 50.0]
    >>> fit(pd.Series([10.0, 20, 30, 40, 50]), higher_is_better=False).tolist()
    [50.0, 40.0, 30.0, 20.0, 10.0]
    >>> fit(pd.Series([7.0, 7, 7]), higher_is_better=True).tolist()
    [nan, nan, 7.0, nan, nan]
    >>> fit(pd.Series([], dtype="float64"), higher_is_better=True).tolist()
    [nan, nan, nan, nan, nan]
    """
    sign = 1 if higher_is_better else -1
    known = (sign * values.dropna()).sort_values()
    # Twice the rank is a whole number, also in the middle of two.
    twice = (2 * known.rank()).to_numpy().astype("int64")
    fifth = SIZE * (twice - 1) // max(2 * len(known), 1)
    begin = np.full(SIZE, np.nan)
    numbers, first = np.unique(fifth, return_index=True)
    begin[numbers] = sign * known.to_numpy()[first]
    return begin


def place(values: pd.Series, begin: np.ndarray, *, higher_is_better: bool) -> pd.Series:
    """The fifth of each value, also of other customers or of another day than the fifths were fitted for.

    Parameters
    ----------
    values : pd.Series of float64, shape (n_customers,), NaN: unknown
    begin : what `fit` returned. What is worse than all of it is in the worst fifth that has somebody

    Returns
    -------
    pd.Series of Int64, shape (n_customers,): 1 to 5; NA where the value is unknown

    >>> place(pd.Series([5.0, 10, 19, 99, None]), np.array([10.0, 20, 30, 40, 50]), higher_is_better=True).tolist()
    [1, 1, 1, 5, <NA>]
    >>> place(pd.Series([5.0, 7, 9]), np.array([np.nan, np.nan, 7.0, np.nan, np.nan]), higher_is_better=True).tolist()
    [3, 3, 3]
    """
    sign = 1 if higher_is_better else -1
    some = np.flatnonzero(~np.isnan(begin))
    if not len(some):
        return pd.Series(pd.NA, index=values.index, dtype="Int64")
    found = np.searchsorted(sign * begin[some], sign * values.to_numpy(), side="right") - 1
    fifth = pd.Series(some[found.clip(min=0)] + 1, index=values.index, dtype="Int64")
    return fifth.where(values.notna())


def count_days(day: datetime.date, since: pd.Series) -> pd.Series:
    """The days from each of some dates to a day: Series of float64, same index; NaN: no date.

    >>> count_days(datetime.date(2024, 3, 1), pd.Series(["2024-02-28", None], dtype="datetime64[s]")).tolist()
    [2.0, nan]
    """
    days = np.datetime64(day, "D") - since.to_numpy().astype("datetime64[D]")
    return pd.Series(np.where(np.isnat(days), np.nan, days.astype("float64")), index=since.index)


def get_spans(values: pd.Series, fifths: pd.Series) -> list[tuple[float, float] | None]:
    """The least and the largest value of each fifth, the worst fifth first; None: nobody is in it.

    >>> get_spans(pd.Series([1.0, 4, 9]), pd.Series([1, 1, 5], dtype="Int64"))
    [(1.0, 4.0), None, None, None, (9.0, 9.0)]
    """
    found = values.groupby(fifths).agg(["min", "max"])
    spans = {int(number): (float(row["min"]), float(row["max"])) for number, row in found.iterrows()}
    return [spans.get(number) for number in range(1, SIZE + 1)]


def count(frame: pd.DataFrame) -> pd.DataFrame:
    """What each of the 25 cells holds.

    Parameters
    ----------
    frame : pd.DataFrame, a row per customer, with ``row`` and ``column`` (Int64, 1 to 5; NA: no place on the map) and
        `SUMS` (numbers; NaN: nothing)

    Returns
    -------
    pd.DataFrame, shape (25, 8), sorted by the first two: ``row``, ``column`` and ``customers`` (int64), and `SUMS`
        (float64)

    >>> some = {"amount": [5.0, 7], "expected_loss": [1.0, None], "contacted": [1, 0], "by_email": 1, "by_phone": 0}
    >>> found = count(pd.DataFrame(some).assign(row=[2, 2], column=[3, 3]).astype({"row": "Int64", "column": "Int64"}))
    >>> len(found), found[found["customers"] > 0].to_numpy().tolist()
    (25, [[2.0, 3.0, 2.0, 12.0, 1.0, 1.0, 2.0, 0.0]])
    """
    placed = frame[frame["row"].notna() & frame["column"].notna()]
    grouped = placed.groupby([placed["row"].astype("int64"), placed["column"].astype("int64")])
    counted = grouped[list(SUMS)].sum().astype("float64")
    counted.insert(0, "customers", grouped.size())
    numbers = range(1, SIZE + 1)
    cells = pd.MultiIndex.from_product([numbers, numbers], names=["row", "column"])
    return counted.reindex(cells, fill_value=0).reset_index().astype({"customers": "int64"})
