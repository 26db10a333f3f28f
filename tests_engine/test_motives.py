"""What is proposed to matter to customers; the judge counts customers one by one."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from engine import metrics, motives, pipeline, schema
from engine.rules import CriterionRule, MotiveRule, PolicyRules, TierRule

PRICE, SPEED, SERVICE = 7, 8, 9
NAN = math.nan


def metric(key):
    return metrics.Metric(key, key, metrics.PERCENT, higher_is_better=False, columns=(key,))


RULES = PolicyRules(
    (CriterionRule("recency", 1),),
    (TierRule(1),),
    ((1,) * 5,) * 5,
    min_population=20,
    definitions=(metric("discount"), metric("rush"), metric("express"), metric("returned")),
    motives=(
        MotiveRule("discount", PRICE),
        MotiveRule("rush", SPEED),
        MotiveRule("express", SPEED),
        MotiveRule("returned", SERVICE),
    ),
)


def customers(count=100, **columns):
    nothing = dict.fromkeys(("discount", "rush", "express", "returned"), 0.0)
    frame = pd.DataFrame({**nothing, "order_count": 5}, index=pd.RangeIndex(count, name="customer"))
    return frame.assign(motive_said=NAN, motive_before=NAN).assign(**columns)


def proposed(frame, rules=RULES, borders=None):
    found = motives.propose(rules, motives.fit(rules, frame) if borders is None else borders, frame)
    return [None if pd.isna(key) else int(key) for key in found["proposed_motive_id"]]


def judge(frame, number):
    """Count who has less, for one customer without a proposal until now."""
    often, one = frame[frame["order_count"] >= 3], frame.iloc[number]
    if one["order_count"] < 3:
        return None
    found = {}
    for rule in RULES.motives:
        known = often[rule.metric].dropna()
        if one[rule.metric] > 0 and len(known) >= RULES.min_population:
            fewer = 100 * sum(value < one[rule.metric] for value in known) / len(known)
            found[rule.motive] = max(found.get(rule.motive, 0), fewer)
    best = max(found.values(), default=0)
    return {motive for motive, fewer in found.items() if fewer > best - 3} if best >= 80 else None


def test_as_many_as_stand_out():
    """Counted: nobody is proposed below the border, and nobody is left out who is clearly above it."""
    rng = np.random.default_rng(3)
    values = {name: rng.gamma(0.7, 10, 1000).round(1) for name in ("discount", "rush", "express", "returned")}
    frame = customers(1000, **values, order_count=rng.integers(1, 8, 1000))
    frame.loc[frame.index % 7 == 0, "rush"] = NAN
    for number, motive in enumerate(proposed(frame)):
        allowed = judge(frame, number)
        if motive is not None:
            assert motive in (allowed or ()), number
        elif allowed:
            often = frame[frame["order_count"] >= 3]
            counts = [(often[name].dropna() < frame.iloc[number][name]).mean() for name in values]
            assert max(counts) < 0.82, number


def test_the_rank_is_what_is_said():
    """At least so many of 100 have less."""
    rng = np.random.default_rng(4)
    frame = customers(333, discount=rng.gamma(0.5, 10, 333).round(0))
    found = motives.propose(RULES, motives.fit(RULES, frame), frame).dropna()
    assert len(found) > 30
    for number, rank in found["motive_rank"].items():
        fewer = sum(frame["discount"] < frame.loc[number, "discount"])
        assert 100 * fewer >= rank * len(frame) >= 80 * len(frame)


def test_nothing_speaks_for_nothing():
    assert set(proposed(customers())) == {None}
    assert set(proposed(customers(discount=-5.0))) == {None}
    assert set(proposed(customers(discount=NAN))) == {None}
    assert set(proposed(customers(discount=10.0))) == {None}  # everybody has it
    assert proposed(customers(0)) == []


def test_too_few_to_compare():
    some = [0.0] * 18 + [9.0]
    assert set(proposed(customers(19, discount=some))) == {None}
    assert proposed(customers(20, discount=[*some, 0.0]))[18] == PRICE


def test_one_purchase_says_nothing():
    frame = customers(discount=[0.0] * 98 + [30.0, 30.0], order_count=[5] * 99 + [2])
    assert proposed(frame)[98:] == [PRICE, None]


def test_calm():
    """Who is proposed stays until something else is clearly ahead, or the evidence is gone."""
    borders = {"discount": [float(i) for i in range(101)], "rush": [float(i) for i in range(101)]}
    frame = customers(6, discount=[76.0, 70.0, 80.0, 75.0, 85.0, 0.0], rush=[0.0, 0.0, 86.0, 95.0, 86.0, 81.0])
    frame["motive_before"] = [PRICE] * 6
    #         75: stays  69: gone  79 and 85  74 and 94  84 and 85  none of it
    assert proposed(frame, borders=borders) == [PRICE, None, PRICE, SPEED, PRICE, SPEED]
    assert proposed(frame.assign(motive_before=NAN), borders=borders) == [None, None, SPEED, SPEED, SPEED, SPEED]
    assert proposed(frame.assign(motive_before=99.0), borders=borders)[0] is None  # of a motive that is gone


def test_a_person_wins():
    frame = customers(discount=[0.0] * 95 + [9.0] * 5, motive_said=[NAN] * 94 + [SERVICE, SERVICE] + [NAN] * 4)
    found = motives.propose(RULES, motives.fit(RULES, frame), frame)
    assert found["motive_id"].iloc[94:97].tolist() == [SERVICE, SERVICE, PRICE]
    assert found["proposed_motive_id"].isna().iloc[94:96].tolist() == [True, False]


def test_the_stronger_of_two_metrics():
    frame = customers(rush=[0.0] * 90 + [5.0] * 10, express=[0.0] * 99 + [5.0])
    found = motives.propose(RULES, motives.fit(RULES, frame), frame)
    assert found["motive_metric"].iloc[98:].tolist() == ["rush", "express"]
    assert found["motive_rank"].iloc[98:].tolist() == [90, 99]


@pytest.mark.parametrize("order", [np.arange(100)[::-1], np.random.default_rng(1).permutation(100)])
def test_the_order_of_rows_is_nothing(order):
    frame = customers(discount=np.arange(100.0) % 13, returned=np.arange(100.0) % 11)
    whole = motives.propose(RULES, motives.fit(RULES, frame), frame)
    turned = motives.propose(RULES, motives.fit(RULES, frame.iloc[order]), frame.iloc[order])
    pd.testing.assert_frame_equal(whole, turned.loc[whole.index])


def test_a_part_of_a_run():
    """The fit survives JSON, one customer alone gets the same, and who asks for no motives gets no columns."""
    rng = np.random.default_rng(5)
    frame = customers(300, discount=rng.gamma(0.5, 10, 300)).rename_axis("customer")
    more = {column: 0 for column in schema.DTYPES if column not in frame}
    frame = (
        frame.assign(**more)
        .astype({**schema.DTYPES})
        .assign(
            first_order_date=pd.Timestamp("2024-01-05"),
            last_order_date=pd.Timestamp("2024-06-01"),
            last_contact_date=pd.NaT,
            purchase_days=5,
            amount=100.0,
            gross_amount=100.0,
            gap_median_days=30.0,
            gap_std_days=1.0,
        )
    )
    frame["last_contact_date"] = frame["last_contact_date"].astype("datetime64[s]")
    for column in ("first_order_date", "last_order_date"):
        frame[column] = frame[column].astype("datetime64[s]")
    as_of = pd.Timestamp("2024-06-30").date()
    rules = PolicyRules.from_json(json.loads(json.dumps(RULES.to_json())))
    assert rules == RULES
    assert {"motive_said", "motive_before", "discount"} <= rules.columns
    fit = pipeline.fit(rules, frame, as_of)
    fit = pipeline.Fit.from_json(json.loads(json.dumps(fit.to_json())))
    whole = pipeline.apply(rules, fit, frame, as_of)
    assert whole["motive_id"].notna().sum() == 60
    for number in whole.index[whole["motive_id"].notna()][:5]:
        alone = pipeline.apply(rules, fit, frame.loc[[number]], as_of)
        pd.testing.assert_frame_equal(alone[list(motives.COLUMNS)], whole.loc[[number], list(motives.COLUMNS)])
    plain = dataclasses.replace(RULES, motives=())
    assert "motives" not in plain.to_json()
    assert not {"motive_said", "motive_before"} & plain.columns
    assert not set(motives.COLUMNS) & set(pipeline.apply(plain, pipeline.fit(plain, frame, as_of), frame, as_of))
