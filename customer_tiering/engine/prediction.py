"""What customers will do: the next order, its chance and its worth.

A customer orders at a rate of his own, by chance, and after each day with an order stops for good with a probability of
his own. Over all customers the rates follow a gamma distribution, the probabilities a beta distribution: four numbers,
the MBG/NBD model (Batislam, Denizel, Filiztekin 2007, after Fader, Hardie, Lee 2005). All that it says of one customer
follows from three numbers in days: how often he came again, when he came last, and how long he has been known.

What an order is worth follows Gamma-Gamma (Fader, Hardie 2013, note 025), which is the customer's own average mixed
with the company's: the own one weighs ``n / (n + k)``.

Two things are learned from the company's own past. A *correction* of the chance by silence and frequency, because the
model alone orders all customers a little worse than plain silence does (Wübben, v. Wangenheim 2008). And the *season*:
by how much the same model was wrong a year ago.

``collect``, ``summarize`` and ``look_back`` make frames of purchases, ``fit`` makes a dict of plain numbers of frames,
``apply`` says with it what each customer will do, ``shown`` is how a person reads it. Only arithmetic of single
elements is used in ``apply``, never a sum over an axis: one customer alone gets the bits that he gets among all.
"""

import datetime
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import btyd, grouped, risk, schema
from . import purchases as documents

MODEL = "mbg_nbd"
#: Of the arithmetic: another one cannot apply what this one fitted.
VERSION = 1

#: Days for which the chance of an order is told.
HORIZON = 90
#: Proposed is so many usual gaps, between these bounds.
GAPS_IN_HORIZON, LEAST_HORIZON, MOST_HORIZON = 3, 30, 365

#: The correction: least customers today and on an earlier day, most earlier days, the shortest time looked at, and by
#: how much a weight may differ from none.
CORRECTED, CORRECTED_THEN, EARLIER_DAYS, LEAST_LOOK, WEIGHT_SPREAD = 300, 100, 4, 30, 0.3
YEAR = 365
#: The season: days of history that the model of a year ago needs, the largest shift and the bounds of the factor.
SEASON_HISTORY, SEASON_SHIFT, SEASON_FACTOR = 90, 0.5, (0.7, 1.4)
#: From earlier days is learned by so many customers at most, chosen by their ids as if by lot.
MOST_CUSTOMERS = 25_000

#: A value that is further off than this says nothing.
MOST_MONTHS = 36
#: Of a year's value, money of a year later is worth less.
DISCOUNT = 0.10
TENTHS = np.arange(1, 10) / 10
LOW, HIGH = 0.1, 0.9

#: Chances of no order from which customers are watched, at high risk, and lost.
WATCH, HIGH_RISK, LOST = 0.5, 0.7, 0.9
#: Steps of the chances that are shown, and the share of the cards that a night of silence may rewrite.
STEPS, REWRITTEN = (0.05, 0.10, 0.20), 0.02

#: No prediction with fewer customers; chances and totals with fewer lean on what is typical.
FEW, FEW_FOR_CHANCES, FEW_FOR_TOTALS = 20, 50, 500
#: A usual gap above this is no rhythm to wait for, days.
SLOW = 400

# Why nothing can be told yet, with the facts that a sentence about it names.
NO_CUSTOMERS = "no_customers"  # nobody ever bought
ONE_DAY = "one_day"  # all bought on one single day: customers
SHORT_HISTORY = "short_history"  # days, needed
FEW_CUSTOMERS = "few_customers"  # customers, needed
NO_REPEAT = "no_repeat"  # nobody bought on a second day: customers
IMPORTED = "imported"  # most customers begin on one day, as if their past had been cut off: customers, of, days ago
SLOW_TRADE = "slow_trade"  # usual gap in days, most
NOT_CONVERGED = "not_converged"  # the likelihood has no peak that was found
# What goes with a prediction.
NOTE_CHANCES = "few_for_chances"  # customers, needed
NOTE_TOTALS = "few_for_totals"  # customers, needed
NOTE_NO_CORRECTION = "no_correction"  # nothing was learned from the own past
NOTE_SEASON = "season"  # percent by which orders of a year ago were above the model

# Roles of an earlier day
LEARN, SEASON, VALUE = "learn", "season", "value"

_LOW_BITS = 22  # days fit: 11,000 years
_AGE_BITS = 21  # ages fit, three in one number: 5,700 years
_EPOCH = np.datetime64("0001-01-01", "D")
_INPUTS = (schema.REPEAT_DAYS, schema.SPAN_DAYS, schema.AGE_DAYS, schema.ORDER_VALUE)
COLUMNS = (
    schema.ALIVE_CHANCE,
    schema.ORDER_CHANCE,
    schema.EXPECTED_ORDERS,
    schema.EXPECTED_AMOUNT,
    schema.YEAR_VALUE,
    schema.YEAR_VALUE_LOW,
    schema.YEAR_VALUE_HIGH,
    schema.NEXT_ORDER_DAYS,
)


class History(NamedTuple):
    """Days with purchases, one row per customer and day, by customer and then by day."""

    buyer: np.ndarray  # place of the customer, int64
    day: np.ndarray  # days since 0001-01-01, int64
    money: np.ndarray  # of that day, with what is below zero since, float64; NaN: it is not known


class Past(NamedTuple):
    """An earlier day, and what came after it."""

    role: str  # `LEARN`, `SEASON` or `VALUE`
    days: int  # before the day of the fit
    horizon: int  # days after it that were looked at, all of them past now
    summary: pd.DataFrame  # of that day, with `schema.CAME_ORDERS` and `schema.CAME_AMOUNT` of (day, day + horizon]


# From purchases to frames --------------------------------------------------------------------


def to_number(day: datetime.date) -> int:
    """The number of a day in `History.day`.

    >>> to_number(datetime.date(1, 1, 2))
    1
    """
    return int((schema.day(day) - _EPOCH).astype("int64"))


def collect(
    purchases: documents.Purchases, decimals: int, *, least: float = 0.0, since: datetime.date | None = None
) -> History:
    """The days on which customers bought, and what those were worth.

    Parameters
    ----------
    purchases : as for `purchases.summarize`
    decimals : of the currency
    least : money: documents of which less is left are no purchases
    since : the first day of which the money is known; None: of all days it is

    Returns
    -------
    History
        Documents below zero are no purchase; their money belongs to the customer's last day with one until then, or
        to the first. Of who never bought it belongs to nothing.

    >>> days = np.array(["2024-06-01", "2024-06-01", "2024-06-03", "2024-06-02"], dtype="datetime64[D]")
    >>> nothing = [np.zeros(0, dtype=int)] * 3
    >>> bought = documents.Purchases(np.array([4, 4, 4, 4]), days, np.array([10.0, 5.0, 7.0, -3.0]), *nothing)
    >>> history = collect(bought, 2)
    >>> history.buyer.tolist(), history.money.tolist(), np.diff(history.day).tolist()
    ([4, 4], [12.0, 7.0], [2])
    """
    number = (purchases.day - _EPOCH).astype("int64")
    pair = (purchases.buyer.astype("int64") << _LOW_BITS) | number
    bought = documents.choose_bought(purchases, decimals, least=least)
    known = 0 if since is None else to_number(since)
    # Whole coins add up exactly, in whatever order.
    coins = np.rint(purchases.money * 10.0**decimals) * (number >= known)
    order = np.flatnonzero(bought)[pair[bought].argsort()]
    start = np.flatnonzero(btyd.is_new(pair[order]))
    keys = pair[order[start]]
    money = np.add.reduceat(coins[order], start)
    below = ~bought & (coins < 0)
    if len(keys) and below.any():
        place = np.maximum(np.searchsorted(keys, pair[below], side="right") - 1, 0)
        buyer = pair[below] >> _LOW_BITS
        place = np.where((keys[place] >> _LOW_BITS) < buyer, np.minimum(place + 1, len(keys) - 1), place)
        own = (keys[place] >> _LOW_BITS) == buyer
        money += np.bincount(place[own], coins[below][own], len(keys))
    money /= 10.0**decimals
    day = keys & ((1 << _LOW_BITS) - 1)
    money[day < known] = np.nan
    return History(keys >> _LOW_BITS, day, money)


def summarize(history: History, customers: pd.Index, as_of: datetime.date) -> pd.DataFrame:
    """What the model has to know of each customer on a day.

    Parameters
    ----------
    history : days with purchases; what lies after `as_of` is not looked at
    customers : ids, of which `History.buyer` are the places
    as_of : the day, inclusive

    Returns
    -------
    pd.DataFrame of float64, shape (n_customers, 4), index = `customers`; NaN: not bought yet

        - ``repeat_days``: days with a purchase after the first such day, 0 or more
        - ``span_days``: days from the first to the last of them
        - ``age_days``: days from the first of them to `as_of`
        - ``order_value``: money per day with a purchase, may be below 0
        - if the money of some days is not known, ``bought_days``: of how many days ``order_value`` is; 0: of none

    >>> day = (np.datetime64("2024-06-01") - _EPOCH).astype("int64")
    >>> history = History(np.array([0, 0, 1]), day + np.array([0, 7, 9]), np.array([10.0, 20.0, 5.0]))
    >>> summarize(history, pd.Index([7, 8]), datetime.date(2024, 6, 9)).to_numpy().tolist()
    [[1.0, 7.0, 8.0, 15.0], [nan, nan, nan, nan]]
    """
    today = to_number(as_of)
    buyer, day, money = history
    known = day <= today
    if not known.all():
        buyer, day, money = buyer[known], day[known], money[known]
    count = len(customers)
    size = np.bincount(buyer, minlength=count)
    end = np.cumsum(size)
    some = size > 0
    first, last = day[(end - size)[some]], day[end[some] - 1]
    paid = ~np.isnan(money)
    partly = not paid.all()
    names = [*_INPUTS, schema.BOUGHT_DAYS] if partly else list(_INPUTS)
    worth = np.bincount(buyer[paid], money[paid], count)
    paid_days = np.bincount(buyer[paid], minlength=count) if partly else size
    columns = np.full((len(names), count), np.nan)
    columns[0, some] = size[some] - 1
    columns[1, some] = last - first
    columns[2, some] = today - first
    columns[3, some] = worth[some] / np.maximum(paid_days[some], 1)
    if partly:
        columns[4, some] = paid_days[some]
    return pd.DataFrame(columns.T, index=customers, columns=names, copy=False)


def add_outcome(summary: pd.DataFrame, history: History, as_of: datetime.date, horizon: int) -> pd.DataFrame:
    """The summary of an earlier day with what came in ``(as_of, as_of + horizon]``: days with an order, and money."""
    today = to_number(as_of)
    later = (history.day > today) & (history.day <= today + horizon)
    buyer = history.buyer[later]
    orders = np.bincount(buyer, minlength=len(summary)).astype("float64")
    amount = np.bincount(buyer, history.money[later], len(summary))
    return summary.assign(**{schema.CAME_ORDERS: orders, schema.CAME_AMOUNT: amount})


def look_back(history: History, customers: pd.Index, as_of: datetime.date, horizon: int = HORIZON) -> list[Past]:
    """The earlier days from which `fit` learns.

    Parameters
    ----------
    history : days with purchases; what lies after `as_of` is not looked at
    customers : ids, of which `History.buyer` are the places
    as_of : the day of the fit
    horizon : days that will be predicted

    Returns
    -------
    list of Past

        - `LEARN`: up to four days, the latest first, each half of ``min(horizon, history / 3)`` days before the other;
          all of these days have passed since the latest, and there are as many before each; 100 customers or more
        - `SEASON`: the day a year ago, if there were 90 days of history then
        - `VALUE`: a year ago, or half of the history

        Of `MOST_CUSTOMERS` at most.
    """
    today = schema.day(as_of)
    history, customers = draw(history, customers)
    length = to_number(as_of) - int(history.day.min(initial=to_number(as_of)))
    wanted = []
    look = min(horizon, length // 3)
    if look >= LEAST_LOOK:
        days = (look + look * step // 2 for step in range(EARLIER_DAYS))
        wanted += [(LEARN, ago, look) for ago in days if length - ago >= look]
    if length >= YEAR + SEASON_HISTORY:
        wanted.append((SEASON, YEAR, min(horizon, YEAR)))
    if length // 2 >= LEAST_LOOK:
        wanted.append((VALUE, min(YEAR, length // 2), min(YEAR, length // 2)))
    found = []
    for role, days, ahead in wanted:
        then = (today - np.timedelta64(days, "D")).item()
        summary = add_outcome(summarize(history, customers, then), history, then, ahead)
        summary = summary[summary[schema.AGE_DAYS].notna()]
        if len(summary) >= CORRECTED_THEN:
            found.append(Past(role, days, ahead, summary))
    return found


def draw(history: History, customers: pd.Index) -> tuple[History, pd.Index]:
    """The history of `MOST_CUSTOMERS` at most, the same ones in whatever order customers come."""
    drawn = grouped.draw(customers.to_numpy(), MOST_CUSTOMERS)
    if len(drawn) == len(customers):
        return history, customers
    place = np.full(len(customers), -1)
    place[drawn] = np.arange(len(drawn))
    buyer = place[history.buyer]
    chosen = buyer >= 0
    return History(buyer[chosen], history.day[chosen], history.money[chosen]), customers[drawn]


def propose_horizon(typical_gap: float | None) -> int:
    """Three usual gaps, whole days, 30 to 365.

    >>> propose_horizon(None), propose_horizon(4.0), propose_horizon(40.2), propose_horizon(300.0)
    (90, 30, 121, 365)
    """
    if typical_gap is None:
        return HORIZON
    return round(min(max(GAPS_IN_HORIZON * typical_gap, LEAST_HORIZON), MOST_HORIZON))


# What is learned from earlier days -----------------------------------------------------------


class Learned(NamedTuple):
    """Of an earlier day: what the model said, and what happened."""

    days: int  # ago
    horizon: int  # days looked at
    features: np.ndarray  # shape (n, 4), see `_features`
    stopped: np.ndarray  # how many of each row stopped, float64, shape (n,)
    count: np.ndarray  # customers of each row, float64, shape (n,)


def learn_correction(days: Sequence[Learned]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What silence and frequency say beyond the model: a logistic regression with the model's logit given.

    Parameters
    ----------
    days : the latest first

    Returns
    -------
    mean, spread, weights : np.ndarray of float64, shape (4,), of and for the features; None: with the weights
        of earlier days, whose time had passed by then, the log-loss of the latest one is no lower than the model's
    """
    latest = days[0] if days else None
    before = [day for day in days if day.days >= latest.days + day.horizon]
    if not before:
        return None
    tried = _apply_weights(latest.features, _regress(before))
    given, outcome = latest.features[:, 0], (latest.stopped, latest.count)
    shift = find_shift(tried, _mean_chance(given, latest.count), latest.count)
    if not _log_loss(tried + shift, *outcome) < _log_loss(given, *outcome):
        return None
    return _regress(days)


def _features(stopped: np.ndarray, silence: np.ndarray, repeat: np.ndarray) -> np.ndarray:
    """Logit of the model's chance to stop, ln(1 + days of silence), ln(1 + x), whether x is 0."""
    return np.column_stack([_logit(stopped), np.log1p(silence), np.log1p(repeat), (repeat == 0).astype("float64")])


def _regress(days: Sequence[Learned]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    features = np.concatenate([day.features for day in days])
    stopped, count = (np.concatenate([getattr(day, name) for day in days]) for name in ("stopped", "count"))
    # Sums, not products of matrices, whose last bits depend on the number of threads.
    columns, customers = features.T.copy(), count.sum()
    mean = (columns * count).sum(axis=1) / customers
    spread = np.sqrt(((columns - mean[:, None]) ** 2 * count).sum(axis=1) / customers)
    spread[spread < 1e-9] = 1.0
    design = [np.ones(len(features)), *((columns - mean[:, None]) / spread[:, None])]
    hold = np.array([0.0, *[WEIGHT_SPREAD**-2] * 4])

    def evaluate(weights):
        logit = columns[0] + sum(weight * column for weight, column in zip(weights, design, strict=True))
        chance = _chance(logit)
        off, doubt = stopped - count * chance, count * chance * (1 - chance)
        slope = np.array([(column * off).sum() for column in design]) - hold * weights
        bend = -np.diag(hold)
        for left, column in enumerate(design):
            doubted = column * doubt
            for right in range(left + 1):
                bend[left, right] -= (doubted * design[right]).sum()
        bend += np.tril(bend, -1).T
        bend[0, 0] -= 1e-9  # all stopped, or nobody: the intercept is left where it is
        value = -_log_loss(logit, stopped, count) * customers - (hold * weights**2).sum() / 2
        return value, slope, bend

    weights, _ = btyd.climb(evaluate, np.zeros(5))
    return mean, spread, weights[1:]


def _apply_weights(features: np.ndarray, learned: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    mean, spread, weights = learned
    return features[:, 0] + _deviation(features, mean, spread, weights)


def _deviation(features, mean, spread, weights) -> np.ndarray:
    """Element by element, in this order: not a product of matrices, whose bits depend on the number of rows."""
    total = np.zeros(len(features))
    for place in range(4):
        total += (features[:, place] - mean[place]) / spread[place] * weights[place]
    return total


def find_shift(logit: np.ndarray, mean: float, count: np.ndarray | None = None) -> float:
    """What must be added to all logits so that the mean of the chances is `mean`, to 1e-12.

    Parameters
    ----------
    logit : np.ndarray of float64, shape (n,)
    mean : 0..1
    count : np.ndarray of float64, shape (n,): how many customers have each logit; None: one each

    >>> round(find_shift(np.array([0.0, 0.0]), 0.75), 9) == round(math.log(3), 9)
    True
    """
    low, high = -40.0, 40.0
    shift = 0.0
    for _ in range(200):
        chance = _chance(logit + shift)
        off = _mean(chance, count) - mean
        low, high = (low, shift) if off > 0 else (shift, high)
        if abs(off) < 1e-13 or high - low < 1e-13:
            break
        slope = _mean(chance * (1 - chance), count)
        step = shift - off / slope if slope > 0 else math.inf
        shift = step if low < step < high else (low + high) / 2
    return shift


def _chance(logit: np.ndarray) -> np.ndarray:
    """The logistic function; 0 to 1 without overflow.

    >>> _chance(np.array([0.0, 800.0, -800.0])).tolist()
    [0.5, 1.0, 0.0]
    """
    small = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1 / (1 + small), small / (1 + small))


def _logit(chance: np.ndarray) -> np.ndarray:
    chance = np.clip(chance, 1e-12, 1 - 1e-12)
    return np.log(chance / (1 - chance))


def _mean(values: np.ndarray, count: np.ndarray | None) -> float:
    return float(values.mean() if count is None else (values * count).sum() / count.sum())


def _mean_chance(logit: np.ndarray, count: np.ndarray) -> float:
    return _mean(_chance(logit), count)


def _log_loss(logit: np.ndarray, stopped: np.ndarray, count: np.ndarray) -> float:
    return float((np.logaddexp(0, logit) * count - stopped * logit).sum() / count.sum())


# Fit and apply -------------------------------------------------------------------------------


def learn(
    history: History, customers: pd.Index, as_of: datetime.date, horizon: int = HORIZON, **options
) -> tuple[dict, pd.DataFrame]:
    """`fit` of a day with all that can be learned from earlier ones: the fit, and the summary to apply it to."""
    summary = summarize(history, customers, as_of)
    found = fit(summary, horizon, look_back(history, customers, as_of, horizon), **options)
    return found | {"as_of": as_of.isoformat()}, summary


def fit(
    summary: pd.DataFrame,
    horizon: int = HORIZON,
    pasts: Sequence[Past] = (),
    *,
    typical_gap: float | None = None,
    margin: float = 1.0,
    discount: float = DISCOUNT,
    prior: bool = True,
) -> dict:
    """All that `apply` needs, as plain numbers for JSON.

    Parameters
    ----------
    summary : pd.DataFrame, shape (n_customers, any), with the columns of `summarize`; without ``bought_days`` the
        worth is of all days with a purchase
    horizon : days of which the chance of an order is told, 1 or more
    pasts : earlier days, as `look_back` returns them; without them nothing is corrected and no value has an interval
    typical_gap : days, as `lifecycle.typical_gap` returns it
    margin : share of the money that is a margin, above 0; 1: values are revenue
    discount : by which money of a year later is worth less, 0 or more
    prior : lean on typical companies; False for comparisons with published values only

    Returns
    -------
    dict
        - ``model``, ``version``, ``as_of`` (None, `learn` knows it), ``horizon``, ``margin``, ``discount``
        - ``counts``: ``customers`` who bought, ``repeaters``, ``history_days`` since the first purchase of all
        - ``cannot_tell``: None, or ``{"code": …, "facts": {…}}``, see the codes of this module. Then nothing is said
          of anybody: ``rates`` and what follows are None.
        - ``notes``: list of the same
        - ``rates``: ``r``, ``alpha`` (days), ``a``, ``b``
        - ``value``: the fields of `btyd.Value`; None: nobody paid anything
        - ``correction``: ``mean``, ``spread``, ``weights`` of four features, and ``shift``; None: there is none
        - ``season``: ``shift``, added to the logit of no order, ``factor`` of the orders within the horizon,
          ``weight``, and ``ratio``, orders a year ago by those of the model; None: there was no year
        - ``interval``: ``edges``, nine of the year's value, ``low`` and ``high``, ten factors; None: cannot tell
        - ``grade``: None; for who tests the prediction, see `forecasts.get_grade`

    Raises
    ------
    ValueError
        If a column is absent, a number of days is no whole one or contradicts the others, or money is infinite.
    """
    repeat, span, age, average, paid = _check(summary)
    counts = {
        "customers": len(repeat),
        "repeaters": int((repeat > 0).sum()),
        "history_days": int(age.max(initial=0)),
    }
    found = {
        "model": MODEL,
        "version": VERSION,
        "as_of": None,
        "horizon": int(horizon),
        "margin": float(margin),
        "discount": float(discount),
        "counts": counts,
        "cannot_tell": _find_obstacle(repeat, span, age, horizon, typical_gap),
        "notes": [],
        "rates": None,
        "value": None,
        "correction": None,
        "season": None,
        "interval": None,
        "grade": None,
    }
    if found["cannot_tell"]:
        return found
    alike, _ = _group(repeat, span, age)
    rates, converged = btyd.fit_rates(*alike, prior=prior)
    value, peak = btyd.fit_value(paid, average, prior=prior)
    if not (converged and peak):
        return found | {"cannot_tell": _say(NOT_CONVERGED)}
    found["rates"] = rates._asdict()
    found["value"] = value and value._asdict()
    for needed, code in ((FEW_FOR_CHANCES, NOTE_CHANCES), (FEW_FOR_TOTALS, NOTE_TOTALS)):
        if len(repeat) < needed:
            found["notes"].append(_say(code, customers=len(repeat), needed=needed))

    known = [past for past in (_recall(past, rates, prior) for past in pasts) if past]
    if len(repeat) >= CORRECTED:
        days = [past for past in known if past.role == LEARN]
        found["correction"] = _fit_correction(rates, alike, horizon, days)
    if not found["correction"]:
        found["notes"].append(_say(NOTE_NO_CORRECTION))
    for past in known:
        if past.role == SEASON:
            found["season"] = _fit_season(past)
            found["notes"].append(_say(NOTE_SEASON, percent=round(100 * found["season"]["ratio"]) - 100))
        elif past.role == VALUE and value and past.value:
            worth = _tell_value(rates, value, (repeat, span, age, average, paid), 12, discount)
            found["interval"] = _fit_interval(past, worth * margin)
    return found


def apply(fit: dict, summary: pd.DataFrame, horizon: int | None = None) -> pd.DataFrame:
    """What each customer will do. One alone gets the same bits as among all.

    Parameters
    ----------
    fit : as `fit` returned it, or read from JSON
    summary : pd.DataFrame, shape (n_customers, any), with the columns of `summarize`, of the day "today"
    horizon : days, None: that of the fit. The correction keeps the mean of the model for the fit's horizon only.

    Returns
    -------
    pd.DataFrame of float64, shape (n_customers, 8), with the index of `summary`; all NaN for who never bought, and for
    everybody where nothing can be told yet (``fit["cannot_tell"]``)

        - ``alive_chance``: 0..1, that the customer has not stopped yet
        - ``order_chance``: 0..1, of an order within ``(today, today + horizon]``, corrected and in season
        - ``expected_orders``: days with an order within the horizon, in season, never below the chance of one
        - ``expected_amount``: money of them
        - ``year_value``: money of 12 months: orders expected in each month, times their worth and the margin, less
          the discount from its middle
        - ``year_value_low``, ``year_value_high``: of customers with such a value, one in ten was below, one above, in
          the look back; NaN: cannot tell
        - ``next_order_days``: from today until it is as likely as not that the next order has come; NaN: it is not
          expected

    Raises
    ------
    ValueError
        As `fit`; or if the fit is one of another version.
    """
    if fit["model"] != MODEL or fit["version"] != VERSION:
        raise ValueError(f"The fit is of {fit['model']} {fit['version']}, this is {MODEL} {VERSION}.")
    ever = summary[schema.REPEAT_DAYS].notna().to_numpy()
    result = np.full((len(COLUMNS), len(summary)), np.nan)
    if fit["cannot_tell"] is None and ever.any():
        repeat, span, age, average, paid = _check(summary)
        horizon = fit["horizon"] if horizon is None else horizon
        rates, value = btyd.Rates(**fit["rates"]), fit["value"] and btyd.Value(**fit["value"])
        alive = btyd.get_alive(rates, repeat, span, age)
        chance = _tell_chance(fit, rates, repeat, span, age, horizon)
        sums = [[(horizon, 1.0)], _months(12, fit["discount"])]
        soon, year = btyd.orders_if_alive(rates, repeat, age, sums)
        factor = fit["season"]["factor"] if fit["season"] else 1.0
        orders = np.maximum(alive * soon * factor, chance)
        money = btyd.mix_value(value, paid, average) if value else np.zeros(len(repeat))
        year = alive * year * money * fit["margin"]
        low, high = _spread(fit["interval"], year)
        found = (alive, chance, orders, orders * money, year, low, high, btyd.get_next(rates, repeat, span, age))
        for place, values in enumerate(found):
            result[place, ever] = values
    return pd.DataFrame(result.T, index=summary.index, columns=list(COLUMNS), copy=False)


def tell_value(fit: dict, summary: pd.DataFrame, months: int) -> pd.Series:
    """The value of so many months, as ``year_value`` of `apply`.

    Parameters
    ----------
    fit, summary : as for `apply`
    months : 1 to 36: what lies beyond says more of the model than of the customer

    Returns
    -------
    pd.Series of float64, shape (n_customers,): money; NaN as in `apply`

    Raises
    ------
    ValueError
        If `months` is beyond `MOST_MONTHS`.
    """
    if not 1 <= months <= MOST_MONTHS:
        raise ValueError(f"A value can be told for 1 to {MOST_MONTHS} months, not for {months}.")
    ever = summary[schema.REPEAT_DAYS].notna().to_numpy()
    result = np.full(len(summary), np.nan)
    if fit["cannot_tell"] is None and ever.any():
        history = _check(summary)
        value = fit["value"] and btyd.Value(**fit["value"])
        worth = _tell_value(btyd.Rates(**fit["rates"]), value, history, months, fit["discount"]) if value else 0.0
        result[ever] = worth * fit["margin"]
    return pd.Series(result, index=summary.index)


def warn(
    predicted: pd.DataFrame, summary: pd.DataFrame, watch: float = WATCH, high: float = HIGH_RISK, lost: float = LOST
) -> pd.Series:
    """The level of risk that follows from the chance of no order within the horizon.

    Parameters
    ----------
    predicted, summary : what `apply` returned, and what it was made of
    watch, high, lost : inclusive lower bounds of that chance, rising, 0..1

    Returns
    -------
    pd.Series of object, shape (n_customers,): one of `risk.LEVELS`. Who bought on a single day may be lost, but is not
        warned of: whether somebody comes at all is another question than whether he stops. None: nothing can be told.

    >>> predicted = pd.DataFrame({"order_chance": [0.51, 0.5, 0.3, 0.1, 0.5, 0.1, np.nan]})
    >>> summary = pd.DataFrame({"repeat_days": [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, np.nan]})
    >>> warn(predicted, summary).tolist()
    ['none', 'watch', 'high', 'lost', 'none', 'lost', 'none']
    """
    # 1 - 0.7 shall reach 0.3 as on paper.
    stopped = (1 - predicted[schema.ORDER_CHANCE]).round(9)
    again = summary[schema.REPEAT_DAYS] > 0
    levels = np.select(
        [stopped >= lost, again & (stopped >= high), again & (stopped >= watch)],
        [risk.LOST, risk.HIGH, risk.WATCH],
        default=risk.NONE,
    )
    return pd.Series(levels, index=predicted.index, dtype=object)


def propose_step(fit: dict, summary: pd.DataFrame) -> float:
    """The finest step of chances with which a night of silence rewrites few of the cards.

    Parameters
    ----------
    fit, summary : as for `apply`

    Returns
    -------
    float, one of `STEPS`: where customers come every week, chances move by more in a night than where they come twice
        a year. The finest one with which at most `REWRITTEN` of the customers who bought cross a step in a night.
    """
    if fit["cannot_tell"]:
        return STEPS[0]
    repeat, span, age, *_ = _check(summary)
    rates, horizon = btyd.Rates(**fit["rates"]), fit["horizon"]
    now, tomorrow = (_tell_chance(fit, rates, repeat, span, age + night, horizon) for night in (0, 1))
    moved = np.abs(now - tomorrow).mean()
    return next((step for step in STEPS if moved <= REWRITTEN * step), STEPS[-1])


def shown(
    predicted: pd.DataFrame,
    summary: pd.DataFrame,
    as_of: datetime.date,
    before: pd.DataFrame | None = None,
    step: float = 0.05,
) -> pd.DataFrame:
    """The numbers as a person reads them, which change seldom.

    Parameters
    ----------
    predicted : as `apply` returns it
    summary : what it was made of
    as_of : today
    before : what was shown last, by the same fit and with the same step, same index; None: nothing
    step : of chances, one of `STEPS`

    Returns
    -------
    pd.DataFrame, shape (n_customers, 8), with the index of `predicted`

        - ``repeat_days``: float64
        - ``order_chance``: float64, in steps of `step`, halves upward
        - ``expected_orders``: float64, one decimal
        - ``expected_amount``, ``year_value``, ``year_value_low``, ``year_value_high``: float64, two digits
        - ``next_order_date``: datetime64[s], NaT: not expected

        Who has not ordered since `before`, and whose chance is in the same step, keeps all of it: each night of
        silence changes every number a little, and none of them enough to be told.

    >>> predicted = pd.DataFrame([[0.9, 0.674, 0.81, 1234.5, 5678.0, 0.0, 9999.0, 12.4]], columns=COLUMNS)
    >>> summary = pd.DataFrame({"repeat_days": [3.0]})
    >>> found = shown(predicted, summary, datetime.date(2024, 6, 30))
    >>> found.iloc[0, :-1].astype(float).tolist(), found.iloc[0, -1].date()
    ([3.0, 0.65, 0.8, 1200.0, 5700.0, 0.0, 10000.0], datetime.date(2024, 7, 12))
    """
    parts = round(1 / step)
    steps = np.floor(predicted[schema.ORDER_CHANCE].to_numpy() * parts + 0.5 + 1e-9)
    days = predicted[schema.NEXT_ORDER_DAYS].to_numpy()
    # Beyond thirty years it is not expected either.
    known = days < 30 * YEAR
    dates = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[s]")
    dates[known] = schema.day(as_of) + np.rint(days[known]).astype("int64")
    money = (schema.EXPECTED_AMOUNT, schema.YEAR_VALUE, schema.YEAR_VALUE_LOW, schema.YEAR_VALUE_HIGH)
    result = pd.DataFrame(
        {
            schema.REPEAT_DAYS: summary[schema.REPEAT_DAYS].to_numpy(),
            schema.ORDER_CHANCE: steps / parts,
            schema.EXPECTED_ORDERS: predicted[schema.EXPECTED_ORDERS].to_numpy().round(1),
            **{name: _two_digits(predicted[name].to_numpy()) for name in money},
            schema.NEXT_ORDER_DATE: dates,
        },
        index=predicted.index,
    )
    if before is not None:
        same = np.ones(len(result), dtype=bool)
        for name in (schema.REPEAT_DAYS, schema.ORDER_CHANCE):
            then, now = before[name].to_numpy(), result[name].to_numpy()
            same &= (then == now) | (np.isnan(then) & np.isnan(now))
        for name in result:
            result[name] = np.where(same, before[name].to_numpy(), result[name].to_numpy())
    return result


def _check(summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four columns of who ever bought, looked through, and of how many days the worth is."""
    absent = [name for name in _INPUTS if name not in summary.columns]
    if absent:
        raise ValueError(f"The summary lacks the columns {', '.join(absent)}.")
    ever = summary[schema.REPEAT_DAYS].notna().to_numpy()
    columns = tuple(summary[name].to_numpy(dtype="float64")[ever] for name in _INPUTS)
    repeat, span, age, _ = columns
    for name, values in zip(_INPUTS, columns, strict=True):
        wrong = ~np.isfinite(values)
        if name != schema.ORDER_VALUE:
            wrong |= (values < 0) | (values != np.rint(values)) | (values >= 1 << _AGE_BITS)
        if wrong.any():
            raise ValueError(f"Column {name!r} is no such number for {wrong.sum()} of {len(values)} customers.")
    wrong = (span > age) | (repeat > span) | ((repeat == 0) & (span > 0))
    if wrong.any():
        raise ValueError(
            f"Column {schema.SPAN_DAYS!r} contradicts the others for {wrong.sum()} of {len(span)} customers."
        )
    if schema.BOUGHT_DAYS not in summary.columns:
        return *columns, repeat + 1
    paid = summary[schema.BOUGHT_DAYS].to_numpy(dtype="float64")[ever]
    wrong = ~((paid >= 0) & (paid <= repeat + 1))
    if wrong.any():
        raise ValueError(
            f"Column {schema.BOUGHT_DAYS!r} contradicts the others for {wrong.sum()} of {len(paid)} customers."
        )
    return *columns, paid


def _say(code: str, **facts) -> dict:
    return {"code": code, "facts": facts}


def _find_obstacle(repeat, span, age, horizon: int, typical_gap: float | None) -> dict | None:
    """Why nothing can be told yet; what comes first decides."""
    customers = len(repeat)
    if not customers:
        return _say(NO_CUSTOMERS)
    if span.max() == 0 and age.max() == age.min():
        return _say(ONE_DAY, customers=customers)
    needed = max(LEAST_LOOK, horizon // 3)
    if age.max() < needed:
        return _say(SHORT_HISTORY, days=int(age.max()), needed=needed)
    if customers < FEW:
        return _say(FEW_CUSTOMERS, customers=customers, needed=FEW)
    if not (repeat > 0).any():
        return _say(NO_REPEAT, customers=customers)
    begun = np.bincount(age.astype("int64"))
    if begun.max() * 2 > customers:
        return _say(IMPORTED, customers=int(begun.max()), of=customers, days=int(begun.argmax()))
    if typical_gap is not None and typical_gap > SLOW:
        return _say(SLOW_TRADE, days=round(typical_gap), most=SLOW)
    return None


class _Alike(NamedTuple):
    """The different customers of whom the model knows x, tx and T, ascending, and how many of each there are."""

    repeat: np.ndarray
    span: np.ndarray
    age: np.ndarray
    count: np.ndarray  # float64


def _group(repeat: np.ndarray, span: np.ndarray, age: np.ndarray, *more: np.ndarray) -> tuple[_Alike, list[np.ndarray]]:
    """Customers who are alike, and for each such group the sums of more columns, of whole numbers.

    No result depends on the order of the rows, and most who bought once are alike.

    >>> columns = np.array([1.0, 0.0, 1.0]), np.array([9.0, 0.0, 9.0]), np.array([9.0, 5.0, 9.0])
    >>> alike, sums = _group(*columns, np.array([1.0, 0.0, 1.0]))
    >>> [column.tolist() for column in alike], sums[0].tolist()
    ([[0.0, 1.0], [0.0, 9.0], [5.0, 9.0], [1.0, 2.0]], [0.0, 2.0])
    """
    size = 1 + int(age.max(initial=0))
    # One number to sort by takes a fifth of the time of three.
    key = (repeat.astype("int64") * size + span.astype("int64")) * size + age.astype("int64")
    order = key.argsort()
    start = np.flatnonzero(btyd.is_new(repeat[order], span[order], age[order]))
    some = order[start]
    count = np.diff(start, append=len(order)).astype("float64")
    sums = [np.add.reduceat(column[order], start) for column in more]
    return _Alike(repeat[some], span[some], age[some], count), sums


class _Known(NamedTuple):
    """A past with the model that could be fitted then."""

    role: str
    days: int
    horizon: int
    rates: btyd.Rates
    value: btyd.Value | None
    alike: _Alike
    stopped: np.ndarray  # of who is alike, how many did not come within the horizon
    orders: float  # that came
    history: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    amount: np.ndarray


def _recall(past: Past, rates: btyd.Rates, prior: bool) -> _Known | None:
    """None: no peak is found for that day, so nothing can be learned from it. It is looked for from today's `rates`."""
    summary = past.summary[past.summary[schema.REPEAT_DAYS].notna()]
    history = _check(summary)
    orders, amount = (summary[name].to_numpy() for name in (schema.CAME_ORDERS, schema.CAME_AMOUNT))
    alike, (stopped,) = _group(*history[:3], (orders == 0).astype("float64"))
    then, converged = btyd.fit_rates(*alike, prior=prior, start=rates)
    *_, average, paid = history
    value, peak = btyd.fit_value(paid, average, prior=prior) if past.role == VALUE else (None, True)
    if not (converged and peak):
        return None
    return _Known(past.role, past.days, past.horizon, then, value, alike, stopped, float(orders.sum()), history, amount)


def _fit_correction(rates: btyd.Rates, alike: _Alike, horizon: int, days: Sequence[_Known]) -> dict | None:
    learned = []
    for past in sorted(days, key=lambda past: past.days)[:EARLIER_DAYS]:
        if past.alike.count.sum() >= CORRECTED_THEN:
            features = _features_of(past.rates, past.alike, past.horizon)
            learned.append(Learned(past.days, past.horizon, features, past.stopped, past.alike.count))
    found = learn_correction(learned)
    if found is None:
        return None
    mean, spread, weights = ([btyd.short(number) for number in numbers] for numbers in found)
    features = _features_of(rates, alike, horizon)
    given = _mean_chance(features[:, 0], alike.count)
    shift = find_shift(_apply_weights(features, (mean, spread, weights)), given, alike.count)
    return {"mean": mean, "spread": spread, "weights": weights, "shift": btyd.short(shift)}


def _features_of(rates: btyd.Rates, alike: _Alike, horizon: int) -> np.ndarray:
    repeat, span, age, _ = alike
    return _features(btyd.get_stopped(rates, repeat, span, age, horizon), age - span, repeat)


def _fit_season(past: _Known) -> dict:
    """By how much the model of a year ago was wrong, believed as far as it knew a year then."""
    repeat, span, age, count = past.alike
    customers = count.sum()
    stopped = btyd.get_stopped(past.rates, repeat, span, age, past.horizon)
    expected = float((btyd.get_expected(past.rates, repeat, span, age, past.horizon) * count).sum())
    weight = min(1.0, float(age.max()) / YEAR)
    # Of all or of none of few customers no shift is large enough.
    share = min(max(float(past.stopped.sum() / customers), 0.5 / customers), 1 - 0.5 / customers)
    shift = weight * find_shift(_logit(stopped), share, count)
    ratio = past.orders / expected if expected > 0 else 1.0
    low, high = SEASON_FACTOR
    return {
        "shift": btyd.short(min(max(shift, -SEASON_SHIFT), SEASON_SHIFT)),
        "factor": btyd.short(min(max(1 + weight * (ratio - 1), low), high)),
        "weight": btyd.short(weight),
        "ratio": btyd.short(ratio),
    }


def _fit_interval(past: _Known, worth: np.ndarray) -> dict | None:
    """How far what came lay from what was expected, by tenths of what was expected."""
    repeat, span, age, average, paid = past.history
    money = btyd.mix_value(past.value, paid, average)
    expected = btyd.get_expected(past.rates, repeat, span, age, past.horizon) * money
    some = expected > 0
    expected, came, worth = expected[some], past.amount[some], worth[worth > 0]
    if len(expected) < CORRECTED_THEN or not len(worth):
        return None
    tenth = np.searchsorted(np.quantile(expected, TENTHS), expected, side="right")
    low, high = [], []
    for place in range(10):
        # Where many expect the same, a tenth may be empty: the next lower one speaks for it.
        ratio = (came / expected)[tenth == place]
        ratio = ratio if len(ratio) else came / expected
        low.append(btyd.short(max(float(np.quantile(ratio, LOW)), 0.0)))
        high.append(btyd.short(max(float(np.quantile(ratio, HIGH)), 0.0)))
    return {"edges": [btyd.short(edge) for edge in np.quantile(worth, TENTHS)], "low": low, "high": high}


def _spread(interval: dict | None, year: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if interval is None:
        return np.full(len(year), np.nan), np.full(len(year), np.nan)
    tenth = np.searchsorted(interval["edges"], year, side="right")
    return year * np.array(interval["low"])[tenth], year * np.array(interval["high"])[tenth]


def _tell_chance(fit: dict, rates: btyd.Rates, repeat, span, age, horizon: int) -> np.ndarray:
    """The chance of an order within the horizon, corrected and in season."""
    return 1 - _correct(fit, btyd.get_stopped(rates, repeat, span, age, horizon), repeat, age - span)


def _correct(fit: dict, stopped: np.ndarray, repeat: np.ndarray, silence: np.ndarray) -> np.ndarray:
    """The chance of no order by the model, corrected and in season."""
    correction, season = fit["correction"], fit["season"]
    if not (correction or season):
        return stopped
    logit = _logit(stopped)
    if correction:
        features = _features(stopped, silence, repeat)
        logit = logit + _deviation(features, *(correction[name] for name in ("mean", "spread", "weights")))
        logit = logit + correction["shift"]
    if season:
        logit = logit + season["shift"]
    return _chance(logit)


def _months(months: int, discount: float) -> list[tuple[float, float]]:
    """Until the end of each month, and by how much the orders until then count.

    Those of a month are the ones until its end less those until its beginning, times what money of its middle is worth
    today. Sorted by ends, each counts what its month is worth less what the next one is.

    >>> [(round(end, 2), round(weight, 4)) for end, weight in _months(2, 0.10)]  # 1.1 ** (-1 / 24), 1.1 ** (-3 / 24)
    [(30.42, 0.0079), (60.83, 0.9882)]
    """
    worth = [(1 + discount) ** -((month + 0.5) / 12) for month in range(months)]
    return [
        (YEAR * (month + 1) / 12, now - later)
        for month, (now, later) in enumerate(zip(worth, [*worth[1:], 0.0], strict=True))
    ]


def _tell_value(rates: btyd.Rates, value: btyd.Value, history: tuple, months: int, discount: float) -> np.ndarray:
    repeat, span, age, average, paid = history
    (orders,) = btyd.orders_if_alive(rates, repeat, age, [_months(months, discount)])
    return btyd.get_alive(rates, repeat, span, age) * orders * btyd.mix_value(value, paid, average)


def _two_digits(values: np.ndarray) -> np.ndarray:
    """With two digits; below 0.1 as cents.

    >>> _two_digits(np.array([0.0, 0.004, 0.126, 1234.5, -996.0, 1e12, np.nan])).tolist()
    [0.0, 0.0, 0.13, 1200.0, -1000.0, 1000000000000.0, nan]
    """
    size = np.abs(np.where(np.isnan(values), 1.0, values))
    unit = 10.0 ** np.maximum(np.floor(np.log10(np.maximum(size, 0.1))) - 1, -2)
    # Divided by a whole power where there is one: 0.13 is the float nearest to it then.
    return np.where(unit < 1, np.round(values, 2), np.rint(values / unit) * unit) + 0.0
