from collections import Counter
from datetime import timedelta
from math import floor

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon

ORDERS = {
    "Anna": [(3, 500), (40, 300), (80, 200), (120, 100)],
    "Ben": [(200, 900), (230, 50), (260, 70), (290, 10)],
    "Cleo": [(30, 20)],
    "Dora": [(350, 60), (340, 60)],
    "Emil": [(10, 80), (25, 80), (40, 80)],
    "Finn": [(700, 1000)],
    "Gina": [(90, 150), (180, 150), (270, 150)],
    "Hugo": [(1, 5)],
    "Ida": [(100, 40), (110, 40), (120, 40), (130, 40)],
    "Jack": [(60, 2000)],
}


@tagged("post_install", "-at_install")
class TestMap(TieringCommon):
    """Ten customers, placed again by hand from what their scorecards and orders say."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.report = cls.env["customer.tiering.map.report"].with_user(cls.manager)
        cls.people = {name: cls.new_customer(name) for name in ORDERS}
        for name, orders in ORDERS.items():
            for ago, amount in orders:
                cls.order(cls.people[name], ago, amount)
        cls.asked = cls.new_customer("Asked")
        cls.order(cls.asked, state="draft")
        cls.policy.shown_metric_ids |= cls.env["customer.tiering.metric"].browse(cls.metric("average_order"))
        cls.compute()

    def data(self, report=None, **values):
        return (self.report if report is None else report).get_data(**values)

    def counted(self, data, name="customers"):
        return {(cell["row"], cell["column"]): cell[name] for cell in data["cells"] if cell[name]}

    def by_hand(self, card, day=AS_OF):
        """The cell of a customer: recency within what the own rhythm allows, frequency and value by their weights."""
        weights = {line.metric_id.key: line.weight for line in self.policy.criterion_ids}
        late = (day - card.last_order_date).days / card.usual_gap_days
        lowest, highest = 3, 5
        if late > self.policy.lifecycle_late:
            lowest, highest = 2, 3
        if late > self.policy.lifecycle_lost:
            lowest, highest = 1, 2
        weighted = weights["frequency"] * card.frequency_score + weights["monetary"] * card.monetary_score
        value = floor(weighted / (weights["frequency"] + weights["monetary"]) + 0.5)
        return min(max(card.recency_score, lowest), highest), value

    def test_cells_are_those_of_the_segment_map(self):
        data = self.data()
        cards = {name: self.card(who) for name, who in self.people.items()}
        self.assertEqual(self.counted(data), Counter(map(self.by_hand, cards.values())))
        self.assertGreater(len(self.counted(data)), 3)
        segments = {(cell["row"], cell["column"]): cell["segment_id"] for cell in data["cells"]}
        for card in cards.values():
            row, column = self.by_hand(card)
            self.assertEqual(segments[row, column], card.segment_id.id, card.partner_id.name)
            self.assertIn(card.id, self.report.get_customers(False, False, False, [[row, column]]))
        for name in ("amount", "expected_loss"):
            expected = Counter()
            for card in cards.values():
                expected[self.by_hand(card)] += card[name]
            self.assertEqual(self.counted(data, name), +expected)
        self.assertEqual((len(data["cells"]), data["placeless"]), (25, 0), "who never bought is not counted")

    def test_who_can_be_reached_by_which_way(self):
        ways = {"Anna": ("a@x.com", "5 1"), "Ben": ("b@x.com", False), "Cleo": (False, "5 3"), "Emil": ("none", "-")}
        for name, (email, phone) in ways.items():
            self.people[name].write({"email": email, "phone": phone})
        self.env["mail.blacklist"].create([{"email": "b@x.com"}])
        by_email, by_phone = Counter(), Counter()
        by_email[self.by_hand(self.card(self.people["Anna"]))] += 1  # Ben wants none, and Emil's is no address
        for name in ("Anna", "Cleo"):
            by_phone[self.by_hand(self.card(self.people[name]))] += 1
        data = self.data(day=str(AS_OF - timedelta(days=30)))
        self.assertEqual(self.counted(data, "by_email"), by_email)
        self.assertEqual(self.counted(data, "by_phone"), by_phone)
        self.assertNotIn("by_email", data["cells"][0]["before"], "it is not kept")
        self.env["mail.blacklist"]._remove("b@x.com")
        by_email[self.by_hand(self.card(self.people["Ben"]))] += 1
        self.assertEqual(self.counted(self.data(), "by_email"), by_email)

    def test_the_weights_decide_the_columns(self):
        for line in self.policy.criterion_ids:
            line.weight = {"frequency": 0, "monetary": 5}.get(line.metric_id.key, 1)
        self.compute()
        columns = Counter(self.card(who).monetary_score for who in self.people.values())
        found = Counter()
        for (_row, column), count in self.counted(self.data()).items():
            found[column] += count
        self.assertEqual(found, columns)

    def test_two_metrics_in_fifths(self):
        data = self.data(across="monetary", upwards="average_order")
        self.assertTrue(data["metrics"])
        self.assertNotIn("segment_id", data["cells"][0])
        cards = [self.card(who) for who in self.people.values()]
        bought = [card for card in cards if card.partner_id != self.people["Finn"]]
        expected = Counter()
        for card in bought:
            place = []
            for fname, people in (("average_order", bought), ("amount", cards)):
                known = sorted(other[fname] for other in people)
                middle = (known.index(card[fname]) + len(known) - 1 - known[::-1].index(card[fname])) / 2
                place.append(floor(5 * (middle + 0.5) / len(known)) + 1)
            expected[tuple(place)] += 1
        self.assertEqual(self.counted(data), expected)
        self.assertEqual(data["placeless"], 1, "Finn bought nothing in the window, so an order has no average")
        self.assertEqual(data["columns"][-1], "1,100 to 2,000")
        for row, column in expected:
            found = self.report.get_customers(False, "monetary", "average_order", [[row, column]])
            self.assertEqual(len(found), expected[row, column])

    def test_days_that_pass_are_counted_until_today(self):
        data = self.data(across="monetary", upwards="recency")
        last = {name: min(ago for ago, _amount in orders) for name, orders in ORDERS.items()}
        passed = (self.company._get_tiering_today() - AS_OF).days
        # Two each: Hugo 1, Anna 3; Emil 10, Cleo 30; Jack 60, Gina 90; Ida 100, Ben 200; Dora 340, Finn 700
        self.assertEqual(sorted(last.values()), [1, 3, 10, 30, 60, 90, 100, 200, 340, 700])
        self.assertEqual(data["rows"][4], f"{passed + 1} to {passed + 3}", "the most recent are the best")
        self.assertEqual(data["rows"][0], f"{passed + 340} to {passed + 700}")
        rows = Counter()
        for (row, _column), count in self.counted(data).items():
            rows[row] += count
        self.assertEqual(rows, dict.fromkeys(range(1, 6), 2))

    def test_who_was_contacted_within_30_days(self):
        today = self.company._get_tiering_today()
        cards = {name: self.card(self.people[name]) for name in ("Anna", "Ben", "Cleo")}
        for name, ago in (("Anna", 0), ("Ben", 29), ("Cleo", 30)):
            cards[name].last_contact_date = today - timedelta(days=ago)
        expected = Counter([self.by_hand(cards["Anna"]), self.by_hand(cards["Ben"])])
        self.assertEqual(self.counted(self.data(), "contacted"), expected)

    def test_an_earlier_day_by_the_rules_of_today(self):
        """What a run of that day has found, and what is reckoned later of that day, is the same."""
        first = AS_OF - timedelta(days=50)
        self.compute(first)
        then = self.data()
        self.assertEqual(sum(self.counted(then).values()), 7, "Cleo, Emil and Hugo had not bought yet")
        self.compute()
        data = self.data(day=str(first))
        for name in ("customers", "amount", "expected_loss"):
            found = [cell["before"][name] for cell in data["cells"]]
            self.assertEqual(found, [cell[name] for cell in then["cells"]])
        self.assertRegex(data["notes"][0], "reckoned by the rules of today")
        self.assertNotEqual(self.counted(data), self.counted(then))
        nobody = self.data(day="2000-01-01")
        self.assertEqual(sum(cell["before"]["customers"] for cell in nobody["cells"]), 0)

    def test_an_earlier_day_has_the_limits_of_today(self):
        first = AS_OF - timedelta(days=50)
        data = self.data(across="monetary", upwards="average_order", day=str(first))
        amounts = [
            sum(amount for ago, amount in orders if 50 <= ago < 50 + self.policy.window_days)
            for name, orders in ORDERS.items()
            if name != "Finn" and any(ago >= 50 for ago, _amount in orders)
        ]
        columns = Counter()
        for cell in data["cells"]:
            columns[cell["column"]] += cell["before"]["customers"]
        # Today: 0 5 | 20 120 | 160 240 | 450 1030 | 1100 2000
        begins = (0, 20, 160, 450, 1100)
        self.assertEqual(+columns, Counter(sum(begin <= amount for begin in begins) for amount in amounts))

    def test_calls_and_locks(self):
        row, column = self.by_hand(self.card(self.people["Anna"]))
        there = [who.id for who in self.people.values() if self.by_hand(self.card(who)) == (row, column)]
        action = self.report.run_action("action_tiering_plan_call", False, False, False, [[row, column]])
        self.assertEqual(action["res_model"], "mail.activity.schedule")
        self.assertEqual(set(action["context"]["active_ids"]), set(there))
        action = self.report.run_action("action_tiering_lock", False, False, False, [[row, column]])
        self.assertEqual(set(action["context"]["active_ids"]), set(there))
        offered = self.env["customer.tiering.map.report"].with_user(self.salesperson).get_data()["actions"]
        self.assertEqual([action["name"] for action in offered], ["action_tiering_plan_call"])

    def test_bad_input(self):
        today = self.company._get_tiering_today()
        other = self.env["res.company"].create({"name": "Other"})
        for values, message in (
            ({"policy_id": 10**8}, "does not exist any more"),
            ({"policy_id": other.tiering_policy_ids.id}, "does not exist any more"),
            ({"across": "monetary"}, "two different metrics"),
            ({"across": "monetary", "upwards": "monetary"}, "two different metrics"),
            ({"across": "monetary", "upwards": "nothing"}, "two different metrics"),
            ({"day": str(today)}, "not before today"),
            ({"day": str(today + timedelta(days=1))}, "not before today"),
            ({"day": "0001-01-01"}, "Choose an earlier day"),
            ({"day": "yesterday"}, "Choose an earlier day"),
        ):
            with self.subTest(values=values), self.assertRaisesRegex(UserError, message):
                self.data(**values)
        with self.assertRaisesRegex(UserError, "cannot be done"):
            self.report.run_action("unlink", False, False, False, [[5, 5]])
        with self.assertRaisesRegex(UserError, "Nobody is in these cells"):
            self.report.run_action("action_tiering_plan_call", False, False, False, [])

    def test_a_company_without_policy_and_one_without_customers(self):
        other = self.env["res.company"].create({"name": "Other"})
        user = self.new_user("elsewhere", "sales_team.group_sale_manager", other)
        report = self.env["customer.tiering.map.report"].with_user(user).with_context(allowed_company_ids=other.ids)
        data = report.get_data()
        self.assertEqual((self.counted(data), data["placeless"]), ({}, 0), "of another company nobody is counted")
        data = report.get_data(across="monetary", upwards="recency", day="2020-01-01")
        self.assertEqual((self.counted(data), data["columns"]), ({}, [""] * 5))
        other.tiering_policy_ids.active = False
        self.assertEqual(report.get_data()["cells"], [])

    def test_only_the_current_one_of_several_companies_counts(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.manager.company_ids |= other
        report = self.report.with_context(allowed_company_ids=[self.company.id, other.id])
        offered = [policy["id"] for policy in report.get_data()["policies"]]
        self.assertEqual(offered, self.company.tiering_policy_ids.ids)
        with self.assertRaisesRegex(UserError, "does not exist any more"):
            report.get_data(policy_id=other.tiering_policy_ids.id)

    def test_the_policy_with_the_most_customers_comes_first(self):
        firms = self.other_policy()
        self.people["Anna"].is_company = True
        self.compute(policy=firms)
        self.compute()
        data = self.data()
        self.assertEqual(data["policy_id"], self.policy.id)
        self.assertEqual({found["id"]: found["customers"] for found in data["policies"]}[firms.id], 1)
        self.assertEqual(sum(self.counted(self.data(policy_id=firms.id)).values()), 1)

    def test_who_may_not_see_customers_does_not_count_them(self):
        own = self.new_user("own_only", "sales_team.group_sale_salesman")
        for who in self.people.values():
            who.user_id = self.manager
            who.sale_order_ids.user_id = self.manager
        self.people["Anna"].user_id = own
        data = self.data(self.report.with_user(own), day=str(AS_OF - timedelta(days=30)))
        self.assertEqual(self.counted(data), {self.by_hand(self.card(self.people["Anna"])): 1})
        self.assertEqual(sum(cell["before"]["customers"] for cell in data["cells"]), 1)
        everywhere = [[row, column] for row in range(1, 6) for column in range(1, 6)]
        found = self.report.with_user(own).get_customers(False, False, False, everywhere)
        self.assertEqual(found, self.card(self.people["Anna"]).ids)
        nobody = self.new_user("nobody", "base.group_user")
        with self.assertRaises(AccessError):
            self.data(self.report.with_user(nobody))

    def test_what_customers_owe_makes_cells_only_for_who_may_see_it(self):
        self.policy.shown_metric_ids |= self.env["customer.tiering.metric"].browse(self.metric("overdue_amount"))
        self.compute()

        def offered(user):
            return {metric["key"] for metric in self.data(self.report.with_user(user))["metrics"]}

        self.assertNotIn("overdue_amount", offered(self.manager))
        self.manager.group_ids = [Command.link(self.env.ref("account.group_account_readonly").id)]
        self.assertIn("overdue_amount", offered(self.manager))
