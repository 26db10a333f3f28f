"""What is learned of parts of the customers is what is learned of all of them together, to the last bit."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from conftest import AS_OF, make_rules
from engine import clusters, metrics, outlook, pipeline, prediction, purchases, schema
from engine.rules import (
    PREDICTION,
    TIER_METHODS,
    AxesRule,
    AxisRule,
    ConditionRule,
    MotiveRule,
    RetentionRules,
    RiskRules,
    TierRule,
)

COUNT = 6_000  # more different amounts than a scale keeps
SHARES = tuple(TierRule(key, share=share) for key, share in enumerate((50, 30, 20), start=1))
FOUR = tuple(TierRule(key) for key in (4, 3, 2, 1))
HIGH = TierRule(1, conditions=(ConditionRule("monetary", ">=", 500),))
EXPRESS = metrics.Metric("express", "express", metrics.PERCENT, higher_is_better=False, columns=("express",))
METHODS = {
    "score": {},
    "by bands": {"criteria": [("recency", 1, "bands"), ("monetary", 1, "bands")]},
    "by fifths, small": {"min_population": 10_000},
    "idle days": {"retention": RetentionRules(skip_idle_days=True)},
    "motives": {"definitions": [EXPRESS], "motives": (MotiveRule("express", 7), MotiveRule("frequency", 8))},
    "customer_share": {"tiers": SHARES},
    "customer_share by contacts": {"tiers": SHARES, "basis": "contacts"},
    "revenue_share": {"tiers": SHARES},
    "conditions": {"tiers": (HIGH, TierRule(2))},
    "clusters": {"tiers": FOUR[:3]},
    "two_axes": {
        "tiers": FOUR,
        "axes": AxesRule(AxisRule(None, "share", 40), AxisRule("contacts", "share", 30)),
    },
}


def make_frame():
    rng = np.random.default_rng(11)
    orders = rng.poisson(2, COUNT)
    amount = np.where(orders > 0, rng.gamma(2, 200, COUNT).round(2), 0.0)
    amount[orders > 0] = np.where(rng.random((orders > 0).sum()) < 0.2, 99.9, amount[orders > 0])
    ago = rng.integers(0, 360, COUNT)
    ever = rng.random(COUNT) < 0.95
    last = np.datetime64(AS_OF, "s") - ago.astype("timedelta64[D]")
    frame = pd.DataFrame(
        {
            schema.FIRST_ORDER_DATE: last - np.where(orders > 0, 100, 0).astype("timedelta64[D]"),
            schema.LAST_ORDER_DATE: last,
            schema.PURCHASE_DAYS: orders + 1,
            schema.ORDER_COUNT: orders,
            schema.GROSS_AMOUNT: amount,
            schema.AMOUNT: amount,
            schema.AMOUNT_LATE: amount / 2,
            schema.AMOUNT_EARLY: amount / 2,
            schema.GAP_MEDIAN_DAYS: np.where(orders > 1, rng.integers(1, 90, COUNT), np.nan),
            schema.GAP_STD_DAYS: np.nan,
            schema.CONTACT_COUNT: rng.poisson(3, COUNT),
            schema.LAST_CONTACT_DATE: np.datetime64("NaT", "s"),
        },
        index=pd.RangeIndex(1, COUNT + 1, name=schema.CUSTOMER).astype("int64"),
    )
    frame.loc[~ever, [schema.FIRST_ORDER_DATE, schema.LAST_ORDER_DATE, schema.GAP_MEDIAN_DAYS]] = None
    frame.loc[~ever, [schema.ORDER_COUNT, schema.PURCHASE_DAYS]] = 0
    frame.loc[~ever, [schema.GROSS_AMOUNT, schema.AMOUNT, schema.AMOUNT_LATE, schema.AMOUNT_EARLY]] = 0.0
    return frame.astype(schema.DTYPES).assign(express=np.where(orders > 0, rng.integers(0, 50, COUNT), np.nan))


@pytest.fixture(scope="module")
def frame():
    return make_frame()


def get_method(name):
    """The method of tiers that a name begins with."""
    method = name.split()[0]
    return {"tier_method": method} if method in TIER_METHODS else {}


def divide(count, number, seed):
    """Which part each of so many is in: drawn, in no order; a part may be empty."""
    return np.random.default_rng(seed).integers(0, number, count)


@pytest.mark.parametrize("name", METHODS)
def test_a_fit_of_parts_is_the_fit_of_all(frame, name):
    """In whatever order the parts come."""
    rules = make_rules(**get_method(name), **METHODS[name])
    whole = pipeline.fit(rules, frame, AS_OF)
    assert whole.population == (frame["order_count"] > 0).sum()
    for number in (2, 7, 64):
        part = divide(len(frame), number, seed=number)
        order = np.random.default_rng(number).permutation(number)
        facts = [pipeline.describe(rules, frame[part == place], AS_OF) for place in order]
        assert pipeline.fit_parts(rules, facts) == whole


def test_a_fit_asks_for_few_columns_at_a_time(frame):
    """So that of all customers no more is held at once; clusters and shares ask for what they compare."""
    asked = []

    class Columns:
        def __init__(self, active):
            self.active = active

        def __len__(self):
            return len(self.active)

        def __contains__(self, name):
            return name in self.active

        def __getitem__(self, names):
            asked.append(len(names))
            return self.active[names]

    rules = make_rules(tier_method="customer_share", tiers=SHARES, basis="monetary")
    facts = pipeline.describe(rules, frame, AS_OF)
    found = pipeline.fit_parts(rules, [facts._replace(active=Columns(facts.active))])
    assert found == pipeline.fit(rules, frame, AS_OF)
    assert max(asked[:-2]) <= 2, "the score takes all that it is made of, part by part"


def test_clusters_of_very_many_are_found_among_some_of_them(frame, monkeypatch):
    """The same ones in whatever parts they come; the others are placed by what was found."""
    rules = make_rules(tier_method="clusters", tiers=FOUR[:3])
    whole = pipeline.fit(rules, frame, AS_OF)
    assert whole.tiers.clusters.drawn is None
    monkeypatch.setattr(clusters, "MOST_CUSTOMERS", 1_000)
    some = pipeline.fit(rules, frame, AS_OF)
    assert some.tiers.clusters.drawn == 1_000
    assert some.population == whole.population
    part = divide(len(frame), 7, seed=1)
    facts = [pipeline.describe(rules, frame[part == place], AS_OF) for place in range(7)]
    assert pipeline.fit_parts(rules, facts) == some
    assert pipeline.Fit.from_json(json.loads(json.dumps(some.to_json()))) == some
    # They are drawn by lot: the groups are nearly those of all.
    earned, all_earned = (pipeline.earned(rules, fit, frame, AS_OF) for fit in (some, whole))
    bought = frame["order_count"] > 0
    assert (earned == all_earned)[bought].mean() > 0.9


def buy(days):
    """Orders of customers who come every 5 to 60 days and stop some day."""
    rng = np.random.default_rng(2)
    rows = []
    for buyer in range(900):
        gap, stop, day = rng.uniform(5, 60), rng.uniform(0, 900), rng.uniform(0, 300)
        while day < min(days, stop):
            rows.append((buyer, int(day), round(float(rng.gamma(3, 40)), 2)))
            day += rng.exponential(gap) + 1
    buyer, ago, money = (np.array(column) for column in zip(*rows, strict=True))
    return buyer, np.datetime64(AS_OF, "D") - (days - ago), money


@pytest.mark.parametrize("since", [None, AS_OF - datetime.timedelta(400)])
@pytest.mark.parametrize("most", [prediction.MOST_CUSTOMERS, 300])
def test_what_is_learned_of_parts_is_what_is_learned_of_all(monkeypatch, most, since):
    monkeypatch.setattr(prediction, "MOST_CUSTOMERS", most)
    rules = make_rules(risk=RiskRules(method=PREDICTION))
    buyer, day, money = buy(700)
    nothing = np.zeros(0, dtype=int), np.zeros(0), np.zeros(0)
    index = pd.RangeIndex(1, 901, name=schema.CUSTOMER).astype("int64")

    def describe(chosen, learn=outlook.describe):
        own = np.isin(buyer, chosen)
        place = np.searchsorted(chosen, buyer[own])
        bought = purchases.Purchases(place, day[own], money[own], *nothing)
        frame = purchases.summarize(index[chosen], bought, nothing[:2], AS_OF, 365, 2)
        return learn(frame, bought, AS_OF, 2, since=since)

    whole = describe(np.arange(900), lambda frame, *of, **since: outlook.learn(rules, frame, *of, **since))
    assert whole["prediction"]["cannot_tell"] is None
    assert whole["prediction"]["interval"]
    assert whole["second"]["in_vain_day"]
    for number in (2, 7, 64):
        part = divide(900, number, seed=number)
        facts = [describe(np.flatnonzero(part == place)) for place in range(number)]
        assert outlook.learn_parts(rules, facts, AS_OF) == whole
