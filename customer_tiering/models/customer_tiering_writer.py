from collections import Counter
from dataclasses import dataclass

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, ormcache

from .. import engine, pace, sources
from ..fields import UncheckedMany2one

TABLE = SQL.identifier("customer_tiering_result")
# What runs decide beside the metrics.
DECIDED = (
    *("first_order_date", "last_order_date", "last_contact_date", "purchase_days", "usual_gap_days", "small_count"),
    *("lifecycle", "risk", "risk_rank", "risk_signals", "expected_loss"),
    *("recency_score", "frequency_score", "monetary_score", "segment_id"),
    *("score", "parts", "next_tier_id", "points_to_next"),
    *("tier_id", "computed_tier_id", "computed_since", "differs", "pending_tier_id", "pending_date"),
    *("upgrade_tier_id", "upgrade_date"),
    *("lock_id", "idle_lock_id"),
    *("motive_id", "proposed_motive_id", "motive_metric", "motive_rank"),
    *("order_percent", "second_order_date"),
)
# What changes a little every night: it is written with what else is new of a customer, and is no news by itself.
FOLLOWING = (
    *("expected_orders", "expected_amount", "year_value", "year_value_low", "year_value_high", "next_order_date"),
)
# Where a run rests, so many scorecards are updated between two rests.
UPDATED = 20_000


@dataclass
class Changes:
    """What a run changes of what is kept of some customers."""

    #: The scorecards that are new or whose values changed, as the database keeps them, with ``digest``: a DataFrame,
    #: index = customer id.
    frame: object
    #: What explains them: a DataFrame with the same index, see ``pipeline.tell``.
    told: object
    #: The id of each one's scorecard, a Series with the same index; NaN: it is new.
    card_ids: object
    #: The rows of the history, see ``changes.history``.
    moves: object
    #: The ids of the scorecards of those who have left, a Series, index = customer id.
    left: object
    #: For whom of all customers what is new comes from the policy, a Series of bool, index = customer id.
    quiet: object
    #: ``{tier of another policy: tier of this policy}``, between which nobody moves.
    namesakes: dict


def _take(frame, chosen):
    """Return the chosen rows, the frame itself and no copy if these are all."""
    return frame if chosen.all() else frame[chosen]


class CustomerTieringWriter(models.AbstractModel):
    """Puts a run's result into the scorecards, all customers at once.

    The ORM is bypassed because it would write row by row. What was there before is compared in memory, by
    a digest of each scorecard's values; only changes of tier, new scorecards and those whose values
    changed are handed to PostgreSQL, by COPY.

    The tables have no foreign keys to what a policy consists of, which would be checked a million times a run.
    Instead the run holds these few records, see :meth:`_keep_referred`, and nobody deletes any that are in use.
    """

    _name = "customer.tiering.writer"
    _description = "Customer Tiering Writer"

    @api.model
    @ormcache()
    def _get_columns(self):
        """Return the scorecard fields that a run computes, each a column of the result frame.

        Those of metrics, whichever module brought them, are found by the names of their columns. Of metrics that no
        policy uses they are absent from the frame and empty on the scorecard.
        """
        metrics = self.env["customer.tiering.metric"].sudo().with_context(active_test=False).search([])
        fields = self.env["customer.tiering.scorecard"]._fields
        measured = {name for metric in metrics for name in (metric.column, *metric._get_needed_columns())}
        measured.update(engine.profit.COLUMNS, self.env["customer.tiering.cost"].sudo().search([]).mapped("column"))
        stored = {name for name in measured if name in fields and fields[name].store}
        return sorted(stored.union(DECIDED, FOLLOWING))

    @api.model
    def _write_result(self, run, as_of, rules, result, cards, partial=False):
        """Write the scorecards of the run's policy.

        :param run: the ``customer.tiering.run``
        :param as_of: a ``datetime.date``
        :param rules: the engine's ``PolicyRules`` of the result
        :param result: a DataFrame, index = customer id, with the columns of the reader and the engine,
            ``reason`` and ``user_id`` of the changes, and ``quiet``: what is new comes from the policy
        :param cards: the scorecards as the reader's ``_read_cards`` returns them, of the company or, if partial,
            of these customers
        :param partial: the result holds only some of the policy's customers; the others stay
        :return: ``{run field: count}``
        """
        self.env.flush_all()
        pace.rest()
        return self._write(run, as_of, [self._compare(run, as_of, rules, result, cards, partial)], partial)

    def _compare(self, run, as_of, rules, result, cards, partial=False):
        """Return what a result changes, a :class:`Changes`; see :meth:`_write_result`."""
        frame, told = self._as_kept(run, result), engine.pipeline.tell(rules, result, as_of)
        following = [column for column in FOLLOWING if column in frame]
        frame["digest"] = engine.changes.digest(frame.drop(columns=following).join(told), rules)
        pace.rest()
        before = cards[["id", "digest", "policy_id", "tier_id", "lock_id", "score"]].reindex(frame.index)
        new = before["id"].isna()
        changed = ~new & ((before["digest"] != frame["digest"]) | (before["policy_id"] != run.policy_id.id))
        left = cards.iloc[:0] if partial else self._choose_left(run, cards.loc[cards.index.difference(frame.index)])
        ladder = self.env["customer.tier"]._get_ladder(run.company_id)
        tiers = before["tier_id"][before["tier_id"] > 0].unique()
        own = [tier.key for tier in rules.tiers]
        namesakes = self.env["customer.tier"]._get_namesakes(run.policy_id, own, map(int, tiers))
        moves = engine.changes.history(before, result, left, ladder, run.policy_id.id, namesakes)
        frame, told = _take(frame, new | changed), _take(told, new | changed)
        return Changes(frame, told, before["id"].reindex(frame.index), moves, left["id"], result["quiet"], namesakes)

    def _write(self, run, as_of, parts, partial=False):
        """Write what was found to have changed.

        :param run, as_of, partial: see :meth:`_write_result`
        :param parts: of :class:`Changes`, of different customers each; emptied, one after the other
        :return: ``{run field: count}``
        """
        import pandas as pd  # noqa: PLC0415 - only who writes needs it

        ((last_change_id,),) = self.env.execute_query(SQL("SELECT COALESCE(MAX(id), 0) FROM customer_tier_change"))
        counts = Counter()
        quiet = []
        for part in parts:
            moves = part.moves.assign(
                company_id=run.company_id.id, policy_id=run.policy_id.id, run_id=run.id, date=engine.schema.day(as_of)
            )
            self._copy(run, "customer_tier_change", "customer.tier.change", moves)
            users, directions = moves["user_id"].dropna().unique(), moves["direction"].value_counts()
            counts.update({f"{key}_count": int(directions.get(key, 0)) for key in ("new", "up", "down")})
            counts.update(left_count=len(part.left), written_count=len(part.frame))
            del moves  # a million rows would stay in memory with all that follows
            part.moves = None
            frame, told = part.frame.assign(parts=range(len(part.frame))), part.told
            part.frame = part.told = None
            self._keep_referred(run.policy_id, frame, users)
            new = part.card_ids.isna()
            changed = part.card_ids[~new]
            self._update_scorecards(run, as_of, _take(frame, ~new), changed, part.namesakes, part.quiet, told)
            self._insert_scorecards(run, as_of, _take(frame, new), told)
            del frame, told
            left = part.left.tolist()
            self.env["customer.tier.change"]._keep_standing(left, last_change_id)
            self._keep_segments(SQL("card.id = ANY(%s)", left), as_of, run.id)
            self.env.cr.execute(SQL("DELETE FROM customer_tiering_scorecard WHERE id = ANY(%s)", left))
            quiet.append(part.quiet)
        quiet = quiet[0] if len(quiet) == 1 else pd.concat(quiet)
        self.env["customer.tiering.followup"].sudo()._collect(run, as_of, last_change_id, quiet, partial)
        # Everything that depends on a scorecard may be in the cache, on partners too.
        self.env.invalidate_all(flush=False)
        return dict(counts)

    def _keep_referred(self, policy, frame, users):
        """Keep what scorecards are about to refer to from being deleted until the end of the transaction.

        :param frame: the scorecards to write
        :param users: ids of those to whom the history refers
        :raises psycopg2.errors.SerializationFailure: when one was deleted since the transaction began
        """
        fields = self.env["customer.tiering.scorecard"]._fields
        held = {"res_partner": set(frame.index), "customer_tiering_policy": {policy.id}, "res_users": set(users)}
        for column in frame:
            if column in fields and fields[column].type == "many2one":
                ids = frame[column].dropna().unique()
                held.setdefault(self.env[fields[column].comodel_name]._table, set()).update(ids)
        for table, ids in held.items():
            if not ids:
                continue
            # As text: an array of a million numbers would be a million expressions.
            ids = "{%s}" % ",".join(map(str, ids))
            rows = SQL(
                "SELECT id FROM %s WHERE id = ANY(%s::int[]) ORDER BY id FOR KEY SHARE", SQL.identifier(table), ids
            )
            self.env.cr.execute(SQL("SELECT COUNT(*) FROM (%s) held", rows))

    def _as_kept(self, run, result, columns=None):
        """Return the result's ``columns``, by default the scorecard's, as the database keeps them.

        Left out: those of metrics that nobody uses.
        """
        fields = self.env["customer.tiering.scorecard"]._fields
        columns = [column for column in columns or self._get_columns() if column in result]
        whole = {column for column in columns if fields[column].type in ("integer", "many2one")}
        decimals = {
            column: self._get_decimals(run, fields[column])
            for column in columns
            if fields[column].type in ("monetary", "float")
        }
        return engine.changes.as_kept(result, columns, whole, decimals)

    def _update_scorecards(self, run, as_of, frame, ids, namesakes, quiet, told):
        """Give scorecards that are there their new values; columns that nobody uses any more become empty.

        :param frame: with the place in ``told`` as ``parts``, as all frames of scorecards here
        :param namesakes: ``{tier of another policy: tier of this policy}``, between which nobody moves
        :param quiet: for whom what is new comes from the policy, a Series of bool
        :param told: what ``pipeline.tell`` returned, which is made text when it is written
        """
        if frame.empty:
            return
        frame = frame.assign(id=ids.astype("int64"), policy_id=run.policy_id.id, run_id=run.id)
        self._copy_table(run, frame.assign(quiet=quiet.reindex(frame.index).astype(bool)), told, quiet="bool")
        self._keep_segments(
            SQL("card.segment_id IS DISTINCT FROM result.segment_id"),
            as_of,
            run.id,
            join=SQL("JOIN %s result ON result.id = card.id", TABLE),
            new=SQL("result.segment_id, result.quiet"),
        )
        written = [*self._get_columns(), "policy_id", "run_id", "digest"]
        assignments = SQL(", ").join(
            SQL("%s = %s", SQL.identifier(name), SQL.identifier("result", name))
            if name in frame
            else SQL("%s = NULL", SQL.identifier(name))
            for name in written
        )
        tier = SQL("card.tier_id")
        if namesakes:
            same = SQL(" ").join(SQL("WHEN %s THEN %s", *pair) for pair in namesakes.items())
            tier = SQL("CASE card.tier_id %s ELSE card.tier_id END", same)
        ids = sorted(frame["id"])
        size = UPDATED if pace.is_resting() else len(ids)
        for place in range(0, len(ids), size):
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE customer_tiering_scorecard card
                       SET %(assignments)s,
                           tier_since = CASE WHEN %(tier)s IS DISTINCT FROM result.tier_id
                                             THEN %(as_of)s ELSE card.tier_since END,
                           segment_since = CASE WHEN card.segment_id IS DISTINCT FROM result.segment_id
                                                THEN %(as_of)s ELSE card.segment_since END
                      FROM %(result)s result
                     WHERE card.id = result.id AND result.id >= %(first)s AND result.id <= %(last)s
                       AND card.id >= %(first)s AND card.id <= %(last)s
                    """,
                    assignments=assignments,
                    tier=tier,
                    result=TABLE,
                    as_of=as_of,
                    first=ids[place],
                    last=ids[place : place + size][-1],
                )
            )
            pace.rest()

    def _keep_segments(self, condition, as_of, run_id, join=None, new=None):
        """Keep which segments customers leave, before their scorecards say so or go.

        :param condition: which scorecards, ``card``, SQL
        :param join: what else that takes, SQL
        :param new: the segment that they enter, and whether that comes from the policy, SQL; None: they enter none
        """
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO customer_segment_change (
                    partner_id, company_id, run_id, date, from_segment_id, from_since, to_segment_id, by_rules)
                SELECT card.partner_id, card.company_id, %(run)s::int, %(as_of)s, card.segment_id, card.segment_since,
                       %(new)s
                  FROM customer_tiering_scorecard card %(join)s
                 WHERE card.segment_id IS NOT NULL AND %(condition)s
                """,
                run=run_id or None,
                as_of=as_of,
                new=new or SQL("NULL::int, FALSE"),
                join=join or SQL(),
                condition=condition,
            )
        )

    def _insert_scorecards(self, run, as_of, frame, told):
        since = {f"{name}_since": engine.changes.since(frame[f"{name}_id"], as_of) for name in ("tier", "segment")}
        self._copy(
            run,
            "customer_tiering_scorecard",
            "customer.tiering.scorecard",
            frame.assign(company_id=run.company_id.id, policy_id=run.policy_id.id, run_id=run.id, **since),
            told,
        )

    def _copy_table(self, run, frame, told=None, **types):
        """Put a frame into the temporary table, with its index as ``partner_id``.

        :param types: PostgreSQL's types of columns that are no fields of the scorecard
        """
        fields = self.env["customer.tiering.scorecard"]._fields
        columns = {name: types.get(name) or fields[name].column_type[0] for name in frame}
        self.env.cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.%s", TABLE))
        self.env.cr.execute(
            SQL(
                "CREATE TEMPORARY TABLE %s (partner_id int4, %s) ON COMMIT DROP",
                TABLE,
                SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(type_)) for name, type_ in columns.items()),
            )
        )
        self._copy(run, "customer_tiering_result", "customer.tiering.scorecard", frame, told, **types)
        self.env.cr.execute(SQL("ANALYZE %s (%s)", TABLE, SQL.identifier("id" if "id" in frame else "partner_id")))

    def _copy(self, run, table, model, frame, told=None, **types):
        """Append the rows of a frame, with its index as ``partner_id``, to a table with columns of the model."""
        frame = frame.rename_axis("partner_id")
        fields = self.env[model]._fields
        own = [fields[name] for name in ("partner_id", *frame) if name not in types]
        types |= {field.name: field.column_type[0] for field in own}
        decimals = {field.name: self._get_decimals(run, field) for field in own if types[field.name] == "numeric"}
        texts = {} if told is None else {"parts": lambda places: engine.explain.as_text(told.iloc[places])}
        sources.rows.copy_frame(self.env.cr, table, frame, types, decimals, texts)

    def _get_decimals(self, run, field):
        if field.type == "monetary":
            return run.company_id.currency_id.decimal_places
        digits = field.get_digits(self.env)  # of another module's field there may be none
        return digits[1] if digits else engine.metrics.RATIO_DECIMALS

    def _choose_left(self, run, cards):
        """Return those of ``cards``, none of whom the run scored, who have left the policy's customers.

        Who belongs to another policy of the company now waits for that policy's run, which takes them over.
        """
        cards = cards[cards["policy_id"] == run.policy_id.id]
        if cards.empty:
            return cards
        elsewhere = self._search_elsewhere(run.policy_id, cards.index.tolist()).get_result_ids()
        return cards[~cards.index.isin(elsewhere)]

    def _remove_scorecards(self, policy):
        """Remove the scorecards of a policy that is not computed any more, and record it."""
        self.env.flush_all()
        today = policy.company_id._get_tiering_today()
        self._keep_segments(SQL("card.policy_id = %s", policy.id), today, None)
        self.env.cr.execute(
            SQL(
                """
                WITH removed AS (DELETE FROM customer_tiering_scorecard WHERE policy_id = %(policy)s RETURNING *)
                INSERT INTO customer_tier_change (
                    partner_id, company_id, policy_id, date, from_tier_id, score_before, direction, reason)
                SELECT partner_id, company_id, policy_id, %(today)s, tier_id, score, 'left', 'left'
                  FROM removed
                 WHERE tier_id IS NOT NULL
                """,
                policy=policy.id,
                today=today,
            )
        )
        self.env.invalidate_all(flush=False)

    @api.model
    def _forget_deleted(self, model, ids=None):
        """Do for deleted records what foreign keys would: remove the scorecards and the history of partners and who
        waits, and empty the columns that refer to others.

        :param model: name of the records' model
        :param ids: of the deleted records; None looks at all scorecards and changes. What else went with them
            in the database, as the categories below a category, is found too
        """
        self.env.flush_all()
        deleted = SQL.identifier(self.env[model]._table)
        references = [reference for reference in self._get_references() if reference[1].comodel_name == model]
        for record, field in references:
            table, column = SQL.identifier(record._table), SQL.identifier(field.name)
            # Qualified: some module may add a column of that name to the other table.
            reference = SQL.identifier("referring", field.name)
            condition = SQL(
                "%s IS NOT NULL AND NOT EXISTS (SELECT FROM %s gone WHERE gone.id = %s)", reference, deleted, reference
            )
            if field.ondelete == "cascade":
                some = SQL("TRUE")
                if ids is not None:
                    # The companies for the index of the scorecards, which begins with them.
                    some = SQL("%s = ANY(%s) AND company_id IN (SELECT id FROM res_company)", reference, ids)
                self.env.cr.execute(SQL("DELETE FROM %s referring WHERE %s AND %s", table, some, condition))
            else:
                self.env.cr.execute(SQL("UPDATE %s referring SET %s = NULL WHERE %s", table, column, condition))
        self.env.invalidate_all(flush=False)

    @api.autovacuum
    def _gc_deleted(self):
        """Forget what was deleted in the database itself, or by a server that stopped before it could."""
        for model in {field.comodel_name for _record, field in self._get_references()}:
            self._forget_deleted(model)

    def _get_references(self):
        """Return ``[(model, field)]`` of all that should disappear or become empty with what it refers to."""
        return [
            (self.env[name], field)
            for name in (
                "customer.tiering.scorecard",
                "customer.tier.change",
                "customer.segment.change",
                "customer.tiering.refresh",
            )
            for field in self.env[name]._fields.values()
            if isinstance(field, UncheckedMany2one) and field.ondelete != "restrict"
        ]

    def _search_elsewhere(self, policy, partner_ids=None):
        """Return the Query of the partners who belong to another policy of the company.

        Their scorecards wait for that policy's run, which takes them over.

        :param partner_ids: only of these
        """
        others = policy._get_other_policies()
        claimed = Domain.OR([other._get_claim() for other in others])
        domain = claimed & ~policy._get_population_domain() & Domain("active", "=", True)
        if partner_ids is not None:
            domain &= Domain("id", "in", partner_ids)
        partners = self.env["res.partner"].sudo().with_company(policy.company_id)
        return partners._search(domain if others else Domain.FALSE, order="id")
