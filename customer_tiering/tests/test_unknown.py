from odoo.tests import tagged

from .test_profit import ProfitCommon


@tagged("post_install", "-at_install")
class TestUnknown(ProfitCommon):
    """Anna pays after 10 days, Ben at once; Carl has paid nothing yet, so that nobody knows how soon he does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.measure("days_to_pay")
        cls.anna, cls.ben, cls.carl = (cls.new_customer(name) for name in ("Anna", "Ben", "Carl"))
        for who, paid in ((cls.anna, 10), (cls.ben, 20), (cls.carl, None)):
            invoice = cls.invoice(cls.sold(who, 20, (cls.product, 1, 100)), 20)
            if paid:
                cls.pay(invoice, paid)
        cls.compute()
        cls.cards = cls.card(cls.anna) | cls.card(cls.ben) | cls.card(cls.carl)

    def test_filters_do_not_take_unknown_for_0(self):
        for operator, value, expected in (
            ("<", 10, "Ben"),
            ("<=", 10, "Anna Ben"),
            ("=", 0, "Ben"),
            (">=", 0, "Anna Ben"),
            (">", -1, "Anna Ben"),
            ("in", [0, 10], "Anna Ben"),
            ("=", False, "Carl"),
            ("!=", False, "Anna Ben"),
        ):
            with self.subTest(operator=operator, value=value):
                found = self.cards.search([("id", "in", self.cards.ids), ("days_to_pay", operator, value)])
                self.assertEqual(" ".join(sorted(found.partner_id.mapped("name"))), expected)

    def test_groups_leave_unknown_out(self):
        ((mean,),) = self.cards._read_group([("id", "in", self.cards.ids)], [], ["days_to_pay:avg"])
        self.assertEqual(mean, 5)
        ((nothing,),) = self.cards._read_group([("partner_id", "=", self.carl.id)], [], ["days_to_pay:avg"])
        self.assertIs(nothing, False)

    def test_exports_leave_unknown_empty(self):
        rows = self.cards.export_data(["partner_id/name", "days_to_pay", "change_ids/partner_id/name"])["datas"]
        self.assertEqual([row[:2] for row in rows if row[0]], [["Anna", 10], ["Ben", 0], ["Carl", ""]])
