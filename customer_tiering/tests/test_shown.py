from odoo.fields import Command
from odoo.tests import Form, TransactionCase, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestShown(TieringCommon, TransactionCase):
    """The tier where salespeople look: on quotations, orders and invoices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.best = cls.buyer("Best", *range(12))  # Platinum by fixed bands, see test_tours
        cls.poor = cls.buyer("Poor", 300)
        cls.contact = cls.new_customer("Buyer", parent_id=cls.best.id)
        cls.asked = cls.new_customer("Asked")
        cls.compute()

    def test_a_quotation_shows_the_tier_as_soon_as_the_customer_is_chosen(self):
        form = Form(self.env["sale.order"].with_user(self.salesperson))
        self.assertFalse(form.tiering_customer_tier_id)
        for partner, tier in ((self.contact, "Platinum"), (self.poor, "Bronze"), (self.asked, False)):
            form.partner_id = partner
            self.assertEqual(form.tiering_customer_tier_id.name, tier)
            self.assertEqual(form.tiering_customer_tier_color, form.tiering_customer_tier_id.color)

    def test_the_tier_of_today_stands_beside_that_of_the_confirmation(self):
        order = self.order(self.best, state="draft")
        order.action_confirm()
        self.env["customer.tiering.lock"].create(
            [{"partner_id": self.best.id, "tier_id": self.policy.tier_ids[-1].id, "mode": "fixed", "reason": "Agreed"}]
        )
        self.compute()
        order = order.with_user(self.salesperson)
        self.assertEqual((order.tiering_tier_id.name, order.tiering_customer_tier_id.name), ("Platinum", "Bronze"))

    def test_a_list_asks_once_for_all(self):
        for partner in (self.poor, self.contact, self.asked):
            self.order(partner, state="draft")
        orders = self.env["sale.order"].with_user(self.salesperson).search([("company_id", "=", self.company.id)])
        self.assertGreater(len(orders), 10)
        spec = {"partner_id": {}, "tiering_customer_tier_id": {"fields": {"display_name": {}}}}
        counts = []
        one_each = orders.browse(order.id for order, *_others in orders.grouped("partner_id").values())
        for few in (one_each, orders):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            few.web_read(spec)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0])

    def test_orders_are_found_by_the_tier(self):
        orders = self.env["sale.order"].with_user(self.salesperson)
        found = orders.search([("tiering_customer_tier_id", "ilike", "Bronze"), ("company_id", "=", self.company.id)])
        self.assertEqual(found.partner_id, self.poor)

    def test_the_company_of_the_order_decides(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        order = self.order(self.best, state="draft", company_id=other.id)
        both = self.env(context=dict(self.env.context, allowed_company_ids=[self.company.id, other.id]))
        self.assertFalse(order.with_env(both).tiering_customer_tier_id)
        self.assertTrue(self.order(self.best, state="draft").with_env(both).tiering_customer_tier_id)

    def test_invoices_show_it_to_salespeople_and_open_for_all_others(self):
        self.accounting()
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.best.id,
                "invoice_date": AS_OF,
                "invoice_line_ids": [Command.create({"name": "Disc", "price_unit": 10, "tax_ids": False})],
            }
        )
        accountant = self.new_user("tiering_accountant", "account.group_account_invoice")
        seller = self.new_user("tiering_both", "account.group_account_invoice,sales_team.group_sale_salesman_all_leads")
        for user, seen in ((seller, True), (accountant, False)):
            for view in ("view_out_invoice_tree", "view_out_credit_note_tree", "view_move_form"):
                view = self.env.ref(f"account.{view}")
                arch = self.env["account.move"].with_user(user).get_view(view.id, view.type)["arch"]
                self.assertEqual("tiering_customer_tier_id" in arch, seen, view.name)
        self.assertEqual(invoice.with_user(seller).tiering_customer_tier_id.name, "Platinum")
