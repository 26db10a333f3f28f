from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, ormcache

from .. import sources

# What Odoo's own rule of companies asks of a contact.
COMPANY_FIELDS = {"company_id", "partner_share"}
# Sales has a rule of invoices and credit notes, and nothing else is on rows of ours.
PAPER_KINDS = ("out_invoice", "out_refund")


class IrRule(models.Model):
    """What Odoo hides of contacts and orders is hidden in our tables, too.

    A row about a customer (of a model with ``_tiering_customer``) is shown to who may see the contact and all orders of
    the customer. Who is the customer's salesperson, or is to do the follow-up that the row is (``_tiering_owner``), may
    know what colleagues sell there. With Odoo's *own documents only*, these are one's own customers, and those without
    a salesperson to whom no colleague sells.

    It is part of Odoo's own domain of each such model, so that it holds for lists, groups, exports, paths of a search
    and single records alike, and what is hidden is left out without an error. It costs who is restricted; to others,
    nothing is added.
    """

    _inherit = "ir.rule"

    @api.model
    def _compute_domain(self, model_name, mode="read"):
        domain = super()._compute_domain(model_name, mode)
        if getattr(self.env.registry[model_name], "_tiering_customer", None) and not self.env.su:
            domain &= self._get_tiering_domain(model_name)
        return domain

    def _make_access_error(self, operation, records):
        """Without the names of our rows that the person may not see: in debug mode Odoo tells them, and they say which
        customer moved to which tier."""
        error = super()._make_access_error(operation, records)
        is_ours = self.env.registry[records._name]._original_module.startswith("customer_tiering")
        if is_ours and self.env.user.has_group("base.group_no_one"):
            named = records[:6]  # so many does Odoo name
            message = str(error)
            for record in (named - named._filtered_access("read")).sudo():
                message = message.replace(f", {record.display_name} (", " (")
            records.invalidate_recordset()
            error.args = (message,)
        return error

    @api.model
    def _get_tiering_domain(self, model_name):
        """Return the domain of the rows about customers that the person may see, also where the code acts as superuser
        for them; true where nothing is hidden from them.

        :param model_name: a model with ``_tiering_customer``, or that of contacts: whose rows would be seen
        """
        return self.sudo(False)._build_tiering_domain(model_name)

    @api.model
    def _find_tiering_seen(self, customers):
        """Return which customers the person may see, also where the code acts as superuser for them.

        :param customers: ids as a pandas ``Index``; hundreds of thousands are no condition of a query
        :return: an array of bool
        """
        seen = self._get_tiering_domain("res.partner")
        if seen.is_true():
            return customers.isin(customers)
        # sudo: the rules are part of the domain
        query = self.env["res.partner"].sudo()._search(seen, active_test=False)
        select = query.select(SQL.identifier(query.table, "id"))
        self.env.flush_query(select)
        found = sources.rows.fetch_arrays(self.env.cr, select, {"id": sources.base.ID})
        return customers.isin(found["id"])

    @api.model
    @ormcache("self.env.uid", "model_name", "tuple(self._compute_domain_context_values())")
    def _build_tiering_domain(self, model_name):
        customer = getattr(self.env[model_name], "_tiering_customer", "id")
        owner = getattr(self.env[model_name], "_tiering_owner", None)
        contacts, orders = self._get_hidden_contacts(), self._get_hidden_orders()
        uid, salespeople = self.env.uid, self._get_salespeople()
        with_company = contacts is not None and self._hides_contacts_by_company_only()

        def no_hidden_contact(model, alias, query):
            hidden = model.env["res.partner"].sudo()._search(contacts, active_test=False)
            hidden.add_where(SQL("%s = %s", SQL.identifier(hidden.table, "id"), SQL.identifier(alias, customer)))
            if with_company:  # follows from the others, but PostgreSQL finds these few in an index
                hidden.add_where(SQL("%s IS NOT NULL", SQL.identifier(hidden.table, "company_id")))
            return SQL("NOT EXISTS (%s)", hidden.select(SQL("1")))

        def no_hidden_order(model, alias, query):
            partners = model.env["res.partner"].sudo()
            theirs = partners._search(salespeople, active_test=False)
            hidden = model.env["sale.order"].sudo()._search(orders, active_test=False)
            hidden.add_where(
                SQL(
                    "%s IN (SELECT contact.id FROM res_partner contact WHERE contact.commercial_partner_id = %s)",
                    SQL.identifier(hidden.table, "partner_id"),
                    SQL.identifier(theirs.table, "id"),
                )
            )
            salesperson = SQL.identifier(theirs.table, "user_id", to_flush=partners._fields["user_id"])
            theirs.add_where(SQL("(%s = %s OR NOT EXISTS (%s))", salesperson, uid, hidden.select(SQL("1"))))
            seen = SQL("%s IN %s", SQL.identifier(alias, customer), theirs.subselect())
            if customer != "id" and not model._fields[customer].required:  # about no customer
                seen = SQL("(%s IS NULL OR %s)", SQL.identifier(alias, customer), seen)
            return SQL("(%s = %s OR %s)", SQL.identifier(alias, owner), uid, seen) if owner else seen

        domain = self._get_tiering_more(model_name)
        if contacts is not None and customer == "id":
            domain &= ~contacts
        elif contacts is not None:
            domain &= Domain.custom(
                to_sql=no_hidden_contact,
                predicate=lambda row: not row[customer].sudo().filtered_domain(contacts),
            )
        if orders is not None:
            domain &= Domain.custom(to_sql=no_hidden_order)
        return domain

    @api.model
    def _get_tiering_more(self, model_name):
        """Return the domain of the rows all of whose further customers (``_tiering_members``) and documents
        (``_tiering_papers``) the person may see; true where nothing is hidden from them."""
        model, domain = self.env[model_name], Domain.TRUE
        members = getattr(model, "_tiering_members", None)
        seen = self._get_tiering_domain("res.partner") if members else domain
        if not seen.is_true():
            domain &= Domain(members, "not any!", ~seen & Domain("active", "in", (True, False)))
        for fname, name in getattr(model, "_tiering_papers", {}).items():
            if not self.env[name].has_access("read"):
                domain &= Domain(fname, "=", False)
                continue
            hidden = self._get_hidden_papers(name)
            if hidden is not None:
                domain &= Domain(fname, "not any!", hidden)
        return domain

    @api.model
    def _get_hidden_contacts(self):
        """Return the domain of the contacts that rules hide from the person; None where they hide none."""
        seen = self._compute_domain("res.partner")
        if seen.is_true():
            return None
        # Odoo's rule of companies hides nothing from who uses all of them.
        companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
        if self._hides_contacts_by_company_only() and self._shows_contacts(seen, companies.ids):
            return None
        return ~seen

    @api.model
    def _hides_contacts_by_company_only(self):
        """Whether rules hide from the person, if any, only contacts that belong to other companies."""
        seen = self._compute_domain("res.partner")
        if seen.is_true():
            return True
        names = {condition.field_expr for condition in seen.iter_conditions()}
        return bool(names) and names <= COMPANY_FIELDS and self._shows_contacts(seen, [False])

    @api.model
    def _shows_contacts(self, seen, company_ids):
        """Whether contacts of all these companies, customers and such, would be seen by a domain."""
        partners = self.env["res.partner"].sudo()
        of_each = (partners.new({"company_id": id_, "partner_share": True}) for id_ in company_ids)
        return all(partner.filtered_domain(seen) for partner in of_each)

    @api.model
    def _get_hidden_orders(self):
        """Return the domain of the orders of the person's companies that rules hide from them; None where they hide
        none."""
        return self._get_hidden_papers("sale.order")

    @api.model
    def _get_hidden_papers(self, model_name):
        """The same of the records of a model with companies."""
        seen = self._compute_domain(model_name)
        if all(self._shows_papers(seen, kind, other) for kind in PAPER_KINDS for other in (Domain.FALSE, Domain.TRUE)):
            return None
        return ~seen & Domain("company_id", "in", self.env.companies.ids)

    @api.model
    def _shows_papers(self, seen, kind, other):
        """Whether a domain shows all documents of a kind of the person's companies, if its conditions on anything else
        are ``other``: Odoo's rules of groups are one, so "all, or one's own" shows all."""

        def judge(condition):
            if condition.field_expr == "move_type" and condition.operator in ("in", "not in"):
                return Domain((kind in condition.value) == (condition.operator == "in"))
            return Domain.TRUE if condition.field_expr == "company_id" else other

        return seen.map_conditions(judge).is_true()

    @api.model
    def _get_salespeople(self):
        """Return the domain of the customers of those salespeople whose orders the person sees, as far as rules ask for
        the salesperson of an order: whose orders are hidden from them has hidden customers, and to say so takes no
        look at orders."""
        seen = self._compute_domain("sale.order")
        if {condition.field_expr for condition in seen.iter_conditions()} <= {"company_id", "user_id"}:
            return seen.map_conditions(
                lambda condition: condition if condition.field_expr == "user_id" else Domain.TRUE
            )
        return Domain.TRUE
