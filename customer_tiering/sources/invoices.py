"""Posted invoices: a purchase source, alone or beside the orders."""

from odoo.tools import SQL

from .. import engine, sources
from . import billing
from .base import BOOLEAN, DATE, FLOAT, ID, INVOICED, PurchaseSource
from .orders import Orders, in_currency_of_order


class Invoices(Orders):
    """Posted invoices and receipts with income, on the day of the invoice, less the credit notes that take them back.

    They belong to who ordered, of several customers to each its part, else to who was billed when they were posted.
    What was paid in advance is no purchase, the final invoice is the whole one. Opening balances, which have no line of
    income, are none.
    """

    #: Whether those that come from an order are left out.
    only_direct = False
    counts_when = INVOICED
    papers = ("account.move",)

    def get_dealing_query(self, company_id):
        return SQL(
            """
            %s UNION ALL
            SELECT commercial_partner_id, NULL FROM account_move
             WHERE company_id = %s AND state = 'posted' AND move_type IN ('out_invoice', 'out_receipt')
            """,
            super().get_dealing_query(company_id),
            company_id,
        )

    def get_days_query(self, customer, company, timezone):
        return SQL(
            """
            SELECT move.invoice_date AS day
              FROM res_partner billed
              JOIN account_move move ON move.partner_id = billed.id AND move.company_id = %(company)s
             WHERE billed.commercial_partner_id = %(customer)s AND move.state = 'posted'
               AND move.move_type IN ('out_invoice', 'out_receipt') AND %(is_looked_at)s
               AND (SELECT SUM(line.price_subtotal) FROM account_move_line line
                     WHERE line.move_id = move.id AND line.display_type = 'product' AND %(is_income)s) > 0
            """,
            is_income=billing.is_income(self.advances),
            customer=customer,
            company=company,
            is_looked_at=self._is_looked_at(),
        )

    def _is_looked_at(self):
        """The condition that ``move`` is one of those that this source is about."""
        return SQL("TRUE")

    def read_dealing(self, reading):
        self.rows = self._read_invoices(reading)
        return reading.join(super().read_dealing(reading), self.rows["person"])

    def read_purchases(self, reading):
        rows = self.rows
        ids, by_document, by_money = self._read_credited(reading)
        places, found = reading.find_in(rows["id"], ids)
        # A share of the document: of what was given back entirely nothing is left, whatever was rounded.
        share = by_document[found] / rows["charged"][places] + by_money[found] / rows["whole"][places]
        returned = rows["money"][places] * share.clip(0, 1)
        if not self.only_direct:
            places, returned = self.shares.give_back(rows, places, returned)
        rows["money"][places] -= returned
        buyer = reading.places[rows["person"]]
        self.chosen = buyer >= 0
        taken = reading.renumber(self.chosen, (places, returned), (reading.join(), reading.join()))
        chosen = (values[self.chosen] for values in (buyer, rows["day"], rows["money"]))
        return engine.purchases.Purchases(*chosen, *taken)

    def get_ids(self, reading):
        return self.rows["id"][self.chosen]

    def read_rebates(self, reading):
        """What came back by an order of its own is a credit note that takes back no invoice."""
        return sources.returns.read_rebates(reading, None if self.only_direct else billing.is_of_purchase())

    def read_teams(self, reading, ids):
        query = SQL(
            "SELECT id, team_id AS team FROM account_move WHERE %s",
            reading.of_documents(SQL.identifier("id"), ids),
        )
        found = reading.fetch(query, {"id": ID, "team": ID}, "account_move")
        return reading.look_up(found["id"], found["team"], ids)

    def get_line_columns(self):
        return {}

    def _read_sold(self, reading, ids):
        query = SQL(
            """
            SELECT line.id, line.move_id AS document, line.product_id AS product, -line.balance AS money,
                   line.quantity, line.product_uom_id AS unit,
                   %(listed)s AS listed,
                   line.discount
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
             WHERE %(of_documents)s AND %(is_charged)s AND line.quantity > 0
               AND line.company_id = %(company)s AND NOT %(is_no_goods)s
            """,
            listed=billing.convert(SQL("(line.price_unit * line.quantity)"), SQL("move.invoice_currency_rate")),
            is_charged=billing.is_charged(self.advances),
            is_no_goods=billing.is_ordered_as(self.no_goods),
            of_documents=reading.of_documents(SQL.identifier("line", "move_id"), ids),
            **reading.scope.parameters,
        )
        numbers = dict.fromkeys(("money", "quantity", "listed", "discount"), FLOAT)
        return sources.lines.fetch(reading, query, {"product": ID, "unit": ID} | numbers, "account_move_line", ids)

    def _read_charged(self, reading, ids):
        """By the recorded cost of the line of an order that a line comes from."""
        recorded, joins = SQL("NULL"), SQL()
        if self.recorded_cost and not self.only_direct:
            recorded = billing.convert(
                SQL("(%s * sold_in.factor / COALESCE(NULLIF(ordered_in.factor, 0), 1))", self.recorded_cost),
                SQL("placed.currency_rate"),
            )
            joins = SQL(
                """
                 LEFT JOIN (SELECT invoice_line_id, MIN(order_line_id) AS order_line_id
                              FROM sale_order_line_invoice_rel GROUP BY 1) link ON link.invoice_line_id = line.id
                 LEFT JOIN sale_order_line ordered ON ordered.id = link.order_line_id
                 LEFT JOIN sale_order placed ON placed.id = ordered.order_id
                 LEFT JOIN uom_uom ordered_in ON ordered_in.id = ordered.product_uom_id
                 LEFT JOIN uom_uom sold_in ON sold_in.id = line.product_uom_id"""
            )
        query = SQL(
            """
            SELECT line.id, line.move_id AS document, line.product_id AS product, line.product_uom_id AS unit,
                   -line.balance AS money, NOT %(is_no_goods)s AS is_goods, %(recorded)s AS recorded,
                   CASE WHEN move.move_type = 'out_refund' THEN -line.quantity ELSE line.quantity END AS quantity
              FROM account_move_line line
              JOIN account_move move ON move.id = line.move_id
                   %(joins)s
             WHERE %(of_documents)s AND line.display_type = 'product' AND %(is_income)s
               AND line.company_id = %(company)s
            """,
            recorded=recorded,
            joins=joins,
            is_no_goods=billing.is_ordered_as(self.no_goods),
            is_income=billing.is_income(self.advances),
            of_documents=reading.of_documents(SQL.identifier("line", "move_id"), ids),
            **reading.scope.parameters,
        )
        kinds = {"product": ID, "unit": ID, "is_goods": BOOLEAN}
        kinds |= dict.fromkeys(("money", "quantity", "recorded"), FLOAT)
        return sources.lines.fetch(reading, query, kinds, "account_move_line", ids)

    def _read_back(self, reading, ids):
        """By the products of the credit notes that reverse an invoice, and the lines of orders of the others."""
        query = SQL(
            """
            WITH credited AS (
                SELECT line.id, move.reversed_entry_id AS invoice_id, line.product_id, line.balance
                  FROM account_move move
                  JOIN account_move_line line ON line.move_id = move.id AND %(is_charged)s
                 WHERE %(is_credit)s
            ), charged AS (
                SELECT line.id, line.move_id, line.product_id,
                       SUM(line.balance) OVER (PARTITION BY line.move_id, line.product_id) AS balance
                  FROM account_move_line line
                 WHERE %(of_documents)s AND %(is_charged)s
            ), of_product AS (
                SELECT invoice_id, product_id, SUM(balance) AS balance
                  FROM credited
                 WHERE invoice_id IS NOT NULL
              GROUP BY 1, 2
            ), of_order_line AS (
                SELECT link.order_line_id, SUM(credited.balance * part) AS balance
                  FROM credited
                  JOIN (%(links_of_credits)s) link ON link.line_id = credited.id
              GROUP BY 1
            )
            SELECT charged.id AS line, -of_product.balance / NULLIF(charged.balance, 0) AS share
              FROM charged
              JOIN of_product ON of_product.invoice_id = charged.move_id
                   AND of_product.product_id IS NOT DISTINCT FROM charged.product_id
         UNION ALL
            SELECT rel.invoice_line_id, -of_order_line.balance / NULLIF(charged.balance, 0)
              FROM of_order_line
              JOIN sale_order_line_invoice_rel rel ON rel.order_line_id = of_order_line.order_line_id
              JOIN charged ON charged.id = rel.invoice_line_id
            """,
            is_charged=billing.is_charged(self.advances),
            is_credit=billing.is_credit(reading.scope),
            of_documents=reading.of_documents(SQL.identifier("line", "move_id"), ids),
            links_of_credits=billing.get_links(SQL("SELECT id FROM credited WHERE invoice_id IS NULL")),
        )
        found = reading.fetch(query, {"line": ID, "share": FLOAT})
        return found["line"], found["share"]

    def get_wholes(self, reading):
        if self.rows["whole"] is self.rows["money"]:  # each has one customer
            return super().get_wholes(reading)
        return self.rows["whole"][self.chosen]

    def get_affected(self, records):
        if records._name != "account.move":
            return super().get_affected(records)
        return billing.get_affected(records.filtered(billing.is_about_purchase))

    # ------------------------------------------------------------------
    # What is read
    # ------------------------------------------------------------------

    def _read_invoices(self, reading):
        """Return the invoices of the last day and before as a dict of arrays: ``id``, place of the ``person``,
        ``day``, and what was ``charged``, above 0, in the currency of the invoice and as ``money`` of the company: of
        this person, and of the ``whole`` invoice."""
        scope = reading.scope
        query = SQL(
            """
            SELECT move.id, move.commercial_partner_id AS partner_id, move.invoice_date AS day,
                   CASE WHEN move.move_type = 'out_refund' THEN -move.amount_untaxed ELSE move.amount_untaxed
                        END AS charged,
                   move.amount_untaxed_signed AS money
              FROM account_move move
             WHERE %(is_invoice)s AND %(of_people)s
            """,
            is_invoice=billing.is_invoice(scope),
            of_people=self._of_people(scope),
        )
        columns = {"id": ID, "partner_id": ID, "day": DATE, "charged": FLOAT, "money": FLOAT}
        rows = reading.fetch(query, columns, "account_move")
        rows["person"] = reading.people.find(rows.pop("partner_id"))
        of_rows = SQL("TRUE")
        if not scope.everybody:
            of_rows = sources.rows.is_one_of(SQL.identifier("line", "move_id"), rows["id"])
        others = self._read_no_income(reading, of_rows)
        places, found = reading.find_in(rows["id"], others["id"])
        for name in ("charged", "money"):
            rows[name][places] -= others[name][found]
        chosen = (rows["charged"] > 0) & (rows["money"] > 0)
        if self.only_direct:
            places, _found = reading.find_in(rows["id"], self._read_linked(reading, of_rows))
            chosen[places] = False
        rows = {name: values[chosen] for name, values in rows.items()}
        rows["whole"] = rows["money"]
        if not self.only_direct:
            ordered = self._read_ordered(reading, of_rows)
            self.shares = sources.shares.Shares(reading, rows, ordered, self.advances)
        return rows

    def _of_people(self, scope):
        """The condition that ``move`` bills one of these people, or what one of them ordered."""
        if scope.everybody:
            return SQL("TRUE")
        billed = scope.of_partners(SQL.identifier("move", "partner_id"))
        ordered = billing.get_moves_of_orders(scope.of_partners(SQL.identifier("sale_order", "partner_id")))
        return billing.is_any_move(scope, billed, SQL("move.id IN (%s)", ordered))

    def _read_no_income(self, reading, of_rows):
        """Return what of the invoices is no income, was paid in advance, or only rounds."""
        query = SQL(
            """
            SELECT line.move_id AS id, SUM(%(price)s) AS charged, -SUM(line.balance) AS money
              FROM account_move_line line
             WHERE line.company_id = %(company)s AND %(of_rows)s
               AND (line.display_type = 'rounding' OR line.display_type = 'product' AND NOT %(is_income)s)
          GROUP BY 1
            """,
            of_rows=of_rows,
            price=billing.get_price(-1),
            is_income=billing.is_income(self.advances),
            **reading.scope.parameters,
        )
        return reading.fetch(query, {"id": ID, "charged": FLOAT, "money": FLOAT})

    def _read_linked(self, reading, of_rows):
        """Return the ids of the invoices with a line that comes from an order, each of them once."""
        query = SQL(
            """
            SELECT DISTINCT line.move_id AS id
              FROM sale_order_line_invoice_rel rel
              JOIN account_move_line line ON line.id = rel.invoice_line_id AND line.company_id = %(company)s
             WHERE %(of_rows)s
            """,
            of_rows=of_rows,
            **reading.scope.parameters,
        )
        return reading.fetch(query, {"id": ID})["id"]

    def _read_ordered(self, reading, of_rows):
        """Return the company's orders that lines of the invoices come from: ``id`` of the invoice and ``order_id``."""
        query = SQL(
            """
            SELECT DISTINCT line.move_id AS id, ordered.order_id
              FROM sale_order_line_invoice_rel rel
              JOIN account_move_line line ON line.id = rel.invoice_line_id AND line.company_id = %(company)s
              JOIN sale_order_line ordered ON ordered.id = rel.order_line_id AND ordered.company_id = %(company)s
             WHERE %(of_rows)s
            """,
            of_rows=of_rows,
            **reading.scope.parameters,
        )
        return reading.fetch(query, {"id": ID, "order_id": ID})

    def _read_credited(self, reading):
        """Return what was credited of invoices as three arrays: id of the invoice, in its currency by credit notes
        that reverse it, and in the company's by those whose lines come from the same order, of the last invoices
        first."""
        scope, ids = reading.scope, self.rows["id"]
        of_credits = SQL("TRUE")
        if not scope.everybody:
            of_same_orders = billing.get_moves_of_orders(
                SQL(
                    """sale_order.id IN (
                           SELECT order_id FROM sale_order_line
                             JOIN sale_order_line_invoice_rel ON order_line_id = sale_order_line.id
                             JOIN account_move_line ON account_move_line.id = invoice_line_id
                            WHERE %s)""",
                    sources.rows.is_one_of(SQL.identifier("account_move_line", "move_id"), ids),
                )
            )
            of_credits = billing.is_any_move(
                scope,
                sources.rows.is_one_of(SQL.identifier("move", "reversed_entry_id"), ids),
                SQL("move.id IN (%s)", of_same_orders),
            )
        query = SQL(
            """
            WITH credited AS (
                SELECT line.id, line.currency_id, line.price_subtotal, line.balance, move.invoice_date,
                       move.reversed_entry_id AS invoice_id
                  FROM account_move move
                  JOIN account_move_line line ON line.move_id = move.id
                 WHERE %(is_credit)s AND %(of_credits)s AND %(is_charged)s
            ), reversing AS (
                SELECT invoice.id,
                       SUM(CASE WHEN credited.currency_id = invoice.currency_id THEN credited.price_subtotal
                                ELSE credited.balance * invoice.invoice_currency_rate END) AS amount
                  FROM credited JOIN account_move invoice ON invoice.id = credited.invoice_id
              GROUP BY 1
            ), of_order AS (  -- in the order's currency, as what is left over
                SELECT placed.id AS order_id, SUM(%(credited)s * part) AS amount, MAX(invoice_date) AS credited_on
                  FROM credited line
                  JOIN (%(links_of_credits)s) link ON link.line_id = line.id
                  JOIN sale_order placed ON placed.id = link.order_id
                 WHERE invoice_id IS NULL AND placed.amount_untaxed >= 0
              GROUP BY 1
            ), invoice_line AS (
                SELECT line.id, line.currency_id, line.price_subtotal, line.balance, move.id AS invoice_id,
                       move.invoice_date
                  FROM account_move_line line
                  JOIN account_move move ON move.id = line.move_id AND %(is_invoice)s
                 WHERE line.display_type = 'product' AND %(is_income)s
                   AND line.id IN (SELECT invoice_line_id FROM sale_order_line_invoice_rel WHERE order_line_id IN (
                                   SELECT id FROM sale_order_line WHERE order_id IN (SELECT order_id FROM of_order)))
            ), income AS (
                SELECT line.move_id, SUM(%(price)s) AS amount
                  FROM account_move_line line
                 WHERE line.move_id IN (SELECT invoice_id FROM invoice_line)
                   AND line.display_type = 'product' AND %(is_income)s
              GROUP BY 1
            ), left_over AS (
                SELECT placed.id AS order_id, invoice_id, invoice_date,
                       line.currency_id = placed.currency_id AS is_same,
                       -SUM(line.balance * part) / NULLIF(SUM(%(charged)s * part), 0) AS price,
                       SUM(%(charged)s * part)
                       * (1 - LEAST(1, COALESCE(reversing.amount / NULLIF(income.amount, 0), 0))) AS amount
                  FROM invoice_line line
                  JOIN (%(links_of_invoices)s) link ON link.line_id = line.id
                  JOIN sale_order placed ON placed.id = link.order_id
                  JOIN income ON income.move_id = invoice_id
             LEFT JOIN reversing ON reversing.id = invoice_id
              GROUP BY 1, 2, 3, 4, reversing.amount, income.amount
            ), taken AS (
                SELECT invoice_id AS id, is_same, price,
                       LEAST(left_over.amount, GREATEST(0, of_order.amount - COALESCE(SUM(left_over.amount) OVER (
                           PARTITION BY order_id
                           ORDER BY invoice_date <= credited_on DESC, invoice_date DESC, invoice_id DESC
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) AS amount
                  FROM left_over JOIN of_order USING (order_id)
            )
            SELECT id, SUM(by_document) AS by_document, SUM(by_money) AS by_money
              FROM (SELECT id, amount AS by_document, 0 AS by_money FROM reversing
                 UNION ALL SELECT id, amount, 0 FROM taken WHERE is_same
                 UNION ALL SELECT id, 0, amount * price FROM taken WHERE NOT is_same) of_invoice
          GROUP BY 1
            """,
            is_credit=billing.is_credit(scope),
            is_invoice=billing.is_invoice(scope),
            is_income=billing.is_income(self.advances),
            is_charged=billing.is_charged(self.advances),  # an allowance may be an expense
            of_credits=of_credits,
            price=billing.get_price(-1),
            credited=in_currency_of_order(1),
            charged=in_currency_of_order(-1),
            links_of_credits=billing.get_links(SQL("SELECT id FROM credited WHERE invoice_id IS NULL")),
            links_of_invoices=billing.get_links(SQL("SELECT id FROM invoice_line")),
        )
        found = reading.fetch(query, {"id": ID, "by_document": FLOAT, "by_money": FLOAT})
        return found["id"], found["by_document"], found["by_money"]


class DirectInvoices(Invoices):
    """Those that come from no order."""

    only_direct = True

    def _is_looked_at(self):
        return SQL(
            """NOT EXISTS (SELECT FROM account_move_line line
                             JOIN sale_order_line_invoice_rel rel ON rel.invoice_line_id = line.id
                            WHERE line.move_id = move.id)"""
        )


class OrdersAndInvoices(PurchaseSource):
    """Orders, and the invoices that come from none. The ids of invoices are negative."""

    counts_when = Orders.counts_when

    def __init__(self, orders, invoices):
        self.orders, self.invoices, self.advances = orders, invoices, invoices.advances
        self.papers = (*orders.papers, *invoices.papers)

    def get_dealing_query(self, company_id):
        return self.invoices.get_dealing_query(company_id)

    def get_days_query(self, customer, company, timezone):
        arguments = customer, company, timezone
        return SQL("%s UNION ALL %s", *(source.get_days_query(*arguments) for source in (self.orders, self.invoices)))

    def read_dealing(self, reading):
        return self.invoices.read_dealing(reading)

    def read_purchases(self, reading):
        ordered, direct = self.orders.read_purchases(reading), self.invoices.read_purchases(reading)
        direct = direct._replace(taken=direct.taken + len(ordered.buyer))
        return engine.purchases.Purchases(*map(reading.join, ordered, direct))

    def get_ids(self, reading):
        return reading.join(self.orders.get_ids(reading), -self.invoices.get_ids(reading))

    def locate(self, ids):
        found = {id_: source.locate(abs(ids)) for id_, source in ((1, self.orders), (-1, self.invoices))}
        return [found[1 if id_ > 0 else -1][place] for place, id_ in enumerate(ids.tolist())]

    def read_rebates(self, reading):
        return self.invoices.read_rebates(reading)

    def read_teams(self, reading, ids):
        teams = abs(ids)
        for chosen, source in ((ids > 0, self.orders), (ids < 0, self.invoices)):
            teams[chosen] = source.read_teams(reading, abs(ids[chosen]))
        return teams

    def get_line_columns(self):
        return self.orders.get_line_columns()

    def read_lines(self, reading, ids):
        return self._read_both(reading, ids, "read_lines")

    def read_goods(self, reading, ids):
        return self._read_both(reading, ids, "read_goods")

    def read_costs(self, reading, ids):
        return self._read_both(reading, ids, "read_costs")

    def _read_both(self, reading, ids, method):
        pieces = []
        for chosen, source in ((ids > 0, self.orders), (ids < 0, self.invoices)):
            document, *columns = getattr(source, method)(reading, abs(ids[chosen]))
            pieces.append((chosen.nonzero()[0][document], *columns))
        return tuple(map(reading.join, *pieces))

    def get_affected(self, records):
        return self.invoices.get_affected(records)
