import re

from lxml import html

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, freeze_time, tagged

from .common import AS_OF, PLAIN, TieringCommon

REPORT = "customer_tiering.report_customer_letter"
HAN = re.compile("[\u4e00-\u9fff]")


@tagged("post_install", "-at_install")
class TestLetter(TieringCommon):
    """An English salesperson sends letters to customers in China and France."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(f"{AS_OF} 12:00:00"))
        for lang in ("zh_CN", "fr_FR"):
            cls.env["res.lang"]._activate_lang(lang)
        cls.env["ir.module.module"]._load_module_terms(["customer_tiering"], ["zh_CN", "fr_FR"])
        cls.seller = cls.new_user("tiering_own", "sales_team.group_sale_salesman", name="Sally Seller")
        cls.seller.partner_id.write({"phone": "+44 20 7946 0000", "email": "sally@example.com"})
        criteria = {line.metric_id.key: line for line in cls.policy.criterion_ids}
        for key in ("margin", "pulse"):
            if key not in criteria:
                cls.policy.criterion_ids = [Command.create({"metric_id": cls.metric(key), "weight": 10})]
        own = {"user_id": cls.seller.id}
        cls.wei = cls.buyer("Wei", 10, 40, amount=1000, lang="zh_CN", email="wei@example.com", **own)
        cls.jean = cls.buyer("Jean", 20, amount=300, lang="fr_FR", email="jean@example.com", **own)
        cls.ann = cls.buyer("Ann", 5, 6, amount=2500, **own)
        cls.strange = cls.buyer("Strange", 5, amount=50, user_id=cls.salesperson.id)
        for who in (cls.wei, cls.jean, cls.ann):
            who.sale_order_ids.user_id = cls.seller
        cls.strange.sale_order_ids.user_id = cls.salesperson
        cls.compute()

    def letter(self, who, user=None):
        """The text of the letter, as it is printed by the seller."""
        reports = self.env["ir.actions.report"].with_user(user or self.seller)
        page, _kind = reports._render_qweb_html(REPORT, who.ids)
        return " ".join(html.fromstring(page).text_content().split())

    def test_it_tells_what_counts_and_who_answers(self):
        card = self.card(self.ann)
        text = self.letter(self.ann)
        for words in (
            f"Your tier: {card.tier_id.name}",
            "in the last 365 days",
            "2 orders",
            "5,000.00",
            "No change of your tier is announced.",
            "Other things count, too",
            "Sally Seller",
            "+44 20 7946 0000",
            "sally@example.com",
            "06/30/2026",
        ):
            self.assertIn(words, text)

    def test_what_the_portal_hides_is_not_in_it(self):
        card = self.card(self.ann)
        self.assertTrue(card.score)
        text = self.letter(self.ann)
        # What counts besides is named by nothing but that it counts.
        for words in ("Margin", "Pulse", "margin", "points", "Risk", f"{card.score:.2f}", "Strange", "Wei", "Jean"):
            self.assertNotIn(words, text)
        self.policy.portal_score = True
        self.assertIn(f"You have {card.score:.2f} of 100 points.", self.letter(self.ann))

    def test_it_is_in_the_language_of_the_customer(self):
        chinese, french = self.letter(self.wei), self.letter(self.jean)
        self.assertRegex(chinese, HAN)
        self.assertIn("2026/06/30", chinese)
        self.assertIn(self.card(self.wei).tier_id.with_context(lang="zh_CN").name, chinese)
        # Whole sentences, with the punctuation of the language and nothing between them but what it puts there.
        tier = self.card(self.wei).tier_id.with_context(lang="zh_CN").name
        for words in (f"您的层级：{tier} ", " Wei，您好： ", "天内在我们这里的购买。您会与我们的其他客户进行比较。"):
            self.assertIn(words, chinese)
        self.assertIn("30/06/2026", french)
        for words in ("What counts", "Keeping it", "Does anything look wrong", "No change of your tier", "You reach"):
            self.assertNotIn(words, chinese)
            self.assertNotIn(words, french)
        both = self.letter(self.wei | self.ann)
        self.assertIn("What counts", both)
        self.assertRegex(both, HAN)

    def test_a_lock_and_an_announced_day_are_told_without_who_and_why(self):
        card = self.card(self.ann)
        self.env["customer.tiering.lock"].create(
            {"partner_id": self.ann.id, "tier_id": self.policy.tier_ids[0].id, "mode": "fixed", "reason": "Blackmail"}
        )
        self.compute()
        text = self.letter(self.ann)
        self.assertIn("We have set this tier for you.", text)
        self.assertNotIn("Blackmail", text)
        lower = self.policy.tier_ids[-1]
        card = self.card(self.jean)
        card.write({"pending_tier_id": lower.id, "pending_date": "2026-07-09"})
        self.assertIn("09/07/2026", self.letter(self.jean))

    def test_another_ones_customer_is_refused(self):
        for call in ("action_tiering_letter", "action_tiering_send_letter"):
            with self.subTest(call=call):
                with self.assertRaisesRegex(UserError, "no tier that you may see"):
                    getattr(self.strange.with_user(self.seller), call)()
                with self.assertRaises(AccessError):
                    getattr(self.card(self.strange).with_user(self.seller), call)()
                # The same where there is none.
                with self.assertRaisesRegex(UserError, "no tier that you may see"):
                    getattr(self.new_customer("New").with_user(self.seller), call)()
        with self.assertRaises(Exception) as caught:
            self.letter(self.ann | self.strange)
        self.assertIn("no tier that you may see", str(caught.exception))
        self.assertIn("Strange", self.letter(self.strange, self.salesperson))
        portal = self.new_user("tiering_portal", "base.group_portal")
        with self.assertRaises(AccessError):
            self.ann.with_user(portal).action_tiering_letter()

    def test_it_is_sent_with_odoos_composer(self):
        action = self.card(self.jean).with_user(self.seller).action_tiering_send_letter()
        context = {**action["context"], "force_report_rendering": False}
        composer = Form(self.env["mail.compose.message"].with_user(self.seller).with_context(**context)).save()
        self.assertEqual(composer.partner_ids, self.jean)
        self.assertEqual(composer.template_id.report_template_ids.report_name, REPORT)
        self.assertEqual(len(composer.attachment_ids), 1)
        self.assertIn("Jean", composer.body)
        self.assertNotIn("the attached letter tells", composer.body)

    def test_it_is_of_the_company_of_the_scorecard(self):
        other = self.env["res.company"].create({"name": "Other"})
        user = self.new_user("tiering_two", "sales_team.group_sale_manager")
        user.company_ids |= other
        card = self.card(self.ann).with_user(user).with_context(allowed_company_ids=[other.id, self.company.id])
        written = card.partner_id.with_company(self.company).action_tiering_write()
        for action in (card.action_tiering_send_letter(), written):
            composer = Form(self.env["mail.compose.message"].with_user(user).with_context(**action["context"])).save()
            self.assertTrue(composer.subject.startswith(self.company.name), composer.subject)

    def test_letters_of_several_companies_are_each_of_its_own(self):
        """Ann has a tier in both, Mary in the other one only."""
        other = self.env["res.company"].create({"name": "Other"})
        self.env.user.company_ids |= other
        policy = other.tiering_policy_ids
        policy.write({"recalibrate_days": 0, **PLAIN})
        mary = self.new_customer("Mary", user_id=self.seller.id)
        for who in (self.ann, mary):
            self.order(who, 8, company_id=other.id, user_id=self.seller.id)
        self.compute(policy=policy)
        self.seller.company_ids |= other
        theirs = self.env["customer.tiering.scorecard"].search([("company_id", "=", other.id)])
        self.assertEqual(theirs.partner_id, self.ann | mary)
        for companies in (self.company | other, other | self.company):
            cards = self.card(self.ann) | theirs.sorted(lambda card: card.partner_id == mary)
            cards = cards.with_user(self.seller).with_context(allowed_company_ids=companies.ids)
            action = cards.action_tiering_letter()
            self.assertEqual(action["context"]["active_ids"], cards.ids)
            reports = self.env["ir.actions.report"].with_user(self.seller)
            reports = reports.with_context(allowed_company_ids=companies.ids)
            page, _kind = reports._render_qweb_html(action["report_name"], cards.ids)
            letters = html.fromstring(page).find_class("article")
            self.assertEqual(len(letters), 3)
            for letter, card in zip(letters, cards, strict=True):
                text = letter.text_content()
                self.assertIn(f"Hello {card.partner_id.name},", text)
                self.assertEqual(len(letter.getparent().xpath(f".//*[text()='{card.company_id.name}']")) > 0, True)
            # From the list of contacts: of the company that is worked in, else of the other.
            people = (self.ann | mary).with_user(self.seller).with_context(allowed_company_ids=companies.ids)
            self.assertEqual(
                [who._get_tiering_letter()["company"] for who in people], [companies[0], other], companies[0].name
            )
        with self.assertRaisesRegex(UserError, "no tier that you may see"):
            mary.with_user(self.seller).with_context(allowed_company_ids=self.company.ids).action_tiering_letter()
        with self.assertRaises(AccessError):
            theirs.with_user(self.seller).with_context(allowed_company_ids=self.company.ids).action_tiering_letter()

    def test_the_scorecard_prints_it(self):
        card = self.card(self.ann).with_user(self.seller)
        action = card.action_tiering_letter()
        self.assertEqual(action["context"]["active_ids"], card.ids)
        page, _kind = (
            self.env["ir.actions.report"].with_user(self.seller)._render_qweb_html(action["report_name"], card.ids)
        )
        self.assertEqual(" ".join(html.fromstring(page).text_content().split()), self.letter(self.ann))
