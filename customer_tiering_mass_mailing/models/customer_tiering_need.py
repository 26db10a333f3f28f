from odoo import models


class CustomerTieringNeed(models.Model):
    _name = "customer.tiering.need"
    _inherit = ["customer.tiering.need", "customer.tiering.mailable"]
