"""From recency and frequency-monetary scores to a segment.

The map is a full 5 x 5 grid, one segment per cell: a partition by construction.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .scoring import POINT_DECIMALS

CHAMPIONS = "champions"
LOYAL = "loyal"
POTENTIAL_LOYALIST = "potential_loyalist"
NEW = "new"
PROMISING = "promising"
NEED_ATTENTION = "need_attention"
ABOUT_TO_SLEEP = "about_to_sleep"
AT_RISK = "at_risk"
CANT_LOSE = "cant_lose"
HIBERNATING = "hibernating"
LOST = "lost"

#: The segments of the grid, from the best to the worst.
SEGMENT_CODES = (
    CHAMPIONS,
    LOYAL,
    POTENTIAL_LOYALIST,
    NEW,
    PROMISING,
    NEED_ATTENTION,
    ABOUT_TO_SLEEP,
    AT_RISK,
    CANT_LOSE,
    HIBERNATING,
    LOST,
)

#: The segment of those who never bought; no cell of the grid.
PROSPECT = "prospect"

#: ``DEFAULT_MAP[r - 1][fm - 1]``: recency downwards, worst first; frequency-monetary to the
#: right. The common R x F map of ten segments, with the bottom left corner as an eleventh.
DEFAULT_MAP = (
    (LOST, LOST, AT_RISK, AT_RISK, CANT_LOSE),
    (HIBERNATING, HIBERNATING, AT_RISK, AT_RISK, CANT_LOSE),
    (ABOUT_TO_SLEEP, ABOUT_TO_SLEEP, NEED_ATTENTION, LOYAL, LOYAL),
    (PROMISING, POTENTIAL_LOYALIST, POTENTIAL_LOYALIST, LOYAL, LOYAL),
    (NEW, POTENTIAL_LOYALIST, POTENTIAL_LOYALIST, CHAMPIONS, CHAMPIONS),
)


def frequency_monetary_score(
    frequency: pd.Series, monetary: pd.Series, frequency_weight: float, monetary_weight: float
) -> pd.Series:
    """The weighted mean of two scores, rounded half up.

    Parameters
    ----------
    frequency, monetary : pd.Series of Int64, shape (n_customers,), 1..5 or NA
    frequency_weight, monetary_weight : 0 or more; if both are 0 they count alike

    Returns
    -------
    pd.Series of Int64, shape (n_customers,), 1..5; NA where a score is NA

    >>> f, m = pd.Series([1, 1, 5, None], dtype="Int64"), pd.Series([1, 2, 1, 3], dtype="Int64")
    >>> frequency_monetary_score(f, m, 0, 0).tolist()
    [1, 2, 3, <NA>]
    >>> frequency_monetary_score(f, m, 30, 10).tolist()
    [1, 1, 4, <NA>]
    """
    if not frequency_weight and not monetary_weight:
        frequency_weight = monetary_weight = 1
    mean = (frequency.astype("Float64") * frequency_weight + monetary.astype("Float64") * monetary_weight) / (
        frequency_weight + monetary_weight
    )
    return np.floor(mean.round(POINT_DECIMALS) + 0.5).astype("Int64")


def assign(recency: pd.Series, frequency_monetary: pd.Series, segment_map: Sequence[Sequence[int]]) -> pd.Series:
    """The segment of each customer.

    Parameters
    ----------
    recency, frequency_monetary : pd.Series of Int64, shape (n_customers,), 1..5 or NA,
        with the same index
    segment_map : 5 x 5 keys, ``segment_map[r - 1][fm - 1]``

    Returns
    -------
    pd.Series of Int64, shape (n_customers,): keys; NA where a score is NA

    >>> r, fm = pd.Series([5, 1, None], dtype="Int64"), pd.Series([1, 5, 1], dtype="Int64")
    >>> grid = [[10 * r + fm for fm in range(1, 6)] for r in range(1, 6)]
    >>> assign(r, fm, grid).tolist()
    [51, 15, <NA>]
    """
    cell = 5 * (recency - 1) + frequency_monetary - 1
    keys = pd.array(np.ravel(segment_map), dtype="Int64")
    place = cell.to_numpy(dtype="int64", na_value=-1)
    return pd.Series(keys.take(place, allow_fill=True), index=recency.index)
