"""The stage of the relation: what comes first decides, at exact boundaries."""

import dataclasses
import datetime
import json

import pandas as pd
import pytest
from conftest import examples
from engine import lifecycle, metrics, pipeline
from engine.rules import LifecycleRules
from hypothesis import given
from hypothesis import strategies as st

RULES = LifecycleRules()  # lost after 4 usual gaps, declining after 2 or at -50 %, exploring to 2 days, forming at 25 %
LONG_AGO = datetime.date(2020, 1, 1)


def customer(ago, days=3, gap=30.0, late=100.0, early=100.0):
    """Who bought on so many days, usually every `gap` days, the last time `ago` days ago."""
    row = {"ago": ago, "purchase_days": days, "amount_late": late, "amount_early": early}
    if days > 1:
        row |= {"first_order_date": LONG_AGO, "gap_median_days": gap, "gap_std_days": 0.0}
    return row


def stages(frame, as_of, rules=RULES, typical_gap=None):
    return lifecycle.stage(metrics.derive(frame, as_of), rules, typical_gap).tolist()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"ago": None}, "prospect"),
        (customer(121), "lost"),  # 121 days are more than 4 x 30
        (customer(120), "declining"),  # 4 usual gaps exactly are not more than 4
        (customer(61), "declining"),
        (customer(60), "stable"),  # 2 exactly
        (customer(0), "stable"),
        (customer(0, late=1, early=2), "declining"),  # half: 100 (1 / 2 - 1) = -50
        (customer(0, late=101, early=200), "stable"),  # -49.5
        (customer(0, late=0, early=3), "declining"),  # -100
        (customer(0, days=2, late=1, early=2), "exploring"),  # two days are too few to see a fall
        (customer(0, days=2, late=3, early=1), "exploring"),
        (customer(61, days=2), "exploring"),  # one gap is no rhythm: 61 days are less than 2 x 90
        (customer(181, days=2), "declining"),
        (customer(361, days=2), "lost"),
        (customer(0, late=5, early=4), "forming"),  # 100 (5 / 4 - 1) = 25
        (customer(0, late=499, early=400), "stable"),  # 24.75
        (customer(0, late=3, early=0), "forming"),  # 900, the most
        (customer(121, late=3, early=0), "lost"),  # however much it grew before
        (customer(61, late=3, early=0), "declining"),
        (customer(0, late=0, early=0), "stable"),  # nothing in the window: no growth
    ],
)
def test_the_first_stage_that_fits_is_the_stage(customers, as_of, row, expected):
    assert stages(customers(row), as_of) == [expected]


@pytest.mark.parametrize(
    ("ago", "typical_gap", "expected"),
    [
        (40, 20.0, "exploring"),
        (41, 20.0, "declining"),
        (80, 20.0, "declining"),
        (81, 20.0, "lost"),
        (180, None, "exploring"),  # 2 x 90 days
        (181, None, "declining"),
        (360, None, "declining"),
        (361, None, "lost"),
    ],
)
@pytest.mark.parametrize("days", [1, 2])
def test_who_bought_on_two_days_at_most_is_judged_by_the_typical_gap(
    customers, as_of, ago, typical_gap, expected, days
):
    frame = customers(customer(ago, days=days, gap=7.0))
    assert stages(frame, as_of, typical_gap=typical_gap) == [expected]


def test_the_typical_gap_counts_in_whole_days(customers, as_of):
    frame = customers(customer(60, days=1), customer(61, days=2))
    for typical_gap in (29.51, 30.0, 30.49):
        assert stages(frame, as_of, typical_gap=typical_gap) == ["exploring", "declining"]  # 2 x 30


def test_a_usual_gap_is_at_least_a_day(customers, as_of):
    frame = customers(customer(2, gap=0.25), customer(3, gap=0.25), customer(2, days=1))
    assert stages(frame, as_of, typical_gap=0.25) == ["stable", "declining", "exploring"]


def test_the_numbers_are_the_policys(customers, as_of):
    falls, rises = customer(0, late=9, early=10), customer(0, late=110, early=100)
    frame = customers(customer(40), customer(0, days=5), rises, falls)
    own = LifecycleRules(lost_lateness=1.3, late_lateness=1.2, falling=5, exploring_days=4, growing=2)
    assert stages(frame, as_of) == ["stable"] * 4
    assert stages(frame, as_of, own) == ["lost", "stable", "exploring", "exploring"]
    sooner = dataclasses.replace(own, exploring_days=1)
    assert stages(frame, as_of, sooner) == ["lost", "stable", "forming", "declining"]


@pytest.mark.parametrize(
    ("gaps", "expected"), [([], None), ([None], None), ([7.0], 7.0), ([5.0, None, 10.0, 60.0], 10.0)]
)
def test_the_typical_gap_is_the_median_of_the_customers_gaps(customers, gaps, expected):
    frame = customers(*({**customer(1, days=1 + bool(gap)), "gap_median_days": gap} for gap in gaps))
    assert lifecycle.typical_gap(frame) == expected


def test_no_customers_no_stages(customers, as_of):
    derived = metrics.derive(customers(), as_of)
    found = lifecycle.stage(derived, RULES, None)
    assert found.empty
    assert found.dtype == object


ROW = st.builds(
    customer,
    ago=st.integers(0, 500),
    days=st.integers(1, 5),
    gap=st.sampled_from([1.0, 7.5, 30.0, 365.0]),
    late=st.integers(0, 5),
    early=st.integers(0, 5),
)


@examples(25)
@given(rows=st.lists(ROW | st.just({"ago": None}), max_size=6), typical_gap=st.none() | st.integers(1, 400).map(float))
def test_everybody_has_one_stage_which_does_not_depend_on_the_others(customers, as_of, rows, typical_gap):
    together = stages(customers(*rows), as_of, typical_gap=typical_gap)
    assert set(together) <= set(lifecycle.STAGES)
    assert together == [stages(customers(row), as_of, typical_gap=typical_gap)[0] for row in rows]


def test_a_run_finds_the_typical_gap_and_keeps_it(customers, policy, as_of):
    frame = customers(customer(10, gap=10.0), customer(10, gap=20.0), customer(31, days=1), customer(61, days=1))
    rules = policy()
    fit = pipeline.fit(rules, frame, as_of)
    assert fit.typical_gap == 15.0  # so 31 days are more than two and 61 more than four usual gaps
    stored = pipeline.Fit.from_json(json.loads(json.dumps(fit.to_json())))
    for each in (fit, stored):
        found = pipeline.apply(rules, each, frame, as_of)["lifecycle"]
        assert found.tolist() == ["stable", "stable", "declining", "lost"]
    alone = pipeline.apply(rules, stored, frame.iloc[[2]], as_of)["lifecycle"]
    pd.testing.assert_series_equal(alone, found.iloc[[2]])


def test_a_fit_from_before_there_were_stages_can_be_read(customers, policy, as_of):
    frame = customers({}, {"ago": 100})
    data = pipeline.fit(policy(), frame, as_of).to_json()
    del data["typical_gap"]
    assert pipeline.Fit.from_json(data).typical_gap is None
