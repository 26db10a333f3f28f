from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.test_concession import ConcessionCommon


@tagged("post_install", "-at_install")
class TestMargin(ConcessionCommon):
    def test_the_margin_stands_beside_and_counts_once(self):
        self.product.standard_price, self.book.standard_price = 50, 20
        order = self._confirm(self.ann, self._line(self.product, 3), self._line(self.book, 10))
        self._look()
        # 3 × (80 - 50) = 90; 10 × 29.997 - 200 = 99.97
        self.assertEqual(self._of(order).mapped("margin"), [189.97, 189.97])
        ((margin,),) = self.rows._read_group([("order_id", "=", order.id)], [], ["margin:sum"])
        self.assertEqual(float(margin), 189.97)
        order._action_cancel()
        self._settle()
        self.assertEqual(self._of(order).mapped("margin"), [0, 0])
