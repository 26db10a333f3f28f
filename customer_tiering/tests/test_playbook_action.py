from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..models import customer_tiering_followup
from .test_playbook import PlaybookCommon


@tagged("post_install", "-at_install")
class TestPlaybookAction(PlaybookCommon):
    """A step that runs a server action, because runs write past the ORM and automation rules do not see it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.new_user("tiering_admin", "base.group_system,sales_team.group_sale_manager")
        cls.action = cls.env["ir.actions.server"].create(
            {
                "name": "Tell the shop",
                "model_id": cls.env["ir.model"]._get_id("res.partner"),
                "state": "code",
                "code": "record.write({'comment': '%s in %s' % (record.tiering_tier_id.name, env.company.name)})",
            }
        )
        cls.ann = cls.buyer("Ann", 60)
        cls.compute_after(0)

    def _steps(self, action):
        return [Command.create({"kind": "action", "server_action_id": action.id})]

    def _upgraded(self, action, on=0):
        """A playbook for who reaches Platinum, and Ann who does."""
        playbook = self._playbook("enter", on=on, tier_ids=self.platinum.ids, step_ids=self._steps(action))
        self.order(self.ann, -1)
        return playbook

    def test_who_reaches_a_tier_has_the_action_run_once(self):
        playbook = self._upgraded(self.action)
        self._live(1, playbook)
        self.assertIn("Platinum in Tiering Company", self.ann.comment)
        self.ann.comment = False
        self._live(2, playbook)
        self.assertFalse(self.ann.comment)
        self.assertEqual(self._rows(playbook).mapped(lambda row: (row.state, row.activity_id.id)), [("ran", False)])
        report = self.env["customer.tiering.followup.report"].with_user(self.manager)
        row = report.search([("playbook_id", "=", playbook.id)])
        self.assertEqual((row.summary, row.status, row.created_count), ("Tell the shop", "ran", 0))

    def test_an_error_is_noted_and_the_others_go_on(self):
        ben = self.buyer("Ben", 60)
        self.compute_after(0)
        self.action.code = f"record.write({{'comment': 'Seen'}})\n1 / (record.id - {self.ann.id})"
        playbook = self._upgraded(self.action)
        self.order(ben, -1)
        with mute_logger("odoo.addons.base.models.ir_actions"), self.assertLogs(customer_tiering_followup.__name__):
            self._live(1, playbook)
        self.assertEqual(
            {row.partner_id: (row.state, row.problem) for row in self._rows(playbook)},
            {self.ann: ("skipped", "action_failed"), ben: ("ran", False)},
        )
        self.assertFalse(self.ann.comment)  # all of it is undone
        self.assertIn("Seen", ben.comment)

    def test_managers_copy_playbooks_without_one(self):
        playbook = self._playbook("enter", tier_ids=self.platinum.ids)
        copied = playbook.with_user(self.manager).copy()
        self.assertEqual(copied.step_ids.mapped("kind"), playbook.step_ids.mapped("kind"))
        with_action = self._playbook("enter", tier_ids=self.platinum.ids, step_ids=self._steps(self.action))
        with self.assertRaisesRegex(ValidationError, "Only administrators may"):
            with_action.with_user(self.manager).copy()
        self.assertEqual(with_action.with_user(self.admin).copy().step_ids.server_action_id, self.action)

    def test_only_who_may_edit_server_actions_chooses_one(self):
        playbook = self._playbook("enter")
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            playbook.with_user(self.manager).step_ids = self._steps(self.action)
        with self.assertRaisesRegex(ValidationError, "Only administrators may"), self.env.cr.savepoint():
            playbook.with_user(self.manager).step_ids.kind = "action"
        playbook.with_user(self.admin).step_ids = [Command.clear(), *self._steps(self.action)]
        other = self.action.copy()
        step = playbook.step_ids.with_user(self.manager)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            step.server_action_id = other.id
        self.assertNotIn("server_action_id", step.fields_get())
        # What an administrator has chosen, managers use.
        with Form(playbook.with_user(self.manager)) as form:
            form.name = "Tell the shop at once"
        playbook.with_user(self.manager).action_enable()
        self.assertTrue(playbook.enabled)
        preview = self.env["customer.tiering.playbook.preview"].with_user(self.manager)
        preview.create({"playbook_id": playbook.id}).action_compute()

    def test_an_action_is_for_contacts(self):
        self.action.model_id = self.env["ir.model"]._get_id("res.users")
        playbook = self._playbook("enter")
        with self.assertRaisesRegex(ValidationError, "Tell the shop is not for contacts"), self.env.cr.savepoint():
            playbook.step_ids = self._steps(self.action)

    def test_one_that_is_not_for_contacts_any_more_makes_follow_ups_wait(self):
        playbook = self._upgraded(self.action)
        self.action.model_id = self.env["ir.model"]._get_id("res.users")
        self._live(1, playbook)
        self.assertEqual(self._rows(playbook).mapped(lambda row: (row.state, row.problem)), [("waiting", "no_action")])

    def test_another_kind_of_step_forgets_the_action(self):
        playbook = self._playbook("enter", step_ids=self._steps(self.action))
        call = self.env.ref("mail.mail_activity_data_call").id
        playbook.with_user(self.admin).step_ids.write({"kind": "activity", "activity_type_id": call})
        self.assertFalse(playbook.step_ids.server_action_id)
