from datetime import datetime, time

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date, format_list
from odoo.tools.mail import is_html_empty
from odoo.tools.misc import formatLang
from odoo.tools.rendering_tools import parse_inline_template

from .. import sentences

# More days than this are no follow-up any more, and Odoo looks no further for a working day.
MOST_DAYS = 365
# To look for more takes long; a text of a plan that has more stays as it is.
MOST_PLACEHOLDERS = 50
# What a step of each kind does.
KINDS = {
    "activity": "activity_type_id",
    "plan": "plan_id",
    "mail": "mail_template_id",
    "action": "server_action_id",
}


def _has_too_many(text):
    return text.count("{{") > MOST_PLACEHOLDERS


def _parse(text):
    """Return the parts of a text as ``(literal, placeholder, default)``."""
    return [(text, "", "")] if _has_too_many(text) else parse_inline_template(text)


class CustomerTieringPlaybookStep(models.Model):
    _name = "customer.tiering.playbook.step"
    _inherit = ["customer.tiering.typed"]
    _description = "Customer Tiering Playbook Step"
    _order = "sequence, id"

    _typed_ranges = {"days": (0, MOST_DAYS)}

    playbook_id = fields.Many2one("customer.tiering.playbook", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="playbook_id.company_id")
    sequence = fields.Integer(default=10)
    kind = fields.Selection(
        [
            ("activity", "Activity"),
            ("plan", "Activity plan"),
            ("mail", "E-mail to the customer"),
            ("action", "Server action"),
        ],
        string="Do",
        required=True,
        default="activity",
    )
    activity_type_id = fields.Many2one(
        "mail.activity.type",
        domain="[('res_model', 'in', (False, 'res.partner'))]",
        ondelete="restrict",
        default=lambda self: self.env.ref("mail.mail_activity_data_call", raise_if_not_found=False),
    )
    plan_id = fields.Many2one(
        "mail.activity.plan",
        domain="[('res_model', '=', 'res.partner'), ('company_id', 'in', (company_id, False))]",
        ondelete="restrict",
    )
    mail_template_id = fields.Many2one(
        "mail.template", string="E-mail", domain="[('model', '=', 'res.partner')]", ondelete="restrict"
    )
    # It may run any code: only who may write such actions chooses one. Managers use playbooks that have one.
    server_action_id = fields.Many2one(
        "ir.actions.server",
        domain="[('model_id.model', '=', 'res.partner'), ('usage', '=', 'ir_actions_server')]",
        ondelete="restrict",
        groups="base.group_system",
        help="Runs with the customer as its record, by the system and with its rights, as automation rules by time do. "
        "Use it for webhooks, or to write on the customer. Only administrators choose one.",
    )
    summary = fields.Char(
        translate=True,
        help="May hold placeholders such as {{ customer }}, {{ tier }} or {{ missing_amount }}.",
    )
    note = fields.Html(
        translate=True,
        help="May hold the same placeholders as the summary.",
    )
    asks_needs = fields.Boolean(
        string="Ask for Needs",
        help="The activity asks what the customer needs otherwise than others, and leads to where it is noted. It is "
        "skipped for customers of whom somebody has noted a need that still holds.",
    )
    days = fields.Integer(string="Due In", default=2, help="Days until the activity is due, or the e-mail is sent.")
    day_kind = fields.Selection(
        [("working", "working days"), ("calendar", "days")],
        string="Kind of Days",
        required=True,
        default="working",
        help="Working days follow the company's working hours and public holidays.",
    )
    placeholder_help = fields.Html(compute="_compute_placeholder_help")

    _days_range = models.Constraint(
        f"CHECK(days >= 0 AND days <= {MOST_DAYS})", f"A step is due in 0 to {MOST_DAYS} days."
    )

    @api.model
    def _get_placeholders(self):
        """Return ``{placeholder: what it stands for}``."""
        return {
            "customer": self.env._("the customer's name"),
            "tier": self.env._("the customer's tier"),
            "from_tier": self.env._("the tier before the last change"),
            "next_tier": self.env._("the tier to which an announced downgrade leads, else the next higher tier"),
            "date": self.env._("the day of an announced downgrade"),
            "missing_amount": self.env._("the amount of an order today that keeps the tier, else reaches the next one"),
            "segment": self.env._("the customer's segment"),
            "reason": self.env._("why the customer is at risk, in words"),
            "amount": self.env._("the amount in the policy's window"),
            "last_order": self.env._("the day of the last order"),
            "last_contact": self.env._("the day of the last interaction"),
            "salesperson": self.env._("the customer's salesperson"),
        }

    @api.depends_context("lang")
    def _compute_placeholder_help(self):
        for step in self:
            step.placeholder_help = self._get_placeholder_help()

    @api.model
    def _get_placeholder_help(self):
        return self.env["ir.qweb"]._render(
            "customer_tiering.playbook_placeholders", {"placeholders": self._get_placeholders()}
        )

    @api.model
    def _find_placeholders(self, *texts):
        """Return the placeholders in texts."""
        return {name for text in texts if text for _literal, name, _default in _parse(text) if name}

    def _get_used_placeholders(self):
        """Return the placeholders in what the steps and their plans write, in whatever language."""
        used = set()
        for lang, _name in self.env["res.lang"].get_installed():
            steps = self.with_context(lang=lang)
            for source in (*steps, *steps.plan_id.template_ids):
                used |= self._find_placeholders(source.summary, source.note)
        return used

    @api.constrains("summary", "note")
    def _check_placeholders(self):
        known = self._get_placeholders()
        for step in self:
            if any(_has_too_many(text) for text in (step.summary, step.note) if text):
                raise ValidationError(
                    self.env._("A text of a playbook holds at most %(most)s placeholders.", most=MOST_PLACEHOLDERS)
                )
            for name in sorted(self._find_placeholders(step.summary, step.note) - known.keys()):
                raise ValidationError(
                    self.env._(
                        "“{{ %(placeholder)s }}” in the step of “%(playbook)s” is not known. Use one of: %(known)s.",
                        placeholder=name,
                        playbook=step.playbook_id.name,
                        known=format_list(self.env, list(known)),
                    )
                )

    @api.constrains("kind", "activity_type_id", "plan_id", "mail_template_id", "server_action_id")
    def _check_kind(self):
        missing = {
            "activity": self.env._("Choose the type of activity of each step."),
            "plan": self.env._("Choose the activity plan of each step."),
            "mail": self.env._("Choose the e-mail of each step."),
            "action": self.env._(
                "Choose the server action of each step. Only administrators may: ask one to add the step."
            ),
        }
        for step in self.sudo():  # managers do not see server actions
            if not step[KINDS[step.kind]]:
                raise ValidationError(missing[step.kind])
            if step.kind == "action" and step.server_action_id.model_id.model != "res.partner":
                raise ValidationError(
                    self.env._(
                        "The server action %(action)s is not for contacts. Choose one that is.",
                        action=step.server_action_id.name,
                    )
                )
            if step.kind == "mail" and step.mail_template_id.model != "res.partner":
                raise ValidationError(
                    self.env._(
                        "The e-mail template %(template)s is not for contacts. Choose one that applies to contacts.",
                        template=step.mail_template_id.name,
                    )
                )
            foreign = step.plan_id.company_id - step.company_id
            if step.kind == "plan" and (foreign or step.plan_id.res_model != "res.partner"):
                raise ValidationError(
                    self.env._(
                        "The plan %(plan)s is not for contacts of %(company)s. Choose another one.",
                        plan=step.plan_id.name,
                        company=step.company_id.name,
                    )
                )

    @api.constrains("day_kind", "days", "kind")
    def _check_working_days(self):
        for step in self:
            if step._get_due_date(fields.Date.today()) is None:
                raise ValidationError(self._get_no_working_day_message(step.company_id))

    @api.model
    def _get_no_working_day_message(self, company):
        return self.env._(
            "%(company)s has no working day in its working hours. Add working hours in the company's settings, "
            "or count all days.",
            company=company.name,
        )

    def _check_ready(self):
        for step in self:
            if obstacle := step._get_obstacle(fields.Date.today()):
                labels = dict(self.env["customer.tiering.followup"]._fields["problem"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "“%(playbook)s” cannot work: %(problem)s.",
                        playbook=step.playbook_id.name,
                        problem=labels[obstacle],
                    )
                )

    def _get_obstacle(self, as_of):
        """Return why the step cannot be done at all, as a key of the follow-up's ``problem``; False when it can."""
        self.ensure_one()
        if self.kind == "activity" and not self.activity_type_id.active:
            return "no_type"
        plan = self.plan_id
        if self.kind == "plan" and not (plan.active and plan.template_ids and plan.res_model == "res.partner"):
            return "no_plan"
        # sudo: managers do not see server actions, and use them
        if self.kind == "action" and self.sudo().server_action_id.model_id.model != "res.partner":
            return "no_action"
        template = self.mail_template_id
        if self.kind == "mail" and not (template.active and template.model == "res.partner"):
            return "no_template"
        if self._get_due_date(as_of) is None:
            return "no_working_day"
        return False

    def _get_due_date(self, as_of):
        """Return the day on which the step is due when it is planned on ``as_of``; None without a working day."""
        self.ensure_one()
        if self.kind in ("plan", "action"):
            return as_of
        if self.day_kind == "calendar":
            return fields.Date.add(as_of, days=self.days)
        calendar = self.company_id.sudo().resource_calendar_id  # sudo: not everybody may read calendars
        if not calendar:  # works at any time
            return fields.Date.add(as_of, days=self.days)
        midnight = datetime.combine(as_of, time(), tzinfo=self.company_id._get_tiering_timezone())
        first = calendar.plan_days(1, midnight, compute_leaves=True)
        if not first:
            return None
        # The count of Odoo starts with today where today is a working day.
        end = calendar.plan_days(self.days + (first.date() == as_of) or 1, midnight, compute_leaves=True)
        return end.date() if end else None

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._clean(vals) for vals in vals_list])

    @api.model
    def _clean(self, vals):
        """Keep only what belongs to the kind of step, so that a changed kind leaves nothing behind."""
        if "kind" not in vals:
            return vals
        fnames = [
            fname
            for kind, fname in KINDS.items()
            if kind != vals["kind"] and self._has_field_access(self._fields[fname], "write")
        ]
        return {**vals, **dict.fromkeys(fnames, False)}

    def write(self, vals):
        return super().write(self._clean(vals))

    def copy_data(self, default=None):
        """Let managers, who do not see server actions, copy playbooks without one."""
        if self._has_field_access(self._fields["server_action_id"], "read"):
            return super().copy_data(default)
        vals_list = super().copy_data({"server_action_id": False, **(default or {})})
        return [vals and {name: vals[name] for name in vals if name != "server_action_id"} for vals in vals_list]


class Texts:
    """Fills in placeholders such as ``{{ customer }}``, computing only those that the steps use.

    :param partner_ids: the customers whose texts are asked for later, read together
    """

    def __init__(self, playbook, partner_ids):
        self.env = playbook.env
        self.playbook = playbook
        self.cards = (
            self.env["customer.tiering.scorecard"]
            .search([("partner_id", "in", list(partner_ids)), ("company_id", "=", playbook.company_id.id)])
            .grouped(lambda card: card.partner_id.id)
        )
        self.used = playbook.step_ids._get_used_placeholders()
        self.computation = (None, None)
        if "missing_amount" in self.used:
            self.computation = playbook.policy_id._get_last_computation()
        self.from_tiers = self._get_from_tiers() if "from_tier" in self.used else {}
        self.values = {}

    def render(self, partner_id, lang, text):
        """Return ``text`` in plain words, False without one."""
        return text and "".join(
            literal + (self._get_value(partner_id, lang, name) or default or "–" if name else "")
            for literal, name, default in _parse(text)
        )

    def render_html(self, partner_id, lang, html):
        """Return ``html`` with the values escaped, False without one."""
        if is_html_empty(html):
            return False
        return Markup().join(
            Markup(literal) + (self._get_value(partner_id, lang, name) or default or "–" if name else "")
            for literal, name, default in _parse(html)
        )

    def render_note(self, partner_id, lang, source):
        """Return the note of an activity, False without one.

        :param source: the step, or the template of its plan
        """
        note = self.render_html(partner_id, lang, source.note)
        if source._name != "customer.tiering.playbook.step" or not source.asks_needs:
            return note
        env = self.env(context={**self.env.context, "lang": lang})
        question = env._("What does %(customer)s need otherwise than others?", customer=self.get_name(partner_id))
        link = Markup('<p>%s <a href="/odoo/res.partner/%s/needs-of-customer">%s</a></p>')
        return (note or Markup()) + link % (question, partner_id, env._("Note it here"))

    def get_name(self, partner_id):
        return self.cards[partner_id].partner_id.name

    def _get_value(self, partner_id, lang, name):
        if (partner_id, lang) not in self.values:
            self.values[partner_id, lang] = self._get_values(self.cards[partner_id].with_context(lang=lang))
        return self.values[partner_id, lang].get(name)

    def _get_values(self, card):
        env = card.env
        values = {
            "customer": lambda: card.partner_id.name,
            "tier": lambda: card.tier_id.name,
            "from_tier": lambda: self.from_tiers.get(card.partner_id.id, env["customer.tier"]).with_env(env).name,
            "next_tier": lambda: (card.pending_tier_id or card.next_tier_id).name,
            "date": lambda: format_date(env, card.pending_date),
            "missing_amount": lambda: sentences.say_missing_amount(card, *self.computation),
            "segment": lambda: card.segment_id.name,
            "reason": lambda: card.risk_reason,
            "amount": lambda: formatLang(env, card.amount, currency_obj=card.currency_id),
            "last_order": lambda: format_date(env, card.last_order_date),
            "last_contact": lambda: format_date(env, card.last_contact_date),
            "salesperson": lambda: card.user_id.name,
        }
        return {name: get() for name, get in values.items() if name in self.used}

    def _get_from_tiers(self):
        """Return ``{partner id: the tier before the last change}``."""
        changes = self.env["customer.tier.change"].search(
            [
                ("partner_id", "in", list(self.cards)),
                ("company_id", "=", self.playbook.company_id.id),
                ("from_tier_id", "!=", False),
            ],
            order="id",
        )
        return {change.partner_id.id: change.from_tier_id for change in changes}
