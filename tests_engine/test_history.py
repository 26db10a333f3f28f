"""Where customers were, against a person who lives through the days."""

import datetime

import numpy as np
import pandas as pd
from engine import history
from hypothesis import given
from hypothesis import strategies as st

FIRST = datetime.date(2026, 1, 1)
PEOPLE = (3, 5, 8)
# On each day: which customer goes to which place; 0 is nowhere.
LIVES = st.lists(st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(0, 3)), max_size=4), max_size=8)


@given(LIVES, st.lists(st.integers(-1, 8), max_size=5))
def test_each_day_has_what_was_lived(life, numbers):
    where, changes, evenings = dict.fromkeys(PEOPLE, 0), [], []
    for number, moves in enumerate(life):
        for person, place in moves:
            changes.append((person, FIRST + datetime.timedelta(days=number), where[person]))
            where[person] = place
        evenings.append(dict(where))
    frame = pd.DataFrame(changes, columns=list(history.CHANGES))
    frame["date"] = np.array([change[1] for change in changes], dtype="datetime64[D]")
    now = pd.Series({person: place for person, place in where.items() if place}, dtype="int64")
    days = [FIRST + datetime.timedelta(days=number) for number in numbers]
    places = history.get_places(now, frame, days)
    amount = pd.Series({3: 10.0, 8: 1e12})
    sums = history.sum_up(places, amount)
    for column, number in enumerate(numbers):
        lived = evenings[min(number, len(life) - 1)] if number >= 0 and life else dict.fromkeys(PEOPLE, 0)
        for person in PEOPLE:
            assert (places[column].get(person) or 0) == lived[person]
        for place in (1, 2, 3):
            people = [person for person in PEOPLE if lived[person] == place]
            row = sums[(sums["day"] == column) & (sums["place"] == place)]
            assert row["customers"].sum() == len(people)
            assert row["amount"].sum() == sum(amount.get(person, 0) for person in people)
    assert not (sums["place"] == 0).any()


def test_nobody():
    nobody = pd.DataFrame({"partner_id": [], "date": np.array([], "datetime64[D]"), "place": []})
    places = history.get_places(pd.Series(dtype="int64"), nobody, [FIRST])
    assert places.shape == (0, 1)
    assert list(history.sum_up(places, pd.Series(dtype=float)).columns) == list(history.COLUMNS)
