from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from odoo.addons.customer_tiering.tests.common import AS_OF

from ..hooks import uninstall_hook
from .common import MAILING, MailingCommon


@tagged("post_install", "-at_install")
class TestAudience(MailingCommon):
    # ------------------------------------------------------------------
    # Whom the job reaches
    # ------------------------------------------------------------------

    def test_the_job_reaches_exactly_the_customers_of_a_tier_of_the_second_company(self):
        self.assertNotIn(self.env.ref("base.user_root").company_id, self.company | self.other)
        mailing = self.to_tier(self.other_platinum)  # by who works in the first company
        self.assertEqual(mailing.tiering_company_id, self.other)
        self.send(mailing)
        self.assertEqual(mailing.state, "done")
        self.assertEqual(self.reached(mailing), self.there | self.both)

    def test_one_for_each_company_in_the_same_job(self):
        mailings = self.to_tier(self.platinum), self.to_tier(self.other_platinum)
        self.send(*mailings)
        self.assertEqual(self.reached(mailings[0]), self.here | self.both)
        self.assertEqual(self.reached(mailings[1]), self.there | self.both)

    def test_what_people_said_matters_to_customers_is_of_a_company_too(self):
        motives = self.env["customer.tiering.motive"].search([], limit=2)
        words = self.env["customer.tiering.motive.word"].with_user(self.marketer)
        for who, company, motive in (
            (self.here, self.company, motives[0]),
            (self.there, self.company, motives[1]),
            (self.there, self.other, motives[0]),
        ):
            words.with_company(company).create({"partner_id": who.id, "company_id": company.id, "motive_id": motive.id})
        domain = [("tiering_said_motive_id", "=", motives[0].id)]
        for said in (domain, [("parent_id", "any", domain)]):
            with self.assertRaisesRegex(ValidationError, "only people with rights in Sales"), self.env.cr.savepoint():
                self.to_filter(said, self.mailer)
        mailings = [self.to_filter(domain, company=company) for company in (self.company, self.other)]
        self.send(*mailings)
        self.assertEqual(self.reached(mailings[0]), self.here)
        self.assertEqual(self.reached(mailings[1]), self.there)

    def test_a_filter_is_asked_when_it_is_sent(self):
        mailing = self.to_tier(self.platinum)
        for ago in range(12):
            self.order(self.neither, ago)
        self.compute()
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.here | self.both | self.neither)

    def test_the_company_follows_the_tiers_that_the_filter_names(self):
        mailing = self.to_filter([("tiering_tier_id", "=", self.other_platinum.id)])
        self.assertEqual(mailing.tiering_company_id, self.other)
        mailing.mailing_domain = repr([("tiering_tier_id", "in", [self.platinum.id])])
        self.assertEqual(mailing.tiering_company_id, self.company)

    def test_a_filter_that_names_no_tier_is_one_of_the_company_of_who_makes_it(self):
        mailing = self.to_filter([("tiering_tier_id.name", "=", "Platinum")], company=self.other)
        self.assertEqual(mailing.tiering_company_id, self.other)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.there | self.both)

    def test_a_mailing_that_was_there_before_belongs_to_who_made_it(self):
        mailing = self.to_filter([("tiering_tier_id.name", "=", "Platinum")])
        mailing.flush_recordset()
        self.env.cr.execute(
            "UPDATE mailing_mailing SET tiering_company_id = NULL, tiering_recipients = NULL WHERE id = %s",
            [mailing.id],
        )
        mailing = mailing.with_env(self.env(user=self.env.ref("base.user_root")))
        mailing.invalidate_recordset()
        for fname in ("tiering_company_id", "tiering_recipients"):
            self.env.add_to_compute(mailing._fields[fname], mailing)
        self.assertEqual(mailing.tiering_company_id, self.company)
        self.assertEqual(mailing.tiering_recipients, "all")  # as Odoo would have sent it

    def test_any_field_of_the_scorecard_in_the_company_of_the_mailing(self):
        """What people click together in the editor of filters; the job works in a company of its own."""
        kind = self.env["customer.tiering.need.kind"].search([], limit=1)
        self.env["customer.tiering.need"].create(
            {
                "partner_id": self.there.id,
                "kind_id": kind.id,
                "text": "By e-mail",
                "company_id": self.other.id,
                "date": AS_OF,
            }
        )
        for who, company, sign in ((self.both, self.other, "down"), (self.both, self.company, "up")):
            self.env["customer.tiering.pulse"].create(
                {"partner_id": who.id, "company_id": company.id, "sign": sign, "word": "Said so", "date": AS_OF}
            )
        for policy in (self.policy, self.other_policy):
            policy.shown_metric_ids = self.env["customer.tiering.metric"].search([("key", "in", ("needs", "pulse"))])
            self.compute(policy=policy)
        editor = self.env["res.partner"].with_user(self.marketer).fields_get(["tiering_scorecard_id"])
        self.assertTrue(editor["tiering_scorecard_id"]["searchable"])
        fields = self.env["customer.tiering.scorecard"].with_user(self.marketer).fields_get()
        nobody = self.env["res.partner"]
        mailings = []
        for fname, operator, value, here, there in (
            ("need_count", ">", 0, nobody, self.there),
            ("pulse", "<", 0, nobody, self.both),
            ("pulse", ">", 0, self.both, nobody),
            ("order_count", "=", 12, self.here | self.both, self.there | self.both),
            ("last_order_date", ">=", str(AS_OF), self.here | self.both, self.there | self.both),
        ):
            self.assertTrue(fields[fname]["searchable"], fname)
            domain = [(f"tiering_scorecard_id.{fname}", operator, value)]
            for company, expected in ((self.company, here), (self.other, there)):
                mailing = self.to_filter(domain, company=company)
                self.assertEqual((mailing.tiering_asked, mailing.tiering_company_id), (True, company))
                mailings.append((mailing, expected, domain))
        self.send(*[mailing for mailing, *_ in mailings])
        for mailing, expected, domain in mailings:
            self.assertEqual(self.reached(mailing), expected, (domain, mailing.tiering_company_id.name))
            self.assertEqual(mailing.state, "done")

    def test_what_people_say_of_a_customer_is_no_placeholder(self):
        allowed = " ".join(self.env["res.partner"].mail_allowed_qweb_expressions())
        self.assertNotIn("tiering", allowed)
        self.assertFalse(self.marketer.has_group("mail.group_mail_template_editor"))
        body = '<p>We know: <t t-out="object.tiering_scorecard_id.pulse"/></p>'
        mailing = self.to_tier(self.platinum).with_user(self.marketer)
        with self.assertRaises(AccessError):
            mailing.body_html = body
            mailing._render_field("body_html", self.here.ids)

    def test_mailings_that_ask_for_no_tiers_go_as_before(self):
        people = self.here | self.here.child_ids
        mailing = self.to_filter([("id", "in", people.ids)])
        self.assertFalse(mailing.tiering_asked)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), people)

    # ------------------------------------------------------------------
    # Recipients
    # ------------------------------------------------------------------

    def test_all_contacts_of_a_tier(self):
        mailing = self.to_tier(self.other_platinum, tiering_recipients="all")
        self.send(mailing)
        customers = self.there | self.both
        self.assertEqual(self.reached(mailing), customers | customers.child_ids)

    def test_one_per_customer_is_the_first_contact_where_the_customer_has_no_address(self):
        self.here.email = False
        self.here.child_ids[0].email = False
        self.both.email = False
        self.both.child_ids[0].type = "invoice"
        mailing = self.to_tier(self.platinum)
        self.send(mailing)
        # The first with an address; a person goes before an address for invoices.
        self.assertEqual(self.reached(mailing), self.here.child_ids[1] | self.both.child_ids[1])

    def test_who_has_no_address_at_all_is_left_out(self):
        (self.here | self.here.child_ids).email = False
        mailing = self.to_tier(self.platinum)
        self.assertEqual(mailing.total, 1)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.both)

    def test_whoever_has_opted_out_is_not_replaced_by_a_colleague(self):
        self.env["mail.blacklist"].create({"email": self.here.email})
        mailing = self.to_tier(self.platinum)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.both)
        trace = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id), ("res_id", "=", self.here.id)])
        self.assertEqual((trace.trace_status, trace.failure_type), ("cancel", "mail_bl"))

    def test_the_form_counts_whom_the_job_reaches_whatever_company_is_open(self):
        mailing = self.to_tier(self.other_platinum)
        self.there.company_id = self.other
        for company in (self.company, self.other):
            seen = mailing.with_context(allowed_company_ids=company.ids)
            seen.invalidate_recordset()
            self.assertEqual(seen.total, 2)
        mailing.tiering_recipients = "all"
        mailing.invalidate_recordset(["total"])
        self.assertEqual(mailing.total, 6)

    def test_the_form_follows_what_is_typed(self):
        mailing = self.to_tier(self.platinum)
        with Form(mailing) as form:
            self.assertEqual(form.total, 2)
            form.tiering_recipients = "all"
            self.assertEqual(form.total, 6)

    # ------------------------------------------------------------------
    # No more than its author may see
    # ------------------------------------------------------------------

    def test_who_has_no_rights_in_sales_reads_why(self):
        with self.assertRaisesRegex(ValidationError, "only people with rights in Sales"), self.env.cr.savepoint():
            self.to_filter([("tiering_tier_id", "=", self.platinum.id)], self.mailer)
        mailing = self.to_filter([("id", "in", self.here.ids)], self.mailer)
        with self.assertRaisesRegex(ValidationError, "only people with rights in Sales"), self.env.cr.savepoint():
            mailing.mailing_domain = repr([("commercial_partner_id.tiering_score", ">", 10)])
        # What somebody else chose may be sent.
        mailing = self.to_tier(self.platinum)
        mailing.with_user(self.mailer).subject = "Great news"
        self.send(mailing.with_user(self.mailer))
        self.assertEqual(self.reached(mailing), self.here | self.both)

    def test_it_finds_no_more_than_its_author_may_see(self):
        own = self.new_user("tiering_own", f"{MAILING},sales_team.group_sale_salesman", email="own@example.com")
        for who, user in ((self.here, self.salesperson), (self.both, own)):
            who.user_id = user
            self.env["sale.order"].search([("partner_id", "=", who.id)]).user_id = user
        mailing = self.to_filter([("tiering_tier_id", "=", self.platinum.id)], own)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.both)

    def test_the_author_is_who_chose_it_last_and_nobody_else(self):
        mailing = self.to_tier(self.platinum)
        self.assertEqual(mailing.tiering_author_id, self.marketer)
        mailing.with_user(self.mailer).write({"tiering_author_id": self.env.uid, "user_id": self.env.uid})
        self.assertEqual(mailing.tiering_author_id, self.marketer)
        mailing.with_env(self.env).mailing_domain = repr([("tiering_tier_id", "=", self.other_platinum.id)])
        self.assertEqual(mailing.tiering_author_id, self.env.user)

    def test_who_takes_over_a_changed_filter_is_the_author(self):
        own = self.new_user("tiering_own", f"{MAILING},sales_team.group_sale_salesman", email="own@example.com")
        values = {"mailing_model_id": self.env["ir.model"]._get_id("res.partner")}
        for way in ("mailing", "list"):
            with self.subTest(way=way):
                saved = self.env["mailing.filter"].create(
                    {**values, "name": way, "mailing_domain": "[('name', '=', 'Here')]"}
                )
                mailing = self.open({"context": {}}, **values, mailing_filter_id=saved.id)
                self.assertEqual(mailing.tiering_author_id, self.marketer)
                domain = repr([("tiering_tier_id", "=", self.platinum.id)])
                saved.with_user(own).mailing_domain = domain
                mailing.invalidate_recordset()
                lists = self.env["mailing.list"].with_user(own).create({"name": "A List"})
                if way == "mailing":
                    mailing.with_user(own).contact_list_ids = lists
                else:
                    lists.mailing_ids = mailing.with_user(own)
                lists.env.flush_all()
                self.assertEqual((mailing.mailing_domain, mailing.tiering_author_id), (domain, own))

    def test_nobody_reads_the_names_of_tiers_of_other_companies(self):
        self.other_platinum.name = "Their Own"
        self.marketer.write({"company_id": self.company.id, "company_ids": self.company.ids})
        domain = [("tiering_tier_id", "=", self.other_platinum.id)]
        mailing = self.to_filter(domain)
        mailing.tiering_company_id = self.company
        mailing.invalidate_recordset()
        self.assertIn("does not exist any more", mailing.warning_message)
        self.assertNotIn("Their Own", mailing.warning_message)

    # ------------------------------------------------------------------
    # What cannot be found
    # ------------------------------------------------------------------

    def test_a_tier_that_is_archived_stops_the_mailing_and_nothing_is_lost(self):
        mailing, next_one = self.to_tier(self.platinum), self.to_tier(self.other_platinum)
        (mailing | next_one).action_put_in_queue()
        self.platinum.active = False
        self.run_job()
        self.assertEqual(mailing.state, "draft")
        self.assertFalse(self.reached(mailing))
        self.assertIn("tier Platinum is archived", "".join(mailing.message_ids.mapped("body")))
        self.assertIn("tier Platinum is archived", mailing.warning_message)
        self.assertEqual(self.reached(next_one), self.there | self.both)
        with self.assertRaisesRegex(UserError, "tier Platinum is archived"):
            mailing.action_launch()
        self.platinum.active = True
        self.compute()
        mailing.invalidate_recordset()
        self.assertFalse(mailing.warning_message)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.here | self.both)

    def test_a_policy_that_is_archived_stops_it_too(self):
        mailing = self.to_tier(self.platinum)
        self.policy.active = False
        with self.assertRaisesRegex(UserError, "tier Platinum is archived"):
            mailing.action_launch()

    def test_tiers_of_two_companies(self):
        mailing = self.to_filter([("tiering_tier_id", "in", (self.platinum | self.other_platinum).ids)])
        self.assertIn("Choose tiers of one company", mailing.warning_message)
        self.assertEqual(mailing.total, 0)
        with self.assertRaisesRegex(UserError, "Choose tiers of one company"):
            mailing.action_launch()

    def test_what_does_not_exist_any_more(self):
        segment = self.env["customer.segment"].create({"name": "Going", "code": "going"})
        mailing = self.open(segment.with_user(self.marketer).action_tiering_mailing())
        segment.unlink()
        with self.assertRaisesRegex(UserError, "does not exist any more"):
            mailing.action_launch()

    def test_an_author_who_lost_the_rights(self):
        mailing = self.to_tier(self.platinum)
        self.marketer.company_id = self.other
        self.marketer.company_ids = self.other
        mailing = mailing.with_env(self.env)
        with self.assertRaisesRegex(UserError, "tiering_marketer.* may not see the tiers of Tiering Company"):
            mailing.action_launch()

    def test_a_filter_that_is_none(self):
        mailing = self.to_filter([("id", "in", self.here.ids)])
        for text in ("[(", "uid", "[]"):
            mailing.mailing_domain = text
            self.assertFalse(mailing.tiering_asked, text)
        # Odoo itself cannot keep this one.
        model_id = self.env["ir.model"]._get_id("res.partner")
        unknown = "[('nothing', 'any', [('x', '=', 1)])]"
        typed = self.env["mailing.mailing"].new({"mailing_model_id": model_id, "mailing_domain": unknown})
        self.assertFalse(typed.tiering_asked)

    # ------------------------------------------------------------------
    # Without the addon
    # ------------------------------------------------------------------

    def test_when_the_addon_goes_nothing_goes_out_to_others(self):
        mailing, other = self.to_tier(self.platinum), self.to_filter([("id", "in", self.here.ids)])
        (mailing | other).action_put_in_queue()
        model_id = self.env["ir.model"]._get_id("res.partner")
        going, staying = self.env["mailing.filter"].create(
            [
                {"name": name, "mailing_model_id": model_id, "mailing_domain": domain}
                for name, domain in (
                    ("Tier", repr([("tiering_tier_id", "=", self.platinum.id)])),
                    ("Name", "[('name', '=', 'Ann')]"),
                )
            ]
        )
        uninstall_hook(self.env)
        self.assertEqual((mailing.state, other.state), ("draft", "in_queue"))
        self.assertFalse(going.exists())
        self.assertTrue(staying.exists())
