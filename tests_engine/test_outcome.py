"""What a run says beside the tiers: the drift of a comparison that is kept; the rest is in doctests."""

import pandas as pd
import pytest
from engine import outcome, pipeline
from engine.ladder import DOWN, UP, direction
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("amounts", [(10.0, 20.0, 30.0, 40.0), (100.0, 200.0, 300.0, 400.0)])
def test_drift_is_the_share_of_customers_who_would_earn_another_tier(policy, customers, as_of, amounts):
    rules = policy(criteria=[("monetary", 1)], floors=(0, 50))
    today = customers(*({"amount": amount} for amount in (100.0, 200.0, 300.0, 400.0)))
    kept = pipeline.fit(rules, customers(*({"amount": amount} for amount in amounts)), as_of)
    scored = pipeline.apply(rules, kept, today, as_of)
    # Compared with each other, two are above the middle; beside those who spent 40 at most, all four are.
    expected = 50.0 if amounts[0] == 10.0 else 0.0
    assert outcome.drift(rules, pipeline.fit(rules, today, as_of), today, scored, as_of) == expected


def test_nobody_has_no_drift(policy, customers, as_of):
    rules, nobody = policy(), customers()
    fit = pipeline.fit(rules, nobody, as_of)
    assert outcome.drift(rules, fit, nobody, pipeline.apply(rules, fit, nobody, as_of), as_of) == 0


TIERS = st.lists(st.tuples(*[st.sampled_from([1, 2, 3, None])] * 2), max_size=8)


@given(TIERS)
def test_the_way_back_is_the_other_way(moves):
    was, now = (pd.Series([move[side] for move in moves], dtype="Int64") for side in (0, 1))
    opposite = {UP: DOWN, DOWN: UP, "new": "left", "left": "new", "same": "same"}
    there, back = direction(was, now, [3, 1, 2]), direction(now, was, [3, 1, 2])
    assert [opposite[way] for way in there] == list(back)
    assert [way == "same" for way in there] == [before == after for before, after in moves]


def test_other_customers_are_refused():
    with pytest.raises(ValueError, match="same customers"):
        direction(pd.Series([1], index=[7]), pd.Series([1], index=[8]), [1])
