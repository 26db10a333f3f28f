"""Who has just reached a tier, and who just has not: customers on both sides of a floor, from the past.

Who is in a tier already stands above its floor because of it, and who stays below it does nothing; neither can be
compared. Compared are customers who were not in the tier and below its floor, and bought: purchases carry some of them
just above it and others just not. At the first computation of a policy nobody was in a tier, so all can be compared.
"""

import datetime
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import pipeline, replay, rules, schema

#: The past is looked at on one of so many days.
EVERY = 30
#: Days after which it is seen what came.
CAME = 180
#: Customers farther from a floor are not needed, not even at twice the band.
FAR = 30.0
#: Of the tiers that customers hold: none, and one of another policy.
NO_TIER, FOREIGN = -1, -2


class Day(NamedTuple):
    """Customers at the end of a day."""

    day: datetime.date
    score: np.ndarray  # points, float64, shape (n_customers,); NaN: has never bought
    last: np.ndarray  # day of the last purchase, datetime64[D]


def live(policy: rules.PolicyRules, history: replay.History, nights: int) -> Iterator[Day]:
    """Yield the customers on each 30th day, from ``history.as_of - nights`` to ``history.as_of``.

    Parameters
    ----------
    policy : rules of one time
    history : of the customers, with purchases that are right in the window of the first day
    nights : a multiple of `EVERY`, 0 or more

    Raises
    ------
    ValueError
        If the frame is refused, or `nights` is no such number.
    """
    if nights % EVERY:
        raise ValueError(f"The nights must be a multiple of {EVERY}, not {nights}.")
    for day, frame in replay.frames(history, nights, every=EVERY):
        scored = pipeline.rank(policy, pipeline.fit(policy, frame, day), frame, day)
        score = scored[schema.SCORE].where(schema.bought(frame)).to_numpy(dtype="float64")
        yield Day(day, score, schema.days(frame[schema.LAST_ORDER_DATE]))


def find_entrants(
    days: Iterable[Day], floor: float, place: int, held: np.ndarray, locked: np.ndarray, *, all_entered: bool
) -> pd.DataFrame:
    """Who reached a tier or came near it from below, each customer once, on the first of the days.

    Parameters
    ----------
    days : see :func:`live`
    floor : the lowest score of the tier
    place : of the tier in the ladder, 0: the lowest
    held : of each customer and day the place of the tier held once the run of that day was through, int, shape
        (n_customers, n_days); `NO_TIER`, `FOREIGN`
    locked : who was locked at some time, bool, shape (n_customers,)
    all_entered : the first of the days is that of the first computation, before which nobody had a tier

    Returns
    -------
    pd.DataFrame, one row for each of them: ``customer`` (place, int64), ``day`` (datetime64[s]), ``score`` (float64),
        ``holds`` (bool): the tier or a higher one, once the run was through

    >>> day = [datetime.date(2026, 1, 1), datetime.date(2026, 1, 31)]
    >>> bought = np.array(["2026-01-10", "2025-01-10", "2026-01-10"], "datetime64[D]")
    >>> days = [Day(day[0], np.array([50.0, 50.0, 61.0]), bought), Day(day[1], np.array([62.0, 58.0, 63.0]), bought)]
    >>> held = np.array([[0, 1], [0, 0], [1, 1]])
    >>> find_entrants(days, 60.0, 1, held, np.zeros(3, bool), all_entered=False)[["customer", "score", "holds"]]
       customer  score  holds
    0         0   62.0   True
    """
    found, before, taken = [], None, locked.copy()
    for number, day in enumerate(days):
        here = ~taken & (np.abs(day.score - floor) < FAR) & (held[:, number] != FOREIGN)
        if before is not None:
            was = held[:, number - 1]
            came_up = (was < place) & (was != FOREIGN) & ~(before.score >= floor)
            here &= came_up & (day.last > schema.day(before.day))
        if before is not None or all_entered:
            who = np.flatnonzero(here)
            taken[who] = True
            rows = {
                "customer": who,
                "day": np.full(len(who), schema.day(day.day)),
                "score": day.score[who],
                "holds": held[who, number] >= place,
            }
            found.append(pd.DataFrame(rows))
        before = day
    kinds = {"customer": "int64", "day": "datetime64[s]", "score": "float64", "holds": "bool"}
    return pd.concat(found or [pd.DataFrame(columns=list(kinds))], ignore_index=True).astype(kinds)
