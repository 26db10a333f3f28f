"""The smallest single change that brings a customer to zero; the judge is to make the change and reckon again."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from conftest import examples
from engine import profit, remedies
from hypothesis import given
from hypothesis import strategies as st

COSTS = (
    profit.CostRule("order", "served_order_count", 15.0),
    profit.CostRule("order_line", "order_line_count", 2.0),
    profit.CostRule("meeting_hour", "meeting_hours", 80.0),
    profit.CostRule("interest", "receivable_cost_base", 6.0),
)


def make(**columns):
    """One customer: 2,000 in 40 orders of a line with a margin of 500, no meetings, paid at once."""
    values = {
        "amount": 2000.0,
        "served_order_count": 40.0,
        "order_line_count": 40.0,
        "margin": 500.0,
        "costed_amount": 2000.0,
        "meeting_hours": 0.0,
        "days_to_pay": math.nan,
        "receivable_cost_base": 0.0,
        **columns,
    }
    frame = pd.DataFrame([values])
    return frame.assign(**profit.derive(frame, COSTS))


def base(frame):
    return remedies.get_base(frame, COSTS)


def test_the_customer_at_the_start():
    """500 - 40 * 17 = -180."""
    assert make()["net_profit"].item() == -180


def test_each_remedy_by_hand():
    sizes = {kind: size.item() for kind, size in remedies.get_sizes(base(make())).items()}
    # 12 orders less save 180. The 28 that are left bring 71.43 each.
    assert sizes.pop("minimum_order") == 71.43
    assert sizes.pop("freight") == 4.5
    assert sizes.pop("price") == 9.0
    assert all(map(math.isnan, sizes.values()))


def test_fewer_hours_and_fewer_days():
    """12 hours cost 960: of 6.5 hours 440 are saved; the interest of 600 halves with the days."""
    frame = make(meeting_hours=12.0, margin=1200.0, days_to_pay=60.0, receivable_cost_base=100.0)
    assert frame["net_profit"].item() == 1200 - 680 - 960 - 600
    sizes = remedies.get_sizes(base(frame))
    assert math.isnan(sizes["meetings"].item())  # 13 hours less than 12
    assert math.isnan(sizes["terms"].item())
    frame = make(meeting_hours=12.0, margin=1200.0)
    assert remedies.get_sizes(base(frame))["meetings"].item() == 6.5
    frame = make(days_to_pay=60.0, receivable_cost_base=60.0, margin=860.0)
    assert remedies.get_sizes(base(frame))["terms"].item() == 30


def test_the_smallest_change_is_chosen():
    """Prices by 9 % are less than a minimum order 43 % above the usual 50; freight of 9 % comes first."""
    chosen = remedies.choose(base(make()))
    assert chosen.loc[0].to_dict() == {"kind": "freight", "size": 4.5, "change": 0.09}


def test_who_has_a_profit_needs_none():
    chosen = remedies.choose(base(make(margin=900.0)))
    assert chosen["kind"].tolist() == [None]
    assert chosen["size"].isna().all()


def test_nothing_bought_nothing_helps_but_fewer_meetings():
    nothing = {"amount": 0.0, "served_order_count": 0.0, "order_line_count": 0.0, "margin": 0.0, "costed_amount": 0.0}
    chosen = remedies.choose(base(make(**nothing, meeting_hours=2.0)))
    assert chosen["kind"].tolist() == ["meetings"]
    assert chosen["size"].tolist() == [0]


def test_some_have_a_remedy_and_others_none():
    """What has none says so beside others, too."""
    some = pd.concat([make(), make(margin=500.0, amount=0.0, served_order_count=0.0)], ignore_index=True)
    assert some["net_profit"].tolist() == [-180, 420]
    assert remedies.choose(base(some))["kind"].tolist() == ["freight", None]


def test_a_size_is_in_whole_coins():
    """Of yen there is no half: 100 missing in 40 orders are 3 each; 7 orders less leave 33 of 61 each."""
    costs = [dataclasses.replace(rule, decimals=0) for rule in COSTS]
    one = make(margin=580.0)
    assert one["net_profit"].item() == -100
    sizes = remedies.get_sizes(remedies.get_base(one, costs))
    assert sizes["freight"].item() == 3  # 2.5
    assert sizes["minimum_order"].item() == 61  # 2,000 in 33 orders, 60.6


def test_what_makes_it_worse_is_no_remedy():
    """More came back than was bought: freight in proportion to the usual order would be less than nothing."""
    one = make(amount=-50.0, served_order_count=10.0, order_line_count=0.0, margin=-110.0, costed_amount=-50.0)
    assert one["net_profit"].item() == -260
    assert remedies.choose(base(one))["kind"].item() is None


@examples(200)
@given(
    amount=st.integers(1, 10**6).map(float),
    orders=st.integers(1, 200).map(float),
    margin=st.integers(-(10**5), 10**5).map(float),
    hours=st.integers(0, 100).map(float),
    days=st.integers(1, 200).map(float),
    interest=st.integers(0, 10**4).map(float),
)
def test_each_size_is_enough_and_hardly_more_than_enough(amount, orders, margin, hours, days, interest):
    frame = make(
        amount=amount,
        served_order_count=orders,
        order_line_count=orders,
        margin=margin,
        costed_amount=amount,
        meeting_hours=hours,
        days_to_pay=days,
        receivable_cost_base=interest,
    )
    found = base(frame)
    less = {"minimum_order": 0, "freight": -0.01, "price": -0.1, "meetings": 0.1, "terms": 1}
    for kind, sizes in remedies.get_sizes(found).items():
        size = sizes.item()
        if math.isnan(size):
            continue
        deficit = found.deficit.item()
        assert remedies.simulate(found, kind, size).item() >= deficit - 0.01
        easier = size + less[kind]
        if easier > 0 and kind != "minimum_order":  # orders are whole
            assert remedies.simulate(found, kind, easier).item() < deficit + 0.011


def test_who_is_alike_and_lives_with_it():
    """Of like size are 1,500 and 3,000, not 5,000; one of them orders 100 at a time."""
    frame = pd.concat(
        [
            make(days_to_pay=50.0),
            make(amount=1500.0, served_order_count=15.0, days_to_pay=20.0),
            make(amount=3000.0, served_order_count=60.0, days_to_pay=50.0),
            make(amount=5000.0, served_order_count=5.0),
        ],
        ignore_index=True,
    )
    found = base(frame)
    chosen = pd.DataFrame({"kind": ["minimum_order"] * 4, "size": [68.97] * 4, "change": [0.4] * 4})
    alike, living = remedies.count_alike(found, np.array([0]), chosen)
    assert (alike.tolist(), living.tolist()) == ([2], [1])
    chosen = chosen.assign(kind="terms", size=30.0)
    assert remedies.count_alike(found, np.array([0]), chosen)[1].tolist() == [1]
    chosen = chosen.assign(kind="freight", size=4.5)
    assert remedies.count_alike(found, np.array([0]), chosen)[1].tolist() == [-1]


@pytest.mark.parametrize("kind", remedies.KINDS)
def test_nobody(kind):
    found = base(make().iloc[:0])
    assert remedies.simulate(found, kind, 10.0).tolist() == []
    assert remedies.choose(found).empty
