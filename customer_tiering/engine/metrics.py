"""What can be measured about a customer.

A `Metric` says how one number of a customer is to be read. The rules of a policy carry those that they
use (``PolicyRules.definitions``); where they come from, and what they are called, is the caller's matter.
"""

import dataclasses
import datetime
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from . import profit, schema
from .errors import RuleError

RECENCY = "recency"
FREQUENCY = "frequency"
MONETARY = "monetary"

# Units. What is counted has no parts; what is measured has.
DAYS = "days"
COUNT = "count"
MONEY = "money"
PERCENT = "percent"
TIMES = "times"
POINTS = "points"
YES_NO = "yes_no"
NUMBER = "number"
UNITS = (DAYS, COUNT, MONEY, PERCENT, TIMES, POINTS, YES_NO, NUMBER)

#: Units of which a part of one makes no sense.
WHOLE_UNITS = frozenset({DAYS, COUNT, YES_NO})

#: Units whose values are points as they are.
POINT_UNITS = frozenset({POINTS, PERCENT})

VALUE = "value"
MEDIAN_ORDER = "median_order"
BAND_UNITS = (VALUE, MEDIAN_ORDER)

# What an order placed today makes of a metric.
SAME = "same"
ONE_MORE = "one_more"
ITS_AMOUNT_MORE = "its_amount_more"
ZERO_AGAIN = "zero_again"
UNFORESEEN = "unforeseen"
AFTER_ORDER = (SAME, ONE_MORE, ITS_AMOUNT_MORE, ZERO_AGAIN, UNFORESEEN)

#: Averages of money are rounded to this many decimals, so that 0.3 / 3 equals 0.1 / 1.
MONEY_DECIMALS = 6

#: Percentages and ratios are rounded to this many decimals, so that they meet a limit that they
#: meet on paper: 100 (0.5 - 0.4) / 0.4 is 25.
RATIO_DECIMALS = 6

#: Growth is this at most, percent: ten times as much. Without an end, who bought for a trifle in the
#: earlier half would outgrow everybody, and who bought nothing in it would have no growth at all.
GROWTH_MOST = 900.0

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
    unit : one of `UNITS`
    bands : ascending cuts, the default bands of absolute scoring; None: a criterion must bring its own.
        A value on a cut belongs to the better band: with higher_is_better bands are closed below,
        ``[cut, next cut)``, else closed above, ``(cut before, cut]``.
    band_unit : 'value': the cuts are in `unit`; 'median_order': in multiples of the
        company's median order, which makes them work in any currency, see `median_order`
    higher_is_better : direction of the metric
    of_window : the metric adds up the purchases of the window. Who bought only before it has
        nothing to compare: 0 points, and no part in the ranks. (A mid-rank would lift
        hundreds of customers without a purchase in a year into the middle, because they
        tie with each other.)
    ages : the value counts the days since something, so it grows by itself. The explanation
        keeps the day instead: who shows it counts from there, and a customer of whom nothing is
        new keeps the same explanation from day to day.
    after_order : what an order placed today makes of it, one of `AFTER_ORDER`
    columns : columns that the frame needs for this metric beyond those of ``schema.DTYPES``;
        they are read only when a metric that names them is used
    choices : the values of a choice with their points, 0..100; the points are the metric's value
    part, whole : the metric is their ratio, both columns of the (derived) frame, which the frame then
        needs too; in percent where the unit says so. Unknown where the whole is not above 0

    Raises
    ------
    RuleError
        'bad_unit', 'bad_after_order', 'half_a_ratio', and what `check_bands` raises; facts: metric

    >>> Metric("age", "age", "days", (1, 2, 2, 3), higher_is_better=False)
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: cuts_not_rising: metric='age', cuts=(1, 2, 2, 3)
    """

    key: str
    column: str
    unit: str
    bands: tuple[float, ...] | None = None
    band_unit: str = VALUE
    higher_is_better: bool = dataclasses.field(kw_only=True)
    of_window: bool = dataclasses.field(default=False, kw_only=True)
    ages: bool = dataclasses.field(default=False, kw_only=True)
    after_order: str = dataclasses.field(default=UNFORESEEN, kw_only=True)
    columns: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)
    choices: tuple[tuple[str, float], ...] = dataclasses.field(default=(), kw_only=True)
    part: str | None = dataclasses.field(default=None, kw_only=True)
    whole: str | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self):
        if self.unit not in UNITS:
            raise RuleError("bad_unit", metric=self.key, unit=self.unit)
        if self.after_order not in AFTER_ORDER:
            raise RuleError("bad_after_order", metric=self.key, after_order=self.after_order)
        if bool(self.part) != bool(self.whole):
            raise RuleError("half_a_ratio", metric=self.key)
        if self.bands is not None:
            check_bands(self.bands, self.band_unit, self.key)

    @classmethod
    def from_json(cls, data: dict) -> "Metric":
        """The metric that ``dataclasses.asdict`` wrote, also after a round trip through JSON text."""
        return cls(
            **{
                **data,
                "bands": data["bands"] and tuple(data["bands"]),
                "columns": tuple(data["columns"]),
                "choices": tuple(tuple(choice) for choice in data["choices"]),
            }
        )

    @property
    def is_whole(self) -> bool:
        """Whether customers can have whole numbers only."""
        return self.unit in WHOLE_UNITS

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
                f"{len(frame)} customers lacks: let a source bring it."
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

    def unknown(self, frame: pd.DataFrame) -> pd.Series:
        """Of whom the metric is not known: Series of bool. Nothing bought in the window is a known nothing."""
        unknown = self.values(frame).isna()
        return unknown & (frame[schema.ORDER_COUNT] > 0) if self.of_window else unknown


def check_bands(bands: tuple[float, ...], band_unit: str, metric: str) -> None:
    """Refuse cuts that are no bands.

    Raises
    ------
    RuleError
        'no_cuts', 'cuts_not_finite', 'cuts_not_rising', 'bad_band_unit'; facts: metric, cuts or unit

    >>> check_bands((2, 3, 5, 10), "value", "frequency")
    >>> check_bands((), "value", "frequency")
    Traceback (most recent call last):
        ...
    engine.errors.RuleError: no_cuts: metric='frequency'
    """
    if not bands:
        raise RuleError("no_cuts", metric=metric)
    if not all(math.isfinite(cut) for cut in bands):
        raise RuleError("cuts_not_finite", metric=metric, cuts=bands)
    if any(low >= high for low, high in itertools.pairwise(bands)):
        raise RuleError("cuts_not_rising", metric=metric, cuts=bands)
    if band_unit not in BAND_UNITS:
        raise RuleError("bad_band_unit", metric=metric, unit=band_unit)


#: The three behind the segments, which the engine needs whatever a policy scores by. Rules may define them anew.
RFM = (
    Metric(
        RECENCY,
        schema.RECENCY_DAYS,
        DAYS,
        (30, 90, 180, 365),
        higher_is_better=False,
        ages=True,
        after_order=ZERO_AGAIN,
    ),
    Metric(
        FREQUENCY,
        schema.ORDER_COUNT,
        COUNT,
        (2, 3, 5, 10),
        higher_is_better=True,
        of_window=True,
        after_order=ONE_MORE,
    ),
    Metric(
        MONETARY,
        schema.AMOUNT,
        MONEY,
        (1, 2, 5, 10),
        MEDIAN_ORDER,
        higher_is_better=True,
        of_window=True,
        after_order=ITS_AMOUNT_MORE,
    ),
)


def needs_profit(definitions: Iterable[Metric]) -> bool:
    """Whether one of these metrics comes from what `profit.derive` adds."""
    return any(
        not {metric.column, metric.part, metric.whole, *metric.columns}.isdisjoint(profit.DERIVED)
        for metric in definitions
    )


def needed_columns(definitions: Iterable[Metric], costs: Sequence[profit.CostRule] = ()) -> frozenset[str]:
    """The columns beyond those of ``schema.DTYPES`` that a frame needs for these metrics.

    Parameters
    ----------
    definitions : metrics
    costs : what serving costs, which is needed where a metric comes from the net profit

    >>> share = Metric("share", "share", PERCENT, higher_is_better=True, part="wine", whole="amount")
    >>> visits = Metric("visits", "visits", COUNT, higher_is_better=True, columns=("visits",))
    >>> sorted(needed_columns([*RFM, share, visits]))
    ['visits', 'wine']
    >>> net = Metric("net", "net_profit", MONEY, higher_is_better=True)
    >>> sorted(needed_columns([net], [profit.CostRule("visit", "visits", 40.0)]))[-3:]
    ['served_order_count', 'uncosted_amount', 'visits']
    >>> needed_columns([])
    frozenset()
    """
    definitions, asked = list(definitions), set()
    for metric in definitions:
        asked.update(metric.columns, filter(None, (metric.part, metric.whole)))
    if needs_profit(definitions):
        asked.update(profit.COLUMNS, (rule.column for rule in costs))
    return frozenset(asked - schema.DTYPES.keys() - {*schema.DERIVED, *profit.DERIVED})


def derive(
    frame: pd.DataFrame,
    as_of: datetime.date,
    definitions: Iterable[Metric] = (),
    costs: Sequence[profit.CostRule] | None = None,
) -> pd.DataFrame:
    """Check the frame and add the metrics that follow from its columns.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), as `schema.check_frame` accepts it
    as_of : the day "today", at least the last day in the frame
    definitions : the metrics in use, whose ratios are added
    costs : what serving costs; None: nobody asks for the net profit

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
        - ``growth``: percent, -100 to `GROWTH_MOST`, see `growth`; NaN: no purchase in the window
        - ``days_since_contact``: days since the last interaction, NaN: never
        - with `costs`: ``cost_to_serve`` and ``net_profit``, see `profit.derive`
        - the column of each ratio among the `definitions`, NaN where the whole is not above 0

    Raises
    ------
    ValueError
        If the frame is refused, or lacks the part or the whole of a ratio.
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
    derived = frame.assign(
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
    )
    if costs is not None:
        derived = derived.assign(**profit.derive(derived, costs))
    ratios = {metric.column: _ratio(derived, metric) for metric in definitions if metric.part}
    return derived.assign(**ratios) if ratios else derived


def median_order(active: pd.DataFrame) -> float | None:
    """What an order of a customer in the middle is worth, the unit of bands of money.

    Parameters
    ----------
    active : pd.DataFrame, shape (n_customers, any), derived: the customers with a purchase in the window

    Returns
    -------
    float, money: the median of the customers' average orders; None if there is no customer

    Notes
    -----
    Of the customers, each of whom counts once, not of all orders: neither one huge order nor one customer who
    orders as often as all others together moves what the others are measured by, as they would move a mean.

    >>> median_order(pd.DataFrame({"average_order": [80.0, 100.0, 2e6]}))
    100.0
    >>> median_order(pd.DataFrame({"average_order": []})) is None
    True
    """
    median = float(active[schema.AVERAGE_ORDER].median())
    return None if math.isnan(median) else round(median, MONEY_DECIMALS)


def _ratio(frame: pd.DataFrame, metric: Metric) -> pd.Series:
    for column in (metric.part, metric.whole):
        if column not in frame.columns:
            raise ValueError(
                f"Metric {metric.key!r} is a ratio with the column {column!r}, which the frame of "
                f"{len(frame)} customers lacks: let a source bring it."
            )
    whole = frame[metric.whole]
    if metric.unit == PERCENT:
        return percentage(frame[metric.part], whole)
    return (frame[metric.part] / whole.where(whole > 0)).round(RATIO_DECIMALS)


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
    """By how much the money of the later half of the window differs from that of the earlier half.

    Parameters
    ----------
    late, early : pd.Series of float64, shape (n_customers,), money, 0 or more

    Returns
    -------
    pd.Series of float64, shape (n_customers,), percent of `early`: -100 (nothing late), -50 (half), 0 (equal),
        100 (twice as much), at most `GROWTH_MOST`, which is also where nothing was bought early; NaN: nothing at all

    >>> growth(pd.Series([0.5, 50.0, 5.0, 0.0, 0.0]), pd.Series([0.4, 100.0, 0.0, 5.0, 0.0])).tolist()
    [25.0, -50.0, 900.0, -100.0, nan]
    >>> growth(pd.Series([1000.0, 2000.0]), pd.Series([100.0, 100.0])).tolist()
    [900.0, 900.0]
    """
    change = percentage(late - early, early).clip(upper=GROWTH_MOST)
    return change.fillna(GROWTH_MOST).where((late > 0) | (early > 0))


def percentage(part: pd.Series, whole: pd.Series) -> pd.Series:
    """What percentage `part` is of `whole`; NaN where the whole is unknown or not above 0.

    >>> percentage(pd.Series([1, 2, 0]), pd.Series([3, 2, 0])).tolist()
    [33.333333, 100.0, nan]
    >>> percentage(pd.Series([], dtype="int64"), pd.Series([], dtype="int64")).tolist()
    []
    """
    return (part / whole.where(whole > 0) * 100).round(RATIO_DECIMALS)
