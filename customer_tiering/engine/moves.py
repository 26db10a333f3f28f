"""Who was where on one day and where on another: the matrix of moves, of which nothing gets lost."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

#: Where somebody is who is no customer (yet, or any more).
NOWHERE = 0

#: Of the result.
COLUMNS = ("before", "after", "by_rules", "customers", "amount")


def count(before: pd.Series, after: pd.Series, by_rules: Collection[int], amount: pd.Series) -> pd.DataFrame:
    """How many customers went from where to where.

    Parameters
    ----------
    before, after : pd.Series of int64, index = ids of customers, unique, in any order: the tier or segment at the end
        of the first and of the second day; `NOWHERE` and who is absent: no customer on that day
    by_rules : ids of customers whom other rules moved in between
    amount : pd.Series of float64, index = ids of customers, in any order: the money that each counts with; who is
        absent has none

    Returns
    -------
    pd.DataFrame with `COLUMNS`, a row for each pair of places that occurs: int64, int64, bool, int64, float64, sorted
        by the first three. Who stays where he was has moved by no rules. Summed up, the rows of one place on the first
        day are its customers of that day, and those of one place on the second day its customers of that one

    >>> before = pd.Series({1: 7, 2: 7, 3: 8, 4: 8})
    >>> after = pd.Series({2: 8, 3: 8, 4: 7, 5: 7})
    >>> count(before, after, [3, 4], pd.Series({2: 10.0, 4: 5.0}))
       before  after  by_rules  customers  amount
    0       0      7     False          1     0.0
    1       7      0     False          1     0.0
    2       7      8     False          1    10.0
    3       8      7      True          1     5.0
    4       8      8     False          1     0.0
    """
    people = before.index.union(after.index)
    frame = pd.DataFrame(
        {
            "before": before.reindex(people, fill_value=NOWHERE).astype("int64"),
            "after": after.reindex(people, fill_value=NOWHERE).astype("int64"),
            "amount": amount.reindex(people, fill_value=0.0).fillna(0.0).astype(float),
        },
        index=people,
    )
    frame = frame[(frame["before"] != NOWHERE) | (frame["after"] != NOWHERE)]
    frame["by_rules"] = frame.index.isin(list(by_rules)) & (frame["before"] != frame["after"])
    grouped = frame.groupby(["before", "after", "by_rules"], sort=True)["amount"]
    counted = grouped.agg(customers="size", amount="sum").reset_index()
    return counted.astype({"customers": "int64", "by_rules": bool})[list(COLUMNS)]


def join(places: Sequence[pd.Series]) -> pd.Series:
    """The places of customers of several policies, none of whom is in two.

    >>> join([pd.Series({1: 7}), pd.Series({2: 8})]).to_dict(), join([]).to_dict()
    ({1: 7, 2: 8}, {})
    """
    return pd.concat(places) if places else pd.Series(dtype="int64")


def choose(
    before: pd.Series,
    after: pd.Series,
    ruled: Collection[int] = (),
    *,
    origin: int | None = None,
    target: int | None = None,
    by_rules: bool | None = None,
) -> np.ndarray:
    """The ids of the customers of a cell, int64, ascending.

    Parameters
    ----------
    before, after : see `count`
    ruled : ids of customers whom other rules moved in between
    origin, target : the place on the first and on the second day; `NOWHERE`: no customer, None: anywhere
    by_rules : True: whom other rules have moved from one place to another, False: the others, None: all

    >>> before, after = pd.Series({1: 7, 2: 7}), pd.Series({2: 8, 3: 8})
    >>> choose(before, after, origin=7).tolist(), choose(before, after, origin=0, target=8).tolist()
    ([1, 2], [3])
    >>> choose(before, after, [2], by_rules=True).tolist(), choose(before, after, [2], by_rules=False).tolist()
    ([2], [1, 3])
    """
    people = before.index.union(after.index)
    was, now = (series.reindex(people, fill_value=NOWHERE) for series in (before, after))
    chosen = (was != NOWHERE) | (now != NOWHERE)
    if origin is not None:
        chosen &= was == origin
    if target is not None:
        chosen &= now == target
    if by_rules is not None:
        chosen &= ((was != now) & people.isin(list(ruled))) == by_rules
    return np.sort(people[chosen].to_numpy(dtype="int64"))
