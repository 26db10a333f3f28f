from datetime import timedelta

from odoo.fields import Command, Domain
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import TicketsCommon


@tagged("post_install", "-at_install")
class TestTickets(TicketsCommon):
    def test_tickets_count_on_their_day_for_their_customer(self):
        firm = self.new_customer("Firm", is_company=True)
        buyer = self.new_customer("Buyer", parent_id=firm.id)
        self.ticket(buyer, 20, self.sells(100)), self.ticket(firm, 10, self.sells(50)), self.ticket(firm, 400)
        self.ticket(None, 5, self.sells(1000))
        self.ticket(firm, 4, self.sells(1000), pay=False)
        self.order(firm, 3, 1000)
        self.assertBought(firm, 150, 2, last=10)
        self.assertEqual(self._row(firm).purchase_days, 3)

    def test_a_quotation_does_nothing_where_only_tickets_count(self):
        who = self.new_customer("Ann")
        self.ticket(who, 20, self.sells(100))
        self.compute()
        quotation = self.order(who, 0, 1000, state="draft")
        outlooks = self.env["customer.tiering.draft"].with_user(self.salesperson)
        found = outlooks.with_context(allowed_company_ids=self.company.ids).get_effect(quotation.id, None)
        self.assertEqual(found["kind"], "unknown")
        self.assertIn("only tickets do", found["text"])

    def test_foresight_looks_back_on_tickets(self):
        """On 31 May 2025, and what came in the year after it: 80 less the 30 that were given back, and an order."""
        ann, bob, carol = (self.new_customer(name) for name in ("Ann", "Bob", "Carol"))
        self.policy.min_population = 0
        self.ticket(ann, 400, self.sells(20)), self.ticket(bob, 400, self.sells(10))
        self.ticket(bob, 390, self.sells(70))  # on 5 June: a customer before, and what came after
        self.refund(self.ticket(bob, 385, self.sells(60)), 380)
        ticket = self.ticket(ann, 130, self.sells(80))
        self.ticket(ann, 120, self.takes_back(ticket, 30))
        self.order(carol, 400, 5), self.order(carol, 130, 500)
        for source, customers, amount in (("pos", 2, 120), ("order_pos", 3, 620), ("order", 1, 500)):
            self.policy.revenue_from = source
            foresight = self.env["customer.tiering.foresight"]._queue(self.policy, ["amount"])
            foresight._compute(as_of=AS_OF)
            point = foresight.result["points"][0]
            found = point["day"], point["span"], point["customers"], point["amount"]
            self.assertEqual(found, ("2025-05-31", 365, customers, amount), source)

    def test_a_day_ends_at_midnight_of_the_company(self):
        who = self.new_customer("Ann")
        self.company.partner_id.tz = "Asia/Tokyo"  # nine hours before
        self.ticket(who, date_order=self.noon(AS_OF).replace(hour=14, minute=59))
        self.ticket(who, date_order=self.noon(AS_OF).replace(hour=15))
        self.assertBought(who, 100, 1, last=0)
        self.assertBought(who, 200, 2, last=-1, as_of=AS_OF + timedelta(days=1))

    def test_who_only_bought_in_the_till_is_a_customer(self):
        who, stranger = self.new_customer("Ann"), self.new_customer("Bob")
        self.ticket(who)
        count = self.env["customer.tiering.reader"]._count_customers
        both = Domain("id", "in", (who | stranger).ids)
        self.assertEqual(count(self.company, both, "pos"), 1)
        self.assertEqual(count(self.company, both, "order"), 0)
        self.compute()
        self.assertTrue(self.card(who))

    def test_taxes_are_no_money_of_the_company(self):
        who = self.new_customer("Ann")
        line = {**self.sells(119), "price_subtotal": 100}
        self.ticket(who, 3, line, amount_tax=19)
        self.assertBought(who, 100, 1)

    def test_a_return_lowers_its_own_ticket_from_its_day_on(self):
        who = self.new_customer("Ann")
        first = self.ticket(who, 30, self.sells(200))
        self.ticket(who, 20, self.sells(50))
        self.ticket(who, 10, self.takes_back(first, 80))
        self.assertBought(who, 170, 2, last=20)
        self.assertBought(who, 250, 2, as_of=AS_OF - timedelta(days=11))
        row = self._row(who)
        self.assertEqual((row.gross_amount, row.refund_amount), (170, 80))

    def test_a_ticket_given_back_entirely_is_no_purchase(self):
        who = self.new_customer("Ann")
        self.ticket(who, 30, self.sells(100))
        self.refund(self.ticket(who, 20, self.sells(33.33), self.sells(10, discount=5)), 10)
        self.assertBought(who, 100, 1, last=30)
        self.assertEqual(self._row(who).purchase_days, 1)

    def test_no_more_comes_back_than_was_sold(self):
        who = self.new_customer("Ann")
        ticket = self.ticket(who, 20, self.sells(100))
        self.ticket(who, 10, self.sells(40))
        self.ticket(who, 5, self.takes_back(ticket, 130))
        self.assertBought(who, 40, 1)

    def test_a_return_is_of_who_bought_whoever_brings_it_back(self):
        buyer, other = self.new_customer("Buyer"), self.new_customer("Other")
        ticket, unknown = self.ticket(buyer, 20, self.sells(100)), self.ticket(None, 20, self.sells(500))
        self.ticket(other, 15, self.sells(70))
        self.ticket(other, 10, self.takes_back(ticket, 30))
        self.ticket(other, 10, self.takes_back(unknown, 60))  # what never counted cannot be taken back
        self.assertBought(buyer, 70, 1)
        self.assertBought(other, 70, 1)

    def test_an_exchange_is_a_return_and_a_purchase(self):
        who = self.new_customer("Ann")
        ticket = self.ticket(who, 20, self.sells(100))
        self.ticket(who, 5, self.takes_back(ticket, 60), self.sells(60))
        self.assertBought(who, 100, 2, last=5)
        self.assertBought(who, 100, 1, as_of=AS_OF - timedelta(days=6))
        self.ticket(who, 2, self.takes_back(ticket, 40), self.sells(15))
        self.assertBought(who, 75, 2, last=2)

    def test_the_return_of_a_ticket_before_the_window_is_before_the_window(self):
        who = self.new_customer("Ann")
        old = self.ticket(who, 400, self.sells(1000))
        self.ticket(who, 20, self.sells(50))
        self.ticket(who, 10, self.takes_back(old, 300))
        self.assertBought(who, 50, 1)
        self.assertEqual(self._row(who).purchase_days, 2)
        self.ticket(who, 9, self.takes_back(old, 700))
        self.assertEqual(self._row(who).purchase_days, 1)

    def test_a_tip_is_for_the_staff(self):
        """100 and a tip of 15; of another ticket only the tip is left."""
        tip = self.till.tip_product_id
        ann, ben = self.new_customer("Ann"), self.new_customer("Ben")
        self.ticket(ann, 20, self.sells(100), self.sells(15, tip))
        self.ticket(ben, 20, self.sells(15, tip))
        self.compute()
        self.assertEqual((self.card(ann).amount, self.card(ann).order_count), (100, 1))
        self.assertEqual((self.card(ben).amount, self.card(ben).order_count), (0, 0))

    def test_a_tip_is_no_part_of_what_comes_back(self):
        """100 and a tip of 15: half of the goods come back, and 50 are left."""
        ann = self.new_customer("Ann")
        ticket = self.ticket(ann, 20, self.sells(100), self.sells(15, self.till.tip_product_id))
        self.ticket(ann, 10, self.takes_back(ticket, 50))
        self.compute()
        self.assertEqual((self.card(ann).amount, self.card(ann).order_count), (50, 1))

    def test_what_the_till_rounds_is_no_revenue(self):
        """99.98, of which the till makes 100."""
        account = self.env["account.account"].search(
            [("account_type", "=", "expense"), ("company_ids", "in", self.company.ids)], limit=1
        )
        self.till.rounding_method = self.env["account.cash.rounding"].create(
            {
                "name": "To 5 cents",
                "rounding": 0.05,
                "strategy": "add_invoice_line",
                "profit_account_id": account.id,
                "loss_account_id": account.id,
            }
        )
        self.till.cash_rounding = True
        who = self.new_customer("Ann")
        ticket = self.ticket(who, 20, self.sells(99.98), amount_total=100)
        self.assertEqual(ticket.amount_total, 100)
        self.compute()
        self.assertEqual(self.card(who).amount, 99.98)

    def test_goods_without_their_ticket_are_a_rebate(self):
        who, exchanging = self.new_customer("Ann"), self.new_customer("Exchanging")
        self.ticket(who, 300, self.sells(100))
        self.ticket(who, 10, self.takes_back(None, 30))
        self.ticket(exchanging, 10, self.takes_back(None, 30), self.sells(90))
        self.assertBought(who, 70, 1, last=300)
        self.assertBought(who, 100, 1, as_of=AS_OF - timedelta(days=11))
        self.assertBought(exchanging, 60, 1)
        self.assertEqual(self._row(exchanging).gross_amount, 90)
        self.policy.subtract_rebates = False
        self.assertBought(who, 100, 1)
        self.assertBought(exchanging, 90, 1)

    def test_a_discount_is_part_of_its_ticket_and_comes_back_with_it(self):
        who, service = self.new_customer("Ann"), self.new_product("Discount")
        ticket = self.ticket(who, 20, self.sells(100), self.sells(-10, service))
        self.ticket(who, 15, self.sells(7))
        self.assertBought(who, 97, 2)
        self.refund(ticket, 5)
        self.assertBought(who, 7, 1)

    def test_money_is_of_the_day_of_the_ticket(self):
        who, euro = self.new_customer("Ann"), self.env.ref("base.EUR")
        euro.active = True
        self.rate(euro, 500, 0.5), self.rate(euro, 10, 0.8)
        journal = self.env["account.journal"].create(
            {"name": "Euro", "type": "sale", "code": "TEUR", "currency_id": euro.id}
        )
        prices = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        bank = self.env["account.journal"].create(
            {"name": "Euro", "type": "bank", "code": "TEUB", "currency_id": euro.id}
        )
        card = self.env["pos.payment.method"].create({"name": "Euro", "journal_id": bank.id})
        till = self.new_till(
            "Euro",
            journal_id=journal.id,
            use_pricelist=True,
            pricelist_id=prices.id,
            available_pricelist_ids=[Command.set(prices.ids)],
            payment_method_ids=[Command.set(card.ids)],
        )
        ticket = self.ticket(who, 20, till=till)
        self.assertEqual(ticket.currency_rate, 0.5)
        self.assertBought(who, 200, 1)
        self.ticket(who, 5, self.takes_back(ticket, 30), till=till)
        self.assertBought(who, 140, 1)  # 70 / 0.5, whatever the rate of the refund
        self.ticket(who, 4, self.takes_back(ticket, 50))  # in the other till: 25 euro at the rate of the ticket
        self.assertBought(who, 90, 1)  # 45 / 0.5

    def test_an_invoiced_ticket_counts_once_whenever_it_was_invoiced(self):
        who = self.new_customer("Ann")
        self.till.invoice_journal_id = self.env["account.journal"].search(
            [("type", "=", "sale"), ("company_id", "=", self.company.id)], limit=1
        )
        at_once = self.ticket(who, 20, to_invoice=True)
        later = self.ticket(who, 15)
        later.action_pos_order_invoice()
        self.assertTrue(at_once.account_move and later.account_move)
        refund = self.ticket(who, 10, self.takes_back(at_once, 40), to_invoice=True)
        loose = self.ticket(who, 10, self.takes_back(None, 25), to_invoice=True)
        self.assertEqual((refund | loose).account_move.mapped("move_type"), ["out_refund"] * 2)
        self.assertBought(who, 135, 2, last=15)  # 100 - 40 + 100 - 25
        self.policy.revenue_from = "order_invoice"
        self.assertBought(who, 160, 2, last=15)  # the loose one is no rebate of what was invoiced

    def test_credit_notes_of_tickets_take_nothing_from_orders(self):
        who = self.new_customer("Ann")
        self.order(who, 20, 300)
        self.ticket(who, 10, self.takes_back(None, 25), to_invoice=True)
        self.policy.revenue_from = "order"
        self.assertBought(who, 300, 1)

    def test_rebates_by_credit_note_count_beside_tickets(self):
        who = self.new_customer("Ann")
        self.ticket(who, 20)
        self.credit_note(who, 5, 15)
        self.assertBought(who, 85, 1)

    def test_small_tickets_are_no_purchases(self):
        who = self.new_customer("Ann")
        ticket = self.ticket(who, 20)
        self.ticket(who, 10, self.sells(5))
        self.policy.min_order_amount = 10
        self.assertBought(who, 100, 1, last=20)
        self.ticket(who, 5, self.takes_back(ticket, 91))
        self.assertBought(who, 0, 0)

    def test_orders_and_tickets(self):
        who = self.new_customer("Ann")
        self.policy.revenue_from = "order_pos"
        self.order(who, 20, 300)
        ticket = self.ticket(who, 10)
        self.assertBought(who, 400, 2, last=10)
        self.ticket(who, 5, self.takes_back(ticket, 60), self.takes_back(None, 10))
        self.assertBought(who, 330, 2)
        self.policy.revenue_from = "pos"
        self.assertBought(who, 30, 1)

    def test_a_ticket_stays_with_the_firm_that_it_was_made_for(self):
        old, new = (self.new_customer(name, is_company=True) for name in ("Old", "New"))
        buyer = self.new_customer("Buyer", parent_id=old.id)
        self.ticket(buyer, 20)
        self.compute()
        buyer.parent_id = new
        self.assertBought(old, 100, 1)
        self.assertNotIn(
            new.id, self.env["customer.tiering.reader"]._read_customers(self.policy._get_scope(AS_OF)).index
        )

    def test_other_companies_have_their_own_tickets(self):
        who = self.new_customer("Ann")
        self.ticket(who, 10)
        other = self.env["res.company"].create({"name": "Other"})
        self.env.user.company_ids |= other
        policy = other.tiering_policy_ids
        policy.revenue_from = "pos"
        self.assertNotIn(who.id, self.env["customer.tiering.reader"]._read_customers(policy._get_scope(AS_OF)).index)


@tagged("post_install", "-at_install")
class TestLinesOfTickets(TicketsCommon):
    def setUp(self):
        super().setUp()
        self.books, self.music = self.env["product.category"].create([{"name": "Books"}, {"name": "Music"}])
        self.product.categ_id = self.music
        self.book = self.new_product("Book", categ_id=self.books.id)

    def _read(self, who):
        reader = self.env["customer.tiering.reader"]
        columns = ["category_count", "top_category_id", "category_amount", "list_amount", "discount_amount"]
        frame = reader._read_customers(self.policy._get_scope(AS_OF), columns)
        alone = reader._read_customers(self.policy._get_scope(AS_OF, who.ids), columns)
        self.assertEqual(frame.loc[who.ids].to_csv(), alone.to_csv())
        return alone.loc[who.id]

    def test_which_goods_were_bought(self):
        who = self.new_customer("Ann")
        old = self.ticket(who, 20, self.sells(30, qty=3), self.sells(60, self.book), self.sells(-10))
        self.ticket(who, 10, self.sells(5), self.takes_back(old, 10))
        found = self.env["customer.tiering.reader"]._read_goods(self.policy._get_scope(AS_OF))
        lines = sorted(zip(*(found[name].tolist() for name in ("product", "quantity", "money")), strict=True))
        disc, book = self.product.id, self.book.id
        self.assertEqual(lines, sorted([(disc, 3, 90), (book, 1, 60), (disc, 1, 5)]))
        self.assertEqual(set(found["customer"]), {who.id})
        self.ticket(who, 5, self.sells(60, self.book, qty=-1, refunded_orderline_id=old.lines[1].id))
        found = self.env["customer.tiering.reader"]._read_goods(self.policy._get_scope(AS_OF))
        self.assertEqual(set(found["product"]), {disc})
        self.policy.revenue_from = "order_pos"
        found = self.env["customer.tiering.reader"]._read_goods(self.policy._get_scope(AS_OF))
        self.assertEqual(set(found["product"]), {disc})

    def test_goods_have_categories_and_discounts(self):
        who = self.new_customer("Ann")
        tip = self.till.tip_product_id
        tip.categ_id = self.env["product.category"].create({"name": "Tips"})
        old = self.ticket(who, 20, self.sells(50, qty=2, discount=10), self.sells(50, tip))
        self.ticket(who, 10, self.sells(60, self.book), self.sells(-10), self.takes_back(old, 10))
        row = self._read(who)
        self.assertEqual(row.category_count, 2)
        self.assertEqual(row.top_category_id, self.music.id)
        self.assertEqual(row.category_amount, 150)  # 90 of music, 60 of books
        self.assertEqual((row.list_amount, row.discount_amount), (160, 20))  # 10 % of 100, and 10


@tagged("post_install", "-at_install")
class TestSettledOrders(TicketsCommon):
    """Orders that are paid in the till, with pos_sale, which is there wherever sale_management is."""

    def setUp(self):
        super().setUp()
        self.who = self.new_customer("Ann")
        self.sold = self.order(self.who, 30, 100)
        self.of_order = {"sale_order_origin_id": self.sold.id, "sale_order_line_id": self.sold.order_line.id}

    def assertBoughtFrom(self, expected):  # noqa: N802 - like unittest's own
        """``expected``: ``{source: (amount, number of purchases)}``"""
        for source, (amount, count) in expected.items():
            self.policy.revenue_from = source
            self.assertBought(self.who, amount, count)

    def test_a_settled_order_counts_once(self):
        ticket = self.ticket(self.who, 20, self.sells(100, **self.of_order), self.sells(20), to_invoice=True)
        self.assertTrue(ticket.account_move)
        self.assertBoughtFrom({"pos": (120, 1), "order_pos": (120, 2), "order_invoice": (120, 2), "order": (100, 1)})
        # No other ticket, and no other invoice, is made less by it.
        self.ticket(self.who, 15, self.sells(7), to_invoice=True)
        self.assertBoughtFrom({"pos": (127, 2), "order_pos": (127, 3), "order_invoice": (127, 3)})

    def test_an_order_settled_alone_is_no_ticket_beside_it(self):
        self.ticket(self.who, 20, self.sells(100, **self.of_order), to_invoice=True)
        self.assertBoughtFrom({"pos": (100, 1), "order_pos": (100, 1), "order_invoice": (100, 1)})
        # Reports know of one day, too.
        values = SQL("%s", self.who.id), SQL("%s", self.company.id), SQL("'UTC'")
        found = self.env["customer.tiering.reader"]._get_purchase_sources()
        for source, days in (("pos", [20]), ("invoice", [20]), ("order_pos", [30]), ("order_invoice", [30])):
            bought = self.env.execute_query(found[source].get_days_query(*values))
            self.assertEqual([(AS_OF - day).days for (day,) in bought], days, source)

    def test_what_comes_back_of_a_settled_order_lowers_the_order(self):
        other = self.ticket(self.who, 25, self.sells(50))
        ticket = self.ticket(self.who, 20, self.sells(100, **self.of_order))
        self.ticket(self.who, 10, self.takes_back(ticket, 60))
        self.assertBoughtFrom({"order_pos": (90, 2), "pos": (90, 2)})
        self.ticket(self.who, 9, self.takes_back(other, 5))
        self.ticket(self.who, 9, self.takes_back(ticket, 40))
        self.assertBoughtFrom({"order_pos": (45, 1), "pos": (45, 1)})

    def test_a_down_payment_in_the_till_is_no_purchase(self):
        down = self.till.down_payment_product_id = self.new_product("Down payment")
        self.ticket(self.who, 20, self.sells(30, down, sale_order_origin_id=self.sold.id))
        self.assertBoughtFrom({"pos": (0, 0), "order_pos": (100, 1)})
        less = {**self.takes_back(None, 30), "product_id": down.id, "sale_order_origin_id": self.sold.id}
        self.ticket(self.who, 10, self.sells(100, **self.of_order), less)
        self.assertBoughtFrom({"pos": (100, 1), "order_pos": (100, 1)})


@tagged("post_install", "-at_install")
class TestPaidInAdvance(TicketsCommon):
    """Gift cards and wallets, with pos_loyalty."""

    def test_a_gift_card_buys_what_it_pays_and_is_no_purchase_itself(self):
        who, card = self.new_customer("Ann"), self.new_product("Gift card")
        program = self.env["loyalty.program"].create(
            {
                "name": "Gift cards",
                "program_type": "gift_card",
                "applies_on": "future",
                "trigger": "auto",
                "company_id": self.company.id,
                "rule_ids": [Command.create({"product_ids": card.ids, "reward_point_mode": "money"})],
                "reward_ids": [
                    Command.create({"reward_type": "discount", "discount_mode": "per_point", "discount": 1})
                ],
            }
        )
        paying = program.reward_ids.discount_line_product_id
        self.ticket(who, 30, self.sells(50, card))
        self.assertBought(who, 0, 0)
        pays = self.sells(-50, paying, is_reward_line=True, reward_id=program.reward_ids.id)
        self.ticket(who, 20, self.sells(80), pays)
        self.assertBought(who, 80, 1, last=20)
        self.ticket(who, 10, self.sells(200), self.sells(50, card))
        self.assertBought(who, 280, 2, last=10)
        back = {"product_ids": self.product.ids, "reward_point_mode": "money", "reward_point_amount": 0.1}
        program.rule_ids = [Command.create(back)]  # on what is bought, which is bought all the same
        self.assertBought(who, 280, 2, last=10)


@tagged("post_install", "-at_install")
class TestHint(TicketsCommon):
    def test_the_policy_says_what_is_sold_in_the_till(self):
        who, today = self.new_customer("Ann"), self.company._get_tiering_today()
        self.ticket(who, date_order=self.noon(today, 3))
        self.ticket(who, date_order=self.noon(today, 4), to_invoice=True)
        self.ticket(None, date_order=self.noon(today, 4))
        self.order(who, amount=300, when=self.noon(today, 5))
        self.assertEqual(self.company._get_tiering_till_share(), 25)
        for source, hinted in (("pos", False), ("order_pos", False), ("order", True), ("invoice", True)):
            self.policy.revenue_from = source
            self.assertEqual("25% of what customers bought" in (self.policy.revenue_hint or ""), hinted, source)
