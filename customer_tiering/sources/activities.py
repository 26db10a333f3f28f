"""Activities on customers, their contacts and their documents, and those of them that are overdue."""

from odoo.tools import SQL

from . import customers
from .base import COUNT, QuerySource
from .documents import is_of_company


def get_activities(documents):
    """Return the activities and whom they are about, as the FROM of a SELECT: ``activity`` and the ``partner``.

    :param documents: the :class:`.documents.Documents` on which activities count, beside contacts
    """
    joins = [
        SQL(
            "LEFT JOIN %s ON activity.res_model = %s AND %s = activity.res_id",
            on.from_table,
            on.model,
            on.get_column("id"),
        )
        for on in documents
    ]
    return SQL(
        """mail_activity activity
      %(joins)s
      JOIN res_partner partner ON activity.res_model IN %(models)s
                              AND partner.id = CASE activity.res_model WHEN 'res.partner' THEN activity.res_id
                                                                       %(partners)s END""",
        joins=SQL(" ").join(joins),
        models=("res.partner", *(on.model for on in documents)),
        partners=SQL(" ").join(SQL("WHEN %s THEN %s", on.model, on.get_column("partner_id")) for on in documents),
    )


def are_of_company(documents, company):
    """The condition that the contact or the document that ``activity`` is on is one of ``company``, SQL.

    :param documents: those of :func:`get_activities`
    """
    return SQL(" AND ").join(is_of_company(on.get_column("company_id"), company) for on in documents)


def get_customer():
    """Whose ``activity`` is: of the ``partner`` on the day on which it was done, or today where it is open, as SQL."""
    return customers.get_customer(SQL("partner"), SQL("COALESCE(activity.date_done, 'infinity')"))


def is_overdue(as_of):
    """The condition that ``activity`` is open and past its deadline.

    :param as_of: the day, a date or a column as SQL; a deadline on that day is not past
    """
    return SQL("activity.active AND activity.date_deadline < %s", as_of)


class Overdue(QuerySource):
    """How many activities are overdue; on documents of the company only."""

    columns = {"overdue_activity_count": COUNT}

    def get_query(self, scope):
        return SQL(
            """
            SELECT partner.commercial_partner_id AS customer, COUNT(*) AS overdue_activity_count
              FROM %(activities)s
             WHERE %(is_overdue)s AND %(are_of_company)s AND %(of_activities)s
          GROUP BY 1
            """,
            activities=get_activities(scope.documents),
            is_overdue=is_overdue(scope.as_of),
            are_of_company=are_of_company(scope.documents, SQL("%s", scope.company_id)),
            of_activities=scope.of_documents(
                SQL.identifier("activity", "res_model"), SQL.identifier("activity", "res_id")
            ),
        )
