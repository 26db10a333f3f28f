from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Have the remaining customer scored again in each company that had scored one of them."""
        cards = self.env["customer.tiering.scorecard"].sudo()
        companies = cards.search([("partner_id", "in", (src_partners | dst_partner).ids)]).company_id
        for model in (
            "customer.tiering.scorecard",
            "customer.tier.change",
            "customer.tiering.followup",
            "customer.tiering.refresh",
        ):
            self.env[model].sudo()._merge(src_partners, dst_partner)
        result = super()._update_foreign_keys(src_partners, dst_partner)
        for company in companies:
            self.env["customer.tiering.refresh"]._add(dst_partner, company, "merged")
        return result
