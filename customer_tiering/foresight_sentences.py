"""What the tiers of past month-ends foretold, and what other rules would have, in words."""

from odoo import fields
from odoo.tools import format_date, format_datetime

from . import engine
from .sentences import format_number, format_signed

NOTHING = "–"


def name_set(env, key, record=None, number=0):
    """Return what a set of rules is called.

    :param key: of the ``customer.tiering.foresight``
    :param record: the version, or the policy of a simulation; None: it was deleted since
    :param number: of the version
    """
    if key == "policy":
        return env._("The policy's rules of today")
    if key == "amount":
        return env._("Ranked by the amount of the year before")
    kind = key.partition("-")[0]
    if kind == "version":
        return env._("Version %(number)s", number=record.number if record else number)
    if not record:
        return env._("A simulation that was deleted")
    moment = format_datetime(env, record.create_date, dt_format="short")
    return env._("Simulation of %(moment)s", moment=moment)


def name_cut(env, tier, number):
    """Return what so many of the highest tiers are called, of which ``tier`` is the name of the lowest."""
    return tier if number == 1 else env._("%(tier)s or higher", tier=tier)


def say_point(env, point, number, tier):
    """Return what the top tiers of a month-end foretold.

    :param point: of the result of ``engine.foresight.look_back``
    :param number: how many of the highest tiers are the top
    :param tier: the name of the lowest of these
    """
    cut = point["cuts"][number - 1]
    said = {
        "customers": format_number(env, cut["customers"]),
        "tier": tier,
        "day": tell_day(env, point["day"]),
        "days": format_number(env, point["span"]),
    }
    if not cut["customers"]:
        if number == 1:
            return env._("On %(day)s nobody was in %(tier)s.", **said)
        return env._("On %(day)s nobody was in %(tier)s or higher.", **said)
    if cut["share"] is None:
        return env._("In the %(days)s days after %(day)s none of the customers of that day bought anything.", **said)
    said |= {name: percent(env, cut[name]) for name in ("share", "naive", "best")}
    if number == 1:
        return env._(
            "The %(customers)s customers in %(tier)s on %(day)s brought %(share)s of what was bought in the %(days)s "
            "days after it. As many of those with the largest amount in the year before brought %(naive)s, and "
            "%(best)s was possible at best.",
            **said,
        )
    return env._(
        "The %(customers)s customers in %(tier)s or higher on %(day)s brought %(share)s of what was bought in the "
        "%(days)s days after it. As many of those with the largest amount in the year before brought %(naive)s, and "
        "%(best)s was possible at best.",
        **said,
    )


def say_profit(env, point, number):
    """Return which part of the net profit the same customers brought, a sentence; False where it is not known."""
    cut = point["profit"] and point["profit"]["cuts"][number - 1]
    if not cut or not cut["customers"] or cut["share"] is None:
        return False
    return env._(
        "Of the net profit of these days they brought %(share)s, and those with the largest amount in the year before "
        "%(naive)s.",
        share=percent(env, cut["share"]),
        naive=percent(env, cut["naive"]),
    )


def say_difference(env, result):
    """Return whether the top tiers foretold more than the amount of the year before, over all month-ends."""
    if result["verdict"] is None:
        return say_wait(env, result["first"], engine.foresight.YEAR)
    amounts = [point["amount"] for point in result["points"] if point["span"] == engine.foresight.YEAR]
    if result["verdict"] == "none":
        months = format_number(env, len(amounts))
        return env._("Nothing was bought in the years after these %(months)s month-ends.", months=months)
    said = {"months": format_number(env, sum(amount > 0 for amount in amounts))}  # those that a share is known of
    if result["verdict"] == "few":
        return env._(
            "Cannot tell whether the tiers foretold more than the amount of the year before: the highest of them had "
            "fewer than %(least)s customers.",
            least=format_number(env, engine.foresight.LEAST),
        )
    mean, low, high = result["difference"]
    said |= _points(env, mean, low, high)
    texts = {
        "more": env._(
            "Over %(months)s month-ends the tiers foretold more than the amount of the year before: they brought "
            "%(points)s points more (%(low)s to %(high)s).",
            **said,
        ),
        "less": env._(
            "Over %(months)s month-ends the tiers foretold less than the amount of the year before: they brought "
            "%(points)s points less (%(low)s to %(high)s).",
            **said,
        ),
        "same": env._(
            "Over %(months)s month-ends there is no difference to the amount of the year before that is worth a "
            "change: between %(from)s and %(to)s points.",
            **said,
        ),
    }
    return texts[result["verdict"]]


def say_wait(env, first, days):
    """Return from which day on something can be told.

    :param first: ISO date of the first month-end with customers; None: nobody has ever bought
    """
    if not first:
        return env._("Cannot tell yet: nobody has bought anything.")
    day = fields.Date.add(fields.Date.to_date(first), days=days)
    return env._(
        "Cannot tell before %(day)s: it takes %(days)s days after the end of the first month with customers.",
        day=format_date(env, day),
        days=format_number(env, days),
    )


def say_set(env, told, name, metrics):
    """Return what is to be said of a set of rules beside the policy's: a list of sentences.

    :param told: what the ``customer.tiering.foresight`` keeps of it
    :param metrics: the names of the metrics that it had to go without
    """
    said = {"rules": name, "metrics": ", ".join(metrics)}
    if told["problem"] and metrics:
        return [
            env._(
                "%(rules)s: cannot be applied to earlier days, as only purchases are known of these and not "
                "%(metrics)s.",
                **said,
            )
        ]
    if told["problem"]:
        return [env._("%(rules)s: cannot be applied to earlier days.", **said)]
    sentences = []
    if told["left_out"]:
        sentences.append(
            env._(
                "%(rules)s: without %(metrics)s, as only purchases are known of earlier days; the other criteria "
                "share out the weight.",
                **said,
            )
        )
    if told["other_scope"]:
        sentences.append(
            env._("%(rules)s: here applied to the customers and documents that the policy counts today.", **said)
        )
    verdict = told.get("verdict")
    if verdict == "few":
        sentences.append(
            env._(
                "%(rules)s: the highest tiers have fewer than %(least)s customers, too few to tell a difference.",
                least=format_number(env, engine.foresight.LEAST),
                **said,
            )
        )
    elif verdict == "none":
        sentences.append(env._("%(rules)s: nothing was bought afterwards.", **said))
    elif verdict:
        said |= _points(env, *told["difference"])
        texts = {
            "more": env._(
                "%(rules)s: would have foretold more than the policy's rules, by %(points)s points (%(low)s to "
                "%(high)s).",
                **said,
            ),
            "less": env._(
                "%(rules)s: would have foretold less than the policy's rules, by %(points)s points (%(low)s to "
                "%(high)s).",
                **said,
            ),
            "same": env._(
                "%(rules)s: no difference in foresight that is worth a change, between %(from)s and %(to)s points.",
                **said,
            ),
        }
        sentences.append(texts[verdict])
    return sentences


def say_advice(env, result):
    """Return what the search for better weights has found.

    :param result: what the ``customer.tiering.foresight`` keeps
    """
    advice = result["advice"]
    if not result["searched"]:
        return env._("Weights are looked for where the tiers come from a score of two criteria or more.")
    if not advice:
        return env._(
            "Weights are looked for once there are %(least)s month-ends with a year after them.",
            least=format_number(env, engine.foresight.LEAST_MONTHS),
        )
    said = {
        "from": tell_day(env, advice["tried"][0]),
        "to": tell_day(env, advice["tried"][1]),
        "found": percent(env, advice["found"]),
        "present": percent(env, advice["present"]),
        "moved": percent(env, advice["moved"]),
        "present_moved": percent(env, advice["present_moved"]),
    }
    if advice["verdict"] == "better":
        return env._(
            "On the month-ends of %(from)s to %(to)s, which were not used to find them, the top by these weights "
            "brought %(found)s instead of %(present)s, and %(moved)s of it changed from month to month instead of "
            "%(present_moved)s. Nothing was changed: try them with Simulate on the policy.",
            **said,
        )
    if advice["verdict"] == "few":
        return env._(
            "Cannot tell whether other weights foretell more: the highest tiers have fewer than %(least)s customers.",
            least=format_number(env, engine.foresight.LEAST),
        )
    return env._(
        "No better weights found: what looked better at first did not bring more on the month-ends of %(from)s to "
        "%(to)s.",
        **said,
    )


def tell_day(env, day):
    """Return a day, given as ISO date, as people write it."""
    return format_date(env, fields.Date.to_date(day))


def percent(env, share):
    """Return a share of 0 to 1 with its sign of percent; a dash: there is none."""
    if share is None:
        return NOTHING
    return env._("%(share)s%%", share=format_number(env, 100 * share, 1))


def tell_points(env, difference):
    """Return a difference and its interval as two texts; dashes: there is none."""
    if not difference:
        return NOTHING, NOTHING
    mean, low, high = (format_signed(env, 100 * each, 1) for each in difference)
    return env._("%(points)s points", points=mean), env._("%(low)s to %(high)s", low=low, high=high)


def tell_money(env, money, currency):
    """Return an amount, rounded to whole units; a dash: there is none."""
    return currency.with_env(env).format(round(money)) if round(money) else NOTHING


def _points(env, mean, low, high):
    """Return the parts of a sentence about a difference: without signs in its direction, and with signs."""
    ends = sorted((abs(low), abs(high)))
    return {
        "points": format_number(env, 100 * abs(mean), 1),
        "low": format_number(env, 100 * ends[0], 1),
        "high": format_number(env, 100 * ends[1], 1),
        "from": format_signed(env, 100 * low, 1),
        "to": format_signed(env, 100 * high, 1),
    }
