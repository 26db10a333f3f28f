from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources.documents import Documents

LEADS = Documents(
    "crm.lead",
    "crm_lead",
    meetings=SQL(
        """
        SELECT id AS event_id, opportunity_id AS document_id
          FROM calendar_event
         WHERE opportunity_id IS NOT NULL
     UNION ALL
        SELECT id, res_id FROM calendar_event WHERE res_model = 'crm.lead' AND opportunity_id IS NULL
        """
    ),
)


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_documents(self):
        """Add leads and opportunities, won and lost ones too."""
        return [*super()._get_documents(), LEADS]
