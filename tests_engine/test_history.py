"""How many were where on each day, against a loop over the days."""

import pandas as pd
from engine import history
from hypothesis import given
from hypothesis import strategies as st

DAYS = 5
spans = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(0, DAYS), st.integers(0, DAYS), st.integers(1, 9), st.integers(-1000, 10**12)
    ),
    max_size=12,
)


@given(spans)
def test_each_day_has_what_a_loop_counts(rows):
    frame = pd.DataFrame(rows, columns=list(history.SPANS))
    found = history.sum_up(frame, DAYS)
    expected = {}
    for place, first, end, customers, amount in rows:
        for day in range(DAYS):
            if first <= day < end:
                was = expected.get((day, place), (0, 0))
                expected[day, place] = (was[0] + customers, was[1] + amount)
    assert {(row.day, row.place): (row.customers, row.amount) for row in found.itertuples()} == expected
    assert list(found.columns) == list(history.COLUMNS)
    assert found["customers"].dtype == "int64"
