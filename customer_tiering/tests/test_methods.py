from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestMethods(TieringCommon):
    """Each method that leads to a tier, on ten customers judged by hand.

    One order each, placed 5, 15, 25 … 95 days ago; C1 has the most recent one.
    """

    AMOUNTS = (500, 50, 400, 30, 100, 20, 200, 10, 300, 5)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = [cls.new_customer(f"C{number}") for number in range(1, 11)]
        for number, (customer, amount) in enumerate(zip(cls.customers, cls.AMOUNTS, strict=True)):
            cls.order(customer, 5 + 10 * number, amount)

    def _three_tiers(self, method, shares=(), **values):
        """Have tiers A, B and C; return them."""
        shares = shares or (0, 0, 0)
        self.policy.write(
            {
                "method": method,
                "min_population": 1,
                "tier_ids": [
                    Command.clear(),
                    *(
                        Command.create({"name": name, "share": share, "entry_floor": floor, "sequence": sequence})
                        for sequence, (name, share, floor) in enumerate(zip("ABC", shares, (70, 30, 0), strict=True), 1)
                    ),
                ],
                **values,
            }
        )
        return self.policy.tier_ids

    def _members(self):
        """Return ``{tier: numbers of the customers}``."""
        members = {tier.name: [] for tier in self.policy.tier_ids}
        for number, customer in enumerate(self.customers, 1):
            members[self.card(customer).tier_id.name].append(number)
        return members

    def _only(self, metric, **values):
        return {"criterion_ids": [Command.clear(), Command.create({"metric_id": self.metric(metric), **values})]}

    def test_the_weighted_score(self):
        self._three_tiers("score", **self._only("recency"))
        self.compute()
        # By rank: 95, 85, 75, 65 … 5 points; A from 70, B from 30
        self.assertEqual([self.card(customer).score for customer in self.customers], [*range(95, 0, -10)])
        self.assertEqual(self._members(), {"A": [1, 2, 3], "B": [4, 5, 6, 7], "C": [8, 9, 10]})

    def test_shares_of_the_customers_by_score(self):
        self._three_tiers("customer_share", (30, 40, 30), **self._only("recency"))
        run = self.compute()
        self.assertEqual(self._members(), {"A": [1, 2, 3], "B": [4, 5, 6, 7], "C": [8, 9, 10]})
        self.assertEqual(set(run.change_ids.mapped("reason")), {"first"})
        card = self.card(self.customers[3])  # 65 points; the last in A has 75
        self.assertEqual((card.next_tier_id.name, card.points_to_next), ("A", 10))

    def test_shares_of_the_customers_by_a_metric(self):
        self._three_tiers("customer_share", (30, 40, 30), basis_id=self.metric("monetary"))
        self.compute()
        # 500, 400, 300 | 200, 100, 50, 30 | 20, 10, 5
        self.assertEqual(self._members(), {"A": [1, 3, 9], "B": [2, 4, 5, 7], "C": [6, 8, 10]})
        self.policy.basis_id = self.metric("recency")  # fewer days are better
        run = self.compute()
        self.assertEqual(self._members(), {"A": [1, 2, 3], "B": [4, 5, 6, 7], "C": [8, 9, 10]})
        self.assertEqual(set(run.change_ids.mapped("reason")), {"rules"})
        self.order(self.customers[9], 0, 1)
        run = self.compute()
        # 10 is first now; of 10 customers 30 % are 3: 10, 1, 2
        self.assertEqual(self._members(), {"A": [1, 2, 10], "B": [3, 4, 5, 6], "C": [7, 8, 9]})
        self.assertEqual(set(run.change_ids.mapped("reason")), {"share"})

    def test_shares_of_the_customers_with_equals(self):
        self._three_tiers("customer_share", (30, 40, 30), basis_id=self.metric("frequency"))
        self.compute()
        self.assertEqual(self._members(), {"A": [*range(1, 11)], "B": [], "C": []})  # all ordered once

    def test_shares_of_the_revenue(self):
        self._three_tiers("revenue_share", (80, 15, 5))
        self.compute()
        # 1615 in all. Before 500: 0 %, 400: 31, 300: 56, 200: 74.3 | 100: 86.7, 50: 92.9 | 30: 96.0 …
        self.assertEqual(self._members(), {"A": [1, 3, 7, 9], "B": [2, 5], "C": [4, 6, 8, 10]})

    def test_a_key_account_with_nearly_all_the_revenue_is_in_the_first_tier(self):
        self.order(self.customers[7], 10, 52_000)  # 52010 of 53615 are 97 %
        self._three_tiers("revenue_share", (80, 15, 5))
        self.compute()
        # Before the key account 0 %; before the next one, 500, 97.0 %, beyond 95 already
        self.assertEqual(self._members(), {"A": [8], "B": [], "C": [1, 2, 3, 4, 5, 6, 7, 9, 10]})

    def test_all_conditions_or_one(self):
        a, b, _c = self._three_tiers("score")
        money, days = (
            {"metric_id": self.metric("monetary"), "value": 100},
            {"metric_id": self.metric("recency"), "value": 50},
        )
        self.policy.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.update(a.id, {"condition_ids": [Command.create(money), Command.create(days)]}),
                    Command.update(
                        b.id, {"condition_ids": [Command.create({"metric_id": self.metric("monetary"), "value": 50})]}
                    ),
                ],
            }
        )
        self.assertEqual(a.condition_ids.mapped("operator"), [">=", "<="])
        self.assertEqual(a.condition_ids.mapped("keep_value"), [100, 50])
        self.compute()
        # A: at least 100 and at most 50 days: 1 (5 days), 3 (25), 5 (45); not 7 (65), not 9 (85)
        # B: at least 50: 2, 7, 9
        self.assertEqual(self._members(), {"A": [1, 3, 5], "B": [2, 7, 9], "C": [4, 6, 8, 10]})
        a.match = "any"
        run = self.compute()
        # at least 100, or at most 50 days: 1 to 5, 7, 9
        self.assertEqual(self._members(), {"A": [1, 2, 3, 4, 5, 7, 9], "B": [], "C": [6, 8, 10]})
        self.assertEqual(set(run.change_ids.mapped("reason")), {"rules"})
        self.order(self.customers[5], 60, 30)  # 50 in all, 55 days
        run = self.compute()
        self.assertEqual(self._members(), {"A": [1, 2, 3, 4, 5, 7, 9], "B": [6], "C": [8, 10]})
        self.assertEqual(run.change_ids.mapped("reason"), ["condition"])

    def test_it_can_take_less_to_stay(self):
        a, b, _c = self._three_tiers("score")
        easier = {"metric_id": self.metric("monetary"), "value": 300, "keep_value": 250}
        self.policy.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.update(a.id, {"condition_ids": [Command.create(easier)]}),
                    Command.update(
                        b.id, {"condition_ids": [Command.create({"metric_id": self.metric("monetary"), "value": 200})]}
                    ),
                ],
            }
        )
        self.compute()
        self.assertEqual(self._members()["A"], [1, 3, 9])
        self.accounting()
        self.credit_note(self.customers[8], 1, 50)  # 250
        self.credit_note(self.customers[2], 1, 151)  # 249
        self.order(self.customers[6], 1, 50)  # 250: not enough to enter
        self.compute()
        self.assertEqual(self._members(), {"A": [1, 9], "B": [3, 7], "C": [2, 4, 5, 6, 8, 10]})

    def test_clusters(self):
        # Three groups of money, far apart: 1 to 3 around 100000, 4 to 7 around 1000, the others 5 to 10
        for number in (1, 2, 3):
            self.order(self.customers[number - 1], 5, 100_000)
        for number in (4, 5, 6, 7):
            self.order(self.customers[number - 1], 35, 1_000)
        for number in (8, 9, 10):
            self.customers[number - 1].sale_order_ids.order_line.price_unit = number
        self._three_tiers("clusters", **self._only("monetary"))
        run = self.compute()
        self.assertEqual(self._members(), {"A": [1, 2, 3], "B": [4, 5, 6, 7], "C": [8, 9, 10]})
        self.assertGreater(run.silhouette, 0.8)
        self.assertEqual(self.compute().written_count, 0)
        self.order(self.customers[9], 5, 1_200)
        run = self.compute()
        self.assertRecordValues(run.change_ids, [{"partner_id": self.customers[9].id, "reason": "cluster"}])
        self.assertEqual(self.card(self.customers[9]).tier_id.name, "B")

    def test_the_handle_puts_tiers_in_order(self):
        a, b, c = self._three_tiers("customer_share", (30, 40, 30), basis_id=self.metric("monetary"))
        self.compute()
        self.assertEqual(self._members()["A"], [1, 3, 9])
        self.policy.write(
            {"tier_ids": [Command.update(tier.id, {"sequence": place}) for place, tier in enumerate((c, b, a))]}
        )
        self.assertEqual(self.policy.tier_ids.mapped("name"), ["C", "B", "A"])
        self.assertEqual([tier.key for tier in self.policy._get_rules().tiers], [c.id, b.id, a.id])
        version = self.policy.version_ids.sorted("number")[-1]
        self.assertEqual([tier["key"] for tier in version.rules["rules"]["tiers"]], [c.id, b.id, a.id])
        run = self.compute()
        self.assertEqual(run.version_id.number, 2)
        self.assertEqual(self._members(), {"C": [1, 3, 9], "B": [2, 4, 5, 7], "A": [6, 8, 10]})
        self.assertEqual((run.up_count, run.down_count), (3, 3))  # 1, 3, 9 are in the tier now on top
        # the same, one tier at a time
        c.sequence = 9
        self.compute()
        self.assertEqual(self._members(), {"B": [1, 3, 7, 9], "A": [2, 4, 5], "C": [6, 8, 10]})

    def test_the_lowest_tier_by_the_handle_must_have_no_condition(self):
        a, b, c = self._three_tiers("score")
        conditions = [Command.create({"metric_id": self.metric("monetary"), "value": 100})]
        self.policy.write(
            {
                "method": "conditions",
                "tier_ids": [Command.update(tier.id, {"condition_ids": conditions}) for tier in (a, b)],
            }
        )
        with self.assertRaisesRegex(ValidationError, "is the lowest tier|has no condition"), self.env.cr.savepoint():
            self.policy.write({"tier_ids": [Command.update(c.id, {"sequence": 0})]})
        with self.assertRaisesRegex(ValidationError, "is the lowest tier|has no condition"), self.env.cr.savepoint():
            c.sequence = 0

    def test_the_order_of_tiers_follows_the_floors_with_the_score(self):
        a, b, c = self._three_tiers("score")
        self.policy.write({"tier_ids": [Command.update(c.id, {"sequence": 0})]})
        self.assertEqual(self.policy.tier_ids.mapped("name"), ["A", "B", "C"])
        self.policy.tier_ids = [Command.update(a.id, {"entry_floor": 40}), Command.update(b.id, {"entry_floor": 90})]
        self.assertEqual(self.policy.tier_ids.mapped("name"), ["B", "A", "C"])
        self.assertLess(b.sequence, a.sequence)

    def test_prospects_and_those_of_long_ago_with_every_method(self):
        asked, long_ago = self.new_customer("Asked"), self.new_customer("Long Ago")
        self.order(asked, 5, state="draft")
        self.order(long_ago, 700, 9_000)
        tiers = self._three_tiers("score")
        for tier in tiers[:2]:
            tier.condition_ids = [Command.clear(), Command.create({"metric_id": self.metric("monetary"), "value": 100})]
        for method in ("score", "customer_share", "revenue_share", "conditions", "clusters"):
            with self.subTest(method=method):
                self.policy.write(
                    {
                        "method": method,
                        "tier_ids": [
                            Command.update(tier.id, {"share": share})
                            for tier, share in zip(tiers, (30, 40, 30), strict=True)
                        ],
                    }
                )
                self.compute()
                self.assertFalse(self.card(asked).tier_id)
                self.assertTrue(self.card(long_ago).tier_id)
                if method != "clusters":
                    self.assertEqual(self.card(long_ago).tier_id.name, "C")
                self.assertEqual(self.card(self.customers[0]).tier_id.name, "A")
