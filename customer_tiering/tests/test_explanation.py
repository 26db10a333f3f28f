import random
import re
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .common import AS_OF, TieringCommon

NOW = f"{AS_OF} 12:00:00"


class ExplanationCommon(TieringCommon):
    def _explain(self, partner):
        self.env.invalidate_all()
        return partner.with_user(self.salesperson).tiering_explanation

    def _refresh(self, partner):
        """What the job does after an order of the customer was confirmed."""
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(partner, self.company, "instant")
        refresh.sudo()._process_now(self.company, partner)
        self.env.invalidate_all()

    def _read_order(self, way):
        """``(orders, amount)`` that a way promises to be enough, or None for a way of another kind."""
        money = re.search(r"\$\s?([\d,.]+[\d])", way)
        amount = float(money[1].replace(",", "")) if money else 0.0
        if re.fullmatch(r"an order( of .+)? today", way):
            return 1, amount
        several = re.fullmatch(r"(\d+) orders( of .+ together)? today", way)
        return (int(several[1]), amount) if several else None

    @contextmanager
    def _ordered(self, partner, count, amount):
        """The customer places so many orders today over so much together; undone at the end."""
        savepoint = self.env.cr.savepoint()
        try:
            cheap = [0.01] * (count - 1)
            for part in (*cheap, round(amount - sum(cheap), 2)):
                self._order(partner, amount=part)
            self._refresh(partner)
            yield self._card(partner)
        finally:
            savepoint.rollback()
            savepoint.close(rollback=False)
            self.env.invalidate_all(flush=False)


@tagged("post_install", "-at_install")
class TestExplanation(ExplanationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.best, cls.middle, cls.poor, cls.asked = (
            cls._customer(name) for name in ("Best", "Middle", "Poor", "Asked")
        )
        for partner, days in ((cls.best, range(0, 100, 10)), (cls.middle, (40, 80, 120)), (cls.poor, (400,))):
            for days_ago in days:
                cls._order(partner, days_ago, 100)
        cls._order(cls.asked, 3, 70, state="draft")
        cls.contact = cls._customer("Buyer", parent_id=cls.middle.id)

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))

    def test_a_customer_and_its_contacts_are_explained(self):
        self._run()
        data = self._explain(self.middle)
        # 40 days → 75, 3 orders → 50, 3 average orders → 50, weighted alike
        self.assertEqual([line["text"] for line in data["lines"]], ["40 days", "3 orders", "$\u00a0300.00"])
        self.assertEqual([line["points"] for line in data["lines"]], [75, 50, 50])
        self.assertEqual(round(sum(line["contribution"] for line in data["lines"]), 2), 58.33)
        self.assertEqual(data["score"], 58.33)
        self.assertEqual(data["tier"], "Silver")
        self.assertEqual(data["rule"], "Silver starts at 40 points.")
        self.assertEqual((data["next"]["tier"], data["next"]["points"]), ("Gold", 1.67))
        self.assertFalse(data["keep"] or data["lock"])
        # orders on three days, all in the later half of the window: a growth of 100 %; it takes 25 %, which is
        # 125 against 75 or 67 % more
        self.assertEqual(data["lifecycle"]["meaning"], "buys at least 67 % more than before")
        self.assertEqual(self._explain(self.contact), data)

    def test_the_text_says_all_of_it(self):
        self._run()
        data = self._explain(self.middle)
        self.assertTrue(data["text"].startswith("Silver, 58.33 of 100 points."))
        for line in data["lines"]:
            self.assertIn(f"{line['label']}: {line['text']} gives", data["text"])
        self.assertIn(data["rule"], data["text"])
        self.assertIn(f"To reach Gold: {' or '.join(data['next']['ways'])}.", data["text"])
        self.assertIn(f"Stage: {data['lifecycle']['label']}, {data['lifecycle']['meaning']}.", data["text"])

    def test_who_never_bought_has_nothing_to_explain(self):
        self._run()
        data = self._explain(self.asked)
        self.assertEqual((data["lines"], data["score"], data["tier"], data["rule"]), ([], 0, False, False))
        self.assertFalse(data["next"] or data["keep"] or data["lock"])
        self.assertEqual(data["lifecycle"]["meaning"], "has not bought yet")
        self.assertTrue(data["text"].startswith("No tier, 0.00 of 100 points."))

    def test_before_the_first_run_there_is_no_explanation(self):
        self.assertFalse(self._explain(self.middle))

    def test_labels_are_translated(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self._run()
        card = self._card(self.middle)
        with patch.object(
            type(self.env["customer.tiering.criterion"]),
            "_get_metric_labels",
            lambda criterion: {"recency": "Aktualität" if criterion.env.lang == "de_DE" else "Recency"},
        ):
            self.env.invalidate_all()
            german = card.with_context(lang="de_DE").explanation_data["lines"][0]
            english = card.with_context(lang="en_US").explanation_data["lines"][0]
        self.assertEqual((german["label"], english["label"]), ("Aktualität", "Recency"))
        money = card.with_context(lang="de_DE").explanation_data["lines"][2]["text"]
        self.assertIn("300,00", money)

    def test_numbers_are_written_in_the_users_language(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self._order(self.middle, 40, 1000)
        self._run()
        card = self._card(self.middle)
        self.assertIn("1,300.00", card.with_context(lang="en_US").explanation_data["lines"][2]["text"])
        self.assertIn("1.300,00", card.with_context(lang="de_DE").explanation_data["lines"][2]["text"])

    def test_after_an_edit_the_last_runs_rules_still_explain(self):
        self._run()
        before = self._explain(self.middle)
        silver = self.policy.tier_ids[2]
        silver.write({"entry_floor": 45, "keep_floor": 45})
        self.policy.criterion_ids[0].weight = 5
        self.assertEqual(self._explain(self.middle), before)
        self._run()
        # 75 × 5, 50, 50 by 7: 67.86
        data = self._explain(self.middle)
        self.assertEqual((data["score"], data["tier"], data["rule"]), (67.86, "Gold", "Gold starts at 60 points."))

    def test_an_announced_downgrade_is_explained_and_can_be_called_off(self):
        self.policy.grace_days = 30
        self._run(as_of=AS_OF - timedelta(days=40))  # Middle bought on that day: 100, 25 or 50 …
        self.policy.tier_ids[2].write({"entry_floor": 59, "keep_floor": 59})
        was = self._card(self.middle).tier_id
        self._run()
        card = self._card(self.middle)
        self.assertEqual((card.computed_tier_id, card.pending_tier_id.name), (was, "Bronze"))
        data = self._explain(self.middle)
        self.assertEqual((data["keep"]["tier"], data["keep"]["to"]), (was.name, "Bronze"))
        self.assertIn("07/30/2026", data["keep"]["date"])  # 30 days after 30 June
        self.assertIn("On 07/30/2026 the tier falls to Bronze.", data["text"])
        count, amount = self._read_order(data["keep"]["ways"][0])
        with self._ordered(self.middle, count, amount or 0.01) as card:
            self.assertFalse(card.pending_tier_id)
            self.assertGreaterEqual(was.sequence, card.computed_tier_id.sequence)

    def test_keeping_is_easier_than_entering(self):
        gold = self.policy.tier_ids[1]
        gold.keep_floor = 50
        self._order(self.middle, 0, 100)
        self._run()
        data = self._explain(self.middle)
        self.assertEqual(data["rule"], "Gold starts at 60 points and is kept down to 50.")

    def test_a_lock_is_explained(self):
        self._run()
        self.env["customer.tiering.lock"].with_user(self.manager).create(
            {
                "partner_id": self.middle.id,
                "tier_id": self.policy.tier_ids[0].id,
                "mode": "floor",
                "reason": "Strategic account",
                "date_end": AS_OF + timedelta(days=31),
            }
        )
        data = self._explain(self.middle)
        self.assertEqual(
            data["lock"],
            {
                "mode": "floor",
                "tier": "Platinum",
                "computed": "Silver",
                "differs": True,
                "reason": "Strategic account",
                "user": self.manager.name,
                "date_end": "07/31/2026",
            },
        )
        self.assertEqual(data["tier"], "Platinum")
        self.assertIn("Strategic account. The rules alone come to Silver.", data["text"])
        self.assertFalse(data["next"])

    def test_who_is_locked_in_exactly_a_tier_is_promised_none(self):
        self._run()
        self.env["customer.tiering.lock"].create(
            {"partner_id": self.middle.id, "tier_id": self.policy.tier_ids[2].id, "mode": "fixed", "reason": "Agreed"}
        )
        data = self._explain(self.middle)
        self.assertFalse(data["next"])
        self.assertNotIn("To reach", data["text"])


@tagged("post_install", "-at_install")
class TestWays(ExplanationCommon):
    """What a salesperson is promised holds: the order leads to the tier, one cent less does not."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rng = random.Random(7)
        cls.customers = cls.env["res.partner"].create([{"name": f"Customer {number:02}"} for number in range(24)])
        for customer in cls.customers:
            for _order in range(rng.choice((1, 1, 2, 3, 5))):
                cls._order(customer, rng.choice((1, 30, 90, 200, 364, 500)), rng.choice((50, 100, 333.33, 2000)))

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))

    def _check_promises(self):
        checked = amounts = 0
        for customer in self.customers:
            data = self._explain(customer)
            self.assertAlmostEqual(sum(line["contribution"] for line in data["lines"]), data["score"], 2)
            order = data["next"] and data["next"]["ways"] and self._read_order(data["next"]["ways"][0])
            if not order:
                continue
            tier = self._card(customer).next_tier_id
            count, amount = order
            with self.subTest(customer=customer.name, way=data["next"]["ways"][0]):
                with self._ordered(customer, count, amount or 0.01 * count) as card:
                    self.assertLessEqual(card.tier_id.sequence, tier.sequence)
                if amount > 0.01 * count:
                    with self._ordered(customer, count, amount - 0.01) as card:
                        self.assertGreater(card.tier_id.sequence, tier.sequence)
                    amounts += 1
                if count > 1:
                    with self._ordered(customer, count - 1, 1e9) as card:
                        self.assertGreater(card.tier_id.sequence, tier.sequence)
            checked += 1
        return checked, amounts

    def test_promised_orders_lead_to_the_tier_by_bands(self):
        self._run()
        checked, amounts = self._check_promises()
        self.assertGreater(checked, 10)
        self.assertGreater(amounts, 0)

    def test_promised_orders_lead_to_the_tier_by_ranks(self):
        self.policy.min_population = 1
        self.policy.criterion_ids[2].weight = 2
        self._run()
        checked, amounts = self._check_promises()
        self.assertGreater(checked, 10)
        self.assertGreater(amounts, 3)

    def test_a_single_metric_of_conditions(self):
        top, low = self.policy.tier_ids[0], self.policy.tier_ids[3]
        self.policy.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.update(top.id, {"condition_ids": [Command.create({"metric": "monetary", "value": 2500})]}),
                    Command.delete(self.policy.tier_ids[1].id),
                    Command.delete(self.policy.tier_ids[2].id),
                ],
            }
        )
        self._run()
        checked = 0
        for customer in self.customers:
            card = self._card(customer)
            data = self._explain(customer)
            if card.tier_id == top:
                self.assertEqual(data["rule"], f"Platinum needs {data['rule'].split(' needs ')[1]}")
                self.assertIn("2,500.00", data["rule"])
                self.assertFalse(data["next"])
                continue
            self.assertEqual(card.tier_id, low)
            (way,) = data["next"]["ways"]
            missing = round(2500 - card.amount, 2)
            self.assertIn(f"{missing:,.2f}", way)
            self.assertIn("2,500.00", way)
            if missing > 0:
                with self._ordered(customer, 1, missing) as card:
                    self.assertEqual(card.tier_id, top)
                with self._ordered(customer, 1, missing - 0.01) as card:
                    self.assertEqual(card.tier_id, low)
                checked += 1
        self.assertGreater(checked, 5)

    def test_the_missing_amount_of_shares(self):
        for method, basis in (("revenue_share", False), ("customer_share", "monetary")):
            with self.subTest(method=method):
                shares = zip(self.policy.tier_ids, (20, 20, 30, 30), strict=True)
                self.policy.write(
                    {
                        "method": method,
                        "basis": basis,
                        "tier_ids": [Command.update(tier.id, {"share": share}) for tier, share in shares],
                    }
                )
                self._run()
                checked = 0
                for customer in self.customers:
                    data = self._explain(customer)
                    if not data["next"]:
                        continue
                    tier, before = self._card(customer).next_tier_id, self._card(customer).amount
                    in_tier = self.env["customer.tiering.scorecard"].search([("tier_id", "=", tier.id)])
                    if not data["next"]["ways"] or not in_tier:
                        continue
                    # the least who is in the tier, by what everybody's scorecard shows
                    missing = round(min(in_tier.mapped("amount")) - before, 2)
                    (way,) = data["next"]["ways"]
                    self.assertIn(f"{missing:,.2f}", way)
                    with self._ordered(customer, 1, missing) as card:
                        self.assertEqual(card.tier_id, tier)
                    with self._ordered(customer, 1, missing - 0.01) as card:
                        self.assertGreater(card.tier_id.sequence, tier.sequence)
                    checked += 1
                self.assertGreater(checked, 2)

    def test_clusters_promise_nothing(self):
        self.policy.write({"method": "clusters"})
        self._run()
        for customer in self.customers:
            data = self._explain(customer)
            self.assertIn("a group of customers who resemble each other", data["rule"])
            self.assertFalse(data["next"] and data["next"]["ways"])
