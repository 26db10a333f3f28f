import math
import random
from datetime import date, timedelta

from odoo.exceptions import ValidationError
from odoo.tests import freeze_time, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestOutlook(TieringCommon):
    """From orders to what is foretold, and to who is at risk by it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.risk_method = "prediction"
        cls.days_of = {}
        dice = random.Random(19)
        for number in range(45):
            gap, stop = dice.uniform(8, 45), dice.choice([0, 0, 0, 60, 120, 200])
            days, ago = [], dice.uniform(230, 350)
            while ago > stop:
                days.append(round(ago))
                ago -= dice.expovariate(1 / gap) + 1
            days = sorted(set(days))
            customer = cls.buyer(f"Customer {number}", *days, amount=100, is_company=True)
            cls.days_of[customer] = days
        cls.once = cls.buyer("Once", 5, amount=100, is_company=True)
        cls.days_of[cls.once] = [5]
        cls.asked = cls.new_customer("Asked")
        cls.order(cls.asked, state="draft")

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(f"{AS_OF} 10:00:00"))

    def _get_learned(self):
        return self.env["customer.tiering.run"]._get_last(self.policy).calibration_id.fitted["outlook"]

    def _reckon(self, learned, days_ago):
        """The chance of an order by the formula of the model, from the days of the orders: 0 to 1."""
        r, alpha, a, b = (learned["prediction"]["rates"][name] for name in ("r", "alpha", "a", "b"))
        x, age, span = len(days_ago) - 1, max(days_ago), max(days_ago) - min(days_ago)
        rate, drop = r + x, b + x
        alive = drop * ((alpha + span) / (alpha + age)) ** rate
        alive = alive / (a + alive)
        return alive * (1 - ((alpha + age) / (alpha + age + learned["horizon"])) ** rate)

    def test_the_chance_is_that_of_the_model(self):
        self.compute()
        learned = self._get_learned()
        self.assertIsNone(learned["prediction"]["cannot_tell"])
        self.assertIsNone(learned["prediction"]["correction"])  # too few customers to learn one
        self.assertIsNone(learned["prediction"]["season"])
        step, levels = 100 * learned["step"], set()
        for customer, days in self.days_of.items():
            card = self.card(customer)
            chance = 100 * self._reckon(learned, days)
            self.assertLessEqual(abs(card.order_percent - chance), step / 2 + 1e-6, customer.name)
            stopped, again = 100 - card.order_percent, len(days) > 1
            level = "lost" if stopped >= 90 else "none"
            if again and 50 <= stopped < 90:
                level = "high" if stopped >= 70 else "watch"
            self.assertEqual(card.risk, level, customer.name)
            self.assertEqual(card.risk_rank, 0 if level == "none" else stopped)
            levels.add(level)
        self.assertGreaterEqual(len(levels), 3)
        card = self.card(self.asked)
        self.assertEqual((card.risk, card.outlook), ("none", False))
        self.assertIn("order_percent", card._find_unknown(["order_percent"])[card.id])

    def test_who_ordered_once_is_not_warned_of(self):
        self.compute()
        card = self.card(self.once)
        self.assertEqual((card.risk, card.lifecycle), ("none", "exploring"))

    def test_it_is_said_in_words(self):
        self.compute()
        horizon = self._get_learned()["horizon"]
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        card = cards.filtered(lambda card: card.risk in ("watch", "high"))[0]
        chance = f"Chance of an order within {horizon} days: {card.order_percent}%."
        self.assertIn(chance, card.risk_reason)
        self.assertIn("the last order was", card.risk_reason)
        self.assertIn(chance, card.outlook)
        self.assertIn("Expected orders: ", card.outlook)
        self.assertIn(chance, card.explanation_data["risk"]["sentence"])
        self.assertIn(
            f"likely that no order comes within {horizon} days", card.explanation_data["lifecycle"]["sentence"]
        )

    def test_a_second_run_writes_nothing_and_learns_nothing(self):
        self.compute()
        learned = self._get_learned()
        run = self.compute()
        self.assertEqual(run.written_count, 0)
        self.assertEqual(self._get_learned(), learned)

    def test_it_is_learned_anew_after_a_week(self):
        self.policy.recalibrate_days = 1
        self.compute()
        for days, learned_on in ((1, 0), (6, 0), (7, 7)):
            day = AS_OF + timedelta(days)
            with freeze_time(f"{day} 10:00:00"):
                self.compute(day)
                self.assertEqual(self._get_learned()["as_of"], str(AS_OF + timedelta(learned_on)))

    def test_an_order_is_told_at_once_as_the_run_tells_it(self):
        self.compute()
        card = self.env["customer.tiering.scorecard"].search(
            [("company_id", "=", self.company.id), ("risk", "=", "high")], limit=1
        )
        before = card.order_percent
        self.order(card.partner_id, 0, 100)
        row = {"partner_id": card.partner_id.id, "company_id": self.company.id, "reason": "instant"}
        self.env["customer.tiering.run"]._refresh(self.policy, self.env["customer.tiering.refresh"].create(row))
        told = ("order_percent", "expected_orders", "expected_amount", "year_value", "next_order_date", "risk")
        at_once = {name: card[name] for name in told}
        self.assertGreater(card.order_percent, before)
        self.assertEqual(card.risk, "none")
        self.assertEqual(self.compute().written_count, 0)
        self.assertEqual({name: card[name] for name in told}, at_once)

    def test_the_usual_gap_stays_selectable_and_the_change_is_said(self):
        self.policy.risk_method = "lateness"
        run = self.compute()
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        plain = {card.partner_id for card in cards if card.risk != "none"}
        self.assertFalse(any(cards.mapped("order_percent")))
        self.assertNotIn("chance", " ".join(cards.sudo().mapped(lambda card: card.risk_signals or "")))
        self.assertNotIn("The chance of the next order", run.note)
        self.policy.risk_method = "prediction"
        run = self.compute()
        foretold = {card.partner_id for card in cards if card.risk != "none"}
        self.assertNotEqual(foretold, plain)
        self.assertIn(f"from now on: {len(foretold)} customers", run.note)
        self.assertIn(f"it would be {len(plain)}; {len(foretold & plain)} are the same", run.note)
        self.assertNotIn("The chance of the next order", self.compute().note)

    def test_another_way_to_warn_compares_nobody_anew(self):
        self.policy.write({"recalibrate_days": 7, "risk_method": "lateness"})
        scales = self.compute().fitted["scales"]
        self.order(self.once, 0, 5000)
        self.policy.risk_method = "prediction"
        run = self.compute_after(2)
        self.assertEqual(run.calibration_id, run)
        self.assertEqual(run.fitted["scales"], scales)
        self.assertTrue(run.fitted["outlook"])
        self.assertEqual(self.compute_after(3).calibration_id, run)
        self.policy.min_population = 10
        self.assertNotEqual(self.compute_after(4).fitted["scales"], scales)

    def test_where_nothing_can_be_foretold_it_is_said_and_the_usual_gap_decides(self):
        for customer in list(self.days_of)[12:]:
            customer.active = False
        self.compute()
        self.assertIn("customers", self.policy.outlook_note)
        self.assertIn("The usual gaps between orders say who is at risk.", self.policy.outlook_note)
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        self.assertTrue(any(card.risk != "none" for card in cards))
        self.assertFalse(any(cards.mapped("outlook")))
        self.assertFalse(any(cards.mapped("expected_amount")))

    def test_what_is_foretold_can_be_scored_and_measured(self):
        metric = self.env.ref("customer_tiering.customer_tiering_metric_order_chance")
        self.policy.write({"risk_method": "lateness", "shown_metric_ids": [(4, metric.id)]})
        self.compute()
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        self.assertTrue(any(cards.mapped("order_percent")))
        self.assertNotIn("chance", " ".join(cards.sudo().mapped(lambda card: card.risk_signals or "")))

    def test_the_test_of_the_warning_foretells_as_of_that_day(self):
        test = self.env["customer.tiering.backtest"].create({"policy_id": self.policy.id, "days": 60})
        test.action_test()
        self.assertGreater(test.warned_count, 0)
        self.assertGreater(test.customer_count, test.warned_count)

    def test_what_makes_no_sense_is_refused_in_words(self):
        for values, word in (
            ({"risk_watch_percent": 80}, "first “Watch From”"),
            ({"risk_lost_percent": 101}, "at most 100%"),
            ({"outlook_days": 3}, "“Look Ahead” is 0"),
            ({"outlook_discount": -1}, "“Discount a Year” is 0 to 100%"),
        ):
            with self.assertRaisesRegex(ValidationError, word), self.env.cr.savepoint():
                self.policy.write(values)

    def test_the_value_of_a_year_is_that_of_its_months(self):
        """By numerical integration of the model's own rates, for one customer."""
        self.compute()
        learned = self._get_learned()
        r, alpha, a, b = (learned["prediction"]["rates"][name] for name in ("r", "alpha", "a", "b"))
        value = learned["prediction"]["value"]
        customer, days = max(self.days_of.items(), key=lambda item: len(item[1]))
        x, age, span = len(days) - 1, max(days), max(days) - min(days)
        alive = (b + x) * ((alpha + span) / (alpha + age)) ** (r + x)
        alive = alive / (a + alive)

        def orders(until, steps=4000):
            # If alive, the integral of (1 - ((alpha+T) / (alpha+T+p*t)) ** (r+x)) / p over p of beta(a, b+x+1)
            total = weight = 0
            for step in range(steps):
                u = (step + 0.5) / steps
                p = u**4  # whose steps are small where the density is high
                density = p ** (a - 1) * (1 - p) ** (b + x) * 4 * u**3
                weight += density
                total += density * -math.expm1(-(r + x) * math.log1p(p * until / (alpha + age))) / p
            return alive * total / weight

        ends = [365 * month / 12 for month in range(13)]
        told = [orders(end) for end in ends[1:]]
        months = [later - earlier for later, earlier in zip(told, [0, *told[:-1]], strict=True)]
        worth = sum(count / 1.1 ** ((month + 0.5) / 12) for month, count in enumerate(months))
        self.assertAlmostEqual(value["average"], 100)  # each order is worth that
        card = self.card(customer)
        self.assertAlmostEqual(card.year_value / (worth * 100), 1, delta=0.06)  # two digits are told
        self.assertIsInstance(card.next_order_date, date)
