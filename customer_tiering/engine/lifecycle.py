"""The stage of the relation with each customer: from prospect to lost.

What tells the stages apart is the customer's own rhythm: who buys once a year is not late after two
months, who buys every week is.
"""

import math

import numpy as np
import pandas as pd

from . import metrics, schema
from .rules import LifecycleRules

PROSPECT = "prospect"
EXPLORING = "exploring"
FORMING = "forming"
STABLE = "stable"
DECLINING = "declining"
LOST = "lost"

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


def stage(frame: pd.DataFrame, rules: LifecycleRules, typical_gap: float | None) -> pd.Series:
    """The stage of each customer. What comes first decides:

    ========= ==============================================================================
    prospect  never bought
    lost      later than `rules.lost_lateness` usual gaps
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

    Returns
    -------
    pd.Series of object, shape (n_customers,): one of `STAGES`. "Later than n usual gaps" means
        that the last purchase is more than n usual gaps ago: exactly n is not later yet. Who
        did not buy in the window has no growth.
    """
    late = lateness(frame, usual_gap(frame, typical_gap))
    growth = frame[schema.GROWTH]
    known = frame[schema.PURCHASE_DAYS] > rules.exploring_days
    stages = np.select(
        [
            ~schema.bought(frame),
            late > rules.lost_lateness,
            (late > rules.late_lateness) | (known & (growth <= -rules.falling)),
            ~known,
            growth >= rules.growing,
        ],
        [PROSPECT, LOST, DECLINING, EXPLORING, FORMING],
        default=STABLE,
    )
    return pd.Series(stages, index=frame.index, dtype=object)
