"""What customers will do: time and memory of the fit and of applying it, on customers drawn by numpy; no database.

bin/python benchmarks/prediction.py [CUSTOMERS]
"""

import datetime
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "customer_tiering"))
from engine import forecasts, prediction

AS_OF = datetime.date(2026, 6, 30)
DAYS = 1095


def draw(count, seed=1):
    """Three years of customers who live by MBG/NBD."""
    random = np.random.default_rng(seed)
    rate, stop = random.gamma(0.7, 1 / 60, count), random.beta(0.4, 2.0, count)
    now = random.integers(0, DAYS, count).astype("float64")
    buyers, days, here = [np.arange(count)], [now.copy()], np.ones(count, dtype=bool)
    while here.any():
        here &= random.random(count) > stop
        now = now + random.exponential(1 / np.maximum(rate, 1e-9))
        here &= now <= DAYS
        buyers.append(np.flatnonzero(here))
        days.append(now[here])
    day = np.floor(np.concatenate(days)).astype("int64") + prediction.to_number(AS_OF) - DAYS
    keys = np.unique(np.concatenate(buyers) << 22 | day)
    return prediction.History(keys >> 22, keys & ((1 << 22) - 1), random.lognormal(4, 0.7, len(keys)).round(2))


def main(count):
    history, customers = draw(count), pd.RangeIndex(1, count + 1, name="customer")
    print(f"{count:,} customers, {len(history.day):,} days with an order")

    def measure(name, call):
        begin = time.perf_counter()
        call()
        seconds = time.perf_counter() - begin
        tracemalloc.start()  # which takes time, so it is done once more
        result = call()
        kept, most = (size / 2**20 for size in tracemalloc.get_traced_memory())
        tracemalloc.stop()
        print(f"{name:30} {seconds:6.2f} s, {most:6.1f} MB at most, {kept:5.1f} MB of them kept")
        return result

    summary = measure("summarize", lambda: prediction.summarize(history, customers, AS_OF))
    pasts = measure("look back", lambda: prediction.look_back(history, customers, AS_OF))
    fit = measure("fit", lambda: prediction.fit(summary, pasts=pasts))
    found = measure("apply", lambda: prediction.apply(fit, summary))
    measure("apply to one", lambda: prediction.apply(fit, summary.iloc[[count // 2]]))
    before = measure("round", lambda: prediction.shown(found, summary, AS_OF))
    tomorrow = AS_OF + datetime.timedelta(1)
    later = prediction.summarize(history, customers, tomorrow)
    after = prediction.shown(prediction.apply(fit, later), later, tomorrow, before)
    changed = ((after != before) & ~(after.isna() & before.isna())).any(axis=1).mean()
    print(f"a night without an order rewrites {changed:.2%}; proposed step {prediction.propose_step(fit, summary)}")
    tried = measure("test on four earlier days", lambda: forecasts.try_out(history, customers, AS_OF))
    print("grades", [each.grade for each in tried])


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 200_000)
