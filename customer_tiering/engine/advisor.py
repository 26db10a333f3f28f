"""Proposals for the numbers of a policy, from the company's own data.

A proposal is a starting point that a person reads, changes and remembers, so it consists of round
numbers wherever they do nearly the same as the exact ones.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from . import calm
from .metrics import WHOLE_UNITS
from .replay import Replay
from .rules import SCORE, PolicyRules

#: Round numbers are these times a power of ten: what people choose for prices, limits and coins.
SERIES = (1, 2, 2.5, 5)

#: Round numbers of days: days, weeks and months, then half years and years.
CALENDAR = (0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365, 540, 730)
_YEAR = 365

#: Rounding may move so large a part of the customers into or out of a band.
MOVED = 0.05

#: Windows that are proposed, in days: a quarter, half a year, one, one and a half, two and three years.
WINDOWS = (90, 180, 365, 540, 730, 1095)
DEFAULT_WINDOW = 365

#: A window should hold so many of a customer's usual gaps.
GAPS_IN_WINDOW = 4

#: A tier may hold so much more or less than the scores alone would put there, or so many customers, where they are few.
INFLATED = 0.15
FEW = 5


@dataclasses.dataclass(frozen=True)
class Protection:
    """What protects customers from moving.

    Parameters
    ----------
    keep_margin : points below its floor down to which a customer stays in a tier, method 'score' only
    grace_days : between the announcement of a downgrade and the downgrade
    enter_margin, upgrade_days : see `rules.RetentionRules`
    """

    keep_margin: float = 0.0
    grace_days: int = 0
    enter_margin: float = 0.0
    upgrade_days: int = 0

    def protect(self, rules: PolicyRules) -> PolicyRules:
        """The same rules with this protection, in place of what they have of its kind."""
        by_score = rules.tier_method == SCORE
        tiers = tuple(
            dataclasses.replace(
                tier,
                keep_floor=max(tier.floor - self.keep_margin, 0.0) if by_score else tier.keep_floor,
                grace_days=self.grace_days,
            )
            for tier in rules.tiers
        )
        upgrades = {"enter_margin": self.enter_margin, "upgrade_days": self.upgrade_days}
        return dataclasses.replace(rules, tiers=tiers, retention=dataclasses.replace(rules.retention, **upgrades))


#: From the mildest to the strongest. What protects from falling alone would fill the tiers, so that the stronger ones
#: make it harder to rise, too. One of them is what companies start with.
PROTECTIONS = (
    Protection(),
    Protection(keep_margin=3, grace_days=7),
    Protection(keep_margin=3, grace_days=14, enter_margin=3, upgrade_days=3),
    Protection(calm.KEEP_MARGIN, *(calm.POLICY[name] for name in ("grace_days", "enter_margin", "upgrade_days"))),
    Protection(keep_margin=8, grace_days=30, enter_margin=8, upgrade_days=14),
)


def protections(rules: PolicyRules) -> list[Protection]:
    """The protections that make a difference for rules, from the mildest to the strongest.

    >>> from .rules import CriterionRule, TierRule
    >>> tiers = TierRule(2, share=20), TierRule(1, share=80)
    >>> shares = PolicyRules((CriterionRule("recency", 1),), tiers, ((1,) * 5,) * 5, tier_method="customer_share")
    >>> [protection.grace_days for protection in protections(shares)]
    [0, 7, 14, 10, 30]
    """
    by_rules = []
    for protection in PROTECTIONS:
        protected = protection.protect(rules)
        if all(protected != others for _protection, others in by_rules):
            by_rules.append((protection, protected))
    return [protection for protection, _protected in by_rules]


def choose_mildest(replays: Sequence[Replay], target: float) -> int | None:
    """The place of the first replay in which few move, and in which the tiers are not inflated.

    Protection against falling alone is none: every lucky day lifts, and nothing lowers.

    Parameters
    ----------
    replays : of the protections, from the mildest to the strongest
    target : percent of the customers who may move in a night, on average

    Returns
    -------
    int, or None if none is calm enough or all that are inflate the tiers
    """
    calm = (place for place, replay in enumerate(replays) if replay.moved_share <= target and _holds(replay))
    return next(calm, None)


def _holds(replay: Replay) -> bool:
    """Whether each tier holds about the customers that the numbers alone would put there."""
    return all(
        abs(replay.tiers[tier] - earned) <= max(INFLATED * earned, FEW) for tier, earned in replay.earned.items()
    )


def round_nicely(value: float, unit: str = "money") -> float:
    """The nearest round number.

    Parameters
    ----------
    value : finite, in `unit`
    unit : 'days': the round numbers are those of ``CALENDAR``, beyond two years whole years of 365 days;
        other counted units: whole numbers of ``SERIES`` times a power of ten, and 0;
        measured units: any number of ``SERIES`` times a power of ten

    Returns
    -------
    float
        With the sign of `value`; 0 for 0. Half-way between two round numbers the larger one, by
        magnitude. Never smaller for a larger value. The series 1, 2, 2.5, 5 is 1-2-5, extended by the
        quarter, as coins are, so at most a third of a measured value is added or taken off.

    >>> [round_nicely(value) for value in (0.0, 0.0031, 1.4, 1.5, 3.7, 3.75, 1299.0, -70.0)]
    [0.0, 0.0025, 1.0, 2.0, 2.5, 5.0, 1000.0, -50.0]
    >>> [round_nicely(value, "count") for value in (0.4, 2.6, 3.5, 8.0, 24.0, -0.3)]
    [0.0, 2.0, 5.0, 10.0, 25.0, 0.0]
    >>> [round_nicely(value, "days") for value in (0.0, 6.2, 27.0, 100.0, 400.0, 1000.0, 4000.0)]
    [0.0, 7.0, 30.0, 90.0, 365.0, 1095.0, 4015.0]
    """
    near = _round_numbers(abs(value), unit)
    nearest = min(near, key=lambda number: (abs(number - abs(value)), -number))
    return math.copysign(nearest, value) if nearest else 0.0


def propose_bands(values: pd.Series, *, higher_is_better: bool, unit: str) -> tuple[float, ...] | None:
    """Four cuts that divide the customers into about five fifths, at round numbers.

    Parameters
    ----------
    values : pd.Series of float64, shape (n_customers,), in `unit`, finite; NaN: unknown, ignored
    higher_is_better : as in `Scale`: bands are ``[cut, next cut)`` if True, else ``(cut before, cut]``
    unit : counted units (``WHOLE_UNITS``) have whole cuts

    Returns
    -------
    tuple of four floats that rise strictly, in `unit`; None if no value is known
        Going from the worst value to the best, each cut takes off its share of those who are left: a
        fifth of all, a quarter of the rest, and so on. Without ties these are the quintiles. Many
        customers with one value share a band, and the others divide the remaining bands. No band is empty.

        Fewer than five distinct values cannot fill five bands. Each of them has a band of its own then,
        from the worst band upward, and the missing cuts are the next round numbers beyond the best value:
        something to reach. (Where there is none, as nothing is better than 0 days, they are
        the next ones beyond the worst value.) So all of one customer, or of equal ones, are in the worst band.

    Notes
    -----
    Each cut is rounded as coarsely as possible: by `round_nicely`, else to two, three … six significant
    digits, else not at all. A rounding is possible if the cuts still rise strictly, if no band loses its last
    customer, and if the number of customers in each band differs by at most ``MOVED`` of all from what
    it is without any rounding.

    >>> propose_bands(pd.Series(range(1, 1001)), higher_is_better=True, unit="money")
    (200.0, 400.0, 600.0, 800.0)
    >>> propose_bands(pd.Series([3.0, 12.0, 31.0, 92.0, 400.0]), higher_is_better=False, unit="days")
    (3.0, 14.0, 31.0, 92.0)
    >>> orders = pd.Series([1] * 54 + [2] * 20 + [3] * 16 + [9] * 10)
    >>> propose_bands(orders, higher_is_better=True, unit="count")
    (2.0, 3.0, 9.0, 10.0)
    >>> propose_bands(pd.Series([7.0]), higher_is_better=False, unit="days")
    (1.0, 2.0, 3.0, 5.0)
    >>> propose_bands(pd.Series([None], dtype="float64"), higher_is_better=True, unit="money")
    """
    known = _sorted(values)
    if not len(known):
        return None
    if unit in WHOLE_UNITS:
        # Against whole cuts these are in the same bands as the values themselves.
        known = np.floor(known) if higher_is_better else np.ceil(known)
    cuts = _fifths(known, higher_is_better)
    rounded = list(cuts)
    for place, cut in enumerate(cuts):
        for rounding in _roundings(unit):
            trial = [*rounded[:place], rounding(cut), *rounded[place + 1 :]]
            if _does_the_same(known, cuts, trial, higher_is_better):
                rounded = trial
                break
    while len(rounded) < 4:
        rounded = _with_one_more(rounded, known, higher_is_better, unit)
    return tuple(rounded)


def band_distribution(values: pd.Series, cuts: Sequence[float], *, higher_is_better: bool) -> list[int]:
    """How many customers are in each band.

    Parameters
    ----------
    values : pd.Series of float64, shape (n_customers,), NaN: unknown, not counted
    cuts : rising strictly, in the unit of the values
    higher_is_better : as in `Scale`: bands are ``[cut, next cut)`` if True, else ``(cut before, cut]``

    Returns
    -------
    list of int, one longer than `cuts`, in the order of the values as the points of a `Scale` are:
        the first band is the worst with higher_is_better, else the best

    >>> values = pd.Series([0.0, 30.0, 31.0, None, 90.0, 1e6])
    >>> band_distribution(values, (30, 90), higher_is_better=False)
    [2, 2, 1]
    >>> band_distribution(values, (30, 90), higher_is_better=True)
    [1, 2, 2]
    """
    return _band_counts(_sorted(values), cuts, higher_is_better).tolist()


def propose_window(gap_median: pd.Series) -> int:
    """A window in which most regular customers buy several times.

    Parameters
    ----------
    gap_median : pd.Series of float64, shape (n_customers,): days between a customer's purchase days,
        the median, 0 or more; NaN: bought on fewer than two days, so there is no rhythm to see

    Returns
    -------
    int, days: one of ``WINDOWS``; ``DEFAULT_WINDOW`` if nobody has a rhythm

    Notes
    -----
    ``GAPS_IN_WINDOW`` (4) times the third quartile of the gaps, rounded up. Then three quarters of the
    regular customers buy about four times or more in the window: enough that one purchase earlier or
    later does not make another customer of them, and few enough that the window tells of today.
    Longer than three years is never proposed: what was bought before says little of a
    customer now, however slow the trade.

    >>> propose_window(pd.Series([7.0, 20.0, 30.0, None]))  # third quartile 25, times 4: 100
    180
    >>> propose_window(pd.Series([91.25])), propose_window(pd.Series([2.0])), propose_window(pd.Series([800.0]))
    (365, 90, 1095)
    >>> propose_window(pd.Series([None], dtype="float64"))
    365
    """
    gaps = gap_median.dropna()
    if gaps.empty:
        return DEFAULT_WINDOW
    wanted = GAPS_IN_WINDOW * np.quantile(gaps.to_numpy(dtype="float64"), 0.75)
    return next((days for days in WINDOWS if days >= wanted), WINDOWS[-1])


def count_often(gap_median: pd.Series, recency_days: pd.Series, window: int) -> int:
    """How many customers of a window usually buy in it as often as a window is made for.

    Parameters
    ----------
    gap_median : as for `propose_window`
    recency_days : pd.Series of float64, same index: days since the last purchase, NaN: never
    window : days

    Returns
    -------
    int: those with a purchase in the window and ``GAPS_IN_WINDOW`` usual gaps or more in it

    >>> count_often(pd.Series([90.0, 91.5, 10.0, None]), pd.Series([359.0, 5.0, 360.0, 1.0]), 360)
    1
    """
    return int(((recency_days < window) & (gap_median * GAPS_IN_WINDOW <= window)).sum())


def propose_floors(score: pd.Series, shares: Sequence[float]) -> list[float]:
    """Floors with which each tier has about its share of the customers.

    Parameters
    ----------
    score : pd.Series of float64, shape (n_customers,), 0..100 points; NaN: not scored, ignored
    shares : percent of the scored customers, the highest tier first, each above 0, 100 together

    Returns
    -------
    list of float, as long as `shares`: floors in whole points, inclusive, falling strictly, the last one 0
        From the top each floor is the whole point that brings the customers at or above it nearest to
        the shares so far. Where several points do so equally well, as between two groups of
        customers, it is the middle one, from which both groups are far. Below every floor there is room for
        the tiers that follow. If nobody is scored, the floors have equal distances.

    Raises
    ------
    ValueError
        If the shares are no partition of 100 %, or if there are more than 101 tiers.

    >>> score = pd.Series(range(100), dtype="float64")
    >>> propose_floors(score, [10, 20, 70])
    [90.0, 70.0, 0.0]
    >>> propose_floors(pd.Series([50.0]), [10, 20, 70])  # above 50 is nobody: nearer to 10 % than everybody
    [76.0, 63.0, 0.0]
    >>> propose_floors(pd.Series([None], dtype="float64"), [25, 25, 25, 25])
    [75.0, 50.0, 25.0, 0.0]
    """
    count = len(shares)
    total = math.fsum(shares)
    if not all(share > 0 for share in shares) or not abs(total - 100) <= 1e-6:
        raise ValueError(f"The shares of the tiers must be above 0 and add up to 100 %, they are {list(shares)}.")
    if count > 101:
        raise ValueError(f"There is a whole point from 0 to 100 for 101 tiers, not for {count}.")
    known = _sorted(score)
    if not len(known):
        return [float(100 * below // count) for below in range(count - 1, -1, -1)]
    whole_points = np.arange(101)
    reached = 100 - 100 * np.searchsorted(known, whole_points) / len(known)
    floors = []
    for wanted in list(itertools.accumulate(shares))[:-1]:
        highest = floors[-1] - 1 if floors else 100
        lowest = count - 1 - len(floors)
        room = whole_points[lowest : int(highest) + 1]
        distance = np.abs(reached[room] - wanted).round(9)
        best = room[distance == distance.min()]
        floors.append(float(best[len(best) // 2]))
    return [*floors, 0.0]


def tier_distribution(score: pd.Series, floors: Sequence[float]) -> list[int]:
    """How many customers each floor would bring into its tier.

    Parameters
    ----------
    score : pd.Series of float64, shape (n_customers,), 0..100 points; NaN: not scored, not counted
    floors : inclusive, falling strictly, the last one 0

    Returns
    -------
    list of int, as long as `floors` and in their order

    >>> tier_distribution(pd.Series([0.0, 39.99, 40.0, 80.0, None]), [80.0, 40.0, 0.0])
    [1, 1, 2]
    """
    return _band_counts(_sorted(score), floors[-2::-1], higher_is_better=True).tolist()[::-1]


def _sorted(values: pd.Series) -> np.ndarray:
    return np.sort(values.dropna().to_numpy(dtype="float64"))


def _fifths(known: np.ndarray, higher_is_better: bool) -> list[float]:
    """Up to four cuts, strictly rising, all of them among the sorted values, with somebody in each band.

    >>> _fifths(np.array([1.0, 1.0, 1.0, 4.0, 5.0, 6.0, 7.0]), True)
    [4.0, 5.0, 6.0, 7.0]
    >>> _fifths(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), False), _fifths(np.array([3.0, 3.0]), True)
    ([1.0, 2.0, 3.0, 4.0], [])
    """
    distinct, sizes = np.unique(known, return_counts=True)
    if not higher_is_better:
        distinct, sizes = distinct[::-1], sizes[::-1]  # the worst first
    cuts = []
    for bands in (5, 4, 3, 2):
        if len(distinct) == 1:
            break
        share = -(-(sizes.sum() - 1) // bands)  # rounded up
        place = np.searchsorted(sizes.cumsum(), share, side="right")
        # Each of the bands that follow needs a value too, and so does this one.
        place = max(1, min(place, len(distinct) - bands + 1))
        cuts.append(float(distinct[place]))
        distinct, sizes = distinct[place:], sizes[place:]
    return sorted(cuts)


def _does_the_same(known: np.ndarray, cuts: list[float], rounded: list[float], higher_is_better: bool) -> bool:
    if any(low >= high for low, high in itertools.pairwise(rounded)):
        return False
    counts = _band_counts(known, rounded, higher_is_better)
    change = np.abs(counts - _band_counts(known, cuts, higher_is_better))
    return bool((counts > 0).all() and (change <= MOVED * len(known)).all())


def _band_counts(known: np.ndarray, cuts: Sequence[float], higher_is_better: bool) -> np.ndarray:
    """Customers per band, of sorted values: how many lie before each cut, and the differences."""
    before = np.searchsorted(known, cuts, side="left" if higher_is_better else "right")
    return np.diff(before, prepend=0, append=len(known))


def _roundings(unit: str) -> Iterator[Callable[[float], float]]:
    """From the coarsest to the finest; whole numbers stay whole."""
    yield lambda cut: round_nicely(cut, unit)
    for digits in range(2, 7):
        yield lambda cut, digits=digits: float(f"{cut:.{digits - 1}e}")


def _with_one_more(cuts: list[float], known: np.ndarray, higher_is_better: bool, unit: str) -> list[float]:
    """One more cut, beyond the best value, or, where nothing is better than 0, beyond the worst."""
    lowest = min([float(known[0]), *cuts])
    highest = max([float(known[-1]), *cuts])
    if not higher_is_better and lowest > 0:
        return [max(number for number in _round_numbers(lowest, unit) if number < lowest), *cuts]
    near = _round_numbers(abs(highest), unit)
    above = [number for number in (*near, *(-number for number in near)) if number > highest]
    return [*cuts, min(above) + 0.0]  # not -0.0


def _round_numbers(magnitude: float, unit: str) -> list[float]:
    """Round numbers of 0 or more, with the next ones below and above `magnitude` among them.

    >>> _round_numbers(30.0, "money")
    [1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0, 200.0, 250.0, 500.0]
    >>> _round_numbers(3.0, "count"), _round_numbers(0.0, "money")
    ([0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 25.0, 50.0], [0.0, 1.0])
    """
    if unit == "days":
        years = magnitude // _YEAR
        return [float(days) for days in CALENDAR] + [_YEAR * (years + more) for more in (0, 1) if years + more > 2]
    if magnitude == 0:
        return [0.0, 1.0]
    power = math.floor(math.log10(magnitude))
    if unit in WHOLE_UNITS:
        power = max(power, 0)
    # Read from text, because 2.5 * 10**-5 is not the float nearest to 0.000025.
    numbers = [float(f"{digit}e{power + more}") for more in (-1, 0, 1) for digit in SERIES]
    return [0.0, *filter(float.is_integer, numbers)] if unit in WHOLE_UNITS else numbers
