import os
from datetime import timedelta

import pandas as pd

from odoo.tests import tagged
from odoo.tools import SQL

from .common import TieringCommon


class CdnowCommon(TieringCommon):
    """2,357 real customers with 6,919 purchases."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = os.environ.get("CUSTOMER_TIERING_CDNOW")
        if not path:
            raise AssertionError(
                "CUSTOMER_TIERING_CDNOW must name the file CDNOW_sample.txt; bin/test sets it, "
                "bin/python demo/cdnow.py prints it."
            )
        cls.purchases = pd.read_csv(
            path,
            sep=r"\s+",
            names=["id", "customer", "date", "units", "amount"],
            parse_dates=["date"],
            date_format="%Y%m%d",
        )
        cls.as_of = cls.purchases["date"].max().date()
        ids = sorted(cls.purchases["customer"].unique())
        partners = cls.env["res.partner"].create([{"name": f"Customer {number}"} for number in ids])
        cls.partner_of = dict(zip(ids, partners.ids, strict=True))
        cls.env.flush_all()
        # Beside other apps orders must have more.
        more = {"picking_policy": "direct"} if "picking_policy" in cls.env["sale.order"]._fields else {}
        orders = [
            {
                "name": f"CDNOW {number}",
                "company_id": cls.company.id,
                **dict.fromkeys(
                    ("partner_id", "partner_invoice_id", "partner_shipping_id"), cls.partner_of[row.customer]
                ),
                "currency_id": cls.company.currency_id.id,
                "currency_rate": 1,
                "state": "sale",
                "date_order": row.date.to_pydatetime(),
                "amount_untaxed": row.amount,
                **more,
            }
            for number, row in enumerate(cls.purchases.itertuples())
        ]
        columns = SQL(", ").join(map(SQL.identifier, orders[0]))
        rows = SQL(", ").join(SQL("%s", tuple(order.values())) for order in orders)
        cls.env.cr.execute(SQL("INSERT INTO sale_order (%s) VALUES %s", columns, rows))
        cls.env.invalidate_all()

    def _scorecards(self):
        names = ["partner_id", "last_order_date", "order_count", "amount", "score", "tier_id"]
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        frame = pd.DataFrame(cards.read(names, load=None)).set_index("partner_id").sort_index()
        last = pd.to_datetime(frame["last_order_date"].where(frame["last_order_date"] != False))  # noqa: E712
        return frame.assign(recency_days=(pd.Timestamp(self.as_of) - last).dt.days)


@tagged("post_install", "-at_install")
class TestCdnow(CdnowCommon):
    """The customers' scores, judged by plain pandas."""

    def _expected(self):
        """R, F and M of every customer by plain pandas: one group-by over the file."""
        orders = self.purchases.assign(partner=self.purchases["customer"].map(self.partner_of))
        purchases = orders[orders["amount"] > 0]
        recent = purchases[purchases["date"] > pd.Timestamp(self.as_of - timedelta(days=365))]
        frame = pd.DataFrame(index=sorted(self.partner_of.values()))
        last = purchases.groupby("partner")["date"].max()
        frame["recency_days"] = (pd.Timestamp(self.as_of) - last).dt.days
        frame["order_count"] = recent.groupby("partner").size()
        frame["amount"] = recent.groupby("partner")["amount"].sum().round(2)
        frame[["order_count", "amount"]] = frame[["order_count", "amount"]].fillna(0)
        return frame

    def test_recency_frequency_and_monetary_of_every_customer(self):
        run = self.compute(self.as_of)
        self.assertEqual(run.customer_count, 2357)
        cards, expected = self._scorecards(), self._expected()
        self.assertEqual(list(cards.index), list(expected.index))
        never = expected["recency_days"].isna()  # bought for 0 dollars only
        self.assertEqual(list(cards.index[cards["recency_days"].isna()]), list(expected.index[never]))
        for column in ("recency_days", "order_count", "amount"):
            self.assertEqual(list(cards[column].fillna(-1)), list(expected[column].fillna(-1)), column)

    def test_scores_are_mid_rank_percentiles_and_equal_customers_score_equal(self):
        self.compute(self.as_of)
        cards, expected = self._scorecards(), self._expected().dropna()
        active = expected[expected["order_count"] > 0]
        points = pd.DataFrame(
            {
                "recency": ((-active["recency_days"]).rank() - 0.5) / len(active),
                "frequency": (active["order_count"].rank() - 0.5) / len(active),
                "monetary": (active["amount"].rank() - 0.5) / len(active),
            }
        )
        points = points.reindex(expected.index)
        # Who bought only before the window is as recent as the least recent within it.
        points["recency"] = points["recency"].fillna(points["recency"].min())
        points = points.fillna(0) * 100
        scores = cards.loc[expected.index, "score"]
        self.assertLess((scores - points.mean(axis=1)).abs().max(), 0.0051)  # rounded to two decimals
        kinds = scores.groupby([expected[column] for column in expected]).nunique()
        self.assertLess(len(kinds), len(scores))
        self.assertEqual(kinds.max(), 1)

    def test_two_runs_give_the_same_and_the_second_writes_nothing(self):
        self.compute(self.as_of)
        before = self._scorecards()
        run = self.compute(self.as_of)
        self.assertEqual(run.written_count, 0)
        self.assertTrue(self._scorecards().equals(before))

    def test_the_same_past_as_invoices_gives_the_same_scorecards(self):
        self.accounting()
        self.compute(self.as_of)
        by_orders = self._scorecards()
        self.env.cr.execute("DELETE FROM sale_order WHERE company_id = %s", [self.company.id])
        self.env.cr.execute(
            """
            WITH move AS (
                INSERT INTO account_move (name, company_id, journal_id, move_type, state, auto_post, partner_id,
                                          commercial_partner_id, date, invoice_date, currency_id, amount_untaxed,
                                          amount_untaxed_signed)
                SELECT 'CDNOW/' || number, %(company)s, journal.id, 'out_invoice', 'posted', 'no', partner,
                       partner, day, day, %(currency)s, amount, amount
                  FROM unnest(%(partners)s::int[], %(days)s::date[], %(amounts)s::numeric[])
                       WITH ORDINALITY purchase (partner, day, amount, number)
                  JOIN account_journal journal ON journal.company_id = %(company)s AND type = 'sale'
                RETURNING *)
            INSERT INTO account_move_line (move_id, company_id, journal_id, account_id, currency_id, date, parent_state,
                                           display_type, quantity, price_unit, price_subtotal, balance)
            SELECT id, company_id, journal_id, %(income)s, currency_id, date, 'posted',
                   'product', 1, amount_untaxed, amount_untaxed, -amount_untaxed
              FROM move
            """,
            {
                "company": self.company.id,
                "currency": self.company.currency_id.id,
                "income": self.env["account.account"]
                .search([("account_type", "=", "income"), ("company_ids", "in", self.company.ids)], limit=1)
                .id,
                "partners": [self.partner_of[customer] for customer in self.purchases["customer"]],
                "days": [day.date() for day in self.purchases["date"]],
                "amounts": self.purchases["amount"].tolist(),
            },
        )
        self.env.invalidate_all()
        for source in ("invoice", "order_invoice"):
            with self.subTest(source=source):
                self.policy.revenue_from = source
                self.compute(self.as_of)
                self.assertTrue(self._scorecards().equals(by_orders))
