"""The partners, and the customer that each of them belongs to, or belonged to."""

import numpy as np

from odoo.tools import SQL

from . import customers, rows
from .base import BOOLEAN, ID, MOMENT


class People:
    """The partners, and the customer that each of them belongs to, or belonged to.

    A partner who has moved from one customer to another has a place for its present one, and behind all of these a
    place for each earlier one. So whoever looks up a place by its moment has the customer of that time.

    :param partner_ids: ids of partners, in any order
    :param customer_ids: the commercial partner of each
    :param colleagues: whether each is an internal user
    :param eras: what :func:`_read_eras` returned, of these partners only; None: nobody has moved
    """

    def __init__(self, partner_ids, customer_ids, colleagues, eras=None):
        order = partner_ids.argsort()
        self.ids = partner_ids[order]
        self.customer_ids = customer_ids[order]
        self.colleagues = colleagues[order]
        #: Ids of those who have moved.
        self.moved_ids = self.ids[:0] if eras is None else np.unique(eras["person"])
        self._ends = None
        if eras is not None and len(eras["person"]):
            person = find(self.ids, eras["person"])
            ends = _join(person, eras["until"])
            order = ends.argsort(kind="stable")
            self._ends, person = ends[order], person[order]
            self._has_moved = np.zeros(len(self.ids) + 1, dtype=bool)  # the last one is for strangers
            self._has_moved[person] = True
            self.customer_ids = np.append(self.customer_ids, eras["customer"][order])
            self.colleagues = np.append(self.colleagues, self.colleagues[person])

    def unite(self, leads):
        """Take customers for others, as if their contacts belonged to those.

        :param leads: ``{id of a customer: id of the one that it is taken for}``
        """
        taken = np.array(sorted(leads), dtype=self.customer_ids.dtype)
        place = find(taken, self.customer_ids)
        into = np.array([leads[id_] for id_ in taken.tolist()], dtype=self.customer_ids.dtype)
        self.customer_ids = np.where(place >= 0, into[place], self.customer_ids) if len(taken) else self.customer_ids

    def find(self, partner_ids, moments=None):
        """Return the place of each partner in ``customer_ids``, -1 for strangers.

        :param moments: datetime64 of any unit, naive UTC: when each belonged to the customer that is meant. Now, where
            they are left out or NaT
        """
        places = find(self.ids, partner_ids)
        if self._ends is None or moments is None:
            return places
        moved = np.flatnonzero(self._has_moved[places])
        wanted = _join(places[moved], moments[moved])
        era = np.minimum(np.searchsorted(self._ends, wanted), len(self._ends) - 1)
        earlier = (self._ends[era] >= wanted) & (self._ends[era] >> _BITS == places[moved])
        places[moved[earlier]] = len(self.ids) + era[earlier]
        return places

    def get_customers(self, places):
        """Return the id of the customer at each place, -1 for strangers."""
        return np.where(places >= 0, self.customer_ids[places], -1) if len(self.customer_ids) else places


#: So many bits hold the seconds since 1970, until 2106.
_BITS = 32


def _join(places, moments):
    """Return place and moment in one number each; NaT is later than all moments."""
    seconds = moments.astype("datetime64[s]").astype("int64")
    seconds = np.where(np.isnat(moments), (1 << _BITS) - 1, np.clip(seconds, 0, (1 << _BITS) - 2))
    return (places.astype("int64") << _BITS) + seconds


def read(cr, scope):
    """Return the :class:`People` of a scope: all partners, or its customers and who is or was a contact of them."""
    eras = _read_eras(cr, scope)
    query = SQL(
        """
        SELECT id, commercial_partner_id AS customer, partner_share IS FALSE AS colleague
          FROM res_partner
         WHERE %s
        """,
        SQL("commercial_partner_id IS NOT NULL")
        if scope.everybody
        else scope.of_customers(SQL.identifier("commercial_partner_id")),
    )
    if not scope.everybody and len(eras["person"]):
        moved = np.unique(eras["person"]).tolist()
        query = SQL("%s OR id = ANY(%s) AND commercial_partner_id IS NOT NULL", query, moved)
    people = rows.fetch_arrays(cr, query, {"id": ID, "customer": ID, "colleague": BOOLEAN})
    return People(*people.values(), eras)


def _read_eras(cr, scope):
    """Return until when who belonged to which customer, and whom that one belongs to today.

    Of a lone person who was put under a company it is the person, whose purchases have gone along: these eras are
    left out.

    :return: a dict of arrays: ``person`` and ``customer`` (ids), ``until`` (datetime64, naive UTC)
    """
    of_people = SQL("TRUE")
    if not scope.everybody:
        of_people = SQL(
            """former.partner_id IN (
                   SELECT id FROM res_partner WHERE %s
                UNION ALL
                   SELECT other.partner_id FROM customer_tiering_former other
                     JOIN res_partner former_customer ON former_customer.id = other.customer_id
                    WHERE %s)""",
            scope.of_customers(SQL.identifier("commercial_partner_id")),
            scope.of_customers(SQL.identifier("former_customer", "commercial_partner_id")),
        )
    query = SQL(
        """
        SELECT former.partner_id AS person, customer.commercial_partner_id AS customer, former.moved_at AS until
          FROM customer_tiering_former former
          JOIN res_partner customer ON customer.id = former.customer_id
          JOIN res_partner person ON person.id = former.partner_id
         WHERE %(is_era)s AND person.commercial_partner_id IS NOT NULL AND %(of_people)s
        """,
        is_era=customers.IS_ERA,
        of_people=of_people,
    )
    return rows.fetch_arrays(cr, query, {"person": ID, "customer": ID, "until": MOMENT})


def find(ids, wanted):
    """Return the place of each of ``wanted`` in the array ``ids``, in any order, each of them once; -1 for those that
    are not there."""
    if not len(ids):
        return np.full(len(wanted), -1)
    first = ids.min()
    span = ids.max() - first
    if span < 8 * len(ids) + 1000:  # ids mostly are: looked up in a table, ten times as fast
        table = np.full(span + 2, -1, dtype="int32")
        table[ids - first] = np.arange(len(ids))
        return table[np.clip(wanted - first, -1, span + 1)]
    by_id = ids.argsort()
    place = by_id[np.minimum(np.searchsorted(ids, wanted, sorter=by_id), len(ids) - 1)]
    return np.where(ids[place] == wanted, place, -1)
