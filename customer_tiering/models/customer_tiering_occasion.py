from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .. import engine, occasions

# So many reasons are on a person's list, the most money for a minute first.
MOST_ROWS = 200
# The same of one that the person finds not useful.
USELESS_DAYS = 180
# So many days an answer is kept after that.
KEPT_DAYS = 365
CALL = "mail.mail_activity_data_call"


class CustomerTieringOccasion(models.Model):
    """A reason why a salesperson should see to a customer today: a row of the day's list.

    The rows of a person are made when the person opens the list, see ``occasions.py`` for the kinds of reasons and
    ``engine/day.py`` for their order. What the person answers stays, and keeps the reason away for some time.
    """

    _name = "customer.tiering.occasion"
    _inherit = ["customer.tiering.given", "customer.tiering.typed"]
    _description = "Reason to See to a Customer"
    _tiering_owner = "user_id"
    _order = "position, id"
    _rec_name = "partner_id"

    _typed_sizes = {"reason": 300}

    user_id = fields.Many2one(
        "res.users", string="Salesperson", required=True, readonly=True, ondelete="cascade", index=True
    )
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    kind = fields.Selection(
        [
            ("followup", "Follow-up"),
            ("downgrade", "Downgrade"),
            ("stopped", "Stopped Products"),
            ("quotation", "Expiring Quotation"),
            ("overdue", "Overdue Invoices"),
            ("expected", "Expected Order"),
        ],
        required=True,
        readonly=True,
    )
    # What tells it from the next reason of the kind.
    reference = fields.Integer(required=True, readonly=True)
    # Values in the order of the alphabet: groups come in it.
    part = fields.Selection(
        [("day", "Today"), ("later", "If Time Is Left")],
        string="Today or Later",
        required=True,
        readonly=True,
        help="Which customers fit into the minutes that the company has for this, the most money for a minute first.",
    )
    position = fields.Integer(readonly=True, aggregator=None)
    money = fields.Monetary(
        string="At Stake",
        readonly=True,
        help="What may be won or lost: the expected loss of a customer at risk, or else an average order; what keeps "
        "the tier; what was paid in a year for the products; the quotation; what is past due; an average order.",
    )
    chance = fields.Float(
        readonly=True,
        aggregator=None,
        help="The chance that it comes: of an expected order that of the forecast, of a quotation how many of your "
        "quotations were won in the last year; otherwise 100%.",
    )
    minutes = fields.Integer(
        readonly=True,
        help="What the talk usually takes, by the type of the activity. A second reason of a customer counts only what "
        "it takes longer than the first.",
    )
    rate = fields.Monetary(
        string="Per Minute",
        readonly=True,
        aggregator=None,
        currency_field="rate_currency_id",
        help="At stake × chance ÷ minutes: by this the list is sorted.",
    )
    rate_currency_id = fields.Many2one("res.currency", readonly=True, ondelete="cascade")
    date = fields.Date(readonly=True)
    why = fields.Char(compute="_compute_why")
    tier_id = fields.Many2one("customer.tier", compute="_compute_tier")
    tier_color = fields.Integer(compute="_compute_tier")
    state = fields.Selection(
        [("open", "Open"), ("done", "Done"), ("later", "Later"), ("not_useful", "Not Useful")],
        required=True,
        readonly=True,
        default="open",
    )
    is_mine = fields.Boolean(compute="_compute_is_mine")
    reason = fields.Char(string="Why Not Useful", readonly=True)
    answered_on = fields.Date(readonly=True)
    until = fields.Date(string="Not Before", readonly=True, help="Until this day nothing is said of it again.")

    # A constraint, not an index: merging contacts looks for constraints to know what it cannot move.
    _reason_uniq = models.Constraint(
        "UNIQUE(user_id, company_id, partner_id, kind, reference)", "A list names each reason once."
    )

    @api.depends("kind", "reference", "money", "date", "position", "state")
    @api.depends_context("lang", "uid")
    def _compute_why(self):
        said, more = self._tell(), self._get_more()
        for row in self:
            why = said.get(row) or self.env._("The reason is gone.")
            row.why = self.env._("In the same talk: %(reason)s", reason=why) if row in more else why

    def _get_more(self):
        """Return those of these rows whose customer stands higher up in the same list, for another reason."""
        rows = self.filtered(lambda row: row.state == "open")
        if not rows:
            return rows
        groups = self._read_group(
            Domain("user_id", "in", rows.user_id.ids)
            & Domain("partner_id", "in", rows.partner_id.ids)
            & Domain("state", "=", "open"),
            ["user_id", "partner_id"],
            ["position:min"],
            having=[("__count", ">", 1)],
        )
        first = {(user, partner): position for user, partner, position in groups}
        return rows.filtered(lambda row: row.position > first.get((row.user_id, row.partner_id), row.position))

    def _tell(self):
        """Return ``{row: why}`` of the rows whose reason is still there."""
        classes, said = self._get_occasion_classes(), {}
        for kind, rows in self.grouped("kind").items():
            if kind in classes:
                said |= classes[kind](self._get_env_of(rows)).tell(rows)
        return said

    @api.depends("user_id")
    @api.depends_context("uid")
    def _compute_is_mine(self):
        for row in self:
            row.is_mine = row.user_id == self.env.user

    @api.depends("partner_id", "company_id")
    @api.depends_context("uid")
    def _compute_tier(self):
        self.tier_id, self.tier_color = False, 0
        domain = [("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)]
        fnames = ["partner_id", "company_id", "tier_id"]
        cards = self.env["customer.tiering.scorecard"].search_fetch(domain, fnames)
        tiers = {(card.partner_id, card.company_id): card.tier_id for card in cards}
        for row in self:
            tier = tiers.get((row.partner_id, row.company_id))
            row.tier_id, row.tier_color = tier, tier.color if tier else 0

    @api.model
    def _get_occasion_classes(self):
        """Return the kinds of reasons, ``{kind: class}``; another module adds its own, see ``occasions.py``."""
        return occasions.CLASSES

    def _get_env_of(self, rows):
        """The environment with the companies of the rows, as far as they are chosen."""
        return self.with_context(allowed_company_ids=(self.env.companies & rows.company_id or self.env.company).ids).env

    # ------------------------------------------------------------------
    # The list
    # ------------------------------------------------------------------

    @api.model
    def action_open_day(self):
        """Make the person's list anew, and open it."""
        self.check_access("read")
        self._renew()
        return self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_occasion_action")

    @api.model
    def _renew(self):
        """Make the list of the person in the companies that are chosen; what was answered stays."""
        found = self._find()
        mine = [("user_id", "=", self.env.uid), ("company_id", "in", self.env.companies.ids)]
        # sudo: the rows of the person, which nobody writes by hand
        kept = self.sudo().search(mine)
        answered = kept.filtered(
            lambda row: row.state != "open" and row.until and row.until > row.company_id._get_tiering_today()
        )
        ranked = self._rank(answered._leave_out_answered(found))
        rows = {row._get_key(): row for row in kept - answered}
        new = []
        for key, vals in ranked.items():
            row = rows.pop(key, None)
            if row:
                row.write({fname: value for fname, value in vals.items() if row[fname] != row._as_kept(fname, value)})
            else:
                new.append(vals)
        # What was answered long ago, and is gone, is kept for a while: managers look at it.
        self.browse().union(*rows.values()).sudo().filtered(lambda row: row.state == "open").unlink()
        self.sudo().create(new)

    def _leave_out_answered(self, found):
        """Return what of ``found`` none of these rows is an answer to."""
        classes, exact, latest = self._get_occasion_classes(), set(), {}
        for row in self:
            *about, reference = key = row._get_key()
            exact.add(key)
            latest[tuple(about)] = max(latest.get(tuple(about), 0), reference)
        left = []
        for kind, item in found:
            *about, reference = key = self._get_key_of(kind, item)
            is_before = classes[kind].grows and reference <= latest.get(tuple(about), -1)
            if key not in exact and not is_before:
                left.append((kind, item))
        return left

    def _as_kept(self, fname, value):
        """A value as the field has it, to see whether it changes."""
        field = self._fields[fname]
        return field.convert_to_record(field.convert_to_cache(value, self), self)

    @api.model
    def _find(self):
        """Return ``[(kind, occasions.Found)]``, each reason once, of customers whom the person sees."""
        found = {}
        for kind, found_by in self._get_occasion_classes().items():
            for item in found_by(self.env).find():
                found.setdefault(self._get_key_of(kind, item), (kind, item))
        ids = list({item.partner_id for _kind, item in found.values()})
        seen = set(self.env["res.partner"].search([("id", "in", ids)]).ids)
        return [(kind, item) for kind, item in found.values() if item.partner_id in seen]

    @api.model
    def _rank(self, found):
        """Return ``{key: values}`` of the rows to show, the most money for a minute first."""
        company = self.env.company
        call = self.env.ref(CALL, raise_if_not_found=False)
        usual = call.sudo().tiering_minutes if call else occasions.MINUTES
        rates = {
            other.id: self.env["res.currency"]._get_conversion_rate(
                other.currency_id, company.currency_id, company, company._get_tiering_today()
            )
            for other in self.env.companies
        }
        columns = {
            "customer": [item.partner_id for _kind, item in found],
            "money": [float(item.money) * rates[item.company_id] for _kind, item in found],
            "chance": [float(item.chance) for _kind, item in found],
            "minutes": [item.minutes or usual for _kind, item in found],
        }
        ranked = engine.day.rank(columns, company.tiering_day_minutes).head(MOST_ROWS)
        rows = {}
        for number, row in zip(ranked.index, ranked.to_dict("records"), strict=True):
            kind, item = found[number]
            rows[self._get_key_of(kind, item)] = {
                "user_id": self.env.uid,
                "company_id": item.company_id,
                "partner_id": item.partner_id,
                "kind": kind,
                "reference": item.reference,
                "part": "day" if row["is_today"] else "later",
                "position": row["position"],
                "money": item.money,
                "chance": item.chance,
                "minutes": row["added"],
                "rate": row["rate"],
                "rate_currency_id": company.currency_id.id,
                "date": item.date,
                "state": "open",
                "until": False,
                "answered_on": False,
                "reason": False,
            }
        return rows

    def _get_key(self):
        return self.company_id.id, self.partner_id.id, self.kind, self.reference

    @api.model
    def _get_key_of(self, kind, item):
        return item.company_id, item.partner_id, kind, item.reference

    # ------------------------------------------------------------------
    # What the person does
    # ------------------------------------------------------------------

    def action_open(self):
        """Open what the row is about: the quotation, or else the customer."""
        self.ensure_one()
        self.check_access("read")
        found_by = self._get_occasion_classes().get(self.kind)
        document = found_by(self._get_env_of(self)).get_document(self) if found_by else self.partner_id
        action = document.get_formview_action()
        if document._name == "res.partner":  # why first
            action["views"] = [(self.env.ref("customer_tiering.res_partner_view_form_scored").id, "form")]
        return action

    def action_new_quotation(self):
        """Write a quotation to the customer."""
        self.ensure_one()
        self.check_access("read")
        action = self.partner_id.action_tiering_new_quotation()
        return {**action, "context": {**action["context"], "default_company_id": self.company_id.id}}

    def action_done(self):
        """Settle the reasons: a follow-up is done, anything else becomes a call in the customer's history."""
        rows = self._get_own()
        classes = self._get_occasion_classes()
        rows._get_activities().action_feedback()
        for row, why in rows.filtered(lambda row: row.kind != "followup")._tell().items():  # not what is gone
            if classes[row.kind].is_logged and row.partner_id.has_access("write"):
                row.partner_id.activity_schedule(CALL, summary=why[:250], user_id=self.env.uid).action_feedback()
        rows._answer("done", occasions.SETTLED_DAYS)

    def action_later(self):
        """Ask until when."""
        return self._get_own()._ask("later", self.env._("Later"))

    def action_not_useful(self):
        """Ask why."""
        return self._get_own()._ask("not_useful", self.env._("Not Useful"))

    def _ask(self, answer, title):
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": "customer.tiering.occasion.answer",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_occasion_ids": self.ids, "default_answer": answer},
        }

    def _postpone(self, until):
        """Say nothing of the reasons before a day; follow-ups are due then."""
        rows = self._get_own()
        rows._get_activities().write({"date_deadline": until})
        rows.sudo().write({"state": "later", "until": until, "answered_on": self._get_today()})

    def _refuse(self, reason):
        """Remember that the reasons are not useful, and why; follow-ups are cancelled, with a note that says so."""
        rows = self._get_own()
        for activity in rows._get_activities():
            record = self.env[activity.res_model].browse(activity.res_id)
            record.message_post(
                body=self.env._(
                    "%(activity)s cancelled, not useful: %(reason)s",
                    activity=activity.summary or activity.activity_type_id.sudo().name,
                    reason=reason,
                )
            )
            activity.unlink()
        rows._answer("not_useful", USELESS_DAYS, reason=reason)

    def _answer(self, state, days, **values):
        today = self._get_today()
        # sudo: rows of the person, see _get_own
        self.sudo().write({"state": state, "until": today + timedelta(days=days), "answered_on": today, **values})

    def _get_own(self):
        """Return the open ones of these rows.

        :raises UserError: where some are another person's
        """
        self.check_access("read")
        if not all(self.mapped("is_mine")):
            raise UserError(self.env._("This is the list of a colleague: only they can answer it."))
        return self.filtered(lambda row: row.state == "open")

    def _get_activities(self):
        """Return the activities of follow-ups that the person still has to do."""
        references = self.filtered(lambda row: row.kind == "followup").mapped("reference")
        return self.env["mail.activity"].search([("id", "in", references), ("user_id", "=", self.env.uid)])

    @api.model
    def _get_today(self):
        return self.env.company._get_tiering_today()

    # ------------------------------------------------------------------
    # What becomes of the rows
    # ------------------------------------------------------------------

    @api.autovacuum
    def _gc_answered(self):
        """Forget what was answered long ago, and the lists that nobody opens any more."""
        before = fields.Date.today() - timedelta(days=KEPT_DAYS)
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_occasion
                 WHERE (state != 'open' AND until < %(before)s) OR (state = 'open' AND write_date < %(before)s)
                """,
                before=before,
            )
        )
        self.invalidate_model(flush=False)

    @api.model
    def _merge(self, targets):
        """Open rows are made anew; what was answered goes along, unless it was answered of the other one, too."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_occasion
                 WHERE id IN (SELECT id
                                FROM (SELECT occasion.id, state, given.source,
                                             ROW_NUMBER() OVER (PARTITION BY user_id, company_id, kind, reference,
                                                                             COALESCE(given.target, partner_id)
                                                                    ORDER BY state = 'open', until DESC NULLS LAST,
                                                                             occasion.id)
                                        FROM customer_tiering_occasion occasion
                                   LEFT JOIN unnest(%(sources)s, %(targets)s) AS given (source, target)
                                          ON given.source = partner_id
                                       WHERE partner_id = ANY(%(sources)s || %(targets)s)) ranked
                               WHERE row_number > 1 OR (state = 'open' AND source IS NOT NULL))
                """,
                sources=list(targets),
                targets=list(targets.values()),
            )
        )
        return super()._merge(targets)
