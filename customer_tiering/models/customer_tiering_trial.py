import secrets

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import engine
from ..sentences import format_number, join

MANAGERS = "sales_team.group_sale_manager"
# Percent: of more, the smaller group would be the one that is followed up.
MOST_HELD_OUT = 50
# What an effect is expected to be when nothing is known yet: so many customers buy again, and so many more.
USUAL_SHARE, USUAL_RISE = 0.30, 0.10
# An effect shows within twice the usual time between two purchases, within these bounds.
LEAST_EFFECT_DAYS, MOST_EFFECT_DAYS = 30, 180
# Of the numbers that people type, as ``customer.tiering.typed`` has them.
RANGES = {"held_out_percent": (0, MOST_HELD_OUT), "effect_days": (0, 365)}


class CustomerTieringTrial(models.AbstractModel):
    """What holds some customers out by chance, so that it can be told what it does for the others.

    Whoever inherits it is named by a field of ``customer.tiering.effect``, and says who was drawn.
    """

    _name = "customer.tiering.trial"
    _description = "Holds Customers Out"
    # The field of an effect that names it.
    _effect_field = None

    # Managers only, as who knows who is held out treats them otherwise.
    held_out_percent = fields.Float(
        string="Held Out (%)",
        digits=(5, 2),
        groups=MANAGERS,
        help="This share of the customers, drawn by chance, gets nothing from this playbook, so that you can see what "
        "it does for the others. Salespeople do not see who that is. 0: nobody.",
    )
    effect_measure = fields.Selection(
        [("bought", "Customers who buy again"), ("money", "Amount per customer")],
        string="Judged By",
        required=True,
        default="bought",
        groups=MANAGERS,
        help="The one number that decides whether the playbook works. The others are shown beside it.",
    )
    effect_days = fields.Integer(
        string="Within (Days)",
        groups=MANAGERS,
        help="Purchases within so many days count: from the day of the follow-up on, but from the day after where a "
        "purchase may be what starts the playbook.",
    )
    effect_until = fields.Date(
        string="Held Out Until",
        copy=False,
        groups=MANAGERS,
        help="After this day nobody more is held out, and once the days in which purchases count are over for "
        "everybody, the verdict is about those who came. Empty: as long as you wish.",
    )
    effect_hint = fields.Char(compute="_compute_effect_hint", compute_sudo=False, groups=MANAGERS)
    # Which customers a draw holds out, see the engine's ``effect.draw``.
    salt = fields.Char(default=lambda self: secrets.token_hex(8), copy=False, groups=fields.NO_ACCESS)

    # ------------------------------------------------------------------
    # What the others say
    # ------------------------------------------------------------------

    def _get_trial_policy(self):
        """Return the policy by which it is judged what a purchase is, a ``customer.tiering.policy``."""
        raise NotImplementedError

    def _get_drawn_query(self):
        """Return the SELECT of the customers who were drawn: id, day of the first follow-up, percent at the draw,
        whether held out, and whether merging contacts has put them into both groups; in the order of the days."""
        raise NotImplementedError

    def _get_planned_events(self, percent):
        """Return the number of customers at which the verdict is due, where ``percent`` is held out."""
        raise NotImplementedError

    def _takes_nobody_more(self, today):
        """Whether nobody is drawn any more, so that the verdict is about those who came."""
        self.ensure_one()
        return bool(self.effect_until and self.effect_until < today)

    def _get_first_effect_day(self):
        """Return 0 where purchases of the day of the follow-up count, 1 where only those after it do."""
        return 0

    def _count_touched(self, held, days):
        """Return how many of ``held``, a DataFrame of ``partner`` and ``day``, were seen to nevertheless."""
        return 0

    def _count_missed(self):
        """Return how many customers were not held out, and got nothing nevertheless."""
        return 0

    def _count_refused(self, chosen, days):
        """Return how many of ``chosen``, a DataFrame of ``partner``, ``day`` and ``held``, want no e-mails any more
        since, of those followed up and of those held out; None: that is not what it is about."""

    def _count_monthly_events(self):
        """Return ``{id: number}`` of the customers a month who come, where that can be told."""
        return {}

    def _say_verdict_due(self, events):
        """Return when so many customers have come, a sentence; None: cannot be told."""

    def _say_nobody_drawn(self):
        """Return why there is no effect to be seen, a sentence."""
        raise NotImplementedError

    # ------------------------------------------------------------------
    # The draw
    # ------------------------------------------------------------------

    def _get_drawn_condition(self, partner):
        """Return the SQL condition that a customer is held out. The twin of the engine's ``effect.draw``.

        :param partner: SQL of the id of the customer
        """
        trial = self.sudo()  # who sets it off is not to know who is drawn
        return SQL(
            "('x' || left(md5(%s || ':' || %s || ':' || %s), 8))::bit(32)::bigint %% 10000 < 100 * %s",
            trial.salt,
            trial.id,
            partner,
            trial.held_out_percent,
        )

    # ------------------------------------------------------------------
    # What a share needs
    # ------------------------------------------------------------------

    @api.onchange("held_out_percent")
    def _onchange_held_out_percent(self):
        """Propose how long, and how many, before anything is known."""
        self.update(self._propose_effect(self.held_out_percent))

    def _propose_effect(self, percent):
        """Return the values of what a share to hold out needs, and nobody has said."""
        if 0 < percent <= MOST_HELD_OUT and not self.effect_days:
            return {"effect_days": self._get_effect_days()}
        return {}

    def _fill_effect(self):
        """Fill in what a share to hold out needs, and nobody has said."""
        for trial in self:
            # As the person, who may not see what customers of the policy do; sudo: what belongs to a share that was
            # allowed.
            if values := trial._propose_effect(trial.sudo().held_out_percent):
                trial.sudo().write(values)

    def _get_effect_days(self):
        """Return twice the usual time between two purchases of the policy's customers, within bounds; the least where
        the person may not see the policy."""
        policy = self.env["customer.tiering.policy"].browse(self._get_trial_policy().ids)
        policy = policy._filtered_access("read")  # a form may name any
        ((gap,),) = self.env.execute_query(
            SQL(
                "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY gap_median_days) FROM customer_tiering_scorecard "
                "WHERE policy_id = %s AND gap_median_days > 0",
                policy.id or None,
            )
        )
        return min(max(round(2 * (gap or 0)), LEAST_EFFECT_DAYS), MOST_EFFECT_DAYS)

    @api.depends("held_out_percent", "effect_days", "effect_until")
    @api.depends_context("lang")
    def _compute_effect_hint(self):
        """What so many customers show, and how long it takes until something can be told."""
        for trial in self:
            percent = trial.held_out_percent
            trial.effect_hint = False
            if not 0 < percent <= MOST_HELD_OUT or not (events := trial._get_planned_events(percent)):
                continue
            if trial.effect_until and trial.effect_until < fields.Date.context_today(trial):
                trial.effect_hint = self.env._("“Held Out Until” is over: nobody more is held out.")
                continue
            rise = engine.effect.find_smallest_rise(USUAL_SHARE, events, percent)
            sentences = [
                self.env._(
                    "With %(events)s customers a rise from %(base)s%% to %(share)s%% would show.",
                    events=format_number(self.env, events),
                    base=format_number(self.env, 100 * USUAL_SHARE),
                    share=format_number(self.env, 100 * (USUAL_SHARE + rise)),
                )
                if rise
                else self.env._("So few customers show no effect, however large it is. Plan with more of them."),
                trial._say_verdict_due(events),
            ]
            trial.effect_hint = join(self.env, sentences)

    # ------------------------------------------------------------------
    # What it did
    # ------------------------------------------------------------------

    def action_open_effect(self):
        """Open what it did, as of now."""
        self.ensure_one()
        self.check_access("write")
        self._check_manager()
        # sudo: effects are written by the system
        effect = self.env["customer.tiering.effect"].sudo()._measure(self)
        if not effect:
            raise UserError(self._say_nobody_drawn())
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Effect: %(playbook)s", playbook=self.sudo().display_name),
            "res_model": effect._name,
            "res_id": effect.id,
            "views": [(False, "form")],
        }

    def _check_manager(self):
        """Refuse who may not see effects, which count all customers."""
        self.env["customer.tiering.effect"].check_access("read")
