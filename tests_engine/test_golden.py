"""The golden table: transactions in, scores out, the arithmetic written beside each customer.

The addon's own tests read the same file through SQL. Here plain pandas aggregates.
"""

import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from delivered import METRICS as DELIVERED
from engine import pipeline, schema, segments
from engine.rules import CriterionRule, PolicyRules, TierRule

FILE = Path(__file__).parents[1] / "customer_tiering" / "tests" / "golden.json"
GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))
AS_OF = datetime.date.fromisoformat(GOLDEN["as_of"])
NAMES = list(GOLDEN["expected"]["percentile"]["customers"])
TIERS = [tier["name"] for tier in GOLDEN["policy"]["tiers"]]
SEGMENTS = [*segments.SEGMENT_CODES, segments.PROSPECT]
METRICS = list(GOLDEN["policy"]["weights"])


def dated(rows):
    return pd.DataFrame(rows).astype({"date": "datetime64[s]", "amount": "float64"})


def in_window(rows):
    end = pd.Timestamp(AS_OF)
    start = end - pd.Timedelta(days=GOLDEN["window_days"])
    return rows[(rows["date"] > start) & (rows["date"] <= end)]


def aggregated():
    """One row per customer, from the transactions and credit notes."""
    orders, credits = dated(GOLDEN["transactions"]), dated(GOLDEN["credit_notes"])
    purchases = orders[orders["amount"] > 0]
    recent = in_window(purchases)
    days = purchases.drop_duplicates(["customer", "date"]).sort_values("date").set_index("customer")["date"]
    gaps = days.groupby("customer").diff().dropna().dt.days.groupby("customer")
    days = days.groupby("customer")
    net = pd.concat([in_window(orders), in_window(credits).assign(amount=lambda rows: -rows["amount"])])
    late = recent["date"] > pd.Timestamp(AS_OF) - pd.Timedelta(days=GOLDEN["window_days"] // 2)
    frame = pd.DataFrame(
        {
            schema.FIRST_ORDER_DATE: days.min(),
            schema.LAST_ORDER_DATE: days.max(),
            schema.PURCHASE_DAYS: days.size(),
            schema.ORDER_COUNT: recent.groupby("customer").size(),
            schema.GROSS_AMOUNT: recent.groupby("customer")["amount"].sum(),
            schema.AMOUNT: net.groupby("customer")["amount"].sum(),
            schema.AMOUNT_LATE: recent[late].groupby("customer")["amount"].sum(),
            schema.AMOUNT_EARLY: recent[~late].groupby("customer")["amount"].sum(),
            schema.GAP_MEDIAN_DAYS: gaps.median(),
            schema.GAP_STD_DAYS: gaps.std(ddof=0),
            schema.CONTACT_COUNT: 0,
            schema.LAST_CONTACT_DATE: pd.NaT,
        },
        index=NAMES,
    )
    numbers = [column for column in schema.DTYPES if not column.endswith(("_date", "_days"))]
    numbers.append(schema.PURCHASE_DAYS)
    frame = frame.fillna(dict.fromkeys(numbers, 0)).astype(schema.DTYPES)
    return frame.set_axis(pd.RangeIndex(len(NAMES), name=schema.CUSTOMER).astype("int64"))


def rules(min_population):
    return PolicyRules(
        criteria=tuple(CriterionRule(*weight) for weight in GOLDEN["policy"]["weights"].items()),
        tiers=tuple(TierRule(key, tier["floor"]) for key, tier in enumerate(GOLDEN["policy"]["tiers"])),
        segment_map=tuple(tuple(SEGMENTS.index(code) for code in row) for row in segments.DEFAULT_MAP),
        prospect_segment=SEGMENTS.index(segments.PROSPECT),
        min_population=min_population,
    )


@pytest.fixture(scope="module", params=["percentile", "bands"])
def section(request):
    """What is expected, and what the engine makes of the transactions."""
    expected = GOLDEN["expected"][request.param]
    policy, frame = rules(expected["min_population"]), aggregated()
    fit = pipeline.fit(policy, frame, AS_OF)
    result = pipeline.apply(policy, fit, frame, AS_OF)
    return expected, fit, frame.join(result).set_axis(NAMES)


def named(key, names):
    return None if pd.isna(key) else names[key]


def test_the_fit_is_as_expected(section):
    expected, fit, _ = section
    assert fit.population == expected["population"]
    assert fit.small == (expected["population"] < expected["min_population"])
    assert fit.median_order == expected["median_order"]


@pytest.mark.parametrize("name", NAMES)
def test_every_customer_is_scored_as_computed_by_hand(section, name):
    expected, _, found = section
    expected, found = expected["customers"][name], found.loc[name]
    numbers = found.index.intersection(expected.keys()).difference(["segment", "tier"])
    for key in numbers:
        if expected[key] is None:
            assert pd.isna(found[key]), key
        else:
            assert found[key] == pytest.approx(expected[key], abs=5e-7), key
    assert {"recency_score", "frequency_score", "monetary_score", "score"} <= set(numbers)
    points = [found[schema.POINTS_PREFIX + key] for key in METRICS]
    assert points == pytest.approx([expected["points"][key] for key in METRICS], abs=5e-7), expected["why"]
    assert named(found["segment"], SEGMENTS) == expected["segment"], expected["why"]
    assert named(found["earned"], TIERS) == expected["tier"], expected["why"]
    assert named(found["kept"], TIERS) == expected["tier"], "there are no keep floors"


def test_the_table_holds_the_cases_that_go_wrong_elsewhere():
    customers = GOLDEN["expected"]["percentile"]["customers"]
    amounts = [row["amount"] for row in GOLDEN["transactions"]]
    assert min(amounts) < 0
    assert 0 in amounts
    assert min(customer["amount"] for customer in customers.values()) < 0
    without_why = [{**customer, "why": ""} for customer in (customers["Bert"], customers["Cora"])]
    assert without_why[0] == without_why[1]
    assert {customers[name]["segment"] for name in GOLDEN["prospects"]} == {"prospect"}
    assert np.isin(METRICS, [metric.key for metric in DELIVERED]).all()
