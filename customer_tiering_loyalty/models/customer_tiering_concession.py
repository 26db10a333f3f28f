from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.customer_tiering import engine


class CustomerTieringConcession(models.Model):
    """Points of loyalty programs that a tier multiplies, too, where a program says what a point is worth."""

    _inherit = "customer.tiering.concession"

    kind = fields.Selection(selection_add=[("points", "Loyalty points")], ondelete={"points": "cascade"})

    @api.model
    def _get_conditions(self, company):
        multiplying = self._get_tiers(company).filtered(lambda tier: tier.points_factor not in (0, 1))
        more = SQL(
            """placed.tiering_tier_id = ANY(%s)
               AND EXISTS (SELECT FROM sale_order_coupon_points given
                             JOIN loyalty_card card ON card.id = given.coupon_id
                             JOIN loyalty_program program ON program.id = card.program_id
                            WHERE given.order_id = placed.id AND given.points > 0 AND program.program_type = 'loyalty')
            """,
            multiplying.ids,
        )
        return [*super()._get_conditions(company), more]

    @api.model
    def _get_gifts(self, paper, found, before):
        """Points of a factor of 0 are not told: nobody knows how many there would have been."""
        rows, tier = super()._get_gifts(paper, found, before), found["tier"]
        if paper._name != "sale.order":
            return rows
        points = sorted((given.coupon_id.id, given.points) for given in paper.coupon_point_ids)
        digest = f"{tier.id}:{points}"
        if kept := self._keep(before, "points", digest, found):
            return rows + kept
        if tier.points_factor in (0, 1):
            return rows
        points, worth = 0.0, 0.0
        for given in paper.coupon_point_ids:
            program = given.coupon_id.program_id
            if program.program_type != "loyalty" or given.points <= 0:
                continue
            more = engine.concessions.get_points(given.points, tier.points_factor)
            points += more
            worth += program.currency_id._convert(
                more * program._get_tiering_point_worth(), paper.currency_id, paper.company_id, paper.date_order
            )
        if points:
            reason = self._get_reason(found)
            rows.append(self._get_row(tier, "points", reason, worth, quantity=points, line_digest=digest))
        return rows
