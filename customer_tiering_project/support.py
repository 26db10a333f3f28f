"""Which tasks are support and which of them complaints, as SQL: what runs count is what playbooks know.

In all of it ``task`` is the task.
"""

from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import customers
from odoo.addons.project.models.project_task import CLOSED_STATES

IS_OPEN = SQL("task.state NOT IN %s", tuple(CLOSED_STATES))


def get_projects(policy_id, company_id):
    """Return the SELECT of the ids of the support projects of a policy that count: in use, and usable by its company.

    :param policy_id: None: it has none
    """
    return SQL(
        """SELECT project.id
             FROM customer_tiering_policy_support_project_rel named
             JOIN project_project project ON project.id = named.project_id
            WHERE named.policy_id = %(policy)s AND project.active AND project.is_template IS NOT TRUE
              AND (project.company_id = %(company)s OR project.company_id IS NULL)""",
        policy=policy_id,
        company=company_id,
    )


def is_support(policy_id, company_id):
    """The condition that the task is one of a support project, no part of another task of it and no template."""
    return SQL(
        """(task.active AND task.display_in_project IS NOT FALSE AND task.has_template_ancestor IS NOT TRUE
            AND (task.company_id = %(company)s OR task.company_id IS NULL) AND task.project_id IN (%(projects)s))""",
        company=company_id,
        projects=get_projects(policy_id, company_id),
    )


def is_complaint(policy_id):
    """The condition that the task has one of the tags that are complaints."""
    return SQL(
        """EXISTS (SELECT FROM project_tags_project_task_rel tagged
                     JOIN customer_tiering_policy_complaint_tag_rel named ON named.tag_id = tagged.project_tags_id
                    WHERE named.policy_id = %s AND tagged.project_task_id = task.id)""",
        policy_id,
    )


def is_open_complaint(playbook):
    """The condition that the task is an open complaint as the playbook's policy says."""
    policy = playbook.policy_id
    return SQL("%s AND %s AND %s", IS_OPEN, is_support(policy.id, policy.company_id.id), is_complaint(policy.id))


def get_day(column, timezone):
    """The day of a moment, a name of a column of the task, in a time zone."""
    return SQL("(%s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", SQL.identifier("task", column), timezone)


def get_customer():
    """Return the customer whom the task is about: that of the time when it was made, if ``person``, its contact, has
    moved since."""
    return customers.get_customer(SQL("person"), SQL("task.create_date"))
