"""From the lines of orders to one row per customer."""

import numpy as np
import pandas as pd

from . import grouped, schema

#: Of the result.
COLUMNS = (
    schema.CATEGORY_COUNT,
    schema.TOP_CATEGORY_ID,
    schema.TOP_CATEGORY_AMOUNT,
    schema.CATEGORY_AMOUNT,
    schema.PRODUCT_COUNT,
    schema.REPEATED_PRODUCT_COUNT,
    schema.LIST_AMOUNT,
    schema.DISCOUNT_AMOUNT,
)

#: Of the result of `summarize_prices`.
PRICE_COLUMNS = (schema.UPPER_AMOUNT, schema.PRICED_AMOUNT)

#: Of a product in its category: in the upper third of the prices, below, in none that has thirds.
UPPER, BELOW, NO_THIRDS = 1, 0, -1


def summarize(
    customers: pd.Index,
    buyer: np.ndarray,
    day: np.ndarray,
    product: np.ndarray,
    category: np.ndarray,
    money: tuple[np.ndarray, np.ndarray, np.ndarray],
    decimals: int,
) -> pd.DataFrame:
    """Which products and categories each customer bought, and at which discount.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    buyer : of each line the place of the customer in `customers`, int, shape (n_lines,)
    day : on which it was bought, datetime64[D], shape (n_lines,)
    product, category : ids, int, shape (n_lines,), 0: none
    money : three arrays of float64, finite, shape (n_lines,): what the line cost (0 or more), what it would
        have cost without discount, and the discount
    decimals : of the currency, to which sums of money are rounded

    Returns
    -------
    pd.DataFrame, index = `customers`, with the columns of ``schema.OPTIONAL_DTYPES`` about products, in these
    dtypes. Among categories with equally much money the one with the smallest id is the top category.

    >>> lines = np.array([0, 0, 0]), np.array(["2024-06-01", "2024-06-02", "2024-06-02"], dtype="datetime64[D]")
    >>> cost = np.array([4.0, 4.0, 8.0])
    >>> found = summarize(
    ...     pd.Index([7, 8]), *lines, np.array([5, 5, 6]), np.array([2, 2, 1]), (cost, cost + 1, cost * 0 + 1), 2
    ... )
    >>> found[["category_count", "top_category_id", "repeated_product_count", "discount_amount"]].to_numpy().tolist()
    [[2.0, 1.0, 1.0, 3.0], [0.0, nan, 0.0, nan]]
    """
    count = len(customers)
    cost, listed, discount = money
    some = np.bincount(buyer, minlength=count) > 0

    def total(values, chosen=slice(None), known=some):
        return np.where(known, grouped.rounded(grouped.sums(buyer[chosen], values[chosen], count), decimals), np.nan)

    owner, kind, chosen = _group(buyer, category)
    spent = grouped.rounded(grouped.sums(chosen, cost[category > 0], len(owner)), decimals)
    top, most = grouped.top(owner, kind, spent, count)
    categories = np.bincount(owner, minlength=count)
    owner, _product, chosen = _group(buyer, product)
    visits = grouped.distinct(grouped.pairs(chosen, day[product > 0].astype("int64") - _first(day)))
    days = np.bincount(grouped.unpaired(visits)[0], minlength=len(owner))
    return pd.DataFrame(
        {
            schema.CATEGORY_COUNT: categories,
            schema.TOP_CATEGORY_ID: top,
            schema.TOP_CATEGORY_AMOUNT: most,
            schema.CATEGORY_AMOUNT: total(cost, category > 0, categories > 0),
            schema.PRODUCT_COUNT: np.bincount(owner, minlength=count),
            schema.REPEATED_PRODUCT_COUNT: np.bincount(owner[days > 1], minlength=count),
            schema.LIST_AMOUNT: total(listed),
            schema.DISCOUNT_AMOUNT: total(discount),
        },
        index=customers,
    )


def summarize_prices(
    customers: pd.Index, buyer: np.ndarray, level: np.ndarray, cost: np.ndarray, decimals: int
) -> pd.DataFrame:
    """How much each customer spent in the upper third of the prices.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    buyer : of each line the place of the customer in `customers`, int, shape (n_lines,)
    level : of its product, one of `UPPER`, `BELOW` and `NO_THIRDS`, int, shape (n_lines,)
    cost : what the line cost, 0 or more, float64, shape (n_lines,)
    decimals : of the currency, to which sums of money are rounded

    Returns
    -------
    pd.DataFrame of float64, index = `customers`: ``upper_amount``, and ``priced_amount`` of all products of
        categories with thirds, 0: none

    >>> level, cost = np.array([UPPER, BELOW, NO_THIRDS]), np.array([30.0, 10.0, 99.0])
    >>> summarize_prices(pd.Index([7, 8]), np.array([0, 0, 0]), level, cost, 2).to_numpy().tolist()
    [[30.0, 40.0], [0.0, 0.0]]
    """
    amounts = (
        grouped.rounded(grouped.sums(buyer[chosen], cost[chosen], len(customers)), decimals)
        for chosen in (level == UPPER, level != NO_THIRDS)
    )
    return pd.DataFrame(dict(zip(PRICE_COLUMNS, amounts, strict=True)), index=customers)


def _first(day: np.ndarray) -> int:
    return int(day.min().astype("int64")) if len(day) else 0


def _group(buyer: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Owner and key of each group of lines that have a key, and the group of each of these lines."""
    has = key > 0
    group, pair = pd.factorize(grouped.pairs(buyer[has], key[has]))
    return *grouped.unpaired(pair), group
