"""What matters to a customer, proposed from how the customer buys.

A motive is proposed where one of the metrics that speak for it stands out: its value is above that of most customers
who buy as often as it takes to say anything.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from . import schema
from .rules import MotiveRule, PolicyRules

#: Fewer purchases in the window say nothing about what matters.
LEAST_PURCHASES = 3

#: A motive is proposed from here on: the value is above that of so many of 100 customers.
ENTER = 80

#: One that is proposed stays down to here, as long as no other is ahead by `LEAD`.
STAY, LEAD = 70, 10

#: Of the result. The metric is a key, the others are Int64: keys of motives, and a rank.
MOTIVE, PROPOSED, METRIC, RANK = "motive_id", "proposed_motive_id", "motive_metric", "motive_rank"
COLUMNS = (MOTIVE, PROPOSED, METRIC, RANK)

_STEPS = 100


def fit(
    rules: PolicyRules, customers: pd.DataFrame, asked: Sequence[MotiveRule] | None = None
) -> dict[str, list[float]]:
    """Where the customers stand who buy often enough.

    Parameters
    ----------
    rules : of the policy
    customers : pd.DataFrame, shape (n_customers, any): with the columns of the asked rules' metrics and ``order_count``
    asked : of ``rules.motives``; None: all of them

    Returns
    -------
    dict: metric -> 101 borders, ascending: at least i of 100 of those customers of whom the value is known have the
        i-th border or less. Without the metrics of which so few values are known that comparing says little

    >>> from . import metrics
    >>> from .rules import CriterionRule, MotiveRule, TierRule
    >>> frame = pd.DataFrame({"order_count": [3, 3, 3, 2], "discount": [0.0, 5.0, 10.0, 99.0]})
    >>> discount = metrics.Metric("discount", "discount", metrics.PERCENT, higher_is_better=True)
    >>> rules = PolicyRules(
    ...     (CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5,
    ...     min_population=3, definitions=(discount,), motives=(MotiveRule("discount", 7),),
    ... )
    >>> borders = fit(rules, frame)["discount"]
    >>> borders[0], borders[50], borders[100]
    (0.0, 5.0, 10.0)
    >>> fit(rules, frame[1:])
    {}
    """
    often = customers[customers[schema.ORDER_COUNT] >= LEAST_PURCHASES]
    borders = {}
    for rule in rules.motives if asked is None else asked:
        values = np.sort(rules.get_metric(rule.metric).values(often).dropna().to_numpy(dtype=float))
        if len(values) >= max(rules.min_population, 1):
            places = -(-np.arange(_STEPS + 1) * len(values) // _STEPS) - 1
            borders[rule.metric] = values[places.clip(0)].tolist()
    return borders


def propose(rules: PolicyRules, borders: Mapping[str, Sequence[float]], customers: pd.DataFrame) -> pd.DataFrame:
    """What matters to each customer: what a person has said, else what is proposed.

    Parameters
    ----------
    rules : of the policy
    borders : as `fit` returned them, of these or of more customers, of this or of an earlier day
    customers : pd.DataFrame, shape (n_customers, any): with the columns of the rules' metrics, ``order_count``, and
        ``motive_said`` and ``motive_before``, float64: keys of what a person has said and of what was proposed before,
        NaN: nothing

    Returns
    -------
    pd.DataFrame, shape (n_customers, 4), same index

        - ``motive_id``, ``proposed_motive_id``: Int64, keys, NA: nothing stands out
        - ``motive_metric``: object, key of the metric that speaks for the proposal the most, None: none
        - ``motive_rank``: Int64, 0..99: its value is above that of at least so many of 100 customers who buy as often

    A value of 0 or less speaks for nothing, however few have more. Among equals the first of the rules is proposed.

    >>> from . import metrics
    >>> from .rules import CriterionRule, MotiveRule, TierRule
    >>> definitions = tuple(
    ...     metrics.Metric(key, key, metrics.PERCENT, higher_is_better=True) for key in ("discount", "express")
    ... )
    >>> rules = PolicyRules(
    ...     (CriterionRule("recency", 1),), (TierRule(1),), ((1,) * 5,) * 5,
    ...     definitions=definitions, motives=(MotiveRule("discount", 7), MotiveRule("express", 8)),
    ... )
    >>> borders = {"discount": [0.0] * 85 + [5.0] * 16, "express": [0.0] * 90 + [1.0] * 11}
    >>> frame = pd.DataFrame({"discount": [0.0, 5.0, 5.0, 6.0], "express": [0.0, 0.0, 1.0, 0.0]})
    >>> frame = frame.assign(order_count=[5, 5, 5, 2], motive_said=[None, None, 7.0, None], motive_before=None)
    >>> propose(rules, borders, frame)
       motive_id  proposed_motive_id motive_metric  motive_rank
    0       <NA>                <NA>          None         <NA>
    1          7                   7      discount           84
    2          7                   8       express           89
    3       <NA>                <NA>          None         <NA>
    """
    count, said = len(customers), customers["motive_said"]
    keys = list(dict.fromkeys(rule.motive for rule in rules.motives))
    # For each motive its strongest evidence.
    best, metric = np.full((len(keys), count), -1), np.full((len(keys), count), -1)
    for place, rule in enumerate(rules.motives):
        if rule.metric not in borders:
            continue
        values = rules.get_metric(rule.metric).values(customers).to_numpy(dtype=float)
        rank = np.minimum(np.searchsorted(borders[rule.metric], values, side="left") - 1, _STEPS - 1)
        rank[~(values > 0)] = -1  # NaN, too
        row = keys.index(rule.motive)
        stronger = rank > best[row]
        best[row, stronger], metric[row, stronger] = rank[stronger], place
    each = np.arange(count)
    leader = best.argmax(axis=0)
    stands_out = (best[leader, each] >= ENTER) & (customers[schema.ORDER_COUNT].to_numpy() >= LEAST_PURCHASES)
    before = pd.Index(keys).get_indexer(customers["motive_before"].astype(float).fillna(-1))
    rank_before = np.where(before >= 0, best[before, each], -1)
    stays = (rank_before >= STAY) & ~(stands_out & (best[leader, each] >= rank_before + LEAD))
    chosen = np.where(stays, before, np.where(stands_out, leader, -1))
    is_proposed = chosen >= 0
    names = np.array([rule.metric for rule in rules.motives], dtype=object)
    proposal = pd.Series(np.array([*keys, -1])[chosen], index=customers.index, dtype="Int64").where(is_proposed)
    return pd.DataFrame(
        {
            MOTIVE: said.astype(float).round().astype("Int64").fillna(proposal),
            PROPOSED: proposal,
            METRIC: pd.Series(
                np.where(is_proposed, names[metric[chosen, each]], None), index=customers.index, dtype=object
            ),
            RANK: pd.Series(best[chosen, each], index=customers.index, dtype="Int64").where(is_proposed),
        }
    )
