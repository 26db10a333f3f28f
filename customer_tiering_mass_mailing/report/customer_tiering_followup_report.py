from odoo import models


class CustomerTieringFollowupReport(models.Model):
    _name = "customer.tiering.followup.report"
    _inherit = ["customer.tiering.followup.report", "customer.tiering.mailable"]
