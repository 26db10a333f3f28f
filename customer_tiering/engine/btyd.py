"""Buy till you die: when customers order and stop, and what an order is worth, as arithmetic of arrays.

MBG/NBD (Batislam, Denizel, Filiztekin 2007, after Fader, Hardie, Lee 2005) and Gamma-Gamma (Fader, Hardie 2013, note
025). A customer is told by x, the number of orders after the first; tx, the time from the first order to the last one;
T, the time from the first one to today. Numpy is enough: the gamma functions of the first likelihood are sums of
logarithms over x, the hypergeometric function of its expectation is a Gauss-Jacobi sum, and with exact second
derivatives Newton's method needs a dozen steps.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

#: Where a company without a past begins: r, alpha in mean gaps, a, b; the logs have these standard deviations.
TYPICAL, TYPICAL_SPREAD = (0.7, 0.9, 0.35, 2.0), (0.7, 0.7, 1.0, 1.2)
#: The same of an order's worth: p, q - `LEAST_Q`, gamma in medians of the customers' averages. With a spread of 1 a
#: few dozen customers outweigh it; without it, one customer has no likelihood with a peak.
TYPICAL_VALUE, TYPICAL_VALUE_SPREAD = (4.0, 2.5, 0.6), (1.0, 1.0, 1.0)
LEAST_Q = 1.05
#: Larger averages count as this quantile in the fit of the worth.
CAP = 0.995

#: Nodes of the integral over the chance of stopping. Where alpha + T is 20 days or more, 24 are exact to 1e-6 for a
#: year and to 1e-5 for three; of who came today where alpha is 5 days, to 1e-3 and 1e-2.
NODES = 24
#: Kept digits: more are noise of the last bit, which differs between processors.
DIGITS = 9


class Rates(NamedTuple):
    """The MBG/NBD model: rates of orders ~ Gamma(r, alpha), chances to stop after one ~ Beta(a, b)."""

    r: float
    alpha: float  # in the unit of the times
    a: float
    b: float


# Orders -----------------------------------------------------------------------------------


def fit_rates(
    repeat: np.ndarray,
    span: np.ndarray,
    age: np.ndarray,
    count: np.ndarray | None = None,
    *,
    prior: bool = True,
    start: Rates | None = None,
) -> tuple[Rates, bool]:
    """The most likely rates, in the unit of the times.

    Parameters
    ----------
    repeat : np.ndarray of float64, shape (n,): orders after the first, whole numbers, 0 or more
    span, age : np.ndarray of float64, shape (n,): from the first order to the last one and to today, 0 <= span <= age
    count : np.ndarray of float64, shape (n,): how many customers are such; None: one each
    prior : lean on typical companies, which some hundred customers outweigh
    start : where the peak is looked for; near to it, that takes half as long; None: at typical companies

    Returns
    -------
    rates : the peak of likelihood times prior, found by Newton's method with exact second derivatives
    converged : whether the peak was reached
    """
    count = np.ones(len(repeat)) if count is None else count
    whole = repeat.astype("int64")
    by_repeat = np.bincount(whole, count)
    unit = float((count * age).sum() / (count * (repeat + 1)).sum()) if len(repeat) else 0.0
    unit = unit or 1.0  # all of them came today
    centre, spread = np.log(TYPICAL), np.array(TYPICAL_SPREAD)

    def evaluate(logs):
        r, alpha, a, b = np.exp(logs)
        value, slope, bend = _likelihood((r, alpha * unit, a, b), by_repeat, whole, repeat, span, age, count)
        scale = np.array([r, alpha * unit, a, b])
        slope = slope * scale
        bend = bend * np.outer(scale, scale) + np.diag(slope)
        if prior:
            off = (logs - centre) / spread
            value -= (off * off).sum() / 2
            slope = slope - off / spread
            bend = bend - np.diag(spread**-2)
        return value, slope, bend

    begin = centre if start is None else np.log([start.r, start.alpha / unit, start.a, start.b])
    logs, converged = climb(evaluate, begin)
    r, alpha, a, b = np.exp(logs)
    return Rates(*(short(number) for number in (r, alpha * unit, a, b))), converged


def log_likelihood(rates: Rates, repeat: np.ndarray, span: np.ndarray, age: np.ndarray) -> float:
    """Of customers as for `fit_rates`.

    Who came today for the first time says nothing yet: the density of nothing is 1.

    >>> round(log_likelihood(Rates(0.525, 6.183, 0.891, 1.614), np.zeros(1), np.zeros(1), np.zeros(1)), 9) + 0.0
    0.0
    """
    whole = repeat.astype("int64")
    count = np.ones(len(repeat))
    return float(_likelihood(rates, np.bincount(whole, count), whole, repeat, span, age, count)[0])


def get_alive(rates: Rates, repeat: np.ndarray, span: np.ndarray, age: np.ndarray) -> np.ndarray:
    """The probability that a customer has not stopped yet: np.ndarray of float64, shape (n,), below 1.

    >>> rates = Rates(0.525, 6.183, 0.891, 1.614)
    >>> customers = np.array([2.0, 0.0]), np.array([30.43, 0.0]), np.array([38.86, 38.86])
    >>> get_alive(rates, *customers).round(3).tolist()
    [0.706, 0.39]
    """
    r, alpha, a, b = rates
    left = (b + repeat) * np.exp((r + repeat) * (np.log(alpha + span) - np.log(alpha + age)))
    return left / (a + left)


def get_stopped(rates: Rates, repeat, span, age, horizon: float) -> np.ndarray:
    """The probability of no order within ``(today, today + horizon]``: np.ndarray of float64, shape (n,), 0..1.

    >>> rates = Rates(0.525, 6.183, 0.891, 1.614)
    >>> customers = np.array([2.0, 0.0]), np.array([30.43, 0.0]), np.array([38.86, 38.86])
    >>> get_stopped(rates, *customers, 39).round(3).tolist()
    [0.44, 0.891]
    """
    return 1 - get_alive(rates, repeat, span, age) * -_minus(rates, repeat, age, horizon)


def get_expected(rates: Rates, repeat, span, age, horizon: float) -> np.ndarray:
    """The expected number of days with an order within the horizon: np.ndarray of float64, shape (n,), 0 or more.

    >>> rates = Rates(0.525, 6.183, 0.891, 1.614)
    >>> customers = np.array([2.0, 0.0]), np.array([30.43, 0.0]), np.array([38.86, 38.86])
    >>> get_expected(rates, *customers, 39).round(3).tolist()
    [1.263, 0.154]
    """
    alive = get_alive(rates, repeat, span, age)
    (orders,) = orders_if_alive(rates, repeat, age, [[(horizon, 1.0)]])
    return alive * orders


def get_next(rates: Rates, repeat, span, age) -> np.ndarray:
    """Days from today until it is as likely as not that the next order has come: NaN if it is not expected at all."""
    r, alpha, _, _ = rates
    alive = get_alive(rates, repeat, span, age)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.expm1(-np.log1p(-0.5 / alive) / (r + repeat))
        return np.where(alive > 0.5, (alpha + age) * factor, np.nan)


def _minus(rates: Rates, repeat, age, horizon: float) -> np.ndarray:
    """Minus the chance of an order within the horizon of who has not stopped."""
    return np.expm1(-(rates.r + repeat) * np.log1p(horizon / (rates.alpha + age)))


def _likelihood(rates, by_repeat, whole, repeat, span, age, count):
    """Log-likelihood with its gradient and its second derivatives by (r, alpha, a, b).

    Per customer, with R = r + x and D = b + x::

        sum ln(r + j), j < x  +  r ln alpha  +  sum ln(b + j), j < x  -  sum ln(a + b + j), j <= x
        - R ln(alpha + tx)  +  ln(a + q),    q = D ((alpha + tx) / (alpha + T)) ^ R

    The sums, which are the gamma functions of the literature, are read from tables over x.
    """
    r, alpha, a, b = rates
    steps = np.arange(len(by_repeat), dtype="float64")

    def table(start, power):
        """Sum over j < x for each x, of ln(start + j) or of a power of it."""
        terms = np.log(start + steps) if power == 0 else (start + steps) ** -power
        return np.cumsum(terms) - terms, np.cumsum(terms)

    def of_all(values):
        return (by_repeat * values).sum()

    (r0, _), (r1, _), (r2, _) = (table(r, power) for power in range(3))
    (b0, _), (b1, _), (b2, _) = (table(b, power) for power in range(3))
    (_, c0), (_, c1), (_, c2) = (table(a + b, power) for power in range(3))
    rate, stay = r + repeat, b + repeat
    early, late = alpha + span, alpha + age
    log_early = np.log(early)
    ratio = log_early - np.log(late)
    left = stay * np.exp(rate * ratio)
    total = a + left
    alive = left / total * count
    mixed = alive * (a / total)
    early, late = 1 / early, 1 / late
    slope_alpha = rate * (early - late)
    per_stay = 1 / stay
    customers = count.sum()

    value = of_all(r0 + b0 - c0) + customers * r * math.log(alpha) - (count * (rate * log_early - np.log(total))).sum()
    slope = np.array(
        [
            of_all(r1) + customers * math.log(alpha) - (count * log_early).sum() + (alive * ratio).sum(),
            customers * r / alpha - (count * rate * early).sum() + (alive * slope_alpha).sum(),
            -of_all(c1) + (count / total).sum(),
            of_all(b1) - of_all(c1) + (alive * per_stay).sum(),
        ]
    )
    bend = np.zeros((4, 4))
    ties = of_all(c2)
    bend[0, 0] = -of_all(r2) + (mixed * ratio * ratio).sum()
    bend[0, 1] = (
        customers / alpha - (count * early).sum() + (mixed * ratio * slope_alpha).sum() + (alive * (early - late)).sum()
    )
    bend[1, 1] = (
        -customers * r / alpha**2
        + (count * rate * early * early).sum()
        + (mixed * slope_alpha * slope_alpha).sum()
        - (alive * slope_alpha * (early + late)).sum()
    )
    share = alive / total
    bend[0, 2], bend[1, 2] = -(share * ratio).sum(), -(share * slope_alpha).sum()
    bend[2, 2] = ties - (count / total**2).sum()
    bend[0, 3], bend[1, 3] = (mixed * ratio * per_stay).sum(), (mixed * slope_alpha * per_stay).sum()
    bend[2, 3] = ties - (share * per_stay).sum()
    bend[3, 3] = -of_all(b2) + ties - ((alive - mixed) * per_stay * per_stay).sum()
    return value, slope, bend + np.triu(bend, 1).T


def climb(evaluate: Callable, start: np.ndarray, rounds: int = 100) -> tuple[np.ndarray, bool]:
    """The peak of a smooth function of logs, by Newton's method with steps of at most e, made uphill and shortened.

    `evaluate` returns value, gradient and second derivatives. Beyond e ** 12 of the start there is no sense.

    >>> def hill(x):
    ...     return -((x[0] - 3) ** 2), np.array([-2 * (x[0] - 3)]), np.array([[-2.0]])
    >>> peak, converged = climb(hill, np.zeros(1))
    >>> peak.tolist(), converged
    ([3.0], True)
    """
    place = np.array(start, dtype="float64")
    value, slope, bend = evaluate(place)
    for _ in range(rounds):
        size, ways = np.linalg.eigh(-bend)
        size = np.maximum(np.abs(size), 1e-8 * max(np.abs(size).max(), 1e-300))
        step = ways @ ((ways.T @ slope) / size)
        gain = slope @ step
        step /= max(np.abs(step).max(), 1.0)
        for _ in range(40):
            trial = place + step
            found = evaluate(trial) if np.abs(trial - start).max() < 12 else (-math.inf, slope, bend)
            if found[0] >= value - 1e-12 * abs(value):
                break
            step /= 2
        else:
            return place, gain < 1e-6
        place, (value, slope, bend) = trial, found
        # The error after the step is of the order of the square of what it gained.
        if gain < 1e-9:
            return place, True
    return place, False


def orders_if_alive(
    rates: Rates, repeat: np.ndarray, age: np.ndarray, sums: Sequence[Sequence[tuple[float, float]]]
) -> list[np.ndarray]:
    """Weighted sums of the orders expected until some horizons, of who has not stopped.

    Parameters
    ----------
    sums : of each one the pairs (horizon, weight)

    Returns
    -------
    list of np.ndarray of float64, shape (n,): one per sum

    Notes
    -----

    The integral of ``(1 - ((alpha + T) / (alpha + T + p H)) ^ R) / p`` over the chance p to stop after an order, which
    follows Beta(a, b + x + 1), is done by Gauss-Jacobi quadrature: nodes of its own for each x. Equal customers are
    computed once.
    """
    repeat, age, back = _distinct_pairs(repeat, age)
    whole, place = np.unique(repeat, return_inverse=True)
    nodes, weights = _jacobi(rates.a, rates.b + whole + 1)
    rate, late = -(rates.r + repeat), rates.alpha + age
    totals = [np.zeros(len(repeat)) for _ in sums]
    for node, weight in zip(nodes.T, weights.T, strict=True):
        per_day, weight = node[place] / late, weight[place]
        for total, terms in zip(totals, sums, strict=True):
            for horizon, share in terms:
                total -= weight * share * np.expm1(rate * np.log1p(per_day * horizon))
    return [total[back] for total in totals]


def _distinct_pairs(repeat: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different (x, T), and where each customer's is among them.

    >>> [found.tolist() for found in _distinct_pairs(np.array([1.0, 0.0, 1.0]), np.array([9.0, 9.0, 9.0]))]
    [[0.0, 1.0], [9.0, 9.0], [1, 0, 1]]
    """
    # One number to sort by takes a third of the time; if two pairs were too near to be told apart by it, nothing but
    # some equal ones would be computed twice.
    order = (repeat * (1 + age.max(initial=0.0)) + age).argsort()
    repeat, age = repeat[order], age[order]
    new = is_new(repeat, age)
    back = np.empty(len(order), dtype=np.intp)
    back[order] = np.cumsum(new) - 1
    return repeat[new], age[new], back


def is_new(*columns: np.ndarray) -> np.ndarray:
    """Of sorted rows, which ones differ from the one before."""
    new = np.ones(len(columns[0]), dtype=bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def _jacobi(a: float, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes p and weights / p of Gauss quadrature over Beta(a, b) by Golub and Welsch, for each b a row.

    >>> nodes, weights = _jacobi(0.8, np.array([2.5, 40.0]))  # the weights of p add up to 1, those of p * p to the mean
    >>> ((weights * nodes).sum(axis=1).round(12) + 0.0).tolist()
    [1.0, 1.0]
    >>> np.allclose((weights * nodes**2).sum(axis=1), 0.8 / (0.8 + np.array([2.5, 40.0])))
    True
    """
    lower, upper = a - 1, (b - 1)[:, None]
    k = np.arange(1, NODES, dtype="float64")
    both = lower + upper
    twice = 2 * k + both
    middle = np.empty((len(b), NODES))
    middle[:, :1] = (lower + 1) / (both + 2)
    middle[:, 1:] = (1 + (lower**2 - upper**2) / (twice * (twice + 2))) / 2
    square = k * (k + upper) * (k + lower) / (twice**2 * (twice + 1))
    # In the first one a factor of numerator and denominator may be nought in both.
    square = square * np.where(k == 1, 1.0, (k + both) / (twice - 1))
    beside = np.sqrt(square)
    matrix = np.zeros((len(b), NODES, NODES))
    place = np.arange(NODES)
    matrix[:, place, place] = middle
    matrix[:, place[1:], place[:-1]] = beside
    nodes, ways = np.linalg.eigh(matrix)
    nodes = np.clip(nodes, 1e-300, 1.0)
    return nodes, ways[:, 0, :] ** 2 / nodes


# Worth ---------------------------------------------------------------------------------------


class Value(NamedTuple):
    """What an order is worth: Gamma-Gamma, read as a mix of averages."""

    average: float  # the company's, money
    k: float  # the own average of n orders weighs n / (n + k)
    p: float | None  # None: all averages are the same, there is nothing to fit
    q: float | None
    gamma: float | None  # money


def fit_value(count: np.ndarray, average: np.ndarray, *, prior: bool = True) -> tuple[Value | None, bool]:
    """The most likely Gamma-Gamma model.

    Parameters
    ----------
    count : np.ndarray of float64, shape (n,): orders of each customer, 1 or more
    average : np.ndarray of float64, shape (n,): what they were worth on average; 0 and below is left out
    prior : lean on typical companies, which some dozen customers outweigh

    Returns
    -------
    value : None: nobody has an average above 0
    converged : whether the peak was reached

    >>> fit_value(np.array([1.0, 3.0]), np.array([12.5, 12.5]))
    (Value(average=12.5, k=1.0, p=None, q=None, gamma=None), True)
    """
    above = average > 0
    order = np.lexsort((average[above], count[above]))  # no result depends on the order of the rows
    count, average = count[above][order], average[above][order]
    if not len(average):
        return None, True
    if average.max() <= average.min() * (1 + 1e-9):
        return Value(float(average.min()), 1.0, None, None, None), True
    unit = float(np.median(average))
    average = average / unit
    if prior:
        average = np.minimum(average, np.quantile(average, CAP))
    new = is_new(count)
    x, of_x = count[new], np.add.reduceat(np.ones(len(count)), np.flatnonzero(new))
    log_sum = np.log(average).sum()
    per_log = (count * np.log(count * average)).sum()
    money = count * average
    centre, spread = np.log(TYPICAL_VALUE), np.array(TYPICAL_VALUE_SPREAD)

    def evaluate(logs):
        p, above_least, gamma = np.exp(logs)
        q = LEAST_Q + above_least
        many, few = p * x + q, p * x
        (log_many, psi_many, tri_many) = _gamma(many)
        (log_few, psi_few, tri_few) = _gamma(few)
        (log_q,), (psi_q,), (tri_q,) = _gamma(np.array([q]))
        customers, reached = len(count), gamma + money
        log_reached, power = np.log(reached), p * count + q
        value = (of_x * (log_many - log_few - log_q)).sum() + customers * q * math.log(gamma)
        value += p * per_log - log_sum - (power * log_reached).sum()
        slope = np.array(
            [
                (of_x * x * (psi_many - psi_few)).sum() + per_log - (count * log_reached).sum(),
                (of_x * (psi_many - psi_q)).sum() + customers * math.log(gamma) - log_reached.sum(),
                customers * q / gamma - (power / reached).sum(),
            ]
        )
        cross = (of_x * x * tri_many).sum()
        by_p, by_q = -(count / reached).sum(), customers / gamma - (1 / reached).sum()
        bend = np.array(
            [
                [(of_x * x * x * (tri_many - tri_few)).sum(), cross, by_p],
                [cross, (of_x * (tri_many - tri_q)).sum(), by_q],
                [by_p, by_q, (power / reached**2).sum() - customers * q / gamma**2],
            ]
        )
        scale = np.array([p, above_least, gamma])
        slope = slope * scale
        bend = bend * np.outer(scale, scale) + np.diag(slope)
        if prior:
            off = (logs - centre) / spread
            value -= (off * off).sum() / 2
            slope = slope - off / spread
            bend = bend - np.diag(spread**-2)
        return value, slope, bend

    logs, converged = climb(evaluate, centre)
    p, above_least, gamma = np.exp(logs)
    q = LEAST_Q + above_least
    numbers = (p * gamma * unit / (q - 1), (q - 1) / p, p, q, gamma * unit)
    return Value(*map(short, numbers)), converged


def mix_value(value: Value, count: np.ndarray, average: np.ndarray) -> np.ndarray:
    """What the next order of each customer is worth: the own average mixed with the company's, 0 or more.

    >>> value = Value(100.0, 1.0, None, None, None)
    >>> mix_value(value, np.array([1.0, 3.0, 1.0]), np.array([50.0, 100.0, -400.0])).tolist()
    [75.0, 100.0, 0.0]
    """
    weight = count / (count + value.k)
    return np.maximum(value.average + weight * (average - value.average), 0.0)


def _gamma(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln of the gamma function, and its first two derivatives, of numbers above 0.

    Raised above 12 by the recurrence, then by Stirling's series (Abramowitz, Stegun 6.1.40, 6.3.18, 6.4.12).

    >>> log, psi, tri = _gamma(np.array([1.0, 0.5]))
    >>> psi.round(12).tolist()  # minus Euler's constant, and 2 ln 2 less
    [-0.577215664902, -1.963510026021]
    >>> tri.round(12).tolist()  # a sixth and a half of pi squared
    [1.644934066848, 4.934802200545]
    """
    log = np.array([math.lgamma(number) for number in x])
    psi, tri, z = np.zeros(len(x)), np.zeros(len(x)), np.array(x, dtype="float64")
    for _ in range(12):
        low = z < 12
        psi[low] -= 1 / z[low]
        tri[low] += 1 / z[low] ** 2
        z[low] += 1
    r = 1 / z**2
    psi += np.log(z) - 0.5 / z - r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r / 132))))
    tri += (1 + 0.5 / z + r * (1 / 6 - r * (1 / 30 - r * (1 / 42 - r * (1 / 30 - r * 5 / 66))))) / z
    return log, psi, tri


def short(number: float) -> float:
    """With `DIGITS` digits.

    >>> short(0.12345678901234), short(-0.0)
    (0.123456789, 0.0)
    """
    return float(f"{number:.{DIGITS - 1}e}") + 0.0
