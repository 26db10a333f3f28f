from datetime import timedelta

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_playbook import PlaybookCommon
from odoo.addons.mail.tests.common import MockEmail


class OpportunityCommon(PlaybookCommon, MockEmail):
    """A firm with a contact; the pipeline has an opportunity of the contact's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.buyer("Lumber Inc", 40, is_company=True)
        cls.ann = cls.new_customer("Ann", parent_id=cls.firm.id, email="ann@example.com")
        cls.ben = cls.buyer("Ben", 40, email="ben@example.com")
        cls.lead = cls.opportunity(cls.ann)

    @classmethod
    def opportunity(cls, who, **values):
        """An opportunity of the company with a customer."""
        lead = cls.env["crm.lead"].create(
            {"name": "Planks", "type": "opportunity", "partner_id": who.id, "user_id": cls.salesperson.id, **values}
        )
        lead.company_id = values.get("company_id", cls.company.id)
        return lead

    def setUp(self):
        super().setUp()
        # Odoo dates what is written with the clock.
        self.startPatcher(freeze_time(self.noon(AS_OF)))

    def _write(self, lead, days=0):
        """Somebody writes on an opportunity, so many days ago."""
        message = lead.message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
        message.date = self.noon(AS_OF, days)

    def _call(self, lead, days=0):
        """Somebody calls because of an activity on an opportunity, so many days ago."""
        with freeze_time(self.noon(AS_OF, days)):
            call = lead.activity_schedule("mail.mail_activity_data_call", AS_OF, user_id=self.salesperson.id)
            call.action_feedback()
            call.flush_recordset()  # which says when it was done

    def _meet(self, people, days=0, **values):
        """A meeting of an hour, so many days ago."""
        start = self.noon(AS_OF, days)
        return self.env["calendar.event"].create(
            {
                "name": "Meeting",
                "start": start,
                "stop": start + timedelta(hours=1),
                "user_id": self.salesperson.id,
                "partner_ids": [Command.set(people.ids)],
                **values,
            }
        )

    def _read(self, company=None, **values):
        """The frame of the customers of a company."""
        policy = (company or self.company).tiering_policy_ids
        columns = {"contact_count", "last_contact_date", "overdue_activity_count", "open_quotation_count"}
        return self.env["customer.tiering.reader"]._read_customers(policy._get_scope(AS_OF, **values), columns)

    def assertInteractions(self, expected):  # noqa: N802 - like unittest's own
        """``expected``: ``{customer: (how many, days since the last one)}``; read with all and alone."""
        everybody = self._read()
        for customer, (count, days) in expected.items():
            for frame in (everybody, self._read(partner_ids=customer.ids)):
                row = frame.loc[customer.id]
                last = row.last_contact_date.date() if row.contact_count else None
                self.assertEqual(
                    (customer.name, row.contact_count, last),
                    (customer.name, count, AS_OF - timedelta(days=days) if count else None),
                )


@tagged("post_install", "-at_install")
class TestOpportunities(OpportunityCommon):
    """What people do in the pipeline, they do with customers."""

    def test_a_call_a_message_and_a_meeting_are_an_interaction_each(self):
        self.assertInteractions({self.firm: (0, 0), self.ben: (0, 0)})
        self._call(self.lead, 9)
        self.assertInteractions({self.firm: (1, 9), self.ben: (0, 0)})
        self._write(self.lead, 6)
        self.assertInteractions({self.firm: (2, 6)})
        self._meet(self.salesperson.partner_id, 3, opportunity_id=self.lead.id)
        self.assertInteractions({self.firm: (3, 3), self.ben: (0, 0)})

    def test_what_is_open_to_come_or_deleted_is_none(self):
        self.lead.activity_schedule("mail.mail_activity_data_call", AS_OF, user_id=self.salesperson.id)
        self._meet(self.salesperson.partner_id, -1, opportunity_id=self.lead.id)
        self._meet(self.salesperson.partner_id, 1, opportunity_id=self.lead.id, active=False)
        self._write(self.lead, -1)
        gone = self.opportunity(self.ann)
        self._write(gone)
        gone.unlink()
        self.assertInteractions({self.firm: (0, 0)})

    def test_what_odoo_notes_or_sends_to_many_is_none(self):
        self.lead.message_post(body="Stage changed", message_type="notification")
        values = {"composition_mode": "mass_mail", "model": "crm.lead", "res_ids": str(self.lead.ids)}
        with self.mock_mail_gateway():
            self.env["mail.compose.message"].create({**values, "subject": "News", "body": "News"})._action_send_mail()
        self.assertTrue(self.lead.message_ids.filtered(lambda message: message.subject == "News"))
        self.assertInteractions({self.firm: (0, 0)})

    def test_the_answer_to_a_message_counts_and_an_automatic_reply_does_not(self):
        hello = self.lead.message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
        head = (
            "From: ann@example.com\r\nTo: sales@example.com\r\nSubject: Re: Hello\r\nMessage-ID: <%s@example.com>\r\n"
        )
        head += f"In-Reply-To: {hello.message_id}\r\n%s\r\nText"
        for number, (header, count) in enumerate((("Auto-Submitted: auto-replied\r\n", 1), ("", 2))):
            with self.mock_mail_gateway():
                self.env["mail.thread"].message_process("res.partner", (head % (number, header)).encode())
            self.assertEqual(
                len(self.lead.message_ids.filtered(lambda message: message.message_type == "email")), count
            )
            self.assertInteractions({self.firm: (count, 0)})

    def test_won_and_lost_ones_count(self):
        self._call(self.lead, 9)
        self.lead.action_set_lost()
        self.assertFalse(self.lead.active)
        self.assertInteractions({self.firm: (1, 9)})
        won = self.opportunity(self.ben)
        self._write(won, 5)
        self._meet(self.salesperson.partner_id, 4, opportunity_id=won.id)
        won.action_set_won()
        self.assertInteractions({self.ben: (2, 4)})

    def test_a_lead_counts_and_one_without_customer_for_nobody(self):
        lead = self.opportunity(self.ben, type="lead")
        self._write(lead, 2)
        stranger = self.opportunity(self.env["res.partner"], email_from="ben@example.com")
        self._write(stranger, 1)
        self.assertFalse(stranger.partner_id)
        self.assertInteractions({self.ben: (1, 2), self.firm: (0, 0)})

    # ------------------------------------------------------------------
    # Once
    # ------------------------------------------------------------------

    def test_a_meeting_with_the_customer_about_an_opportunity_is_one(self):
        self._meet(self.salesperson.partner_id | self.ann | self.firm, 3, opportunity_id=self.lead.id)
        self.assertInteractions({self.firm: (1, 3)})

    def test_a_meeting_about_the_opportunity_of_one_customer_with_another_is_one_for_each(self):
        self._meet(self.salesperson.partner_id | self.ben, 3, opportunity_id=self.lead.id)
        self.assertInteractions({self.firm: (1, 3), self.ben: (1, 3)})

    def test_a_meeting_and_the_activity_it_was_planned_from_are_one(self):
        activity = self.lead.activity_schedule("mail.mail_activity_data_meeting", AS_OF, user_id=self.salesperson.id)
        # As the button of the activity does it.
        about = {"opportunity_id": self.lead.id, "activity_ids": [Command.set(activity.ids)]}
        meeting = self._meet(self.salesperson.partner_id | self.ann, 3, **about)
        self.assertEqual(activity.calendar_event_id, meeting)
        activity.action_feedback()
        self.assertInteractions({self.firm: (1, 3)})
        meeting.partner_ids -= self.ann
        self.assertInteractions({self.firm: (1, 3)})

    def test_a_meeting_that_another_program_made_about_an_opportunity_is_one(self):
        about = {"res_model_id": self.env["ir.model"]._get_id("crm.lead"), "res_id": self.lead.id}
        meeting = self._meet(self.salesperson.partner_id, 3, **about)
        self.assertFalse(meeting.opportunity_id)
        self.assertInteractions({self.firm: (1, 3)})
        meeting.opportunity_id = self.lead
        self.assertInteractions({self.firm: (1, 3)})

    def test_nobody_was_met_who_declined(self):
        meeting = self._meet(self.salesperson.partner_id | self.ann, 3, opportunity_id=self.lead.id)
        meeting.attendee_ids.filtered(lambda answer: answer.partner_id == self.ann).state = "declined"
        self.assertInteractions({self.firm: (0, 0)})

    def test_a_deal_is_one_quotation_whether_it_has_an_opportunity_or_not(self):
        quotation = self.order(self.ann, state="draft", opportunity_id=self.lead.id)
        other = self.order(self.ben, state="draft")
        self.env.cr.execute(
            "UPDATE sale_order SET create_date = %s WHERE id = ANY(%s)", (self.noon(AS_OF), (quotation | other).ids)
        )
        quotation.message_post(body="Your quotation", message_type="comment", subtype_xmlid="mail.mt_comment")
        frame = self._read()
        self.assertEqual(frame.loc[[self.firm.id, self.ben.id]].open_quotation_count.tolist(), [1, 1])
        self.assertInteractions({self.firm: (1, 0)})

    # ------------------------------------------------------------------
    # Companies
    # ------------------------------------------------------------------

    def test_another_companys_opportunity_does_not_count_and_nobodys_counts_everywhere(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env["sale.order"].with_company(other).create({"partner_id": self.firm.id, "company_id": other.id})
        of_other = self.opportunity(self.ann, company_id=other.id, user_id=False, team_id=False)
        nobodys = self.opportunity(self.ann, company_id=False, user_id=False, team_id=False)
        self.assertEqual((of_other.company_id, nobodys.company_id), (other, other.browse()))
        for number, (lead, here, there) in enumerate(((of_other, 0, 1), (nobodys, 1, 2)), 1):
            self._write(lead, 9)
            self._meet(self.salesperson.partner_id, 8, opportunity_id=lead.id, user_id=False)
            lead.activity_schedule("mail.mail_activity_data_call", AS_OF - timedelta(days=1), user_id=self.env.uid)
            with self.subTest(number=number):
                found = [frame.loc[self.firm.id] for frame in (self._read(), self._read(other))]
                # a message and a meeting each
                self.assertEqual([row.contact_count for row in found], [2 * here, 2 * there])
                self.assertEqual([row.overdue_activity_count for row in found], [here, there])

    # ------------------------------------------------------------------
    # What follows
    # ------------------------------------------------------------------

    def test_a_call_on_an_opportunity_closes_a_care_call(self):
        playbook = self._playbook("contact", on=0, contact_days=30)
        self._live(0, playbook)
        calls = {who: self._activities(who) for who in (self.firm, self.ben)}
        self._call(self.lead)
        self._live(1, playbook)
        self.assertEqual([call.active for call in calls.values()], [False, True])
        self.assertEqual(self.card(self.firm).last_contact_date, AS_OF)
        self.assertFalse(self.card(self.ben).last_contact_date)

    def test_a_customer_who_is_scored_alone_has_the_same_last_interaction(self):
        self.compute()
        self._call(self.lead, 4)
        self.order(self.firm, 2)
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(self.firm, self.company, "instant")
        refresh._process(self.company)
        self.assertEqual(self.card(self.firm).last_contact_date, AS_OF - timedelta(days=4))

    def test_the_report_has_what_was_done_in_the_pipeline(self):
        self.company.partner_id.tz = "UTC"
        self.compute()
        self._call(self.lead, 4)
        deadline = AS_OF - timedelta(days=1)
        self.lead.activity_schedule("mail.mail_activity_data_call", deadline, user_id=self.env.uid)
        self._meet(self.salesperson.partner_id | self.ann, 3, opportunity_id=self.lead.id)
        row = self.env["customer.tiering.resource.report"].search([("partner_id", "=", self.firm.id)])
        self.assertEqual((row.activity_count, row.meeting_hours), (1, 1.0))
        # the meeting has an activity of its own, which is planned for its day: overdue as well
        self.assertEqual((row.open_activity_count, row.overdue_activity_count), (1, 1))
