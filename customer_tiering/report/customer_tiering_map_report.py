from contextlib import suppress

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .. import engine, sentences, sources
from ..models.customer_tiering_policy import FIRST_DAY
from ..models.customer_tiering_typed import take

# So many days an interaction makes somebody contacted.
CONTACT_DAYS = 30
# Days that pass are not stored, but the days from which they are counted.
DAY_OF = {
    "recency_days": "last_order_date",
    "days_since_contact": "last_contact_date",
    "tenure_days": "first_order_date",
}
# What is read of each scorecard beside the two metrics.
NUMBERS = (
    *("amount", "expected_loss", "recency_score", "frequency_score", "monetary_score"),
    *("usual_gap_days", "purchase_days", "order_percent"),
)
DATES = ("first_order_date", "last_order_date", "last_contact_date")
# Whether there is a way to reach the customer; of the customer of today.
WAYS = ("by_email", "by_phone")


class CustomerTieringMapReport(models.AbstractModel):
    """Where customers stand: on the segment map of a policy, or by two metrics, in 5 × 5 cells that can be acted on.

    Of the customers of the current company whose scorecards the person may see, and who ever bought.
    """

    _name = "customer.tiering.map.report"
    _description = "Map of Customers"

    # ------------------------------------------------------------------
    # The report
    # ------------------------------------------------------------------

    @api.readonly
    @api.model
    def get_data(self, policy_id=False, across=False, upwards=False, day=False):
        """Return what the report shows, a dict of plain values.

        :param policy_id: id of a policy of the current company; False: the one with the most customers
        :param across, upwards: keys of the metrics by which columns and rows are made; False: the segment map
        :param day: an earlier day as a text, to compare with; False: none
        :return: ``policies``, ``policy_id``, ``metrics``, ``segments``; ``columns`` and ``rows``: the labels from 1 to
            5; ``cells``: as ``engine.grid.count`` counts them, with the ``segment_id`` and, of the earlier day,
            ``before``; ``placeless``: customers without a place; ``notes``: sentences; ``currency_id``; ``actions``
        """
        policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        data = {
            "policies": policies,
            "policy_id": policy.id,
            "may_compute": policy.has_access("write"),
            "currency_id": self.env.company.currency_id.id,
            "actions": [{"name": name, "label": label} for name, label in self._get_actions()],
        }
        if not policy:
            return {**data, "metrics": [], "segments": [], "columns": [], "rows": [], "cells": [], "placeless": 0}
        rules, as_of = self._get_rules(policy)
        metrics = self._get_metrics(rules)
        axes = self._check_axes(metrics, across, upwards)
        day = day and self._check_day(day)
        frame = self._read(policy, axes)
        begins = self._place(frame, rules, axes, as_of)
        cells = engine.grid.count(frame).to_dict("records")
        notes = []
        if day:
            before, note = self._reckon(policy, axes, begins, day)
            notes.append(note)
            for cell, earlier in zip(cells, before, strict=False):
                cell["before"] = earlier
        if not axes:
            for cell in cells:
                cell["segment_id"] = rules.segment_map[cell["row"] - 1][cell["column"] - 1]
        segments = self.env["customer.segment"].browse({key for row in rules.segment_map for key in row}).exists()
        return {
            **data,
            "metrics": [
                {"key": metric.key, "name": metric.name, "unit": self._tell_unit(metric)} for metric in metrics
            ],
            "segments": segments.sorted().read(["name", "color", "advice"]),
            "columns": self._get_labels(frame, axes[0], "column") if axes else [],
            "rows": self._get_labels(frame, axes[1], "row") if axes else [],
            "cells": cells,
            "placeless": int((frame["row"].isna() | frame["column"].isna()).sum()),
            "notes": notes,
        }

    @api.readonly
    @api.model
    def get_customers(self, policy_id, across, upwards, cells):
        """Return the ids of the scorecards in some cells.

        :param policy_id, across, upwards: see :meth:`get_data`
        :param cells: pairs of row and column
        """
        _policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        pairs = [take(self.env, pair, list, tuple) for pair in take(self.env, cells, list, tuple)]
        chosen = [[take(self.env, number, int) for number in pair] for pair in pairs]
        rules, as_of = self._get_rules(policy)
        axes = self._check_axes(self._get_metrics(rules), across, upwards)
        frame = self._read(policy, axes)
        self._place(frame, rules, axes, as_of)
        placed = frame[frame["row"].notna() & frame["column"].notna()]
        numbers = placed["row"].astype(int) * 10 + placed["column"].astype(int)
        return placed.index[numbers.isin([10 * pair[0] + pair[1] for pair in chosen if len(pair) == 2])].tolist()

    @api.model
    def run_action(self, name, policy_id, across, upwards, cells):
        """Do one of the actions with the customers in some cells; return what is opened."""
        if take(self.env, name, str) not in dict(self._get_actions()):
            raise UserError(self.env._("This cannot be done with the customers of the map."))
        cards = self.env["customer.tiering.scorecard"].browse(self.get_customers(policy_id, across, upwards, cells))
        if not cards:
            raise UserError(self.env._("Nobody is in these cells. Choose others."))
        return getattr(cards, name)()

    @api.model
    def _get_actions(self):
        """Return what can be done with the customers in cells, a list of a method of scorecards and its label; another
        app adds its own."""
        found = [("action_tiering_plan_call", self.env._("Plan Calls"))]
        if self.env["customer.tiering.lock"].has_access("create"):
            found.append(("action_tiering_lock", self.env._("Lock Tier")))
        return found

    # ------------------------------------------------------------------
    # What was asked for
    # ------------------------------------------------------------------

    @api.model
    def _get_rules(self, policy):
        """Return the engine's ``PolicyRules`` of the last run, and its day; before it, those of today."""
        last = self.env["customer.tiering.run"]._get_last(policy)
        if last.version_id:
            with suppress(ValueError):  # judged otherwise by an earlier version
                return last.version_id._get_rules(), last.as_of
        return policy._get_rules(), last.as_of or self.env.company._get_tiering_today()

    @api.model
    def _get_metrics(self, rules):
        """Return the metrics of a policy whose values are kept, and which the person may see."""
        cards = self.env["customer.tiering.scorecard"]

        def is_kept(metric):
            column = DAY_OF.get(metric.column, metric.column)
            field = cards._fields.get(column)
            return bool(field and field.store and cards._may_see_column(column) and metric._may_see())

        known = {metric.key: metric.column for metric in (*engine.metrics.RFM, *rules.definitions)}
        found = self.env["customer.tiering.metric"].with_context(active_test=False).search([("key", "in", list(known))])
        return found.filtered(lambda metric: metric.column == known[metric.key] and is_kept(metric))

    @api.model
    def _check_axes(self, metrics, across, upwards):
        """Return the two metrics, for columns and for rows; None: the segment map."""
        if not across and not upwards:
            return None
        chosen = [metrics.filtered(lambda metric, key=key: metric.key == key) for key in (across, upwards)]
        if not all(chosen) or chosen[0] == chosen[1]:
            raise UserError(self.env._("Choose two different metrics that the policy measures."))
        return chosen

    @api.model
    def _check_day(self, day):
        try:
            day = fields.Date.to_date(day)
        except (TypeError, ValueError):
            day = None
        if not day or day < FIRST_DAY:
            raise UserError(self.env._("Choose an earlier day to compare with."))
        if day >= self.env.company._get_tiering_today():
            raise UserError(
                self.env._("%(day)s is not before today. Choose an earlier day.", day=format_date(self.env, day))
            )
        return day

    # ------------------------------------------------------------------
    # Who stands where
    # ------------------------------------------------------------------

    @api.model
    def _read(self, policy, axes):
        """Return what was measured of the customers, a DataFrame, index = id of the scorecard."""
        base = sources.base
        cards = self.env["customer.tiering.scorecard"]
        cards.flush_model()
        columns = {"id": base.ID, **dict.fromkeys(NUMBERS, base.FLOAT), **dict.fromkeys(DATES, base.DATE)}
        for metric in axes or ():
            if metric.column not in DAY_OF:
                columns[metric.column] = base.FLOAT
        domain = Domain("company_id", "=", self.env.company.id) & Domain("policy_id", "=", policy.id)
        query = cards._search(domain & Domain("first_order_date", "!=", False))
        partner = SQL.identifier(query.join(cards._table, "partner_id", "res_partner", "id", "partner_id"))
        select = query.select(*(SQL.identifier(cards._table, name) for name in columns), *self._get_ways(partner))
        frame = sources.rows.fetch_frame(self.env.cr, select, {**columns, **dict.fromkeys(WAYS, base.FLOAT)})
        today = self.env.company._get_tiering_today()
        for column, since in DAY_OF.items():
            frame[column] = engine.grid.count_days(today, frame[since])
        frame["contacted"] = frame["days_since_contact"] < CONTACT_DAYS
        return frame

    @api.model
    def _get_ways(self, partner):
        """Return the SQL of `WAYS`, numbers.

        :param partner: the SQL identifier of the customer
        """
        self.env["res.partner"].flush_model(["email_normalized", "phone"])
        self.env["mail.blacklist"].flush_model(["email", "active"])
        by_email = SQL(
            "%(partner)s.email_normalized IS NOT NULL AND NOT EXISTS (SELECT FROM mail_blacklist excluded"
            " WHERE excluded.email = %(partner)s.email_normalized AND excluded.active)",
            partner=partner,
        )
        by_phone = SQL("%s.phone ~ '[0-9]'", partner)
        return [
            SQL("(%s)::int::float8 AS %s", condition, SQL.identifier(name))
            for name, condition in zip(WAYS, (by_email, by_phone), strict=True)
        ]

    @api.model
    def _place(self, frame, rules, axes, as_of, begins=None):
        """Write ``row`` and ``column`` of each customer into a frame.

        :param as_of: the day on which the scores were reckoned
        :param begins: of each axis where the fifths begin, as this method returned it; None: it follows from the frame
        """
        if not axes:
            self._place_by_segment(frame, rules, as_of)
            return None
        begins = begins or [
            engine.grid.fit(frame[metric.column].astype("float64"), higher_is_better=metric.direction == "higher")
            for metric in axes
        ]
        for name, metric, begin in zip(("column", "row"), axes, begins, strict=True):
            frame[name] = engine.grid.place(
                frame[metric.column].astype("float64"), begin, higher_is_better=metric.direction == "higher"
            )
        return begins

    @api.model
    def _place_by_segment(self, frame, rules, as_of):
        """As the segments are found: the row is the recency score within what the own rhythm, or the chance of the next
        order, allows."""
        scores = {
            name: frame[f"{name}_score"].astype("Float64").where(lambda score: score > 0).astype("Int64")
            for name in ("recency", "frequency", "monetary")
        }
        known = frame.assign(recency_days=engine.grid.count_days(as_of, frame["last_order_date"]))
        standing = engine.lifecycle.stand(known, rules.lifecycle, rules.risk, frame["usual_gap_days"])
        weights = (rules.weights.get(key) or 0 for key in (engine.metrics.FREQUENCY, engine.metrics.MONETARY))
        frame["row"] = engine.segments.rows(scores["recency"], standing)
        frame["column"] = engine.segments.frequency_monetary_score(scores["frequency"], scores["monetary"], *weights)

    @api.model
    def _reckon(self, policy, axes, begins, day):
        """Return the numbers of the cells on an earlier day by the rules of today, a list of dicts in the order of
        ``engine.grid.count``, and what to know about it."""
        frame = policy._compute_frame(day)
        if lacking := [metric.name for metric in axes or () if metric.column not in frame]:
            return [], self.env._("“%(metric)s” cannot be reckoned for an earlier day.", metric=lacking[0])
        frame = self._keep_seen(frame[frame["last_order_date"].notna()].copy())
        frame["contacted"] = engine.grid.count_days(day, frame["last_contact_date"]) < CONTACT_DAYS
        frame[list(WAYS)] = 0.0  # not known of that day
        self._place(frame, policy._get_rules(), axes, day, begins)
        cells = engine.grid.count(frame).drop(columns=["row", "column", *WAYS]).to_dict("records")
        told = {"day": format_date(self.env, day)}
        if axes:
            note = self.env._(
                "It is not kept where customers were on %(day)s: their values are reckoned by the rules of today, and "
                "the cells have the same limits.",
                **told,
            )
        else:
            note = self.env._(
                "It is not kept where customers were on %(day)s: it is reckoned by the rules of today.", **told
            )
        return cells, note

    @api.model
    def _keep_seen(self, frame):
        """Return those customers whom the person may see."""
        return frame[self.env["ir.rule"]._find_tiering_seen(frame.index)].copy()

    # ------------------------------------------------------------------
    # What it is called
    # ------------------------------------------------------------------

    @api.model
    def _get_labels(self, frame, metric, name):
        """Return from which to which value each fifth goes, from 1 to 5; empty where nobody is in it."""
        labels = []
        for span in engine.grid.get_spans(frame[metric.column].astype("float64"), frame[name]):
            first, last = (self._tell(metric, value) for value in span or (0, 0))
            if not span:
                labels.append("")
            elif first == last:
                labels.append(first)
            else:
                labels.append(self.env._("%(first)s to %(last)s", first=first, last=last))
        return labels

    @api.model
    def _tell_unit(self, metric):
        return {"days": self.env._("days"), "money": self.env.company.currency_id.name}.get(metric.unit, "")

    @api.model
    def _tell(self, metric, value):
        decimals = 0 if metric.unit in engine.metrics.WHOLE_UNITS or abs(value) >= 100 else 2
        text = sentences.format_number(self.env, value, decimals)
        return self.env._("%(number)s%%", number=text) if metric.unit == "percent" else text
