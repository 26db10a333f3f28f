from odoo import api, fields, models


class CustomerTieringConcession(models.Model):
    _inherit = "customer.tiering.concession"

    whole_margin = fields.Monetary(readonly=True, aggregator=None, groups=fields.NO_ACCESS)
    margin = fields.Monetary(
        string="Margin of the Documents",
        readonly=True,
        help="Margin of the orders, less the part of what was cancelled or credited. Each counts once.",
    )

    @api.model
    def _get_paper_measures(self):
        return (*super()._get_paper_measures(), "margin")

    @api.model
    def _get_paper_values(self, paper, found):
        values = super()._get_paper_values(paper, found)
        if paper._name != "sale.order":
            return values
        margin = found["company"].currency_id.round(paper.margin / found["rate"])
        return {**values, "margin": margin, "whole_margin": margin}
