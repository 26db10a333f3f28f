from odoo import models


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _prepare_delivery_line_vals(self, carrier, price_unit):
        """Tell the customer that the delivery is free, as Odoo does from an amount on.

        Not in the shop, which says so by itself, and changes the price of the line with the cart but not its text.
        """
        values = super()._prepare_delivery_line_vals(carrier, price_unit)
        free = self.currency_id.is_zero(price_unit) and carrier._is_tiering_free(self)
        if free and not carrier.free_over and self.env.user._is_internal():
            in_language = self.with_context(lang=self.partner_id.lang)
            values["name"] = in_language.env._("%(delivery)s\nFree Delivery", delivery=values["name"])
        return values
