from collections import defaultdict

from odoo import api, models


class ProductPricelist(models.Model):
    _inherit = "product.pricelist"

    @api.model
    def _get_partner_pricelist_multi(self, partner_ids):
        """Put the pricelist of the customer's tier behind a person's choice and before Odoo's own rules.

        Nothing is stored on the partner: who leaves the tier has the earlier prices again.
        """
        result = super()._get_partner_pricelist_multi(partner_ids)
        partners = self.env["res.partner"].with_context(active_test=False).browse(partner_ids)
        for partner_id, pricelist in partners._get_tier_pricelists().items():
            chosen = partners.browse(partner_id).specific_property_product_pricelist
            if not chosen._get_partner_pricelist_multi_filter_hook():
                result[partner_id] = pricelist
        return result

    @api.model
    def _get_tiering_usual(self, partners):
        """Return the pricelists that new quotations to contacts would have if no tier gave one, ``{partner id:
        pricelist}``, in the current company."""
        # pylint: disable-next=super-method-mismatch
        return super()._get_partner_pricelist_multi(partners.ids)

    def _get_tiering_prices(self, asked, currency, date):
        """Return the prices of this pricelist, or without one those of the products, a list.

        :param asked: tuples of product, quantity and unit; as many of them at once as have the same quantity and unit
        :param currency: of the prices
        :param date: a ``datetime``, by which rules of the pricelist and rates are chosen
        """
        alike, prices = defaultdict(list), [0.0] * len(asked)
        for place, (product, quantity, unit) in enumerate(asked):
            # Attributes that make no variant have a price of their own, which stands in the context.
            alike[quantity, unit, product.env].append(place)
        for (quantity, unit, env), places in alike.items():
            products = env["product.product"].union(*(asked[place][0] for place in places))
            found = self._get_products_price(products, quantity, currency=currency, uom=unit, date=date)
            for place in places:
                prices[place] = found[asked[place][0].id]
        return prices
