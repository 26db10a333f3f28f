from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.website_sale.tests.common import MockRequest

from .common import ShopCommon

FILTER = "customer_tiering_website_sale.dynamic_filter_recommended"


@tagged("post_install", "-at_install")
class TestRecommended(ShopCommon):
    """A table, a lamp and a chair are recommended to Ann, who is logged in; a chair to Bob."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.look_for_gaps = True
        cls.customer, cls.other_customer = (
            cls.new_user(f"tiering_portal_{name}", "base.group_portal") for name in ("ann", "bob")
        )
        cls.ann, cls.bob = (user.partner_id for user in (cls.customer, cls.other_customer))
        (cls.lamp | cls.chair | cls.table).is_published = True
        cls.recommend(cls.ann, cls.table, cls.lamp, cls.chair)
        cls.recommend(cls.bob, cls.chair)

    @classmethod
    def recommend(cls, who, *templates, company=None):
        cls.env["customer.tiering.recommendation"].create(
            {
                "partner_id": who.id,
                "company_id": (company or cls.company).id,
                "product_data": [template.product_variant_id.id for template in templates],
            }
        )

    def shown(self, user=None, limit=16, search_domain=None, website=None, cart=None):
        """The names of the products that the building block shows to a person."""
        env = self.env(user=user or self.customer, context={"allowed_company_ids": self.company.ids})
        website = (website or self.website).with_env(env)
        with MockRequest(env, website=website, sale_order_id=cart and cart.id):
            found = env.ref(FILTER).sudo()._prepare_values(limit=limit, search_domain=search_domain)
        return [values["display_name"] for values in found]

    def test_the_likeliest_first(self):
        self.assertEqual(self.shown(), ["Table", "Lamp", "Chair"])
        self.assertEqual(self.shown(limit=2), ["Table", "Lamp"])

    def test_each_customer_sees_their_own(self):
        self.assertEqual(self.shown(self.other_customer), ["Chair"])
        self.assertEqual(self.shown(self.new_user("tiering_portal_new", "base.group_portal")), [])

    def test_a_contact_sees_what_its_company_is_recommended(self):
        self.bob.parent_id = self.new_customer("Firm", is_company=True)
        self.assertEqual(self.shown(self.other_customer), [])
        self.recommend(self.bob.parent_id, self.lamp)
        self.assertEqual(self.shown(self.other_customer), ["Lamp"])

    def test_strangers_see_nothing(self):
        self.recommend(self.website.user_id.partner_id, self.lamp)
        self.assertEqual(self.shown(self.website.user_id), [])

    def test_only_what_is_published_also_to_colleagues(self):
        self.lamp.is_published = False
        self.assertEqual(self.shown(), ["Table", "Chair"])
        self.recommend(self.salesperson.partner_id, self.lamp, self.chair)
        self.assertEqual(self.shown(self.salesperson), ["Chair"])

    def test_not_what_is_sold_on_another_website_or_no_more(self):
        self.lamp.website_id = self.env["website"].create({"name": "Else", "company_id": self.company.id})
        self.chair.sale_ok = False
        self.assertEqual(self.shown(), ["Table"])

    def test_what_the_page_asks_for(self):
        self.assertEqual(self.shown(search_domain=[("name", "=", "Lamp")]), ["Lamp"])

    def test_what_the_page_asks_for_tells_nothing_that_is_hidden(self):
        self.lamp.standard_price = 7
        self.recommend(self.salesperson.partner_id, self.lamp, self.chair)
        self.assertEqual(self.shown(self.salesperson, search_domain=[("standard_price", ">", 5)]), ["Lamp"])
        with self.assertRaises(AccessError):
            self.shown(search_domain=[("standard_price", ">", 5)])

    def test_not_what_is_in_the_cart(self):
        line = {"product_id": self.lamp.product_variant_id.id, "product_uom_qty": 1}
        cart = self.order(self.ann, 0, state="draft", website_id=self.website.id, order_line=[Command.create(line)])
        self.assertEqual(self.shown(cart=cart), ["Table", "Chair"])

    def test_variants_as_one(self):
        colours = self.env["product.attribute"].create(
            {"name": "Colour", "value_ids": [Command.create({"name": name}) for name in ("Red", "Blue")]}
        )
        line = {"attribute_id": colours.id, "value_ids": [Command.set(colours.value_ids.ids)]}
        self.lamp.attribute_line_ids = [Command.create(line)]
        red, blue = self.lamp.product_variant_ids
        row = self.env["customer.tiering.recommendation"].search([("partner_id", "=", self.ann.id)])
        row.product_data = [blue.id, red.id, self.table.product_variant_id.id]
        self.assertEqual(self.shown(), ["Lamp (Blue)", "Lamp (Red)", "Table"])
        self.assertEqual(self.shown(search_domain=["hide_variants"]), ["Lamp", "Table"])
        cart = self.order(
            self.ann, 0, state="draft", website_id=self.website.id, order_line=[Command.create({"product_id": blue.id})]
        )
        self.assertEqual(self.shown(cart=cart), ["Lamp (Red)", "Table"])
        self.assertEqual(self.shown(cart=cart, search_domain=["hide_variants"]), ["Table"])

    def test_in_the_company_of_the_website(self):
        other = self.env["res.company"].create({"name": "Other"})
        website = self.env["website"].create({"name": "Shop of the other", "company_id": other.id})
        other.tiering_policy_ids.look_for_gaps = True
        self.assertEqual(self.shown(website=website), [])
        self.recommend(self.ann, self.lamp, company=other)
        self.assertEqual(self.shown(website=website), ["Lamp"])

    def test_where_it_is_not_wanted(self):
        self.policy.look_for_gaps = False
        self.assertEqual(self.shown(), [])

    def test_a_page_asks_once(self):
        customer = self.ann.with_user(self.customer).sudo()
        recommendations = self.env["customer.tiering.recommendation"].with_user(self.customer).sudo()
        recommendations._get_of(customer, self.company)
        self.env.invalidate_all()
        (customer + self.company.partner_id).mapped("name")  # the page has read the user and the company
        self.company.parent_ids.mapped("name")
        with self.assertQueryCount(2):  # the row by its index, the products
            recommendations._get_of(customer, self.company)


@tagged("post_install", "-at_install")
class TestRecommendedPage(HttpCase):
    def test_the_building_block(self):
        website = self.env["website"].get_current_website()
        company = website.company_id
        policy = company.tiering_policy_ids[:1]
        policy.look_for_gaps = True
        lamp = self.env["product.product"].create({"name": "Recommended lamp", "is_published": True, "sale_ok": True})
        ann = self.env["res.users"].create(
            {
                "name": "Ann",
                "login": "tiering_shop_ann",
                "password": "tiering_shop_ann",
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        self.env["customer.tiering.recommendation"].create(
            {"partner_id": ann.partner_id.id, "company_id": company.id, "product_data": lamp.ids}
        )
        self.assertEqual(self._load(), [])
        self.authenticate("tiering_shop_ann", "tiering_shop_ann")
        self.assertIn("Recommended lamp", "".join(self._load()))

    def _load(self):
        return self.make_jsonrpc_request(
            "/website/snippet/filters",
            {
                "filter_id": self.env.ref(FILTER).id,
                "template_key": "website_sale.dynamic_filter_template_product_product_products_item",
                "limit": 5,
                "search_domain": [],
                "with_sample": False,
            },
        )
