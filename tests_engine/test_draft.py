"""What a purchase of today would do to one customer, against scoring the customer who made it."""

import datetime

import numpy as np
import pandas as pd
import pytest
from engine import draft, metrics, pipeline, purchases, retention, schema
from engine.rules import CriterionRule, PolicyRules, RetentionRules, TierRule

BANDS = [("monetary", 1, "bands", (100.0, 200.0, 500.0, 1000.0), "value")]
NOTHING = [np.zeros(0, dtype=int)] * 3


@pytest.fixture
def foresee(policy, customers, as_of):
    """What a customer with purchases ``[(days ago, amount)]`` would be by one of today.

    The points are 0, 25, 50, 75 and 100 from 0, 100, 200, 500 and 1000 on; the tiers 1 to 4 begin at 0, 40, 60 and 80.
    """

    def foresee(bought, money, previous=None, mode=retention.MODE_UP, lock=None, **retained):
        rules = policy(criteria=BANDS, retention=RetentionRules(**retained))
        fit = pipeline.fit(rules, customers({}), as_of)
        index = pd.Index([7], dtype="int64", name=schema.CUSTOMER)
        days = np.array([as_of - datetime.timedelta(ago) for ago, _amount in bought], dtype="datetime64[D]")
        amounts = np.array([amount for _ago, amount in bought], dtype=float)
        made = purchases.Purchases(np.zeros(len(bought), dtype=int), days, amounts, *NOTHING)
        frames = [
            purchases.summarize(index, documents, (NOTHING[0], NOTHING[0]), as_of, 365, 2).assign(
                contact_count=0, last_contact_date=pd.Series(pd.NaT, index=index, dtype="datetime64[s]")
            )
            for documents in (made, purchases.with_document(made, 0, as_of, money))
        ]
        states = pd.DataFrame(
            {
                "previous_tier": pd.array([previous], dtype="Int64"),
                "pending_tier": pd.array([None], dtype="Int64"),
                "previous_since": pd.Series(pd.NaT, index=index, dtype="datetime64[s]"),
                "pending_date": pd.Series(pd.NaT, index=index, dtype="datetime64[s]"),
                "lock_id": pd.array([lock and 7], dtype="Int64"),
                "lock_mode": pd.Series([lock and "fixed"], dtype=object).to_numpy(),
                "lock_tier": pd.array([lock], dtype="Int64"),
            },
            index=index,
        )
        return draft.foresee(rules, fit, *frames, states, as_of, mode=mode, decimals=2)

    return foresee


def test_a_purchase_that_lifts(foresee):
    # 300 + 250 = 550: 75 points; 1000 - 550
    assert foresee([(40, 300)], 250, previous=2) == draft.Effect(75.0, 3, more=(4, 450.0))


@pytest.mark.parametrize("money", [0.01, 123.45, 199.99, 250.0, 333.33])
def test_what_is_missing_is_enough_and_a_cent_less_is_not(foresee, money):
    target, more = foresee([(40, 300)], money, previous=2).more
    assert foresee([(40, 300)], round(money + more, 2), previous=2).tier == target
    assert foresee([(40, 300)], round(money + more - 0.01, 2), previous=2).tier == target - 1


def test_beyond_the_highest_tier_nothing_is_missing(foresee):
    assert foresee([(40, 300)], 1e12, previous=2) == draft.Effect(100.0, 4)


def test_who_never_bought(foresee):
    assert foresee([], 199.99) == draft.Effect(25.0, 1, more=(2, 0.01))


def test_money_that_left_the_window_does_not_count(foresee):
    assert foresee([(365, 300)], 250, previous=1) == draft.Effect(50.0, 2, more=(3, 250.0))


def test_upgrades_that_wait_for_the_run_come_with_it(foresee):
    found = foresee([(40, 300)], 250, previous=2, mode=retention.MODE_HOLD)
    assert found == draft.Effect(75.0, 2, coming=3, more=(4, 450.0))


def test_upgrades_that_are_announced_have_a_day(foresee, as_of):
    found = foresee([(40, 300)], 250, previous=2, upgrade_days=5)
    assert (found.tier, found.coming, found.coming_date) == (2, 3, as_of + datetime.timedelta(5))


def test_it_takes_more_to_enter_by_the_margin(foresee):
    # Tier 4 from 90 points on: those of 1000, too.
    assert foresee([(40, 300)], 250, previous=2, enter_margin=10).more == (4, 450.0)
    # Tier 3 from 80 on: 75 are too few.
    assert foresee([(40, 300)], 250, previous=2, enter_margin=20).tier == 2


def test_nothing_lifts_whom_a_person_has_locked(foresee):
    assert foresee([(40, 300)], 250, previous=2, lock=1) == draft.Effect(75.0, 1)


def test_nobody_falls_and_what_is_missing_is_to_the_tier_above(foresee):
    # 110 are 25 points, those of tier 1; 1000 - 110
    assert foresee([(40, 100)], 10, previous=3) == draft.Effect(25.0, 3, more=(4, 890.0))
    assert foresee([(40, 100)], 10, previous=4) == draft.Effect(25.0, 4)


def test_what_no_order_moves_is_foreseen():
    visits = {"key": "visits", "column": "visits", "unit": "count", "bands": (1, 2), "columns": ("visits",)}
    for after_order, expected in ((metrics.SAME, []), (metrics.UNFORESEEN, ["visits"])):
        definition = metrics.Metric(**visits, higher_is_better=True, after_order=after_order)
        rules = PolicyRules((CriterionRule("visits", 1),), (TierRule(1),), ((1,) * 5,) * 5, definitions=(definition,))
        assert draft.unforeseen(rules) == expected
