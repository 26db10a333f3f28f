from datetime import date, datetime
from fractions import Fraction

from odoo.tests import BaseCase, tagged

from .ledger import INVOICES, ORDERS, ORDERS_AND_DIRECT_INVOICES, SOURCES, Charge, Ledger

AS_OF = date(2026, 6, 30)


@tagged("post_install", "-at_install")
class TestLedger(BaseCase):
    """The ledger that judges the stories is judged by hand."""

    def setUp(self):
        super().setUp()
        self.ledger = Ledger("UTC")
        self.ledger.person("shop")
        self.ledger.person("payer")

    def _order(self, key, amount, day=date(2026, 5, 1), who="shop", currency="USD", rate=1):
        moment = datetime(day.year, day.month, day.day, 12)
        self.ledger.ordered(key, who, moment, amount, currency, rate)

    def _invoice(self, key, day, *charges, billed="shop", currency="USD", rate=1):
        self.ledger.invoiced(key, billed, day, charges, currency, rate)

    def _credit(self, key, day, *charges, reverses=None, billed="shop", currency="USD", rate=1):
        self.ledger.credited(key, billed, day, charges, currency, rate, reverses)

    def assertLedger(self, source, who="shop", as_of=AS_OF, **expected):  # noqa: N802
        statement = self.ledger.statements(as_of, 365, source).get(who)
        names = ("amount", "order_count", "purchase_days", "refund_amount")
        found = {name: getattr(statement, name, 0) for name in names}
        self.assertEqual(found, dict(zip(names, (0, 0, 0, 0), strict=True)) | expected)

    def test_corrected_invoice_takes_nothing_from_its_order(self):
        """Order 3,000, invoiced, credited, invoiced again: nothing is missing from full invoicing."""
        self._order("o", 3000)
        self._invoice("i", date(2026, 5, 2), Charge(3000, "o"))
        self._credit("c", date(2026, 5, 3), Charge(3000, "o"), reverses="i")
        self.assertLedger(ORDERS, refund_amount=3000)
        self._invoice("j", date(2026, 5, 3), Charge(3000, "o"))
        self.assertLedger(ORDERS, amount=3000, order_count=1, purchase_days=1)
        # The first invoice is gone, the second counts at its own day.
        self.assertLedger(INVOICES, amount=3000, order_count=1, purchase_days=1, refund_amount=3000)
        self.assertLedger(INVOICES, as_of=date(2026, 5, 2), amount=3000, order_count=1, purchase_days=1)

    def test_credit_note_of_a_cancelled_order_takes_nothing_from_others(self):
        self._order("o", 1500)
        self._order("p", 1000)
        self._invoice("i", date(2026, 5, 2), Charge(1000, "p"))
        self._credit("c", date(2026, 5, 3), Charge(1000, "p"), reverses="i")
        self.ledger.cancelled("p")
        self.assertLedger(ORDERS, amount=1500, order_count=1, purchase_days=1)

    def test_return_goes_to_who_ordered(self):
        self._order("o", 3000)
        self._order("p", 5000, who="payer")
        self._invoice("i", date(2026, 5, 2), Charge(3000, "o"), billed="payer")
        self._credit("c", date(2026, 5, 3), Charge(3000, "o"), billed="payer", reverses="i")
        self.assertLedger(ORDERS, refund_amount=3000)
        self.assertLedger(ORDERS, "payer", amount=5000, order_count=1, purchase_days=1)
        self.assertLedger(INVOICES, refund_amount=3000)
        self.assertLedger(INVOICES, "payer")

    def test_return_is_never_more_than_what_is_missing_from_full_invoicing(self):
        """Order 1,000; 600 of it invoiced; 200 of them credited: 600 + 400 missing, but only 200 were given back."""
        self._order("o", 1000)
        self._invoice("i", date(2026, 5, 2), Charge(600, "o"))
        self._credit("c", date(2026, 5, 3), Charge(200, "o"), reverses="i")
        self.assertLedger(ORDERS, amount=800, order_count=1, purchase_days=1, refund_amount=200)
        # 400 more and 300 too many: 1,000 − (1,300 − 200) is below 0, nothing is missing.
        self._invoice("j", date(2026, 5, 4), Charge(700, "o"))
        self.assertLedger(ORDERS, amount=1000, order_count=1, purchase_days=1)

    def test_unlinked_lines_are_shared_out_by_what_the_invoice_charged(self):
        """100 back on an invoice of 300 and 100: 75 and 25."""
        self._order("o", 300)
        self._order("p", 100, day=date(2024, 5, 1), who="payer")
        self._invoice("i", date(2026, 5, 2), Charge(300, "o"), Charge(100, "p"))
        self._credit("c", date(2026, 5, 3), Charge(100), reverses="i")
        self.assertLedger(ORDERS, amount=225, order_count=1, purchase_days=1, refund_amount=75)
        self.assertLedger(ORDERS, "payer", purchase_days=1)  # before the window, with its return
        self.assertLedger(INVOICES, amount=225, order_count=1, purchase_days=1, refund_amount=75)
        self.assertLedger(INVOICES, "payer", amount=75, order_count=1, purchase_days=1, refund_amount=25)

    def test_an_invoice_for_several_is_of_each_in_part(self):
        """300 of the shop, 100 of the payer and 20 besides, which are the first one's; 60 of the payer's are credited,
        and 36 of all that is left."""
        self._order("o", 300)
        self._order("p", 100, who="payer")
        self._invoice("i", date(2026, 5, 2), Charge(300, "o"), Charge(100, "p"), Charge(20), billed="payer")
        self.assertLedger(INVOICES, amount=320, order_count=1, purchase_days=1)
        self.assertLedger(INVOICES, "payer", amount=100, order_count=1, purchase_days=1)
        self._credit("c", date(2026, 5, 3), Charge(60, "p"), reverses="i")
        self.assertLedger(INVOICES, amount=320, order_count=1, purchase_days=1)
        self._credit("d", date(2026, 5, 4), Charge(36), reverses="i")
        self.assertLedger(INVOICES, amount=288, order_count=1, purchase_days=1, refund_amount=32)
        self.assertLedger(INVOICES, "payer", amount=36, order_count=1, purchase_days=1, refund_amount=64)

    def test_what_is_ordered_besides_after_a_return_is_no_other_invoice_of_it(self):
        self._order("o", 1000)
        self._invoice("i", date(2026, 5, 2), Charge(1000, "o", 0))
        self._credit("c", date(2026, 5, 3), Charge(300, "o", 0), reverses="i")
        self.ledger.changed("o", 1300)
        self._invoice("j", date(2026, 5, 4), Charge(300, "o", 1))
        self.assertLedger(ORDERS, amount=1000, order_count=1, purchase_days=1, refund_amount=300)

    def test_a_discount_comes_back_with_its_goods(self):
        self._order("o", 900)
        charges = Charge(1000, "o", 0), Charge(-100, "o", 1)
        self._invoice("i", date(2026, 5, 2), *charges)
        self._credit("c", date(2026, 5, 3), *charges, reverses="i")
        self.assertLedger(ORDERS, refund_amount=900)
        self.assertLedger(INVOICES, refund_amount=900)

    def test_down_payment_is_no_purchase(self):
        self._order("o", 1000)
        self._invoice("i", date(2026, 5, 2), Charge(300, "o", advance=True))
        self.assertLedger(ORDERS, amount=1000, order_count=1, purchase_days=1)
        self.assertLedger(INVOICES)
        self._invoice("j", date(2026, 6, 2), Charge(1000, "o"), Charge(-300, "o", advance=True))
        self.assertLedger(INVOICES, amount=1000, order_count=1, purchase_days=1)

    def test_down_payment_given_back_is_no_return(self):
        self._order("o", 1000)
        self._invoice("i", date(2026, 5, 2), Charge(300, "o", advance=True))
        self._credit("c", date(2026, 5, 3), Charge(300, "o", advance=True), reverses="i")
        self.assertLedger(ORDERS, amount=1000, order_count=1, purchase_days=1)

    def test_more_than_the_order_cannot_be_given_back(self):
        """Charged 130 for an order of 100 and 130 given back: 100 were bought, 100 came back."""
        self._order("o", 100)
        self._invoice("i", date(2026, 5, 2), Charge(100, "o"), Charge(30))
        self._credit("c", date(2026, 5, 3), Charge(100, "o"), Charge(30), reverses="i")
        self.assertLedger(ORDERS, refund_amount=100)

    def test_invoice_of_an_order_is_no_direct_one(self):
        self._order("o", 100)
        self._invoice("i", date(2026, 5, 2), Charge(100, "o"), Charge(30))
        self.assertLedger(ORDERS_AND_DIRECT_INVOICES, amount=100, order_count=1, purchase_days=1)
        self.assertLedger(INVOICES, amount=130, order_count=1, purchase_days=1)

    def test_an_invoice_in_another_currency_charges_of_its_order_what_it_is_worth_that_day(self):
        """125 at 0.8 are 100 of the order; half of them are 50, for which 100 were to be paid at 0.5, when it was
        ordered. The day on which they come back does not matter."""
        rates = {("EUR", date(2026, 5, 2)): 0.8}
        self.ledger.rate_at = lambda *which: rates[which]
        self._order("o", 100, currency="EUR", rate=0.5)
        self._invoice("i", date(2026, 5, 2), Charge(125, "o"))
        self._credit("c", date(2026, 5, 20), Charge(62.5, "o"), reverses="i")
        self.assertLedger(ORDERS, amount=100, order_count=1, purchase_days=1, refund_amount=100)

    def test_a_line_at_an_agreed_price_comes_back_whole(self):
        """950 of 1,000 and all of it back: nothing is left. The other line has not been invoiced yet."""
        self.ledger.ordered("o", "shop", datetime(2026, 5, 1, 12), 1050, "USD", 1, {0: 1000, 1: 50})
        self._invoice("i", date(2026, 5, 2), Charge(950, "o", 0))
        self._credit("c", date(2026, 5, 3), Charge(475, "o", 0), reverses="i")
        self.assertLedger(ORDERS, amount=575, order_count=1, purchase_days=1, refund_amount=475)
        self._credit("d", date(2026, 5, 4), Charge(475, "o", 0), reverses="i")
        self.assertLedger(ORDERS, amount=50, order_count=1, purchase_days=1, refund_amount=1000)

    def test_each_document_has_its_own_rate(self):
        """100 at 0.8 are 125; a quarter of it back is 31.25, whatever the rate on that day."""
        self._order("o", 100, currency="EUR", rate=0.8)
        self._invoice("i", date(2026, 5, 2), Charge(100, "o"), currency="EUR", rate=0.5)
        self._credit("c", date(2026, 5, 3), Charge(25, "o"), currency="EUR", rate=2, reverses="i")
        self.assertLedger(ORDERS, amount=93.75, order_count=1, purchase_days=1, refund_amount=31.25)
        self.assertLedger(INVOICES, amount=150, order_count=1, purchase_days=1, refund_amount=50)

    def test_free_standing_credit_note_is_a_rebate_at_its_own_day(self):
        self._credit("c", date(2026, 5, 3), Charge(40))
        for source in SOURCES:
            self.assertLedger(source)  # from nobody who never bought
        self._order("given back", 70)
        self._invoice("i", date(2026, 5, 2), Charge(70, "given back"))
        self._credit("d", date(2026, 5, 3), Charge(70, "given back"), reverses="i")
        self.assertLedger(ORDERS, refund_amount=70)  # nor from who gave everything back
        self.ledger.cancelled("given back")
        self._order("o", 100, day=date(2025, 1, 1))
        self.assertLedger(ORDERS, amount=-40, purchase_days=1, refund_amount=40)
        self.ledger.annulled("c", date(2026, 5, 3))
        self.assertLedger(ORDERS, purchase_days=1)
        self.assertEqual(self.ledger.statements(AS_OF, 365, ORDERS, rebates=False)["shop"].amount, 0)

    def test_credit_of_a_direct_invoice_takes_nothing_from_orders(self):
        self._order("o", 100)
        self._invoice("i", date(2026, 5, 2), Charge(60))
        self._credit("c", date(2026, 5, 3), Charge(20), reverses="i")
        self.assertLedger(ORDERS, amount=100, order_count=1, purchase_days=1)
        self.assertLedger(INVOICES, amount=40, order_count=1, purchase_days=1, refund_amount=20)
        self.assertLedger(ORDERS_AND_DIRECT_INVOICES, amount=140, order_count=2, purchase_days=2, refund_amount=20)

    def test_credit_made_from_an_order_lowers_its_latest_invoice_first(self):
        """80 back of 100 and 50: the later one is gone, 70 of the earlier one are left."""
        self._order("o", 150)
        self._invoice("i", date(2026, 5, 2), Charge(100, "o"))
        self._invoice("j", date(2026, 5, 3), Charge(50, "o"))
        self._credit("c", date(2026, 5, 4), Charge(80, "o"), Charge(5))
        # 5 is for no order: a rebate
        self.assertLedger(INVOICES, amount=65, order_count=1, purchase_days=1, refund_amount=85)
        self.assertLedger(ORDERS, amount=65, order_count=1, purchase_days=1, refund_amount=85)

    def test_opening_balance_is_no_purchase(self):
        self._invoice("i", date(2026, 5, 2), Charge(100, income=False))
        for source in SOURCES:
            self.assertLedger(source)

    def test_small_documents_are_left_out(self):
        self._order("o", 100)
        self._order("p", 99)
        statement = self.ledger.statements(AS_OF, 365, ORDERS, smallest=100)["shop"]
        self.assertEqual((statement.amount, statement.order_count), (100, 1))

    def test_day_is_the_one_of_the_time_zone(self):
        self.ledger = Ledger("Pacific/Auckland")
        self.ledger.person("shop")
        self.ledger.ordered("o", "shop", datetime(2026, 6, 30, 13), 10, "USD", 1)  # 1 July, 1 o'clock there
        self.assertLedger(ORDERS)
        self.assertLedger(ORDERS, as_of=date(2026, 7, 1), amount=10, order_count=1, purchase_days=1)

    def test_window_leaves_out_its_first_day(self):
        self._order("o", 10, day=date(2025, 6, 30))
        self._order("p", 20, day=date(2025, 7, 1))
        self.assertLedger(ORDERS, amount=20, order_count=1, purchase_days=2)

    def test_purchases_stay_with_who_they_were_made_for(self):
        for who, firm in (("A", None), ("B", None), ("buyer", "A"), ("alone", None)):
            self.ledger.person(who, firm)
        self._order("o", 10, who="buyer")
        self.ledger.moved("buyer", "B")
        self._order("p", 20, who="buyer")
        self._order("q", 40, who="alone")
        self.ledger.moved("alone", "B")  # a customer becomes a contact: all they bought goes along
        self.assertLedger(ORDERS, "A", amount=10, order_count=1, purchase_days=1)
        self.assertLedger(ORDERS, "B", amount=60, order_count=2, purchase_days=1)
        self.ledger.merged("A", "B")
        self.assertLedger(ORDERS, "B", amount=70, order_count=3, purchase_days=1)

    def test_thirds_add_up(self):
        for key in "abc":
            self._order(key, 1, currency="EUR", rate=3)
        self.assertLedger(ORDERS, amount=Fraction(1), order_count=3, purchase_days=1)
