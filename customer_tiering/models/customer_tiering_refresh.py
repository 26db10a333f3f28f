import logging
from collections import defaultdict

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .. import jobs, sources
from ..fields import UncheckedMany2one
from .customer_tiering_run import RETRYABLE, RunUnderWayError

_logger = logging.getLogger(__name__)

# So many customers are scored again in one transaction, and in one go by the person who locks them.
BATCH = 1000


class CustomerTieringRefresh(models.Model):
    """The customers to score again before the next run, because something happened to them.

    People's transactions only insert here, in one statement, so they never wait for a run and never
    collide with one. The job scores the customers by what the last run measured and deletes the rows.
    """

    _name = "customer.tiering.refresh"
    _inherit = ["customer.tiering.given"]
    _description = "Customer to Score Again"
    _order = "id"
    _log_access = False

    # Without index: who waits is seldom waiting for long, and people wait while an index is kept up.
    partner_id = UncheckedMany2one("res.partner", required=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    reason = fields.Selection(
        [
            ("instant", "Order, invoice or credit note"),
            ("merged", "Contacts merged"),
            ("moved", "Contact moved"),
            ("restored", "Restored"),
            ("lock", "Lock"),
            ("motive", "Buying motive"),
        ],
        required=True,
    )
    user_id = UncheckedMany2one("res.users", ondelete="set null")

    @api.model
    def _add(self, partners, company, reason):
        """Queue the customers that ``partners`` belong to, call the job, and return the tiers in which they are.

        All in one statement, because a person waits for it. A sleeping worker is woken only by who finds the queue
        empty, because that is a transaction of its own in another database, which takes more time than all else
        here. The others' customers are scored by the same job, or by the next, which comes within a minute.

        :return: ``{partner id: tier id}`` of those of ``partners`` who are in a tier of ``company``
        """
        # sudo: who confirms an order need not see the company
        if not partners or not company.sudo().active:
            return {}
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        # Somebody may have deleted the job; the nightly run still comes.
        job = jobs.get(self.env, jobs.REFRESH)
        rows = self.env.execute_query(
            SQL(
                """
                WITH partner AS (
                    SELECT id, commercial_partner_id FROM res_partner WHERE id IN %(partners)s),
                queued AS (
                    INSERT INTO customer_tiering_refresh (partner_id, company_id, reason, user_id)
                    SELECT customer, %(company)s::int, %(reason)s, %(user)s::int
                      FROM (SELECT commercial_partner_id AS customer FROM partner
                             UNION
                            -- Whose purchases those from before they moved are.
                            SELECT customer.commercial_partner_id
                              FROM customer_tiering_former former
                              JOIN res_partner customer ON customer.id = former.customer_id
                             WHERE former.partner_id IN %(partners)s) affected
                     -- Imports into the database leave contacts of nobody: the person's work goes on all the same.
                     WHERE customer IS NOT NULL),
                called AS (
                    INSERT INTO ir_cron_trigger (cron_id, call_at)
                    SELECT id, %(now)s FROM ir_cron WHERE id = %(job)s AND active)
                SELECT id,
                       (SELECT tier_id FROM customer_tiering_scorecard card
                         WHERE card.partner_id = commercial_partner_id AND card.company_id = %(company)s),
                       NOT EXISTS (SELECT FROM customer_tiering_refresh)
                  FROM partner
                """,
                company=company.id,
                reason=reason,
                user=self.env.uid,
                partners=tuple(partners.ids),
                job=job.id or None,
                now=fields.Datetime.now(),
            )
        )
        if job and any(was_empty for *_others, was_empty in rows):
            self.env.cr.postcommit.add(job._notifydb)
        return {partner_id: tier_id for partner_id, tier_id, _was_empty in rows if tier_id}

    @api.model
    def _add_affected(self, records):
        """Queue the customers whose purchases or returns ``records`` are, as the purchase sources say.

        :param records: orders, moves or whatever else a source knows
        :return: ``{company: {partner id: tier id}}`` of the affected partners who are in a tier
        """
        affected = defaultdict(self.env["res.partner"].browse)
        used = self.env["customer.tiering.policy"]._get_used_sources()
        for key, source in self.env["customer.tiering.reader"]._get_purchase_sources().items():
            for company, partners in source.get_affected(records).items():
                # A company whose policies are gone is treated as a new one, whose policy reads orders.
                if key in used.get(company.id, (sources.scope.ORDER,)):
                    affected[company] |= partners
        return {company: self._add(partners, company, "instant") for company, partners in affected.items()}

    @api.model
    def _process_now(self, company, partners):
        """Score ``partners``, who wait, in the present transaction, unless a run is under way or was a moment ago."""
        try:
            with self.env.cr.savepoint():
                self._process(company, partners[:BATCH])
        # Unique: a run that this transaction cannot see has given a customer the first scorecard.
        except (RunUnderWayError, psycopg2.errors.UniqueViolation):
            _logger.info("Company %s is being computed; its waiting customers follow afterwards.", company.id)

    @api.model
    def _cron_process(self):
        """Score the waiting customers, company by company; those of an archived one wait until it is restored."""
        waiting = dict(self._read_group([("company_id.active", "=", True)], ["company_id"], ["__count"]))
        left = sum(waiting.values())
        jobs.begin(self.env, left=left)
        for company, count in waiting.items():
            self.env["customer.tiering.concession"]._record_before(company)
            while done := self._process_and_commit(company):
                if not jobs.commit(self.env, done):
                    return
            # Those who wait for a run come back by a trigger of their own; Odoo would repeat the job at once for them.
            left -= count
            if not jobs.commit(self.env, left=left):
                return

    def _process_and_commit(self, company):
        try:
            return self._process(company)
        except (*RETRYABLE, RunUnderWayError) as error:
            # The rows stay: the job comes back.
            self.env.cr.rollback()
            _logger.info("Customers of company %s wait: %s", company.id, str(error).strip())
            jobs.call_again(self.env, jobs.REFRESH)
            jobs.commit(self.env)
            return 0
        except Exception:
            # The other companies shall not wait for this one, whose customers the hourly call tries again.
            _logger.exception("The waiting customers of company %s cannot be scored", company.id)
            self.env.cr.rollback()
            return 0

    @api.model
    def _process(self, company, partners=None):
        """Score up to ``BATCH`` waiting customers of a company and return how many rows are done.

        :param partners: only these; all who wait when left out
        :raises RunUnderWayError: when a run of the company is under way
        """
        domain = Domain("company_id", "=", company.id)
        if partners is not None:
            domain &= Domain("partner_id", "in", partners.ids)
        rows = self.search(domain, limit=BATCH) if company.active else self
        if not rows:
            return 0
        runs = self.env["customer.tiering.run"].sudo()
        runs._lock_company(company)
        if "moved" in rows.mapped("reason"):
            self.env["customer.tiering.former"].sudo()._settle_pending()
            rows = rows.exists()
        for policy in self.env["customer.tiering.policy"].sudo().search([("company_id", "=", company.id)]):
            runs._refresh(policy, rows)
        count = len(rows)
        rows.unlink()
        return count
