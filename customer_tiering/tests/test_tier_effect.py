import statistics
from datetime import timedelta
from unittest.mock import patch

import numpy as np

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .. import engine, jobs, tier_effect_sentences
from .common import AS_OF
from .test_forecast import ForecastCommon
from .test_playbook import PlaybookCommon

REPORT = "customer.tiering.tier.effect.report"
TESTS = "customer.tiering.forecast.report"
# The last day of the time that is looked at is 30 days after AS_OF.
TODAY = AS_OF + timedelta(days=30 + 181)
RISERS, LOCKED, CALLED = (0, 1, 2), (61, *range(90, 98)), tuple(range(30, 38))


@tagged("post_install", "-at_install")
class TestTierEffect(PlaybookCommon, ForecastCommon):
    """A hundred customers, of whom number k has bought for 10 + k ten days before AS_OF, the first computation.

    The score is the place among them: k + 0.5. Gold begins at 60, Platinum at 95, Silver at 30. In the 30 days that
    follow number 0 to 2 rise to 85.2, 85.4 and 85.6, nine are locked in Platinum, and a playbook follows up eight, who
    buy for 7. A hundred days after AS_OF of those from 60 on all but each fifth buy for 10, of the others each fifth.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.min_population = 10
        monetary = {"metric_id": cls.metric("monetary"), "method": "percentile", "weight": 100}
        cls.policy.criterion_ids = [Command.clear(), Command.create(monetary)]
        for tier, floor in zip(cls.policy.tier_ids, (95, 60, 30, 0), strict=True):
            tier.write({"entry_floor": floor, "keep_floor": floor})
        cls.people = cls.env["res.partner"].create([{"name": f"Customer {k:02}"} for k in range(100)])
        bought = {who: [(10, 10.0 + k)] for k, who in enumerate(cls.people)}
        for k in RISERS:
            bought[cls.people[k]].append((-10, 75.2 + 0.2 * k - k))
        for k in CALLED:
            bought[cls.people[k]].append((-20, 7.0))
        for k, who in enumerate(cls.people):
            if (k % 5 == 0) == (k < 60):
                bought[who].append((-100, 10.0))
        cls.bought = bought
        for place in range(3):
            rows = [(who, *orders[place]) for who, orders in bought.items() if len(orders) > place]
            cls.buy_each(rows)
        cls.compute_after(0)
        cls.locks = cls.env["customer.tiering.lock"].create(
            [
                {
                    "partner_id": cls.people[k].id,
                    "tier_id": cls.policy.tier_ids[0].id,
                    "reason": "A friend" if k > 61 else "Large soon",
                    "user_id": (cls.manager if k > 61 else cls.salesperson).id,
                }
                for k in LOCKED
            ]
        )
        cls.env.flush_all()
        cls.env.cr.execute(
            SQL(
                "UPDATE customer_tiering_lock SET create_date = %s WHERE id = ANY(%s)",
                cls.noon(AS_OF, -10),
                cls.locks.ids,
            )
        )
        cls.playbook = cls._playbook("contact", contact_days=30, effect_days=30)
        cls.env["customer.tiering.followup"].create(
            [
                {
                    "playbook_id": cls.playbook.id,
                    "partner_id": cls.people[k].id,
                    "company_id": cls.company.id,
                    "event": "test",
                    "action": "test",
                    "date": AS_OF,
                    "planned_on": AS_OF + timedelta(days=5),
                    "state": "closed",
                }
                for k in CALLED
            ]
        )
        cls.compute_after(31)

    @classmethod
    def buy_each(cls, rows):
        """Orders, each of a customer, a number of days before AS_OF, and money."""
        made = {}
        for who, ago, amount in rows:
            made.setdefault(amount, []).append((who, ago))
        for amount, some in made.items():
            cls.buy(some, amount)

    def measure(self, policy=None, today=TODAY, **values):
        effect = self.env["customer.tiering.tier.effect"]._queue(policy or self.policy, **values)
        effect._compute(as_of=today)
        return effect

    def small(self):
        """As if few customers were enough."""
        least = {"LEAST_CUSTOMERS": 50, "LEAST_BAND": 20, "LEAST_GROUP": 5, "LEAST_BUYERS": 1}
        return patch.multiple(engine.effect, **least)

    def shown(self, user=None, policy=None):
        return self.env[REPORT].with_user(user or self.manager).get_data((policy or self.policy).id)

    @property
    def unit(self):
        return statistics.median(money for orders in self.bought.values() for _ago, money in orders)

    # ------------------------------------------------------------------
    # The border
    # ------------------------------------------------------------------

    def test_the_border_by_hand(self):
        """Near Gold are number 45 to 74 but 61, who is locked, and on the second day two risers at 73.5 and 74.5."""
        with self.small():
            border = self.measure().result["border"]
            data = self.shown()
        self.assertEqual((border["code"], border["customers"]), ("judged", 100))
        gold = next(each for each in border["tiers"] if each["tier"] == self.policy.tier_ids[1].id)
        # Within 30 points are number 30 to 89 and all three risers.
        self.assertEqual((gold["entrants"], gold["near"], gold["sides"]), (59 + 3, 29 + 2, [14 + 2, 15]))
        self.assertAlmostEqual(gold["first_stage"], 1.0)
        rows = [(k + 0.5, 10.0 + k, (k % 5 == 0) == (k < 60)) for k in range(45, 75) if k != 61]
        rows += [(73.5, 85.2, True), (74.5, 85.4, False)]
        score, amount, came = (np.array(values, float) for values in zip(*rows, strict=True))
        away, past = score - 60, np.log1p(amount / self.unit)
        above = (away >= 0).astype(float)
        columns = np.column_stack([np.ones(len(rows)), above, away, away * above, past - past.mean()])
        root = np.sqrt(1 - np.abs(away) / 15)
        jump = np.linalg.lstsq(columns * root[:, None], came * root, rcond=None)[0][1]
        self.assertAlmostEqual(gold["bought"]["value"], jump, places=6)
        self.assertEqual(gold["code"], "cannot_tell", "so few customers")
        told = next(each for each in data["tiers"] if each["name"] == "Gold")
        low, high = (min(round(100 * abs(gold["bought"][end])), 100) for end in ("low", "high"))
        self.assertEqual(told["sentence"], f"Cannot tell: between {low} points less and {high} points more.")
        found = {"value": 0.11, "low": 0.01, "high": 0.2, "with_": 0.38, "without": 0.27}
        self.assertEqual(
            tier_effect_sentences.say_border(self.env, {**gold, "code": "more", "bought": found}, "Gold"),
            "Of customers who had just reached Gold, 38% bought within 180 days, of those who had just not reached it "
            "27%: 11 points more (1 to 20).",
        )
        found = {"value": 0.01, "low": 0.004, "high": 0.02, "with_": 0.28, "without": 0.27}
        self.assertIn(
            "27%: 1 point more (0 to 2).",
            tier_effect_sentences.say_border(self.env, {**gold, "code": "more", "bought": found}, "Gold"),
        )
        self.assertEqual(sum(dot["customers"] for dot in told["dots"]), 31)
        self.assertEqual([each["name"] for each in data["tiers"]], ["Platinum", "Gold", "Silver"])

    def test_few_customers_are_told_so(self):
        data = (self.measure(), self.shown())[1]
        self.assertEqual(data["state"], "done")
        self.assertIn("it takes about 5,000 customers, and this policy has 100.", data["obstacle"])
        self.assertFalse(data["tiers"])
        with self.small(), patch.object(engine.effect, "LEAST_BAND", 1_500):
            self.measure()
            told = self.shown()["tiers"][1]
            self.assertIn("31 customers came from below to within 15 points of Gold; it takes 1,500.", told["sentence"])
        self.assertFalse(told["dots"] or told["jumps"] or told["checks"])

    def test_what_customers_can_aim_at_is_not_judged(self):
        with self.small():
            self.policy.portal_tier = True
            self.measure()
            self.assertIn("see in their portal", self.shown()["obstacle"])
            condition = Command.create({"metric_id": self.metric("monetary"), "value": 100})
            above = [Command.update(tier.id, {"condition_ids": [condition]}) for tier in self.policy.tier_ids[:-1]]
            self.policy.write({"portal_tier": False, "method": "conditions", "tier_ids": above})
            self.measure()
            self.assertIn("conditions that customers can know", self.shown()["obstacle"])
            self.policy.method = "clusters"
            self.measure()
            self.assertIn("do not begin at a score", self.shown()["obstacle"])

    def test_before_the_first_computation_nothing_is_known(self):
        with self.small():
            self.measure(today=AS_OF + timedelta(days=180))  # the last day is that before AS_OF
            self.assertIn("nothing was computed in the time", self.shown()["obstacle"])
            self.measure(today=AS_OF + timedelta(days=181))
            gold = self.shown()["tiers"][1]
        self.assertRegex(gold["sentence"], r"^Cannot tell: between \d+ points? less and \d+ points? more\.$")

    def test_other_floors_begin_the_past_anew(self):
        """From the run by the new floor on nobody is compared who was there already."""
        self.policy.tier_ids[1].write({"entry_floor": 58, "keep_floor": 58})
        self.compute_after(40)
        with self.small():
            tiers = self.measure(today=TODAY + timedelta(days=10)).result["border"]["tiers"]
        self.assertEqual([each["entrants"] for each in tiers], [0, 0, 0])

    # ------------------------------------------------------------------
    # Hints
    # ------------------------------------------------------------------

    def alike(self, called, came, past, group):
        """The levels with and without, by plain least squares in each group."""
        levels, weights = [], []
        for each in sorted(set(group)):
            inside = group == each
            if called[inside].all() or not called[inside].any():
                continue
            chosen = called[inside].astype(float)
            columns = np.column_stack([np.ones(len(chosen)), past[inside] - past[inside][chosen > 0].mean(), chosen])
            at, _slope, more = np.linalg.lstsq(columns, came[inside].astype(float), rcond=None)[0]
            levels.append((at + more, at))
            weights.append(chosen.sum())
        return np.average(levels, axis=0, weights=weights)

    def test_locks_beside_customers_of_the_same_tier(self):
        """Of Gold 61 and 90 to 94 are locked, of Platinum 95 to 97; beside them 60 and 62 to 89, and 98 and 99."""
        with self.small():
            hints = self.measure().result["locks"]
            data = self.shown()
        known = {(hint["kind"], hint["key"]): hint for hint in hints}
        found = known["all", False]
        self.assertEqual((found["called"], found["others"]), (9, 31))
        numbers = np.arange(60, 100)
        called, came = np.isin(numbers, LOCKED), numbers % 5 != 0
        found_by_hand = self.alike(called, came, np.log1p((10.0 + numbers) / self.unit), numbers >= 95)
        self.assertAlmostEqual(found["bought"]["with_"], 7 / 9)
        np.testing.assert_allclose([found["bought"]["with_"], found["bought"]["without"]], found_by_hand)
        self.assertAlmostEqual(found["money"]["with_"], 70 / 9)
        self.assertEqual(known["way", "raised"]["called"], 6)
        self.assertEqual(known["way", "kept"]["called"], 3)
        self.assertNotIn(("way", "lowered"), known)
        self.assertEqual(known["user", self.manager.id]["called"], 8)
        self.assertEqual(known["reason", "A friend"]["called"], 8)
        alone = known["reason", "Large soon"]
        self.assertEqual((alone["called"], alone["bought"]), (1, None))
        names = [told["name"] for told in data["locks"]]
        self.assertIn(f"Locked by {self.manager.name}", names)
        self.assertIn("Reason: Large soon", names)
        self.assertIn("A hint: of these 9 customers 78% bought within 180 days, of 31 like them", str(data["locks"][0]))
        self.assertIn("There are 1 here", data["locks"][names.index("Reason: Large soon")]["sentence"])

    def test_below_thirty_nothing_is_compared(self):
        result = self.measure().result
        for hint in (*result["locks"], *result["called"]):
            self.assertEqual((hint["bought"], hint["money"], hint["earlier"], hint["margin"]), (None,) * 4)
        self.assertIn("it takes 30 customers on both sides", self.shown()["called"][0]["sentence"])

    def test_follow_ups_without_a_draw_are_a_hint(self):
        """All eight bought for 7 within the 30 days, and for 40 to 47 in the 30 days before."""
        with self.small():
            (hint,) = self.measure().result["called"]
            (told,) = self.shown()["called"]
        self.assertEqual((hint["playbook"], hint["called"], hint["others"]), (self.playbook.id, 8, 92))
        self.assertEqual(hint["days"], 30)
        self.assertAlmostEqual(hint["bought"]["with_"], 1)
        self.assertAlmostEqual(hint["money"]["with_"], 7)
        self.assertAlmostEqual(hint["earlier"]["with_"], 43.5)
        self.assertTrue(told["sentence"].startswith("A hint: of these 8 customers 100% bought within 30 days, of 92"))
        self.assertEqual(len(told["rows"]), 3)
        numbers = np.arange(100)
        called, past = np.isin(numbers, CALLED), np.log1p((10.0 + numbers) / self.unit)
        came = called | (numbers < 3)
        edges = np.quantile(past, [0.2, 0.4, 0.6, 0.8])
        by_hand = self.alike(called, came, past, np.searchsorted(edges, past, side="right"))
        np.testing.assert_allclose([hint["bought"]["with_"], hint["bought"]["without"]], by_hand, atol=1e-9)

    def test_who_is_held_out_by_chance_is_not_among_the_hints(self):
        self.playbook.write({"held_out_percent": 20})
        self.assertFalse(self.measure().result["called"])
        self.playbook.write({"held_out_percent": 0})
        self.env["customer.tiering.followup"].search([("playbook_id", "=", self.playbook.id)]).sudo().draw = 1
        self.assertFalse(self.measure().result["called"])

    # ------------------------------------------------------------------
    # Who sees it, and when it is measured
    # ------------------------------------------------------------------

    def test_managers_only_and_only_who_sees_all_customers(self):
        self.measure()
        for call in (lambda report: report.get_data(self.policy.id), lambda report: report.measure_now(self.policy.id)):
            with self.assertRaises(AccessError):
                call(self.env[REPORT].with_user(self.salesperson))
        self.people[0].ref = "hidden"
        group = self.env["res.groups"].create({"name": "Not All", "user_ids": self.manager.ids})
        self.env["ir.rule"].create(
            {
                "name": "Not All",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "groups": group.ids,
                "domain_force": "[('ref', '!=', 'hidden')]",
            }
        )
        data = self.shown()
        self.assertFalse(data["is_shown"] or data["obstacle"] or data["tiers"] or data["called"] or data["locks"])
        self.assertIn("You may not see all of these customers", data["notes"][0])

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.env.user.company_ids |= other
        policy = other.tiering_policy_ids
        effect = self.measure(policy)
        self.assertEqual(effect.result["border"]["customers"], 0)
        self.assertEqual((effect.result["called"], effect.result["locks"]), ([], []))
        self.assertFalse(self.env["customer.tiering.tier.effect"].with_user(self.manager).search([]))
        with self.assertRaisesRegex(UserError, "does not exist any more"):
            self.shown(policy=policy)
        foreign = self.new_user("tiering_other_manager", "sales_team.group_sale_manager", other)
        theirs = self.env(user=foreign, context={"allowed_company_ids": other.ids})[REPORT].get_data()
        self.assertEqual((theirs["policy_id"], theirs["state"]), (policy.id, "done"))

    def test_the_job_measures_what_somebody_asked_for_and_again_after_a_month(self):
        self.assertFalse(self.shown()["state"])
        days = {"_get_tiering_today": lambda company: TODAY}
        with patch.multiple(type(self.env["res.company"]), **days):
            self.assertEqual([past["key"] for past in self.shown()["pasts"]], [0])
            self.env[REPORT].with_user(self.manager).measure_now(self.policy.id, 3)
            effect = self.env["customer.tiering.tier.effect"].search([("policy_id", "=", self.policy.id)])
            self.assertEqual((effect.state, effect.as_of, effect.past), ("done", TODAY, 0))
            self.assertEqual(effect.user_id, self.manager)
            effect.as_of = AS_OF
            users = type(self.env["res.users"])
            with patch.object(users, "_bus_send", autospec=True) as send, self.enter_registry_test_mode():
                self.env.ref(jobs.EFFECTS).method_direct_trigger()
            self.env.invalidate_all()
        self.assertEqual((effect.state, effect.as_of), ("done", TODAY))
        self.assertFalse(send.called, "nobody asked for this one")

    def test_without_a_policy_nothing_is_measured(self):
        policies = self.env["customer.tiering.policy"]
        with patch.object(type(policies), "_choose_for_report", lambda *_args: ([], policies)):
            for report, may, act in ((REPORT, "may_measure", "measure_now"), (TESTS, "may_test", "test_now")):
                model = self.env[report].with_user(self.manager)
                self.assertFalse(model.get_data()[may], report)
                getattr(model, act)(False)
