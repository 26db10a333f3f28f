from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date


class CustomerTieringMotiveWord(models.Model):
    """What a person says that matters to a customer: it counts before any proposal, until somebody says otherwise.

    It is a person's word, so it has the person's name, and it stays in the history.
    """

    _name = "customer.tiering.motive.word"
    _inherit = ["customer.tiering.given", "customer.tiering.typed"]
    _description = "Buying Motive of a Customer"
    _order = "date desc, id desc"
    _rec_name = "partner_id"

    _typed_sizes = {"reason": 200}

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, ondelete="cascade", index=True
    )
    motive_id = fields.Many2one(
        "customer.tiering.motive",
        string="Buying Motive",
        ondelete="restrict",
        index="btree_not_null",
        help="Empty: what is proposed counts again.",
    )
    reason = fields.Char(string="Why", help="In a few words: colleagues read it.")
    user_id = fields.Many2one("res.users", string="Who", readonly=True, default=lambda self: self.env.user, index=True)
    date = fields.Date(readonly=True, default=fields.Date.context_today)

    @api.model_create_multi
    def create(self, vals_list):
        self._name_customers(vals_list)
        for vals in vals_list:
            self._sign(vals)  # never anonymous, never of another day
        words = super().create(vals_list)
        for company, of_company in words.grouped("company_id").items():
            self.env["customer.tiering.refresh"]._add(of_company.partner_id, company, "motive")
            self.env["customer.tiering.refresh"].sudo()._process_now(company, of_company.partner_id)
        return words

    @api.model
    def _get_last(self, customers, companies):
        """Return the last word about each customer in each company, ``{(customer, company): word}``."""
        words = self.search([("partner_id", "in", customers.ids), ("company_id", "in", companies.ids)])
        return {key: found[0] for key, found in words.grouped(lambda word: (word.partner_id, word.company_id)).items()}

    @api.model
    def _get_customers(self, company, motive_ids=None):
        """Return the domain of partners whose customer has, by the last word in a company, one of these motives.

        :param motive_ids: None: any motive
        """
        newest = Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "%s IN (SELECT DISTINCT ON (partner_id) id FROM customer_tiering_motive_word"
                " WHERE company_id = %s ORDER BY partner_id, date DESC, id DESC)",
                SQL.identifier(alias, "id"),
                company.id,
            )
        )
        motive = Domain("motive_id", "!=", False) if motive_ids is None else Domain("motive_id", "in", motive_ids)
        words = self._search(motive & newest)
        return Domain("commercial_partner_id", "any!", words.select(SQL.identifier(words.table, "partner_id")))

    def _tell(self):
        """Return who said it, and when, as a sentence."""
        self.ensure_one()
        said = {
            "person": self.user_id.sudo().name or self.env._("Somebody"),  # sudo: a colleague who has left
            "date": format_date(self.env, self.date),
            "reason": self.reason,
        }
        if self.reason:
            return self.env._("%(person)s said so on %(date)s: %(reason)s", **said)
        return self.env._("%(person)s said so on %(date)s.", **said)
