"""Groups of customers by k-means: fitted once, ordered by score, applied by the nearest centre.

scikit-learn finds the centres and is imported only then. To place a customer numpy is enough.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from .metrics import Metric

#: Of everything that is drawn at random; fixed, so that the same customers give the same clusters.
SEED = 20240630

#: Clusters are found among at most this many customers, drawn as if by lot, see `grouped.draw`.
MOST_CUSTOMERS = 500_000

#: Centres are searched with at most this many customers.
MAX_ROWS = 50_000

#: The quality of clusters is judged with at most this many customers: it compares each with each.
MAX_JUDGED = 1_000

#: Random populations to compare with.
REFERENCES = 10

#: Standardised features are rounded to this many decimals, so that the last bit of a logarithm, which
#: depends on the processor, neither makes two of one customer nor moves one across a border. Four, because
#: with ten million customers an outlier lies 3000 deviations out, and from there floats tell no finer.
FEATURE_DECIMALS = 4

#: One customer alone is no group of customers who resemble each other: a giant would take a cluster, and push all
#: others together into those that are left. So who is so many times the next one in some metric, at either end, is
#: placed in the clusters of the others and has no part in finding them. At each end at most this part of the customers
#: are giants, or one; nobody where there are fewer than `FEW`.
GIANT = 10.0
GIANT_SHARE = 0.01
FEW = 10

CENTRE_DECIMALS = 9
SILHOUETTE_DECIMALS = 6


@dataclasses.dataclass(frozen=True)
class Clusters:
    """Centres of groups of customers, and how to place a customer among them.

    Parameters
    ----------
    metrics : keys of the m metrics that are compared
    fills : m values that stand for unknown ones, in the unit of the metric
    means, scales : m numbers that standardise the logarithms; scales are above 0
    centres : per cluster m standardised coordinates, from the lowest to the highest mean score.
        None: nobody to learn from, everybody is in place 0
    asked : number of clusters wanted; there are fewer centres if fewer customers differ
    distinct : number of different customers, as far as these metrics tell
    silhouette : -1..1, mean over the customers of how much nearer they are to their own cluster than
        to the next; None: not defined, with one cluster or if every customer is a cluster
    chance : the silhouette below which clusters are no better than those of random points, None
        beside a silhouette of None
    bounds : m pairs of the lowest and the highest value of those among whom the clusters were found, in the unit of
        the metric; what lies beyond counts as these. None: nothing does, in fits of earlier versions
    drawn : among so many customers they were found; None: among all

    Raises
    ------
    ValueError
        If lengths differ or a number is not finite.

    Notes
    -----
    P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis", J. Comput. Appl. Math. 20 (1987).
    """

    metrics: tuple[str, ...]
    fills: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    centres: tuple[tuple[float, ...], ...]
    asked: int
    distinct: int
    silhouette: float | None = None
    chance: float | None = None
    bounds: tuple[tuple[float, float], ...] | None = None
    drawn: int | None = None

    def __post_init__(self):
        rows = (self.fills, self.means, self.scales, *self.centres, *zip(*self.bounds or (), strict=True))
        if any(len(row) != len(self.metrics) or not all(map(math.isfinite, row)) for row in rows):
            raise ValueError(f"No clusters: not every row has {len(self.metrics)} finite numbers; fit them again.")
        if any(scale <= 0 for scale in self.scales) or len(self.centres) > self.asked:
            raise ValueError("No clusters: a scale of 0, or more centres than wanted; fit them again.")

    @property
    def better_than_chance(self) -> bool:
        """Whether the customers really fall into groups, and are not only cut into pieces."""
        return self.silhouette is not None and self.silhouette > self.chance

    def places(self, customers: pd.DataFrame, compared: Sequence[Metric]) -> np.ndarray:
        """The clusters of customers.

        Parameters
        ----------
        compared : the metrics whose keys are `metrics`, in their order
        customers : pd.DataFrame, shape (n_customers, any), derived

        Returns
        -------
        np.ndarray of int64, shape (n_customers,): the place of the nearest centre, 0 is the
            lowest; between two equally near ones the lower

        Raises
        ------
        ValueError
            If the frame lacks the column of a metric.
        """
        values = np.column_stack([metric.comparable(customers) for metric in compared])
        values = np.where(np.isnan(values), self.fills, values)
        logs = _log(np.clip(values, *np.transpose(self.bounds)) if self.bounds else values)
        return _nearest(_standardised(logs, self.means, self.scales), np.array(self.centres))

    def to_json(self) -> dict:
        """The clusters as a dict that ``json.dumps`` writes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "Clusters":
        """The clusters that `to_json` wrote, also after a round trip through JSON text."""
        tuples = {name: tuple(data[name]) for name in ("metrics", "fills", "means", "scales")}
        bounds = data.get("bounds")  # absent in fits of earlier versions
        return cls(
            **{
                **data,
                **tuples,
                "centres": tuple(tuple(centre) for centre in data["centres"]),
                "bounds": bounds and tuple(tuple(pair) for pair in bounds),
            }
        )


def fit_clusters(
    compared: Sequence[Metric],
    customers: pd.DataFrame,
    score: pd.Series,
    count: int,
    left_out: Collection[str] = (),
) -> Clusters:
    """Find groups of customers by k-means on standardised logarithms.

    Parameters
    ----------
    compared : the metrics to compare, one or more
    customers : pd.DataFrame, shape (n_customers, any), derived: the population
    score : pd.Series of float64, shape (n_customers,), in hundredths, no NaN: what orders the clusters
    count : of clusters wanted, 1 or more
    left_out : keys of metrics that say nothing about a customer of whom they are not known

    Returns
    -------
    Clusters
        At most `count`, none for an empty population. The order of the rows does not matter. With more
        than ``MAX_ROWS`` different customers the centres come from an even sample.

    Raises
    ------
    ValueError
        If the frame lacks the column of a metric.

    Notes
    -----
    J. MacQueen, "Some methods for classification and analysis of multivariate observations", Proc. 5th
    Berkeley Symp. (1967), by scikit-learn's ``KMeans`` with ten starts (k-means++). Giants have no part
    in it, see `GIANT`. Unknown values count as the worst known one of the others, those of `left_out` as the median;
    logarithms, ``sign(x) log(1 + |x|)``, because amounts and counts span powers of ten.
    """
    # Imported here, because a policy without clusters shall not wait for it.
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    keys = tuple(metric.key for metric in compared)
    columns = [metric.comparable(customers) for metric in compared]
    among = ~np.any([_are_giants(column.to_numpy()) for column in columns], axis=0)
    if 2 * among.sum() >= len(among):  # else it is the rule here to lie apart
        columns, score = [column[among] for column in columns], score[among]
    bounds = tuple(_ends(column) for column in columns)
    fills = [
        _median(column) if metric.key in left_out else _worst(column, metric)
        for metric, column in zip(compared, columns, strict=True)
    ]
    if customers.empty:
        return Clusters(keys, tuple(fills), (0.0,) * len(keys), (1.0,) * len(keys), (), count, 0, bounds=bounds)
    logs = _log(np.column_stack([column.fillna(fill) for column, fill in zip(columns, fills, strict=True)]))
    # Sums of sorted numbers do not depend on the order of the rows.
    ascending = np.sort(logs, axis=0)
    means, scales = ascending.mean(axis=0), ascending.std(axis=0)
    scales = np.where(scales > 10.0**-CENTRE_DECIMALS, scales, 1.0)  # what is constant but for noise
    features = _standardised(logs, means, scales)
    rows = features[np.lexsort(features.T[::-1])]
    # One thread: several add up in an order of their own, which changes the last bits.
    with threadpool_limits(limits=1):
        centres = _ordered(_centres(rows, count), features, score)
        judged = rows[_evenly(len(rows), MAX_JUDGED)]
        silhouette = _silhouette(judged, _nearest(judged, centres))
        chance = None if silhouette is None else _chance(judged, len(centres))
    return Clusters(
        keys,
        tuple(fills),
        tuple(means.tolist()),
        tuple(scales.tolist()),
        tuple(tuple(centre) for centre in centres.tolist()),
        count,
        len(_distinct(rows)[0]),
        silhouette,
        chance,
        bounds,
    )


def _are_giants(values: np.ndarray) -> np.ndarray:
    """Which values lie apart from the others at either end, see `GIANT`; NaN does not.

    >>> _are_giants(np.array([1e9, 7, 6, 5, 4, 3, 2, 2, 1, np.nan, -100])).nonzero()[0].tolist()
    [0, 10]
    >>> _are_giants(np.array([70, 7, 6, 5, 4, 3, 2, 2, 1, 0])).any()  # hardly: logarithms are of 1 + 70 and 1 + 7
    np.False_
    >>> _are_giants(np.array([1e9, 7])).any(), _are_giants(np.array([])).any()
    (np.False_, np.False_)
    """
    logs = _log(values)
    known = np.sort(logs[~np.isnan(logs)])
    if len(known) < FEW:
        return np.zeros(len(values), dtype=bool)
    most = math.ceil(len(known) * GIANT_SHARE)
    return (logs < known[_apart(known[: most + 1])]) | (logs > known[-1 - _apart(-known[: -most - 2 : -1])])


def _apart(logs: np.ndarray) -> int:
    """How many of ascending logarithms, at the beginning, lie apart from the last one.

    >>> _apart(np.array([0.0, 0.1, 9.0])), _apart(np.array([0.0, 1.0])), _apart(np.array([5.0]))
    (2, 0, 0)
    """
    gaps = np.flatnonzero(np.diff(logs) > math.log(GIANT))
    return int(gaps[-1]) + 1 if len(gaps) else 0


def _ends(values: pd.Series) -> tuple[float, float]:
    """The lowest and the highest of the known values, 0 and 0 if none is known."""
    low, high = values.min(), values.max()
    return (0.0, 0.0) if pd.isna(low) else (float(low), float(high))


def _median(values: pd.Series) -> float:
    """The median of the known values, 0 if none is known."""
    median = values.median()
    return 0.0 if pd.isna(median) else float(median)


def _worst(values: pd.Series, metric: Metric) -> float:
    """The worst known value, 0 if none is known."""
    worst = values.min() if metric.higher_is_better else values.max()
    return 0.0 if pd.isna(worst) else float(worst)


def _log(values: np.ndarray) -> np.ndarray:
    """Logarithms that keep the sign and the order.

    >>> _log(np.array([-(np.e - 1), 0.0, np.e - 1])).round(9).tolist()
    [-1.0, 0.0, 1.0]
    """
    return np.sign(values) * np.log1p(np.abs(values))


def _standardised(logs: np.ndarray, means: Sequence[float], scales: Sequence[float]) -> np.ndarray:
    return ((logs - means) / scales).round(FEATURE_DECIMALS) + 0.0  # and no -0.0


def _nearest(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Places of the nearest centres, among equals the first; int64, shape (n_rows,).

    >>> _nearest(np.array([[0.0], [1.0], [1.1], [9.0]]), np.array([[0.0], [2.0]])).tolist()
    [0, 0, 1, 1]
    >>> _nearest(np.array([[5.0]]), np.array([])).tolist()
    [0]
    """
    place = np.zeros(len(features), dtype="int64")
    best = np.full(len(features), np.inf)
    for number, centre in enumerate(centres):
        # One centre and one column at a time: little memory, and one sum for one row as for a million.
        distance = sum((column - coordinate) ** 2 for column, coordinate in zip(features.T, centre, strict=True))
        nearer = distance < best
        place[nearer], best[nearer] = number, distance[nearer]
    return place


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different rows of sorted ones, and how often each occurs.

    >>> rows, counts = _distinct(np.array([[1, 2], [1, 2], [1, 3]]))
    >>> rows.tolist(), counts.tolist()
    ([[1, 2], [1, 3]], [2, 1])
    """
    first = np.flatnonzero(np.concatenate(([True], (rows[1:] != rows[:-1]).any(axis=1))))
    return rows[first], np.diff(first, append=len(rows))


def _evenly(size: int, most: int) -> np.ndarray:
    """At most `most` places out of `size`, evenly spread.

    >>> _evenly(3, 5).tolist(), _evenly(9, 3).tolist()
    ([0, 1, 2], [0, 4, 8])
    """
    return np.linspace(0, size - 1, min(size, most)).round().astype("int64")


def _centres(rows: np.ndarray, count: int) -> np.ndarray:
    """Centres of sorted rows, shape (at most count, m)."""
    distinct, counts = _distinct(rows)
    if len(distinct) > MAX_ROWS:
        distinct, counts = _distinct(rows[_evenly(len(rows), MAX_ROWS)])
    # Equal customers as one with a weight: the same centres, sooner.
    model = _kmeans(distinct, min(count, len(distinct)), counts)
    return model.cluster_centers_.round(CENTRE_DECIMALS) + 0.0


def _kmeans(rows: np.ndarray, count: int, weights: np.ndarray | None = None):
    from sklearn.cluster import KMeans  # noqa: PLC0415

    return KMeans(count, n_init=10, random_state=SEED).fit(rows, sample_weight=weights)


def _ordered(centres: np.ndarray, features: np.ndarray, score: pd.Series) -> np.ndarray:
    """The centres by the mean score of those who are nearest; without those to whom nobody is."""
    place = _nearest(features, centres)
    members = np.bincount(place, minlength=len(centres))
    # Sums of whole hundredths are exact, whatever the order of the rows.
    total = np.bincount(place, weights=np.rint(score * 100), minlength=len(centres))
    centres, mean = centres[members > 0], total[members > 0] / members[members > 0]
    return centres[np.lexsort((*centres.T[::-1], mean))]


def _silhouette(rows: np.ndarray, place: np.ndarray) -> float | None:
    from sklearn.metrics import silhouette_score  # noqa: PLC0415

    if not 1 < len(np.unique(place)) < len(rows):
        return None
    return round(float(silhouette_score(rows, place)), SILHOUETTE_DECIMALS)


def _chance(rows: np.ndarray, count: int) -> float:
    """The silhouette that clusters of as many random points seldom exceed.

    Notes
    -----
    Mean and two standard deviations of the clusters of points that are spread uniformly over the
    ranges of the features along their principal axes: the reference (b) of R. Tibshirani,
    G. Walther, T. Hastie, "Estimating the number of clusters in a data set via the gap statistic",
    J. R. Statist. Soc. B 63 (2001). Along the axes, because a single cloud of two features that go
    together, as frequency and money do, would beat every square.
    """
    centred = rows - rows.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(REFERENCES):
        points = random.uniform(turned.min(axis=0), turned.max(axis=0), size=turned.shape)
        found.append(_silhouette(points, _kmeans(points, count).labels_))
    return round(float(np.mean(found) + 2 * np.std(found, ddof=1)), SILHOUETTE_DECIMALS)
