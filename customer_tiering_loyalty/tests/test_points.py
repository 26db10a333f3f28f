from datetime import datetime, timedelta

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF, TieringCommon

from .common import PointsCommon

COLUMNS = ("loyalty_points", "loyalty_expiring", "loyalty_earned", "loyalty_used")


@tagged("post_install", "-at_install")
class TestPoints(PointsCommon, TieringCommon):
    """A firm with a contact, and somebody without a card."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 40, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 40)
        cls.loyalty = cls.program()

    def _read(self, company=None, **values):
        policy = (company or self.company).tiering_policy_ids
        return self.env["customer.tiering.reader"]._read_customers(policy._get_scope(AS_OF, **values), set(COLUMNS))

    def assertPoints(self, who, *expected, company=None):  # noqa: N802 - like unittest's own
        """``expected``: points held, expiring soon, earned and used; read with all customers and alone."""
        for frame in (self._read(company), self._read(company, partner_ids=who.ids)):
            self.assertEqual(tuple(frame.loc[who.id, list(COLUMNS)]), expected)

    def test_the_cards_of_a_firm_and_of_its_contacts_add_up(self):
        self.points(self.loyalty, self.firm, 100)
        self.points(self.loyalty, self.ann, 20.5)
        self.points(self.program(), self.ann, 3)
        self.assertPoints(self.firm, 123.5, 0, 0, 0)
        self.assertPoints(self.ben, 0, 0, 0, 0)

    def test_what_cannot_be_used_is_not_held(self):
        for card in (
            self.points(self.loyalty, self.ben, 1, active=False),
            self.points(self.program(active=False), self.ben, 2),
            self.points(self.program(date_to=AS_OF - timedelta(days=1)), self.ben, 4),
            self.points(self.loyalty, self.ben, 8, expires=-1),
            self.points(self.program("promotion"), self.ben, 16),
        ):
            self.assertPoints(self.ben, 0, 0, 0, 0)
            self.assertTrue(card.points)

    def test_points_expire_with_the_card_or_with_the_program_whichever_is_first(self):
        self.points(self.loyalty, self.ben, 1, expires=0)
        self.points(self.loyalty, self.ben, 2, expires=30)
        self.points(self.loyalty, self.ben, 4, expires=31)
        self.points(self.program(date_to=AS_OF + timedelta(days=30)), self.ben, 8, expires=31)
        self.points(self.program(date_to=AS_OF + timedelta(days=31)), self.ben, 16)
        self.points(self.program(date_to=AS_OF + timedelta(days=31)), self.ben, 32, expires=30)
        self.points(self.loyalty, self.ben, 64)
        self.assertPoints(self.ben, 127, 1 + 2 + 8 + 32, 0, 0)

    def test_the_window_is_one_of_days_at_the_company(self):
        self.company.partner_id.tz = "Asia/Tokyo"  # nine hours ahead: the day begins at 15:00 of the day before
        self.policy.window_days = 10
        card = self.points(self.loyalty, self.ben, 500)
        first = datetime.combine(AS_OF - timedelta(days=10), datetime.min.time())
        self.move(card, first + timedelta(hours=14, minutes=59), 1, 2)
        self.move(card, first + timedelta(hours=15), 4, 8)
        last = datetime.combine(AS_OF, datetime.min.time())
        self.move(card, last + timedelta(hours=14, minutes=59), 16, 32)
        self.assertPoints(self.ben, 500, 0, 4 + 16, 8 + 32)
        # What came on the next day is in the balance, but had not happened on the last one.
        self.move(card, last + timedelta(hours=15), 100, 30)
        self.assertPoints(self.ben, 500 - 100 + 30, 0, 4 + 16, 8 + 32)

    def test_points_of_an_archived_card_were_earned_all_the_same(self):
        card = self.points(self.loyalty, self.ann, 7, active=False)
        self.move(card, self.noon(AS_OF, 3), 10, 3)
        self.move(self.points(self.program("promotion"), self.ann, 1), self.noon(AS_OF, 3), 5)
        self.assertPoints(self.firm, 0, 0, 10, 3)

    def test_a_program_counts_in_its_company_and_a_shared_one_in_all(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env["sale.order"].with_company(other).create({"partner_id": self.ben.id, "company_id": other.id})
        self.points(self.loyalty, self.ben, 1)
        theirs = self.program(company=other)
        self.move(self.points(theirs, self.ben, 2), self.noon(AS_OF), 2)
        self.move(self.points(self.program(company_id=False), self.ben, 4), self.noon(AS_OF), 4)
        self.assertPoints(self.ben, 1 + 4, 0, 4, 0)
        self.assertPoints(self.ben, 2 + 4, 0, 2 + 4, 0, company=other)

    def test_a_run_writes_what_its_metrics_need(self):
        card = self.points(self.loyalty, self.ann, 120, expires=5)
        self.move(card, self.noon(AS_OF, 3), 150, 30)
        self.compute()
        self.assertEqual(self.card(self.firm).mapped(lambda card: [card[name] for name in COLUMNS]), [[0, 0, 0, 0]])
        self.policy.criterion_ids = [
            Command.create({"metric_id": self.metric(key), "method": "bands"}) for key in COLUMNS
        ]
        self.compute()
        self.assertEqual(
            self.card(self.firm).mapped(lambda card: [card[name] for name in COLUMNS]), [[120, 120, 150, 30]]
        )
        self.assertIn("120 loyalty points", str(self.card(self.firm).explanation_data))

    def test_many_cards_equal_what_the_orm_adds_up(self):
        people = self.firm | self.ann | self.ben
        for number in range(40):
            card = self.points(self.loyalty, people[number % 3], number, expires=number if number % 2 else None)
            self.move(card, self.noon(AS_OF, number * 20), number, number / 2)
        start = self.policy._get_scope(AS_OF).window_start
        for who in (self.firm, self.ben):
            cards = self.env["loyalty.card"].search([("partner_id", "child_of", who.id)])
            recent = cards.history_ids.filtered(lambda history: start < history.create_date.date() <= AS_OF)
            soon = cards.filtered(lambda card: card.expiration_date and (card.expiration_date - AS_OF).days <= 30)
            self.assertPoints(
                who,
                *(sum(cards.mapped("points")), sum(soon.mapped("points"))),
                *(sum(recent.mapped("issued")), sum(recent.mapped("used"))),
            )
