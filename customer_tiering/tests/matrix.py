"""Every door to what the addon knows, tried as every kind of user.

What the doors lead to is read from the registry: all models of the addon and of its glue, their fields on other models,
their public methods, the flags of the context that their code reads. So a new one is tried by itself.

There is a leak
* when an answer, or the message of an error, holds a secret: secrets are texts and amounts that stand nowhere else;
* when an answer is another one as soon as the hidden rows are gone: then it counted them, or sorted by them;
* when a hidden row can be read, or who is a row of it is told;
* when somebody changes, adds or deletes a row that is not theirs to change;
* when a list cannot be read because of a row that is hidden in it;
* when a flag of the context allows what was refused without it.

Each call is taken back. No call depends on an earlier one.
"""

import ast
import contextlib
import dataclasses
import inspect
import itertools
import json
import logging
import re
from collections import Counter, defaultdict
from pathlib import Path

from odoo.models import BaseModel
from odoo.service.model import call_kw
from odoo.tools import SQL

from odoo.addons import __path__ as addon_paths

OURS = "customer_tiering"
# What all secret texts begin with, and an amount below all secret ones and above all others.
MARK = "ZQ"
MUCH = 7000
# Other models through which a path of a search may lead to secrets, and by which fields beside ours.
BETWEEN = {
    "res.partner": {"sale_order_ids"},
    "sale.order": {"order_line", "partner_id"},
    "sale.order.line": set(),
}
HOPS = 3
PATHS = 1  # so many ways to each secret field are tried, the shortest
REFUSED = "refused"
# Salespeople write them, of the customers whom they see.
NOTED = (
    *("customer.tiering.need", "customer.tiering.pulse", "customer.tiering.motive.word", "customer.tiering.gap"),
    "customer.tiering.occasion",
)


# What counts all customers is not shown to who may not see some of them: so it is there where nobody is hidden.
KEPT_BACK = {"calm_text", "simulation_result", "simulation_hint", "customer.tiering.fairness.sentence", "openable"}
KEPT_BACK |= {
    f"{check}_{part}"
    for check in ("monotone", "twins", "calm", "robust", "even", "reach")
    for part in ("verdict", "page")
}


@dataclasses.dataclass(frozen=True)
class Row:
    model: str
    id: int
    company: int | None
    partner: int | None
    owner: int | None  # who opened a dialog
    digest: str | None


@dataclasses.dataclass(frozen=True)
class Role:
    """A user, and what must stay hidden from them.

    :param companies: ids of the companies whose rows they may see; without any, they may see none
    :param customers: ids of customers of whom no row of ours may be seen
    :param contacts: ids of the customers who are hidden altogether
    :param sellers: ids of the users whose orders they may see, None: of all
    :param secrets: what must stand in no answer, beside the names of hidden contacts
    """

    name: str
    env: object = dataclasses.field(compare=False)
    companies: frozenset
    customers: frozenset
    contacts: frozenset
    sellers: frozenset | None
    secrets: tuple
    configures: bool

    def hides(self, row):
        return (
            not self.companies
            or (row.company is not None and row.company not in self.companies)
            or row.partner in self.customers
            or (row.owner is not None and row.owner != self.env.uid)
        )


@dataclasses.dataclass(frozen=True, order=True)
class Leak:
    role: str
    door: str
    call: str
    what: str


class Matrix:
    """Tries the doors and remembers what it tried and what leaked.

    :param env: of a superuser who may see all companies
    :param partners: the customers of the setting
    :param exceptions: ``{(door, model.method, what it does): reason}`` of what is no leak
    :param only: a model: no other one is tried
    """

    def __init__(self, env, partners, exceptions=(), only=None):
        self.env, self.partners = env, partners
        self.exceptions, self.excused = dict(exceptions), set()
        self.tried, self.leaks = Counter(), set()
        self.models = sorted(
            name
            for name, cls in env.registry.items()
            if cls._original_module.startswith(OURS) and not env[name]._abstract and only in (None, name)
        )
        self.others = {
            name: sorted(fields)
            for name in sorted(env.registry)
            if not only and name not in self.models and not env[name]._abstract
            if (fields := [f.name for f in env[name]._fields.values() if (f._module or "").startswith(OURS)])
        }
        env.flush_all()
        self.rows = self._read_rows()
        self.rows_of = {
            model: [row for key, row in sorted(self.rows.items()) if key[0] == model] for model, _id in self.rows
        }
        self.rows_of |= {model: self._get_view_rows(model) for model in self.models if not env[model]._auto}
        query = "SELECT id, company_id, partner_id, user_id FROM sale_order WHERE partner_id = ANY(%s)"
        self.orders = env.execute_query(SQL(query, partners.ids))
        self.secret_fields = self._find_secret_fields()
        self.paths = {model: self._find_paths(model) for model in (*self.models, *self.others)}

    # ------------------------------------------------------------------
    # What there is
    # ------------------------------------------------------------------

    def _get_owner_path(self, model, fname, depth=3):
        """The fields that lead from a row of ``model`` to the company or customer that it is of, or None."""
        fields = self.env[model]._fields
        if fname in fields and fields[fname].store:
            return (fname,)
        for field in sorted(fields.values(), key=lambda field: field.name):
            if (
                depth
                and field.type == "many2one"
                and field.store
                and field.required
                and field.comodel_name in self.models
            ):
                path = self._get_owner_path(field.comodel_name, fname, depth - 1)
                if path:
                    return (field.name, *path)
        return None

    def _get_row_query(self, model):
        record, joins, owners = self.env[model], SQL(), []
        for number, fname in enumerate(("company_id", "partner_id")):
            path, alias, current = self._get_owner_path(model, fname, 3 if fname == "company_id" else 0), "t", record
            for step in (path or ())[:-1]:
                current = self.env[current._fields[step].comodel_name]
                target = f"{alias}_{number}{step}"
                joins = SQL(
                    "%s LEFT JOIN %s AS %s ON %s = %s",
                    joins,
                    SQL.identifier(current._table),
                    SQL.identifier(target),
                    SQL.identifier(target, "id"),
                    SQL.identifier(alias, step),
                )
                alias = target
            owners.append(SQL.identifier(alias, path[-1]) if path else SQL("NULL::int"))
        return SQL(
            "SELECT %s AS model, t.id, %s, %s, %s, md5(t::text) FROM %s AS t %s",
            model,
            *owners,
            SQL("t.create_uid") if record._transient else SQL("NULL::int"),
            SQL.identifier(record._table),
            joins,
        )

    def _read_rows(self):
        """All rows of ours, and those of Odoo's that our code could change, by model and id."""
        self.env.flush_all()
        queries = [self._get_row_query(model) for model in self.models if self.env[model]._auto]
        queries.append(
            SQL(
                "SELECT 'res.partner', id, company_id, id, NULL::int, md5(row(user_id, name)::text) FROM res_partner "
                "WHERE id = ANY(%(ids)s) UNION ALL "
                "SELECT 'sale.order', id, company_id, partner_id, NULL::int, md5(sale_order::text) FROM sale_order "
                "WHERE partner_id = ANY(%(ids)s) UNION ALL "
                "SELECT 'mail.message', id, NULL, res_id, NULL::int, '' FROM mail_message "
                "WHERE model = 'res.partner' AND res_id = ANY(%(ids)s) UNION ALL "
                "SELECT 'mail.activity', id, NULL, res_id, NULL::int, md5(row(user_id, active)::text) "
                "FROM mail_activity WHERE res_model = 'res.partner' AND res_id = ANY(%(ids)s)",
                ids=self.partners.ids,
            )
        )
        rows = self.env.execute_query(SQL(" UNION ALL ").join(queries))
        return {(row[0], row[1]): Row(*row) for row in rows}

    def _get_view_rows(self, model):
        """The rows of a report."""
        records = self.env[model].sudo().search([], order="id")
        return [
            Row(model, record.id, record.company_id.id or None, record.partner_id.id or None, None, None)
            for record in records
        ]

    def get_rows(self, model):
        """The rows of a model in their order."""
        return self.rows_of.get(model, [])

    def get_samples(self, role, model):
        """Of the rows of a model one that the role may see, and one of each kind of hidden ones."""
        samples = {}
        for row in self.get_rows(model):
            kind = (row.company, row.partner in role.customers, row.owner) if role.hides(row) else "visible"
            samples.setdefault(kind, row)
        return list(samples.values())

    def _find_secret_fields(self):
        """The stored fields in which secrets stand, as (model, field)."""
        found, secret = [], re.compile(MARK + r"|\b7\d\d\d\.\d\d\b")
        for model in (*self.models, *BETWEEN):
            record = self.env[model]
            if not record._auto:
                found += [(model, field.name) for field in record._fields.values() if field.type == "monetary"]
                continue
            rows = self.env.execute_query(SQL("SELECT to_jsonb(t) FROM %s t", SQL.identifier(record._table)))
            names = {name for (row,) in rows for name, value in row.items() if secret.search(str(value))}
            found += [(model, name) for name in sorted(names & record._fields.keys())]
        return found

    def _find_paths(self, model):
        """The shortest paths from a model to fields in which secrets stand: ``{(model, field): [path]}``."""
        secret = defaultdict(list)
        for owner, name in self.secret_fields:
            secret[owner].append(name)
        result, frontier = defaultdict(list), [((), model)]
        for _hop in range(HOPS + 1):
            following = []
            for path, current in frontier:
                for name in secret[current]:
                    if (path or current in self.models) and len(result[current, name]) < PATHS:
                        result[current, name].append(".".join((*path, name)))
                fields = self.env[current]._fields
                wanted = (
                    fields if current in self.models else {*BETWEEN.get(current, ()), *self.others.get(current, ())}
                )
                if not path and current not in self.models:
                    wanted = self.others[current]
                for name in sorted(wanted):
                    field = fields[name]
                    if (
                        field.relational
                        and field._description_searchable
                        and (field.comodel_name in self.models or field.comodel_name in BETWEEN)
                    ):
                        following.append(((*path, name), field.comodel_name))
            frontier = following
        return dict(result)

    def get_methods(self, model):
        """Names of the public methods that our code defines, or overrides, on a model."""
        names = set()
        for cls in self.env.registry[model].mro():
            if cls.__module__.startswith(f"odoo.addons.{OURS}"):
                names |= {name for name, value in vars(cls).items() if inspect.isfunction(value)}
        return sorted(name for name in names if not name.startswith("_"))

    def get_flags(self):
        """The keys of the context that our code reads."""
        flags = set()
        for folder in {Path(path, module) for path in addon_paths for module in self.env.registry._init_modules}:
            if folder.name.startswith(OURS) and folder.is_dir():
                for file in sorted(folder.rglob("*.py")):
                    if "tests" not in file.relative_to(folder).parts:
                        flags |= find_flags(file.read_text(encoding="utf-8"))
        return sorted(flags)

    # ------------------------------------------------------------------
    # Calls
    # ------------------------------------------------------------------

    def call(self, role, door, model, name, *args, context=None, **kwargs):
        """Call a method as a client does; return ``(answer, changed rows)`` and take everything back.

        :return: the answer, or REFUSED; and the rows that are new, gone or other afterwards, before and after
        """
        return self.attempt(
            role,
            door,
            f"{model}.{name}{describe(args)}",
            lambda: call_kw(role.env[model], name, list(args), {**kwargs, "context": self._get_context(role, context)}),
        )

    def _get_context(self, role, more):
        return {**role.env.context, **(more or {})}

    def attempt(self, role, door, call, function, *, writes=False, follow=None):
        """Do something as a role, judge the answer, and take everything back."""
        self.tried[role.name, door] += 1
        registry = self.env.registry
        savepoint = self.env.cr.savepoint()
        try:
            answer = function()
            if writes:
                self.env.flush_all()
                self._judge_changes(role, door, call)
            text = as_text(answer)
            self.judge_text(role, door, call, text)
            self._judge_rows(role, door, call, answer)
            if follow:
                for again in follow(answer):
                    with contextlib.suppress(Exception), self.env.cr.savepoint():
                        self.judge_text(role, door, call, as_text(again()))
        except Exception as error:  # whatever it is, the call did nothing; what it says is judged too
            self.judge_text(role, door, call, str(error))
            return (REFUSED, error)
        else:
            return (text, answer)
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)
            if registry.cache_invalidated:
                registry.clear_cache(*sorted(registry.cache_invalidated))
                registry.cache_invalidated.clear()

    # ------------------------------------------------------------------
    # Judging
    # ------------------------------------------------------------------

    def report(self, role, door, call, what):
        key = (door, call.partition("(")[0], what)
        if key in self.exceptions:
            self.excused.add(key)
        else:
            self.leaks.add(Leak(role.name, door, call, what))

    def judge_text(self, role, door, call, text):
        if MARK not in text and "7" not in text:
            return
        for secret in sorted(set(re.findall(rf"(?<![\d.])(?:{'|'.join(role.secrets)})", text))):
            self.report(role, door, call, f"tells {secret}")

    def _judge_rows(self, role, door, call, answer):
        """Whether dicts in an answer are rows of customers who are hidden."""
        for item in answer if isinstance(answer, list) else ():
            if isinstance(item, dict) and str(item.get("partner_id")) in map(str, role.contacts):
                self.report(role, door, call, "tells of a customer who is hidden")

    def _judge_changes(self, role, door, call):
        after = self._read_rows()
        for key in sorted(self.rows.keys() | after.keys()):
            before, now = self.rows.get(key), after.get(key)
            if before != now and (self._is_closed(role, before) or self._is_closed(role, now)):
                verb = "changes" if before and now else "adds" if now else "deletes"
                self.report(role, door, call, f"{verb} a row of {key[0]}")

    def _is_closed(self, role, row):
        """Whether a role must not change a row."""
        if row is None:
            return False
        if row.model in ("res.partner", "sale.order"):
            return role.hides(row)
        if not role.configures:
            return row.model != "mail.activity" and (row.model not in NOTED or role.hides(row))
        # What no person writes is written for all customers of a company by whoever may start a run.
        return role.hides(row) and not (row.company in role.companies and self._is_written_by_runs(row.model))

    def _is_written_by_runs(self, model):
        if model not in self.models or self.env[model]._transient:
            return False
        return (
            not self.env["ir.model.access"]
            .sudo()
            .search_count([("model_id.model", "=", model), ("perm_write", "=", True)], limit=1)
        )

    # ------------------------------------------------------------------
    # Doors through which one looks
    # ------------------------------------------------------------------

    def look(self, roles):
        """Read, search, group, sort, export and look up everything, with the hidden rows and without."""
        for role in roles:
            for (door, call, with_them), (_door, _call, without) in self._ask_twice(role, self._look_by):
                if with_them == without:
                    continue
                if with_them == REFUSED:
                    self.report(role, door, call, "breaks where a row is hidden")
                else:
                    self.report(role, door, call, "is another one without the hidden rows")

    def _ask_twice(self, role, ask):
        """Return pairs of what ``ask(role)`` yields, with the hidden rows and without them."""
        answers = []
        for erased in (False, True):
            savepoint = self.env.cr.savepoint()
            try:
                if erased:
                    self._erase(role)
                self.env.registry.clear_all_caches()
                answers.append(list(ask(role)))
            finally:
                savepoint.close(rollback=True)
                self.env.invalidate_all(flush=False)
                self.env.registry.clear_all_caches()
                self.env.registry.cache_invalidated.clear()
        return zip(*answers, strict=True)

    def _look_by(self, role):
        """Yield (door, call, answer as text). A look changes nothing, so only what failed is taken back."""
        savepoint = self.env.cr.savepoint()
        for door, model, name, args, kwargs in self._get_looks(role):
            self.tried[role.name, door] += 1
            call = f"{model}.{name}{describe(args)}"
            try:
                text = as_text(
                    call_kw(role.env[model], name, list(args), {**kwargs, "context": dict(role.env.context)})
                )
                self.judge_text(role, door, call, text)
            except Exception as error:  # whatever it is, nothing was told but this
                text = REFUSED
                self.judge_text(role, door, call, str(error))
                savepoint.rollback()
            self.env.invalidate_all(flush=False)
            yield door, call, text
        savepoint.close(rollback=True)

    def _get_looks(self, role):
        """Yield what is called: (door, model, method, arguments, named arguments)."""
        for model in self.models:
            yield from self._get_looks_at(role, model, sorted(role.env[model]._fields), [])
        seen = [id_ for id_ in self.partners.ids if id_ not in role.contacts]
        orders = [row.id for row in self.get_rows("sale.order") if row.id not in self.get_hidden_orders(role)]
        for model, fields in self.others.items():
            scope = {
                "res.partner": [("id", "in", seen)],
                "sale.order": [("id", "in", orders)],
                "sale.report": [("partner_id", "in", seen)],
                "res.users": [("login", "=like", "matrix%")],
            }.get(model, [])
            yield from self._get_looks_at(role, model, fields, scope)

    def _get_looks_at(self, role, model, names, scope):
        record = role.env[model]
        fields = [record._fields[name] for name in names if name in record._fields]
        open_fields = [field for field in fields if record._has_field_access(field, "read")]
        spec = {
            field.name: get_spec(field)
            for field in open_fields
            if not KEPT_BACK & {field.name, f"{model}.{field.name}"}
        }
        if not record.has_access("read"):  # a try of each kind is enough: they ask for the same right
            fields = open_fields = fields[:3]
        yield "read", model, "web_search_read", (scope, spec), {}
        for field in fields:
            if field not in open_fields:
                yield "read", model, "search_read", (scope, [field.name]), {}
        yield "name", model, "name_search", (MARK, scope), {"limit": None}
        yield "name", model, "name_search", ("", scope), {"limit": None}
        for field in open_fields:
            if field._description_searchable and (field.relational or not field.store or model not in self.models):
                for condition in get_conditions(field):
                    yield "search", model, "search", ([*scope, (field.name, *condition)],), {}
        for (owner, name), paths in sorted(self.paths[model].items()) if record.has_access("read") else ():
            for path in paths:
                condition = get_secret_condition(self.env[owner]._fields[name])
                yield "search", model, "search", ([*scope, (path, *condition)],), {}
        for field in fields:
            # Rows that are seen have no other order by a column of their own, whatever is hidden.
            plain = model in self.models and field.store and not field.relational and field.name != "id"
            if field._description_sortable(role.env) and not plain:
                order = f"{field.name} desc" if field.name == "id" else f"{field.name} desc, id"
                yield "order", model, "search", (scope,), {"order": order}
        sums = [
            f"{field.name}:{field._description_aggregator(role.env)}"
            for field in open_fields
            if field._description_aggregator(role.env)
        ]
        sums += [f"{field.name}:array_agg" for field in open_fields if field.store and field.type in ("char", "text")]
        if sums:
            yield "group", model, "formatted_read_group", (scope, [], sums), {}
        groups = [
            f"{field.name}:month" if field.type in ("date", "datetime") else field.name
            for field in fields
            if field._description_groupable(role.env)
        ]
        for group in groups:
            yield "group", model, "formatted_read_group", (scope, [group], ["__count", *sums[:3]]), {}
        for group in groups[:1]:  # which asks the former
            yield "group", model, "web_read_group", (scope, [group], ["__count"]), {"auto_unfold": True}
        for field in fields:
            if field.type in ("many2one", "selection") and field.store:
                counters = {"enable_counters": True, "search_domain": scope}
                yield "panel", model, "search_panel_select_range", (field.name,), counters
        ids = [row.id for row in self.get_rows(model) if not role.hides(row)]
        if ids and model in self.models:
            open_fields = [field for field in open_fields if field.name != "id"]  # an export makes up external ids
            columns = [
                f"{field.name}/name" if field.comodel_name == "res.partner" else field.name for field in open_fields
            ]
            yield "export", model, "export_data", (ids, columns), {}

    def _erase(self, role):
        """Delete everything that is hidden from a role, without the code that would refuse it."""
        doomed = defaultdict(set)
        for row in self.rows.values():
            if row.model in self.models and role.hides(row) and (row.company or row.partner or row.owner):
                doomed[self.env[row.model]._table].add(row.id)
        doomed["sale_order"] = self.get_hidden_orders(role)
        doomed["res_partner"] = set(role.contacts)
        self.env.flush_all()
        gone = set()
        for table, ids in sorted(doomed.items()):
            self._delete(table, sorted(ids), gone)
        self.env.invalidate_all(flush=False)

    def get_hidden_orders(self, role):
        """The ids of the orders that a role may not see, or only without its customer."""
        return {
            order_id
            for order_id, company, partner, seller in self.orders
            if company not in role.companies
            or partner in role.contacts
            or (role.sellers is not None and seller and seller not in role.sellers)
        }

    def _delete(self, table, ids, gone):
        ids = [id_ for id_ in ids if (table, id_) not in gone]
        if not ids:
            return
        gone |= {(table, id_) for id_ in ids}
        for other, column, is_keyed in self._get_references(table):
            if is_keyed:
                query = SQL("SELECT id FROM %s WHERE %s = ANY(%s)", SQL.identifier(other), SQL.identifier(column), ids)
                self._delete(other, [id_ for (id_,) in self.env.execute_query(query)], gone)
        self.env.cr.execute(SQL("DELETE FROM %s WHERE id = ANY(%s)", SQL.identifier(table), ids))

    def _get_references(self, table):
        """The columns that keep rows of a table from being deleted, or go with them: (table, column, has an id)."""
        if not hasattr(self, "_references"):
            self._references = defaultdict(list)
            for row in self.env.execute_query(
                SQL(
                    """
                    SELECT c.confrelid::regclass::text, c.conrelid::regclass::text, a.attname,
                           EXISTS (SELECT FROM pg_attribute i WHERE i.attrelid = c.conrelid AND i.attname = 'id')
                      FROM pg_constraint c
                      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
                     WHERE c.contype = 'f' AND c.confdeltype IN ('a', 'r', 'c') AND cardinality(c.conkey) = 1
                  ORDER BY 1, 2, 3
                    """
                )
            ):
                self._references[row[0]].append(row[1:])
        return self._references[table]

    def open_hidden_rows(self, roles):
        """Read each hidden row by its id."""
        for role in roles:
            for model in self.models:
                names = [
                    field.name
                    for field in role.env[model]._fields.values()
                    if role.env[model]._has_field_access(field, "read")
                ]
                for row in self.get_rows(model):
                    if role.hides(row):
                        text, _answer = self.call(role, "by id", model, "read", [row.id], names)
                        if text not in (REFUSED, "[]"):
                            self.report(role, "by id", f"{model}.read{describe(([row.id],))}", "reads a hidden row")

    # ------------------------------------------------------------------
    # Doors through which one acts
    # ------------------------------------------------------------------

    def call_methods(self, roles):
        """Call every public method on rows that one may see, on hidden ones, on both, and on none."""
        for role in roles:
            candidates = self._get_candidates(role)
            for model in (*self.models, *self.others):
                samples = [[row.id] for row in self.get_samples(role, model)]
                for name in self.get_methods(model):
                    method = getattr(self.env.registry[model], name)
                    is_model = getattr(method, "_api_model", False)
                    for ids in [None] if is_model else [*samples, sorted(itertools.chain(*samples)), []]:
                        for args in get_arguments(method, candidates):
                            self._try_method(role, model, name, args if ids is None else (ids, *args), ids)

    def _get_candidates(self, role):
        """What is sent where a method wants something, by the beginning of the parameter's name."""
        hidden = [row.id for model in ("res.partner", *self.models) for row in self.get_rows(model) if role.hides(row)]
        return {
            "vals_list": [[{}]],
            "vals": [{}],
            "values": [{}],
            "default": [{}],
            "fields": [["display_name"]],
            "as_of": ["2026-06-30", "0001-01-01"],
            "date": ["2026-06-30"],
            "operation": ["write"],
            "domain": [[]],
            "ids": [hidden],
            "": [None, hidden[:1], 1],
        }

    def _try_method(self, role, model, name, args, ids):
        record = role.env[model]
        names = [field.name for field in record._fields.values() if record._has_field_access(field, "read")]
        if model not in self.models:
            names = [name_ for name_ in names if name_ in self.others[model]]

        def follow(answer):
            spec = {name_: get_spec(record._fields[name_]) for name_ in names}
            yield lambda: call_kw(record, "web_read", [list(ids or []), spec], {})
            if isinstance(answer, dict) and isinstance(answer.get("res_id"), int) and answer.get("res_model"):
                target = role.env[answer["res_model"]]
                opened = {n: get_spec(f) for n, f in target._fields.items() if target._has_field_access(f, "read")}
                yield lambda: call_kw(target, "web_read", [[answer["res_id"]], opened], {})

        self.attempt(
            role,
            "method",
            f"{model}.{name}{describe(args)}",
            lambda: call_kw(record, name, list(args), {"context": dict(role.env.context)}),
            writes=True,
            follow=follow,
        )

    def write_rows(self, roles):
        """Write each field of rows that are not theirs, delete and copy them, add such rows, take them as lines."""
        for role in roles:
            for model in self.models:
                if not self.env[model]._auto:
                    continue
                closed = [row for row in self.get_samples(role, model) if self._is_closed(role, row)]
                for row in closed:
                    for field in self._get_written_fields(role, model):
                        self._write(role, model, "write", [row.id], {field.name: self._get_other(field, row)})
                    self._write(role, model, "unlink", [row.id])
                    self._write(role, model, "copy", [row.id])
                    self._write(role, model, "create", self._get_copy(model, row))
                    self._write_as_line(role, model, row)

    def _get_written_fields(self, role, model):
        """The fields to write: one is enough where the model as a whole is refused before any code of ours."""
        fields = [f for f in self.env[model]._fields.values() if (f.store or f.inverse) and f.name != "id"]
        if role.env[model].has_access("write") or "write" in self.get_methods(model):
            return fields
        return [field for field in fields if (field._module or "").startswith(OURS)][:1]

    def _write(self, role, model, name, *args):
        self.attempt(
            role,
            "write",
            f"{model}.{name}{describe(args)}",
            lambda: call_kw(role.env[model], name, list(args), {"context": dict(role.env.context)}),
            writes=True,
        )

    def _write_as_line(self, role, model, row):
        """Change, delete and take a row as a line of something that one may see."""
        other = next(f for f in self._get_written_fields(role, model) if f.store and f.type != "one2many")
        values = {other.name: self._get_other(other, row)}
        for parent in self.models:
            for field in self.env[parent]._fields.values():
                if field.type == "one2many" and field.comodel_name == model and not field.compute:
                    target = next((r for r in self.get_samples(role, parent) if not role.hides(r)), None)
                    if target:
                        for command in ([1, row.id, values], [2, row.id], [4, row.id]):
                            self._write(role, parent, "write", [target.id], {field.name: [command]})

    def _get_other(self, field, row):
        """Another value for a field of a row."""
        record = self.env[row.model].sudo().browse(row.id)
        value = record[field.name] if field.store else False
        match field.type:
            case "boolean":
                return not value
            case "integer" | "float" | "monetary":
                return (value or 0) + 1
            case "char" | "text" | "html":
                return "[('id', '>', 1)]" if "domain" in field.name else "Other"
            case "selection":
                return next((key for key in field.get_values(self.env) if key != value), value)
            case "date":
                return "2031-01-01"
            case "datetime":
                return "2031-01-01 00:00:00"
            case "many2one":
                return self.env[field.comodel_name].sudo().search([("id", "!=", value.id)], limit=1).id
            case "many2many" | "one2many":
                return [[5]]
            case "json":
                return {"window_days": 7}
        return value

    def _get_copy(self, model, row):
        """The values of a row, for another one like it."""
        record = self.env[model].sudo().browse(row.id)
        names = [
            field.name
            for field in record._fields.values()
            if field.store and field.name not in ("id", "create_uid", "create_date", "write_uid", "write_date")
            if field.type not in ("one2many",) and not (field.compute and field.readonly)
        ]
        return record._convert_to_write({name: record[name] for name in names})

    # ------------------------------------------------------------------
    # What forms ask while somebody types
    # ------------------------------------------------------------------

    def type_into_forms(self, roles):
        """Send hidden records as values of each field: typed, saved, as defaults, and as what was selected before."""
        for role in roles:
            sent = {
                model: [row for row in self.get_samples(role, model) if role.hides(row)]
                for model in ("res.partner", *self.models)
                if model == "res.partner" or self.env[model]._auto
            }
            companies = sorted({row.company for row in self.rows.values() if row.company} - role.companies)
            for model in (*self.models, *self.others):
                record = role.env[model]
                names = self.others.get(model) or sorted(record._fields)
                fields = [record._fields[name] for name in names if name in record._fields]
                fields = [field for field in fields if record._has_field_access(field, "read")]
                spec = {field.name: get_spec(field) for field in fields}
                if not record.has_access("read"):  # one of each kind is enough: they ask for the same right
                    fields = list({field.type: field for field in fields}.values())
                # A form is saved of a new row, and of one that is there.
                seen = [[], *([row.id] for row in self.get_samples(role, model) if not role.hides(row))]
                for field in fields:
                    ids = [row.id for row in sent.get(field.comodel_name, ())][:1] if field.relational else []
                    if field.comodel_name == "res.partner":
                        ids = sorted(role.contacts)
                    if field.comodel_name == "res.company":
                        ids = companies
                    for id_ in ids:
                        value = id_ if field.type == "many2one" else [[6, 0, [id_]]]
                        self.call(role, "onchange", model, "onchange", [], {field.name: value}, [field.name], spec)
                        self.call(role, "onchange", model, "onchange", [], {field.name: value}, [], spec)
                        default = {f"default_{field.name}": value}
                        self.call(role, "onchange", model, "onchange", [], {}, [], spec, context=default)
                        for target in seen:
                            self.call(role, "onchange", model, "web_save", target, {field.name: value}, spec)
                for row in self.get_samples(role, model):
                    if role.hides(row):
                        self.call(role, "onchange", model, "onchange", [row.id], {}, [], spec)
                for active, rows in sent.items() if record.has_access("read") else ():
                    if rows and model in self.models:
                        context = {"active_model": active, "active_ids": [row.id for row in rows]}
                        self.call(role, "onchange", model, "onchange", [], {}, [], spec, context=context)
                        self.call(role, "onchange", model, "default_get", sorted(spec), context=context)

    def filter_customers(self, roles):
        """Let filters of customers ask for what is hidden: typed into a form, and saved.

        Who is found must be the same without the hidden rows.
        """
        paths = self._find_paths_of_filters()
        for role in roles:
            pairs = self._ask_twice(role, lambda role: self._filter_by(role, paths))
            for (call, with_them), (_call, without) in pairs:
                if with_them != without:
                    self.report(role, "filter", call, "finds by what is hidden")

    def _find_paths_of_filters(self):
        others = self.others["res.partner"]
        self.others["res.partner"] = sorted({*others, *BETWEEN["res.partner"]})
        try:
            found = self._find_paths("res.partner")
        finally:
            self.others["res.partner"] = others
        # Of each model one amount, else one text, by the shortest way.
        numbers = {key for key in found if self.env[key[0]]._fields[key[1]].type in ("monetary", "float")}
        chosen = {owner: (owner, name) for owner, name in sorted(found, key=lambda key: (key in numbers, key))}
        return {key: found[key][:1] for key in chosen.values()}

    def _filter_by(self, role, paths):
        """Yield (call, who or how many were found)."""
        for model in self.models:
            fields = role.env[model]._fields
            for field in [f for f in fields.values() if f.type == "char" and f.name.endswith("domain")]:
                target = next((row for row in self.get_samples(role, model) if not role.hides(row)), None)
                counts = {
                    name: {}
                    for name, other in fields.items()
                    if field.name in get_dependencies(role.env, other) and other.type == "integer"
                }
                for (owner, name), (path, *_rest) in sorted(paths.items()):
                    value = repr([(path, *get_secret_condition(self.env[owner]._fields[name]))])
                    call = f"{model}.onchange({field.name}={value})"
                    args = ([target.id] if target else [], {field.name: value}, [field.name], counts)
                    text, _answer = self.attempt(
                        role,
                        "filter",
                        call,
                        lambda args=args, model=model: call_kw(role.env[model], "onchange", args, {}),
                    )
                    yield call, text
                    if target:
                        call = f"{model}.write({field.name}={value})"
                        found, answer = self.attempt(
                            role,
                            "filter",
                            call,
                            lambda model=model, field=field, value=value, target=target: self._save_and_ask(
                                role, model, target, {field.name: value}
                            ),
                        )
                        yield call, found if found == REFUSED else as_text(answer)

    def _save_and_ask(self, role, model, row, values):
        """Save a filter, and return who is found by it through every public method that answers with rows."""
        record = role.env[model].browse(row.id)
        call_kw(record.browse(), "write", [record.ids, values], {})
        found = {}
        for name in self.get_methods(model):
            method = getattr(self.env.registry[model], name)
            parameters = list(inspect.signature(method).parameters)[1:]
            if parameters in ([], ["as_of"]) and name.startswith(("compute", "action_preview")):
                with contextlib.suppress(Exception), self.env.cr.savepoint():
                    answer = call_kw(record.browse(), name, [record.ids, *(["2026-06-30"] if parameters else [])], {})
                    rows = answer if isinstance(answer, list) else []
                    found[name] = sorted(item["partner_id"] for item in rows if isinstance(item, dict))
        spec = {n: get_spec(f) for n, f in record._fields.items() if f.type == "one2many" and "line" in n}
        (lines,) = call_kw(record.browse(), "web_read", [record.ids, spec], {}) if spec else [{}]
        # Their ids are new ones each time.
        found |= {fname: sorted(line["display_name"] for line in lines[fname]) for fname in spec}
        return found

    # ------------------------------------------------------------------
    # Flags of the context
    # ------------------------------------------------------------------

    def wave_flags(self, roles):
        """Write what is refused once more, with each flag of the context that our code reads."""
        flags = self.get_flags()
        everything = dict.fromkeys(flags, True)
        for role in roles:
            for model in self.models:
                if not self.env[model]._auto:
                    continue
                for row in self.get_samples(role, model)[:2]:
                    for field in self.env[model]._fields.values():
                        if field.store and (field._module or "").startswith(OURS):
                            for value in self._get_bad_values(role, field):
                                self._wave(role, model, "write", ([row.id], {field.name: value}), everything)
                    for name in self.get_methods(model):
                        method = getattr(self.env.registry[model], name)
                        if name.startswith("action") and not hasattr(method, "_api_model"):
                            self._wave(role, model, name, ([row.id],), everything)

    def _wave(self, role, model, name, args, flags):
        call = f"{model}.{name}{describe(args)}"

        def act(context):
            call_kw(role.env[model], name, list(args), {"context": {**role.env.context, **context}})
            self.env.flush_all()
            return None

        without, _error = self.attempt(role, "context", call, lambda: act({}))
        if without == REFUSED:
            allowed, _answer = self.attempt(role, "context", call, lambda: act(flags))
            if allowed != REFUSED:
                culprits = [
                    flag
                    for flag in flags
                    if self.attempt(role, "context", call, lambda flag=flag: act({flag: True}))[0] != REFUSED
                ]
                self.report(role, "context", call, f"is refused, and done with {', '.join(culprits) or 'all flags'}")

    def _get_bad_values(self, role, field):
        match field.type:
            case "integer" | "float" | "monetary":
                return (-1, 50)
            case "char" | "text":
                return ("[('no_such_field', '=', 1)] {{ nothing }}",)
            case "many2one":
                rows = self.get_rows(field.comodel_name) if field.comodel_name in self.models else ()
                hidden = [row.id for row in rows if role.hides(row)][:1]
                if field.comodel_name == "res.company":
                    hidden = sorted({row.company for row in self.rows.values() if row.company} - role.companies)[:1]
                return (*hidden, False)
            case "boolean":
                return (True, False)
            case "one2many" | "many2many":
                return ([[5]],)
            case "json":
                return (True, [])
        return ()

    # ------------------------------------------------------------------
    # Report
    # ------------------------------------------------------------------

    def list_leaks(self):
        """Return the leaks as text, at most three of a kind."""
        kinds = defaultdict(list)
        for leak in sorted(self.leaks):
            kinds[leak.role, leak.door, leak.call.partition("(")[0], leak.what].append(leak)
        return "\n".join(
            f"{leak.role} | {leak.door} | {leak.call} | {leak.what}" + (f" ({len(of_kind)} such)" if not number else "")
            for of_kind in kinds.values()
            for number, leak in enumerate(of_kind[:3])
        )

    def summarize(self):
        """Return a table of how many calls were tried and how many leaks there are, by role and door."""
        doors = sorted({door for _role, door in self.tried})
        roles = list(dict.fromkeys(role for role, _door in self.tried))
        leaks = Counter((leak.role, leak.door) for leak in self.leaks)
        width = max(map(len, roles), default=0)
        lines = [
            f"{sum(self.tried.values()):,} calls tried, {len(self.leaks):,} leaks; by role and door, calls/leaks:",
            " ".join([" " * width, *(f"{door:>10}" for door in doors)]),
        ]
        lines += [
            " ".join([f"{role:<{width}}", *(f"{self.tried[role, door]:>6}/{leaks[role, door]:<3}" for door in doors)])
            for role in roles
        ]
        return "\n".join(f"figures: {line}" for line in lines)


def find_flags(source):
    """Return the keys of the context that a piece of Python reads.

    >>> sorted(find_flags('self.env.context.get("a") or records._context["b"] or {"c": 1}.get("c")'))
    ['a', 'b']
    """
    flags = set()
    for node in ast.walk(ast.parse(source)):
        key = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            owner, key = node.func.value, node.args[0] if node.args else None
        elif isinstance(node, ast.Subscript):
            owner, key = node.value, node.slice
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            owner, key = node.comparators[0], node.left
        is_key = isinstance(key, ast.Constant) and isinstance(key.value, str)
        if is_key and isinstance(owner, ast.Attribute) and owner.attr in ("context", "_context"):
            flags.add(key.value)
    return flags


def get_spec(field):
    """What a client asks for to show a field."""
    return {"fields": {"display_name": {}}} if field.relational else {}


def get_conditions(field):
    """Conditions on a field that find some records, as (operator, value)."""
    match field.type:
        case "char" | "text" | "html":
            return (("ilike", MARK),)
        case "integer" | "float" | "monetary":
            return ((">", MUCH),)
        case "many2one" | "one2many" | "many2many":
            return (("ilike", MARK), ("!=", False)) if field.store else (("ilike", MARK), ("=", False))
        case "date" | "datetime":
            return ((">", "2000-01-01"),)
    return (("!=", False),)


def get_secret_condition(field):
    """A condition that holds where a secret stands."""
    return (">", MUCH) if field.type in ("integer", "float", "monetary") else ("ilike", MARK)


def get_dependencies(env, field):
    """The names of the fields of the same record on which a field depends."""
    return env.registry.field_depends[field] if field.compute else ()


def get_arguments(method, candidates):
    """The tuples of arguments with which a method is tried, by the names of its parameters."""
    choices = []
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            continue
        if parameter.default is not parameter.empty:
            break
        choices.append(next(values for name, values in candidates.items() if parameter.name.startswith(name)))
    return list(itertools.product(*choices))


def as_text(answer):
    """An answer as text in which to look for secrets, and to compare with another one."""
    if isinstance(answer, BaseModel):
        answer = answer.ids
    return json.dumps(answer, default=str, sort_keys=True, ensure_ascii=False)


def describe(args):
    """Arguments as short text for the report."""
    text = ", ".join(repr(arg) if len(repr(arg)) < 160 else f"{repr(arg)[:160]}…" for arg in args)
    return f"({text})"


@contextlib.contextmanager
def quiet():
    """Keep what refused calls write into the log out of it."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
