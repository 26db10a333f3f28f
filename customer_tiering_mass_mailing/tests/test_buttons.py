from ast import literal_eval

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import MailingCommon


@tagged("post_install", "-at_install")
class TestButtons(MailingCommon):
    def _press(self, records, domain=None):
        """The mailing of the button on a list that shows what ``domain`` finds, with ``records`` selected."""
        context = {"active_model": records._name, "active_ids": records.ids}
        if domain is not None:
            context["active_domain"] = domain
        return self.open(records.with_user(self.marketer).with_context(**context).action_tiering_mailing())

    def _rows(self, model, domain):
        """Rows of a report, as who works in both companies sees them."""
        return self.env[model].with_context(allowed_company_ids=(self.company | self.other).ids).search(domain)

    def _domain(self, mailing):
        return literal_eval(mailing.mailing_domain)

    def test_a_whole_list_of_contacts_is_its_filter(self):
        domain = [["is_company", "=", True], ["tiering_tier_id", "=", self.platinum.id]]
        mailing = self._press(self.here | self.both, domain)
        self.assertEqual(self._domain(mailing), domain)
        self.assertEqual((mailing.mailing_model_real, mailing.tiering_recipients), ("res.partner", "customer"))
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.here | self.both)

    def test_some_of_a_list_are_these(self):
        mailing = self._press(self.here, [["tiering_tier_id", "=", self.platinum.id]])
        self.assertEqual(self._domain(mailing), [("id", "in", self.here.ids)])

    def test_the_action_on_contacts(self):
        action = self.env.ref("customer_tiering_mass_mailing.res_partner_action_mailing").with_user(self.marketer)
        opened = action.with_context(active_model="res.partner", active_ids=self.here.ids).run()
        self.assertEqual(opened["res_model"], "mailing.mailing")
        with self.assertRaises(AccessError):
            action.with_user(self.salesperson).with_context(active_model="res.partner", active_ids=self.here.ids).run()

    def test_a_whole_list_of_scorecards_is_its_filter(self):
        cards = self.card(self.there, self.other) | self.card(self.both, self.other)
        domain = [["tier_id", "=", self.other_platinum.id]]
        mailing = self._press(cards.with_context(allowed_company_ids=(self.company | self.other).ids), domain)
        self.assertEqual(self._domain(mailing), [("tiering_scorecard_id", "any", domain)])
        self.assertEqual(mailing.tiering_company_id, self.other)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.there | self.both)

    def test_some_scorecards_are_these_customers_in_their_company(self):
        cards = self.card(self.here, self.other) | self.card(self.there, self.other)
        mailing = self._press(cards.with_context(allowed_company_ids=(self.company | self.other).ids))
        self.assertEqual((mailing.tiering_asked, mailing.tiering_company_id), (True, self.other))
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.here | self.there)

    def test_cells_of_the_map_are_their_customers(self):
        report = self.env["customer.tiering.map.report"]
        cards = self.card(self.here) | self.card(self.both)
        cells = report.get_data()["cells"]
        best = [
            [cell["row"], cell["column"]] for cell in cells if cell["segment_id"] == self.card(self.here).segment_id.id
        ]
        action = report.with_user(self.marketer).run_action("action_tiering_mailing", False, False, False, best)
        mailing = self.open(action)
        self.assertEqual(self._domain(mailing), [("tiering_scorecard_id.partner_id", "in", cards.partner_id.ids)])
        self.assertEqual(mailing.tiering_company_id, self.company)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.here | self.both)
        with self.assertRaisesRegex(UserError, "cannot be done"):
            report.with_user(self.salesperson).run_action("action_tiering_mailing", False, False, False, best)

    def test_scorecards_of_two_companies(self):
        cards = self.card(self.here) | self.card(self.here, self.other)
        with self.assertRaisesRegex(UserError, "one company"):
            self._press(cards.with_context(allowed_company_ids=(self.company | self.other).ids))

    def test_rows_of_reports_are_their_customers(self):
        changes = self._rows("customer.tier.change", [("to_tier_id", "=", self.other_platinum.id)])
        mailing = self._press(changes)
        self.assertEqual((mailing.tiering_company_id, mailing.tiering_recipients), (self.other, "customer"))
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.there | self.both)

    def test_of_rows_of_two_companies_there_is_no_mailing(self):
        changes = self._rows("customer.tier.change", [("partner_id", "=", self.here.id)])
        self.assertEqual(changes.company_id, self.company | self.other)
        with self.assertRaisesRegex(UserError, "Choose rows of one company"):
            self._press(changes)

    def test_customers_whom_no_run_has_seen_are_reached_too(self):
        fresh = self.firm("Fresh")
        kind = self.env["customer.tiering.need.kind"].search([], limit=1)
        rows = self.env["customer.tiering.need"].create(
            [
                {"partner_id": who.id, "kind_id": kind.id, "text": "By e-mail", "company_id": False}
                for who in (fresh, self.here)
            ]
        )
        self.assertFalse(self.card(fresh))
        mailing = self._press(rows)  # of all companies: those of whoever presses
        self.assertEqual(mailing.tiering_company_id, self.company)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), fresh | self.here)

    def test_lists_of_reports_offer_it(self):
        for model in (
            *("customer.tier.change", "customer.tiering.need"),
            *("customer.tiering.followup.report", "customer.tiering.resource.report"),
        ):
            self.assertFalse(self._is_bound(self.salesperson, model), model)
            self.assertTrue(self._is_bound(self.marketer, model), model)
            self.assertEqual(self.env[model].browse().partner_id._name, "res.partner")

    def test_an_action_on_rows(self):
        action = self.env.ref("customer_tiering_mass_mailing.customer_tiering_resource_report_action_mailing")
        row = self._rows(
            "customer.tiering.resource.report", [("partner_id", "=", self.there.id), ("company_id", "=", self.other.id)]
        )
        asking = action.with_env(row.with_user(self.marketer).env)
        mailing = self.open(asking.with_context(active_model=row._name, active_ids=row.ids).run())
        self.assertEqual(mailing.tiering_company_id, self.other)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.there)

    def test_a_segment_is_that_of_the_current_company(self):
        segment = self.card(self.there, self.other).segment_id
        self.assertNotEqual(segment, self.card(self.there).segment_id)
        action = (
            segment.with_user(self.marketer).with_context(allowed_company_ids=self.other.ids).action_tiering_mailing()
        )
        mailing = self.open(action)
        self.assertEqual(mailing.tiering_company_id, self.other)
        self.send(mailing)
        in_it = self.env["customer.tiering.scorecard"].search(
            [("company_id", "=", self.other.id), ("segment_id", "=", segment.id)]
        )
        self.assertIn(self.there, in_it.partner_id)
        self.assertEqual(set(self.reached(mailing)), set(in_it.partner_id))

    def test_audiences_of_a_policy_are_saved_once(self):
        policy = self.policy.with_user(self.marketer)
        filters = self.env["mailing.filter"]
        saved = filters.search(policy.action_save_audiences()["domain"])
        tiers, segments = self.policy.tier_ids, self.env["customer.segment"].browse(self.policy._segment_map_ids())
        expected = {f"{name} ({self.policy.name})" for name in (tiers.mapped("name") + segments.mapped("name"))}
        self.assertEqual(set(saved.mapped("name")), expected)
        self.assertEqual(len(saved), len(tiers) + len(segments))
        platinum = saved.filtered(lambda audience: audience.name.startswith("Platinum"))
        platinum.name = "The best"
        again = filters.search(policy.action_save_audiences()["domain"])
        self.assertEqual(again, saved)
        mailing = self.to_filter([], mailing_filter_id=platinum.id, mailing_domain=platinum.mailing_domain)
        self.send(mailing)
        self.assertEqual(self.reached(mailing), self.here | self.both)

    def test_who_may_not_mail_sees_no_button(self):
        for model, view, button in (
            ("customer.tiering.scorecard", "customer_tiering_scorecard_view_list", "action_tiering_mailing"),
            ("customer.tiering.scorecard", "customer_tiering_scorecard_view_list_table", "action_tiering_mailing"),
            ("customer.tiering.scorecard", "customer_tiering_scorecard_view_list_profit", "action_tiering_mailing"),
            ("customer.tier", "customer_tier_view_form", "action_tiering_mailing"),
            ("customer.segment", "customer_segment_view_form", "action_tiering_mailing"),
            ("customer.tiering.policy", "customer_tiering_policy_view_form", "action_save_audiences"),
        ):
            view = self.env.ref(f"customer_tiering.{view}")
            for user, count in ((self.salesperson, 0), (self.marketer, 1)):
                arch = self.env[model].with_user(user).get_view(view.id, view.type)["arch"]
                self.assertEqual(arch.count(f'name="{button}"'), count, (model, user.login))
        self.assertFalse(self._is_bound(self.salesperson))
        self.assertTrue(self._is_bound(self.marketer))

    def _is_bound(self, user, model="res.partner"):
        actions = self.env["ir.actions.actions"].with_user(user).get_bindings(model).get("action", ())
        mailing = self.env.ref(f"customer_tiering_mass_mailing.{model.replace('.', '_')}_action_mailing")
        return mailing.id in [action["id"] for action in actions]
