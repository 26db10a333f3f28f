"""Odoo with a primary and a replica that are real servers, and the customers that the tests read."""

import datetime
import os
from contextlib import contextmanager
from unittest import TestCase, mock

import pytest
from servers import primary_with_standby

from odoo import api, sql_db
from odoo.modules.registry import Registry
from odoo.tools import config

DATABASE = os.environ["REPLICA_DATABASE"]
CUSTOMERS = 12


@pytest.fixture(scope="session")
def servers():
    with primary_with_standby(DATABASE) as (primary, standby):
        yield primary, standby


@pytest.fixture(scope="session")
def installation(servers):
    """A running Odoo with customers who have bought: customer k has k orders of 100, each a month before the last."""
    primary, standby = servers
    options = [f"--database={DATABASE}", "--log-level=warn", f"--data-dir={primary.folder}/data"]
    options += [f"--db_host={primary.folder}", f"--db_port={primary.port}"]
    options += [f"--db_replica_host={standby.folder}", f"--db_replica_port={standby.port}"]
    config.parse_config(options, setup_logging=True)
    installation = Installation(primary, standby, Registry(DATABASE))
    with installation.transaction() as env:
        partners = env["res.partner"].create([{"name": f"Customer {k}"} for k in range(1, CUSTOMERS + 1)])
        for k, partner in enumerate(partners, start=1):
            order(partner, *range(10, 10 + 30 * k, 30))
    yield installation
    sql_db.close_all()


@pytest.fixture
def odoo(installation):
    """The installation with both servers at work, and no scorecard yet."""
    registry = installation.registry
    registry._db_readonly_failed_time = None  # Odoo would ask a replica that failed again only 20 minutes later
    with installation.transaction() as env:
        env.cr.execute("TRUNCATE customer_tiering_scorecard, customer_tier_change, customer_tiering_followup")
        env["customer.tiering.run"].search([]).unlink()
    yield installation
    installation.standby.ask("SELECT pg_wal_replay_resume()")


class Installation:
    def __init__(self, primary, standby, registry):
        self.primary, self.standby, self.registry = primary, standby, registry

    @contextmanager
    def transaction(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, api.SUPERUSER_ID, {})

    def queue(self):
        with self.transaction() as env:
            return env["customer.tiering.run"]._queue(env.company.tiering_policy_ids[:1], trigger="nightly").id

    def work_off(self):
        """Do what the job does."""
        with self.transaction() as env:
            env["customer.tiering.run"]._cron_process_queue()

    def run(self):
        """Compute all customers as the nightly job does; return the scorecards."""
        run_id = self.queue()
        self.work_off()
        return self.get_scorecards(run_id)

    def get_scorecards(self, run_id):
        """Return what a run that has succeeded has written, as ``{name: (orders, amount, score, tier)}``."""
        with self.transaction() as env:
            run = env["customer.tiering.run"].browse(run_id)
            assert (run.state, run.error) == ("done", False)
            cards = env["customer.tiering.scorecard"].search([("company_id", "=", run.company_id.id)])
            return {
                card.partner_id.name: (card.order_count, card.amount, card.score, card.tier_id.name) for card in cards
            }

    @contextmanager
    def without_replica(self):
        with mock.patch.dict(config.options, {"db_replica_host": None}):
            yield

    @contextmanager
    def reads(self, primary, standby):
        """Assert on which of the two servers the orders are read."""
        sql_db.close_all()  # a connection counts at its end
        before = [server.count_scans(DATABASE, "sale_order") for server in (self.primary, self.standby)]
        yield
        sql_db.close_all()
        after = [server.count_scans(DATABASE, "sale_order") for server in (self.primary, self.standby)]
        assert [now > then for now, then in zip(after, before, strict=True)] == [primary, standby]


@contextmanager
def logs(*parts):
    """Assert that the addon logs one line with each of the ``parts``, and collect what Odoo says beside it."""
    with TestCase().assertLogs("odoo", "WARNING") as logged:
        yield
    ours = [record.getMessage() for record in logged.records if "customer_tiering" in record.name]
    assert len(ours) == len(parts), ours
    for line, part in zip(ours, parts, strict=True):
        assert line.startswith("Customers are read on the primary database, not on its replica: ")
        assert part in line
        assert "\n" not in line


def order(partner, *days):
    """Give ``partner`` an order of 100 so many days ago, one for each of ``days``."""
    env = partner.env
    product = env["product.product"].search([("name", "=", "Compact disc")], limit=1)
    product = product or env["product.product"].create({"name": "Compact disc", "taxes_id": False})
    line = {"product_id": product.id, "product_uom_qty": 1, "price_unit": 100}
    orders = env["sale.order"].create([{"partner_id": partner.id, "order_line": [(0, 0, line)]} for _ in days])
    for one, ago in zip(orders, days, strict=True):
        moment = datetime.datetime.combine(datetime.date.today(), datetime.time(12)) - datetime.timedelta(days=ago)
        one.write({"state": "sale", "date_order": moment})
