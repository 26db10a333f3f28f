from odoo import models
from odoo.fields import Domain

from odoo.addons.customer_tiering.sentences import format_number

from .customer_tiering_policy import LEAST, MOST


class CustomerTieringRun(models.Model):
    _inherit = "customer.tiering.run"

    def _get_note(self, customer_count, fit, idle_locks):
        """Say as well how many answers count for nobody, because the scale does not have them."""
        note = super()._get_note(customer_count, fit, idle_locks)
        question = self.policy_id.sudo().recommendation_question_id  # sudo: nothing of the answers is told
        if not question:
            return note
        outside = Domain("value_scale", "<", LEAST) | Domain("value_scale", ">", MOST)
        count = (
            self.env["survey.user_input.line"]
            .sudo()
            .search_count(
                Domain("question_id", "=", question.id) & Domain("user_input_id.test_entry", "=", False) & outside
            )
        )
        if not count:
            return note
        told = self.env._(
            "Answers to the question about recommending that its scale from %(least)s to %(most)s does not have, and "
            "that do not count: %(count)s.",
            least=LEAST,
            most=MOST,
            count=format_number(self.env, count),
        )
        return "\n".join(filter(None, (note, told)))
