from odoo.tests import Form, tagged

from odoo.addons.customer_tiering.tests.common import TieringCommon

from ..hooks import uninstall_hook


@tagged("post_install", "-at_install")
class TestShown(TieringCommon):
    def test_an_opportunity_shows_the_tier_of_its_customer(self):
        best = self.buyer("Best", *range(12))  # Platinum by fixed bands
        poor = self.buyer("Poor", 300)
        self.compute()
        leads = self.env["crm.lead"].with_user(self.salesperson)
        with Form(leads) as form:
            form.name = "Twelve more"
            self.assertFalse(form.tiering_customer_tier_id)
            form.partner_id = best
            self.assertEqual(form.tiering_customer_tier_id.name, "Platinum")
        found = leads.search([("tiering_customer_tier_id", "ilike", "Platinum")])
        self.assertEqual((found.name, found.partner_id), ("Twelve more", best))
        self.assertFalse(leads.search([("tiering_customer_tier_id", "ilike", "Bronze"), ("partner_id", "=", poor.id)]))

    def test_the_views_show_it_to_salespeople(self):
        for xml_id in ("crm_lead_view_form", "crm_case_tree_view_oppor", "crm_case_kanban_view_leads"):
            view = self.env.ref(f"crm.{xml_id}")
            arch = self.env["crm.lead"].with_user(self.salesperson).get_view(view.id, view.type)["arch"]
            self.assertIn('name="tiering_customer_tier_id"', arch)

    def test_filters_by_it_go_with_the_addon(self):
        going, staying = self.env["ir.filters"].create(
            [
                {"name": name, "model_id": "crm.lead", "domain": domain, "context": "{}", "sort": "[]"}
                for name, domain in (
                    ("Gold", "[('tiering_customer_tier_id.name', '=', 'Gold')]"),
                    ("Ann", "[('partner_id.name', '=', 'Ann')]"),
                )
            ]
        )
        uninstall_hook(self.env)
        self.assertFalse(going.exists())
        self.assertTrue(staying.exists())
