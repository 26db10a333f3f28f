from collections import Counter
from datetime import timedelta

from lxml import html

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, freeze_time, tagged

from .common import AS_OF, TieringCommon
from .test_playbook import PlaybookCommon

# On these days after AS_OF, 30 June 2026, a run looks; the last one is today.
RUNS = (0, 10, 20, 40, 75)
# The ends of June, July and August.
MONTHS = (0, 31, 62)


@tagged("post_install", "-at_install")
class TestOverview(PlaybookCommon):
    """13 September 2026. Six customers who order now and then; tiers follow from the days since the last order,
    counted here by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(cls.noon(AS_OF, -RUNS[-1])))
        cls.today = AS_OF + timedelta(days=RUNS[-1])
        cls.overview = cls.env["customer.tiering.overview"].with_user(cls.manager)
        cls.days = {
            "Anna": [5],
            "Ben": [29, -20],
            "Cleo": [60],
            "Dora": [170, -10],
            "Emil": [400],
            "Finn": [-75],
        }
        cls.people = {name: cls.new_customer(name) for name in cls.days}
        waiting = [(ago, name) for name, days in cls.days.items() for ago in days]
        for number in RUNS:
            for ago, name in [order for order in waiting if -order[0] <= number]:
                cls.order(cls.people[name], ago, amount=100 + abs(ago))
                waiting.remove((ago, name))
            cls.compute_after(number)

    def where(self, name, number):
        """By hand: the tier that somebody had at the end of a day, by the run that looked last."""
        number = max(run for run in RUNS if run <= number)
        since = [number + ago for ago in self.days[name] if number + ago >= 0]
        tiers = (self.platinum, 30), (self.gold, 90), (self.silver, 180), (self.bronze, 10_000)
        return next(tier.id for tier, most in tiers if min(since) <= most) if since else 0

    def history(self, overview=None):
        """What the page shows of each day: ``{day: Counter of tiers}``."""
        data = (self.overview if overview is None else overview).get_data()
        shown = {}
        for row in data["rows"]:
            shown.setdefault(data["days"][row["day"]]["day"], Counter())[row["place"]] = row["customers"]
        return shown

    # ------------------------------------------------------------------
    # The months
    # ------------------------------------------------------------------

    def test_the_months_are_what_was(self):
        expected = {
            str(AS_OF + timedelta(days=number)): Counter(self.where(name, number) for name in self.days)
            for number in (*MONTHS, RUNS[-1])
        }
        for counter in expected.values():
            counter.pop(0, None)
        self.assertEqual(self.history(), expected)
        days = [day["day"] for day in self.overview.get_data()["days"]]
        self.assertEqual((len(days), days[0], days[-2:]), (13, "2025-09-30", ["2026-08-31", "2026-09-13"]))

    def test_it_says_the_same_as_the_moves(self):
        for day, counter in self.history().items():
            rows = self.env["customer.tiering.moves.report"].get_data("tier", day, day)["rows"]
            self.assertEqual(counter, Counter({row["before"]: row["customers"] for row in rows}), day)

    def test_the_amounts_are_those_of_today(self):
        data = self.overview.get_data()
        for index, number in enumerate((*MONTHS, RUNS[-1]), start=len(data["days"]) - 4):
            expected = Counter()
            for name, who in self.people.items():
                if tier := self.where(name, number):
                    expected[tier] += self.card(who).amount
            shown = {row["place"]: row["amount"] for row in data["rows"] if row["day"] == index}
            self.assertEqual(shown, dict(expected))

    def test_who_has_left_is_in_the_months_before(self):
        with freeze_time(self.noon(AS_OF, -100)):  # 8 October
            self.people["Cleo"].active = False
            self.compute_after(100)
            history = self.history()
        self.assertEqual(history["2026-08-31"], Counter(self.where(name, 62) for name in self.days if name != "Finn"))
        self.assertEqual(sum(history["2026-09-30"].values()), 6)
        self.assertEqual(sum(history["2026-10-08"].values()), 5)

    def test_other_rules_are_marked_in_their_month(self):
        self.policy.window_days = 400
        with freeze_time(self.noon(AS_OF, -95)):  # 3 October
            self.compute_after(95)
            marked = {day["day"]: day["rules"] for day in self.overview.get_data()["days"] if day["rules"]}
        self.assertEqual(list(marked), ["2026-10-03"])
        self.assertEqual([rule["id"] for rule in marked["2026-10-03"]], self.policy.version_ids[:1].ids)
        with freeze_time(self.noon(AS_OF, -125)):  # 2 November
            marked = [day["day"] for day in self.overview.get_data()["days"] if day["rules"]]
        self.assertEqual(marked, ["2026-10-31"])

    # ------------------------------------------------------------------
    # Numbers
    # ------------------------------------------------------------------

    def test_numbers(self):
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        cards[0].expected_loss, cards[1].expected_loss = 30, 12.5
        numbers = self.overview.get_data()["numbers"]
        self.assertEqual((numbers["customers"], numbers["tiered"]), (6, 6))
        self.assertAlmostEqual(numbers["amount"], sum(cards.mapped("amount")))
        self.assertAlmostEqual(numbers["loss"], sum(cards.mapped("expected_loss")))
        self.assertGreaterEqual(numbers["loss"], 42.5)

    def test_moves_of_30_days(self):
        numbers = self.overview.get_data()["numbers"]
        ranks = {tier.id: rank for rank, tier in enumerate(self.policy.tier_ids)}
        moves = [(self.where(name, 45), self.where(name, 75)) for name in self.days]
        both = [(ranks[before], ranks[after]) for before, after in moves if before and after]
        self.assertEqual(numbers["moves_since"], str(AS_OF + timedelta(days=45)))
        self.assertEqual(numbers["down"], sum(before < after for before, after in both))
        self.assertEqual(numbers["up"], sum(before > after for before, after in both))
        self.assertEqual((numbers["new"], numbers["gone"]), (1, 0))
        self.assertTrue(numbers["down"])

    def test_moves_begin_with_the_history(self):
        """What was before is not reckoned: it would take as long as a run."""
        with freeze_time(self.noon(AS_OF, -10)):
            self.assertEqual(self.overview.get_data()["numbers"]["moves_since"], str(AS_OF))

    def _followup(self, who, due, done=None):
        activity = who.activity_schedule(
            "mail.mail_activity_data_call", date_deadline=self.today, user_id=self.salesperson.id
        )
        self.followups.create(
            {
                "playbook_id": self.playbooks["risk"].id,
                "partner_id": who.id,
                "company_id": self.company.id,
                "event": f"test:{due}:{done}",
                "action": "1",
                "date": self.today,
                "state": "open",
                "user_id": self.salesperson.id,
                "activity_id": activity.id,
                "planned_on": self.today,
                "date_deadline": self.today + timedelta(days=due),
            }
        )
        if done is not None:
            with freeze_time(self.noon(self.today, -done)):
                activity.action_feedback()
                self.env.flush_all()

    def test_followups(self):
        for due, done in ((-1, None), (0, None), (1, None), (-3, -29), (-3, -1), (-3, -31)):
            self._followup(self.people["Anna"], due, done)
        data = self.overview.get_data()
        self.assertEqual((data["numbers"]["due"], data["numbers"]["done"]), (2, 2))
        report = self.env["customer.tiering.followup.report"]
        for name in ("due", "done"):
            self.assertEqual(report.search_count(data["links"][name]["domain"]), 2)

    # ------------------------------------------------------------------
    # What needs attention
    # ------------------------------------------------------------------

    def attention(self):
        return {matter["text"]: matter["link"] for matter in self.overview.get_data()["attention"]}

    def assertMatter(self, pattern, records):  # noqa: N802 - like unittest's own
        """One sentence says ``pattern``, a regex, and leads to these records."""
        found = [(text, link) for text, link in self.attention().items() if self._is_like(pattern, text)]
        self.assertEqual(len(found), 1, (pattern, list(self.attention())))
        link = found[0][1]
        action = self.env["ir.actions.act_window"]._for_xml_id(link["action"])
        model = self.env[action["res_model"]]
        self.assertEqual(model.browse(link["res_id"]) if link["res_id"] else model.search(link["domain"]), records)

    @staticmethod
    def _is_like(pattern, text):
        return all(part in text for part in pattern.split("…"))

    def test_announced_downgrades_of_this_week(self):
        soon, late = self.card(self.people["Anna"]), self.card(self.people["Ben"])
        for card, days in ((soon, 7), (late, 8)):
            card.write({"pending_tier_id": self.bronze.id, "pending_date": self.today + timedelta(days=days)})
        self.assertMatter("within 7 days…: 1.", soon)

    def test_customers_at_risk_of_the_upper_tiers(self):
        anna, ben, cleo = (self.card(self.people[name]) for name in ("Anna", "Ben", "Cleo"))
        (anna | ben | cleo).write({"risk": "none"})
        self.assertFalse([text for text in self.attention() if "upper tiers" in text])
        anna.write({"risk": "high", "expected_loss": 70, "tier_id": self.gold.id})
        ben.write({"risk": "watch", "expected_loss": 30, "tier_id": self.gold.id})
        cleo.write({"risk": "lost", "expected_loss": 20, "tier_id": self.silver.id})
        self.assertMatter("upper tiers…: 1, …70.00", anna)

    def test_locks_without_effect(self):
        firms = self.other_policy()
        firms.tier_ids[1].name = "Diamond"
        lock = {"partner_id": self.people["Anna"].id, "tier_id": self.gold.id, "reason": "Agreed"}
        self.env["customer.tiering.lock"].create([lock])
        self.people["Anna"].is_company = True
        self.compute(self.today, firms)
        self.assertMatter("Locks without effect…: 1.", self.card(self.people["Anna"]))

    def test_failed_and_skipped_runs(self):
        run = self.policy.last_run_id.copy({"state": "failed"})
        run.error = "The disk is full"
        self.assertMatter("failed: The disk is full", run)
        run.write({"state": "skipped", "note": "Nothing to do"})
        self.assertMatter("was skipped: Nothing to do", run)
        run.state = "done"
        self.assertFalse([text for text in self.attention() if "The last computation" in text])

    def test_a_policy_that_was_never_computed(self):
        firms = self.other_policy()
        self.assertMatter("“Firms” has never been computed.", firms)

    def test_playbooks_with_a_problem(self):
        playbook = self._playbook("enter", on=75, assign="customer")
        values = {"playbook_id": playbook.id, "company_id": self.company.id, "date": self.today, "state": "waiting"}
        values |= {"partner_id": self.people["Anna"].id, "event": "test", "action": "1"}
        followup = self.followups.create({**values, "problem": "day_limit"})
        self.assertFalse([text for text in self.attention() if "playbook" in text], "a limit is no problem")
        followup.problem = "no_person"
        self.env.invalidate_all()  # what a playbook counts is asked for anew with each page
        self.assertMatter("Follow-ups of the playbook “enter” wait.…1 wait", playbook)

    # ------------------------------------------------------------------
    # First steps
    # ------------------------------------------------------------------

    def done(self, overview=None):
        steps = (self.overview if overview is None else overview).get_data()["steps"]
        return {step["key"] for step in steps if step["done"]}

    def test_first_steps_are_ticked_by_facts(self):
        self.assertEqual(self.done(), {"compute"})
        self.policy.window_days = 400
        self.compute(self.today)
        self.assertEqual(self.done(), {"choose", "compute"})
        self.playbooks["risk"].step_ids.day_kind = "calendar"
        self.playbooks["risk"].action_enable()
        self.assertEqual(self.done(), {"choose", "compute", "playbook"})
        self.overview.take_step("advise")
        self.overview.take_step("advise")
        self.assertEqual(self.done(), {"choose", "compute", "playbook", "advise"})
        self.overview.take_step("look")
        self.assertFalse(self.overview.get_data()["steps"], "all are done")
        self.assertEqual(self.company.sudo().tiering_steps, ["advise", "look"])

    def test_first_steps_are_dismissed_per_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        user = self.new_user("elsewhere", "sales_team.group_sale_manager", other)
        self.overview.dismiss_steps()
        self.assertFalse(self.overview.get_data()["steps"])
        elsewhere = self.overview.with_user(user).with_context(allowed_company_ids=other.ids)
        self.assertEqual(self.done(elsewhere), set())
        self.assertEqual(len(elsewhere.get_data()["steps"]), 5)

    def test_a_salesperson_takes_no_steps(self):
        overview = self.overview.with_user(self.salesperson)
        data = overview.get_data()
        self.assertEqual((data["steps"], data["may_change"]), ([], False))
        for method in (overview.dismiss_steps, overview.compute, lambda: overview.take_step("look")):
            with self.assertRaises(AccessError):
                method()

    def test_a_step_that_is_none(self):
        for key in ("fly", "compute", None):
            with self.assertRaisesRegex(UserError, "none of the first steps"):
                self.overview.take_step(key)

    # ------------------------------------------------------------------
    # Computing
    # ------------------------------------------------------------------

    def test_computing_in_the_background(self):
        self.patch(type(self.policy), "_count_purchases", lambda policy, most: most)
        progress = self.overview.compute()
        self.assertIn("starts in a moment", progress["text"])
        self.assertEqual((progress["waiting"], progress["begun"]), (1, 0))
        run = self.env["customer.tiering.run"].search([("policy_id", "=", self.policy.id), ("state", "=", "queued")])
        run.attempts = 1
        self.assertEqual(self.overview.get_progress(), {"waiting": 1, "begun": 1})
        run._compute()
        self.assertEqual(self.overview.get_progress(), {"waiting": 0, "begun": 0})

    def test_computing_at_once(self):
        before = self.policy.last_run_id
        self.assertIn("scored customers 6", self.overview.compute()["text"])
        self.policy.invalidate_recordset(["last_run_id"])
        self.assertGreater(self.policy.last_run_id.id, before.id)

    def test_a_company_without_a_policy(self):
        self.policy.active = False
        data = self.overview.get_data()
        self.assertEqual((data["numbers"]["customers"], data["calm"]), (0, []))
        self.assertFalse(self.done() - {"choose"})
        with self.assertRaisesRegex(UserError, "no tiering policy"):
            self.overview.compute()

    # ------------------------------------------------------------------
    # Access
    # ------------------------------------------------------------------

    def test_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        user = self.new_user("elsewhere", "sales_team.group_sale_manager", other)
        data = self.overview.with_user(user).with_context(allowed_company_ids=other.ids).get_data()
        self.assertEqual((data["numbers"]["customers"], data["rows"], data["is_computed"]), (0, [], False))

    def test_who_may_not_see_customers_does_not_count_them(self):
        own = self.new_user("own_only", "sales_team.group_sale_salesman")
        for who in self.people.values():
            who.user_id = self.manager
            who.sale_order_ids.user_id = self.manager
        self.people["Dora"].user_id = own
        overview = self.overview.with_user(own)
        data = overview.get_data()
        self.assertEqual(
            (data["numbers"]["customers"], data["numbers"]["amount"]), (1, self.card(self.people["Dora"]).amount)
        )
        expected = {str(AS_OF + timedelta(days=number)): {self.where("Dora", number): 1} for number in (*MONTHS, 75)}
        self.assertEqual(self.history(overview), expected)
        moved = sum(data["numbers"][name] for name in ("up", "down", "new", "gone"))
        self.assertEqual(moved, self.where("Dora", 45) != self.where("Dora", 75))
        with self.assertRaises(AccessError):
            self.overview.with_user(self.new_user("nobody", "base.group_user")).get_data()

    # ------------------------------------------------------------------
    # Where nothing is to be seen
    # ------------------------------------------------------------------

    def test_empty_screens_lead_to_the_overview(self):
        overview = self.env.ref("customer_tiering.customer_tiering_overview_action")
        ours = self.env["ir.model.data"].search(
            [("module", "=", "customer_tiering"), ("model", "=", "ir.actions.act_window")]
        )
        links = []
        for action in self.env["ir.actions.act_window"].browse(ours.mapped("res_id")):
            if action.help:
                links += html.fromstring(action.help).xpath("//a[@type='action']/@name")
        self.assertGreater(len(links), 8)
        self.assertEqual({self.env.ref(name) for name in links}, {overview})


@tagged("post_install", "-at_install")
class TestOverviewTour(TieringCommon, HttpCase):
    def test_first_steps_from_an_empty_company(self):
        today = self.company._get_tiering_today()
        for name, days in (("Best", (1, 20, 40)), ("Poor", (300,))):
            partner = self.new_customer(name, user_id=self.salesperson.id)
            for ago in days:
                self.order(partner, when=self.noon(today, ago))
        for size in ("1366x768", "390x844"):
            with self.subTest(size=size):
                self.browser_size = size
                self.company.sudo().write({"tiering_steps": False, "tiering_steps_dismissed": False})
                self.env["customer.tiering.run"].search([("company_id", "=", self.company.id)]).unlink()
                self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)]).unlink()
                self.env["customer.tier.change"].search([("company_id", "=", self.company.id)]).unlink()
                self.start_tour("/odoo/customer-tiering-overview", "customer_tiering_overview", login="tiering_manager")
                self.env.invalidate_all()
                self.assertEqual(self.company.sudo().tiering_steps, ["advise", "choose", "look"])
                self.assertTrue(self.company.sudo().tiering_steps_dismissed)
                self.assertTrue(self.policy.last_run_id)
