"""What is left of what customers bought: margin, cost to serve and net profit."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import grouped, schema
from .errors import RuleError

#: Of `summarize`.
COLUMNS = (
    schema.MARGIN,
    schema.COSTED_AMOUNT,
    schema.UNCOSTED_AMOUNT,
    schema.SERVED_ORDER_COUNT,
    schema.ORDER_LINE_COUNT,
    schema.RETURNED_ORDER_COUNT,
)

#: What is counted for costs is kept with so many decimals, and reckoned with as it is kept.
KEPT_DECIMALS = 6

#: Of `derive`.
DERIVED = (schema.COST_TO_SERVE, schema.NET_PROFIT)


@dataclasses.dataclass(frozen=True)
class CostRule:
    """What one more of something costs.

    Parameters
    ----------
    key : the caller's name of it
    column : of the frame: how much of it a customer had in the window, float or int, NaN: none
    rate : money of the company for one, finite, above 0
    decimals : of the company's currency, to which each cost is rounded, so that the parts add up

    Raises
    ------
    RuleError
        'bad_rate'; facts: cost and rate

    >>> CostRule("visit", "visits", -1.0)
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: bad_rate: cost='visit', rate=-1.0
    """

    key: str
    column: str
    rate: float
    decimals: int = 2

    def __post_init__(self):
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise RuleError("bad_rate", cost=self.key, rate=self.rate)


class Documents(NamedTuple):
    """The documents of a window, whole or in part."""

    buyer: np.ndarray  # of each the place of the customer, int
    money: np.ndarray  # what is left of it, float64; below 0: a return by a document of its own
    whole: np.ndarray  # what it was worth before anything came back, float64; 0: goods that were given away
    cost: np.ndarray  # what all its goods cost the company, float64
    uncosted: np.ndarray  # money of the goods of which no cost is known, float64
    lines: np.ndarray  # of goods, float64: of a document with several customers each has a part of them
    counted: np.ndarray  # whether its money counts, bool: too small ones are only served
    back: np.ndarray  # what the lines of which something came back are worth as far as it did, float64, 0: not known
    cost_back: np.ndarray  # what the goods of `back` cost, float64
    uncosted_back: np.ndarray  # money of the goods of `back` of which no cost is known, float64


def charge(
    document: np.ndarray, money: np.ndarray, cost: np.ndarray, quantity: np.ndarray, is_goods: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What the lines of each document come to.

    Of goods without a cost nobody knows what they cost; a discount has none, and fees such as freight need none. A
    discount by a line of its own is one on all goods of the document, also on those without a cost. A line that is
    worth nothing and costs nothing, or a discount, is nobody's work.

    Parameters
    ----------
    document : of each line the place of the document, int, 0..count-1, shape (n_lines,)
    money : float64, finite, same shape; below 0: a discount, or goods that come back
    cost : of its goods, float64, finite, same shape; 0: not known
    quantity : float64, finite, same shape; below 0: goods that come back
    is_goods : bool, same shape; else a fee, or a discount on fees
    count : number of documents

    Returns
    -------
    cost, uncosted, lines, money : four np.ndarray of float64, shape (count,): what all goods cost, money of goods
        without a cost, the number of lines of goods, and what all lines are worth; 0 of a document without lines

    >>> money, cost = np.array([30.0, 10.0, -8.0, 5.0]), np.array([20.0, 0.0, 0.0, 0.0])
    >>> goods = np.array([True, True, True, False])  # 10 have no cost, and a fifth of them are a discount
    >>> [of_all.tolist() for of_all in charge(np.zeros(4, dtype=int), money, cost, np.ones(4), goods, 1)]
    [[20.0], [8.0], [2.0], [37.0]]
    """

    def total(values, chosen=slice(None)):
        return grouped.sums(document[chosen], values[chosen], count)

    sold = is_goods & ((money > 0) | (quantity < 0))
    goods = total(money, sold)
    discount = total(money, is_goods & (cost == 0) & (money < 0) & (quantity >= 0))
    part = 1 + np.divide(discount, goods, out=np.zeros(count), where=goods > 0)
    uncosted = total(money, sold & (cost == 0)) * part.clip(0)
    lines = np.bincount(document[is_goods & ((money > 0) | (cost != 0) | (quantity < 0))], minlength=count)
    return total(cost), uncosted, lines.astype("float64"), total(money)


def summarize(
    customers: pd.Index, documents: Documents, rebates: tuple[np.ndarray, np.ndarray], decimals: int
) -> pd.DataFrame:
    """The margin of each customer, and how much work the orders were.

    Goods that came back cost nothing: what they cost is that of the lines that came back. What came back beyond them,
    of whatever line, takes cost along in the proportion of money. What has no cost is no margin; freight and other
    fees, which are no goods, are margin entirely.

    Parameters
    ----------
    customers : ids of all customers, int64, unique
    documents : of the window; all arrays of shape (n_documents,), finite
    rebates : of the window as two arrays: place of the customer, and money (float64, negative), of customers with
        purchases only
    decimals : of the currency, to which sums of money are rounded

    Returns
    -------
    pd.DataFrame, index = `customers`

        - ``margin``: float64, money, what was bought and not returned, less rebates, what the goods cost and what has
          no cost; NaN: of none of the goods that were bought a cost is known, whatever fees there were
        - ``costed_amount``, ``uncosted_amount``: float64, the money with and without a cost; without a margin nothing
          is with one
        - ``served_order_count``: int64, documents of 0 or more, whatever came back of them
        - ``order_line_count``: int64, their lines of goods
        - ``returned_order_count``: int64, those of which something came back

    >>> one = np.array([0, 0]), np.array([60.0, 100.0]), np.array([120.0, 100.0]), np.array([70.0, 0.0])
    >>> lines = np.array([2, 1]), np.array([True, True]), np.zeros(2), np.zeros(2), np.zeros(2)
    >>> documents = Documents(*one, np.array([0.0, 100.0]), *lines)
    >>> found = summarize(pd.Index([7, 8]), documents, (np.array([0]), np.array([-5.0])), 2)
    >>> found.T.to_dict("list")[7]  # 60 - 35 - 5; the 100 have no cost
    [20.0, 55.0, 100.0, 2.0, 3.0, 1.0]
    """
    count = len(customers)

    def total(values, chosen=documents.counted):
        return grouped.sums(documents.buyer[chosen], values[chosen], count)

    amount = total(documents.money) + grouped.sums(*rebates, count)
    uncosted = total(_get_left(documents, documents.uncosted, documents.uncosted_back))
    costed = amount - uncosted
    cost = total(_get_left(documents, documents.cost, documents.cost_back))
    margin = grouped.rounded(costed - cost, decimals)
    costed, uncosted = (grouped.rounded(values, decimals) for values in (costed, uncosted))
    unknown = (uncosted != 0) & (grouped.rounded(cost, decimals) == 0)
    margin[unknown], costed[unknown] = np.nan, 0
    served = documents.whole >= 0
    back = served & (documents.money < documents.whole)
    return pd.DataFrame(
        {
            schema.MARGIN: margin,
            schema.COSTED_AMOUNT: costed,
            schema.UNCOSTED_AMOUNT: uncosted,
            schema.SERVED_ORDER_COUNT: np.bincount(documents.buyer[served], minlength=count),
            schema.ORDER_LINE_COUNT: np.rint(
                np.bincount(documents.buyer[served], documents.lines[served], count)
            ).astype(int),
            schema.RETURNED_ORDER_COUNT: np.bincount(documents.buyer[back], minlength=count),
        },
        index=customers,
    )


def get_margins(documents: Documents) -> tuple[np.ndarray, np.ndarray]:
    """What is left of each document, by the rules of :func:`summarize`.

    Parameters
    ----------
    documents : all arrays of shape (n_documents,), finite

    Returns
    -------
    margin, uncosted : np.ndarray of float64, shape (n_documents,): money that is left after what the goods cost,
        without that of goods of which no cost is known, and that money; 0 of a document whose money does not count

    >>> one = np.array([0, 0]), np.array([60.0, 100.0]), np.array([120.0, 100.0]), np.array([70.0, 0.0])
    >>> lines = np.array([2, 1]), np.array([True, True]), np.zeros(2), np.zeros(2), np.zeros(2)
    >>> [values.tolist() for values in get_margins(Documents(*one, np.array([0.0, 100.0]), *lines))]
    [[25.0, 0.0], [0.0, 100.0]]
    """
    uncosted = _get_left(documents, documents.uncosted, documents.uncosted_back)
    cost = _get_left(documents, documents.cost, documents.cost_back)
    counted = documents.counted.astype("float64")
    return (documents.money - uncosted - cost) * counted, uncosted * counted


def _get_left(documents, values, values_back):
    """What is left of `values` of documents when the lines that came back have taken theirs along.

    No more is taken by lines than money came back: less was given for some of the goods than they were sold for.
    """
    returned = (documents.whole - documents.money).clip(0)
    known = np.minimum(documents.back, returned).clip(0)
    share = np.divide(known, documents.back, out=np.zeros(len(known)), where=documents.back > 0)
    rest = documents.whole - known
    left = np.divide(documents.money, rest, out=(documents.whole == 0).astype("float64"), where=rest != 0)
    # A return by a document of its own is below 0, and has no lines that came back.
    return (values - np.minimum(values_back * share, values.clip(0))) * left.clip(0, 1)


def get_parts(frame: pd.DataFrame, costs: Sequence[CostRule]) -> pd.DataFrame:
    """What serving each customer cost, part by part.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), with the column of each of `costs`
    costs : in any order

    Returns
    -------
    pd.DataFrame of float64, shape (n_customers, n_costs), same index: money by key, 0 or more

    Raises
    ------
    ValueError
        If the frame lacks a column.

    >>> get_parts(pd.DataFrame({"visits": [2.0, None]}), [CostRule("visit", "visits", 40.0)])["visit"].tolist()
    [80.0, 0.0]
    """
    absent = [rule.column for rule in costs if rule.column not in frame.columns]
    if absent:
        raise ValueError(f"The frame of {len(frame)} customers lacks the columns {', '.join(absent)} of costs.")
    parts = {rule.key: _reckon(frame[rule.column].fillna(0).to_numpy("float64"), rule) for rule in costs}
    return pd.DataFrame(parts, index=frame.index)


def get_cost(number: float, rule: CostRule) -> float:
    """What so much of something costs, by the arithmetic of `get_parts`.

    >>> get_cost(1.5, CostRule("visit", "visits", 33.33))
    50.0
    """
    return float(_reckon(np.array([number], dtype="float64"), rule)[0])


def _reckon(much: np.ndarray, rule: CostRule) -> np.ndarray:
    return grouped.rounded(much.clip(0).round(KEPT_DECIMALS) * rule.rate, rule.decimals)


def derive(frame: pd.DataFrame, costs: Sequence[CostRule]) -> dict[str, pd.Series]:
    """Cost to serve and net profit.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), with ``margin`` and the columns of `costs`
    costs : of one currency; none: serving costs nothing

    Returns
    -------
    dict of Series of float64, shape (n_customers,): ``cost_to_serve``, 0 or more, and ``net_profit``, NaN where the
        margin is

    Raises
    ------
    ValueError
        If the frame lacks a column.

    >>> found = derive(pd.DataFrame({"margin": [100.0, None], "visits": [2, 1]}), [CostRule("visit", "visits", 40.0)])
    >>> found["cost_to_serve"].tolist(), found["net_profit"].tolist()
    ([80.0, 40.0], [20.0, nan])
    """
    if schema.MARGIN not in frame.columns:
        raise ValueError(f"The frame of {len(frame)} customers lacks the column 'margin': let a source bring it.")
    decimals = costs[0].decimals if costs else 0
    cost = pd.Series(grouped.rounded(get_parts(frame, costs).to_numpy().sum(axis=1), decimals), index=frame.index)
    net = frame[schema.MARGIN] - cost
    return {schema.COST_TO_SERVE: cost, schema.NET_PROFIT: net.round(decimals) if costs else net}
