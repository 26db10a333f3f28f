"""Measure the addon beside what else computes such scores: ``bin/python benchmarks/compare.py DATABASE``.

Every figure comes from a process of its own (measure.py, peers/own.py). They take turns: in a turn pure
PostgreSQL (B0), the addon and the others compute the same data, and the ratios are those within a turn. Who
needs longer than ten minutes is stopped. The figures are kept in results/SIZE.json; report.py makes the tables
of them. ``BENCH_PYTHON`` is the Python of the peers' own environment.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import agreement
import report
from common import AS_OF, SIZE, describe_machine, get_parameter, open_registry, read_server_cpu, transaction
from peers.b0 import WINDOW_DAYS

from odoo.tools import SQL

HERE = Path(__file__).parent
LIMIT = 600  # seconds
SLOW = 60  # who needs more is measured in one turn only
PATIENCE = 10  # seconds, for a connection to be closed
CHANGED = 0.001  # share of the customers who buy once more

# A year of runs, and the jobs that look at what is there then.
YEAR = ("a year", *report.JOBS)

# What computes scores, by the script that does it.
PEERS = {
    "ORM loop": "measure.py",
    "read_group": "measure.py",
    "pandas notebook": "peers/own.py",
    "lifetimes": "peers/own.py",
    "pymc-marketing": "peers/own.py",
    "openretailscience": "peers/own.py",
}
# The purchases from which those start that cannot read Odoo's tables.
PURCHASES = """
COPY (
    SELECT sale_order.id AS order_id, buyer.commercial_partner_id AS partner_id, sale_order.company_id,
           (date_order AT TIME ZONE 'UTC' AT TIME ZONE COALESCE(contact.tz, calendar.tz, 'UTC'))::date AS day,
           amount_untaxed / COALESCE(NULLIF(currency_rate, 0), 1) AS amount
      FROM sale_order
      JOIN res_partner buyer ON buyer.id = sale_order.partner_id
      JOIN res_company company ON company.id = sale_order.company_id
      JOIN res_partner contact ON contact.id = company.partner_id
 LEFT JOIN resource_calendar calendar ON calendar.id = company.resource_calendar_id
     WHERE state = 'sale' AND amount_untaxed > 0
       AND (date_order AT TIME ZONE 'UTC' AT TIME ZONE COALESCE(contact.tz, calendar.tz, 'UTC'))::date
           BETWEEN {since}::date + 1 AND {as_of}::date
  ORDER BY sale_order.id
) TO STDOUT WITH (FORMAT csv, HEADER)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    parser.add_argument("--turns", type=int, default=3, help="0: only what has turns of its own; the others stay")
    parser.add_argument("--year", action="store_true", help="live through a year, then the jobs and the own screens")
    parser.add_argument("--only", nargs="+", help="measure only these figures or peers, besides B0 and the runs")
    options = parser.parse_args()
    if "BENCH_PYTHON" not in os.environ:
        raise SystemExit("BENCH_PYTHON must name the Python of requirements-bench.txt; bin/bench sets it.")
    with tempfile.TemporaryDirectory() as scratch:
        session = Session(options.database, Path(scratch), options.only)
        if not options.turns:
            session.keep_turns()
        for turn in range(options.turns):
            session.take_turn(turn)
            path = report.save(session.get_results())
        if options.year:
            session.measure_year()
        else:
            session.measure_once()
        path = report.save(session.get_results())
    report.write()
    print(path.with_suffix(".md").read_text(encoding="utf-8"))
    if "failed" in session.failures.values():
        raise SystemExit("Something could not be measured, see above.")


class Session:
    """One session: the figures so far, and the database."""

    def __init__(self, database, scratch, only):
        self.database = database
        self.scratch = scratch
        self.only = only
        self.registry = open_registry(database)
        with transaction(self.registry) as env:
            self.size = get_parameter(env, SIZE)
            self.as_of = get_parameter(env, AS_OF)
            self.machine = describe_machine(env)
            self.counts = {
                "customers": env["res.partner"].search_count([("customer_rank", ">", 0), ("parent_id", "=", False)]),
                "orders": env["sale.order"].search_count([]),
            }
            self.last_order = env["sale.order"].search([], order="id DESC", limit=1).id
        self.figures = {}  # name: a dict per turn
        self.failures = {}  # name: reason
        self.once = {}  # name: what was found outside the turns
        self.agreement = {}  # peer: how far it agrees with the addon
        self.results = {}  # peer: result of the turn before
        self.purchases = scratch / "purchases.csv"
        self.export_purchases()

    # ------------------------------------------------------------------
    # Turns
    # ------------------------------------------------------------------

    def keep_turns(self):
        """Take over what the last session measured in turns: the other figures are no ratios to B0."""
        results = report.load(self.size)
        self.figures, self.agreement, self.failures = (results[key] for key in ("figures", "agreement", "failures"))
        self.once, self.counts["changed"] = results["once"], results["changed"]

    def take_turn(self, turn):
        print(f"== Turn {turn + 1}", file=sys.stderr)
        self.do("compare weekly")
        self.reset()
        self.measure(turn, "idle")
        self.measure(turn, "B0-scan")
        for compute in (self.compute_b0, self.compute_ours)[:: -1 if turn % 2 else 1]:
            compute(turn)
        ours = agreement.read_ours(self.registry, self.as_of)
        self.compare(turn, "ours", ours, ours)
        b0 = agreement.read_b0(self.registry, self.as_of)
        self.compare(turn, "B0", ours, b0)
        self.agreement["B0"]["different"] = int(agreement.find_differences(ours, b0).any(axis=1).sum())
        self.measure(turn, "simulation")
        for peer, script in PEERS.items():
            result = self.scratch / "result.csv"
            if self.measure(turn, peer, script=script, result=result):
                self.compare(turn, peer, ours, agreement.read_file(result))
        self.change_orders()
        self.measure(turn, "B0", "B0, changed")
        self.measure(turn, "run", "run, changed")
        self.measure(turn, "run", "run, next day", days=1)
        self.restore_orders()
        self.do("compare always")
        self.change_orders()
        self.measure(turn, "run", "run, changed, anew")
        self.restore_orders()
        self.do("compare weekly")
        self.reset()
        self.measure(turn, "every metric")
        self.measure(turn, "clusters")
        self.measure(turn, "run, at night")

    def compute_b0(self, turn):
        self.measure(turn, "B0")
        self.vacuum("bench_b0")
        self.measure(turn, "B0", "B0, unchanged")

    def compute_ours(self, turn):
        self.measure(turn, "run")
        self.vacuum("customer_tiering_scorecard, customer_tier_change")
        self.measure(turn, "run", "run, unchanged")

    def measure_once(self):
        """What has turns of its own, and needs scorecards. Confirming is last: it is a contact with customers."""
        self.reset()
        self.measure(None, "run", "run before the screens")
        self.vacuum("customer_tiering_scorecard, customer_tier_change")
        for name in ("single", "screens", "followups", "confirm"):
            self.measure(None, name)

    def measure_year(self):
        """What prediction adds to a run, in turns; then a year of runs, and on its history the jobs and the screens."""
        self.reset()
        for name in ("by lateness", "by prediction", "by prediction, learned"):
            self.figures.pop(name, None)
        for turn in range(3):
            for name in ("by lateness", "by prediction", "by prediction, learned")[:: -1 if turn % 2 else 1]:
                self.measure(turn, name)
        for name in ("B0", "every metric", "quiet nights", *YEAR, "pages"):
            self.measure(None, name)
            self.vacuum("customer_tiering_scorecard, customer_tier_change, customer_segment_change, sale_order")

    def do(self, what):
        """Have something done that is not measured."""
        command = [sys.executable, str(HERE / "measure.py"), self.database, what, os.devnull]
        subprocess.run(command, check=True)

    def measure(self, turn, what, name=None, script="measure.py", result=None, days=0):
        """Measure something in a process of its own; return whether it came to its end."""
        name = name or what
        if self.only and name not in self.only and not name.startswith(("B0", "run", "idle")):
            return False
        measured = self.figures.setdefault(name, [])
        if name in self.failures or (measured and measured[0]["seconds"] > SLOW and name in PEERS):
            return False
        print(f"{name} …", file=sys.stderr, end=" ", flush=True)
        output = self.scratch / "figures.json"
        python = os.environ["BENCH_PYTHON"] if script == "peers/own.py" else sys.executable
        command = [python, str(HERE / script), self.database, what, str(output)]
        if result:
            command += ["--result", str(result)]
        if days:
            command += ["--days", str(days)]
        if script == "peers/own.py":
            command += ["--purchases", str(self.purchases), "--as-of", self.as_of]
        before = self.read_counters()
        try:
            subprocess.run(command, check=True, timeout=LIMIT if name in PEERS else None)
        except subprocess.TimeoutExpired:
            self.failures[name] = f"not done in {LIMIT // 60} minutes"
            print(self.failures[name], file=sys.stderr)
            return False
        except subprocess.CalledProcessError:
            self.failures[name] = "failed"
            return False
        finally:
            after = self.read_counters()
            if name in PEERS and script == "measure.py":
                self.do("clean")
        found = json.loads(output.read_text(encoding="utf-8"))
        found["wal"] = after["wal"] - before["wal"]
        found["rows"] = {
            table: count - before["rows"].get(table, 0)
            for table, count in after["rows"].items()
            if count != before["rows"].get(table, 0)
        }
        if after["cpu"] is not None:
            found.setdefault("work", found["cpu"] + after["cpu"] - before["cpu"])
        print(f"{found['seconds']:.2f} s", file=sys.stderr)
        found |= {"turn": turn, "date": datetime.date.today().isoformat(), "machine": self.machine}
        if turn is None:
            self.once[name] = found
        else:
            measured.append(found)
        return True

    # ------------------------------------------------------------------
    # The database
    # ------------------------------------------------------------------

    def read_counters(self):
        """Return the position of the WAL, and how often a row of each table was written."""
        with transaction(self.registry) as env:
            self.wait_for_others(env)
            env.cr.execute("SELECT pg_stat_force_next_flush()")  # of what this process did
        with transaction(self.registry) as env:
            ((wal,),) = env.execute_query(SQL("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
            rows = env.execute_query(
                SQL(
                    "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables "
                    "WHERE schemaname = 'public' AND left(relname, 3) != 'ir_'"
                )
            )
            return {"wal": float(wal), "rows": dict(rows), "cpu": read_server_cpu(env)}

    def wait_for_others(self, env):
        """Wait until the connections of the process that was measured are gone: only then its rows are counted."""
        others = SQL(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
            "AND application_name != current_setting('application_name')"
        )
        until = time.monotonic() + PATIENCE
        while env.execute_query(others) and time.monotonic() < until:
            env.cr.commit()
            time.sleep(0.05)

    def reset(self):
        """Remove everything that was computed."""
        with transaction(self.registry) as env:
            env.cr.execute("TRUNCATE customer_tiering_scorecard, customer_tier_change, customer_tiering_refresh")
            env.cr.execute("DELETE FROM customer_tiering_followup")
            env.cr.execute("DELETE FROM customer_segment_change")
            env["customer.tiering.forecast"].search([]).unlink()
            env["customer.tiering.run"].search([]).unlink()
            env.cr.execute("DROP TABLE IF EXISTS bench_b0, bench_notebook")
            env.cr.commit()

    def vacuum(self, tables):
        """Do what autovacuum does some minutes after a run."""
        with transaction(self.registry) as env:
            env.cr.commit()
            env.cr._cnx.autocommit = True
            env.cr.execute(f"VACUUM (ANALYZE) {tables}")

    def change_orders(self):
        """Let some customers, evenly spread, buy once more on the last day: what their last order was."""
        with transaction(self.registry) as env:
            env.cr.execute(
                """
                INSERT INTO sale_order (
                    name, company_id, partner_id, partner_invoice_id, partner_shipping_id, user_id, state,
                    invoice_status, date_order, currency_id, currency_rate, amount_untaxed, amount_tax, amount_total,
                    create_date, write_date, create_uid, write_uid)
                SELECT name || '/2', company_id, partner_id, partner_invoice_id, partner_shipping_id, user_id, state,
                       invoice_status, %(moment)s, currency_id, currency_rate, amount_untaxed, 0, amount_untaxed,
                       %(moment)s, %(moment)s, 1, 1
                  FROM (SELECT DISTINCT ON (partner_invoice_id) * FROM sale_order
                         WHERE state = 'sale' AND amount_untaxed > 0
                           AND partner_invoice_id %% %(every)s = 0
                      ORDER BY partner_invoice_id, id DESC) last
                """,
                {"moment": f"{self.as_of} 12:00:00", "every": round(1 / CHANGED)},
            )
            self.counts["changed"] = env.cr.rowcount
            env.cr.commit()

    def restore_orders(self):
        with transaction(self.registry) as env:
            env.cr.execute("DELETE FROM sale_order WHERE id > %s", (self.last_order,))
            env.cr.commit()

    def export_purchases(self):
        with transaction(self.registry) as env, self.purchases.open("wb") as file:
            since = f"'{self.as_of}'::date - {WINDOW_DAYS}"
            env.cr.copy_expert(PURCHASES.format(since=f"({since})", as_of=f"'{self.as_of}'"), file)

    # ------------------------------------------------------------------
    # Results
    # ------------------------------------------------------------------

    def compare(self, turn, peer, ours, theirs):
        if turn == 0:
            self.agreement[peer] = agreement.compare(ours, theirs)
        elif peer in self.results:
            same = self.agreement[peer].get("same", True) and theirs.equals(self.results[peer])
            self.agreement[peer]["same"] = bool(same)
        self.results[peer] = theirs

    def get_results(self):
        return {
            "size": self.size,
            "as_of": self.as_of,
            "packages": self.get_packages(),
            **self.counts,
            "figures": {name: turns for name, turns in self.figures.items() if turns},
            "failures": self.failures,
            "agreement": self.agreement,
            "once": self.once,
        }

    def get_packages(self):
        names = ("duckdb", "lifetimes", "openretailscience", "pandas", "pymc-marketing")
        program = f"from importlib.metadata import version; print(*(n + ' ' + version(n) for n in {names}), sep=', ')"
        found = subprocess.run([os.environ["BENCH_PYTHON"], "-c", program], check=True, capture_output=True, text=True)
        return found.stdout.strip()


if __name__ == "__main__":
    main()
