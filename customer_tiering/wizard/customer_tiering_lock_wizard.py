from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..fields import DerivedMany2one


class CustomerTieringLockWizard(models.TransientModel):
    _name = "customer.tiering.lock.wizard"
    _inherit = ["customer.tiering.typed"]
    _description = "Lock Customer Tiers"

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    partner_ids = fields.Many2many("res.partner", string="Customers", required=True, context={"active_test": False})
    partner_count = fields.Integer(compute="_compute_partner_count")
    policy_id = DerivedMany2one("customer.tiering.policy", compute="_compute_policy_id")
    action = fields.Selection(
        [
            ("floor", "Lock: at least this tier"),
            ("fixed", "Lock: exactly this tier"),
            ("automatic", "Back to automatic"),
        ],
        required=True,
        default="floor",
    )
    tier_id = fields.Many2one(
        "customer.tier",
        compute="_compute_tier_id",
        store=True,
        readonly=False,
        domain="[('company_id', '=', company_id), ('policy_id.active', '=', True), ('policy_id', '=?', policy_id)]",
    )
    date_end = fields.Date(string="Until", help="The last day of the lock; empty: without an end.")
    reason = fields.Char(help="Why: everybody who sees the customer's tier can read it.")

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        model = self.env.context.get("active_model", "res.partner")
        if model in ("res.partner", "customer.tiering.scorecard"):
            records = self.env[model].browse(self.env.context.get("active_ids", []))
            partners = records if model == "res.partner" else records.partner_id
            values.setdefault("partner_ids", [Command.set(partners.commercial_partner_id.ids)])
        return values

    @api.depends("partner_ids")
    def _compute_partner_count(self):
        for wizard in self:
            wizard.partner_count = len(wizard.partner_ids)

    @api.depends("partner_ids", "company_id")
    def _compute_policy_id(self):
        """The customers' policy, where they all have the same."""
        for wizard in self:
            policies = wizard._get_cards().policy_id
            wizard.policy_id = policies if len(policies) == 1 else False

    @api.depends("partner_ids")
    def _compute_tier_id(self):
        for wizard in self:
            tiers = wizard._get_cards().tier_id
            wizard.tier_id = tiers if len(tiers) == 1 else False

    def _get_cards(self):
        self.ensure_one()
        return self.env["customer.tiering.scorecard"].search(
            [("partner_id", "in", self.partner_ids.ids), ("company_id", "=", self.company_id.id)]
        )

    def action_apply(self):
        self.ensure_one()
        if not self.partner_ids:
            raise UserError(self.env._("Choose at least one customer."))
        locks = self.env["customer.tiering.lock"]
        locks.check_access("write")
        if self.action == "automatic":
            locks.search(
                [("partner_id", "in", self.partner_ids.ids), ("company_id", "=", self.company_id.id)]
            ).action_end()
        else:
            if not self.tier_id:
                raise UserError(self.env._("Choose the tier to lock the customers in."))
            if not (self.reason or "").strip():
                raise UserError(self.env._("Say why the tier is locked: colleagues will read the reason."))
            locks.create(
                [
                    {
                        "partner_id": partner.id,
                        "company_id": self.company_id.id,
                        "mode": self.action,
                        "tier_id": self.tier_id.id,
                        "reason": self.reason,
                        "date_end": self.date_end,
                    }
                    for partner in self.partner_ids
                ]
            )
        return {"type": "ir.actions.client", "tag": "soft_reload"}
