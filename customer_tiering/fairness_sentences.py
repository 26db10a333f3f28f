"""How fair the rules of a policy are, in words: a verdict, a sentence and a table for each check.

Groups of customers are asked about, not accused: what is found is a difference, and there may be good reasons for it.
"""

from odoo.tools import format_date, format_list
from odoo.tools.misc import formatLang

from . import engine
from .sentences import format_number, join

# Of so many of those with two orders or more a tier is to be kept with one order less.
ROBUST = 0.80
# More who go there and back, of all customers, are no calm.
BACK = 0.01
# A table of groups is no longer.
MOST_GROUPS = 25


class FairnessWords:
    """What a check of the fairness says.

    :param fairness: the ``customer.tiering.fairness``, in whose environment's language it is told
    :param result: what it keeps
    """

    def __init__(self, fairness, result):
        self.fairness, self.env, self.result = fairness, fairness.env, result
        self.version = fairness.version_id.sudo()  # sudo: names of tiers and metrics
        self.metrics = self.version._get_metric_names()
        earlier = fairness._get_earlier()
        self.before = earlier.number, earlier.sudo().result

    def say_head(self, state):
        """Return what is to be known of all checks."""
        env, result = self.env, self.result
        told = [state] if state else []
        told.append(
            env._(
                "Checked on %(day)s with %(customers)s customers, by the scales of the last computation.",
                day=format_date(env, self.fairness.as_of),
                customers=self._number(result["customers"]),
            )
        )
        if result["sampled_from"]:
            told.append(
                env._(
                    "These are a random sample of all %(sampled_from)s customers.",
                    sampled_from=self._number(result["sampled_from"]),
                )
            )
        return join(env, told)

    def has_customers(self, check):
        """Whether there are customers to open."""
        found = self.result[check]
        if check == "monotone":
            return bool(found["rows"])
        if check == "twins":
            return bool(found["rows"])
        if check == "robust":
            return any(moved for _tier, _tried, moved in found["rows"])
        if check == "even":
            return any(row["stands_out"] for row in found["rows"])
        return check == "reach" and any(could for _tier, _inside, _below, could, _days in found["rows"])

    def tell(self, check):
        """Return what the page shows of a check: ``verdict``, ``sentences``, and of its table ``head`` and ``rows``,
        lists of texts, with the number of the rows that are to be seen first as ``bold``."""
        verdict, sentences, head, rows, bold = getattr(self, f"_tell_{check}")(self.result[check])
        if (number := self._count(check, self.result)) is not None and self.before[1]:
            earlier = self._count(check, self.before[1])
            if earlier is not None:
                sentences.append(
                    self.env._(
                        "Here %(now)s, in version %(version)s %(before)s.",
                        now=self._say_count(check, number),
                        version=self.before[0],
                        before=self._say_count(check, earlier),
                    )
                )
        return {"verdict": verdict, "sentences": sentences, "head": head, "rows": rows, "bold": bold}

    # ------------------------------------------------------------------
    # The number of each check, by which versions are compared
    # ------------------------------------------------------------------

    def _count(self, check, result):
        found = result[check]
        if check == "monotone":
            return sum(number for _metric, _order, number in found["rows"])
        if check == "twins":
            return found["rows"].get("unexplained", 0)
        if check == "calm":
            return found and found["back"]
        if check == "robust":
            tried = sum(tried for _tier, tried, _moved in found["rows"])
            return 1 - sum(moved for _tier, _tried, moved in found["rows"]) / tried if tried else None
        if check == "even":
            return sum(row["stands_out"] for row in found["rows"])
        return sum(not inside and not could for _tier, inside, _below, could, _days in found["rows"])

    def _say_count(self, check, number):
        return self._percent(number) if check == "robust" else self._number(number)

    # ------------------------------------------------------------------
    # The checks
    # ------------------------------------------------------------------

    def _tell_monotone(self, found):
        env, told = self.env, []
        usual, other = (
            {metric: number for metric, kind, number in found["rows"] if kind == order}
            for order in (engine.fairness.USUAL, engine.fairness.OTHER)
        )
        numbers = {
            "tried": self._number(found["tried"]),
            "fallen": self._number(sum(usual.values())),
            "other": self._number(sum(other.values())),
            "losing": self._number(found["losing"]),
        }
        if not found["tried"]:
            return "unknown", [env._("Nobody has bought anything yet.")], [], [], 0
        verdict = "fault" if usual else "look" if other or found["losing"] else "good"
        if usual:
            told.append(
                env._(
                    "Who would fall with one more order of the usual amount today: %(fallen)s of %(tried)s customers. "
                    "The criteria below do it: give them less weight, or none.",
                    **numbers,
                )
            )
        else:
            told.append(
                env._(
                    "Each of %(tried)s customers was given one more order of the usual amount today: nobody falls.",
                    **numbers,
                )
            )
        if other:
            told.append(
                env._("With an order of other goods that brings no margin, %(other)s more would fall.", **numbers)
            )
        elif found["with_other"]:
            told.append(env._("Nor with one of other goods that brings no margin.", **numbers))
        if found["losing"]:
            told.append(env._("Who would lose points with the usual order, but keep the tier: %(losing)s.", **numbers))
        if found["held"]:
            told.append(
                env._(
                    "Not tried, because only the order itself shows it: %(metrics)s.",
                    metrics=format_list(env, [self.metrics.get(key, key) for key in found["held"]]),
                )
            )
        head = [
            env._("Criterion"),
            env._("Fall with the usual order"),
            env._("Fall with other goods, without a margin"),
        ]
        rows = [
            [
                self.metrics.get(key, key) if key else env._("Several together"),
                self._number(usual.get(key, 0)),
                self._number(other.get(key, 0)),
            ]
            for key in sorted({*usual, *other}, key=lambda key: (-usual.get(key, 0), -other.get(key, 0)))
        ]
        return verdict, told, head, rows, 0

    def _tell_twins(self, found):
        env, rows = self.env, found["rows"]
        if not found["twins"]:
            nobody = env._("Nobody has exactly the values of somebody else, so there is nothing to compare.")
            return "unknown", [nobody], [], [], 0
        numbers = {
            "twins": self._number(found["twins"]),
            "apart": self._number(sum(rows.values())),
            "unexplained": self._number(rows.get("unexplained", 0)),
        }
        if rows.get("unexplained"):
            verdict = "fault"
            sentence = env._(
                "%(twins)s customers have exactly the values of somebody else. In another tier for no reason that is "
                "known: %(unexplained)s. Compute the customers; if it stays, tell who looks after the system.",
                **numbers,
            )
        elif rows:
            verdict = "good"
            sentence = env._(
                "%(twins)s customers have exactly the values of somebody else. In another tier, each for a reason that "
                "is known: %(apart)s.",
                **numbers,
            )
        else:
            verdict = "good"
            sentence = env._(
                "%(twins)s customers have exactly the values of somebody else, and all are in the same tier as these.",
                **numbers,
            )
        reasons = dict(env["customer.tiering.fairness.line"]._fields["reason"]._description_selection(env))
        table = [[reasons[key], self._number(rows[key])] for key in engine.fairness.REASONS if key in rows]
        return verdict, [sentence], [env._("Why they are in another tier"), env._("Customers")], table, 0

    def _tell_calm(self, found):
        env = self.env
        if not found:
            sentence = env._(
                "These rules have not been replayed. Press “Replay” on the page Calm of the policy, then check again."
            )
            return "unknown", [sentence], [], [], 0
        numbers = {name: self._number(found[name]) for name in ("customers", "moved", "back")}
        told = env._(
            "%(moved)s of %(customers)s customers would have moved in the last %(days)s days, %(back)s of them there "
            "and back.",
            days=self._number(found["nights"]),
            **numbers,
        )
        is_calm = found["back"] <= BACK * found["customers"]
        return ("good" if is_calm else "look"), [told], [], [], 0

    def _tell_robust(self, found):
        env = self.env
        tried = sum(tried for _tier, tried, _moved in found["rows"])
        if not tried:
            return "unknown", [env._("Nobody has bought twice in the window.")], [], [], 0
        kept = tried - sum(moved for _tier, _tried, moved in found["rows"])
        low, high = engine.forecasts.get_wilson(kept, tried)
        told = [
            env._(
                "With one order less, drawn by chance, %(share)s of %(tried)s customers with two orders or more keep "
                "their tier (likely %(low)s to %(high)s).",
                share=self._percent(kept / tried),
                tried=self._number(tried),
                low=self._percent(low),
                high=self._percent(high),
            )
        ]
        if kept < ROBUST * tried:
            told.append(env._("A single order decides about many: a rule to keep a tier would make it calmer."))
        head = [env._("Tier"), env._("Customers"), env._("Keep it")]
        rows = [
            [self._tier(tier), self._number(tried), self._percent(1 - moved / tried)]
            for tier, tried, moved in found["rows"]
            if tried
        ]
        return ("good" if kept >= ROBUST * tried else "look"), told, head, rows, 0

    def _tell_even(self, found):
        env, rows = self.env, found["rows"]
        small = env._(
            "Groups of fewer than %(least)s customers are not compared. So many: %(count)s.",
            least=self._number(engine.fairness.LEAST_GROUP),
            count=self._number(found["small"]),
        )
        if not rows:
            return "unknown", [env._("There are no two groups to compare."), small], [], [], 0
        out = sum(row["stands_out"] for row in rows)
        numbers = {
            "groups": self._number(len(rows)),
            "out": self._number(out),
            "tiers": format_list(env, [self._tier(key) for key in found["high"]], style="or"),
        }
        if out:
            sentence = env._(
                "In %(tiers)s more or less often than others who buy the same: %(out)s of %(groups)s groups. Is there "
                "a reason, such as a contract, or locks that nobody needs any more?",
                **numbers,
            )
        else:
            sentence = env._(
                "%(groups)s groups were compared: each is in %(tiers)s as often as others who buy the same.", **numbers
            )
        told = [sentence]
        if found["small"]:
            told.append(small)
        told.append(
            env._(
                "Likely differences hold for all groups together: where there is none, one page in twenty shows one at "
                "most."
            )
        )
        head = [
            *(env._("Group"), env._("Customers"), env._("In these tiers")),
            *(env._("Others who buy the same"), env._("Likely difference (points)")),
        ]
        names = self._name_groups(rows[:MOST_GROUPS])
        table = [
            [
                names[row["dimension"], row["key"]],
                self._number(row["count"]),
                self._percent(row["share"]),
                self._percent(row["expected"]),
                env._("%(low)s to %(high)s", low=self._points(row["low"]), high=self._points(row["high"])),
            ]
            for row in rows[:MOST_GROUPS]
        ]
        return ("look" if out else "good"), told, head, table, out

    def _tell_reach(self, found):
        env, rows, told = self.env, found["rows"], []
        if not rows or not any(inside or below for _tier, inside, below, _could, _days in rows):
            return "unknown", [env._("Nobody has bought anything in the window.")], [], [], 0
        days = self._number(self.result["window_days"])
        empty = [self._tier(tier) for tier, inside, _below, could, _days in rows if not inside and not could]
        closed = [self._tier(tier) for tier, inside, below, could, _days in rows if inside and below and not could]
        if empty:
            told.append(
                env._(
                    "Nobody is in %(tiers)s by the numbers, and nobody could be within %(days)s days with half as many "
                    "orders more.",
                    tiers=format_list(env, empty, style="or"),
                    days=days,
                )
            )
        if closed:
            told.append(
                env._(
                    "Nobody who is lower could reach %(tiers)s within %(days)s days with half as many orders more.",
                    tiers=format_list(env, closed, style="or"),
                    days=days,
                )
            )
        if not told:
            told.append(
                env._(
                    "Every tier can be reached within %(days)s days with half as many orders more, as large as before.",
                    days=days,
                )
            )
        head = [
            *(env._("Tier"), env._("In it by the numbers"), env._("Lower")),
            *(env._("Could reach it"), env._("Days as a customer, at least")),
        ]
        table = [
            [
                self._tier(tier),
                self._number(inside),
                self._number(below),
                f"{self._number(could)} ({self._percent(could / below)})" if below else "–",
                "–" if tenure is None else self._number(tenure),
            ]
            for tier, inside, below, could, tenure in rows
        ]
        return ("fault" if empty else "look" if closed else "good"), told, head, table, 0

    # ------------------------------------------------------------------
    # Names and numbers
    # ------------------------------------------------------------------

    def _tier(self, key):
        return self.version._get_tier_name(key)

    def _name_groups(self, rows):
        """Return what groups are called, ``{(dimension, key): name}``."""
        env, names = self.env, {}
        for dimension, model in (("country", "res.country"), ("user", "res.users")):
            ids = [row["key"] for row in rows if row["dimension"] == dimension]
            for record in env[model].sudo().browse(ids).exists():  # sudo: names only
                names[dimension, record.id] = record.display_name
        languages = dict(env["res.lang"].get_installed())
        for row in rows:
            dimension, which = key = row["dimension"], row["key"]
            if dimension == "kind":
                names[key] = env._("Companies") if which else env._("Persons")
                continue
            if dimension == "lang":
                name = languages.get(which, which)
                names[key] = env._("Language: %(name)s", name=name)
                continue
            name = names.get(key) or env._("deleted meanwhile")
            if dimension == "country":
                names[key] = env._("Country: %(name)s", name=name)
            else:
                names[key] = env._("Salesperson: %(name)s", name=name)
        return names

    def _number(self, number):
        return format_number(self.env, number)

    def _percent(self, share):
        return self.env._("%(share)s%%", share=formatLang(self.env, 100 * share, digits=1))

    def _points(self, share):
        sign = "−" if share < 0 else "+"
        return f"{sign}{formatLang(self.env, abs(100 * share), digits=1)}"
