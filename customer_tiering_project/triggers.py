from odoo.tools import SQL

from odoo.addons.customer_tiering.triggers import Trigger

from . import support


class Complaint(Trigger):
    """The customer complains: a task of a support project has a complaint tag."""

    kind = "complaint"
    may_hold_out = False
    detail = SQL("task.id")

    def get_joins(self, scan):
        return SQL(
            "JOIN (project_task task JOIN res_partner person ON person.id = task.partner_id) ON %s = card.partner_id",
            support.get_customer(),
        )

    def get_condition(self, scan):
        day = support.get_day("create_date", self.playbook.company_id._get_tiering_timezone().key)
        return SQL(
            "%s AND %s >= %s AND %s <= %s",
            support.is_open_complaint(self.playbook),
            day,
            scan.since,
            day,
            scan.as_of,
        )

    def get_held(self, scan):
        return SQL("FALSE")

    def get_reason(self):
        return SQL(
            """EXISTS (SELECT FROM project_task task JOIN res_partner person ON person.id = task.partner_id
                        WHERE task.id = split_part(followup.event, ':', 2)::int
                          AND %s = followup.partner_id AND %s)""",
            support.get_customer(),
            support.is_open_complaint(self.playbook),
        )

    def get_gone_message(self):
        return self.env._("Closed: the complaint is done, or it is none any more.")

    def get_ready_problem(self):
        return self.playbook._get_complaint_problem()
