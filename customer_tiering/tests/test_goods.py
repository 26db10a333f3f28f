from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF
from .test_purchases import PurchasesCommon

COLUMNS = {"category_count", "product_count", "list_amount", "discount_amount", "top_category_amount"}


class GoodsCommon(PurchasesCommon):
    """What orders say of goods, and the invoices made of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.goods = cls.env["product.category"].create({"name": "Goods"})
        cls.product.write({"categ_id": cls.goods.id, "taxes_id": False})

    def assertGoods(self, orders, products, listed, discount, spent=None):  # noqa: N802 - like unittest's own
        """Orders of one customer, and then their invoices, are about so many products of the category Goods.

        :param listed: what these would have cost without the discounts
        :param spent: what was spent in the category, the difference unless it is said
        """
        who = orders.partner_id
        for source in ("order", "invoice"):
            with self.subTest(who=who.name, source=source):
                self.policy.revenue_from = source
                if source == "invoice":
                    invoices = orders._create_invoices(final=True)
                    invoices.invoice_date = AS_OF - timedelta(days=1)
                    invoices.action_post()
                scope = self.policy._get_scope(AS_OF, who.ids)
                row = self.env["customer.tiering.reader"]._read_customers(scope, COLUMNS).loc[who.id]
                self.assertEqual((row.category_count, row.product_count), (1, products))
                self.assertEqual((row.list_amount, row.discount_amount), (listed, discount))
                self.assertEqual(row.top_category_amount, listed - discount if spent is None else spent)


@tagged("post_install", "-at_install")
class TestGoods(GoodsCommon):
    def test_a_discount_on_the_whole_order_is_a_discount(self):
        for kind, values in (
            ("so_discount", {"discount_percentage": 0.1}),
            ("amount", {"discount_amount": 20}),
        ):
            order = self.order(self.new_customer(kind), 5, 200)
            wizard = {"sale_order_id": order.id, "discount_type": kind, **values}
            self.env["sale.order.discount"].create(wizard).action_apply_discount()
            self.assertEqual(order.amount_untaxed, 180)
            self.assertGoods(order, 1, 200, 20, spent=200)

    def test_a_discount_on_the_lines_is_a_discount(self):
        order = self.order(self.new_customer("Ann"), 5, 200)
        wizard = {"sale_order_id": order.id, "discount_type": "sol_discount", "discount_percentage": 0.1}
        self.env["sale.order.discount"].create(wizard).action_apply_discount()
        self.assertGoods(order, 1, 200, 20)

    def test_texts_what_nobody_wants_and_a_lower_price_by_hand(self):
        other, rebate = self.env["product.product"].create([{"name": "Other"}, {"name": "Sorry for the delay"}])
        order = self.order(self.new_customer("Ann"), 5, 200)
        order.order_line = [
            Command.create({"display_type": "line_section", "name": "Music"}),
            Command.create({"display_type": "line_note", "name": "Handle with care"}),
            Command.create({"product_id": other.id, "product_uom_qty": 0, "price_unit": 70}),
            Command.create({"product_id": rebate.id, "product_uom_qty": 1, "price_unit": -30, "tax_ids": False}),
        ]
        self.assertGoods(order, 1, 200, 30, spent=200)

    def test_of_a_combination_its_parts_are_the_goods(self):
        parts = self.env["product.product"].create(
            [{"name": name, "categ_id": self.goods.id, "invoice_policy": "order"} for name in ("Disc", "Cover")]
        )
        combos = self.env["product.combo"].create(
            [{"name": part.name, "combo_item_ids": [Command.create({"product_id": part.id})]} for part in parts]
        )
        whole = self.env["product.product"].create(
            {
                "name": "Disc with cover",
                "type": "combo",
                "combo_ids": [Command.set(combos.ids)],
                "categ_id": self.env["product.category"].create({"name": "Sets"}).id,
            }
        )
        order = self.order(
            self.new_customer("Ann"), 5, order_line=[Command.create({"product_id": whole.id, "price_unit": 0})]
        )
        order.order_line = [
            Command.create(
                {
                    "product_id": combo.combo_item_ids.product_id.id,
                    "combo_item_id": combo.combo_item_ids.id,
                    "linked_line_id": order.order_line[:1].id,
                    "price_unit": price,
                    "tax_ids": False,
                }
            )
            for combo, price in zip(combos, (80, 20), strict=True)
        ]
        self.assertGoods(order, 2, 100, 0)

    def test_a_down_payment_is_neither_goods_nor_a_discount(self):
        order = self.order(self.new_customer("Ann"), 5, 1000)
        wizard = self.env["sale.advance.payment.inv"].with_context(active_model="sale.order", active_ids=order.ids)
        wizard.create({"advance_payment_method": "fixed", "fixed_amount": 300}).create_invoices()
        order.invoice_ids.invoice_date = AS_OF - timedelta(days=3)
        order.invoice_ids.action_post()
        self.assertGoods(order, 1, 1000, 0)
