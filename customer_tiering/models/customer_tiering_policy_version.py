from odoo import api, fields, models, tools
from odoo.tools.misc import formatLang

from .. import engine


class CustomerTieringPolicyVersion(models.Model):
    """The rules of a policy as runs used them: what explains an old change must not change itself."""

    _name = "customer.tiering.policy.version"
    _description = "Customer Tiering Policy Version"
    _order = "policy_id, number desc"

    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    number = fields.Integer(required=True, readonly=True)
    rules = fields.Json(required=True, readonly=True, help="All that decides over the customers.")
    names = fields.Json(readonly=True, help="Names of the tiers at that time.")
    metric_texts = fields.Json(readonly=True, help="Names and units of the metrics at that time, in all languages.")
    changes = fields.Text(
        string="What Changed", compute="_compute_changes", help="The rules that are others than in the version before."
    )
    summary = fields.Text(compute="_compute_summary")
    run_ids = fields.One2many("customer.tiering.run", "version_id", string="Runs")

    _number_uniq = models.Constraint(
        "UNIQUE(policy_id, number)", "Somebody else has just changed this policy. Save it again."
    )

    @api.depends("policy_id", "number")
    def _compute_display_name(self):
        for version in self:
            version.display_name = self.env._(
                "%(policy)s, version %(number)s", policy=version.policy_id.name, number=version.number
            )

    @api.depends("rules", "names")
    @api.depends_context("lang")
    def _compute_summary(self):
        for version in self:
            version.summary = version._get_summary()

    @api.depends("rules", "names")
    @api.depends_context("lang")
    def _compute_changes(self):
        before = {}
        for version in self.search([("policy_id", "in", self.policy_id.ids)], order="policy_id, number"):
            before[version] = before.get(version.policy_id, version.browse())
            before[version.policy_id] = version
        for version in self:
            version.changes = bool(before.get(version)) and version._get_changes(before[version])

    def _get_changes(self, before):
        """Return the lines of the summary that are other ones than those of the version before."""
        then, now = before._get_summary().splitlines(), self._get_summary().splitlines()
        lines = [self.env._("Before: %(rule)s", rule=line) for line in then if line not in now]
        lines += [self.env._("Now: %(rule)s", rule=line) for line in now if line not in then]
        # The segment map, limits and such are no lines of the summary.
        return "\n".join(lines) or self.env._(
            "Something that the summary does not say, such as limits or the segment map"
        )

    def _get_summary(self):
        """Return the rules in words, one line each."""
        self.ensure_one()
        data, env = self.rules, self.env
        policy, criterion = env["customer.tiering.policy"], env["customer.tiering.criterion"]
        rules, names = data["rules"], self.names or {}
        methods = dict(policy._fields["method"]._description_selection(env))
        scales = dict(criterion._fields["method"]._description_selection(env))
        labels = self._get_metric_names()
        lines = [env._("Method: %(method)s", method=methods.get(rules["tier_method"], rules["tier_method"]))]
        if rules["basis"]:
            lines.append(env._("Ranked by: %(metric)s", metric=labels.get(rules["basis"], rules["basis"])))
        lines.append(env._("Window: %(days)s days", days=data["window_days"]))
        kinds = dict(policy._fields["revenue_from"]._description_selection(env))
        counted = kinds.get(data["revenue_from"], data["revenue_from"])
        lines.append(env._("Revenue from: %(documents)s", documents=counted))
        if data["min_order_amount"]:
            least = formatLang(env, data["min_order_amount"], currency_obj=self.policy_id.currency_id)
            lines.append(env._("Left out: orders below %(amount)s", amount=least))
        if not data["subtract_rebates"]:
            lines.append(env._("Rebates are not subtracted"))
        if data["partner_domain"].strip() in ("", "[]"):
            lines.append(env._("Customers: all"))
        else:
            lines.append(env._("Customers: %(domain)s", domain=data["partner_domain"]))
        lines += [
            env._(
                "Criterion %(metric)s: weight %(weight)g, %(scale)s",
                metric=labels.get(rule["metric"], rule["metric"]),
                weight=rule["weight"],
                scale=scales.get(rule["method"], rule["method"]),
            )
            for rule in rules["criteria"]
        ]
        for tier in rules["tiers"]:
            parts = []
            if rules["tier_method"] == "score":
                parts.append(
                    env._("from %(entry)g, stays down to %(kept)g", entry=tier["floor"], kept=tier["keep_floor"])
                )
            if tier["share"] is not None:
                parts.append(env._("%(share)g %%", share=tier["share"]))
            parts += [
                f"{labels.get(condition['metric'], condition['metric'])} {condition['operator']} {condition['value']:g}"
                for condition in tier["conditions"]
            ]
            parts.append(
                env._("grace %(grace)s days, stay %(stay)s days", grace=tier["grace_days"], stay=tier["stay_days"])
            )
            lines.append(
                env._("Tier %(tier)s: %(rule)s", tier=names.get(str(tier["key"]), tier["key"]), rule="; ".join(parts))
            )
        lines += self._get_retention_lines(rules["retention"])
        lines.append(
            env._(
                "Lifecycle: lost after %(lost)g usual gaps, declining after %(late)g or a fall of %(fall)g %%, "
                "exploring up to %(days)s days with orders, forming from a growth of %(growth)g %%",
                lost=rules["lifecycle"]["lost_lateness"],
                late=rules["lifecycle"]["late_lateness"],
                fall=rules["lifecycle"]["falling"],
                days=rules["lifecycle"]["exploring_days"],
                growth=rules["lifecycle"]["growing"],
            )
        )
        risk = rules.get("risk")  # absent in versions from before there was a warning
        if risk:
            lines.append(
                env._(
                    "Churn warning: watch after %(watch)g usual gaps, high after %(high)g, silence after %(days)s days",
                    watch=risk["watch_lateness"],
                    high=risk["high_lateness"],
                    days=risk["silent_days"],
                )
            )
        return "\n".join(lines)

    def _get_retention_lines(self, retention):
        """Return the policy's protection of customers in words, what is switched on only."""
        fields_of_policy = self.env["customer.tiering.policy"].fields_get(list(retention), ["string"])
        switches = ("one_step", "month_end", "refunds_at_once", "skip_idle_days")
        lines = [fields_of_policy[name]["string"] for name in switches if retention.get(name)]
        if retention["protection_days"]:
            lines.append(self.env._("New customers are protected for %(days)s days", days=retention["protection_days"]))
        # Absent where they are not used, as in versions from before there were such rules.
        points, days, at_once = (retention.get(name) for name in ("enter_margin", "upgrade_days", "at_once_margin"))
        if points:
            lines.append(self.env._("Upgrades from %(points)g points above the score of the tier", points=points))
        if days:
            lines.append(self.env._("Upgrades after %(days)s days in the tier", days=days))
        if days and at_once:
            lines.append(self.env._("Upgrades at once from %(points)g points above", points=at_once))
        return lines

    def _get_metric_texts(self):
        """Return ``{key: {field: text}}`` of the metrics, in the user's language: today's, or those that a metric had
        when it was used."""
        lang = self.env.lang or "en_US"
        then = {
            key: {
                fname: (text.get(lang) or text["en_US"]) if isinstance(text, dict) else text
                for fname, text in texts.items()
            }
            for key, texts in (self.metric_texts or {}).items()
        }
        return then | self.env["customer.tiering.metric"]._get_words()

    def _get_metric_names(self):
        """Return ``{key: name}`` of the metrics, in the user's language."""
        return {key: texts["name"] for key, texts in self._get_metric_texts().items()}

    @tools.ormcache("self.id")
    def _get_rules(self):
        """Return the engine's ``PolicyRules`` of this version, which never change.

        :raises ValueError: when they cannot be used any more
        """
        self.ensure_one()
        return engine.rules.PolicyRules.from_json(self.rules["rules"])
