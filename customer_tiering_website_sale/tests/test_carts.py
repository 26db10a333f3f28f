from datetime import timedelta

from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import ShopCommon


@tagged("post_install", "-at_install")
class TestCarts(ShopCommon):
    def cart(self, who, days=10, amount=100.0, **values):
        return self.order(who, days, amount, **{"state": "draft", "website_id": self.website.id, **values})

    def test_carts_that_were_filled_and_not_ordered(self):
        firm = self.buyer("Firm", 200, is_company=True)
        ann = self.new_customer("Ann", parent_id=firm.id)
        self.cart(firm, amount=30)
        self.cart(ann, amount=12.5)
        self.cart(firm, state="sent")
        self.cart(firm, state="sale")
        self.cart(firm, state="cancel")
        self.cart(firm, order_line=False)
        self.cart(firm, website_id=False)  # a quotation of a salesperson
        self.assertCard(firm, website_cart_count=2, website_cart_amount=42.5)

    def test_the_hours_that_the_website_gives_are_over_when_the_day_begins(self):
        self.website.cart_abandoned_delay = 10
        who = self.buyer("Ann", 200)
        midnight = self.noon(AS_OF) - timedelta(hours=12)
        self.cart(who, when=midnight - timedelta(hours=10), amount=1)
        self.cart(who, when=midnight - timedelta(hours=10, minutes=-1), amount=2)
        self.cart(who, 0, amount=4)
        self.assertCard(who, website_cart_count=1, website_cart_amount=1)

    def test_the_window_is_ninety_days_at_most(self):
        who = self.buyer("Ann", 200)
        self.cart(who, 89, amount=1)
        self.cart(who, 90, amount=2)
        self.assertCard(who, website_cart_count=1, website_cart_amount=1)

    def test_carts_of_strangers_and_of_other_companies(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        theirs = self.env["website"].create({"name": "Theirs", "company_id": other.id})
        who = self.buyer("Ann", 200)
        self.cart(who, website_id=theirs.id, company_id=other.id)
        stranger = self.website.user_id.partner_id
        self.cart(stranger)
        self.assertCard(who, website_cart_count=0, website_cart_amount=0)
        self.assertFalse(self.card(stranger))

    def test_carts_need_no_switch(self):
        self.website.tiering_track = False
        who = self.buyer("Ann", 200)
        self.cart(who)
        self.assertCard(who, website_cart_count=1, website_cart_amount=100)

    def test_it_is_what_odoo_takes_for_abandoned(self):
        today = self.company._get_tiering_today()
        who = self.buyer("Ann", 200)
        for ago in (1, 5, 30):
            self.cart(who, when=self.noon(today, ago) - timedelta(hours=1))
        self.cart(who, state="cancel", when=self.noon(today, 3))
        abandoned = self.env["sale.order"].search([("is_abandoned_cart", "=", True), ("partner_id", "=", who.id)])
        self.compute(today)
        self.assertEqual(self.card(who).website_cart_count, len(abandoned))
        self.assertEqual(self.card(who).website_cart_amount, sum(abandoned.mapped("amount_untaxed")))

    def test_a_cart_is_no_quotation_that_waits_for_an_answer(self):
        who = self.buyer("Ann", 200)
        cart, quotation = self.cart(who), self.cart(who, website_id=False)
        self.env.flush_all()
        for order, days in ((cart, 50), (quotation, 20)):
            self.env.cr.execute(
                "UPDATE sale_order SET create_date = %s WHERE id = %s", [self.noon(AS_OF, days), order.id]
            )
        frame = self.env["customer.tiering.reader"]._read_customers(self.policy._get_scope(AS_OF), {"quotation_days"})
        self.assertEqual(frame.quotation_days[who.id], 20)

    def test_what_customers_order_alone_is_no_quotation(self):
        """Two quotations, one of which was confirmed, beside carts and orders of the shop; Ben only ever used that."""
        who, ben = self.buyer("Ann", 200), self.new_customer("Ben")
        self.order(who, 20, 100)
        self.order(who, 10, 70, state="sent")
        for state in ("draft", "sent", "sale", "sale", "cancel"):
            self.cart(who, state=state)
        self.cart(ben, state="sale")
        self.cart(ben)
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order SET create_date = date_order WHERE company_id = %s", [self.company.id])
        reader, scope = self.env["customer.tiering.reader"], self.policy._get_scope(AS_OF)
        columns = ["placed_count", "confirmed_count", "open_quotation_count", "open_quotation_amount"]
        frame = reader._read_customers(scope, set(columns))
        # The buyer's first order, 200 days ago, was confirmed, too.
        self.assertEqual(frame.loc[who.id, columns].tolist(), [3, 2, 1, 70])
        self.assertEqual(frame.loc[ben.id, columns].tolist(), [0, 0, 0, 0])
        revenue = reader._read_revenue(scope).loc[[who.id, ben.id]]
        self.assertEqual(revenue[["quotations", "quoted"]].to_numpy().tolist(), [[1, 70], [0, 0]])

    def test_a_cart_stays_with_the_firm_that_the_contact_has_left(self):
        old, new = self.buyer("Old firm", 200, is_company=True), self.buyer("New firm", 200, is_company=True)
        ann = self.new_customer("Ann", parent_id=old.id)
        self.cart(ann, amount=30)
        ann.parent_id = new
        self.assertCard(old, website_cart_count=1, website_cart_amount=30)
        self.assertCard(new, website_cart_count=0, website_cart_amount=0)
