from odoo import models
from odoo.tools import float_round


class SaleOrder(models.Model):
    _inherit = "sale.order"

    # Both return lists, as Odoo's own do: the shop replaces a part of what it gets.

    def _get_program_domain(self):
        return [*super()._get_program_domain(), ("id", "not in", self._get_tiering_closed_programs().ids)]

    def _get_trigger_domain(self):
        return [*super()._get_trigger_domain(), ("program_id", "not in", self._get_tiering_closed_programs().ids)]

    def _program_check_compute_points(self, programs):
        """Multiply the points of loyalty programs, of which the tier may give more or less."""
        result = super()._program_check_compute_points(programs)
        given = [
            status for program, status in result.items() if program.program_type == "loyalty" and "points" in status
        ]
        tier = self._get_tiering_customer_tier() if given else None
        if tier:
            for status in given:
                status["points"] = [
                    # As Odoo rounds them.
                    float_round(points * tier.points_factor, precision_digits=2, rounding_method="DOWN")
                    for points in status["points"]
                ]
        return result

    def _get_tiering_customer_tier(self):
        """Return the tier of the customer in the company of the order, none where it is archived."""
        self.ensure_one()
        # sudo: what a tier gives does not depend on who looks; in the shop it is the customer
        customer = self.sudo().with_company(self.company_id).partner_id
        return customer.tiering_unfiltered_card_id.tier_id.filtered("active")

    def _get_tiering_closed_programs(self):
        """Return the programs that are only for tiers in which the customer is not."""
        # sudo: as above
        programs = self.env["loyalty.program"].sudo().search([("tiering_tier_ids", "!=", False)])
        tier = self._get_tiering_customer_tier() if programs else None
        return programs.filtered(lambda program: tier not in program.tiering_tier_ids)
