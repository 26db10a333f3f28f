from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date
from odoo.tools.misc import formatLang

from .. import engine, sources
from ..sentences import format_number

#: The distribution is shown at the ends of so many months, and today.
MONTHS = 12
#: Moves and follow-ups of so many days are counted.
DAYS = 30
#: Downgrades of so many days are worth a word.
WEEK = 7
#: The first steps, in the order in which a person takes them.
STEPS = ("choose", "advise", "compute", "look", "playbook")
#: Those that are taken when a person has said or opened it; of the others there are facts.
SAID = ("choose", "advise", "look")

CARDS = "customer_tiering.customer_tiering_scorecard_action"
POLICIES = "customer_tiering.customer_tiering_policy_action"
PLAYBOOKS = "customer_tiering.customer_tiering_playbook_action"
RUNS = "customer_tiering.customer_tiering_run_action"
FOLLOWUPS = "customer_tiering.customer_tiering_followup_report_action"


class CustomerTieringOverview(models.AbstractModel):
    """What a manager sees first: how many customers are in which tier, how that has changed, and what needs attention.

    Of the customers of the current company whom the person may see. In the beginning also the first steps.
    """

    _name = "customer.tiering.overview"
    _description = "Overview of the Customer Tiers"

    # ------------------------------------------------------------------
    # The page
    # ------------------------------------------------------------------

    @api.readonly
    @api.model
    def get_data(self):
        """Return all that the page shows, a dict of plain values.

        ``numbers``
            customers, those in a tier, amount, expected loss, and moves and follow-ups of the last days
        ``links``
            where the numbers lead to, see :meth:`_link`
        ``calm``
            of each policy what its last run and its replay have found, as sentences, and the grade of its forecast
        ``days``, ``tiers``, ``rows``
            the ends of the last months and today, each with the ``rules`` that changed since the one before; the tiers,
            the highest first; and ``engine.history.sum_up`` as dicts
        ``attention``
            sentences, each with the link that leads to its matter
        ``steps``
            the first steps; empty once they are taken or dismissed
        """
        self.env["customer.tiering.scorecard"].check_access("read")
        self.env.flush_all()
        company = self.env.company
        today = company._get_tiering_today()
        policies = self._get_policies()
        sums = self._read_sums(today, policies)
        moves = self.env["customer.tiering.moves.report"]
        begin = moves._get_begin("tier")
        days = [today + relativedelta(months=-number, day=1, days=-1) for number in reversed(range(MONTHS))] + [today]
        # What was before the first computation is not reckoned: it would take as long as a run.
        since = max(today - timedelta(days=DAYS), begin) if begin else today
        places, amounts = self._read_places([*days, since])
        rows = engine.history.sum_up(places[range(len(days))], amounts)
        tiers = moves._get_places(
            "tier", set().union(*(places[column].unique().tolist() for column in places)) - {engine.moves.NOWHERE}
        )
        numbers = {
            **sums,
            **self._count_moves(places[len(days)], places[len(days) - 1], tiers),
            **self._count_followups(today),
            "moves_since": str(since),
        }
        return {
            "company": company.name,
            "currency_id": company.currency_id.id,
            "may_change": self.env["customer.tiering.policy"].has_access("write"),
            "is_computed": bool(begin) or bool(sums["customers"]),
            "begin": begin and str(begin),
            "numbers": numbers,
            "links": self._get_links(today),
            "calm": [self._tell_calm(policy) for policy in policies],
            "days": self._get_days(days),
            "tiers": tiers,
            "rows": rows.to_dict("records"),
            "attention": self._find_attention(today, policies, sums),
            "steps": self._get_steps(policies),
            "progress": self.get_progress(),
        }

    @api.model
    def _get_policies(self):
        return self.env["customer.tiering.policy"].search(
            [("company_id", "=", self.env.company.id), ("is_simulation", "=", False)]
        )

    @api.model
    def _link(self, action, name=False, domain=False, res_id=False, view=False):
        """Return where a number or a sentence leads to.

        :param action: external id of an action
        :param name: what the page is called then
        :param domain: what it shows, instead of what the action says
        :param res_id: or the one record that it opens
        :param view: which view it opens in, instead of the first
        """
        return {"action": action, "name": name, "domain": domain and list(domain), "res_id": res_id, "view": view}

    # ------------------------------------------------------------------
    # Numbers
    # ------------------------------------------------------------------

    @api.model
    def _get_card_domains(self, today, policies):
        """Return of which scorecards there is something to say, as domains."""
        top = [
            tier.id
            for policy in policies
            # The highest half of the tiers; tiers are sorted so.
            for tier in policy.tier_ids[: max(len(policy.tier_ids) // 2, 1)]
        ]
        mine = Domain("company_id", "=", self.env.company.id)
        return {
            "falling": mine
            & Domain("pending_tier_id", "!=", False)
            & Domain("pending_date", "<=", today + timedelta(days=WEEK)),
            "risky": mine & Domain("tier_id", "in", top) & Domain("risk", "in", ["high", "lost"]),
            "idle": mine & Domain("idle_lock_id", "!=", False),
        }

    @api.model
    def _read_sums(self, today, policies):
        """Return the numbers about scorecards, in one look at the table."""
        cards = self.env["customer.tiering.scorecard"]
        query = cards._search([("company_id", "=", self.env.company.id)])
        domains = self._get_card_domains(today, policies)
        filters = {
            name: domain.optimize_full(cards)._to_sql(cards, cards._table, query) for name, domain in domains.items()
        }
        names = ("customers", "tiered", "amount", "loss", "falling", "risky", "risky_loss", "idle")
        select = query.select(
            SQL("COUNT(*)"),
            SQL("COUNT(%s)", SQL.identifier(cards._table, "tier_id")),
            SQL("COALESCE(SUM(%s), 0)::float", SQL.identifier(cards._table, "amount")),
            SQL("COALESCE(SUM(%s), 0)::float", SQL.identifier(cards._table, "expected_loss")),
            SQL("COUNT(*) FILTER (WHERE %s)", filters["falling"]),
            SQL("COUNT(*) FILTER (WHERE %s)", filters["risky"]),
            SQL(
                "COALESCE(SUM(%s) FILTER (WHERE %s), 0)::float",
                SQL.identifier(cards._table, "expected_loss"),
                filters["risky"],
            ),
            SQL("COUNT(*) FILTER (WHERE %s)", filters["idle"]),
        )
        (row,) = self.env.execute_query(select)
        return dict(zip(names, row, strict=True))

    @api.model
    def _count_moves(self, before, after, tiers):
        """Return how many customers moved up and down, are new and are gone, as *Moves* counts them.

        :param before, after: where they were, a Series of ids of tiers each, with the same index
        :param tiers: what :meth:`_get_places` of the moves returned: the highest first
        """
        counts = dict.fromkeys(("up", "down", "new", "gone"), 0)
        ranks = {tier["id"]: (tier["ladder"], rank) for rank, tier in enumerate(tiers)}
        nowhere = engine.moves.NOWHERE
        moved = before != after
        rows = engine.moves.count(before[moved], after[moved], (), before[moved] * 0.0)
        for origin, target, count in zip(
            *(rows[name].tolist() for name in ("before", "after", "customers")), strict=True
        ):
            if nowhere in (origin, target):
                counts["new" if origin == nowhere else "gone"] += count
            elif ranks[origin][0] == ranks[target][0]:
                counts["up" if ranks[target][1] < ranks[origin][1] else "down"] += count
        return counts

    @api.model
    def _get_followup_domains(self, today):
        mine = Domain("company_id", "=", self.env.company.id)
        return {
            "due": mine & Domain("status", "in", ["open", "overdue"]) & Domain("date_deadline", "<=", today),
            "done": mine
            & Domain("status", "in", ["in_time", "late"])
            & Domain("date_done", ">", today - timedelta(days=DAYS)),
        }

    @api.model
    def _count_followups(self, today):
        report = self.env["customer.tiering.followup.report"]
        return {name: report.search_count(domain) for name, domain in self._get_followup_domains(today).items()}

    @api.model
    def _get_links(self, today):
        mine = Domain("company_id", "=", self.env.company.id)
        followups = self._get_followup_domains(today)
        return {
            "customers": self._link(CARDS, domain=mine),
            "loss": self._link(CARDS, self.env._("Customers at Risk"), mine & Domain("risk", "!=", "none")),
            "due": self._link(FOLLOWUPS, self.env._("Follow-ups Due"), followups["due"], view="list"),
            "done": self._link(FOLLOWUPS, self.env._("Follow-ups Done"), followups["done"], view="list"),
        }

    @api.model
    def _tell_calm(self, policy):
        """Return what the last run of a policy moved, and what its replay has found."""
        last = policy.last_run_id
        may_read = policy._has_field_access(policy._fields["calm_text"], "read")
        return {
            "name": policy.name,
            "link": self._link(POLICIES, res_id=policy.id),
            "run": bool(last)
            and self.env._(
                "Last computation %(date)s: moved up %(up)s, moved down %(down)s, downgrades announced %(pending)s.",
                date=format_date(self.env, last.as_of),
                up=format_number(self.env, last.up_count),
                down=format_number(self.env, last.down_count),
                pending=format_number(self.env, last.pending_count),
            ),
            "text": may_read and policy.calm_text,
            "is_new": may_read and policy.calm_state == "new",
            "grade": policy.forecast_grade,
        }

    # ------------------------------------------------------------------
    # The last months
    # ------------------------------------------------------------------

    @api.model
    def _read_places(self, days):
        """Return where customers were at the end of each of these days, see ``engine.history.get_places``, and what
        each has in the window today.

        :param days: dates
        """
        base, company = sources.base, self.env.company
        cards = sources.rows.fetch_frame(
            self.env.cr,
            SQL(
                """
                SELECT partner_id AS id, tier_id AS place, amount
                  FROM customer_tiering_scorecard WHERE company_id = %s
                """,
                company.id,
            ),
            {"id": base.ID, "place": base.ID, "amount": base.FLOAT},
        )
        changes = sources.rows.fetch_frame(
            self.env.cr,
            SQL(
                """
                SELECT id, partner_id, date, from_tier_id AS place
                  FROM customer_tier_change WHERE company_id = %s AND date > %s
                """,
                company.id,
                min(days),
            ),
            {"id": base.ID, "partner_id": base.ID, "date": base.DATE, "place": base.ID},
        )
        places = engine.history.get_places(cards["place"], changes, days)
        return self.env["customer.tiering.moves.report"]._keep_seen(places), cards["amount"]

    @api.model
    def _get_days(self, days):
        """Return these days as texts, each with the rules that were first used after the one before."""
        used = self.env["customer.tiering.run"]._read_group(
            [
                ("company_id", "=", self.env.company.id),
                ("state", "=", "done"),
                ("policy_id.is_simulation", "=", False),
                ("version_id.number", ">", 1),
            ],
            ["version_id"],
            ["as_of:min"],
        )
        before, shown = days[0].replace(day=1) - timedelta(days=1), []
        for day in days:
            rules = [(version, first) for version, first in used if before < first <= day]
            shown.append(
                {
                    "day": str(day),
                    "rules": [
                        {"id": version.id, "name": version.display_name, "date": str(first)}
                        for version, first in sorted(rules, key=lambda rule: rule[1])
                    ],
                }
            )
            before = day
        return shown

    # ------------------------------------------------------------------
    # What needs attention
    # ------------------------------------------------------------------

    @api.model
    def _find_attention(self, today, policies, sums):
        """Return what a manager may want to do something about, as ``{"text", "link"}``."""
        return [
            *self._find_policies(policies),
            *self._find_customers(today, policies, sums),
            *self._find_playbooks(policies),
        ]

    @api.model
    def _find_policies(self, policies):
        env, found = self.env, []
        last = dict(
            env["customer.tiering.run"]._read_group(
                [("policy_id", "in", policies.ids), ("state", "!=", "queued")], ["policy_id"], ["id:max"]
            )
        )
        runs = env["customer.tiering.run"].browse(last.values())
        for run in runs.filtered(lambda run: run.state == "failed"):
            text = env._(
                "The last computation of “%(policy)s” failed: %(reason)s",
                policy=run.policy_id.name,
                reason=run.error or "",
            )
            found.append({"text": text, "link": self._link(RUNS, res_id=run.id)})
        for run in runs.filtered(lambda run: run.state == "skipped"):
            text = env._(
                "The last computation of “%(policy)s” was skipped: %(reason)s",
                policy=run.policy_id.name,
                reason=run.hints or "",
            )
            found.append({"text": text, "link": self._link(RUNS, res_id=run.id)})
        for policy in policies.filtered(lambda policy: not policy.last_run_id and policy not in last):
            text = env._("The policy “%(policy)s” has never been computed.", policy=policy.name)
            found.append({"text": text, "link": self._link(POLICIES, res_id=policy.id)})
        return found

    @api.model
    def _find_customers(self, today, policies, sums):
        env = self.env
        domains = self._get_card_domains(today, policies)
        texts = {
            "falling": env._(
                "Customers who fall to a lower tier within %(days)s days unless they buy: %(count)s.",
                days=WEEK,
                count=format_number(env, sums["falling"]),
            ),
            "risky": env._(
                "Customers of the upper tiers at high risk: %(count)s, with an expected loss of %(loss)s.",
                count=format_number(env, sums["risky"]),
                loss=formatLang(env, sums["risky_loss"], currency_obj=env.company.currency_id),
            ),
            "idle": env._(
                "Locks without effect, because the customer's policy does not have the tier: %(count)s.",
                count=format_number(env, sums["idle"]),
            ),
        }
        names = {
            "falling": env._("Announced Downgrades"),
            "risky": env._("Upper Tiers at Risk"),
            "idle": env._("Locks without Effect"),
        }
        return [
            {"text": text, "link": self._link(CARDS, names[key], domains[key])}
            for key, text in texts.items()
            if sums[key]
        ]

    @api.model
    def _find_playbooks(self, policies):
        playbooks = self.env["customer.tiering.playbook"].search(
            [("policy_id", "in", policies.ids), ("enabled", "=", True)]
        )
        return [
            {
                "text": self.env._(
                    "Follow-ups of the playbook “%(playbook)s” wait. %(problem)s",
                    playbook=playbook.name,
                    problem=playbook.problem,
                ),
                "link": self._link(PLAYBOOKS, res_id=playbook.id),
            }
            for playbook in playbooks
            if playbook.problem and not playbook.only_limited
        ]

    # ------------------------------------------------------------------
    # First steps
    # ------------------------------------------------------------------

    @api.model
    def _get_steps(self, policies):
        """Return the first steps with what is done of them; nothing for who may not take them, and when there is
        nothing left to do."""
        company = self.env.company.sudo()  # sudo: nobody reads it by itself
        if not self.env["customer.tiering.policy"].has_access("write") or company.tiering_steps_dismissed:
            return []
        taken = set(company.tiering_steps or ())
        playbooks = self.env["customer.tiering.playbook"].search(
            [("policy_id", "in", policies.ids), ("enabled", "=", True)], limit=1
        )
        # Rules that were changed and used have been chosen.
        facts = {
            "choose": any(len(policy.version_ids) > 1 for policy in policies),
            "compute": any(policy.last_run_id for policy in policies),
            "playbook": bool(playbooks),
        }
        steps = [{"key": key, "done": key in taken or facts.get(key, False)} for key in STEPS]
        if all(step["done"] for step in steps):
            return []
        policy = policies.filtered(lambda policy: not policy.last_run_id)[:1] or policies[:1]
        kinds = dict(policy._fields["revenue_from"]._description_selection(self.env))
        said = policy and self.env._(
            "“%(policy)s”: revenue from “%(documents)s”, window of %(days)s days.",
            policy=policy.name,
            documents=kinds.get(policy.revenue_from, policy.revenue_from),
            days=format_number(self.env, policy.window_days),
        )
        for step in steps:
            step["policy_id"] = policy.id
            step["text"] = step["key"] == "choose" and said
            step["hint"] = step["key"] == "choose" and not step["done"] and policy.revenue_hint
        return steps

    @api.model
    def take_step(self, key):
        """Note that a person has taken a first step that leaves no other trace."""
        self._check_manager()
        if key not in SAID:
            raise UserError(self.env._("This is none of the first steps."))
        company = self.env.company.sudo()  # sudo: who may change policies was checked
        if key not in (company.tiering_steps or ()):
            company.tiering_steps = sorted({*(company.tiering_steps or ()), key})

    @api.model
    def dismiss_steps(self):
        """Show the first steps to nobody of this company any more."""
        self._check_manager()
        self.env.company.sudo().tiering_steps_dismissed = True  # sudo: who may change policies was checked

    @api.model
    def _check_manager(self):
        self.env["customer.tiering.policy"].check_access("write")

    @api.model
    def compute(self):
        """Compute all policies of the company, now or in the background; return what :meth:`get_progress` says."""
        notification = self._get_policies().action_compute_now()
        return {**self.get_progress(), "text": notification["params"]["message"]}

    @api.readonly
    @api.model
    def get_progress(self):
        """Return how many computations of the company are not done, ``waiting``, and how many have ``begun``."""
        self.env["customer.tiering.run"].check_access("read")
        runs = self.env["customer.tiering.run"].search(
            [("policy_id", "in", self._get_policies().ids), ("state", "=", "queued")]
        )
        return {"waiting": len(runs), "begun": len(runs.filtered("attempts"))}
