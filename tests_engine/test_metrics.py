"""Metrics: what they say, and what follows from the columns of the frame."""

import dataclasses
import datetime
import functools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from delivered import METRICS, get
from engine import metrics, schema
from engine.errors import RuleError
from hypothesis import given
from hypothesis import strategies as st

DAY = datetime.date


def test_the_addon_delivers_these_metrics_in_this_order_with_five_bands_each():
    assert [metric.key for metric in METRICS] == [
        "recency",
        "frequency",
        "monetary",
        "average_order",
        "gap_mean",
        "gap_median",
        "contacts",
        "contact_recency",
        "tenure",
        "regularity",
        "lateness",
        "growth",
        "categories",
        "category_share",
        "repurchase_rate",
        "discount_share",
        "team_share",
        "conversion",
        "quotations_per_order",
        "quotation_days",
        "credited_share",
        "open_quotations",
        "contact_decay",
        "overdue_activities",
        "margin",
        "margin_percent",
        "cost_to_serve",
        "net_profit",
        "net_percent",
        "days_to_pay",
        "overdue_amount",
        "receivable_average",
        "meeting_hours",
        "needs",
        "pulse",
        "weekday_share",
        "upper_share",
        "specified_share",
        "rush_share",
        "order_chance",
        "expected_orders",
        "expected_amount",
        "year_value",
    ]
    assert {len(metric.bands) for metric in METRICS} == {4}


def test_the_metrics_of_the_segments_are_delivered_as_the_engine_has_them():
    assert METRICS[:3] == metrics.RFM


def test_the_less_the_better_for_recency_gaps_dependence_discounts_and_neglect_only():
    lower = {metric.key for metric in METRICS if not metric.higher_is_better}
    assert lower == {
        "recency",
        "gap_mean",
        "gap_median",
        "contact_recency",
        "lateness",
        "category_share",
        "team_share",
        "discount_share",
        "quotations_per_order",
        "quotation_days",
        "credited_share",
        "rush_share",
        "overdue_activities",
        "cost_to_serve",
        "days_to_pay",
        "overdue_amount",
        "receivable_average",
    }


def test_what_grows_by_itself_is_told_by_the_day_from_which_it_counts():
    assert {m.key for m in METRICS if m.ages} == {"recency", "contact_recency", "tenure", "lateness"}


def test_every_column_that_a_metric_asks_for_is_known_and_every_optional_one_is_asked_for():
    of_motives = {schema.MOTIVE_SAID, schema.MOTIVE_BEFORE}  # no metric asks for these
    assert metrics.needed_columns(METRICS) == set(schema.OPTIONAL_DTYPES) - of_motives
    plain = map(get, ["recency", "growth", "lateness", "regularity", "tenure"])
    assert metrics.needed_columns(plain) == frozenset()
    assert metrics.needed_columns([get("open_quotations")]) == {"open_quotation_count", "open_quotation_amount"}


def test_money_is_banded_in_multiples_of_the_median_order():
    relative = {m.key for m in METRICS if m.band_unit == "median_order"}
    assert relative == {
        *("monetary", "average_order", "margin", "cost_to_serve", "net_profit"),
        *("overdue_amount", "receivable_average", "expected_amount", "year_value"),
    }


def test_it_is_known_of_these_what_an_order_makes_of_them():
    told = {m.key: m.after_order for m in METRICS if m.after_order != metrics.UNFORESEEN}
    assert told == {
        "recency": "zero_again",
        "frequency": "one_more",
        "monetary": "its_amount_more",
        "contacts": "same",
        "contact_recency": "same",
        "tenure": "same",
        "contact_decay": "same",
        "overdue_activities": "same",
        "days_to_pay": "same",
        "overdue_amount": "same",
        "meeting_hours": "same",
        "needs": "same",
        "pulse": "same",
    }


def test_a_ratio_is_declared(customers, as_of):
    frame = customers({"orders": 4, "amount": 10.0}, {"orders": 2, "amount": -10.0}, {"ago": None})
    frame["hours"] = [8.0, 5.0, 0.0]
    of_hours = functools.partial(metrics.Metric, "pay", "pay", higher_is_better=True, part="amount", whole="hours")
    assert metrics.derive(frame, as_of, [of_hours(unit="number")])["pay"].tolist()[:2] == [1.25, -2.0]
    derived = metrics.derive(frame, as_of, [of_hours(unit="percent")])
    assert derived["pay"].tolist()[:2] == [125.0, -200.0]
    assert math.isnan(derived["pay"].iloc[2])  # of nothing
    with pytest.raises(ValueError, match="'pay' is a ratio with the column 'hours', which the frame of 3 customers"):
        metrics.derive(frame.drop(columns="hours"), as_of, [of_hours(unit="number")])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"unit": "weeks"}, "bad_unit"),
        ({"after_order": "twice"}, "bad_after_order"),
        ({"part": "amount"}, "half_a_ratio"),
        ({"whole": "amount"}, "half_a_ratio"),
    ],
)
def test_an_impossible_metric_is_refused(fields, code):
    with pytest.raises(RuleError, match=f"^{code}: metric='recency'"):
        dataclasses.replace(get("recency"), **fields)


def test_direction_is_a_keyword():
    with pytest.raises(TypeError):
        metrics.Metric("margin", "margin", "money", (1, 2, 3, 4), "value", True)


@pytest.mark.parametrize(
    ("bands", "unit", "code"),
    [
        ((), "value", "no_cuts"),
        ((1, 2, 2, 3), "value", "cuts_not_rising"),
        ((1, 2, 3, float("inf")), "value", "cuts_not_finite"),
        ((1, 2, 3, 4), "orders", "bad_band_unit"),
    ],
)
def test_a_metric_with_impossible_bands_is_refused(bands, unit, code):
    with pytest.raises(RuleError, match=f"^{code}: metric='margin'"):
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
            "tenure_days": [181.0, 0.0, 400.0, nan],  # 171 + 10
            "gap_mean_days": [57.0, nan, nan, nan],
            "days_since_contact": [7.0, nan, nan, nan],
        },
        index=frame.index,
    )
    pd.testing.assert_frame_equal(derived[expected.columns.tolist()], expected)


def test_regularity_is_known_from_three_purchase_days_on(customers, as_of):
    def bought(days, std):
        first, median = (DAY(2024, 1, 1), 75.0) if days > 1 else (DAY(2024, 5, 30), None)
        row = {"first_order_date": first, "last_order_date": DAY(2024, 5, 30), "purchase_days": days}
        return {**row, "gap_median_days": median, "gap_std_days": std}

    frame = customers(
        bought(3, 0.0),  # 150 days, two gaps of 75
        bought(3, 25.0),  # 50 and 100: the mean is 75, the deviation 25, 100 / (1 + 1/3) = 75
        bought(2, 0.0),  # one gap is always equal to itself
        bought(1, None),
        {"ago": None},
    )
    found = metrics.derive(frame, as_of)["gap_regularity"]
    assert found.tolist()[:2] == [100.0, 75.0]
    assert found.isna().tolist() == [False, False, True, True, True]


def test_lateness_counts_the_days_since_the_last_purchase_in_usual_gaps(customers, as_of):
    gapped = {"first_order_date": DAY(2023, 1, 1), "purchase_days": 3}
    frame = customers(
        {"ago": 45, "gap_median_days": 30.0, **gapped},
        {"ago": 0, "gap_median_days": 30.0, **gapped},
        {"ago": 10, "gap_median_days": 0.0, **gapped},  # no gap that anybody could have
        {"ago": 10},
        {"ago": None},
    )
    found = metrics.derive(frame, as_of)["lateness"]
    assert found.tolist()[:2] == [1.5, 0.0]
    assert found.isna().tolist() == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("late", "early", "growth"),
    [
        (150, 120, 25),  # a quarter more
        (50, 100, -50),  # half
        (70, 70, 0),
        (9, 0, 900),  # nothing before: the most
        (0, 9, -100),
        (1000, 100, 900),  # ten times as much: the most
        (1001, 100, 900),
        (999, 100, 899),
        (1e200, 1e-200, 900),
        (0.5, 0.4, 25),  # not 24.999999999999993, which would miss a limit that it meets on paper
        (0.1, 0.4, -75),
        (1, 3, -66.666667),
    ],
)
def test_growth_is_the_change_from_the_earlier_to_the_later_half_of_the_window(customers, as_of, late, early, growth):
    frame = customers({"gross_amount": late + early, "amount_late": late, "amount_early": early})
    assert metrics.derive(frame, as_of)["growth"].tolist() == [growth]


@given(late=st.integers(0, 10**9), early=st.integers(0, 10**9))
def test_growth_is_what_whole_cents_and_fractions_say(late, early):
    """The same in plain Python, without floats until the end."""
    if early:
        expected = float(round(min(Fraction(100 * (late - early), early), 900), 6))
    else:
        expected = 900.0 if late else math.nan
    found = metrics.growth(pd.Series([late / 100]), pd.Series([early / 100])).item()
    assert found == pytest.approx(expected, abs=1.1e-6, nan_ok=True)
    assert -100 <= found <= 900 or math.isnan(found)


def test_growth_of_who_bought_nothing_in_the_window_is_unknown(customers, as_of):
    frame = customers({"ago": 500, "orders": 0}, {"ago": None})
    assert metrics.derive(frame, as_of)["growth"].isna().all()


@pytest.mark.parametrize(
    ("column", "raw", "expected"),
    [
        ("top_category_share", {"top_category_amount": [300, 5, None], "category_amount": [400, 5, None]}, [75, 100]),
        ("top_team_share", {"top_team_order_count": [1, 2, None], "orders": [3, 2, 0]}, [33.333333, 100]),
        ("discount_share", {"discount_amount": [15, -3, None], "list_amount": [100, 60, None]}, [15, -5]),
        ("repurchase_rate", {"repeated_product_count": [2, 0, 0], "product_count": [8, 3, 0]}, [25, 0]),
        ("conversion_rate", {"confirmed_count": [1, 0, 0], "placed_count": [4, 2, 0]}, [25, 0]),
    ],
)
def test_percentages_are_of_the_whole_and_unknown_without_it(customers, as_of, column, raw, expected):
    rows = [dict(zip(raw, values, strict=True)) for values in zip(*raw.values(), strict=True)]
    frame = customers(*rows)
    ratio = next(metric for metric in METRICS if metric.column == column)
    found = metrics.derive(frame, as_of, [ratio])[column]
    assert found.tolist()[:2] == expected
    assert found.isna().tolist() == [False, False, True]
    assert column not in metrics.derive(frame, as_of)


def test_a_percentage_of_nothing_is_unknown(customers, as_of):
    # only free products: they have a category, but it has no share in no money
    frame = customers({"top_category_amount": 0.0, "category_amount": 0.0})
    assert metrics.derive(frame, as_of, [get("category_share")])["top_category_share"].isna().all()


def test_what_adds_up_the_window_is_not_compared_for_who_bought_only_before(customers, as_of):
    frame = customers({"category_count": 2}, {"ago": 500, "orders": 0, "category_count": 0})
    derived = metrics.derive(frame, as_of)
    assert get("categories").comparable(derived).isna().tolist() == [False, True]


def test_a_metric_whose_columns_were_not_read_says_which_is_missing(customers, as_of):
    derived = metrics.derive(customers({}), as_of)
    with pytest.raises(ValueError, match="'category_share' reads the column 'top_category_share', which the frame"):
        get("category_share").values(derived)


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
    assert get("frequency").values(derived).tolist() == [3.0, 0.0]
    recency = get("recency").values(derived)
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
