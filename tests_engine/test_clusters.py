"""Clusters, against scikit-learn used directly."""

import dataclasses
import json
import math

import delivered
import numpy as np
import pandas as pd
import pytest
from conftest import examples
from engine import clusters, pipeline
from engine.clusters import Clusters, fit_clusters
from engine.rules import TierRule
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

MONEY_AND_GAP = [delivered.get(key) for key in ("monetary", "gap_median")]
#: Money and days between purchases of three groups, with the number of the group.
CORNERS = [(30.0, 120.0), (900.0, 60.0), (40_000.0, 4.0)]


def frame_of(*columns):
    """Customers by amount and gap, with one purchase in the window."""
    amount, gap = (np.asarray(column, dtype="float64") for column in columns)
    return pd.DataFrame({"amount": amount, "gap_median_days": gap, "order_count": 1})


def blobs(size, seed=1):
    """Three well separated groups: customers and the group of each."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 3, size)
    amount, gap = (np.array(CORNERS)[group] * random.lognormal(0, 0.15, (size, 2))).T
    return frame_of(amount, gap), group


def noise(size, seed):
    """Customers spread evenly over powers of ten: no group is there."""
    random = np.random.default_rng(seed)
    return frame_of(*np.expm1(random.uniform(1, 9, (2, size))))


def money_points(customers):
    """A score in hundredths that rises with money."""
    return (100 * customers["amount"].rank(pct=True)).round(2)


def fitted(customers, count, keys=MONEY_AND_GAP):
    return fit_clusters(keys, customers, money_points(customers), count)


def features(customers):
    """Standardised logarithms, by the book; all amounts and gaps here are positive."""
    logs = np.log1p(customers[["amount", "gap_median_days"]].to_numpy())
    return (logs - logs.mean(axis=0)) / logs.std(axis=0)


# Against scikit-learn ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [12, 300, 3000])
def test_groups_are_those_of_kmeans_on_standardised_logarithms(size):
    customers, group = blobs(size)
    found = fitted(customers, 3)
    place = found.places(customers, MONEY_AND_GAP)
    direct = KMeans(3, n_init=10, random_state=7).fit(features(customers))
    assert adjusted_rand_score(place, direct.labels_) == 1
    assert place.tolist() == group.tolist()  # and money names them
    in_order = direct.cluster_centers_[np.argsort(direct.cluster_centers_[:, 0])]
    assert np.array(found.centres) == pytest.approx(in_order, abs=1e-4)
    assert found.distinct == size


def test_the_silhouette_is_that_of_scikit_learn():
    customers, group = blobs(300)
    found = fitted(customers, 3)
    assert found.silhouette == pytest.approx(silhouette_score(features(customers), group), abs=1e-4)


def test_equal_customers_weigh_as_many():
    # At 1, 5 and 10 of a logarithm one of each would leave 10 alone. But 30 are at 1 and 30 at 5. Two are at 10: one
    # alone would be a giant.
    customers = frame_of(np.expm1([1.0] * 30 + [5.0] * 30 + [10.0] * 2), [10.0] * 62)
    found = fitted(customers, 2)
    assert found.distinct == 3
    direct = KMeans(2, n_init=10, random_state=7).fit(np.log1p(customers[["amount"]].to_numpy()))
    assert adjusted_rand_score(found.places(customers, MONEY_AND_GAP), direct.labels_) == 1
    assert found.places(customers, MONEY_AND_GAP).tolist() == [0] * 30 + [1] * 32


# Stable names ------------------------------------------------------------------------------


def test_clusters_are_ordered_by_the_mean_score_not_by_their_centre():
    customers, group = blobs(200)
    turned = fit_clusters(MONEY_AND_GAP, customers, 100 - money_points(customers), 3)
    assert turned.places(customers, MONEY_AND_GAP).tolist() == (2 - group).tolist()


@pytest.mark.parametrize("customers", [blobs(300)[0], noise(300, 3)], ids=["groups", "noise"])
def test_the_order_of_rows_changes_nothing_at_all(customers):
    found = fitted(customers, 4)
    for seed in range(3):
        assert fitted(customers.sample(frac=1, random_state=seed), 4) == found


@pytest.mark.parametrize("seed", range(3))
def test_other_random_numbers_find_the_same_groups_where_there_are_groups(monkeypatch, seed):
    customers, group = blobs(500)
    monkeypatch.setattr(clusters, "SEED", seed)
    assert fitted(customers, 3).places(customers, MONEY_AND_GAP).tolist() == group.tolist()


def test_a_sample_of_many_customers_finds_the_same_groups(monkeypatch):
    customers, group = blobs(2000)
    whole = fitted(customers, 3)
    monkeypatch.setattr(clusters, "MAX_ROWS", 100)
    sampled = fitted(customers, 3)
    assert sampled.places(customers, MONEY_AND_GAP).tolist() == group.tolist()
    assert sampled.centres != whole.centres
    assert sampled == fitted(customers.sample(frac=1, random_state=0), 3)


def test_units_change_nothing_where_amounts_are_large():
    customers, group = blobs(300)
    cents = customers.assign(amount=customers["amount"] * 100)
    assert fitted(cents, 3).places(cents, MONEY_AND_GAP).tolist() == group.tolist()


# Better than chance ------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("size", [40, 1500])
def test_uniform_noise_is_not_better_than_chance(size, count):
    found = fitted(noise(size, seed=size + count), count)
    assert 0 < found.silhouette <= found.chance
    assert not found.better_than_chance


@pytest.mark.parametrize("size", [40, 1500])
def test_separated_groups_are_better_than_chance(size):
    found = fitted(blobs(size)[0], 3)
    assert found.silhouette > 0.8 > found.chance
    assert found.better_than_chance


def test_a_single_cloud_of_features_that_go_together_is_no_group():
    random = np.random.default_rng(4)
    logs = random.multivariate_normal([6, 4], [[1, 0.9], [0.9, 1]], 800).clip(0.1)
    assert not fitted(frame_of(*np.expm1(logs).T), 3).better_than_chance


# Few, equal, unknown, huge -----------------------------------------------------------------


def test_an_empty_population_leaves_everybody_in_the_lowest_place():
    nobody = frame_of([], [])
    found = fitted(nobody, 3)
    assert (found.centres, found.distinct, found.silhouette, found.better_than_chance) == ((), 0, None, False)
    assert found.places(blobs(4)[0], MONEY_AND_GAP).tolist() == [0] * 4
    assert found.places(nobody, MONEY_AND_GAP).tolist() == []


@pytest.mark.parametrize(
    ("amounts", "places"),
    [
        ([5.0], [0]),
        ([5.0] * 20, [0] * 20),
        ([0.1, 0.7 - 0.6], [0, 0]),  # noise of floats makes no customer distinct
        ([5.0, 900.0], [0, 1]),
        ([900.0, 5.0, 5.0], [1, 0, 0]),
        ([5.0, 900.0, 10**5], [0, 1, 2]),
        ([-1000.0, 0.0, 1000.0, 1e12], [0, 1, 2, 3]),
        ([1e12, 1e12, 1.0], [1, 1, 0]),
        ([0.3, 0.1 + 0.2, 7.0], [0, 0, 1]),
    ],
)
def test_fewer_distinct_customers_than_tiers_take_the_lowest(amounts, places):
    customers = frame_of(amounts, [10.0] * len(amounts))
    found = fitted(customers, 4)
    assert found.places(customers, MONEY_AND_GAP).tolist() == places
    assert found.distinct == len(found.centres) == max(places) + 1
    if found.distinct in (1, len(amounts)):  # a silhouette needs several clusters, and one of several customers
        assert found.silhouette is None
        assert found.chance is None
        assert not found.better_than_chance


def test_customers_who_hardly_differ_are_one_beside_giants():
    # As three points they would drown in the rounding of distances to the fourth. Of 2024 customers 21 at either end
    # may be giants without a part in it, so here are 22.
    customers = frame_of([100.0] * 2000 + [100 * (1 + 1e-6), 100 * (1 + 2e-6)] + [1e300] * 22, [10.0] * 2024)
    found = fitted(customers, 4)
    assert found.distinct == 2
    assert found.places(customers, MONEY_AND_GAP).tolist() == [0] * 2002 + [1] * 22


@pytest.mark.parametrize("size", [10, 40, 300])
@pytest.mark.parametrize("times", [1e3, 1e9])
def test_one_giant_takes_no_cluster_from_the_others(size, times):
    customers, group = blobs(size)
    giant = frame_of([customers["amount"].max() * times], [0.001])
    found = fitted(pd.concat([customers, giant]), 3)
    assert found == fitted(customers, 3)
    assert found.places(customers, MONEY_AND_GAP).tolist() == group.tolist()
    assert found.places(giant, MONEY_AND_GAP).tolist() == [2]


def test_a_fit_of_an_earlier_version_tells_all_values_apart():
    data = fitted(frame_of([1.0] * 10 + [9.0] * 10, [10.0] * 20), 2).to_json()
    del data["bounds"]
    found = Clusters.from_json(data)
    assert found.bounds is None
    assert found.places(frame_of([0.0, 1.0, 9.0, 1e9], [10.0] * 4), MONEY_AND_GAP).tolist() == [0, 0, 1, 1]


def test_what_is_unknown_counts_as_the_worst_known():
    # Long gaps are the worst; the value of nobody is 0.
    customers = frame_of([1.0, 1.0, 1.0, 1.0], [2.0, 3.0, 400.0, math.nan])
    found = fitted(customers, 2)
    assert found.fills == (1.0, 400.0)
    place = found.places(customers, MONEY_AND_GAP)
    assert place[0] == place[1] != place[2] == place[3]
    assert fitted(frame_of([1.0, 5.0], [math.nan] * 2), 2).fills == (1.0, 0.0)


def test_between_two_equally_near_centres_the_lower_counts():
    middle = Clusters(("monetary",), (0.0,), (0.0,), (1.0,), ((1.0,), (-1.0,)), 2, 2)
    assert middle.places(frame_of([0.0, -3.0], [1.0, 1.0]), MONEY_AND_GAP[:1]).tolist() == [0, 1]


def test_who_did_not_buy_in_the_window_is_placed_with_the_worst(customers, policy, as_of):
    tiers = [TierRule(3), TierRule(2), TierRule(1)]
    chosen = policy(tiers=tiers, tier_method="clusters", criteria=[("frequency", 1), ("monetary", 1), ("recency", 0)])
    rows = [{"orders": orders, "amount": amount} for orders, amount in [(1, 10.0), (5, 500.0), (50, 90_000.0)]]
    frame = customers(*rows * 5, {"ago": 900, "orders": 0, "amount": 0.0}, {"ago": None})
    fit = pipeline.fit(chosen, frame, as_of)
    assert fit.tiers.clusters.metrics == ("frequency", "monetary")  # those that weigh something
    earned = pipeline.apply(chosen, fit, frame, as_of)["earned"]
    assert earned.iloc[:-1].tolist() == [1, 2, 3] * 5 + [1]
    assert earned.isna().iloc[-1]


@examples(15)
@given(
    st.lists(
        st.tuples(
            st.floats(-1e12, 1e12) | st.sampled_from([0.0, -0.0, 1e-9, 5.0, 5.000000000000001]),
            st.floats(0, 1e6) | st.just(math.nan),
        ),
        min_size=1,
        max_size=15,
    ),
    st.integers(1, 5),
)
def test_whatever_the_numbers_every_cluster_has_members(pairs, count):
    customers = frame_of(*zip(*pairs, strict=True))
    found = fitted(customers, count)
    place = found.places(customers, MONEY_AND_GAP)
    assert sorted(set(place)) == list(range(len(found.centres)))
    assert len(found.centres) == min(count, found.distinct)
    if len(pairs) < clusters.FEW:  # else giants, whose score does not count, may be among them
        mean = money_points(customers).groupby(place).mean()
        assert (mean.diff().dropna() > -1e-9).all()
    assert Clusters.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


# A dataclass that is checked ---------------------------------------------------------------


def test_clusters_need_the_columns_of_their_metrics():
    found = fitted(blobs(9)[0], 2)
    with pytest.raises(ValueError, match=r"'gap_median'.* lacks"):
        found.places(blobs(9)[0].drop(columns="gap_median_days"), MONEY_AND_GAP)
    assert "gap_median" in found.metrics


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"fills": (1.0,)}, "not every row has 2 finite numbers"),
        ({"centres": ((0.0, math.nan),)}, "not every row has 2 finite numbers"),
        ({"scales": (1.0, 0.0)}, "a scale of 0"),
        ({"asked": 1}, "more centres than wanted"),
        ({"bounds": ((0.0, 1.0), (0.0, math.inf), (0.0, 1.0))}, "not every row has 2 finite numbers"),
    ],
)
def test_impossible_clusters_are_refused(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(fitted(blobs(9)[0], 2), **fields)
