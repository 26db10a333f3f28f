from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, TransactionCase, tagged
from odoo.tools import mute_logger

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestShown(TieringCommon, TransactionCase):
    """The tier where salespeople look: on quotations, orders and invoices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.best = cls.buyer("Best", *range(12))  # Platinum by fixed bands, see test_tours
        cls.poor = cls.buyer("Poor", 300)
        cls.contact = cls.new_customer("Buyer", parent_id=cls.best.id)
        cls.asked = cls.new_customer("Asked")
        cls.compute()

    def test_a_quotation_shows_the_tier_as_soon_as_the_customer_is_chosen(self):
        form = Form(self.env["sale.order"].with_user(self.salesperson))
        self.assertFalse(form.tiering_customer_tier_id)
        for partner, tier in ((self.contact, "Platinum"), (self.poor, "Bronze"), (self.asked, False)):
            form.partner_id = partner
            self.assertEqual(form.tiering_customer_tier_id.name, tier)
            self.assertEqual(form.tiering_customer_tier_color, form.tiering_customer_tier_id.color)

    def test_the_tier_of_today_stands_beside_that_of_the_confirmation(self):
        order = self.order(self.best, state="draft")
        order.action_confirm()
        self.env["customer.tiering.lock"].create(
            [{"partner_id": self.best.id, "tier_id": self.policy.tier_ids[-1].id, "mode": "fixed", "reason": "Agreed"}]
        )
        self.compute()
        order = order.with_user(self.salesperson)
        self.assertEqual((order.tiering_tier_id.name, order.tiering_customer_tier_id.name), ("Platinum", "Bronze"))

    def test_a_list_asks_once_for_all(self):
        for partner in (self.poor, self.contact, self.asked):
            self.order(partner, state="draft")
        orders = self.env["sale.order"].with_user(self.salesperson).search([("company_id", "=", self.company.id)])
        self.assertGreater(len(orders), 10)
        spec = {"partner_id": {}, "tiering_customer_tier_id": {"fields": {"display_name": {}}}}
        counts = []
        one_each = orders.browse(order.id for order, *_others in orders.grouped("partner_id").values())
        for few in (one_each, orders):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            few.web_read(spec)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0])

    def test_orders_are_found_by_the_tier(self):
        orders = self.env["sale.order"].with_user(self.salesperson)
        found = orders.search([("tiering_customer_tier_id", "ilike", "Bronze"), ("company_id", "=", self.company.id)])
        self.assertEqual(found.partner_id, self.poor)

    def test_the_database_can_tell_how_many_orders_a_tier_has(self):
        """Of an order's company, which none lacks, no expression is made, of which PostgreSQL has no statistics."""
        query = self.env["sale.order"]._search([("tiering_customer_tier_id", "=", self.policy.tier_ids[0].id)])
        self.assertNotIn("COALESCE", self.env.cr.mogrify(query.select()).decode())

    def test_the_company_of_the_order_decides(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        order = self.order(self.best, state="draft", company_id=other.id)
        both = self.env(context=dict(self.env.context, allowed_company_ids=[self.company.id, other.id]))
        self.assertFalse(order.with_env(both).tiering_customer_tier_id)
        self.assertTrue(self.order(self.best, state="draft").with_env(both).tiering_customer_tier_id)

    def test_invoices_show_it_to_salespeople_and_open_for_all_others(self):
        self.accounting()
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.best.id,
                "invoice_date": AS_OF,
                "invoice_line_ids": [Command.create({"name": "Disc", "price_unit": 10, "tax_ids": False})],
            }
        )
        accountant = self.new_user("tiering_accountant", "account.group_account_invoice")
        seller = self.new_user("tiering_both", "account.group_account_invoice,sales_team.group_sale_salesman_all_leads")
        for user, seen in ((seller, True), (accountant, False)):
            for view in ("view_out_invoice_tree", "view_out_credit_note_tree", "view_move_form"):
                view = self.env.ref(f"account.{view}")
                arch = self.env["account.move"].with_user(user).get_view(view.id, view.type)["arch"]
                self.assertEqual("tiering_customer_tier_id" in arch, seen, view.name)
        self.assertEqual(invoice.with_user(seller).tiering_customer_tier_id.name, "Platinum")

    # ------------------------------------------------------------------
    # Groups, filters, order
    # ------------------------------------------------------------------

    def _orders(self, user=None):
        return self.env["sale.order"].with_user(user or self.salesperson)

    def test_groups_stand_in_the_order_of_the_ladder(self):
        self.order(self.asked, state="draft")
        domain = [("company_id", "=", self.company.id)]
        groups = self._orders().formatted_read_group(domain, ["tiering_customer_tier_id"], ["__count"])
        self.assertEqual(
            [(group["tiering_customer_tier_id"] or [0, ""])[1] for group in groups], ["Platinum", "Bronze", ""]
        )
        self.assertEqual([group["__count"] for group in groups], [12, 1, 1])
        for group in groups:  # what a group opens to
            found = self._orders().search(domain + group["__extra_domain"])
            self.assertEqual(len(found), group["__count"])
        ordered = self._orders().search(domain, order="tiering_customer_tier_id desc, id")
        tiers = ordered.mapped(lambda order: order.tiering_customer_tier_id.name)
        self.assertEqual(tiers, ["Bronze", *["Platinum"] * 12, False])

    def test_an_announced_downgrade_and_a_risk_are_told_and_found(self):
        card, falling = self.card(self.best), self.policy.tier_ids[1]
        card.write(
            {
                "pending_tier_id": falling.id,
                "pending_date": AS_OF + timedelta(days=9),
                "risk": "high",
                "risk_signals": "late",
                "usual_gap_days": 3,
                "purchase_days": 12,
            }
        )
        order = self._orders().search([("partner_id", "=", self.best.id)], limit=1)
        self.assertEqual(order.tiering_customer_pending_tier_id, falling)
        self.assertEqual(order.tiering_customer_risk, "high")
        notice = order.tiering_customer_notice
        self.assertIn(f"On 07/09/2026 the tier falls to {falling.name}.", notice)
        self.assertRegex(notice, "Risk: High. Usually orders every 3 days; the last order was .* days ago.")
        domain = [("company_id", "=", self.company.id)]
        for condition in (
            ("tiering_customer_pending_tier_id", "!=", False),
            ("tiering_customer_risk", "in", ["high"]),
            ("tiering_customer_pending_date", ">=", AS_OF),
        ):
            self.assertEqual(self._orders().search([*domain, condition]).partner_id, self.best, condition)
        self.assertFalse(
            self._orders().search([*domain, ("tiering_customer_pending_tier_id", "=", False)]).partner_id & self.best
        )
        other = self._orders().search([("partner_id", "=", self.poor.id)])
        self.assertFalse(other.tiering_customer_notice and "falls" in other.tiering_customer_notice)

    def test_papers_without_a_tier_are_found(self):
        order = self.order(self.asked, state="draft")
        domain = [("company_id", "=", self.company.id), ("tiering_customer_tier_id", "=", False)]
        self.assertEqual(self._orders().search(domain), order)
        negated = [("company_id", "=", self.company.id), ("tiering_customer_tier_id", "not ilike", "Platinum")]
        self.assertEqual(self._orders().search(negated).partner_id, self.asked | self.poor)

    def test_a_filter_looks_at_the_company_of_each_paper(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.salesperson.company_ids |= other
        theirs = self.order(self.best, state="draft", company_id=other.id)
        orders = self._orders().with_context(allowed_company_ids=[self.company.id, other.id])
        domain = [("partner_id", "=", self.best.id)]
        found = orders.search([*domain, ("tiering_customer_tier_id.name", "=", "Platinum")])
        self.assertEqual((len(found), theirs in found), (12, False))
        self.assertEqual(orders.search([*domain, ("tiering_customer_tier_id", "=", False)]), theirs)
        groups = dict(orders._read_group(domain, ["tiering_customer_tier_id"], ["__count"]))
        self.assertEqual({tier.name: count for tier, count in groups.items()}, {"Platinum": 12, False: 1})

    def test_others_see_find_and_group_nothing(self):
        internal = self.new_user("tiering_shown_internal", "base.group_user")
        portal = self.new_user("tiering_shown_portal", "base.group_portal")
        accountant = self.new_user("tiering_shown_accountant", "account.group_account_invoice")
        self.order(portal.partner_id, 0)
        self.compute()
        self.order(portal.partner_id, 0, state="sent")
        papers = {internal: "res.partner", portal: "sale.order", accountant: "account.move"}
        for user, model in papers.items():
            model = self.env[model].with_user(user)
            fname = "tiering_tier_id" if model._name == "res.partner" else "tiering_customer_tier_id"
            with self.subTest(user=user.login):
                self.assertNotIn(fname, model.fields_get())
                with self.assertRaises(AccessError), mute_logger("odoo.models"):
                    model.web_search_read([], {fname: {}})
                with self.assertRaises(AccessError):
                    model.formatted_read_group([], [fname], ["__count"])
                with self.assertRaises(AccessError):
                    model.search([], order=fname)
                for domain in ([(fname, "!=", False)], [(fname, "=", False)], [(fname, "ilike", "Bronze")]):
                    try:
                        found = model.search(domain)
                    except AccessError:
                        continue
                    self.assertFalse(found, domain)

    def test_a_client_cannot_choose_whose_scorecard_is_shown(self):
        """A salesperson with own documents only names the scorecard of somebody else's customer."""
        own = self.new_user("tiering_shown_own", "sales_team.group_sale_salesman")
        self.best.user_id = self.salesperson
        self.env["sale.order"].search([("partner_id", "=", self.best.id)]).user_id = self.salesperson
        hidden = self.card(self.best)
        orders = self.env["sale.order"].with_user(own)
        spec = {fname: {} for fname in ("tiering_customer_risk", "tiering_customer_notice")}
        spec["tiering_customer_tier_id"] = {"fields": {"display_name": {}}}
        values = {"tiering_customer_card_id": hidden.id, "partner_id": self.asked.id}
        for names in (["partner_id"], ["tiering_customer_card_id"], ["partner_id", "tiering_customer_card_id"]):
            told = orders.onchange(values, names, spec).get("value", {})
            self.assertFalse(told.get("tiering_customer_tier_id"), names)
            self.assertFalse(told.get("tiering_customer_notice"), names)

    def test_a_list_of_eighty_costs_three_queries_more_at_most(self):
        for partner in (self.poor, self.contact, self.asked, self.best):
            for _number in range(20):
                self.order(partner, state="draft")
        self.env.flush_all()
        orders = self._orders().search([("company_id", "=", self.company.id)], limit=80)
        self.assertEqual(len(orders), 80)
        ours = {
            "tiering_customer_tier_id": {"fields": {"display_name": {}}},
            "tiering_customer_tier_color": {},
            "tiering_customer_pending_tier_id": {"fields": {"display_name": {}}},
            "tiering_customer_pending_date": {},
            "tiering_customer_risk": {},
        }
        counts = []
        for spec in ({}, ours):
            spec = {"name": {}, "partner_id": {"fields": {"display_name": {}}}, "company_id": {}, **spec}
            orders.web_read(spec)  # what is cached for all, such as rules
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            orders.web_read(spec)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1] - counts[0], 3)

    # ------------------------------------------------------------------
    # Meetings and activities
    # ------------------------------------------------------------------

    def test_a_meeting_names_the_customers_among_its_attendees(self):
        meeting = self.env["calendar.event"].create(
            {
                "name": "Meeting",
                "start": self.noon(AS_OF),
                "stop": self.noon(AS_OF),
                "user_id": self.salesperson.id,
                "partner_ids": [Command.set((self.contact | self.asked | self.salesperson.partner_id).ids)],
            }
        )
        cards = meeting.with_user(self.salesperson).tiering_card_ids
        self.assertEqual(cards, self.card(self.best))
        self.assertEqual(cards.with_context(tiering_with_tier=True).mapped("display_name"), ["Best: Platinum"])
        self.assertEqual(cards.with_context(tiering_with_tier=False).mapped("display_name"), ["Best"])

    def test_a_private_meeting_of_a_colleague_tells_no_customers(self):
        meeting = self.env["calendar.event"].create(
            {
                "name": "Meeting",
                "start": self.noon(AS_OF),
                "stop": self.noon(AS_OF),
                "user_id": self.manager.id,
                "privacy": "private",
                "partner_ids": [Command.set((self.contact | self.manager.partner_id).ids)],
            }
        )
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(meeting.with_user(self.salesperson).tiering_card_ids)
        self.env.invalidate_all()
        self.assertTrue(meeting.with_user(self.manager).tiering_card_ids)

    def test_my_activities_have_the_tier_of_their_customer(self):
        order = self.order(self.poor, state="draft")
        for record in (self.contact, order, self.product):
            record.activity_schedule("mail.mail_activity_data_todo", user_id=self.salesperson.id)
        activities = (
            self.env["mail.activity"].with_user(self.salesperson).search([("user_id", "=", self.salesperson.id)])
        )
        tiers = {activity.res_model: activity.tiering_tier_id.name for activity in activities}
        self.assertEqual(tiers, {"res.partner": "Platinum", "sale.order": "Bronze", "product.product": False})
        view = self.env.ref("mail.mail_activity_view_tree_open_target")
        arch = self.env["mail.activity"].with_user(self.salesperson).get_view(view.id, "list")["arch"]
        self.assertIn('name="tiering_tier_id"', arch)
        internal = self.new_user("tiering_shown_internal", "base.group_user")
        self.assertNotIn("tiering_tier_id", self.env["mail.activity"].with_user(internal).fields_get())

    def test_a_list_of_eighty_activities_costs_four_queries_more_at_most(self):
        for partner in (self.poor, self.contact, self.asked, self.best):
            for _number in range(20):
                partner.activity_schedule("mail.mail_activity_data_todo", user_id=self.salesperson.id)
        self.env.flush_all()
        activities = self.env["mail.activity"].with_user(self.salesperson)
        activities = activities.search([("user_id", "=", self.salesperson.id)], limit=80)
        name = {"fields": {"display_name": {}}}
        shown = {"summary": {}, "activity_type_id": name, "user_id": name, "res_name": {}, "date_deadline": {}}
        ours = {"tiering_tier_id": name, "tiering_tier_color": {}}
        counts = []
        for spec in ({}, ours):
            spec = {**shown, **spec}
            activities.web_read(spec)
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            activities.web_read(spec)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1] - counts[0], 4)

    def test_an_activity_on_a_hidden_customer_tells_no_tier(self):
        own = self.new_user("tiering_shown_own", "sales_team.group_sale_salesman")
        self.best.user_id = self.salesperson
        orders = self.env["sale.order"].search([("partner_id", "=", self.best.id)])
        orders.user_id = self.salesperson
        for record in (self.best, orders[0]):
            record.activity_schedule("mail.mail_activity_data_todo", user_id=own.id)
        activities = self.env["mail.activity"].sudo().search([("user_id", "=", own.id)])
        self.assertEqual(set(activities.mapped("res_model")), {"res.partner", "sale.order"})
        self.assertFalse(activities.with_user(own).mapped("tiering_tier_id"))
        self.assertEqual(activities.with_user(self.manager).mapped("tiering_tier_id.name"), ["Platinum"])
