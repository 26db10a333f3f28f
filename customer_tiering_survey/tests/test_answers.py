from datetime import datetime, timedelta

import pandas as pd

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF, TieringCommon

from .common import SurveyCommon

COLUMNS = (
    *("survey_result", "survey_count", "survey_recommendation", "survey_recommendation_date"),
    *("survey_asked_days", "last_survey_date"),
)
NOTHING = dict.fromkeys(COLUMNS) | {"survey_count": 0}


@tagged("post_install", "-at_install")
class TestAnswers(SurveyCommon, TieringCommon):
    """A firm with a contact, somebody else, and a policy that names a survey and its question."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 40, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 40)
        cls.asked = cls.survey()
        cls.question = cls.asked.question_ids[1]
        cls.policy.write({"survey_ids": [Command.set(cls.asked.ids)], "recommendation_question_id": cls.question.id})

    def _read(self, company=None, **values):
        policy = (company or self.company).tiering_policy_ids
        return self.env["customer.tiering.reader"]._read_customers(policy._get_scope(AS_OF, **values), set(COLUMNS))

    def _row(self, who, company=None):
        """What is known of a customer, read with all customers and alone."""
        rows = [
            {
                name: None if pd.isna(value) else value.date() if isinstance(value, pd.Timestamp) else value
                for name, value in frame.loc[who.id, list(COLUMNS)].items()
            }
            for frame in (self._read(company), self._read(company, partner_ids=who.ids))
        ]
        self.assertEqual(*rows)
        return rows[0]

    def assertKnown(self, who, company=None, **expected):  # noqa: N802 - like unittest's own
        """What is not ``expected`` may be anything."""
        row = self._row(who, company)
        self.assertEqual({name: row[name] for name in expected}, expected)

    def test_who_was_never_asked_is_not_known(self):
        self.assertEqual(self._row(self.firm), NOTHING)

    def test_results_of_a_firm_and_of_its_contacts(self):
        self.answer(self.asked, self.firm, self.noon(AS_OF, 9), "Yes")  # 10 of 10 points
        self.answer(self.asked, self.ann, self.noon(AS_OF, 5), "So so")  # 4 of 10
        self.answer(self.asked, self.ann, self.noon(AS_OF, 4), "No")  # 0 of 10
        self.assertKnown(self.firm, survey_result=(100 + 40 + 0) / 3, survey_count=3, survey_recommendation=None)
        self.assertKnown(self.firm, survey_asked_days=4, last_survey_date=AS_OF - timedelta(days=4))
        self.assertEqual(self._row(self.ben), NOTHING)

    def test_nothing_but_completed_answers_of_real_people_counts(self):
        for values in ({"state": "new"}, {"state": "in_progress"}):
            self.answer(self.asked, self.ann, self.noon(AS_OF, 7), "Yes", 9, **values)
        self.answer(self.asked, self.ann, self.noon(AS_OF, 1), "Yes", 9, test_entry=True)
        self.answer(self.asked, self.env["res.partner"], self.noon(AS_OF, 1), "Yes", 9)
        asked = {"survey_asked_days": 7, "last_survey_date": AS_OF - timedelta(days=7)}
        self.assertEqual(self._row(self.firm), NOTHING | asked)

    def test_the_last_recommendation_counts(self):
        self.answer(self.asked, self.ann, self.noon(AS_OF, 9), recommend=3)
        self.answer(self.asked, self.firm, self.noon(AS_OF, 2), recommend=0)
        self.answer(self.asked, self.ann, self.noon(AS_OF, 5), recommend=10)
        self.answer(self.asked, self.ann, self.noon(AS_OF, 1), "Yes")  # without an answer to this question
        self.assertKnown(
            self.firm,
            survey_recommendation=0,
            survey_recommendation_date=AS_OF - timedelta(days=2),
            survey_asked_days=1,
        )

    def test_an_answer_that_the_scale_does_not_have_is_ignored_and_the_run_says_how_many(self):
        self.answer(self.asked, self.ann, self.noon(AS_OF, 9), recommend=8)
        self.assertNotIn("scale", self.compute().note)
        wrong = self.answer(self.asked, self.ann, self.noon(AS_OF, 2), recommend=10)
        wrong.user_input_line_ids.value_scale = 11
        self.answer(self.asked, self.ann, self.noon(AS_OF, 3), recommend=10).user_input_line_ids.value_scale = -1
        self.assertKnown(self.firm, survey_recommendation=8)
        self.assertIn("that its scale from 0 to 10 does not have, and that do not count: 2.", self.compute().note)

    def test_the_window_is_one_of_days_at_the_company(self):
        self.company.partner_id.tz = "Asia/Tokyo"  # nine hours ahead: the day begins at 15:00 of the day before
        self.policy.window_days = 10
        first = datetime.combine(AS_OF - timedelta(days=10), datetime.min.time()) + timedelta(hours=15)
        after = datetime.combine(AS_OF, datetime.min.time()) + timedelta(hours=15)
        second = timedelta(seconds=1)
        self.answer(self.asked, self.ann, first - second, "Yes", 1)
        self.assertEqual(
            self._row(self.firm),
            NOTHING | {"survey_asked_days": 10, "last_survey_date": AS_OF - timedelta(days=10)},
        )
        self.answer(self.asked, self.ann, first, "No", 2)
        self.assertKnown(self.firm, survey_result=0, survey_count=1, survey_recommendation=2)
        self.answer(self.asked, self.ann, after - second, "So so", 3)
        self.answer(self.asked, self.ann, after, "Yes", 4)
        self.assertKnown(self.firm, survey_result=20, survey_count=2, survey_recommendation=3, survey_asked_days=0)

    def test_a_survey_without_scoring_has_no_result(self):
        plain = self.survey(scoring_type="no_scoring")
        self.policy.survey_ids += plain
        self.answer(plain, self.ann, self.noon(AS_OF, 3), "Yes")
        self.assertKnown(self.firm, survey_result=None, survey_count=0, survey_asked_days=3)
        self.answer(self.asked, self.ann, self.noon(AS_OF, 3), "So so")
        self.assertKnown(self.firm, survey_result=40, survey_count=1)

    def test_other_surveys_archived_ones_and_no_surveys_say_nothing(self):
        self.answer(self.survey(), self.ann, self.noon(AS_OF, 3), "Yes", 9)
        self.assertEqual(self._row(self.firm), NOTHING)
        self.answer(self.asked, self.ann, self.noon(AS_OF, 3), "Yes", 9)
        self.asked.active = False
        self.assertEqual(self._row(self.firm), NOTHING)
        self.asked.active = True
        self.assertKnown(self.firm, survey_result=100, survey_recommendation=9)
        self.policy.write({"survey_ids": [Command.clear()], "recommendation_question_id": False})
        self.assertEqual(self._row(self.firm), NOTHING)

    def test_a_deleted_question_or_survey_leaves_a_policy_that_runs(self):
        self.answer(self.asked, self.ann, self.noon(AS_OF, 3), "Yes", 9)
        self.question.unlink()
        self.env.invalidate_all()
        self.assertFalse(self.policy.recommendation_question_id)
        self.assertKnown(self.firm, survey_result=100, survey_recommendation=None)
        self.asked.unlink()
        self.env.invalidate_all()
        self.assertFalse(self.policy.survey_ids)
        self.assertEqual(self._row(self.firm), NOTHING)
        self.assertEqual(self.compute().state, "done")

    def test_each_company_has_the_surveys_that_its_policy_names(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env["sale.order"].with_company(other).create({"partner_id": self.firm.id, "company_id": other.id})
        theirs = self.survey()
        other.tiering_policy_ids.survey_ids = theirs
        self.answer(self.asked, self.ann, self.noon(AS_OF, 3), "Yes")
        self.answer(theirs, self.ann, self.noon(AS_OF, 4), "No")
        self.assertKnown(self.firm, survey_result=100, survey_asked_days=3)
        self.assertKnown(self.firm, company=other, survey_result=0, survey_asked_days=4)

    def test_many_answers_equal_what_the_orm_adds_up(self):
        people = self.firm | self.ann | self.ben
        for number in range(30):
            text, when = ("Yes", "So so", "No")[number % 3], self.noon(AS_OF, number * 20)
            self.answer(self.asked, people[number % 2 + number % 4 // 3], when, text, number % 11)
        start = self.policy._get_scope(AS_OF).window_start
        for who in (self.firm, self.ben):
            entries = self.env["survey.user_input"].search([("partner_id", "child_of", who.id)])
            recent = entries.filtered(lambda entry: start < entry.end_datetime.date() <= AS_OF).sorted("end_datetime")
            results = recent.mapped("scoring_percentage")
            said = recent[-1].user_input_line_ids.filtered(lambda line: line.question_id == self.question).value_scale
            self.assertKnown(
                who, survey_result=sum(results) / len(results), survey_count=len(recent), survey_recommendation=said
            )

    def test_answers_stay_with_the_firm_that_the_contact_has_left(self):
        new = self.buyer("New firm", 40, is_company=True)
        self.answer(self.asked, self.ann, self.noon(AS_OF, 5), "So so", 7)
        self.compute()  # whoever has a scorecard is known to move
        self.ann.parent_id = new
        self.assertKnown(self.firm, survey_result=40, survey_count=1, survey_recommendation=7, survey_asked_days=5)
        self.assertEqual(self._row(new), NOTHING)
