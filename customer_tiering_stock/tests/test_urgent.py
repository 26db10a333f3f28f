from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.stock.models.stock_move import StockMove

from .common import StockCommon


@tagged("post_install", "-at_install")
class TestUrgent(StockCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 10, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 80)
        cls.compute()
        cls.platinum.delivery_urgent = True

    def assertUrgent(self, order, urgent=True):  # noqa: N802 - like unittest's own
        priority = "1" if urgent else "0"
        self.assertEqual(order.picking_ids.mapped("priority"), [priority] * len(order.picking_ids))
        self.assertEqual(set(order.picking_ids.move_ids.mapped("priority")), {priority})

    def test_what_customers_of_the_tier_order_is_urgent(self):
        self.assertTiers({self.firm: "Platinum", self.ben: "Gold"})
        self.assertUrgent(self.confirmed(self.firm))
        self.assertUrgent(self.confirmed(self.ann))
        self.assertUrgent(self.confirmed(self.ben), urgent=False)
        self.assertUrgent(self.confirmed(self.new_customer("New")), urgent=False)

    def test_it_follows_the_tier_and_stores_nothing(self):
        self.gold.delivery_urgent = True
        self.assertUrgent(self.confirmed(self.ben))
        self.platinum.delivery_urgent = False
        self.assertUrgent(self.confirmed(self.firm), urgent=False)
        self.gold.active = False
        self.assertUrgent(self.confirmed(self.ben), urgent=False)

    def test_a_persons_choice_wins(self):
        order = self.confirmed(self.firm)
        order.picking_ids.priority = "0"
        order.order_line = [Command.create({"product_id": self.product.id, "price_unit": 5, "tax_ids": False})]
        self.assertEqual(len(order.picking_ids), 1)
        self.assertUrgent(order, urgent=False)
        asked = StockMove._get_new_picking_values

        def ask(moves):
            return {**asked(moves), "priority": "0"}

        with patch.object(StockMove, "_get_new_picking_values", ask):
            self.assertUrgent(self.confirmed(self.firm), urgent=False)

    def test_all_steps_of_a_delivery_are_urgent_also_for_who_sees_no_orders(self):
        warehouse = self.env["stock.warehouse"].search([("company_id", "=", self.company.id)], limit=1)
        warehouse.delivery_steps = "pick_ship"
        order = self.confirmed(self.firm)
        self.assertUrgent(order)
        packer = self.new_user("packer", "stock.group_stock_user")
        self.finish(order.picking_ids.with_user(packer))
        (last,) = order.picking_ids.filtered(lambda picking: picking.state != "done")
        self.assertEqual((last.picking_type_code, last.priority), ("outgoing", "1"))

    def test_what_comes_back_is_not(self):
        sent = self.finish(self.confirmed(self.firm).picking_ids)
        wizard = self.env["stock.return.picking"].create({"picking_id": sent.id})
        wizard.product_return_moves.quantity = 1
        back = self.env["stock.picking"].browse(wizard.action_create_returns()["res_id"])
        self.assertEqual(back.priority, "0")

    def test_a_salesperson_confirms_and_the_other_company_decides_nothing(self):
        order = self.order(self.firm, state="draft", user_id=self.salesperson.id)
        order.with_user(self.salesperson).action_confirm()
        self.assertUrgent(order)
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        env = self.env(context={**self.env.context, "allowed_company_ids": (self.company | other).ids})
        warehouse = env["stock.warehouse"].search([("company_id", "=", other.id)], limit=1)
        foreign = env["sale.order"].create(
            {
                "partner_id": self.firm.id,
                "company_id": other.id,
                "warehouse_id": warehouse.id,
                "order_line": [Command.create({"product_id": self.product.id, "tax_ids": False})],
            }
        )
        foreign.action_confirm()
        self.assertTrue(foreign.picking_ids)
        self.assertUrgent(foreign, urgent=False)

    def test_it_is_no_rule(self):
        self.compute()
        version = self.policy.version_ids
        self.gold.with_user(self.manager).delivery_urgent = True
        self.compute()
        self.assertEqual(self.policy.version_ids, version)

    def test_a_simulation_takes_it_along(self):
        action = self.policy.with_user(self.manager).action_simulate()
        draft = self.env["customer.tiering.policy"].browse(action["res_id"])
        self.assertEqual(draft.tier_ids.mapped("delivery_urgent"), [True, False, False, False])
        draft.tier_ids[1].delivery_urgent = True
        draft.with_user(self.manager).action_simulation_compute()
        draft.with_user(self.manager).action_simulation_apply()
        self.assertEqual(self.policy.tier_ids.mapped("delivery_urgent"), [True, True, False, False])
