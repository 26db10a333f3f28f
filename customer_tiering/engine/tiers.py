"""From a score to a tier, and the way to the next one."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .rules import TierRule


def assign(score: pd.Series, tiers: Sequence[TierRule]) -> pd.Series:
    """The tier that each score earns: the highest floor that is not above it.

    Parameters
    ----------
    score : pd.Series of float64, shape (n_customers,), 0..100, NaN: not scored
    tiers : in any order; floors are inclusive

    Returns
    -------
    pd.Series of Int64, shape (n_customers,): keys; NA where the score is NaN or below the
        lowest floor

    >>> tiers = [TierRule(7, 50.0), TierRule(9, 0.0), TierRule(8, 80.0)]
    >>> assign(pd.Series([0.0, 49.99, 50.0, 100.0, None, -1.0]), tiers).tolist()
    [9, 9, 7, 8, <NA>, <NA>]
    >>> assign(pd.Series([], dtype="float64"), tiers).tolist()
    []
    """
    ladder = _ascending(tiers)
    return _keys(ladder, _reached(score, ladder), score.index)


def to_next(score: pd.Series, tiers: Sequence[TierRule]) -> tuple[pd.Series, pd.Series]:
    """The next tier up and the points that are missing to it.

    Parameters
    ----------
    score : pd.Series of float64, shape (n_customers,), 0..100, NaN: not scored
    tiers : in any order; floors are inclusive

    Returns
    -------
    next_tier : pd.Series of Int64, shape (n_customers,): keys; NA in the highest tier and
        where the score is NaN
    missing : pd.Series of float64, shape (n_customers,): score points, above 0, rounded up
        to hundredths; NaN where `next_tier` is NA

    >>> tiers = [TierRule(9, 0.0), TierRule(7, 50.0)]
    >>> next_tier, missing = to_next(pd.Series([0.0, 49.67, 50.0, None]), tiers)
    >>> next_tier.tolist(), missing.tolist()
    ([7, 7, <NA>, <NA>], [50.0, 0.33, nan, nan])
    """
    ladder = _ascending(tiers)
    above = _reached(score, ladder) + 1
    above[score.isna() | (above == len(ladder))] = -1
    floors = np.array([tier.floor for tier in ladder] + [np.nan])  # -1 takes the NaN
    hundredths = (pd.Series(floors[above], index=score.index) - score) * 100
    return _keys(ladder, above, score.index), np.ceil(hundredths.round(4)) / 100


def _ascending(tiers: Sequence[TierRule]) -> list[TierRule]:
    return sorted(tiers, key=lambda tier: tier.floor)


def _reached(score: pd.Series, ladder: list[TierRule]) -> np.ndarray:
    """Places of the tiers in the ladder; -1: none. NaN would sort above the top tier."""
    floors = [tier.floor for tier in ladder]
    place = np.searchsorted(floors, score.to_numpy(), side="right") - 1
    return np.where(score.isna(), -1, place)


def _keys(ladder: list[TierRule], place: np.ndarray, index: pd.Index) -> pd.Series:
    keys = pd.array([tier.key for tier in ladder], dtype="Int64")
    return pd.Series(keys.take(place, allow_fill=True), index=index)
