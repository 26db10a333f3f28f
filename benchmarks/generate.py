"""Fill a database with customers and orders, fast: ``bin/python benchmarks/generate.py DATABASE``.

The database must have the addon installed and no orders. The ORM creates the few records that
everything refers to; the many rows are inserted by SQL, in one transaction. Two databases made with
the same size, day and seed hold the same customers and orders: what belongs to a customer is drawn
with numpy, what belongs to one order is a hash of the customer's and the order's number.
"""

import argparse
import datetime
import io
from itertools import pairwise

import numpy as np
import pandas as pd
from common import AS_OF, SALESPERSON, SIZE, open_registry, transaction
from faker import Faker
from tqdm import tqdm

from odoo.fields import Command

SIZES = {  # customers, orders
    "2k": (2_000, 20_000),
    "20k": (20_000, 200_000),
    "200k": (200_000, 2_000_000),
    "1m": (1_000_000, 10_000_000),
}
YEARS = 3
SELLERS = 5

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
    orders int,         -- all of them, at least 1
    first_day int,      -- of the first order, days before the as-of day
    span int,           -- days from the first order to the last moment of interest
    level float8        -- logarithm of the customer's typical order
)
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
SELECT %(last_order)s + row_number() OVER (ORDER BY moment, number, k) AS id, *
  FROM (
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
                                         * cos(2 * pi() * pg_temp.uniform(number, k, 8)))::numeric, 2) END AS amount
          FROM bench_customer, generate_series(1, orders) k
       ) drawn
"""

SALE_ORDERS = """
INSERT INTO sale_order (
    id, name, company_id, partner_id, partner_invoice_id, partner_shipping_id, user_id, state, invoice_status,
    date_order, currency_id, currency_rate, amount_untaxed, amount_tax, amount_total,
    create_date, write_date, create_uid, write_uid)
SELECT id, 'B' || id, %(company)s, partner_id, customer_id, partner_id, user_id, state,
       CASE state WHEN 'sale' THEN 'to invoice' ELSE 'no' END,
       moment, CASE WHEN is_foreign THEN %(foreign)s ELSE %(currency)s END,
       CASE WHEN is_foreign THEN round((1.1 + 0.1 * sin(extract(epoch FROM moment) / 5e6))::numeric, 6) ELSE 1 END,
       amount, 0, amount, moment, moment, 1, 1
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
SELECT id, 10 * part, %(company)s, CASE WHEN is_foreign THEN %(foreign)s ELSE %(currency)s END, partner_id, user_id,
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
SELECT 'RBENCH/' || id, 'RBENCH/', id, %(company)s, %(journal)s, 'out_refund', 'posted', 'no', 'not_paid',
       partner_id, customer_id, user_id, day, day, %(currency)s,
       half, 0, half, -half, -half, -half, moment, moment, 1, 1
  FROM (
        SELECT *, round(amount / 2, 2) AS half, (moment + interval '10 days')::date AS day
          FROM bench_order
         WHERE state = 'sale' AND amount > 0 AND pg_temp.uniform(number, k, 9) < 0.05
       ) returned
 WHERE day <= %(as_of)s
 ORDER BY day, id
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
    parser.add_argument("--size", choices=SIZES, default="200k", help="number of customers (default: 200k)")
    parser.add_argument("--no-lines", action="store_true", help="leave out the lines of the orders, two each")
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument(
        "--as-of",
        type=datetime.date.fromisoformat,
        default=datetime.date.today(),
        help="the day of the last orders, YYYY-MM-DD (default: today)",
    )
    options = parser.parse_args()

    registry = open_registry(options.database)
    with transaction(registry) as env:
        if env["sale.order"].search_count([], limit=1):
            raise SystemExit(f"{options.database} has orders already: drop it and install the addon in a new one.")
        generate(env, *SIZES[options.size], options.as_of, options.seed, not options.no_lines)
        env["ir.config_parameter"].set_param(SIZE, options.size)
        env["ir.config_parameter"].set_param(AS_OF, options.as_of.isoformat())
        env.cr.commit()
        env.cr._cnx.autocommit = True  # VACUUM must not run in a transaction
        env.cr.execute("VACUUM (ANALYZE)")


def generate(env, customer_count, order_count, as_of, seed, with_lines):
    params = {"as_of": as_of, **create_records(env)}
    fake = Faker("en_US")
    fake.seed_instance(seed)
    params["first_names"] = [fake.first_name() for _ in range(40)]
    params["last_names"] = [fake.last_name() for _ in range(400)]
    params["last_order"] = get_last_id(env, "sale_order")

    customers = draw_customers(np.random.default_rng(seed), customer_count, order_count, params["sellers"])
    countries = np.array([env.ref(f"base.{code}").id for code in COUNTRIES])
    customers["country_id"] = countries[customers["country_id"]]
    for column in ("partner_id", "contact_id"):
        customers[column] += get_last_id(env, "res_partner")

    start = as_of - datetime.timedelta(days=365 * YEARS)
    months = pd.date_range(start, as_of + datetime.timedelta(days=1), periods=12 * YEARS + 1).floor("D")
    statements = [
        ("customers", NAMED + PARTNERS, {}),
        ("orders, drawn", ORDERS, {}),
        *(
            (f"orders from {first:%Y-%m}", statement, {"start": first.to_pydatetime(), "end": end.to_pydatetime()})
            for first, end in pairwise(months)
            for statement in ((SALE_ORDERS, LINES) if with_lines else (SALE_ORDERS,))
        ),
        ("credit notes", CREDIT_NOTES, {}),
        ("messages", MESSAGES, {}),
        ("activities", ACTIVITIES, {}),
        ("meetings", MEETINGS, {}),
    ]
    env.cr.execute(UNIFORM)
    env.cr.execute(CUSTOMER)
    copy(env, customers)
    with tqdm(statements, unit="", dynamic_ncols=True) as bar:
        for label, statement, extra in bar:
            bar.set_description(label)
            env.cr.execute(statement, {**params, **extra})
    for table in ("res_partner", "sale_order"):  # the tables whose ids were not taken from the sequence
        env.cr.execute(f"SELECT setval('{table}_id_seq', max(id)) FROM {table}")


def create_records(env):
    """Create what the generated rows refer to; return the ids by name."""
    company = env.company
    foreign = env.ref("base.EUR") if company.currency_id != env.ref("base.EUR") else env.ref("base.USD")
    foreign.active = True
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
    category = env["product.category"].create({"name": "Benchmark"})
    products = env["product.product"].create(
        [{"name": f"Product {number}", "categ_id": category.id} for number in range(1, 21)]
    )
    journal = env["account.journal"].search([("type", "=", "sale"), ("company_id", "=", company.id)], limit=1)
    env.flush_all()
    return {
        "company": company.id,
        "currency": company.currency_id.id,
        "foreign": foreign.id,
        "sellers": sellers.ids,
        "products": products.ids,
        "uom": products[0].uom_id.id,
        "journal": journal.id,
        "note": env.ref("mail.mt_note").id,
        "author": sellers[0].partner_id.id,
        "partner_model": env["ir.model"]._get_id("res.partner"),
        "activity_type": env.ref("mail.mail_activity_data_call").id,
    }


def draw_customers(rng, count, order_count, sellers):
    """Return a frame with the columns of ``bench_customer``; ids and countries count from 0 and 1.

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
            "user_id": rng.choice(sellers, count),
            "orders": 1 + rng.multinomial(order_count - count, rates / rates.sum()),
            "first_day": first_day,
            "span": (first_day * np.sqrt(rng.random(count))).astype(int),
            "level": rng.normal(4, 0.8, count).round(4),
        }
    )


def copy(env, customers):
    buffer = io.StringIO()
    customers.to_csv(buffer, header=False, index=False)
    buffer.seek(0)
    env.cr.copy_expert(f"COPY bench_customer ({', '.join(customers.columns)}) FROM STDIN WITH (FORMAT csv)", buffer)
    env.cr.execute("ANALYZE bench_customer")


def get_last_id(env, table):
    env.cr.execute(f"SELECT COALESCE(max(id), 0) FROM {table}")
    return env.cr.fetchone()[0]


if __name__ == "__main__":
    main()
