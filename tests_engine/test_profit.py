"""Margin, cost to serve and the two axes; the judges are sums by hand."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from engine import metrics, pipeline, profit, schema, tiers
from engine.errors import RuleError
from engine.rules import AxesRule, AxisRule, ConditionRule, PolicyRules, TierRule

VISIT = profit.CostRule("visit", "visits", 40.0)
NET = metrics.Metric("net_profit", "net_profit", "money", (1, 2, 3, 4), higher_is_better=True, columns=("net_profit",))
SOME = pd.Index([7, 8, 9], name="customer")


def documents(*rows):
    """Rows of buyer, money, whole, cost, uncosted, lines, counted; and, where they are known, of what came back by
    lines: money, cost, uncosted."""
    columns = zip(*((*row, 0, 0, 0)[:10] for row in rows), strict=True)
    kinds = (int, float, float, float, float, float, bool, float, float, float)
    return profit.Documents(*(np.array(values, dtype=kind) for values, kind in zip(columns, kinds, strict=True)))


def summarize(*rows, rebates=((), ())):
    rebates = np.array(rebates[0], dtype=int), np.array(rebates[1], dtype=float)
    return profit.summarize(SOME, documents(*rows), rebates, 2)


@pytest.mark.parametrize(
    ("lines", "charged"),  # money, cost, quantity, is goods; and cost, without a cost, lines of goods, money
    [
        ([(100, 60, 2, True), (40, 0, 1, True)], (60, 40, 2, 140)),
        ([(100, 60, 2, True), (40, 0, 1, True), (-14, 0, 1, True)], (60, 36, 2, 126)),  # 10 % on both
        ([(40, 0, 1, True), (-60, 0, 1, True)], (0, 0, 1, -20)),  # more discount than goods
        ([(40, 0, 1, True), (-60, -30, -1, True)], (-30, 40, 2, -20)),  # goods that come back with their cost
        ([(40, 0, 1, True), (-8, 0, -1, True)], (0, 32, 2, 32)),  # or without one
        ([(9, 0, 1, False), (-9, 0, 1, False)], (0, 0, 0, 0)),  # fees need no cost
        ([(0, 7, 1, True), (0, 0, 1, True)], (7, 0, 1, 0)),  # a sample, and nothing at all
        ([], (0, 0, 0, 0)),
    ],
)
def test_the_lines_of_a_document_come_to_its_costs(lines, charged):
    other = (5, 3, 1, True)  # of another document
    money, cost, quantity, is_goods = (np.array(values) for values in zip(*lines, other, strict=True))
    document = np.array([1] * len(lines) + [0])
    found = profit.charge(document, money * 1.0, cost * 1.0, quantity * 1.0, is_goods.astype(bool), 3)
    assert [values.tolist() for values in found] == [
        [mine, theirs, 0] for mine, theirs in zip((3, 0, 1, 5), charged, strict=True)
    ]


def test_goods_that_came_back_cost_nothing():
    found = summarize((0, 75.0, 100.0, 60.0, 0.0, 2, True))
    assert found.loc[7].to_dict() == {
        "margin": 30.0,  # 75 - 3/4 of 60
        "costed_amount": 75.0,
        "uncosted_amount": 0.0,
        "served_order_count": 1,
        "order_line_count": 2,
        "returned_order_count": 1,
    }
    assert found.loc[9].tolist() == [0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("back", "margin", "uncosted"),
    [
        ((30.0, 25.0, 0.0), 70 - (60 - 25), 0),  # the line of 30 that cost 25
        ((30.0, 0.0, 0.0), 70 - 60, 0),  # a fee
        ((60.0, 50.0, 0.0), 70 - (60 - 25), 0),  # for goods of 60 only 30 were given
        ((20.0, 20.0, 0.0), 70 - (60 - 20) * 70 / 80, 0),  # of the other 10 nobody knows the line
        ((0.0, 0.0, 0.0), 70 - 60 * 0.7, 0),  # of nothing
    ],
)
def test_lines_that_came_back_take_their_own_cost_along(back, margin, uncosted):
    found = summarize((0, 70.0, 100.0, 60.0, 0.0, 2, True, *back))
    assert found.loc[7, ["margin", "uncosted_amount"]].tolist() == [round(margin, 2), uncosted]


def test_goods_without_a_cost_that_came_back_have_none():
    """100, of which 40 have no cost, and these came back: what is left has all its cost."""
    found = summarize((0, 60.0, 100.0, 45.0, 40.0, 2, True, 40.0, 0.0, 40.0))
    assert found.loc[7, ["margin", "costed_amount", "uncosted_amount"]].tolist() == [15, 60, 0]


def test_all_lines_came_back():
    found = summarize((0, 0.0, 100.0, 60.0, 0.0, 2, True, 100.0, 60.0, 0.0))
    assert found.loc[7, ["margin", "costed_amount"]].tolist() == [0, 0]


def test_all_came_back():
    """No margin, but the work was done."""
    found = summarize((0, 0.0, 100.0, 60.0, 0.0, 2, False))
    assert found.loc[7, ["margin", "served_order_count", "returned_order_count"]].tolist() == [0, 1, 1]


def test_what_is_given_away_costs_all_the_same():
    found = summarize((0, 100.0, 100.0, 60.0, 0.0, 1, True), (0, 0.0, 0.0, 60.0, 0.0, 1, True))
    assert found.loc[7, ["margin", "costed_amount", "served_order_count", "returned_order_count"]].tolist() == [
        *(-20, 100, 2, 0)
    ]


def test_a_return_by_a_document_of_its_own():
    """100 that cost 60, and 100 that come back with their cost: nothing is left."""
    found = summarize((0, 100.0, 100.0, 60.0, 0.0, 1, True), (0, -100.0, -100.0, -60.0, 0.0, 1, True))
    assert found.loc[7, ["margin", "costed_amount", "served_order_count"]].tolist() == [0, 0, 1]


def test_without_any_cost_the_margin_is_unknown():
    """Whatever freight of 50 or a discount moves the money that has a cost, or needs none."""
    found = summarize((0, 80.0, 80.0, 0.0, 80.0, 1, True), (1, 80.0, 80.0, 0.0, 30.0, 1, True))
    assert found["margin"].iloc[:2].isna().all()
    assert found["costed_amount"].iloc[:2].tolist() == [0, 0]


def test_fees_alone_are_margin():
    assert summarize((0, 50.0, 50.0, 0.0, 0.0, 0, True)).loc[7, "margin"] == 50


def test_a_document_of_several_customers_is_work_of_all():
    """Ten lines that three share are not thirty."""
    found = summarize(*((0, 80.0, 80.0, 40.0, 0.0, 10 / 3, True) for _ in range(3)))
    assert found.loc[7, "order_line_count"] == 10


def test_small_documents_are_work_and_no_margin():
    found = summarize((0, 5.0, 5.0, 1.0, 0.0, 1, False))
    assert found.loc[7].tolist() == [0, 0, 0, 1, 1, 0]


def test_no_document_at_all():
    none = profit.Documents(*(values[:0] for values in documents((0, 1, 1, 1, 0, 1, True))))
    found = profit.summarize(SOME[:0], none, (none.buyer, none.money), 2)
    assert found.empty
    assert list(found) == list(profit.COLUMNS)


def test_parts_are_rounded_so_that_they_add_up():
    rules = [profit.CostRule(key, key, rate) for key, rate in (("a", 0.335), ("b", 0.335))]
    frame = pd.DataFrame({"a": [1], "b": [1], "margin": [1.0]})
    assert profit.get_parts(frame, rules).loc[0].tolist() == [0.34, 0.34]
    assert profit.derive(frame, rules)["cost_to_serve"].tolist() == [0.68]


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_bad_rates(rate):
    with pytest.raises(RuleError, match=r"^bad_rate"):
        profit.CostRule("visit", "visits", rate)


def test_costs_are_read_only_for_who_asks_for_the_profit(policy):
    plain = policy(costs=(VISIT,))
    assert "visits" not in plain.columns
    shown = policy(definitions=(NET,), shown=("net_profit",), costs=(VISIT,))
    assert {"visits", *profit.COLUMNS} <= shown.columns
    assert "net_profit" not in shown.columns


def test_unused_it_is_not_in_the_rules(policy):
    assert {"shown", "costs", "axes"}.isdisjoint(policy().to_json())
    rules = policy(definitions=(NET,), shown=("net_profit",), costs=(VISIT,))
    assert PolicyRules.from_json(json.loads(json.dumps(rules.to_json()))) == rules


# Two axes ------------------------------------------------------------------------------------

FOUR = (TierRule(4), TierRule(3), TierRule(2), TierRule(1))


@pytest.fixture
def axes(policy):
    def make(value, gain, margin=0.0, **values):
        rules = {"tier_method": "two_axes", "tiers": FOUR, "definitions": (NET,), "costs": (VISIT,)}
        return policy(**rules, axes=AxesRule(value, gain, margin), **values)

    return make


@pytest.fixture
def four(customers):
    """Amounts 1000, 100, 1000, 100, and net profits 200, 60, -50, 0."""
    frame = customers(*({"amount": amount} for amount in (1000, 100, 1000, 100)))
    costs = {"costed_amount": 0.0, "uncosted_amount": 0.0}
    counts = dict.fromkeys(("served_order_count", "order_line_count", "returned_order_count"), 1)
    return frame.assign(margin=[240.0, 100.0, -10.0, 40.0], visits=[1, 1, 1, 1], **costs, **counts)


def earned(rules, frame, as_of, fit=None):
    fit = fit or pipeline.fit(rules, frame, as_of)
    scored = pipeline.apply(rules, fit, frame, as_of)
    return scored["earned"].tolist(), scored["kept"].tolist()


def test_four_tiers_by_borders_of_value(axes, four, as_of):
    rules = axes(AxisRule("monetary", "value", 500), AxisRule("net_profit", "value", 50))
    assert earned(rules, four, as_of) == ([4, 3, 2, 1], [4, 3, 2, 1])


def test_both_axes_count_whatever_the_tiers_said_before(axes, four, as_of):
    """The tiers were tiers by conditions once, of which any was enough."""
    rules = axes(AxisRule("monetary", "value", 500), AxisRule("net_profit", "value", 50))
    rules = dataclasses.replace(rules, tiers=tuple(dataclasses.replace(tier, match_any=True) for tier in rules.tiers))
    assert earned(rules, four, as_of)[0] == [4, 3, 2, 1]


def test_a_border_is_good(axes, four, as_of):
    rules = axes(AxisRule("monetary", "value", 1000), AxisRule("net_profit", "value", 60))
    assert earned(rules, four, as_of)[0] == [4, 3, 2, 1]


def test_four_tiers_by_shares_of_customers(axes, four, as_of):
    """The better half by amount are two; the better quarter by profit is one."""
    rules = axes(AxisRule("monetary", "share", 50), AxisRule("net_profit", "share", 25))
    assert earned(rules, four, as_of)[0] == [4, 1, 2, 1]


def test_who_is_good_may_fall_a_little(axes, four, as_of):
    """Borders 1,100 and 60, kept down to 990 and 54; below 0 a border of -100 is kept down to -110."""
    rules = axes(AxisRule("monetary", "value", 1100), AxisRule("net_profit", "value", 60), margin=10)
    assert earned(rules, four, as_of) == ([3, 3, 1, 1], [4, 3, 2, 1])
    below = tiers.told(
        axes(AxisRule("monetary", "value", 1), AxisRule("net_profit", "value", -100), margin=10),
        tiers.TierFit("two_axes", borders=(1.0, -100.0)),
    )
    assert below.tiers[1].conditions == (ConditionRule("net_profit", ">=", -100, -110),)


def test_the_score_can_be_an_axis(axes, four, as_of):
    """Alike in all but the amount, of weight 40, whose ranks are 75 and 25: scores of 60 and 40."""
    rules = axes(AxisRule(None, "value", 50), AxisRule("net_profit", "value", 50))
    assert earned(rules, four, as_of)[0] == [4, 3, 2, 1]


def test_nobody_to_compare(axes, four, as_of):
    """A fit on nobody: a customer who comes later is in the lowest tier by shares, and defined."""
    rules = axes(AxisRule("monetary", "share", 50), AxisRule("net_profit", "share", 25))
    fit = pipeline.fit(rules, four.iloc[:0], as_of)
    assert fit.tiers.borders == (None, None)
    assert earned(rules, four, as_of, fit)[0] == [1, 1, 1, 1]
    assert tiers.TierFit.from_json(json.loads(json.dumps(fit.tiers.to_json()))) == fit.tiers


def test_unknown_profit_is_not_good(axes, four, as_of):
    rules = axes(AxisRule("monetary", "value", 500), AxisRule("net_profit", "value", -1000))
    frame = four.assign(margin=[math.nan, 100.0, -10.0, 40.0])
    assert earned(rules, frame, as_of)[0] == [2, 3, 4, 3]


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("border_share", lambda: AxisRule("monetary", "share", 0)),
        ("border_not_finite", lambda: AxisRule("monetary", "value", math.nan)),
        ("bad_border", lambda: AxisRule("monetary", "half", 1)),
        ("same_axis", lambda: AxesRule(AxisRule(None, "value", 1), AxisRule(None, "value", 2))),
        ("border_margin", lambda: AxesRule(AxisRule(None, "value", 1), AxisRule("monetary", "value", 2), -1)),
    ],
)
def test_bad_axes(code, make):
    with pytest.raises(RuleError, match=f"^{code}"):
        make()


def test_other_than_four_tiers(policy):
    with pytest.raises(RuleError, match=r"^no_axes"):
        policy(tier_method="two_axes", tiers=FOUR)
    axes = AxesRule(AxisRule(None, "value", 1), AxisRule("monetary", "value", 2))
    with pytest.raises(RuleError, match=r"^four_tiers"):
        policy(tier_method="two_axes", tiers=FOUR[:3], axes=axes)


def test_schema_knows_the_columns():
    assert set(profit.COLUMNS) <= set(schema.OPTIONAL_DTYPES)
