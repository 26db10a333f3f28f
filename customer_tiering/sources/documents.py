"""The documents, beside contacts, on which people write to customers, call them and plan something for them."""

from dataclasses import dataclass

from odoo.tools import SQL


def is_of_company(company_id: SQL, company: SQL) -> SQL:
    """The condition that what has ``company_id`` is one of ``company``: what is of no company is one of each."""
    # PostgreSQL knows how many rows that are, which it does not of COALESCE.
    return SQL("(%(column)s IS NULL OR %(column)s = %(company)s)", column=company_id, company=company)


@dataclass(frozen=True)
class Documents:
    """The records of a model, each of which is about a customer; archived ones too."""

    #: Name of the model.
    model: str
    #: Name of its table, with ``partner_id``, the customer or one of its contacts, and ``company_id``. A document
    #: without a company is one of every company, as a contact without a company is.
    table: str
    #: Conditions, one of which holds where a meeting, a row of ``calendar_event`` as ``event``, is about a document.
    #: Each is asked for by itself, so that an index can serve it.
    meetings: tuple[SQL, ...] = ()

    def get_column(self, name: str) -> SQL:
        """A column of the table, as SQL."""
        return SQL.identifier(self.table, name)

    @property
    def from_table(self) -> SQL:
        """The table, as SQL."""
        return SQL.identifier(self.table)


ORDERS = Documents("sale.order", "sale_order")
