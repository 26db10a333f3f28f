from odoo.http import request, route

from odoo.addons.portal.controllers.portal import CustomerPortal


class TieringPortal(CustomerPortal):
    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if not counters:  # the page itself: what is asked for later are numbers
            tier = request.env.user.partner_id._get_tiering_portal_card().tier_id
            values["tiering_tier"] = tier and request.env._("Your Tier: %(tier)s", tier=tier.name)
        return values

    @route("/my/tier", type="http", auth="user", website=True, readonly=True)
    def portal_my_tier(self):
        """The own tier: what it gives, what leads to the next one, and those before."""
        card = request.env.user.partner_id._get_tiering_portal_card()
        if not card:
            raise request.not_found()
        values = self._prepare_portal_layout_values()
        values |= {"page_name": "tiering_tier", "tiering": card._get_portal_data()}
        return request.render("customer_tiering.portal_my_tier", values)
