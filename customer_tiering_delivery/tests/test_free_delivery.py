from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon


class FreeDeliveryCommon(PlaybookCommon):
    """Ann, who works for Lumber Inc, is in Platinum, and Ben in Bronze; the post takes 12."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 5, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 300)
        cls.compute()
        cls.platinum.delivery_free = True
        cls.post = cls.method("Post", fixed_price=12)

    @classmethod
    def method(cls, name, **values):
        freight = cls.env["product.product"].create({"name": name, "type": "service", "taxes_id": False})
        return cls.env["delivery.carrier"].create({"name": name, "product_id": freight.id, **values})

    def cart(self, who, amount=100, user=None, **values):
        order = self.order(who, amount=amount, state="draft", user_id=self.salesperson.id, **values)
        order.order_line.tax_ids = False
        return order.with_user(user) if user else order

    def assertRate(self, order, price, carrier=None):  # noqa: N802 - like unittest's own
        rate = (carrier or self.post).rate_shipment(order)
        self.assertTrue(rate["success"])
        self.assertEqual(rate["price"], price)
        return rate

    def deliver(self, order):
        """Add the delivery as a person does; return the cost and the message that they see."""
        order = order.with_user(self.salesperson)
        action = order.action_open_delivery_wizard()
        wizard = self.env[action["res_model"]].with_user(order.env.user).with_context(**action["context"])
        with Form(wizard) as form:
            form.carrier_id = self.post
            shown = (form.display_price, form.delivery_message)
        form.record.button_confirm()
        return shown


@tagged("post_install", "-at_install")
class TestFreeDelivery(FreeDeliveryCommon):
    # ------------------------------------------------------------------
    # Who pays nothing
    # ------------------------------------------------------------------

    def test_who_is_in_the_tier_pays_nothing_and_others_pay(self):
        self.assertTiers({self.firm: "Platinum", self.ben: "Bronze"})
        free = self.assertRate(self.cart(self.ann), 0)
        self.assertEqual(free["carrier_price"], 12)
        self.assertEqual(free["warning_message"], "The delivery is free because of the customer's tier.")
        self.assertFalse(self.assertRate(self.cart(self.ben), 12)["warning_message"])
        self.assertRate(self.cart(self.new_customer("New")), 12)

    def test_it_follows_the_tier(self):
        order = self.cart(self.ann)
        self.platinum.delivery_free = False
        self.assertRate(order, 12)
        self.platinum.delivery_free = True
        self.assertRate(order, 0)
        self.platinum.active = False
        self.assertRate(order, 12)

    def test_a_method_that_is_not_free_for_tiers_is_paid(self):
        self.post.tiering_free = False
        self.assertRate(self.cart(self.ann), 12)

    def test_methods_with_rules_and_margins_are_free_too(self):
        rule = {"variable": "price", "operator": "<", "max_value": 500, "list_base_price": 20}
        by_rule = self.method(
            "By rule", delivery_type="base_on_rule", margin=0.5, fixed_margin=3, price_rule_ids=[Command.create(rule)]
        )
        # 20 and half of it, and 3
        self.assertEqual(self.assertRate(self.cart(self.ann), 0, by_rule)["carrier_price"], 33)
        self.assertRate(self.cart(self.ben), 33, by_rule)
        self.assertFalse(by_rule.rate_shipment(self.cart(self.ann, amount=500))["success"])

    def test_the_free_delivery_of_odoo_keeps_its_words(self):
        self.post.write({"free_over": True, "amount": 100})
        self.assertIn("exceeds 100", self.assertRate(self.cart(self.ann), 0)["warning_message"])
        self.assertIn("tier", self.assertRate(self.cart(self.ann, amount=99), 0)["warning_message"])

    def test_the_tier_is_that_in_the_company_of_the_order(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        theirs = self.env["sale.order"].with_company(other).create({"partner_id": self.ann.id, "company_id": other.id})
        self.assertRate(theirs.with_company(self.company), 12)
        self.assertRate(self.cart(self.ann).with_company(other), 0)

    def test_salespeople_and_customers_of_the_portal_need_no_rights_on_tiers(self):
        portal = new_test_user(self.env, "tiering_portal", "base.group_portal", partner_id=self.ann.id)
        for user in (portal, self.salesperson):
            rate = self.post.with_user(user).sudo().rate_shipment(self.cart(self.ann).with_user(user).sudo())
            self.assertEqual(rate["price"], 0)
        self.assertEqual(self.post.with_user(self.salesperson).rate_shipment(self.cart(self.ann))["price"], 0)

    # ------------------------------------------------------------------
    # From an amount on
    # ------------------------------------------------------------------

    def test_it_is_free_from_an_amount_on(self):
        self.platinum.delivery_free_from = 100
        for amount, price in ((100, 0), (99.99, 12), (0, 12), (250, 0)):
            self.assertRate(self.cart(self.ann, amount=amount), price)

    def test_the_amount_has_its_taxes_and_not_the_delivery(self):
        of_company = {"company_id": self.company.id, "country_id": self.env.ref("base.fr").id}
        group = self.env["account.tax.group"].create({"name": "Taxes", **of_company})
        tax = self.env["account.tax"].create({"name": "15 %", "amount": 15, "tax_group_id": group.id, **of_company})
        order = self.cart(self.ann, amount=100)
        order.order_line.tax_ids = tax
        self.platinum.delivery_free_from = 115
        self.assertRate(order, 0)
        order.set_delivery_line(self.post, 12)
        self.assertEqual(order.amount_total, 127)
        self.platinum.delivery_free_from = 116
        self.assertRate(order, 12)

    def test_the_amount_is_in_the_currency_of_the_company(self):
        euro = self.env["res.currency"].create({"name": "ZZE", "symbol": "e"})
        order = self.cart(self.ann, amount=100)
        day = order.date_order.date()
        rate = {"currency_id": euro.id, "company_id": self.company.id, "name": day, "rate": 0.5}
        self.env["res.currency.rate"].create(rate)
        pricelist = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        order.pricelist_id = pricelist
        order.order_line.price_unit = 100
        self.assertEqual(order.currency_id, euro)
        for least, price in ((200, 0), (201, 6)):
            self.platinum.delivery_free_from = least
            self.assertRate(order, price)

    def test_below_nothing_is_refused(self):
        for wrong in (-1, float("nan")):
            with self.assertRaisesRegex(ValidationError, "From an Order of"):
                self.platinum.with_user(self.manager).delivery_free_from = wrong

    # ------------------------------------------------------------------
    # On the order
    # ------------------------------------------------------------------

    def test_a_salesperson_adds_it_and_the_line_tells_the_customer(self):
        order = self.cart(self.ann)
        self.assertEqual(self.deliver(order), (12, "The delivery is free because of the customer's tier."))
        line = order.order_line.filtered("is_delivery")
        self.assertEqual((line.price_unit, line.name), (0, "Post\nFree Delivery"))
        paid = self.cart(self.ben)
        self.assertEqual(self.deliver(paid), (12, False))
        line = paid.order_line.filtered("is_delivery")
        self.assertEqual((line.price_unit, line.name), (12, "Post"))

    def test_the_line_speaks_the_language_of_the_customer(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.env["ir.module.module"]._load_module_terms(["customer_tiering_delivery"], ["fr_FR"])
        self.ann.lang = "fr_FR"
        order = self.cart(self.ann)
        self.deliver(order)
        self.assertEqual(order.order_line.filtered("is_delivery").name, "Post\nLivraison gratuite")

    def test_odoo_says_it_once(self):
        self.post.write({"free_over": True, "amount": 100})
        order = self.cart(self.ann)
        self.deliver(order)
        self.assertEqual(order.order_line.filtered("is_delivery").name, "Post\nFree Shipping")

    def test_in_the_shop_the_price_follows_the_cart(self):
        self.platinum.delivery_free_from = 100
        portal = new_test_user(self.env, "tiering_portal", "base.group_portal", partner_id=self.ann.id)
        website = self.env["website"].create({"name": "Shop", "company_id": self.company.id})
        order = self.cart(self.ann, website_id=website.id).with_user(portal).sudo()
        order._set_delivery_method(self.post)
        line = order.order_line.filtered("is_delivery")
        self.assertEqual((line.price_unit, line.name), (0, "Post"))
        (order.order_line - line).price_unit = 60
        order._verify_cart_after_update()
        self.assertEqual((line.price_unit, line.name), (12, "Post"))

    def test_a_price_that_a_person_typed_stays(self):
        order = self.cart(self.ann)
        self.deliver(order)
        line = order.order_line.filtered("is_delivery")
        line.with_user(self.salesperson).price_unit = 7
        order.with_user(self.salesperson).action_update_prices()
        order.order_line[0].product_uom_qty = 3
        order.with_user(self.salesperson).action_confirm()
        self.assertEqual((line.exists().price_unit, order.state), (7, "sale"))

    def test_who_comes_into_the_tier_keeps_the_price_until_it_is_asked_for(self):
        order = self.cart(self.ben)
        self.deliver(order)
        self.card(self.ben).tier_id = self.platinum
        order.with_user(self.salesperson).action_confirm()
        self.assertEqual(order.order_line.filtered("is_delivery").price_unit, 12)
        self.deliver(order)
        self.assertEqual(order.order_line.filtered("is_delivery").price_unit, 0)

    def test_real_costs_are_not_billed_later(self):
        self.post.invoice_policy = "real"
        for who, billed in ((self.ann, 0), (self.ben, 12)):
            order = self.cart(who)
            order.set_delivery_line(self.post, self.post.rate_shipment(order)["price"])
            order.action_confirm()
            transfer = order.picking_ids
            transfer.move_ids.write({"quantity": 1, "picked": True})
            transfer._action_done()
            self.assertEqual(transfer.carrier_price, billed)
            self.assertEqual(order.order_line.filtered("is_delivery").mapped("price_unit"), [billed])

    # ------------------------------------------------------------------
    # The tier
    # ------------------------------------------------------------------

    def test_it_is_no_rule_and_a_simulation_takes_it_along(self):
        version = self.policy.version_ids
        self.platinum.with_user(self.manager).write({"delivery_free": True, "delivery_free_from": 50})
        self.assertEqual(self.policy.version_ids, version)
        action = self.policy.action_simulate()
        draft = self.env["customer.tiering.policy"].browse(action["res_id"])
        self.assertEqual(draft.tier_ids[0].delivery_free_from, 50)
        self.assertTrue(draft.tier_ids[0].delivery_free)

    def test_a_manager_types_it_on_the_form(self):
        with Form(self.platinum.with_user(self.manager)) as form:
            form.delivery_free = True
            form.delivery_free_from = 75
        self.assertEqual(self.platinum.delivery_free_from, 75)
