"""What tiers gave: every expected amount is worked out by hand, in the comment beside it."""

from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.fields import Command, Datetime
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import jobs
from .common import AS_OF
from .test_benefits import BenefitsCommon
from .test_purchases import PurchasesCommon

LOGGER = "odoo.addons.customer_tiering.models.customer_tiering_concession"


class ConcessionCommon(PurchasesCommon, BenefitsCommon):
    """Ann is in Gold, whose pricelist sells the disc (100) at 80, from 10 on at 70, and books (33.33) 10 % cheaper.

    Without the tier she would have the usual one: discs 5 % cheaper, books at their price.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product.list_price = 100
        cls.book = cls.env["product.product"].create(
            {"name": "Book", "list_price": 33.33, "taxes_id": False, "invoice_policy": "order"}
        )
        cls.usual = cls._pricelist(
            "Usual",
            sequence=0,
            company_id=cls.company.id,
            item_ids=[cls._rule(cls.product, compute_price="percentage", percent_price=5)],
        )
        cls.best = cls._pricelist(
            "Best",
            sequence=8,
            item_ids=[
                cls._rule(cls.product, compute_price="fixed", fixed_price=80),
                cls._rule(cls.product, compute_price="fixed", fixed_price=70, min_quantity=10),
                cls._rule(cls.book, compute_price="percentage", percent_price=10),
            ],
        )
        cls.gold.pricelist_id = cls.best
        cls.company.tiering_ledger = True
        # A moment ago, whatever else the database has.
        cls.company.sudo().tiering_ledger_since = Datetime.subtract(Datetime.now(), minutes=5)
        cls.rows = cls.env["customer.tiering.concession"]

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(jobs, "commit", lambda env, done=0, left=None: True))

    @classmethod
    def _rule(cls, product, **values):
        return Command.create({"applied_on": "0_product_variant", "product_id": product.id, **values})

    @classmethod
    def _line(cls, product, quantity=1, **values):
        """A line whose price is left to the pricelist."""
        return Command.create({"product_id": product.id, "product_uom_qty": quantity, **values})

    def _confirm(self, who, *lines, **values):
        order = self._quotation(who, order_line=list(lines), **values)
        self.env.flush_all()
        order.action_confirm()
        return order

    def _look(self):
        self.rows._cron_record()

    def _settle(self):
        self.env.flush_all()
        self.rows._cron_settle()

    def _of(self, paper):
        return self.rows.search([("paper", "=", f"{paper._name},{paper.id}")], order="line, kind")

    def assertGiven(self, paper, *expected, amount=None, **values):  # noqa: N802 - like unittest's own
        """``expected``: what each line was given, in their order."""
        rows = self._of(paper)
        self.assertEqual(rows.mapped("given"), list(expected))
        if amount is not None:
            self.assertEqual(set(rows.mapped("amount")), {amount})
        for fname, value in values.items():
            self.assertEqual({row[fname] for row in rows}, {value}, fname)


@tagged("post_install", "-at_install")
class TestConcession(ConcessionCommon):
    # ------------------------------------------------------------------
    # Prices
    # ------------------------------------------------------------------

    def test_lines_by_hand(self):
        order = self._confirm(
            self.ann, self._line(self.product, 3), self._line(self.product, 12), self._line(self.book, 7)
        )
        self.assertEqual(order.order_line.mapped("price_unit"), [80, 70, 29.997])
        self.assertFalse(self._of(order), "Nothing is done while a person confirms")
        self._look()
        # 3 × (95 - 80) = 45; 12 × (95 - 70) = 300; 7 × 33.33 = 233.31, less 7 × 29.997 = 209.98
        self.assertGiven(order, 45, 300, 23.33, amount=1289.98, tier_id=self.gold, reason="earned", kind="price")
        first = self._of(order)[0]
        self.assertEqual((first.quantity, first.price, first.usual_price), (3, 80, 95))
        self.assertEqual((first.partner_id, first.product_id, first.order_id), (self.ann, self.product, order))
        self.assertEqual(first.share, 3.5)  # 100 × 45 / 1,289.98
        self._look()
        self.assertEqual(len(self._of(order)), 3, "Once")

    def test_the_contact_of_a_firm_orders_for_the_firm(self):
        order = self._confirm(self.contact, self._line(self.product, 3))
        self._look()
        self.assertGiven(order, 45, partner_id=self.ann)

    def test_who_is_in_no_tier_with_prices_is_not_looked_at(self):
        order = self._confirm(self.bob, self._line(self.product, 3))
        self.assertEqual(order.amount_untaxed, 285)
        self._look()
        self.assertFalse(self._of(order))

    def test_what_a_person_typed_is_theirs(self):
        order = self._quotation(self.ann, order_line=[self._line(self.product, quantity) for quantity in (3, 2, 1, 5)])
        self.env.flush_all()
        first, second, third, free = order.order_line
        free.discount = 100  # free without the tier, too
        first.discount = 25  # 3 × 80 less 25 % = 180: the 60 are the person's
        second.price_unit = 50
        # As another program does it: Odoo takes such a price for one of the pricelist.
        third.write({"price_unit": 60, "technical_price_unit": 60})
        order.action_confirm()
        self.assertEqual(order.amount_untaxed, 180 + 100 + 60)
        self._look()
        self.assertGiven(order, 45, amount=340)

    def test_an_order_of_typed_prices_alone_was_looked_at(self):
        order = self._quotation(self.ann, order_line=[self._line(self.product)])
        order.order_line.price_unit = 50
        order.action_confirm()
        self._look()
        self.assertGiven(order, 0, amount=0, line=0)

    def test_a_discount_that_stands_on_the_line(self):
        self.env.ref("base.group_user")._apply_group(self.env.ref("sale.group_discount_per_so_line"))
        order = self._quotation(self.ann, order_line=[self._line(self.book, 7), self._line(self.book, 10)])
        self.env.flush_all()
        self.assertEqual(order.order_line.mapped("discount"), [10, 10])
        order.order_line[1].discount = 30
        order.action_confirm()
        self._look()
        # 7 × 33.33 = 233.31 less 10 % = 209.98; 10 × 33.33 = 333.30 less 10 % = 299.97: the other 20 % are the person's
        self.assertGiven(order, 23.33, 33.33)

    def test_another_currency_at_the_rate_of_the_order(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": "2020-01-01", "rate": 0.8}
        )
        self.best.currency_id = euro
        order = self._confirm(self.ann, self._line(self.product, 3))
        # 80 EUR a piece; without the tier 95 USD = 76 EUR: 3 × (76 - 80) = -12 EUR = -15 USD
        self.assertEqual(order.amount_untaxed, 240)
        self._look()
        self.assertGiven(order, -15, amount=300)
        self.assertEqual(self._of(order).usual_price, 76)
        self.assertEqual(self._of(order).paper_currency_id, euro)

    def test_prices_with_taxes_in_them(self):
        tax = self.env["account.tax"].create(
            {"name": "19 %", "amount": 19, "price_include_override": "tax_included", "company_id": self.company.id}
        )
        self.product.taxes_id = tax
        order = self._confirm(self.ann, self._line(self.product, 3))
        # 240 / 1.19 = 201.68; 285 / 1.19 = 239.50 (239.4958)
        self.assertEqual(order.amount_untaxed, 201.68)
        self._look()
        self.assertGiven(order, 37.82, amount=201.68)

    def test_the_reason(self):
        card = self.card(self.ann)
        for reason, values in (
            ("grace", {"pending_tier_id": self.bronze.id}),
            ("lock", {"lock_id": self._lock().id, "differs": True, "pending_tier_id": False}),
            ("earned", {"differs": False}),  # locked where the numbers speak for it
        ):
            card.write(values)
            order = self._confirm(self.ann, self._line(self.product))
            self._look()
            self.assertGiven(order, 15, reason=reason)

    def test_the_reason_stays_when_an_order_is_looked_at_again(self):
        card = self.card(self.ann)
        card.pending_tier_id = self.bronze
        order = self._confirm(self.ann, self._line(self.product))
        self._look()
        card.write({"pending_tier_id": False, "tier_id": self.bronze.id})
        order.order_line = [Command.create({"display_type": "line_section", "name": "Later"})]
        order.order_line[0].product_uom_qty = 2
        self._settle()
        self.assertGiven(order, 30, reason="grace", amount=160)

    def _lock(self):
        return self.env["customer.tiering.lock"].create(
            {"partner_id": self.ann.id, "tier_id": self.gold.id, "reason": "Promised"}
        )

    def test_a_pricelist_that_a_person_chose(self):
        on_order = self._confirm(self.bob, self._line(self.product), pricelist_id=self.best.id)
        self.ann.specific_property_product_pricelist = self.best
        on_customer = self._confirm(self.ann, self._line(self.product))
        self._look()
        self.ann.specific_property_product_pricelist = self._pricelist(
            "Personal", item_ids=[self._rule(self.product, compute_price="fixed", fixed_price=90)]
        )
        both = self._confirm(self.ann, self._line(self.product), pricelist_id=self.best.id)
        own = self._confirm(self.ann, self._line(self.product))
        self._look()
        self.assertGiven(on_order, 15, reason="hand", tier_id=self.gold)
        self.assertGiven(on_customer, 15, reason="hand", tier_id=self.gold)
        self.assertGiven(both, 10, reason="hand", tier_id=self.gold)  # 90 - 80
        self.assertFalse(self._of(own))

    def test_a_quotation_that_is_older_than_the_fall(self):
        order = self._quotation(self.ann, order_line=[self._line(self.product)])
        today = self.company._get_tiering_today()
        self.order(self.ann, amount=-1900)
        self.compute(today)
        self.assertTiers({self.ann: "Bronze"})
        self.env.flush_all()
        order.action_confirm()
        self._look()
        self.assertGiven(order, 15, reason="quoted", tier_id=self.gold)

    def test_a_tier_that_was_archived_meanwhile(self):
        order = self._confirm(self.ann, self._line(self.product))
        self.policy.tier_ids = [Command.update(self.gold.id, {"active": False})]
        self._look()
        self.assertGiven(order, 15, tier_id=self.gold, reason="earned")

    def test_the_order_that_lifts_somebody_is_told_before(self):
        """The job that scores the customer again records first."""
        self.card(self.ann).pending_tier_id = self.bronze
        order = self._confirm(self.ann, self._line(self.product, 20))
        with self.enter_registry_test_mode():
            self.env["customer.tiering.refresh"]._cron_process()
        self.assertGiven(order, 500, reason="grace")

    def test_a_pricelist_changed_later_changes_nothing_that_was_told(self):
        order = self._confirm(self.ann, self._line(self.product, 3), self._line(self.book, 2))
        self._look()
        self.usual.item_ids.percent_price = 50
        order.order_line[1].product_uom_qty = 4
        self._settle()
        # 45 as before; 4 × 33.33 = 133.32 less 4 × 29.997 = 119.99
        self.assertGiven(order, 45, 13.33, amount=359.99)

    def test_what_fails_stops_neither_the_person_nor_other_orders(self):
        bad, good = (self._confirm(self.ann, self._line(self.product)) for _number in range(2))
        get_rows = type(self.rows)._get_rows

        def fail(model, paper, *args):
            if paper == bad:
                raise ValueError("broken")
            return get_rows(model, paper, *args)

        with patch.object(type(self.rows), "_get_rows", fail), mute_logger(LOGGER):
            self._look()
        self.assertFalse(self._of(bad))
        self.assertGiven(good, 15)
        self._look()
        self.assertGiven(bad, 15)

    def test_who_does_not_want_it_pays_nothing(self):
        self.company.tiering_ledger = False
        order = self._confirm(self.ann, self._line(self.product))
        with patch.object(type(self.rows), "_get_waiting") as asked:
            self._look()
            self._settle()
            self.rows._record_before(self.company)
        self.assertFalse(asked.called)
        order.date_order = Datetime.subtract(Datetime.now(), seconds=2)
        self.company.tiering_ledger = True
        self._look()
        self.assertFalse(self._of(order), "Nobody knows what it would have cost then")

    # ------------------------------------------------------------------
    # Taken back
    # ------------------------------------------------------------------

    def test_credited_in_part_cancelled_and_credited_no_more(self):
        order = self._confirm(self.ann, self._line(self.product, 3), self._line(self.book, 7))
        self._look()
        invoice = self.bill(order)
        note = self.credit(invoice, amount=0)
        note.button_draft()
        of_disc = note.invoice_line_ids.filtered(lambda line: line.product_id == self.product)
        of_disc.write({"quantity": 1, "price_unit": 80})  # one of three discs
        note.action_post()
        self._settle()
        # 45 × 2/3 = 30; the books are kept; 240 + 209.98 - 80
        self.assertGiven(order, 30, 23.33, amount=369.98, date=order.date_order.date())
        note.button_draft()
        note.button_cancel()
        self._settle()
        self.assertGiven(order, 45, 23.33, amount=449.98)
        invoice.button_draft()
        order._action_cancel()
        self._settle()
        self.assertGiven(order, 0, 0, amount=0)

    # ------------------------------------------------------------------
    # Payment terms
    # ------------------------------------------------------------------

    def _give_terms(self):
        self.env["customer.tiering.cost"].search([("key", "=", "interest")]).with_company(self.company).rate = 7.3
        self.gold.payment_term_id = self._terms(
            "Half in 30, half in 60 days",
            line_ids=[
                Command.create({"value": "percent", "value_amount": 50, "nb_days": 30}),
                Command.create({"value": "percent", "value_amount": 50, "nb_days": 60}),
            ],
        )

    def test_terms_of_an_order_and_of_an_invoice_without(self):
        self._give_terms()
        order = self._confirm(self.ann, self._line(self.book, 100))  # 100 × 29.997 = 2,999.70
        today = self.company._get_tiering_today()
        invoice = self.direct(self.ann, (AS_OF - today).days, 2000)
        mine = self.direct(self.bob, (AS_OF - today).days, 2000)
        of_order = self.bill(order, (AS_OF - today).days)
        self._look()
        terms = self._of(order).filtered(lambda row: row.kind == "terms")
        # 45 days on average: 2,999.70 × 45 × 7.3 % / 365 = 27.00; 2,000: 18.00
        self.assertEqual((terms.given, terms.quantity, terms.reason), (27, 45, "earned"))
        self.assertGiven(invoice, 18, kind="terms", quantity=45, amount=2000, tier_id=self.gold)
        self.assertFalse(self._of(of_order) | self._of(mine))
        self.credit(invoice, (AS_OF - today).days, amount=500)
        self._settle()
        self.assertGiven(invoice, 13.5, amount=1500)  # three quarters are left
        term = {"invoice_payment_term_id": self.gold.payment_term_id.id}
        receipt = self.direct(self.ann, (AS_OF - today).days, 2000, kind="out_receipt", **term)
        self._look()
        self.assertFalse(self._of(receipt), "Paid at once, and not for salespeople to see")
        # What became of the tier since changes nothing of an order that got a line of text.
        self.gold.payment_term_id = self._terms("Others")
        order.order_line = [Command.create({"display_type": "line_note", "name": "Later"})]
        self._settle()
        self.assertGiven(invoice, 13.5, amount=1500)
        terms = self._of(order).filtered(lambda row: row.kind == "terms")
        self.assertEqual((terms.given, terms.quantity, terms.tier_id), (27, 45, self.gold))

    def test_an_invoice_that_was_corrected(self):
        self._give_terms()
        today = self.company._get_tiering_today()
        invoice = self.direct(self.ann, (AS_OF - today).days, 1000)
        self._look()
        self.assertGiven(invoice, 9, amount=1000)  # 1,000 × 45 × 7.3 % / 365
        invoice.button_draft()
        invoice.invoice_line_ids.price_unit = 3000
        invoice.action_post()
        self._settle()
        self.assertGiven(invoice, 27, amount=3000)

    def test_an_invoice_is_credited_at_another_rate(self):
        """2,000 at a rate of 2 are 1,000. On the next day, at 2.5, half of it comes back, and then the rest."""
        self._give_terms()
        today = self.company._get_tiering_today() - timedelta(days=1)
        self.company.sudo().tiering_ledger_since = Datetime.subtract(Datetime.now(), days=2)
        euro = self.env.ref("base.EUR")
        euro.active = True
        rates = [(today, 2), (today + timedelta(days=1), 2.5)]
        self.env["res.currency.rate"].create(
            [{"currency_id": euro.id, "company_id": self.company.id, "name": day, "rate": rate} for day, rate in rates]
        )
        ago = (AS_OF - today).days
        invoice = self.direct(self.ann, ago, 2000, currency_id=euro.id)
        self._look()
        self.assertGiven(invoice, 9, amount=1000)
        self.credit(invoice, ago - 1, amount=1000)
        self._settle()
        self.assertGiven(invoice, 4.5, amount=500)
        self.direct(self.ann, ago - 1, 1000, "out_refund", currency_id=euro.id, reversed_entry_id=invoice.id)
        self._settle()
        self.assertGiven(invoice, 0, amount=0)

    def test_an_invoice_is_corrected_twice(self):
        self._give_terms()
        ago = (AS_OF - self.company._get_tiering_today()).days
        first = self.direct(self.ann, ago, 1000)
        for again in range(2):
            self._look()
            invoices = self.env["account.move"].search(
                [("partner_id", "=", self.ann.id), ("move_type", "=", "out_invoice")], order="id"
            )
            self.assertEqual(len(invoices), again + 1)
            self.credit(invoices[-1], ago, again=True)
        self._look()
        self._settle()
        rows = self.rows.search([("partner_id", "=", self.ann.id), ("move_id", "!=", False)])
        rows = rows.sorted(lambda row: row.move_id.id)
        self.assertEqual(rows[0].move_id, first)
        self.assertEqual((rows.mapped("given"), rows.mapped("amount")), ([0, 0, 9], [0, 0, 1000]))

    def test_confirmed_again_in_another_tier(self):
        """By the prices of Gold, which the customer left while it was a quotation again."""
        order = self._confirm(self.ann, self._line(self.product, 3))
        self._look()
        self.assertGiven(order, 45, reason="earned", tier_id=self.gold)
        order._action_cancel()
        self._settle()
        self.assertGiven(order, 0, amount=0)
        order.action_draft()
        self._settle()
        self.assertGiven(order, 0, amount=0)
        card = self.card(self.ann)
        self.env["customer.tier.change"].create(
            {
                "partner_id": self.ann.id,
                "company_id": self.company.id,
                "policy_id": self.policy.id,
                "from_tier_id": self.gold.id,
                "to_tier_id": self.bronze.id,
                "date": self.company._get_tiering_today(),
                "reason": "score",
                "direction": "down",
            }
        )
        card.tier_id = self.bronze
        self.env.flush_all()
        self.env.invalidate_all()
        order.action_confirm()
        self.assertEqual(order.tiering_tier_id, self.bronze)
        order.date_order = Datetime.add(order.date_order, seconds=60)  # a test is faster than a person
        self._look()
        self._settle()
        self.assertGiven(order, 45, reason="quoted", tier_id=self.gold, amount=240)

    def test_terms_against_the_default_and_a_persons_choice(self):
        self._give_terms()
        month = self._terms(
            "30 days", line_ids=[Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})]
        )
        self.env["ir.default"].set("res.partner", "property_payment_term_id", month.id, company_id=self.company.id)
        order = self._confirm(self.ann, self._line(self.book, 100))
        self._look()
        self.ann.property_payment_term_id = self._terms("Own")
        by_hand = self._confirm(self.ann, self._line(self.book, 100))
        self._look()
        kinds = {row.kind: row.given for row in self._of(order)}
        # 45 - 30 days on 2,999.70: 9.00; 3,333 - 2,999.70
        self.assertEqual(kinds, {"terms": 9, "price": 333.3})
        self.assertEqual(self._of(by_hand).mapped("kind"), ["price"])

    def _pay(self, invoice, ago, amount):
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        )
        register.create({"payment_date": AS_OF - timedelta(days=ago), "amount": amount})._create_payments()

    def _of_terms(self, paper):
        rows = self._of(paper).filtered(lambda row: row.kind == "terms")
        self.assertEqual(len(rows), 1)
        return rows.given

    def test_what_is_paid_in_advance_is_not_waited_for(self):
        """2,000 by half in 30 and half in 60 days; without the tier, 20 days. 1,000 × 10 and 1,000 × 40 days at 7.3 %
        are 2 and 8. What comes first pays the first half."""
        self._give_terms()
        usual = self._terms(
            "20 days", line_ids=[Command.create({"value": "percent", "value_amount": 100, "nb_days": 20})]
        )
        self.env["ir.default"].set("res.partner", "property_payment_term_id", usual.id, company_id=self.company.id)
        self.company.sudo().tiering_ledger_since = Datetime.subtract(Datetime.now(), days=90)
        ago = (AS_OF - self.company._get_tiering_today()).days + 80
        term = {"invoice_payment_term_id": self.gold.payment_term_id.id}
        early, late, half, credited = (self.direct(self.ann, ago, 2000, **term) for _each in range(4))
        self.rows._cron_settle()
        self.assertEqual([self._of_terms(each) for each in (early, late, half, credited)], [10] * 4)
        self._pay(early, ago - 20, 500)  # the last of the 20 days
        self._settle()
        self.assertEqual(self._of_terms(early), 9)  # 10 - 500 × 10 days
        self._pay(early, ago - 10, 1500)
        self._pay(late, ago - 21, 2000)
        self._pay(half, ago - 5, 1200)  # 1,000 × 10 days and 200 × 40 days
        self._pay(half, ago - 60, 800)
        self.credit(credited, ago - 5, amount=500)  # came back, and is no payment
        self._settle()
        self.assertEqual([self._of_terms(each) for each in (early, late, half, credited)], [0, 10, 6.4, 7.5])
        self.assertEqual(set(self._of(half).mapped("amount")), {2000})
        # What is taken from a payment again is waited for.
        half.line_ids.remove_move_reconcile()
        self._settle()
        self.assertEqual(self._of_terms(half), 10)

    def test_a_down_payment_is_not_waited_for(self):
        """3,000 by half in 30 and half in 60 days, without the tier at once: 27. A third is paid down: of the first
        half, 1,000 × 30 days, 6. The rest is paid 2 days after the invoice, which is 9 after the order, or on its day.
        """
        self._give_terms()
        today = self.company._get_tiering_today()
        ago = (AS_OF - today).days
        orders = [
            self._confirm(self.ann, self._line(self.product, 1, price_unit=3000, tax_ids=False)) for _each in range(3)
        ]
        late, direct, online = orders
        wizard = self.env["sale.advance.payment.inv"].with_context(active_model="sale.order")
        for order in (late, direct):
            wizard.with_context(active_ids=order.ids).create(
                {"advance_payment_method": "fixed", "fixed_amount": 1000}
            ).create_invoices()
            order.invoice_ids.invoice_date = today
            order.invoice_ids.action_post()
        self._look()
        self._settle()
        self.assertEqual([self._of_terms(order) for order in orders], [27] * 3)
        for order in (late, direct):
            self._pay(order.invoice_ids, ago - 4, 1000)
        self._settle()
        self.assertEqual([self._of_terms(order) for order in orders], [21, 21, 27])
        for order, days in ((late, 2), (direct, 0)):
            invoice = order._create_invoices(final=True)
            invoice.invoice_date = today + timedelta(days=9)
            invoice.action_post()
            self.assertEqual(invoice.amount_total, 2000)
            self._pay(invoice, ago - 9 - days, 2000)
        provider = self.env["payment.provider"].create({"name": "Online", "company_id": self.company.id})
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env.ref("payment.payment_method_unknown").id,
                "amount": 3000,
                "currency_id": online.currency_id.id,
                "partner_id": self.ann.id,
                "sale_order_ids": [Command.set(online.ids)],
            }
        )
        self._settle()
        self.assertEqual([self._of_terms(order) for order in orders], [21, 0, 27])
        transaction.state = "done"
        self._settle()
        self.assertEqual([self._of_terms(order) for order in orders], [21, 0, 0])

    def test_a_credit_note_that_is_reversed_takes_nothing_back(self):
        """Of an invoice of 2,000 (18) and of one of 1,000 (9); of an order of three discs (45)."""
        self._give_terms()
        ago = (AS_OF - self.company._get_tiering_today()).days
        order = self._confirm(self.ann, self._line(self.product, 3))
        whole, part, of_order = (
            self.direct(self.ann, ago, 2000),
            self.direct(self.ann, ago, 1000),
            self.bill(order, ago),
        )
        self._look()
        notes = [self.credit(whole, ago), self.credit(part, ago, amount=400), self.credit(of_order, ago)]
        self._settle()
        prices = self._of(order).filtered(lambda row: row.kind == "price")
        self.assertEqual((self._of_terms(whole), self._of_terms(part), prices.given), (0, 5.4, 0))
        undoing = [
            note._reverse_moves([{"invoice_date": note.invoice_date, "date": note.invoice_date}]) for note in notes
        ]
        for move in undoing:
            move.action_post()
        self._look()
        self._settle()
        prices = self._of(order).filtered(lambda row: row.kind == "price")
        self.assertEqual((self._of_terms(whole), self._of_terms(part), prices.given), (18, 9, 45))
        self.assertGiven(whole, 18, amount=2000)
        # What only undoes a credit note was given nothing itself.
        for move in undoing:
            self.assertFalse(self._of(move))

    # ------------------------------------------------------------------
    # Who sees what
    # ------------------------------------------------------------------

    def test_sums_count_each_document_once(self):
        self._give_terms()
        order = self._confirm(self.ann, self._line(self.product, 3), self._line(self.book, 100))
        other = self._confirm(self.ann, self._line(self.product, 1))
        self._look()
        (row,) = self.rows.with_user(self.manager)._read_group(
            [("order_id", "in", (order | other).ids)], ["tier_id"], ["given:sum", "amount:sum", "share:avg"]
        )
        # Prices 45 + 333.30 + 15. Discs have a tax of 15 %, which is waited for, too: of 3,275.70 and 92, 45 days at
        # 7.3 %: 29.48 (29.4813) and 0.83 (0.828)
        self.assertEqual([round(value, 2) for value in row[1:3]], [423.61, 3319.7])
        self.assertAlmostEqual(row[3], 100 * 423.61 / 3319.7)
        self.assertEqual(
            self.gold.with_user(self.manager).given_sentence,
            "Gold: $\N{NO-BREAK SPACE}423.61 given in 12 months on $\N{NO-BREAK SPACE}3,319.70, 12.8%.",
        )

    def test_what_orders_hide_is_hidden(self):
        own = self.new_user("concession_own", "sales_team.group_sale_salesman")
        order = self._confirm(self.ann, self._line(self.product), user_id=self.salesperson.id)
        self._look()
        rows = self._of(order)
        self.assertEqual(rows.with_user(self.salesperson).read(["given"])[0]["given"], 15)
        self.assertFalse(self.rows.with_user(own).search([("id", "in", rows.ids)]))
        with self.assertRaises(AccessError):
            self.gold.with_user(self.salesperson).read(["given_sentence"])
        other = self.new_user("concession_other", "sales_team.group_sale_manager", company=self.other_company)
        of_other = self.rows.with_user(other).with_context(allowed_company_ids=self.other_company.ids)
        self.assertFalse(of_other.search([("id", "in", rows.ids)]))
        for user in (self.salesperson, self.manager):
            with self.assertRaises(AccessError):
                rows.with_user(user).write({"given": 1})

    def test_merged_customers_and_deleted_tiers(self):
        order = self._confirm(self.ann, self._line(self.product))
        self._look()
        firm = self.new_customer("Firm", is_company=True)
        self.rows._merge({self.ann.id: firm.id})
        self.assertGiven(order, 15, partner_id=firm)
        self.assertEqual(self._of(order).action_open_paper()["res_id"], order.id)
