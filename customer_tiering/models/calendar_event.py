from odoo import api, fields, models


class CalendarEvent(models.Model):
    _inherit = "calendar.event"

    tiering_card_ids = fields.Many2many(
        "customer.tiering.scorecard",
        string="Customers' Tiers",
        compute="_compute_tiering_card_ids",
        exportable=False,
        groups="sales_team.group_sale_salesman",
        help="The customers among the attendees, and their tiers of today.",
    )

    @api.depends("partner_ids")
    @api.depends_context("company", "uid")
    def _compute_tiering_card_ids(self):
        # Not as superuser: of a private event of somebody else the person does not learn the attendees.
        for event in self:
            event.tiering_card_ids = event.partner_ids.tiering_scorecard_id.filtered("tier_id")
