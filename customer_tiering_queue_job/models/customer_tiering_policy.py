from odoo import models

from odoo.addons.customer_tiering.models.customer_tiering_run import RETRYABLE, RunUnderWayError
from odoo.addons.queue_job.exception import RetryableJobError

from .customer_tiering_run import WAIT, as_scheduled


class CustomerTieringPolicy(models.Model):
    _inherit = "customer.tiering.policy"

    def _queue_run_job(self):
        """Queue the computation of each policy's waiting run, unless it is queued already."""
        for policy in self:
            as_scheduled(policy, policy.company_id).with_delay(
                description=self.env._("Customer tiering: %(policy)s", policy=policy.name),
                identity_key=f"customer_tiering.run:{policy.id}",
            )._compute_waiting_run()

    def _get_waiting_run(self):
        runs = self.env["customer.tiering.run"]
        return runs.search([("policy_id", "in", self.ids), ("state", "=", "queued")], order="id", limit=1)

    def _compute_waiting_run(self):
        """Job: compute the waiting run of the policy; there is none any more where that was done already.

        All of it is one transaction: a job that is killed leaves nothing behind and is repeated.

        :raises RetryableJobError: when others work on the same customers
        :raises UserError: when the policy cannot be used
        """
        run = self._get_waiting_run()
        if not run:
            return self.env._("No run waits any more.")
        if not run._divide():
            self._compute_as_job(run, lambda run: run._compute())
            return run._get_summary()
        if run.sudo().work and not any(run.part_ids.mapped("is_stopped")):
            return self.env._("The run is computed in parts already.")
        self._compute_as_job(run, lambda run: run._do_step())
        if run.state == "queued" and run.part_ids:
            run._queue_steps()
            return run.progress
        return run._get_summary()

    def _compute_as_job(self, run, compute):
        """Compute a run, or a step of it, in a job.

        :param compute: called with the run
        :raises RetryableJobError: when others work on the same customers
        """
        try:
            if not run._hold():
                raise RunUnderWayError(self.env._("Somebody works on this run at the moment."))
            run.attempts += 1
            with run._taking_time():
                compute(run.with_context(tiering_unwritten=True))
            self.env.flush_all()  # here, where a conflict with somebody's change is no failure of the job
        except RunUnderWayError as error:
            raise RetryableJobError(str(error), seconds=WAIT, ignore_retry=True) from error
        except RETRYABLE as error:
            raise RetryableJobError(str(error).strip()) from error
        if run.state == "queued":
            run.attempts = 0  # to be stopped between two steps is no interruption

    def _fail_waiting_run(self, exc_name=None, exc_message=None, exc_info=None):
        """Show on the run, too, why its job failed for good, and tell who started it."""
        self._get_waiting_run()._fail_as_job(exc_message or exc_name)
