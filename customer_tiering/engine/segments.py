"""From recency and frequency-monetary scores to a segment.

The map is a full 5 x 5 grid, one segment per cell: a partition by construction.

How recent a customer is says the rank among all customers. But who buys once a year is on time when others are gone for
good, and who bought every week is gone when others are on time. So the customer's own rhythm decides in which rows of
the grid the rank may lie, by the same numbers as the stage (module ``lifecycle``) and the warning (``risk``): no card
praises a customer beside the stage Lost, whatever the segments are called.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from . import metrics
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

#: The segments of those who buy as they should: their advice is none for who is about to stop.
FAITHFUL = (CHAMPIONS, LOYAL, POTENTIAL_LOYALIST, NEW, PROMISING)

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


def by_scores(
    recency: int,
    frequency: int,
    monetary: int,
    weights: Mapping[str, float | None],
    segment_map: Sequence[Sequence[int]],
) -> int:
    """The key of the segment that three scores of one customer alone lead to, whatever the own rhythm says.

    Parameters
    ----------
    recency, frequency, monetary : 1..5
    weights : of the metrics, see `PolicyRules.weights`
    segment_map : 5 x 5 keys, ``segment_map[recency - 1][fm - 1]``

    >>> grid = [[10 * r + fm for fm in range(1, 6)] for r in range(1, 6)]
    >>> by_scores(1, 4, 1, {"frequency": 3.0, "monetary": None}, grid)
    14
    """
    scores = (pd.Series([score], dtype="Int64") for score in (frequency, monetary))
    fm = frequency_monetary_score(*scores, *(weights.get(key) or 0 for key in (metrics.FREQUENCY, metrics.MONETARY)))
    return segment_map[recency - 1][int(fm.iloc[0]) - 1]


def rows(recency: pd.Series, standing: np.ndarray) -> pd.Series:
    """The row of the map for each customer: the recency score, within what the own rhythm, or the chance of the next
    order, allows.

    ======= ====
    on time 3..5
    late    2..3
    gone    1..2
    ======= ====

    Parameters
    ----------
    recency : pd.Series of Int64, shape (n_customers,), 1..5 or NA
    standing : np.ndarray of int64, shape (n_customers,), see `lifecycle.stand`

    Returns
    -------
    pd.Series of Int64, shape (n_customers,), 1..5; NA where `recency` is NA

    >>> recency = pd.Series([1, 1, 1, 5, 5, 5, None], dtype="Int64")
    >>> rows(recency, np.array([0, 1, 2, 0, 1, 2, 0])).tolist()
    [3, 2, 1, 5, 3, 2, <NA>]
    """
    lowest, highest = np.array([3, 2, 1])[standing], np.array([5, 3, 2])[standing]
    known = recency.notna()
    clipped = np.clip(recency.to_numpy(dtype="int64", na_value=1), lowest, highest)
    return pd.Series(clipped, index=recency.index).astype("Int64").where(known)


def assign(row: pd.Series, frequency_monetary: pd.Series, segment_map: Sequence[Sequence[int]]) -> pd.Series:
    """The segment of each customer.

    Parameters
    ----------
    row, frequency_monetary : pd.Series of Int64, shape (n_customers,), 1..5 or NA,
        with the same index; see `rows` and `frequency_monetary_score`
    segment_map : 5 x 5 keys, ``segment_map[row - 1][fm - 1]``

    Returns
    -------
    pd.Series of Int64, shape (n_customers,): keys; NA where a score is NA

    >>> r, fm = pd.Series([5, 1, None], dtype="Int64"), pd.Series([1, 5, 1], dtype="Int64")
    >>> grid = [[10 * r + fm for fm in range(1, 6)] for r in range(1, 6)]
    >>> assign(r, fm, grid).tolist()
    [51, 15, <NA>]
    """
    cell = 5 * (row - 1) + frequency_monetary - 1
    keys = pd.array(np.ravel(segment_map), dtype="Int64")
    place = cell.to_numpy(dtype="int64", na_value=-1)
    return pd.Series(keys.take(place, allow_fill=True), index=row.index)
