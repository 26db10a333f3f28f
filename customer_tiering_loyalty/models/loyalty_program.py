from odoo import api, fields, models
from odoo.exceptions import ValidationError


class LoyaltyProgram(models.Model):
    _inherit = "loyalty.program"

    # Copied by hand: who copies a program need not see the tiers.
    tiering_tier_ids = fields.Many2many(
        "customer.tier",
        "loyalty_program_customer_tier_rel",
        "program_id",
        "tier_id",
        string="Only for Tiers",
        domain="[('policy_id.is_simulation', '=', False), ('company_id', '=?', company_id)]",
        # Of archived tiers nobody is a customer: who forgot them would make the program one for all.
        context={"active_test": False},
        ondelete="restrict",
        copy=False,
        groups="sales_team.group_sale_salesman",
        help="Only customers who are in one of these tiers when they order get the program. Empty: all customers.",
    )

    @api.constrains("tiering_tier_ids", "company_id")
    def _check_tiering_tier_ids(self):
        for program in self:
            # sudo: the tiers may be of a company that the person does not see
            for tier in program.sudo().tiering_tier_ids:
                if program.company_id and tier.company_id != program.company_id:
                    raise ValidationError(
                        self.env._(
                            "“%(program)s” is a program of %(company)s, and %(tier)s is a tier of %(other)s. Choose "
                            "tiers of %(company)s.",
                            program=program.name,
                            company=program.company_id.name,
                            tier=tier.name,
                            other=tier.company_id.name,
                        )
                    )

    def _get_tiering_point_worth(self):
        """Return what a point buys at best, in the currency of the program: by discounts in money; 0 without one."""
        self.ensure_one()
        money = [
            reward.discount if reward.discount_mode == "per_point" else reward.discount / reward.required_points
            for reward in self.reward_ids
            if reward.reward_type == "discount"
            and reward.discount_mode in ("per_point", "per_order")
            and reward.required_points > 0
        ]
        return max(money, default=0.0)

    def copy(self, default=None):
        copies = super().copy(default)
        if "tiering_tier_ids" not in (default or {}):
            for program, copied in zip(self.sudo(), copies.sudo(), strict=True):
                copied.tiering_tier_ids = program.tiering_tier_ids
        return copies
