from odoo import api, fields, models

GROUP = "sales_team.group_sale_salesman"


class MailActivity(models.Model):
    _inherit = "mail.activity"

    tiering_tier_id = fields.Many2one(
        "customer.tier",
        string="Tier",
        compute="_compute_tiering_tier",
        exportable=False,
        groups=GROUP,
        help="The tier of the customer of whom, or of whose document, the activity is.",
    )
    tiering_tier_color = fields.Integer(string="Tier Colour", compute="_compute_tiering_tier", groups=GROUP)

    @api.depends("res_model", "res_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_tier(self):
        self.tiering_tier_id, self.tiering_tier_color = False, 0
        for name, activities in self.filtered("res_id").grouped("res_model").items():
            fname = self._get_tiering_field(name)
            if not fname:
                continue
            # What the person may not read tells nothing, although the activity is theirs.
            records = self.env[name].browse(activities.mapped("res_id"))._filtered_access("read")
            of_record = {record.id: record[fname] for record in records}
            for activity in activities:
                if tier := of_record.get(activity.res_id):
                    activity.tiering_tier_id, activity.tiering_tier_color = tier, tier.color

    @api.model
    def _get_tiering_field(self, model_name):
        """Return which field of a model is the tier of its customer; None where it has none."""
        if model_name == "res.partner":
            return "tiering_tier_id"
        known = self.env[model_name]._fields if model_name in self.env else {}
        return "tiering_customer_tier_id" if "tiering_customer_tier_id" in known else None
