import dataclasses
import logging
import math
import time
from contextlib import contextmanager
from typing import NamedTuple

import psycopg2

from odoo import api, fields, models, tools
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_list

from .. import engine, jobs, languages, pace
from ..sentences import format_number, join

_logger = logging.getLogger(__name__)

# First key of the advisory locks; the second is the company's id.
LOCK_CLASS = 1_953_065_321
ATTEMPTS = 3
# The customers or orders of the snapshot were changed or removed by somebody while the run worked:
# the same work on a fresh snapshot succeeds.
RETRYABLE = (
    psycopg2.errors.SerializationFailure,
    psycopg2.errors.DeadlockDetected,
    psycopg2.errors.ForeignKeyViolation,
    psycopg2.errors.UniqueViolation,
)
# A run that has ended its server so many times is given up, so that it cannot do so for ever.
INTERRUPTIONS = 3
# More notes than this in one go would be a flood, and a transaction that takes too long.
POST_LIMIT = 1000
# Rules that say who is at risk, and nothing of scores and tiers.
WARNING_RULES = ("risk", "outlook")
# A note names so many contacts that belong to no customer, and counts the others.
NAMED_STRAYS = 5
# So many are kept, so that who may not see the first ones may find others named.
MOST_STRAYS = 100


class RunUnderWayError(UserError):
    """Another transaction computes customers of the same company."""

    # The browser goes by the name of the class: it takes one that it does not know for a fault of the program.
    context = {"exception_class": "odoo.exceptions.UserError"}


class Plan(NamedTuple):
    """How a run computes."""

    as_of: object  #: a ``datetime.date``
    last: object  #: the last run of the policy that was computed
    rules: object  #: the engine's ``PolicyRules``
    same_rules: bool  #: whether that run had the same
    earlier: object  #: the run whose comparison of all customers that run used; none, if the rules are others
    kept: object  #: the same, if it still holds
    outlook: dict  #: what was learned of what customers will do
    learns: bool  #: whether it is to be learned now


class Settled(NamedTuple):
    """By what all customers of a run are scored."""

    fresh: object  #: the engine's ``Fit`` of the customers of today
    fit: object  #: the one by which they are scored
    before: object  #: that of an earlier comparison, which this run replaces; None: it replaces none
    idle: bool  #: whether nobody bought anything since the last run, and such days do not count
    values: dict  #: of the run's fields


class Found(NamedTuple):
    """What a run has found beside the scorecards of customers."""

    idle_locks: dict  #: ``{id of a lock without effect: whether its customer was taken over from another policy}``
    moved: object  #: the engine's ``outcome.Moved``, or None
    drift: float  #: percent of the customers who would earn another tier by a fresh comparison


class CustomerTieringRun(models.Model):
    _name = "customer.tiering.run"
    _description = "Customer Tiering Run"
    _order = "id desc"

    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    as_of = fields.Date(readonly=True, help="The day up to which orders and interactions counted.")
    trigger = fields.Selection(
        [("nightly", "Nightly"), ("manual", "By hand")], required=True, readonly=True, default="manual"
    )
    user_id = fields.Many2one("res.users", string="Started By", readonly=True)
    state = fields.Selection(
        [("queued", "Waiting"), ("done", "Done"), ("skipped", "Skipped"), ("failed", "Failed")],
        required=True,
        readonly=True,
        default="queued",
        index=True,
    )
    started_at = fields.Datetime(readonly=True)
    duration = fields.Float(
        string="Duration (s)",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="A nightly run rests for most of this time, so that people who work at night hardly notice it.",
    )
    customer_count = fields.Integer(string="Customers", readonly=True)
    new_count = fields.Integer(string="First Tier", readonly=True)
    up_count = fields.Integer(string="Moved Up", readonly=True)
    down_count = fields.Integer(string="Moved Down", readonly=True)
    left_count = fields.Integer(
        string="Left the Policy",
        readonly=True,
        help="Customers whose scorecard was removed: archived, or no longer among the policy's customers.",
    )
    written_count = fields.Integer(
        string="Scorecards Written", readonly=True, help="Scorecards that are new or whose values changed."
    )
    attempts = fields.Integer(readonly=True, help="How often this run was started; more than once if interrupted.")
    pending_count = fields.Integer(
        string="Downgrades Announced",
        readonly=True,
        help="Customers whose downgrade is announced and has not taken effect yet.",
    )
    version_id = fields.Many2one(
        "customer.tiering.policy.version",
        string="Rules",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="The rules as they were when this run used them.",
    )
    recalibrate = fields.Boolean(
        readonly=True, help="Compare the customers with each other again, although it is not due."
    )
    calibration_id = fields.Many2one(
        "customer.tiering.run",
        string="Calibrated By",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="The run that compared all customers with each other; its numbers served this one, too.",
    )
    drift = fields.Float(
        string="Drift (%)",
        digits=(5, 2),
        readonly=True,
        aggregator="avg",
        help="The share of customers who would have earned another tier if this run had recalibrated.",
    )
    last_purchase_date = fields.Date(
        readonly=True, help="The last day on which any of the policy's customers had bought something."
    )
    open_days = fields.Json(
        readonly=True,
        prefetch=False,
        help="The days with purchases of anybody that became known after the customers were compared, by a policy in "
        "which days without purchases do not count.",
    )
    fall_state = fields.Selection(
        [("waiting", "Waiting"), ("done", "Done"), ("failed", "Failed")],
        string="Foreseen Downgrades",
        readonly=True,
        index="btree_not_null",
        help="Whether the downgrades of the coming weeks were foreseen by this run. The log of the server says why it "
        "failed.",
    )
    checked_at = fields.Datetime(
        string="Data Checked At", readonly=True, help="When it was looked for data that would make tiers wrong."
    )
    to_check_count = fields.Integer(
        string="Customers to Check", readonly=True, help="Customers of whom there was something to check."
    )
    common_count = fields.Integer(
        string="Shared by Many",
        readonly=True,
        help="Values, such as an e-mail address, that so many customers share that they prove no duplicate.",
    )
    clean_note = fields.Char(string="Data", compute="_compute_clean_note")
    fall_attempts = fields.Integer(
        string="Attempts to Foresee", readonly=True, help="How often that was started; more than once if interrupted."
    )
    fall_partner_id = fields.Integer(
        string="Foreseen up to Customer",
        readonly=True,
        exportable=False,
        help="Where very many customers are foreseen in several steps: the ID of the last one so far.",
    )
    silhouette = fields.Float(
        digits=(5, 3),
        readonly=True,
        aggregator="avg",
        help="How well the clusters are separated: 1 is perfect, 0 means that they overlap.",
    )
    fitted = fields.Json(
        readonly=True, prefetch=False, help="The numbers this run measured from all customers and scored by."
    )
    note = fields.Text(readonly=True, translate=True, help="What to know when reading the results.")
    strays = fields.Json(
        readonly=True,
        prefetch=False,
        exportable=False,
        groups=fields.NO_ACCESS,
        help="The contacts that belong to no customer, by id, and how often somebody bought for one.",
    )
    hints = fields.Text(
        compute="_compute_hints",
        help="What to know when reading the results. Contacts are named to those who may see them.",
    )
    error = fields.Text(readonly=True, translate=True)
    change_ids = fields.One2many("customer.tier.change", "run_id", string="Changes")

    @api.depends("policy_id", "as_of", "state")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for run in self:
            date = format_date(self.env, run.as_of) if run.as_of else self.env._("waiting")
            run.display_name = self.env._("%(policy)s (%(date)s)", policy=run.policy_id.name, date=date)

    @api.depends("checked_at", "to_check_count", "common_count", "customer_count", "state")
    @api.depends_context("lang")
    def _compute_clean_note(self):
        for run in self:
            run.clean_note = run._get_clean_note()

    @api.depends("note", "strays")
    @api.depends_context("uid", "lang")
    def _compute_hints(self):
        for run in self:
            run.hints = "\n".join(filter(None, (run.note, run._get_stray_note()))) or False

    # ------------------------------------------------------------------
    # Queue and jobs
    # ------------------------------------------------------------------

    @api.model
    def _queue(self, policies, trigger, recalibrate=False):
        """Return one waiting run per policy, new where none is waiting yet."""
        waiting = self.sudo().search([("policy_id", "in", policies.ids), ("state", "=", "queued")])
        if trigger == "manual":
            # Who computes a run holds it: it waits no more, and may have read already what has changed since.
            waiting = waiting.try_lock_for_update()
            waiting.write({"trigger": trigger, "user_id": self.env.uid})
        if recalibrate:
            waiting.recalibrate = True
        created = self.sudo().create(
            [
                {
                    "policy_id": policy.id,
                    "trigger": trigger,
                    "user_id": trigger == "manual" and self.env.uid,
                    "recalibrate": recalibrate,
                }
                for policy in policies - waiting.policy_id
            ]
        )
        return waiting | created

    @api.model
    def _cron_nightly(self):
        """Queue a run of every policy whose company, which is not archived, wants one each night."""
        policies = self.env["customer.tiering.policy"].search(
            [("company_id.tiering_nightly", "=", True), ("company_id.active", "=", True)]
        )
        if policies:
            self._queue(policies, trigger="nightly")._call_job()

    def _call_job(self):
        """Have these waiting runs computed in the background, soon.

        :raises UserError: when nobody would compute them
        """
        if not jobs.call(self.env, jobs.RUNS):
            raise UserError(
                self.env._(
                    "The scheduled action that computes customers was deleted. Upgrade the app Customer Tiering "
                    "to get it back."
                )
            )

    @api.model
    def _get_waiting_domain(self):
        """Return which runs the cron computes."""
        return Domain("state", "=", "queued") & Domain("company_id.active", "=", True)

    @api.model
    def _cron_process_queue(self):
        """Compute the waiting runs, each in its own transaction; what fails does not stop the others."""
        # One that interrupted the server goes behind the others.
        waiting = self.search(self._get_waiting_domain(), order="attempts, id")
        jobs.work_off(jobs.RUNS, waiting, lambda run: run._take())

    def _take(self):
        """Compute this run, unless it was deleted or computed by hand meanwhile, or is at this moment."""
        if self._hold():
            self.attempts += 1
            jobs.commit(self.env)
            self._look_at_data()
            if self._divide():
                self._work_in_parts()
            else:
                self._compute_and_record()

    def _look_at_data(self):
        """Look for data that would make the tiers wrong, in a transaction of its own, where the company wants it; once
        for the runs that wait together. What fails is logged, and the run goes on without."""
        # What ended the server once is not tried again.
        if self.attempts > 1 or not self.company_id.tiering_check_data or self.policy_id.is_simulation:
            return
        looked = self.search([("company_id", "=", self.company_id.id), ("checked_at", ">=", self.create_date)], limit=1)
        if looked:
            self.write({"checked_at": looked.checked_at, "common_count": looked.common_count})
            return
        try:
            with self._taking_time():
                unwritten = self.with_context(tiering_unwritten=True)
                common = unwritten.env["customer.tiering.check"]._look(
                    unwritten.company_id, self.company_id._get_tiering_today()
                )
            self.write({"checked_at": fields.Datetime.now(), "common_count": common})
            jobs.commit(self.env)
        except Exception:
            _logger.exception("The data of company %s could not be checked", self.company_id.id)
            self.env.cr.rollback()

    def _compute_and_record(self, compute=None):
        """Compute this run in the transaction that begins now and record a failure as its outcome.

        :param compute: called with this run to compute a step of it; None: all of it

        Odoo does not repeat a job that loses against somebody's concurrent change, so it is repeated
        here, each time on a fresh snapshot of the database.
        """
        self.ensure_one()
        if self.attempts > INTERRUPTIONS:
            self._fail(
                lambda run: run.env._("The server was stopped %(count)s times during this run.", count=INTERRUPTIONS)
            )
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self._hold():
                    with self._taking_time():
                        run = self.with_context(tiering_unwritten=True)
                        compute(run) if compute else run._compute()
                    self.env.flush_all()
                return
            except RETRYABLE as error:
                self.env.cr.rollback()
                reason = error
                _logger.info("Run %s met a concurrent change (attempt %s): %s", self.id, attempt, error)
            except RunUnderWayError as error:
                self.env.cr.rollback()
                self.attempts -= 1  # to wait is no interruption
                _logger.info("Run %s waits: %s", self.id, error)
                jobs.call_again(self.env, jobs.RUNS)
                return
            except UserError as error:
                self.env.cr.rollback()
                message = str(error)
                self._fail(lambda run, message=message: run.policy_id._get_refusal() or message)
                return
            except Exception as error:
                _logger.exception("Customer tiering run %s failed", self.id)  # first: the database may be away
                self.env.cr.rollback()
                message = f"{type(error).__name__}: {error}"
                self._fail(lambda run, message=message: message)
                return
        self._fail(
            lambda run: run.env._(
                "Other changes to customers or orders came in between %(attempts)s times (%(reason)s). "
                "Start the computation again.",
                attempts=ATTEMPTS,
                reason=str(reason).strip(),
            )
        )

    def _hold(self):
        """Hold this run until the end of the transaction; return whether it still waits for being computed."""
        self.invalidate_recordset()
        return bool(self.try_lock_for_update()) and self.state == "queued"

    @contextmanager
    def _taking_time(self):
        """Leave most of the machine to others during this transaction, unless somebody waits for the run."""
        if self.trigger == "manual":
            yield
            return
        self.env.cr.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        with pace.resting():
            yield

    def _fail(self, speak):
        """Record that this run failed.

        :param speak: returns why, in words, for this run in a language
        """
        if not self.exists():
            return
        reasons = languages.say(self, speak)
        _logger.error(
            "Customer tiering of policy %s (company %s) failed: %s",
            self.policy_id.id,
            self.company_id.id,
            reasons["en_US"],
        )
        self.write({"state": "failed", "started_at": self.started_at or fields.Datetime.now()})
        languages.write(self, "error", reasons)
        self._notify(kind="danger", message=reasons.get(self.user_id.lang, reasons["en_US"]), sticky=True)

    def _is_in_background(self):
        """Whether nobody waits for the outcome at this moment."""
        return bool(self.env.context.get("cron_id"))

    def _notify(self, kind, message, sticky=False):
        """Tell the person who started a run in the background how it ended."""
        if self.user_id and self._is_in_background():
            run = self.with_context(lang=self.user_id.lang)
            self.user_id._bus_send(
                "simple_notification",
                {
                    "type": kind,
                    "title": run.env._("Customer Tiering: %(policy)s", policy=run.policy_id.name),
                    "message": message,
                    "sticky": sticky,
                },
            )

    # ------------------------------------------------------------------
    # One run: read, compute, write
    # ------------------------------------------------------------------

    def _compute(self, as_of=None):
        """Score the policy's customers as of a day, in the current transaction.

        The run of a simulated policy does the same and records what would happen instead.

        :param as_of: a date; today in the company's time zone when left out
        :raises RunUnderWayError: when another transaction computes the company's customers
        :raises UserError: when the policy cannot be used
        """
        self.ensure_one()
        started_at, started = fields.Datetime.now(), time.monotonic()
        begun = self._begin(as_of)
        if not begun:
            return
        run, as_of, last = begun
        policy = run.policy_id
        # Before the first write, so that the replica may read.
        rules, result, cards, values, notes = run._score(as_of, last)
        if policy.is_simulation:
            values |= policy._get_simulation()._record(run, as_of, result, cards)
        else:
            run.version_id = policy._get_version(rules)
            values |= self.env["customer.tiering.writer"].sudo()._write_result(run, as_of, rules, result, cards)
            run._tell_idle_locks(run._find_idle_locks(result["idle_lock_id"], cards))
        values["customer_count"] = len(result)
        values["pending_count"] = int(result["pending_tier_id"].notna().sum())
        run._finish(as_of, rules, values | {"started_at": started_at, "duration": time.monotonic() - started}, notes)

    def _begin(self, as_of=None):
        """Return this run as it computes, with all rights and for the person who started it, its day and the last run
        of the policy; None where there is nothing to compute, which is recorded.

        :param as_of: see :meth:`_compute`
        """
        run = self.sudo()
        if run.user_id:
            run = run.with_context(lang=run.user_id.lang)
        policy, now = run.policy_id, {"started_at": fields.Datetime.now()}
        if not policy.active and not policy.is_simulation:
            raise UserError(
                run.env._(
                    "Policy “%(policy)s” is archived. Restore it before you compute its customers.",
                    policy=policy.name,
                )
            )
        if problem := policy._get_obstacle():
            # Nothing that a run could mend: the customers keep their tiers, and nobody is woken at night.
            run.write({"state": "skipped", **now})
            languages.write(run, "note", languages.say(run, lambda run: run.policy_id._get_obstacle()))
            run._notify("warning", problem)
            return None
        if not policy.is_simulation:
            run._lock_company(policy.company_id)
            if self.env["customer.tiering.former"].sudo()._settle_pending():
                run = run.with_context(tiering_unwritten=False)
        last = run._get_last(policy._get_simulated())
        if not as_of:
            as_of = policy.company_id._get_tiering_today()
            if run.trigger == "nightly" and last.as_of and as_of < last.as_of:
                run.write({"state": "skipped", **now})
                languages.write(run, "note", languages.say(run, lambda run: run._get_clock_note(as_of, last)))
                return None
        return run, as_of, last

    def _finish(self, as_of, rules, values, notes):
        """Record that this run is done, and have done what follows it.

        :param rules: the engine's ``PolicyRules`` of the run
        :param values: what else is recorded, ``{field: value}``
        :param notes: what to know when reading the results, ``{language: text, or False}``
        """
        policy = self.policy_id
        checks = self.env["customer.tiering.check"].sudo()
        to_check = self.checked_at and checks._count_customers(policy)
        self.write({"state": "done", "as_of": as_of, "error": False, "to_check_count": to_check, **values})
        languages.write(self, "note", notes)
        if not policy.is_simulation:
            self.env["customer.tiering.forecast"]._follow(policy, rules, as_of)
            if policy.foresees_falls:
                self.env["customer.tiering.fall"]._follow(policy)
        if policy.post_changes and self.trigger == "manual" and not policy.is_simulation:
            self._post_changes()
        self._notify("success", self.with_user(self.user_id or self.env.user)._get_summary())

    def _lock_company(self, company):
        """Hold the company's lock until the end of the transaction.

        :raises RunUnderWayError: when another transaction holds it
        """
        ((locked,),) = self.env.execute_query(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK_CLASS, company.id))
        if not locked:
            raise RunUnderWayError(
                self.env._(
                    "The customers of %(company)s are being computed right now. Wait until that run is done.",
                    company=company.name,
                )
            )

    def _score(self, as_of, last):
        """Return what every customer of the policy gets, and what the run itself learned; write nothing.

        :param as_of: a ``datetime.date``
        :param last: the last run of the policy that was computed
        :return: ``(the engine's PolicyRules, DataFrame with one row per customer as the writer takes it, the
            scorecards that are there, {run field: value}, {language: note})``
        """
        policy = self.policy_id
        policy._check_usable()
        plan = self._plan(as_of, last)
        scope = policy._get_scope(as_of)
        try:
            learn = self._get_learner(plan.rules, scope, plan.outlook) if plan.learns else None
            frame, states, cards = self._read_frames(policy, scope, plan.rules, learn)
            pace.rest()
            fresh = engine.pipeline.fit(plan.rules, frame, as_of, plan.outlook)
        except ValueError as error:
            raise UserError(str(error)) from error
        settled = self._settle(plan, fresh, frame[engine.schema.LAST_ORDER_DATE])
        pace.rest()
        result, found = self._decide(plan, settled, frame, states, cards)
        values = {**settled.values, "drift": found.drift, "strays": self._find_strays(scope)}
        return plan.rules, result, cards, values, self._get_notes(len(frame), settled.fresh, found)

    def _plan(self, as_of, last):
        """Return how this run computes, a :class:`Plan`.

        :param as_of, last: see :meth:`_score`
        """
        policy = self.policy_id
        rules = policy._get_rules()
        same_rules = bool(last.version_id) and last.version_id.rules == policy._get_rules_values(rules)
        earlier = last.calibration_id if same_rules and policy.recalibrate_days else self.browse()
        kept = self._get_kept_calibration(earlier, as_of)
        outlook = dict(kept._get_fit().outlook if kept else self._get_outlook(last, rules, as_of))
        return Plan(
            as_of, last, rules, same_rules, earlier, kept, outlook, rules.foretells and not kept and not outlook
        )

    def _settle(self, plan, fresh, last_orders):
        """Return by what all customers are scored, a :class:`Settled`.

        :param plan: the :class:`Plan`
        :param fresh: the engine's ``Fit`` of the customers of today
        :param last_orders: the days of their last orders, a Series of datetime64, each at least once
        """
        rules, last, as_of, kept = plan.rules, plan.last, plan.as_of, plan.kept
        going_on = self.browse() if plan.same_rules else self._get_comparison_to_go_on(last, rules, as_of)
        if going_on:
            compared = going_on._age_fit(rules, last._find_open_days(rules, last_orders), as_of)
            fresh = dataclasses.replace(compared, open_days=fresh.open_days, outlook=fresh.outlook)
        open_days = last._find_open_days(rules, last_orders)
        values = {
            "last_purchase_date": engine.idle.last_purchase(last_orders) or False,
            "open_days": open_days if kept else False,
            "calibration_id": kept.id or self.id,
            "fitted": False if kept else fresh.to_json(),
            "silhouette": fresh.tiers.clusters.silhouette or 0 if fresh.tiers.clusters else 0,
        }
        fit = kept._age_fit(rules, open_days, as_of) if kept else fresh
        before = None if kept else plan.earlier._age_fit(rules, open_days, as_of)
        # What somebody has changed in the rules is no matter of the day.
        idle = rules.retention.skip_idle_days and plan.same_rules and last._is_idle(last_orders)
        return Settled(fresh, fit, before, idle, values)

    def _decide(self, plan, settled, frame, states, cards):
        """Return the scorecards of customers, as the writer takes them, and what else was found, a :class:`Found`.

        :param plan, settled: the :class:`Plan` and the :class:`Settled`
        :param frame, states, cards: of these customers, see :meth:`_read_frames`
        """
        rules, as_of, fit = plan.rules, plan.as_of, settled.fit
        scored = engine.pipeline.apply(rules, fit, frame, as_of)
        pace.rest()
        result = engine.decision.decide(rules, fit, frame, scored, states, as_of, idle=settled.idle)
        found = Found(
            self._find_idle_locks(result["idle_lock_id"], cards),
            engine.outcome.compare_warnings(rules, fit, result) if self._is_foretold_anew(rules, plan.last) else None,
            engine.outcome.drift(rules, settled.fresh, frame, scored, as_of) if plan.kept else 0,
        )
        result["reason"], result["quiet"] = engine.outcome.judge(
            rules,
            scored,
            settled.before and engine.pipeline.apply(rules, settled.before, frame, as_of),
            is_first=not plan.last.version_id,
            same_rules=plan.same_rules,
            abandoned=self._get_abandoned(),
        )
        result["user_id"] = self.user_id.id or None
        columns = self.env["customer.tiering.writer"]._get_columns()
        return engine.outcome.as_scorecards(rules, result, columns), found

    def _get_notes(self, customer_count, fresh, found):
        """Return what to know when reading the results, ``{language: text, or False}``.

        :param fresh: the engine's ``Fit`` of the customers of today
        :param found: a :class:`Found`
        """

        def speak(run):
            notes = run._get_note(customer_count, fresh, len(found.idle_locks)), run._get_warning_note(found.moved)
            return "\n".join(filter(None, notes)) or False

        return languages.say(self, speak)

    def _get_abandoned(self):
        """Return the ids of the company's customers who have no scorecard because their policy was archived.

        As a set, before the run gives them one again.
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT change.partner_id
                  FROM customer_tier_change change
                 WHERE change.company_id = %(company)s AND change.direction = 'left' AND change.run_id IS NULL
                   AND NOT EXISTS (SELECT FROM customer_tiering_scorecard card
                                    WHERE card.partner_id = change.partner_id AND card.company_id = %(company)s)
                """,
                company=self.company_id.id,
            )
        )
        return {partner_id for (partner_id,) in rows}

    def _read_frames(self, policy, scope, rules, learn=None):
        """Return the frames of the scope's customers, of what was decided about them before, and of the scorecards.

        :param learn: see the reader's ``_read_customers``
        """
        reader = self.env["customer.tiering.reader"].sudo()
        customers = self.env["customer.tiering.replica"].sudo() if scope.everybody else reader
        frame = customers._read_customers(scope, rules.columns, learn)
        cards = reader._read_cards(scope)
        ladder = [tier.key for tier in rules.tiers]
        return frame, reader._read_states(policy, scope, frame.index, cards, ladder), cards

    def _get_comparison_to_go_on(self, last, rules, as_of):
        """Return the run whose comparison goes on although the rules are others, because only what says who is at risk
        has changed: nobody's score depends on that. None where there is none.

        :param last: the last run of the policy
        """
        policy = self.policy_id
        if not last.version_id or not policy.recalibrate_days:
            return self.browse()
        before, now = (
            {**values, "rules": {name: rule for name, rule in values["rules"].items() if name not in WARNING_RULES}}
            for values in (last.version_id.rules, policy._get_rules_values(rules))
        )
        return self._get_kept_calibration(last.calibration_id, as_of) if before == now else self.browse()

    def _get_outlook(self, last, rules, as_of):
        """Return what the outlook has learned not long ago, see ``engine.outlook.learn``; empty: it learns anew.

        :param last: the last run of the policy
        """
        fit = (last.calibration_id or last)._get_fit()
        if self.recalibrate or not fit or not engine.outlook.holds(fit.outlook, rules, as_of):
            return {}
        return fit.outlook

    @api.model
    def _get_learner(self, rules, scope, outlook):
        """Return what learns while the customers of a scope are read, see the reader's ``_read_customers``.

        :param outlook: the dict that what is learned is put into
        """

        def learn(frame, purchases, since):
            learned = engine.outlook.learn(
                rules, frame, purchases, scope.as_of, scope.decimals, least=scope.least, since=since
            )
            outlook.update(learned)

        return learn

    @api.model
    def _is_foretold_anew(self, rules, last):
        """Whether the chance of the next order says who is at risk from now on, and did not before."""
        if rules.risk.method != engine.rules.PREDICTION or not last.version_id:
            return False
        return last.version_id.rules["rules"].get("risk", {}).get("method") != engine.rules.PREDICTION

    def _get_last(self, policy):
        """Return the last run of ``policy`` that was computed."""
        return self.sudo().search([("policy_id", "=", policy.id), ("state", "=", "done")], limit=1)

    def _get_fit(self):
        """Return the engine's ``Fit`` that this run measured, None if it scored by an earlier one's."""
        return self._load_fit() if self and self.state == "done" else None

    @tools.ormcache("self.id")
    def _load_fit(self):
        """The same of a run that is done: it never changes, and it takes long to read."""
        return engine.pipeline.Fit.from_json(self.fitted) if self.fitted else None

    def _get_used_fit(self, rules, as_of):
        """Return the ``Fit`` by which this run scored, as it is on ``as_of``; None where there is none any more.

        :param rules: the engine's ``PolicyRules`` of the run
        """
        return (self.calibration_id or self)._age_fit(rules, self.open_days, as_of)

    def _age_fit(self, rules, open_days, as_of):
        """Return the ``Fit`` that this run measured, as it is on a later day; None if it scored by an earlier one's.

        :param open_days: those since then, as texts
        """
        fit = self._get_fit()
        days = [fields.Date.to_date(day) for day in open_days or ()]
        return fit and engine.idle.age(rules, fit, self.as_of, days, as_of)

    def _find_open_days(self, rules, last_orders):
        """Return the days with purchases since the comparison of this run, the last one, as texts.

        :param last_orders: each customer's last order, as of today
        """
        if not rules.retention.skip_idle_days or not self.last_purchase_date:
            return False
        found = engine.idle.find_open_days(last_orders, self.last_purchase_date)
        return [*(self.open_days or ()), *map(fields.Date.to_string, found)]

    def _is_idle(self, last_orders):
        """Return whether nobody bought anything since this run, the last one."""
        known = self.last_purchase_date
        return bool(known) and not engine.idle.find_open_days(last_orders, known)

    def _get_kept_calibration(self, earlier, as_of):
        """Return ``earlier`` if its comparison still holds on ``as_of``, or none when it is time for a new one."""
        if (
            self.recalibrate
            or not earlier._get_fit()
            or not 0 <= (as_of - earlier.as_of).days < self.policy_id.recalibrate_days
        ):
            return self.browse()
        return earlier

    # ------------------------------------------------------------------
    # Single customers, between the runs
    # ------------------------------------------------------------------

    @api.model
    def _refresh(self, policy, rows):
        """Score the customers of the queue again by what the last run of their policy measured.

        Nobody is downgraded here; a policy without a run yet is left to its first one.

        :param rows: ``customer.tiering.refresh`` records of the policy's company
        """
        found = self._get_measure(policy)
        if not found:
            return
        last, rules, as_of, fit = found
        company = policy.company_id
        # Who has come to match this policy moves in its run: the tiers of two policies are not comparable.
        others = self.env["customer.tiering.scorecard"].search(
            [
                ("company_id", "=", company.id),
                ("partner_id", "in", rows.partner_id.ids),
                ("policy_id", "!=", policy.id),
            ]
        )
        partners = rows.partner_id - others.partner_id
        scope = policy._get_scope(as_of, partners.ids, last.version_id)
        frame, states, cards = self._read_frames(policy, scope, rules)
        if frame.empty:
            return
        scored = engine.pipeline.apply(rules, fit, frame, as_of)
        result = engine.decision.decide(rules, fit, frame, scored, states, as_of, mode=self._get_refresh_mode(policy))
        # What a person says of a customer leads to no tier: who moves now does so by what was bought.
        told = {"motive": "instant"}
        rows = rows.sorted(lambda row: (row.reason != "motive", row.reason == "merged"))
        reasons = {row.partner_id.id: told.get(row.reason, row.reason) for row in rows}
        users = {row.partner_id.id: row.user_id.id or None for row in rows}
        result["reason"] = result.index.map(reasons)
        result["user_id"] = result.index.map(users)
        result["quiet"] = False
        writer = self.env["customer.tiering.writer"].sudo()
        result = engine.outcome.as_scorecards(rules, result, writer._get_columns())
        writer._write_result(last, as_of, rules, result, cards, partial=True)

    def _get_measure(self, policy):
        """Return by what single customers of ``policy`` are scored: its last run, the engine's ``PolicyRules`` and the
        day of today and the ``Fit`` on it; None where they wait for its next run."""
        last = self._get_last(policy)
        if not last.version_id:
            return None
        try:
            rules = last.version_id._get_rules()
        except ValueError as error:
            _logger.info("Policy %s waits for its next run: %s", policy.id, error)
            return None
        # Not before that run, if the clock was set back: who is scored alone is compared with the others.
        as_of = max(policy.company_id._get_tiering_today(), last.as_of)
        fit = last._get_used_fit(rules, as_of)
        if not fit:
            return None
        if not self._can_refer_to(rules):
            _logger.info("Policy %s waits for its next run: a tier, a segment or a metric was deleted.", policy.id)
            return None
        return last, rules, as_of, fit

    def _get_refresh_mode(self, policy):
        return engine.retention.MODE_UP if policy.upgrade_when == "instant" else engine.retention.MODE_HOLD

    def _foresee(self, policy, measure, customer, money):
        """Return the engine's ``draft.Effect`` of a customer who buys for ``money`` (untaxed, of the company) today.

        Nothing is written; what it says is what :meth:`_refresh` makes of the purchase.

        :param measure: what :meth:`_get_measure` returned
        :return: None where the customer is none of the policy's any more
        :raises ValueError: when the customer cannot be scored
        """
        last, rules, as_of, fit = measure
        reader = self.env["customer.tiering.reader"].sudo()
        scope = policy._get_scope(as_of, customer.ids, last.version_id)
        before, after = reader._read_planned(scope, rules.columns, money)
        if before.empty:
            return None
        cards = reader._read_cards(scope)
        states = reader._read_states(policy, scope, before.index, cards, [tier.key for tier in rules.tiers])
        mode = self._get_refresh_mode(policy)
        return engine.draft.foresee(
            rules, fit, before, after, states, as_of, mode=mode, decimals=policy.currency_id.decimal_places
        )

    def _can_refer_to(self, rules):
        """Whether all metrics that ``rules`` look at, and all tiers and segments that they can lead to, are there."""
        tiers = self.env["customer.tier"].sudo().browse(tier.key for tier in rules.tiers)
        segments = self.env["customer.segment"].sudo().browse({key for row in rules.segment_map for key in row})
        motives = self.env["customer.tiering.motive"].sudo().browse({rule.motive for rule in rules.motives})
        known = self.env["customer.tiering.metric"]._get_names()
        if any(records.exists() != records for records in (tiers, segments, motives)):
            return False
        if not known.keys() >= {*rules.metrics, *(rule.metric for rule in rules.motives)}:
            return False
        sources = self.env["customer.tiering.reader"]._get_metric_sources() if rules.columns else ()
        return rules.columns <= {column for source in sources for column in source.columns}

    def _get_note(self, customer_count, fit, idle_locks):
        """Return what to know when reading the results, as lines of text; False when there is nothing."""
        policy = self.policy_id
        notes = (
            self.attempts > 1
            and self.env._(
                "This run began anew because the server was stopped before its end. So often: %(count)s.",
                count=format_number(self.env, self.attempts - 1),
            ),
            self._get_population_note(customer_count, fit),
            idle_locks
            and self.env._(
                "Locks without effect, because they name a tier that this policy does not have: %(count)s. Lock these "
                "customers again, or put them back to automatic.",
                count=format_number(self.env, idle_locks),
            ),
            policy.lost_metric_warning,
            policy.benefit_warning,
        )
        return "\n".join(filter(None, notes)) or False

    def _get_warning_note(self, moved):
        """Return whom another way to warn concerns, or False.

        :param moved: what ``engine.outcome.compare_warnings`` returned; None: who is at risk is said as before
        """
        return bool(moved) and self.env._(
            "The chance of the next order says who is at risk from now on: %(foretold)s customers. By the usual "
            "gaps between orders it would be %(plain)s; %(both)s are the same. The earlier rule can be chosen "
            "again under “Lifecycle and Risk” of the policy.",
            foretold=format_number(self.env, moved.foretold),
            plain=format_number(self.env, moved.plain),
            both=format_number(self.env, moved.both),
        )

    def _get_clock_note(self, as_of, last):
        return self.env._(
            "The customers were computed as of %(last)s already, and today is %(today)s: the clock of the server or "
            "the time zone of the company has changed. They keep their tiers until that day. If it was the last run "
            "that was wrong, compute by hand.",
            last=format_date(self.env, last.as_of),
            today=format_date(self.env, as_of),
        )

    def _get_population_note(self, customer_count, fit):
        if not customer_count:
            return self.env._("No customer has a quotation or an order yet, so there was nothing to score.")
        clusters = fit.tiers.clusters
        if clusters and clusters.distinct < len(self.policy_id.tier_ids):
            return self.env._(
                "Customers who differ from each other: only %(distinct)s, fewer than there are tiers; "
                "the highest tiers stay empty.",
                distinct=format_number(self.env, clusters.distinct),
            )
        if clusters and clusters.silhouette is not None and not clusters.better_than_chance:
            return self.env._(
                "The clusters are no better than chance (silhouette %(silhouette)s; customers spread at random "
                "reach %(chance)s). The customers do not fall into groups: choose another method.",
                silhouette=format_number(self.env, clusters.silhouette, 2),
                chance=format_number(self.env, clusters.chance, 2),
            )
        if clusters and clusters.drawn:
            return self.env._(
                "The clusters were found among %(drawn)s customers, drawn by chance; the others were placed by them.",
                drawn=format_number(self.env, clusters.drawn),
            )
        if fit.small:
            return self.env._(
                "Customers who bought in the window: only %(population)s, fewer than the %(minimum)s that a comparison "
                "needs; the fixed bands of each criterion were used.",
                population=format_number(self.env, fit.population),
                minimum=format_number(self.env, self.policy_id.min_population),
            )
        return False

    def _find_idle_locks(self, locks, cards):
        """Return ``{id of a lock: whether its customer was taken over from another policy}``.

        :param locks: a Series, index = customer: id of the lock that is without effect, or NA
        :param cards: the scorecards as they were before the run
        """
        locks = locks.dropna()
        if locks.empty:
            return {}
        taken = cards["policy_id"].reindex(locks.index).fillna(self.policy_id.id) != self.policy_id.id
        return dict(zip(locks.tolist(), taken.tolist(), strict=True))

    def _tell_idle_locks(self, locks):
        """Tell those who locked customers that this policy has taken from another one, and whose tier it does not have.

        :param locks: what :meth:`_find_idle_locks` returned
        """
        taken = [lock for lock, is_taken in locks.items() if is_taken]
        for user, lost in self.env["customer.tiering.lock"].browse(taken).grouped("user_id").items():
            run = self.with_context(lang=user.lang)
            # Whom the reader may not see any more is counted only.
            companies = self.company_id & user.company_ids
            seen = lost.partner_id.with_user(user).with_context(allowed_company_ids=companies.ids)
            names = seen._filtered_access("read").mapped("display_name") if companies else []
            if len(names) < len(lost.partner_id):
                more = format_number(run.env, len(lost.partner_id) - len(names))
                names.append(run.env._("%(count)s more", count=more))
            self.env["mail.thread"].message_notify(
                author_id=self.env.ref("base.partner_root").id,  # who starts a run by hand is told, too
                partner_ids=user.partner_id.ids,
                subject=run.env._("Locked tiers without effect: %(policy)s", policy=run.policy_id.name),
                body=run.env._(
                    "The policy “%(policy)s” has taken over customers whom you had locked in a tier that it does not "
                    "have: %(customers)s. Lock them again, or put them back to automatic.",
                    policy=run.policy_id.name,
                    customers=format_list(run.env, names),
                ),
            )

    def _find_strays(self, scope):
        """Return what counts for nobody because its contact belongs to no customer: ``{"count": papers, "ids":
        contacts}``; False where all does.

        Odoo gives each contact a commercial partner; imports into the database and old migrations have left some
        without. To look for them is a look into an index.
        """
        query = SQL("SELECT id FROM res_partner WHERE commercial_partner_id IS NULL")
        strays = [partner_id for (partner_id,) in self.env.execute_query(query)]
        if not strays:
            return False
        purchases = self.env["customer.tiering.reader"]._get_purchase_source(scope.revenue_from)
        rows = self.env.execute_query(
            SQL(
                """
                SELECT partner_id, COUNT(*)
                  FROM (%(dealing)s) dealing
                 WHERE partner_id = ANY(%(strays)s)
                    OR partner_id IN (SELECT id FROM res_partner WHERE commercial_partner_id = ANY(%(strays)s))
              GROUP BY partner_id
              ORDER BY partner_id
                """,
                dealing=purchases.get_dealing_query(scope.company_id),
                strays=strays,
            )
        )
        if not rows:
            return False
        ids = [partner_id for partner_id, _count in rows]
        return {"count": sum(count for _partner_id, count in rows), "ids": ids[:MOST_STRAYS], "contacts": len(ids)}

    def _get_stray_note(self):
        """Return the same in words, with the names of those contacts that the reader may see."""
        self.ensure_one()
        strays = self.sudo().strays  # sudo: the names are asked for as the reader
        if not strays:
            return False
        contacts = self.env["res.partner"].browse(strays["ids"]).exists()
        # Also where the code runs with all rights for a person.
        contacts = contacts.sudo(False)._filtered_access("read")[:NAMED_STRAYS]
        names = contacts.mapped("display_name")
        if strays["contacts"] > len(names):
            more = format_number(self.env, strays["contacts"] - len(names))
            names.append(self.env._("%(count)s more", count=more))
        return self.env._(
            "Orders or invoices that count for nobody: %(count)s. Their contacts have no “Commercial Entity”, as an "
            "import into the database leaves them: %(contacts)s. Set the company that each one belongs to, or change "
            "it from Person to Company or back, and save.",
            count=format_number(self.env, strays["count"]),
            contacts=format_list(self.env, names),
        )

    def _get_clean_note(self):
        """Return which share of the customers is without anything to check, a sentence or two; False: not looked."""
        self.ensure_one()
        if not self.checked_at or self.state != "done" or not self.customer_count:
            return False
        clean = max(self.customer_count - self.to_check_count, 0)
        note = self.env._(
            "%(share)s%% of %(customers)s customers without anything to check.",
            # Never all of them while there is one.
            share=format_number(self.env, math.floor(1000 * clean / self.customer_count) / 10, 1),
            customers=format_number(self.env, self.customer_count),
        )
        common = self.common_count and self.env._(
            "Values that so many customers share that they prove no duplicate: %(count)s.",
            count=format_number(self.env, self.common_count),
        )
        return join(self.env, filter(None, (note, common)))

    def _get_summary(self):
        self.ensure_one()
        if self.state == "skipped":
            return self.hints
        if self.policy_id.is_simulation:
            result = self.policy_id.simulation_result or {}
            rising, announced = result.get("rising") or 0, result.get("announced") or 0
            return self.env._(
                "Customers simulated: %(customers)s. Upgrades: %(up)s, announced first: %(rising)s. "
                "Downgrades: %(down)s, announced first: %(announced)s. Nothing has changed yet.",
                customers=format_number(self.env, self.customer_count),
                up=format_number(self.env, self.up_count + rising),
                rising=format_number(self.env, rising),
                down=format_number(self.env, self.down_count + announced),
                announced=format_number(self.env, announced),
            )
        summary = self.env._(
            "%(policy)s: scored customers %(customers)s, first tier %(new)s, moved up %(up)s, moved down %(down)s, "
            "downgrades announced %(pending)s.",
            policy=self.policy_id.name,
            customers=format_number(self.env, self.customer_count),
            new=format_number(self.env, self.new_count),
            up=format_number(self.env, self.up_count),
            down=format_number(self.env, self.down_count),
            pending=format_number(self.env, self.pending_count),
        )
        return join(self.env, (summary, self.hints))

    def _post_changes(self):
        changes = self.env["customer.tier.change"].search(
            [("run_id", "=", self.id), ("direction", "in", ("up", "down"))], limit=POST_LIMIT
        )
        changes.partner_id._message_log_batch(
            bodies={
                change.partner_id.id: self.env._(
                    "Tier: %(from_tier)s → %(to_tier)s",
                    from_tier=change.from_tier_id.name,
                    to_tier=change.to_tier_id.name,
                )
                for change in changes
            }
        )

    @api.readonly
    def action_open_checks(self):
        """Open what there is to check."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_check_action")
        action["domain"] = [("company_id", "=", self.company_id.id)]
        return action

    @api.readonly
    def action_open_changes(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tier_change_action")
        action["domain"] = [("run_id", "=", self.id)]
        action["context"] = {}
        return action
