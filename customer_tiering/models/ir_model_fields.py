from odoo import api, models
from odoo.tools.sql import column_exists


class IrModelFields(models.Model):
    _inherit = "ir.model.fields"

    def _list_tiering_values(self):
        """Have the metrics of choices know the values that these fields have now."""
        if column_exists(self.env.cr, "customer_tiering_metric", "field_id"):
            # sudo: whoever may change the field
            metrics = self.env["customer.tiering.metric"].sudo().with_context(active_test=False)
            metrics.search([("field_id", "in", self.ids)])._list_values()

    def unlink(self):
        # Their metrics go along. Not where this very module is removed, whose columns may be gone.
        if any(field.model == "res.partner" for field in self) and column_exists(
            self.env.cr, "customer_tiering_metric", "field_id"
        ):
            # sudo: whoever may delete the field
            self.env["customer.tiering.metric"].sudo().with_context(active_test=False).search(
                [("field_id", "in", self.ids)]
            )._leave_policies()
        return super().unlink()


class IrModelFieldsSelection(models.Model):
    _inherit = "ir.model.fields.selection"

    @api.model_create_multi
    def create(self, vals_list):
        values = super().create(vals_list)
        values.field_id._list_tiering_values()
        return values

    def unlink(self):
        fields = self.field_id
        result = super().unlink()
        fields.exists()._list_tiering_values()
        return result

    def _reflect_selections(self, model_names):
        result = super()._reflect_selections(model_names)
        if "res.partner" in model_names:
            self.env["ir.model.fields"].search(
                [("model", "=", "res.partner"), ("ttype", "=", "selection")]
            )._list_tiering_values()
        return result
