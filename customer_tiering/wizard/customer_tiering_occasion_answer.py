from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

# No reason is put off for longer.
MOST_DAYS = 365


class CustomerTieringOccasionAnswer(models.TransientModel):
    _name = "customer.tiering.occasion.answer"
    _inherit = ["customer.tiering.typed"]
    _description = "Answer of a Salesperson"

    _typed_sizes = {"reason": 300}

    occasion_ids = fields.Many2many("customer.tiering.occasion", string="Reasons", required=True, readonly=True)
    answer = fields.Selection([("later", "Later"), ("not_useful", "Not Useful")], required=True, readonly=True)
    until = fields.Date(string="Not Before", default=lambda self: self._get_default_until())
    reason = fields.Char(string="Why", help="In a few words, as “Buys from his brother”. Managers read it.")

    @api.model
    def _get_default_until(self):
        return self.env.company._get_tiering_today() + timedelta(days=1)

    def action_confirm(self):
        """Give the answer.

        :raises UserError: without a day that is to come, or without a reason
        """
        self.ensure_one()
        if self.answer == "not_useful":
            if not (self.reason or "").strip():
                raise UserError(self.env._("Say in a few words why it is not useful."))
            self.occasion_ids._refuse(self.reason.strip())
            return
        today = self.env.company._get_tiering_today()
        if not self.until or not today < self.until <= today + timedelta(days=MOST_DAYS):
            raise UserError(self.env._("Choose a day after today, at most %s days ahead.", MOST_DAYS))
        self.occasion_ids._postpone(self.until)
