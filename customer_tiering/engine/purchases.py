"""From confirmed orders and credit notes to one row per customer."""

import datetime

import numpy as np
import pandas as pd

from . import grouped, schema

#: Days are counted from here, so that all of them are positive.
_EPOCH = np.datetime64("0001-01-01", "D")


def summarize(
    customers: pd.Index,
    orders: tuple[np.ndarray, np.ndarray, np.ndarray],
    credits: tuple[np.ndarray, np.ndarray],
    as_of: datetime.date,
    window_days: int,
    decimals: int,
) -> pd.DataFrame:
    """What each customer bought, less credit notes.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    orders : confirmed orders as three arrays, each of shape (n_orders,): place of the customer in `customers`
        (int), day (datetime64[D], as_of or earlier) and money (float64, any sign, finite); of orders before the
        window only whether money is positive counts
    credits : credit notes of the window as two arrays, each of shape (n_credits,): place of the customer,
        and money (float64, negative: less revenue)
    as_of : last day of the window (inclusive)
    window_days : length of the window, which is ``(as_of - window_days, as_of]``
    decimals : of the currency, to which sums of money are rounded

    Returns
    -------
    pd.DataFrame, index = `customers`, with the columns of ``schema.DTYPES`` about purchases and
    ``schema.REFUND_AMOUNT``, in these dtypes. Who never bought has nothing that a credit note could lower.

    >>> days = np.array(["2024-06-01", "2024-06-30", "2021-06-30"], dtype="datetime64[D]")
    >>> orders = np.array([0, 0, 1]), days, np.array([10.0, 5.5, 99.0])
    >>> credits = np.array([0]), np.array([-3.0])
    >>> found = summarize(pd.Index([7, 8]), orders, credits, datetime.date(2024, 6, 30), 365, 2)
    >>> found[["order_count", "amount", "gap_median_days"]].to_numpy().tolist()
    [[2.0, 12.5, 29.0], [0.0, 0.0, nan]]
    """
    buyer, day, money = orders
    count = len(customers)
    start, middle = (schema.day(as_of) - np.timedelta64(days, "D") for days in (window_days, window_days // 2))
    bought = money > 0
    recent = day > start

    def total(chosen):
        return grouped.rounded(grouped.sums(buyer[chosen], money[chosen], count), decimals)

    purchase_days, rhythm = _summarize_days(buyer[bought], day[bought], count)
    credited = grouped.sums(*credits, count)
    credited[purchase_days == 0] = 0
    columns = {
        schema.PURCHASE_DAYS: purchase_days,
        schema.ORDER_COUNT: np.bincount(buyer[bought & recent], minlength=count),
        schema.GROSS_AMOUNT: total(bought & recent),
        schema.AMOUNT: grouped.rounded(grouped.sums(buyer[recent], money[recent], count) + credited, decimals),
        schema.REFUND_AMOUNT: grouped.rounded(-credited, decimals),
        schema.AMOUNT_LATE: total(bought & (day > middle)),
        schema.AMOUNT_EARLY: total(bought & recent & (day <= middle)),
        **rhythm,
    }
    return pd.DataFrame(columns, index=customers)


def _summarize_days(buyer: np.ndarray, day: np.ndarray, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The number of days with a purchase, and the first, the last and the gaps between them."""
    buyer, number = grouped.unpaired(grouped.distinct(grouped.pairs(buyer, (day - _EPOCH).astype("int64"))))
    size = np.bincount(buyer, minlength=count)
    end = np.cumsum(size)
    some = size > 0
    first, last = (np.full(count, np.datetime64("NaT"), dtype="datetime64[s]") for _ in range(2))
    first[some] = _EPOCH + number[(end - size)[some]]
    last[some] = _EPOCH + number[end[some] - 1]

    again = buyer[1:] == buyer[:-1]
    gap, who = np.diff(number)[again], buyer[1:][again]
    gaps = size - 1.0
    gaps[gaps < 1] = np.nan
    summed, squared = np.bincount(who, gap, count), np.bincount(who, gap * gap, count)
    return size, {
        schema.FIRST_ORDER_DATE: first,
        schema.LAST_ORDER_DATE: last,
        schema.GAP_MEDIAN_DAYS: grouped.medians(who, gap, count),
        # whole numbers until the root: nothing is lost in the difference
        schema.GAP_STD_DAYS: np.sqrt(gaps * squared - summed * summed) / gaps,
    }
