"""A frame that cannot be scored is refused at the door, with the column and the count."""

import datetime

import pandas as pd
import pytest
from engine import schema

NEVER_NEGATIVE = [
    "purchase_days",
    "order_count",
    "contact_count",
    "gross_amount",
    "amount_late",
    "amount_early",
    "gap_median_days",
    "gap_std_days",
    "category_count",
    "top_category_amount",
    "contact_decay",
    "overdue_activity_count",
]
LATER = datetime.datetime(2024, 7, 1)


def refused(frame, as_of):
    with pytest.raises(ValueError, match=r"\.$") as refusal:
        schema.check_frame(frame, as_of)
    return str(refusal.value)


def test_a_frame_of_the_right_dtypes_passes_whether_full_or_empty(customers, as_of):
    schema.check_frame(customers({}, {"ago": None}, {"amount": -5.0}, {"amount": 1e12}), as_of)
    schema.check_frame(customers(), as_of)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_may_have_any_unit(customers, as_of, unit):
    frame = customers({}, {"ago": None})
    dates = frame.select_dtypes("datetime").columns
    schema.check_frame(frame.astype(dict.fromkeys(dates, f"datetime64[{unit}]")), as_of)


def test_a_purchase_in_the_evening_of_the_as_of_day_passes(customers, as_of):
    evening = datetime.datetime(2024, 6, 30, 23, 59)
    schema.check_frame(customers({"first_order_date": evening, "last_order_date": evening}), as_of)


@pytest.mark.parametrize("column", ["first_order_date", "last_order_date", "last_contact_date"])
def test_a_date_after_the_as_of_date_is_refused(customers, as_of, column):
    frame = customers({}, {column: LATER}, {column: LATER})
    assert refused(frame, as_of) == f"Column '{column}' lies after 2024-06-30 for 2 of 3 customers."


@pytest.mark.parametrize(
    "column",
    ["gross_amount", "amount", "amount_late", "amount_early", "gap_median_days", "gap_std_days", "discount_amount"],
)
def test_infinite_numbers_are_refused(customers, as_of, column):
    frame = customers({column: 0}, {column: float("inf")}, {column: 0})
    assert refused(frame, as_of) == f"Column '{column}' is infinite for 1 of 3 customers."


@pytest.mark.parametrize("column", ["gross_amount", "amount", "amount_late", "amount_early", "contact_decay"])
def test_missing_money_is_refused(customers, as_of, column):
    frame = customers({column: 0}, {column: float("nan")})
    assert refused(frame, as_of) == f"Column '{column}' is missing (NaN) for 1 of 2 customers."


@pytest.mark.parametrize("column", ["purchase_days", "order_count", "contact_count"])
def test_missing_counts_are_refused(customers, as_of, column):
    frame = customers({}, {}).astype({column: "float64"})
    frame.loc[1, column] = None
    assert refused(frame, as_of) == (
        f"Column '{column}' must have a dtype like int64, it has float64; it is missing for 1 of 2 customers."
    )


@pytest.mark.parametrize("column", NEVER_NEGATIVE)
def test_negative_counts_gaps_and_gross_money_are_refused(customers, as_of, column):
    assert refused(customers({column: -1}), as_of) == (f"Column '{column}' is negative for 1 of 1 customers.")


def test_optional_columns_may_be_absent_or_as_they_should_be(customers, as_of):
    full = {column: None if dtype == "float64" else 1 for column, dtype in schema.OPTIONAL_DTYPES.items()}
    full |= {"open_quotation_amount": -9.0, "discount_amount": -1.0, "contact_decay": 0.0}
    frame = customers(full, {**full, "ago": None})
    schema.check_frame(frame, as_of)
    assert set(schema.OPTIONAL_DTYPES) < set(frame.columns)


@pytest.mark.parametrize("column", ["category_count", "open_quotation_count", "contact_decay"])
def test_optional_columns_of_another_dtype_are_refused(customers, as_of, column):
    frame = customers({column: 1}, {column: 1}).astype({column: "object"})
    expected = schema.OPTIONAL_DTYPES[column]
    assert refused(frame, as_of).startswith(f"Column '{column}' must have a dtype like {expected}, it has object;")


def test_a_repeated_customer_is_refused(customers, as_of):
    frame = customers({}, {}, {})
    frame.index = pd.Index([7, 7, 7], name="customer")
    assert refused(frame, as_of) == ("Index 'customer' repeats an id seen above for 2 of 3 customers.")


@pytest.mark.parametrize("index", [pd.Index([1.0, 2.0], name="customer"), pd.Index([1, 2], name="id")])
def test_another_index_is_refused(customers, as_of, index):
    frame = customers({}, {}).set_axis(index)
    assert refused(frame, as_of).startswith("The index must be 'customer' of dtype int64")


def test_absent_columns_are_all_named(customers, as_of):
    frame = customers({}).drop(columns=["amount", "order_count"])
    assert refused(frame, as_of) == "The frame of customers lacks the columns order_count, amount."


@pytest.mark.parametrize("dtype", ["datetime64[s, UTC]", "object"])
def test_dates_with_a_time_zone_or_as_objects_are_refused(customers, as_of, dtype):
    frame = customers({})
    frame["last_order_date"] = frame["last_order_date"].astype("datetime64[s]").astype(object)
    if dtype != "object":
        frame["last_order_date"] = pd.to_datetime(frame["last_order_date"]).dt.tz_localize("UTC")
    assert refused(frame, as_of).startswith("Column 'last_order_date' must have a dtype like datetime64[s], it has")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"first_order_date": None}, "'first_order_date' is missing beside a last"),
        ({"last_order_date": None}, "'last_order_date' is missing beside a first"),
        (
            {"first_order_date": datetime.date(2024, 6, 29)},
            "'first_order_date' lies after the last",
        ),
        ({"purchase_days": 0}, "'purchase_days' contradicts the first and the last date"),
        ({"purchase_days": 2}, "'purchase_days' contradicts the first and the last date"),
        (
            {"first_order_date": datetime.date(2024, 1, 1)},
            "'purchase_days' contradicts the first and the last date",
        ),
        ({"orders": 0, "gross_amount": 9.0}, "'gross_amount' is money of no purchase"),
        ({"ago": None, "purchase_days": 1}, "'purchase_days' counts purchases without a date"),
        ({"ago": None, "order_count": 1}, "'order_count' counts purchases without a date"),
    ],
)
def test_contradictions_between_dates_and_counts_are_refused(customers, as_of, row, sentence):
    assert refused(customers({}, row), as_of) == f"Column {sentence} for 1 of 2 customers."
