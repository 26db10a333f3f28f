"""Filters of customers that people type: read and tried with bounded work, and with no more rights than theirs.

Some go round in a circle: those that ask for what runs bring about. A policy for customers who are in a tier of another
policy takes them out of that tier, so that they do not match any more; the next night they are back. Such a filter is
recognised by the fields that it leads through, whoever made them.
"""

import ast

import psycopg2

from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

# A filter of more characters is none that a person clicks together.
MOST_CHARACTERS = 10_000
# Milliseconds for which a filter may look for its first customer when it is saved.
PATIENCE = 3_000
# What reading and trying a filter raises, whatever was typed.
ERRORS = (ValueError, SyntaxError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)

# What runs write, and what they lead to.
BROUGHT_ABOUT = frozenset(
    {
        "customer.tiering.scorecard",
        "customer.tier",
        "customer.tier.change",
        "customer.segment",
        "customer.tiering.followup",
    }
)


def read(text):
    """Return a filter, as it is kept, as a ``Domain``.

    :raises ValueError: when it is none, or too long
    """
    text = text or "[]"
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"{len(text)} > {MOST_CHARACTERS}")
    try:
        return Domain(ast.literal_eval(text))
    except ERRORS as error:  # also what exhausts the parser
        raise ValueError(_say(error)) from error


def is_plain(model, domain):
    """Whether a domain asks for nothing but values kept on the records of ``model`` themselves."""
    for condition in domain.iter_conditions():
        field = model._fields.get(condition.field_expr)
        if not (field and field.store and field.column_type):
            return False
        if field.relational and not (condition.operator in ("=", "!=", "in", "not in") and _holds_ids(condition.value)):
            return False
    return True


def _holds_ids(value):
    return all(isinstance(id_, int) for id_ in (value if isinstance(value, list | tuple | set) else [value]))


def find_error(model, domain, patience=0):
    """Try a domain out and return why it cannot be used, in short; None: it can.

    :param model: a recordset of the model in the environment of the person whose filter it is; rules of the model
        itself do not count, those of what its paths lead to do
    :param patience: milliseconds; 0: as long as it takes
    """
    env = model.env
    try:
        query = model._search(domain, active_test=False, bypass_access=True, limit=1).select()
        env.flush_query(query)
        savepoint = env.cr.savepoint(flush=False)
        try:
            if patience:
                env.cr.execute(SQL("SET LOCAL statement_timeout = %s", patience))
            env.cr.execute(query, log_exceptions=False)
        finally:
            savepoint.close(rollback=True)  # which takes the timeout back as well
    except (*ERRORS, UserError, psycopg2.Error) as error:
        return _say(error)
    return None


def _say(error):
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def find_circle(model, domain):
    """Return what of a domain asks for what runs bring about: the labels of its fields, ``"Related Company > Tier"``.

    :param model: a recordset of the model that the domain is for
    :param domain: a ``Domain`` that can be read
    :return: None where nothing does
    """
    for condition in domain.iter_conditions():
        fields = follow(model, condition.field_expr)
        if any(_is_brought_about(model.env, field, set()) for field in fields):
            return _label(model.env, fields)
        comodel = fields[-1].comodel_name if fields else None
        if comodel and condition.operator in ("any", "not any"):  # a filter of what the last field leads to
            found = find_circle(model.env[comodel], Domain(condition.value))
            if found:
                return f"{_label(model.env, fields)} > {found}"
    return None


def follow(model, path):
    """Return the fields of a path; without what is no field, as a part of a date or a property."""
    fields = []
    for name in path.split("."):
        field = model is not None and model._fields.get(name)
        if not field:
            break
        fields.append(field)
        model = model.env[field.comodel_name] if field.comodel_name else None
    return fields


def _is_brought_about(env, field, seen):
    """Whether runs bring about the value of a field, or that from which it is computed."""
    if field in seen:
        return False
    seen.add(field)
    if BROUGHT_ABOUT & {field.model_name, field.comodel_name}:
        return True
    paths = [field.related] if field.related else env.registry.field_depends[field]
    return any(_is_brought_about(env, behind, seen) for path in paths for behind in follow(env[field.model_name], path))


def _label(env, fields):
    return " > ".join(field._description_string(env) for field in fields)
