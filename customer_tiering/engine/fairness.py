"""Are the rules of a policy fair? Each question is asked of all customers, by the scales that the last run fitted.

* *More never lowers*: everybody buys once more, for as much as usual, and is rated again (:func:`try_more`).
* *Twins*: who has the same values has the same tier, unless a reason is known (:func:`find_twins`).
* *Robust*: everybody loses one order, drawn by chance, and is rated again (:func:`try_less`).
* *Even-handed*: groups of customers are as often in the highest tiers as others who buy the same
  (:func:`compare_groups`).
* *Reachable*: everybody lives through the window again with half as many orders more (:func:`try_reach`).

To be rated is to be told the tier that the numbers speak for, from the tier that one has (`retention.candidate`): what
takes time, such as days of grace, is left out. Everybody changes alone, so the scales are held.
"""

import dataclasses
import datetime
import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd

from . import draft, effect, explain, ladder, pipeline, profit, purchases, replay, retention, schema, tiers
from .pipeline import Fit
from .rules import CLUSTERS, CONDITIONS, REVENUE_SHARE, SCORE, PolicyRules

# Why twins are in different tiers.
LOCKED = "locked"  # a person holds the tier
ANNOUNCED = "announced"  # a change is announced, and waits for its day
CHANGED = "changed"  # the numbers are others than at the last run, or there was none that knew the customer
OTHER_POLICY = "other_policy"  # the tier comes from another policy
KEPT = "kept"  # it takes less to stay in a tier than to enter it, or an upgrade takes more
IDLE = "idle"  # nobody falls on days without purchases
UNEXPLAINED = "unexplained"
REASONS = (LOCKED, OTHER_POLICY, ANNOUNCED, KEPT, CHANGED, IDLE, UNEXPLAINED)

# With what order customers fall.
USUAL = "usual"  # the same goods at the same margin
OTHER = "other"  # other goods without a margin

#: Groups with fewer customers are not compared.
LEAST_GROUP = 30
#: The highest tiers that hold this share of the customers are the high ones.
HIGH_SHARE = 0.10
#: What is found where nothing is, in one of so many pages.
ERROR = 0.05
#: Within a tier that the numbers speak for, customers are compared by fifths of their score.
FIFTHS = 5
#: Orders more, of those of the window, with which a tier is to be reached within one more window.
MORE = 0.5

#: Columns that grow with the money of an order like the usual ones, in the same ratio.
_WITH_MONEY = (
    *(schema.MARGIN, schema.COSTED_AMOUNT, schema.UNCOSTED_AMOUNT, schema.LIST_AMOUNT, schema.DISCOUNT_AMOUNT),
    *(schema.CATEGORY_AMOUNT, schema.TOP_CATEGORY_AMOUNT, schema.UPPER_AMOUNT, schema.PRICED_AMOUNT),
    schema.INVOICED_AMOUNT,
)
#: Those that its money is added to, if it is one of other goods that brings no margin.
_OF_OTHER = (schema.COSTED_AMOUNT, schema.LIST_AMOUNT, schema.CATEGORY_AMOUNT, schema.PRICED_AMOUNT)
#: Columns that grow with the number of orders, in the same ratio, if they are like the usual ones.
_WITH_NUMBER = (schema.TOP_TEAM_ORDER_COUNT, schema.TOP_WEEKDAY_COUNT)
#: Columns that each order adds one to.
_ONE_EACH = (schema.SERVED_ORDER_COUNT, schema.PLACED_COUNT, schema.CONFIRMED_COUNT)
#: Columns that each order of other goods adds one to.
_ONE_OF_OTHER = (schema.CATEGORY_COUNT, schema.PRODUCT_COUNT)
#: Columns of which it is known what an order does to them, beside those that follow from purchases.
_KNOWN = frozenset(
    {
        *(*_WITH_MONEY, *_WITH_NUMBER, *_ONE_EACH, *_ONE_OF_OTHER, *profit.DERIVED),
        *(schema.ORDER_LINE_COUNT, schema.REPEATED_PRODUCT_COUNT, schema.CREDITED_AMOUNT),
    }
)
#: Those of them that depend on what is in the order.
_OF_CONTENT = frozenset({*_WITH_MONEY, *_WITH_NUMBER, *_ONE_OF_OTHER, schema.REPEATED_PRODUCT_COUNT, *profit.DERIVED})


class Trial:
    """The customers of a policy on a day, and the tiers that the numbers speak for.

    Parameters
    ----------
    rules, fit : by which single customers are scored on that day
    history : of the customers
    states : pd.DataFrame, index as of ``history.frame``: ``previous_tier``, ``pending_tier``, ``lock_tier`` (Int64),
        ``lock_mode`` (object), see `decision.decide`

    Raises
    ------
    ValueError
        If the frame is refused or `fit` is none of `rules`, see `pipeline.apply`.
    """

    def __init__(self, rules: PolicyRules, fit: Fit, history: replay.History, states: pd.DataFrame):
        self.rules, self.fit, self.history, self.states = rules, fit, history, states
        self.frame, self.as_of = history.frame, history.as_of
        self.keys = [tier.key for tier in rules.ladder]
        bought = history.purchases
        self.bought = replay.choose(bought, bought.day <= schema.day(self.as_of))
        self.counted = purchases.choose_recent(
            self.bought, self.as_of, history.window_days, history.decimals, least=history.least
        )
        self.scored, self.place = self.rate(self.frame, self.as_of)

    def rate(self, frame: pd.DataFrame, as_of: datetime.date) -> tuple[pd.DataFrame, np.ndarray]:
        """What `pipeline.rank` says, and the places of the tiers that the numbers speak for, -1: none."""
        scored = pipeline.rank(self.rules, self.fit, frame, as_of)
        entered, _far = tiers.upgrades(self.rules, self.fit.tiers, scored[schema.SCORE], scored[schema.EARNED])
        goal = retention.candidate(
            self.states[schema.PREVIOUS_TIER].loc[frame.index],
            scored[schema.EARNED],
            scored[schema.KEPT],
            self.rules.ladder,
            entered,
        )
        return scored, ladder.places(goal, self.keys)

    def summarize(self, documents: purchases.Purchases, as_of: datetime.date) -> pd.DataFrame:
        """The frame with other documents, as of a day; what does not come from documents stays."""
        history = self.history
        found = purchases.summarize(
            self.frame.index,
            documents,
            history.rebates,
            as_of,
            history.window_days,
            history.decimals,
            least=history.least,
        )
        return self.frame.assign(**{name: found[name] for name in found})

    def get_tiers(self, places: np.ndarray) -> np.ndarray:
        """Keys of tiers, float64, NaN: none."""
        return np.array([*self.keys, math.nan])[places]

    def get_used_metrics(self) -> list[str]:
        """Keys of the metrics that decide about tiers."""
        return [key for key, weight in self.rules.weights.items() if weight != 0]


# ----------------------------------------------------------------------
# More never lowers
# ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class More:
    """What one more order does.

    Parameters
    ----------
    tried : customers who bought once more
    fallen : pd.DataFrame, index = customer, who falls: ``from_tier``, ``to_tier`` (int64), ``metric`` (object: the key
        of what does it, None: nothing alone) and ``order``: `USUAL` or `OTHER`; who falls with both is there once
    losing : customers whose score falls with an order like the usual ones, and who stay in their tier
    held : keys of metrics that could not be tried, because only the order itself shows what becomes of them
    with_other : whether orders of other goods were tried, too: a metric looks at what is in orders
    """

    tried: int
    fallen: pd.DataFrame
    losing: int
    held: tuple[str, ...]
    with_other: bool


def try_more(trial: Trial) -> More:
    """Have everybody who ever bought buy once more today, for the median of the orders of the window, or of who bought
    nothing in it the median order of all; see the module."""
    usual, amount = _get_usual(trial)
    who = np.flatnonzero(usual)
    bought = trial.bought
    documents = bought._replace(
        buyer=np.append(bought.buyer, who.astype(bought.buyer.dtype)),
        day=np.append(bought.day, np.full(len(who), schema.day(trial.as_of))),
        money=np.append(bought.money, amount[who]),
    )
    after = trial.summarize(documents, trial.as_of)
    known = _KNOWN if not trial.rules.costs else _KNOWN | {rule.column for rule in trial.rules.costs}
    of_content = any(_OF_CONTENT & _get_columns(trial.rules, key) for key in trial.get_used_metrics())
    parts, losing = [], 0
    for kind in (USUAL, OTHER) if of_content else (USUAL,):
        frame = _fill(trial.frame, after, amount, trial.history.decimals, is_usual=kind == USUAL)
        scored, place = trial.rate(frame, trial.as_of)
        fallen = np.flatnonzero(usual & (place < trial.place))
        if kind == USUAL:
            loses = usual & (scored[schema.SCORE] < trial.scored[schema.SCORE]).to_numpy()
            losing = int(np.count_nonzero(loses & (place >= trial.place)))
        parts.append(
            pd.DataFrame(
                {
                    "from_tier": trial.get_tiers(trial.place[fallen]),
                    "to_tier": trial.get_tiers(place[fallen]),
                    "metric": _blame(trial, frame, place, fallen),
                    "order": kind,
                },
                index=trial.frame.index[fallen],
            )
        )
    found = pd.concat(parts) if len(parts) > 1 else parts[0]
    found = found[~found.index.duplicated()]
    held = draft.unforeseen(trial.rules, known)
    return More(len(who), found, losing, tuple(held), of_content)


def _get_columns(rules: PolicyRules, key: str) -> set[str]:
    metric = rules.get_metric(key)
    return {column for column in (metric.column, metric.part, metric.whole, *metric.columns) if column}


def _get_usual(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """Who ever bought, and what an order of each is worth, rounded up to the coin."""
    coins, least = 10**trial.history.decimals, trial.history.least
    counted, bought = trial.counted, trial.bought
    median = pd.Series(bought.money[counted]).groupby(bought.buyer[counted]).median()
    amount = np.full(len(trial.frame), trial.fit.median_order or 1.0)
    amount[median.index.to_numpy(dtype=int)] = median.to_numpy()
    amount = np.ceil(np.round(amount * coins, 3)) / coins
    return schema.bought(trial.frame).to_numpy(), np.maximum(amount, max(least, 1 / coins))


def _fill(before: pd.DataFrame, after: pd.DataFrame, amount: np.ndarray, decimals: int, *, is_usual: bool):
    """The frame after an order, with what does not follow from its document but from what is in it."""
    was = before[schema.GROSS_AMOUNT].to_numpy()
    grown = after[schema.GROSS_AMOUNT].to_numpy() - was
    bought = grown > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.where(was > 0, 1 + grown / was, 1.0)
        orders = before[schema.ORDER_COUNT].to_numpy()
        repeated = np.where(orders > 0, (orders + bought) / orders, 1.0)
    filled = {}
    for name in (*_WITH_MONEY, *_WITH_NUMBER, *_ONE_EACH, *_ONE_OF_OTHER, schema.ORDER_LINE_COUNT):
        if name not in before:
            continue
        values = before[name].to_numpy()
        if name in _ONE_EACH:
            filled[name] = values + bought
        elif name == schema.ORDER_LINE_COUNT:
            filled[name] = np.rint(values * repeated).astype(values.dtype)
        elif is_usual and name in _WITH_MONEY:
            filled[name] = values * times
        elif is_usual and name in _WITH_NUMBER:
            filled[name] = values * repeated
        elif not is_usual and name in _OF_OTHER:
            filled[name] = (values + np.where(bought, amount, 0.0)).round(decimals)
        elif not is_usual and name in _ONE_OF_OTHER:
            filled[name] = values + bought
    return after.assign(**filled)


def _blame(trial: Trial, frame: pd.DataFrame, place: np.ndarray, fallen: np.ndarray) -> list[str | None]:
    """Of each who falls the metric that does it."""
    if not len(fallen):
        return []
    rules, as_of = tiers.told(trial.rules, trial.fit.tiers), trial.as_of
    two = [trial.frame.iloc[fallen], frame.iloc[fallen]]
    two = [part.join(pipeline.apply(trial.rules, trial.fit, part, as_of)) for part in two]
    by_score = _blame_score(trial.rules, *two)
    if rules.tier_method == CONDITIONS:
        return _blame_conditions(rules, *two, trial.place[fallen], by_score)
    if rules.tier_method == SCORE or rules.by_score:
        return by_score
    keys = trial.fit.tiers.clusters.metrics if rules.tier_method == CLUSTERS else (trial.fit.tiers.basis,)
    worse = {key: _get_worse(rules, key, *two) for key in keys if key}
    return [next((key for key, fell in worse.items() if fell[row]), None) for row in range(len(fallen))]


def _get_worse(rules, key, before, after):
    metric = rules.get_metric(key)
    moved = metric.values(after).to_numpy() - metric.values(before).to_numpy()
    return moved < 0 if metric.higher_is_better else moved > 0


def _blame_score(rules, before, after):
    """The criterion without whose change the score would be the highest."""
    weights = {criterion.metric: criterion.weight for criterion in rules.criteria if criterion.weight}
    columns = [schema.POINTS_PREFIX + key for key in weights]
    was, now = (part[columns].to_numpy("float64") for part in (before, after))
    gained = np.zeros(now.shape)
    score = explain.total(now, list(weights.values()))
    for number in range(len(columns)):
        other = now.copy()
        other[:, number] = was[:, number]
        gained[:, number] = explain.total(other, list(weights.values())) - score
    best, keys = gained.argmax(axis=1), list(weights)
    return [keys[number] if gained[row, number] > 0 else None for row, number in enumerate(best)]


def _blame_conditions(rules, before, after, place, by_score):
    """The first condition of the tier that was met and is not any more."""
    result = [None] * len(place)
    for number, tier in enumerate(rules.ladder):
        rows = np.flatnonzero(place == number)
        for condition in tier.conditions if len(rows) else ():
            values = (rules.get_metric(condition.metric).values(part.iloc[rows]).to_numpy() for part in (before, after))
            was, now = values
            sign = 1 if condition.operator == ">=" else -1
            lost = ~(sign * now >= sign * condition.kept) & (sign * was >= sign * condition.kept)
            for row in rows[lost]:
                if result[row] is None:
                    result[row] = by_score[row] if condition.metric == SCORE else condition.metric
    return result


# ----------------------------------------------------------------------
# Twins
# ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Twins:
    """Customers with the same values.

    Parameters
    ----------
    twins : customers with a tier whose values are exactly those of another one
    apart : pd.DataFrame, index = customer, of those whose twins are in several tiers who are not in the one that the
        numbers alone speak for: ``from_tier`` (that of the numbers) and ``to_tier`` (theirs), int64; ``reason``, one of
        `REASONS`
    """

    twins: int
    apart: pd.DataFrame


def find_twins(trial: Trial, changed: pd.Series, other_policy: pd.Series) -> Twins:
    """Find who has the same values and another tier, and why.

    Parameters
    ----------
    trial : the customers
    changed : pd.Series of bool, index as of the frame: whose numbers are others than when the tier was decided
    other_policy : pd.Series of bool, same index: whose tier comes from another policy
    """
    rules, states = trial.rules, trial.states
    computed = ladder.places(states[schema.PREVIOUS_TIER], trial.keys)
    now = _get_tiers_now(trial)
    plain = ladder.places(trial.scored[schema.EARNED], trial.keys)
    looked = np.flatnonzero((now >= 0) & (plain >= 0))
    customers = trial.frame.assign(**{name: trial.scored[name] for name in trial.scored})
    told = {key: rules.get_metric(key).values(customers).to_numpy()[looked] for key in trial.get_used_metrics()}
    if rules.tier_method == REVENUE_SHARE:
        told["amount"] = customers[schema.AMOUNT].to_numpy()[looked]
    told["active"] = customers[schema.ORDER_COUNT].to_numpy()[looked] > 0
    told["score"] = trial.scored[schema.SCORE].to_numpy()[looked]
    told["plain"] = plain[looked]
    values = pd.DataFrame(told)
    group = values.groupby(list(values), dropna=False, sort=False).ngroup().to_numpy()
    size = np.bincount(group)
    lowest, highest = np.full(len(size), len(trial.keys)), np.full(len(size), -1)
    np.minimum.at(lowest, group, now[looked])
    np.maximum.at(highest, group, now[looked])
    apart = looked[(lowest < highest)[group] & (now[looked] != plain[looked])]
    is_locked = now[apart] != computed[apart]
    is_kept = (trial.place[apart] == now[apart]) & ~is_locked
    reasons = np.select(
        [
            is_locked,
            other_policy.to_numpy(bool)[apart],
            states[schema.PENDING_TIER].notna().to_numpy()[apart],
            is_kept,
            changed.to_numpy(bool)[apart],
            np.full(len(apart), rules.retention.skip_idle_days) & (now[apart] > plain[apart]),
        ],
        REASONS[:-1],
        UNEXPLAINED,
    )
    frame = pd.DataFrame(
        {"from_tier": trial.get_tiers(plain[apart]), "to_tier": trial.get_tiers(now[apart]), "reason": reasons},
        index=trial.frame.index[apart],
    )
    return Twins(int((size[group] > 1).sum()), frame)


def _get_tiers_now(trial: Trial) -> np.ndarray:
    states = trial.states
    tier = retention.effective(
        states[schema.PREVIOUS_TIER], states["lock_mode"], states["lock_tier"], trial.rules.ladder
    )
    return ladder.places(tier, trial.keys)


# ----------------------------------------------------------------------
# Robust
# ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Less:
    """What one order less does.

    Parameters
    ----------
    tried : tier -> customers with two or more orders in the window for whom the numbers speak
    moved : pd.DataFrame, index = customer, who would be in another tier: ``from_tier``, ``to_tier`` (int64)
    """

    tried: Mapping[int, int]
    moved: pd.DataFrame


def try_less(trial: Trial, seed: int = 0) -> Less:
    """Take one order of the window, drawn by chance, from everybody who has two or more; see the module."""
    places = np.flatnonzero(trial.counted)
    buyer = trial.bought.buyer[places]
    order = np.lexsort((np.random.default_rng(seed).random(len(places)), buyer))
    first = order[np.diff(buyer[order], prepend=-1) != 0]
    several = np.bincount(buyer, minlength=len(trial.frame)) > 1
    left_out = np.zeros(len(trial.bought.buyer), dtype=bool)
    left_out[places[first[several[buyer[first]]]]] = True
    after = trial.summarize(purchases.without_documents(trial.bought, left_out), trial.as_of)
    with np.errstate(divide="ignore", invalid="ignore"):
        was, now = (part[schema.GROSS_AMOUNT].to_numpy() for part in (trial.frame, after))
        times = np.where(was > 0, now / was, 1.0)
    # What the order brought beside its money is its part of all.
    scaled = {name: trial.frame[name] * times for name in _WITH_MONEY if name in trial.frame}
    _scored, place = trial.rate(after.assign(**scaled), trial.as_of)
    tried = several & (trial.place >= 0)
    moved = np.flatnonzero(tried & (place != trial.place))
    return Less(
        {key: int(np.count_nonzero(tried & (trial.place == number))) for number, key in enumerate(trial.keys)},
        pd.DataFrame(
            {"from_tier": trial.get_tiers(trial.place[moved]), "to_tier": trial.get_tiers(place[moved])},
            index=trial.frame.index[moved],
        ),
    )


# ----------------------------------------------------------------------
# Even-handed
# ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Group:
    """Customers with something in common.

    Parameters
    ----------
    dimension, key : what they have in common, and which of it
    count, hits : customers with a tier, and those of them in a high one
    share : hits of count
    expected : the share that others have who buy the same
    low, high : ends of the interval of the difference, for all groups of the page together
    """

    dimension: str
    key: object
    count: int
    hits: int
    share: float
    expected: float
    low: float
    high: float

    @property
    def stands_out(self) -> bool:
        """Whether the difference is more than chance.

        >>> Group("country", 7, 40, 20, 0.5, 0.2, low=0.1, high=0.5).stands_out
        True
        >>> Group("country", 7, 40, 20, 0.5, 0.4, low=-0.1, high=0.3).stands_out
        False
        """
        return self.low > 0 or self.high < 0


@dataclasses.dataclass(frozen=True)
class Evenness:
    """How evenly the high tiers are spread over groups.

    Parameters
    ----------
    high : keys of the high tiers, the lowest first
    groups : those that are large enough, the largest difference first
    small : groups that are too small
    """

    high: tuple[int, ...]
    groups: tuple[Group, ...]
    small: int


def compare_groups(trial: Trial, groups: Mapping[str, pd.Series]) -> Evenness:
    """Compare the share of each group in the high tiers, locks and all, with that of others who buy the same.

    Alike are customers for whom the numbers speak for the same tier, with a score in the same fifth of it. The expected
    share of a group is that of its alikes outside of it, in its own mix (indirect standardization). The interval is
    Newcombe's, of as many customers as would leave as much to chance: where behaviour decides, that is more than there
    are. It holds for all groups of the page at once (Bonferroni), so that a page without any difference shows one in
    twenty times at most.

    Parameters
    ----------
    trial : the customers
    groups : by dimension, index as of the frame: the group of each customer, missing: it is not known
    """
    now = _get_tiers_now(trial)
    some = np.flatnonzero((now >= 0) & (trial.place >= 0))
    if not len(some) or len(trial.keys) < 2:
        return Evenness((), (), 0)
    counts = np.bincount(now[some], minlength=len(trial.keys))
    reached = np.cumsum(counts[::-1])[::-1] / len(some)
    lowest = max(int(np.flatnonzero(reached >= HIGH_SHARE).max()), 1)
    is_high = now[some] >= lowest
    stratum = _make_strata(trial, some)
    total, hits = np.bincount(stratum), np.bincount(stratum, is_high)
    found, small = [], 0
    for dimension, of_all in groups.items():
        codes, keys = pd.factorize(of_all.iloc[some], sort=True)
        for code, key in enumerate(keys):
            inside = codes == code
            if inside.sum() < LEAST_GROUP:
                small += 1
            elif not inside.all():
                found.append((dimension, key, inside))
    z = NormalDist().inv_cdf(1 - ERROR / 2 / max(len(found), 1))
    compared = [_compare(*each, is_high, stratum, total, hits, z) for each in found]
    compared.sort(key=lambda group: (not group.stands_out, -abs(group.share - group.expected)))
    return Evenness(tuple(trial.keys[lowest:]), tuple(compared), small)


def _make_strata(trial, some):
    place, score = trial.place[some], trial.scored[schema.SCORE].to_numpy()[some]
    stratum = np.zeros(len(some), dtype=int)
    for number in range(len(trial.keys)):
        inside = np.flatnonzero(place == number)
        if len(inside):
            edges = np.quantile(score[inside], np.arange(1, FIFTHS) / FIFTHS)
            stratum[inside] = FIFTHS * number + np.searchsorted(edges, score[inside], side="right")
    return stratum


def _compare(dimension, key, inside, is_high, stratum, total, hits, z):
    strata = len(total)
    mine = np.bincount(stratum[inside], minlength=strata)
    mine_high = np.bincount(stratum[inside], is_high[inside], minlength=strata)
    others = total - mine
    # Nobody to compare with: left out of the comparison, on both sides.
    used = (mine > 0) & (others > 0)
    count, hit = int(mine[used].sum()), int(mine_high[used].sum())
    if not count:
        return Group(dimension, key, int(mine.sum()), int(mine_high.sum()), 0.0, 0.0, -1.0, 1.0)
    share = (hits[used] - mine_high[used] + 0.5) / (others[used] + 1)
    weight = mine[used] / count
    expected = float((weight * share).sum())
    spread, binomial = share * (1 - share), expected * (1 - expected)
    as_many = count * binomial / float((weight * spread).sum())
    as_many_others = binomial / float((weight**2 * spread / others[used]).sum())
    found = effect.compare_shares(hit / count * as_many, as_many, expected * as_many_others, as_many_others, z)
    return Group(dimension, key, count, hit, hit / count, expected, found.low, found.high)


# ----------------------------------------------------------------------
# Reachable
# ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Reach:
    """Who could be in a tier.

    Parameters
    ----------
    tier : key
    inside : customers of the window for whom the numbers speak for this very tier
    below : those for whom they speak for a lower one
    could : pd.Index of those of them who could reach it, or a higher one
    days : the shortest time that somebody of `inside` has been a customer, days; None: nobody is
    """

    tier: int
    inside: int
    below: int
    could: pd.Index
    days: int | None

    @property
    def is_out_of_reach(self) -> bool:
        """Whether nobody is in the tier and nobody could be."""
        return not self.inside and not len(self.could)


def try_reach(trial: Trial) -> list[Reach]:
    """Have everybody live through the window again, with half as many orders more, as large as before.

    An odd number of orders cannot be halved: then one of them is half as large again. What does not come from purchases
    stays as it is. Each changes alone.

    Returns
    -------
    list of Reach, for each tier above the lowest, from the lowest to the highest
    """
    history, bought = trial.history, trial.bought
    recent = np.flatnonzero(bought.day > schema.day(trial.as_of) - np.timedelta64(history.window_days, "D"))
    counted = np.flatnonzero(trial.counted)
    counted = counted[np.lexsort((bought.day[counted], bought.buyer[counted]))]
    buyer = bought.buyer[counted]
    size = np.bincount(buyer, minlength=len(trial.frame))
    number = np.arange(len(counted)) - (np.cumsum(size) - size)[buyer]
    again = counted[number % 2 == 1]
    last = counted[(number == size[buyer] - 1) & (size[buyer] % 2 == 1)]
    later = np.timedelta64(history.window_days, "D")
    money = bought.money[recent].copy()
    money[np.searchsorted(recent, last)] *= 1 + MORE
    documents = purchases.Purchases(
        np.concatenate((bought.buyer, bought.buyer[recent], bought.buyer[again])),
        np.concatenate((bought.day, bought.day[recent] + later, bought.day[again] + later)),
        np.concatenate((bought.money, money, bought.money[again])),
        *(np.zeros(0, dtype=kind) for kind in (int, float, float)),
    )
    as_of = trial.as_of + datetime.timedelta(history.window_days)
    frame = trial.summarize(documents, as_of)
    contact = schema.days(trial.frame[schema.LAST_CONTACT_DATE]) + later
    frame = frame.assign(**{schema.LAST_CONTACT_DATE: contact.astype("datetime64[s]")})
    _scored, then = trial.rate(frame, as_of)
    active = trial.frame[schema.ORDER_COUNT].to_numpy() > 0
    tenure = trial.scored[schema.TENURE_DAYS].to_numpy()
    found = []
    for place, key in enumerate(trial.keys[1:], start=1):
        inside, below = (active & chosen for chosen in (trial.place == place, trial.place < place))
        found.append(
            Reach(
                key,
                int(inside.sum()),
                int(below.sum()),
                trial.frame.index[below & (then >= place)],
                int(tenure[inside].min()) if inside.any() else None,
            )
        )
    return found
