from odoo import api, fields, models

from odoo.addons.customer_tiering_pos.models.res_partner import GROUP


class ResPartner(models.Model):
    _inherit = "res.partner"

    # By what the till decides over programs and points. Cashiers see neither.
    tiering_till_tier_number = fields.Integer(
        string="Tier's Number in the Till", compute="_compute_tiering_till_loyalty", compute_sudo=True, groups=GROUP
    )
    tiering_till_points_factor = fields.Float(
        string="Loyalty Points Factor in the Till",
        digits=(5, 2),
        compute="_compute_tiering_till_loyalty",
        compute_sudo=True,
        groups=GROUP,
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("company")
    def _compute_tiering_till_loyalty(self):
        for partner in self:
            # As for orders: an archived tier gives nothing.
            tier = partner.tiering_unfiltered_card_id.tier_id.filtered("active")
            partner.tiering_till_tier_number = tier.id
            partner.tiering_till_points_factor = tier.points_factor if tier else 1

    @api.model
    def _get_tiering_till_fields(self):
        return [*super()._get_tiering_till_fields(), "tiering_till_tier_number", "tiering_till_points_factor"]
