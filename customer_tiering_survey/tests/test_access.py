from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF, TieringCommon

from .common import SurveyCommon

FIELDS = ("survey_result", "survey_count", "survey_recommendation", "survey_recommendation_date", "last_survey_date")


@tagged("post_install", "-at_install")
class TestAccess(SurveyCommon, TieringCommon):
    """Answers are for people with rights on surveys only, whatever is computed of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", 10)
        cls.buyer("Ben", 300)
        cls.asked = cls.survey()
        cls.policy.write(
            {
                "survey_ids": [Command.set(cls.asked.ids)],
                "recommendation_question_id": cls.asked.question_ids[1].id,
                "criterion_ids": [
                    Command.create({"metric_id": cls.metric(key), "method": "bands"})
                    for key in ("survey_result", "survey_recommendation", "survey_asked")
                ],
            }
        )
        cls.answer(cls.asked, cls.ann, cls.noon(AS_OF, 7), "So so", 3)
        cls.compute()
        cls.reader = cls.new_user("tiering_reader", "sales_team.group_sale_salesman_all_leads,survey.group_survey_user")

    def test_a_run_writes_them(self):
        card = self.card(self.ann)
        self.assertEqual((card.survey_result, card.survey_count, card.survey_recommendation), (40, 1, 3))
        self.assertEqual(str(card.last_survey_date), "2026-06-23")
        self.assertEqual(card.survey_recommendation_date, card.last_survey_date)

    def test_survey_people_see_them_and_others_do_not(self):
        card = self.card(self.ann)
        told = str(card.with_user(self.reader).explanation_data)
        for text in ("40%", "3 of 10"):
            self.assertIn(text, told)
        for user in (self.salesperson, self.manager):
            seen = card.with_user(user)
            told = str(seen.explanation_data) + str(seen.explanation)
            for text in ("40%", "40.0", "3 of 10", "3.0"):
                self.assertNotIn(text, told)
            self.assertIn("not shown to you", told)
            self.assertIsNone(seen.explanation["survey_result"][0])
            self.assertIsNone(seen.explanation["survey_recommendation"][0])
            for name in FIELDS:
                with self.assertRaises(AccessError):
                    seen.read([name])
                with self.assertRaises(AccessError):
                    seen.search([(name, "!=", False)])
                self.assertNotIn(name, seen.fields_get())

    def test_a_card_that_tells_nothing_of_a_metric_is_no_error(self):
        card = self.card(self.ann)
        self.env.cr.execute("UPDATE customer_tiering_scorecard SET parts = NULL WHERE id = %s", (card.id,))
        card.invalidate_recordset()
        told = str(card.with_user(self.salesperson).explanation_data)
        self.assertNotIn("40%", told)
        self.assertNotIn("3 of 10", told)

    def test_a_manager_without_the_right_cannot_score_by_them(self):
        metric = self.metric("survey_recommendation")
        self.policy.criterion_ids.filtered(lambda line: line.metric_id.id == metric).unlink()
        with self.assertRaisesRegex(ValidationError, "You may not see .*Recommendation.*, so you cannot score by it"):
            self.policy.with_user(self.manager).criterion_ids = [Command.create({"metric_id": metric})]
        columns = dict(self.env["customer.tiering.metric"].with_user(self.manager)._selection_column())
        self.assertNotIn("survey_recommendation", columns)
        self.assertIn("amount", columns)
