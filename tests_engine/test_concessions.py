"""What tiers give: numbers worked out by hand."""

import itertools
from datetime import date

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
