"""What a run says beside each customer's tier: why the tier changed, whether that is an event, and the drift."""

import dataclasses
import datetime
from collections.abc import Collection
from typing import NamedTuple

import pandas as pd

from . import outlook, pipeline, risk, schema
from .ladder import places
from .pipeline import Fit
from .rules import CLUSTERS, CONDITIONS, CUSTOMER_SHARE, LATENESS, REVENUE_SHARE, SCORE, TWO_AXES, PolicyRules

RULES = "rules"  # the rules are others than those of the run before
CALIBRATION = "calibration"  # the customers were compared anew
#: Why a customer changes tier otherwise, by the policy's method.
METHOD_REASONS = {
    SCORE: "score",
    CUSTOMER_SHARE: "share",
    REVENUE_SHARE: "share",
    CONDITIONS: "condition",
    CLUSTERS: "cluster",
    TWO_AXES: "condition",
}
REASONS = (*dict.fromkeys(METHOD_REASONS.values()), RULES, CALIBRATION)

# What the engine calls otherwise than the scorecard does.
_FIELDS = {
    schema.TIER: "tier_id",
    schema.COMPUTED_TIER: "computed_tier_id",
    schema.PENDING_TIER: "pending_tier_id",
    schema.UPGRADE_TIER: "upgrade_tier_id",
    schema.NEXT_TIER: "next_tier_id",
    schema.SEGMENT: "segment_id",
}


def drift(rules: PolicyRules, fresh: Fit, frame: pd.DataFrame, scored: pd.DataFrame, as_of: datetime.date) -> float:
    """How much a comparison that is kept has aged.

    Parameters
    ----------
    rules : of the policy
    fresh : fitted on the customers of today
    frame : pd.DataFrame, shape (n_customers, any), as `schema.check_frame` accepts it
    scored : pd.DataFrame, same index: what `pipeline.apply` made of `frame` by the fit that is kept
    as_of : the day "today"

    Returns
    -------
    float: percent of the customers who would earn another tier by `fresh`, 0..100; 0 if there are none

    Raises
    ------
    ValueError
        As `pipeline.apply`.
    """
    moved = _differ(pipeline.earned(rules, fresh, frame, as_of), scored[schema.EARNED])
    return 100 * float(moved.mean()) if len(moved) else 0.0


class Moved(NamedTuple):
    """Who is at risk by the chance of the next order, and by the usual gaps between orders."""

    foretold: int
    plain: int
    both: int


def compare_warnings(rules: PolicyRules, fit: Fit, result: pd.DataFrame) -> Moved | None:
    """How many customers another way to warn concerns.

    Parameters
    ----------
    rules : of the policy, which warns by the chance of the next order
    fit : by which the customers were scored
    result : pd.DataFrame, shape (n_customers, any): what `decision.decide` returned

    Returns
    -------
    None: nothing can be foretold, so that nothing has changed
    """
    if not outlook.tells(fit.outlook):
        return None
    plain = risk.assess(result, dataclasses.replace(rules.risk, method=LATENESS), rules.lifecycle, fit.typical_gap)
    now, before = (frame[schema.RISK] != risk.NONE for frame in (result, plain))
    return Moved(int(now.sum()), int(before.sum()), int((now & before).sum()))


def judge(
    rules: PolicyRules,
    scored: pd.DataFrame,
    compared: pd.DataFrame | None = None,
    *,
    is_first: bool,
    same_rules: bool,
    abandoned: Collection[int] = (),
) -> tuple[pd.Series, pd.Series]:
    """Why customers who change tier in a run do so, and for whom what is new is no event in their lives.

    Parameters
    ----------
    rules : of the policy
    scored : pd.DataFrame, shape (n_customers, any), with the columns ``earned`` and ``segment`` (Int64) and ``risk``
        (object), as `pipeline.apply` returns them
    compared : pd.DataFrame, same index: the same by the run's own rules and an earlier comparison of all customers,
        which this run has replaced; None: it has replaced none
    is_first : there was no run before
    same_rules : the run before had the same rules
    abandoned : ids of customers who had no scorecard because their policy had come to its end

    Returns
    -------
    reason : pd.Series of category, shape (n_customers,): one of `REASONS`
    quiet : pd.Series of bool, shape (n_customers,): what is new comes from the policy: the first run, other rules, a
        new comparison or the end of another policy

    >>> from .rules import CriterionRule, TierRule
    >>> rules = PolicyRules((CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5)
    >>> scored = pd.DataFrame({"earned": [1, 2, 1, None], "segment": [5, 5, 6, 7], "risk": ["none"] * 4})
    >>> scored = scored.astype({"earned": "Int64", "segment": "Int64"})
    >>> compared = scored.assign(earned=[1, 1, 1, None], segment=[5, 5, 5, 7])
    >>> def judged(*args, **kwargs):
    ...     reason, quiet = judge(rules, scored, *args, **kwargs)
    ...     return list(reason), quiet.tolist()
    >>> judged(is_first=False, same_rules=True, abandoned={3})
    (['score', 'score', 'score', 'score'], [False, False, False, True])
    >>> judged(compared, is_first=False, same_rules=True)
    (['score', 'calibration', 'score', 'score'], [False, True, True, False])
    >>> judged(is_first=False, same_rules=False)
    (['rules', 'rules', 'rules', 'rules'], [True, True, True, True])
    >>> judged(is_first=True, same_rules=False)[0]
    ['score', 'score', 'score', 'score']
    >>> judge(rules, scored[:0], compared[:0], is_first=False, same_rules=True)[1].tolist()
    []
    """
    usual = METHOD_REASONS[rules.tier_method] if same_rules or is_first else RULES
    # A category: a few texts stand in all rows.
    dtype = pd.CategoricalDtype(REASONS)
    reason = pd.Series(pd.Categorical.from_codes([REASONS.index(usual)], dtype=dtype).repeat(len(scored)), scored.index)
    quiet = pd.Series(scored.index.isin(abandoned) | (not same_rules), index=scored.index)
    if compared is not None:
        moved = _differ(compared[schema.EARNED], scored[schema.EARNED])
        reason[moved] = CALIBRATION
        quiet |= moved | (compared[schema.RISK] != scored[schema.RISK])
        quiet |= _differ(compared[schema.SEGMENT], scored[schema.SEGMENT])
    return reason, quiet


def as_scorecards(rules: PolicyRules, result: pd.DataFrame, columns: Collection[str]) -> pd.DataFrame:
    """What is kept of a result, by the scorecard's names; the rest would fill the memory.

    Parameters
    ----------
    rules : of the policy
    result : pd.DataFrame, shape (n_customers, any): what `decision.decide` returned, with what else is known
    columns : the scorecard's names of what is kept

    Returns
    -------
    pd.DataFrame, shape (n_customers, …), same index: those of `columns` that there are; ``reason``, ``quiet`` and
        ``user_id`` of the changes; and what `pipeline.tell` tells from. An announced upgrade stands apart from an
        announced downgrade, as ``upgrade_tier_id`` and ``upgrade_date``; without them where the rules know none

    >>> from .rules import CriterionRule, TierRule
    >>> rules = PolicyRules((CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5)
    >>> result = pd.DataFrame(columns=["tier", "score", "kept", "recency_days", "points_recency", "reason"])
    >>> list(as_scorecards(rules, result, ["tier_id", "segment_id", "score"]))
    ['tier_id', 'score', 'recency_days', 'points_recency', 'reason']
    """
    kept = {"reason", "quiet", "user_id", *columns, *pipeline.told_columns(rules)}
    if rules.upgrade_days and schema.PENDING_TIER in result:
        result = _with_upgrades(rules, result)
    result = result.rename(columns=_FIELDS)
    return result[[column for column in result if column in kept]]


#: What was announced of whom, and what is announced of whom has moved by then.
ANNOUNCED, RISING = "announced", "rising"


def moves_later(result: pd.DataFrame, cards: pd.DataFrame, end: pd.Series) -> pd.Series:
    """Who will move by what is announced now and was not before.

    Parameters
    ----------
    result : pd.DataFrame, shape (n_customers, any): what `as_scorecards` returned
    cards : pd.DataFrame, index = ids of any customers: the scorecards before, with ``pending_tier_id`` and
        ``upgrade_tier_id``, 0 or less where there is none
    end : pd.Series of Int64, index as of `result`: the tier when what is announced has taken effect

    Returns
    -------
    pd.Series of object, same index: `ANNOUNCED`, downwards; `RISING`, upwards; None: neither

    >>> result = pd.DataFrame({"tier_id": [2, 2, 2, 2], "pending_tier_id": [1, 1, None, 1]}, dtype="Int64")
    >>> result["upgrade_tier_id"] = pd.array([None, None, 3, None], dtype="Int64")
    >>> cards = pd.DataFrame({"pending_tier_id": [0, 1], "upgrade_tier_id": [0, 0]})
    >>> moves_later(result, cards, pd.Series([1, 1, 3, 2], dtype="Int64")).tolist()
    ['announced', None, 'rising', None]
    """
    later = pd.Series([None] * len(result), index=result.index, dtype=object)
    for name, direction in (("pending_tier_id", ANNOUNCED), ("upgrade_tier_id", RISING)):
        if name in result:
            was_announced = cards[name].reindex(result.index).gt(0)
            moves = (end != result["tier_id"]).fillna(True).astype(bool)
            later[result[name].notna() & ~was_announced & moves] = direction
    return later


def announced_tier(result: pd.DataFrame) -> pd.Series:
    """The tier that is announced, a lower or a higher one, of what `as_scorecards` returned; NA: none."""
    return _either(result, "pending_tier_id", "upgrade_tier_id")


def announced_date(result: pd.DataFrame) -> pd.Series:
    """The day for which it is announced; NaT: none."""
    return _either(result, "pending_date", "upgrade_date")


def _either(result: pd.DataFrame, name: str, other: str) -> pd.Series:
    return result[name].fillna(result[other]) if other in result else result[name]


def _with_upgrades(rules: PolicyRules, result: pd.DataFrame) -> pd.DataFrame:
    """What is announced in two pairs of columns: that of who falls, and that of who rises."""
    keys = [tier.key for tier in rules.ladder]
    rises = places(result[schema.PENDING_TIER], keys) > places(result[schema.COMPUTED_TIER], keys)
    tier, date = result[schema.PENDING_TIER], result[schema.PENDING_DATE]
    return result.assign(
        **{
            schema.PENDING_TIER: tier.mask(rises),
            schema.PENDING_DATE: date.mask(rises),
            schema.UPGRADE_TIER: tier.where(rises),
            schema.UPGRADE_DATE: date.where(rises),
        }
    )


def _differ(keys: pd.Series, others: pd.Series) -> pd.Series:
    """Whose key is another: Series of bool; no key (NA) equals none."""
    return keys.fillna(0) != others.fillna(0)
