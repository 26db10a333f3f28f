from odoo import api, fields, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.models import customer_tiering_concession as concession

# The delivery methods whose prices Odoo works out by itself; others would ask the carrier once more.
OFFLINE = ("fixed", "base_on_rule")


class CustomerTieringConcession(models.Model):
    """Deliveries that cost nothing because of the tier, too."""

    _inherit = "customer.tiering.concession"

    kind = fields.Selection(selection_add=[("freight", "Free delivery")], ondelete={"freight": "cascade"})

    @api.model
    def _get_conditions(self, company):
        freeing = self._get_tiers(company).filtered("delivery_free")
        free = SQL(
            """placed.tiering_tier_id = ANY(%s)
               AND EXISTS (SELECT FROM sale_order_line line
                            WHERE line.order_id = placed.id AND line.is_delivery AND line.price_unit = 0)""",
            freeing.ids,
        )
        return [*super()._get_conditions(company), free]

    @api.model
    def _get_gifts(self, paper, found, before):
        rows, tier = super()._get_gifts(paper, found, before), found["tier"]
        carrier = paper.carrier_id if paper._name == "sale.order" else False
        line = carrier and paper.order_line.filtered("is_delivery")
        if not line or len(line) != 1 or line.price_unit:
            return rows
        digest = f"{tier.id}:{carrier.id}:{line.id}:{paper.amount_untaxed}:{paper.currency_id.id}"
        if kept := self._keep(before, "freight", digest, found):
            return rows + kept
        if carrier.delivery_type not in OFFLINE or not carrier._is_tiering_free(paper, tier):
            return rows
        usual = carrier._get_tiering_usual_price(paper)
        if usual > 0:
            given, about = concession.get_subtotal(line, usual), {"product_id": line.product_id.id}
            rows.append(self._get_row(tier, "freight", self._get_reason(found), given, line_digest=digest, **about))
        return rows
