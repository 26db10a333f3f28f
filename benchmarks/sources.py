"""The same purchases as orders, as invoices and as tickets, read in turns: ``bin/python benchmarks/sources.py``.

Makes a database of its own, with the point of sale, and drops it: generate.py fills it, then each confirmed order gets
an invoice with its two lines and a ticket with two lines, and what was credited is credited and given back there as
well. The figures go to ``results/sources-SIZE``.
"""

import argparse
import datetime
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
from common import AS_OF, describe_machine, format_table, get_parameter, open_registry, save, transaction

from odoo.sql_db import close_all

ROOT = Path(__file__).parent.parent
LIMIT = 1.2  # times the orders

#: An invoice for each confirmed order, on its day; the orders are told from the name.
INVOICES = """
INSERT INTO account_move (
    name, sequence_prefix, sequence_number, company_id, journal_id, move_type, state, auto_post, payment_state,
    partner_id, commercial_partner_id, date, invoice_date, currency_id, invoice_currency_rate,
    amount_untaxed, amount_tax, amount_total, amount_untaxed_signed, amount_untaxed_in_currency_signed,
    amount_total_signed, create_date, write_date, create_uid, write_uid)
SELECT 'IBENCH/' || placed.id, 'IBENCH/', placed.id, placed.company_id, journal.id, 'out_invoice', 'posted', 'no',
       'not_paid', placed.partner_invoice_id, placed.partner_invoice_id, date_order::date, date_order::date,
       placed.currency_id, currency_rate, amount_untaxed, 0, amount_untaxed, round(amount_untaxed / currency_rate, 2),
       amount_untaxed, round(amount_untaxed / currency_rate, 2), date_order, date_order, 1, 1
  FROM sale_order placed
  JOIN (SELECT DISTINCT ON (company_id) company_id, id FROM account_journal WHERE type = 'sale' ORDER BY 1, 2) journal
    ON journal.company_id = placed.company_id
 WHERE placed.state = 'sale'
 ORDER BY placed.id
"""

#: Of each invoice three lines: what was ordered, and the receivable.
INVOICE_LINES = """
WITH line AS (
    INSERT INTO account_move_line (
        move_id, move_name, ref, company_id, company_currency_id, currency_id, journal_id, account_id, partner_id, date,
        parent_state, display_type, sequence, product_id, name, quantity, price_unit, price_subtotal, price_total,
        balance, debit, credit, amount_currency, create_date, write_date, create_uid, write_uid)
    SELECT move.id, move.name, ordered.id::text, move.company_id, company.currency_id, move.currency_id,
           move.journal_id, account.id, move.commercial_partner_id, move.date, 'posted', 'product', ordered.sequence,
           ordered.product_id, 'Product', 1, ordered.price_subtotal, ordered.price_subtotal, ordered.price_subtotal,
           -round(ordered.price_subtotal / move.invoice_currency_rate, 2), 0,
           round(ordered.price_subtotal / move.invoice_currency_rate, 2), -ordered.price_subtotal,
           move.create_date, move.create_date, 1, 1
      FROM account_move move
      JOIN sale_order_line ordered ON ordered.order_id = move.sequence_number
      JOIN res_company company ON company.id = move.company_id
CROSS JOIN (SELECT id FROM account_account WHERE account_type = 'income' LIMIT 1) account
     WHERE move.name LIKE 'IBENCH/%'
  ORDER BY move.id, ordered.sequence
    RETURNING id, ref)
INSERT INTO sale_order_line_invoice_rel (invoice_line_id, order_line_id) SELECT id, ref::int FROM line
"""
RECEIVABLES = """
INSERT INTO account_move_line (
    move_id, move_name, company_id, company_currency_id, currency_id, journal_id, account_id, partner_id, date,
    parent_state, display_type, sequence, name, quantity, price_unit, price_subtotal, price_total,
    balance, debit, credit, amount_currency, create_date, write_date, create_uid, write_uid)
SELECT move.id, move.name, move.company_id, company.currency_id, move.currency_id,
       move.journal_id, account.id, move.commercial_partner_id, move.date, 'posted', 'payment_term', 100,
       'Receivable', 0, 0, 0, 0, move.amount_total_signed, move.amount_total_signed, 0, move.amount_total,
       move.create_date, move.create_date, 1, 1
  FROM account_move move
  JOIN res_company company ON company.id = move.company_id
CROSS JOIN (SELECT id FROM account_account WHERE account_type = 'asset_receivable' LIMIT 1) account
 WHERE move.name LIKE 'IBENCH/%'
 ORDER BY move.id
"""

#: The credit notes of the orders reverse their invoices.
REVERSE = """
UPDATE account_move credit SET reversed_entry_id = invoice.id
  FROM account_move invoice
 WHERE credit.name LIKE 'RBENCH/%' AND invoice.name = 'IBENCH/' || split_part(credit.name, '/', 2)
"""

TICKETS = """
INSERT INTO pos_order (
    id, name, company_id, partner_id, state, date_order, currency_rate, amount_tax, amount_total, amount_paid,
    amount_return, create_date, write_date, create_uid, write_uid)
SELECT placed.id, 'T' || placed.id, placed.company_id, placed.partner_id, 'done', date_order, currency_rate,
       0, amount_untaxed, amount_untaxed, 0, date_order, date_order, 1, 1
  FROM sale_order placed
 WHERE placed.state = 'sale'
 ORDER BY placed.id
"""
TICKET_LINES = """
INSERT INTO pos_order_line (
    id, name, company_id, order_id, product_id, qty, price_unit, discount, price_subtotal, price_subtotal_incl,
    create_date, write_date, create_uid, write_uid)
SELECT ordered.id, 'L' || ordered.id, ordered.company_id, order_id, product_id, 1, price_subtotal, 0, price_subtotal,
       price_subtotal, ordered.create_date, ordered.create_date, 1, 1
  FROM sale_order_line ordered
 WHERE state = 'sale'
 ORDER BY order_id, id
"""
REFUNDS = """
INSERT INTO pos_order (
    id, name, company_id, partner_id, state, date_order, currency_rate, amount_tax, amount_total, amount_paid,
    amount_return, create_date, write_date, create_uid, write_uid)
SELECT (SELECT MAX(id) FROM sale_order) + credit.sequence_number, credit.name, sold.company_id, sold.partner_id, 'done',
       credit.invoice_date + interval '12 hours', sold.currency_rate, 0, -credit.amount_untaxed,
       -credit.amount_untaxed, 0, credit.create_date, credit.create_date, 1, 1
  FROM account_move credit
  JOIN pos_order sold ON sold.id = credit.sequence_number
 WHERE credit.name LIKE 'RBENCH/%'
 ORDER BY credit.id
"""
REFUND_LINES = """
INSERT INTO pos_order_line (
    id, name, company_id, order_id, product_id, qty, price_unit, discount, price_subtotal, price_subtotal_incl,
    refunded_orderline_id, create_date, write_date, create_uid, write_uid)
SELECT (SELECT MAX(id) FROM sale_order_line) + sold.order_id, 'R' || sold.id, sold.company_id, refund.id,
       sold.product_id, -1, -refund.amount_total, 0, refund.amount_total, refund.amount_total, sold.id,
       refund.create_date, refund.create_date, 1, 1
  FROM account_move credit
  JOIN LATERAL (SELECT * FROM pos_order_line WHERE order_id = credit.sequence_number ORDER BY id LIMIT 1) sold ON TRUE
  JOIN pos_order refund ON refund.name = credit.name
 WHERE credit.name LIKE 'RBENCH/%'
 ORDER BY sold.id
"""

#: What the companies' policies read, what is done to the data before, and what it is called in the report.
SOURCES = (
    ("order", (), "Orders, their credit notes"),
    ("invoice", (), "Invoices that come from orders"),
    ("order_invoice", (), "Orders and invoices; each invoice comes from an order"),
    ("invoice", ("DELETE FROM sale_order_line_invoice_rel",), "Invoices, no line of which comes from an order"),
    ("pos", (), "Tickets"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=["2k", "20k", "200k"], default="200k")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the database, and take the one that was kept")
    options = parser.parse_args()
    database = f"customer_tiering_bench_sources_{options.size}"
    if not options.keep or not exists(database):
        make_database(database, options.size)
    registry = open_registry(database)
    with transaction(registry) as env:
        machine = describe_machine(env)
        as_of = datetime.date.fromisoformat(get_parameter(env, AS_OF))
    seconds = measure(registry, as_of, options.turns)
    report(options.size, machine, seconds, options.turns)
    if not options.keep:
        close_all()
        call("dropdb", database)


def exists(database):
    try:
        open_registry(database)
    except psycopg2.OperationalError:
        return False
    return True


def call(script, *arguments):
    subprocess.run([ROOT / "bin" / script, *arguments], check=True)


def make_database(database, size):
    call("dropdb", database)
    install = ["-i", "point_of_sale,customer_tiering_pos", "--stop-after-init", "--no-http", "--log-level", "warn"]
    call("odoo", "-d", database, *install)
    registry = open_registry(database)
    with registry.cursor() as cr:  # generate.py knows nothing of deliveries, which come with the point of sale
        cr.execute("ALTER TABLE sale_order ALTER picking_policy SET DEFAULT 'direct'")
    call("python", ROOT / "benchmarks" / "generate.py", database, "--size", size)
    fill(registry)


def fill(registry):
    """Add the invoices and the tickets."""
    with transaction(registry) as env:
        for number, statement in enumerate(
            (INVOICES, INVOICE_LINES, RECEIVABLES, REVERSE, TICKETS, TICKET_LINES, REFUNDS, REFUND_LINES), start=1
        ):
            env.cr.execute(statement)
            print(f"{number}: {env.cr.rowcount} rows", file=sys.stderr)
            env.cr.execute("ANALYZE sale_order, account_move, account_move_line, pos_order, pos_order_line")
        env.cr.commit()
        env.cr._cnx.autocommit = True
        env.cr.execute("VACUUM (ANALYZE)")


def measure(registry, as_of, turns):
    """Return the seconds of reading and of the whole run, of all companies: ``[(reading of each turn, runs)]``."""
    seconds = [([], []) for _source in SOURCES]
    for turn in range(turns + 1):  # the first one warms up
        for number, (source, before, _title) in enumerate(SOURCES):
            with transaction(registry) as env:
                for statement in before:
                    env.cr.execute(statement)
                policies = env["customer.tiering.policy"].search([])
                policies.write({"revenue_from": source})
                env.flush_all()
                found = read(env, policies, as_of), run(env, policies, as_of)
            for kept, one in zip(seconds[number], found, strict=True):
                if turn:
                    kept.append(one)
    return seconds


def read(env, policies, as_of):
    started = time.perf_counter()
    for policy in policies:
        env["customer.tiering.reader"]._read_customers(policy._get_scope(as_of))
    return time.perf_counter() - started


def run(env, policies, as_of):
    env.cr.execute("DELETE FROM customer_tiering_scorecard")
    runs = env["customer.tiering.run"]._queue(policies, trigger="nightly")
    env.flush_all()
    started = time.perf_counter()
    for one in runs:
        one._compute(as_of=as_of)
        env.flush_all()
    return time.perf_counter() - started


def report(size, machine, seconds, turns):
    medians = [tuple(map(statistics.median, figures)) for figures in seconds]
    rows, targets = [], []
    for (_source, _before, title), (reading, whole) in zip(SOURCES, medians, strict=True):
        of_reading, of_whole = reading / medians[0][0], whole / medians[0][1]
        rows.append((title, f"{reading:.2f}", f"{of_reading:.2f}", f"{whole:.2f}", f"{of_whole:.2f}"))
        targets.append(
            (f"run, {title[0].lower()}{title[1:]}", f"≤ {LIMIT} × orders", f"{of_whole:.2f}", of_whole <= LIMIT)
        )
    text = f"""# Orders, invoices and tickets as source, {size} customers

{machine}. Medians of {turns} turns, all companies, seconds; rolled back. Each confirmed order is an invoice and a
ticket of two lines, too, and each credit note reverses its invoice and is a refund of its ticket.

{format_table(["revenue from", "reading", "÷ orders", "full run", "÷ orders"], rows)}
"""
    save(f"sources-{size}", text, targets[1:], machine)


if __name__ == "__main__":
    main()
