"""What people saved that names something which goes with a module: filters, exports, dashboards.

Odoo keeps them when it deletes fields and models, and whoever opens one afterwards meets an error.
"""

import ast
import json

from lxml import etree

ANY_OPERATORS = ("any", "not any", "any!", "not any!")


def forget_saved(env, module):
    """Delete what was saved with fields or models of a module that is being uninstalled, and nothing else.

    A filter goes as a whole: without one of its conditions it would show other records under the same name. Exports
    lose the columns and dashboards the parts that could not be shown.

    :param module: its technical name
    """
    going = Going(env, module)
    env["ir.filters"].with_context(active_test=False).search([]).filtered(going.is_in_filter).unlink()
    _forget_in_exports(env, going)
    _forget_in_dashboards(env, going)
    _forget_foreign_keys(env, module)


def _forget_in_exports(env, going):
    for export in env["ir.exports"].search([]):
        lines = export.export_fields
        gone = lines.filtered(lambda line, export=export: going.is_on_path(export.resource, line.name or ""))
        if export.resource in going.models or (gone and gone == lines):
            export.unlink()
        else:
            gone.unlink()


def _forget_in_dashboards(env, going):
    for dashboard in env["ir.ui.view.custom"].search([]):
        try:
            arch = etree.fromstring(dashboard.arch)
        except etree.XMLSyntaxError:
            continue
        gone = [part for part in arch.iter("action") if going.is_in_dashboard(part.attrib)]
        for part in gone:
            part.getparent().remove(part)
        if gone:
            dashboard.arch = etree.tostring(arch, encoding="unicode")


def _forget_foreign_keys(env, module):
    """Delete what Odoo notes of the foreign keys of a module's fields: it does so itself only with their model, and
    that of a field that was added to another app's model stays."""
    env["ir.model.constraint"].search([("module.name", "=", module), ("type", "=", "f")]).unlink()


class Going:
    """The models, fields and actions that are deleted with a module."""

    def __init__(self, env, module):
        self.env = env
        env.flush_all()
        env.cr.execute(
            """
            SELECT model, res_id FROM ir_model_data data
             WHERE module = %(module)s AND model IN ('ir.model', 'ir.model.fields', 'ir.actions.act_window')
               AND NOT EXISTS (SELECT FROM ir_model_data other JOIN ir_module_module owner ON owner.name = other.module
                                WHERE (other.model, other.res_id) = (data.model, data.res_id)
                                  AND other.module != %(module)s AND owner.state NOT IN ('to remove', 'uninstalled'))
            """,
            {"module": module},
        )
        ids = {"ir.model": [], "ir.model.fields": [], "ir.actions.act_window": []}
        for model, res_id in env.cr.fetchall():
            ids[model].append(res_id)
        self.models = set(env["ir.model"].browse(ids["ir.model"]).mapped("model"))
        self.fields = {(field.model, field.name) for field in env["ir.model.fields"].browse(ids["ir.model.fields"])}
        self.actions = set(ids["ir.actions.act_window"])

    def is_on_path(self, model, path):
        """Whether a path goes through a field that goes.

        :param path: as in domains, groupings and exports: ``a.b``, ``a/b`` or ``a.b:month``
        """
        for name in path.partition(":")[0].replace("/", ".").split("."):
            if (model, name) in self.fields:
                return True
            model = self._get_comodel(model, name)
        return False

    def _get_comodel(self, model, path):
        for name in path.split("."):
            field = self.env[model]._fields.get(name) if model in self.env else None
            model = field.comodel_name if field else None
        return model

    def is_in_filter(self, saved):
        model = saved.model_id
        return (
            model in self.models
            or self._is_in_domain(model, _parse(saved.domain))
            or self._is_in_context(model, _parse(saved.context))
            or any(self.is_on_path(model, str(order).split(" ")[0]) for order in json.loads(saved.sort or "[]"))
        )

    def is_in_dashboard(self, part):
        """Whether a part of a dashboard, an ``action`` of its view, shows something that goes."""
        name = part.get("name", "")
        action = self.env["ir.actions.act_window"].browse(int(name) if name.isdecimal() else []).exists()
        model = action.res_model
        return bool(
            action.id in self.actions
            or model in self.models
            or self._is_in_domain(model, _parse(part.get("domain")))
            or self._is_in_context(model, _parse(part.get("context")))
        )

    def _is_in_domain(self, model, node):
        """Whether a condition of a domain, given as the syntax tree of its text, names a field that goes."""
        if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == 3:
            path, operator, value = node.elts
            if _is_text(path) and _is_text(operator):
                return self.is_on_path(model, path.value) or (
                    operator.value in ANY_OPERATORS and self._is_in_domain(self._get_comodel(model, path.value), value)
                )
        return any(self._is_in_domain(model, child) for child in ast.iter_child_nodes(node))

    def _is_in_context(self, model, node):
        """Whether a context groups, measures or sorts by a field that goes: all that it has are names of fields."""
        return any(_is_text(part) and self.is_on_path(model, part.value) for part in ast.walk(node))


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _parse(text):
    """Return the syntax tree of a domain or context; an empty one of what is none, which failed before already."""
    try:
        return ast.parse((text or "None").strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ast.parse("None", mode="eval")
