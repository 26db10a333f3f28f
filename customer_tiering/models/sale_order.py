from odoo import fields, models
from odoo.tools import SQL


class SaleOrder(models.Model):
    _inherit = "sale.order"

    # Stored, and set once: which tier the customer was in when they ordered stays true whatever
    # happens to the customer later. A related field would rewrite history with every run.
    tiering_tier_id = fields.Many2one(
        "customer.tier",
        string="Tier at Confirmation",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        groups="sales_team.group_sale_salesman",
        help="The customer's tier when the order was confirmed.",
    )

    def _action_confirm(self):
        self._set_tiering_tier()
        result = super()._action_confirm()
        self._tiering_refresh()
        return result

    def _set_tiering_tier(self):
        """Keep the tier in which the customer is now.

        One statement, because the person who confirms waits: through the ORM it would take ten times
        as long. Nothing depends on the field, and nobody follows its changes.
        """
        self.flush_recordset(["partner_id", "company_id"])
        self.env.cr.execute(
            SQL(
                """
                UPDATE sale_order
                   SET tiering_tier_id = (
                       SELECT card.tier_id
                         FROM res_partner buyer
                         JOIN customer_tiering_scorecard card ON card.partner_id = buyer.commercial_partner_id
                        WHERE buyer.id = sale_order.partner_id AND card.company_id = sale_order.company_id)
                 WHERE id = ANY(%s)
                """,
                self.ids,
            )
        )
        self.invalidate_recordset(["tiering_tier_id"], flush=False)

    def _action_cancel(self):
        confirmed = self.filtered(lambda order: order.state == "sale")
        result = super()._action_cancel()
        confirmed._tiering_refresh()
        return result

    def _tiering_refresh(self):
        for company, orders in self.grouped("company_id").items():
            self.env["customer.tiering.refresh"]._add(orders.partner_id, company, "instant")
