from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools.misc import formatLang

from .. import engine
from ..sentences import format_number


class CustomerTieringCost(models.Model):
    """Work that customers are, and what each company reckons for it.

    A module adds one by a record in its data, whose column a source brings (see ``customer.tiering.reader``).
    """

    _name = "customer.tiering.cost"
    _inherit = ["customer.tiering.typed"]
    _description = "Cost to Serve"
    _order = "sequence, id"

    _typed_ranges = {"rate": (0, None)}

    name = fields.Char(string="For Each", required=True, translate=True, help="What one of it is, as “order”.")
    help = fields.Text(string="Meaning", translate=True, help="What is counted.")
    text_many = fields.Char(
        string="Text for a Number",
        required=True,
        translate=True,
        help="How a number of it reads, as “%(number)s orders”: the number stands where %(number)s is.",
    )
    key = fields.Char(required=True, readonly=True, copy=False, help="The name in rules, which never changes.")
    column = fields.Char(required=True, readonly=True, help="The column that says how much of it a customer was.")
    sequence = fields.Integer(default=100)
    rate = fields.Float(
        string="Cost",
        company_dependent=True,
        digits=(16, 4),
        min_display_digits=2,
        help="What one of it costs your company. 0: it is not reckoned.",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")

    _key_uniq = models.UniqueIndex("(key)", "Another cost has this key already: choose a different one.")

    @api.depends("key")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for cost in self:
            # An interest is no money.
            cost.currency_id = cost.key != "interest" and self.env.company.currency_id

    @api.constrains("text_many")
    def _check_text_many(self):
        for cost in self:
            if "%" in (cost.text_many or "").replace("%(number)s", "").replace("%%", ""):
                raise ValidationError(
                    self.env._(
                        "“%(text)s”: the number stands where %(placeholder)s is, and there is no other “%%”.",
                        text=cost.text_many,
                        placeholder="%(number)s",
                    )
                )

    def write(self, vals):
        if vals.keys() & {"key", "column"} and not self.env.su:
            raise UserError(self.env._("What is counted for a cost comes with the app. Change its name or the cost."))
        result = super().write(vals)
        self.env.registry.clear_cache()  # the columns of scorecards
        return result

    @api.model
    def _get_rules(self, company):
        """Return the engine's ``CostRule`` of all that a company reckons.

        :raises RuleError: when one cannot be used
        """
        # sudo: what a run reckons does not depend on who starts it
        costs = self.sudo().with_company(company).search([])
        decimals = company.currency_id.decimal_places
        return tuple(
            engine.profit.CostRule(cost.key, cost.column, cost.rate, decimals)
            for cost in costs.sorted("key")
            if cost.rate
        )

    def action_propose(self):
        """Open the dialog that divides the costs of a year by what a year had."""
        self.check_access("write")
        return self.env["customer.tiering.cost.wizard"]._open()

    def _tell(self, number, rate, currency):
        """Return a number of it and what one costs, as “12 orders at $ 15.00”."""
        self.ensure_one()
        counted = format_number(self.env, number, 1)
        is_one = counted == format_number(self.env, 1)  # how one of it reads, its name says
        counted = self.name if is_one else self.text_many.replace("%(number)s", counted)
        if self.key == "interest":
            return self.env._("%(rate)s%% a year on receivables", rate=format_number(self.env, rate, 2))
        cost = formatLang(self.env, rate, currency_obj=currency)
        return self.env._("%(counted)s at %(cost)s", counted=counted, cost=cost)
