import math
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date
from odoo.tools.misc import formatLang

from .. import engine
from ..sentences import format_number, join

# What is known of a rule: the fields of the engine's ``Hits``, each as a field of the warning and of the plain rule.
HITS = ("stopped", "precision", "recall", "lift", "money")


class CustomerTieringBacktest(models.TransientModel):
    """Was the churn warning of a past day right?

    It warns of customers as on that day, by the present rules, and looks at who has ordered since.
    """

    _name = "customer.tiering.backtest"
    _inherit = ["customer.tiering.typed"]
    _description = "Test of the Churn Warning"

    _typed_ranges = {"days": (1, 36500)}

    policy_id = fields.Many2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade")
    days = fields.Integer(
        string="Days Ago",
        required=True,
        default=90,
        help="Customers are flagged as of this many days ago. Those who have not ordered since have stopped buying.",
    )
    level = fields.Selection(
        [("watch", "Watch and High"), ("high", "High only")], string="Warning", required=True, default="watch"
    )
    with_lost = fields.Boolean(
        string="Lost Customers Too",
        help="Customers who were already lost on that day are usually left out. Here they count as flagged.",
    )
    verdict = fields.Text(readonly=True)
    is_judged = fields.Boolean(readonly=True)
    customer_count = fields.Integer(string="Customers", readonly=True)
    stopped_count = fields.Integer(string="Stopped Buying", readonly=True)
    warned_count = fields.Integer(string="Flagged", readonly=True)
    base_rate = fields.Float(string="Stopped Buying, of All", readonly=True, digits=(5, 3))
    warning_stopped = fields.Integer(string="Correctly Flagged", readonly=True)
    warning_precision = fields.Float(
        string="Precision",
        readonly=True,
        digits=(5, 3),
        help="How many of the flagged customers stopped buying.",
    )
    warning_recall = fields.Float(
        string="Recall",
        readonly=True,
        digits=(5, 3),
        help="How many of the customers who stopped buying were flagged.",
    )
    warning_lift = fields.Float(
        string="Lift",
        readonly=True,
        digits=(5, 2),
        help="How many times more often than among all customers a warning is right: 1 is no better than chance.",
    )
    warning_money = fields.Float(
        string="Money Found",
        readonly=True,
        digits=(5, 3),
        help="How much of the amount in the window, of all customers who stopped, is of flagged ones.",
    )
    naive_stopped = fields.Float(
        string="Right (Plain Rule)",
        readonly=True,
        digits=(16, 1),
        help="On average: where several customers have waited equally long, some of them are drawn by lot.",
    )
    naive_precision = fields.Float(string="Precision (Plain Rule)", readonly=True, digits=(5, 3))
    naive_recall = fields.Float(string="Recall (Plain Rule)", readonly=True, digits=(5, 3))
    naive_lift = fields.Float(string="Lift (Plain Rule)", readonly=True, digits=(5, 2))
    naive_money = fields.Float(string="Money (Plain Rule)", readonly=True, digits=(5, 3))

    _days_positive = models.Constraint(
        "CHECK(days BETWEEN 1 AND 36500)", "“Days Ago” must be 1 to 36,500: the test looks at what happened since."
    )

    def action_test(self):
        """Judge the warning and show the outcome in the dialog."""
        self.ensure_one()
        self.policy_id.check_access("write")
        self.write(self._get_outcome())
        return self._get_action()

    def _get_outcome(self):
        """Judge the warning and return the values to show."""
        judgement = self._judge()
        counts = ("customers", "warned", "stopped")
        values = {f"{name.removesuffix('s')}_count": getattr(judgement, name) for name in counts}
        values["base_rate"] = self._known(judgement.base_rate)
        for rule in ("warning", "naive"):
            hits = getattr(judgement, rule)
            values |= {f"{rule}_{name}": self._known(getattr(hits, name)) for name in HITS}
        return {
            **values,
            "is_judged": bool(judgement.warned and judgement.stopped),
            "verdict": self._get_verdict(judgement),
        }

    def _get_action(self):
        """Return the action that shows this test in a dialog."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Test of the Warning: %(policy)s", policy=self.policy_id.name),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def _get_day(self):
        """Return the day in the past, by the company's calendar."""
        return self.policy_id.company_id._get_tiering_today() - timedelta(days=self.days)

    def _judge(self):
        """Return the engine's ``Judgement`` of the warning of the past day."""
        policy, day = self.policy_id, self._get_day()
        customers = policy._compute_frame(day)
        customers = customers[engine.schema.bought(customers)]
        if not self.with_lost:
            customers = customers[customers[engine.schema.RISK] != engine.risk.LOST]
        # sudo: as in a run; the policy's managers get the counts only
        replica = self.env["customer.tiering.replica"].sudo()
        since = replica._read_customers(policy._get_scope(day + timedelta(days=self.days)))
        levels = {engine.risk.HIGH, engine.risk.LOST} | ({engine.risk.WATCH} if self.level == "watch" else set())
        last = since[engine.schema.LAST_ORDER_DATE].reindex(customers.index)
        return engine.backtest.judge(
            warned=customers[engine.schema.RISK].isin(levels),
            stopped=last <= engine.schema.day(day),
            recency_days=customers[engine.schema.RECENCY_DAYS],
            amount=customers[engine.schema.AMOUNT],
        )

    @api.model
    def _known(self, number):
        return 0 if math.isnan(number) else number

    def _get_verdict(self, judgement):
        """Return in plain words what the test says."""
        env, days = self.env, self._format(self.days)
        day = format_date(env, self._get_day())
        if not judgement.customers:
            return env._(
                "No customer had bought by %(day)s (or all of them were lost already), so there is nothing to judge. "
                "Choose fewer days.",
                day=day,
            )
        if not judgement.warned:
            return env._(
                "By these rules nobody would have been flagged on %(day)s, among %(customers)s customers.",
                day=day,
                customers=self._format(judgement.customers),
            )
        if not judgement.stopped:
            return env._(
                "Nobody has stopped buying: of %(customers)s customers all have ordered in the %(days)s days since "
                "%(day)s, also the %(warned)s whom the warning would have flagged.",
                customers=self._format(judgement.customers),
                days=days,
                day=day,
                warned=self._format(judgement.warned),
            )
        sentences = [
            env._(
                "On %(day)s the warning would have flagged %(warned)s of %(customers)s customers. %(stopped)s of them "
                "(%(precision)s%%) have bought nothing in the %(days)s days since; of all customers %(base)s%%.",
                day=day,
                warned=self._format(judgement.warned),
                customers=self._format(judgement.customers),
                stopped=self._format(judgement.warning.stopped),
                precision=self._percent(judgement.warning.precision),
                days=days,
                base=self._percent(judgement.base_rate),
            ),
            self._compare(judgement),
        ]
        if judgement.warning.lift <= 1:
            sentences.append(env._("This is no better than chance: change the numbers of the warning, or ignore it."))
        return join(self.env, sentences)

    def _compare(self, judgement):
        """Return in words how the warning does beside the plain rule, also when it does worse."""
        env, ours, plain = self.env, judgement.warning, judgement.naive
        values = {"plain": self._format(plain.stopped), "ours": self._format(ours.stopped)}
        if round(plain.stopped) > round(ours.stopped):
            verdict = env._(
                "The plain rule does better here: the same number of customers, those without an order for the "
                "longest time, would have been right for %(plain)s.",
                **values,
            )
        elif round(plain.stopped) < round(ours.stopped):
            verdict = env._(
                "The warning does better than the plain rule: the same number of customers, those without an order "
                "for the longest time, would have been right for %(plain)s.",
                **values,
            )
        else:
            verdict = env._(
                "The plain rule does as well: the same number of customers, those without an order for the longest "
                "time, would have been right for %(plain)s.",
                **values,
            )
        if math.isnan(ours.money):
            return verdict
        money = env._(
            "Of the money of those who stopped, the warning finds %(ours)s%%, the plain rule %(plain)s%%.",
            ours=self._percent(ours.money),
            plain=self._percent(plain.money),
        )
        return join(env, [verdict, money])

    def _format(self, number):
        return format_number(self.env, number)  # a half goes up, as in the numbers below

    def _percent(self, share):
        return formatLang(self.env, 100 * share, digits=0)
