import dataclasses
import math
import time

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .. import engine, jobs, languages, pace, sources
from ..sentences import format_number, join
from .customer_tiering_run import Found, RunUnderWayError
from .customer_tiering_writer import Changes

# Mebibytes that a server may need for one part, and how many contacts one of them is enough for.
MEMORY, PER_MEBIBYTE = 512, 500
# So many contacts are computed in one piece, which takes less work: some 1.5 GiB, where Odoo gives a server 2.5.
BORDER = 1_500_000
MOST_IDS = 2**31 - 1
# To read a part takes so many times as long as to score it.
READING = 3
MOST_FOREIGN = 100_000  # credit notes are looked at beside those of a part's customers; else all are
MOST_ALONE = 10_000  # customers are scored once more in one go
# By what it is seen that somebody else has written a scorecard meanwhile.
STANDING = ["id", "digest", "policy_id", "tier_id", "lock_id"]


class CustomerTieringPart(models.Model):
    """Some of the customers of a run that has too many for one go: those with ids from the first to the last one.

    Each part is read and scored in transactions of its own, by whatever server has time. In between, all parts are
    compared with each other; at the end all that they found appears at once. What was confirmed after a part was read
    counts in the next run. Whose scorecard was written by somebody else meanwhile is scored once more at the end, and
    so are both customers where a document moved from one to the other and was counted for both.
    """

    _name = "customer.tiering.part"
    _description = "Part of a Customer Tiering Run"
    _order = "run_id, number"
    _log_access = False

    run_id = fields.Many2one("customer.tiering.run", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="run_id.company_id", store=True, precompute=True)
    number = fields.Integer(string="Part Number", required=True, readonly=True, aggregator=None)
    first_partner_id = fields.Integer(string="From Customer", required=True, readonly=True, aggregator=None)
    last_partner_id = fields.Integer(string="To Customer", required=True, readonly=True, aggregator=None)
    state = fields.Selection(
        [("waiting", "Waiting"), ("read", "Read"), ("measured", "Measured"), ("scored", "Scored")],
        required=True,
        readonly=True,
        default="waiting",
    )
    customer_count = fields.Integer(string="Customers", readonly=True)
    duration = fields.Float(string="Duration (s)", digits=(10, 1), readonly=True)
    is_stopped = fields.Boolean(readonly=True, exportable=False, help="Somebody wants the run to end.")
    found = fields.Json(readonly=True, prefetch=False, exportable=False, groups=fields.NO_ACCESS)

    def init(self):
        sources.staging.create_table(self.env.cr)

    # ------------------------------------------------------------------
    # Steps, each in a transaction of its own
    # ------------------------------------------------------------------

    def _do_step(self, plan):
        """Do what is next to be done of this part.

        :param plan: the run's ``Plan``
        """
        if self.state == "waiting":
            self._read(plan)
        elif self.state == "read":
            self._measure(plan)
        elif self.state == "measured":
            self._score(plan, self.run_id._get_settled(plan))

    def _read(self, plan):
        """Read the customers and keep what is known of them.

        :param plan: the run's ``Plan``
        """
        started = time.monotonic()
        scope = self._get_scope(plan)
        learned = {}

        def learn(frame, purchases, since):
            facts = engine.outlook.describe(
                frame, purchases, scope.as_of, scope.decimals, least=scope.least, since=since
            )
            learned.update(facts._asdict())

        frame, papers, buyers = self.env["customer.tiering.replica"]._read_part(
            scope, plan.rules.columns, learn if plan.learns else None
        )
        cr = self.env.cr
        sources.staging.put(cr, self.id, "frame", frame)
        last_orders = frame[engine.schema.LAST_ORDER_DATE].dropna().unique()
        sources.staging.put(cr, self.id, "papers", {"id": papers, "buyer": buyers})
        sources.staging.put(cr, self.id, "days", {"last_order": last_orders})
        if plan.learns:
            sources.staging.put(cr, self.id, "summary", learned["summary"])
            sources.staging.put(cr, self.id, "waiting", learned["waiting"])
            sources.staging.put(cr, self.id, "learned", {"gaps": learned["gaps"], "drawn": learned["drawn"].to_numpy()})
            sources.staging.put(cr, self.id, "history", learned["history"]._asdict())
        else:
            self._describe(plan, frame)
        self._done("read" if plan.learns else "measured", started, customer_count=len(frame))

    def _measure(self, plan):
        """Keep what a comparison of all customers has to know of these, now that it is known what they will do."""
        started = time.monotonic()
        self._describe(plan, sources.staging.get_frame(self.env.cr, self.id, "frame"))
        for name in ("summary", "waiting", "learned", "history"):
            sources.staging.forget(self.env.cr, self.id, name)
        self._done("measured", started)

    def _describe(self, plan, frame):
        facts = engine.pipeline.describe(plan.rules, frame, plan.as_of, plan.outlook)
        sources.staging.put(self.env.cr, self.id, "active", facts.active)
        sources.staging.put(self.env.cr, self.id, "facts", {"gaps": facts.gaps, "open_days": facts.open_days})

    def _score(self, plan, settled):
        """Score the customers and keep what that changes.

        :param plan, settled: the run's ``Plan`` and ``Settled``
        """
        started = time.monotonic()
        run = self.run_id
        scope = self._get_scope(plan)
        reader, cr = self.env["customer.tiering.reader"].sudo(), self.env.cr
        frame = sources.staging.get_frame(cr, self.id, "frame")
        cards = reader._read_cards(scope)
        ladder = [tier.key for tier in plan.rules.tiers]
        states = reader._read_states(run.policy_id, scope, frame.index, cards, ladder)
        result, found = run._decide(plan, settled, frame, states, cards)
        pace.rest()
        changes = self.env["customer.tiering.writer"].sudo()._compare(run, plan.as_of, plan.rules, result, cards)
        sources.staging.put(cr, self.id, "changes", changes.frame)
        sources.staging.put(cr, self.id, "told", changes.told)
        sources.staging.put(cr, self.id, "cards", changes.card_ids.to_frame("id"))
        sources.staging.put(cr, self.id, "moves", changes.moves)
        sources.staging.put(cr, self.id, "left", changes.left.to_frame("id"))
        sources.staging.put(cr, self.id, "quiet", changes.quiet.to_frame("quiet"))
        sources.staging.put(cr, self.id, "before", cards[STANDING])
        self.found = {
            "namesakes": list(changes.namesakes.items()),
            "idle_locks": list(found.idle_locks.items()),
            "moved": found.moved,
            "drift": found.drift,
            "pending": int(result["pending_tier_id"].notna().sum()),
        }
        for name in ("frame", "active", "facts"):
            sources.staging.forget(cr, self.id, name)
        self._done("scored", started)

    def _done(self, state, started, **values):
        self.write({"state": state, "duration": self.duration + time.monotonic() - started, **values})

    def _get_scope(self, plan):
        run = self.run_id
        scope = run.policy_id._get_scope(plan.as_of, part=(self.first_partner_id, self.last_partner_id))
        foreign = run.work["foreign_credits"]
        return dataclasses.replace(scope, foreign_credits=None if foreign is None else tuple(foreign))

    # ------------------------------------------------------------------
    # What the parts know
    # ------------------------------------------------------------------

    def _get_learned(self):
        """Return what learning has to know of the customers, the engine's ``outlook.Facts``."""
        cr = self.env.cr
        learned = sources.staging.get(cr, self.id, "learned")
        history = sources.staging.get(cr, self.id, "history")
        return engine.outlook.Facts(
            learned["gaps"],
            sources.staging.get_frame(cr, self.id, "summary"),
            sources.staging.get_frame(cr, self.id, "waiting"),
            learned["drawn"],
            engine.prediction.History(**history),
        )

    def _get_facts(self):
        """Return what a comparison has to know of the customers, the engine's ``pipeline.Facts``."""
        active = sources.staging.StoredFrame(self.env.cr, self.id, "active")
        return engine.pipeline.Facts(active, **sources.staging.get(self.env.cr, self.id, "facts"))

    def _get_changes(self, plan, again):
        """Return what scoring has found to change, a ``Changes``, but of those who are scored once more.

        :param again: a set of ids of customers, to which those are added whose scorecard was written meanwhile
        """
        cr = self.env.cr
        scope = self._get_scope(plan)
        before = sources.staging.get_frame(cr, self.id, "before", STANDING)
        now = self.env["customer.tiering.reader"].sudo()._read_cards(scope)[STANDING]
        before, now = before.align(now)
        again.update(before.index[(now.fillna(0) != before.fillna(0)).any(axis=1)].tolist())
        query = SQL("SELECT id FROM res_partner WHERE active AND %s", scope.of_customers(SQL.identifier("id")))
        there = sources.rows.fetch_arrays(cr, query, {"id": sources.base.ID})["id"]

        def take(name):
            frame = sources.staging.get_frame(cr, self.id, name)
            return frame[~frame.index.isin(again)]

        frame, told, cards, moves, left, quiet = map(take, ("changes", "told", "cards", "moves", "left", "quiet"))
        present = frame.index.isin(there)
        moves = moves[moves.index.isin(frame.index[present].union(left.index))]
        return Changes(
            frame[present],
            told[present],
            cards["id"][present],
            moves,
            left["id"],
            quiet["quiet"],
            dict(self.found["namesakes"]),
        )


class CustomerTieringRun(models.Model):
    _inherit = "customer.tiering.run"

    part_ids = fields.One2many("customer.tiering.part", "run_id", string="Parts", readonly=True)
    work = fields.Json(
        readonly=True,
        prefetch=False,
        exportable=False,
        groups=fields.NO_ACCESS,
        help="What a run in parts has found out so far.",
    )

    progress = fields.Char(compute="_compute_progress", compute_sudo=True)

    @api.depends("part_ids.state", "work")
    @api.depends_context("lang")
    def _compute_progress(self):
        for run in self:
            run.progress = run._get_progress() if run.part_ids and run.state == "queued" else False

    def _get_progress(self):
        """Return how far a run in parts is, a sentence or two."""
        parts = self.part_ids
        count = len(parts)
        scored = len(parts.filtered(lambda part: part.state == "scored"))
        read = len(parts.filtered(lambda part: part.state != "waiting"))
        facts = {name: format_number(self.env, number) for name, number in (("read", read), ("scored", scored))}
        so_far = self.env._(
            "Of %(parts)s parts %(read)s are read and %(scored)s are scored.",
            parts=format_number(self.env, count),
            **facts,
        )
        done = (READING * read + scored) / ((READING + 1) * count)
        began = self.work and fields.Datetime.to_datetime(self.work["began"])
        if not began or not done:
            return so_far
        minutes = math.ceil((fields.Datetime.now() - began).total_seconds() / 60 * (1 - done) / done)
        rest = self.env._("Minutes left, about: %(minutes)s.", minutes=format_number(self.env, max(minutes, 1)))
        return join(self.env, (so_far, rest))

    def action_stop(self):
        """End a run in parts, after the step that is computed at this moment."""
        self.ensure_one()
        self.check_access("read")
        if not self.env.user.has_group("sales_team.group_sale_manager"):
            raise AccessError(self.env._("Only sales managers can stop a run."))
        # sudo: nobody writes on parts. Those that are just computed are held, the others say enough.
        self.sudo().part_ids.try_lock_for_update().is_stopped = True
        self.sudo()._call_job()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "info",
                "message": self.env._(
                    "The run ends after the step that is being computed. All customers keep their tiers."
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _stop(self):
        """End a run in parts, as somebody wishes."""
        self.part_ids.unlink()
        self.write({"state": "skipped", "work": False, "version_id": False})
        languages.write(
            self, "note", languages.say(self, lambda run: run.env._("It was stopped. All customers kept their tiers."))
        )

    @api.model
    def _get_part_size(self):
        """Return of how many contacts a part is; 0: there are no parts."""
        return max(self._get_part_parameter("memory", MEMORY), 0) * PER_MEBIBYTE

    @api.model
    def _get_part_border(self):
        """Return up to how many contacts a run is computed in one piece."""
        return self._get_part_parameter("border", BORDER)

    @api.model
    def _get_part_parameter(self, name, default):
        # sudo: whoever computes
        value = self.env["ir.config_parameter"].sudo().get_param(f"customer_tiering.part_{name}", default)
        try:
            return int(value)
        except ValueError:
            return default

    def _divide(self):
        """Return whether this run is computed in parts, which are there then.

        There are parts where more contacts may be customers than are computed in one piece.
        """
        if self.part_ids:
            return True
        size, border, policy = self._get_part_size(), self._get_part_border(), self.policy_id
        if not size or policy.is_simulation or not policy.active or policy._get_obstacle():
            return False
        # What PostgreSQL thinks of the size of the table costs nothing.
        ((rows,),) = self.env.execute_query(SQL("SELECT reltuples FROM pg_class WHERE oid = 'res_partner'::regclass"))
        if 0 <= rows < border / 2:
            return False
        try:
            candidates = policy._get_scope(policy.company_id._get_tiering_today()).candidates
        except (UserError, ValueError):
            return False  # in one piece it says why
        borders = self.env.execute_query(
            SQL(
                """
                SELECT MAX(id), COUNT(*)
                  FROM (SELECT id, (ROW_NUMBER() OVER (ORDER BY id) - 1) / %s AS part FROM (%s) candidate) numbered
              GROUP BY part ORDER BY part
                """,
                size,
                candidates,
            )
        )
        if len(borders) <= 1 or sum(count for _last, count in borders) <= border:
            return False
        lasts = [*(last for last, _count in borders[:-1]), MOST_IDS]
        firsts = [0, *(last + 1 for last in lasts[:-1])]
        self.env["customer.tiering.part"].sudo().create(
            [
                {"run_id": self.id, "number": number, "first_partner_id": first, "last_partner_id": last}
                for number, (first, last) in enumerate(zip(firsts, lasts, strict=True), start=1)
            ]
        )
        return True

    def _work_in_parts(self):
        """Do one step of a run in parts after the other; those for which there is no time wait for another call."""
        jobs.commit(self.env)
        while self.exists() and self.state == "queued":
            done = self._count_steps()
            self._compute_and_record(lambda run: run._do_step())
            if self.exists() and self.state == "queued" and self._count_steps() <= done:
                return  # it waits for somebody, or begins anew
            # To be stopped between two steps is no interruption.
            self.attempts = int(self.state != "queued")
            if not jobs.commit(self.env):
                jobs.call(self.env, jobs.RUNS)
                return

    def _count_steps(self):
        """Return how many steps have been done of the parts and of the run; it only grows while the run goes on."""
        done = {"waiting": 0, "read": 1, "measured": 2, "scored": 3}
        return sum(done[part.state] for part in self.sudo().part_ids) + len(self.sudo().work or ())

    def _do_step(self, as_of=None):
        """Do the next step: read a part, learn from all, measure a part, compare all, score a part, write all.

        :param as_of: a ``datetime.date``, for the first step; today when left out
        """
        run = self.sudo()
        if any(run.part_ids.mapped("is_stopped")):
            return run._stop()
        if not run.work:
            return run._begin_parts(as_of)
        plan = run._get_plan()
        if not plan:
            return run._begin_anew()
        name, parts = run._get_next_step()
        if parts:
            # Other servers may work on the others.
            part = parts.try_lock_for_update(limit=1)
            if not part:
                raise RunUnderWayError(run.env._("Others work on the parts of this run."))
            return part._do_step(plan)
        if name == "learn":
            return run._learn(plan)
        if name == "compare":
            return run._compare(plan)
        return run._close(plan, run._get_settled(plan))

    def _get_next_step(self):
        """Return what is to be done next, and of which parts; without parts, of all together."""
        parts, work = self.part_ids.grouped("state"), self.work
        if "waiting" in parts:
            return "read", parts["waiting"]
        if work["learns"] and "outlook" not in work:
            return "learn", self.part_ids.browse()
        if "read" in parts:
            return "measure", parts["read"]
        if "fresh" not in work:
            return "compare", self.part_ids.browse()
        if "measured" in parts:
            return "score", parts["measured"]
        return "close", self.part_ids.browse()

    def _begin_parts(self, as_of=None):
        begun = self._begin(as_of)
        if not begun:
            self.part_ids.unlink()
            return
        run, as_of, last = begun
        run.policy_id._check_usable()
        plan = run._plan(as_of, last)
        run.version_id = run.policy_id._get_version(plan.rules)
        foreign = sources.returns.read_foreign(self.env.cr, run.company_id.id).tolist()
        run.work = {
            "as_of": fields.Date.to_string(as_of),
            "began": fields.Datetime.to_string(fields.Datetime.now()),
            "last": last.id,
            "learns": plan.learns,
            "comparison": run._get_comparison(plan),
            "foreign_credits": foreign if len(foreign) <= MOST_FOREIGN else None,
        }

    def _begin_anew(self):
        """Forget what was found so far: the policy is another one now, or the database has lost it."""
        self.part_ids.unlink()
        self.write({"work": False, "version_id": False})
        self._call_job()

    def _get_plan(self):
        """Return how this run computes, a ``Plan``; None where it has to begin anew."""
        work, policy = self.work, self.policy_id
        last = self._get_last(policy)
        if last.id != work["last"] or not policy.active:
            return None
        plan = self._plan(fields.Date.to_date(work["as_of"]), last)
        same = policy._get_rules_values(plan.rules) == self.version_id.rules
        if not same or self._get_comparison(plan) != work["comparison"] or not self._is_kept():
            return None
        if work["learns"]:
            plan = plan._replace(outlook=work.get("outlook") or {}, learns=True)
        return plan

    def _get_comparison(self, plan):
        """Return by which comparison of all customers the parts are scored, and whether somebody wants a new one."""
        return [plan.kept.id, self.recalibrate]

    def _is_kept(self):
        """Whether the database still has what the parts have read: it forgets it when it is not stopped properly."""
        read = self.part_ids.filtered(lambda part: part.state != "waiting")
        if not read:
            return True
        query = SQL(
            "SELECT COUNT(DISTINCT part_id) FROM %s WHERE part_id = ANY(%s)",
            SQL.identifier(sources.staging.TABLE),
            read.ids,
        )
        ((count,),) = self.env.execute_query(query)
        return count == len(read)

    def _learn(self, plan):
        facts = [part._get_learned() for part in self.part_ids]
        self.work = self.work | {"outlook": engine.outlook.learn_parts(plan.rules, facts, plan.as_of)}

    def _compare(self, plan):
        """Compare all customers, by what the parts know of them."""
        parts = [part._get_facts() for part in self.part_ids]
        try:
            fresh = engine.pipeline.fit_parts(plan.rules, parts, plan.outlook)
        except ValueError as error:
            raise UserError(str(error)) from error
        days = set()
        for part in self.part_ids:
            days.update(
                sources.staging.get(self.env.cr, part.id, "days")["last_order"].astype("datetime64[D]").tolist()
            )
        self.work = self.work | {"fresh": fresh.to_json(), "days": sorted(map(fields.Date.to_string, days))}

    def _get_settled(self, plan):
        """Return by what all customers are scored, a ``Settled``."""
        import pandas as pd  # noqa: PLC0415 - only who computes needs it

        fresh = engine.pipeline.Fit.from_json(self.work["fresh"])
        return self._settle(plan, fresh, pd.Series(self.work["days"], dtype="datetime64[s]"))

    def _close(self, plan, settled):
        """Write what all parts have found, at once."""
        started = time.monotonic()
        self._lock_company(self.company_id)
        parts, again = self.part_ids, self._find_twice()

        def load():
            for part in parts:
                yield part._get_changes(plan, again)
                pace.rest()
            ids = sorted(again)
            for place in range(0, len(ids), MOST_ALONE):
                yield self._score_alone(plan, settled, ids[place : place + MOST_ALONE])

        counts = self.env["customer.tiering.writer"].sudo()._write(self, plan.as_of, load())
        found = self._join_found(parts)
        self._tell_idle_locks(found.idle_locks)
        customers = sum(parts.mapped("customer_count"))
        values = {
            **settled.values,
            **counts,
            "drift": found.drift,
            "strays": self._find_strays(self.policy_id._get_scope(plan.as_of)),
            "customer_count": customers,
            "pending_count": sum(part.found["pending"] for part in parts),
            "started_at": fields.Datetime.to_datetime(self.work["began"]),
            "duration": sum(parts.mapped("duration")) + time.monotonic() - started,
        }
        notes = self._get_notes(customers, settled.fresh, found)
        self._finish(plan.as_of, plan.rules, values, notes)

    def _score_alone(self, plan, settled, ids):
        """Return what is to be changed, a ``Changes``, of customers as they are now."""
        policy = self.policy_id
        frame, states, cards = self._read_frames(policy, policy._get_scope(plan.as_of, ids), plan.rules)
        result, _found = self._decide(plan, settled, frame, states, cards)
        writer = self.env["customer.tiering.writer"].sudo()
        return writer._compare(self, plan.as_of, plan.rules, result, cards, partial=True)

    def _join_found(self, parts):
        """Return what the parts have found beside scorecards, a ``Found``."""
        locks, moves, drifted = {}, [], 0.0
        for part in parts:
            locks.update(part.found["idle_locks"])
            drifted += part.found["drift"] * part.customer_count
            if part.found["moved"]:
                moves.append(part.found["moved"])
        moved = engine.outcome.Moved(*map(sum, zip(*moves, strict=True))) if moves else None
        return Found(locks, moved, drifted / max(sum(parts.mapped("customer_count")), 1))

    def _find_twice(self):
        """Return the ids of the customers for whom a document counted that counted for a customer of another part, too,
        a set: it moved while the parts were read, or is an invoice of both."""
        import numpy as np  # noqa: PLC0415 - only who computes needs it

        parts, cr = self.part_ids, self.env.cr
        found = []
        # One of so many documents at a time, so that no more than those of a part are held.
        for rest in range(len(parts)):
            papers, buyers = [], []
            for part in parts:
                kept = sources.staging.get(cr, part.id, "papers")
                chosen = kept["id"] % len(parts) == rest
                papers.append(kept["id"][chosen])
                buyers.append(kept["buyer"][chosen])
            papers, buyers = np.concatenate(papers), np.concatenate(buyers)
            ids, count = np.unique(papers, return_counts=True)
            found.append(buyers[np.isin(papers, ids[count > 1])])
        return set(np.concatenate(found).tolist())

    def _finish(self, as_of, rules, values, notes):
        # Also where somebody has computed it by hand, in one piece, meanwhile.
        self.part_ids.unlink()
        return super()._finish(as_of, rules, values | {"work": False}, notes)

    def _fail(self, speak):
        if self.exists():
            self.sudo().part_ids.unlink()
            self.sudo().work = False
        return super()._fail(speak)
