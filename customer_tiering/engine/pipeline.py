"""The computation of one policy: fit the scales on the population, apply them.

``apply(rules, fit(rules, frame, as_of), frame, as_of)`` is a run. The `Fit` is kept as JSON
beside the run; with it one customer can be scored again without everyone else.
"""

import dataclasses
import datetime
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from . import explain, lifecycle, metrics, motives, outlook, profit, risk, schema, scoring, segments, tiers
from .rules import LEFT_OUT, CriterionRule, PolicyRules
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
    customers = _derive(rules, frame, as_of, learned, foretelling=rules.by_outlook)
    active = customers[customers[schema.ORDER_COUNT] > 0]
    small = len(active) < rules.min_population
    median_order = metrics.median_order(active)
    scales = {}
    for key, criterion in _fitted(rules).items():
        metric = rules.get_metric(key)
        scales[key] = scoring.fit_scale(
            metric.comparable(active), metric, criterion, small=small, median_order=median_order
        )
    open_days = ()
    if rules.retention.skip_idle_days:
        open_days = np.unique(customers[schema.RECENCY_DAYS].dropna()).astype(int)[:OPEN_DAYS].tolist()
    scored = Fit(
        len(active),
        small,
        median_order,
        scales,
        typical_gap=lifecycle.typical_gap(customers),
        open_days=tuple(open_days),
        motives=motives.fit(rules, active),
        outlook=(learned or {}) if rules.foretells else {},
    )
    return dataclasses.replace(scored, tiers=tiers.fit_tiers(rules, active, _score(rules, scored, active)))


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
