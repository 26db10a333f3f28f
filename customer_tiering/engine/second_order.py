"""Who bought once: whether a second order is still to be expected, from the company's own second orders.

The share of customers who have come again some days after their first order is estimated by Kaplan and Meier (1958):
who has not come yet counts as long as he has been waited for, and no longer. The day by which nine of ten second orders
have come is the day after which waiting is in vain.
"""

import datetime

import numpy as np
import pandas as pd

from . import prediction, schema

#: Of the second orders that come, the share that has come by the day after which waiting is in vain.
SHARE = 0.9
#: Nothing is told by fewer second orders; nor by days that fewer customers have been waited for.
FEW = 30
#: Nothing is told where the share still rises at the end: if that day lies in this last part of the days known.
LAST_PART = 0.2

# Why nothing can be told yet, with the facts that a sentence about it names.
FEW_SECOND = "few_second_orders"  # second_orders, needed
TOO_EARLY = "too_early"  # days that are known, and the day by which nine of ten would have come of those


def summarize(history: prediction.History, customers: pd.Index, as_of: datetime.date) -> pd.DataFrame:
    """How long each customer was waited for.

    Parameters
    ----------
    history, customers, as_of : as for `prediction.summarize`

    Returns
    -------
    pd.DataFrame, shape (n_customers, 2), index = `customers`

        - ``waited_days``: float64, from the first day with an order to the second one, or to `as_of`; NaN: none yet
        - ``came_again``: bool
    """
    today = prediction.to_number(as_of)
    known = history.day <= today
    buyer, day = history.buyer[known], history.day[known]
    count = len(customers)
    size = np.bincount(buyer, minlength=count)
    start = np.cumsum(size) - size
    some, again = size > 0, size > 1
    waited = np.full(count, np.nan)
    waited[some] = today - day[start[some]]
    waited[again] = day[start[again] + 1] - day[start[again]]
    return pd.DataFrame({schema.WAITED_DAYS: waited, schema.CAME_AGAIN: again}, index=customers)


def fit(summary: pd.DataFrame) -> dict:
    """When second orders come.

    Parameters
    ----------
    summary : as `summarize` returns it

    Returns
    -------
    dict, for JSON

        - ``customers`` who bought, ``second_orders`` of them
        - ``cannot_tell``: None, or ``{"code": …, "facts": {…}}``; then the rest is None
        - ``in_vain_day``: the first day after the first order by which `SHARE` of the second orders have come
        - ``usual_day``: the same of half of them
        - ``come_share``: 0..1, of customers who come again within the days known

    Raises
    ------
    ValueError
        If somebody was waited for less than no time, or came again on the same day.

    >>> waited = [10.0] * 45 + [20.0] * 45 + [50.0] * 10 + [400.0] * 100
    >>> summary = pd.DataFrame({"waited_days": waited, "came_again": [True] * 100 + [False] * 100})
    >>> found = fit(summary)
    >>> found["usual_day"], found["in_vain_day"], found["come_share"]
    (20, 20, 0.5)
    """
    waited, again = summary[schema.WAITED_DAYS].to_numpy(), summary[schema.CAME_AGAIN].to_numpy(dtype=bool)
    known = ~np.isnan(waited)
    waited, again = waited[known], again[known]
    wrong = (waited < again) | (waited != np.rint(waited))
    if wrong.any():
        raise ValueError(
            f"Column {schema.WAITED_DAYS!r} is no such number for {wrong.sum()} of {len(waited)} customers."
        )
    found = {
        "customers": len(waited),
        "second_orders": int(again.sum()),
        "cannot_tell": None,
        "in_vain_day": None,
        "usual_day": None,
        "come_share": None,
    }
    if found["second_orders"] < FEW:
        facts = {"second_orders": found["second_orders"], "needed": FEW}
        return found | {"cannot_tell": {"code": FEW_SECOND, "facts": facts}}
    days = waited.astype("int64")
    length = int(days.max()) + 1
    waiting = len(days) - np.cumsum(np.bincount(days, minlength=length)) + np.bincount(days, minlength=length)
    came = np.bincount(days[again], minlength=length)
    end = int(np.flatnonzero(waiting >= FEW)[-1])
    share = 1 - np.cumprod(1 - came[: end + 1] / waiting[: end + 1])
    # Of what adds up to the same by paper, none is left out by the last bit.
    usual, last = (int(np.argmax(share >= part * share[-1] * (1 - 1e-12))) for part in (0.5, SHARE))
    if last > (1 - LAST_PART) * end:
        return found | {"cannot_tell": {"code": TOO_EARLY, "facts": {"days": end, "day": last}}}
    return found | {"in_vain_day": last, "usual_day": usual, "come_share": round(float(share[-1]), 9)}


def apply(fit: dict, summary: pd.DataFrame) -> pd.DataFrame:
    """Who bought once, and whether to wait.

    Parameters
    ----------
    fit : as the function of that name returns it
    summary : as `summarize` returns it

    Returns
    -------
    pd.DataFrame, shape (n_customers, 2), with the index of `summary`

        - ``only_once``: bool, bought on one day so far
        - ``in_vain``: bool, of them, whose first order is longer ago than the day; False where it cannot be told
    """
    once = summary[schema.WAITED_DAYS].notna() & ~summary[schema.CAME_AGAIN]
    day = fit["in_vain_day"]
    late = summary[schema.WAITED_DAYS] > (np.inf if day is None else day)
    return pd.DataFrame({schema.ONLY_ONCE: once, schema.IN_VAIN: once & late}, index=summary.index)
