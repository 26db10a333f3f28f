"""Pure PostgreSQL: the practical floor (b0.sql), and the physical one, which only reads the orders."""

import datetime
from pathlib import Path

from common import transaction

WINDOW_DAYS = 365  # of the addon's default policy
STATEMENT = Path(__file__).with_name("b0.sql")
TABLE = """
CREATE TABLE IF NOT EXISTS bench_b0 (
    partner_id int4 NOT NULL REFERENCES res_partner (id) ON DELETE CASCADE,
    company_id int4 NOT NULL REFERENCES res_company (id) ON DELETE CASCADE,
    last_order_date date,
    order_count int4,
    amount numeric,
    recency_score int2,
    frequency_score int2,
    monetary_score int2,
    score numeric,
    PRIMARY KEY (partner_id, company_id)
)
"""
SCAN = """
SELECT COUNT(*), MAX(partner_id), MAX(company_id), MAX(date_order), MIN(state), SUM(amount_untaxed), MIN(currency_rate)
  FROM sale_order
"""


def compute(registry, clock, as_of, result):
    parameters = {"as_of": as_of, "window_start": as_of - datetime.timedelta(days=WINDOW_DAYS)}
    statement = STATEMENT.read_text(encoding="utf-8")
    with transaction(registry) as env:
        env.cr.execute(TABLE)
        env.cr.commit()
        with clock.measure(lambda: env.cr.sql_log_count):
            env.cr.execute(statement, parameters)
            written = env.cr.rowcount
            env.cr.commit()
    return {"written": written}


def scan(registry, clock, as_of, result):
    with transaction(registry) as env, clock.measure(lambda: env.cr.sql_log_count):
        env.cr.execute(SCAN)
