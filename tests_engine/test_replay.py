"""A policy lived through again is what a day-by-day use of the engine's parts is, and knows nothing of later days."""

import dataclasses
import datetime

import numpy as np
import pandas as pd
import pytest
from conftest import AS_OF
from delivered import METRICS
from engine import border, decision, idle, pipeline, purchases, replay, schema
from engine.metrics import Metric
from engine.purchases import Purchases
from engine.rules import RetentionRules, TierRule

NIGHTS, WINDOW = 25, 60
ONE_DAY = datetime.timedelta(days=1)
CALM = tuple(TierRule(key, floor, floor * 0.8, grace_days=3, stay_days=15) for key, floor in enumerate((0, 40, 70), 1))
PLAIN = tuple(TierRule(tier.key, tier.floor) for tier in CALM)
CRITERIA = (
    *(("recency", 30), ("frequency", 20), ("monetary", 20)),
    *(("growth", 10), ("average_order", 10), ("contacts", 10), ("contact_recency", 10), ("refunds", 20)),
)
REFUNDS = Metric("refunds", "refund_amount", "money", (1, 5, 10, 50), higher_is_better=False)
RULES = {"criteria": CRITERIA, "definitions": (*METRICS, REFUNDS)}


def make_history(customers=60, per_customer=12, seed=5, closed=False, **fields):
    """Customers with purchases of some months, of which some were returned in part, some cost less than nothing."""
    random = np.random.default_rng(seed)
    count = customers * per_customer
    money = random.choice([0.0, 4.0, 10.0, 12.5, 99.9, -20.0], count)
    taken = np.sort(random.choice(np.flatnonzero(money > 0), count // 10, replace=False))
    day = schema.day(AS_OF) - random.integers(-10, 200, count).astype("timedelta64[D]")  # some later than the last day
    if closed:  # on Saturday and Sunday: who would have come came on Thursday or Friday
        day -= np.where((day.astype("int64") + 3) % 7 >= 5, 2, 0).astype("timedelta64[D]")
    # The last fifth of the customers never bought.
    bought = Purchases(
        random.integers(0, customers * 4 // 5, count),
        day,
        money,
        taken,
        random.choice([1.0, 5.0], len(taken)),
        np.zeros(len(taken)),
    )
    rebates = random.integers(0, customers, 20), np.full(20, -45.0)
    index = pd.RangeIndex(100, 100 + customers, name=schema.CUSTOMER).astype("int64")
    past = bought.day <= schema.day(AS_OF)
    today = purchases.summarize(index, cut(bought, past), rebates, AS_OF, WINDOW, 2, **fields)
    contact = schema.day(AS_OF) - random.integers(0, 90, customers).astype("timedelta64[D]")
    frame = today.assign(
        contact_count=random.integers(0, 5, customers),
        last_contact_date=pd.Series(contact.astype("datetime64[s]"), index).where(random.random(customers) < 0.7),
    )
    return replay.History(frame, bought, rebates, AS_OF, WINDOW, 2, **fields)


def cut(bought, chosen):
    kept = chosen[bought.taken]
    taken = np.cumsum(chosen)[bought.taken[kept]] - 1
    return Purchases(*(part[chosen] for part in bought[:3]), taken, bought.returned[kept], bought.undone[kept])


def plainly(rules, history, recalibrate_days, locks):
    """The frames are summed up anew on each day, everything is applied: (customer, day, from, to) of the moves."""
    index, moves = history.frame.index, []
    states = pd.DataFrame(
        {
            "previous_tier": pd.array([None] * len(index), dtype="Int64"),
            "previous_since": pd.NaT,
            "pending_tier": pd.array([None] * len(index), dtype="Int64"),
            "pending_date": pd.NaT,
        },
        index=index,
    ).join(locks)
    before, compared, known = {}, None, None
    for ago in range(NIGHTS, -1, -1):
        day = AS_OF - ONE_DAY * ago
        documents = cut(history.purchases, history.purchases.day <= schema.day(day))
        frame = purchases.summarize(index, documents, history.rebates, day, WINDOW, 2, least=history.least)
        # Days since the last interaction are those of the last day.
        frame["contact_count"] = history.frame["contact_count"]
        frame["last_contact_date"] = (history.frame["last_contact_date"] - pd.Timedelta(days=ago)).astype(
            "datetime64[s]"
        )
        found = idle.find_open_days(frame["last_order_date"], known) if known else []
        nobody = bool(known) and not found
        known = idle.last_purchase(frame["last_order_date"])
        if compared is None or (day - compared).days >= recalibrate_days:
            first, compared, open_days = pipeline.fit(rules, frame, day), day, []
            fit = first
        else:
            open_days += found
            fit = idle.age(rules, first, compared, open_days, day)
        scored = pipeline.apply(rules, fit, frame, day)
        skips = rules.retention.skip_idle_days and nobody
        decided = decision.decide(rules, fit, frame, scored, states, day, idle=skips)
        for customer, tier in decided["tier"].dropna().items():
            if before.get(customer, tier) != tier:
                moves.append((customer, day, before[customer], tier))
            before[customer] = tier
        since = decided["computed_since"] if ago < NIGHTS else pd.NaT  # they have the first tiers since always
        states = states.assign(
            previous_tier=decided["computed_tier"],
            previous_since=since,
            pending_tier=decided["pending_tier"],
            pending_date=decided["pending_date"],
        )
    return sorted(moves), before, scored["earned"]


def moves_of(found):
    moves = found.moves.itertuples(index=False)
    return [(move.customer, move.day.date(), move.from_tier, move.to_tier) for move in moves]


@pytest.mark.parametrize(
    ("method", "recalibrate_days", "least"), [("score", 0, 0.0), ("score", 7, 10.0), ("customer_share", 7, 0.0)]
)
def test_a_replay_is_a_day_by_day_use_of_fit_apply_and_decide(policy, method, recalibrate_days, least):
    history = make_history(least=least)
    tiers = (
        CALM
        if method == "score"
        else tuple(TierRule(key, share=share, grace_days=2) for key, share in ((3, 20), (2, 30), (1, 50)))
    )
    rules = policy(**RULES, tiers=tiers, tier_method=method, retention=RetentionRules(one_step=True))
    locks = pd.DataFrame(index=history.frame.index, columns=["lock_id", "lock_mode", "lock_tier"], dtype=object)
    locks.iloc[0] = [5, "fixed", 3]
    found = replay.replay(rules, history, NIGHTS, recalibrate_days=recalibrate_days, locks=locks)
    moves, tiers, earned = plainly(rules, history, recalibrate_days, locks)
    assert moves_of(found) == moves
    assert len(moves) > 10
    assert 100 not in found.moves["customer"].to_numpy()
    assert found.tiers == {key: list(tiers.values()).count(key) for key in found.tiers}
    assert found.earned == {key: int((earned == key).sum()) for key in found.earned}
    assert sum(found.per_night) == len(moves)
    assert len(found.per_night) == NIGHTS
    assert found.tiered[-1] == len(tiers)


def test_days_on_which_nobody_bought_are_none_where_they_do_not_count(policy):
    history = make_history(closed=True)
    locks = pd.DataFrame(index=history.frame.index, columns=["lock_id", "lock_mode", "lock_tier"], dtype=object)
    skipping, counting = (
        policy(**RULES, tiers=PLAIN, retention=RetentionRules(skip_idle_days=skips)) for skips in (True, False)
    )
    found, others = replay.replay_all([skipping, counting], history, NIGHTS, recalibrate_days=7)
    for rules, lived in ((skipping, found), (counting, others)):
        assert moves_of(lived) == plainly(rules, history, 7, locks)[0]
    down_on_weekends = [
        [day for _who, day, before, after in moves_of(lived) if after < before and day.weekday() >= 5]
        for lived in (found, others)
    ]
    assert not down_on_weekends[0]
    assert down_on_weekends[1]


def test_nothing_that_was_bought_later_is_looked_at(policy):
    history = make_history()
    bought = history.purchases
    rules = policy(**RULES, tiers=PLAIN)
    other = cut(bought, bought.day <= schema.day(AS_OF - ONE_DAY * 10))
    first = [move for move in moves_of(replay.replay(rules, history, NIGHTS)) if move[1] <= AS_OF - ONE_DAY * 10]
    others = moves_of(replay.replay(rules, dataclasses.replace(history, purchases=other), NIGHTS))
    assert [move for move in others if move[1] <= AS_OF - ONE_DAY * 10] == first
    assert first


def test_variants_that_are_replayed_together_are_as_those_replayed_alone(policy):
    history = make_history()
    variants = [policy(**RULES, tiers=tiers) for tiers in (PLAIN, CALM)]
    together = replay.replay_all(variants, history, NIGHTS)
    for variant, found in zip(variants, together, strict=True):
        assert moves_of(replay.replay(variant, history, NIGHTS)) == moves_of(found)
    assert len(together[0].moves) > len(together[1].moves)
    assert together[0].tiers == together[0].earned


def test_variants_may_differ_in_protection_only(policy):
    history = make_history()
    with pytest.raises(ValueError, match="protects"):
        replay.replay_all([policy(**RULES, tiers=PLAIN), policy(tiers=PLAIN)], history, NIGHTS)
    with pytest.raises(ValueError, match="one night"):
        replay.replay(policy(), history, 0)


def test_a_replay_may_begin_with_the_tiers_of_that_day(policy):
    history = make_history()
    rules = policy(**RULES, tiers=CALM)
    states = pd.DataFrame(index=history.frame.index).assign(
        previous_tier=pd.array([3] * len(history.frame), dtype="Int64"),
        previous_since=pd.Timestamp(AS_OF - ONE_DAY * NIGHTS),
        pending_tier=pd.array([None] * len(history.frame), dtype="Int64"),
        pending_date=pd.NaT,
    )
    found = replay.replay(rules, history, NIGHTS, states=states)
    # Who falls had the highest tier; after fifteen days of stay at the earliest.
    first = found.moves.groupby("customer").first()
    assert (first["from_tier"] == 3).mean() > 0.5
    assert found.moves["day"].min() == pd.Timestamp(AS_OF - ONE_DAY * (NIGHTS - 15))


def test_ticks_after_each_night(policy):
    ticks = []
    replay.replay(policy(tiers=PLAIN), make_history(), 3, tick=ticks.append)
    assert ticks == [1, 2, 3]


def told(rules, *moves, nights=80):
    moves = pd.DataFrame(
        [(customer, AS_OF - ONE_DAY * ago, before, after) for customer, ago, before, after in moves],
        columns=["customer", "day", "from_tier", "to_tier"],
    ).astype({"customer": "int64", "day": "datetime64[s]", "from_tier": "int64", "to_tier": "int64"})
    return replay.Replay(rules, AS_OF, nights, np.full(nights, 200), moves, {1: 90, 2: 60, 3: 0}, {1: 100, 2: 50, 3: 0})


def test_who_falls_and_is_back_within_sixty_days_went_there_and_back(policy):
    found = told(
        policy(tiers=PLAIN),
        (1, 79, 3, 2), (1, 19, 2, 3),  # 60 days later
        (2, 79, 3, 2), (2, 18, 2, 3),  # 61
        (3, 70, 3, 1), (3, 50, 1, 2),  # not all the way
        (4, 70, 3, 1), (4, 50, 1, 2), (4, 30, 2, 3),  # in two steps
        (5, 70, 1, 2), (5, 50, 2, 1),  # up and down
        (6, 70, 2, 1),
        (7, 60, 1, 3),
    ).by_customer()  # fmt: skip
    assert found["back"].to_dict() == {1: True, 2: False, 3: False, 4: True, 5: False, 6: False, 7: False}
    assert found.loc[4].tolist()[:3] == [3, 3, 3]


def test_other_prices_are_those_of_another_pricelist(policy):
    found = told(policy(tiers=PLAIN), (1, 9, 1, 2), (2, 9, 2, 3), (3, 9, 3, 2), (3, 5, 2, 3))
    assert found.by_customer({1: 7, 2: 7, 3: 8})["repriced"].tolist() == [False, True, True]
    assert found.by_customer({3: 8})["repriced"].tolist() == [False, True, True]
    assert found.by_customer()["repriced"].tolist() == [False, False, False]


def test_the_moves_of_each_night_and_their_share(policy):
    found = told(policy(tiers=PLAIN), (1, 3, 1, 2), (1, 0, 2, 1), (2, 0, 1, 2), nights=4)
    assert found.per_night.tolist() == [1, 0, 0, 2]
    # 1, 0, 0 and 2 of 200
    assert found.moved_share == pytest.approx(0.375)
    assert found.inflation == {1: 0.9, 2: 1.2, 3: None}


def test_nobody_bought_and_nobody_is_there(policy):
    nobody = make_history()
    nobody = dataclasses.replace(
        nobody, purchases=cut(nobody.purchases, np.zeros(len(nobody.purchases.buyer), dtype=bool))
    )
    for history in (nobody, nobody.sample(0)):
        found = replay.replay(policy(**RULES, tiers=PLAIN), history, 3)
        assert len(found.moves) == len(found.by_customer({1: 5})) == 0
        assert found.moved_share == 0
        assert found.tiers == {1: 0, 2: 0, 3: 0}
        assert found.by_customer().dtypes.astype(str).tolist()[-2:] == ["bool", "bool"]


def test_a_sample_is_the_same_again_and_its_customers_keep_their_purchases():
    history = make_history()
    drawn, again = history.sample(20, seed=3), history.sample(20, seed=3)
    assert drawn.frame.index.tolist() == again.frame.index.tolist()
    past = drawn.purchases.day <= schema.day(AS_OF)
    found = purchases.summarize(drawn.frame.index, cut(drawn.purchases, past), drawn.rebates, AS_OF, WINDOW, 2)
    pd.testing.assert_frame_equal(found, drawn.frame[list(found)])


def test_the_days_of_a_border_are_each_computed_anew(policy):
    rules, history = policy(**RULES, tiers=PLAIN), make_history()
    found = list(border.live(rules, history, 90))
    assert [day.day for day in found] == [AS_OF - ONE_DAY * ago for ago in (90, 60, 30, 0)]
    for day in found:
        past = cut(history.purchases, history.purchases.day <= schema.day(day.day))
        frame = purchases.summarize(history.frame.index, past, history.rebates, day.day, WINDOW, 2)
        ago = pd.Timedelta(days=(AS_OF - day.day).days)
        contact = (history.frame["last_contact_date"] - ago).astype("datetime64[s]")
        frame = frame.assign(contact_count=history.frame["contact_count"], last_contact_date=contact)
        scored = pipeline.apply(rules, pipeline.fit(rules, frame, day.day), frame, day.day)
        never = frame["first_order_date"].isna()
        assert scored["score"].mask(never).round(2).fillna(-1).tolist() == pd.Series(day.score).fillna(-1).tolist()
        assert np.isnan(day.score).sum() == never.sum() > 0
    with pytest.raises(ValueError, match="multiple of 30"):
        next(border.live(rules, history, 45))
