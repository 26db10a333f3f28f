"""A policy lived through again, night by night: who would have moved, and who there and back.

What purchases give is as it was on each of the days: nothing that was bought later is looked at. What they do not give
(interactions, products, fields of the contact, rebates) is held at its value of the last day, also that of days that
pass, such as those since the last interaction. Returns and cancellations have no day among the purchases, so what was
taken back is missing from its document from the beginning; that is why no drop is one that refunds alone caused.
"""

import dataclasses
import datetime
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import decision, grouped, idle, ladder, pipeline, purchases, retention, schema, tiers
from .purchases import Purchases
from .rules import PolicyRules, RetentionRules

#: Who falls and is back within so many days went there and back.
BACK_DAYS = 60

_CARRIED = {
    schema.COMPUTED_TIER: schema.PREVIOUS_TIER,
    schema.COMPUTED_SINCE: schema.PREVIOUS_SINCE,
    schema.PENDING_TIER: schema.PENDING_TIER,
    schema.PENDING_DATE: schema.PENDING_DATE,
}
STATE_DTYPES = {
    schema.PREVIOUS_TIER: "Int64",
    schema.PREVIOUS_SINCE: "datetime64[s]",
    schema.PENDING_TIER: "Int64",
    schema.PENDING_DATE: "datetime64[s]",
}
_LOCK_DTYPES = {"lock_id": "Int64", "lock_mode": "object", "lock_tier": "Int64"}
_MOVE_DTYPES = {"customer": "int64", "day": "datetime64[s]", "from_tier": "int64", "to_tier": "int64"}
_ONE_DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class History:
    """What is known of customers on the last day, and what they bought.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), as `schema.check_frame` accepts it on `as_of`
    purchases : buyers are places in `frame`; documents after `as_of` are left out. Unlike elsewhere their money must be
        right in the window of the first day that is replayed, which begins before that of `as_of`
    rebates : of the window, as `purchases.summarize` takes them; they are held
    as_of : the last day
    window_days, decimals, least : see `purchases.summarize`
    """

    frame: pd.DataFrame
    purchases: Purchases
    rebates: tuple[np.ndarray, np.ndarray]
    as_of: datetime.date
    window_days: int
    decimals: int
    least: float = 0.0

    def sample(self, most: int, seed: int = 0) -> "History":
        """The same of at most so many customers, drawn at random and the same again by the same seed.

        >>> frame = pd.DataFrame({"orders": [1, 2, 0]}, index=[7, 8, 9])
        >>> days = np.array(["2024-06-01", "2024-06-02", "2024-06-03"], dtype="datetime64[D]")
        >>> bought = Purchases(np.array([0, 1, 1]), days, np.ones(3), *[np.zeros(0, dtype=int)] * 3)
        >>> history = History(frame, bought, (np.array([1]), np.array([-1.0])), datetime.date(2024, 6, 30), 365, 2)
        >>> drawn = history.sample(2)
        >>> len(drawn.frame), bool(len(drawn.purchases.buyer) == drawn.frame["orders"].sum())
        (2, True)
        >>> history.sample(3) is history
        True
        """
        if len(self.frame) <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self.frame), most, replace=False))
        place = np.full(len(self.frame), -1)
        place[chosen] = np.arange(most)
        who, money = self.rebates
        kept = place[who] >= 0
        return dataclasses.replace(
            self,
            frame=self.frame.iloc[chosen],
            purchases=choose(self.purchases, place[self.purchases.buyer] >= 0, place),
            rebates=(place[who[kept]], money[kept]),
        )


@dataclasses.dataclass(frozen=True)
class Replay:
    """What happened while a policy was lived through.

    Parameters
    ----------
    rules : of the policy
    as_of : the last night
    nights : number of nights
    tiered : np.ndarray of int, shape (nights,): customers with a tier, by night, the last one at `as_of`
    moves : pd.DataFrame, shape (n_moves, 4), ascending by customer and day: ``customer`` (id), ``day``
        (datetime64[s]), ``from_tier`` and ``to_tier`` (int64, keys). The first tier of a customer is no move
    tiers : tier -> customers in it on the last night
    earned : tier -> customers who would be in it by the numbers of the last night alone
    """

    rules: PolicyRules
    as_of: datetime.date
    nights: int
    tiered: np.ndarray
    moves: pd.DataFrame
    tiers: Mapping[int, int]
    earned: Mapping[int, int]

    @property
    def per_night(self) -> np.ndarray:
        """The moves of each night: int, shape (nights,)."""
        ago = (schema.day(self.as_of) - schema.days(self.moves["day"])).astype("int64")
        return np.bincount(self.nights - 1 - ago, minlength=self.nights)

    @property
    def moved_share(self) -> float:
        """Percent of the customers with a tier who move in a night, on average; 0 without customers."""
        known = self.tiered > 0
        return 100 * float(np.mean(self.per_night[known] / self.tiered[known])) if known.any() else 0.0

    @property
    def inflation(self) -> dict[int, float | None]:
        """Tier -> customers in it on the last night, in multiples of those by the numbers alone; None: of nobody."""
        return {tier: self.tiers[tier] / count if count else None for tier, count in self.earned.items()}

    def by_customer(self, prices: Mapping[int, Hashable] | None = None) -> pd.DataFrame:
        """Those who moved, ascending, each once.

        Parameters
        ----------
        prices : tier -> what says which prices it has; a tier that is not in it has none of its own, as if it were
            None. Left out: nobody has other prices

        Returns
        -------
        pd.DataFrame, index = id of the customer as ``customer``: ``from_tier`` of the first move, ``to_tier`` of the
            last and ``moves``, int64; ``last_day`` (datetime64[s]); ``back``: there and back within `BACK_DAYS`, and
            ``repriced``: other prices for some time, bool
        """
        prices = prices or {}
        moves, by_tier = self.moves, {key: prices.get(key) for key in self._keys}
        repriced = [by_tier[before] != by_tier[after] for before, after in self._pairs]
        moves = moves.assign(back=self._returning(), repriced=np.array(repriced, dtype=bool)[self._pair_numbers])
        return moves.groupby("customer").agg(
            from_tier=("from_tier", "first"),
            to_tier=("to_tier", "last"),
            moves=("day", "size"),
            last_day=("day", "last"),
            back=("back", "any"),
            repriced=("repriced", "any"),
        )

    @property
    def _keys(self) -> list[int]:
        return [tier.key for tier in self.rules.ladder]

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        return [(before, after) for before in self._keys for after in self._keys]

    @property
    def _pair_numbers(self) -> np.ndarray:
        """Of each move the place of its tiers among `_pairs`."""
        before, after = (ladder.places(self.moves[name], self._keys) for name in ("from_tier", "to_tier"))
        return before * len(self._keys) + after

    def _returning(self) -> np.ndarray:
        """Which moves lead down to be undone within `BACK_DAYS`."""
        who, day = self.moves["customer"].to_numpy(), schema.days(self.moves["day"])
        before, after = (ladder.places(self.moves[name], self._keys) for name in ("from_tier", "to_tier"))
        waiting, back = np.flatnonzero(after < before), np.zeros(len(who), dtype=bool)
        later = waiting
        while len(waiting):
            # One move further for all at once: nobody has more than one a night.
            later = later + 1
            known = later < len(who)
            waiting, later = waiting[known], later[known]
            near = (who[later] == who[waiting]) & (day[later] - day[waiting] <= np.timedelta64(BACK_DAYS, "D"))
            waiting, later = waiting[near], later[near]
            there = after[later] >= before[waiting]
            back[waiting[there]] = True
            waiting, later = waiting[~there], later[~there]
        return back


def replay(
    rules: PolicyRules,
    history: History,
    nights: int,
    *,
    recalibrate_days: int = 0,
    states: pd.DataFrame | None = None,
    locks: pd.DataFrame | None = None,
    tick: Callable[[int], None] | None = None,
) -> Replay:
    """Live through a policy again, see `replay_all`."""
    (found,) = replay_all(
        [rules], history, nights, recalibrate_days=recalibrate_days, states=states, locks=locks, tick=tick
    )
    return found


def replay_all(
    variants: Sequence[PolicyRules],
    history: History,
    nights: int,
    *,
    recalibrate_days: int = 0,
    states: pd.DataFrame | None = None,
    locks: pd.DataFrame | None = None,
    tick: Callable[[int], None] | None = None,
) -> list[Replay]:
    """Live through a policy again, with each of several protections, whose customers are scored once for all.

    Parameters
    ----------
    variants : one or more; they differ in what protects from moving and in nothing else
    history : of the customers
    nights : how many, 1 or more; the last one is at ``history.as_of``
    recalibrate_days : after how many days the customers are compared anew; 0: every night. The first comparison is on
        the day before the first night
    states : pd.DataFrame, index as of ``history.frame``: the tiers on that day, with the columns that
        `retention.retain` wants. Left out: everybody has the plain tier of the first comparison, since always
    locks : pd.DataFrame, same index: ``lock_id``, ``lock_mode``, ``lock_tier``, as `decision.decide` wants them, which
        hold all the time. Left out: there are none
    tick : called after each night with the number of those done

    Returns
    -------
    list of Replay, one for each of `variants`

    Raises
    ------
    ValueError
        If the variants differ in more, there are no nights, or as `pipeline.fit` and `pipeline.apply`.
    """
    if nights < 1:
        raise ValueError(f"There must be one night or more to replay, not {nights}.")
    rules = variants[0]
    if any(_unprotected(variant) != _unprotected(rules) for variant in variants):
        raise ValueError("The rules that are replayed together may differ in what protects from moving only.")
    index = history.frame.index
    locks = pd.DataFrame(index=index, columns=list(_LOCK_DTYPES)) if locks is None else locks
    lives = [_Life(variant, states, locks[list(_LOCK_DTYPES)].astype(_LOCK_DTYPES)) for variant in variants]
    comparison = None
    for number, (day, frame) in enumerate(frames(history, nights)):
        if number % max(recalibrate_days, 1) == 0:
            comparison = _Comparison(frame, day, comparison)
        else:
            comparison.go_on(frame, day)
        for life in lives:
            life.live(*comparison.score(life.rules), frame, day, nobody_bought=comparison.nobody_bought)
        if number and tick:
            tick(number)
    return [life.tell(nights, history.as_of) for life in lives]


class Standing(NamedTuple):
    """Where customers stand on a day."""

    place: np.ndarray  # of the tier in the ladder of the rules, int64, shape (n_customers,); -1: none
    score: np.ndarray  # float64, same shape, 0..100; 0 of who never bought


def live_on(
    lives: Sequence[tuple[PolicyRules, History]], days: Sequence[datetime.date]
) -> Iterator[tuple[datetime.date, list[Standing]]]:
    """Live through several policies again, on some days only, as if customers were computed on no others.

    Parameters
    ----------
    lives : rules, and the customers and purchases they are applied to; where several have the same history, and not
        only an equal one, its customers are summed up once for all
    days : ascending; on each the customers are compared anew. On the first everybody has the plain tier, since always;
        nobody is locked

    Yields
    ------
    Of each day where the customers stand by each of `lives`

    Raises
    ------
    ValueError
        As `pipeline.fit` and `pipeline.apply`.
    """
    histories = {id(history): history for _rules, history in lives}
    streams = zip(*(frames_on(history, days) for history in histories.values()), strict=True)
    nobody = [pd.DataFrame(index=history.frame.index, columns=list(_LOCK_DTYPES)) for _rules, history in lives]
    lived = [
        _Life(rules, None, locks.astype(_LOCK_DTYPES)) for (rules, _history), locks in zip(lives, nobody, strict=True)
    ]
    before = [None] * len(lives)
    for found in streams:
        by_history = dict(zip(histories, found, strict=True))
        standings = []
        for number, (life, (rules, history)) in enumerate(zip(lived, lives, strict=True)):
            day, frame = by_history[id(history)]
            before[number] = comparison = _Comparison(frame, day, before[number])
            fit, scored = comparison.score(rules)
            life.live(fit, scored, frame, day, nobody_bought=comparison.nobody_bought)
            standings.append(Standing(life.place, scored[schema.SCORE].to_numpy()))
        yield day, standings


def _unprotected(rules: PolicyRules) -> PolicyRules:
    """The rules without all that protects from moving."""
    bare = [
        dataclasses.replace(
            tier,
            keep_floor=None,
            grace_days=0,
            stay_days=0,
            conditions=tuple(dataclasses.replace(condition, keep_value=None) for condition in tier.conditions),
        )
        for tier in rules.tiers
    ]
    axes = rules.axes and dataclasses.replace(rules.axes, margin=0.0)
    return dataclasses.replace(rules, tiers=tuple(bare), retention=RetentionRules(), axes=axes)


class _Comparison:
    """All customers compared on a day, and what has come of it on the days since: what runs keep from night to night.

    Rules that differ in what protects from moving are scored alike, but for whether days without purchases count.
    """

    def __init__(self, frame: pd.DataFrame, day: datetime.date, before: "_Comparison | None"):
        self.fitted_on, self.fits = day, {}
        self.known = before and before.known
        self.go_on(frame, day)
        self.open_days = []

    def go_on(self, frame: pd.DataFrame, day: datetime.date) -> None:
        """Take over the customers of another day."""
        last_orders = frame[schema.LAST_ORDER_DATE]
        found = idle.find_open_days(last_orders, self.known) if self.known else []
        self.nobody_bought = bool(self.known) and not found
        self.frame, self.day, self.scored = frame, day, {}
        if day != self.fitted_on:
            self.open_days += found
        self.known = idle.last_purchase(last_orders)

    def score(self, rules: PolicyRules) -> tuple[pipeline.Fit, pd.DataFrame]:
        """The fit as it is on the day, and what `pipeline.rank` says by it."""
        skips = rules.retention.skip_idle_days
        if skips not in self.scored:
            if skips not in self.fits:
                self.fits[skips] = pipeline.fit(rules, self.frame, self.day)
            fit = idle.age(rules, self.fits[skips], self.fitted_on, self.open_days, self.day)
            self.scored[skips] = fit, pipeline.rank(rules, fit, self.frame, self.day)
        return self.scored[skips]


class _Life:
    """One variant, from the day before the first night on."""

    def __init__(self, rules: PolicyRules, states: pd.DataFrame | None, locks: pd.DataFrame):
        self.rules, self.states, self.locks = rules, states, locks
        self.keys = [tier.key for tier in rules.ladder]
        self.place = None  # of the tiers in the ladder, -1: none
        self.tiered, self.moves = [], []

    def live(
        self,
        fit: pipeline.Fit,
        scored: pd.DataFrame,
        frame: pd.DataFrame,
        day: datetime.date,
        *,
        nobody_bought: bool,
    ) -> None:
        """Decide about a day and remember who moves; the first day is that before the first night."""
        score = scored[schema.SCORE].where(schema.bought(frame))
        scored = scored.assign(**tiers.assign(self.rules, fit.tiers, frame.join(scored), score))
        self.earned = scored[schema.EARNED]
        if self.place is None:
            self._begin(fit, frame, scored, day)
            return
        skips = self.rules.retention.skip_idle_days
        decided = decision.decide(self.rules, fit, frame, scored, self.states, day, idle=skips and nobody_bought)
        self._carry(decided)
        place = ladder.places(decided[schema.TIER], self.keys)
        moved = np.flatnonzero((place != self.place) & (place >= 0) & (self.place >= 0))
        self.moves.append((frame.index[moved], np.full(len(moved), day), self.place[moved], place[moved]))
        self.tiered.append(np.count_nonzero(place >= 0))
        self.place = place

    def _begin(self, fit, frame, scored, day):
        plain = self.states is None
        if plain:
            self.states = pd.DataFrame(index=frame.index, columns=list(STATE_DTYPES))
        self.states = self.states[list(STATE_DTYPES)].astype(STATE_DTYPES).join(self.locks)
        mode = retention.MODE_RUN if plain else retention.MODE_HOLD
        decided = decision.decide(self.rules, fit, frame, scored, self.states, day, mode=mode)
        if plain:
            decided[schema.COMPUTED_SINCE] = pd.NaT  # it is the first day that is looked at, not of the tiers
            self._carry(decided)
        self.place = ladder.places(decided[schema.TIER], self.keys)

    def _carry(self, decided: pd.DataFrame) -> None:
        self.states = decided[list(_CARRIED)].rename(columns=_CARRIED).astype(STATE_DTYPES).join(self.locks)

    def tell(self, nights: int, as_of: datetime.date) -> Replay:
        keys = np.array(self.keys)
        customers, days, before, after = (np.concatenate(part) for part in zip(*self.moves, strict=True))
        moves = {"customer": customers, "day": days, "from_tier": keys[before], "to_tier": keys[after]}
        moves = pd.DataFrame(moves).astype(_MOVE_DTYPES).sort_values(["customer", "day"], ignore_index=True)
        counted = (self.place, ladder.places(self.earned, self.keys))
        in_tiers, by_numbers = (np.bincount(place[place >= 0], minlength=len(keys)).tolist() for place in counted)
        return Replay(
            self.rules,
            as_of,
            nights,
            np.array(self.tiered),
            moves,
            dict(zip(self.keys, in_tiers, strict=True)),
            dict(zip(self.keys, by_numbers, strict=True)),
        )


def frames(
    history: History, nights: int, *, contacts_age: bool = False, with_untaken: bool = False, every: int = 1
) -> Iterator[tuple[datetime.date, pd.DataFrame]]:
    """The frame of each day, from the day before the first night to the last.

    Parameters
    ----------
    history : of the customers
    nights : how many, 0 or more; the last one is at ``history.as_of``
    contacts_age : the last interaction stays on its day, as in nights ahead; else it is as long ago as on the last day
    with_untaken : with the columns ``untaken_…`` of `purchases.summarize`
    every : only each of so many days, from that before the first night on
    """
    days = [history.as_of - _ONE_DAY * ago for ago in range(nights, -1, -every)]
    return frames_on(history, days, contacts_age=contacts_age, with_untaken=with_untaken)


def frames_on(
    history: History, days: Sequence[datetime.date], *, contacts_age: bool = False, with_untaken: bool = False
) -> Iterator[tuple[datetime.date, pd.DataFrame]]:
    """The frame of each of some days.

    Parameters
    ----------
    history, contacts_age, with_untaken : see `frames`
    days : ascending, until ``history.as_of``

    From day to day the numbers of those customers change only of whom a document comes into the window or one of its
    halves or leaves it, so only these are summed up again.
    """
    documents = _Documents(history, with_untaken)
    frame = {name: history.frame[name].to_numpy() for name in history.frame}
    contact = schema.days(history.frame[schema.LAST_CONTACT_DATE])
    for day in days:
        who = documents.affected(day)
        found = documents.summarize(who, day)
        for name in found:
            if day == days[0]:
                frame[name] = found[name].to_numpy().copy()  # of everybody
            else:
                frame[name][who] = found[name].to_numpy()
        if not contacts_age:
            ago = np.timedelta64((history.as_of - day).days, "D")
            frame[schema.LAST_CONTACT_DATE] = (contact - ago).astype("datetime64[s]")
        yield day, pd.DataFrame(frame, index=history.frame.index)


class _Documents:
    """The documents of a history by customer and day, to sum up those of some customers."""

    def __init__(self, history: History, with_untaken: bool):
        self.history, self.with_untaken = history, with_untaken
        bought = choose(history.purchases, history.purchases.day <= schema.day(history.as_of))
        order = np.lexsort((bought.day, bought.buyer))
        self.buyer, self.day, self.money = bought.buyer[order], bought.day[order], bought.money[order]
        self.returned, self.undone = np.zeros(len(order)), np.zeros(len(order))
        self.returned[bought.taken], self.undone[bought.taken] = bought.returned, bought.undone
        self.returned, self.undone = self.returned[order], self.undone[order]
        count = len(history.frame)
        self.start = np.searchsorted(self.buyer, np.arange(count + 1))
        self.by_day = self.day.argsort(kind="stable")
        self.days = self.day[self.by_day]
        self.before = None
        self.rebated = grouped.sums(*history.rebates, count)

    def affected(self, day: datetime.date) -> np.ndarray:
        """Places of the customers whose numbers of `day` may differ from those of the day asked for before."""
        before, self.before = self.before, schema.day(day)
        if before is None:
            return np.arange(len(self.history.frame))
        window = self.history.window_days
        found = np.zeros(len(self.history.frame), dtype=bool)
        for ago in (0, window // 2, window):
            first, last = np.searchsorted(
                self.days, [edge - np.timedelta64(ago, "D") for edge in (before, self.before)], side="right"
            )
            found[self.buyer[self.by_day[first:last]]] = True
        return np.flatnonzero(found)

    def summarize(self, who: np.ndarray, day: datetime.date) -> pd.DataFrame:
        """What `purchases.summarize` says on a day about the customers at these places, which ascend."""
        size = self.start[who + 1] - self.start[who]
        buyer = np.repeat(np.arange(len(who)), size)
        place = np.arange(len(buyer)) + np.repeat(self.start[who] - (np.cumsum(size) - size), size)
        past = self.day[place] <= schema.day(day)
        buyer, place = buyer[past], place[past]
        returned, undone = self.returned[place], self.undone[place]
        taken = np.flatnonzero(returned + undone)
        history, rebated = self.history, self.rebated[who]
        given = np.flatnonzero(rebated)
        return purchases.summarize(
            history.frame.index[who],
            Purchases(buyer, self.day[place], self.money[place], taken, returned[taken], undone[taken]),
            (given, rebated[given]),
            day,
            history.window_days,
            history.decimals,
            least=history.least,
            with_untaken=self.with_untaken,
        )


def choose(bought: Purchases, chosen: np.ndarray, place: np.ndarray | None = None) -> Purchases:
    """The chosen documents, bool of shape (n_documents,); `place`: from the places of the customers to other ones."""
    buyer = bought.buyer[chosen]
    kept = chosen[bought.taken]
    taken = np.cumsum(chosen)[bought.taken[kept]] - 1
    return Purchases(
        buyer if place is None else place[buyer],
        bought.day[chosen],
        bought.money[chosen],
        taken,
        bought.returned[kept],
        bought.undone[kept],
    )
