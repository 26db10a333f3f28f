"""What tiers give: numbers worked out by hand."""

import itertools
from datetime import date, timedelta

import numpy as np
import pytest
from engine import concessions


@pytest.mark.parametrize(
    ("price", "discount", "listed", "charged"),
    [
        (100, 0, 0, 100),
        (90, 5, 0, 90),  # the person's own five percent
        (100, 10, 10, 90),
        (100, 25, 10, 90),  # ten of the list, fifteen of the person
        (100, 4, 10, 96),  # six taken away
        (100, 0, 10, 100),
        (100, -20, 10, 100),  # dearer than by any list
    ],
)
def test_what_a_person_gives_is_no_gift_of_the_tier(price, discount, listed, charged):
    assert concessions.get_charged(price, discount, listed) == pytest.approx(charged)


def test_each_reason_has_one_meaning():
    told = {
        case: concessions.choose_reason(
            **dict(zip(("gives", "has_left", "is_locked", "is_falling"), case, strict=True))
        )
        for case in itertools.product((False, True), repeat=4)
    }
    for (gives, has_left, is_locked, is_falling), reason in told.items():
        if not gives:
            assert reason == (concessions.QUOTED if has_left else concessions.HAND)
        elif is_locked:
            assert reason == concessions.LOCK
        else:
            assert reason == (concessions.GRACE if is_falling else concessions.EARNED)


def test_waiting_for_parts_of_the_money():
    start = date(2026, 2, 1)
    parts = [(date(2026, 3, 3), 300), (date(2026, 4, 2), 700)]  # 30 and 60 days
    assert concessions.wait(start, parts) == 30 * 300 + 60 * 700
    assert concessions.wait(start, []) == 0
    # 51,000 at 7.3 % a year: 51,000 * 0.073 / 365
    assert concessions.get_interest(51_000, 7.3) == pytest.approx(10.2)


@pytest.mark.parametrize(
    ("payments", "given"),
    [
        ([], 10),
        ([(20, 0.25)], 9),  # 500 of 2,000, which were given 10 days
        ([(21, 1.0)], 10),  # a day too late
        ([(5, 0.6), (60, 0.4)], 6.4),  # 1,000 that were given 10 days, and 200 of 40 days
        ([(60, 0.4), (5, 0.6)], 6.4),  # in any order
        ([(-400, 0.1), (20, 0.9)], 0),
        ([(5, 0.8), (6, 0.9)], 0),  # more than there is to pay
        ([(20, 0.0)], 10),
    ],
)
def test_what_is_paid_in_advance_is_not_waited_for(payments, given):
    """2,000 by half in 30 and half in 60 days, usually in 20: 50,000 days' money at 7.3 % are 10."""
    start = date(2026, 2, 1)
    later, last, usual = (start + timedelta(days=days) for days in (30, 60, 20))
    pieces = concessions.get_longer(start, [(later, 1000), (last, 1000)], [(usual, 2000)])
    assert pieces == [(20, 0.5, 10), (20, 0.5, 40)]
    assert 10 * (1 - concessions.get_advance(pieces, payments)) == pytest.approx(given)


def test_the_parts_of_two_terms_by_plain_coins():
    """Each coin of the money by itself, of terms whose parts do not fit together, and payments beside them."""
    start, random = date(2026, 2, 1), np.random.default_rng(7)
    for _case in range(50):
        terms = []
        for _side in range(2):
            coins = np.repeat(np.sort(random.choice(90, 3, replace=False)), random.multinomial(21, [1 / 3] * 3) + 1)
            terms.append(coins.tolist())
        paid = np.sort(random.integers(0, 100, int(random.integers(0, 25)))).tolist()
        late = [(start + timedelta(days=day), 1.0) for day in terms[0]]
        usual = [(start + timedelta(days=day), 1.0) for day in terms[1]]
        pieces = concessions.get_longer(start, late, usual)
        assert sum(share for _last, share, _longer in pieces) == pytest.approx(1)
        longer = [day - before for day, before in zip(*terms, strict=True)]
        assert 24 * sum(share * days for _last, share, days in pieces) == pytest.approx(sum(longer))
        if not sum(longer):
            continue
        # In advance: by the usual day, or before that of the terms where they are shorter.
        early = sum(
            days
            for day, before, days, when in zip(*terms, longer, [*paid, *[999] * 24][:24], strict=True)
            if when <= (before if days >= 0 else day - 1)
        )
        found = concessions.get_advance(pieces, [(day, 1 / 24) for day in paid])
        assert found == pytest.approx(early / sum(longer))
