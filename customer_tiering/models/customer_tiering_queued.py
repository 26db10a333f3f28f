import logging

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Domain

from .. import jobs, languages
from .customer_tiering_run import INTERRUPTIONS, RETRYABLE

_logger = logging.getLogger(__name__)


class CustomerTieringQueued(models.AbstractModel):
    """What is computed of a policy in the background, from a snapshot and without any lock that a run or a person could
    wait for.

    A policy has one record. It waits, and a scheduled action computes it; what was found before stays until then.
    """

    _name = "customer.tiering.queued"
    _description = "Computed in the Background"
    _order = "id desc"
    _rec_name = "policy_id"
    # The scheduled action that computes the waiting ones.
    _tiering_job = None

    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade")
    user_id = fields.Many2one("res.users", string="Started By", readonly=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    state = fields.Selection(
        [("queued", "Waiting"), ("done", "Done"), ("failed", "Failed")], required=True, readonly=True, default="queued"
    )
    attempts = fields.Integer(readonly=True, help="How often it was started; more than once if interrupted.")
    as_of = fields.Date(readonly=True)
    error = fields.Text(readonly=True, translate=True)

    # What is to be overridden

    def _compute(self):
        """Compute this record.

        :raises UserError: when the policy cannot be used
        """
        raise NotImplementedError

    def _compute_in_background(self):
        """Compute this record for nobody who waits."""
        self._compute()
        self._tell_done()

    def _tell_done(self):
        """Tell who asked for it that it is done, unless the policy was deleted meanwhile."""
        if self.exists():
            message = self.with_context(lang=self.user_id.lang).env._("Open the report again: it is done.")
            self._notify("success", message)

    def _get_title(self):
        """Return what it is called in what is told to who asked for it."""
        return self.env["ir.model"]._get(self._name).name

    @api.model
    def _get_key(self, policy):
        """Return the values that the one record of a policy has, a dict."""
        return {"policy_id": policy.id}

    def _tell_interrupted(self):
        """Return why, in words, a record failed that was interrupted too often."""
        raise NotImplementedError

    # What is common

    def _show_result(self, notes):
        """Return what was found, to who may see all customers that it counts; else, or where nothing is known, None.

        :param notes: a list of sentences, to which is added why nothing is shown
        """
        result = self.sudo().result  # sudo: shown to who sees all that it counts
        if result and self.policy_id._hides_customers():
            notes.append(
                self.env._("You may not see all of these customers, so numbers that count all of them are not shown.")
            )
            return None
        return result or None

    def _notify(self, kind, message, sticky=False):
        """Tell the person who asked for it, and does something else by now; of what comes by itself nobody is told."""
        if self.user_id:
            title = self.with_context(lang=self.user_id.lang)._get_title()
            self.user_id._bus_send(
                "simple_notification", {"type": kind, "title": title, "message": message, "sticky": sticky}
            )

    @api.model
    def _queue(self, policy, **values):
        """Return the waiting record of a policy, with further values, such as the ``user_id`` of who asks for it.

        :raises ConcurrencyError: when somebody else makes it at the same time; Odoo tries again
        """
        # sudo: they are written by the system; the person's right is checked by the caller
        key = self._get_key(policy)
        record = self.sudo().search([(name, "=", value) for name, value in key.items()])
        if not record:
            try:
                with self.env.cr.savepoint():
                    record = record.create([key])
            except psycopg2.errors.UniqueViolation as error:
                # Somebody else asks for it at this moment: the same again, on a fresh snapshot.
                raise ConcurrencyError(str(error)) from error
        record.write({"state": "queued", "attempts": 0, "error": False, "user_id": False, **values})
        return record

    @api.model
    def _cron_process(self):
        """Compute the waiting records, one after the other; what fails does not stop the others."""
        # One that interrupted the server goes behind the others.
        waiting = self.search(
            Domain("state", "=", "queued") & Domain("company_id.active", "=", True), order="attempts, id"
        )
        jobs.work_off(self._tiering_job, waiting, lambda record: record._take())

    def _take(self):
        """Compute this record, unless it was deleted or computed by hand meanwhile."""
        if self.exists() and self.state == "queued":
            self.attempts += 1
            jobs.commit(self.env)
            self._compute_and_record()

    def _compute_and_record(self):
        """Compute this record in the background, and record a failure as its outcome."""
        self.ensure_one()
        if self.attempts > INTERRUPTIONS:
            self._fail(lambda record: record._tell_interrupted())
            return
        try:
            self._compute_in_background()
        except RETRYABLE as error:
            self.env.cr.rollback()
            _logger.info("%s met a concurrent change: %s", self, error)
            jobs.call_again(self.env, self._tiering_job)
        except UserError as error:
            self.env.cr.rollback()
            message = str(error)
            self._fail(lambda record: record.policy_id._get_refusal() or message)
        except Exception as error:
            _logger.exception("%s failed", self)  # first: the database may be away
            self.env.cr.rollback()
            message = f"{type(error).__name__}: {error}"
            self._fail(lambda record: message)

    def _fail(self, speak):
        """Record that this one failed; return why in each language, None where it was deleted meanwhile.

        :param speak: returns why, in words, for this record in a language
        """
        if not self.exists():
            return None
        reasons = languages.say(self, speak)
        _logger.error("%s of policy %s failed: %s", self, self.policy_id.id, reasons["en_US"])
        self.state = "failed"
        languages.write(self, "error", reasons)
        self._notify("danger", reasons.get(self.user_id.lang, reasons["en_US"]), sticky=True)
        return reasons
