from odoo import api, models


class AccountMove(models.Model):
    _inherit = "account.move"

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
        self.env["customer.tiering.refresh"]._add_affected(posted)
        return posted

    def button_draft(self):
        result = super().button_draft()
        self.env["customer.tiering.refresh"]._add_affected(self)
        return result
