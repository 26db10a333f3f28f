"""Where a tier stands among others: what is up, what is down and what is the same is decided here.

A ladder is a sequence of distinct keys of tiers, from the lowest to the highest.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

SAME = "same"
NEW = "new"  # into a tier, from none
LEFT = "left"  # out of a tier, into none
UP = "up"
DOWN = "down"
DIRECTIONS = (SAME, NEW, LEFT, UP, DOWN)


def places(keys: pd.Series, ladder: Sequence[int]) -> np.ndarray:
    """Where tiers stand in a ladder.

    Parameters
    ----------
    keys : pd.Series of Int64, or of numbers that are whole, shape (n_customers,); missing: no tier
    ladder : keys from the lowest to the highest

    Returns
    -------
    np.ndarray of int64, shape (n_customers,): 0 is the lowest; -1: no tier, or one that is not in the ladder

    >>> places(pd.Series([30, 10, None, 99], dtype="Int64"), [10, 20, 30]).tolist()
    [2, 0, -1, -1]
    >>> places(pd.Series([], dtype=object), [10]).tolist(), places(pd.Series([10]), []).tolist()
    ([], [-1])
    """
    return pd.Index(ladder, dtype="Int64").get_indexer(keys.astype("Int64").array)


def direction(
    was: pd.Series, now: pd.Series, ladder: Sequence[int], foreign: np.ndarray | bool = False
) -> pd.Categorical:
    """Whether customers move up or down, from one tier to another.

    Parameters
    ----------
    was : pd.Series of Int64, shape (n_customers,): key of the tier before, NA: none
    now : pd.Series of Int64, same index: key of the tier afterwards, NA: none
    ladder : keys from the lowest to the highest; a tier that is not in it is below all that are
    foreign : np.ndarray of bool, shape (n_customers,): the two tiers are of different policies, so neither is the
        higher one; False: nobody's are

    Returns
    -------
    pd.Categorical, shape (n_customers,), of `DIRECTIONS`. 'same': the tier is the same, or neither is the higher one

    Raises
    ------
    ValueError
        If `now` has another index than `was`.

    >>> was = pd.Series([10, 10, 20, None, 20, None, 10, 99], dtype="Int64")
    >>> now = pd.Series([10, 20, 10, 10, None, None, 20, 10], dtype="Int64")
    >>> list(direction(was, now, [10, 20], foreign=was.index == 6))
    ['same', 'up', 'down', 'new', 'left', 'same', 'same', 'up']
    >>> list(direction(was, now, [20, 10]))[:3]
    ['same', 'down', 'up']
    >>> list(direction(was[:0], now[:0], []))
    []
    """
    if not was.index.equals(now.index):
        raise ValueError("'now' must have the index of 'was': the same customers in the same order.")
    had, has = was.notna().to_numpy(), now.notna().to_numpy()
    before, after = places(was, ladder), places(now, ladder)
    same = (was == now).fillna(False).to_numpy(dtype=bool) | ~(had | has) | foreign
    codes = np.select([has & ~had, had & ~has, same, after > before], [1, 2, 0, 3], 4)
    return pd.Categorical.from_codes(codes.astype("int8"), DIRECTIONS)
