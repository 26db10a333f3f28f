from odoo import fields
from odoo.tools import SQL


class UncheckedMany2one(fields.Many2one):
    """A Many2one without foreign key, for columns that runs write for all customers at once or people wait for.

    PostgreSQL checks foreign keys row by row, the empty ones too, which took three quarters of the time of writing
    scorecards when each row had eight of them, and marks every row that it finds as locked. Instead, a run holds the
    few records that it refers to until it is done (``customer.tiering.writer``). The models of these records refuse
    to delete or archive what is in use, or inherit ``customer.tiering.referred``, which does what ``ondelete`` says.
    """

    def update_db_foreign_key(self, model, column):
        pass


class ScorecardMany2one(fields.Many2one):
    """The scorecard of a partner in the current company, reached by an SQL join.

    A run must not write on ``res_partner``: it would lock, rewrite and invalidate rows that people
    edit all day. So the partner holds no column; queries join the scorecard table on
    ``(commercial partner, current company)`` instead, which its unique index answers. Related fields
    on top of this one can be filtered, grouped, sorted and summed like stored ones, because the ORM
    follows the path of a related field through :meth:`join`. A scorecard that the person may not see is
    none, see ``ir.rule``.
    """

    def join(self, model, alias, query):
        comodel = model.env[self.comodel_name]
        coalias = query.make_alias(alias, self.name)
        condition = SQL(
            "%s = %s AND %s = %s",
            SQL.identifier(coalias, "partner_id"),
            self.get_customer(model, alias, query),
            SQL.identifier(coalias, "company_id"),
            self.get_company(model, alias, query),
        )
        seen = model.env["ir.rule"]._get_tiering_domain(self.comodel_name)
        if not seen.is_true():
            condition = SQL("%s AND %s", condition, seen._to_sql(comodel.sudo(), coalias, query))
        query.add_join("LEFT JOIN", coalias, comodel._table, condition)
        return comodel, coalias

    def get_customer(self, model, alias, query):
        """Return whose scorecard it is, SQL."""
        return model._field_to_sql(alias, "commercial_partner_id", query)

    def get_company(self, model, alias, query):
        """Return the company of the scorecard, SQL."""
        return SQL("%s", model.env.company.id)


class ShownScorecardMany2one(ScorecardMany2one):
    """The scorecard of the customer of a document, in the company of the document; where that is none, the current."""

    def get_customer(self, model, alias, query):
        partners, alias = model._fields["partner_id"].join(model, alias, query)
        return partners._field_to_sql(alias, "commercial_partner_id", query)

    def get_company(self, model, alias, query):
        return SQL("COALESCE(%s, %s)", model._field_to_sql(alias, "company_id", query), model.env.company.id)
