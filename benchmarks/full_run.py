"""Time a run over all customers: ``bin/python benchmarks/full_run.py DATABASE``.

Three runs that stay: the first one, which finds no scorecards; one on unchanged data; and one as of the
next day, when nothing happened but every customer's last order is a day older. Then, rolled back and in
turns, a run as of the day after and what else computes customers: a simulation of the same policy, a run
with every metric the engine has, one by clusters. At last single customers, as after an order.
"""

import argparse
import datetime
import resource
import statistics
import time
from contextlib import ExitStack
from unittest import mock

import psutil
from common import AS_OF, SIZE, describe_machine, format_table, get_parameter, open_registry, save, transaction

from odoo.tools import SQL

PHASES = ("read", "compute", "write")
CUSTOMERS = 40  # scored one by one
WARM_UP = 5


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    parser.add_argument("--turns", type=int, default=3, help="of the computations that are compared (default: 3)")
    options = parser.parse_args()
    registry = open_registry(options.database)
    with transaction(registry) as env:
        size = get_parameter(env, SIZE)
        as_of = datetime.date.fromisoformat(get_parameter(env, AS_OF))
        machine = describe_machine(env)
        customers, orders = (env[model].search_count([]) for model in ("res.partner", "sale.order"))
        env.cr.execute("TRUNCATE customer_tiering_scorecard, customer_tier_change, customer_tiering_refresh")
        env["customer.tiering.run"].search([]).unlink()
        env.cr.commit()

    rows = []
    idle = psutil.Process().memory_info().rss
    for label, day in (
        ("first", as_of),
        ("unchanged", as_of),
        ("next day", as_of + datetime.timedelta(days=1)),
    ):
        rows.append([label, *measure_and_keep(registry, day)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    header = ["run", "customers", "total s", "read s", "fit and apply s", "write s", "rows written", "WAL MB"]
    vacuum(registry)
    compared = compare(registry, as_of + datetime.timedelta(days=2), options.turns)
    singles, queries = time_singles(registry)
    save(
        f"full-run-{size}.md",
        f"""# A run over all customers

{machine}. {customers:,} partners, {orders:,} orders.

{format_table(header, rows)}

Memory: at most {(peak - idle) / 1e6:,.0f} MB above an idle Odoo ({idle / 1e6:,.0f} MB).

What else computes customers, without the commit, beside a run as of the day after: median of {options.turns} turns,
the ratio is the median of the ratios within a turn. The target for the simulation is at most 1.0. Other rules give
every customer another score, so these runs write all scorecards.

{compared}

A single customer scored again, as after an order: {1000 * statistics.median(singles):.0f} ms and {queries} queries
(median of {CUSTOMERS}; from {1000 * min(singles):.0f} to {1000 * max(singles):.0f} ms).
""",
    )


# ----------------------------------------------------------------------
# One run
# ----------------------------------------------------------------------


def measure_and_keep(registry, as_of):
    """Compute the default policy as of a day and commit; return the figures of one table row."""
    with transaction(registry) as env:
        run = env["customer.tiering.run"]._queue(get_policy(env), trigger="manual")
        env.flush_all()
        wal = get_wal_position(env)
        started = time.perf_counter()
        phases = compute(registry, run, as_of)
        env.cr.commit()
        total = time.perf_counter() - started
        return [
            f"{run.customer_count:,}",
            f"{total:.2f}",
            *(f"{phases[phase]:.2f}" for phase in PHASES),
            f"{run.written_count:,}",
            f"{(get_wal_position(env) - wal) / 1e6:,.0f}",
        ]


def compute(registry, run, as_of):
    """Compute a run; return its seconds by phase."""
    from odoo.addons.customer_tiering.engine import pipeline  # noqa: PLC0415 - open_registry() makes addons known

    phases = {}
    with ExitStack() as stack:
        for phase, owner, method in (
            ("read", registry["customer.tiering.reader"], "_read_customers"),
            ("read", registry["customer.tiering.reader"], "_read_states"),
            ("compute", pipeline, "fit"),
            ("compute", pipeline, "apply"),
            ("write", registry["customer.tiering.writer"], "_write_result"),
            ("write", registry["customer.tiering.simulation"], "_record"),
        ):
            stack.enter_context(mock.patch.object(owner, method, timed(getattr(owner, method), phase, phases)))
        run._compute(as_of=as_of)
        run.env.flush_all()
    return phases


def timed(function, phase, phases):
    def wrapper(*args, **kwargs):
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            phases[phase] = phases.get(phase, 0) + time.perf_counter() - started

    return wrapper


def get_policy(env):
    return env.company.tiering_policy_ids[:1]


def get_wal_position(env):
    ((position,),) = env.execute_query(SQL("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
    return float(position)


def vacuum(registry):
    with transaction(registry) as env:
        env.cr.commit()
        env.cr._cnx.autocommit = True  # what autovacuum does some minutes after a run
        env.cr.execute("VACUUM (ANALYZE) customer_tiering_scorecard, customer_tier_change")


# ----------------------------------------------------------------------
# Others beside it
# ----------------------------------------------------------------------


def compare(registry, as_of, turns):
    kinds = {
        "run": get_policy,
        "simulation of the same policy": get_draft,
        "run with every metric": get_policy_with_every_metric,
        "run by clusters": get_policy_by_clusters,
    }
    found = {kind: [] for kind in kinds}
    for _ in range(turns):
        for kind, get in kinds.items():
            with transaction(registry) as env:
                run = env["customer.tiering.run"]._queue(get(env), trigger="manual")
                env.flush_all()
                started = time.perf_counter()
                phases = compute(registry, run, as_of)
                total = time.perf_counter() - started
                found[kind].append({"total": total, **phases, "rows": count_rows(run)})
            if kind != "simulation of the same policy":
                vacuum(registry)
    rows = []
    for kind, measured in found.items():
        ratios = [one["total"] / run["total"] for one, run in zip(measured, found["run"], strict=True)]
        median = {key: statistics.median(one[key] for one in measured) for key in measured[0]}
        figures = [f"{median[phase]:.2f}" for phase in ("total", *PHASES)]
        rows.append([kind, *figures, f"{median['rows']:,.0f}", f"{statistics.median(ratios):.2f}"])
    return format_table(
        ["computation", "total s", "read s", "fit and apply s", "write s", "rows written", "ratio"], rows
    )


def count_rows(run):
    """Scorecards that the run wrote, or customers whom a simulation lists."""
    if run.policy_id.is_simulation:
        return len(run.policy_id._get_simulation().line_ids)
    return run.written_count


def get_draft(env):
    policy = get_policy(env)
    policy.action_simulate()
    return env["customer.tiering.simulation"].search([("base_id", "=", policy.id)], limit=1).draft_id


def get_policy_with_every_metric(env):
    policy = get_policy(env)
    Criterion = env["customer.tiering.criterion"]
    used = set(policy.criterion_ids.mapped("metric"))
    keys = [key for key, _label in Criterion._fields["metric"].selection if key not in used]
    Criterion.create([{"policy_id": policy.id, "metric": key} for key in keys])
    return policy


def get_policy_by_clusters(env):
    policy = get_policy(env)
    policy.method = "clusters"
    return policy


# ----------------------------------------------------------------------
# Single customers
# ----------------------------------------------------------------------


def time_singles(registry):
    """Score customers again one by one; return the seconds of each, and the queries of the last."""
    seconds = []
    with transaction(registry) as env:
        customers = env["customer.tiering.scorecard"].search([], limit=20 * CUSTOMERS).partner_id[::17]
        customers = customers[: WARM_UP + CUSTOMERS].ids
    for customer in customers:
        with transaction(registry) as env:
            Refresh = env["customer.tiering.refresh"]
            Refresh._add(env["res.partner"].browse(customer), env.company, "instant")
            env.invalidate_all()
            before = env.cr.sql_log_count
            started = time.perf_counter()
            done = Refresh._process(env.company)
            env.flush_all()
            seconds.append(time.perf_counter() - started)
            if done != 1:
                raise SystemExit("The queue was not empty.")
            queries = env.cr.sql_log_count - before
    return seconds[WARM_UP:], queries


if __name__ == "__main__":
    main()
