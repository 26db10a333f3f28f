"""Days on which nobody bought: a weekend, a holiday, a closed week.

Nobody could buy on such a day, so it says nothing about anybody. By ``skip_idle_days`` nobody falls on it (see
`retention.retain`), and the comparison that is kept does not age by it: the days since somebody's last purchase are
compared with what they were on the day of the comparison, and since then only the days count on which anybody bought.
"""

import dataclasses
import datetime

import pandas as pd

from . import metrics, schema
from .pipeline import Fit
from .rules import CUSTOMER_SHARE, PolicyRules


def count_idle_days(
    last_order_date: pd.Series, since: datetime.date, last_purchase: datetime.date | None, as_of: datetime.date
) -> int:
    """The days that have passed since a run without a purchase of anybody.

    Parameters
    ----------
    last_order_date : pd.Series of datetime64 of any unit, shape (n_customers,): the last purchase of each; NaT: none
    since : the day of the run, today or before
    last_purchase : the last day of any purchase that the run knew; None: there was none
    as_of : the day "today"

    Returns
    -------
    int
        Below 0 where the run came before the purchases of its day: the next day makes up for it.

    >>> friday, monday = datetime.date(2024, 6, 28), datetime.date(2024, 7, 1)
    >>> orders = pd.Series(["2024-06-28", "2024-03-01", None], dtype="datetime64[s]")
    >>> count_idle_days(orders, friday, friday, monday)
    3
    >>> orders[1] = pd.Timestamp(monday)
    >>> count_idle_days(orders, friday, friday, monday), count_idle_days(orders, monday, friday, monday)
    (2, -1)
    >>> count_idle_days(orders[2:], friday, None, monday)
    3
    """
    return (as_of - since).days - _count_days_after(last_order_date, last_purchase)


def is_idle(last_order_date: pd.Series, last_purchase: datetime.date | None) -> bool:
    """Whether nobody has bought on a later day than the last one that a run knew; the parameters are those above.

    >>> is_idle(pd.Series(["2024-06-28", None], dtype="datetime64[s]"), datetime.date(2024, 6, 28))
    True
    """
    return not _count_days_after(last_order_date, last_purchase)


def last_purchase(last_order_date: pd.Series) -> datetime.date | None:
    """The last day of any purchase; None: there is none.

    >>> last_purchase(pd.Series(["2024-06-28", None], dtype="datetime64[s]"))
    datetime.date(2024, 6, 28)
    >>> last_purchase(pd.Series([], dtype="datetime64[s]"))
    """
    last = last_order_date.max()
    return None if pd.isna(last) else last.date()


def shift(rules: PolicyRules, fit: Fit, days: int) -> Fit:
    """A fit that takes so many days for not passed: what counts days, fewer being better, is moved by them.

    Parameters
    ----------
    rules : of the policy for which `fit` was made
    fit : of an earlier day
    days : idle days since then; 0 or less changes nothing

    >>> from .rules import CriterionRule, RetentionRules, TierRule
    >>> from .scoring import Scale
    >>> calm = RetentionRules(skip_idle_days=True)
    >>> rules = PolicyRules((CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5, retention=calm)
    >>> fit = Fit(2, False, None, {"recency": Scale("percentile", False, (1.0, 9.0), (75.0, 25.0))})
    >>> shift(rules, fit, 2).scales["recency"].knots, shift(rules, fit, -1) is fit
    ((3.0, 11.0), True)
    """
    if days <= 0 or not rules.retention.skip_idle_days:
        return fit
    scales = {
        key: dataclasses.replace(scale, knots=tuple(knot + days for knot in scale.knots))
        if _passes(rules.get_metric(key))
        else scale
        for key, scale in fit.scales.items()
    }
    tiers = fit.tiers
    if rules.tier_method == CUSTOMER_SHARE and rules.basis and _passes(rules.get_metric(rules.basis)):
        tiers = dataclasses.replace(tiers, cuts=tuple(cut if cut is None else cut + days for cut in tiers.cuts))
    return dataclasses.replace(fit, scales=scales, tiers=tiers)


def _passes(metric: metrics.Metric) -> bool:
    """Whether it counts days that pass by themselves and speak against the customer."""
    return metric.ages and metric.unit == metrics.DAYS and not metric.higher_is_better


def _count_days_after(last_order_date: pd.Series, last_purchase: datetime.date | None) -> int:
    days = last_order_date.dropna()
    if last_purchase is not None:
        days = days[schema.days(days) > schema.day(last_purchase)]
    return len(set(schema.days(days).tolist()))
