"""Days on which nobody bought: a weekend, a holiday, a closed week.

Nobody could buy on such a day, so it says nothing about anybody. By ``skip_idle_days`` nobody falls on it (see
`retention.retain`), and a comparison that is kept does not age by it. Where customers were ranked, it counts open days:
who has let as many open days pass without buying as somebody had on the day of the comparison is as recent, however
many days lie between, so that a weekend before the comparison stands for one since then. What was told, the cuts of
bands, is moved by the idle days since the comparison and by nothing else. A day is open if it is the last day with a
purchase of somebody when it becomes known.
"""

import dataclasses
import datetime
from collections.abc import Collection

import numpy as np
import pandas as pd

from . import schema
from .pipeline import Fit
from .rules import BANDS, CUSTOMER_SHARE, PolicyRules
from .scoring import Scale

#: Ranks move towards the present by so many days at most: a company in which purchases are rare has few open days, and
#: says little by one more.
MOST_HARDER = 14


def find_open_days(last_order_date: pd.Series, last_purchase: datetime.date | None) -> list[datetime.date]:
    """The days with a purchase that have become known since a run, ascending.

    Parameters
    ----------
    last_order_date : pd.Series of datetime64 of any unit, shape (n_customers,): the last purchase of each; NaT: none
    last_purchase : the last day of any purchase that the run knew; None: there was none

    >>> orders = pd.Series(["2024-06-28", "2024-03-01", "2024-06-28", None], dtype="datetime64[s]")
    >>> find_open_days(orders, datetime.date(2024, 6, 1)), find_open_days(orders, datetime.date(2024, 6, 28))
    ([datetime.date(2024, 6, 28)], [])
    >>> len(find_open_days(orders, None))
    2
    """
    days = schema.days(last_order_date.dropna())
    if last_purchase is not None:
        days = days[days > schema.day(last_purchase)]
    return np.unique(days).tolist()


def last_purchase(last_order_date: pd.Series) -> datetime.date | None:
    """The last day of any purchase; None: there is none.

    >>> last_purchase(pd.Series(["2024-06-28", None], dtype="datetime64[s]"))
    datetime.date(2024, 6, 28)
    >>> last_purchase(pd.Series([], dtype="datetime64[s]"))
    """
    last = last_order_date.max()
    return None if pd.isna(last) else last.date()


def age(
    rules: PolicyRules,
    fit: Fit,
    fitted_on: datetime.date,
    open_days: Collection[datetime.date],
    as_of: datetime.date,
) -> Fit:
    """A fit of an earlier day for today, which has aged by open days only.

    Parameters
    ----------
    rules : of the policy for which `fit` was made
    fit : returned as it is if it knows no open days
    fitted_on : its day
    open_days : those that have become known since then
    as_of : the day "today"

    >>> from .rules import CriterionRule, RetentionRules, TierRule
    >>> from .scoring import Scale
    >>> calm = RetentionRules(skip_idle_days=True)
    >>> rules = PolicyRules((CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5, retention=calm)
    >>> scales = {"recency": Scale("percentile", False, (0.0, 1.0, 7.0), (75.0, 50.0, 25.0))}
    >>> friday, fit = datetime.date(2024, 6, 28), Fit(3, False, None, scales, open_days=(0, 1, 7))
    >>> age(rules, fit, friday, [], datetime.date(2024, 6, 30)).scales["recency"].knots
    (2.0, 3.0, 9.0)
    >>> monday = datetime.date(2024, 7, 1)
    >>> age(rules, fit, friday, [monday], monday).scales["recency"].knots  # Monday, Friday, Thursday
    (0.0, 3.0, 4.0)
    """
    if not fit.open_days:
        return fit
    passed = (as_of - fitted_on).days
    then = np.array(fit.open_days, dtype="float64")
    now = np.unique([*((as_of - day).days for day in open_days), *(then + passed)])[: len(then)]

    def move(days: np.ndarray) -> np.ndarray:
        """To where as many open days have passed: between open days straight on, beyond them as far as the next one."""
        within = np.interp(days, then, now)
        moved = within + np.minimum(days - then[0], 0) + np.maximum(days - then[-1], 0)
        return np.maximum(moved, days - MOST_HARDER)

    def move_scale(scale: Scale) -> Scale:
        knots = np.array(scale.knots)
        knots = knots + max(passed - len(open_days), 0) if scale.method == BANDS else move(knots)
        return dataclasses.replace(scale, knots=tuple(knots.tolist()))

    scales = {key: move_scale(scale) if _is_recency(rules, key) else scale for key, scale in fit.scales.items()}
    tiers = fit.tiers
    if rules.tier_method == CUSTOMER_SHARE and rules.basis and _is_recency(rules, rules.basis):
        cuts = tuple(cut if cut is None else float(move(np.array(cut))) for cut in tiers.cuts)
        tiers = dataclasses.replace(tiers, cuts=cuts)
    return dataclasses.replace(fit, scales=scales, tiers=tiers)


def _is_recency(rules: PolicyRules, key: str) -> bool:
    metric = rules.get_metric(key)
    return metric.column == schema.RECENCY_DAYS and not metric.part
