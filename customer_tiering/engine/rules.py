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
class TierRule:
    """A level and the score that earns it.

    Parameters
    ----------
    key : the caller's name of the tier
    floor : lowest score of the tier, inclusive, 0..100 points
    """

    key: int
    floor: float

    def __post_init__(self):
        if not 0 <= self.floor <= 100:
            raise ValueError(f"Tier {self.key}: the floor must lie between 0 and 100 points, not at {self.floor}.")


@dataclasses.dataclass(frozen=True)
class PolicyRules:
    """All that decides over the customers of one policy.

    Parameters
    ----------
    criteria : at least one with a weight above 0, no metric twice
    tiers : at least one, in any order; distinct keys and floors, the lowest floor at 0
    segment_map : 5 x 5 keys of segments, ``segment_map[r - 1][fm - 1]``
    prospect_segment : key of the segment of those who never bought, or None
    min_population : customers with a purchase in the window from which ranks are used; below, bands are

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

    def __post_init__(self):
        if not sum(criterion.weight for criterion in self.criteria) > 0:
            raise ValueError("Give at least one criterion a weight above 0, else nothing is scored.")
        for metric in _repeated([criterion.metric for criterion in self.criteria]):
            raise ValueError(f"Metric {metric!r} has two criteria: remove one of them.")
        self._check_tiers()
        self._check_segment_map()
        if self.min_population < 0:
            raise ValueError(f"The minimum population must be 0 or more, not {self.min_population}.")

    def _check_tiers(self):
        if not self.tiers:
            raise ValueError("Add at least one tier, else there is nothing to earn.")
        for key in _repeated([tier.key for tier in self.tiers]):
            raise ValueError(f"Tier {key} is listed twice: remove one of them.")
        for floor in _repeated([tier.floor for tier in self.tiers]):
            raise ValueError(f"Two tiers begin at {floor} points: change one of the floors.")
        lowest = min(tier.floor for tier in self.tiers)
        if lowest != 0:
            raise ValueError(
                f"The lowest tier begins at {lowest} points: set its floor to 0, else "
                "customers with a lower score would fall below every tier."
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
