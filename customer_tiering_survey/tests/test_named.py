from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.customer_tiering.tests.common import TieringCommon

from .common import SurveyCommon


@tagged("post_install", "-at_install")
class TestNamed(SurveyCommon, TieringCommon):
    """Which surveys, and which question, a policy names."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.asked = cls.survey()
        cls.choice, cls.question = cls.asked.question_ids
        cls.policy.survey_ids = cls.asked
        cls.owner = cls.new_user("tiering_surveys", "sales_team.group_sale_manager,survey.group_survey_user")

    def test_only_a_question_with_a_scale_from_0_to_10(self):
        for values in ({"scale_max": 5}, {"scale_min": 1}):
            other = self.survey().question_ids[1]
            other.write(values)
            self.policy.survey_ids += other.survey_id
            with (
                self.assertRaisesRegex(ValidationError, "Would you recommend us.* has no scale from 0 to 10"),
                self.env.cr.savepoint(),
            ):
                self.policy.recommendation_question_id = other
        with self.assertRaisesRegex(ValidationError, "has no scale from 0 to 10"), self.env.cr.savepoint():
            self.policy.recommendation_question_id = self.choice
        self.policy.recommendation_question_id = self.question

    def test_only_a_question_of_the_surveys_of_the_policy(self):
        other = self.survey(title="Another")
        with (
            self.assertRaisesRegex(ValidationError, "is a question of the survey Another. Add this survey"),
            self.env.cr.savepoint(),
        ):
            self.policy.recommendation_question_id = other.question_ids[1]
        self.policy.recommendation_question_id = self.question
        with self.assertRaisesRegex(ValidationError, "is a question of the survey Satisfaction"):
            self.policy.survey_ids = other

    def test_an_archived_survey_keeps_its_place(self):
        self.policy.recommendation_question_id = self.question
        self.asked.active = False
        self.policy.name = "Another name"
        self.policy.recommendation_question_id = self.question
        self.assertEqual(self.policy.with_context(active_test=False).survey_ids, self.asked)

    def test_copies_and_simulations_take_them_along(self):
        self.policy.recommendation_question_id = self.question
        copied = self.policy.with_user(self.manager).copy()
        draft = self.env["customer.tiering.policy"].browse(
            self.policy.with_user(self.manager).action_simulate()["res_id"]
        )
        for policy in (copied.sudo(), draft.sudo()):
            self.assertEqual((policy.survey_ids, policy.recommendation_question_id), (self.asked, self.question))

    def test_who_has_both_rights_names_them_on_the_form(self):
        with Form(self.policy.with_user(self.owner)) as form:
            form.survey_ids.clear()
            form.survey_ids.add(self.survey(title="Another"))
        self.assertEqual(self.policy.survey_ids.title, "Another")
        with Form(self.policy.with_user(self.manager)) as form:
            form.window_days = 100
        self.assertEqual(self.policy.survey_ids.title, "Another")
        self.assertNotIn("survey_ids", form._view["fields"])

    def test_unused_it_asks_nothing(self):
        self.policy.survey_ids = [Command.clear()]
        self.buyer("Ann", 3)
        self.assertNotIn("scale", self.compute().note)
