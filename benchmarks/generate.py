"""Fill a database with customers and orders, fast: ``bin/python benchmarks/generate.py DATABASE``.

The database must have the addon installed and no orders. The ORM creates the few records that
everything refers to; the many rows are inserted by SQL, in one transaction. Two databases made with
the same size, day and seed hold the same customers and orders: what belongs to a customer is drawn
with numpy, what belongs to one order is a hash of the customer's and the order's number.

The size "cdnow" is no drawing: the purchases of a real record shop's 23,570 customers, see demo/cdnow.py.
"""

import argparse
import datetime
import io
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from common import ALIASES, AS_OF, SALESPERSON, SIZE, open_registry, transaction
from faker import Faker
from tqdm import tqdm

from odoo.fields import Command

SIZES = {  # customers, orders
    "2k": (2_000, 20_000),
    "20k": (20_000, 200_000),
    "200k": (200_000, 2_000_000),
    "1m": (1_000_000, 10_000_000),
}
CDNOW = "cdnow"
YEARS = 3
SELLERS = 5
CATEGORIES = 12
PRODUCTS = 60

# Share of the customers whose home it is, currency (None: the database's own), time zone.
COMPANIES = (
    (0.7, None, "UTC"),
    (0.2, None, "America/Los_Angeles"),
    (0.1, "EUR", "Europe/Berlin"),
)

# About the shares of the tiers of the default policy, so that filtering by a country and filtering
# by a tier find similar numbers of customers.
COUNTRIES = {"us": 0.58, "uk": 0.16, "de": 0.15, "fr": 0.11}

# A uniform random number in (0, 1) for the k-th thing of a customer; ``stream`` tells apart the
# random numbers of the same thing.
UNIFORM = """
CREATE FUNCTION pg_temp.uniform(number int, k int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT ((hashint8extended((number::int8 << 20) + k, stream) & 1073741823) + 0.5) / 1073741824.0
$$
"""

CUSTOMER = """
CREATE TEMPORARY TABLE bench_customer (
    number int PRIMARY KEY,
    partner_id int,     -- of the customer itself, the commercial partner
    contact_count int,  -- of a company; a person has none
    contact_id int,     -- partner id of the first contact, the others follow
    country_id int,
    user_id int,
    home int,           -- number of the company that most orders go to
    orders int,         -- all of them, at least 1
    first_day int,      -- of the first order, days before the as-of day
    span int,           -- days from the first order to the last moment of interest
    level float8        -- logarithm of the customer's typical order
)
"""

COMPANY = """
CREATE TEMPORARY TABLE bench_company (
    number int PRIMARY KEY,
    company_id int,
    currency_id int,
    foreign_id int,     -- the other currency
    inverse bool,       -- of the rate between the two
    journal_id int
)
"""

# What one unit of the company's currency is worth in the other one, on a day.
RATE = """
CREATE FUNCTION pg_temp.rate(day date, inverse bool) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT round((CASE WHEN inverse THEN 1 / worth ELSE worth END)::numeric, 6)
      FROM (SELECT 1.1 + 0.1 * sin(extract(epoch FROM day) / 5e6) AS worth) there
$$
"""
CURRENCY_RATES = """
INSERT INTO res_currency_rate (name, currency_id, company_id, rate, create_date, write_date, create_uid, write_uid)
SELECT day, foreign_id, company_id, pg_temp.rate(day::date, inverse), day, day, 1, 1
  FROM bench_company, generate_series(%(first_day)s::date, %(as_of)s::date, interval '1 day') day
 ORDER BY day, company_id
"""

PARTNERS = """
INSERT INTO res_partner (
    id, name, complete_name, commercial_company_name, commercial_partner_id, parent_id, is_company, type, active,
    partner_share, customer_rank, supplier_rank, message_bounce, color, autopost_bills, lang, email, email_normalized,
    city, country_id, user_id, create_date, write_date, create_uid, write_uid)
SELECT id, name, CASE WHEN parent_id IS NULL THEN name ELSE company || ', ' || name END, company,
       COALESCE(parent_id, id), parent_id, company IS NOT NULL AND parent_id IS NULL, 'contact', TRUE,
       TRUE, CASE WHEN parent_id IS NULL THEN 1 ELSE 0 END, 0, 0, 0, 'ask', 'en_US', email, email,
       'City ' || number %% 500, country_id, user_id, created, created, 1, 1
  FROM (
        SELECT number, partner_id AS id, NULL::int AS parent_id,
               CASE WHEN contact_count > 0 THEN company END AS company,
               CASE WHEN contact_count > 0 THEN company ELSE person END AS name,
               'customer.' || number || '@example.com' AS email,
               country_id, user_id, created
          FROM named
     UNION ALL
        SELECT number, contact_id + k - 1, partner_id, company,
               (%(first_names)s)[1 + floor(40 * pg_temp.uniform(number, k, 15))] || ' '
                   || (%(last_names)s)[1 + floor(400 * pg_temp.uniform(number, k, 16))],
               'contact.' || number || '.' || k || '@example.com',
               country_id, user_id, created
          FROM named, generate_series(1, contact_count) k
       ) partner
 ORDER BY id
"""
NAMED = """
WITH named AS MATERIALIZED (
    SELECT *,
           (%(first_names)s)[1 + floor(40 * pg_temp.uniform(number, 0, 11))] || ' '
               || (%(last_names)s)[1 + floor(400 * pg_temp.uniform(number, 0, 12))] AS person,
           (%(last_names)s)[1 + floor(400 * pg_temp.uniform(number, 0, 13))] || ' & '
               || (%(last_names)s)[1 + floor(400 * pg_temp.uniform(number, 0, 14))] AS company,
           %(as_of)s::date - first_day - 1 + pg_temp.uniform(number, 0, 17) * interval '1 day' AS created
      FROM bench_customer)
"""

# Numbered in the order of their dates, as orders come in: neighbours on disk are neighbours in time.
ORDERS = """
CREATE TEMPORARY TABLE bench_order AS
SELECT %(last_order)s + row_number() OVER (ORDER BY moment, drawn.number, k) AS id, drawn.*, company_id, journal_id,
       CASE WHEN is_foreign THEN foreign_id ELSE currency_id END AS currency_id,
       CASE WHEN is_foreign THEN pg_temp.rate(moment::date, inverse) ELSE 1 END AS rate
  FROM (%(drawn)s) drawn
  JOIN bench_company ON bench_company.number = drawn.company
"""
DRAWN = """
        SELECT number, k, partner_id AS customer_id, user_id,
               CASE WHEN contact_count > 0
                    THEN contact_id + floor(contact_count * pg_temp.uniform(number, k, 1))::int
                    ELSE partner_id END AS partner_id,
               %(as_of)s::date - first_day
                   + CASE WHEN k = 1 THEN 0 ELSE floor((span + 1) * pg_temp.uniform(number, k, 2))::int END
                   + interval '6 hours' + pg_temp.uniform(number, k, 3) * interval '14 hours' AS moment,
               -- every customer's first order is confirmed, so all of them are customers
               CASE WHEN k = 1 OR pg_temp.uniform(number, k, 4) < 0.97 THEN 'sale'
                    WHEN pg_temp.uniform(number, k, 4) < 0.99 THEN 'cancel' ELSE 'draft' END AS state,
               pg_temp.uniform(number, k, 5) < 0.10 AS is_foreign,
               -- log-normal around the customer's level (Box and Muller); 0.5 %% are for nothing
               CASE WHEN pg_temp.uniform(number, k, 6) < 0.005 THEN 0
                    ELSE round(exp(level + 0.6 * sqrt(-2 * ln(pg_temp.uniform(number, k, 7)))
                                         * cos(2 * pi() * pg_temp.uniform(number, k, 8)))::numeric, 2) END AS amount,
               -- 5 %% of the later orders go to one of the two other companies
               CASE WHEN k > 1 AND pg_temp.uniform(number, k, 10) < 0.05
                    THEN (home + floor(2 * pg_temp.uniform(number, k, 18))::int) %% 3 + 1
                    ELSE home END AS company
          FROM bench_customer, generate_series(1, orders) k
"""
# Of the record shop: purchases as they were copied.
PURCHASED = """
        SELECT purchase.number, purchase.k, partner_id AS customer_id, user_id, partner_id,
               purchase.day + interval '12 hours' AS moment, 'sale' AS state, FALSE AS is_foreign, purchase.amount,
               home AS company
          FROM bench_purchase purchase
          JOIN bench_customer ON bench_customer.number = purchase.number
"""
PURCHASE = "CREATE TEMPORARY TABLE bench_purchase (number int, k int, day date, amount numeric)"

SALE_ORDERS = """
INSERT INTO sale_order (
    id, name, company_id, partner_id, partner_invoice_id, partner_shipping_id, user_id, state, invoice_status,
    date_order, currency_id, currency_rate, amount_untaxed, amount_tax, amount_total,
    create_date, write_date, create_uid, write_uid)
SELECT id, 'B' || id, company_id, partner_id, customer_id, partner_id, user_id, state,
       CASE state WHEN 'sale' THEN 'to invoice' ELSE 'no' END,
       moment, currency_id, rate, amount, 0, amount, moment, moment, 1, 1
  FROM bench_order
 WHERE moment >= %(start)s AND moment < %(end)s
 ORDER BY id
"""

# Two lines where the amount can be divided, of products that follow the order's number.
LINES = """
INSERT INTO sale_order_line (
    order_id, sequence, company_id, currency_id, order_partner_id, salesman_id, product_id, product_uom_id, name,
    product_uom_qty, price_unit, discount, price_subtotal, price_tax, price_total, price_reduce_taxexcl,
    price_reduce_taxinc, qty_delivered, qty_invoiced, qty_to_invoice, state, invoice_status, customer_lead,
    create_date, write_date, create_uid, write_uid)
SELECT id, 10 * part, company_id, currency_id, partner_id, user_id,
       (%(products)s)[1 + (id + part) %% cardinality(%(products)s)], %(uom)s, 'Product',
       1, price, 0, price, 0, price, price, price, 0, 0, 0, state,
       CASE state WHEN 'sale' THEN 'to invoice' ELSE 'no' END, 0, moment, moment, 1, 1
  FROM (
        SELECT *, CASE part WHEN 1 THEN round(amount * 0.7, 2) ELSE amount - round(amount * 0.7, 2) END AS price
          FROM bench_order, generate_series(1, 2) part
         WHERE moment >= %(start)s AND moment < %(end)s
       ) line
 ORDER BY id, part
"""

# Half of 5 % of the confirmed orders comes back ten days later.
CREDIT_NOTES = """
INSERT INTO account_move (
    name, sequence_prefix, sequence_number, company_id, journal_id, move_type, state, auto_post, payment_state,
    partner_id, commercial_partner_id, invoice_user_id, date, invoice_date, currency_id,
    amount_untaxed, amount_tax, amount_total, amount_untaxed_signed, amount_untaxed_in_currency_signed,
    amount_total_signed, create_date, write_date, create_uid, write_uid)
SELECT 'RBENCH/' || id, 'RBENCH/', id, company_id, journal_id, 'out_refund', 'posted', 'no', 'not_paid',
       partner_id, customer_id, user_id, day, day, currency_id,
       half, 0, half, -round(half / rate, 2), -half, -round(half / rate, 2), moment, moment, 1, 1
  FROM (
        SELECT *, round(amount / 2, 2) AS half, (moment + interval '10 days')::date AS day
          FROM bench_order
         WHERE state = 'sale' AND amount > 0 AND pg_temp.uniform(number, k, 9) < 0.05
       ) returned
 WHERE day <= %(as_of)s
 ORDER BY day, id
"""

# Of each credit note one line, which comes from the first line of its order, if orders have lines.
CREDIT_LINES = """
WITH line AS (
    INSERT INTO account_move_line (
        move_id, move_name, ref, company_id, company_currency_id, currency_id, journal_id, account_id, partner_id, date,
        parent_state, display_type, sequence, name, quantity, price_unit, price_subtotal, price_total,
        balance, debit, credit, amount_currency, create_date, write_date, create_uid, write_uid)
    SELECT move.id, move.name, move.name, move.company_id, company.currency_id, move.currency_id, move.journal_id,
           account.id, move.commercial_partner_id, move.date, 'posted', 'product', 10, 'Return', 1,
           move.amount_untaxed, move.amount_untaxed, move.amount_untaxed, -move.amount_untaxed_signed,
           -move.amount_untaxed_signed, 0, move.amount_untaxed, move.create_date, move.write_date, 1, 1
      FROM account_move move
      JOIN res_company company ON company.id = move.company_id
 LEFT JOIN LATERAL (SELECT id FROM account_account WHERE account_type = 'income' LIMIT 1) account ON TRUE
     WHERE move.name LIKE 'RBENCH/%%'
  ORDER BY move.id
    RETURNING id, move_name)
INSERT INTO sale_order_line_invoice_rel (invoice_line_id, order_line_id)
SELECT line.id, sale_order_line.id
  FROM line
  JOIN sale_order_line ON sale_order_line.order_id = split_part(move_name, '/', 2)::int AND sequence = 10
"""

# One message for every second order, two of five written by a person; and notes on the customers.
MESSAGES = """
INSERT INTO mail_message (
    model, res_id, message_type, subtype_id, author_id, body, is_internal, date,
    create_date, write_date, create_uid, write_uid)
SELECT model, res_id, message_type, %(note)s, %(author)s, '<p>Noted.</p>', TRUE, moment, moment, moment, 1, 1
  FROM (
        SELECT 'sale.order' AS model, id AS res_id, moment,
               CASE WHEN pg_temp.uniform(number, k, 21) < 0.6 THEN 'notification'
                    WHEN pg_temp.uniform(number, k, 21) < 0.8 THEN 'email' ELSE 'comment' END AS message_type
          FROM bench_order
         WHERE pg_temp.uniform(number, k, 20) < 0.5
     UNION ALL
        SELECT 'res.partner', customer_id, moment + interval '2 hours', 'comment'
          FROM bench_order
         WHERE pg_temp.uniform(number, k, 22) < 0.05
       ) message
 ORDER BY moment, res_id
"""

# For three of ten customers, two thirds of them done.
ACTIVITIES = """
INSERT INTO mail_activity (
    res_model, res_model_id, res_id, res_name, activity_type_id, user_id, summary, active, date_deadline, date_done,
    create_date, write_date, create_uid, write_uid)
SELECT 'res.partner', %(partner_model)s, partner_id, '', %(activity_type)s, user_id, 'Call', day > %(as_of)s,
       day, CASE WHEN day <= %(as_of)s THEN day END, day, day, 1, 1
  FROM (
        SELECT *, %(as_of)s::date + 20 - floor(420 * pg_temp.uniform(number, 0, 31))::int AS day
          FROM bench_customer
         WHERE pg_temp.uniform(number, 0, 30) < 0.3
       ) contacted
 ORDER BY day, number
"""

# With one of five customers, an hour or two; the salesperson and the customer's first contact attend.
MEETINGS = """
WITH met AS (
    SELECT number, user_id, CASE WHEN contact_count > 0 THEN contact_id ELSE partner_id END AS partner_id,
           %(as_of)s::date - floor(420 * pg_temp.uniform(number, 0, 41))::int + interval '10 hours' AS start,
           1 + floor(2 * pg_temp.uniform(number, 0, 42))::int AS hours
      FROM bench_customer
     WHERE pg_temp.uniform(number, 0, 40) < 0.2
), event AS (
    INSERT INTO calendar_event (
        name, user_id, active, privacy, show_as, start, stop, duration, allday, videocall_location,
        create_date, write_date, create_uid, write_uid)
    SELECT 'Visit ' || number, user_id, TRUE, 'public', 'busy', start, start + hours * interval '1 hour', hours, FALSE,
           '', start, start, 1, 1
      FROM met
     ORDER BY start, number
 RETURNING id, name
)
INSERT INTO calendar_event_res_partner_rel (calendar_event_id, res_partner_id)
SELECT event.id, attendee.partner_id
  FROM event
  JOIN met ON event.name = 'Visit ' || met.number
  JOIN res_users seller ON seller.id = met.user_id
 CROSS JOIN LATERAL (VALUES (met.partner_id), (seller.partner_id)) attendee (partner_id)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    parser.add_argument(
        "--size",
        choices=[*SIZES, *ALIASES, CDNOW],
        default="200k",
        help="number of customers, or the real ones of CDNOW (default: 200k)",
    )
    parser.add_argument("--no-lines", action="store_true", help="leave out the lines of the orders, two each")
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument(
        "--as-of",
        type=datetime.date.fromisoformat,
        default=datetime.date.today(),
        help="the day of the last orders, YYYY-MM-DD (default: today; of CDNOW the day of its last purchase)",
    )
    options = parser.parse_args()
    size, as_of, purchases = ALIASES.get(options.size, options.size), options.as_of, None
    if size == CDNOW:
        purchases = read_purchases()
        as_of = purchases["day"].max()

    registry = open_registry(options.database)
    with transaction(registry) as env:
        if env["sale.order"].search_count([], limit=1):
            raise SystemExit(f"{options.database} has orders already: drop it and install the addon in a new one.")
        generate(env, size, as_of, options.seed, not options.no_lines, purchases)
        env["ir.config_parameter"].set_param(SIZE, size)
        env["ir.config_parameter"].set_param(AS_OF, as_of.isoformat())
        env.cr.commit()
        env.cr._cnx.autocommit = True  # VACUUM must not run in a transaction
        env.cr.execute("VACUUM (ANALYZE)")


def generate(env, size, as_of, seed, with_lines, purchases):
    """Insert everything.

    :param purchases: a frame of real purchases, or None: they are drawn
    """
    start = as_of - datetime.timedelta(days=365 * YEARS)
    params = {"as_of": as_of, "first_day": start, **create_records(env)}
    companies = create_companies(env, 1 if size == CDNOW else len(COMPANIES))
    fake = Faker("en_US")
    fake.seed_instance(seed)
    params["first_names"] = [fake.first_name() for _ in range(40)]
    params["last_names"] = [fake.last_name() for _ in range(400)]
    params["last_order"] = get_last_id(env, "sale_order")

    rng = np.random.default_rng(seed)
    if size == CDNOW:
        customers = describe_customers(rng, purchases, as_of)
    else:
        customers = draw_customers(rng, *SIZES[size])
    customers["country_id"] = np.array([env.ref(f"base.{code}").id for code in COUNTRIES])[customers["country_id"]]
    customers["user_id"] = np.array(params["sellers"])[customers["user_id"]]
    for column in ("partner_id", "contact_id"):
        customers[column] += get_last_id(env, "res_partner")

    months = pd.date_range(start, as_of + datetime.timedelta(days=1), periods=12 * YEARS + 1).floor("D")
    statements = [
        ("rates", CURRENCY_RATES, {}),
        ("customers", NAMED + PARTNERS, {}),
        ("orders, drawn", ORDERS.replace("%(drawn)s", DRAWN if purchases is None else PURCHASED), {}),
        *(
            (f"orders from {first:%Y-%m}", statement, {"start": first.to_pydatetime(), "end": end.to_pydatetime()})
            for first, end in pairwise(months)
            for statement in ((SALE_ORDERS, LINES) if with_lines else (SALE_ORDERS,))
        ),
    ]
    if purchases is None:  # nothing else is known of the real customers
        statements += [
            ("credit notes", CREDIT_NOTES, {}),
            ("lines of credit notes", CREDIT_LINES, {}),
            ("messages", MESSAGES, {}),
            ("activities", ACTIVITIES, {}),
            ("meetings", MEETINGS, {}),
        ]
    for statement in (UNIFORM, RATE, COMPANY, CUSTOMER, PURCHASE):
        env.cr.execute(statement)
    copy(env, "bench_company", companies)
    copy(env, "bench_customer", customers)
    if purchases is not None:
        copy(env, "bench_purchase", purchases)
    with tqdm(statements, unit="", dynamic_ncols=True, disable=None) as bar:  # only on a terminal
        for label, statement, extra in bar:
            bar.set_description(label)
            env.cr.execute(statement, {**params, **extra})
    for table in ("res_partner", "sale_order"):  # the tables whose ids were not taken from the sequence
        env.cr.execute(f"SELECT setval('{table}_id_seq', max(id)) FROM {table}")


def create_records(env):
    """Create what the generated rows refer to; return the ids by name."""
    sellers = (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            [
                {
                    "login": SALESPERSON.replace("1", str(number)),
                    "name": f"Salesperson {number}",
                    "group_ids": [Command.link(env.ref("sales_team.group_sale_salesman_all_leads").id)],
                }
                for number in range(1, SELLERS + 1)
            ]
        )
    )
    categories = env["product.category"].create(
        [{"name": f"Benchmark {number}"} for number in range(1, CATEGORIES + 1)]
    )
    # Neighbours, of which the lines of an order are, belong to different categories.
    products = env["product.product"].create(
        [
            {"name": f"Product {number}", "categ_id": categories[number % CATEGORIES].id}
            for number in range(1, PRODUCTS + 1)
        ]
    )
    env.flush_all()
    return {
        "sellers": sellers.ids,
        "products": products.ids,
        "uom": products[0].uom_id.id,
        "note": env.ref("mail.mt_note").id,
        "author": sellers[0].partner_id.id,
        "partner_model": env["ir.model"]._get_id("res.partner"),
        "activity_type": env.ref("mail.mail_activity_data_call").id,
    }


def create_companies(env, count):
    """Create the companies but the first, which is there; return a frame with the columns of ``bench_company``.

    The salespeople work in all of them.
    """
    main = env.company
    other = env.ref("base.EUR") if main.currency_id != env.ref("base.EUR") else env.ref("base.USD")
    other.active = True
    rows = []
    for number, (_share, currency, timezone) in enumerate(COMPANIES[:count], 1):
        own = other if currency else main.currency_id
        company = main
        if number > 1:
            company = env["res.company"].create({"name": f"Benchmark {number}", "currency_id": own.id})
            env["account.journal"].create(
                {"name": "Customer Invoices", "code": "INV", "type": "sale", "company_id": company.id}
            )
        company.partner_id.tz = timezone
        journal = env["account.journal"].search([("type", "=", "sale"), ("company_id", "=", company.id)], limit=1)
        rows.append(
            {
                "number": number,
                "company_id": company.id,
                "currency_id": own.id,
                "foreign_id": (main.currency_id if own == other else other).id,
                "inverse": own == other,
                "journal_id": journal.id,
            }
        )
    sellers = env["res.users"].search([("login", "=like", SALESPERSON.replace("1", "%"))])
    sellers.company_ids = env["res.company"].browse(row["company_id"] for row in rows)
    env.flush_all()
    return pd.DataFrame(rows)


def draw_customers(rng, count, order_count):
    """Return a frame with the columns of ``bench_customer``; ids count from 1, countries and sellers from 0.

    Every customer has one order; the others are distributed by rates that follow a gamma
    distribution, which leaves about 40 % with that one order and gives a few hundreds.
    """
    rates = rng.gamma(0.25, size=count)
    contact_count = np.where(rng.random(count) < 0.2, rng.integers(1, 4, count), 0)
    first_day = rng.integers(0, 365 * YEARS, count)
    return pd.DataFrame(
        {
            "number": np.arange(1, count + 1),
            "partner_id": np.arange(1, count + 1),
            "contact_count": contact_count,
            "contact_id": 1 + count + np.cumsum(contact_count) - contact_count,
            "country_id": rng.choice(len(COUNTRIES), count, p=list(COUNTRIES.values())),
            "user_id": rng.integers(0, SELLERS, count),
            "home": 1 + rng.choice(len(COMPANIES), count, p=[share for share, *_ in COMPANIES]),
            "orders": 1 + rng.multinomial(order_count - count, rates / rates.sum()),
            "first_day": first_day,
            "span": (first_day * np.sqrt(rng.random(count))).astype(int),
            "level": rng.normal(4, 0.8, count).round(4),
        }
    )


def read_purchases():
    """Return the real purchases as a frame with the columns of ``bench_purchase``."""
    sys.path.append(str(Path(__file__).parents[1] / "demo"))
    import cdnow  # noqa: PLC0415 - fetches a file

    return pd.DataFrame(
        [
            (purchase.customer, purchase.number, purchase.date, purchase.cents / 100)
            for purchase in cdnow.read("master")
        ],
        columns=["number", "k", "day", "amount"],
    )


def describe_customers(rng, purchases, as_of):
    """Return the customers of real purchases with the columns of ``bench_customer``: persons of one company."""
    customers = purchases.groupby("number").agg(orders=("k", "size"), first=("day", "min")).reset_index()
    count = len(customers)
    return pd.DataFrame(
        {
            "number": customers["number"],
            "partner_id": np.arange(1, count + 1),
            "contact_count": 0,
            "contact_id": 0,
            "country_id": rng.choice(len(COUNTRIES), count, p=list(COUNTRIES.values())),
            "user_id": rng.integers(0, SELLERS, count),
            "home": 1,
            "orders": customers["orders"],
            "first_day": [(as_of - day).days for day in customers["first"]],
            "span": 0,
            "level": 0,
        }
    )


def copy(env, table, frame):
    buffer = io.StringIO()
    frame.to_csv(buffer, header=False, index=False)
    buffer.seek(0)
    env.cr.copy_expert(f"COPY {table} ({', '.join(frame.columns)}) FROM STDIN WITH (FORMAT csv)", buffer)
    env.cr.execute(f"ANALYZE {table}")


def get_last_id(env, table):
    env.cr.execute(f"SELECT COALESCE(max(id), 0) FROM {table}")
    return env.cr.fetchone()[0]


if __name__ == "__main__":
    main()
