from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.test_cdnow import CdnowCommon

from .common import TicketsCommon


@tagged("post_install", "-at_install")
class TestCdnowAsTickets(TicketsCommon, CdnowCommon):
    def test_the_same_past_as_tickets_gives_the_same_scorecards(self):
        self.policy.revenue_from = "order"
        self.compute(self.as_of)
        by_orders = self._scorecards()
        self.env.cr.execute("DELETE FROM sale_order WHERE company_id = %s", [self.company.id])
        self.env.cr.execute(
            """
            WITH ticket AS (
                INSERT INTO pos_order (name, company_id, session_id, partner_id, state, date_order, currency_rate,
                                       amount_total, amount_tax, amount_paid, amount_return)
                SELECT 'CDNOW/' || number, %(company)s, %(session)s, partner, 'done', day, 1, amount, 0, amount, 0
                  FROM unnest(%(partners)s::int[], %(days)s::timestamp[], %(amounts)s::numeric[])
                       WITH ORDINALITY purchase (partner, day, amount, number)
                RETURNING *)
            INSERT INTO pos_order_line (name, order_id, company_id, product_id, qty, price_unit, price_subtotal,
                                        price_subtotal_incl)
            SELECT name, id, company_id, %(product)s, 1, amount_total, amount_total, amount_total FROM ticket
            """,
            {
                "company": self.company.id,
                "session": self.till.current_session_id.id,
                "product": self.product.id,
                "partners": [self.partner_of[customer] for customer in self.purchases["customer"]],
                "days": [day.to_pydatetime() for day in self.purchases["date"]],
                "amounts": self.purchases["amount"].tolist(),
            },
        )
        self.env.invalidate_all()
        for source in ("pos", "order_pos"):
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.compute(self.as_of)
                self.assertTrue(self._scorecards().equals(by_orders))
