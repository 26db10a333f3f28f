"""Sums and medians by group against plain pandas and exact fractions."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from engine import grouped
from hypothesis import given
from hypothesis import strategies as st

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(-(10**12), 10**12)), max_size=60)


@given(ROWS)
def test_sums_of_cents_are_exact(rows):
    group = np.array([place for place, _cents in rows], dtype=int)
    money = np.array([cents / 100 for _place, cents in rows])
    found = grouped.rounded(grouped.sums(group, money, 5), 2)
    exact = [sum(Fraction(cents, 100) for place, cents in rows if place == number) for number in range(5)]
    assert found.tolist() == [float(total) for total in exact]


@given(ROWS, st.randoms(use_true_random=False))
def test_sums_do_not_depend_on_the_order_of_the_rows(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = (
        grouped.sums(np.array([p for p, _ in some], dtype=int), np.array([c / 700 for _, c in some], dtype=float), 5)
        for some in (rows, shuffled)
    )
    assert one.tolist() == other.tolist()


def test_a_plain_float_sum_does_depend_on_it():
    """The reason for counting whole units and remainders apart."""
    values = np.array([0.1, 0.2, 0.3])
    zeros = np.zeros(3, dtype=int)
    assert np.bincount(zeros, values)[0] != np.bincount(zeros, values[::-1])[0]
    assert grouped.sums(zeros, values, 1)[0] == grouped.sums(zeros, values[::-1], 1)[0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**31 - 1)), max_size=50))
def test_medians_are_those_of_pandas(rows):
    frame = pd.DataFrame(rows, columns=["group", "value"], dtype="int64")
    expected = frame.groupby("group")["value"].median().reindex(range(4))
    found = grouped.medians(frame["group"].to_numpy(), frame["value"].to_numpy(), 4)
    np.testing.assert_array_equal(found, expected.to_numpy())


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [(0.125, 2, 0.13), (-0.125, 2, -0.13), (2.5, 0, 3), (-2.5, 0, -3), (1.005, 2, 1.01), (1e15 + 0.25, 2, 1e15 + 0.25)],
)
def test_halves_are_rounded_away_from_zero(value, decimals, expected):
    assert grouped.rounded(np.array([value]), decimals)[0] == expected


def test_minus_zero_is_zero():
    assert str(grouped.rounded(np.array([-0.001]), 2)[0]) == "0.0"
