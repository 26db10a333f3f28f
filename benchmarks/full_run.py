"""Time a run over all customers: ``bin/python benchmarks/full_run.py DATABASE``.

Three runs: the first one, which finds no scorecards; one on unchanged data; and one as of the next
day, when nothing happened but every customer's last order is a day older.
"""

import argparse
import datetime
import resource
import time
from contextlib import ExitStack
from unittest import mock

import psutil
from common import AS_OF, SIZE, describe_machine, format_table, get_parameter, open_registry, save, transaction

from odoo.tools import SQL


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    registry = open_registry(parser.parse_args().database)
    with transaction(registry) as env:
        size = get_parameter(env, SIZE)
        as_of = datetime.date.fromisoformat(get_parameter(env, AS_OF))
        machine = describe_machine(env)
        customers, orders = (env[model].search_count([]) for model in ("res.partner", "sale.order"))
        env.cr.execute("TRUNCATE customer_tiering_scorecard, customer_tier_change")
        env["customer.tiering.run"].search([]).unlink()
        env.cr.commit()

    rows = []
    idle = psutil.Process().memory_info().rss
    for label, day in (
        ("first", as_of),
        ("unchanged", as_of),
        ("next day", as_of + datetime.timedelta(days=1)),
    ):
        rows.append([label, *measure(registry, day)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    header = ["run", "customers", "total s", "read s", "fit and apply s", "write s", "rows written", "WAL MB"]
    save(
        f"full-run-{size}.md",
        f"""# A run over all customers

{machine}. {customers:,} partners, {orders:,} orders.

{format_table(header, rows)}

Memory: at most {(peak - idle) / 1e6:,.0f} MB above an idle Odoo ({idle / 1e6:,.0f} MB).
""",
    )


def measure(registry, as_of):
    """Compute the default policy as of a day and commit; return the figures of one table row."""
    from odoo.addons.customer_tiering.engine import pipeline  # noqa: PLC0415 - open_registry() makes addons known

    with transaction(registry) as env, ExitStack() as stack:
        phases = {}
        for phase, owner, method in (
            ("read", registry["customer.tiering.reader"], "_read_customers"),
            ("compute", pipeline, "fit"),
            ("compute", pipeline, "apply"),
            ("write", registry["customer.tiering.writer"], "_write_result"),
        ):
            stack.enter_context(mock.patch.object(owner, method, timed(getattr(owner, method), phase, phases)))
        run = env["customer.tiering.run"]._queue(env.company.tiering_policy_ids[:1], trigger="manual")
        env.flush_all()
        wal = get_wal_position(env)
        started = time.perf_counter()
        run._compute(as_of=as_of)
        env.flush_all()
        env.cr.commit()
        total = time.perf_counter() - started
        return [
            f"{run.customer_count:,}",
            f"{total:.2f}",
            *(f"{phases[phase]:.2f}" for phase in ("read", "compute", "write")),
            f"{run.written_count:,}",
            f"{(get_wal_position(env) - wal) / 1e6:,.0f}",
        ]


def timed(function, phase, phases):
    def wrapper(*args, **kwargs):
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            phases[phase] = phases.get(phase, 0) + time.perf_counter() - started

    return wrapper


def get_wal_position(env):
    ((position,),) = env.execute_query(SQL("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
    return float(position)


if __name__ == "__main__":
    main()
