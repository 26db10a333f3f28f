from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from .. import sentences
from ..fields import DerivedMany2one, ShownScorecardMany2one
from .customer_tiering_typed import take

GROUP = "sales_team.group_sale_salesman"
PREFIX = "tiering_customer_"


class CustomerTieringShown(models.AbstractModel):
    """Shows on a paper the tier in which its customer is today, whatever the paper keeps of another day.

    Nothing of it is a column of the paper: queries join the scorecard of the customer in the company of the paper, so
    that it can be filtered, grouped and sorted, and a run writes on no paper.
    """

    _name = "customer.tiering.shown"
    _description = "Shows the Customer's Tier"

    tiering_customer_card_id = ShownScorecardMany2one(
        "customer.tiering.scorecard",
        string="Customer's Scorecard",
        compute="_compute_tiering_customer_card_id",
        search="_search_tiering_customer_card_id",
        compute_sudo=True,
        exportable=False,
        groups=GROUP,
        help="The scorecard of the customer in the company of the document.",
    )
    tiering_customer_tier_id = DerivedMany2one(
        related="tiering_customer_card_id.tier_id",
        string="Customer's Tier",
        groups=GROUP,
        help="The tier in which the customer is today.",
    )
    tiering_customer_tier_color = fields.Integer(
        related="tiering_customer_card_id.tier_id.color",
        string="Color of the Customer's Tier",
        aggregator=None,
        groups=GROUP,
    )
    tiering_customer_pending_tier_id = DerivedMany2one(
        related="tiering_customer_card_id.pending_tier_id",
        string="Customer's Announced Downgrade",
        groups=GROUP,
    )
    tiering_customer_pending_date = fields.Date(
        related="tiering_customer_card_id.pending_date", string="Customer's Downgrade On", groups=GROUP
    )
    tiering_customer_risk = fields.Selection(
        related="tiering_customer_card_id.risk", string="Customer's Risk", groups=GROUP
    )
    tiering_customer_notice = fields.Char(
        string="What to Know of the Customer",
        compute="_compute_tiering_customer_notice",
        groups=GROUP,
        help="The announced downgrade of the customer, and why the customer may be lost.",
    )

    @api.depends("partner_id", "company_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_customer_card_id(self):
        for company, records in self.grouped(lambda record: record.company_id or record.env.company).items():
            records.partner_id.with_company(company).mapped("tiering_scorecard_id")  # one query for all
            for record in records:
                record.tiering_customer_card_id = record.partner_id.with_company(company).tiering_scorecard_id

    def _search_tiering_customer_card_id(self, operator, value):
        """Search each company's papers by its own scorecards; a paper of no company by those of the current one."""
        partners, result = self.env["res.partner"], Domain.FALSE
        for company in self.env.companies:
            seen = partners.with_company(company)._search_tiering_scorecard_id(operator, value)
            if seen is NotImplemented:
                return NotImplemented
            owners = [company.id, False] if company == self.env.company else company.ids
            result |= Domain("company_id", "in", owners) & Domain("partner_id", "any!", seen)
        if operator == "in" and not all(value):
            result |= Domain("partner_id", "=", False)
        # Who may not see scorecards finds nothing by them.
        may_see = partners._has_field_access(partners._fields["tiering_scorecard_id"], "read")
        if operator in ("any", "any!") and isinstance(value, Domain) and may_see:
            return self._join_tiering_customer_card(value, result)
        return result

    def _join_tiering_customer_card(self, value, result):
        """Return the same as ``result``, by the join that groups and sorts: of papers in the order of a list PostgreSQL
        then reads only the first ones, and not those of all customers who are found.

        :param value: the domain of the scorecards
        """
        cards, companies = self.env["customer.tiering.scorecard"], self.env.companies.ids
        try:
            cards._search(value, bypass_access=True)
        except AccessError:  # as where a search of partners leads there
            return result

        def to_sql(model, alias, query):
            _cards, card = model._fields["tiering_customer_card_id"].join(model, alias, query)
            return SQL("(%s) IS TRUE", value.optimize_full(cards)._to_sql(cards, card, query))

        joined = Domain.custom(to_sql=to_sql, predicate=lambda paper: bool(paper.filtered_domain(result)))
        return Domain("company_id", "in", [*companies, False]) & joined

    @api.depends("tiering_customer_card_id")
    @api.depends_context("company", "uid", "lang")
    def _compute_tiering_customer_notice(self):
        for record in self:
            record.tiering_customer_notice = sentences.say_notice(record.tiering_customer_card_id.with_env(self.env))

    def _field_to_sql(self, alias, field_expr, query=None):
        # As on partners: grouping and sorting follow a related field without asking for its groups.
        field = self._fields.get(field_expr.partition(".")[0])
        if field and field.name.startswith(PREFIX):
            self._check_field_access(field, "read")
        return super()._field_to_sql(alias, field_expr, query)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        # As on partners: who has no scorecard comes last.
        if field_name.startswith(PREFIX) and direction.code == "DESC" and not nulls.code:
            nulls = SQL("NULLS LAST")
        if field_name == "tiering_customer_tier_id":
            tier = self._field_to_sql(alias, field_name, query)
            return self.env["customer.tier"]._order_to_place_sql(tier, direction, nulls)
        return super()._order_field_to_sql(alias, field_name, direction, nulls, query)

    def onchange(self, values, field_names, fields_spec):
        """Take no word of a client's for which scorecard a customer has: related fields would show any scorecard."""
        card = "tiering_customer_card_id"
        values, field_names = take(self.env, values, dict), take(self.env, field_names, list, tuple)
        left = [fname for fname in field_names if fname != card]
        if field_names and not left:
            return {}
        return super().onchange({fname: value for fname, value in values.items() if fname != card}, left, fields_spec)
