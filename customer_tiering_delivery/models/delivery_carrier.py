from odoo import fields, models


class DeliveryCarrier(models.Model):
    _inherit = "delivery.carrier"

    tiering_free = fields.Boolean(
        string="Free for Tiers",
        default=True,
        help="Costs customers nothing whose tier gives them free delivery. Take the tick off an express delivery that "
        "everybody pays.",
    )

    def rate_shipment(self, order):
        """Give customers a free delivery where their tier does, like Odoo's own from an amount on.

        ``carrier_price`` stays: what it would cost, margins included.
        """
        rated = self.with_context(tiering_rated=True)
        result = super(DeliveryCarrier, rated).rate_shipment(order)
        if result["success"] and result["price"] > 0 and self._is_tiering_free(order):
            result["price"] = 0.0
            # Without the tier's name: the shop sends it to the customer's browser.
            result["warning_message"] = self.env._("The delivery is free because of the customer's tier.")
        return result

    def _get_tiering_usual_price(self, order):
        """Return what the delivery of an order would cost without a tier, 0 where that is not known."""
        # pylint: disable-next=super-method-mismatch
        result = super(DeliveryCarrier, self.with_context(tiering_rated=True)).rate_shipment(order)
        return result["price"] if result["success"] else 0.0

    def _apply_margins(self, price, order=False):
        """Bill no real costs later, when a transfer is sent (``stock_delivery``), for what is free."""
        if order and not self.env.context.get("tiering_rated") and self._is_tiering_free(order):
            return 0.0
        return super()._apply_margins(price, order)

    def _is_tiering_free(self, order, tier=None):
        """Whether the tier of the customer, in the company of the order, gives a free delivery by this method.

        :param tier: in which the customer was; None: that of today
        """
        self.ensure_one()
        customer, company = order.partner_id, order.company_id
        if not self.tiering_free:
            return False
        if tier is None:
            tier = customer.with_company(company)._get_tiers("delivery_free").get(customer.id)
        elif not tier.delivery_free:
            return False
        if not tier or not tier.delivery_free_from:
            return bool(tier)
        amount = order.currency_id._convert(
            order._compute_amount_total_without_delivery(),
            tier.currency_id,
            company,
            order.date_order or fields.Date.context_today(order),
        )
        return tier.currency_id.compare_amounts(amount, tier.delivery_free_from) >= 0
