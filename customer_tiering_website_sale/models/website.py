from odoo import fields, models
from odoo.http import request
from odoo.tools import SQL

from odoo.addons.website_sale.models.website import (
    PRICELIST_SELECTED_SESSION_CACHE_KEY,
    PRICELIST_SESSION_CACHE_KEY,
)

# The pricelist that the customer's tier gave when the shop chose the one in the session.
TIER_SESSION_KEY = "customer_tiering_pricelist"


class Website(models.Model):
    _inherit = "website"

    tiering_track = fields.Boolean(
        string="Visits for Customer Tiering",
        help="Customer Tiering looks at which pages and products customers who are logged in viewed in the last 90 "
        "days. Salespeople see the numbers, and the products that were viewed twice and not bought.",
    )

    def _get_and_cache_current_pricelist(self):
        """Choose the prices anew where the customer's tier gives another pricelist than when they were chosen.

        Odoo keeps the pricelist in the session. A run writes nothing on customers that could tell the session, so each
        page of people who are logged in asks for the tier, which is one query by an index; pages of others do not.
        """
        given = self._get_tiering_pricelist_id()
        if given == request.session.get(TIER_SESSION_KEY, False):
            return super()._get_and_cache_current_pricelist()
        if PRICELIST_SELECTED_SESSION_CACHE_KEY in request.session:  # the customer's own choice
            request.session[TIER_SESSION_KEY] = given
            return super()._get_and_cache_current_pricelist()
        cart = request.cart
        if cart and request.env.cr.readonly:
            # The cart is priced anew on the first page that may write; until then its prices stay, and others follow.
            pricelist = self._get_tiering_partner().property_product_pricelist
            return pricelist or super()._get_and_cache_current_pricelist()
        before = cart.pricelist_id
        request.session.pop(PRICELIST_SESSION_CACHE_KEY, None)
        pricelist = super()._get_and_cache_current_pricelist()
        if cart and cart.pricelist_id != before:
            cart._recompute_prices()
        request.session[TIER_SESSION_KEY] = given
        return pricelist

    def _get_tiering_partner(self):
        """Return the person who is logged in, in the company of the website."""
        # sudo: a portal customer's prices do not depend on what that person may see
        return self.env.user.partner_id.sudo().with_company(self.company_id)

    def _get_tiering_pricelist_id(self):
        """Return the id of the pricelist that the tier of the person who is logged in gives; False: none."""
        has_pricelists = self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist")
        if self.env.user._is_public() or not has_pricelists:
            return False
        rows = self.env.execute_query(
            SQL(
                """
                SELECT tier.pricelist_id
                  FROM res_partner person
                  JOIN customer_tiering_scorecard card ON card.partner_id = person.commercial_partner_id
                  JOIN customer_tier tier ON tier.id = card.tier_id
                 WHERE person.id = %s AND card.company_id = %s
                """,
                self.env.user.partner_id.id,
                self.company_id.id,
            )
        )
        return bool(rows) and (rows[0][0] or False)
