from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon

from .common import ShopCommon


@tagged("post_install", "-at_install")
class TestViewed(ShopCommon, PlaybookCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", 40)
        cls.compute()

    def test_a_product_starts_it_once_and_an_order_ends_it(self):
        playbook = self._playbook("viewed", on=0)
        self.view(self.ann, 10, -1, product=self.lamp)
        self.view(self.ann, -1, product=self.chair)
        self._live(1, playbook)
        self.assertEqual(self._rows(playbook).mapped("event"), [f"viewed:{self.lamp.id}:"])
        self.assertEqual(len(self._activities(self.ann)), 1)
        self.view(self.ann, -2, product=self.lamp)
        self._live(2, playbook)
        self.assertEqual(len(self._rows(playbook)), 1)
        self.bought(self.ann, -2, self.chair)
        self._live(3, playbook)
        self.assertEqual(len(self._activities(self.ann)), 1)
        self.bought(self.ann, -3, self.lamp)
        self._live(4, playbook)
        self.assertFalse(self._activities(self.ann))
        # Viewed twice again after the order: another event.
        self.view(self.ann, -5, -6, product=self.lamp)
        self._live(6, playbook)
        ordered_on = AS_OF + timedelta(days=3)
        self.assertIn(f"viewed:{self.lamp.id}:{ordered_on}", self._rows(playbook).mapped("event"))

    def test_what_was_viewed_before_it_was_switched_on_starts_nothing(self):
        self.view(self.ann, 10, 5, product=self.lamp)
        playbook = self._playbook("viewed", on=0)
        self._live(1, playbook)
        self.assertFalse(self._rows(playbook))

    def test_a_website_that_is_switched_off_starts_nothing(self):
        playbook = self._playbook("viewed", on=0)
        self.view(self.ann, 10, -1, product=self.lamp)
        self.website.tiering_track = False
        self._live(1, playbook)
        self.assertFalse(self._rows(playbook))

    def test_a_preview_shows_it(self):
        playbook = self._playbook("viewed")
        self.view(self.ann, 10, 5, product=self.lamp)
        with freeze_time(self.noon(AS_OF)):
            preview = self.env[playbook.action_preview()["res_model"]].browse(playbook.action_preview()["res_id"])
        self.assertTrue(preview)
