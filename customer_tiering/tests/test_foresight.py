from datetime import date, timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, ConcurrencyError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import engine, jobs
from .common import AS_OF
from .test_forecast import ForecastCommon

REPORT = "customer.tiering.foresight.report"
MAY, JUNE = "2025-05-31", "2025-06-30"
# Month-ends of which only half a year is known.
HALVES = ["2025-07-31", "2025-08-31", "2025-09-30", "2025-10-31", "2025-11-30"]


@tagged("post_install", "-at_install")
class TestForesight(ForecastCommon):
    """Forty customers, and tiers by the number of their orders.

    On 26 May 2025, 400 days before AS_OF, everybody buys: ten loyal ones for 10, and on the two days after again; ten
    large ones for 1,000; twenty small ones for 20. On 20 February 2026 the loyal ones buy for 90 each, five small ones
    for 20 each, together 1,000. By the mid-ranks of their orders the loyal ones score 87.5 and all others 37.5. Gold
    begins at 75, Silver at 30, Platinum at 95.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.min_population = 10
        frequency = {"metric_id": cls.metric("frequency"), "method": "percentile", "weight": 100}
        cls.policy.criterion_ids = [Command.clear(), Command.create(frequency)]
        for tier, floor in zip(cls.policy.tier_ids, (95, 75, 30, 0), strict=True):
            tier.write({"entry_floor": floor, "keep_floor": floor})
        people = cls.env["res.partner"].create([{"name": f"Customer {k:02}"} for k in range(40)])
        cls.loyal, cls.large, cls.small = people[:10], people[10:20], people[20:]
        cls.buy([(who, ago) for who in cls.loyal for ago in (400, 399, 398)], 10)
        cls.buy([(who, 400) for who in cls.large], 1000)
        cls.buy([(who, 400) for who in cls.small] + [(who, 130) for who in cls.small[:5]], 20)
        cls.buy([(who, 130) for who in cls.loyal], 90)
        cls.foresights = cls.env["customer.tiering.foresight"]

    def look(self, *asked, as_of=AS_OF, policy=None, least=5):
        """Look back, as if a few customers were enough; return what is kept and what is shown."""
        policy = policy or self.policy
        with patch.object(engine.foresight, "LEAST", least):
            foresight = self.foresights._queue(policy, asked)
            foresight._compute(as_of=as_of)
            return foresight, self.shown(policy=policy)

    def shown(self, user=None, policy=None):
        return self.env[REPORT].with_user(user or self.manager).get_data((policy or self.policy).id)

    def test_the_loyal_ones_brought_nine_tenths(self):
        """They brought 900 of 1,000; the ten largest of the year before nothing; ten others could not bring more."""
        foresight, data = self.look()
        result = foresight.result
        self.assertEqual([point["day"] for point in result["points"]], [MAY, JUNE, *HALVES])
        self.assertEqual([point["span"] for point in result["points"]], [365, 365, *[182] * 5])
        self.assertEqual(result["cut"], 2, "nobody is in Platinum")
        may = result["points"][0]
        self.assertEqual((may["customers"], may["amount"], may["kept"], may["profit"]), (40, 1000, False, None))
        self.assertEqual([cut["customers"] for cut in may["cuts"]], [0, 10, 40, 40])
        gold = may["cuts"][1]
        self.assertEqual([round(gold[name], 9) for name in ("share", "naive", "best")], [0.9, 0, 0.9])
        # The half year after July ends in January, before anybody bought.
        self.assertEqual([point["amount"] for point in result["points"][2:]], [0, 1000, 1000, 1000, 1000])
        # Of each of the loyal ones 0.09 × (1 − 0.9), of each of five small ones 0.02 × 0.9: 0.0493 together.
        error = 1.96 * (10 * 0.009**2 + 5 * 0.018**2) ** 0.5
        self.assertEqual(
            [round(each, 3) for each in result["difference"]], [0.9, round(0.9 - error, 3), round(0.9 + error, 3)]
        )
        self.assertEqual([top["name"] for top in data["tops"]], ["Platinum", "Gold or higher", "Silver or higher"])
        self.assertEqual(data["top"], 2)
        self.assertEqual(
            "\n".join(data["tops"][1]["sentences"]),
            "The 10 customers in Gold or higher on 06/30/2025 brought 90% of what was bought in the 365 days after it. "
            "As many of those with the largest amount in the year before brought 0%, and 90% was possible at best.\n"
            "Over 2 month-ends the tiers foretold more than the amount of the year before: they brought 90 points more "
            "(80.3 to 99.7).",
        )
        self.assertEqual(data["tops"][0]["sentences"], ["On 06/30/2025 nobody was in Platinum."])
        july = data["points"][2]
        self.assertEqual((july["name"], july["mark"]), ("07/31/2025 (half a year)", "Jul 2025"))
        self.assertEqual(july["cuts"][1]["texts"], dict.fromkeys(("share", "naive", "best"), "–"))
        self.assertEqual(
            july["cuts"][1]["text"],
            "In the 182 days after 07/31/2025 none of the customers of that day bought anything.",
        )
        report = self.env[REPORT].with_user(self.manager)
        self.assertEqual(report.get_customers(self.policy.id, MAY, 1), [])
        self.assertEqual(sorted(report.get_customers(self.policy.id, MAY, 2)), self.loyal.ids)

    def test_fewer_than_thirty_say_nothing(self):
        _foresight, data = self.look("amount", least=30)
        self.assertEqual(data["top"], 3, "all who are in Silver or higher")
        _foresight, data = self.look("amount", least=50)
        self.assertIn("had fewer than 50 customers", data["tops"][2]["sentences"][-1])
        self.assertIn("too few to tell a difference", data["set_sentences"][0])

    def test_rules_side_by_side(self):
        """By the amount the large ones are in Gold: with the loyal ones they paid 10 × 1,000 and 10 × 30."""
        self.compute(AS_OF)
        version = self.policy.version_ids
        self.policy.tier_ids[1].write({"entry_floor": 76, "keep_floor": 76})  # changes nobody's tier
        foresight, data = self.look("amount", f"version-{version.id}")
        mine, amount, former = foresight.result["sets"]
        self.assertEqual([each["key"] for each in data["sets"]], ["policy", "amount", f"version-{version.id}"])
        self.assertEqual([round(each["foresight"], 9) for each in (mine, amount, former)], [0.9, 0, 0.9])
        for each in (mine, amount, former):
            # Nobody bought in the half year after these two days, and nobody's orders changed from one to the other.
            self.assertEqual((each["moved"], each["back"], each["top"], each["stopped"]), (0, 0, 10, 1))
        self.assertEqual([each["other_tier"] for each in (mine, amount, former)], [0, 10_300, 0])
        self.assertEqual([each["verdict"] for each in (mine, amount, former)], [None, "less", "same"])
        self.assertEqual(
            "\n".join(data["set_sentences"]),
            "Ranked by the amount of the year before: would have foretold less than the policy's rules, by 90 points "
            "(80.3 to 99.7).\n"
            "Version 1: no difference in foresight that is worth a change, between 0 and 0 points.",
        )
        row = data["sets"][1]
        self.assertEqual((row["foresight"], row["difference"], row["stopped"]), ("0%", "−90 points", "100%"))
        self.assertIn("10,300", row["other_tier"])
        self.assertEqual((row["other_prices"], data["sets"][0]["difference"]), ("–", "–"))
        self.assertEqual(
            data["set_note"],
            "Of the month-ends from 05/31/2025 to 06/30/2025 and the 365 days after each. The top is Gold or higher.",
        )
        self.assertEqual(data["asked"], ["amount", f"version-{version.id}"])
        self.assertIn({"key": f"version-{version.id}", "name": "Version 1"}, data["offered"])
        # A metric of an app that is uninstalled has its name in the version that used it.
        version.sudo().metric_texts = {**version.metric_texts, "gone": {"name": {"en_US": "Speed", "fr_FR": "Vitesse"}}}
        result = foresight.result
        result["asked"][2]["left_out"] = ["gone"]
        foresight.result = {**result}
        self.assertIn("Version 1: without Speed, as only purchases", self.shown()["set_sentences"][1])

    def test_who_has_other_prices_by_a_tier(self):
        """Gold has prices of its own, and one of the large ones those that a person has chosen."""
        self.env.user.group_ids |= self.env.ref("product.group_product_pricelist")
        self.env["res.groups"].search([("id", "=", self.env.ref("base.group_user").id)]).implied_ids |= self.env.ref(
            "product.group_product_pricelist"
        )
        lists = self.env["product.pricelist"].create([{"name": "Gold"}, {"name": "Own"}])
        self.policy.tier_ids[1].pricelist_id = lists[0]
        self.large[0].specific_property_product_pricelist = lists[1]
        foresight, _data = self.look("amount")
        self.assertEqual([each["other_prices"] for each in foresight.result["sets"]], [0, 9_300])

    def test_a_simulation_and_rules_about_what_is_not_known(self):
        """Of earlier days nobody knows which interactions there were."""
        self.compute(AS_OF)
        simulation = self._simulate_without_orders()
        foresight, data = self.look(f"simulation-{simulation.id}")
        self.assertEqual([each["key"] for each in foresight.result["sets"]], ["policy"])
        self.assertRegex(
            data["set_sentences"][0],
            r"^Simulation of .*: cannot be applied to earlier days, as only purchases are known of these and not .+\.$",
        )
        simulation.unlink()
        data = self.shown()
        self.assertIn("A simulation that was deleted: cannot be applied", data["set_sentences"][0])
        self.assertEqual(data["asked"], [])

    def _simulate_without_orders(self):
        self.policy.action_simulate()
        simulation = self.env["customer.tiering.simulation"].search([("base_id", "=", self.policy.id)])
        interactions = {"metric_id": self.metric("contacts"), "method": "percentile", "weight": 100}
        simulation.draft_id.criterion_ids = [Command.clear(), Command.create(interactions)]
        return simulation

    def test_tiers_that_were_kept_count_as_they_were(self):
        """From 15 June on Gold began at 75; today it begins at 90, which the loyal ones do not reach."""
        self.compute(date(2025, 6, 15))
        self.policy.tier_ids[1].write({"entry_floor": 90, "keep_floor": 90})
        foresight, data = self.look()
        points = foresight.result["points"]
        self.assertEqual([point["kept"] for point in points], [False, *[True] * 6])
        self.assertEqual([point["cuts"][1]["customers"] for point in points], [0, *[10] * 6])
        self.assertEqual([point["rules"] for point in data["points"][:2]], ["By today's rules", "As they were"])

    def test_a_tier_that_was_removed_takes_its_customers_nowhere(self):
        """Of days on which somebody was in it today's rules tell, which know no Gold: Silver is the second one."""
        self.compute(date(2025, 6, 15))
        self.policy.tier_ids[1].unlink()
        foresight, data = self.look()
        points = foresight.result["points"]
        self.assertEqual([(point["kept"], point["customers"]) for point in points], [(False, 40)] * 7)
        self.assertEqual({point["rules"] for point in data["points"]}, {"By today's rules"})

    def test_month_ends_after_which_nothing_came_are_not_counted(self):
        """Somebody who bought in January 2024 was the only customer until May 2025, and never bought again."""
        self.buy([(self.new_customer("Early"), 900)], 20)
        foresight, data = self.look()
        full = [point for point in foresight.result["points"] if point["span"] == 365]
        self.assertEqual((len(full), sum(point["amount"] > 0 for point in full)), (18, 2))
        self.assertTrue(data["tops"][1]["sentences"][-1].startswith("Over 2 month-ends "))

    def test_a_policy_whose_rules_cannot_be_applied_waits_for_nothing(self):
        interactions = {"metric_id": self.metric("contacts"), "method": "percentile", "weight": 100}
        self.policy.criterion_ids = [Command.clear(), Command.create(interactions)]
        _foresight, data = self.look()
        self.assertEqual(data["notes"], ["Computed on 06/30/2026."])
        self.assertIn("The policy's rules of today: cannot be applied", data["set_sentences"][0])

    def test_what_was_bought_long_ago_counts_by_rules_with_a_least_amount(self):
        """Before all windows no money is read where its sign is enough, and there it is not."""
        self.buy([(self.new_customer("Early"), 2000)], 7777)
        self.policy.min_order_amount = 50
        self.compute(AS_OF)
        version = self.policy.version_ids
        self.policy.min_order_amount = 0
        foresight = self.foresights._queue(self.policy, [f"version-{version.id}"])
        sets, _told = foresight._build_sets()
        history, _sampled = foresight._read_past(AS_OF, sets)
        self.assertEqual([each.least for each in sets], [0, 50])
        self.assertIn(7777, history.purchases.money)
        self.assertEqual(history.least, 0)

    def test_the_month_of_a_company_in_auckland_ends_at_its_midnight(self):
        """At noon in UTC it is midnight there: who bought a minute before is a customer of May, and a minute after of
        June. In Los Angeles both are of May."""
        pair = self.env["res.partner"].create([{"name": "Before midnight"}, {"name": "After midnight"}])
        self.buy([(who, 395) for who in pair], 100)
        for who, moment in zip(pair, ("2025-05-31 11:59:00", "2025-05-31 12:01:00"), strict=True):
            who.sale_order_ids.date_order = moment
        for zone, known in (("Pacific/Auckland", 1), ("America/Los_Angeles", 2)):
            self.company.partner_id.tz = zone
            foresight, _data = self.look()
            points = {point["day"]: point for point in foresight.result["points"]}
            self.assertEqual([points[day]["customers"] for day in (MAY, JUNE)], [40 + known, 42], zone)
            # In the year after May came what is bought in June.
            self.assertEqual(points[MAY]["amount"], 1000, zone)
        late = pair[1]
        self.company.partner_id.tz = "Pacific/Auckland"
        self.buy([(pair[0], 30), (late, 30)], 7)  # at noon of 31 May 2026 in UTC it is 1 June: 366 days after
        foresight, _data = self.look()
        self.assertEqual([point["amount"] for point in foresight.result["points"][:2]], [1000, 1014])

    def test_merged_customers_are_one_before_and_after(self):
        """A loyal and a large one are one with four orders, who has paid 1,030 and brought 90. By today's rules that is
        Platinum: more than 38 of 39, a mid-rank of 98.7. On the day that was kept it was Gold."""
        self.compute(date(2025, 6, 15))
        merge = self.env["base.partner.merge.automatic.wizard"]._merge
        merge([self.loyal[0].id, self.large[0].id], self.loyal[0])
        foresight, _data = self.look("amount")
        may, june = foresight.result["points"][:2]
        self.assertEqual((may["kept"], june["kept"]), (False, True))
        for point, platinum in ((may, 1), (june, 0)):
            self.assertEqual((point["customers"], point["amount"]), (39, 1000), point["day"])
            self.assertEqual([cut["customers"] for cut in point["cuts"]], [platinum, 10, 39, 39], point["day"])
            # Nine other large ones and the merged one are the ten largest: of 1,000 it brought 90.
            shares = [round(point["cuts"][1][name], 9) for name in ("share", "naive", "best")]
            self.assertEqual(shares, [0.9, 0.09, 0.9], point["day"])
        self.assertEqual(sorted(foresight.members[JUNE][1]), self.loyal.ids)
        self.assertEqual([each["other_tier"] for each in foresight.result["sets"]], [0, 9 * 1000 + 9 * 30])

    def test_invoices_count_where_revenue_is_from_invoices(self):
        """Of forty with orders six have invoices of 400 days ago. Two of these have one of 130 days ago, over 50, of
        which 20 are credited, and the other is credited whole."""
        self.env["account.chart.template"].try_loading("generic_coa", company=self.company, install_demo=False)
        self.policy.revenue_from = "invoice"
        self.policy.min_population = 0

        def bill(who, ago, amount):
            line = {"product_id": self.product.id, "quantity": 1, "price_unit": amount, "tax_ids": False}
            move = self.env["account.move"].create(
                {
                    "move_type": "out_invoice",
                    "partner_id": who.id,
                    "invoice_date": AS_OF - timedelta(days=ago),
                    "invoice_line_ids": [Command.create(line)],
                }
            )
            move.action_post()
            return move

        for who in self.small[:6]:
            bill(who, 400, 20)
        for who, back in ((self.small[0], 20), (self.small[1], 50)):
            move = bill(who, 130, 50)
            day = AS_OF - timedelta(days=120)
            note = move._reverse_moves([{"invoice_date": day, "date": day}])
            note.invoice_line_ids.price_unit = back
            note.action_post()
        foresight, _data = self.look("amount")
        may = foresight.result["points"][0]
        self.assertEqual((may["day"], may["customers"], may["amount"]), (MAY, 6, 30))
        self.assertEqual(sum(map(len, foresight.members[MAY])), 6)

    def test_only_customers_that_were_kept_can_be_opened(self):
        """Forty a day, the latest first."""
        with patch.object(engine.foresight, "MOST_MEMBERS", 100):
            foresight, data = self.look()
        self.assertEqual(sorted(foresight.members), HALVES[-2:])
        self.assertEqual([point["can_open"] for point in data["points"]], [False] * 5 + [True] * 2)

    def test_who_asks_at_the_same_time_asks_again(self):
        """The other one's record is not in the snapshot, so that nothing is found."""
        self.foresights._queue(self.policy)
        blind = patch.object(type(self.foresights), "search", lambda foresights, *_args: foresights.browse())
        with blind, mute_logger("odoo.sql_db"), self.assertRaises(ConcurrencyError):
            self.foresights._queue(self.policy)

    def test_better_weights_stand_beside_those_of_today(self):
        foresight, data = self.look()
        self.assertEqual(
            data["weight_sentence"],
            "Weights are looked for where the tiers come from a score of two criteria or more.",
        )
        # A search needs a year of month-ends: what it would have found is given.
        advice = {
            "weights": {"frequency": 30.0, "monetary": 70.0},
            "today": {"frequency": 100.0, "monetary": 0.0},
            "searched": [MAY, MAY],
            "tried": [MAY, JUNE],
            "found": 0.625,
            "present": 0.5,
            "moved": 0.04,
            "present_moved": 0.1,
            "difference": [0.125, 0.02, 0.23],
            "verdict": "better",
            "customers": 40,
        }
        foresight.result = {**foresight.result, "searched": True, "advice": advice}
        data = self.shown()
        self.assertEqual([(row["today"], row["advised"]) for row in data["weights"]], [("100%", "30%"), ("0%", "70%")])
        self.assertIn("brought 62.5% instead of 50%, and 4% of it changed", data["weight_sentence"])
        foresight.result = {**foresight.result, "advice": {**advice, "verdict": "same"}}
        data = self.shown()
        self.assertFalse(data["weights"])
        self.assertIn("No better weights found", data["weight_sentence"])
        foresight.result = {**foresight.result, "advice": None}
        self.assertIn("once there are 12 month-ends", self.shown()["weight_sentence"])

    def test_a_young_company_is_told_from_when_on(self):
        _foresight, data = self.look(as_of=date(2025, 6, 30))
        # 182 days after 31 May 2025
        self.assertIn("Cannot tell before 11/29/2025", data["notes"][-1])
        self.assertEqual((data["tops"], data["points"]), ([], []))
        _foresight, data = self.look(as_of=date(2026, 4, 30))
        self.assertIn("Cannot tell before 05/31/2026", data["tops"][1]["sentences"][-1])
        empty = self.other_policy()
        _foresight, data = self.look(policy=empty)
        self.assertEqual(data["notes"][-1], "Cannot tell yet: nobody has bought anything.")

    def test_managers_only_and_only_who_sees_all_customers(self):
        self.look("amount")
        report = self.env[REPORT].with_user(self.salesperson)
        for call in (
            lambda: report.get_data(self.policy.id),
            lambda: report.compute_now(self.policy.id),
            lambda: report.get_customers(self.policy.id, MAY, 2),
            lambda: self.policy.with_user(self.salesperson).action_open_foresight(),
        ):
            with self.assertRaises(AccessError):
                call()
        with self.assertRaises(AccessError):
            self.foresights.with_user(self.manager).search([]).read(["result"])
        self.compute(date(2025, 6, 15))
        self.loyal[0].ref = "hidden"
        group = self.env["res.groups"].create({"name": "Not All", "user_ids": self.manager.ids})
        self.env["ir.rule"].create(
            {
                "name": "Not All",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "groups": group.ids,
                "domain_force": "[('ref', '!=', 'hidden')]",
            }
        )
        report = self.env[REPORT].with_user(self.manager)
        with patch.object(engine.foresight, "LEAST", 5):
            report.compute_now(self.policy.id, ["amount"])
        data = self.shown()
        self.assertFalse(data["is_shown"] or data["tops"] or data["points"] or data["sets"] or data["weight_sentence"])
        self.assertIn("You may not see all of these customers", data["notes"][0])
        self.assertEqual(report.get_customers(self.policy.id, MAY, 2), [])
        # What is kept is about all of them, whoever asked for it.
        boss = self.new_user("tiering_foresight_boss", "sales_team.group_sale_manager")
        shown = self.shown(boss)["points"]
        known = {point["key"]: (point["rules"], point["cuts"][1]["customers"]) for point in shown}
        self.assertEqual(known[JUNE], ("As they were", 10))

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.env.user.company_ids |= other
        foresight = self.foresights._queue(other.tiering_policy_ids)
        foresight._compute(as_of=AS_OF)
        self.assertEqual(foresight.result["points"], [])
        self.assertFalse(self.foresights.with_user(self.manager).search([]))
        with self.assertRaisesRegex(UserError, "does not exist any more"):
            self.shown(policy=other.tiering_policy_ids)

    def test_what_can_be_asked_for(self):
        report = self.env[REPORT].with_user(self.manager)
        with self.assertRaisesRegex(UserError, "do not exist any more"):
            report.compute_now(self.policy.id, ["version-0"])
        offered = {f"version-{number}": self.policy for number in range(6)}
        with (
            patch.object(type(self.foresights), "_offer", lambda foresights, policy: offered),
            self.assertRaisesRegex(UserError, "at most 5 sets"),
        ):
            report.compute_now(self.policy.id, list(offered))

    def test_the_job_does_what_takes_longer(self):
        days = {"_get_tiering_today": lambda company: AS_OF}
        with (
            patch.multiple(type(self.env["res.company"]), **days),
            patch("odoo.addons.customer_tiering.models.customer_tiering_foresight.DIRECT_LIMIT", 5),
        ):
            self.assertFalse(self.shown()["state"])
            self.env[REPORT].with_user(self.manager).compute_now(self.policy.id, ["amount"])
            data = self.shown()
            self.assertEqual((data["state"], data["is_shown"]), ("queued", False))
            with self.enter_registry_test_mode():
                self.env.ref(jobs.FORESIGHT).method_direct_trigger()
            self.env.invalidate_all()
        foresight = self.foresights.search([("policy_id", "=", self.policy.id)])
        self.assertEqual((foresight.state, foresight.as_of, foresight.user_id), ("done", AS_OF, self.manager))
        self.assertEqual(len(foresight.result["points"]), 7)

    def test_the_button_of_the_policy_leads_to_its_report(self):
        action = self.policy.with_user(self.manager).action_open_foresight()
        self.assertEqual(
            (action["tag"], action["params"]), ("customer_tiering.foresight", {"policy_id": self.policy.id})
        )
