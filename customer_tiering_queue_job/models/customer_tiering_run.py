from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.fields import Domain

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

    def _is_in_background(self):
        return bool(self.env.context.get("job_uuid")) or super()._is_in_background()
