import dataclasses
import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .. import engine, sources

_logger = logging.getLogger(__name__)

# Purchases of so many days are looked at: who buys every half year must have bought three times.
DAYS = 730
# The columns of a row that is found, beside whose it is; None in the engine's frame is 0 here, and NULL in the table.
COLUMNS = {
    "product_id": "int4",
    "category_id": "int4",
    "kind": "varchar",
    "last_day": "date",
    "usual_gap": "float8",
    "usual_quantity": "float8",
    "yearly_worth": "numeric",
    "buyer_share": "float8",
}


class CustomerTieringGap(models.Model):
    """A product or a category that a customer bought again and again and has stopped buying, or that most of the
    similar customers buy and the customer does not.

    Found by a job of its own, once a week, see ``engine/gaps.py``. A person says that something is not needed: that
    stays, and is not proposed again until the customer buys it.
    """

    _name = "customer.tiering.gap"
    _inherit = ["customer.tiering.given", "customer.tiering.typed"]
    _description = "Stopped Product"
    _order = "yearly_worth desc, id"
    _rec_names_search = ["product_id", "category_id"]

    _typed_sizes = {"reason": 300}

    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    product_id = fields.Many2one("product.product", readonly=True, ondelete="cascade", index="btree_not_null")
    category_id = fields.Many2one("product.category", readonly=True, ondelete="cascade", index="btree_not_null")
    name = fields.Char(string="Product or Category", compute="_compute_name")
    kind = fields.Selection([("stopped", "Stopped"), ("missing", "Missing")], required=True, readonly=True)
    last_day = fields.Date(string="Last Bought", readonly=True)
    usual_gap = fields.Float(
        string="Usual Gap (Days)",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="The median of the days between two days on which the customer bought it.",
    )
    usual_quantity = fields.Float(
        digits="Product Unit",
        readonly=True,
        aggregator="avg",
        help="The median of what the customer bought on one day, in the product's unit.",
    )
    yearly_worth = fields.Monetary(
        readonly=True,
        help="Stopped: what the customer paid in the 365 days up to the last purchase of it. Missing: the median of "
        "that among the customers who buy it.",
    )
    buyer_share = fields.Float(
        string="Bought by Similar Customers",
        readonly=True,
        aggregator="avg",
        help="Which share of the ten most similar customers buys it.",
    )
    state = fields.Selection(
        [("open", "Open"), ("not_needed", "Not Needed")], required=True, readonly=True, default="open"
    )
    reason = fields.Char(string="Why Not Needed", help="In a few words, as “Has an own workshop now”.")
    user_id = fields.Many2one("res.users", string="Said By", readonly=True, index="btree_not_null")
    date = fields.Date(string="Said On", readonly=True)

    _of_customer = models.UniqueIndex(
        "(company_id, partner_id, kind, COALESCE(product_id, 0), COALESCE(category_id, 0))"
    )

    @api.depends("product_id", "category_id")
    def _compute_display_name(self):
        for gap in self:
            gap.display_name = gap.name

    @api.depends("product_id", "category_id")
    @api.depends_context("lang")
    def _compute_name(self):
        # sudo: names of products only, of rows that the person may read
        for gap, known in zip(self, self.sudo(), strict=True):
            gap.name = (known.product_id or known.category_id).display_name

    def write(self, vals):
        if not self.env.su:  # what is found is not a matter of choice
            vals = {fname: value for fname, value in vals.items() if fname in ("reason", "state")}
            if vals:
                self._sign(vals)
        return super().write(vals)

    # ------------------------------------------------------------------
    # What a person does
    # ------------------------------------------------------------------

    def action_not_needed(self):
        """Remember that the customers need none of it, and why."""
        for gap in self:
            if not (gap.reason or "").strip():
                raise UserError(
                    self.env._(
                        "Say in “Why Not Needed” why %(customer)s does not need %(product)s.",
                        customer=gap.partner_id.display_name,
                        product=gap.name,
                    )
                )
        self.write({"state": "not_needed"})

    def action_needed(self):
        """Take it back that it is not needed."""
        self.write({"state": "open", "reason": False})

    def action_add(self):
        """Add the product to the quotation that the context names, in the usual quantity, as the person."""
        self.ensure_one()
        order_id = self.env.context.get("tiering_order_id")
        order = self.env["sale.order"].browse(order_id if type(order_id) is int else None).exists()
        if not order:
            raise UserError(self.env._("Save the quotation first, then add the product."))
        order.check_access("write")
        if order.state not in ("draft", "sent"):
            raise UserError(
                self.env._("%(order)s is no longer a quotation, so nothing is added.", order=order.display_name)
            )
        self.check_access("read")
        if (
            order.partner_id.commercial_partner_id != self.partner_id
            or order.company_id != self.company_id
            or not self.filtered_domain(self._get_sold_domain(self.company_id))
            or not self.product_id
        ):
            raise UserError(
                self.env._("%(product)s cannot be added to %(order)s.", product=self.name, order=order.display_name)
            )
        self.env["sale.order.line"].create(
            {
                "order_id": order.id,
                "product_id": self.product_id.id,
                "product_uom_qty": self.usual_quantity or 1,
            }
        )

    # ------------------------------------------------------------------
    # What is shown
    # ------------------------------------------------------------------

    @api.model
    def _get_sold_domain(self, company):
        """Return the domain of rows whose product ``company`` sells, if it is about a product."""
        sold = Domain("product_id.active", "=", True) & Domain("product_id.sale_ok", "=", True)
        sold &= Domain("product_id.company_id", "in", [False, *company.sudo().parent_ids.ids])
        return Domain("product_id", "=", False) | sold

    @api.model
    def _get_open_domain(self, company):
        """Return the domain of what is proposed in ``company`` today."""
        return Domain("company_id", "=", company.id) & Domain("state", "=", "open") & self._get_sold_domain(company)

    @api.model
    def _get_of(self, partners, company, only_products=False):
        """Return what is proposed for customers, ``{customer id: rows}``, what is worth most first.

        :param partners: customers, commercial partners
        :param only_products: whether categories, and what is missing, are left out
        """
        if company.id not in self.env["customer.tiering.policy"]._get_looking():
            return {}
        domain = self._get_open_domain(company) & Domain("partner_id", "in", partners.ids)
        if only_products:
            domain &= Domain("product_id", "!=", False)
        return {partner.id: gaps for partner, gaps in self.search(domain).grouped("partner_id").items()}

    # ------------------------------------------------------------------
    # What is found
    # ------------------------------------------------------------------

    @api.model
    def _cron_find(self):
        """Look in every company with a policy that wants it; what fails does not stop the others."""
        looking = self.env["res.company"].browse(self.env["customer.tiering.policy"]._get_looking())
        self.env.cr.execute(
            SQL("DELETE FROM customer_tiering_gap WHERE state = 'open' AND NOT company_id = ANY(%s)", looking.ids)
        )
        self.env["customer.tiering.recommendation"]._forget_others(looking)
        cron = self.env["ir.cron"]
        companies = looking.filtered("active").sorted("id")
        cron._commit_progress(remaining=len(companies))
        for company in companies:
            try:
                with self.env.cr.savepoint():
                    self._find(company, company._get_tiering_today())
            except Exception:
                _logger.exception("Customer tiering: looking for stopped products of %s has failed", company.name)
            cron._commit_progress(1)

    @api.model
    def _find(self, company, as_of):
        """Find anew what the customers of a company have stopped buying, or lack, and keep what people said; and what
        they are likely to buy next.

        :param as_of: a ``datetime.date``, the last day that counts
        """
        policies = self.env["customer.tiering.policy"].search(
            [("company_id", "=", company.id), ("look_for_gaps", "=", True)]
        )
        read = [
            self.env["customer.tiering.reader"]._read_goods(
                dataclasses.replace(policy._get_scope(as_of), window_days=DAYS)
            )
            for policy in policies
        ]
        self.env["customer.tiering.recommendation"]._keep(company, read, as_of)
        found, bought = engine.gaps.find_all(read, as_of, company.currency_id.decimal_places)
        self._forget_bought(company, bought)
        cr = self.env.cr
        columns = SQL(", ").join(map(SQL.identifier, ("partner_id", *COLUMNS)))
        typed = SQL(", ").join(
            SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in {"partner_id": "int4", **COLUMNS}.items()
        )
        cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.found_gap"))
        cr.execute(SQL("CREATE TEMPORARY TABLE found_gap (%s) ON COMMIT DROP", typed))
        sources.rows.copy_frame(cr, "found_gap", found, {"partner_id": "int4", **COLUMNS})
        parameters = {"company": company.id, "columns": columns, "uid": self.env.uid}
        cr.execute(
            SQL(
                """
                DELETE FROM found_gap USING product_product product
                  JOIN product_template template ON template.id = product.product_tmpl_id
                 WHERE product.id = found_gap.product_id
                   AND NOT (product.active IS TRUE AND template.active IS TRUE AND template.sale_ok IS TRUE
                            AND (template.company_id IS NULL OR template.company_id = ANY(%(sellers)s)))
                """,
                sellers=company.parent_ids.ids,  # a branch sells what its company does
            )
        )
        cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_gap gap
                 WHERE company_id = %(company)s AND state = 'open'
                   AND NOT EXISTS (SELECT FROM found_gap found
                                    WHERE (found.partner_id, found.kind) = (gap.partner_id, gap.kind)
                                      AND found.product_id = COALESCE(gap.product_id, 0)
                                      AND found.category_id = COALESCE(gap.category_id, 0))
                """,
                **parameters,
            )
        )
        changing = [name for name in COLUMNS if name not in ("product_id", "category_id", "kind")]
        cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_gap AS gap
                            (company_id, state, create_uid, write_uid, create_date, write_date, %(columns)s)
                SELECT %(company)s, 'open', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC',
                       partner_id, NULLIF(product_id, 0), NULLIF(category_id, 0), kind, last_day, usual_gap,
                       usual_quantity, yearly_worth, buyer_share
                  FROM found_gap
                ON CONFLICT (company_id, partner_id, kind, COALESCE(product_id, 0), COALESCE(category_id, 0))
                DO UPDATE SET (%(changing)s) = ROW(%(excluded)s)
                     WHERE gap.state = 'open' AND (%(kept)s) IS DISTINCT FROM (%(excluded)s)
                """,
                changing=SQL(", ").join(map(SQL.identifier, changing)),
                excluded=SQL(", ").join(SQL.identifier("excluded", name) for name in changing),
                kept=SQL(", ").join(SQL.identifier("gap", name) for name in changing),
                **parameters,
            )
        )
        self.env.invalidate_all(flush=False)

    @api.model
    def _forget_bought(self, company, bought):
        """Delete what people said of products that the customers bought since: it may be proposed again.

        :param bought: when they last bought what, as ``engine.gaps.find_all`` returns it
        """
        said = self.search([("company_id", "=", company.id), ("state", "=", "not_needed")])
        gone = self.browse()
        for gap in said:
            fname = "product_id" if gap.product_id else "category_id"
            last = bought[fname].get((gap.partner_id.id, gap[fname].id))
            if last is not None and (not gap.last_day or last.date() > gap.last_day):
                gone |= gap
        gone.unlink()
        self.env.flush_all()

    @api.model
    def _merge(self, targets):
        """What was found is found anew; what people said goes along, unless they said it of the other one, too."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_gap gap
                 USING unnest(%s, %s) AS given (source, target)
                 WHERE gap.partner_id = given.source AND (gap.state = 'open' OR EXISTS (
                       SELECT FROM customer_tiering_gap other
                         LEFT JOIN unnest(%s, %s) AS also (source, target) ON also.source = other.partner_id
                        WHERE COALESCE(also.target, other.partner_id) = given.target AND other.id != gap.id
                          AND (other.company_id, other.kind) = (gap.company_id, gap.kind)
                          AND COALESCE(other.product_id, 0) = COALESCE(gap.product_id, 0)
                          AND COALESCE(other.category_id, 0) = COALESCE(gap.category_id, 0)
                          AND (also.source IS NULL OR other.id < gap.id)))
                """,
                *(2 * (list(targets), list(targets.values()))),
            )
        )
        return super()._merge(targets)
