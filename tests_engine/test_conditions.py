"""Tiers by conditions, against a loop over customers."""

import functools
import math

import pytest
from conftest import examples
from engine import metrics, pipeline
from engine.rules import ConditionRule, TierRule
from hypothesis import given
from hypothesis import strategies as st

GOLD = TierRule(
    3,
    conditions=(ConditionRule("monetary", ">=", 1000, 800), ConditionRule("recency", "<=", 30, 60)),
)
SILVER = TierRule(
    2,
    conditions=(ConditionRule("frequency", ">=", 5, 4), ConditionRule("gap_median", "<=", 14)),
    match_any=True,
)
BRONZE = TierRule(1)


def run(policy, frame, as_of, tiers=(GOLD, SILVER, BRONZE)):
    chosen = policy(tiers=tiers, tier_method="conditions")
    return pipeline.apply(chosen, pipeline.fit(chosen, frame, as_of), frame, as_of)


@pytest.mark.parametrize(
    ("customer", "earned", "kept"),
    [
        ({"amount": 1000.0, "ago": 30}, 3, 3),  # both inclusive
        ({"amount": 999.99, "ago": 30}, 1, 3),  # kept from 800 on
        ({"amount": 800.0, "ago": 60}, 1, 3),
        ({"amount": 1000.0, "ago": 61}, 1, 1),  # all are needed
        ({"amount": 799.99, "ago": 30}, 1, 1),
        ({"orders": 5}, 2, 2),  # one is enough
        ({"orders": 4}, 1, 2),
        ({"gap_median_days": 14.0}, 2, 2),
        ({"gap_median_days": 14.5}, 1, 1),  # an unknown gap meets no condition: see the others
        ({"amount": 5000.0, "ago": 1, "orders": 9}, 3, 3),  # the highest of those that hold
        ({"amount": 900.0, "ago": 1, "orders": 9}, 2, 3),
        ({"ago": 500, "orders": 0, "amount": 0.0}, 1, 1),
        ({"ago": 500, "orders": 0, "amount": 0.0, "gap_median_days": 7.0}, 2, 2),
    ],
)
def test_the_highest_tier_whose_conditions_hold(customers, policy, as_of, customer, earned, kept):
    result = run(policy, customers(customer), as_of)
    assert (result["earned"].item(), result["kept"].item()) == (earned, kept)


def test_prospects_meet_nothing_not_even_the_lowest_tier(customers, policy, as_of):
    never = TierRule(2, conditions=(ConditionRule("monetary", "<=", 100),))
    result = run(policy, customers({"ago": None}, {}), as_of, tiers=(never, BRONZE))
    assert result["earned"].isna().tolist() == result["kept"].isna().tolist() == [True, False]


def test_conditions_need_the_column_of_their_metric(customers, policy, as_of):
    margin = metrics.Metric("margin", "margin", "money", (1, 2, 3, 4), higher_is_better=True)
    policy = functools.partial(policy, definitions=[margin])
    tiers = (TierRule(2, conditions=(ConditionRule("margin", ">=", 5),)), BRONZE)
    frame = customers({}, {}, {}).assign(margin=[5.0, 4.9, math.nan])
    assert run(policy, frame, as_of, tiers)["earned"].tolist() == [2, 1, 1]
    with pytest.raises(ValueError, match=r"'margin'.* lacks"):
        run(policy, frame.drop(columns="margin"), as_of, tiers)


CUSTOMER = st.fixed_dictionaries(
    {
        "ago": st.none() | st.sampled_from([0, 30, 31, 60, 61, 400]),
        "orders": st.integers(0, 6),
        "amount": st.sampled_from([-1.0, 0.0, 500.0, 799.99, 800.0, 999.99, 1000.0, 1e12]),
        "gap_median_days": st.sampled_from([None, 1.0, 14.0, 14.01]),
    }
)


def reference(customer, tiers, value):
    """The first tier, from the highest, whose conditions hold for a row of the result's frame."""
    columns = {"monetary": "amount", "recency": "recency_days", "frequency": "order_count"}
    for tier in tiers:
        met = []
        for condition in tier.conditions:
            found = customer[columns.get(condition.metric, "gap_median_days")]
            needed = value(condition)
            met.append(found >= needed if condition.operator == ">=" else found <= needed)
        if any(met) if tier.match_any else all(met):
            return tier.key
    return None


@examples(30)
@given(st.lists(CUSTOMER, min_size=1, max_size=10), st.booleans(), st.booleans())
def test_as_a_loop_over_customers_and_tiers_says(customers, policy, as_of, population, gold_any, silver_any):
    tiers = (
        TierRule(3, conditions=GOLD.conditions, match_any=gold_any),
        TierRule(2, conditions=SILVER.conditions, match_any=silver_any),
        BRONZE,
    )
    frame = customers(*population)
    joined = frame.join(run(policy, frame, as_of, tiers))
    for _, customer in joined[joined["last_order_date"].notna()].iterrows():
        assert customer["earned"] == reference(customer, tiers, lambda condition: condition.value)
        assert customer["kept"] == reference(customer, tiers, lambda condition: condition.kept)
