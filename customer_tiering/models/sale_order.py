import logging
from datetime import timezone

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import jobs, sources
from ..fields import UncheckedMany2one
from .customer_tiering_run import RETRYABLE

_logger = logging.getLogger(__name__)

# So many orders are filled in one transaction. People who save one of them meanwhile wait that long.
FILL_BATCH = 1000


class SaleOrder(models.Model):
    _name = "sale.order"
    _inherit = ["sale.order", "customer.tiering.shown", "customer.tiering.recorded"]
    _tiering_recorded = ("tiering_tier_id", "tiering_tier_filled")

    # Stored, and set once: which tier the customer was in when they ordered stays true whatever
    # happens to the customer later. A related field would rewrite history with every run.
    tiering_tier_id = UncheckedMany2one(
        "customer.tier",
        string="Tier at Confirmation",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        groups="sales_team.group_sale_salesman",
        help="The customer's tier when the order was confirmed.",
    )
    tiering_tier_filled = fields.Boolean(
        string="Filled Later",
        readonly=True,
        copy=False,
        groups="sales_team.group_sale_salesman",
        help="The tier at confirmation was not recorded when the order was confirmed, but found in the history later.",
    )
    # What an order was worth as a purchase when it could lift somebody: by this a run knows what was cancelled or
    # corrected later.
    tiering_amount = fields.Monetary(
        string="Untaxed Amount at Confirmation",
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
    )
    tiering_price_hint = fields.Char(
        compute="_compute_tiering_price_hint",
        groups="sales_team.group_sale_salesman",
        help="Says that the customer's tier, and with it the pricelist, has changed since the quotation was made.",
    )

    tiering_needs = fields.Char(
        string="Customer's Needs",
        compute="_compute_tiering_needs",
        groups="sales_team.group_sale_salesman",
        help="What the customer needs otherwise than others, as people have noted it.",
    )

    tiering_gap_ids = fields.Many2many(
        "customer.tiering.gap",
        string="Stopped Products",
        compute="_compute_tiering_gap_ids",
        groups="sales_team.group_sale_salesman",
        help="Products that the customer bought again and again and has stopped buying, and that are not on this "
        "quotation.",
    )

    @api.depends("partner_id", "company_id", "state", "order_line.product_id")
    @api.depends_context("uid")
    def _compute_tiering_gap_ids(self):
        self.tiering_gap_ids = False
        drafts = self.filtered(lambda order: order.state in ("draft", "sent") and order.partner_id)
        for company, orders in drafts.grouped(lambda order: order.company_id or order.env.company).items():
            of_customer = self.env["customer.tiering.gap"]._get_of(
                orders.partner_id.commercial_partner_id, company, only_products=True
            )
            for order in orders:
                gaps = of_customer.get(
                    order.partner_id.commercial_partner_id._origin.id, self.env["customer.tiering.gap"]
                )
                listed = order.order_line.product_id
                order.tiering_gap_ids = gaps.filtered(lambda gap, listed=listed: gap.product_id not in listed)[:5]

    @api.depends("partner_id", "company_id")
    @api.depends_context("uid", "lang")
    def _compute_tiering_needs(self):
        for company, orders in self.grouped(lambda order: order.company_id or order.env.company).items():
            customers = orders.partner_id.commercial_partner_id
            needs = self.env["customer.tiering.need"].with_company(company)._get_of(customers)
            for order in orders:
                found = needs.get(order.partner_id.commercial_partner_id.id)
                order.tiering_needs = bool(found) and found._tell()

    # ------------------------------------------------------------------
    # What the customer's tier gives a new quotation
    # ------------------------------------------------------------------

    @api.depends("partner_id")
    def _compute_payment_term_id(self):
        """Put the payment terms of the customer's tier behind a person's choice and before the company's default."""
        result = super()._compute_payment_term_id()
        for company, orders in self.grouped("company_id").items():
            tiers = orders.partner_id.with_company(company)._get_payment_term_tiers()
            for order in orders.filtered(lambda order, tiers=tiers: order.partner_id.id in tiers):
                order.payment_term_id = tiers[order.partner_id.id].payment_term_id
        return result

    @api.depends("partner_id")
    def _compute_user_id(self):
        """Propose the account manager of the tier where neither the contact nor its company has a salesperson.

        Where Odoo would propose who makes the quotation. Not to salespeople who see their own documents only: they
        could not save a quotation of somebody else.
        """
        # As in Odoo's own: the salesperson of a saved quotation stays.
        new = self.filtered(lambda order: not (order._origin.id and order.user_id))
        result = super()._compute_user_id()
        user = self.env.user
        if user.has_group("sales_team.group_sale_salesman") and not user.has_group(
            "sales_team.group_sale_salesman_all_leads"
        ):
            return result
        for order, tier in new._get_proposing_tiers().items():
            order.user_id = tier._get_usable("user_id") or order.user_id
        return result

    @api.depends("user_id")
    def _compute_team_id(self):
        """Propose the sales team of the tier together with its account manager, or to a new quotation alone."""
        result = super()._compute_team_id()
        for order, tier in self._get_proposing_tiers().items():
            manager = tier._get_usable("user_id")
            if order.user_id == manager if manager else not order._origin.id:
                order.team_id = tier._get_usable("team_id") or order.team_id
        return result

    def _get_proposing_tiers(self):
        """Return ``{order: tier}`` of the orders to customers without a salesperson whose tier proposes one, or a team.

        A cart of a website has none before it is confirmed, and then the website's.
        """
        if not self.env.user._is_internal():
            return {}
        result = {}
        for company, orders in self.grouped("company_id").items():
            tiers = orders.partner_id.with_company(company)._get_proposing_tiers()
            result |= {order: tiers[order.partner_id.id] for order in orders if order.partner_id.id in tiers}
        return result

    # ------------------------------------------------------------------
    # Quotations older than the customer's tier
    # ------------------------------------------------------------------

    @api.depends("state", "partner_id", "company_id", "pricelist_id")
    @api.depends_context("lang")
    def _compute_tiering_price_hint(self):
        self.tiering_price_hint = False
        drafts = self.filtered(lambda order: order.state == "draft" and order._origin.id)
        for company, orders in drafts.grouped("company_id").items():
            moved = orders._get_moved_since(company)
            # Archived ones too: the tier that the customer has left may be one.
            tiers = self.env["customer.tier"].with_context(active_test=False).search([("company_id", "=", company.id)])
            for order, tier in moved.items():
                pricelist = order._get_tiering_pricelist()
                chosen = order.partner_id.with_company(company).specific_property_product_pricelist
                if (
                    pricelist == order.pricelist_id
                    or pricelist == chosen
                    or not (pricelist | order.pricelist_id) & tiers.pricelist_id
                ):
                    continue
                names = {
                    "pricelist": pricelist.display_name or self.env._("none"),
                    "used": order.pricelist_id.display_name or self.env._("none"),
                }
                order.tiering_price_hint = (
                    self.env._(
                        "This customer has moved to %(tier)s. The customer's pricelist is %(pricelist)s; "
                        "this quotation still uses %(used)s.",
                        tier=tier.name,
                        **names,
                    )
                    if tier
                    else self.env._(
                        "This customer has left its tier. The customer's pricelist is %(pricelist)s; "
                        "this quotation still uses %(used)s.",
                        **names,
                    )
                )

    def _get_moved_since(self, company):
        """Return ``{order: tier}`` of those of these orders of ``company`` whose customer has moved since then.

        From the day on which the quotation was made. The tier is none for who has left the last one.
        """
        cards = self.env["customer.tiering.scorecard"].search_fetch(
            [("partner_id", "in", self.partner_id.commercial_partner_id.ids), ("company_id", "=", company.id)],
            ["partner_id", "tier_id", "tier_since"],
        )
        zone = company._get_tiering_timezone()
        card_of = {card.partner_id: card for card in cards}
        result = {}
        for order in self:
            card = card_of.get(order.partner_id.commercial_partner_id)
            created = order.create_date.replace(tzinfo=timezone.utc).astimezone(zone).date()
            if card and card.tier_since and card.tier_since >= created:
                result[order] = card.tier_id
        return result

    def _get_tiering_pricelist(self):
        """Return the pricelist that a new quotation to this customer would have."""
        self.ensure_one()
        return self.partner_id.with_company(self.company_id).property_product_pricelist

    def action_tiering_update_prices(self):
        """Give this quotation the customer's present pricelist and its prices, as Odoo's own button does."""
        self.ensure_one()
        if self.state != "draft":
            raise UserError(
                self.env._("%(order)s is no longer a draft, so its prices stay as they are.", order=self.display_name)
            )
        self.pricelist_id = self._get_tiering_pricelist()
        self.action_update_prices()

    # ------------------------------------------------------------------
    # Confirmation
    # ------------------------------------------------------------------

    def _action_confirm(self):
        tiers = self.env["customer.tiering.refresh"]._add_affected(self)
        # Nothing depends on these fields, and nobody follows their changes: put beside the new state in the cache, they
        # go to the database in the same UPDATE, because the person who confirms waits.
        tier, amount = self._fields["tiering_tier_id"], self._fields["tiering_amount"]
        filled = self._fields["tiering_tier_filled"]
        for order, worth in self._get_tiering_worth().items():
            tier._update_cache(order, tiers.get(order.company_id, {}).get(order.partner_id.id), dirty=True)
            amount._update_cache(order, worth, dirty=True)
            filled._update_cache(order, False, dirty=True)
        return super()._action_confirm()

    def _get_tiering_worth(self):
        """Return what these orders are worth as purchases, ``{order: money of its currency}``."""
        worth = {order: order.amount_untaxed for order in self}
        products = self.env["customer.tiering.reader"]._get_advance_products()
        if products:
            ids = {product_id for (product_id,) in self.env.execute_query(products)}
            for line in self.order_line:
                if line.product_id.id in ids:
                    worth[line.order_id] -= line.price_subtotal
        return worth

    def _action_cancel(self):
        self.env["customer.tiering.refresh"]._add_affected(self)  # as long as it can be seen which ones counted
        return super()._action_cancel()

    # ------------------------------------------------------------------
    # Orders that were confirmed without the addon, or imported
    # ------------------------------------------------------------------

    @api.model
    def _cron_fill_tiers(self):
        """Give confirmed orders that recorded nothing the tier that the history knows for their day.

        What was filled stays when this is interrupted, and the next call goes on with the others. Who saves an order at
        the same moment is repeated by Odoo, and so is this.
        """
        # sudo: the job belongs to the system user, and archived companies have old orders, too
        companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
        waiting = {company: self._count_fillable(company) for company in companies}
        jobs.begin(self.env, left=sum(waiting.values()))
        try:
            for company in companies.filtered(waiting.get):
                last, done = self._fill_tiers(company, 0)
                while done:
                    if not jobs.commit(self.env, done):
                        return
                    last, done = self._fill_tiers(company, last)
        except RETRYABLE as error:
            self.env.cr.rollback()
            _logger.info("The tiers of old orders are filled later: %s", str(error).strip())
            jobs.call_again(self.env, jobs.FILL)
        jobs.commit(self.env, left=0)

    @api.model
    def _get_fillable(self, company):
        """Return the FROM and WHERE of the orders of a company of which the history may know the tier, as SQL.

        Orders that recorded their amount recorded their tier with it, be it none.
        """
        return SQL(
            """
            FROM sale_order placed
           WHERE placed.company_id = %(company)s AND %(confirmed)s
             AND placed.tiering_tier_id IS NULL AND placed.tiering_amount IS NULL
             AND %(day)s > (SELECT MIN(date) FROM customer_tier_change WHERE company_id = %(company)s)
            """,
            company=company.id,
            confirmed=sources.orders.is_confirmed("placed"),
            day=self._get_tiering_day(company),
        )

    @api.model
    def _get_tiering_day(self, company):
        return sources.orders.get_day(company._get_tiering_timezone().key, "placed")

    @api.model
    def _count_fillable(self, company, most=None):
        """Return how many orders of a company the job would look at.

        :param most: no more than so many are counted
        """
        self.env.flush_all()
        query = SQL("SELECT COUNT(*) FROM (SELECT 1 %s LIMIT %s) counted", self._get_fillable(company), most)
        return self.env.execute_query(query)[0][0]

    @api.model
    def _fill_tiers(self, company, after):
        """Fill the tiers of the next ``FILL_BATCH`` orders of a company. No ORM: hundreds of thousands may be old.

        The tier is that of the last change before the day of the order, on which it has not counted yet, as in the
        sales analysis; of the customer to whom the contact belonged then.

        :param after: the id of the last order that was looked at, 0 at the beginning
        :return: the id of the last order that was looked at now, and how many were
        """
        self.env.flush_all()
        query = SQL(
            """
            WITH page AS (
                SELECT placed.id, placed.partner_id, placed.date_order, %(day)s AS day
                %(fillable)s AND placed.id > %(after)s
              ORDER BY placed.id LIMIT %(batch)s),
            found AS (
                SELECT page.id, change.to_tier_id
                  FROM page
                  JOIN res_partner buyer ON buyer.id = page.partner_id
            CROSS JOIN LATERAL (
                    SELECT to_tier_id FROM customer_tier_change
                     WHERE partner_id = %(customer)s AND company_id = %(company)s AND date < page.day
                  ORDER BY id DESC LIMIT 1) change
                  JOIN customer_tier tier ON tier.id = change.to_tier_id),
            filled AS (
                UPDATE sale_order SET tiering_tier_id = found.to_tier_id, tiering_tier_filled = TRUE
                  FROM found WHERE sale_order.id = found.id)
            SELECT COALESCE(MAX(id), 0), COUNT(*) FROM page
            """,
            day=self._get_tiering_day(company),
            fillable=self._get_fillable(company),
            after=after,
            batch=FILL_BATCH,
            customer=sources.customers.get_customer(SQL("buyer"), SQL("page.date_order")),
            company=company.id,
        )
        result = self.env.execute_query(query)[0]
        self.invalidate_model(["tiering_tier_id", "tiering_tier_filled"], flush=False)
        return result
