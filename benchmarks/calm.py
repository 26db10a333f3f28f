"""How calm tiers are: policies lived through night by night, with purchases that were made and such as are drawn.

For a quarter after the first comparison, with a new comparison every night and every week, by the rules of before (who
reaches a tier has it, who does not has it not) and by those with which companies start, see ``engine/calm.py``:

* how many customers change tier in a night, on average,
* how many fall and are back within 60 days,
* how many a tier holds on the last night, in multiples of those whom the scores alone would put there.

It needs no database: ``bin/python benchmarks/calm.py``; some minutes. ``--only cdnow`` takes one kind of purchases,
``--try 3 8 14 7 15`` other rules instead of the delivered ones: points to rise, points below to stay, days of grace,
days to rise, points to rise at once.
"""

import argparse
import datetime
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "customer_tiering"), str(ROOT / "demo"), str(ROOT / "benchmarks")]

import cdnow  # noqa: E402
from engine import calm, purchases, replay, schema  # noqa: E402
from engine.purchases import Purchases  # noqa: E402
from engine.rules import CriterionRule, PolicyRules, RetentionRules, TierRule  # noqa: E402

NIGHTS = 90
WINDOW = 365
AS_OF = datetime.date(2026, 6, 30)
FLOORS = {4: 80.0, 3: 60.0, 2: 40.0, 1: 0.0}
MOST_MOVED, MOST_BACK, MOST_OFF = 0.5, 3.0, 0.15  # percent a night, percent, share
WEEKLY, EVERY_NIGHT = 7, 0
NOBODY = np.zeros(0, dtype=int)


def make_rules(keep=0, grace=0, **retention):
    """The rules with which companies start, but for those of moving."""
    tiers = tuple(
        TierRule(key, floor, keep_floor=max(floor - keep, 0.0), grace_days=grace) for key, floor in FLOORS.items()
    )
    criteria = tuple(CriterionRule(metric, 1) for metric in ("recency", "frequency", "monetary"))
    return PolicyRules(criteria, tiers, ((1,) * 5,) * 5, retention=RetentionRules(**retention))


def make_history(who, day, money, as_of):
    """What ``engine.replay`` lives through: purchases of ``who`` on a ``day`` (datetime64[D]) for ``money``."""
    past = day <= np.datetime64(as_of)
    ids, buyer = np.unique(who[past], return_inverse=True)
    bought = Purchases(buyer, day[past], money[past].round(2), NOBODY, np.zeros(0), np.zeros(0))
    rebates = NOBODY, np.zeros(0)
    index = pd.Index(ids, name=schema.CUSTOMER, dtype="int64")
    frame = purchases.summarize(index, bought, rebates, as_of, WINDOW, 2)
    frame = frame.assign(**{schema.CONTACT_COUNT: 0, schema.LAST_CONTACT_DATE: pd.NaT}).astype(schema.DTYPES)
    return replay.History(frame, bought, rebates, as_of, WINDOW, 2)


def read_cdnow(as_of):
    """The purchases of a record shop's customers, see ``demo/cdnow.py``."""
    bought = [purchase for purchase in cdnow.read("sample") if purchase.cents > 0]
    return make_history(
        np.array([purchase.customer for purchase in bought]),
        np.array([purchase.date for purchase in bought], dtype="datetime64[D]"),
        np.array([purchase.cents / 100 for purchase in bought]),
        as_of,
    )


def draw_benchmark(count=20_000, seed=7):
    """Customers such as ``generate.py`` draws, with ten orders each on average."""
    import generate  # noqa: PLC0415 - needs Odoo

    rng = np.random.default_rng(seed)
    drawn = generate.draw_customers(rng, count, 10 * count)
    who = np.repeat(np.arange(count), drawn["orders"])
    first, span, level = (drawn[name].to_numpy()[who] for name in ("first_day", "span", "level"))
    is_first = np.append(True, who[1:] != who[:-1])
    ago = np.maximum(first - np.where(is_first, 0, (span + 1) * rng.random(len(who))).astype(int), 0)
    money = np.exp(level + 0.6 * rng.normal(size=len(who)))
    return make_history(who, np.datetime64(AS_OF) - ago.astype("timedelta64[D]"), money, AS_OF)


def draw_weekly(count=2352, seed=1, closed=()):
    """Customers with a usual gap of 5 to 9 days of their own, and baskets that vary.

    :param closed: weekdays, 0: Monday, on which the shop is closed: who would have come comes on the next open day
    """
    rng = np.random.default_rng(seed)
    days = WINDOW + NIGHTS + 10
    who, day, money = [], [], []
    for customer, (gap, level) in enumerate(zip(rng.uniform(5, 9, count), rng.normal(4, 0.8, count), strict=True)):
        steps = np.maximum(1, np.round(gap * rng.gamma(9, 1 / 9, int(days / gap) + 20))).astype(int)
        visits = rng.integers(0, 7) + np.cumsum(steps)
        visits = visits[visits <= days]
        who.append(np.full(len(visits), customer))
        day.append(visits)
        money.append(np.exp(level + 0.6 * rng.normal(size=len(visits))))
    who, day, money = (np.concatenate(part) for part in (who, day, money))
    day = np.datetime64(AS_OF) - (days - day).astype("timedelta64[D]")
    for _ in closed:
        weekday = (day.astype("int64") + 3) % 7  # 1 January 1970 was a Thursday
        day = day + np.isin(weekday, closed).astype("timedelta64[D]")
    return make_history(who, day, money, AS_OF)


HISTORIES = {
    "weekly": ("weekly shoppers", draw_weekly),
    "weekdays": ("weekly shoppers, closed on Saturday and Sunday", lambda: draw_weekly(closed=(5, 6))),
    "cdnow": ("CDNOW, autumn 1997", lambda: read_cdnow(datetime.date(1997, 12, 31))),
    "leaving": ("CDNOW, spring 1998, when most leave the window", lambda: read_cdnow(datetime.date(1998, 3, 31))),
    "drawn": ("as the benchmarks draw them", draw_benchmark),
}


def describe(found, count):
    """The figures of a replay, as texts, and whether they are within the targets."""
    moved, back = found.moved_share, 100 * float(found.by_customer()["back"].sum()) / count
    sizes = [1.0 if share is None else share for share in found.inflation.values()]
    fine = moved <= MOST_MOVED and back <= MOST_BACK and all(abs(size - 1) <= MOST_OFF for size in sizes)
    figures = [f"{moved:.2f} %", f"{back:.1f} %", " ".join(f"{size:.2f}" for size in reversed(sizes))]
    return [*figures, "yes" if fine else "no"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=HISTORIES, action="append")
    parser.add_argument("--try", dest="tried", nargs=5, type=float)
    options = parser.parse_args()
    after = make_rules(
        calm.KEEP_MARGIN,
        calm.POLICY["grace_days"],
        **{name: value for name, value in calm.POLICY.items() if name != "grace_days"},
    )
    if options.tried:
        rise, keep, grace, days, far = options.tried
        after = make_rules(
            keep, int(grace), enter_margin=rise, upgrade_days=int(days), at_once_margin=far, skip_idle_days=True
        )
    variants = {"before": make_rules(), "calm": after}
    print("| purchases | compared | rules | move a night | down and back | highest tier … lowest ÷ by score | within |")
    print("| --- | --- | --- | ---: | ---: | --- | --- |")
    for key in options.only or HISTORIES:
        name, get = HISTORIES[key]
        history = get()
        for days, compared in ((EVERY_NIGHT, "nightly"), (WEEKLY, "weekly")):
            lives = replay.replay_all(list(variants.values()), history, NIGHTS, recalibrate_days=days)
            for rules, found in zip(variants, lives, strict=True):
                print(f"| {' | '.join([name, compared, rules, *describe(found, len(history.frame))])} |", flush=True)


if __name__ == "__main__":
    main()
