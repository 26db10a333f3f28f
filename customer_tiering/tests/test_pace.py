from unittest.mock import patch

from odoo.tests import tagged

from .. import pace
from ..models import customer_tiering_writer
from ..sources import rows
from .common import AS_OF, TieringCommon


class Clock:
    """Takes the place of the module ``time``: sleeping takes no time, and says how long it would have."""

    def __init__(self):
        self.now, self.rests = 1000.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.rests.append(seconds)
        self.now += seconds


@tagged("post_install", "-at_install")
class TestPace(TieringCommon):
    """A run for which nobody waits rests, and comes to the same."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in range(7):
            customer = cls.new_customer(f"Customer {number}")
            for days_ago in range(number + 1):
                cls.order(customer, 30 * days_ago, 100 * number + 1)

    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.patch(pace, "time", self.clock)

    def _work(self, parts, seconds):
        for _ in range(parts):
            self.clock.now += seconds
            pace.rest()

    def test_rests_are_four_times_as_long_as_the_work_in_the_beginning(self):
        with pace.resting():
            self._work(1, 0.5)
        self.assertEqual(self.clock.rests, [2.0])

    def test_the_longer_the_work_the_shorter_the_rests_and_their_sum_has_a_bound(self):
        for parts, seconds in ((10, 1), (10_000, 0.1), (3, 100)):
            self.clock.rests.clear()
            with pace.resting():
                self._work(parts, seconds)
            self.assertEqual(self.clock.rests, sorted(self.clock.rests, reverse=True))
            self.assertLess(sum(self.clock.rests), pace.AT_MOST)

    def test_nobody_rests_who_was_not_told_to(self):
        self._work(3, 1)
        with pace.resting():
            self.assertTrue(pace.is_resting())
        self._work(3, 1)
        self.assertFalse(pace.is_resting())
        self.assertEqual(self.clock.rests, [])

    def test_what_is_in_nobodys_way_does_not_rest_nor_counts_as_work(self):
        with pace.resting():
            with pace.not_resting():
                self.assertFalse(pace.is_resting())
                self._work(3, 1)
            self._work(1, 0.5)
        self.assertEqual(self.clock.rests, [2.0])
        with pace.not_resting():
            self._work(1, 1)
        self.assertFalse(pace.is_resting())
        self.assertEqual(self.clock.rests, [2.0])

    def test_an_error_ends_the_rests(self):
        with self.assertRaises(ValueError), pace.resting():
            raise ValueError("No rules")
        self.assertFalse(pace.is_resting())

    def _compute(self, trigger):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger=trigger)
        compute = type(run)._compute
        with patch.object(type(run), "_compute", lambda run: compute(run, as_of=AS_OF)):
            run._compute_and_record()
        self.assertEqual((run.state, run.error), ("done", False))
        return run

    def test_a_nightly_run_rests_and_leaves_the_other_processors_alone(self):
        self._compute("nightly")
        self.assertTrue(self.clock.rests)
        self.assertFalse(pace.is_resting())
        self.env.cr.execute("SHOW max_parallel_workers_per_gather")
        self.assertEqual(self.env.cr.fetchone(), ("0",))

    def test_a_run_by_hand_does_not_keep_a_person_waiting(self):
        self.env.cr.execute("SET LOCAL max_parallel_workers_per_gather = 2")
        self._compute("manual")
        self.assertEqual(self.clock.rests, [])
        self.env.cr.execute("SHOW max_parallel_workers_per_gather")
        self.assertEqual(self.env.cr.fetchone(), ("2",))

    def test_small_parts_come_to_the_same(self):
        cards = self.env["customer.tiering.scorecard"]
        values = ["partner_id", "order_count", "amount", "last_order_date", "score", "tier_id", "tier_since", "parts"]
        self._compute("manual")
        at_once = {card["partner_id"]: card for card in cards.search([]).read(values, load=None)}
        self.env.cr.execute("UPDATE customer_tiering_scorecard SET digest = 0, order_count = 99, score = 1")
        self.patch(rows, "_SMALL_PART", 3)
        self.patch(rows, "_PIECE", 2)
        self.patch(customer_tiering_writer, "UPDATED", 2)
        run = self._compute("nightly")
        self.assertEqual(run.written_count, 7)
        self.env.invalidate_all()
        self.assertEqual({card["partner_id"]: card for card in cards.search([]).read(values, load=None)}, at_once)
