from markupsafe import Markup

from odoo import fields, models


class MailActivitySchedule(models.TransientModel):
    _inherit = "mail.activity.schedule"

    tiering_reasons = fields.Boolean(help="Each customer's reason for the risk is put before the note.")

    def _action_schedule_activities(self):
        activities = super()._action_schedule_activities()
        if self.tiering_reasons and self.res_model == "res.partner":
            partners = self._get_applied_on_records()
            reasons = {partner.id: partner.tiering_risk_reason for partner in partners}
            # What Odoo proposes for every call says nothing.
            default = self.activity_type_id.summary
            for activity in activities:
                own = activity.summary if activity.summary != default else False
                if reason := reasons.get(activity.res_id):
                    activity.write(
                        {
                            "summary": own or self.env._("Customer at risk"),
                            "note": Markup("<p>%s</p>%s") % (reason, activity.note or ""),
                        }
                    )
        return activities
