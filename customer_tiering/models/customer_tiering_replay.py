import time

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date
from odoo.tools.misc import formatLang

from .. import engine, jobs, sources
from ..sentences import format_number, join
from .customer_tiering_run import INTERRUPTIONS

NIGHTS = 90
# Up to this many purchases somebody may wait for the answer, which takes a few seconds.
DIRECT_LIMIT = 20_000
# Of more customers a sample is replayed: reading so many purchases takes most of the time that a server gives a job.
MOST_CUSTOMERS = 200_000
SAMPLED_CUSTOMERS = 50_000
# Seconds after which the progress is written again.
TOLD_EVERY = 2.0
TABLE = "customer_tiering_replayed"


class CustomerTieringReplay(models.Model):
    """How calm a policy is: its last nights lived through again by its rules, from the purchases that are there.

    It is computed when somebody asks for it, from a snapshot and without any lock that a run or a person could wait
    for, and kept until somebody asks again: to open a policy computes nothing.
    """

    _name = "customer.tiering.replay"
    _inherit = ["customer.tiering.queued"]
    _description = "Replay of a Tiering Policy"
    _tiering_job = jobs.REPLAYS

    progress = fields.Integer(string="Progress (%)", readonly=True, aggregator=None)
    as_of = fields.Date(help="The last night.")
    rules = fields.Json(readonly=True, prefetch=False, help="The rules that the result was computed by.")
    # Counts all customers: read it by the policy.
    result = fields.Json(readonly=True, groups=fields.NO_ACCESS, help="How many moved, and in which tiers they are.")
    line_ids = fields.One2many("customer.tiering.replay.line", "replay_id", string="Customers")

    _policy_uniq = models.Constraint("UNIQUE(policy_id)", "A policy has one replay.")

    # ------------------------------------------------------------------
    # Queue and job
    # ------------------------------------------------------------------

    @api.model
    def _queue(self, policy, **values):
        return super()._queue(policy, user_id=self.env.uid, progress=0, **values)

    def _call_job(self):
        """Have the waiting replays computed in the background, soon.

        :raises UserError: when nobody would compute them
        """
        if not jobs.call(self.env, jobs.REPLAYS):
            raise UserError(
                self.env._(
                    "The scheduled action that replays policies was deleted. Upgrade the app Customer Tiering to get "
                    "it back."
                )
            )

    def _compute_in_background(self):
        self._compute(tell=self._get_teller())
        self._notify("success", self.policy_id.with_user(self.user_id)._tell_calm())

    def _tell_interrupted(self):
        return self.env._(
            "The server was stopped, or customers were removed, %(count)s times during this replay. "
            "Replay again at a quiet time.",
            count=INTERRUPTIONS,
        )

    def _get_teller(self):
        """Return a function to call after each night, which commits the progress every few seconds.

        Nothing is held in between: what the replay needs was read before, and is in memory.
        """
        told = time.monotonic()

        def tell(night):
            nonlocal told
            if time.monotonic() - told >= TOLD_EVERY:
                told = time.monotonic()
                self.progress = 100 * night // NIGHTS
                jobs.commit(self.env)

        return tell

    def _get_title(self):
        return self.env._("Replay: %(policy)s", policy=self.policy_id.name)

    # ------------------------------------------------------------------
    # Read, replay, write
    # ------------------------------------------------------------------

    def _compute(self, as_of=None, tell=None):
        """Live through the policy's last nights again and keep what happened.

        :param as_of: a date, the last night; today in the company's time zone when left out
        :param tell: called after each night with the number of those done; None: nobody wants to know
        :raises UserError: when the policy cannot be used
        """
        self.ensure_one()
        # sudo: replays are written by the system; the person's right is checked by the caller
        replay = self.sudo().with_context(lang=self.user_id.lang)
        policy = replay.policy_id
        if problem := policy._get_obstacle():
            raise UserError(problem)
        as_of = as_of or policy.company_id._get_tiering_today()
        # What the result is about is what is read here, not what somebody has changed until it is there.
        rules, values = policy._get_rules(), policy._get_simulated_values()
        prices = {tier._get_key(): tier.pricelist_id.id for tier in policy.tier_ids}
        history, locks = policy._read_history(as_of, rules, NIGHTS)
        if tell:
            # The snapshot is not needed any more, and to hold it for long would keep the database from cleaning up.
            jobs.commit(self.env)
        sample = history if len(history.frame) <= MOST_CUSTOMERS else history.sample(SAMPLED_CUSTOMERS)
        try:
            found = engine.replay.replay(
                rules,
                sample,
                NIGHTS,
                recalibrate_days=policy.recalibrate_days,
                locks=locks.reindex(sample.frame.index),
                tick=tell,
            )
        except ValueError as error:
            raise UserError(str(error)) from error
        if not replay.exists():  # the policy was deleted meanwhile
            return
        counts = replay._insert_lines(found.by_customer(prices))
        replay.write(
            {
                "state": "done",
                "progress": 100,
                "error": False,
                "as_of": as_of,
                "rules": values,
                "result": {
                    "as_of": fields.Date.to_string(as_of),
                    "nights": NIGHTS,
                    "customers": int(found.tiered[-1]),
                    "sampled_from": len(history.frame) if sample is not history else 0,
                    "moved_share": found.moved_share,
                    "inflation": {str(tier): times for tier, times in found.inflation.items()},
                    **counts,
                },
            }
        )

    def _insert_lines(self, moved):
        """Replace the customers who moved.

        :param moved: what ``engine.replay.Replay.by_customer`` returned
        :return: ``{"moved": …, "back": …, "repriced": …}``, numbers of customers
        """
        self.line_ids.unlink()
        self.env.flush_all()
        cr, table = self.env.cr, SQL.identifier(TABLE)
        cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.%s", table))
        types = {
            **dict.fromkeys(("customer", "from_tier", "to_tier", "moves"), "int4"),
            "last_day": "date",
            **dict.fromkeys(("back", "repriced"), "bool"),
        }
        columns = SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in types.items())
        cr.execute(SQL("CREATE TEMPORARY TABLE %s (%s) ON COMMIT DROP", table, columns))
        sources.rows.copy_frame(cr, TABLE, moved, types)
        # A simulated tier stands for its original in runs; here it is shown by what it is called in the simulation.
        tiers = [(tier._get_key(), tier.id) for tier in self.policy_id.tier_ids]
        ((moved, back, repriced),) = self.env.execute_query(
            SQL(
                """
                WITH tier (key, id) AS (SELECT * FROM UNNEST(%(keys)s, %(ids)s)),
                inserted AS (
                    INSERT INTO customer_tiering_replay_line (
                        replay_id, company_id, partner_id, from_tier_id, to_tier_id, move_count, last_date,
                        there_and_back, repriced)
                    SELECT %(replay)s, %(company)s, partner.id, before.id, after.id, moved.moves, moved.last_day,
                           moved.back,
                           moved.repriced AND %(priced)s
                               AND partner.specific_property_product_pricelist -> %(company_key)s IS NULL
                      FROM %(table)s moved
                      JOIN res_partner partner ON partner.id = moved.customer
                      JOIN tier before ON before.key = moved.from_tier
                      JOIN tier after ON after.key = moved.to_tier
                  ORDER BY partner.id
                 RETURNING there_and_back, repriced)
                SELECT COUNT(*), COUNT(*) FILTER (WHERE there_and_back), COUNT(*) FILTER (WHERE repriced) FROM inserted
                """,
                keys=[key for key, _id in tiers],
                ids=[id_ for _key, id_ in tiers],
                replay=self.id,
                company=self.company_id.id,
                company_key=str(self.company_id.id),
                priced=self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"),
                table=table,
            )
        )
        self.env.invalidate_all(flush=False)
        return {"moved": moved, "back": back, "repriced": repriced}


class CustomerTieringReplayLine(models.Model):
    _name = "customer.tiering.replay.line"
    _description = "Customer Who Would Have Moved"
    _tiering_customer = "partner_id"
    _order = "move_count desc, id"
    _rec_name = "partner_id"
    _log_access = False  # written by replays, all at a time

    replay_id = fields.Many2one("customer.tiering.replay", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, readonly=True, ondelete="cascade")
    from_tier_id = fields.Many2one("customer.tier", string="From", readonly=True, ondelete="cascade")
    to_tier_id = fields.Many2one("customer.tier", string="To", readonly=True, ondelete="cascade")
    from_color = fields.Integer(related="from_tier_id.color", string="From Color")
    to_color = fields.Integer(related="to_tier_id.color", string="To Color")
    move_count = fields.Integer(string="Moves", readonly=True, help="How often the customer would have changed tier.")
    last_date = fields.Date(string="Last Move", readonly=True)
    there_and_back = fields.Boolean(
        readonly=True, help="The customer would have fallen and been back in the tier within 60 days."
    )
    repriced = fields.Boolean(
        string="Other Prices",
        readonly=True,
        help="The tiers have other pricelists, and no person has chosen one for the customer.",
    )
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")


class CustomerTieringPolicy(models.Model):
    """A policy, and the changed copy in a simulation, says how calm it is."""

    _inherit = "customer.tiering.policy"

    replay_ids = fields.One2many(
        "customer.tiering.replay", "policy_id", string="Replays", groups="sales_team.group_sale_manager"
    )
    calm_text = fields.Text(
        string="Calm",
        compute="_compute_calm",
        groups="sales_team.group_sale_manager",
        help="How many customers would have moved, had these rules always held.",
    )
    calm_note = fields.Text(compute="_compute_calm", groups="sales_team.group_sale_manager")
    calm_state = fields.Selection(
        [
            ("new", "Not replayed yet"),
            ("waiting", "Waiting"),
            ("failed", "Failed"),
            ("stale", "Rules changed since"),
            ("done", "Done"),
        ],
        compute="_compute_calm",
        groups="sales_team.group_sale_manager",
    )

    @api.depends("replay_ids.state", "replay_ids.progress")
    @api.depends_context("lang", "uid")
    def _compute_calm(self):
        for policy in self:
            replay = policy.replay_ids
            result = replay.sudo().result  # sudo: shown to who sees all that it counts
            shows = bool(result) and not policy._hides_customers()
            policy.calm_text = shows and policy._get_calm_text(result)
            policy.calm_state, policy.calm_note = policy._get_calm_state(replay, bool(result))

    def _get_calm_state(self, replay, is_known):
        """Return the state of the policy's replay, and what is to be said of it."""
        self.ensure_one()
        if not replay:
            return "new", False
        if replay.state == "queued":
            return "waiting", self.env._(
                "The last nights are being replayed: %(percent)s%%.", percent=format_number(self.env, replay.progress)
            )
        if replay.state == "failed":
            return "failed", self.env._("The last replay failed: %(reason)s", reason=replay.error)
        day = format_date(self.env, replay.as_of)
        if is_known and self._is_replayed(replay):
            return "done", self.env._("As of %(date)s.", date=day)
        return "stale", self.env._("As of %(date)s; the rules were changed since. Replay them again.", date=day)

    def _is_replayed(self, replay):
        """Whether the replay is of the present rules."""
        try:
            return replay.rules == self._origin._get_simulated_values()
        except UserError:  # they cannot be used
            return False

    def _tell_calm(self):
        """Return what a replay that has just ended found, for a person who may not see all that it counts, too."""
        may_read = self._has_field_access(self._fields["calm_text"], "read")
        return (may_read and self.calm_text) or self.env._("The last nights were replayed.")

    def _get_calm_text(self, result):
        """Return in words what a replay has found.

        :param result: the ``result`` of a ``customer.tiering.replay``
        """
        env = self.env
        names = ("customers", "moved", "back", "repriced", "sampled_from")
        numbers = {name: formatLang(env, result[name], digits=0) for name in names}
        if not result["customers"]:
            return env._("No customer has a tier yet, so there is nothing to replay.")
        if not result["moved"]:
            sentence = env._(
                "With these rules nobody of %(customers)s customers would have moved in the last %(days)s days.",
                days=format_number(env, result["nights"]),
                **numbers,
            )
        else:
            sentence = env._(
                "With these rules %(moved)s of %(customers)s customers would have moved in the last %(days)s days. "
                "There and back: %(back)s. With other prices: %(repriced)s. On average %(share)s%% of the customers "
                "move per night.",
                days=format_number(env, result["nights"]),
                share=formatLang(env, result["moved_share"], digits=2),
                **numbers,
            )
        if not result["sampled_from"]:
            return sentence
        sampled = env._(
            "These are a random sample of all %(sampled_from)s customers, compared with each other only.", **numbers
        )
        return join(env, (sentence, sampled))

    def _read_history(self, as_of, rules, nights):
        """Return what is known of the policy's customers, for a replay, and the locks that hold.

        :param as_of: a date, the last night
        :param rules: what :meth:`_get_rules` returned
        :param nights: how many are replayed
        :return: the engine's ``History``, and a DataFrame with lock_id, lock_mode and lock_tier
        """
        self._check_usable()
        scope = self._get_scope(as_of)
        # sudo: a replay is about all customers, as a run is; who may see what it counts is asked when it is shown
        history = self.env["customer.tiering.replica"].sudo()._read_history(scope, rules.columns, nights)
        reader = self.env["customer.tiering.reader"].sudo()
        cards, ladder = reader._read_cards(scope), [tier.key for tier in rules.tiers]
        states = reader._read_states(self, scope, history.frame.index, cards, ladder)
        return history, states[["lock_id", "lock_mode", "lock_tier"]]

    def _replay(self):
        """Replay the policy at once where that takes a moment, in the background where it takes longer.

        :return: the ``customer.tiering.replay``
        """
        self.ensure_one()
        replay = self.env["customer.tiering.replay"]._queue(self)
        if self._count_purchases(DIRECT_LIMIT + 1) > DIRECT_LIMIT:
            replay._call_job()
        else:
            replay._compute()
        return replay

    def action_replay(self):
        """Live through the last nights again with the present rules, to see who would have moved."""
        self.ensure_one()
        self.check_access("write")
        replay = self._replay()
        if replay.state == "queued":
            return self._notification("info", self.env._("The replay starts in a moment. You will be told here."))
        return self._notification("success", self._tell_calm())

    def action_simulation_compute(self):
        result = super().action_simulation_compute()
        if not self._get_obstacle():
            self._replay()
        return result

    @api.readonly
    def action_open_calm(self):
        """Open the customers who would have moved."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_replay_line_action")
        action["domain"] = [("replay_id", "in", self.replay_ids.ids)]
        return action
