"""Who keeps a tier, who loses it and when: fairness, after the scores are known.

A run asks three questions, one function each. `candidate`: which tier do the numbers speak
for, when it takes less to stay in a tier than to enter it? `retain`: which tier does that
lead to today, when downgrades are announced first, and upgrades, too, if the rules say so?
`effective`: what is left of it beside a person's lock?

All dates are days, and inclusive: what is announced takes effect in the first run on
or after its date, and a date that was announced never moves. A downgrade is called off when the
customer is back in time, an upgrade when the customer does not reach it any more. A customer has one
of them at most, and the announced tier says which: it is above or below the one that the customer has.
"""

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd

from . import schema
from .ladder import places
from .rules import PolicyRules, TierRule

MODE_RUN = "run"  # the scheduled run: up and down
MODE_UP = "up"  # right after a purchase: nobody loses anything
MODE_HOLD = "hold"  # retention is suspended: nothing moves
MODES = (MODE_RUN, MODE_UP, MODE_HOLD)

FIRST = "first"  # the first tier, or the first after the previous one was archived
UP = "up"
DOWN = "down"
ANNOUNCED = "announced"  # a downgrade, with its date, in this very run
WAITING = "waiting"  # for the date of what was announced earlier
RECOVERED = "recovered"  # an announced downgrade was called off
ANNOUNCED_UP = "announced_up"  # an upgrade, with its date, in this very run
NO_TIER = "none"  # lost every tier: now a prospect
UNCHANGED = ""

LOCK_FLOOR = "floor"  # at least the lock's tier
LOCK_FIXED = "fixed"  # exactly the lock's tier
LOCKS = (LOCK_FLOOR, LOCK_FIXED)

_STATES = (schema.PREVIOUS_TIER, schema.PREVIOUS_SINCE, schema.PENDING_TIER, schema.PENDING_DATE)
_ONE_DAY = np.timedelta64(1, "D")


def candidate(
    previous: pd.Series,
    earned: pd.Series,
    kept: pd.Series,
    ladder: Sequence[TierRule],
    entered: pd.Series | None = None,
) -> pd.Series:
    """The tier that the numbers speak for: it takes less to stay than to enter.

    Parameters
    ----------
    previous : pd.Series of Int64, shape (n_customers,): tier until now; NA or not in `ladder`: none
    earned : pd.Series of Int64, same index: highest tier whose rule to enter holds; NA: not a buyer
    kept : pd.Series of Int64, same index: highest tier whose rule to stay holds, never below `earned`
    ladder : tiers from the lowest to the highest
    entered : pd.Series of Int64, same index: highest tier that who has a lower one may enter, never above
        `earned`, see `tiers.upgrades`; None: `earned`

    Returns
    -------
    pd.Series of Int64, shape (n_customers,): `earned`, or up to `previous` what is kept, if
        that is higher, or above `previous` what is entered; NA where `earned` is

    Raises
    ------
    ValueError
        If an index differs from that of `earned`, or another than `previous` has keys that are not in `ladder`.

    >>> ladder = [TierRule(10), TierRule(20), TierRule(30)]
    >>> previous = pd.Series([30, 30, 20, 10, None, 99, 30], dtype="Int64")
    >>> earned = pd.Series([10, 10, 10, 20, 10, 10, None], dtype="Int64")
    >>> kept = pd.Series([30, 20, 30, 30, 30, 30, None], dtype="Int64")
    >>> candidate(previous, earned, kept, ladder).tolist()
    [30, 20, 20, 20, 10, 10, <NA>]
    >>> entered = pd.Series([10, 10, 10, 10, 10, 10, None], dtype="Int64")
    >>> candidate(previous, earned, kept, ladder, entered).tolist()
    [30, 20, 20, 10, 10, 10, <NA>]
    """
    entered = earned if entered is None else entered
    _check_index(earned.index, previous=previous, kept=kept, entered=entered)
    was, place = _places(previous, ladder), _known_places(earned, ladder, "earned")
    rises = (was >= 0) & (place > was)
    risen = np.where(rises, np.maximum(_known_places(entered, ladder, "entered"), was), place)
    stayed = np.minimum(_known_places(kept, ladder, "kept"), was)
    place = np.where(place < 0, -1, np.maximum(risen, stayed))
    return pd.Series(_keys(place, ladder), index=earned.index)


def retain(
    states: pd.DataFrame,
    candidate: pd.Series,
    first_order_date: pd.Series,
    as_of: datetime.date,
    rules: PolicyRules,
    *,
    mode: str,
    at_once: pd.Series | None = None,
    far: pd.Series | None = None,
    idle: bool = False,
) -> pd.DataFrame:
    """The tiers of today: first tiers at once, downgrades and, if the rules say so, upgrades announced first.

    An upgrade from a tier, by ``rules.upgrade_days``, is announced for today + so many days. It takes effect in the
    first run on or after the date, if the candidate has reached it in all runs in between. Where the candidate
    falls back to a tier that is still above the customer's, the announced one becomes this one and the date stays;
    where it rises, what was announced stays, and the higher tier is announced when the customer has got there.

    A downgrade is announced for the latest of: today + the days of grace of the tier, the
    day of entering it + its days to stay, the first purchase + the days of protection; by
    ``month_end`` moved to the last day of that month. From then on the date stays, but the
    tier to fall to follows the candidate. It takes effect in the first run on or after the
    date, which may be the run that announces it. By ``one_step`` it leads to the next
    lower tier, and the step after it is announced at once, for tomorrow at the earliest.

    Parameters
    ----------
    states : pd.DataFrame, shape (n_customers, any), index as of `candidate`, with the columns

        - ``previous_tier``: Int64, NA: none; a key that is not in the ladder counts as none
        - ``previous_since``: datetime64 of any unit, NaT: unknown, so long enough
        - ``pending_tier``: Int64; ``pending_date``: datetime64 of any unit: the announced
          downgrade or upgrade, NaT: none
    candidate : pd.Series of Int64, shape (n_customers,): what `candidate` returned; NA: a prospect
    first_order_date : pd.Series of datetime64 of any unit, same index; NaT: no protection
    as_of : the day "today"
    rules : of the policy
    mode : 'run': up and down. 'up': first tiers and upgrades only, with all about them; nobody loses a tier, no
        downgrade is announced, an announced one stays as it was unless the candidate calls it off. 'hold': nothing
        moves
    at_once : pd.Series of bool, same index: drops that only what was taken back caused. In mode 'run', and if
        ``rules.retention.refunds_at_once``, they take effect today, all the way to the candidate
    far : pd.Series of Int64, same index: the highest tier that does not wait for ``rules.upgrade_days``;
        None: each waits
    idle : nobody bought since the last run: no downgrade is announced and none takes effect, but for `at_once`

    Returns
    -------
    pd.DataFrame, shape (n_customers, 5), with the index of `candidate` and the columns

        - ``computed_tier``: Int64; NA: none. A key that is not in the ladder remains only where nothing moves
        - ``computed_since``: datetime64[s], the day of entering the tier; NaT: unknown or no tier
        - ``pending_tier``: Int64, ``pending_date``: datetime64[s]: the announced downgrade or upgrade,
          NA and NaT: none
        - ``reason``: object of str, one of 'first', 'up', 'down', 'announced', 'announced_up', 'waiting',
          'recovered', 'none' or '': what happened today

    Raises
    ------
    ValueError
        If `mode` is unknown, `states` lacks a column, an index differs from that of
        `candidate`, or `candidate` has keys that are not in the ladder.

    >>> from .rules import CriterionRule
    >>> tiers = (TierRule(1, 0), TierRule(2, 50, grace_days=30))
    >>> rules = PolicyRules((CriterionRule("recency", 1),), tiers, ((1,) * 5,) * 5)
    >>> state = pd.DataFrame({"previous_tier": [2], "previous_since": [pd.Timestamp(2024, 1, 1)]})
    >>> state[["pending_tier", "pending_date"]] = None
    >>> lower, first_order = pd.Series([1], dtype="Int64"), state["previous_since"]
    >>> after = retain(state, lower, first_order, datetime.date(2024, 6, 1), rules, mode="run")
    >>> [after[column].tolist() for column in ("computed_tier", "pending_tier", "reason")]
    [[2], [1], ['announced']]
    >>> after["pending_date"].dt.date.tolist()
    [datetime.date(2024, 7, 1)]
    """
    if mode not in MODES:
        raise ValueError(f"The mode must be one of {MODES}, not {mode!r}.")
    absent = [column for column in _STATES if column not in states.columns]
    if absent:
        raise ValueError(f"The frame of states lacks the columns {', '.join(absent)}.")
    others = {name: other for name, other in (("at_once", at_once), ("far", far)) if other is not None}
    _check_index(candidate.index, states=states, first_order_date=first_order_date, **others)
    goal = _known_places(candidate, rules.ladder, "candidate")
    after = _Standing(states, rules.ladder)
    if mode != MODE_HOLD:
        today = schema.day(as_of)
        soon = goal if not rules.upgrade_days else _none(goal) if far is None else _places(far, rules.ladder)
        _lift(after, goal, np.minimum(soon, goal), today, rules)
        if mode == MODE_RUN:
            refunded = np.zeros(len(goal), dtype=bool)
            if at_once is not None and rules.retention.refunds_at_once:
                refunded = at_once.astype("boolean").fillna(False).to_numpy(dtype=bool)
            _lower(after, goal, today, _days(first_order_date), refunded, rules, idle)
    return after.frame(candidate.index)


def effective(computed: pd.Series, lock_mode: pd.Series, lock_tier: pd.Series, ladder: Sequence[TierRule]) -> pd.Series:
    """The tier that counts, after a person's lock.

    Parameters
    ----------
    computed : pd.Series of Int64, shape (n_customers,): what the run came to; NA: no tier
    lock_mode : pd.Series of str, same index: 'fixed': exactly the lock's tier; 'floor': at
        least the lock's tier; missing or '': no lock
    lock_tier : pd.Series of Int64, same index; NA or not in `ladder`: the lock is ignored
    ladder : tiers from the lowest to the highest

    Returns
    -------
    pd.Series of Int64, shape (n_customers,): keys; NA: no tier

    Raises
    ------
    ValueError
        If an index differs from that of `computed`, or a lock has another mode.

    >>> ladder = [TierRule(10), TierRule(20), TierRule(30)]
    >>> computed = pd.Series([30, 30, 10, None, 30, 10], dtype="Int64")
    >>> lock_mode = pd.Series(["fixed", "floor", "floor", "floor", None, "fixed"])
    >>> lock_tier = pd.Series([20, 20, 20, 20, 20, 99], dtype="Int64")
    >>> effective(computed, lock_mode, lock_tier, ladder).tolist()
    [20, 30, 20, 20, 30, 10]
    """
    _check_index(computed.index, lock_mode=lock_mode, lock_tier=lock_tier)
    unknown = lock_mode[lock_mode.notna() & ~lock_mode.isin(["", *LOCKS])]
    if len(unknown):
        raise ValueError(f"The mode of a lock must be one of {LOCKS} or empty, not {unknown.iloc[0]!r}.")
    place = _places(lock_tier, ladder)
    raised = lock_mode.isin([LOCK_FLOOR]).to_numpy() & (place > _places(computed, ladder))
    locked = (place >= 0) & (lock_mode.isin([LOCK_FIXED]).to_numpy() | raised)
    keys = _integers(computed)
    keys[locked] = _keys(place[locked], ladder)
    return pd.Series(keys, index=computed.index)


class _Standing:
    """What `retain` returns, as it was yesterday, in arrays of its own to be changed in place."""

    def __init__(self, states: pd.DataFrame, ladder: Sequence[TierRule]):
        self.ladder = ladder
        self.place = _places(states[schema.PREVIOUS_TIER], ladder)  # -1: none, or archived
        self.tier = _integers(states[schema.PREVIOUS_TIER])
        self.since = _days(states[schema.PREVIOUS_SINCE])
        self.pending_tier = _integers(states[schema.PENDING_TIER])
        self.pending_date = _days(states[schema.PENDING_DATE])
        self.reason = np.full(len(states), UNCHANGED, dtype=object)

    @property
    def pending(self) -> np.ndarray:
        return ~np.isnat(self.pending_date)

    @property
    def pending_place(self) -> np.ndarray:
        return _places(pd.Series(self.pending_tier), self.ladder)

    def enter(self, who: np.ndarray, place: np.ndarray, today: np.datetime64) -> None:
        """Put `who` into the tiers of `place`, with nothing pending; -1: into none."""
        self.place[who] = place[who]
        self.tier[who] = _keys(place[who], self.ladder)
        self.since[who] = np.where(place[who] < 0, np.datetime64("NaT"), today)
        self.call_off(who)

    def announce(self, who: np.ndarray, place: np.ndarray, date: np.ndarray) -> None:
        """Announce to `who` the tiers of `place` for the days of `date`."""
        self.pending_tier[who] = _keys(place[who], self.ladder)
        self.pending_date[who] = date[who]

    def call_off(self, who: np.ndarray) -> None:
        """Nothing is pending for `who` any more."""
        self.pending_tier[who] = pd.NA
        self.pending_date[who] = np.datetime64("NaT")

    def frame(self, index: pd.Index) -> pd.DataFrame:
        return pd.DataFrame(
            {
                schema.COMPUTED_TIER: self.tier,
                schema.COMPUTED_SINCE: self.since.astype("datetime64[s]"),
                schema.PENDING_TIER: self.pending_tier,
                schema.PENDING_DATE: self.pending_date.astype("datetime64[s]"),
                # As a Series, because pandas 3 would make another dtype of an array of strings.
                schema.REASON: pd.Series(self.reason, index=index, dtype=object),
            },
            index=index,
        )


def _lift(after: _Standing, goal: np.ndarray, soon: np.ndarray, today: np.datetime64, rules: PolicyRules) -> None:
    """All that is good news: first tiers, upgrades and their announcements, downgrades called off.

    `soon`: the places up to which upgrades wait for nothing. All that was announced and is not so any more is called
    off, so that afterwards a downgrade is pending, or an upgrade that the customer still reaches.
    """
    has_tier, pending = after.place >= 0, after.pending
    promised = np.where(has_tier & pending, np.minimum(after.pending_place, goal), -1)
    promised[promised <= after.place] = -1
    date = after.pending_date.copy()

    keeps = has_tier & (goal == after.place)
    fades = has_tier & pending & (after.pending_place > after.place) & (goal <= after.place)
    after.reason[pending] = WAITING
    after.reason[keeps] = np.where(pending[keeps], RECOVERED, UNCHANGED)
    after.reason[fades] = UNCHANGED
    after.call_off(keeps | fades)

    rises = has_tier & (goal > after.place)
    target = np.where(rises, np.maximum(soon, np.where(date <= today, promised, -1)), goal)
    enters = target > after.place
    after.reason[enters] = np.where(has_tier[enters], UP, FIRST)
    after.enter(enters, target, today)

    waits = rises & (goal > after.place)
    goes_on = promised > after.place
    after.reason[waits & ~enters] = np.where(goes_on[waits & ~enters], WAITING, ANNOUNCED_UP)
    following = today + np.timedelta64(rules.upgrade_days, "D")
    after.announce(waits, np.where(goes_on, promised, goal), np.where(goes_on, date, following))


def _lower(
    after: _Standing,
    goal: np.ndarray,
    today: np.datetime64,
    first_order: np.ndarray,
    refunded: np.ndarray,
    rules: PolicyRules,
    idle: bool,
) -> None:
    """All that is bad news, after `_lift`: lost tiers, announcements, downgrades."""
    prospect = goal < 0
    after.reason[prospect] = np.where(after.place[prospect] >= 0, NO_TIER, UNCHANGED)
    after.enter(prospect, goal, today)

    below = goal < after.place
    if idle:
        below &= refunded
    known = below & after.pending
    if rules.upgrade_days:
        known &= after.pending_place >= 0  # of a tier that was archived nobody knows whether it was above
    after.reason[below] = np.where(known[below], WAITING, ANNOUNCED)
    earliest = _earliest(after.place, today, after.since, first_order, today, rules)
    date = np.where(known, after.pending_date, earliest)
    target = np.where(refunded, goal, after.place - 1) if rules.retention.one_step else goal
    after.announce(below, target, date)

    falls = below & (refunded | (date <= today))
    after.reason[falls] = DOWN
    after.enter(falls, target, today)
    # Only one_step leaves a way to go. Tomorrow, or two steps would be taken on one day by running twice.
    further = falls & (goal < after.place)
    following = _earliest(after.place, today, after.since, first_order, today + _ONE_DAY, rules)
    after.announce(further, after.place - 1, following)


def _earliest(
    place: np.ndarray,
    today: np.datetime64,
    since: np.ndarray,
    first_order: np.ndarray,
    not_before: np.datetime64,
    rules: PolicyRules,
) -> np.ndarray:
    """First day, datetime64[D], on which a downgrade announced today out of the tiers of `place` may take effect.

    Without a tier (-1) the value means nothing.
    """
    grace = np.array([tier.grace_days for tier in rules.ladder], dtype="timedelta64[D]")[place]
    stay = np.array([tier.stay_days for tier in rules.ladder], dtype="timedelta64[D]")[place]
    date = np.maximum(today + grace, not_before)
    # fmax passes over NaT: what is not known protects from nothing.
    date = np.fmax(date, since + stay)
    date = np.fmax(date, first_order + np.timedelta64(rules.retention.protection_days, "D"))
    if rules.retention.month_end:
        date = (date.astype("datetime64[M]") + 1).astype("datetime64[D]") - _ONE_DAY
    return date


def _integers(keys: pd.Series) -> pd.arrays.IntegerArray:
    """A copy of `keys`, Int64 whatever the dtype, such as object for a column without any value.

    >>> _integers(pd.Series([None, 7], dtype="object"))
    <IntegerArray>
    [<NA>, 7]
    Length: 2, dtype: Int64
    """
    return keys.astype("Int64").array.copy()


def _days(dates: pd.Series) -> np.ndarray:
    """The days of `dates` as datetime64[D], an array of its own, also of a column without any value.

    >>> _days(pd.Series([None, float("nan")], dtype="object"))
    array(['NaT', 'NaT'], dtype='datetime64[D]')
    """
    return schema.days(dates.astype("datetime64[s]"))


def _places(keys: pd.Series, ladder: Sequence[TierRule]) -> np.ndarray:
    """Places in the ladder, 0: the lowest; -1: NA or not in it."""
    return places(keys, [tier.key for tier in ladder])


def _none(place: np.ndarray) -> np.ndarray:
    return np.full_like(place, -1)


def _known_places(keys: pd.Series, ladder: Sequence[TierRule], name: str) -> np.ndarray:
    """Places in the ladder, -1: NA; other keys are refused."""
    place = _places(keys, ladder)
    foreign = keys[(place < 0) & keys.notna().to_numpy()]
    if len(foreign):
        raise ValueError(
            f"{name!r} has tiers that are not in the ladder for {len(foreign)} of {len(keys)} "
            f"customers, such as {foreign.iloc[0]!r}: compute it by the same rules."
        )
    return place


def _keys(place: np.ndarray, ladder: Sequence[TierRule]) -> pd.arrays.IntegerArray:
    """Keys of the tiers at the places; -1: NA."""
    return pd.array([tier.key for tier in ladder], dtype="Int64").take(place, allow_fill=True)


def _check_index(index: pd.Index, **others: pd.Series | pd.DataFrame) -> None:
    for name, other in others.items():
        if not other.index.equals(index):
            raise ValueError(f"{name!r} must have the index of the other frames: the same customers in the same order.")
