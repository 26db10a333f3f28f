from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

# The costs of a year are divided by what a year had.
YEAR = 365


class CustomerTieringCostWizard(models.TransientModel):
    """Proposes costs: what something cost in all during the last year, divided by how often it happened."""

    _name = "customer.tiering.cost.wizard"
    _inherit = ["customer.tiering.typed"]
    _description = "Propose Costs to Serve"

    company_id = fields.Many2one("res.company", required=True, readonly=True, default=lambda self: self.env.company)
    currency_id = fields.Many2one(related="company_id.currency_id")
    date_from = fields.Date(readonly=True)
    date_to = fields.Date(readonly=True)
    line_ids = fields.One2many("customer.tiering.cost.wizard.line", "wizard_id")

    @api.model
    def _open(self):
        """Count what the company's customers were in the last year, and open the dialog."""
        company = self.env.company
        as_of = company._get_tiering_today()
        costs = self.env["customer.tiering.cost"].search([])
        may_see = self.env["customer.tiering.scorecard"]._may_see_column  # not what all of them owe either
        costs = costs.filtered(lambda cost: may_see(cost.column))
        numbers = self._count(company, as_of, costs)
        wizard = self.create(
            {
                "date_from": as_of - timedelta(days=YEAR - 1),
                "date_to": as_of,
                "line_ids": [
                    Command.create({"cost_id": cost.id, "number": numbers[cost.column]})
                    for cost in costs
                    if cost.key != "interest"  # is no cost of work
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Propose Costs"),
            "res_model": self._name,
            "res_id": wizard.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def _count(self, company, as_of, costs):
        """Return ``{column: number of the last year}``.

        :raises UserError: where the person would learn what is hidden from them
        """
        rules = self.env["ir.rule"].sudo(False)
        if not rules._hides_contacts_by_company_only() or rules._get_hidden_orders() is not None:
            raise UserError(
                self.env._(
                    "Some customers or orders are hidden from you, and a proposal counts all of them. Ask somebody who "
                    "sees them, or type the costs."
                )
            )
        # sudo: a manager reckons with what all customers of the company were, whoever serves them
        policy = self.env["customer.tiering.policy"].sudo().search([("company_id", "=", company.id)], limit=1)
        if not policy:
            raise UserError(
                self.env._(
                    "%(company)s has no tiering policy, which says what an order is. Add one.", company=company.name
                )
            )
        columns = set(costs.mapped("column"))
        scope = policy._get_revenue_scope(as_of, YEAR)
        frame = self.env["customer.tiering.replica"].sudo()._read_customers(scope, columns)
        return {column: float(frame[column].sum()) if column in frame else 0.0 for column in columns}

    def action_apply(self):
        """Take the proposals over as the company's costs."""
        self.ensure_one()
        costs = self.env["customer.tiering.cost"].with_company(self.company_id)
        costs.check_access("write")
        for line in self.line_ids:
            if line.total and line.number:
                costs.browse(line.cost_id.id).rate = line.rate
        return {"type": "ir.actions.act_window_close"}


class CustomerTieringCostWizardLine(models.TransientModel):
    _name = "customer.tiering.cost.wizard.line"
    _inherit = ["customer.tiering.typed"]
    _description = "Propose Costs to Serve: Line"

    _typed_ranges = {"total": (0, None)}

    wizard_id = fields.Many2one("customer.tiering.cost.wizard", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="wizard_id.currency_id")
    cost_id = fields.Many2one("customer.tiering.cost", string="For Each", required=True, readonly=True)
    help = fields.Text(related="cost_id.help")
    number = fields.Float(string="How Many", digits=(16, 1), readonly=True)
    total = fields.Monetary(string="Cost of the Year", help="What all of it cost your company in the last year.")
    rate = fields.Float(
        string="Cost of One",
        compute="_compute_rate",
        digits=(16, 4),
        min_display_digits=2,
        help="The cost of the year divided by the number.",
    )

    @api.depends("total", "number")
    def _compute_rate(self):
        for line in self:
            line.rate = line.total / line.number if line.number else 0
