from odoo import models


class PosConfig(models.Model):
    _inherit = "pos.config"

    def use_coupon_code(self, code, creation_date, partner_id, pricelist_id):
        """Refuse a coupon whose program is only for tiers in which the customer is not."""
        result = super().use_coupon_code(code, creation_date, partner_id, pricelist_id)
        if not result["successful"]:
            return result
        # sudo: cashiers need no rights on tiers
        program = self.env["loyalty.program"].sudo().browse(result["payload"]["program_id"])
        if program.tiering_tier_ids:
            customer = self.env["res.partner"].sudo().with_company(self.company_id).browse(partner_id or []).exists()
            if customer.tiering_till_tier_number not in program.tiering_tier_ids.ids:
                message = self.env._("This coupon is only for customers in some tiers (%(code)s).", code=code)
                return {"successful": False, "payload": {"error_message": message}}
        return result
