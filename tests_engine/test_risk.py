"""The churn warning: what comes first decides, at exact boundaries; the rank as on paper."""

import dataclasses
import datetime
import json

import pandas as pd
import pytest
from conftest import examples
from engine import lifecycle, metrics, pipeline, risk, schema
from engine.rules import LifecycleRules, PolicyRules, RiskRules
from hypothesis import given
from hypothesis import strategies as st

RULES = RiskRules()  # watch after 1.5 usual gaps, high after 2.5, silence after 90 days
STAGES = LifecycleRules()  # lost after 4 usual gaps, falling at -50 %
LONG_AGO = datetime.date(2020, 1, 1)


def customer(ago, days=3, gap=30.0, late=100.0, early=100.0, contact=None, as_of=datetime.date(2024, 6, 30)):
    """Who bought on so many days, usually every `gap` days; the last contact was `contact` days ago."""
    row = {"ago": ago, "purchase_days": days, "amount_late": late, "amount_early": early}
    if days > 1:
        row |= {"first_order_date": LONG_AGO, "gap_median_days": gap, "gap_std_days": 0.0}
    if contact is not None:
        row |= {"last_contact_date": as_of - datetime.timedelta(contact)}
    return row


def assess(frame, as_of, rules=RULES, stages=STAGES, typical_gap=None):
    return risk.assess(metrics.derive(frame, as_of), rules, stages, typical_gap)


@pytest.mark.parametrize(
    ("row", "level", "rank", "signals"),
    [
        ({"ago": None}, "none", 0, ""),  # never bought
        (customer(0), "none", 0, ""),
        (customer(45), "none", 0, ""),  # 1.5 x 30 days exactly are not more than 1.5
        (customer(46), "watch", 35, "late"),  # 100 (1 - 30 / 46) = 34.8
        (customer(60), "watch", 50, "late"),  # twice the usual gap
        (customer(75), "watch", 60, "late"),  # 2.5 exactly
        (customer(76), "high", 60, "late"),  # 100 (1 - 30 / 76) = 60.5
        (customer(120), "high", 75, "late"),  # 4 exactly
        (customer(121), "lost", 100, "late"),
        (customer(10**3), "lost", 100, "late"),
        # falling: 100 (1 / 2 - 1) = -50
        (customer(0, late=1, early=2), "watch", 30, "falling"),
        (customer(0, late=101, early=200), "none", 0, ""),  # -49.5
        (customer(45, late=1, early=2), "watch", 55, "falling"),  # 100 (1 - 0.7 / 1.5) = 53.3, not late yet
        (customer(46, late=1, early=2), "high", 55, "late falling"),  # late and falling: 100 (1 - 0.7 x 30 / 46) = 54.3
        (customer(121, late=0, early=3), "lost", 100, "late falling"),
        (customer(0, days=2, late=0, early=3), "none", 0, ""),  # two days are no rhythm that could fall
        (customer(0, late=0, early=0), "none", 0, ""),  # nothing in the window: no growth
        # silence, from 91 days on
        # 1.52 usual gaps: 100 (1 - 0.8 x 60 / 91) = 47.3
        (customer(91, gap=60, contact=91), "high", 45, "late silent"),
        (customer(91, gap=60, contact=90), "watch", 35, "late"),  # 100 (1 - 60 / 91) = 34.1
        (customer(91, gap=60), "watch", 35, "late"),  # never a contact is no silence
        (customer(90, gap=50, contact=300), "watch", 45, "late"),  # the order of 90 days ago was no silence: 44.4
        (customer(91, gap=61, contact=91), "none", 0, ""),  # 1.49: silence alone is no warning
        (customer(91, gap=90, contact=91, late=1, early=2), "high", 45, "falling silent"),  # 1 - 0.56 x 90 / 91
    ],
)
def test_the_first_level_that_fits_is_the_level(customers, as_of, row, level, rank, signals):
    found = assess(customers(row), as_of)
    assert (found["risk"].tolist(), found["risk_rank"].tolist()) == ([level], [rank])
    assert found["risk_signals"].tolist() == [signals]


@pytest.mark.parametrize("days", [1, 2])
@pytest.mark.parametrize(
    ("ago", "typical_gap", "level"),
    [
        (30, 20.0, "none"),
        (31, 20.0, "watch"),
        (50, 20.0, "watch"),
        (51, 20.0, "high"),
        (81, 20.0, "lost"),
        (135, None, "none"),  # 1.5 x 90 days
        (136, None, "watch"),
        (361, None, "lost"),
        (2, 0.4, "watch"),  # a usual gap is at least a day
    ],
)
def test_who_has_no_rhythm_is_judged_by_what_is_typical(customers, as_of, days, ago, typical_gap, level):
    found = assess(customers(customer(ago, days=days, gap=5.0)), as_of, typical_gap=typical_gap)
    assert found["risk"].tolist() == [level]
    assert found["usual_gap_days"].tolist() == [90.0 if typical_gap is None else max(round(typical_gap), 1)]


@pytest.mark.parametrize(
    ("ago", "amount", "expected"),
    [
        (60, 1234.56, 617.28),  # half of it
        (46, 0.1, 0.035),  # the currency rounds later
        (60, 1e15, 5e14),
        (60, 0.0, 0.0),
        (60, -50.0, 0.0),  # more returned than bought: nothing to lose
        (0, 1234.56, 0.0),
        (121, 1234.56, 1234.56),  # lost: all of it
        (121, 0.0, 0.0),  # so long ago that nothing of it is in the window
        (None, 0.0, 0.0),
    ],
)
def test_the_expected_loss_is_the_rank_of_the_amount(customers, as_of, ago, amount, expected):
    row = {**(customer(ago) if ago is not None else {"ago": None}), "amount": amount}
    assert assess(customers(row), as_of)["expected_loss"].tolist() == [expected]


def test_the_numbers_are_the_policys(customers, as_of):
    frame = customers(customer(31), customer(40, contact=32), customer(70), customer(0, late=9, early=10))
    assert assess(frame, as_of)["risk"].tolist() == ["none", "none", "watch", "none"]
    own = RiskRules(watch_lateness=1.0, high_lateness=1.9, silent_days=31)
    stages = LifecycleRules(lost_lateness=2.1, late_lateness=1.5, falling=5)
    assert assess(frame, as_of, own, stages)["risk"].tolist() == ["watch", "high", "lost", "watch"]


def test_who_is_lost_is_late_whatever_begins_first(customers, as_of):
    frame = customers(customer(43))  # 1.43 usual gaps: not late yet
    found = assess(frame, as_of, stages=LifecycleRules(lost_lateness=1.4, late_lateness=1.2))
    assert (found["risk"].tolist(), found["risk_signals"].tolist()) == (["lost"], ["late"])


def test_the_signals_are_a_few_texts_however_many_customers(customers, as_of):
    found = assess(customers(*[customer(ago) for ago in (0, 46, 60, 500)] * 50), as_of)["risk_signals"]
    assert found.memory_usage(index=False, deep=True) < 2000  # a byte per customer, and the eight texts


def test_equals_are_equal_and_the_order_of_rows_does_not_matter(customers, as_of):
    frame = customers(customer(60), customer(60), customer(61), customer(10))
    found = assess(frame, as_of)
    assert found.iloc[0].tolist() == found.iloc[1].tolist()
    pd.testing.assert_frame_equal(assess(frame.iloc[::-1], as_of).iloc[::-1], found)


def test_a_day_in_the_future_is_refused(customers, as_of):
    with pytest.raises(ValueError, match="lies after"):
        assess(customers(customer(-1)), as_of)


def test_nobody_gives_an_empty_result_of_the_same_type(customers, as_of):
    none, one = assess(customers(), as_of), assess(customers(customer(60)), as_of)
    assert none.empty
    assert none.dtypes.equals(one.dtypes)


ROW = st.builds(
    customer,
    ago=st.integers(0, 500),
    days=st.integers(1, 5),
    gap=st.sampled_from([1.0, 7.5, 30.0, 365.0]),
    late=st.integers(0, 5),
    early=st.integers(0, 5),
    contact=st.none() | st.integers(0, 400),
)


@examples(50)
@given(row=ROW, later=st.integers(0, 400))
def test_risk_only_grows_while_a_customer_does_nothing(customers, as_of, row, later):
    now, then = (assess(customers({**row, "ago": ago}), as_of).iloc[0] for ago in (row["ago"], row["ago"] + later))
    assert risk.LEVELS.index(now["risk"]) <= risk.LEVELS.index(then["risk"])
    assert now["risk_rank"] <= then["risk_rank"]
    assert now["expected_loss"] <= then["expected_loss"]
    assert then["risk_rank"] % 5 == 0


@examples(50)
@given(row=ROW)
def test_a_risk_always_has_a_signal_and_who_has_none_tells_none(customers, as_of, row):
    found = assess(customers(row), as_of).iloc[0]
    signals = found["risk_signals"].split()
    assert (found["risk"] == "none") == (not signals)
    assert not signals or {"late", "falling"} & set(signals)  # silence alone is no warning
    assert signals == [signal for signal in risk.SIGNALS if signal in signals]


@examples(50)
@given(row=ROW)
def test_lost_is_the_same_in_both_columns(customers, as_of, row):
    derived = metrics.derive(customers(row), as_of)
    stage = lifecycle.stage(derived, STAGES, 25.0)
    found = risk.assess(derived, RULES, STAGES, 25.0)["risk"]
    assert (stage == "lost").tolist() == (found == "lost").tolist()


def test_one_customer_alone_is_assessed_as_in_the_run(customers, policy, as_of):
    frame = customers(customer(10, gap=10.0), customer(10, gap=21.0), customer(25, days=1), customer(61, days=2))
    rules = policy()
    fit = pipeline.Fit.from_json(json.loads(json.dumps(pipeline.fit(rules, frame, as_of).to_json())))
    columns = [schema.USUAL_GAP_DAYS, schema.RISK, schema.RISK_RANK, schema.EXPECTED_LOSS, schema.RISK_SIGNALS]
    together = pipeline.apply(rules, fit, frame, as_of)[columns]
    # typical: (10 + 21 + 30) has the median 21
    assert together["usual_gap_days"].tolist() == [10, 21, 21, 21]
    alone = pd.concat([pipeline.apply(rules, fit, frame.iloc[[place]], as_of)[columns] for place in range(4)])
    pd.testing.assert_frame_equal(alone, together)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"watch_lateness": 2.5}, "risk_order: watch=2.5, high=2.5"),
        ({"watch_lateness": 0.9}, "risk_order"),
        ({"high_lateness": float("inf")}, "risk_order"),
        ({"silent_days": 0}, "silent_days"),
    ],
)
def test_impossible_numbers_are_refused(fields, code):
    with pytest.raises(ValueError, match=code):
        RiskRules(**fields)


def test_the_numbers_survive_json_and_older_rules_have_the_usual_ones(policy):
    rules = dataclasses.replace(policy(), risk=RiskRules(1.2, 2.2, 45))
    data = json.loads(json.dumps(rules.to_json()))
    assert PolicyRules.from_json(data) == rules
    del data["risk"]
    assert PolicyRules.from_json(data).risk == RULES
