import os
from datetime import timedelta
from fractions import Fraction
from random import Random, SystemRandom

from odoo.tests import freeze_time, tagged

from .common import AS_OF
from .ledger import INVOICES, ORDERS, ORDERS_AND_DIRECT_INVOICES, Ledger, Statement
from .stage import Stage
from .stories import Author, Rates
from .test_purchases import PurchasesCommon

ZONE = "Pacific/Auckland"  # its days begin when most of UTC's days before are half over
DAYS = tuple(AS_OF + timedelta(days=days) for days in (-100, 0, 30))
ACTED = AS_OF + timedelta(days=200)  # after all that happens
# CI judges a change by the same stories each time; everybody else's runs look for others, and for fewer.
# To see a failure again: the number and the seed that it names.
COUNT = int(os.environ.get("CUSTOMER_TIERING_STORIES") or (1000 if "CI" in os.environ else 200))
SEED = os.environ.get("CUSTOMER_TIERING_STORIES_SEED") or (
    "continuous integration" if "CI" in os.environ else str(SystemRandom().randrange(10**6))
)
TOLD_AT_MOST = 5  # differing customers whose stories a failure tells
ONE_BY_ONE = 40  # customers who are refreshed alone


class StoriesCommon(PurchasesCommon):
    """Made up business is acted out in Odoo, and each scorecard says to the cent what a plain ledger says."""

    author, ledger_class, count = Author, Ledger, COUNT

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.partner_id.tz = ZONE
        window = cls.policy.window_days
        first, last = AS_OF - timedelta(days=window + 200), AS_OF + timedelta(days=200)
        rates = Rates(Random(f"rates/{SEED}"), cls.company.currency_id.name, first, last)
        cls.ledger = cls.ledger_class(ZONE, rates.at)
        cls.stories = cls.author(SEED, AS_OF, window, ZONE, rates).write_stories(cls.count)
        with freeze_time(f"{ACTED} 00:00:00"):
            cls.stage = cls.new_stage(rates)
            cls.stage.act(cls.stories)
        cls.stage.check()

    @classmethod
    def new_stage(cls, rates):
        return Stage(cls.company, cls.ledger, rates)

    def _judge_runs(self, source):
        self._choose(source)
        for day in DAYS:
            with self.subTest(as_of=day):
                self.compute(day)
                self.assertJudged(day, source)

    def _judge_refreshes(self, source):
        """A run some time ago, and then only some customers: each alone."""
        self._choose(source)
        self.compute(DAYS[0])
        refresh = self.env["customer.tiering.refresh"]
        names = Random(SEED).sample(sorted(self.ledger.statements(AS_OF, self.policy.window_days, source)), ONE_BY_ONE)
        with freeze_time(f"{AS_OF} 00:00:00"):  # noon in New Zealand
            refresh.search([]).unlink()
            for name in names:
                refresh._add(self.stage.partners[name], self.company, "instant")
                refresh._process(self.company)
        self.env.invalidate_all()
        self.assertJudged(AS_OF, source, names)

    def _choose(self, source):
        if source != self.policy.revenue_from:
            self.policy.revenue_from = source

    # ------------------------------------------------------------------
    # How it is judged
    # ------------------------------------------------------------------

    def assertJudged(self, as_of, source, names=None, **rules):  # noqa: N802
        """The scorecards (of all, or of the customers with these names) say what the ledger does as of a day."""
        expected = self.ledger.statements(as_of, self.policy.window_days, source, **rules)
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        card_of = {card.partner_id: card for card in cards}
        differing, strangers = {}, set(card_of)
        for name, partner in self.stage.partners.items():
            strangers.discard(partner)
            card = card_of.get(partner, cards.browse())
            if names is None or name in names:
                differences = self._compare(expected.get(name, Statement()), card)
                if differences:
                    differing[name] = differences
        self.assertFalse(strangers, "Scorecards of people who are in no story")
        if differing:
            self.fail(self._tell(differing, as_of, source))

    def _compare(self, statement, card):
        """What a card says otherwise; who has no card has bought nothing."""
        found = {
            "orders": card.order_count,
            "days": card.purchase_days,
            "first": card.first_order_date or None,
            "last": card.last_order_date or None,
        }
        expected = {
            "orders": statement.order_count,
            "days": statement.purchase_days,
            "first": statement.first_day,
            "last": statement.last_day,
        }
        differences = [
            f"{name} {expected[name]}, found {found[name]}" for name in expected if expected[name] != found[name]
        ]
        # Either cent is right where the amount is half-way between two.
        if abs(Fraction(card.amount) - statement.amount) > Fraction(50001, 10**7):
            differences.append(f"amount {float(statement.amount):.4f}, found {card.amount:.2f}")
        return differences

    def _tell(self, differing, as_of, source):
        """The failure in words: what differs, and the stories of the first of them."""
        lines = [
            f"{len(differing)} of {len(self.stage.partners)} customers differ as of {as_of} by source {source!r}.",
            f"Stories: CUSTOMER_TIERING_STORIES={COUNT} CUSTOMER_TIERING_STORIES_SEED={SEED!r}",
        ]
        for name, differences in list(differing.items())[:TOLD_AT_MOST]:
            story = self.stories[int(name.split()[-1])]
            lines += ["", f"{name}: expected {'; '.join(differences)}", str(story)]
        lines += ["", "All that differ:", *(f"{name}: expected {'; '.join(them)}" for name, them in differing.items())]
        return "\n".join(lines)


@tagged("post_install", "-at_install")
class TestStories(StoriesCommon):
    def test_orders(self):
        self._judge_runs(ORDERS)

    def test_invoices(self):
        self._judge_runs(INVOICES)

    def test_orders_and_direct_invoices(self):
        self._judge_runs(ORDERS_AND_DIRECT_INVOICES)

    def test_small_documents_are_left_out(self):
        for source in (ORDERS, INVOICES):
            self.policy.write({"revenue_from": source, "min_order_amount": 400})
            self.compute()
            self.assertJudged(AS_OF, source, smallest=400)

    def test_rebates_may_be_left_alone(self):
        for source in (ORDERS, ORDERS_AND_DIRECT_INVOICES):
            self.policy.write({"revenue_from": source, "subtract_rebates": False})
            self.compute()
            self.assertJudged(AS_OF, source, rebates=False)

    def test_orders_one_customer_at_a_time(self):
        self._judge_refreshes(ORDERS)

    def test_invoices_one_customer_at_a_time(self):
        self._judge_refreshes(INVOICES)

    def test_orders_and_direct_invoices_one_customer_at_a_time(self):
        self._judge_refreshes(ORDERS_AND_DIRECT_INVOICES)
