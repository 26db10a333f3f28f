from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .. import languages, sources

# Of so many rows of a table a part is as good as the whole to tell a percentage.
SAMPLED_ROWS = 50_000
# With fewer lines than this a sample says nothing of a company.
SAMPLED_ENOUGH = 1_000


class ResCompany(models.Model):
    _inherit = "res.company"

    tiering_nightly = fields.Boolean(
        string="Nightly Customer Tiering",
        default=True,
        help="Score the customers of this company every night.",
    )
    tiering_day_minutes = fields.Integer(
        string="Minutes for Customers a Day",
        default=240,
        help="How long a salesperson talks to customers on a day: “My Day” shows as many customers as fit.",
    )
    _tiering_day_minutes_positive = models.Constraint(
        "CHECK(tiering_day_minutes BETWEEN 1 AND 1440)",
        "A day has from 1 minute to 1,440 minutes for customers.",
    )
    tiering_check_data = fields.Boolean(
        string="Check Data",
        help="Before the customers are scored in the background, look for data that would make tiers wrong, such as "
        "customers who are probably one.",
    )
    tiering_ledger = fields.Boolean(
        string="What Tiers Give",
        help="Keep what confirmed orders would cost without the tier of the customer.",
    )
    tiering_ledger_since = fields.Datetime(
        string="What Tiers Give Kept Since",
        compute="_compute_tiering_ledger_since",
        store=True,
        groups=fields.NO_ACCESS,
        help="What was confirmed before is not looked at: nobody knows what it would have cost then.",
    )
    tiering_policy_ids = fields.One2many(
        "customer.tiering.policy", "company_id", string="Tiering Policies", groups="sales_team.group_sale_salesman"
    )

    tiering_segments_since = fields.Date(
        string="Segments Known Since",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="The day from which on it is kept which segment customers leave, where they had one before.",
    )

    tiering_steps = fields.Json(
        string="First Steps Taken",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="Which of the first steps of the overview somebody has taken that leave no other trace.",
    )
    tiering_steps_dismissed = fields.Boolean(
        string="First Steps Dismissed", readonly=True, copy=False, groups=fields.NO_ACCESS
    )

    @api.depends("tiering_ledger")
    def _compute_tiering_ledger_since(self):
        for company in self:
            since = company.tiering_ledger_since or fields.Datetime.now()
            company.tiering_ledger_since = company.tiering_ledger and since

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        companies.sudo()._create_default_tiering_policy()
        return companies

    def unlink(self):
        self.check_access("unlink")
        self.env.flush_all()
        # The policies too: PostgreSQL, which would take them along, first changes some of their tiers.
        for table in (
            "customer_tiering_scorecard",
            "customer_tier_change",
            "customer_segment_change",
            "customer_tiering_policy",
        ):
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

    def _hides_tiering_customers(self):
        """Whether there are scorecards in the company that the person may not see."""
        self.ensure_one()
        cards = self.env["customer.tiering.scorecard"]
        seen = self.env["ir.rule"]._get_tiering_domain(cards._name)
        # sudo: whether there are some
        return not seen.is_true() and bool(
            cards.sudo().search_count(Domain("company_id", "=", self.id) & ~seen, limit=1)
        )

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
        anything was invoiced; of a sample where there is more than a person waits for."""
        self.ensure_one()
        self.env.flush_all()
        moves, orders = self._get_tiering_sample("account_move"), self._get_tiering_sample("sale_order")
        direct, invoiced, ordered, count = self._read_tiering_revenue(moves, orders)
        if count < SAMPLED_ENOUGH and moves[1] > 1:  # a small company beside large ones
            direct, invoiced, ordered, _count = self._read_tiering_revenue((SQL(), 1), (SQL(), 1))
        direct, ordered = max(float(direct), 0.0), max(float(ordered), 0.0)
        return (100 * direct / (direct + ordered) if direct else 0.0), invoiced > 0

    def _read_tiering_revenue(self, moves, orders):
        """Return what was invoiced without an order, invoiced and ordered in the last 12 months, and how many lines.

        :param moves: what :meth:`_get_tiering_sample` returned of invoices
        :param orders: the same of orders
        """
        scope = self._get_tiering_scope(self._get_tiering_today(), 365)
        (row,) = self.env.execute_query(
            SQL(
                """
                SELECT COALESCE(-SUM(line.balance) FILTER (WHERE NOT %(is_linked)s), 0) * %(moves)s,
                       COALESCE(-SUM(line.balance), 0),
                       (SELECT COALESCE(SUM(%(money)s), 0) * %(orders)s FROM sale_order %(sample_of_orders)s
                         WHERE company_id = %(company)s AND state = 'sale' AND date_order::date > %(window_start)s),
                       COUNT(*)
                  FROM account_move move %(sample_of_moves)s
                  JOIN account_move_line line ON line.move_id = move.id AND line.display_type = 'product'
                 WHERE %(is_invoice)s AND %(is_income)s AND move.invoice_date > %(window_start)s
                """,
                moves=moves[1],
                sample_of_moves=moves[0],
                orders=orders[1],
                sample_of_orders=orders[0],
                money=sources.orders.get_money(),
                is_linked=sources.billing.is_linked(),
                is_invoice=sources.billing.is_invoice(scope),
                is_income=sources.billing.is_income(self.env["customer.tiering.reader"]._get_advance_products()),
                **scope.parameters,
            )
        )
        return row

    @api.model
    def _get_tiering_sample(self, table):
        """Return what makes a SELECT read a random part of a large table, and how many times more there is.

        :return: ``(SQL to put behind the table's alias, a factor)``; the whole table, and 1, where it is not large
        """
        ((rows,),) = self.env.execute_query(SQL("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", table))
        if rows <= SAMPLED_ROWS:
            return SQL(), 1
        percent = 100 * SAMPLED_ROWS / rows
        return SQL("TABLESAMPLE SYSTEM (%s) REPEATABLE (1)", percent), 100 / percent
