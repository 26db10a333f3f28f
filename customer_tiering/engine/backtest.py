"""Was a warning right? Compared with chance and with the plainest rule there is."""

import dataclasses
import math

import pandas as pd


@dataclasses.dataclass(frozen=True)
class Hits:
    """What a rule that warns of some customers found.

    Parameters
    ----------
    stopped : customers it warned of who did stop; an expected number where ties are broken by lot
    precision : of those it warned of, the share who stopped, 0..1; NaN: it warned of nobody
    recall : of those who stopped, the share it warned of, 0..1; NaN: nobody stopped
    lift : precision in multiples of the share of all customers who stopped, 1: no better than
        chance; NaN: nobody stopped, or it warned of nobody
    money : of the money of those who stopped, the share of whom it warned of, 0..1; NaN: there was none
    """

    stopped: float
    precision: float
    recall: float
    lift: float
    money: float


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A warning, judged by what happened afterwards.

    Parameters
    ----------
    customers, warned, stopped : how many were judged, were warned of, and stopped buying
    base_rate : the share of all who stopped, 0..1; NaN: no customers
    warning : what the warning found
    naive : what the plain rule would have found: warn of equally many, those without a purchase
        for the longest time. Where the last of them ties with others, lots are drawn: the numbers
        are the expected values.
    """

    customers: int
    warned: int
    stopped: int
    base_rate: float
    warning: Hits
    naive: Hits


def judge(warned: pd.Series, stopped: pd.Series, recency_days: pd.Series, amount: pd.Series) -> Judgement:
    """Judge a warning beside the rule "days since the last purchase alone".

    Parameters
    ----------
    warned : pd.Series of bool, shape (n_customers,)
    stopped : pd.Series of bool with the same index: bought nothing in the time after
    recency_days : pd.Series of float64 with the same index, days, no NaN
    amount : pd.Series of float64 with the same index, money; less than nothing counts as nothing

    Examples
    --------
    Two of four are warned of, one rightly. The plain rule takes the one of 90 days and, by lot, one
    of two with 50 days, of whom one stopped: 1.5 of 2.

    >>> found = judge(
    ...     pd.Series([True, False, True, False]),
    ...     pd.Series([True, True, False, False]),
    ...     pd.Series([90.0, 50.0, 50.0, 7.0]),
    ...     pd.Series([100.0, 300.0, 50.0, -5.0]),
    ... )
    >>> found.warning
    Hits(stopped=1.0, precision=0.5, recall=0.5, lift=1.0, money=0.25)
    >>> found.naive
    Hits(stopped=1.5, precision=0.75, recall=0.75, lift=1.5, money=0.625)
    """
    chosen = warned.astype("float64")
    count = int(warned.sum())
    return Judgement(
        customers=len(warned),
        warned=count,
        stopped=int(stopped.sum()),
        base_rate=_ratio(stopped.sum(), len(stopped)),
        warning=_hits(chosen, stopped, amount),
        naive=_hits(longest(recency_days, count), stopped, amount),
    )


def longest(recency_days: pd.Series, count: int) -> pd.Series:
    """The chance of each customer to be among the `count` without a purchase for the longest time.

    Returns
    -------
    pd.Series of float64, shape (n_customers,), 0..1, with the sum `count`: 1 and 0, and a fraction
        where equals share the last places

    >>> longest(pd.Series([90.0, 50.0, 50.0, 7.0]), 2).tolist()
    [1.0, 0.5, 0.5, 0.0]
    >>> longest(pd.Series([90.0, 50.0]), 0).tolist(), longest(pd.Series([], dtype="float64"), 0).tolist()
    ([0.0, 0.0], [])
    """
    before = recency_days.rank(method="min", ascending=False) - 1
    equals = recency_days.groupby(recency_days).transform("size")
    return ((count - before) / equals).clip(0, 1)


def _hits(chosen: pd.Series, stopped: pd.Series, amount: pd.Series) -> Hits:
    """What was found by choosing each customer with a chance."""
    found = math.fsum(chosen[stopped])
    precision = _ratio(found, math.fsum(chosen))
    at_stake = amount.clip(lower=0)[stopped]
    return Hits(
        stopped=found,
        precision=precision,
        recall=_ratio(found, stopped.sum()),
        lift=_ratio(precision, _ratio(stopped.sum(), len(stopped))),
        money=_ratio(math.fsum(chosen[stopped] * at_stake), math.fsum(at_stake)),
    )


def _ratio(part: float, whole: float) -> float:
    """NaN where the whole is not above 0, or unknown.

    >>> _ratio(1, 4), _ratio(1, 0)
    (0.25, nan)
    """
    return float(part / whole) if whole > 0 else math.nan
