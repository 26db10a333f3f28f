from odoo import models


class CustomerTieringPolicy(models.Model):
    _inherit = "customer.tiering.policy"

    def action_save_audiences(self):
        """Save a filter of mailings for each tier and segment of the policy, and show them.

        They are found by what they ask for, so that one that somebody has renamed is not saved again.
        """
        self.ensure_one()
        wanted = {
            repr([("tiering_tier_id", "=", tier.id)]): self.env._(
                "%(tier)s (%(policy)s)", tier=tier.name, policy=self.name
            )
            for tier in self.tier_ids
        }
        segments = self.env["customer.segment"].browse(self._segment_map_ids()).exists()
        for segment in segments.sorted():
            domain = [("tiering_segment_id", "=", segment.id), ("tiering_scorecard_id.policy_id", "=", self.id)]
            wanted[repr(domain)] = self.env._("%(segment)s (%(policy)s)", segment=segment.name, policy=self.name)
        model_id = self.env["ir.model"]._get_id("res.partner")
        saved = self.env["mailing.filter"].search(
            [("mailing_model_id", "=", model_id), ("mailing_domain", "in", list(wanted))]
        )
        missing = [domain for domain in wanted if domain not in saved.mapped("mailing_domain")]
        saved |= saved.create(
            [{"name": wanted[domain], "mailing_domain": domain, "mailing_model_id": model_id} for domain in missing]
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Audiences of %(policy)s", policy=self.name),
            "res_model": "mailing.filter",
            "views": [(False, "list"), (False, "form")],
            "domain": [("id", "in", saved.ids)],
        }
