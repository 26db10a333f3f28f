from collections import Counter
from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import AS_OF
from .test_playbook import PlaybookCommon


@tagged("post_install", "-at_install")
class TestMoves(PlaybookCommon):
    """Six customers who order now and then, lived through by the only criterion, recency: tiers follow from the days
    since the last order, counted here by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.report = cls.env["customer.tiering.moves.report"].with_user(cls.manager)
        cls.days = {
            "Anna": [5],
            "Ben": [29, -20],
            "Cleo": [60],
            "Dora": [170, -10],
            "Emil": [400],
            "Finn": [-15],
        }
        cls.people = {name: cls.new_customer(name) for name in cls.days}
        for number in (0, 10, 20, 40):
            day = AS_OF + timedelta(days=number)
            for name, days in cls.days.items():
                for ago in days:
                    if -number <= ago and not cls.people[name].sale_order_ids.filtered(
                        lambda order, ago=ago: order.date_order.date() == AS_OF - timedelta(days=ago)
                    ):
                        cls.order(cls.people[name], ago)
            cls.compute(day)

    def where(self, name, number):
        """By hand: the tier that somebody had at the end of a day on which a run looked."""
        since = [number + ago for ago in self.days[name] if number + ago >= 0]
        if not since:
            return 0
        last = min(since)
        tiers = (self.platinum, 30), (self.gold, 90), (self.silver, 180), (self.bronze, 10_000)
        return next(tier.id for tier, most in tiers if last <= most)

    def matrix(self, first, last, kind="tier", report=None):
        days = [str(AS_OF + timedelta(days=number)) for number in (first, last)]
        data = (self.report if report is None else report).get_data(kind, *days)
        return {(row["before"], row["after"], row["by_rules"]): row["customers"] for row in data["rows"]}

    def test_it_is_what_was(self):
        for first, last in ((0, 10), (0, 40), (10, 40), (20, 40), (0, 0), (40, 40)):
            with self.subTest(first=first, last=last):
                expected = Counter((self.where(name, first), self.where(name, last), False) for name in self.days)
                expected.pop((0, 0, False), None)
                self.assertEqual(self.matrix(first, last), expected)

    def test_between_two_runs_somebody_is_where_the_last_one_put_them(self):
        self.assertEqual(self.matrix(3, 12), self.matrix(0, 10))

    def test_margins_fit(self):
        def margin(matrix, side):
            total = Counter()
            for key, count in matrix.items():
                total[key[side]] += count
            return total - Counter({0: total[0]})

        self.assertEqual(margin(self.matrix(0, 20), 1), margin(self.matrix(20, 40), 0))
        self.assertEqual(margin(self.matrix(0, 20), 0), margin(self.matrix(0, 40), 0))

    def test_the_customers_of_a_cell(self):
        days = str(AS_OF), str(AS_OF + timedelta(days=40))
        for name, who in self.people.items():
            before, after = self.where(name, 0), self.where(name, 40)
            self.assertIn(who.id, self.report.get_customers("tier", *days, before, after, False))
            self.assertIn(who.id, self.report.get_customers("tier", *days, before, None, None))
            self.assertNotIn(who.id, self.report.get_customers("tier", *days, before, after, True))
        everybody = self.report.get_customers("tier", *days, None, None, None)
        self.assertEqual(set(everybody), {who.id for who in self.people.values()})

    def test_segments_have_a_history(self):
        """Told forward: from the segment of each customer after each run."""
        changes = self.env["customer.segment.change"].search([], order="id")
        self.assertTrue(changes)
        known = {}
        for number in (0, 10, 20, 40):
            day = AS_OF + timedelta(days=number)
            for change in changes.filtered(lambda change, day=day: change.date == day):
                if change.partner_id in known:
                    self.assertEqual(known[change.partner_id], change.from_segment_id)
                self.assertLess(change.from_since, day)
                known[change.partner_id] = change.to_segment_id
        for partner, segment in known.items():
            self.assertEqual(self.card(partner).segment_id, segment)
        for first, last in ((0, 40), (10, 20), (0, 0)):
            matrix = self.matrix(first, last, "segment")
            there = sum(1 for name in self.days if self.where(name, last))
            self.assertEqual(sum(count for (_b, after, _r), count in matrix.items() if after), there)
        self.assertEqual(
            {after: count for (before, after, _r), count in self.matrix(40, 40, "segment").items()},
            Counter(self.card(who).segment_id.id for who in self.people.values()),
        )

    def test_a_segment_that_does_not_change_is_not_written(self):
        before = self.env["customer.segment.change"].search_count([])
        self.compute(AS_OF + timedelta(days=40))
        self.assertEqual(self.env["customer.segment.change"].search_count([]), before)

    def test_who_leaves_is_gone(self):
        self.people["Cleo"].active = False
        self.compute(AS_OF + timedelta(days=50))
        tiers, segments = self.matrix(40, 50), self.matrix(40, 50, "segment")
        self.assertEqual(tiers[(self.where("Cleo", 40), 0, False)], 1)
        self.assertEqual(sum(count for (_before, after, _r), count in segments.items() if not after), 1)
        self.assertEqual(self.matrix(0, 10), self.matrix(0, 10))
        self.assertEqual(sum(self.matrix(0, 40, "segment").values()), 6, "the past stays as it was")

    def test_other_rules_stand_in_a_row_of_their_own(self):
        self.policy.criterion_ids.write({"band_1": 100, "band_2": 200, "band_3": 300, "band_4": 500})
        self.compute(AS_OF + timedelta(days=50))
        matrix = self.matrix(40, 50)
        moved = {key: count for key, count in matrix.items() if key[0] != key[1]}
        self.assertTrue(moved)
        self.assertTrue(all(by_rules for (_before, _after, by_rules) in moved))
        days = str(AS_OF + timedelta(days=40)), str(AS_OF + timedelta(days=50))
        found = self.report.get_customers("tier", *days, None, None, True)
        self.assertEqual(len(found), sum(moved.values()))

    def test_before_the_first_run_the_rules_of_today_say_it(self):
        first = AS_OF - timedelta(days=20)
        data = self.report.get_data("tier", str(first), str(AS_OF))
        self.assertRegex(data["notes"][0], "It was not kept")
        expected = Counter((self.where(name, -20), self.where(name, 0)) for name in self.days)
        expected.pop((0, 0), None)
        self.assertEqual({(row["before"], row["after"]): row["customers"] for row in data["rows"]}, expected)

    def test_the_tiers_alone_are_those_of_all_that_is_computed(self):
        """Also where they follow from interactions, of which Emil alone had one: he is where all others are not."""
        message = {"model": "res.partner", "res_id": self.people["Emil"].id, "message_type": "comment"}
        self.env["mail.message"].create({**message, "date": self.noon(AS_OF), "author_id": self.manager.partner_id.id})
        for key in ("recency", "contact_recency"):
            self.policy.criterion_ids.metric_id = self.metric(key)
            earned = self.policy._compute_frame(AS_OF)["earned"].dropna().to_dict()
            self.assertEqual(self.policy._compute_earned(AS_OF).dropna().to_dict(), earned)
            self.assertGreater(len(set(earned.values())), 1)
        emil = earned.pop(self.people["Emil"].id)
        self.assertNotIn(emil, earned.values())

    def test_amounts(self):
        data = self.report.get_data("tier", str(AS_OF), str(AS_OF + timedelta(days=40)))
        total = sum(row["amount"] for row in data["rows"])
        self.assertEqual(total, sum(self.card(who).amount for who in self.people.values()))

    def test_days_that_are_none(self):
        today = self.company._get_tiering_today()
        for first, last, message in (
            (today, today + timedelta(days=1), "not over yet"),
            (today, today - timedelta(days=1), "Choose a second day"),
            ("", today, "Choose both days"),
            ("yesterday", today, "Choose both days"),
            ("0000-00-00", today, "Choose both days"),
        ):
            with self.subTest(first=first, last=last), self.assertRaisesRegex(UserError, message):
                self.report.get_data("tier", str(first), str(last))
        with self.assertRaisesRegex(UserError, "tiers or segments"):
            self.report.get_data("name", str(today), str(today))

    def test_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        user = self.new_user("elsewhere", "sales_team.group_sale_manager", other)
        report = self.report.with_user(user).with_context(allowed_company_ids=other.ids)
        self.assertFalse(self.matrix(0, 40, report=report))

    def test_who_may_not_see_customers_does_not_count_them(self):
        own = self.new_user("own_only", "sales_team.group_sale_salesman")
        for who in self.people.values():
            who.user_id = self.manager
            who.sale_order_ids.user_id = self.manager
        self.people["Anna"].user_id = own
        self.assertEqual(sum(self.matrix(0, 0, report=self.report.with_user(own)).values()), 1)
        nobody = self.new_user("nobody", "base.group_user")
        with self.assertRaises(AccessError):
            self.matrix(0, 0, report=self.report.with_user(nobody))

    def test_a_deleted_segment(self):
        segment = self.env["customer.segment"].create({"name": "Odd", "code": "odd"})
        self.env["customer.segment.change"].create(
            {
                "partner_id": self.people["Anna"].id,
                "company_id": self.company.id,
                "date": AS_OF + timedelta(days=40),
                "from_segment_id": segment.id,
                "from_since": AS_OF + timedelta(days=20),
                "to_segment_id": self.card(self.people["Anna"]).segment_id.id,
            }
        )
        segment.unlink()
        data = self.report.get_data("segment", str(AS_OF + timedelta(days=21)), str(AS_OF + timedelta(days=40)))
        self.assertIn("Deleted since", [place["name"] for place in data["places"]])

    def test_merged_customers_have_one_history(self):
        self.env["customer.tiering.former"]._hand_over({self.people["Ben"].id: self.people["Anna"].id})
        for kind in ("tier", "segment"):
            self.assertEqual(sum(self.matrix(40, 40, kind).values()), 5)
            people = self.report.get_customers(kind, str(AS_OF), str(AS_OF + timedelta(days=40)), None, None, None)
            self.assertEqual(len(people), len(set(people)))

    def test_of_two_customers_merged_into_a_third_one_history_stays(self):
        """That of Carl, which began first; Dora's own stays although it is younger than Emil's."""
        carl, ben, new, dora, emil = (self.new_customer(name) for name in ("Carl", "Ben", "New", "Dora", "Emil"))
        changes, segments = self.env["customer.segment.change"], self.env["customer.segment"].search([], limit=2)
        for who, ago in ((carl, 30), (emil, 20), (ben, 15), (dora, 10), (carl, 5)):
            changes.create(
                {
                    "partner_id": who.id,
                    "company_id": self.company.id,
                    "date": AS_OF - timedelta(days=ago),
                    "from_segment_id": segments[0].id,
                    "to_segment_id": segments[1].id,
                }
            )
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((ben | carl | new).ids, dst_partner=new)
        wizard._merge((emil | dora).ids, dst_partner=dora)
        for who, days in ((new, [5, 30]), (dora, [10])):
            kept = changes.search([("partner_id", "=", who.id)]).mapped("date")
            self.assertEqual(sorted((AS_OF - day).days for day in kept), days)

    def test_archiving_a_policy_ends_the_segments(self):
        self.other_policy()
        self.policy.with_context(active_test=False).active = False
        last = self.env["customer.segment.change"].search([("to_segment_id", "=", False)])
        self.assertEqual(set(last.partner_id.ids), {who.id for who in self.people.values()})
