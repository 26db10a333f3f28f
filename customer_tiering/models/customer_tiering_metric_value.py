from odoo import api, fields, models


class CustomerTieringMetricValue(models.Model):
    _name = "customer.tiering.metric.value"
    _inherit = ["customer.tiering.typed"]
    _description = "Points of a Value of a Metric"
    _order = "metric_id, sequence, id"
    _rec_name = "value"

    _typed_ranges = {"points": (0, 100)}

    metric_id = fields.Many2one("customer.tiering.metric", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer()
    value = fields.Char(required=True, readonly=True)
    label = fields.Char(string="Choice", compute="_compute_label")
    points = fields.Float(digits=(5, 2), help="0 to 100: what a customer with this choice is worth.")

    _points_range = models.Constraint("CHECK(points >= 0 AND points <= 100)", "Points lie between 0 and 100.")
    _value_uniq = models.UniqueIndex("(metric_id, value)", "Each choice has its points once.")

    @api.depends("value", "metric_id.field_id")
    @api.depends_context("lang")
    def _compute_label(self):
        for metric, lines in self.grouped("metric_id").items():
            field = self.env["res.partner"]._fields.get(metric.field_id.name)
            labels = dict(field._description_selection(self.env)) if field and field.type == "selection" else {}
            for line in lines:
                line.label = labels.get(line.value, line.value)

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.metric_id._check_may_redefine()
        return lines

    def write(self, vals):
        self.metric_id._check_may_redefine()
        result = super().write(vals)
        self.metric_id._check_may_redefine()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_others(self):
        self.metric_id._check_may_redefine()
