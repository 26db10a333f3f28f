"""Column names and dtypes of the engine's frames, and the check at the door.

A frame has one row per customer; its index, named ``customer``, holds the customer's id.
A *purchase* is a document (an order, an invoice, a ticket) of which a positive amount is left. The *window* is
``(as_of - window, as_of]`` in days of the company's time zone. Money is untaxed, in the
company's currency, less what was returned of the purchase.
"""

import datetime

import numpy as np
import pandas as pd

CUSTOMER = "customer"

FIRST_ORDER_DATE = "first_order_date"
LAST_ORDER_DATE = "last_order_date"
PURCHASE_DAYS = "purchase_days"
ORDER_COUNT = "order_count"
GROSS_AMOUNT = "gross_amount"
AMOUNT = "amount"
AMOUNT_LATE = "amount_late"
AMOUNT_EARLY = "amount_early"
GAP_MEDIAN_DAYS = "gap_median_days"
REFUND_AMOUNT = "refund_amount"  # returned of the window's purchases, and its rebates; optional
BOUGHT_DAYS = "bought_days"  # days of the window with a purchase; optional
SMALL_COUNT = "small_count"  # documents of the window that are too small to be purchases; optional
GAP_STD_DAYS = "gap_std_days"
CONTACT_COUNT = "contact_count"
LAST_CONTACT_DATE = "last_contact_date"

#: The columns of the input frame with their dtypes; ``frame.astype(DTYPES)`` prepares one.
#: Dates may have any unit. Further columns are welcome: they carry metrics of other addons.
DTYPES = {
    FIRST_ORDER_DATE: "datetime64[s]",  # first purchase of the whole history, NaT: never
    LAST_ORDER_DATE: "datetime64[s]",  # last purchase of the whole history, NaT: never
    PURCHASE_DAYS: "int64",  # days with a purchase, whole history
    ORDER_COUNT: "int64",  # purchases in the window
    GROSS_AMOUNT: "float64",  # money of those purchases
    AMOUNT: "float64",  # that and documents below zero, less rebates of the window
    AMOUNT_LATE: "float64",  # money of the purchases in the later half of the window
    AMOUNT_EARLY: "float64",  # money of the purchases in the earlier half of the window
    GAP_MEDIAN_DAYS: "float64",  # between purchase days, whole history, NaN: below two
    GAP_STD_DAYS: "float64",  # population standard deviation of those gaps, NaN: below two days
    CONTACT_COUNT: "int64",  # interactions in the window
    LAST_CONTACT_DATE: "datetime64[s]",  # NaT: never
}

#: Those of them that are about purchases.
PURCHASE_COLUMNS = tuple(DTYPES)[:10]

#: Those of them that are about interactions, of whom nobody had any.
NO_INTERACTIONS = {CONTACT_COUNT: 0, LAST_CONTACT_DATE: np.datetime64("NaT", "s")}

#: Before the name of such a column: as it would be, had nothing been returned, cancelled or corrected.
UNTAKEN = "untaken_"

CATEGORY_COUNT = "category_count"
TOP_CATEGORY_ID = "top_category_id"
TOP_CATEGORY_AMOUNT = "top_category_amount"
CATEGORY_AMOUNT = "category_amount"
PRODUCT_COUNT = "product_count"
REPEATED_PRODUCT_COUNT = "repeated_product_count"
LIST_AMOUNT = "list_amount"
DISCOUNT_AMOUNT = "discount_amount"
TOP_TEAM_ID = "top_team_id"
TOP_TEAM_ORDER_COUNT = "top_team_order_count"
PLACED_COUNT = "placed_count"
CONFIRMED_COUNT = "confirmed_count"
OPEN_QUOTATION_COUNT = "open_quotation_count"
OPEN_QUOTATION_AMOUNT = "open_quotation_amount"
CONTACT_DECAY = "contact_decay"
OVERDUE_ACTIVITY_COUNT = "overdue_activity_count"
MARGIN = "margin"
COSTED_AMOUNT = "costed_amount"
UNCOSTED_AMOUNT = "uncosted_amount"
SERVED_ORDER_COUNT = "served_order_count"
ORDER_LINE_COUNT = "order_line_count"
RETURNED_ORDER_COUNT = "returned_order_count"
MEETING_HOURS = "meeting_hours"
DAYS_TO_PAY = "days_to_pay"
OVERDUE_AMOUNT = "overdue_amount"
RECEIVABLE_AVERAGE = "receivable_average"
TOP_WEEKDAY = "top_weekday"
TOP_WEEKDAY_COUNT = "top_weekday_count"
NEED_COUNT = "need_count"
PULSE = "pulse"
MOTIVE_SAID = "motive_said"
MOTIVE_BEFORE = "motive_before"
UPPER_AMOUNT = "upper_amount"
PRICED_AMOUNT = "priced_amount"
HURRIED_COUNT = "hurried_count"
ORDERED_COUNT = "ordered_count"
SPECIFIED_LINE_COUNT = "specified_line_count"
ORDERED_LINE_COUNT = "ordered_line_count"
QUOTATION_DAYS = "quotation_days"
CREDITED_AMOUNT = "credited_amount"
INVOICED_AMOUNT = "invoiced_amount"

#: Columns that the frame has only when a metric needs them, see ``metrics.Metric.columns``.
OPTIONAL_DTYPES = {
    CATEGORY_COUNT: "int64",  # product categories bought in the window
    TOP_CATEGORY_ID: "float64",  # the one with the most money, NaN: none
    TOP_CATEGORY_AMOUNT: "float64",  # its money, NaN: none
    CATEGORY_AMOUNT: "float64",  # money of all categories, NaN: none
    PRODUCT_COUNT: "int64",  # products bought in the window
    REPEATED_PRODUCT_COUNT: "int64",  # those of them bought on two or more days
    LIST_AMOUNT: "float64",  # what the window's lines would have cost without discount, NaN: none
    DISCOUNT_AMOUNT: "float64",  # discount given on them; negative: a surcharge; NaN: none
    TOP_TEAM_ID: "float64",  # sales team with the most purchases of the window, NaN: none
    TOP_TEAM_ORDER_COUNT: "float64",  # those purchases, NaN: none
    PLACED_COUNT: "int64",  # quotations and orders of any state dated in the window
    CONFIRMED_COUNT: "int64",  # those of them that are confirmed
    OPEN_QUOTATION_COUNT: "int64",  # quotations that are neither confirmed nor cancelled
    OPEN_QUOTATION_AMOUNT: "float64",  # their money, 0: none
    CONTACT_DECAY: "float64",  # interactions in the window, each counted 1 - age / window
    OVERDUE_ACTIVITY_COUNT: "int64",  # open activities whose deadline has passed
    MARGIN: "float64",  # of the amount, without what has no cost, NaN: nothing of it has one
    COSTED_AMOUNT: "float64",  # the amount of which the cost is known
    UNCOSTED_AMOUNT: "float64",  # the rest of the amount
    SERVED_ORDER_COUNT: "int64",  # documents of the window, whatever their size and what came back
    ORDER_LINE_COUNT: "int64",  # their lines of goods
    RETURNED_ORDER_COUNT: "int64",  # those of them of which something came back
    MEETING_HOURS: "float64",  # of the window
    DAYS_TO_PAY: "float64",  # from invoices to their payments in the window, NaN: none
    OVERDUE_AMOUNT: "float64",  # money that is past due
    RECEIVABLE_AVERAGE: "float64",  # money owed on a day of the window, on average
    TOP_WEEKDAY: "float64",  # 1 Monday to 7 Sunday, on which most purchases of the window are, NaN: none
    TOP_WEEKDAY_COUNT: "float64",  # those purchases, NaN: none
    NEED_COUNT: "int64",  # needs that people have noted
    PULSE: "float64",  # what salespeople feel, -1 to 1, NaN: nobody said
    MOTIVE_SAID: "float64",  # key of the motive that a person has said, NaN: nobody has
    MOTIVE_BEFORE: "float64",  # key of the motive that was proposed until now, NaN: none
    UPPER_AMOUNT: "float64",  # money of the window for products in the upper third of their category's prices
    PRICED_AMOUNT: "float64",  # money of the window for products of categories that have thirds
    HURRIED_COUNT: "int64",  # confirmed orders of the window that were to be delivered soon
    ORDERED_COUNT: "int64",  # confirmed orders of the window
    SPECIFIED_LINE_COUNT: "int64",  # lines of goods of these orders that were made for the customer
    ORDERED_LINE_COUNT: "int64",  # lines of goods of these orders
    QUOTATION_DAYS: "float64",  # from a quotation to its answer, the median, NaN: none
    CREDITED_AMOUNT: "float64",  # money of the window's credit notes
    INVOICED_AMOUNT: "float64",  # money of the window's invoices
}

# Added by ``metrics.derive``.
RECENCY_DAYS = "recency_days"
TENURE_DAYS = "tenure_days"
AVERAGE_ORDER = "average_order"
GAP_MEAN_DAYS = "gap_mean_days"
GAP_REGULARITY = "gap_regularity"
LATENESS = "lateness"
GROWTH = "growth"
DAYS_SINCE_CONTACT = "days_since_contact"
DERIVED = (
    RECENCY_DAYS,
    TENURE_DAYS,
    AVERAGE_ORDER,
    GAP_MEAN_DAYS,
    GAP_REGULARITY,
    LATENESS,
    GROWTH,
    DAYS_SINCE_CONTACT,
)

# Added by ``profit.derive`` where a metric needs them.
COST_TO_SERVE = "cost_to_serve"
NET_PROFIT = "net_profit"

# Added by ``pipeline.apply``, with points and a contribution per criterion.
POINTS_PREFIX = "points_"
CONTRIBUTION_PREFIX = "contribution_"
RECENCY_SCORE = "recency_score"
FREQUENCY_SCORE = "frequency_score"
MONETARY_SCORE = "monetary_score"
SCORE = "score"
TIER = "tier"
SEGMENT = "segment"
EARNED = "earned"
KEPT = "kept"
NEXT_TIER = "next_tier"
POINTS_TO_NEXT = "points_to_next"
LIFECYCLE = "lifecycle"
USUAL_GAP_DAYS = "usual_gap_days"
RISK = "risk"
RISK_RANK = "risk_rank"
RISK_SIGNALS = "risk_signals"
EXPECTED_LOSS = "expected_loss"

# What ``prediction`` makes of a history of purchases, and of an earlier day what came after it.
REPEAT_DAYS = "repeat_days"
SPAN_DAYS = "span_days"
AGE_DAYS = "age_days"
ORDER_VALUE = "order_value"
CAME_ORDERS = "came_orders"
CAME_AMOUNT = "came_amount"
WAITED_DAYS = "waited_days"
CAME_AGAIN = "came_again"

# Added by ``prediction.apply``.
ALIVE_CHANCE = "alive_chance"
ORDER_CHANCE = "order_chance"
EXPECTED_ORDERS = "expected_orders"
EXPECTED_AMOUNT = "expected_amount"
YEAR_VALUE = "year_value"
YEAR_VALUE_LOW = "year_value_low"
YEAR_VALUE_HIGH = "year_value_high"
NEXT_ORDER_DAYS = "next_order_days"
NEXT_ORDER_DATE = "next_order_date"

# Added by ``outlook.derive``, beside some of those.
ORDER_PERCENT = "order_percent"
SECOND_ORDER_DATE = "second_order_date"
FORETOLD = (
    ORDER_PERCENT,
    EXPECTED_ORDERS,
    EXPECTED_AMOUNT,
    YEAR_VALUE,
    YEAR_VALUE_LOW,
    YEAR_VALUE_HIGH,
    NEXT_ORDER_DAYS,
    NEXT_ORDER_DATE,
    SECOND_ORDER_DATE,
)

# Added by ``second_order.apply``.
ONLY_ONCE = "only_once"
IN_VAIN = "in_vain"

# What the engine has to know of a customer's past to be fair, the columns of a frame of states.
PREVIOUS_TIER = "previous_tier"
PREVIOUS_SINCE = "previous_since"
PENDING_TIER = "pending_tier"
PENDING_DATE = "pending_date"
UPGRADE_TIER = "upgrade_tier"
UPGRADE_DATE = "upgrade_date"
COMPUTED_TIER = "computed_tier"
COMPUTED_SINCE = "computed_since"
REASON = "reason"

_DATES = (FIRST_ORDER_DATE, LAST_ORDER_DATE, LAST_CONTACT_DATE)
_NEVER_MISSING = (GROSS_AMOUNT, AMOUNT, AMOUNT_LATE, AMOUNT_EARLY, OPEN_QUOTATION_AMOUNT, CONTACT_DECAY)
# Returns, surcharges and quotations for a return are data like any other.
_MAY_BE_NEGATIVE = (
    *(AMOUNT, DISCOUNT_AMOUNT, OPEN_QUOTATION_AMOUNT, MARGIN, COSTED_AMOUNT, UNCOSTED_AMOUNT, PULSE),
    *(CREDITED_AMOUNT, INVOICED_AMOUNT),
)


def day(as_of: datetime.date) -> np.datetime64:
    """The day of `as_of`, without a time.

    >>> day(datetime.date(2024, 6, 30)).item()
    datetime.date(2024, 6, 30)
    """
    return np.datetime64(as_of, "D")


def days(dates: pd.Series) -> np.ndarray:
    """The days of `dates` (datetime64 of any unit) as datetime64[D]; NaT stays NaT.

    >>> days(pd.Series(["2024-06-30 23:59", None], dtype="datetime64[s]")).tolist()
    [datetime.date(2024, 6, 30), None]
    """
    return dates.to_numpy().astype("datetime64[D]")


def bought(frame: pd.DataFrame) -> pd.Series:
    """Who ever bought: Series of bool; the others are prospects."""
    return frame[LAST_ORDER_DATE].notna()


def check_frame(frame: pd.DataFrame, as_of: datetime.date) -> None:
    """Refuse a frame that cannot be scored; the frame is only read.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), with the columns of ``DTYPES`` and any of
        ``OPTIONAL_DTYPES``; index = customer id, int64, unique, named "customer"
    as_of : last day that may occur in the frame (inclusive)

    Raises
    ------
    ValueError
        With a sentence that names the column and the number of customers: a column is
        absent or has another dtype; a number is infinite; money is NaN; a count, a gap or
        gross money is negative; a date lies after `as_of`; the dates and counts of the
        purchases contradict each other.
    """
    _check_index(frame.index)
    absent = [column for column in DTYPES if column not in frame.columns]
    if absent:
        raise ValueError(f"The frame of customers lacks the columns {', '.join(absent)}.")
    dtypes = {column: dtype for column, dtype in (DTYPES | OPTIONAL_DTYPES).items() if column in frame.columns}
    for column, dtype in dtypes.items():
        _check_dtype(frame[column], np.dtype(dtype))
        if column in _DATES:
            continue
        values = frame[column].to_numpy()  # many small checks: arrays answer ten times sooner than Series
        if column in _NEVER_MISSING:
            _refuse(np.isnan(values), f"Column {column!r} is missing (NaN)")
        check_finite(frame[column])
        if column not in _MAY_BE_NEGATIVE:
            _refuse(values < 0, f"Column {column!r} is negative")
    for column in _DATES:
        _refuse(days(frame[column]) > day(as_of), f"Column {column!r} lies after {as_of}")
    _check_purchases(frame)


def check_finite(values: pd.Series) -> None:
    """Refuse infinite numbers; NaN passes.

    >>> check_finite(pd.Series([1.0, float("nan")], name="margin"))
    >>> check_finite(pd.Series([1.0, float("inf")], name="margin"))
    Traceback (most recent call last):
        ...
    ValueError: Column 'margin' is infinite for 1 of 2 customers.
    """
    _refuse(np.isinf(values.to_numpy()), f"Column {values.name!r} is infinite")


def _check_index(index: pd.Index) -> None:
    if index.name != CUSTOMER or index.dtype != np.int64:
        raise ValueError(
            f"The index must be {CUSTOMER!r} of dtype int64 (customer ids), "
            f"it is {index.name!r} of dtype {index.dtype}."
        )
    _refuse(index.duplicated(), f"Index {CUSTOMER!r} repeats an id seen above")


def _check_dtype(values: pd.Series, expected: np.dtype) -> None:
    # A pandas extension dtype (nullable, time zone) has a kind too, but is none of numpy's.
    if not isinstance(values.dtype, np.dtype) or values.dtype.kind != expected.kind:
        raise ValueError(
            f"Column {values.name!r} must have a dtype like {expected}, it has "
            f"{values.dtype}; it is missing for {values.isna().sum()} of {len(values)} "
            "customers."
        )


def _check_purchases(frame: pd.DataFrame) -> None:
    first, last = days(frame[FIRST_ORDER_DATE]), days(frame[LAST_ORDER_DATE])
    began, ended = ~np.isnat(first), ~np.isnat(last)
    _refuse(~began & ended, f"Column {FIRST_ORDER_DATE!r} is missing beside a last")
    _refuse(began & ~ended, f"Column {LAST_ORDER_DATE!r} is missing beside a first")
    _refuse(first > last, f"Column {FIRST_ORDER_DATE!r} lies after the last")
    purchase_days, orders = frame[PURCHASE_DAYS].to_numpy(), frame[ORDER_COUNT].to_numpy()
    _refuse(
        ended & np.where(first < last, purchase_days < 2, purchase_days != 1),
        f"Column {PURCHASE_DAYS!r} contradicts the first and the last date",
    )
    for column, count in ((PURCHASE_DAYS, purchase_days), (ORDER_COUNT, orders)):
        _refuse(~ended & (count > 0), f"Column {column!r} counts purchases without a date")
    _refuse((orders == 0) & (frame[GROSS_AMOUNT].to_numpy() > 0), f"Column {GROSS_AMOUNT!r} is money of no purchase")


def _refuse(wrong: np.ndarray, sentence: str) -> None:
    count = np.count_nonzero(wrong)
    if count:
        raise ValueError(f"{sentence} for {count} of {len(wrong)} customers.")
