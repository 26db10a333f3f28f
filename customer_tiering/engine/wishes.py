"""From orders to what each customer wishes: something made for them, or soon."""

import numpy as np
import pandas as pd

from . import grouped, schema

#: Of the result.
COLUMNS = (schema.HURRIED_COUNT, schema.ORDERED_COUNT, schema.SPECIFIED_LINE_COUNT, schema.ORDERED_LINE_COUNT)


def summarize(
    customers: pd.Index,
    buyer: np.ndarray,
    hurried: np.ndarray,
    lines: np.ndarray,
    specified: np.ndarray,
) -> pd.DataFrame:
    """How many orders were in a hurry, and how many lines were made for the customer.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    buyer : of each order the place of the customer in `customers`, int, shape (n_orders,)
    hurried : it was to be delivered soon, bool, shape (n_orders,)
    lines, specified : lines of goods of the order, and those of them that were made for the customer, float64, whole,
        shape (n_orders,)

    Returns
    -------
    pd.DataFrame of int64, index = `customers`: ``hurried_count`` of ``ordered_count`` orders, and
        ``specified_line_count`` of ``ordered_line_count`` lines

    >>> orders = np.array([0, 0]), np.array([True, False]), np.array([3.0, 1.0]), np.array([2.0, 0.0])
    >>> summarize(pd.Index([7, 8]), *orders).to_numpy().tolist()
    [[1, 2, 2, 4], [0, 0, 0, 0]]
    """
    count = len(customers)
    sums = (
        np.bincount(buyer[hurried], minlength=count),
        np.bincount(buyer, minlength=count),
        grouped.sums(buyer, specified, count).astype("int64"),
        grouped.sums(buyer, lines, count).astype("int64"),
    )
    return pd.DataFrame(dict(zip(COLUMNS, sums, strict=True)), index=customers)
