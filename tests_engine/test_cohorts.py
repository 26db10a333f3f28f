import datetime
import random

import numpy as np
import pandas as pd
import pytest
from engine import cohorts

TODAY = datetime.date(2024, 5, 31)


def get_number(day, unit):
    return {"month": 12 * day.year + day.month - 1, "quarter": 4 * day.year + (day.month - 1) // 3, "year": day.year}[
        unit
    ]


def draw(seed, people=12, documents=60):
    """[(customer, day, money)], some money below 0."""
    dice = random.Random(seed)
    return [
        (dice.randrange(people), TODAY - datetime.timedelta(dice.randrange(1200)), dice.choice([-3.0, 0.0, 5.0, 10.0]))
        for _ in range(documents)
    ]


def build(documents, unit, people=12):
    who, day, money = zip(*documents, strict=True) if documents else ((), (), ())
    money = np.array(money, dtype="float64")
    return cohorts.build(
        pd.Index([100 + place for place in range(people)]),
        np.array(who, dtype="int64"),
        np.array(day, dtype="datetime64[D]"),
        money,
        money > 0,
        TODAY,
        unit,
    )


@pytest.mark.parametrize("unit", list(cohorts.MONTHS))
@pytest.mark.parametrize("seed", range(10))
def test_numbers_are_those_by_hand(seed, unit):
    documents, now = draw(seed), get_number(TODAY, unit)
    found = build(documents, unit)
    purchases = {}
    for who, day, money in documents:
        if money > 0:
            purchases.setdefault(who, []).append(get_number(day, unit))
    shift = int(found.periods[0]) - max(min(numbers) for numbers in purchases.values())
    assert sorted(found.periods - shift, reverse=True) == sorted({min(n) for n in purchases.values()}, reverse=True)
    for place, key in enumerate(found.periods):
        cohort = int(key) - shift
        members = {who: numbers for who, numbers in purchases.items() if min(numbers) == cohort}
        assert found.sizes[place] == len(members)
        assert set(found.choose(int(key))) == {100 + who for who in members}
        for period in range(found.bought.shape[1]):
            here = [who for who, numbers in members.items() if cohort + period in numbers]
            later = [who for who, numbers in members.items() if max(numbers) >= cohort + period]
            money = sum(
                money
                for who, day, money in documents
                if who in members and max(get_number(day, unit) - cohort, 0) == period
            )
            assert found.bought[place, period] == len(here)
            assert found.later[place, period] == len(later)
            assert found.money[place, period] == pytest.approx(money)
            assert found.is_over[place, period] == (cohort + period < now)
            assert set(found.choose(int(key), period)) == {100 + who for who in here}
            assert set(found.choose(int(key), period, later=True)) == {100 + who for who in later}


@pytest.mark.parametrize("unit", list(cohorts.MONTHS))
def test_what_must_add_up(unit):
    documents = draw(99, people=40, documents=500)
    found = build(documents, unit, people=40)
    buyers = {who for who, _day, money in documents if money > 0}
    assert found.sizes.sum() == len(buyers)
    assert found.bought[:, 0].tolist() == found.later[:, 0].tolist() == found.sizes.tolist()
    assert (found.bought <= found.later).all()
    assert (np.diff(found.later, axis=1) <= 0).all()
    assert found.money.sum() == pytest.approx(sum(money for who, _day, money in documents if who in buyers))


def test_the_rows_come_in_any_order():
    documents = draw(5)
    one, other = build(documents, "month"), build(documents[::-1], "month")
    assert one.bought.tolist() == other.bought.tolist()
    assert one.money.tolist() == other.money.tolist()


def test_nobody_and_one():
    for documents in ([], [(3, TODAY, 0.0)], [(3, TODAY, -5.0)]):
        nobody = build(documents, "month")
        assert nobody.bought.shape == nobody.money.shape == (0, 0)
        assert len(nobody.sizes) == 0
        assert nobody.choose(0, 0).tolist() == []
    one = build([(3, TODAY, 5.0)], "year")
    assert one.sizes.tolist() == [1]
    assert one.is_over.tolist() == [[False]]


def test_a_leap_day_and_the_last_day_of_a_month():
    day = datetime.date
    found = build([(0, day(2024, 2, 29), 1.0), (0, day(2024, 3, 1), 1.0), (1, day(2024, 1, 31), 1.0)], "month")
    assert [cohorts.get_first_day(int(key), "month") for key in found.periods] == [day(2024, 2, 1), day(2024, 1, 1)]
    assert found.bought.tolist() == [[1, 1, 0, 0, 0], [1, 0, 0, 0, 0]]
    assert found.is_over.tolist() == [[True, True, True, False, False], [True, True, True, True, False]]
