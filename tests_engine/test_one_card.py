"""Segment, stage and risk of one card tell one story, whatever a customer's past, and whatever segments are called."""

import dataclasses
import datetime
import itertools

import pytest
from conftest import examples
from engine import lifecycle, pipeline, risk, segments
from hypothesis import given
from hypothesis import strategies as st

WINDOW = 365
#: Each cell has a name of its own: the row of the map is the key without its last digit.
CELLS = tuple(tuple(10 * row + column for column in range(1, 6)) for row in range(1, 6))

#: What says in the default map that a customer has been away for long.
LAST_TWO_ROWS = (segments.LOST, segments.HIBERNATING, segments.AT_RISK, segments.CANT_LOSE)


def history(customers, as_of, pasts):
    """A frame of customers of whom each has orders so many days ago, of 100 each."""
    rows = []
    for past in pasts:
        days = sorted(set(past), reverse=True)
        gaps = sorted(before - after for before, after in itertools.pairwise(days))
        middle = len(gaps) // 2
        recent = [day for day in past if day < WINDOW]
        late = [day for day in past if day < WINDOW // 2]
        rows.append(
            {
                "ago": days[-1],
                "first_order_date": as_of - datetime.timedelta(days[0]),
                "purchase_days": len(days),
                "orders": len(recent),
                "amount": 100.0 * len(recent),
                "amount_late": 100.0 * len(late),
                "amount_early": 100.0 * (len(recent) - len(late)),
                "gap_median_days": (gaps[middle] + gaps[~middle]) / 2 if gaps else None,
                "gap_std_days": 0.0 if gaps else None,
            }
        )
    return customers(*rows)


def regular(gap, count, ago):
    """So many orders, one every `gap` days, the last one `ago` days ago."""
    return [ago + gap * number for number in range(count)]


PAST = st.lists(st.integers(0, 1500), min_size=1, max_size=8) | st.builds(
    regular, st.integers(1, 400), st.integers(1, 8), st.integers(0, 800)
)


def told(rules, frame, as_of):
    return pipeline.apply(rules, pipeline.fit(rules, frame, as_of), frame, as_of)


@examples(60)
@given(pasts=st.lists(PAST, min_size=1, max_size=40), min_population=st.sampled_from([1, 1000]))
def test_no_card_contradicts_itself(customers, policy, as_of, pasts, min_population):
    cards = told(policy(min_population=min_population), history(customers, as_of, pasts), as_of)
    names = cards["segment"].map(lambda key: segments.SEGMENT_CODES[key])
    for name, stage, level in zip(names, cards["lifecycle"], cards["risk"], strict=True):
        assert (stage == lifecycle.LOST) == (level == risk.LOST)
        if name == segments.LOST:
            assert stage == lifecycle.LOST
        if stage == lifecycle.LOST:
            assert name in LAST_TWO_ROWS
        if stage in (lifecycle.STABLE, lifecycle.FORMING, lifecycle.EXPLORING) or level == risk.NONE:
            assert name not in LAST_TWO_ROWS


@pytest.mark.parametrize(
    ("ago", "name"),
    [
        (368, "about_to_sleep"),  # at the yearly fair, on time; nothing bought in the window
        (736, "about_to_sleep"),  # exactly two gaps are not late yet
        (737, "hibernating"),
        (1472, "hibernating"),  # exactly four gaps
        (1473, "lost"),
    ],
)
def test_who_orders_once_a_year_is_lost_by_years(customers, policy, as_of, ago, name):
    # Among 20 who buy every fortnight for half a year, the last time this week.
    others = [regular(14, 13, number % 7) for number in range(20)]
    cards = told(policy(), history(customers, as_of, [regular(368, 3, ago), *others]), as_of)
    assert segments.SEGMENT_CODES[cards["segment"].iloc[0]] == name
    assert cards["recency_score"].iloc[0] == 1  # the rank stays what it is


def test_who_ordered_each_second_day_is_lost_by_days(customers, policy, as_of):
    # Nine days are 4.5 gaps. All others ordered weeks ago, so by rank alone this would be a champion.
    others = [regular(30, 6, 20 + number) for number in range(20)]
    cards = told(policy(), history(customers, as_of, [regular(2, 100, 9), *others]), as_of)
    assert cards[["recency_score", "frequency_score", "monetary_score"]].iloc[0].tolist() == [5, 5, 5]
    assert segments.SEGMENT_CODES[cards["segment"].iloc[0]] == "cant_lose"


def test_renamed_segments_follow_the_same_rows(customers, policy, as_of):
    rules = dataclasses.replace(policy(), segment_map=CELLS)
    pasts = [regular(368, 5, 368), regular(368, 5, 800), regular(10, 30, 100), *[regular(14, 13, 3)] * 20]
    cards = told(rules, history(customers, as_of, pasts), as_of)
    assert [key // 10 for key in cards["segment"].iloc[:3]] == [3, 2, 1]


def test_the_segment_of_who_does_nothing_only_falls(customers, policy, as_of):
    # Calm: a year without an order is a year of going down the rows, with no way back up.
    frame = history(customers, as_of, [regular(30, 6, 0), *[regular(14, 13, number % 7) for number in range(20)]])
    rules = policy()
    fit = pipeline.fit(rules, frame, as_of)
    found = [
        pipeline.apply(rules, fit, frame.iloc[:1], as_of + datetime.timedelta(days))["segment"].iloc[0]
        for days in range(0, 365, 5)
    ]
    changes = [key for key, before in zip(found, [None, *found], strict=False) if key != before]
    assert len(changes) == len(set(changes))
