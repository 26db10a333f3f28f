"""The ways to a tier: an order placed today, or what one metric would have to be, all others unchanged.

Ways are computed by inverting the fitted scales, so that what is promised holds: a customer whose
metric becomes what a `Way` says has the score, by the very arithmetic of a run.
"""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from . import explain, metrics, tiers
from .metrics import ITS_AMOUNT_MORE, MONEY_DECIMALS, ONE_MORE, SAME, UNFORESEEN, ZERO_AGAIN, Metric
from .pipeline import Fit
from .rules import AT_LEAST, BANDS, CONDITIONS, CUSTOMER_SHARE, REVENUE_SHARE, SCORE, PolicyRules, TierRule
from .scoring import POINT_DECIMALS, Scale

#: Points are whole multiples of one part in so many.
_MILLION = 10**POINT_DECIMALS

#: The steps in which the points of a metric are searched, in millionths: each is a hundredth of the last.
_STEPS = (_MILLION, _MILLION // 100, _MILLION // 10_000, 1)


#: What an interaction today changes: the days since the last one, and what rises with each.
# More money than this, in hundredths, nobody is told to spend; beyond, 64 bits would not hold it.
MOST_CENTS = 10**17
_INTERACTION = ("contact_recency", "contacts", "contact_decay")


@dataclasses.dataclass(frozen=True)
class Way:
    """One way up: a metric, and the value of it that is enough.

    Parameters
    ----------
    metric : key of a metric of the rules
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


@dataclasses.dataclass(frozen=True)
class Ways:
    """All that leads one customer to a tier.

    Parameters
    ----------
    order : the fewest orders placed today and their least amount together, see `to_order`; None: none
        lead there, or it is not known
    single : single metrics, the easiest first, no deed twice, see `other_deeds`
    together : all of `single` are needed; else each is enough by itself, as `order` is
    """

    order: tuple[int, float] | None = None
    single: tuple[Way, ...] = ()
    together: bool = False


def to_tier(
    rules: PolicyRules,
    fit: Fit,
    values: Mapping[str, float],
    tier: TierRule,
    *,
    keep: bool,
    left_out: Collection[str] = (),
) -> Ways:
    """What leads one customer to a tier, by the policy's method.

    Parameters
    ----------
    rules, fit : of the run that scored the customer
    values : metric -> the customer's value as it is scored (`Metric.comparable`), for every metric of the
        rules and for money; NaN: unknown. With two axes, one of which is the score: the score too
    tier : one of `rules.tiers`
    keep : True: what it takes to stay in the tier; False: to enter it from another one, see `RetentionRules.entry`
    left_out : metrics without which the customer is judged as long as they are unknown

    Returns
    -------
    Ways
        Without any if the tier is reached, if no single value leads there, and by clusters.
    """
    rules, tier = _tell(rules, fit, tier)
    single = _single(rules, fit, values, tier, keep, left_out)
    if rules.tier_method == CONDITIONS and not tier.match_any:
        return Ways(single=tuple(single), together=len(single) > 1)
    order = _order(rules, fit, values, tier, keep, left_out)
    return Ways(order, tuple(other_deeds(rules, order, single)))


def missing_amount(
    rules: PolicyRules,
    fit: Fit,
    values: Mapping[str, float],
    tier: TierRule,
    *,
    keep: bool,
    left_out: Collection[str] = (),
) -> float | None:
    """The amount of orders today that leads one customer to a tier; the parameters are those of `to_tier`.

    Returns
    -------
    float or None
        Money; 0.0 where any order is enough; None if no amount alone leads there, or it is not known.
    """
    rules, tier = _tell(rules, fit, tier)
    order = _order(rules, fit, values, tier, keep, left_out)
    if order:
        return order[1]
    single = _single(rules, fit, values, tier, keep, left_out)
    if rules.tier_method == CONDITIONS and not tier.match_any and len(single) > 1:
        return None
    by_score = rules.tier_method == SCORE or (rules.tier_method == CUSTOMER_SHARE and not rules.basis)
    if by_score and any(
        rules.get_metric(criterion.metric).after_order == UNFORESEEN for criterion in rules.criteria if criterion.weight
    ):
        return None  # the order may take away elsewhere what its amount brings
    return next((way.change for way in single if way.metric == metrics.MONETARY and way.change > 0), None)


def other_deeds(rules: PolicyRules, order: tuple[int, float] | None, single: list[Way]) -> list[Way]:
    """The single ways without those that say again what another one says: no deed is offered twice.

    Days since the last order fall, and orders and money rise, by nothing but an order. So where an order leads
    to the tier, it stands for all ways of these metrics. Where none is known, a way of the days is itself the
    order, of any amount, and stands for the others. Just so, an interaction today stands for more interactions.

    Parameters
    ----------
    rules : say what an order makes of each metric
    order : the fewest orders and their least amount together, or None, as `to_order` returns them
    single : each enough by itself

    >>> from .rules import CriterionRule
    >>> met = metrics.Metric("contacts", "contact_count", metrics.COUNT, (1, 2), higher_is_better=True)
    >>> last = metrics.Metric("contact_recency", "days_since_contact", metrics.DAYS, (1, 2), higher_is_better=False)
    >>> rules = PolicyRules(
    ...     (CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5, definitions=(met, last)
    ... )
    >>> days, money = Way("recency", 40.0, 30.0, -10.0), Way("monetary", 10.0, 16.51, 6.51)
    >>> orders, calls = Way("frequency", 3.0, 4.0, 1.0), Way("contacts", 0.0, 1.0, 1.0)
    >>> [way.metric for way in other_deeds(rules, (1, 6.51), [days, money, orders, calls])]
    ['contacts']
    >>> [way.metric for way in other_deeds(rules, None, [money, orders, days, calls])]
    ['recency', 'contacts']
    >>> [way.metric for way in other_deeds(rules, None, [money, orders, calls])]
    ['monetary', 'frequency', 'contacts']
    >>> [way.metric for way in other_deeds(rules, None, [calls, money, Way("contact_recency", 40.0, 30.0, -10.0)])]
    ['monetary', 'contact_recency']
    """
    effects = {way.metric: rules.get_metric(way.metric).after_order for way in single}
    latest = [way for way in single if effects[way.metric] == ZERO_AGAIN and not way.change > 0]
    more = [way for way in single if effects[way.metric] in (ONE_MORE, ITS_AMOUNT_MORE) and not way.change < 0]
    again = [*latest, *more] if order else more if latest else []
    last, *counts = _INTERACTION
    if any(way.metric == last and not way.change > 0 for way in single):
        again += [way for way in single if way.metric in counts and not way.change < 0]
    return [way for way in single if way not in again]


def _tell(rules: PolicyRules, fit: Fit, tier: TierRule) -> tuple[PolicyRules, TierRule]:
    """Rules and tier as one can tell them, see `tiers.told`."""
    told = tiers.told(rules, fit.tiers)
    return told, told.tiers[rules.tiers.index(tier)]


def _order(
    rules: PolicyRules,
    fit: Fit,
    values: Mapping[str, float],
    tier: TierRule,
    keep: bool,
    left_out: Collection[str],
) -> tuple[int, float] | None:
    if rules.tier_method != SCORE:
        return None
    return to_order(rules, fit.scales, values, tier.kept if keep else rules.retention.entry(tier.floor), left_out)


def _single(
    rules: PolicyRules,
    fit: Fit,
    values: Mapping[str, float],
    tier: TierRule,
    keep: bool,
    left_out: Collection[str],
) -> list[Way]:
    if rules.tier_method == SCORE:
        return to_reach(rules, fit.scales, values, tier.kept if keep else rules.retention.entry(tier.floor), left_out)
    if rules.tier_method == CONDITIONS:
        return to_conditions(rules, tier, values, keep=keep)
    if rules.tier_method in (CUSTOMER_SHARE, REVENUE_SHARE):
        return _to_share(rules, fit, values, tier, keep, left_out)
    return []  # nearest clusters: no single number leads there


def _to_share(
    rules: PolicyRules, fit: Fit, values: Mapping[str, float], tier: TierRule, keep: bool, left_out: Collection[str]
) -> list[Way]:
    """The ways to what was the least good value in the tier when the customers were compared."""
    cut = fit.tiers.cuts[rules.ladder.index(tier)]
    if cut is None:
        return []
    basis = rules.basis if rules.tier_method == CUSTOMER_SHARE else metrics.MONETARY
    if basis is None:
        return to_reach(rules, fit.scales, values, cut if keep else rules.retention.entry(cut), left_out)
    way = to_cut(rules.get_metric(basis), values[basis], cut)
    return [way] if way else []


def to_reach(
    rules: PolicyRules,
    scales: Mapping[str, Scale],
    values: Mapping[str, float],
    floor: float,
    left_out: Collection[str] = (),
) -> list[Way]:
    """The single metrics that would lift one customer's score to a floor, the easiest first.

    Parameters
    ----------
    rules : give the criteria and their weights
    scales : metric -> fitted scale, for every criterion
    values : metric -> the customer's value as it is scored (`Metric.comparable`), for every
        criterion; NaN: unknown, has no points. For a prospect all are NaN.
    floor : score points, 0..100, inclusive: the floor of a tier to enter it, or what it takes to stay
    left_out : metrics without which the customer is judged as long as they are unknown

    Returns
    -------
    list of Way
        For each criterion with a weight the least good value at which the score, as
        `explain.contributions` computes it, is at least `floor`. One cent, one order or one day
        less good is not enough. Empty if the score is enough already. Left out are metrics of
        which no value is enough, and those that only time improves (higher is better, `ages`).
        Where any known value would do, as for who had no interaction, `needed` is the worst that
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
    if _score(rules, scales, values, left_out) >= floor:
        return []
    points = _points(rules, scales, values, left_out)
    ways = []
    for key, least in _least_points(points, weights, floor).items():
        metric, scale = rules.get_metric(key), scales[key]
        grows_by_itself = metric.ages and metric.higher_is_better
        reached = None if grows_by_itself or not weights[key] else scale.reach(least)
        if reached is None or (metric.choices and _nearest_choice(metric, reached, metric.higher_is_better) is None):
            continue
        worst = scale.knots[0] if metric.higher_is_better else scale.knots[-1]
        way = _way(metric, values[key], reached if math.isfinite(reached) else worst, metric.higher_is_better)
        if metric.is_whole and not metric.higher_is_better and way.needed < 0:
            continue  # there are no days or counts below 0
        change = way.needed - worst if math.isnan(way.change) else way.change
        ways.append((abs(change) / _spread(scale), way))
    return [way for _, way in sorted(ways, key=lambda pair: pair[0])]


def to_order(
    rules: PolicyRules,
    scales: Mapping[str, Scale],
    values: Mapping[str, float],
    floor: float,
    left_out: Collection[str] = (),
    most: int = 5,
) -> tuple[int, float] | None:
    """The fewest orders placed today, and their least amount together, that lift a score to a floor.

    An order is what a salesperson can bring about: it changes several metrics at once, as their ``after_order`` says,
    where `to_reach` changes one metric alone.

    Parameters
    ----------
    rules, scales, values, floor, left_out : see `to_reach`
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
    effects = {
        criterion.metric: rules.get_metric(criterion.metric).after_order
        for criterion in rules.criteria
        if criterion.weight
    }
    if UNFORESEEN in effects.values() or _score(rules, scales, values, left_out) >= floor:
        return None
    amounts = [key for key, effect in effects.items() if effect == ITS_AMOUNT_MORE]
    left_out = {key for key in left_out if effects.get(key, SAME) == SAME}
    after = {
        **values,
        **{key: 0.0 for key, effect in effects.items() if effect == ZERO_AGAIN},
        **{key: _number(values.get(key)) for key in amounts},
    }
    for orders in range(1, most + 1):
        after |= {key: _number(values.get(key)) + orders for key, effect in effects.items() if effect == ONE_MORE}
        if _score(rules, scales, after, left_out) >= floor:
            return orders, 0.0
        amount = _least_amount(rules, scales, after, floor, amounts, left_out)
        if amount is not None:
            return orders, amount
    return None


def _least_amount(
    rules: PolicyRules,
    scales: Mapping[str, Scale],
    values: Mapping[str, float],
    floor: float,
    amounts: Sequence[str],
    left_out: Collection[str],
) -> float | None:
    """The least money, in hundredths, by which all of the metrics `amounts` grow and the score is enough."""
    if not all(rules.get_metric(key).higher_is_better for key in amounts):
        return None
    points = _points(rules, scales, values, left_out)

    def is_enough(cents: np.ndarray) -> np.ndarray:
        rows = np.tile(np.array(list(points.values())), (len(cents), 1))
        for key in amounts:
            grown = pd.Series((values[key] + cents / 100).round(MONEY_DECIMALS))
            rows[:, list(points).index(key)] = scales[key].apply(grown)
        return explain.total(rows, [criterion.weight for criterion in rules.criteria]) >= floor

    missing = max((scales[key].knots[-1] - values[key] for key in amounts), default=0)
    low, high = 0, math.ceil(100 * max(missing, 0)) + 1  # beyond the last knots nothing grows any more
    if not amounts or high > MOST_CENTS or not is_enough(np.array([high])).all():
        return None
    while high - low > 1:
        step = math.ceil((high - low) / 101)
        cents = np.minimum(np.arange(low, high + step, step, dtype="int64"), high)  # exact, as floats are not up there
        first = int(is_enough(cents).argmax())
        low, high = int(cents[first - 1]), int(cents[first])
    return high / 100


def _points(
    rules: PolicyRules, scales: Mapping[str, Scale], values: Mapping[str, float], left_out: Collection[str]
) -> dict[str, float]:
    """Metric -> points of a customer, NaN: left out."""
    return {
        criterion.metric: math.nan
        if criterion.metric in left_out and math.isnan(values[criterion.metric])
        else scales[criterion.metric].apply_one(values[criterion.metric])
        for criterion in rules.criteria
    }


def _score(
    rules: PolicyRules, scales: Mapping[str, Scale], values: Mapping[str, float], left_out: Collection[str] = ()
) -> float:
    points = list(_points(rules, scales, values, left_out).values())
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

    >>> from .metrics import RFM
    >>> recency, _frequency, monetary = RFM
    >>> to_cut(monetary, 900.5, 1234.567)
    Way(metric='monetary', current=900.5, needed=1234.57, change=334.07)
    >>> to_cut(recency, 40.0, 30.5)
    Way(metric='recency', current=40.0, needed=30.0, change=-10.0)
    >>> to_cut(recency, 30.5, 30.5)
    """
    if _meets(current, cut, metric.higher_is_better):
        return None
    return _way(metric, current, cut, metric.higher_is_better)


def to_conditions(rules: PolicyRules, tier: TierRule, values: Mapping[str, float], *, keep: bool) -> list[Way]:
    """What is missing to the conditions of a tier, in their order.

    Parameters
    ----------
    rules : say what the metrics are
    tier : has the conditions; all of them are needed, or any one with `match_any`
    values : metric -> the customer's value, for the metrics of all conditions; NaN: unknown, meets none
    keep : False: the conditions to enter the tier; True: those to stay in it

    Returns
    -------
    list of Way
        One per condition that is not met; empty if the tier is reached, with `match_any` also when
        other conditions are not met. Here `needed` follows the operator of the condition, whichever
        direction of the metric is better.

    >>> from .rules import ConditionRule, CriterionRule
    >>> gold = TierRule(1, conditions=(ConditionRule("frequency", ">=", 12, 10), ConditionRule("recency", "<=", 90)))
    >>> rules = PolicyRules((CriterionRule("monetary", 1),), (gold, TierRule(2, 50.0)), ((1,) * 5,) * 5)
    >>> to_conditions(rules, gold, {"frequency": 10.0, "recency": 30.0}, keep=False)
    [Way(metric='frequency', current=10.0, needed=12.0, change=2.0)]
    >>> to_conditions(rules, gold, {"frequency": 10.0, "recency": 30.0}, keep=True)
    []
    """
    missing = []
    for condition in tier.conditions:
        current = values[condition.metric]
        bound = condition.kept if keep else condition.value
        rising = condition.operator == AT_LEAST
        if not _meets(current, bound, rising):
            missing.append(_way(rules.get_metric(condition.metric), current, bound, rising))
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
    needed = _nearest_choice(metric, bound, rising)
    if needed is None:
        needed = _whole(bound, 1 if metric.is_whole else 100, rising)
    return Way(metric.key, float(current), needed, round(needed - current, MONEY_DECIMALS))


def _nearest_choice(metric: Metric, bound: float, rising: bool) -> float | None:
    """The points of the choice nearest to a bound that meets it; None: there is none, or the metric is no choice.

    >>> potential = Metric(
    ...     "potential", "potential", "points", higher_is_better=True, choices=(("low", 0), ("mid", 45), ("high", 60))
    ... )
    >>> [_nearest_choice(potential, bound, True) for bound in (0.0, 46.7, 60.01)]
    [0.0, 60.0, None]
    >>> _nearest_choice(potential, 46.7, False)
    45.0
    """
    enough = sorted(float(points) for _value, points in metric.choices if _meets(points, bound, rising))
    return enough[0 if rising else -1] if enough else None


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
