from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.mail.tests.common import MockEmail

from .common import AS_OF
from .test_playbook import PlaybookCommon

# As mail programs write them: Exchange, Gmail, vacation(1), Exim, older ones.
AUTOMATIC = (
    "Auto-Submitted: auto-replied",
    "Auto-Submitted: auto-generated",
    "Auto-Submitted: auto-replied (vacation)",
    "Auto-Submitted: Auto-Replied; owner-email=ann@example.com",
    "Precedence: auto_reply",
    "Precedence: bulk",
    "Precedence: Junk",
    "Precedence: list",
    "X-Auto-Response-Suppress: All",
    "X-Auto-Response-Suppress: DR, OOF, AutoReply",
    "X-Autoreply: yes",
    "X-Autorespond: No longer with us",
    "List-Unsubscribe: <https://example.com/unsubscribe>",
    "Return-Path: <>",
)
PERSONAL = (
    "Auto-Submitted: no",
    "Auto-Submitted: No (written by hand)",
    "Precedence: first-class",
    "X-Auto-Response-Suppress: DR, NRN",
    "X-Auto-Response-Suppress: none",
    "Return-Path: <ann@example.com>",
)


@tagged("post_install", "-at_install")
class TestInteractions(PlaybookCommon, MockEmail):
    """An interaction is personal: one person turned to another."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", 40, email="ann@example.com")
        cls.ben = cls.buyer("Ben", 40, email="ben@example.com")
        cls.everybody = cls.ann | cls.ben
        # Sales alone does not let people write to customers who have no scorecard.
        cls.writer = cls.new_user(
            "tiering_writer", "sales_team.group_sale_salesman_all_leads,base.group_partner_manager"
        )

    def setUp(self):
        super().setUp()
        # Odoo dates what is written with the clock.
        self.startPatcher(freeze_time(self.noon(AS_OF)))

    def _count(self, who):
        """How many interactions there are with a customer, and when the last one was."""
        frame = self.env["customer.tiering.reader"]._read_customers(
            self.policy._get_scope(AS_OF), {"contact_count", "last_contact_date"}
        )
        row = frame.loc[who.id]
        return row.contact_count, row.last_contact_date.date() if row.contact_count else False

    def assertCounted(self, who, count):  # noqa: N802 - like unittest's own
        """There were ``count`` interactions with a customer, all on the last day."""
        self.assertEqual(self._count(who), (count, AS_OF if count else False))

    def _compose(self, records, **values):
        """Write to the customers of ``records`` as the composer does that opens from their list."""
        with self.mock_mail_gateway():
            return (
                self.env["mail.compose.message"]
                .with_user(self.writer)
                .create(
                    {
                        "composition_mode": "mass_mail",
                        "model": records._name,
                        "res_ids": str(records.ids),
                        "subject": "News",
                        "body": "<p>News</p>",
                        **values,
                    }
                )
                ._action_send_mail()
            )

    def _receive(self, header="", answer_to=None):
        """An e-mail of Ann's arrives, an answer to a message."""
        number = self.env["mail.message"].search_count([("message_type", "=", "email")])
        raw = "From: Ann <ann@example.com>\r\nTo: sales@example.com\r\nSubject: Re: Hello\r\n"
        raw += f"Message-ID: <{number}@example.com>\r\nIn-Reply-To: {answer_to.message_id}\r\n"
        raw += f"{header}\r\n\r\nText" if header else "\r\nText"
        with self.mock_mail_gateway():
            self.env["mail.thread"].message_process("res.partner", raw.encode())
        message = self.env["mail.message"].search([("message_id", "=", f"<{number}@example.com>")])
        self.assertEqual((message.message_type, message.model), ("email", answer_to.model))
        return message

    def _care(self):
        """A playbook that calls after 30 days without interaction, and the open call to Ann."""
        playbook = self._playbook("contact", on=0, contact_days=30)
        self._live(0, playbook)
        return playbook, self._activities(self.ann)

    # ------------------------------------------------------------------
    # To many at once
    # ------------------------------------------------------------------

    def test_a_mailing_from_the_list_of_customers_is_none(self):
        self._compose(self.everybody)
        messages = self.env["mail.message"].search([("res_id", "in", self.everybody.ids), ("subject", "=", "News")])
        self.assertEqual(len(messages), 2)
        self._compose(self.ann)  # the mode tells, not how many were ticked
        self.assertCounted(self.ann, 0)
        self.assertCounted(self.ben, 0)

    def test_nor_is_one_that_odoo_deletes_when_it_is_sent(self):
        for keep in (True, False):
            with self.subTest(keep=keep):
                self._compose(self.everybody, auto_delete=True, auto_delete_keep_log=keep)
                self.assertCounted(self.ann, 0)

    def test_nor_is_a_mailing_about_orders(self):
        self._compose(self.env["sale.order"].search([("partner_id", "in", self.everybody.ids)]))
        self.assertCounted(self.ann, 0)

    def test_what_is_posted_on_many_customers_at_once_is_none(self):
        values = {"composition_mode": "comment", "partner_ids": []}
        self._compose(self.everybody, **values)
        messages = self.env["mail.message"].search([("res_id", "in", self.everybody.ids), ("subject", "=", "News")])
        self.assertEqual(messages.mapped("message_type"), ["comment", "comment"])
        self.assertCounted(self.ann, 0)
        self._compose(self.ann, **values)
        self.assertCounted(self.ann, 1)
        self.assertCounted(self.ben, 0)

    def test_a_mailing_leaves_a_care_call_open(self):
        playbook, call = self._care()
        self._compose(self.everybody)
        self._live(0, playbook)
        self.assertTrue(call.active)
        self.assertFalse(self.card(self.ann).last_contact_date)

    def test_an_email_to_the_customer_closes_a_care_call(self):
        playbook, call = self._care()
        self._compose(self.ann, composition_mode="comment", partner_ids=self.ann.ids)
        self._live(1, playbook)
        self.assertFalse(call.active)
        self.assertEqual(self.card(self.ann).last_contact_date, AS_OF)
        self.assertEqual(self._rows(playbook, partner_id=self.ann.id).mapped("state"), ["closed"])

    # ------------------------------------------------------------------
    # From machines
    # ------------------------------------------------------------------

    def test_an_automatic_reply_is_none_and_an_answer_is_one(self):
        # Odoo takes so many e-mails at once for a loop; it counts those of the type "email".
        self.env["ir.config_parameter"].set_param("mail.gateway.loop.threshold", 100)
        hello = self.ann.message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
        for header in AUTOMATIC:
            with self.subTest(header=header):
                self._receive(header, answer_to=hello)
                self.assertCounted(self.ann, 1)  # the greeting
        for number, header in enumerate(("", *PERSONAL), 2):
            with self.subTest(header=header):
                self._receive(header, answer_to=hello)
                self.assertCounted(self.ann, number)

    def test_an_automatic_reply_about_an_order_is_none(self):
        order = self.env["sale.order"].search([("partner_id", "=", self.ann.id)])
        sent = order.message_post(body="Your order", message_type="comment", subtype_xmlid="mail.mt_comment")
        self._receive("Auto-Submitted: auto-replied", answer_to=sent)
        self.assertCounted(self.ann, 1)
        self._receive(answer_to=sent)
        self.assertCounted(self.ann, 2)

    def test_an_automatic_reply_leaves_a_care_call_open_and_an_answer_closes_it(self):
        hello = self.ann.message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
        hello.date = self.noon(AS_OF, 60)
        playbook, call = self._care()
        self._receive("Auto-Submitted: auto-replied", answer_to=hello)
        self._live(0, playbook)
        self.assertTrue(call.active)
        self.assertEqual(self.card(self.ann).last_contact_date, AS_OF - timedelta(days=60))
        self._receive(answer_to=hello)
        self._live(0, playbook)
        self.assertFalse(call.active)
        self.assertEqual(self.card(self.ann).last_contact_date, AS_OF)

    def test_what_odoo_says_by_itself_is_none(self):
        for message_type in ("notification", "auto_comment", "out_of_office", "email_outgoing"):
            self.ann.message_post(body="By itself", message_type=message_type, subtype_xmlid="mail.mt_comment")
        self.ann.message_notify(body="For one user", partner_ids=self.salesperson.partner_id.ids)
        template = self.env["mail.template"].create(
            {
                "name": "Welcome",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "subject": "Welcome",
                "body_html": "<p>Welcome</p>",
                "partner_to": "{{ object.id }}",
                "auto_delete": False,
            }
        )
        with self.mock_mail_gateway():
            template.send_mail(self.ann.id, force_send=True)
        self.assertTrue(self.env["mail.message"].search([("res_id", "=", self.ann.id), ("subject", "=", "Welcome")]))
        self.assertCounted(self.ann, 0)

    def test_importing_customers_is_none(self):
        contacts = self.env["res.partner"].with_context(import_file=True, tracking_disable=False)
        result = contacts.load(["name", "email"], [["Cid", "cid@example.com"]])
        cid = contacts.browse(result["ids"])
        self.order(cid, 40)
        self.env.flush_all()
        self.assertIn("notification", cid.message_ids.mapped("message_type"))
        self.assertCounted(cid, 0)

    def test_an_email_of_a_playbook_is_none(self):
        template = self.env["mail.template"].create(
            {
                "name": "We miss you",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "subject": "We miss you",
                "body_html": "<p>We miss you</p>",
                "partner_to": "{{ object.id }}",
            }
        )
        with self.mock_mail_gateway():
            self.env["customer.tiering.followup"]._queue_mails(template, self.everybody, False)
        messages = self.env["mail.message"].search([("subject", "=", "We miss you")])
        self.assertEqual(messages.mapped("res_id"), self.everybody.sorted("id", reverse=True).ids)
        self.assertCounted(self.ann, 0)

    # ------------------------------------------------------------------
    # From people
    # ------------------------------------------------------------------

    def test_a_quotation_that_somebody_sends_is_one(self):
        quotation = self.order(self.ann, state="draft").with_user(self.salesperson)
        # Without the template, which would have the quotation printed.
        action = quotation.with_context(hide_default_template=True).action_quotation_send()
        with self.mock_mail_gateway():
            self.env["mail.compose.message"].with_user(self.salesperson).with_context(**action["context"]).create(
                {"subject": "Your quotation", "body": "<p>As promised</p>", "partner_ids": self.ann.ids}
            )._action_send_mail()
        self.assertCounted(self.ann, 1)
