from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import TieringCommon

MODELS = (
    "customer.segment",
    "customer.tier",
    "customer.tier.change",
    "customer.tier.condition",
    "customer.tiering.criterion",
    "customer.tiering.lock",
    "customer.tiering.policy",
    "customer.tiering.policy.version",
    "customer.tiering.run",
    "customer.tiering.scorecard",
)
# A sales manager looks at these too.
OF_MANAGERS = ("customer.tiering.refresh", "customer.tiering.simulation", "customer.tiering.simulation.line")
OPERATIONS = ("write", "create", "unlink")
CONFIGURED = {
    "customer.segment": OPERATIONS,
    "customer.tier": OPERATIONS,
    "customer.tier.condition": OPERATIONS,
    "customer.tiering.criterion": OPERATIONS,
    "customer.tiering.lock": ("write", "create"),
    "customer.tiering.policy": OPERATIONS,
}
# Proposals are written by the system only.
PROPOSALS = ("customer.tiering.advisor", "customer.tiering.advisor.line")
WIZARDS = (*PROPOSALS, "customer.tiering.lock.wizard")


@tagged("post_install", "-at_install")
class TestAccess(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.new_customer("Ann")
        cls.sale_order = cls.order(cls.customer, 5, 100, user_id=False)  # an order for everybody to see
        tier = cls.policy.tier_ids[0]
        cls.env["customer.tier.condition"].create({"tier_id": tier.id, "value": 1})
        cls.compute()
        cls.policy.action_simulate()
        cls.simulation = cls.env["customer.tiering.simulation"].search([("base_id", "=", cls.policy.id)])
        cls.simulation.draft_id.tier_ids[1].entry_floor = 41  # the customer has 41.67 and would be in Gold
        cls.simulation.draft_id.action_simulation_compute()
        cls.env["customer.tiering.lock"].create({"partner_id": cls.customer.id, "tier_id": tier.id, "reason": "Why"})
        cls.env["customer.tiering.refresh"]._add(cls.customer, cls.company, "instant")
        cls.internal = cls.new_user("tiering_internal", "base.group_user")
        cls.portal = new_test_user(
            cls.env,
            "tiering_portal",
            "base.group_portal",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        cls.public = cls.env.ref("base.public_user")
        cls.own_leads = cls.new_user("tiering_own", "sales_team.group_sale_salesman")

    def test_salespeople_read_and_do_not_write(self):
        for user in (self.salesperson, self.own_leads):
            for model in MODELS:
                records = self.env[model].with_user(user).search([])
                self.assertTrue(records or model == "customer.tier.change", model)
                for operation in OPERATIONS:
                    self.assertFalse(records.has_access(operation), (model, operation))
            for model in (*OF_MANAGERS, *WIZARDS):
                for operation in ("read", *OPERATIONS):
                    self.assertFalse(self.env[model].with_user(user).has_access(operation), (model, operation))
            self.assertEqual(self.customer.with_user(user).tiering_score, self.card(self.customer).score)
            with self.assertRaises(AccessError):
                self.policy.with_user(user).action_compute_now()

    def test_sales_managers_configure_but_do_not_rewrite_results(self):
        for model in MODELS:
            records = self.env[model].with_user(self.manager).search([])
            for operation in OPERATIONS:
                expected = operation in CONFIGURED.get(model, ())
                self.assertEqual(records.has_access(operation), expected, (model, operation))
        for model in OF_MANAGERS:
            records = self.env[model].with_user(self.manager).search([])
            self.assertTrue(records, model)
            for operation in OPERATIONS:
                self.assertFalse(records.has_access(operation), (model, operation))
        for model in WIZARDS:
            self.assertTrue(self.env[model].with_user(self.manager).has_access("read"), model)
            self.assertEqual(
                self.env[model].with_user(self.manager).has_access("create"), model not in PROPOSALS, model
            )
        self.policy.with_user(self.manager).window_days = 180
        action = self.policy.with_user(self.manager).action_compute_now()
        self.assertIn("scored customers 1", action["params"]["message"])

    def test_a_policy_cannot_ask_what_its_author_may_not_read(self):
        for domain in (
            "[('signup_type', '!=', False)]",
            "[('child_ids.signup_type', '=', 'reset')]",
            "['|', ('name', '=', 'Ann'), '!', ('parent_id', 'any', [('signup_type', '=', 'reset')])]",
        ):
            with self.subTest(domain=domain):
                with (
                    self.assertRaisesRegex(ValidationError, "The customer filter of policy .* cannot be read"),
                    self.env.cr.savepoint(),
                ):
                    self.policy.with_user(self.manager).partner_domain = domain
                with self.assertRaisesRegex(ValidationError, "cannot be read"), self.env.cr.savepoint():
                    self.policy.with_user(self.manager).copy({"partner_domain": domain})
        self.policy.with_user(self.manager).partner_domain = "[('name', '=', 'Ann')]"
        self.assertEqual(self.compute().customer_count, 1)

    def test_others_get_nothing(self):
        for user in (self.internal, self.portal, self.public):
            env = self.env(user=user, context={})
            with self.subTest(user=user.login):
                for model in (*MODELS, *OF_MANAGERS, *WIZARDS):
                    with self.assertRaises(AccessError):
                        env[model].search([])
                partners = env["res.partner"]
                customer = self.customer.with_env(env)
                self.assertNotIn("tiering_tier_id", partners.fields_get())
                self.assertNotIn("tiering_tier_id", env["sale.order"].fields_get())
                for fname in ("tiering_scorecard_id", "tiering_tier_id", "tiering_score", "tiering_explanation"):
                    with self.assertRaises(AccessError), mute_logger("odoo.models"):
                        customer.read([fname])
                    with self.assertRaises(AccessError):
                        partners.web_search_read([], {fname: {}})
                with self.assertRaises(AccessError):
                    partners.search([], order="tiering_last_order_date.month_number")
                for fname in ("tiering_tier_id", "tiering_score"):
                    with self.assertRaises(AccessError):
                        partners._read_group([], [fname], ["__count"])
                    with self.assertRaises(AccessError):
                        partners.search([], order=fname)
                    with self.assertRaises(AccessError):
                        partners.web_read_group([], [fname], ["__count"])
                with self.assertRaises(AccessError):
                    partners._read_group([], [], ["tiering_amount:sum"])

    def test_a_search_by_tier_tells_others_nothing(self):
        """Whatever the condition, who may not see tiers learns the same about every partner."""
        tier = self.customer.tiering_tier_id
        other = self.new_customer("Never scored")
        domain = [("id", "in", (self.customer | other).ids)]
        for condition in (
            ("tiering_tier_id", "=", tier.id),
            ("tiering_tier_id", "!=", tier.id),
            ("tiering_tier_id", "=", False),
            ("tiering_tier_id.name", "ilike", tier.name),
            ("tiering_scorecard_id", "!=", False),
            ("tiering_scorecard_id.score", ">", 0),
            ("tiering_score", ">", 0),
            ("tiering_score", "<", 1),
        ):
            with self.subTest(condition=condition):
                found = self.env["res.partner"].with_user(self.internal).search([*domain, condition])
                self.assertIn(len(found), (0, 2))

    def test_who_sees_tiers_finds_nothing_behind_them_that_is_closed_to_them(self):
        """A path through the scorecard leads to orders and users; their rules and groups hold there, too."""
        same = [("id", "=", self.customer.id)]
        behind = ("tiering_scorecard_id.partner_id.sale_order_ids", "any", [("amount_total", ">", 0)])
        self.sale_order.user_id = self.salesperson
        for user, count in ((self.salesperson, 1), (self.own_leads, 0)):
            with self.subTest(user=user.login):
                partners = self.env["res.partner"].with_user(user)
                self.assertEqual(partners.search_count([*same, ("tiering_tier_id", "!=", False)]), count)
                self.assertEqual(partners.search_count([*same, behind]), count)
        for path in ("tiering_scorecard_id.partner_id", "tiering_tier_id.policy_id.create_uid.partner_id"):
            with self.subTest(path=path):
                self.assertEqual(partners.search_count([*same, (f"{path}.signup_type", "!=", "reset")]), 0)

    def test_a_search_of_users_by_tier_tells_others_nothing(self):
        self.order(self.portal.partner_id, 5, 100)
        self.compute()
        both = [("id", "in", (self.portal | self.internal).ids)]
        for condition in (("tiering_tier_id", "!=", False), ("partner_id.tiering_tier_id", "!=", False)):
            with self.subTest(condition=condition):
                users = self.env["res.users"]
                self.assertEqual(users.with_user(self.salesperson).search([*both, condition]), self.portal)
                self.assertFalse(users.with_user(self.internal).search([condition]))

    def test_other_models_cannot_be_grouped_by_the_tier_of_their_people(self):
        for user in (self.internal, self.salesperson):  # each sees their own
            self.customer.activity_schedule("mail.mail_activity_data_todo", user_id=user.id)
        for path in ("user_id.tiering_tier_id", "user_id.partner_id.tiering_last_order_date:month"):
            groups = self.env["mail.activity"].with_user(self.salesperson)._read_group([], [path], ["__count"])
            self.assertEqual(len(groups), 1)
            with self.assertRaises(AccessError):
                self.env["mail.activity"].with_user(self.internal)._read_group([], [path], ["__count"])

    def test_exports_of_others_have_no_tier(self):
        self.internal.group_ids |= self.env.ref("base.group_allow_export")
        with self.assertRaises(AccessError):
            self.customer.with_user(self.internal).export_data(["name", "tiering_tier_id/name"])

    def test_a_portal_customer_can_confirm_although_tiers_are_hidden(self):
        order = self.order(self.customer, 0, 10, state="sent")
        order.with_user(self.public).sudo().action_confirm()
        self.assertEqual(order.tiering_tier_id, self.customer.tiering_tier_id)

    def test_companies_see_only_their_own(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager", other)
        theirs = self.env(user=stranger, context={"allowed_company_ids": other.ids})
        for model in (*MODELS, *OF_MANAGERS):
            if model == "customer.segment":
                continue
            by_policy = model in ("customer.tiering.criterion", "customer.tier.condition")
            company = "policy_id.company_id" if by_policy else "company_id"
            records = self.env[model].search([(company, "=", self.company.id)])
            self.assertTrue(records, model)
            seen = theirs[model].search([])
            self.assertFalse(seen & records, model)
        partner = self.customer.with_env(theirs)
        self.assertFalse(partner.tiering_tier_id)
        self.assertFalse(partner.search([("tiering_tier_id", "!=", False)]))
        with self.assertRaises(AccessError):
            self.policy.with_env(theirs).window_days = 1
        for forbidden in (
            lambda: self.policy.with_env(theirs).action_compute_now(),
            lambda: self.policy.with_env(theirs).action_recalibrate(),
            lambda: self.policy.with_env(theirs).compute("2026-06-30"),
            lambda: self.env["customer.tiering.lock"].search([]).with_env(theirs).action_end(),
            lambda: theirs["customer.tiering.lock"].create(
                {
                    "partner_id": self.customer.id,
                    "company_id": self.company.id,
                    "tier_id": self.policy.tier_ids[0].id,
                    "reason": "Mine",
                }
            ),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                forbidden()

    def test_a_form_takes_no_scorecard_from_its_client(self):
        """Related fields would tell any scorecard, of whichever company."""
        card = self.card(self.customer)
        self.assertEqual(card.amount, 100)
        spec = {"tiering_amount": {}, "tiering_score": {}}
        for record in (self.env["res.partner"], self.env["res.users"], self.env.user):
            for changed in (["tiering_scorecard_id"], ["name", "tiering_scorecard_id"], []):
                values = {"tiering_scorecard_id": card.id, "name": "Eve"}
                told = record.onchange(values, changed, spec).get("value", {})
                self.assertFalse(any(told.get(fname) for fname in spec), (record, changed))
