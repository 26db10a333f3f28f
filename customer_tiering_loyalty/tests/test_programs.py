from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon

from .common import PointsCommon


@tagged("post_install", "-at_install")
class TestPrograms(PointsCommon, PlaybookCommon):
    """Ann is in Platinum and Ben in Bronze; a program is only for Platinum and Gold."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 5, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 300)
        cls.compute()
        cls.loyalty = cls.program(tiering_tier_ids=[Command.set((cls.platinum | cls.gold).ids)])

    def _cart(self, who, user=None, amount=100, **values):
        order = self.order(who, amount=amount, state="draft", **values)
        return order.with_user(user) if user else order

    def _given(self, order, program=None):
        """The points that a program would give for an order."""
        order._update_programs_and_rewards()
        return sum(order.sudo().coupon_point_ids.mapped("points"))

    # ------------------------------------------------------------------
    # Only for some tiers
    # ------------------------------------------------------------------

    def test_who_is_in_the_tier_gets_the_program_and_others_do_not(self):
        self.assertTiers({self.firm: "Platinum", self.ben: "Bronze"})
        self.assertEqual(self._given(self._cart(self.ann)), 100)
        self.assertEqual(self._given(self._cart(self.ben)), 0)
        self.assertEqual(self._given(self._cart(self.new_customer("New"))), 0)
        self.loyalty.tiering_tier_ids = False
        self.assertEqual(self._given(self._cart(self.ben)), 100)

    def test_a_code_of_a_program_is_refused_to_others(self):
        self.loyalty.active = False
        rule = {"mode": "with_code", "code": "SECRET", "minimum_qty": 1}
        values = {"rule_ids": [Command.clear(), Command.create(rule)], "trigger": "with_code"}
        program = self.program("promo_code", tiering_tier_ids=[Command.set(self.platinum.ids)], **values)
        self.assertIn("error", self._cart(self.ben)._try_apply_code("SECRET"))
        self.assertNotIn("error", self._cart(self.ann)._try_apply_code("SECRET"))
        program.tiering_tier_ids = self.bronze
        self.assertNotIn("error", self._cart(self.ben)._try_apply_code("SECRET"))

    def test_a_coupon_of_a_program_is_refused_to_others(self):
        self.loyalty.active = False
        program = self.program("coupons", tiering_tier_ids=[Command.set(self.platinum.ids)], trigger="with_code")
        coupon = self.points(program, self.new_customer("Nobody"), 1, partner_id=False)
        self.assertIn("error", self._cart(self.ben)._try_apply_code(coupon.code))
        self.assertNotIn("error", self._cart(self.ann)._try_apply_code(coupon.code))

    def test_who_left_the_tier_loses_the_program_in_an_open_quotation(self):
        order = self._cart(self.ann)
        self.assertEqual(self._given(order), 100)
        self.loyalty.tiering_tier_ids = self.bronze
        self.assertEqual(self._given(order), 0)

    def test_salespeople_and_customers_of_the_portal_need_no_rights_on_tiers(self):
        order = self._cart(self.ann, self.salesperson, user_id=self.salesperson.id)
        self.assertEqual(self._given(order), 100)
        portal = new_test_user(self.env, "tiering_portal", "base.group_portal", partner_id=self.ann.id)
        order = self._cart(self.ann, portal)
        self.assertTrue(self.loyalty.sudo().filtered_domain(order._get_program_domain()))
        self.assertFalse(self.loyalty.sudo().filtered_domain(self._cart(self.ben, portal)._get_program_domain()))

    def test_the_shop_narrows_the_same_domains(self):
        website = self.env["website"].create({"name": "Shop", "company_id": self.company.id})
        for who, found in ((self.ann, self.loyalty), (self.ben, self.loyalty.browse())):
            order = self._cart(who, website_id=website.id)
            self.assertEqual(self.loyalty.filtered_domain(order._get_program_domain()), found)
            self.assertEqual(self.loyalty.rule_ids.filtered_domain(order._get_trigger_domain()), found.rule_ids)
            self.loyalty.ecommerce_ok = False
            self.assertFalse(self.loyalty.filtered_domain(order._get_program_domain()))
            self.loyalty.ecommerce_ok = True

    def test_the_tier_is_that_in_the_company_of_the_order(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        order = self._cart(self.ann)
        self.assertEqual(order.with_company(other)._get_tiering_customer_tier(), self.platinum)
        theirs = self.env["sale.order"].with_company(other).create({"partner_id": self.ann.id, "company_id": other.id})
        self.assertFalse(theirs.with_company(self.company)._get_tiering_customer_tier())

    def test_a_program_of_an_archived_tier_is_for_nobody(self):
        self.loyalty.tiering_tier_ids = self.gold
        self.gold.active = False
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self.loyalty.tiering_tier_ids, self.gold)
        self.assertEqual(self._given(self._cart(self.ann)), 0)

    def test_a_tier_that_a_program_names_cannot_be_deleted(self):
        extra = self.env["customer.tier"].create(
            {"name": "Extra", "policy_id": self.policy.id, "entry_floor": 95, "keep_floor": 95}
        )
        self.loyalty.tiering_tier_ids = extra
        with self.assertRaisesRegex(UserError, "loyalty programs are only for some tiers.*loyalty"):
            extra.with_user(self.manager).unlink()
        policy = self.other_policy()
        self.loyalty.tiering_tier_ids = policy.tier_ids[0]
        with self.assertRaisesRegex(UserError, "loyalty programs are only for some tiers"):
            policy.unlink()
        self.loyalty.tiering_tier_ids = False
        policy.unlink()
        extra.unlink()
        self.assertFalse(extra.exists() or policy.exists())

    def test_tiers_of_another_company_are_refused(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        tier = other.tiering_policy_ids.tier_ids[0]
        with self.assertRaisesRegex(
            ValidationError, "is a program of Tiering Company, and .* is a tier of Other Company"
        ):
            self.loyalty.tiering_tier_ids = tier
        self.loyalty.write({"company_id": False, "tiering_tier_ids": [Command.set(tier.ids)]})
        with self.assertRaisesRegex(ValidationError, "Choose tiers of Tiering Company"):
            self.loyalty.company_id = self.company

    def test_a_manager_names_tiers_on_the_form(self):
        # The form has fields of the Point of Sale, where that is installed.
        groups = "sales_team.group_sale_manager,point_of_sale.group_pos_manager"
        with Form(self.loyalty.with_user(self.new_user("tiering_programs", groups))) as form:
            form.tiering_tier_ids.remove(id=self.gold.id)
        self.assertEqual(self.loyalty.tiering_tier_ids, self.platinum)

    # ------------------------------------------------------------------
    # More points
    # ------------------------------------------------------------------

    def test_a_tier_gives_more_or_fewer_points_or_none(self):
        self.loyalty.tiering_tier_ids = False
        for factor, points in ((1, 100), (1.5, 150), (0.25, 25), (0, 0)):
            self.platinum.points_factor = factor
            self.assertEqual(self._given(self._cart(self.ann)), points)
            self.assertEqual(self._given(self._cart(self.ben)), 100)

    def test_points_are_rounded_down_to_two_decimals(self):
        self.platinum.points_factor = 1.33
        self.assertEqual(self._given(self._cart(self.ann, amount=10.1)), 13.43)  # 13.433

    def test_the_confirmation_gives_the_points_of_the_tier(self):
        self.platinum.points_factor = 3
        order = self._cart(self.ann)
        order._update_programs_and_rewards()
        order.action_confirm()
        card = self.env["loyalty.card"].search([("partner_id", "=", self.ann.id)])
        self.assertEqual((card.points, card.history_ids.issued), (300, 300))

    def test_other_programs_are_not_multiplied(self):
        self.loyalty.active = False
        self.platinum.points_factor = 3
        self.program("next_order_coupons", applies_on="future")
        self.assertEqual(self._given(self._cart(self.ann)), 100)

    def test_an_archived_tier_multiplies_nothing(self):
        self.loyalty.tiering_tier_ids = False
        self.platinum.points_factor = 3
        self.platinum.active = False
        self.assertEqual(self._given(self._cart(self.ann)), 100)

    def test_a_factor_below_0_or_a_typing_error_is_refused(self):
        for factor in (-0.5, 100.5):
            with self.assertRaises(ValidationError):
                self.platinum.points_factor = factor
        with self.assertRaisesRegex(ValidationError, "“Loyalty Points Factor” of Platinum is a number from 0 to 100"):
            self.platinum.points_factor = -0.5

    def test_a_simulation_takes_the_factor_along_and_leaves_programs_alone(self):
        self.platinum.points_factor = 3
        action = self.policy.action_simulate()
        draft = self.env["customer.tiering.policy"].browse(action["res_id"])
        self.assertEqual(draft.tier_ids.mapped("points_factor"), [3, 1, 1, 1])
        self.assertEqual(self.loyalty.tiering_tier_ids, self.platinum | self.gold)
