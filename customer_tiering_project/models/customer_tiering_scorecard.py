from odoo import api, fields, models


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    # Filled in by runs, where the policy measures it.
    support_count = fields.Integer(
        string="Support Tasks",
        readonly=True,
        help="Tasks of the policy's support projects that were created in the policy's window. Not known where the "
        "policy names no support project.",
    )
    support_open_count = fields.Integer(
        string="Open Support Tasks",
        readonly=True,
        help="Tasks of the policy's support projects that are neither done nor cancelled. Not known where the policy "
        "names no support project.",
    )
    support_late_count = fields.Integer(
        string="Late Support Tasks",
        readonly=True,
        help="Open tasks of the policy's support projects whose deadline is over. Not known where the policy names no "
        "support project.",
    )
    complaint_open_count = fields.Integer(
        string="Open Complaints",
        readonly=True,
        help="Open tasks of the policy's support projects with a complaint tag. Not known where the policy names no "
        "support project or no complaint tag.",
    )

    @api.model
    def _get_table_fields(self):
        return [*super()._get_table_fields(), "support_count", "support_open_count", "complaint_open_count"]
