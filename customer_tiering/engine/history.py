"""How many customers were where on each of several days, from the spans that they stayed."""

import pandas as pd

#: Of the spans.
SPANS = ("place", "first", "end", "customers", "amount")

#: Of the result.
COLUMNS = ("day", "place", "customers", "amount")


def sum_up(spans: pd.DataFrame, days: int) -> pd.DataFrame:
    """How many customers were in each place on each day, and what they count with.

    Parameters
    ----------
    spans : pd.DataFrame with `SPANS`: so many customers, with so much money together, were in a place from the day
        with number first on (included) until that with number end (excluded); a customer has no two spans on one day
    days : how many days there are, numbered from 0 on

    Returns
    -------
    pd.DataFrame with `COLUMNS`: int64, int64, int64, float64; a row for each day and place with customers, sorted

    >>> spans = pd.DataFrame([(7, 0, 2, 3, 30.0), (8, 1, 3, 1, 5.0), (7, 2, 3, 2, 25.0)], columns=list(SPANS))
    >>> sum_up(spans, 3)
       day  place  customers  amount
    0    0      7          3    30.0
    1    1      7          3    30.0
    2    1      8          1     5.0
    3    2      7          2    25.0
    4    2      8          1     5.0
    """
    there = [
        spans[(spans["first"] <= day) & (day < spans["end"])].groupby("place")[["customers", "amount"]].sum()
        for day in range(days)
    ]
    rows = pd.concat(there, keys=range(days), names=["day", "place"]).reset_index()
    kinds = {"day": "int64", "place": "int64", "customers": "int64", "amount": "float64"}
    return rows[rows["customers"] > 0].astype(kinds)[list(COLUMNS)].reset_index(drop=True)
