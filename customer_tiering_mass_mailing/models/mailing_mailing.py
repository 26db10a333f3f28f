from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.customer_tiering.fields import UncheckedMany2one
from odoo.addons.customer_tiering.models.res_partner import GROUP

# What decides who is written to.
AUDIENCE_FIELDS = {
    *("mailing_domain", "mailing_filter_id", "mailing_model_id", "tiering_company_id", "tiering_recipients"),
}
# What may hold placeholders; the last is that of text messages.
TEXT_FIELDS = ("subject", "preview", "body_html", "body_plaintext")


class MailingMailing(models.Model):
    """Finds the customers of a tier also when the scheduled job sends.

    Tiers are those of the current company, and the job, OdooBot, works in its own. So a mailing has a company, and its
    filter is evaluated there; and because OdooBot may see everything, with the rights of whoever chose the filter.
    """

    _name = "mailing.mailing"
    _inherit = ["mailing.mailing", "customer.tiering.audience"]

    tiering_company_id = UncheckedMany2one(
        "res.company",
        string="Tiers Of",
        compute="_compute_tiering_company_id",
        store=True,
        readonly=False,
        help="The company whose tiers the filter asks for, whoever sends the mailing.",
    )
    tiering_recipients = fields.Selection(
        [("customer", "One per customer"), ("all", "All contacts")],
        string="Written To",
        default="customer",
        compute="_compute_tiering_recipients",
        store=True,
        readonly=False,
        help="One per customer: the customer's own address, else that of its first contact who has one. All contacts: "
        "a tier is also that of each contact of the customer.",
    )
    tiering_author_id = UncheckedMany2one(
        "res.users",
        string="Audience Chosen By",
        readonly=True,
        copy=False,
        help="The filter finds what this person may see.",
    )
    tiering_result_ids = fields.One2many(
        "customer.tiering.mailing.report", "mailing_id", string="Results by Tier", readonly=True, groups=GROUP
    )

    # ------------------------------------------------------------------
    # Computed fields
    # ------------------------------------------------------------------

    def _get_tiering_model_name(self):
        return self.mailing_model_real

    @api.depends("mailing_domain", "mailing_model_id")
    def _compute_tiering_company_id(self):
        """Follow the tiers that the filter names; else it is the company of who makes the mailing."""
        for mailing in self:
            named = mailing._get_tiering_named()
            companies = (
                named["customer.tier"].exists().company_id | named["customer.tiering.policy"].exists().company_id
            )
            if len(companies) == 1:
                mailing.tiering_company_id = companies
            elif not mailing.tiering_company_id:
                # Of a mailing that was there, whoever installs the addon says nothing.
                is_new = mailing.create_uid in (self.env["res.users"], self.env.user)
                mailing.tiering_company_id = self.env.company if is_new else mailing.create_uid.company_id

    def _compute_tiering_recipients(self):
        """Let mailings that were there when the addon is installed go to whom they would have gone; others have the
        default."""
        self.tiering_recipients = "all"

    @api.depends("mailing_domain", "mailing_model_id", "tiering_company_id", "tiering_recipients")
    def _compute_total(self):
        by_tier = self.filtered("tiering_asked")
        # sudo: as many as will be written to, also where who looks may see fewer contacts
        super(MailingMailing, by_tier.sudo())._compute_total()
        return super(MailingMailing, self - by_tier)._compute_total()

    @api.depends("mailing_domain", "mailing_model_id", "tiering_company_id", "state")
    @api.depends_context("lang")
    def _compute_warning_message(self):
        result = super()._compute_warning_message()
        for mailing in self.filtered(lambda mailing: mailing.state != "done"):
            if problem := mailing._get_tiering_problem():
                mailing.warning_message = "\n".join(filter(None, (mailing.warning_message, problem)))
        return result

    # ------------------------------------------------------------------
    # Who chose the audience, and what keeps it from being found
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        mailings = super().create([{**vals, "tiering_author_id": self.env.uid} for vals in vals_list])
        mailings.mapped("tiering_company_id")  # computed while it is known where its maker works
        return mailings

    def write(self, vals):
        vals = {fname: value for fname, value in vals.items() if fname != "tiering_author_id"}
        if vals.keys() & AUDIENCE_FIELDS:
            vals["tiering_author_id"] = self.env.uid
        return super().write(vals)

    def _compute_mailing_domain(self):
        """The saved filter may say something else than when it was chosen: who has it taken over anew, by whatever way,
        chooses it."""
        result = super()._compute_mailing_domain()
        # Past our own write: nobody names another person as the author.
        # pylint: disable-next=super-method-mismatch
        super(MailingMailing, self.filtered("id")).write({"tiering_author_id": self.env.uid})
        return result

    @api.constrains(*AUDIENCE_FIELDS)
    def _check_tiering_rights(self):
        """Say to people without rights in Sales that they would reach nobody."""
        for mailing in self.filtered("tiering_asked"):
            author = mailing._get_tiering_author()
            if not (author._is_superuser() or author.has_group(GROUP)):
                raise ValidationError(
                    self.env._(
                        "The filter of “%(mailing)s” asks for tiers, which only people with rights in Sales may see. "
                        "Let one of them choose it.",
                        mailing=mailing.subject,
                    )
                )

    def _get_tiering_author(self):
        """Return the person with whose rights the filter is evaluated."""
        if not self._origin or self.id != self._origin.id:  # in a form: what is chosen there is not saved yet
            return self.env.user
        return self.sudo().tiering_author_id.exists() or self.create_uid

    def _get_tiering_problem(self):
        """Return why the customers that the filter asks for cannot be found, a sentence; False where they can, or it
        asks for none."""
        self.ensure_one()
        if not self.tiering_asked:
            return False
        company = self.tiering_company_id.sudo().exists()
        if not company:
            return self.env._("Choose the company whose tiers the filter asks for.")
        named = self._get_tiering_named()
        author = self._get_tiering_author().sudo()
        # To the author, tiers of companies that are not theirs do not exist.
        theirs = named["customer.tier"].company_id if author._is_superuser() else author.company_ids | company
        others = named["customer.tier"].filtered(lambda tier: tier.company_id not in theirs)
        if others or any(records - records.exists() for records in named.values()):
            return self.env._(
                "The filter asks for a tier or a segment that does not exist any more. Choose another one."
            )
        for tier in named["customer.tier"]:
            if not (tier.active and tier.policy_id.active):
                return self.env._(
                    "The tier %(tier)s is archived, and nobody is in it any more. Choose another one.", tier=tier.name
                )
            if tier.company_id != company:
                return self.env._(
                    "The tier %(tier)s is one of %(other)s, and the mailing is for customers of %(company)s. Choose "
                    "tiers of one company.",
                    tier=tier.name,
                    other=tier.company_id.name,
                    company=company.name,
                )
        able = author.active and author.has_group(GROUP) and company in author.company_ids
        if not (author._is_superuser() or (able and self._get_tiering_records().has_access("read"))):
            return self.env._(
                "%(person)s chose whom to write to, and may not see the tiers of %(company)s. Let somebody who may "
                "choose the filter again.",
                person=author.name,
                company=company.name,
            )
        return False

    def _get_tiering_records(self):
        """Return the model of those who are written to, as the author sees it in the company of the tiers."""
        records = self.env[self.mailing_model_real].with_user(self._get_tiering_author())
        return records.with_context(allowed_company_ids=self.tiering_company_id.ids)

    # ------------------------------------------------------------------
    # Whom it is sent to
    # ------------------------------------------------------------------

    def _get_recipients_domain(self):
        domain = super()._get_recipients_domain()
        if not self.tiering_asked:
            return domain
        if self._get_tiering_problem():
            return Domain.FALSE
        records = self._get_tiering_records()
        found = records._search(domain)
        if records._name == "res.partner" and self.tiering_recipients == "customer":
            return Domain("id", "in", self._choose_one_per_customer(found))
        return Domain("id", "in", found)

    def _choose_one_per_customer(self, found):
        """Return the SELECT of the one contact of each customer to write to, of those that were ``found``.

        Whoever has opted out is not replaced by a colleague: Odoo leaves the address out afterwards.
        """
        partners = self.env["res.partner"]
        # Other kinds of mailings than e-mails go to a phone.
        address, customer, kind = (
            SQL.identifier("res_partner", fname, to_flush=partners._fields[fname])
            for fname in (
                "email_normalized" if self.mailing_type == "mail" else "phone",
                "commercial_partner_id",
                "type",
            )
        )
        return SQL(
            """(SELECT DISTINCT ON (%(customer)s) res_partner.id
                  FROM res_partner
                 WHERE res_partner.id IN %(found)s AND NULLIF(%(address)s, '') IS NOT NULL
              ORDER BY %(customer)s, res_partner.id != %(customer)s, %(kind)s IS DISTINCT FROM 'contact',
                       res_partner.id)""",
            address=address,
            customer=customer,
            kind=kind,
            found=found.subselect(),
        )

    def action_put_in_queue(self):
        self._refuse_tiering_problem()
        return super().action_put_in_queue()

    def _action_send_mail(self, res_ids=None):
        """Have what a mailing says of its contacts' tiers, and recommends them, be that of its own company."""
        self._refuse_tiering_problem()
        for mailing in self:
            texts = (mailing[fname] or "" for fname in TEXT_FIELDS if fname in mailing._fields)
            if mailing.tiering_company_id and any("object.tiering_" in text for text in texts):
                mailing = mailing.with_company(mailing.tiering_company_id)
            super(MailingMailing, mailing)._action_send_mail(res_ids)
        return True

    def _refuse_tiering_problem(self):
        for mailing in self:
            if problem := mailing._get_tiering_problem():
                raise UserError(problem)

    @api.model
    def _process_mass_mailing_queue(self):
        """Keep what cannot find its customers, and say so: Odoo would take it for sent to nobody."""
        for mailing in self.search([("state", "in", ("in_queue", "sending"))]):
            mailing = mailing.with_context(lang=mailing.user_id.lang or self.env.lang)
            if problem := mailing._get_tiering_problem():
                mailing.state = "draft"
                mailing.message_post(
                    body=mailing.env._(
                        "This mailing is a draft again. %(problem)s Nothing of it is lost.", problem=problem
                    ),
                    partner_ids=mailing.user_id.partner_id.ids,
                )
        return super()._process_mass_mailing_queue()

    # ------------------------------------------------------------------
    # From lists, tiers and segments
    # ------------------------------------------------------------------

    @api.model
    def _open_for_tiering(self, domain, company):
        """Open a new mailing to the contacts that a filter finds.

        :param domain: of contacts, a list of plain values
        :param company: the ``res.company`` whose tiers it asks for
        """
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Mailing"),
            "res_model": self._name,
            "views": [(False, "form")],
            "context": {
                "default_mailing_model_id": self.env["ir.model"]._get_id("res.partner"),
                "default_mailing_domain": repr(domain),
                "default_tiering_company_id": company.id,
                "default_tiering_recipients": "customer",
            },
        }

    @api.model
    def _get_filter_of(self, records):
        """Return the filter of the list from which these records come, if they are all that it finds; else None.

        Then the mailing goes to whom the filter finds on the day it is sent.
        """
        domain = self.env.context.get("active_domain")
        if domain is None or self.env.context.get("active_model") != records._name:
            return None
        return domain if set(records.search(domain).ids) == set(records.ids) else None
