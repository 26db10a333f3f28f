from babel.dates import format_skeleton

from odoo import api, fields, models
from odoo.tools import format_date
from odoo.tools.misc import babel_locale_parse, get_lang

from .. import engine, foresight_sentences
from ..models.customer_tiering_foresight import AMOUNT, MOST_SETS, POLICY
from ..models.customer_tiering_typed import take
from ..sentences import format_number

# What of a month-end the picture calls it by; each language has its own order.
MONTH = "yMMM"


class CustomerTieringForesightReport(models.AbstractModel):
    """What the tiers of past month-ends foretold, and what other rules would have: a picture, tables, words.

    It counts all customers of the policy, so it is for managers from whom none of them is hidden.
    """

    _name = "customer.tiering.foresight.report"
    _description = "Foresight of the Tiers"

    @api.readonly
    @api.model
    def get_data(self, policy_id=False):
        """Return what the report shows, a dict of plain values.

        :param policy_id: id of a policy of the current company; False: the one with the most customers
        :return: ``policies``, ``policy_id``, ``may_compute``; ``offered``: of the sets of rules that can stand beside
            the policy's ``key`` and ``name``, ``most`` of them at once, and the ``asked`` keys; ``state``: of the
            computation, False before the first one; ``notes``: sentences about all of it; ``is_shown``; ``tops``: of
            the highest, the two highest tiers and so on ``key`` (their number), ``name`` and ``sentences``, and the
            ``top`` that is shown first; ``points``: see :meth:`_tell_point`; ``sets``, ``set_note`` and
            ``set_sentences``: see :meth:`_tell_sets`; ``weights`` and ``weight_sentence``: see :meth:`_tell_weights`
        """
        self.env["customer.tiering.foresight"].check_access("read")
        policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        foresights = self.env["customer.tiering.foresight"]
        foresight = foresights.search([("policy_id", "=", policy.id)])
        offered = foresights._offer(policy) if policy else {}
        asked = foresight.asked if foresight else [AMOUNT]
        data = {
            "policies": policies,
            "policy_id": policy.id,
            "may_compute": bool(policy) and policy.has_access("write"),
            "offered": [
                {"key": key, "name": foresight_sentences.name_set(self.env, key, record)}
                for key, record in offered.items()
                if key != POLICY
            ],
            "asked": [key for key in asked if key in offered and key != POLICY],
            "most": MOST_SETS - 1,
            "state": foresight.state,
            "notes": [],
            "is_shown": False,
            "tops": [],
            "top": 1,
            "points": [],
            "sets": [],
            "set_note": "",
            "set_sentences": [],
            "weights": [],
            "weight_sentence": "",
        }
        if foresight.state == "failed":
            data["notes"].append(self.env._("The last computation failed: %(reason)s", reason=foresight.error))
        if foresight.state == "queued" and foresight.progress:
            data["notes"].append(
                self.env._("Being computed: %(percent)s%% done.", percent=format_number(self.env, foresight.progress))
            )
        if not (result := foresight._show_result(data["notes"])):
            return data
        data["notes"] += self._get_notes(foresight, result)
        names = self._get_tier_names(result)
        points = result["points"]
        # Everybody is in the lowest tier or higher.
        numbers = range(1, max(len(names) - 1, 1) + 1) if points else ()
        metrics = self._get_metric_names()
        return {
            **data,
            "is_shown": True,
            "tops": [self._tell_top(result, number, names[number - 1]) for number in numbers],
            "top": result["cut"],
            "points": [self._tell_point(point, names, numbers) for point in points],
            **self._tell_sets(policy, result, offered, metrics, names),
            **self._tell_weights(result, metrics),
        }

    @api.model
    def compute_now(self, policy_id, asked=()):
        """Look back at a policy at once where that takes a moment, in the background where it takes longer.

        :param asked: keys of the sets of rules that are to stand beside the policy's
        """
        _policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        policy.check_access("write")
        if policy:
            asked = [take(self.env, key, str) for key in take(self.env, asked, list, tuple)]
            self.env["customer.tiering.foresight"]._compute_for(policy, asked)

    @api.readonly
    @api.model
    def get_customers(self, policy_id, day, number):
        """Return the ids of the customers who were in so many of the highest tiers on a month-end.

        :param day: its ``key``
        """
        foresights = self.env["customer.tiering.foresight"]
        foresights.check_access("read")
        day, number = take(self.env, day, str), take(self.env, number, int)
        _policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        foresight = foresights.search([("policy_id", "=", policy.id)])
        if policy._hides_customers():
            return []
        # sudo: shown to who sees all customers
        tiers = (foresight.sudo().members or {}).get(day, [])
        return [customer for tier in tiers[: max(number, 0)] for customer in tier]

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

    def _get_notes(self, foresight, result):
        env = self.env
        notes = [env._("Computed on %(day)s.", day=format_date(env, foresight.as_of))]
        if result["sampled_from"]:
            notes.append(
                env._(
                    "These are a random sample of all %(sampled_from)s customers.",
                    sampled_from=format_number(env, result["sampled_from"]),
                )
            )
        first = fields.Date.to_date(result["first"])
        # Later, rules that cannot be applied to earlier days are why there is no month-end.
        if not first or (foresight.as_of - first).days < engine.foresight.HALF:
            notes.append(foresight_sentences.say_wait(env, result["first"], engine.foresight.HALF))
        return notes

    def _get_tier_names(self, result):
        """Return the names of the tiers at that time, the highest first."""
        tiers = self.env["customer.tier"].with_context(active_test=False).browse(result["tiers"])
        known = {tier.id: tier.name for tier in tiers.exists()}
        return [known.get(tier.id, self.env._("a tier that was deleted")) for tier in tiers]

    def _get_metric_names(self):
        metrics = self.env["customer.tiering.metric"].with_context(active_test=False).search([])
        return {metric.key: metric.name for metric in metrics}

    def _tell_top(self, result, number, tier):
        """Return ``key``, ``name`` and what is to be said of so many of the highest tiers: of the latest month-end with
        a year after it, or with half a year where there is none, and over all where they are the top."""
        env, points = self.env, result["points"]
        full = [point for point in points if point["span"] == engine.foresight.YEAR]
        latest = (full or points)[-1]
        sentences = [
            foresight_sentences.say_point(env, latest, number, tier),
            foresight_sentences.say_profit(env, latest, number),
        ]
        if number == result["cut"]:
            sentences.append(foresight_sentences.say_difference(env, result))
        return {
            "key": number,
            "name": foresight_sentences.name_cut(env, tier, number),
            "sentences": list(filter(None, sentences)),
        }

    def _tell_point(self, point, names, numbers):
        """Return a month-end: ``key``, ``name``, ``mark`` (its month), ``is_half``, ``rules``: whose tiers these are,
        ``can_open``, and for each of the tops ``customers``, the shares of 0 to 1 or None, and their words."""
        env = self.env
        day = fields.Date.to_date(point["day"])
        is_half = point["span"] != engine.foresight.YEAR
        name = format_date(env, day)
        return {
            "key": point["day"],
            "name": env._("%(day)s (half a year)", day=name) if is_half else name,
            "mark": format_skeleton(MONTH, day, locale=babel_locale_parse(get_lang(env).code)),
            "is_half": is_half,
            "can_open": bool(point.get("listed")),
            "rules": env._("As they were") if point["kept"] else env._("By today's rules"),
            "cuts": [
                {
                    **point["cuts"][number - 1],
                    "count": format_number(env, point["cuts"][number - 1]["customers"]),
                    "texts": {
                        name: foresight_sentences.percent(env, point["cuts"][number - 1][name])
                        for name in ("share", "naive", "best")
                    },
                    "text": foresight_sentences.say_point(env, point, number, names[number - 1]),
                }
                for number in numbers
            ],
        }

    def _tell_sets(self, policy, result, offered, metrics, names):
        """Return ``sets``: of each set of rules ``key``, ``name`` and the words of its row; ``set_note``: to what they
        were applied, and ``set_sentences``."""
        env, found = self.env, {each["key"]: each for each in result["sets"]}
        rows, sentences = [], []
        for about in result["asked"]:
            told = {**about, **found.get(about["key"], {})}
            name = foresight_sentences.name_set(env, about["key"], offered.get(about["key"]), about.get("number"))
            record = offered.get(about["key"])
            # A version still knows the metric of an app that was uninstalled.
            former = record._get_metric_names() if record and about.get("number") else {}
            left_out = [metrics.get(key) or former.get(key, key) for key in about["left_out"]]
            sentences += foresight_sentences.say_set(env, told, name, left_out)
            if about["key"] in found:
                rows.append(self._tell_set(policy, told, name))
        note = ""
        if rows:
            first, last = (foresight_sentences.tell_day(env, day) for day in result["set_days"])
            note = env._(
                "Of the month-ends from %(first)s to %(last)s and the %(days)s days after each. The top is %(top)s.",
                first=first,
                last=last,
                days=format_number(env, result["set_span"]),
                top=foresight_sentences.name_cut(env, names[result["set_cut"] - 1], result["set_cut"]),
            )
        return {"sets": rows, "set_note": note, "set_sentences": sentences}

    def _tell_set(self, policy, told, name):
        percent = foresight_sentences.percent
        difference, likely = foresight_sentences.tell_points(self.env, told["difference"])
        currency = policy.company_id.currency_id
        return {
            "key": told["key"],
            "name": name,
            **{key: percent(self.env, told[key]) for key in ("foresight", "moved", "back", "stopped")},
            "top": format_number(self.env, told["top"]),
            "difference": difference,
            "likely": likely,
            **{
                key: foresight_sentences.tell_money(self.env, told[key], currency)
                for key in ("other_tier", "other_prices")
            },
        }

    def _tell_weights(self, result, metrics):
        """Return ``weights``: of each criterion ``key``, ``name``, the weight of ``today`` and the one that is
        ``advised``, and ``weight_sentence``."""
        advice, env = result["advice"], self.env
        if not result["sets"]:
            return {"weights": [], "weight_sentence": ""}
        sentence = foresight_sentences.say_advice(env, result)
        if not advice or advice["verdict"] != "better":
            return {"weights": [], "weight_sentence": sentence}
        return {
            "weights": [
                {
                    "key": key,
                    "name": metrics.get(key, key),
                    "today": foresight_sentences.percent(env, weight / 100),
                    "advised": foresight_sentences.percent(env, advice["weights"][key] / 100),
                }
                for key, weight in advice["today"].items()
            ],
            "weight_sentence": sentence,
        }
