"""Time users at work while all customers are computed: ``bin/python benchmarks/quiet.py DATABASE``.

A real Odoo server and eight clients over HTTP, who edit partners, make and confirm quotations and open lists, as the
web client does, with a pause after each step. A while without a run and a while with one run after another take
turns. What the clients make is removed again.
"""

import argparse
import contextlib
import datetime
import json
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import requests
from common import (
    AS_OF,
    SALESPERSON,
    SIZE,
    describe_machine,
    format_table,
    get_parameter,
    open_registry,
    save,
    transaction,
)
from screens import COUNT_LIMIT, CUSTOMERS, LIMIT, get_aggregates, get_specification

from odoo.fields import Command

CLIENTS = 8
PAUSE = 1.0  # seconds a client pauses after a step, on average; from half to one and a half of it
TARGET = 1.3
QUIET = "no run"
TRIGGERS = {"nightly": "nightly", "by hand": "manual"}  # kind of run: why it runs
MARK = "Benchmark: quiet"  # the reference of the clients' quotations
LOST = re.compile("could not serialize access|deadlock detected")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default: 5)")
    parser.add_argument("--seconds", type=float, default=30, help="of a phase, at least (default: 30)")
    parser.add_argument("--port", type=int, default=8078)
    parser.add_argument("--kinds", default="nightly", help=f"comma separated; among: {', '.join(TRIGGERS)}")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)  # the process of the runs
    options = parser.parse_args()
    if options.run:
        return work(options.database)
    registry = open_registry(options.database)
    with transaction(registry) as env:
        size = get_parameter(env, SIZE)
        as_of = datetime.date.fromisoformat(get_parameter(env, AS_OF))
        machine = describe_machine(env)
        if not env["customer.tiering.scorecard"].search_count([], limit=1):
            raise SystemExit("There are no scorecards: compute them first.")
        users = env["res.users"].search([("login", "=like", SALESPERSON.replace("1", "_"))])
        users.write({"password": "quiet", "group_ids": [Command.link(env.ref("base.group_partner_manager").id)]})
        logins = users.mapped("login")
        env.flush_all()
        env.cr.commit()
    with transaction(registry, SALESPERSON) as env:
        scene = {**prepare(env), "database": options.database, "logins": logins}
    kinds = options.kinds.split(",")
    texts, targets = [], []

    def add(title, found):
        text, more = found
        texts.append(f"## {title}\n\n{text}")
        targets.extend(more)

    try:
        with serve(options, workers=0) as server, contextlib.ExitStack() as stack:
            runners = {kind: stack.enter_context(own_process(options.database, kind, as_of)) for kind in kinds}
            add("Threads (`--workers=0`), the run in a process of its own", measure(options, server, scene, runners))
        with serve(options, workers=2) as server:
            runners = {"by the job": by_job(registry, scene)}
            add(
                "Processes (`--workers=2 --max-cron-threads=1`), the run by the scheduled job",
                measure(options, server, scene, runners),
            )
    finally:
        remove(registry)
    text = f"""# Users at work during a run

{machine}.

{CLIENTS} clients over HTTP, as salespeople, {PAUSE:g} s of pause after each step; {options.rounds} rounds, in each a
phase without a run and one with runs one after another, of {options.seconds:g} s at least. Milliseconds of a step by
the client's clock. The target is a ratio of at most {TARGET}.

{"".join(texts).rstrip()}
"""
    save(f"quiet-{size}", text, targets, machine)


# ----------------------------------------------------------------------
# The server and the runs
# ----------------------------------------------------------------------


class Server:
    def __init__(self, port, log):
        self.address, self.log = f"http://127.0.0.1:{port}", log

    def count_lost(self):
        """Return how many transactions lost against another one so far, by the logs of Odoo and of PostgreSQL."""
        logs = [self.log]
        if folder := os.environ.get("CUSTOMER_TIERING_PG"):
            logs.append(Path(folder, "pg", "server.log"))
        return [len(LOST.findall(log.read_text(errors="replace"))) for log in logs]


@contextlib.contextmanager
def serve(options, workers):
    log = Path(f"/tmp/customer_tiering_quiet_{os.getpid()}_{workers}.log")
    command = [Path(__file__).parents[1] / "bin/odoo", "-d", options.database, f"--http-port={options.port}"]
    command += [f"--workers={workers}", f"--max-cron-threads={1 if workers else 0}", "--log-handler=werkzeug:WARNING"]
    command += [f"--gevent-port={options.port + 1}", f"--logfile={log}", "--http-interface=127.0.0.1"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        server = Server(options.port, log)
        for _ in range(300):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{server.address}/web/health", timeout=30).raise_for_status()
                break
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.unlink(missing_ok=True)


@contextlib.contextmanager
def own_process(database, kind, as_of):
    """Yield a function that computes all customers in a process of its own, as of two days in turns."""
    process = subprocess.Popen(
        [sys.executable, __file__, database, "--run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    days = [as_of, as_of + datetime.timedelta(days=1)]

    def compute():
        days.reverse()
        process.stdin.write(f"{days[0]} {TRIGGERS[kind]}\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    try:
        process.stdout.readline()  # it is ready
        yield compute
    finally:
        process.stdin.close()
        process.wait(timeout=60)


def work(database):
    """Compute all customers as of each day that is read, for the reason beside it."""
    registry = open_registry(database)
    print("ready", flush=True)
    for line in sys.stdin:
        day, trigger = line.split()
        day = datetime.date.fromisoformat(day)
        with transaction(registry) as env:
            run = env["customer.tiering.run"]._queue(env.company.tiering_policy_ids[:1], trigger=trigger)
            env.cr.commit()
            Run, attempts = type(run), []
            original = Run._compute

            def compute(run, original=original, day=day, attempts=attempts):
                attempts.append(run.id)
                original(run, as_of=day)

            Run._compute = compute
            try:
                run._compute_and_record()
                env.cr.commit()
            finally:
                Run._compute = original
            outcome = {"state": run.state, "written": run.written_count, "attempts": len(attempts)}
        print(json.dumps(outcome), flush=True)


def by_job(registry, scene):
    """Return a function that queues a run for the scheduled job of the server and waits for it.

    It is of today always. So that it has as much to write as one of another day, half of the scorecards are made to
    differ, but none of the clients' customers, whom another job scores meanwhile.
    """
    half = "UPDATE customer_tiering_scorecard SET digest = 0 WHERE id %% 2 = 0 AND company_id = %s AND partner_id < %s"

    def compute():
        with transaction(registry) as env:
            env.cr.execute(half, [env.company.id, min(scene["partners"])])
            run = env["customer.tiering.run"]._queue(env.company.tiering_policy_ids[:1], trigger="nightly")
            env.ref("customer_tiering.ir_cron_process_queue")._trigger()
            env.cr.commit()
            run_id = run.id
        while True:
            time.sleep(0.2)
            with transaction(registry) as env:
                run = env["customer.tiering.run"].browse(run_id)
                if run.state != "queued":
                    return {"state": run.state, "written": run.written_count, "attempts": run.attempts}

    return compute


# ----------------------------------------------------------------------
# The clients
# ----------------------------------------------------------------------


def prepare(env):
    """Return what the clients need: customers, products, tiers and the specifications of the views."""
    specifications = {kind: get_specification(env, kind) for kind in ("list", "kanban")}
    tiers = env["customer.tier"].search([("company_id", "=", env.company.id)])
    return {
        # Each client has its own: two people rarely edit the same customer in the same second.
        "partners": env["res.partner"].search(CUSTOMERS, limit=100 * CLIENTS, order="id DESC").ids,
        "products": env["product.product"].search([("name", "=like", "Product %")], limit=2).ids,
        "tiers": tiers.ids,
        "specifications": specifications,
        "aggregates": get_aggregates(env, specifications["list"]),
    }


class Client:
    """One person: a session, and steps in an order that depends on the number only."""

    def __init__(self, number, server, login, scene, record):
        self.random, self.scene, self.record = random.Random(number), scene, record
        self.partners = scene["partners"][number::CLIENTS]
        self.address, self.session = server.address, requests.Session()
        self._post("/web/session/authenticate", {"db": scene["database"], "login": login, "password": "quiet"})

    def live(self, over):
        steps = (self.edit, self.edit, self.sell, self.list_of_tier, self.list_by_tier, self.kanban_by_tier)
        while not over.is_set():
            for step in self.random.sample(steps, len(steps)):
                step()
                if over.wait(self.random.uniform(0.5, 1.5) * PAUSE):
                    return

    def edit(self):
        partner = self.random.choice(self.partners)
        values = {"phone": f"+1 555 {self.random.randrange(10**6):06}"}
        self.step("edit a partner", "res.partner", "web_save", [[partner], values], {"specification": {"phone": {}}})

    def sell(self):
        lines = [[0, 0, {"product_id": product, "price_unit": 50}] for product in self.scene["products"]]
        values = {"partner_id": self.random.choice(self.partners), "client_order_ref": MARK, "order_line": lines}
        saved = self.step(
            "save a quotation", "sale.order", "web_save", [[], values], {"specification": {"amount_total": {}}}
        )
        if saved:
            self.step("confirm it", "sale.order", "action_confirm", [[saved[0]["id"]]], {})

    def list_of_tier(self):
        domain = [*CUSTOMERS, ["tiering_tier_id", "=", self.random.choice(self.scene["tiers"])]]
        specification = self.scene["specifications"]["list"]
        values = {"specification": specification, "domain": domain, "limit": LIMIT, "count_limit": COUNT_LIMIT}
        self.step("list of a tier", "res.partner", "web_search_read", [], values)

    def list_by_tier(self):
        self.group("list by tier", "list", aggregates=self.scene["aggregates"], limit=LIMIT)

    def kanban_by_tier(self):
        self.group("kanban by tier", "kanban", auto_unfold=True)

    def group(self, name, kind, **values):
        values = {
            "domain": CUSTOMERS,
            "groupby": ["tiering_tier_id"],
            "opening_info": [],
            "unfold_read_specification": self.scene["specifications"][kind],
            "unfold_read_default_limit": LIMIT,
            "groupby_read_specification": {},
            **values,
        }
        self.step(name, "res.partner", "web_read_group", [], values)

    def step(self, name, model, method, args, kwargs):
        kwargs["context"] = {"lang": "en_US", "read_group_expand": True, "res_partner_search_mode": "customer"}
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        started = time.perf_counter()
        try:
            return self._post(f"/web/dataset/call_kw/{model}/{method}", params)
        except (requests.RequestException, RuntimeError) as error:
            name = f"{name}: {str(error).partition(chr(10))[0]}"
        finally:
            self.record(name, started, time.perf_counter() - started)
        return None

    def _post(self, path, params):
        response = self.session.post(self.address + path, json={"params": params}, timeout=120)
        response.raise_for_status()
        answer = response.json()
        if "error" in answer:
            raise RuntimeError(answer["error"]["data"]["message"])
        return answer["result"]


# ----------------------------------------------------------------------
# Measure
# ----------------------------------------------------------------------


def measure(options, server, scene, runners):
    found = []  # (name, start, seconds)
    windows = []  # (kind, start, end, share of the processors' time that was used)
    over = threading.Event()
    logins = scene["logins"]

    def record(*step):
        found.append(step)

    clients = [Client(k, server, logins[k % len(logins)], scene, record) for k in range(CLIENTS)]
    threads = [threading.Thread(target=client.live, args=(over,)) for client in clients]
    for thread in threads:
        thread.start()
    outcomes = {kind: [] for kind in runners}
    try:
        time.sleep(options.seconds / 2)  # to warm up
        lost = {}
        for _ in range(options.rounds):
            for kind, compute in runners.items():
                with watch(server, QUIET, windows, lost):
                    time.sleep(options.seconds)
                with watch(server, kind, windows, lost):
                    started = time.perf_counter()
                    while time.perf_counter() < started + options.seconds:
                        begun = time.perf_counter()
                        outcome = compute()
                        outcomes[kind].append({**outcome, "seconds": time.perf_counter() - begun})
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return report(found, windows, outcomes, lost)


@contextlib.contextmanager
def watch(server, kind, windows, lost):
    before, started, (used, total) = server.count_lost(), time.perf_counter(), read_processors()
    yield
    used, total = (now - then for now, then in zip(read_processors(), (used, total), strict=True))
    windows.append((kind, started, time.perf_counter(), used / total))
    after = server.count_lost()
    known = lost.get(kind, [0] * len(before))
    lost[kind] = [total + now - then for total, now, then in zip(known, after, before, strict=True)]


def read_processors():
    """Return the time that all processors of the machine worked so far and the whole time, in ticks."""
    ticks = list(map(int, Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]))
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)  # without idle and waiting for disks


def report(found, windows, outcomes, lost):
    def steps_of(kind):
        spans = [(start, end) for name, start, end, _used in windows if name == kind]
        return [step for step in found if any(start <= step[1] < end for start, end in spans)]

    def get_use(kind):
        share = statistics.mean(used for name, _start, _end, used in windows if name == kind)
        return f"The processors were busy for {share:.0%} of the time."

    quiet = steps_of(QUIET)
    names = [name for name, _count in Counter(name for name, *_ in quiet if ":" not in name).most_common()]
    rows, notes, targets = [], [], []
    for kind, runs in outcomes.items():
        busy = steps_of(kind)
        for name in [*sorted(names), "all steps"]:
            samples = [
                [seconds for step, _start, seconds in steps if ":" not in step and name in (step, "all steps")]
                for steps in (quiet, busy)
            ]
            figures = [[percentile(sample, share) for share in (50, 95, 99)] for sample in samples]
            ratios = [during / without for without, during in zip(*figures, strict=True)]
            rows.append(
                [
                    f"{name} ({kind})" if len(outcomes) > 1 else name,
                    " / ".join(f"{len(sample):,}" for sample in samples),
                    *(" / ".join(f"{1000 * value:.0f}" for value in values) for values in figures),
                    " / ".join(f"{ratio:.2f}" for ratio in ratios),
                ]
            )
        # Of all steps, which come last.
        measured, worst = " / ".join(f"{ratio:.2f}" for ratio in ratios), max(ratios)
        figure = f"users at work, run {kind}"
        targets.append((f"{figure}, p50 / p95 / p99", f"≤ {TARGET} × without a run", measured, worst <= TARGET))
        seconds = statistics.median(run["seconds"] for run in runs)
        failed = sum(run["state"] != "done" for run in runs)
        repeated = sum(run["attempts"] - 1 for run in runs)
        troubles = failed + repeated + sum(lost[kind]) + sum(":" in name for name, *_ in busy)
        targets.append((f"{figure}, errors and lost transactions", "0", f"{troubles}", not troubles))
        notes.append(
            f"* {kind}: {len(runs)} runs of {seconds:.1f} s (median), each writing "
            f"{statistics.median(run['written'] for run in runs):,.0f} scorecards (median); {failed} failed, "
            f"{repeated} repetitions. {get_use(kind)} {describe(busy, lost[kind])}"
        )
    notes.append(f"* {QUIET}: {get_use(QUIET)} {describe(quiet, lost[QUIET])}")
    header = ["step", "number", f"{QUIET}: p50 / p95 / p99", "during a run", "ratio"]
    return f"{format_table(header, rows)}\n\n" + "\n".join(notes) + "\n\n", targets


def percentile(sample, share):
    return statistics.quantiles(sample, n=100, method="inclusive")[share - 1] if len(sample) > 1 else float("nan")


def describe(steps, lost):
    errors = Counter(name for name, *_ in steps if ":" in name)
    frequent = "".join(f"; {count} × {name}" for name, count in errors.most_common(3))
    return (
        f"Errors that a client saw: {sum(errors.values())}{frequent}. Transactions that lost against another one, by "
        f"the logs of Odoo and PostgreSQL: {', '.join(map(str, lost))}."
    )


def remove(registry):
    with transaction(registry) as env:
        orders = env["sale.order"].search([("client_order_ref", "=", MARK)]).with_context(tracking_disable=True)
        orders._action_cancel()
        orders.unlink()
        env["customer.tiering.refresh"].search([]).unlink()
        env.cr.commit()


if __name__ == "__main__":
    main()
