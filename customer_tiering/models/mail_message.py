from odoo import fields, models


class MailMessage(models.Model):
    _inherit = "mail.message"

    # Only where Odoo's own type of the message does not say it, see sources/messages.py. The type stays as it is,
    # because Odoo counts e-mails that arrive to notice loops. There is no default: nothing is written to what is there.
    tiering_impersonal = fields.Boolean(
        string="No Interaction",
        readonly=True,
        help="No person wrote it to this customer alone: an automatic reply, or a message to many at once.",
    )
