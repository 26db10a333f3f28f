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
    """The median of the customers' median gaps, by which those without a gap are judged.

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
    typical_gap : usual gap, days, of customers who bought on one day only; the others have
        their own median gap. None: `FALLBACK_GAP`. A usual gap is at least one day.

    Returns
    -------
    pd.Series of object, shape (n_customers,): one of `STAGES`. "Later than n usual gaps" means
        that the last purchase is more than n usual gaps ago: exactly n is not later yet. Who
        did not buy in the window has no growth.
    """
    usual_gap = frame[schema.GAP_MEDIAN_DAYS].fillna(FALLBACK_GAP if typical_gap is None else typical_gap)
    lateness = (frame[schema.RECENCY_DAYS] / usual_gap.clip(lower=1)).round(metrics.RATIO_DECIMALS)
    growth = frame[schema.GROWTH]
    known = frame[schema.PURCHASE_DAYS] > rules.exploring_days
    stages = np.select(
        [
            ~schema.bought(frame),
            lateness > rules.lost_lateness,
            (lateness > rules.late_lateness) | (known & (growth <= -rules.falling)),
            ~known,
            growth >= rules.growing,
        ],
        [PROSPECT, LOST, DECLINING, EXPLORING, FORMING],
        default=STABLE,
    )
    return pd.Series(stages, index=frame.index, dtype=object)
