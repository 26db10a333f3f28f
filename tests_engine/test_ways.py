"""Ways to a tier: what is promised holds, and a little less does not, judged by the arithmetic of a run."""

import dataclasses
import math

import delivered
import numpy as np
import pandas as pd
import pytest
from conftest import examples
from engine import explain, metrics, scoring, ways
from engine.pipeline import Fit
from engine.rules import METHODS, ConditionRule, CriterionRule, PolicyRules, RetentionRules, TierRule
from engine.scoring import Scale
from engine.tiers import TierFit, upgrades
from hypothesis import assume, given
from hypothesis import strategies as st

RULES = PolicyRules((CriterionRule("monetary", 1),), (TierRule(1),), ((1,) * 5,) * 5)
FREQUENCY, MONETARY, RECENCY = (delivered.get(key) for key in ("frequency", "monetary", "recency"))
NAN = float("nan")
GRID = ((1,) * 5,) * 5

ORDER_BANDS = Scale("bands", True, (2.0, 3.0, 5.0, 10.0), (0.0, 25.0, 50.0, 75.0, 100.0))
DAY_BANDS = Scale("bands", False, (30.0, 90.0, 180.0, 365.0), (100.0, 75.0, 50.0, 25.0, 0.0))
MONEY_LINE = Scale("percentile", True, (0.0, 1000.0), (0.0, 100.0))
SCALES = {"recency": DAY_BANDS, "frequency": ORDER_BANDS, "monetary": MONEY_LINE}

MONEY = st.integers(-(10**5), 10**8).map(lambda cents: cents / 100)
WHOLE = st.integers(0, 500).map(float)
HUNDREDTHS = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)  # percent, times


def population_of(metric):
    if metric.unit == "money":
        return MONEY
    return WHOLE if metric.is_whole else HUNDREDTHS


def points_of(scale, value):
    return scale.apply(pd.Series([value], dtype="float64")).iloc[0]


def worse(value, scale):
    """The next float that is less good."""
    return np.nextafter(value, -np.inf if scale.higher_is_better else np.inf)


def score_of(rules, scales, values):
    points = {c.metric: [points_of(scales[c.metric], values[c.metric])] for c in rules.criteria}
    score, _ = explain.contributions(pd.DataFrame(points), {c.metric: c.weight for c in rules.criteria})
    return score.iloc[0]


def tell(found):
    return [(way.metric, way.needed, way.change) for way in found]


@st.composite
def scales_of(draw, metric, method=None):
    values = draw(st.lists(population_of(metric), min_size=1, max_size=25))
    method = method or draw(st.sampled_from(METHODS))
    small = draw(st.booleans())
    criterion = CriterionRule(metric.key, 1, method)
    median_order = draw(st.sampled_from([None, 77.7]))
    population = pd.Series(values, dtype="float64")
    return scoring.fit_scale(population, metric, criterion, small=small, median_order=median_order)


# The inverse of a scale --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "value"), [(0, -math.inf), (0.1, 2), (25, 2), (26, 3), (75, 5), (75.000001, 10), (100, 10), (101, None)]
)
def test_more_orders_reach_a_band_at_the_cut_below_it(points, value):
    assert ORDER_BANDS.reach(points) == value


@pytest.mark.parametrize(
    ("points", "value"), [(0, math.inf), (0.1, 365), (25, 365), (26, 180), (75, 90), (76, 30), (100, 30), (101, None)]
)
def test_fewer_days_reach_a_band_at_the_cut_above_it(points, value):
    assert DAY_BANDS.reach(points) == value


def test_between_the_knots_points_rise_straight():
    line = Scale("percentile", True, (10.0, 30.0, 110.0), (20.0, 40.0, 80.0))
    # 20 + (x - 10) = 35 -> 25;  40 + (x - 30) / 2 = 60 -> 70; points are rounded up from half a millionth below
    assert line.reach(35) == pytest.approx(25 - 0.5e-6, abs=1e-9)
    assert line.reach(60) == pytest.approx(70 - 1e-6, abs=1e-9)
    assert line.reach(20) == -math.inf
    assert line.reach(80.000001) is None


def test_a_line_of_days_falls():
    line = Scale("percentile", False, (0.0, 100.0), (90.0, 10.0))
    # 90 - 0.8 x = 50 -> 50; a little later rounds up still
    assert line.reach(50) == pytest.approx(50 + 0.5e-6 / 0.8, abs=1e-9)
    assert line.reach(10) == math.inf
    assert line.reach(91) is None


@pytest.mark.parametrize(("points", "rank"), [(1, 20), (25, 20), (25.5, 40), (50, 40), (75, 60), (76, 80), (100, 80)])
def test_a_fifth_begins_at_its_edge(points, rank):
    line = Scale("quintile", True, (0.0, 1000.0), (0.0, 100.0))
    assert line.reach(points) == pytest.approx(10 * rank, abs=1e-5)
    assert points_of(line, 10 * rank) == 25 * math.ceil(points / 25)


def test_a_scale_of_one_knot_gives_everybody_the_same():
    one = Scale("percentile", True, (7.0,), (50.0,))
    assert (one.reach(50), one.reach(50.1)) == (-math.inf, None)
    assert dataclasses.replace(one, higher_is_better=False).reach(50) == math.inf
    assert Scale("quintile", True, (7.0,), (50.0,)).reach(51) is None


def test_a_step_at_one_value_is_reached_there():
    assert Scale("percentile", True, (7.0, 7.0), (10.0, 90.0)).reach(50) == 7
    assert Scale("bands", True, (7.0, 7.0), (0.0, 50.0, 100.0)).reach(50) == 7


@examples(150)
@given(
    st.sampled_from([FREQUENCY, MONETARY, RECENCY]).flatmap(scales_of),
    st.integers(0, 10**8).map(lambda millionths: millionths / 10**6)
    | st.sampled_from([0.0, 20.0, 25.0, 37.5, 50.0, 75.0, 100.0]),
)
def test_the_inverse_reaches_the_points_and_the_next_float_does_not(scale, points):
    value = scale.reach(points)
    best = 100 * scale.higher_is_better * 10**9
    if value is None:
        assert points_of(scale, best) < points
        return
    assert points_of(scale, value) >= points
    if math.isfinite(value):
        assert points_of(scale, worse(value, scale)) < points


@examples(100)
@given(scales_of(MONETARY), MONEY)
def test_the_inverse_of_the_points_of_a_value_is_no_better_than_the_value(scale, value):
    assert scale.reach(points_of(scale, value)) <= value


# The ways to a score -----------------------------------------------------------------------


def test_each_criterion_alone_leads_to_the_floor_the_easiest_first(policy):
    rules = policy()  # 30 : 30 : 40
    values = {"recency": 100.0, "frequency": 3.0, "monetary": 400.0}
    # 0.3 x 50 + 0.3 x 50 + 0.4 x 40 = 46; 4 are missing, or 3.995, as a half is rounded up.
    # monetary: 3.995 / 0.4 = 9.9875 points, 99.875 more, so 499.88; of quartiles 250 .. 750 a fifth
    # recency: 13.32 points: the band from 90 days; 10 of quartiles 75 .. 226.25
    # frequency: the band from 5 orders; 2 of quartiles 2.75 .. 6.25
    found = ways.to_reach(rules, SCALES, values, 50.0)
    assert tell(found) == [("recency", 90, -10), ("monetary", 499.88, 99.88), ("frequency", 5, 2)]
    assert [way.current for way in found] == [100, 400, 3]


def test_at_the_floor_nothing_is_missing(policy):
    values = {"recency": 100.0, "frequency": 3.0, "monetary": 400.0}
    assert ways.to_reach(policy(), SCALES, values, 46.0) == []
    assert ways.to_reach(policy(), SCALES, values, 0.0) == []
    assert len(ways.to_reach(policy(), SCALES, values, 46.01)) == 3


def test_a_metric_that_cannot_give_enough_is_left_out(policy):
    values = {"recency": 30.0, "frequency": 10.0, "monetary": 0.0}  # 60; only money has points to give
    assert tell(ways.to_reach(policy(), SCALES, values, 80.0)) == [("monetary", 499.88, 499.88)]
    values = {"recency": 400.0, "frequency": 1.0, "monetary": 0.0}  # 0; at most 40 by one metric
    assert ways.to_reach(policy(), SCALES, values, 41.0) == []


def test_a_criterion_without_weight_leads_nowhere(policy):
    rules = policy((("frequency", 0), ("monetary", 1)))
    found = ways.to_reach(rules, SCALES, {"frequency": 1.0, "monetary": 0.0}, 50.0)
    assert [way.metric for way in found] == ["monetary"]


def test_what_is_unknown_counts_as_the_worst_and_has_no_change(policy):
    rules = policy((("recency", 1), ("monetary", 1)))
    found = ways.to_reach(rules, SCALES, {"recency": NAN, "monetary": NAN}, 30.0)
    # 59.99 points of one metric: money 599.9 of 500 between the quartiles, days from 365 to 90 of 151.25
    assert [(way.metric, way.needed) for way in found] == [("monetary", 599.9), ("recency", 90)]
    assert all(math.isnan(way.current) and math.isnan(way.change) for way in found)


def test_where_any_contact_would_do_the_worst_known_one_is_named(policy):
    rules = policy((("contact_recency", 1), ("monetary", 1)))
    scales = SCALES | {"contact_recency": Scale("percentile", False, (5.0, 80.0), (75.0, 25.0))}
    found = ways.to_reach(rules, scales, {"contact_recency": NAN, "monetary": 100.0}, 10.0)
    assert [(way.metric, way.needed) for way in found] == [("contact_recency", 80), ("monetary", 199.9)]


def test_what_only_time_improves_is_no_way(policy):
    metric = metrics.Metric("ways_loyalty", "ways_loyalty", "days", (1, 2, 3, 4), higher_is_better=True, ages=True)
    rules = policy(((metric.key, 1), ("monetary", 1)), definitions=[metric])
    scales = SCALES | {metric.key: Scale("percentile", True, (0.0, 100.0), (0.0, 100.0))}
    found = ways.to_reach(rules, scales, {metric.key: 10.0, "monetary": 10.0}, 20.0)
    assert [way.metric for way in found] == ["monetary"]


def test_no_purchase_lies_in_the_future(policy):
    rules = policy((("recency", 1), ("monetary", 1)))
    scales = SCALES | {"recency": Scale("bands", False, (-5.0, 30.0), (100.0, 50.0, 0.0))}
    found = ways.to_reach(rules, scales, {"recency": 10.0, "monetary": 0.0}, 45.0)
    assert [way.metric for way in found] == ["monetary"]


def test_a_missing_scale_is_named(policy):
    with pytest.raises(ValueError, match="no scale for 'monetary'"):
        ways.to_reach(policy(), {"recency": DAY_BANDS, "frequency": ORDER_BANDS}, {}, 50.0)


@st.composite
def customers_of(draw):
    chosen = draw(st.lists(st.sampled_from(delivered.METRICS), min_size=1, max_size=5, unique=True))
    weights = [draw(st.integers(0, 50).map(lambda tenths: tenths / 10)) for _ in chosen]
    assume(sum(weights))
    scales = {metric.key: draw(scales_of(metric)) for metric in chosen}
    values = {metric.key: draw(population_of(metric) | st.just(NAN)) for metric in chosen}
    floor = draw(st.integers(0, 10_000).map(lambda hundredths: hundredths / 100) | st.floats(0, 100))
    return list(zip(scales, weights, strict=True)), scales, values, floor


@examples(40)
@given(customers_of())
def test_what_is_needed_is_enough_and_one_unit_less_is_not(policy, customer):
    criteria, scales, values, floor = customer
    rules = policy(criteria)
    found = ways.to_reach(rules, scales, values, floor)
    reached = score_of(rules, scales, values) >= floor
    assert not (reached and found)
    for way in found:
        metric, scale = delivered.get(way.metric), scales[way.metric]
        step = 1.0 if metric.is_whole else 0.01
        assert way.needed == round(way.needed, 2 if step < 1 else 0)
        assert score_of(rules, scales, values | {way.metric: way.needed}) >= floor
        less = round(way.needed - step if metric.higher_is_better else way.needed + step, 2)
        any_known_would_do = math.isnan(way.current) and math.isinf(scale.reach(points_of(scale, less)))
        if not any_known_would_do:
            assert score_of(rules, scales, values | {way.metric: less}) < floor
        if not math.isnan(way.current):
            assert way.change == round(way.needed - way.current, 6)
            assert (way.change > 0) == metric.higher_is_better
    if not reached:
        best = {key: 1e12 if delivered.get(key).higher_is_better else 0.0 for key, weight in criteria if weight}
        best.pop("tenure", None)  # only time improves it
        possible = {key for key, value in best.items() if score_of(rules, scales, values | {key: value}) >= floor}
        assert {way.metric for way in found} == possible


# Cuts and conditions -----------------------------------------------------------------------


def test_a_cut_is_inclusive_and_rounded_to_what_is_enough():
    assert ways.to_cut(FREQUENCY, 5.0, 5.0) is None
    assert tell([ways.to_cut(FREQUENCY, 4.0, 4.5)]) == [("frequency", 5, 1)]
    assert tell([ways.to_cut(MONETARY, -20.0, 0.3)]) == [("monetary", 0.3, 20.3)]
    assert ways.to_cut(RECENCY, 30.0, 30.0) is None
    assert tell([ways.to_cut(RECENCY, 31.0, 30.0)]) == [("recency", 30, -1)]


def test_who_is_unknown_reaches_no_cut():
    way = ways.to_cut(MONETARY, NAN, 100.0)
    assert way.needed == 100
    assert math.isnan(way.change)


def test_all_missing_conditions_are_told():
    orders, money, days = (
        ConditionRule("frequency", ">=", 12, 10),
        ConditionRule("monetary", ">=", 5000, 4000),
        ConditionRule("recency", "<=", 90, 120.5),
    )
    gold = TierRule(1, conditions=(orders, money, days))
    values = {"frequency": 9.0, "monetary": 4500.0, "recency": 121.0}
    assert tell(ways.to_conditions(RULES, gold, values, keep=False)) == [
        ("frequency", 12, 3),
        ("monetary", 5000, 500),
        ("recency", 90, -31),
    ]
    assert tell(ways.to_conditions(RULES, gold, values, keep=True)) == [("frequency", 10, 1), ("recency", 120, -1)]
    assert ways.to_conditions(RULES, gold, {"frequency": 12.0, "monetary": 5000.0, "recency": 90.0}, keep=False) == []


def test_where_any_condition_is_enough_one_that_is_met_leaves_nothing_to_do():
    conditions = (ConditionRule("frequency", ">=", 12), ConditionRule("monetary", ">=", 5000))
    either = TierRule(1, conditions=conditions, match_any=True)
    assert ways.to_conditions(RULES, either, {"frequency": 12.0, "monetary": 0.0}, keep=False) == []
    assert len(ways.to_conditions(RULES, either, {"frequency": 11.0, "monetary": NAN}, keep=False)) == 2


def test_a_condition_follows_its_operator_not_the_direction_of_the_metric():
    small = TierRule(1, conditions=(ConditionRule("monetary", "<=", 99.999),))
    assert tell(ways.to_conditions(RULES, small, {"monetary": 150.0}, keep=False)) == [("monetary", 99.99, -50.01)]


def test_the_lowest_tier_misses_nothing():
    assert ways.to_conditions(RULES, TierRule(1), {}, keep=False) == []


def test_an_order_lifts_recency_frequency_and_money_at_once():
    criteria = (CriterionRule("recency", 1, "bands"), CriterionRule("frequency", 1, "bands"))
    criteria += (CriterionRule("monetary", 2, "bands"),)
    rules = PolicyRules(criteria, (TierRule(1),), GRID)
    points = (0.0, 25.0, 50.0, 75.0, 100.0)
    scales = {
        "recency": Scale("bands", False, (30.0, 90.0, 180.0, 365.0), points[::-1]),
        "frequency": Scale("bands", True, (2.0, 3.0, 5.0, 10.0), points),
        "monetary": Scale("bands", True, (100.0, 200.0, 500.0, 1000.0), points),
    }
    values = {"recency": 200.0, "frequency": 1.0, "monetary": 50.0}  # 25, 0 and twice 0: 6.25
    # one order: recency gives 100 and frequency 2 gives 25, together 31.25 without money,
    # which adds 12.5 from 100 on, from 200, from 500 and from 1,000
    assert ways.to_order(rules, scales, values, 31.25) == (1, 0.0)
    assert ways.to_order(rules, scales, values, 31.26) == (1, 50.0)
    assert ways.to_order(rules, scales, values, 56.25) == (1, 150.0)
    # one order with all money gives 81.25, two give 87.5
    assert ways.to_order(rules, scales, values, 81.26) == (2, 950.0)
    assert ways.to_order(rules, scales, values, 6.25) is None
    assert ways.to_order(rules, scales, values, 99.0, most=3) is None


def test_an_order_of_a_prospect_counts_from_nothing():
    rules = PolicyRules((CriterionRule("frequency", 1, "bands"),), (TierRule(1),), GRID)
    scales = {"frequency": Scale("bands", True, (2.0, 3.0, 5.0, 10.0), (0.0, 25.0, 50.0, 75.0, 100.0))}
    assert ways.to_order(rules, scales, {"frequency": float("nan")}, 25.0) == (2, 0.0)


def test_what_an_order_does_to_other_criteria_is_not_guessed():
    metric = delivered.get("average_order")
    rules = PolicyRules((CriterionRule(metric.key, 1),), (TierRule(1),), GRID, definitions=(metric,))
    scales = {"average_order": Scale("bands", True, (2.0,), (0.0, 100.0))}
    assert ways.to_order(rules, scales, {"average_order": 1.0}, 50.0) is None


# All ways to a tier ------------------------------------------------------------------------

FREQUENT = (("frequency", 3), ("monetary", 1))
CUSTOMER = {"recency": 100.0, "frequency": 3.0, "monetary": 400.0}


def fit_of(tiers=None):
    return Fit(100, False, 100.0, SCALES, tiers=tiers or TierFit())


def test_an_order_that_leads_there_is_not_said_again_by_its_days_count_and_money(policy):
    rules = policy()  # 46 points; with one order more of any amount 30 + 15 + 16 = 61
    # alone: 15 by the days of an order, 15 by ten orders, 0.4 x 34.988 by money
    assert len(ways.to_reach(rules, SCALES, CUSTOMER, 60.0)) == 3
    assert ways.to_tier(rules, fit_of(), CUSTOMER, rules.tiers[2], keep=False) == ways.Ways((1, 0.0))
    assert ways.missing_amount(rules, fit_of(), CUSTOMER, rules.tiers[2], keep=False) == 0


def test_an_order_of_an_amount_stands_for_more_orders_and_more_money_too(policy):
    rules = policy(FREQUENT)
    # (3 x 50 + 40) / 4 = 47.5. A fourth order adds nothing; money adds 4 x 59.995 - 190 = 49.98 points, so 499.80.
    # Alone, the fifth order gives 75 points: (225 + 40) / 4 = 66.25.
    assert tell(ways.to_reach(rules, SCALES, CUSTOMER, 60.0)) == [("frequency", 5, 2), ("monetary", 899.8, 499.8)]
    assert ways.to_tier(rules, fit_of(), CUSTOMER, rules.tiers[2], keep=False) == ways.Ways((1, 499.8))
    assert ways.missing_amount(rules, fit_of(), CUSTOMER, rules.tiers[2], keep=False) == 499.8


def test_an_interaction_is_another_deed_than_an_order(policy):
    rules = policy((("recency", 1), ("contacts", 1)))
    scales = SCALES | {"contacts": Scale("bands", True, (1.0, 3.0, 6.0, 12.0), (0.0, 25.0, 50.0, 75.0, 100.0))}
    fit = dataclasses.replace(fit_of(), scales=scales)
    # (50 + 25) / 2 = 37.5; an order gives (100 + 25) / 2, and three interactions (50 + 50) / 2
    found = ways.to_tier(rules, fit, {"recency": 100.0, "contacts": 1.0, "monetary": 9.0}, rules.tiers[1], keep=False)
    assert (found.order, tell(found.single)) == ((1, 0.0), [("contacts", 3, 2)])


@examples(40)
@given(customers_of(), st.sampled_from([0.0, 1.5, 3.0, 40.0]))
def test_to_rise_takes_what_an_upgrade_takes(policy, customer, margin):
    criteria, scales, values, floor = customer
    tiers, calm = (TierRule(1), TierRule(2, min(max(floor, 0.01), 100))), RetentionRules(enter_margin=margin)
    rules = policy(criteria, tiers=tiers, retention=calm)
    fit = Fit(2, False, None, scales)
    found = ways.to_tier(rules, fit, values, rules.tiers[1], keep=False)

    def rises(values):
        score = pd.Series([score_of(rules, scales, values)])
        earned = pd.Series([2 if score[0] >= tiers[1].floor else 1], dtype="Int64")
        entered, _far = upgrades(rules, TierFit(), score, earned)
        return entered.tolist() == [2]

    assert not (found.single and rises(values))
    for way in found.single:
        assert rises(values | {way.metric: way.needed})
        worst = way.needed - math.copysign(1 if rules.get_metric(way.metric).is_whole else 0.01, way.change)
        if not math.isnan(way.change) and abs(way.change) >= 1:
            assert not rises(values | {way.metric: worst})


def test_to_stay_takes_less_than_to_enter(policy):
    rules = policy(FREQUENT, tiers=(TierRule(1), TierRule(2, 60, 47)))
    assert ways.to_tier(rules, fit_of(), CUSTOMER, rules.tiers[1], keep=True) == ways.Ways()
    assert ways.to_tier(rules, fit_of(), CUSTOMER, rules.tiers[1], keep=False).order == (1, 499.8)


@pytest.mark.parametrize(
    ("match_any", "values", "told", "together", "amount"),
    [
        (False, {"frequency": 9.0, "monetary": 4500.0}, [("frequency", 12, 3), ("monetary", 5000, 500)], True, None),
        (False, {"frequency": 12.0, "monetary": 4500.0}, [("monetary", 5000, 500)], False, 500),
        (True, {"frequency": 9.0, "monetary": 4500.0}, [("frequency", 12, 3), ("monetary", 5000, 500)], False, 500),
        (True, {"frequency": 12.0, "monetary": 4500.0}, [], False, None),
    ],
)
def test_conditions_are_needed_together_or_each_is_enough(policy, match_any, values, told, together, amount):
    conditions = (ConditionRule("frequency", ">=", 12), ConditionRule("monetary", ">=", 5000))
    tiers = (TierRule(2, conditions=conditions, match_any=match_any), TierRule(1))
    rules = policy(tiers=tiers, tier_method="conditions")
    found = ways.to_tier(rules, fit_of(), values, tiers[0], keep=False)
    assert (found.order, tell(found.single), found.together) == (None, told, together)
    assert ways.missing_amount(rules, fit_of(), values, tiers[0], keep=False) == amount


def test_what_conditions_need_together_is_all_told(policy):
    conditions = (ConditionRule("recency", "<=", 30), ConditionRule("frequency", ">=", 12))
    tiers = (TierRule(2, conditions=conditions), TierRule(1))
    rules = policy(tiers=tiers, tier_method="conditions")
    found = ways.to_tier(rules, fit_of(), CUSTOMER, tiers[0], keep=False)
    assert tell(found.single) == [("recency", 30, -70), ("frequency", 12, 9)]


def test_a_metric_that_has_to_go_the_other_way_is_no_order(policy):
    conditions = (ConditionRule("recency", "<=", 30), ConditionRule("monetary", "<=", 100))
    tiers = (TierRule(2, conditions=conditions, match_any=True), TierRule(1))
    rules = policy(tiers=tiers, tier_method="conditions")
    found = ways.to_tier(rules, fit_of(), CUSTOMER, tiers[0], keep=False)
    assert tell(found.single) == [("recency", 30, -70), ("monetary", 100, -300)]
    assert ways.missing_amount(rules, fit_of(), CUSTOMER, tiers[0], keep=False) is None


@pytest.mark.parametrize(
    ("method", "basis", "cut", "told", "amount"),
    [
        ("revenue_share", None, 1000.0, [("monetary", 1000, 600)], 600),
        ("customer_share", "frequency", 5.0, [("frequency", 5, 2)], None),
        # by the score, 46: see test_each_criterion_alone_leads_to_the_floor_the_easiest_first. The days say an
        # order of any amount, so that money and orders say it again.
        ("customer_share", None, 50.0, [("recency", 90, -10)], 99.88),
    ],
)
def test_a_share_begins_at_its_cut(policy, method, basis, cut, told, amount):
    tiers = (TierRule(2, share=20), TierRule(1, share=80))
    rules = policy(tiers=tiers, tier_method=method, basis=basis)
    fit = fit_of(TierFit(method, basis, cuts=(None, cut)))
    found = ways.to_tier(rules, fit, CUSTOMER, tiers[0], keep=False)
    assert (found.order, tell(found.single), found.together) == (None, told, False)
    assert ways.missing_amount(rules, fit, CUSTOMER, tiers[0], keep=False) == amount
    assert ways.to_tier(rules, fit, CUSTOMER, tiers[1], keep=False) == ways.Ways()


def test_no_amount_is_promised_where_the_order_moves_something_unforeseen(policy):
    # the average order, of which nobody knows what an order makes, may fall while money rises
    tiers = (TierRule(2, share=20), TierRule(1, share=80))
    rules = policy((("monetary", 3), ("average_order", 1)), tiers=tiers, tier_method="customer_share")
    assert rules.get_metric("average_order").after_order == "unforeseen"
    scales = SCALES | {"average_order": MONEY_LINE}
    fit = dataclasses.replace(fit_of(TierFit("customer_share", None, cuts=(None, 50.0))), scales=scales)
    values = CUSTOMER | {"average_order": 133.33}
    assert ways.missing_amount(rules, fit, values, tiers[0], keep=False) is None
    without = policy((("monetary", 1),), tiers=tiers, tier_method="customer_share")
    assert ways.missing_amount(without, fit_of(fit.tiers), CUSTOMER, tiers[0], keep=False) == pytest.approx(
        99.95, abs=0.1
    )


def test_no_value_leads_to_a_cluster(policy):
    rules = policy(tiers=(TierRule(2), TierRule(1)), tier_method="clusters")
    assert ways.to_tier(rules, fit_of(), CUSTOMER, rules.tiers[0], keep=False) == ways.Ways()
    assert ways.missing_amount(rules, fit_of(), CUSTOMER, rules.tiers[0], keep=False) is None


@examples(60)
@given(customers_of())
def test_no_deed_is_offered_twice(policy, customer):
    criteria, scales, values, floor = customer
    rules = policy(criteria, tiers=(TierRule(1), TierRule(2, min(max(floor, 0.01), 100))))
    fit = dataclasses.replace(fit_of(), scales=scales)
    found = ways.to_tier(rules, fit, values, rules.tiers[1], keep=False)
    offered = {way.metric for way in found.single}
    if found.order:
        assert not offered & {"recency", "frequency", "monetary"}
    else:
        assert not ("recency" in offered and offered & {"frequency", "monetary"})
    assert not ("contact_recency" in offered and offered & {"contacts", "contact_decay"})


@pytest.mark.parametrize("high", [1e13, 3e14, 9e14, 5e16, 9e18])
def test_the_search_for_an_amount_ends_where_floats_are_coarse(high):
    """From 2 ** 53 hundredths on, floats lie further apart than the hundredths among which the amount is looked for."""
    scales = {"monetary": Scale("percentile", True, (0.0, high), (0.0, 100.0))}
    found = ways.to_order(RULES, scales, {"monetary": 0.0}, 60, most=1)
    if 100 * high > ways.MOST_CENTS:
        assert found is None
    else:
        orders, amount = found
        assert orders == 1
        # Points have hundredths, so that 59.995 of 100 are 60 already.
        assert amount / high == pytest.approx(0.6, abs=1e-4)
