"""What the outlook adds to a run, and what a quiet night rewrites, on customers drawn by numpy; no database.

bin/python benchmarks/outlook.py [CUSTOMERS]
"""

import datetime
import sys
import time

import numpy as np
import pandas as pd
import prediction as drawn
from engine import decision, metrics, outlook, pipeline, purchases, rules, schema, segments

AS_OF = drawn.AS_OF


def make_rules(method):
    codes = segments.SEGMENT_CODES
    return rules.PolicyRules(
        criteria=tuple(rules.CriterionRule(metric.key, 1) for metric in metrics.RFM),
        tiers=tuple(rules.TierRule(key, floor) for key, floor in enumerate((0, 40, 60, 80), 1)),
        segment_map=tuple(tuple(codes.index(code) for code in row) for row in segments.DEFAULT_MAP),
        risk=rules.RiskRules(method=method),
    )


def main(count):
    history = drawn.draw(count)
    day = np.datetime64(AS_OF, "D") + (history.day - drawn.prediction.to_number(AS_OF))
    nothing = np.zeros(0, dtype=int), np.zeros(0), np.zeros(0)
    bought = purchases.Purchases(history.buyer, day, history.money, *nothing)
    index = pd.RangeIndex(1, count + 1, name=schema.CUSTOMER).astype("int64")
    print(f"{count:,} customers, {len(day):,} purchases")

    def read(as_of):
        frame = purchases.summarize(index, bought, nothing[:2], as_of, 365, 2)
        return frame.assign(contact_count=0, last_contact_date=pd.Series(pd.NaT, index, dtype="datetime64[s]"))

    def measure(call):
        times = []
        for _ in range(3):
            begin = time.process_time()
            result = call()
            times.append(time.process_time() - begin)
        return result, min(times)

    frame, reading = measure(lambda: read(AS_OF))
    plain, foretelling = make_rules(rules.LATENESS), make_rules(rules.PREDICTION)
    learned, learning = measure(lambda: outlook.learn(foretelling, frame, bought, AS_OF, 2))
    states = pd.DataFrame(
        {
            **{
                name: pd.array([None] * count, "Int64")
                for name in ("previous_tier", "pending_tier", "lock_id", "lock_tier")
            },
            **{
                name: pd.Series(pd.NaT, index, dtype="datetime64[s]").array
                for name in ("previous_since", "pending_date")
            },
            "lock_mode": pd.array([None] * count, "object"),
        },
        index=index,
    )

    def run(policy, as_of, frame):
        fit = pipeline.fit(policy, frame, as_of, learned)
        return decision.decide(policy, fit, frame, pipeline.apply(policy, fit, frame, as_of), states, as_of)

    _before, usual = measure(lambda: run(plain, AS_OF, frame))
    before, foretold = measure(lambda: run(foretelling, AS_OF, frame))
    print(
        f"summed up {reading:.2f} s, learned {learning:.2f} s (once a week), "
        f"computed {usual:.2f} s, {foretold:.2f} s with it"
    )
    print(f"of sums and computation: {(reading + foretold) / (reading + usual):.2f} x a run that foretells nothing")
    print(f"with learning: {(reading + foretold + learning) / (reading + usual):.2f} x")
    tomorrow = AS_OF + datetime.timedelta(1)
    after = run(foretelling, tomorrow, read(tomorrow))
    told = [schema.ORDER_PERCENT, schema.RISK, schema.RISK_RANK]
    changed = ((before[told] != after[told]) & ~(before[told].isna() & after[told].isna())).any(axis=1).mean()
    print(f"a night without an order tells {changed:.2%} another chance; steps of {learned['step']:.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 200_000)
