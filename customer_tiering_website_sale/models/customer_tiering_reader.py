from odoo import api, models
from odoo.tools import SQL

from ..sources import browsing


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        return [*super()._get_metric_sources(), browsing.Visits(), browsing.Unbought(), browsing.Carts()]

    @api.model
    def _get_no_quotations(self, order="placed"):
        """Nobody offered a cart or what became of it, nor has to answer it."""
        return [*super()._get_no_quotations(order), SQL("%s IS NOT NULL", SQL.identifier(order, "website_id"))]
