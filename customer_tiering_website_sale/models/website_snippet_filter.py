from odoo import models
from odoo.fields import Domain
from odoo.http import request


class WebsiteSnippetFilter(models.Model):
    _inherit = "website.snippet.filter"

    def _get_products_tiering_recommended(self, website, limit, domain, **kwargs):
        """Return the products recommended to the customer of the person who is logged in, the likeliest first, that are
        published and not in the cart; none to strangers.

        Called by Odoo for the mode ``tiering_recommended`` of ``_get_products``, as superuser.

        :param limit: how many, at most
        :param domain: of what the page may show
        """
        products = self.env["product.product"].with_context(display_default_code=False, add2cart_rerender=True)
        if self.env.user._is_public():
            return products
        customer = self.env.user.partner_id.commercial_partner_id
        # sudo: one's own recommendations only, which portal users may not read
        recommended = self.env["customer.tiering.recommendation"].sudo()._get_of(customer, website.company_id)
        found = recommended.get(customer.id, products)
        in_cart = request.cart.order_line.product_id
        if self.env.context.get("hide_variants"):
            found, in_cart = (each.product_tmpl_id.product_variant_id for each in (found, in_cart))
        found -= in_cart
        # Asked as the person, because the page's conditions come from the browser. That it is published, Odoo
        # asks of portal users only.
        asked = Domain(domain) & Domain("website_published", "=", True) & Domain("id", "in", found.ids)
        shown = set(products.sudo(False)._search(asked))
        return products.browse(id_ for id_ in found.ids if id_ in shown)[:limit]
