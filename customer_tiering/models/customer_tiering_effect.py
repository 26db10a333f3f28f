import dataclasses
import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from .. import effect_sentences, engine
from .customer_tiering_run import RETRYABLE

_logger = logging.getLogger(__name__)

CODES = [
    ("more", "It works"),
    ("fewer", "It does harm"),
    ("none", "No effect"),
    ("cannot_tell", "Cannot tell"),
    ("early", "Cannot tell yet"),
    ("too_few", "Too few customers"),
    ("damaged", "The draw is damaged"),
]
# Of more customers the tables are scanned, not looked up in.
MANY = 10_000


class CustomerTieringEffect(models.Model):
    """What a playbook, or another trial, did: who was followed up beside who was held out by chance, since the present
    draw.

    A customer counts once, from the day of the first follow-up on, or of the day on which it would have been planned,
    as soon as the days in which an effect is expected are over.
    """

    _name = "customer.tiering.effect"
    _description = "Effect of a Follow-up"
    _order = "company_id, id"
    _rec_names_search = ["playbook_id"]
    _log_access = False  # written by the system

    # What it is the effect of: this, or what another app adds.
    playbook_id = fields.Many2one("customer.tiering.playbook", readonly=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    trigger = fields.Selection(related="playbook_id.trigger")
    as_of = fields.Date(required=True, readonly=True)
    # Counts all customers: shown to who may see all of them.
    result = fields.Json(readonly=True, prefetch=False, groups=fields.NO_ACCESS)
    followed_count = fields.Integer(string="Followed Up", compute="_compute_told")
    held_count = fields.Integer(string="Held Out", compute="_compute_told")
    running_count = fields.Integer(
        string="Running", compute="_compute_told", help="Customers whose days are not over yet."
    )
    verdict = fields.Selection(CODES, compute="_compute_told")
    sentence = fields.Text(string="What It Did", compute="_compute_told")
    notes = fields.Text(compute="_compute_told")
    table = fields.Html(compute="_compute_told", sanitize=False)

    _playbook_uniq = models.Constraint("UNIQUE(playbook_id)", "A playbook has one effect.")

    # ------------------------------------------------------------------
    # What it is the effect of
    # ------------------------------------------------------------------

    def _get_trial(self):
        """Return what it is the effect of: a record of a ``customer.tiering.trial``."""
        self.ensure_one()
        return self.playbook_id

    @api.model
    def _get_trials(self):
        """Return what holds somebody out, or did, and is to be measured: records of ``customer.tiering.trial`` models,
        one each."""
        # Nothing is read where none ever did.
        rows = self.env.execute_query(
            SQL("SELECT DISTINCT playbook_id FROM customer_tiering_followup WHERE draw IS NOT NULL")
        )
        playbooks = self.env["customer.tiering.playbook"].with_context(active_test=False)
        return [*playbooks.browse(id_ for (id_,) in rows).filtered("company_id.active")]

    @api.depends("playbook_id")
    def _compute_display_name(self):
        for effect in self:
            effect.display_name = effect._get_trial().display_name

    # ------------------------------------------------------------------
    # What is shown
    # ------------------------------------------------------------------

    @api.depends("result")
    @api.depends_context("lang", "uid")
    def _compute_told(self):
        hiding = self.company_id.filtered(lambda company: company._hides_tiering_customers())
        for effect in self:
            result = effect.sudo().result  # sudo: shown to who sees all that it counts
            if not result or effect.company_id in hiding:
                effect.update(dict.fromkeys(("followed_count", "held_count", "running_count"), 0))
                effect.update(dict.fromkeys(("verdict", "notes", "table"), False))
                effect.sentence = result and self.env._(
                    "You may not see all of these customers, so numbers that count all of them are not shown."
                )
                continue
            effect.update(
                {
                    "followed_count": result["followed"],
                    "held_count": result["held"],
                    "running_count": result["running"],
                    "verdict": result["code"],
                    "sentence": effect_sentences.say_effect(effect, result),
                    "notes": "\n".join(effect_sentences.tell_effect_notes(effect, result)),
                    "table": self.env["ir.qweb"]._render(
                        "customer_tiering.effect_table", {"rows": effect_sentences.tell_effect_rows(effect, result)}
                    ),
                }
            )

    def _get_alike_domain(self):
        """Return the domain of the effects of the company that are told of together."""
        return [("playbook_id.trigger", "=", self.trigger), ("playbook_id", "!=", False)]

    def _say_pooled(self, facts):
        """Return what those that are alike did together, a sentence."""
        return self.env._(
            "All %(number)s playbooks with this reason together: %(points)s points (%(low)s to %(high)s), of which "
            "more than 0 is good.",
            **facts,
        )

    def _get_pooled(self):
        """Return the difference of shares over all effects that are alike and about which a verdict is due, and their
        number; ``(None, number)`` where there are fewer than two."""
        self.ensure_one()
        # sudo: shown to who sees all that they count
        alike = self.sudo().search([("company_id", "=", self.company_id.id), *self._get_alike_domain()])
        found = [
            engine.effect.Difference(**effect.result["bought"])
            for effect in alike
            if effect.result["bought"] and effect.result["code"] in ("more", "fewer", "none", "cannot_tell")
        ]
        return (engine.effect.pool(found) if len(found) > 1 else None), len(found)

    # ------------------------------------------------------------------
    # Measure: the job, or who looks
    # ------------------------------------------------------------------

    @api.model
    def _cron_measure(self):
        """Measure all that hold somebody out, once a day, and the tiers that somebody asked for."""
        for trial in self._get_trials():
            try:
                with self.env.cr.savepoint():
                    self._measure(trial)
                    self.env.flush_all()
            except RETRYABLE:
                raise
            except Exception:
                _logger.exception("The effect of %s could not be measured", trial)
        self.env["customer.tiering.tier.effect"]._cron_process()

    @api.model
    def _measure(self, trial):
        """Measure what a playbook, or another trial, did, as of today.

        :return: the record; none where nobody was drawn
        """
        trial = trial.sudo()  # sudo: effects are written by the system
        company = trial._get_trial_policy().company_id
        events = self._read_events(trial)
        if not company or events["mixed"].all():
            return self.browse()
        today = company._get_tiering_today()
        values = {"as_of": today, "result": self._compare(trial, events, today)}
        effect = self.sudo().search([(trial._effect_field, "=", trial.id)])
        if effect:
            effect.write(values)
            return effect.with_env(self.env)
        values |= {trial._effect_field: trial.id, "company_id": company.id}
        return self.sudo().create([values]).with_env(self.env)

    def _read_events(self, trial):
        """Return the customers of the present draw as a DataFrame: ``partner``, ``day`` of the first follow-up,
        ``percent`` at the draw, ``held``, and whether they ``mixed`` both groups, by a merge."""
        import pandas as pd  # noqa: PLC0415 - only who measures needs it

        self.env.flush_all()
        rows = self.env.execute_query(trial._get_drawn_query())
        return pd.DataFrame(rows, columns=["partner", "day", "percent", "held", "mixed"])

    def _compare(self, trial, events, today):
        """Return what is kept of an effect, a dict of plain values; see the engine's ``effect.compare_groups``."""
        import numpy as np  # noqa: PLC0415 - only who measures needs it

        percent = trial.held_out_percent or events.loc[~events["mixed"], "percent"].iloc[-1]
        first = trial._get_first_effect_day()
        days = trial.effect_days or trial._get_effect_days()
        counts = ~events["mixed"] & (events["percent"] == percent)
        closed = events["day"] <= today - timedelta(days=days + first)
        chosen, running = events[counts & closed], events[counts & ~closed]
        planned = trial._get_planned_events(percent)
        # Who waits for nobody more judges by those who came, and not before their days are over.
        if has_ended := trial._takes_nobody_more(today):
            planned = min(planned, int(counts.sum())) or planned
        orders, money, before, margin, margin_before = self._read_purchases(trial, chosen, today, days, first)
        found = engine.effect.compare_groups(
            chosen["held"].to_numpy(bool),
            orders,
            money,
            before,
            percent=percent,
            planned=planned,
            by_money=trial.effect_measure == "money",
            margins=None if np.isnan(margin).any() else (margin, margin_before),
        )
        held = chosen[:planned]
        held = held[held["held"]]
        due = has_ended and len(running) > 0 and running["day"].max() + timedelta(days=days + first)
        return {
            **found,
            "percent": percent,
            "days": days,
            "planned": planned,
            "running": len(running),
            # When the last day is over of those who came, where nobody more does.
            "due": due and fields.Date.to_string(due),
            "ended": has_ended,
            "mixed": int(events["mixed"].sum()),
            "other_share": int((~events["mixed"] & (events["percent"] != percent)).sum()),
            "touched": 0 if held.empty else trial._count_touched(held, days),
            "missed": trial._count_missed(),
            "refused": trial._count_refused(chosen[:planned], days),
        }

    def _read_purchases(self, trial, chosen, today, days, first=0):
        """Return what the customers bought within the days, its money, and that of the year before, the margin within
        the days, and that of the year before; five arrays, of which the margins are NaN where little of it is known.

        :param first: of the days, counted from that of the follow-up
        """
        import numpy as np  # noqa: PLC0415 - only who measures needs it

        if chosen.empty:
            return (np.zeros(0),) * 5
        reader, ids = self.env["customer.tiering.reader"].sudo(), chosen["partner"].tolist()
        scope = trial._get_trial_policy()._get_revenue_scope(today, (today - chosen["day"].iloc[0]).days + 366)
        scope = dataclasses.replace(
            scope,
            # Also who was archived since, or is left out of scoring: whoever is followed up is looked at more closely.
            candidates=SQL("SELECT id FROM res_partner WHERE id = ANY(%s) AND id = commercial_partner_id", ids),
            partner_ids=tuple(ids) if len(ids) < MANY else None,
        )
        customers, purchases, _bought, margin, uncosted = reader._read_margins(scope)
        counted, _served = engine.purchases.choose_counted(
            purchases, scope.as_of, scope.window_days, scope.decimals, least=scope.least
        )
        place = customers.get_indexer(ids)
        known = place >= 0
        result = np.zeros((5, len(ids)))
        place, day = place[known], chosen["day"].to_numpy("datetime64[D]")[known]
        buyer, bought, amount = purchases.buyer[counted], purchases.day[counted], purchases.money[counted]
        result[:3, known] = engine.effect.measure(place, day, buyer, bought, amount, days, first)
        # Goods that were given away are no purchase, and cost all the same.
        of_margin = engine.effect.measure(place, day, purchases.buyer, purchases.day, margin, days, first)
        result[3:, known] = of_margin[1:]
        if not amount.sum() > 2 * uncosted.sum():
            result[3:] = np.nan
        return tuple(result)
