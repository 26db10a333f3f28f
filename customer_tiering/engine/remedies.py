"""What would bring customers without a profit to zero: the smallest single change, and what it would bring of all.

A remedy changes one thing and leaves the rest alone: the customer buys as much as before. Its size is what is agreed on
with the customer: a least amount of an order, a share of the freight, a higher price, fewer hours, fewer days to pay.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import profit, schema

MINIMUM_ORDER = "minimum_order"
FREIGHT = "freight"
PRICE = "price"
MEETINGS = "meetings"
TERMS = "terms"
#: In the order in which equally small ones are preferred.
KINDS = (MINIMUM_ORDER, FREIGHT, PRICE, MEETINGS, TERMS)

#: Keys of the costs that come with each order, of the hours of meetings, and of what is owed.
PER_ORDER = ("order", "delivery")
PER_HOUR = "meeting_hour"
INTEREST = "interest"

#: Customers are alike whose amounts differ by this factor at most.
ALIKE = 2.0

#: A change of more than this part of what is today is out of the question.
MOST = 1.0


class Base(NamedTuple):
    """What remedies are reckoned from, arrays of float64 of shape (n_customers,)."""

    amount: np.ndarray
    orders: np.ndarray
    deficit: np.ndarray  # what is missing to zero, 0: nothing
    per_order: np.ndarray  # what one order costs, without its lines
    hours: np.ndarray
    per_hour: float
    days: np.ndarray  # to pay, NaN: unknown
    interest: np.ndarray  # what the receivables cost
    margin_percent: np.ndarray  # NaN: unknown
    decimals: int  # of the currency


def get_base(frame: pd.DataFrame, costs) -> Base:
    """What remedies are reckoned from.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), with ``amount``, ``served_order_count``, ``net_profit``,
        ``margin``, ``costed_amount``, ``meeting_hours``, ``days_to_pay`` and the columns of `costs`; NaN where nothing
        was measured
    costs : sequence of `profit.CostRule`
    """
    parts = profit.get_parts(frame, costs)
    orders = frame[schema.SERVED_ORDER_COUNT].fillna(0).to_numpy("float64")
    of_orders = sum((parts[key].to_numpy() for key in PER_ORDER if key in parts), np.zeros(len(frame)))
    costed = frame[schema.COSTED_AMOUNT].to_numpy("float64")
    margin = frame[schema.MARGIN].to_numpy("float64")
    return Base(
        frame[schema.AMOUNT].fillna(0).to_numpy("float64"),
        orders,
        -frame[schema.NET_PROFIT].fillna(0).to_numpy("float64").clip(None, 0),
        np.divide(of_orders, orders, out=np.zeros(len(frame)), where=orders > 0),
        frame[schema.MEETING_HOURS].fillna(0).to_numpy("float64"),
        next((rule.rate for rule in costs if rule.key == PER_HOUR), 0.0),
        frame[schema.DAYS_TO_PAY].to_numpy("float64"),
        parts[INTEREST].to_numpy() if INTEREST in parts else np.zeros(len(frame)),
        np.divide(100 * margin, costed, out=np.full(len(frame), np.nan), where=costed > 0),
        costs[0].decimals if costs else 2,
    )


def get_sizes(base: Base) -> dict[str, np.ndarray]:
    """The least size of each remedy that brings each customer to zero.

    Returns
    -------
    dict of np.ndarray of float64, shape (n_customers,), by kind; NaN: it does not, or there is nothing to bring

        - ``minimum_order``: the least amount of an order, in whole coins, when as few bring the same amount
        - ``freight``: what is charged for each order, in whole coins
        - ``price``: by how many percent prices rise
        - ``meetings``: the hours that are left
        - ``terms``: the days to pay that are left

    >>> one = pd.DataFrame({"amount": [1000.0], "served_order_count": [20], "net_profit": [-100.0], "margin": [200.0]})
    >>> one = one.assign(costed_amount=1000.0, meeting_hours=0.0, days_to_pay=None)
    >>> sizes = get_sizes(get_base(one.astype("float64"), [profit.CostRule("order", "served_order_count", 15.0)]))
    >>> {kind: size.item() for kind, size in sizes.items()}  # 7 orders less save 105
    {'minimum_order': 76.93, 'freight': 5.0, 'price': 10.0, 'meetings': nan, 'terms': nan}
    """
    needed = base.deficit > 0
    nothing = np.full(len(needed), np.nan)

    def where(condition, values):
        return np.where(needed & condition, values, nothing)

    with np.errstate(divide="ignore", invalid="ignore"):
        # As many whole orders less as bring enough; what is left is never below one.
        left = base.orders - np.ceil(np.round(base.deficit / base.per_order, 6))
        hours = base.hours - base.deficit / base.per_hour if base.per_hour else nothing
        days = base.days * (1 - base.deficit / base.interest)
        return {
            MINIMUM_ORDER: where((base.per_order > 0) & (left >= 1), _up(base.amount / left, base.decimals)),
            FREIGHT: where(base.orders > 0, _up(base.deficit / base.orders, base.decimals)),
            PRICE: where(base.amount > 0, _up(100 * base.deficit / base.amount, 1)),
            MEETINGS: where(hours >= 0, -_up(-hours, 1)),
            TERMS: where(days >= 0, np.floor(days + 1e-9)),
        }


def choose(base: Base) -> pd.DataFrame:
    """The smallest single change that brings each customer to zero.

    Changes are compared by their part of what is: of the usual order, of the price, of the hours and of the days.

    Returns
    -------
    pd.DataFrame, shape (n_customers, 3), RangeIndex: ``kind`` (object, one of `KINDS`, None: none does), ``size``
        (float64, see `get_sizes`), ``change`` (float64, the part, above 0)
    """
    sizes = get_sizes(base)
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = base.amount / base.orders
        changes = np.stack(
            [
                sizes[MINIMUM_ORDER] / usual - 1,
                sizes[FREIGHT] / usual,
                sizes[PRICE] / 100,
                1 - sizes[MEETINGS] / base.hours,
                1 - sizes[TERMS] / base.days,
            ]
        )
    changes = np.where(np.isfinite(changes) & (changes > 0) & (changes <= MOST), changes, np.inf)
    best = changes.argmin(axis=0)
    rows = np.arange(len(best))
    change = changes[best, rows]
    known = np.isfinite(change)
    kind = np.where(known, np.array(KINDS, dtype=object)[best], None)
    size = np.where(known, np.stack([sizes[name] for name in KINDS])[best, rows], np.nan)
    # Said to be object: else pandas takes it for text, of which nothing is NaN and not None.
    kind = pd.Series(kind, dtype=object)
    return pd.DataFrame({"kind": kind, "size": size, "change": np.where(known, change, np.nan)})


def count_alike(base: Base, rows: Sequence[int], chosen: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """How many customers of similar size there are, and how many of them live with the remedy already.

    Parameters
    ----------
    base : of all customers
    rows : the places of those that are asked about
    chosen : what `choose` returned of all customers

    Returns
    -------
    alike, living : np.ndarray of int, shape (n_rows,); of freight nobody knows who pays it: living is -1
    """
    alike, living = np.zeros(len(rows), dtype=int), np.full(len(rows), -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = base.amount / base.orders
    for place, row in enumerate(rows):
        kind, size = chosen["kind"].iat[row], chosen["size"].iat[row]
        amount = base.amount[row]
        similar = (base.amount >= amount / ALIKE) & (base.amount <= amount * ALIKE) & (base.amount > 0)
        similar[row] = False
        alike[place] = np.count_nonzero(similar)
        lives = {
            MINIMUM_ORDER: lambda size=size: usual >= size,
            MEETINGS: lambda size=size: base.hours <= size,
            TERMS: lambda size=size: base.days <= size,
            # As much margin as this customer would have: it pays as good a price.
            PRICE: lambda size=size, row=row: (
                base.margin_percent >= 100 * (base.margin_percent[row] + size) / (100 + size)
            ),
        }.get(kind)
        if lives:
            living[place] = np.count_nonzero(similar & lives())
    return alike, living


def simulate(base: Base, kind: str, size: float) -> np.ndarray:
    """What a remedy of one size would bring of each customer who lives otherwise today.

    Parameters
    ----------
    base : of the customers
    kind : one of `KINDS`
    size : as in `get_sizes`, above 0, or 0 hours or days

    Returns
    -------
    np.ndarray of float64, shape (n_customers,), money, 0 or more; 0: it changes nothing

    >>> one = pd.DataFrame({"amount": [1000.0], "served_order_count": [20], "net_profit": [-100.0], "margin": [200.0]})
    >>> one = one.assign(costed_amount=1000.0, meeting_hours=0.0, days_to_pay=None).astype("float64")
    >>> base = get_base(one, [profit.CostRule("order", "served_order_count", 15.0)])
    >>> [simulate(base, *remedy).item() for remedy in (("minimum_order", 76.93), ("minimum_order", 80), ("price", 10))]
    [105.0, 120.0, 100.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == MINIMUM_ORDER:
            left = np.maximum(np.floor(np.round(base.amount / size, 2)), 1)
            return np.where(base.orders > 0, (base.orders - np.minimum(left, base.orders)) * base.per_order, 0.0)
        if kind == FREIGHT:
            return base.orders * size
        if kind == PRICE:
            return base.amount.clip(0) * size / 100
        if kind == MEETINGS:
            return (base.hours - size).clip(0) * base.per_hour
        less = 1 - size / base.days
        return np.where(np.isfinite(less), less.clip(0, 1), 0.0) * base.interest


class Effect(NamedTuple):
    """What a remedy brings of all customers below zero together."""

    customers: int  # who would live otherwise
    gain: float  # money
    healed: int  # of them, who come to zero or above


def summarize(base: Base, kind: str, size: float) -> Effect:
    """The effect of a remedy of one size; the parameters are those of `simulate`.

    >>> one = pd.DataFrame({"amount": [1000.0], "served_order_count": [20], "net_profit": [-100.0], "margin": [200.0]})
    >>> one = one.assign(costed_amount=1000.0, meeting_hours=0.0, days_to_pay=None).astype("float64")
    >>> summarize(get_base(one, []), "price", 10)
    Effect(customers=1, gain=100.0, healed=1)
    """
    gain = np.where(base.deficit > 0, simulate(base, kind, size), 0)
    half = 0.5 * 10.0**-base.decimals  # of the smallest coin
    some = gain >= half
    healed = some & (gain >= base.deficit - half)
    return Effect(int(np.count_nonzero(some)), round(float(gain.sum()), base.decimals), int(np.count_nonzero(healed)))


def _up(values: np.ndarray, decimals: int) -> np.ndarray:
    """Rounded up to decimals, but for what a float adds."""
    scale = 10.0**decimals
    return np.ceil(np.round(values * scale, 4)) / scale
