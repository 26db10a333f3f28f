"""What is foreseen happens: on its day, in runs that are then really done, and not if what is needed is ordered."""

import dataclasses
import datetime

import numpy as np
import pandas as pd
import pytest
from conftest import AS_OF
from delivered import METRICS
from engine import calendar, decision, idle, pipeline, purchases, schema
from engine.calendar import Kept
from engine.metrics import Metric
from engine.purchases import Purchases
from engine.replay import History
from engine.rules import ConditionRule, RetentionRules, TierRule

WINDOW = 120
ONE_DAY = datetime.timedelta(days=1)
CRITERIA = (("recency", 30), ("frequency", 20), ("monetary", 30), ("growth", 10), ("contact_recency", 10))
REFUNDS = Metric("refunds", "refund_amount", "money", (1, 5, 10, 50), higher_is_better=False)
CALM = tuple(TierRule(key, floor, floor * 0.8, grace_days=9, stay_days=40) for key, floor in enumerate((0, 40, 70), 1))
BY_MONEY = tuple(
    TierRule(
        key,
        conditions=(ConditionRule("monetary", ">=", money, keep_value=money * 0.8),) if money else (),
        grace_days=14,
    )
    for key, money in ((3, 400), (2, 150), (1, 0))
)
BY_SHARE = tuple(TierRule(key, share=share, grace_days=2) for key, share in ((3, 20), (2, 30), (1, 50)))


def make_history(customers=300, per_customer=9, seed=3, closed=False):
    random = np.random.default_rng(seed)
    count = customers * per_customer
    money = random.choice([4.0, 10.0, 12.5, 99.9, 180.0, -20.0], count)
    taken = np.sort(random.choice(np.flatnonzero(money > 0), count // 10, replace=False))
    day = schema.day(AS_OF) - random.integers(-10, 260, count).astype("timedelta64[D]")  # some later than today
    if closed:
        day -= np.where((day.astype("int64") + 3) % 7 >= 5, 2, 0).astype("timedelta64[D]")
    bought = Purchases(
        random.integers(0, customers * 9 // 10, count),
        day,
        money,
        taken,
        random.choice([1.0, 80.0], len(taken)),
        random.choice([0.0, 30.0], len(taken)),
    )
    rebates = random.integers(0, customers, 20), np.full(20, -15.0)
    index = pd.RangeIndex(100, 100 + customers, name=schema.CUSTOMER).astype("int64")
    contact = schema.day(AS_OF) - random.integers(10, 90, customers).astype("timedelta64[D]")
    contacts = pd.DataFrame(
        {
            "contact_count": random.integers(0, 5, customers),
            "last_contact_date": pd.Series(contact.astype("datetime64[s]"), index),
        },
        index=index,
    )
    history = History(contacts, bought, rebates, AS_OF, WINDOW, 2)
    return dataclasses.replace(history, frame=frame_of(history, bought, AS_OF))


def frame_of(history, bought, day, untaken=False):
    """All summed up anew; documents after `day` are not there yet."""
    past = bought.day <= schema.day(day)
    kept = past[bought.taken]
    taken = np.cumsum(past)[bought.taken[kept]] - 1
    bought = Purchases(*(part[past] for part in bought[:3]), taken, bought.returned[kept], bought.undone[kept])
    frame = purchases.summarize(history.frame.index, bought, history.rebates, day, WINDOW, 2, with_untaken=untaken)
    return frame.assign(
        contact_count=history.frame["contact_count"], last_contact_date=history.frame["last_contact_date"]
    )


def known(history):
    """The documents of until today."""
    bought = history.purchases
    past = bought.day <= schema.day(AS_OF)
    kept = past[bought.taken]
    taken = np.cumsum(past)[bought.taken[kept]] - 1
    return Purchases(*(part[past] for part in bought[:3]), taken, bought.returned[kept], bought.undone[kept])


def bare_states(history, seed=1):
    """Nobody has a tier yet; every ninth is locked, some of them for some weeks only."""
    index, random = history.frame.index, np.random.default_rng(seed)
    count = len(index)
    locked = np.arange(count) % 9 == 0
    mode = pd.Series(random.choice(["fixed", "floor"], count), index, dtype=object).where(locked, None)
    end = schema.day(AS_OF) + random.integers(0, 60, count).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "previous_tier": pd.array([None] * count, dtype="Int64"),
            "previous_since": pd.Series(pd.NaT, index, dtype="datetime64[s]"),
            "pending_tier": pd.array([None] * count, dtype="Int64"),
            "pending_date": pd.Series(pd.NaT, index, dtype="datetime64[s]"),
            "lock_id": pd.Series(pd.array(range(count), dtype="Int64"), index).where(locked),
            "lock_mode": mode,
            "lock_tier": pd.Series(pd.array(random.choice([2, 3], count), dtype="Int64"), index).where(locked),
            "lock_end": pd.Series(end.astype("datetime64[s]"), index).where(locked & (random.random(count) < 0.6)),
        },
        index=index,
    )


def run(rules, kept, open_days, frame, states, day, nobody=False):
    """One night as runs do it: everybody is applied and decided about."""
    fit = idle.age(rules, kept.fit, kept.fitted_on, open_days, day)
    scored = pipeline.apply(rules, fit, frame, day)
    ended = states["lock_end"] < pd.Timestamp(day)
    holds = states.assign(**{name: states[name].mask(ended) for name in ("lock_id", "lock_mode", "lock_tier")})
    decided = decision.decide(rules, fit, frame, scored, holds, day, idle=nobody)
    after = states.assign(
        previous_tier=decided["computed_tier"],
        previous_since=decided["computed_since"],
        pending_tier=decided["pending_tier"],
        pending_date=decided["pending_date"],
    )
    return decided, after


def begin(rules, history, seed=1):
    """The comparison of ten days ago, and what ten nights of runs since then have decided."""
    first = AS_OF - ONE_DAY * 10
    kept = Kept(pipeline.fit(rules, frame_of(history, known(history), first), first), first)
    states, open_days, decided = bare_states(history, seed), [], None
    for number in range(11):
        day = first + ONE_DAY * number
        if number and _is_open(history, day):
            open_days.append(day)
        frame = frame_of(history, known(history), day, rules.retention.refunds_at_once)
        decided, states = run(rules, kept, open_days, frame, states, day)
    return kept._replace(open_days=tuple(open_days)), states, decided["tier"]


def _is_open(history, day):
    """Whether somebody bought on the weekday of late."""
    bought = known(history)
    bought = bought.day[(bought.money > 0) & (bought.day > schema.day(AS_OF) - np.timedelta64(56, "D"))]
    return any(found.weekday() == day.weekday() for found in bought.tolist())


def really(rules, kept, history, states, tier, nights, more=()):
    """First fall of each customer in nights that are done: {customer: (day, from, to)}."""
    bought = known(history)
    if more:
        who, days, money = zip(*more, strict=True)
        bought = bought._replace(
            buyer=np.append(bought.buyer, who),
            day=np.append(bought.day, np.array(days, dtype="datetime64[D]")),
            money=np.append(bought.money, money),
        )
    before, falls, open_days = tier.dropna().to_dict(), {}, list(kept.open_days)
    for number in range(1, nights + 1):
        day = AS_OF + ONE_DAY * number
        is_open = _is_open(history, day)
        open_days += [day] * is_open
        frame = frame_of(history, bought, day, rules.retention.refunds_at_once)
        nobody = rules.retention.skip_idle_days and not is_open
        decided, states = run(rules, kept, open_days, frame, states, day, nobody)
        for customer, now in decided["tier"].dropna().items():
            was = before.get(customer, now)
            if [item.key for item in rules.ladder].index(now) < [item.key for item in rules.ladder].index(was):
                falls.setdefault(customer, (day, was, now))
            before[customer] = now
    return falls


def usual(history, nights):
    """The purchases at the usual rhythm, in plain Python."""
    found = []
    for place, row in enumerate(history.frame.itertuples()):
        if np.isnan(row.gap_median_days) or not row.order_count:
            continue
        gap = max(round(row.gap_median_days), 1)
        day = max(row.last_order_date.date() + ONE_DAY * gap, AS_OF + ONE_DAY)
        while day <= AS_OF + ONE_DAY * nights:
            found.append((place, day, round(row.gross_amount / row.order_count, 2)))
            day += ONE_DAY * gap
    return found


def told(found, column):
    return {
        customer: (row[column].date(), row["from_tier"], row["to_tier"])
        for customer, row in found.iterrows()
        if not pd.isna(row[column])
    }


CASES = {
    "score": {"tiers": CALM, "retention": RetentionRules(one_step=True, protection_days=30)},
    "month end": {"tiers": CALM, "retention": RetentionRules(month_end=True, upgrade_days=5)},
    "refunds at once": {
        "tiers": tuple(dataclasses.replace(tier, stay_days=0) for tier in CALM),
        "retention": RetentionRules(refunds_at_once=True),
    },
    "idle days": {"tiers": CALM, "retention": RetentionRules(skip_idle_days=True), "closed": True},
    "conditions": {"tiers": BY_MONEY, "tier_method": "conditions"},
    "share of customers": {"tiers": BY_SHARE, "tier_method": "customer_share"},
    "share of the revenue": {"tiers": BY_SHARE, "tier_method": "revenue_share"},
}


@pytest.mark.parametrize("name", CASES)
def test_who_falls_falls_on_the_day_of_the_runs_that_then_happen(policy, name):
    """Each kind of rules without another order, two of them at the usual rhythm, too."""
    case = dict(CASES[name])
    history = make_history(closed=case.pop("closed", False))
    rules = policy(criteria=CRITERIA, definitions=(*METRICS, REFUNDS), **case)
    kept, states, tier = begin(rules, history)
    found = calendar.foresee(rules, kept, history, states)
    expected = really(rules, kept, history, states, tier, calendar.NIGHTS)
    assert told(found, "day") == expected
    assert len(expected) > 30
    assert found["amount"].tolist() == history.frame["amount"].reindex(found.index).tolist()
    if name not in ("score", "conditions"):
        return
    at_rhythm = really(rules, kept, history, states, tier, calendar.NIGHTS, usual(history, calendar.NIGHTS))
    assert {who: day for who, (day, *_) in told(found, "usual_day").items()} == {
        who: day for who, (day, *_) in at_rhythm.items()
    }
    assert {*expected} - {*at_rhythm}


def test_chunks_change_nothing(policy):
    history = make_history()
    rules = policy(criteria=CRITERIA, tiers=CALM)
    kept, states, _tier = begin(rules, history)
    whole = calendar.foresee(rules, kept, history, states, nights=20)
    pd.testing.assert_frame_equal(calendar.foresee(rules, kept, history, states, nights=20, chunk=37), whole)
    count = len(history.frame)
    parts = [
        calendar.foresee(rules, kept, history, states, nights=20, chunk=20, start=start, end=start + 53)
        for start in range(0, count, 53)
    ]
    assert len(parts) > 2
    pd.testing.assert_frame_equal(pd.concat(parts), whole)
    assert len(whole)


def one_customer(policy, grace_days=30, lock=None):
    """4,200 on 4 March and 300 on 1 June 2024; the window has 120 days, Gold takes 1,450."""
    tiers = (
        TierRule(2, conditions=(ConditionRule("monetary", ">=", 1450),), grace_days=grace_days),
        TierRule(1),
    )
    rules = policy(tiers=tiers, tier_method="conditions")
    index = pd.Index([7], name=schema.CUSTOMER, dtype="int64")
    contacts = pd.DataFrame(
        {"contact_count": [0], "last_contact_date": pd.Series([pd.NaT], index, dtype="datetime64[s]")}, index=index
    )
    nothing = np.zeros(0)
    bought = Purchases(
        np.array([0, 0]),
        np.array(["2024-03-04", "2024-06-01"], dtype="datetime64[D]"),
        np.array([4200.0, 300.0]),
        *(nothing.astype(int), nothing, nothing),
    )
    history = History(contacts, bought, (nothing.astype(int), nothing), AS_OF, WINDOW, 2)
    history = dataclasses.replace(history, frame=frame_of(history, bought, AS_OF))
    states = bare_states(history).assign(previous_tier=pd.array([2], dtype="Int64"))
    states[["lock_id", "lock_mode", "lock_tier", "lock_end"]] = lock or [pd.NA, None, pd.NA, pd.NaT]
    states = states.astype({"lock_id": "Int64", "lock_tier": "Int64", "lock_end": "datetime64[s]"})
    return rules, Kept(pipeline.fit(rules, history.frame, AS_OF), AS_OF), history, states


def test_a_fall_tells_its_document_and_what_is_needed(policy):
    (fall,) = calendar.foresee(*one_customer(policy)).itertuples()
    # 120 days after 4 March is 2 July; thirty days of grace after that 1 August.
    assert (fall.Index, fall.from_tier, fall.to_tier) == (7, 2, 1)
    assert fall.leaves_on == pd.Timestamp(2024, 7, 2)
    assert fall.day == pd.Timestamp(2024, 8, 1)
    assert (fall.document_day, fall.document_money) == (pd.Timestamp(2024, 3, 4), 4200.0)
    assert fall.needed_money == 1150.0
    assert fall.amount == 4500.0


def test_what_is_needed_is_enough_and_a_cent_less_is_not(policy):
    rules, kept, history, states = one_customer(policy)
    tier = states["previous_tier"]
    for money, falls in ((1150.0, False), (1149.99, True)):
        more = [(0, datetime.date(2024, 8, 1), money)]
        # Until 28 September only: then the second order leaves as well.
        assert bool(really(rules, kept, history, states, tier, 40, more)) == falls


@pytest.mark.parametrize("name", ["score", "conditions", "refunds at once", "share of the revenue"])
def test_an_order_of_what_is_needed_keeps_the_tier_that_day_and_a_cent_less_does_not(policy, name):
    """All at once: everybody who falls in the first weeks orders on the own day, for what is needed or a cent less."""
    history, nights = make_history(), 45
    rules = policy(criteria=CRITERIA, definitions=(*METRICS, REFUNDS), **CASES[name])
    kept, states, tier = begin(rules, history)
    found = calendar.foresee(rules, kept, history, states, nights=nights)
    told = found[found["needed_money"].notna() & found["day"].notna()]
    assert len(told) > 15
    place = history.frame.index.get_indexer(told.index).tolist()
    days = [day.date() for day in told["day"]]
    for less, falls in ((0.0, False), (0.01, True)):
        more = [(who, day, money - less) for who, day, money in zip(place, days, told["needed_money"], strict=True)]
        fallen = really(rules, kept, history, states, tier, nights, more)
        for customer, day, money in zip(told.index, days, told["needed_money"], strict=True):
            if money > 0.01 or not falls:
                assert (fallen.get(customer, (None,))[0] == day) == falls, (customer, money)


def test_a_lock_prevents_until_it_ends(policy):
    for_good = [5, "fixed", 2, pd.NaT]
    assert calendar.foresee(*one_customer(policy, lock=for_good)).empty
    until = [5, "floor", 2, pd.Timestamp(2024, 8, 20)]
    (fall,) = calendar.foresee(*one_customer(policy, lock=until)).itertuples()
    assert fall.day == pd.Timestamp(2024, 8, 21)


def test_nobody_and_no_nights(policy):
    rules, kept, history, states = one_customer(policy)
    nobody = dataclasses.replace(
        history, frame=history.frame[:0], purchases=Purchases(*(part[:0] for part in history.purchases))
    )
    assert calendar.foresee(rules, kept, nobody, states[:0]).empty
    assert calendar.foresee(rules, kept, history, states, nights=1).empty
    with pytest.raises(ValueError, match="one night"):
        calendar.foresee(rules, kept, history, states, nights=0)
