from odoo import api, fields, models

from ..fields import DerivedMany2one

GROUP = "sales_team.group_sale_salesman"


class MailActivity(models.Model):
    _inherit = "mail.activity"

    tiering_tier_id = DerivedMany2one(
        "customer.tier",
        string="Tier",
        compute="_compute_tiering_tier",
        exportable=False,
        groups=GROUP,
        help="The tier of the customer of whom, or of whose document, the activity is.",
    )
    tiering_tier_color = fields.Integer(string="Tier Color", compute="_compute_tiering_tier", groups=GROUP)

    @api.depends("res_model", "res_id")
    @api.depends_context("company", "uid")
    def _compute_tiering_tier(self):
        self.tiering_tier_id, self.tiering_tier_color = False, 0
        # sudo: whose contact or document it is; the scorecard decides who may know the tier
        everything = self.env(su=True, context={**self.env.context, "active_test": False})
        owners = {}
        for name, activities in self.filtered("res_id").grouped("res_model").items():
            if name == "res.partner":
                owners |= {activity: (activity.res_id, self.env.company.id) for activity in activities}
            elif name in self.env and "tiering_customer_tier_id" in self.env[name]._fields:
                domain = [("id", "in", activities.mapped("res_id"))]
                papers = everything[name].search_fetch(domain, ["partner_id", "company_id"]).grouped("id")
                for activity in activities.filtered(lambda activity, papers=papers: activity.res_id in papers):
                    paper = papers[activity.res_id]
                    owners[activity] = paper.partner_id.id, paper.company_id.id or self.env.company.id
        if not owners:
            return
        domain = [("id", "in", list({partner_id for partner_id, _company_id in owners.values()}))]
        partners = everything["res.partner"].search_fetch(domain, ["commercial_partner_id"])
        customers = {partner.id: partner.commercial_partner_id.id for partner in partners}
        cards = self.env["customer.tiering.scorecard"].search_fetch(
            [
                ("partner_id", "in", list(set(customers.values()))),
                ("company_id", "in", list({company_id for _partner_id, company_id in owners.values()})),
            ],
            ["partner_id", "company_id", "tier_id"],
        )
        tiers = {(card.partner_id.id, card.company_id.id): card.tier_id for card in cards}
        for activity, (partner_id, company_id) in owners.items():
            if tier := tiers.get((customers.get(partner_id), company_id)):
                activity.tiering_tier_id, activity.tiering_tier_color = tier, tier.color
