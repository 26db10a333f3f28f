import math
import random
from datetime import datetime, time, timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import SQL, mute_logger

from .. import jobs
from .common import AS_OF, TieringCommon

REPORT = "customer.tiering.forecast.report"


def make_days(seed=6, customers=60):
    """Of each customer the days before AS_OF with an order: every so often, until they stop for good or do not."""
    rng = random.Random(seed)
    found = []
    for _number in range(customers):
        day, gap, stops = rng.randrange(200, 500), rng.randrange(8, 40), rng.random() * 0.3
        days = [day]
        while (day := day - max(1, round(rng.expovariate(1 / gap)))) >= 0 and rng.random() > stops:
            days.append(day)
        found.append(days)
    return found


class ForecastCommon(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.forecasts = cls.env["customer.tiering.forecast"]

    @classmethod
    def buy(cls, rows, amount=10.0):
        """Orders of ``amount``, each of a customer and a number of days before AS_OF, quickly."""
        line = Command.create({"product_id": cls.product.id, "product_uom_qty": 1, "price_unit": amount})
        orders = cls.env["sale.order"].create(
            [{"partner_id": who.id, "company_id": cls.company.id, "order_line": [line]} for who, _ago in rows]
        )
        orders.write({"state": "sale"})
        cls.env.flush_all()
        cls.env.cr.execute(
            SQL(
                "UPDATE sale_order SET date_order = made.at FROM UNNEST(%s, %s::timestamp[]) made (id, at)"
                " WHERE sale_order.id = made.id",
                orders.ids,
                [datetime.combine(AS_OF - timedelta(days=ago), time(12)) for _who, ago in rows],
            )
        )
        cls.env.invalidate_all()

    def _test(self, policy=None):
        """Test a policy; return the forecast."""
        forecast = self.forecasts._queue(policy or self.policy)
        with patch.object(type(forecast.env["res.company"]), "_get_tiering_today", lambda company: AS_OF):
            forecast._compute()
        return forecast

    def _get_data(self, user=None):
        return self.env[REPORT].with_user(user or self.manager).get_data(self.policy.id)


@tagged("post_install", "-at_install")
class TestForecast(ForecastCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.days = make_days()
        cls.customers = cls.env["res.partner"].create([{"name": f"Customer {n}"} for n in range(len(cls.days))])
        cls.buy([(who, ago) for who, days in zip(cls.customers, cls.days, strict=True) for ago in days])

    # ------------------------------------------------------------------
    # The numbers
    # ------------------------------------------------------------------

    def test_the_numbers_are_those_of_plain_loops(self):
        """Of two earlier days: who was there, who stopped, what came, and whom the longest silence finds."""
        result = self._test().result
        horizon = result["horizon"]
        self.assertGreaterEqual(len(result["days"]), 2)
        for number, told in enumerate(result["days"], start=1):
            then = number * horizon  # days before AS_OF
            self.assertEqual(told["as_of"], str(AS_OF - timedelta(days=then)))
            known = [days for days in self.days if days[0] >= then]
            later = [[ago for ago in days if then - horizon <= ago < then] for days in known]
            self.assertEqual(told["customers"], len(known))
            self.assertEqual(told["stopped"], sum(not came for came in later))
            self.assertEqual(told["orders_came"], sum(len(set(came)) for came in later))
            self.assertAlmostEqual(told["amount_came"], 10.0 * sum(map(len, later)))
            ranked = []
            for days, came in zip(known, later, strict=True):
                before = {ago for ago in days if ago >= then}
                silence = min(before) - then
                if len(before) >= 2 and silence <= 2 * horizon:
                    ranked.append((silence, not came))
            self.assertEqual(told["ranked"], len(ranked))
            self.assertEqual(told["endangered"], min(100, len(ranked) // 4))
            self.assertAlmostEqual(told["naive_hits"], self._count_hits(ranked, told["endangered"]))
            self.assertEqual(sum(band["customers"] for band in told["bands"]), len(known))
            for band in told["bands"]:
                if band["customers"]:
                    self.assertTrue(band["low"] <= band["said"] <= band["high"])
                    low, high = self._wilson(band["happened"], band["customers"])
                    self.assertAlmostEqual(band["least"], low)
                    self.assertAlmostEqual(band["most"], high)
            weighted = sum(abs(b["said"] - b["happened"]) * b["customers"] for b in told["bands"] if b["customers"])
            self.assertAlmostEqual(told["error"], weighted / len(known))

    def _count_hits(self, ranked, number):
        """How many of the longest silent stopped; who ties on the last place is drawn by lot."""
        silences = sorted((silence for silence, _stopped in ranked), reverse=True)
        last = silences[number - 1]
        above = [stopped for silence, stopped in ranked if silence > last]
        equal = [stopped for silence, stopped in ranked if silence == last]
        return sum(above) + (number - len(above)) * sum(equal) / len(equal)

    def test_the_page_says_what_was_found(self):
        forecast = self._test()
        data = self._get_data()
        latest, told = forecast.result["days"][0], data["days"][0]
        self.assertEqual((data["state"], data["grade"]), ("done", latest["grade"]))
        self.assertEqual(len(data["days"]), len(forecast.result["days"]))
        words = " ".join(told["sentences"])
        orders, came = round(latest["orders"]), latest["orders_came"]
        percent = round(100 * (latest["orders"] - came) / came)
        share = f"{'+' if percent > 0 else '−'}{abs(percent)}%"
        self.assertIn(f"Orders predicted {orders}, came {round(came)} ({share}).", words)
        hits, plain = round(latest["hits"]), round(latest["naive_hits"])
        self.assertIn(
            f"Of the {latest['endangered']} most endangered {hits} stopped; by longest silence {plain}.", words
        )
        self.assertEqual("the plain rule is as good" in words, latest["gain_least"] <= 0)
        self.assertEqual([band["name"] for band in told["bands"]][:2], ["0 to 20%", "20 to 40%"])
        for band, numbers in zip(told["bands"], latest["bands"], strict=True):
            self.assertEqual(band["customers"], str(numbers["customers"]))
            if numbers["customers"]:
                low, high = self._wilson(numbers["happened"], numbers["customers"])
                self.assertEqual(band["between"], f"{round(100 * low)} to {round(100 * high)}%")

    def _wilson(self, share, count):
        """Wilson 1927, as the two roots of (p - share)² = z² p (1 - p) / count."""
        z2 = 1.959963984540054**2
        a, b, c = 1 + z2 / count, -(2 * share + z2 / count), share * share
        root = math.sqrt(max(b * b - 4 * a * c, 0))
        return (-b - root) / (2 * a), (-b + root) / (2 * a)

    # ------------------------------------------------------------------
    # The grade
    # ------------------------------------------------------------------

    def _grade(self, grade):
        forecast = self._test()
        forecast.sudo().grade = grade
        forecast._forget()
        self.env.invalidate_all()

    def test_the_grade_is_on_the_policy_and_on_the_cards(self):
        self.assertFalse(self.policy.forecast_grade)
        self.compute()
        for grade in ("A", "C"):
            self._grade(grade)
            card = self.card(self.customers[0]).with_user(self.salesperson)
            self.assertEqual(card.forecast_grade, grade)
            self.assertEqual(self.policy.with_user(self.salesperson).forecast_grade, grade)
            self.assertEqual(self.customers[0].with_user(self.salesperson).tiering_forecast_grade, grade)
            calm = self.env["customer.tiering.overview"].with_user(self.manager).get_data()["calm"]
            self.assertEqual([policy["grade"] for policy in calm], [grade])

    def test_silence_leads_where_every_grade_is_c(self):
        self.assertFalse(self.forecasts._is_led_by_silence(self.company))
        self._grade("C")
        self.assertTrue(self.forecasts._is_led_by_silence(self.company))
        other = self.other_policy()
        self.assertTrue(self.forecasts._is_led_by_silence(self.company))  # of the other nothing is known
        self._test(other).sudo().grade = "B"
        self.forecasts._forget()
        self.assertFalse(self.forecasts._is_led_by_silence(self.company))
        self.assertFalse(self.forecasts._is_led_by_silence(self.env["res.company"].create({"name": "Other"})))

    def test_the_grade_takes_no_query_once_it_is_known(self):
        self._grade("B")
        self.compute()
        cards = self.env["customer.tiering.scorecard"].search([("policy_id", "=", self.policy.id)])
        cards.mapped("policy_id")
        cards[:1].mapped("forecast_grade")
        cards.invalidate_recordset(["forecast_grade"])
        with self.assertQueryCount(0):
            self.assertEqual(set(cards.mapped("forecast_grade")), {"B"})

    # ------------------------------------------------------------------
    # When it is made
    # ------------------------------------------------------------------

    def _run_job(self):
        with (
            self.enter_registry_test_mode(),
            patch.object(type(self.env["res.company"]), "_get_tiering_today", lambda company: AS_OF),
        ):
            self.env.ref(jobs.FORECASTS).method_direct_trigger()
        self.env.invalidate_all()

    def test_a_run_has_it_made_once_a_week(self):
        self.compute()
        forecast = self.policy.forecast_ids
        self.assertEqual(forecast.state, "queued")
        self._run_job()
        self.assertEqual((forecast.state, forecast.as_of, forecast.attempts), ("done", AS_OF, 1))
        self.assertTrue(forecast.result["days"])
        for days, state in ((6, "done"), (7, "queued")):
            self.compute_after(days)
            self.assertEqual(forecast.state, state, days)

    def test_where_nothing_is_foretold_nothing_is_tested(self):
        self._grade("B")
        self.policy.risk_method = "lateness"
        self.compute()
        self.assertFalse(self.policy.forecast_ids)
        self.assertFalse(self.policy.forecast_grade)

    def test_a_simulation_is_not_tested(self):
        draft = self.env["customer.tiering.policy"].browse(
            self.policy.with_user(self.manager).action_simulate()["res_id"]
        )
        draft.action_simulation_compute()
        self.assertFalse(draft.sudo().forecast_ids)

    @mute_logger("odoo.addons.customer_tiering.models.customer_tiering_queued")
    def test_a_failure_is_told_and_stops_nobody(self):
        forecast = self._test()
        forecast.sudo().state = "queued"
        with patch.object(type(self.policy), "_get_obstacle", lambda policy: "Something is missing."):
            self._run_job()
        self.assertEqual(forecast.state, "failed")
        data = self._get_data()
        self.assertIn("The last test failed: Something is missing.", data["notes"])
        self.assertTrue(data["days"], "what the one before has found stays")

    @mute_logger("odoo.addons.customer_tiering.models.customer_tiering_queued")
    def test_one_that_stops_the_server_again_and_again_is_given_up(self):
        forecast = self.forecasts._queue(self.policy)
        forecast.attempts = 3
        self._run_job()
        self.assertEqual(forecast.state, "failed")
        self.assertIn("3 times during this test", forecast.error)

    def test_at_once_where_it_takes_a_moment(self):
        self.assertFalse(self._get_data()["state"])
        report = self.env[REPORT].with_user(self.manager)
        with patch.object(type(self.env["res.company"]), "_get_tiering_today", lambda company: AS_OF):
            report.test_now(self.policy.id)
        self.assertEqual(self._get_data()["state"], "done")
        with patch("odoo.addons.customer_tiering.report.customer_tiering_forecast_report.DIRECT_LIMIT", 0):
            report.test_now(self.policy.id)
        self.assertEqual(self._get_data()["state"], "queued")
        self.assertTrue(self._get_data()["days"], "the last one is shown meanwhile")

    # ------------------------------------------------------------------
    # Who may see it
    # ------------------------------------------------------------------

    def test_managers_only(self):
        self._test()
        report = self.env[REPORT].with_user(self.salesperson)
        for ask in (lambda: report.get_data(self.policy.id), lambda: report.test_now(self.policy.id)):
            with self.assertRaises(AccessError):
                ask()
        with self.assertRaises(AccessError):
            self.policy.with_user(self.salesperson).action_open_forecast()
        with self.assertRaises(AccessError):
            self.policy.forecast_ids.with_user(self.manager).read(["result"])
        other = self.env["res.company"].create({"name": "Other Company"})
        foreign = self.new_user("tiering_forecast_foreign", "sales_team.group_sale_manager", other)
        foreign = self.forecasts.with_user(foreign).with_context(allowed_company_ids=other.ids)
        self.assertFalse(foreign.search([("policy_id", "=", self.policy.id)]))

    def test_who_may_not_see_all_customers_sees_no_numbers_of_all(self):
        self.compute()
        self._test()
        self.customers[0].ref = "hidden"
        group = self.env["res.groups"].create({"name": "Not All", "user_ids": self.manager.ids})
        self.env["ir.rule"].create(
            {
                "name": "Not All",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "groups": group.ids,
                "domain_force": "[('ref', '!=', 'hidden')]",
            }
        )
        data = self._get_data()
        self.assertFalse(data["days"])
        self.assertIn("You may not see all of these customers", data["notes"][0])


@tagged("post_install", "-at_install")
class TestForecastBadInput(ForecastCommon):
    """What cannot be told yet is said in a sentence."""

    def _make(self, count):
        return self.env["res.partner"].create([{"name": f"Customer {n}"} for n in range(count)])

    def assertUntold(self, pattern):  # noqa: N802 - like unittest's own
        forecast = self._test()
        self.assertFalse(forecast.grade)
        self.assertFalse(forecast.result["days"])
        data = self._get_data()
        self.assertFalse(data["grade"])
        self.assertRegex(" ".join(data["notes"]), pattern)

    def test_nobody_has_bought(self):
        self.assertUntold("nobody has bought anything so far")

    def test_all_on_one_day(self):
        self.buy([(who, 200) for who in self._make(30)])
        self.assertUntold("all purchases are of one single day")

    def test_ten_days_of_history(self):
        self.buy([(who, ago) for n, who in enumerate(self._make(30)) for ago in (10 - n % 5, n % 4)])
        self.assertUntold("Days since the first purchase: 10; it takes 30 to see")

    def test_a_history_that_is_shorter_than_what_would_be_told(self):
        """Enough for telling today, not for telling on an earlier day: horizon 90, so 90 + 30 days."""
        self.policy.outlook_days = 90
        self.buy([(who, ago) for n, who in enumerate(self._make(30)) for ago in (80 - n, n % 20)])
        self.assertUntold("Days since the first purchase: 80; it takes 120 to see")

    def test_nobody_bought_twice(self):
        self.buy([(who, 10 * n) for n, who in enumerate(self._make(30))])
        self.assertUntold("nobody has bought on a second day.*once: 30")

    def test_an_imported_history(self):
        self.buy([(who, ago) for n, who in enumerate(self._make(30)) for ago in (300, 40 + n, n)])
        self.assertUntold("30 of 30 customers seem to begin on the same day, 300 days ago")

    def test_few_customers(self):
        self.buy([(who, ago) for n, who in enumerate(self._make(5)) for ago in (300 - n, 150 - n, n)])
        self.assertUntold("too few customers have bought anything, 5. It takes 20")

    def test_amounts_of_all_sizes(self):
        days = make_days(seed=9, customers=30)
        customers = self._make(30)
        for amount, some in ((1e12, slice(0, 15)), (0.01, slice(15, 30))):
            rows = [(who, ago) for who, list_ in zip(customers[some], days[some], strict=True) for ago in list_]
            self.buy(rows, amount)
        for told in self._test().result["days"]:
            for name in ("amount", "amount_came", "orders", "error"):
                self.assertTrue(math.isfinite(told[name]), name)
        self.assertTrue(self._get_data()["days"][0]["sentences"])


@tagged("post_install", "-at_install")
class TestForecastTours(ForecastCommon, HttpCase):
    def test_manager_reads_the_test_of_the_forecast_on_a_desk_and_on_a_phone(self):
        days = make_days()
        customers = self.env["res.partner"].create([{"name": f"Customer {n}"} for n in range(len(days))])
        self.buy([(who, ago) for who, list_ in zip(customers, days, strict=True) for ago in list_])
        for size in ("1366x768", "390x844"):
            with self.subTest(size=size):
                self._test()
                self.browser_size = size
                url = f"/odoo/customer-tiering-policies/{self.policy.id}"
                self.start_tour(url, "customer_tiering_forecast", login="tiering_manager")

    def test_customers_at_risk_are_sorted_by_silence_where_the_grade_is_c(self):
        today = self.company._get_tiering_today()
        for name, last, amount in (("Dear Ltd", 40, 900), ("Silent Ltd", 60, 10)):
            customer = self.new_customer(name, is_company=True, user_id=self.salesperson.id)
            for ago in (last, last + 10, last + 20):
                self.order(customer, amount=amount, when=self.noon(today, ago))
        self.compute(today)
        self.policy.forecast_ids.sudo().grade = "C"
        self.forecasts._forget()
        self.start_tour("/odoo/customers-at-risk", "customer_tiering_by_silence", login="tiering_salesperson")
