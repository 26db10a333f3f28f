from odoo import api, models
from odoo.tools import SQL

from .customer_tiering_typed import take


class CustomerTieringGiven(models.AbstractModel):
    """What is kept about a customer and goes along to the one that takes its place."""

    _name = "customer.tiering.given"
    _description = "Goes Along with the Customer"
    _tiering_customer = "partner_id"  # whose rows these are, see ir.rule

    @api.model
    def default_get(self, fields):
        """Without a customer whom the person must not see: a form would tell the name."""
        values = super().default_get(fields)
        if not self.env["res.partner"].browse(values.get("partner_id"))._filtered_access("read"):
            values.pop("partner_id", None)
        return values

    def onchange(self, values, field_names, fields_spec):
        """The same for what a client sends: Odoo answers with the names of all records that it is sent."""
        sent = take(self.env, values, dict).get("partner_id")
        partner_id = sent.get("id") if isinstance(sent, dict) else sent
        if type(partner_id) is int and not self.env["res.partner"].browse(partner_id)._filtered_access("read"):
            values = {**values, "partner_id": False}
        return super().onchange(values, field_names, fields_spec)

    @api.model
    def _name_customers(self, vals_list):
        """Have the values of new records name customers: what is said of a contact is said of its company."""
        named = [vals for vals in vals_list if vals.get("partner_id")]
        for vals in named:
            take(self.env, vals["partner_id"], int)
        partners = self.env["res.partner"].browse([vals["partner_id"] for vals in named])
        customers = {partner.id: partner.commercial_partner_id.id or partner.id for partner in partners}
        for vals in named:
            vals["partner_id"] = customers[vals["partner_id"]]

    def _sign(self, vals):
        """Have the values of a person's word name the person, and the day of the company that it is about: the day of
        a person in another time zone would put it before, or after, what colleagues say.

        :param vals: of a new record, or what one becomes
        """
        if self.env.su:
            return
        kept = self.company_id[:1].id or self.env.context.get("default_company_id")
        company_id = vals.get("company_id", kept)
        company = self.env["res.company"].sudo().browse([company_id] if type(company_id) is int else []).exists()
        vals |= {"user_id": self.env.uid, "date": (company or self.env.company)._get_tiering_today()}

    @api.model
    def _merge(self, targets):
        """Give the records of customers to others.

        :param targets: ``{id of a customer: id of the one that takes its place}``
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE %s kept SET partner_id = given.target
                  FROM unnest(%s, %s) AS given (source, target)
                 WHERE kept.partner_id = given.source
                """,
                SQL.identifier(self._table),
                list(targets),
                list(targets.values()),
            )
        )
        self.env.invalidate_all(flush=False)
