from odoo import models


class AccountMove(models.Model):
    _inherit = "account.move"

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
