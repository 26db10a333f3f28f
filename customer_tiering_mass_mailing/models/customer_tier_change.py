from odoo import models


class CustomerTierChange(models.Model):
    _name = "customer.tier.change"
    _inherit = ["customer.tier.change", "customer.tiering.mailable"]
