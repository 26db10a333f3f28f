import itertools

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_list

from .. import engine


class CustomerSegment(models.Model):
    _name = "customer.segment"
    _inherit = ["customer.tiering.referred", "customer.tiering.typed"]
    _description = "Customer Segment"
    _order = "sequence, id"
    _names_copies = True

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        copy=False,
        help="A short name that does not change, by which other modules and exports know the segment.",
    )
    sequence = fields.Integer(default=10)
    color = fields.Integer()
    description = fields.Text(translate=True, help="What customers of this segment have in common.")
    advice = fields.Text(translate=True, help="What usually works with customers of this segment.")

    _code_uniq = models.UniqueIndex("(code)", "Another segment has this code already: choose a different one.")

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_typed(vals)  # before the database is asked
        codes = [vals["code"] for vals in vals_list if vals.get("code")]
        # sudo: a code is taken also by a segment that the person may not see
        taken = set(self.sudo().search([("code", "in", codes)]).mapped("code"))
        for code in codes:
            if code in taken:  # before the database says so, which logs an error
                raise ValidationError(
                    self.env._("Another segment has the code “%(code)s” already: choose a different one.", code=code)
                )
            taken.add(code)
        segments = super().create(vals_list)
        self.env.registry.clear_cache("templates")  # the partner's search view lists the segments
        return segments

    def copy_data(self, default=None):
        """Give each copy a code that no segment has yet."""
        vals_list = super().copy_data(default)
        # sudo: a code is taken also by a segment that the person may not see
        taken = set(self.sudo().search([]).mapped("code"))
        for segment, vals in zip(self, vals_list, strict=True):
            if not vals.get("code"):
                number = next(number for number in itertools.count(2) if f"{segment.code}_{number}" not in taken)
                vals["code"] = f"{segment.code}_{number}"
                taken.add(vals["code"])
        return vals_list

    def write(self, vals):
        if any(segment.code != vals["code"] for segment in self if "code" in vals):
            raise UserError(
                self.env._("The code of a segment never changes, other modules know it by it. Change its name.")
            )
        result = super().write(vals)
        if vals.keys() & {"name", "sequence"}:
            self.env.registry.clear_cache("templates")
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache("templates")
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_needed(self):
        delivered = self.filtered(
            lambda segment: segment.code in (*engine.segments.SEGMENT_CODES, engine.segments.PROSPECT)
        )
        if delivered:
            raise UserError(
                self.env._(
                    "The policies of new companies need “%(segments)s”. Rename it, or leave it out of your map.",
                    segments=format_list(self.env, delivered.mapped("name")),
                )
            )
        # sudo: customers of other companies count too
        self.env["customer.tiering.policy"].sudo().search([])._keep_runs_out()
        if self.env["customer.tiering.scorecard"].sudo().search_count([("segment_id", "in", self.ids)], limit=1):
            raise UserError(self.env._("Some customers are still in this segment. Compute the customers again first."))
        policies = self.env["customer.tiering.policy"].sudo().with_context(active_test=False).search([])
        for policy in policies:
            used = self & self.browse(policy._segment_map_ids())
            if used:
                raise UserError(
                    self.env._(
                        "The segment map of policy “%(policy)s” points to “%(segments)s”. "
                        "Choose another segment for those cells first.",
                        policy=policy.display_name,
                        segments=format_list(self.env, used.mapped("name")),
                    )
                )
