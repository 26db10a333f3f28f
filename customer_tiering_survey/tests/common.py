from odoo.fields import Command


class SurveyCommon:
    """A survey that a policy names: a scored choice, and how likely the customer is to recommend us."""

    @classmethod
    def survey(cls, **values):
        return cls.env["survey.survey"].create(
            {
                "title": "Satisfaction",
                "scoring_type": "scoring_without_answers",
                "question_and_page_ids": [
                    Command.create(
                        {
                            "title": "Are you satisfied?",
                            "question_type": "simple_choice",
                            "suggested_answer_ids": [
                                Command.create({"value": text, "answer_score": score, "is_correct": score > 0})
                                for text, score in (("Yes", 10), ("So so", 4), ("No", 0))
                            ],
                        }
                    ),
                    Command.create({"title": "Would you recommend us?", "question_type": "scale"}),
                ],
                **values,
            }
        )

    @classmethod
    def answer(cls, survey, who, when, satisfied=None, recommend=None, asked=None, state="done", **values):
        """An entry that was asked for and completed at moments (UTC), the same one unless ``asked`` is given.

        :param satisfied: "Yes", "So so" or "No"
        :param recommend: a number
        """
        choice, scale = survey.question_ids
        lines = []
        if satisfied:
            chosen = choice.suggested_answer_ids.filtered(lambda suggested: suggested.value == satisfied)
            lines.append({"question_id": choice.id, "answer_type": "suggestion", "suggested_answer_id": chosen.id})
        if recommend is not None:
            lines.append({"question_id": scale.id, "answer_type": "scale", "value_scale": recommend})
        entry = cls.env["survey.user_input"].create(
            {
                "survey_id": survey.id,
                "partner_id": who.id,
                "state": state,
                "end_datetime": when,
                "predefined_question_ids": [Command.set(survey.question_ids.ids)],
                "user_input_line_ids": [Command.create({**line, "survey_id": survey.id}) for line in lines],
                **values,
            }
        )
        entry.flush_recordset()
        cls.env.cr.execute("UPDATE survey_user_input SET create_date = %s WHERE id = %s", (asked or when, entry.id))
        entry.invalidate_recordset()
        return entry
