import secrets

from babel.dates import format_skeleton

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools import SQL
from odoo.tools.misc import babel_locale_parse, get_lang

from .. import engine, jobs, triggers
from ..sentences import format_number
from .customer_tiering_playbook_step import Texts
from .customer_tiering_trial import MANAGERS, MOST_HELD_OUT, RANGES, USUAL_RISE, USUAL_SHARE


class CustomerTieringPlaybook(models.Model):
    """What to do when a customer enters, leaves or neglects a tier.

    A playbook only says what is to be done; ``customer.tiering.followup`` does it.
    """

    _name = "customer.tiering.playbook"
    _inherit = ["customer.tiering.trial", "customer.tiering.typed"]
    _description = "Customer Tiering Playbook"
    _effect_field = "playbook_id"
    _order = "sequence, id"
    _names_copies = True
    _check_company_auto = True

    _typed_ranges = {
        **dict.fromkeys(("cooldown_days", "day_limit", "user_day_limit", "user_open_limit", "contact_days"), (0, None)),
        "weeks_ahead": (1, 13),
        **RANGES,
        "effect_events": (0, None),
    }

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    policy_id = fields.Many2one(
        "customer.tiering.policy",
        required=True,
        ondelete="cascade",
        index=True,
        domain="[('is_simulation', '=', False)]",
        default=lambda self: self.env["customer.tiering.policy"].search(
            [("company_id", "=", self.env.company.id)], limit=1
        ),
    )
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    enabled = fields.Boolean(
        string="Switched On", readonly=True, copy=False, help="Only playbooks that are switched on plan follow-ups."
    )
    enabled_since = fields.Date(
        string="On Since", readonly=True, copy=False, help="What happened before this day starts nothing."
    )
    trigger = fields.Selection(
        [
            ("enter", "Customer reaches a tier"),
            ("up", "Customer leaves a tier upward"),
            ("down", "Customer leaves a tier downward"),
            ("pending", "Downgrade is announced"),
            ("foreseen", "Downgrade is foreseen"),
            ("risk", "Customer is at risk"),
            ("segment", "Customer enters a segment"),
            ("contact", "No interaction for some time"),
            ("anniversary", "Anniversary of the first order"),
            ("first_order", "First order"),
        ],
        string="When",
        required=True,
        default="enter",
    )
    tier_ids = fields.Many2many(
        "customer.tier",
        "customer_tiering_playbook_tier_rel",
        string="Tiers",
        domain="[('policy_id', '=', policy_id)]",
        help="Only for these tiers: the tier that the customer reaches, leaves or is in. Empty: all tiers.",
    )
    segment_ids = fields.Many2many(
        "customer.segment",
        "customer_tiering_playbook_segment_rel",
        string="Segments",
        help="Only for customers in these segments. Empty: all segments.",
    )
    motive_ids = fields.Many2many(
        "customer.tiering.motive",
        "customer_tiering_playbook_motive_rel",
        string="Buying Motives",
        help="Only for customers to whom one of these matters. Empty: whatever matters to them.",
    )
    risk_level = fields.Selection(
        [("watch", "Watch or high"), ("high", "High"), ("lost", "Very high")],
        string="Risk",
        required=True,
        default="high",
        help="From which risk of losing the customer on.",
    )
    weeks_ahead = fields.Integer(
        required=True,
        default=4,
        help="So many weeks or less before the tier would end, if nothing more is ordered. 1 to 13.",
    )
    contact_days = fields.Integer(
        string="Days without Interaction",
        help="After so many days without an interaction, such as a call or a meeting. 0: after as many days as each "
        "tier says (“Interaction Every” on the tier).",
    )
    step_ids = fields.One2many("customer.tiering.playbook.step", "playbook_id", string="Steps", copy=True)

    # Who
    assign = fields.Selection(
        [
            ("customer", "Salesperson of the customer"),
            ("order", "Salesperson of the last order"),
            ("leader", "Team leader"),
            ("team", "Team, in turn: who has the fewest open activities"),
            ("user", "One person"),
        ],
        string="Assigned To",
        required=True,
        default="customer",
    )
    user_id = fields.Many2one(
        "res.users", string="Person", domain=lambda self: self.env["res.users"]._get_tiering_able_domain()
    )
    team_id = fields.Many2one(
        "crm.team",
        string="Sales Team",
        check_company=True,
        help="For “Team leader” it may stay empty: then the leader of the salesperson's team.",
    )
    fallback_user_id = fields.Many2one(
        "res.users",
        string="If Nobody Is Found",
        domain=lambda self: self.env["res.users"]._get_tiering_able_domain(),
        help="A follow-up goes to the first of these who can do it: whoever is chosen above, the tier's account "
        "manager, this person. Nobody can do it who has left, has no access to the company or may not work with "
        "sales. Empty: the follow-up waits.",
    )

    # Limits
    cooldown_days = fields.Integer(
        string="Days between Two",
        default=30,
        help="A customer who had a follow-up of this playbook gets no other one for so many days. 0: no limit.",
    )
    day_limit = fields.Integer(
        string="At Most per Day",
        help="More wait for the next day, the customers with the highest score first. 0: no limit.",
    )
    user_day_limit = fields.Integer(
        string="At Most per Person and Day",
        default=10,
        help="New follow-ups of this playbook for one person on one day; more wait for the next day. 0: no limit.",
    )
    user_open_limit = fields.Integer(
        string="At Most Open per Person",
        default=30,
        help="Somebody with so many open follow-ups of this playbook gets no new one. 0: no limit.",
    )
    only_without_open = fields.Boolean(
        string="One at a Time",
        default=True,
        help="Nothing new for a customer who has an open follow-up of this playbook.",
    )

    # Whether it works, beside what all have that hold customers out.
    effect_events = fields.Integer(
        string="Judged After",
        groups=MANAGERS,
        help="So many customers, of both groups together, and no fewer: who looks again and again finds an effect by "
        "chance.",
    )
    effect_ids = fields.One2many("customer.tiering.effect", "playbook_id", groups=MANAGERS)
    # Which draw it is.
    draw = fields.Integer(default=1, copy=False, groups=fields.NO_ACCESS)

    waiting_count = fields.Integer(string="Waiting", compute="_compute_counts")
    held_count = fields.Integer(string="Held Back", compute="_compute_counts")
    open_count = fields.Integer(string="Open", compute="_compute_counts")
    problem = fields.Text(compute="_compute_problem", help="Why follow-ups of this playbook wait.")
    only_limited = fields.Boolean(compute="_compute_problem", help="They wait only because of the limits.")

    _limits_positive = models.Constraint(
        "CHECK(cooldown_days >= 0 AND day_limit >= 0 AND user_day_limit >= 0 AND user_open_limit >= 0 "
        "AND contact_days >= 0)",
        "Limits and numbers of days are 0 or more; 0 means no limit.",
    )
    _held_out_range = models.Constraint(
        f"CHECK(held_out_percent BETWEEN 0 AND {MOST_HELD_OUT} AND effect_days >= 0 AND effect_events >= 0)",
        f"Hold out 0 to {MOST_HELD_OUT}%; days and numbers of customers are 0 or more.",
    )
    _weeks_ahead_range = models.Constraint(
        "CHECK(weeks_ahead BETWEEN 1 AND 13)", "“Weeks Ahead” is 1 to 13: no downgrade is foreseen for longer."
    )
    # Runs rely on it. An import, for one, writes what the form does not let people write.
    _enabled_since = models.Constraint(
        "CHECK(enabled_since IS NOT NULL OR enabled IS NOT TRUE)",
        "A playbook is switched on by its button, so that it knows since when.",
    )

    # ------------------------------------------------------------------
    # Defaults
    # ------------------------------------------------------------------

    @api.model
    def _get_default_values(self):
        """Return the values of the playbooks that every policy starts with, all switched off."""
        call = self.env.ref("mail.mail_activity_data_call", raise_if_not_found=False)
        todo = self.env.ref("mail.mail_activity_data_todo", raise_if_not_found=False)
        todo = todo or self.env["mail.activity.type"].search([("res_model", "in", (False, "res.partner"))], limit=1)
        call = call or todo
        if not call:  # somebody deleted all types of activities
            return []

        def step(activity_type, days, summary, note):
            return [
                Command.create(
                    {"activity_type_id": activity_type.id, "days": days, "summary": summary, "note": f"<p>{note}</p>"}
                )
            ]

        return [
            {
                "name": self.env._("Welcome to a higher tier"),
                "trigger": "enter",
                "step_ids": step(
                    call,
                    2,
                    self.env._("Welcome {{ customer }} to {{ tier }}"),
                    self.env._("{{ customer }} has reached {{ tier }}. Tell them what they can expect from you now."),
                ),
            },
            {
                "name": self.env._("Win back before the downgrade"),
                "trigger": "pending",
                "step_ids": step(
                    call,
                    3,
                    self.env._("{{ customer }} will fall to {{ next_tier }}"),
                    self.env._(
                        "On {{ date }} {{ customer }} falls from {{ tier }} to {{ next_tier }}. "
                        "An order of {{ missing_amount }} keeps the tier."
                    ),
                ),
            },
            {
                "name": self.env._("Call customers at risk"),
                "trigger": "risk",
                "step_ids": step(
                    call,
                    2,
                    self.env._("{{ customer }} may be slipping away"),
                    self.env._("{{ reason }} Call {{ customer }} and ask what they need."),
                ),
            },
            {
                "name": self.env._("Regular care"),
                "trigger": "contact",
                "cooldown_days": 0,
                "step_ids": step(
                    call,
                    5,
                    self.env._("Keep in touch with {{ customer }}"),
                    self.env._("Last interaction: {{ last_contact }}. Last order: {{ last_order }}."),
                ),
            },
            {
                "name": self.env._("Thank-you after the first order"),
                "trigger": "first_order",
                "step_ids": step(
                    todo,
                    1,
                    self.env._("Thank {{ customer }} for the first order"),
                    self.env._("{{ customer }} ordered for the first time on {{ last_order }}."),
                ),
            },
        ]

    # ------------------------------------------------------------------
    # What starts it
    # ------------------------------------------------------------------

    @api.model
    def _get_trigger_classes(self):
        """Return the class of each trigger. Other modules add theirs, see ``triggers.py``."""
        return {
            "enter": triggers.Enter,
            "up": triggers.Up,
            "down": triggers.Down,
            "pending": triggers.Pending,
            "foreseen": triggers.Foreseen,
            "risk": triggers.Risk,
            "segment": triggers.Segment,
            "contact": triggers.NoInteraction,
            "anniversary": triggers.Anniversary,
            "first_order": triggers.FirstOrder,
        }

    def _get_trigger(self):
        """Return what starts the playbook."""
        self.ensure_one()
        return self._get_trigger_classes()[self.trigger](self)

    # ------------------------------------------------------------------
    # What a playbook must be
    # ------------------------------------------------------------------

    @api.constrains("trigger", "held_out_percent")
    def _check_held_out(self):
        for playbook in self:
            if playbook.held_out_percent and not playbook._get_trigger().may_hold_out:
                raise ValidationError(
                    self.env._(
                        "“%(playbook)s” answers what customers wait for, or tells them of a disadvantage. Nobody may "
                        "be held out of that: set “Held Out (%%)” to 0.",
                        playbook=playbook.name,
                    )
                )

    def _propose_effect(self, percent):
        values = super()._propose_effect(percent)
        if 0 < percent <= MOST_HELD_OUT and not self.effect_events:
            values["effect_events"] = engine.effect.count_needed(USUAL_SHARE, USUAL_RISE, percent)
        return values

    def _get_trial_policy(self):
        return self.policy_id._origin or self.policy_id

    def _get_planned_events(self, percent):
        return self.effect_events or self._propose_effect(percent).get("effect_events")

    def _get_first_effect_day(self):
        return int(self._get_trigger().may_follow_purchase)

    @api.constrains("trigger", "segment_ids", "assign", "user_id", "team_id", "fallback_user_id", "tier_ids")
    def _check_definition(self):
        for playbook in self:
            if problem := playbook._get_trigger().get_definition_problem():
                raise ValidationError(problem)
            if playbook.assign == "user" and not playbook.user_id:
                raise ValidationError(self.env._("Choose the person who does “%(playbook)s”.", playbook=playbook.name))
            if playbook.assign == "team" and not playbook.team_id:
                raise ValidationError(
                    self.env._("Choose the sales team whose members do “%(playbook)s”.", playbook=playbook.name)
                )
            if foreign := playbook.tier_ids.filtered_domain([("policy_id", "!=", playbook.policy_id.id)]):
                raise ValidationError(
                    self.env._(
                        "%(tier)s is no tier of the policy %(policy)s. Choose tiers of this policy, or none for all.",
                        tier=foreign[0].name,
                        policy=playbook.policy_id.name,
                    )
                )
            named = playbook.fallback_user_id
            if playbook.assign == "user":
                named |= playbook.user_id
            for user in named - named._filter_tiering_able(playbook.company_id):
                raise ValidationError(
                    self.env._(
                        "%(reason)s Choose somebody else for “%(playbook)s”.",
                        reason=user._get_tiering_problem(playbook.company_id),
                        playbook=playbook.name,
                    )
                )

    def _check_ready(self):
        """Refuse to switch on what could do nothing.

        :raises UserError: with what to do about it
        """
        for playbook in self:
            if not playbook.step_ids:
                raise UserError(
                    self.env._("“%(playbook)s” has no step. Add what is to be done.", playbook=playbook.name)
                )
            if problem := playbook._get_trigger().get_ready_problem():
                raise UserError(problem)
            if not playbook.active or not playbook.policy_id.active:
                raise UserError(
                    self.env._(
                        "“%(playbook)s” or its policy is archived. Restore it before you switch it on.",
                        playbook=playbook.name,
                    )
                )
            playbook.step_ids._check_ready()

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_switch(vals)
            vals |= {"enabled": vals.get("enabled", False), "enabled_since": vals.get("enabled_since", False)}
        playbooks = super().create(vals_list)
        playbooks._fill_effect()
        return playbooks

    def _check_switch(self, vals):
        """Refuse what only the button does."""
        if (vals.get("enabled") or vals.get("enabled_since")) and not self.env.su:
            raise UserError(self.env._("A playbook is switched on by its button, so that it knows since when."))

    def write(self, vals):
        self._check_switch(vals)
        if "policy_id" in vals and any(playbook.policy_id.id != vals["policy_id"] for playbook in self):
            raise UserError(self.env._("A playbook stays in its policy. Copy it and choose the policy of the copy."))
        if vals.get("active") is False:
            self.filtered("enabled").action_disable()
        result = super().write(vals)
        if not vals.keys().isdisjoint(("held_out_percent", "effect_days", "effect_events")):
            self._fill_effect()
        if "trigger" in vals:
            # They started for another reason.
            self._search_followups("waiting", "held").unlink()
            self._draw_anew()
        return result

    def _search_followups(self, *states):
        """Return the follow-ups in these states; there may be very many in others."""
        # sudo: follow-ups are written by playbooks only
        return (
            self.env["customer.tiering.followup"]
            .sudo()
            .search([("playbook_id", "in", self.ids), ("state", "in", states)])
        )

    # ------------------------------------------------------------------
    # Computed fields
    # ------------------------------------------------------------------

    def _compute_counts(self):
        counts = {
            (playbook, state): count
            for playbook, state, count in self.env["customer.tiering.followup"]._read_group(
                [("playbook_id", "in", self.ids), ("state", "in", ("waiting", "held"))],
                ["playbook_id", "state"],
                ["__count"],
            )
        }
        opened = dict(
            self.env["customer.tiering.followup"]._read_group(
                [("playbook_id", "in", self.ids), ("state", "=", "open"), ("activity_id.active", "=", True)],
                ["playbook_id"],
                ["__count"],
            )
        )
        for playbook in self:
            playbook.waiting_count = counts.get((playbook, "waiting"), 0)
            playbook.held_count = counts.get((playbook, "held"), 0)
            playbook.open_count = opened.get(playbook, 0)

    @api.depends("enabled")
    @api.depends_context("lang")
    def _compute_problem(self):
        problems = dict(self.env["customer.tiering.followup"]._fields["problem"]._description_selection(self.env))
        groups = self.env["customer.tiering.followup"]._read_group(
            [("playbook_id", "in", self.ids), ("state", "=", "waiting"), ("problem", "!=", False)],
            ["playbook_id", "problem"],
            ["__count"],
        )
        for playbook in self:
            counts = {problem: count for owner, problem, count in groups if owner == playbook}
            playbook.problem = "\n".join(
                self.env._(
                    "%(count)s wait: %(problem)s",
                    count=format_number(self.env, count),
                    problem=problems[problem],
                )
                for problem, count in counts.items()
            )
            playbook.only_limited = counts.keys() <= {"day_limit", "user_limit"}

    @api.depends("effect_events")
    def _compute_effect_hint(self):
        return super()._compute_effect_hint()

    def _say_verdict_due(self, events):
        count = self._count_monthly_events().get(self._origin.id)
        return count and self.env._(
            "At about %(count)s a month the verdict comes in %(month)s.",
            count=format_number(self.env, count),
            month=self._format_month(events / count, self.effect_days),
        )

    @api.model
    def _format_month(self, months, days):
        """Return the month that begins, or is under way, so many months and days from today, in words."""
        day = fields.Date.add(fields.Date.today(), days=round(min(months, 1200) * 365 / 12) + days)
        return format_skeleton("yMMMM", day, locale=babel_locale_parse(get_lang(self.env).code))

    def _count_monthly_events(self):
        """Return ``{id: number}`` of the customers a month whom a playbook followed up, or held out, lately."""
        today = fields.Date.today()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT playbook_id, COUNT(DISTINCT partner_id), %(today)s - MIN(planned_on) + 1
                  FROM customer_tiering_followup
                 WHERE playbook_id = ANY(%(ids)s) AND planned_on > %(since)s
              GROUP BY 1
                """,
                ids=self._origin.ids,
                today=today,
                since=fields.Date.subtract(today, days=90),
            )
        )
        return {id_: round(count * 30 / days) for id_, count, days in rows if days >= 30}

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def _draw_anew(self):
        """Have other customers held out, and compare only those."""
        for playbook in self.sudo():  # sudo: nobody is to know who is drawn
            playbook.write({"salt": secrets.token_hex(8), "draw": playbook.draw + 1})
        self.sudo().effect_ids.unlink()

    def action_draw_anew(self):
        """Hold out other customers from now on. What was drawn before counts no more."""
        self.check_access("write")
        self._draw_anew()

    def _say_nobody_drawn(self):
        return self.env._(
            "“%(playbook)s” has held nobody out yet, so what it does cannot be told. Set “Held Out (%%)” on the page "
            "Effect.",
            playbook=self.name,
        )

    def _get_drawn_query(self):
        """Of the present draw, and as long as somebody was held out."""
        return SQL(
            """
            SELECT partner_id, MIN(planned_on), (ARRAY_AGG(drawn_percent ORDER BY id))[1]::float8,
                   BOOL_AND(is_held_out),
                   BOOL_OR(drawn_percent IS NULL) OR BOOL_OR(is_held_out) AND NOT BOOL_AND(is_held_out)
              FROM customer_tiering_followup
             WHERE playbook_id = %s AND draw = %s AND planned_on <= %s
          GROUP BY 1
          ORDER BY 2, 1
            """,
            self.id,
            self.draw,
            self.effect_until or fields.Date.to_date("9999-12-31"),
        )

    def _count_touched(self, held, days):
        """Those for whom a person planned an activity of the playbook's kind within the days, or the playbook did, once
        it held out nobody any more."""
        ((count,),) = self.env.execute_query(
            SQL(
                """
                SELECT COUNT(*)
                  FROM unnest(%(partners)s::int[], %(days)s::date[]) AS held (partner_id, day)
                 WHERE EXISTS (SELECT FROM res_partner contact
                                 JOIN mail_activity activity ON activity.res_id = contact.id
                                  AND activity.res_model = 'res.partner'
                                WHERE contact.commercial_partner_id = held.partner_id
                                  AND activity.automated IS NOT TRUE AND activity.activity_type_id = ANY(%(types)s)
                                  AND (activity.create_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date
                                      BETWEEN held.day AND held.day + %(count)s - 1)
                    OR EXISTS (SELECT FROM customer_tiering_followup followup
                                WHERE followup.playbook_id = %(playbook)s AND followup.partner_id = held.partner_id
                                  AND (followup.draw IS NULL OR followup.planned_on > %(until)s)
                                  AND followup.planned_on BETWEEN held.day AND held.day + %(count)s - 1)
                """,
                partners=held["partner"].tolist(),
                days=held["day"].tolist(),
                types=(self.step_ids.activity_type_id | self.step_ids.plan_id.template_ids.activity_type_id).ids,
                count=days,
                timezone=self.company_id._get_tiering_timezone().key,
                playbook=self.id,
                until=self.effect_until or None,
            )
        )
        return count

    def action_enable(self):
        """Switch on: from today, what happens to customers starts follow-ups."""
        self.check_access("write")
        self._check_ready()
        for playbook in self.filtered(lambda playbook: not playbook.enabled):
            # sudo: only this button writes it; the person's right was checked above
            playbook.sudo().write({"enabled": True, "enabled_since": playbook.company_id._get_tiering_today()})
            # How customers are now is known from the last run; what happens comes with the next ones.
            self.env["customer.tiering.followup"].sudo()._collect_present(playbook)
        self._call_job()

    def action_disable(self):
        """Switch off: what waits is forgotten; open activities stay, and so does what is held back."""
        self.check_access("write")
        self._search_followups("waiting").unlink()
        self.write({"enabled": False, "enabled_since": False})

    def action_preview(self):
        """Open what the playbook would do now."""
        self.ensure_one()
        self.check_access("write")
        preview = self.env["customer.tiering.playbook.preview"].create([{"playbook_id": self.id}])
        return preview.action_compute()

    def action_release(self):
        """Plan the follow-ups that were held back."""
        self.check_access("write")
        self._search_followups("held").state = "waiting"
        self._call_job()

    def action_drop(self):
        """Forget the follow-ups that were held back, for good."""
        self.check_access("write")
        self._search_followups("held").write({"state": "skipped", "problem": "dropped"})

    def _call_job(self, at=None):
        """Have follow-ups of these playbooks planned and closed in the background.

        :param at: a ``datetime`` (UTC); soon when left out
        """
        # Somebody may have deleted the job; the follow-ups wait until it is there again.
        jobs.call(self.env, jobs.FOLLOWUPS, at)

    @api.readonly
    def action_open_followups(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_tiering.customer_tiering_followup_report_action"
        )
        action["domain"] = [("playbook_id", "=", self.id)]
        action["context"] = {key: value for key, value in self.env.context.items() if key.startswith("search_default_")}
        if "search_default_planned" not in action["context"]:  # who they are, not how many
            action["views"] = sorted(action["views"], key=lambda view: view[1] != "list")
        return action

    def _get_texts(self, partner_ids):
        """Return what fills in the placeholders of the steps for customers."""
        self.ensure_one()
        return Texts(self, partner_ids)
