from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon

from .common import RatingCommon


@tagged("post_install", "-at_install")
class TestBadRating(RatingCommon, PlaybookCommon):
    """A firm with a contact, and a playbook that is switched on on AS_OF."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 40, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.help = cls.task()
        cls.compute()
        cls.bad = cls._playbook("rating", on=0, only_without_open=False)

    def _rate(self, rating, number, **values):
        return self.rate(self.help, self.ann, rating, self.noon(AS_OF, -number), **values)

    def test_each_rating_below_3_starts_it_once(self):
        first = self._rate(2.9, 1)
        self.assertEqual([self._live(number, self.bad) for number in (1, 2)], [1, 0])
        second = self._rate(1, 3)
        self.assertEqual([self._live(number, self.bad) for number in (3, 4)], [1, 0])
        self.assertEqual(self._activities().mapped("res_id"), self.firm.ids * 2)
        events = self._rows(self.bad).mapped("event")
        self.assertEqual(sorted(events), sorted(f"rating:{rating.id}" for rating in (first, second)))

    def test_a_good_one_none_an_old_one_and_one_of_another_company_start_nothing(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self._rate(3, 1)
        self._rate(0, 1)
        self._rate(1, 1, consumed=False)
        self._rate(1, -1)
        self._rate(1, 2)  # not yet
        self.rate(self.task(other), self.ann, 1, self.noon(AS_OF, -1))
        self.assertEqual(self._live(1, self.bad), 0)
        self.assertEqual(self._live(2, self.bad), 1)

    def test_it_is_closed_when_the_customer_changes_the_rating(self):
        rating = self._rate(1, 1)
        self._live(1, self.bad)
        activity = self._activities()
        rating.rating = 5
        self._live(2, self.bad)
        self.assertFalse(activity.active)
        self.assertEqual(self._rows(self.bad).state, "closed")
