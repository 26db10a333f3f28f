"""Every sentence about a customer, from the scorecard, the rules and the fitted values of the policy's last run.

All texts are plain, never markup, in the language of the scorecard's environment and with its way to write numbers and
dates. A sentence is one string to translate, with placeholders; nothing is put together from parts of sentences. What
stands in a list within a sentence is joined as the language does it, and sentences are joined by a space.
"""

import dataclasses
import math
from datetime import date

import babel.dates

from odoo.tools import LazyTranslate, float_round, format_date, format_list
from odoo.tools.misc import formatLang, get_lang

from . import engine

# A sentence names the easiest ways only.
NAMED_WAYS = 3
# Purchases are mostly on a weekday, or through a team, from so many percent on, and if there are so many purchases.
MOSTLY, FEW = 40, 3
# Where the number stands in how a value reads.
NUMBER = "%(number)s"
# What a customer brings about by buying, and knows of.
OWN_METRICS = ("recency", "frequency", "monetary")
# What else a letter may tell of the score: it follows from what the customer bought, and from nothing else.
LETTER_METRICS = (
    *OWN_METRICS,
    *("average_order", "tenure", "gap_mean", "gap_median", "regularity", "growth", "categories", "repurchase_rate"),
)
# The days that are told count from here.
EPOCH = date(1970, 1, 1)

_lt = LazyTranslate(__name__)

# Why the engine cannot tell what customers will do, by its codes.
CANNOT_TELL = {
    "no_customers": _lt("Cannot tell yet: nobody has bought anything so far."),
    "one_day": _lt(
        "Cannot tell yet: all purchases are of one single day. Customers who came back show how long others wait."
    ),
    "short_history": _lt(
        "Cannot tell yet: the history is too short. Days since the first purchase: %(days)s; it takes %(needed)s to "
        "see who comes back."
    ),
    "few_customers": _lt(
        "Cannot tell yet: too few customers have bought anything, %(customers)s. It takes %(needed)s to learn from "
        "them."
    ),
    "no_repeat": _lt(
        "Cannot tell yet: nobody has bought on a second day, so there is no rhythm to learn. Customers who bought "
        "once: %(customers)s."
    ),
    "imported": _lt(
        "Cannot tell yet: %(customers)s of %(of)s customers seem to begin on the same day, %(days)s days ago, as after "
        "an import without the time before. Import the older orders, or wait until most customers have come since."
    ),
    "slow_trade": _lt(
        "Cannot be told here: customers usually order every %(days)s days. With more than %(most)s days between "
        "orders, as in projects, silence says nothing about the next one."
    ),
    "not_converged": _lt("Cannot tell yet: the purchases follow no pattern from which the next ones could be told."),
    "few_second_orders": _lt(
        "Cannot tell yet: too few customers have come a second time, %(second_orders)s. It takes %(needed)s to see how "
        "long the others wait."
    ),
    "too_early": _lt(
        "Cannot tell yet: second orders still come in at the end of the %(days)s days that are known. More time has "
        "to pass to see when waiting is in vain."
    ),
}
# What to know of what it tells.
FORECAST_NOTES = {
    "few_for_chances": _lt(
        "Few customers have bought so far, %(customers)s: with fewer than %(needed)s, chances are estimated with the "
        "help of typical companies."
    ),
    "few_for_totals": _lt(
        "Few customers have bought so far, %(customers)s: with fewer than %(needed)s, totals of orders and amounts are "
        "rough."
    ),
    "no_correction": _lt("Nothing could be learned yet from earlier days of this company."),
}


class Words:
    """What metrics are called, and how their values read.

    :param card: the ``customer.tiering.scorecard`` whose currency is meant, in whose environment's language
    :param version: the ``customer.tiering.policy.version`` that knows metrics that are gone since
    """

    def __init__(self, card, version):
        self.card, self.env = card, card.env
        self.texts = version._get_metric_texts()

    def name(self, metric):
        if metric.key == engine.rules.SCORE:
            return self.env._("Score")
        return self.texts.get(metric.key, {}).get("name") or metric.key

    def deed(self, metric):
        """Return what makes the days of a metric begin again, as “an order today”; None where nobody said it."""
        return self.texts.get(metric.key, {}).get("deed")

    def value(self, metric, value):
        """Return a value as a person reads it: “12 days”, “3 orders”, “$ 1,234.00”."""
        env, texts = self.env, self.texts.get(metric.key, {})
        if not self.may_see(metric):
            return env._("not shown to you")
        if metric.unit == "money":
            return formatLang(env, value, currency_obj=self.card.currency_id)
        if metric.unit == "yes_no":
            return env._("yes") if value else env._("no")
        number = format_number(env, value, 1)
        if metric.choices:
            return self._choices(metric, value, number)
        if metric.unit == "days":
            return env._("1 day") if value == 1 else env._("%(number)s days", number=number)
        text = (value == 1 and texts.get("text_one")) or texts.get("text_many")
        if text:
            return text.replace(NUMBER, number)
        return env._("%(number)s%%", number=number) if metric.unit == "percent" else number

    def _choices(self, metric, value, number):
        """Return the choices that have so many points, and the points."""
        fnames = self.texts.get(metric.key, {}).get("fields") or [None]
        field = self.env["res.partner"]._fields.get(fnames[0])
        labels = dict(field._description_selection(self.env)) if field and field.type == "selection" else {}
        chosen = [str(labels.get(choice, choice)) for choice, points in metric.choices if points == value]
        said = self.env._("1 point") if value == 1 else self.env._("%(number)s points", number=number)
        if not chosen:
            return said
        return self.env._("%(choice)s (%(points)s)", choice=format_list(self.env, chosen, style="or"), points=said)

    def may_see(self, metric):
        """Whether the person may see the fields behind a metric, if there are any."""
        fnames = self.texts.get(metric.key, {}).get("fields") or ()
        return self.env["customer.tiering.metric"]._may_see_fields(fnames)


class Explanation:
    """What explains the tier of one customer.

    :param card: the ``customer.tiering.scorecard``
    :param rules: the engine's ``PolicyRules`` of the policy's last run, or None
    :param fit: the engine's ``Fit`` that it scored by, or None
    """

    def __init__(self, card, rules, fit):
        self.card, self.rules, self.fit = card, rules, fit
        self.env = card.env
        # Of the run that wrote the scorecard, which may be an earlier one than the policy's last.
        self.version = card.run_id.exists().version_id.sudo()
        self.words = Words(card, self.version)

    def get_data(self):
        """Return all of it, a dict of plain values; docs/development.md says what they are."""
        card = self.card
        data = {
            "tier": card.tier_id.name or False,
            "score": card.score,
            "score_text": self.env._("%(score)s of 100 points", score=formatLang(self.env, card.score)),
            "lines": self._get_lines(),
            "total_text": formatLang(self.env, card.score),
            "rule": self._get_rule(),
            "left_out": self._get_left_out(),
            "next": self._get_next(),
            "rise": self._get_rise(),
            "keep": self._get_keep(),
            "fall": self._get_fall(),
            "lock": self._get_lock(),
            "segment": self._get_segment(),
            "lifecycle": self._get_lifecycle(),
            "risk": self._get_risk(),
        }
        return {**data, "text": join(self.env, self._get_sentences(data))}

    def _get_sentences(self, data):
        """Return all that the data say, for screen readers and other programs."""
        card, env = self.card, self.env
        score = formatLang(env, card.score)
        if card.tier_id:
            sentences = [env._("%(tier)s, %(score)s of 100 points.", tier=card.tier_id.name, score=score)]
        else:
            sentences = [env._("No tier, %(score)s of 100 points.", score=score)]
        sentences += [
            env._(
                "%(metric)s: %(value)s gives %(points)s points and, with weight %(weight)s, %(part)s of the score.",
                metric=line["label"],
                value=line["text"],
                points=line["points_text"],
                weight=line["weight_text"],
                part=formatLang(env, line["contribution"]),
            )
            for line in data["lines"]
        ]
        sentences += [data["left_out"], data["rule"]]
        parts = ("rise", "next", "keep", "fall", "lock", "segment", "lifecycle", "risk")
        sentences += [data[part] and data[part]["sentence"] for part in parts]
        return filter(None, sentences)

    # ------------------------------------------------------------------
    # The score
    # ------------------------------------------------------------------

    def _get_lines(self):
        """Return the score's parts in the order of the policy's criteria; none for who never bought."""
        card, env = self.card, self.env
        # A metric without a weight is no criterion; it leads to the tier in another way.
        parts = {key: part for key, part in (card.sudo().told or {}).items() if part[2] is not None}
        if not card.last_order_date or not parts:
            return []
        rules = self.version._get_rules()
        # The database keeps the keys of a JSON object in an order of its own.
        order = {key: rank for rank, key in enumerate(card.policy_id.criterion_ids.metric_id.mapped("key"))}
        total_weight = sum(weight for _value, points, weight, _contribution in parts.values() if points is not None)
        lines = []
        for key in sorted(parts, key=lambda key: order.get(key, len(order))):
            value, points, weight, contribution = parts[key]
            metric, is_left_out = rules.get_metric(key), points is None
            maximum = float_round(100 * weight / total_weight, 2) if total_weight and not is_left_out else 0
            lines.append(
                {
                    "metric": key,
                    "label": self.words.name(metric),
                    "text": env._("not known, left out") if is_left_out else self._format_own(metric, value),
                    "points": points or 0,
                    "points_text": "–" if is_left_out else formatLang(env, points, digits=1),
                    "weight": weight,
                    "weight_text": format_number(env, weight, 2),
                    "contribution": contribution,
                    "maximum": maximum,
                    "contribution_text": "–"
                    if is_left_out
                    else env._(
                        "%(contribution)s of %(maximum)s",
                        contribution=formatLang(env, contribution),
                        maximum=formatLang(env, maximum),
                    ),
                }
            )
        return lines

    def _format_own(self, metric, value):
        """Return the customer's own value of a metric as a person reads it, today's where days count."""
        value = get_today(self.card, metric, value)
        return self.env._("none") if value is None else self.words.value(metric, value)

    # ------------------------------------------------------------------
    # The tier
    # ------------------------------------------------------------------

    def _get_left_out(self):
        """Return how much was too small to count, or False."""
        count, env = self.card.small_count, self.env
        least = count and self.version.rules.get("min_order_amount")
        if not least:
            return False
        amount = formatLang(env, least, currency_obj=self.card.currency_id)
        if count == 1:
            return env._("1 order below %(amount)s is left out.", amount=amount)
        return env._("%(number)s orders below %(amount)s are left out.", number=count, amount=amount)

    def _get_rule(self):
        """Return what the tier that the rules came to asks for, or False."""
        env, tier = self.env, self.card.computed_tier_id
        rules = self.rules and self.fit and engine.tiers.told(self.rules, self.fit.tiers)
        rule = rules and _find_rule(rules, tier)
        if not rule:
            return False
        if rules.tier_method == "score":
            floor, entry = format_number(env, rule.floor, 2), rules.retention.entry(rule.floor)
            if entry > rule.floor > 0:
                return env._(
                    "%(tier)s starts at %(floor)s points. To move up to it takes %(entry)s, to keep it %(kept)s.",
                    tier=tier.name,
                    floor=floor,
                    entry=format_number(env, entry, 2),
                    kept=format_number(env, rule.kept, 2),
                )
            if rule.kept < rule.floor:
                return env._(
                    "%(tier)s starts at %(floor)s points and is kept down to %(kept)s.",
                    tier=tier.name,
                    floor=floor,
                    kept=format_number(env, rule.kept, 2),
                )
            return env._("%(tier)s starts at %(floor)s points.", tier=tier.name, floor=floor)
        if rules.tier_method == "customer_share":
            return env._(
                "%(tier)s is for %(share)s%% of the customers.",
                tier=tier.name,
                share=format_number(env, rule.share, 2),
            )
        if rules.tier_method == "revenue_share":
            return env._(
                "%(tier)s is for those who bring %(share)s%% of the revenue.",
                tier=tier.name,
                share=format_number(env, rule.share, 2),
            )
        if rules.tier_method == "clusters":
            return env._("%(tier)s is a group of customers who resemble each other.", tier=tier.name)
        if not rule.conditions:
            return env._("%(tier)s is for all who meet no higher tier's conditions.", tier=tier.name)
        conditions = [self._say_condition(condition) for condition in rule.conditions]
        style = "or" if rule.match_any else "standard"
        return env._(
            "%(tier)s needs %(conditions)s.", tier=tier.name, conditions=format_list(env, conditions, style=style)
        )

    def _say_condition(self, condition):
        metric = self.rules.get_metric(condition.metric)
        said = {"metric": self.words.name(metric), "value": self.words.value(metric, condition.value)}
        if condition.operator == ">=":
            return self.env._("%(metric)s of at least %(value)s", **said)
        return self.env._("%(metric)s of at most %(value)s", **said)

    def _get_next(self):
        """Return the next tier and the ways to it; False at the top or locked in one tier."""
        card, env = self.card, self.env
        tier = card.next_tier_id
        if not tier or card.lock_mode == "fixed":
            return False
        ways = find_ways(card, self.rules, self.fit, tier, keep=False)
        words = self._say_ways(ways)
        said = {"tier": tier.name, "ways": self._list_ways(words, ways.together)}
        days = self.rules.upgrade_days if self.rules and card.computed_tier_id else 0
        if days == 1:
            sentence = env._("To reach %(tier)s: %(ways)s. The upgrade comes when this has held for a day.", **said)
        elif days:
            sentence = env._(
                "To reach %(tier)s: %(ways)s. The upgrade comes when this has held for %(days)s days.",
                days=format_number(env, days),
                **said,
            )
        else:
            sentence = env._("To reach %(tier)s: %(ways)s.", **said)
        return {
            "tier": tier.name,
            "points": card.points_to_next,
            "ways": words,
            "together": ways.together,
            "sentence": bool(words) and sentence,
        }

    def _get_rise(self):
        """Return the announced upgrade and what it takes; False when none is announced."""
        card, env = self.card, self.env
        tier, date = card.upgrade_tier_id, format_date(env, card.upgrade_date)
        if not tier or card.lock_mode == "fixed":
            return False
        points = self._get_entry(tier)
        if points is None:
            sentence = env._("%(tier)s on %(date)s if the numbers hold until then.", tier=tier.name, date=date)
        else:
            sentence = env._(
                "%(tier)s on %(date)s if the score stays at %(points)s or more.",
                tier=tier.name,
                date=date,
                points=format_number(env, points, 2),
            )
        return {"tier": tier.name, "date": date, "points": points, "sentence": sentence}

    def _get_entry(self, tier):
        """Return the score that an upgrade to a tier takes; None where no score leads there, or it is not known."""
        rules, fit = self.rules, self.fit
        rule = rules and fit and _find_rule(rules, tier)
        return engine.tiers.get_entry(rules, fit.tiers, rule) if rule and rules.by_score else None

    def _get_keep(self):
        """Return the announced downgrade and the ways to call it off; False when none is announced."""
        card, env = self.card, self.env
        if not card.pending_tier_id:
            return False
        tier, date = card.computed_tier_id, format_date(env, card.pending_date)
        ways = find_ways(card, self.rules, self.fit, tier, keep=True)
        words = self._say_ways(ways)
        sentences = [env._("On %(date)s the tier falls to %(tier)s.", date=date, tier=card.pending_tier_id.name)]
        if words:
            sentences.append(
                env._(
                    "To keep %(tier)s: %(ways)s.",
                    tier=tier.name,
                    ways=self._list_ways(words, ways.together),
                )
            )
        return {
            "tier": tier.name,
            "to": card.pending_tier_id.name,
            "date": date,
            "ways": words,
            "together": ways.together,
            "sentence": join(env, sentences),
        }

    def _get_fall(self):
        """Return the downgrade that is foreseen; False where there is none, or one is announced."""
        fall = self.env["customer.tiering.fall"]._get_of(self.card)
        return bool(fall) and {"sentence": fall.sentence}

    def _list_ways(self, words, together):
        if together:
            return format_list(self.env, words)
        return format_list(self.env, words[:NAMED_WAYS], style="or")

    def _say_ways(self, ways):
        """Return each of the engine's ``Ways`` in words, the easiest first."""
        order = [self._say_order(*ways.order)] if ways.order else []
        return [*order, *map(self._say_way, ways.single)]

    def _say_order(self, count, amount):
        """Return so many orders placed today in words; an amount of 0 does not matter."""
        env = self.env
        amount = max(amount, count * _get_least_amount(self.card))
        money = formatLang(env, amount, currency_obj=self.card.currency_id)
        if count == 1:
            return env._("an order of %(amount)s today", amount=money) if amount else env._("an order today")
        if amount:
            return env._("%(count)s orders of %(amount)s together today", count=format_number(env, count), amount=money)
        return env._("%(count)s orders today", count=format_number(env, count))

    def _say_way(self, way):
        metric, words = self.rules.get_metric(way.metric), self.words
        deed = words.deed(metric)
        if deed and metric.ages and not way.change > 0:
            return deed
        needed = words.value(metric, way.needed)
        adds_up = metric.unit == "count" or metric.after_order == "its_amount_more"
        if adds_up and way.change > 0 and words.may_see(metric):
            return self.env._(
                "%(change)s more (%(needed)s in all)", change=words.value(metric, way.change), needed=needed
            )
        return self.env._("%(metric)s: %(needed)s", metric=words.name(metric), needed=needed)

    def _get_lock(self):
        """Return who locked the tier, why and until when, and whether that has an effect; False without a lock."""
        card, env = self.card, self.env
        lock = card.lock_id.sudo()
        if not lock:
            return self._get_idle_lock()
        date_end = format_date(env, lock.date_end) if lock.date_end else False
        said = {"tier": lock.tier_id.name, "user": lock.user_id.name, "reason": lock.reason}
        if lock.mode == "floor" and date_end:
            sentence = env._(
                "At least %(tier)s until %(date)s, decided by %(user)s: %(reason)s.", date=date_end, **said
            )
        elif lock.mode == "floor":
            sentence = env._("At least %(tier)s, decided by %(user)s: %(reason)s.", **said)
        elif date_end:
            sentence = env._("Exactly %(tier)s until %(date)s, decided by %(user)s: %(reason)s.", date=date_end, **said)
        else:
            sentence = env._("Exactly %(tier)s, decided by %(user)s: %(reason)s.", **said)
        sentences = [sentence]
        computed = card.computed_tier_id.name or False
        if card.differs:
            sentences.append(
                env._("The rules alone come to %(tier)s.", tier=computed)
                if computed
                else env._("The rules alone come to no tier.")
            )
        return {
            "mode": lock.mode,
            "tier": said["tier"],
            "computed": computed,
            "differs": card.differs,
            "reason": said["reason"],
            "user": said["user"],
            "date_end": date_end,
            "holds": True,
            "sentence": join(env, sentences),
        }

    def _get_idle_lock(self):
        """Return the same of a lock that has no effect, and why; False without one."""
        card, env = self.card, self.env
        lock = card.idle_lock_id.sudo()
        if not lock:
            return False
        said = {"tier": lock.tier_id.name, "user": lock.user_id.name, "reason": lock.reason}
        return {
            "mode": lock.mode,
            "tier": said["tier"],
            "computed": card.computed_tier_id.name or False,
            "differs": False,
            "reason": said["reason"],
            "user": said["user"],
            "date_end": format_date(env, lock.date_end) if lock.date_end else False,
            "holds": False,
            "sentence": env._(
                "The lock in %(tier)s of the policy “%(former)s” has no effect, because the policy “%(policy)s” has no "
                "tier of that name. It was decided by %(user)s: %(reason)s. Lock the customer again, or put it back to "
                "automatic.",
                former=lock.tier_id.policy_id.name,
                policy=card.policy_id.name,
                **said,
            ),
        }

    # ------------------------------------------------------------------
    # The relation
    # ------------------------------------------------------------------

    def _get_segment(self):
        """Return why the segment is not that of the card's R, F and M alone; False where it is."""
        card, env = self.card, self.env
        if not card.recency_score or not self.version:
            return False
        rules = self.version._get_rules()
        key = engine.segments.by_scores(
            card.recency_score, card.frequency_score, card.monetary_score, rules.weights, rules.segment_map
        )
        other = env["customer.segment"].browse(key)
        if other == card.segment_id or not other.exists():
            return False
        return {
            "label": card.segment_id.name,
            "sentence": env._(
                "Segment: %(segment)s, not %(other)s, because the last order is judged by the usual gap of %(gap)s "
                "days, too.",
                segment=card.segment_id.name,
                other=other.name,
                gap=format_number(env, round(card.usual_gap_days)),
            ),
        }

    def _get_lifecycle(self):
        """Return the stage and what it means; False without one."""
        card, env = self.card, self.env
        if not card.lifecycle:
            return False
        label = dict(card._fields["lifecycle"]._description_selection(env))[card.lifecycle]
        meaning = self._say_stage()
        return {
            "label": label,
            "meaning": meaning,
            "sentence": env._("Stage: %(stage)s. %(meaning)s", stage=label, meaning=meaning),
        }

    def _say_stage(self):
        """Return what the stage means, with the policy's numbers."""
        env, policy = self.env, self.card.policy_id
        if is_foretold(self.card) and self.card.lifecycle in ("declining", "lost"):
            return self._say_foretold_stage()
        days = policy.lifecycle_exploring_days
        exploring = env._("Has ordered on a single day so far.")
        if days > 1:
            exploring = env._("Has ordered on at most %(days)s days so far.", days=format_number(env, days))
        return {
            "prospect": env._("Has not bought yet."),
            "exploring": exploring,
            "forming": env._(
                "Buys at least %(rise)s%% more than before.", rise=format_number(env, policy.lifecycle_growing, 2)
            ),
            "stable": env._("Buys in the usual rhythm."),
            "declining": env._(
                "No order for more than %(late)s times the usual gap, or at least %(fall)s%% less than before.",
                late=format_number(env, policy.lifecycle_late, 2),
                fall=format_number(env, policy.lifecycle_falling, 2),
            ),
            "lost": env._(
                "No order for more than %(lost)s times the usual gap.",
                lost=format_number(env, policy.lifecycle_lost, 2),
            ),
        }[self.card.lifecycle]

    def _say_foretold_stage(self):
        """Return the same where the chance of the next order decides."""
        env, policy = self.env, self.card.policy_id
        told = {"days": format_number(env, policy.outlook_horizon)}
        if self.card.lifecycle == "lost":
            return env._(
                "It is at least %(chance)s%% likely that no order comes within %(days)s days.",
                chance=format_number(env, policy.risk_lost_percent),
                **told,
            )
        return env._(
            "It is at least %(chance)s%% likely that no order comes within %(days)s days, or the customer buys at "
            "least %(fall)s%% less than before.",
            chance=format_number(env, policy.risk_watch_percent),
            fall=format_number(env, policy.lifecycle_falling, 2),
            **told,
        )

    def _get_risk(self):
        """Return the churn warning and its reason; False without one."""
        card, env = self.card, self.env
        if not card.risk_reason:
            return False
        said = {
            "level": dict(card._fields["risk"]._description_selection(env))[card.risk],
            "reason": card.risk_reason,
        }
        if card.risk == engine.risk.LOST and not is_foretold(card):  # always 100 %
            sentence = env._("Risk: %(level)s. %(reason)s", **said)
        else:
            sentence = env._("Risk: %(level)s (%(rank)s%%). %(reason)s", rank=card.risk_rank, **said)
        return {
            "level": card.risk,
            "label": said["level"],
            "rank": card.risk_rank,
            "at_stake": bool(card.expected_loss),
            "reason": said["reason"],
            "sentence": sentence,
        }


class OwnWords(Explanation):
    """What a customer reads of the own tier.

    Nothing of scores unless the policy says so, and no metric that customers do not bring about by buying: what people
    here count, earn or feel is not for them.
    """

    def get_data(self):
        """Return the sentences, each of them or False: ``tier``, ``since``, ``score``, ``set`` by a person, ``keep``,
        ``rise`` and ``next``."""
        card, env = self.card, self.env
        since = card.tier_since and env._("Since %(date)s", date=format_date(env, card.tier_since))
        return {
            "tier": card.tier_id.name,
            "since": since or False,
            "score": self._get_own_score(),
            "set": self._get_set(),
            "keep": self._get_keep(),
            "rise": self._get_rise(),
            "next": self._get_next(),
        }

    @property
    def _tells_score(self):
        return self.card.policy_id.portal_score

    def _get_own_score(self):
        card, env = self.card, self.env
        if not self._tells_score:
            return False
        told = [env._("You have %(score)s of 100 points.", score=formatLang(env, card.score))]
        if card.next_tier_id and card.points_to_next and card.lock_mode != "fixed":
            told.append(
                env._(
                    "You need %(points)s more for %(tier)s.",
                    points=formatLang(env, card.points_to_next),
                    tier=card.next_tier_id.name,
                )
            )
        return join(env, told)

    def _get_set(self):
        """Return until when a person holds the tier; nothing of who it was and why."""
        lock, env = self.card.lock_id, self.env
        if not lock or not (lock.mode == "fixed" or self.card.differs):
            return False
        if lock.date_end:
            return env._("We have set this tier for you until %(date)s.", date=format_date(env, lock.date_end))
        return env._("We have set this tier for you.")

    def _get_keep(self):
        card, env = self.card, self.env
        if not card.pending_tier_id:
            return env._("No change of your tier is announced.") if not card.upgrade_tier_id else False
        told = [
            env._(
                "On %(date)s your tier changes to %(tier)s.",
                date=format_date(env, card.pending_date),
                tier=card.pending_tier_id.name,
            )
        ]
        tier = card.computed_tier_id
        if ways := self._list_own_ways(tier, keep=True):
            told.append(env._("You keep %(tier)s with %(ways)s.", tier=tier.name, ways=ways))
        return join(env, told)

    def _get_rise(self):
        card, env = self.card, self.env
        if not card.upgrade_tier_id or card.lock_mode == "fixed":
            return False
        return env._(
            "You reach %(tier)s on %(date)s, if nothing changes until then.",
            tier=card.upgrade_tier_id.name,
            date=format_date(env, card.upgrade_date),
        )

    def _get_next(self):
        card, env = self.card, self.env
        tier = card.next_tier_id
        if card.lock_mode == "fixed":
            return False
        if not tier:
            highest = card.policy_id.tier_ids[:1]
            return env._("This is our highest tier.") if card.tier_id == highest else False
        ways = self._list_own_ways(tier, keep=False)
        if not ways:
            return env._("The next tier is %(tier)s.", tier=tier.name)
        days = self.rules.upgrade_days if card.computed_tier_id else 0
        if days == 1:
            return env._(
                "You reach %(tier)s with %(ways)s. It begins when this has held for a day.", tier=tier.name, ways=ways
            )
        if days:
            return env._(
                "You reach %(tier)s with %(ways)s. It begins when this has held for %(days)s days.",
                tier=tier.name,
                ways=ways,
                days=format_number(env, days),
            )
        return env._("You reach %(tier)s with %(ways)s.", tier=tier.name, ways=ways)

    def _list_own_ways(self, tier, keep):
        """Return the ways that are the customer's own in words; nothing where all are needed and not all are."""
        ways = find_ways(self.card, self.rules, self.fit, tier, keep=keep)
        own = tuple(way for way in ways.single if way.metric in OWN_METRICS)
        if ways.together and len(own) < len(ways.single):
            return False
        words = self._say_ways(dataclasses.replace(ways, single=own))
        return bool(words) and self._list_ways(words, ways.together)


class LetterWords(OwnWords):
    """What a letter tells a customer of the own tier: what the portal tells, and what counts, with the own values."""

    def get_data(self):
        """Return the sentences of the portal, those about the score and the next tier as one text each, and ``title``
        and ``others``, or False; ``counts``: pairs of what counts and the own value."""
        env, rules, data = self.env, self.rules, super().get_data()
        data |= {
            "title": env._("Your tier: %(tier)s", tier=data["tier"]),
            "next": join(env, [data["rise"], data["next"]]),
            "counts": self._get_counts(),
            "others": False,
        }
        if not rules:
            return data
        window = env._(
            "What counts is what you bought with us in the last %(days)s days.",
            days=format_number(env, self.version.rules["window_days"]),
        )
        compared = env._("You are compared with our other customers.") if self._compares() else ""
        data["score"] = join(env, [window, compared, data["score"]])
        if any(weight != 0 and key not in LETTER_METRICS for key, weight in rules.weights.items()):
            data["others"] = env._("Other things count, too, that do not stand in this letter. Ask us about them.")
        return data

    def _get_counts(self):
        """Return the own metrics that count, in the order of the policy's criteria, with the own values."""
        rules, told = self.rules, self.card.told or {}
        if not rules:
            return []
        keys = [key for key, weight in rules.weights.items() if weight != 0 and key in LETTER_METRICS and key in told]
        metrics = [self.version._get_rules().get_metric(key) for key in keys]
        return [(self.words.name(metric), self._format_own(metric, told[metric.key][0])) for metric in metrics]

    def _compares(self):
        """Whether the tier depends on what others buy."""
        method = self.rules.tier_method
        if method in (*engine.rules.SHARES, engine.rules.CLUSTERS, engine.rules.TWO_AXES):
            return True
        ranks = (engine.rules.PERCENTILE, engine.rules.QUINTILE)
        return method == "score" and any(each.weight and each.method in ranks for each in self.rules.criteria)


# ----------------------------------------------------------------------
# Why a customer is at risk
# ----------------------------------------------------------------------


def risk_reason(card):
    """Return in words what speaks for losing the customer: a sentence for each signal of the last run that scored them,
    with the days until today. Empty without a risk.
    """
    signals = (card.risk_signals or "").split()
    late = engine.risk.LATE in signals
    sentences = [_say_late(card)] if late else []
    if is_foretold(card):
        sentences.append(_say_chance(card))
    if engine.risk.FALLING in signals and not (late and card.growth <= -100):  # the day of the last order says that
        sentences.append(_say_falling(card))
    if engine.risk.SILENT in signals:
        sentences.append(
            card.env._("No interaction for %(days)s days.", days=format_number(card.env, card.days_since_contact))
        )
    return join(card.env, sentences)


def is_foretold(card):
    """Whether it was the chance of the next order that has put a customer at risk."""
    return engine.risk.CHANCE in (card.sudo().risk_signals or "").split()


def _say_chance(card):
    env = card.env
    return env._(
        "Chance of an order within %(days)s days: %(chance)s%%.",
        days=format_number(env, card.policy_id.outlook_horizon),
        chance=format_number(env, card.order_percent),
    )


def tell_outlook(card):
    """Return in words what is to be expected of a customer; False where nothing can be foretold."""
    env, told = card.env, []
    if card.last_order_date and card.policy_id.outlook_horizon:
        told.append(_say_chance(card))
        told.append(
            env._(
                "Expected orders: %(orders)s, about %(amount)s.",
                orders=format_number(env, card.expected_orders, 1),
                amount=_round_money(card, card.expected_amount),
            )
        )
        if card.next_order_date:
            told.append(
                env._(
                    "The next order is expected around %(date)s.",
                    date=format_date(env, card.next_order_date),
                )
            )
        if card.year_value and card.year_value_high:
            told.append(
                env._(
                    "In 12 months about %(value)s, mostly between %(low)s and %(high)s.",
                    value=_round_money(card, card.year_value),
                    low=_round_money(card, card.year_value_low),
                    high=_round_money(card, card.year_value_high),
                )
            )
    if card.second_order_date and card.purchase_days == 1:
        late = card.second_order_date < card.company_id._get_tiering_today()
        date = format_date(env, card.second_order_date)
        told.append(
            env._("Has ordered once; most second orders had come by %(date)s, so waiting is in vain.", date=date)
            if late
            else env._("Has ordered once; most second orders come by %(date)s.", date=date)
        )
    return bool(told) and join(env, told)


def _round_money(card, amount):
    """Return an amount of which the small coins would promise too much."""
    unit = "decimals" if 0 < abs(amount) < 10 else "units"
    return formatLang(card.env, amount, currency_obj=card.currency_id, rounding_unit=unit)


def say_notice(card):
    """Return what to know of a customer before one writes an offer: the announced downgrade, and the risk; False where
    there is neither."""
    env, told = card.env, []
    if card.pending_tier_id and card.pending_date:
        told.append(
            env._(
                "On %(date)s the tier falls to %(tier)s.",
                date=format_date(env, card.pending_date),
                tier=card.pending_tier_id.name,
            )
        )
    if card.risk_reason:
        level = dict(card._fields["risk"]._description_selection(env))[card.risk]
        told.append(env._("Risk: %(level)s. %(reason)s", level=level, reason=card.risk_reason))
    return bool(told) and join(env, told)


def _say_late(card):
    env, gap = card.env, round(card.usual_gap_days)
    days = format_number(env, card.recency_days)
    if card.purchase_days >= engine.metrics.RHYTHM_DAYS:
        if gap == 1:
            return env._("Usually orders every day; the last order was %(days)s days ago.", days=days)
        return env._(
            "Usually orders every %(gap)s days; the last order was %(days)s days ago.",
            gap=format_number(env, gap),
            days=days,
        )
    if gap == 1:
        return env._("Customers like this order again after 1 day; the last order was %(days)s days ago.", days=days)
    return env._(
        "Customers like this order again after %(gap)s days; the last order was %(days)s days ago.",
        gap=format_number(env, gap),
        days=days,
    )


def _say_falling(card):
    """Return how the later half of the window compares with the earlier one."""
    env, fall = card.env, round(-card.growth)
    if fall >= 100:
        return env._("No order in the last %(days)s days.", days=format_number(env, card.policy_id.window_days // 2))
    if 48 <= fall <= 52:
        return env._("The amount has halved.")
    return env._("The amount has fallen by %(fall)s%%.", fall=format_number(env, fall))


def advice(card):
    """Return what usually works with customers like this one; False where nothing is known of the segment.

    What suits customers who are faithful so far, such as to thank them, is no answer to a warning: who buys less than
    half, or is late, may still be among the best of the window.
    """
    # From this risk on, the warning is the first thing to act upon.
    if card.risk in (engine.risk.HIGH, engine.risk.LOST) and card.segment_id.code in engine.segments.FAITHFUL:
        return card.env._("Call personally and find out what has changed, before anything else.")
    return card.segment_id.advice


# ----------------------------------------------------------------------
# Ways
# ----------------------------------------------------------------------


def find_ways(card, rules, fit, tier, keep):
    """Return the engine's ``Ways`` of a customer to enter or to keep ``tier``; none where they are not known."""
    rule = _find_reachable(card, rules, fit, tier)
    if not rule:
        return engine.ways.Ways()
    return engine.ways.to_tier(rules, fit, _get_values(card, rules), rule, keep=keep, left_out=_get_left_out(card))


def say_missing_amount(card, rules, fit):
    """Return in words the amount of an order today that keeps a tier about to be lost, else reaches the next one.

    :return: False where no amount alone leads there, or it is not known
    """
    keep = bool(card.pending_tier_id)
    rule = _find_reachable(card, rules, fit, card.computed_tier_id if keep else card.next_tier_id)
    if not rule:
        return False
    amount = engine.ways.missing_amount(
        rules, fit, _get_values(card, rules), rule, keep=keep, left_out=_get_left_out(card)
    )
    if amount is None:
        return False
    amount = max(amount, _get_least_amount(card))
    return formatLang(card.env, amount, currency_obj=card.currency_id) if amount else card.env._("any amount")


def say_draft(card, effect, rises, saving, currency, invoiced):
    """Return in words what a purchase of today would do.

    :param effect: the engine's ``draft.Effect``
    :param rises: whether its tier, or the one that comes, is above that of the scorecard
    :param saving: what its goods would have cost less by the prices of the tier that comes, in ``currency``
    :param invoiced: whether it counts once it is invoiced, not when it is confirmed
    """
    env = card.env
    tiers = env["customer.tier"]
    tier, coming = tiers.browse(effect.tier or []), tiers.browse(effect.coming or [])
    said = {
        "before": format_number(env, card.score, 1),
        "after": format_number(env, effect.score, 1),
        "tier": (coming or tier).name,
    }
    if effect.coming_date:
        date = format_date(env, effect.coming_date)
        first = env._("Score %(before)s → %(after)s, goes up to %(tier)s on %(date)s.", **said, date=date)
    elif coming:
        first = env._("Score %(before)s → %(after)s, reaches %(tier)s with the next computation.", **said)
    elif rises:
        first = env._("Score %(before)s → %(after)s, reaches %(tier)s.", **said)
    elif tier and tier == card.tier_id:
        first = env._("Score %(before)s → %(after)s, stays in %(tier)s.", **said)
    else:
        first = env._("Score %(before)s → %(after)s.", **said)
    told = [first, invoiced and env._("This counts once the order is invoiced.")]
    if effect.more:
        key, amount = effect.more
        money = formatLang(env, amount, currency_obj=card.currency_id)
        told.append(env._("%(amount)s more would reach %(tier)s.", amount=money, tier=tiers.browse(key).name))
    if saving > 0:
        money = formatLang(env, saving, currency_obj=currency)
        told.append(
            env._("As %(tier)s these lines would have cost %(amount)s less.", tier=(coming or tier).name, amount=money)
        )
    if currency != card.currency_id:
        told.append(env._("At today's exchange rate."))
    return join(env, told)


def say_too_small(card, least):
    """Return that a purchase does not count, because it is worth less than ``least``."""
    money = formatLang(card.env, least, currency_obj=card.currency_id)
    return card.env._("This order would not count: it has to be worth %(amount)s at least.", amount=money)


def say_unforeseen(card, rules, version):
    """Return that nothing can be told because of metrics that move as only the order itself shows; False: none do."""
    keys = engine.draft.unforeseen(rules)
    if not keys:
        return False
    words = Words(card, version)
    names = format_list(card.env, [words.name(rules.get_metric(key)) for key in keys])
    return card.env._(
        "Cannot tell yet: the tier also depends on %(metrics)s, as only the order will show.", metrics=names
    )


def _get_least_amount(card):
    """Return what an order must be worth to count at all; 0: whatever is more than nothing."""
    return card.policy_id.min_order_amount


def _find_reachable(card, rules, fit, tier):
    """Return the rule of a tier; None before the first run and for who never bought."""
    return _find_rule(rules, tier) if rules and fit and card.last_order_date else None


def _find_rule(rules, tier):
    return next((rule for rule in rules.tiers if rule.key == tier.id), None)


def _get_values(card, rules):
    """Return what the ways look at: ``{metric: value}``, NaN when it is unknown."""
    values = {key: _get_value(card, rules.get_metric(key)) for key in (*rules.metrics, "monetary")}
    return {**values, engine.rules.SCORE: card.score}


def _get_value(card, metric):
    if metric.of_window and not card.order_count:
        return math.nan
    told = (card.sudo().told or {}).get(metric.key)
    if told:
        value = get_today(card, metric, told[0])
    else:  # by the rules at that time nobody looked at it
        # sudo: as what was told; who may not see the field behind it is not told the number
        value = card.sudo()[metric.column] if metric.column in card._fields and not metric.ages else None
    return math.nan if value is None else value


def _get_left_out(card):
    """Return the metrics without which the customer was judged, because they are not known."""
    told = card.sudo().told or {}
    return {key for key, (_value, points, weight, _part) in told.items() if weight and points is None}


def get_today(card, metric, value):
    """Return today's value of a metric that was told as ``value``, see the engine's ``tell``; None: unknown."""
    if not metric.ages:
        return value
    if metric.unit == "days":
        return None if value is None else (card.company_id._get_tiering_today() - EPOCH).days - value
    return card[metric.column] if metric.column in card._fields and card.gap_median_days else None


# ----------------------------------------------------------------------
# Numbers and texts
# ----------------------------------------------------------------------


def join(env, sentences):
    """Return sentences as one text: with a space between two of them, or without, as the language does it."""
    text = ""
    for sentence in filter(None, sentences):
        text = env._("%(text)s %(sentence)s", text=text, sentence=sentence) if text else sentence
    return text


def format_number(env, number, decimals=0):
    """Return a number with at most so many decimals, without zeros at the end; what no person reads as ``1e+20``."""
    if not abs(number) < 1e15:  # nor NaN
        try:
            return f"{number:g}"
        except OverflowError:
            return "∞"  # a whole number of more than 300 digits
    number = float_round(number, precision_digits=decimals)
    while decimals and float_round(number, precision_digits=decimals - 1) == number:
        decimals -= 1
    return formatLang(env, number, digits=decimals)


def format_signed(env, number, decimals=0):
    """Return a number with its sign, 0 without one."""
    rounded = round(number, decimals)
    text = format_number(env, abs(rounded), decimals)
    if not rounded:
        return text
    return f"+{text}" if rounded > 0 else f"−{text}"


def say_points(env, points, decimals=0):
    """Return so many points of a hundred, 0 or more, in words."""
    text = format_number(env, points, decimals)
    is_one = text == format_number(env, 1)
    return env._("%(points)s point", points=text) if is_one else env._("%(points)s points", points=text)


def tell_profit(card, rules, costs):
    """Return how the net profit of a customer comes about, a list of dicts: ``label``, ``text`` (the amount), and
    ``kind``: ``plus``, ``less`` or ``sum``.

    :param card: the ``customer.tiering.scorecard``
    :param rules: the engine's ``PolicyRules``, which has margins measured
    :param costs: the ``customer.tiering.cost`` by their keys
    """
    env, lines = card.env, []

    def tell(kind, label, amount):
        lines.append({"kind": kind, "label": label, "text": formatLang(env, amount, currency_obj=card.currency_id)})

    tell("plus", env._("Amount"), card.amount)
    if card.uncosted_amount:
        share = 100 * card.uncosted_amount / card.amount if card.amount else 100
        label = env._("Goods without a cost (%(share)s%% of the amount)", share=format_number(env, share, 1))
        tell("less", label, card.uncosted_amount)
    if card.uncosted_amount and not card.costed_amount and not card.margin:
        lines.append({"kind": "sum", "label": env._("Margin"), "text": env._("not known")})
        return lines
    tell("less", env._("Cost of the goods"), card.costed_amount - card.margin)
    margin = env._("Margin")
    if card.costed_amount > 0:
        margin = env._("Margin (%(share)s%%)", share=format_number(env, 100 * card.margin / card.costed_amount, 1))
    tell("sum", margin, card.margin)
    if not rules.by_profit:
        return lines
    hidden = 0
    for rule in rules.costs:
        if rule.column not in card._fields:  # it went with its app
            continue
        number = card[rule.column] or 0
        cost = engine.profit.get_cost(number, rule)
        if not card._may_see_column(rule.column):
            hidden += cost
        elif cost and rule.key in costs:
            tell("less", costs[rule.key]._tell(number, rule.rate, card.currency_id), cost)
    if hidden:
        tell("less", env._("Costs that are not shown to you one by one"), hidden)
    tell("sum", env._("Cost to serve"), card.cost_to_serve)
    net = env._("Net profit")
    if card.amount > 0:
        net = env._("Net profit (%(share)s%%)", share=format_number(env, 100 * card.net_profit / card.amount, 1))
    tell("sum", net, card.net_profit)
    return lines


def tell_remedy(env, currency, base, row, remedy, alike, living):
    """Return the smallest change that brings a customer to zero, and who lives with it, in words.

    :param base: the engine's ``remedies.Base`` of all customers
    :param row: the place of the customer
    :param remedy: the row of what the engine's ``remedies.choose`` returned
    :param alike: how many customers are of similar size
    :param living: how many of them live with the remedy; below 0: not known
    """
    kinds, kind = engine.remedies, remedy["kind"]
    if kind is None:
        return env._("No single change is enough."), False

    def money(amount):
        return formatLang(env, amount, currency_obj=currency)

    if kind == kinds.MINIMUM_ORDER:
        usual = money(base.amount[row] / base.orders[row])
        text = env._("Orders of at least %(size)s instead of %(usual)s", size=money(remedy["size"]), usual=usual)
    elif kind == kinds.FREIGHT:
        text = env._("%(size)s of freight for each order", size=money(remedy["size"]))
    elif kind == kinds.PRICE:
        text = env._("Prices higher by %(size)s%%", size=format_number(env, remedy["size"], 1))
    elif kind == kinds.MEETINGS:
        text = env._(
            "%(size)s hours of meetings instead of %(usual)s",
            size=format_number(env, remedy["size"], 1),
            usual=format_number(env, base.hours[row], 1),
        )
    else:
        text = env._(
            "Payment after %(size)s days instead of %(usual)s",
            size=format_number(env, remedy["size"]),
            usual=format_number(env, base.days[row]),
        )
    if living < 0 or not alike:
        return text, False
    said = {"living": format_number(env, living), "alike": format_number(env, alike)}
    return text, env._("%(living)s of %(alike)s customers of similar size", **said)


def tell_simulated_remedy(env, currency, kind, size, result):
    """Return what a remedy would bring of all customers below zero, in words.

    :param result: ``customers``, ``gain`` and ``healed``
    """
    kinds = engine.remedies
    is_money = kind in (kinds.MINIMUM_ORDER, kinds.FREIGHT)
    said = {
        "size": formatLang(env, size, currency_obj=currency) if is_money else format_number(env, size, 1),
        "customers": format_number(env, result["customers"]),
        "gain": formatLang(env, result["gain"], currency_obj=currency),
        "healed": format_number(env, result["healed"]),
    }
    return {
        kinds.MINIMUM_ORDER: env._(
            "Minimum order %(size)s: customers %(customers)s, + %(gain)s; of them reach zero %(healed)s.", **said
        ),
        kinds.FREIGHT: env._(
            "Freight of %(size)s for each order: customers %(customers)s, + %(gain)s; of them reach zero %(healed)s.",
            **said,
        ),
        kinds.PRICE: env._(
            "Prices higher by %(size)s%%: customers %(customers)s, + %(gain)s; of them reach zero %(healed)s.", **said
        ),
        kinds.MEETINGS: env._(
            "At most %(size)s hours of meetings: customers %(customers)s, + %(gain)s; of them reach zero %(healed)s.",
            **said,
        ),
        kinds.TERMS: env._(
            "Payment after %(size)s days: customers %(customers)s, + %(gain)s; of them reach zero %(healed)s.", **said
        ),
    }[kind]


def tell_behaviour(card):
    """Return when and how a customer buys, in a few words; False where nothing stands out or was measured.

    :param card: the ``customer.tiering.scorecard``
    """
    env, told = card.env, []
    if card.order_count >= FEW and card.weekday_share >= MOSTLY and 1 <= card.top_weekday <= 7:
        names = babel.dates.get_day_names("wide", "format", get_lang(env).code)
        told.append(env._("mostly on %(weekday)s", weekday=names[card.top_weekday - 1]))
    if card.order_count >= FEW and card.top_team_share >= MOSTLY and card.top_team_id:
        # sudo: a team that has gone to another company since
        told.append(env._("through %(team)s", team=card.top_team_id.sudo().name))
    if card.discount_share >= 1:
        told.append(env._("%(share)s%% discount", share=format_number(env, card.discount_share)))
    text = False
    for more in told:  # not as a list, which some languages end with “and”: the last would belong to the one before
        text = env._("%(text)s, %(more)s", text=text, more=more) if text else more
    return text


def say_motive(card, metrics):
    """Return by what the buying motive of a customer is proposed; False where none is.

    :param card: the ``customer.tiering.scorecard``
    :param metrics: the ``customer.tiering.metric`` by their keys
    """
    env = card.env
    if not card.proposed_motive_id:
        return False
    metric = metrics.get(card.motive_metric)
    if not metric or not metric._may_see() or not card._may_see_column(metric.column):
        # What it is proposed by is gone since, or not for this person.
        return env._("Proposed from how the customer buys.")
    return env._(
        "%(metric)s: %(value)s. Of 100 customers who bought at least three times, %(rank)s have less.",
        metric=metric.name,
        value=Words(card, card.run_id.exists().version_id.sudo()).value(metric._get_definition(), card[metric.column]),
        rank=card.motive_rank,
    )


def say_cannot_tell(env, why):
    """Return why nothing can be told of what customers will do; False where it can.

    :param why: ``{"code": …, "facts": {…}}``, as the engine's ``prediction`` and ``second_order`` say it, or None
    """
    return bool(why) and _say_code(env, CANNOT_TELL, why)


def say_forecast_note(env, note):
    """Return what to know of what was learned about the customers.

    :param note: ``{"code": …, "facts": {…}}``, one of the ``notes`` of the engine's ``prediction.fit``
    """
    if note["code"] == engine.prediction.NOTE_SEASON:
        percent = note["facts"]["percent"]
        said = {"percent": format_number(env, abs(percent))}
        if percent < 0:
            return env._("A year ago, orders of this season were %(percent)s%% below what was expected.", **said)
        if percent > 0:
            return env._("A year ago, orders of this season were %(percent)s%% above what was expected.", **said)
        return env._("A year ago, as many orders came in this season as were expected.")
    return _say_code(env, FORECAST_NOTES, note)


def _say_code(env, sentences, said):
    sentence = sentences[said["code"]]
    facts = {name: format_number(env, value) for name, value in said["facts"].items()}
    return env._(sentence) % facts  # pylint: disable=translation-not-lazy
