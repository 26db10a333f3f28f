"""What one customer did through time, period by period, and in which tier it was."""

import datetime
from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import purchases as bought_documents
from . import schema
from .purchases import Purchases

WEEK, MONTH, YEAR = "week", "month", "year"

#: So many days are shown by weeks; what is longer by months, or years.
WEEK_DAYS = 800

#: No picture has more periods.
MOST_PERIODS = 400

#: A Monday, from which weeks are counted.
_MONDAY = np.datetime64("1970-01-05", "D")


class Band(NamedTuple):
    """In which tier the customer was, and from when until when, exclusive."""

    tier: Hashable
    start: datetime.date
    end: datetime.date


def get_periods(first: datetime.date, last: datetime.date) -> tuple[str, np.ndarray]:
    """The weeks, from Monday to Sunday, months or years that cover the days from ``first`` to ``last``, both included.

    Returns
    -------
    unit : `WEEK`, `MONTH` or `YEAR`
    starts : np.ndarray of datetime64[D], shape (n_periods,), 1 to `MOST_PERIODS` of them, ascending: the first days

    >>> unit, starts = get_periods(datetime.date(2024, 5, 1), datetime.date(2024, 5, 14))
    >>> unit, starts.astype(str).tolist()
    ('week', ['2024-04-29', '2024-05-06', '2024-05-13'])
    >>> unit, starts = get_periods(datetime.date(2020, 2, 29), datetime.date(2024, 5, 14))
    >>> unit, str(starts[0]), str(starts[-1]), len(starts)
    ('month', '2020-02-01', '2024-05-01', 52)
    >>> unit, starts = get_periods(datetime.date(1900, 1, 1), datetime.date(2024, 5, 14))
    >>> unit, str(starts[0]), len(starts)
    ('year', '1900-01-01', 125)
    """
    start, end = schema.day(first), schema.day(last)
    if (end - start).astype(int) < WEEK_DAYS:
        monday = start - (start - _MONDAY).astype(int) % 7
        return WEEK, np.arange(monday, end + np.timedelta64(1, "D"), np.timedelta64(7, "D"))
    for unit, code in ((MONTH, "M"), (YEAR, "Y")):
        starts = np.arange(start.astype(f"datetime64[{code}]"), end.astype(f"datetime64[{code}]") + 1)
        if len(starts) <= MOST_PERIODS or unit == YEAR:
            return unit, starts[-MOST_PERIODS:].astype("datetime64[D]")
    raise AssertionError  # the last unit has returned


def sum_up(
    starts: np.ndarray,
    last: datetime.date,
    documents: Purchases,
    interactions: np.ndarray,
    decimals: int,
    *,
    least: float = 0.0,
) -> pd.DataFrame:
    """What one customer bought, gave back and how often people were in touch, period by period.

    Parameters
    ----------
    starts : see `get_periods`
    last : the last day
    documents : of the customer alone, whose place is 0
    interactions : days, datetime64[D], in any order
    decimals, least : see `purchases.summarize`

    Returns
    -------
    pd.DataFrame, index = `starts`: ``orders`` (int64), of which something is left; ``amount`` (float64): what they, and
        those of which nothing is left, were worth; ``returned`` (float64): what came back of them, on the day of the
        purchase, and what is below 0 by itself; ``interactions`` (int64). ``amount - returned`` adds up to the amount
        of a window of the same days, without rebates

    >>> starts = np.array(["2024-06-01", "2024-07-01"], dtype="datetime64[D]")
    >>> days = np.array(["2024-06-05", "2024-06-20", "2024-07-02", "2024-01-01"], dtype="datetime64[D]")
    >>> taken = np.array([1, 2]), np.array([4.0, 7.0]), np.zeros(2)
    >>> bought = Purchases(np.zeros(4, dtype=int), days, np.array([10.0, 6.0, 0.0, 99.0]), *taken)
    >>> sum_up(starts, datetime.date(2024, 7, 31), bought, days[:1], 2).to_numpy().tolist()
    [[2.0, 20.0, 4.0, 1.0], [0.0, 7.0, 7.0, 0.0]]
    """
    end = schema.day(last)
    whole, returned = documents.money.copy(), np.zeros(len(documents.money))
    whole[documents.taken] += documents.returned
    returned[documents.taken] = documents.returned
    below = whole < 0
    returned[below], whole[below] = -whole[below], 0
    bought = bought_documents.choose_bought(documents, decimals, least=least)
    all_back = (whole > 0) & (documents.money < 0.5 * 10.0**-decimals)
    shown = (bought | all_back | (below & bought.any())) & (documents.day >= starts[0]) & (documents.day <= end)
    place = np.searchsorted(starts, documents.day[shown], side="right") - 1
    met = interactions[(interactions >= starts[0]) & (interactions <= end)]
    count = len(starts)

    def total(money):
        return np.bincount(place, weights=money[shown], minlength=count).round(decimals) + 0.0

    return pd.DataFrame(
        {
            "orders": np.bincount(place, weights=bought[shown], minlength=count).astype("int64"),
            "amount": total(whole),
            "returned": total(returned),
            "interactions": np.bincount(np.searchsorted(starts, met, side="right") - 1, minlength=count),
        },
        index=starts,
    )


def get_bands(
    changes: Iterable[tuple[datetime.date, Hashable, Hashable]],
    tier: Hashable,
    since: datetime.date | None,
    first: datetime.date,
    end: datetime.date,
) -> list[Band]:
    """In which tiers a customer was from ``first`` until ``end``, exclusive; without any there is a gap.

    Parameters
    ----------
    changes : day, tier before and after, None: none; in their order
    tier, since : where the customer is now and, where it is known, since when; asked for where nothing has changed

    >>> day = datetime.date
    >>> first, end = day(2024, 1, 1), day(2025, 1, 1)
    >>> changes = [(day(2023, 5, 1), None, "A"), (day(2024, 3, 1), "A", "B"), (day(2024, 3, 1), "B", None)]
    >>> [(band.tier, str(band.start), str(band.end)) for band in get_bands(changes, None, None, first, end)]
    [('A', '2024-01-01', '2024-03-01')]
    >>> [(band.tier, str(band.start)) for band in get_bands([], "A", day(2024, 2, 1), first, end)]
    [('A', '2024-02-01')]
    >>> get_bands([], None, None, first, end)
    []
    """
    changes = list(changes)
    if not changes:
        start = max(first, since) if since else first
        return [Band(tier, start, end)] if tier and start < end else []
    bands, start, place = [], first, changes[0][1]
    for day, _before, after in [*changes, (end, None, None)]:
        day = min(max(day, first), end)
        if place and start < day:
            if bands and bands[-1].tier == place and bands[-1].end == start:
                start = bands.pop().start
            bands.append(Band(place, start, day))
        start, place = day, after
    return bands
