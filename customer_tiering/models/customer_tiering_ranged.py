from odoo import api, models
from odoo.exceptions import ValidationError


class CustomerTieringRanged(models.AbstractModel):
    """Numbers that a person types are judged before they go to the database: it knows no names, and logs an error.

    The constraints of the database stay, for whoever writes there.
    """

    _name = "customer.tiering.ranged"
    _description = "Judges Typed Numbers"

    # ``{field: (least, most)}``; most is None where there is no upper limit
    _tiering_ranges = {}

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_ranges(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._check_ranges(vals)
        return super().write(vals)

    def _check_ranges(self, vals):
        """Refuse a number that these records, or a new one, cannot have.

        :raises ValidationError: with the names of the field and, where there is one, of the record
        """
        for fname in self._tiering_ranges.keys() & vals.keys():
            least, most = self._tiering_ranges[fname]
            value = vals[fname] or 0
            if not isinstance(value, int | float):
                continue  # no number: the field says so
            if least <= value and (most is None or value <= most):
                continue
            said = {
                "field": self._fields[fname]._description_string(self.env),
                "value": f"{value:g}",
                "least": f"{least:g}",
                "most": most and f"{most:g}",
            }
            names = vals.get("name") or ("name" in self._fields and ", ".join(filter(None, self.mapped("name"))))
            if names and most is None:
                message = self.env._("“%(field)s” of %(names)s is %(least)s or more, not %(value)s.", names=names, **said)
            elif names:
                message = self.env._(
                    "“%(field)s” of %(names)s is a number from %(least)s to %(most)s, not %(value)s.", names=names, **said
                )
            elif most is None:
                message = self.env._("“%(field)s” is %(least)s or more, not %(value)s.", **said)
            else:
                message = self.env._("“%(field)s” is a number from %(least)s to %(most)s, not %(value)s.", **said)
            raise ValidationError(message)
