"""Activities on customers, their contacts and their orders, and those of them that are overdue."""

from odoo.tools import SQL

from .base import COUNT, QuerySource


def get_documents(of_orders):
    """Return the activities and what they are on, as the FROM of a SELECT: ``activity``, the ``partner`` and, where
    it is on an order, ``sale_order``.

    :param of_orders: a condition on ``sale_order``, as SQL: activities on other orders are left out
    """
    return SQL(
        """mail_activity activity
 LEFT JOIN sale_order ON activity.res_model = 'sale.order' AND sale_order.id = activity.res_id AND %s
      JOIN res_partner partner ON activity.res_model IN ('res.partner', 'sale.order')
                              AND partner.id = CASE WHEN activity.res_model = 'res.partner'
                                                    THEN activity.res_id ELSE sale_order.partner_id END""",
        of_orders,
    )


def is_overdue(as_of):
    """The condition that ``activity`` is open and past its deadline.

    :param as_of: the day, a date or a column as SQL; a deadline on that day is not past
    """
    return SQL("activity.active AND activity.date_deadline < %s", as_of)


class Overdue(QuerySource):
    """How many activities are overdue; on orders of the company only."""

    columns = {"overdue_activity_count": COUNT}

    def get_query(self, scope):
        return SQL(
            """
            SELECT partner.commercial_partner_id AS customer, COUNT(*) AS overdue_activity_count
              FROM %(documents)s
             WHERE %(is_overdue)s AND %(of_activities)s
          GROUP BY 1
            """,
            documents=get_documents(SQL("sale_order.company_id = %s", scope.company_id)),
            is_overdue=is_overdue(scope.as_of),
            of_activities=scope.of_documents(
                SQL.identifier("activity", "res_model"), SQL.identifier("activity", "res_id")
            ),
        )
