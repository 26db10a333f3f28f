import inspect
import json
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.http import serialize_exception
from odoo.models import MAGIC_COLUMNS
from odoo.service.model import call_kw
from odoo.tests import HttpCase, freeze_time, tagged
from odoo.tools import mute_logger

from ..models import customer_tiering_replay
from .common import AS_OF, TieringCommon

OURS = "odoo.addons.customer_tiering"
# What a client can send where something else is meant.
STRANGE = (None, True, 2**63, float("nan"), "\0", [[]], {"a": {"b": 1}})
# What the browser shows as a sentence.
NAMED = "odoo.exceptions.UserError"
# Of Odoo's own methods, those whose arguments our code looks into before Odoo does: with arguments that are none.
LOOKED_INTO = (
    *(("onchange", args) for args in ((None, [], {}), ([], [], {}))),
    *(("update_field_translations", args) for args in (([], {}), ("name", None))),
)


@tagged("post_install", "-at_install")
class TestRpc(TieringCommon):
    """Whatever a client sends to a public method is taken, or refused with a sentence."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time(cls.noon(AS_OF)))
        cls.startClassPatcher(patch.object(customer_tiering_replay, "NIGHTS", 2))
        cls.buyer("Ann", 5, 40)
        cls.compute()
        # What is meant, by the name of the parameter.
        day = str(AS_OF)
        cls.meant = dict(
            dict.fromkeys(("across", "upwards", "later", "simulate", "everything", "order_id", "by_rules"), False),
            **dict.fromkeys(("as_of", "first", "last", "day", "start", "end"), day),
            rates={},
            values={},
            asked=[],
            **dict.fromkeys(("origin", "target", "period"), None),
            **dict.fromkeys(("number", "size", "partner_id"), 1),
            policy_id=cls.policy.id,
            unit="month",
            cohort=24_000,
            kind="tier",
            past=0,
            months=12,
            cells=[[5, 5]],
            name="action_tiering_plan_call",
            key="look",
            form={"partner_id": 1},
        )

    def _get_methods(self):
        """The public methods of ours with parameters: (model, method, whether of no record, parameters)."""
        for model, cls in sorted(self.registry.items()):
            found = {}
            for parent in cls.mro():
                if parent.__module__.startswith(OURS):
                    found |= {name: value for name, value in vars(parent).items() if inspect.isfunction(value)}
            for name, function in sorted(found.items()):
                is_ours = not hasattr(self.registry["base"], name)
                parameters = list(inspect.signature(function).parameters)[1:]
                if is_ours and not name.startswith("_") and parameters and cls._original_module == "customer_tiering":
                    yield model, name, getattr(getattr(cls, name), "_api_model", False), parameters

    def _try(self, records, name, args):
        """Call a method as a client does, and take it back; return its error, None: it was done. No subtest for each of
        so many, which would take minutes."""
        savepoint = self.env.cr.savepoint()
        try:
            call_kw(records, name, args, {})
        except Exception as error:  # whatever it is, it is judged
            return error
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)
        return None

    @mute_logger("odoo.sql_db")
    def test_what_cannot_be_read_is_refused_with_a_sentence(self):
        tried, failed = set(), []
        for model, name, is_model, parameters in self._get_methods():
            records = self.env[model].with_user(self.manager)
            ids = [] if is_model or records._abstract else [records.sudo().search([], limit=1).ids]
            if not is_model and not ids:
                continue  # of a mixin: tried with those who inherit it
            meant = [self.meant[parameter] for parameter in parameters]
            for place in range(len(parameters)):
                for value in STRANGE:
                    args = [*meant[:place], value, *meant[place + 1 :]]
                    error = self._try(records, name, [*ids, *args])
                    if error and not (isinstance(error, UserError) and str(error)):
                        failed.append((model, name, parameters[place], value, error))
            tried.add(name)
        self.assertFalse(failed)
        self.assertGreaterEqual(tried, {"get_customers", "compute_now", "use", "run_action", "get_timeline"})

    @mute_logger("odoo.sql_db")
    def test_what_is_typed_into_a_new_record_is_of_its_kind(self):
        """Also where our code looks into the values before they are judged."""
        strange = {"char": ([1], {"a": 1}, "\ud800"), "many2one": ([1], {"a": 1}, "x", True)}
        strange |= {"text": strange["char"], "html": strange["char"]}
        numbers = dict.fromkeys(("integer", "float", "monetary"), (10**400, [1], {"a": 1}))
        strange |= {**numbers, "date": ([1], {"a": 1}), "selection": ([1], {"a": 1})}
        tried, failed = 0, []
        for model in sorted(self.env["customer.tiering.typed"]._inherit_children):
            for fname, field in self.env[model]._fields.items():
                if (
                    fname in (*MAGIC_COLUMNS, "filter_author_id")
                    or not field.store
                    or (field.related and field.readonly)
                ):
                    continue
                for value in strange.get(field.type, ()):
                    error = self._try(self.env[model], "create", [{fname: value}])
                    if not isinstance(error, UserError):
                        failed.append((model, fname, str(value)[:20].encode("unicode_escape"), error))
                    tried += 1
        self.assertFalse(failed)
        self.assertGreater(tried, 400)

    def test_nobody_gives_a_row_to_a_company_that_is_not_theirs(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        mine = self.env(user=self.manager)
        kind = mine["customer.tiering.need.kind"].search([], limit=1)
        customer = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)]).partner_id
        need = mine["customer.tiering.need"].create(
            {"partner_id": customer.id, "company_id": self.company.id, "kind_id": kind.id, "text": "Why"}
        )
        dialog = mine["customer.tiering.lock.wizard"].create({"partner_ids": customer.ids, "reason": "Why"})
        for row in (need, dialog):
            with self.subTest(model=row._name), self.assertRaises(AccessError), self.env.cr.savepoint():
                row.company_id = other
        # It follows from the policy.
        for row in (self.policy.tier_ids[0], self.policy.playbook_ids[0]):
            for company in (other, other.browse()):
                with self.subTest(model=row._name, company=company):
                    row.with_env(mine).write({"company_id": company.id})
                    self.env.flush_all()
                    row.invalidate_recordset()
                    self.assertEqual(row.company_id, self.company)

    def test_a_refusal_of_ours_is_one_to_the_browser(self):
        """It shows others as a fault of the program, with a traceback."""
        classes, ours = [UserError], set()
        for cls in classes:
            classes += cls.__subclasses__()
            if cls.__module__.startswith(OURS):
                ours.add(cls.__name__)
                self.assertEqual(serialize_exception(cls("Why"))["context"]["exception_class"], NAMED, cls)
        self.assertTrue(ours)

    def test_what_our_code_looks_into_before_odoo_does(self):
        for model in ("res.partner", "res.users", "sale.order", "customer.tiering.scorecard", "customer.tier"):
            for name, args in LOOKED_INTO:
                cls = next(cls for cls in self.registry[model].mro() if name in vars(cls))
                if cls.__module__.startswith(OURS):
                    with self.subTest(model=model, method=name, args=args), self.assertRaises(UserError):
                        call_kw(self.env[model], name, [[], *args], {})


@tagged("post_install", "-at_install")
class TestDebug(HttpCase, TieringCommon):
    def test_what_is_refused_in_debug_mode_names_nobody(self):
        """Odoo says what rows are called that somebody may not see."""
        self.new_user("rpc_own", "sales_team.group_sale_salesman")
        self.buyer("Hidden Customer", 5, user_id=self.salesperson.id)
        self.compute()
        self.authenticate("rpc_own", "rpc_own")
        self.url_open("/odoo?debug=1")
        for model in ("customer.tiering.scorecard", "customer.tier.change"):
            row = self.env[model].search([("company_id", "=", self.company.id)], limit=1)
            self.assertIn("Hidden Customer", row.display_name)
            asked = {"model": model, "method": "read", "args": [row.ids, ["id"]], "kwargs": {}}
            payload = {"jsonrpc": "2.0", "method": "call", "params": asked}
            with mute_logger("odoo.http"):
                said = self.url_open(f"/web/dataset/call_kw/{model}/read", json=payload).json()
            message = said["error"]["data"]["message"]
            self.assertIn(f"({model}: {row.id}", message, "not in debug mode")
            self.assertNotIn("Hidden Customer", json.dumps(said))
