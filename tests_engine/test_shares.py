"""ABC by customers and by money, against lists sorted by hand and a definition in plain Python."""

import json
from fractions import Fraction

import pandas as pd
import pytest
from conftest import examples
from engine import pipeline, tiers
from engine.rules import TierRule
from engine.tiers import TierFit
from hypothesis import given
from hypothesis import strategies as st

NAN = float("nan")


def ladder(*shares):
    """Tiers from the highest, A, to the lowest; the key is the place in the alphabet."""
    return [TierRule(key, share=share) for key, share in enumerate(shares, start=1)]


def letters(found):
    return "".join("-" if pd.isna(key) else "ABCDEF"[key - 1] for key in found)


def by_score(policy, score, shares):
    """Letters for scores, all of the population."""
    chosen = policy(tiers=ladder(*shares), tier_method="customer_share")
    score = pd.Series(score, dtype="float64")
    customers = pd.DataFrame(index=score.index)
    fit = tiers.fit_tiers(chosen, customers, score)
    found = tiers.assign(chosen, TierFit.from_json(json.loads(json.dumps(fit.to_json()))), customers, score)
    assert found["kept"].equals(found["earned"])
    return letters(found["earned"])


def by_amount(policy, amount, shares):
    chosen = policy(tiers=ladder(*shares), tier_method="revenue_share")
    customers = pd.DataFrame({"amount": amount}, dtype="float64")
    score = customers["amount"] * 0
    found = tiers.assign(chosen, tiers.fit_tiers(chosen, customers, score), customers, score)
    assert found["kept"].equals(found["earned"])
    return letters(found["earned"])


# By rank -----------------------------------------------------------------------------------

THIRDS = (100 / 3, 100 / 3, 100 / 3)


@pytest.mark.parametrize(
    ("score", "shares", "expected"),
    [
        (range(10, 0, -1), (30, 40, 30), "AAABBBBCCC"),
        (range(1, 11), (30, 40, 30), "CCCBBBBAAA"),
        (range(10, 0, -1), (10, 20, 70), "ABBCCCCCCC"),
        (range(10, 0, -1), (0.7, 99.3), "ABBBBBBBBB"),  # the first tier is never empty
        (range(3), THIRDS, "CBA"),
        (range(6), THIRDS, "CCBBAA"),
        (range(7), THIRDS, "CCBBAAA"),  # 2/7 = 28.6 % and 4/7 = 57.1 % are below 33.3 and 66.7
        (range(3), (33.33, 33.33, 33.34), "CBA"),
        (range(3), (33.34, 33.33, 33.33), "BAA"),  # 1/3 is less than 33.34 %
        ([7, 7, 7, 7], (30, 40, 30), "AAAA"),
        ([9, 7, 7, 7, 7, 7, 7, 7, 7, 1], (30, 40, 30), "AAAAAAAAAC"),  # 90 % are better than the last
        ([9, 8, 7, 5, 5, 5, 5, 5, 5, 1], (30, 40, 30), "AAABBBBBBC"),
        ([5], (30, 40, 30), "A"),
        ([5, 4], (30, 40, 30), "AB"),  # 1/2 = 50 %
        ([5, 4, 3], (30, 40, 30), "ABB"),  # 33.3, 66.7 %
        ([5, 4, 3, 2], (30, 40, 30), "AABC"),  # 25, 50, 75 %
        ([5, 4, 3, 2], (100,), "AAAA"),
        ([0, 0, 100], (50, 30, 20), "AAA"),  # 33.3 % are better than the two
        ([], (30, 40, 30), ""),
    ],
)
def test_by_rank(policy, score, shares, expected):
    assert by_score(policy, score, shares) == expected


def test_a_tier_of_nobody_repeats_the_cut_above_so_that_nobody_falls_into_it():
    tied = pd.Series([7.0, 7.0, 1.0])
    cuts = tiers.share_cuts(tied, tied * 0 + 1, (35, 35, 30), higher_is_better=True)
    assert cuts == (None, 7.0, 7.0)
    fit = TierFit("customer_share", cuts=cuts)
    assert tiers._cut(fit, pd.Series([6.99, 7.0, 8.0, NAN])).tolist() == [0, 2, 2, 0]


@examples(200)
@given(
    st.lists(st.integers(0, 10_000).map(lambda number: number / 100) | st.just(50.0), min_size=1, max_size=30),
    st.sampled_from([(30, 40, 30), THIRDS, (5, 15, 30, 50), (1, 99), (50, 25, 12.5, 12.5)]),
)
def test_by_rank_is_the_number_of_strictly_better_customers(policy, score, shares):
    def letter(own):
        better = Fraction(sum(other > own for other in score), len(score))
        cumulated = [Fraction(round(sum(shares[: last + 1]), 6)).limit_denominator(3000) for last in range(len(shares))]
        # a share of 33.333… % means a third
        return next("ABCDEF"[place] for place, share in enumerate(cumulated) if better * 100 < share)

    assert by_score(policy, score, shares) == "".join(map(letter, score))


@pytest.mark.parametrize(
    ("basis", "column", "values", "expected"),
    [
        # Short gaps are best; unknown ones count as customers, but reach no cut.
        ("gap_median", "gap_median_days", [10, 20, 30, 40, 50, 60, 70, 80, 90, 100], "AAABBBBCCC"),
        ("gap_median", "gap_median_days", [10, NAN, 30, NAN, NAN, 60, NAN, NAN, NAN, NAN], "ACACCACCCC"),
        ("gap_median", "gap_median_days", [NAN, NAN, NAN, NAN, 60, 50, 40, 30, 20, 10], "CCCCBBBAAA"),
        ("gap_median", "gap_median_days", [NAN] * 10, "CCCCCCCCCC"),
        ("contacts", "contact_count", [0, 0, 0, 0, 0, 0, 0, 9, 9, 9], "BBBBBBBAAA"),
        ("monetary", "amount", [-5, -4, 1e12, 0, 1, 2, 3, 4, 5, 6], "CCACBBBBAA"),
    ],
)
def test_by_rank_of_a_metric(customers, policy, as_of, basis, column, values, expected):
    chosen = policy(tiers=ladder(30, 40, 30), tier_method="customer_share", basis=basis)
    frame = customers(*[{column: value} for value in values])
    result = pipeline.apply(chosen, pipeline.fit(chosen, frame, as_of), frame, as_of)
    assert letters(result["earned"]) == expected


def test_who_did_not_buy_in_the_window_is_placed_but_not_counted(customers, policy, as_of):
    chosen = policy(tiers=ladder(50, 50), tier_method="customer_share", basis="recency")
    left = {"ago": 500, "orders": 0, "amount": 0.0}
    frame = customers({"ago": 1}, {"ago": 2}, {"ago": 3}, {"ago": 4}, *[left] * 6, {"ago": None})
    fit = pipeline.fit(chosen, frame, as_of)
    assert fit.tiers == TierFit("customer_share", "recency", False, (None, 2.0))
    assert letters(pipeline.apply(chosen, fit, frame, as_of)["earned"]) == "AABB" + 6 * "B" + "-"
    # Money is of the window: without a purchase in it there is nothing to rank.
    by_money = policy(tiers=ladder(99, 1), tier_method="customer_share", basis="monetary")
    frame = customers({"amount": 1.0}, {**left, "amount": 900.0})
    found = pipeline.apply(by_money, pipeline.fit(by_money, frame, as_of), frame, as_of)
    assert letters(found["earned"]) == "AB"


# By money ----------------------------------------------------------------------------------

PARETO = (80, 15, 5)


@pytest.mark.parametrize(
    ("amount", "shares", "expected"),
    [
        ([97, 1, 1, 1], PARETO, "ACCC"),  # 97 % are before the others
        ([97, 2, 1], (80, 18, 2), "ABC"),  # 97 and 99 % before
        ([50, 30, 15, 5], PARETO, "AABC"),  # 0, 50, 80 and 95 % before
        ([0.5, 0.3, 0.2], PARETO, "AAB"),  # 0.5 + 0.3 are exactly 80 % of 1.0
        ([0.1, 0.2, 0.7], (70, 20, 10), "CBA"),  # 70 and 90 % before
        ([5, 50, 15, 30], PARETO, "CABA"),
        ([10] * 10, PARETO, "A" * 10),
        ([40, 40, 20], (30, 40, 30), "AAC"),  # ties share a tier: 0, 0 and 80 % before
        ([100, -50, 0, 60], PARETO, "ACCA"),  # shares of the 160 that are positive
        ([-1, 0, -1e12], PARETO, "CCC"),
        ([1e12, 1, 1], PARETO, "ACC"),
        ([1e12, 1e12, 1e12, 1e-2], (50, 30, 20), "AAAC"),
        ([5], PARETO, "A"),
        ([5, 4], PARETO, "AA"),  # 0 and 55.6 % before
        ([5, 4, 3], PARETO, "AAA"),  # 75 % before the last
        ([5, 4, 3, 2], PARETO, "AAAB"),  # 12/14 = 85.7 %
        ([], PARETO, ""),
    ],
)
def test_by_cumulated_money(policy, amount, shares, expected):
    assert by_amount(policy, amount, shares) == expected


@examples(200)
@given(
    st.lists(st.integers(-(10**4), 10**7) | st.just(500) | st.just(10**14), min_size=1, max_size=30),
    st.sampled_from([PARETO, (30, 40, 30), (5, 15, 30, 50), (50, 25, 12.5, 12.5)]),
    st.randoms(use_true_random=False),
)
def test_by_cumulated_money_is_the_share_of_the_strictly_larger_customers(policy, cents, shares, random):
    def letter(own):
        if own <= 0:
            return "ABCDEF"[len(shares) - 1]
        larger = Fraction(sum(other for other in cents if other > own), sum(other for other in cents if other > 0))
        return next(
            "ABCDEF"[place] for place in range(len(shares)) if larger * 100 < Fraction(sum(shares[: place + 1]))
        )

    random.shuffle(cents)
    found = by_amount(policy, [number / 100 for number in cents], shares)
    assert found == "".join(map(letter, cents))


def test_cuts_of_money_do_not_depend_on_the_order_of_rows(policy):
    chosen = policy(tiers=ladder(*PARETO), tier_method="revenue_share")
    amount = pd.DataFrame({"amount": [1e16, 1.0, 1.0, 3.0, 0.1, 0.2, 0.3] * 40})
    fits = {
        tiers.fit_tiers(chosen, frame, frame["amount"] * 0).cuts
        for frame in (amount, amount[::-1], amount.sample(frac=1, random_state=1))
    }
    assert fits == {(None, 1e16, 1e16)}


def test_credit_notes_beyond_the_purchases_leave_the_lowest_tier(customers, policy, as_of):
    chosen = policy(tiers=ladder(*PARETO), tier_method="revenue_share")
    frame = customers({"amount": 10.0}, {"amount": -10.0}, {"amount": 0.0}, {"ago": 400, "orders": 0, "amount": -3.0})
    fit = pipeline.fit(chosen, frame, as_of)
    assert letters(pipeline.apply(chosen, fit, frame, as_of)["earned"]) == "ACCC"
