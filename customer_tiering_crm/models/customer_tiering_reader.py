from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources.documents import Documents

LEADS = Documents(
    "crm.lead",
    "crm_lead",
    meetings=(
        SQL("event.opportunity_id = crm_lead.id"),
        SQL("event.res_id = crm_lead.id AND event.res_model = 'crm.lead' AND event.opportunity_id IS NULL"),
    ),
)


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_documents(self):
        """Add leads and opportunities, won and lost ones too."""
        return [*super()._get_documents(), LEADS]
