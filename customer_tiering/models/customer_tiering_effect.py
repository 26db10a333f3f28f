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
    """What a playbook did: who was followed up beside who was held out by chance, since the present draw.

    A customer counts once, from the day of the first follow-up on, or of the day on which it would have been planned,
    as soon as the days in which an effect is expected are over.
    """

    _name = "customer.tiering.effect"
    _description = "Effect of a Playbook"
    _order = "company_id, id"
    _rec_name = "playbook_id"
    _log_access = False  # written by the system

    playbook_id = fields.Many2one("customer.tiering.playbook", required=True, readonly=True, ondelete="cascade")
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
    # What is shown
    # ------------------------------------------------------------------

    @api.depends("result")
    @api.depends_context("lang", "uid")
    def _compute_told(self):
        hiding = self.playbook_id.policy_id.filtered(lambda policy: policy._hides_customers())
        for effect in self:
            result = effect.sudo().result  # sudo: shown to who sees all that it counts
            if not result or effect.playbook_id.policy_id in hiding:
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

    def _get_pooled(self):
        """Return the difference of shares over all playbooks of the company with the same trigger about which a verdict
        is due, and their number; ``(None, number)`` where there are fewer than two."""
        self.ensure_one()
        # sudo: shown to who sees all that they count
        alike = self.sudo().search(
            [("company_id", "=", self.company_id.id), ("playbook_id.trigger", "=", self.trigger)]
        )
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
        """Measure all playbooks that hold somebody out, once a day, and the tiers that somebody asked for."""
        # Nothing is read where none ever did.
        rows = self.env.execute_query(
            SQL("SELECT DISTINCT playbook_id FROM customer_tiering_followup WHERE draw IS NOT NULL")
        )
        playbooks = self.env["customer.tiering.playbook"].with_context(active_test=False)
        playbooks = playbooks.browse(id_ for (id_,) in rows).filtered("company_id.active")
        for playbook in playbooks:
            try:
                with self.env.cr.savepoint():
                    self._measure(playbook)
                    self.env.flush_all()
            except RETRYABLE:
                raise
            except Exception:
                _logger.exception("The effect of playbook %s could not be measured", playbook.id)
        self.env["customer.tiering.tier.effect"]._cron_process()

    @api.model
    def _measure(self, playbook):
        """Measure what a playbook did, as of today.

        :return: the record; none where nobody was drawn
        """
        playbook = playbook.sudo()  # sudo: effects are written by the system
        today = playbook.company_id._get_tiering_today()
        events = self._read_events(playbook)
        if events["mixed"].all():
            return self.browse()
        result = self._compare(playbook, events, today)
        effect = self.sudo().search([("playbook_id", "=", playbook.id)])
        values = {"as_of": today, "result": result}
        if effect:
            effect.write(values)
            return effect.with_env(self.env)
        values |= {"playbook_id": playbook.id, "company_id": playbook.company_id.id}
        return self.sudo().create([values]).with_env(self.env)

    def _read_events(self, playbook):
        """Return the customers of the present draw as a DataFrame: ``partner``, ``day`` of the first follow-up,
        ``percent`` at the draw, ``held``, and whether they ``mixed`` both groups, by a merge."""
        import pandas as pd  # noqa: PLC0415 - only who measures needs it

        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT partner_id, MIN(planned_on), (ARRAY_AGG(drawn_percent ORDER BY id))[1]::float8,
                       BOOL_AND(is_held_out),
                       BOOL_OR(drawn_percent IS NULL) OR BOOL_OR(is_held_out) AND NOT BOOL_AND(is_held_out)
                  FROM customer_tiering_followup
                 WHERE playbook_id = %s AND draw = %s AND planned_on IS NOT NULL
              GROUP BY 1
              ORDER BY 2, 1
                """,
                playbook.id,
                playbook.draw,
            )
        )
        return pd.DataFrame(rows, columns=["partner", "day", "percent", "held", "mixed"])

    def _compare(self, playbook, events, today):
        """Return what is kept of an effect, a dict of plain values; see the engine's ``effect.compare_groups``."""
        percent = playbook.held_out_percent or events.loc[~events["mixed"], "percent"].iloc[-1]
        first = int(playbook._get_trigger().may_follow_purchase)
        days = playbook.effect_days or playbook._get_effect_days()
        planned = playbook.effect_events or playbook._propose_effect(percent).get("effect_events")
        counts = ~events["mixed"] & (events["percent"] == percent)
        closed = events["day"] <= today - timedelta(days=days + first)
        chosen = events[counts & closed]
        orders, money, before = self._read_purchases(playbook, chosen, today, days, first)
        found = engine.effect.compare_groups(
            chosen["held"].to_numpy(bool),
            orders,
            money,
            before,
            percent=percent,
            planned=planned,
            by_money=playbook.effect_measure == "money",
        )
        return {
            **found,
            "percent": percent,
            "days": days,
            "planned": planned,
            "running": int((counts & ~closed).sum()),
            "mixed": int(events["mixed"].sum()),
            "other_share": int((~events["mixed"] & (events["percent"] != percent)).sum()),
            "touched": self._count_touched(playbook, chosen[:planned], days),
        }

    def _read_purchases(self, playbook, chosen, today, days, first=0):
        """Return what the customers bought within the days, its money, and that of the year before; three arrays.

        :param first: of the days, counted from that of the follow-up
        """
        import numpy as np  # noqa: PLC0415 - only who measures needs it

        if chosen.empty:
            return (np.zeros(0),) * 3
        reader, ids = self.env["customer.tiering.reader"].sudo(), chosen["partner"].tolist()
        scope = playbook.policy_id._get_revenue_scope(today, (today - chosen["day"].iloc[0]).days + 366)
        scope = dataclasses.replace(
            scope,
            # Also who was archived since, or is left out of scoring: whoever is followed up is looked at more closely.
            candidates=SQL("SELECT id FROM res_partner WHERE id = ANY(%s) AND id = commercial_partner_id", ids),
            partner_ids=tuple(ids) if len(ids) < MANY else None,
        )
        customers, purchases, _bought = reader._read_purchases(scope)
        counted, _served = engine.purchases.choose_counted(
            purchases, scope.as_of, scope.window_days, scope.decimals, least=scope.least
        )
        place = customers.get_indexer(ids)
        known = place >= 0
        result = np.zeros((3, len(ids)))
        result[:, known] = engine.effect.measure(
            place[known],
            chosen["day"].to_numpy("datetime64[D]")[known],
            purchases.buyer[counted],
            purchases.day[counted],
            purchases.money[counted],
            days,
            first,
        )
        return tuple(result)

    def _count_touched(self, playbook, chosen, days):
        """Return for how many who were held out a person planned an activity of the playbook's kind within the days, or
        the playbook did, once it held out nobody any more."""
        held = chosen[chosen["held"]]
        if held.empty:
            return 0
        ((count,),) = self.env.execute_query(
            SQL(
                """
                SELECT COUNT(*)
                  FROM unnest(%(partners)s::int[], %(days)s::date[]) AS held (partner_id, day)
                 WHERE EXISTS (SELECT FROM res_partner contact
                                 JOIN mail_activity activity ON activity.res_id = contact.id
                                  AND activity.res_model = 'res.partner'
                                WHERE contact.commercial_partner_id = held.partner_id
                                  AND activity.automated IS NOT TRUE AND activity.activity_type_id = ANY(%(types)s)
                                  AND (activity.create_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date
                                      BETWEEN held.day AND held.day + %(count)s - 1)
                    OR EXISTS (SELECT FROM customer_tiering_followup followup
                                WHERE followup.playbook_id = %(playbook)s AND followup.partner_id = held.partner_id
                                  AND followup.draw IS NULL
                                  AND followup.planned_on BETWEEN held.day AND held.day + %(count)s - 1)
                """,
                partners=held["partner"].tolist(),
                days=held["day"].tolist(),
                types=(
                    playbook.step_ids.activity_type_id | playbook.step_ids.plan_id.template_ids.activity_type_id
                ).ids,
                count=days,
                timezone=playbook.company_id._get_tiering_timezone().key,
                playbook=playbook.id,
            )
        )
        return count
