"""Effects against published values, and against simulated customers of whom the truth is known.

``bin/test engine -k effect -s`` prints what the simulations come to.
"""

import hashlib
import math
import os
from pathlib import Path

import numpy as np
import pytest
from engine import effect

DRAWS = 1_000


def told(what, value):
    print(f"{what}: {value}")
    return value


# ----------------------------------------------------------------------
# The draw
# ----------------------------------------------------------------------


def test_the_draw_is_that_of_the_database():
    """``('x' || left(md5(…), 8))::bit(32)::bigint % 10000 < 100 * percent``, bit by bit."""
    drawn = effect.draw("salt", 12, range(1, 2001), 12.5)
    for partner in range(1, 2001):
        bits = hashlib.md5(b"salt:12:%d" % partner).digest()[:4]
        number = sum(byte << shift for byte, shift in zip(bits, (24, 16, 8, 0), strict=True))
        assert drawn[partner - 1] == (number % 10_000 < 1250)


def test_shares_of_draws():
    for percent in (0, 5, 20, 50, 100):
        share = effect.draw("s", 1, range(20_000), percent).mean()
        assert abs(share - percent / 100) < 4 * math.sqrt(0.25 / 20_000)
    one, other = (effect.draw(salt, 1, range(20_000), 50) for salt in "ab")
    assert abs((one == other).mean() - 0.5) < 0.02


def test_a_larger_share_keeps_who_was_drawn():
    few, many = (effect.draw("s", 1, range(5_000), percent) for percent in (10, 30))
    assert not (few & ~many).any()


def test_a_planted_draw_is_found():
    rng = np.random.default_rng(5)
    planted = [effect.is_damaged(4_000 - held, held, 50) for held in rng.binomial(4_000, 0.45, 200)]
    assert told("a draw of 45 instead of 50 %, found", np.mean(planted)) > 0.99
    assert effect.is_damaged(1_100, 900, 50)
    assert told("a good draw is called damaged", np.mean([
        effect.is_damaged(1_000 - held, held, 20) for held in rng.binomial(1_000, 0.2, 20_000)
    ])) < 0.002  # fmt: skip
    assert not effect.is_damaged(10, 0, 0)


def test_few_customers_damage_no_draw():
    """One held out of one at 5 % comes once in twenty times; three of three once in 8,000 times."""
    assert not effect.is_damaged(0, 1, 5)
    assert effect.is_damaged(0, 3, 5)
    assert not effect.is_damaged(4, 1, 1)  # 1 - .99 ** 5: once in twenty times
    for count, percent in ((5, 1), (20, 2.5), (40, 10), (300, 1)):
        share = percent / 100
        alarms = sum(
            math.comb(count, held) * share**held * (1 - share) ** (count - held)
            for held in range(count + 1)
            if effect.is_damaged(count - held, held, percent)
        )
        assert alarms <= 0.001, (count, percent)


# ----------------------------------------------------------------------
# Shares
# ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((10, 10, 0, 20), 0.6791, 1.0)],
)
def test_newcombe(counts, low, high):
    """Newcombe 1998, table II, method 10."""
    found = effect.compare_shares(*counts)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def share_draws(rise, seed):
    """Of 4,000 customers of whom each buys again with a chance of its own, a fifth are held out."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(1.5, 3.5, 4_000)
    for _draw in range(DRAWS):
        held = rng.random(4_000) < 0.2
        bought = rng.random(4_000) < np.where(held, chance, np.minimum(chance + rise, 1))
        truth = np.mean(np.minimum(chance + rise, 1) - chance)
        yield (
            truth,
            effect.compare_shares(
                int(bought[~held].sum()), int((~held).sum()), int(bought[held].sum()), int(held.sum())
            ),
        )


def judge_draws(what, draws):
    """Share of false alarms if there is no effect, else coverage and what was found of the truth."""
    truths, found = zip(*draws, strict=True)
    covered = np.mean([each.low <= truth <= each.high for truth, each in zip(truths, found, strict=True)])
    part = np.mean([each.value for each in found]) / np.mean(truths) if np.mean(truths) else None
    told(f"{what}: interval holds the truth", covered)
    return covered, told(f"{what}: found of the truth", part)


def test_shares_without_an_effect():
    covered, _part = judge_draws("share, no effect", share_draws(0, 1))
    assert 0.035 <= 1 - covered <= 0.065


def test_shares_with_an_effect():
    covered, part = judge_draws("share, 10 points", share_draws(0.1, 2))
    assert 0.92 <= covered <= 0.97
    assert abs(part - 1) < 0.05


# ----------------------------------------------------------------------
# Money
# ----------------------------------------------------------------------


def money_draws(rise, seed, *, plain=False):
    """3,000 customers with 12 orders a year on average, of 40 each, half held out; the others order more often.

    The cap at the 99th percentile takes some 3 percent off such an effect: of who orders most a part is not seen.
    """
    rng = np.random.default_rng(seed)
    usual = rng.gamma(4, 3, 3_000)
    for _draw in range(DRAWS):
        held = rng.random(3_000) < 0.5
        before, paid = (40.0 * rng.poisson(usual * grown) for grown in (1, np.where(held, 1, 1 + rise)))
        truth = rise * 40 * usual.mean()
        past = np.zeros(3_000) if plain else before
        yield truth, effect.compare_money(paid[~held], past[~held], paid[held], past[held])


def test_money_without_an_effect():
    covered, _part = judge_draws("money, no effect", money_draws(0, 3))
    assert 0.035 <= 1 - covered <= 0.065


def test_money_with_an_effect():
    covered, part = judge_draws("money, 15 %", money_draws(0.15, 4))
    assert 0.92 <= covered <= 0.97
    assert abs(part - 1) < 0.05


def test_the_past_makes_the_interval_narrower():
    widths = [
        np.mean([found.high - found.low for _truth, found in money_draws(0, 5, plain=plain)]) for plain in (True, False)
    ]
    assert told("interval by the past, narrower by", 1 - widths[1] / widths[0]) >= 0.2


def test_money_by_hand():
    """Nothing is known of the past: Welch's own interval. 4, 6 and 8 against 1, 2, 3 and 6."""
    found = effect.compare_money([4, 6, 8], [0] * 3, [1, 2, 3, 6], [0] * 4, capped=False)
    error = math.sqrt(4 / 3 + (4 + 1 + 0 + 9) / 3 / 4)  # variances 4 and 14/3
    freedom = (4 / 3 + 7 / 6) ** 2 / ((4 / 3) ** 2 / 2 + (7 / 6) ** 2 / 3)
    assert found.value == pytest.approx(3)
    assert freedom == pytest.approx(4.655, abs=1e-3)
    # The 97.5th percentile of t: 2.776 with 4 degrees of freedom and 2.571 with 5; between them it goes by 1 / degrees.
    expected = 2.571 + (1 / freedom - 1 / 5) / (1 / 4 - 1 / 5) * (2.776 - 2.571)
    assert (found.high - found.low) / 2 / error == pytest.approx(expected, abs=5e-3)


def test_one_large_order_is_no_effect():
    rng = np.random.default_rng(6)
    paid, before = rng.gamma(2, 100, 2_000), np.zeros(2_000)
    paid[0] = 1e9
    capped, plain = (
        effect.compare_money(paid[:1_000], before[:1_000], paid[1_000:], before[1_000:], capped=capped)
        for capped in (True, False)
    )
    assert abs(capped.value) < 40
    assert plain.value > 9e5


def test_the_largest_of_few_is_capped():
    """Sixty customers, a giant with 90 percent of all money: as if it had paid 12, as the next one."""
    paid = [5_000.0, *[10.0] * 28, 12.0]
    found = effect.compare_money(np.array(paid), np.zeros(30), np.full(30, 10.0), np.zeros(30))
    assert found.with_ == pytest.approx((12 + 28 * 10 + 12) / 30)


def test_few_who_buy_at_all_are_not_capped_to_nothing():
    """Of 10,000 each 60 and 10 buy, for 100: 0.60 against 0.10 per customer, and no "no effect"."""
    paid, paid_held = (np.where(np.arange(10_000) < buyers, 100.0, 0.0) for buyers in (60, 10))
    nothing = np.zeros(10_000)
    found = effect.compare_money(paid, nothing, paid_held, nothing)
    assert (found.with_, found.without) == (pytest.approx(0.6), pytest.approx(0.1))
    assert effect.judge_money(found, 70, 10_000, 10_000, 50, 20_000).code == "more"


# ----------------------------------------------------------------------
# How many are needed
# ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "points"),
    [(200, (30, 23, 19)), (500, (19, 15, 12)), (1_000, (14, 10, 8)), (5_000, (6, 5, 4)), (20_000, (3, 2.3, 1.8))],
)
def test_smallest_rises(events, points):
    """On a base of 30 %, with 10, 20 and 50 % held out."""
    for percent, expected in zip((10, 20, 50), points, strict=True):
        found = 100 * effect.find_smallest_rise(0.3, events, percent)
        assert found == pytest.approx(expected, abs=0.6 if events < 20_000 else 0.06)


def test_months_until_a_rise_shows():
    """40 events a month, a rise of 10 points on 30 %."""
    assert [effect.count_needed(0.3, 0.1, percent) // 40 for percent in (20, 50)] == [26, 17]


def test_so_many_find_it_four_times_of_five():
    rng = np.random.default_rng(7)
    needed = effect.count_needed(0.3, 0.1, 20)
    held = round(needed / 5)
    hits, hits_held = rng.binomial(needed - held, 0.4, 4_000), rng.binomial(held, 0.3, 4_000)
    found = [
        effect.compare_shares(int(one), needed - held, int(other), held).low > 0
        for one, other in zip(hits, hits_held, strict=True)
    ]
    assert told("power", np.mean(found)) == pytest.approx(0.8, abs=0.03)


def test_nothing_can_rise_above_all():
    assert effect.find_smallest_rise(1.0, 1_000, 20) is None
    assert effect.find_smallest_rise(0.3, 10, 10) is None


def test_looking_every_day():
    """59 looks at a mean of standard normal numbers whose truth is 0."""
    rng = np.random.default_rng(8)
    looks = np.arange(50, 3_001, 50)[:59]
    fixed = sequence = 0
    for _run in range(DRAWS):
        means = np.cumsum(rng.standard_normal(3_000))[looks - 1] / looks
        fixed += (np.abs(means) > 1.96 / np.sqrt(looks)).any()
        margins = [effect.get_running_margin(1.0, int(count), 3_000) for count in looks]
        sequence += (np.abs(means) > margins).any()
    assert told("false alarms of the fixed interval", fixed / DRAWS) > 0.2
    assert told("false alarms of the sequence", sequence / DRAWS) <= 0.05


def test_who_looks_every_day_is_told_of_an_effect_that_is_none_in_one_of_twenty_at_most():
    """Nobody does anything; 59 looks before the plan is fulfilled. An interval for one look would fail in a third."""
    generator, planned, looks = np.random.default_rng(20), 3_000, range(50, 3_000, 50)
    alarms = fixed = 0
    for _history in range(400):
        held = generator.random(planned) < 0.3
        bought = generator.random(planned) < 0.3
        told = [
            effect.compare_shares(
                int(bought[:count][~held[:count]].sum()),
                int((~held[:count]).sum()),
                int(bought[:count][held[:count]].sum()),
                int(held[:count].sum()),
            )
            for count in looks
        ]
        wide = [effect.widen(found, count, planned) for found, count in zip(told, looks, strict=True)]
        alarms += any(found.low > 0 or found.high < 0 for found in wide)
        fixed += any(found.low > 0 or found.high < 0 for found in told)
    assert alarms <= 0.05 * 400
    assert fixed > 0.2 * 400


def test_the_table_of_a_running_effect_is_as_careful_as_its_sentence():
    generator = np.random.default_rng(21)
    held = generator.random(600) < 0.3
    orders, money, before = (generator.random(600) < 0.3).astype(float), *generator.random((2, 600))
    arrays = {"held": held, "orders": orders, "money": money, "before": before}
    chosen = {"percent": 30, "by_money": False}
    early = effect.compare_groups(**arrays, **chosen, planned=1_000)
    due = effect.compare_groups(**arrays, **chosen, planned=600)
    assert early["code"] == "early" != due["code"]
    for name in ("bought", "orders", "money", "whole"):
        assert early[name]["value"] == due[name]["value"]
        assert early[name]["low"] < due[name]["low"] < due[name]["high"] < early[name]["high"]


# ----------------------------------------------------------------------
# Verdicts
# ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "percent", "planned", "code"),
    [
        ((300, 700, 90, 300), 30, 1_000, "more"),
        ((180, 700, 120, 300), 30, 1_000, "fewer"),
        ((210, 700, 90, 300), 30, 1_000, "cannot_tell"),
        ((21_000, 70_000, 9_000, 30_000), 30, 100_000, "none"),
        ((300, 700, 90, 300), 30, 1_001, "early"),
        ((20, 71, 5, 29), 30, 100, "too_few"),
        ((5, 70, 4, 30), 30, 100, "too_few"),
        ((300, 600, 90, 400), 30, 1_000, "damaged"),
        ((0, 0, 0, 0), 30, 100, "too_few"),
    ],
)
def test_verdicts(counts, percent, planned, code):
    assert effect.judge(*counts, percent, planned).code == code


def test_how_many_more():
    assert effect.judge(300, 700, 90, 300, 30, 1_200).needed == 200
    found = effect.judge(230, 700, 90, 300, 30, 1_000)  # 32.9 % against 30 %: a rise of 3 points
    assert found.code == "cannot_tell"
    assert found.needed == effect.count_needed(0.3, 0.03, 30) - 1_000


def test_pooled():
    """Twice as sure counts four times as much."""
    one = effect.Difference(0.10, 0.00, 0.20, 0.4, 0.3)
    two = effect.Difference(0.20, 0.15, 0.25, 0.5, 0.3)
    both = effect.pool([one, two])
    assert both.value == pytest.approx(0.18)
    assert both.high - both.value == pytest.approx(1 / math.sqrt(1 / 0.1**2 + 1 / 0.05**2))


# ----------------------------------------------------------------------
# The border of a tier
# ----------------------------------------------------------------------


def border_draws(rise, seed, *, fuzzy=0.0, draws=DRAWS):
    """3,000 customers with scores from 40 to 80, a floor at 60; who has more points buys more often anyway.

    ``fuzzy``: so many of those above do not hold the tier, and as many of those below do, by chance.
    """
    rng = np.random.default_rng(seed)
    for _draw in range(draws):
        score = rng.uniform(40, 80, 4_000)
        past = np.log1p(np.exp(score / 15 + rng.normal(0, 0.5, 4_000)))
        holds = (score >= 60) ^ (rng.random(4_000) < fuzzy)
        bought = rng.random(4_000) < 0.1 + 0.005 * (score - 40) + 0.02 * (past - past.mean()) + rise * holds
        found = effect.find_jump(score, 60.0, holds, bought, past)
        if found.code != "piled_up":  # once in a hundred times
            yield rise, found


def test_a_tier_that_does_nothing():
    covered, _part = judge_draws("jump, no effect", ((truth, found.difference) for truth, found in border_draws(0, 9)))
    assert 0.035 <= 1 - covered <= 0.065


@pytest.mark.parametrize("fuzzy", [0.0, 0.15])
def test_a_tier_that_does_something(fuzzy):
    draws = [(truth, found.difference) for truth, found in border_draws(0.15, 10, fuzzy=fuzzy, draws=400)]
    covered, part = judge_draws(f"jump, 15 points, {fuzzy:.0%} otherwise", draws)
    assert 0.92 <= covered <= 0.97
    assert abs(part - 1) < 0.05


def test_a_slope_is_no_jump():
    """A plain difference would call it an effect each time."""
    rng = np.random.default_rng(11)
    score = rng.uniform(40, 80, 20_000)
    came = score / 100
    found = effect.find_jump(score, 60.0, score >= 60, came, np.zeros(20_000))
    assert abs(found.difference.value) < 1e-9
    assert came[score >= 60].mean() - came[score < 60].mean() > 0.15


def test_a_border_of_which_nothing_can_be_told():
    rng = np.random.default_rng(12)
    score = rng.uniform(40, 80, 4_000)
    bought, past = rng.random(4_000) < 0.3, np.zeros(4_000)
    assert effect.find_jump(score[:1_000], 60.0, score[:1_000] >= 60, bought[:1_000], past[:1_000]).code == "too_few"
    assert effect.find_jump(score, 60.0, rng.random(4_000) < 0.5, bought, past).code == "weak"
    gamed = np.where((score > 59) & (score < 60), score + 1, score)  # who is told the floor comes above it
    assert effect.find_jump(gamed, 60.0, gamed >= 60, bought, past).code == "piled_up"


def test_good_scores_are_seldom_called_piled_up():
    """Also where there are ever fewer customers with many points."""
    rng = np.random.default_rng(13)
    codes = []
    for _draw in range(400):
        score = 100 * rng.beta(2, 3, 12_000)
        codes.append(effect.find_jump(score, 60.0, score >= 60, score, np.zeros(12_000)).code)
    assert told("good scores are called piled up", codes.count("piled_up") / 400) <= 0.03


def judged(seed, *, rise=0.0, jump_at=None, gamed=0.0, unlike=0.0, customers=20_000, count=6_000):
    """What is judged of customers with scores from 20 to 95 and a floor at 60, who buy more often the more points.

    ``rise``: of who reached the floor; ``jump_at``: there is one of 25 points elsewhere; ``gamed``: so many of those a
    point below bring themselves above; ``unlike``: those above had bought for more before, whatever their score.
    """
    rng = np.random.default_rng(seed)
    score = rng.uniform(20, 95, count)
    brought = (score > 59) & (score < 60) & (rng.random(count) < gamed)
    score[brought] += 1
    above = score >= 60
    past = rng.normal(1, 0.5, count) + score / 50 + unlike * above
    chance = 0.2 + 0.004 * (score - 20) + rise * above
    if jump_at:
        chance = chance + 0.25 * (score >= jump_at)
    bought = rng.random(count) < chance
    money = np.where(bought, rng.gamma(2, 0.5, count), 0.0)
    return effect.judge_border(score, 60.0, above, bought, money, past, customers)


def test_a_border_without_an_effect_is_seldom_called_one():
    codes = [judged(seed)["code"] for seed in range(300)]
    assert told("border, no effect: called one", np.mean([code in ("more", "fewer") for code in codes])) <= 0.065
    # Piling up, the past and two placebos fail once in a hundred times each.
    checks = np.mean([code in ("piled_up", "unlike", "elsewhere") for code in codes])
    assert 0.005 <= told("border, no effect: a check fails", checks) <= 0.07
    assert codes.count("cannot_tell") > 200


def test_a_border_with_an_effect_is_found():
    found = [judged(seed, rise=0.3) for seed in range(60)]
    more = [each for each in found if each["code"] == "more"]
    assert told("border, 30 points: found", len(more) / 60) > 0.8
    assert np.mean([each["bought"]["value"] for each in more]) == pytest.approx(0.3, abs=0.03)
    assert np.mean([each["money"]["low"] > 0 for each in more]) > 0.8
    one = more[0]
    assert [points for points, _jump in one["bands"]] == [7.5, 30]
    assert sum(customers for _away, customers, _share in one["dots"]) == one["near"] == sum(one["sides"])
    assert [away for away, _customers, _share in one["dots"]] == [2.5 * number + 1.25 for number in range(-6, 6)]
    (_left, _share, zero, at_left), (_zero, at_right, right, _most) = one["lines"]
    assert zero == 0
    assert 14.9 < right <= 15
    assert at_right - at_left == pytest.approx(one["bought"]["value"])


def test_a_jump_where_none_may_be_takes_the_verdict_away():
    """Twice as many customers, so that there are enough within 10 points."""
    for jump_at, name in ((50, "below"), (70, "above")):
        found = [judged(seed, rise=0.3, jump_at=jump_at, count=12_000) for seed in range(20)]
        told(f"placebo at {jump_at}: found", np.mean([each["code"] == "elsewhere" for each in found]))
        assert np.mean([[name, "failed"] in each["checks"] for each in found]) > 0.9
        assert all(each["bought"] is None for each in found if each["code"] == "elsewhere")


def test_customers_who_bring_themselves_above_take_the_verdict_away():
    codes = [judged(seed, rise=0.3, gamed=0.7, count=12_000)["code"] for seed in range(20)]
    assert told("piled up: found", codes.count("piled_up") / 20) > 0.9


def test_customers_who_differ_before_are_no_effect():
    codes = [judged(seed, rise=0.3, unlike=0.5)["code"] for seed in range(20)]
    assert told("unlike before: found", codes.count("unlike") / 20) > 0.9


def test_few_customers_tell_nothing_of_a_border():
    few = judged(1, rise=0.3, customers=4_999)
    assert (few["code"], few["bought"], few["dots"], few["checks"]) == ("few_customers", None, [], [])
    assert few["entrants"] == 6_000
    near = judged(1, rise=0.3, count=2_000)
    assert (near["code"], near["bought"], near["dots"]) == ("too_few", None, [])
    assert near["near"] == pytest.approx(2_000 * 30 / 75, rel=0.1)


def test_a_border_at_the_end_of_the_scale_is_looked_at_as_far_as_it_goes():
    rng = np.random.default_rng(3)
    score, past = rng.uniform(0, 100, 12_000), np.zeros(12_000)
    bought = rng.random(12_000) < 0.3
    found = effect.judge_border(score, 95.0, score >= 95, bought, bought * 1.0, past, 12_000)
    assert ["above", "too_few"] in found["checks"]
    assert found["lines"][1][2] == pytest.approx(5, abs=0.1)


# ----------------------------------------------------------------------
# Without a draw
# ----------------------------------------------------------------------


def called_draws(rise, seed):
    """4,000 customers of whom those with a good last year are called more often, as salespeople do."""
    rng = np.random.default_rng(seed)
    for _draw in range(DRAWS):
        usual = rng.normal(0, 1, 4_000)
        past, noise = usual + rng.normal(0, 1, 4_000), rng.normal(0, 1, 4_000)
        called = rng.random(4_000) < 1 / (1 + np.exp(-past))
        yield rise, past, called, usual + noise + rise * called


def test_who_is_called_for_a_good_year():
    """Without any effect a plain difference finds one each time; like customers do as often as chance has it."""
    draws = list(called_draws(0, 14))
    plain = [came[called].mean() - came[~called].mean() for _truth, _past, called, came in draws]
    assert min(plain) > 0.3
    covered, _part = judge_draws(
        "called, no effect", ((truth, effect.compare_alike(called, came, past)) for truth, past, called, came in draws)
    )
    assert 0.035 <= 1 - covered <= 0.065


def test_calls_that_do_something():
    draws = called_draws(0.5, 15)
    covered, part = judge_draws(
        "called, half", ((truth, effect.compare_alike(called, came, past)) for truth, past, called, came in draws)
    )
    assert 0.92 <= covered <= 0.97
    assert abs(part - 1) < 0.05


def test_groups_that_are_given():
    """By hand, the past all the same: 3 of 4 against 1 of 2, and 1 of 2 against 1 of 4; weights 4 and 2."""
    called = np.array([1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0], bool)
    came = np.array([1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0], float)
    found = effect.compare_alike(called, came, np.zeros(12), np.array([7] * 6 + [9] * 6))
    assert found.value == pytest.approx((4 * 0.25 + 2 * 0.25) / 6)
    assert found.with_ == pytest.approx(4 / 6)
    assert found.without == pytest.approx((4 * 0.5 + 2 * 0.25) / 6)


def test_nobody_to_compare():
    assert effect.compare_alike(np.zeros(50, bool), np.ones(50), np.arange(50.0)) is None
    assert effect.compare_alike(np.ones(50, bool), np.ones(50), np.zeros(50)) is None


# ----------------------------------------------------------------------
# A year of real purchases
# ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def year():
    """CDNOW: who bought nothing for 60 days is followed up, once, before May 1998; customers, days and purchases."""
    path = os.environ.get("CUSTOMER_TIERING_CDNOW")
    if not path:
        pytest.skip("CUSTOMER_TIERING_CDNOW must name the file CDNOW_sample.txt, as bin/test does.")
    rows = [line.split() for line in Path(path).read_text(encoding="ascii").splitlines()]
    rows = [
        (int(row[-4]), f"{row[-3][:4]}-{row[-3][4:6]}-{row[-3][6:]}", float(row[-1])) for row in rows if len(row) > 3
    ]
    buyer = np.array([row[0] for row in rows])
    bought = np.array([row[1] for row in rows], "datetime64[D]")
    money = np.array([row[2] for row in rows])
    place, day = [], []
    for who in sorted(set(buyer.tolist())):
        own = np.sort(np.append(bought[buyer == who], np.datetime64("1998-07-01")))
        silent = own[:-1][np.diff(own).astype(int) > 60]
        if len(silent) and silent[0] < np.datetime64("1998-03-01"):
            place.append(who)
            day.append(silent[0] + 60)
    return np.array(place), np.array(day), buyer, bought, money


def replay(year, salt, points):
    """The effect that is found where follow-ups bring so many points more customers to buy within 60 days."""
    place, day, buyer, bought, money = year
    held = effect.draw(salt, 1, place.tolist(), 20)
    if points:
        rng = np.random.default_rng(7)
        comes = effect.measure(place, day, buyer, bought, money, 60)[0] > 0
        more = ~held & ~comes & (rng.random(len(place)) < points / (1 - comes.mean()))
        buyer = np.append(buyer, place[more])
        bought = np.append(bought, day[more] + rng.integers(0, 60, more.sum()))
        money = np.append(money, np.full(more.sum(), 30.0))
    count, spent, before = effect.measure(place, day, buyer, bought, money, 60)
    order = np.lexsort((place, day))
    return effect.compare_groups(
        *(values[order] for values in (held, count, spent, before)), percent=20, planned=len(place), by_money=False
    )


def test_what_comes_after_an_event_is_counted_as_by_hand(year):
    place, day, buyer, bought, money = year
    count, spent, before = effect.measure(place, day, buyer, bought, money, 60)
    for row in range(0, len(place), 50):
        own = [(when, paid) for who, when, paid in zip(buyer, bought, money, strict=True) if who == place[row]]
        after = [paid for when, paid in own if day[row] <= when < day[row] + 60]
        past = [paid for when, paid in own if day[row] - 365 <= when < day[row]]
        assert (count[row], spent[row], before[row]) == pytest.approx((len(after), sum(after), sum(past)))


def test_a_planted_effect_is_found_in_a_real_year_and_none_where_there_is_none(year):
    salts = [f"salt {number}" for number in range(40)]
    planted = [replay(year, salt, 0.10) for salt in salts]
    found = np.mean([result["code"] == "more" for result in planted])
    covered = np.mean([result["bought"]["low"] <= 0.10 <= result["bought"]["high"] for result in planted])
    assert told("CDNOW, 10 points planted, found", found) >= 0.9
    assert told("CDNOW, 10 points planted, covered", covered) >= 0.9
    alarms = np.mean([replay(year, salt, 0)["code"] in ("more", "fewer") for salt in salts])
    assert told("CDNOW, nothing planted, false alarms", alarms) <= 0.1
