from datetime import datetime, time, timedelta, timezone

from lxml import etree

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_list

from ..fields import DerivedMany2one, ScorecardMany2one
from ..sentences import format_number
from ..sources.messages import is_personal
from .customer_tiering_typed import UNFIT, take

GROUP = "sales_team.group_sale_salesman"
# Who moved up so many days ago has done so lately.
LATELY_DAYS = 14


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "customer.tiering.referred"]

    tiering_scorecard_id = ScorecardMany2one(
        "customer.tiering.scorecard",
        string="Scorecard",
        compute="_compute_tiering_scorecard_id",
        search="_search_tiering_scorecard_id",
        compute_sudo=True,
        groups=GROUP,
        help="The scorecard of the customer in the current company; contacts show their company's.",
    )
    # For what must not depend on who looks, such as prices.
    tiering_unfiltered_card_id = DerivedMany2one(
        "customer.tiering.scorecard",
        compute="_compute_tiering_unfiltered_card_id",
        compute_sudo=True,
        exportable=False,
        groups=fields.NO_ACCESS,
        help="The same, also where the person may not see it.",
    )
    tiering_tier_id = DerivedMany2one(
        related="tiering_scorecard_id.tier_id",
        string="Tier",
        group_expand="_read_group_tiering_tier_id",
        groups=GROUP,
        help="The tier of the customer in the current company. Automation rules do not see it change: let a playbook "
        "run a server action instead.",
    )
    tiering_tier_color = fields.Integer(
        related="tiering_scorecard_id.tier_id.color", string="Tier Color", groups=GROUP, aggregator=None
    )
    tiering_segment_id = DerivedMany2one(related="tiering_scorecard_id.segment_id", string="Segment", groups=GROUP)
    tiering_segment_color = fields.Integer(
        related="tiering_scorecard_id.segment_id.color", string="Segment Color", groups=GROUP, aggregator=None
    )
    # No sums and averages on partners: contacts show their company's numbers, which would count them
    # again, and each grouped list would pay for them. The tiering table has them.
    tiering_score = fields.Float(related="tiering_scorecard_id.score", string="Score", groups=GROUP, aggregator=None)
    tiering_currency_id = DerivedMany2one(
        related="tiering_scorecard_id.company_id.currency_id", string="Tiering Currency", groups=GROUP
    )
    tiering_amount = fields.Monetary(
        related="tiering_scorecard_id.amount",
        string="Amount in the Window",
        currency_field="tiering_currency_id",
        aggregator=None,
        groups=GROUP,
    )
    tiering_average_order = fields.Monetary(
        related="tiering_scorecard_id.average_order",
        string="Average Order",
        currency_field="tiering_currency_id",
        aggregator=None,
        groups=GROUP,
    )
    tiering_order_count = fields.Integer(
        related="tiering_scorecard_id.order_count", string="Orders in the Window", groups=GROUP, aggregator=None
    )
    tiering_recency_days = fields.Integer(
        related="tiering_scorecard_id.recency_days", string="Days since Last Order", groups=GROUP, aggregator=None
    )
    tiering_last_order_date = fields.Date(
        related="tiering_scorecard_id.last_order_date", string="Last Order", groups=GROUP
    )
    tiering_gap_median_days = fields.Float(
        related="tiering_scorecard_id.gap_median_days", string="Purchase Cycle (Days)", groups=GROUP, aggregator=None
    )
    tiering_contact_count = fields.Integer(
        related="tiering_scorecard_id.contact_count", string="Interactions in the Window", groups=GROUP, aggregator=None
    )
    tiering_last_contact_date = fields.Date(
        related="tiering_scorecard_id.last_contact_date", string="Last Interaction", groups=GROUP
    )
    tiering_motive_id = DerivedMany2one(related="tiering_scorecard_id.motive_id", string="Buying Motive", groups=GROUP)
    tiering_motive_color = fields.Integer(
        related="tiering_scorecard_id.motive_id.color", string="Motive Color", groups=GROUP, aggregator=None
    )
    # Unlike what is proposed, no run brings it about: policies can choose customers by it.
    tiering_said_motive_id = DerivedMany2one(
        "customer.tiering.motive",
        string="Buying Motive, as a Person Said",
        compute="_compute_tiering_said_motive_id",
        search="_search_tiering_said_motive_id",
        groups=GROUP,
        help="What matters to the customer, as a person has said in the current company.",
    )
    tiering_lifecycle = fields.Selection(
        related="tiering_scorecard_id.lifecycle", string="Lifecycle Stage", groups=GROUP
    )
    tiering_risk = fields.Selection(related="tiering_scorecard_id.risk", string="Risk", groups=GROUP)
    tiering_risk_rank = fields.Integer(
        related="tiering_scorecard_id.risk_rank", string="Risk (%)", groups=GROUP, aggregator=None
    )
    tiering_forecast_grade = fields.Selection(
        related="tiering_scorecard_id.forecast_grade",
        string="Grade of the Forecast",
        groups=GROUP,
        exportable=False,
    )
    tiering_risk_reason = fields.Char(
        related="tiering_scorecard_id.risk_reason", string="Reason for the Risk", groups=GROUP
    )
    tiering_expected_loss = fields.Monetary(
        related="tiering_scorecard_id.expected_loss",
        string="Expected Loss",
        currency_field="tiering_currency_id",
        aggregator=None,
        groups=GROUP,
    )
    tiering_lateness = fields.Float(
        related="tiering_scorecard_id.lateness", string="Lateness", groups=GROUP, aggregator=None
    )
    tiering_growth = fields.Float(
        related="tiering_scorecard_id.growth", string="Growth (%)", groups=GROUP, aggregator=None
    )
    tiering_gap_regularity = fields.Float(
        related="tiering_scorecard_id.gap_regularity", string="Regularity (%)", groups=GROUP, aggregator=None
    )
    tiering_top_category_id = DerivedMany2one(
        related="tiering_scorecard_id.top_category_id", string="Top Category", groups=GROUP
    )
    tiering_open_quotation_count = fields.Integer(
        related="tiering_scorecard_id.open_quotation_count", string="Open Quotations", groups=GROUP, aggregator=None
    )
    tiering_open_quotation_amount = fields.Monetary(
        related="tiering_scorecard_id.open_quotation_amount",
        string="Open Quotation Amount",
        currency_field="tiering_currency_id",
        aggregator=None,
        groups=GROUP,
    )
    tiering_recency_score = fields.Integer(
        related="tiering_scorecard_id.recency_score", string="R Score", groups=GROUP, aggregator=None
    )
    tiering_frequency_score = fields.Integer(
        related="tiering_scorecard_id.frequency_score", string="F Score", groups=GROUP, aggregator=None
    )
    tiering_monetary_score = fields.Integer(
        related="tiering_scorecard_id.monetary_score", string="M Score", groups=GROUP, aggregator=None
    )
    tiering_tier_since = fields.Date(
        related="tiering_scorecard_id.tier_since", string="In This Tier Since", groups=GROUP
    )
    tiering_computed_tier_id = DerivedMany2one(
        related="tiering_scorecard_id.computed_tier_id", string="Computed Tier", groups=GROUP
    )
    tiering_differs = fields.Boolean(
        related="tiering_scorecard_id.differs", string="Lock Changes the Tier", groups=GROUP
    )
    tiering_pending_tier_id = DerivedMany2one(
        related="tiering_scorecard_id.pending_tier_id", string="Announced Downgrade", groups=GROUP
    )
    tiering_pending_date = fields.Date(related="tiering_scorecard_id.pending_date", string="Downgrade On", groups=GROUP)
    tiering_upgrade_tier_id = DerivedMany2one(
        related="tiering_scorecard_id.upgrade_tier_id", string="Announced Upgrade", groups=GROUP
    )
    tiering_upgrade_date = fields.Date(related="tiering_scorecard_id.upgrade_date", string="Upgrade On", groups=GROUP)
    tiering_lock_id = DerivedMany2one(related="tiering_scorecard_id.lock_id", string="Tier Lock", groups=GROUP)
    tiering_next_tier_id = DerivedMany2one(
        related="tiering_scorecard_id.next_tier_id", string="Next Tier", groups=GROUP
    )
    tiering_points_to_next = fields.Float(
        related="tiering_scorecard_id.points_to_next", string="Points to the Next Tier", groups=GROUP, aggregator=None
    )
    tiering_explanation = fields.Json(
        related="tiering_scorecard_id.explanation_data", string="Tiering Explanation", groups=GROUP
    )
    tiering_price_source = fields.Char(string="Pricelist From", compute="_compute_tiering_price_source", groups=GROUP)
    tiering_payment_term_source = fields.Char(
        string="Payment Terms From", compute="_compute_tiering_payment_term_source", groups=GROUP
    )
    tiering_proposed_user_id = DerivedMany2one(
        "res.users",
        string="Account Manager of the Tier",
        compute="_compute_tiering_proposed_user_id",
        groups=GROUP,
        help="The person proposed as the salesperson, to those who may change the customer, where neither the contact "
        "nor its company has one.",
    )

    tiering_moved_up = fields.Boolean(
        string="Moved Up Lately",
        compute="_compute_tiering_moved_up",
        search="_search_tiering_moved_up",
        groups=GROUP,
        help=f"The customer has reached this tier from a lower one in the last {LATELY_DAYS} days.",
    )
    tiering_contact_due = fields.Boolean(
        string="Interaction Due",
        compute="_compute_tiering_contact_due",
        search="_search_tiering_contact_due",
        groups=GROUP,
        help="Nobody has been in touch with the customer for as many days as the tier allows (“Interaction Every”).",
    )

    tiering_gap_count = fields.Integer(
        string="Stopped Products",
        compute="_compute_tiering_gap_count",
        search="_search_tiering_gap_count",
        groups=GROUP,
        help="How many products and categories the customer has stopped buying, or lacks beside similar customers.",
    )

    # Can be searched for, because Odoo proposes such fields only as placeholders of mails.
    tiering_recommended = fields.Char(
        string="Recommended Products",
        compute="_compute_tiering_recommended",
        search="_search_tiering_recommended",
        groups=GROUP,
        exportable=False,
        help="Up to five products that the customer is likely to buy next, in the language of the contact, as a "
        "placeholder of mailings. Empty where no policy looks for it, or nothing is known.",
    )

    tiering_today = fields.Char(
        string="Today",
        compute="_compute_tiering_today",
        groups=GROUP,
        help="Whether somebody has been in touch with the customer or its contacts today. The last interaction, and "
        "all that follows from it, is computed in the night.",
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("company")
    def _compute_tiering_unfiltered_card_id(self):
        cards = self.env["customer.tiering.scorecard"].search_fetch(
            [
                ("partner_id", "in", self.commercial_partner_id._origin.ids),
                ("company_id", "=", self.env.company.id),
            ],
            ["partner_id", "tier_id", "score"],  # what is shown everywhere, in one query
        )
        card_of = {card.partner_id.id: card for card in cards}
        for partner in self:
            partner.tiering_unfiltered_card_id = card_of.get(partner.commercial_partner_id._origin.id, False)

    @api.depends("tiering_unfiltered_card_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_scorecard_id(self):
        cards = self.tiering_unfiltered_card_id
        seen = cards.filtered_domain(self.env["ir.rule"]._get_tiering_domain(cards._name))
        for partner in self:
            partner.tiering_scorecard_id = partner.tiering_unfiltered_card_id & seen

    def _search_tiering_scorecard_id(self, operator, value):
        """Turn a condition on the scorecard into one on the commercial partner.

        Negative operators are left to the ORM, which negates the positive condition; so "no tier"
        finds customers without a scorecard too.
        """
        # A search checks the groups of stored fields only, and repeats this method as superuser when
        # it raises an AccessError; so who may not see scorecards finds nothing by them.
        if not self._has_field_access(self._fields["tiering_scorecard_id"], "read"):
            return Domain.FALSE
        own = self._tiering_company_domain()
        if operator in ("any", "any!") and isinstance(value, Domain):
            try:
                return self._tiering_scorecard_domain(own & value)
            except AccessError:  # which would have Odoo repeat this as superuser, too, where a related field leads here
                return Domain.FALSE
        if operator == "in":
            domain = self._tiering_scorecard_domain(own & Domain("id", "in", [id_ for id_ in value if id_]))
            if not all(value):
                domain |= ~self._tiering_scorecard_domain(own)
            return domain
        return NotImplemented

    @api.model
    def _tiering_company_domain(self):
        return Domain("company_id", "=", self.env.company.id)

    def _tiering_scorecard_domain(self, domain):
        # Who may use the field (its groups) sees the scorecards of the current company, and by them no more than
        # elsewhere: sudo would search orders and users behind them, too, which the person may not see.
        cards = self.env["customer.tiering.scorecard"]
        query = cards._search(domain & self.env["ir.rule"]._get_tiering_domain(cards._name), bypass_access=True)
        return Domain("commercial_partner_id", "any!", query.select(SQL.identifier(query.table, "partner_id")))

    @api.depends("commercial_partner_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_said_motive_id(self):
        said = self.env["customer.tiering.motive.word"]._get_last(self.commercial_partner_id, self.env.company)
        for partner in self:
            word = said.get((partner.commercial_partner_id, self.env.company))
            partner.tiering_said_motive_id = word and word.motive_id

    def _search_tiering_said_motive_id(self, operator, value):
        motives = self.env["customer.tiering.motive"].with_context(active_test=False)
        if operator == "any" and isinstance(value, Domain):
            operator, value = "in", motives.search(value).ids
        elif operator in ("like", "ilike", "=like", "=ilike"):  # by the name
            operator, value = "in", motives.search([("display_name", operator, value)]).ids
        if operator != "in":
            return NotImplemented
        words = self.env["customer.tiering.motive.word"]
        domain = words._get_customers(self.env.company, [id_ for id_ in value if id_])
        return domain if all(value) else domain | ~words._get_customers(self.env.company)

    @api.depends("tiering_scorecard_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_moved_up(self):
        moved = self._tiering_which("tiering_moved_up")
        for partner in self:
            partner.tiering_moved_up = partner._origin in moved

    @api.depends("tiering_scorecard_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_contact_due(self):
        due = self._tiering_which("tiering_contact_due")
        for partner in self:
            partner.tiering_contact_due = partner._origin in due

    @api.depends("commercial_partner_id")
    @api.depends_context("company", "lang")
    def _compute_tiering_today(self):
        company = self.env.company
        today = company._get_tiering_today()
        midnight = datetime.combine(today, time(), tzinfo=company._get_tiering_timezone())
        self.env["mail.message"].flush_model()
        self.env["mail.activity"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT person.commercial_partner_id
                  FROM res_partner person
                 WHERE person.commercial_partner_id IN %(customers)s
                   AND (EXISTS (SELECT FROM mail_message message
                                 WHERE message.model = 'res.partner' AND message.res_id = person.id
                                   AND message.date >= %(since)s AND %(is_personal)s)
                     OR EXISTS (SELECT FROM mail_activity activity
                                 WHERE activity.res_model = 'res.partner' AND activity.res_id = person.id
                                   AND activity.active IS FALSE AND activity.date_done = %(today)s))
                """,
                customers=tuple(self.commercial_partner_id._origin.ids) or (None,),
                since=midnight.astimezone(timezone.utc).replace(tzinfo=None),
                is_personal=is_personal(),
                today=today,
            )
        )
        contacted = {customer_id for (customer_id,) in rows}
        for partner in self:
            done = partner.commercial_partner_id._origin.id in contacted
            partner.tiering_today = self.env._("Contacted today") if done else False

    def _tiering_which(self, fname):
        """Return those of these partners whose searchable boolean field is true."""
        return self.with_context(active_test=False).search([("id", "in", self._origin.ids), (fname, "=", True)])

    def _search_tiering_moved_up(self, operator, value):
        if operator != "in":
            return NotImplemented
        if not self._has_field_access(self._fields["tiering_scorecard_id"], "read"):
            return Domain.FALSE
        # Domains cannot compare the tier of a change with the tier of the scorecard.
        self.env.flush_all()
        moved = Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                """EXISTS (SELECT FROM customer_tier_change change
                            WHERE change.partner_id = %(card)s.partner_id AND change.company_id = %(card)s.company_id
                              AND change.date >= %(since)s AND change.direction = 'up'
                              AND change.to_tier_id = %(card)s.tier_id AND change.date >= %(card)s.tier_since)""",
                card=SQL.identifier(alias),
                since=self.env.company._get_tiering_today() - timedelta(days=LATELY_DAYS),
            )
        )
        return self._tiering_scorecard_domain(self._tiering_company_domain() & moved)

    def _search_tiering_contact_due(self, operator, value):
        if operator != "in":
            return NotImplemented
        if not self._has_field_access(self._fields["tiering_scorecard_id"], "read"):
            return Domain.FALSE
        today = self.env.company._get_tiering_today()
        # sudo: as for the scorecards
        tiers = self.env["customer.tier"].sudo().search([*self._tiering_company_domain(), ("contact_days", ">", 0)])
        due = Domain.FALSE
        for tier in tiers:
            last = today - timedelta(days=tier.contact_days)
            # A customer whom nobody ever contacted has been one since the first order.
            never = Domain("last_contact_date", "=", False) & Domain("first_order_date", "<=", last)
            due |= Domain("tier_id", "=", tier.id) & (Domain("last_contact_date", "<=", last) | never)
        return self._tiering_scorecard_domain(self._tiering_company_domain() & due)

    # They are looked for among the customers of the policies, so no policy chooses its customers by them.
    @api.depends("commercial_partner_id", "tiering_scorecard_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_gap_count(self):
        count = {}
        if self.env.company.id in self.env["customer.tiering.policy"]._get_looking():
            gaps = self.env["customer.tiering.gap"]
            domain = gaps._get_open_domain(self.env.company) & Domain(
                "partner_id", "in", self.commercial_partner_id.ids
            )
            count = dict(gaps._read_group(domain, ["partner_id"], ["__count"]))
        for partner in self:
            partner.tiering_gap_count = count.get(partner.commercial_partner_id._origin, 0)

    def _search_tiering_gap_count(self, operator, value):
        """Only whether there are any can be asked."""
        if operator not in (">", "!=") or value != 0:
            return NotImplemented
        gaps = self.env["customer.tiering.gap"]
        if not gaps.has_access("read"):
            return Domain.FALSE
        found = gaps._search(gaps._get_open_domain(self.env.company))
        return Domain("commercial_partner_id", "in", found.subselect("partner_id"))

    # Depends on the scorecard as the number of stopped products does: no policy chooses its customers by it.
    @api.depends("commercial_partner_id", "lang", "tiering_scorecard_id")
    @api.depends_context("company", "lang", "uid")
    def _compute_tiering_recommended(self):
        self.tiering_recommended = False
        customers = self.commercial_partner_id._origin
        recommended = self.env["customer.tiering.recommendation"]._get_of(customers, self.env.company)
        for partner in self if recommended else ():
            products = recommended.get(partner.commercial_partner_id._origin.id)
            if products:
                lang = partner.lang or self.env.lang
                products = products.with_context(lang=lang, display_default_code=False)
                partner.tiering_recommended = format_list(self.env, products.mapped("display_name"), lang_code=lang)

    def _search_tiering_recommended(self, operator, value):
        """Only whether something is recommended can be asked."""
        if operator not in ("in", "not in") or any(value):
            return NotImplemented
        recommendations = self.env["customer.tiering.recommendation"]
        if not recommendations.has_access("read"):
            return Domain.FALSE
        found = recommendations._search(recommendations._get_domain(self.env.company))
        return Domain("commercial_partner_id", "not in" if operator == "in" else "in", found.subselect("partner_id"))

    def _field_to_sql(self, alias, field_expr, query=None):
        # Grouping and sorting follow a related field without asking for its groups; ask here, else
        # anybody who reads partners could group them by tier.
        field = self._fields.get(field_expr.partition(".")[0])  # "date.month_number" is an expression too
        if field and field.name.startswith("tiering_"):
            self._check_field_access(field, "read")
        return super()._field_to_sql(alias, field_expr, query)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        # "Best first" must not begin with the partners that have no scorecard.
        if field_name.startswith("tiering_") and direction.code == "DESC" and not nulls.code:
            nulls = SQL("NULLS LAST")
        if field_name == "tiering_tier_id":
            tier = self._field_to_sql(alias, field_name, query)
            return self.env["customer.tier"]._order_to_place_sql(tier, direction, nulls)
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    @api.model
    def _read_group_tiering_tier_id(self, tiers, domain):
        """Show the empty tiers of the current company too, the highest first."""
        return self.env["customer.tier"]._search_current() | tiers

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Put one filter per tier of the current company and per segment where the search view asks for them.

        Odoo caches the views of partners per company anyway, for their address.
        """
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "search":
            # sudo: the view is cached for all users and stripped for those without the group afterwards
            for fname, records in (
                ("tiering_tier_id", self.env["customer.tier"].sudo()._search_current()),
                ("tiering_segment_id", self.env["customer.segment"].sudo().search([])),
            ):
                for marker in arch.xpath(f"//filter[@name='{fname}']"):
                    for record in records:
                        marker.addprevious(
                            etree.Element(
                                "filter",
                                name=f"{fname}_{record.id}",
                                string=UNFIT.sub("", record.display_name),  # one from before such names were refused
                                domain=f"[('{fname}', '=', {record.id})]",
                                groups=GROUP,
                            )
                        )
                    marker.getparent().remove(marker)
        return arch, view

    def onchange(self, values, field_names, fields_spec):
        values, field_names = self._leave_out_tiering(values, field_names)
        return {} if field_names is None else super().onchange(values, field_names, fields_spec)

    @api.model
    def _leave_out_tiering(self, values, field_names):
        """Take no word of a client's for which scorecard a customer has: related fields would show any scorecard.

        :return: the arguments of ``onchange`` without our fields; None for the names where nothing else was changed
        """
        values, field_names = take(self.env, values, dict), take(self.env, field_names, list, tuple)
        left = [fname for fname in field_names if not take(self.env, fname, str).startswith("tiering_")]
        values = {fname: value for fname, value in values.items() if not fname.startswith("tiering_")}
        return values, left if left or not field_names else None

    # ------------------------------------------------------------------
    # Customers through time
    # ------------------------------------------------------------------

    def write(self, vals):
        """Let purchases stay with the customer they were made for, and tiers go along with the customer."""
        # sudo: who changes contacts need not see what else is kept about them
        former = self.env["customer.tiering.former"].sudo()
        moves = bool(vals.keys() & {"parent_id", "is_company"})
        before = former._get_customers(self) if moves else {}
        back = self.sudo().filtered(lambda partner: not partner.active) if vals.get("active") else self.browse()
        result = super().write(vals)
        former._record(before)
        self.env["customer.tier.change"].sudo()._restore(back)
        return result

    # ------------------------------------------------------------------
    # Prices
    # ------------------------------------------------------------------

    # No field of this addon among them: users inherit Odoo's field, and when this addon is uninstalled, Odoo deletes
    # the inherited fields that depend on one of its own. The scorecard follows from the commercial partner.
    @api.depends("country_id", "specific_property_product_pricelist", "commercial_partner_id")
    @api.depends_context("company", "country_code")
    def _compute_product_pricelist(self):
        return super()._compute_product_pricelist()

    def _inverse_product_pricelist(self):
        """Do not pin the pricelist of the tier as a person's choice: it goes when the tier does.

        Odoo's default, however, is a choice where the tier would give another.
        """
        of_tier = self._get_tier_pricelists()
        with_tier = self.filtered(lambda partner: partner.id in of_tier)
        for partner in with_tier:
            chosen = partner.property_product_pricelist
            specific = chosen if chosen != of_tier[partner.id] else chosen.browse()
            if partner.specific_property_product_pricelist != specific:
                partner.specific_property_product_pricelist = specific
        return super(ResPartner, self - with_tier)._inverse_product_pricelist()

    def _get_tier_pricelists(self):
        """Return ``{partner id: pricelist}`` of the partners whose tier has a pricelist that may be used.

        One of another company or an archived one is not used.
        """
        Pricelist = self.env["product.pricelist"]
        if not self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"):
            return {}
        of_tier = self._get_tiers("pricelist_id")
        tiers = self.env["customer.tier"].sudo().union(*of_tier.values())
        # A website takes only those meant for it.
        usable = tiers.pricelist_id.filtered_domain(
            Pricelist._get_partner_pricelist_multi_search_domain_hook(self.env.company.id)
        )._get_partner_pricelist_multi_filter_hook()
        return {
            partner_id: tier.pricelist_id.with_env(self.env)
            for partner_id, tier in of_tier.items()
            if tier.pricelist_id in usable
        }

    def _get_tiers(self, *fnames):
        """Return ``{partner id: tier}`` of those of these partners whose tier gives something usable by a field.

        Contacts are in the tier of their company, in the current company.

        :param fnames: some of ``BENEFIT_FIELDS``; one of them is enough
        """
        # sudo: a portal customer has a tier too, and what it gives does not depend on who looks
        of_partner = {partner.id: partner.tiering_unfiltered_card_id.tier_id for partner in self.sudo()}
        giving = self.env["customer.tier"].sudo().union(*of_partner.values())._filter_giving(*fnames)
        return {partner_id: tier for partner_id, tier in of_partner.items() if tier in giving}

    def _get_tiering_portal_card(self):
        """Return the scorecard of which this person may read in the portal; none where the policy does not say so.

        As superuser, and in the current company: people of the portal may read no scorecard.
        """
        self.ensure_one()
        # sudo: it is the person's own, or that of the firm whose contact the person is
        card = self.sudo().tiering_unfiltered_card_id
        policy = card.policy_id.exists()
        return card if policy.active and policy.portal_tier and card.tier_id.active else card.browse()

    def _get_tiering_letter(self):
        """Return what a letter tells this customer of the own tier, a dict: what ``sentences.LetterWords`` says in the
        customer's language, a ``greeting``, the ``company`` and its ``date``, and who ``answers``.

        It is of the company that is worked in or, of who has no tier there, of the first of the others that are.

        :raises UserError: when there is no tier, or none that the person may see
        """
        self.ensure_one()
        self.env["customer.tiering.scorecard"].check_access("read")
        self.check_access("read")
        partner = self.with_context(lang=self.lang or self.env.lang)
        cards = (
            partner.with_company(company).tiering_scorecard_id for company in self.env.company | self.env.companies
        )
        card = next((card for card in cards if card.tier_id), None)
        if not card:
            raise UserError(
                self.env._(
                    "%(customer)s has no tier that you may see, so there is nothing to explain in a letter.",
                    customer=self.display_name,
                )
            )
        card = card.sudo()  # sudo: the letter is the same whoever of those who may see the scorecard prints it
        seller = self.commercial_partner_id.user_id or self.env.user
        return card._get_letter_data() | {
            "greeting": partner._get_tiering_greeting(),
            "company": card.company_id,
            "date": format_date(card.env, card.company_id._get_tiering_today()),
            "answers": seller.sudo().partner_id,  # sudo: name, phone and address at work
        }

    def _get_tiering_greeting(self):
        """Return with what a letter or message to this customer begins, in the language of the context."""
        return self.env._("Hello %(customer)s,", customer=self.name or self.display_name)

    def _get_payment_term_tiers(self):
        """Return ``{partner id: tier}`` of the partners whose payment terms are those of their tier.

        A person's choice on the partner wins; the default of the company, which Odoo shows on every partner,
        is none.
        """
        default = self._fields["property_payment_term_id"].get_company_dependent_fallback(self)
        without = self.filtered(lambda partner: partner.property_payment_term_id in (default.browse(), default))
        return without._get_tiers("payment_term_id")

    def _get_proposing_tiers(self):
        """Return ``{partner id: tier}`` of the partners without a salesperson whose tier proposes one, or a team."""
        without = self.filtered(lambda partner: not (partner.user_id or partner.commercial_partner_id.user_id))
        return without._get_tiers("user_id", "team_id")

    @api.depends("property_product_pricelist", "country_id", "commercial_partner_id", "tiering_scorecard_id")
    @api.depends_context("lang", "company", "uid")
    def _compute_tiering_price_source(self):
        of_tier = self._get_tier_pricelists()
        # In a form it may have been chosen a moment ago, and nothing is stored yet.
        unsaved = self.filtered(lambda partner: not partner.id)
        defaults = unsaved and self.env["product.pricelist"]._get_country_pricelist_multi(unsaved.country_id.ids)
        for partner in self:
            pricelist, country = partner.property_product_pricelist, partner.country_id
            tier_pricelist = of_tier.get(partner.id, pricelist.browse())
            if not pricelist or (tier_pricelist and not partner.tiering_tier_id):  # a tier that is not for this person
                partner.tiering_price_source = False
            elif pricelist == tier_pricelist and pricelist != partner.specific_property_product_pricelist:
                partner.tiering_price_source = self.env._("From the %(tier)s tier", tier=partner.tiering_tier_id.name)
            elif tier_pricelist and pricelist != tier_pricelist:
                partner.tiering_price_source = self.env._(
                    "Set by hand; the %(tier)s tier would give %(pricelist)s",
                    tier=partner.tiering_tier_id.name,
                    pricelist=tier_pricelist.display_name,
                )
            elif pricelist in (partner.specific_property_product_pricelist, tier_pricelist) or (
                partner in unsaved and pricelist != defaults[country.id]
            ):
                partner.tiering_price_source = self.env._("Set by hand")
            elif country in pricelist.country_group_ids.country_ids:
                partner.tiering_price_source = self.env._("For customers in %(country)s", country=country.name)
            else:
                partner.tiering_price_source = self.env._("Default for all customers")

    @api.depends("property_payment_term_id", "tiering_scorecard_id", "commercial_partner_id")
    @api.depends_context("lang", "company", "uid")
    def _compute_tiering_payment_term_source(self):
        tiers = self._get_payment_term_tiers()
        for partner in self:
            # Nothing of a tier that is not for this person to see.
            tier = partner.tiering_tier_id and tiers.get(partner.id)
            partner.tiering_payment_term_source = bool(tier) and self.env._(
                "%(terms)s, from the %(tier)s tier", terms=tier.payment_term_id.display_name, tier=tier.name
            )

    @api.depends("user_id", "commercial_partner_id.user_id", "tiering_scorecard_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_proposed_user_id(self):
        # To others the button would only bring an error.
        writable = self._filtered_access("write")
        tiers = writable._get_proposing_tiers()
        for partner in self:
            tier = tiers.get(partner.id, self.env["customer.tier"])
            partner.tiering_proposed_user_id = tier._get_usable("user_id")

    def action_tiering_assign_user(self):
        """Make the account manager of the tier the salesperson of the customer, and of this contact of it."""
        for partner in self:
            if proposed := partner.tiering_proposed_user_id:
                (partner | partner.commercial_partner_id).user_id = proposed

    def action_tiering_lock(self):
        """Open the form to lock the tier of these customers."""
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_lock_wizard_action")
        action["context"] = {"active_model": "res.partner", "active_ids": self.ids, "active_id": self[:1].id}
        return action

    def action_tiering_unlock(self):
        """Put these customers back to automatic."""
        self.env["customer.tiering.lock"].search(
            [("partner_id", "in", self.commercial_partner_id.ids), ("company_id", "=", self.env.company.id)]
        ).action_end()

    def _mail_get_operation_for_mail_message_operation(self, message_operation):
        """Let salespeople write to customers and plan activities on them.

        Odoo asks for the right to change a contact, which Sales does not give them: who may only read
        customers could not follow up on what the scorecard says. What they may change stays the same.
        """
        operations = super()._mail_get_operation_for_mail_message_operation(message_operation)
        if message_operation == "create" and self.env.user.has_group(GROUP):
            operations |= dict.fromkeys(self.filtered("tiering_scorecard_id"), "read")
        return operations

    def action_tiering_plan_call(self):
        """Open Odoo's dialog to schedule an activity on these customers, a call to begin with."""
        schedule = self.env["mail.activity.schedule"]
        if len(self) > schedule._batch_size:
            raise UserError(
                self.env._(
                    "Choose at most %(count)s customers at a time to plan calls.",
                    count=format_number(self.env, schedule._batch_size),
                )
            )
        context = {"active_model": "res.partner", "active_ids": self.ids, "active_id": self[:1].id}
        call = self.env.ref("mail.mail_activity_data_call", raise_if_not_found=False)
        if call:
            context["default_activity_type_id"] = call.id
        name = self.env._("Plan Call")
        if len(self) == 1 and self.tiering_risk_reason:
            context["default_summary"] = self.env._("Customer at risk")
            context["default_note"] = self.tiering_risk_reason
        elif any(self.mapped("tiering_risk_reason")):
            name = self.env._("Plan %(count)s Calls, Each with Its Reason", count=format_number(self.env, len(self)))
            context["default_tiering_reasons"] = True
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": schedule._name,
            "views": [(False, "form")],
            "target": "new",
            "context": context,
        }

    @api.readonly
    def action_tiering_write(self):
        """Open the composer with a message to this customer."""
        self.ensure_one()
        context = {
            "default_composition_mode": "comment",
            "default_model": "res.partner",
            "default_res_ids": self.ids,
            "default_partner_ids": self.ids,
            # Of the company of the scorecard, also where the person works in several.
            "allowed_company_ids": self.env.companies.ids,
        }
        # Else the subject would be the customer's own name. Somebody may have deleted the template.
        template = self.env.ref("customer_tiering.mail_template_customer", raise_if_not_found=False)
        if template:
            context["default_template_id"] = template.id
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Write to %(customer)s", customer=self.display_name),
            "res_model": "mail.compose.message",
            "views": [(False, "form")],
            "target": "new",
            "context": context,
        }

    def action_tiering_letter(self):
        """Print the letters that tell these customers, in their languages, why they are in their tiers."""
        for partner in self:
            partner._get_tiering_letter()  # or says why there is none
        return self.env.ref("customer_tiering.customer_tiering_letter_report").report_action(self, config=False)

    def action_tiering_send_letter(self):
        """Open the composer with the letter to this customer."""
        self.ensure_one()
        action = self.with_company(self._get_tiering_letter()["company"]).action_tiering_write()
        # Somebody may have deleted the template.
        template = self.env.ref("customer_tiering.mail_template_letter", raise_if_not_found=False)
        if template:
            action["context"]["default_template_id"] = template.id
        return action

    @api.readonly
    def action_tiering_needs(self):
        """Open what this customer needs."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_need_action")
        customer = self.commercial_partner_id
        return {
            **action,
            "name": self.env._("Needs of %(customer)s", customer=customer.display_name),
            "domain": [("partner_id", "=", customer.id)],
            "context": {"default_partner_id": customer.id, "default_company_id": self.env.company.id},
        }

    @api.readonly
    def action_tiering_gaps(self):
        """Open what this customer has stopped buying."""
        self.ensure_one()
        customer = self.commercial_partner_id
        return {
            **self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_gap_action"),
            "name": self.env._("Stopped Products of %(customer)s", customer=customer.display_name),
            "domain": [("partner_id", "=", customer.id), ("company_id", "=", self.env.company.id)],
        }

    @api.readonly
    def action_tiering_pulse(self):
        """Open the dialog to say how it goes with this customer."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("How is it going with %(customer)s?", customer=self.commercial_partner_id.display_name),
            "res_model": "customer.tiering.pulse",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_partner_id": self.commercial_partner_id.id,
                "default_company_id": self.env.company.id,
            },
        }

    @api.readonly
    def action_tiering_new_quotation(self):
        """Open a new quotation for this customer."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Quotation"),
            "res_model": "sale.order",
            "views": [(False, "form")],
            "context": {"default_partner_id": self.id},
        }

    @api.readonly
    def action_open_tiering_scorecard(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "customer.tiering.scorecard",
            "res_id": self.tiering_scorecard_id.id,
            "views": [(False, "form")],
        }
