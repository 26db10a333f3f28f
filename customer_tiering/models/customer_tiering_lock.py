from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, format_date


class CustomerTieringLock(models.Model):
    """What a person decided about a customer's tier.

    It stays beside what runs compute: a run reads locks and never writes them, so the two cannot
    meet on one row. Of several active locks of a customer the latest counts.
    """

    _name = "customer.tiering.lock"
    _inherit = ["customer.tiering.given", "customer.tiering.typed"]
    _description = "Customer Tier Lock"
    _order = "id desc"
    _rec_name = "partner_id"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, index=True)
    mode = fields.Selection(
        [("floor", "At least this tier"), ("fixed", "Exactly this tier")],
        required=True,
        default="floor",
        help="At least: the customer may rise above the tier, not fall below it.\n"
        "Exactly: the customer neither rises nor falls.",
    )
    tier_id = fields.Many2one(
        "customer.tier",
        required=True,
        ondelete="restrict",
        index=True,
        domain="[('company_id', '=', company_id), ('policy_id.active', '=', True)]",
    )
    reason = fields.Char(required=True, help="Why: everybody who sees the customer's tier can read it.")
    date_end = fields.Date(
        string="Until", help="The last day of the lock. Empty: until somebody puts the customer back to automatic."
    )
    active = fields.Boolean(default=True)
    user_id = fields.Many2one(
        "res.users", string="Locked By", required=True, readonly=True, default=lambda self: self.env.user
    )
    ended_by_id = fields.Many2one("res.users", readonly=True, copy=False)
    ended_on = fields.Datetime(readonly=True, copy=False)

    _active_idx = models.Index("(company_id, partner_id) WHERE active IS TRUE")

    @api.constrains("reason")
    def _check_reason(self):
        for lock in self:
            if not (lock.reason or "").strip():
                raise ValidationError(self.env._("Say why the tier is locked: colleagues will read the reason."))

    @api.constrains("date_end")
    def _check_date_end(self):
        for lock in self.filtered(lambda lock: lock.active and lock.date_end):
            today = lock.company_id._get_tiering_today()
            if lock.date_end < today:
                raise ValidationError(
                    self.env._(
                        "The lock of %(customer)s would have ended on %(date)s already. "
                        "Choose today or a later day, or leave the date empty.",
                        customer=lock.partner_id.display_name,
                        date=format_date(self.env, lock.date_end),
                    )
                )

    @api.constrains("tier_id", "company_id", "partner_id")
    def _check_tier(self):
        # sudo: the scorecards may be out of the person's reach, the rule is the same
        cards = self.env["customer.tiering.scorecard"].sudo()
        cards = cards.search([("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)])
        policies = {(card.partner_id, card.company_id): card.policy_id for card in cards}
        for lock in self:
            if lock.tier_id.company_id != lock.company_id:
                raise ValidationError(
                    self.env._(
                        "%(tier)s is a tier of another company. Choose one of %(company)s.",
                        tier=lock.tier_id.name,
                        company=lock.company_id.name,
                    )
                )
            policy = policies.get((lock.partner_id, lock.company_id))
            if policy and policy != lock.tier_id.policy_id:
                raise ValidationError(
                    self.env._(
                        "%(customer)s belongs to the policy “%(policy)s”, which has no tier %(tier)s. "
                        "Choose a tier of that policy.",
                        customer=lock.partner_id.display_name,
                        policy=policy.name,
                        tier=lock.tier_id.display_name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        self._name_customers(vals_list)
        for vals in vals_list:
            if not self.env.su:  # who decides, and when, is not a matter of choice
                vals |= {"user_id": self.env.uid, "ended_by_id": False, "ended_on": False}
        locks = super().create(vals_list)
        for company, of_company in locks.grouped("company_id").items():
            earlier = self.search(
                [
                    ("company_id", "=", company.id),
                    ("partner_id", "in", of_company.partner_id.ids),
                    ("id", "not in", of_company.ids),
                ]
            )
            earlier._end()
        locks._refresh()
        locks._post()
        return locks

    def write(self, vals):
        if vals.keys() & {"partner_id", "company_id", "user_id"} and not self.env.su:
            raise UserError(self.env._("A lock stays with its customer. Lock the other customer instead."))
        if vals.keys() & {"ended_by_id", "ended_on"} and not self.env.su:
            raise UserError(self.env._("Who ended a lock, and when, is not written by hand. Put it back to automatic."))
        if vals.get("active") is False:
            vals = {"ended_by_id": self.env.uid, "ended_on": fields.Datetime.now(), **vals}
        elif vals.get("active"):
            vals = {"ended_by_id": False, "ended_on": False, **vals}
        result = super().write(vals)
        if vals.keys() & {"mode", "tier_id", "date_end", "active"}:
            self._refresh()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(
            self.env._("A lock is not deleted, so that it stays known who decided what. Put it back to automatic.")
        )

    def action_end(self):
        """Put the customers back to automatic."""
        self.check_access("write")
        active = self.filtered("active")
        active._end()
        active._post()

    def _end(self):
        active = self.filtered("active")
        if active:
            active.active = False

    def _post(self):
        """Note the locks in the customers' chatter, where the policy asks for it."""
        noted = self.filtered("tier_id.policy_id.post_changes")
        modes = dict(self._fields["mode"]._description_selection(self.env))
        noted.partner_id._message_log_batch(
            bodies={
                lock.partner_id.id: self.env._(
                    "Tier locked (%(mode)s): %(tier)s. %(reason)s",
                    mode=modes[lock.mode],
                    tier=lock.tier_id.name,
                    reason=lock.reason,
                )
                if lock.active
                else self.env._("Tier back to automatic")
                for lock in noted
            }
        )

    def _refresh(self):
        """Let the tiers follow at once, or after the run that is under way."""
        for company, locks in self.grouped("company_id").items():
            self.env["customer.tiering.refresh"]._add(locks.partner_id, company, "lock")
            self.env["customer.tiering.refresh"].sudo()._process_now(company, locks.partner_id)

    @api.model
    def _get_query(self, scope):
        """Return the SELECT of the locks of a scope's customers that hold on its day: customer, id, mode, tier; one per
        customer."""
        return SQL(
            """
            SELECT DISTINCT ON (partner.commercial_partner_id)
                   partner.commercial_partner_id AS partner_id, lock.id AS lock_id,
                   lock.mode AS lock_mode, lock.tier_id AS lock_tier
              FROM customer_tiering_lock lock
              JOIN res_partner partner ON partner.id = lock.partner_id
             WHERE lock.active IS TRUE AND lock.company_id = %(company)s
               AND (lock.date_end IS NULL OR lock.date_end >= %(as_of)s) AND %(of_customers)s
          ORDER BY partner.commercial_partner_id, lock.id DESC
            """,
            company=scope.company_id,
            as_of=scope.as_of,
            of_customers=scope.of_customers(SQL.identifier("partner", "commercial_partner_id")),
        )
