"""What it costs to compute a company in parts instead of in one piece, and what several servers save:
``bin/python benchmarks/parts.py DATABASE``.

The company with the most customers is computed from empty scorecards, in one piece, and in parts by one server and by
two; each server is a process of its own. The scorecards must be the same, row by row.
"""

import argparse
import datetime
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clock import Clock, read_status
from common import (
    AS_OF,
    SIZE,
    describe_machine,
    format_table,
    get_parameter,
    open_registry,
    read_server_cpu,
    save,
    transaction,
)

PARTS = (2, 4, 8)
WORKERS = 2
WORK, SAVED, MEMORY = 1.3, 1.5, 512  # the targets: times, times, MiB
PAUSE = 0.05
ROWS = """SELECT (to_jsonb(card) - '{id,run_id}'::text[])::text FROM customer_tiering_scorecard card
           WHERE policy_id = %s ORDER BY partner_id"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    parser.add_argument("--parts", type=int, nargs="+", default=PARTS)
    parser.add_argument("--run", type=int, help="be one of the servers that compute this run")
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    registry = open_registry(options.database)
    with transaction(registry) as env:
        as_of = datetime.date.fromisoformat(get_parameter(env, AS_OF))
        size, machine = get_parameter(env, SIZE), describe_machine(env)
    if options.run:
        options.file.write_text(json.dumps(serve(registry, options.run, as_of)), encoding="utf-8")
        return
    whole = measure(registry, options.database, as_of, 0, 1)
    rows, targets = [get_row("one piece", whole, whole)], []
    for number in options.parts:
        alone = measure(registry, options.database, as_of, number, 1)
        rows.append(get_row(f"{number} parts, one server", alone, whole))
        together = measure(registry, options.database, as_of, number, WORKERS)
        rows.append(get_row(f"{number} parts, {WORKERS} servers", together, whole))
        for found in (alone, together):
            if found["digest"] != whole["digest"]:
                raise SystemExit(f"{number} parts come to other scorecards than one piece.")
        work, saved = alone["work"] / whole["work"], alone["seconds"] / together["seconds"]
        peak = max(alone["peak"], together["peak"]) / 2**20
        targets += [
            (f"{number} parts, work", f"≤ {WORK} × one piece", f"{work:.2f}", work <= WORK),
            (f"{number} parts, {WORKERS} servers", f"≥ {SAVED} × faster", f"{saved:.2f}", saved >= SAVED),
            (f"{number} parts, memory of a server", f"≤ {MEMORY} MiB", f"{peak:.0f}", peak <= MEMORY),
        ]
    table = format_table(("", "s", "work, s", "× one piece", "MiB of a server"), rows)
    judged = format_table(
        ("", "target", "measured", ""), [(*row[:3], "met" if row[3] else "missed") for row in targets]
    )
    save(f"parts_{size}", f"# In parts, {size}\n\n{machine}\n\n{table}\n\n{judged}\n", targets, machine)


def get_row(name, found, whole):
    return (
        name,
        f"{found['seconds']:.1f}",
        f"{found['work']:.1f}",
        f"{found['work'] / whole['work']:.2f}",
        f"{found['peak'] / 2**20:.0f}",
    )


def measure(registry, database, as_of, number, workers):
    """Compute the company from empty scorecards in ``number`` parts, 0: in one piece, by so many servers."""
    with transaction(registry) as env:
        env.cr.execute(
            "SELECT policy_id FROM customer_tiering_run WHERE state = 'done'"
            " GROUP BY 1 ORDER BY MAX(customer_count) DESC LIMIT 1"
        )
        policy = env["customer.tiering.policy"].browse(env.cr.fetchone())
        env.cr.execute("DELETE FROM customer_tiering_scorecard WHERE policy_id = %s", [policy.id])
        run = env["customer.tiering.run"]._queue(policy, trigger="manual")
        run.recalibrate = True
        if number:
            candidates = policy._get_scope(as_of).candidates
            ((count,),) = env.execute_query(type(candidates)("SELECT COUNT(*) FROM (%s) candidate", candidates))
            type(run)._get_part_size = lambda self: -(-count // number)
            type(run)._get_part_border = lambda self: 0
            run._divide()
        env.cr.commit()
        for table in ("customer_tiering_scorecard", "customer_tier_change"):
            env.cr.execute(f"ANALYZE {table}")
        env.cr.commit()
        before, started = read_server_cpu(env), time.perf_counter()
        found = start(database, run.id, workers)
        seconds, server = time.perf_counter() - started, read_server_cpu(env) - before
        env.cr.rollback()
        env.cr.execute(ROWS, [policy.id])
        rows = "\n".join(row for (row,) in env.cr.fetchall())
    return {
        "seconds": max(one["ended"] for one in found) - min(one["began"] for one in found),
        "elapsed": seconds,
        "work": server + sum(one["cpu"] for one in found),
        "peak": max(one["peak"] for one in found),
        "digest": hashlib.sha256(rows.encode()).hexdigest(),
    }


def start(database, run_id, workers):
    """Let so many servers compute a run; return what each one found."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.json") for number in range(workers)]
        command = [sys.executable, __file__, database, "--run", str(run_id)]
        processes = [subprocess.Popen([*command, "--file", str(file)]) for file in files]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise SystemExit("A server failed.")
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def serve(registry, run_id, as_of):
    """Do one step of a run after the other, until nothing is left to be done."""
    from odoo.addons.customer_tiering.engine import pipeline  # noqa: F401, PLC0415 - read before the clock starts
    from odoo.addons.customer_tiering.models.customer_tiering_run import (  # noqa: PLC0415 - known by now
        RETRYABLE,
        RunUnderWayError,
    )

    clock, began = Clock(read_status("VmRSS")), time.time()
    with transaction(registry) as env, clock.measure():
        run = env["customer.tiering.run"].browse(run_id)
        while True:
            env.cr.rollback()
            env.invalidate_all()
            if run.state != "queued":
                break
            parts = run.work and run._get_next_step()[1]
            try:
                if not parts and not run._hold():
                    raise RunUnderWayError("Another server does it.")
                if run.part_ids:
                    run._do_step(as_of)
                else:
                    run._compute(as_of=as_of)
                env.flush_all()
                env.cr.commit()
            except (*RETRYABLE, RunUnderWayError):
                env.cr.rollback()
                time.sleep(PAUSE)
    return {**clock.figures(), "began": began, "ended": time.time()}


if __name__ == "__main__":
    main()
