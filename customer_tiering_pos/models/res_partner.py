from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

GROUP = "point_of_sale.group_pos_user"


class ResPartner(models.Model):
    _inherit = "res.partner"

    # What cashiers may see, who need no rights of Sales: related fields are read as superuser.
    tiering_till_tier = fields.Char(related="tiering_tier_id.name", string="Tier in the Till", groups=GROUP)
    tiering_till_color = fields.Integer(
        related="tiering_tier_id.color", string="Color in the Till", groups=GROUP, aggregator=None
    )

    tiering_till_needs = fields.Char(
        string="Needs in the Till", compute="_compute_tiering_till_needs", compute_sudo=True, groups=GROUP
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("company", "lang", "uid")
    def _compute_tiering_till_needs(self):
        # Of customers whom the cashier may see, as with the tier.
        customers = self.commercial_partner_id.filtered_domain(self.env["ir.rule"]._get_tiering_domain("res.partner"))
        needs = self.env["customer.tiering.need"]._get_of(customers)
        for partner in self:
            found = needs.get(partner.commercial_partner_id.id)
            partner.tiering_till_needs = bool(found) and found._tell()

    @api.model
    def _get_tiering_till_fields(self):
        """Return the names of what the till loads of a customer's tier; another app adds its own."""
        return ["tiering_till_tier", "tiering_till_color", "tiering_till_needs"]

    @api.model
    def _load_pos_data_fields(self, config):
        return [*super()._load_pos_data_fields(config), *self._get_tiering_till_fields()]

    @api.model
    def _load_pos_self_data_fields(self, config):
        """Nothing of it for guests who order by themselves (pos_self_order), whose page asks for contacts by their
        number, and is answered as superuser."""
        known = getattr(super(), "_load_pos_self_data_fields", self._load_pos_data_fields)(config)
        return [fname for fname in known if fname not in self._get_tiering_till_fields()]

    @api.model
    def _server_date_to_domain(self, domain):
        """A till that was opened before asks for what was written since. Runs write nothing on contacts, so those who
        have moved since then are asked for, too."""
        written = super()._server_date_to_domain(domain)
        if domain is False or written == domain:
            return written
        since = fields.Datetime.to_datetime(self.env.context["pos_last_server_date"])
        # sudo: cashiers need no rights of Sales; only whose data are loaded depends on it
        changes = self.env["customer.tier.change"].sudo()
        moved = changes.search([("company_id", "=", self.env.company.id), ("date", ">=", since.date())]).partner_id
        # Those whose needs were noted or changed, or have ended.
        needs = self.env["customer.tiering.need"].sudo()
        needs = needs.search(
            ["|", ("write_date", ">=", since), ("valid_until", ">=", since.date() - timedelta(days=2))]
        )
        changed = moved | needs.partner_id
        return Domain(written) | Domain(domain) & Domain("commercial_partner_id", "in", changed.ids)
