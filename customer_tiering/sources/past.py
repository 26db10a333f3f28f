"""What customers did in a time that lies long enough ago for what came of it to be known."""

import dataclasses
import functools
from datetime import timedelta

import numpy as np

from odoo.tools import SQL

from ..engine import border, effect, history, ladder, moves
from ..engine import purchases as documents
from . import rows
from .base import DATE, FLOAT, ID

#: Days on which customers may have reached a tier, were followed up or locked.
STUDIED = 360
#: A year before is known of everybody.
YEAR = 366


class Past:
    """What is known of a time that lies long enough ago; read once, where it is asked for.

    :param policy: the ``customer.tiering.policy``, with all rights
    :param last: the last day of the time, a date
    """

    def __init__(self, policy, last):
        self.policy, self.env, self.last = policy, policy.env, last
        self.first = last - timedelta(days=STUDIED)

    @functools.cached_property
    def cards(self):
        """The customers of the policy: a DataFrame, index = id, with ``tier`` (0: none) and ``margin`` as they are
        now."""
        self.env.flush_all()
        return rows.fetch_frame(
            self.env.cr,
            SQL(
                """
                SELECT partner_id AS id, tier_id AS tier, margin
                  FROM customer_tiering_scorecard WHERE policy_id = %s
                """,
                self.policy.id,
            ),
            {"id": ID, "tier": ID, "margin": FLOAT},
        )

    @functools.cached_property
    def purchases(self):
        """The customers, an index, and of all that they bought the customer's place, the day and the money."""
        end = self.last + timedelta(days=border.CAME)
        policy = self.policy
        scope = dataclasses.replace(
            policy._get_revenue_scope(end, (end - self.first).days + YEAR),
            # Also who was archived since: that is a part of what came.
            candidates=SQL("SELECT id FROM res_partner WHERE id = commercial_partner_id"),
        )
        customers, bought, _chosen = self.env["customer.tiering.replica"]._read(
            lambda env: env["customer.tiering.reader"].sudo()._read_purchases(scope)
        )
        counted, _served = documents.choose_counted(
            bought, scope.as_of, scope.window_days, scope.decimals, least=scope.least
        )
        return customers, bought.buyer[counted], bought.day[counted], bought.money[counted]

    @functools.cached_property
    def unit(self):
        """The money of a usual order."""
        *_customers, money = self.purchases
        return float(np.median(money[money > 0])) if (money > 0).any() else 1.0

    @functools.cached_property
    def changes(self):
        """All changes of tiers since, in the order in which they happened."""
        self.env.flush_all()
        return rows.fetch_frame(
            self.env.cr,
            SQL(
                """
                SELECT id, partner_id, date, from_tier_id AS place
                  FROM customer_tier_change WHERE company_id = %s AND date >= %s
                """,
                self.policy.company_id.id,
                self.first,
            ),
            {"id": ID, "partner_id": ID, "date": DATE, "place": ID},
        )

    @functools.cached_property
    def now(self):
        """The tiers of all customers of the company today; 0: none."""
        self.env.flush_all()
        return rows.fetch_frame(
            self.env.cr,
            SQL(
                "SELECT partner_id AS id, tier_id AS place FROM customer_tiering_scorecard WHERE company_id = %s",
                self.policy.company_id.id,
            ),
            {"id": ID, "place": ID},
        )["place"]

    def read_tiers(self, days, customers):
        """Return the tiers at the end of each of the days, a DataFrame with a column for each, 0: none."""
        places = history.get_places(self.now, self.changes, days)
        return places.reindex(customers, fill_value=moves.NOWHERE)

    def get_places(self, days, keys, customers):
        """Return the same as places in a ladder, see ``border.find_entrants``."""
        tiers = self.read_tiers(days, customers)
        found = np.full(tiers.shape, border.NO_TIER)
        for number in tiers:
            held = tiers[number]
            place = ladder.places(held, keys)
            foreign = (place < 0) & (held != moves.NOWHERE).to_numpy()
            found[:, number] = np.where(foreign, border.FOREIGN, place)
        return found

    def find_locked(self, start, end, customers):
        """Return which of the customers had a lock at some time from one day to another, an array of bool."""
        found = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT partner.commercial_partner_id
                  FROM customer_tiering_lock lock
                  JOIN res_partner partner ON partner.id = lock.partner_id
                 WHERE lock.company_id = %s AND lock.create_date::date <= %s
                   AND COALESCE(lock.ended_on::date, 'infinity') >= %s AND COALESCE(lock.date_end, 'infinity') >= %s
                """,
                self.policy.company_id.id,
                end + timedelta(days=2),
                start - timedelta(days=1),
                start - timedelta(days=1),
            )
        )
        return customers.isin([partner for (partner,) in found])

    def read_locks(self):
        """Return of each customer the first lock, where it is of the time: customer, day, person, reason, the tier that
        it names and the one held before; of customers who had one of the policy's then."""
        self.env.flush_all()
        return self.env.execute_query(
            SQL(
                """
                WITH lock AS (
                    SELECT DISTINCT ON (partner.commercial_partner_id)
                           partner.commercial_partner_id AS partner_id, lock.user_id, TRIM(lock.reason) AS reason,
                           lock.tier_id, (lock.create_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date AS day
                      FROM customer_tiering_lock lock
                      JOIN res_partner partner ON partner.id = lock.partner_id
                     WHERE lock.company_id = %(company)s
                  ORDER BY partner.commercial_partner_id, lock.id)
                SELECT lock.partner_id, lock.day, lock.user_id, lock.reason, lock.tier_id, was.to_tier_id
                  FROM lock
                  JOIN customer_tier named ON named.id = lock.tier_id AND named.policy_id = %(policy)s
            CROSS JOIN LATERAL (SELECT change.to_tier_id
                                  FROM customer_tier_change change
                                 WHERE change.partner_id = lock.partner_id AND change.company_id = %(company)s
                                   AND change.date <= lock.day AND change.reason != 'lock'
                              ORDER BY change.id DESC LIMIT 1) was
                  JOIN customer_tier held ON held.id = was.to_tier_id AND held.policy_id = %(policy)s
                 WHERE lock.day > %(first)s AND lock.day <= %(last)s
              ORDER BY lock.partner_id
                """,
                company=self.policy.company_id.id,
                policy=self.policy.id,
                timezone=self.policy.company_id._get_tiering_timezone().key,
                first=self.first,
                last=self.last,
            )
        )

    def read_ever_locked(self):
        """Return the ids of the customers who ever had a lock."""
        found = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT partner.commercial_partner_id
                  FROM customer_tiering_lock lock
                  JOIN res_partner partner ON partner.id = lock.partner_id
                 WHERE lock.company_id = %s
                """,
                self.policy.company_id.id,
            )
        )
        return [partner for (partner,) in found]

    def measure(self, ids, days, count, first=1):
        """Return what customers bought in so many days from a day on, its money, and that of the 365 days before; three
        arrays.

        :param ids, days: of each the id, and the day as datetime64[D]
        :param first: the first of the days that counts, 0: the day itself
        """
        customers, buyer, day, money = self.purchases
        place = customers.get_indexer(ids)
        known = place >= 0
        result = np.zeros((3, len(ids)))
        result[:, known] = effect.measure(place[known], days[known], buyer, day, money, count, first)
        return tuple(result)

    def damp(self, money):
        """Return the logarithm of 1 + money in usual orders; money below 0 counts as none."""
        return np.log1p(np.maximum(money, 0) / self.unit)

    def draw_days(self, ids, days):
        """Return for each customer one of the days, drawn by its id: the same again, and as often as they occur."""
        return np.sort(days)[ids.astype("int64") * 2_654_435_761 % 2**32 % len(days)]

    def compare(self, ids, days, others, others_days, count, first=1, group=None):
        """Return what ``effect.compare_hint`` says of customers beside others, and the margin of today of those
        of whom it is known. Of the others those count who had bought in the year before."""
        everybody, of_all = np.concatenate((ids, others)), np.concatenate((days, others_days))
        called = np.arange(len(everybody)) < len(ids)
        orders, money, before = self.measure(everybody, of_all, count, first)
        _orders, earlier, _before = self.measure(everybody, of_all - np.timedelta64(count, "D"), count, 0)
        chosen = called | (before > 0)
        parts = [values[chosen] for values in (called, orders, money, before, earlier)]
        group = None if group is None else group[chosen]
        hint = effect.compare_hint(*parts, self.unit, group)
        margin = self.cards["margin"].reindex(everybody[chosen]).to_numpy()
        known = ~np.isnan(margin)
        least, sides = effect.LEAST_GROUP, parts[0][known]
        hint["margin"] = None
        if hint["bought"] and min(sides.sum(), (~sides).sum()) >= least:
            of_known = None if group is None else group[known]
            found = effect.compare_alike(sides, margin[known], self.damp(parts[3][known]), of_known)
            hint["margin"] = found and dataclasses.asdict(found)
        return hint
