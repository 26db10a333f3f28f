"""The parts of an explanation sum to the score, to the last hundredth."""

import json
from fractions import Fraction
from math import floor, isnan, nan

import numpy as np
import pandas as pd
import pytest
from conftest import examples
from engine import explain
from hypothesis import given
from hypothesis import strategies as st

#: Points as scales give them: millionths.
POINTS = st.integers(0, 100_000_000).map(lambda millionths: millionths / 1e6)
WEIGHTS = st.integers(0, 1000).map(lambda tenths: tenths / 10)


def hundredths(numbers):
    return np.rint(np.asarray(numbers) * 100).astype(int)


@st.composite
def scored(draw):
    width = draw(st.integers(1, 6))
    weights = draw(st.lists(WEIGHTS, min_size=width, max_size=width).filter(any))
    rows = draw(st.lists(st.lists(POINTS, min_size=width, max_size=width), min_size=1, max_size=10))
    metrics = [f"m{place}" for place in range(width)]
    return pd.DataFrame(rows, columns=metrics), dict(zip(metrics, weights, strict=True))


@examples(100)
@given(scored())
def test_parts_sum_exactly_to_the_score_and_stay_within_a_hundredth(case):
    points, weights = case
    score, parts = explain.contributions(points, weights)
    assert (hundredths(parts).sum(axis=1) == hundredths(score)).all()
    exact = points * pd.Series(weights) / sum(weights.values())
    assert ((parts - exact).abs() < 0.01 + 1e-9).all(axis=None)
    assert (parts[(points == 0) | (exact == 0)].fillna(0) == 0).all(axis=None)
    assert score.between(0, 100).all()


@examples(100)
@given(scored())
def test_the_score_is_the_weighted_mean_rounded_half_up(case):
    points, weights = case
    score, _ = explain.contributions(points, weights)
    shares = [Fraction(str(weight)) for weight in weights.values()]
    for found, row in zip(score, points.itertuples(index=False), strict=True):
        mean = sum(w * Fraction(str(p)) for w, p in zip(shares, row, strict=True)) / sum(shares)
        # A mean within a ten-millionth below a half counts as the half.
        near = {floor(100 * (mean + noise) + Fraction(1, 2)) for noise in (0, Fraction(1, 10**7))}
        assert hundredths(found) in near


def test_a_true_half_rounds_up_in_spite_of_float_noise():
    # (0.01 + 0.004 + 0.001) / 3 = 0.005 and 0.1 x 0.05 / 1 = 0.005: both are half a hundredth
    score, _ = explain.contributions(pd.DataFrame({"r": [0.01], "f": [0.004], "m": [0.001]}), {"r": 1, "f": 1, "m": 1})
    assert score.tolist() == [0.01]
    score, _ = explain.contributions(pd.DataFrame({"r": [0.05], "f": [0.0]}), {"r": 0.1, "f": 0.9})
    assert score.tolist() == [0.01]


def test_left_over_hundredths_go_to_the_largest_remainders():
    # 1/3 of 50, 25 and 10 = 16.666.., 8.333.., 3.333.. sum to 28.33
    points = pd.DataFrame({"r": [10.0], "f": [50.0], "m": [25.0]})
    score, parts = explain.contributions(points, {"r": 1, "f": 1, "m": 1})
    assert score.tolist() == [28.33]
    assert parts.to_numpy().tolist() == [[3.33, 16.67, 8.33]]


def test_among_equal_remainders_the_first_metrics_get_the_hundredths():
    metrics = [f"m{place}" for place in range(24)]
    points = pd.DataFrame(100.0, index=[0], columns=metrics)
    _, parts = explain.contributions(points, dict.fromkeys(metrics, 1))
    # 100 / 24 = 4.1666..: 24 x 4.16 = 99.84 leaves 16 hundredths
    assert parts.loc[0].tolist() == [4.17] * 16 + [4.16] * 8


def test_all_hundred_is_a_hundred_whatever_the_weights():
    points = pd.DataFrame(100.0, index=[0], columns=list("abcdefg"))
    score, parts = explain.contributions(points, dict.fromkeys("abcdefg", 0.1))
    assert score.tolist() == [100.0]
    assert hundredths(parts).sum() == 10_000


def test_only_the_ratio_of_weights_counts():
    points = pd.DataFrame({"r": [12.345678, 99.0], "f": [77.7, 1.0]})
    small, _ = explain.contributions(points, {"r": 0.3, "f": 0.7})
    large, _ = explain.contributions(points, {"r": 3000, "f": 7000})
    assert small.equals(large)


@pytest.mark.parametrize("wrong", [float("inf"), -0.1, 100.1])
def test_points_outside_the_scale_are_refused(wrong):
    with pytest.raises(ValueError, match=r"Points of 'f' lie outside 0..100 for 1 of 2 customers"):
        explain.contributions(pd.DataFrame({"f": [50.0, wrong]}), {"f": 1})


KNOWN_OR_NOT = st.one_of(st.none(), st.floats(0, 100), st.sampled_from([0.0, 50.0, 100.0]))


@examples(60)
@given(
    st.lists(st.tuples(KNOWN_OR_NOT, KNOWN_OR_NOT, KNOWN_OR_NOT), min_size=1, max_size=8),
    st.tuples(*[st.integers(0, 9)] * 3).filter(any),
)
def test_who_is_judged_without_a_metric_scores_as_if_there_were_none(rows, weights):
    weights = dict(zip("rfm", weights, strict=True))
    points = pd.DataFrame(rows, columns=list(weights)).astype("float64")
    score, parts = explain.contributions(points, weights)
    for place, row in points.iterrows():
        known = row.dropna()
        if sum(weights[key] for key in known.index) > 0:
            alone, of_alone = explain.contributions(known.to_frame().T, {key: weights[key] for key in known.index})
            assert score[place] == alone.item()
            assert parts.loc[place, known.index].tolist() == of_alone.iloc[0].tolist()
        else:
            assert score[place] == 0
        assert (parts.loc[place, row.isna()] == 0).all()
        assert round(parts.loc[place].sum(), 6) == score[place]
    assert explain.total(points.to_numpy(), list(weights.values())).tolist() == score.tolist()


def test_each_is_weighed_by_what_is_known_of_them():
    """Sixty-four metrics, each unknown of somebody else, and each pair of neighbours of somebody else again."""
    count = 64
    rows = [[float(metric) for metric in range(count)] for _row in range(2 * count)]
    for row in range(2 * count):
        for metric in range(row // 2, min(row // 2 + 1 + row % 2, count)):
            rows[row][metric] = nan
    score, _parts = explain.contributions(pd.DataFrame(rows), dict.fromkeys(range(count), 1))
    for row, found in zip(rows, score, strict=True):
        known = [points for points in row if not isnan(points)]
        assert abs(found - sum(known) / len(known)) <= 0.005 + 1e-9


def test_the_points_are_left_alone_and_no_customers_have_no_parts():
    points = pd.DataFrame({"r": [10.0, 20.0]}, index=[7, 9])
    before = points.copy()
    score, parts = explain.contributions(points, {"r": 1})
    assert points.equals(before)
    assert score.index.tolist() == parts.index.tolist() == [7, 9]
    nobody, nothing = explain.contributions(points.iloc[:0], {"r": 1})
    assert nobody.dtype == score.dtype
    assert nothing.dtypes.equals(parts.dtypes)


@examples(50)
@given(st.lists(st.floats(allow_infinity=False, allow_nan=True), min_size=1, max_size=10))
def test_the_text_is_json_of_the_very_numbers(numbers):
    texts = explain.as_text(pd.DataFrame(dict.fromkeys("vpc", numbers)))
    for text, number in zip(texts, numbers, strict=True):
        expected = None if np.isnan(number) else number
        assert json.loads(text) == [[expected, expected, expected]]
        assert explain.from_text(text, {'100 % "r"': 2.5}) == {'100 % "r"': [expected, expected, 2.5, expected]}
        assert " " not in text


def test_the_text_of_two_metrics():
    told = pd.DataFrame([[12, 50, 0, 1.25, 50, 0], [np.nan, np.nan, np.nan, 1e12, 50, 0.5]], dtype="float64")
    assert explain.as_text(told) == ["[[12,50,0],[1.25,50,0]]", "[[null,null,null],[1000000000000,50,0.5]]"]


def test_a_text_of_other_metrics_is_refused():
    with pytest.raises(ValueError, match="is of 2 metrics, the rules are of 1"):
        explain.from_text("[[12,50,0],[1,2,3]]", {"recency": 30})


def test_no_customers_have_no_texts():
    assert explain.as_text(pd.DataFrame(columns=["v", "p", "c"], dtype="float64")) == []
