from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, groupby

from .. import engine, fairness_sentences, jobs
from .customer_tiering_replay import DIRECT_LIMIT, MOST_CUSTOMERS, SAMPLED_CUSTOMERS
from .customer_tiering_run import INTERRUPTIONS

CHECKS = ("monotone", "twins", "calm", "robust", "even", "reach")
VERDICTS = [("good", "Fair"), ("look", "Look at It"), ("fault", "Not Fair"), ("unknown", "Not Checked")]
# So many customers of each row of a table can be opened.
MOST_LINES = 1_000
# What groups of customers have in common, and the field that says it.
DIMENSIONS = {"country": "country_id", "lang": "lang", "user": "user_id", "kind": "is_company"}
# Why customers who are alike are in different tiers, by the engine's codes.
REASONS = [
    ("locked", "Locked by a person"),
    ("other_policy", "The tier comes from another policy"),
    ("announced", "A change is announced, and waits for its day"),
    ("kept", "It takes less to keep a tier than to reach it, or more to move up"),
    ("changed", "The numbers are others than at the last computation"),
    ("idle", "Nobody falls on days without purchases"),
    ("unexplained", "No reason is known"),
    ("usual", "With an order like the usual ones"),
    ("other", "With an order of other goods, without a margin"),
]


class CustomerTieringFairness(models.Model):
    """The rules of a policy put to the test on all its customers: kept for each version of them.

    It is computed when somebody asks for it, by what the last run has measured, from a snapshot and without any lock
    that a run or a person could wait for.
    """

    _name = "customer.tiering.fairness"
    _inherit = ["customer.tiering.queued"]
    _description = "Fairness of a Tiering Policy"
    _order = "policy_id, version_id desc, id desc"
    _tiering_job = jobs.FAIRNESS

    version_id = fields.Many2one("customer.tiering.policy.version", required=True, readonly=True, ondelete="cascade")
    number = fields.Integer(related="version_id.number", string="Number of the Version")
    # Counts all customers: shown to who may see all of them.
    result = fields.Json(readonly=True, prefetch=False, groups=fields.NO_ACCESS)
    line_ids = fields.One2many("customer.tiering.fairness.line", "fairness_id", string="Customers")

    sentence = fields.Text(string="About", compute="_compute_told")
    # Which checks have customers to open, with commas.
    openable = fields.Char(compute="_compute_told")
    monotone_verdict = fields.Selection(VERDICTS, string="More Never Lowers", compute="_compute_told")
    monotone_page = fields.Html(compute="_compute_told", sanitize=False)
    twins_verdict = fields.Selection(VERDICTS, string="Twins", compute="_compute_told")
    twins_page = fields.Html(compute="_compute_told", sanitize=False)
    calm_verdict = fields.Selection(VERDICTS, string="Calm", compute="_compute_told")
    calm_page = fields.Html(compute="_compute_told", sanitize=False)
    robust_verdict = fields.Selection(VERDICTS, string="Robust", compute="_compute_told")
    robust_page = fields.Html(compute="_compute_told", sanitize=False)
    even_verdict = fields.Selection(VERDICTS, string="Even-Handed", compute="_compute_told")
    even_page = fields.Html(compute="_compute_told", sanitize=False)
    reach_verdict = fields.Selection(VERDICTS, string="Reachable", compute="_compute_told")
    reach_page = fields.Html(compute="_compute_told", sanitize=False)

    _version_uniq = models.Constraint("UNIQUE(version_id)", "A version has one test of its fairness.")

    # ------------------------------------------------------------------
    # What is shown
    # ------------------------------------------------------------------

    @api.depends("version_id")
    def _compute_display_name(self):
        for fairness in self:
            fairness.display_name = fairness.version_id.display_name

    @api.depends("result", "state", "error")
    @api.depends_context("lang", "uid")
    def _compute_told(self):
        hiding = self.policy_id.filtered(lambda policy: policy._hides_customers())
        for fairness in self:
            fairness.openable = ""
            for check in CHECKS:
                fairness.update({f"{check}_verdict": False, f"{check}_page": False})
            fairness.sentence = fairness._get_state_sentence()
            result = fairness.sudo().result  # sudo: shown to who sees all that it counts
            if not result:
                continue
            if fairness.policy_id in hiding:
                fairness.sentence = self.env._(
                    "You may not see all of these customers, so numbers that count all of them are not shown."
                )
                continue
            words = fairness_sentences.FairnessWords(fairness, result)
            fairness.sentence = words.say_head(fairness.sentence)
            fairness.openable = ",".join(check for check in CHECKS if words.has_customers(check))
            for check in CHECKS:
                told = words.tell(check)
                fairness[f"{check}_verdict"] = told["verdict"]
                fairness[f"{check}_page"] = self.env["ir.qweb"]._render("customer_tiering.fairness_check", told)

    def _get_state_sentence(self):
        """Return what is to be said of the computation itself, or False."""
        self.ensure_one()
        if self.state == "queued":
            return self.env._("Being checked. Open this page again in a minute.")
        if self.state == "failed":
            return self.env._("The last check failed: %(reason)s", reason=self.error)
        return False

    def _get_earlier(self):
        """Return the check of the version before this one, if it was checked."""
        self.ensure_one()
        return self.search(
            [("policy_id", "=", self.policy_id.id), ("version_id", "<", self.version_id.id), ("as_of", "!=", False)],
            order="version_id desc",
            limit=1,
        )

    # ------------------------------------------------------------------
    # Queue and job
    # ------------------------------------------------------------------

    @api.model
    def _get_key(self, policy):
        """Add the version by which the policy was last computed.

        :raises UserError: when it was never computed
        """
        version = self.env["customer.tiering.run"]._get_last(policy).version_id
        if not version:
            raise UserError(
                self.env._("“%(policy)s” has not been computed yet. Compute its customers first.", policy=policy.name)
            )
        return {**super()._get_key(policy), "version_id": version.id}

    def _tell_interrupted(self):
        return self.env._(
            "The server was stopped %(count)s times during this check. Check again at a quiet time.",
            count=INTERRUPTIONS,
        )

    # ------------------------------------------------------------------
    # Read, try, write
    # ------------------------------------------------------------------

    def _compute(self):
        """Put the rules to the test and keep what was found.

        :raises UserError: when the policy cannot be used, or was computed by other rules since
        """
        self.ensure_one()
        # sudo: checks are written by the system; the person's right is checked by the caller
        fairness = self.sudo()
        policy = fairness.policy_id
        if problem := policy._get_obstacle():
            raise UserError(problem)
        policy._check_usable()
        measure = self.env["customer.tiering.run"].sudo()._get_measure(policy)
        if not measure or measure[0].version_id != fairness.version_id:
            raise UserError(
                self.env._(
                    "The customers of “%(policy)s” have to be computed first: what the last computation has measured "
                    "is not there any more, or it is of other rules.",
                    policy=policy.name,
                )
            )
        try:
            result, lines = fairness._try(*measure)
        except ValueError as error:
            raise UserError(str(error)) from error
        if not fairness.exists():  # the policy was deleted meanwhile
            return
        fairness._replace_lines(lines)
        fairness.write({"state": "done", "error": False, "as_of": measure[2], "result": result})

    def _try(self, last, rules, as_of, fit):
        """Return what is kept of all checks, a dict of plain values, and the customers.

        The parameters are what the run's ``_get_measure`` returned.

        :return: the dict, and a list of ``(check, reason, metric key, {index of customers: from and to})``
        """
        policy, lines = self.policy_id, []
        scope = policy._get_scope(as_of, version=last.version_id)
        history = self.env["customer.tiering.replica"].sudo()._read_history(scope, rules.columns, 0)
        known = len(history.frame)
        if known > MOST_CUSTOMERS:
            history = history.sample(SAMPLED_CUSTOMERS)
        reader, index = self.env["customer.tiering.reader"].sudo(), history.frame.index
        cards = reader._read_cards(scope)
        states = reader._read_states(policy, scope, index, cards, [tier.key for tier in rules.ladder])
        trial = engine.fairness.Trial(rules, fit, history, states)
        cards = cards.reindex(index)
        changed = (cards["score"] - trial.scored["score"]).abs().fillna(1) > 0.005
        more = engine.fairness.try_more(trial)
        twins = engine.fairness.find_twins(
            trial, changed | (as_of > last.as_of), cards["policy_id"].ne(policy.id) & cards["policy_id"].gt(0)
        )
        less = engine.fairness.try_less(trial)
        even = engine.fairness.compare_groups(trial, self._read_groups(index))
        reach = engine.fairness.try_reach(trial)
        for (metric, order), part in more.fallen.groupby(["metric", "order"], dropna=False, sort=False):
            lines.append(("monotone", order, metric if isinstance(metric, str) else None, part))
        lines += [("twins", reason, None, part) for reason, part in twins.apart.groupby("reason", sort=False)]
        lines += [("robust", None, None, part) for _tier, part in less.moved.groupby("from_tier", sort=False)]
        now = trial.get_tiers(trial.place)
        for each in reach:
            chosen = index.isin(each.could)
            part = history.frame.loc[chosen, []].assign(from_tier=now[chosen], to_tier=float(each.tier))
            lines.append(("reach", None, None, part))
        return self._get_result(rules, known, len(index), more, twins, less, even, reach), lines

    def _get_result(self, rules, known, count, more, twins, less, even, reach):
        return {
            "customers": count,
            "sampled_from": known if known > count else 0,
            "window_days": self.version_id.rules["window_days"],
            "monotone": {
                "tried": more.tried,
                "losing": more.losing,
                "held": list(more.held),
                "with_other": more.with_other,
                "rows": [
                    [metric if isinstance(metric, str) else None, order, int(number)]
                    for (metric, order), number in more.fallen.groupby(["metric", "order"], dropna=False).size().items()
                ],
            },
            "twins": {
                "twins": twins.twins,
                "rows": {reason: int(number) for reason, number in twins.apart["reason"].value_counts().items()},
            },
            "calm": self._get_calm(rules),
            "robust": {
                "rows": [
                    [tier, tried, int((less.moved["from_tier"] == tier).sum())]
                    for tier, tried in reversed(less.tried.items())
                ]
            },
            "even": {
                "high": list(even.high),
                "small": even.small,
                "rows": [
                    {
                        **{name: getattr(group, name) for name in ("dimension", "count", "hits", "share", "expected")},
                        **{name: getattr(group, name) for name in ("low", "high", "stands_out")},
                        "key": group.key if isinstance(group.key, str) else int(group.key),
                    }
                    for group in even.groups
                ],
            },
            "reach": {
                "rows": [[each.tier, each.inside, each.below, len(each.could), each.days] for each in reversed(reach)]
            },
        }

    def _get_calm(self, rules):
        """Return what the replay of these rules has found; None where they were not replayed."""
        policy = self.policy_id
        replay = policy.replay_ids
        if not replay.result or not policy._is_replayed(replay):
            return None
        if policy._get_rules_values() != self.version_id.rules:
            return None
        return {name: replay.result[name] for name in ("customers", "moved", "back", "nights")}

    def _read_groups(self, index):
        """Return to which group customers belong, ``{dimension: Series}``; missing where it is not known."""
        import pandas as pd  # noqa: PLC0415 - only who checks needs it

        self.env["res.partner"].flush_model(list(DIMENSIONS.values()))
        rows = self.env.execute_query(
            SQL(
                "SELECT id, country_id, lang, user_id, COALESCE(is_company, FALSE)::int FROM res_partner"
                " WHERE id = ANY(%s)",
                index.tolist(),
            )
        )
        found = pd.DataFrame(rows, columns=["id", *DIMENSIONS]).set_index("id").reindex(index)
        return {
            name: found[name] if name == "lang" else pd.to_numeric(found[name]).astype("Int64") for name in DIMENSIONS
        }

    def _replace_lines(self, lines):
        """Replace the customers who can be opened, so many of each row.

        :param lines: see :meth:`_try`
        """
        self.line_ids.unlink()
        self.env.flush_all()
        metrics = self.env["customer.tiering.metric"].with_context(active_test=False).search([])
        id_of = {metric.key: metric.id for metric in metrics}
        for check, reason, metric, part in lines:
            some = part.iloc[:MOST_LINES]
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO customer_tiering_fairness_line (
                        fairness_id, company_id, partner_id, kind, reason, metric_id, from_tier_id, to_tier_id)
                    SELECT %(fairness)s, %(company)s, partner.id, %(check)s, %(reason)s, %(metric)s, before.id, after.id
                      FROM UNNEST(%(partners)s::int[], %(before)s::int[], %(after)s::int[]) found (id, before, after)
                      JOIN res_partner partner ON partner.id = found.id
                      JOIN customer_tier before ON before.id = found.before
                      JOIN customer_tier after ON after.id = found.after
                  ORDER BY partner.id
                    """,
                    fairness=self.id,
                    company=self.company_id.id,
                    check=check,
                    reason=reason,
                    metric=id_of.get(metric),
                    partners=some.index.tolist(),
                    before=some["from_tier"].astype(int).tolist(),
                    after=some["to_tier"].astype(int).tolist(),
                )
            )
        self.env.invalidate_all(flush=False)

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_check_again(self):
        """Check the present rules of the policy again."""
        self.ensure_one()
        return self.policy_id.action_check_fairness()

    @api.readonly
    def action_open_customers(self):
        """Open the customers of one of the checks, which the context names."""
        self.ensure_one()
        check = self.env.context.get("check")
        if check == "even":
            return self._open_groups()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_fairness_line_action")
        group = {"monotone": "group_metric", "twins": "group_reason"}.get(check, "group_from")
        group = "group_to" if check == "reach" else group
        return {
            **action,
            "name": self._fields[f"{check if check in CHECKS else 'monotone'}_verdict"]._description_string(self.env),
            "domain": [("fairness_id", "=", self.id), ("kind", "=", check)],
            "context": {f"search_default_{group}": 1},
        }

    def _open_groups(self):
        """Open the scorecards of the groups that stand out."""
        if self.policy_id._hides_customers():
            groups = []
        else:
            rows = (self.sudo().result or {}).get("even", {}).get("rows", ())  # sudo: nobody is hidden from the person
            groups = sorted((row["dimension"], row["key"]) for row in rows if row["stands_out"])
        chosen = Domain.OR(
            Domain(
                f"partner_id.{DIMENSIONS[name]}", "in", [bool(key) if name == "kind" else key for _name, key in keys]
            )
            for name, keys in groupby(groups, key=lambda pair: pair[0])
        )
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_scorecard_action")
        action["domain"] = list(Domain("policy_id", "=", self.policy_id.id) & chosen)
        return action


class CustomerTieringFairnessLine(models.Model):
    """A customer whom a check of the fairness has found."""

    _name = "customer.tiering.fairness.line"
    _description = "Customer Found by a Check of Fairness"
    _tiering_customer = "partner_id"
    _order = "id"
    _rec_name = "partner_id"
    _log_access = False  # written by checks, many at a time

    fairness_id = fields.Many2one(
        "customer.tiering.fairness", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, readonly=True, ondelete="cascade")
    kind = fields.Selection(
        [
            ("monotone", "More Never Lowers"),
            ("twins", "Twins"),
            ("robust", "Robust"),
            ("reach", "Reachable"),
        ],
        string="Check",
        required=True,
        readonly=True,
    )
    reason = fields.Selection(REASONS, readonly=True)
    metric_id = fields.Many2one("customer.tiering.metric", string="Criterion", readonly=True, ondelete="set null")
    from_tier_id = fields.Many2one("customer.tier", string="By the Numbers", readonly=True, ondelete="cascade")
    to_tier_id = fields.Many2one("customer.tier", string="Instead", readonly=True, ondelete="cascade")
    from_color = fields.Integer(related="from_tier_id.color", string="From Color")
    to_color = fields.Integer(related="to_tier_id.color", string="To Color")
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")


class CustomerTieringPolicy(models.Model):
    # What a replay adds to policies is beside replays.
    _inherit = "customer.tiering.policy"  # pylint: disable=consider-merging-classes-inherited

    def action_check_fairness(self):
        """Put the rules of the last computation to the test, at once where that takes a moment, and show the page."""
        self.ensure_one()
        self.check_access("write")
        fairness = self.env["customer.tiering.fairness"]._queue(self, user_id=self.env.uid)
        if self._count_purchases(DIRECT_LIMIT + 1) <= DIRECT_LIMIT or not jobs.call(self.env, jobs.FAIRNESS):
            fairness._compute()
        return self._open_fairness(fairness)

    def _open_fairness(self, fairness):
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_fairness_action")
        return {**action, "views": [(False, "form")], "view_mode": "form", "res_id": fairness.id}

    @api.readonly
    def action_open_fairness(self):
        """Open what was found, version by version."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_fairness_action")
        action["domain"] = [("policy_id", "=", self.id)]
        return action
