from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from odoo import api, fields, models
from odoo.tools import SQL

from .. import languages, sources


class ResCompany(models.Model):
    _inherit = "res.company"

    tiering_nightly = fields.Boolean(
        string="Nightly Customer Tiering",
        default=True,
        help="Score the customers of this company every night.",
    )
    tiering_policy_ids = fields.One2many(
        "customer.tiering.policy", "company_id", string="Tiering Policies", groups="sales_team.group_sale_salesman"
    )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        companies.sudo()._create_default_tiering_policy()
        return companies

    def unlink(self):
        self.check_access("unlink")
        self.env.flush_all()
        # The policies too: PostgreSQL, which would take them along, first changes some of their tiers.
        for table in ("customer_tiering_scorecard", "customer_tier_change", "customer_tiering_policy"):
            self.env.cr.execute(SQL("DELETE FROM %s WHERE company_id = ANY(%s)", SQL.identifier(table), self.ids))
        self.env.invalidate_all(flush=False)
        return super().unlink()

    def _create_default_tiering_policy(self):
        # In the language that stands for all others; a person's own would.
        Policy = self.env["customer.tiering.policy"].with_context(lang="en_US")
        without = self - Policy.with_context(active_test=False).search([("company_id", "in", self.ids)]).company_id
        Policy.create([{**Policy._get_default_values(), "company_id": company.id} for company in without])
        if without:
            languages.translate_delivered(self.env, languages.get_languages(self.env))

    def _get_tiering_timezone(self):
        """Return the time zone whose midnight ends a day of this company, a ``ZoneInfo``."""
        self.ensure_one()
        # sudo: the calendar and the company's own contact may be out of a salesperson's reach
        company = self.sudo()
        try:
            return ZoneInfo(company.partner_id.tz or company.resource_calendar_id.tz or "UTC")
        except (ZoneInfoNotFoundError, ValueError):  # the time zone database has dropped a name
            return ZoneInfo("UTC")

    def _get_tiering_today(self):
        """Return today's date in the company's time zone.

        Only jobs, buttons and what is shown but not stored may ask for it.
        """
        self.ensure_one()
        return datetime.now(self._get_tiering_timezone()).date()

    def _get_tiering_scope(self, as_of, window_days):
        """Return the ``Scope`` of this company as of the end of a day, for reports: it says nothing about customers.

        :param as_of: a ``datetime.date``
        """
        self.ensure_one()
        return sources.scope.Scope(
            company_id=self.id,
            timezone=self._get_tiering_timezone().key,
            decimals=self.currency_id.decimal_places,
            window_days=window_days,
            as_of=as_of,
            documents=tuple(self.env["customer.tiering.reader"]._get_documents()),
        )

    def _get_tiering_revenue_shares(self):
        """Return which percentage of the revenue of the last 12 months was invoiced without an order, and whether
        anything was invoiced."""
        self.ensure_one()
        scope = self._get_tiering_scope(self._get_tiering_today(), 365)
        self.env.flush_all()
        ((direct, invoiced, ordered),) = self.env.execute_query(
            SQL(
                """
                SELECT COALESCE(-SUM(line.balance) FILTER (WHERE NOT %(is_linked)s), 0),
                       COALESCE(-SUM(line.balance), 0),
                       (SELECT COALESCE(SUM(%(money)s), 0) FROM sale_order
                         WHERE company_id = %(company)s AND state = 'sale' AND date_order::date > %(window_start)s)
                  FROM account_move move
                  JOIN account_move_line line ON line.move_id = move.id AND line.display_type = 'product'
                 WHERE %(is_invoice)s AND %(is_income)s AND move.invoice_date > %(window_start)s
                """,
                money=sources.orders.get_money(),
                is_linked=sources.billing.is_linked(),
                is_invoice=sources.billing.is_invoice(scope),
                is_income=sources.billing.is_income(self.env["customer.tiering.reader"]._get_advance_products()),
                **scope.parameters,
            )
        )
        direct, ordered = max(float(direct), 0.0), max(float(ordered), 0.0)
        return (100 * direct / (direct + ordered) if direct else 0.0), invoiced > 0
