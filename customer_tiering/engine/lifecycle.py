"""The stage of the relation with each customer: from prospect to lost.

What tells the stages apart is the customer's own rhythm: who buys once a year is not late after two
months, who buys every week is.
"""

import math

import numpy as np
import pandas as pd

from . import metrics, schema
from .rules import PREDICTION, LifecycleRules, RiskRules

PROSPECT = "prospect"
EXPLORING = "exploring"
FORMING = "forming"
STABLE = "stable"
DECLINING = "declining"
LOST = "lost"

#: By these rules the own rhythm decides.
PLAIN = RiskRules()

#: Whether an order is still to be expected: as usual, hardly, no more.
ON_TIME, LATE, GONE = range(3)

#: The stages in the order of a relation.
STAGES = (PROSPECT, EXPLORING, FORMING, STABLE, DECLINING, LOST)

#: The usual gap, days, where no customer bought on two days yet: by the default rules such a
#: customer declines after half a year and is lost after a year.
FALLBACK_GAP = 90.0


def typical_gap(frame: pd.DataFrame) -> float | None:
    """The median of the customers' median gaps, by which those without a rhythm are judged.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), with ``gap_median_days``

    Returns
    -------
    float, days; None if no customer has a gap

    >>> typical_gap(pd.DataFrame({"gap_median_days": [10.0, 40.0, None]}))
    25.0
    >>> typical_gap(pd.DataFrame({"gap_median_days": [None]}, dtype="float64")) is None
    True
    """
    median = float(frame[schema.GAP_MEDIAN_DAYS].median())
    return None if math.isnan(median) else median


def usual_gap(frame: pd.DataFrame, typical_gap: float | None) -> pd.Series:
    """After how many days each customer usually buys again.

    Who bought on `metrics.RHYTHM_DAYS` days or more has a rhythm: the own median gap. One gap is no
    rhythm yet, so the others are judged by what is typical for the population.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), with ``purchase_days``, ``gap_median_days`` and
        ``last_order_date``
    typical_gap : days, as the function of that name returns it; None: `FALLBACK_GAP`. It is
        rounded to whole days: its hundredths move with every new customer, and would change the
        numbers of all.

    Returns
    -------
    pd.Series of float64, shape (n_customers,): days, 1 or more; NaN: never bought

    >>> usual_gap(
    ...     pd.DataFrame(
    ...         {
    ...             "purchase_days": [3, 2, 1, 0],
    ...             "gap_median_days": [7.5, 7.5, None, None],
    ...             "last_order_date": pd.to_datetime(["2024-06-30"] * 3 + [None]),
    ...         }
    ...     ),
    ...     30.4,
    ... ).tolist()
    [7.5, 30.0, 30.0, nan]
    """
    typical = FALLBACK_GAP if typical_gap is None else round(typical_gap)
    own = frame[schema.GAP_MEDIAN_DAYS].where(frame[schema.PURCHASE_DAYS] >= metrics.RHYTHM_DAYS)
    return own.fillna(typical).clip(lower=1).where(schema.bought(frame))


def lateness(frame: pd.DataFrame, usual_gap: pd.Series) -> pd.Series:
    """Days since the last purchase in multiples of the usual gap: Series of float64, NaN: never bought.

    The metric of the same name compares with the customer's own gap only.
    """
    return (frame[schema.RECENCY_DAYS] / usual_gap).round(metrics.RATIO_DECIMALS)


def is_foretold(frame: pd.DataFrame, risk: RiskRules) -> np.ndarray:
    """Of whom the chance of the next order decides, and not the own rhythm: np.ndarray of bool.

    >>> frame = pd.DataFrame({"order_percent": [50.0, None]})
    >>> is_foretold(frame, RiskRules(method="prediction")).tolist(), is_foretold(frame, RiskRules()).tolist()
    ([True, False], [False, False])
    """
    if risk.method != PREDICTION or schema.ORDER_PERCENT not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame[schema.ORDER_PERCENT].notna().to_numpy()


def stand(frame: pd.DataFrame, rules: LifecycleRules, risk: RiskRules, usual_gap: pd.Series) -> np.ndarray:
    """Whether an order is still to be expected of each customer.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), with ``recency_days``, ``purchase_days`` and, where anything is
        foretold, ``order_percent``
    rules : where Declining and Lost begin by the own rhythm
    risk : what decides, and where the same begins by the chance of the next order: who bought on two days declines
        from `risk.watch_percent` on
    usual_gap : see the function of that name

    Returns
    -------
    np.ndarray of int64, shape (n_customers,): `ON_TIME`, `LATE` or `GONE`

    >>> frame = pd.DataFrame({"recency_days": [30.0] * 4, "purchase_days": [5, 5, 1, 5]})
    >>> gap = pd.Series([20.0, 10.0, 5.0, 14.0])
    >>> stand(frame, LifecycleRules(), RiskRules(), gap).tolist()
    [0, 1, 2, 1]
    >>> frame["order_percent"] = [50.0, 55.0, 15.0, 10.0]
    >>> stand(frame, LifecycleRules(), RiskRules(method="prediction"), gap).tolist()
    [1, 0, 0, 2]
    """
    late = lateness(frame, usual_gap)
    found = np.select([late > rules.lost_lateness, late > rules.late_lateness], [GONE, LATE], ON_TIME)
    foretold = is_foretold(frame, risk)
    if not foretold.any():
        return found
    stopped = 100 - frame[schema.ORDER_PERCENT]
    again = frame[schema.PURCHASE_DAYS] > 1
    by_chance = np.select(
        [stopped >= risk.lost_percent, again & (stopped >= risk.watch_percent)], [GONE, LATE], ON_TIME
    )
    return np.where(foretold, by_chance, found)


def stage(frame: pd.DataFrame, rules: LifecycleRules, typical_gap: float | None, risk: RiskRules = PLAIN) -> pd.Series:
    """The stage of each customer. What comes first decides:

    ========= ==============================================================================
    prospect  never bought
    lost      later than `rules.lost_lateness` usual gaps, see `stand`
    declining later than `rules.late_lateness` usual gaps, or bought on more than
              `rules.exploring_days` days and growth is `-rules.falling` or less
    exploring bought on `rules.exploring_days` days at most
    forming   growth is `rules.growing` or more
    stable    all others
    ========= ==============================================================================

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), as `metrics.derive` returns it
    rules : the numbers in the table
    typical_gap : days, of customers without a rhythm of their own, see `usual_gap`
    risk : whether the rhythm or the chance of the next order says who is late

    Returns
    -------
    pd.Series of object, shape (n_customers,): one of `STAGES`. "Later than n usual gaps" means
        that the last purchase is more than n usual gaps ago: exactly n is not later yet. Who
        did not buy in the window has no growth.
    """
    late = stand(frame, rules, risk, usual_gap(frame, typical_gap))
    growth = frame[schema.GROWTH]
    known = frame[schema.PURCHASE_DAYS] > rules.exploring_days
    stages = np.select(
        [
            ~schema.bought(frame),
            late == GONE,
            (late == LATE) | (known & (growth <= -rules.falling)),
            ~known,
            growth >= rules.growing,
        ],
        [PROSPECT, LOST, DECLINING, EXPLORING, FORMING],
        default=STABLE,
    )
    return pd.Series(stages, index=frame.index, dtype=object)
