"""How far two results agree: a row per customer and company, with three values and three scores."""

import pandas as pd
from common import transaction

VALUES = {"recency": "recency_score", "order_count": "frequency_score", "amount": "monetary_score"}
COLUMNS = [*VALUES, *VALUES.values()]
CENT = 0.005  # money that differs by less is equal

# Read as numbers: a day is the age of the last purchase, and what somebody does not have is missing.
CARDS = """
SELECT partner_id, company_id, %s::date - last_order_date, order_count, amount,
       recency_score, frequency_score, monetary_score
  FROM {}
"""


def read_ours(registry, as_of):
    return read_table(registry, as_of, "customer_tiering_scorecard")


def read_b0(registry, as_of):
    return read_table(registry, as_of, "bench_b0")


def read_table(registry, as_of, table):
    with transaction(registry) as env:
        env.cr.execute(CARDS.format(table), (as_of,))
        rows = env.cr.fetchall()
    return index(pd.DataFrame(rows, columns=["partner_id", "company_id", *COLUMNS]))


def read_file(path):
    return index(pd.read_csv(path))


def index(frame):
    return frame.set_index(["company_id", "partner_id"])[COLUMNS].astype("float64").sort_index()


def find_differences(ours, theirs):
    """Return for each column which customers of either result differ, as a frame of booleans."""
    customers = ours.index.union(theirs.index)
    absent = ~(customers.isin(ours.index) & customers.isin(theirs.index))
    ours, theirs = ours.reindex(customers), theirs.reindex(customers)
    differ = ~((ours - theirs).abs() < CENT) & ~(ours.isna() & theirs.isna())
    differ[absent] = True
    return differ


def compare(ours, theirs):
    """Return how far ``theirs`` agrees with ``ours``, of the customers who bought in the window.

    ``equal``: column -> share of the customers; None for what the other does not compute. ``torn``: of the
    customers whose value others of their company have too, the share whose equals got different scores.
    """
    active = ours[ours["order_count"] > 0]
    other = theirs.reindex(active.index)
    equal = {}
    for column in COLUMNS:
        known = theirs[column].notna().any()
        equal[column] = float(((active[column] - other[column]).abs() < CENT).mean()) if known else None
    return {"customers": len(active), "equal": equal, "torn": tear(theirs)}


def tear(frame):
    equals = torn = 0
    frame = frame[frame["order_count"] > 0]
    for value, score in VALUES.items():
        if frame[score].isna().all():
            return None
        groups = frame.groupby(["company_id", frame[value].round(2)])[score]
        size = groups.transform("size")
        equals += int((size > 1).sum())
        torn += int((groups.transform("nunique") > 1).sum())
    return torn / equals if equals else 0.0
