from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.customer_tiering.fields import UncheckedMany2one
from odoo.addons.customer_tiering.models.customer_tiering_trial import MANAGERS, MOST_HELD_OUT, RANGES
from odoo.addons.customer_tiering.models.customer_tiering_typed import check_ranges
from odoo.addons.customer_tiering.models.res_partner import GROUP
from odoo.addons.customer_tiering.sentences import format_number

# What decides who is written to.
AUDIENCE_FIELDS = {
    *("mailing_domain", "mailing_filter_id", "mailing_model_id", "tiering_company_id", "tiering_recipients"),
}
# What may hold placeholders; the last is that of text messages.
TEXT_FIELDS = ("subject", "preview", "body_html", "body_plaintext")
# Whoever may edit mailings may hold customers out; who that is nobody sees.
MAILERS = "mass_mailing.group_mass_mailing_user"


class MailingMailing(models.Model):
    """Finds the customers of a tier also when the scheduled job sends.

    Tiers are those of the current company, and the job, OdooBot, works in its own. So a mailing has a company, and its
    filter is evaluated there; and because OdooBot may see everything, with the rights of whoever chose the filter.
    """

    _name = "mailing.mailing"
    _inherit = ["mailing.mailing", "customer.tiering.audience", "customer.tiering.trial"]
    _effect_field = "mailing_id"

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

    # Whether it works.
    held_out_percent = fields.Float(
        groups=MAILERS,
        help="This share of the customers, drawn by chance, does not get this mailing, so that you can see what it "
        "does for the others: a customer with all contacts, or none. 0: nobody.",
    )
    effect_measure = fields.Selection(
        # Said again, so that their translations come with this addon.
        [("bought", "Customers who buy again"), ("money", "Amount per customer")],
        groups=MAILERS,
        help="The one number that decides whether the mailing works. The others are shown beside it.",
    )
    effect_days = fields.Integer(
        groups=MAILERS, help="Purchases within so many days count, from the day of the mailing on."
    )
    effect_until = fields.Date(groups=MAILERS)
    effect_hint = fields.Char(groups=MAILERS)
    effect_ids = fields.One2many("customer.tiering.effect", "mailing_id", groups=MANAGERS)
    tiering_held_count = fields.Integer(
        string="Held Out",
        compute="_compute_tiering_held_count",
        groups=MANAGERS,
        help="Customers who were drawn, and do not get this mailing.",
    )

    _held_out_range = models.Constraint(
        f"CHECK(held_out_percent BETWEEN 0 AND {MOST_HELD_OUT} AND effect_days >= 0)",
        f"Hold out 0 to {MOST_HELD_OUT}%; numbers of days are 0 or more.",
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
        for vals in vals_list:
            check_ranges(self, vals, RANGES)
        mailings = super().create([{**vals, "tiering_author_id": self.env.uid} for vals in vals_list])
        mailings.mapped("tiering_company_id")  # computed while it is known where its maker works
        mailings.filtered("held_out_percent")._fill_effect()
        return mailings

    def write(self, vals):
        vals = {fname: value for fname, value in vals.items() if fname != "tiering_author_id"}
        if vals.keys() & AUDIENCE_FIELDS:
            vals["tiering_author_id"] = self.env.uid
        check_ranges(self, vals, RANGES)
        if "held_out_percent" in vals:
            self._check_nobody_drawn(vals["held_out_percent"])
        result = super().write(vals)
        if not vals.keys().isdisjoint(("held_out_percent", "effect_days")):
            self._fill_effect()
        return result

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
        """Have what a mailing says of its contacts' tiers, and recommends them, be that of its own company; and nothing
        go to who is held out, also of recipients that somebody names."""
        self._refuse_tiering_problem()
        named = res_ids
        for mailing in self:
            if named and not (res_ids := mailing._hold_out(named)):
                continue
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
    # Who is held out
    # ------------------------------------------------------------------

    @api.constrains("held_out_percent", "mailing_model_id", "ab_testing_enabled", "tiering_company_id")
    def _check_held_out(self):
        for mailing in self.sudo().filtered("held_out_percent"):  # sudo: who may not see the share changes the rest
            said = {"mailing": mailing.subject}
            if mailing.mailing_model_real != "res.partner":
                raise ValidationError(
                    self.env._(
                        "“%(mailing)s” does not go to contacts, so it is not known who is a customer, and nobody can "
                        "be held out. Choose Contact as its recipients, or set “Held Out (%%)” to 0.",
                        **said,
                    )
                )
            if mailing.ab_testing_enabled:
                raise ValidationError(
                    self.env._(
                        "“%(mailing)s” is an A/B test, which draws its recipients itself. Set “Held Out (%%)” to 0, or "
                        "switch the A/B test off.",
                        **said,
                    )
                )
            if not mailing._get_trial_policy():
                raise ValidationError(
                    self.env._(
                        "Nothing is known of what customers buy in the company of “%(mailing)s”: it has no policy. "
                        "Make one, or set “Held Out (%%)” to 0.",
                        **said,
                    )
                )

    def _check_nobody_drawn(self, percent):
        """Refuse another share once customers were drawn: both groups are as large as the share said."""
        for mailing in self.sudo():  # sudo: nobody sees who was drawn
            if mailing.held_out_percent != percent and mailing._get_drawn():
                raise UserError(
                    self.env._(
                        "“%(mailing)s” has drawn who is held out, so its share stays. Duplicate the mailing for "
                        "another one.",
                        mailing=mailing.subject,
                    )
                )

    def _get_drawn(self, limit=1):
        """Return how many customers were drawn for these mailings, at most ``limit``."""
        draws = self.env["customer.tiering.mailing.draw"].sudo()  # sudo: a number of customers, and not who they are
        return draws.search_count([("mailing_id", "in", self.ids)], limit=limit)

    def _get_remaining_recipients(self):
        return self._hold_out(super()._get_remaining_recipients())

    def _hold_out(self, contact_ids):
        """Draw the customers of these contacts who were not drawn yet, and return the contacts of those who are not
        held out, in the same order.

        The unit is the customer: all of its contacts get the mailing, or none. Who was drawn stays so. Not drawn are
        customers whom nothing would reach or has reached already, and those of another company: what they buy is not
        known here.

        :param contact_ids: ids of ``mailing_model_real``
        """
        self.ensure_one()
        mailing = self.sudo()  # sudo: nobody is to see who is drawn, whoever sends
        if mailing.mailing_model_real != "res.partner" or not contact_ids:
            return contact_ids
        if mailing.held_out_percent and not mailing._takes_nobody_more(mailing._get_trial_today()):
            mailing._draw(contact_ids)
        elif not mailing._get_drawn():
            return contact_ids
        rows = self.env.execute_query(
            SQL(
                """
                SELECT found.id
                  FROM unnest(%s::int[]) WITH ORDINALITY AS found (id, place)
             LEFT JOIN res_partner contact ON contact.id = found.id
                 WHERE NOT EXISTS (SELECT FROM customer_tiering_mailing_draw draw
                                    WHERE draw.mailing_id = %s AND draw.partner_id = contact.commercial_partner_id
                                      AND draw.is_held_out)
              ORDER BY found.place
                """,
                list(contact_ids),
                self.id,
            )
        )
        return [id_ for (id_,) in rows]

    def _draw(self, contact_ids):
        """Keep who is held out of the customers of these contacts, and who is not, in one statement."""
        self.env.flush_all()
        company = self._get_trial_policy().company_id
        is_mail = self.mailing_type == "mail"
        reachable = SQL(
            "NULLIF(contact.%s, '') IS NOT NULL", SQL.identifier("email_normalized" if is_mail else "phone")
        )
        if is_mail and self.use_exclusion_list:
            reachable = SQL(
                "%s AND NOT EXISTS (SELECT FROM mail_blacklist refused"
                " WHERE refused.email = contact.email_normalized AND refused.active)",
                reachable,
            )
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_mailing_draw
                            (mailing_id, partner_id, company_id, day, is_held_out, drawn_percent)
                SELECT %(mailing)s, customer.id, %(company)s, %(today)s, %(is_drawn)s, %(percent)s
                  FROM (SELECT DISTINCT contact.commercial_partner_id AS id
                          FROM res_partner contact
                         WHERE contact.id = ANY(%(contacts)s) AND %(reachable)s) reached
                  JOIN res_partner customer ON customer.id = reached.id
                 WHERE COALESCE(customer.company_id, %(company)s) = %(company)s
                   AND NOT EXISTS (SELECT FROM mailing_trace trace
                                     JOIN res_partner contact ON contact.id = trace.res_id
                                    WHERE trace.mass_mailing_id = %(mailing)s AND trace.model = 'res.partner'
                                      AND trace.is_test_trace IS NOT TRUE
                                      AND contact.commercial_partner_id = customer.id)
              ORDER BY customer.id
           ON CONFLICT (mailing_id, partner_id) DO NOTHING
                """,
                mailing=self.id,
                company=company.id,
                today=company._get_tiering_today(),
                is_drawn=self._get_drawn_condition(SQL("customer.id")),
                percent=self.held_out_percent,
                contacts=list(contact_ids),
                reachable=reachable,
            )
        )
        self.env["customer.tiering.mailing.draw"].invalidate_model(flush=False)

    # ------------------------------------------------------------------
    # What it did
    # ------------------------------------------------------------------

    def _compute_tiering_held_count(self):
        hiding = self.tiering_company_id.filtered(lambda company: company._hides_tiering_customers())
        # sudo: a number of customers, and not who they are; of companies of which all are seen
        draws = self.env["customer.tiering.mailing.draw"].sudo()
        held = dict(
            draws._read_group([("mailing_id", "in", self.ids), ("is_held_out", "=", True)], ["mailing_id"], ["__count"])
        )
        for mailing in self:
            mailing.tiering_held_count = 0 if mailing.tiering_company_id in hiding else held.get(mailing, 0)

    @api.depends("mailing_domain", "mailing_model_id", "tiering_company_id", "tiering_recipients", "state")
    def _compute_effect_hint(self):
        return super()._compute_effect_hint()

    def _get_trial_policy(self):
        """Return the policy that the filter names, or whose tiers it does; else the first of the company."""
        named = self._get_tiering_named()
        policies = named["customer.tiering.policy"].exists() | named["customer.tier"].exists().policy_id
        company = self.tiering_company_id.sudo()
        policies = policies.filtered(lambda policy: policy.company_id == company and policy.active)
        if len(policies) == 1:
            return policies
        # sudo: also for the job; nothing but what a purchase is comes of it
        return self.env["customer.tiering.policy"].sudo().search([("company_id", "=", company.id)], limit=1)

    def _get_trial_today(self):
        company = self.tiering_company_id.sudo().exists()
        return company._get_tiering_today() if company else fields.Date.today()

    def _takes_nobody_more(self, today):
        """One that has gone out takes those only who were drawn for it."""
        return super()._takes_nobody_more(today) or self.state == "done"

    def _get_drawn_query(self):
        return SQL(
            """
            SELECT partner_id, day, drawn_percent::float8, is_held_out, drawn_percent IS NULL
              FROM customer_tiering_mailing_draw
             WHERE mailing_id = %s
          ORDER BY day, partner_id
            """,
            self.id,
        )

    def _get_planned_events(self, percent):
        """All customers who were drawn; before, all who would be."""
        return self._get_drawn(limit=None) or self._count_customers()

    def _count_customers(self):
        if self.mailing_model_real != "res.partner":
            return 0
        # sudo: as many as will be written to, as ``total`` says, too, of whom the author finds; a filter that nobody
        # answers for finds whom the person may see
        mailing = self.sudo() if self.tiering_asked else self
        domain = mailing._get_recipients_domain()
        ((count,),) = mailing.env["res.partner"]._read_group(domain, [], ["commercial_partner_id:count_distinct"])
        return count

    def _count_touched(self, held, days):
        """Those who got the mailing nevertheless, such as by a contact that has come to them from another customer."""
        return self._count_drawn(is_held_out=True, is_reached=True)

    def _count_missed(self):
        """Not counted while it is going out."""
        return self._count_drawn(is_held_out=False, is_reached=False) if self.state == "done" else 0

    def _count_drawn(self, is_held_out, is_reached):
        """Return how many customers of one group there are whom the mailing has reached, or has not."""
        ((count,),) = self.env.execute_query(
            SQL(
                """
                SELECT COUNT(*)
                  FROM customer_tiering_mailing_draw draw
                 WHERE draw.mailing_id = %(mailing)s AND draw.is_held_out = %(is_held_out)s
                   AND draw.drawn_percent IS NOT NULL
                   AND EXISTS (SELECT FROM mailing_trace trace
                                 JOIN res_partner contact ON contact.id = trace.res_id
                                WHERE trace.mass_mailing_id = %(mailing)s AND trace.model = 'res.partner'
                                  AND trace.is_test_trace IS NOT TRUE
                                  AND trace.trace_status NOT IN ('cancel', 'error', 'bounce')
                                  AND contact.commercial_partner_id = draw.partner_id) = %(is_reached)s
                """,
                mailing=self.id,
                is_held_out=is_held_out,
                is_reached=is_reached,
            )
        )
        return count

    def _count_refused(self, chosen, days):
        if chosen.empty:
            return None
        return list(
            *self.env.execute_query(
                SQL(
                    """
                    SELECT COUNT(*) FILTER (WHERE NOT chosen.held), COUNT(*) FILTER (WHERE chosen.held)
                      FROM unnest(%(partners)s::int[], %(days)s::date[], %(held)s::bool[])
                           AS chosen (partner_id, day, held)
                     WHERE EXISTS (SELECT FROM res_partner contact
                                     JOIN mail_blacklist refused ON refused.email = contact.email_normalized
                                      AND refused.active
                                    WHERE contact.commercial_partner_id = chosen.partner_id
                                      AND (refused.write_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date
                                          BETWEEN chosen.day AND chosen.day + %(count)s - 1)
                    """,
                    partners=chosen["partner"].tolist(),
                    days=chosen["day"].tolist(),
                    held=chosen["held"].tolist(),
                    timezone=self.tiering_company_id._get_tiering_timezone().key,
                    count=days,
                )
            )
        )

    def _say_verdict_due(self, events):
        return self.env._(
            "The verdict comes %(days)s days after the mailing is sent.",
            days=format_number(self.env, self.effect_days or self._get_effect_days()),
        )

    def _say_nobody_drawn(self):
        return self.env._(
            "“%(mailing)s” has held nobody out, so what it does cannot be told. Before a mailing is sent, set “Held "
            "Out (%%)” on its page Effect.",
            mailing=self.subject,
        )

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
