"""When second orders come, by plain Python and by what Kaplan and Meier say."""

import datetime
import json
import os
import random

import numpy as np
import pandas as pd
import pytest
from engine import prediction, schema, second_order
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from test_prediction import TODAY, Cdnow, history_of, ids


def frame(rows):
    return pd.DataFrame(rows, columns=[schema.WAITED_DAYS, schema.CAME_AGAIN]).astype(
        {schema.WAITED_DAYS: "float64", schema.CAME_AGAIN: bool}
    )


def plain(rows):
    """Kaplan and Meier, day by day, over the days for which 30 have been waited: how many have come by each."""
    left, share = 1.0, []
    for day in range(max(days for days, _ in rows) + 1):
        waiting = [again for days, again in rows if days >= day]
        if len(waiting) < 30:
            break
        came = sum(again for days, again in rows if days == day)
        left *= 1 - came / len(waiting)
        share.append(1 - left)
    return share


ROWS = st.lists(st.tuples(st.integers(1, 80), st.booleans()), min_size=60, max_size=150)


@given(ROWS)
def test_second_orders_are_those_of_plain_loops(rows):
    fit = second_order.fit(frame(rows))
    share = plain(rows)
    assert fit["second_orders"] == sum(again for _, again in rows)
    if fit["second_orders"] < 30:
        assert fit["cannot_tell"]["code"] == "few_second_orders"
        return
    usual, last = (
        next(day for day, come in enumerate(share) if come >= part * share[-1] - 1e-12) for part in (0.5, 0.9)
    )
    if last > 0.8 * (len(share) - 1):
        assert fit["cannot_tell"] == {"code": "too_early", "facts": {"days": len(share) - 1, "day": last}}
        assert fit["in_vain_day"] is None
    else:
        assert (fit["usual_day"], fit["in_vain_day"]) == (usual, last)
        assert fit["come_share"] == pytest.approx(share[-1])


def test_second_orders_share_is_that_of_scipy():
    lot = random.Random(3)
    rows = []
    for _ in range(500):
        gap, seen = lot.expovariate(1 / 30), lot.randint(1, 600)
        came = lot.random() < 0.6 and gap < seen
        rows.append((max(int(gap), 1) if came else seen, came))
    days, again = (np.array(column) for column in zip(*rows, strict=True))
    curve = stats.ecdf(stats.CensoredData.right_censored(days, ~again)).cdf
    fit = second_order.fit(frame(rows))
    assert fit["cannot_tell"] is None
    end = max(day for day in range(700) if (days >= day).sum() >= 30)
    assert fit["come_share"] == pytest.approx(curve.evaluate(end))
    assert curve.evaluate(fit["in_vain_day"]) >= 0.9 * curve.evaluate(end) - 1e-12
    assert curve.evaluate(fit["in_vain_day"] - 1) < 0.9 * curve.evaluate(end)


def test_second_orders_of_a_history():
    """The first comes again after 40 days, the second waits for 50, the third is to come."""
    history = history_of([(0, 90, 1.0), (0, 50, 1.0), (0, 1, 1.0), (1, 50, 1.0), (2, -5, 1.0)])
    found = second_order.summarize(history, ids(3), TODAY)
    assert found[schema.WAITED_DAYS].tolist() == pytest.approx([40, 50, np.nan], nan_ok=True)
    assert found[schema.CAME_AGAIN].tolist() == [True, False, False]
    fit = {"in_vain_day": 49}
    assert second_order.apply(fit, found).to_numpy().tolist() == [[False, False], [True, True], [False, False]]
    for day in (50, None):
        assert not second_order.apply({"in_vain_day": day}, found)[schema.IN_VAIN].any()


def test_second_orders_of_nobody_cannot_be_told():
    empty = second_order.summarize(history_of([]), ids(0), TODAY)
    fit = second_order.fit(empty)
    assert fit["cannot_tell"] == {"code": "few_second_orders", "facts": {"second_orders": 0, "needed": 30}}
    assert second_order.apply(json.loads(json.dumps(fit)), empty).empty
    once = frame([(days, False) for days in range(300)])
    assert second_order.fit(once)["cannot_tell"]["code"] == "few_second_orders"


def test_second_orders_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="'waited_days' is no such number for 1 of 2 customers"):
        second_order.fit(frame([(0, True), (0, False)]))


def test_second_orders_of_cdnow_by_what_came_later():
    """Of those who had waited in vain by the end of 1997, few came in the half-year after; of the others more did."""
    path = os.environ.get("CUSTOMER_TIERING_CDNOW")
    if not path:
        pytest.skip("CUSTOMER_TIERING_CDNOW must name the file CDNOW_sample.txt, as bin/test does.")
    data, day = Cdnow(path), datetime.date(1997, 12, 31)
    summary = second_order.summarize(data.history, data.customers, day)
    fit = second_order.fit(summary)
    told = second_order.apply(fit, summary)
    later = prediction.add_outcome(summary, data.history, day, 181)[schema.CAME_ORDERS] > 0
    print(f"\nCDNOW, {day}: {fit}; {later[told[schema.ONLY_ONCE]].mean():.1%} of those who bought once came")
    once = sum(len([each for each in days if each <= day]) == 1 for days in data.by_customer.values())
    assert told[schema.ONLY_ONCE].sum() == once
    if fit["cannot_tell"] is None:
        assert later[told[schema.IN_VAIN]].mean() < 0.10
