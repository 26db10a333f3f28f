"""The day's list: whom to see to first, and how many fit into the day."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def rank(occasions: pd.DataFrame | Mapping[str, Sequence], minutes_of_day: float) -> pd.DataFrame:
    """Put the reasons to see to customers in order, the most money for a minute first, and say which fit the day.

    A customer's place is that of its best reason, and its reasons stand together: one talk settles them all, so the
    talk takes as long as the longest of them. Going down the list each customer whose talk fits into what is left of
    the day is taken, and one whose talk does not fit is passed over. At least the first one is taken. Who brings the
    same for a minute comes in the order of ``customer``.

    :param occasions: one row per reason, a DataFrame with a unique index, or the columns by name, with

        ``customer``    what tells customers apart, sortable
        ``money``       float64, money at stake, of one currency; below 0, infinite or NaN counts as 0
        ``chance``      float64, the chance that it comes, 0 to 1; NaN counts as 0
        ``minutes``     minutes that it usually takes; less than 1 counts as 1
    :param minutes_of_day: how many minutes the day has for this
    :returns: a DataFrame with the same index, sorted, with

        ``position``    int64, from 1
        ``rate``        float64, money × chance ÷ minutes
        ``added``       int64, by how many minutes the reason makes the customer's talk longer; their sum is how long
                        the customers take
        ``is_today``    bool, whether its customer fits the day

    >>> occasions = pd.DataFrame(
    ...     {"customer": [7, 8, 7], "money": [100.0, 900.0, 50.0], "chance": [1.0, 0.5, 1.0], "minutes": [10, 30, 15]}
    ... )
    >>> rank(occasions, 30)
       position       rate  added  is_today
    1         1  15.000000     30      True
    0         2  10.000000     10     False
    2         3   3.333333      5     False
    """
    occasions = pd.DataFrame(occasions)
    money = np.nan_to_num(occasions["money"].to_numpy(float), posinf=0.0, neginf=0.0).clip(0)
    chance = np.nan_to_num(occasions["chance"].to_numpy(float)).clip(0, 1)
    minutes = np.maximum(occasions["minutes"].to_numpy("int64"), 1)
    found = pd.DataFrame(
        {"customer": occasions["customer"], "rate": money * chance / minutes, "minutes": minutes},
        index=occasions.index,
    )
    found["best"] = found.groupby("customer")["rate"].transform("max")
    # Stable: reasons that are alike stay as they came.
    found = found.sort_values(["best", "customer", "rate"], ascending=[False, True, False], kind="stable")
    longest = found.groupby("customer")["minutes"].cummax()
    before = longest.groupby(found["customer"]).shift(fill_value=0)
    added = (longest - before).astype("int64")
    talks = found.groupby("customer", sort=False)["minutes"].max()
    left, taken = float(minutes_of_day), set()
    for customer, talk in talks.items():
        if talk <= left or not taken:
            taken.add(customer)
            left -= talk
    return pd.DataFrame(
        {
            "position": np.arange(1, len(found) + 1),
            "rate": found["rate"],
            "added": added,
            "is_today": found["customer"].isin(taken),
        },
        index=found.index,
    )
