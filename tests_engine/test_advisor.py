"""Proposals: round, valid in every case, and near to what the numbers say."""

import datetime
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from conftest import examples
from engine import advisor, metrics, replay
from engine.metrics import WHOLE_UNITS
from engine.rules import CriterionRule, PolicyRules, TierRule
from engine.scoring import Scale
from hypothesis import given
from hypothesis import strategies as st

UNITS = st.sampled_from(["money", "days", "count", "percent"])
MONEY = st.integers(-(10**9), 10**12).map(lambda cents: cents / 100)
VALUES = MONEY | st.integers(-3, 12).map(float) | (st.floats(0, 1) | st.floats(-1e9, 1e9)).map(lambda x: round(x, 6))
POPULATION = st.lists(VALUES | st.none(), max_size=60).map(lambda values: pd.Series(values, dtype="float64"))
SCORE = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
SCORES = st.lists(SCORE | st.sampled_from([0.0, 50.0, 100.0, None]), max_size=60)


def series(*values):
    return pd.Series(values, dtype="float64")


# Round numbers -----------------------------------------------------------------------------


@examples(200)
@given(st.lists(VALUES, min_size=2, max_size=2), UNITS)
def test_a_larger_value_never_becomes_a_smaller_round_number(values, unit):
    low, high = (advisor.round_nicely(value, unit) for value in sorted(values))
    assert low <= high


@examples(200)
@given(VALUES, UNITS)
def test_a_round_number_stays_and_is_near(value, unit):
    rounded = advisor.round_nicely(value, unit)
    assert advisor.round_nicely(rounded, unit) == rounded
    assert advisor.round_nicely(-value, unit) == -rounded
    if unit in ("money", "percent"):
        assert abs(rounded - value) <= abs(value) / 3 * (1 + 1e-9)
        assert not rounded or float(f"{abs(rounded):e}".split("e")[0]) in advisor.SERIES
    else:
        assert rounded.is_integer()


def test_days_become_weeks_months_and_years():
    for days in (7, 14, 30, 60, 90, 180, 365, 730, 1095, 3650):
        assert advisor.round_nicely(days * 1.04, "days") == days


# Bands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [5, 10, 100, 505])
def test_without_ties_the_cuts_are_the_quintiles(count):
    # Values that are the same if rounded to six digits, so that the cuts cannot be rounded.
    values = pd.Series(np.random.default_rng(count).permutation(count) * 1e-9 + 1.0)
    quintiles = [0.2, 0.4, 0.6, 0.8]
    cuts = advisor.propose_bands(values, higher_is_better=True, unit="percent")
    assert cuts == tuple(np.quantile(values, quintiles, method="higher"))
    cuts = advisor.propose_bands(values, higher_is_better=False, unit="percent")
    assert cuts == tuple(np.quantile(values, quintiles, method="lower"))


def test_money_is_rounded_as_coarsely_as_the_fifths_allow():
    amounts = pd.Series(np.random.default_rng(3).lognormal(7, 1.3, 5000).round(2))
    exact = np.quantile(amounts, [0.2, 0.4, 0.6, 0.8])
    cuts = advisor.propose_bands(amounts, higher_is_better=True, unit="money")
    # exact: 373, 803, 1539, 3292
    np.testing.assert_allclose(cuts, exact, rtol=0.05)
    assert all(cut == float(f"{cut:.1e}") for cut in cuts)
    shares = np.array(advisor.band_distribution(amounts, cuts, higher_is_better=True)) / len(amounts)
    assert abs(shares - 0.2).max() <= advisor.MOVED + 0.001


def test_each_cut_is_as_round_as_the_groups_allow():
    # 480 would be lost above 500, so it stays; 210, 1030 and 5100 are reached from the round number below.
    values = pd.Series(np.repeat([90.0, 210.0, 480.0, 1030.0, 5100.0], 20))
    assert advisor.propose_bands(values, higher_is_better=True, unit="money") == (200, 480, 1000, 5000)


def test_a_crowd_takes_one_band_and_the_others_share_the_rest():
    orders = series(*[1] * 54, *range(2, 48))
    cuts = advisor.propose_bands(orders, higher_is_better=True, unit="count")
    # 46 others in four bands, the first of which begins at 2: 2 + 45/4 -> 14, 14 + 33/3 -> 25, 25 + 22/2 -> 36.
    # 10 instead of 14 moves only 4 of the 100; 25 is round, and 50 instead of 36 would move 12.
    assert cuts == (2, 10, 25, 36)
    assert advisor.band_distribution(orders, cuts, higher_is_better=True) == [54, 8, 15, 11, 12]
    late = 100 - orders  # the crowd at 99 days; now 64, 75, 86 and 98
    assert advisor.propose_bands(late, higher_is_better=False, unit="days") == (60, 75, 90, 98)


def test_nobody_lies_between_the_cuts_of_few_values():
    contacts = series(*[0] * 70, *[1] * 30)
    assert advisor.propose_bands(contacts, higher_is_better=True, unit="count") == (1, 2, 5, 10)
    assert advisor.propose_bands(contacts * 0, higher_is_better=True, unit="count") == (1, 2, 5, 10)
    assert advisor.propose_bands(series(*[30] * 9), higher_is_better=False, unit="days") == (7, 10, 14, 21)
    assert advisor.propose_bands(series(0, 0), higher_is_better=False, unit="days") == (1, 2, 3, 5)
    assert advisor.propose_bands(series(1, 2), higher_is_better=False, unit="days") == (0, 1, 3, 5)
    assert advisor.propose_bands(series(-50.0), higher_is_better=True, unit="money") == (-25, -20, -10, -5)
    assert advisor.propose_bands(series(4000), higher_is_better=True, unit="money") == (5000, 10000, 20000, 25000)


@examples(300)
@given(POPULATION, st.booleans(), UNITS)
def test_cuts_are_valid_in_every_case(values, higher, unit):
    before = values.copy()
    cuts = advisor.propose_bands(values, higher_is_better=higher, unit=unit)
    assert values.equals(before)
    if not values.notna().any():
        assert cuts is None
        return
    assert len(cuts) == 4
    assert all(type(cut) is float for cut in cuts)
    metrics.check_bands(cuts, metrics.VALUE, "The proposal")
    CriterionRule("monetary", 1, "bands", cuts, metrics.VALUE)
    if unit in WHOLE_UNITS:
        assert all(cut.is_integer() for cut in cuts)
    counts = advisor.band_distribution(values, cuts, higher_is_better=higher)
    assert sum(counts) == values.notna().sum()
    distinct = values.dropna()
    if unit in WHOLE_UNITS:
        distinct = np.floor(distinct) if higher else np.ceil(distinct)
    assert np.count_nonzero(counts) == min(distinct.nunique(), 5)


@examples(100)
@given(POPULATION, st.sets(VALUES, min_size=1, max_size=6), st.booleans())
def test_customers_are_counted_in_the_band_that_gives_them_points(values, cuts, higher):
    cuts = tuple(sorted(cuts))
    scale = Scale("bands", higher, cuts, tuple(float(band) for band in range(len(cuts) + 1)))
    expected = scale.apply(values)[values.notna()].value_counts()
    counts = advisor.band_distribution(values, cuts, higher_is_better=higher)
    assert counts == [expected.get(float(band), 0) for band in range(len(cuts) + 1)]


# The window --------------------------------------------------------------------------------


def test_four_gaps_of_three_quarters_of_the_customers_fit_in():
    gaps = series(10, 20, 30, 45, 200, None)  # third quartile 45, times 4: 180
    assert advisor.propose_window(gaps) == 180
    assert advisor.propose_window(gaps + 1) == 365
    assert advisor.propose_window(series(0)) == 90
    assert advisor.propose_window(series(5000)) == 1095
    assert advisor.propose_window(series()) == advisor.propose_window(series(None)) == 365


@examples(50)
@given(st.lists(st.floats(0, 5000), min_size=1, max_size=30))
def test_the_window_is_the_shortest_that_is_long_enough(gaps):
    window = advisor.propose_window(pd.Series(gaps))
    wanted = 4 * np.quantile(gaps, 0.75)
    assert window in advisor.WINDOWS
    assert window >= wanted or window == 1095
    assert all(shorter < wanted for shorter in advisor.WINDOWS if shorter < window)


# Floors ------------------------------------------------------------------------------------


def test_the_floors_bring_the_shares_wanted():
    score = pd.Series(np.random.default_rng(5).beta(2, 3, 20_000) * 100).round(2)
    floors = advisor.propose_floors(score, [5, 15, 30, 50])
    shares = np.array(advisor.tier_distribution(score, floors)) / 200
    # a whole point holds up to 1.8 % of the customers, so half of that above and below
    np.testing.assert_allclose(shares, [5, 15, 30, 50], atol=1.8)
    np.testing.assert_allclose(floors, [*np.quantile(score, [0.95, 0.8, 0.5]), 0], atol=1)


def test_a_crowd_at_one_score_goes_where_it_fits_better():
    score = series(*[50] * 60, *[10] * 30, *[90] * 10)
    # 20 %: 10 % above 50 is nearer than 70 %; so any of 51..90: 71. 60 %: 70 % is nearer than 10 %: 11..50, 31.
    floors = advisor.propose_floors(score, [20, 40, 40])
    assert floors == [71, 31, 0]
    assert advisor.tier_distribution(score, floors) == [10, 60, 30]


def test_all_at_zero_leaves_room_for_every_tier():
    # 99 % would be all, by a floor of 0, but ten tiers have to follow: the middle of 10..100, of 9..54 and so on
    floors = advisor.propose_floors(series(0, 0, 0), [99, *[0.1] * 10])
    assert floors == [55, 32, 20, 13, 9, 7, 5, 4, 3, 2, 0]
    assert advisor.propose_floors(series(), [50, 50]) == [50, 0]
    assert advisor.propose_floors(series(30), [100]) == [0]


@pytest.mark.parametrize("shares", [[], [50, 40], [100, 0], [120, -20], [float("nan"), 50]])
def test_shares_that_are_no_partition_are_refused(shares):
    with pytest.raises(ValueError, match="add up to 100 %"):
        advisor.propose_floors(series(1, 2), shares)


def test_more_tiers_than_points_are_refused():
    assert len(advisor.propose_floors(series(1, 2), [100 / 101] * 101)) == 101
    with pytest.raises(ValueError, match="not for 102"):
        advisor.propose_floors(series(1, 2), [100 / 102] * 102)


@examples(200)
@given(SCORES, st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_floors_are_valid_in_every_case(scores, parts):
    score = pd.Series(scores, dtype="float64")
    floors = advisor.propose_floors(score, [100 * part / math.fsum(parts) for part in parts])
    assert len(floors) == len(parts)
    assert all(high > low for high, low in itertools.pairwise(floors))
    assert all(0 < floor <= 100 and floor.is_integer() for floor in floors[:-1])
    PolicyRules(
        (CriterionRule("monetary", 1),),
        tuple(TierRule(key, floor) for key, floor in enumerate(floors)),
        ((1,) * 5,) * 5,
    )
    counts = advisor.tier_distribution(score, floors)
    assert sum(counts) == score.count()
    above = [int((score >= floor).sum()) for floor in floors]
    assert counts == [above[0], *(b - a for a, b in itertools.pairwise(above))]


# ----------------------------------------------------------------------
# Calm
# ----------------------------------------------------------------------


def replayed(rules, moves, tiers, earned=(500, 300, 100, 100)):
    """A replay of 1,000 customers in ten nights, in which so many moved."""
    days = pd.DataFrame({"customer": range(moves), "day": pd.Timestamp(2024, 6, 30), "from_tier": 1, "to_tier": 2})
    sizes = (dict(enumerate(numbers, start=1)) for numbers in (tiers, earned))
    return replay.Replay(rules, datetime.date(2024, 6, 30), 10, np.full(10, 1000), days, *sizes)


def test_the_mildest_protection_is_the_first_that_is_calm_and_inflates_no_tier(policy):
    plain = 500, 300, 100, 100
    replays = [
        replayed(policy(), 60, plain),  # 0.6 % per night
        replayed(policy(), 50, (500, 300, 84, 116)),  # 16 % more in the highest tier
        replayed(policy(), 50, (500, 300, 85, 115)),
        replayed(policy(), 10, plain),
    ]
    assert advisor.choose_mildest(replays, 0.5) == 2
    assert advisor.choose_mildest(replays, 0.6) == 0
    assert advisor.choose_mildest(replays, 0.05) is None


def test_in_small_tiers_single_customers_are_no_inflation(policy):
    assert advisor.choose_mildest([replayed(policy(), 0, (0, 0, 0, 15), (0, 0, 5, 10))], 0.5) == 0
    assert advisor.choose_mildest([replayed(policy(), 0, (0, 0, 0, 16), (0, 0, 6, 10))], 0.5) is None


def test_a_protection_replaces_what_the_rules_have_of_its_kind(policy):
    tiers = TierRule(1, 0, grace_days=9, stay_days=3), TierRule(2, 6, 6), TierRule(3, 50, 20)
    protected = advisor.Protection(keep_margin=8, grace_days=14).protect(policy(tiers=tiers))
    assert [(tier.kept, tier.grace_days, tier.stay_days) for tier in protected.tiers] == [
        (0, 14, 3),
        (0, 14, 0),
        (42, 14, 0),
    ]
    assert (protected.retention.enter_margin, protected.retention.upgrade_days) == (0, 0)
    assert advisor.Protection().protect(policy(tiers=tiers)).tiers[2].kept == 50
    both = advisor.Protection(enter_margin=3, upgrade_days=7).protect(protected).retention
    assert (both.enter_margin, both.upgrade_days) == (3, 7)


def test_every_protection_makes_a_difference_for_tiers_by_score(policy):
    tiers = TierRule(1, 0), TierRule(2, 50)
    assert len(advisor.protections(policy(tiers=tiers))) == len(advisor.PROTECTIONS)
