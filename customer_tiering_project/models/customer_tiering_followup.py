from odoo import api, fields, models
from odoo.tools import SQL

from .. import support


class CustomerTieringFollowup(models.Model):
    _inherit = "customer.tiering.followup"

    problem = fields.Selection(selection_add=[("complaint", "the customer has an open complaint")])

    @api.model
    def _get_skip_reasons(self, playbook, as_of):
        """Add an open complaint, where the playbook says so."""
        reasons = super()._get_skip_reasons(playbook, as_of)
        if playbook.only_without_complaint:
            reasons.append(
                SQL(
                    """WHEN EXISTS (SELECT FROM project_task task
                                      JOIN res_partner person ON person.id = task.partner_id
                                     WHERE %s = followup.partner_id AND %s)
                       THEN 'complaint'""",
                    support.get_customer(),
                    support.is_open_complaint(playbook),
                )
            )
        return reasons
