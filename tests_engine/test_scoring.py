"""Scales: mid-ranks by an independent judge, quintiles, bands, fit and apply."""

import json

import delivered
import numpy as np
import pandas as pd
import pytest
from conftest import examples
from engine import scoring
from engine.rules import CriterionRule
from engine.scoring import Scale
from hypothesis import given
from hypothesis import strategies as st

FREQUENCY = delivered.get("frequency")
MONETARY = delivered.get("monetary")
RECENCY = delivered.get("recency")

MONEY = st.integers(-(10**6), 10**14).map(lambda cents: cents / 100) | st.sampled_from([0.0, 100.0])
POPULATION = st.lists(MONEY, min_size=1, max_size=40).map(pd.Series)
DIRECTIONS = st.booleans()


def judge(values, *, higher_is_better):
    """100 (#worse + #equal / 2) / n, by counting every pair."""
    values = np.asarray(values)
    beats = np.greater if higher_is_better else np.less
    worse = beats(values[:, None], values).sum(axis=1)
    equal = (values[:, None] == values).sum(axis=1)
    return 100 * (worse + equal / 2) / len(values)


def fitted(values, metric=MONETARY, method="percentile", small=False, median_order=None, **rule):
    criterion = CriterionRule(metric.key, 1, method, **rule)
    return scoring.fit_scale(
        pd.Series(values, dtype="float64"),
        metric,
        criterion,
        small=small,
        median_order=median_order,
    )


def points_of(scale, *values):
    return scale.apply(pd.Series(values, dtype="float64")).tolist()


# Mid-rank ----------------------------------------------------------------------------------


@examples(50)
@given(POPULATION, DIRECTIONS)
def test_points_are_the_share_of_the_worse_and_half_of_the_equal(values, higher):
    points = scoring.midrank_percentile(values, higher_is_better=higher)
    np.testing.assert_allclose(points, judge(values, higher_is_better=higher), rtol=1e-12)


@examples(30)
@given(POPULATION)
def test_directions_mirror_each_other(values):
    up = scoring.midrank_percentile(values, higher_is_better=True)
    down = scoring.midrank_percentile(values, higher_is_better=False)
    np.testing.assert_allclose(up + down, 100)


def test_unknown_values_neither_get_points_nor_count():
    points = scoring.midrank_percentile(pd.Series([5.0, None, 1.0]), higher_is_better=True)
    assert points.dropna().tolist() == [75.0, 25.0]


def test_54_percent_one_order_customers_share_one_frequency_score():
    orders = pd.Series([1.0] * 54 + [2.0] * 20 + [3.0] * 16 + [9.0] * 10)
    points = fitted(orders, FREQUENCY).apply(orders)
    # 100 x 54/2 / 100 = 27 -> 2; 54 + 10 = 64 -> 4; 74 + 8 = 82 -> 5; 90 + 5 = 95 -> 5
    assert points.groupby(orders).unique().map(list).tolist() == [[27.0], [64.0], [82.0], [95.0]]
    assert scoring.quintile(points).groupby(orders).unique().map(list).tolist() == [[2], [4], [5], [5]]


# Quintiles ---------------------------------------------------------------------------------


@pytest.mark.parametrize("edge", [20, 40, 60, 80])
def test_an_edge_belongs_to_the_upper_quintile_also_with_float_noise(edge):
    points = pd.Series([edge - 0.001, np.nextafter(edge, 0), edge, np.nextafter(edge, 100)])
    upper = edge // 20 + 1
    assert scoring.quintile(points).tolist() == [upper - 1, upper, upper, upper]


def test_quintiles_of_ten_different_customers_have_two_each():
    points = scoring.midrank_percentile(pd.Series(range(10)), higher_is_better=True)
    assert scoring.quintile(points).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_the_quintile_method_spreads_the_fifths_from_0_to_100():
    values = list(range(10))
    assert points_of(fitted(values, method="quintile"), *values) == [
        0, 0, 25, 25, 50, 50, 75, 75, 100, 100,
    ]  # fmt: skip


# Bands -------------------------------------------------------------------------------------


def test_a_recency_of_exactly_30_days_still_is_in_the_best_band():
    scale = fitted([], RECENCY, "bands")
    assert points_of(scale, 0, 30, 31, 90, 91, 180, 181, 365, 366, 9999) == [
        100, 100, 75, 75, 50, 50, 25, 25, 0, 0,
    ]  # fmt: skip


def test_frequency_bands_are_1_2_3_to_4_5_to_9_and_10_orders():
    scale = fitted([], FREQUENCY, "bands")
    assert points_of(scale, 0, 1, 2, 3, 4, 5, 9, 10, 999) == [0, 0, 25, 50, 50, 75, 75, 100, 100]


def test_money_bands_are_multiples_of_the_median_order():
    scale = fitted([], MONETARY, "bands", median_order=50.0)
    assert scale.knots == (50.0, 100.0, 250.0, 500.0)
    assert points_of(scale, -10, 0, 49.99, 50, 100, 250, 500, 1e12) == [
        0, 0, 0, 25, 50, 75, 100, 100,
    ]  # fmt: skip


@pytest.mark.parametrize("median_order", [None, 0.0, float("nan")])
def test_without_an_median_order_the_cuts_are_plain_money(median_order):
    assert fitted([], MONETARY, "bands", median_order=median_order).knots == (1, 2, 5, 10)


def test_plain_cuts_ignore_the_median_order():
    scale = fitted([], MONETARY, "bands", median_order=50.0, bands=(1000,), band_unit="value")
    assert points_of(scale, 999.99, 1000) == [0, 100]


def test_a_value_on_a_multiplied_cut_reaches_it_in_spite_of_float_noise():
    assert 3 * 0.1 > 0.3
    scale = fitted([], MONETARY, "bands", median_order=0.1, bands=(3,))
    assert points_of(scale, 0.3) == [100]


def test_any_number_of_cuts_spreads_its_bands_evenly():
    assert fitted([], FREQUENCY, "bands", bands=(5,)).points == (0, 100)
    assert fitted([], FREQUENCY, "bands", bands=(1, 2, 3)).points == (0, 33.333333, 66.666667, 100)
    assert fitted([], RECENCY, "bands", bands=(1, 2)).points == (100, 50, 0)


def test_a_small_population_is_banded_whatever_the_method():
    for method in ("percentile", "quintile", "bands"):
        assert fitted([1, 2, 3], FREQUENCY, method, small=True).method == "bands"


def test_where_nobody_has_a_value_there_are_no_ranks_but_bands():
    assert fitted([None, None], delivered.get("gap_median")).method == "bands"


# Fit, apply, store -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["percentile", "quintile", "bands"])
@pytest.mark.parametrize("metric", [MONETARY, RECENCY])
def test_what_is_unknown_earns_nothing_and_never_the_top(method, metric):
    assert points_of(fitted([1, 2, 3, 4, 5], metric, method), None) == [0.0]


@examples(50)
@given(POPULATION, st.sampled_from(["percentile", "quintile", "bands"]), st.booleans(), st.data())
def test_a_stored_scale_gives_one_customer_the_same_points_as_the_run(values, method, small, data):
    scale = fitted(values, method=method, small=small, median_order=100.0)
    run = scale.apply(values)
    stored = Scale.from_json(json.loads(json.dumps(scale.to_json())))
    assert stored == scale
    assert stored.apply(values).equals(run)
    one = data.draw(st.integers(0, len(values) - 1))
    assert stored.apply(values.iloc[[one]]).equals(run.iloc[[one]])


@examples(50)
@given(POPULATION)
def test_with_few_distinct_values_a_percentile_scale_is_exact(values):
    points = fitted(values).apply(values)
    np.testing.assert_allclose(points, judge(values, higher_is_better=True), atol=5.1e-7)


@examples(100)
@given(
    POPULATION,
    st.lists(MONEY, min_size=2, max_size=20),
    st.sampled_from(["percentile", "quintile", "bands"]),
    DIRECTIONS,
)
def test_a_better_value_never_has_fewer_points(values, newcomers, method, higher):
    scale = fitted(values, MONETARY if higher else RECENCY, method, median_order=100.0)
    points = points_of(scale, *sorted(newcomers, reverse=not higher))
    assert points == sorted(points)
    assert 0 <= points[0] <= points[-1] <= 100


def test_values_beyond_the_population_are_clamped_to_its_ends():
    scale = fitted([10.0, 20.0])
    assert points_of(scale, -1e12, 10, 15, 20, 1e12) == [25, 25, 50, 75, 75]


def test_points_between_knots_are_rounded_to_millionths():
    assert points_of(fitted([0.0, 3.0, 7.0]), 1.0, 4.0) == [27.777778, 58.333333]


def test_orders_of_a_trillion_do_not_disturb_the_others():
    values = [1.0, 2.0, 3.0, 1e12]
    assert points_of(fitted(values), *values) == [12.5, 37.5, 62.5, 87.5]


@pytest.mark.parametrize("values", [[7.0], [7.0] * 3, [0.0] * 200])
def test_a_constant_population_lies_in_the_middle(values):
    assert set(points_of(fitted(values), *values)) == {50.0}


def test_row_order_does_not_matter():
    values = pd.Series(np.random.default_rng(1).integers(0, 30, 500) / 10)
    shuffled = values.sample(frac=1, random_state=2)
    assert fitted(shuffled) == fitted(values)


def test_fitting_and_applying_leave_the_values_alone():
    values = pd.Series([3.0, None, 1.0])
    before = values.copy()
    fitted(values).apply(values)
    assert values.equals(before)


def test_no_values_give_no_points():
    empty = pd.Series([], dtype="float64")
    points = fitted([1.0, 2.0]).apply(empty)
    assert points.empty
    assert points.dtype == np.float64


LONG = {
    "all different": lambda rng: rng.lognormal(5, 2, 20_000).round(2),
    "half tied": lambda rng: np.r_[np.full(8_000, 50.0), rng.lognormal(5, 2, 12_000).round(2)],
    "ties at the edges": lambda rng: np.r_[np.arange(2_400.0), np.repeat([2_400.0, 2_401.0, 2_402.0], 800)],
    "one of a trillion": lambda rng: np.r_[np.arange(5_000) / 100, 1e12],
    # 1 000 heavy values, each followed by a light one: points jump all over the scale.
    "many jumps": lambda rng: np.r_[np.repeat(np.arange(1_500.0), 9), np.arange(1_500.0) + 0.5],
}


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize("population", LONG)
def test_a_thinned_scale_keeps_quintiles_exact_and_points_close(population, higher):
    values = pd.Series(LONG[population](np.random.default_rng(4)))
    metric = MONETARY if higher else RECENCY
    exact = scoring.midrank_percentile(values, higher_is_better=higher)
    scale = fitted(values, metric)
    points = scale.apply(values)

    assert values.nunique() > scoring.MAX_KNOTS >= len(scale.knots)
    assert (scale.knots[0], scale.knots[-1]) == (values.min(), values.max())
    assert (points - exact).abs().max() < 100 / 1024
    assert scoring.quintile(points).equals(scoring.quintile(exact))
    by_quintile = fitted(values, metric, "quintile").apply(values)
    assert by_quintile.equals(25.0 * (scoring.quintile(exact) - 1).astype("float64"))


@pytest.mark.parametrize("distinct", [scoring.MAX_KNOTS, scoring.MAX_KNOTS + 1])
def test_a_scale_is_thinned_only_above_the_maximum_of_knots(distinct):
    values = pd.Series(np.arange(distinct, dtype="float64"))
    scale = fitted(values)
    assert (len(scale.knots) == distinct) == (distinct <= scoring.MAX_KNOTS)


@pytest.mark.parametrize(
    "data",
    [
        {"method": "ntile", "higher_is_better": True, "knots": [1.0], "points": [50.0]},
        {"method": "percentile", "higher_is_better": True, "knots": [], "points": []},
        {"method": "percentile", "higher_is_better": True, "knots": [1.0], "points": []},
        {"method": "bands", "higher_is_better": True, "knots": [1.0], "points": [50.0]},
        {"method": "percentile", "higher_is_better": True, "knots": [2.0, 1.0], "points": [1.0, 2.0]},
        {"method": "percentile", "higher_is_better": True, "knots": [float("nan")], "points": [1.0]},
    ],
)
def test_a_damaged_scale_is_refused(data):
    with pytest.raises(ValueError, match="fit it again"):
        Scale.from_json(data)
