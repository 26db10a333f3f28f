"""What follow-ups did, in words: what may be said of it and what may not, in the language of the environment.

Never how likely chance is: an interval says from where to where.
"""

from odoo.tools.misc import format_date, formatLang

from . import engine
from .sentences import format_number, join, say_points


def say_effect(effect, result):
    """Return what it did, or why that cannot be told, in words.

    :param effect: the ``customer.tiering.effect``
    :param result: what it keeps, see the engine's ``effect.compare_groups``
    """
    env, code, main = effect.env, result["code"], result[result["main"]]
    if code == "damaged":
        return env._(
            "%(held)s of %(count)s customers were held out, not %(percent)s%%: something has lost customers "
            "of one group only, so nothing can be told. Find out what it was, and draw anew.",
            held=format_number(env, result["held"]),
            count=format_number(env, result["held"] + result["followed"]),
            percent=format_number(env, result["percent"], 2),
        )
    said = []
    if main and code in ("more", "fewer"):
        said.append(_say_difference(effect, result, main))
        if code == "more" and result["money"]["value"] > 0 and result["bought"]["value"] > 0:
            said.append(
                env._(
                    "That is about %(customers)s customers and %(amount)s in %(days)s days.",
                    customers=format_number(env, result["bought"]["value"] * result["followed"]),
                    amount=_say_effect_money(effect, result["money"]["value"] * result["followed"]),
                    days=format_number(env, result["days"]),
                )
            )
        return join(env, said)
    if main and code == "none":
        most = _say_size(effect, result, max(-main["low"], main["high"]))
        return env._("No effect larger than %(size)s.", size=most)
    if main:
        said.append(_say_range(effect, result, main))
    elif result.get("due"):
        said.append(env._("Cannot tell yet: the days in which purchases count are not over."))
    else:
        said.append(
            env._(
                "Cannot tell yet: it takes at least %(least)s customers in each group, and %(buyers)s who buy.",
                least=format_number(env, engine.effect.LEAST_GROUP),
                buyers=format_number(env, engine.effect.LEAST_BUYERS),
            )
        )
    if needed := result["needed"]:
        is_due = code == "cannot_tell"
        # Until then those count who are on their way; afterwards only who is told to.
        if is_due or needed > result["running"]:
            said.append(_say_needed(effect, result, needed if is_due else needed - result["running"]))
        if is_due and not result.get("ended"):
            total = format_number(env, result["followed"] + result["held"] + needed)
            said.append(env._("For that, set “Judged After” to %(count)s.", count=total))
    if due := result.get("due"):
        said.append(env._("The verdict comes on %(day)s.", day=format_date(env, due)))
    return join(env, said)


def _say_difference(effect, result, found):
    env = effect.env
    numbers = {
        "count": format_number(env, result["followed"]),
        "held": format_number(env, result["held"]),
        "days": format_number(env, result["days"]),
    }
    low, high = sorted((abs(found["low"]), abs(found["high"])))
    if result["main"] == "money":
        numbers |= {
            "amount": _say_effect_money(effect, found["with_"]),
            "amount_held": _say_effect_money(effect, found["without"]),
            "size": _say_effect_money(effect, abs(found["value"])),
            "low": _say_effect_money(effect, low),
            "high": _say_effect_money(effect, high),
        }
        if found["value"] > 0:
            return env._(
                "Each of %(count)s followed up bought for %(amount)s within %(days)s days, each of %(held)s held out "
                "for %(amount_held)s: %(size)s more (%(low)s to %(high)s).",
                **numbers,
            )
        return env._(
            "Each of %(count)s followed up bought for %(amount)s within %(days)s days, each of %(held)s held out for "
            "%(amount_held)s: %(size)s less (%(low)s to %(high)s).",
            **numbers,
        )
    numbers |= {
        "share": format_number(env, 100 * found["with_"]),
        "share_held": format_number(env, 100 * found["without"]),
        "size": say_points(env, 100 * abs(found["value"])),
        "low": format_number(env, 100 * low),
        "high": format_number(env, 100 * high),
    }
    if found["value"] > 0:
        return env._(
            "Of %(count)s followed up %(share)s%% bought again within %(days)s days, of %(held)s held out "
            "%(share_held)s%%: %(size)s more (%(low)s to %(high)s).",
            **numbers,
        )
    return env._(
        "Of %(count)s followed up %(share)s%% bought again within %(days)s days, of %(held)s held out "
        "%(share_held)s%%: %(size)s less (%(low)s to %(high)s).",
        **numbers,
    )


def _say_range(effect, result, found):
    env = effect.env
    low, high = (_say_size(effect, result, abs(found[end])) for end in ("low", "high"))
    if found["low"] >= 0:
        return env._("Cannot tell yet: between %(low)s and %(high)s more.", low=low, high=high)
    if found["high"] <= 0:
        return env._("Cannot tell yet: between %(high)s and %(low)s less.", low=low, high=high)
    return env._("Cannot tell yet: between %(low)s less and %(high)s more.", low=low, high=high)


def _say_size(effect, result, size):
    if result["main"] == "money":
        return _say_effect_money(effect, size)
    return say_points(effect.env, 100 * size)


def _say_needed(effect, result, needed):
    env = effect.env
    trial = effect._get_trial()
    count = trial._count_monthly_events().get(trial.id)
    months = count and needed / count
    if not count or months > 120:
        return env._("About %(count)s more customers are needed.", count=format_number(env, needed))
    return env._(
        "About %(count)s more customers are needed, at the present pace until %(month)s.",
        count=format_number(env, needed),
        month=trial._format_month(months, result["days"]),
    )


def _say_effect_money(effect, amount):
    return formatLang(effect.env, amount, currency_obj=effect.company_id.currency_id)


def tell_effect_notes(effect, result):
    """Return what else is to be known of an effect, a list of sentences."""
    env, notes = effect.env, []
    texts = {
        "touched": env._(
            "Held out, but seen to by somebody nevertheless: %(count)s. They stay in their group; the effect is rather "
            "larger than it looks."
        ),
        "mixed": env._("Left out, because merging contacts put them into both groups: %(count)s."),
        "missed": env._(
            "Not held out, but without anything: %(count)s. They stay in their group; the effect is rather larger than "
            "it looks."
        ),
        "other_share": env._("Left out, because another share was held out when they were drawn: %(count)s."),
    }
    for name, text in texts.items():
        if result.get(name):
            notes.append(text % {"count": format_number(env, result[name])})
    if any(refused := result.get("refused") or ()):
        notes.append(
            env._(
                "Within %(days)s days, %(count)s of %(all)s followed up and %(count_held)s of %(all_held)s held out "
                "have unsubscribed from e-mails.",
                days=format_number(env, result["days"]),
                count=format_number(env, refused[0]),
                all=format_number(env, result["followed"]),
                count_held=format_number(env, refused[1]),
                all_held=format_number(env, result["held"]),
            )
        )
    pooled, number = effect._get_pooled()
    if pooled:
        said = {
            "number": format_number(env, number),
            "low": format_number(env, 100 * pooled.low),
            "high": format_number(env, 100 * pooled.high),
            "points": format_number(env, 100 * pooled.value),
        }
        notes.append(effect._say_pooled(said))
    return notes


def tell_effect_rows(effect, result):
    """Return the table of an effect: dicts of texts with ``name``, ``with_``, ``without``, ``value`` and ``range``, in
    which the truth may lie, and ``is_main``."""
    env = effect.env

    def percent(share):
        return formatLang(env, 100 * share, digits=1)

    def number(value):
        return formatLang(env, value, digits=2)

    def money(value):
        return _say_effect_money(effect, value)

    names = {
        "bought": (env._("Bought again (%)"), percent),
        "orders": (env._("Purchases per customer"), number),
        "money": (env._("Amount per customer, without the largest, by what they bought before"), money),
        "whole": (env._("Amount per customer, as it is"), money),
        "margin": (env._("Margin per customer, without the largest, by what it was before"), money),
    }
    return [
        {
            "name": name,
            "is_main": key == result["main"],
            **{end: write(result[key][end]) for end in ("with_", "without", "value")},
            "range": env._("%(low)s to %(high)s", low=write(result[key]["low"]), high=write(result[key]["high"])),
        }
        for key, (name, write) in names.items()
        if result.get(key)
    ]
