from datetime import date, datetime, timedelta

from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestReader(TieringCommon):
    """What counts as a purchase, in which money, on which day, of whom."""

    def _read(self, policy=None, as_of=AS_OF):
        return self.env["customer.tiering.reader"]._read_customers((policy or self.policy)._get_scope(as_of))

    def _row(self, partner, **kwargs):
        return self._read(**kwargs).loc[partner.id]

    def test_only_confirmed_orders_count(self):
        customer = self.new_customer("Ann")
        self.order(customer, 10, 100)
        for state in ("draft", "sent", "cancel"):
            self.order(customer, 5, 1000, state=state)
        row = self._row(customer)
        self.assertEqual((row.order_count, row.amount), (1, 100))
        self.assertEqual(row.last_order_date.date(), AS_OF - timedelta(days=10))

    def test_window_is_open_at_its_start_and_closed_at_its_end(self):
        customer = self.new_customer("Ann")
        self.order(customer, 365, 1)  # the day the window starts at: outside
        self.order(customer, 364, 10)
        self.order(customer, 0, 100)
        self.order(customer, -1, 1000)  # tomorrow
        row = self._row(customer)
        self.assertEqual((row.order_count, row.amount), (2, 110))
        self.assertEqual(row.first_order_date.date(), AS_OF - timedelta(days=365))
        self.assertEqual(row.purchase_days, 3)

    def test_days_are_days_of_the_companys_time_zone(self):
        self.company.partner_id.tz = "Asia/Tokyo"  # UTC+9
        customer = self.new_customer("Ann")
        self.order(customer, when=datetime(2026, 6, 30, 14, 59), amount=1)  # 23:59 in Tokyo
        self.order(customer, when=datetime(2026, 6, 30, 15, 0), amount=10)  # midnight: 1 July in Tokyo
        row = self._row(customer)
        self.assertEqual((row.order_count, row.amount), (1, 1))
        self.assertEqual(self._row(customer, as_of=AS_OF + timedelta(days=1)).amount, 11)

    def test_the_day_before_a_midnight_that_comes_twice(self):
        self.company.partner_id.tz = "Atlantic/Azores"  # at 01:00 on 25 October it becomes 00:00 once more
        customer = self.new_customer("Ann")
        for amount, when in (
            (1, datetime(2026, 10, 24, 23, 59)),  # 23:59, in summer UTC is the local time
            (10, datetime(2026, 10, 25, 0, 0)),  # the first midnight
            (100, datetime(2026, 10, 25, 0, 30)),  # the first 00:30
            (1000, datetime(2026, 10, 25, 1, 30)),  # the second 00:30
            (10000, datetime(2026, 10, 26, 0, 59)),  # 23:59, in winter an hour less than UTC
            (100000, datetime(2026, 10, 26, 1, 0)),  # midnight
        ):
            self.order(customer, when=when, amount=amount)
        self.assertEqual(self._row(customer, as_of=date(2026, 10, 24)).amount, 1)
        self.assertEqual(self._row(customer, as_of=date(2026, 10, 25)).amount, 11111)
        self.assertEqual(self._row(customer, as_of=date(2026, 10, 26)).amount, 111111)
        self.assertEqual(self._row(customer, as_of=date(2026, 10, 25)).purchase_days, 2)

    def test_days_of_23_and_of_25_hours(self):
        self.company.partner_id.tz = "Europe/Brussels"
        for day, begins, ends in (
            (date(2026, 3, 29), datetime(2026, 3, 28, 23), datetime(2026, 3, 29, 22)),
            (date(2026, 10, 25), datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 23)),
        ):
            with self.subTest(day=day):
                customer = self.new_customer(f"Ann on {day}")
                second = timedelta(seconds=1)
                for amount, when in ((1, begins - second), (10, begins), (100, ends - second), (1000, ends)):
                    self.order(customer, when=when, amount=amount)
                self.assertEqual(self._row(customer, as_of=day - timedelta(days=1)).amount, 1)
                self.assertEqual(self._row(customer, as_of=day).amount, 111)
                self.assertEqual(self._row(customer, as_of=day + timedelta(days=1)).amount, 1111)
                self.policy.window_days = 1  # that day only
                self.assertEqual(self._row(customer, as_of=day).amount, 110)
                self.policy.window_days = 365

    def test_zero_and_negative_orders_are_no_purchases_but_returns_subtract(self):
        customer = self.new_customer("Ann")
        self.order(customer, 20, 100)
        self.order(customer, 10, 0)
        self.order(customer, 5, -30)
        row = self._row(customer)
        self.assertEqual((row.order_count, row.gross_amount, row.amount), (1, 100, 70))
        self.assertEqual(row.last_order_date.date(), AS_OF - timedelta(days=20))

    def test_money_is_company_money_at_the_rate_of_the_order(self):
        customer = self.new_customer("Ann")
        order = self.order(customer, 10, 100)
        order.currency_rate = 0.5  # half a unit of the order's currency is one of the company's
        self.assertEqual(self._row(customer).amount, 200)

    def test_missing_and_zero_rates_are_read_as_one(self):
        customer = self.new_customer("Ann")
        orders = self.order(customer, 10, 100) | self.order(customer, 11, 10)
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order SET currency_rate = 0 WHERE id = %s", [orders[0].id])
        self.env.cr.execute("UPDATE sale_order SET currency_rate = NULL WHERE id = %s", [orders[1].id])
        self.assertEqual(self._row(customer).amount, 110)

    def test_posted_credit_notes_of_the_window_subtract(self):
        self.env["account.chart.template"].try_loading("generic_coa", company=self.company, install_demo=False)
        customer = self.new_customer("Ann")
        self.order(customer, 40, 500)
        for days_ago, amount, post in ((10, 120, True), (400, 50, True), (5, 70, False)):
            refund = self.env["account.move"].create(
                {
                    "move_type": "out_refund",
                    "partner_id": customer.id,
                    "invoice_date": AS_OF - timedelta(days=days_ago),
                    "invoice_line_ids": [
                        Command.create({"name": "Return", "quantity": 1, "price_unit": amount, "tax_ids": False})
                    ],
                }
            )
            if post:
                refund.action_post()
        row = self._row(customer)
        # 500 - 120; the old one is out of the window, the draft one is not posted
        self.assertEqual(row.amount, 380)
        self.assertEqual(row.order_count, 1)
        # who only has a quotation has no revenue that an older business' credit note could lower
        prospect = self.new_customer("Asked")
        self.order(prospect, state="draft")
        self.env["account.move"].search([("partner_id", "=", customer.id)])[0].copy(
            {"partner_id": prospect.id, "invoice_date": AS_OF}
        ).action_post()
        self.assertEqual(self._row(prospect).amount, 0)

    def test_another_companys_credit_notes_do_not_count(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        customer = self.new_customer("Ann")
        self.order(customer, 40, 500)
        for company, amount in ((self.company, 20), (other, 120)):
            self.env["account.chart.template"].try_loading("generic_coa", company=company, install_demo=False)
            line = {"name": "Return", "quantity": 1, "price_unit": amount, "tax_ids": False}
            self.env["account.move"].with_context(allowed_company_ids=company.ids).create(
                {
                    "move_type": "out_refund",
                    "partner_id": customer.id,
                    "invoice_date": AS_OF - timedelta(days=10),
                    "invoice_line_ids": [Command.create(line)],
                }
            ).action_post()
        self.assertEqual(self._row(customer).amount, 480)  # 500 - 20

    def test_the_companies_themselves_are_no_customers(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        customer = self.new_customer("Ann")
        for partner in (customer, self.company.partner_id, other.partner_id):
            self.order(partner)
        self.assertEqual(list(self._read().index), customer.ids)

    def test_orders_of_contacts_belong_to_their_company(self):
        customer = self.new_customer("Lumber Inc", is_company=True)
        contact = self.new_customer("Ann", parent_id=customer.id)
        self.order(customer, 10, 100)
        self.order(contact, 5, 20)
        frame = self._read()
        self.assertNotIn(contact.id, frame.index)
        self.assertEqual((frame.loc[customer.id].order_count, frame.loc[customer.id].amount), (2, 120))

    def test_archived_customers_and_other_companies_orders_are_left_out(self):
        archived = self.new_customer("Archived")
        foreign = self.new_customer("Foreign")
        both = self.new_customer("Both")
        other = self.env["res.company"].create({"name": "Other Company"})
        self.order(archived, 10, 100)
        self.order(both, 10, 100)
        for partner in (foreign, both):
            self.env["sale.order"].with_company(other).create(
                {"partner_id": partner.id, "company_id": other.id, "state": "sale"}
            )
        archived.active = False
        frame = self._read()
        self.assertNotIn(archived.id, frame.index)
        self.assertNotIn(foreign.id, frame.index)
        self.assertEqual(frame.loc[both.id].amount, 100)

    def test_who_only_has_a_quotation_or_future_orders_has_not_bought(self):
        asked, future = self.new_customer("Asked"), self.new_customer("Future")
        self.order(asked, 10, state="draft")
        self.order(future, -30)
        frame = self._read()
        for partner in (asked, future):
            self.assertTrue(frame.loc[partner.id].isna().last_order_date)
            self.assertEqual(frame.loc[partner.id].order_count, 0)

    def test_the_median_gap_counts_days_with_purchases(self):
        customer = self.new_customer("Ann")
        for days_ago in (100, 90, 90, 60, 0):
            self.order(customer, days_ago, 10)
        self.order(customer, 50, -5)  # a return is no visit
        row = self._row(customer)
        # days 100, 90, 60, 0 ago: gaps 10, 30, 60, the median is 30
        self.assertEqual(row.gap_median_days, 30)
        self.assertEqual(row.purchase_days, 4)

    def test_contacts_are_what_people_exchanged(self):
        customer = self.new_customer("Lumber Inc", is_company=True)
        contact = self.new_customer("Ann", parent_id=customer.id)
        order = self.order(contact, 10, 100)
        customer.message_post(body="They called", message_type="comment", subtype_xmlid="mail.mt_note")
        contact.message_post(body="Hello", message_type="email")
        order.message_post(body="Your order", message_type="comment")
        customer.message_post(body="Some field changed", message_type="notification")
        activity = customer.activity_schedule("mail.mail_activity_data_call", user_id=self.env.uid)
        activity.action_done()
        customer.activity_schedule("mail.mail_activity_data_call", user_id=self.env.uid)  # still open
        today = self.company._get_tiering_today()
        row = self._row(customer, as_of=today)
        # note, e-mail, message on the order and the done call; neither the notification nor the
        # open activity, and the done call's own notification does not count again
        self.assertEqual(row.contact_count, 4)
        self.assertEqual(row.last_contact_date.date(), today)
        # before all that happened
        row = self._row(customer, as_of=today - timedelta(days=1))
        self.assertEqual(row.contact_count, 0)

    def test_contacts_about_another_companys_order_do_not_count(self):
        customer = self.new_customer("Ann")
        self.order(customer, 10)
        other = self.env["res.company"].create({"name": "Other Company"})
        order = self.env["sale.order"].with_company(other).create({"partner_id": customer.id, "company_id": other.id})
        order.message_post(body="Your order", message_type="comment")
        self.assertEqual(self._row(customer, as_of=self.company._get_tiering_today()).contact_count, 0)

    def _meet(self, people, start, hours=1.0, **values):
        """A meeting of ``hours`` from ``start`` (UTC) of ``people``, organized by the salesperson."""
        return self.env["calendar.event"].create(
            {
                "name": "Meeting",
                "start": start,
                "stop": start + timedelta(hours=hours),
                "user_id": self.salesperson.id,
                "partner_ids": [Command.set(people.ids)],
                **values,
            }
        )

    def test_a_meeting_is_one_contact_whoever_of_the_customer_attends(self):
        customer = self.new_customer("Lumber Inc", is_company=True)
        contacts = self.new_customer("Ann", parent_id=customer.id) | self.new_customer("Ben", parent_id=customer.id)
        other = self.new_customer("Other")
        self.order(customer, 100)
        self.order(other, 100)
        colleagues = self.salesperson.partner_id | self.manager.partner_id
        self._meet(contacts | customer | other | colleagues, self.noon(AS_OF, 5))
        self._meet(contacts[0], self.noon(AS_OF, 3), user_id=False)  # booked from outside: nobody here organizes
        self._meet(customer, self.noon(AS_OF, 364))  # the first day of the window
        self._meet(customer, self.noon(AS_OF, 365))  # the day before it
        self._meet(customer, self.noon(AS_OF, -1))  # tomorrow
        self._meet(customer, self.noon(AS_OF, 1), active=False)
        row = self._row(customer)
        self.assertEqual(row.contact_count, 3)
        self.assertEqual(row.last_contact_date.date(), AS_OF - timedelta(days=3))
        frame = self.env["customer.tiering.reader"]._read_customers(self.policy._get_scope(AS_OF), {"contact_decay"})
        # each counts 1 - age / 365: 1 - 5/365, 1 - 3/365 and 1 - 364/365
        self.assertAlmostEqual(frame.loc[customer.id].contact_decay, 3 - (5 + 3 + 364) / 365, 5)
        row = self._row(other)
        self.assertEqual((row.contact_count, row.last_contact_date.date()), (1, AS_OF - timedelta(days=5)))

    def test_meetings_that_are_no_contact(self):
        customer = self.new_customer("Ann")
        self.order(customer, 100)
        # a colleague who buys here too does not become a visited customer by every meeting at work
        colleague = self.salesperson.partner_id
        self.order(colleague, 100)
        self._meet(colleague | self.manager.partner_id, self.noon(AS_OF, 5))
        declined = self._meet(customer | colleague, self.noon(AS_OF, 4))
        declined.attendee_ids.filtered(lambda answer: answer.partner_id == customer).state = "declined"
        frame = self._read()
        self.assertEqual(frame.loc[[customer.id, colleague.id]].contact_count.tolist(), [0, 0])
        declined.attendee_ids.state = "needsAction"  # most customers never answer
        self.assertEqual(self._row(customer).contact_count, 1)

    def test_meetings_count_where_the_organizer_may_work(self):
        customer = self.new_customer("Ann")
        self.order(customer, 100)
        other = self.env["res.company"].create({"name": "Other Company"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_salesman")
        stranger.write({"company_ids": [Command.set(other.ids)], "company_id": other.id})
        self._meet(customer | stranger.partner_id, self.noon(AS_OF, 5), user_id=stranger.id)
        self.assertEqual(self._row(customer).contact_count, 0)
        stranger.company_ids |= self.company
        self.assertEqual(self._row(customer).contact_count, 1)

    def test_meetings_are_on_days_of_the_company(self):
        self.company.partner_id.tz = "Asia/Tokyo"  # UTC+9
        evening, midnight, allday = (self.new_customer(name) for name in ("Evening", "Midnight", "All day"))
        for customer in (evening, midnight, allday):
            self.order(customer, 100)
        self._meet(evening, datetime(2026, 6, 30, 14, 59))  # 23:59 in Tokyo
        self._meet(midnight, datetime(2026, 6, 30, 15, 0))  # 1 July in Tokyo
        # kept as dates that are no moments: 30 June wherever one is, here in Honolulu (UTC-10) too
        self._meet(allday, datetime(2026, 6, 30, 0), 23, allday=True, start_date=AS_OF, stop_date=AS_OF)
        frame = self._read()
        self.assertEqual(frame.loc[[evening.id, midnight.id, allday.id]].contact_count.tolist(), [1, 0, 1])
        self.company.partner_id.tz = "Pacific/Honolulu"
        frame = self._read(as_of=AS_OF - timedelta(days=1))
        self.assertEqual(frame.loc[[evening.id, midnight.id, allday.id]].contact_count.tolist(), [0, 0, 0])
        frame = self._read()
        self.assertEqual(frame.loc[[evening.id, midnight.id, allday.id]].contact_count.tolist(), [1, 1, 1])

    def test_each_occurrence_of_a_recurrent_meeting_counts_once_it_has_come(self):
        customer = self.new_customer("Ann")
        self.order(customer, 100)
        self._meet(
            customer,
            self.noon(AS_OF, 14),
            recurrency=True,
            rrule_type="weekly",
            interval=1,
            count=5,
            **{(AS_OF - timedelta(days=14)).strftime("%a").lower(): True},
        )
        # 14, 7 and 0 days ago; in 7 and 14 days to come
        self.assertEqual(self._row(customer).contact_count, 3)
        self.assertEqual(self._row(customer, as_of=AS_OF - timedelta(days=8)).contact_count, 1)

    def test_a_meeting_and_the_activity_it_was_planned_from_are_one_contact(self):
        customer = self.new_customer("Lumber Inc", is_company=True)
        contact = self.new_customer("Ann", parent_id=customer.id)
        self.order(customer, 100)
        today = self.company._get_tiering_today()
        activity = contact.activity_schedule("mail.mail_activity_data_meeting", user_id=self.env.uid)
        meeting = self._meet(customer | self.salesperson.partner_id, self.noon(today, 1))
        activity.calendar_event_id = meeting
        activity.action_done()  # a day after the meeting
        row = self._row(customer, as_of=today)
        self.assertEqual((row.contact_count, row.last_contact_date.date()), (1, today - timedelta(days=1)))
        # the customer was not invited, but somebody says that it is done
        meeting.partner_ids -= customer
        row = self._row(customer, as_of=today)
        self.assertEqual((row.contact_count, row.last_contact_date.date()), (1, today))
        # a meeting that is to come leaves the activity that is done
        meeting.partner_ids |= customer
        meeting.write({"start": self.noon(today, -5), "stop": self.noon(today, -5) + timedelta(hours=1)})
        row = self._row(customer, as_of=today)
        self.assertEqual((row.contact_count, row.last_contact_date.date()), (1, today))

    def test_meetings_of_one_customer_are_read_as_those_of_all(self):
        customers = self.env["res.partner"]
        for number in range(4):
            customer = self.new_customer(f"Customer {number}", is_company=True)
            contact = self.new_customer(f"Contact {number}", parent_id=customer.id)
            self.order(customer, 100)
            for days_ago in range(number):
                self._meet(contact | customer, self.noon(AS_OF, 10 * days_ago))
            customers |= customer
        frame = self._read()
        self.assertEqual(frame.loc[customers.ids].contact_count.tolist(), [0, 1, 2, 3])
        for customer in customers:
            scope = self.policy._get_scope(AS_OF, partner_ids=customer.ids)
            alone = self.env["customer.tiering.reader"]._read_customers(scope)
            self.assertTrue(alone.equals(frame.loc[customer.ids]))

    def test_a_company_without_orders_gives_an_empty_frame(self):
        frame = self._read()
        self.assertEqual(len(frame), 0)
        self.assertEqual(str(frame.amount.dtype), "float64")
        self.assertTrue(str(frame.last_order_date.dtype).startswith("datetime64"))

    def test_policies_share_the_customers_in_their_order(self):
        company, person = self.new_customer("Lumber Inc", is_company=True), self.new_customer("Ann")
        self.order(company)
        self.order(person)
        first = self.policy.copy({"name": "Companies", "partner_domain": "[('is_company', '=', True)]", "sequence": 1})
        self.assertEqual(list(self._read(first).index), company.ids)
        self.assertEqual(list(self._read(self.policy).index), person.ids)
