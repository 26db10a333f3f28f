from datetime import timedelta

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon


class SupportCommon(PlaybookCommon):
    """A firm with a contact, and another customer; the policy names a support project and a complaint tag."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids |= cls.env.ref("project.group_project_manager")
        cls.firm = cls.buyer("Lumber Inc", 10, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id)
        cls.ben = cls.buyer("Ben", 80)
        cls.support = cls.project("Support")
        cls.complaint = cls.env["project.tags"].create({"name": "Complaint"})
        cls.question = cls.env["project.tags"].create({"name": "Question"})
        cls.policy.write({"support_project_ids": cls.support.ids, "complaint_tag_ids": cls.complaint.ids})

    @classmethod
    def project(cls, name, **values):
        """A project of the company whose tasks have customers: where there is Sales beside it, a billable one."""
        if "allow_billable" in cls.env["project.project"]._fields:
            values["allow_billable"] = True
        return cls.env["project.project"].create({"name": name, "company_id": cls.company.id, **values})

    @classmethod
    def task(cls, who, days=0, when=None, tags=None, deadline=None, **values):
        """A task that was created ``days`` days before AS_OF at noon or at ``when`` (UTC); the deadline likewise."""
        if deadline is not None:
            values["date_deadline"] = cls.noon(AS_OF, deadline)
        task = cls.env["project.task"].create(
            {
                "name": "Help",
                "project_id": cls.support.id,
                "partner_id": who.id,
                "tag_ids": tags.ids if tags else [],
                **values,
            }
        )
        task.flush_recordset()
        cls.env.cr.execute(
            "UPDATE project_task SET create_date = %s WHERE id = %s", (when or cls.noon(AS_OF, days), task.id)
        )
        task.invalidate_recordset(["create_date"])
        return task

    @classmethod
    def day(cls, days):
        return AS_OF - timedelta(days=days)
