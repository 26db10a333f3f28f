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
            fname, needed = self._get_tiering_fields(name)
            if not fname:
                continue
            # What the person may not read tells nothing, although the activity is theirs: hence a search.
            model = self.env[name].with_context(active_test=False)
            records = model.search_fetch([("id", "in", activities.mapped("res_id"))], needed)
            of_record = {record.id: record[fname] for record in records}
            for activity in activities:
                if tier := of_record.get(activity.res_id):
                    activity.tiering_tier_id, activity.tiering_tier_color = tier, tier.color

    @api.model
    def _get_tiering_fields(self, model_name):
        """Return which field of a model is the tier of its customer, None where it has none, and those behind it."""
        if model_name == "res.partner":
            return "tiering_tier_id", ["commercial_partner_id"]
        known = self.env[model_name]._fields if model_name in self.env else {}
        return "tiering_customer_tier_id" if "tiering_customer_tier_id" in known else None, ["partner_id", "company_id"]
