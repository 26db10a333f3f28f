"""The tiers of the nights ahead: who falls on which day if nothing more is ordered, and who at the usual rhythm.

A rolling window says for certain on which day each document leaves it, and the fit of the last run says what that
costs. The nights ahead are lived through by the very functions that runs use, so that the day which is told is the day
of the run that then happens, as long as the fit is kept and nothing else changes. What purchases do not give
(interactions, products, fields of the contact, rebates) is held at its value of today; the day of the last interaction
stays.

Others go on buying. A coming day is one without purchases if nobody bought on the same weekday in the last
`WEEKS_LOOKED_BACK` weeks, which matters only to rules that skip idle days.
"""

import dataclasses
import datetime
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import decision, draft, idle, ladder, pipeline, purchases, replay, retention, schema
from .pipeline import Fit
from .purchases import Purchases
from .replay import History
from .rules import PolicyRules

#: Thirteen weeks.
NIGHTS = 91
WEEKS_LOOKED_BACK = 8
#: So many customers are lived through together, so that they fit into memory (some 70 MB). Fewer at a time take longer:
#: half of the time of a night is there for one customer as for many.
CHUNK = 100_000
#: So many are asked together what would keep their tiers, each by so many amounts at once.
_SEARCHED, _TRIALS = 2_000, 32
#: Nobody is told to spend more than two to this power of the smallest coin.
_MOST_BITS = 46

LOCK_END = "lock_end"

#: Of the customers who fall.
DTYPES = {
    "from_tier": "int64",
    "to_tier": "int64",
    "day": "datetime64[s]",
    "usual_day": "datetime64[s]",
    "document_day": "datetime64[s]",
    "document_money": "float64",
    "leaves_on": "datetime64[s]",
    "needed_money": "float64",
    "amount": "float64",
}

_STATES = {
    schema.PREVIOUS_TIER: schema.COMPUTED_TIER,
    schema.PREVIOUS_SINCE: schema.COMPUTED_SINCE,
    schema.PENDING_TIER: schema.PENDING_TIER,
    schema.PENDING_DATE: schema.PENDING_DATE,
}
_LOCKS = ("lock_id", "lock_mode", "lock_tier")
_ONE_DAY = np.timedelta64(1, "D")


class Kept(NamedTuple):
    """The comparison that runs go by.

    fit : as it was on its day
    fitted_on : that day
    open_days : those that have become known since, see `idle.age`
    """

    fit: Fit
    fitted_on: datetime.date
    open_days: Sequence[datetime.date] = ()


def foresee(
    rules: PolicyRules,
    kept: Kept,
    history: History,
    states: pd.DataFrame,
    *,
    nights: int = NIGHTS,
    chunk: int = CHUNK,
    start: int = 0,
    end: int | None = None,
) -> pd.DataFrame:
    """The first fall of each customer in the nights ahead.

    Parameters
    ----------
    rules : of the policy
    kept : the comparison by which the nights ahead score, whatever day it is from
    history : of all customers, as of the day of the last run; later documents are left out
    states : pd.DataFrame, index as of ``history.frame``: what the run of that day decided, and the locks, with the
        columns that `decision.decide` wants; with ``lock_end`` (datetime64; the last day, inclusive; NaT: for good) if
        locks end
    nights : how many, 1 or more; the first is that after ``history.as_of``, the last one is inclusive
    chunk : how many customers at a time, 1 or more; the result does not depend on it
    start, end : places in ``history.frame``, end exclusive: only of these customers is it told, the same as among all

    Returns
    -------
    pd.DataFrame, index = ids of those who fall in either way, ascending, with the columns of `DTYPES`

        - ``from_tier``, ``to_tier``: keys; the tier that counts, a person's lock included, before and after the fall
          without another order, or, where there is none, at the usual rhythm
        - ``day``: of the first fall without another order; ``usual_day``: at the usual rhythm; NaT: none
        - ``document_day``, ``document_money``: of the largest document that leaves the window until the night that
          announces the fall, which is that of the fall where nothing is announced; ``leaves_on``: the first day on
          which it is not in the window. NaT and NaN: none does, time alone causes it
        - ``needed_money``: the least money of one order on ``day`` with which the tier would not fall then; NaN: no
          amount is enough, or only the order itself shows what it does, see `draft.unforeseen`
        - ``amount``: money in the window of ``history.as_of``

    Raises
    ------
    ValueError
        If there are no nights, and as `pipeline.apply`.
    """
    if nights < 1:
        raise ValueError(f"There must be one night or more to foresee, not {nights}.")
    bought = history.purchases
    bought = replay.choose(bought, bought.day <= schema.day(history.as_of))
    history = dataclasses.replace(history, purchases=bought)
    fits = _age(rules, kept, history, nights)
    found = []
    end = len(history.frame) if end is None else min(end, len(history.frame))
    for first in range(start, end, chunk):
        last = min(first + chunk, end)
        some = _cut(history, first, last)
        found.append(_foresee_some(rules, fits, some, states.iloc[first:last], nights))
    found = pd.concat(found) if found else pd.DataFrame(columns=list(DTYPES), index=history.frame.index[:0])
    return found.astype(DTYPES).sort_index()


def plan_usual(history: History, nights: int) -> Purchases:
    """What customers would buy in the nights ahead if they went on as they use to.

    Parameters
    ----------
    history : of the customers
    nights : how many, the last one is inclusive

    Returns
    -------
    Purchases
        One for each usual gap (the median, in whole days) after the last purchase, the first not before tomorrow, each
        worth as much as those of the window on average. None of who bought on one day only or not in the window.

    >>> frame = pd.DataFrame({"last_order_date": pd.to_datetime(["2024-06-10"]), "gap_median_days": [7.0],
    ...                       "order_count": [4], "gross_amount": [100.0]})
    >>> nothing = Purchases(*[np.zeros(0, dtype=kind) for kind in (int, "datetime64[D]", float, int, float, float)])
    >>> history = History(frame, nothing, (np.zeros(0, dtype=int), np.zeros(0)), datetime.date(2024, 6, 30), 365, 2)
    >>> planned = plan_usual(history, 10)
    >>> planned.day.astype(str).tolist(), planned.money.tolist()
    (['2024-07-01', '2024-07-08'], [25.0, 25.0])
    """
    frame, today = history.frame, schema.day(history.as_of)
    gap, orders = frame[schema.GAP_MEDIAN_DAYS].to_numpy(), frame[schema.ORDER_COUNT].to_numpy()
    who = np.flatnonzero(np.isfinite(gap) & (orders > 0))
    gap = np.maximum(np.rint(gap[who]), 1).astype("int64")
    last = schema.days(frame[schema.LAST_ORDER_DATE])[who]
    ahead = np.maximum((last - today).astype("int64") + gap, 1)
    count = np.maximum((nights - ahead) // gap + 1, 0)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    day = today + (np.repeat(ahead, count) + number * np.repeat(gap, count)).astype("timedelta64[D]")
    worth = (frame[schema.GROSS_AMOUNT].to_numpy()[who] / orders[who]).round(history.decimals)
    nothing = np.zeros(0)
    return Purchases(np.repeat(who, count), day, np.repeat(worth, count), nothing.astype(int), nothing, nothing)


def _age(rules: PolicyRules, kept: Kept, history: History, nights: int) -> list[tuple[Fit, bool]]:
    """The fit of each night, and whether nobody bought before it; the first is of the night after the last run."""
    found = []
    weekdays = _open_weekdays(history)
    open_days = list(kept.open_days)
    for number in range(1, nights + 1):
        day = history.as_of + datetime.timedelta(days=number)
        is_open = day.weekday() in weekdays
        if is_open:
            open_days.append(day)
        skips = rules.retention.skip_idle_days
        found.append((idle.age(rules, kept.fit, kept.fitted_on, open_days, day), skips and not is_open))
    return found


def _open_weekdays(history: History) -> Collection[int]:
    """Weekdays on which somebody has bought of late, Monday is 0."""
    day = history.purchases.day[purchases.choose_bought(history.purchases, history.decimals, least=history.least)]
    late = day[day > schema.day(history.as_of) - np.timedelta64(7 * WEEKS_LOOKED_BACK, "D")]
    return {found.weekday() for found in np.unique(late).tolist()}


def _cut(history: History, start: int, end: int) -> History:
    """The history of the customers at some places."""
    count = len(history.frame)
    if start == 0 and end >= count:
        return history
    buyer, (who, money) = history.purchases.buyer, history.rebates
    inside, rebated = ((place >= start) & (place < end) for place in (buyer, who))
    return dataclasses.replace(
        history,
        frame=history.frame.iloc[start:end],
        purchases=replay.choose(history.purchases, inside, np.arange(count) - start),
        rebates=(who[rebated] - start, money[rebated]),
    )


def _foresee_some(rules, fits, history: History, states: pd.DataFrame, nights: int) -> pd.DataFrame:
    without = _live(rules, fits, history, states, nights, tell_needed=True)
    planned = plan_usual(history, nights)
    # The planned ones have nothing taken back, so the places of those that have remain.
    both = Purchases(
        *(np.concatenate([before, after]) for before, after in zip(history.purchases, planned, strict=True))
    )
    usual = _live(rules, fits, dataclasses.replace(history, purchases=both), states, nights)
    found = without.reindex(without.index.union(usual.index))
    for name in ("from_tier", "to_tier", "announced_on"):
        found[name] = found[name].fillna(usual[name])
    found["usual_day"] = usual["day"].reindex(found.index)
    found["amount"] = history.frame[schema.AMOUNT].reindex(found.index)
    told = found.drop(columns=["document_day", "document_money", "leaves_on"], errors="ignore")
    return told.join(_find_documents(history, found))[list(DTYPES)]


def _live(rules, fits, history: History, states: pd.DataFrame, nights: int, *, tell_needed=False) -> pd.DataFrame:
    """Live through the nights until each customer's first fall; index = ids of those who fall."""
    keys, index = [tier.key for tier in rules.ladder], history.frame.index
    lock_end = schema.days(states[LOCK_END]) if LOCK_END in states else np.full(len(index), np.datetime64("NaT"))
    last = dataclasses.replace(history, as_of=history.as_of + datetime.timedelta(days=nights))
    days = replay.frames(last, nights, contacts_age=True, with_untaken=rules.retention.refunds_at_once)
    next(days)  # that of the run, whose states are known
    held = retention.effective(states[schema.PREVIOUS_TIER], states["lock_mode"], states["lock_tier"], rules.ladder)
    place = ladder.places(held, keys)
    announced = np.full(len(index), np.datetime64("NaT"), dtype="datetime64[D]")
    announced[_is_falling(states[schema.PENDING_TIER], states[schema.PREVIOUS_TIER], keys)] = schema.day(history.as_of)
    states = states.astype(replay.STATE_DTYPES)
    to_states = {states.columns.get_loc(name): column for name, column in _STATES.items()}
    # Who never bought has no tier to lose, and buys nothing in the nights ahead.
    alive, found = (place >= 0) | schema.bought(history.frame).to_numpy(), []
    for (day, frame), (fit, nobody_bought) in zip(days, fits, strict=True):
        today = schema.day(day)
        # Who has fallen is not asked any more, and of whom nothing moves nothing is decided, which takes half the time.
        who = np.flatnonzero(alive)
        scored = pipeline.rank(rules, fit, frame.iloc[who], day)
        ended = lock_end[who] < today
        moving = np.flatnonzero(ended | ~_is_resting(scored, states.iloc[who], keys))
        if not len(moving):
            continue
        who, ended = who[moving], ended[moving]
        frame, scored, before = frame.iloc[who], scored.iloc[moving], states.iloc[who]
        if ended.any():
            before = before.assign(**{name: before[name].mask(ended) for name in _LOCKS})
        decided = decision.decide(rules, fit, frame, scored, before, day, idle=nobody_bought)
        now = ladder.places(decided[schema.TIER], keys)
        fallen = (now >= 0) & (now < place[who])
        if fallen.any():
            fell = who[fallen]
            since = np.where(np.isnat(announced[fell]), today, announced[fell])
            columns = {
                "from_tier": np.array(keys)[place[fell]],
                "to_tier": np.array(keys)[now[fallen]],
                "day": today.astype("datetime64[s]"),
                "announced_on": since.astype("datetime64[s]"),
            }
            if tell_needed:
                columns["needed_money"] = _find_needed(
                    rules, fit, history, fell, frame[fallen], before[fallen], day, place[fell]
                )
            found.append(pd.DataFrame(columns, index=index[fell]))
            alive[fell] = False
        falling = _is_falling(decided[schema.PENDING_TIER], decided[schema.COMPUTED_TIER], keys)
        announced[who] = np.where(falling, np.fmin(announced[who], today), np.datetime64("NaT"))
        place[who] = now
        for column, name in to_states.items():
            states.iloc[who, column] = decided[name].array
    return pd.concat(found) if found else pd.DataFrame(columns=[*DTYPES, "announced_on"], index=index[:0])


def _is_resting(scored: pd.DataFrame, states: pd.DataFrame, keys: list[int]) -> np.ndarray:
    """Whose tier the numbers speak for, with nothing announced: `retention.retain` would leave them as they are."""
    was = ladder.places(states[schema.PREVIOUS_TIER], keys)
    earned, kept = (ladder.places(scored[name], keys) for name in (schema.EARNED, schema.KEPT))
    return (earned <= was) & (kept >= was) & states[schema.PENDING_DATE].isna().to_numpy()


def _is_falling(pending: pd.Series, computed: pd.Series, keys: list[int]) -> np.ndarray:
    """Who has a downgrade that is announced."""
    goal = ladder.places(pending.astype("Int64"), keys)
    return (goal >= 0) & (goal < ladder.places(computed.astype("Int64"), keys))


def _find_needed(
    rules: PolicyRules,
    fit: Fit,
    history: History,
    who: np.ndarray,
    frame: pd.DataFrame,
    states: pd.DataFrame,
    day,
    place,
) -> np.ndarray:
    """The least money of one order on `day` with which the customers would be at these places of the ladder after all.

    Found by deciding about amounts, to the coin, for all of them together; `who`: their places in the history.
    """
    needed = np.full(len(who), np.nan)
    if draft.unforeseen(rules):
        return needed
    for start in range(0, len(who), _SEARCHED):
        part = slice(start, start + _SEARCHED)
        search = _Search(rules, fit, history, who[part], frame.iloc[part], states.iloc[part], day, place[part])
        needed[part] = search.find()
    return needed


class _Search:
    """Customers who order once on a day, all for different money."""

    def __init__(self, rules, fit, history: History, who, frame, states, day: datetime.date, place):
        self.rules, self.fit, self.states, self.day, self.place = rules, fit, states, day, place
        self.keys = [tier.key for tier in rules.ladder]
        self.decimals, self.coins = history.decimals, 10**history.decimals
        # Whatever is less does not count as an order.
        self.least = max(round(history.least * self.coins), 1)
        to = np.full(len(history.frame), -1)
        to[who] = np.arange(len(who))
        bought = replay.choose(history.purchases, to[history.purchases.buyer] >= 0, to)
        bought = bought._replace(
            buyer=np.append(bought.buyer, to[who]),
            day=np.append(bought.day, np.full(len(who), schema.day(day))),
            money=np.append(bought.money, np.full(len(who), self.least / self.coins)),
        )
        buyer, money = history.rebates
        rebated = to[buyer] >= 0
        self.after = frame.assign(
            **purchases.summarize(
                frame.index,
                bought,
                (to[buyer[rebated]], money[rebated]),
                day,
                history.window_days,
                history.decimals,
                least=history.least,
                with_untaken=rules.retention.refunds_at_once,
            )
        )
        names = [prefix + name for prefix in ("", schema.UNTAKEN) for name in draft.MONEY]
        self.grown = [name for name in names if name in frame and (self.after[name] != frame[name]).any()]

    def find(self) -> np.ndarray:
        """The least money of each, NaN: no amount is enough."""
        steps = np.concatenate([[0], 2 ** np.arange(0, _MOST_BITS + 1, 2, dtype="int64")])
        everybody = np.arange(len(self.place))
        low, high = np.full(len(everybody), -1), np.full(len(everybody), -1)
        self._narrow(everybody, np.tile(steps, (len(everybody), 1)), low, high)
        while len(still := np.flatnonzero(high - low > 1)):
            step = -(-(high - low)[still] // _TRIALS)
            trials = low[still, None] + step[:, None] * np.arange(1, _TRIALS + 1)
            self._narrow(still, np.minimum(trials, high[still, None]), low, high)
        return np.where(high < 0, np.nan, ((self.least + high) / self.coins).round(self.decimals))

    def _narrow(self, who, trials, low, high) -> None:
        """Put the coins, on top of the least money, that are too few and that are enough into `low` and `high`."""
        enough = self._keeps(np.repeat(who, trials.shape[1]), trials.ravel()).reshape(trials.shape)
        found = np.flatnonzero(enough.any(axis=1))
        first = enough[found].argmax(axis=1)
        high[who[found]] = trials[found, first]
        later = first > 0
        low[who[found[later]]] = trials[found[later], first[later] - 1]

    def _keeps(self, who: np.ndarray, coins: np.ndarray) -> np.ndarray:
        index = pd.Index(np.arange(len(who)), dtype="int64", name=schema.CUSTOMER)
        frame = self.after.iloc[who].set_axis(index)
        more = coins / self.coins
        frame = frame.assign(**{name: (frame[name] + more).round(self.decimals) for name in self.grown})
        scored = pipeline.rank(self.rules, self.fit, frame, self.day)
        states = self.states.iloc[who].set_axis(index)
        decided = decision.decide(self.rules, self.fit, frame, scored, states, self.day)
        return ladder.places(decided[schema.TIER], self.keys) >= self.place[who]


def _find_documents(history: History, falls: pd.DataFrame) -> pd.DataFrame:
    """The largest document of each that leaves the window until the fall is announced."""
    bought, window = history.purchases, np.timedelta64(history.window_days, "D")
    until = np.full(len(history.frame), np.datetime64("NaT"), dtype="datetime64[D]")
    until[history.frame.index.get_indexer(falls.index)] = schema.days(falls["announced_on"].astype("datetime64[s]"))
    leaves = bought.day + window
    chosen = purchases.choose_recent(
        bought, history.as_of, history.window_days, history.decimals, least=history.least
    ) & (leaves <= until[bought.buyer])
    found = pd.DataFrame(
        {
            "customer": history.frame.index[bought.buyer[chosen]],
            "document_day": bought.day[chosen].astype("datetime64[s]"),
            "document_money": bought.money[chosen],
            "leaves_on": leaves[chosen].astype("datetime64[s]"),
        }
    )
    # Of equal ones the one that leaves last.
    found = found.sort_values(["customer", "document_money", "document_day"])
    return found.drop_duplicates("customer", keep="last").set_index("customer")
