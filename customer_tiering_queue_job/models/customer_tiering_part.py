from odoo import models

from odoo.addons.customer_tiering.models.customer_tiering_run import RETRYABLE
from odoo.addons.queue_job.exception import RetryableJobError

from .customer_tiering_run import WAIT


class CustomerTieringPart(models.Model):
    _inherit = "customer.tiering.part"

    def _do_as_job(self, state):
        """Job: do the next step of a part, unless that was done already, or the run has ended or begins anew.

        :param state: of the part as long as the step is to be done
        :raises RetryableJobError: when somebody else works on it, or changes what it reads
        """
        part = self.exists()
        run = part.run_id
        if part.state != state or part.is_stopped or run.state != "queued":
            return self.env._("Nothing is to be done any more.")
        plan = run._get_plan()
        if not plan:
            return self.env._("The run begins anew.")
        if not part.try_lock_for_update():
            raise RetryableJobError(
                self.env._("Somebody works on this part at the moment."), seconds=WAIT, ignore_retry=True
            )
        try:
            with run._taking_time():
                part.with_context(tiering_unwritten=True)._do_step(plan)
            self.env.flush_all()
        except RETRYABLE as error:
            raise RetryableJobError(str(error).strip()) from error
        return self.env._("Customers of this part: %(count)s", count=part.customer_count)

    def _fail_run(self, exc_name=None, exc_message=None, exc_info=None):
        """Show on the run why the job of a part failed for good."""
        self.exists().run_id._fail_as_job(exc_message or exc_name)
