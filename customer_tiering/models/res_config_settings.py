from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from .. import jobs
from ..fields import DerivedMany2one

TABLES = {"tiering_tier_ids": "tier_ids", "tiering_criterion_ids": "criterion_ids"}


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    tiering_nightly = fields.Boolean(related="company_id.tiering_nightly", readonly=False)
    tiering_check_data = fields.Boolean(related="company_id.tiering_check_data", readonly=False)
    tiering_ledger = fields.Boolean(related="company_id.tiering_ledger", readonly=False)
    tiering_day_minutes = fields.Integer(related="company_id.tiering_day_minutes", readonly=False)
    tiering_hour = fields.Float(
        string="Nightly Run At",
        compute="_compute_tiering_hour",
        inverse="_inverse_tiering_hour",
        help="Time of day, in your time zone, at which the customers of all companies are scored.",
    )
    tiering_policy_id = DerivedMany2one("customer.tiering.policy", compute="_compute_tiering_policy_id")
    tiering_method = fields.Selection(related="tiering_policy_id.method")
    tiering_window_days = fields.Integer(related="tiering_policy_id.window_days", readonly=False)
    # Not related: writing a related table replaces the policy's by what the form happened to know.
    tiering_tier_ids = fields.One2many("customer.tier", compute="_compute_tiering_tables", readonly=False)
    tiering_criterion_ids = fields.One2many(
        "customer.tiering.criterion", compute="_compute_tiering_tables", readonly=False
    )

    @api.depends("company_id")
    def _compute_tiering_policy_id(self):
        for settings in self:
            # sudo: who configures may have no right in sales
            settings.tiering_policy_id = settings.company_id.sudo().tiering_policy_ids[:1]

    @api.depends("tiering_policy_id")
    def _compute_tiering_tables(self):
        for settings in self:
            settings.tiering_tier_ids = settings.tiering_policy_id.tier_ids
            settings.tiering_criterion_ids = settings.tiering_policy_id.criterion_ids

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._write_tiering_tables(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._write_tiering_tables(vals))

    def _write_tiering_tables(self, vals):
        """Do to the policy what was done in the tables of the form, and return the other values.

        Lines that the form does not mention are left alone: somebody may have added them meanwhile.
        """
        policy_vals = {}
        for fname, policy_fname in TABLES.items():
            commands = [
                Command.delete(command[1]) if command[0] == Command.UNLINK else command
                for command in vals.get(fname) or ()
                if command[0] in (Command.CREATE, Command.UPDATE, Command.DELETE, Command.UNLINK)
            ]
            if commands:
                policy_vals[policy_fname] = commands
        if policy_vals:
            company = self.company_id[:1] or self.env.company
            company.sudo().tiering_policy_ids[:1].sudo(False).write(policy_vals)  # sudo: only to find it
        return {fname: value for fname, value in vals.items() if fname not in TABLES}

    @api.depends("company_id")
    def _compute_tiering_hour(self):
        nextcall = jobs.get(self.env, jobs.NIGHTLY).nextcall
        for settings in self:
            local = fields.Datetime.context_timestamp(settings, nextcall) if nextcall else None
            settings.tiering_hour = local.hour + local.minute / 60 if local else 0

    def _inverse_tiering_hour(self):
        cron = jobs.get(self.env, jobs.NIGHTLY)
        for settings in self:
            if not 0 <= settings.tiering_hour < 24:  # nor what is no number
                raise UserError(self.env._("The nightly run needs a time of day between 00:00 and 23:59."))
            hour, minute = divmod(round(settings.tiering_hour * 60) % (24 * 60), 60)
            current = cron.nextcall and fields.Datetime.context_timestamp(settings, cron.nextcall)
            if not current or (current.hour, current.minute) == (hour, minute):
                continue
            now = fields.Datetime.context_timestamp(settings, fields.Datetime.now())
            wanted = now.replace(tzinfo=None, hour=hour, minute=minute, second=0, microsecond=0)
            if wanted <= now.replace(tzinfo=None):
                wanted += timedelta(days=1)
            local = wanted.replace(tzinfo=ZoneInfo(self.env.user.tz or "UTC"))
            cron.nextcall = local.astimezone(timezone.utc).replace(tzinfo=None)

    def action_tiering_compute_now(self):
        self.ensure_one()
        return self.tiering_policy_id.action_compute_now()
