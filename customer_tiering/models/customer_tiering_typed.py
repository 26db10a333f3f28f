import json
import math
import re

from odoo import api, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list

from ..sentences import format_number

# The most that each kind of field takes: a number of characters, or a number.
SIZES = {"char": 1_000, "text": 10_000, "html": 50_000, "json": 10_000}
MOST_INTEGER = 2_147_483_647
MOST_FLOAT = 1e15
# What no XML can hold: a view, or a workbook, that shows such a text could not be made.
UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# No number of days leads out of the calendar.
MOST_DAYS = 36_500
SCALARS = {"boolean", "date", "datetime", "float", "integer", "many2one", "monetary", "selection"}


def take(env, value, *kinds):
    """Return what a client sent to a public method, if it is of one of these kinds.

    :param kinds: types as JSON has them; of ``int``, those that the database keeps; ``None``: nothing at all
    :raises UserError: what was sent is something else
    """
    if value is None or isinstance(value, bool):  # true is no number
        fits = (value if value is None else bool) in kinds
    else:
        fits = isinstance(value, tuple(kind for kind in kinds if kind))
    if not fits or (isinstance(value, int) and abs(value) > MOST_INTEGER):
        raise UserError(env._("What was sent cannot be read. Load the page again."))
    return value


def check_ranges(records, vals, ranges):
    """Refuse numbers that these records, or a new one, cannot have.

    :param ranges: ``{field: (least, most)}``; most is None where there is no upper limit
    :raises ValidationError: with the label of the field
    """
    env = records.env
    for fname in ranges.keys() & vals.keys():
        least, most = ranges[fname]
        value = vals[fname] or 0
        if not isinstance(value, int | float):
            continue  # no number: the field says so
        if least <= value and (most is None or value <= most):
            continue
        said = {
            "field": records._fields[fname]._description_string(env),
            "value": format_number(env, value, 4),
            "least": format_number(env, least, 4),
            "most": most and format_number(env, most, 4),
        }
        names = vals.get("name") or (
            "name" in records._fields and format_list(env, list(filter(None, records.mapped("name"))))
        )
        if names and most is None:
            message = env._("“%(field)s” of %(names)s is %(least)s or more, not %(value)s.", names=names, **said)
        elif names:
            message = env._(
                "“%(field)s” of %(names)s is a number from %(least)s to %(most)s, not %(value)s.",
                names=names,
                **said,
            )
        elif most is None:
            message = env._("“%(field)s” is %(least)s or more, not %(value)s.", **said)
        else:
            message = env._("“%(field)s” is a number from %(least)s to %(most)s, not %(value)s.", **said)
        raise ValidationError(message)


class CustomerTieringTyped(models.AbstractModel):
    """What people type has a size, so that no text and no number makes a form, or a run, fail or take long.

    What cannot be kept is refused with a sentence that names the field, whichever way it comes, before it goes to the
    database, which knows no names and logs an error. Its constraints stay, for whoever writes there.
    """

    _name = "customer.tiering.typed"
    _description = "Typed by People"
    # Fields with another number of characters than SIZES.
    _typed_sizes = {}
    # ``{field: (least, most)}``; most is None where there is no upper limit
    _typed_ranges = {}
    # Whether a copy has a name of its own, in each language.
    _names_copies = False

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_typed(vals)
        return super().create([self._leave_out_derived(vals) for vals in vals_list])

    def write(self, vals):
        """Write what was typed; nobody gives a row to a company, or a customer, that is hidden from them.

        Odoo looks at the rights before, and not whether the row is still the person's afterwards.
        """
        self._check_typed(vals)
        vals = self._leave_out_derived(vals)
        result = super().write(vals)
        if any(self._fields[fname].type == "many2one" for fname in vals if fname in self._fields):
            self.check_access("write")
        return result

    @api.model
    def _leave_out_derived(self, vals):
        """Return the values without what follows from other fields, such as the company of a tier."""
        if self.env.su:
            return vals
        return {
            fname: value
            for fname, value in vals.items()
            if not ((field := self._fields.get(fname)) and field.related and field.store and field.readonly)
        }

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if self._names_copies and not (default or {}).get("name"):
            for record, vals in zip(self, vals_list, strict=True):
                vals["name"] = record._get_name_of_copy()
        return vals_list

    def copy_translations(self, new, excluded=()):
        result = super().copy_translations(new, excluded)
        if self._names_copies and "name" not in excluded:
            languages = self._fields["name"]._get_stored_translations(self) or {}
            others = [lang for lang, _name in self.env["res.lang"].get_installed() if lang in languages]
            names = {lang: self.with_context(lang=lang)._get_name_of_copy() for lang in others if lang != self.env.lang}
            new.update_field_translations("name", names)
        return result

    def _get_name_of_copy(self):
        return self.env._("%(name)s (copy)", name=self.name)

    def update_field_translations(self, field_name, translations, source_lang=""):
        take(self.env, field_name, str)
        for values in take(self.env, translations, dict).values():
            for text in values.values() if isinstance(values, dict) else [values]:
                self._check_typed({field_name: text})
        return super().update_field_translations(field_name, translations, source_lang)

    def _check_typed(self, vals):
        """Refuse values that these records, or a new one, cannot have.

        :raises ValidationError: with the label of the field
        """
        self._check_ranges(vals)
        for fname, value in vals.items():
            field = self._fields.get(fname)
            if not field or value is None or value is False:
                continue
            most = self._typed_sizes.get(fname) or SIZES.get(field.type)
            if most:
                self._check_size(field, value, most)
            elif field.type in SCALARS:
                self._check_scalar(field, value)

    @api.model
    def _get_typed_ranges(self):
        """Return :attr:`_typed_ranges`; another app adds those of its own fields."""
        return self._typed_ranges

    def _check_ranges(self, vals):
        check_ranges(self, vals, self._get_typed_ranges())

    @api.model
    def _check_size(self, field, value, most):
        if field.type != "json" and isinstance(value, dict | list | tuple):
            self._refuse_typed(field)  # no text, which Odoo takes for its translations
        try:
            text = json.dumps(value, allow_nan=False) if field.type == "json" else str(value)
            text.encode()  # what the database could not keep
        except (ValueError, TypeError, RecursionError):
            self._refuse_typed(field)
        if UNFIT.search(text) or ("\\u0000" in text and field.type == "json"):
            self._refuse_typed(field)
        if len(text) > most:
            raise ValidationError(
                self.env._(
                    "“%(field)s” is too long: it has %(length)s characters, and at most %(most)s are kept.",
                    field=field._description_string(self.env),
                    length=format_number(self.env, len(text)),
                    most=format_number(self.env, most),
                )
            )

    @api.model
    def _check_scalar(self, field, value):
        is_no_id = field.type == "many2one" and (value is True or isinstance(value, float | str))
        if is_no_id or isinstance(value, dict | list):
            self._refuse_typed(field)  # Odoo makes nothing of it, without a word
        try:
            kept = field.convert_to_cache(value, self.browse(), validate=field.type == "selection")
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            self._refuse_typed(field)
        if field.type in ("integer", "many2one"):
            most = MOST_DAYS if field.name.endswith("days") else MOST_INTEGER
            if field.type == "many2one" and not isinstance(kept, int | None):
                return  # a record that is not saved yet
            if abs(kept or 0) > most:
                self._refuse_typed(field, most)
        elif field.type in ("float", "monetary") and not (math.isfinite(kept or 0) and abs(kept or 0) <= MOST_FLOAT):
            self._refuse_typed(field, MOST_FLOAT)

    @api.model
    def _refuse_typed(self, field, most=None):
        label = field._description_string(self.env)
        if most:
            raise ValidationError(
                self.env._("“%(field)s” takes numbers up to %(most)s.", field=label, most=format_number(self.env, most))
            )
        raise ValidationError(self.env._("“%(field)s” cannot be kept as it was typed. Type it again.", field=label))
