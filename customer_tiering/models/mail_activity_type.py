from odoo import fields, models

from .. import occasions


class MailActivityType(models.Model):
    _inherit = "mail.activity.type"

    tiering_minutes = fields.Integer(
        string="Usual Minutes",
        default=occasions.MINUTES,
        help="How long an activity of this type usually takes: “My Day” shows as many as fit into the day.",
    )

    _tiering_minutes_positive = models.Constraint(
        "CHECK(tiering_minutes BETWEEN 1 AND 1440)", "An activity takes from 1 minute to a day, which has 1,440."
    )
