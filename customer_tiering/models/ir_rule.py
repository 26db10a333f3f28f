from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, ormcache


class IrRule(models.Model):
    """What Odoo hides of contacts and orders is hidden in our tables, too.

    A row about a customer (of a model with ``_tiering_customer``) is shown to who may see the contact and all orders
    that the customer has in the row's company. Who is the customer's salesperson, or is to do the follow-up that the row
    is (``_tiering_owner``), may know what colleagues sell there.

    It is part of Odoo's own domain of each such model, so that it holds for lists, groups, exports, paths of a search
    and single records alike, and what is hidden is left out without an error. It costs who is restricted; to others,
    nothing is added.
    """

    _inherit = "ir.rule"

    @api.model
    def _compute_domain(self, model_name, mode="read"):
        domain = super()._compute_domain(model_name, mode)
        if getattr(self.env.registry[model_name], "_tiering_customer", None):
            domain &= self._get_tiering_domain(model_name)
        return domain

    @api.model
    def _get_tiering_domain(self, model_name):
        """Return the domain of the rows about customers that the person may see, also where the code acts as superuser
        for them; true where nothing is hidden from them.

        :param model_name: a model with ``_tiering_customer``
        """
        return self.sudo(False)._build_tiering_domain(model_name)

    @api.model
    @ormcache("self.env.uid", "model_name", "tuple(self._compute_domain_context_values())")
    def _build_tiering_domain(self, model_name):
        model = self.env[model_name]
        customer = model._tiering_customer
        contacts, orders = self._get_hidden_contacts(), self._get_hidden_orders()
        by_row = model._fields.get("company_id")
        companies, uid = self.env.companies.ids, self.env.uid

        def no_hidden_contact(model, alias, query):
            hidden = model.env["res.partner"].sudo()._search(contacts, active_test=False)
            hidden.add_where(SQL("%s = %s", SQL.identifier(hidden.table, "id"), SQL.identifier(alias, customer)))
            return SQL("NOT EXISTS (%s)", hidden.select(SQL("1")))

        def no_hidden_order(model, alias, query):
            hidden = model.env["sale.order"].sudo()._search(orders, active_test=False)
            company = SQL.identifier(hidden.table, "company_id")
            hidden.add_where(
                SQL("%s = %s", company, SQL.identifier(alias, "company_id"))
                if by_row and by_row.store
                else SQL("%s = ANY(%s)", company, companies)
            )
            salesperson = model.env["res.partner"]._fields["user_id"]
            hidden.add_where(
                SQL(
                    """%(buyer)s IN (SELECT contact.id
                                       FROM res_partner contact
                                       JOIN res_partner customer ON customer.id = contact.commercial_partner_id
                                      WHERE contact.commercial_partner_id = %(customer)s
                                        AND %(salesperson)s IS DISTINCT FROM %(user)s)""",
                    buyer=SQL.identifier(hidden.table, "partner_id"),
                    customer=SQL.identifier(alias, customer),
                    salesperson=SQL.identifier("customer", "user_id", to_flush=salesperson),
                    user=uid,
                )
            )
            owner = getattr(model, "_tiering_owner", None)
            mine = SQL("%s = %s", SQL.identifier(alias, owner), uid) if owner else SQL("FALSE")
            return SQL("(%s OR NOT EXISTS (%s))", mine, hidden.select(SQL("1")))

        domain = Domain.TRUE
        if contacts is not None:
            domain &= Domain.custom(
                to_sql=no_hidden_contact,
                predicate=lambda row: not row[customer].sudo().filtered_domain(contacts),
            )
        if orders is not None:
            domain &= Domain.custom(to_sql=no_hidden_order)
        return domain

    @api.model
    def _get_hidden_contacts(self):
        """Return the domain of the contacts that rules hide from the person; None where they hide none."""
        seen = self._compute_domain("res.partner")
        if seen.is_true():
            return None
        # Odoo's rule of companies hides nothing from who uses all of them.
        if {condition.field_expr for condition in seen.iter_conditions()} == {"company_id", "partner_share"}:
            companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
            partners = self.env["res.partner"].sudo()
            of_each = (partners.new({"company_id": id_, "partner_share": True}) for id_ in (False, *companies.ids))
            if all(partner.filtered_domain(seen) for partner in of_each):
                return None
        return ~seen

    @api.model
    def _get_hidden_orders(self):
        """Return the domain of the orders of the person's companies that rules hide from them; None where they hide
        none."""
        seen = self._compute_domain("sale.order")
        if all(condition.field_expr == "company_id" for condition in seen.iter_conditions()):
            return None
        return ~seen
