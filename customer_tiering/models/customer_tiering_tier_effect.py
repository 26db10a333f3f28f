import itertools
import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, groupby

from .. import engine, jobs, sources
from .customer_tiering_policy import SCOPE_FIELDS
from .customer_tiering_replay import MOST_CUSTOMERS
from .customer_tiering_run import INTERRUPTIONS

_logger = logging.getLogger(__name__)

# What was measured is measured again after so many days.
AGE = 30
# So many reasons, and people, of locks are named, those with the most.
MOST_NAMED = 10


class CustomerTieringTierEffect(models.Model):
    """What came of a policy's tiers: at their borders, after follow-ups without a draw, and with a person's lock.

    Only the borders may say that something worked; the others are hints. It is measured when somebody asks for it, and
    from then on once a month.
    """

    _name = "customer.tiering.tier.effect"
    _inherit = ["customer.tiering.queued"]
    _description = "Effect of a Policy's Tiers"
    _tiering_job = jobs.EFFECTS

    past = fields.Integer(
        readonly=True, help="How many times 360 days the time that is looked at lies before the latest one."
    )
    # Counts all customers: read it by the report.
    result = fields.Json(readonly=True, prefetch=False, groups=fields.NO_ACCESS)

    _policy_uniq = models.Constraint("UNIQUE(policy_id)", "The tiers of a policy have one effect.")

    # ------------------------------------------------------------------
    # Queue and job
    # ------------------------------------------------------------------

    @api.model
    def _cron_process(self):
        """Measure those that wait, and again what is a month old: nothing where nobody ever asked."""
        old = fields.Date.subtract(fields.Date.today(), days=AGE)
        self.search([("state", "=", "done"), ("as_of", "<=", old), ("policy_id.active", "=", True)]).write(
            {"state": "queued", "attempts": 0, "user_id": False}
        )
        if not self.search_count([("state", "=", "queued")], limit=1):
            return None
        return super()._cron_process()

    def _tell_interrupted(self):
        return self.env._(
            "The server was stopped %(count)s times during this measurement. Measure again at a quiet time.",
            count=INTERRUPTIONS,
        )

    # ------------------------------------------------------------------
    # Read, compare, write
    # ------------------------------------------------------------------

    @api.model
    def _get_last_day(self, company_today, past):
        """Return the last day of the time that is looked at: what came afterwards is over."""
        return company_today - timedelta(days=engine.border.CAME + 1 + sources.past.STUDIED * past)

    def _compute(self, as_of=None):
        """Measure what came of a policy's tiers, and keep it.

        :param as_of: a date, the day of the measurement; today in the company's time zone when left out
        :raises UserError: when the policy cannot be used
        """
        self.ensure_one()
        # sudo: written by the system; the person's right is checked by the caller
        effect = self.sudo()
        policy = effect.policy_id
        if problem := policy._get_obstacle():
            raise UserError(problem)
        today = as_of or policy.company_id._get_tiering_today()
        past = sources.past.Past(policy, self._get_last_day(today, effect.past))
        try:
            result = {
                "since": fields.Date.to_string(past.first + timedelta(days=1)),
                "until": fields.Date.to_string(past.last),
                "border": effect._judge_borders(past),
                "called": effect._compare_called(past),
                "locks": effect._compare_locks(past),
            }
        except ValueError as error:
            raise UserError(str(error)) from error
        if effect.exists():  # the policy was not deleted meanwhile
            effect.write({"state": "done", "error": False, "as_of": today, "result": result})

    # ------------------------------------------------------------------
    # The borders of tiers
    # ------------------------------------------------------------------

    def _judge_borders(self, past):
        """Return what may be said of each tier of the policy: ``{"code": …, "customers": …, "tiers": […]}``.

        ``code``: why nothing can be told of any tier, or ``"judged"``; ``tiers``: of all but the lowest, the highest
        first, what ``engine.effect.judge_border`` returns, with the key of the ``tier``
        """
        policy = self.policy_id
        customers = self.env["customer.tiering.scorecard"].search_count([("policy_id", "=", policy.id)])
        found = {"code": "judged", "customers": customers, "tiers": []}
        if policy.method != engine.rules.SCORE:
            return found | {"code": "conditions" if policy.method == engine.rules.CONDITIONS else "no_floor"}
        if policy.portal_tier:
            return found | {"code": "told"}
        if customers < engine.effect.LEAST_CUSTOMERS:
            return found | {"code": "few_customers"}
        version, since, is_first = self._find_rules(past)
        if not version:
            return found | {"code": "new"}
        try:
            rules = version._get_rules()
        except ValueError as error:
            _logger.info("The borders of policy %s cannot be judged: %s", policy.id, error)
            return found | {"code": "old_rules"}
        start = max(since, past.first)
        every = engine.border.EVERY
        nights = (past.last - start).days // every * every
        found["tiers"] = self._judge_tiers(past, version, rules, start, nights, is_first and start == since)
        return found

    def _find_rules(self, past):
        """Return the version of the rules that held on the last day, the first day on which customers were scored as it
        does, and whether that is the day of the policy's first computation; (None, None, False) before it."""
        groups = self.env["customer.tiering.run"]._read_group(
            [
                ("policy_id", "=", self.policy_id.id),
                ("state", "=", "done"),
                ("as_of", "<=", past.last),
                ("version_id", "!=", False),
            ],
            ["version_id"],
            ["as_of:min"],
        )
        groups.sort(key=lambda group: group[0].number, reverse=True)
        if not groups:
            return None, None, False
        version, scored = groups[0][0], self._get_scoring(groups[0][0])
        same = list(itertools.takewhile(lambda group: self._get_scoring(group[0]) == scored, groups))
        return version, same[-1][1], len(same) == len(groups)

    def _get_scoring(self, version):
        """Return what decides over the score of a customer and the tier that it earns, of a version of the rules."""
        rules = version.rules["rules"]
        return (
            {name: version.rules.get(name) for name in SCOPE_FIELDS},
            {name: rules.get(name) for name in ("criteria", "definitions", "min_population", "tier_method")},
            [(tier["key"], tier["floor"]) for tier in rules["tiers"]],
        )

    def _judge_tiers(self, past, version, rules, start, nights, is_first):
        border = engine.border
        day = start + timedelta(days=nights)
        scope = self.policy_id._get_scope(day, version=version)
        history = self.env["customer.tiering.replica"]._read_history(scope, rules.columns, nights)
        history = history.sample(MOST_CUSTOMERS)
        days = list(border.live(rules, history, nights))
        keys = [tier.key for tier in rules.ladder]
        # The run of the night after looks at the whole day.
        places = past.get_places([each.day + timedelta(days=1) for each in days], keys, history.frame.index)
        locked = past.find_locked(start, day, history.frame.index)
        if is_first:
            (before,) = past.get_places([start - timedelta(days=1)], keys, history.frame.index).T
            locked |= before != border.NO_TIER
        judged = []
        for place in range(len(keys) - 1, 0, -1):
            floor = rules.ladder[place].floor
            entrants = border.find_entrants(days, floor, place, places, locked, all_entered=is_first)
            ids = history.frame.index.to_numpy()[entrants["customer"]]
            orders, money, before = past.measure(ids, engine.schema.days(entrants["day"]), border.CAME)
            result = engine.effect.judge_border(
                entrants["score"].to_numpy(),
                floor,
                entrants["holds"].to_numpy(),
                orders > 0,
                past.damp(money),
                past.damp(before),
                len(history.frame),
            )
            judged.append({**result, "tier": keys[place], "floor": floor})
        return judged

    # ------------------------------------------------------------------
    # Followed up and not
    # ------------------------------------------------------------------

    def _compare_called(self, past):
        """Return of each playbook that held nobody out what ``engine.effect.compare_hint`` returns, with ``playbook``
        and ``days``; of those that followed somebody up in the time, those with the most first."""
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT playbook_id, partner_id, day
                  FROM (SELECT followup.playbook_id, followup.partner_id, MIN(followup.planned_on) AS day,
                               MAX(followup.draw) AS draw
                          FROM customer_tiering_followup followup
                          JOIN customer_tiering_playbook playbook ON playbook.id = followup.playbook_id
                         WHERE playbook.policy_id = %s AND followup.planned_on IS NOT NULL
                           AND COALESCE(playbook.held_out_percent, 0) = 0
                      GROUP BY 1, 2) first
                 WHERE COALESCE(draw, 0) = 0 AND day <= %s
              ORDER BY 1, 2
                """,
                self.policy_id.id,
                past.last,
            )
        )
        import numpy as np  # noqa: PLC0415 - only who measures needs it

        found = []
        for playbook_id, of_playbook in groupby(rows, lambda row: row[0]):
            playbook = self.env["customer.tiering.playbook"].browse(playbook_id)
            own = [(partner, day) for _playbook, partner, day in of_playbook]
            called = [(partner, day) for partner, day in own if day > past.first]
            if not called:
                continue
            ids, days = (np.array(values) for values in zip(*called, strict=True))
            days = days.astype("datetime64[D]")
            others = np.setdiff1d(past.cards.index.to_numpy(), [partner for partner, _day in own])
            others_days = past.draw_days(others, days)
            count = min(playbook.effect_days or playbook._get_effect_days(), engine.border.CAME)
            first = int(playbook._get_trigger().may_follow_purchase)
            hint = past.compare(ids, days, others, others_days, count, first=first)
            found.append({**hint, "playbook": playbook.id, "days": count})
        return sorted(found, key=lambda hint: -hint["called"])

    # ------------------------------------------------------------------
    # Overrides on trial
    # ------------------------------------------------------------------

    def _compare_locks(self, past):
        """Return what customers did whom a person locked, beside others whom the rules had put into the same tier: a
        list of what ``engine.effect.compare_hint`` returns, with ``margin``, and ``kind`` and ``key`` of the locks:
        all of them, by where they lead, by person and by reason."""
        import numpy as np  # noqa: PLC0415 - only who measures needs it
        import pandas as pd  # noqa: PLC0415 - only who measures needs it

        rows = past.read_locks()
        locks = pd.DataFrame(rows, columns=["partner", "day", "user", "reason", "to", "was"])
        if locks.empty:
            return []
        days = locks["day"].to_numpy("datetime64[D]")
        others = past.cards.index.difference(past.read_ever_locked()).to_numpy()
        grid = np.arange(engine.schema.day(past.first), engine.schema.day(past.last), np.timedelta64(30, "D"))
        number = np.searchsorted(grid, past.draw_days(others, days), side="right") - 1
        tiers = past.read_tiers([day.item() for day in grid], pd.Index(others)).to_numpy()
        was = tiers[np.arange(len(others)), number] if len(others) else np.zeros(0, dtype=int)
        chosen = was != engine.moves.NOWHERE
        others, others_days, was = others[chosen], grid[number][chosen], was[chosen]
        ladder = [tier.id for tier in self.policy_id.tier_ids.sorted("sequence", reverse=True)]
        to, before = (engine.ladder.places(locks[name], ladder) for name in ("to", "was"))
        kinds = np.select([to > before, to < before], ["raised", "lowered"], "kept")
        groups = [("all", False, np.ones(len(locks), dtype=bool))]
        groups += [("way", kind, kinds == kind) for kind in ("raised", "kept", "lowered")]
        for name in ("user", "reason"):
            most = locks[name].value_counts().sort_index().sort_values(ascending=False, kind="stable")[:MOST_NAMED]
            groups += [(name, key, (locks[name] == key).to_numpy()) for key in most.index.tolist()]
        found = []
        for kind, key, mine in groups:
            if mine.any():
                group = np.concatenate((locks["was"][mine].to_numpy("int64"), was))
                hint = past.compare(
                    locks["partner"][mine].to_numpy("int64"),
                    days[mine],
                    others,
                    others_days,
                    engine.border.CAME,
                    group=group,
                )
                found.append({**hint, "kind": kind, "key": key})
        return found
