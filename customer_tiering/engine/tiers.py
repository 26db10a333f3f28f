"""From a policy's method to the tier of each customer, and the way to the next one.

Every method is fitted once and applied often: a `TierFit` holds what a method learned from the
population (cuts, centres of clusters), so one customer alone gets the tier of the run.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from . import schema
from .clusters import Clusters, fit_clusters
from .rules import (
    AT_LEAST,
    AT_MOST,
    CLUSTERS,
    CONDITIONS,
    CUSTOMER_SHARE,
    LEFT_OUT,
    REVENUE_SHARE,
    SCORE,
    SHARE,
    SHARES,
    TWO_AXES,
    AxisRule,
    ConditionRule,
    PolicyRules,
    TierRule,
)

#: Shares are compared in percent, rounded to this many decimals: so one third of three customers
#: is one customer, and 0.5 + 0.3 of 1.0 are 80 %, whatever the last bit of a float says.
SHARE_DECIMALS = 9

#: No value is as good.
UNREACHED = 1e15


@dataclasses.dataclass(frozen=True)
class TierFit:
    """What a method learned from the population; the score's floors and conditions learn nothing.

    Parameters
    ----------
    method : of the rules, see `rules.TIER_METHODS`
    basis : methods of shares: the metric that `cuts` are on; None: the score or the amount
    higher_is_better : methods of shares: the direction of what `cuts` are on
    cuts : methods of shares: one per tier, from the lowest to the highest, the least good value
        that still is in it (inclusive), in the unit of what is ranked. None for the lowest tier,
        which takes the rest, and for all tiers if there was nobody to rank
    clusters : method 'clusters'
    borders : method 'two_axes': of the first and the second axis the least good value of the better half, inclusive;
        None: nobody could be compared, so nobody is in it

    Raises
    ------
    ValueError
        If a cut is not finite, or easier than that of a lower tier.

    >>> TierFit("customer_share", cuts=(None, 50.0, 10.0))
    Traceback (most recent call last):
        ...
    ValueError: No cuts of tiers: (None, 50.0, 10.0) do not lead upwards; fit them again.
    """

    method: str = SCORE
    basis: str | None = None
    higher_is_better: bool = True
    cuts: tuple[float | None, ...] = ()
    clusters: Clusters | None = None
    borders: tuple[float | None, ...] = ()

    def __post_init__(self):
        known = [cut for cut in self.cuts if cut is not None]
        if not all(math.isfinite(cut) for cut in known) or known != sorted(known, reverse=not self.higher_is_better):
            raise ValueError(f"No cuts of tiers: {self.cuts} do not lead upwards; fit them again.")

    def to_json(self) -> dict:
        """The fit as a dict that ``json.dumps`` writes."""
        return {
            "method": self.method,
            "basis": self.basis,
            "higher_is_better": self.higher_is_better,
            "cuts": list(self.cuts),
            "clusters": self.clusters and self.clusters.to_json(),
            **({"borders": list(self.borders)} if self.borders else {}),
        }

    @classmethod
    def from_json(cls, data: dict) -> "TierFit":
        """The fit that `to_json` wrote."""
        return cls(
            **{
                **data,
                "cuts": tuple(data["cuts"]),
                "clusters": data["clusters"] and Clusters.from_json(data["clusters"]),
                "borders": tuple(data.get("borders", ())),
            }
        )


def learns(rules: PolicyRules) -> bool:
    """Whether the method of a policy learns anything from the population, see `TierFit`."""
    return rules.tier_method in (*SHARES, CLUSTERS, TWO_AXES)


def compared(rules: PolicyRules) -> tuple[str, ...]:
    """The keys of the metrics that `fit_tiers` compares the population by, beside the score and the amount."""
    if rules.tier_method == CLUSTERS:
        return _clustered(rules)
    if rules.tier_method == TWO_AXES:
        return tuple(axis.metric for axis in rules.axes.both if axis.metric)
    basis = _basis(rules)
    return (basis,) if basis else ()


def fit_tiers(rules: PolicyRules, customers: pd.DataFrame, score: pd.Series) -> TierFit:
    """Fit the method of a policy on a population.

    Parameters
    ----------
    rules : of the policy
    customers : pd.DataFrame, shape (n_customers, any), derived: the customers with a purchase in the window
    score : pd.Series of float64, shape (n_customers,), 0..100 in hundredths, no NaN, same index

    Raises
    ------
    ValueError
        If the frame lacks the column of a metric that is ranked or clustered.
    """
    if rules.tier_method == CLUSTERS:
        clustered = [rules.get_metric(key) for key in _clustered(rules)]
        left_out = {criterion.metric for criterion in rules.criteria if criterion.unknown == LEFT_OUT}
        return TierFit(CLUSTERS, clusters=fit_clusters(clustered, customers, score, len(rules.tiers), left_out))
    if rules.tier_method == TWO_AXES:
        borders = (_border(rules, axis, customers, score) for axis in rules.axes.both)
        return TierFit(TWO_AXES, borders=tuple(borders))
    if rules.tier_method not in SHARES:
        return TierFit(rules.tier_method)
    values, higher_is_better = _ranked(rules, customers, score)
    if rules.tier_method == REVENUE_SHARE:
        values = sizes = values[values > 0]
    else:
        sizes = pd.Series(1.0, index=values.index)
    shares = [tier.share for tier in rules.ladder]
    cuts = share_cuts(values, sizes, shares, higher_is_better=higher_is_better)
    return TierFit(rules.tier_method, _basis(rules), higher_is_better, cuts)


def assign(rules: PolicyRules, fit: TierFit, customers: pd.DataFrame, score: pd.Series) -> pd.DataFrame:
    """The tier that each customer earns, and the highest that is enough to stay in.

    Parameters
    ----------
    rules : for which `fit` was made
    fit : of the population
    customers : pd.DataFrame, shape (n_customers, any), derived
    score : pd.Series of float64, shape (n_customers,), 0..100, same index; NaN: earns no tier

    Returns
    -------
    pd.DataFrame, shape (n_customers, 2), of Int64: keys of tiers; NA where the score is NaN

        - ``earned``: by floor, cut, conditions or nearest cluster; what is unknown (NaN) reaches
          no cut and meets no condition, which leaves the lowest tier
        - ``kept``: the same with the keep floors and the keep values, never lower; shares and
          clusters know none, so it equals ``earned``

    Raises
    ------
    ValueError
        If the fit is of other rules, or the frame lacks the column of a metric.
    """
    _check(rules, fit)
    rules, ladder = told(rules, fit), rules.ladder
    if rules.tier_method == SCORE:
        earned = _reached(score, [tier.floor for tier in ladder])
        kept = _reached(score, [tier.kept for tier in ladder])
    elif rules.tier_method == CONDITIONS:
        customers = customers.assign(**{schema.SCORE: score}) if fit.method == TWO_AXES else customers
        earned = _highest_met(rules, customers, keep=False)
        kept = _highest_met(rules, customers, keep=True)
    elif rules.tier_method == CLUSTERS:
        earned = kept = fit.clusters.places(customers, [rules.get_metric(key) for key in fit.clusters.metrics])
    else:
        earned = kept = _cut(fit, _ranked(rules, customers, score)[0])
    scored = score.notna().to_numpy()
    return pd.DataFrame(
        {
            name: _keys(ladder, np.where(scored, place, -1), score.index)
            for name, place in [(schema.EARNED, earned), (schema.KEPT, kept)]
        }
    )


def told(rules: PolicyRules, fit: TierFit) -> PolicyRules:
    """The rules as one can tell them: two axes as the conditions that they are on this population.

    Parameters
    ----------
    rules : for which `fit` was made
    fit : of the population

    Returns
    -------
    PolicyRules : by conditions where there are two axes, which nobody meets on an axis that nobody could be compared
        on; else `rules`. The metric of the score as a condition is `rules.SCORE_METRIC`

    >>> from .rules import AxesRule, CriterionRule
    >>> axes = AxesRule(AxisRule(None, "share", 40), AxisRule("monetary", "value", 200), margin=10)
    >>> tiers = tuple(TierRule(key) for key in (4, 3, 2, 1))
    >>> rules = PolicyRules(
    ...     (CriterionRule("recency", 1),), tiers, ((1,) * 5,) * 5, tier_method="two_axes", axes=axes
    ... )
    >>> told(rules, TierFit("two_axes", borders=(50.0, 200.0))).tiers[2].conditions
    (ConditionRule(metric='score', operator='>=', value=50.0, keep_value=45.0),)
    """
    return _told(rules, fit.borders) if rules.tier_method == TWO_AXES else rules


@functools.lru_cache(maxsize=100)
def _told(rules: PolicyRules, borders: tuple[float | None, ...]) -> PolicyRules:
    on_value, on_profit = (
        _as_conditions(rules, axis, border) for axis, border in zip(rules.axes.both, borders, strict=True)
    )
    conditions = ((*on_value, *on_profit), on_profit, on_value, ())
    tiers = tuple(
        dataclasses.replace(tier, conditions=needed, match_any=False)
        for tier, needed in zip(rules.tiers, conditions, strict=True)
    )
    return dataclasses.replace(rules, tier_method=CONDITIONS, tiers=tiers)


def _as_conditions(rules: PolicyRules, axis: AxisRule, border: float | None) -> tuple[ConditionRule, ...]:
    metric = rules.get_metric(axis.metric or SCORE)
    operator, sign = (AT_LEAST, 1) if metric.higher_is_better else (AT_MOST, -1)
    if border is None:  # nobody was compared, so nobody is above
        return (ConditionRule(metric.key, operator, sign * UNREACHED),)
    kept = round(border - sign * abs(border) * rules.axes.margin / 100, SHARE_DECIMALS)
    return (ConditionRule(metric.key, operator, border, kept if rules.axes.margin else None),)


def _border(rules: PolicyRules, axis: AxisRule, customers: pd.DataFrame, score: pd.Series) -> float | None:
    """The least good value of the better customers."""
    if axis.by != SHARE:
        return float(axis.border)
    metric = rules.get_metric(axis.metric) if axis.metric else None
    values = metric.comparable(customers) if metric else score
    better = metric is None or metric.higher_is_better
    sizes = pd.Series(1.0, index=values.index)
    return share_cuts(values, sizes, (100 - axis.border, axis.border), higher_is_better=better)[1]


def upgrades(
    rules: PolicyRules, fit: TierFit, score: pd.Series, earned: pd.Series
) -> tuple[pd.Series, pd.Series | None]:
    """The tiers to which customers who have a tier already may rise.

    Parameters
    ----------
    rules : for which `fit` was made
    fit : of the population
    score : pd.Series of float64, shape (n_customers,), 0..100; NaN: not scored
    earned : pd.Series of Int64, same index, keys of tiers: what `assign` returned

    Returns
    -------
    entered : pd.Series of Int64, shape (n_customers,): the highest tier that an upgrade may lead to, by
        `RetentionRules.entry`; `earned` where no score leads to tiers; NA where `earned` is
    at_once : pd.Series of Int64, same shape: the highest tier that waits for nothing; None: each waits for
        ``rules.upgrade_days``

    >>> from .rules import CriterionRule, RetentionRules
    >>> calm = RetentionRules(enter_margin=3, upgrade_days=7, at_once_margin=10)
    >>> tiers = TierRule(7, 0.0), TierRule(8, 50.0), TierRule(9, 80.0)
    >>> rules = PolicyRules((CriterionRule("recency", 1),), tiers, ((1,) * 5,) * 5, retention=calm)
    >>> score, earned = pd.Series([52.99, 53.0, 60.0, 84.0]), pd.Series([8, 8, 8, 9], dtype="Int64")
    >>> [tier.tolist() for tier in upgrades(rules, TierFit(), score, earned)]
    [[7, 8, 8, 9], [7, 7, 8, 8]]
    """
    _check(rules, fit)
    retention = rules.retention
    if not rules.by_score:
        return earned, None
    floors = _floors(rules, fit)

    def reached(needed: Sequence[float]) -> pd.Series:
        place = np.maximum(_reached(score, needed), 0)
        return _keys(rules.ladder, np.where(earned.notna(), place, -1), score.index)

    entered = reached([retention.entry(floor) for floor in floors]) if retention.enter_margin else earned
    if not retention.at_once_margin:
        return entered, None
    return entered, reached([round(floor + retention.at_once_margin, 2) for floor in floors])


def get_entry(rules: PolicyRules, fit: TierFit, tier: TierRule) -> float | None:
    """The score that an upgrade to a tier takes; None: nobody was ranked, so none leads there.

    Parameters
    ----------
    rules : by whose score tiers are reached, and for which `fit` was made
    fit : of the population
    tier : one of `rules.tiers`
    """
    _check(rules, fit)
    entry = rules.retention.entry(_floors(rules, fit)[rules.ladder.index(tier)])
    return None if math.isnan(entry) else entry


def to_next(
    rules: PolicyRules, fit: TierFit, score: pd.Series, current: pd.Series, computed: pd.Series | None = None
) -> tuple[pd.Series, pd.Series]:
    """The tier above the current one, and the points that are missing to it.

    Parameters
    ----------
    rules : for which `fit` was made
    fit : of the population
    score : pd.Series of float64, shape (n_customers,), 0..100, NaN: not scored
    current : pd.Series of Int64, shape (n_customers,), keys of the tiers that the customers have,
        which need not be the earned ones
    computed : pd.Series of Int64, same shape: those of them that are not a person's choice; who has none (NA)
        enters a first tier by its plain floor. None: as `current`

    Returns
    -------
    next_tier : pd.Series of Int64, shape (n_customers,): keys; NA in the highest tier, without a
        tier and in one that is not of these rules
    missing : pd.Series of float64, shape (n_customers,): score points from the score to what an upgrade to the
        tier takes, where a score leads there, 0 or more, rounded up to hundredths; NaN
        where `next_tier` is NA, the score is NaN, or points do not lead there

    Raises
    ------
    ValueError
        If the fit is of other rules.

    >>> from .rules import CriterionRule
    >>> rules = PolicyRules((CriterionRule("recency", 1),), (TierRule(9, 0.0), TierRule(7, 50.0)), ((1,) * 5,) * 5)
    >>> score, current = pd.Series([49.67, 80.0, 50.0, 0.0]), pd.Series([9, 9, 7, None], dtype="Int64")
    >>> next_tier, missing = to_next(rules, TierFit(), score, current)
    >>> next_tier.tolist(), missing.tolist()
    ([7, 7, <NA>, <NA>], [0.33, 0.0, nan, nan])
    """
    _check(rules, fit)
    ladder = rules.ladder
    above = np.full(len(current), -1)
    for place, tier in enumerate(ladder[:-1], start=1):
        above[current.eq(tier.key).fillna(False).to_numpy(dtype=bool)] = place
    floors = _floors(rules, fit) if rules.by_score else [math.nan] * len(ladder)
    entries = [rules.retention.entry(floor) for floor in floors]
    first = np.zeros(len(current), dtype=bool) if computed is None else computed.isna().to_numpy()
    # -1 takes the NaN at the end.
    needed = np.where(first, np.array([*floors, math.nan])[above], np.array([*entries, math.nan])[above])
    needed = pd.Series(needed, index=score.index)
    hundredths = ((needed - score) * 100).clip(lower=0)
    return _keys(ladder, above, score.index), np.ceil(hundredths.round(4)) / 100


def share_cuts(
    values: pd.Series, sizes: pd.Series, shares: Sequence[float], *, higher_is_better: bool
) -> tuple[float | None, ...]:
    """The values that divide a population in shares, as in an ABC analysis.

    Best first, a value belongs to the highest tier whose cumulated share is above the share of
    all that is strictly better. So a single customer with 97 % of the money is in the first tier,
    equal values are in one tier, and the first tier is never empty.

    Parameters
    ----------
    values : pd.Series of float64, shape (n_customers,), NaN: unknown, worse than all known
    sizes : pd.Series of float64, shape (n_customers,), above 0: what each adds to the whole
    shares : percent of the whole, from the lowest to the highest tier, above 0
    higher_is_better : False: the lowest value is the best

    Returns
    -------
    tuple, one per tier: the least good value in it (inclusive), None for the lowest. A tier that
        nobody is in repeats the cut of the tier above. All None if no value is known.

    Notes
    -----
    ABC analysis: H. F. Dickie, "ABC inventory analysis shoots for dollars, not pennies", Factory
    Management and Maintenance 109 (1951); here by the cumulated share *before* the item.

    >>> def abc(*values, sizes=None):
    ...     values = pd.Series(values, dtype="float64")
    ...     return share_cuts(values, values if sizes is None else sizes, (40, 30, 30), higher_is_better=True)
    >>> abc(), abc(5.0), abc(7.0, 7.0)
    ((None, None, None), (None, 5.0, 5.0), (None, 7.0, 7.0))
    >>> abc(97.0, 2.0, 1.0)
    (None, 97.0, 97.0)
    >>> ranks = pd.Series(range(1, 11), dtype="float64")
    >>> abc(*ranks, sizes=ranks * 0 + 1)  # 10, 9, 8 | 7, 6, 5, 4 | the rest, if 30 and 60 % are before
    (None, 5.0, 8.0)
    """
    known = values.notna()
    distinct, group = np.unique(values[known].to_numpy(), return_inverse=True)
    if not len(distinct):
        return (None,) * len(shares)
    size = np.bincount(group, weights=sizes[known])
    if higher_is_better:
        distinct, size = distinct[::-1], size[::-1]
    before = np.concatenate(([0.0], np.cumsum(size)[:-1]))
    before = (100 * before / math.fsum(sizes)).round(SHARE_DECIMALS)
    cuts = []
    for place in range(1, len(shares)):
        cumulated = round(math.fsum(shares[place:]), SHARE_DECIMALS)
        last = max(np.searchsorted(before, cumulated) - 1, 0)
        cuts.append(float(distinct[last]))
    return (None, *cuts)


def _clustered(rules: PolicyRules) -> tuple[str, ...]:
    return tuple(criterion.metric for criterion in rules.criteria if criterion.weight > 0)


def _basis(rules: PolicyRules) -> str | None:
    return rules.basis if rules.tier_method == CUSTOMER_SHARE else None


def _ranked(rules: PolicyRules, customers: pd.DataFrame, score: pd.Series) -> tuple[pd.Series, bool]:
    """What the methods of shares rank by, and whether higher is better."""
    if rules.tier_method == REVENUE_SHARE:
        return customers[schema.AMOUNT], True
    if rules.basis is None:
        return score, True
    metric = rules.get_metric(rules.basis)
    return metric.comparable(customers), metric.higher_is_better


def _check(rules: PolicyRules, fit: TierFit) -> None:
    """Refuse a fit of other rules, where the method takes something from the fit."""
    if rules.tier_method in SHARES:
        fits = (fit.method, fit.basis, len(fit.cuts)) == (rules.tier_method, _basis(rules), len(rules.tiers))
    elif rules.tier_method == TWO_AXES:
        fits = fit.method == TWO_AXES and len(fit.borders) == 2
    elif rules.tier_method == CLUSTERS:
        clusters = fit.clusters
        fits = clusters and (clusters.metrics, clusters.asked) == (_clustered(rules), len(rules.tiers))
    else:
        return
    if not fits:
        raise ValueError(f"The fit is not of these tiers by {rules.tier_method!r}: fit the changed rules again.")


def _floors(rules: PolicyRules, fit: TierFit) -> list[float]:
    """Where the tiers begin, in score points, from the lowest to the highest; NaN: nobody was ranked by the score."""
    if rules.tier_method == SCORE:
        return [tier.floor for tier in rules.ladder]
    return [-math.inf, *(math.nan if cut is None else cut for cut in fit.cuts[1:])]


def _reached(score: pd.Series, floors: Sequence[float]) -> np.ndarray:
    """Places of the highest floors that are not above the scores; floors ascend from 0."""
    return np.searchsorted(floors, score.to_numpy(), side="right") - 1


def _cut(fit: TierFit, values: pd.Series) -> np.ndarray:
    """Places of the highest tiers whose cut is reached; NaN compares as reaching none."""
    numbers = values.to_numpy()
    place = np.zeros(len(numbers), dtype="int64")
    for cut in fit.cuts:
        if cut is not None:
            # Cuts lead upwards, so who reaches one has reached all below.
            place += numbers >= cut if fit.higher_is_better else numbers <= cut
    return place


def _highest_met(rules: PolicyRules, customers: pd.DataFrame, *, keep: bool) -> np.ndarray:
    """Places of the highest tiers whose conditions hold, 0 if none do."""
    place = np.zeros(len(customers), dtype="int64")
    for number, tier in enumerate(rules.ladder[1:], start=1):
        met = [
            _met(condition, rules.get_metric(condition.metric).values(customers).to_numpy(), keep=keep)
            for condition in tier.conditions
        ]
        place[np.any(met, axis=0) if tier.match_any else np.all(met, axis=0)] = number
    return place


def _met(condition: ConditionRule, values: np.ndarray, *, keep: bool) -> np.ndarray:
    needed = condition.kept if keep else condition.value
    return values >= needed if condition.operator == AT_LEAST else values <= needed


def _keys(ladder: Sequence[TierRule], place: np.ndarray, index: pd.Index) -> pd.Series:
    keys = pd.array([tier.key for tier in ladder], dtype="Int64")
    return pd.Series(keys.take(place, allow_fill=True), index=index)
