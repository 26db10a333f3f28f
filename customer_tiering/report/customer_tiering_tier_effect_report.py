from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_date

from .. import engine, jobs, sources, tier_effect_sentences
from ..models.customer_tiering_replay import DIRECT_LIMIT
from ..models.customer_tiering_typed import take

# So many years back can be chosen.
MOST_PASTS = 5


class CustomerTieringTierEffectReport(models.AbstractModel):
    """What came of a policy's tiers: pictures, tables, words.

    It counts all customers of the policy, so it is for managers from whom none of them is hidden.
    """

    _name = "customer.tiering.tier.effect.report"
    _description = "Effect of Tiers"

    @api.readonly
    @api.model
    def get_data(self, policy_id=False):
        """Return what the report shows, a dict of plain values.

        :param policy_id: id of a policy of the current company; False: the one with the most customers
        :return: ``policies``, ``policy_id``, ``may_measure``; ``pasts``: of the times that can be looked at ``key`` and
            ``name``, and the ``past`` that is; ``state``: of the measurement, False before the first one; ``notes``:
            sentences about all of it; ``is_shown``; ``obstacle``: why nothing can be told of any border, or False;
            ``tiers``, ``called`` and ``locks``, see the methods that tell them
        """
        self.env["customer.tiering.tier.effect"].check_access("read")
        policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        effect = self.env["customer.tiering.tier.effect"].search([("policy_id", "=", policy.id)])
        data = {
            "policies": policies,
            "policy_id": policy.id,
            "may_measure": bool(policy) and policy.has_access("write"),
            "pasts": self._get_pasts(policy),
            "past": effect.past,
            "state": effect.state,
            "notes": [],
            "is_shown": False,
            "obstacle": False,
            "tiers": [],
            "called": [],
            "locks": [],
        }
        if effect.state == "failed":
            data["notes"].append(self.env._("The last measurement failed: %(reason)s", reason=effect.error))
        if not (result := effect._show_result(data["notes"])):
            return data
        data["notes"].append(
            self.env._(
                "Measured on %(day)s, about customers of %(since)s to %(until)s and what they bought in the %(days)s "
                "days after.",
                day=format_date(self.env, effect.as_of),
                since=format_date(self.env, fields.Date.to_date(result["since"])),
                until=format_date(self.env, fields.Date.to_date(result["until"])),
                days=engine.border.CAME,
            )
        )
        return {
            **data,
            "is_shown": True,
            "obstacle": tier_effect_sentences.say_obstacle(self.env, result["border"]),
            "tiers": self._tell_tiers(result["border"]["tiers"]),
            "called": self._tell_called(policy, result["called"]),
            "locks": self._tell_locks(policy, result["locks"]),
        }

    @api.model
    def measure_now(self, policy_id, past=0):
        """Measure a policy's tiers at once where that takes a moment, in the background where it takes longer.

        :param past: one of the keys of the times that can be looked at
        """
        _policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        policy.check_access("write")
        if not policy:
            return
        known = {each["key"] for each in self._get_pasts(policy)}
        take(self.env, past, int)
        effect = self.env["customer.tiering.tier.effect"]._queue(
            policy, user_id=self.env.uid, past=past if past in known else 0
        )
        if policy._count_purchases(DIRECT_LIMIT + 1) <= DIRECT_LIMIT or not jobs.call(self.env, jobs.EFFECTS):
            effect._compute()

    @api.model
    def _get_pasts(self, policy):
        """Return the times that can be looked at, the latest first: those that the policy's runs reach back to."""
        if not policy:
            return []
        ((begin,),) = self.env["customer.tiering.run"]._read_group(
            [("policy_id", "=", policy.id), ("state", "=", "done")], [], ["as_of:min"]
        )
        effects, today = self.env["customer.tiering.tier.effect"], policy.company_id._get_tiering_today()
        pasts = []
        for number in range(MOST_PASTS):
            last = effects._get_last_day(today, number)
            if number and not (begin and begin <= last):
                break
            first = last - timedelta(days=sources.past.STUDIED - 1)
            name = self.env._(
                "%(since)s to %(until)s", since=format_date(self.env, first), until=format_date(self.env, last)
            )
            pasts.append({"key": number, "name": name})
        return pasts

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

    def _tell_tiers(self, judged):
        """Return of each tier ``key``, ``name``, ``sentence``, ``checks``, ``jumps``, ``dots`` and the ``lines`` of the
        picture."""
        env, tiers = self.env, self.env["customer.tier"].with_context(active_test=False)
        known = tiers.browse(each["tier"] for each in judged).exists()
        told = []
        for each in judged:
            tier = known.filtered(lambda tier, each=each: tier.id == each["tier"])
            name = tier.name or env._("a tier that was deleted")
            told.append(
                {
                    "key": each["tier"],
                    "name": name,
                    "floor": each["floor"],
                    "sentence": tier_effect_sentences.say_border(env, each, name),
                    "checks": tier_effect_sentences.tell_checks(env, each),
                    "jumps": tier_effect_sentences.tell_jumps(env, each),
                    "dots": tier_effect_sentences.tell_dots(env, each),
                    "lines": each["lines"],
                }
            )
        return told

    def _tell_called(self, policy, hints):
        """Return of each playbook ``key``, ``name``, ``sentence`` and ``rows``."""
        playbooks = self.env["customer.tiering.playbook"].with_context(active_test=False)
        known = playbooks.browse(hint["playbook"] for hint in hints).exists()
        names = {playbook.id: playbook.name for playbook in known}
        return [
            {
                "key": f"playbook{hint['playbook']}",
                "name": names[hint["playbook"]],
                **self._tell_hint(policy, hint, hint["days"]),
            }
            for hint in hints
            if hint["playbook"] in names
        ]

    def _tell_locks(self, policy, hints):
        """Return of each group of locks the same."""
        env = self.env
        users = env["res.users"].with_context(active_test=False)
        # sudo: names of colleagues, as on the locks themselves
        people = users.sudo().browse(hint["key"] for hint in hints if hint["kind"] == "user").exists()
        names = {user.id: user.name for user in people}
        ways = {
            "raised": env._("Locked in a higher tier"),
            "kept": env._("Locked in the tier that they had"),
            "lowered": env._("Locked in a lower tier"),
        }
        told = []
        for number, hint in enumerate(hints):
            if hint["kind"] == "all":
                name = env._("All locks")
            elif hint["kind"] == "way":
                name = ways[hint["key"]]
            elif hint["kind"] == "user":
                name = env._("Locked by %(person)s", person=names.get(hint["key"], "–"))
            else:
                name = env._("Reason: %(reason)s", reason=hint["key"])
            told.append({"key": f"lock{number}", "name": name, **self._tell_hint(policy, hint, engine.border.CAME)})
        return told

    def _tell_hint(self, policy, hint, days):
        env, currency = self.env, policy.company_id.currency_id
        return {
            "sentence": tier_effect_sentences.say_hint(env, hint, days),
            "rows": tier_effect_sentences.tell_hint_rows(env, hint, currency),
        }
