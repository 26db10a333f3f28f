"""From orders and contacts to customers, against plain pandas."""

import datetime

import numpy as np
import pandas as pd
import pytest
from engine import interactions, purchases, schema

AS_OF = datetime.date(2026, 6, 30)
WINDOW = 365
START = pd.Timestamp(AS_OF) - pd.Timedelta(days=WINDOW)
MIDDLE = pd.Timestamp(AS_OF) - pd.Timedelta(days=WINDOW // 2)


def some_orders(seed, customers=40, orders=600):
    rng = np.random.default_rng(seed)
    days_ago = rng.integers(0, 900, orders)
    days_ago[: orders // 20] = rng.choice([0, WINDOW - 1, WINDOW, WINDOW // 2], orders // 20)  # the edges
    return pd.DataFrame(
        {
            "place": rng.integers(0, customers - 5, orders) * (rng.random(orders) < 0.9),  # one has most, five none
            "day": pd.Timestamp(AS_OF) - pd.to_timedelta(days_ago, unit="D"),
            "money": (rng.integers(-2000, 20000, orders) * (rng.random(orders) < 0.95)) / 100,
        }
    )


def some_credits(seed, customers=40, credits=60):
    rng = np.random.default_rng(seed + 1)
    return pd.DataFrame(
        {"place": rng.integers(0, customers, credits), "money": -rng.integers(1, 9000, credits) / 100},
    )


def summarize(orders, credits, customers=40, **options):
    some = np.flatnonzero(orders[["returned", "undone"]].any(axis=1)) if "returned" in orders else np.zeros(0, int)
    return purchases.summarize(
        pd.Index(range(100, 100 + customers), name=schema.CUSTOMER),
        purchases.Purchases(
            orders["place"].to_numpy(),
            orders["day"].to_numpy().astype("datetime64[D]"),
            orders["money"].to_numpy(),
            some,
            *(
                orders[name].to_numpy()[some] if "returned" in orders else np.zeros(0)
                for name in ("returned", "undone")
            ),
        ),
        (credits["place"].to_numpy(), credits["money"].to_numpy()),
        AS_OF,
        WINDOW,
        2,
        **options,
    )


@pytest.mark.parametrize("seed", range(5))
def test_purchases_are_those_of_plain_pandas(seed):
    orders, credits = some_orders(seed), some_credits(seed)
    found = summarize(orders, credits).set_axis(range(40))

    bought = orders[orders["money"] > 0]
    recent = orders[orders["day"] > START]
    bought_recently = recent[recent["money"] > 0]

    def money(rows):
        return rows.groupby("place")["money"].sum().reindex(range(40), fill_value=0).round(2)

    days = bought.drop_duplicates(["place", "day"]).sort_values("day")
    gaps = days.groupby("place")["day"].diff().dt.days
    credited = money(credits).where(found.index.isin(bought["place"]), 0)
    expected = pd.DataFrame(
        {
            "first_order_date": bought.groupby("place")["day"].min(),
            "last_order_date": bought.groupby("place")["day"].max(),
            "gap_median_days": gaps.groupby(days["place"]).median(),
            "gap_std_days": gaps.groupby(days["place"]).std(ddof=0),
        },
        index=range(40),
    )
    for column in expected:
        left, right = found[column], expected[column].astype(found[column].dtype)
        pd.testing.assert_series_equal(left, right, check_names=False, rtol=1e-12)
    for column, values in {
        "purchase_days": days.groupby("place").size().reindex(range(40), fill_value=0),
        "bought_days": days[days["day"] > START].groupby("place").size().reindex(range(40), fill_value=0),
        "order_count": bought_recently.groupby("place").size().reindex(range(40), fill_value=0),
        "gross_amount": money(bought_recently),
        "amount": (money(recent) + credited).round(2),
        "refund_amount": -credited,
        "amount_late": money(bought_recently[bought_recently["day"] > MIDDLE]),
        "amount_early": money(bought_recently[bought_recently["day"] <= MIDDLE]),
    }.items():
        assert (found[column] == values).all(), column
    assert found[list(found)].dtypes.to_dict() == {
        column: np.dtype((schema.DTYPES | {schema.REFUND_AMOUNT: "float64", schema.BOUGHT_DAYS: "int64"})[column])
        for column in found
    }


def taken_back(seed):
    """Orders of which some were returned, in part or entirely, and some were cancelled."""
    orders = some_orders(seed).assign(returned=0.0, undone=0.0)
    orders["money"] = orders["money"].abs()
    rng = np.random.default_rng(seed + 2)
    whole = orders["money"].copy()
    for column, share in (("returned", rng.choice([0, 0, 0, 0.5, 1], len(orders))), ("undone", 1)):
        some = rng.random(len(orders)) < 0.2
        orders.loc[some, column] = (orders["money"] * share)[some].round(2)
        orders["money"] = (orders["money"] - orders[column]).round(2)
    return orders, whole


@pytest.mark.parametrize("seed", range(3))
def test_had_nothing_been_taken_back_it_would_be_as_if_it_had_not(seed):
    orders, whole = taken_back(seed)
    found = summarize(orders, some_credits(seed), with_untaken=True)
    expected = summarize(orders[["place", "day"]].assign(money=whole), some_credits(seed)[:0])
    for column in (*schema.PURCHASE_COLUMNS, schema.BOUGHT_DAYS):
        pd.testing.assert_series_equal(found[schema.UNTAKEN + column], expected[column], check_names=False)
    recent = orders[orders["day"] > START]
    given = recent.groupby("place")["returned"].sum().reindex(range(40), fill_value=0)
    rebated = -some_credits(seed).groupby("place")["money"].sum().reindex(range(40), fill_value=0)
    bought = found["purchase_days"].to_numpy() > 0
    np.testing.assert_allclose(found["refund_amount"], given + np.where(bought, rebated, 0), atol=0.005)


@pytest.mark.parametrize("least", [0, 0.01, 10, 100])
def test_what_is_too_small_is_no_purchase(least):
    orders = some_orders(3)
    found = summarize(orders, some_credits(3)[:0], least=least)
    large = orders[(orders["money"] < 0) | (orders["money"] >= max(least, 0.01))]
    expected = summarize(large, some_credits(3)[:0])
    pd.testing.assert_frame_equal(found[list(expected)], expected)
    small = orders[(orders["day"] > START) & (orders["money"] > 0) & (orders["money"] < least)]
    counts = small.groupby("place").size().reindex(range(40), fill_value=0)
    assert found.get("small_count", pd.Series(0, index=found.index)).tolist() == counts.tolist()


def test_a_coin_that_is_lost_in_rounding_is_nothing():
    day = pd.Timestamp(AS_OF)
    orders = pd.DataFrame({"place": [0, 1, 2], "day": [day] * 3, "money": [0.004, 0.005, 1e-12]})
    assert summarize(orders, some_credits(0)[:0], customers=3)["order_count"].tolist() == [0, 1, 0]


def test_the_order_of_the_rows_changes_nothing():
    orders, credits = some_orders(7), some_credits(7)
    shuffled = summarize(orders.sample(frac=1, random_state=1), credits.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(shuffled, summarize(orders, credits), check_exact=True)


def test_nothing_at_all():
    none = pd.DataFrame({"place": np.empty(0, int), "day": np.empty(0, "datetime64[s]"), "money": np.empty(0)})
    found = summarize(none, none, customers=2)
    assert found["last_order_date"].isna().all()
    assert found["amount"].tolist() == [0, 0]
    assert len(summarize(none, none, customers=0)) == 0


@pytest.mark.parametrize("seed", range(3))
def test_contacts_are_those_of_plain_pandas(seed):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"place": rng.integers(0, 20, 200), "age": rng.choice([0, 1, 30, 364, 365, 366, 800], 200)})
    day = np.datetime64(AS_OF, "D") - rows["age"].to_numpy()
    customers = pd.Index(range(25), name=schema.CUSTOMER)
    found = interactions.summarize(customers, rows["place"].to_numpy(), day, AS_OF, WINDOW)

    recent = rows[rows["age"] < WINDOW]
    count = recent.groupby("place").size().reindex(range(25), fill_value=0)
    decay = (1 - recent["age"] / WINDOW).groupby(recent["place"]).sum().reindex(range(25), fill_value=0)
    last = pd.Timestamp(AS_OF) - pd.to_timedelta(rows.groupby("place")["age"].min().reindex(range(25)), unit="D")
    assert (found["contact_count"] == count).all()
    np.testing.assert_allclose(found["contact_decay"], decay, atol=6e-7)
    pd.testing.assert_series_equal(
        found["last_contact_date"], last.astype("datetime64[s]"), check_names=False, check_index=False
    )
