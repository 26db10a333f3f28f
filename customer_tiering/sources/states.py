"""What was decided about customers before: their scorecards and the locks."""

import pandas as pd

from odoo.tools import SQL

from . import rows
from .base import DATE, FLOAT, ID, INTEGER

_CARD = {
    "partner_id": ID,
    "id": ID,
    "policy_id": ID,
    "tier_id": ID,
    "computed_tier_id": ID,
    "computed_since": DATE,
    "pending_tier_id": ID,
    "pending_date": DATE,
    "upgrade_tier_id": ID,
    "upgrade_date": DATE,
    "lock_id": ID,
    "score": FLOAT,
    "digest": INTEGER,
}

_TIERS = ("previous_tier", "pending_tier", "lock_tier")


def read_cards(cr, scope):
    """Return the scorecards of a scope's company; only those of its customers where these are some.

    :return: a DataFrame: index = id of the customer (ascending); id, policy_id, the ids of tiers and of
        the lock (int64, 0: none), score (float64), dates (datetime64) and the ``digest`` of what is written
    """
    query = SQL(
        "SELECT * FROM customer_tiering_scorecard WHERE company_id = %s AND %s",
        scope.company_id,
        scope.of_customers(SQL.identifier("partner_id")),
    )
    cards = pd.DataFrame(rows.fetch_arrays(cr, query, _CARD))
    return cards.set_index(cards.pop("partner_id").astype("int64").rename("customer")).sort_index()


def get_tiers(states):
    """Return the ids of all tiers in what :func:`join` returned, a set."""
    return {int(tier) for column in _TIERS for tier in states[column].dropna().unique()}


def rename(states, namesakes):
    """Return the states with tiers of other policies replaced.

    :param states: what :func:`join` returned
    :param namesakes: ``{tier: tier of the policy that has its name}``
    """
    if not namesakes:
        return states
    return states.assign(**{column: states[column].replace(namesakes) for column in _TIERS})


def join(customers, cards, locks):
    """Return what the scorecards and the locks say about customers.

    :param customers: the index of the frame of customers; the result has the same
    :param cards: what :func:`read_cards` returned
    :param locks: rows of customer, lock, mode and tier, one per customer at most
    :return: a DataFrame: previous_tier, pending_tier, lock_id, lock_tier (Int64), previous_since,
        pending_date (datetime64), lock_mode (object); missing where there is none
    """
    locks = pd.DataFrame(locks, columns=["customer", "lock_id", "lock_mode", "lock_tier"]).set_index("customer")
    before = cards.reindex(customers)
    # An upgrade or a downgrade: there is one at most.
    rises = before["upgrade_tier_id"] > 0
    pending_tier = before["pending_tier_id"].mask(rises, before["upgrade_tier_id"])
    keys = {"previous_tier": before["computed_tier_id"], "pending_tier": pending_tier}
    return pd.DataFrame(
        {
            **{key: tiers.where(tiers > 0).astype("Int64") for key, tiers in keys.items()},
            "previous_since": before["computed_since"],
            "pending_date": before["pending_date"].mask(rises, before["upgrade_date"]),
            **locks.reindex(customers).astype({"lock_id": "Int64", "lock_mode": object, "lock_tier": "Int64"}),
        }
    )
