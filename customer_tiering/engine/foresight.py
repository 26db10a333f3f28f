"""Did the tiers of earlier days foretell who would buy, which rules do it best, and how calmly.

Customers are put in tiers as on past month-ends, with nothing but what was known then, and what they bought in the
year that followed is looked at: which share of it those in the top tiers brought, beside as many customers ranked by
the year before, and as many of those who brought most. Who became a customer later could be in no tier.

The interval of a difference of two shares is that of a ratio estimator, linearised (Cochran 1977, Sampling Techniques,
section 6): the customers are a sample, and each of them moves the share by what they bought. A few large customers
make it wide.
"""

import calendar
import dataclasses
import datetime
import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from . import metrics, pipeline, purchases, replay, schema
from .errors import RuleError
from .replay import History
from .rules import CONDITIONS, CUSTOMER_SHARE, TWO_AXES, PolicyRules

YEAR = 365
HALF = 182
#: So many month-ends with a year after them are looked at.
MONTHS = 24
#: Of fewer customers nothing is said.
LEAST = 30
#: Customers are computed twice a month, so that what was announced can come about: at its end and so many days before.
BETWEEN = 14
#: Who falls and is back within so many days went there and back.
BACK_DAYS = 90
#: Who buys nothing in so many days has stopped.
STOP_DAYS = 180
#: A smaller difference is not worth a change, of 1.
WORTH = 0.01
#: 95 of 100 intervals of so many standard errors hold the true value.
_Z = 1.959963984540054
_ONE_DAY = datetime.timedelta(days=1)

#: Of rules that cannot be applied to earlier days.
NOT_KNOWN = "not_known_then"
#: Weights are searched for among no more than so many.
MOST_WEIGHTS = 5_000
#: Steps of weights, in parts of the whole: tenths, fifths and quarters.
_PARTS = (10, 5, 4, 2)
#: So much worse than the best still counts as equal, of 1: then the calmer weights are proposed.
EQUAL = 0.001
#: So many of these are looked at for how calm they are.
_FINALISTS = 25
_CHUNK = 250
#: So many customers are looked at, a random sample of more.
MOST_SEARCHED = 5_000
#: Of so many the ids are kept, those of the latest days.
MOST_MEMBERS = 200_000
#: A search needs so many month-ends, half of which it is judged by.
LEAST_MONTHS = 12

#: What is known of earlier days: it comes from purchases alone.
_KNOWN_THEN = {
    *schema.PURCHASE_COLUMNS,
    *(schema.REFUND_AMOUNT, schema.BOUGHT_DAYS, schema.SMALL_COUNT),
    *schema.DERIVED,
} - {schema.DAYS_SINCE_CONTACT}


# ------------------------------------------------------------------
# Days
# ------------------------------------------------------------------


class Days(NamedTuple):
    """The month-ends that are looked at, ascending, and how many days after each."""

    days: tuple[datetime.date, ...]
    spans: tuple[int, ...]  # `YEAR`, or `HALF` where no year has passed since
    first: datetime.date | None  # the first month-end on which there were customers; None: there never were any

    @property
    def full(self) -> int:
        """How many have a year after them; they come first."""
        return self.spans.count(YEAR)


def choose_days(first_purchase: datetime.date | None, as_of: datetime.date) -> Days:
    """The month-ends with a year after them, the last 24 of them, and those with half a year.

    Parameters
    ----------
    first_purchase : the day of the first purchase of all; None: there was none
    as_of : the day "today", the last one whose purchases are known

    >>> found = choose_days(datetime.date(2024, 3, 5), datetime.date(2025, 6, 1))
    >>> [(day.isoformat(), span) for day, span in zip(found.days, found.spans)][:4]
    [('2024-03-31', 365), ('2024-04-30', 365), ('2024-05-31', 365), ('2024-06-30', 182)]
    >>> len(found.days), found.full, choose_days(None, datetime.date(2025, 6, 1))
    (9, 3, Days(days=(), spans=(), first=None))
    """
    if first_purchase is None:
        return Days((), (), None)
    first = day = _month_end(first_purchase)
    full, half = [], []
    while (passed := (as_of - day).days) >= HALF:
        (full if passed >= YEAR else half).append(day)
        day = _month_end(day + _ONE_DAY)
    full = full[-MONTHS:]
    return Days((*full, *half), (YEAR,) * len(full) + (HALF,) * len(half), first)


def find_days(history: History) -> Days:
    """The month-ends of a history, see `choose_days`."""
    bought = purchases.choose_bought(history.purchases, history.decimals, least=history.least)
    on = history.purchases.day[bought & (history.purchases.day <= schema.day(history.as_of))]
    return choose_days(on.min().item() if len(on) else None, history.as_of)


def _month_end(day: datetime.date) -> datetime.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


# ------------------------------------------------------------------
# What came
# ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Came:
    """What customers bought around some days, all of shape (n_days, n_customers).

    past : float64, money of the 365 days until the day, inclusive
    after : float64, money of the days after it, as many as its span. Who gave more back than they bought has 0
    stopped : bool, nothing was bought in the `STOP_DAYS` after it, as far as they have passed
    """

    past: np.ndarray
    after: np.ndarray
    stopped: np.ndarray


def look_after(history: History, days: Sequence[datetime.date], spans: Sequence[int]) -> Came:
    """What the customers of a history bought around some days.

    Parameters
    ----------
    history : its money must be right from 365 days before the first of the days on
    days : before ``history.as_of``
    spans : of each, how many days after it count
    """
    bought = history.purchases
    counted = purchases.choose_bought(bought, history.decimals, least=history.least)
    some = np.zeros(len(history.frame), dtype=bool)
    some[bought.buyer[counted]] = True
    money = np.where(counted | ((bought.money < 0) & some[bought.buyer]), bought.money, 0.0)
    order = np.argsort(bought.day, kind="stable")
    day, buyer, money, counted = bought.day[order], bought.buyer[order], money[order], counted[order]
    count = len(history.frame)

    def between(first: datetime.date, number: int) -> slice:
        """The documents of so many days after the first."""
        edges = schema.day(first) + np.array([0, number], dtype="timedelta64[D]")
        return slice(*np.searchsorted(day, edges, side="right"))

    past, after, stopped = [], [], []
    for then, span in zip(days, spans, strict=True):
        before, later = between(then - _ONE_DAY * YEAR, YEAR), between(then, span)
        soon = between(then, STOP_DAYS)
        past.append(np.bincount(buyer[before], money[before], count))
        after.append(np.maximum(np.bincount(buyer[later], money[later], count), 0))
        stopped.append(np.bincount(buyer[soon], counted[soon], count) == 0)
    shape = (len(past), count)
    return Came(
        np.array(past).reshape(shape), np.array(after).reshape(shape), np.array(stopped, dtype=bool).reshape(shape)
    )


# ------------------------------------------------------------------
# The share that the top brought
# ------------------------------------------------------------------


def draw_top(by: np.ndarray, number: int) -> np.ndarray:
    """How much of each customer is among the largest; who ties on the last place has an equal part of it.

    Parameters
    ----------
    by : float64, shape (n_customers,)
    number : of places, 0 or more

    Returns
    -------
    np.ndarray of float64, same shape, 0..1, with the sum `number`, or the number of customers where that is less

    >>> draw_top(np.array([5.0, 7, 5, 1]), 2).tolist(), draw_top(np.array([5.0]), 2).tolist()
    ([0.5, 1.0, 0.5, 0.0], [1.0])
    """
    if number >= len(by):
        return np.ones(len(by))
    if not number:
        return np.zeros(len(by))
    border = np.partition(by, len(by) - number)[len(by) - number]
    above, equal = by > border, by == border
    return above + equal * ((number - np.count_nonzero(above)) / np.count_nonzero(equal))


def share_of(member: np.ndarray, after: np.ndarray) -> float | None:
    """The part of what came that members brought, 0..1; None: nothing came.

    >>> share_of(np.array([1.0, 0.5, 0]), np.array([2.0, 4, 2])), share_of(np.ones(1), np.zeros(1))
    (0.5, None)
    """
    total = after.sum()
    return float(member @ after / total) if total > 0 else None


def tell_day(place: np.ndarray, tiers: int, past: np.ndarray, after: np.ndarray) -> dict:
    """What the tiers of a day foretold.

    Parameters
    ----------
    place : int, shape (n_customers,): of each customer's tier, 0: the lowest; -1: none, or one that there is no more
    tiers : how many there are
    past, after : float64, same shape, see `Came`; of all who were customers then

    Returns
    -------
    dict of plain values: ``customers`` (int), ``amount``: what they brought, and ``cuts``: for the highest tier, the
        two highest, and so on: ``customers`` in them, and the shares that these brought (``share``), as many of the
        largest of the year before (``naive``), and as many of those who brought most (``best``), 0..1, or None where
        nothing came
    """
    cuts = []
    for lowest in range(tiers - 1, -1, -1):
        member = place >= lowest
        number = int(np.count_nonzero(member))
        shares = (member.astype("float64"), draw_top(past, number), draw_top(after, number))
        told = dict(zip(("share", "naive", "best"), (share_of(part, after) for part in shares), strict=True))
        cuts.append({"customers": number, **told})
    return {"customers": len(place), "amount": float(after.sum()), "cuts": cuts}


class Difference(NamedTuple):
    """By how much one share is above another, on average over some days, and where the true one lies."""

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """ "more" or "less" where it is beyond chance and worth a change, else "same"."""
        if abs(self.mean) < WORTH or self.low <= 0 <= self.high:
            return "same"
        return "more" if self.mean > 0 else "less"


def differ(members: np.ndarray, others: np.ndarray, after: np.ndarray) -> Difference | None:
    """By how much what members brought is above what others brought.

    Parameters
    ----------
    members, others : float64, shape (n_days, n_customers): how much of each is among them, 0..1
    after : float64, same shape, 0 or more

    Returns
    -------
    Difference of the mean shares, 95 % interval; None where nothing came

    >>> after = np.array([[3.0, 1.0, 0.0, 0.0]])
    >>> found = differ(np.array([[1.0, 0, 0, 0]]), np.array([[0, 1.0, 0, 0]]), after)
    >>> found.mean, round((found.high - found.low) / 2 / 1.959964, 3)  # of 3/4 × 1/2, 1/4 × 3/2
    (0.5, 0.53)
    """
    totals = after.sum(axis=1)
    some = totals > 0
    if not some.any():
        return None
    weight = after[some] / totals[some, None]
    moved = members[some] - others[some]
    means = (moved * weight).sum(axis=1)
    influence = (weight * (moved - means[:, None])).mean(axis=0)
    mean, error = float(means.mean()), float(np.sqrt((influence**2).sum()))
    return Difference(mean, mean - _Z * error, mean + _Z * error)


# ------------------------------------------------------------------
# Rules on earlier days
# ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class RuleSet:
    """Rules that are applied to earlier days.

    Parameters
    ----------
    key : the caller's name of it
    rules : as `fit_to_past` returned them; None: customers are ranked by the amount of the year before, in tiers of the
        sizes that the first set has
    window_days, least : of its own, see `purchases.summarize`
    prices : tier -> what says which prices it has; a tier that is not in it has none of its own
    """

    key: Hashable
    rules: PolicyRules | None
    window_days: int = YEAR
    least: float = 0.0
    prices: Mapping[int, Hashable] = dataclasses.field(default_factory=dict)


def fit_to_past(rules: PolicyRules) -> tuple[PolicyRules, tuple[str, ...]]:
    """The rules with what is known of earlier days, and the keys of the criteria that are left out.

    Only what comes from purchases is: the rest would be that of today, and tell what came later. A criterion less means
    that its weight is shared out among the others.

    Raises
    ------
    RuleError
        `NOT_KNOWN` where the tiers do not come from a score that has something left; fact: metrics, a tuple of keys
    """
    unknown = tuple(key for key in rules.metrics if not _is_known_then(rules.get_metric(key)))
    criteria = tuple(criterion for criterion in rules.criteria if criterion.metric not in unknown)
    needed = set()
    if rules.tier_method == CONDITIONS:
        needed |= {condition.metric for tier in rules.tiers for condition in tier.conditions}
    if rules.tier_method == CUSTOMER_SHARE and rules.basis:
        needed.add(rules.basis)
    if rules.tier_method == TWO_AXES:
        needed |= {axis.metric for axis in rules.axes.both if axis.metric}
    if not needed.isdisjoint(unknown) or not any(criterion.weight > 0 for criterion in criteria):
        raise RuleError(NOT_KNOWN, metrics=unknown)
    return dataclasses.replace(rules, criteria=criteria, shown=(), motives=(), costs=()), unknown


def _is_known_then(metric: metrics.Metric) -> bool:
    own = (metric.part, metric.whole) if metric.part else (metric.column,)
    return {*metric.columns, *own} <= _KNOWN_THEN | {schema.SCORE}


@dataclasses.dataclass(frozen=True)
class Lived:
    """Where customers stood by each of some sets of rules.

    Parameters
    ----------
    sets : the first is the policy's own
    days : see `Days`
    places : for each set int of shape (n_days, n_customers): the place of the tier, -1: none
    ranks : for each set float64 of the same shape: the higher the tier the higher, and within it the higher the score
    """

    sets: Sequence[RuleSet]
    days: Sequence[datetime.date]
    places: Sequence[np.ndarray]
    ranks: Sequence[np.ndarray]


def live_through(
    sets: Sequence[RuleSet],
    history: History,
    days: Sequence[datetime.date],
    past: np.ndarray,
    *,
    tick: Callable[[float], None] | None = None,
) -> Lived:
    """Live through the days with each set of rules, from `BETWEEN` days before the first on.

    Parameters
    ----------
    sets : the first one has rules; the keys differ
    history : of all of them, but for what a set says itself
    days : month-ends, ascending
    past : see `Came`
    tick : called after each day with the part that is done, 0..1

    Raises
    ------
    ValueError
        As `pipeline.fit` and `pipeline.apply`.
    """
    shared = {}
    lives = []
    for ruled in sets:
        if ruled.rules:
            own = ruled.window_days, ruled.least
            if own not in shared:
                shared[own] = dataclasses.replace(history, window_days=own[0], least=own[1])
            lives.append((ruled.rules, shared[own]))
    looks = [day for end in days for day in (end - _ONE_DAY * BETWEEN, end)]
    ends, found = set(days), [[] for _life in lives]
    for number, (day, standings) in enumerate(replay.live_on(lives, looks), start=1):
        if day in ends:
            for kept, standing in zip(found, standings, strict=True):
                kept.append(standing)
        if tick:
            tick(number / len(looks))
    shape = (len(days), len(history.frame))
    places, ranks, standing_of = [], [], iter(found)
    for ruled in sets:
        if ruled.rules:
            standings = next(standing_of)
            place = np.array([standing.place for standing in standings], dtype="int16").reshape(shape)
            score = np.array([standing.score for standing in standings], dtype="float32").reshape(shape)
            places.append(place)
            ranks.append(place * np.float32(1000) + np.nan_to_num(score))
        else:
            places.append(np.array([_like(*row) for row in zip(places[0], past, strict=True)]).reshape(shape))
            ranks.append(np.where(places[0] >= 0, past, -np.inf))
    return Lived(sets, days, places, ranks)


def _like(place: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Tiers of the same sizes by the amount; of equal ones the first.

    >>> _like(np.array([1, 0, -1, 0]), np.array([5.0, 7.0, 9.0, 1.0])).tolist()
    [0, 1, -1, 0]
    """
    found, some = np.full(len(place), -1), np.flatnonzero(place >= 0)
    found[some[np.argsort(-past[some], kind="stable")]] = np.sort(place[some])[::-1]
    return found


def choose_cut(place: np.ndarray, tiers: int) -> int:
    """How many of the highest tiers are the top: as many as hold `LEAST` customers, but never all.

    >>> choose_cut(np.repeat([3, 2, 1, 0], [10, 25, 100, 100]), 4), choose_cut(np.array([0, 1]), 2)
    (2, 1)
    """
    sizes = np.bincount(place[place >= 0], minlength=tiers)[::-1].cumsum()
    return int(min(np.searchsorted(sizes, LEAST) + 1, max(tiers - 1, 1)))


def compare(
    lived: Lived, came: Came, cut: int, spans: Sequence[int], own_prices: np.ndarray | None = None
) -> list[dict]:
    """What the rules would have done, side by side. What later customers bought is not looked at.

    Parameters
    ----------
    lived : by these sets of rules
    came : of the same days and customers
    cut : how many of the highest tiers of the first set are the top
    spans : of the days
    own_prices : bool, shape (n_customers,): who has prices that no tier changes; None: nobody

    Returns
    -------
    list of dict of plain values, one for each set

        - ``moved``: part of the customers with a tier who have another one at the end of the next month, on average;
          None: there are no two days
        - ``back``: part of the customers who fell and were back within `BACK_DAYS`; None: the same
        - ``foresight``: part that as many of its highest customers brought as are in the top of the first set; None:
          nothing came
        - ``top``: customers in as many of its own highest tiers, on average
        - ``stopped``: part of these who bought nothing in the `STOP_DAYS` after, None: there were none, or not yet
        - ``other_tier``, ``other_prices``: money of the year before, of those customers who are in another tier, or
          have other prices, than by the first set, on average
        - ``difference``: list of mean, low and high, to the first set; ``verdict``: see `Difference`, or "few": the top
          has fewer than `LEAST` customers, or "none": nothing came. None for the first set
    """
    first, tops = lived.places[0], None
    ladder = _keys(lived.sets[0], None)
    number = [int(np.count_nonzero(row >= len(ladder) - cut)) for row in first]
    told = []
    names = [_keys(ruled, ladder) for ruled in lived.sets]
    codes = {key: code for code, key in enumerate(dict.fromkeys(itertools.chain.from_iterable(names)))}
    tier_of = [_translate(place, [codes[key] for key in keys]) for place, keys in zip(lived.places, names, strict=True)]
    price_of = [
        _translate(place, _price_codes(lived.sets, ruled, keys))
        for ruled, place, keys in zip(lived.sets, lived.places, names, strict=True)
    ]
    after = np.where(first >= 0, came.after, 0.0)
    few = _is_few(number, after)
    open_past = came.past if own_prices is None else came.past * ~own_prices
    passed = np.array(spans) >= STOP_DAYS
    for which, (ruled, place, rank) in enumerate(zip(lived.sets, lived.places, lived.ranks, strict=True)):
        members = np.array([draw_top(row, wanted) for row, wanted in zip(rank, number, strict=True)])
        members = members.reshape(place.shape)
        tops = members if tops is None else tops
        shares = [share_of(*row) for row in zip(members, after, strict=True)]
        known = [share for share in shares if share is not None]
        high = place >= max(len(names[which]) - cut, 0)  # rules with fewer tiers: all that they have
        high_then = high & passed[:, None]
        moved, back = get_calm(place, lived.days)
        found = differ(members, tops, after) if which else None
        told.append(
            {
                "key": ruled.key,
                "moved": moved,
                "back": back,
                "foresight": float(np.mean(known)) if known else None,
                "top": float(high.sum(axis=1).mean()) if len(place) else 0.0,
                "stopped": float(came.stopped[high_then].mean()) if high_then.any() else None,
                "other_tier": _mean_money(came.past, tier_of[which] != tier_of[0]),
                "other_prices": _mean_money(open_past, price_of[which] != price_of[0]),
                "difference": list(found) if found else None,
                "verdict": None if not which else "none" if not found else "few" if few else found.verdict,
            }
        )
    return told


def _keys(ruled: RuleSet, ladder: Sequence[int] | None) -> list:
    return [tier.key for tier in ruled.rules.ladder] if ruled.rules else list(ladder)


def _translate(place: np.ndarray, codes: Sequence[int]) -> np.ndarray:
    """The code of each customer's tier, -1: none."""
    return np.array([*codes, -1])[place]


def _price_codes(sets: Sequence[RuleSet], ruled: RuleSet, keys: Sequence) -> list[int]:
    """A number for the prices of each tier, the same for the same prices in all sets; -1: those of nobody's tier."""
    prices = {price for other in sets for price in other.prices.values() if price}
    numbers = {price: number for number, price in enumerate(sorted(prices, key=repr))}
    return [numbers.get(ruled.prices.get(key), -1) for key in keys]


def _mean_money(past: np.ndarray, chosen: np.ndarray) -> float:
    return float((past * chosen).sum(axis=1).mean()) if len(past) else 0.0


def get_calm(place: np.ndarray, days: Sequence[datetime.date]) -> tuple[float | None, float | None]:
    """How many change tier from month-end to month-end, and how many there and back.

    Parameters
    ----------
    place : int, shape (n_days, n_customers), -1: none
    days : ascending

    Returns
    -------
    moved : part of those with a tier on both days, on average, 0..1; None: there are no such
    back : part of all with a tier on any of the days who fell and were as high as before within `BACK_DAYS`

    >>> days = [datetime.date(2024, month, 28) for month in (1, 2, 3)]
    >>> get_calm(np.array([[1, 1, 0, -1], [0, 1, 1, -1], [1, 1, 1, 0]]), days)
    (0.5, 0.25)
    """
    parts = []
    back = np.zeros(place.shape[1], dtype=bool)
    for number, (before, after) in enumerate(itertools.pairwise(place)):
        both = (before >= 0) & (after >= 0)
        if both.any():
            parts.append(np.count_nonzero((before != after) & both) / np.count_nonzero(both))
        fell = both & (after < before)
        for later in range(number + 2, len(days)):
            if (days[later] - days[number + 1]).days > BACK_DAYS:
                break
            back |= fell & (place[later] >= before)
    some = (place >= 0).any(axis=0)
    if not parts:
        return None, None
    return float(np.mean(parts)), float(np.count_nonzero(back) / np.count_nonzero(some))


# ------------------------------------------------------------------
# All of it
# ------------------------------------------------------------------


class Past(NamedTuple):
    """What is found by `look_back`."""

    result: dict  # plain values
    members: (
        dict  # ISO date -> list of lists of the ids of the customers in each tier but the lowest, unless it is the only
        # one, the highest first
    )


def look_back(
    sets: Sequence[RuleSet],
    history: History,
    kept: Mapping[datetime.date, np.ndarray],
    tiers: int,
    *,
    profit: Mapping[datetime.date, np.ndarray] | None = None,
    own_prices: np.ndarray | None = None,
    tick: Callable[[float], None] | None = None,
) -> Past:
    """What the tiers of past month-ends foretold, rules side by side, and better weights.

    Parameters
    ----------
    sets : the first is the policy's own; none: its rules cannot be applied to earlier days
    history : of the policy's customers, see `look_after` and `live_through`
    kept : day -> int of shape (n_customers,): the places of the tiers that customers really had, -1: none
    tiers : how many the policy has
    profit : day -> float64 of shape (n_customers,): what was left of what came in its span, may be below 0
    own_prices : see `compare`
    tick : called with the part that is done, 0..1

    Returns
    -------
    Past, whose result has

        - ``first``: ISO date of the first month-end with customers; None: nobody ever bought
        - ``points``: for each day what `tell_day` returns, with ``day`` (ISO date), ``span`` and ``kept``: by the tiers
          that customers really had, else by the rules of the first set; ``profit``: the same of the profit, or None;
          ``listed``: whether it is among the members
        - ``cut``: how many of the highest tiers are the top; ``difference``: list of mean, low and high of what these
          brought beside as many ranked by the year before, over the days with a year after them, and ``verdict`` as in
          `compare`; None: there are no such days
        - ``sets``: see `compare`; over the days with a year after them, or with half a year where there are none;
          ``set_days``: ISO dates of the first and the last of them; ``set_span``
        - ``advice``: see `Advice.to_json`; None: there is none

    Raises
    ------
    ValueError
        As `pipeline.fit` and `pipeline.apply`.
    """
    found = find_days(history)
    result = {
        "first": found.first and found.first.isoformat(),
        "points": [],
        "cut": 1,
        "difference": None,
        "verdict": None,
        "sets": [],
        "set_days": None,
        "set_span": None,
        "advice": None,
    }
    if not found.days:
        return Past(result, {})
    came = look_after(history, found.days, found.spans)
    lived, places = None, np.full(came.past.shape, -1)
    if sets:
        lived = live_through(sets, history, found.days, came.past, tick=tick and (lambda part: tick(0.9 * part)))
        places = lived.places[0].copy()
    is_kept = []
    for number, day in enumerate(found.days):
        known = kept.get(day)
        # The tiers that were kept begin with the first computation, which may have been of few.
        is_kept.append(known is not None and np.count_nonzero(known >= 0) * 2 > np.count_nonzero(places[number] >= 0))
        if is_kept[-1]:
            places[number] = known
    members, left, lowest = {}, MOST_MEMBERS, min(tiers - 1, 1)
    for number in reversed(range(len(found.days))):
        place = places[number]
        listed = [history.frame.index[place == tier].tolist() for tier in range(tiers - 1, lowest - 1, -1)]
        left -= sum(map(len, listed))
        if left < 0:
            break
        members[found.days[number].isoformat()] = listed
    for number, (day, span) in enumerate(zip(found.days, found.spans, strict=True)):
        place, who = places[number], places[number] >= 0
        if not who.any():
            continue
        point = tell_day(place[who], tiers, came.past[number, who], came.after[number, who])
        left = (profit or {}).get(day)
        left = None if left is None else tell_day(place[who], tiers, came.past[number, who], left[who])
        told = {"day": day.isoformat(), "span": span, "kept": bool(is_kept[number]), "profit": left}
        told["listed"] = told["day"] in members
        result["points"].append({**told, **point})
    chosen = slice(0, found.full or len(found.days))
    latest = places[chosen][-1]
    result["cut"] = cut = choose_cut(latest, tiers)
    if found.full:
        result |= _beside_amount(places[chosen], came, cut, tiers)
    if lived:
        spans = found.spans[chosen]
        part = Lived(sets, found.days[chosen], *([rows[chosen] for rows in of] for of in (lived.places, lived.ranks)))
        of_part = Came(*(rows[chosen] for rows in (came.past, came.after, came.stopped)))
        own_cut = choose_cut(part.places[0][-1], tiers)
        result["sets"] = compare(part, of_part, own_cut, spans, own_prices)
        result["set_cut"] = own_cut
        result["set_days"] = [part.days[0].isoformat(), part.days[-1].isoformat()]
        result["set_span"] = spans[0]
        if found.full >= LEAST_MONTHS:
            own = dataclasses.replace(history, window_days=sets[0].window_days, least=sets[0].least)
            top = [np.mean(row[row >= 0] >= tiers - own_cut) if (row >= 0).any() else 0.0 for row in part.places[0]]
            advice = search(sets[0].rules, own, part.days, top, most=MOST_SEARCHED)
            result["advice"] = advice and advice.to_json()
    return Past(result, members)


def _beside_amount(places: np.ndarray, came: Came, cut: int, tiers: int) -> dict:
    """The difference of the top tiers to as many customers ranked by the year before."""
    known, top = places >= 0, places >= tiers - cut
    rank = np.where(known, came.past[: len(places)], -np.inf)
    numbers = top.sum(axis=1).tolist()
    others = np.array([draw_top(row, number) for row, number in zip(rank, numbers, strict=True)])
    after = np.where(known, came.after[: len(places)], 0.0)
    found = differ(top.astype("float64"), others, after)
    if not found:
        return {"difference": None, "verdict": "none"}
    return {"difference": list(found), "verdict": "few" if _is_few(numbers, after) else found.verdict}


def _is_few(numbers: Sequence[int], after: np.ndarray) -> bool:
    """Whether the top is too small to tell something, on average over the days after which something came, as `differ`.

    >>> _is_few([LEAST, 1], np.array([[2.0], [0.0]])), _is_few([LEAST, 1], np.ones((2, 1)))
    (False, True)
    """
    some = np.flatnonzero(after.sum(axis=1) > 0)
    return not len(some) or bool(np.mean(np.array(numbers)[some]) < LEAST)


# ------------------------------------------------------------------
# Weights
# ------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Advice:
    """Weights that would have foretold better, searched for on the first half of the days and tried on the second.

    weights : metric -> percent of the whole; of the proposal, where nothing better was found those of today
    today : the same of the rules
    searched, tried : the first and the last day of each half
    found, present : part that the top by the weights of the proposal and by those of today brought in the second half
    moved, present_moved : part of the top that is not in it any more a month later, in the second half
    difference : of both in the second half; None: nothing came
    verdict : "better": beyond chance; "same": not; "few": the top has fewer than `LEAST` customers of those looked at
    customers : how many were looked at
    """

    weights: Mapping[str, float]
    today: Mapping[str, float]
    searched: tuple[datetime.date, datetime.date]
    tried: tuple[datetime.date, datetime.date]
    found: float
    present: float
    moved: float
    present_moved: float
    difference: Difference | None
    verdict: str
    customers: int

    def to_json(self) -> dict:
        told = dataclasses.asdict(self)
        for name in ("searched", "tried"):
            told[name] = [day.isoformat() for day in told[name]]
        return {**told, "difference": self.difference and list(self.difference)}


def get_weights(criteria: int) -> np.ndarray:
    """Plain weights of so many criteria: all multiples of 10 %, or of 20, 25 or 50 % where these were too many.

    Returns
    -------
    np.ndarray of float64, shape (n_weights, criteria), percent, each row 100 together

    >>> get_weights(2)[[0, 1, -1]].tolist(), len(get_weights(3)), len(get_weights(8))
    ([[0.0, 100.0], [10.0, 90.0], [100.0, 0.0]], 66, 792)
    """
    for parts in _PARTS:
        # Bars between the parts: each choice of places for them is one way to share out.
        places = parts + criteria - 1
        if _count_ways(parts, criteria) <= MOST_WEIGHTS or parts == _PARTS[-1]:
            break
    bars = np.array(list(itertools.islice(itertools.combinations(range(places), criteria - 1), MOST_WEIGHTS)))
    edges = np.hstack([np.full((len(bars), 1), -1), bars, np.full((len(bars), 1), places)])
    return (np.diff(edges, axis=1) - 1) * (100.0 / parts)


def _count_ways(parts: int, criteria: int) -> int:
    ways = 1
    for number in range(1, criteria):
        ways = ways * (parts + number) // number
    return ways


def search(
    rules: PolicyRules,
    history: History,
    days: Sequence[datetime.date],
    top: Sequence[float],
    *,
    most: int,
    tick: Callable[[float], None] | None = None,
) -> Advice | None:
    """Look for plain weights by which the highest scores foretell better.

    Parameters
    ----------
    rules : as `fit_to_past` returned them, with tiers by the score
    history : of the customers, with the window of the rules
    days : month-ends with a year after them, ascending
    top : of each day, which part of those who had ever bought is in the top tiers, 0..1
    most : customers who are looked at, a random sample of more
    tick : called after each day with the part that is done, 0..1

    Returns
    -------
    Advice, or None: there is one criterion, the tiers do not come from the score, or there are fewer days than
        `LEAST_MONTHS`

    Raises
    ------
    ValueError
        As `pipeline.fit` and `pipeline.apply`.
    """
    if not is_searched(rules) or len(days) < LEAST_MONTHS:
        return None
    sample = history.sample(most)
    came = look_after(sample, days, [YEAR] * len(days))
    criteria = [criterion.metric for criterion in rules.criteria]
    now = np.array([criterion.weight for criterion in rules.criteria], dtype="float64")
    now *= 100 / now.sum()
    offered = np.vstack([now, get_weights(len(criteria))])
    half = len(days) // 2
    points, numbers, gained = [], [], np.zeros(len(offered))
    for number, (day, frame) in enumerate(replay.frames_on(sample, days)):
        table = pipeline.measure(rules, pipeline.fit(rules, frame, day), frame, day).to_numpy()
        points.append((table, schema.bought(frame).to_numpy()))
        numbers.append(round(top[number] * np.count_nonzero(points[-1][1])))
        if number < half and came.after[number].sum() > 0:
            gained += _share_all(*points[-1], offered, numbers[-1], came.after[number])
        if tick:
            tick((number + 1) / len(days))

    def rank(weights: np.ndarray, chosen: range) -> np.ndarray:
        scored = (_weigh(points[number][0], weights[:, None])[:, 0] for number in chosen)
        scored = [np.where(points[n][1], score, -np.inf) for n, score in zip(chosen, scored, strict=True)]
        return np.array([draw_top(score, numbers[n]) for n, score in zip(chosen, scored, strict=True)])

    first, second = range(half), range(half, len(days))
    gained /= half
    best = np.flatnonzero(gained >= gained.max() - EQUAL)
    best = best[np.argsort(-gained[best], kind="stable")][:_FINALISTS]
    # Of equal ones the calmest, and of these the nearest to those of today.
    calm = [(_leave(rank(offered[which], first)), float(np.abs(offered[which] - now).sum()), which) for which in best]
    chosen = offered[min(calm)[2]]
    proposed, present = rank(chosen, second), rank(now, second)
    after = np.array([row * points[number][1] for number, row in zip(second, came.after[half:], strict=True)])
    found = differ(proposed, present, after)
    verdict = "few" if np.mean(numbers[half:]) < LEAST else "same"
    if found and verdict == "same" and found.verdict == "more":
        verdict = "better"
    return Advice(
        dict(zip(criteria, (chosen if verdict == "better" else now).tolist(), strict=True)),
        dict(zip(criteria, now.tolist(), strict=True)),
        (days[0], days[half - 1]),
        (days[half], days[-1]),
        _mean_share(proposed, after),
        _mean_share(present, after),
        _leave(proposed),
        _leave(present),
        found,
        verdict,
        len(sample.frame),
    )


def is_searched(rules: PolicyRules) -> bool:
    """Whether other weights could foretell better: tiers come from a score of two criteria or more."""
    return rules.by_score and len(rules.criteria) > 1


def _share_all(
    points: np.ndarray, bought: np.ndarray, weights: np.ndarray, number: int, after: np.ndarray
) -> np.ndarray:
    """What `share_of` says of the top by each of the weights, shape (n_weights,)."""
    points, after = points[bought], after[bought]
    number = min(number, len(points))
    if not number:
        return np.zeros(len(weights))
    shares = []
    for part in _split(weights):
        score = _weigh(points, part.T)
        border = np.partition(score, len(score) - number, axis=0)[len(score) - number]
        above, equal = score > border, score == border
        open_places = number - above.sum(axis=0)
        shares.append(after @ above + (after @ equal) * open_places / equal.sum(axis=0))
    return np.concatenate(shares) / after.sum() if after.sum() > 0 else np.zeros(len(weights))


def _split(weights: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(weights), _CHUNK):
        yield weights[start : start + _CHUNK]


def _weigh(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Scores of shape (n_customers, n_weights), in hundredths as they are shown; the weights in columns.

    What is left out shares its weight out; of whom nothing else is known has 0.

    >>> _weigh(np.array([[80.0, 20.0], [np.nan, 20.0]]), np.array([[75.0, 100.0], [25.0, 0.0]])).tolist()
    [[65.0, 80.0], [20.0, 0.0]]
    """
    known = ~np.isnan(points)
    if known.all():
        return np.round(points @ weights / weights.sum(axis=0), 2)
    kept = known @ weights
    summed = np.nan_to_num(points) @ weights
    return np.round(np.divide(summed, kept, out=np.zeros_like(summed), where=kept > 0), 2)


def _leave(members: np.ndarray) -> float:
    """Part of the top that is not in it any more on the next day, on average."""
    size = members[:-1].sum(axis=1)
    left = np.maximum(members[:-1] - members[1:], 0).sum(axis=1)
    return float((left[size > 0] / size[size > 0]).mean()) if (size > 0).any() else 0.0


def _mean_share(members: np.ndarray, after: np.ndarray) -> float:
    shares = [share_of(*row) for row in zip(members, after, strict=True)]
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if known else 0.0
