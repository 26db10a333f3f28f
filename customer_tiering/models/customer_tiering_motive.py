from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_list


class CustomerTieringMotive(models.Model):
    """What can matter to a customer, such as the price: a group by needs beside the group by value."""

    _name = "customer.tiering.motive"
    _inherit = ["customer.tiering.referred", "customer.tiering.typed"]
    _description = "Buying Motive"
    _order = "sequence, id"
    _names_copies = True

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=100)
    active = fields.Boolean(
        default=True, help="Archived, it is neither proposed nor offered any more. What people said stays."
    )
    color = fields.Integer()
    advice = fields.Text(translate=True, help="What usually works with customers to whom this matters.")
    metric_ids = fields.One2many(
        "customer.tiering.metric",
        "motive_id",
        string="Proposed By",
        help="What speaks for it: it is proposed for customers with a larger value than most others have.",
    )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_said(self):
        # sudo: what people of other companies said counts, too
        words = self.env["customer.tiering.motive.word"].sudo().search([("motive_id", "in", self.ids)])
        if said := words.motive_id:
            raise UserError(
                self.env._(
                    "People have said of customers that this matters to them: %(motives)s. Archive it instead, and "
                    "what they said is kept.",
                    motives=format_list(self.env, said.with_env(self.env).mapped("name")),
                )
            )
        self.env["customer.tiering.policy"].sudo().search([])._keep_runs_out()
