from odoo import fields, models
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


class DerivedMany2one(fields.Many2one):
    """A Many2one that is computed, of which a client says nothing that the person may not see.

    Clients can send a value for each field: typed, saved, as a default, in lines. Odoo keeps it in the cache until the
    answer is made, with the name of the record, and related fields, which are read as superuser, would tell the rest
    of any record whose id somebody guesses. Computations assign records; what is none comes from outside.
    """

    def convert_to_cache(self, value, record, validate=True):
        if value and not isinstance(value, models.BaseModel):
            id_ = value.get("id") if isinstance(value, dict) else value
            # As the person, also where something is computed with all rights for them.
            comodel = record.env[self.comodel_name].sudo(False)
            value = id_ if type(id_) is int and comodel.browse(id_)._filtered_access("read") else None
        return super().convert_to_cache(value, record, validate)


class ScorecardMany2one(DerivedMany2one):
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
        company = model._field_to_sql(alias, "company_id", query)
        if model._fields["company_id"].required:
            return company  # of an expression PostgreSQL does not know how many rows have it, and plans for far too few
        return SQL("COALESCE(%s, %s)", company, model.env.company.id)
