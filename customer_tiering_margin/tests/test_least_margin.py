from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.test_profit import ProfitCommon


@tagged("post_install", "-at_install")
class TestLeastMargin(ProfitCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.buyer("Anna", 10)
        cls.compute()
        cls.tier = cls.card(cls.anna).tier_id
        cls.tier.write({"least_margin": 25, "least_margin_rule": "ask"})
        # 80 for what costs 60 is exactly 25 %, 79 is less.
        cls.good, cls.bad = (
            cls.sold(cls.anna, 0, (cls.product, 1, price), state="draft", user_id=cls.salesperson.id)
            for price in (80, 79)
        )

    def test_a_quotation_says_that_its_margin_is_too_small(self):
        self.assertFalse(self.good.with_user(self.salesperson).tiering_margin_warning)
        self.assertEqual(
            self.bad.with_user(self.salesperson).tiering_margin_warning,
            f"A margin of 24.1% is less than the 25% that customers of {self.tier.name} bring.",
        )

    def test_only_managers_confirm_it(self):
        with self.assertRaisesRegex(UserError, "Ask a sales manager"):
            self.bad.with_user(self.salesperson).action_confirm()
        self.assertEqual(self.bad.state, "draft")
        self.bad.with_user(self.manager).action_confirm()
        self.good.with_user(self.salesperson).action_confirm()
        self.assertEqual((self.bad.state, self.good.state), ("sale", "sale"))
        self.assertFalse(self.bad.tiering_margin_warning)

    def test_a_tier_that_is_not_for_the_person_is_not_named(self):
        own = self.new_user("tiering_own", "sales_team.group_sale_salesman")
        self.bad.user_id = own
        bad = self.bad.with_user(own)
        self.assertFalse(bad.tiering_customer_tier_id)  # colleagues sell to the customer
        self.assertEqual(
            bad.tiering_margin_warning, "A margin of 24.1% is less than the 25% that is asked of this customer."
        )
        with self.assertRaises(UserError) as caught:
            bad.action_confirm()
        self.assertIn("Ask a sales manager", str(caught.exception))
        self.assertNotIn(self.tier.name, str(caught.exception))

    def test_who_gives_it_away_asks_too(self):
        self.bad.order_line.discount = 100
        self.assertEqual(self.bad.amount_untaxed, 0)
        with self.assertRaisesRegex(UserError, "Ask a sales manager"):
            self.bad.with_user(self.salesperson).action_confirm()

    def test_a_warning_keeps_nobody_from_selling(self):
        self.tier.least_margin_rule = "warn"
        self.bad.with_user(self.salesperson).action_confirm()
        self.assertEqual(self.bad.state, "sale")

    def test_who_has_no_tier_may_bring_any_margin(self):
        ben = self.new_customer("Ben")
        order = self.sold(ben, 0, (self.product, 1, 10), state="draft", user_id=self.salesperson.id)
        order.with_user(self.salesperson).action_confirm()
        self.assertEqual(order.state, "sale")

    def test_no_percentage_is_refused(self):
        for wrong in (-1, 101, float("nan")):
            with self.subTest(wrong=wrong), self.assertRaises(ValidationError):
                self.tier.with_user(self.manager).write({"least_margin": wrong})
