import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    tiering_nightly = fields.Boolean(related="company_id.tiering_nightly", readonly=False)
    tiering_hour = fields.Float(
        string="Nightly Run At",
        compute="_compute_tiering_hour",
        inverse="_inverse_tiering_hour",
        help="Time of day, in your time zone, at which the customers of all companies are scored.",
    )
    tiering_policy_id = fields.Many2one("customer.tiering.policy", compute="_compute_tiering_policy_id")
    tiering_window_days = fields.Integer(related="tiering_policy_id.window_days", readonly=False)
    tiering_tier_ids = fields.One2many(related="tiering_policy_id.tier_ids", readonly=False)
    tiering_criterion_ids = fields.One2many(related="tiering_policy_id.criterion_ids", readonly=False)

    @api.depends("company_id")
    def _compute_tiering_policy_id(self):
        for settings in self:
            settings.tiering_policy_id = settings.company_id.tiering_policy_ids[:1]

    @api.depends("company_id")
    def _compute_tiering_hour(self):
        nextcall = self._get_tiering_cron().nextcall
        for settings in self:
            local = fields.Datetime.context_timestamp(settings, nextcall) if nextcall else None
            settings.tiering_hour = local.hour + local.minute / 60 if local else 0

    def _inverse_tiering_hour(self):
        cron = self._get_tiering_cron()
        for settings in self:
            if not 0 <= settings.tiering_hour < 24:
                raise UserError(self.env._("The nightly run needs a time of day between 00:00 and 23:59."))
            local = fields.Datetime.context_timestamp(settings, cron.nextcall)
            minutes = round(settings.tiering_hour * 60)
            wanted = local.replace(hour=minutes // 60, minute=minutes % 60, second=0)
            if wanted != local:
                cron.nextcall = wanted.astimezone(pytz.utc).replace(tzinfo=None)

    def _get_tiering_cron(self):
        # sudo: the settings are for administrators, the job belongs to the system user
        return self.env.ref("customer_tiering.ir_cron_nightly").sudo()

    def action_tiering_compute_now(self):
        self.ensure_one()
        return self.tiering_policy_id.action_compute_now()
