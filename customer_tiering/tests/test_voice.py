import io
from datetime import timedelta

import openpyxl

from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import HttpCase, freeze_time, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class VoiceCommon(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.buyer("Anna", 10)
        cls.shop = cls.new_customer("Anna's shop", parent_id=cls.anna.id)
        cls.packing = cls.env.ref("customer_tiering.customer_tiering_need_kind_packing")

    @classmethod
    def need(cls, text, user=None, **values):
        needs = cls.env["customer.tiering.need"].with_user(user or cls.salesperson)
        return needs.create({"partner_id": cls.anna.id, "kind_id": cls.packing.id, "text": text, **values})

    @classmethod
    def measure(cls, *keys):
        cls.policy.shown_metric_ids = [Command.set([cls.metric(key) for key in keys])]


class TestNeeds(VoiceCommon):
    def test_who_noted_it_and_when_is_kept(self):
        need = self.need("No pallets", user_id=self.manager.id, date="2020-01-01")
        self.assertEqual((need.user_id, need.date), (self.salesperson, need.create_date.date()))
        need.with_user(self.manager).text = "Low pallets"
        self.assertEqual(need.user_id, self.manager)

    def test_what_a_contact_needs_is_its_companys(self):
        self.assertEqual(self.need("No pallets", partner_id=self.shop.id).partner_id, self.anna)

    def test_quotations_and_scorecards_say_it_in_one_line(self):
        self.compute()
        self.need("No pallets higher than 1.20 m")
        self.need("Invoice by e-mail", company_id=False)
        other = self.env["res.company"].create({"name": "Other"})
        self.env["customer.tiering.need"].create(
            {"partner_id": self.anna.id, "kind_id": self.packing.id, "text": "Elsewhere", "company_id": other.id}
        )
        quotation = self.order(self.shop, state="draft")
        line = "No pallets higher than 1.20 m, Invoice by e-mail"
        self.assertEqual(quotation.with_user(self.salesperson).tiering_needs, line)
        self.assertEqual(self.card(self.anna).needs, line)

    def test_it_holds_until_its_last_day(self):
        today = self.company._get_tiering_today()
        need = self.need("Before ten", valid_until=today)
        self.assertTrue(need.is_valid)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE customer_tiering_need SET valid_until = %s WHERE id = %s", [today - timedelta(days=1), need.id]
        )
        self.env.invalidate_all()
        self.assertFalse(need.is_valid)
        self.assertFalse(self.order(self.anna, state="draft").tiering_needs)
        self.assertNotIn(need, need.search([("is_valid", "=", True)]))
        self.assertIn(need, need.search([("is_valid", "=", False)]))
        with self.assertRaisesRegex(ValidationError, "already"):
            self.need("Too late", valid_until=today - timedelta(days=1))

    def test_the_day_is_the_companys_whoever_looks(self):
        """At this moment it is the 29th in Pago Pago, the 30th in the company and the 1st in Kiritimati."""
        self.company.partner_id.tz = "UTC"
        days = {"Yesterday": "2026-06-29", "Today": "2026-06-30", "Tomorrow": "2026-07-01"}
        with freeze_time("2026-06-28 10:00:00"):
            needs = {name: self.need(name, valid_until=day) for name, day in days.items()}
        self.measure("needs")
        for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati"):
            self.salesperson.tz = zone
            with self.subTest(zone=zone), freeze_time("2026-06-30 10:00:00"):
                env = self.env(user=self.salesperson, context={"allowed_company_ids": self.company.ids, "tz": zone})
                self.env.invalidate_all()
                seen = {name: need.with_env(env).is_valid for name, need in needs.items()}
                self.assertEqual(seen, {"Yesterday": False, "Today": True, "Tomorrow": True})
                quotation = self.order(self.anna, state="draft").with_env(env)
                self.assertEqual(quotation.tiering_needs, "Today, Tomorrow")
                with self.assertRaisesRegex(ValidationError, "already"):
                    self.need("Over", valid_until="2026-06-29")
                self.need(f"Until midnight in {zone}", valid_until="2026-06-30").unlink()
        for days_later, count in ((-1, 3), (0, 2), (1, 1), (2, 0)):
            self.compute_after(days_later)
            self.assertEqual(self.card(self.anna).need_count, count)

    def test_each_need_has_the_day_of_its_company(self):
        """At 10:00 of the 30th in UTC it is the 1st in Kiritimati, and still the 29th in Pago Pago."""
        needs = {}
        for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
            company = self.env["res.company"].create({"name": zone})
            company.partner_id.tz = zone
            self.salesperson.company_ids |= company
            there = self.salesperson.with_context(allowed_company_ids=company.ids)
            with freeze_time("2026-06-28 10:00:00"):
                for day in ("2026-06-29", "2026-06-30"):
                    values = {"partner_id": self.anna.id, "kind_id": self.packing.id, "company_id": company.id}
                    need = there.env["customer.tiering.need"].with_user(there)
                    needs[zone, day] = need.create({**values, "text": zone, "valid_until": day})
        expected = {
            ("UTC", "2026-06-29"): False,
            ("UTC", "2026-06-30"): True,
            ("Pacific/Kiritimati", "2026-06-29"): False,
            ("Pacific/Kiritimati", "2026-06-30"): False,
            ("Pacific/Pago_Pago", "2026-06-29"): True,
            ("Pacific/Pago_Pago", "2026-06-30"): True,
        }
        self.env.invalidate_all()
        companies = self.salesperson.company_ids.ids
        records = self.env["customer.tiering.need"].with_user(self.salesperson)
        records = records.with_context(allowed_company_ids=companies)
        with freeze_time("2026-06-30 10:00:00"):
            self.assertEqual({key: need.with_env(records.env).is_valid for key, need in needs.items()}, expected)
            for is_valid in (True, False):
                found = records.search([("is_valid", "=", is_valid), ("partner_id", "=", self.anna.id)])
                self.assertEqual(set(found.ids), {needs[key].id for key in needs if expected[key] is is_valid})

    def test_they_are_counted(self):
        self.measure("needs")
        self.need("No pallets")
        self.need("Before ten")
        self.env.cr.execute("UPDATE customer_tiering_need SET date = %s", [AS_OF])
        self.compute()
        self.assertEqual(self.card(self.anna).need_count, 2)

    def test_nothing_is_no_need(self):
        with self.assertRaisesRegex(ValidationError, "Say what"):
            self.need("   ")

    def test_a_need_goes_along_when_contacts_are_merged(self):
        ben = self.buyer("Ben", 5)
        need = self.need("No pallets")
        self.env["customer.tiering.former"]._hand_over({self.anna.id: ben.id})
        self.assertEqual(need.partner_id, ben)

    def test_what_was_noted_of_several_who_are_merged_is_there_once(self):
        """That which holds longest; another company's is another need."""
        ben, carl, until = self.buyer("Ben", 5), self.buyer("Carl", 5), self.company._get_tiering_today()
        self.need("No pallets", valid_until=until)
        longest = self.need(" no Pallets", partner_id=ben.id)
        everywhere = self.need("No pallets", partner_id=carl.id, company_id=False)
        other = self.need("Before ten", partner_id=carl.id)
        self.need("No pallets", partner_id=carl.id, valid_until=until)
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((self.anna | ben | carl).ids, dst_partner=self.anna)
        kept = self.env["customer.tiering.need"].search([("partner_id", "in", (self.anna | ben | carl).ids)])
        self.assertEqual(kept, longest | everywhere | other)
        self.assertEqual(kept.partner_id, self.anna)

    def test_who_may_not_see_the_customer_sees_no_need(self):
        own = self.new_user("own_only", "sales_team.group_sale_salesman")
        self.anna.user_id = self.manager
        need = self.need("No pallets")
        self.order(self.anna, 3, user_id=self.manager.id)
        self.assertFalse(need.with_user(own).search([("id", "=", need.id)]))


class TestPulse(VoiceCommon):
    def pulse(self, sign, user=None, ago=0, **values):
        pulses = self.env["customer.tiering.pulse"].with_user(user or self.salesperson)
        pulse = pulses.create({"partner_id": self.anna.id, "sign": sign, "word": "New buyer", **values})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE customer_tiering_pulse SET date = %s WHERE id = %s", [AS_OF - timedelta(days=ago), pulse.id]
        )
        self.env.invalidate_all()
        return pulse

    def test_it_is_the_mean_of_the_last_word_of_each(self):
        self.measure("pulse")
        self.pulse("down", ago=30)
        self.pulse("up", ago=10)
        self.pulse("same", self.manager, ago=5)
        self.compute()
        self.assertEqual(self.card(self.anna).pulse, 0.5)

    def test_it_is_gone_after_90_days(self):
        self.measure("pulse")
        self.pulse("down", ago=90)
        self.compute()
        self.assertEqual(self.card(self.anna).pulse, 0)
        self.pulse("down", ago=89)
        self.compute()
        self.assertEqual(self.card(self.anna).pulse, -1)
        self.assertEqual(len(self.card(self.anna).pulse_ids), 2, "it stays in the history")

    def test_it_is_worth_a_weight(self):
        """All of it: who goes well has 100 points."""
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": self.metric("pulse"), "weight": 1, "method": "bands"}),
        ]
        self.pulse("up")
        self.buyer("Ben", 10)
        self.compute()
        self.assertEqual(self.card(self.anna).score, 100)

    def test_it_is_never_anonymous_and_never_changed(self):
        pulse = self.pulse("up", user_id=self.manager.id)
        self.assertEqual(pulse.user_id, self.salesperson)
        for user in (self.salesperson, self.manager):
            with self.assertRaises(AccessError):
                pulse.with_user(user).word = "Other"
            with self.assertRaises(AccessError):
                pulse.with_user(user).unlink()
        with self.assertRaisesRegex(ValidationError, "in a word"):
            self.pulse("up", word=" ")


class TestTable(VoiceCommon):
    def test_the_sheet_of_a_customer(self):
        """One page: tier, why, needs, and what was bought in each of twelve months."""
        self.order(self.shop, 40, 250)
        self.compute()
        self.need("No pallets higher than 1.20 m")
        card = self.card(self.anna).with_user(self.salesperson)
        html = self.env["ir.actions.report"].with_user(self.salesperson)
        html, _kind = html._render_qweb_html("customer_tiering.report_customer_sheet", card.ids)
        text = html.decode()
        for part in ("Anna", card.tier_id.name, "No pallets higher than 1.20 m", "points"):
            self.assertIn(part, text)

    def test_a_hidden_customer_is_on_no_sheet_and_in_no_export(self):
        """Whose card is asked for together with one's own: what is computed of both is told of neither."""
        own = self.new_user("tiering_own", "sales_team.group_sale_salesman,base.group_allow_export")
        ben = self.buyer("Ben", 10)
        ben.user_id = own
        ben.sale_order_ids.user_id = own
        self.anna.user_id = self.salesperson
        self.anna.sale_order_ids.user_id = self.salesperson
        self.compute()
        cards = self.card(ben) | self.card(self.anna)
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self.env[cards._name].with_user(own).search([("id", "in", cards.ids)]), self.card(ben))
        reports = self.env["ir.actions.report"].with_user(own)

        def print_sheet(ids):
            return str(reports._render_qweb_html("customer_tiering.report_customer_sheet", ids)[0])

        def export(ids):
            return str(cards.browse(ids).with_user(own).export_data(["motive_reason", "partner_id/name"]))

        for door in (print_sheet, export):
            self.env.invalidate_all()
            self.assertIn("Ben", door(self.card(ben).ids))
            for ids in (cards.ids, cards[::-1].ids, self.card(self.anna).ids):
                self.env.invalidate_all()
                with self.subTest(door=door.__name__, ids=ids), self.assertRaises(AccessError):
                    door(ids)

    def test_a_number_that_nobody_knows_is_empty_in_views(self):
        self.measure("pulse", "needs")
        ben = self.buyer("Ben", 10)
        self.env["customer.tiering.pulse"].create(
            {"partner_id": ben.id, "sign": "same", "word": "As ever", "date": AS_OF}
        )
        self.compute()
        cards = (self.card(self.anna) | self.card(ben)).with_user(self.salesperson)
        wanted = {name: {} for name in ("pulse", "need_count", "order_count", "partner_id", "behaviour")}
        for rows in (cards.web_read(wanted), cards.web_search_read([("id", "in", cards.ids)], wanted)["records"]):
            anna, other = sorted(rows, key=lambda row: row["partner_id"])
            self.assertIs(anna["pulse"], False)
            self.assertEqual((type(other["pulse"]), other["pulse"]), (float, 0))
            self.assertEqual((anna["need_count"], anna["order_count"]), (0, 1))
            self.assertIsNot(anna["need_count"], False)

    def test_months_add_up_to_what_was_bought(self):
        today = self.company._get_tiering_today()
        ben = self.new_customer("Ben")
        for days, amount in ((0, 10), (20, 30), (200, 70), (800, 5000)):
            self.order(ben, amount=amount, when=self.noon(today, days))
        self.compute()
        months = self.card(ben)._get_months()
        self.assertEqual(len(months), 12)
        self.assertEqual(sum(month["amount"] for month in months), 110)
        self.assertGreaterEqual(months[-1]["amount"], 10)
        self.assertEqual(max(month["height"] for month in months), 60)

    def test_behaviour_in_words(self):
        """Three of four purchases on Tuesdays, AS_OF being one."""
        ben = self.buyer("Ben", 0, 7, 14, 15)
        self.measure("weekday_share")
        self.compute()
        card = self.card(ben)
        self.assertEqual((card.top_weekday, card.weekday_share), (2, 75))
        self.assertEqual(card.behaviour, "mostly on Tuesday")
        self.assertFalse(self.card(self.anna).behaviour, "one purchase is no behaviour")

    def test_all_columns_are_measured_with_one_click(self):
        self.policy.with_user(self.manager).action_measure_table()
        keys = set(self.policy.shown_metric_ids.mapped("key"))
        self.assertLessEqual({"margin", "net_profit", "weekday_share", "category_share", "discount_share"}, keys)
        self.compute()
        self.assertEqual(self.card(self.anna).margin_percent, 0)


@tagged("post_install", "-at_install")
class TestWorkbook(HttpCase, VoiceCommon):
    def download(self, login, ids=""):
        self.authenticate(login, login)
        return self.url_open(f"/customer_tiering/table?ids={ids}")

    def test_the_workbook_has_the_table_and_its_meaning(self):
        self.buyer("=1+1", 3)
        self.manager.group_ids += self.env.ref("base.group_allow_export")
        self.compute()
        self.need("No pallets")
        response = self.download("tiering_manager")
        self.assertEqual(response.status_code, 200)
        book = openpyxl.load_workbook(io.BytesIO(response.content))
        rows = list(book.worksheets[0].values)
        titles = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
        self.assertEqual(set(titles["Customer"]), {"Anna", "=1+1"})
        self.assertIn("No pallets", titles["Personalised Needs"])
        self.assertEqual(set(titles["Pulse"]), {None}, "nobody said anything, which is not 0")
        self.assertEqual(set(titles["Open Quotations"]), {None}, "not measured")
        self.assertEqual(set(titles["Orders in the Window"]), {1})
        formats = {title.value: cell.number_format for title, cell in zip(*book.worksheets[0][1:2], strict=True)}
        self.assertIn(self.company.currency_id.name, formats["Amount in the Window"])
        self.assertNotIn(self.company.currency_id.name, formats["Orders in the Window"])
        meanings = dict(list(book.worksheets[1].values)[1:])
        self.assertEqual(list(meanings), list(rows[0]))
        self.assertTrue(all(meanings.values()), "each column is explained")
        one = openpyxl.load_workbook(io.BytesIO(self.download("tiering_manager", self.card(self.anna).id).content))
        self.assertEqual(len(list(one.worksheets[0].values)), 2)

    def test_the_workbook_has_the_customers_of_the_list(self):
        """None chosen: those whom its filters show, groups or not; and never more than that."""
        self.buyer("Ben", 3)
        self.manager.group_ids += self.env.ref("base.group_allow_export")
        self.compute()
        cards = self.env["customer.tiering.scorecard"].with_user(self.manager)
        self.authenticate("tiering_manager", "tiering_manager")
        filtered = cards.with_context(active_domain=[["partner_id.name", "=", "Ben"]])
        for chosen, expected in (
            (filtered, {"Ben"}),
            (cards, {"Anna", "Ben"}),
            (filtered.browse(self.card(self.anna).id), {"Anna"}),
        ):
            response = self.url_open(chosen.action_tiering_workbook()["url"])
            titles, *rows = openpyxl.load_workbook(io.BytesIO(response.content)).worksheets[0].values
            self.assertEqual({row[titles.index("Customer")] for row in rows}, expected)
        cannot_run = ('[["id", "=", "abc"]]', '[["score", ">", "x"]]', '[["risk_reason", "ilike", "x"]]')
        for domain in ("nonsense", "[1]", '[["no_such_field", "=", 1]]', "{}", *cannot_run):
            with self.subTest(domain=domain):
                self.assertEqual(self.url_open(f"/customer_tiering/table?domain={domain}").status_code, 400)

    def test_who_may_not_export_gets_none(self):
        self.compute()
        self.salesperson.group_ids -= self.env.ref("base.group_allow_export")
        with self.assertLogs("odoo.http", "WARNING"):
            self.assertEqual(self.download("tiering_salesperson").status_code, 403)
