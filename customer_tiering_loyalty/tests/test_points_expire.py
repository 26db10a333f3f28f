from datetime import timedelta

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon

from .common import PointsCommon


@tagged("post_install", "-at_install")
class TestPointsExpire(PointsCommon, PlaybookCommon):
    """A firm, whose contact has 50 points that expire in 40 days, and a playbook that says so 30 days before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 40, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.loyalty = cls.program()
        cls.saved = cls.points(cls.loyalty, cls.ann, 50, expires=40)
        cls.compute()
        cls.expiring = cls._playbook("points", on=0)

    def test_it_begins_so_many_days_before_and_comes_once(self):
        self.assertEqual([self._live(number, self.expiring) for number in (8, 9)], [0, 0])
        self.assertEqual(self._live(10, self.expiring), 1)
        self.assertEqual([self._live(number, self.expiring) for number in (11, 12)], [0, 0])
        self.assertEqual(self._activities().mapped("res_id"), self.firm.ids)

    def test_the_last_day_counts_and_the_day_after_does_not(self):
        self.assertEqual(self._live(40, self.expiring), 1)
        other = self._playbook("points", on=0)
        self.assertEqual(self._live(41, other), 0)

    def test_cards_that_expire_on_one_day_are_one_event(self):
        self.points(self.loyalty, self.firm, 10, expires=40)
        self.points(self.loyalty, self.firm, 10, expires=35)
        self._live(10, self.expiring)
        events = self._rows(self.expiring).mapped("event")
        self.assertEqual(sorted(events), [f"points:{AS_OF + timedelta(days=days)}" for days in (35, 40)])

    def test_no_points_no_program_or_the_program_of_another_company_start_nothing(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        theirs = self.program(company=other)
        self.points(theirs, self.firm, 10, expires=20)
        self.points(self.loyalty, self.firm, 0, expires=21)
        self.points(self.program(active=False), self.firm, 10, expires=22)
        self.points(self.loyalty, self.firm, 10, expires=23, active=False)
        self.points(self.program("promotion"), self.firm, 10, expires=24)
        self.assertEqual(self._live(9, self.expiring), 0)

    def test_it_is_closed_when_the_points_were_used(self):
        self._live(10, self.expiring)
        activity = self._activities()
        self.saved.points = 0
        self._live(11, self.expiring)
        self.assertFalse(activity.active)
        self.assertEqual(self._rows(self.expiring).state, "closed")

    def test_a_number_of_days_below_0_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "type 0 or more days before loyalty points expire, not -1"):
            self.expiring.points_days = -1
