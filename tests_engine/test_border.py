"""Who has just reached a tier: against plain loops, and against computing each day anew."""

import datetime

import numpy as np
import pytest
from engine import border

DAYS = [datetime.date(2026, 1, 1) + datetime.timedelta(days=30 * number) for number in range(4)]


@pytest.fixture
def past():
    """300 customers on four days: scores, days of the last purchase, tiers held, and who was locked."""
    rng = np.random.default_rng(4)
    score = np.clip(rng.uniform(20, 95, 300)[:, None] + rng.normal(0, 12, (300, 4)).cumsum(axis=1), 0, 100)
    score[rng.random((300, 4)) < 0.1] = np.nan
    last = np.datetime64("2026-01-01") + rng.integers(-40, 90, (300, 4)).astype("timedelta64[D]")
    held = rng.choice([border.FOREIGN, border.NO_TIER, 0, 1, 2], (300, 4), p=[0.05, 0.15, 0.3, 0.3, 0.2])
    return score, last, held, rng.random(300) < 0.1


@pytest.mark.parametrize("all_entered", [False, True])
@pytest.mark.parametrize(("floor", "place"), [(50.0, 1), (75.0, 2)])
def test_by_plain_loops(past, floor, place, all_entered):
    score, last, held, locked = past
    expected = []
    for who in range(300):
        for number, day in enumerate(DAYS):
            points = score[who, number]
            if locked[who] or not abs(points - floor) < border.FAR or held[who, number] == border.FOREIGN:
                continue
            if number:
                was, before = held[who, number - 1], score[who, number - 1]
                if was == border.FOREIGN or was >= place or before >= floor:
                    continue
                if last[who, number] <= np.datetime64(DAYS[number - 1]):
                    continue
            elif not all_entered:
                continue
            expected.append((number, who, day, points, held[who, number] >= place))
            break
    days = [border.Day(day, score[:, number], last[:, number]) for number, day in enumerate(DAYS)]
    found = border.find_entrants(days, floor, place, held, locked, all_entered=all_entered)
    assert len(expected) > 20
    rows = zip(found["customer"], found["day"].dt.date, found["score"], found["holds"], strict=True)
    assert list(rows) == [row[1:] for row in sorted(expected)]


def test_nobody():
    held = np.zeros((0, 4), dtype=int)
    days = [border.Day(day, np.zeros(0), np.zeros(0, "datetime64[D]")) for day in DAYS]
    for given in (days, []):
        found = border.find_entrants(given, 50.0, 1, held, np.zeros(0, bool), all_entered=True)
        assert found.dtypes.astype(str).tolist() == ["int64", "datetime64[s]", "float64", "bool"]
        assert found.empty


def test_who_comes_down_to_the_floor_is_not_compared():
    """Four customers on the second day: from above, without a purchase, from below, and who had the tier by grace."""
    before = border.Day(DAYS[0], np.array([65.0, 50.0, 50.0, 50.0]), np.full(4, np.datetime64("2025-12-01")))
    last = np.array(["2026-01-05", "2025-12-01", "2026-01-05", "2026-01-05"], "datetime64[D]")
    after = border.Day(DAYS[1], np.array([58.0, 58.0, 58.0, 62.0]), last)
    held = np.array([[0, 0], [0, 0], [0, 0], [1, 1]])
    found = border.find_entrants([before, after], 60.0, 1, held, np.zeros(4, bool), all_entered=False)
    assert found["customer"].tolist() == [2]
