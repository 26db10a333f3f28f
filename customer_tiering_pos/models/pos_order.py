from odoo import models

from odoo.addons.customer_tiering.fields import UncheckedMany2one

from ..sources.tickets import PAID


class PosOrder(models.Model):
    _name = "pos.order"
    _inherit = ["pos.order", "customer.tiering.recorded"]
    _tiering_recorded = ("tiering_tier_id",)

    # As on orders.
    tiering_tier_id = UncheckedMany2one(
        "customer.tier",
        string="Tier at Payment",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        groups="sales_team.group_sale_salesman",
        help="The customer's tier when the ticket was paid, where revenue comes from tickets.",
    )

    def action_pos_order_paid(self):
        """All ways lead through here: the till, the payment in the back office, kiosks and online payments."""
        result = super().action_pos_order_paid()
        self._tiering_paid()
        return result

    def write(self, vals):
        """A customer may be put on a paid ticket later, as when somebody asks for the invoice."""
        paid = self.filtered(lambda ticket: ticket.state in PAID) if "partner_id" in vals else self.browse()
        changed = paid.filtered(lambda ticket: ticket.partner_id.id != vals["partner_id"])
        if not changed:
            return super().write(vals)
        self.env["customer.tiering.refresh"]._add_affected(changed)  # whose tickets they were
        result = super().write(vals)
        changed._tiering_paid()
        return result

    def _tiering_paid(self):
        """Queue the customers of these paid tickets, and keep the tier in which they were."""
        tiers = self.env["customer.tiering.refresh"]._add_affected(self)
        field = self._fields["tiering_tier_id"]
        for ticket in self:
            # As at the confirmation of an order: with what else is written of the ticket, whoever sells.
            field._update_cache(ticket, tiers.get(ticket.company_id, {}).get(ticket.partner_id.id), dirty=True)
