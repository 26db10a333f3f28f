import random
import re
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import freeze_time, tagged
from odoo.tools.translate import code_translations

from .. import sentences
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
                self.order(partner, amount=part)
            self._refresh(partner)
            yield self.card(partner)
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
            cls.new_customer(name) for name in ("Best", "Middle", "Poor", "Asked")
        )
        for partner, days in ((cls.best, range(0, 100, 10)), (cls.middle, (40, 80, 120)), (cls.poor, (400,))):
            for days_ago in days:
                cls.order(partner, days_ago, 100)
        cls.order(cls.asked, 3, 70, state="draft")
        cls.contact = cls.new_customer("Buyer", parent_id=cls.middle.id)

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))

    def test_an_order_that_is_named_is_one_that_counts(self):
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": self.metric("recency"), "method": "bands"}),
        ]
        ann = self.buyer("Ann", 60)  # Gold, 75 points; an order today is 100
        for least, order, missing in ((0, "an order", "any amount"), (50, "an order of $\u00a050.00", "$\u00a050.00")):
            self.policy.min_order_amount = least
            self.compute()
            card = self.card(ann)
            self.assertEqual(card.explanation_data["next"]["sentence"], f"To reach Platinum: {order} today.")
            computation = self.policy._get_last_computation()
            self.assertEqual(sentences.say_missing_amount(card, *computation), missing)

    def test_a_customer_and_its_contacts_are_explained(self):
        self.compute()
        data = self._explain(self.middle)
        # 40 days → 75, 3 orders → 50, 3 median orders → 50, weighted alike
        self.assertEqual([line["text"] for line in data["lines"]], ["40 days", "3 orders", "$\u00a0300.00"])
        self.assertEqual([line["points"] for line in data["lines"]], [75, 50, 50])
        self.assertEqual(round(sum(line["contribution"] for line in data["lines"]), 2), 58.33)
        self.assertEqual(data["score"], 58.33)
        self.assertEqual(data["tier"], "Silver")
        self.assertEqual(data["rule"], "Silver starts at 40 points.")
        self.assertEqual((data["next"]["tier"], data["next"]["points"]), ("Gold", 1.67))
        self.assertFalse(data["keep"] or data["lock"])
        # orders on three days, all in the later half of the window
        self.assertEqual(data["lifecycle"]["meaning"], "Buys at least 25% more than before.")
        self.assertEqual(self._explain(self.contact), data)

    def test_the_text_says_all_of_it(self):
        self.compute()
        data = self._explain(self.middle)
        self.assertTrue(data["text"].startswith("Silver, 58.33 of 100 points."))
        for line in data["lines"]:
            self.assertIn(f"{line['label']}: {line['text']} gives", data["text"])
        self.assertIn(data["rule"], data["text"])
        # An order makes recency 100, which alone is enough: neither money nor orders need be said.
        self.assertEqual(data["next"]["ways"], ["an order today"])
        self.assertEqual(data["next"]["sentence"], "To reach Gold: an order today.")
        self.assertIn(data["next"]["sentence"], data["text"])
        self.assertEqual(data["lifecycle"]["sentence"], "Stage: Forming. Buys at least 25% more than before.")
        self.assertIn(data["lifecycle"]["sentence"], data["text"])

    def test_who_orders_once_a_year_at_a_fair_is_not_lost(self):
        fair = self.buyer("Fair", 368, 736, 1104)
        self.compute()
        # 368 days and nothing in the window: R 1, F 1 and M 1, the corner of the map. But on time by the own rhythm.
        card, data = self.card(fair), self._explain(fair)
        self.assertEqual((card.recency_score, card.lifecycle, card.risk), (1, "stable", "none"))
        sentence = (
            "Segment: About to sleep, not Long gone, "
            "because the last order is judged by the usual gap of 368 days, too."
        )
        self.assertEqual(data["segment"], {"label": "About to sleep", "sentence": sentence})
        self.assertIn(sentence, data["text"])
        # Where R, F and M alone say the same there is nothing to explain.
        self.assertFalse(self._explain(self.middle)["segment"])

    def test_who_never_bought_has_nothing_to_explain(self):
        self.compute()
        data = self._explain(self.asked)
        self.assertEqual((data["lines"], data["score"], data["tier"], data["rule"]), ([], 0, False, False))
        self.assertFalse(data["next"] or data["keep"] or data["lock"])
        self.assertEqual(data["lifecycle"]["meaning"], "Has not bought yet.")
        self.assertTrue(data["text"].startswith("No tier, 0.00 of 100 points."))

    def test_before_the_first_run_there_is_no_explanation(self):
        self.assertFalse(self._explain(self.middle))

    def test_labels_are_translated(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.compute()
        card = self.card(self.middle)
        recency = self.env.ref("customer_tiering.customer_tiering_metric_recency")
        recency.with_context(lang="de_DE").name = "Aktualität"
        self.env.invalidate_all()
        german = card.with_context(lang="de_DE").explanation_data["lines"][0]
        english = card.with_context(lang="en_US").explanation_data["lines"][0]
        self.assertEqual((german["label"], english["label"]), ("Aktualität", "Recency"))
        money = card.with_context(lang="de_DE").explanation_data["lines"][2]["text"]
        self.assertIn("300,00", money)

    def test_numbers_are_written_in_the_users_language(self):
        # It writes numbers as German does, and the addon speaks English in it.
        self.env["res.lang"]._activate_lang("it_IT")
        self.order(self.middle, 40, 1000)
        self.compute()
        card = self.card(self.middle)
        self.assertIn("1,300.00", card.with_context(lang="en_US").explanation_data["lines"][2]["text"])
        italian = card.with_context(lang="it_IT").explanation_data
        self.assertIn("1.300,00", italian["lines"][2]["text"])
        # 75 + 50 + 75 points, a third of each
        self.assertEqual((italian["total_text"], italian["score_text"]), ("66,67", "66,67 of 100 points"))
        line = italian["lines"][1]
        self.assertEqual(
            (line["points_text"], line["weight_text"], line["contribution_text"]), ("50,0", "1", "16,67 of 33,33")
        )

    def test_after_an_edit_the_last_runs_rules_still_explain(self):
        self.compute()
        before = self._explain(self.middle)
        silver = self.policy.tier_ids[2]
        silver.write({"entry_floor": 45, "keep_floor": 45})
        self.policy.criterion_ids[0].weight = 5
        self.assertEqual(self._explain(self.middle), before)
        self.compute()
        # 75 × 5, 50, 50 by 7: 67.86
        data = self._explain(self.middle)
        self.assertEqual((data["score"], data["tier"], data["rule"]), (67.86, "Gold", "Gold starts at 60 points."))

    def test_an_announced_downgrade_is_explained_and_can_be_called_off(self):
        self.policy.grace_days = 30
        self.compute_after(-40)  # Middle bought on that day: 100, 25 or 50 …
        self.policy.tier_ids[2].write({"entry_floor": 59, "keep_floor": 59})
        was = self.card(self.middle).tier_id
        self.compute()
        card = self.card(self.middle)
        self.assertEqual((card.computed_tier_id, card.pending_tier_id.name), (was, "Bronze"))
        data = self._explain(self.middle)
        self.assertEqual((data["keep"]["tier"], data["keep"]["to"]), (was.name, "Bronze"))
        self.assertIn("07/30/2026", data["keep"]["date"])  # 30 days after 30 June
        (way,) = data["keep"]["ways"]
        self.assertEqual(
            data["keep"]["sentence"],
            f"On 07/30/2026 the tier falls to Bronze. To keep {was.name}: {way}.",
        )
        self.assertIn(data["keep"]["sentence"], data["text"])
        count, amount = self._read_order(data["keep"]["ways"][0])
        with self._ordered(self.middle, count, amount or 0.01) as card:
            self.assertFalse(card.pending_tier_id)
            self.assertGreaterEqual(was.sequence, card.computed_tier_id.sequence)

    def test_keeping_is_easier_than_entering(self):
        gold = self.policy.tier_ids[1]
        gold.keep_floor = 50
        self.order(self.middle, 0, 100)
        self.compute()
        data = self._explain(self.middle)
        self.assertEqual(data["rule"], "Gold starts at 60 points and is kept down to 50.")

    def test_a_lock_is_explained(self):
        self.compute()
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
                "holds": True,
                "sentence": f"At least Platinum until 07/31/2026, decided by {self.manager.name}: Strategic account. "
                "The rules alone come to Silver.",
            },
        )
        self.assertEqual(data["tier"], "Platinum")
        self.assertIn(data["lock"]["sentence"], data["text"])
        self.assertFalse(data["next"])

    def test_who_is_locked_in_exactly_a_tier_is_promised_none(self):
        self.compute()
        self.env["customer.tiering.lock"].create(
            {"partner_id": self.middle.id, "tier_id": self.policy.tier_ids[2].id, "mode": "fixed", "reason": "Agreed"}
        )
        data = self._explain(self.middle)
        self.assertFalse(data["next"])
        self.assertNotIn("To reach", data["text"])
        # The lock says what the rules say.
        self.assertEqual(data["lock"]["sentence"], "Exactly Silver, decided by OdooBot: Agreed.")

    def test_texts_of_people_stay_text(self):
        self.compute()
        tier, reason = self.policy.tier_ids[0], "<b>%(tier)s</b> & {{ 1 + 1 }}"
        tier.name = "<i>Top</i> 100 %"
        self.env["customer.tiering.lock"].create(
            {"partner_id": self.middle.id, "tier_id": tier.id, "mode": "floor", "reason": reason}
        )
        sentence = self._explain(self.middle)["lock"]["sentence"]
        self.assertTrue(sentence.startswith(f"At least <i>Top</i> 100 %, decided by OdooBot: {reason}. "))
        self.assertIs(type(sentence), str)  # no Markup: what shows it has to escape it


class Brackets(dict):
    """A translation that puts each text between brackets, so that what is not translated whole stands outside.

    But for how the language joins two sentences.
    """

    def get(self, source, default=None):
        return source if source == "%(text)s %(sentence)s" else f"«{source}»"


@tagged("post_install", "-at_install")
class TestWholeSentences(ExplanationCommon):
    """A translator sees each sentence whole: nothing is put together from parts of sentences."""

    PARTS = ("next", "keep", "lock", "segment", "lifecycle", "risk")

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))
        self.env["res.lang"]._activate_lang("fr_FR")
        # What people translate themselves stands alone, too.
        for metric in self.env["customer.tiering.metric"].search([("deed", "!=", False)]):
            metric.with_context(lang="fr_FR").deed = f"«{metric.deed}»"
        self.startPatcher(
            patch.dict(code_translations.python_translations, {("customer_tiering", "fr_FR"): Brackets()})
        )

    def _split(self, text):
        """The sentences in brackets of a text, which are all of it, with a space between them."""
        sentences, depth, start = [], 0, 0
        for place, character in enumerate(text):
            if depth == 0:
                self.assertEqual(character, " " if place and place == start else "«", text)
            depth += {"«": 1, "»": -1}.get(character, 0)
            if depth == 0 and character == "»":
                sentences.append(text[start : place + 1].strip())
                start = place + 1
        self.assertEqual((depth, start), (0, len(text)), text)
        return sentences

    def _check(self, partner):
        """Check all texts of a customer's explanation; return the parts that there are."""
        self.env.invalidate_all()
        data = self.card(partner).with_context(lang="fr_FR").explanation_data
        for text in [data["score_text"], *(line["contribution_text"] for line in data["lines"])]:
            self.assertEqual(self._split(text), [text])
        sentences = []
        if data["rule"]:
            self.assertEqual(self._split(data["rule"]), [data["rule"]])
            sentences.append(data["rule"])
        for name in self.PARTS:
            part = data[name] or {"sentence": False}
            for way in part.get("ways", ()):
                self.assertEqual(self._split(way), [way])
            if part["sentence"]:
                sentences += self._split(part["sentence"])
            if name == "risk" and data["risk"]:
                self._split(data["risk"]["reason"])
        # the heading, a sentence per criterion, and these
        self.assertEqual(self._split(data["text"])[1 + len(data["lines"]) :], sentences)
        return {name for name in ("rule", *self.PARTS) if data[name]}

    def _customers(self):
        """Customers of all kinds: late, falling, silent, frequent, new, and one who never bought."""
        everybody = self.env["res.partner"]
        for name, orders in (
            ("Late", [(days, 50) for days in range(64, 170, 21)] + [(days, 200) for days in (190, 211, 232)]),
            ("Silent", [(100, 100), (125, 100), (150, 100)]),
            ("Frequent", [(days, 300) for days in range(0, 300, 20)]),
            ("Middle", [(40, 100), (80, 100), (120, 100)]),
            ("Once", [(80, 200)]),
            ("Lost", [(400, 5000)]),
            ("New", [(3, 10)]),
            ("Asked", []),
        ):
            partner = self.new_customer(name)
            for days_ago, amount in orders:
                self.order(partner, days_ago, amount)
            if not orders:
                self.order(partner, 3, state="draft")
            everybody |= partner
        everybody[1].message_post(body="They called", message_type="comment").date = self.noon(AS_OF, 95)
        self.policy.lifecycle_falling = 33
        return everybody

    def test_by_the_score_with_a_lock_and_an_announced_downgrade(self):
        everybody = self._customers()
        self.policy.grace_days = 30
        self.compute(AS_OF - timedelta(days=60))
        self.compute()
        for number, (mode, date_end) in enumerate(
            (mode, date_end) for mode in ("floor", "fixed") for date_end in (False, AS_OF + timedelta(days=9))
        ):
            self.env["customer.tiering.lock"].create(
                {
                    "partner_id": everybody[number].id,
                    "tier_id": self.policy.tier_ids[number].id,
                    "mode": mode,
                    "date_end": date_end,
                    "reason": "Agreed",
                }
            )
        found = set().union(*map(self._check, everybody))
        self.assertEqual(found, {"rule", *self.PARTS})

    def test_by_the_other_methods(self):
        everybody = self._customers()
        top, *others = self.policy.tier_ids
        conditions = [("frequency", ">=", 12), ("recency", "<=", 90), ("monetary", ">=", 2500)]
        top.condition_ids = [
            Command.create({"metric_id": self.metric(metric), "operator": operator, "value": value})
            for metric, operator, value in conditions
        ]
        for tier in others[:-1]:
            tier.condition_ids = [Command.create({"metric_id": self.metric("contacts"), "value": 3})]
        for tier, share in zip(self.policy.tier_ids, (20, 20, 30, 30), strict=True):
            tier.share = share
        for values in (
            {"method": "conditions"},
            {"method": "customer_share", "basis_id": self.metric("contact_recency")},
            {"method": "revenue_share"},
            {"method": "clusters"},
        ):
            for match in ("all", "any") if values["method"] == "conditions" else ("all",):
                with self.subTest(match=match, **values):
                    self.policy.write(values)
                    top.match = match
                    self.compute()
                    self.assertIn("rule", set().union(*map(self._check, everybody)))

    def test_what_conditions_need_together_is_joined_by_and(self):
        everybody = self._customers()
        top, *others = self.policy.tier_ids
        top.condition_ids = [
            Command.create({"metric_id": self.metric("frequency"), "value": 12}),
            Command.create({"metric_id": self.metric("monetary"), "value": 2500}),
        ]
        for tier in others[:-1]:
            tier.condition_ids = [Command.create({"metric_id": self.metric("frequency"), "value": 3})]
        self.policy.method = "conditions"
        for match, joint in (("all", "and"), ("any", "or")):
            top.match = match
            self.compute()
            silent = self.card(everybody[3])  # 3 orders of 100
            following = silent.explanation_data["next"]
            self.assertEqual(silent.next_tier_id, top)
            self.assertEqual(following["together"], match == "all")
            self.assertEqual(
                following["sentence"],
                f"To reach Platinum: 9 orders more (12 orders in all) {joint} "
                "$\u00a02,200.00 more ($\u00a02,500.00 in all).",
            )


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
                cls.order(customer, rng.choice((1, 30, 90, 200, 364, 500)), rng.choice((50, 100, 333.33, 2000)))

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
            # One and the same order, said as so much money, so many orders or a day, is not offered again.
            self.assertEqual(len(data["next"]["ways"]), 1)
            tier = self.card(customer).next_tier_id
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
        self.compute()
        checked, amounts = self._check_promises()
        self.assertGreater(checked, 10)
        self.assertGreater(amounts, 0)

    def test_promised_orders_lead_to_the_tier_by_ranks(self):
        self.policy.min_population = 1
        self.policy.criterion_ids[2].weight = 2
        self.compute()
        checked, amounts = self._check_promises()
        self.assertGreater(checked, 10)
        self.assertGreater(amounts, 3)

    def test_a_single_metric_of_conditions(self):
        top, low = self.policy.tier_ids[0], self.policy.tier_ids[3]
        self.policy.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.update(
                        top.id,
                        {"condition_ids": [Command.create({"metric_id": self.metric("monetary"), "value": 2500})]},
                    ),
                    Command.delete(self.policy.tier_ids[1].id),
                    Command.delete(self.policy.tier_ids[2].id),
                ],
            }
        )
        self.compute()
        checked = 0
        for customer in self.customers:
            card = self.card(customer)
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
        for method, basis in (("revenue_share", False), ("customer_share", self.metric("monetary"))):
            with self.subTest(method=method):
                shares = zip(self.policy.tier_ids, (20, 20, 30, 30), strict=True)
                self.policy.write(
                    {
                        "method": method,
                        "basis_id": basis,
                        "tier_ids": [Command.update(tier.id, {"share": share}) for tier, share in shares],
                    }
                )
                self.compute()
                checked = 0
                for customer in self.customers:
                    data = self._explain(customer)
                    if not data["next"]:
                        continue
                    tier, before = self.card(customer).next_tier_id, self.card(customer).amount
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
        self.compute()
        for customer in self.customers:
            data = self._explain(customer)
            self.assertIn("a group of customers who resemble each other", data["rule"])
            self.assertFalse(data["next"] and data["next"]["ways"])
