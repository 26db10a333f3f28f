"""What is wrong with a policy, in words: the one place that makes sentences of the engine's codes."""

from odoo.tools import LazyTranslate, format_list

from . import engine
from .sentences import format_number

_lt = LazyTranslate(__name__)

_INCOMPLETE_MAP = _lt(
    "The segment map of policy “%(policy)s” is not complete: choose a segment for each of its 25 cells."
)
SENTENCES = {
    "no_tier": _lt("Policy “%(policy)s” has no tier. Add at least one tier that starts at score 0."),
    "same_floor": _lt("%(tiers)s all start at score %(floor)s. Give each tier its own “From Score”."),
    "lowest_floor": _lt(
        "No tier starts at score 0, so customers below %(floor)s would have none. Set “From Score” of %(tier)s to 0 "
        "or add a tier that starts at 0.",
    ),
    "floor_range": _lt("%(tier)s starts at %(floor)s. A tier starts at a score from 0 to 100."),
    "kept_range": _lt(
        "“Stays Down To” of %(tier)s lies between 0 and “From Score”, %(floor)s: staying in a tier cannot ask for "
        "more than entering it. Now it is %(kept)s.",
    ),
    "kept_not_rising": _lt(
        "%(higher)s stays down to %(high)s and %(lower)s only to %(low)s. A higher tier must not be easier to keep: "
        "change one of the “Stays Down To”.",
    ),
    "no_share": _lt("%(tiers)s: give each tier a share above 0%%."),
    "share_range": _lt("%(tier)s: give each tier a share above 0%% and up to 100%%."),
    "share_total": _lt("The shares of the tiers add up to %(total)s%%. Change them so that they make 100%% together."),
    "no_condition": _lt("%(tier)s has no condition, so nobody would be below it. Add at least one condition."),
    "lowest_condition": _lt(
        "%(tier)s is the lowest tier and takes all who meet none of the conditions above. Remove its conditions, or "
        "add a tier without conditions below it.",
    ),
    "negative_days": _lt("%(tier)s: days of grace and the minimum stay are 0 or more."),
    "margin_range": _lt("“Points to Rise” are 0 to 100 points above “From Score”, not %(points)s."),
    "at_once_range": _lt("“Points to Rise at Once” are 0 to 100 points above “From Score”, not %(points)s."),
    "upgrade_days_range": _lt("“Days to Rise” are 0 to %(most)s days, not %(days)s."),
    "no_weight": _lt(
        "The weights of policy “%(policy)s” add up to 0, so every customer would score 0. Give at least one "
        "criterion a weight above 0.",
    ),
    "double_metric": _lt(
        "“%(metric)s” has two criteria. A policy uses each metric once: change the weight of one of them and remove "
        "the other.",
    ),
    "unknown_metric": _lt("The metric “%(metric)s” is not there any more. Remove its criteria and conditions."),
    "bad_weight": _lt("“%(metric)s”: a weight is 0 or more, not %(weight)s."),
    "no_column": _lt(
        "“%(metric)s” is a ratio with “%(column)s”, which no app brings any more. Remove its criteria and conditions, "
        "or install the app again.",
    ),
    "not_points": _lt(
        "“%(metric)s” has no points of its own. Choose another way to score it than the points of its values."
    ),
    "unknown_left_out": _lt(
        "“%(metric)s” is part of the segments, so nobody can be judged without it. Choose that it counts as 0 "
        "points where it is not known.",
    ),
    "half_a_ratio": _lt("“%(metric)s” is a ratio: say which column is divided by which."),
    "no_cuts": _lt("“%(metric)s” has no limits. Type four limits."),
    "cuts_not_rising": _lt("The limits of “%(metric)s” must rise from limit 1 to limit 4. Now they are %(cuts)s."),
    "cuts_not_finite": _lt("The limits of “%(metric)s” must be numbers. Now they are %(cuts)s."),
    "value_not_finite": _lt("The condition on “%(metric)s” needs a number, not %(value)s."),
    "harder_to_stay": _lt(
        "Staying in %(tier)s asks for more than entering it: “%(metric)s” of %(value)s to enter, but %(kept)s to stay. "
        "Change “To Stay”.",
    ),
    "map_shape": _INCOMPLETE_MAP,
    "map_cell": _INCOMPLETE_MAP,
    "negative_population": _lt("“Customers Needed to Compare” is 0 or more."),
    "negative_protection": _lt("The protection of new customers lasts 0 days or more."),
    "lifecycle_order": _lt(
        "“Declining After” must be more than 1 usual gap and less than “Lost After”. Now they are %(late)s and "
        "%(lost)s.",
    ),
    "falling_range": _lt(
        "“Declining When Falling By” is more than 0%% and at most 100%%, which is all of the amount. Now it is "
        "%(falling)s."
    ),
    "growing_range": _lt(
        "“Forming When Growing By” is more than 0%% and at most %(most)s%%, the most that is measured. Now it is "
        "%(growing)s."
    ),
    "exploring_days": _lt("“Exploring Up To” needs at least 1 day with orders."),
    "risk_order": _lt(
        "The warning must grow with the days: “Watch After” of 1 usual gap or more, then “High After”. Now they are "
        "%(watch)s and %(high)s.",
    ),
    "bad_risk_method": _lt("Choose what says who is at risk: the chance of the next order, or the usual gap."),
    "percent_order": _lt(
        "The warning must grow with the chance that no order comes: first “Watch From”, above 0%%, then “High From”, "
        "then “Lost From”, at most 100%%. Now they are %(watch)s, %(high)s and %(lost)s.",
    ),
    "outlook_days": _lt("“Look Ahead” is 0, for three usual gaps, or %(least)s to %(most)s days. Now it is %(days)s."),
    "outlook_discount": _lt("“Discount a Year” is 0 to 100%%, not %(discount)s."),
    "risk_after_lost": _lt(
        "The warning must grow with the days: first “High After”, then “Lost After”. Now they are %(high)s and "
        "%(lost)s.",
    ),
    "bad_rate": _lt("A cost to serve is 0 or more, not %(rate)s. Change it under Costs to Serve."),
    "no_axes": _lt("Say under “Two Axes” what the customers of policy “%(policy)s” are divided by."),
    "four_tiers": _lt(
        "Two axes make four tiers: good on both, on profit only, on value only, and on none. Policy “%(policy)s” has "
        "%(number)s: add or remove tiers until there are four."
    ),
    "border_share": _lt(
        "The best customers of an axis are more than 0%% and less than 100%% of all, not %(border)s%%."
    ),
    "border_not_finite": _lt("The border of an axis must be a number, not %(border)s."),
    "border_margin": _lt("“May Fall Below the Border By” is 0 to 100%%, not %(margin)s%%."),
    "same_axis": _lt("Both axes are “%(metric)s”. Choose another metric for one of them."),
    "silent_days": _lt("“Silent After” needs at least 1 day."),
}


def get_sentence(env, error, policy=None):
    """Return a sentence that says what is wrong and what to do, in the user's language.

    :param env: the environment whose language is meant
    :param error: the engine's ``RuleError``
    :param policy: the ``customer.tiering.policy`` that was judged; None where a metric alone was
    """
    if error.code not in SENTENCES:  # no form lets it through
        return env._("The policy cannot be used (%(problem)s).", problem=str(error))
    sentence = env._(SENTENCES[error.code])  # pylint: disable=translation-not-lazy
    return sentence % _name(env, error.facts, policy)


def _name(env, facts, policy):
    """Return the facts as a person reads them: names instead of keys, numbers without noise."""
    metrics = env["customer.tiering.metric"]._get_names()
    tiers = {tier._get_key(): tier.name for tier in policy.tier_ids} if policy else {}

    def name(fact, value):
        if fact in ("tier", "higher", "lower"):
            return tiers.get(value, value)
        if fact == "tiers":
            return format_list(env, [str(tiers.get(key, key)) for key in value])
        if fact == "metric":
            return env._("Score") if value == engine.rules.SCORE else metrics.get(value, value)
        if fact == "cuts":
            return "; ".join(format_number(env, cut, 4) for cut in value)
        return format_number(env, value, 4) if isinstance(value, int | float) else value

    return {"policy": policy and policy.display_name, **{fact: name(fact, value) for fact, value in facts.items()}}
