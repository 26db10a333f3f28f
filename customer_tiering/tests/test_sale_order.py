from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestSaleOrder(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.new_customer("Lumber Inc", is_company=True)
        cls.contact = cls.new_customer("Ann", parent_id=cls.customer.id)
        for days_ago in range(12):
            cls.order(cls.customer, days_ago, 100)
        cls.compute()

    def test_an_order_keeps_the_tier_of_its_confirmation(self):
        newcomer = self.new_customer("Newcomer")
        orders = self.order(self.contact, state="draft") | self.order(newcomer, state="draft")
        self.assertFalse(orders.tiering_tier_id)
        orders.with_user(self.salesperson).action_confirm()
        platinum = self.customer.tiering_tier_id
        self.assertEqual([order.tiering_tier_id.name for order in orders], [platinum.name, False])
        self.customer.sale_order_ids[:-1].state = "cancel"
        self.compute()
        self.assertNotEqual(self.customer.tiering_tier_id, platinum)
        self.assertEqual(orders[0].tiering_tier_id, platinum)

    def test_orders_of_two_companies_keep_the_tier_of_their_own_company(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.order(self.customer, 400, company_id=other.id)
        self.compute(policy=other.tiering_policy_ids)
        orders = self.order(self.contact, state="draft") | self.order(self.contact, state="draft", company_id=other.id)
        for companies in (self.company | other, other | self.company):
            copies = orders.copy()
            copies.with_context(allowed_company_ids=companies.ids).action_confirm()
            self.assertEqual(
                [(order.company_id, order.tiering_tier_id.name) for order in copies],
                [(self.company, "Platinum"), (other, "Bronze")],  # 12 orders until today; one, 400 days ago
            )

    def test_a_copy_starts_without(self):
        order = self.order(self.customer, state="draft")
        order.action_confirm()
        self.assertFalse(order.copy().tiering_tier_id)

    def test_the_sales_analysis_groups_by_the_tier_at_confirmation(self):
        order = self.order(self.contact, amount=70, state="draft")
        order.action_confirm()
        self.env.flush_all()
        report = self.env["sale.report"].with_user(self.salesperson)
        groups = dict(
            report._read_group([("partner_id", "=", self.contact.id)], ["tiering_tier_id"], ["price_subtotal:sum"])
        )
        self.assertEqual(groups, {self.customer.tiering_tier_id.with_user(self.salesperson): 70})

    def test_the_sales_analysis_knows_the_tier_of_orders_that_kept_none_by_the_history(self):
        """As those from before the addon, and imported ones."""
        platinum, *_others, bronze = self.policy.tier_ids.with_user(self.salesperson)
        lock = {"partner_id": self.customer.id, "tier_id": bronze.id, "mode": "fixed", "reason": "Agreed"}
        self.env["customer.tiering.lock"].create([lock])
        today = self.company._get_tiering_today()
        self.assertEqual(self.changes(self.customer).mapped("date"), [today, AS_OF])
        self.order(self.contact, amount=7, when=self.noon(today))  # on the day itself it is in the earlier tier
        self.order(self.contact, amount=9, when=self.noon(today, -1))
        self.order(self.contact, amount=9, when=self.noon(today, -1), state="cancel")
        self.env.flush_all()
        groups = dict(
            self.env["sale.report"]
            .with_user(self.salesperson)
            ._read_group(
                [("commercial_partner_id", "=", self.customer.id), ("state", "=", "sale")],
                ["tiering_tier_id"],
                ["price_subtotal:sum"],
            )
        )
        # Twelve orders of 100 until the day of the first computation
        self.assertEqual(groups, {platinum.browse(): 1200, platinum: 7, bronze: 9})
