from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .test_playbook import PlaybookCommon


@tagged("post_install", "-at_install")
class TestAble(PlaybookCommon):
    """Who can look after customers: one rule for tiers, playbooks and reassignments."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        other = cls.env["res.company"].create({"name": "Other Company"})
        cls.archived = cls.new_user("tiering_gus", "sales_team.group_sale_salesman", name="Gus")
        cls.portal = cls.new_user("tiering_paula", "base.group_portal", name="Paula")
        cls.outsider = cls.new_user("tiering_olaf", "sales_team.group_sale_salesman", name="Olaf")
        cls.clerk = cls.new_user("tiering_carl", "base.group_user", name="Carl")
        cls.archived.action_archive()
        cls.outsider.write({"company_ids": [Command.set(other.ids)], "company_id": other.id})
        cls.cases = {
            cls.archived: "Gus is archived.",
            cls.portal: "Paula is no internal user.",
            cls.outsider: "Olaf has no access to Tiering Company.",
            cls.clerk: "Carl may not work with sales.",
        }
        cls.unable = cls.env["res.users"].union(*cls.cases)

    def assertRefused(self, error, refuse):  # noqa: N802 - like unittest's own
        """``refuse`` is called with each of the people who are not able and raises ``error`` with the reason."""
        for user, reason in self.cases.items():
            with self.subTest(reason), self.assertRaisesRegex(error, reason), self.env.cr.savepoint():
                refuse(user)

    def test_the_rule(self):
        people = self.unable | self.salesperson | self.manager
        for user in (self.env.user, self.salesperson):
            able = people.with_user(user)._filter_tiering_able(self.company)
            self.assertEqual(able, self.salesperson | self.manager)
        self.assertEqual(
            {user: user._get_tiering_problem(self.company) for user in people},
            {**self.cases, self.salesperson: False, self.manager: False},
        )

    def test_many_are_judged_with_as_many_queries_as_one(self):
        people = self.unable | self.salesperson | self.manager
        counts = []
        for users in (people, self.salesperson.with_prefetch(), people, people):
            if len(counts) < 3:  # the fourth time all is known
                self.env.registry.clear_cache()
            self.env.invalidate_all()
            self.env["res.users"]._get_tiering_group_id()
            before = self.env.cr.sql_log_count
            users._filter_tiering_able(self.company)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[1:], [counts[2], counts[2], 0])

    def test_a_tier(self):
        tier = self.gold.with_user(self.manager)
        self.assertRefused(ValidationError, lambda user: tier.write({"user_id": user.id}))
        tier.user_id = self.salesperson
        self.assertFalse(tier.benefit_warning)

    def test_a_playbook(self):
        playbook = self._playbook("enter").with_user(self.manager)
        for fname in ("user_id", "fallback_user_id"):
            self.assertRefused(ValidationError, lambda user, fname=fname: playbook.write({fname: user.id}))
        playbook.write({"user_id": self.manager.id, "fallback_user_id": self.salesperson.id})

    def test_follow_ups_of_a_playbook(self):
        for user in self.unable:
            self.buyer(user.name, 5, user_id=user.id)
        self.compute_after(0)
        team = self.env["crm.team"].create({"name": "Team", "company_id": self.company.id})
        team.member_ids = self.clerk | self.archived
        playbook = self._playbook("contact", on=0, contact_days=1, team_id=team.id)
        for assign in ("customer", "team"):
            playbook.assign = assign
            self.assertEqual(self._plan_on(0, playbook), 0)
            self.assertEqual(self._rows(playbook, state="waiting").mapped("problem"), ["no_person"] * 4)
        playbook.fallback_user_id = self.manager
        self.assertEqual(self._plan_on(0, playbook), 4)
        self.assertEqual(self._rows(playbook).user_id, self.manager)

    def test_who_is_named_by_a_plan_and_may_not_sell_is_passed_over(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        call = {"activity_type_id": self.env.ref("mail.mail_activity_data_call").id, "responsible_type": "other"}
        plan = self.env["mail.activity.plan"].create(
            {
                "name": "Care",
                "res_model": "res.partner",
                "template_ids": [Command.create({**call, "responsible_id": user.id}) for user in self.unable],
            }
        )
        step = Command.create({"kind": "plan", "plan_id": plan.id})
        playbook = self._playbook("contact", on=0, contact_days=14, step_ids=[step])
        self.assertEqual(self._plan_on(0, playbook), 4)
        self.assertEqual(self._activities(ann).user_id, self.salesperson)

    def test_a_reassignment(self):
        ann = self.buyer("Ann", 5, user_id=self.manager.id)
        self.compute_after(0)
        model = self.env["customer.tiering.reassignment"].with_user(self.manager)
        self.assertRefused(UserError, lambda user: model.create({"user_id": user.id}).action_preview())
        team = self.env["crm.team"].create({"name": "Shop", "company_id": False})
        team.member_ids = self.unable - self.portal  # Odoo takes only internal users
        with self.assertRaisesRegex(UserError, "Nobody in the sales team Shop can get these customers"):
            model.create({"method": "team", "team_id": team.id}).action_preview()
        reassignment = model.create({"user_id": self.salesperson.id})
        reassignment.action_preview()

        def apply(user):
            reassignment.line_ids.to_user_id = user
            reassignment.action_apply()

        self.assertRefused(UserError, apply)
        self.assertEqual(ann.user_id, self.manager)
        apply(self.salesperson)
        self.assertEqual(ann.user_id, self.salesperson)

    def test_only_they_are_offered(self):
        people = self.unable | self.salesperson | self.manager
        for model, fname in (
            ("customer.tier", "user_id"),
            ("customer.tiering.playbook", "user_id"),
            ("customer.tiering.playbook", "fallback_user_id"),
            ("customer.tiering.reassignment", "user_id"),
            ("customer.tiering.reassignment.line", "to_user_id"),
        ):
            domain = self.env[model].fields_get([fname], ["domain"])[fname]["domain"]
            domain = safe_eval(domain, {"company_id": self.company.id})
            offered = self.env["res.users"].with_user(self.manager).search([("id", "in", people.ids), *domain])
            self.assertEqual(offered, self.salesperson | self.manager, (model, fname))
