"""What is to be read: of whom, as of which day, in which window, time zone and money."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from odoo.tools import SQL

from .documents import ORDERS, Documents

#: The key of the purchase source that counts where nobody says otherwise.
ORDER = "order"


@dataclass(frozen=True)
class Scope:
    """What a reading has to know; made by ``res.company._get_tiering_scope`` or, with customers, by
    ``customer.tiering.policy._get_scope``.

    Rolling windows are ``(as_of - window_days, as_of]`` in days of the company's time zone.
    """

    #: Id of the company whose orders count.
    company_id: int
    #: Name of the time zone whose midnight ends a day.
    timezone: str
    #: Of the company's currency, to which money is rounded.
    decimals: int
    window_days: int
    #: The last day that counts, also the last of the window.
    as_of: date
    #: The SELECT of the ids of the partners who may be customers, see ``customer.tiering.reader._get_candidates``;
    #: None in a scope that no customers are read by.
    candidates: SQL | None = None
    #: Id of the policy whose customers are read, for sources that ask what it names, such as projects; None: none's.
    policy_id: int | None = None
    #: Key of the purchase source, see ``customer.tiering.reader._get_purchase_sources``.
    revenue_from: str = ORDER
    #: Money of the company: documents of which less is left are no purchases. 0: whatever is above 0 is one.
    least: float = 0.0
    #: The condition that ``move``, a credit note that comes from no order and reverses nothing, is a rebate; None:
    #: rebates are not subtracted.
    rebates: SQL | None = None
    #: Whether it is asked for what would be, had nothing been taken back.
    with_untaken: bool = False
    #: How many days before the last one have windows that are looked at, too: money must be right in all of them.
    nights: int = 0
    #: On what there are interactions beside contacts, see ``customer.tiering.reader._get_documents``.
    documents: tuple[Documents, ...] = (ORDERS,)
    #: Ids of the only customers to read, in milliseconds whatever the size of the tables; None: see ``part``.
    partner_ids: tuple[int, ...] | None = None
    #: The first and the last id of the only customers to read, inclusive, where these are very many; None: everybody.
    part: tuple[int, int] | None = None
    #: Ids of the credit notes of the company that may be about orders of others than those who are billed, see
    #: ``returns.read_foreign``; None: nobody has looked, any may be.
    foreign_credits: tuple[int, ...] | None = None
    #: Points of the values of choices, ``{column: {value: points}}``; None: those of today.
    choices: dict | None = None
    #: Ids of these customers and of all their contacts, of a part only those of contacts who have moved: added by the
    #: reading, which begins with the people.
    people_ids: tuple[int, ...] | None = None

    @property
    def everybody(self) -> bool:
        """Whether all customers are read."""
        return self.partner_ids is None and self.part is None

    @property
    def scans(self) -> bool:
        """Whether so many customers are read that the tables are scanned and not looked up in."""
        return self.partner_ids is None

    @property
    def window_start(self) -> date:
        """The day before the window, which is the last that does not count in it."""
        return self.as_of - timedelta(days=self.window_days)

    # The moments (naive UTC, as the database has them) only keep PostgreSQL from looking at other rows; the day
    # decides. No place on earth is 24 hours ahead of UTC, or behind it.

    @property
    def since(self) -> datetime:
        """A moment before which no day of the window begins, wherever the company is."""
        return datetime.combine(self.window_start, time())

    @property
    def money_since(self) -> datetime:
        """The same for all windows that are looked at."""
        return self.since - timedelta(days=self.nights)

    @property
    def until(self) -> datetime:
        """A moment at which the last day is over, wherever the company is."""
        return datetime.combine(self.as_of + timedelta(days=2), time())

    # ------------------------------------------------------------------
    # For SQL
    # ------------------------------------------------------------------

    @property
    def parameters(self) -> dict:
        """What templates of SQL ask for by name: ``SQL("… %(company)s … %(as_of)s …", **scope.parameters)``."""
        return {
            "company": self.company_id,
            "policy": self.policy_id,
            "timezone": self.timezone,
            "decimals": self.decimals,
            "as_of": self.as_of,
            "window_start": self.window_start,
            "since": self.since,
            "until": self.until,
        }

    def of_customers(self, column: SQL) -> SQL:
        """The condition that ``column`` is one of the customers to read."""
        if self.everybody:
            return SQL("TRUE")
        if self.part:
            return SQL("%s BETWEEN %s AND %s", column, *self.part)
        return SQL("%s = ANY(%s)", column, list(self.partner_ids))

    def of_partners(self, column: SQL) -> SQL:
        """The condition that ``column`` is one of the customers to read or of their contacts, of today or once."""
        if self.everybody:
            return SQL("TRUE")
        if self.part:
            return SQL("%s IN (%s)", column, self._people)
        return SQL("%s = ANY(%s)", column, list(self.people_ids))

    @property
    def _people(self) -> SQL:
        """The SELECT of the ids of the part's people, of one table: so PostgreSQL knows how many they are."""
        of_customers = self.of_customers(SQL.identifier("commercial_partner_id"))
        return SQL("SELECT id FROM res_partner WHERE %s OR id = ANY(%s)", of_customers, list(self.people_ids or ()))

    def of_documents(self, model: SQL, res_id: SQL) -> SQL:
        """The condition that a message or an activity is on one of these people or on their documents.

        :param model: the column with the name of the document's model
        :param res_id: the column with the document's id
        """
        if self.everybody:
            return SQL("TRUE")
        conditions = [SQL("%s = 'res.partner' AND %s", model, self.of_partners(res_id))]
        conditions += [
            SQL(
                "%(model)s = %(name)s AND %(res_id)s = ANY(ARRAY(SELECT id FROM %(table)s WHERE %(of_partners)s))"
                if not self.scans
                else "%(model)s = %(name)s AND %(res_id)s IN (SELECT id FROM %(table)s WHERE %(of_partners)s)",
                model=model,
                name=documents.model,
                res_id=res_id,
                table=documents.from_table,
                of_partners=self.of_partners(documents.get_column("partner_id")),
            )
            for documents in self.documents
        ]
        return SQL("(%s)", SQL(" OR ").join(conditions))
