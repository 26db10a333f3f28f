"""From quotations and orders of any state to one row per customer."""

import numpy as np
import pandas as pd

from . import grouped, schema

#: Of the result.
COLUMNS = (
    schema.TOP_TEAM_ID,
    schema.TOP_TEAM_ORDER_COUNT,
    schema.PLACED_COUNT,
    schema.CONFIRMED_COUNT,
    schema.OPEN_QUOTATION_COUNT,
    schema.OPEN_QUOTATION_AMOUNT,
)


def summarize(
    customers: pd.Index,
    placed: tuple[np.ndarray, np.ndarray],
    bought: tuple[np.ndarray, np.ndarray],
    quoted: tuple[np.ndarray, np.ndarray],
    decimals: int,
) -> pd.DataFrame:
    """What each customer asked for, what became of it, and through whom.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    placed : quotations and orders of any state that are dated in the window, as two arrays, each of shape
        (n_placed,): place of the customer in `customers` (int), and whether it is confirmed (bool)
    bought : purchases of the window as two arrays: place of the customer, and id of the sales team (int, 0: none)
    quoted : quotations that are open as two arrays: place of the customer, and money (float64, finite)
    decimals : of the currency, to which sums of money are rounded

    Returns
    -------
    pd.DataFrame, index = `customers`, with the columns of ``schema.OPTIONAL_DTYPES`` about quotations and teams,
    in these dtypes. Among teams with equally many purchases the one with the smallest id is the top team.

    >>> none = np.array([], dtype=int), np.array([])
    >>> bought = np.array([0, 0, 0]), np.array([4, 4, 9])
    >>> found = summarize(pd.Index([7, 8]), (np.array([0, 1]), np.array([True, False])), bought, none, 2)
    >>> found[["top_team_id", "placed_count", "confirmed_count"]].to_numpy().tolist()
    [[4.0, 1.0, 1.0], [nan, 1.0, 0.0]]
    """
    count = len(customers)
    who, confirmed = placed
    buyer, team = bought
    known = team > 0
    group, pair = pd.factorize(grouped.pairs(buyer[known], team[known]))
    top, most = grouped.top(*grouped.unpaired(pair), np.bincount(group, minlength=len(pair)), count)
    return pd.DataFrame(
        {
            schema.TOP_TEAM_ID: top,
            schema.TOP_TEAM_ORDER_COUNT: most,
            schema.PLACED_COUNT: np.bincount(who, minlength=count),
            schema.CONFIRMED_COUNT: np.bincount(who[confirmed], minlength=count),
            schema.OPEN_QUOTATION_COUNT: np.bincount(quoted[0], minlength=count),
            schema.OPEN_QUOTATION_AMOUNT: grouped.rounded(grouped.sums(*quoted, count), decimals),
        },
        index=customers,
    )
