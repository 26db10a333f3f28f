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
