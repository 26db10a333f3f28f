from datetime import timedelta
from itertools import compress

from odoo import api, fields, models

from .customer_tier import TASK_FIELDS


class ProjectTask(models.Model):
    _name = "project.task"
    _inherit = ["project.task", "customer.tiering.shown"]

    @api.onchange("partner_id", "project_id")
    def _onchange_tiering_proposal(self):
        """Propose to a new task, while it is filled in, what the customer's tier gives."""
        if not self._origin.id:
            self._propose_tiering_priority()
            self._propose_tiering_deadline()

    @api.model_create_multi
    def create(self, vals_list):
        """Propose what the customers' tiers give to the tasks of whose priority or deadline nothing is said."""
        said = {name.removeprefix("default_") for name in self.env.context}
        without_priority = ["priority" not in vals.keys() | said for vals in vals_list]
        without_deadline = ["date_deadline" not in vals.keys() | said for vals in vals_list]
        tasks = super().create(vals_list)
        # sudo: also to those that customers make in the portal
        self.sudo().browse(compress(tasks.ids, without_priority))._propose_tiering_priority()
        self.sudo().browse(compress(tasks.ids, without_deadline))._propose_tiering_deadline()
        return tasks

    def _propose_tiering_priority(self):
        # A title with !! has said it, too.
        for task, tier in self.filtered(lambda task: task.priority in (False, "0"))._get_tiering_tiers().items():
            task.priority = tier.task_priority or task.priority

    def _propose_tiering_deadline(self):
        for task, tier in self.filtered(lambda task: not task.date_deadline)._get_tiering_tiers().items():
            task.date_deadline = tier.task_days and fields.Datetime.now() + timedelta(days=tier.task_days)

    def _get_tiering_tiers(self):
        """Return ``{task: tier}`` of these tasks that are open support, for a customer whose tier gives something."""
        result = {}
        tasks = self.filtered(
            lambda task: task.partner_id and task.display_in_project and not (task.is_closed or task.is_template)
        )
        for company, ours in tasks.grouped(lambda task: task.company_id or self.env.company).items():
            tiers = ours.partner_id.with_company(company)._get_tiers(*TASK_FIELDS)
            for task in ours:
                tier = tiers.get(task.partner_id.id)
                if tier and task.project_id in tier.policy_id._get_support_projects():
                    result[task] = tier
        return result
