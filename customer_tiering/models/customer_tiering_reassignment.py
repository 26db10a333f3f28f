from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import SQL, format_date

from .. import engine, filters
from ..sentences import format_number, join

# What the lines follow from: when one of them changes, the preview is out of date.
CHOICES = {
    *("company_id", "partner_ids", "partner_domain", "from_user_ids", "without_salesperson", "tier_ids"),
    *("beyond_capacity", "method", "user_id", "team_id"),
}
# Only the actions write them.
HISTORY = {"state", "applied_by_id", "applied_on", "undone_by_id", "undone_on", "activity_count", "unplaced_count"}


class CustomerTieringReassignment(models.Model):
    """Customers who get another salesperson, all at once: choose, look, apply, and undo if need be.

    It is a person who reassigns, so everything is done with that person's rights. A reassignment that
    was applied is kept, for those who ask who gave which customer to whom.
    """

    _name = "customer.tiering.reassignment"
    _inherit = ["customer.tiering.typed"]
    _description = "Reassignment of Customers"
    _typed_sizes = {"partner_domain": filters.MOST_CHARACTERS}
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char(required=True, default=lambda self: self._default_name())
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    state = fields.Selection(
        [("draft", "Draft"), ("applied", "Applied"), ("undone", "Undone")],
        required=True,
        readonly=True,
        default="draft",
    )
    # Which customers
    partner_ids = fields.Many2many(
        "res.partner", string="Selected Customers", help="These customers, whatever their salesperson and tier."
    )
    partner_domain = fields.Char(string="Conditions", default="[]", help="Conditions that the customers meet.")
    from_user_ids = fields.Many2many(
        "res.users",
        "customer_tiering_reassignment_from_user_rel",
        string="From Salespeople",
        domain="[('share', '=', False)]",
        context={"active_test": False},
        help="Customers of these people; empty: of anybody.",
    )
    without_salesperson = fields.Boolean(help="Customers who have no salesperson, beside those of the chosen people.")
    tier_ids = fields.Many2many(
        "customer.tier",
        string="Tiers",
        domain="[('company_id', '=', company_id), ('policy_id.is_simulation', '=', False)]",
        help="Customers in these tiers; empty: in any tier or none.",
    )
    beyond_capacity = fields.Boolean(
        string="Only Beyond Capacity",
        help="Only the customers beyond what their salesperson can look after, by “Customers per Person” of the tier. "
        "Those with the best scores stay.",
    )
    # To whom
    method = fields.Selection(
        [("user", "One person"), ("team", "Share out in a sales team")],
        string="Give To",
        required=True,
        default="user",
    )
    user_id = fields.Many2one(
        "res.users", string="Salesperson", domain=lambda self: self.env["res.users"]._get_tiering_able_domain()
    )
    team_id = fields.Many2one(
        "crm.team",
        string="Sales Team",
        check_company=True,
        help="Each customer goes to the member who has the fewest customers of that tier. Those from whom customers "
        "are taken get none, and with “Only Beyond Capacity” nobody gets more than they can look after.",
    )
    move_activities = fields.Boolean(
        string="Move Open Activities",
        default=True,
        help="The open activities that the present salesperson has on these customers, their contacts and their "
        "orders go to the new one.",
    )
    line_ids = fields.One2many("customer.tiering.reassignment.line", "reassignment_id", string="Preview")
    # What happened
    applied_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    applied_on = fields.Datetime(readonly=True, copy=False)
    undone_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    undone_on = fields.Datetime(readonly=True, copy=False)
    activity_count = fields.Integer(string="Activities Moved", readonly=True, copy=False)
    unplaced_count = fields.Integer(string="Customers without Room", readonly=True, copy=False)
    line_count = fields.Integer(string="Customers", compute="_compute_summary")
    summary = fields.Text(compute="_compute_summary")

    @api.model
    def _default_name(self):
        today = self.env.company._get_tiering_today()
        return self.env._("Reassignment of %(date)s", date=format_date(self.env, today))

    @api.model
    def default_get(self, fields):
        """Start with the customers selected in a list of customers, scorecards or resources."""
        values = super().default_get(fields)
        model = self.env.context.get("active_model")
        if model in ("res.partner", "customer.tiering.scorecard", "customer.tiering.resource.report"):
            records = self.env[model].browse(self.env.context.get("active_ids", []))
            partners = records if model == "res.partner" else records.partner_id
            values.setdefault("partner_ids", [Command.set(partners.commercial_partner_id.ids)])
        return values

    @api.depends("state", "line_ids.state", "activity_count", "unplaced_count")
    def _compute_summary(self):
        lines = self.env["customer.tiering.reassignment.line"]
        counts = {}
        for reassignment, state, count in lines._read_group(
            [("reassignment_id", "in", self.ids)], ["reassignment_id", "state"], ["__count"]
        ):
            counts.setdefault(reassignment, {})[state] = count
        for reassignment in self:
            of_state = counts.get(reassignment._origin, {})
            reassignment.line_count = sum(of_state.values())
            reassignment.summary = reassignment._summarize(of_state)

    def _summarize(self, counts):
        """Return in sentences what applying or undoing did; ``counts``: of lines by state."""
        if self.state == "applied":
            sentences = [
                self.env._("1 customer was given to the new salesperson.")
                if counts.get("given") == 1
                else self.env._(
                    "%(count)s customers were given to their new salesperson.",
                    count=format_number(self.env, counts.get("given", 0)),
                )
            ]
            if self.activity_count:
                sentences.append(
                    self.env._(
                        "Open activities that went along: %(count)s.",
                        count=format_number(self.env, self.activity_count),
                    )
                )
        elif self.state == "undone":
            sentences = [
                self.env._("No customer went back.")
                if not counts.get("restored")
                else self.env._("1 customer is back with the former salesperson.")
                if counts["restored"] == 1
                else self.env._(
                    "%(count)s customers are back with their former salesperson.",
                    count=format_number(self.env, counts["restored"]),
                )
            ]
            if counts.get("kept"):
                sentences.append(
                    self.env._(
                        "Left alone, because somebody has changed the salesperson since: %(count)s.",
                        count=format_number(self.env, counts["kept"]),
                    )
                )
        else:
            sentences = self._say_overload()
        if self.unplaced_count:
            sentences.append(
                self.env._(
                    "Customers who stay where they are, because nobody else in the sales team has room for more of "
                    "their tier: %(count)s.",
                    count=format_number(self.env, self.unplaced_count),
                )
            )
        if counts.get("skipped"):
            sentences.append(
                self.env._(
                    "Left out, because they changed between preview and applying: %(count)s.",
                    count=format_number(self.env, counts["skipped"]),
                )
            )
        return join(self.env, sentences)

    def _say_overload(self):
        """Return a sentence for each person who would get more customers of a tier than “Customers per Person” says."""
        given = self.env["customer.tiering.reassignment.line"]._read_group(
            [("reassignment_id", "in", self._origin.ids), ("tier_id.capacity", ">", 0)],
            ["to_user_id", "tier_id"],
            ["__count"],
        )
        users, tiers = {user.id for user, _tier, _count in given}, {tier.id for _user, tier, _count in given}
        have = {
            (user, tier): count
            for user, tier, count in self.env["customer.tiering.scorecard"]._read_group(
                [("tier_id", "in", list(tiers)), ("partner_id.user_id", "in", list(users))],
                ["partner_id.user_id", "tier_id"],
                ["__count"],
            )
        }
        sentences = []
        for user, tier, count in given:
            total = count + have.get((user, tier), 0)
            if total > tier.capacity:
                sentences.append(
                    self.env._(
                        "%(user)s would have %(total)s customers of %(tier)s; one person can look after %(capacity)s.",
                        user=user.name,
                        total=format_number(self.env, total),
                        tier=tier.name,
                        capacity=format_number(self.env, tier.capacity),
                    )
                )
        return sentences

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            vals_list = [{key: value for key, value in vals.items() if key not in HISTORY} for vals in vals_list]
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            if vals.keys() & HISTORY:
                raise UserError(self.env._("What a reassignment did is not written by hand. Apply it or undo it."))
            if vals.keys() - {"name"}:
                self._check_draft()
        result = super().write(vals)
        if vals.keys() & CHOICES:
            self.line_ids.unlink()
            self.sudo().unplaced_count = 0  # sudo: a part of the preview that goes with it
        return result

    def copy_data(self, default=None):
        """A copy asks the same question again; it has no lines before somebody previews it."""
        return [{**vals, "state": "draft"} for vals in super().copy_data(default)]

    @api.ondelete(at_uninstall=False)
    def _unlink_except_applied(self):
        if any(reassignment.state != "draft" for reassignment in self):
            raise UserError(
                self.env._("A reassignment that was applied is kept, so that it stays known who gave whom to whom.")
            )

    def _check_draft(self):
        if any(reassignment.state != "draft" for reassignment in self):
            raise UserError(self.env._("This reassignment was applied already. Make another one."))

    # ------------------------------------------------------------------
    # Preview
    # ------------------------------------------------------------------

    def action_preview(self):
        """List the customers with their present and their new salesperson."""
        self.ensure_one()
        self._check_draft()
        customers = self._find_customers()
        if not customers:
            raise UserError(
                self.env._("No customer of %(company)s meets these conditions.", company=self.company_id.name)
            )
        users = self._choose_users(customers)
        lines = [
            {
                "reassignment_id": self.id,
                "partner_id": partner.id,
                "tier_id": tier.id,
                "from_user_id": partner.user_id.id,
                "to_user_id": user.id,
            }
            for (partner, tier), user in zip(customers, users, strict=True)
            if user and user != partner.user_id
        ]
        unplaced = users.count(None)
        if not lines and unplaced:
            raise UserError(
                self.env._(
                    "Nobody in the sales team %(team)s has room for more of these customers. Choose another team, or "
                    "raise “Customers per Person” of the tiers.",
                    team=self.team_id.name,
                )
            )
        if not lines:
            raise UserError(
                self.env._("Whom you chose is with that salesperson already.")
                if self.method == "user"
                else self.env._("The customers are shared out evenly already.")
            )
        self.line_ids.unlink()
        # sudo: nobody makes up lines by hand; who may preview was checked when the old ones went
        self.sudo().unplaced_count = unplaced
        self.env["customer.tiering.reassignment.line"].sudo().create(lines)

    def _find_customers(self):
        """Return the customers who meet the conditions as a list of (partner, tier).

        The highest tier first, in it the best score: they choose first when shared out.
        """
        partners = self.partner_ids.commercial_partner_id.filtered("active")
        domain = Domain("company_id", "=", self.company_id.id)
        if self.partner_ids:
            domain &= Domain("partner_id", "in", partners.ids)
        else:
            domain &= Domain("partner_id", "any", self._get_partner_domain())
            if self.tier_ids:
                domain &= Domain("tier_id", "in", self.tier_ids.ids)
            if self.beyond_capacity:
                report = self.env["customer.tiering.resource.report"].with_company(self.company_id)
                beyond = report.search_fetch(
                    [("company_id", "=", self.company_id.id), ("beyond_capacity", ">", 0)], ["partner_id"]
                )
                domain &= Domain("partner_id", "in", beyond.partner_id.ids)
        cards = self.env["customer.tiering.scorecard"].search_fetch(
            domain, ["partner_id", "tier_id"], order="tier_id, score desc, id"
        )
        cards.partner_id.fetch(["user_id"])
        unscored = partners - cards.partner_id  # selected by hand, like a prospect
        return [(card.partner_id, card.tier_id) for card in cards] + [
            (partner, self.env["customer.tier"]) for partner in unscored
        ]

    def _get_partner_domain(self):
        """Return the conditions on customers.

        :raises UserError: when they cannot be read
        """
        try:
            domain = filters.read(self.partner_domain)
            error = filters.find_error(self.env["res.partner"].sudo(False), domain)
        except ValueError as refused:
            error = str(refused)
        if error:
            raise UserError(
                self.env._("The conditions on customers cannot be read (%(error)s). Choose them again.", error=error)
            )
        domain &= Domain("active", "=", True)
        of_users = Domain("user_id", "in", self.from_user_ids.ids)
        if self.without_salesperson:
            of_users |= Domain("user_id", "=", False)
        return domain & of_users if self.from_user_ids or self.without_salesperson else domain

    def _choose_users(self, customers):
        """Return the new salesperson of each of the ``customers``, a list of (partner, tier).

        None where the customer stays, because nobody has room.

        :raises UserError: when there is nobody whom they could be given to
        """
        if self.method == "user":
            if not self.user_id:
                raise UserError(self.env._("Choose the salesperson who gets the customers."))
            self._check_users(self.user_id)
            return [self.user_id] * len(customers)
        return self._share_out(customers)

    def _share_out(self, customers):
        if not self.team_id:
            raise UserError(self.env._("Choose the sales team in which the customers are shared out."))
        members = self.team_id.member_ids._filter_tiering_able(self.company_id) - self.from_user_ids
        if not members:
            raise UserError(
                self.env._(
                    "Nobody in the sales team %(team)s can get these customers: it needs a member who is active, may "
                    "work with sales, has access to %(company)s and is not the one the customers are taken from.",
                    team=self.team_id.name,
                    company=self.company_id.name,
                )
            )
        load = {user: {} for user in members.sorted("id")}
        report = self.env["customer.tiering.resource.report"].with_company(self.company_id)
        for user, tier, count in report._read_group(
            [
                ("company_id", "=", self.company_id.id),
                ("user_id", "in", members.ids),
                ("partner_id", "not in", [partner.id for partner, _tier in customers]),
            ],
            ["user_id", "tier_id"],
            ["__count"],
        ):
            load[user][tier] = count
        tiers = self.env["customer.tier"].union(*(tier for _partner, tier in customers))
        capacity = {tier: tier.capacity for tier in tiers if tier.capacity} if self.beyond_capacity else {}
        return engine.portfolios.share_out([(tier, partner.user_id) for partner, tier in customers], load, capacity)

    def _check_users(self, users):
        for user in users - users._filter_tiering_able(self.company_id):
            raise UserError(
                self.env._("%(reason)s Choose somebody else.", reason=user._get_tiering_problem(self.company_id))
            )

    # ------------------------------------------------------------------
    # Apply and undo
    # ------------------------------------------------------------------

    def action_apply(self):
        """Give the customers to their new salesperson."""
        self.ensure_one()
        self._check_draft()
        if not self.line_ids:
            raise UserError(self.env._("Preview first: there is no customer to give to anybody."))
        self._check_users(self.line_ids.to_user_id)
        given = self.line_ids.filtered(
            lambda line: line.partner_id.active and line.partner_id.user_id == line.from_user_id
        )
        if not given:
            raise UserError(self.env._("All these customers got another salesperson since the preview. Preview again."))
        # sudo, here and below: only these actions write what happened
        (self.line_ids - given).sudo().state = "skipped"
        given.sudo().state = "given"
        activities = given._link_activities() if self.move_activities else self.env["mail.activity"]
        given._write_salesperson("from_user_id", "to_user_id", self.name)
        given._write_activities("from_user_id", "to_user_id")
        self.sudo().write(
            {
                "state": "applied",
                "applied_by_id": self.env.uid,
                "applied_on": fields.Datetime.now(),
                "activity_count": len(activities),
            }
        )

    def action_undo(self):
        """Give the customers back whose salesperson is still the one they were given to."""
        self.ensure_one()
        if self.state != "applied":
            raise UserError(self.env._("Only a reassignment that was applied can be undone."))
        given = self.line_ids.filtered(lambda line: line.state == "given")
        restored = given.filtered(lambda line: line.partner_id.user_id == line.to_user_id)
        (given - restored).sudo().state = "kept"
        restored.sudo().state = "restored"
        restored._write_salesperson("to_user_id", "from_user_id", self.env._("%(name)s, undone", name=self.name))
        restored._write_activities("to_user_id", "from_user_id")
        self.sudo().write({"state": "undone", "undone_by_id": self.env.uid, "undone_on": fields.Datetime.now()})


class CustomerTieringReassignmentLine(models.Model):
    _name = "customer.tiering.reassignment.line"
    _description = "Reassigned Customer"
    _tiering_customer = "partner_id"
    _order = "id"
    _rec_name = "partner_id"

    reassignment_id = fields.Many2one(
        "customer.tiering.reassignment", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="reassignment_id.company_id")
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    tier_id = fields.Many2one("customer.tier", readonly=True, ondelete="set null")
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color")
    from_user_id = fields.Many2one("res.users", string="From", readonly=True)
    to_user_id = fields.Many2one(
        "res.users",
        string="To",
        required=True,
        domain=lambda self: self.env["res.users"]._get_tiering_able_domain(),
    )
    state = fields.Selection(
        [
            ("draft", "To do"),
            ("given", "Given"),
            ("skipped", "Changed before"),
            ("restored", "Given back"),
            ("kept", "Changed since"),
        ],
        string="Outcome",
        required=True,
        readonly=True,
        default="draft",
    )
    activity_ids = fields.Many2many("mail.activity", string="Moved Activities", readonly=True)

    def write(self, vals):
        if not self.env.su:
            if vals.keys() - {"to_user_id"}:
                raise UserError(self.env._("Only the new salesperson of a line can be changed."))
            self.reassignment_id._check_draft()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_applied(self):
        self.reassignment_id._check_draft()

    def _link_activities(self):
        """Remember the open activities of the lines' present salespeople, and return them.

        Set-wise, because thousands of customers have tens of thousands of contacts and orders.
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                INSERT INTO customer_tiering_reassignment_line_mail_activity_rel
                     SELECT line.id, activity.id
                       FROM customer_tiering_reassignment_line line
                       JOIN customer_tiering_reassignment reassignment ON reassignment.id = line.reassignment_id
                       JOIN res_partner contact ON contact.commercial_partner_id = line.partner_id
                       JOIN mail_activity activity ON activity.res_model = 'res.partner'
                                                  AND activity.res_id = contact.id
                                                  AND activity.user_id = line.from_user_id AND activity.active
                      WHERE line.id = ANY(%(lines)s)
                  UNION ALL
                     SELECT line.id, activity.id
                       FROM customer_tiering_reassignment_line line
                       JOIN customer_tiering_reassignment reassignment ON reassignment.id = line.reassignment_id
                       JOIN res_partner contact ON contact.commercial_partner_id = line.partner_id
                       JOIN sale_order ON sale_order.partner_id = contact.id
                                      AND sale_order.company_id = reassignment.company_id
                       JOIN mail_activity activity ON activity.res_model = 'sale.order'
                                                  AND activity.res_id = sale_order.id
                                                  AND activity.user_id = line.from_user_id AND activity.active
                      WHERE line.id = ANY(%(lines)s)
                  RETURNING mail_activity_id
                """,
                lines=self.ids,
            )
        )
        self.invalidate_recordset(["activity_ids"])
        return self.env["mail.activity"].browse(id_ for (id_,) in rows)

    def _write_salesperson(self, before, after, reason):
        """Write the salesperson of the customers, and say so in their chatter.

        The contacts of a company keep their own salesperson, as when a person changes the company's.
        Odoo's own tracking would make a message with its own queries for each customer, and its
        notification a mail: thousands of customers get their notes in one go, and each new salesperson
        one message.

        :param before: the lines' field with the present salesperson
        :param after: the lines' field with the new one
        :param reason: what the note gives as the cause
        """
        nobody = self.env._("nobody")
        for user, lines in self.grouped(after).items():
            partners = lines.partner_id.with_context(mail_notrack=True, mail_auto_subscribe_no_notify=True)
            partners.write({"user_id": user.id})
            if user and user != self.env.user:
                said = {"count": format_number(self.env, len(lines)), "reason": reason}
                is_one = len(lines) == 1
                self.env["mail.thread"].message_notify(
                    partner_ids=user.partner_id.ids,
                    subject=self.env._("1 customer is yours now")
                    if is_one
                    else self.env._("%(count)s customers are yours now", **said),
                    body=self.env._("1 customer has you as the salesperson now (%(reason)s).", **said)
                    if is_one
                    else self.env._("%(count)s customers have you as their salesperson now (%(reason)s).", **said),
                )
        self.partner_id._message_log_batch(
            bodies={
                line.partner_id.id: self.env._(
                    "Salesperson: %(before)s → %(after)s (%(reason)s)",
                    before=line[before].name or nobody,
                    after=line[after].name or nobody,
                    reason=reason,
                )
                for line in self
            }
        )

    def _write_activities(self, before, after):
        """Give the linked activities that are still open, and still with ``before``, to ``after``."""
        for (old, new), lines in self.grouped(lambda line: (line[before], line[after])).items():
            activities = lines.activity_ids.filtered(lambda activity, old=old: activity.user_id == old)
            activities.with_context(mail_activity_quick_update=True).write({"user_id": new.id})
