"""What a run changes of what is kept: whose values are others, and who moves from which tier to which, and why.

The columns have the names that the scorecard and the history have for them.
"""

import datetime
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from . import ladder as ladders
from . import schema
from .rules import PolicyRules

#: Whole numbers below this are exact in a column of floats.
DIGESTS = 1 << 53


def as_kept(
    result: pd.DataFrame, columns: Sequence[str], whole: Collection[str], decimals: Mapping[str, int]
) -> pd.DataFrame:
    """Values as the database keeps them, so that equal ones compare equal.

    Parameters
    ----------
    result : pd.DataFrame, shape (n_customers, any)
    columns : those that are kept
    whole : those of them that are whole numbers or keys
    decimals : column -> places after the point, of those that are other numbers

    Returns
    -------
    pd.DataFrame, shape (n_customers, len(columns)), same index: Int64, float64 without -0.0, and the others
        as they are

    >>> result = pd.DataFrame({"order_count": [2.0, None], "amount": [10.006, -0.001], "risk": ["none", "watch"]})
    >>> as_kept(result, ["risk", "order_count", "amount"], {"order_count"}, {"amount": 2})
        risk  order_count  amount
    0   none            2   10.01
    1  watch         <NA>    0.00
    """
    kept = {}
    for column in columns:
        kept[column] = result[column]
        if column in decimals:
            kept[column] = kept[column].round(decimals[column]) + 0.0
        elif column in whole:
            kept[column] = kept[column].astype("Int64")
    return pd.DataFrame(kept, index=result.index)


def digest(frame: pd.DataFrame, rules: PolicyRules) -> pd.Series:
    """A number for each row that is another when one of its values, the columns or the weights are others.

    The weights, too, because those of the run that wrote a scorecard explain it.

    Parameters
    ----------
    frame : pd.DataFrame, shape (n_customers, any), as `as_kept` returns it, joined with what `pipeline.tell` returns
    rules : of the policy

    Returns
    -------
    pd.Series of float64, shape (n_customers,): whole numbers, 0 or more and below `DIGESTS`

    >>> from .rules import CriterionRule, TierRule
    >>> def rules(weight):
    ...     return PolicyRules((CriterionRule("recency", weight),), (TierRule(1),), ((1,) * 5,) * 5)
    >>> frame = pd.DataFrame({"score": [1.0, 1.0, 2.0], "risk": ["none", "none", "none"]})
    >>> digests = digest(frame, rules(1))
    >>> (digests == digests[0]).tolist()
    [True, True, False]
    >>> (digests == digest(frame, rules(2))).tolist(), (digests == digest(frame.add_suffix("_"), rules(1))).tolist()
    ([False, False, False], [False, False, False])
    >>> digest(frame[:0], rules(1)).tolist()
    []
    """
    names = [*frame.columns, *(f"{criterion.metric} {criterion.weight:g}" for criterion in rules.criteria)]
    if rules.foretells:  # what follows the chance is in no digest, and is of other days then
        names.append(f"{rules.outlook.days} days, {rules.outlook.discount:g} %")
    names = pd.util.hash_array(np.array(names, dtype=object)).sum()
    rows = pd.util.hash_pandas_object(frame, index=False, categorize=False)
    return ((rows ^ names) % DIGESTS).astype("float64")


def direction(
    before: pd.DataFrame,
    result: pd.DataFrame,
    ladder: Sequence[int],
    policy: int,
    namesakes: Mapping[int, int] = MappingProxyType({}),
) -> pd.Categorical:
    """Who moves up or down.

    Parameters
    ----------
    before : pd.DataFrame, shape (n_customers, any): the scorecards until now, with ``tier_id`` and ``policy_id``
        (numbers; 0 or missing: none)
    result : pd.DataFrame, same index, with ``tier_id`` (Int64)
    ladder : keys of all tiers that occur, from the lowest to the highest
    policy : key of the policy whose tiers are in `result`
    namesakes : tier of another policy -> tier of this policy that has its name

    Returns
    -------
    pd.Categorical, shape (n_customers,), of `ladder.DIRECTIONS`. Who comes from another policy comes from the tier of
        the same name; 'same' is also who comes from a tier that this policy does not have

    >>> before = pd.DataFrame({"tier_id": [8, 8, 7, 6, 0, None], "policy_id": [1, 1, 2, 2, 1, None]})
    >>> result = pd.DataFrame({"tier_id": pd.array([8, 9, 8, 9, 9, 9], dtype="Int64")})
    >>> list(direction(before, result, [6, 7, 8, 9], policy=1))
    ['same', 'up', 'same', 'same', 'new', 'new']
    >>> list(direction(before, result, [6, 7, 8, 9], policy=1, namesakes={7: 9}))
    ['same', 'up', 'down', 'same', 'new', 'new']
    """
    was = _keys(before["tier_id"])
    foreign = before["policy_id"].notna() & (before["policy_id"] != policy)
    named = foreign & was.isin(list(namesakes))
    was[named] = was[named].replace(dict(namesakes))
    return ladders.direction(was, result["tier_id"], ladder, (foreign & ~named).to_numpy(dtype=bool))


def history(
    before: pd.DataFrame,
    result: pd.DataFrame,
    left: pd.DataFrame,
    ladder: Sequence[int],
    policy: int,
    namesakes: Mapping[int, int] = MappingProxyType({}),
) -> pd.DataFrame:
    """Who changes tier, as the rows of the history.

    Parameters
    ----------
    before : pd.DataFrame, shape (n_customers, any): the scorecards until now, with ``id``, ``policy_id``, ``tier_id``
        and ``lock_id`` (numbers; 0: none) and ``score`` (float64); all are missing where there was no scorecard
    result : pd.DataFrame, same index: what the run came to, with ``tier_id`` and ``lock_id`` (Int64), ``differs``
        (bool: the lock changes the tier), ``score`` (float64), ``reason`` (category or object) and ``user_id``
        (numbers or None)
    left : pd.DataFrame, shape (n_left, any), of other customers: scorecards that will be removed, with ``tier_id``
        (numbers; 0: none) and ``score``
    ladder : keys of all tiers that occur, from the lowest to the highest
    policy : key of the policy whose tiers are in `result`
    namesakes : see `direction`

    Returns
    -------
    pd.DataFrame, shape (n_changes, 7), index: customers, ascending where those of `before` are. ``from_tier_id``,
        ``to_tier_id`` and ``user_id`` (Int64), ``score_before`` and ``score_after`` (float64), ``direction``
        (category of `ladder.DIRECTIONS`) and ``reason`` (object): that of `result`, unless a lock, its end, another
        policy or the first computation is one

    >>> nan = float("nan")
    >>> before = pd.DataFrame(
    ...     {"id": [1, 2, 3, 4, 5, nan], "policy_id": [1, 1, 1, 1, 2, nan], "tier_id": [8, 9, 8, 9, 9, nan]}
    ... ).assign(lock_id=[0, 0, 0, 6, 0, nan], score=50.0)
    >>> result = pd.DataFrame({"tier_id": [8, 8, 9, 8, 8, 8], "lock_id": [None, None, 7, None, None, None]})
    >>> result = result.astype("Int64").assign(differs=[False, False, True, False, False, False])
    >>> result = result.assign(score=60.0, reason="score", user_id=None)
    >>> left = pd.DataFrame({"tier_id": [8, 0], "score": [30.0, 0.0]}, index=[20, 21])
    >>> rows = history(before, result, left, [8, 9], policy=1)
    >>> print(rows[["from_tier_id", "to_tier_id", "score_after", "direction", "reason"]])
        from_tier_id  to_tier_id  score_after direction      reason
    1              9           8         60.0      down       score
    2              8           9         60.0        up        lock
    3              9           8         60.0      down  lock_ended
    4              9           8         60.0      same      policy
    5           <NA>           8         60.0       new       first
    20             8        <NA>          NaN      left        left
    >>> nobody = history(before[:1], result[:1], left[:0], [8, 9], policy=1)
    >>> len(nobody), nobody.dtypes.equals(rows.dtypes)
    (0, True)
    """
    was, now = (keys.fillna(0).astype("int64") for keys in (before["tier_id"], result["tier_id"]))
    moves = was != now
    # Only what is needed: the result is wide.
    before = before.loc[moves, ["id", "policy_id", "tier_id", "lock_id", "score"]]
    result = result.loc[moves, ["tier_id", "lock_id", "differs", "reason", "user_id", "score"]]
    lock, old_lock = result["lock_id"].fillna(0), before["lock_id"].fillna(0)
    # Objects, of which a few stand in all rows: strings of their own would be most of the memory.
    reason = result["reason"].to_numpy(dtype=object).copy()
    for name, rows in (  # the last one holds
        ("lock_ended", (lock == 0) & (old_lock != 0)),
        ("lock", (lock != old_lock) & result["differs"].astype(bool)),
        ("policy", before["policy_id"].notna() & (before["policy_id"] != policy)),
        ("first", before["id"].isna()),
    ):
        reason[rows] = name
    rows = {
        "from_tier_id": _keys(before["tier_id"]),
        "to_tier_id": result["tier_id"],
        "user_id": pd.to_numeric(result["user_id"]).astype("Int64"),
        "score_before": before["score"],
        "score_after": result["score"],
        "direction": direction(before, result, ladder, policy, namesakes),
        "reason": pd.Series(reason, index=result.index, dtype=object),
    }
    changes = pd.DataFrame(rows, index=result.index)
    left = left[left["tier_id"] > 0]
    if left.empty:
        return changes
    gone = {"from_tier_id": left["tier_id"], "score_before": left["score"], "direction": ladders.LEFT, "reason": "left"}
    gone = pd.DataFrame(gone, index=left.index, columns=list(changes)).astype(changes.dtypes)
    return pd.concat([changes, gone]).sort_index()


def _keys(keys: pd.Series) -> pd.Series:
    """As Int64; NA: none, which is 0 in what was read.

    >>> _keys(pd.Series([3.0, 0.0, None])).tolist()
    [3, <NA>, <NA>]
    """
    return keys.where(keys > 0).astype("Int64")


def since(keys: pd.Series, as_of: datetime.date) -> np.ndarray:
    """From when on new customers have what they have: the day, datetime64[D]; NaT: they have nothing.

    >>> since(pd.Series([3, None], dtype="Int64"), datetime.date(2024, 6, 30)).tolist()
    [datetime.date(2024, 6, 30), None]
    """
    return np.where(keys.notna(), schema.day(as_of), np.datetime64("NaT", "D"))
