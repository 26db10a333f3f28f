from odoo.tests import HttpCase, tagged

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestTours(TieringCommon, HttpCase):
    """People at work in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.settings_manager = cls._new_user("tiering_settings", "base.group_system,sales_team.group_sale_manager")
        cls.salesperson.group_ids |= cls.env.ref("base.group_allow_export")
        cls.best, cls.second, cls.poor, cls.asked = (
            cls._customer(name, is_company=True, customer_rank=1) for name in ("Best", "Second", "Poor", "Asked")
        )
        today = cls.company._get_tiering_today()
        # Fixed bands, average order 100 (19 orders, 1900 in all):
        # Best: today, 12 orders, 1200 → 100 points each: Platinum.
        # Second: 40 days → 75, 6 orders → 75, 600 = 6 average orders → 75: score 75, Gold.
        # Poor: 300 days → 25, one order → 0, one average order → 25: score 16.67, Bronze.
        for partner, days in (
            (cls.best, range(12)),
            (cls.second, range(40, 46)),
            (cls.poor, (300,)),
        ):
            for days_ago in days:
                cls._order(partner, amount=100, when=cls._noon(today, days_ago))
        cls._order(cls.asked, state="draft")
        cls._run(as_of=today)

    def test_the_expected_tiers(self):
        self.assertTiers({self.best: "Platinum", self.second: "Gold", self.poor: "Bronze", self.asked: False})

    def test_salesperson_filters_opens_a_customer_and_sees_why(self):
        self.start_tour("/odoo/customers", "customer_tiering_salesperson", login="tiering_salesperson")

    def test_salesperson_groups_by_tier(self):
        self.start_tour("/odoo/customers", "customer_tiering_group_by_tier", login="tiering_salesperson")

    def test_manager_edits_tiers_in_the_settings_and_computes(self):
        self.start_tour("/odoo/settings?#sale_management", "customer_tiering_manager", login="tiering_settings")
        self.assertEqual(
            self.policy.tier_ids.mapped(lambda tier: (tier.name, tier.entry_floor)),
            [("Diamond", 99), ("Platinum", 80), ("Gold", 50), ("Silver", 40), ("Bronze", 0)],
        )
        self.assertTiers({self.best: "Diamond", self.second: "Gold", self.poor: "Bronze"})

    def test_manager_is_told_about_a_mistake(self):
        with self.assertLogs("odoo.http", "WARNING"):  # how Odoo logs a message to the user
            self.start_tour(
                "/odoo/settings?#sale_management", "customer_tiering_manager_mistake", login="tiering_settings"
            )
        self.assertEqual(min(self.policy.tier_ids.mapped("entry_floor")), 0)

    def test_manager_paints_the_segment_map(self):
        champions = self.env.ref("customer_tiering.customer_segment_champions")
        self.assertNotEqual(self.policy.segment_map[4][0], champions.id)
        self.start_tour("/odoo/customer-tiering-policies", "customer_tiering_segment_map", login="tiering_manager")
        self.policy.invalidate_recordset()
        self.assertEqual(self.policy.segment_map[4][0], champions.id)

    def test_tiering_table_with_export_and_pivot(self):
        self.start_tour("/odoo/customer-tiering", "customer_tiering_table", login="tiering_salesperson")
