"""The timeline of one customer against plain Python."""

import datetime
import random

import numpy as np
import pytest
from engine import timeline
from engine.purchases import Purchases


@pytest.mark.parametrize(
    ("first", "last", "unit"),
    [
        ("2024-02-29", "2024-02-29", "week"),
        ("2023-03-01", "2024-02-29", "week"),
        ("2020-02-29", "2024-02-29", "month"),
        ("1990-12-31", "2024-01-01", "month"),
        ("1900-01-01", "2024-01-01", "year"),
        ("0001-01-01", "2024-01-01", "year"),
    ],
)
def test_every_day_lies_in_one_period_and_there_are_few(first, last, unit):
    first, last = map(datetime.date.fromisoformat, (first, last))
    found, starts = timeline.get_periods(first, last)
    assert found == unit
    assert 1 <= len(starts) <= timeline.MOST_PERIODS
    assert (np.diff(starts).astype(int) > 0).all()
    assert starts[-1] <= np.datetime64(last)
    if last.year - first.year < timeline.MOST_PERIODS:
        assert starts[0] <= np.datetime64(first)


def test_the_sums_are_those_of_a_loop():
    rng = random.Random(5)
    last = datetime.date(2026, 6, 30)
    for _round in range(50):
        _unit, starts = timeline.get_periods(last - datetime.timedelta(days=rng.choice((20, 364, 2000))), last)
        days = [last - datetime.timedelta(days=rng.randrange(2500)) for _document in range(60)]
        left = [rng.choice((0.0, 0.0, 5.0, 12.5, -3.0, 0.004)) for _document in days]
        back = {place: rng.choice((1.0, 7.0)) for place in range(0, 60, 7) if left[place] >= 0}
        met = [last - datetime.timedelta(days=rng.randrange(2500)) for _meeting in range(30)]
        documents = Purchases(
            np.zeros(60, dtype=int),
            np.array(days, dtype="datetime64[D]"),
            np.array(left),
            np.array(list(back), dtype=int),
            np.array(list(back.values())),
            np.zeros(len(back)),
        )
        found = timeline.sum_up(starts, last, documents, np.array(met, dtype="datetime64[D]"), 2)
        expected = [[0, 0.0, 0.0, 0] for _start in starts]

        def place_of(day, starts=starts):
            return max((number for number, start in enumerate(starts) if start.item() <= day), default=None)

        for number, (day, money) in enumerate(zip(days, left, strict=True)):
            row = place_of(day)
            if row is None:
                continue
            returned = back.get(number, 0.0)
            if money >= 0.005:
                expected[row][0] += 1
            if money >= 0.005 or (money + returned > 0 and returned):
                expected[row][1] += money + returned
                expected[row][2] += returned
            elif money < 0:
                expected[row][2] -= money
        for day in met:
            if (row := place_of(day)) is not None:
                expected[row][3] += 1
        np.testing.assert_allclose(found.to_numpy(), expected, atol=0.05)


def test_a_hundred_thousand_orders_are_few_periods():
    last = datetime.date(2026, 6, 30)
    count = 100_000
    days = np.datetime64(last) - np.arange(count) % 3650
    bought = Purchases(np.zeros(count, dtype=int), days, np.ones(count), *[np.zeros(0, dtype=int)] * 3)
    _unit, starts = timeline.get_periods(last - datetime.timedelta(days=3649), last)
    found = timeline.sum_up(starts, last, bought, days[:0], 2)
    assert len(found) <= timeline.MOST_PERIODS
    assert found["amount"].sum() == found["orders"].sum() == count
