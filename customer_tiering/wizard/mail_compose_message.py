from odoo import models


class MailComposeMessage(models.TransientModel):
    _inherit = "mail.compose.message"

    def _prepare_mail_values_static(self):
        """Mark what is posted on many documents at once; what is mailed to many has a type of its own."""
        values = super()._prepare_mail_values_static()
        if self.composition_mode == "comment" and self.composition_batch:
            values["tiering_impersonal"] = True
        return values
