from odoo import models

from odoo.addons.customer_tiering.models.customer_tiering_run import RETRYABLE
from odoo.addons.queue_job.exception import RetryableJobError

from .customer_tiering_run import WAIT, as_scheduled


class CustomerTieringPlaybook(models.Model):
    _inherit = "customer.tiering.playbook"

    def _call_job(self, at=None):
        """Queue a job per playbook; the scheduled action comes every hour nevertheless."""
        for playbook in self:
            as_scheduled(playbook, playbook.company_id).with_delay(
                eta=at,
                priority=20,  # after the runs
                description=self.env._("Customer follow-ups: %(playbook)s", playbook=playbook.name),
                identity_key=f"customer_tiering.followup:{playbook.id}",
            )._process_followups()

    def _process_followups(self):
        """Job: close and plan one chunk of the playbook's follow-ups and queue a job for the next one.

        The chunks come one after the other, because each one counts what those before have given to whom.

        :raises RetryableJobError: when another worker plans for the same company, or somebody closes an activity
        """
        playbook = self.exists()
        if not playbook:
            return self.env._("The playbook was deleted.")
        followups = self.env["customer.tiering.followup"]
        if not followups._try_lock(playbook.company_id):
            raise RetryableJobError(
                self.env._("Other follow-ups of the company are being planned."), seconds=WAIT, ignore_retry=True
            )
        try:
            done = followups._process(playbook, playbook.company_id._get_tiering_today())
            self.env.flush_all()
        except RETRYABLE as error:
            raise RetryableJobError(str(error).strip()) from error
        if done:
            playbook._call_job()
        return self.env._("Follow-ups planned or closed: %(count)s", count=done)
