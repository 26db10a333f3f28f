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
        posted._tiering_refresh()
        return posted

    def button_draft(self):
        result = super().button_draft()
        self._tiering_refresh()
        return result

    def _tiering_refresh(self):
        """Have the customers of credit notes, and of entries that reverse one, scored again."""
        credits = self.filtered(
            lambda move: move.move_type == "out_refund" or move.reversed_entry_id.move_type == "out_refund"
        )
        for company, moves in credits.grouped("company_id").items():
            self.env["customer.tiering.refresh"]._add(moves.partner_id, company, "instant")
