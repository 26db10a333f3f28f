from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering import jobs
from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon

from .common import PointsCommon


@tagged("post_install", "-at_install")
class TestConcession(PointsCommon, PlaybookCommon):
    """What more points are worth, by hand: a point for each 1 spent, half as many more for Platinum."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann, cls.ben = cls.buyer("Ann", 5), cls.buyer("Ben", 300)
        cls.compute()
        cls.platinum.points_factor = 1.5
        cls.company.tiering_ledger = True
        cls.rows = cls.env["customer.tiering.concession"]

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(jobs, "commit", lambda env, done=0, left=None: True))

    def _buy(self, who, program):
        order = self.order(who, amount=100, state="draft")
        order._update_programs_and_rewards()
        order.action_confirm()
        self.rows._cron_record()
        program.active = False
        return self.rows.search([("order_id", "=", order.id), ("kind", "=", "points")])

    def test_points_are_worth_what_they_buy(self):
        def reward(discount, required, mode):
            return Command.create(
                {
                    "reward_type": "discount",
                    "discount_mode": mode,
                    "discount": discount,
                    "required_points": required,
                }
            )

        # 150 instead of 100 points. A point buys 0.20, or 100 of them 30.
        rewards = [Command.clear(), reward(0.2, 1, "per_point"), reward(30, 100, "per_order")]
        row = self._buy(self.ann, self.program(reward_ids=rewards))
        self.assertEqual((row.given, row.quantity, row.tier_id), (15, 50, self.platinum))
        # What the tier gives since changes nothing of an order that got a line of text.
        order, self.platinum.points_factor = row.order_id, 4
        order.order_line = [Command.create({"display_type": "line_note", "name": "Later"})]
        self.env.flush_all()
        self.rows._cron_settle()
        kept = self.rows.search([("order_id", "=", order.id), ("kind", "=", "points")])
        self.assertNotEqual(kept, row, "It was looked at again")
        self.assertEqual((kept.given, kept.quantity, kept.tier_id), (15, 50, self.platinum))
        self.platinum.points_factor = 1.5
        self.assertFalse(self._buy(self.ben, self.program(reward_ids=rewards)))
        percent = [Command.clear(), reward(10, 100, "percent")]
        row = self._buy(self.ann, self.program(reward_ids=percent))
        self.assertEqual((row.given, row.quantity), (0, 50), "No worth in money is said")
