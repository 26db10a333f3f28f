from odoo import api, fields, models
from odoo.exceptions import ValidationError


class CustomerTieringPulse(models.Model):
    """How a salesperson feels about a customer: a sign and a word, which count for some time.

    It is a person's word, so it has the person's name, and it stays in the history.
    """

    _name = "customer.tiering.pulse"
    _inherit = ["customer.tiering.given", "customer.tiering.typed"]
    _description = "Customer Pulse"
    _order = "date desc, id desc"
    _rec_name = "word"

    _typed_sizes = {"word": 100}

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, ondelete="cascade", index=True
    )
    sign = fields.Selection(
        [("up", "Going well"), ("same", "As ever"), ("down", "Going badly")],
        string="Pulse",
        required=True,
        default="same",
    )
    value = fields.Integer(compute="_compute_value", store=True, help="1, 0 or -1.", aggregator="avg")
    word = fields.Char(string="Why", required=True, help="In a word or two: colleagues read it.")
    user_id = fields.Many2one("res.users", string="Who", readonly=True, default=lambda self: self.env.user, index=True)
    date = fields.Date(readonly=True, default=fields.Date.context_today)

    @api.depends("sign")
    def _compute_value(self):
        for pulse in self:
            pulse.value = {"up": 1, "same": 0, "down": -1}.get(pulse.sign, 0)

    @api.constrains("word")
    def _check_word(self):
        for pulse in self:
            if not (pulse.word or "").strip():
                raise ValidationError(self.env._("Say why in a word: colleagues will read it."))

    @api.model_create_multi
    def create(self, vals_list):
        self._name_customers(vals_list)
        for vals in vals_list:
            self._sign(vals)  # never anonymous, never of another day
        return super().create(vals_list)
