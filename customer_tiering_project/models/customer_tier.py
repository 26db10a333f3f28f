from odoo import api, fields, models

TASK_FIELDS = ("task_priority", "task_days")


class CustomerTier(models.Model):
    _inherit = "customer.tier"

    task_priority = fields.Selection(
        selection="_selection_task_priority",
        string="Priority of Support Tasks",
        help="Proposed for new tasks of the policy's support projects whose customer is in this tier, where nobody has "
        "chosen a priority.",
    )
    task_days = fields.Integer(
        string="Support Tasks within (Days)",
        help="Proposed as the deadline of these tasks: so many days after they are created, where nobody has chosen a "
        "deadline. 0: none is proposed.",
    )

    _task_days_range = models.Constraint(
        "CHECK(task_days BETWEEN 0 AND 36500)", "“Support Tasks within (Days)” is a number from 0 to 36,500."
    )

    @api.model
    def _selection_task_priority(self):
        """Return Odoo's priorities of tasks but the lowest, which a task has by itself."""
        return self.env["project.task"]._fields["priority"]._description_selection(self.env)[1:]

    @api.model
    def _get_typed_ranges(self):
        return {**super()._get_typed_ranges(), "task_days": (0, 36500)}

    @api.model
    def _get_side_fields(self):
        return [*super()._get_side_fields(), *TASK_FIELDS]
