from odoo import api, fields, models
from odoo.fields import Datetime
from odoo.tools import SQL

from odoo.addons.customer_tiering.models import customer_tiering_concession as concession

from ..sources.tickets import PAID, is_settled


class CustomerTieringConcession(models.Model):
    """Tickets of the point of sale, too: prices, and what came back in the till."""

    _inherit = "customer.tiering.concession"
    _tiering_papers = {**concession.CustomerTieringConcession._tiering_papers, "pos_order_id": "pos.order"}

    pos_order_id = fields.Many2one(
        "pos.order", string="Ticket", readonly=True, ondelete="cascade", index="btree_not_null"
    )

    @api.depends("order_id", "move_id", "pos_order_id")
    def _compute_display_name(self):
        return super()._compute_display_name()

    def _get_paper(self):
        return self.pos_order_id or super()._get_paper()

    @api.model
    def _get_waiting(self, company, days=None):
        found = super()._get_waiting(company, days)
        since = company.tiering_ledger_since
        if days is not None:
            since = max(since, Datetime.subtract(Datetime.now(), days=days))
        tickets = SQL(
            """
            SELECT ticket.id
              FROM pos_order ticket
             WHERE ticket.company_id = %(company)s AND ticket.date_order >= %(since)s AND ticket.state IN %(paid)s
               AND ticket.partner_id IS NOT NULL AND ticket.amount_total > 0
               AND ticket.pricelist_id = ANY(%(pricelists)s)
               AND NOT EXISTS (SELECT FROM customer_tiering_concession known WHERE known.pos_order_id = ticket.id)
          ORDER BY ticket.id
            """,
            company=company.id,
            since=since,
            paid=PAID,
            pricelists=self._get_tiers(company).pricelist_id.ids,
        )
        if "account.move" in found and self._knows_settled():
            # The invoice of an order that was settled in the till has the terms that the order gave.
            found["account.move"] = self._get_ids(
                SQL(
                    """
                    SELECT id FROM UNNEST(%s::int[]) AS id
                     WHERE id NOT IN (SELECT ticket.account_move
                                        FROM pos_order ticket JOIN pos_order_line line ON line.order_id = ticket.id
                                       WHERE ticket.account_move IS NOT NULL AND %s)
                  ORDER BY id
                    """,
                    found["account.move"],
                    is_settled(),
                )
            )
        return {**found, "pos.order": self._get_ids(tickets)}

    @api.model
    def _knows_settled(self):
        """Whether orders can be settled in the till, with pos_sale."""
        return "sale_order_origin_id" in self.env["pos.order.line"]._fields

    @api.model
    def _get_paper_values(self, paper, found):
        if paper._name != "pos.order":
            return super()._get_paper_values(paper, found)
        untaxed = paper.amount_total - paper.amount_tax
        if self._knows_settled():  # the order is a paper of its own
            untaxed -= sum(paper.lines.filtered("sale_order_origin_id").mapped("price_subtotal"))
        amount = found["company"].currency_id.round(untaxed / found["rate"])
        return {"pos_order_id": paper.id, "amount": amount, "whole_amount": amount}

    @api.model
    def _get_gifts(self, paper, found, before):
        if paper._name != "pos.order":
            return super()._get_gifts(paper, found, before)
        tier, reason, usual_list = self._choose_tier(paper, found)
        config = paper.config_id
        if usual_list not in config.available_pricelist_ids:
            usual_list = config.pricelist_id  # the till knows no other
        lines = paper.lines.filtered(self._is_sold_by_list)
        if self._knows_settled():
            lines = lines.filtered(lambda line: not line.sale_order_origin_id)
        now, usual = (
            pricelist._get_tiering_prices(
                [(line.product_id, line.qty, line.product_id.uom_id) for line in lines],
                paper.currency_id,
                paper.date_order,
            )
            for pricelist in (paper.pricelist_id, usual_list)
        )
        return [
            self._get_row(
                tier,
                "price",
                reason,
                _get_subtotal(line, _adapt(line, price)) - _get_subtotal(line, line.price_unit),
                line=line.id,
                product_id=line.product_id.id,
                quantity=line.qty,
                price=line.price_unit,
                usual_price=_adapt(line, price),
            )
            for line, listed, price in zip(lines, now, usual, strict=True)
            if paper.currency_id.compare_amounts(_adapt(line, listed), line.price_unit) == 0
        ]

    @api.model
    def _is_sold_by_list(self, line):
        """Whether a pricelist priced the line of a ticket, and nobody in the till. What the till gave for nothing would
        have been free without the tier."""
        return (
            line.qty > 0
            and line.discount < 100
            and line.price_type != "manual"
            and not line.refunded_orderline_id
            and not line.combo_parent_id
            and not line.combo_line_ids
        )

    @api.model
    def _read_back(self, company):
        papers, lines = super()._read_back(company)
        settles = self._knows_settled()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT sold.order_id, sold.id, -SUM(back.qty) / sold.qty, -SUM(back.price_subtotal),
                       -- a gift card pays with a line below 0: what is left to pay may be nothing, or less
                       (SELECT SUM(price_subtotal) FROM pos_order_line goods
                         WHERE goods.order_id = sold.order_id AND goods.qty > 0 AND goods.price_subtotal > 0
                           AND %(is_its_own)s) AS goods
                  FROM pos_order_line sold
                  JOIN pos_order_line back ON back.refunded_orderline_id = sold.id
                  JOIN pos_order refund ON refund.id = back.order_id AND refund.state IN %(paid)s
                 WHERE sold.qty > 0 AND %(is_sold_alone)s
                   AND sold.order_id IN (SELECT pos_order_id FROM customer_tiering_concession
                                          WHERE company_id = %(company)s AND pos_order_id IS NOT NULL)
              GROUP BY sold.id
                """,
                is_its_own=SQL("goods.sale_order_origin_id IS NULL") if settles else SQL("TRUE"),
                is_sold_alone=SQL("sold.sale_order_origin_id IS NULL") if settles else SQL("TRUE"),
                company=company.id,
                paid=PAID,
            )
        )
        for ticket_id, line_id, share, money, goods in rows:
            key = f"pos.order,{ticket_id}"
            lines[key, line_id] = min(float(share), 1.0)
            if goods:
                papers[key] = min(max(papers.get(key, 0.0) + float(money / goods), 0.0), 1.0)
        return self._read_back_of_settled(company, papers, lines) if settles else (papers, lines)

    @api.model
    def _read_back_of_settled(self, company, papers, lines):
        """Add what came back in the till of orders that were settled there. Arguments and result as `_read_back` has
        them."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT placed.id, ordered.id, -SUM(back.qty) / ordered.product_uom_qty,
                       -SUM(back.qty) / ordered.product_uom_qty * ordered.price_subtotal / placed.amount_untaxed
                  FROM sale_order placed
                  JOIN sale_order_line ordered ON ordered.order_id = placed.id AND ordered.product_uom_qty > 0
                  JOIN pos_order_line sold ON sold.sale_order_line_id = ordered.id
                  JOIN pos_order_line back ON back.refunded_orderline_id = sold.id
                  JOIN pos_order refund ON refund.id = back.order_id AND refund.state IN %(paid)s
                 WHERE placed.amount_untaxed > 0
                   AND placed.id IN (SELECT order_id FROM customer_tiering_concession
                                      WHERE company_id = %(company)s AND order_id IS NOT NULL)
              GROUP BY placed.id, ordered.id
                """,
                company=company.id,
                paid=PAID,
            )
        )
        known = {key for key, _line_id in lines}
        by_paper = papers.keys() - known  # of these nobody knows by which lines
        for order_id, line_id, share, of_order in rows:
            key = f"sale.order,{order_id}"
            papers[key] = min(papers.get(key, 0.0) + float(of_order), 1.0)
            if key not in by_paper:
                lines[key, line_id] = min(lines.get((key, line_id), 0.0) + float(share), 1.0)
        return papers, lines


def _adapt(line, price):
    """Return a price of a pricelist as the till puts it on a line."""
    price = line.product_id._get_tax_included_unit_price_from_price(
        price,
        product_taxes=line.product_id.taxes_id._filter_taxes_by_company(line.company_id),
        fiscal_position=line.order_id.fiscal_position_id,
    )
    return price + line.price_extra


def _get_subtotal(line, price):
    """Return the untaxed amount of a line with another price and without discount, in the currency of the ticket."""
    base_line = {**line._prepare_base_line_for_taxes_computation(), "price_unit": price, "discount": 0.0}
    return concession.get_untaxed(line, base_line)
