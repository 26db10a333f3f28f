from odoo import api, models

from ..sources import browsing


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        return [*super()._get_metric_sources(), browsing.Visits(), browsing.Unbought(), browsing.Carts()]
