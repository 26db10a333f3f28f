"""Days on which nobody buys: weekends, holidays, a closed week move nobody down, by any scale and comparison."""

import datetime
import itertools

import numpy as np
import pandas as pd
import pytest
from engine import decision, idle, pipeline, purchases, schema
from engine.ladder import places
from engine.purchases import Purchases
from engine.rules import RetentionRules, TierRule

FRIDAY = datetime.date(2024, 6, 28)
NIGHTS = 24
CLOSED_WEEK = [FRIDAY + datetime.timedelta(days) for days in range(10, 17)]
NOBODY = np.zeros(0, dtype=int)
STATE = [schema.PREVIOUS_TIER, schema.PREVIOUS_SINCE, schema.PENDING_TIER, schema.PENDING_DATE]
DECIDED = [schema.COMPUTED_TIER, schema.COMPUTED_SINCE, schema.PENDING_TIER, schema.PENDING_DATE]


def is_closed(day):
    return day.weekday() >= 5 or day in CLOSED_WEEK


@pytest.fixture(scope="module")
def bought():
    """The purchases of 150 customers, on open days only."""
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(150), 12)
    day = np.datetime64(FRIDAY + datetime.timedelta(NIGHTS)) - rng.integers(0, 200, len(who)).astype("timedelta64[D]")
    open_days = np.array([not is_closed(one) for one in day.tolist()])
    return Purchases(
        who[open_days], day[open_days], rng.lognormal(4, 1, open_days.sum()).round(2), NOBODY, np.zeros(0), np.zeros(0)
    )


def frame_of(bought, day):
    index = pd.RangeIndex(1, 151, name=schema.CUSTOMER).astype("int64")
    past = bought.day <= np.datetime64(day)
    until = bought._replace(buyer=bought.buyer[past], day=bought.day[past], money=bought.money[past])
    frame = purchases.summarize(index, until, (NOBODY, np.zeros(0)), day, 365, 2)
    return frame.assign(contact_count=0, last_contact_date=pd.NaT).astype(schema.DTYPES)


def live(rules, bought, recalibrate_days):
    """Per night: the day, the scores, and the places of the tiers that the customers have and that are announced."""
    newest = states = None
    keys = [tier.key for tier in rules.ladder]
    for night in range(NIGHTS + 1):
        day = FRIDAY + datetime.timedelta(night)
        frame = frame_of(bought, day)
        orders = frame[schema.LAST_ORDER_DATE]
        if night % max(recalibrate_days, 1) == 0:
            fit, fitted_on, found = pipeline.fit(rules, frame, day), day, []
        else:
            found += idle.find_open_days(orders, newest)
        used = idle.age(rules, fit, fitted_on, found, day)
        if states is None:
            states = pd.DataFrame(None, frame.index, [*STATE, "lock_id", "lock_mode", "lock_tier"])
        quiet = rules.retention.skip_idle_days and night > 0 and not idle.find_open_days(orders, newest)
        scored = pipeline.apply(rules, used, frame, day)
        decided = decision.decide(rules, used, frame, scored, states, day, idle=quiet)
        states = states.assign(**{new: decided[old] for new, old in zip(STATE, DECIDED, strict=True)})
        newest = idle.last_purchase(orders)
        tiers = [places(decided[column], keys) for column in (schema.COMPUTED_TIER, schema.PENDING_TIER)]
        yield day, scored[schema.SCORE], *tiers


def rules_of(policy, method, skip=True, grace=0):
    criteria = [(metric, 1, method) for metric in ("recency", "frequency", "monetary")]
    tiers = tuple(TierRule(key, floor, grace_days=grace) for key, floor in enumerate((0, 40, 60, 80), start=1))
    return policy(criteria, tiers=tiers, retention=RetentionRules(skip_idle_days=skip))


@pytest.mark.parametrize("recalibrate_days", [0, 7])
@pytest.mark.parametrize("method", ["percentile", "bands"])
@pytest.mark.parametrize("grace", [0, 2])
def test_nobody_falls_on_a_day_on_which_nobody_could_buy(policy, bought, method, recalibrate_days, grace):
    nights = list(live(rules_of(policy, method, grace=grace), bought, recalibrate_days))
    assert sum(is_closed(day) for day, *_ in nights) == 13
    for (_, _, before, announced), (day, _, after, then) in itertools.pairwise(nights):
        if is_closed(day):
            assert (after >= before).all()
            assert not ((then >= 0) & (announced < 0)).any()


def test_without_the_rule_people_fall_on_them(policy, bought):
    nights = list(live(rules_of(policy, "percentile", skip=False), bought, 7))
    falls = [(after < before).any() for (_, _, before, _), (_, _, after, _) in itertools.pairwise(nights)]
    assert any(fell for fell, (day, *_) in zip(falls, nights[1:], strict=True) if is_closed(day))


@pytest.mark.parametrize("method", ["percentile", "quintile", "bands"])
def test_a_comparison_that_is_kept_finds_everybody_as_recent_as_on_the_last_open_day(policy, bought, method):
    rules = policy([("recency", 1, method)], retention=RetentionRules(skip_idle_days=True))
    nights = list(live(rules, bought, 100))
    for (_, before, *_), (day, after, *_) in itertools.pairwise(nights):
        if is_closed(day):
            # Long ago last orders are rare, and of rare days little is believed, see `idle.MOST_HARDER`.
            recent = frame_of(bought, day)[schema.LAST_ORDER_DATE] > pd.Timestamp(day) - pd.Timedelta(days=20)
            assert recent.sum() > 50
            assert after[recent].equals(before[recent])


def test_an_open_day_makes_everybody_older_who_did_not_buy(policy, bought):
    rules = policy([("recency", 1)], retention=RetentionRules(skip_idle_days=True))
    nights = list(live(rules, bought, 100))
    for (_, before, *_), (day, after, *_) in itertools.pairwise(nights):
        if not is_closed(day):
            stayed = frame_of(bought, day)[schema.LAST_ORDER_DATE] < pd.Timestamp(day)
            assert (after[stayed] <= before[stayed]).all()
            assert (after[stayed] < before[stayed]).any()


def test_weeks_that_are_alike_leave_the_scores_as_they_are(policy):
    """A week after the comparison everybody has bought as long ago as on its day, in days and in open days."""
    ago = np.repeat(np.arange(40), 3)
    days = np.datetime64(FRIDAY) - ago.astype("timedelta64[D]")
    is_open = (days.astype("int64") + 3) % 7 < 5
    who = np.arange(len(days))

    def bought_until(day, shift):
        later = Purchases(who[is_open], days[is_open] + shift, np.full(is_open.sum(), 9.0), *[NOBODY] * 3)
        index = pd.RangeIndex(len(days), name=schema.CUSTOMER).astype("int64")
        frame = purchases.summarize(index, later, (NOBODY, np.zeros(0)), day, 365, 2)
        return frame.assign(contact_count=0, last_contact_date=pd.NaT).astype(schema.DTYPES)

    rules = policy([("recency", 1)], retention=RetentionRules(skip_idle_days=True))
    week = datetime.timedelta(7)
    now, then = bought_until(FRIDAY + week, np.timedelta64(7, "D")), bought_until(FRIDAY, np.timedelta64(0, "D"))
    fit = pipeline.fit(rules, then, FRIDAY)
    found = idle.find_open_days(now[schema.LAST_ORDER_DATE], FRIDAY)
    aged = idle.age(rules, fit, FRIDAY, found, FRIDAY + week)
    assert aged == fit
    assert fit.open_days[:4] == (0, 1, 2, 3)
    assert 5 not in fit.open_days  # a Sunday


def test_a_fit_survives_json_with_its_open_days(policy, bought):
    rules = rules_of(policy, "percentile")
    fit = pipeline.fit(rules, frame_of(bought, FRIDAY), FRIDAY)
    assert fit.open_days
    assert pipeline.Fit.from_json(fit.to_json()) == fit
    assert not pipeline.fit(rules_of(policy, "bands", skip=False), frame_of(bought, FRIDAY), FRIDAY).open_days
