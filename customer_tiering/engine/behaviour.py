"""When customers buy."""

import numpy as np
import pandas as pd

from . import grouped, schema

#: Of the result.
COLUMNS = (schema.TOP_WEEKDAY, schema.TOP_WEEKDAY_COUNT)

#: 1970-01-01, from which days are counted, was a Thursday.
_THURSDAY = 3


def summarize(customers: pd.Index, buyer: np.ndarray, day: np.ndarray) -> pd.DataFrame:
    """The weekday on which each customer buys most often.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    buyer : of each purchase of the window the place of the customer in `customers`, int, shape (n_purchases,)
    day : of the purchase, datetime64[D], shape (n_purchases,)

    Returns
    -------
    pd.DataFrame of float64, index = `customers`: ``top_weekday``, 1 Monday to 7 Sunday, among equals the first of the
        week, and ``top_weekday_count``, the purchases on it; NaN: none

    >>> days = np.array(["2026-06-29", "2026-06-22", "2026-06-30"], dtype="datetime64[D]")  # Mondays, and a Tuesday
    >>> summarize(pd.Index([7, 8]), np.array([0, 0, 0]), days).to_numpy().tolist()
    [[1.0, 2.0], [nan, nan]]
    """
    weekday = (day.astype("int64") + _THURSDAY) % 7 + 1
    group, pair = pd.factorize(grouped.pairs(buyer, weekday))
    top, most = grouped.top(*grouped.unpaired(pair), np.bincount(group, minlength=len(pair)), len(customers))
    return pd.DataFrame({schema.TOP_WEEKDAY: top, schema.TOP_WEEKDAY_COUNT: most}, index=customers)
