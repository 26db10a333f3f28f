from datetime import timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from ..hooks import uninstall_hook
from .common import ShopCommon


@tagged("post_install", "-at_install")
class TestBrowsing(ShopCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Firm", 200, is_company=True, child_ids=[Command.create({"name": "Ann"})])
        cls.ann = cls.firm.child_ids

    # ------------------------------------------------------------------
    # Visits
    # ------------------------------------------------------------------

    def test_days_and_different_products_of_all_people_of_the_customer(self):
        self.view(self.firm, 1, 1, 2)
        self.view(self.ann, 2, 3, product=self.lamp)
        self.view(self.ann, 3, product=self.chair)
        # The days 1, 2 and 3; the lamp and the chair.
        self.assertCard(self.firm, website_visit_count=3, website_product_count=2)

    def test_the_window_is_ninety_days_at_most(self):
        self.view(self.ann, 0, 89, 90, -1, product=self.lamp)
        self.assertCard(self.firm, website_visit_count=2, website_product_count=1)
        self.policy.window_days = 30
        self.view(self.ann, 29, 30)
        self.assertCard(self.firm, website_visit_count=2)

    def test_days_are_those_of_the_company(self):
        self.company.partner_id.tz = "America/New_York"
        # Two in the morning in UTC is the evening before: the 30th, and the first day that does not count.
        self.view(self.ann, moment=self.noon(AS_OF, -1) - timedelta(hours=10))
        self.view(self.ann, moment=self.noon(AS_OF, 89) - timedelta(hours=10))
        self.assertCard(self.firm, website_visit_count=1)

    def test_ten_thousand_visits_a_day_are_one(self):
        visitor = self.visitor(self.ann)
        self.env.cr.execute(
            """
            INSERT INTO website_track (visitor_id, product_id, url, visit_datetime)
            SELECT %s, %s, '/shop', %s - make_interval(secs => number) FROM generate_series(1, 10000) number
            """,
            [visitor.id, self.lamp.product_variant_id.id, self.noon(AS_OF, 5)],
        )
        self.view(self.ann, 6)
        self.assertCard(self.firm, website_visit_count=2, website_product_count=1, website_unbought_count=1)

    def test_who_was_never_logged_in_is_unknown_and_who_stayed_away_is_not(self):
        away = self.buyer("Away", 100)
        self.visitor(away)
        self.assertCard(away, website_visit_count=0, website_product_count=0, website_unbought_count=0)
        self.assertCard(self.firm, website_visit_count=None, website_product_count=None, website_unbought_count=0)

    def test_who_came_after_the_day_for_the_first_time_is_unknown(self):
        self.visitor(self.ann, ago=-1)
        self.assertCard(self.firm, website_visit_count=None)

    def test_a_website_that_is_switched_off_is_not_looked_at(self):
        self.view(self.ann, 1, 2, product=self.lamp)
        self.website.tiering_track = False
        self.assertCard(self.firm, website_visit_count=None, website_product_count=None, website_unbought_count=0)
        self.assertFalse(self.env["website"].create({"name": "New"}).tiering_track)

    def test_websites_of_another_company_do_not_count(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        theirs = self.env["website"].create({"name": "Theirs", "company_id": other.id, "tiering_track": True})
        page, mine = self.env["website.page"].create(
            [
                {"name": "Page", "type": "qweb", "url": f"/{website.name}", "arch": "<t/>", "website_id": website.id}
                for website in (theirs, self.website)
            ]
        )
        # First there, which Odoo keeps on the visitor, then here.
        self.view(self.ann, 1, website=theirs)
        self.view(self.ann, 2, page=mine)
        self.assertCard(self.firm, website_visit_count=1)
        # First here, then there: a page, a product of that website and one of that company.
        bob = self.buyer("Bob", 200)
        self.view(bob, 1)
        self.view(bob, 2, page=page)
        self.lamp.website_id = theirs
        self.chair.company_id = other
        for product in (self.lamp, self.chair):
            self.view(bob, 3, 4, product=product)
        self.assertCard(bob, website_visit_count=1, website_product_count=0, website_unbought_count=0)

    def test_archived_and_deleted_products(self):
        self.view(self.ann, 1, 2, product=self.lamp)
        self.view(self.ann, 3, 4, product=self.chair)
        self.lamp.active = False
        self.chair.unlink()  # takes its views along
        self.assertCard(self.firm, website_visit_count=2, website_product_count=1, website_unbought_count=0)

    # ------------------------------------------------------------------
    # Viewed twice and not bought
    # ------------------------------------------------------------------

    def test_viewed_twice_and_not_ordered_since(self):
        for product in (self.lamp, self.chair, self.table):
            self.view(self.ann, 20, product=product)
        self.view(self.firm, 10, product=self.lamp)  # by two people
        self.view(self.ann, 10, product=self.chair)
        self.assertCard(self.firm, website_unbought_count=2)
        self.bought(self.firm, 5, self.chair)
        self.bought(self.ann, 20, self.lamp, state="draft")
        self.assertCard(self.firm, website_unbought_count=1)

    def test_what_was_bought_before_and_viewed_again(self):
        self.bought(self.firm, 21, self.lamp)
        self.bought(self.firm, 20, self.chair)
        self.bought(self.firm, -1, self.table)  # after the day
        for product in (self.lamp, self.chair, self.table):
            self.view(self.ann, 20, 10, product=product)
        self.assertCard(self.firm, website_unbought_count=2)

    def test_bought_in_another_company(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.view(self.ann, 20, 10, product=self.lamp)
        self.bought(self.firm, 5, self.lamp, company_id=other.id)
        self.assertCard(self.firm, website_unbought_count=1)

    def test_the_scorecard_lists_them_as_of_today(self):
        self.compute()
        card = self.card(self.firm)
        today = self.company._get_tiering_today()
        for product in (self.lamp, self.chair):
            for ago in (8, 3):
                self.view(self.ann, moment=self.noon(today, ago), product=product)
        self.assertEqual(card.with_user(self.salesperson).website_unbought_ids, self.lamp | self.chair)
        self.bought(self.firm, 0, self.lamp, when=self.noon(today, 1))
        card.invalidate_recordset()
        self.assertEqual(card.website_unbought_ids, self.chair)

    def test_the_screens_show_it(self):
        cards = self.env["customer.tiering.scorecard"].with_user(self.salesperson)
        for kind in ("list", "form"):
            view = self.env.ref(f"customer_tiering.customer_tiering_scorecard_view_{kind}")
            self.assertIn("website_visit_count", cards.get_view(view.id, kind)["arch"])
        settings = self.env["res.config.settings"].get_view(self.env.ref("website.res_config_settings_view_form").id)
        self.assertIn("website_tiering_track", settings["arch"])

    def test_filters_by_it_go_with_the_addon(self):
        going, staying = self.env["ir.filters"].create(
            [
                {
                    "name": name,
                    "model_id": "customer.tiering.scorecard",
                    "domain": domain,
                    "context": "{}",
                    "sort": "[]",
                }
                for name, domain in (
                    ("Visits", "[('website_visit_count', '>', 1)]"),
                    ("Best", "[('score', '>', 80)]"),
                )
            ]
        )
        uninstall_hook(self.env)
        self.assertFalse(going.exists())
        self.assertTrue(staying.exists())

    def test_what_people_looked_at_stays_with_the_firm_that_they_have_left(self):
        """Two views for the old firm, one for the new one; what Ann bought before is the old firm's, too."""
        new = self.buyer("New firm", 200, is_company=True)
        self.view(self.ann, 30, 20, product=self.lamp)
        self.view(self.ann, 30, 20, product=self.chair)
        self.bought(self.ann, 10, self.chair)
        self.ann.parent_id = new
        self.env["customer.tiering.former"].search([("partner_id", "=", self.ann.id)]).moved_at = self.noon(AS_OF, 5)
        self.view(self.ann, 2, product=self.lamp)
        self.assertCard(self.firm, website_visit_count=2, website_product_count=2, website_unbought_count=1)
        self.assertCard(new, website_visit_count=1, website_product_count=1, website_unbought_count=0)
        with freeze_time(self.noon(AS_OF)):
            self.assertEqual(self.card(self.firm).website_unbought_ids, self.lamp)
            self.assertFalse(self.card(new).website_unbought_ids)
