"""From purchases, what was returned of them and rebates to one row per customer."""

import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import grouped, schema

#: Days are counted from here, so that all of them are positive.
_EPOCH = np.datetime64("0001-01-01", "D")


class Purchases(NamedTuple):
    """Documents of purchases, and what was taken back of some.

    A document of which nothing is left, because all of it was returned or cancelled, is no purchase; one with a
    negative amount is none either, but its amount counts.
    """

    buyer: np.ndarray  # of each document the place of the customer, int
    day: np.ndarray  # datetime64[D]
    money: np.ndarray  # what is left, float64, finite; before the window only its sign counts
    taken: np.ndarray  # the places of the few documents of which something was taken back, int
    returned: np.ndarray  # what was credited of these, float64, 0 or more, finite
    undone: np.ndarray  # what of these was cancelled or corrected away after it had counted, float64, 0 or more, finite


def summarize(
    customers: pd.Index,
    purchases: Purchases,
    rebates: tuple[np.ndarray, np.ndarray],
    as_of: datetime.date,
    window_days: int,
    decimals: int,
    *,
    least: float = 0.0,
    with_untaken: bool = False,
) -> pd.DataFrame:
    """What each customer bought and did not return, less rebates.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    purchases : documents until the last day; buyers are places in `customers`
    rebates : of the window as two arrays, each of shape (n_rebates,): place of the customer, and money
        (float64, negative: less revenue)
    as_of : last day of the window (inclusive)
    window_days : length of the window, which is ``(as_of - window_days, as_of]``
    decimals : of the currency, to which sums of money are rounded
    least : money, 0 or more: documents of the window of which less is left are no purchases
    with_untaken : with the columns ``untaken_…``

    Returns
    -------
    pd.DataFrame, index = `customers`, with the columns of ``schema.DTYPES`` about purchases,
    ``schema.REFUND_AMOUNT`` and ``schema.BOUGHT_DAYS`` (int64), in these dtypes; with ``schema.SMALL_COUNT`` (int64)
    if `least` is positive, and, if asked for, with each of ``schema.PURCHASE_COLUMNS`` and the days again behind
    ``schema.UNTAKEN``: as it would be, had nothing been taken back. Who never bought has nothing that a rebate, or a
    document below 0, could lower.

    >>> days = np.array(["2024-06-01", "2024-06-30", "2021-06-30"], dtype="datetime64[D]")
    >>> taken = np.array([0]), np.array([2.0]), np.array([0.0])
    >>> bought = Purchases(np.array([0, 0, 1]), days, np.array([10.0, 5.5, 99.0]), *taken)
    >>> rebates = np.array([0]), np.array([-3.0])
    >>> found = summarize(pd.Index([7, 8]), bought, rebates, datetime.date(2024, 6, 30), 365, 2, with_untaken=True)
    >>> found[["order_count", "amount", "refund_amount", "gap_median_days"]].to_numpy().tolist()
    [[2.0, 12.5, 5.0, 29.0], [0.0, 0.0, 0.0, nan]]
    >>> found["untaken_amount"].tolist()
    [17.5, 0.0]
    """
    count = len(customers)
    bought = _choose_bought(purchases.money, decimals, least)
    columns = _summarize(purchases, bought, rebates, count, as_of, window_days, decimals)
    if least > 0:
        small = _is_recent(purchases, as_of, window_days) & (purchases.money > 0) & ~bought
        columns[schema.SMALL_COUNT] = np.bincount(purchases.buyer[small], minlength=count)
    frame = pd.DataFrame(columns, index=customers)
    if with_untaken:
        whole = purchases.money.copy()
        whole[purchases.taken] += purchases.returned + purchases.undone
        bought = _choose_bought(whole, decimals, least)
        nothing = np.zeros(0, dtype=int), np.zeros(0)
        untaken = _summarize(purchases._replace(money=whole), bought, nothing, count, as_of, window_days, decimals)
        for name in (*schema.PURCHASE_COLUMNS, schema.BOUGHT_DAYS):
            frame[schema.UNTAKEN + name] = untaken[name]
    return frame


def with_document(purchases: Purchases, buyer: int, day: datetime.date, money: float) -> Purchases:
    """These purchases and one document more.

    Parameters
    ----------
    purchases : of some customers; they are not changed
    buyer : place of the customer
    day : of the document
    money : of the company, untaxed

    >>> nothing = [np.zeros(0, dtype=int)] * 3
    >>> bought = Purchases(np.array([0]), np.array(["2024-06-01"], dtype="datetime64[D]"), np.array([10.0]), *nothing)
    >>> more = with_document(bought, 0, datetime.date(2024, 6, 30), 5.5)
    >>> more.money.tolist(), more.day.astype(str).tolist(), len(bought.money)
    ([10.0, 5.5], ['2024-06-01', '2024-06-30'], 1)
    """
    return purchases._replace(
        buyer=np.append(purchases.buyer, purchases.buyer.dtype.type(buyer)),
        day=np.append(purchases.day, schema.day(day)),
        money=np.append(purchases.money, float(money)),
    )


def without_documents(purchases: Purchases, left_out: np.ndarray) -> Purchases:
    """These purchases less some documents.

    Parameters
    ----------
    purchases : of some customers; they are not changed
    left_out : which documents, bool, shape (n_documents,)

    >>> bought = Purchases(
    ...     np.array([0, 1, 1]), np.array(["2024-06-01"] * 3, dtype="datetime64[D]"), np.array([10.0, 5, 7]),
    ...     np.array([0, 2]), np.array([1.0, 2]), np.array([0.0, 0]),
    ... )
    >>> less = without_documents(bought, np.array([True, False, False]))
    >>> less.buyer.tolist(), less.money.tolist(), less.taken.tolist(), less.returned.tolist()
    ([1, 1], [5.0, 7.0], [1], [2.0])
    """
    kept = ~left_out
    taken = kept[purchases.taken]
    return Purchases(
        purchases.buyer[kept],
        purchases.day[kept],
        purchases.money[kept],
        (np.cumsum(kept) - 1)[purchases.taken[taken]],
        purchases.returned[taken],
        purchases.undone[taken],
    )


def choose_recent(
    purchases: Purchases, as_of: datetime.date, window_days: int, decimals: int, *, least: float = 0.0
) -> np.ndarray:
    """Which documents are purchases of the window; the parameters are those of `summarize`.

    >>> days = np.array(["2024-06-30", "2024-06-30", "2023-06-30"], dtype="datetime64[D]")
    >>> bought = Purchases(np.array([0, 0, 1]), days, np.array([10.0, 0, 99]), *[np.zeros(0, dtype=int)] * 3)
    >>> choose_recent(bought, datetime.date(2024, 6, 30), 365, 2).tolist()
    [True, False, False]
    """
    return _is_recent(purchases, as_of, window_days) & _choose_bought(purchases.money, decimals, least)


def choose_bought(purchases: Purchases, decimals: int, *, least: float = 0.0) -> np.ndarray:
    """Which documents are purchases, of whatever day; the parameters are those of `summarize`."""
    return _choose_bought(purchases.money, decimals, least)


def choose_counted(
    purchases: Purchases, as_of: datetime.date, window_days: int, decimals: int, *, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Which documents of the window count in the amount, and which ones were work; the parameters are those of
    `summarize`.

    Returns
    -------
    counted : np.ndarray of bool, shape (n_documents,): purchases, and documents below 0 of who ever bought
    served : np.ndarray of bool, same shape: what was worth anything before it came back, however small

    >>> days = np.array(["2024-06-30", "2024-06-30", "2024-06-30"], dtype="datetime64[D]")
    >>> taken = np.array([1]), np.array([5.0]), np.array([0.0])
    >>> found = choose_counted(
    ...     Purchases(np.array([0, 0, 1]), days, np.array([10.0, 0, -9]), *taken), datetime.date(2024, 6, 30), 365, 2
    ... )
    >>> [chosen.tolist() for chosen in found]
    [[True, False, False], [True, True, False]]
    """
    recent, bought = _is_recent(purchases, as_of, window_days), choose_bought(purchases, decimals, least=least)
    has_bought = np.zeros(purchases.buyer.max(initial=-1) + 1, dtype=bool)
    has_bought[purchases.buyer[bought]] = True
    whole = purchases.money.copy()
    whole[purchases.taken] += purchases.returned
    return recent & (bought | ((purchases.money < 0) & has_bought[purchases.buyer])), recent & (whole > 0)


def _is_recent(purchases: Purchases, as_of: datetime.date, window_days: int) -> np.ndarray:
    return purchases.day > schema.day(as_of) - np.timedelta64(window_days, "D")


def _choose_bought(money: np.ndarray, decimals: int, least: float) -> np.ndarray:
    """Which documents are purchases. What is left is money if it is rounded to at least the smallest coin."""
    half = 0.5 * 10.0**-decimals * (1 - 1e-6)
    return money >= max(half, least - half)


def _summarize(purchases, bought, rebates, count, as_of, window_days, decimals) -> dict[str, np.ndarray]:
    buyer, day, money = purchases.buyer, purchases.day, purchases.money
    start, middle = (schema.day(as_of) - np.timedelta64(days, "D") for days in (window_days, window_days // 2))
    recent = day > start

    def total(chosen, values=money):
        return grouped.rounded(grouped.sums(buyer[chosen], values[chosen], count), decimals)

    purchase_days, bought_days, rhythm = _summarize_days(buyer[bought], day[bought], count, start)
    rebated = grouped.sums(*rebates, count)
    rebated[purchase_days == 0] = 0
    counted = recent & (bought | ((money < 0) & (purchase_days > 0)[buyer]))
    given_back = recent[purchases.taken]
    returned = buyer[purchases.taken[given_back]], purchases.returned[given_back]
    return {
        schema.PURCHASE_DAYS: purchase_days,
        schema.BOUGHT_DAYS: bought_days,
        schema.ORDER_COUNT: np.bincount(buyer[bought & recent], minlength=count),
        schema.GROSS_AMOUNT: total(bought & recent),
        schema.AMOUNT: grouped.rounded(grouped.sums(buyer[counted], money[counted], count) + rebated, decimals),
        schema.REFUND_AMOUNT: grouped.rounded(grouped.sums(*returned, count) - rebated, decimals),
        schema.AMOUNT_LATE: total(bought & (day > middle)),
        schema.AMOUNT_EARLY: total(bought & recent & (day <= middle)),
        **rhythm,
    }


def _summarize_days(
    buyer: np.ndarray, day: np.ndarray, count: int, start: np.datetime64
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The number of days with a purchase, of those after `start`, and the first, the last and the gaps between all."""
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
    bought_days = np.bincount(buyer[number > (start - _EPOCH).astype("int64")], minlength=count)
    return (
        size,
        bought_days,
        {
            schema.FIRST_ORDER_DATE: first,
            schema.LAST_ORDER_DATE: last,
            schema.GAP_MEDIAN_DAYS: grouped.medians(who, gap, count),
            # whole numbers until the root: nothing is lost in the difference
            schema.GAP_STD_DAYS: np.sqrt(gaps * squared - summed * summed) / gaps,
        },
    )
