import math
from datetime import datetime, timedelta

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF, TieringCommon

from .common import RatingCommon

COLUMNS = ("rating_average", "rating_count", "bad_rating_count")


@tagged("post_install", "-at_install")
class TestRatings(RatingCommon, TieringCommon):
    """A firm with a contact, and somebody who was never asked."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 40, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 40)
        cls.help = cls.task()
        cls.today = cls.noon(AS_OF)

    def _read(self, company=None, **values):
        policy = (company or self.company).tiering_policy_ids
        return self.env["customer.tiering.reader"]._read_customers(policy._get_scope(AS_OF, **values), set(COLUMNS))

    def assertRatings(self, who, average, count, bad, company=None):  # noqa: N802 - like unittest's own
        """``average``: None where it is not known; read with all customers and alone."""
        for frame in (self._read(company), self._read(company, partner_ids=who.ids)):
            row = frame.loc[who.id]
            known = None if math.isnan(row.rating_average) else row.rating_average
            self.assertEqual((known, row.rating_count, row.bad_rating_count), (average, count, bad))

    def test_who_was_never_asked_is_not_known_and_not_dissatisfied(self):
        self.rate(self.help, self.ben, 0, None, consumed=False)  # asked, without an answer
        self.assertRatings(self.ben, None, 0, 0)
        self.rate(self.help, self.ben, 0, self.today)  # an answer without a rating
        self.assertRatings(self.ben, None, 0, 0)

    def test_the_ratings_of_a_firm_and_of_its_contacts(self):
        self.rate(self.help, self.firm, 5, self.today)
        self.rate(self.chat(), self.ann, 3, self.today)
        self.rate(self.help, self.ann, 1, self.today)
        self.rate(self.help, self.ann, 2.5, self.today)
        self.assertRatings(self.firm, 11.5 / 4, 4, 2)
        self.assertRatings(self.ben, None, 0, 0)

    def test_nobodys_ratings_and_reviews_of_products_are_none(self):
        self.rate(self.chat(), self.env["res.partner"], 1, self.today)
        self.rate(self.product.product_tmpl_id, self.ben, 1, self.today)
        self.assertRatings(self.ben, None, 0, 0)

    def test_the_rating_of_a_deleted_task_is_none_and_of_an_archived_one_was_given(self):
        self.help.active = False
        self.rate(self.help, self.ben, 4, self.today)
        gone = self.task()
        self.rate(gone, self.ben, 1, self.today)
        self.env.flush_all()
        self.assertRatings(self.ben, 2.5, 2, 1)
        self.env.cr.execute("DELETE FROM project_task WHERE id = %s", (gone.id,))
        self.assertRatings(self.ben, 4, 1, 0)

    def test_the_window_is_one_of_days_at_the_company(self):
        self.company.partner_id.tz = "America/New_York"  # four hours behind: the day begins at 4:00 UTC
        self.policy.window_days = 10
        first = datetime.combine(AS_OF - timedelta(days=9), datetime.min.time())
        after = datetime.combine(AS_OF + timedelta(days=1), datetime.min.time())
        second = timedelta(seconds=1)
        for rating, when in (
            (1, first + timedelta(hours=4) - second),
            (2, first + timedelta(hours=4)),
            (4, after + timedelta(hours=4) - second),
            (5, after + timedelta(hours=4)),
        ):
            self.rate(self.help, self.ben, rating, when)
        self.assertRatings(self.ben, 3, 2, 1)

    def test_a_task_of_another_company_is_theirs_and_one_of_nobody_is_everybodys(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env["sale.order"].with_company(other).create({"partner_id": self.ben.id, "company_id": other.id})
        self.rate(self.help, self.ben, 5, self.today)
        self.rate(self.task(other), self.ben, 1, self.today)
        self.rate(self.task(False), self.ben, 2, self.today)
        self.rate(self.chat(), self.ben, 2, self.today)
        self.assertRatings(self.ben, 3, 3, 2)
        self.assertRatings(self.ben, 5 / 3, 3, 3, company=other)

    def test_a_run_writes_what_its_metrics_need(self):
        self.rate(self.help, self.ann, 2, self.today)
        self.rate(self.help, self.ann, 5, self.today)
        self.policy.criterion_ids = [
            Command.clear(),
            *(
                Command.create({"metric_id": self.metric(key), "method": "bands"})
                for key in ("rating_average", "ratings", "bad_ratings")
            ),
        ]
        self.compute()
        card = self.card(self.firm)
        self.assertEqual((card.rating_average, card.rating_count, card.bad_rating_count), (3.5, 2, 1))
        told = str(card.explanation_data)
        for text in ("3.5 of 5", "2 ratings", "1 bad rating"):
            self.assertIn(text, told)
        # Bands from the best: ratings 3.5 of 5 is in the third of five, 2 ratings, 1 bad one in the second of five.
        lines = {line[0]: line for line in self.card(self.ben).explanation.items()}
        self.assertIsNone(lines["rating_average"][1][1])

    def test_many_ratings_equal_what_the_orm_adds_up(self):
        people = self.firm | self.ann | self.ben
        for number in range(60):
            self.rate(self.help, people[number % 3], 1 + number % 5, self.noon(AS_OF, number * 10))
        start = self.policy._get_scope(AS_OF).window_start
        for who in (self.firm, self.ben):
            found = self.env["rating.rating"].search([("partner_id", "child_of", who.id), ("consumed", "=", True)])
            stars = found.filtered(lambda rating: start < rating.rated_on.date() <= AS_OF).mapped("rating")
            self.assertRatings(who, sum(stars) / len(stars), len(stars), len([star for star in stars if star < 3]))

    def test_a_rating_stays_with_the_firm_that_the_contact_has_left(self):
        """What Ann says now is said for her new firm."""
        new = self.buyer("New firm", 40, is_company=True)
        self.rate(self.help, self.ann, 2, self.today)
        self.compute()  # whoever has a scorecard is known to move
        self.ann.parent_id = new
        self.assertRatings(self.firm, 2, 1, 1)
        self.assertRatings(new, None, 0, 0)
        self.env["customer.tiering.former"].search([("partner_id", "=", self.ann.id)]).moved_at = self.noon(AS_OF, 1)
        self.assertRatings(self.firm, None, 0, 0)
        self.assertRatings(new, 2, 1, 1)
