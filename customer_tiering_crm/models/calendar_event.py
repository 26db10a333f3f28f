from odoo import models


class CalendarEvent(models.Model):
    _inherit = "calendar.event"

    # Meetings that another program made about an opportunity, without the field that Odoo's own screens fill in. There
    # are next to none, and to find those of one customer Odoo has no index.
    _tiering_lead_idx = models.Index("(res_id) WHERE res_model = 'crm.lead' AND opportunity_id IS NULL")
