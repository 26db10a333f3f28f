"""Rules are checked when they are built, and say what to do."""

import dataclasses

import pytest
from engine.rules import CriterionRule, PolicyRules, TierRule

GRID = ((1,) * 5,) * 5


def test_rules_are_frozen(policy):
    rules = policy()
    for rule, field in [(rules, "tiers"), (rules.criteria[0], "weight"), (rules.tiers[0], "floor")]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(rule, field, None)


def test_a_criterion_takes_the_bands_of_its_metric_unless_it_has_its_own():
    assert CriterionRule("monetary", 1).cuts == (1, 2, 5, 10)
    assert CriterionRule("monetary", 1).cut_unit == "average_order"
    own = CriterionRule("monetary", 1, "bands", (1000.0,), "value")
    assert (own.cuts, own.cut_unit) == ((1000.0,), "value")


@pytest.mark.parametrize(
    ("criterion", "sentence"),
    [
        (("recensy", 1), "There is no metric 'recensy': choose one of recency, "),
        (("recency", -1), "the weight must be a number of 0 or more"),
        (("recency", float("nan")), "the weight must be a number of 0 or more"),
        (("recency", float("inf")), "the weight must be a number of 0 or more"),
        (("recency", 1, "ntile"), "the method must be one of"),
        (("recency", 1, "bands", ()), "give at least one cut"),
        (("recency", 1, "bands", (30, 30)), "must rise strictly"),
        (("recency", 1, "bands", (30, float("nan"))), "must be finite"),
        (("recency", 1, "bands", (30, 90), "weeks"), "band unit must be one of"),
    ],
)
def test_an_impossible_criterion_is_refused(criterion, sentence):
    with pytest.raises(ValueError, match=sentence):
        CriterionRule(*criterion)


@pytest.mark.parametrize("floor", [-0.01, 100.01, float("nan")])
def test_a_floor_outside_the_scale_is_refused(floor):
    with pytest.raises(ValueError, match="floor must lie between 0 and 100 points"):
        TierRule(1, floor)


def test_without_any_weight_there_is_no_score(policy):
    with pytest.raises(ValueError, match="Give at least one criterion a weight above 0"):
        policy(criteria=[("recency", 0)])


def test_a_metric_may_not_count_twice(policy):
    with pytest.raises(ValueError, match="Metric 'recency' has two criteria"):
        policy(criteria=[("recency", 1), ("recency", 2)])


@pytest.mark.parametrize(
    ("tiers", "sentence"),
    [
        ([], "Add at least one tier"),
        ([(1, 0), (2, 50), (3, 50)], "Two tiers begin at 50 points"),
        ([(1, 0), (1, 50)], "Tier 1 is listed twice"),
        ([(1, 10), (2, 50)], "begins at 10 points: set its floor to 0, else customers .* below"),
    ],
)
def test_tiers_that_leave_gaps_or_doubts_are_refused(tiers, sentence):
    with pytest.raises(ValueError, match=sentence):
        PolicyRules((CriterionRule("recency", 1),), tuple(TierRule(*tier) for tier in tiers), GRID)


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        (GRID[:4], r"must have 5 rows .* its rows have \[5, 5, 5, 5\] cells"),
        ((*GRID[:4], (1, 1)), r"its rows have \[5, 5, 5, 5, 2\] cells"),
        ((*GRID[:4], (1, 1, None, 1, 1)), "no segment at recency 5, frequency-monetary 3"),
    ],
)
def test_a_segment_map_with_holes_is_refused(grid, sentence):
    with pytest.raises(ValueError, match=sentence):
        PolicyRules((CriterionRule("recency", 1),), (TierRule(1, 0),), grid)


def test_a_negative_minimum_population_is_refused(policy):
    with pytest.raises(ValueError, match="minimum population must be 0 or more"):
        policy(min_population=-1)
