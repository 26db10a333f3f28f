from odoo.fields import Command

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon


class StockCommon(PlaybookCommon):
    """Goods that are sent and come back."""

    @classmethod
    def confirmed(cls, who, quantity=1, **values):
        """An order of goods, confirmed as people do it: it waits for its delivery."""
        line = {"product_id": cls.product.id, "product_uom_qty": quantity, "price_unit": 10, "tax_ids": False}
        order = cls.order(who, 40, state="draft", order_line=[Command.create(line)], **values)
        order.action_confirm()
        order.date_order = cls.noon(AS_OF, 40)
        return order

    @classmethod
    def finish(cls, picking, days=0, quantity=None, when=None):
        """Do a transfer, or so much of it, ``days`` days before AS_OF at noon or at ``when`` (UTC)."""
        for move in picking.move_ids:
            move.write({"quantity": move.product_uom_qty if quantity is None else quantity, "picked": True})
        picking._action_done()
        picking.date_done = when or cls.noon(AS_OF, days)
        return picking

    @classmethod
    def sent(cls, who, days=0, when=None, **values):
        """The done delivery of an order of its own."""
        return cls.finish(cls.confirmed(who, **values).picking_ids, days, when=when)

    @classmethod
    def give_back(cls, picking, days=0):
        """The goods of a delivery come back."""
        wizard = cls.env["stock.return.picking"].create({"picking_id": picking.id})
        wizard.product_return_moves.quantity = 1
        back = cls.env["stock.picking"].browse(wizard.action_create_returns()["res_id"])
        return cls.finish(back, days)
