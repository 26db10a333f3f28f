"""What must hold at every size, judged at the smallest: ``bin/test bench``.

The database of the name in ``BENCH_DATABASE`` holds 2,000 generated customers in three companies of very
different sizes. The tests at the end show that each of the three judgements can fail.
"""

import datetime
import os
from contextlib import ExitStack
from unittest import mock

import agreement
import pytest
from common import AS_OF, get_parameter, open_registry, transaction
from ours import get_policies
from peers import b0

CARDS = "customer_tiering_scorecard, customer_tier_change, customer_tiering_refresh"


class NoClock:
    """Measures nothing."""

    def measure(self, count_queries=None):
        return ExitStack()


@pytest.fixture(scope="session")
def registry():
    return open_registry(os.environ["BENCH_DATABASE"])


@pytest.fixture(scope="session")
def as_of(registry):
    with transaction(registry) as env:
        return datetime.date.fromisoformat(get_parameter(env, AS_OF))


@pytest.fixture(scope="session")
def first(registry, as_of):
    """Compute everything from nothing, by the addon and by B0."""
    compute(registry, as_of)  # what Odoo keeps of its own records from then on is not asked for again
    with transaction(registry) as env:
        env.cr.execute(f"TRUNCATE {CARDS}")
        env["customer.tiering.run"].search([]).unlink()
        env.cr.execute("DROP TABLE IF EXISTS bench_b0")
        env.cr.commit()
    runs = compute(registry, as_of)
    b0.compute(registry, NoClock(), as_of, None)
    return runs


def compute(registry, as_of):
    """Compute the customers of all companies; return a dict per company.

    Each in a new environment, as a job finds it.
    """
    with transaction(registry) as env:
        ids = env["customer.tiering.run"]._queue(get_policies(env), trigger="nightly").ids
        env.cr.commit()
    found = []
    for run_id in ids:
        with transaction(registry) as env:
            run = env["customer.tiering.run"].browse(run_id)
            company = run.company_id.name
            before, queries = count_written(env), env.cr.sql_log_count
            run._compute(as_of=as_of)
            env.flush_all()
            queries = env.cr.sql_log_count - queries
            found.append(
                {
                    "company": company,
                    "customers": run.customer_count,
                    "queries": queries,
                    "said": run.written_count,
                    "written": {table: count - before[table] for table, count in count_written(env).items()},
                }
            )
            env.cr.commit()
    return found


def count_written(env):
    """Return how many rows this transaction has written so far, by table: what PostgreSQL counts, not what we say."""
    tables = CARDS.split(", ")
    env.cr.execute(
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables WHERE relname IN %s",
        (tuple(tables),),
    )
    return {**dict.fromkeys(tables, 0), **dict(env.cr.fetchall())}


# ----------------------------------------------------------------------
# The judgements
# ----------------------------------------------------------------------


def check_nothing_written(runs):
    for run in runs:
        assert not run["said"], f"{run['company']}: nothing had changed, and {run['said']} scorecards were written."
        for table, count in run["written"].items():
            assert not count, f"{run['company']}: nothing had changed, and {count} rows of {table} were written."


def check_queries(runs):
    smallest, biggest = (pick(runs, key=lambda run: run["customers"]) for pick in (min, max))
    assert biggest["customers"] > 2 * smallest["customers"], "The companies are too much alike to show anything."
    counts = {f"{run['company']}, {run['customers']} customers": run["queries"] for run in runs}
    assert len(set(counts.values())) == 1, f"The number of queries depends on the number of customers: {counts}"


def check_equal(registry, as_of):
    ours, theirs = agreement.read_ours(registry, as_of), agreement.read_b0(registry, as_of)
    assert len(ours) > 2_000, "There are too few scorecards to show anything."
    different = agreement.find_differences(ours, theirs)
    customers = different.any(axis=1)
    if customers.any():
        both = ours.join(theirs, how="outer", suffixes=(" (ours)", " (B0)"))
        columns = different.sum()
        pytest.fail(
            f"{customers.sum()} of {len(customers)} customers differ from B0, in "
            f"{', '.join(f'{name} {count}' for name, count in columns[columns > 0].items())}:\n"
            f"{both[customers].head(10).T}"
        )


# ----------------------------------------------------------------------
# Tests
# ----------------------------------------------------------------------


def test_first_run_writes_a_scorecard_for_everybody(first):
    for run in first:
        assert run["said"] == run["customers"] == run["written"]["customer_tiering_scorecard"]


def test_unchanged_run_writes_nothing(registry, as_of, first):
    check_nothing_written(compute(registry, as_of))


def test_queries_do_not_depend_on_customers(registry, as_of, first):
    check_queries(first)
    check_queries(compute(registry, as_of))


def test_everybody_is_scored_as_by_b0(registry, as_of, first):
    check_equal(registry, as_of)


def test_second_run_is_scored_as_by_b0(registry, as_of, first):
    compute(registry, as_of)
    b0.compute(registry, NoClock(), as_of, None)
    check_equal(registry, as_of)


# ----------------------------------------------------------------------
# The judgements can fail
# ----------------------------------------------------------------------


def test_a_written_row_is_noticed(registry, as_of, first):
    with transaction(registry) as env:
        env.cr.execute(
            "UPDATE customer_tiering_scorecard SET score = score + 1, digest = 0 "
            "WHERE id = (SELECT MIN(id) FROM customer_tiering_scorecard)"
        )
        env.cr.commit()
    with pytest.raises(AssertionError, match="nothing had changed, and 1 "):
        check_nothing_written(compute(registry, as_of))


def test_a_query_for_each_hundred_customers_is_noticed(registry, as_of, first):
    reader = registry["customer.tiering.reader"]
    original = reader._read_customers

    def read(self, *args, **kwargs):
        frame = original(self, *args, **kwargs)
        for _ in range(0, len(frame), 100):
            self.env.cr.execute("SELECT 1")
        return frame

    with mock.patch.object(reader, "_read_customers", read):
        runs = compute(registry, as_of)
    with pytest.raises(AssertionError, match="The number of queries depends"):
        check_queries(runs)


@pytest.mark.parametrize("column", ["order_count", "amount", "recency_score", "frequency_score", "monetary_score"])
def test_another_result_of_one_customer_is_noticed(registry, as_of, first, column):
    change = f"UPDATE bench_b0 SET {column} = {column} %s 1 WHERE partner_id = %s"
    with transaction(registry) as env:
        env.cr.execute("SELECT MAX(partner_id) FROM bench_b0 WHERE order_count > 0")
        (partner,) = env.cr.fetchone()
        env.cr.execute(change % ("+", "%s"), (partner,))
        env.cr.commit()
        try:
            with pytest.raises(pytest.fail.Exception, match=f"customers differ from B0, in {column} "):
                check_equal(registry, as_of)
        finally:
            env.cr.execute(change % ("-", "%s"), (partner,))
            env.cr.commit()
