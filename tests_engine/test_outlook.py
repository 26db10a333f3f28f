"""The outlook: what is foretold of a policy's customers, and who is at risk by it."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from conftest import AS_OF
from engine import changes, lifecycle, metrics, outcome, outlook, pipeline, prediction, purchases, risk, schema
from engine.rules import LATENESS, PREDICTION, OutlookRules, RiskRules
from pandas.testing import assert_frame_equal

WINDOW = 365
FORETELLING = RiskRules(method=PREDICTION)


def buy(seed=1, customers=400, days=700):
    """Orders of customers who come every 5 to 60 days and stop some day, as plain arrays."""
    rng = np.random.default_rng(seed)
    rows = []
    for buyer in range(customers):
        gap, stop = rng.uniform(5, 60), rng.uniform(0, 900)
        day = rng.uniform(0, 300)
        if buyer % 20 == 19:  # has just come for the first time
            day, gap = days - 3, 1000
        while day < min(days, stop):
            rows.append((buyer, int(day), round(float(rng.gamma(3, 40)), 2)))
            day += rng.exponential(gap) + 1
    buyer, ago, money = (np.array(column) for column in zip(*rows, strict=True))
    day = np.datetime64(AS_OF, "D") - (days - ago)
    nothing = np.zeros(0, dtype=int), np.zeros(0), np.zeros(0)
    return purchases.Purchases(buyer, day, money, *nothing)


def summarize(bought, customers=400, as_of=AS_OF):
    index = pd.Index(range(100, 100 + customers), name=schema.CUSTOMER, dtype="int64")
    past = bought.day <= np.datetime64(as_of, "D")
    bought = bought._replace(buyer=bought.buyer[past], day=bought.day[past], money=bought.money[past])
    nothing = np.zeros(0, dtype=int), np.zeros(0)
    frame = purchases.summarize(index, bought, nothing, as_of, WINDOW, 2)
    return frame.assign(contact_count=0, last_contact_date=pd.Series(pd.NaT, index, dtype="datetime64[s]"))


@pytest.fixture(scope="module")
def bought():
    return buy()


@pytest.fixture(scope="module")
def frame(bought):
    return summarize(bought)


@pytest.fixture(scope="module")
def rules(policy):
    return policy(risk=FORETELLING)


@pytest.fixture(scope="module")
def learned(rules, frame, bought):
    return outlook.learn(rules, frame, bought, AS_OF, 2)


def test_what_is_known_anyway_is_all_that_the_prediction_asks(bought, frame):
    """Counted order by order, in plain Python."""
    found = outlook.summarize(frame, AS_OF)
    for place, customer in enumerate(frame.index):
        days = sorted({day.item() for day in bought.day[bought.buyer == place]})
        if not days:
            assert found.loc[customer].isna().all()
            continue
        recent = [day for day in days if (AS_OF - day).days < WINDOW]
        money = sum(
            amount
            for day, amount in zip(bought.day[bought.buyer == place], bought.money[bought.buyer == place], strict=True)
            if (AS_OF - day.item()).days < WINDOW
        )
        expected = [
            len(days) - 1,
            (days[-1] - days[0]).days,
            (AS_OF - days[0]).days,
            money / len(recent) if recent else 0,
            len(recent),
        ]
        assert found.loc[customer].tolist() == pytest.approx(expected, abs=0.005)


def test_the_chance_that_is_told_is_that_of_the_prediction_in_steps(learned, frame):
    told = outlook.derive(learned, frame, AS_OF)
    summary = outlook.summarize(frame, AS_OF)
    chance = prediction.apply(learned["prediction"], summary)["order_chance"]
    ever = frame["purchase_days"] > 0
    assert told["order_percent"].notna().equals(ever)
    step = 100 * learned["step"]
    assert (told["order_percent"] % step == 0)[ever].all()
    assert ((told["order_percent"] - 100 * chance).abs()[ever] <= step / 2 + 1e-6).all()


def test_one_customer_alone_is_told_the_same(rules, learned, frame):
    fit = pipeline.fit(rules, frame, AS_OF, learned)
    together = pipeline.apply(rules, fit, frame, AS_OF)
    fit = pipeline.Fit.from_json(json.loads(json.dumps(fit.to_json())))
    for customer in frame.index[::40]:
        alone = pipeline.apply(rules, fit, frame.loc[[customer]], AS_OF)
        assert_frame_equal(alone, together.loc[[customer]], check_categorical=False)


def test_the_chance_decides_who_is_at_risk_and_who_has_declined(rules, learned, frame):
    fit = pipeline.fit(rules, frame, AS_OF, learned)
    found = frame.join(pipeline.apply(rules, fit, frame, AS_OF))
    seen = set()
    for row in found[found["purchase_days"] > 0].to_dict("records"):
        stopped = 100 - row["order_percent"]
        again = row["purchase_days"] > 1
        if stopped >= 90:
            level, late = "lost", lifecycle.LOST
        elif again and stopped >= 70:
            level, late = "high", lifecycle.DECLINING
        elif again and stopped >= 50:
            level, late = "watch", lifecycle.DECLINING
        else:
            level, late = "none", None
        assert row["risk"] == level
        assert row["risk_rank"] == (stopped if level != "none" else 0)
        assert ("chance" in row["risk_signals"].split()) == (level != "none")
        assert row["expected_loss"] == pytest.approx(max(row["amount"], 0) * row["risk_rank"] / 100, abs=0.01)
        if late:
            assert row["lifecycle"] == late
        else:
            assert row["lifecycle"] != lifecycle.LOST
        seen.add((level, again))
    assert {level for level, _again in seen} == {"none", "watch", "high", "lost"}
    assert {again for level, again in seen if level == "none"} == {True, False}


def test_where_nothing_can_be_foretold_the_usual_gap_decides(policy):
    bought = buy(customers=10)
    frame = summarize(bought, customers=10)
    rules = policy(risk=FORETELLING)
    learned = outlook.learn(rules, frame, bought, AS_OF, 2)
    assert learned["prediction"]["cannot_tell"]["code"] == prediction.FEW_CUSTOMERS
    assert not outlook.tells(learned)
    plain = policy()
    found = pipeline.apply(rules, pipeline.fit(rules, frame, AS_OF, learned), frame, AS_OF)
    expected = pipeline.apply(plain, pipeline.fit(plain, frame, AS_OF), frame, AS_OF)
    assert_frame_equal(found[list(expected)], expected)
    assert found[["order_percent", "expected_amount", "next_order_date"]].isna().all(axis=None)


def test_nothing_is_foretold_that_nobody_asks_for(policy, learned, frame):
    rules = policy(risk=RiskRules(method=LATENESS))
    assert not rules.foretells
    fit = pipeline.fit(rules, frame, AS_OF, learned)
    assert fit.outlook == {}
    assert "order_percent" not in pipeline.apply(rules, fit, frame, AS_OF)


def test_what_is_foretold_can_be_scored(policy, learned, frame):
    chance = metrics.Metric("chance", "order_percent", metrics.PERCENT, (10, 30, 50, 70), higher_is_better=True)
    rules = policy(criteria=[("chance", 1)], definitions=[*metrics.RFM, chance])
    assert rules.by_outlook
    fit = pipeline.fit(rules, frame, AS_OF, learned)
    found = pipeline.apply(rules, fit, frame, AS_OF)
    active = frame["order_count"] > 0
    ranks = found.loc[active, "order_percent"].rank()
    expected = 100 * (ranks - 0.5) / active.sum()
    np.testing.assert_allclose(found.loc[active, "points_chance"], expected, atol=0.01)


def test_days_of_which_the_money_is_not_known_say_nothing_about_what_an_order_is_worth(rules, frame, bought):
    """The reading knows of orders long ago only that they were above zero."""
    since = AS_OF - datetime.timedelta(500)
    old = bought.day < np.datetime64(since, "D")
    assert old.any()
    blurred = bought._replace(money=np.where(old, 1.0, bought.money))
    learned = outlook.learn(rules, frame, blurred, AS_OF, 2, since=since)
    whole = outlook.learn(rules, frame, bought, AS_OF, 2)
    assert learned["prediction"]["rates"] == whole["prediction"]["rates"]
    assert learned["prediction"]["value"]["average"] == pytest.approx(whole["prediction"]["value"]["average"], rel=0.1)
    wrong = outlook.learn(rules, frame, blurred, AS_OF, 2)
    assert wrong["prediction"]["value"]["average"] < 0.8 * learned["prediction"]["value"]["average"]


def test_who_ordered_once_is_told_until_when_to_wait(rules, frame, bought):
    learned = outlook.learn(rules, frame, bought, AS_OF, 2)
    learned["second"]["in_vain_day"] = 40
    told = outlook.derive(learned, frame, AS_OF)["second_order_date"]
    once = frame["purchase_days"] == 1
    assert told.notna().equals(once)
    assert (told[once] == frame.loc[once, "first_order_date"] + pd.Timedelta(days=40)).all()


def test_what_was_learned_is_learned_anew_when_it_is_asked_otherwise(rules, learned, policy):
    assert outlook.holds(learned, rules, AS_OF)
    assert not outlook.holds(learned, policy(risk=FORETELLING, outlook=OutlookRules(days=30)), AS_OF)
    assert not outlook.holds(learned, rules, AS_OF + datetime.timedelta(7))
    assert not outlook.holds(learned, rules, AS_OF - datetime.timedelta(1))


def test_the_days_to_look_ahead_are_those_of_the_rules_or_three_usual_gaps(policy, frame, bought):
    asked = outlook.learn(policy(risk=FORETELLING, outlook=OutlookRules(days=45)), frame, bought, AS_OF, 2)
    assert asked["horizon"] == asked["prediction"]["horizon"] == 45
    proposed = outlook.learn(policy(risk=FORETELLING), frame, bought, AS_OF, 2)
    gap = np.median(frame["gap_median_days"].dropna())
    assert proposed["horizon"] == max(30, round(3 * gap))


def test_an_unchanged_night_tells_few_something_else(rules, learned, frame):
    """Two of a hundred of those who bought, on average over a week."""
    moved = []
    for ahead in range(7):
        now, then = (
            outlook.derive(learned, frame, AS_OF + datetime.timedelta(day))["order_percent"]
            for day in (ahead, ahead + 1)
        )
        moved.append((now != then)[now.notna()].mean())
    assert 0 < np.mean(moved) <= 0.04


def test_other_days_to_look_ahead_are_news_of_every_card(policy, rules):
    """Who orders for certain does so in 30 days and in 90; how many orders that is differs."""
    kept = pd.DataFrame({"order_percent": [100.0, 0.0]})
    before = changes.digest(kept, rules)
    assert (changes.digest(kept, policy(risk=FORETELLING)) == before).all()
    assert (changes.digest(kept, policy(risk=FORETELLING, outlook=OutlookRules(days=30))) != before).all()
    plain = changes.digest(kept, policy())
    assert (changes.digest(kept, policy(outlook=OutlookRules(days=30))) == plain).all()


def test_a_frame_without_what_is_needed_is_refused(learned, frame):
    with pytest.raises(ValueError, match="bought_days"):
        outlook.derive(learned, frame.drop(columns="bought_days"), AS_OF)


def test_the_number_of_warned_is_told_beside_the_plain_rule(policy, rules, learned, frame):
    fit = pipeline.fit(rules, frame, AS_OF, learned)
    result = frame.join(pipeline.apply(rules, fit, frame, AS_OF))
    plain = policy()
    by_gap = pipeline.apply(plain, pipeline.fit(plain, frame, AS_OF), frame, AS_OF)["risk"] != risk.NONE
    by_chance = result["risk"] != risk.NONE
    moved = outcome.compare_warnings(rules, fit, result)
    assert moved == (by_chance.sum(), by_gap.sum(), (by_chance & by_gap).sum())
    assert moved.foretold != moved.plain


def test_what_was_foretold_on_earlier_days_is_tried_out(rules, frame, bought):
    """Four days a horizon apart; what came is counted by loops, and its money is told where it is known."""
    horizon = outlook.learn(rules, frame, bought, AS_OF, 2)["horizon"]
    since = AS_OF - datetime.timedelta(days=2 * horizon)
    found = outlook.try_out(rules, frame, bought, AS_OF, 2, since=since)
    assert found["horizon"] == horizon
    assert found == json.loads(json.dumps(found))
    assert found["grade"] == found["days"][0]["grade"]
    assert found["cannot_tell"] is None
    days = [datetime.date.fromisoformat(day["as_of"]) for day in found["days"]]
    assert days == [AS_OF - datetime.timedelta(days=horizon * step) for step in (1, 2, 3, 4)]
    for day, told in zip(days, found["days"], strict=True):
        start, end = np.datetime64(day, "D"), np.datetime64(day, "D") + horizon
        known = set(bought.buyer[bought.day <= start].tolist())
        rows = zip(bought.buyer.tolist(), bought.day, bought.money.tolist(), strict=True)
        later = [(buyer, when, money) for buyer, when, money in rows if start < when <= end and buyer in known]
        assert told["customers"] == len(known)
        assert told["stopped"] == len(known - {buyer for buyer, _when, _money in later})
        assert told["orders_came"] == len({(buyer, str(when)) for buyer, when, _money in later})
        if day >= since:
            assert told["amount_came"] == pytest.approx(sum(money for *_, money in later))
        else:
            assert told["amount_came"] is None


def test_of_very_many_customers_some_are_tried_out(rules, frame, bought, monkeypatch):
    monkeypatch.setattr(prediction, "MOST_CUSTOMERS", 150)
    found = outlook.try_out(rules, frame, bought, AS_OF, 2)
    assert 100 < found["days"][0]["customers"] <= 150


@pytest.mark.parametrize(
    ("rows", "code", "facts"),
    [
        ([], "no_customers", {}),
        ([(buyer, 400) for buyer in range(30)], "one_day", {"customers": 30}),
        ([(buyer, ago) for buyer in range(30) for ago in (10, buyer % 5)], "short_history", {"days": 10, "needed": 30}),
        # Enough for telling today: 45 days. For telling 60 days ago it takes 60 days and 30 before them.
        ([(b, ago) for b in range(30) for ago in (45 - b, b % 9)], "short_history", {"days": 45, "needed": 90}),
        ([(b, 200 - b) for b in range(30)], "no_repeat", {"customers": 30}),
    ],
)
def test_why_nothing_can_be_tried_out(policy, rows, code, facts):
    rules = policy(risk=FORETELLING, outlook=OutlookRules(days=60))
    buyer, ago = (
        (np.array(column, dtype=int) for column in zip(*rows, strict=True)) if rows else (np.zeros(0, int),) * 2
    )
    nothing = np.zeros(0, dtype=int), np.zeros(0), np.zeros(0)
    bought = purchases.Purchases(buyer, np.datetime64(AS_OF, "D") - ago, np.full(len(ago), 9.0), *nothing)
    found = outlook.try_out(rules, summarize(bought, 30), bought, AS_OF, 2)
    assert (found["days"], found["grade"]) == ([], None)
    assert found["cannot_tell"] == {"code": code, "facts": facts}
