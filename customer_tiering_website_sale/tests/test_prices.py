from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.website_sale.tests.common import MockRequest

from ..models.website import TIER_SESSION_KEY
from .common import ShopCommon


@tagged("post_install", "-at_install")
class TestPrices(ShopCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.config.settings"].create({"group_product_pricelist": True}).execute()
        cls.usual, cls.good, cls.better, cls.chosen = cls.env["product.pricelist"].create(
            [
                {
                    "name": name,
                    "company_id": cls.company.id,
                    "website_id": cls.website.id,
                    "sequence": sequence,
                    "selectable": name == "Chosen",
                    "item_ids": [
                        Command.create(
                            {"compute_price": "percentage", "percent_price": percent, "applied_on": "3_global"}
                        )
                    ],
                }
                for sequence, (name, percent) in enumerate((("Usual", 0), ("Good", 10), ("Better", 20), ("Chosen", 5)))
            ]
        )
        cls.gold, cls.platinum = (
            cls.policy.tier_ids.filtered(lambda tier, name=name: tier.name == name) for name in ("Gold", "Platinum")
        )
        cls.gold.pricelist_id, cls.platinum.pricelist_id = cls.good, cls.better
        cls.customer = cls.new_user("tiering_portal", "base.group_portal")
        cls.ann = cls.customer.partner_id
        cls.order(cls.ann, 1)
        cls.compute()
        cls.move(cls.gold)

    @classmethod
    def move(cls, tier):
        """The customer is in another tier, as a run writes it."""
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE customer_tiering_scorecard SET tier_id = %s WHERE partner_id = %s AND company_id = %s",
            [tier.id or None, cls.ann.id, cls.company.id],
        )
        cls.env.invalidate_all(flush=False)

    def page(self, session=None, user=None):
        """Open a page of the shop; return its pricelist and the session, for the next page."""
        env = self.env(user=user or self.customer, context={"allowed_company_ids": self.company.ids})
        website = self.website.with_env(env)
        with MockRequest(env, website=website) as request:
            request.session.update(session or {})
            pricelist = request.pricelist.name
            return pricelist, dict(request.session)

    def test_prices_follow_the_tier_at_the_next_page(self):
        pricelist, session = self.page()
        self.assertEqual(pricelist, "Good")
        self.move(self.platinum)
        pricelist, session = self.page(session)
        self.assertEqual(pricelist, "Better")
        self.move(self.gold.browse())
        self.assertEqual(self.page(session)[0], "Usual")

    def test_another_pricelist_of_the_tier_follows_too(self):
        _pricelist, session = self.page()
        self.gold.pricelist_id = self.better
        self.env.invalidate_all()  # as for another request
        self.assertEqual(self.page(session)[0], "Better")

    def test_the_cart_is_priced_anew(self):
        cart = self.order(self.ann, 0, state="draft", website_id=self.website.id)
        cart.order_line.product_id.list_price = 100
        cart._recompute_prices()
        self.assertEqual((cart.pricelist_id, cart.amount_untaxed), (self.good, 90))
        _pricelist, session = self.page()
        self.move(self.platinum)
        pricelist, session = self.page(session)
        self.assertEqual((pricelist, cart.pricelist_id, cart.amount_untaxed), ("Better", self.better, 80))

    def test_what_the_customer_chose_stays(self):
        _pricelist, session = self.page()
        session |= {"website_sale_current_pl": self.chosen.id, "website_sale_selected_pl_id": self.chosen.id}
        self.move(self.platinum)
        pricelist, session = self.page(session)
        self.assertEqual(pricelist, "Chosen")
        self.assertEqual(session[TIER_SESSION_KEY], self.better.id)

    def test_a_page_costs_one_query_more_and_that_of_a_stranger_none(self):
        _pricelist, session = self.page()
        env = self.env(user=self.customer, context={"allowed_company_ids": self.company.ids})
        website = self.website.with_env(env)
        for user, count in ((self.customer, 1), (self.website.user_id, 0)):
            website = self.website.with_env(self.env(user=user, context={"allowed_company_ids": self.company.ids}))
            with MockRequest(website.env, website=website) as request:
                request.session.update(session)
                website._get_tiering_pricelist_id()  # the user and the company are there on each page
                with self.assertQueryCount(count):
                    website._get_tiering_pricelist_id()

    def test_without_pricelists_nothing_is_asked(self):
        self.env["res.config.settings"].create({"group_product_pricelist": False}).execute()
        website = self.website.with_env(self.env(user=self.customer, context={"allowed_company_ids": self.company.ids}))
        with MockRequest(website.env, website=website):
            self.assertFalse(website._get_tiering_pricelist_id())


@tagged("post_install", "-at_install")
class TestShop(HttpCase):
    def test_pages_of_the_shop(self):
        website = self.env["website"].get_current_website()
        company = website.company_id
        self.env["res.config.settings"].with_company(company).create({"group_product_pricelist": True}).execute()
        lamp = self.env["product.template"].create(
            {"name": "Tier lamp", "list_price": 1000, "taxes_id": False, "is_published": True, "sale_ok": True}
        )
        pricelists = self.env["product.pricelist"].create(
            [
                {
                    "name": f"Less {percent}",
                    "website_id": website.id,
                    "sequence": 100,
                    "item_ids": [
                        Command.create(
                            {"compute_price": "percentage", "percent_price": percent, "applied_on": "3_global"}
                        )
                    ],
                }
                for percent in (10, 20)
            ]
        )
        policy = company.tiering_policy_ids[:1]
        tiers = policy.tier_ids[:2]
        tiers[0].pricelist_id, tiers[1].pricelist_id = pricelists
        ann = self.env["res.users"].create(
            {
                "name": "Ann",
                "login": "tiering_shop_ann",
                "password": "tiering_shop_ann",
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        self.env["customer.tiering.scorecard"].create(
            {"partner_id": ann.partner_id.id, "company_id": company.id, "policy_id": policy.id, "tier_id": tiers[0].id}
        )
        self.env.flush_all()
        self.authenticate("tiering_shop_ann", "tiering_shop_ann")
        self.assertIn(">900", self._prices(lamp))
        self.env.cr.execute(
            "UPDATE customer_tiering_scorecard SET tier_id = %s WHERE partner_id = %s", [tiers[1].id, ann.partner_id.id]
        )
        self.env.invalidate_all()
        self.assertIn(">800", self._prices(lamp))

    def _prices(self, product):
        response = self.url_open(product.website_url)
        self.assertEqual(response.status_code, 200)
        return response.text.replace("\u200b", "")
