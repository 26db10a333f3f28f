from odoo.tests import Form, tagged

from .common import SupportCommon


@tagged("post_install", "-at_install")
class TestShown(SupportCommon):
    def test_a_task_shows_the_tier_and_is_found_and_grouped_by_it(self):
        best, poor = self.buyer("Best", *range(12)), self.buyer("Poor", 300)
        self.compute()
        tasks = self.task(best) | self.task(poor) | self.task(self.env["res.partner"])
        seller = self.new_user("tiering_both", "project.group_project_user,sales_team.group_sale_salesman_all_leads")
        mine = self.env["project.task"].with_user(seller)
        domain = [("id", "in", tasks.ids)]
        groups = mine._read_group(domain, ["tiering_customer_tier_id"], ["__count"])
        self.assertEqual([(tier.name, count) for tier, count in groups], [("Platinum", 1), ("Bronze", 1), (False, 1)])
        self.assertEqual(mine.search([*domain, ("tiering_customer_tier_id", "ilike", "Plat")]).partner_id, best)
        self.assertEqual(mine.search([*domain, ("tiering_customer_tier_id", "=", False)]), tasks[2])
        with Form(mine.browse(tasks.ids[0])) as form:
            self.assertEqual(form.tiering_customer_tier_id.name, "Platinum")
            form.partner_id = poor
            self.assertEqual(form.tiering_customer_tier_id.name, "Bronze")
        helper = self.new_user("tiering_helper", "project.group_project_user")
        self.assertNotIn("tiering_customer_tier_id", self.env["project.task"].with_user(helper).fields_get())
        for user, seen in ((seller, True), (helper, False)):
            for xml_id in ("view_task_form2", "view_task_kanban", "view_task_search_form"):
                view = self.env.ref(f"project.{xml_id}")
                arch = self.env["project.task"].with_user(user).get_view(view.id, view.type)["arch"]
                self.assertEqual("tiering_customer_tier_id" in arch, seen, xml_id)
