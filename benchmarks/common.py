"""What the benchmarks share: a connection to the database, and the report."""

import datetime
import json
import os
import platform
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

from odoo import api, release
from odoo.modules.registry import Registry
from odoo.tools import SQL, config

RESULTS = Path(__file__).parent / "results"
SIZE = "customer_tiering_bench.size"  # system parameters that the generator leaves
AS_OF = "customer_tiering_bench.as_of"
ALIASES = {"small": "2k", "default": "200k", "large": "1m"}  # other names of sizes
SALESPERSON = "bench_1"  # a login that the generator creates


def open_registry(database):
    config.parse_config(["--database", database, "--log-level", "warn"], setup_logging=True)
    return Registry(database)


@contextmanager
def transaction(registry, login=None):
    """Yield an environment of a new transaction, as superuser or as the user of ``login``.

    What is not committed is rolled back at the end.
    """
    with registry.cursor() as cr:
        env = api.Environment(cr, api.SUPERUSER_ID, {})
        if login:
            user = env["res.users"].search([("login", "=", login)])
            env = api.Environment(cr, user.id, dict(user.context_get(), allowed_company_ids=user.company_id.ids))
        yield env
        cr.rollback()


@contextmanager
def count_queries(env):
    """Yield an object that has the number of ``queries`` of the block once it is over."""
    counted = SimpleNamespace(queries=0)
    before = env.cr.sql_log_count
    yield counted
    counted.queries = env.cr.sql_log_count - before


def read_server_cpu(env):
    """Return the seconds of processor time that the whole database server has spent; None: it is on another machine."""
    ((backend,),) = env.execute_query(SQL("SELECT pg_backend_pid()"))
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            stats[int(path.parent.name)] = path.read_text(encoding="utf-8").rpartition(")")[2].split()
    if backend not in stats:
        return None
    parent = int(stats[backend][1])
    # Those that have ended count as the parent's children.
    ticks = sum(map(int, stats[parent][11:15]))
    ticks += sum(int(number) for stat in stats.values() if int(stat[1]) == parent for number in stat[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def get_parameter(env, key):
    value = env["ir.config_parameter"].get_param(key)
    if not value:
        raise SystemExit(f"{env.cr.dbname} holds no benchmark data: run benchmarks/generate.py first.")
    return value


def describe_machine(env):
    """Return one line that says what the figures were measured on."""
    ((postgresql,),) = env.execute_query(SQL("SHOW server_version"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} CPUs, {memory:.0f} GiB memory; PostgreSQL {postgresql.split()[0]}, "
        f"Python {platform.python_version()}, Odoo {release.version}, "
        f"pandas {version('pandas')}, numpy {version('numpy')}"
    )


def format_table(header, rows):
    """Return a Markdown table; the first column is text, the others are figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def save(name, text, targets, machine):
    """Keep a report among the results, and show it.

    :param targets: ``[(figure, target, measured, whether it is met)]``, for the table of all targets
    :param machine: what :func:`describe_machine` returned
    """
    path = RESULTS / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    found = {"date": datetime.date.today().isoformat(), "machine": machine, "targets": targets}
    path.with_suffix(".json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"{text}\nwritten to {path.relative_to(RESULTS.parent.parent)}")
