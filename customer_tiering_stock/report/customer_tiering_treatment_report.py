from odoo import models


class CustomerTieringTreatmentReport(models.Model):
    _inherit = "customer.tiering.treatment.report"

    def _tell(self, **facts):
        if self.kind == "delivery":
            return self.env._(
                "Days from the promised day to the delivery: %(days)s for %(customer)s, %(lower)s for customers in "
                "%(tier)s.",
                **facts,
            )
        return super()._tell(**facts)
