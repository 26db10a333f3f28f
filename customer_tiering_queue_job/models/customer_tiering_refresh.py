from odoo import api, fields, models

from odoo.addons.customer_tiering.models.customer_tiering_run import RETRYABLE, RunUnderWayError
from odoo.addons.queue_job.exception import RetryableJobError

from .customer_tiering_run import OVERDUE, WAIT, as_scheduled


class CustomerTieringRefresh(models.Model):
    _inherit = "customer.tiering.refresh"

    def _process_and_commit(self, company):
        """Leave the company to a job, unless its job has waited for too long.

        The scheduled action is called as before, because a job costs who confirms an order more than the
        one statement that calls the scheduled action.
        """
        if self._is_overdue(company):
            return super()._process_and_commit(company)
        self._queue_job(company)
        return 0

    @api.model
    def _get_identity_key(self, company):
        return f"customer_tiering.refresh:{company.id}"

    def _is_overdue(self, company):
        """Whether nobody has run the company's job for too long."""
        return bool(
            self.env["queue.job"]
            .sudo()
            .search_count(
                [
                    ("identity_key", "=", self._get_identity_key(company)),
                    ("state", "in", ("pending", "enqueued")),
                    ("date_created", "<", fields.Datetime.now() - OVERDUE),
                ],
                limit=1,
            )
        )

    @api.model
    def _queue_job(self, company):
        as_scheduled(self, company).with_delay(
            priority=5,  # before the runs: these are a few customers
            description=self.env._("Customers to score again: %(company)s", company=company.name),
            identity_key=self._get_identity_key(company),
        )._process_waiting_customers(company)

    @api.model
    def _process_waiting_customers(self, company):
        """Job: score a chunk of the company's waiting customers and queue a job for the next one.

        :raises RetryableJobError: when a run of the company is under way, or somebody changes the customers
        """
        try:
            done = self._process(company)
            self.env.flush_all()
        except RunUnderWayError as error:
            raise RetryableJobError(str(error), seconds=WAIT, ignore_retry=True) from error
        except RETRYABLE as error:
            raise RetryableJobError(str(error).strip()) from error
        if company.active and self.search_count([("company_id", "=", company.id)], limit=1):
            self._queue_job(company)
        return self.env._("Customers scored again: %(count)s", count=done)
