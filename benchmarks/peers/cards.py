"""A small model of its own, made for the measurement, which the peers in Odoo write to.

Real ones write to columns that they added to the partner; that would leave 200,000 dead rows behind in the
table that everybody else reads.
"""

import csv
from contextlib import contextmanager

from common import transaction

from odoo.fields import Command

MODEL = "x_bench_score"
FIELDS = {
    "x_partner_id": {"ttype": "many2one", "relation": "res.partner", "on_delete": "cascade", "index": True},
    "x_company_id": {"ttype": "many2one", "relation": "res.company", "on_delete": "cascade"},
    "x_recency": {"ttype": "integer"},
    "x_order_count": {"ttype": "integer"},
    "x_amount": {"ttype": "float"},
    "x_recency_score": {"ttype": "integer"},
    "x_frequency_score": {"ttype": "integer"},
    "x_monetary_score": {"ttype": "integer"},
}
HEADER = [name.removeprefix("x_") for name in FIELDS]


@contextmanager
def made(registry, result):
    """Make the model for the block; write its rows to the file ``result`` at the end.

    It stays until :func:`remove`, so that what was written to it can be counted.
    """
    remove(registry)
    with transaction(registry) as env:
        env["ir.model"].create(
            {
                "name": "Benchmark",
                "model": MODEL,
                "field_id": [
                    Command.create({"name": name, "field_description": name, **values})
                    for name, values in FIELDS.items()
                ],
            }
        )
        env.cr.commit()
    yield
    with transaction(registry) as env:
        env.cr.execute(f"SELECT {', '.join(FIELDS)} FROM {MODEL}")
        with open(result, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADER, *env.cr.fetchall()])


def remove(registry):
    with transaction(registry) as env:
        env["ir.model"].search([("model", "=", MODEL)]).unlink()
        env.cr.commit()
