"""The parts of a score: the score is their sum, so explaining it is no second computation."""

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

#: Parts are summed as whole millionths of a hundredth of a point, which no order of
#: summation and no float can blur.
_MILLION = 1_000_000

#: Whole numbers below this are written without a decimal point.
_PLAIN = 2.0**53

#: Of the points that are told. Whenever a customer comes or goes, the points of all move by a little;
#: what a person would not see shall not make all customers be written anew.
TOLD_DECIMALS = 1


def contributions(points: pd.DataFrame, weights: Mapping[str, float]) -> tuple[pd.Series, pd.DataFrame]:
    """The weighted mean of the points, and what each metric contributes to it.

    Parameters
    ----------
    points : pd.DataFrame of float64, shape (n_customers, n_metrics), 0..100; NaN: left out, so that the
        other metrics share its weight, in the ratio of their own
    weights : of every column of `points`, 0 or more, with a positive sum

    Returns
    -------
    score : pd.Series of float64, shape (n_customers,), 0..100, rounded half up to hundredths
    parts : pd.DataFrame of float64, shape (n_customers, n_metrics), hundredths; each row sums
        exactly to its score. The hundredths that rounding leaves over go to the largest
        remainders, among equals to the metric that comes first. What is left out contributes 0; where
        that is all that has a weight, the score is 0.

    Raises
    ------
    ValueError
        If points lie outside 0..100.

    >>> thirds = pd.DataFrame({"r": [100.0, 50.0], "f": [100.0, 0.0], "m": [100.0, 0.25]})
    >>> score, parts = contributions(thirds, {"r": 1, "f": 1, "m": 1})
    >>> score.tolist(), parts.to_numpy().tolist()
    ([100.0, 16.75], [[33.34, 33.33, 33.33], [16.67, 0.0, 0.08]])
    >>> known = pd.DataFrame({"r": [80.0, None], "f": [20.0, 20.0], "m": [None, None]}, dtype="float64")
    >>> score, parts = contributions(known, {"r": 3, "f": 1, "m": 4})  # (3 x 80 + 20) / 4, and 20 alone
    >>> score.tolist(), parts.to_numpy().tolist()
    ([65.0, 20.0], [[60.0, 5.0, 0.0], [0.0, 20.0, 0.0]])
    """
    _check_points(points)
    parts, score = _weigh(points.to_numpy(), [weights[metric] for metric in points])
    hundredths = _largest_remainders(parts, score)
    return (
        pd.Series(score / 100, index=points.index, dtype="float64"),
        pd.DataFrame(hundredths / 100, index=points.index, columns=points.columns),
    )


def total(points: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """The score of `contributions` alone, for the many small tables of points that a search looks at.

    Parameters
    ----------
    points : np.ndarray of float64, shape (n_customers, n_metrics), 0..100, NaN: left out; not checked
    weights : of every column, 0 or more, with a positive sum

    Returns
    -------
    np.ndarray of float64, shape (n_customers,)

    >>> total(np.array([[100.0, 100.0, 100.0], [50.0, 0.0, 0.25]]), [1, 1, 1]).tolist()
    [100.0, 16.75]
    """
    return _weigh(points, weights)[1] / 100


def _weigh(points: np.ndarray, weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The parts in millionths of a hundredth, and the score in hundredths."""
    known = ~np.isnan(points)
    if known.all():
        return _weigh_all(points, weights)
    parts, score = np.zeros(points.shape, dtype="int64"), np.zeros(len(points), dtype="int64")
    # Customers of whom the same is known are weighed together, as if there were no other metrics.
    pattern = np.zeros(len(points), dtype="int64")
    for column in known.T[~known.all(axis=0)]:
        pattern = pd.factorize(2 * pattern + column)[0]
    by_pattern = np.argsort(pattern, kind="stable")
    for rows in np.split(by_pattern, np.cumsum(np.bincount(pattern))[:-1]):
        kept = known[rows[0]]
        left = [weight for weight, is_kept in zip(weights, kept, strict=True) if is_kept]
        if math.fsum(left) > 0:
            parts[np.ix_(rows, kept)], score[rows] = _weigh_all(points[np.ix_(rows, kept)], left)
    return parts, score


def _weigh_all(points: np.ndarray, weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    whole = math.fsum(weights)
    shares = np.array([weight / whole for weight in weights])
    parts = np.rint(points * shares * 100 * _MILLION).astype("int64")
    slack = parts.shape[1]  # rint moved each part by half a millionth at most
    return parts, (parts.sum(axis=1) + slack + _MILLION // 2) // _MILLION


def as_text(told: pd.DataFrame) -> list[str]:
    """What led to each score, as one compact text per customer: a JSON array of [value, points, contribution]
    per metric.

    The names and the weights are those of the rules and would be the larger part of the text; `from_text` adds them.

    Parameters
    ----------
    told : pd.DataFrame of float64, shape (n_customers, 3 * n_metrics), see `pipeline.tell`; NaN becomes null. At most
        2 million rows

    Returns
    -------
    list of str, length n_customers

    >>> as_text(pd.DataFrame([[12.0, 50.0, 24.0, float("nan"), 0.5, 0.0]]))
    ['[[12,50,24],[null,0.5,0]]']
    """
    metrics = [_triples(told.iloc[:, place : place + 3]) for place in range(0, told.shape[1], 3)]
    return [f"[{','.join(row)}]" for row in zip(*metrics, strict=True)]


def _triples(told: pd.DataFrame) -> list[str]:
    """The three numbers of a metric as JSON; each distinct triple, of which few metrics have many, is written once."""
    numbers, texts = np.zeros(len(told), dtype="int64"), []
    for column in told:
        codes, known = _texts(told[column].to_numpy())
        numbers = numbers * len(known) + codes
        texts.append(known)
    numbers, distinct = pd.factorize(numbers)
    written = []
    for known in reversed(texts):
        distinct, codes = np.divmod(distinct, len(known))
        written.append(known[codes].tolist())
    triples = [f"[{value},{points},{part}]" for part, points, value in zip(*written, strict=True)]
    return np.array(triples, dtype=object)[numbers].tolist()


def from_text(text: str, weights: Mapping[str, float | None]) -> dict[str, list]:
    """What `as_text` wrote, by metric: [value, points, weight, contribution], None: unknown or left out.

    Parameters
    ----------
    text : of one customer
    weights : of every metric that was told, in that order, see `PolicyRules.weights`

    Returns
    -------
    dict, without the last metrics if the text is of fewer: earlier versions told the criteria only

    Raises
    ------
    ValueError
        If the text is of more metrics.

    >>> from_text("[[12,50,24],[null,null,null]]", {"recency": 3, "gap_mean": 1.5, "growth": None})
    {'recency': [12, 50, 3, 24], 'gap_mean': [None, None, 1.5, None]}
    """
    parts = json.loads(text)
    if len(parts) > len(weights):
        raise ValueError(f"The explanation is of {len(parts)} metrics, the rules are of {len(weights)}.")
    return {
        metric: [value, points, weight, part]
        for (metric, weight), (value, points, part) in zip(weights.items(), parts, strict=False)
    }


def _check_points(points: pd.DataFrame) -> None:
    for metric in points:
        wrong = (points[metric] < 0) | (points[metric] > 100)
        if wrong.any():
            raise ValueError(f"Points of {metric!r} lie outside 0..100 for {wrong.sum()} of {len(points)} customers.")


def _largest_remainders(parts: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Whole hundredths of each part, rounded down or up such that rows sum to `score`.

    >>> _largest_remainders(np.array([[500_000, 1_500_000, 0]]), np.array([2])).tolist()
    [[1, 1, 0]]
    """
    hundredths, remainders = np.divmod(parts, _MILLION)
    left_over = score - hundredths.sum(axis=1)
    count = parts.shape[1]
    keys = remainders * count + np.arange(count)[::-1]  # no two are equal: numbers are sorted faster than their places
    least = np.take_along_axis(np.sort(keys, axis=1), np.clip(count - left_over, 0, count - 1)[:, np.newaxis], axis=1)
    more = (keys >= least) & (left_over > 0)[:, np.newaxis]
    return hundredths + more


def _texts(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finite numbers as JSON, null for NaN, each distinct one once: where the text of each number is, and the texts.

    >>> places, texts = _texts(np.array([0.5, float("nan"), 0.5, 12.0, -0.0, 1e300]))
    >>> texts[places].tolist(), _texts(np.array([]))[1].tolist()
    (['0.5', 'null', '0.5', '12', '0', '1e+300'], ['null'])
    """
    codes, distinct = pd.factorize(numbers)
    texts = np.full(len(distinct) + 1, "null", dtype=object)
    plain = (distinct == np.floor(distinct)) & (np.abs(distinct) < _PLAIN)  # 12 rather than 12.0
    for chosen, dtype in ((plain, "int64"), (~plain, "float64")):
        texts[:-1][chosen] = list(map(repr, distinct[chosen].astype(dtype).tolist()))
    return np.where(codes < 0, len(distinct), codes), texts
