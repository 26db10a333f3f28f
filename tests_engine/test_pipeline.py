"""Fit and apply of a whole policy: the correctness rules, on whole frames."""

import datetime
import json

import numpy as np
import pytest
from conftest import examples
from engine import explain, metrics, pipeline, schema, scoring, segments
from engine.pipeline import Fit
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

DTYPES = {
    "recency_days": "float64",
    "tenure_days": "float64",
    "average_order": "float64",
    "gap_mean_days": "float64",
    "gap_regularity": "float64",
    "lateness": "float64",
    "growth": "float64",
    "days_since_contact": "float64",
    "points_recency": "float64",
    "points_frequency": "float64",
    "points_monetary": "float64",
    "contribution_recency": "float64",
    "contribution_frequency": "float64",
    "contribution_monetary": "float64",
    "usual_gap_days": "float64",
    "risk": "object",
    "risk_rank": "int64",
    "expected_loss": "float64",
    "risk_signals": "category",
    "recency_score": "Int64",
    "frequency_score": "Int64",
    "monetary_score": "Int64",
    "score": "float64",
    "earned": "Int64",
    "kept": "Int64",
    "segment": "Int64",
    "lifecycle": "object",
}

CUSTOMER = st.fixed_dictionaries(
    {
        "ago": st.none() | st.integers(0, 800),
        "orders": st.integers(0, 12),
        "amount": st.sampled_from([-50.0, 0.0, 100.0, 1e12])
        | st.integers(-(10**5), 10**8).map(lambda cents: cents / 100),
    }
)
POPULATION = st.lists(CUSTOMER, min_size=1, max_size=12)
METHODS = st.sampled_from(["percentile", "quintile", "bands"])


def run(rules, frame, as_of):
    return pipeline.apply(rules, pipeline.fit(rules, frame, as_of), frame, as_of)


def three_criteria(method):
    return [("recency", 30, method), ("frequency", 30, method), ("monetary", 40, method)]


# Shape -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("min_population", [1, 100])
def test_any_number_of_customers_gives_the_same_columns_and_dtypes(customers, policy, as_of, size, min_population):
    frame = customers(*[{"ago": 3 * place} for place in range(size)])
    result = run(policy(min_population=min_population), frame, as_of)
    assert {column: str(dtype) for column, dtype in result.dtypes.items()} == DTYPES
    assert result.index.equals(frame.index)
    assert result.index.name == "customer"
    assert result["earned"].notna().all()


def test_the_result_joins_the_frame_without_overlap(customers, policy, as_of):
    frame = customers({}, {"ago": None}).assign(margin=1.0)
    joined = frame.join(run(policy(), frame, as_of))
    assert joined.columns.is_unique
    assert len(joined.columns) == len(frame.columns) + len(DTYPES)


@pytest.mark.parametrize("min_population", [1, 100])
def test_only_prospects_are_no_population_at_all(customers, policy, as_of, min_population):
    rules = policy(min_population=min_population, prospect_segment=99)
    frame = customers({"ago": None}, {"ago": None})
    fit = pipeline.fit(rules, frame, as_of)
    assert (fit.population, fit.small, fit.median_order) == (0, True, None)
    result = pipeline.apply(rules, fit, frame, as_of)
    assert result["score"].tolist() == [0.0, 0.0]
    assert result["segment"].tolist() == [99, 99]


def test_the_frame_is_left_alone(customers, policy, as_of):
    frame = customers({}, {"ago": None}, {"amount": -3.0}).assign(margin=[1.0, None, 2.0])
    before = frame.copy(deep=True)
    run(policy(), frame, as_of)
    assert_frame_equal(frame, before)


def test_a_frame_with_a_date_in_the_future_is_refused(customers, policy, as_of):
    rules = policy()
    good, bad = customers({}), customers({"ago": -1})
    with pytest.raises(ValueError, match="_order_date' lies after 2024-06-30 for 1 of 1 customers"):
        run(rules, bad, as_of)
    with pytest.raises(ValueError, match="lies after"):
        pipeline.apply(rules, pipeline.fit(rules, good, as_of), bad, as_of)


# Equal customers, equal scores -------------------------------------------------------------


def test_54_percent_one_order_customers_share_every_score(customers, policy, as_of):
    rows = [{"orders": 1}] * 54 + [{"orders": orders, "amount": 100.0 * orders} for orders in range(2, 48)]
    once = run(policy(), customers(*rows), as_of).iloc[:54]
    assert len(once.drop_duplicates()) == 1
    assert once["frequency_score"].unique().tolist() == [2]  # 100 x 27 / 100 = 27 points


@examples(20)
@given(population=POPULATION, method=METHODS, random=st.randoms(use_true_random=False))
def test_row_order_and_repetition_change_nothing(customers, policy, as_of, population, method, random):
    rules = policy(criteria=three_criteria(method))
    frame = customers(*population)
    places = list(range(len(frame)))
    random.shuffle(places)
    shuffled = frame.iloc[places]
    assert pipeline.fit(rules, shuffled, as_of) == pipeline.fit(rules, frame, as_of)
    assert_frame_equal(run(rules, shuffled, as_of).sort_index(), run(rules, frame, as_of))


@pytest.mark.parametrize("size", [1, 2, 3, 200])
def test_all_tied_customers_are_average(customers, policy, as_of, size):
    result = run(policy(), customers(*[{}] * size), as_of)
    assert result["score"].unique().tolist() == [50.0]
    assert result["recency_score"].unique().tolist() == [3]
    assert result["segment"].unique().tolist() == [segments.SEGMENT_CODES.index("need_attention")]


# Fit, then apply ---------------------------------------------------------------------------


@examples(20)
@given(population=POPULATION, method=METHODS, min_population=st.sampled_from([1, 6]), data=st.data())
def test_one_customer_scored_later_by_the_stored_fit_gets_the_result_of_the_run(
    customers, policy, as_of, population, method, min_population, data
):
    rules = policy(criteria=three_criteria(method), min_population=min_population)
    frame = customers(*population)
    fit = pipeline.fit(rules, frame, as_of)
    result = pipeline.apply(rules, fit, frame, as_of)
    stored = Fit.from_json(json.loads(json.dumps(fit.to_json())))
    assert stored == fit
    assert_frame_equal(pipeline.apply(rules, stored, frame, as_of), result)
    one = data.draw(st.integers(0, len(frame) - 1))
    assert_frame_equal(pipeline.apply(rules, stored, frame.iloc[[one]], as_of), result.iloc[[one]])


@examples(20)
@given(population=POPULATION, method=METHODS, more=st.integers(1, 10**7))
def test_more_money_never_lowers_the_score(customers, policy, as_of, population, method, more):
    rules = policy(criteria=three_criteria(method))
    frame = customers(*population)
    fit = pipeline.fit(rules, frame, as_of)
    richer = frame.assign(amount=frame["amount"] + more)
    before, after = (pipeline.apply(rules, fit, each, as_of) for each in (frame, richer))
    assert (after["score"] >= before["score"]).all()
    assert (after["earned"] >= before["earned"]).fillna(True).all()


def test_a_fit_without_the_scale_of_a_criterion_is_refused(customers, policy, as_of):
    frame = customers({}, {})
    fit = pipeline.fit(policy(), frame, as_of)
    with pytest.raises(ValueError, match="no scale for 'contacts': fit the changed rules again"):
        pipeline.apply(policy(criteria=[("contacts", 1)]), fit, frame, as_of)


def test_segments_need_recency_frequency_and_money_even_without_criteria(customers, policy, as_of):
    rules = policy(criteria=[("contacts", 1)])
    frame = customers(*[{"ago": 10 * place, "contact_count": place} for place in range(10)])
    fit = pipeline.fit(rules, frame, as_of)
    assert list(fit.scales) == ["contacts", "recency", "frequency", "monetary"]
    result = pipeline.apply(rules, fit, frame, as_of)
    assert result["recency_score"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert result.filter(like="points_").columns.tolist() == ["points_contacts"]
    assert result["segment"].notna().all()


def test_segments_follow_the_method_of_the_criterion(customers, policy, as_of):
    # 29 days are in the best band of recency, though the worst rank of this population.
    frame = customers(*[{"ago": ago} for ago in range(30)])
    by_bands = run(policy(criteria=[("recency", 1, "bands")]), frame, as_of)
    by_ranks = run(policy(criteria=[("frequency", 1)]), frame, as_of)
    assert by_bands["recency_score"].iloc[-1] == 5
    assert by_ranks["recency_score"].iloc[-1] == 1


# Who is scored how -------------------------------------------------------------------------


def test_below_the_minimum_population_bands_are_used(customers, policy, as_of):
    frame = customers({"ago": 5}, {"ago": 400}, {"ago": None})
    small = pipeline.fit(policy(min_population=3), frame, as_of)
    enough = pipeline.fit(policy(min_population=2), frame, as_of)
    assert (small.population, small.small) == (2, True)
    assert (enough.population, enough.small) == (2, False)
    assert {scale.method for scale in small.scales.values()} == {"bands"}
    assert {scale.method for scale in enough.scales.values()} == {"percentile"}


def test_prospects_do_not_move_the_scores_of_buyers(customers, policy, as_of):
    buyers = [{"ago": 10 * place, "amount": 50.0 * place} for place in range(7)]
    alone = run(policy(), customers(*buyers), as_of)
    among = run(policy(), customers(*buyers, *[{"ago": None}] * 50), as_of)
    assert_frame_equal(among.iloc[:7], alone)


def test_a_prospect_has_a_score_of_zero_and_no_tier(customers, policy, as_of):
    # Someone else also spent nothing in the window: the prospect does not share his points.
    frame = customers({"ago": None}, {"ago": 400, "orders": 0, "amount": 0.0}, {"ago": 3})
    prospect = run(policy(), frame, as_of).iloc[0]
    assert prospect[["score", "points_frequency", "contribution_frequency"]].tolist() == [0, 0, 0]
    missing = ["earned", "kept", "segment", "recency_score", "recency_days"]
    assert prospect[missing].isna().all()


def test_a_prospect_has_the_segment_of_prospects_and_nobody_else_has(customers, policy, as_of):
    frame = customers({"ago": None}, {}, {"ago": 700, "orders": 0, "amount": 0.0})
    result = run(policy(prospect_segment=99), frame, as_of)
    assert (result["segment"] == 99).tolist() == [True, False, False]


def test_who_left_the_window_is_scored_again_not_forgotten(customers, policy, as_of):
    frame = customers({"ago": 800, "orders": 0, "amount": 0.0}, *({"ago": ago} for ago in range(1, 6)))
    result = run(policy(), frame, as_of)
    left = result.iloc[0]
    assert left["recency_days"] == 800
    # as recent as the least recent of the five who bought in the window: 100 x 0.5 / 5
    assert left["points_recency"] == result["points_recency"].iloc[-1] == 10
    assert left[["recency_score", "frequency_score", "monetary_score"]].tolist() == [1, 1, 1]
    assert left["earned"] == 1


def test_those_who_left_do_not_make_the_others_look_recent(customers, policy, as_of):
    # 90 of 100 bought long ago. Ten bought often in the last year, half of them not for months, and it is usual to
    # buy each month.
    active = [{"ago": 20 * number, "orders": 5, "amount": 500.0, "gap_median_days": 30.0} for number in range(1, 11)]
    frame = customers(*[{"ago": 900, "orders": 0, "amount": 0.0}] * 90, *active)
    result = run(policy(), frame, as_of)
    assert result["recency_score"].iloc[90:].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    at_risk = segments.SEGMENT_CODES.index("at_risk")
    assert (result["segment"].iloc[96:] == at_risk).all()


@pytest.mark.parametrize("method", ["percentile", "quintile", "bands"])
def test_nothing_bought_in_the_window_earns_nothing_for_frequency_and_money(customers, policy, as_of, method):
    # Six of ten bought long ago. By mid-rank their tie would lie at 30 points, in the second fifth.
    frame = customers(*[{"ago": 400, "orders": 0, "amount": 0.0}] * 6, *({"orders": n} for n in (1, 1, 2, 3)))
    result = run(policy(three_criteria(method)), frame, as_of)
    gone, active = result.iloc[:6], result.iloc[6:]
    assert (gone[["points_frequency", "points_monetary"]] == 0).all(axis=None)
    assert (gone[["frequency_score", "monetary_score"]] == 1).all(axis=None)
    if method == "percentile":  # ranks among the four who bought: (0 + 2/2)/4, (2 + 1/2)/4, (3 + 1/2)/4
        assert active["points_frequency"].tolist() == [25, 25, 62.5, 87.5]


def test_negative_and_zero_money_rank_below_positive_money(customers, policy, as_of):
    frame = customers({"amount": -10.0}, {"amount": 0.0}, {"amount": 10.0}, {"amount": 1e12})
    points = run(policy(), frame, as_of)["points_monetary"]
    assert points.tolist() == [12.5, 37.5, 62.5, 87.5]


def test_unknown_gaps_earn_nothing(customers, policy, as_of):
    rules = policy(criteria=[("gap_median", 1)])
    frame = customers({"gap_median_days": 10.0}, {}, {"gap_median_days": 90.0})
    result = run(rules, frame, as_of)
    # Two known gaps: 100 x 1.5 / 2 = 75 and 100 x 0.5 / 2 = 25
    assert result["score"].tolist() == [75.0, 0.0, 25.0]
    assert result["earned"].tolist() == [3, 1, 1]


def test_the_median_order_is_that_of_a_customer_in_the_middle(customers, policy, as_of):
    frame = customers(
        {"orders": 1, "gross_amount": 100.0},
        {"orders": 3, "gross_amount": 600.0},  # 200 each
        {"ago": 900, "orders": 0, "amount": 0.0},  # none in the window
    )
    assert pipeline.fit(policy(), frame, as_of).median_order == 150.0


@pytest.mark.parametrize(("orders", "amount"), [(1, 1e9), (10_000, 3e9), (10_000, 1.0)])
def test_one_giant_leaves_the_median_order_among_the_others(customers, policy, as_of, orders, amount):
    # However much one customer orders, and however often: 90, 100, 110 and the giant's.
    three = [{"orders": 5, "gross_amount": 5 * each} for each in (90.0, 100.0, 110.0)]
    frame = customers(*three, {"orders": orders, "gross_amount": amount})
    assert 90 < pipeline.fit(policy(), frame, as_of).median_order < 110


def test_without_an_order_there_is_no_median_order(customers, policy, as_of):
    frame = customers({"ago": 5, "orders": 0, "amount": 0.0})
    assert pipeline.fit(policy(), frame, as_of).median_order is None


def test_the_median_order_does_not_depend_on_the_order_of_rows(customers, policy, as_of):
    frame = customers({"amount": 1e16}, {"amount": 1.0}, {"amount": 3.0}, {"amount": 2.0})
    medians = {pipeline.fit(policy(), each, as_of).median_order for each in (frame, frame[::-1])}
    assert medians == {2.5}


def test_a_fit_of_an_earlier_version_is_read_without_its_mean_order(customers, policy, as_of):
    rules, frame = policy(min_population=100), customers({"amount": 100.0}, {"amount": 300.0})
    fit = pipeline.fit(rules, frame, as_of)
    data = fit.to_json()
    data["average_order"] = data.pop("median_order")
    read = pipeline.Fit.from_json(data)
    assert read.median_order is None
    assert pipeline.apply(rules, read, frame, as_of).equals(pipeline.apply(rules, fit, frame, as_of))


def test_the_heavier_of_frequency_and_money_decides_the_segment(customers, policy, as_of):
    # The first buys often for little, the second once for much; both bought yesterday.
    frame = customers({"ago": 1, "orders": 9, "amount": 1.0}, {"ago": 1, "orders": 1, "amount": 900.0})
    often, much = ([("frequency", 90), ("monetary", 10)], [("frequency", 10), ("monetary", 90)])
    loyal, about_to_sleep = (segments.SEGMENT_CODES.index(code) for code in ("loyal", "about_to_sleep"))
    # Points 75 and 25 -> 4 and 2; all recency points are 50 -> 3
    assert run(policy(criteria=often), frame, as_of)["segment"].tolist() == [loyal, about_to_sleep]
    assert run(policy(criteria=much), frame, as_of)["segment"].tolist() == [about_to_sleep, loyal]


def test_recency_follows_the_as_of_date(customers, policy, as_of):
    rules = policy(criteria=[("recency", 1, "bands")])
    frame = customers({"ago": 0})
    fit = pipeline.fit(rules, frame, as_of)
    later = as_of.replace(year=2025)
    assert pipeline.apply(rules, fit, frame, as_of)["score"].tolist() == [100.0]
    assert pipeline.apply(rules, fit, frame, later)["score"].tolist() == [25.0]  # 365 days


def test_a_metric_of_another_addon_is_scored_like_any(customers, policy, as_of):
    found = metrics.Metric("referrals", "referrals", "money", (1, 2, 3, 4), higher_is_better=True)
    rules = policy(criteria=[("referrals", 1)], definitions=[found])
    frame = customers({}, {}).assign(referrals=[5, -5])
    assert run(rules, frame, as_of)["points_referrals"].tolist() == [75.0, 25.0]
    with pytest.raises(ValueError, match=r"'referrals'.* lacks"):
        run(rules, frame.drop(columns="referrals"), as_of)


# The score and its parts -------------------------------------------------------------------


@examples(20)
@given(population=POPULATION, method=METHODS)
def test_parts_sum_to_the_score_and_lead_to_one_tier(customers, policy, as_of, population, method):
    rules = policy(criteria=three_criteria(method), prospect_segment=99)
    result = run(rules, customers(*population), as_of)
    parts = result.filter(like="contribution_")
    assert np.array_equal(np.rint(parts * 100).sum(axis=1), np.rint(result["score"] * 100))
    assert result["score"].between(0, 100).all()
    bought = result["recency_days"].notna()
    assert result["earned"].notna().equals(bought)
    assert result["segment"].notna().all()
    floors = np.array([0, 40, 60, 80])
    expected = [(floors <= score).sum() for score in result.loc[bought, "score"]]
    assert result.loc[bought, "earned"].tolist() == expected


def test_the_explanation_tells_values_points_weights_and_contributions(customers, policy, as_of):
    frame = customers({"ago": 10, "orders": 2, "amount": 250.5}, {"ago": 40, "amount": 80.0})
    result = run(policy(), frame, as_of)
    # Best of two: 100 x 1.5 / 2 = 75 points each; 0.3 x 75 = 22.5 and 0.4 x 75 = 30
    told = pipeline.tell(policy(), frame.join(result), as_of)
    text = explain.as_text(told)[0]
    day = (as_of - datetime.date(1970, 1, 1)).days - 10
    assert text == f"[[{day},75,22.5],[2,75,22.5],[250.5,75,30]]"
    assert explain.from_text(text, policy().weights) == {
        "recency": [day, 75, 30, 22.5],
        "frequency": [2, 75, 30, 22.5],
        "monetary": [250.5, 75, 40, 30],
    }
    assert result["score"].iloc[0] == 75.0
    assert result["earned"].iloc[0] == 3


def test_quintiles_of_a_large_population_are_exact(customers, policy, as_of):
    size = scoring.MAX_KNOTS + 1000
    frame = customers(*[{"amount": place / 100} for place in range(size)])
    found = run(policy(), frame, as_of)["monetary_score"]
    exact = scoring.midrank_percentile(frame[schema.AMOUNT], higher_is_better=True)
    assert found.tolist() == scoring.quintile(exact).tolist()
    assert found.value_counts().max() - found.value_counts().min() <= 1
