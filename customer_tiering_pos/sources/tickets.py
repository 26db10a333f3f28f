"""Tickets of the point of sale: a purchase source, alone or beside the orders.

``line`` is the alias of ``pos_order_line``.
"""

from odoo.tools import SQL

from odoo.addons.customer_tiering import engine, sources
from odoo.addons.customer_tiering.sources import billing, customers, invoices
from odoo.addons.customer_tiering.sources.base import BOOLEAN, FLOAT, ID, MOMENT
from odoo.addons.customer_tiering.sources.orders import Orders, get_day, get_rate, get_rate_on, get_worth

#: The SELECTs of the ids of what stands for tips, and, with pos_sale, for down payments.
TIPS = SQL("SELECT tip_product_id FROM pos_config WHERE tip_product_id IS NOT NULL")
DOWN_PAYMENTS = SQL("SELECT down_payment_product_id FROM pos_config WHERE down_payment_product_id IS NOT NULL")

#: The condition that ``line`` is a tip.
IS_TIP = SQL("line.product_id IN (%s)", TIPS)

#: The states of a ticket that is paid; the session is open, or closed.
PAID = ("paid", "done")


def is_paid(scope, ticket):
    """The condition that a ticket is paid, of the company, and not long after the last day.

    :param ticket: the alias of ``pos_order``
    """
    return SQL(
        "%s = %s AND %s IN %s AND %s < %s",
        SQL.identifier(ticket, "company_id"),
        scope.company_id,
        SQL.identifier(ticket, "state"),
        PAID,
        SQL.identifier(ticket, "date_order"),
        scope.until,
    )


def is_counted(scope, ticket):
    """The condition that a ticket is paid, of the company, and of the last day or before.

    :param ticket: the alias of ``pos_order``
    """
    return SQL("%s AND %s <= %s", is_paid(scope, ticket), get_day(scope.timezone, ticket), scope.as_of)


def get_money(ticket):
    """The untaxed amount in the company's currency.

    :param ticket: the alias of ``pos_order``
    """
    amount = SQL("(%s - %s)", SQL.identifier(ticket, "amount_total"), SQL.identifier(ticket, "amount_tax"))
    return billing.convert(amount, SQL.identifier(ticket, "currency_rate"))


def get_value(line):
    """The untaxed money of a line in the currency of its ticket: below 0 for what is given back, and for discounts.

    What the till and the back office write into the subtotal of a line of a refund has different signs.
    """
    return SQL(
        "SIGN(%s) * SIGN(%s) * ABS(%s)",
        SQL.identifier(line, "qty"),
        SQL.identifier(line, "price_unit"),
        SQL.identifier(line, "price_subtotal"),
    )


def is_settled():
    """The condition that the line, as pos_sale has it, is about a sale order, in whose amount its money is."""
    return SQL("(line.sale_order_line_id IS NOT NULL OR line.sale_order_origin_id IS NOT NULL)")


def get_taken_back(scope):
    """The FROM of lines that give goods ``back`` by the counted ticket ``refund``, with the ``line`` by which they were
    sold; who gives a refund back undoes it, by a line that is worth as much with the other sign."""
    # Two conditions more than are needed: so PostgreSQL knows how few they are, and looks up their tickets instead of
    # reading all.
    return SQL(
        """pos_order_line back
           JOIN pos_order refund ON refund.id = back.order_id AND %(is_counted)s
                AND back.company_id = %(company)s AND back.refunded_orderline_id IS NOT NULL
           JOIN pos_order_line taken ON taken.id = back.refunded_orderline_id
           JOIN pos_order_line line ON line.id = COALESCE(taken.refunded_orderline_id, taken.id)""",
        is_counted=is_counted(scope, "refund"),
        company=scope.company_id,
    )


def is_down_payment():
    """The condition that the line, as pos_sale has it, is the part of a business that is paid before, or was."""
    return SQL("line.product_id IN (%s)", DOWN_PAYMENTS)


def is_given(in_orders):
    """The condition that the line, as pos_loyalty has it, is given for nothing.

    :param in_orders: whether lines of orders have rewards, of which the line that settles one knows nothing
    """
    rewards = SQL("SELECT id FROM loyalty_reward WHERE reward_type != 'discount'")
    given = SQL("line.reward_id IN (%s)", rewards)
    if not in_orders:
        return given
    # Looked up for the few that are settled: no index finds the lines with rewards among those of all orders.
    return SQL(
        """(%s OR line.sale_order_line_id IS NOT NULL
               AND (SELECT ordered.reward_id FROM sale_order_line ordered
                     WHERE ordered.id = line.sale_order_line_id) IN (%s))""",
        given,
        rewards,
    )


def is_prepaid():
    """The condition that the line, as pos_loyalty has it, sells a gift card or tops up a wallet, or pays with one, also
    where an order is settled that was paid with one, and whose line only knows the product. What brings less than it
    costs, such as cash back, tops up nothing."""
    return SQL(
        """(line.reward_id IN (
               SELECT reward.id FROM loyalty_reward reward
                 JOIN loyalty_program program ON program.id = reward.program_id
                WHERE program.program_type IN ('gift_card', 'ewallet'))
            OR line.product_id IN (
               SELECT reward.discount_line_product_id FROM loyalty_reward reward
                 JOIN loyalty_program program ON program.id = reward.program_id
                WHERE program.program_type IN ('gift_card', 'ewallet'))
            OR line.product_id IN (
               SELECT rel.product_product_id FROM loyalty_rule_product_product_rel rel
                 JOIN loyalty_rule rule ON rule.id = rel.loyalty_rule_id
                 JOIN loyalty_program program ON program.id = rule.program_id
                WHERE program.program_type IN ('gift_card', 'ewallet')
                  AND NOT (rule.reward_point_mode = 'money' AND rule.reward_point_amount < 1)))"""
    )


def _get_paid(records):
    return records.filtered(lambda ticket: ticket.state in PAID)


def _get_sold(tickets):
    """Return the lines that sold what tickets take back."""
    taken = tickets.lines.refunded_orderline_id
    return taken | taken.refunded_orderline_id


class Tickets(Orders):
    """Paid tickets of customers, on the day of the ticket, less what was given back of them.

    Goods that come back lower the ticket that they were sold by, in its currency, at its rate and for its customer,
    from the day on which they come back, whatever else is on the ticket of that day. Goods that come back without the
    ticket that they were sold by are a rebate.

    :param no_goods: conditions, any of which says of ``line`` that it is no goods, a list of SQL
    :param left_out: conditions on ``line``, SQL: lines whose money belongs to no ticket
    :param advances: see :attr:`.base.PurchaseSource.advances`, of orders beside and of credit notes
    :param with_teams: whether tickets have a sales team
    :param with_gifts: whether lines may give something for nothing, as pos_loyalty has it
    """

    #: A quotation becomes no ticket.
    counts_when = None
    papers = ()

    def __init__(self, no_goods=(), left_out=(), advances=None, with_teams=False, with_gifts=False):
        super().__init__(no_goods, advances)
        self.is_left_out = SQL("((%s) IS TRUE)", SQL(" OR ").join([*left_out, SQL("FALSE")]))
        self.with_teams, self.with_gifts = with_teams, with_gifts

    def get_dealing_query(self, company_id):
        return SQL(
            """
            %s UNION ALL
            SELECT partner_id, date_order FROM pos_order
             WHERE company_id = %s AND partner_id IS NOT NULL AND state IN %s
            """,
            super().get_dealing_query(company_id),
            company_id,
            PAID,
        )

    def get_days_query(self, customer, company, timezone):
        return SQL(
            """
            SELECT %(day)s AS day
              FROM res_partner buyer
              JOIN pos_order placed ON placed.partner_id = buyer.id AND placed.company_id = %(company)s
             WHERE %(of_contacts)s AND %(buyer)s = %(customer)s AND placed.state IN %(paid)s
               AND EXISTS (SELECT FROM pos_order_line line
                            WHERE line.order_id = placed.id AND %(is_charged)s AND %(value)s > 0)
            """,
            day=get_day(timezone, "placed"),
            of_contacts=customers.get_contacts(customer),
            buyer=customers.get_customer(SQL("buyer"), SQL("placed.date_order")),
            customer=customer,
            company=company,
            paid=PAID,
            is_charged=self._is_charged(),
            value=get_value("line"),
        )

    def read_dealing(self, reading):
        self.rows = self._read_tickets(reading)
        return reading.join(super().read_dealing(reading), self.rows["person"])

    def read_purchases(self, reading):
        rows = self.rows
        buyer, money = reading.places[rows["person"]], rows["money"]
        parts = self._read_parts(reading)
        places, found = reading.find_in(rows["id"], parts["id"])
        parts = {name: values[found] for name, values in parts.items()}
        by_lines = parts["is_mixed"]
        rate = rows["rate"][places]
        money[places[by_lines]] = (parts["charged"] / rate)[by_lines]
        rebates = money.clip(None, 0)
        rebates[places] += parts["loose"] / rate
        self.rebates = buyer, rows["day"], rebates
        # A share of the ticket: of what was given back entirely nothing is left, whatever was rounded.
        some = (parts["charged"] > 0) & (parts["returned"] > 0)
        places = places[some]
        returned = money[places] * (parts["returned"][some] / parts["charged"][some]).clip(0, 1)
        self.chosen = (buyer >= 0) & (money > 0)
        money[places] -= returned
        taken = reading.renumber(self.chosen, (places, returned), (reading.join(), reading.join()))
        chosen = (values[self.chosen] for values in (buyer, rows["day"], money))
        return engine.purchases.Purchases(*chosen, *taken)

    def get_ids(self, reading):
        return self.rows["id"][self.chosen]

    def read_rebates(self, reading):
        customer, amount = super().read_rebates(reading)
        if reading.scope.rebates is None:
            return customer, amount
        buyer, day, loose = self.rebates
        chosen = (buyer >= 0) & (loose < 0) & reading.is_in_window(day)
        return reading.join(customer, buyer[chosen]), reading.join(amount, loose[chosen])

    def read_teams(self, reading, ids):
        if not self.with_teams:
            return ids * 0
        query = SQL(
            "SELECT id, crm_team_id AS team FROM pos_order WHERE %s",
            reading.of_documents(SQL.identifier("id"), ids),
        )
        found = reading.fetch(query, {"id": ID, "team": ID}, "pos_order")
        return reading.look_up(found["id"], found["team"], ids)

    def get_line_columns(self):
        return {}

    def _read_sold(self, reading, ids):
        listed = SQL(
            "(CASE WHEN line.discount < 100 THEN %s / (1 - line.discount / 100.0) ELSE line.price_unit * line.qty END)",
            get_value("line"),
        )
        query = SQL(
            """
            SELECT line.id, line.order_id AS document, line.product_id AS product,
                   line.qty AS quantity, NULL::int AS unit, %(money)s AS money, line.discount, %(listed)s AS listed
              FROM pos_order_line line
              JOIN pos_order ticket ON ticket.id = line.order_id
             WHERE %(of_documents)s AND line.qty > 0 AND line.refunded_orderline_id IS NULL AND NOT %(is_left_out)s
               AND ticket.company_id = %(company)s AND (%(is_no_goods)s) IS NOT TRUE
            """,
            money=billing.convert(get_value("line"), SQL("ticket.currency_rate")),
            listed=billing.convert(listed, SQL("ticket.currency_rate")),
            is_no_goods=SQL(" OR ").join([IS_TIP, *self.no_goods]),
            is_left_out=self.is_left_out,
            of_documents=reading.of_documents(SQL.identifier("line", "order_id"), ids),
            **reading.scope.parameters,
        )
        numbers = dict.fromkeys(("money", "quantity", "listed", "discount"), FLOAT)
        lines = sources.lines.fetch(reading, query, {"product": ID, "unit": ID} | numbers, "pos_order_line", ids)
        free = self._find_free(reading, lines, ids)
        for name in ("money", "quantity", "listed"):
            lines[name] *= 1 - free
        return sources.lines.choose(lines, free < 1)

    def _find_free(self, reading, lines, ids):
        """Return which share of each of ``lines`` a program gave for nothing, an array of float64, 0 to 1.

        In the till the goods are sold, and another line takes their price away: to take the share off both leaves the
        ticket as it was, and what was given free of charge as in an order.
        """
        if not self.with_gifts:
            return lines["money"] * 0
        query = SQL(
            """
            WITH gift AS (
                SELECT line.order_id, line.reward_id, -SUM(%(value)s) AS money
                  FROM pos_order_line line
                 WHERE %(of_documents)s AND line.qty > 0
                   AND line.reward_id IN (SELECT id FROM loyalty_reward WHERE reward_type = 'product')
              GROUP BY 1, 2
                HAVING SUM(%(value)s) < 0
            ), goods AS (
                SELECT line.id, line.order_id, gift.reward_id, gift.money,
                       SUM(%(value)s) OVER (PARTITION BY gift.order_id, gift.reward_id) AS whole
                  FROM gift
                  JOIN pos_order_line line ON line.order_id = gift.order_id AND line.qty > 0
                       AND line.reward_id IS NULL AND line.refunded_orderline_id IS NULL
                  JOIN loyalty_reward reward ON reward.id = gift.reward_id
                  JOIN product_product product ON product.id = line.product_id
                 WHERE product.id = reward.reward_product_id
                    OR EXISTS (SELECT FROM product_tag_product_template_rel tagged
                                WHERE tagged.product_tag_id = reward.reward_product_tag_id
                                  AND tagged.product_template_id = product.product_tmpl_id)
                    OR EXISTS (SELECT FROM product_tag_product_product_rel tagged
                                WHERE tagged.product_tag_id = reward.reward_product_tag_id
                                  AND tagged.product_product_id = product.id)
            )
            SELECT id AS line, money / NULLIF(whole, 0) AS share FROM goods
             UNION ALL
            SELECT line.id, MAX(whole / money)
              FROM goods
              JOIN pos_order_line line ON line.order_id = goods.order_id AND line.reward_id = goods.reward_id
          GROUP BY 1
            """,
            value=get_value("line"),
            of_documents=reading.of_documents(SQL.identifier("line", "order_id"), ids),
        )
        found = reading.fetch(query, {"line": ID, "share": FLOAT})
        return sources.returns.find_shares((found["line"], found["share"]), lines["id"]).clip(0, 1)

    def _read_charged(self, reading, ids):
        rate = SQL("ticket.currency_rate")
        query = SQL(
            """
            SELECT line.id, line.order_id AS document, %(money)s AS money, line.qty AS quantity,
                   %(cost)s AS cost, (%(is_no_goods)s) IS NOT TRUE AS is_goods
              FROM pos_order_line line
              JOIN pos_order ticket ON ticket.id = line.order_id
             WHERE %(of_documents)s AND %(is_charged)s AND ticket.company_id = %(company)s
            """,
            money=billing.convert(get_value("line"), rate),
            cost=billing.convert(SQL("COALESCE(line.total_cost, 0)"), rate),
            is_no_goods=SQL(" OR ").join([IS_TIP, *self.no_goods]),
            is_charged=self._is_charged(),
            of_documents=reading.of_documents(SQL.identifier("line", "order_id"), ids),
            **reading.scope.parameters,
        )
        kinds = {"money": FLOAT, "quantity": FLOAT, "cost": FLOAT, "is_goods": BOOLEAN}
        lines = sources.lines.fetch(reading, query, kinds, "pos_order_line", ids)
        free = self._find_free(reading, lines, ids)
        lines["money"] *= 1 - free  # it costs all the same
        lines["is_goods"] &= free < 1
        return lines

    def _read_back(self, reading, ids):
        query = SQL(
            "SELECT line.id AS line, -back.qty / NULLIF(line.qty, 0) AS share FROM %s WHERE %s",
            get_taken_back(reading.scope),
            reading.of_documents(SQL.identifier("line", "order_id"), ids),
        )
        found = reading.fetch(query, {"line": ID, "share": FLOAT})
        return found["line"], found["share"]

    def get_affected(self, records):
        if records._name != "pos.order":
            return super().get_affected(records)
        return {
            company: found.partner_id | _get_sold(found).order_id.partner_id
            for company, found in _get_paid(records).grouped("company_id").items()
        }

    # ------------------------------------------------------------------
    # What is read
    # ------------------------------------------------------------------

    def _read_tickets(self, reading):
        """Return the tickets of customers as a dict of arrays: ``id``, place of the ``person``, ``day``, the ``money``
        (company's currency) that changed hands, and the ``rate`` of the ticket's currency."""
        scope = reading.scope
        query = SQL(
            """
            SELECT id, partner_id, date_order AS moment, %(rate)s AS rate, %(money)s AS money
              FROM pos_order
             WHERE partner_id IS NOT NULL AND %(is_paid)s AND %(of_partners)s
            """,
            rate=get_rate("pos_order"),
            money=get_money("pos_order"),
            is_paid=is_paid(scope, "pos_order"),
            of_partners=scope.of_partners(SQL.identifier("partner_id")),
        )
        columns = {"id": ID, "partner_id": ID, "moment": MOMENT, "rate": FLOAT, "money": FLOAT}
        rows = reading.fetch(query, columns, "pos_order")
        rows["person"] = reading.people.find(rows.pop("partner_id"), rows["moment"])
        rows["day"] = reading.to_days(rows.pop("moment"))
        chosen = reading.is_past(rows["day"])
        return {name: values[chosen] for name, values in rows.items()}

    def _read_parts(self, reading):
        """Return what is to be known of tickets with lines that charge nothing or in whose total a rounding may be
        (``is_mixed``), and of those of which something came back, as arrays: what their other lines ``charged``, what
        was given for ``loose`` goods that came back without the ticket that they were sold by (0 or less), and what was
        ``returned`` of ``charged``, all in the currency of the ticket."""
        scope, ids = reading.scope, self.rows["id"]
        of_tickets = SQL("TRUE")
        if not scope.everybody:
            of_tickets = sources.rows.is_one_of(SQL.identifier("line", "order_id"), ids)
        query = SQL(
            """
            WITH mixed AS (
                SELECT DISTINCT line.order_id
                  FROM pos_order_line line
                 WHERE line.company_id = %(company)s AND %(of_tickets)s AND NOT %(is_charged)s
                 UNION
                SELECT line.order_id
                  FROM pos_order_line line
                  JOIN pos_order ticket ON ticket.id = line.order_id
                 WHERE line.company_id = %(company)s AND %(of_tickets)s
                   AND ticket.session_id IN (SELECT session.id FROM pos_session session
                                               JOIN pos_config config ON config.id = session.config_id
                                              WHERE config.cash_rounding AND config.company_id = %(company)s)
            ), returned AS (
                SELECT line.order_id,
                       SUM(CASE WHEN till.currency_id IS DISTINCT FROM other.currency_id
                                THEN -%(given)s / %(refund_rate)s * %(rate)s ELSE -%(given)s END) AS amount
                  FROM %(taken_back)s
                  JOIN pos_order ticket ON ticket.id = line.order_id
             LEFT JOIN account_journal till ON till.id = ticket.sale_journal
             LEFT JOIN account_journal other ON other.id = refund.sale_journal
                 WHERE %(of_tickets)s AND NOT %(is_left_out)s
              GROUP BY 1
            ), part AS (
                SELECT line.order_id,
                       SUM(%(value)s) FILTER (WHERE %(is_charged)s) AS charged,
                       SUM(%(value)s) FILTER (WHERE %(is_loose)s) AS loose
                  FROM pos_order_line line
                 WHERE line.order_id = ANY(ARRAY(SELECT order_id FROM mixed UNION SELECT order_id FROM returned))
              GROUP BY 1
            )
            SELECT part.order_id AS id, mixed.order_id IS NOT NULL AS is_mixed, COALESCE(part.charged, 0) AS charged,
                   COALESCE(part.loose, 0) AS loose, COALESCE(returned.amount, 0) AS returned
              FROM part
         LEFT JOIN mixed ON mixed.order_id = part.order_id
         LEFT JOIN returned ON returned.order_id = part.order_id
            """,
            is_charged=self._is_charged(),
            is_loose=SQL("line.qty < 0 AND line.refunded_orderline_id IS NULL AND NOT %s", self.is_left_out),
            is_left_out=self.is_left_out,
            taken_back=get_taken_back(scope),
            given=get_value("back"),
            value=get_value("line"),
            rate=get_rate("ticket"),
            refund_rate=get_rate("refund"),
            of_tickets=of_tickets,
            **scope.parameters,
        )
        columns = {"id": ID, "is_mixed": BOOLEAN, "charged": FLOAT, "loose": FLOAT, "returned": FLOAT}
        return reading.fetch(query, columns)

    def _is_charged(self):
        """The condition that the line sells something, or lowers the price of what its ticket sells."""
        return SQL("(line.qty >= 0 AND line.refunded_orderline_id IS NULL AND NOT %s)", self.is_left_out)


class SettledOrders(Orders):
    """Orders, less what came back in the till of those that were settled there."""

    def read_purchases(self, reading):
        bought = super().read_purchases(reading)
        ids, share = self._read_given_back(reading)
        places, found = reading.find_in(self.get_ids(reading), ids)
        returned = bought.money * 0
        returned[bought.taken] = bought.returned
        whole = bought.money[places] + returned[places]
        less = (whole * share[found]).clip(0, bought.money[places].clip(0))
        bought.money[places] -= less
        returned[places] += less
        some = returned.nonzero()[0]
        taken = reading.renumber(returned >= 0, (some, returned[some]), (bought.taken, bought.undone))
        return bought._replace(**dict(zip(("taken", "returned", "undone"), taken, strict=True)))

    def _read_back(self, reading, ids):
        # What came back may be less than the order's line, of which the till sold a part.
        query = SQL(
            """
            SELECT ordered.id AS line, -back.qty / NULLIF(ordered.product_uom_qty, 0) AS share
              FROM %(taken_back)s
              JOIN sale_order_line ordered ON ordered.id = line.sale_order_line_id
             WHERE %(of_documents)s AND (%(is_down_payment)s) IS NOT TRUE
            """,
            taken_back=get_taken_back(reading.scope),
            of_documents=reading.of_documents(SQL.identifier("ordered", "order_id"), ids),
            is_down_payment=is_down_payment(),
        )
        found = reading.fetch(query, {"line": ID, "share": FLOAT})
        return tuple(map(reading.join, super()._read_back(reading, ids), (found["line"], found["share"])))

    def _read_given_back(self, reading):
        """Return the ids of orders of which something came back in the till, and which share of their money."""
        scope = reading.scope
        query = SQL(
            """
            SELECT placed.id,
                   LEAST(1, SUM(-%(given)s / %(rate)s * %(rate_of_order)s / %(worth)s)) AS share
              FROM %(taken_back)s
              JOIN pos_order ticket ON ticket.id = line.order_id
              JOIN sale_order_line ON sale_order_line.id = line.sale_order_line_id
              JOIN sale_order placed ON placed.id = sale_order_line.order_id
             WHERE placed.company_id = %(company)s AND %(of_partners)s AND %(worth)s > 0
               AND (%(is_down_payment)s OR %(is_advance)s) IS NOT TRUE
          GROUP BY 1
            HAVING SUM(-%(given)s) > 0
            """,
            given=get_value("back"),
            rate=get_rate("ticket"),  # whatever it is when it comes back
            rate_of_order=get_rate_on(get_day(scope.timezone, "ticket"), "placed"),
            taken_back=get_taken_back(scope),
            worth=get_worth("placed", self.advances),
            is_down_payment=is_down_payment(),
            is_advance=billing.is_advance("line", self.advances),
            of_partners=scope.of_partners(SQL.identifier("placed", "partner_id")),
            **scope.parameters,
        )
        found = reading.fetch(query, {"id": ID, "share": FLOAT})
        return found["id"], found["share"]

    def get_affected(self, records):
        if records._name != "pos.order":
            return super().get_affected(records)
        # sudo: cashiers need not see orders
        back = {
            company: _get_sold(found).sudo().sale_order_line_id.order_id.partner_id.sudo(False)
            for company, found in _get_paid(records).grouped("company_id").items()
        }
        return {company: partners for company, partners in back.items() if partners}


class OrdersAndMore(invoices.OrdersAndInvoices):
    """Orders, and what else was sold: the tickets but for the orders that were settled with them, or the invoices. The
    ids of these are negative."""

    def get_affected(self, records):
        affected = super().get_affected(records)
        if records._name == "pos.order":
            for company, partners in self.orders.get_affected(records).items():
                affected[company] = affected.get(company, partners) | partners
        return affected


class DirectInvoices(invoices.DirectInvoices):
    """Those that come from no order, but for what is on them because an order was settled in the till: no line ties
    such an invoice to the order."""

    def _is_looked_at(self):
        """Nor is an invoice on which nothing else is."""
        return SQL(
            """%s AND NOT EXISTS (
                   SELECT FROM pos_order ticket JOIN pos_order_line line ON line.order_id = ticket.id
                    WHERE ticket.account_move = move.id
                   HAVING BOOL_AND(%s OR %s))""",
            super()._is_looked_at(),
            is_settled(),
            billing.is_advance("line", self.advances),
        )

    def _read_sold(self, reading, ids):
        return self._leave_out_settled(reading, super()._read_sold(reading, ids), ids)

    def _read_charged(self, reading, ids):
        return self._leave_out_settled(reading, super()._read_charged(reading, ids), ids)

    def _leave_out_settled(self, reading, lines, ids):
        """Return ``lines``, a dict of arrays, but for those of settled orders: the invoice of a ticket has the same
        lines, and of several that are the same it is no matter which."""
        query = SQL(
            """
            WITH settled AS (
                SELECT ticket.account_move AS move_id, line.product_id, line.qty, line.discount,
                       ROUND(line.price_unit, 2) AS price, COUNT(*) AS many
                  FROM pos_order ticket
                  JOIN pos_order_line line ON line.order_id = ticket.id
                 WHERE ticket.company_id = %(company)s AND %(of_documents)s AND %(is_settled)s
              GROUP BY 1, 2, 3, 4, 5
            )
            SELECT line, 1.0 AS share
              FROM (SELECT billed.id AS line, settled.many,
                           ROW_NUMBER() OVER (PARTITION BY settled.* ORDER BY billed.id) AS number
                      FROM settled
                      JOIN account_move_line billed ON billed.move_id = settled.move_id
                           AND billed.display_type = 'product' AND billed.product_id = settled.product_id
                           AND billed.quantity = settled.qty AND ROUND(billed.price_unit, 2) = settled.price
                           AND COALESCE(billed.discount, 0) = COALESCE(settled.discount, 0)) same
             WHERE number <= many
            """,
            of_documents=reading.of_documents(SQL.identifier("ticket", "account_move"), ids),
            is_settled=is_settled(),
            **reading.scope.parameters,
        )
        found = reading.fetch(query, {"line": ID, "share": FLOAT})
        shares = sources.returns.find_shares((found["line"], found["share"]), lines["id"])
        return sources.lines.choose(lines, shares == 0)

    def _read_no_income(self, reading, of_rows):
        found = super()._read_no_income(reading, of_rows)
        query = SQL(
            """
            SELECT line.move_id AS id, SUM(settled) AS charged, SUM(%(money)s) AS money
              FROM (SELECT ticket.account_move AS move_id, ticket.currency_rate,
                           CASE WHEN BOOL_AND(%(is_settled)s AND NOT %(is_advance)s)
                                THEN ticket.amount_total - ticket.amount_tax
                                ELSE COALESCE(SUM(%(value)s) FILTER (WHERE %(is_settled)s AND NOT %(is_advance)s), 0)
                                END AS settled
                      FROM pos_order ticket
                      JOIN pos_order_line line ON line.order_id = ticket.id
                     WHERE ticket.company_id = %(company)s AND ticket.account_move IS NOT NULL
                       AND ticket.id IN (SELECT line.order_id FROM pos_order_line line WHERE %(is_settled)s)
                  GROUP BY ticket.id) line
             WHERE %(of_rows)s
          GROUP BY 1
            """,
            money=billing.convert(SQL("settled"), SQL("line.currency_rate")),
            is_settled=is_settled(),
            is_advance=billing.is_advance("line", self.advances),  # which is none of the income
            value=get_value("line"),
            of_rows=of_rows,
            **reading.scope.parameters,
        )
        more = reading.fetch(query, {"id": ID, "charged": FLOAT, "money": FLOAT})
        places, known = reading.find_in(found["id"], more["id"])
        new = more["id"] == more["id"]
        new[known] = False
        for name in ("charged", "money"):
            found[name][places] += more[name][known]
        return {name: reading.join(found[name], more[name][new]) for name in found}
