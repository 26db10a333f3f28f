from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list

from odoo.addons.customer_tiering.sentences import format_number

# More is a typing error.
MOST_FACTOR = 100


class CustomerTier(models.Model):
    _inherit = "customer.tier"

    points_factor = fields.Float(
        string="Loyalty Points Factor",
        digits=(5, 2),
        default=1,
        help="By what the points of loyalty programs are multiplied that customers of this tier earn with an order: 2 "
        "gives twice as many, 1 as many as the program says, 0 none.",
    )

    @api.constrains("points_factor")
    def _check_points_factor(self):
        for tier in self:
            if not 0 <= tier.points_factor <= MOST_FACTOR:
                raise ValidationError(
                    self.env._(
                        "“%(field)s” of %(tier)s is a number from 0 to %(most)s, not %(value)s.",
                        field=self._fields["points_factor"]._description_string(self.env),
                        tier=tier.name,
                        most=MOST_FACTOR,
                        value=format_number(self.env, tier.points_factor, 2),
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_of_programs(self):
        """A program must not be for everybody because the tiers that it was for are gone."""
        # sudo: programs of other companies, too
        programs = self.env["loyalty.program"].sudo().with_context(active_test=False)
        for tier in self:
            if named := programs.search([("tiering_tier_ids", "in", tier.ids)]):
                raise UserError(
                    self.env._(
                        "%(tier)s cannot be deleted, because loyalty programs are only for some tiers, among them this "
                        "one: %(programs)s. Take the tier out of them first, or archive it.",
                        tier=tier.name,
                        programs=format_list(self.env, named.mapped("name")),
                    )
                )
