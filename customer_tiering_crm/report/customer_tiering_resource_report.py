from odoo import models


class CustomerTieringResourceReport(models.Model):
    _inherit = "customer.tiering.resource.report"
    _depends = {
        "calendar.event": ["opportunity_id", "res_id", "res_model"],
        "crm.lead": ["company_id", "partner_id"],
    }
