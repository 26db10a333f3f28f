from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from .common import MailingCommon

# Thirty days after AS_OF; customers bought on it.
SENT_ON = AS_OF + timedelta(days=30)


@tagged("post_install", "-at_install")
class TestResults(MailingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mailing = cls.to_tier(cls.platinum, tiering_recipients="all")
        cls.mailing.state = "done"
        cls.report = cls.env["customer.tiering.mailing.report"].with_user(cls.marketer)

    @classmethod
    def trace(cls, who, status="sent", mailing=None, moment=None, **values):
        moment = moment or cls.noon(SENT_ON)
        return cls.env["mailing.trace"].create(
            {
                "model": "res.partner",
                "res_id": who.id,
                "email": who.email,
                "mass_mailing_id": (mailing or cls.mailing).id,
                "trace_status": status,
                "sent_datetime": moment if status not in ("cancel", "error", "outgoing") else False,
                "reply_datetime": moment if status == "reply" else False,
                **values,
            }
        )

    def _rows(self, mailing=None):
        """``{tier: (customers, delivered, clicked, replied, bought)}``"""
        self.env.invalidate_all()
        rows = self.report.search([("mailing_id", "=", (mailing or self.mailing).id)])
        return {
            row.tier_id.name: (
                row.customer_count,
                row.delivered_count,
                row.clicked_count,
                row.replied_count,
                row.buyer_count,
            )
            for row in rows
        }

    def test_customers_count_and_not_their_contacts(self):
        self.trace(self.here)
        self.trace(self.here.child_ids[0], links_click_datetime=self.noon(SENT_ON))
        self.trace(self.here.child_ids[1], "reply")
        self.trace(self.both, "bounce")
        self.trace(self.there, "open")
        self.trace(self.neither, "cancel")  # never sent
        self.trace(self.neither, is_test_trace=True)
        self.assertEqual(self._rows(), {"Platinum": (2, 1, 1, 1, 0), "Bronze": (1, 1, 0, 0, 0)})
        self.assertEqual(
            {row.tier_id.name: row.customer_count for row in self.mailing.tiering_result_ids},
            {"Platinum": 2, "Bronze": 1},
        )

    def test_the_highest_tier_comes_first(self):
        self.trace(self.there)
        self.trace(self.here)
        for results in (self.mailing.tiering_result_ids, self.report.search([("mailing_id", "=", self.mailing.id)])):
            self.assertEqual(results.mapped("tier_id.name"), ["Platinum", "Bronze"])

    def test_who_bought_from_the_day_of_the_mailing_to_the_thirtieth_after_it(self):
        for who in (self.here, self.both, self.there, self.neither):
            self.trace(who)
        last = SENT_ON + timedelta(days=30)
        self.order(self.here.child_ids[0], when=self.noon(SENT_ON))
        self.order(self.both, when=self.noon(last, -1))  # the day after the last
        self.order(self.there, when=self.noon(last))
        self.order(self.neither, when=self.noon(SENT_ON, 1))
        self.order(self.neither, when=self.noon(SENT_ON), company_id=self.other.id)
        self.order(self.neither, when=self.noon(SENT_ON), state="draft")
        self.assertEqual(self._rows(), {"Platinum": (2, 2, 0, 0, 1), "Bronze": (2, 2, 0, 0, 1)})

    def test_who_got_nothing_has_not_bought_after_it(self):
        self.trace(self.here, "bounce")
        self.order(self.here, when=self.noon(SENT_ON))
        self.assertEqual(self._rows(), {"Platinum": (1, 0, 0, 0, 0)})

    def test_the_day_is_that_of_the_company(self):
        self.company.partner_id.tz = "Asia/Tokyo"
        # 23:30 UTC is the next morning in Tokyo, and an order at 23:00 is as well.
        evening = self.noon(SENT_ON) + timedelta(hours=11)
        self.trace(self.here, moment=evening + timedelta(minutes=30))
        self.order(self.here, when=evening)
        self.trace(self.both, moment=evening + timedelta(minutes=30))
        self.order(self.both, when=evening - timedelta(hours=9))
        self.assertEqual(self._rows(), {"Platinum": (2, 2, 0, 0, 1)})

    def test_the_tier_is_that_of_the_day(self):
        self.trace(self.here)
        self.trace(self.neither)
        self.compute_after(400)  # nobody has bought in the window any more
        self.assertNotEqual(self.card(self.here).tier_id, self.platinum)
        self.assertEqual(self._rows(), {"Platinum": (1, 1, 0, 0, 0), "Bronze": (1, 1, 0, 0, 0)})

    def test_tiers_are_those_of_the_companies_in_use(self):
        other = self.to_tier(self.other_platinum)
        self.trace(self.there, mailing=other)
        self.assertEqual(self._rows(other), {})
        self.report = self.report.with_context(allowed_company_ids=self.other.ids)
        self.assertEqual(self._rows(other), {"Platinum": (1, 1, 0, 0, 0)})

    def test_purchases_are_what_the_policy_takes_for_one(self):
        self.accounting()
        self.policy.revenue_from = "invoice"
        self.trace(self.here)
        self.order(self.here, when=self.noon(SENT_ON))
        self.assertEqual(self._rows()["Platinum"][-1], 0)

    def test_who_sees_what(self):
        self.trace(self.here)
        with self.assertRaises(AccessError):
            self.report.with_user(self.salesperson).search([]).mapped("customer_count")
        rows = self.report.with_user(self.mailer).search([("mailing_id", "=", self.mailing.id)])
        self.assertEqual(rows.customer_count, 1)
        for fname in ("tier_id", "buyer_count"):
            with self.assertRaises(AccessError):
                rows.mapped(fname)
        with self.assertRaises(AccessError):
            self.mailing.with_user(self.mailer).mapped("tiering_result_ids")

    def test_what_is_hidden_of_customers_is_not_counted(self):
        own = self.new_user(
            "tiering_own",
            "mass_mailing.group_mass_mailing_user,sales_team.group_sale_salesman",
            email="own@example.com",
        )
        for who, user in ((self.here, self.salesperson), (self.both, own)):
            who.user_id = user
            self.env["sale.order"].search([("partner_id", "=", who.id)]).user_id = user
        self.trace(self.here)
        self.trace(self.both)
        self.assertEqual(self._rows(), {"Platinum": (2, 2, 0, 0, 0)})
        self.report = self.report.with_user(own)
        self.assertEqual(self._rows(), {"Platinum": (1, 1, 0, 0, 0)})

    def test_the_screens(self):
        for user in (self.marketer, self.mailer):
            self.env["mailing.mailing"].with_user(user).get_view(view_type="form")
        arch = self.env["mailing.mailing"].with_user(self.marketer).get_view(view_type="form")["arch"]
        self.assertIn("is no effect of the mailing", arch)
        arch = self.env["mailing.mailing"].with_user(self.mailer).get_view(view_type="form")["arch"]
        self.assertNotIn("tiering_result_ids", arch)
