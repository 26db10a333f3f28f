from datetime import datetime, timedelta

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import SupportCommon

COLUMNS = ("support_count", "support_open_count", "support_late_count", "complaint_open_count")


@tagged("post_install", "-at_install")
class TestTasks(SupportCommon):
    def assertTasks(self, expected, policy=None, by_orm=True):  # noqa: N802 - like unittest's own
        """``expected``: ``{customer: (created in the window, open, late, open complaints)}``; read with all and alone,
        and counted task by task too."""
        policy = policy or self.policy
        read = self.env["customer.tiering.reader"]._read_customers
        everybody = read(policy._get_scope(AS_OF), set(COLUMNS))
        for customer, counts in expected.items():
            alone = read(policy._get_scope(AS_OF, partner_ids=customer.ids), set(COLUMNS))
            for frame in (everybody, alone):
                self.assertEqual((customer.name, *frame.loc[customer.id, list(COLUMNS)]), (customer.name, *counts))
            if by_orm:
                self.assertEqual(self._count(customer, policy), counts)

    def assertUnknown(self, customer, columns=COLUMNS):  # noqa: N802 - like unittest's own
        frame = self.env["customer.tiering.reader"]._read_customers(self.policy._get_scope(AS_OF), set(COLUMNS))
        unknown = frame.loc[customer.id, list(COLUMNS)].isna()
        self.assertEqual(set(unknown.index[unknown]), set(columns))

    def _count(self, customer, policy):
        """The same by Odoo's own fields, for companies whose day is UTC's and policies that name open projects."""
        tasks = self.env["project.task"].search(
            [
                ("partner_id.commercial_partner_id", "=", customer.id),
                ("project_id", "in", policy.support_project_ids.ids),
                ("parent_id", "=", False),
                ("has_template_ancestor", "=", False),
                ("create_date", "<", self.noon(AS_OF, -1).replace(hour=0)),
            ]
        )
        opened = tasks.filtered(lambda task: not task.is_closed)
        return (
            len(tasks.filtered(lambda task: task.create_date.date() > AS_OF - timedelta(days=365))),
            len(opened),
            len(opened.filtered(lambda task: task.date_deadline and task.date_deadline.date() < AS_OF)),
            len(opened.filtered(lambda task: task.tag_ids & policy.complaint_tag_ids)),
        )

    def test_tasks_of_all_contacts_are_counted(self):
        self.assertTasks({self.firm: (0, 0, 0, 0), self.ben: (0, 0, 0, 0)})
        self.task(self.ann, 30)
        self.task(self.firm, 20, deadline=1)
        self.task(self.ann, 10, tags=self.complaint | self.question, deadline=0)
        self.task(self.ann, 9, tags=self.question)
        self.task(self.ann, 8, tags=self.complaint, state="1_done", deadline=5)
        self.task(self.ann, 7, state="1_canceled")
        self.task(self.ben, 6, tags=self.complaint)
        self.assertTasks({self.firm: (6, 4, 1, 1), self.ben: (1, 1, 0, 1)})

    def test_days_are_the_companys_and_old_tasks_may_be_open(self):
        self.task(self.firm, 365)
        self.task(self.firm, 364)
        self.task(self.firm, 0)
        self.task(self.firm, -1)
        self.assertTasks({self.firm: (2, 3, 0, 0)})
        # In Auckland, twelve hours ahead, the day that begins at noon (UTC) is the next one.
        self.company.partner_id.tz = "Pacific/Auckland"
        self.task(self.ben, when=datetime(2026, 6, 30, 11, 59), deadline=1)
        self.task(self.ben, when=datetime(2026, 6, 30, 12, 0))
        self.assertTasks({self.firm: (2, 2, 0, 0), self.ben: (1, 1, 0, 0)}, by_orm=False)

    def test_parts_templates_private_and_archived_tasks_are_none(self):
        whole = self.task(self.firm)
        self.task(self.firm, parent_id=whole.id)
        self.task(self.firm, is_template=True)
        self.task(self.firm, active=False)
        self.task(self.firm, project_id=False)
        self.task(self.firm, project_id=self.project("Building").id)
        self.task(self.env["res.partner"])
        self.assertTasks({self.firm: (1, 1, 0, 0)})

    def test_without_a_project_nothing_is_known_and_without_a_tag_no_complaint(self):
        self.task(self.firm, tags=self.complaint)
        self.assertUnknown(self.firm, ())
        self.complaint.unlink()
        self.assertUnknown(self.firm, ["complaint_open_count"])
        self.assertUnknown(self.ben, ["complaint_open_count"])
        self.policy.support_project_ids = False
        self.assertUnknown(self.firm)

    def test_a_project_that_was_deleted_archived_or_given_away_is_left_out(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        more = self.project("Second line")
        self.policy.support_project_ids += more
        self.task(self.firm)
        self.task(self.firm, project_id=more.id)
        self.assertTasks({self.firm: (2, 2, 0, 0)})
        self.assertFalse(self.policy.support_warning)
        more.active = False
        self.assertTasks({self.firm: (1, 1, 0, 0)}, by_orm=False)
        self.assertIn("Second line do not count, because the project is archived", self.policy.support_warning)
        self.assertIn("another company: 1.", self.compute().note)
        self.assertNotIn("Second line", self.compute().note)
        more.active = True
        self.env.cr.execute("UPDATE project_project SET company_id = %s WHERE id = %s", (other.id, more.id))
        more.invalidate_recordset()
        self.assertTasks({self.firm: (1, 1, 0, 0)}, by_orm=False)
        self.assertIn("belongs to Other Company", self.policy.support_warning)
        # A copy, and with it a simulation, begins without it.
        self.assertEqual(self.policy.copy().support_project_ids, self.support)
        more.task_ids.unlink()
        more.unlink()
        self.assertFalse(self.policy.support_warning)
        self.support.task_ids.unlink()
        self.support.unlink()
        self.assertUnknown(self.firm)
        self.compute()

    def test_who_picks_a_project_that_cannot_count_reads_why(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.manager.company_ids |= other  # else Odoo would not let them name its project
        for values, message in (
            ({"active": False}, "project is archived"),
            ({"company_id": other.id}, "belongs to Other Company"),
            ({"is_template": True}, "project is a template"),
        ):
            project = self.project("Wrong", **values)
            with self.subTest(message=message):
                policy = self.policy.with_context(allowed_company_ids=(self.company | other).ids)
                self.assertRefused(message, {"support_project_ids": [Command.link(project.id)]}, policy)
        self.policy.support_project_ids += self.project("Everybody's", company_id=False)
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.policy.support_project_ids += project
        self.policy.with_user(self.manager).support_project_ids -= self.support

    def test_each_company_has_its_own_and_shares_projects_without_one(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        shared = self.project("Everybody's", company_id=False)
        self.policy.support_project_ids += shared
        policy = other.tiering_policy_ids
        policy.support_project_ids = shared
        policy.complaint_tag_ids = self.complaint
        self.env["sale.order"].create({"partner_id": self.firm.id, "company_id": other.id})
        self.task(self.firm)
        self.task(self.firm, project_id=shared.id, tags=self.complaint)
        self.task(self.firm, project_id=shared.id, company_id=other.id)
        self.task(self.firm, project_id=shared.id, company_id=self.company.id)
        self.assertTasks({self.firm: (3, 3, 0, 1)}, by_orm=False)
        self.assertTasks({self.firm: (2, 2, 0, 1)}, policy, by_orm=False)

    def test_the_scorecard_has_them_and_names_no_task(self):
        for key in ("support_tasks", "open_support_tasks", "late_support_tasks", "open_complaints"):
            self.policy.criterion_ids = [Command.create({"metric_id": self.metric(key), "method": "bands"})]
        self.task(self.ann, 30, tags=self.complaint, deadline=3)
        self.task(self.ann, 20, state="1_done")
        self.compute()
        card = self.card(self.firm)
        self.assertEqual([card[column] for column in COLUMNS], [2, 1, 1, 1])
        told = str(card.with_user(self.salesperson).explanation_data)
        for text in ("2 tasks", "1 open task", "1 late task", "1 complaint"):
            self.assertIn(text, told)
        self.assertNotIn("Help", told)
        self.task(self.ann, 0)
        score = card.score
        self.compute()
        self.assertEqual([card[column] for column in COLUMNS], [3, 2, 1, 1])
        self.assertLess(card.score, score)
        self.policy.support_project_ids = False
        self.compute()
        self.assertIsNone(card.explanation["open_complaints"][0])
        self.assertIn("not known, left out", str(card.explanation_data))

    def test_to_name_other_projects_is_to_change_the_rules(self):
        self.policy.criterion_ids = [
            Command.create({"metric_id": self.metric("open_support_tasks"), "method": "bands"})
        ]
        self.compute()
        version = self.policy.version_ids
        self.compute()
        self.assertEqual(self.policy.version_ids, version)
        self.policy.with_user(self.manager).support_project_ids += self.project("Second line")
        self.assertEqual(len(self.policy.version_ids), 2)
        self.policy.write({"support_project_ids": False, "complaint_tag_ids": False})
        self.assertNotIn("support", self.policy._get_rules_values())

    def test_tasks_stay_with_the_firm_that_the_contact_has_left(self):
        new = self.buyer("New firm", 10, is_company=True)
        self.task(self.ann, 30, tags=self.complaint, deadline=5)
        self.compute()  # whoever has a scorecard is known to move
        self.ann.parent_id = new
        self.assertTasks({self.firm: (1, 1, 1, 1), new: (0, 0, 0, 0)}, by_orm=False)
