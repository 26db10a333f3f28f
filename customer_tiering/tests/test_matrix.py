import io
import logging
import re
import zipfile
from collections import Counter
from unittest.mock import patch

from odoo import api
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.http import Controller
from odoo.tests import HttpCase, freeze_time, tagged

from ..models import customer_tiering_replay
from .common import AS_OF, TieringCommon
from .matrix import OURS, Matrix, Role, find_flags, quiet

_logger = logging.getLogger(__name__)

# What is no leak, with the reason, as {(door, model.method, what it does): reason}.
GONE = "who may delete something may do so although a colleague has a dialog about it open"
ORDERS = "a rule on contacts hides no orders: Odoo lets people write them"
EXCEPTIONS = {
    ("method", "sale.order.write", "changes a row of sale.order"): ORDERS,
    ("method", "customer.tiering.criterion.unlink", "deletes a row of customer.tiering.advisor.line"): GONE,
}
# Models of which the setting has no row of each secret customer, with the reason.
UNFILLED = {
    "customer.tiering.former": "only administrators of the system have access",
    "customer.tiering.treatment.report": "it takes several customers of a lower tier; test_hidden has its rows",
}
SALES, ALL_SALES, MANAGERS = (
    "sales_team.group_sale_salesman",
    "sales_team.group_sale_salesman_all_leads",
    "sales_team.group_sale_manager",
)
MAY_EXPORT = "base.group_allow_export"
# The secrets: what stands nowhere but in rows that are hidden from somebody.
OF_RULE = ("ZQRULEREASON", r"7,?111\.17")
OF_SELLER = ("ZQSELLERREASON", r"7,?222\.27")
OF_COMPANY = ("ZQCOMPANY", r"7,?333\.37", r"7,?444\.47")
OF_ALL = ("ZQPLAIN", r"6,?555\.57")
NAME = "ZQRULENAME"


class MatrixCommon(TieringCommon):
    """Two companies, customers whom some people must not see, and rows of every model about them.

    * Holger: a rule on contacts hides him from who has it.
    * Olga: of another salesperson, with all her orders.
    * Beate: of the other company. Vera, whom all see, has orders in both.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(cls.noon(AS_OF)))
        cls.startClassPatcher(patch.object(customer_tiering_replay, "NIGHTS", 2))  # to live through more tells no more
        cls.other = cls.env["res.company"].create({"name": "Other Company"})
        cls.env.user.company_ids |= cls.other
        both = (cls.company | cls.other).ids
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=both))
        cls._make_users()
        cls._make_customers()
        cls._fill(cls.company, cls.policy, cls.colleague, cls.customers, "ZQPLAIN")
        cls._fill(cls.other, cls.other.tiering_policy_ids, cls.foreign, cls.of_other, "ZQCOMPANY")
        for user in (cls.manager, cls.ruled_manager):
            cls._open_dialogs(cls.company, cls.policy, user, cls.vera, "Mine")
        cls.env.flush_all()
        cls.roles = cls._get_roles()

    @classmethod
    def _make_users(cls):
        cls.not_iceland = cls.env["res.groups"].create({"name": "Not Iceland"})
        cls.env["ir.rule"].create(
            {
                "name": "Not Iceland",
                "model_id": cls.env["ir.model"]._get_id("res.partner"),
                "groups": [Command.link(cls.not_iceland.id)],
                "domain_force": "[('country_id.code', '!=', 'IS')]",
            }
        )
        cls.salesperson = cls.new_user("matrix_all", f"{ALL_SALES},{MAY_EXPORT}")
        cls.own = cls.new_user("matrix_own", f"{SALES},{MAY_EXPORT}")
        cls.ruled = cls.new_user("matrix_ruled", f"{ALL_SALES},{MAY_EXPORT}")
        cls.manager = cls.new_user("matrix_manager", f"{MANAGERS},{MAY_EXPORT}")
        cls.colleague = cls.new_user("matrix_colleague", f"{MANAGERS},{MAY_EXPORT}")
        cls.ruled_manager = cls.new_user("matrix_ruled_manager", f"{MANAGERS},{MAY_EXPORT}")
        (cls.ruled | cls.ruled_manager).write({"group_ids": [Command.link(cls.not_iceland.id)]})
        cls.internal = cls.new_user("matrix_internal", f"base.group_user,{MAY_EXPORT}")
        cls.portal = cls.new_user("matrix_portal", "base.group_portal")
        cls.foreign = cls.new_user("matrix_foreign", f"{MANAGERS},{MAY_EXPORT}", cls.other)
        cls.public = cls.env.ref("base.public_user")

    @classmethod
    def _make_customers(cls):
        iceland, germany = cls.env.ref("base.is").id, cls.env.ref("base.de").id
        cls.vera = cls.new_customer("Vera", country_id=germany, user_id=cls.own.id, email="vera@example.com")
        cls.walt = cls.new_customer("Walt", country_id=germany, email="walt@example.com")
        cls.holger = cls.new_customer(NAME, country_id=iceland, user_id=cls.own.id, email="holger@example.com")
        seller = cls.salesperson.id
        cls.olga = cls.new_customer("Olga", country_id=germany, user_id=seller, email="olga@example.com")
        cls.beate = cls.new_customer("ZQCOMPANYNAME", company_id=cls.other.id, email="beate@example.com")
        cls.customers = cls.vera | cls.walt | cls.holger | cls.olga
        cls.of_other = cls.beate | cls.vera
        for who, amount, seller, reason in (
            (cls.vera, 6555.57, cls.own, "ZQPLAIN"),
            (cls.walt, 100, cls.env["res.users"], False),
            (cls.holger, 7111.17, cls.own, "ZQRULEREASON"),
            (cls.olga, 7222.27, cls.salesperson, "ZQSELLERREASON"),
        ):
            for days, state in ((5, "sale"), (3, "draft")):
                cls.order(who, days, amount, state, user_id=seller.id, client_order_ref=reason)
        for who, amount in ((cls.beate, 7333.37), (cls.vera, 7444.47)):
            for state in ("sale", "draft"):
                cls.order(who, 5, amount, state, company_id=cls.other.id, user_id=False, client_order_ref="ZQCOMPANY")

    @classmethod
    def _fill(cls, company, policy, manager, customers, mark):
        """Have the addon make rows of every model about these customers, as in daily work."""
        env = cls.env(context=dict(cls.env.context, allowed_company_ids=[company.id, *(cls.company | cls.other).ids]))
        policy = policy.with_env(env)
        policy.write({"name": f"{mark} policy", "recalibrate_days": 0})
        policy.tier_ids[0].name = f"{mark} tier"
        env["customer.tier.condition"].create({"tier_id": policy.tier_ids[0].id, "value": 1})
        playbook = policy.playbook_ids.filtered(lambda one: one.trigger == "enter")[0]
        playbook.write({"name": f"{mark} playbook", "fallback_user_id": manager.id, "user_day_limit": 0})
        playbook.step_ids.write({"summary": f"{mark} call {{{{ customer }}}}: {{{{ amount }}}}"})
        with freeze_time(cls.noon(AS_OF, 1)):
            playbook.action_enable()
        cls.compute(policy=policy)
        env["customer.tiering.followup"]._process(playbook, AS_OF)
        mine = env(user=manager, context=dict(env.context, allowed_company_ids=company.ids))
        policy = policy.with_env(mine)
        draft = mine["customer.tiering.policy"].browse(policy.action_simulate()["res_id"])
        draft.name = f"{mark} draft"
        floors = zip(draft.tier_ids[:-1], (3, 2, 1), strict=True)
        draft.tier_ids = [Command.update(tier.id, {"entry_floor": floor}) for tier, floor in floors]
        draft.action_simulation_compute()
        reasons = {cls.holger: "ZQRULEREASON", cls.olga: "ZQSELLERREASON"}
        env["customer.tiering.lock"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "tier_id": policy.tier_ids[1].id,
                    "reason": reasons.get(customer, f"{mark} reason"),
                }
                for customer in customers
            ]
        )
        env["customer.tiering.need"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "kind_id": env["customer.tiering.need.kind"].search([], limit=1).id,
                    "text": reasons.get(customer, f"{mark} need"),
                }
                for customer in customers
            ]
        )
        env["customer.tiering.gap"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "product_id": env["product.product"].search([("sale_ok", "=", True)], limit=1).id,
                    "kind": "stopped",
                    "reason": reasons.get(customer, f"{mark} gap"),
                }
                for customer in customers
            ]
        )
        product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
        env["customer.tiering.recommendation"].create(
            [
                {"partner_id": customer.id, "company_id": company.id, "product_data": product.ids}
                for customer in customers
            ]
        )
        env["customer.tiering.occasion"].create(
            [
                {
                    "user_id": user.id,
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "kind": "stopped",
                    "reference": 1,
                    "part": "day",
                    "reason": reasons.get(customer, f"{mark} reason"),
                }
                for customer in customers
                for user in {manager, cls.manager, customer.user_id} - {cls.env["res.users"]}
            ]
        )
        orders = env["sale.order"].search([("partner_id", "in", customers.ids), ("company_id", "=", company.id)])
        env["customer.tiering.concession"].create(
            [
                {
                    "partner_id": order.partner_id.commercial_partner_id.id,
                    "company_id": company.id,
                    "tier_id": policy.tier_ids[0].id,
                    "date": AS_OF,
                    "kind": "price",
                    "reason": "earned",
                    "paper": f"sale.order,{order.id}",
                    "order_id": order.id,
                    "whole": order.amount_untaxed,
                    "given": order.amount_untaxed,
                    "amount": order.amount_untaxed,
                }
                for order in orders
            ]
        )
        env["customer.tiering.check"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "kind": "duplicate",
                    "key": str(customer.id),
                    "partner_ids": [Command.set(customer.ids)],
                    "order_id": env["sale.order"]
                    .search([("partner_id", "=", customer.id), ("company_id", "=", company.id)], limit=1)
                    .id,
                    "evidence": "vat",
                    "reason": reasons.get(customer, f"{mark} check"),
                }
                for customer in customers
            ]
        )
        first, *_others, last = policy.tier_ids
        env["customer.tiering.fall"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "policy_id": policy.id,
                    "tier_id": first.id,
                    "to_tier_id": last.id,
                    "date": AS_OF,
                }
                for customer in customers
            ]
        )
        env["customer.tiering.pulse"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "sign": "down",
                    "word": reasons.get(customer, f"{mark} pulse"),
                }
                for customer in customers
            ]
        )
        env["customer.tiering.motive.word"].create(
            [
                {
                    "partner_id": customer.id,
                    "company_id": company.id,
                    "motive_id": env["customer.tiering.motive"].search([], limit=1).id,
                    "reason": reasons.get(customer, f"{mark} motive"),
                }
                for customer in customers
            ]
        )
        segment = env["customer.segment"].search([], limit=1).id
        left = {"company_id": company.id, "date": AS_OF, "from_segment_id": segment, "from_since": AS_OF}
        env["customer.segment.change"].create([{**left, "partner_id": customer.id} for customer in customers])
        values = {"name": f"{mark} handover", "user_id": manager.id, "partner_ids": [Command.set(customers.ids)]}
        mine["customer.tiering.reassignment"].create(values).action_preview()
        lived = env["customer.tiering.replay"]._queue(policy)
        lived._compute(as_of=AS_OF)
        tier = policy.tier_ids[0].id
        moved = {"replay_id": lived.id, "company_id": company.id, "from_tier_id": tier, "to_tier_id": tier}
        lived.line_ids.create([{**moved, "partner_id": customer.id} for customer in customers])
        fairness = env["customer.tiering.fairness"]._queue(policy)
        fairness._compute()
        found = {"fairness_id": fairness.id, "company_id": company.id, "kind": "twins"}
        found |= {"from_tier_id": tier, "to_tier_id": tier}
        fairness.line_ids.create([{**found, "partner_id": customer.id} for customer in customers])
        env["customer.tiering.forecast"]._queue(policy)._compute(as_of=AS_OF)
        env["customer.tiering.tier.effect"]._queue(policy)._compute(as_of=AS_OF)
        env["customer.tiering.foresight"]._queue(policy)._compute(as_of=AS_OF)
        env["customer.tiering.effect"].create([{"playbook_id": playbook.id, "company_id": company.id, "as_of": AS_OF}])
        cls._open_dialogs(company, policy, manager, customers, mark)
        env["customer.tiering.refresh"]._add(customers, company, "instant")

    @classmethod
    def _open_dialogs(cls, company, policy, user, customers, mark):
        env = cls.env(user=user, context=dict(cls.env.context, allowed_company_ids=company.ids))
        policy = policy.with_env(env)
        env["customer.tiering.lock.wizard"].create(
            {"partner_ids": [Command.set(customers.ids)], "tier_id": policy.tier_ids[0].id, "reason": f"{mark} dialog"}
        )
        policy.action_advise()
        policy.action_test_warning()
        policy.playbook_ids.filtered("enabled").action_preview()

    @classmethod
    def _get_roles(cls):
        def role(name, user, companies, customers=(), contacts=(), sellers=None, secrets=(), configures=False):
            return Role(
                name=name,
                env=cls.env(user=user, context={"allowed_company_ids": companies.ids} if companies else {}),
                companies=frozenset(companies.ids),
                customers=frozenset(customer.id for customer in customers),
                contacts=frozenset(contact.id for contact in contacts),
                sellers=sellers and frozenset(sellers.ids),
                secrets=secrets,
                configures=configures,
            )

        nothing, everything = cls.env["res.company"], (*OF_RULE, *OF_SELLER, *OF_COMPANY, *OF_ALL)
        ruled = {
            "customers": [cls.holger],
            "contacts": [cls.holger, cls.beate],
            "secrets": (*OF_RULE, NAME, *OF_COMPANY),
        }
        return [
            role("salesperson, all", cls.salesperson, cls.company, contacts=[cls.beate], secrets=OF_COMPANY),
            role(
                "salesperson, own",
                cls.own,
                cls.company,
                customers=[cls.olga],
                contacts=[cls.beate],
                sellers=cls.own,
                secrets=(*OF_SELLER, *OF_COMPANY),
            ),
            role("salesperson, rule", cls.ruled, cls.company, **ruled),
            role("manager", cls.manager, cls.company, contacts=[cls.beate], secrets=OF_COMPANY, configures=True),
            role("manager, rule", cls.ruled_manager, cls.company, configures=True, **ruled),
            role(
                "manager, other",
                cls.foreign,
                cls.other,
                secrets=(*OF_RULE, *OF_SELLER, *OF_ALL),
                configures=True,
            ),
            role("internal user", cls.internal, nothing, secrets=everything),
            role("portal", cls.portal, nothing, secrets=everything),
            role("public", cls.public, nothing, secrets=everything),
        ]

    def make_matrix(self, only=None):
        return Matrix(self.env, self.customers | self.of_other, EXCEPTIONS, only)


@tagged("post_install", "-at_install")
class TestMatrix(MatrixCommon, HttpCase):
    def test_no_door_leaks(self):
        matrix = self.make_matrix()
        self._check_setting(matrix)
        with quiet():
            matrix.look(self.roles)
            matrix.open_hidden_rows(self.roles)
            matrix.call_methods(self.roles)
            matrix.write_rows(self.roles)
            matrix.type_into_forms(self.roles)
            matrix.filter_customers([role for role in self.roles if role.configures])
            matrix.wave_flags([role for role in self.roles if role.name in ("salesperson, all", "manager")])
        self._check(matrix)
        self.assertEqual(matrix.excused, set(EXCEPTIONS), "an exception that excuses nothing")

    def _check(self, matrix):
        # The report of the tests shows it, see tools/strict_report.py.
        print(matrix.summarize())  # pylint: disable=print-used
        _logger.info("%s", matrix.summarize())
        self.assertFalse(matrix.leaks, matrix.list_leaks())

    def _check_setting(self, matrix):
        """Who must see a secret customer sees it, who must not does not, and every model has rows about each."""
        for role in self.roles:
            for contact in role.contacts:
                with self.assertRaises(AccessError):
                    role.env["res.partner"].browse(contact).read(["name"])
        for customer in (self.holger, self.olga, self.beate):
            for model in matrix.models:
                if "partner_id" in self.env[model]._fields and model not in UNFILLED:
                    rows = [row for row in matrix.get_rows(model) if row.partner == customer.id]
                    self.assertTrue(rows, f"MatrixCommon makes no row of {model} about {customer.name}")

    # ------------------------------------------------------------------
    # Over HTTP
    # ------------------------------------------------------------------

    def test_no_page_leaks(self):
        """Each address of ours, with the ids of everything that its parameter may name."""
        matrix = self.make_matrix()
        routes = find_routes()
        self.assertTrue(routes)
        for role in self.roles:
            user = role.env.user
            self.authenticate(*(None, None) if user == self.public else (user.login, user.login))
            for route in routes:
                for url in self._get_urls(matrix, route):
                    matrix.tried[role.name, "page"] += 1
                    with quiet():
                        response = self.url_open(url, timeout=60)
                    matrix.judge_text(role, "page", url, read_page(response))
                    if response.status_code >= 500:  # an error of the server
                        matrix.report(role, "page", url, "breaks")
        self._check(matrix)

    def test_a_workbook_leaves_out_who_is_hidden(self):
        """And does not refuse the others because of them."""
        draft = self.env["customer.tiering.simulation"].search([("base_id", "=", self.policy.id)]).draft_id
        for user, names in ((self.manager, {"Vera", "Olga", NAME}), (self.ruled_manager, {"Vera", "Olga"})):
            self.authenticate(user.login, user.login)
            page = self.url_open(f"/customer_tiering/simulation/{draft.id}", timeout=60)
            self.assertEqual(page.status_code, 200, page.text[:2000])
            text = read_page(page)
            self.assertEqual({name for name in ("Vera", "Olga", NAME) if name in text}, names, user.login)

    def _get_urls(self, matrix, route):
        """The addresses of a route with every id that each of its parameters may be."""
        urls = [route]
        for parameter in re.findall(r"<[^>]+>", route):
            stem = parameter.strip("<>").rpartition(":")[2].removesuffix("_id")
            models = [model for model in matrix.models if model.endswith(f".{stem}")] or matrix.models
            ids = sorted({0, *(row.id for model in models for row in matrix.get_rows(model))})
            urls = [url.replace(parameter, str(id_)) for url in urls for id_ in ids]
        return urls

    def test_json_2_does_not_leak(self):
        """A sample: the doors behind it are the same."""
        matrix = self.make_matrix()
        cards, locks = "customer.tiering.scorecard", "customer.tiering.lock"
        calls = [(cards, "search_read", {"domain": [], "fields": ["display_name", "amount", "explanation_data"]})]
        calls += [
            (cards, "formatted_read_group", {"domain": [], "groupby": ["partner_id"], "aggregates": ["amount:sum"]}),
            ("res.partner", "search_read", {"domain": [["tiering_amount", ">", 7000]], "fields": ["tiering_amount"]}),
        ]
        for row in matrix.get_rows("customer.tiering.policy"):
            calls.append(("customer.tiering.policy", "compute", {"ids": [row.id], "as_of": str(AS_OF)}))
        for row in matrix.get_rows(locks):
            calls.append((locks, "write", {"ids": [row.id], "vals": {"reason": "Other"}}))
            calls.append((locks, "action_end", {"ids": [row.id]}))
        told = Counter()
        for role in self.roles:
            key = self.env["res.users.apikeys"].with_user(role.env.user).sudo()._generate("rpc", "matrix", None)
            for model, name, arguments in calls:
                call = f"{model}.{name}({arguments})"
                context = {"allowed_company_ids": sorted(role.companies)}
                with quiet():
                    text, _answer = matrix.attempt(
                        role,
                        "JSON-2",
                        call,
                        lambda model=model, name=name, arguments=arguments, context=context, key=key: (
                            self.url_open(
                                f"/json/2/{model}/{name}",
                                json={**arguments, "context": context},
                                headers={"Authorization": f"Bearer {key}", "X-Odoo-Database": self.env.cr.dbname},
                                timeout=60,
                            ).text
                        ),
                        writes=True,
                    )
                told[role.name] += "Vera" in text
        self.assertGreaterEqual(told["manager"], 2)  # the cards, and their groups
        self.assertFalse(told["public"])
        self._check(matrix)

    # ------------------------------------------------------------------
    # The detector
    # ------------------------------------------------------------------

    def _only(self, model, *roles):
        """A matrix of one model, and some of the roles."""
        matrix = self.make_matrix(model)
        return matrix, [role for role in self.roles if role.name in roles]

    def _add_method(self, model, name, function):
        """Define a public method as a file of ours does."""
        definition = next(cls for cls in self.registry[model].mro() if cls.__module__.startswith(f"odoo.addons.{OURS}"))
        before = vars(definition).get(name)
        setattr(definition, name, function)
        self.addCleanup(setattr, definition, name, before) if before else self.addCleanup(delattr, definition, name)

    def _assert_found(self, matrix, role, door, name):
        found = [leak for leak in matrix.leaks if (leak.role, leak.door) == (role, door) and name in leak.call]
        self.assertTrue(found, matrix.summarize())

    def test_a_new_method_that_tells_names_is_found(self):
        self._add_method("customer.tiering.lock", "tell", lambda self: self.sudo().search([]).mapped("reason"))
        matrix, roles = self._only("customer.tiering.lock", "public", "salesperson, rule")
        with quiet():
            matrix.call_methods(roles)
        for role, secret in (("public", "ZQPLAIN"), ("salesperson, rule", "ZQRULEREASON")):
            self._assert_found(matrix, role, "method", ".tell(")
            self.assertIn(f"tells {secret}", {leak.what for leak in matrix.leaks if leak.role == role})

    def test_a_new_method_that_writes_for_anybody_is_found(self):
        self._add_method("customer.tiering.lock", "shift", lambda self: self.sudo().write({"date_end": "2031-01-01"}))
        matrix, roles = self._only("customer.tiering.lock", "salesperson, all", "manager")
        with quiet():
            matrix.call_methods(roles)
        self._assert_found(matrix, "salesperson, all", "method", ".shift(")
        self.assertIn("changes a row of customer.tiering.lock", {leak.what for leak in matrix.leaks})

    def test_a_count_of_what_is_hidden_is_found(self):
        count = api.model(lambda self, *_args, **_kwargs: self.sudo().search_count([]))
        self.patch(self.registry["customer.tiering.lock"], "name_search", count)
        matrix, roles = self._only("customer.tiering.lock", "manager, rule")
        with quiet():
            matrix.look(roles)
        self._assert_found(matrix, "manager, rule", "name", ".name_search(")

    def test_a_flag_that_opens_a_door_is_found(self):
        original = self.registry["customer.tiering.criterion"].write

        def write(self, vals):
            return original(self.sudo() if self.env.context.get("tiering_open") else self, vals)

        self._add_method("customer.tiering.criterion", "write", write)
        matrix, roles = self._only("customer.tiering.criterion", "salesperson, all")
        self.patch(type(matrix), "get_flags", lambda self: ["tiering_open", "tiering_shut"])
        with quiet():
            matrix.wave_flags(roles)
        self._assert_found(matrix, "salesperson, all", "context", ".write(")
        self.assertEqual({leak.what for leak in matrix.leaks}, {"is refused, and done with tiering_open"})

    def test_flags_are_read_from_the_code(self):
        source = """records.env.context.get("a") or self._context["b"] or "c" in env.context or {"d": 1}.get("d")"""
        self.assertEqual(find_flags(source), {"a", "b", "c"})
        self.assertIn("default_origin", self.make_matrix().get_flags())


def find_routes():
    """The addresses of the addon's controllers."""
    classes, routes = [Controller], set()
    for cls in classes:
        classes += cls.__subclasses__()
        if cls.__module__.startswith(f"odoo.addons.{OURS}"):
            for method in vars(cls).values():
                routes |= set(getattr(method, "original_routing", {}).get("routes") or ())
    return sorted(routes)


def read_page(response):
    """The text of an answer; of a workbook that of all its sheets."""
    if not zipfile.is_zipfile(io.BytesIO(response.content)):
        return response.text
    with zipfile.ZipFile(io.BytesIO(response.content)) as workbook:
        return "\n".join(workbook.read(name).decode() for name in workbook.namelist())
