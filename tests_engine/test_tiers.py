"""Tiers: floors are inclusive, and what is not scored never lands in the top tier."""

import itertools

import pandas as pd
import pytest
from engine import tiers
from engine.rules import TierRule
from hypothesis import given, settings
from hypothesis import strategies as st

BRONZE, SILVER, GOLD = TierRule(30, 0.0), TierRule(10, 45.5), TierRule(20, 80.0)


def scores(*values):
    return pd.Series(values, dtype="float64")


@pytest.mark.parametrize("ladder", list(itertools.permutations([BRONZE, SILVER, GOLD])))
def test_a_floor_is_inclusive_whatever_the_order_of_the_tiers(ladder):
    keys = tiers.assign(scores(0, 45.49, 45.5, 79.99, 80, 100), ladder)
    assert keys.tolist() == [30, 30, 10, 10, 20, 20]


def test_what_is_not_scored_or_below_the_lowest_floor_has_no_tier():
    keys = tiers.assign(scores(None, 44.0), [SILVER, GOLD])
    assert keys.dtype == "Int64"
    assert keys.isna().all()


def test_the_way_to_the_next_tier():
    next_tier, missing = tiers.to_next(scores(0, 45.49, 45.5, 80, 100, None), [BRONZE, SILVER, GOLD])
    # 45.5 - 0, 45.5 - 45.49, 80 - 45.5; at the top and unscored there is no next
    assert next_tier.fillna(0).tolist() == [10, 10, 20, 0, 0, 0]
    assert missing.fillna(0).tolist() == [45.5, 0.01, 34.5, 0, 0, 0]
    assert (next_tier.dtype, missing.dtype) == ("Int64", "float64")


def test_below_every_tier_the_lowest_is_next():
    next_tier, missing = tiers.to_next(scores(44.0), [SILVER, GOLD])
    assert (next_tier.tolist(), missing.tolist()) == ([10], [1.5])


def test_a_fraction_of_a_hundredth_still_is_missing():
    _, missing = tiers.to_next(scores(33.33), [BRONZE, TierRule(1, 100 / 3)])
    assert missing.tolist() == [0.01]


def test_with_one_tier_everyone_is_in_it_and_at_the_top():
    assert tiers.assign(scores(0, 100), [BRONZE]).tolist() == [30, 30]
    next_tier, missing = tiers.to_next(scores(0, 100), [BRONZE])
    assert next_tier.isna().all()
    assert missing.isna().all()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=20),
    st.sets(st.integers(1, 10_000), max_size=6),
)
def test_the_missing_points_lead_exactly_to_the_next_tier(hundredths, floors):
    ladder = [TierRule(key, floor / 100) for key, floor in enumerate(sorted({0, *floors}))]
    score = scores(*(number / 100 for number in hundredths))
    next_tier, missing = tiers.to_next(score, ladder)
    below_top = missing.notna()
    assert (missing[below_top] > 0).all()
    reached = tiers.assign((score + missing).round(2)[below_top], ladder)
    assert reached.equals(next_tier[below_top])
    assert tiers.assign(score[~below_top], ladder).eq(len(floors)).all()
