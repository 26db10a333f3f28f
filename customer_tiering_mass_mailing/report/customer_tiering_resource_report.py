from odoo import models


class CustomerTieringResourceReport(models.Model):
    _name = "customer.tiering.resource.report"
    _inherit = ["customer.tiering.resource.report", "customer.tiering.mailable"]
