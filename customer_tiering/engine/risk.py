"""The churn warning: who is about to stop buying, how likely that looks, and what would be lost.

By the method 'prediction' the chance that no order comes decides (module ``outlook``), of whom it can be told; else
three signals do, none of which needs a model that learns:

======= =====================================================================================
late    the last purchase is more than `RiskRules.watch_lateness` usual gaps ago;
        very late: more than `RiskRules.high_lateness`
falling the customer has a rhythm (three days with purchases) and the growth is at or below minus
        `LifecycleRules.falling`
silent  there were interactions, but neither one nor a purchase for more than
        `RiskRules.silent_days` days. Never an interaction is no silence: many customers need none.
======= =====================================================================================

"Usual gap" and "lost" are those of the module ``lifecycle``, so both columns tell the same story.
"""

import numpy as np
import pandas as pd

from . import lifecycle, metrics, schema
from .rules import LifecycleRules, RiskRules

NONE = "none"
WATCH = "watch"
HIGH = "high"
LOST = "lost"

#: From the calmest to the worst.
LEVELS = (NONE, WATCH, HIGH, LOST)

LATE = "late"
FALLING = "falling"
SILENT = "silent"
CHANCE = "chance"  # it was the chance of the next order that decided

#: Each with its own bit.
SIGNALS = (LATE, FALLING, SILENT, CHANCE)

#: How much of the hope a fall or a silence takes away, on top of lateness.
FALLING_PART = 0.30
SILENT_PART = 0.20

#: Risks are whole multiples of this percentage. A finer number would promise what nobody can know,
#: and would rewrite the scorecards of all who are late every night.
RANK_STEP = 5


def assess(frame: pd.DataFrame, rules: RiskRules, stages: LifecycleRules, typical_gap: float | None) -> pd.DataFrame:
    """How much each customer is at risk. What comes first decides:

    ===== ==================================================================================
    none  never bought
    lost  later than `stages.lost_lateness` usual gaps
    high  very late, or two of late, falling and silent
    watch late or falling
    none  all others; silence alone is no warning
    ===== ==================================================================================

    Of whom `lifecycle.is_foretold`, the chance that no order comes decides instead: lost, high and watch from
    `rules.lost_percent`, `rules.high_percent` and `rules.watch_percent` on. Who bought on a single day may be lost,
    but is not warned of: whether somebody comes at all is another question than whether he stops.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), as `metrics.derive` returns it; where anything is foretold, with
        ``order_percent``
    rules : the numbers of the warning
    stages : where Lost begins, and what a fall is
    typical_gap : days, of customers without a rhythm of their own, see `lifecycle.usual_gap`

    Returns
    -------
    pd.DataFrame, shape (n_customers, 5), with the index of `frame`

        - ``usual_gap_days``: float64, days, NaN: never bought
        - ``risk``: object, one of `LEVELS`
        - ``risk_rank``: int64, percent: 0 for none; else the chance that no order comes, where it is foretold; else a
          multiple of `RANK_STEP`, 100 for lost, see `rank`
        - ``expected_loss``: float64, money, 0 or more: the rank's percentage of the amount of the
          window, so all of it for lost. Who has bought nothing in the window has nothing more to
          take away: customers of long ago do not hide those whom a call can still win back.
        - ``risk_signals``: categories of str, the signals that led to the risk, see `tell_signals`
    """
    gap = lifecycle.usual_gap(frame, typical_gap)
    lateness = lifecycle.lateness(frame, gap)
    rhythm = frame[schema.PURCHASE_DAYS] >= metrics.RHYTHM_DAYS
    late = (lateness > rules.watch_lateness).to_numpy()
    falling = rhythm & (frame[schema.GROWTH] <= -stages.falling)
    silent = (frame[schema.DAYS_SINCE_CONTACT] > rules.silent_days) & (frame[schema.RECENCY_DAYS] > rules.silent_days)
    warned = late | falling
    levels = np.select(
        [
            lateness > stages.lost_lateness,
            (lateness > rules.high_lateness) | (late & falling) | (warned & silent),
            warned,
        ],
        [LOST, HIGH, WATCH],
        default=NONE,
    )
    ranks = np.where(levels == LOST, 100, np.where(levels == NONE, 0, rank(lateness, falling, silent)))
    late = late | (levels == LOST)
    foretold = lifecycle.is_foretold(frame, rules)
    if foretold.any():
        stopped = 100 - frame[schema.ORDER_PERCENT].to_numpy()
        again = (frame[schema.PURCHASE_DAYS] > 1).to_numpy()
        by_chance = np.select(
            [
                stopped >= rules.lost_percent,
                again & (stopped >= rules.high_percent),
                again & (stopped >= rules.watch_percent),
            ],
            [LOST, HIGH, WATCH],
            default=NONE,
        )
        levels = np.where(foretold, by_chance, levels)
        ranks = np.where(foretold, np.where(by_chance == NONE, 0, stopped), ranks).astype("int64")
        late = late | foretold
    at_stake = frame[schema.AMOUNT].clip(lower=0)
    return pd.DataFrame(
        {
            schema.USUAL_GAP_DAYS: gap,
            schema.RISK: pd.Series(levels, index=frame.index, dtype=object),
            schema.RISK_RANK: ranks,
            schema.EXPECTED_LOSS: (at_stake * ranks / 100).round(metrics.MONEY_DECIMALS),
            schema.RISK_SIGNALS: tell_signals(levels != NONE, late, falling, silent, foretold),
        },
        index=frame.index,
    )


def tell_signals(at_risk: np.ndarray, *signals: np.ndarray | pd.Series) -> pd.Categorical:
    """Which of `SIGNALS` each customer at risk gives.

    Parameters
    ----------
    at_risk : np.ndarray of bool, shape (n_customers,): of the others nothing is told
    signals : of bool, shape (n_customers,): the first ones of `SIGNALS`, in their order

    Returns
    -------
    pd.Categorical of str, shape (n_customers,): the signals in the order of `SIGNALS` with a space
        between them, empty for who is not at risk. There are sixteen texts in all, whatever the data;
        a string for each of a million customers would be most of the memory.

    >>> yes, no = pd.Series([True] * 4), pd.Series([True, False, False, True])
    >>> tell_signals(np.array([True, True, True, False]), yes, no, pd.Series([True, True, False, True])).tolist()
    ['late falling silent', 'late silent', 'late', '']
    """
    texts = [
        " ".join(signal for place, signal in enumerate(SIGNALS) if code >> place & 1)
        for code in range(1 << len(SIGNALS))
    ]
    codes = sum(np.asarray(signal, dtype="int8") << place for place, signal in enumerate(signals))
    return pd.Categorical.from_codes(np.where(at_risk, codes, 0), texts)


def rank(lateness: pd.Series, falling: pd.Series, silent: pd.Series) -> np.ndarray:
    """A percentage that orders customers as a probability would; it is none.

    Each signal leaves a part of the hope that the customer comes back, and the parts multiply::

        hope = min(1, 1 / lateness) * (0.7 if falling) * (0.8 if silent)
        rank = 100 (1 - hope), rounded to 5

    so who is twice as late as usual has a rank of 50, and of 65 if the amount falls too.

    Parameters
    ----------
    lateness : pd.Series of float64, shape (n_customers,), in usual gaps, 0 or more; NaN: never bought
    falling, silent : pd.Series of bool, shape (n_customers,)

    Returns
    -------
    np.ndarray of int64, shape (n_customers,): 0 to 95, multiples of `RANK_STEP`, halves rounded up;
        0: never bought

    >>> lateness = pd.Series([0, 1, 2, 2, 2, 1e9, float("nan")])
    >>> falling = pd.Series([False, False, False, True, True, True, False])
    >>> silent = pd.Series([False, False, False, False, True, True, False])
    >>> rank(lateness, falling, silent).tolist()
    [0, 0, 50, 65, 70, 95, 0]
    """
    hope = 1 / lateness.clip(lower=1) * np.where(falling, 1 - FALLING_PART, 1) * np.where(silent, 1 - SILENT_PART, 1)
    # Rounded first: 1 - 0.7 x 0.5 shall be 0.65 exactly, as on paper.
    steps = np.floor(((1 - hope.fillna(1)) * 100 / RANK_STEP).round(metrics.RATIO_DECIMALS) + 0.5)
    # Nobody who is not lost yet is beyond hope.
    return (steps * RANK_STEP).clip(upper=100 - RANK_STEP).astype("int64").to_numpy()
