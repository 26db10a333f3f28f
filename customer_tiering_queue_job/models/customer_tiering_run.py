from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.fields import Domain

from odoo.addons.queue_job.delay import chain, group

# What has waited so long although it has a job is done by the scheduled action: nobody runs the jobs.
OVERDUE = timedelta(hours=1)
# A job comes back after so many seconds when another one works on the same company.
WAIT = 15


def as_scheduled(records, company):
    """Return ``records`` as the scheduled actions have them, whoever calls the job with whatever context."""
    return records.with_env(records.env(user=SUPERUSER_ID, context={})).with_company(company)


class CustomerTieringRun(models.Model):
    _inherit = "customer.tiering.run"

    def _call_job(self):
        """Queue a job per policy; the scheduled action only does what has waited for too long."""
        self.policy_id._queue_run_job()

    @api.model
    def _get_waiting_domain(self):
        return super()._get_waiting_domain() & Domain("create_date", "<", fields.Datetime.now() - OVERDUE)

    # ------------------------------------------------------------------
    # In parts
    # ------------------------------------------------------------------

    def _queue_steps(self):
        """Queue a job for each part of which something is to be done next, and one that goes on when all are done."""
        _name, parts = self.sudo()._get_next_step()
        run = as_scheduled(self, self.company_id).delayable(
            description=self.env._("Customer tiering in parts: %(policy)s", policy=self.policy_id.name),
            identity_key=f"customer_tiering.parts:{self.id}:{self.sudo()._count_steps()}",
        )
        steps = [run._go_on()]
        if parts:
            of_parts = [
                as_scheduled(part, self.company_id)
                .delayable(
                    description=self.env._(
                        "Customer tiering: %(policy)s, part %(number)s",
                        policy=self.policy_id.name,
                        number=part.number,
                    ),
                    identity_key=f"customer_tiering.part:{part.id}:{part.state}",
                )
                ._do_as_job(part.state)
                for part in parts
            ]
            steps.insert(0, group(*of_parts))
        chain(*steps).delay()

    def _go_on(self):
        """Job: do the next step of a run in parts, of all parts together, and queue what follows.

        A part that was left is done here.

        :raises RetryableJobError: when others work on the same customers
        :raises UserError: when the policy cannot be used
        """
        run = self.exists()
        if run.state != "queued" or not run.part_ids:
            return self.env._("No run waits any more.")
        self.policy_id._compute_as_job(run, lambda run: run._do_step())
        if run.state == "queued" and run.part_ids:
            run._queue_steps()
            return run.progress
        return run.state == "done" and run._get_summary()

    def _fail_as_job(self, message):
        """Show on this run why its job failed for good, and tell who started it."""
        message = str(message)
        self.with_context(job_uuid=True)._fail(lambda run: run.policy_id._get_refusal() or message)

    def _fail_going_on(self, exc_name=None, exc_message=None, exc_info=None):
        self.exists()._fail_as_job(exc_message or exc_name)

    def _is_in_background(self):
        return bool(self.env.context.get("job_uuid")) or super()._is_in_background()
