from odoo import api, models

from ..fields import UncheckedMany2one


class AccountMove(models.Model):
    _name = "account.move"
    _inherit = ["account.move", "customer.tiering.shown", "customer.tiering.recorded"]
    _tiering_recorded = ("tiering_tier_id",)

    # As on orders.
    tiering_tier_id = UncheckedMany2one(
        "customer.tier",
        string="Tier at Posting",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        groups="sales_team.group_sale_salesman",
        help="The customer's tier when the invoice was posted, where revenue comes from invoices.",
    )

    @api.depends("partner_id")
    def _compute_invoice_payment_term_id(self):
        """Put the payment terms of the customer's tier behind a person's choice and before the company's default."""
        result = super()._compute_invoice_payment_term_id()
        sales = self.filtered(lambda move: move.is_sale_document(include_receipts=True))
        for company, moves in sales.grouped("company_id").items():
            tiers = moves.partner_id.with_company(company)._get_payment_term_tiers()
            for move in moves.filtered(lambda move, tiers=tiers: move.partner_id.id in tiers):
                move.invoice_payment_term_id = tiers[move.partner_id.id].payment_term_id
        return result

    def _post(self, soft=True):
        posted = super()._post(soft)
        tiers = self.env["customer.tiering.refresh"]._add_affected(posted)
        field = self._fields["tiering_tier_id"]
        for move in posted if tiers else ():
            tier_id = tiers.get(move.company_id, {}).get(move.partner_id.id)
            if tier_id and move.is_sale_document(include_receipts=True):
                # As at the confirmation of an order: with what else is written of the move.
                field._update_cache(move, tier_id, dirty=True)
        return posted

    def button_draft(self):
        result = super().button_draft()
        self.env["customer.tiering.refresh"]._add_affected(self)
        return result
