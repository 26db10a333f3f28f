"""The outlook of a policy's customers: what `prediction` and `second_order` are asked, and what is told of the answers.

``learn`` makes a dict of plain numbers from all purchases, once in a while; ``derive`` tells by it of each customer, of
one alone the same as among all. What is told is rounded so that a night of silence changes it for few.
"""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import forecasts, lifecycle, prediction, schema, second_order
from .purchases import Purchases
from .rules import PolicyRules

#: What was learned holds for so many days.
LEARNED_DAYS = 7
#: Years of purchases before the window of which the money is looked at, days.
PAST_DAYS = 730
#: Of an order that is further off no day is told: that it comes at all is little more than even.
MOST_DAYS = 2 * prediction.YEAR


def learn(
    rules: PolicyRules,
    frame: pd.DataFrame,
    purchases: Purchases,
    as_of: datetime.date,
    decimals: int,
    *,
    least: float = 0.0,
    since: datetime.date | None = None,
) -> dict:
    """All that `derive` needs, as plain numbers for JSON.

    Parameters
    ----------
    rules : of the policy
    frame : pd.DataFrame, shape (n_customers, any), with ``gap_median_days``
    purchases : buyers are places in `frame`; what lies after `as_of` is not looked at
    as_of : the day "today"
    decimals, least : see `purchases.summarize`
    since : the first day of which the money of `purchases` is right; None: of all

    Returns
    -------
    dict
        - ``as_of``: ISO date; ``asked``: what of the rules it depends on, see `holds`
        - ``horizon``: days of which the next order's chance is told
        - ``prediction``: see `prediction.fit`
        - ``step``: of the chances that are told, see `prediction.propose_step`
        - ``second``: see `second_order.fit`
    """
    return learn_parts(rules, [describe(frame, purchases, as_of, decimals, least=least, since=since)], as_of)


class Facts(NamedTuple):
    """What learning has to know of some customers."""

    gaps: np.ndarray  # known median gaps, days, float64
    summary: pd.DataFrame  # see `prediction.summarize`
    waiting: pd.DataFrame  # see `second_order.summarize`
    drawn: pd.Index  # ids of those of whom earlier days are looked at, see `prediction.draw`
    history: prediction.History  # theirs


def describe(
    frame: pd.DataFrame,
    purchases: Purchases,
    as_of: datetime.date,
    decimals: int,
    *,
    least: float = 0.0,
    since: datetime.date | None = None,
) -> Facts:
    """What learning has to know of the customers of a frame.

    Parameters
    ----------
    frame, purchases, as_of, decimals, least, since : as for `learn`
    """
    history = prediction.collect(purchases, decimals, least=least, since=since)
    drawn_history, drawn = prediction.draw(history, frame.index)
    return Facts(
        frame[schema.GAP_MEDIAN_DAYS].dropna().to_numpy(),
        prediction.summarize(history, frame.index, as_of),
        second_order.summarize(history, frame.index, as_of),
        drawn,
        drawn_history,
    )


def learn_parts(rules: PolicyRules, parts: Sequence[Facts], as_of: datetime.date) -> dict:
    """What `learn` makes of all customers together, from what is known of parts of them.

    Parameters
    ----------
    rules : of the policy
    parts : what `describe` returned of all customers, each of whom is in one part
    as_of : the day "today"
    """
    gaps = np.concatenate([part.gaps for part in parts])
    gap, horizon = _get_horizon(rules, pd.DataFrame({schema.GAP_MEDIAN_DAYS: gaps}))
    summary = _join_summaries([part.summary for part in parts])
    before = np.cumsum([0, *(len(part.drawn) for part in parts)])
    buyers = [part.history.buyer + start for part, start in zip(parts, before, strict=False)]
    days, money = (np.concatenate([part.history[place] for part in parts]) for place in (1, 2))
    history = prediction.History(np.concatenate(buyers), days, money)
    drawn = pd.Index(np.concatenate([part.drawn for part in parts]), dtype="int64")
    pasts = prediction.look_back(history, drawn, as_of, horizon)
    found = prediction.fit(summary, horizon, pasts, typical_gap=gap, discount=rules.outlook.discount / 100)
    found["as_of"] = as_of.isoformat()
    return {
        "as_of": as_of.isoformat(),
        "asked": _ask(rules),
        "horizon": horizon,
        "prediction": found,
        "step": prediction.propose_step(found, summary),
        "second": second_order.fit(pd.concat([part.waiting for part in parts])),
    }


def _join_summaries(summaries: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Of whom all money is known, that of all days with a purchase is."""
    if any(schema.BOUGHT_DAYS in summary for summary in summaries):
        summaries = [
            summary
            if schema.BOUGHT_DAYS in summary
            else summary.assign(**{schema.BOUGHT_DAYS: summary[schema.REPEAT_DAYS] + 1})
            for summary in summaries
        ]
    return pd.concat(summaries)


def try_out(
    rules: PolicyRules,
    frame: pd.DataFrame,
    purchases: Purchases,
    as_of: datetime.date,
    decimals: int,
    *,
    least: float = 0.0,
    since: datetime.date | None = None,
) -> dict:
    """What would have been foretold on earlier days, and what came.

    Parameters
    ----------
    rules, frame, purchases, as_of, decimals, least, since : as for `learn`

    Returns
    -------
    dict of plain values, for JSON

        - ``horizon``: days of which was told each time, and which were looked at
        - ``days``: list of what `forecasts.Forecast.to_json` returns, of each day on which something could be told,
          the latest first
        - ``grade``: of the latest; None: there is none
        - ``cannot_tell``: why there is none, ``{"code": …, "facts": {…}}``; None: there is one
    """
    gap, horizon = _get_horizon(rules, frame)
    history = prediction.collect(purchases, decimals, least=least, since=since)
    tried = forecasts.try_out(history, frame.index, as_of, horizon, typical_gap=gap)
    told = [forecast for forecast in tried if forecast.grade]
    return {
        "horizon": horizon,
        "days": [forecast.to_json() for forecast in told],
        "grade": forecasts.get_grade(told),
        "cannot_tell": None if told else _find_obstacle(history, frame.index, as_of, horizon, gap, tried),
    }


def _get_horizon(rules: PolicyRules, frame: pd.DataFrame) -> tuple[float | None, int]:
    """The usual gap of all, and for how many days is told."""
    gap = lifecycle.typical_gap(frame)
    return gap, rules.outlook.days or prediction.propose_horizon(gap)


def _find_obstacle(history, customers, as_of, horizon, gap, tried) -> dict:
    """Why nothing can be tested: what keeps from telling today, or else kept on the latest day."""
    summary = prediction.summarize(*prediction.draw(history, customers), as_of)
    today = prediction.fit(summary, horizon, typical_gap=gap)
    if today["cannot_tell"] or tried:
        return today["cannot_tell"] or tried[0].cannot_tell
    # Enough is known for telling, but not for longer than it would be told.
    needed = horizon + max(prediction.LEAST_LOOK, horizon // 3)
    facts = {"days": today["counts"]["history_days"], "needed": needed}
    return {"code": prediction.SHORT_HISTORY, "facts": facts}


def holds(outlook: dict, rules: PolicyRules, as_of: datetime.date) -> bool:
    """Whether what was learned on an earlier day still says what the rules ask on a day.

    >>> from .rules import CriterionRule, TierRule
    >>> rules = PolicyRules((CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5)
    >>> outlook = {"as_of": "2024-06-01", "asked": _ask(rules)}
    >>> [holds(outlook, rules, datetime.date(2024, 6, day)) for day in (1, 7, 8)], holds({}, rules, datetime.date.max)
    ([True, True, False], False)
    """
    if not outlook or outlook["asked"] != _ask(rules):
        return False
    age = (as_of - datetime.date.fromisoformat(outlook["as_of"])).days
    return 0 <= age < LEARNED_DAYS


def tells(outlook: dict | None) -> bool:
    """Whether anything is foretold by what was learned."""
    return bool(outlook) and outlook["prediction"]["cannot_tell"] is None


def summarize(frame: pd.DataFrame, as_of: datetime.date) -> pd.DataFrame:
    """What `prediction.apply` has to know of customers, from what is known of them anyway.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), as `purchases.summarize` returns it
    as_of : the day "today"

    Returns
    -------
    pd.DataFrame of float64, shape (n_customers, 5), same index, as `prediction.summarize` returns it, where the worth
        is that of the window

    Raises
    ------
    ValueError
        If the frame lacks ``bought_days``.

    >>> frame = pd.DataFrame(
    ...     {
    ...         "first_order_date": pd.to_datetime(["2024-06-01", None]),
    ...         "last_order_date": pd.to_datetime(["2024-06-08", None]),
    ...         "purchase_days": [3, 0],
    ...         "bought_days": [2, 0],
    ...         "amount": [50.0, 0.0],
    ...     }
    ... )
    >>> summarize(frame, datetime.date(2024, 6, 9)).to_numpy().tolist()
    [[2.0, 7.0, 8.0, 25.0, 2.0], [nan, nan, nan, nan, nan]]
    """
    if schema.BOUGHT_DAYS not in frame:
        raise ValueError(f"The frame of customers lacks the column {schema.BOUGHT_DAYS}.")
    first, last = schema.days(frame[schema.FIRST_ORDER_DATE]), schema.days(frame[schema.LAST_ORDER_DATE])
    ever = ~np.isnat(last)
    one_day = np.timedelta64(1, "D")
    paid = frame[schema.BOUGHT_DAYS].to_numpy(dtype="float64")
    columns = {
        schema.REPEAT_DAYS: frame[schema.PURCHASE_DAYS].to_numpy(dtype="float64") - 1,
        schema.SPAN_DAYS: (last - first) / one_day,
        schema.AGE_DAYS: (schema.day(as_of) - first) / one_day,
        schema.ORDER_VALUE: frame[schema.AMOUNT].to_numpy() / np.maximum(paid, 1) * (paid > 0),
        schema.BOUGHT_DAYS: paid,
    }
    return pd.DataFrame({name: np.where(ever, values, np.nan) for name, values in columns.items()}, index=frame.index)


def derive(outlook: dict | None, frame: pd.DataFrame, as_of: datetime.date) -> pd.DataFrame:
    """What is foretold of each customer, as it is told.

    Parameters
    ----------
    outlook : as `learn` returned it, or read from JSON; None: nothing was learned
    frame : pd.DataFrame, shape (n_customers, any), as `purchases.summarize` returns it
    as_of : the day "today"

    Returns
    -------
    pd.DataFrame, shape (n_customers, 9), same index; missing for who never bought, and where nothing can be told

        - ``order_percent``: float64, chance of an order within the horizon, percent, in steps
        - ``expected_orders``: float64, within the horizon, one decimal
        - ``expected_amount``, ``year_value``, ``year_value_low``, ``year_value_high``: float64, two digits
        - ``next_order_days``: float64, from today; missing: no order is expected within `MOST_DAYS`
        - ``next_order_date``: datetime64[s]
        - ``second_order_date``: datetime64[s], of who bought once: the day after which waiting for more is in vain
    """
    count = len(frame)
    nothing = np.full(count, np.datetime64("NaT"), dtype="datetime64[s]")
    found = {name: np.full(count, np.nan) for name in schema.FORETOLD}
    found |= {schema.NEXT_ORDER_DATE: nothing, schema.SECOND_ORDER_DATE: nothing}
    if outlook and outlook["second"]["in_vain_day"] is not None:
        once = (frame[schema.PURCHASE_DAYS] == 1).to_numpy()
        day = schema.days(frame[schema.FIRST_ORDER_DATE]) + np.timedelta64(outlook["second"]["in_vain_day"], "D")
        found[schema.SECOND_ORDER_DATE] = np.where(once, day.astype("datetime64[s]"), nothing)
    if tells(outlook):
        summary = summarize(frame, as_of)
        told = prediction.shown(prediction.apply(outlook["prediction"], summary), summary, as_of, step=outlook["step"])
        found |= {name: told[name].to_numpy() for name in schema.FORETOLD if name in told}
        found[schema.ORDER_PERCENT] = np.rint(100 * told[schema.ORDER_CHANCE].to_numpy())
        date = found[schema.NEXT_ORDER_DATE].astype("datetime64[D]")
        days = (date - schema.day(as_of)) / np.timedelta64(1, "D")
        near = days <= MOST_DAYS  # False where there is none
        found[schema.NEXT_ORDER_DATE] = np.where(near, found[schema.NEXT_ORDER_DATE], nothing)
        found[schema.NEXT_ORDER_DAYS] = np.where(near, days, np.nan)
    return pd.DataFrame(found, index=frame.index)


def _ask(rules: PolicyRules) -> list:
    """What is learned depends on this of the rules, and on nothing else of them."""
    return [prediction.VERSION, rules.outlook.days, rules.outlook.discount]
