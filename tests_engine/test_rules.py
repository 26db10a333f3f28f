"""Rules are checked when they are built, and say what is wrong."""

import dataclasses
import json

import delivered
import pytest
from engine.errors import RuleError
from engine.metrics import Metric
from engine.rules import ConditionRule, CriterionRule, LifecycleRules, PolicyRules, RetentionRules, RiskRules, TierRule

GRID = ((1,) * 5,) * 5


def test_rules_are_frozen(policy):
    rules = policy()
    for rule, field in [(rules, "tiers"), (rules.criteria[0], "weight"), (rules.tiers[0], "floor")]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(rule, field, None)


def refused(code, **facts):
    """A context in which rules are refused for this reason, with these facts among others."""

    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, _kind, error, _traceback):
            assert isinstance(error, RuleError), "the rules were accepted"
            assert error.code == code
            assert facts.items() <= error.facts.items()
            return True

    return Refused()


def test_a_criterion_takes_the_bands_of_its_metric_unless_it_has_its_own():
    monetary = delivered.get("monetary")
    assert CriterionRule("monetary", 1).get_cuts(monetary) == (1, 2, 5, 10)
    assert CriterionRule("monetary", 1).get_cut_unit(monetary) == "median_order"
    own = CriterionRule("monetary", 1, "bands", (1000.0,), "value")
    assert (own.get_cuts(monetary), own.get_cut_unit(monetary)) == ((1000.0,), "value")


@pytest.mark.parametrize(
    ("criterion", "code"),
    [
        (("recensy", 1), "unknown_metric"),
        (("recency", -1), "bad_weight"),
        (("recency", float("nan")), "bad_weight"),
        (("recency", float("inf")), "bad_weight"),
        (("recency", 1, "ntile"), "bad_method"),
        (("recency", 1, "bands", ()), "no_cuts"),
        (("recency", 1, "bands", (30, 30)), "cuts_not_rising"),
        (("recency", 1, "bands", (30, float("nan"))), "cuts_not_finite"),
        (("recency", 1, "bands", (30, 90), "weeks"), "bad_band_unit"),
        (("recency", 1, "bands", None, None, "guessed"), "bad_unknown"),
        (("recency", 1, "bands", None, None, "left_out"), "unknown_left_out"),
    ],
)
def test_an_impossible_criterion_is_refused(policy, criterion, code):
    with refused(code, metric=criterion[0]):
        policy(criteria=[criterion])


def test_a_metric_without_bands_needs_those_of_the_criterion(policy):
    visits = Metric("visits", "visits", "count", higher_is_better=True)
    with refused("no_cuts", metric="visits"):
        policy(criteria=[("visits", 1)], definitions=[visits])
    assert policy(criteria=[("visits", 1, "percentile", (1, 2))], definitions=[visits]).metrics == ("visits",)


def test_rules_that_define_a_metric_of_the_segments_anew_mean_theirs(policy):
    recency = dataclasses.replace(delivered.get("recency"), bands=(1.0, 2.0, 3.0, 4.0))
    assert policy(definitions=[recency]).get_metric("recency") == recency
    assert policy(definitions=()).get_metric("recency") == delivered.get("recency")


@pytest.mark.parametrize("floor", [-0.01, 100.01, float("nan")])
def test_a_floor_outside_the_scale_is_refused(floor):
    with refused("floor_range", tier=1):
        TierRule(1, floor)


def test_without_any_weight_there_is_no_score(policy):
    with refused("no_weight"):
        policy(criteria=[("recency", 0)])


def test_a_metric_may_not_count_twice(policy):
    with refused("double_metric", metric="recency"):
        policy(criteria=[("recency", 1), ("recency", 2)])


@pytest.mark.parametrize(
    ("tiers", "code", "facts"),
    [
        ([], "no_tier", {}),
        ([(1, 0), (2, 50), (3, 50)], "same_floor", {"floor": 50, "tiers": [2, 3]}),
        ([(1, 0), (1, 50)], "double_tier", {"tier": 1}),
        ([(1, 10), (2, 50)], "lowest_floor", {"tier": 1, "floor": 10}),
    ],
)
def test_tiers_that_leave_gaps_or_doubts_are_refused(tiers, code, facts):
    with refused(code, **facts):
        PolicyRules((CriterionRule("recency", 1),), tuple(TierRule(*tier) for tier in tiers), GRID)


@pytest.mark.parametrize(
    ("grid", "code", "facts"),
    [
        (GRID[:4], "map_shape", {"cells": [5, 5, 5, 5]}),
        ((*GRID[:4], (1, 1)), "map_shape", {"cells": [5, 5, 5, 5, 2]}),
        ((*GRID[:4], (1, 1, None, 1, 1)), "map_cell", {"recency": 5, "frequency_monetary": 3}),
    ],
)
def test_a_segment_map_with_holes_is_refused(grid, code, facts):
    with refused(code, **facts):
        PolicyRules((CriterionRule("recency", 1),), (TierRule(1, 0),), grid)


def test_a_negative_minimum_population_is_refused(policy):
    with refused("negative_population", population=-1):
        policy(min_population=-1)


RECENCY = (CriterionRule("recency", 1),)


def ladder_of(*tiers, method):
    return PolicyRules(RECENCY, tuple(tiers), GRID, tier_method=method)


def test_keep_floors_lie_below_their_floors_and_rise_with_them():
    with refused("kept_range", tier=1, floor=60.0, kept=61.0):
        TierRule(1, 60.0, 61.0)
    with refused("kept_not_rising", higher=1, lower=2):
        ladder_of(TierRule(1, 60.0, 10.0), TierRule(2, 40.0, 30.0), TierRule(3), method="score")
    assert TierRule(1, 60.0).kept == 60.0


@pytest.mark.parametrize(
    ("shares", "code", "facts"),
    [
        ((30, 40, 20), "share_total", {"total": 90}),
        ((30, None, 70), "no_share", {"tiers": [1]}),
    ],
)
def test_shares_make_a_whole(shares, code, facts):
    with refused(code, **facts):
        ladder_of(*(TierRule(key, share=share) for key, share in enumerate(shares)), method="customer_share")


@pytest.mark.parametrize("share", [0, -1, 100.1, float("nan"), float("inf")])
def test_an_impossible_share_is_refused(share):
    with refused("share_range", tier=1):
        TierRule(1, share=share)


@pytest.mark.parametrize("third", [100 / 3, 33.33])
def test_a_third_three_times_is_a_whole(third):
    thirds = [TierRule(key, share=third) for key in range(2)]
    thirds.append(TierRule(2, share=33.34 if third == 33.33 else third))
    assert [tier.key for tier in ladder_of(*thirds, method="revenue_share").ladder] == [2, 1, 0]


def test_conditions_leave_the_lowest_tier_open_and_no_other():
    rich = ConditionRule("monetary", ">=", 10_000)
    with refused("no_condition", tier=2):
        ladder_of(TierRule(1, conditions=(rich,)), TierRule(2), TierRule(3), method="conditions")
    with refused("lowest_condition", tier=2):
        ladder_of(TierRule(1, conditions=(rich,)), TierRule(2, conditions=(rich,)), method="conditions")


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (("monetery", ">=", 1), "unknown_metric"),
        (("monetary", ">", 1), "bad_operator"),
        (("monetary", ">=", float("inf")), "value_not_finite"),
        (("recency", "<=", 90, 60), "harder_to_stay"),
    ],
)
def test_an_impossible_condition_is_refused(condition, code):
    with refused(code, metric=condition[0]):
        ladder_of(TierRule(1, conditions=(ConditionRule(*condition),)), TierRule(2), method="conditions")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"late_lateness": 5.0}, "lifecycle_order"),
        ({"late_lateness": 1.0}, "lifecycle_order"),
        ({"falling": 0}, "falling_range"),
        ({"falling": 101}, "falling_range"),
        ({"growing": 0}, "growing_range"),
        ({"growing": 901}, "growing_range"),
        ({"exploring_days": 0}, "exploring_days"),
    ],
)
def test_impossible_lifecycle_numbers_are_refused(fields, code):
    with refused(code):
        LifecycleRules(**fields)


def test_nobody_is_a_high_risk_after_being_lost(policy):
    with refused("risk_after_lost", high=5.0, lost=4.0):
        policy(risk=RiskRules(high_lateness=5.0))


def test_negative_days_are_refused():
    with refused("negative_protection"):
        RetentionRules(protection_days=-1)
    with refused("negative_days", tier=1):
        TierRule(1, grace_days=-1)


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("margin_range", {"enter_margin": -0.5}),
        ("margin_range", {"enter_margin": 100.5}),
        ("margin_range", {"enter_margin": float("nan")}),
        ("at_once_range", {"at_once_margin": 101}),
        ("upgrade_days_range", {"upgrade_days": 366}),
        ("upgrade_days_range", {"upgrade_days": -1}),
    ],
)
def test_what_an_upgrade_takes_has_a_range(code, fields):
    with pytest.raises(RuleError) as refused:
        RetentionRules(**fields)
    assert refused.value.code == code


def test_rules_of_before_there_was_a_margin_are_those_without_one():
    plain = {"one_step": False, "month_end": False, "protection_days": 0, "refunds_at_once": False}
    assert RetentionRules(**plain).to_json() == plain


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
        retention=RetentionRules(
            one_step=True, protection_days=60, enter_margin=3.5, upgrade_days=7, at_once_margin=25, skip_idle_days=True
        ),
        lifecycle=LifecycleRules(growing=10.0),
        definitions=(delivered.get("recency"), delivered.get("category_share")),
    )
    assert PolicyRules.from_json(json.loads(json.dumps(rules.to_json()))) == rules
    assert rules.metrics == ("recency", "monetary")
