from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import float_compare

from odoo.addons.customer_tiering.sentences import format_number

GROUP = "sales_team.group_sale_salesman"


class SaleOrder(models.Model):
    _inherit = "sale.order"

    tiering_margin_warning = fields.Char(
        compute="_compute_tiering_margin_warning",
        groups=GROUP,
        help="Says that the margin of a quotation is less than the customer's tier asks for.",
    )

    @api.depends("partner_id", "company_id", "margin", "margin_percent", "state")
    @api.depends_context("uid", "lang")
    def _compute_tiering_margin_warning(self):
        asking = self._get_tiers_above_margin()
        for order in self:
            if order not in asking:
                order.tiering_margin_warning = False
                continue
            said = order._get_margin_words(asking[order])
            order.tiering_margin_warning = (
                self.env._(
                    "A margin of %(margin)s%% is less than the %(least)s%% that customers of %(tier)s bring.", **said
                )
                if said["tier"]
                else self.env._(
                    "A margin of %(margin)s%% is less than the %(least)s%% that is asked of this customer.", **said
                )
            )

    def _get_margin_words(self, tier):
        """Return the words of the sentences that a margin is less than a tier asks for, without the name of a tier that
        is not for this person."""
        self.ensure_one()
        return {
            "order": self.name,
            "margin": format_number(self.env, self._get_tiering_margin(), 1),
            "least": format_number(self.env, tier.least_margin, 2),
            "tier": self.tiering_customer_tier_id.name,
        }

    def _get_tiers_above_margin(self):
        """Return ``{quotation: tier}`` of those whose margin is less than the customer's tier asks for."""
        open_orders = self.filtered(lambda order: order.state in ("draft", "sent") and order._has_tiering_margin())
        found = {}
        for company, orders in open_orders.grouped(lambda order: order.company_id or order.env.company).items():
            tiers = orders.partner_id.with_company(company)._get_tiers("least_margin")
            for order in orders:
                tier = tiers.get(order.partner_id.id)
                if tier and float_compare(order._get_tiering_margin(), tier.least_margin, precision_digits=2) < 0:
                    found[order] = tier
        return found

    def _has_tiering_margin(self):
        """Whether something is sold, or given away for nothing."""
        return self.amount_untaxed > 0 or self.margin < 0

    def _get_tiering_margin(self):
        """Return the margin in percent; of what is given away for nothing all is lost."""
        return 100 * self.margin_percent if self.amount_untaxed > 0 else -100

    def action_confirm(self):
        """Ask a sales manager where the customer's tier says so."""
        if not self.env.su and not self.env.user.has_group("sales_team.group_sale_manager"):
            # sudo: which tier asks, not what else it is
            for order, tier in self.sudo()._get_tiers_above_margin().items():
                if tier.least_margin_rule == "ask":
                    said = order._get_margin_words(tier)
                    raise UserError(
                        self.env._(
                            "%(order)s brings a margin of %(margin)s%%, less than the %(least)s%% that customers of "
                            "%(tier)s bring. Ask a sales manager to confirm it, or change the prices.",
                            **said,
                        )
                        if said["tier"]
                        else self.env._(
                            "%(order)s brings a margin of %(margin)s%%, less than the %(least)s%% that is asked of "
                            "this customer. Ask a sales manager to confirm it, or change the prices.",
                            **said,
                        )
                    )
        return super().action_confirm()
