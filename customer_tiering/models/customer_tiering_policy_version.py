from odoo import api, fields, models, tools
from odoo.tools.misc import formatLang

from .. import engine
from ..sentences import format_number


class CustomerTieringPolicyVersion(models.Model):
    """The rules of a policy as runs used them: what explains an old change must not change itself."""

    _name = "customer.tiering.policy.version"
    _description = "Customer Tiering Policy Version"
    _order = "policy_id, number desc"

    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    number = fields.Integer(string="Version", required=True, readonly=True)
    rules = fields.Json(required=True, readonly=True, help="All that decides over the customers.")
    names = fields.Json(readonly=True, help="Names of the tiers at that time, in all languages.")
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
    @api.depends_context("lang")
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

    def _get_summary_of_axes(self, labels):
        """Return the lines about two axes."""
        env, axes = self.env, self.rules["rules"].get("axes")
        lines = []
        for axis in (axes["value"], axes["profit"]) if axes else ():
            said = {
                "metric": labels.get(axis["metric"], axis["metric"]) if axis["metric"] else env._("Score"),
                "border": format_number(env, axis["border"], 2),
            }
            if axis["by"] == engine.rules.SHARE:
                lines.append(env._("Axis %(metric)s: the best %(border)s%% of the customers", **said))
            else:
                lines.append(env._("Axis %(metric)s: from %(border)s on", **said))
        if axes:
            margin = format_number(env, axes["margin"], 2)
            lines.append(env._("Kept down to %(margin)s%% below the border", margin=margin))
        return lines

    def _get_summary_of_costs(self):
        """Return the lines about what serving costs."""
        env, currency = self.env, self.policy_id.currency_id
        # sudo: whoever may see the version
        names = {cost.key: cost.name for cost in env["customer.tiering.cost"].sudo().search([])}
        return [
            env._(
                "Cost to serve, %(work)s: %(cost)s",
                work=names.get(cost["key"], cost["key"]),
                cost=format_number(env, cost["rate"], 2)
                if cost["key"] == "interest"  # is no money
                else formatLang(env, cost["rate"], currency_obj=currency),
            )
            for cost in self.rules["rules"].get("costs", ())
        ]

    def _get_summary(self):
        """Return the rules in words, one line each."""
        self.ensure_one()
        data, env = self.rules, self.env
        policy, criterion = env["customer.tiering.policy"], env["customer.tiering.criterion"]
        rules = data["rules"]
        methods = dict(policy._fields["method"]._description_selection(env))
        scales = dict(criterion._fields["method"]._description_selection(env))
        labels = self._get_metric_names()
        lines = [env._("Method: %(method)s", method=methods.get(rules["tier_method"], rules["tier_method"]))]
        if rules["basis"]:
            lines.append(env._("Ranked by: %(metric)s", metric=labels.get(rules["basis"], rules["basis"])))
        lines += self._get_summary_of_axes(labels)
        lines.append(env._("Window: %(days)s days", days=format_number(env, data["window_days"])))
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
                "Criterion %(metric)s: weight %(weight)s, %(scale)s",
                metric=labels.get(rule["metric"], rule["metric"]),
                weight=format_number(env, rule["weight"], 2),
                scale=scales.get(rule["method"], rule["method"]),
            )
            for rule in rules["criteria"]
        ]
        lines += self._get_summary_of_costs()
        for tier in rules["tiers"]:
            parts = []
            if rules["tier_method"] == "score":
                parts.append(
                    env._(
                        "from %(entry)s, stays down to %(kept)s",
                        entry=format_number(env, tier["floor"], 2),
                        kept=format_number(env, tier["keep_floor"], 2),
                    )
                )
            if tier["share"] is not None:
                parts.append(env._("%(share)s%%", share=format_number(env, tier["share"], 2)))
            for condition in tier["conditions"]:
                said = {
                    "metric": labels.get(condition["metric"], condition["metric"]),
                    "value": format_number(env, condition["value"], 2),
                }
                parts.append(
                    env._("%(metric)s of at least %(value)s", **said)
                    if condition["operator"] == ">="
                    else env._("%(metric)s of at most %(value)s", **said)
                )
            parts.append(
                env._(
                    "days of grace: %(grace)s, days to stay: %(stay)s",
                    grace=format_number(env, tier["grace_days"]),
                    stay=format_number(env, tier["stay_days"]),
                )
            )
            lines.append(env._("Tier %(tier)s: %(rule)s", tier=self._get_tier_name(tier["key"]), rule="; ".join(parts)))
        lines += self._get_retention_lines(rules["retention"])
        lines.append(
            env._(
                "Lifecycle: lost after %(lost)s usual gaps, declining after %(late)s or a fall of %(fall)s%%, "
                "exploring up to %(days)s days with orders, forming from a growth of %(growth)s%%",
                lost=format_number(env, rules["lifecycle"]["lost_lateness"], 2),
                late=format_number(env, rules["lifecycle"]["late_lateness"], 2),
                fall=format_number(env, rules["lifecycle"]["falling"], 2),
                days=format_number(env, rules["lifecycle"]["exploring_days"]),
                growth=format_number(env, rules["lifecycle"]["growing"], 2),
            )
        )
        risk = rules.get("risk")  # absent in versions from before there was a warning
        if risk and risk.get("method") == engine.rules.PREDICTION:
            lines.append(
                env._(
                    "Churn warning by the chance that no order comes: watch from %(watch)s%%, high from %(high)s%%, "
                    "lost from %(lost)s%%",
                    watch=format_number(env, risk["watch_percent"]),
                    high=format_number(env, risk["high_percent"]),
                    lost=format_number(env, risk["lost_percent"]),
                )
            )
        if risk:
            lines.append(
                env._(
                    "Churn warning: watch after %(watch)s usual gaps, high after %(high)s, silence after %(days)s days",
                    watch=format_number(env, risk["watch_lateness"], 2),
                    high=format_number(env, risk["high_lateness"], 2),
                    days=format_number(env, risk["silent_days"]),
                )
            )
        if days := rules.get("outlook", {}).get("days"):
            lines.append(env._("Look ahead: %(days)s days", days=format_number(env, days)))
        return "\n".join(lines)

    def _get_tier_name(self, key):
        """Return what a tier was called, in the user's language."""
        names = (self.names or {}).get(str(key), str(key))
        if isinstance(names, str):  # of a version from before they were kept in all languages
            return names
        return names.get(self.env.lang) or names["en_US"]

    def _get_retention_lines(self, retention):
        """Return the policy's protection of customers in words, what is switched on only."""
        fields_of_policy = self.env["customer.tiering.policy"].fields_get(list(retention), ["string"])
        switches = ("one_step", "month_end", "refunds_at_once", "skip_idle_days")
        lines = [fields_of_policy[name]["string"] for name in switches if retention.get(name)]
        if retention["protection_days"]:
            lines.append(
                self.env._(
                    "Days of protection for new customers: %(days)s",
                    days=format_number(self.env, retention["protection_days"]),
                )
            )
        # Absent where they are not used, as in versions from before there were such rules.
        points, days, at_once = (retention.get(name) for name in ("enter_margin", "upgrade_days", "at_once_margin"))
        if points:
            lines.append(
                self.env._(
                    "Upgrades, points above the score of the tier: %(points)s",
                    points=format_number(self.env, points, 2),
                )
            )
        if days:
            lines.append(self.env._("Upgrades, days in the tier before: %(days)s", days=format_number(self.env, days)))
        if days and at_once:
            lines.append(
                self.env._("Upgrades at once, points above: %(points)s", points=format_number(self.env, at_once, 2))
            )
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
