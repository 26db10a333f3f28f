"""A database of its own, in which modules are really installed and uninstalled, and commits are commits."""

import datetime
import os
from contextlib import contextmanager

import pytest

from odoo import SUPERUSER_ID, api, sql_db
from odoo.fields import Command
from odoo.modules.registry import Registry
from odoo.tools import config

DATABASE = os.environ["MODULES_DATABASE"]


class Installation:
    """An Odoo whose modules come and go."""

    def __init__(self):
        config.parse_config([f"--database={DATABASE}", "--log-level=warn"], setup_logging=True)
        Registry(DATABASE)

    @contextmanager
    def transaction(self, company=None):
        """Yield an environment as superuser; it is committed at the end."""
        with Registry(DATABASE).cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            if company:
                env = env(context={"allowed_company_ids": [company]})
            yield env

    def install(self, name):
        with self.transaction() as env:
            env["ir.module.module"].update_list()
        with self.transaction() as env:
            env["ir.module.module"].search([("name", "=", name)]).button_immediate_install()

    def uninstall(self, name):
        with self.transaction() as env:
            env["ir.module.module"].search([("name", "=", name)]).button_immediate_uninstall()

    def new_company(self, name):
        """A company with its policy; return its id."""
        with self.transaction() as env:
            company = env["res.company"].create({"name": name})
            company.partner_id.tz = "UTC"
            return company.id


@pytest.fixture(scope="session")
def odoo():
    yield Installation()
    sql_db.close_all()


def order(partner, company, days_ago, amount):
    """A confirmed order of so many days ago."""
    env = partner.env
    product = env["product.product"].search([("default_code", "=", "modules")]) or env["product.product"].create(
        {"name": "Compact disc", "default_code": "modules", "taxes_id": False}
    )
    placed = env["sale.order"].create(
        {
            "partner_id": partner.id,
            "company_id": company,
            "order_line": [Command.create({"product_id": product.id, "product_uom_qty": 1, "price_unit": amount})],
        }
    )
    placed.write({"state": "sale", "date_order": datetime.datetime.now() - datetime.timedelta(days=days_ago)})


def compute(env, company):
    """Compute the company's policy today; return the run."""
    policy = env["customer.tiering.policy"].search([("company_id", "=", company)])
    run = env["customer.tiering.run"]._queue(policy, trigger="manual")
    run._compute_and_record()
    return run


def card(env, company, name):
    """The scorecard of the customer of that name."""
    return env["customer.tiering.scorecard"].search([("company_id", "=", company), ("partner_id.name", "=", name)])
