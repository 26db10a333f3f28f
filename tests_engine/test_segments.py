"""Segments partition the grid; the frequency-monetary score rounds half up."""

import itertools
from fractions import Fraction
from math import floor

import pandas as pd
import pytest
from engine import segments
from engine.segments import DEFAULT_MAP, SEGMENT_CODES

FIFTHS = range(1, 6)


def scores(*values):
    return pd.Series(values, dtype="Int64")


def test_the_default_map_gives_every_cell_one_segment_and_every_segment_a_cell():
    cells = list(itertools.chain.from_iterable(DEFAULT_MAP))
    assert [len(row) for row in DEFAULT_MAP] == [5] * 5
    assert set(cells) == set(SEGMENT_CODES)
    assert len(SEGMENT_CODES) == len(set(SEGMENT_CODES)) == 11
    assert segments.PROSPECT not in SEGMENT_CODES


@pytest.mark.parametrize(
    ("r", "fm", "code"),
    [
        (5, 5, "champions"),
        (5, 1, "new"),
        (4, 1, "promising"),
        (4, 5, "loyal"),
        (3, 3, "need_attention"),
        (3, 1, "about_to_sleep"),
        (2, 2, "hibernating"),
        (1, 3, "at_risk"),
        (1, 5, "cant_lose"),
        (1, 2, "lost"),
        (5, 3, "potential_loyalist"),
    ],
)
def test_the_default_map_speaks_the_common_language(r, fm, code):
    assert DEFAULT_MAP[r - 1][fm - 1] == code


def test_every_cell_is_assigned_to_its_own_key():
    cells = list(itertools.product(FIFTHS, FIFTHS))
    grid = [[10 * r + fm for fm in FIFTHS] for r in FIFTHS]
    keys = segments.assign(scores(*(r for r, _ in cells)), scores(*(fm for _, fm in cells)), grid)
    assert keys.tolist() == [10 * r + fm for r, fm in cells]


def test_a_missing_score_has_no_segment():
    keys = segments.assign(scores(None, 5, None), scores(5, None, None), [[1] * 5] * 5)
    assert keys.dtype == "Int64"
    assert keys.isna().all()


@pytest.mark.parametrize("weights", [(30, 40), (1, 1), (1, 3), (0, 2), (2, 0), (0.1, 0.1), (0.1, 0.3)])
def test_the_weighted_mean_is_rounded_half_up(weights):
    pairs = list(itertools.product(FIFTHS, FIFTHS))
    w_f, w_m = (Fraction(str(weight)) for weight in weights)
    expected = [floor((w_f * f + w_m * m) / (w_f + w_m) + Fraction(1, 2)) for f, m in pairs]
    mean = segments.frequency_monetary_score(scores(*(f for f, _ in pairs)), scores(*(m for _, m in pairs)), *weights)
    assert mean.tolist() == expected


def test_without_weights_frequency_and_money_count_alike():
    mean = segments.frequency_monetary_score(scores(1, 1, 2), scores(5, 2, 2), 0, 0)
    assert mean.tolist() == [3, 2, 2]  # 3, 1.5 and 2


def test_no_customers_have_no_segments():
    none = scores()
    assert segments.frequency_monetary_score(none, none, 1, 1).tolist() == []
    assert segments.assign(none, none, [[1] * 5] * 5).tolist() == []
