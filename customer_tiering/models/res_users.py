from odoo import api, models
from odoo.tools import ormcache


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users", "customer.tiering.referred"]

    def onchange(self, values, field_names, fields_spec):
        # The contact's fields are the user's, too.
        values, field_names = self.env["res.partner"]._leave_out_tiering(values, field_names)
        return {} if field_names is None else super().onchange(values, field_names, fields_spec)

    def _filter_tiering_able(self, company):
        """Return those of these users who can look after customers of ``company``."""
        return self.filtered(lambda user: not user._get_tiering_obstacle(company.id))

    def _get_tiering_problem(self, company):
        """Return why this person cannot look after customers of ``company``, as a sentence; False when they can."""
        obstacle = self._get_tiering_obstacle(company.id)
        if obstacle == "archived":
            return self.env._("%(person)s is archived.", person=self.name)
        if obstacle == "external":
            return self.env._("%(person)s is no internal user.", person=self.name)
        if obstacle == "company":
            return self.env._("%(person)s has no access to %(company)s.", person=self.name, company=company.name)
        if obstacle == "sales":
            return self.env._("%(person)s may not work with sales.", person=self.name)
        return False

    # Cached, because the form of each customer asks; read by fields, so that many users cost no more than one.
    @ormcache("self.id", "company_id")
    def _get_tiering_obstacle(self, company_id):
        """Return the first thing that keeps this person from looking after customers of a company, as a key."""
        self.ensure_one()
        # sudo: which companies and rights a colleague has is not for everybody to read. The context must not matter.
        user = self.sudo().with_context(active_test=True)
        if not user.active:
            return "archived"
        if user.share:
            return "external"
        if company_id not in user.company_ids.ids:
            return "company"
        if self._get_tiering_group_id() not in user.all_group_ids.ids:
            return "sales"
        return None

    @api.model
    def _get_tiering_able_domain(self):
        """Return the same rule as the domain of a field, where ``company_id`` is the record's company."""
        return (
            "[('share', '=', False), ('company_ids', '=', company_id), "
            f"('all_group_ids', 'in', {self._get_tiering_group_id()})]"
        )

    @api.model
    def _get_tiering_group_id(self):
        return self.env["ir.model.data"]._xmlid_to_res_id("sales_team.group_sale_salesman")
