from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources.base import BOOLEAN, COUNT, QuerySource

from .. import support


class SupportTasks(QuerySource):
    """How many support tasks and complaints customers have, in the projects and with the tags that the policy names.

    Whether a task is open is known of today only, as with quotations.
    """

    columns = dict.fromkeys(
        ("support_count", "support_open_count", "support_late_count", "complaint_open_count"), COUNT
    )

    def get_query(self, scope):
        return SQL(
            """
            SELECT %(customer)s AS customer,
                   COUNT(*) FILTER (WHERE %(created)s > %(window_start)s) AS support_count,
                   COUNT(*) FILTER (WHERE %(is_open)s) AS support_open_count,
                   COUNT(*) FILTER (WHERE %(is_open)s AND %(deadline)s < %(as_of)s) AS support_late_count,
                   COUNT(*) FILTER (WHERE %(is_open)s AND %(is_complaint)s) AS complaint_open_count
              FROM project_task task
              JOIN res_partner person ON person.id = task.partner_id
             WHERE %(is_support)s AND %(created)s <= %(as_of)s AND %(of_partners)s
          GROUP BY 1
            """,
            customer=support.get_customer(),
            created=support.get_day("create_date", scope.timezone),
            deadline=support.get_day("date_deadline", scope.timezone),
            is_open=support.IS_OPEN,
            is_complaint=support.is_complaint(scope.policy_id),
            is_support=support.is_support(scope.policy_id, scope.company_id),
            of_partners=scope.of_partners(SQL.identifier("task", "partner_id")),
            **scope.parameters,
        )

    def read_columns(self, reading, columns):
        """Where the policy does not say what is support, or a complaint, nothing is known, which is not 0."""
        found = super().read_columns(reading, columns)
        named = reading.fetch(
            SQL(
                "SELECT EXISTS (%s) AS projects, EXISTS (SELECT FROM customer_tiering_policy_complaint_tag_rel "
                "WHERE policy_id = %s) AS tags",
                support.get_projects(reading.scope.policy_id, reading.scope.company_id),
                reading.scope.policy_id,
            ),
            {"projects": BOOLEAN, "tags": BOOLEAN},
        )
        unknown = {"complaint_open_count"} if named["projects"][0] else set(self.columns)
        if named["projects"][0] and named["tags"][0]:
            unknown = set()
        return found.assign(**dict.fromkeys(unknown & columns, float("nan")))


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        """Add support tasks and complaints."""
        return [*super()._get_metric_sources(), SupportTasks()]
