"""Where customers were on several days, from where they are and the changes since."""

import numpy as np
import pandas as pd

from .moves import NOWHERE

#: Of the changes.
CHANGES = ("partner_id", "date", "place")

#: Of the sums.
COLUMNS = ("day", "place", "customers", "amount")


def get_places(now: pd.Series, changes: pd.DataFrame, days: list) -> pd.DataFrame:
    """Where each customer was at the end of each day.

    Parameters
    ----------
    now : pd.Series of int64, index = ids of customers: where they are, `NOWHERE` for nowhere
    changes : pd.DataFrame with `CHANGES`, in the order in which they happened: a customer left a place on a day
        (datetime64); `NOWHERE`: it was no customer before. All changes after the first of the days
    days : dates, in any order

    Returns
    -------
    pd.DataFrame of int64, index = ids of customers, ascending, one column for each day, numbered from 0 on: the place
        that was left by the first change after that day, and where there is none, that of now

    >>> changes = pd.DataFrame({"partner_id": [1, 2, 1], "date": np.array(["2026-01-05", "2026-01-06", "2026-01-07"],
    ...                         "datetime64[D]"), "place": [0, 8, 7]})
    >>> days = [np.datetime64(f"2026-01-{day}") for day in ("04", "05", "07")]
    >>> get_places(pd.Series({1: 8, 3: 9}), changes, days)
       0  1  2
    1  0  7  8
    2  8  8  0
    3  9  9  9
    """
    partners = changes["partner_id"].to_numpy(dtype="int64")
    order = np.argsort(partners, kind="stable")
    partners = partners[order]
    dates = changes["date"].to_numpy(dtype="datetime64[D]")[order]
    left = changes["place"].to_numpy(dtype="int64")[order]
    people = np.union1d(partners[np.diff(partners, prepend=-1) != 0], now.index.to_numpy(dtype="int64"))
    today = np.full(len(people), NOWHERE, dtype="int64")
    today[np.searchsorted(people, now.index.to_numpy(dtype="int64"))] = now.to_numpy(dtype="int64")
    columns = {}
    for number, day in enumerate(days):
        later = np.flatnonzero(dates > np.datetime64(day))
        first = later[np.diff(partners[later], prepend=-1) != 0]
        columns[number] = today.copy()
        columns[number][np.searchsorted(people, partners[first])] = left[first]
    return pd.DataFrame(columns, index=people)


def sum_up(places: pd.DataFrame, amount: pd.Series) -> pd.DataFrame:
    """How many customers were in each place on each day, and what they count with.

    Parameters
    ----------
    places : see `get_places`
    amount : pd.Series of float64, index = ids of customers, in any order; who is absent counts with nothing

    Returns
    -------
    pd.DataFrame with `COLUMNS`: int64, int64, int64, float64; a row for each day and place with customers, sorted

    >>> sum_up(pd.DataFrame({0: [7, 7, 0], 1: [8, 7, 7]}, index=[1, 2, 3]), pd.Series({1: 10.0, 3: 5.0}))
       day  place  customers  amount
    0    0      7          2    10.0
    1    1      7          2     5.0
    2    1      8          1    10.0
    """
    money = amount.reindex(places.index).fillna(0.0).to_numpy()
    rows = []
    for day in places.columns:
        keys, codes = np.unique(places[day].to_numpy(), return_inverse=True)
        sums = zip(keys.tolist(), np.bincount(codes).tolist(), np.bincount(codes, money).tolist(), strict=True)
        rows += [(day, *row) for row in sums if row[0] != NOWHERE]
    kinds = {"day": "int64", "place": "int64", "customers": "int64", "amount": "float64"}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(kinds)
