from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import SupportCommon


@tagged("post_install", "-at_install")
class TestComplaints(SupportCommon):
    def setUp(self):
        super().setUp()
        self.compute()

    def test_a_complaint_starts_the_playbook_once(self):
        playbook = self._playbook("complaint", on=0)
        self.task(self.ann, -1, tags=self.complaint)
        self.task(self.ben, -1, tags=self.question)
        self._live(1, playbook)
        activity = self._activities(self.firm)
        self.assertEqual((activity.summary, activity.user_id), ("Call Lumber Inc", self.salesperson))
        self.assertFalse(self._activities(self.ben))
        self._live(2, playbook)
        self.assertEqual(self._activities(self.firm), activity)

    def test_each_complaint_is_an_event_and_a_tag_may_come_later(self):
        playbook = self._playbook("complaint", on=0, only_without_open=False)
        first = self.task(self.ann, -1, tags=self.complaint)
        second = self.task(self.firm, -1)
        self._live(1, playbook)
        self.assertEqual(self._rows(playbook).mapped("event"), [f"complaint:{first.id}"])
        second.tag_ids = self.complaint
        self._live(2, playbook)
        self.assertEqual(self._rows(playbook).mapped("event"), [f"complaint:{first.id}", f"complaint:{second.id}"])

    def test_what_was_before_is_over_or_is_no_complaint_starts_nothing(self):
        self.task(self.ann, 1, tags=self.complaint)
        playbook = self._playbook("complaint", on=0)
        self.task(self.ann, -1, tags=self.complaint, state="1_done")
        self.task(self.ann, -1, tags=self.complaint, project_id=self.project("Building").id)
        self.task(self.ann, -1, tags=self.complaint, active=False)
        self._live(1, playbook)
        self.assertFalse(self._rows(playbook))

    def test_it_is_not_held_back_when_the_rules_have_changed(self):
        playbook = self._playbook("complaint", on=0)
        self.task(self.ann, -1, tags=self.complaint)
        self.gold.entry_floor += 1
        self._live(1, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["open"])

    def test_the_activity_closes_when_the_complaint_is_done(self):
        playbook = self._playbook("complaint", on=0)
        task = self.task(self.ann, -1, tags=self.complaint)
        self._live(1, playbook)
        activity = self._activities(self.firm)
        self._plan_on(2, playbook)
        self.assertTrue(activity.active)
        task.state = "1_done"
        self._plan_on(2, playbook)
        self.assertFalse(activity.active)
        self.assertIn("the complaint is done", activity.feedback)
        self.assertEqual((self._rows(playbook).state, self._rows(playbook).problem), ("closed", "gone"))

    def test_nor_is_it_a_reason_when_the_task_is_deleted_or_another_customers(self):
        playbook = self._playbook("complaint", on=0, only_without_open=False)
        gone, moved = (self.task(self.ann, -1, tags=self.complaint) for _number in range(2))
        self.compute_after(1)
        gone.unlink()
        moved.partner_id = self.ben
        self._plan_on(1, playbook)
        self.assertEqual(self._rows(playbook).mapped("problem"), ["gone", "gone"])

    def test_not_during_a_complaint(self):
        playbook = self._playbook("up", on=0, only_without_complaint=True)
        self.task(self.ben, 50, tags=self.complaint)
        cid = self.buyer("Cid", 80)
        self.task(cid, 50, tags=self.complaint, state="1_done")
        self.compute_after(0)
        for who in (self.ben, cid):
            self.order(who, -1)
        self._live(1, playbook)
        rows = {row.partner_id: (row.state, row.problem) for row in self._rows(playbook)}
        self.assertEqual(rows, {self.ben: ("skipped", "complaint"), cid: ("open", False)})

    def test_it_says_what_is_missing(self):
        playbook = self._playbook("up", only_without_complaint=True)
        complaint = self._playbook("complaint")
        self.policy.complaint_tag_ids = False
        for each in (playbook, complaint):
            with self.assertRaisesRegex(UserError, "does not know what a complaint is"):
                each.action_enable()
        self.policy.complaint_tag_ids = self.complaint
        self.support.active = False
        with self.assertRaisesRegex(UserError, "does not know what a complaint is"):
            playbook.action_enable()
        with self.assertRaisesRegex(ValidationError, "never do anything"):
            complaint.only_without_complaint = True

    def test_a_preview_looks_back(self):
        playbook = self._playbook("complaint")
        self.task(self.ann, 3, tags=self.complaint)
        self.task(self.ben, 60, tags=self.complaint)
        with freeze_time(self.noon(AS_OF)):
            playbook.enabled_since = AS_OF
            self.followups._collect_present(playbook, since=self.day(10))
        self.assertEqual(self._rows(playbook).partner_id, self.firm)

    def test_a_complaint_is_that_of_the_firm_that_the_contact_has_left_since(self):
        new = self.buyer("New firm", 10, is_company=True)
        self.compute()
        playbook = self._playbook("complaint", on=0)
        self.task(self.ann, -1, tags=self.complaint)
        self.ann.parent_id = new
        self._live(1, playbook)
        self.assertEqual((len(self._activities(self.firm)), len(self._activities(new))), (1, 0))
        self._live(2, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["open"])
