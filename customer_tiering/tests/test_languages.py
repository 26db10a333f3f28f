import re
from datetime import timedelta

from lxml import etree

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .. import languages
from .common import AS_OF, TieringCommon

LANGUAGES = ("zh_CN", "fr_FR", "de_DE", "es_ES")
HAN = re.compile("[\u4e00-\u9fff]")
# What people may be called, or call things.
NAMES = ("张伟（上海）有限公司", "شركة النور للتجارة", "Ægir & Søn 🚀", "%(name)s <b>{{ tier }}</b>")
# What stands in Chinese as in English: signs, names, formulas.
SAME_IN_CHINESE = re.compile(r"^(ID|R|F|M|R – F – M|A|B|C|[\W\d_]*|.*@.*|.*//.*)$")


class LanguagesCommon(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for lang in LANGUAGES:
            cls.env["res.lang"]._activate_lang(lang)
        modules = cls.env["ir.module.module"]
        addons = modules.search([("name", "=like", "customer_tiering%"), ("state", "=", "installed")]).mapped("name")
        modules._load_module_terms(addons, list(LANGUAGES))
        cls.people = {
            lang: cls.new_user(
                f"tiering_{lang}", "sales_team.group_sale_manager,base.group_allow_export", lang=lang, tz="UTC"
            )
            for lang in ("en_US", *LANGUAGES)
        }

    def as_person(self, lang, record):
        return record.with_user(self.people[lang]).with_context(lang=lang)


@tagged("post_install", "-at_install")
class TestSameInEveryLanguage(LanguagesCommon):
    """A user's language changes words and how numbers are written, and nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.write({"grace_days": 10, "enter_margin": 5, "upgrade_days": 7, "min_population": 2})
        cls.buyers = [
            cls.buyer(f"Buyer {number}", *range(number, 360, 7 + 5 * number), amount=1234.56 * (number + 1))
            for number in range(8)
        ]
        cls.buyers.append(cls.buyer("Late", 300, 280, 260, 240, 220, amount=5000))

    def test_scores(self):
        Card = self.env["customer.tiering.scorecard"]
        fnames = [
            name
            for name, field in Card._fields.items()
            if field.store and field.type not in ("char", "text", "html", "json") and name not in self._of_the_run()
        ]
        told = {}
        for lang in self.people:
            runs = self.as_person(lang, self.env["customer.tiering.run"])
            runs._queue(self.as_person(lang, self.policy), trigger="manual")._compute(as_of=AS_OF)
            cards = Card.search([("company_id", "=", self.company.id)], order="partner_id")
            cards.invalidate_recordset()
            told[lang] = cards.sudo().read([*fnames, "parts", "risk_signals"], load="")
            self.assertEqual(len(cards), 9)
        for lang in LANGUAGES:
            self.assertEqual(told[lang], told["en_US"], lang)

    @staticmethod
    def _of_the_run():
        return {"run_id", "write_date", "write_uid", "create_date", "create_uid"}

    def test_a_filter_with_a_translated_name_finds_what_its_author_meant(self):
        category = self.env["res.partner.category"].create({"name": "Important"})
        category.with_context(lang="de_DE").name = "Wichtig"
        self.buyers[0].category_id = category
        domain = "[('category_id.name', '=', 'Wichtig')]"
        self.as_person("de_DE", self.policy).partner_domain = domain
        for lang in self.people:
            runs = self.as_person(lang, self.env["customer.tiering.run"])
            run = runs._queue(self.as_person(lang, self.policy), trigger="manual")
            run._compute(as_of=AS_OF)
            self.assertEqual(run.customer_count, 1, lang)

    def test_simulation(self):
        self.compute()
        results = {}
        for lang in self.people:
            action = self.as_person(lang, self.policy).action_simulate()
            draft = self.as_person(lang, self.policy.browse(action["res_id"]))
            draft.tier_ids[0].entry_floor = 95
            draft.action_simulation_compute()
            simulation = self.env["customer.tiering.simulation"].search([("draft_id", "=", draft.id)])
            result = simulation.sudo().result
            results[lang] = dict(result)
            self.assertTrue(results[lang])
            draft.action_simulation_discard()
        for lang in LANGUAGES:
            self.assertEqual(results[lang], results["en_US"], lang)

    def test_export(self):
        self.compute()
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        fnames = ["partner_id/.id", "score", "amount", "last_order_date", "tier_id/.id", "growth"]
        exported = {}
        for lang in self.people:
            self.env.invalidate_all()
            exported[lang] = self.as_person(lang, cards).export_data(fnames)["datas"]
        for lang in LANGUAGES:
            self.assertEqual(exported[lang], exported["en_US"], lang)


@tagged("post_install", "-at_install")
class TestReadersLanguage(LanguagesCommon):
    """What is written once is read by each in their own language."""

    def _notes(self, run, fname="note"):
        return {lang: self.as_person(lang, run)[fname] for lang in self.people}

    def test_the_note_of_a_run(self):
        self.buyer("Only", 1)
        notes = self._notes(self.compute())
        self.assertIn("only 1,", notes["en_US"])
        self.assertEqual(len(set(notes.values())), 5)
        self.assertRegex(notes["zh_CN"], HAN)
        for note in notes.values():
            self.assertIn("100", note)

    def test_why_a_run_was_skipped_with_the_day_as_it_is_written_there(self):
        self.buyer("Only", 1)
        self.compute()
        run = self.env["customer.tiering.run"].create([{"policy_id": self.policy.id, "trigger": "nightly"}])
        notes = languages.say(run, lambda run: run._get_clock_note(AS_OF - timedelta(days=10), self.policy.last_run_id))
        self.assertIn("06/30/2026", notes["en_US"])
        self.assertIn("30.06.2026", notes["de_DE"])
        self.assertIn("30/06/2026", notes["fr_FR"])
        self.assertIn("2026/06/30", notes["zh_CN"])

    def test_why_a_run_failed(self):
        self.buyer("Only", 1)
        run = self.env["customer.tiering.run"].with_user(self.people["de_DE"])._queue(self.policy, trigger="manual")
        self.env.flush_all()
        # As data removed in the database leave it.
        self.env.cr.execute("DELETE FROM customer_tier WHERE policy_id = %s", [self.policy.id])
        self.env.invalidate_all(flush=False)
        with self.assertRaises(UserError) as caught:
            run.with_context(lang="de_DE")._compute(as_of=AS_OF)
        with self.assertLogs("odoo.addons.customer_tiering", "ERROR"):
            message = str(caught.exception)
            run._fail(lambda run: run.policy_id._get_refusal() or message)
        errors = self._notes(run, "error")
        self.assertEqual(errors["de_DE"], message)
        self.assertIn("has no tier", errors["en_US"])
        self.assertEqual(len(set(errors.values())), 5)

    def test_the_explanation_says_nothing_in_another_language(self):
        late = self.buyer("X", 300, 280, 260, 240, 220, amount=5000)
        self.buyer("Y", 1, 8, 15, 22, amount=100)
        self.compute()
        said = {}
        for lang in self.people:
            self.env.invalidate_all()
            card = self.as_person(lang, self.card(late))
            data = card.explanation_data
            said[lang] = [
                data["text"],
                data["rule"],
                data["lifecycle"]["sentence"],
                data["risk"]["sentence"],
                card.risk_reason,
                card.segment_advice,
                card.tier_id.name,
                card.segment_id.name,
                *(line["label"] for line in data["lines"]),
            ]
        for lang in LANGUAGES:
            for english, text in zip(said["en_US"], said[lang], strict=True):
                if english != "Bronze":  # the same in French and German
                    self.assertNotEqual(text, english, lang)
        for text in said["zh_CN"]:
            self.assertNotRegex(text, "[A-WZa-z]{2}", "English in Chinese")
            self.assertNotRegex(text, "。 ", "a space between Chinese sentences")

    def test_a_playbook_writes_in_the_language_of_the_person(self):
        self.buyer("Somebody", 1)
        self.compute()
        playbook = self.policy.playbook_ids.filtered(lambda playbook: playbook.trigger == "first_order")
        with freeze_time(self.noon(AS_OF)):
            playbook.action_enable()
        firsts = {
            lang: self.buyer(name, -1, user_id=self.people[lang].id)
            for lang, name in (("zh_CN", "张伟"), ("de_DE", "Müller"), ("en_US", "Smith"))
        }
        self.compute_after(1)
        with freeze_time(self.noon(AS_OF, -1)):
            self.env["customer.tiering.followup"].with_context(lang="fr_FR")._process(
                playbook, AS_OF + timedelta(days=1)
            )
        summaries = {lang: partner.activity_ids.summary for lang, partner in firsts.items()}
        self.assertEqual(summaries["en_US"], "Thank Smith for the first order")
        self.assertRegex(summaries["zh_CN"], "张伟.*首|首.*张伟")
        self.assertRegex(summaries["de_DE"], "Müller.*erste|erste.*Müller")
        self.assertIn("2026/07/01", firsts["zh_CN"].activity_ids.note)
        self.assertIn("01.07.2026", firsts["de_DE"].activity_ids.note)

    def test_names_come_through_in_every_text(self):
        for name in NAMES:
            partner = self.buyer(name, 1, 8, 15)
            self.policy.tier_ids[0].with_context(lang="en_US").name = name
            self.compute()
            for lang in self.people:
                self.env.invalidate_all()
                card = self.as_person(lang, self.card(partner))
                self.assertIn(name, card.display_name)
            partner.active = False

    def test_chinese_customers_are_found(self):
        partner = self.buyer("张伟", 1)
        self.compute()
        found = self.as_person("zh_CN", self.env["res.partner"]).name_search("张")
        self.assertIn(partner.id, [partner_id for partner_id, _name in found])
        cards = self.as_person("zh_CN", self.env["customer.tiering.scorecard"])
        self.assertEqual(cards.search([("partner_id", "ilike", "张")]).partner_id, partner)


@tagged("post_install", "-at_install")
class TestDelivered(LanguagesCommon):
    """What companies start with, and what people made of it."""

    def _names(self, records, lang):
        return records.with_context(lang=lang).mapped("name")

    def test_a_company_of_a_chinese_user_has_english_names_too(self):
        company = self.env["res.company"].with_context(lang="zh_CN").create({"name": "上海"})
        tiers = company.tiering_policy_ids.tier_ids
        self.assertEqual(self._names(tiers, "en_US"), ["Platinum", "Gold", "Silver", "Bronze"])
        self.assertEqual(self._names(tiers, "zh_CN"), ["铂金", "黄金", "白银", "青铜"])
        self.assertEqual(self._names(tiers, "es_ES"), ["Platino", "Oro", "Plata", "Bronce"])

    def test_playbooks_and_their_steps(self):
        company = self.env["res.company"].create({"name": "Berlin"})
        steps = company.tiering_policy_ids.playbook_ids.step_ids.with_context(lang="de_DE")
        english = steps.with_context(lang="en_US")
        for fname in ("summary", "note"):
            for step, source in zip(steps, english, strict=True):
                self.assertNotEqual(step[fname], source[fname])
                # What stands for something is the same in all languages.
                placeholders = re.compile(r"\{\{ \w+ \}\}")
                self.assertEqual(sorted(placeholders.findall(step[fname])), sorted(placeholders.findall(source[fname])))

    def test_what_people_renamed_stays(self):
        tiers = self.policy.tier_ids
        tiers[0].with_context(lang="en_US").name = "Diamond"
        tiers[1].with_context(lang="zh_CN").name = "金牌"
        segment = self.env.ref("customer_tiering.customer_segment_champions")
        segment.with_context(lang="zh_CN").name = "大客户"
        self.env["ir.module.module"]._load_module_terms(["customer_tiering"], ["zh_CN", "de_DE"])
        self.assertEqual(tiers[0].with_context(lang="en_US").name, "Diamond")
        self.assertEqual(self._names(tiers[1:3], "zh_CN"), ["金牌", "白银"])
        self.assertEqual(segment.with_context(lang="zh_CN").name, "大客户")

    def test_a_language_that_comes_later(self):
        self.env.flush_all()
        for table, columns in languages.DELIVERED.items():
            for column in columns:  # as before the language was there
                self.env.cr.execute(f"UPDATE {table} SET {column} = {column} - 'fr_FR'")
        self.env.invalidate_all(flush=False)
        self.assertEqual(self._names(self.policy.tier_ids, "fr_FR")[1], "Gold")
        self.env["base.language.install"].create(
            [{"lang_ids": [Command.set(self.env["res.lang"]._lang_get("fr_FR").ids)], "overwrite": False}]
        ).lang_install()
        self.env.invalidate_all()
        self.assertEqual(self._names(self.policy.tier_ids, "fr_FR"), ["Platine", "Or", "Argent", "Bronze"])


@tagged("post_install", "-at_install")
class TestNothingInEnglish(LanguagesCommon):
    """Every model, field, choice and view of the addon has no English word left in Chinese."""

    def _ours(self):
        return [name for name in self.env.registry if name.startswith("customer.t") or name == "customer.segment"]

    def test_fields(self):
        english = []
        for name, model in self.env.items():
            if model._abstract:  # their fields are those of the models that have them
                continue
            told = model.with_context(lang="zh_CN").fields_get()
            for fname, field in told.items():
                if not model._fields[fname]._module or not model._fields[fname]._module.startswith("customer_tiering"):
                    continue
                texts = [field["string"], field.get("help")]
                if isinstance(getattr(model._fields[fname], "selection", None), list):
                    texts += [label for _key, label in field["selection"]]
                english += [(name, fname, text) for text in texts if text and not self._is_chinese(text)]
        self.assertEqual(english, [])

    def test_views(self):
        english, count = [], 0
        attributes = ("string", "title", "placeholder", "help", "confirm", "aria-label", "data-tooltip", "sum", "alt")
        views = self.env["ir.ui.view"].search([("model", "in", self._ours()), ("mode", "=", "primary")])
        for view in views:
            arch = etree.fromstring(
                self.env[view.model].with_context(lang="zh_CN").get_view(view.id, view.type)["arch"]
            )
            for node in arch.iter(etree.Element):
                texts = [node.get(name) for name in attributes if name in node.attrib]
                if node.tag not in ("attribute", "script", "t") or node.getparent() is not None:
                    texts += [node.text, node.tail]
                count += 1
                english += [
                    (view.xml_id, " ".join(text.split()))
                    for text in texts
                    if text and text.strip() and not self._is_chinese(text)
                ]
        self.assertGreater(count, 1000)
        self.assertEqual(english, [])

    def _is_chinese(self, text):
        return bool(HAN.search(text)) or bool(SAME_IN_CHINESE.match(" ".join(text.split())))
