from datetime import datetime, timedelta

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import AS_OF, TieringCommon


class BenefitsCommon(TieringCommon):
    """Ann is in Gold, Bob in Bronze; 500 of revenue make the difference."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.write(
            {
                "min_population": 0,
                "method": "conditions",
                "tier_ids": [
                    *(Command.delete(tier.id) for tier in cls.policy.tier_ids[1:3]),
                    Command.update(
                        cls.policy.tier_ids[0].id,
                        {
                            "name": "Gold",
                            "condition_ids": [Command.create({"metric_id": cls.metric("monetary"), "value": 500})],
                        },
                    ),
                ],
            }
        )
        cls.gold, cls.bronze = cls.policy.tier_ids
        cls.other_company = cls.env["res.company"].create({"name": "Other Company"})
        cls.ann, cls.bob = cls.new_customer("Ann", is_company=True), cls.new_customer("Bob")
        cls.contact = cls.new_customer("Buyer of Ann", parent_id=cls.ann.id)
        cls.order(cls.ann, amount=2000)
        cls.order(cls.bob, amount=50)
        cls.compute()

    @classmethod
    def _pricelist(cls, name, **values):
        return cls.env["product.pricelist"].create({"name": name, "company_id": False, **values})

    @classmethod
    def _terms(cls, name, **values):
        return cls.env["account.payment.term"].create({"name": name, "company_id": False, **values})

    def _quotation(self, partner, user=None, company=None, **values):
        company = company or self.company
        orders = self.env["sale.order"].with_user(user or self.env.user).with_company(company)
        return orders.create({"partner_id": partner.id, "company_id": company.id, **values})

    def assertNothingStored(self, partner, *fnames):  # noqa: N802 - like unittest's own
        self.env.flush_all()
        for fname in fnames:
            self.env.cr.execute(f"SELECT {fname}::text FROM res_partner WHERE id = %s", [partner.id])
            self.assertEqual(self.env.cr.fetchone(), (None,), fname)


@tagged("post_install", "-at_install")
class TestPriceSource(BenefitsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usual = cls._pricelist("Usual", sequence=0, company_id=cls.company.id)
        cls.best = cls._pricelist("Best", sequence=8)
        cls.personal = cls._pricelist("Personal", sequence=9)
        cls.gold.pricelist_id = cls.best

    def assertSources(self, expected):  # noqa: N802 - like unittest's own
        self.env.invalidate_all()
        partners = self.env["res.partner"].with_user(self.salesperson).browse(partner.id for partner in expected)
        self.assertEqual(
            {partner.name: partner.tiering_price_source for partner in partners},
            {partner.name: source for partner, source in expected.items()},
        )

    def test_every_source_is_named_on_the_customer_and_its_contacts(self):
        gold, default = "From the Gold tier", "Default for all customers"
        self.assertSources({self.ann: gold, self.contact: gold, self.bob: default})
        belgium = self.env.ref("base.be")
        benelux = self.env["res.country.group"].create({"name": "X", "country_ids": [Command.set(belgium.ids)]})
        self._pricelist("Benelux", country_group_ids=[Command.set(benelux.ids)])
        (self.ann | self.bob).country_id = belgium
        self.assertSources({self.ann: gold, self.bob: "For customers in Belgium"})
        (self.ann | self.bob).property_product_pricelist = self.personal
        instead = "Set by hand; the Gold tier would give Best (USD)"
        self.assertSources({self.ann: instead, self.contact: instead, self.bob: "Set by hand"})
        self.personal.active = False  # an archived choice is none
        self.assertSources({self.ann: gold, self.contact: gold, self.bob: "For customers in Belgium"})

    def test_what_a_grade_chose_is_a_choice_although_the_tier_would_give_the_same(self):
        self.ann.grade_id = self.env["res.partner.grade"].create(
            {"name": "Partner", "default_pricelist_id": self.best.id}
        )
        self.assertSources({self.ann: "Set by hand", self.contact: "Set by hand"})

    def test_the_default_pricelist_can_be_chosen_against_the_tier(self):
        self.ann.property_product_pricelist = self.usual
        self.env.invalidate_all()
        self.assertEqual((self.ann | self.contact).property_product_pricelist, self.usual)
        self.assertSources({self.ann: "Set by hand; the Gold tier would give Best (USD)"})
        self.ann.property_product_pricelist = self.best  # back to the tier's is no choice
        self.assertNothingStored(self.ann, "specific_property_product_pricelist")
        self.assertSources({self.ann: "From the Gold tier"})

    def test_the_form_says_it_before_it_is_saved(self):
        manager = self.new_user("partner_manager", "sales_team.group_sale_manager,base.group_partner_manager")
        with Form(self.ann.with_user(manager)) as form:
            self.assertEqual(form.tiering_price_source, "From the Gold tier")
            form.property_product_pricelist = self.usual
            self.assertEqual(form.tiering_price_source, "Set by hand; the Gold tier would give Best (USD)")
        self.assertEqual(self.ann.specific_property_product_pricelist, self.usual)

    def test_without_pricelists_or_sales_rights_nothing_is_said(self):
        clerk = self.new_user("clerk", "base.group_user,base.group_partner_manager")
        with self.assertRaises(AccessError):
            self.ann.with_user(clerk).read(["tiering_price_source"])
        view = self.env["res.partner"].with_user(clerk).get_view(view_type="form")["arch"]
        self.assertNotIn("tiering_price_source", view)
        self.env.ref("base.group_user")._remove_group(self.env.ref("product.group_product_pricelist"))
        self.assertSources({self.ann: False})  # so the form hides it


@tagged("post_install", "-at_install")
class TestPriceHint(BenefitsCommon):
    """Ann rises from Bronze to Gold on AS_OF, by an order of that day."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usual = cls._pricelist("Usual", sequence=0, company_id=cls.company.id)
        cls.best = cls._pricelist("Best", sequence=8)
        cls.best.item_ids = [
            Command.create({"applied_on": "3_global", "compute_price": "percentage", "percent_price": 10})
        ]
        cls.gold.pricelist_id = cls.best
        cls.product.list_price = 80
        cls.eve = cls.new_customer("Eve")
        cls.order(cls.eve, 5, 50)
        cls.compute_after(-1)

    def _draft(self, partner=None, created=None, **values):
        """A quotation of one disc for 80 (``price_unit`` left to the pricelist), made ``created`` (UTC)."""
        order = self._quotation(
            partner or self.eve,
            order_line=[Command.create({"product_id": self.product.id, "product_uom_qty": 1})],
            **values,
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE sale_order SET create_date = %s WHERE id = %s", [created or self.noon(AS_OF, 3), order.id]
        )
        return order

    def _rise(self):
        self.order(self.eve, amount=2000)
        self.compute()
        self.assertTiers({self.eve: "Gold"})
        self.env.invalidate_all()

    def _hints(self, *orders):
        self.env.invalidate_all()
        return [order.with_user(self.salesperson).tiering_price_hint for order in orders]

    def test_a_draft_older_than_the_tier_says_so_and_can_follow(self):
        draft = self._draft()
        self.assertEqual(self._hints(draft), [False])
        self._rise()
        self.assertEqual(draft.pricelist_id, self.usual)
        text = (
            "This customer has moved to Gold. The customer's pricelist is Best (USD); "
            "this quotation still uses Usual (USD)."
        )
        self.assertEqual(self._hints(draft), [text])
        self.assertEqual(draft.amount_untaxed, 80)
        draft.with_user(self.salesperson).action_tiering_update_prices()
        self.assertEqual(draft.pricelist_id, self.best)
        self.assertEqual(draft.amount_untaxed, 72)  # 80 less 10 %
        self.assertEqual(self._hints(draft), [False])
        self.assertIn("recomputed", draft.message_ids[:1].body)

    def test_a_customer_who_left_the_tier_has_the_former_prices_again(self):
        self._rise()
        draft = self._draft()
        self.assertEqual(draft.pricelist_id, self.best)
        self.order(self.eve, amount=-1900)
        self.compute_after(1)
        self.assertTiers({self.eve: "Bronze"})
        self.assertIn("moved to Bronze. The customer's pricelist is Usual", self._hints(draft)[0])
        draft.action_tiering_update_prices()
        self.assertEqual((draft.pricelist_id, draft.amount_untaxed), (self.usual, 80))

    def test_nobody_is_nagged_without_reason(self):
        made_after = self._draft(created=self.noon(AS_OF, -1))
        made_after.pricelist_id = self.usual  # chosen when the customer was in Gold already
        sent, cancelled, confirmed = (self._draft() for _ in range(3))
        sent.state = "sent"
        cancelled.state = "cancel"
        confirmed.write({"state": "sale"})
        same = self._draft(pricelist_id=self.best.id)
        chosen = self._draft()
        unsaved = self.env["sale.order"].new({"partner_id": self.eve.id, "company_id": self.company.id})
        self._rise()
        self.assertEqual(self._hints(made_after, sent, cancelled, confirmed, same), [False] * 5)
        self.assertFalse(unsaved.tiering_price_hint)
        self.assertTrue(self._hints(chosen)[0])
        self.eve.property_product_pricelist = self.usual  # a choice for the customer: the tier changes nothing
        self.assertEqual(self._hints(chosen), [False])
        # Sent quotations keep pricelist and prices, whoever asks.
        with self.assertRaisesRegex(UserError, "is no longer a draft, so its prices stay"):
            sent.action_tiering_update_prices()
        self.assertEqual((sent.pricelist_id, sent.amount_untaxed), (self.usual, 80))

    def test_a_tier_without_influence_on_the_price_is_no_reason(self):
        self.gold.pricelist_id = False
        draft = self._draft(pricelist_id=self._pricelist("Fair", sequence=9).id)
        self._rise()
        self.assertEqual(self._hints(draft), [False])

    def test_the_day_is_one_of_the_company(self):
        self.company.partner_id.tz = "Europe/Brussels"  # two hours ahead of UTC in June
        last_minute = datetime.combine(AS_OF, datetime.min.time()) + timedelta(hours=21, minutes=59)
        drafts = [self._draft(created=last_minute + timedelta(minutes=minutes)) for minutes in (0, 1)]
        self._rise()  # 23:59 is on the day of the rise, 0:00 is after it
        self.assertEqual([bool(hint) for hint in self._hints(*drafts)], [True, False])

    def test_another_company_has_its_own_tiers(self):
        self.env.user.company_ids |= self.other_company
        self.salesperson.company_ids |= self.other_company
        foreign = self._draft(company=self.other_company)
        draft = self._draft()
        self._rise()
        orders = (
            (draft | foreign)
            .with_user(self.salesperson)
            .with_context(allowed_company_ids=(self.company | self.other_company).ids)
        )
        self.assertEqual([bool(order.tiering_price_hint) for order in orders], [True, False])

    def test_orders_that_are_no_drafts_cost_no_query(self):
        orders = self.env["sale.order"].union(*(self._draft() for _ in range(5)))
        self._rise()
        orders.state = "sent"
        self.env.flush_all()
        self.env.invalidate_all()
        orders.mapped("state")
        with self.assertQueryCount(0):
            orders.mapped("tiering_price_hint")
        orders.state = "draft"
        self.env.flush_all()
        self.env.invalidate_all()
        orders[0].mapped("tiering_price_hint")  # what is read once, such as the company
        queries = []
        for count in (1, 5):
            orders.invalidate_recordset()
            self.env["customer.tiering.scorecard"].invalidate_model()
            before = self.env.cr.sql_log_count
            self.assertTrue(all(orders[:count].mapped("tiering_price_hint")))
            queries.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*queries)  # as many for five quotations as for one

    def test_the_banner_is_for_salespeople(self):
        arch = self.env["sale.order"].with_user(self.salesperson).get_view(view_type="form")["arch"]
        self.assertIn("action_tiering_update_prices", arch)
        with self.assertRaises(AccessError):
            clerk = self.new_user("clerk", "account.group_account_invoice")
            self._draft().with_user(clerk).read(["tiering_price_hint"])


@tagged("post_install", "-at_install")
class TestUnusableBenefits(BenefitsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.best, cls.days = cls._pricelist("Best"), cls._terms("10 Days")
        cls.team = cls.env["crm.team"].create({"name": "Key Accounts", "company_id": False})
        cls.mia = cls.new_user("mia_tiering", "sales_team.group_sale_salesman", name="Mia")
        cls.gold.write(
            {
                "pricelist_id": cls.best.id,
                "payment_term_id": cls.days.id,
                "user_id": cls.mia.id,
                "team_id": cls.team.id,
            }
        )

    def _warning(self):
        self.env.invalidate_all()
        return self.gold.with_user(self.salesperson).benefit_warning

    def test_a_pricelist_that_everybody_gets_is_reported(self):
        self.assertFalse(self._warning())
        # The first without a country is everybody's.
        self.env["product.pricelist"].search([("id", "!=", self.best.id)]).sequence = 20
        self.best.sequence = 1
        self.assertIn("Best is not for Gold only", self._warning())
        self.assertEqual(self.bob.property_product_pricelist, self.best)
        self.best.country_group_ids = self.env["res.country.group"].search([], limit=1)
        self.assertFalse(self._warning())
        self.assertNotEqual(self.bob.property_product_pricelist, self.best)

    def test_what_is_archived_or_moved_later_is_reported_and_not_used(self):
        self.assertFalse(self._warning())
        self.assertFalse(self.compute().note)
        self.best.active = False
        archived = "Pricelist of Gold: Best (USD) is archived and therefore not used. Choose another, or none."
        self.assertEqual(self._warning(), archived)
        self.best.write({"active": True, "company_id": self.other_company.id})
        self.days.company_id = self.other_company
        self.team.active = False
        self.mia.active = False
        moved = (
            "belongs to Other Company, so Tiering Company cannot use it. "
            "Choose one of Tiering Company, or one for all companies."
        )
        lines = [
            f"Pricelist of Gold: Best (USD) {moved}",
            f"Payment Terms of Gold: 10 Days {moved}",
            "Account Manager of Gold is not proposed: Mia is archived. Choose somebody else, or nobody.",
            "Sales Team of Gold: Key Accounts is archived and therefore not used. Choose another, or none.",
        ]
        self.assertEqual(self._warning().split("\n"), lines)
        self.assertEqual(self.policy.with_user(self.manager).benefit_warning.split("\n"), lines)
        order = self._quotation(self.ann, user=self.salesperson)
        self.assertEqual(order.user_id, self.salesperson)
        self.assertNotEqual(order.pricelist_id, self.best)
        self.assertFalse(order.payment_term_id)
        self.assertNotEqual(order.team_id, self.team)

    def test_the_run_notes_it_beside_what_else_it_notes(self):
        self.best.active = False
        self.policy.min_population = 100
        self.policy.method = "score"
        self.gold.entry_floor = 50
        fixed, unused = self.compute().note.split("\n")
        self.assertIn("the fixed bands of each criterion were used", fixed)
        self.assertIn("Pricelist of Gold: Best (USD) is archived", unused)

    def test_what_cannot_be_used_is_refused(self):
        other = {"company_id": self.other_company.id}
        for fname, value, message in (
            ("payment_term_id", self._terms("Late", **other), "Late belongs to Other Company"),
            ("payment_term_id", self._terms("Old", active=False), "Old is archived"),
            ("team_id", self.env["crm.team"].create({"name": "Far", **other}), "Far belongs to Other Company"),
            ("pricelist_id", self._pricelist("Dear", **other), r"Dear \(USD\) belongs to Other Company"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValidationError, message):
                self.gold.with_user(self.manager)[fname] = value
        with self.assertRaises(AccessError):
            self.gold.with_user(self.salesperson).user_id = self.salesperson

    def test_no_key_of_the_context_spares_a_benefit_its_judgement(self):
        late = self._terms("Late", company_id=self.other_company.id)
        gold = self.gold.with_user(self.manager).with_context(tiering_simulation=True)
        with self.assertRaisesRegex(ValidationError, "Late belongs to Other Company"), self.env.cr.savepoint():
            gold.payment_term_id = late
        with self.assertRaisesRegex(ValidationError, "Late belongs to Other Company"), self.env.cr.savepoint():
            gold.policy_id.tier_ids = [Command.update(gold.id, {"payment_term_id": late.id})]
        self.assertFalse(gold.copy({"entry_floor": 50}).origin_id)

    def test_one_that_cannot_be_used_does_not_stop_other_changes(self):
        self.best.active = False
        self.mia.active = False
        self.gold.with_user(self.manager).write({"color": 5, "payment_term_id": self._terms("20 Days").id})
        copied = self.policy.copy({"partner_domain": "[('is_company', '=', True)]"}).tier_ids[0]
        self.assertFalse(copied.pricelist_id or copied.user_id)
        self.assertEqual((copied.payment_term_id.name, copied.team_id), ("20 Days", self.team))

    def test_a_simulation_copies_them_and_applying_takes_them_over(self):
        self.mia.active = False  # neither beginning nor applying is stopped by what was there before
        simulation = self.policy.with_user(self.manager).action_simulate()
        draft = self.env["customer.tiering.policy"].browse(simulation["res_id"])
        twin = draft.tier_ids[0]
        self.assertEqual(
            (twin.pricelist_id, twin.payment_term_id, twin.user_id, twin.team_id),
            (self.best, self.days, self.mia, self.team),
        )
        with self.assertRaisesRegex(ValidationError, "belongs to Other Company"):
            twin.payment_term_id = self._terms("Late", company_id=self.other_company.id)
        later = self._terms("60 Days")
        twin.write({"payment_term_id": later.id, "team_id": False})
        draft.action_simulation_compute()
        self.assertEqual(self.gold.payment_term_id, self.days)
        draft.action_simulation_apply()
        self.assertEqual(
            (self.gold.pricelist_id, self.gold.payment_term_id, self.gold.user_id, self.gold.team_id),
            (self.best, later, self.mia, self.env["crm.team"]),
        )

    def test_a_simulation_can_go_back_to_what_the_policy_has(self):
        self.mia.active = False
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        twin = draft.tier_ids[0].with_user(self.manager)
        twin.user_id = False
        twin.user_id = self.mia  # the policy has her already
        with self.assertRaisesRegex(ValidationError, "Mia is archived"):
            draft.tier_ids[1].with_user(self.manager).user_id = self.mia

    def test_what_a_tier_of_another_company_has_is_no_excuse(self):
        dear = self._pricelist("Dear", company_id=self.other_company.id)
        theirs = self.other_company.tiering_policy_ids.tier_ids[0]
        theirs.pricelist_id = dear
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        for tier in (self.gold, draft.tier_ids[0]):
            tier.origin_id = theirs
            with self.assertRaisesRegex(ValidationError, "belongs to Other Company"):
                tier.with_user(self.manager).pricelist_id = dear

    def test_what_was_archived_since_it_was_simulated_is_not_applied(self):
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        later = self._terms("60 Days")
        draft.tier_ids[0].payment_term_id = later
        draft.action_simulation_compute()
        later.active = False
        with self.assertRaisesRegex(ValidationError, "60 Days is archived"), self.env.cr.savepoint():
            draft.action_simulation_apply()
        self.assertEqual(self.gold.payment_term_id, self.days)
        draft.tier_ids[0].payment_term_id = self.days
        draft.action_simulation_compute()
        draft.action_simulation_apply()

    def test_a_simulation_does_not_undo_what_the_policy_got_meanwhile(self):
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        draft.action_simulation_compute()
        self.gold.payment_term_id = self._terms("60 Days")
        with self.assertRaisesRegex(UserError, "was changed after this simulation began"):
            draft.action_simulation_apply()


@tagged("post_install", "-at_install")
class TestPaymentTerms(BenefitsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accounting()
        cls.long, cls.short = cls._terms("60 Days"), cls._terms("10 Days")
        cls.gold.payment_term_id = cls.long

    def _invoice(self, partner, move_type="out_invoice", company=None, **values):
        return (
            self.env["account.move"]
            .with_company(company or self.company)
            .create({"move_type": move_type, "partner_id": partner.id, **values})
        )

    def assertTerms(self, expected):  # noqa: N802 - like unittest's own
        """``expected``: ``{partner: terms}`` of a new quotation and a new invoice."""
        self.env.invalidate_all()
        for partner, terms in expected.items():
            with self.subTest(partner=partner.name, terms=terms.name):
                self.assertEqual(self._quotation(partner).payment_term_id, terms)
                self.assertEqual(self._invoice(partner).invoice_payment_term_id, terms)
                self.assertEqual(self._invoice(partner, "out_refund").invoice_payment_term_id, terms)

    def test_a_choice_wins_then_the_tier_then_the_default(self):
        none = self.long.browse()
        self.assertTerms({self.ann: self.long, self.contact: self.long, self.bob: none})
        self.env["ir.default"].set("res.partner", "property_payment_term_id", self.short.id, company_id=self.company.id)
        # The company's default is on every partner, so it is no choice.
        self.assertTerms({self.ann: self.long, self.contact: self.long, self.bob: self.short})
        self.assertNothingStored(self.ann, "property_payment_term_id")
        immediate = self._terms("Immediate")
        self.ann.property_payment_term_id = immediate
        self.assertTerms({self.ann: immediate, self.contact: immediate})
        self.ann.property_payment_term_id = self.short  # back to the default
        self.assertTerms({self.ann: self.long, self.contact: self.long})
        self.assertNothingStored(self.ann, "property_payment_term_id")

    def test_leaving_the_tier_gives_the_former_terms_back(self):
        kept = self._quotation(self.ann)
        invoice = self._invoice(self.ann)
        self.order(self.ann, amount=-1900)
        self.compute()
        self.assertTiers({self.ann: "Bronze"})
        self.assertTerms({self.ann: self.long.browse(), self.contact: self.long.browse()})
        self.assertEqual(kept.payment_term_id, self.long)  # what exists keeps its terms
        self.assertEqual(invoice.invoice_payment_term_id, self.long)

    def test_bills_have_terms_of_their_own(self):
        self.assertFalse(self._invoice(self.ann, "in_invoice").invoice_payment_term_id)

    def test_the_form_of_a_quotation_follows_the_customer(self):
        with Form(self.env["sale.order"].with_user(self.salesperson)) as form:
            form.partner_id = self.contact
            self.assertEqual(form.payment_term_id, self.long)
            form.partner_id = self.bob
            self.assertFalse(form.payment_term_id)

    def test_another_company_has_its_own(self):
        self.env.user.company_ids |= self.other_company
        self.assertFalse(self._quotation(self.ann, company=self.other_company).payment_term_id)
        self.assertFalse(
            self.ann.with_company(self.other_company).tiering_payment_term_source,
        )

    def test_the_customer_says_when_they_come_from_the_tier(self):
        partners = (self.ann | self.contact | self.bob).with_user(self.salesperson)
        text = "60 Days, from the Gold tier"
        self.assertEqual(partners.mapped("tiering_payment_term_source"), [text, text, False])
        self.ann.property_payment_term_id = self.short
        self.env.invalidate_all()
        self.assertEqual(partners.mapped("tiering_payment_term_source"), [False] * 3)


@tagged("post_install", "-at_install")
class TestAccountManager(BenefitsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mia = cls.new_user("mia_tiering", "sales_team.group_sale_salesman", name="Mia")
        cls.leo = cls.new_user("leo_tiering", "sales_team.group_sale_salesman", name="Leo")
        cls.team = cls.env["crm.team"].create({"name": "Key Accounts", "company_id": cls.company.id})
        cls.leos_team = cls.env["crm.team"].create(
            {"name": "Leo's", "company_id": cls.company.id, "member_ids": [Command.set(cls.leo.ids)]}
        )
        cls.gold.write({"user_id": cls.mia.id, "team_id": cls.team.id})

    def test_a_new_quotation_proposes_them_where_nobody_is_responsible(self):
        for partner in (self.ann, self.contact):
            order = self._quotation(partner, user=self.salesperson)
            self.assertEqual((order.user_id, order.team_id), (self.mia, self.team))
        order = self._quotation(self.bob, user=self.salesperson)
        self.assertEqual(order.user_id, self.salesperson)
        self.assertNotEqual(order.team_id, self.team)
        self.ann.user_id = self.leo  # of the company, so of its contact too
        for partner in (self.ann, self.contact):
            order = self._quotation(partner, user=self.salesperson)
            self.assertEqual((order.user_id, order.team_id), (self.leo, self.leos_team))

    def test_the_form_of_a_quotation_follows_the_customer(self):
        with Form(self.env["sale.order"].with_user(self.salesperson)) as form:
            form.partner_id = self.ann
            self.assertEqual((form.user_id, form.team_id), (self.mia, self.team))
            form.user_id = self.leo  # who is chosen brings the own team
            self.assertEqual(form.team_id, self.leos_team)
        order = form.record
        self.assertEqual((order.user_id, order.team_id), (self.leo, self.leos_team))
        order.partner_id = self.contact  # a saved quotation keeps its salesperson
        self.assertEqual((order.user_id, order.team_id), (self.leo, self.leos_team))

    def test_a_team_alone_is_proposed_too(self):
        self.gold.user_id = False
        order = self._quotation(self.ann, user=self.leo)
        self.assertEqual((order.user_id, order.team_id), (self.leo, self.team))

    def test_who_sees_only_the_own_documents_can_still_save_a_quotation(self):
        order = self._quotation(self.ann, user=self.leo)
        self.assertEqual(order.user_id, self.leo)
        self.assertEqual(order.with_user(self.leo).name, order.name)

    def test_nobody_is_proposed_for_the_quotations_of_portal_customers(self):
        portal = new_test_user(self.env, "portal_tiering", groups="base.group_portal")
        order = (
            self.env["sale.order"]
            .with_user(portal)
            .sudo()
            .create({"partner_id": self.ann.id, "company_id": self.company.id})
        )
        self.assertFalse(order.user_id)

    def test_what_the_tier_gives_reaches_an_order_made_by_a_portal_customer(self):
        best, terms = self._pricelist("Best"), self._terms("60 Days")
        self.gold.write({"pricelist_id": best.id, "payment_term_id": terms.id})
        portal = new_test_user(self.env, "portal_tiering", groups="base.group_portal")
        portal.partner_id.parent_id = self.ann
        order = (
            self.env["sale.order"]
            .with_user(portal)
            .sudo()
            .create({"partner_id": portal.partner_id.id, "company_id": self.company.id})
        )
        self.assertEqual((order.pricelist_id, order.payment_term_id), (best, terms))
        self.assertEqual(
            portal.partner_id.with_user(portal).with_company(self.company).sudo().property_product_pricelist, best
        )

    def test_one_click_makes_the_proposed_person_the_salesperson(self):
        manager = self.new_user("partner_manager", "sales_team.group_sale_manager,base.group_partner_manager")
        contact = self.contact.with_user(manager)
        self.assertEqual(contact.tiering_proposed_user_id, self.mia)
        self.assertEqual(self.ann.tiering_proposed_user_id, self.mia)
        self.assertFalse(self.bob.tiering_proposed_user_id)
        self.assertFalse((self.ann | self.contact).user_id)  # nobody has clicked yet
        contact.action_tiering_assign_user()
        self.assertEqual((self.ann.user_id, self.contact.user_id), (self.mia, self.mia))
        self.assertFalse((self.ann | contact).tiering_proposed_user_id)
        contact.action_tiering_assign_user()  # again, from a screen that was still open: nothing happens
        self.assertEqual(self.ann.user_id, self.mia)

    def test_only_who_may_write_the_customer_is_offered_to_assign(self):
        self.env["ir.rule"].create(
            {
                "name": "Ann is not to be touched",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": f"[('id', '!=', {self.ann.id})]",
                "perm_read": False,
            }
        )
        ann, contact = (self.ann | self.contact).with_user(self.manager)
        self.assertFalse(ann.tiering_proposed_user_id)
        with self.assertRaises(AccessError):
            contact.action_tiering_assign_user()  # would assign the company too
        clerk = self.new_user("clerk", "base.group_user,base.group_partner_manager")
        self.assertNotIn(
            "action_tiering_assign_user", self.env["res.partner"].with_user(clerk).get_view(view_type="form")["arch"]
        )
        with self.assertRaises(AccessError):
            self.bob.with_user(clerk).action_tiering_assign_user()

    def test_who_has_left_or_lost_the_rights_is_not_proposed(self):
        for change in ({"active": False}, {"group_ids": [Command.set(self.env.ref("base.group_user").ids)]}):
            with self.subTest(change=change):
                self.mia.write({"active": True, **change})
                self.env.invalidate_all()
                self.assertFalse(self.ann.tiering_proposed_user_id)
                order = self._quotation(self.ann, user=self.salesperson)
                self.assertEqual((order.user_id, order.team_id), (self.salesperson, self.team))

    def test_a_run_writes_nobody_on_customers(self):
        self.order(self.bob, amount=2000)
        self.compute()
        self.assertTiers({self.bob: "Gold"})
        self.assertNothingStored(self.bob, "user_id", "property_payment_term_id", "specific_property_product_pricelist")
