from odoo import api, models
from odoo.tools import SQL

from ..sources import browsing


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        return [*super()._get_metric_sources(), browsing.Visits(), browsing.Unbought(), browsing.Carts()]

    @api.model
    def _get_no_quotations(self):
        """Nobody has to answer a cart."""
        return [*super()._get_no_quotations(), SQL("placed.website_id IS NOT NULL")]
