from datetime import timedelta

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon
from .test_playbook import PlaybookCommon


class MotiveCommon(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.write({"propose_motives": True, "min_population": 5})
        cls.price, cls.quality, cls.function, cls.service, cls.speed = (
            cls.env.ref(f"customer_tiering.customer_tiering_motive_{name}")
            for name in ("price", "quality", "function", "service", "speed")
        )
        cls.plain = [cls.buyer(f"Plain {number}", 3, 33, 63) for number in range(9)]

    @classmethod
    def line(cls, amount=100.0, **values):
        return {"order_line": [Command.create({"product_id": cls.product.id, "price_unit": amount, **values})]}

    @classmethod
    def say(cls, who, motive, user=None, reason="Asked for samples"):
        words = cls.env["customer.tiering.motive.word"].with_user(user or cls.salesperson)
        values = {"partner_id": who.id, "company_id": cls.company.id, "reason": reason}
        return words.create({**values, "motive_id": motive and motive.id})


@tagged("post_install", "-at_install")
class TestMotive(MotiveCommon):
    def test_what_stands_out_is_proposed(self):
        """By hand: of ten customers nine have less."""
        anna = self.buyer("Anna")
        for ago in (3, 33, 63):
            self.order(anna, ago, **self.line(discount=18))
        self.compute()
        card = self.card(anna)
        self.assertEqual((card.motive_id, card.proposed_motive_id), (self.price, self.price))
        self.assertEqual(
            card.motive_reason, "Discounts: 18%. Of 100 customers who bought at least three times, 90 have less."
        )
        self.assertFalse(any(self.card(who).motive_id for who in self.plain))
        self.assertFalse(self.card(self.plain[0]).motive_reason)

    def test_a_discount_now_and_then_is_not_enough(self):
        anna = self.buyer("Anna", 3, 33)
        self.order(anna, 63, **self.line(discount=18))
        ben = self.buyer("Ben", 3)
        self.order(ben, 33, **self.line(discount=18))
        self.compute()
        self.assertEqual(self.card(anna).motive_id, self.price)
        self.assertFalse(self.card(ben).motive_id, "two orders say nothing")

    def test_the_upper_price_range(self):
        """Six products at 10 to 60: 50 and 60 are above two thirds, 40 is not."""
        wines = self.env["product.category"].create({"name": "Wines"})
        products = self.env["product.product"].create(
            [{"name": f"At {price}", "list_price": price, "categ_id": wines.id} for price in (10, 20, 30, 40, 50, 60)]
        )
        self.env["product.product"].create(
            {"name": "Not sold", "list_price": 99, "categ_id": wines.id, "sale_ok": False}
        )
        anna, ben = self.buyer("Anna"), self.buyer("Ben")
        for ago in (3, 33, 63):
            self.order(anna, ago, **self.line(60, product_id=products[5].id))
            self.order(ben, ago, **self.line(30, product_id=products[2].id))
        self.order(ben, 5, **self.line(10, product_id=products[4].id))
        for who in self.plain:  # so that there is somebody to compare with
            self.order(who, 7, **self.line(product_id=products[0].id))
        self.compute()
        self.assertEqual((self.card(anna).upper_share, self.card(ben).upper_share), (100, 10))
        self.assertEqual(self.card(anna).motive_id, self.quality)

    def test_made_to_order(self):
        anna = self.buyer("Anna", 33, 63)
        attribute = self.env["product.attribute"].create({"name": "Engraving", "create_variant": "no_variant"})
        value = self.env["product.attribute.value"].create(
            {"name": "Text", "attribute_id": attribute.id, "is_custom": True}
        )
        template = self.env["product.template"].create(
            {
                "name": "Cup",
                "attribute_line_ids": [
                    Command.create({"attribute_id": attribute.id, "value_ids": [Command.set(value.ids)]})
                ],
            }
        )
        chosen = template.attribute_line_ids.product_template_value_ids
        order = self.order(anna, 3, **self.line(product_id=template.product_variant_id.id))
        order.order_line.product_custom_attribute_value_ids = [
            Command.create({"custom_product_template_attribute_value_id": chosen.id, "custom_value": "For Ann"})
        ]
        order.order_line = [Command.create({"product_id": self.product.id})]
        self.compute()
        card = self.card(anna)
        self.assertEqual((card.specified_share, card.motive_id), (25, self.function), "1 of 4 lines")

    def test_orders_in_a_hurry(self):
        anna = self.buyer("Anna", 63)
        for ago, days in ((3, 2), (33, 3), (43, -1)):
            order = self.order(anna, ago)
            order.commitment_date = order.date_order + timedelta(days=days)
        self.compute()
        card = self.card(anna)
        self.assertEqual((card.rush_share, card.motive_id), (50, self.speed), "2 of 4: soon, and too late already")

    def test_a_policy_that_proposes_nothing(self):
        self.policy.propose_motives = False
        anna = self.buyer("Anna")
        for ago in (3, 33, 63):
            self.order(anna, ago, **self.line(discount=18))
        self.compute()
        card = self.card(anna)
        self.assertFalse(card.motive_id or card.motive_reason or card.discount_share)

    def test_two_companies(self):
        """What people of another company say, and what is bought there, says nothing here."""
        anna = self.buyer("Anna", 3, 33, 63)
        other = self.env["res.company"].create({"name": "Other"})
        self.env["customer.tiering.motive.word"].create(
            {"partner_id": anna.id, "company_id": other.id, "motive_id": self.speed.id}
        )
        self.compute()
        self.assertFalse(self.card(anna).motive_id)
        self.assertFalse(anna.with_user(self.salesperson).tiering_said_motive_id)


@tagged("post_install", "-at_install")
class TestMotiveWord(MotiveCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.buyer("Anna")
        cls.shop = cls.new_customer("Anna's shop", parent_id=cls.anna.id)
        for ago in (3, 33, 63):
            cls.order(cls.anna, ago, **cls.line(discount=18))
        cls.env.user.tz = cls.salesperson.tz = cls.manager.tz = "UTC"
        cls.today = cls.company._get_tiering_today()

    def test_a_person_is_right_at_once_and_for_good(self):
        self.compute(self.today)
        before = self.card(self.anna).score
        self.say(self.shop, self.quality)
        card = self.card(self.anna)
        self.assertEqual((card.motive_id, card.proposed_motive_id, card.score), (self.quality, self.price, before))
        self.assertRegex(card.motive_reason, "^tiering_salesperson.* said so on .*: Asked for samples$")
        self.compute(self.today)
        self.assertEqual(self.card(self.anna).motive_id, self.quality)
        self.assertEqual(self.anna.with_user(self.salesperson).tiering_said_motive_id, self.quality)

    def test_as_proposed_again(self):
        self.compute(self.today)
        self.say(self.anna, self.quality)
        self.say(self.anna, None)
        card = self.card(self.anna)
        self.assertEqual((card.motive_id, card.motive_confirmed), (self.price, False))
        self.assertRegex(card.motive_reason, "^Discounts")

    def test_confirmed(self):
        """What is proposed otherwise, later, does not matter any more."""
        self.compute(self.today)
        self.card(self.anna).with_user(self.salesperson).action_tiering_confirm_motive()
        self.card(self.anna).with_user(self.salesperson).action_tiering_confirm_motive()
        words = self.env["customer.tiering.motive.word"].search([("partner_id", "=", self.anna.id)])
        self.assertEqual((words.motive_id, words.user_id), (self.price, self.salesperson))
        self.anna.sale_order_ids.order_line.discount = 0
        self.compute(self.today)
        card = self.card(self.anna)
        self.assertEqual((card.motive_id, card.proposed_motive_id.id), (self.price, False))

    def test_nobody_speaks_for_another(self):
        word = self.env["customer.tiering.motive.word"].with_user(self.salesperson)
        word = word.create({"partner_id": self.anna.id, "user_id": self.manager.id, "date": "2020-01-01"})
        self.assertEqual((word.user_id, word.date), (self.salesperson, self.today))
        for act in (lambda: word.write({"reason": "other"}), word.unlink):
            with self.assertRaises(AccessError):
                act()
        with self.assertRaisesRegex(ValidationError, "200"):
            self.say(self.anna, self.price, reason="x" * 201)

    def test_the_last_word_counts_wherever_people_are(self):
        """Somebody for whom it is tomorrow already, and then a colleague for whom it is still yesterday."""
        for user, tz, motive in (
            (self.salesperson, "Pacific/Kiritimati", self.quality),
            (self.manager, "Etc/GMT+12", self.price),
        ):
            word = self.env["customer.tiering.motive.word"].with_user(user).with_context(tz=tz)
            word = word.create({"partner_id": self.anna.id, "motive_id": motive.id})
            self.assertEqual(word.date, self.today)
        self.assertEqual(self.anna.with_user(self.salesperson).tiering_said_motive_id, self.price)

    def test_the_word_of_a_person_who_is_gone(self):
        leaver = self.new_user("tiering_leaver", "sales_team.group_sale_salesman_all_leads")
        word = self.env["customer.tiering.motive.word"].with_user(leaver)
        word = word.create({"partner_id": self.anna.id, "motive_id": self.price.id}).with_env(self.env)
        leaver.unlink()
        word.invalidate_recordset()
        self.assertRegex(word._tell(), "^Somebody said so on ")

    def test_filters(self):
        self.compute(self.today)
        self.say(self.anna, self.quality)
        partners = self.env["res.partner"].with_user(self.salesperson)
        found = partners.search([("tiering_motive_id", "=", self.quality.id)])
        self.assertEqual(found, self.anna | self.shop)
        self.assertEqual(partners.search([("tiering_said_motive_id", "=", self.quality.id)]), found)
        self.assertFalse(partners.search([("tiering_said_motive_id", "=", self.price.id)]))
        for condition in (
            ("tiering_said_motive_id", "ilike", self.quality.name),
            ("tiering_said_motive_id.name", "=", self.quality.name),
        ):
            self.assertEqual(partners.search([condition]), found, condition)
            others = partners.search(["!", condition, ("id", "in", (found | self.plain[0]).ids)])
            self.assertEqual(others, self.plain[0], condition)
        nobody = partners.search(
            [("tiering_said_motive_id", "=", False), ("id", "in", (self.anna | self.plain[0]).ids)]
        )
        self.assertEqual(nobody, self.plain[0])
        groups = partners.formatted_read_group([("id", "in", found.ids)], ["tiering_motive_id"], ["__count"])
        self.assertEqual(
            [(group["tiering_motive_id"][0], group["__count"]) for group in groups], [(self.quality.id, 2)]
        )

    def test_policies_choose_by_what_people_said_only(self):
        domain = "[('tiering_said_motive_id', '=', %d)]" % self.quality.id
        self.assertRefused("follows from what runs", {"partner_domain": domain.replace("said_", "")})
        policy = self.other_policy(partner_domain=domain)
        self.say(self.anna, self.quality)
        self.compute(policy=policy)
        self.compute()
        self.assertEqual(self.card(self.anna).policy_id, policy)
        self.assertEqual(self.card(self.plain[0]).policy_id, self.policy)

    def test_it_goes_along_when_contacts_are_merged(self):
        word = self.say(self.anna, self.quality)
        self.env["customer.tiering.former"]._hand_over({self.anna.id: self.plain[0].id})
        self.assertEqual(word.partner_id, self.plain[0])

    def test_who_may_not_see_the_customer_sees_no_word(self):
        own = self.new_user("own_only", "sales_team.group_sale_salesman")
        self.anna.user_id = self.manager
        word = self.say(self.anna, self.quality)
        self.order(self.anna, 3, user_id=self.manager.id)
        self.assertFalse(word.with_user(own).search([("id", "=", word.id)]))
        partners = self.env["res.partner"].with_user(own)
        self.assertFalse(partners.search([("tiering_said_motive_id", "=", self.quality.id)]))

    def test_a_motive_of_which_people_spoke_is_archived_not_deleted(self):
        self.compute(self.today)
        self.say(self.anna, self.quality)
        with self.assertRaisesRegex(UserError, "Archive it instead"):
            self.quality.with_user(self.manager).unlink()
        self.quality.with_user(self.manager).active = False
        self.compute(self.today)
        self.assertEqual(self.card(self.anna).motive_id, self.quality)
        self.price.with_user(self.manager).unlink()
        self.env.invalidate_all()
        self.assertFalse(self.card(self.anna).proposed_motive_id)
        self.compute(self.today)
        self.assertEqual(self.card(self.anna).motive_id, self.quality)

    def test_a_motive_of_ones_own(self):
        """A metric that a manager makes speak for it proposes it."""
        green = self.env["customer.tiering.motive"].with_user(self.manager).create({"name": "Green"})
        self.env["customer.tiering.metric"].browse(self.metric("frequency")).with_user(self.manager).motive_id = green
        for ago in (4, 5, 6):
            self.order(self.plain[3], ago)
        self.compute(self.today)
        self.assertEqual(self.card(self.plain[3]).motive_id, green)
        self.assertEqual(
            self.card(self.plain[3]).motive_reason,
            "Frequency: 6 orders. Of 100 customers who bought at least three times, 90 have less.",
        )

    def test_nobody_proposes_by_what_is_hidden_from_them(self):
        green = self.env["customer.tiering.motive"].with_user(self.manager).create({"name": "Green"})
        owed = self.env["customer.tiering.metric"].search([("column", "=", "overdue_amount")], limit=1)
        self.assertFalse(owed.with_user(self.manager)._may_see())
        with self.assertRaisesRegex(ValidationError, "You may not see .*Overdue Amount"):
            owed.with_user(self.manager).motive_id = green
        other = self.env["customer.tiering.metric"].search([("column", "=", "receivable_average")], limit=1)
        with self.assertRaisesRegex(ValidationError, "You may not see .*Average Receivables"):
            green.metric_ids = [Command.link(other.id)]

    def test_nobody_finds_out_by_limits_what_is_hidden_from_them(self):
        owed = self.env["customer.tiering.metric"].search([("column", "=", "overdue_amount")], limit=1)
        tier = self.policy.tier_ids[0]
        tier.condition_ids = [Command.create({"metric_id": owed.id, "operator": "<=", "value": 100})]
        self.policy.criterion_ids = [Command.create({"metric_id": owed.id, "method": "bands"})]
        criterion = self.policy.criterion_ids.filtered(lambda criterion: criterion.metric_id == owed)
        for record, vals in (
            (tier.condition_ids, {"value": 50}),
            (criterion, {"band_1": 0.1}),
            (criterion, {"method": "percentile"}),
        ):
            with self.subTest(vals=vals), self.assertRaisesRegex(ValidationError, "You may not see .*Overdue Amount"):
                record.with_user(self.manager).write(vals)
        criterion.with_user(self.manager).weight = 3
        tier.condition_ids.with_user(self.manager).unlink()


@tagged("post_install", "-at_install")
class TestPlaybooksAsk(PlaybookCommon):
    def test_only_for_whom_it_matters(self):
        quality = self.env.ref("customer_tiering.customer_tiering_motive_quality")
        self.policy.propose_motives = True
        playbook = self._playbook("enter", on=0, motive_ids=quality.ids)
        anna, ben = self.buyer("Anna", 1), self.buyer("Ben", 1)
        self.env["customer.tiering.motive.word"].create(
            {"partner_id": anna.id, "company_id": self.company.id, "motive_id": quality.id, "date": AS_OF}
        )
        self.env.cr.execute("UPDATE customer_tiering_motive_word SET date = %s", [AS_OF])
        self.compute()
        self.assertEqual(self._rows(playbook).partner_id, anna)
        self.assertTrue(self.card(ben).tier_id)

    def test_it_asks_for_needs_where_none_are_known(self):
        playbook = self._playbook("enter", on=0)
        playbook.step_ids.asks_needs = True
        anna, ben = self.buyer("Anna", 40), self.buyer("Ben", 40)
        self.compute()  # the first time what is new is no event
        for who in (anna, ben):
            self.order(who, -1)
        kind = self.env.ref("customer_tiering.customer_tiering_need_kind_packing")
        self.env["customer.tiering.need"].create({"partner_id": ben.id, "kind_id": kind.id, "text": "No pallets"})
        self._live(1, playbook)
        rows = {row.partner_id: row for row in self._rows(playbook, tier_id=self.platinum.id)}
        self.assertEqual((rows[ben].state, rows[ben].problem), ("skipped", "needs_known"))
        self.assertIn("What does Anna need otherwise than others?", rows[anna].activity_id.note)
        self.assertIn(f'href="/odoo/res.partner/{anna.id}/needs-of-customer"', rows[anna].activity_id.note)
