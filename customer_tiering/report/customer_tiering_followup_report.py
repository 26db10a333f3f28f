from odoo import api, fields, models
from odoo.tools import SQL

from ..models.customer_tiering_playbook import MANAGERS

# An order so many days after a follow-up counts as following it.
ORDER_DAYS = 30


class CustomerTieringFollowupReport(models.Model):
    """Whether people do what playbooks ask for: a row per follow-up, with what has become of its activity.

    The day promised when the follow-up was planned counts, also where somebody moved the activity to a later day.
    """

    _name = "customer.tiering.followup.report"
    _description = "Report of Follow-ups"
    _tiering_customer = "partner_id"
    _tiering_owner = "user_id"
    _auto = False
    _rec_name = "partner_id"
    _order = "planned_on desc, id desc"
    _depends = {
        "customer.tiering.former": ["customer_id", "moved_at", "partner_id"],
        "customer.tiering.followup": [
            *("activity_id", "company_id", "date", "date_deadline", "partner_id", "plan_template_id"),
            *("draw", "is_held_out", "planned_on", "playbook_id", "problem", "state", "step_id", "tier_id", "user_id"),
        ],
        "customer.tiering.playbook": ["policy_id", "trigger"],
        "customer.tiering.playbook.step": ["activity_type_id", "mail_template_id", "server_action_id", "summary"],
        "ir.actions.server": ["name"],
        "mail.activity": ["active", "activity_type_id", "date_done", "summary", "user_id"],
        "mail.activity.plan.template": ["activity_type_id", "summary"],
        "mail.activity.type": ["name"],
        "mail.template": ["name"],
        "res.partner": ["commercial_partner_id"],
        "account.move": ["amount_untaxed", "company_id", "invoice_date", "move_type", "partner_id", "state"],
        "customer.tiering.policy": ["revenue_from"],
        "sale.order": ["amount_untaxed", "company_id", "date_order", "partner_id", "state"],
    }

    playbook_id = fields.Many2one("customer.tiering.playbook", readonly=True)
    trigger = fields.Selection(selection="_get_triggers", string="When", readonly=True)
    policy_id = fields.Many2one("customer.tiering.policy", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    tier_id = fields.Many2one("customer.tier", readonly=True, help="The tier of the customer at that time.")
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color", aggregator=None)
    user_id = fields.Many2one(
        "res.users",
        string="Person",
        readonly=True,
        help="The person who has to do it, or did it; nobody yet while it waits.",
    )
    summary = fields.Char(string="What", readonly=True)
    date = fields.Date(string="Day of the Event", readonly=True)
    planned_on = fields.Date(readonly=True)
    date_deadline = fields.Date(
        string="Due",
        readonly=True,
        help="The day promised when it was planned; moving the activity does not change it.",
    )
    date_done = fields.Date(string="Done On", readonly=True)
    status = fields.Selection(
        [
            ("held", "Held back"),
            ("waiting", "Waiting"),
            ("open", "Open"),
            ("overdue", "Overdue"),
            ("in_time", "Done in time"),
            ("late", "Done late"),
            ("cancelled", "Cancelled"),
            ("closed", "Not needed any more"),
            ("mailed", "E-mail sent"),
            ("ran", "Server action run"),
            ("skipped", "Skipped"),
        ],
        readonly=True,
        help="Cancelled: somebody deleted the activity. Not needed any more: its reason had gone, for example because "
        "the customer bought, before anybody did it.",
    )
    problem = fields.Selection(
        selection="_get_problems", string="Reason", readonly=True, help="Why it waits, or was skipped or closed."
    )

    created_count = fields.Integer(
        string="Created",
        readonly=True,
        help="Activities that were planned for a person; no e-mails, and nothing that waits.",
    )
    in_time_count = fields.Integer(string="Done in Time", readonly=True)
    late_count = fields.Integer(string="Late", readonly=True, help="Done late, or open and overdue.")
    cancelled_count = fields.Integer(string="Cancelled", readonly=True)
    # A row has 100, 0 or nothing, so that the average is the share.
    in_time_share = fields.Float(
        string="Done in Time (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many were done in time, of those that were done, are overdue or were cancelled. What is not due yet "
        "or was not needed any more does not count.",
    )
    delay = fields.Float(
        string="Median Delay (Days)",
        digits=(16, 1),
        readonly=True,
        aggregator="median",
        help="Days from the promised day to the day it was done; below zero: it was done before. Half of the "
        "follow-ups were done sooner than the median, half of them later.",
    )
    order_count = fields.Integer(
        string="Purchases After",
        readonly=True,
        help=f"Purchases of the customer in the {ORDER_DAYS} days after the day on which it was done. One "
        "after two follow-ups counts for both.",
    )
    ordered_share = fields.Float(
        string="Followed by a Purchase (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help=f"How many were followed by a purchase within {ORDER_DAYS} days, of those that were done more than "
        f"{ORDER_DAYS} days ago.",
    )

    def _get_triggers(self):
        return self.env["customer.tiering.playbook"]._fields["trigger"]._description_selection(self.env)

    def _get_problems(self):
        return self.env["customer.tiering.followup"]._fields["problem"]._description_selection(self.env)

    def _read_group_select(self, aggregate_spec, query):
        # Odoo has no median. The views pass on whatever aggregator a field has.
        fname, _separator, aggregator = aggregate_spec.partition(":")
        if aggregator == "median" and fname == "delay":
            return SQL("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY %s)", self._field_to_sql(self._table, fname, query))
        return super()._read_group_select(aggregate_spec, query)

    # ------------------------------------------------------------------
    # The query
    # ------------------------------------------------------------------

    @property
    def _table_query(self):
        return SQL("%s %s", self._select(), self._from())

    def _select(self):
        return SQL(
            """
            SELECT followup.id, followup.playbook_id, playbook.trigger, playbook.policy_id, followup.partner_id,
                   followup.company_id, followup.tier_id, COALESCE(activity.user_id, followup.user_id) AS user_id,
                   %(summary)s AS summary, followup.date, followup.planned_on, followup.date_deadline, done.date_done,
                   outcome.status, followup.problem,
                   (outcome.status IN ('open', 'overdue', 'in_time', 'late', 'cancelled', 'closed'))::int
                       AS created_count,
                   (outcome.status = 'in_time')::int AS in_time_count,
                   (outcome.status IN ('late', 'overdue'))::int AS late_count,
                   (outcome.status = 'cancelled')::int AS cancelled_count,
                   CASE WHEN outcome.status = 'in_time' THEN 100.0
                        WHEN outcome.status IN ('late', 'overdue', 'cancelled') THEN 0.0 END AS in_time_share,
                   done.date_done - followup.date_deadline AS delay,
                   CASE WHEN done.date_done IS NULL THEN 0
                        ELSE (SELECT COUNT(*) FROM %(orders)s)::int END AS order_count,
                   CASE WHEN done.date_done + %(order_days)s < company.today
                        THEN 100.0 * (EXISTS (SELECT FROM %(orders)s))::int END AS ordered_share
            """,
            summary=self._get_summary(),
            orders=self._get_orders(),
            order_days=ORDER_DAYS,
        )

    def _from(self):
        return SQL(
            """
              FROM customer_tiering_followup followup
              JOIN %(companies)s ON company.id = followup.company_id
              JOIN customer_tiering_playbook playbook ON playbook.id = followup.playbook_id
              JOIN customer_tiering_policy policy ON policy.id = playbook.policy_id
         LEFT JOIN mail_activity activity ON activity.id = followup.activity_id
         LEFT JOIN customer_tiering_playbook_step step ON step.id = followup.step_id
         LEFT JOIN mail_activity_plan_template template ON template.id = followup.plan_template_id
         LEFT JOIN mail_activity_type activity_type
                ON activity_type.id = COALESCE(activity.activity_type_id, template.activity_type_id,
                                               step.activity_type_id)
         LEFT JOIN mail_template ON mail_template.id = step.mail_template_id
         LEFT JOIN ir_act_server server_action ON server_action.id = step.server_action_id AND step.kind = 'action'
CROSS JOIN LATERAL (SELECT %(done)s AS date_done) done
CROSS JOIN LATERAL (SELECT CASE WHEN followup.state != 'open' THEN followup.state
                                WHEN activity.id IS NULL THEN 'cancelled'
                                WHEN activity.active AND followup.date_deadline < company.today THEN 'overdue'
                                WHEN activity.active THEN 'open'
                                WHEN done.date_done <= followup.date_deadline THEN 'in_time'
                                ELSE 'late' END AS status) outcome
             WHERE followup.is_held_out IS NOT TRUE AND %(is_told)s
            """,
            companies=self._get_companies(),
            done=self._get_done(),
            is_told=self._is_told(),
        )

    def _is_told(self):
        """Return the condition that the person may know of a follow-up: the twin of the rule of follow-ups."""
        if self.env.su or self.env.user.has_group(MANAGERS):
            return SQL("TRUE")
        return SQL("(followup.draw IS NULL OR followup.state IN ('open', 'mailed', 'ran', 'closed'))")

    def _get_companies(self):
        """Return the companies in use with their time zone and what day it is there, as a table ``company``."""
        companies = self.env.companies
        return SQL(
            "unnest(%s::int[], %s::text[], %s::date[]) AS company (id, timezone, today)",
            companies.ids,
            [company._get_tiering_timezone().key for company in companies],
            [company._get_tiering_today() for company in companies],
        )

    def _get_summary(self):
        """Return what is to be done, in words; placeholders have no value before the activity is created."""
        summary, template_summary, type_name, mail_name, action_name = (
            self.env[model]._field_to_sql(alias, fname)
            for model, alias, fname in (
                ("customer.tiering.playbook.step", "step", "summary"),
                ("mail.activity.plan.template", "template", "summary"),
                ("mail.activity.type", "activity_type", "name"),
                ("mail.template", "mail_template", "name"),
                ("ir.actions.server", "server_action", "name"),
            )
        )
        return SQL(
            """COALESCE(NULLIF(activity.summary, ''),
                        regexp_replace(COALESCE(NULLIF(%s, ''), NULLIF(%s, '')), '{{.*?}}', '…', 'g'), %s, %s, %s)""",
            template_summary,
            summary,
            mail_name,
            action_name,
            type_name,
        )

    def _get_done(self):
        """Return the day on which ``activity`` was done, in the company's time zone.

        Odoo keeps the day in UTC, on which an evening in America would be late. The activity was last written
        when it was done, unless that was on another day.
        """
        return SQL(
            """CASE WHEN followup.state = 'open' AND NOT activity.active
                    THEN CASE WHEN activity.write_date::date = activity.date_done
                              THEN (activity.write_date AT TIME ZONE 'UTC' AT TIME ZONE company.timezone)::date
                              ELSE activity.date_done END END"""
        )

    def _get_orders(self):
        """Return the FROM and WHERE of the purchases after a follow-up, by what the playbook's policy takes for one.

        In the list of columns, so that they are only looked up for the rows that are shown.
        """
        arguments = (SQL("followup.partner_id"), SQL("followup.company_id"), SQL("company.timezone"))
        purchases = [
            SQL("SELECT day FROM (%s) bought WHERE policy.revenue_from = %s", source.get_days_query(*arguments), key)
            for key, source in self.env["customer.tiering.reader"]._get_purchase_sources().items()
        ]
        return SQL(
            "(%s) ordered WHERE ordered.day > done.date_done AND ordered.day <= done.date_done + %s",
            SQL(" UNION ALL ").join(purchases),
            ORDER_DAYS,
        )

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    @api.readonly
    def action_open_customer(self):
        """Open the customer, where the activities are."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "views": [(False, "form")],
        }
