"""Did it do something? What may be called an effect, and how large it is.

Three questions, each with the only method that answers it:

* follow-ups: some customers are *held out* by chance, and both groups are compared (:func:`compare_shares`,
  :func:`compare_money`), once as many have come as were planned (:func:`judge`);
* a tier: customers who entered it just above its floor beside those just below, who are alike but for the tier
  (:func:`find_jump`);
* who was called beside who was not, without a draw: a hint, no effect (:func:`compare_alike`), since people choose whom
  they call.

All intervals are of 95 %. Nothing here says "significant": an interval says from where to where.
"""

import dataclasses
import hashlib
import math
from collections.abc import Sequence

import numpy as np

from .forecasts import Z, get_wilson

#: Fewer customers in a group, or fewer buyers in both, have no interval.
LEAST_GROUP, LEAST_BUYERS = 30, 10
#: Money above this percentile of all who paid counts as much as this percentile: one large order is no effect.
CAPPED = 99
#: What comes of a good draw less often is a damaged one.
DAMAGED = 0.001
#: The normal quantile of a power of 80 %.
Z_POWER = 0.8416212335729143
#: A difference between these is none that anybody cares for.
BOUND = 0.03
#: Points beside a floor within which customers are compared; at half and at twice as many the jump is shown, too.
BAND = 15.0
#: Fewer customers in the band tell nothing.
LEAST_BAND = 1_500
#: A floor must raise the share who hold the tier by this much.
LEAST_FIRST_STAGE = 0.5
#: Of fewer customers of a policy nothing is told of its tiers' borders.
LEAST_CUSTOMERS = 5_000
#: So many must be in a band in which there may be no jump, and in a narrower one that is shown beside.
LEAST_CHECK = 500
#: So many points away from a floor there may be none.
PLACEBO = 10.0
#: The normal quantile of 99 %: a check that fails by chance takes away what is right.
Z_CHECK = 2.5758293035489004
#: Points beside a floor of which a dot of the picture tells.
DOT = 2.5
#: Groups of like customers by what they did before.
STRATA = 5


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much more there was with than without.

    Parameters
    ----------
    value : with less without
    low, high : the ends of its interval, 95 %
    with_, without : what was measured, a share 0..1 or the mean money of a customer
    """

    value: float
    low: float
    high: float
    with_: float
    without: float

    @property
    def variance(self) -> float:
        """Of ``value``, as far as the interval is that of a normal distribution."""
        return ((self.high - self.low) / (2 * Z)) ** 2


def draw(salt: str, playbook: int, partners: Sequence[int], percent: float) -> np.ndarray:
    """Who is held out: the same customers whenever it is asked, whatever becomes of the others.

    The twin of the statement that takes the events: the first 32 bits of an MD5 of salt, playbook and customer, in
    ten-thousandths.

    Parameters
    ----------
    percent : 0..100, of which hundredths count

    Returns
    -------
    array of bool, shape (n,)

    >>> draw("a", 7, range(1, 9), 50).tolist()
    [False, False, False, False, False, True, True, False]
    """
    drawn = (hashlib.md5(f"{salt}:{playbook}:{id_}".encode()).hexdigest() for id_ in partners)
    most = round(100 * percent)  # 100 * 1.1 is more than 110 here, and not in the database
    return np.array([int(text[:8], 16) % 10_000 < most for text in drawn], dtype=bool)


def is_damaged(followed: int, held: int, percent: float) -> bool:
    """Whether so many held out cannot come from a draw of ``percent``: something lost customers of one group only.

    >>> is_damaged(800, 200, 20), is_damaged(1100, 900, 50)
    (False, True)
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - only who looks for an effect needs it

    # Not by a chi-square: of few customers the first one held out would be more than it allows.
    if not (0 < percent < 100 and followed + held):
        return False
    return bool(binomtest(held, followed + held, percent / 100).pvalue < DAMAGED)


def compare_shares(hits: float, count: float, hits_without: float, count_without: float, z: float = Z) -> Difference:
    """The difference of two shares, by the hybrid of Wilson's intervals (Newcombe 1998, method 10).

    >>> found = compare_shares(56, 70, 48, 80)
    >>> round(found.low, 4), round(found.high, 4)
    (0.0524, 0.3339)
    """
    first, second = hits / count, hits_without / count_without
    (low, high), (low_without, high_without) = get_wilson(hits, count, z), get_wilson(hits_without, count_without, z)
    value = first - second
    return Difference(
        value,
        value - math.hypot(first - low, high_without - second),
        value + math.hypot(high - first, second - low_without),
        first,
        second,
    )


def compare_money(
    money: np.ndarray, before: np.ndarray, money_without: np.ndarray, before_without: np.ndarray, *, capped: bool = True
) -> Difference:
    """The difference of the mean money of two groups, of which what each customer paid before is taken off.

    What is paid before and after is capped at the 99th percentile of those of both groups together who paid: where few
    do, that of all would be 0. The largest of few is capped, too. By what was paid before, the money is brought to that
    of customers who paid the same (CUPED, Deng et al. 2013), which makes the interval narrower and moves nothing, as
    the draw does not know the past. The interval is Welch's.

    Parameters
    ----------
    money, before : of the customers with it, float64, shape (n,), in the time after and in the year before
    money_without, before_without : the same of those without, shape (m,)
    capped : False: as it is, which is shown beside and no verdict comes from
    """
    with_, without = np.asarray(money, float), np.asarray(money_without, float)
    past, past_without = np.asarray(before, float), np.asarray(before_without, float)
    if capped:
        most, most_past = (_get_most(np.concatenate(two)) for two in ((with_, without), (past, past_without)))
        with_, without = np.minimum(with_, most), np.minimum(without, most)
        past, past_without = np.minimum(past, most_past), np.minimum(past_without, most_past)
    everybody, all_past = np.concatenate((with_, without)), np.concatenate((past, past_without))
    spread = all_past.var()
    theta = ((all_past - all_past.mean()) * (everybody - everybody.mean())).mean() / spread if spread else 0.0
    mean_past = all_past.mean()
    return _compare_means(with_ - theta * (past - mean_past), without - theta * (past_without - mean_past))


def _get_most(money):
    paid = money[money > 0]
    return np.percentile(paid, CAPPED, method="lower") if len(paid) else np.inf


def _compare_means(with_, without):
    from scipy.stats import t  # noqa: PLC0415 - only who looks for an effect needs it

    parts = [values.var(ddof=1) / len(values) for values in (with_, without)]
    error = math.sqrt(sum(parts))
    value = float(with_.mean() - without.mean())
    shares = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (with_, without), strict=True))
    margin = t.ppf(0.975, sum(parts) ** 2 / shares) * error if shares else 0.0
    return Difference(value, value - margin, value + margin, float(with_.mean()), float(without.mean()))


def pool(found: Sequence[Difference]) -> Difference:
    """What several playbooks of one kind did together, each weighed by how sure it is.

    >>> one, two = Difference(0.1, 0.0, 0.2, 0.4, 0.3), Difference(0.2, 0.1, 0.3, 0.5, 0.3)
    >>> both = pool([one, two])
    >>> round(both.value, 3), round(both.high - both.value, 4)
    (0.15, 0.0707)
    """
    weights = np.array([1 / max(each.variance, 1e-12) for each in found])
    value, with_, without = (
        float(np.average([getattr(each, name) for each in found], weights=weights))
        for name in ("value", "with_", "without")
    )
    margin = Z / math.sqrt(weights.sum())
    return Difference(value, value - margin, value + margin, with_, without)


# ----------------------------------------------------------------------
# How many are needed
# ----------------------------------------------------------------------


def count_needed(base: float, rise: float, percent: float) -> int:
    """How many events it takes until a rise is found four times of five, with a false alarm once in twenty.

    Parameters
    ----------
    base : share who buy without it, 0..1
    rise : that is to be found, above 0
    percent : held out, above 0 and below 100

    >>> count_needed(0.30, 0.10, 20)
    1060
    """
    share, risen = percent / 100, min(base + rise, 1.0)
    spread = base * (1 - base) / share + risen * (1 - risen) / (1 - share)
    return math.ceil((Z + Z_POWER) ** 2 * spread / rise**2)


def find_smallest_rise(base: float, events: int, percent: float) -> float | None:
    """The smallest rise that so many events find; None: not even that all buy.

    >>> [round(100 * find_smallest_rise(0.30, 1000, percent)) for percent in (10, 20, 50)]
    [14, 10, 8]
    """
    low, high = 0.0, 1.0 - base
    if high <= 0 or count_needed(base, high, percent) > events:
        return None
    for _half in range(50):
        middle = (low + high) / 2
        if middle and count_needed(base, middle, percent) <= events:
            high = middle
        else:
            low = middle
    return high


def get_running_margin(spread: float, count: int, planned: int) -> float:
    """Half of an interval that holds at all times together, so that it may be looked at every day.

    A confidence sequence (Waudby-Smith et al. 2024), the narrowest when as many have come as were planned.

    Parameters
    ----------
    spread : standard deviation of one event's part of the difference
    count, planned : number of events, so far and in the end
    """
    rho2 = (-2 * math.log(0.05) + math.log(-2 * math.log(0.05) + 1)) / planned
    grown = count * rho2 + 1
    return spread * math.sqrt(2 * grown / (count**2 * rho2) * math.log(math.sqrt(grown) / 0.05))


def widen(found: Difference, count: int, planned: int) -> Difference:
    """A difference with the interval that holds although somebody looks at it every day until all have come.

    Each side grows as many times as :func:`get_running_margin` is wider than what holds for a single look.

    >>> found = widen(Difference(0.1, 0.05, 0.16, 0.4, 0.3), 500, 1_000)
    >>> [round(end, 3) for end in (found.value, found.low, found.high)]
    [0.1, 0.021, 0.194]
    """
    times = get_running_margin(1.0, count, planned) * math.sqrt(count) / Z
    low, high = found.value - times * (found.value - found.low), found.value + times * (found.high - found.value)
    return dataclasses.replace(found, low=low, high=high)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What may be said.

    Parameters
    ----------
    code : ``"damaged"``: the draw is, nothing may be said; ``"too_few"``: not even an interval; ``"early"``: fewer than
        planned, no verdict yet; ``"more"`` or ``"fewer"``: an effect; ``"none"``: none that is larger than `BOUND`;
        ``"cannot_tell"``: either is possible
    difference : of the shares who bought; None: no interval. Before as many have come as are planned, with the interval
        of :func:`widen`
    needed : how many more events it takes, about; None: that is not said
    """

    code: str
    difference: Difference | None = None
    needed: int | None = None


def judge(hits: int, count: int, hits_held: int, count_held: int, percent: float, planned: int) -> Verdict:
    """What follow-ups did for the share of customers who bought again.

    Parameters
    ----------
    hits, count : customers followed up who bought, and all of them
    hits_held, count_held : the same of who was held out
    percent : that was to be held out
    planned : number of events at which the verdict is due
    """
    if problem := _find_problem(count, count_held, hits + hits_held, percent, planned):
        return problem
    found = compare_shares(hits, count, hits_held, count_held)
    return _judge(found, count + count_held, planned, BOUND, percent)


def judge_money(found: Difference, buyers: int, count: int, count_held: int, percent: float, planned: int) -> Verdict:
    """What follow-ups did for the money of a customer, as :func:`judge` says it of shares.

    Parameters
    ----------
    found : as :func:`compare_money` finds it
    buyers : who bought, of both groups
    """
    if problem := _find_problem(count, count_held, buyers, percent, planned):
        return problem
    return _judge(found, count + count_held, planned, BOUND * abs(found.without), None)


def _find_problem(count, count_held, buyers, percent, planned):
    """Return why there is not even an interval, a `Verdict`; None: there is one."""
    if is_damaged(count, count_held, percent):
        return Verdict("damaged")
    if min(count, count_held) < LEAST_GROUP or buyers < LEAST_BUYERS:
        return Verdict("too_few", needed=max(planned - count - count_held, 0) or None)
    return None


def _judge(found, events, planned, bound, percent):
    if events < planned:
        return Verdict("early", widen(found, events, planned), planned - events)
    if found.low > 0:
        return Verdict("more", found)
    if found.high < 0:
        return Verdict("fewer", found)
    if max(-found.low, found.high) <= bound:
        return Verdict("none", found)
    rise = max(abs(found.value), bound)
    if percent is not None:
        needed = count_needed(found.without, rise, percent)
    elif rise:  # an interval becomes narrower with the root of the number
        needed = math.ceil(events * ((found.high - found.low) / 2 / Z * (Z + Z_POWER) / rise) ** 2)
    else:
        return Verdict("cannot_tell", found)
    return Verdict("cannot_tell", found, max(needed - events, 1))


# ----------------------------------------------------------------------
# Follow-ups and what came after them
# ----------------------------------------------------------------------


def measure(
    place: np.ndarray,
    day: np.ndarray,
    buyer: np.ndarray,
    bought: np.ndarray,
    money: np.ndarray,
    days: int,
    first: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each customer bought after a day, and paid in the year before it.

    Parameters
    ----------
    place : of each event its customer, as `buyer` has it, int, shape (n,), no customer twice
    day : of each event, datetime64[D], shape (n,)
    buyer, bought, money : of each purchase its customer, day and money, shape (m,); money below 0 is no purchase, but
        counts
    days : that count
    first : of them, 0: the day of the event, 1: the day after

    Returns
    -------
    the number of purchases after it, their money, and the money of the 365 days before it, float64, each of shape (n,)

    >>> day = np.array(["2026-03-01"], "datetime64[D]")
    >>> bought = np.array(["2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"], "datetime64[D]")
    >>> [found.tolist() for found in measure(np.array([5]), day, np.full(4, 5), bought, np.array([1.0, 2, 4, 8]), 2)]
    [[2.0], [6.0], [1.0]]
    >>> found = measure(np.array([5]), day, np.full(4, 5), bought, np.array([1.0, 2, 4, -8]), 2, first=1)
    >>> [values.tolist() for values in found]
    [[1.0], [-4.0], [1.0]]
    """
    row = np.full(max(place.max(initial=-1), buyer.max(initial=-1)) + 1, -1)
    row[place] = np.arange(len(place))
    row = row[buyer]
    known = row >= 0
    row, money = row[known], money[known]
    away = (bought[known] - day[row]).astype(int)
    after, before = (away >= first) & (away < first + days), (away < 0) & (away >= -365)
    count = np.bincount(row[after & (money > 0)], minlength=len(place)).astype(float)
    sums = [np.bincount(row[chosen], money[chosen], minlength=len(place)) for chosen in (after, before)]
    return count, *sums


def compare_groups(
    held: np.ndarray,
    orders: np.ndarray,
    money: np.ndarray,
    before: np.ndarray,
    *,
    percent: float,
    planned: int,
    by_money: bool,
    margins: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict:
    """Who was followed up beside who was held out, in all measures, and what may be said by the one that was chosen.

    The verdict is about the first `planned` customers, so that who looks again later does not find by chance what was
    not there: the arrays are in the order of the events.

    Parameters
    ----------
    held : bool, shape (n,)
    orders, money, before : of each customer, see :func:`measure`, shape (n,)
    percent : that was to be held out
    planned : number of events at which the verdict is due
    by_money : whether money is the chosen measure, not the share who bought
    margins : what is left of `money` and of `before` after what the goods cost, each of shape (n,); None: not known

    Returns
    -------
    dict of plain values: ``code`` and ``needed`` of the `Verdict`; ``followed`` and ``held`` (numbers of customers) of
    those that it is about; ``main``, of the chosen measure, and ``bought``, ``orders``, ``money``, ``whole`` (money
    without a cap), ``margin``, each a dict of `Difference` or None; ``counts``: of both groups, who bought
    """
    held, orders, money, before = held[:planned], orders[:planned], money[:planned], before[:planned]
    bought = orders > 0
    hits, hits_held = int((bought & ~held).sum()), int((bought & held).sum())
    count, count_held = int((~held).sum()), int(held.sum())
    found = dict.fromkeys(("bought", "orders", "money", "whole", "margin"))
    if min(count, count_held) >= LEAST_GROUP and hits + hits_held >= LEAST_BUYERS:
        found = {
            "bought": compare_shares(hits, count, hits_held, count_held),
            "orders": _compare_means(orders[~held], orders[held]),
            "money": compare_money(money[~held], before[~held], money[held], before[held]),
            "whole": _compare_means(money[~held], money[held]),
            "margin": None,
        }
        if margins:
            margin, past = (values[:planned] for values in margins)
            found["margin"] = compare_money(margin[~held], past[~held], margin[held], past[held])
    if by_money and found["money"]:
        verdict = judge_money(found["money"], hits + hits_held, count, count_held, percent, planned)
    else:
        verdict = judge(hits, count, hits_held, count_held, percent, planned)
    if verdict.code == "early":
        found = {name: each and widen(each, count + count_held, planned) for name, each in found.items()}
    return {
        "code": verdict.code,
        "needed": verdict.needed,
        "followed": count,
        "held": count_held,
        "counts": [hits, hits_held],
        "main": "money" if by_money else "bought",
        **{name: each and dataclasses.asdict(each) for name, each in found.items()},
    }


# ----------------------------------------------------------------------
# The border of a tier
# ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Jump:
    """What reaching a tier did, at its floor.

    Parameters
    ----------
    code : ``"found"``; or why nothing can be told: ``"too_few"`` customers in the band, ``"weak"``: the floor decides
        of too few who holds the tier, ``"piled_up"``: there are more just on one side than chance brings about, so
        customers bring themselves above it
    difference : of the customers at the floor, with the tier less without; None: nothing can be told
    first_stage : by how much the share who hold the tier rises at the floor; None: too few customers
    customers : in the band
    """

    code: str
    difference: Difference | None
    first_stage: float | None
    customers: int


def find_jump(
    score: np.ndarray, floor: float, holds: np.ndarray, came: np.ndarray, past: np.ndarray, band: float = BAND
) -> Jump:
    """By how much what came afterwards jumps at the floor of a tier, among customers who were not in it before.

    Two lines of what came over the score, one on each side, the nearer customers weighing more (local linear
    regression with a triangular kernel, Hahn et al. 2001), with the past held fixed. Where grace or steps let some hold
    the tier below the floor, or not above, the jump is divided by that of who holds it (two-stage least squares). The
    interval is robust (HC3).

    Parameters
    ----------
    score : 0..100, float64, shape (n,)
    floor : the lowest score of the tier
    holds : who held the tier afterwards, bool, shape (n,)
    came : what came, float64, shape (n,), such as 1 and 0 for bought and not
    past : what each did in the year before, as the logarithm of 1 + money, float64, shape (n,)
    band : points beside the floor
    """
    near = np.abs(score - floor) < band
    count = int(near.sum())
    if count < LEAST_BAND:
        return Jump("too_few", None, None, count)
    if _is_piled_up(score[near] - floor):
        return Jump("piled_up", None, None, count)
    found, stage = _measure_jump(score, floor, holds, came, past, band)
    if stage < LEAST_FIRST_STAGE:
        return Jump("weak", None, stage, count)
    return Jump("found", found, stage, count)


def judge_border(
    score: np.ndarray,
    floor: float,
    holds: np.ndarray,
    bought: np.ndarray,
    money: np.ndarray,
    past: np.ndarray,
    customers: int,
) -> dict:
    """What reaching a tier did, or why that cannot be told, with the checks and the picture.

    Beside :func:`find_jump` there may be no jump in what customers did before, nor 10 points below the floor, among
    those below it, nor 10 points above it, among those above: where the 99 % interval of such a jump leaves out 0, the
    method does not fit these customers. At half and at twice the band the jump is shown beside.

    Parameters
    ----------
    score, floor, holds, past : see :func:`find_jump`
    bought : who bought afterwards, bool, shape (n,)
    money : what they paid, as the logarithm of 1 + money, float64, shape (n,)
    customers : of the policy, on the last of the days

    Returns
    -------
    dict of plain values: ``code``, that of the `Jump` or ``"few_customers"``, ``"unlike"`` (they differ in what they
    did before), ``"elsewhere"`` (there is a jump where there may be none), ``"more"``, ``"fewer"``, ``"none"`` or
    ``"cannot_tell"``; ``customers``; ``entrants``: customers compared, of whatever score; ``near``: in the band;
    ``sides``: of these, above and below; ``first_stage``; ``bought`` and ``money``, each a dict of `Difference`, or
    None; ``bands``: ``[[points, the jump of who bought as a dict, or None]]``; ``checks``: ``[[name, "good", "failed"
    or "too_few"]]``; ``dots``: ``[[points from the floor, customers, share who bought]]``; ``lines``: ``[[points,
    share, points, share]]`` below and above
    """
    near = np.abs(score - floor) < BAND
    above = score >= floor
    found = {
        "code": "few_customers",
        "customers": customers,
        "entrants": len(score),
        "near": int(near.sum()),
        "sides": [int((near & above).sum()), int((near & ~above).sum())],
        "first_stage": None,
        "bought": None,
        "money": None,
        "bands": [],
        "checks": [],
        "dots": [],
        "lines": [],
    }
    if customers < LEAST_CUSTOMERS:
        return found
    jump = find_jump(score, floor, holds, bought, past)
    found |= {"code": jump.code, "first_stage": jump.first_stage}
    if jump.code == "too_few":
        return found
    found["dots"], found["lines"] = _draw_border(score, floor, bought, past)
    if not jump.difference:
        return found
    found["checks"] = [list(check) for check in _check_border(score, floor, bought, past)]
    for band in (BAND / 2, BAND * 2):
        enough = (np.abs(score - floor) < band).sum() >= LEAST_CHECK
        beside, stage = _measure_jump(score, floor, holds, bought, past, band) if enough else (None, 0.0)
        shown = dataclasses.asdict(beside) if stage >= LEAST_FIRST_STAGE else None
        found["bands"].append([band, shown])
    failed = [name for name, code in found["checks"] if code == "failed"]
    if failed:
        return found | {"code": "unlike" if "past" in failed else "elsewhere"}
    paid, _stage = _measure_jump(score, floor, holds, money, past, BAND)
    found |= {"bought": dataclasses.asdict(jump.difference), "money": dataclasses.asdict(paid)}
    return found | {"code": _judge(jump.difference, 0, 0, BOUND, None).code}


def _measure_jump(score, floor, holds, came, past, band):
    """The jump at the floor, a `Difference`, and by how much the share who hold the tier rises there."""
    near = np.abs(score - floor) < band
    away, came, past, holds = score[near] - floor, came[near].astype(float), past[near], holds[near].astype(float)
    above = (away >= 0).astype(float)
    weights = 1 - np.abs(away) / band
    shared = np.column_stack([np.ones(len(away)), away, above * away, past - past.mean()])
    instruments = np.column_stack([shared, above])
    (*_rest, stage), _error, _leverage = _fit(instruments, instruments, holds, weights)
    coefficients, error, _leverage = _fit(np.column_stack([shared, holds]), instruments, came, weights)
    value, without = float(coefficients[-1]), float(coefficients[0])
    return Difference(value, value - Z * error, value + Z * error, without + value, without), float(stage)


def _check_border(score, floor, bought, past):
    """Yield the name of each check and what it found."""
    above = score >= floor
    everybody, nothing = np.ones(len(score), dtype=bool), np.zeros(len(score))
    checks = (
        ("past", everybody, floor, past, nothing, BAND),
        ("below", ~above, floor - PLACEBO, bought, past, PLACEBO),
        ("above", above, floor + PLACEBO, bought, past, PLACEBO),
    )
    for name, chosen, border, came, before, band in checks:
        sides = score[chosen & (np.abs(score - border) < band)] >= border
        if min(sides.sum(), (~sides).sum()) < LEAST_CHECK / 2:
            yield name, "too_few"
            continue
        theirs = score[chosen]
        jump, _stage = _measure_jump(theirs, border, theirs >= border, came[chosen], before[chosen], band)
        yield name, "failed" if abs(jump.value) > (jump.high - jump.low) / 2 / Z * Z_CHECK else "good"


def _draw_border(score, floor, bought, past):
    """The dots and the two lines of the picture, see :func:`judge_border`."""
    near = np.abs(score - floor) < BAND
    away, came, past = score[near] - floor, bought[near].astype(float), past[near]
    place = np.floor(away / DOT).astype(int)
    dots = []
    for each in np.unique(place).tolist():
        inside = came[place == each]
        dots.append([(each + 0.5) * DOT, len(inside), float(inside.mean())])
    above = (away >= 0).astype(float)
    columns = np.column_stack([np.ones(len(away)), away, above, above * away, past - past.mean()])
    (at, slope, step, more, _past), _error, _leverage = _fit(columns, columns, came, 1 - np.abs(away) / BAND)
    least, most = (float(end) for end in (away.min(), away.max()))
    lines = [[least, at + least * slope, 0.0, at], [0.0, at + step, most, at + step + most * (slope + more)]]
    return dots, [[float(number) for number in line] for line in lines]


def _fit(columns, instruments, target, weights):
    """Weighted two-stage least squares; the last coefficient's robust error (HC3, leverage of the instruments)."""
    weighted = instruments * weights[:, None]
    inverse = np.linalg.pinv(weighted.T @ columns)
    coefficients = inverse @ (weighted.T @ target)
    leverage = np.einsum("ij,jk,ik->i", instruments, np.linalg.pinv(weighted.T @ instruments), weighted)
    residual = (target - columns @ coefficients) / np.maximum(1 - leverage, 1e-6)
    spread = inverse @ ((weighted * residual[:, None] ** 2).T @ weighted) @ inverse.T
    return coefficients, math.sqrt(max(spread[-1, -1], 0.0)), leverage


def _is_piled_up(away):
    """Whether the customers within a point above the floor are too many or too few for those below, once in a hundred
    times by chance. How many are to be expected on each side follows from a line through those 1 to 3 points away."""
    from scipy.stats import binomtest  # noqa: PLC0415 - only who looks for an effect needs it

    below, above, far_below, far_above = (
        int(((away >= low) & (away < high)).sum()) for low, high in ((-1, 0), (0, 1), (-3, -1), (1, 3))
    )
    if not (below + above and far_below + far_above):
        return False
    middle, slope = (far_below + far_above) / 4, (far_above - far_below) / 8
    expected = min(max((middle + slope / 2) / (2 * middle), 0.0), 1.0)
    return bool(binomtest(above, below + above, expected).pvalue < 0.01)


# ----------------------------------------------------------------------
# Without a draw
# ----------------------------------------------------------------------


def compare_alike(
    called: np.ndarray, came: np.ndarray, past: np.ndarray, group: np.ndarray | None = None
) -> Difference | None:
    """Who was called beside like customers who were not: a hint, for what else they differ in nobody knows.

    The customers fall into groups, and within each a line over the past takes off what is left of it. The groups count
    as much as they have called customers. None: no group has both kinds.

    Parameters
    ----------
    called : bool, shape (n,)
    came, past : float64, shape (n,)
    group : the number of each one's group, int, shape (n,); None: five by what they did before
    """
    if group is None:
        edges = np.quantile(past, np.linspace(0, 1, STRATA + 1)[1:-1])
        group = np.searchsorted(edges, past, side="right")
    values, variances, weights, levels = [], [], [], []
    for each in np.unique(group):
        inside = group == each
        chosen = called[inside].astype(float)
        if min(chosen.sum(), (1 - chosen).sum()) < 2:
            continue
        columns = np.column_stack([np.ones(inside.sum()), past[inside] - past[inside][chosen > 0].mean(), chosen])
        coefficients, error, _leverage = _fit(columns, columns, came[inside].astype(float), np.ones(inside.sum()))
        values.append(coefficients[-1])
        levels.append(coefficients[0])
        variances.append(error**2)
        weights.append(chosen.sum())
    if not values:
        return None
    shares = np.array(weights) / sum(weights)
    value, without = float(shares @ values), float(shares @ levels)
    margin = Z * math.sqrt(float(shares**2 @ variances))
    return Difference(value, value - margin, value + margin, without + value, without)


def compare_hint(
    called: np.ndarray,
    orders: np.ndarray,
    money: np.ndarray,
    before: np.ndarray,
    earlier: np.ndarray,
    unit: float,
    group: np.ndarray | None = None,
) -> dict:
    """Who was called beside like customers who were not, in all measures; no effect, see :func:`compare_alike`.

    Money is capped as in :func:`compare_money`.

    Parameters
    ----------
    called : bool, shape (n,)
    orders, money : purchases and their money in the days after, float64, shape (n,)
    before : money of the 365 days before, which makes customers alike
    earlier : money of as many days before as `money` is of days after
    unit : money that is added before its logarithm is taken, such as that of a usual order, above 0
    group : see :func:`compare_alike`

    Returns
    -------
    dict of plain values: ``called`` and ``others`` (numbers of customers; of the others those in a group with called
    ones), ``buyers`` of both; ``bought``, ``money`` and ``earlier``, each a dict of `Difference`, or None where one of
    both has fewer than 30 customers, or both fewer than 10 buyers
    """
    if group is not None:
        inside = np.isin(group, group[called])
        called, orders, money, before, earlier, group = (
            values[inside] for values in (called, orders, money, before, earlier, group)
        )
    count, bought = int(called.sum()), orders > 0
    found = {"called": count, "others": len(called) - count, "buyers": int(bought.sum())}
    found |= dict.fromkeys(("bought", "money", "earlier"))
    if min(found["called"], found["others"]) < LEAST_GROUP or found["buyers"] < LEAST_BUYERS:
        return found
    past = np.log1p(np.maximum(before, 0) / unit)
    measures = {"bought": bought, "money": _cap(money), "earlier": _cap(earlier)}
    alike = {name: compare_alike(called, came, past, group) for name, came in measures.items()}
    return found | {name: each and dataclasses.asdict(each) for name, each in alike.items()}


def _cap(money):
    return np.minimum(money, _get_most(money))
