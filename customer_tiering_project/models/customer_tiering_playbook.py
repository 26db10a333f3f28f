from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..triggers import Complaint


class CustomerTieringPlaybook(models.Model):
    _inherit = "customer.tiering.playbook"

    trigger = fields.Selection(selection_add=[("complaint", "Complaint is opened")], ondelete={"complaint": "cascade"})
    only_without_complaint = fields.Boolean(
        string="Not during a Complaint",
        help="Nothing for a customer who has an open complaint. It is skipped, not postponed.",
    )

    @api.model
    def _get_trigger_classes(self):
        return {**super()._get_trigger_classes(), "complaint": Complaint}

    @api.constrains("trigger", "only_without_complaint")
    def _check_only_without_complaint(self):
        for playbook in self:
            if playbook.trigger == "complaint" and playbook.only_without_complaint:
                raise ValidationError(
                    self.env._(
                        "“%(playbook)s” starts with a complaint, so it would never do anything for customers with one. "
                        "Take “Not during a Complaint” away.",
                        playbook=playbook.name,
                    )
                )

    def _check_ready(self):
        result = super()._check_ready()
        for playbook in self.filtered("only_without_complaint"):
            if problem := playbook._get_complaint_problem():
                raise UserError(problem)
        return result

    def _get_complaint_problem(self):
        """Return what to do before it can be known what a complaint is, as a sentence; False when it is known."""
        self.ensure_one()
        policy = self.policy_id
        return not (policy._get_support_projects() and policy.complaint_tag_ids) and self.env._(
            "“%(playbook)s” does not know what a complaint is. Name the support projects and the complaint tags on the "
            "policy %(policy)s, page “Support”.",
            playbook=self.name,
            policy=policy.name,
        )
