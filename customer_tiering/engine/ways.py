"""The ways to a tier: what one metric would have to be, all others unchanged.

Ways are computed by inverting the fitted scales, so that what is promised holds: a customer whose
metric becomes what a `Way` says has the score, by the very arithmetic of a run.
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from . import explain, metrics
from .metrics import MONEY_DECIMALS, Metric
from .rules import AT_LEAST, BANDS, PolicyRules, TierRule
from .scoring import POINT_DECIMALS, WHOLE_UNITS, Scale

#: Points are whole multiples of one part in so many.
_MILLION = 10**POINT_DECIMALS

#: The steps in which the points of a metric are searched, in millionths: each is a hundredth of the last.
_STEPS = (_MILLION, _MILLION // 100, _MILLION // 10_000, 1)


#: Criteria of which it is known what an order placed today makes of them: it changes the first
#: three and none of the others.
_KNOWN_AFTER_AN_ORDER = {
    metrics.RECENCY,
    metrics.FREQUENCY,
    metrics.MONETARY,
    "tenure",
    "contacts",
    "contact_recency",
    "contact_decay",
    "overdue_activities",
}


@dataclasses.dataclass(frozen=True)
class Way:
    """One way up: a metric, and the value of it that is enough.

    Parameters
    ----------
    metric : key of a registered metric
    current : the customer's value in the unit of the metric, NaN: unknown
    needed : the least good value that is enough, inclusive, such as a customer can have it: counts
        and days are whole, all else has two decimals
    change : ``needed - current``, rounded to millionths; below 0 where the value must fall; NaN where
        `current` is unknown
    """

    metric: str
    current: float
    needed: float
    change: float


def to_reach(rules: PolicyRules, scales: Mapping[str, Scale], values: Mapping[str, float], floor: float) -> list[Way]:
    """The single metrics that would lift one customer's score to a floor, the easiest first.

    Parameters
    ----------
    rules : give the criteria and their weights
    scales : metric -> fitted scale, for every criterion
    values : metric -> the customer's value as it is scored (`Metric.comparable`), for every
        criterion; NaN: unknown, has no points. For a prospect all are NaN.
    floor : score points, 0..100, inclusive: the floor of a tier to enter it, or what it takes to stay

    Returns
    -------
    list of Way
        For each criterion with a weight the least good value at which the score, as
        `explain.contributions` computes it, is at least `floor`. One cent, one order or one day
        less good is not enough. Empty if the score is enough already. Left out are metrics of
        which no value is enough, and those that only time improves (higher is better, `ages`).
        Where any known value would do, as for who was never contacted, `needed` is the worst that
        the scale knows.

        The easiest way is the one with the smallest change, measured in spreads of the metric: the
        distance between the quartiles of the scale, which is that of the population or, for
        bands, of the cuts. An unknown value counts as the worst that the scale knows. Among equally easy
        ways the criterion that comes first is first.

    Raises
    ------
    ValueError
        If a criterion has no scale.

    >>> from .rules import CriterionRule
    >>> rules = PolicyRules((CriterionRule("frequency", 1, "bands"),), (TierRule(1),), ((1,) * 5,) * 5)
    >>> scales = {"frequency": Scale("bands", True, (2.0, 3.0, 5.0, 10.0), (0.0, 25.0, 50.0, 75.0, 100.0))}
    >>> to_reach(rules, scales, {"frequency": 3.0}, 60.0)
    [Way(metric='frequency', current=3.0, needed=5.0, change=2.0)]
    >>> to_reach(rules, scales, {"frequency": 3.0}, 50.0)
    []
    """
    weights = {criterion.metric: criterion.weight for criterion in rules.criteria}
    for key in weights:
        if key not in scales:
            raise ValueError(f"The fit has no scale for {key!r}: fit the changed rules again.")
    if _score(rules, scales, values) >= floor:
        return []
    points = {key: scales[key].apply_one(values[key]) for key in weights}
    ways = []
    for key, least in _least_points(points, weights, floor).items():
        metric, scale = metrics.get(key), scales[key]
        grows_by_itself = metric.ages and metric.higher_is_better
        reached = None if grows_by_itself or not weights[key] else scale.reach(least)
        if reached is None:
            continue
        worst = scale.knots[0] if metric.higher_is_better else scale.knots[-1]
        way = _way(metric, values[key], reached if math.isfinite(reached) else worst, metric.higher_is_better)
        if metric.unit in WHOLE_UNITS and not metric.higher_is_better and way.needed < 0:
            continue  # there are no days or counts below 0
        change = way.needed - worst if math.isnan(way.change) else way.change
        ways.append((abs(change) / _spread(scale), way))
    return [way for _, way in sorted(ways, key=lambda pair: pair[0])]


def to_order(
    rules: PolicyRules, scales: Mapping[str, Scale], values: Mapping[str, float], floor: float, most: int = 5
) -> tuple[int, float] | None:
    """The fewest orders placed today, and their least amount together, that lift a score to a floor.

    An order is what a salesperson can bring about: it makes recency 0 and raises frequency and
    money at once, where `to_reach` changes one metric alone.

    Parameters
    ----------
    rules, scales, values, floor : see `to_reach`
    most : more orders than this are not looked at

    Returns
    -------
    tuple of (orders, amount) or None
        1 or more orders and their money, 0.0 where the amount does not matter. None if the score
        is enough already, if so many orders are not enough, or if a criterion moves with an order
        in a way that one customer's scored values do not tell.

    >>> from .rules import CriterionRule
    >>> rules = PolicyRules((CriterionRule("frequency", 1, "bands"),), (TierRule(1),), ((1,) * 5,) * 5)
    >>> scales = {"frequency": Scale("bands", True, (2.0, 3.0, 5.0, 10.0), (0.0, 25.0, 50.0, 75.0, 100.0))}
    >>> to_order(rules, scales, {"frequency": 3.0}, 60.0)
    (2, 0.0)
    """
    keys = {criterion.metric for criterion in rules.criteria if criterion.weight}
    if not keys <= _KNOWN_AFTER_AN_ORDER or _score(rules, scales, values) >= floor:
        return None
    for orders in range(1, most + 1):
        after = {**values, metrics.RECENCY: 0.0}
        after[metrics.FREQUENCY] = _number(values.get(metrics.FREQUENCY)) + orders
        after[metrics.MONETARY] = _number(values.get(metrics.MONETARY))
        if _score(rules, scales, after) >= floor:
            return orders, 0.0
        for way in to_reach(rules, scales, after, floor):
            if way.metric == metrics.MONETARY:
                return orders, way.change
    return None


def _score(rules: PolicyRules, scales: Mapping[str, Scale], values: Mapping[str, float]) -> float:
    points = [scales[criterion.metric].apply_one(values[criterion.metric]) for criterion in rules.criteria]
    return float(explain.total(np.array([points]), [criterion.weight for criterion in rules.criteria])[0])


def _number(value: float | None) -> float:
    """What is unknown has not happened in the window: 0."""
    return 0.0 if value is None or math.isnan(value) else value


def to_cut(metric: Metric, current: float, cut: float) -> Way | None:
    """What is missing to a cut on one metric; None if nothing is.

    Parameters
    ----------
    metric : gives the direction and the unit
    current : the customer's value, NaN: unknown, which reaches no cut
    cut : inclusive, in the unit of the metric: lower bound if higher is better, else upper bound

    >>> to_cut(metrics.get("monetary"), 900.5, 1234.567)
    Way(metric='monetary', current=900.5, needed=1234.57, change=334.07)
    >>> to_cut(metrics.get("recency"), 40.0, 30.5)
    Way(metric='recency', current=40.0, needed=30.0, change=-10.0)
    >>> to_cut(metrics.get("recency"), 30.5, 30.5)
    """
    if _meets(current, cut, metric.higher_is_better):
        return None
    return _way(metric, current, cut, metric.higher_is_better)


def to_conditions(tier: TierRule, values: Mapping[str, float], *, keep: bool) -> list[Way]:
    """What is missing to the conditions of a tier, in their order.

    Parameters
    ----------
    tier : has the conditions; all of them are needed, or any one with `match_any`
    values : metric -> the customer's value, for the metrics of all conditions; NaN: unknown, meets none
    keep : False: the conditions to enter the tier; True: those to stay in it

    Returns
    -------
    list of Way
        One per condition that is not met; empty if the tier is reached, with `match_any` also when
        other conditions are not met. Here `needed` follows the operator of the condition, whichever
        direction of the metric is better.

    >>> from .rules import ConditionRule
    >>> gold = TierRule(1, conditions=(ConditionRule("frequency", ">=", 12, 10), ConditionRule("recency", "<=", 90)))
    >>> to_conditions(gold, {"frequency": 10.0, "recency": 30.0}, keep=False)
    [Way(metric='frequency', current=10.0, needed=12.0, change=2.0)]
    >>> to_conditions(gold, {"frequency": 10.0, "recency": 30.0}, keep=True)
    []
    """
    missing = []
    for condition in tier.conditions:
        current = values[condition.metric]
        bound = condition.kept if keep else condition.value
        rising = condition.operator == AT_LEAST
        if not _meets(current, bound, rising):
            missing.append(_way(metrics.get(condition.metric), current, bound, rising))
    reached = tier.match_any and len(missing) < len(tier.conditions)
    return [] if reached else missing


def _least_points(points: Mapping[str, float], weights: Mapping[str, float], floor: float) -> dict[str, float]:
    """Metric -> the fewest points of it, 0..100, with which the score is at least `floor`; NaN: 100 are too few.

    Searched rather than solved, in four rounds with a hundred candidates each, so that the only arithmetic
    of a score with all its rounding is that of `explain.total`.

    >>> _least_points({"r": 10.0, "m": 20.0}, {"r": 1, "m": 3}, 40.0)  # (r + 60) / 4 and (10 + 3 m) / 4 from 39.995
    {'r': 99.98, 'm': 49.993334}
    >>> _least_points({"r": 10.0, "m": 20.0}, {"r": 1, "m": 3}, 41.0)["r"]
    nan
    """
    count = len(points)
    low = np.zeros(count, dtype="int64")
    for step in _STEPS:
        # One block of rows per metric, in which only the points of this metric differ.
        candidates = low[:, np.newaxis] + step * np.arange(101)
        rows = np.tile(np.array(list(points.values())), (count, 101, 1))
        rows[np.arange(count), :, np.arange(count)] = candidates / _MILLION
        score = explain.total(rows.reshape(-1, count), [weights[key] for key in points])
        enough = (score >= floor).reshape(count, 101)
        first = enough.argmax(axis=1)
        low = candidates[np.arange(count), np.maximum(first - 1, 0)]
    least = candidates[np.arange(count), first] / _MILLION
    return dict(zip(points, np.where(enough.any(axis=1), least, np.nan).tolist(), strict=True))


def _meets(value: float, bound: float, rising: bool) -> bool:
    return value >= bound if rising else value <= bound


def _way(metric: Metric, current: float, bound: float, rising: bool) -> Way:
    needed = _whole(bound, 1 if metric.unit in WHOLE_UNITS else 100, rising)
    return Way(metric.key, float(current), needed, round(needed - current, MONEY_DECIMALS))


def _whole(bound: float, parts: int, rising: bool) -> float:
    """The first whole multiple of ``1 / parts`` at or beyond `bound`, upward if `rising`, else downward.

    >>> _whole(2.1, 1, True), _whole(2.9, 1, False), _whole(-2.5, 1, True)
    (3.0, 2.0, -2.0)
    >>> _whole(1.1, 100, True), _whole(1.1, 100, False), 1.1 * 100
    (1.1, 1.1, 110.00000000000001)
    >>> _whole(1.1000000001, 100, True), _whole(1e300, 100, True)
    (1.11, 1e+300)
    """
    near = math.floor(bound * parts)  # the product may be off by the last bit, hence its neighbours
    for whole in sorted(range(near - 1, near + 3), reverse=not rising):
        if _meets(whole / parts, bound, rising):
            return whole / parts
    return bound


def _spread(scale: Scale) -> float:
    """The distance between the quartiles of a scale, above 0, in the unit of the metric.

    >>> _spread(Scale("percentile", True, (0.0, 10.0, 50.0), (20.0, 30.0, 80.0)))  # 25 at 5, 75 at 46
    41.0
    >>> _spread(Scale("bands", False, (30.0, 90.0, 180.0, 365.0), (100.0, 75.0, 50.0, 25.0, 0.0)))
    151.25
    >>> _spread(Scale("percentile", True, (7.0,), (50.0,)))  # all customers are equal
    1.0
    """
    if scale.method == BANDS:
        lower, upper = np.quantile(scale.knots, [0.25, 0.75])
    else:
        rising = slice(None, None, 1 if scale.higher_is_better else -1)
        lower, upper = np.interp([25, 75], scale.points[rising], scale.knots[rising])
    return float(abs(upper - lower)) or scale.knots[-1] - scale.knots[0] or 1.0
