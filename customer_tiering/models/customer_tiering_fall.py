import logging

from odoo import api, fields, models
from odoo.tools import SQL, format_date
from odoo.tools.misc import formatLang

from .. import engine, jobs, sources
from .customer_tiering_run import INTERRUPTIONS, RETRYABLE

_logger = logging.getLogger(__name__)

# What is written of a row, and by which column of the engine's ``calendar.foresee`` it is said.
COLUMNS = {
    "tier_id": ("from_tier", "int4"),
    "to_tier_id": ("to_tier", "int4"),
    "date": ("day", "date"),
    "usual_date": ("usual_day", "date"),
    "document_date": ("document_day", "date"),
    "leave_date": ("leaves_on", "date"),
    "document_amount": ("document_money", "numeric"),
    "is_kept_by_order": ("is_kept_by_order", "bool"),
    "needed_amount": ("needed_money", "numeric"),
    "amount": ("amount", "numeric"),
}
# So many customers are foreseen in one call of the job: some 10 s of processor time, beside the reading, of the 60 s
# that a server gives it.
LOT = 250_000


START = {"fall_attempts": 0, "fall_partner_id": 0}


class CustomerTieringFall(models.Model):
    """A downgrade that is foreseen of a customer in the coming 13 weeks.

    Found by a job after each run of a policy that wants it, see ``engine/calendar.py``, by what the run knew: who has
    bought since is right again after the next one.
    """

    _name = "customer.tiering.fall"
    _inherit = ["customer.tiering.given"]
    _description = "Foreseen Downgrade"
    _order = "date, usual_date, id"
    _rec_name = "partner_id"
    # Only the job writes them, set-wise.
    _log_access = False

    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade", index=True)
    tier_id = fields.Many2one(
        "customer.tier", string="Tier Now", required=True, readonly=True, ondelete="cascade", index=True
    )
    to_tier_id = fields.Many2one(
        "customer.tier", string="Tier Then", required=True, readonly=True, ondelete="cascade", index=True
    )
    tier_color = fields.Integer(related="tier_id.color", string="Color of the Tier Now")
    to_tier_color = fields.Integer(related="to_tier_id.color", string="Color of the Tier Then")
    date = fields.Date(
        string="Downgrade Foreseen", readonly=True, help="The day on which the tier ends if nothing more is ordered."
    )
    usual_date = fields.Date(
        string="At the Usual Rhythm",
        readonly=True,
        help="The day on which the tier ends although the customer goes on ordering as usual. Empty: then it does not.",
    )
    leave_date = fields.Date(
        string="Leaves the Window",
        readonly=True,
        help="The first day on which the largest of the orders that leave until then does not count any more. Empty: "
        "no order leaves, the time alone does it.",
    )
    document_date = fields.Date(string="Ordered On", readonly=True, help="The day of that order.")
    document_amount = fields.Monetary(string="Leaving Amount", readonly=True, help="Untaxed amount of that order.")
    is_kept_by_order = fields.Boolean(
        string="An Order Keeps It", readonly=True, help="Whether orders alone keep the tier, if they are large enough."
    )
    needed_amount = fields.Monetary(
        string="Needed to Keep",
        readonly=True,
        help="What must be ordered at least, untaxed, on the day on which the tier would end, where orders alone keep "
        "it. 0: any order is enough.",
    )
    amount = fields.Monetary(
        string="Amount in the Window", readonly=True, help="Untaxed amount of the orders in the policy's window today."
    )
    sentence = fields.Char(string="What Happens", compute="_compute_sentence")

    _of_customer = models.UniqueIndex("(company_id, partner_id)")

    @api.depends("tier_id", "date", "usual_date", "leave_date", "document_amount", "is_kept_by_order", "needed_amount")
    @api.depends_context("lang")
    def _compute_sentence(self):
        for fall in self:
            fall.sentence = fall._tell()

    def _tell(self):
        """Return what will happen when, and what would prevent it, as a sentence."""
        env = self.env
        said = {
            "tier": self.tier_id.name,
            "date": format_date(env, self.date or self.usual_date),
            "leaves": format_date(env, self.leave_date),
            "amount": formatLang(env, self.document_amount, currency_obj=self.currency_id),
            "needed": formatLang(env, self.needed_amount, currency_obj=self.currency_id),
        }
        if not self.date:
            return env._("At the usual rhythm of orders %(tier)s would end on %(date)s.", **said)
        if self.leave_date and self.is_kept_by_order and self.needed_amount:
            return env._(
                "On %(leaves)s the order of %(amount)s leaves the window; %(tier)s would end on %(date)s unless "
                "%(needed)s is ordered.",
                **said,
            )
        if self.leave_date and self.is_kept_by_order:
            return env._(
                "On %(leaves)s the order of %(amount)s leaves the window; %(tier)s would end on %(date)s unless "
                "something is ordered.",
                **said,
            )
        if self.leave_date:
            return env._(
                "On %(leaves)s the order of %(amount)s leaves the window; without more orders %(tier)s would end on "
                "%(date)s.",
                **said,
            )
        if self.is_kept_by_order and self.needed_amount:
            return env._("%(tier)s would end on %(date)s unless %(needed)s is ordered.", **said)
        if self.is_kept_by_order:
            return env._("%(tier)s would end on %(date)s unless something is ordered.", **said)
        return env._("Without more orders %(tier)s would end on %(date)s.", **said)

    @api.model
    def _get_of(self, card):
        """Return what is foreseen of the customer of a scorecard; no record where a downgrade is announced already, or
        where the customer has ordered, or was locked, since it was foreseen."""
        if not card.policy_id.foresees_falls or not self.has_access("read"):
            return self.browse()
        fall = self.search([("partner_id", "=", card.partner_id.id), ("company_id", "=", card.company_id.id)])
        return fall if fall and fall._holds_of(card) else self.browse()

    def _holds_of(self, card):
        """Whether what was foreseen still holds of the customer's scorecard."""
        until, day = card.lock_id.date_end, self.date or self.usual_date
        is_held = card.lock_id and (not until or (day and until >= day))
        is_same = self.tier_id == card.tier_id and not card.currency_id.compare_amounts(self.amount, card.amount)
        return bool(card.policy_id.foresees_falls and not card.pending_tier_id and is_same and not is_held)

    def action_open_customer(self):
        """Open the customer."""
        self.ensure_one()
        return self.partner_id.get_formview_action()

    # ------------------------------------------------------------------
    # Queue and job
    # ------------------------------------------------------------------

    @api.model
    def _follow(self, policies):
        """Have the downgrades foreseen by the last runs of policies that want it; forget those of the others."""
        # sudo: as the run, or for who may write the policy
        wanting = policies.sudo().filtered(
            lambda policy: policy.active and policy.foresees_falls and not policy.is_simulation
        )
        self._forget_all(policies - wanting)
        runs = self.env["customer.tiering.run"].sudo()
        for policy in wanting:
            runs._get_last(policy).write({"fall_state": "waiting", **START})
        if wanting:
            jobs.call(self.env, jobs.FALLS)

    @api.model
    def _forget_all(self, policies):
        """Forget what was foreseen of the customers of policies."""
        self.env.flush_all()
        self.env.cr.execute(SQL("DELETE FROM customer_tiering_fall WHERE policy_id = ANY(%s)", policies.ids))
        if self.env.cr.rowcount:
            self.invalidate_model(flush=False)

    @api.model
    def _cron_process(self):
        """Foresee by the runs that wait, one after the other; what fails does not stop the others."""
        runs = self.env["customer.tiering.run"]
        # One that interrupted the server goes behind the others.
        waiting = runs.search(
            [("fall_state", "=", "waiting"), ("company_id.active", "=", True)], order="fall_attempts, id"
        )
        jobs.work_off(jobs.FALLS, waiting, self._take)

    def _take(self, run):
        """Foresee by a run in the background, and record a failure as its outcome."""
        if not run.exists() or run.fall_state != "waiting":
            return
        run.fall_attempts += 1
        jobs.commit(self.env)
        try:
            if run.fall_attempts > INTERRUPTIONS:
                raise RuntimeError(f"The server was stopped {INTERRUPTIONS} times meanwhile.")
            # The snapshot is not needed once all is read, and to hold it for long keeps the database from cleaning up.
            self._foresee(run, pause=lambda: jobs.commit(self.env))
        except RETRYABLE as error:
            self.env.cr.rollback()
            _logger.info("To foresee by run %s met a concurrent change: %s", run.id, error)
            jobs.call_again(self.env, jobs.FALLS)
        except Exception:
            _logger.exception("Downgrades could not be foreseen by run %s", run.id)  # first: the database may be away
            self.env.cr.rollback()
            if run.exists():
                run.fall_state = "failed"

    # ------------------------------------------------------------------
    # Read, foresee, write
    # ------------------------------------------------------------------

    @api.model
    def _foresee(self, run, pause=None):
        """Replace what is foreseen of the customers of a run's policy; nothing where the run is not its last one.

        Of more than a lot of customers the others are left to another call: then the run goes on waiting.

        :param run: a ``customer.tiering.run`` that is done
        :param pause: called when all is read
        :raises ValueError: when the customers cannot be scored
        """
        run, policy = run.sudo(), run.policy_id.sudo()
        read = self._is_due(run) and self._read(run)
        if pause:
            pause()
        if read:
            customers = read[2].frame.index
            start = int(customers.searchsorted(run.fall_partner_id, side="right"))
            found = engine.calendar.foresee(*read, start=start, end=start + LOT)
        if not run.exists():  # the policy was deleted meanwhile
            return
        if not read or not self._is_due(run):
            run.fall_state = "done" if read else False
            return
        last = int(customers[start + LOT - 1]) if start + LOT < len(customers) else None
        self._write_found(policy, found, run.fall_partner_id, last)
        if last:
            run.write({**START, "fall_partner_id": last})
            jobs.call(self.env, jobs.FALLS)
            return
        run.fall_state = "done"
        self.env["customer.tiering.followup"].sudo()._collect_foreseen(policy, run.as_of)

    def _is_due(self, run):
        policy = run.policy_id
        return policy.active and policy.foresees_falls and run == run._get_last(policy)

    def _read(self, run):
        """Return what ``engine.calendar.foresee`` takes; None where the run has no comparison any more."""
        policy, compared = run.policy_id, run.calibration_id or run
        fit = compared._get_fit()
        if not fit or not run.version_id:
            return None
        rules = run.version_id._get_rules()
        if not run._can_refer_to(rules):  # a tier, a segment or a metric was deleted meanwhile
            return None
        open_days = tuple(fields.Date.to_date(day) for day in run.open_days or ())
        scope = policy._get_scope(run.as_of, version=run.version_id)
        history = (
            self.env["customer.tiering.replica"]
            .sudo()
            ._read_history(scope, rules.columns, 0, with_untaken=rules.retention.refunds_at_once)
        )
        reader = self.env["customer.tiering.reader"].sudo()
        cards, ladder = reader._read_cards(scope), [tier.key for tier in rules.tiers]
        states = reader._read_states(policy, scope, history.frame.index, cards, ladder)
        ends = self.env["customer.tiering.lock"].sudo().browse(states["lock_id"].dropna().astype(int).tolist())
        ends = {lock.id: fields.Date.to_string(lock.date_end) or None for lock in ends}
        states["lock_end"] = states["lock_id"].map(ends).astype("datetime64[s]")
        return rules, engine.calendar.Kept(fit, compared.as_of, open_days), history, states

    @api.model
    def _write_found(self, policy, found, after=0, last=None):
        """Replace the rows of a policy, and leave alone those that are the same.

        :param found: what ``engine.calendar.foresee`` returned
        :param after, last: of which customers, by their ids: those after the one, until the other; None: until the end
        """
        self.env.flush_all()
        cr = self.env.cr
        types = {"partner_id": "int4", **{name: kind for name, (_column, kind) in COLUMNS.items()}}
        found = found.assign(is_kept_by_order=found["needed_money"].notna())
        if not policy.min_order_amount:  # the smallest coin is enough: any order is
            is_any = found["needed_money"] <= 10.0**-policy.currency_id.decimal_places
            found = found.assign(needed_money=found["needed_money"].mask(is_any, 0.0))
        found = found.rename(columns={column: name for name, (column, _kind) in COLUMNS.items()})
        found = found[list(COLUMNS)].rename_axis("partner_id")
        cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.found_fall"))
        typed = SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in types.items())
        cr.execute(SQL("CREATE TEMPORARY TABLE found_fall (%s) ON COMMIT DROP", typed))
        decimals = dict.fromkeys(
            (name for name, kind in types.items() if kind == "numeric"), policy.currency_id.decimal_places
        )
        sources.rows.copy_frame(cr, "found_fall", found, types, decimals)
        cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_fall fall
                 WHERE policy_id = %s AND partner_id > %s AND %s
                   AND NOT EXISTS (SELECT FROM found_fall found WHERE found.partner_id = fall.partner_id)
                """,
                policy.id,
                after,
                SQL("TRUE") if last is None else SQL("partner_id <= %s", last),
            )
        )
        changing = ["policy_id", *COLUMNS]
        cr.execute(
            SQL(
                """
                INSERT INTO customer_tiering_fall AS fall (company_id, partner_id, policy_id, %(columns)s)
                SELECT %(company)s, found.partner_id, %(policy)s, %(found)s
                  FROM found_fall found
                  -- Who has no scorecard of this policy is, or will be, another one's.
                  JOIN customer_tiering_scorecard card ON card.partner_id = found.partner_id
                                                      AND card.company_id = %(company)s AND card.policy_id = %(policy)s
                ON CONFLICT (company_id, partner_id)
                DO UPDATE SET (%(changing)s) = ROW(%(excluded)s)
                     WHERE (%(kept)s) IS DISTINCT FROM (%(excluded)s)
                """,
                company=policy.company_id.id,
                policy=policy.id,
                columns=SQL(", ").join(map(SQL.identifier, COLUMNS)),
                found=SQL(", ").join(SQL.identifier("found", name) for name in COLUMNS),
                changing=SQL(", ").join(map(SQL.identifier, changing)),
                excluded=SQL(", ").join(SQL.identifier("excluded", name) for name in changing),
                kept=SQL(", ").join(SQL.identifier("fall", name) for name in changing),
            )
        )
        self.invalidate_model(flush=False)

    @api.model
    def _merge(self, targets):
        """What was foreseen of either is not so of both together: the next run says."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL("DELETE FROM customer_tiering_fall WHERE partner_id = ANY(%s)", [*targets, *targets.values()])
        )
        self.invalidate_model(flush=False)
