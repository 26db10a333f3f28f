from odoo import models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Have the remaining customer scored again in each company that had scored one of them."""
        # The one that remains may be a contact, of whose company everything is.
        customer = dst_partner.commercial_partner_id or dst_partner
        targets = dict.fromkeys((src_partners - customer).ids, customer.id)
        former = self.env["customer.tiering.former"].sudo()
        former._keep_apart(src_partners, dst_partner)
        companies = former._hand_over(targets)
        result = super()._update_foreign_keys(src_partners, dst_partner)
        for company in companies:
            self.env["customer.tiering.refresh"]._add(dst_partner, company, "merged")
        return result
