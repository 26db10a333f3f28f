"""One giant moves nobody else, with any method.

However large one more customer is: the others have the tiers that they have beside one who is just ahead of them all.
That one more customer takes a place in a rank, and a share of the customers, is what these methods mean. Where a method
knows no ranks, the others have the tiers that they had before the giant came.
"""

import pytest
from conftest import examples
from engine import pipeline
from engine.rules import ConditionRule, TierRule
from hypothesis import given
from hypothesis import strategies as st

#: Methods of tiers, each with the tiers that it needs, the highest first.
SHARES = [TierRule(key, share=share) for key, share in ((4, 10), (3, 20), (2, 30), (1, 40))]
CONDITIONS = [
    *(
        TierRule(key, conditions=(ConditionRule("monetary", ">=", limit),))
        for key, limit in ((4, 10_000), (3, 1000), (2, 100))
    ),
    TierRule(1),
]
METHODS = {
    "score": {},
    "customer_share": {"tiers": SHARES},
    "customer_share by money": {"tiers": SHARES, "basis": "monetary"},
    "conditions": {"tiers": CONDITIONS},
    "clusters": {"tiers": [TierRule(key) for key in (4, 3, 2, 1)]},
}
CRITERIA = [
    [(key, 1, way) for key in ("recency", "frequency", "monetary", "average_order")]
    for way in ("percentile", "quintile", "bands")
]
CUSTOMER = st.fixed_dictionaries(
    {"ago": st.integers(1, 500), "orders": st.integers(1, 20), "amount": st.floats(1, 5000).map(lambda x: round(x, 2))}
)


def row(ago, orders, amount):
    """Who bought before the window has nothing in it."""
    if ago >= 365:
        orders, amount = 0, 0.0
    return {"ago": ago, "orders": orders, "amount": amount}


def tiers_of(rules, frame, as_of):
    return pipeline.apply(rules, pipeline.fit(rules, frame, as_of), frame, as_of)


@examples(30)
@given(
    others=st.lists(CUSTOMER, min_size=10, max_size=60),
    method=st.sampled_from(sorted(METHODS)),
    criteria=st.sampled_from(CRITERIA),
    min_population=st.sampled_from([1, 1000]),
    factor=st.sampled_from([1e3, 1e6, 1e9]),
    often=st.booleans(),
)
def test_others_have_the_tiers_that_they_have_beside_one_just_ahead(
    customers, policy, as_of, others, method, criteria, min_population, factor, often
):
    values = METHODS[method]
    rules = policy(criteria, min_population=min_population, tier_method=method.split()[0], **values)
    rows = [row(**each) for each in others]
    most, largest = max(each["orders"] for each in rows), max(each["amount"] for each in rows)

    def beside(times):
        orders = int((most + 1) * (times if often else 1))
        return tiers_of(rules, customers(*rows, row(0, orders, (largest + 1) * 30 * times)), as_of).iloc[:-1]

    ahead, giant = beside(1), beside(factor)
    for column in ("earned", "kept", "segment", "lifecycle", "risk", "score"):
        assert giant[column].equals(ahead[column]), column


def fairly_small(count=40):
    """The company of the case: 300 to 1500 an order, one to eight orders."""
    return [
        {"ago": 47 + 37 * (number % 8), "orders": 1 + number % 8, "amount": 300.0 * (1 + number % 5) * (1 + number % 8)}
        for number in range(count)
    ]


@pytest.mark.parametrize("method", ["score", "conditions", "clusters"])
def test_forty_customers_keep_their_tiers_when_a_giant_comes(customers, policy, as_of, method):
    rules = policy(min_population=100, tier_method=method, **METHODS[method])
    rows = fairly_small()
    before = tiers_of(rules, customers(*rows), as_of)["earned"]
    after = tiers_of(rules, customers(*rows, {"ago": 50, "amount": 2e6}), as_of)["earned"]
    assert after.iloc[:40].tolist() == before.tolist()
    assert before.nunique() > 2


def test_by_share_of_revenue_a_giant_takes_what_the_others_had(customers, policy, as_of):
    # What the method means: of 2,000,000 and forty times some 1,000 the first has 98 %, so before the second lie 98 %,
    # beyond the 50, 30 and 15 % of the tiers above the last. Alone, the forty share out all four.
    shares = [TierRule(key, share=share) for key, share in ((4, 50), (3, 30), (2, 15), (1, 5))]
    rules = policy(tier_method="revenue_share", tiers=shares)
    rows = [{"amount": 1000.0 + number} for number in range(40)]
    alone = tiers_of(rules, customers(*rows), as_of)["earned"].tolist()
    beside = tiers_of(rules, customers(*rows, {"amount": 2e6}), as_of)["earned"].tolist()
    assert sorted(set(alone)) == [1, 2, 3, 4]
    assert beside == [1] * 40 + [4]
