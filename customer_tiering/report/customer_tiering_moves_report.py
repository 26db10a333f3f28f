from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from .. import engine, sources
from ..models.customer_tiering_policy import FIRST_DAY
from ..models.customer_tiering_typed import take

KINDS = ("tier", "segment")
# Why customers move who have done nothing.
BY_RULES = ("rules", "calibration", "policy")
# What the matrix calls somebody's place who is in a segment that was deleted since.
DELETED = -1


class CustomerTieringMovesReport(models.AbstractModel):
    """Who was where on one day and where on another: tiers or segments, as a matrix and as a flow.

    From the scorecards of today and the changes since, so that a day costs no more than what has happened after it.
    Before the first computation, the policies of today say where customers would have been. Of the customers of the
    current company whom the person may see.
    """

    _name = "customer.tiering.moves.report"
    _description = "Moves between Tiers and Segments"

    # ------------------------------------------------------------------
    # The report
    # ------------------------------------------------------------------

    @api.readonly
    @api.model
    def get_data(self, kind, first, last):
        """Return what the report shows, a dict of plain values.

        :param kind: "tier" or "segment"
        :param first, last: days as texts; where customers were at the end of each counts
        :return: ``places``: tiers or segments, the highest first, each with ``id``, ``name`` and ``color``; ``rows``:
            see ``engine.moves.count``, as dicts; ``notes``: sentences; ``currency_id``
        :raises UserError: when these are no such days
        """
        before, after, by_rules, notes = self._read(kind, first, last)
        cells = engine.moves.count(before, after, by_rules, self._read_amounts())
        keys = set(cells["before"]) | set(cells["after"])
        return {
            "currency_id": self.env.company.currency_id.id,
            "places": self._get_places(kind, keys - {engine.moves.NOWHERE}),
            "rows": cells.to_dict("records"),
            "notes": notes,
        }

    @api.readonly
    @api.model
    def get_customers(self, kind, first, last, origin, target, by_rules):
        """Return the ids of the customers of a cell.

        :param origin, target: the place on the first and on the last day, 0: no customer, None: anywhere
        :param by_rules: True: whom other rules have moved, False: the others, None: all
        """
        origin, target = (take(self.env, place, int, None) for place in (origin, target))
        by_rules = take(self.env, by_rules, bool, None)
        before, after, ruled, _notes = self._read(kind, first, last)
        return engine.moves.choose(before, after, ruled, origin=origin, target=target, by_rules=by_rules).tolist()

    # ------------------------------------------------------------------
    # What is read
    # ------------------------------------------------------------------

    @api.model
    def _read(self, kind, first, last):
        """Return where customers were on both days, whom other rules moved in between, and what to know about it."""
        self.env["customer.tiering.scorecard"].check_access("read")
        if kind not in KINDS:
            raise UserError(self.env._("Choose tiers or segments."))
        days = [self._check_day(day) for day in (first, last)]
        if days[0] > days[1]:
            raise UserError(
                self.env._(
                    "%(last)s is before %(first)s. Choose a second day on or after the first.",
                    first=format_date(self.env, days[0]),
                    last=format_date(self.env, days[1]),
                )
            )
        self.env.flush_all()
        begin, notes, places = self._get_begin(kind), [], []
        for day in days:
            if begin and day >= begin:
                places.append(self._read_places(kind, day))
                continue
            places.append(self._reckon_places(kind, day))
            notes.append(
                self.env._(
                    "It was not kept where customers were on %(day)s: it is reckoned by the rules of today.",
                    day=format_date(self.env, day),
                )
            )
        ruled = self._read_ruled(kind, *days)
        return *map(self._keep_seen, places), ruled, list(dict.fromkeys(notes))

    @api.model
    def _check_day(self, day):
        try:
            day = fields.Date.to_date(day)
        except (TypeError, ValueError):
            day = None
        if not day:
            raise UserError(self.env._("Choose both days."))
        if day > self.env.company._get_tiering_today():
            raise UserError(
                self.env._("%(day)s is not over yet. Choose today or an earlier day.", day=format_date(self.env, day))
            )
        return max(day, FIRST_DAY)  # before it, nobody was a customer

    @api.model
    def _get_begin(self, kind):
        """Return the day from which on it is known where customers were; None: not yet."""
        # sudo: of customers whom the person may not see, too
        company = self.env.company
        if kind == "tier":
            query = SQL("SELECT MIN(date) FROM customer_tier_change WHERE company_id = %s", company.id)
        else:
            query = SQL(
                """
                SELECT MIN(day) FROM (SELECT MIN(from_since) FROM customer_segment_change WHERE company_id = %(company)s
                                       UNION ALL
                                      SELECT MIN(segment_since) FROM customer_tiering_scorecard
                                       WHERE company_id = %(company)s) AS known (day)
                """,
                company=company.id,
            )
        ((day,),) = self.env.execute_query(query)
        since = kind == "segment" and company.sudo().tiering_segments_since
        return max(day, since) if day and since else day

    @api.model
    def _read_places(self, kind, day):
        """Return where each customer was at the end of a day that the history reaches, a Series by customer."""
        queries = {
            "tier": SQL(
                """
                WITH later AS (
                    SELECT DISTINCT ON (partner_id) partner_id, from_tier_id AS place
                      FROM customer_tier_change WHERE company_id = %(company)s AND date > %(day)s
                  ORDER BY partner_id, id)
                SELECT partner_id AS id, COALESCE(place, 0) AS place FROM later
                 UNION ALL
                SELECT card.partner_id, COALESCE(card.tier_id, 0)
                  FROM customer_tiering_scorecard card
                 WHERE card.company_id = %(company)s
                   AND NOT EXISTS (SELECT FROM later WHERE later.partner_id = card.partner_id)
                """,
                company=self.env.company.id,
                day=day,
            ),
            "segment": SQL(
                """
                WITH later AS (
                    SELECT DISTINCT ON (partner_id) partner_id,
                           CASE WHEN from_since <= %(day)s THEN COALESCE(from_segment_id, %(deleted)s) END AS place
                      FROM customer_segment_change WHERE company_id = %(company)s AND date > %(day)s
                  ORDER BY partner_id, id)
                SELECT partner_id AS id, COALESCE(place, 0) AS place FROM later
                 UNION ALL
                SELECT card.partner_id, CASE WHEN card.segment_since <= %(day)s THEN COALESCE(card.segment_id, 0)
                                             ELSE 0 END
                  FROM customer_tiering_scorecard card
                 WHERE card.company_id = %(company)s
                   AND NOT EXISTS (SELECT FROM later WHERE later.partner_id = card.partner_id)
                """,
                company=self.env.company.id,
                day=day,
                deleted=DELETED,
            ),
        }
        columns = {"id": sources.base.ID, "place": sources.base.ID}
        return sources.rows.fetch_frame(self.env.cr, queries[kind], columns)["place"]

    @api.model
    def _reckon_places(self, kind, day):
        """Return the same for a day before the history begins, by the policies of today."""
        policies = self.env["customer.tiering.policy"].search(
            [("company_id", "=", self.env.company.id), ("is_simulation", "=", False)]
        )
        if kind == "tier":
            places = [policy._compute_earned(day) for policy in policies]
        else:
            places = [policy._compute_frame(day)["segment"] for policy in policies]
        return engine.moves.join([place.fillna(0).astype("int64") for place in places])

    @api.model
    def _read_ruled(self, kind, first, last):
        """Return the ids of the customers who moved between two days because the rules or the comparison changed."""
        queries = {
            "tier": SQL(
                """
                SELECT DISTINCT partner_id FROM customer_tier_change
                 WHERE company_id = %s AND date > %s AND date <= %s AND reason = ANY(%s)
                """,
                self.env.company.id,
                first,
                last,
                list(BY_RULES),
            ),
            "segment": SQL(
                """
                SELECT DISTINCT partner_id FROM customer_segment_change
                 WHERE company_id = %s AND date > %s AND date <= %s AND by_rules
                """,
                self.env.company.id,
                first,
                last,
            ),
        }
        return [partner_id for (partner_id,) in self.env.execute_query(queries[kind])]

    @api.model
    def _keep_seen(self, places):
        """Return those customers whom the person may see."""
        return places[self.env["ir.rule"]._find_tiering_seen(places.index)]

    @api.model
    def _read_amounts(self):
        """Return the amount in the window of each customer, as it is now."""
        query = SQL(
            "SELECT partner_id AS id, amount FROM customer_tiering_scorecard WHERE company_id = %s", self.env.company.id
        )
        columns = {"id": sources.base.ID, "amount": sources.base.FLOAT}
        return sources.rows.fetch_frame(self.env.cr, query, columns)["amount"]

    @api.model
    def _get_places(self, kind, keys):
        """Return the tiers or segments of these ids, the highest first; of tiers also those in use without anybody."""
        if kind == "tier":
            # sudo: an archived or foreign tier of long ago is still a name
            records = self.env["customer.tier"]._search_current().sudo()
            records |= records.with_context(active_test=False).search([("id", "in", list(keys))])
        else:
            records = self.env["customer.segment"].search([("id", "in", list(keys))])
        # Tiers of several policies are on ladders of their own.
        found = [
            {
                "id": record.id,
                "name": record.display_name,
                "color": record.color,
                "ladder": record.policy_id.id if kind == "tier" else 0,
            }
            for record in records
        ]
        gone = keys - set(records.ids)
        return found + [
            {"id": key, "name": self.env._("Deleted since"), "color": 0, "ladder": -1} for key in sorted(gone)
        ]
