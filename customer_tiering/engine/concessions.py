"""What customers are given because of their tier: the price before a person's own discount, and money for waiting."""

from collections.abc import Iterable
from datetime import date

#: Why the customer had what the tier gives.
EARNED = "earned"
GRACE = "grace"
LOCK = "lock"
QUOTED = "quoted"
HAND = "hand"


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
