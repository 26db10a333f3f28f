from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_list


class CustomerTieringNeed(models.Model):
    """What one customer needs to have otherwise than others, as a person has noted it."""

    _name = "customer.tiering.need"
    _inherit = ["customer.tiering.given", "customer.tiering.typed"]
    _description = "Customer Need"
    _order = "kind_id, id"
    _rec_name = "text"

    _typed_sizes = {"text": 300}

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        ondelete="cascade",
        help="The company that has to know. Empty: all of them.",
    )
    kind_id = fields.Many2one(
        "customer.tiering.need.kind", string="About", required=True, ondelete="restrict", index=True
    )
    text = fields.Char(string="Need", required=True, help="In a few words, as “No pallets higher than 1.20 m”.")
    valid_until = fields.Date(help="The last day on which it holds. Empty: until somebody removes it.")
    is_valid = fields.Boolean(compute="_compute_is_valid", search="_search_is_valid")
    user_id = fields.Many2one(
        "res.users", string="Noted By", readonly=True, copy=False, default=lambda self: self.env.user, index=True
    )
    date = fields.Date(string="Noted On", readonly=True, copy=False, default=fields.Date.context_today)

    @api.depends("valid_until", "company_id")
    @api.depends_context("company")
    def _compute_is_valid(self):
        for need in self:
            today = (need.company_id or self.env.company)._get_tiering_today()
            need.is_valid = not need.valid_until or need.valid_until >= today

    @api.model
    def _search_is_valid(self, operator, value):
        if operator != "in":
            return NotImplemented
        valid = Domain("valid_until", "=", False)
        # sudo: only for the days that it is where the companies are
        companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
        for today, there in companies.grouped(lambda company: company._get_tiering_today()).items():
            where = [*there.ids, False] if self.env.company.id in there.ids else there.ids
            valid |= Domain("company_id", "in", where) & Domain("valid_until", ">=", today)
        wanted = {bool(each) for each in value}
        return Domain.TRUE if wanted == {True, False} else valid if True in wanted else ~valid

    @api.constrains("text")
    def _check_text(self):
        for need in self:
            if not (need.text or "").strip():
                raise ValidationError(self.env._("Say what the customer needs."))

    @api.constrains("valid_until")
    def _check_valid_until(self):
        for need in self.filtered(lambda need: not need.is_valid):
            raise ValidationError(
                self.env._(
                    "“%(need)s” would have ended on %(date)s already. Choose today or a later day, or leave the date "
                    "empty.",
                    need=need.text,
                    date=format_date(self.env, need.valid_until),
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        self._name_customers(vals_list)
        for vals in vals_list:
            self._sign(vals)  # who says it, and when, is not a matter of choice
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            vals = {fname: value for fname, value in vals.items() if fname not in ("user_id", "date", "partner_id")}
            if "text" in vals:  # who says it now
                self._sign(vals)
        return super().write(vals)

    @api.model
    def _merge(self, targets):
        """Give the needs of customers to others; what was noted of several who become one stays once, as long as it
        holds longest."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_need
                 WHERE id IN (SELECT id
                                FROM (SELECT need.id, ROW_NUMBER() OVER (
                                                 PARTITION BY COALESCE(given.target, partner_id), company_id, kind_id,
                                                              LOWER(TRIM(text))
                                                     ORDER BY valid_until DESC NULLS FIRST, need.id)
                                        FROM customer_tiering_need need
                                   LEFT JOIN unnest(%(sources)s, %(targets)s) AS given (source, target)
                                          ON given.source = partner_id
                                       WHERE partner_id = ANY(%(sources)s || %(targets)s)) ranked
                               WHERE row_number > 1)
                """,
                sources=list(targets),
                targets=list(targets.values()),
            )
        )
        return super()._merge(targets)

    @api.model
    def _get_of(self, partners):
        """Return the needs that hold today in the current company, ``{customer id: needs}``.

        :param partners: customers, commercial partners
        """
        valid = self.search(
            Domain("partner_id", "in", partners.ids)
            & Domain("company_id", "in", [False, self.env.company.id])
            & Domain("is_valid", "=", True)
        )
        return {partner.id: needs for partner, needs in valid.grouped("partner_id").items()}

    def _tell(self):
        """Return these needs in one line."""
        return format_list(self.env, self.mapped("text"), style="unit")
