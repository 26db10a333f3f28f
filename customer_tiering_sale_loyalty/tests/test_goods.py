from odoo.fields import Command
from odoo.tests import tagged

from .common import LoyaltyCommon


@tagged("post_install", "-at_install")
class TestGoods(LoyaltyCommon):
    """Needs Delivery Costs too (delivery)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        freight = cls.env["product.product"].create(
            {
                "name": "Freight",
                "type": "service",
                "categ_id": cls.env["product.category"].create({"name": "Deliveries"}).id,
                "invoice_policy": "order",
                "taxes_id": False,
            }
        )
        cls.carrier = cls.env["delivery.carrier"].create(
            {"name": "Carrier", "product_id": freight.id, "delivery_type": "fixed", "fixed_price": 150}
        )
        cls.other = cls.env["product.product"].create({"name": "Other", "list_price": 40, "taxes_id": False})

    def _sent(self, who, amount):
        """An order of goods with freight of 150."""
        order = self.order(who, 10, amount, state="draft")
        order.set_delivery_line(self.carrier, 150)
        return order

    def _claim(self, order, program):
        order._update_programs_and_rewards()
        coupon = order.coupon_point_ids.coupon_id.filtered(lambda coupon: coupon.program_id == program)
        order._apply_program_reward(program.reward_ids, coupon)

    def test_freight_is_no_goods_but_revenue(self):
        order = self.confirm(self._sent(self.new_customer("Far away"), 100), 10)
        self.assertBought(order.partner_id, 250, 1)
        self.assertGoods(order, 1, 100, 0)
        self.assertBought(order.partner_id, 250, 1)  # by its invoice

    def test_free_shipping_is_no_discount_on_goods(self):
        program = self.program("promotion", {"minimum_qty": 1}, {"reward_type": "shipping"})
        order = self._sent(self.new_customer("Ann"), 100)
        self._claim(order, program)
        self.assertEqual(order.amount_untaxed, 100)
        self.assertGoods(self.confirm(order, 10), 1, 100, 0)

    def test_a_free_product_is_no_goods(self):
        reward = {"reward_type": "product", "reward_product_id": self.other.id, "reward_product_qty": 1}
        program = self.program("promotion", {"minimum_qty": 1}, reward)
        order = self.order(self.new_customer("Ann"), 10, 100, state="draft")
        self._claim(order, program)
        self.assertIn(self.other, order.order_line.product_id)
        self.assertGoods(self.confirm(order, 10), 1, 100, 0)

    def test_the_discount_of_a_promotion_is_a_discount(self):
        program = self.program("promotion", {"minimum_qty": 1}, {"reward_type": "discount", "discount": 10})
        order = self.order(self.new_customer("Ann"), 10, 100, state="draft")
        self._claim(order, program)
        self.assertGoods(self.confirm(order, 10), 1, 100, 10, spent=100)

    def test_what_pays_is_no_discount_and_what_is_filled_no_goods(self):
        who = self.new_customer("Ann")
        lines = [
            Command.create({"product_id": product.id, "product_uom_qty": 1, "price_unit": 100, "tax_ids": False})
            for product in (self.product, self.gift_card)
        ]
        order = self.order(who, 10, state="draft", order_line=lines)
        self.pay(order, self.purse(self.wallets, who, 130))
        self.assertEqual(order.amount_untaxed, 70)
        self.assertGoods(self.confirm(order, 10), 1, 100, 0)
