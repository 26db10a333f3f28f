"""Metrics: the registry, and what follows from the columns of the frame."""

import dataclasses
import datetime

import numpy as np
import pandas as pd
import pytest
from engine import metrics

DAY = datetime.date


@pytest.fixture
def registry(monkeypatch):
    """A registry of its own, so that a test leaves no metric behind."""
    monkeypatch.setattr(metrics, "_registry", dict(metrics._registry))


def test_the_engine_offers_eight_metrics_with_five_bands_each():
    assert [metric.key for metric in metrics.all_metrics()] == [
        "recency",
        "frequency",
        "monetary",
        "average_order",
        "gap_mean",
        "gap_median",
        "contacts",
        "contact_recency",
    ]
    assert {len(metric.bands) for metric in metrics.all_metrics()} == {4}


def test_the_less_the_better_for_recency_and_gaps_only():
    lower = {metric.key for metric in metrics.all_metrics() if not metric.higher_is_better}
    assert lower == {"recency", "gap_mean", "gap_median", "contact_recency"}


def test_money_is_banded_in_multiples_of_the_average_order():
    relative = {m.key for m in metrics.all_metrics() if m.band_unit == "average_order"}
    assert relative == {"monetary", "average_order"}


@pytest.mark.usefixtures("registry")
def test_a_glue_addon_registers_a_metric_of_its_own():
    margin = metrics.Metric("margin", "margin", "money", (1, 2, 3, 4), higher_is_better=True)
    assert metrics.register(margin) is margin
    assert metrics.get("margin") is margin
    assert metrics.all_metrics()[-1] is margin


@pytest.mark.usefixtures("registry")
def test_registering_again_is_harmless_but_another_metric_under_the_key_is_refused():
    recency = metrics.get("recency")
    assert metrics.register(dataclasses.replace(recency)) is recency
    with pytest.raises(ValueError, match="'recency' is already registered"):
        metrics.register(dataclasses.replace(recency, unit="weeks"))
    assert metrics.get("recency") is recency


def test_direction_is_a_keyword():
    with pytest.raises(TypeError):
        metrics.Metric("margin", "margin", "money", (1, 2, 3, 4), "value", True)


@pytest.mark.parametrize(
    ("bands", "unit", "sentence"),
    [
        ((1, 2, 3), "value", "give four cuts"),
        ((1, 2, 2, 3), "value", "must rise strictly"),
        ((1, 2, 3, float("inf")), "value", "must be finite"),
        ((1, 2, 3, 4), "orders", "band unit must be one of"),
    ],
)
def test_a_metric_with_impossible_bands_is_refused(bands, unit, sentence):
    with pytest.raises(ValueError, match=sentence):
        metrics.Metric("margin", "margin", "money", bands, unit, higher_is_better=True)


def test_derived_metrics(customers, as_of):
    frame = customers(
        {
            # 2024-06-20 - 2024-01-01 = 171 days, over 4 - 1 gaps = 57; 30 June - 20 June = 10
            "first_order_date": DAY(2024, 1, 1),
            "last_order_date": DAY(2024, 6, 20),
            "purchase_days": 4,
            "orders": 4,
            "gross_amount": 500.0,  # / 4 = 125
            "last_contact_date": DAY(2024, 6, 23),  # 7 days before
        },
        {"ago": 0},
        {"ago": 400, "orders": 0},
        {"ago": None},
    )
    derived = metrics.derive(frame, as_of)
    nan = float("nan")
    expected = pd.DataFrame(
        {
            "recency_days": [10.0, 0.0, 400.0, nan],
            "average_order": [125.0, 100.0, nan, nan],
            "gap_mean_days": [57.0, nan, nan, nan],
            "days_since_contact": [7.0, nan, nan, nan],
        },
        index=frame.index,
    )
    pd.testing.assert_frame_equal(derived[expected.columns.tolist()], expected)


def test_the_time_of_day_does_not_count(customers, as_of):
    evening = datetime.datetime(2024, 6, 29, 23, 59)
    derived = metrics.derive(customers({"first_order_date": evening, "last_order_date": evening}), as_of)
    assert derived["recency_days"].tolist() == [1.0]


def test_equal_averages_are_equal_in_spite_of_float_noise(customers, as_of):
    assert 0.3 / 3 != 0.1 / 1
    frame = customers({"orders": 3, "gross_amount": 0.3}, {"gross_amount": 0.1})
    assert metrics.derive(frame, as_of)["average_order"].nunique() == 1


def test_deriving_keeps_other_columns_and_leaves_the_frame_alone(customers, as_of):
    frame = customers({}, {"ago": None}).assign(margin=[1.5, np.nan])
    before = frame.copy(deep=True)
    assert metrics.derive(frame, as_of)["margin"].equals(frame["margin"])
    pd.testing.assert_frame_equal(frame, before)


def test_deriving_an_empty_frame_gives_the_same_dtypes(customers, as_of):
    empty = metrics.derive(customers(), as_of)
    assert empty.empty
    assert empty.dtypes.equals(metrics.derive(customers({}), as_of).dtypes)


def test_deriving_refuses_a_bad_frame(customers, as_of):
    with pytest.raises(ValueError, match="'amount' is infinite for 1 of 1 customers"):
        metrics.derive(customers({"amount": float("-inf")}), as_of)


def test_values_of_a_metric_are_float_and_nan_where_unknown(customers, as_of):
    derived = metrics.derive(customers({"orders": 3}, {"ago": None}), as_of)
    assert metrics.get("frequency").values(derived).tolist() == [3.0, 0.0]
    recency = metrics.get("recency").values(derived)
    assert recency.dtype == np.float64
    assert recency.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (None, "reads the column 'margin', which the frame of 2 customers lacks"),
        (["much", "little"], "must be numeric for all 2 customers"),
        ([1.0, float("inf")], "'margin' is infinite for 1 of 2 customers"),
    ],
)
def test_a_bad_column_of_another_addon_is_refused(customers, column, sentence):
    margin = metrics.Metric("margin", "margin", "money", (1, 2, 3, 4), higher_is_better=True)
    frame = customers({}, {})
    if column:
        frame["margin"] = column
    with pytest.raises(ValueError, match=sentence):
        margin.values(frame)
