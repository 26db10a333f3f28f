import dataclasses
import time
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import engine, jobs
from .customer_tiering_replay import DIRECT_LIMIT, TOLD_EVERY
from .customer_tiering_run import INTERRUPTIONS

# Of more customers a sample is looked at: each of them is put in tiers some fifty times by each set of rules.
SAMPLED_CUSTOMERS = 20_000
LOOKED_AT = 50_000
# How many sets of rules stand side by side.
MOST_SETS = 5
# Keys of sets.
POLICY, AMOUNT = "policy", "amount"
# Days before the last one from which on month-ends are looked at: 24 of them, and the year after the last.
REACH = 365 + 25 * 31


class CustomerTieringForesight(models.Model):
    """What the tiers of past month-ends foretold, and what other rules would have.

    It is computed when somebody asks for it, from a snapshot and without any lock that a run or a person could wait
    for.
    """

    _name = "customer.tiering.foresight"
    _inherit = ["customer.tiering.queued"]
    _description = "Foresight of a Policy's Tiers"
    _tiering_job = jobs.FORESIGHT

    progress = fields.Integer(string="Progress (%)", readonly=True, aggregator=None)
    as_of = fields.Date(help="The last day whose purchases were looked at.")
    asked = fields.Json(readonly=True, help="The sets of rules that were chosen.")
    # Counts all customers: read it by the report.
    result = fields.Json(readonly=True, prefetch=False, groups=fields.NO_ACCESS)
    members = fields.Json(
        readonly=True, prefetch=False, groups=fields.NO_ACCESS, help="Who was in which tier on these month-ends."
    )

    _policy_uniq = models.Constraint("UNIQUE(policy_id)", "The foresight of a policy is kept once.")

    # ------------------------------------------------------------------
    # Queue and job
    # ------------------------------------------------------------------

    @api.model
    def _queue(self, policy, asked=(), **values):
        asked = [POLICY, *(key for key in asked if key != POLICY)]
        return super()._queue(policy, user_id=self.env.uid, progress=0, asked=asked, **values)

    @api.model
    def _compute_for(self, policy, asked):
        """Look back at once where that takes a moment, in the background where it takes longer.

        :param asked: keys of :meth:`_offer`
        """
        offered = self._offer(policy)
        if any(key not in offered for key in asked):
            raise UserError(
                self.env._("Some of these rules do not exist any more. Open this page again and choose others.")
            )
        if len({POLICY, *asked}) > MOST_SETS:
            raise UserError(
                self.env._("Choose at most %(number)s sets of rules, the policy's own among them.", number=MOST_SETS)
            )
        foresight = self._queue(policy, dict.fromkeys(asked))
        if policy._count_purchases(DIRECT_LIMIT + 1) <= DIRECT_LIMIT or not jobs.call(self.env, jobs.FORESIGHT):
            foresight._compute()

    def _compute_in_background(self):
        self._compute(tell=self._get_teller())
        self._tell_done()

    def _tell_interrupted(self):
        return self.env._(
            "The server was stopped %(count)s times while it looked back. Compute again at a quiet time.",
            count=INTERRUPTIONS,
        )

    def _get_teller(self):
        """Return a function to call with the part that is done, which commits the progress every few seconds."""
        told = time.monotonic()

        def tell(part):
            nonlocal told
            if time.monotonic() - told >= TOLD_EVERY:
                told = time.monotonic()
                self.progress = int(100 * part)
                jobs.commit(self.env)

        return tell

    # ------------------------------------------------------------------
    # Sets of rules
    # ------------------------------------------------------------------

    @api.model
    def _offer(self, policy):
        """Return what a policy's rules may be set beside: ``{key: record}``, the policy's own first."""
        offered = {POLICY: policy, AMOUNT: policy.browse()}
        # sudo: rules, which say nothing of any customer
        versions = policy.sudo().version_ids.sorted("number", reverse=True)
        values = policy.sudo()._get_rules_values() if not policy._get_refusal() else None
        offered |= {f"version-{version.id}": version for version in versions if version.rules != values}
        simulations = self.env["customer.tiering.simulation"].sudo().search([("base_id", "=", policy.id)])
        return offered | {f"simulation-{simulation.id}": simulation.draft_id for simulation in simulations}

    def _build_sets(self):
        """Return the engine's sets of rules, and what is told of each that was chosen, in the same order: dicts of
        plain values with ``key``, ``number`` of a version, ``left_out`` (keys of metrics), ``other_scope`` and
        ``problem``, where it cannot be applied to earlier days."""
        self.ensure_one()
        policy, offered = self.policy_id, self._offer(self.policy_id)
        sets, told = [], []
        has_prices = self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist")
        prices = {tier._get_key(): tier.pricelist_id.id for tier in policy.tier_ids} if has_prices else {}
        scoped = ("partner_domain", "revenue_from", "subtract_rebates")
        for key in self.asked:
            if key not in offered:  # deleted since it was chosen
                continue
            record = offered[key]
            about = {"key": key, "left_out": [], "other_scope": False, "problem": False}
            told.append(about)
            if key == AMOUNT:
                sets.append(engine.foresight.RuleSet(key, None, prices=prices))
                continue
            try:
                if record._name == "customer.tiering.policy.version":
                    about["number"], values, rules = record.number, record.rules, record._get_rules()
                else:
                    values, rules = {name: record[name] for name in (*scoped, "window_days")}, record._get_rules()
                    values["min_order_amount"] = record.min_order_amount
                rules, left_out = engine.foresight.fit_to_past(rules)
            except engine.errors.RuleError as error:
                about["problem"] = error.code
                about["left_out"] = list(error.facts.get("metrics", ()))
                continue
            except (ValueError, UserError):
                about["problem"] = "rules"
                continue
            own = prices
            if has_prices and record._name == "customer.tiering.policy" and record != policy:
                own = {tier._get_key(): tier.pricelist_id.id for tier in record.tier_ids}
            about["left_out"] = list(left_out)
            about["other_scope"] = any(values[name] != policy[name] for name in scoped)
            sets.append(
                engine.foresight.RuleSet(key, rules, values["window_days"], values["min_order_amount"], prices=own)
            )
        if not sets or sets[0].key != POLICY:  # without the policy's own there is nothing to set others beside
            sets = []
        return sets, told

    # ------------------------------------------------------------------
    # Read, look back, write
    # ------------------------------------------------------------------

    def _compute(self, as_of=None, tell=None):
        """Look back, and keep what was found.

        :param as_of: a date, the last day; today in the company's time zone when left out
        :param tell: called with the part that is done; None: nobody wants to know
        :raises UserError: when the policy cannot be used
        """
        self.ensure_one()
        # sudo: written by the system; the person's right is checked by the caller
        foresight = self.sudo().with_company(self.policy_id.company_id)
        policy = foresight.policy_id
        if problem := policy._get_obstacle():
            raise UserError(problem)
        policy._check_usable()
        as_of = as_of or policy.company_id._get_tiering_today()
        sets, told = foresight._build_sets()
        history, sampled_from = foresight._read_past(as_of, sets)
        days = engine.foresight.find_days(history)
        kept = foresight._read_kept(days, history.frame.index)
        profit = foresight._read_profit(days, history.frame.index)
        own_prices = foresight._read_own_prices(history.frame.index)
        if tell:
            # The snapshot is not needed any more, and to hold it for long would keep the database from cleaning up.
            jobs.commit(self.env)
        try:
            found = engine.foresight.look_back(
                sets, history, kept, len(policy.tier_ids), profit=profit, own_prices=own_prices, tick=tell
            )
        except ValueError as error:
            raise UserError(str(error)) from error
        if not foresight.exists():  # the policy was deleted meanwhile
            return
        tiers = [tier.id for tier in policy.tier_ids]
        searched = bool(sets) and engine.foresight.is_searched(sets[0].rules)
        asked = {"asked": told, "sampled_from": sampled_from, "tiers": tiers, "searched": searched}
        foresight.write(
            {
                "state": "done",
                "progress": 100,
                "error": False,
                "as_of": as_of,
                "result": {**found.result, **asked},
                "members": found.members,
            }
        )

    def _read_past(self, as_of, sets):
        """Return the engine's ``History`` of the policy's customers, or of a sample of them, and of how many that is
        one; 0: of all."""
        scope = self.policy_id._get_scope(as_of)
        columns = frozenset().union(*(ruled.rules.columns for ruled in sets if ruled.rules))
        longest = max([365, *(ruled.window_days for ruled in sets)])
        nights = max(REACH + longest - scope.window_days, 1)
        # With a least amount money is read of all days, not only its sign: also where but one of the sets has one.
        read = dataclasses.replace(scope, least=scope.least or max([0.0, *(ruled.least for ruled in sets)]))
        history = self.env["customer.tiering.replica"]._read_history(read, columns, nights)
        # Rebates are known of the last window only.
        nothing = tuple(part[:0] for part in history.rebates)
        history = dataclasses.replace(history, rebates=nothing, least=scope.least)
        if len(history.frame) <= LOOKED_AT:
            return history, 0
        return history.sample(SAMPLED_CUSTOMERS), len(history.frame)

    def _read_kept(self, days, customers):
        """Return ``{day: places}`` of the tiers that the customers really had, as far as that was kept: without the
        days on which one of them was in a tier that was removed since, which would leave out the best, maybe."""
        # Of all customers, also of those whom the person who asks may not see: it is kept for all managers.
        env = self.with_user(SUPERUSER_ID).env
        begin = env["customer.tiering.moves.report"]._get_begin("tier")
        known = [day for day in days.days if begin and day >= begin]
        if not known:
            return {}
        env.flush_all()
        places, _amounts = env["customer.tiering.overview"]._read_places(known)
        places = places.reindex(customers, fill_value=0)
        keys = [tier.id for tier in reversed(self.policy_id.tier_ids)]
        removed = (
            env["customer.tier"]
            .with_context(active_test=False)
            .search([("policy_id", "=", self.policy_id.id), ("id", "not in", keys)])
        )
        return {
            day: engine.ladder.places(places[number], keys)
            for number, day in enumerate(known)
            if not places[number].isin(removed.ids).any()
        }

    def _read_profit(self, days, customers):
        """Return ``{day: profit}`` of the year after the latest month-end that has one; empty where little of it is
        known."""
        if not days.full:
            return {}
        day = days.days[days.full - 1]
        costs = self.env["customer.tiering.cost"]._get_rules(self.company_id)
        columns = {*engine.profit.COLUMNS, *(rule.column for rule in costs)}
        scope = self.policy_id._get_scope(day + timedelta(days=engine.foresight.YEAR))
        scope = dataclasses.replace(scope, window_days=engine.foresight.YEAR)
        frame = self.env["customer.tiering.replica"]._read_customers(scope, columns)
        schema = engine.schema
        if not frame[schema.COSTED_AMOUNT].sum() > frame[schema.UNCOSTED_AMOUNT].sum():
            return {}
        net = engine.profit.derive(frame, costs)[schema.NET_PROFIT]
        return {day: net.reindex(customers).fillna(0.0).to_numpy()}

    def _read_own_prices(self, customers):
        """Return which of these have a pricelist that a person has chosen."""
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM res_partner WHERE specific_property_product_pricelist -> %s IS NOT NULL",
                str(self.company_id.id),
            )
        )
        return customers.isin([partner_id for (partner_id,) in rows])
