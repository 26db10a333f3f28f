import logging
import time

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

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


class RunUnderWayError(UserError):
    """Another transaction computes customers of the same company."""


class CustomerTieringRun(models.Model):
    _name = "customer.tiering.run"
    _description = "Customer Tiering Run"
    _order = "id desc"

    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    as_of = fields.Date(readonly=True, help="The day up to which orders and contacts counted.")
    trigger = fields.Selection(
        [("nightly", "Nightly"), ("manual", "By hand")], required=True, readonly=True, default="manual"
    )
    user_id = fields.Many2one("res.users", string="Started By", readonly=True)
    state = fields.Selection(
        [("queued", "Waiting"), ("done", "Done"), ("failed", "Failed")],
        required=True,
        readonly=True,
        default="queued",
        index=True,
    )
    started_at = fields.Datetime(readonly=True)
    duration = fields.Float(string="Duration (s)", digits=(10, 1), readonly=True, aggregator="avg")
    customer_count = fields.Integer(string="Customers", readonly=True)
    new_count = fields.Integer(string="First Tier", readonly=True)
    up_count = fields.Integer(string="Moved Up", readonly=True)
    down_count = fields.Integer(string="Moved Down", readonly=True)
    left_count = fields.Integer(
        string="Left",
        readonly=True,
        help="Customers whose scorecard was removed: archived, or no longer among the policy's customers.",
    )
    written_count = fields.Integer(
        string="Scorecards Written", readonly=True, help="Scorecards that are new or whose values changed."
    )
    attempts = fields.Integer(readonly=True, help="How often this run was started; more than once if interrupted.")
    fitted = fields.Json(
        readonly=True, prefetch=False, help="The numbers this run measured from all customers and scored by."
    )
    note = fields.Text(readonly=True, help="What to know when reading the results.")
    error = fields.Text(readonly=True)
    change_ids = fields.One2many("customer.tier.change", "run_id", string="Changes")

    @api.depends("policy_id", "as_of", "state")
    def _compute_display_name(self):
        for run in self:
            date = fields.Date.to_string(run.as_of) if run.as_of else self.env._("waiting")
            run.display_name = f"{run.policy_id.name} ({date})"

    # ------------------------------------------------------------------
    # Queue and jobs
    # ------------------------------------------------------------------

    @api.model
    def _queue(self, policies, trigger):
        """Return one waiting run per policy, new where none is waiting yet."""
        waiting = self.sudo().search([("policy_id", "in", policies.ids), ("state", "=", "queued")])
        if trigger == "manual":
            waiting.write({"trigger": trigger, "user_id": self.env.uid})
        created = self.sudo().create(
            [
                {"policy_id": policy.id, "trigger": trigger, "user_id": trigger == "manual" and self.env.uid}
                for policy in policies - waiting.policy_id
            ]
        )
        return waiting | created

    @api.model
    def _cron_nightly(self):
        """Queue a run of every policy whose company wants one each night."""
        policies = self.env["customer.tiering.policy"].search([("company_id.tiering_nightly", "=", True)])
        if policies:
            self._queue(policies, trigger="nightly")
            self.env.ref("customer_tiering.ir_cron_process_queue")._trigger()

    @api.model
    def _cron_process_queue(self):
        """Compute the waiting runs, each in its own transaction; what fails does not stop the others."""
        cron = self.env["ir.cron"]
        # One that interrupted the server goes behind the others.
        waiting = self.search([("state", "=", "queued")], order="attempts, id")
        cron._commit_progress(remaining=len(waiting))
        for run in waiting:
            run.invalidate_recordset()
            # Skipped: deleted or computed by hand meanwhile, or at this moment.
            if run.try_lock_for_update() and run.state == "queued":
                run.attempts += 1
                cron._commit_progress(0)
                run._compute_and_record()
            if not cron._commit_progress(1):
                break

    def _compute_and_record(self):
        """Compute this run in the transaction that begins now and record a failure as its outcome.

        Odoo does not repeat a job that loses against somebody's concurrent change, so it is repeated
        here, each time on a fresh snapshot of the database.
        """
        self.ensure_one()
        if self.attempts > INTERRUPTIONS:
            self._fail(self.env._("The server was stopped %(count)s times during this run.", count=INTERRUPTIONS))
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._compute()
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
                return
            except UserError as error:
                self.env.cr.rollback()
                self._fail(str(error))
                return
            except Exception as error:
                self.env.cr.rollback()
                _logger.exception("Customer tiering run %s failed", self.id)
                self._fail(f"{type(error).__name__}: {error}")
                return
        self._fail(
            self.env._(
                "Other changes to customers or orders came in between %(attempts)s times (%(reason)s). "
                "Start the computation again.",
                attempts=ATTEMPTS,
                reason=str(reason).strip(),
            )
        )

    def _fail(self, message):
        if not self.exists():
            return
        _logger.error(
            "Customer tiering of policy %s (company %s) failed: %s",
            self.policy_id.id,
            self.company_id.id,
            message,
        )
        self.write({"state": "failed", "started_at": self.started_at or fields.Datetime.now(), "error": message})
        self._notify(kind="danger", message=message, sticky=True)

    def _notify(self, kind, message, sticky=False):
        """Tell the person who started a run in the background how it ended."""
        if self.user_id and self.env.context.get("cron_id"):
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

        :param as_of: a date; today in the company's time zone when left out
        :raises RunUnderWayError: when another transaction computes the company's customers
        :raises UserError: when the policy cannot be used
        """
        from ..engine import pipeline  # noqa: PLC0415 - pandas stays out of the server's start-up

        self.ensure_one()
        started_at, started = fields.Datetime.now(), time.monotonic()
        run = self.sudo()
        if run.user_id:
            run = run.with_context(lang=run.user_id.lang)
        policy = run.policy_id
        if not policy.active:
            raise UserError(
                run.env._(
                    "Policy “%(policy)s” is archived. Restore it before you compute its customers.",
                    policy=policy.name,
                )
            )
        run._lock_company()
        as_of = as_of or policy.company_id._get_tiering_today()
        rules = policy._get_rules()

        frame = self.env["customer.tiering.reader"].sudo()._read_customers(policy, as_of)
        fit = pipeline.fit(rules, frame, as_of)
        result = frame.join(pipeline.apply(rules, fit, frame, as_of))
        counts = self.env["customer.tiering.writer"].sudo()._write_result(run, as_of, result)

        run.write(
            {
                "state": "done",
                "as_of": as_of,
                "started_at": started_at,
                "duration": time.monotonic() - started,
                "customer_count": len(result),
                "fitted": fit.to_json(),
                "note": run._get_note(len(result), fit),
                "error": False,
                **counts,
            }
        )
        if policy.post_changes and run.trigger == "manual":
            run._post_changes()
        run._notify("success", run._get_summary())

    def _lock_company(self):
        """Hold the company's lock until the end of the transaction.

        :raises RunUnderWayError: when another transaction holds it
        """
        ((locked,),) = self.env.execute_query(
            SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK_CLASS, self.company_id.id)
        )
        if not locked:
            raise RunUnderWayError(
                self.env._(
                    "The customers of %(company)s are being computed right now. Wait until that run is done.",
                    company=self.company_id.name,
                )
            )

    def _get_note(self, customer_count, fit):
        if not customer_count:
            return self.env._("No customer has a quotation or an order yet, so there was nothing to score.")
        if fit.small:
            return self.env._(
                "Only %(population)s customers bought in the window, fewer than the %(minimum)s that a comparison "
                "needs: the fixed bands of each criterion were used.",
                population=fit.population,
                minimum=self.policy_id.min_population,
            )
        return False

    def _get_summary(self):
        self.ensure_one()
        summary = self.env._(
            "%(policy)s: scored customers %(customers)s, first tier %(new)s, moved up %(up)s, moved down %(down)s.",
            policy=self.policy_id.name,
            customers=self.customer_count,
            new=self.new_count,
            up=self.up_count,
            down=self.down_count,
        )
        return f"{summary} {self.note}" if self.note else summary

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

    def action_open_changes(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tier_change_action")
        action["domain"] = [("run_id", "=", self.id)]
        action["context"] = {}
        return action
