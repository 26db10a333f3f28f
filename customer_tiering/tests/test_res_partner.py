from lxml import etree

from odoo.tests import tagged

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestResPartner(TieringCommon):
    """The partner's fields over the joined scorecard behave like stored ones."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.best = cls.new_customer("Best", is_company=True)
        cls.contact = cls.new_customer("Contact of Best", parent_id=cls.best.id)
        cls.middle, cls.poor, cls.asked, cls.nobody = (
            cls.new_customer(name) for name in ("Middle", "Poor", "Asked", "Nobody")
        )
        for days_ago in range(0, 100, 10):
            cls.order(cls.best, days_ago, 100)
        for days_ago in (40, 80, 120):
            cls.order(cls.middle, days_ago, 100)
        cls.order(cls.poor, 400, 100)
        cls.order(cls.asked, state="draft")
        cls.compute()
        cls.everybody = cls.best | cls.contact | cls.middle | cls.poor | cls.asked | cls.nobody
        cls.tiers = {tier.name: tier for tier in cls.policy.tier_ids}

    def _find(self, *conditions, **kwargs):
        Partner = self.env["res.partner"].with_user(self.salesperson)
        return Partner.search([("id", "in", self.everybody.ids), *conditions], **kwargs).sudo()

    def test_contacts_show_their_companys_tier(self):
        self.assertEqual(self.contact.tiering_tier_id.name, "Platinum")
        self.assertEqual(self.contact.tiering_score, self.best.tiering_score)
        self.assertFalse(self.nobody.tiering_scorecard_id)
        self.assertFalse(self.asked.tiering_tier_id)

    def test_filter_by_tier(self):
        platinum = self.tiers["Platinum"].id
        with_tier = self.best | self.contact | self.middle | self.poor
        for condition, expected in (
            (("tiering_tier_id", "=", platinum), self.best | self.contact),
            (("tiering_tier_id", "!=", platinum), self.middle | self.poor | self.asked | self.nobody),
            (("tiering_tier_id", "in", [platinum, self.tiers["Silver"].id]), self.best | self.contact | self.middle),
            (("tiering_tier_id", "in", [platinum, False]), self.best | self.contact | self.asked | self.nobody),
            (("tiering_tier_id", "not in", [platinum, False]), self.middle | self.poor),
            (("tiering_tier_id", "=", False), self.asked | self.nobody),
            (("tiering_tier_id", "!=", False), with_tier),
            (("tiering_tier_id", "ilike", "plat"), self.best | self.contact),
            (("tiering_tier_id", "not ilike", "plat"), self.middle | self.poor | self.asked | self.nobody),
            (("tiering_tier_id.name", "=", "Silver"), self.middle),
            (("tiering_scorecard_id", "=", False), self.nobody),
            (("tiering_scorecard_id", "!=", False), self.everybody - self.nobody),
            (("tiering_scorecard_id.order_count", ">=", 3), self.best | self.contact | self.middle),
            (("tiering_segment_id.code", "=", "prospect"), self.asked),
            (("tiering_score", ">", 50), self.best | self.contact | self.middle),
        ):
            with self.subTest(condition=condition):
                self.assertEqual(self._find(condition), expected.sorted(lambda p: p.complete_name or ""))
                self.assertEqual(self.everybody.filtered_domain([condition]), expected)

    def test_search_the_word_gold_finds_the_tier(self):
        tier = self.env["customer.tier"].with_user(self.salesperson).name_search("gold")
        self.assertIn(self.tiers["Gold"].id, [id_ for id_, _name in tier])

    def test_best_first_does_not_begin_with_partners_without_score(self):
        # equal scores in the order of their ids: the company before its contact
        order = self._find(order="tiering_score desc, id")
        self.assertEqual(order[:4], self.best | self.contact | self.middle | self.poor)
        order = self._find(order="tiering_tier_id, id")
        self.assertEqual(order[:4], self.best | self.contact | self.middle | self.poor)

    def test_the_order_by_tier_is_that_of_the_tiers_and_needs_no_join(self):
        self.env.cr.execute("UPDATE customer_tier SET sequence = -id WHERE policy_id = %s", [self.policy.id])
        self.env.invalidate_all()
        without = self.asked | self.nobody
        for order, expected in (
            ("tiering_tier_id, id", self.poor | self.middle | self.best | self.contact),
            ("tiering_tier_id desc, id", self.best | self.contact | self.middle | self.poor),
        ):
            found = self._find(order=order)
            self.assertEqual(found[: len(expected)], expected)
            self.assertEqual(found[len(expected) :], without.sorted("id"))
            query = self.env["res.partner"]._search([("id", "in", self.everybody.ids)], order=order)
            self.assertNotIn('"customer_tier"', query.select().code)
        Partner = self.env["res.partner"].with_user(self.salesperson)
        for order, expected in (
            ("tiering_tier_id", ["Bronze", "Silver", "Platinum", False]),
            ("tiering_tier_id desc", ["Platinum", "Silver", "Bronze", False]),
        ):
            groups = Partner._read_group([("id", "in", self.everybody.ids)], ["tiering_tier_id"], order=order)
            self.assertEqual([tier.name for (tier,) in groups], expected)

    def test_group_by_tier_sums_and_shows_empty_tiers(self):
        Partner = self.env["res.partner"].with_user(self.salesperson)
        groups = Partner._read_group(
            [("id", "in", self.everybody.ids)], ["tiering_tier_id"], ["__count", "tiering_amount:sum"]
        )
        # the contact shows its company's 1000 too
        self.assertEqual(
            [(tier.name, count, amount) for tier, count, amount in groups],
            [("Platinum", 2, 2000), ("Silver", 1, 300), ("Bronze", 1, 0), (False, 2, 0)],
        )
        shown = Partner.with_context(read_group_expand=True).web_read_group(
            [("id", "in", self.everybody.ids)], ["tiering_tier_id"], ["__count"], auto_unfold=True
        )
        names = [group["tiering_tier_id"] and group["tiering_tier_id"][1] for group in shown["groups"]]
        self.assertEqual(names, ["Platinum", "Gold", "Silver", "Bronze", False])

    def test_export(self):
        data = self.best.export_data(["name", "tiering_tier_id/name", "tiering_score"])["datas"]
        self.assertEqual(data, [["Best", "Platinum", 100.0]])

    def test_the_search_view_has_a_filter_for_each_tier_of_the_company(self):
        view = self.env.ref("base.view_res_partner_filter")
        Partner = self.env["res.partner"].with_user(self.salesperson)
        arch = Partner.get_view(view.id, "search")["arch"]
        for tier in self.policy.tier_ids:
            self.assertIn(f'name="tiering_tier_id_{tier.id}" string="{tier.name}"', arch)
        self.assertIn('string="Slipping away"', arch)
        self.assertNotIn('string="Tiers"', arch)
        self.tiers["Gold"].name = "Golden"
        self.assertIn('string="Golden"', Partner.get_view(view.id, "search")["arch"])

    def test_the_search_view_of_another_company_has_its_own_tiers(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        view = self.env.ref("base.view_res_partner_filter")
        for company, stranger in ((self.company, other), (other, self.company), (self.company, other)):
            Partner = self.env["res.partner"].with_context(allowed_company_ids=company.ids)
            arch = Partner.get_view(view.id, "search")["arch"]
            for tier in company.tiering_policy_ids.tier_ids:
                self.assertIn(f'name="tiering_tier_id_{tier.id}"', arch)
            for tier in stranger.tiering_policy_ids.tier_ids:
                self.assertNotIn(f'name="tiering_tier_id_{tier.id}"', arch)

    def test_each_company_sees_its_own_tier(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        partner = self.best.with_context(allowed_company_ids=other.ids)
        self.assertEqual(self.best.tiering_tier_id.name, "Platinum")
        self.assertFalse(partner.tiering_tier_id)
        self.assertFalse(partner.search([("tiering_tier_id", "!=", False)]))
        # several selected companies: the first one decides
        partner = self.best.with_context(allowed_company_ids=(self.company | other).ids)
        self.assertEqual(partner.tiering_tier_id.name, "Platinum")

    def test_a_list_of_partners_takes_as_many_queries_as_one_partner(self):
        def count(partners):
            self.env.invalidate_all()
            partners = partners.with_user(self.salesperson).with_prefetch()
            before = self.env.cr.sql_log_count
            partners.mapped("tiering_tier_id.name")
            return self.env.cr.sql_log_count - before

        count(self.best)  # fills the caches
        self.assertEqual(count(self.everybody), count(self.best))


@tagged("post_install", "-at_install")
class TestContactForm(TieringCommon):
    """What the addon adds to the form of a contact costs little until its page is opened."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = "sales_team.group_sale_manager,base.group_partner_manager"
        cls.partner_manager = cls.new_user("partner_manager", groups)
        belgium = cls.env.ref("base.be")
        cls.ann = cls.new_customer("Ann", is_company=True, country_id=belgium.id)
        cls.contact = cls.new_customer("Buyer of Ann", parent_id=cls.ann.id, country_id=belgium.id)
        cls.nobody = cls.new_customer("Nobody", country_id=belgium.id)
        cls.order(cls.ann, amount=100)
        cls.compute()

    def _specify(self, user):
        """Return what the web client asks for when it opens a contact, in all and without the addon's own fields."""
        Partner = self.env["res.partner"].with_user(user)
        arch = etree.fromstring(Partner.get_view(view_type="form")["arch"])
        names = [node.get("name") for node in arch.xpath("//field[not(ancestor::field)]")]
        spec = {
            name: {"fields": {"display_name": {}}} if Partner._fields[name].type == "many2one" else {} for name in names
        }
        plain = {name: fields for name, fields in spec.items() if Partner._fields[name]._module != "customer_tiering"}
        return spec, plain

    def _count_queries(self, partner, specification):
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        partner.web_read(specification)
        return self.cr.sql_log_count - before

    def assertCheap(self, user):  # noqa: N802 - like unittest's own
        specifications = self._specify(user)
        self.assertLess({"tiering_tier_id", "tiering_score", "tiering_price_source"}, set(specifications[0]))
        self.assertFalse([name for name in specifications[1] if name.startswith("tiering_")])
        for partner in (self.ann | self.contact | self.nobody).with_user(user):
            alone = partner.with_prefetch()  # one form shows one contact
            for specification in specifications:  # to fill the caches that requests share
                self._count_queries(alone, specification)
            queries, plain_queries = (self._count_queries(alone, specification) for specification in specifications)
            self.assertGreater(plain_queries, 10)  # it reads something
            self.assertLessEqual(queries, plain_queries + 3, partner.sudo().name)

    def test_opening_a_contact_costs_at_most_three_queries_more(self):
        self.assertCheap(self.salesperson)
        self.assertCheap(self.partner_manager)

    def test_also_when_the_tiers_give_everything(self):
        europe = self.env.ref("base.europe")
        pricelist, _abroad = self.env["product.pricelist"].create(
            [
                {"name": "Best", "company_id": False, "sequence": 9},
                {"name": "Abroad", "company_id": False, "country_group_ids": europe.ids},
            ]
        )
        terms = self.env["account.payment.term"].create({"name": "60 Days", "company_id": False})
        self.policy.tier_ids.write(
            {"pricelist_id": pricelist.id, "payment_term_id": terms.id, "user_id": self.salesperson.id}
        )
        self.assertEqual(self.contact.with_user(self.partner_manager).tiering_proposed_user_id, self.salesperson)
        self.assertCheap(self.salesperson)
        self.assertCheap(self.partner_manager)

    def test_the_explanation_is_left_to_the_page(self):
        get_view = self.env["res.partner"].with_user(self.salesperson).get_view
        arch = etree.fromstring(get_view(view_type="form")["arch"])
        (page,) = arch.xpath("//page[@name='tiering']")
        self.assertTrue(page.xpath("widget[@name='tiering_scorecard']"))
        self.assertEqual({field.get("name") for field in page.xpath(".//field")}, {"commercial_partner_id"})
        clerk = self.new_user("clerk", "base.group_user,base.group_partner_manager")
        arch = etree.fromstring(self.env["res.partner"].with_user(clerk).get_view(view_type="form")["arch"])
        self.assertFalse(arch.xpath("//page[@name='tiering'] | //widget[@name='tiering_scorecard']"))
