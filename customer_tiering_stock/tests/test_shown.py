from odoo.tests import Form, tagged

from .common import StockCommon


@tagged("post_install", "-at_install")
class TestShown(StockCommon):
    def test_a_delivery_shows_the_tier_and_is_found_and_grouped_by_it(self):
        best, poor = self.buyer("Best", *range(12)), self.buyer("Poor", 300)
        self.compute()
        self.env.user.group_ids |= self.env.ref("stock.group_stock_user")
        pickings = self.confirmed(best).picking_ids | self.confirmed(poor).picking_ids
        seller = self.new_user("tiering_both", "stock.group_stock_user,sales_team.group_sale_salesman_all_leads")
        mine = self.env["stock.picking"].with_user(seller)
        domain = [("id", "in", pickings.ids)]
        groups = mine._read_group(domain, ["tiering_customer_tier_id"], ["__count"])
        self.assertEqual([(tier.name, count) for tier, count in groups], [("Platinum", 1), ("Bronze", 1)])
        self.assertEqual(mine.search([*domain, ("tiering_customer_tier_id", "ilike", "Plat")]).partner_id, best)
        with Form(mine.browse(pickings.ids[0])) as form:
            self.assertEqual(form.tiering_customer_tier_id.name, "Platinum")
        stocker = self.new_user("tiering_stocker", "stock.group_stock_user")
        self.assertNotIn("tiering_customer_tier_id", self.env["stock.picking"].with_user(stocker).fields_get())
        for user, seen in ((seller, True), (stocker, False)):
            for xml_id in ("view_picking_form", "vpicktree", "view_picking_internal_search"):
                view = self.env.ref(f"stock.{xml_id}")
                arch = self.env["stock.picking"].with_user(user).get_view(view.id, view.type)["arch"]
                self.assertEqual("tiering_customer_tier_id" in arch, seen, xml_id)
