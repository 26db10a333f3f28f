"""Was a prediction right? What was said on earlier days, what came, and what plain silence would have said.

On an earlier day the prediction is made of what was known then, all of it, with what it learned from days before that;
then the days that followed are looked at. Two questions are asked. *Calibration*, of all customers: of those with a
chance of 60 to 80 % to stop, did 60 to 80 % stop? *Ranking*, of those about whom a warning is of use, who bought on two
days or more and not too long ago: did those stop who were the most endangered, and would the longest silence have found
as many?
"""

import dataclasses
import datetime
import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from . import prediction, schema

#: Edges of the five bands of the chance to stop.
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
#: Earlier days that are tested, each a horizon before the other.
DAYS = 4
#: Of so many of the most endangered is told how many stopped; of fewer, a quarter of who is ranked.
ENDANGERED, PART = 100, 4
#: Ranked is who bought within so many horizons.
RANKED_HORIZONS = 2
#: Fewer ranked customers, or nobody of them who stopped or who did not, have no gain.
LEAST_RANKED = 20
#: Redrawings of the ranked customers, and the ends of the interval of the gain.
DRAWS, SEED, ENDS = 200, 19, (0.025, 0.975)
#: The normal quantile of the intervals of shares, 95 %.
Z = 1.959963984540054

A, B, C = "A", "B", "C"
#: Largest errors of calibration of the grades A and B.
GRADE_ERROR = {A: 0.05, B: 0.10}


@dataclasses.dataclass(frozen=True)
class Band:
    """Customers with a chance to stop in ``[low, high)``, the last band with both ends.

    Parameters
    ----------
    low, high : 0..1
    customers : how many
    said : their mean chance to stop, 0..1; None: nobody
    happened : the share who stopped, 0..1; None: nobody
    least, most : ends of the Wilson interval of that share, 95 %; None: nobody
    """

    low: float
    high: float
    customers: int
    said: float | None
    happened: float | None
    least: float | None
    most: float | None


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What was said on an earlier day, and what came. Of finite numbers, for JSON.

    Parameters
    ----------
    as_of : that day
    horizon : days that followed and were looked at
    cannot_tell : why nothing was said then, as in `prediction.fit`; then all counts are 0 and the rest is None or empty
    customers, stopped : of whom something was said, and who did not order
    bands : five
    error : mean distance of what was said from what happened in the bands, weighted by customers (ECE), 0..1
    ranked, ranked_stopped : of whom a warning is of use: two days with an order, the last within two horizons
    auc, naive_auc : the chance that of two ranked ones, one of whom stopped, that one was the more endangered, and the
        longer silent; None: too few
    gain, gain_least, gain_most : their difference, and its 95 % interval by redrawing customers
    endangered : how many of the most endangered are compared with as many of the longest silent
    hits, naive_hits : of them, who stopped; an expected number where ties are broken by lot
    orders, orders_came, amount, amount_came : predicted and come; of amounts None: it is not known what came
    notes : what to know of what was said, see the ``notes`` of `prediction.fit`
    """

    as_of: datetime.date
    horizon: int
    cannot_tell: dict | None
    customers: int = 0
    stopped: int = 0
    bands: tuple[Band, ...] = ()
    error: float | None = None
    ranked: int = 0
    ranked_stopped: int = 0
    auc: float | None = None
    naive_auc: float | None = None
    gain: float | None = None
    gain_least: float | None = None
    gain_most: float | None = None
    endangered: int = 0
    hits: float | None = None
    naive_hits: float | None = None
    orders: float | None = None
    orders_came: float | None = None
    amount: float | None = None
    amount_came: float | None = None
    notes: tuple[dict, ...] = ()

    @property
    def lift(self) -> float | None:
        """Of the most endangered, how many times as many stopped as of all who are ranked; None: nobody stopped."""
        if not (self.endangered and self.ranked_stopped):
            return None
        return self.hits / self.endangered * self.ranked / self.ranked_stopped

    @property
    def plain_is_as_good(self) -> bool:
        """Whether the gain over plain silence may be chance, or is none."""
        return self.gain_least is None or self.gain_least <= 0

    @property
    def grade(self) -> str | None:
        """A: a gain beyond doubt and an error of 0.05 at most; B: no loss and 0.10; C: else. None: nothing was said.

        >>> day = datetime.date(2024, 6, 30)
        >>> Forecast(day, 90, None, error=0.04, gain=0.05, gain_least=0.01).grade
        'A'
        >>> Forecast(day, 90, None, error=0.04, gain=0.05, gain_least=-0.01).grade
        'B'
        >>> Forecast(day, 90, None, error=0.04, gain=-0.01, gain_least=-0.02).grade
        'C'
        """
        if self.cannot_tell or self.error is None:
            return None
        if self.gain is not None and self.gain >= 0:
            if not self.plain_is_as_good and self.error <= GRADE_ERROR[A]:
                return A
            if self.error <= GRADE_ERROR[B]:
                return B
        return C

    def to_json(self) -> dict:
        """All of it as plain values for JSON, with the grade.

        >>> Forecast(datetime.date(2024, 6, 30), 90, None, error=0.04).to_json()["as_of"]
        '2024-06-30'
        """
        found = dataclasses.asdict(self)
        lists = {"bands": list(found["bands"]), "notes": list(found["notes"])}
        derived = {"lift": self.lift, "plain_is_as_good": self.plain_is_as_good, "grade": self.grade}
        return found | lists | derived | {"as_of": self.as_of.isoformat()}


def try_out(
    history: prediction.History,
    customers: pd.Index,
    as_of: datetime.date,
    horizon: int = prediction.HORIZON,
    *,
    days: int = DAYS,
    typical_gap: float | None = None,
) -> list[Forecast]:
    """Predict on earlier days, and look at what came.

    Parameters
    ----------
    history, customers : as for `prediction.learn`; what lies after `as_of` is not looked at
    as_of : today; the latest day that is tested is `horizon` days ago
    horizon : days
    days : how many earlier days, each `horizon` before the other, as far as history goes
    typical_gap : as for `prediction.fit`

    Returns
    -------
    list of Forecast, the latest day first; empty if the history is not longer than the horizon. Of
        `prediction.MOST_CUSTOMERS` at most.
    """
    today = schema.day(as_of)
    history, customers = prediction.draw(history, customers)
    first = history.day.min(initial=prediction.to_number(as_of))
    found = []
    for step in range(1, days + 1):
        then = (today - np.timedelta64(step * horizon, "D")).item()
        if prediction.to_number(then) <= first:
            break
        fit, summary = prediction.learn(history, customers, then, horizon, typical_gap=typical_gap)
        outcome = prediction.add_outcome(summary, history, then, horizon)
        found.append(judge(fit, outcome, then))
    return found


def judge(fit: dict, outcome: pd.DataFrame, as_of: datetime.date) -> Forecast:
    """Judge what a fit says of a day by what came.

    Parameters
    ----------
    fit : as `prediction.fit` returns it, of that day
    outcome : as `prediction.add_outcome` returns it, for the horizon of the fit
    as_of : the day
    """
    outcome = outcome[outcome[schema.REPEAT_DAYS].notna()]
    horizon = fit["horizon"]
    if fit["cannot_tell"] or outcome.empty:
        return Forecast(as_of, horizon, fit["cannot_tell"])
    predicted = prediction.apply(fit, outcome)
    said = 1 - predicted[schema.ORDER_CHANCE].to_numpy()
    silence = (outcome[schema.AGE_DAYS] - outcome[schema.SPAN_DAYS]).to_numpy()
    stopped = outcome[schema.CAME_ORDERS].to_numpy() == 0
    bands = _make_bands(said, stopped)
    ranked = (outcome[schema.REPEAT_DAYS].to_numpy() > 0) & (silence <= RANKED_HORIZONS * horizon)
    return Forecast(
        as_of,
        horizon,
        None,
        customers=len(outcome),
        stopped=int(stopped.sum()),
        bands=bands,
        error=sum(abs(band.said - band.happened) * band.customers for band in bands if band.customers) / len(outcome),
        ranked=int(ranked.sum()),
        ranked_stopped=int(stopped[ranked].sum()),
        **_compare(said[ranked], silence[ranked], stopped[ranked]),
        orders=float(predicted[schema.EXPECTED_ORDERS].sum()),
        orders_came=float(outcome[schema.CAME_ORDERS].sum()),
        amount=float(predicted[schema.EXPECTED_AMOUNT].sum()),
        amount_came=None if outcome[schema.CAME_AMOUNT].isna().any() else float(outcome[schema.CAME_AMOUNT].sum()),
        notes=tuple(fit["notes"]),
    )


def get_wilson(hits: float, count: float, z: float = Z) -> tuple[float, float]:
    """The Wilson interval of a share, 95 % unless `z` is another normal quantile (Wilson 1927).

    >>> [round(end, 4) for end in get_wilson(81, 263)]  # Newcombe 1998, table I: 0.2553, 0.3662
    [0.2553, 0.3662]
    >>> [round(end, 4) for end in get_wilson(0, 20)]  # 0, 0.1611
    [0.0, 0.1611]
    """
    share, square = hits / count, z * z
    middle = share + square / (2 * count)
    reach = z * np.sqrt(share * (1 - share) / count + square / (4 * count * count))
    low, high = (middle - reach) / (1 + square / count), (middle + reach) / (1 + square / count)
    return max(float(low), 0.0), min(float(high), 1.0)


def get_auc(score: np.ndarray, hit: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The chance that of a hit and a miss the hit has the higher score; a tie counts half. NaN: only hits or misses.

    >>> get_auc(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    0.875
    """
    group = np.unique(score, return_inverse=True)[1]
    return _auc(group, hit, np.ones(len(score)) if weight is None else weight)


def get_hits(score: np.ndarray, hit: np.ndarray, number: int) -> float:
    """Hits among so many with the highest score; who ties on the last place is drawn by lot: the expected number.

    >>> get_hits(np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, True]), 2)
    1.5
    """
    if not number:
        return 0.0
    last = np.partition(score, len(score) - number)[len(score) - number]
    above, equal = score > last, score == last
    return float(hit[above].sum() + (number - above.sum()) * hit[equal].mean())


def _make_bands(said: np.ndarray, stopped: np.ndarray) -> tuple[Band, ...]:
    place = np.clip(np.searchsorted(EDGES, said, side="right") - 1, 0, len(EDGES) - 2)
    bands = []
    for number, (low, high) in enumerate(itertools.pairwise(EDGES)):
        inside = place == number
        count, hits = int(inside.sum()), int(stopped[inside].sum())
        told = (float(said[inside].mean()), hits / count, *get_wilson(hits, count)) if count else (None,) * 4
        bands.append(Band(low, high, count, *told))
    return tuple(bands)


def _compare(said: np.ndarray, silence: np.ndarray, stopped: np.ndarray) -> dict:
    """Ranking by the chance to stop beside ranking by silence."""
    endangered = min(ENDANGERED, len(said) // PART)
    found = {
        "endangered": endangered,
        "hits": get_hits(said, stopped, endangered),
        "naive_hits": get_hits(silence, stopped, endangered),
    }
    if len(said) < LEAST_RANKED or stopped.all() or not stopped.any():
        return found
    order = np.lexsort((stopped, silence, said))  # what is drawn does not depend on the order of the rows
    stopped = stopped[order]
    groups = [np.unique(score[order], return_inverse=True)[1] for score in (said, silence)]
    auc, naive = (_auc(group, stopped, np.ones(len(group))) for group in groups)
    random = np.random.default_rng(SEED)
    gains = []
    for _ in range(DRAWS):
        weight = random.poisson(1.0, len(stopped)).astype("float64")
        drawn, plain = (_auc(group, stopped, weight) for group in groups)
        if drawn == drawn:  # of few customers a draw may have only one kind
            gains.append(drawn - plain)
    least, most = np.quantile(gains, ENDS) if gains else (-1.0, 1.0)
    return found | {
        "auc": auc,
        "naive_auc": naive,
        "gain": auc - naive,
        "gain_least": float(least),
        "gain_most": float(most),
    }


def _auc(group: np.ndarray, hit: np.ndarray, weight: np.ndarray) -> float:
    """`get_auc` of scores that are numbered in their order."""
    hits = np.bincount(group, weight * hit)
    misses = np.bincount(group, weight * ~hit)
    pairs = hits.sum() * misses.sum()
    return float((hits * (np.cumsum(misses) - misses / 2)).sum() / pairs) if pairs else float("nan")


def get_grade(forecasts: Sequence[Forecast]) -> str | None:
    """The grade of the latest day of which something was said; None: of none.

    >>> get_grade([])
    """
    return next((forecast.grade for forecast in forecasts if forecast.grade), None)
