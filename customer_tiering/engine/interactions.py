"""From messages, activities and meetings to one row per customer."""

import datetime

import numpy as np
import pandas as pd

from . import grouped, schema

#: Of the sum of interactions that fade with age.
DECAY_DECIMALS = 6


def summarize(
    customers: pd.Index, who: np.ndarray, day: np.ndarray, as_of: datetime.date, window_days: int
) -> pd.DataFrame:
    """How many interactions each customer had, and when the last one was.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    who : place of the customer in `customers`, int, shape (n_interactions,)
    day : of the interaction, datetime64[D], shape (n_interactions,), as_of or earlier
    as_of : last day of the window (inclusive)
    window_days : length of the window, which is ``(as_of - window_days, as_of]``

    Returns
    -------
    pd.DataFrame, index = `customers`:

        - ``contact_count``: int64, interactions in the window
        - ``last_contact_date``: datetime64[s] of the whole history, NaT: never
        - ``contact_decay``: float64, interactions in the window, each counted 1 - age / window

    >>> days = np.array(["2024-06-30", "2024-06-25", "2020-01-01"], dtype="datetime64[D]")
    >>> summarize(pd.Index([7, 8]), np.array([0, 0, 1]), days, datetime.date(2024, 6, 30), 10).to_numpy().tolist()
    [[2, Timestamp('2024-06-30 00:00:00'), 1.5], [0, Timestamp('2020-01-01 00:00:00'), 0.0]]
    """
    count = len(customers)
    age = (schema.day(as_of) - day).astype("int64")
    recent = age < window_days
    contacts = np.bincount(who[recent], minlength=count)
    ages = np.bincount(who[recent], age[recent], count)

    youngest = np.full(count, np.iinfo("int64").max)
    np.minimum.at(youngest, who, age)
    last = np.full(count, np.datetime64("NaT"), dtype="datetime64[s]")
    known = youngest < np.iinfo("int64").max
    last[known] = schema.day(as_of) - youngest[known]
    return pd.DataFrame(
        {
            schema.CONTACT_COUNT: contacts,
            schema.LAST_CONTACT_DATE: last,
            schema.CONTACT_DECAY: grouped.rounded(contacts - ages / window_days, DECAY_DECIMALS),
        },
        index=customers,
    )
