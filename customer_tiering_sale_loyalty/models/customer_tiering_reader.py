from odoo import api, models
from odoo.tools import SQL


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_advance_products(self):
        """What gift cards and eWallets pay with, a product of each reward, and what fills them.

        What brings less than it costs, such as cash back on some goods, is no filling but a purchase.
        """
        return SQL(
            """
            SELECT reward.discount_line_product_id
              FROM loyalty_program program
              JOIN loyalty_reward reward ON reward.program_id = program.id
             WHERE program.program_type IN ('gift_card', 'ewallet')
             UNION
            SELECT filling.product_product_id
              FROM loyalty_program program
              JOIN loyalty_rule rule ON rule.program_id = program.id
              JOIN loyalty_rule_product_product_rel filling ON filling.loyalty_rule_id = rule.id
             WHERE program.program_type IN ('gift_card', 'ewallet')
               AND NOT (rule.reward_point_mode = 'money' AND rule.reward_point_amount < 1)
            """
        )

    @api.model
    def _get_no_goods(self):
        """Nor are goods what is given for nothing; free shipping, a discount on freight, is none on goods either."""
        given = SQL("ordered.reward_id IN (SELECT id FROM loyalty_reward WHERE reward_type != 'discount')")
        return [*super()._get_no_goods(), given]
