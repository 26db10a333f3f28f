from odoo.fields import Command

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_goods import GoodsCommon


class LoyaltyCommon(GoodsCommon):
    """A company that sells gift cards and eWallets, and takes them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gift_card, cls.top_up = cls.env["product.product"].create(
            [
                {"name": name, "type": "service", "invoice_policy": "order", "taxes_id": False}
                for name in ("Gift card", "Top-up")
            ]
        )
        cls.gifts = cls._payment_program("gift_card", cls.gift_card)
        cls.wallets = cls._payment_program("ewallet", cls.top_up)
        cls.env.flush_all()

    @classmethod
    def _payment_program(cls, program_type, product):
        # As Odoo's own form makes it.
        rule = {"reward_point_mode": "money", "reward_point_amount": 1, "product_ids": [Command.set(product.ids)]}
        reward = {"reward_type": "discount", "discount_mode": "per_point", "discount": 1, "required_points": 1}
        return cls.program(program_type, rule, reward, applies_on="future")

    @classmethod
    def program(cls, program_type, rule, reward, **values):
        """A program of the company with one rule and one reward."""
        return cls.env["loyalty.program"].create(
            {
                "name": program_type,
                "program_type": program_type,
                "trigger": "auto",
                "company_id": cls.company.id,
                "rule_ids": [Command.clear(), Command.create(rule)],
                "reward_ids": [Command.clear(), Command.create(reward)],
                **values,
            }
        )

    @classmethod
    def purse(cls, program, who, points=100000):
        """A gift card or eWallet with so much on it."""
        return cls.env["loyalty.card"].create({"program_id": program.id, "partner_id": who.id, "points": points})

    @classmethod
    def pay(cls, order, purse):
        """Pay what can be paid of an order from a gift card or eWallet."""
        if purse.program_id.program_type == "gift_card":
            order._try_apply_code(purse.code)
        else:
            order._update_programs_and_rewards()
        order._apply_program_reward(purse.program_id.reward_ids, purse)

    @classmethod
    def paid(cls, who, days, amount, purse, **values):
        """A confirmed order that was paid from a gift card or eWallet."""
        order = cls.order(who, days, amount, state="draft", **values)
        cls.pay(order, purse)
        return cls.confirm(order, days)

    @classmethod
    def confirm(cls, order, days):
        """Confirm an order as people do, ``days`` days before AS_OF."""
        order.action_confirm()
        order.date_order = cls.noon(AS_OF, days)
        return order

    @classmethod
    def sold(cls, who, days, product, amount, *more):
        """A confirmed order of a product for an amount, and of ``more`` such pairs."""
        lines = [
            Command.create({"product_id": each.id, "product_uom_qty": 1, "price_unit": price, "tax_ids": False})
            for each, price in ((product, amount), *zip(more[::2], more[1::2], strict=True))
        ]
        return cls.confirm(cls.order(who, days, state="draft", order_line=lines), days)
