"""The day's list against a list that is kept by hand, customer by customer."""

import math

import numpy as np
import pandas as pd
import pytest
from engine import day
from hypothesis import given
from hypothesis import strategies as st

COLUMNS = ["customer", "money", "chance", "minutes"]


def frame(*rows):
    return pd.DataFrame(rows, columns=COLUMNS).astype({"money": float, "chance": float})


def by_hand(rows, minutes_of_day):
    """The same in plain Python: (row, rate, is_today), in order."""
    rates = []
    for customer, money, chance, minutes in rows:
        money = money if math.isfinite(money) and money > 0 else 0.0
        chance = min(max(chance, 0.0), 1.0) if not math.isnan(chance) else 0.0
        rates.append((customer, money * chance / max(minutes, 1), max(minutes, 1)))
    customers = {}
    for number, (customer, rate, minutes) in enumerate(rates):
        customers.setdefault(customer, []).append((rate, number, minutes))
    order = sorted(customers, key=lambda customer: (-max(rate for rate, *_rest in customers[customer]), customer))
    left, result = minutes_of_day, []
    for place, customer in enumerate(order):
        talk = max(minutes for *_rest, minutes in customers[customer])
        fits = not place or talk <= left
        if fits:
            left -= talk
        for rate, number, _minutes in sorted(customers[customer], key=lambda reason: (-reason[0], reason[1])):
            result.append((number, rate, fits))
    return result


def test_most_money_for_a_minute_comes_first_and_the_customer_once():
    found = day.rank(frame((1, 100, 1, 10), (2, 900, 0.5, 30), (1, 30, 1, 30), (3, 500, 1, 100)), 60)
    # 10, 15, 1 and 5 a minute: 2 takes 30 minutes; 1 takes 30, and its second reason 20 of them; nothing is left for 3.
    assert found.index.tolist() == [1, 0, 2, 3]
    assert found["rate"].tolist() == [15, 10, 1, 5]
    assert found["added"].tolist() == [30, 10, 20, 100]
    assert found["is_today"].tolist() == [True, True, True, False]


def test_what_does_not_fit_is_passed_over():
    found = day.rank(frame((1, 1000, 1, 50), (2, 900, 1, 50), (3, 10, 1, 10)), 60)
    assert found["is_today"].tolist() == [True, False, True]


def test_the_first_is_taken_however_long_it_takes():
    assert day.rank(frame((1, 10, 1, 500), (2, 1, 1, 500)), 60)["is_today"].tolist() == [True, False]


def test_nothing_to_do():
    found = day.rank(frame(), 240)
    assert found.empty
    assert found.columns.tolist() == ["position", "rate", "added", "is_today"]


@pytest.mark.parametrize("money", [-5.0, math.inf, -math.inf, math.nan])
def test_money_that_is_none_counts_nothing(money):
    found = day.rank(frame((1, money, 1, 10), (2, 1, 1, 10)), 240)
    assert found.index.tolist() == [1, 0]
    assert found["rate"].tolist() == [0.1, 0]


reasons = st.tuples(
    st.integers(1, 6),
    st.one_of(st.integers(-10, 1000).map(float), st.sampled_from([math.nan, math.inf])),
    st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, math.nan]),
    st.sampled_from([-1, 0, 1, 5, 15, 60]),
)


@given(st.lists(reasons, max_size=20), st.sampled_from([0, 15, 60, 240]))
def test_as_by_hand(rows, minutes_of_day):
    found = day.rank(frame(*rows), minutes_of_day)
    expected = by_hand(rows, minutes_of_day)
    assert found.index.tolist() == [number for number, _rate, _fits in expected]
    assert found["rate"].tolist() == pytest.approx([rate for _number, rate, _fits in expected])
    assert found["is_today"].tolist() == [fits for _number, _rate, fits in expected]
    assert found["position"].tolist() == list(range(1, len(rows) + 1))
    talks = pd.Series(found["added"]).groupby([rows[number][0] for number in found.index]).sum()
    longest = pd.Series([max(row[3], 1) for row in rows], dtype="int64").groupby([row[0] for row in rows]).max()
    assert np.array_equal(talks.sort_index().to_numpy(), longest.sort_index().to_numpy())
