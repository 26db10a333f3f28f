"""The rules of a policy: frozen, and checked when they are built.

Every message says what to do, because a person who edits a policy will read it.
"""

import dataclasses
import math
from collections.abc import Sequence

from . import metrics

PERCENTILE = "percentile"
QUINTILE = "quintile"
BANDS = "bands"
METHODS = (PERCENTILE, QUINTILE, BANDS)

SCORE = "score"
CUSTOMER_SHARE = "customer_share"
REVENUE_SHARE = "revenue_share"
CONDITIONS = "conditions"
CLUSTERS = "clusters"
TIER_METHODS = (SCORE, CUSTOMER_SHARE, REVENUE_SHARE, CONDITIONS, CLUSTERS)
SHARES = (CUSTOMER_SHARE, REVENUE_SHARE)

AT_LEAST = ">="
AT_MOST = "<="
OPERATORS = (AT_LEAST, AT_MOST)

#: Below this many customers with a purchase in the window ranks mean little, and absolute bands are used instead.
MIN_POPULATION = 100


@dataclasses.dataclass(frozen=True)
class CriterionRule:
    """How one metric becomes points, and how much they weigh.

    Parameters
    ----------
    metric : key of a registered metric
    weight : share in the score, finite, 0 or more, in any unit: only the ratio counts
    method : 'percentile': mid-rank among those who bought in the window; 'quintile': the fifth of that rank;
        'bands': absolute cuts
    bands : strictly ascending cuts, one or more; None: the metric's own
    band_unit : 'value' or 'average_order'; None: the metric's own

    >>> CriterionRule("recency", -1)
    Traceback (most recent call last):
        ...
    ValueError: Criterion 'recency': the weight must be a number of 0 or more, not -1.
    """

    metric: str
    weight: float
    method: str = PERCENTILE
    bands: tuple[float, ...] | None = None
    band_unit: str | None = None

    def __post_init__(self):
        owner = f"Criterion {self.metric!r}"
        metrics.get(self.metric)
        if not math.isfinite(self.weight) or self.weight < 0:
            raise ValueError(f"{owner}: the weight must be a number of 0 or more, not {self.weight}.")
        if self.method not in METHODS:
            raise ValueError(f"{owner}: the method must be one of {METHODS}, not {self.method!r}.")
        metrics.check_bands(self.cuts, self.cut_unit, owner)

    @property
    def cuts(self) -> tuple[float, ...]:
        """The cuts that apply: the criterion's, else the metric's."""
        return metrics.get(self.metric).bands if self.bands is None else self.bands

    @property
    def cut_unit(self) -> str:
        """The unit of `cuts`: the criterion's, else the metric's."""
        return metrics.get(self.metric).band_unit if self.band_unit is None else self.band_unit


@dataclasses.dataclass(frozen=True)
class ConditionRule:
    """One condition of a tier: a metric reaches a value.

    Parameters
    ----------
    metric : key of a registered metric
    operator : '>=' or '<=', both inclusive; an unknown value (NaN) meets no condition
    value : needed to enter the tier, in the unit of the metric
    keep_value : enough to stay in it; None: the same as `value`

    >>> ConditionRule("monetary", ">=", 10_000, 12_000)
    Traceback (most recent call last):
        ...
    ValueError: Condition 'monetary': staying must not ask for more than entering: 12000 instead of 10000.
    """

    metric: str
    operator: str
    value: float
    keep_value: float | None = None

    def __post_init__(self):
        owner = f"Condition {self.metric!r}"
        metrics.get(self.metric)
        if self.operator not in OPERATORS:
            raise ValueError(f"{owner}: the operator must be one of {OPERATORS}, not {self.operator!r}.")
        if not math.isfinite(self.value) or not math.isfinite(self.kept):
            raise ValueError(f"{owner}: the value must be a finite number, not {self.value}.")
        harder = self.kept > self.value if self.operator == AT_LEAST else self.kept < self.value
        if harder:
            raise ValueError(
                f"{owner}: staying must not ask for more than entering: {self.kept:g} instead of {self.value:g}."
            )

    @property
    def kept(self) -> float:
        """The value that is enough to stay."""
        return self.value if self.keep_value is None else self.keep_value


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
            raise ValueError(f"Tier {self.key}: the floor must lie between 0 and 100 points, not at {self.floor}.")
        if not 0 <= self.kept <= self.floor:
            raise ValueError(
                f"Tier {self.key}: the score to stay must lie between 0 and the score to enter, "
                f"{self.floor:g}, not at {self.kept:g}."
            )
        if self.share is not None and not (math.isfinite(self.share) and 0 < self.share <= 100):
            raise ValueError(f"Tier {self.key}: the share must be above 0 and at most 100 %, not {self.share}.")
        if self.grace_days < 0 or self.stay_days < 0:
            raise ValueError(f"Tier {self.key}: days of grace and days to stay are 0 or more.")

    @property
    def kept(self) -> float:
        """The score that is enough to stay."""
        return self.floor if self.keep_floor is None else self.keep_floor


@dataclasses.dataclass(frozen=True)
class RetentionRules:
    """What protects customers from falling, beside the days on each tier.

    Parameters
    ----------
    one_step : a downgrade leads to the next lower tier only, however low the score
    month_end : a downgrade takes effect on the last day of a month
    protection_days : days after the first purchase without any downgrade, 0 or more
    refunds_at_once : a drop that only credit notes caused takes effect at once: no days of
        grace, of stay or of protection, and all the way down
    """

    one_step: bool = False
    month_end: bool = False
    protection_days: int = 0
    refunds_at_once: bool = False

    def __post_init__(self):
        if self.protection_days < 0:
            raise ValueError(f"The days of protection of a new customer are 0 or more, not {self.protection_days}.")


@dataclasses.dataclass(frozen=True)
class LifecycleRules:
    """The numbers that divide the stages of a relation; see the module ``lifecycle``.

    Parameters
    ----------
    lost_lateness : Lost: no purchase for more than so many times the usual gap, above `late_lateness`
    late_lateness : Declining: no purchase for more than so many times the usual gap, above 1
    falling : Declining: growth at or below minus this, percent, above 0 and at most 100
    exploring_days : Exploring: at most so many days with a purchase, 1 or more
    growing : Forming: growth at or above this, percent, above 0 and at most 100
    """

    lost_lateness: float = 4.0
    late_lateness: float = 2.0
    falling: float = 50.0
    exploring_days: int = 2
    growing: float = 25.0

    def __post_init__(self):
        if not 1 < self.late_lateness < self.lost_lateness < math.inf:
            raise ValueError(
                "Lifecycle: Declining must begin after more than 1 usual gap and before Lost; now Declining begins "
                f"after {self.late_lateness:g} and Lost after {self.lost_lateness:g}."
            )
        if not 0 < self.falling <= 100 or not 0 < self.growing <= 100:
            raise ValueError("Lifecycle: the percentages of falling and growing amounts lie above 0 and up to 100.")
        if self.exploring_days < 1:
            raise ValueError("Lifecycle: Exploring needs at least 1 day with a purchase.")


@dataclasses.dataclass(frozen=True)
class RiskRules:
    """The numbers of the churn warning; see the module ``risk``, which also reads two of `LifecycleRules`.

    Parameters
    ----------
    watch_lateness : Watch: no purchase for more than so many times the usual gap, 1 or more
    high_lateness : High: no purchase for more than so many times the usual gap, above `watch_lateness`
    silent_days : silence: neither a purchase nor a contact for more than so many days, 1 or more

    >>> RiskRules(watch_lateness=3)
    Traceback (most recent call last):
        ...
    ValueError: Risk: Watch must begin after 1 usual gap or more and before High; now Watch begins after 3 and \
High after 2.5.
    """

    watch_lateness: float = 1.5
    high_lateness: float = 2.5
    silent_days: int = 90

    def __post_init__(self):
        if not 1 <= self.watch_lateness < self.high_lateness < math.inf:
            raise ValueError(
                "Risk: Watch must begin after 1 usual gap or more and before High; now Watch begins after "
                f"{self.watch_lateness:g} and High after {self.high_lateness:g}."
            )
        if self.silent_days < 1:
            raise ValueError(f"Risk: silence begins after 1 day or more, not {self.silent_days}.")


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

    >>> PolicyRules((), (TierRule(1, 0),), ((1,) * 5,) * 5)
    Traceback (most recent call last):
        ...
    ValueError: Give at least one criterion a weight above 0, else nothing is scored.
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

    def __post_init__(self):
        if not sum(criterion.weight for criterion in self.criteria) > 0:
            raise ValueError("Give at least one criterion a weight above 0, else nothing is scored.")
        for metric in _repeated([criterion.metric for criterion in self.criteria]):
            raise ValueError(f"Metric {metric!r} has two criteria: remove one of them.")
        self._check_tiers()
        self._check_segment_map()
        if self.min_population < 0:
            raise ValueError(f"The minimum population must be 0 or more, not {self.min_population}.")

    @property
    def ladder(self) -> tuple[TierRule, ...]:
        """The tiers from the lowest to the highest."""
        if self.tier_method == SCORE:
            return tuple(sorted(self.tiers, key=lambda tier: tier.floor))
        return self.tiers[::-1]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Keys of all metrics that the rules look at, without the three behind the segments."""
        keys = [criterion.metric for criterion in self.criteria]
        if self.tier_method == CONDITIONS:
            keys += [condition.metric for tier in self.tiers for condition in tier.conditions]
        if self.tier_method == CUSTOMER_SHARE and self.basis:
            keys.append(self.basis)
        return tuple(dict.fromkeys(keys))

    def to_json(self) -> dict:
        """The rules as a dict that ``json.dumps`` writes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "PolicyRules":
        """The rules that `to_json` wrote, also after a round trip through JSON text.

        Raises
        ------
        ValueError
            If the rules are not valid any more, such as when a metric is not registered now.
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
            }
        )

    def _check_tiers(self):
        if not self.tiers:
            raise ValueError("Add at least one tier, else there is nothing to earn.")
        for key in _repeated([tier.key for tier in self.tiers]):
            raise ValueError(f"Tier {key} is listed twice: remove one of them.")
        if self.tier_method not in TIER_METHODS:
            raise ValueError(f"The method must be one of {TIER_METHODS}, not {self.tier_method!r}.")
        if self.tier_method == SCORE:
            self._check_floors()
        elif self.tier_method in SHARES:
            self._check_shares()
        elif self.tier_method == CONDITIONS:
            self._check_conditions()
        if self.basis is not None:
            metrics.get(self.basis)

    def _check_floors(self):
        for floor in _repeated([tier.floor for tier in self.tiers]):
            raise ValueError(f"Two tiers begin at {floor} points: change one of the floors.")
        lowest = min(tier.floor for tier in self.tiers)
        if lowest != 0:
            raise ValueError(
                f"The lowest tier begins at {lowest} points: set its floor to 0, else "
                "customers with a lower score would fall below every tier."
            )
        kept = [tier.kept for tier in self.ladder]
        if kept != sorted(kept):
            raise ValueError(
                f"The scores to stay must rise with the tiers, they are {kept}: a customer could not fall "
                "below a tier without falling below the one under it."
            )

    def _check_shares(self):
        if any(tier.share is None for tier in self.tiers):
            raise ValueError("Give each tier its share of the whole, in percent.")
        total = math.fsum(tier.share for tier in self.tiers)
        if abs(total - 100) > 1e-6:
            raise ValueError(f"The shares of the tiers add up to {total:g} %: make them 100 % together.")

    def _check_conditions(self):
        for tier in self.tiers[:-1]:
            if not tier.conditions:
                raise ValueError(f"Tier {tier.key} has no condition, so nobody would be below it: add one.")
        if self.tiers[-1].conditions:
            raise ValueError(
                "The lowest tier must have no condition, so that it takes all who meet none: remove its conditions."
            )

    def _check_segment_map(self):
        if [len(row) for row in self.segment_map] != [5] * 5:
            raise ValueError(
                "The segment map must have 5 rows (recency) of 5 cells (frequency and "
                f"money); its rows have {[len(row) for row in self.segment_map]} cells."
            )
        for r, row in enumerate(self.segment_map, start=1):
            for fm, key in enumerate(row, start=1):
                if not isinstance(key, int):
                    raise ValueError(
                        f"The segment map has no segment at recency {r}, frequency-monetary {fm}: choose one."
                    )


def _repeated(values: Sequence) -> list:
    """What occurs a second time.

    >>> _repeated([3, 1, 3]), _repeated([1, 2]), _repeated([])
    ([3], [], [])
    """
    return [value for place, value in enumerate(values) if value in values[:place]]
