from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestPricelist(TieringCommon):
    """Ann is in the highest tier, Bob in the lowest; the tiers are told apart by one floor."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.write(
            {
                "min_population": 0,
                "method": "conditions",
                "tier_ids": [
                    Command.update(
                        tier.id,
                        {"condition_ids": [Command.create({"metric_id": cls.metric("monetary"), "value": value})]},
                    )
                    for tier, value in zip(cls.policy.tier_ids[:3], (1000, 500, 100), strict=True)
                ],
            }
        )
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        cls.ann, cls.bob = cls.new_customer("Ann"), cls.new_customer("Bob")
        cls.order(cls.ann, amount=2000)
        cls.order(cls.bob, amount=50)
        Pricelist = cls.env["product.pricelist"]
        cls.usual = Pricelist.create({"name": "Usual", "sequence": 1, "company_id": cls.company.id})
        cls.best = Pricelist.create({"name": "Best", "sequence": 8})
        cls.personal = Pricelist.create({"name": "Personal", "sequence": 9})
        cls.compute()

    def _price(self, partner):
        self.env.invalidate_all()
        return partner.property_product_pricelist

    def test_choosing_a_pricelist_switches_the_feature_on(self):
        feature = self.env.ref("product.group_product_pricelist")
        self.env.ref("base.group_user")._remove_group(feature)
        self.assertFalse(self.ann.property_product_pricelist)
        self.platinum.with_user(self.manager).pricelist_id = self.best
        self.assertIn(feature, self.env.ref("base.group_user").all_implied_ids)
        self.assertEqual(self._price(self.ann), self.best)

    def test_switched_on_by_a_tier_there_are_usual_prices_for_the_others(self):
        self.env.ref("base.group_user")._remove_group(self.env.ref("product.group_product_pricelist"))
        (self.env["product.pricelist"].search([]) - self.best).action_archive()
        self.platinum.pricelist_id = self.best
        self.assertEqual(self._price(self.ann), self.best)
        self.assertNotEqual(self._price(self.bob), self.best)

    def test_the_tier_counts_behind_a_choice_and_before_the_rules(self):
        self.platinum.pricelist_id = self.best
        self.assertEqual(self._price(self.ann), self.best)
        self.assertEqual(self._price(self.bob), self.usual)
        self.ann.property_product_pricelist = self.personal
        self.assertEqual(self._price(self.ann), self.personal)
        self.ann.property_product_pricelist = self.best
        self.assertFalse(self.ann.specific_property_product_pricelist)  # the tier's own is no choice
        self.platinum.pricelist_id = False
        self.assertEqual(self._price(self.ann), self.usual)

    def test_a_contact_has_the_prices_of_its_company(self):
        self.platinum.pricelist_id = self.best
        contact = self.env["res.partner"].create({"name": "Buyer of Ann", "parent_id": self.ann.id})
        self.assertEqual(self._price(contact), self.best)
        order = self.env["sale.order"].create({"partner_id": contact.id, "company_id": self.company.id})
        self.assertEqual(order.pricelist_id, self.best)

    def test_leaving_the_tier_gives_the_former_prices_back(self):
        self.platinum.pricelist_id = self.best
        self.order(self.ann, amount=-1900)
        self.compute()
        self.assertTiers({self.ann: "Silver"})
        self.assertEqual(self._price(self.ann), self.usual)
        self.assertFalse(self.ann.specific_property_product_pricelist)

    def test_archived_and_foreign_pricelists_are_not_used(self):
        self.platinum.pricelist_id = self.best
        self.best.active = False
        self.assertEqual(self._price(self.ann), self.usual)
        other = self.env["res.company"].create({"name": "Other Company"})
        with self.assertRaisesRegex(ValidationError, "belongs to Other Company, so Tiering Company cannot use it"):
            self.platinum.pricelist_id = self.env["product.pricelist"].create({"name": "X", "company_id": other.id})

    def test_a_simulation_tells_whose_prices_would_change(self):
        self.bronze.pricelist_id = self.personal
        self.order(self.ann, state="draft", amount=300)
        chosen = self.new_customer("Chosen")
        self.order(chosen, amount=3000)
        chosen.specific_property_product_pricelist = self.personal
        with freeze_time(f"{AS_OF} 12:00:00"):
            self.compute()
            draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
            draft.tier_ids[0].pricelist_id = self.best  # Ann stays and gets other prices
            draft.action_simulation_compute()
            result = draft.simulation_result
            self.assertEqual(result["repriced"], {"customers": 1, "revenue": 2000.0, "quotations": 1, "quoted": 300.0})
            lines = draft._get_simulation().line_ids
            self.assertEqual(
                lines.mapped(lambda line: (line.partner_id.name, line.direction, line.repriced)),
                [("Ann", "price", True)],
            )
            self.assertFalse(self.platinum.pricelist_id)
            draft.action_simulation_apply()
        self.assertEqual(self.platinum.pricelist_id, self.best)
        self.assertEqual(self._price(self.ann), self.best)
