from lxml import etree

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..fields import ScorecardMany2one

GROUP = "sales_team.group_sale_salesman"


class ResPartner(models.Model):
    _inherit = "res.partner"

    tiering_scorecard_id = ScorecardMany2one(
        "customer.tiering.scorecard",
        string="Scorecard",
        compute="_compute_tiering_scorecard_id",
        search="_search_tiering_scorecard_id",
        compute_sudo=True,
        groups=GROUP,
        help="The scorecard of the customer in the current company; contacts show their company's.",
    )
    tiering_tier_id = fields.Many2one(
        related="tiering_scorecard_id.tier_id",
        string="Tier",
        group_expand="_read_group_tiering_tier_id",
        groups=GROUP,
    )
    tiering_tier_color = fields.Integer(
        related="tiering_scorecard_id.tier_id.color", string="Tier Colour", groups=GROUP, aggregator=None
    )
    tiering_segment_id = fields.Many2one(related="tiering_scorecard_id.segment_id", string="Segment", groups=GROUP)
    tiering_segment_color = fields.Integer(
        related="tiering_scorecard_id.segment_id.color", string="Segment Colour", groups=GROUP, aggregator=None
    )
    tiering_segment_description = fields.Text(
        related="tiering_scorecard_id.segment_id.description", string="Segment Meaning", groups=GROUP
    )
    tiering_segment_advice = fields.Text(
        related="tiering_scorecard_id.segment_id.advice", string="Segment Advice", groups=GROUP
    )
    # No sums and averages on partners: contacts show their company's numbers, which would count them
    # again, and each grouped list would pay for them. The tiering table has them.
    tiering_score = fields.Float(related="tiering_scorecard_id.score", string="Score", groups=GROUP, aggregator=None)
    tiering_currency_id = fields.Many2one(
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
        related="tiering_scorecard_id.contact_count", string="Contacts in the Window", groups=GROUP, aggregator=None
    )
    tiering_last_contact_date = fields.Date(
        related="tiering_scorecard_id.last_contact_date", string="Last Contact", groups=GROUP
    )
    tiering_lifecycle = fields.Selection(
        related="tiering_scorecard_id.lifecycle", string="Lifecycle Stage", groups=GROUP
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
    tiering_top_category_id = fields.Many2one(
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
    tiering_computed_tier_id = fields.Many2one(
        related="tiering_scorecard_id.computed_tier_id", string="Computed Tier", groups=GROUP
    )
    tiering_differs = fields.Boolean(
        related="tiering_scorecard_id.differs", string="Lock Changes the Tier", groups=GROUP
    )
    tiering_pending_tier_id = fields.Many2one(
        related="tiering_scorecard_id.pending_tier_id", string="Announced Downgrade", groups=GROUP
    )
    tiering_pending_date = fields.Date(related="tiering_scorecard_id.pending_date", string="Downgrade On", groups=GROUP)
    tiering_lock_id = fields.Many2one(related="tiering_scorecard_id.lock_id", string="Tier Lock", groups=GROUP)
    tiering_next_tier_id = fields.Many2one(
        related="tiering_scorecard_id.next_tier_id", string="Next Tier", groups=GROUP
    )
    tiering_points_to_next = fields.Float(
        related="tiering_scorecard_id.points_to_next", string="Points to the Next Tier", groups=GROUP, aggregator=None
    )
    tiering_explanation = fields.Json(
        related="tiering_scorecard_id.explanation_data", string="Tiering Explanation", groups=GROUP
    )
    tiering_change_ids = fields.Many2many(
        related="tiering_scorecard_id.change_ids", string="Tier History", groups=GROUP
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("company")
    def _compute_tiering_scorecard_id(self):
        cards = self.env["customer.tiering.scorecard"].search_fetch(
            [
                ("partner_id", "in", self.commercial_partner_id._origin.ids),
                ("company_id", "=", self.env.company.id),
            ],
            ["partner_id"],
        )
        card_of = {card.partner_id.id: card for card in cards}
        for partner in self:
            partner.tiering_scorecard_id = card_of.get(partner.commercial_partner_id._origin.id, False)

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
            return self._tiering_scorecard_domain(own & value)
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
        # sudo: who may use the field (its groups) sees the scorecards of the current company
        query = self.env["customer.tiering.scorecard"].sudo()._search(domain)
        return Domain("commercial_partner_id", "any!", query.select(SQL.identifier(query.table, "partner_id")))

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
                                string=record.display_name,
                                domain=f"[('{fname}', '=', {record.id})]",
                                groups=GROUP,
                            )
                        )
                    marker.getparent().remove(marker)
        return arch, view

    # ------------------------------------------------------------------
    # Prices
    # ------------------------------------------------------------------

    @api.depends("country_id", "specific_property_product_pricelist", "commercial_partner_id", "tiering_scorecard_id")
    @api.depends_context("company", "country_code")
    def _compute_product_pricelist(self):
        return super()._compute_product_pricelist()

    def _inverse_product_pricelist(self):
        """Do not pin the pricelist of the tier as a person's choice: it goes when the tier does."""
        of_tier = self._get_tier_pricelists()
        with_tier = self.filtered(lambda partner: partner.property_product_pricelist == of_tier.get(partner.id))
        with_tier.filtered("specific_property_product_pricelist").specific_property_product_pricelist = False
        return super(ResPartner, self - with_tier)._inverse_product_pricelist()

    def _get_tier_pricelists(self):
        """Return ``{partner id: pricelist}`` of the partners whose tier has a pricelist that may be used.

        One of another company or an archived one is not used.
        """
        Pricelist = self.env["product.pricelist"]
        if not self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"):
            return {}
        # sudo: a portal customer has a tier too
        tiers = (
            self.env["customer.tier"]
            .sudo()
            .search([("company_id", "=", self.env.company.id), ("pricelist_id", "!=", False)])
        )
        usable = tiers.pricelist_id.filtered_domain(
            Pricelist._get_partner_pricelist_multi_search_domain_hook(self.env.company.id)
        )._get_partner_pricelist_multi_filter_hook()
        tiers = tiers.filtered(lambda tier: tier.pricelist_id in usable)
        if not tiers:
            return {}
        cards = (
            self.env["customer.tiering.scorecard"]
            .sudo()
            .search_fetch(
                [
                    ("partner_id", "in", self.commercial_partner_id._origin.ids),
                    ("company_id", "=", self.env.company.id),
                    ("tier_id", "in", tiers.ids),
                ],
                ["partner_id", "tier_id"],
            )
        )
        of_customer = {card.partner_id.id: card.tier_id.pricelist_id.id for card in cards}
        pricelists = {
            partner.id: of_customer.get(partner.commercial_partner_id._origin.id)  # a form knows unsaved partners
            for partner in self
        }
        return {partner_id: Pricelist.browse(id_) for partner_id, id_ in pricelists.items() if id_}

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

    def action_open_tiering_scorecard(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "customer.tiering.scorecard",
            "res_id": self.tiering_scorecard_id.id,
            "views": [(False, "form")],
        }
