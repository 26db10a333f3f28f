"""What came of a policy's tiers, in words: an effect only at the border of a tier, hints where people chose.

Never how likely chance is: an interval says from where to where.
"""

import math

from odoo.tools.misc import formatLang

from . import engine
from .sentences import format_number, format_signed, say_points


def say_obstacle(env, border):
    """Return why nothing can be told of the border of any tier, a sentence; False: look at each tier.

    :param border: what the ``customer.tiering.tier.effect`` keeps
    """
    texts = {
        "conditions": env._(
            "Cannot tell: the tiers of this policy have conditions that customers can know and aim at. Who aims at a "
            "tier and reaches it differs from who does not, so the border says nothing."
        ),
        "no_floor": env._(
            "Cannot tell: the tiers of this policy do not begin at a score, so they have no border at which customers "
            "could be compared."
        ),
        "told": env._(
            "Cannot tell: customers see in their portal what leads to the next tier. Who aims at a tier and reaches it "
            "differs from who does not, so the border says nothing."
        ),
        "few_customers": env._(
            "Cannot tell: it takes about %(least)s customers, and this policy has %(customers)s. With fewer, chance is "
            "larger than what a tier does.",
            least=format_number(env, engine.effect.LEAST_CUSTOMERS),
            customers=format_number(env, border["customers"]),
        ),
        "new": env._(
            "Cannot tell yet: nothing was computed in the time that is looked at. What came of a tier is known "
            "%(days)s days after customers have reached it.",
            days=format_number(env, engine.border.CAME),
        ),
        "old_rules": env._("Cannot tell: the rules of that time cannot be used any more."),
    }
    return texts.get(border["code"], False)


def say_border(env, judged, tier):
    """Return what reaching a tier did, or why that cannot be told, in words.

    :param judged: what ``engine.effect.judge_border`` returned
    :param tier: the name of the tier
    """
    found = judged["bought"]
    said = {"tier": tier, "days": format_number(env, engine.border.CAME)}
    if found:
        # The interval of a line knows nothing of shares, which are no more than all.
        ends = [min(100 * abs(found[end]), 100) for end in ("low", "high")]
        low, high = (format_number(env, end) for end in ends)
        said |= {
            "share": _percent(env, found["with_"]),
            "share_without": _percent(env, found["without"]),
            "size": say_points(env, 100 * abs(found["value"])),
            "low": low,
            "high": high,
        }
    code = judged["code"]
    if code == "more":
        return env._(
            "Of customers who had just reached %(tier)s, %(share)s%% bought within %(days)s days, of those who had "
            "just not reached it %(share_without)s%%: %(size)s more (%(low)s to %(high)s).",
            **said,
        )
    if code == "fewer":
        said |= {"low": said["high"], "high": said["low"]}
        return env._(
            "Of customers who had just reached %(tier)s, %(share)s%% bought within %(days)s days, of those who had "
            "just not reached it %(share_without)s%%: %(size)s less (%(low)s to %(high)s).",
            **said,
        )
    if code == "none":
        most = max(-found["low"], found["high"])
        return env._("No effect larger than %(size)s.", size=say_points(env, 100 * most, 1))
    if code == "cannot_tell":
        fewer, more = (say_points(env, end) for end in ends)
        return env._("Cannot tell: between %(fewer)s less and %(more)s more.", fewer=fewer, more=more)
    if code == "weak":
        return env._(
            "Cannot tell: the score decides of too few customers who holds %(tier)s. At the border the share who hold "
            "it rises by %(points)s points; it takes %(least)s. Announced moves, days of grace and other rules that "
            "hold customers where they are can be the reason.",
            tier=tier,
            points=format_number(env, 100 * max(judged["first_stage"], 0)),
            least=format_number(env, 100 * engine.effect.LEAST_FIRST_STAGE),
        )
    texts = {
        "few_customers": env._(
            "Cannot tell: it takes about %(least)s customers, and there were %(customers)s.",
            least=format_number(env, engine.effect.LEAST_CUSTOMERS),
            customers=format_number(env, judged["customers"]),
        ),
        "too_few": env._(
            "Cannot tell: %(near)s customers came from below to within %(points)s points of %(tier)s; it takes "
            "%(least)s.",
            near=format_number(env, judged["near"]),
            points=format_number(env, engine.effect.BAND),
            tier=tier,
            least=format_number(env, engine.effect.LEAST_BAND),
        ),
        "piled_up": env._(
            "Cannot tell: just above the border of %(tier)s there are more customers than just below it, or fewer, and "
            "not by chance. Somebody seems to bring them across, so both sides are not alike.",
            tier=tier,
        ),
        "unlike": env._(
            "Cannot tell: customers just above the border of %(tier)s had not bought for as much in the year before as "
            "those just below it, so both sides are not alike.",
            tier=tier,
        ),
        "elsewhere": env._(
            "Cannot tell: there is a jump also 10 points beside the border of %(tier)s, where no tier begins. So what "
            "is seen at the border need not come from the tier.",
            tier=tier,
        ),
    }
    return texts[code]


def tell_checks(env, judged):
    """Return what was looked at before anything is said of a border: dicts with ``name``, ``result`` and ``failed``."""
    names = {
        "past": env._("No jump in the amount of the year before"),
        "below": env._("No jump 10 points below the border"),
        "above": env._("No jump 10 points above the border"),
    }
    results = {"good": env._("Yes"), "failed": env._("There is one"), "too_few": env._("Too few customers to see one")}
    rows = []
    if judged["dots"]:
        piled_up = judged["code"] == "piled_up"
        rows.append(
            {
                "name": env._("As many customers just above as just below"),
                "result": env._("No") if piled_up else env._("Yes"),
                "failed": piled_up,
            }
        )
    if judged["first_stage"] is not None:
        rows.append(
            {
                "name": env._("The border decides who holds the tier"),
                "result": env._("%(points)s points", points=format_number(env, 100 * judged["first_stage"])),
                "failed": judged["code"] == "weak",
            }
        )
    rows += [
        {"name": names[name], "result": results[code], "failed": code == "failed"} for name, code in judged["checks"]
    ]
    return rows


def tell_jumps(env, judged):
    """Return the jump in all measures and in other bands: dicts of texts with ``name``, ``value`` and ``range``."""
    if not judged["bought"]:
        return []
    rows = [
        (env._("Bought, within %(points)s points", points=format_number(env, engine.effect.BAND)), judged["bought"])
    ]
    rows += [
        (env._("Bought, within %(points)s points", points=format_number(env, band, 1 if band % 1 else 0)), found)
        for band, found in judged["bands"]
        if found
    ]
    told = [
        {
            "name": name,
            "value": env._("%(points)s points", points=format_signed(env, 100 * found["value"], 1)),
            "range": _range(env, 100 * found["low"], 100 * found["high"], 1),
        }
        for name, found in rows
    ]
    paid = {end: 100 * math.expm1(judged["money"][end]) for end in ("value", "low", "high")}
    told.append(
        {
            "name": env._("Amount, in which large orders weigh less"),
            "value": env._("%(percent)s%%", percent=format_signed(env, paid["value"], 0)),
            "range": _range(env, paid["low"], paid["high"], 0),
        }
    )
    return told


def tell_dots(env, judged):
    """Return the dots of the picture: dicts with the numbers, and ``name``, ``share_text`` and ``text`` in words."""
    told = []
    for away, customers, share in judged["dots"]:
        low, high = (judged["floor"] + away + end * engine.effect.DOT / 2 for end in (-1, 1))
        said = {
            "name": env._("%(low)s to %(high)s", low=format_number(env, low, 1), high=format_number(env, high, 1)),
            "share_text": env._("%(share)s%%", share=_percent(env, share)),
            "count": format_number(env, customers),
        }
        text = env._(
            "Score %(band)s: of %(count)s customers %(share)s bought.",
            band=said["name"],
            count=said["count"],
            share=said["share_text"],
        )
        told.append({**said, "away": away, "customers": customers, "share": share, "text": text})
    return told


def say_hint(env, hint, days):
    """Return what is to be thought of customers who were followed up, or locked, beside like ones, no effect.

    :param hint: what ``engine.effect.compare_hint`` returned
    :param days: in which they bought
    """
    found = hint["bought"]
    if not found:
        return env._(
            "Too few to compare: it takes %(least)s customers on both sides, and %(buyers)s who buy. There are "
            "%(called)s here and %(others)s like them.",
            least=format_number(env, engine.effect.LEAST_GROUP),
            buyers=format_number(env, engine.effect.LEAST_BUYERS),
            called=format_number(env, hint["called"]),
            others=format_number(env, hint["others"]),
        )
    said = {
        "called": format_number(env, hint["called"]),
        "share": _percent(env, found["with_"]),
        "days": format_number(env, days),
        "others": format_number(env, hint["others"]),
        "share_others": _percent(env, found["without"]),
        "low": format_signed(env, 100 * found["low"], 0),
        "high": format_signed(env, 100 * found["high"], 0),
    }
    return env._(
        "A hint: of these %(called)s customers %(share)s%% bought within %(days)s days, of %(others)s like them "
        "%(share_others)s%%. The difference lies between %(low)s and %(high)s points.",
        **said,
    )


def tell_hint_rows(env, hint, currency):
    """Return the table of a hint: dicts of texts with ``name``, ``with_``, ``without``, ``value`` and ``range``."""
    if not hint["bought"]:
        return []

    def percent(share):
        return formatLang(env, 100 * share, digits=1)

    def money(value):
        return formatLang(env, value, currency_obj=currency)

    names = {
        "bought": (env._("Bought (%)"), percent),
        "earlier": (env._("Amount per customer before"), money),
        "money": (env._("Amount per customer afterwards"), money),
        "margin": (env._("Margin per customer in the window today"), money),
    }
    return [
        {
            "name": name,
            **{end: write(hint[key][end]) for end in ("with_", "without", "value")},
            "range": env._("%(low)s to %(high)s", low=write(hint[key]["low"]), high=write(hint[key]["high"])),
        }
        for key, (name, write) in names.items()
        if hint.get(key)
    ]


def _percent(env, share):
    return format_number(env, 100 * min(max(share, 0.0), 1.0))


def _range(env, low, high, digits):
    return env._("%(low)s to %(high)s", low=format_signed(env, low, digits), high=format_signed(env, high, digits))
