"""Rules are checked when they are built, and say what to do."""

import dataclasses
import json

import pytest
from engine.rules import ConditionRule, CriterionRule, LifecycleRules, PolicyRules, RetentionRules, TierRule

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


RECENCY = (CriterionRule("recency", 1),)


def ladder_of(*tiers, method):
    return PolicyRules(RECENCY, tuple(tiers), GRID, tier_method=method)


def test_keep_floors_lie_below_their_floors_and_rise_with_them():
    with pytest.raises(ValueError, match="between 0 and the score to enter, 60, not at 61"):
        TierRule(1, 60.0, 61.0)
    with pytest.raises(ValueError, match="scores to stay must rise with the tiers"):
        ladder_of(TierRule(1, 60.0, 10.0), TierRule(2, 40.0, 30.0), TierRule(3), method="score")
    assert TierRule(1, 60.0).kept == 60.0


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ((30, 40, 20), "add up to 90 %: make them 100 % together"),
        ((30, None, 70), "Give each tier its share"),
    ],
)
def test_shares_make_a_whole(shares, sentence):
    with pytest.raises(ValueError, match=sentence):
        ladder_of(*(TierRule(key, share=share) for key, share in enumerate(shares)), method="customer_share")


@pytest.mark.parametrize("share", [0, -1, 100.1, float("nan"), float("inf")])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match=r"share must be above 0 and at most 100 %"):
        TierRule(1, share=share)


def test_a_third_three_times_is_a_whole():
    thirds = [TierRule(key, share=100 / 3) for key in range(3)]
    assert [tier.key for tier in ladder_of(*thirds, method="revenue_share").ladder] == [2, 1, 0]


def test_conditions_leave_the_lowest_tier_open_and_no_other():
    rich = ConditionRule("monetary", ">=", 10_000)
    with pytest.raises(ValueError, match="Tier 2 has no condition"):
        ladder_of(TierRule(1, conditions=(rich,)), TierRule(2), TierRule(3), method="conditions")
    with pytest.raises(ValueError, match="lowest tier must have no condition"):
        ladder_of(TierRule(1, conditions=(rich,)), TierRule(2, conditions=(rich,)), method="conditions")


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (("monetery", ">=", 1), "There is no metric"),
        (("monetary", ">", 1), "operator must be one of"),
        (("monetary", ">=", float("inf")), "finite"),
        (("recency", "<=", 90, 60), "staying must not ask for more than entering: 60 instead of 90"),
    ],
)
def test_an_impossible_condition_is_refused(condition, sentence):
    with pytest.raises(ValueError, match=sentence):
        ConditionRule(*condition)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"late_lateness": 5.0}, "Declining begins after 5 and Lost after 4"),
        ({"late_lateness": 1.0}, "after more than 1 usual gap"),
        ({"falling": 0}, "percentages"),
        ({"growing": 101}, "percentages"),
        ({"exploring_days": 0}, "at least 1 day"),
    ],
)
def test_impossible_lifecycle_numbers_are_refused(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        LifecycleRules(**fields)


def test_negative_days_are_refused():
    with pytest.raises(ValueError, match="0 or more"):
        RetentionRules(protection_days=-1)
    with pytest.raises(ValueError, match="0 or more"):
        TierRule(1, grace_days=-1)


def test_rules_survive_json():
    rules = PolicyRules(
        (CriterionRule("recency", 1), CriterionRule("monetary", 2, "bands", (1.0, 2.0), "value")),
        (
            TierRule(2, conditions=(ConditionRule("monetary", ">=", 5.0, 4.0),), match_any=True, grace_days=30),
            TierRule(1, stay_days=90),
        ),
        GRID,
        prospect_segment=7,
        tier_method="conditions",
        retention=RetentionRules(one_step=True, protection_days=60),
        lifecycle=LifecycleRules(growing=10.0),
    )
    assert PolicyRules.from_json(json.loads(json.dumps(rules.to_json()))) == rules
    assert rules.metrics == ("recency", "monetary")
