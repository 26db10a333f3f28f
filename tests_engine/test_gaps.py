"""Stopped and missing: expected values by hand or by plain Python over dictionaries."""

import math
from collections import defaultdict
from datetime import date, timedelta
from statistics import median

import numpy as np
import pandas as pd
import pytest
from engine import gaps

AS_OF = date(2024, 6, 30)


def lines_of(*bought):
    """Arrays of (customer, item, days before AS_OF, quantity, money)."""
    customer, item, ago, quantity, money = zip(*bought, strict=True)
    day = np.array([AS_OF - timedelta(days=days) for days in ago], dtype="datetime64[D]")
    return np.array(customer), np.array(item), day, np.array(quantity, float), np.array(money, float)


def pairs_of(*bought):
    return gaps.summarize(*lines_of(*bought), AS_OF, 2)


def every(customer, item, gap, last, times=3):
    """Bought so many times, the last time `last` days ago."""
    return [(customer, item, last + gap * number, 1, 10) for number in range(times)]


def test_a_pair():
    found = pairs_of((1, 5, 100, 1, 10), (1, 5, 100, 2, 20), (1, 5, 90, 4, 40), (1, 5, 60, 9, 5), (1, 0, 9, 1, 1))
    assert list(found.index) == [(1, 5)]
    row = found.loc[(1, 5)]
    assert (row["days"], row["usual_gap"], row["usual_quantity"], row["yearly_worth"]) == (3, 20, 4, 75)
    assert row["last_day"].date() == AS_OF - timedelta(days=60)
    assert row["weight"] == pytest.approx(2 ** (-60 / 90) + 2 ** (-90 / 90) + 2 ** (-100 / 90))


def test_the_year_ends_with_the_last_purchase():
    assert pairs_of((1, 5, 100, 1, 7), (1, 5, 464, 1, 20), (1, 5, 465, 1, 50))["yearly_worth"].tolist() == [27]


@pytest.mark.parametrize(("last", "stopped"), [(60, False), (61, True)])
def test_longer_than_twice_the_own_gap(last, stopped):
    found = gaps.find_stopped(pairs_of(*every(1, 5, 30, last)), AS_OF)
    assert list(found.index) == ([(1, 5)] if stopped else [])


@pytest.mark.parametrize(("last", "stopped"), [(80, False), (81, True)])
def test_longer_than_twice_the_gap_of_the_product(last, stopped):
    others = [*every(2, 5, 40, 1), *every(3, 5, 50, 1)]  # 10, 40, 50: usually 40
    found = gaps.find_stopped(pairs_of(*every(1, 5, 10, last), *others), AS_OF)
    assert list(found.index) == ([(1, 5)] if stopped else [])


def test_two_days_are_not_regular():
    assert gaps.find_stopped(pairs_of(*every(1, 5, 10, 300, times=2)), AS_OF).empty


def test_three_purchases_on_two_days_are_not_regular():
    bought = [*every(1, 5, 10, 300, times=2), (1, 5, 300, 1, 1)]
    assert gaps.find_stopped(pairs_of(*bought), AS_OF).empty


@pytest.mark.parametrize(("buyers", "missing"), [(5, []), (6, [(99, 2)])])
def test_what_six_of_ten_buy_is_missing(buyers, missing):
    bought = [(99, 1, 5, 1, 1), *((who, 1, 5, 1, 1) for who in range(1, 11))]
    bought += [(who, 2, 5, 1, 100 * who) for who in range(1, buyers + 1)]
    found = gaps.find_missing(pairs_of(*bought))
    assert [pair for pair in found.index if pair[0] == 99] == missing
    if missing:
        assert found.loc[(99, 2)].tolist() == [0.6, 350]


def test_nine_others_are_too_few():
    bought = [(99, 1, 5, 1, 1), *((who, item, 5, 1, 1) for who in range(1, 10) for item in (1, 2))]
    assert gaps.find_missing(pairs_of(*bought)).empty


def test_nothing_in_common_is_not_similar():
    bought = [(99, 3, 5, 1, 1), *((who, item, 5, 1, 1) for who in range(1, 12) for item in (1, 2))]
    assert 99 not in gaps.find_missing(pairs_of(*bought)).index.get_level_values("customer")


def random_lines(customers=60, items=9, count=500, seed=3):
    rng = np.random.default_rng(seed)
    return [
        (int(a), int(b), int(c), int(d), round(float(e), 2))
        for a, b, c, d, e in zip(
            rng.integers(1, customers + 1, count),
            rng.integers(1, items + 1, count),
            rng.integers(0, 700, count),
            rng.integers(1, 9, count),
            rng.random(count) * 100,
            strict=True,
        )
    ]


def plain_missing(bought):
    basket = defaultdict(set)
    for customer, item, *_more in bought:
        basket[customer].add(item)
    items = set().union(*basket.values())
    found = {}
    for who, own in basket.items():
        cosine = {
            other: len(own & its) / math.sqrt(len(own) * len(its)) for other, its in basket.items() if other != who
        }
        ten = sorted(cosine, key=lambda other: (-round(cosine[other], 12), other))[:10]
        for item in items - own:
            buyers = sum(item in basket[other] for other in ten)
            if buyers >= 6:
                found[who, item] = buyers / 10
    return found


def plain_stopped(bought):
    days = defaultdict(set)
    for customer, item, ago, *_more in bought:
        days[customer, item].add(ago)
    gap = {
        pair: median(b - a for a, b in zip(sorted(ago), sorted(ago)[1:], strict=False))
        for pair, ago in days.items()
        if len(ago) >= 3
    }
    of_item = {item: median(g for (_c, i), g in gap.items() if i == item) for _customer, item in gap}
    return {pair for pair, own in gap.items() if min(days[pair]) > 2 * max(own, of_item[pair[1]])}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_against_plain_python(seed):
    bought = random_lines(seed=seed)
    pairs = pairs_of(*bought)
    assert set(gaps.find_stopped(pairs, AS_OF).index) == plain_stopped(bought)
    assert gaps.find_missing(pairs)["share"].to_dict() == plain_missing(bought)
    assert plain_missing(bought)


def test_chunks_change_nothing(monkeypatch):
    pairs = pairs_of(*random_lines())
    whole = gaps.find_missing(pairs)
    monkeypatch.setattr(gaps, "_CELLS", 130)
    pd.testing.assert_frame_equal(gaps.find_missing(pairs), whole)


@pytest.mark.parametrize("lines", [1, 50])
def test_lots_of_customers_change_nothing(monkeypatch, lines):
    names = ("customer", "product", "day", "quantity", "money")
    read = dict(zip(names, lines_of(*random_lines()), strict=True))
    read["category"] = read["product"] % 3 + 1
    whole, bought = gaps.find_all([read], AS_OF, 2)
    asked, summarize = [], gaps.summarize
    monkeypatch.setattr(gaps, "_LINES", lines)
    monkeypatch.setattr(gaps, "summarize", lambda *args: asked.append(len(args[0])) or summarize(*args))
    found, bought_by_lots = gaps.find_all([read], AS_OF, 2)
    assert max(asked) < len(read["customer"])
    pd.testing.assert_frame_equal(found, whole)
    for column, last_day in bought.items():
        pd.testing.assert_series_equal(bought_by_lots[column], last_day)


def test_the_order_of_the_rows_changes_nothing():
    bought = random_lines()
    mixed = [bought[place] for place in np.random.default_rng(1).permutation(len(bought))]
    pd.testing.assert_frame_equal(pairs_of(*bought), pairs_of(*mixed), check_exact=True)


def test_few_peers_stand_for_all(monkeypatch):
    monkeypatch.setattr(gaps, "MOST_PEERS", 11)
    bought = [(who, item, 5, 1, 1) for who in range(1, 101) for item in ((1, 2) if who < 100 else (1,))]
    assert list(gaps.find_missing(pairs_of(*bought)).index) == [(100, 2)]


def test_nobody_bought_anything():
    nothing = np.zeros(0, int), np.zeros(0, int), np.zeros(0, "datetime64[D]"), np.zeros(0), np.zeros(0)
    pairs = gaps.summarize(*nothing, AS_OF, 2)
    assert gaps.find_stopped(pairs, AS_OF).empty
    assert gaps.find_missing(pairs).empty
    assert gaps.recommend(pairs, np.array([1]), 5).empty


def test_recommended_is_what_was_bought_often_and_lately_then_what_all_buy():
    bought = [*every(1, 5, 10, 400, times=3), *every(1, 6, 10, 5, times=2), *every(2, 7, 10, 5), *every(3, 7, 9, 5)]
    found = gaps.recommend(pairs_of(*bought), np.array([3, 1, 9]), 3)
    assert found.groupby("customer")["item"].agg(list).to_dict() == {3: [7, 6, 5], 1: [6, 5, 7], 9: [7, 6, 5]}
    assert list(found["customer"]) == [3, 3, 3, 1, 1, 1, 9, 9, 9]


def goods_of(*bought):
    customer, item, day, quantity, money = lines_of(*bought)
    return {"customer": customer, "product": item, "day": day, "quantity": quantity, "money": money}


def test_recommended_to_all_within_their_policy(monkeypatch):
    """Two policies; 7 is not sold any more, and 3 bought nothing else. What all buy is 6, then 5, the one of the other
    policy is 8."""
    ours = goods_of(*every(1, 5, 10, 5), *every(2, 6, 10, 5), *every(4, 6, 10, 5), *every(3, 7, 10, 5))
    theirs = goods_of(*every(9, 8, 10, 5))
    expected = {1: [5, 6], 2: [6, 5], 3: [6, 5], 4: [6, 5], 9: [8]}
    for most in (1, 2, 100):  # the same however many are worked out at a time
        monkeypatch.setattr(gaps, "MOST_AT_ONCE", most)
        found = gaps.recommend_all([ours, theirs], np.array([5, 6, 8]), AS_OF, 2, 5)
        assert found.groupby("customer")["item"].agg(list).to_dict() == expected
    assert gaps.recommend_all([ours], np.array([5, 6]), AS_OF, 2, 1)["item"].tolist() == [5, 6, 6, 6]


def test_nothing_recommended_where_nobody_bought_or_nothing_is_sold():
    nothing = {key: values[:0] for key, values in goods_of(*every(1, 5, 10, 5)).items()}
    for read in ([], [nothing]):
        assert gaps.recommend_all(read, np.array([5]), AS_OF, 2, 5).dtypes.tolist() == ["int64"] * 3
    assert gaps.recommend_all([goods_of(*every(1, 5, 10, 5))], np.array([], int), AS_OF, 2, 5).empty


def test_precision():
    recommended = pd.DataFrame({"customer": [1, 1, 2, 2, 3, 3], "item": [5, 6, 5, 6, 5, 6], "rank": [0, 1] * 3})
    came = pd.DataFrame({"customer": [1, 1, 2, 2], "item": [5, 5, 5, 6]})
    assert gaps.measure(recommended, came, 2) == 0.75  # one of two, two of two; the third bought nothing
    assert gaps.measure(recommended, came, 1) == 1
    assert math.isnan(gaps.measure(recommended, came[:0], 2))
