from odoo.tests import tagged

from .common import MAILING, SALES, MailingCommon

PLACEHOLDER = '<p>For you: <t t-out="object.tiering_recommended">something</t></p>'


@tagged("post_install", "-at_install")
class TestRecommended(MailingCommon):
    """To the customer Here a bottle and foil are recommended, in the other company glue; to There nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.policy | cls.other_policy).look_for_gaps = True
        cls.bottle, cls.foil, cls.glue = cls.env["product.product"].create(
            [{"name": name, "default_code": "X"} for name in ("Bottle", "Foil", "Glue")]
        )
        cls.env["customer.tiering.recommendation"].create(
            [
                {"partner_id": cls.here.id, "company_id": company.id, "product_data": products.ids}
                for company, products in ((cls.company, cls.bottle | cls.foil), (cls.other, cls.glue))
            ]
        )
        # Odoo lets only editors of templates write such placeholders into mails.
        cls.editor = cls.new_user(
            "tiering_editor", f"{MAILING},{SALES},mail.group_mail_template_editor", email="editor@example.com"
        )
        cls.editor.company_ids |= cls.other
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.here.lang = "fr_FR"

    def mailed(self, company, domain, **values):
        """``{address: (subject, what stands after “For you”)}`` of the mails of a mailing that the job sends."""
        mailing = self.to_filter(
            domain,
            user=self.editor,
            company=company,
            body_arch=PLACEHOLDER,
            body_html=PLACEHOLDER,
            keep_archives=True,
            tiering_recipients="customer",
            **values,
        )
        self.send(mailing)
        mails = self.env["mail.mail"].search([("mailing_id", "=", mailing.id)])
        self.assertEqual(mailing.state, "done")
        return {
            mail.res_id: (mail.subject, mail.body_html.partition("For you: ")[2].partition("</p>")[0]) for mail in mails
        }

    def test_of_the_company_of_the_mailing_whoever_sends(self):
        domain = [("id", "in", self.here.ids)]
        subject = "{{ object.tiering_recommended }}!"
        self.assertEqual(
            self.mailed(self.company, domain, subject=subject), {self.here.id: ("Bottle et Foil!", "Bottle et Foil")}
        )
        self.assertEqual(self.mailed(self.other, domain, subject=subject), {self.here.id: ("Glue!", "Glue")})

    def test_where_nothing_is_known_stands_what_the_mailing_says_instead(self):
        domain = [("id", "in", (self.here | self.there).ids)]
        found = self.mailed(self.company, domain)
        self.assertEqual(found, {self.here.id: ("News", "Bottle et Foil"), self.there.id: ("News", "something")})

    def test_to_those_of_whom_something_is_known(self):
        domain = [("id", "in", (self.here | self.there).ids), ("tiering_recommended", "!=", False)]
        self.assertEqual(self.mailed(self.other, domain), {self.here.id: ("News", "Glue")})
