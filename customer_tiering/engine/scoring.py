"""From the values of a metric to points, 0..100: fit a scale once, apply it often.

A `Scale` is fitted on a population and kept as JSON. The scores of a run are by definition
what the fitted scale gives, so that one customer, scored alone a day later by the same
scale, gets the same points as in the run.
"""

import dataclasses
import itertools
import math

import numpy as np
import pandas as pd

from .metrics import MEDIAN_ORDER, MONEY_DECIMALS, Metric
from .rules import BANDS, METHODS, PERCENTILE, POINTS, QUINTILE, CriterionRule

#: Points are multiples of a millionth: this hides the noise of floats, keeps interpolation
#: monotone to the last bit, and is exact enough to rank ten million customers.
POINT_DECIMALS = 6

#: A long percentile scale is thinned in cells of equal width in points. Their number is a
#: multiple of five, so that no cell crosses the border of a quintile.
CELLS = 5 * 205

#: A percentile scale never has more knots: two per cell.
MAX_KNOTS = 2 * CELLS


def midrank_percentile(values: pd.Series, *, higher_is_better: bool) -> pd.Series:
    """Percentile points by mid-rank: the share below plus half of the equals.

    Parameters
    ----------
    values : pd.Series of float64, shape (n_customers,), in the unit of the metric
    higher_is_better : False: the lowest value gets the most points

    Returns
    -------
    pd.Series of float64, shape (n_customers,), 0..100, both ends open; NaN where `values`
        is NaN. Equal values have equal points, and the mean of all points is 50.

    Notes
    -----
    ``100 (rank - 0.5) / n`` over the n known values, ties at their average rank: the
    plotting position of A. Hazen, "Storage to be provided in impounding reservoirs for
    municipal water supply", Trans. ASCE 77 (1914).

    >>> midrank_percentile(pd.Series([], dtype="float64"), higher_is_better=True).tolist()
    []
    >>> midrank_percentile(pd.Series([7.0]), higher_is_better=True).tolist()
    [50.0]
    >>> midrank_percentile(pd.Series([1.0, 1.0, 1.0, 9.0]), higher_is_better=True).tolist()
    [37.5, 37.5, 37.5, 87.5]
    >>> midrank_percentile(pd.Series([3.0, None, 400.0]), higher_is_better=False).tolist()
    [75.0, nan, 25.0]
    """
    rank = values.rank(method="average", ascending=higher_is_better)
    return 100 * (rank - 0.5) / values.notna().sum()


def quintile(points: pd.Series) -> pd.Series:
    """The fifth of the scale in which points lie, 5 is best.

    Parameters
    ----------
    points : pd.Series of float64, shape (n_customers,), 0..100

    Returns
    -------
    pd.Series of Int64, shape (n_customers,): 1 for [0, 20), 2 for [20, 40), … 5 for
        [80, 100]; NA where `points` is NaN

    >>> quintile(pd.Series([0.0, 19.9, 20.0, 79.9, 80.0, 100.0])).tolist()
    [1, 1, 2, 4, 5, 5]
    >>> quintile(pd.Series([59.99999999999999, None])).tolist()
    [4, <NA>]
    """
    fifth = points.round(POINT_DECIMALS) // 20 + 1
    return fifth.clip(upper=5).astype("Int64")


@dataclasses.dataclass(frozen=True)
class Scale:
    """The fitted mapping from the values of one metric to points.

    Parameters
    ----------
    method : 'percentile': straight lines between the knots, the end knots beyond them;
        'quintile': the fifth of that, as 0, 25, 50, 75 or 100 points;
        'bands': the knots cut the values into bands
    higher_is_better : which band a value on a cut belongs to: the better one, so bands are
        ``[cut, next cut)`` if True, ``(cut before, cut]`` if False
    knots : ascending values, in the unit of the metric
    points : 0..100; one per knot, or, for bands, one per band (one more than cuts)

    >>> cuts = Scale("bands", False, (30.0, 90.0), (100.0, 50.0, 0.0))
    >>> cuts.apply(pd.Series([0.0, 30.0, 31.0, 1e12, None])).tolist()
    [100.0, 100.0, 50.0, 0.0, 0.0]
    >>> line = Scale("percentile", True, (10.0, 30.0), (25.0, 75.0))
    >>> line.apply(pd.Series([-5.0, 10.0, 20.0, 30.0, 1e12, None])).tolist()
    [25.0, 25.0, 50.0, 75.0, 75.0, 0.0]
    >>> Scale.from_json(line.to_json()) == line
    True
    """

    method: str
    higher_is_better: bool
    knots: tuple[float, ...]
    points: tuple[float, ...]

    def __post_init__(self):
        expected = len(self.knots) + (self.method == BANDS)
        if self.method not in METHODS or not self.knots or len(self.points) != expected:
            raise ValueError(
                f"No scale: method {self.method!r} with {len(self.knots)} knots and "
                f"{len(self.points)} points; fit it again."
            )
        if not all(math.isfinite(number) for number in self.knots + self.points):
            raise ValueError("No scale: a knot or its points are not finite; fit it again.")
        if any(low > high for low, high in itertools.pairwise(self.knots)):
            raise ValueError("No scale: the knots do not ascend; fit it again.")

    def apply(self, values: pd.Series) -> pd.Series:
        """Points of `values`.

        Parameters
        ----------
        values : pd.Series of float64, shape (n_customers,), in the unit of the metric

        Returns
        -------
        pd.Series of float64, shape (n_customers,), 0..100, a multiple of 1e-6; 0 where the
            value is NaN: what is unknown earns nothing. A better value never has less.
        """
        points = pd.Series(self._points(values.to_numpy(dtype="float64")), index=values.index, dtype="float64")
        if self.method == QUINTILE:
            points = _quintile_points(points)
        return points.where(values.notna(), 0.0)

    def apply_one(self, value: float) -> float:
        """Points of a single value, as `apply` gives them.

        >>> Scale("percentile", True, (10.0, 30.0), (25.0, 75.0)).apply_one(20.0)
        50.0
        """
        if math.isnan(value):
            return 0.0
        if self.method == QUINTILE:
            return float(self.apply(pd.Series([value], dtype="float64")).iloc[0])
        return float(self._points(np.array([value], dtype="float64"))[0])

    def _points(self, numbers: np.ndarray) -> np.ndarray:
        if self.method == BANDS:
            return self._banded(numbers)
        return np.interp(numbers, self.knots, self.points).round(POINT_DECIMALS)

    def reach(self, points: float) -> float | None:
        """The least good value that has at least `points`: the inverse of `apply`.

        Parameters
        ----------
        points : 0..100

        Returns
        -------
        float, in the unit of the metric, or None where the scale never gives so many
            `apply` gives this value `points` or more, and less to any worse value, to the last bit
            of a float. Where every known value has so many it is the infinitely bad one: -inf with
            higher_is_better, else inf.

        Notes
        -----
        All points begin at a cut, which belongs to the better band, or between two knots. There the
        value is found by halving with the very interpolation of `apply`, because a straight line
        solved for the value would miss by the rounding of points to millionths.

        >>> line = Scale("percentile", True, (10.0, 30.0), (25.0, 75.0))
        >>> line.reach(25.0), line.reach(75.1)
        (-inf, None)
        >>> round(line.reach(50.0), 6), round(line.reach(75.0), 6)
        (20.0, 30.0)
        >>> cuts = Scale("bands", False, (30.0, 90.0), (100.0, 50.0, 0.0))
        >>> cuts.reach(51.0), cuts.reach(50.0), cuts.reach(0.0)
        (30.0, 90.0, inf)
        """
        from_worst = [-math.inf, *self.knots] if self.higher_is_better else [math.inf, *self.knots[::-1]]
        enough = self.apply(pd.Series(from_worst)).to_numpy() >= points
        if not enough.any():
            return None
        first = int(enough.argmax())
        if first == 0 or self.method == BANDS:
            return from_worst[first]
        if self.method == QUINTILE:
            points = 20 * math.ceil(points / 25)  # where the fifth begins
        return self._between(from_worst[first - 1], from_worst[first], points)

    def _between(self, low: float, high: float, points: float) -> float:
        """The least good value between two knots, of which `low` has too few of the `points`, and `high` enough."""
        knots, heights = np.asarray(self.knots), np.asarray(self.points)
        while (middle := low / 2 + high / 2) not in (low, high):
            if np.interp(middle, knots, heights).round(POINT_DECIMALS) >= points:
                high = middle
            else:
                low = middle
        return high

    def _banded(self, numbers: np.ndarray) -> np.ndarray:
        passed = np.searchsorted(self.knots, numbers, side="right" if self.higher_is_better else "left")
        return np.asarray(self.points)[passed]

    def to_json(self) -> dict:
        """The scale as a dict of plain strings, booleans and lists of floats."""
        return {
            "method": self.method,
            "higher_is_better": self.higher_is_better,
            "knots": list(self.knots),
            "points": list(self.points),
        }

    @classmethod
    def from_json(cls, data: dict) -> "Scale":
        """The scale that `to_json` wrote."""
        return cls(
            data["method"],
            data["higher_is_better"],
            tuple(data["knots"]),
            tuple(data["points"]),
        )


def fit_scale(
    values: pd.Series,
    metric: Metric,
    criterion: CriterionRule,
    *,
    small: bool,
    median_order: float | None,
) -> Scale:
    """Fit the scale of one metric on a population.

    Parameters
    ----------
    values : pd.Series of float64, shape (n_customers,), the metric's values, NaN: unknown
    metric : gives the direction
    criterion : gives the method and the cuts
    small : too few customers for ranks: use the bands, whatever the method
    median_order : money, see `metrics.median_order`, by which cuts of the unit
        'median_order' are multiplied; None, NaN or 0: such cuts are taken as they are

    Returns
    -------
    Scale
        Of the criterion's method, or of bands if `small` or if no value is known; points are what they
        are, and learn nothing. With
        at most ``MAX_KNOTS`` distinct values a percentile scale holds them all and is
        exact; with more, points of the population differ by less than 100/1024 from
        their mid-rank, and quintiles are exact.
    """
    known = values.dropna()
    if criterion.method == POINTS:
        return Scale(PERCENTILE, metric.higher_is_better, (0.0, 100.0), _ends(metric.higher_is_better))
    if small or known.empty or criterion.method == BANDS:
        return _fit_bands(metric, criterion, median_order)
    points = midrank_percentile(known, higher_is_better=metric.higher_is_better)
    knots, place = np.unique(known.to_numpy(), return_index=True)
    points = points.to_numpy()[place].round(POINT_DECIMALS)
    if len(knots) > MAX_KNOTS:
        kept = _ends_of_cells(points)
        knots, points = knots[kept], points[kept]
    return Scale(criterion.method, metric.higher_is_better, tuple(knots.tolist()), tuple(points.tolist()))


def _fit_bands(metric: Metric, criterion: CriterionRule, median_order: float | None) -> Scale:
    cuts = criterion.get_cuts(metric)
    if criterion.get_cut_unit(metric) == MEDIAN_ORDER and median_order is not None and median_order > 0:
        # Rounded, so that a value of 0.3 reaches a cut of 3 x 0.1.
        cuts = [round(cut * median_order, MONEY_DECIMALS) for cut in cuts]
    points = [round(100 * band / len(cuts), POINT_DECIMALS) for band in range(len(cuts) + 1)]
    if not metric.higher_is_better:
        points.reverse()
    return Scale(BANDS, metric.higher_is_better, tuple(float(cut) for cut in cuts), tuple(points))


def _ends(higher_is_better: bool) -> tuple[float, float]:
    return (0.0, 100.0) if higher_is_better else (100.0, 0.0)


def _ends_of_cells(points: np.ndarray) -> np.ndarray:
    """Where the first and the last of the points of each cell lie, for monotone `points`.

    Whatever lies between the ends of a cell differs from both by less than the width of
    the cell, also where many equal values make the points jump; that bounds the error of
    interpolation. The ends of a cell lie in one quintile, and so does all between them.

    >>> _ends_of_cells(np.array([0.01, 0.02, 0.03, 0.1, 99.0])).tolist()
    [0, 2, 3, 4]
    """
    cell = np.floor(points * CELLS / 100)
    last = np.flatnonzero(np.diff(cell))
    return np.unique(np.concatenate(([0], last, last + 1, [len(points) - 1])))


def _quintile_points(points: pd.Series) -> pd.Series:
    return 25.0 * (quintile(points) - 1).astype("float64")
