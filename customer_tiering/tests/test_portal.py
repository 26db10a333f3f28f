from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import AS_OF, TieringCommon

PASSWORD = "tiering-portal-password"


@tagged("post_install", "-at_install")
class TestPortal(TieringCommon, HttpCase):
    """Customers see their own tier in the portal, where the policy says so, and nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", *range(0, 60, 5), amount=50, is_company=True)
        cls.poor = cls.buyer("Poor", 300)
        cls.user = cls._portal_user("tiering_own", cls.firm)
        cls.policy.portal_tier = True
        cls.compute()
        cls.tier = cls.card(cls.firm).tier_id
        cls.tier.portal_text = "<p>A named contact</p>"

    @classmethod
    def _portal_user(cls, login, firm=None, company=None):
        user = cls.new_user(login, "base.group_portal", company=company, password=PASSWORD)
        user.partner_id.parent_id = firm
        return user

    def _read(self, user=None, url="/my/tier"):
        """The status and the text of a page, as a person reads it."""
        self.env.flush_all()
        self.authenticate((user or self.user).login, PASSWORD)
        with mute_logger("odoo.http"):
            response = self.url_open(url)
        return response.status_code, " ".join(response.text.split())

    def test_a_contact_reads_the_tier_of_the_firm(self):
        self.assertEqual(self.user.partner_id.commercial_partner_id, self.firm)
        status, text = self._read()
        self.assertEqual(status, 200)
        for words in (self.tier.name, "A named contact", "Your Tiers So Far", "No change of your tier is announced."):
            self.assertIn(words, text)
        self.assertIn(f"Your Tier: {self.tier.name}", self._read(url="/my")[1].replace("<t>", ""))

    def test_nothing_is_said_of_scores_unless_the_policy_says_so(self):
        self.assertNotIn("points", self._read()[1])
        self.policy.portal_score = True
        score = self.card(self.firm).score
        self.assertIn(f"You have {score:.2f} of 100 points.", self._read()[1])

    def test_who_has_nothing_to_see_finds_no_page(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        stranger = self._portal_user("tiering_stranger", company=other)
        stranger.partner_id.parent_id = self.firm  # a customer of ours, whose login is for another company
        asked = self._portal_user("tiering_asked", self.new_customer("Asked", is_company=True))
        for user in (stranger, asked):
            with self.subTest(user=user.login):
                self.assertEqual(self._read(user)[0], 404)
                self.assertNotIn("Your Tier", self._read(user, "/my")[1])
        self.assertEqual(self._read()[0], 200)
        self.policy.portal_tier = False
        self.assertEqual(self._read()[0], 404)
        self.assertNotIn("Your Tier", self._read(url="/my")[1])

    def test_an_archived_tier_or_policy_shows_nothing(self):
        card = self.user.partner_id._get_tiering_portal_card()
        self.assertEqual(card, self.card(self.firm))
        self.env.flush_all()
        for table, record in (("customer_tier", self.tier), ("customer_tiering_policy", self.policy)):
            for active in (False, True):
                self.env.cr.execute(f"UPDATE {table} SET active = %s WHERE id = %s", (active, record.id))
                self.env.invalidate_all()
                self.assertEqual(bool(self.user.partner_id._get_tiering_portal_card()), active, table)

    def test_several_companies_show_that_of_the_person(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.user.write({"company_ids": [Command.link(other.id)]})
        for company in (other, self.company):
            self.user.company_id = company
            partner = self.env(user=self.user, context={})["res.partner"].browse(self.user.partner_id.id)
            self.assertEqual(bool(partner._get_tiering_portal_card()), company == self.company)

    def test_the_next_tier_is_told_in_what_the_customer_can_do(self):
        """An order of what the page says today leads there by the next computation."""
        self.policy.write({"min_population": 0, "recalibrate_days": 7})
        for criterion in self.policy.criterion_ids:
            criterion.weight = 1 if criterion.metric_id.key == "monetary" else 0
        for number in range(120):
            self.buyer(f"Peer {number}", 10, amount=100 + 40 * number)
        self.compute()
        card = self.card(self.firm)
        self.assertTrue(card.next_tier_id)
        data = card.sudo()._get_portal_data()
        self.assertRegex(data["next"], rf"^You reach {card.next_tier_id.name} with an order of .* today\.$")
        amount = float(data["next"].partition("order of ")[2].partition(" today")[0].strip("$\xa0 ").replace(",", ""))
        target = card.next_tier_id
        self.order(self.firm, 0, amount)
        self.compute()
        self.assertEqual(self.card(self.firm).tier_id, target)

    def test_what_people_here_count_is_no_way_for_a_customer(self):
        """All of an interaction, a margin and an order are asked for: the page names the tier only."""
        for tier in self.policy.tier_ids[:-1]:
            for key, value in (("contacts", 50), ("frequency", 100)):
                tier.condition_ids = [Command.create({"metric_id": self.metric(key), "value": value})]
        self.policy.method = "conditions"
        self.compute()
        card = self.card(self.firm)
        self.assertEqual(card.tier_id, self.policy.tier_ids[-1])
        self.assertEqual(card.sudo()._get_portal_data()["next"], f"The next tier is {card.next_tier_id.name}.")
        self.policy.tier_ids.match = "any"
        self.compute()
        told = self.card(self.firm).sudo()._get_portal_data()["next"]
        self.assertNotIn("nteraction", told)
        self.assertIn("88", told)  # of the 100 orders, 12 are there

    def test_an_announced_downgrade_is_told_to_the_customer(self):
        card = self.card(self.firm)
        lower = self.policy.tier_ids[-1]
        card.write({"pending_tier_id": lower.id, "pending_date": AS_OF + timedelta(days=9)})
        self.assertIn(f"On 07/09/2026 your tier changes to {lower.name}.", self._read()[1])

    def test_a_lock_tells_neither_who_nor_why(self):
        self.env["customer.tiering.lock"].create(
            {"partner_id": self.firm.id, "tier_id": self.policy.tier_ids[0].id, "mode": "fixed", "reason": "Blackmail"}
        )
        self.compute()
        _status, text = self._read()
        self.assertIn("We have set this tier for you.", text)
        self.assertNotIn("Blackmail", text)

    def test_tiers_of_a_policy_that_does_not_tell_are_not_in_the_history(self):
        other = self.other_policy(portal_tier=False, active=False)
        self.env["customer.tier.change"].create(
            {
                "partner_id": self.firm.id,
                "company_id": self.company.id,
                "policy_id": other.id,
                "date": AS_OF - timedelta(days=99),
                "to_tier_id": other.tier_ids[0].id,
                "direction": "new",
                "reason": "first",
            }
        )
        history = self.card(self.firm).sudo()._get_portal_data()["history"]
        self.assertEqual([line["tier"] for line in history], [self.tier.name])

    def test_the_portal_reads_no_table_of_ours(self):
        names = sorted(
            name
            for name, model in self.env.items()
            if name.startswith(("customer.tier", "customer.segment")) and not model._abstract
        )
        self.assertGreater(len(names), 30)
        for name in names:
            model = self.env[name].with_user(self.user)
            with self.subTest(model=name):
                for call in (
                    lambda model=model: model.search_read([], ["id"]),
                    lambda model=model: model.formatted_read_group([], [], ["__count"]),
                    lambda model=model: model.web_search_read([], {"id": {}}),
                ):
                    with self.assertRaises(AccessError):
                        call()
        with self.assertRaises(AccessError), mute_logger("odoo.models"):
            self.card(self.firm).with_user(self.user).read(["score"])
