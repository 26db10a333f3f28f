"""What a quotation would do: the score and the tier if it were bought today, and how much more would lift the customer.

Nothing is estimated: the purchase is added to what the customer bought, and the customer is scored and decided about by
the very arithmetic of a run. Where a metric moves with an order in a way that only the order itself shows, nothing is
told, see `unforeseen`.
"""

import dataclasses
import datetime
from collections.abc import Collection

import numpy as np
import pandas as pd

from . import decision, pipeline, retention, schema, tiers
from .metrics import SAME
from .pipeline import Fit
from .rules import PolicyRules

#: What follows from the documents of purchases alone, and from nothing else about them.
OF_PURCHASES = frozenset(
    {
        *(*schema.PURCHASE_COLUMNS, schema.REFUND_AMOUNT, schema.SMALL_COUNT, schema.BOUGHT_DAYS),
        *(*schema.DERIVED, *schema.FORETOLD),
    }
)

#: Columns to which money of a purchase is added.
MONEY = (schema.GROSS_AMOUNT, schema.AMOUNT, schema.AMOUNT_LATE, schema.AMOUNT_EARLY)

#: Nobody is told to spend more than two to this power of the smallest coin.
_MOST_BITS = 46

#: So many amounts are tried at once.
_TRIALS = 1024


@dataclasses.dataclass(frozen=True)
class Effect:
    """One customer after a purchase.

    Parameters
    ----------
    score : 0..100
    tier : key of the tier in which the customer would be at once; None: in none
    coming : key of the higher tier that would come later; None: none
    coming_date : the day of it; None where it is the next run
    more : the next tier above these, and the least money on top of this purchase that reaches it; None: there is no
        such tier, no money leads there, or a person has locked the tier
    """

    score: float
    tier: int | None
    coming: int | None = None
    coming_date: datetime.date | None = None
    more: tuple[int, float] | None = None


def unforeseen(rules: PolicyRules, known: Collection[str] = ()) -> list[str]:
    """The keys of the metrics behind score and tier that move with an order as only the order shows.

    Parameters
    ----------
    rules : of a policy
    known : further columns of which it is known what the order does to them

    >>> from .metrics import COUNT, Metric
    >>> from .rules import CriterionRule, TierRule
    >>> goods = Metric("goods", "product_count", COUNT, (1, 2), higher_is_better=True, columns=("product_count",))
    >>> average = Metric("average", "average_order", COUNT, (1, 2), higher_is_better=True)
    >>> criteria = CriterionRule("recency", 1), CriterionRule("goods", 1), CriterionRule("average", 1)
    >>> unforeseen(PolicyRules(criteria, (TierRule(1),), ((1,) * 5,) * 5, definitions=(goods, average)))
    ['goods']
    """
    found = []
    for key, weight in rules.weights.items():
        metric = rules.get_metric(key)
        columns = {column for column in (metric.part, metric.whole, *metric.columns) if column}
        if not (metric.part or metric.columns):
            columns = {metric.column}
        if weight != 0 and metric.after_order != SAME and not columns <= OF_PURCHASES.union(known):
            found.append(key)
    return [key for key in found if rules.get_metric(key).column != schema.SCORE]


def foresee(
    rules: PolicyRules,
    fit: Fit,
    before: pd.DataFrame,
    after: pd.DataFrame,
    states: pd.DataFrame,
    as_of: datetime.date,
    *,
    mode: str,
    decimals: int,
) -> Effect:
    """What a customer would be after a purchase.

    Parameters
    ----------
    rules, fit : by which single customers are scored
    before : pd.DataFrame of one row, as `schema.check_frame` accepts it
    after : the same with the purchase, see `purchases.with_document`
    states : pd.DataFrame of one row, same index, see `decision.decide`
    as_of : the day "today", which is that of the purchase
    mode : of `retention.retain`, as after a purchase: 'up', or 'hold' where upgrades wait for the next run
    decimals : of the company's currency

    Raises
    ------
    ValueError
        If a frame is refused or `fit` is none of `rules`, see `pipeline.apply`.
    """
    keys = [tier.key for tier in rules.ladder]
    scored = pipeline.rank(rules, fit, after, as_of)
    decided = decision.decide(rules, fit, after, scored, states, as_of, mode=mode)
    tier, coming, date = _read(decided, keys)
    if mode == retention.MODE_HOLD:
        run = decision.decide(rules, fit, after, scored, states, as_of, mode=retention.MODE_UP)
        lifted, coming, date = _read(run, keys)
        if coming is None and _place(keys, lifted) > _place(keys, tier):
            coming = lifted
    goal = _place(keys, _goal(rules, fit, scored, states).iloc[0])
    target = max(goal, _place(keys, tier), _place(keys, coming)) + 1
    more = None
    grown = [column for column in MONEY if after[column].iloc[0] != before[column].iloc[0]]
    counts = after[schema.ORDER_COUNT].iloc[0] > before[schema.ORDER_COUNT].iloc[0]
    if counts and grown and target < len(keys) and decided[schema.NEXT_TIER].notna().iloc[0]:
        amount = _least_more(rules, fit, after, states, as_of, grown, target, decimals)
        more = None if amount is None else (keys[target], amount)
    return Effect(float(scored[schema.SCORE].iloc[0]), tier, coming, date, more)


def _read(decided: pd.DataFrame, keys: list[int]) -> tuple[int | None, int | None, datetime.date | None]:
    """The tier, and the announced upgrade with its day."""
    row = decided.iloc[0]
    tier = None if pd.isna(row[schema.TIER]) else int(row[schema.TIER])
    pending = row[schema.PENDING_TIER]
    if pd.isna(pending) or _place(keys, pending) <= _place(keys, tier):
        return tier, None, None
    return tier, int(pending), row[schema.PENDING_DATE].date()


def _place(keys: list[int], key) -> int:
    """Where a tier stands, 0: the lowest, -1: it is none of the ladder."""
    return -1 if key is None or pd.isna(key) or key not in keys else keys.index(key)


def _goal(rules, fit, scored, states) -> pd.Series:
    """The tiers for which the numbers speak."""
    entered, _far = tiers.upgrades(rules, fit.tiers, scored[schema.SCORE], scored[schema.EARNED])
    previous = states[schema.PREVIOUS_TIER]
    return retention.candidate(previous, scored[schema.EARNED], scored[schema.KEPT], rules.ladder, entered)


def _least_more(rules, fit, after, states, as_of, grown, target, decimals) -> float | None:
    """The least money on top of the purchase with which the numbers speak for the tier at `target` or above."""
    high_enough = [tier.key for tier in rules.ladder][target:]
    coins = 10**decimals

    def is_enough(trials: np.ndarray) -> np.ndarray:
        index = pd.Index(np.arange(len(trials)), dtype="int64", name=schema.CUSTOMER)
        frame = after.iloc[np.zeros(len(trials), dtype=int)].set_axis(index)
        frame = frame.assign(**{column: (frame[column] + trials / coins).round(decimals) for column in grown})
        tiled = states.iloc[np.zeros(len(trials), dtype=int)].set_axis(index)
        goals = _goal(rules, fit, pipeline.rank(rules, fit, frame, as_of), tiled)
        return goals.isin(high_enough).to_numpy(dtype=bool)

    powers = 2 ** np.arange(_MOST_BITS + 1, dtype="int64")
    enough = is_enough(powers)
    if not enough.any():
        return None
    first = int(enough.argmax())
    low, high = int(powers[first - 1]) if first else 0, int(powers[first])
    while high - low > 1:
        step = -(-(high - low) // _TRIALS)
        trials = np.minimum(np.arange(low + step, high + step, step, dtype="int64"), high)
        first = int(is_enough(trials).argmax())
        low, high = int(trials[first - 1]) if first else low, int(trials[first])
    return high / coins
