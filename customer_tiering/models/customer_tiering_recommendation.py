from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .. import engine, sources

# So many products are recommended to a customer, at most.
COUNT = 5


class CustomerTieringRecommendation(models.Model):
    """The products that a customer is likely to buy next, for mailings, shops and whatever other apps show.

    Found once a week by the job that looks for stopped products, for the customers of the policies that want it: what
    the customer bought often and lately, then what most customers of the policy bought, see ``engine.gaps.recommend``.
    What is recommended is worth a look at any time: it is read back without what is not sold any more.
    """

    _name = "customer.tiering.recommendation"
    _inherit = ["customer.tiering.given"]
    _description = "Recommended Products"
    _order = "id"
    _rec_name = "partner_id"
    # Only the job writes them, set-wise.
    _log_access = False

    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    # No relation: it has an order, and a row of a customer is replaced as a whole.
    product_data = fields.Json(string="Products", required=True, readonly=True)

    _of_customer = models.UniqueIndex("(company_id, partner_id)")

    @api.model
    def _get_sold_domain(self, company):
        """Return the domain of the products that may be recommended to customers of ``company``."""
        sellers = company.sudo().parent_ids.ids  # a branch sells what its company does
        return Domain("sale_ok", "=", True) & Domain("company_id", "in", [False, *sellers])

    @api.model
    def _get_domain(self, company):
        """Return the domain of what is recommended in ``company`` today."""
        if company.id not in self.env["customer.tiering.policy"]._get_looking():
            return Domain.FALSE
        return Domain("company_id", "=", company.id)

    @api.model
    def _get_of(self, customers, company):
        """Return the products recommended to customers that are active and sold today, the likeliest first.

        Of customers who are hidden from the person nothing is said.

        :param customers: commercial partners
        :return: ``{customer id: products}``, products as superuser; without those for whom there is none
        """
        domain = self._get_domain(company) & Domain("partner_id", "in", customers.ids)
        data = {
            row.partner_id.id: row.product_data for row in self.search_fetch(domain, ["partner_id", "product_data"])
        }
        named = sorted(set().union(*data.values()))
        # sudo: who may read the row may know the names of what the company sells to anybody
        sold = self.env["product.product"].sudo().search(Domain("id", "in", named) & self._get_sold_domain(company))
        known = set(sold.ids)
        found = {customer: sold.browse(id_ for id_ in ids if id_ in known) for customer, ids in data.items()}
        return {customer: products.with_prefetch(sold.ids) for customer, products in found.items() if products}

    # ------------------------------------------------------------------
    # What is found
    # ------------------------------------------------------------------

    @api.model
    def _keep(self, company, read, as_of):
        """Keep what the customers of a company are likely to buy next, and forget what was recommended to others.

        :param read: what the customers of each policy bought, as ``customer.tiering.reader._read_goods`` returns it
        :param as_of: a ``datetime.date``, the last day that counts
        """
        sold = self.env["product.product"].sudo().search(self._get_sold_domain(company))
        found = engine.gaps.recommend_all(read, sold.ids, as_of, company.currency_id.decimal_places, COUNT)
        self.env.flush_all()
        cr = self.env.cr
        cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.found_recommendation"))
        cr.execute(
            SQL("CREATE TEMPORARY TABLE found_recommendation (customer int4, item int4, rank int4) ON COMMIT DROP")
        )
        types = dict.fromkeys(("customer", "item", "rank"), "int4")
        sources.rows.copy_frame(cr, "found_recommendation", found.set_index("customer"), types)
        cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_recommendation kept
                 WHERE company_id = %s
                   AND NOT EXISTS (SELECT FROM found_recommendation found WHERE found.customer = kept.partner_id)
                """,
                company.id,
            )
        )
        cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_recommendation AS kept (company_id, partner_id, product_data)
                SELECT %s, customer, jsonb_agg(item ORDER BY rank)
                  FROM found_recommendation
              GROUP BY customer
                ON CONFLICT (company_id, partner_id)
                DO UPDATE SET product_data = excluded.product_data
                     WHERE kept.product_data IS DISTINCT FROM excluded.product_data
                """,
                company.id,
            )
        )
        self.env.invalidate_all(flush=False)

    @api.model
    def _forget_others(self, companies):
        """Forget what was recommended in other companies than these."""
        self.env.cr.execute(
            SQL("DELETE FROM customer_tiering_recommendation WHERE NOT company_id = ANY(%s)", companies.ids)
        )
        self.invalidate_model(flush=False)

    @api.model
    def _merge(self, targets):
        """What was recommended to either is not so to both together: the next time it is looked for says."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                "DELETE FROM customer_tiering_recommendation WHERE partner_id = ANY(%s)",
                [*targets, *targets.values()],
            )
        )
        self.invalidate_model(flush=False)
