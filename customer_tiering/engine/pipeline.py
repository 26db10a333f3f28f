"""The computation of one policy: fit the scales on the population, apply them.

``apply(rules, fit(rules, frame, as_of), frame, as_of)`` is a run. The `Fit` is kept as JSON
beside the run; with it one customer can be scored again without everyone else.
"""

import dataclasses
import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from . import (
    clusters,
    explain,
    grouped,
    lifecycle,
    metrics,
    motives,
    outlook,
    profit,
    risk,
    schema,
    scoring,
    segments,
    tiers,
)
from .rules import CLUSTERS, LEFT_OUT, CriterionRule, PolicyRules
from .tiers import TierFit

#: A fit knows so many open days.
OPEN_DAYS = 1000

_SCORE_COLUMNS = {
    metrics.RECENCY: schema.RECENCY_SCORE,
    metrics.FREQUENCY: schema.FREQUENCY_SCORE,
    metrics.MONETARY: schema.MONETARY_SCORE,
}


@dataclasses.dataclass(frozen=True)
class Fit:
    """What a run learned from the population.

    Parameters
    ----------
    population : number of customers with a purchase in the window, who are compared
    small : the population was below the policy's minimum, so bands replaced ranks
    median_order : money, what an order of a customer in the middle is worth, see `metrics.median_order`;
        None if there was no purchase
    scales : metric key -> scale, for every criterion and for recency, frequency and money
    tiers : what the policy's method of tiers learned
    typical_gap : median of all customers' median gaps, days; None: nobody bought on two days
    open_days : if the rules skip idle days, days since the last purchases of all, ascending, each once, the latest
        of them; see the module ``idle``
    motives : if the rules propose motives: where the customers stand, see `motives.fit`
    outlook : if the rules foretell: what was learned, see `outlook.learn`; empty: nothing was
    """

    population: int
    small: bool
    median_order: float | None
    scales: Mapping[str, scoring.Scale]
    tiers: TierFit = dataclasses.field(default_factory=TierFit)
    typical_gap: float | None = None
    open_days: tuple[int, ...] = ()
    motives: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)
    outlook: Mapping = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict:
        """The fit as a dict that ``json.dumps`` writes."""
        return {
            "population": self.population,
            "small": self.small,
            "median_order": self.median_order,
            "scales": {metric: scale.to_json() for metric, scale in self.scales.items()},
            "tiers": self.tiers.to_json(),
            "typical_gap": self.typical_gap,
            "open_days": list(self.open_days),
            "motives": dict(self.motives),
            "outlook": dict(self.outlook),
        }

    @classmethod
    def from_json(cls, data: dict) -> "Fit":
        """The fit that `to_json` wrote, now or before there were other methods than the score."""
        return cls(
            data["population"],
            data["small"],
            data.get("median_order"),  # fits of earlier versions took the mean, which is in the scales
            {metric: scoring.Scale.from_json(scale) for metric, scale in data["scales"].items()},
            tiers=TierFit.from_json(data["tiers"]) if "tiers" in data else TierFit(),
            typical_gap=data.get("typical_gap"),  # absent in fits of earlier versions
            open_days=tuple(data.get("open_days", ())),
            motives=data.get("motives", {}),
            outlook=data.get("outlook", {}),
        )


class Facts(NamedTuple):
    """What a fit has to know of some customers.

    Parameters
    ----------
    active : pd.DataFrame, index = ids, of those with a purchase in the window, with the columns `fit_columns`; or what
        is as long, and gives a DataFrame of some of its columns, ``active[names]``
    gaps : np.ndarray of float64, days: the known median gaps of all customers
    open_days : np.ndarray of int64, days since the last purchases of all, ascending, each once, the latest of them
    """

    active: pd.DataFrame
    gaps: np.ndarray
    open_days: np.ndarray


def fit(rules: PolicyRules, frame: pd.DataFrame, as_of: datetime.date, learned: Mapping | None = None) -> Fit:
    """Fit the scales and the tiers of a policy on the customers who bought in the window.

    Who bought only before it is scored by the same scales: recency beyond the worst value of
    the population has the points of the worst. Ranked together with all customers of many
    years, nearly everybody of the last year would be "recent", and nobody could be at risk.

    Parameters
    ----------
    rules : of the policy
    frame : pd.DataFrame, shape (n_customers, any), as `schema.check_frame` accepts it
    as_of : the day "today", last day of the window (inclusive)
    learned : what `outlook.learn` has learned on that day or before; None: nothing, so that nothing is foretold

    Raises
    ------
    ValueError
        If the frame is refused or lacks the column of a metric that is scored, ranked or clustered.
    """
    return fit_parts(rules, [describe(rules, frame, as_of, learned)], learned)


def describe(rules: PolicyRules, frame: pd.DataFrame, as_of: datetime.date, learned: Mapping | None = None) -> Facts:
    """What a fit has to know of the customers of a frame.

    Parameters, errors : see `fit`
    """
    customers = _derive(rules, frame, as_of, learned, foretelling=rules.by_outlook)
    open_days = np.zeros(0, dtype="int64")
    if rules.retention.skip_idle_days:
        open_days = np.unique(customers[schema.RECENCY_DAYS].dropna()).astype("int64")[:OPEN_DAYS]
    return Facts(
        customers.loc[customers[schema.ORDER_COUNT] > 0, fit_columns(rules, customers)],
        customers[schema.GAP_MEDIAN_DAYS].dropna().to_numpy(),
        open_days,
    )


def fit_columns(rules: PolicyRules, customers: pd.DataFrame) -> list[str]:
    """The columns that a fit looks at, of those that derived customers have."""
    keys = {*_fitted(rules), *(rule.metric for rule in rules.motives), *tiers.compared(rules)}
    names = {schema.ORDER_COUNT, schema.LAST_ORDER_DATE, schema.AVERAGE_ORDER, schema.AMOUNT}
    names.update(rules.get_metric(key).column for key in keys)
    return [name for name in customers if name in names]


def fit_parts(rules: PolicyRules, parts: Sequence[Facts], learned: Mapping | None = None) -> Fit:
    """The fit of all customers from what is known of parts of them: to the last bit what `fit` makes of them together.

    Nothing that is fitted depends on the order of the customers. They are gathered a metric at a time, so that no more
    than that is held of all of them; a method of tiers that compares several holds these.

    Parameters
    ----------
    rules : of the policy
    parts : what `describe` returned of all customers, each of whom is in one part; gone through many times
    learned : see `fit`

    Raises
    ------
    ValueError
        If the column of a metric that is scored, ranked or clustered is absent.
    """

    def gather(of: Callable[[pd.DataFrame], Any], *names: str) -> Any:
        found = [of(part.active[[name for name in dict.fromkeys(names) if name in part.active]]) for part in parts]
        return found[0] if len(found) == 1 else pd.concat(found)

    def gather_metric(key: str) -> pd.DataFrame:
        return gather(lambda active: active, schema.ORDER_COUNT, rules.get_metric(key).column)

    population = sum(len(part.active) for part in parts)
    small = population < rules.min_population
    median_order = metrics.median_order(gather(lambda active: active, schema.AVERAGE_ORDER))
    scales = {}
    for key, criterion in _fitted(rules).items():
        metric = rules.get_metric(key)
        values = metric.comparable(gather_metric(key))
        scales[key] = scoring.fit_scale(values, metric, criterion, small=small, median_order=median_order)
    borders = {}
    for rule in rules.motives:
        borders |= motives.fit(rules, gather_metric(rule.metric), [rule])
    gaps = pd.DataFrame({schema.GAP_MEDIAN_DAYS: np.concatenate([part.gaps for part in parts])})
    scored = Fit(
        population,
        small,
        median_order,
        scales,
        typical_gap=lifecycle.typical_gap(gaps),
        open_days=tuple(np.unique(np.concatenate([part.open_days for part in parts]))[:OPEN_DAYS].tolist()),
        motives=borders,
        outlook=(learned or {}) if rules.foretells else {},
    )
    return dataclasses.replace(scored, tiers=_fit_tiers(rules, scored, gather))


def _fit_tiers(rules: PolicyRules, scored: Fit, gather: Callable) -> TierFit:
    """What the method of tiers learns of those whom `gather` gathers, see `fit_parts`."""
    if not tiers.learns(rules):
        return tiers.TierFit(rules.tier_method)
    drawn, size = None, scored.population
    if rules.tier_method == CLUSTERS and size > clusters.MOST_CUSTOMERS:
        ids = gather(lambda active: active.index.to_series(), schema.ORDER_COUNT).to_numpy()
        drawn = ids[grouped.draw(ids, clusters.MOST_CUSTOMERS)]

    def take(active: pd.DataFrame) -> pd.DataFrame:
        return active if drawn is None else active[np.isin(active.index, drawn)]

    fitted = (rules.get_metric(key).column for key in _fitted(rules))
    columns = schema.ORDER_COUNT, schema.LAST_ORDER_DATE
    score = gather(lambda active: _score(rules, scored, take(active)), *columns, *fitted)
    columns = schema.ORDER_COUNT, schema.AMOUNT, *(rules.get_metric(key).column for key in tiers.compared(rules))
    found = tiers.fit_tiers(rules, gather(take, *columns), score)
    if drawn is None:
        return found
    return dataclasses.replace(found, clusters=dataclasses.replace(found.clusters, drawn=len(drawn)))


def apply(rules: PolicyRules, fit: Fit, frame: pd.DataFrame, as_of: datetime.date) -> pd.DataFrame:
    """Score customers by fitted scales.

    Parameters
    ----------
    rules : of the policy for which `fit` was made
    fit : of these or of more customers, of this or of an earlier day
    frame : pd.DataFrame, shape (n_customers, any), as `schema.check_frame` accepts it
    as_of : the day "today", last day of the window (inclusive)

    Returns
    -------
    pd.DataFrame, shape (n_customers, …), with the index of `frame` and these columns, none of
    which is in `frame`:

        - the derived metrics, float64, see `metrics.derive`
        - per criterion ``points_<metric>``, float64, 0..100, NaN: left out, and ``contribution_<metric>``,
          float64, score points rounded to hundredths
        - ``recency_score``, ``frequency_score``, ``monetary_score``: Int64, 1..5
        - ``score``: float64, 0..100, rounded to hundredths, the sum of the contributions
        - ``earned``, ``kept``: Int64, keys of tiers, see `tiers.assign`
        - ``segment``: Int64, key of the rules, see `segments.rows`
        - ``lifecycle``: object, one of `lifecycle.STAGES`
        - ``usual_gap_days``, ``risk``, ``risk_rank``, ``expected_loss``, ``risk_signals``: see `risk.assess`
        - if the rules foretell, what `outlook.derive` returns
        - if the rules propose motives, those of `motives.propose`

        Prospects, who never bought, have no points and a score of 0, the segment
        ``rules.prospect_segment``, and NA or NaN in the 1..5 scores and all about tiers:
        a tier is earned by buying.

    Raises
    ------
    ValueError
        If the frame is refused, lacks the column of a metric of the rules, or if `fit`
        lacks the scale of a criterion or is of other tiers.
    """
    customers = _derive(rules, frame, as_of, fit.outlook, foretelling=rules.foretells)
    bought = schema.bought(customers)
    points = _measure(rules, fit, customers)
    weights = _weights(rules)
    scored = points[list(weights)]
    score, parts = explain.contributions(scored, weights)
    fifths = {key: scoring.quintile(points[key].where(bought)) for key in _SCORE_COLUMNS}
    risks = risk.assess(customers, rules.risk, rules.lifecycle, fit.typical_gap)
    standing = lifecycle.stand(customers, rules.lifecycle, rules.risk, risks[schema.USUAL_GAP_DAYS])
    return pd.concat(
        [
            *([motives.propose(rules, fit.motives, customers)] if rules.motives else ()),
            customers[_derived(rules)],
            *([customers[list(schema.FORETOLD)]] if rules.foretells else ()),
            scored.add_prefix(schema.POINTS_PREFIX),
            parts.add_prefix(schema.CONTRIBUTION_PREFIX),
            risks,
            pd.DataFrame(fifths).rename(columns=_SCORE_COLUMNS),
            pd.DataFrame(
                {
                    schema.SCORE: score,
                    **tiers.assign(rules, fit.tiers, customers, score.where(bought)),
                    schema.SEGMENT: _segment(rules, weights, fifths, standing),
                    schema.LIFECYCLE: lifecycle.stage(customers, rules.lifecycle, fit.typical_gap, rules.risk),
                }
            ),
        ],
        axis=1,
    )


def rank(rules: PolicyRules, fit: Fit, frame: pd.DataFrame, as_of: datetime.date) -> pd.DataFrame:
    """What `apply` says about the score and the tiers alone, in half the time.

    Parameters, errors : see `apply`

    Returns
    -------
    pd.DataFrame, shape (n_customers, …), with the index of `frame`: the derived metrics, ``score``, ``earned`` and
        ``kept``, as `apply` returns them
    """
    customers = _derive(rules, frame, as_of, fit.outlook, foretelling=rules.by_outlook)
    score = _score(rules, fit, customers)
    return customers[_derived(rules)].assign(
        **{schema.SCORE: score, **tiers.assign(rules, fit.tiers, customers, score.where(schema.bought(customers)))}
    )


def measure(rules: PolicyRules, fit: Fit, frame: pd.DataFrame, as_of: datetime.date) -> pd.DataFrame:
    """The points of the criteria alone, which do not depend on their weights.

    Parameters, errors : see `apply`

    Returns
    -------
    pd.DataFrame of float64, shape (n_customers, n_criteria), same index, columns = metrics in the order of
        ``rules.criteria``: 0..100, NaN: left out; 0 of who never bought
    """
    customers = _derive(rules, frame, as_of, fit.outlook, foretelling=rules.by_outlook)
    return _measure(rules, fit, customers)[list(_weights(rules))]


def earned(rules: PolicyRules, fit: Fit, frame: pd.DataFrame, as_of: datetime.date) -> pd.Series:
    """The column ``earned`` of `apply` alone, to compare it with that by another fit.

    Parameters, errors : see `apply`
    """
    return rank(rules, fit, frame, as_of)[schema.EARNED]


def tell(rules: PolicyRules, scored: pd.DataFrame, as_of: datetime.date) -> pd.DataFrame:
    """The numbers that explain a score and a tier.

    Parameters
    ----------
    rules : of the policy
    scored : pd.DataFrame, shape (n_customers, any): what `apply` returned, joined with its `frame`
    as_of : the day of `apply`

    Returns
    -------
    pd.DataFrame of float64, shape (n_customers, 3 * n_metrics), same index: for each of ``rules.metrics``

        - ``value_<metric>``, NaN: unknown. Of days that pass by themselves the day from which they count, in days
          since 1970 (see `day_told`); NaN of what else passes by itself
        - ``points_<metric>``, rounded as they are told, and ``contribution_<metric>``; NaN: left out, or no criterion
    """
    criteria, told = _weights(rules), {}
    for key in rules.metrics:
        metric = rules.get_metric(key)
        points, part = schema.POINTS_PREFIX + key, schema.CONTRIBUTION_PREFIX + key
        told[f"value_{key}"] = _told_value(metric, metric.values(scored), as_of) + 0.0  # no -0.0
        told[points] = scored[points].round(explain.TOLD_DECIMALS) + 0.0 if key in criteria else math.nan
        told[part] = scored[part] + 0.0 if key in criteria else math.nan
    return pd.DataFrame(told, index=scored.index)


def _told_value(metric: metrics.Metric, values: pd.Series, as_of: datetime.date) -> pd.Series:
    if not metric.ages:
        return values
    return day_told(as_of) - values if metric.unit == metrics.DAYS else values * math.nan


def day_told(day: datetime.date) -> int:
    """A day as `tell` counts it: the days since 1970.

    >>> day_told(datetime.date(1970, 1, 31))
    30
    """
    return (day - datetime.date(1970, 1, 1)).days


def told_columns(rules: PolicyRules) -> list[str]:
    """The columns from which `tell` tells."""
    keys = list(_weights(rules))
    prefixed = [prefix + key for key in keys for prefix in (schema.POINTS_PREFIX, schema.CONTRIBUTION_PREFIX)]
    return [rules.get_metric(key).column for key in rules.metrics] + prefixed


def _derive(
    rules: PolicyRules, frame: pd.DataFrame, as_of: datetime.date, learned: Mapping | None, *, foretelling: bool
) -> pd.DataFrame:
    customers = metrics.derive(frame, as_of, rules.ratios, rules.costs if rules.by_profit else None)
    # Told of all whom it is asked for, but only then: it takes as long as all else together.
    return customers.assign(**outlook.derive(learned, customers, as_of)) if foretelling else customers


def _derived(rules: PolicyRules) -> list[str]:
    """The columns that `_derive` adds."""
    ratios = (ratio.column for ratio in rules.ratios)
    return list(dict.fromkeys([*schema.DERIVED, *(profit.DERIVED if rules.by_profit else ()), *ratios]))


def _weights(rules: PolicyRules) -> dict[str, float]:
    return {criterion.metric: criterion.weight for criterion in rules.criteria}


def _fitted(rules: PolicyRules) -> dict[str, CriterionRule]:
    """Metric -> criterion of all that is fitted: the segments need three metrics always."""
    criteria = {criterion.metric: criterion for criterion in rules.criteria}
    for key in _SCORE_COLUMNS:
        criteria.setdefault(key, CriterionRule(key, 0))
    return criteria


def _measure(rules: PolicyRules, fit: Fit, customers: pd.DataFrame) -> pd.DataFrame:
    """Points, shape (n_customers, n_fitted_metrics), NaN: left out; prospects have 0 points."""
    bought = schema.bought(customers)
    points = {}
    for key, criterion in _fitted(rules).items():
        if key not in fit.scales:
            raise ValueError(f"The fit has no scale for {key!r}: fit the changed rules again.")
        metric = rules.get_metric(key)
        points[key] = fit.scales[key].apply(metric.comparable(customers)).where(bought, 0.0)
        if criterion.unknown == LEFT_OUT:
            points[key] = points[key].mask(metric.unknown(customers) & bought)
    return pd.DataFrame(points)


def _score(rules: PolicyRules, fit: Fit, customers: pd.DataFrame) -> pd.Series:
    """The score of `apply` without its parts."""
    weights = _weights(rules)
    points = _measure(rules, fit, customers)[list(weights)]
    return pd.Series(explain.total(points.to_numpy(), list(weights.values())), index=customers.index)


def _segment(
    rules: PolicyRules, weights: Mapping[str, float], fifths: Mapping[str, pd.Series], standing: np.ndarray
) -> pd.Series:
    """Keys of segments, Int64; only prospects have no 1..5 scores, hence no cell of the grid."""
    frequency_monetary = segments.frequency_monetary_score(
        fifths[metrics.FREQUENCY],
        fifths[metrics.MONETARY],
        weights.get(metrics.FREQUENCY, 0),
        weights.get(metrics.MONETARY, 0),
    )
    row = segments.rows(fifths[metrics.RECENCY], standing)
    segment = segments.assign(row, frequency_monetary, rules.segment_map)
    if rules.prospect_segment is None:
        return segment
    return segment.fillna(rules.prospect_segment)
