from datetime import timedelta

from lxml import etree

from odoo.fields import Domain
from odoo.tests import Form, freeze_time, tagged
from odoo.tools.safe_eval import safe_eval

from .common import AS_OF, TieringCommon

NAME = "customer_tiering.res_partner_my_customers_action"


@tagged("post_install", "-at_install")
class TestMyCustomers(TieringCommon):
    """What a salesperson finds on 30 June 2026 by the filters of "My Customers"."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time("2026-06-30 12:00:00"))
        mine = {"user_id": cls.salesperson.id, "is_company": True}
        cls.best, cls.second, cls.poor = (cls.new_customer(name, **mine) for name in ("Best", "Second", "Poor"))
        cls.other = cls.new_customer("Other", user_id=cls.manager.id)
        cls.nobody = cls.new_customer("Never bought", **mine)
        cls.contact = cls.new_customer("Contact", parent_id=cls.best.id, user_id=cls.salesperson.id)
        for partner, days in (
            (cls.best, range(12)),
            (cls.second, range(40, 46)),
            (cls.poor, (300,)),
            (cls.other, range(12)),
        ):
            for days_ago in days:
                cls.order(partner, days_ago)
        cls.compute()
        cls.users = cls.env(user=cls.salesperson)

    def _search(self, *names, env=None):
        """Search as the action does, with filters of its search view."""
        env = env or self.users
        action = env["ir.actions.act_window"]._for_xml_id(NAME)
        partners = env["res.partner"].with_context(allowed_company_ids=self.company.ids)
        views = partners.get_views([(action["search_view_id"][0], "search")])["views"]
        search = etree.fromstring(views["search"]["arch"])
        domains = [search.find(f".//filter[@name='{name}']").get("domain") for name in names]
        domain = Domain.AND(safe_eval(text, {"uid": env.uid}) for text in (action["domain"], *domains))
        return partners.search(domain)

    def test_my_customers_are_customers_of_mine_with_a_scorecard(self):
        self.assertTiers({self.best: "Platinum", self.second: "Gold", self.poor: "Bronze", self.other: "Platinum"})
        self.assertEqual(self._search("my_customers"), self.best | self.poor | self.second)
        self.assertEqual(self._search(), self.best | self.other | self.poor | self.second)
        # A contact of its own, without a company, is a customer; one of a company is not.
        self.assertEqual(self.contact.tiering_tier_id, self.best.tiering_tier_id)

    def test_at_risk_are_those_who_are_silent_longest_too(self):
        # All gaps are of one day, so 40 and 300 days are far beyond 4 usual gaps.
        self.assertEqual({self.card(who).risk for who in (self.second, self.poor)}, {"lost"})
        self.assertEqual(self._search("my_customers", "at_risk"), self.poor | self.second)

    def test_follow_ups_due_are_mine_of_today_and_before(self):
        for partner, days, user in (
            (self.best, 0, self.salesperson),
            (self.second, -5, self.salesperson),
            (self.poor, 1, self.salesperson),
            (self.other, 0, self.manager),
        ):
            partner.activity_schedule(
                "mail.mail_activity_data_call", date_deadline=AS_OF + timedelta(days=days), user_id=user.id
            )
        self.assertEqual(self._search("followups_due"), self.best | self.second)
        self.second.activity_ids.action_feedback()
        self.assertEqual(self._search("followups_due"), self.best)

    def test_downgrade_announced(self):
        card = self.card(self.second)
        card.write({"pending_tier_id": self.policy.tier_ids[2].id, "pending_date": AS_OF + timedelta(days=9)})
        self.assertEqual(self._search("pending"), self.second)

    def _change(self, partner, direction, days_ago, **values):
        day = AS_OF - timedelta(days=days_ago)
        card = self.card(partner)
        self.env["customer.tier.change"].create(
            {
                "partner_id": partner.id,
                "company_id": self.company.id,
                "policy_id": self.policy.id,
                "date": day,
                "from_tier_id": self.policy.tier_ids[-1].id,
                "to_tier_id": card.tier_id.id,
                "direction": direction,
                "reason": "score",
                **values,
            }
        )
        card.tier_since = day

    def test_moved_up_lately_is_up_in_the_last_14_days_and_still_there(self):
        self.assertFalse(self._search("moved_up"))  # all are in their first tier
        self._change(self.best, "up", 14)
        self._change(self.second, "up", 15)
        self._change(self.poor, "down", 1)
        self.assertEqual(self._search("moved_up"), self.best)
        partners = self.best | self.second | self.poor | self.contact | self.nobody
        self.assertEqual(partners.with_env(self.users).mapped("tiering_moved_up"), [True, False, False, True, False])
        self.assertEqual(
            self.users["res.partner"].search([("id", "in", partners.ids), ("tiering_moved_up", "=", False)]),
            self.second | self.poor | self.nobody,
        )
        # Up and down again: not where the way up led to.
        self.card(self.best).tier_id = self.policy.tier_ids[1]
        self.env.invalidate_all()
        self.assertFalse(self._search("moved_up"))

    def test_a_move_up_by_a_run_counts(self):
        for days_ago in range(6):
            self.order(self.poor, days_ago)
        self.compute()
        self.assertEqual(self._search("moved_up"), self.poor)

    def test_contact_due_goes_by_the_tier(self):
        platinum, gold, _silver, bronze = self.policy.tier_ids
        platinum.contact_days, gold.contact_days, bronze.contact_days = 14, 30, 0
        for partner, days in ((self.best, 13), (self.second, 30), (self.poor, 100), (self.other, 14)):
            self.card(partner).last_contact_date = AS_OF - timedelta(days=days)
        self.assertEqual(self._search("contact_due"), self.second | self.other)
        self.assertTrue(self.second.tiering_contact_due)
        self.assertFalse(self.poor.tiering_contact_due)
        bronze.contact_days = 100
        self.env.invalidate_all()
        self.assertEqual(self._search("contact_due"), self.second | self.other | self.poor)

    def test_who_was_never_contacted_is_due_from_the_first_order_on(self):
        platinum, gold, *_others = self.policy.tier_ids
        platinum.contact_days, gold.contact_days = 12, 45  # first orders: 11 and 45 days ago
        self.card(self.poor).last_contact_date = AS_OF
        cards = self.card(self.best) | self.card(self.second) | self.card(self.other)
        cards.last_contact_date = False
        self.assertEqual(self._search("contact_due"), self.second)
        self.assertEqual(self._search("never_contacted", "my_customers"), self.best | self.second)

    def test_tiers_are_columns_even_when_empty_the_highest_first(self):
        partners = self.users["res.partner"].with_context(allowed_company_ids=self.company.ids, read_group_expand=True)
        domain = [("user_id", "=", self.salesperson.id), ("tiering_scorecard_id", "!=", False)]
        groups = partners.web_read_group(domain, ["tiering_tier_id"], [])["groups"]
        self.assertEqual(
            [(group["tiering_tier_id"][1], group["__count"]) for group in groups if group["tiering_tier_id"]],
            [("Platinum", 2), ("Gold", 1), ("Silver", 0), ("Bronze", 1)],  # with the contact
        )
        self.best.activity_schedule(
            "mail.mail_activity_data_call", date_deadline=AS_OF - timedelta(days=1), user_id=self.salesperson.id
        )
        bar = {
            "field": "activity_state",
            "colors": {"planned": "success", "today": "warning", "overdue": "danger"},
        }
        progress = partners.read_progress_bar(domain, "tiering_tier_id", bar)
        self.assertEqual(progress[str(self.policy.tier_ids[0].id)]["overdue"], 1)

    def test_one_click_opens_a_quotation_for_the_customer(self):
        action = self.best.with_env(self.users).action_tiering_new_quotation()
        order = Form(self.users[action["res_model"]].with_context(**action["context"])).save()
        self.assertEqual((order.partner_id, order.user_id), (self.best, self.salesperson))

    def test_the_flags_tell_others_nothing(self):
        self._change(self.best, "up", 1)
        internal = self.new_user("tiering_internal", "base.group_user")
        partners = self.env["res.partner"].with_user(internal)
        both = [("id", "in", (self.best | self.nobody).ids)]
        for fname in ("tiering_moved_up", "tiering_contact_due"):
            for value in (True, False):
                self.assertIn(len(partners.search([*both, (fname, "=", value)])), (0, 2))
            self.assertNotIn(fname, partners.fields_get())

    def test_a_page_of_customers_takes_few_queries(self):
        fnames = ["tiering_tier_id", "tiering_score", "tiering_amount", "tiering_moved_up", "tiering_contact_due"]
        specification = {fname: {} for fname in fnames}

        def count(partners):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            partners.with_env(self.users).web_read(specification)
            return self.env.cr.sql_log_count - before

        few, many = self.best, self.best | self.second | self.poor | self.other | self.nobody | self.contact
        count(many)  # what is looked up once
        self.assertEqual(count(many), count(few))
