from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Command

SUPPORT_FIELDS = {"support_project_ids", "complaint_tag_ids"}


class CustomerTieringPolicy(models.Model):
    _inherit = "customer.tiering.policy"

    support_project_ids = fields.Many2many(
        "project.project",
        "customer_tiering_policy_support_project_rel",
        "policy_id",
        "project_id",
        string="Support Projects",
        # With archived ones: who looks at it shall see what does not count any more.
        context={"active_test": False},
        domain="[('company_id', 'in', (company_id, False)), ('is_template', '=', False)]",
        help="The projects whose tasks are support. Without one, nothing is known of the support of customers.",
    )
    complaint_tag_ids = fields.Many2many(
        "project.tags",
        "customer_tiering_policy_complaint_tag_rel",
        "policy_id",
        "tag_id",
        string="Complaint Tags",
        help="A task of a support project that has one of these tags is a complaint. Without one, nothing is known of "
        "complaints.",
    )
    # It may name what salespeople do not see.
    support_warning = fields.Text(
        compute="_compute_support_warning", compute_sudo=True, groups="sales_team.group_sale_manager"
    )

    def _get_support_projects(self, company=None):
        """Return the support projects that count for a company, by default the policy's own."""
        self.ensure_one()
        company = company or self.company_id
        # sudo: what counts does not depend on who looks
        return self.sudo().support_project_ids.filtered(
            lambda project: (
                project.active and not project.is_template and project.company_id in (company, company.browse())
            )
        )

    def _get_support_problems(self):
        """Return why support projects of this policy do not count, a sentence each."""
        self.ensure_one()
        policy = self.sudo()
        problems = []
        for project in policy.support_project_ids - self._get_support_projects():
            names = {"project": project.name, "policy": policy.name, "company": policy.company_id.name}
            if not project.active:
                problem = self.env._(
                    "The tasks of %(project)s do not count, because the project is archived. Restore it, or remove it "
                    "from the support projects of %(policy)s.",
                    **names,
                )
            elif project.is_template:
                problem = self.env._(
                    "The tasks of %(project)s do not count, because the project is a template. Remove it from the "
                    "support projects of %(policy)s.",
                    **names,
                )
            else:
                problem = self.env._(
                    "The tasks of %(project)s do not count, because the project belongs to %(other)s. Choose projects "
                    "of %(company)s for %(policy)s, or projects for all companies.",
                    other=project.company_id.name,
                    **names,
                )
            problems.append(problem)
        return problems

    @api.constrains("support_project_ids")
    def _check_support_project_ids(self):
        for policy in self:
            if problems := policy._get_support_problems():
                raise ValidationError(problems[0])

    @api.depends(
        "support_project_ids.active",
        "support_project_ids.company_id",
        "support_project_ids.is_template",
        "support_project_ids.name",
        "name",
    )
    @api.depends_context("lang")
    def _compute_support_warning(self):
        for policy in self:
            policy.support_warning = "\n".join(policy._get_support_problems()) or False

    def write(self, vals):
        result = super().write(vals)
        if SUPPORT_FIELDS & vals.keys():
            self._rules_changed()
        return result

    def copy_data(self, default=None):
        default = default or {}
        vals_list = super().copy_data(default)
        if "support_project_ids" in default:
            return vals_list
        for policy, vals in zip(self, vals_list, strict=True):
            # A copy starts without what nobody could choose any more.
            company = self.env["res.company"].browse(vals["company_id"])
            vals["support_project_ids"] = [Command.set(policy._get_support_projects(company).ids)]
        return vals_list

    def _get_rules_values(self, rules=None):
        """Add what is support and what a complaint: who names other projects has changed the rules, not the customers.

        Of a policy that names none nothing is added, so that it has no new version when the addon is installed.
        """
        values = super()._get_rules_values(rules)
        projects, tags = self._get_support_projects(), self.complaint_tag_ids
        if projects or tags:
            values["support"] = {"projects": sorted(projects.ids), "complaint_tags": sorted(tags.ids)}
        return values
