from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.customer_tiering_loyalty.tests.common import PointsCommon
from odoo.addons.customer_tiering_pos.tests.test_till import TillCommon


class TillProgramsCommon(TillCommon, PointsCommon):
    """Ann and Bob are Silver. Points of a loyalty program are for all, and twice as many for Gold; a promotion, a
    promo code and a coupon are for Gold only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["loyalty.program"].search([]).active = False
        cls.gold.points_factor = 2
        only_gold = {"tiering_tier_ids": [Command.set(cls.gold.ids)]}
        any_goods = {"reward_point_mode": "order", "reward_point_amount": 1, "minimum_qty": 1}
        coded = {**any_goods, "mode": "with_code", "code": "GOLDEN"}
        cls.loyalty = cls.program(name="Points for all")
        cls.promotion = cls.program(
            "promotion",
            rule_ids=[Command.clear(), Command.create(any_goods)],
            reward_ids=cls.discount(
                # Of orders as a whole only the greatest discount would count. An amount: a share would be of what the
                # code leaves where the till happens to apply the code first.
                discount=8,
                discount_mode="per_order",
                discount_applicability="specific",
                discount_product_ids=[Command.set(cls.product.ids)],
            ),
            **only_gold,
        )
        cls.code = cls.program(
            "promo_code",
            trigger="with_code",
            rule_ids=[Command.clear(), Command.create(coded)],
            reward_ids=cls.discount(discount=2, discount_mode="per_order"),
            **only_gold,
        )
        cls.coupons = cls.program(
            "coupons",
            trigger="with_code",
            rule_ids=[Command.clear(), Command.create(any_goods)],
            reward_ids=cls.discount(discount=3, discount_mode="per_order"),
            **only_gold,
        )
        cls.coupon = cls.points(cls.coupons, cls.ann, 1, partner_id=False, code="COUPON")

    @classmethod
    def discount(cls, **values):
        return [Command.clear(), Command.create({"reward_type": "discount", "required_points": 1, **values})]


@tagged("post_install", "-at_install")
class TestTillPrograms(TillProgramsCommon):
    def loaded(self, who):
        partner = self.env["res.partner"].with_user(self.cashier).browse(who.id)
        (data,) = partner._load_pos_data_read(partner, self.till)
        return data["tiering_till_tier_number"], data["tiering_till_points_factor"]

    def test_customers_are_loaded_with_what_their_tier_gives(self):
        self.assertEqual(self.loaded(self.ann), (self.silver.id, 1))
        contact = self.new_customer("Contact", parent_id=self.ann.id)
        self.move(self.gold)
        self.env.invalidate_all()
        self.assertEqual(self.loaded(contact), (self.gold.id, 2))
        self.assertEqual(self.loaded(self.new_customer("New")), (0, 1))
        self.gold.points_factor = 0
        self.env.invalidate_all()
        self.assertEqual(self.loaded(self.ann), (self.gold.id, 0))
        self.gold.active = False
        self.env.invalidate_all()
        self.assertEqual(self.loaded(self.ann), (0, 1))

    def test_the_tier_is_that_in_the_company(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        ann = self.ann.with_company(other)
        self.assertEqual((ann.tiering_till_tier_number, ann.tiering_till_points_factor), (0, 1))

    def test_programs_are_loaded_with_their_tiers(self):
        programs = self.env["loyalty.program"].with_user(self.cashier)
        data = programs._load_pos_data_search_read({}, self.till)
        tiers = {program["id"]: program["tiering_tier_ids"] for program in data}
        self.assertEqual(tiers[self.promotion.id], self.gold.ids)
        self.assertEqual(tiers[self.loyalty.id], [])
        self.gold.active = False
        self.env.invalidate_all()
        (data,) = programs._load_pos_data_read(self.promotion.with_user(self.cashier), self.till)
        self.assertEqual(data["tiering_tier_ids"], self.gold.ids)  # so it is for nobody, not for everybody

    def test_a_copy_is_for_the_same_tiers_whoever_makes_it(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        boss = self.new_user("tiering_till_boss", "point_of_sale.group_pos_manager,product.group_product_manager")
        till = "point_of_sale.group_pos_user,product.group_product_manager"
        foreign = self.new_user("tiering_foreign", f"sales_team.group_sale_manager,{till}", other)
        self.promotion.company_id = False
        for user in (boss, foreign):
            copied = self.promotion.with_user(user).with_context(allowed_company_ids=user.company_id.ids).copy()
            self.assertEqual(copied.sudo().tiering_tier_ids, self.gold, user.login)
        self.assertFalse(self.loyalty.with_user(boss).copy().sudo().tiering_tier_ids)

    def test_guests_who_order_by_themselves_are_told_nothing(self):
        known = self.env["res.partner"]._load_pos_self_data_fields(self.till)
        self.assertFalse([fname for fname in known if fname.startswith("tiering")])

    def test_only_cashiers_read_it(self):
        user = self.new_user("tiering_nobody", "base.group_user")
        for fname in ("tiering_till_tier_number", "tiering_till_points_factor"):
            with self.assertRaises(AccessError):
                self.ann.with_user(user).read([fname])

    def use_coupon(self, who):
        till = self.till.with_user(self.cashier)
        return till.use_coupon_code("COUPON", "2026-06-30 10:00:00", who and who.id, False)

    def test_a_coupon_is_refused_to_others(self):
        for who in (False, self.ann, self.new_customer("New")):
            result = self.use_coupon(who)
            self.assertFalse(result["successful"])
            self.assertEqual(
                result["payload"]["error_message"], "This coupon is only for customers in some tiers (COUPON)."
            )
        self.move(self.gold)
        self.env.invalidate_all()
        self.assertTrue(self.use_coupon(self.ann)["successful"])
        self.move(self.silver)
        self.env.invalidate_all()
        self.coupons.tiering_tier_ids = False
        self.assertTrue(self.use_coupon(False)["successful"])

    def test_what_the_till_gave_counts_whatever_the_tier_is_now(self):
        ticket = self.ticket(self.ann)
        given = {"points": 200, "program_id": self.loyalty.id, "coupon_id": -1, "partner_id": self.ann.id}
        ticket.with_user(self.cashier).confirm_coupon_programs({"-1": given})
        card = self.env["loyalty.card"].search([("program_id", "=", self.loyalty.id)])
        self.assertEqual((card.partner_id, card.points), (self.ann, 200))


@tagged("post_install", "-at_install")
class TestTillProgramsTour(TillProgramsCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lists = {
            "use_pricelist": True,
            "pricelist_id": cls.public.id,
            "available_pricelist_ids": [Command.set((cls.public | cls.golden).ids)],
        }
        cls.corner = cls.new_till("Corner", **lists)
        cls.corner.current_session_id.state = "opening_control"

    def sell(self, tour):
        """Return the ticket that a cashier sells."""
        self.start_tour(f"/pos/ui/{self.corner.id}", tour, login="tiering_cashier")
        ticket = self.corner.session_ids.order_ids
        self.assertEqual((ticket.partner_id, ticket.state), (self.ann, "paid"))
        return ticket

    def saved(self, program):
        """What Ann has saved in a program: the balance, what was given and what was used."""
        cards = self.env["loyalty.card"].search([("program_id", "=", program.id)])
        card = cards.filtered(lambda card: card.partner_id == self.ann)
        return card.points, card.history_ids.issued, card.history_ids.used

    def test_programs_and_points_follow_the_customer(self):
        opening = type(self.env["pos.session"]).set_opening_control
        card, gold = self.card(self.ann), self.gold

        def open_and_move(session, *args):
            card.with_env(session.env(su=True)).tier_id = gold.id
            return opening(session, *args)

        self.patch(type(self.env["pos.session"]), "set_opening_control", open_and_move)
        self.new_customer("Carl")
        ticket = self.sell("customer_tiering_till_programs")
        # 80 for Gold; what the promotion and the code take off; twice the points of 80.
        self.assertEqual(ticket.amount_total, 80 - 8 - 2)
        self.assertEqual(self.saved(self.loyalty), (160, 160, 0))

    def test_goods_that_are_given_away_earn_nothing(self):
        """A sticker brings 10 points, for Gold 20, and 100 points are one sticker. Of 11, the last of which the till
        adds, one is free: with two, the other 9 would not bring the 200 points that they take."""
        (self.loyalty | self.promotion).active = False
        sticker = self.new_product("Sticker", list_price=5)
        stickers = {"reward_point_mode": "unit", "reward_point_amount": 10, "product_ids": [Command.set(sticker.ids)]}
        one = {"reward_type": "product", "reward_product_id": sticker.id, "required_points": 100}
        stamps = self.program(
            name="Stamps",
            rule_ids=[Command.clear(), Command.create(stickers)],
            reward_ids=[Command.clear(), Command.create(one)],
        )
        self.move(self.gold)
        ticket = self.sell("customer_tiering_till_free_goods")
        self.assertEqual(ticket.amount_total, 10 * 4)
        self.assertEqual(self.saved(stamps), (10 * 20 - 100, 10 * 20 - 100, 0))
