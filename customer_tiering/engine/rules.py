"""The rules of a policy: frozen, and checked when they are built.

What is wrong is raised as a `RuleError` with a code and the facts. Forms and runs judge rules by building
them, so each of these judgements is made here and nowhere else.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from functools import cached_property

from . import metrics, schema
from .errors import RuleError
from .metrics import Metric
from .profit import CostRule

PERCENTILE = "percentile"
QUINTILE = "quintile"
BANDS = "bands"
POINTS = "points"
METHODS = (PERCENTILE, QUINTILE, BANDS, POINTS)

ZERO = "zero"
LEFT_OUT = "left_out"
UNKNOWNS = (ZERO, LEFT_OUT)

SCORE = "score"
CUSTOMER_SHARE = "customer_share"
REVENUE_SHARE = "revenue_share"
CONDITIONS = "conditions"
CLUSTERS = "clusters"
TWO_AXES = "two_axes"
TIER_METHODS = (SCORE, CUSTOMER_SHARE, REVENUE_SHARE, CONDITIONS, CLUSTERS, TWO_AXES)
SHARES = (CUSTOMER_SHARE, REVENUE_SHARE)

AT_LEAST = ">="
AT_MOST = "<="
OPERATORS = (AT_LEAST, AT_MOST)

#: What rules of earlier versions do not have: unused it is not written, so that these rules stay the same.
_LATER = ("shown", "costs", "axes", "motives", "outlook")

#: Shares make a whole if they do so but for this many percent, as thirds of two decimals do.
SHARE_TOLERANCE = 0.005

#: What decides who is at risk.
LATENESS = "lateness"
PREDICTION = "prediction"
RISK_METHODS = (LATENESS, PREDICTION)

#: Days for which the next order's chance may be told.
LEAST_DAYS, MOST_DAYS = 7, 730

#: An upgrade waits a year at most.
MOST_UPGRADE_DAYS = 365

#: Below this many customers with a purchase in the window ranks mean little, and absolute bands are used instead.
MIN_POPULATION = 100


@dataclasses.dataclass(frozen=True)
class CriterionRule:
    """How one metric becomes points, and how much they weigh.

    Parameters
    ----------
    metric : key of a metric of the rules
    weight : share in the score, finite, 0 or more, in any unit: only the ratio counts
    method : 'percentile': mid-rank among those who bought in the window; 'quintile': the fifth of that rank;
        'bands': absolute cuts; 'points': the value itself, what lies outside 0..100 as the nearer end
    bands : strictly ascending cuts, one or more; None: the metric's own
    band_unit : 'value' or 'median_order'; None: the metric's own
    unknown : a customer of whom the metric is not known has no points for it ('zero'), or is judged
        without it ('left_out'): the other criteria share its weight

    Raises
    ------
    RuleError
        'bad_weight', 'bad_method', 'bad_unknown'; facts: metric and the value

    >>> CriterionRule("recency", -1)
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: bad_weight: metric='recency', weight=-1
    """

    metric: str
    weight: float
    method: str = PERCENTILE
    bands: tuple[float, ...] | None = None
    band_unit: str | None = None
    unknown: str = ZERO

    def __post_init__(self):
        if not math.isfinite(self.weight) or self.weight < 0:
            raise RuleError("bad_weight", metric=self.metric, weight=self.weight)
        if self.method not in METHODS:
            raise RuleError("bad_method", metric=self.metric, method=self.method)
        if self.unknown not in UNKNOWNS:
            raise RuleError("bad_unknown", metric=self.metric, unknown=self.unknown)

    def get_cuts(self, metric: Metric) -> tuple[float, ...]:
        """The cuts that apply: the criterion's, else those of its metric."""
        return (metric.bands or ()) if self.bands is None else self.bands

    def get_cut_unit(self, metric: Metric) -> str:
        """The unit of the cuts: the criterion's, else that of its metric."""
        return metric.band_unit if self.band_unit is None else self.band_unit


@dataclasses.dataclass(frozen=True)
class ConditionRule:
    """One condition of a tier: a metric reaches a value.

    Parameters
    ----------
    metric : key of a metric of the rules
    operator : '>=' or '<=', both inclusive; an unknown value (NaN) meets no condition
    value : needed to enter the tier, in the unit of the metric
    keep_value : enough to stay in it; None: the same as `value`

    Raises
    ------
    RuleError
        'bad_operator', 'value_not_finite', 'harder_to_stay'; facts: metric and the values

    >>> ConditionRule("monetary", ">=", 10_000, 12_000)
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: harder_to_stay: metric='monetary', operator='>=', value=10000, kept=12000
    """

    metric: str
    operator: str
    value: float
    keep_value: float | None = None

    def __post_init__(self):
        if self.operator not in OPERATORS:
            raise RuleError("bad_operator", metric=self.metric, operator=self.operator)
        if not math.isfinite(self.value) or not math.isfinite(self.kept):
            raise RuleError("value_not_finite", metric=self.metric, value=self.value)
        harder = self.kept > self.value if self.operator == AT_LEAST else self.kept < self.value
        if harder:
            raise RuleError(
                "harder_to_stay", metric=self.metric, operator=self.operator, value=self.value, kept=self.kept
            )

    @property
    def kept(self) -> float:
        """The value that is enough to stay."""
        return self.value if self.keep_value is None else self.keep_value


#: What divides an axis.
SHARE = "share"
VALUE = "value"
BORDERS = (SHARE, VALUE)

#: The score as an axis. What an order makes of it depends on all criteria together.
SCORE_METRIC = Metric(SCORE, SCORE, metrics.POINTS, higher_is_better=True)


@dataclasses.dataclass(frozen=True)
class AxisRule:
    """What divides customers in two, the better and the others.

    Parameters
    ----------
    metric : key of a metric of the rules; None: the score
    by : 'share': so many percent of the customers who are compared are the better ones; 'value': who has so much
    border : percent, above 0 and below 100, or the least good value of the better ones, inclusive

    Raises
    ------
    RuleError
        'bad_border', 'border_share', 'border_not_finite'; facts: border

    >>> AxisRule("net_profit", "share", 100)
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: border_share: border=100
    """

    metric: str | None
    by: str
    border: float

    def __post_init__(self):
        if self.by not in BORDERS:
            raise RuleError("bad_border", border=self.by)
        if not math.isfinite(self.border):
            raise RuleError("border_not_finite", border=self.border)
        if self.by == SHARE and not 0 < self.border < 100:
            raise RuleError("border_share", border=self.border)


@dataclasses.dataclass(frozen=True)
class AxesRule:
    """Two axes that make four tiers, from the highest to the lowest: good on both, on the second only, on the first
    only, on none.

    Parameters
    ----------
    value, profit : the first and the second axis
    margin : percent of a border's size, 0..100, by which who is above it may fall below it and stay

    Raises
    ------
    RuleError
        'border_margin' (fact: margin), 'same_axis' (fact: metric)
    """

    value: AxisRule
    profit: AxisRule
    margin: float = 0.0

    def __post_init__(self):
        if not 0 <= self.margin <= 100:
            raise RuleError("border_margin", margin=self.margin)
        if self.value.metric == self.profit.metric:
            raise RuleError("same_axis", metric=self.value.metric or SCORE)

    @property
    def both(self) -> tuple[AxisRule, AxisRule]:
        """The two axes."""
        return self.value, self.profit


@dataclasses.dataclass(frozen=True)
class TierRule:
    """A level and what earns it; which fields count depends on the policy's method.

    Parameters
    ----------
    key : the caller's name of the tier
    floor : method 'score': lowest score that enters the tier, inclusive, 0..100 points
    keep_floor : method 'score': lowest score that stays in it, inclusive, at most `floor`; None: `floor`
    share : methods of shares: percent of the customers or of the revenue, above 0
    conditions : method 'conditions': none in the lowest tier, one or more in the others
    match_any : one condition is enough, else all are needed
    grace_days : days between the announcement of a downgrade out of this tier and the downgrade, 0 or more
    stay_days : days that a customer stays at least once in this tier, 0 or more

    Raises
    ------
    RuleError
        'floor_range', 'kept_range', 'share_range', 'negative_days'; facts: tier and the values
    """

    key: int
    floor: float = 0.0
    keep_floor: float | None = None
    share: float | None = None
    conditions: tuple[ConditionRule, ...] = ()
    match_any: bool = False
    grace_days: int = 0
    stay_days: int = 0

    def __post_init__(self):
        if not 0 <= self.floor <= 100:
            raise RuleError("floor_range", tier=self.key, floor=self.floor)
        if not 0 <= self.kept <= self.floor:
            raise RuleError("kept_range", tier=self.key, floor=self.floor, kept=self.kept)
        if self.share is not None and not (math.isfinite(self.share) and 0 < self.share <= 100):
            raise RuleError("share_range", tier=self.key, share=self.share)
        if self.grace_days < 0 or self.stay_days < 0:
            raise RuleError("negative_days", tier=self.key)

    @property
    def kept(self) -> float:
        """The score that is enough to stay."""
        return self.floor if self.keep_floor is None else self.keep_floor


@dataclasses.dataclass(frozen=True)
class RetentionRules:
    """What keeps tiers calm, beside the days and the keep rule of each tier.

    A first tier is always by the plain rule and at once; what is said of upgrades is of those from a tier.

    Parameters
    ----------
    one_step : a downgrade leads to the next lower tier only, however low the score
    month_end : a downgrade takes effect on the last day of a month
    protection_days : days after the first purchase without any downgrade, 0 or more
    refunds_at_once : a drop that only credit notes caused takes effect at once: no days of
        grace, of stay or of protection, and all the way down
    enter_margin : points above its floor that an upgrade to a tier takes, where a score leads there; see `entry`
    upgrade_days : an upgrade is announced, and takes effect when it has held for so many days: in all runs in
        between the customer still reached it; 0: at once. By conditions upgrades are always at once
    at_once_margin : points above its floor from which a tier does not wait for `upgrade_days`, where a score
        leads there; 0: all wait
    skip_idle_days : a day on which no customer bought is no day: nobody falls on it, and the comparison that is
        kept does not age by it; see the module ``idle``

    Raises
    ------
    RuleError
        'negative_protection', 'margin_range', 'at_once_range', 'upgrade_days_range'; with the number
    """

    one_step: bool = False
    month_end: bool = False
    protection_days: int = 0
    refunds_at_once: bool = False
    enter_margin: float = 0.0
    upgrade_days: int = 0
    at_once_margin: float = 0.0
    skip_idle_days: bool = False

    def __post_init__(self):
        if self.protection_days < 0:
            raise RuleError("negative_protection", days=self.protection_days)
        if not 0 <= self.enter_margin <= 100:
            raise RuleError("margin_range", points=self.enter_margin)
        if not 0 <= self.at_once_margin <= 100:
            raise RuleError("at_once_range", points=self.at_once_margin)
        if not 0 <= self.upgrade_days <= MOST_UPGRADE_DAYS:
            raise RuleError("upgrade_days_range", days=self.upgrade_days, most=MOST_UPGRADE_DAYS)

    def entry(self, floor: float) -> float:
        """The score that an upgrade to the tier of a floor takes; with a margin in hundredths, as scores are.

        The margin is at most half of the way from the floor to 100 points, so that it puts no tier out of reach.

        >>> [RetentionRules(enter_margin=3).entry(floor) for floor in (0.0, 60.0, 98.0, 100.0)]
        [3.0, 63.0, 99.0, 100.0]
        """
        return round(floor + min(self.enter_margin, (100 - floor) / 2), 2) if self.enter_margin else floor

    def to_json(self) -> dict:
        """The rules as a dict of plain values, without what came later and is not used.

        So the rules of a policy that does not use it are the same after an upgrade of the addon.

        >>> sorted(RetentionRules(upgrade_days=7).to_json())
        ['month_end', 'one_step', 'protection_days', 'refunds_at_once', 'upgrade_days']
        """
        later = ("enter_margin", "upgrade_days", "at_once_margin", "skip_idle_days")
        return {name: value for name, value in dataclasses.asdict(self).items() if value or name not in later}


@dataclasses.dataclass(frozen=True)
class LifecycleRules:
    """The numbers that divide the stages of a relation; see the module ``lifecycle``.

    Parameters
    ----------
    lost_lateness : Lost: no purchase for more than so many times the usual gap, above `late_lateness`
    late_lateness : Declining: no purchase for more than so many times the usual gap, above 1
    falling : Declining: growth at or below minus this, percent, above 0 and at most 100: the whole amount
    exploring_days : Exploring: at most so many days with a purchase, 1 or more
    growing : Forming: growth at or above this, percent, above 0 and at most `metrics.GROWTH_MOST`
    """

    lost_lateness: float = 4.0
    late_lateness: float = 2.0
    falling: float = 50.0
    exploring_days: int = 2
    growing: float = 25.0

    def __post_init__(self):
        if not 1 < self.late_lateness < self.lost_lateness < math.inf:
            raise RuleError("lifecycle_order", late=self.late_lateness, lost=self.lost_lateness)
        if not 0 < self.falling <= 100:
            raise RuleError("falling_range", falling=self.falling)
        if not 0 < self.growing <= metrics.GROWTH_MOST:
            raise RuleError("growing_range", growing=self.growing, most=metrics.GROWTH_MOST)
        if self.exploring_days < 1:
            raise RuleError("exploring_days", days=self.exploring_days)


@dataclasses.dataclass(frozen=True)
class RiskRules:
    """The numbers of the churn warning; see the module ``risk``, which also reads two of `LifecycleRules`.

    Parameters
    ----------
    watch_lateness : Watch: no purchase for more than so many times the usual gap, 1 or more
    high_lateness : High: no purchase for more than so many times the usual gap, above `watch_lateness`
    silent_days : silence: neither a purchase nor an interaction for more than so many days, 1 or more
    method : 'lateness': those two and the lateness of `LifecycleRules` decide; 'prediction': the chance that no order
        comes within the horizon of `OutlookRules`, and lateness only of whom nothing can be foretold
    watch_percent, high_percent, lost_percent : method 'prediction': Watch, High and Lost from this chance on, percent,
        above 0, rising, at most 100

    >>> RiskRules(watch_lateness=3)
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: risk_order: watch=3, high=2.5
    """

    watch_lateness: float = 1.5
    high_lateness: float = 2.5
    silent_days: int = 90
    method: str = LATENESS
    watch_percent: int = 50
    high_percent: int = 70
    lost_percent: int = 90

    def __post_init__(self):
        if not 1 <= self.watch_lateness < self.high_lateness < math.inf:
            raise RuleError("risk_order", watch=self.watch_lateness, high=self.high_lateness)
        if self.silent_days < 1:
            raise RuleError("silent_days", days=self.silent_days)
        if self.method not in RISK_METHODS:
            raise RuleError("bad_risk_method", method=self.method)
        if not 0 < self.watch_percent < self.high_percent < self.lost_percent <= 100:
            raise RuleError("percent_order", watch=self.watch_percent, high=self.high_percent, lost=self.lost_percent)

    def to_json(self) -> dict:
        """The rules as a dict of plain values; without what came later where it is not used.

        >>> sorted(RiskRules().to_json()), len(RiskRules(method="prediction").to_json())
        (['high_lateness', 'silent_days', 'watch_lateness'], 7)
        """
        data = dataclasses.asdict(self)
        if self.method == LATENESS:
            return {name: data[name] for name in ("watch_lateness", "high_lateness", "silent_days")}
        return data


@dataclasses.dataclass(frozen=True)
class OutlookRules:
    """What is foretold; see the module ``outlook``.

    Parameters
    ----------
    days : of which the next order's chance is told, 0: three usual gaps, else `LEAST_DAYS` to `MOST_DAYS`
    discount : percent by which money of a year later is worth less, 0 to 100

    Raises
    ------
    RuleError
        'outlook_days' (facts: days, least, most), 'outlook_discount' (fact: discount)
    """

    days: int = 0
    discount: float = 10.0

    def __post_init__(self):
        if self.days and not LEAST_DAYS <= self.days <= MOST_DAYS:
            raise RuleError("outlook_days", days=self.days, least=LEAST_DAYS, most=MOST_DAYS)
        if not 0 <= self.discount <= 100:
            raise RuleError("outlook_discount", discount=self.discount)

    def to_json(self) -> dict:
        """The rules as a dict of plain values, those that differ from what is usual.

        >>> OutlookRules().to_json(), OutlookRules(days=60).to_json()
        ({}, {'days': 60})
        """
        usual = dataclasses.asdict(OutlookRules())
        return {name: value for name, value in dataclasses.asdict(self).items() if value != usual[name]}


@dataclasses.dataclass(frozen=True)
class MotiveRule:
    """What speaks for something that matters to a customer.

    Parameters
    ----------
    metric : key of a metric of which a large value speaks for the motive
    motive : key of the motive
    """

    metric: str
    motive: int


@dataclasses.dataclass(frozen=True)
class PolicyRules:
    """All that decides over the customers of one policy.

    Parameters
    ----------
    criteria : at least one with a weight above 0, no metric twice
    tiers : at least one, with distinct keys. Method 'score': in any order, distinct floors, the
        lowest at 0, keep floors that rise with the floors. Other methods: from the highest to the lowest
    segment_map : 5 x 5 keys of segments, ``segment_map[r - 1][fm - 1]``
    prospect_segment : key of the segment of those who never bought, or None
    min_population : customers with a purchase in the window from which ranks are used; below, bands are
    tier_method : one of `TIER_METHODS`: what leads to a tier
    basis : method 'customer_share': key of the metric to rank by; None: the score
    retention : what protects from falling
    lifecycle : the numbers that divide the stages of a relation
    risk : the numbers of the churn warning
    outlook : what is foretold
    definitions : the metrics that the rules look at, and any others; those of `metrics.RFM` that are not among
        them are the engine's own
    shown : keys of metrics that are measured although nothing depends on them
    costs : what serving a customer costs
    axes : method 'two_axes', which has four tiers
    motives : which metrics speak for which motive, the first motive first; none: motives are not proposed

    Raises
    ------
    RuleError
        'unknown_metric', 'no_weight', 'double_metric', 'not_points' (the points of a metric that has none),
        'unknown_left_out' (one of recency, frequency and money, which
        the segments need of everybody), 'no_tier', 'double_tier', 'bad_tier_method', 'same_floor', 'lowest_floor',
        'kept_not_rising', 'no_share', 'share_total', 'no_condition', 'lowest_condition', 'map_shape', 'map_cell',
        'negative_population', 'risk_after_lost', 'no_axes', 'four_tiers', and what
        `metrics.check_bands` raises; with the facts

    >>> PolicyRules((), (TierRule(1, 0),), ((1,) * 5,) * 5)
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: no_weight
    """

    criteria: tuple[CriterionRule, ...]
    tiers: tuple[TierRule, ...]
    segment_map: tuple[tuple[int, ...], ...]
    prospect_segment: int | None = None
    min_population: int = MIN_POPULATION
    tier_method: str = SCORE
    basis: str | None = None
    retention: RetentionRules = RetentionRules()
    lifecycle: LifecycleRules = LifecycleRules()
    risk: RiskRules = RiskRules()
    definitions: tuple[Metric, ...] = ()
    shown: tuple[str, ...] = ()
    costs: tuple[CostRule, ...] = ()
    axes: AxesRule | None = None
    motives: tuple[MotiveRule, ...] = ()
    outlook: OutlookRules = OutlookRules()

    def __post_init__(self):
        # First the tiers: who has just made a policy has no weights yet, and sees the tiers first.
        self._check_tiers()
        self._check_criteria()
        self._check_segment_map()
        if self.min_population < 0:
            raise RuleError("negative_population", population=self.min_population)
        if self.risk.high_lateness > self.lifecycle.lost_lateness:
            raise RuleError("risk_after_lost", high=self.risk.high_lateness, lost=self.lifecycle.lost_lateness)

    @property
    def ladder(self) -> tuple[TierRule, ...]:
        """The tiers from the lowest to the highest."""
        if self.tier_method == SCORE:
            return tuple(sorted(self.tiers, key=lambda tier: tier.floor))
        return self.tiers[::-1]

    @property
    def by_score(self) -> bool:
        """Whether a score leads to the tiers."""
        return self.tier_method == SCORE or (self.tier_method == CUSTOMER_SHARE and self.basis is None)

    @property
    def upgrade_days(self) -> int:
        """Days that an upgrade waits: who meets conditions that were told waits for nothing."""
        return 0 if self.tier_method == CONDITIONS else self.retention.upgrade_days

    @property
    def metrics(self) -> tuple[str, ...]:
        """Keys of all metrics that the rules look at, without the three behind the segments."""
        keys = [criterion.metric for criterion in self.criteria]
        if self.tier_method == CONDITIONS:
            keys += [condition.metric for tier in self.tiers for condition in tier.conditions]
        if self.tier_method == CUSTOMER_SHARE and self.basis:
            keys.append(self.basis)
        if self.tier_method == TWO_AXES:
            keys += [axis.metric for axis in self.axes.both if axis.metric]
        return tuple(dict.fromkeys(keys))

    @property
    def weights(self) -> dict[str, float | None]:
        """The weight of each of `metrics`; None: it is no criterion."""
        weights = {criterion.metric: criterion.weight for criterion in self.criteria}
        return {key: weights.get(key) for key in self.metrics}

    @cached_property
    def _definitions(self) -> dict[str, Metric]:
        return {metric.key: metric for metric in (SCORE_METRIC, *metrics.RFM, *self.definitions)}

    def get_metric(self, key: str) -> Metric:
        """The metric of that key.

        Raises
        ------
        RuleError
            'unknown_metric'; fact: metric
        """
        if key not in self._definitions:
            raise RuleError("unknown_metric", metric=key)
        return self._definitions[key]

    @property
    def columns(self) -> frozenset[str]:
        """The columns beyond those of ``schema.DTYPES`` that a frame needs."""
        said = frozenset((schema.MOTIVE_SAID, schema.MOTIVE_BEFORE) if self.motives else ())
        return metrics.needed_columns(self._measured, self.costs) | said

    @cached_property
    def _measured(self) -> tuple[Metric, ...]:
        """The metrics that the rules look at or show."""
        behind_motives = (rule.metric for rule in self.motives)
        return tuple(map(self.get_metric, dict.fromkeys((*self.metrics, *self.shown, *behind_motives))))

    @property
    def by_profit(self) -> bool:
        """Whether one of the metrics comes from the net profit."""
        return metrics.needs_profit(self._measured)

    @property
    def by_interactions(self) -> bool:
        """Whether the score or the tiers may depend on interactions."""
        about = {*schema.NO_INTERACTIONS, schema.DAYS_SINCE_CONTACT}
        return self.by_profit or any(
            not about.isdisjoint((metric.column, metric.part, metric.whole, *metric.columns))
            for metric in self._measured
        )

    @property
    def by_outlook(self) -> bool:
        """Whether one of the metrics is foretold."""
        return any(metric.column in schema.FORETOLD for metric in self._measured)

    @property
    def foretells(self) -> bool:
        """Whether anything is foretold of the customers."""
        return self.risk.method == PREDICTION or self.by_outlook

    @property
    def ratios(self) -> tuple[Metric, ...]:
        """The metrics that the rules look at or show and that are ratios of columns."""
        return tuple(metric for metric in self._measured if metric.part)

    @property
    def choices(self) -> dict[str, dict[str, float]]:
        """The points of the values of choices, by the metric's column."""
        return {metric.column: dict(metric.choices) for metric in self.definitions if metric.choices}

    def to_json(self) -> dict:
        """The rules as a dict that ``json.dumps`` writes, without what came later and is not used."""
        parts = {name: getattr(self, name).to_json() for name in ("retention", "risk", "outlook")}
        data = {**dataclasses.asdict(self), **parts}
        return {name: value for name, value in data.items() if value or name not in _LATER}

    @classmethod
    def from_json(cls, data: dict) -> "PolicyRules":
        """The rules that `to_json` wrote, also after a round trip through JSON text.

        Raises
        ------
        ValueError
            If the rules are not valid by the present judgement.
        """
        return cls(
            **{
                **data,
                "criteria": tuple(
                    CriterionRule(**{**criterion, "bands": criterion["bands"] and tuple(criterion["bands"])})
                    for criterion in data["criteria"]
                ),
                "tiers": tuple(
                    TierRule(
                        **{
                            **tier,
                            "conditions": tuple(ConditionRule(**condition) for condition in tier["conditions"]),
                        }
                    )
                    for tier in data["tiers"]
                ),
                "segment_map": tuple(tuple(row) for row in data["segment_map"]),
                "retention": RetentionRules(**data["retention"]),
                "lifecycle": LifecycleRules(**data["lifecycle"]),
                "risk": RiskRules(**data.get("risk", {})),  # absent in rules of earlier versions
                "definitions": tuple(Metric.from_json(metric) for metric in data["definitions"]),
                "shown": tuple(data.get("shown", ())),
                "costs": tuple(CostRule(**cost) for cost in data.get("costs", ())),
                "axes": _axes_from_json(data.get("axes")),
                "motives": tuple(MotiveRule(**rule) for rule in data.get("motives", ())),
                "outlook": OutlookRules(**data.get("outlook", {})),
            }
        )

    def _check_criteria(self):
        if not sum(criterion.weight for criterion in self.criteria) > 0:
            raise RuleError("no_weight")
        for metric in _repeated([criterion.metric for criterion in self.criteria]):
            raise RuleError("double_metric", metric=metric)
        behind_segments = {metric.key for metric in metrics.RFM}
        for criterion in self.criteria:
            metric = self.get_metric(criterion.metric)
            metrics.check_bands(criterion.get_cuts(metric), criterion.get_cut_unit(metric), metric.key)
            if criterion.method == POINTS and metric.unit not in metrics.POINT_UNITS:
                raise RuleError("not_points", metric=metric.key)
            if criterion.unknown == LEFT_OUT and metric.key in behind_segments:
                raise RuleError("unknown_left_out", metric=metric.key)

    def _check_tiers(self):
        if not self.tiers:
            raise RuleError("no_tier")
        for key in _repeated([tier.key for tier in self.tiers]):
            raise RuleError("double_tier", tier=key)
        if self.tier_method not in TIER_METHODS:
            raise RuleError("bad_tier_method", method=self.tier_method)
        if self.tier_method == SCORE:
            self._check_floors()
        elif self.tier_method in SHARES:
            self._check_shares()
        elif self.tier_method == CONDITIONS:
            self._check_conditions()
        elif self.tier_method == TWO_AXES:
            self._check_axes()
        if self.basis is not None:
            self.get_metric(self.basis)

    def _check_floors(self):
        for floor in _repeated([tier.floor for tier in self.tiers]):
            raise RuleError("same_floor", floor=floor, tiers=[t.key for t in self.tiers if t.floor == floor])
        ladder = self.ladder
        if ladder[0].floor != 0:
            raise RuleError("lowest_floor", tier=ladder[0].key, floor=ladder[0].floor)
        for lower, higher in itertools.pairwise(ladder):
            if higher.kept < lower.kept:
                # A customer could not fall below a tier without falling below the one under it.
                raise RuleError("kept_not_rising", higher=higher.key, high=higher.kept, lower=lower.key, low=lower.kept)

    def _check_shares(self):
        without = [tier.key for tier in self.tiers if tier.share is None]
        if without:
            raise RuleError("no_share", tiers=without)
        total = math.fsum(tier.share for tier in self.tiers)
        if abs(total - 100) > SHARE_TOLERANCE:
            raise RuleError("share_total", total=total)

    def _check_conditions(self):
        for tier in self.tiers[:-1]:
            if not tier.conditions:
                raise RuleError("no_condition", tier=tier.key)
        if self.tiers[-1].conditions:
            raise RuleError("lowest_condition", tier=self.tiers[-1].key)
        for tier in self.tiers:
            for condition in tier.conditions:
                self.get_metric(condition.metric)

    def _check_axes(self):
        if self.axes is None:
            raise RuleError("no_axes")
        if len(self.tiers) != 4:
            raise RuleError("four_tiers", number=len(self.tiers))
        for axis in self.axes.both:
            self.get_metric(axis.metric or SCORE)

    def _check_segment_map(self):
        if [len(row) for row in self.segment_map] != [5] * 5:
            raise RuleError("map_shape", cells=[len(row) for row in self.segment_map])
        for r, row in enumerate(self.segment_map, start=1):
            for fm, key in enumerate(row, start=1):
                if not isinstance(key, int):
                    raise RuleError("map_cell", recency=r, frequency_monetary=fm)


def _axes_from_json(data: dict | None) -> AxesRule | None:
    if not data:
        return None
    return AxesRule(AxisRule(**data["value"]), AxisRule(**data["profit"]), data["margin"])


def _repeated(values: Sequence) -> list:
    """What occurs a second time.

    >>> _repeated([3, 1, 3]), _repeated([1, 2]), _repeated([])
    ([3], [], [])
    """
    return [value for place, value in enumerate(values) if value in values[:place]]
