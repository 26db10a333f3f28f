from odoo import fields, models


class CustomerTierPromise(models.Model):
    _inherit = "customer.tier.promise"

    kind = fields.Selection(
        selection_add=[("delivery", "Orders are delivered on the promised day")], ondelete={"delivery": "cascade"}
    )

    def _tell(self):
        if self.kind == "delivery":
            return self.env._("Orders are delivered on the promised day.")
        return super()._tell()
