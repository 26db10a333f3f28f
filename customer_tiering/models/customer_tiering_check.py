from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date, format_list
from odoo.tools.misc import formatLang

from .. import checking
from ..sentences import format_number, join

# The columns that a look at the data writes.
COLUMNS = {
    "kind": "varchar",
    "key": "varchar",
    "partner_id": "int",
    "order_id": "int",
    "move_id": "int",
    "rate_currency_id": "int",
    "salesperson_id": "int",
    "number": "int",
    "amount": "numeric",
    "usual_amount": "numeric",
    "day": "date",
    "tier_id": "int",
    "evidence": "varchar",
}
# What is settled is forgotten after so many days.
KEPT_DAYS = 90
# Something about several customers, of whom none can be left out alone.
SEVERAL = ("duplicate", "stray", "rate", "gone")


class CustomerTieringCheck(models.Model):
    """Data that would make tiers wrong, for a person to correct or to judge.

    Found before runs in the background, see ``checking.py``. What is found again is the same row, with what a person
    said of it; what is not found any more is settled, and forgotten after some time.
    """

    _name = "customer.tiering.check"
    _inherit = ["customer.tiering.given", "customer.tiering.typed"]
    _description = "Data to Check"
    _order = "kind, id"
    _tiering_members = "partner_ids"  # all of whom must be seen, see ir.rule
    _tiering_papers = {"order_id": "sale.order", "move_id": "account.move"}  # the same

    _typed_sizes = {"reason": 300}

    kind = fields.Selection(
        [
            ("duplicate", "Probable Duplicate"),
            ("person", "Buys Beside the Company"),
            ("large", "Unusually Large"),
            ("future", "Dated in the Future"),
            ("early", "Dated Too Early"),
            ("rate", "No Exchange Rate"),
            ("stray", "Belongs to No Customer"),
            ("nobody", "No Salesperson"),
            ("gone", "Archived Salesperson"),
        ],
        required=True,
        readonly=True,
    )
    key = fields.Char(required=True, readonly=True, exportable=False, help="By which it is found again.")
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True, ondelete="cascade", index=True)
    partner_ids = fields.Many2many(
        "res.partner",
        "customer_tiering_check_partner_rel",
        "check_id",
        "partner_id",
        string="Together",
        readonly=True,
        help="The customers who are probably one, or the person and the company.",
    )
    order_id = fields.Many2one("sale.order", readonly=True, ondelete="cascade", index="btree_not_null")
    move_id = fields.Many2one(
        "account.move", string="Invoice", readonly=True, ondelete="cascade", index="btree_not_null"
    )
    rate_currency_id = fields.Many2one(
        "res.currency", string="Currency of Documents", readonly=True, ondelete="cascade"
    )
    salesperson_id = fields.Many2one("res.users", readonly=True, ondelete="cascade", index="btree_not_null")
    # Counts all customers: told to who may see all of them.
    number = fields.Integer(
        string="How Many", readonly=True, groups=fields.NO_ACCESS, help="Customers or documents that it is about."
    )
    amount = fields.Monetary(readonly=True, aggregator=None, help="Untaxed amount of the document.")
    usual_amount = fields.Monetary(
        readonly=True, aggregator=None, help="The median of what the customer ordered in the last two years."
    )
    day = fields.Date(string="Dated", readonly=True)
    evidence = fields.Char(readonly=True, exportable=False)
    tier_id = fields.Many2one(
        "customer.tier",
        string="Tier Instead",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="Which tier would be earned together, or without the document, by what the last run measured.",
    )
    problem = fields.Char(compute="_compute_sentences")
    effect = fields.Char(string="Effect on the Tier", compute="_compute_sentences")
    state = fields.Selection(
        [("open", "Open"), ("ignored", "Ignored"), ("left_out", "Left Out of Scoring"), ("settled", "Settled")],
        required=True,
        readonly=True,
        default="open",
    )
    reason = fields.Char(string="Why", help="Why it is ignored, or left out of scoring, in a few words.")
    user_id = fields.Many2one("res.users", string="Said By", readonly=True, index="btree_not_null")
    date = fields.Date(string="Said On", readonly=True)

    _of_company = models.UniqueIndex("(company_id, kind, key)")
    _left_out_idx = models.Index("(company_id, partner_id) WHERE state = 'left_out'")

    def write(self, vals):
        if not self.env.su:  # what is found is not a matter of choice
            vals = {fname: value for fname, value in vals.items() if fname in ("reason", "state")}
            self._check_said(vals)
            if vals:
                self._sign(vals)
        return super().write(vals)

    def _check_said(self, vals):
        """Refuse what cannot be said of these rows.

        :raises UserError: without a reason, or of what cannot be left out
        """
        state = vals.get("state")
        if state == "settled":
            raise UserError(self.env._("What is corrected is settled by itself when the data is checked again."))
        for check in self:
            if (state or check.state) not in ("ignored", "left_out"):
                continue
            if not (vals.get("reason", check.reason) or "").strip():
                raise UserError(self.env._("Say in “Why” why it stays as it is: colleagues will read it."))
            if state == "left_out" and (check.kind in SEVERAL or not check.partner_id):
                raise UserError(
                    self.env._("Only single customers can be left out of scoring. Correct the data, or ignore it.")
                )

    # ------------------------------------------------------------------
    # What is shown
    # ------------------------------------------------------------------

    @api.depends("kind", "partner_id", "order_id", "move_id", "rate_currency_id", "salesperson_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for check in self:
            about = (
                check.order_id or check.move_id or check.partner_id or check.rate_currency_id or check.salesperson_id
            )
            check.display_name = self.env._(
                "%(kind)s: %(record)s", kind=kinds.get(check.kind, ""), record=about.display_name or ""
            )

    @api.depends("kind", "number", "amount", "usual_amount", "day", "evidence", "tier_id", "partner_id", "partner_ids")
    @api.depends_context("lang", "uid")
    def _compute_sentences(self):
        cards = self.env["customer.tiering.scorecard"].search(
            [
                ("partner_id", "in", (self.partner_id | self.partner_ids).ids),
                ("company_id", "in", self.company_id.ids),
            ]
        )
        tiers = {(card.company_id, card.partner_id): card.tier_id.name for card in cards}
        # sudo: any policy tells whether customers of its company are hidden
        policies = self.company_id.sudo().mapped(lambda company: company.tiering_policy_ids[:1])
        hiding = {policy.company_id for policy in policies if policy._hides_customers()}
        for check in self:
            check.problem = check._say_problem(0 if check.company_id in hiding else check.sudo().number)
            check.effect = check._say_effect(
                [
                    tiers.get((check.company_id, partner)) or self.env._("no tier")
                    for partner in check.partner_ids or check.partner_id
                ]
            )

    def _say_problem(self, count):
        """Return what is wrong, a sentence or several.

        :param count: how many it is about; 0: the person may not know
        """
        env, date = self.env, format_date(self.env, self.day)
        number = format_number(env, count)
        if self.kind == "duplicate":
            said = {
                "vat": env._("The same VAT number."),
                "email": env._("The same e-mail address."),
                "phone": env._("The same phone number and a similar name."),
                "name": env._("The same name and postal code."),
            }
            more = count > len(self.partner_ids) and env._(
                "%(count)s customers are alike; here are %(listed)s of them.",
                count=number,
                listed=format_number(env, len(self.partner_ids)),
            )
            return join(env, [*(said[one] for one in (self.evidence or "").split(",") if one in said), more])
        if self.kind == "person":
            return env._(
                "Buys as a private person with an e-mail address of %(company)s.",
                company=(self.partner_ids - self.partner_id)[:1].display_name or "",
            )
        if self.kind == "large":
            return env._(
                "%(amount)s, where this customer usually orders for %(usual)s.",
                amount=formatLang(env, self.amount, currency_obj=self.currency_id),
                usual=formatLang(env, self.usual_amount, currency_obj=self.currency_id),
            )
        if self.kind == "future":
            return env._("It is dated %(date)s, which is still to come.", date=date)
        if self.kind == "early":
            return env._("It is dated %(date)s, when there was no such order yet.", date=date)
        if self.kind == "rate" and not count:
            return env._("No exchange rate of %(currency)s is known.", currency=self.rate_currency_id.name or "")
        if self.kind == "rate":
            return env._(
                "No exchange rate of %(currency)s is known. Documents in it: %(count)s.",
                currency=self.rate_currency_id.name or "",
                count=number,
            )
        if self.kind == "stray":
            return env._("The contact has no “Commercial Entity”, as an import into the database leaves it.")
        if self.kind == "nobody":
            return env._("Nearly all customers have a salesperson, this one has none.")
        if not count:
            return env._("The salesperson is archived and still has customers.")
        return env._("The salesperson is archived and still has customers: %(count)s.", count=number)

    def _say_effect(self, tiers):
        """Return what it does to the tier, a sentence.

        :param tiers: names of the tiers that the customers are in now
        """
        env = self.env
        said = {"tiers": format_list(env, tiers), "tier": self.tier_id.name, "currency": self.currency_id.name}
        if self.kind in ("duplicate", "person"):
            if not self.tier_id:
                return env._("What they buy counts apart: each of them seems smaller than they are together.")
            if self.kind == "person" and self.number > 1:
                return env._("Now: %(tiers)s. Together with the other persons of this company: %(tier)s.", **said)
            return env._("Now: %(tiers)s. Together: %(tier)s.", **said)
        if self.kind in ("large", "early") and self.tier_id:
            if self.number > 1:
                return env._("Now: %(tiers)s. Without it and the others like it: %(tier)s.", **said)
            return env._("Now: %(tiers)s. Without it: %(tier)s.", **said)
        if self.kind == "large":
            return env._("It lifts the amount, and with it the score.")
        if self.kind == "early":
            return env._("The relation seems older than it is.")
        if self.kind == "future":
            return env._("It does not count before that day.")
        if self.kind == "rate":
            return env._("Their amounts count as if they were in %(currency)s.", **said)
        if self.kind == "stray":
            return env._("What is bought through this contact counts for nobody.")
        return env._("The tier is right, but nobody acts on it.")

    # ------------------------------------------------------------------
    # What a person does
    # ------------------------------------------------------------------

    def action_ignore(self):
        """Remember that these stay as they are, and why."""
        self.write({"state": "ignored"})

    def action_leave_out(self):
        """Leave these customers out of scoring from the next run on."""
        self.write({"state": "left_out"})

    def action_reopen(self):
        """Take it back that these are ignored or left out of scoring."""
        self.write({"state": "open", "reason": False})

    def action_merge(self):
        """Open Odoo's dialog that merges contacts, with these."""
        self.ensure_one()
        self.check_access("read")
        if self.kind != "duplicate":
            raise UserError(self.env._("Only probable duplicates are merged."))
        if not self.env["base.partner.merge.automatic.wizard"].has_access("create"):
            raise UserError(self.env._("Merging contacts takes the right to create contacts. Ask an administrator."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Merge Contacts"),
            "res_model": "base.partner.merge.automatic.wizard",
            "view_mode": "form",
            "target": "new",
            "context": {"active_model": "res.partner", "active_ids": self.partner_ids.ids},
        }

    @api.readonly
    def action_open(self):
        """Open what it is about."""
        self.ensure_one()
        self.check_access("read")
        if self.kind == "gone" or len(self.partner_ids) > 1:
            theirs = [("user_id", "=", self.salesperson_id.id), ("commercial_partner_id.active", "=", True)]
            return {
                "type": "ir.actions.act_window",
                "name": self.display_name,
                "res_model": "res.partner",
                "view_mode": "list,kanban,form",
                "views": [(False, "list"), (False, "kanban"), (False, "form")],
                "domain": [("id", "in", self.partner_ids.ids)] if self.partner_ids else theirs,
                "context": {},
            }
        about = self.order_id or self.move_id or self.partner_id or self.rate_currency_id
        return about.get_formview_action()

    # ------------------------------------------------------------------
    # What is found
    # ------------------------------------------------------------------

    @api.model
    def _get_left_out_query(self, company):
        """Return the SELECT of the ids of the customers whom a person leaves out of scoring in a company."""
        return SQL(
            """
            SELECT partner_id FROM customer_tiering_check
             WHERE company_id = %s AND state = 'left_out' AND partner_id IS NOT NULL
            """,
            company.id,
        )

    @api.model
    def _get_judged(self, company):
        """Return the probable duplicates that a person ignores, ``{key: ids of the customers}``."""
        # sudo: as the job
        judged = self.sudo().search(
            [("company_id", "=", company.id), ("kind", "=", "duplicate"), ("state", "=", "ignored")]
        )
        return {check.key: check.with_context(active_test=False).partner_ids.ids for check in judged}

    @api.model
    def _count_customers(self, policy):
        """Return of how many customers of a policy there is something to check."""
        self.env.flush_all()
        ((count,),) = self.env.execute_query(
            SQL(
                """
                WITH unclean AS (
                    SELECT id, partner_id FROM customer_tiering_check
                     WHERE company_id = %(company)s AND state = 'open')
                SELECT COUNT(*) FROM customer_tiering_scorecard
                 WHERE policy_id = %(policy)s
                   AND partner_id IN (
                       SELECT partner_id FROM unclean
                    UNION ALL
                       SELECT rel.partner_id
                         FROM customer_tiering_check_partner_rel rel JOIN unclean ON unclean.id = rel.check_id)
                """,
                company=policy.company_id.id,
                policy=policy.id,
            )
        )
        return count

    @api.model
    def _look(self, company, as_of):
        """Look at the data of a company anew, and keep what people said.

        :param as_of: the last day that counts, a ``datetime.date``
        :return: how many values so many customers share that they prove nothing
        """
        # sudo: as the job, about all customers
        looking = checking.Looking(company.sudo(), as_of).look()
        self._write_found(company, as_of, looking.found)
        return looking.common

    @api.model
    def _write_found(self, company, as_of, found):
        """Replace what there is to check in a company, and leave alone what is the same.

        :param found: a list of ``checking.Found``
        """
        self.env.flush_all()
        cr = self.env.cr
        names = SQL(", ").join(map(SQL.identifier, COLUMNS))
        cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.found_check, pg_temp.found_member"))
        cr.execute(
            SQL(
                "CREATE TEMPORARY TABLE found_check ON COMMIT DROP AS SELECT * FROM unnest(%s) AS found (%s)",
                SQL(", ").join(
                    SQL("%s::%s[]", [getattr(one, name) for one in found], SQL(type_))
                    for name, type_ in COLUMNS.items()
                ),
                names,
            )
        )
        members = [(one.kind, one.key, partner) for one in found for partner in one.partner_ids]
        cr.execute(
            SQL(
                """
                CREATE TEMPORARY TABLE found_member ON COMMIT DROP AS
                SELECT * FROM unnest(%s::varchar[], %s::varchar[], %s::int[]) AS member (kind, key, partner_id)
                """,
                *([member[place] for member in members] for place in range(3)),
            )
        )
        changing = [name for name in COLUMNS if name not in ("kind", "key")]
        parameters = {
            "company": company.id,
            "uid": self.env.uid,
            "as_of": as_of,
            "names": names,
            "changing": SQL(", ").join(map(SQL.identifier, changing)),
            "excluded": SQL(", ").join(SQL.identifier("excluded", name) for name in changing),
            "kept": SQL(", ").join(SQL.identifier("kept", name) for name in changing),
        }
        cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_check AS kept
                            (company_id, state, create_uid, write_uid, create_date, write_date, %(names)s)
                SELECT %(company)s, 'open', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC',
                       %(names)s
                  FROM found_check
                ON CONFLICT (company_id, kind, key) DO UPDATE
                   SET (%(changing)s) = ROW(%(excluded)s),
                       state = CASE WHEN kept.state = 'settled' THEN 'open' ELSE kept.state END,
                       date = CASE WHEN kept.state = 'settled' THEN NULL ELSE kept.date END
                 WHERE kept.state = 'settled' OR (%(kept)s) IS DISTINCT FROM (%(excluded)s)
                """,
                **parameters,
            )
        )
        cr.execute(
            SQL(
                """
                UPDATE customer_tiering_check kept SET state = 'settled', date = %(as_of)s
                 WHERE company_id = %(company)s AND state = 'open'
                   AND NOT EXISTS (SELECT FROM found_check found WHERE (found.kind, found.key) = (kept.kind, kept.key))
                """,
                **parameters,
            )
        )
        cr.execute(
            SQL(
                "DELETE FROM customer_tiering_check WHERE company_id = %s AND state = 'settled' AND date < %s",
                company.id,
                as_of - timedelta(days=KEPT_DAYS),
            )
        )
        cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_check_partner_rel rel
                 USING customer_tiering_check kept, found_check found
                 WHERE kept.id = rel.check_id AND kept.company_id = %(company)s
                   AND (found.kind, found.key) = (kept.kind, kept.key)
                   AND NOT EXISTS (SELECT FROM found_member member
                                    WHERE (member.kind, member.key, member.partner_id)
                                        = (kept.kind, kept.key, rel.partner_id))
                """,
                **parameters,
            )
        )
        cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_check_partner_rel (check_id, partner_id)
                SELECT kept.id, member.partner_id
                  FROM found_member member
                  JOIN customer_tiering_check kept ON (kept.kind, kept.key) = (member.kind, member.key)
                 WHERE kept.company_id = %(company)s
                ON CONFLICT DO NOTHING
                """,
                **parameters,
            )
        )
        self.env.invalidate_all(flush=False)

    @api.model
    def _merge(self, targets):
        """What was to check of customers is so of those that take their place; who is one now is no duplicate.

        Whoever takes the place of a customer who is left out of scoring is left out only where a manager has said so.
        """
        cr = self.env.cr
        given = list(targets), list(targets.values())
        self.env.flush_all()
        cr.execute(
            SQL(
                """
                UPDATE customer_tiering_check gone SET state = 'open'
                  FROM unnest(%s, %s) AS given (source, target)
                 WHERE gone.partner_id = given.source AND gone.state = 'left_out'
                   AND NOT EXISTS (SELECT FROM customer_tiering_check kept
                                    WHERE kept.company_id = gone.company_id AND kept.partner_id = given.target
                                      AND kept.state = 'left_out')
                """,
                *given,
            )
        )
        result = super()._merge(targets)
        cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_check_partner_rel (check_id, partner_id)
                SELECT DISTINCT rel.check_id, given.target
                  FROM customer_tiering_check_partner_rel rel
                  JOIN unnest(%s, %s) AS given (source, target) ON given.source = rel.partner_id
                ON CONFLICT DO NOTHING
                """,
                *given,
            )
        )
        cr.execute(SQL("DELETE FROM customer_tiering_check_partner_rel WHERE partner_id = ANY(%s)", given[0]))
        cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_check kept
                 WHERE kind IN ('duplicate', 'person') AND partner_id = ANY(%s)
                   AND (SELECT COUNT(*) FROM customer_tiering_check_partner_rel rel WHERE rel.check_id = kept.id) < 2
                """,
                given[1],
            )
        )
        self.env.invalidate_all(flush=False)
        return result
