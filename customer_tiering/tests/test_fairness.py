import re
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from ..models import customer_tiering_fairness
from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestFairness(TieringCommon):
    """Rules with faults of each kind.

    The highest tier is for an average order of 120, the second for 1,000 orders, the third for two: somebody with one
    large order falls with the next usual one, and two tiers are out of reach. One salesperson had 14 of 34 customers
    locked, and one scorecard was changed behind everybody's back.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(f"{AS_OF} 12:00:00"))
        cls.mine, cls.other = (
            cls.env["res.partner"].union(
                *(cls.buyer(f"{user.login} {number}", 50, amount=50, user_id=user.id) for number in range(34))
            )
            for user in (cls.salesperson, cls.manager)
        )
        for number in range(12):
            cls.buyer(f"Pair {number}", 20, 10, amount=200)
        cls.giant = cls.buyer("Giant", 30, amount=400)
        cls.order(cls.giant, 20, 10)
        cls.order(cls.giant, 10, 10)
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        for tier, key, value in ((cls.platinum, "average_order", 120), (cls.gold, "frequency", 1000)):
            tier.condition_ids = [Command.create({"metric_id": cls.metric(key), "value": value})]
        cls.silver.condition_ids = [Command.create({"metric_id": cls.metric("frequency"), "value": 2})]
        cls.policy.method = "conditions"
        cls.env["customer.tiering.lock"].create(
            [
                {"partner_id": who.id, "tier_id": cls.platinum.id, "mode": "fixed", "reason": "Agreed"}
                for who in cls.mine[:14]
            ]
        )
        cls.compute()
        cls.odd = cls.other[5]
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE customer_tiering_scorecard SET tier_id = %s, computed_tier_id = %s WHERE id = %s",
            (cls.platinum.id, cls.platinum.id, cls.card(cls.odd).id),
        )
        cls.env.invalidate_all()
        cls.found = cls.check()

    @classmethod
    def check(cls, user=None):
        action = cls.policy.with_user(user or cls.manager).action_check_fairness()
        cls.env.flush_all()
        return cls.env["customer.tiering.fairness"].with_user(cls.manager).browse(action["res_id"])

    def lines(self, check):
        domain = self.found.with_context(check=check).action_open_customers()["domain"]
        return self.env["customer.tiering.fairness.line"].with_user(self.manager).search(domain)

    # ------------------------------------------------------------------
    # What is found
    # ------------------------------------------------------------------

    def test_who_falls_by_more_is_found_with_the_criterion(self):
        self.assertEqual(self.found.monotone_verdict, "fault")
        self.assertIn("of the usual amount today: 1 of 81 customers.", self.found.monotone_page)
        line = self.lines("monotone")
        # 10, 10 and 400 are 140 on average, and 107.50 with 10 more.
        self.assertEqual(
            (line.partner_id, line.from_tier_id, line.to_tier_id), (self.giant, self.platinum, self.silver)
        )
        self.assertEqual((line.metric_id.key, line.reason), ("average_order", "usual"))

    def test_twins_are_explained_or_named(self):
        self.assertEqual(self.found.twins_verdict, "fault")
        self.assertIn("80 customers have exactly the values", self.found.twins_page)
        by_reason = self.lines("twins").grouped("reason")
        self.assertEqual(by_reason["locked"].partner_id, self.mine[:14])
        self.assertEqual(by_reason["unexplained"].partner_id, self.odd)
        self.assertEqual(set(by_reason), {"locked", "unexplained"})

    def test_one_order_less(self):
        self.assertEqual(self.found.robust_verdict, "good")
        self.assertRegex(self.found.robust_page, r"of 13 customers with two orders or more keep")

    def test_who_locks_many_is_asked_about(self):
        self.assertEqual(self.found.even_verdict, "look")
        self.assertIn("Is there a reason", self.found.even_page)
        # 14 of 34 beside the other one's 1 of 34: the first row, and the other way round the second.
        self.assertRegex(self.found.even_page, rf"Salesperson: {re.escape(self.salesperson.name)}[^%]*41\.2%")
        action = self.found.with_context(check="even").action_open_customers()
        cards = self.env["customer.tiering.scorecard"].with_user(self.manager).search(action["domain"])
        self.assertEqual(cards.partner_id, self.mine | self.other)

    def test_tiers_that_nobody_reaches_are_named(self):
        self.assertEqual(self.found.reach_verdict, "fault")
        self.assertIn("Nobody is in Gold or Silver by the numbers", self.found.reach_page)

    def test_calm_is_that_of_the_replay(self):
        self.assertEqual(self.found.calm_verdict, "unknown")
        with patch("odoo.addons.customer_tiering.models.customer_tiering_replay.NIGHTS", 2):
            self.policy.with_user(self.manager).action_replay()
        found = self.check()
        self.assertEqual((found, found.calm_verdict), (self.found, "good"))
        self.assertIn("of 81 customers would have moved in the last 2 days", found.calm_page)

    def test_versions_are_compared(self):
        """Without the rule that was the fault, and with the scorecard mended: nobody falls, nobody is unexplained."""
        self.platinum.condition_ids.write({"metric_id": self.metric("monetary"), "value": 300})
        self.compute()
        found = self.check()
        self.assertNotEqual(found, self.found)
        self.assertEqual((found.monotone_verdict, found.twins_verdict), ("good", "good"))
        number = self.found.version_id.number
        self.assertIn(f"Here 0, in version {number} 1.", found.monotone_page)
        self.assertEqual(self.found.monotone_verdict, "fault", "kept")

    # ------------------------------------------------------------------
    # When, and for whom
    # ------------------------------------------------------------------

    def test_many_are_checked_in_the_background(self):
        with patch.object(customer_tiering_fairness, "DIRECT_LIMIT", 0):
            found = self.check()
        self.assertEqual((found.state, found.monotone_verdict), ("queued", "fault"), "what is known is shown meanwhile")
        self.env["customer.tiering.fairness.line"].search([]).unlink()
        users = type(self.env["res.users"])
        with patch.object(users, "_bus_send", autospec=True) as send, self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_fairness").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(found.state, "done")
        (told, kind, notice), _named = send.call_args
        self.assertEqual((told, kind, notice["type"]), (self.manager, "simple_notification", "success"))
        self.assertEqual(self.lines("monotone").partner_id, self.giant)

    def test_a_sample_is_said(self):
        with (
            patch.object(customer_tiering_fairness, "MOST_CUSTOMERS", 9),
            patch.object(customer_tiering_fairness, "SAMPLED_CUSTOMERS", 8),
        ):
            found = self.check()
        self.assertIn("with 8 customers", found.sentence)
        self.assertIn("a random sample of all 81 customers", found.sentence)

    def test_what_was_never_computed_cannot_be_checked(self):
        other = self.other_policy()
        with self.assertRaisesRegex(UserError, "Compute its customers first"):
            other.with_user(self.manager).action_check_fairness()

    def test_salespeople_neither_start_nor_see_it(self):
        with self.assertRaises(AccessError):
            self.check(self.salesperson)
        for record in (self.found, self.lines("twins")):
            with self.assertRaises(AccessError):
                record.with_user(self.salesperson).read([])

    def test_who_may_not_see_all_customers_sees_no_number(self):
        self.env["ir.rule"].create(
            {
                "name": "Not the giant",
                "model_id": self.env.ref("base.model_res_partner").id,
                "domain_force": f"[('id', '!=', {self.giant.id})]",
            }
        )
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(self.found.monotone_page or self.found.even_page or self.found.openable)
        self.assertIn("You may not see all", self.found.sentence)
        self.assertFalse(self.lines("monotone"))
        self.assertTrue(self.lines("twins"))

    def test_another_company_sees_nothing(self):
        company = self.env["res.company"].create({"name": "Other Company"})
        other = self.new_user("tiering_other", "sales_team.group_sale_manager", company=company)
        for model in ("customer.tiering.fairness", "customer.tiering.fairness.line"):
            self.assertFalse(self.env(user=other, context={})[model].search([]))
