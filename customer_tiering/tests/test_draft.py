import random
from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import freeze_time, new_test_user, tagged

from .common import AS_OF, TieringCommon

METHODS = ("score", "customer_share", "revenue_share", "conditions", "clusters")


class DraftCommon(TieringCommon):
    """Quotations of today, which is AS_OF."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["customer.tiering.refresh"].search([]).unlink()

    def effect(self, order, user=None, values=None):
        env = self.env(user=user or self.salesperson, context={"allowed_company_ids": order.company_id.ids})
        return env["customer.tiering.draft"].get_effect(order.id, values)

    def foresee(self, order):
        """The engine's effect, None where nothing can be told."""
        Effect = self.env["customer.tiering.draft"].with_company(self.company)
        runs = self.env["customer.tiering.run"].sudo()
        policy = self.card(order.partner_id).policy_id
        money = Effect._get_money(self.company, Effect._get_values(order))
        return runs._foresee(policy, runs._get_measure(policy), order.partner_id.commercial_partner_id, money)

    def confirm(self, *orders):
        for order in orders:
            order.action_confirm()
        self.env["customer.tiering.refresh"]._process(self.company)
        self.env.invalidate_all()


@freeze_time("2026-06-30 10:00:00")
@tagged("post_install", "-at_install")
class TestDraft(DraftCommon):
    """What a quotation would do, against what it did.

    One criterion, the amount in bands of 100, 200, 500 and 1000: 0, 25, 50, 75 and 100 points. So
    Platinum is from 1000, Gold from 500, Silver from 200 on.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.criterion_ids = [
            Command.clear(),
            Command.create(
                {
                    "metric_id": cls.metric("monetary"),
                    "method": "bands",
                    "band_unit": "value",
                    **{f"band_{number}": cut for number, cut in enumerate((100, 200, 500, 1000), 1)},
                }
            ),
        ]
        cls.ann = cls.buyer("Ann", 40, amount=300)
        cls.pia = cls.new_customer("Pia")
        cls.order(cls.pia, state="draft")
        cls.compute()

    def test_it_says_score_tier_and_what_is_missing(self):
        # 300 + 250 = 550: 75 points; 450 more make 1000.
        found = self.effect(self.order(self.ann, amount=250, state="draft"))
        self.assertEqual(found["kind"], "up")
        self.assertEqual(
            found["text"],
            "Score 50 → 75, reaches Gold. $\xa0450.00 more would reach Platinum.",
        )

    def test_a_quotation_that_lifts_nobody(self):
        found = self.effect(self.order(self.ann, amount=10, state="draft"))
        self.assertEqual(found["kind"], "same")
        self.assertIn("Score 50 → 50, stays in Silver.", found["text"])
        self.assertIn("190.00", found["text"])  # 500 - 310

    def test_a_prospect(self):
        order = self.order(self.pia, amount=1000, state="draft")
        self.assertIn("Score 0 → 100, reaches Platinum.", self.effect(order)["text"])
        self.confirm(order)
        self.assertTiers({self.pia: "Platinum"})

    def test_what_stands_in_the_form_counts(self):
        order = self.order(self.ann, amount=10, state="draft")
        values = self.env["customer.tiering.draft"]._get_values(order)
        self.assertEqual(self.effect(order, values=values)["kind"], "same")
        values["amount_untaxed"] = 700.0
        values["lines"][0].update(price_unit=700.0, price_subtotal=700.0)
        self.assertIn("reaches Platinum", self.effect(order, values=values)["text"])

    def test_the_contact_of_a_firm_is_the_firm(self):
        contact = self.new_customer("Contact", parent_id=self.ann.id)
        self.assertIn("reaches Gold", self.effect(self.order(contact, amount=250, state="draft"))["text"])

    def assertUnknown(self, reason, found):  # noqa: N802
        self.assertEqual(found["kind"], "unknown")
        self.assertIn(reason, found["text"])
        self.assertNotRegex(found["text"], r"\d")

    def test_without_an_answer_it_says_why(self):
        order = self.order(self.ann, amount=250, state="draft")
        self.assertUnknown(
            "no lines with an amount", self.effect(self.order(self.ann, state="draft", order_line=False))
        )
        self.assertUnknown("no lines with an amount", self.effect(self.order(self.ann, amount=0, state="draft")))
        new = self.order(self.new_customer("New"), amount=250, state="draft")
        self.assertUnknown("no scorecard", self.effect(new))
        values = self.env["customer.tiering.draft"]._get_values(order)
        self.assertUnknown("so many lines", self.effect(order, values={**values, "lines": None}))
        self.env["customer.tiering.run"].search([("policy_id", "=", self.policy.id)]).version_id = False
        self.assertUnknown("has to be computed first", self.effect(order))

    def test_a_metric_that_only_the_order_shows(self):
        self.policy.criterion_ids = [Command.create({"metric_id": self.metric("categories"), "method": "bands"})]
        self.compute()
        self.assertUnknown("only the order will show", self.effect(self.order(self.ann, amount=250, state="draft")))

    def test_an_order_that_is_too_small_to_count(self):
        self.policy.min_order_amount = 50
        self.compute()
        order = self.order(self.ann, amount=49, state="draft")
        self.assertIn("would not count", self.effect(order)["text"])
        self.assertIn("50.00", self.effect(order)["text"])
        self.confirm(order)
        self.assertEqual(self.card(self.ann).amount, 300)

    def test_the_rules_of_the_last_run_count(self):
        order = self.order(self.ann, amount=250, state="draft")
        self.policy.min_order_amount = 1000
        self.assertIn("reaches Gold", self.effect(order)["text"])
        self.compute()
        self.assertIn("would not count", self.effect(order)["text"])

    def test_another_currency(self):
        euro = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "EUR")])
        euro.active = True
        pricelist = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        self.env["res.currency.rate"].search([("currency_id", "in", (euro | self.company.currency_id).ids)]).unlink()
        order = self.order(self.ann, amount=100, state="draft", pricelist_id=pricelist.id)
        self.assertEqual(order.currency_id, euro)
        self.assertUnknown("no exchange rate of EUR", self.effect(order))
        for day, rate in (("2026-01-01", 2.0), ("2026-06-30", 0.5)):
            self.env["res.currency.rate"].create(
                {"currency_id": euro.id, "company_id": self.company.id, "name": day, "rate": rate}
            )
        # 100 euros are 200 today, whatever they were: 300 + 200.
        order.date_order = self.noon(AS_OF, 100)
        found = self.effect(order)["text"]
        self.assertIn("reaches Gold", found)
        self.assertIn("$\xa0500.00 more", found)
        self.assertIn("exchange rate", found)
        self.confirm(order)
        self.assertEqual(self.card(self.ann).amount, 500)

    def test_a_policy_that_counts_invoices(self):
        self.accounting()
        self.policy.revenue_from = "invoice"
        self.compute()
        order = self.order(self.ann, amount=250, state="draft")
        found = self.effect(order)["text"]
        self.assertIn("Score 0 → 50, reaches Silver. This counts once the order is invoiced.", found)
        self.product.invoice_policy = "order"
        order.action_confirm()
        order._create_invoices().action_post()
        self.env["customer.tiering.refresh"]._process(self.company)
        self.env.invalidate_all()
        self.assertTiers({self.ann: "Silver"})

    def test_refunds_lower_what_it_starts_from(self):
        self.accounting()
        self.policy.refunds_at_once = True
        self.credit_note(self.ann, amount=200)
        order = self.order(self.ann, amount=250, state="draft")
        effect = self.foresee(order)
        self.confirm(order)
        self.assertEqual((effect.score, effect.tier), (self.card(self.ann).score, self.card(self.ann).tier_id.id))

    def test_upgrades_of_the_nightly_run(self):
        self.policy.upgrade_when = "run"
        order = self.order(self.ann, amount=250, state="draft")
        self.assertIn("reaches Gold with the next computation", self.effect(order)["text"])
        self.confirm(order)
        self.assertTiers({self.ann: "Silver"})
        self.compute()
        self.assertTiers({self.ann: "Gold"})

    def test_an_upgrade_that_is_announced(self):
        self.policy.upgrade_days = 5
        self.compute()
        order = self.order(self.ann, amount=250, state="draft")
        self.assertIn("goes up to Gold on 07/05/2026", self.effect(order)["text"])
        self.confirm(order)
        card = self.card(self.ann)
        self.assertEqual((card.tier_id.name, card.upgrade_date), ("Silver", AS_OF + timedelta(days=5)))

    def test_by_the_prices_of_the_tier(self):
        gold = self.policy.tier_ids[1]
        prices = self.env["product.pricelist"].create(
            {
                "name": "Gold",
                "company_id": self.company.id,
                "sequence": 99,
                "item_ids": [Command.create({"compute_price": "percentage", "percent_price": 10})],
            }
        )
        gold.pricelist_id = prices
        self.product.list_price = 250
        order = self.order(self.ann, amount=250, state="draft")
        self.assertIn("As Gold these lines would have cost $\xa025.00 less.", self.effect(order)["text"])
        # Ten per cent less of a line that was sold for a fifth less already would cost more.
        self.assertNotIn("would have cost", self.effect(self._discounted(20))["text"])
        self.assertIn("$\xa012.50 less.", self.effect(self._discounted(5))["text"])
        self.ann.specific_property_product_pricelist = self.env["product.pricelist"].create({"name": "Agreed"})
        self.assertNotIn("would have cost", self.effect(order)["text"])
        self.ann.specific_property_product_pricelist = False
        self.assertIn("would have cost", self.effect(order)["text"])
        order.pricelist_id = prices
        self.assertNotIn("would have cost", self.effect(order)["text"])

    def _discounted(self, discount):
        order = self.order(self.ann, amount=250, state="draft")
        order.order_line.discount = discount
        return order

    def test_who_may_ask(self):
        order = self.order(self.ann, amount=250, state="draft")
        portal = new_test_user(
            self.env, "draft_portal", "base.group_portal", company_id=self.company.id, company_ids=self.company.ids
        )
        accountant = self.new_user("draft_accountant", "account.group_account_invoice")
        own = self.new_user("draft_own", "sales_team.group_sale_salesman")
        order.user_id = self.manager
        for user in (portal, accountant, own):
            with self.subTest(user.login), self.assertRaises(AccessError):
                self.effect(order, user=user)
        # Who may not see the customer's card is told no number, whatever is said to stand in the form.
        self.ann.user_id = self.manager
        values = self.env["customer.tiering.draft"]._get_values(order)
        mine = self.order(self.pia, amount=5, state="draft", user_id=own.id)
        found = self.effect(mine, user=own, values=values)
        self.assertFalse(found and any(letter.isdigit() for letter in found["text"]))

    def test_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.new_user("draft_stranger", "sales_team.group_sale_salesman_all_leads", company=other)
        order = self.order(self.ann, amount=250, state="draft")
        env = self.env(user=stranger, context={"allowed_company_ids": other.ids})
        with self.assertRaises(AccessError):
            env["customer.tiering.draft"].get_effect(order.id, None)
        values = self.env["customer.tiering.draft"]._get_values(order)
        with self.assertRaises(AccessError):
            env["customer.tiering.draft"].get_effect(False, values)
        found = env["customer.tiering.draft"].get_effect(False, {**values, "company_id": other.id})
        self.assertUnknown("no scorecard", found)

    def test_what_is_no_quotation_any_more(self):
        order = self.order(self.ann, amount=250)
        self.assertFalse(self.effect(order))
        draft = self.order(self.ann, amount=250, state="draft")
        draft_id, draft_env = draft.id, self.env(user=self.salesperson)
        draft.unlink()
        self.assertFalse(draft_env["customer.tiering.draft"].get_effect(draft_id, None))

    def test_queries(self):
        order = self.order(self.ann, amount=250, state="draft")
        self.effect(order)
        self.env.invalidate_all()
        with self.assertQueryCount(34):
            self.effect(order)


@freeze_time("2026-06-30 10:00:00")
@tagged("post_install", "-at_install")
class TestDraftsAgainstOrders(DraftCommon):
    """500 quotations that are foreseen, then confirmed: the same scores and tiers."""

    def test_five_hundred_quotations(self):
        draw = random.Random(19)
        euro = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "EUR")])
        euro.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": "2026-01-01", "rate": 0.8}
        )
        prices = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        self.policy.criterion_ids = [
            Command.create({"metric_id": self.metric(key)}) for key in ("average_order", "growth", "regularity")
        ]
        self.policy.write({"min_order_amount": 20, "min_population": 10, "enter_margin": 2, "refunds_at_once": True})
        partners = self.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(100)])
        for partner in partners[15:]:
            for _order in range(draw.randint(1, 4)):
                self.order(partner, draw.randint(0, 500), round(draw.lognormvariate(4.5, 1), 2))
        for partner in partners[:15]:
            self.order(partner, state="draft")
        self.policy.tier_ids.write({"share": 25})
        for tier, amount in zip(self.policy.tier_ids[:3], (2000, 800, 200), strict=True):
            tier.condition_ids = [Command.create({"metric_id": self.metric("monetary"), "value": amount})]
        told, moved = 0, 0
        for method in METHODS:
            self.policy.method = method
            self.compute()
            wrong = []
            quotations = [
                self.order(
                    partner,
                    draw.randint(0, 30),
                    round(draw.choice((0.01, 15, 19.99, draw.lognormvariate(5, 1.2), 30000)), 2),
                    state="draft",
                    **({"pricelist_id": prices.id} if draw.random() < 0.3 else {}),
                )
                for partner in partners
            ]
            before = {partner: self.card(partner).tier_id for partner in partners}
            foreseen = {order: self.foresee(order) for order in quotations}
            self.confirm(*quotations)
            for order, effect in foreseen.items():
                card = self.card(order.partner_id)
                told += 1
                moved += card.tier_id != before[order.partner_id]
                if (round(effect.score, 2), effect.tier or False) != (round(card.score, 2), card.tier_id.id):
                    wrong.append((order.amount_untaxed, effect, card.score, card.tier_id.name))
            self.assertFalse(wrong, method)
        self.assertEqual(told, 500)
        self.assertGreater(moved, 100)
