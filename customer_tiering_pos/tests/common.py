from datetime import timedelta

from odoo.fields import Command

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_purchases import PurchasesCommon


class TicketsCommon(PurchasesCommon):
    """A till of the company, whose policy counts tickets, and what is sold and given back there."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref("point_of_sale.group_pos_manager")
        cls.policy.revenue_from = "pos"
        cls.product.available_in_pos = True
        cls.till = cls.new_till("Shop")
        cls.cashier = cls.new_user("tiering_cashier", "base.group_user,point_of_sale.group_pos_user")

    @classmethod
    def new_till(cls, name, **values):
        """A till with an open session, where everybody pays by card."""
        code = "".join(word[0] for word in name.split())
        bank = cls.env["account.journal"].create({"name": f"Card {name}", "type": "bank", "code": f"TB{code}"})
        card = cls.env["pos.payment.method"].create({"name": f"Card {name}", "journal_id": bank.id})
        till = cls.env["pos.config"].create({"name": name, "payment_method_ids": [Command.set(card.ids)], **values})
        till.open_ui()
        till.current_session_id.set_opening_control(0, None)
        return till

    @classmethod
    def new_product(cls, name, **values):
        """A product without taxes that is sold in the till."""
        common = {"name": name, "taxes_id": False, "available_in_pos": True}
        return cls.env["product.product"].create({**common, **values})

    @classmethod
    def ticket(cls, who, days=0, *lines, till=None, pay=True, **values):
        """A paid ticket, ``days`` days before AS_OF at noon, with lines as `sells` and `takes_back` return them."""
        till = till or cls.till
        lines = lines or (cls.sells(100),)
        total = sum(line["qty"] * line["price_unit"] * (1 - line.get("discount", 0) / 100) for line in lines)
        ticket = cls.env["pos.order"].create(
            {
                "partner_id": who.id if who else False,
                "session_id": till.current_session_id.id,
                "date_order": cls.noon(AS_OF, days),
                "is_refund": total < 0,
                "lines": [Command.create(line) for line in lines],
                "amount_total": total,
                "amount_tax": 0,
                "amount_paid": 0,
                "amount_return": 0,
                **values,
            }
        )
        if pay:
            cls.pay(ticket)
        return ticket

    @classmethod
    def pay(cls, ticket):
        """Pay a ticket as the back office does."""
        payment = cls.env["pos.make.payment"].with_context(active_ids=ticket.ids, active_id=ticket.id)
        payment.create(
            {"payment_method_id": ticket.config_id.payment_method_ids.id, "amount": ticket.amount_total}
        ).check()

    @classmethod
    def sells(cls, amount, product=None, **values):
        """The line of a ticket that sells one piece for ``amount``."""
        line = {"product_id": (product or cls.product).id, "qty": 1, "price_unit": amount, **values}
        subtotal = line["qty"] * line["price_unit"] * (1 - line.get("discount", 0) / 100)
        return {**line, "price_subtotal": subtotal, "price_subtotal_incl": subtotal}

    @classmethod
    def takes_back(cls, ticket, amount, **values):
        """The line that gives back ``amount`` for the first line of ``ticket``; for none without one."""
        sold = ticket.lines[0] if ticket else ticket
        return cls.sells(amount, qty=-1, refunded_orderline_id=sold.id if sold else False, **values)

    @classmethod
    def refund(cls, ticket, days=0):
        """All of a ticket given back in the back office, ``days`` days before AS_OF."""
        refund = ticket._refund()
        refund.date_order = cls.noon(AS_OF, days)
        cls.pay(refund)
        return refund

    @classmethod
    def rate(cls, currency, days, rate):
        """The rate of a currency, from ``days`` days before AS_OF on."""
        cls.env["res.currency.rate"].create(
            {
                "currency_id": currency.id,
                "company_id": cls.company.id,
                "name": AS_OF - timedelta(days=days),
                "rate": rate,
            }
        )
