from odoo import api, fields, models

from odoo.addons.customer_tiering.models.customer_tiering_policy import UNSEEN_SHARE
from odoo.addons.customer_tiering.sentences import format_number

BY_TICKET = ("pos", "order_pos")


class CustomerTieringPolicy(models.Model):
    _inherit = "customer.tiering.policy"

    revenue_from = fields.Selection(
        selection_add=[
            ("pos", "Tickets of the point of sale"),
            ("order_pos", "Orders, and tickets of the point of sale"),
        ],
        ondelete=dict.fromkeys(BY_TICKET, "set default"),
    )

    @api.depends("revenue_from", "company_id")
    @api.depends_context("lang")
    def _compute_revenue_hint(self):
        """Say as well what part is sold in the till."""
        result = super()._compute_revenue_hint()
        unseeing = self.filtered(lambda policy: policy.company_id and policy.revenue_from not in BY_TICKET)
        for company, policies in unseeing.grouped("company_id").items():
            share = company._get_tiering_till_share()
            if share < UNSEEN_SHARE:
                continue
            hint = self.env._(
                "%(share)s%% of what customers bought in the last 12 months was sold in the till without an invoice, "
                "and does not count here. Choose “Orders, and tickets of the point of sale”, or “Tickets of the point "
                "of sale”.",
                share=format_number(self.env, share),
            )
            for policy in policies:
                policy.revenue_hint = "\n".join(filter(None, (policy.revenue_hint, hint)))
        return result
