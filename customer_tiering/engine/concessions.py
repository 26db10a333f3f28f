"""What customers are given because of their tier: the price before a person's own discount, and money for waiting."""

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import accumulate, pairwise

#: Why the customer had what the tier gives.
EARNED = "earned"
GRACE = "grace"
LOCK = "lock"
QUOTED = "quoted"
HAND = "hand"

# Less of the money is none: what sums of shares differ by.
TINY = 1e-9


def choose_reason(*, gives: bool, has_left: bool, is_locked: bool, is_falling: bool) -> str:
    """Why a customer has what a tier gives, one of the names above.

    Parameters
    ----------
    gives : whether the tier in which the customer is gives it, and no person has chosen it for the customer
    has_left : whether it does not, but was the customer's when the quotation was made
    is_locked : whether the customer is in the tier because a person locked it
    is_falling : whether the numbers do not speak for the tier any more, and a downgrade is announced

    >>> choose_reason(gives=True, has_left=False, is_locked=False, is_falling=True)
    'grace'
    """
    if not gives:
        return QUOTED if has_left else HAND
    if is_locked:
        return LOCK
    return GRACE if is_falling else EARNED


def is_outdated(reason: str, *, is_in: bool) -> bool:
    """Whether a reason cannot be true, as the customer was in another tier when the order was confirmed.

    Parameters
    ----------
    reason : one of the names above
    is_in : whether the tier that gives it is the one in which the customer was at confirmation

    >>> [is_outdated(reason, is_in=False) for reason in (EARNED, QUOTED, HAND)], is_outdated(QUOTED, is_in=True)
    ([True, False, False], True)
    """
    return reason in (EARNED, GRACE, LOCK) if not is_in else reason == QUOTED


def get_charged(price: float, discount: float, listed: float) -> float:
    """The price of a line before the discount that a person gave.

    Parameters
    ----------
    price : as it stands on the line
    discount : percent, as it stands on the line: the pricelist's and the person's
    listed : percent of it that the pricelist gives, 0 or more; of less than that on the line, a person took it away

    >>> get_charged(100.0, 15.0, 10.0), get_charged(100.0, 4.0, 10.0), get_charged(90.0, 5.0, 0.0)
    (90.0, 96.0, 90.0)
    """
    return price * (1 - max(min(discount, listed), 0) / 100)


def wait(start: date, parts: Iterable[tuple[date, float]]) -> float:
    """Money times the days that it is waited for.

    Parameters
    ----------
    start : the day of the paper
    parts : the day on which each part is due, and its money

    >>> wait(date(2026, 1, 1), [(date(2026, 1, 11), 50.0), (date(2026, 1, 31), 50.0)])
    2000.0
    """
    return float(sum((due - start).days * money for due, money in parts))


def get_longer(
    start: date, parts: Sequence[tuple[date, float]], usual: Sequence[tuple[date, float]]
) -> list[tuple[int, float, int]]:
    """Of the money of a paper, earliest first, how much longer it is waited for by some payment terms than by others.

    Parameters
    ----------
    start : the day of the paper
    parts, usual : by the terms and by the others: the day on which each part is due, and its money, above 0

    Returns
    -------
    of each piece of the money: the last day, counted from `start`, on which who pays has not made use of the terms;
    its share, 0..1; and the days that it is waited for longer, below 0: less long

    >>> start, later, last = date(2026, 1, 1), date(2026, 1, 31), date(2026, 3, 2)
    >>> get_longer(start, [(later, 50.0), (last, 50.0)], [(later, 200.0)])
    [(30, 0.5, 0), (30, 0.5, 30)]
    >>> get_longer(start, [(start, 9.0)], [(later, 9.0)])
    [(-1, 1.0, -30)]
    """
    due, due_usually = (
        sorted(((day - start).days, money / sum(money for _day, money in found)) for day, money in found)
        for found in (parts, usual)
    )
    return [
        (before if before <= day else day - 1, share, day - before) for day, before, share in _overlay(due, due_usually)
    ]


def get_advance(pieces: Sequence[tuple[int, float, int]], payments: Sequence[tuple[int, float]]) -> float:
    """Which share of what terms gave was never given, as the money came in advance: what comes first pays what is due
    first.

    Parameters
    ----------
    pieces : as :func:`get_longer` returns them
    payments : the day of each, counted as there, and its share of the money, 0 or more

    >>> pieces = [(30, 0.5, 10), (60, 0.5, 30)]
    >>> get_advance(pieces, [(30, 0.5)]), get_advance(pieces, [(31, 0.5), (40, 0.25)]), get_advance(pieces, [])
    (0.25, 0.375, 0.0)
    >>> get_advance([(0, 1.0, 0)], [(0, 1.0)])
    0.0
    """
    whole = sum(share * longer for _last, share, longer in pieces)
    spans = [(place, share) for place, (_last, share, _longer) in enumerate(pieces)]
    early = sum(
        share * pieces[place][2] for place, day, share in _overlay(spans, sorted(payments)) if day <= pieces[place][0]
    )
    return float(early / whole) if whole else 0.0


def _overlay(
    first: Sequence[tuple[int, float]], second: Sequence[tuple[int, float]]
) -> Iterator[tuple[int, int, float]]:
    """The values of two lists of (value, length), each laid end to end from 0 on, wherever both are; and the length."""
    ends = [list(accumulate(length for _value, length in found)) for found in (first, second)]
    if not (ends[0] and ends[1]):
        return
    most = min(ends[0][-1], ends[1][-1])
    for start, end in pairwise(sorted({0.0, *(end for end in (*ends[0], *ends[1]) if end < most), most})):
        middle = (start + end) / 2
        if end - start > TINY:
            middle = (start + end) / 2
            values = (found[bisect(of_found, middle)][0] for found, of_found in zip((first, second), ends, strict=True))
            yield *values, end - start


def get_interest(waited: float, percent: float) -> float:
    """What an interest comes to.

    Parameters
    ----------
    waited : money times days
    percent : interest of a year of 365 days

    >>> get_interest(36_500.0, 8.0)
    8.0
    """
    return waited * percent / 36_500


def get_points(points: float, factor: float) -> float:
    """How many of the points on a card come from a tier that multiplies them; below 0 where it takes some.

    Parameters
    ----------
    points : as they were given, with the factor
    factor : above 0

    >>> get_points(30.0, 1.5), get_points(5.0, 0.5)
    (10.0, -5.0)
    """
    return points - points / factor
