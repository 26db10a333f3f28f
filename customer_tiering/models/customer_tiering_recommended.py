import dataclasses

from odoo import api, models

from .. import engine

# How many products are recommended unless somebody asks for another number.
COUNT = 5


class CustomerTieringRecommended(models.AbstractModel):
    """Which products customers are likely to buy next, for mailings, shops and whatever other apps show."""

    _name = "customer.tiering.recommended"
    _description = "Recommended Products"

    @api.model
    def _get_products(self, policy, as_of, partner_ids=None, count=COUNT):
        """Return the products that customers of a policy are likely to buy next, the most likely first.

        What the customer bought often and lately, then what most customers bought, see ``engine.gaps.recommend``. Only
        what is active and sold by the company. Nothing is kept: who asks reads the purchases of two years, of all
        customers of the policy. The caller asks whether the person may see the customers.

        :param policy: one ``customer.tiering.policy``
        :param as_of: a ``datetime.date``, the last day that counts
        :param partner_ids: ids of the customers, commercial partners; None: all who bought something
        :return: ``{customer id: products}``
        """
        policy.ensure_one()
        scope = dataclasses.replace(policy._get_scope(as_of), window_days=730)
        goods = self.env["customer.tiering.reader"]._read_goods(scope)
        products = (
            self.env["product.product"]
            .sudo()
            .search([("sale_ok", "=", True), ("company_id", "in", [False, *policy.company_id.parent_ids.ids])])
        )
        found = engine.gaps.recommend_all(
            goods, partner_ids, products.ids, as_of, policy.company_id.currency_id.decimal_places, count
        )
        return {customer: self.env["product.product"].browse(items) for customer, items in found.items()}
