"""Which filters of customers go round in a circle: those that ask for what runs bring about.

A policy for customers who are in a tier of another policy takes them out of that tier, so that they do not match any
more; the next night they are back. Such a filter is recognised by the fields that it leads through, whoever made them.
"""

from odoo.fields import Domain

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


def find_circle(model, domain):
    """Return what of a domain asks for what runs bring about: the labels of its fields, ``"Related Company > Tier"``.

    :param model: a recordset of the model that the domain is for
    :param domain: a ``Domain`` that can be read
    :return: None where nothing does
    """
    for condition in domain.iter_conditions():
        fields = _follow(model, condition.field_expr)
        if any(_is_brought_about(model.env, field, set()) for field in fields):
            return _label(model.env, fields)
        if condition.operator in ("any", "not any"):  # a filter of what the last field leads to
            found = find_circle(model.env[fields[-1].comodel_name], Domain(condition.value))
            if found:
                return f"{_label(model.env, fields)} > {found}"
    return None


def _follow(model, path):
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
    return any(
        _is_brought_about(env, behind, seen) for path in paths for behind in _follow(env[field.model_name], path)
    )


def _label(env, fields):
    return " > ".join(field._description_string(env) for field in fields)
