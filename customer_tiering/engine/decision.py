"""From what the numbers speak for to the tier that counts: the past, fairness and a person's lock."""

import datetime

import pandas as pd

from . import pipeline, retention, schema, tiers
from .ladder import DOWN, direction
from .pipeline import Fit
from .rules import PolicyRules


def decide(
    rules: PolicyRules,
    fit: Fit,
    frame: pd.DataFrame,
    scored: pd.DataFrame,
    states: pd.DataFrame,
    as_of: datetime.date,
    *,
    mode: str = retention.MODE_RUN,
    idle: bool = False,
) -> pd.DataFrame:
    """The tier of each customer on a day.

    Parameters
    ----------
    rules : of the policy
    fit : by which they were scored
    frame : pd.DataFrame, shape (n_customers, any), of customers, see `schema`; with the columns
        ``untaken_…`` the rule about refunds can tell what they, cancelled and corrected orders caused
    scored : pd.DataFrame, same index: what `pipeline.apply` made of `frame`
    states : pd.DataFrame, same index: what was decided before and the locks that hold on `as_of`:
        ``previous_tier``, ``pending_tier``, ``lock_id``, ``lock_tier`` (Int64), ``previous_since``,
        ``pending_date`` (datetime64), ``lock_mode`` (object); missing where there is none
    as_of : the day "today"
    mode, idle : see `retention.retain`

    Returns
    -------
    pd.DataFrame, same index: the columns of `frame` and of `scored`, and

        - ``computed_tier``, ``computed_since``, ``pending_tier``, ``pending_date``: see `retention.retain`
        - ``tier``: Int64, the computed tier or a person's choice
        - ``lock_id``: Int64, the lock that holds; NA also for one that names a tier the policy has not
        - ``idle_lock_id``: Int64, that one, which is without effect
        - ``differs``: bool, the lock changes the tier
        - ``next_tier``, ``points_to_next``: see `tiers.to_next`; NA and NaN for who is locked in exactly one tier
    """
    ladder = rules.ladder
    entered, far = tiers.upgrades(rules, fit.tiers, scored[schema.SCORE], scored[schema.EARNED])
    candidate = retention.candidate(
        states[schema.PREVIOUS_TIER], scored[schema.EARNED], scored[schema.KEPT], ladder, entered
    )
    at_once = _by_refunds(rules, fit, frame, states, candidate, as_of)
    decided = retention.retain(
        states, candidate, frame[schema.FIRST_ORDER_DATE], as_of, rules, mode=mode, at_once=at_once, far=far, idle=idle
    ).drop(columns=schema.REASON)
    known = states["lock_tier"].isin([tier.key for tier in ladder])
    tier = retention.effective(decided[schema.COMPUTED_TIER], states["lock_mode"], states["lock_tier"], ladder)
    computed = decided[schema.COMPUTED_TIER]
    next_tier, points_to_next = tiers.to_next(rules, fit.tiers, scored[schema.SCORE], tier, computed)
    stuck = known & states["lock_mode"].eq(retention.LOCK_FIXED)
    return frame.join(scored).assign(
        **decided,
        **{
            schema.TIER: tier,
            "lock_id": states["lock_id"].where(known),
            "idle_lock_id": states["lock_id"].mask(known),
            "differs": tier.fillna(0) != decided[schema.COMPUTED_TIER].fillna(0),
            schema.NEXT_TIER: next_tier.mask(stuck),
            schema.POINTS_TO_NEXT: points_to_next.mask(stuck),
        },
    )


def _by_refunds(
    rules: PolicyRules,
    fit: Fit,
    frame: pd.DataFrame,
    states: pd.DataFrame,
    candidate: pd.Series,
    as_of: datetime.date,
) -> pd.Series | None:
    """Who falls now and would not, had nothing been taken back: Series of bool, or None."""
    names = (*schema.PURCHASE_COLUMNS, schema.BOUGHT_DAYS)
    untaken = {name: schema.UNTAKEN + name for name in names if schema.UNTAKEN + name in frame}
    if not rules.retention.refunds_at_once or schema.AMOUNT not in untaken:
        return None
    keys, previous = [tier.key for tier in rules.ladder], states[schema.PREVIOUS_TIER]
    falls = direction(previous, candidate, keys) == DOWN
    whole = frame[falls]
    whole = whole.assign(**{name: whole[column] for name, column in untaken.items()})
    scored = pipeline.apply(rules, fit, whole, as_of)
    without = retention.candidate(previous[falls], scored[schema.EARNED], scored[schema.KEPT], rules.ladder)
    falls[falls] = direction(previous[falls], without, keys) != DOWN
    return pd.Series(falls, index=frame.index)
