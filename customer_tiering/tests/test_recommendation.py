from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import AS_OF
from .test_gap import GapCommon


@tagged("post_install", "-at_install")
class TestRecommendation(GapCommon):
    """What was bought counts 0.5 ** (days ago / 90). Ann bought bottles 160, 130 and 100 days ago, 0.29 + 0.37 + 0.46 =
    1.12, and a disc 3 days ago, 0.98; Bob bought glue 10 days ago, 0.93. One customer bought each of them, so what all
    buy comes in that order: bottle, disc, glue."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bob = cls.new_customer("Bob", is_company=True)
        cls.clerk = cls.new_customer("Clerk", parent_id=cls.bob.id)
        cls.glue = cls.new_product("Glue", default_code="G1")
        cls.bought(cls.bob, cls.glue, 10)
        cls.product.name = "Disc"
        cls.recommendations = cls.env["customer.tiering.recommendation"]

    def recommended(self):
        """Have it looked for, and return ``{customer: products in their order}``."""
        self.gaps._find(self.company, AS_OF)
        return self.kept()

    def kept(self):
        found = self.recommendations._get_of(self.ann | self.bob | self.clerk, self.company)
        return {self.env["res.partner"].browse(id_).name: products.mapped("name") for id_, products in found.items()}

    def text(self, who, user=None, **context):
        return who.with_user(user or self.salesperson).with_context(**context).tiering_recommended

    def test_what_was_bought_often_and_lately_then_what_all_buy(self):
        self.assertEqual(self.recommended(), {"Ann": ["Bottle", "Disc", "Glue"], "Bob": ["Glue", "Bottle", "Disc"]})

    def test_five_at_most(self):
        for number in range(6):
            self.bought(self.bob, self.new_product(f"Jar {number}"), 20)
        self.assertEqual(len(self.recommended()["Ann"]), 5)

    def test_only_what_changed_is_written(self):
        self.recommended()
        self.env.cr.execute("SELECT id, xmin::text, ctid::text FROM customer_tiering_recommendation ORDER BY id")
        before = self.env.cr.fetchall()
        self.assertEqual(len(before), 2)
        self.recommended()
        self.env.cr.execute("SELECT id, xmin::text, ctid::text FROM customer_tiering_recommendation ORDER BY id")
        self.assertEqual(self.env.cr.fetchall(), before)
        self.bought(self.bob, self.glue, 0)
        self.bought(self.bob, self.product, 0)
        self.bought(self.bob, self.product, 1)
        self.assertEqual(self.recommended()["Bob"], ["Disc", "Glue", "Bottle"])

    def test_who_bought_nothing_any_more_is_forgotten(self):
        self.recommended()
        self.env["sale.order"].search([("partner_id", "=", self.ann.id)]).state = "cancel"
        self.assertEqual(self.recommended(), {"Bob": ["Glue"]})
        self.assertEqual(self.recommendations.search([]).partner_id, self.bob)

    def test_what_is_not_sold_is_neither_kept_nor_shown(self):
        self.recommended()
        self.bottle.active = False
        self.glue.sale_ok = False
        self.assertEqual(self.kept(), {"Ann": ["Disc"], "Bob": ["Disc"]})
        self.product.sale_ok = False
        self.assertEqual(self.kept(), {})
        self.product.sale_ok = True
        self.recommended()
        self.assertEqual({tuple(row.product_data) for row in self.recommendations.search([])}, {(self.product.id,)})

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.recommended()
        self.assertFalse(self.recommendations._get_of(self.ann, other))
        self.salesperson.company_ids |= other
        self.assertFalse(self.text(self.ann, allowed_company_ids=other.ids))
        self.assertTrue(self.text(self.ann, allowed_company_ids=self.company.ids))

    def test_the_job_looks_only_where_it_is_wanted(self):
        cron = self.env["ir.cron"]
        day = patch.object(type(self.company), "_get_tiering_today", lambda company: AS_OF)
        with day, patch.object(type(cron), "_commit_progress", lambda *args, **kwargs: 1):
            self.gaps._cron_find()
            self.assertEqual(self.recommendations.search([]).partner_id, self.ann | self.bob)
            self.policy.look_for_gaps = False
            self.assertFalse(self.kept())
            self.assertFalse(self.text(self.ann))
            self.gaps._cron_find()
        self.assertFalse(self.recommendations.search([]))

    def test_merged(self):
        self.recommended()
        self.env["customer.tiering.former"]._hand_over({self.ann.id: self.bob.id})
        self.assertFalse(self.recommendations.search([]))

    # ------------------------------------------------------------------
    # On the contact
    # ------------------------------------------------------------------

    def test_a_sentence_part_in_the_language_of_the_contact(self):
        self.recommended()
        self.assertEqual(self.text(self.ann), "Bottle, Disc, and Glue")
        self.env["res.lang"]._activate_lang("fr_FR")
        self.bottle.with_context(lang="fr_FR").name = "Bouteille"
        self.ann.lang = "fr_FR"
        self.assertEqual(self.text(self.ann), "Bouteille, Disc et Glue")
        # Whoever reads it, and a contact has what its company has.
        self.assertEqual(self.text(self.clerk, lang="fr_FR"), "Glue, Bottle, and Disc")

    def test_nothing_known_is_empty(self):
        self.recommended()
        self.assertIs(self.text(self.new_customer("New")), False)
        self.assertIs(self.env["res.partner"].with_user(self.salesperson).new({}).tiering_recommended, False)

    def test_who_has_no_rights_in_sales_reads_nothing(self):
        self.recommended()
        person = self.new_user("tiering_no_sales", "base.group_partner_manager")
        portal = self.new_user("tiering_portal", "base.group_portal")
        (person.partner_id | portal.partner_id).parent_id = self.bob  # so it would be theirs
        for user in (person, portal):
            for partner in (self.ann, user.partner_id):
                with self.assertRaises(AccessError):
                    partner.with_user(user).read(["tiering_recommended"])
            with self.assertRaises(AccessError):
                self.recommendations.with_user(user).search_read([], ["product_data"])
            # A search asks again as superuser where it is refused, so it must find nothing instead.
            partners = self.env["res.partner"].with_user(user)
            for operator in ("=", "!="):
                known = partners.search([("tiering_recommended", operator, False)])
                self.assertFalse(known & (self.ann | self.bob | user.partner_id), operator)

    def test_hidden_customers(self):
        own = self.new_user("tiering_own", "sales_team.group_sale_salesman")
        self.ann.user_id, self.bob.user_id = own, self.salesperson
        self.env["sale.order"].search([("partner_id", "=", self.bob.id)]).user_id = self.salesperson
        self.recommended()
        self.assertTrue(self.text(self.ann, own))
        self.assertFalse(self.text(self.bob, own))
        found = self.env["res.partner"].with_user(own).search([("tiering_recommended", "!=", False)])
        self.assertEqual(found, self.ann)

    def test_asked_for_in_a_filter(self):
        new = self.new_customer("New")
        self.recommended()
        both = [("id", "in", (self.ann | self.bob | self.clerk | new).ids)]
        partners = self.env["res.partner"].with_user(self.salesperson)
        known = self.ann | self.bob | self.clerk
        self.assertEqual(partners.search([*both, ("tiering_recommended", "!=", False)]), known)
        self.assertEqual(partners.search([*both, ("tiering_recommended", "=", False)]), new)

    def test_as_many_queries_for_many(self):
        people = self.env["res.partner"].create([{"name": f"No. {number}"} for number in range(20)])
        for partner in people:
            self.bought(partner, self.bottle, 5)
        self.recommended()

        def count(partners):
            self.env.invalidate_all()
            partners.mapped("name")
            before = self.cr.sql_log_count
            self.assertTrue(all(partners.mapped("tiering_recommended")))
            return self.cr.sql_log_count - before

        count(people[:2])  # what is read once
        self.assertEqual(count(people), count(people[:2]))
