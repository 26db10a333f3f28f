"""What can be measured about a customer, and the registry of metrics.

A glue addon adds a metric of its own by registering a `Metric` that names its columns and by
letting the reader provide them; nothing else has to change.
"""

import dataclasses
import datetime
import itertools
import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from . import schema

RECENCY = "recency"
FREQUENCY = "frequency"
MONETARY = "monetary"

VALUE = "value"
AVERAGE_ORDER = "average_order"
BAND_UNITS = (VALUE, AVERAGE_ORDER)

#: Averages of money are rounded to this many decimals, so that 0.3 / 3 equals 0.1 / 1.
MONEY_DECIMALS = 6

#: Percentages and ratios are rounded to this many decimals, so that they meet a limit that they
#: meet on paper: 100 (0.1 - 0.3) / (0.1 + 0.3) is -50.
RATIO_DECIMALS = 6

#: The gaps between fewer purchase days than this are no rhythm, so they are not regular either.
RHYTHM_DAYS = 3

_ONE_DAY = np.timedelta64(1, "D")


@dataclasses.dataclass(frozen=True)
class Metric:
    """One measurable property of a customer.

    Parameters
    ----------
    key : name of the metric in rules, results and explanations
    column : column of the (derived) frame that holds the value
    unit : what one is: 'days', 'orders', 'money', 'contacts', …
    bands : four ascending cuts, the default bands of absolute scoring. A value on a cut
        belongs to the better band: with higher_is_better bands are closed below,
        ``[cut, next cut)``, else closed above, ``(cut before, cut]``.
    band_unit : 'value': the cuts are in `unit`; 'average_order': in multiples of the
        company's average order, which makes them work in any currency
    higher_is_better : direction of the metric
    of_window : the metric adds up the purchases of the window. Who bought only before it has
        nothing to compare: 0 points, and no part in the ranks. (A mid-rank would lift
        hundreds of customers without a purchase in a year into the middle, because they
        tie with each other.)
    ages : the value counts the days since something, so it grows by itself. The explanation
        leaves it out: who shows it counts from the date, and a customer of whom nothing is
        new keeps the same explanation from day to day.
    columns : columns that the frame needs for this metric beyond those of ``schema.DTYPES``;
        they are read only when a metric that names them is used

    >>> Metric("age", "age", "days", (1, 2, 2, 3), higher_is_better=False)
    Traceback (most recent call last):
        ...
    ValueError: Metric 'age': the bands must rise strictly, they are (1, 2, 2, 3).
    """

    key: str
    column: str
    unit: str
    bands: tuple[float, float, float, float]
    band_unit: str = VALUE
    higher_is_better: bool = dataclasses.field(kw_only=True)
    of_window: bool = dataclasses.field(default=False, kw_only=True)
    ages: bool = dataclasses.field(default=False, kw_only=True)
    columns: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)

    def __post_init__(self):
        check_bands(self.bands, self.band_unit, f"Metric {self.key!r}")
        if len(self.bands) != 4:
            raise ValueError(f"Metric {self.key!r}: give four cuts, for scores from 1 to 5, not {len(self.bands)}.")

    def values(self, frame: pd.DataFrame) -> pd.Series:
        """The metric's values: Series of float64, shape (n_customers,), NaN: unknown.

        Raises
        ------
        ValueError
            If the column is absent, not numeric, or infinite for some customers.
        """
        if self.column not in frame.columns:
            raise ValueError(
                f"Metric {self.key!r} reads the column {self.column!r}, which the frame of "
                f"{len(frame)} customers lacks: let the reader add it."
            )
        values = frame[self.column]
        if not pd.api.types.is_numeric_dtype(values):
            raise ValueError(
                f"Metric {self.key!r} reads the column {self.column!r}, which must be "
                f"numeric for all {len(frame)} customers, but has dtype {values.dtype}."
            )
        values = values.astype("float64")
        schema.check_finite(values)
        return values

    def comparable(self, frame: pd.DataFrame) -> pd.Series:
        """The values that take part in scoring: like `values`, and NaN where `of_window` says so."""
        values = self.values(frame)
        return values.where(frame[schema.ORDER_COUNT] > 0) if self.of_window else values


def check_bands(bands: tuple[float, ...], band_unit: str, owner: str) -> None:
    """Refuse cuts that are no bands: none at all, not finite, not strictly ascending.

    >>> check_bands((2, 3, 5, 10), "value", "Metric 'frequency'")
    >>> check_bands((), "value", "Criterion 'frequency'")
    Traceback (most recent call last):
        ...
    ValueError: Criterion 'frequency': give at least one cut between two bands.
    """
    if not bands:
        raise ValueError(f"{owner}: give at least one cut between two bands.")
    if not all(math.isfinite(cut) for cut in bands):
        raise ValueError(f"{owner}: the bands must be finite numbers, they are {bands}.")
    if any(low >= high for low, high in itertools.pairwise(bands)):
        raise ValueError(f"{owner}: the bands must rise strictly, they are {bands}.")
    if band_unit not in BAND_UNITS:
        raise ValueError(f"{owner}: the band unit must be one of {BAND_UNITS}, not {band_unit!r}.")


#: The metrics of the engine itself, in the order in which they are offered.
BUILT_IN = (
    Metric(RECENCY, schema.RECENCY_DAYS, "days", (30, 90, 180, 365), higher_is_better=False, ages=True),
    Metric(FREQUENCY, schema.ORDER_COUNT, "orders", (2, 3, 5, 10), higher_is_better=True, of_window=True),
    Metric(MONETARY, schema.AMOUNT, "money", (1, 2, 5, 10), AVERAGE_ORDER, higher_is_better=True, of_window=True),
    Metric(
        "average_order",
        schema.AVERAGE_ORDER,
        "money",
        (0.5, 1, 1.5, 3),
        AVERAGE_ORDER,
        higher_is_better=True,
    ),
    Metric("gap_mean", schema.GAP_MEAN_DAYS, "days", (14, 30, 60, 120), higher_is_better=False),
    Metric("gap_median", schema.GAP_MEDIAN_DAYS, "days", (14, 30, 60, 120), higher_is_better=False),
    Metric("contacts", schema.CONTACT_COUNT, "contacts", (1, 3, 6, 12), higher_is_better=True),
    Metric(
        "contact_recency",
        schema.DAYS_SINCE_CONTACT,
        "days",
        (14, 30, 60, 120),
        higher_is_better=False,
        ages=True,
    ),
    Metric("tenure", schema.TENURE_DAYS, "days", (90, 365, 730, 1825), higher_is_better=True, ages=True),
    Metric("regularity", schema.GAP_REGULARITY, "%", (40, 50, 60, 75), higher_is_better=True),
    Metric("lateness", schema.LATENESS, "times", (0.5, 1, 2, 4), higher_is_better=False, ages=True),
    Metric("growth", schema.GROWTH, "%", (-50, -10, 10, 50), higher_is_better=True),
    Metric(
        "categories",
        schema.CATEGORY_COUNT,
        "categories",
        (2, 3, 4, 6),
        higher_is_better=True,
        of_window=True,
        columns=(schema.CATEGORY_COUNT,),
    ),
    Metric(
        "category_share",
        schema.TOP_CATEGORY_SHARE,
        "%",
        (40, 60, 80, 95),
        higher_is_better=False,
        columns=(schema.TOP_CATEGORY_ID, schema.TOP_CATEGORY_AMOUNT, schema.CATEGORY_AMOUNT),
    ),
    Metric(
        "repurchase_rate",
        schema.REPURCHASE_RATE,
        "%",
        (10, 25, 50, 75),
        higher_is_better=True,
        of_window=True,
        columns=(schema.PRODUCT_COUNT, schema.REPEATED_PRODUCT_COUNT),
    ),
    Metric(
        "discount_share",
        schema.DISCOUNT_SHARE,
        "%",
        (2, 5, 10, 20),
        higher_is_better=False,
        columns=(schema.LIST_AMOUNT, schema.DISCOUNT_AMOUNT),
    ),
    Metric(
        "team_share",
        schema.TOP_TEAM_SHARE,
        "%",
        (40, 60, 80, 95),
        higher_is_better=False,
        columns=(schema.TOP_TEAM_ID, schema.TOP_TEAM_ORDER_COUNT),
    ),
    Metric(
        "conversion",
        schema.CONVERSION_RATE,
        "%",
        (20, 40, 60, 80),
        higher_is_better=True,
        columns=(schema.PLACED_COUNT, schema.CONFIRMED_COUNT),
    ),
    Metric(
        "open_quotations",
        schema.OPEN_QUOTATION_COUNT,
        "quotations",
        (1, 2, 3, 5),
        higher_is_better=True,
        columns=(schema.OPEN_QUOTATION_COUNT, schema.OPEN_QUOTATION_AMOUNT),
    ),
    Metric(
        "contact_decay",
        schema.CONTACT_DECAY,
        "contacts",
        (0.5, 1.5, 3, 6),
        higher_is_better=True,
        columns=(schema.CONTACT_DECAY,),
    ),
    Metric(
        "overdue_activities",
        schema.OVERDUE_ACTIVITY_COUNT,
        "activities",
        (0, 1, 2, 4),
        higher_is_better=False,
        columns=(schema.OVERDUE_ACTIVITY_COUNT,),
    ),
)

#: Derived percentages: part and whole, each a column of the frame.
_PERCENTAGES = {
    schema.TOP_CATEGORY_SHARE: (schema.TOP_CATEGORY_AMOUNT, schema.CATEGORY_AMOUNT),
    schema.TOP_TEAM_SHARE: (schema.TOP_TEAM_ORDER_COUNT, schema.ORDER_COUNT),
    schema.DISCOUNT_SHARE: (schema.DISCOUNT_AMOUNT, schema.LIST_AMOUNT),
    schema.REPURCHASE_RATE: (schema.REPEATED_PRODUCT_COUNT, schema.PRODUCT_COUNT),
    schema.CONVERSION_RATE: (schema.CONFIRMED_COUNT, schema.PLACED_COUNT),
}

_registry: dict[str, Metric] = {metric.key: metric for metric in BUILT_IN}


def register(metric: Metric) -> Metric:
    """Make `metric` known under its key, and return it; repeating it changes nothing.

    Raises
    ------
    ValueError
        If the key already stands for a different metric.
    """
    known = _registry.setdefault(metric.key, metric)
    if known != metric:
        raise ValueError(f"Metric {metric.key!r} is already registered as {known}: choose another key.")
    return known


def get(key: str) -> Metric:
    """The metric registered under `key`.

    >>> get("recency").higher_is_better
    False
    >>> get("recensy")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: There is no metric 'recensy': choose one of recency, frequency, monetary, ...
    """
    if key not in _registry:
        raise ValueError(f"There is no metric {key!r}: choose one of {', '.join(_registry)}.")
    return _registry[key]


def all_metrics() -> tuple[Metric, ...]:
    """All registered metrics, in the order of registration."""
    return tuple(_registry.values())


def needed_columns(keys: Iterable[str]) -> frozenset[str]:
    """The columns beyond those of ``schema.DTYPES`` that a frame needs for these metrics.

    >>> sorted(needed_columns(["recency", "discount_share"]))
    ['discount_amount', 'list_amount']
    >>> needed_columns([])
    frozenset()
    """
    return frozenset(column for key in keys for column in get(key).columns)


def derive(frame: pd.DataFrame, as_of: datetime.date) -> pd.DataFrame:
    """Check the frame and add the metrics that follow from its columns.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), as `schema.check_frame` accepts it
    as_of : the day "today", at least the last day in the frame

    Returns
    -------
    pd.DataFrame
        A new frame: all columns of `frame` and, added or replaced, as float64

        - ``recency_days``: days since the last purchase, 0 on the day itself, NaN: never
        - ``tenure_days``: days since the first purchase, NaN: never
        - ``average_order``: gross money per purchase of the window, NaN: none
        - ``gap_mean_days``: mean days between consecutive purchase days, NaN: below two
        - ``gap_regularity``: percent, above 0 to 100 (all gaps equal), see `regularity`;
          NaN: below three purchase days
        - ``lateness``: days since the last purchase in multiples of the median gap, NaN: no gap
        - ``growth``: percent, -100 to 100, see `growth`; NaN: no purchase in the window
        - ``days_since_contact``: days since the last contact, NaN: never
        - where the frame has both columns from which they follow, as percent and NaN where
          the whole is not above 0: ``top_category_share``, ``top_team_share``,
          ``discount_share``, ``repurchase_rate``, ``conversion_rate``

    Raises
    ------
    ValueError
        If the frame is refused.
    """
    schema.check_frame(frame, as_of)
    today = schema.day(as_of)
    first = schema.days(frame[schema.FIRST_ORDER_DATE])
    last = schema.days(frame[schema.LAST_ORDER_DATE])
    contact = schema.days(frame[schema.LAST_CONTACT_DATE])
    recency = (today - last) / _ONE_DAY
    orders = frame[schema.ORDER_COUNT]
    purchase_days = frame[schema.PURCHASE_DAYS]
    average_order = frame[schema.GROSS_AMOUNT] / orders.where(orders > 0)
    gap_mean = (last - first) / _ONE_DAY / (purchase_days - 1).where(purchase_days > 1)
    gap_median = frame[schema.GAP_MEDIAN_DAYS]
    rhythm = purchase_days >= RHYTHM_DAYS
    return frame.assign(
        **{
            schema.RECENCY_DAYS: recency,
            schema.TENURE_DAYS: (today - first) / _ONE_DAY,
            schema.AVERAGE_ORDER: average_order.round(MONEY_DECIMALS),
            schema.GAP_MEAN_DAYS: gap_mean,
            schema.GAP_REGULARITY: regularity(gap_mean, frame[schema.GAP_STD_DAYS]).where(rhythm),
            schema.LATENESS: (recency / gap_median.where(gap_median > 0)).round(RATIO_DECIMALS),
            schema.GROWTH: growth(frame[schema.AMOUNT_LATE], frame[schema.AMOUNT_EARLY]),
            schema.DAYS_SINCE_CONTACT: (today - contact) / _ONE_DAY,
        },
        **{
            column: percentage(frame[part], frame[whole])
            for column, (part, whole) in _PERCENTAGES.items()
            if part in frame.columns and whole in frame.columns
        },
    )


def regularity(gap_mean: pd.Series, gap_std: pd.Series) -> pd.Series:
    """How alike the gaps between purchase days are: 100 / (1 + coefficient of variation).

    Parameters
    ----------
    gap_mean, gap_std : pd.Series of float64, shape (n_customers,), mean and population standard
        deviation of the gaps, days, NaN: unknown

    Returns
    -------
    pd.Series of float64, shape (n_customers,), percent, above 0 to 100; NaN: unknown. 100: all
        gaps are equal; 50: they vary as much as if purchases came by pure chance.

    >>> regularity(pd.Series([30.0, 30.0, 20.0, None]), pd.Series([0.0, 30.0, 5.0, None])).tolist()
    [100.0, 50.0, 80.0, nan]
    """
    return (100 / (1 + gap_std / gap_mean.where(gap_mean > 0))).round(RATIO_DECIMALS)


def growth(late: pd.Series, early: pd.Series) -> pd.Series:
    """How the money of the later half of the window compares with that of the earlier half.

    Parameters
    ----------
    late, early : pd.Series of float64, shape (n_customers,), money, 0 or more

    Returns
    -------
    pd.Series of float64, shape (n_customers,), percent of their sum: -100 (nothing late) to 100
        (nothing early), 0: equal; NaN: nothing at all

    >>> growth(pd.Series([300.0, 0.1, 5.0, 0.0, 0.0]), pd.Series([100.0, 0.3, 0.0, 5.0, 0.0])).tolist()
    [50.0, -50.0, 100.0, -100.0, nan]
    """
    return percentage(late - early, late + early)


def percentage(part: pd.Series, whole: pd.Series) -> pd.Series:
    """What percentage `part` is of `whole`; NaN where the whole is unknown or not above 0.

    >>> percentage(pd.Series([1, 2, 0]), pd.Series([3, 2, 0])).tolist()
    [33.333333, 100.0, nan]
    >>> percentage(pd.Series([], dtype="int64"), pd.Series([], dtype="int64")).tolist()
    []
    """
    return (part / whole.where(whole > 0) * 100).round(RATIO_DECIMALS)
