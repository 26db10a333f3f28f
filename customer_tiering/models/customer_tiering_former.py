import logging

from odoo import api, fields, models
from odoo.tools import SQL

from .. import sources
from .customer_tiering_run import RETRYABLE, RunUnderWayError

_logger = logging.getLogger(__name__)


class CustomerTieringFormer(models.Model):
    """The customer that a contact belonged to until it moved: to another firm, under a company, to stand on its own.

    **A purchase stays with the customer it was made for.** What a contact did until the moment of a row belongs to the
    customer of the first row from then on, and to whoever that customer belongs to today; what it did since its last
    row, to its present customer (``sources/people.py``, ``sources.customers.get_customer``). A lone person who was put
    under a company was its own customer, so the purchases go along.

    **The state of a customer goes where its purchases go**: scorecard, history, locks and follow-ups of a lone person
    under a company are the company's, at once, joined as when contacts are merged. Who leaves a firm to stand on its
    own leaves the purchases there, and begins with the tier that it had there, until a run judges it by its own.

    Rows are only written where a customer is concerned. The person who moves the contact waits for no run: where one
    is under way the state follows (``pending``) with the job that scores single customers, or the next run.
    """

    _name = "customer.tiering.former"
    _description = "Former Customer of a Contact"
    _tiering_customer = "customer_id"
    _order = "id"
    _rec_name = "partner_id"
    _log_access = False

    partner_id = fields.Many2one(
        "res.partner", string="Contact", required=True, readonly=True, ondelete="cascade", index=True
    )
    customer_id = fields.Many2one(
        "res.partner", string="Customer until Then", required=True, readonly=True, ondelete="cascade", index=True
    )
    moved_at = fields.Datetime(string="Moved", required=True, readonly=True)
    pending = fields.Boolean(readonly=True, help="The state of the customer has not followed yet.")

    _pending_idx = models.Index("(id) WHERE pending IS TRUE")

    # ------------------------------------------------------------------
    # Contacts move
    # ------------------------------------------------------------------

    @api.model
    def _get_customers(self, partners):
        """Return ``{contact id: customer id}`` of those of ``partners`` and of all below them who have dealings, or
        whose customer has a scorecard.
        """
        if not partners.ids:
            return {}
        self._flush_partners()
        return dict(
            self.env.execute_query(
                SQL(
                    """
                    WITH RECURSIVE moving AS (
                        SELECT id, commercial_partner_id FROM res_partner WHERE id = ANY(%s)
                         UNION
                        SELECT child.id, child.commercial_partner_id
                          FROM moving JOIN res_partner child ON child.parent_id = moving.id)
                    SELECT id, commercial_partner_id
                      FROM moving
                     WHERE commercial_partner_id IS NOT NULL
                       AND (EXISTS (SELECT FROM customer_tiering_scorecard card
                                     WHERE card.partner_id = commercial_partner_id
                                       -- for the index, which begins with the company
                                       AND card.company_id IN (SELECT id FROM res_company))
                            OR %s)
                    """,
                    partners.ids,
                    SQL(" OR ").join(self._get_dealing_conditions()),
                )
            )
        )

    @api.model
    def _get_dealing_conditions(self):
        """Return conditions, one of which holds where ``moving``, a contact, has dealings with a company; a list of
        SQL. Another app adds its own."""
        return [
            SQL("EXISTS (SELECT FROM sale_order placed WHERE placed.partner_id = moving.id)"),
            SQL(
                """EXISTS (SELECT FROM account_move billed
                            WHERE billed.partner_id = moving.id
                              AND billed.move_type IN ('out_invoice', 'out_receipt', 'out_refund'))"""
            ),
        ]

    @api.model
    def _record(self, before):
        """Record which of these contacts belong to another customer now, and let the customers' state follow.

        :param before: what :meth:`_get_customers` returned before the contacts were changed
        """
        if not before:
            return
        self._flush_partners()
        after = self.env.execute_query(
            SQL(
                "SELECT id, commercial_partner_id FROM res_partner"
                " WHERE id = ANY(%s) AND commercial_partner_id IS NOT NULL",
                list(before),
            )
        )
        now = fields.Datetime.now()
        rows = self.create(
            [
                {
                    "partner_id": partner_id,
                    "customer_id": before[partner_id],
                    "moved_at": now,
                    "pending": partner_id in (customer_id, before[partner_id]),
                }
                for partner_id, customer_id in after
                if customer_id != before[partner_id]
            ]
        )
        if following := rows.filtered("pending"):
            following._follow()

    @api.model
    def _keep_apart(self, contacts, target):
        """Let the purchases of contacts of other firms, who are about to be merged into ``target``, stay there.

        Possible where they are all older than its own; else they cannot be told apart.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_former (partner_id, customer_id, moved_at)
                SELECT target.id, contact.commercial_partner_id, MAX(placed.date_order)
                  FROM res_partner target
                  JOIN res_partner contact ON contact.id = ANY(%s)
                                          AND contact.commercial_partner_id NOT IN (contact.id,
                                                                                    target.commercial_partner_id)
                  JOIN sale_order placed ON placed.partner_id = contact.id
                 WHERE target.id = %s
              GROUP BY target.id, contact.id
                HAVING MAX(placed.date_order) < COALESCE(
                       (SELECT MIN(date_order) FROM sale_order WHERE partner_id = target.id), 'infinity')
                """,
                contacts.ids,
                target.id,
            )
        )
        self.invalidate_model(flush=False)

    def _flush_partners(self):
        self.env["res.partner"].flush_model(["parent_id", "is_company", "commercial_partner_id"])

    # ------------------------------------------------------------------
    # Their state follows
    # ------------------------------------------------------------------

    def _follow(self):
        """Let the state of the customers follow in the present transaction, or later where a run is under way."""
        customers = self.customer_id.commercial_partner_id | self.partner_id.commercial_partner_id
        cards = self.env["customer.tiering.scorecard"].search(
            [("partner_id", "in", (customers | self.customer_id | self.partner_id).ids)]
        )
        companies = cards.company_id
        self.env.flush_all()  # what is wrong with the person's own changes shall be told to the person
        try:
            with self.env.cr.savepoint():
                for company in companies:
                    self.env["customer.tiering.run"]._lock_company(company)
                self._settle()
        except (RunUnderWayError, *RETRYABLE) as error:
            _logger.info("Contacts have moved, the state of customers follows later: %s", str(error).strip())
        for company in companies:
            self.env["customer.tiering.refresh"]._add(customers, company, "moved")

    @api.model
    def _settle_pending(self):
        """Let the state follow where it could not at once; return whether there was any."""
        rows = self.search([("pending", "=", True)])
        rows._settle()
        return bool(rows)

    def _settle(self):
        """Let the state of the customers of these rows follow."""
        under, alone = {}, {}
        for row in self:
            person, customer = row.partner_id, row.customer_id
            if person == customer and customer.commercial_partner_id not in (customer, customer.browse()):
                under[row] = customer.commercial_partner_id
            elif person != customer and person == person.commercial_partner_id:
                alone[row] = customer.commercial_partner_id
        self._flush_partners()
        if under:
            idle = self._get_idle(self.browse(row.id for row in under))
            self._hand_over({row.customer_id.id: to.id for row, to in under.items() if row.customer_id.id not in idle})
        if alone:
            returned = self._get_returned(self.browse(row.id for row in alone))
            self._hand_over(returned)
            left = {row.partner_id.id: of.id for row, of in alone.items() if of and of.id not in returned}
            self.env["customer.tiering.scorecard"]._begin_as(left)
            self._forget(returned)
        self.exists().pending = False

    @api.model
    def _hand_over(self, targets):
        """Give all that is kept about customers to others.

        :param targets: ``{id of a customer: id of the one that takes its place}``
        :return: the companies that had a scorecard of one of them
        """
        if not targets:
            return self.env["res.company"]
        cards = self.env["customer.tiering.scorecard"].sudo()
        companies = cards.search([("partner_id", "in", [*targets, *targets.values()])]).company_id
        for model in (
            "customer.tiering.scorecard",
            "customer.tier.change",
            "customer.segment.change",
            "customer.tiering.lock",
            "customer.tiering.followup",
            "customer.tiering.refresh",
            "customer.tiering.need",
            "customer.tiering.pulse",
            "customer.tiering.motive.word",
            "customer.tiering.gap",
            "customer.tiering.recommendation",
            "customer.tiering.fall",
            "customer.tiering.check",
            "customer.tiering.concession",
            "customer.tiering.occasion",
        ):
            self.env[model].sudo()._merge(targets)
        return companies

    def _get_idle(self, rows):
        """Return which customers of ``rows`` stood on their own only since they had left a firm, and bought nothing.

        The purchases before stay with that firm, so there is nothing that could go along.
        """
        return {
            customer_id
            for (customer_id,) in self.env.execute_query(
                SQL(
                    """
                    SELECT lone.customer_id
                      FROM customer_tiering_former lone
                     WHERE lone.id = ANY(%s)
                       AND EXISTS (SELECT FROM customer_tiering_former earlier
                                    WHERE earlier.partner_id = lone.partner_id AND earlier.id < lone.id
                                      AND earlier.customer_id != lone.customer_id)
                       AND NOT EXISTS (
                           SELECT FROM sale_order placed
                            WHERE placed.state != 'cancel'
                              AND placed.partner_id IN (SELECT part.partner_id FROM customer_tiering_former part
                                                         WHERE part.customer_id = lone.customer_id)
                              AND COALESCE(placed.date_order > (
                                      SELECT MAX(earlier.moved_at) FROM customer_tiering_former earlier
                                       WHERE earlier.partner_id = placed.partner_id
                                         AND earlier.customer_id != lone.customer_id), TRUE))
                       AND NOT EXISTS (
                           SELECT FROM account_move move
                            WHERE move.state = 'posted'
                              AND move.move_type IN ('out_invoice', 'out_receipt', 'out_refund')
                              AND move.partner_id IN (SELECT part.partner_id FROM customer_tiering_former part
                                                       WHERE part.customer_id = lone.customer_id)
                              -- its own invoices go along, as Odoo has it, and those of the firm stay there
                              AND move.commercial_partner_id NOT IN (
                                  SELECT earlier.customer_id FROM customer_tiering_former earlier
                                   WHERE earlier.partner_id = move.partner_id
                                     AND earlier.customer_id != lone.customer_id))
                    """,
                    rows.ids,
                )
            )
        }

    def _get_returned(self, rows):
        """Return ``{customer id: person id}`` of those of ``rows`` who take back all that they had brought along.

        A lone person was put under a company and is taken out again, by mistake or not, and nobody else has dealings
        with the company: what it has is the person's.
        """
        return dict(
            self.env.execute_query(
                SQL(
                    """
                    SELECT lone.customer_id, lone.partner_id
                      FROM customer_tiering_former lone
                     WHERE lone.id = ANY(%s)
                       AND EXISTS (SELECT FROM customer_tiering_former earlier
                                    WHERE earlier.partner_id = lone.partner_id AND earlier.id < lone.id
                                      AND earlier.customer_id = lone.partner_id)
                       AND NOT EXISTS (
                           SELECT FROM sale_order placed
                             JOIN res_partner buyer ON buyer.id = placed.partner_id
                            WHERE placed.state != 'cancel' AND %s AND %s = lone.customer_id)
                       AND NOT EXISTS (
                           SELECT FROM account_move move
                            WHERE move.state = 'posted'
                              AND move.move_type IN ('out_invoice', 'out_receipt', 'out_refund')
                              AND move.partner_id IN (SELECT person.id FROM res_partner person
                                                       WHERE person.commercial_partner_id = lone.customer_id))
                    """,
                    rows.ids,
                    sources.customers.get_contacts(SQL("lone.customer_id")),
                    sources.customers.get_customer(SQL("buyer"), SQL("placed.date_order")),
                )
            )
        )

    def _forget(self, returned):
        """Forget that persons were under the company that they have left with all they had brought along."""
        for customer_id, person_id in returned.items():
            parts = self.search([("customer_id", "=", person_id)]).partner_id
            self.search([("partner_id", "in", parts.ids), ("customer_id", "in", (customer_id, person_id))]).unlink()
