from itertools import product

from odoo.fields import Command
from odoo.tests import tagged

from .common import TieringCommon

# What a person did, one after the other: choose a pricelist for the customer, or give it a grade.
CHOICES = ("none", "by hand", "default by hand", "grade", "by hand, then grade", "grade, then by hand")
# The tier, by its pricelist: of the company, of all companies, given to another company after it was chosen.
TIERS = ("no tier", "no pricelist", "own", "shared", "other company's")
AMOUNTS = {"own": 2000, "shared": 700, "other company's": 200, "no pricelist": 50}
COUNTRIES = ("no country", "country")
# Which pricelists were archived after they were chosen.
ARCHIVED = ((), ("tier",), ("choice",), ("tier", "choice"))


def expect(choice, tier, country, archived=(), abroad=False):
    """Return the name of the pricelist that a customer must get; said here once more, by hand.

    1. What a person has chosen last, a grade's pricelist included, unless it is archived.
    2. The tier's pricelist, if the company may use it and it is not archived.
    3. The pricelist of the customer's country.
    4. The first one of the company.
    """
    by_country = "Benelux" if country == "country" else False
    if abroad:  # tiers and choices are of one company
        return by_country or "Abroad"
    chosen = {
        "none": False,
        "by hand": "Personal",
        "default by hand": "Usual",
        "grade": "Graded",
        "by hand, then grade": "Graded",
        "grade, then by hand": "Personal",
    }[choice]
    if chosen == "Usual" or (chosen and "choice" not in archived):
        return chosen
    of_tier = {"own": "Tier Own", "shared": "Tier Shared"}.get(tier)
    if of_tier and "tier" not in archived:
        return of_tier
    return by_country or "Usual"


@tagged("post_install", "-at_install")
class TestPriceMatrix(TieringCommon):
    """Every combination of what can decide over a price has one customer, with a contact."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        assert "grade_id" in cls.env["res.partner"]._fields, (
            "Odoo's module partnership is not installed in this database; its grades are part of this test."
        )
        cls.other_company = cls.env["res.company"].create({"name": "Other Company"})
        cls.env.user.company_ids |= cls.other_company
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
        belgium = cls.env.ref("base.be")
        group = cls.env["res.country.group"].create({"name": "Benelux", "country_ids": [Command.set(belgium.ids)]})
        mine, others = cls.company.id, cls.other_company.id
        lists = cls.env["product.pricelist"].create(
            [
                {"name": name, "sequence": sequence, "company_id": company}
                for sequence, (name, company) in enumerate(
                    {
                        "Usual": mine,
                        "Abroad": others,
                        "Benelux": False,
                        "Tier Own": mine,
                        "Tier Shared": False,
                        "Tier Other": False,
                        "Personal": mine,
                        "Graded": False,
                    }.items()
                )
            ]
        )
        cls.lists = {pricelist.name: pricelist for pricelist in lists}
        grade = cls.env["res.partner.grade"].create({"name": "Partner", "default_pricelist_id": cls.lists["Graded"].id})
        cls.lists["Benelux"].country_group_ids = group
        for tier, name in zip(cls.policy.tier_ids[:3], ("Own", "Shared", "Other"), strict=True):
            tier.pricelist_id = cls.lists[f"Tier {name}"]
        cls.lists["Tier Other"].company_id = cls.other_company
        cls.customers = {}
        for key in product(CHOICES, TIERS, COUNTRIES):
            _choice, tier, country = key
            partner = cls.new_customer(", ".join(key), country_id=country == "country" and belgium.id)
            cls.customers[key] = partner
            if tier in AMOUNTS:
                cls.order(partner, amount=AMOUNTS[tier])
        cls.compute()
        steps = {"by hand": "Personal", "default by hand": "Usual"}
        for (choice, _tier, _country), partner in cls.customers.items():
            for step in choice.split(", then "):
                if step == "grade":
                    partner.grade_id = grade
                elif step in steps:
                    partner.property_product_pricelist = cls.lists[steps[step]]
        cls.contacts = {
            key: cls.new_customer(f"Contact of {partner.name}", parent_id=partner.id)
            for key, partner in cls.customers.items()
        }
        cls.env.flush_all()

    def _stored(self):
        """Return what is stored on every partner of the database, as the column has it."""
        self.env.flush_all()
        self.env.cr.execute("SELECT id, specific_property_product_pricelist::text FROM res_partner")
        return dict(self.env.cr.fetchall())

    def _archive(self, archived):
        names = {"tier": ("Tier Own", "Tier Shared", "Tier Other"), "choice": ("Personal", "Graded")}
        for kind, of_kind in names.items():
            for name in of_kind:
                self.lists[name].active = kind not in archived
        self.env.flush_all()
        self.env.invalidate_all()

    def assertPrices(self, expected, company=None):  # noqa: N802 - like unittest's own
        """``expected``: ``{combination: name}``; of the customer and of its contact, which must agree."""
        company = company or self.company
        for key, name in expected.items():
            with self.subTest(combination=key, company=company.name):
                for partner in (self.customers[key], self.contacts[key]):
                    pricelist = partner.with_company(company).property_product_pricelist
                    self.assertEqual(pricelist.name, name, partner.name)

    def test_every_combination_gives_the_expected_pricelist(self):
        before = self._stored()
        self.assertEqual(len(self.customers), 60)
        for archived in ARCHIVED:
            self._archive(archived)
            with self.subTest(archived=archived):
                self.assertPrices({key: expect(*key, archived=archived) for key in self.customers})
                self.assertPrices(
                    {key: expect(*key, archived=archived, abroad=True) for key in self.customers}, self.other_company
                )
        self.assertEqual(self._stored(), before)

    def test_new_quotations_follow(self):
        for key in product(("none", "by hand", "grade"), TIERS, COUNTRIES):
            with self.subTest(combination=key):
                order = self.env["sale.order"].create(
                    {"partner_id": self.contacts[key].id, "company_id": self.company.id}
                )
                self.assertEqual(order.pricelist_id.name, expect(*key))

    def test_leaving_the_tier_gives_the_former_pricelist_back_and_stores_nothing(self):
        before = self._stored()
        # Two years later nobody has bought in the window of one year: all who have a tier are in the lowest.
        self.compute_after(730)
        lowest = self.policy.tier_ids[-1]
        self.assertFalse(lowest.pricelist_id)
        self.assertEqual(
            {self.card(partner).tier_id for (_c, tier, _l), partner in self.customers.items() if tier in AMOUNTS},
            {lowest},
        )
        self.env.invalidate_all()
        self.assertPrices({key: expect(key[0], "no pricelist", key[2]) for key in self.customers})
        self.assertEqual(self._stored(), before)
        self.compute()  # and back again
        self.env.invalidate_all()
        self.assertPrices({key: expect(*key) for key in self.customers})
        self.assertEqual(self._stored(), before)
