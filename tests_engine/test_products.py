"""Products, categories, teams and quotations, against plain pandas."""

import numpy as np
import pandas as pd
import pytest
from engine import products, quotations, schema

CUSTOMERS = pd.Index([11, 12, 15, 19, 20])


def draw(seed, rows=400):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "buyer": rng.integers(0, len(CUSTOMERS) - 1, rows),  # the last customer has nothing
            "day": np.datetime64("2024-01-01") + rng.integers(0, 9, rows),
            "product": rng.integers(0, 12, rows),  # 0: none
            "cost": rng.integers(0, 4, rows) / 4,  # many equal sums
            "listed": rng.uniform(0, 1e6, rows).round(3),
            "discount": rng.uniform(-5, 5, rows).round(4),
            "team": rng.integers(0, 4, rows),
            "confirmed": rng.random(rows) < 0.7,
        }
    ).assign(category=lambda lines: lines["product"] % 4)  # 0: none


def summarize(lines):
    return products.summarize(
        CUSTOMERS,
        lines["buyer"].to_numpy(),
        lines["day"].to_numpy(),
        lines["product"].to_numpy(),
        lines["category"].to_numpy(),
        tuple(lines[name].to_numpy() for name in ("cost", "listed", "discount")),
        decimals=2,
    )


def first_of_the_largest(sums):
    """Of sums by (customer, key): the key with the largest one of each customer, the smallest of equals."""
    return sums.rename("sum").reset_index().sort_values(["sum", sums.index.names[1]], ascending=[False, True])


@pytest.mark.parametrize("seed", range(5))
def test_products_and_categories(seed):
    lines = draw(seed)
    found = summarize(lines)
    known = lines[lines["category"] > 0]
    spent = known.groupby(["buyer", "category"])["cost"].sum()
    best = first_of_the_largest(spent).drop_duplicates("buyer").set_index("buyer").reindex(range(len(CUSTOMERS)))
    days = lines[lines["product"] > 0].groupby(["buyer", "product"])["day"].nunique()
    expected = pd.DataFrame(
        {
            schema.CATEGORY_COUNT: known.groupby("buyer")["category"].nunique(),
            schema.TOP_CATEGORY_ID: best["category"],
            schema.TOP_CATEGORY_AMOUNT: best["sum"],
            schema.CATEGORY_AMOUNT: known.groupby("buyer")["cost"].sum(),
            schema.PRODUCT_COUNT: days.groupby("buyer").size(),
            schema.REPEATED_PRODUCT_COUNT: (days > 1).groupby("buyer").sum(),
            schema.LIST_AMOUNT: lines.groupby("buyer")["listed"].sum(),
            schema.DISCOUNT_AMOUNT: lines.groupby("buyer")["discount"].sum(),
        },
        index=range(len(CUSTOMERS)),
    )
    counts = [schema.CATEGORY_COUNT, schema.PRODUCT_COUNT, schema.REPEATED_PRODUCT_COUNT]
    expected[counts] = expected[counts].fillna(0)
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True), expected, check_dtype=False, check_index_type=False, rtol=0, atol=0.00501
    )
    assert found.dtypes.equals(pd.Series(schema.OPTIONAL_DTYPES)[found.columns].map(np.dtype))
    assert set(found) == set(products.COLUMNS)


def test_the_order_of_the_lines_does_not_matter():
    lines = draw(9)
    once, again = summarize(lines), summarize(lines.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(once, again, rtol=0, atol=0)


def test_without_lines_there_is_nothing():
    found = summarize(draw(0).iloc[:0])
    assert found[[schema.CATEGORY_COUNT, schema.PRODUCT_COUNT]].to_numpy().sum() == 0
    assert found[[schema.TOP_CATEGORY_ID, schema.LIST_AMOUNT, schema.DISCOUNT_AMOUNT]].isna().all(axis=None)


@pytest.mark.parametrize("seed", range(5))
def test_quotations_and_teams(seed):
    orders = draw(seed)
    bought, quoted = orders[orders["cost"] > 0], orders[~orders["confirmed"]]
    found = quotations.summarize(
        CUSTOMERS,
        (orders["buyer"].to_numpy(), orders["confirmed"].to_numpy()),
        (bought["buyer"].to_numpy(), bought["team"].to_numpy()),
        (quoted["buyer"].to_numpy(), quoted["listed"].to_numpy()),
        decimals=2,
    )
    counts = bought[bought["team"] > 0].groupby(["buyer", "team"]).size()
    best = first_of_the_largest(counts).drop_duplicates("buyer").set_index("buyer").reindex(range(len(CUSTOMERS)))
    expected = pd.DataFrame(
        {
            schema.TOP_TEAM_ID: best["team"],
            schema.TOP_TEAM_ORDER_COUNT: best["sum"],
            schema.PLACED_COUNT: orders.groupby("buyer").size(),
            schema.CONFIRMED_COUNT: orders.groupby("buyer")["confirmed"].sum(),
            schema.OPEN_QUOTATION_COUNT: quoted.groupby("buyer").size(),
            schema.OPEN_QUOTATION_AMOUNT: quoted.groupby("buyer")["listed"].sum(),
        },
        index=range(len(CUSTOMERS)),
    )
    expected.iloc[:, 2:] = expected.iloc[:, 2:].fillna(0)
    pd.testing.assert_frame_equal(
        found.reset_index(drop=True), expected, check_dtype=False, check_index_type=False, rtol=0, atol=0.00501
    )
    assert found.dtypes.equals(pd.Series(schema.OPTIONAL_DTYPES)[found.columns].map(np.dtype))
    assert set(found) == set(quotations.COLUMNS)
