"""The documents, beside contacts, on which people write to customers, call them and plan something for them."""

from dataclasses import dataclass

from odoo.tools import SQL


@dataclass(frozen=True)
class Documents:
    """The records of a model, each of which is about a customer; archived ones too."""

    #: Name of the model.
    model: str
    #: Name of its table, with ``partner_id``, the customer or one of its contacts, and ``company_id``. A document
    #: without a company is one of every company, as a contact without a company is.
    table: str
    #: The SELECT of the meetings that are about such documents, ``event_id`` and ``document_id``; None: there are none.
    meetings: SQL | None = None

    def get_column(self, name: str) -> SQL:
        """A column of the table, as SQL."""
        return SQL.identifier(self.table, name)

    @property
    def from_table(self) -> SQL:
        """The table, as SQL."""
        return SQL.identifier(self.table)


ORDERS = Documents("sale.order", "sale_order")
