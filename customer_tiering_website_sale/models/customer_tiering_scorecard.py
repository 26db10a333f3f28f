from odoo import api, fields, models
from odoo.tools import SQL

from ..sources.browsing import KEPT_DAYS, Views


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    # Filled in by runs, because metrics have columns of these names.
    website_visit_count = fields.Integer(
        string="Days with a Visit",
        readonly=True,
        aggregator="avg",
        help=f"On how many of the last {KEPT_DAYS} days somebody of the customer, logged in, viewed a page of the "
        "shop.",
    )
    website_product_count = fields.Integer(
        string="Products Viewed",
        readonly=True,
        aggregator="avg",
        help=f"How many different products the customer's people viewed in the last {KEPT_DAYS} days.",
    )
    website_unbought_count = fields.Integer(
        string="Viewed Twice, Not Bought",
        readonly=True,
        help=f"Products that were viewed at least twice in the last {KEPT_DAYS} days and not ordered since.",
    )
    website_cart_count = fields.Integer(
        string="Abandoned Carts",
        readonly=True,
        help=f"Carts of the last {KEPT_DAYS} days that were filled and not ordered.",
    )
    website_cart_amount = fields.Monetary(
        string="Amount in Abandoned Carts", readonly=True, help="Untaxed amount of the abandoned carts."
    )
    website_unbought_ids = fields.Many2many(
        "product.template",
        string="Looked at Twice and Not Bought",
        compute="_compute_website_unbought_ids",
        compute_sudo=True,
        help="The products that the customer's people viewed at least twice and have not ordered since, as of today.",
    )

    @api.depends("partner_id", "company_id")
    def _compute_website_unbought_ids(self):
        self.env.flush_all()
        for company, cards in self.grouped("company_id").items():
            views = Views(company.id, company._get_tiering_timezone().key, company._get_tiering_today())
            of_people = SQL(
                """(person.commercial_partner_id = ANY(%(ids)s) OR person.id IN (
                       SELECT former.partner_id FROM customer_tiering_former former
                         JOIN res_partner customer ON customer.id = former.customer_id
                        WHERE customer.commercial_partner_id = ANY(%(ids)s)))""",
                ids=cards.partner_id.ids,
            )
            rows = self.env.execute_query(
                SQL(
                    "SELECT customer_id, product_id FROM (%s) unbought ORDER BY viewed_on DESC, 2",
                    views.get_unbought(of_people),
                )
            )
            for card in cards:
                card.website_unbought_ids = [product for customer, product in rows if customer == card.partner_id.id]

    @api.model
    def _get_table_fields(self):
        return [*super()._get_table_fields(), "website_visit_count", "website_cart_count"]
