"""Tiers by score, and what holds for every method: one customer alone gets the tier of the run."""

import itertools
import json
import random

import pandas as pd
import pytest
from conftest import examples
from engine import pipeline, rules, tiers
from engine.rules import ConditionRule, TierRule
from engine.tiers import TierFit
from hypothesis import given
from hypothesis import strategies as st

BRONZE, SILVER, GOLD = TierRule(30, 0.0), TierRule(10, 45.5, 40.0), TierRule(20, 80.0, 70.25)


def scores(*values):
    return pd.Series(values, dtype="float64")


def keys(*values):
    return pd.Series(values, dtype="Int64")


def by_score(policy, score, ladder):
    frame = tiers.assign(policy(tiers=ladder), TierFit(), pd.DataFrame(index=score.index), score)
    return frame["earned"], frame["kept"]


# By score ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ladder", list(itertools.permutations([BRONZE, SILVER, GOLD])))
def test_floors_to_enter_and_to_stay_are_inclusive_whatever_the_order_of_the_tiers(policy, ladder):
    score = scores(0, 39.99, 40, 45.49, 45.5, 70.24, 70.25, 79.99, 80, 100)
    earned, kept = by_score(policy, score, ladder)
    assert earned.tolist() == [30, 30, 30, 30, 10, 10, 10, 10, 20, 20]
    assert kept.tolist() == [30, 30, 10, 10, 10, 10, 20, 20, 20, 20]
    assert (earned.dtype, kept.dtype) == ("Int64", "Int64")


def test_what_is_not_scored_has_no_tier(policy):
    earned, kept = by_score(policy, scores(None, 44.0), [BRONZE, SILVER])
    assert earned.isna().tolist() == kept.isna().tolist() == [True, False]


def test_with_one_tier_everyone_is_in_it(policy):
    earned, kept = by_score(policy, scores(0, 100), [BRONZE])
    assert earned.tolist() == kept.tolist() == [30, 30]


def test_nobody_has_a_tier_of_nobody(policy):
    earned, _ = by_score(policy, scores(), [BRONZE, GOLD])
    assert (earned.tolist(), earned.dtype) == ([], "Int64")


# The way to the next tier ------------------------------------------------------------------


def test_the_way_leads_from_the_current_tier_not_from_the_earned_one(policy):
    score = scores(0, 45.49, 45.5, 100, 20, 100)
    current = keys(30, 30, 30, 30, 10, 20)
    next_tier, missing = tiers.to_next(policy(tiers=[BRONZE, SILVER, GOLD]), TierFit(), score, current)
    assert next_tier.fillna(0).tolist() == [10, 10, 10, 10, 20, 0]
    # 45.5 - 0, 45.5 - 45.49, twice reached already, 80 - 20; at the top there is no next
    assert missing.fillna(-1).tolist() == [45.5, 0.01, 0, 0, 60, -1]
    assert (next_tier.dtype, missing.dtype) == ("Int64", "float64")


def test_without_a_tier_of_the_policy_there_is_no_next_one(policy):
    next_tier, missing = tiers.to_next(policy(tiers=[BRONZE, GOLD]), TierFit(), scores(50, 50), keys(None, 99))
    assert next_tier.isna().all()
    assert missing.isna().all()


def test_who_is_not_scored_has_a_next_tier_but_no_distance(policy):
    next_tier, missing = tiers.to_next(policy(tiers=[BRONZE, GOLD]), TierFit(), scores(None), keys(30))
    assert (next_tier.tolist(), missing.isna().tolist()) == ([20], [True])


def test_a_fraction_of_a_hundredth_still_is_missing(policy):
    ladder = [BRONZE, TierRule(1, 100 / 3)]
    _, missing = tiers.to_next(policy(tiers=ladder), TierFit(), scores(33.33), keys(30))
    assert missing.tolist() == [0.01]


def test_shares_by_score_lead_to_their_cut(policy):
    ladder = [TierRule(3, share=20), TierRule(2, share=30), TierRule(1, share=50)]
    fit = TierFit("customer_share", cuts=(None, 40.0, 61.5))
    by_rank = policy(tiers=ladder, tier_method="customer_share")
    next_tier, missing = tiers.to_next(by_rank, fit, scores(38.5, 55, 60, 99), keys(1, 1, 2, 3))
    assert next_tier.fillna(0).tolist() == [2, 2, 3, 0]
    assert missing.fillna(-1).tolist() == [1.5, 0, 1.5, -1]
    nobody = TierFit("customer_share", cuts=(None, None, None))
    assert tiers.to_next(by_rank, nobody, scores(38.5), keys(1))[1].isna().all()


@pytest.mark.parametrize(
    ("method", "fields", "fit"),
    [
        ("customer_share", {"basis": "monetary"}, TierFit("customer_share", "monetary", cuts=(None, 5.0))),
        ("revenue_share", {}, TierFit("revenue_share", cuts=(None, 5.0))),
        ("conditions", {}, TierFit("conditions")),
    ],
)
def test_where_points_do_not_lead_to_a_tier_none_are_missing(policy, method, fields, fit):
    ladder = [TierRule(2, share=50, conditions=(ConditionRule("monetary", ">=", 5),)), TierRule(1, share=50)]
    next_tier, missing = tiers.to_next(policy(tiers=ladder, tier_method=method, **fields), fit, scores(3), keys(1))
    assert next_tier.tolist() == [2]
    assert missing.isna().all()


@examples(50)
@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=20),
    st.sets(st.integers(1, 10_000), max_size=6),
)
def test_the_missing_points_lead_exactly_to_the_next_tier(policy, hundredths, floors):
    ladder = [TierRule(key, floor / 100) for key, floor in enumerate(sorted({0, *floors}))]
    score = scores(*(number / 100 for number in hundredths))
    earned, _ = by_score(policy, score, ladder)
    next_tier, missing = tiers.to_next(policy(tiers=ladder), TierFit(), score, earned)
    below_top = missing.notna()
    assert (missing[below_top] > 0).all()
    reached, _ = by_score(policy, (score + missing).round(2)[below_top], ladder)
    assert reached.tolist() == next_tier[below_top].tolist()
    assert earned[~below_top].eq(len(floors)).all()


# Every method ------------------------------------------------------------------------------

CUSTOMER = st.fixed_dictionaries(
    {
        "ago": st.none() | st.integers(0, 800),
        "orders": st.integers(0, 5),
        "amount": st.sampled_from([-50.0, 0.0, 100.0, 100.01, 0.1 + 0.2, 1e12])
        | st.integers(-(10**5), 10**8).map(lambda cents: cents / 100),
        "gap_median_days": st.none() | st.integers(1, 90),
    }
)
POPULATION = st.lists(CUSTOMER, min_size=1, max_size=12)


def policies(policy):
    """Rules of every method, with three tiers each, four on two axes."""
    shares = [TierRule(3, share=100 / 3), TierRule(2, share=100 / 3), TierRule(1, share=100 / 3)]
    gold = (ConditionRule("monetary", ">=", 500, 300), ConditionRule("recency", "<=", 90))
    silver = (ConditionRule("monetary", ">=", 100), ConditionRule("gap_median", "<=", 30, 60))
    met = [TierRule(3, conditions=gold), TierRule(2, conditions=silver, match_any=True), TierRule(1)]
    by_score = [TierRule(1, 0), TierRule(2, 40, 20), TierRule(3, 60, 50)]
    return {
        "score": policy(tiers=by_score),
        "customer_share": policy(tiers=shares, tier_method="customer_share"),
        "customer_share by money": policy(tiers=shares, tier_method="customer_share", basis="monetary"),
        "customer_share by gap": policy(tiers=shares, tier_method="customer_share", basis="gap_median"),
        "revenue_share": policy(tiers=shares, tier_method="revenue_share"),
        "conditions": policy(tiers=met, tier_method="conditions"),
        "clusters": policy(tiers=[TierRule(3), TierRule(2), TierRule(1)], tier_method="clusters"),
        "two_axes": policy(
            tiers=[TierRule(4), TierRule(3), TierRule(2), TierRule(1)],
            tier_method="two_axes",
            axes=rules.AxesRule(
                rules.AxisRule("monetary", "share", 40), rules.AxisRule("frequency", "value", 3), margin=20
            ),
        ),
    }


METHODS = [*rules.TIER_METHODS, "customer_share by money", "customer_share by gap"]


@pytest.mark.parametrize("method", METHODS)
@examples(7)
@given(population=POPULATION, random=st.randoms(use_true_random=False))
def test_every_customer_alone_gets_the_tier_of_the_run(customers, policy, as_of, method, population, random):
    chosen = policies(policy)[method]
    frame = customers(*population)
    fit = pipeline.fit(chosen, frame, as_of)
    result = pipeline.apply(chosen, fit, frame, as_of)[["earned", "kept"]]
    stored = pipeline.Fit.from_json(json.loads(json.dumps(fit.to_json(), allow_nan=False)))
    assert stored == fit
    for place in random.sample(range(len(frame)), min(len(frame), 3)):
        alone = pipeline.apply(chosen, stored, frame.iloc[[place]], as_of)
        assert alone[["earned", "kept"]].equals(result.iloc[[place]])
    # Only prospects have no tier, nobody keeps less than was earned, and the order of rows is nothing.
    assert result["earned"].notna().equals(frame["last_order_date"].notna())
    assert result["kept"].notna().equals(result["earned"].notna())
    assert (result["kept"] >= result["earned"]).fillna(True).all()
    shuffled = frame.sample(frac=1, random_state=random.randrange(1000))
    assert pipeline.fit(chosen, shuffled, as_of) == fit


@pytest.mark.parametrize("method", METHODS)
def test_the_tiers_earned_alone_are_those_of_the_whole_result(customers, policy, as_of, method):
    chosen = policies(policy)[method]
    rng = random.Random(4)
    frame = customers(*({"ago": rng.choice([None, 3, 90, 500]), "amount": 7.0 * n, "orders": n % 5} for n in range(60)))
    fit = pipeline.fit(chosen, frame.iloc[::2], as_of)
    earned = pipeline.earned(chosen, fit, frame, as_of)
    pd.testing.assert_series_equal(earned, pipeline.apply(chosen, fit, frame, as_of)["earned"])
    assert earned.notna().any()


@pytest.mark.parametrize("method", METHODS)
def test_what_leads_to_a_tier_is_no_part_of_the_explanation(customers, policy, as_of, method):
    chosen = policies(policy)[method]
    frame = customers({"amount": 10.0}, {"amount": 600.0}, {"ago": 3, "orders": 4})
    result = pipeline.apply(chosen, pipeline.fit(chosen, frame, as_of), frame, as_of)
    told = pipeline.tell(chosen, frame.join(result), as_of)
    explained = {column.partition("_")[2] for column in told.filter(like="contribution_").dropna(axis=1)}
    assert explained == {"recency", "frequency", "monetary"}
    assert result.filter(like="points_").columns.tolist() == ["points_recency", "points_frequency", "points_monetary"]


@pytest.mark.parametrize("method", [method for method in METHODS if method not in ("score", "conditions")])
def test_a_fit_of_other_tiers_is_refused(customers, policy, as_of, method):
    frame = customers({}, {"amount": 5.0}, {"amount": 9.0})
    chosen = policies(policy)
    for other in chosen.keys() - {method}:
        fit = pipeline.fit(chosen[other], frame, as_of)
        with pytest.raises(ValueError, match=f"not of these tiers by '{chosen[method].tier_method}': fit the changed"):
            pipeline.apply(chosen[method], fit, frame, as_of)


def test_a_fit_stored_before_there_were_methods_still_serves_the_score(customers, policy, as_of):
    frame = customers({}, {"amount": 5.0})
    fit = pipeline.fit(policy(), frame, as_of)
    old = fit.to_json()
    del old["tiers"]
    assert pipeline.Fit.from_json(old) == fit


@pytest.mark.parametrize(
    "fields",
    [{"cuts": (None, 5.0, 4.0)}, {"cuts": (None, 4.0, 5.0), "higher_is_better": False}, {"cuts": (None, float("inf"))}],
)
def test_cuts_that_lead_nowhere_are_refused(fields):
    with pytest.raises(ValueError, match="do not lead upwards; fit them again"):
        TierFit("customer_share", **fields)
