from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    website_tiering_track = fields.Boolean(related="website_id.tiering_track", readonly=False)
