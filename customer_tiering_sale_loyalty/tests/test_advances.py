from datetime import timedelta

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.customer_tiering.tests.common import AS_OF

from ..hooks import post_init_hook, uninstall_hook
from .common import LoyaltyCommon

SOURCES = ("order", "invoice", "order_invoice")


@tagged("post_install", "-at_install")
class TestPurchases(LoyaltyCommon):
    def test_who_pays_by_ewallet_has_the_scorecard_of_who_pays_by_card(self):
        by_wallet, by_card = self.new_customer("Pays by eWallet"), self.new_customer("Pays by card")
        self.bill(self.sold(by_wallet, 350, self.top_up, 5000), 350)
        purse = self.purse(self.wallets, by_wallet, 5000)
        for days in (300, 250, 200, 150, 100, 50, 10):
            for order in (self.paid(by_wallet, days, 400, purse), self.order(by_card, days, 400)):
                self.bill(order, days)
        for number in range(20):
            self.bill(self.order(self.new_customer(f"Other {number}"), 20 + 10 * number, 300), 20)
        fields = ("last_order_date", "order_count", "amount", "gap_median_days", "risk", "segment_id", "tier_id")
        for source in SOURCES:
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.compute()
                self.env.invalidate_all()
                cards = [self.card(who).read(fields, load=None)[0] for who in (by_wallet, by_card)]
                for card in cards:
                    del card["id"]
                self.assertEqual(*cards)
                self.assertEqual(cards[0]["last_order_date"], AS_OF - timedelta(days=10))
                self.assertEqual((cards[0]["order_count"], cards[0]["amount"]), (7, 2800))

    def test_what_a_quotation_is_worth_is_what_it_counts_for(self):
        who = self.new_customer("Pays by eWallet")
        outlook = self.env["customer.tiering.draft"].with_company(self.company)
        order = self.order(who, 0, 400, state="draft")
        self.pay(order, self.purse(self.wallets, who, 150))
        self.assertEqual(order.amount_untaxed, 250)
        self.assertEqual(outlook._get_money(self.company, outlook._get_values(order)), 400)
        self.assertEqual(order._get_tiering_worth(), {order: 400})

    def test_what_a_gift_card_pays_may_be_a_part_and_contain_taxes(self):
        tax = self.env["account.tax"].create({"name": "A quarter", "amount": 25, "company_id": self.company.id})
        self.product.taxes_id = tax
        who = self.new_customer("Ann")
        whole = self.paid(who, 20, 400, self.purse(self.gifts, who))
        self.assertEqual((whole.amount_untaxed, whole.amount_total), (-100, 0))  # 500 of goods with taxes, 500 paid
        part = self.paid(who, 10, 400, self.purse(self.gifts, who, 150))
        self.assertEqual((part.amount_untaxed, part.amount_total), (250, 350))
        self.assertBought(who, 800, 2, last=10)
        self.bill(whole, 8), self.bill(part, 5)
        self.policy.revenue_from = "invoice"
        self.assertBought(who, 800, 2, last=5)

    def test_what_fills_a_card_is_no_purchase(self):
        who, other = self.new_customer("Ann"), self.new_customer("Bob")
        self.bill(self.sold(who, 20, self.gift_card, 50), 20)
        self.bill(self.sold(other, 20, self.top_up, 50, self.product, 30), 20)
        self.bill(self.sold(other, 400, self.top_up, 50, self.product, 30), 400)
        self.direct(other, 5, 70, invoice_line_ids=[self._line(self.gift_card, 70)])
        for source in SOURCES:
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.assertBought(who, 0, 0)
                self.assertBought(other, 30, 1, last=20)
                self.assertEqual(self._row(other).purchase_days, 2)

    def test_a_discount_of_a_promotion_lowers_the_amount(self):
        program = self.program("promotion", {"minimum_qty": 1}, {"reward_type": "discount", "discount": 10})
        who = self.new_customer("Ann")
        order = self.order(who, 10, 200, state="draft")
        self.pay(order, self._coupon(program, order))
        self.pay(order, self.purse(self.wallets, who))
        self.assertEqual(order.amount_total, 0)  # 200 less 20 less 180
        self.confirm(order, 10)
        self.assertBought(who, 180, 1)

    def test_reports_know_when_it_was_bought(self):
        who = self.new_customer("Ann")
        self.bill(self.sold(who, 20, self.top_up, 50), 20)
        self.bill(self.paid(who, 10, 400, self.purse(self.wallets, who)), 9)
        self.env.flush_all()
        values = SQL("%s", who.id), SQL("%s", self.company.id), SQL("'UTC'")
        for source, ago in (("order", 10), ("invoice", 9), ("order_invoice", 10)):
            query = self.env["customer.tiering.reader"]._get_purchase_sources()[source].get_days_query(*values)
            self.assertEqual(self.env.execute_query(query), [(AS_OF - timedelta(days=ago),)], source)

    def test_another_product_of_the_program_is_found_too(self):
        who = self.new_customer("Ann")
        self.sold(who, 20, self.product, 50)
        self.assertBought(who, 50, 1)
        self.gifts.rule_ids.product_ids += self.product
        self.gifts.active = False
        self.assertBought(who, 0, 0)

    def test_cash_back_into_the_wallet_makes_goods_no_filling(self):
        who = self.new_customer("Ann")
        self.bill(self.sold(who, 20, self.product, 50), 20)
        back = {
            "reward_point_mode": "money",
            "reward_point_amount": 0.05,
            "product_ids": [Command.set(self.product.ids)],
        }
        self.wallets.rule_ids = [Command.create(back)]
        for source in SOURCES:
            self.policy.revenue_from = source
            self.assertBought(who, 50, 1)

    def _line(self, product, amount):
        return Command.create({"product_id": product.id, "quantity": 1, "price_unit": amount, "tax_ids": False})

    def _coupon(self, program, order):
        order._update_programs_and_rewards()
        return order.coupon_point_ids.coupon_id.filtered(lambda coupon: coupon.program_id == program)


@tagged("post_install", "-at_install")
class TestReturns(LoyaltyCommon):
    def setUp(self):
        super().setUp()
        self.who = self.new_customer("Ann")
        self.wallet = self.purse(self.wallets, self.who)

    def _bought_and_credited(self, credited=None):
        """An order of 400 that was paid by eWallet, and a credit note of it all or of some of the goods."""
        invoice = self.bill(self.paid(self.who, 20, 400, self.wallet), 19)
        if credited is None:
            self.credit(invoice, 10)
            return
        note = invoice._reverse_moves([{"invoice_date": AS_OF - timedelta(days=10)}])
        note.invoice_line_ids.filtered(lambda line: line.product_id != self.product).unlink()
        note.invoice_line_ids.price_unit = credited
        note.action_post()

    def test_of_what_was_given_back_entirely_nothing_is_left(self):
        self._bought_and_credited()
        for source in SOURCES:
            self.policy.revenue_from = source
            self.assertBought(self.who, 0, 0)
            self.assertEqual(self._row(self.who).refund_amount, 400, source)

    def test_some_of_the_goods_are_given_back(self):
        self._bought_and_credited(150)
        for source in SOURCES:
            self.policy.revenue_from = source
            self.assertBought(self.who, 250, 1)

    def test_a_gift_card_that_is_given_back_takes_nothing_away(self):
        self.bill(self.sold(self.who, 30, self.product, 100), 30)
        self.credit(self.bill(self.sold(self.who, 20, self.gift_card, 50), 20), 10)
        for source in SOURCES:
            self.policy.revenue_from = source
            self.assertBought(self.who, 100, 1)
            self.assertEqual(self._row(self.who).refund_amount, 0)

    def test_a_credit_note_from_the_order_passes_over_an_invoice_that_was_given_back(self):
        self.policy.revenue_from = "invoice"
        order = self.paid(self.who, 20, 200, self.wallet)
        goods = order.order_line.filtered(lambda line: line.product_id == self.product)
        self.credit(self.bill(order, 5), 4)
        again = self.direct(self.who, 19, 200)
        again.invoice_line_ids.sale_line_ids = goods
        note = self.credit_note(self.who, 3, 50, post=False)
        note.invoice_line_ids.sale_line_ids = goods
        note.action_post()
        self.assertBought(self.who, 150, 1, last=19)


@tagged("post_install", "-at_install")
class TestUndone(LoyaltyCommon):
    def setUp(self):
        super().setUp()
        self.policy.refunds_at_once = True
        self.who = self.buyer("Ann", 300, amount=1000)
        self.wallet = self.purse(self.wallets, self.who)

    def assertUntaken(self, amount, untaken):  # noqa: N802 - like unittest's own
        """What the customer has bought, and would have, had nothing been taken back."""
        row = self._row(self.who)
        self.assertEqual((row.amount, row.untaken_amount), (amount, untaken))

    def test_a_cancelled_order_had_been_worth_what_was_bought(self):
        order = self.paid(self.who, 10, 400, self.wallet)
        self.assertUntaken(1400, 1400)
        order._action_cancel()
        self.assertUntaken(1000, 1400)

    def test_a_cancelled_gift_card_had_been_worth_nothing(self):
        order = self.sold(self.who, 10, self.gift_card, 50, self.product, 30)
        self.assertUntaken(1030, 1030)
        order._action_cancel()
        self.assertUntaken(1000, 1030)

    def test_to_pay_after_the_confirmation_takes_nothing_back(self):
        order = self.confirm(self.order(self.who, 10, 400, state="draft"), 10)
        self.pay(order, self.wallet)
        self.assertEqual(order.amount_total, 0)
        self.assertUntaken(1400, 1400)

    def test_orders_that_were_there_before_the_addon(self):
        card = self.sold(self.who, 20, self.gift_card, 50)
        paid = self.paid(self.who, 10, 400, self.wallet)
        self.assertEqual((card | paid).mapped("tiering_amount"), [0, 400])
        uninstall_hook(self.env)
        self.assertEqual((card | paid).mapped("tiering_amount"), [50, paid.amount_untaxed])
        post_init_hook(self.env)
        self.assertEqual((card | paid).mapped("tiering_amount"), [0, 400])
        self.assertUntaken(1400, 1400)
