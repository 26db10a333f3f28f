from odoo import api, fields, models
from odoo.exceptions import UserError


class CustomerTier(models.Model):
    _name = "customer.tier"
    _description = "Customer Tier"
    _order = "entry_floor desc nulls last, id"

    name = fields.Char(required=True, translate=True)
    policy_id = fields.Many2one("customer.tiering.policy", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    active = fields.Boolean(default=True)
    entry_floor = fields.Float(
        string="From Score",
        digits=(5, 2),
        help="A customer whose score reaches this number (0 to 100) belongs to this tier, "
        "unless the score reaches a higher tier. One tier of a policy starts at 0.",
    )
    color = fields.Integer(help="Colour of the tier's badge.")
    description = fields.Text(translate=True, help="What customers of this tier can expect from you.")
    customer_count = fields.Integer(string="Customers", compute="_compute_customer_count")

    _entry_floor_range = models.Constraint(
        "CHECK(entry_floor >= 0 AND entry_floor <= 100)",
        "A tier starts at a score between 0 and 100.",
    )

    def _compute_customer_count(self):
        counts = dict(
            self.env["customer.tiering.scorecard"]._read_group(
                [("tier_id", "in", self._origin.ids)], ["tier_id"], ["__count"]
            )
        )
        for tier in self:
            tier.customer_count = counts.get(tier._origin, 0)

    @api.depends("name", "policy_id")
    @api.depends_context("company")
    def _compute_display_name(self):
        # The same name in several policies of the company would be ambiguous in filters and columns.
        several = len(self.env["customer.tiering.policy"].sudo().search(self._current_policies())) > 1
        for tier in self:
            tier.display_name = f"{tier.name} ({tier.policy_id.sudo().name})" if several else tier.name

    @api.model
    def _current_policies(self):
        return [("company_id", "=", self.env.company.id)]

    @api.model
    def _search_current(self):
        """Return the tiers in use in the current company, the highest first."""
        return self.search([*self._current_policies(), ("policy_id.active", "=", True)])

    @api.model
    def name_create(self, name):
        raise UserError(self.env._("A tier needs a score it starts at. Add it in the policy or in the settings."))

    @api.constrains("entry_floor", "active", "policy_id")
    def _check_policy_tiers(self):
        # A policy saved with its tiers is judged once, when all of them are in place.
        if not self.env.context.get("tiering_policy_in_progress"):
            self.policy_id._check_tiers()

    @api.model_create_multi
    def create(self, vals_list):
        tiers = super().create(vals_list)
        self.env.registry.clear_cache("templates")  # the partner's search view lists the tiers
        return tiers

    def write(self, vals):
        if any(tier.policy_id.id != vals["policy_id"] for tier in self if "policy_id" in vals):
            raise UserError(self.env._("A tier stays in its policy. Add a tier to the other policy instead."))
        result = super().write(vals)
        if vals.keys() & {"name", "active", "entry_floor", "policy_id"}:
            self.env.registry.clear_cache("templates")
        return result

    def unlink(self):
        """Archive the tiers that customers or the history refer to, delete the others.

        A manager removes a tier from the table in the settings; which customers were once in it
        must stay known.
        """
        policies = self.policy_id
        used = self.browse()
        for model, fname in (
            ("customer.tiering.scorecard", "tier_id"),
            ("customer.tier.change", "from_tier_id"),
            ("customer.tier.change", "to_tier_id"),
            ("sale.order", "tiering_tier_id"),
        ):
            # sudo: the history of another company counts too
            rows = self.env[model].sudo()._read_group([(fname, "in", self.ids)], [fname])
            used |= self.browse(tier.id for (tier,) in rows)
        used.active = False
        result = super(CustomerTier, self - used).unlink()
        self.env.registry.clear_cache("templates")
        if not self.env.context.get("tiering_policy_in_progress"):
            policies.exists()._check_tiers()
        return result

    def action_open_customers(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_scorecard_action")
        action["domain"] = [("tier_id", "=", self.id)]
        action["context"] = {}
        return action
