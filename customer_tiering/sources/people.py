"""The partners, and the customer that each of them belongs to."""

import numpy as np

from odoo.tools import SQL

from . import rows
from .base import BOOLEAN, ID


class People:
    """The partners, and the customer that each of them belongs to.

    :param partner_ids: ids of partners, in any order
    :param customer_ids: the commercial partner of each
    :param colleagues: whether each is an internal user
    """

    def __init__(self, partner_ids, customer_ids, colleagues):
        order = partner_ids.argsort()
        self.ids = partner_ids[order]
        self.customer_ids = customer_ids[order]
        self.colleagues = colleagues[order]

    def find(self, partner_ids):
        """Return the place of each partner in ``ids``, -1 for strangers."""
        return find(self.ids, partner_ids)


def read(cr, scope):
    """Return the :class:`People` of a scope: all partners, or its customers and their contacts."""
    query = SQL(
        """
        SELECT id, commercial_partner_id AS customer, partner_share IS FALSE AS colleague
          FROM res_partner
         WHERE commercial_partner_id %s
        """,
        SQL("IS NOT NULL") if scope.everybody else SQL("= ANY(%s)", list(scope.partner_ids)),
    )
    return People(*rows.fetch_arrays(cr, query, {"id": ID, "customer": ID, "colleague": BOOLEAN}).values())


def find(ids, wanted):
    """Return the place of each of ``wanted`` in the ascending array ``ids``, -1 for those that are not there."""
    if not len(ids):
        return np.full(len(wanted), -1)
    first, span = ids[0], ids[-1] - ids[0]
    if span < 8 * len(ids) + 1000:  # ids mostly are: looked up in a table, ten times as fast
        table = np.full(span + 2, -1, dtype="int32")
        table[ids - first] = np.arange(len(ids))
        return table[np.clip(wanted - first, -1, span + 1)]
    place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[place] == wanted, place, -1)
