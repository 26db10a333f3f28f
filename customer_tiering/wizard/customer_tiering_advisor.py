from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools.misc import formatLang

from .. import engine
from ..models import customer_tiering_replay
from ..sentences import format_number, join

# What a manager with as many tiers usually wants, percent of the customers, the highest tier first.
USUAL_SHARES = {1: (100,), 2: (20, 80), 3: (10, 30, 60), 4: (5, 15, 30, 50), 5: (5, 10, 20, 30, 35)}

# So many customers are replayed, by several rules, while somebody waits: some seconds.
REPLAYED = 5_000


class CustomerTieringAdvisor(models.TransientModel):
    """What fits a policy's customers, as :meth:`customer.tiering.policy.action_advise` wrote it down.

    People only read it, but for the target that they name, so that what they accept is what was proposed.
    """

    _name = "customer.tiering.advisor"
    _inherit = ["customer.tiering.typed"]
    _description = "Advice for a Tiering Policy"
    _typed_ranges = {"target": (0.01, 100)}

    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade")
    line_ids = fields.One2many("customer.tiering.advisor.line", "advisor_id", string="Proposals", readonly=True)
    customer_count = fields.Integer(string="Customers Looked At", readonly=True)
    target = fields.Float(
        string="Moves per Night, at Most (% of Customers)",
        digits=(5, 2),
        default=0.5,
        help="So many percent of the customers may change tier in a night, on average.",
    )
    protection_ids = fields.One2many(
        "customer.tiering.advisor.protection", "advisor_id", string="Protections", readonly=True
    )
    protection_note = fields.Text(readonly=True)

    _target_positive = models.Constraint(
        "CHECK(target > 0 AND target <= 100)", "The part of the customers who may move is above 0 and at most 100%."
    )

    def _get_action(self, calm=False):
        """Return the action that shows this advice in a dialog; with ``calm``, its page *Calm* first."""
        self.ensure_one()
        view = calm and self.env.ref("customer_tiering.customer_tiering_advisor_view_form_calm").id
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Advice for %(policy)s", policy=self.policy_id.name),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(view, "form")],
            "target": "new",
        }

    def _propose(self, customers):
        """Write down what fits the policy's customers.

        :param customers: the frame of the policy's ``_compute_frame``
        """
        self.ensure_one()
        policy = self.policy_id
        active = customers[customers[engine.schema.ORDER_COUNT] > 0]
        if active.empty:
            raise UserError(
                self.env._(
                    "No customer of “%(policy)s” bought in the window, so there is nothing to learn from. "
                    "Make the window longer, or wait for the first orders.",
                    policy=policy.name,
                )
            )
        lines = [self._propose_window(customers)]
        if policy.method == "score":
            lines.append(self._propose_floors(customers[engine.schema.bought(customers)][engine.schema.SCORE]))
        lines += [self._propose_bands(criterion, active) for criterion in policy.criterion_ids]
        self.customer_count = len(active)
        self.line_ids = [fields.Command.clear(), *(fields.Command.create(line) for line in lines if line)]

    # ------------------------------------------------------------------
    # Calm
    # ------------------------------------------------------------------

    def action_protect(self):
        """Replay the last nights with protections from none on, and propose the mildest that reaches the target."""
        self.ensure_one()
        policy = self.policy_id
        policy.check_access("write")
        rules = policy._get_rules()
        protections = engine.advisor.protections(rules)
        nights = customer_tiering_replay.NIGHTS
        history, locks = policy._read_history(policy.company_id._get_tiering_today(), rules, nights)
        sample = history.sample(REPLAYED)
        try:
            present, *replays = engine.replay.replay_all(
                [rules, *(protection.protect(rules) for protection in protections)],
                sample,
                nights,
                recalibrate_days=policy.recalibrate_days,
                locks=locks.reindex(sample.frame.index),
            )
        except ValueError as error:
            raise UserError(str(error)) from error
        mildest = engine.advisor.choose_mildest(replays, self.target)
        lines = [{"title": self.env._("As it is now"), "step": -1, **self._get_calm_values(present)}]
        for step, (protection, replay) in enumerate(zip(protections, replays, strict=True)):
            title = self._get_protection_title(rules, protection)
            lines.append({"title": title, "step": step, "proposed": step == mildest, **self._get_calm_values(replay)})
        # sudo: nobody writes proposals by hand
        self.sudo().protection_ids = [fields.Command.clear(), *(fields.Command.create(line) for line in lines)]
        self.sudo().protection_note = self._get_protection_note(present, mildest, len(sample.frame), len(history.frame))
        return self._get_action(calm=True)

    def _get_calm_values(self, replay):
        moved = replay.by_customer()
        highest = replay.inflation[replay.rules.ladder[-1].key]
        customers = replay.tiered[-1]
        return {
            "moved_share": replay.moved_share,
            "back_share": 100 * moved["back"].sum() / customers if customers else 0,
            "highest": highest or 0,
            "has_highest": highest is not None,
        }

    def _get_protection_title(self, rules, protection):
        """Return a protection in words, one sentence for each of its parts."""
        sentences = []
        if protection.keep_margin and rules.tier_method == engine.rules.SCORE:
            sentences.append(
                self.env._(
                    "A customer stays in a tier down to %(points)s points below its floor.",
                    points=format_number(self.env, protection.keep_margin, 2),
                )
            )
        if protection.grace_days:
            sentences.append(
                self.env._(
                    "A downgrade is announced %(days)s days before.",
                    days=format_number(self.env, protection.grace_days),
                )
            )
        if protection.enter_margin and rules.by_score:
            sentences.append(
                self.env._(
                    "An upgrade takes %(points)s points more than the floor.",
                    points=format_number(self.env, protection.enter_margin, 2),
                )
            )
        if protection.upgrade_days and rules.tier_method != engine.rules.CONDITIONS:
            sentences.append(
                self.env._(
                    "It takes effect when it has held for %(days)s days.",
                    days=format_number(self.env, protection.upgrade_days),
                )
                if protection.enter_margin and rules.by_score
                else self.env._(
                    "An upgrade takes effect when it has held for %(days)s days.",
                    days=format_number(self.env, protection.upgrade_days),
                )
            )
        return join(self.env, sentences) or self.env._("Nothing protects from moving.")

    def _get_protection_note(self, present, mildest, replayed, customers):
        if not present.tiered[-1]:
            return self.env._("No customer has a tier yet, so there is nothing to replay.")
        sentences = []
        if engine.advisor.choose_mildest([present], self.target) is not None:
            sentences.append(self.env._("The rules as they are now are calm enough: nothing has to change."))
        if mildest is not None:
            sentences.append(
                self.env._(
                    "The rule in green is the mildest one that is calm enough and keeps each tier near the size that "
                    "the scores alone give it."
                )
            )
        elif not sentences:
            sentences.append(
                self.env._(
                    "None of these is so calm and keeps each tier near the size that the scores alone give it. Choose "
                    "a higher target, or a longer window."
                )
            )
        if replayed < customers:
            sentences.append(
                self.env._(
                    "Replayed for a random sample of %(replayed)s of all %(customers)s customers.",
                    replayed=self._format_count(replayed),
                    customers=self._format_count(customers),
                )
            )
        return join(self.env, sentences) or False

    # ------------------------------------------------------------------
    # Window, floors and bands
    # ------------------------------------------------------------------

    def _propose_window(self, customers):
        days = engine.advisor.propose_window(customers[engine.schema.GAP_MEDIAN_DAYS])
        if days == self.policy_id.window_days:
            return None
        recency = customers[engine.schema.RECENCY_DAYS]
        counts = {window: int((recency < window).sum()) for window in (self.policy_id.window_days, days)}
        return {
            "kind": "window",
            "title": self.env._("Window"),
            "current": self.env._("%(days)s days", days=format_number(self.env, self.policy_id.window_days)),
            "proposed": self.env._("%(days)s days", days=format_number(self.env, days)),
            "distribution": self.env._(
                "%(after)s customers with an order in the window instead of %(before)s; %(often)s of them usually "
                "order %(times)s times or more in so many days.",
                after=self._format_count(counts[days]),
                before=self._format_count(counts[self.policy_id.window_days]),
                often=self._format_count(
                    engine.advisor.count_often(customers[engine.schema.GAP_MEDIAN_DAYS], recency, days)
                ),
                times=format_number(self.env, engine.advisor.GAPS_IN_WINDOW),
            ),
            "values": {"window_days": days},
        }

    def _propose_floors(self, score):
        tiers = self.policy_id.tier_ids
        shares = USUAL_SHARES.get(len(tiers)) or [100 / len(tiers)] * len(tiers)
        floors = engine.advisor.propose_floors(score, shares)
        current = tiers.mapped("entry_floor")
        if floors == current:
            return None
        return {
            "kind": "floors",
            "title": self.env._("Scores of the tiers"),
            "current": self._format_floors(current, engine.advisor.tier_distribution(score, current)),
            "proposed": self._format_floors(floors, engine.advisor.tier_distribution(score, floors)),
            "distribution": self.env._(
                "Customers by their score alone: those who are protected, locked or about to fall may be in another "
                "tier today. The proposal aims at %(shares)s%% of the customers, the highest tier first.",
                shares=" / ".join(format_number(self.env, share, 2) for share in shares),
            ),
            "values": {"floors": floors},
        }

    def _format_floors(self, floors, counts):
        return "\n".join(
            self.env._(
                "%(tier)s from %(floor)s: %(count)s",
                tier=tier.name,
                floor=format_number(self.env, floor, 2),
                count=self._format_count(count),
            )
            for tier, floor, count in zip(self.policy_id.tier_ids, floors, counts, strict=True)
        )

    def _format_count(self, count):
        return formatLang(self.env, count, digits=0)

    def _propose_bands(self, criterion, active):
        metric = criterion.metric_id._get_definition()
        values = metric.comparable(active)
        direction = metric.higher_is_better
        bands = engine.advisor.propose_bands(values, higher_is_better=direction, unit=metric.unit)
        if not bands or (criterion.band_unit == "value" and bands == criterion._get_bands()):
            return None
        counts = engine.advisor.band_distribution(values, bands, higher_is_better=direction)
        if criterion.band_unit == "median_order":
            bare = self._format_bands(criterion._get_bands())
            current = self.env._("%(bands)s times the median order", bands=bare)
        else:
            current = self._format_bands(criterion._get_bands(), metric.unit)
        return {
            "kind": "bands",
            "criterion_id": criterion.id,
            "title": self.env._("Limits of “%(metric)s”", metric=criterion.metric_id.name),
            "current": current,
            "proposed": self._format_bands(bands, metric.unit),
            "distribution": self.env._(
                "Customers per band, from the lowest: %(counts)s", counts=" / ".join(map(self._format_count, counts))
            ),
            "values": {"bands": bands},
        }

    def _format_bands(self, bands, unit=None):
        """Return the limits in words, with their unit where it has a sign or a name."""
        currency = self.policy_id.currency_id if unit == "money" else None
        text = " / ".join(
            formatLang(self.env, band, digits=0 if float(band).is_integer() else 2, currency_obj=currency)
            for band in bands
        )
        if unit == "days":
            return self.env._("%(bands)s days", bands=text)
        return self.env._("%(bands)s%%", bands=text) if unit == "percent" else text


class CustomerTieringAdvisorLine(models.TransientModel):
    _name = "customer.tiering.advisor.line"
    _description = "Proposal for a Tiering Policy"
    _order = "id"

    advisor_id = fields.Many2one("customer.tiering.advisor", required=True, readonly=True, ondelete="cascade")
    kind = fields.Selection(
        [("window", "Window"), ("floors", "Scores of the tiers"), ("bands", "Limits")], required=True, readonly=True
    )
    criterion_id = fields.Many2one("customer.tiering.criterion", readonly=True, ondelete="cascade")
    title = fields.Char(string="What", readonly=True)
    current = fields.Text(string="Now", readonly=True)
    proposed = fields.Text(readonly=True)
    distribution = fields.Text(string="It Would Give", readonly=True)
    values = fields.Json(readonly=True)
    accepted = fields.Boolean(readonly=True)

    def action_accept(self):
        """Put the proposal into the policy; nothing is computed yet."""
        self.ensure_one()
        policy = self.advisor_id.policy_id
        policy.check_access("write")
        if self.kind == "floors" and len(policy.tier_ids) != len(self.values["floors"]):
            raise UserError(
                self.env._(
                    "“%(policy)s” has other tiers now than when this was proposed. Ask for advice again.",
                    policy=policy.name,
                )
            )
        if self.kind == "window":
            policy.window_days = self.values["window_days"]
        elif self.kind == "floors":
            floors = zip(policy.tier_ids, self.values["floors"], strict=True)
            policy.tier_ids = [fields.Command.update(tier.id, {"entry_floor": floor}) for tier, floor in floors]
        else:
            bands = dict(zip(("band_1", "band_2", "band_3", "band_4"), self.values["bands"], strict=True))
            self.criterion_id.write({**bands, "band_unit": "value"})
        self.sudo().accepted = True  # sudo: nobody writes proposals by hand
        return self.advisor_id._get_action()


class CustomerTieringAdvisorProtection(models.TransientModel):
    _name = "customer.tiering.advisor.protection"
    _description = "Replayed Protection of a Tiering Policy"
    _order = "id"

    advisor_id = fields.Many2one("customer.tiering.advisor", required=True, readonly=True, ondelete="cascade")
    step = fields.Integer(readonly=True, help="Its place among the protections; -1: the policy as it is.")
    title = fields.Text(string="Rule", readonly=True)
    moved_share = fields.Float(string="Move per Night (%)", digits=(5, 2), readonly=True, aggregator=None)
    back_share = fields.Float(
        string="There and Back (%)",
        digits=(5, 2),
        readonly=True,
        aggregator=None,
        help="Customers who fell in these nights and were back within 60 days, of all.",
    )
    highest = fields.Float(
        string="Highest Tier ÷ by Score",
        digits=(5, 2),
        readonly=True,
        aggregator=None,
        help="Customers in the highest tier at the end, in multiples of those whom the scores alone would put there. "
        "What protects from falling only fills it more and more.",
    )
    has_highest = fields.Boolean(readonly=True)
    proposed = fields.Boolean(readonly=True)
    accepted = fields.Boolean(readonly=True)

    def action_accept(self):
        """Put the protection into the policy; nothing is computed yet.

        What it comes to is worked out again from its place and the policy's present rules.
        """
        self.ensure_one()
        policy = self.advisor_id.policy_id
        policy.check_access("write")
        protections = engine.advisor.protections(policy._get_rules())
        if not 0 <= self.step < len(protections):
            raise UserError(self.env._("The policy was changed since. Replay the protections again."))
        protection = protections[self.step]
        values = {
            "grace_days": protection.grace_days,
            "enter_margin": protection.enter_margin,
            "upgrade_days": protection.upgrade_days,
        }
        tier_values = {"grace_days": protection.grace_days}  # each tier had days of its own, perhaps
        if policy.method == "score":
            tier_values["keep_margin"] = protection.keep_margin
        values["tier_ids"] = [fields.Command.update(tier.id, tier_values) for tier in policy.tier_ids]
        policy.write(values)
        self.advisor_id.sudo().protection_ids.accepted = False  # sudo: nobody writes proposals by hand
        self.sudo().accepted = True
        return self.advisor_id._get_action(calm=True)
