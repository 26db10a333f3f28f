"""How long it takes to live through a quarter again: ``bin/python benchmarks/replay.py [CUSTOMERS [ORDERS]]``.

Purchases are drawn by numpy, so there is no database. The ratio is to one summary of all purchases with one fit and
what is applied by it, which is what the engine does of a run.
"""

import datetime
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "customer_tiering"))
from engine import decision, pipeline, purchases, replay, schema
from engine.rules import CriterionRule, PolicyRules, TierRule

AS_OF = datetime.date(2024, 6, 30)
NIGHTS, WINDOW, YEARS = 90, 365, 3
TIERS = tuple(TierRule(key, floor, max(floor - 10, 0), grace_days=30) for key, floor in enumerate((0, 40, 60, 80), 1))
RULES = PolicyRules(
    (CriterionRule("recency", 30), CriterionRule("frequency", 30), CriterionRule("monetary", 40)),
    TIERS,
    ((1,) * 5,) * 5,
)


def draw(customers: int, orders: int, seed: int = 1) -> replay.History:
    """Customers of whom many buy once and a few every week, over three years."""
    random = np.random.default_rng(seed)
    often = random.gamma(0.6, size=customers)
    buyer = np.concatenate((np.arange(customers), random.choice(customers, orders - customers, p=often / often.sum())))
    day = schema.day(AS_OF) - random.integers(0, YEARS * 365, orders).astype("timedelta64[D]")
    money = random.lognormal(4, 1, orders).round(2)
    taken = np.sort(random.choice(orders, orders // 50, replace=False))
    money[taken] = (money[taken] / 2).round(2)
    bought = purchases.Purchases(buyer, day, money, taken, money[taken], np.zeros(len(taken)))
    index = pd.RangeIndex(1, customers + 1, name=schema.CUSTOMER).astype("int64")
    nothing = np.zeros(0, dtype=int), np.zeros(0)
    frame = purchases.summarize(index, bought, nothing, AS_OF, WINDOW, 2).assign(
        contact_count=0, last_contact_date=pd.Series(np.datetime64("NaT", "s"), index)
    )
    return replay.History(frame, bought, nothing, AS_OF, WINDOW, 2)


def run(history: replay.History) -> None:
    index, nothing = history.frame.index, pd.array([None], "Int64").repeat(len(history.frame))
    found = purchases.summarize(index, history.purchases, history.rebates, AS_OF, WINDOW, 2)
    frame = history.frame.assign(**found)
    fit = pipeline.fit(RULES, frame, AS_OF)
    scored = pipeline.apply(RULES, fit, frame, AS_OF)
    states = pd.DataFrame(index=index).assign(
        **dict.fromkeys(("previous_tier", "pending_tier", "lock_id", "lock_tier"), nothing),
        **dict.fromkeys(("previous_since", "pending_date"), pd.NaT),
        lock_mode=None,
    )
    decision.decide(RULES, fit, frame, scored, states, AS_OF)


def timed(function, *args, **kwargs):
    started, cpu = time.perf_counter(), time.process_time()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - started, time.process_time() - cpu


def main(customers: int = 200_000, orders: int = 2_000_000) -> None:
    history = draw(customers, orders)
    print(f"{customers:,} customers, {orders:,} orders, {NIGHTS} nights")
    _, once, once_cpu = timed(run, history)
    print(f"one computation: {once:.1f} s ({once_cpu:.1f} s of processor)")
    for recalibrate_days in (7, 0):
        found, seconds, cpu = timed(replay.replay, RULES, history, NIGHTS, recalibrate_days=recalibrate_days)
        print(
            f"compared every {recalibrate_days or 1} days: {seconds:.1f} s ({cpu:.1f} s of processor), "
            f"{cpu / once_cpu:.1f} x one computation; {found.moved_share:.2f} % move per night"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
