from odoo import api, fields, models
from odoo.fields import Command

from ..sentences import format_number, join

# So many lines are shown; the numbers count all.
SHOWN = 200


class CustomerTieringPlaybookPreview(models.TransientModel):
    """What a playbook would do now: the same code as the job's, in a savepoint that is taken back."""

    _name = "customer.tiering.playbook.preview"
    _inherit = ["customer.tiering.typed"]
    _description = "Customer Tiering Playbook Preview"

    playbook_id = fields.Many2one("customer.tiering.playbook", required=True, ondelete="cascade", readonly=True)
    enabled = fields.Boolean(related="playbook_id.enabled")
    looks_back = fields.Boolean(compute="_compute_looks_back")
    since = fields.Date(
        string="As if On Since",
        help="Count what happened to customers since this day, too. A playbook itself starts with the day on which "
        "it is switched on.",
    )
    count = fields.Integer(string="Follow-ups Now", readonly=True)
    wait_count = fields.Integer(string="Wait for a Later Day", readonly=True)
    problem_count = fields.Integer(string="Cannot Be Done", readonly=True)
    skip_count = fields.Integer(string="Skipped", readonly=True)
    summary = fields.Text(readonly=True)
    line_ids = fields.One2many("customer.tiering.playbook.preview.line", "preview_id", readonly=True)

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        values.setdefault("since", fields.Date.add(fields.Date.context_today(self), days=-30))
        return values

    @api.depends("enabled", "playbook_id.trigger")
    def _compute_looks_back(self):
        for preview in self:
            preview.looks_back = not preview.enabled and not preview.playbook_id._get_trigger().is_state

    def action_compute(self):
        """Compute the preview and show it."""
        self.ensure_one()
        self.playbook_id.check_access("write")
        self.playbook_id._check_ready()
        lines, counts = self._compute_lines()
        self.check_access("write")
        # sudo: nobody writes lines by hand
        self.sudo().write(
            {
                **counts,
                "line_ids": [Command.clear(), *map(Command.create, lines[:SHOWN])],
                "summary": self._get_summary(lines, counts),
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Preview: %(playbook)s", playbook=self.playbook_id.name),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def _compute_lines(self):
        """Return ``(values of the lines, {field: count})``; nothing stays in the database."""
        savepoint = self.env.cr.savepoint()
        try:
            return self._plan_all()
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)

    def _plan_all(self):
        # sudo: follow-ups are written by playbooks only
        playbook = self.playbook_id.sudo()
        followups = self.env["customer.tiering.followup"].sudo()
        as_of = playbook.company_id._get_tiering_today()
        followups._collect_present(playbook, since=None if playbook.enabled else self.since or as_of)
        followups.search([("playbook_id", "=", playbook.id), ("state", "=", "held")]).state = "waiting"
        followups.flush_model()
        before = followups.search([("playbook_id", "=", playbook.id), ("state", "=", "waiting")])
        # What is planned for customers whom the person may not see is none of the preview.
        seen = set(before.filtered_domain(self.env["ir.rule"]._get_tiering_domain(followups._name))._ids)
        followups._skip(playbook, as_of)
        skipped = before.filtered(lambda followup: followup.state == "skipped" and followup.id in seen)
        chosen, problems = followups._choose(playbook, as_of)
        chosen = [(ids, partner_id, user) for ids, partner_id, user in chosen if seen.issuperset(ids)]
        problems = {problem: [id_ for id_ in ids if id_ in seen] for problem, ids in problems.items()}
        texts = playbook._get_texts(partner_id for _ids, partner_id, _user in chosen[:SHOWN])
        labels = dict(followups._fields["problem"]._description_selection(self.env))
        lines = [
            {
                "partner_id": partner_id,
                "user_id": user.id,
                "date_deadline": followup.step_id._get_due_date(as_of),
                "what": self._get_what(followup, texts),
            }
            for ids, partner_id, user in chosen[:SHOWN]
            for followup in followups.browse(ids)
        ]
        others = [(followup, followup.problem) for followup in skipped]
        others += [(followup, problem) for problem, ids in problems.items() for followup in followups.browse(ids)]
        lines += [
            {"partner_id": followup.partner_id.id, "problem": labels[problem]}
            for followup, problem in others[: max(SHOWN - len(lines), 0)]
        ]
        waits = sum(len(ids) for problem, ids in problems.items() if problem in ("day_limit", "user_limit"))
        return lines, {
            "count": sum(len(ids) for ids, _partner, _user in chosen),
            "wait_count": waits,
            "problem_count": sum(map(len, problems.values())) - waits,
            "skip_count": len(skipped),
        }

    def _get_what(self, followup, texts):
        playbook = followup.playbook_id
        if followup.is_held_out and not playbook._takes_nobody_more(playbook.company_id._get_tiering_today()):
            return self.env._("Held out: nothing, to see what the playbook does for the others")
        step, template = followup.step_id, followup.plan_template_id
        if step.kind == "mail":
            return self.env._("E-mail: %(template)s", template=step.mail_template_id.name)
        if step.kind == "action":
            # sudo: managers do not see server actions; the name says what the playbook does
            return self.env._("Server action: %(action)s", action=step.sudo().server_action_id.name)
        source = template or step
        return texts.render(followup.partner_id.id, self.env.lang, source.summary) or source.activity_type_id.name

    def _get_summary(self, lines, counts):
        if not any(counts.values()):
            return self.env._("No customer has a reason for a follow-up now.")
        parts = [
            self.env._("1 follow-up would be planned now.")
            if counts["count"] == 1
            else self.env._(
                "%(count)s follow-ups would be planned now.", count=format_number(self.env, counts["count"])
            )
        ]
        if counts["wait_count"]:
            parts.append(
                self.env._(
                    "Waiting for a later day, as the limits say: %(count)s.",
                    count=format_number(self.env, counts["wait_count"]),
                )
            )
        if counts["problem_count"]:
            parts.append(
                self.env._(
                    "%(count)s cannot be done; see why below.", count=format_number(self.env, counts["problem_count"])
                )
            )
        if counts["skip_count"]:
            parts.append(self.env._("%(count)s would be skipped.", count=format_number(self.env, counts["skip_count"])))
        if sum(counts.values()) > len(lines):
            parts.append(self.env._("The first %(shown)s are shown.", shown=format_number(self.env, len(lines))))
        return join(self.env, parts)

    def action_enable(self):
        """Switch the playbook on."""
        self.playbook_id.action_enable()
        return {"type": "ir.actions.client", "tag": "soft_reload"}


class CustomerTieringPlaybookPreviewLine(models.TransientModel):
    _name = "customer.tiering.playbook.preview.line"
    _description = "Customer Tiering Playbook Preview Line"
    _tiering_customer = "partner_id"

    preview_id = fields.Many2one("customer.tiering.playbook.preview", required=True, ondelete="cascade")
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    user_id = fields.Many2one("res.users", string="Assigned To", readonly=True)
    what = fields.Char(readonly=True)
    date_deadline = fields.Date(string="Due", readonly=True)
    problem = fields.Char(string="Not Now Because", readonly=True)
