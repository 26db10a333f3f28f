from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tests import Form, tagged

from odoo.addons.mail.tests.common import MailCommon

from .common import SupportCommon

NOW = datetime(2026, 6, 30, 12)


@tagged("post_install", "-at_install")
class TestProposals(SupportCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.compute()
        cls.platinum.write({"task_priority": "1", "task_days": 2})

    def setUp(self):
        super().setUp()
        self.startPatcher(freeze_time(NOW))

    def assertProposed(self, task, priority="1", day=2):  # noqa: N802 - like unittest's own
        """``day``: the day of July on which it is due; 0: never."""
        self.assertEqual((task.priority, task.date_deadline), (priority, day and datetime(2026, 7, day, 12)))

    def test_a_support_task_of_a_customer_of_the_tier_has_them(self):
        self.assertTiers({self.firm: "Platinum", self.ben: "Gold"})
        self.assertProposed(self.task(self.firm))
        self.assertProposed(self.task(self.ann))
        self.assertProposed(self.task(self.ben), "0", 0)
        self.assertProposed(self.task(self.env["res.partner"]), "0", 0)
        self.assertProposed(self.task(self.ann, project_id=self.project("Building").id), "0", 0)
        self.assertProposed(self.task(self.ann, project_id=False), "0", 0)
        self.assertProposed(self.task(self.ann, parent_id=self.task(self.ann).id), "0", 0)

    def test_what_is_said_stays(self):
        self.assertProposed(self.task(self.ann, priority="0"), "0", 2)
        self.assertProposed(self.task(self.ann, priority="3", date_deadline=False), "3", 0)
        urgent = self.env["project.task"].with_context(default_priority="2", default_project_id=self.support.id)
        self.assertEqual(urgent.create({"name": "Help", "partner_id": self.ann.id}).priority, "2")
        quick = {"display_name": "Help !!!", "project_id": self.support.id, "partner_id": self.ann.id}
        self.assertProposed(self.env["project.task"].create(quick), "3", 2)

    def test_a_later_change_of_the_customer_proposes_nothing(self):
        task = self.task(self.ben)
        task.partner_id = self.ann
        self.assertProposed(task, "0", 0)

    def test_what_was_done_before_it_was_entered_has_none(self):
        self.assertProposed(self.task(self.ann, state="1_done"), "0", 0)

    def test_one_of_the_two(self):
        self.platinum.task_days = 0
        self.assertProposed(self.task(self.ann), "1", 0)
        self.platinum.write({"task_priority": False, "task_days": 3})
        self.assertProposed(self.task(self.ann), "0", 3)
        self.platinum.active = False
        self.assertProposed(self.task(self.ann), "0", 0)

    def test_in_a_form_they_are_seen_and_can_be_changed(self):
        form = Form(self.env["project.task"].with_context(default_project_id=self.support.id))
        form.name = "Help"
        form.partner_id = self.ann
        self.assertEqual((form.priority, form.date_deadline), ("1", datetime(2026, 7, 2, 12)))
        form.priority = "0"
        self.assertProposed(form.save(), "0", 2)

    def test_the_project_says_who_the_customer_is(self):
        self.support.partner_id = self.ann
        task = self.env["project.task"].create({"name": "Help", "project_id": self.support.id})
        self.assertEqual(task.partner_id, self.ann)
        self.assertProposed(task)

    def test_a_salesperson_and_a_task_without_company(self):
        shared = self.project("Everybody's", company_id=False)
        self.policy.support_project_ids += shared
        tasks = self.env["project.task"].with_user(self.new_user("helper", "project.group_project_user"))
        task = tasks.create({"name": "Help", "project_id": shared.id, "partner_id": self.ann.id})
        self.assertFalse(task.company_id)
        self.assertProposed(task)

    def test_the_other_companys_tier_decides_nothing(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        shared = self.project("Everybody's", company_id=False)
        self.policy.support_project_ids += shared
        self.assertProposed(self.task(self.ann, project_id=shared.id, company_id=other.id), "0", 0)
        self.support.active = False
        self.assertProposed(self.task(self.ann), "0", 0)

    def test_days_are_within_the_calendar(self):
        for days in (-1, 36501):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.platinum.with_user(self.manager).task_days = days
                self.env.flush_all()

    def test_they_are_no_rules_and_a_simulation_takes_them_along(self):
        version = self.policy.version_ids
        self.gold.with_user(self.manager).write({"task_priority": "2", "task_days": 4})
        self.compute()
        self.assertEqual(self.policy.version_ids, version)
        action = self.policy.with_user(self.manager).action_simulate()
        draft = self.env["customer.tiering.policy"].with_user(self.manager).browse(action["res_id"])
        self.assertEqual(draft.tier_ids.mapped("task_days"), [2, 4, 0, 0])
        self.assertEqual(draft.support_project_ids, self.support)
        draft.tier_ids[2].write({"task_priority": "1", "task_days": 9})
        draft.action_simulation_compute()
        draft.action_simulation_apply()
        self.assertEqual(self.policy.tier_ids.mapped("task_days"), [2, 4, 9, 0])
        self.assertEqual(self.policy.tier_ids.mapped("task_priority"), ["1", "2", "1", False])


@tagged("post_install", "-at_install")
class TestMail(SupportCommon, MailCommon):
    def test_a_task_that_comes_by_mail_has_them(self):
        self.compute()
        self.platinum.write({"task_priority": "1", "task_days": 2})
        self.ann.email = "ann@example.com"
        mail = {"subject": "Help", "author_id": self.ann.id, "email_from": "ann@example.com", "to": "", "body": "Help"}
        with freeze_time(NOW), self.mock_mail_gateway():
            task = self.env["project.task"].message_new(mail, {"project_id": self.support.id})
        self.assertEqual((task.priority, task.date_deadline), ("1", datetime(2026, 7, 2, 12)))
