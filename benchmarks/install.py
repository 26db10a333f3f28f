"""Time the installation beside many partners and orders: ``bin/python benchmarks/install.py``.

Databases with Odoo's own apps that the addon needs, without partners, with many, and with many orders too, take turns:
the addon is installed in a copy of each. Beside the time stands what PostgreSQL did to the big tables, and which
statements took longest. The databases are removed at the end; it needs no benchmark database.
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
from common import describe_machine, format_table, open_registry, save, transaction

BIN = Path(__file__).parents[1] / "bin"
PREFIX = "customer_tiering_install"
APPS = "sale_management,calendar"
TABLES = ("res_partner", "sale_order", "sale_order_line")
STATEMENT = re.compile(r"^[\d-]+ [\d:,]+ \d+ DEBUG \S+ odoo\.sql_db: \[([\d.]+) ms\] query: (.*)", re.DOTALL)
LOADED = re.compile(r"Module customer_tiering loaded in ([\d.]+)s.*?, (\d+) queries")

PARTNERS = """
INSERT INTO res_partner (id, name, complete_name, commercial_partner_id, is_company, type, active, partner_share,
                         customer_rank, supplier_rank, message_bounce, color, autopost_bills, lang, email,
                         email_normalized, create_date, write_date, create_uid, write_uid)
SELECT id, 'Customer ' || id, 'Customer ' || id, id, id %% 5 = 0, 'contact', TRUE, TRUE,
       1, 0, 0, 0, 'ask', 'en_US', 'customer.' || id || '@example.com',
       'customer.' || id || '@example.com', now(), now(), 1, 1
  FROM (SELECT nextval('res_partner_id_seq') AS id FROM generate_series(1, %(count)s)) numbered
"""
ORDERS = """
INSERT INTO sale_order (name, partner_id, partner_invoice_id, partner_shipping_id, company_id, currency_id, user_id,
                        state, date_order, currency_rate, amount_untaxed, amount_tax, amount_total, invoice_status,
                        create_date, write_date, create_uid, write_uid)
SELECT 'B' || number, partner, partner, partner, company.id, company.currency_id, 2,
       'sale', now() - number %% 1000 * interval '1 day', 1, 100, 0, 100, 'no', now(), now(), 1, 1
  FROM (SELECT number, first + number %% partners AS partner
          FROM (SELECT min(id) AS first, count(*) AS partners FROM res_partner WHERE name LIKE 'Customer %%') made,
               generate_series(1, %(count)s) number) placed,
       (SELECT * FROM res_company ORDER BY id LIMIT 1) company
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--partners", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    kinds = {
        "empty": (0, 0),
        f"{options.partners:,} partners": (options.partners, 0),
        f"{options.partners:,} partners, {options.orders:,} orders": (options.partners, options.orders),
    }
    bases = {kind: f"{PREFIX}_base{number}" for number, kind in enumerate(kinds)}
    target = f"{PREFIX}_target"
    try:
        for kind, base in bases.items():
            make_base(base, *kinds[kind], template=bases["empty"])
        found = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind, base in bases.items():
                drop(target)
                call("createdb", f"--template={base}", target)
                found[kind].append(install(target))
        registry = open_registry(target)
        with transaction(registry) as env:
            machine = describe_machine(env)
    finally:
        for database in (target, *bases.values()):
            drop(database)
    name = f"install-{options.partners // 1000}k"
    save(name, report(machine, options.rounds, found), get_targets(f"{options.partners:,} partners", found), machine)


# ----------------------------------------------------------------------
# The databases
# ----------------------------------------------------------------------


def make_base(database, partners, orders, template):
    drop(database)
    if database == template:
        odoo(database, "-i", APPS)
        return
    call("createdb", f"--template={template}", database)
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        if partners:
            cursor.execute(PARTNERS, {"count": partners})
        cursor.execute("VACUUM (ANALYZE) res_partner")
        if orders:
            cursor.execute(ORDERS, {"count": orders})
        cursor.execute("VACUUM (ANALYZE) sale_order")


def install(database):
    """Install the addon; return the seconds, what was done to the tables, and the statements."""
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        before = look(cursor)
    with tempfile.NamedTemporaryFile("r", suffix=".log", errors="replace") as log:
        started = time.perf_counter()
        odoo(database, "-i", "customer_tiering", "--log-handler=odoo.sql_db:DEBUG", f"--logfile={log.name}")
        seconds = time.perf_counter() - started
        text = log.read()
    time.sleep(1)  # the counters come with the end of the connection
    with closing(connect(database)) as connection, connection.cursor() as cursor:
        after = look(cursor)
        cursor.execute(
            "SELECT relname, seq_scan, seq_tup_read, coalesce(idx_tup_fetch, 0), n_tup_ins + n_tup_upd + n_tup_del"
            "  FROM pg_stat_user_tables WHERE relname = ANY(%s)",
            [list(TABLES)],
        )
        counters = {name: counts for name, *counts in cursor.fetchall()}
    loaded = LOADED.search(text)
    return {
        "seconds": seconds,
        "loading": float(loaded[1]),
        "queries": int(loaded[2]),
        "counters": counters,
        "columns": {table: sorted(after[table][0] - before[table][0]) for table in TABLES},
        "rewritten": [table for table in TABLES if after[table][1] != before[table][1]],
        "statements": get_statements(text),
    }


def look(cursor):
    """Return of each big table the names of its columns, and the file that it is in."""
    looked = {}
    for table in TABLES:
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", [table])
        columns = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT pg_relation_filenode(%s)", [table])
        looked[table] = columns, cursor.fetchone()[0]
    return looked


def get_statements(text):
    """Return ``[(milliseconds, statement)]`` of Odoo's log, the slowest first."""
    matches = map(STATEMENT.match, re.split(r"\n(?=\d{4}-\d\d-\d\d )", text))
    return sorted(((float(match[1]), " ".join(match[2].split())) for match in matches if match), reverse=True)


def connect(database):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    return connection


def odoo(database, *arguments):
    call(BIN / "odoo", "-d", database, *arguments, "--stop-after-init", "--no-http", "--log-level=info", quiet=True)


def drop(database):
    call(BIN / "dropdb", database, quiet=True)


def call(*command, quiet=False):
    # What is only chatter is shown when it fails.
    done = subprocess.run(list(map(str, command)), capture_output=quiet, text=True, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed\n{done.stderr or ''}")


# ----------------------------------------------------------------------
# The report
# ----------------------------------------------------------------------


def report(machine, rounds, found):
    first = next(iter(found))
    rows, notes = [], []
    for kind, installs in found.items():
        ratios = [one["seconds"] / empty["seconds"] for one, empty in zip(installs, found[first], strict=True)]
        last = installs[-1]
        rows.append(
            [
                kind,
                f"{statistics.median(one['seconds'] for one in installs):.1f}",
                f"{statistics.median(one['loading'] for one in installs):.1f}",
                f"{statistics.median(ratios):.2f}",
                f"{last['queries']:,}",
                *(f"{last['counters'][table][1]:,}" for table in TABLES[:2]),
                *(f"{last['counters'][table][3]:,}" for table in TABLES[:2]),
            ]
        )
        slowest = "\n".join(f"| {ms:,.0f} | `{shorten(statement)}` |" for ms, statement in last["statements"][:8])
        columns = "; ".join(f"{table}: {', '.join(names)}" for table, names in last["columns"].items() if names)
        notes.append(
            f"## {kind}\n\nColumns added: {columns or 'none'}. Tables rewritten: "
            f"{', '.join(last['rewritten']) or 'none'}.\n\n| ms | the slowest statements |\n| ---: | --- |\n{slowest}\n"
        )
    header = ["database", "total s", "the addon s", "ratio", "queries", "partners read in scans"]
    header += ["orders read in scans", "partners written", "orders written"]
    return f"""# Installing the addon

{machine}. Median of {rounds} installations of each, in turns; the ratio is the median of the ratios of the total
within a turn. The total has the start of Odoo in it. The target: no longer because of the partners.
Orders get one empty column: PostgreSQL reads them once for its index.

{format_table(header, rows)}

{chr(10).join(notes)}"""


def get_targets(kind, found):
    """Return the targets of the databases of ``kind``, as :func:`common.save` takes them."""
    pairs = zip(found[kind], found["empty"], strict=True)
    slower = statistics.median(one["seconds"] / empty["seconds"] for one, empty in pairs)
    last = found[kind][-1]
    written, added = last["counters"]["res_partner"][3], last["columns"]["res_partner"]
    return [
        (f"installation beside {kind}", "no longer: ≤ 1.05 × the time beside none", f"{slower:.2f}", slower <= 1.05),
        ("the same, partners written", "0", f"{written:,}", not written),
        ("the same, columns added to partners", "0", f"{len(added)}", not added),
    ]


def shorten(statement):
    statement = statement.replace("|", "\\|").replace("`", "'")
    return statement if len(statement) <= 160 else statement[:159] + "…"


if __name__ == "__main__":
    main()
