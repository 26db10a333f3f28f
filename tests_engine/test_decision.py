"""From the scores to the tier that counts: what a refund causes, and a lock that names no tier."""

import datetime

import pandas as pd
import pytest
from engine import decision, pipeline, retention, schema
from engine.rules import ConditionRule, RetentionRules, TierRule

LOW, HIGH = 1, 2


@pytest.fixture
def decide(policy, customers, as_of):
    """Decide over customers of these amounts, refunds and earlier tiers, by an amount of 500 for the high tier."""
    rules = policy(
        criteria=[("monetary", 1, "bands", (500.0,), "value")],
        tiers=(TierRule(LOW, 0.0), TierRule(HIGH, 50.0, grace_days=30)),
        retention=RetentionRules(refunds_at_once=True),
    )

    def decide(*rows, mode=retention.MODE_RUN, lock_tier=None):
        frame = customers(*({"amount": amount} for amount, _refund, _before in rows))
        for column in schema.PURCHASE_COLUMNS:
            frame[schema.UNTAKEN + column] = frame[column]
        frame[schema.UNTAKEN + schema.AMOUNT] += [float(refund) for _amount, refund, _before in rows]
        fit = pipeline.fit(rules, frame, as_of)
        states = pd.DataFrame(
            {
                "previous_tier": pd.array([before for *_, before in rows], dtype="Int64"),
                "pending_tier": pd.array([None] * len(rows), dtype="Int64"),
                "previous_since": pd.NaT,
                "pending_date": pd.NaT,
                "lock_id": pd.array([lock_tier and 7] * len(rows), dtype="Int64"),
                "lock_mode": pd.Series([lock_tier and "fixed"] * len(rows), dtype=object).to_numpy(),
                "lock_tier": pd.array([lock_tier] * len(rows), dtype="Int64"),
            },
            index=frame.index,
        ).astype({"previous_since": "datetime64[s]", "pending_date": "datetime64[s]"})
        scored = pipeline.apply(rules, fit, frame, as_of)
        return decision.decide(rules, fit, frame, scored, states, as_of, mode=mode)

    return decide


def test_only_those_whom_a_refund_brings_down_fall_at_once(decide, as_of):
    # 600 less 200; 400 without any refund; 300 after 50, who would have fallen to 350 anyway
    decided = decide((400.0, 200, HIGH), (400.0, 0, HIGH), (300.0, 50, HIGH))
    assert decided[schema.TIER].tolist() == [LOW, HIGH, HIGH]
    later = as_of + datetime.timedelta(30)
    assert decided["pending_date"].dt.date.tolist()[1:] == [later, later]


@pytest.mark.parametrize("before", [LOW, HIGH, None])
def test_nobody_falls(decide, before):
    decided = decide((900.0, 100, before))
    assert decided[schema.TIER].tolist() == [HIGH]


def test_a_prospect_beside_others(decide):
    assert decide((600.0, 0, None), (100.0, 0, LOW))[schema.TIER].tolist() == [HIGH, LOW]


def test_a_refund_downgrades_nobody_between_the_runs(decide):
    decided = decide((400.0, 200, HIGH), mode=retention.MODE_UP)
    assert decided[schema.TIER].tolist() == [HIGH]
    assert decided["pending_tier"].isna().all()


@pytest.fixture
def rise(policy, customers, as_of):
    """Decide over customers of these amounts and earlier tiers, by 50 points for the high tier, 1 per 10 of money."""

    def rise(*rows, margin=3.0, days=7, far=20.0, lock_tier=None):
        rules = policy(
            criteria=[("monetary", 1, "bands", tuple(float(10 * cut) for cut in range(1, 101)), "value")],
            tiers=(TierRule(LOW, 0.0), TierRule(HIGH, 50.0)),
            retention=RetentionRules(enter_margin=margin, upgrade_days=days, at_once_margin=far),
        )
        frame = customers(*({"amount": amount} for amount, _before in rows))
        fit = pipeline.fit(rules, frame, as_of)
        states = pd.DataFrame({"previous_tier": pd.array([before for _, before in rows], dtype="Int64")}, frame.index)
        lock = "floor" if lock_tier else None
        states = states.assign(
            previous_since=pd.NaT,
            pending_tier=pd.NA,
            pending_date=pd.NaT,
            lock_id=lock_tier,
            lock_mode=lock,
            lock_tier=lock_tier,
        )
        scored = pipeline.apply(rules, fit, frame, as_of)
        return decision.decide(rules, fit, frame, scored, states, as_of)

    return rise


def test_an_upgrade_takes_more_than_a_first_tier(rise):
    decided = rise((529.0, LOW), (530.0, LOW), (500.0, None), days=0)
    assert decided[schema.SCORE].tolist() == [52, 53, 50]
    assert decided[schema.TIER].tolist() == [LOW, HIGH, HIGH]
    assert decided["points_to_next"].tolist()[0] == 1


def test_an_upgrade_waits_unless_it_is_far_above(rise, as_of):
    decided = rise((530.0, LOW), (690.0, LOW), (700.0, LOW))
    assert decided[schema.TIER].tolist() == [LOW, LOW, HIGH]
    assert decided["pending_tier"].tolist()[:2] == [HIGH, HIGH]
    assert decided["pending_date"].dt.date.tolist()[0] == as_of + datetime.timedelta(7)
    assert rise((530.0, LOW), (1000.0, LOW), far=0.0)[schema.TIER].tolist() == [LOW, LOW]


def test_conditions_that_were_told_wait_for_nothing(policy, customers, as_of):
    tiers = (TierRule(HIGH, conditions=(ConditionRule("monetary", ">=", 500),)), TierRule(LOW))
    calm = RetentionRules(enter_margin=3, upgrade_days=7)
    rules = policy(tiers=tiers, tier_method="conditions", retention=calm)
    frame = customers({"amount": 500.0})
    fit = pipeline.fit(rules, frame, as_of)
    states = pd.DataFrame({"previous_tier": pd.array([LOW], dtype="Int64")}, frame.index).assign(
        previous_since=pd.NaT, pending_tier=pd.NA, pending_date=pd.NaT, lock_id=pd.NA, lock_mode=None, lock_tier=pd.NA
    )
    scored = pipeline.apply(rules, fit, frame, as_of)
    assert decision.decide(rules, fit, frame, scored, states, as_of)[schema.TIER].tolist() == [HIGH]


def test_a_lock_in_a_tier_that_is_gone_is_ignored(decide):
    decided = decide((600.0, 0, HIGH), lock_tier=99)
    assert decided[schema.TIER].tolist() == [HIGH]
    assert decided["lock_id"].isna().all()
    assert decided["idle_lock_id"].eq(7).all()
    assert decide((600.0, 0, HIGH), lock_tier=LOW)["idle_lock_id"].isna().all()
    assert not decided["differs"].any()
    assert decide((600.0, 0, HIGH), lock_tier=LOW)["differs"].all()


def test_who_is_locked_in_exactly_one_tier_has_no_next_one(decide):
    free, locked = decide((100.0, 0, LOW)), decide((100.0, 0, LOW), lock_tier=LOW)
    assert (free[schema.NEXT_TIER].tolist(), free[schema.POINTS_TO_NEXT].tolist()) == ([HIGH], [50.0])
    assert locked[schema.NEXT_TIER].isna().all()
    assert locked[schema.POINTS_TO_NEXT].isna().all()
