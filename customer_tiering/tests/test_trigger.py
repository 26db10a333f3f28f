from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import SQL

from ..triggers import Trigger
from .common import AS_OF
from .test_playbook import PlaybookCommon


class Reference(Trigger):
    """What another module might bring: the customer has a reference that begins with VIP."""

    kind = "reference"
    detail = SQL("customer.ref")
    is_state = True

    def get_joins(self, scan):
        return SQL("JOIN res_partner customer ON customer.id = card.partner_id")

    def get_condition(self, scan):
        # An OR: what follows it must count nevertheless.
        return SQL("customer.ref = 'VIP' OR customer.ref LIKE 'VIP %%'")

    def get_reason(self):
        return SQL(
            "EXISTS (SELECT FROM res_partner customer WHERE customer.id = followup.partner_id "
            "AND followup.event = 'reference:' || customer.ref)"
        )

    def get_gone_message(self):
        return "Closed: another reference."

    def get_definition_problem(self):
        return self.playbook.tier_ids and "Choose no tiers."

    def get_ready_problem(self):
        return not self.playbook.cooldown_days and "Type the days between two."


@tagged("post_install", "-at_install")
class TestTrigger(PlaybookCommon):
    def test_every_value_of_the_field_has_a_class(self):
        playbooks = self.env["customer.tiering.playbook"]
        classes = playbooks._get_trigger_classes()
        self.assertEqual(set(classes), set(playbooks._fields["trigger"].get_values(self.env)))
        for trigger in classes.values():
            self.assertTrue(issubclass(trigger, Trigger) and trigger.kind, trigger)


@tagged("post_install", "-at_install")
class TestTriggerOfAnotherModule(PlaybookCommon):
    """The same as with a module that adds a value to the field and a class to the method, and is not there later."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        model = cls.registry["customer.tiering.playbook"]
        original = model._get_trigger_classes
        cls.classPatch(model, "_get_trigger_classes", lambda self: {**original(self), "reference": Reference})
        cls.enterClassContext(patch.dict(model._fields["trigger"]._selection, reference="Reference"))
        cls.ann, cls.ben = cls.buyer("Ann", 5, ref="VIP"), cls.buyer("Ben", 5, ref="Other")
        cls.compute(AS_OF)

    def test_it_plans_and_closes_follow_ups(self):
        playbook = self._playbook("reference", on=0, cooldown_days=1)
        self.assertEqual(self._plan_on(0, playbook), 1)
        self.assertEqual((self._rows(playbook).event, self._activities().res_id), ("reference:VIP", self.ann.id))
        self.assertEqual(self._live(1, playbook), 0, "the same event again")
        activity = self._activities()
        self.ben.ref = "VIP"
        self.ann.ref = "VIP 2"
        self.assertEqual(self._live(2, playbook), 3, "one closed, two planned")
        self.assertEqual((activity.active, activity.feedback), (False, "Closed: another reference."))
        self.assertEqual(
            {(row.partner_id, row.event, row.state) for row in self._rows(playbook)},
            {
                (self.ann, "reference:VIP", "closed"),
                (self.ann, "reference:VIP 2", "open"),
                (self.ben, "reference:VIP", "open"),
            },
        )

    def test_it_is_not_for_customers_of_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        theirs = {"policy_id": other.tiering_policy_ids.id, "assign": "customer", "user_id": False}
        self.assertFalse(self._rows(self._playbook("reference", on=0, cooldown_days=1, **theirs)))
        self.assertTrue(self._rows(self._playbook("reference", on=0, cooldown_days=1)))

    def test_it_says_what_is_missing(self):
        with self.assertRaisesRegex(ValidationError, "Choose no tiers"):
            self._playbook("reference", tier_ids=self.gold.ids)
        with self.assertRaisesRegex(UserError, "Type the days between two"):
            self._playbook("reference", on=0)

    def test_its_preview_looks_at_customers_as_they_are(self):
        previews = self.env["customer.tiering.playbook.preview"].create(
            [{"playbook_id": self._playbook(trigger).id} for trigger in ("reference", "enter")]
        )
        self.assertEqual(previews.mapped("looks_back"), [False, True])
