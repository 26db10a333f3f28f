"""Business with any version of the addon, in a process of its own: each version is a module of the same name.

    business.py DATABASE ADDONS LOG STATES install|update|open STEP...

installs or updates the addon of the folder ADDONS in a database, takes the steps, and writes to STATES how things stood
at first (key *start*) and after each step, as JSON. The steps are

fill   two companies do business under all the rules that the version has: policies, runs, locks, playbooks, simulations
again  a day with new orders, and a run of every policy
quiet  a run of every policy, with nothing new

Only *fill* is committed. Models and fields that not all versions have are asked for.
"""

import json
import sys
from datetime import date, datetime, time, timedelta

from odoo import SUPERUSER_ID, api
from odoo.fields import Command
from odoo.modules.registry import Registry
from odoo.tools import config

MODULE = "customer_tiering"
COMPANIES = ("North", "South")
CUSTOMERS = 36
TODAY = date.today()
# What must be there as it was after an update: the model, and paths to values.
ROWS = {
    "policies": ("customer.tiering.policy", "company_id.name", "name", "partner_domain", "active"),
    "tiers": ("customer.tier", "policy_id.name", "name", "entry_floor", "sequence"),
    "changes": ("customer.tier.change", "partner_id.name", "from_tier_id.name", "to_tier_id.name", "date"),
    "runs": ("customer.tiering.run", "policy_id.name", "as_of", "state", "customer_count"),
    "locks": ("customer.tiering.lock", "partner_id.name", "tier_id.name", "mode", "active", "reason"),
    "playbooks": ("customer.tiering.playbook", "policy_id.name", "name", "enabled", "enabled_since"),
    "follow-ups": ("customer.tiering.followup", "playbook_id.name", "partner_id.name", "state", "event"),
    "versions": ("customer.tiering.policy.version", "policy_id.name", "number"),
    "simulations": ("customer.tiering.simulation", "base_id.name"),
    "announced": ("customer.tiering.scorecard", "partner_id.name", "pending_tier_id.name"),
    "criteria": ("customer.tiering.criterion", "policy_id.name", "weight", "method", "sequence"),
}


def fill(env):
    for place, name in enumerate(COMPANIES):
        company = env["res.company"].create({"name": name})
        company.partner_id.tz = "UTC"
        (env.user | env.ref("base.user_admin")).company_ids += company
        in_company = env(context={**env.context, "allowed_company_ids": company.ids, "tracking_disable": True})
        do_business(in_company, company.with_env(in_company), shifted=place)


def do_business(env, company, shifted):
    policy = env["customer.tiering.policy"].search([("company_id", "=", company.id)])
    policy.min_population = 10
    # From 19.0.1.8.0 on companies start with rules by which nobody rises at once; here there are moves to compare.
    policy.write({fname: 0 for fname in ("enter_margin", "upgrade_days") if fname in policy._fields})
    customers = env["res.partner"].create(
        [
            {"name": f"{company.name} {number:02}", "is_company": number % 3 == 0, "company_id": company.id}
            for number in range(CUSTOMERS)
        ]
    )
    # The first bought most, most often and last; the last long ago, and little.
    orders = [
        (customer, 3 + 6 * number + place * (20 + number), 40 * (CUSTOMERS - number) + 15 * shifted + 5)
        for number, customer in enumerate(customers)
        for place in range(1 + (CUSTOMERS - number) // 7)
    ]
    buy(env, company, orders)
    if "method" in policy._fields:
        add_rules(env, policy)
    run_all(env, company, TODAY - timedelta(days=40))
    if "customer.tiering.lock" in env:
        tiers = policy.tier_ids.sorted("entry_floor")
        for mode, customer, tier in (("floor", customers[20], tiers[-1]), ("fixed", customers[1], tiers[1])):
            env["customer.tiering.lock"].create(
                {"partner_id": customer.id, "tier_id": tier.id, "mode": mode, "reason": "Promised"}
            )
    if "customer.tiering.playbook" in env:
        for playbook in policy.playbook_ids:
            playbook.write({"assign": "user", "user_id": env.ref("base.user_admin").id})
            playbook.action_enable()
    # Two who were silent buy a lot, so that there are moves.
    buy(env, company, [(customers[30], 2, 2500), (customers[31], 1, 1800), (customers[30], 1, 900)])
    run_all(env, company, TODAY)
    if "customer.tiering.followup" in env:
        for playbook in policy.playbook_ids:
            env["customer.tiering.followup"]._process(playbook, TODAY)
    if "customer.tiering.simulation" in env:
        env["customer.tiering.policy"].browse(policy.action_simulate()["res_id"]).window_days = 200
    if "customer.tiering.refresh" in env:
        env["customer.tiering.refresh"].create(
            {"partner_id": customers[5].id, "company_id": company.id, "reason": "instant"}
        )


def add_rules(env, policy):
    """Criteria that later versions measure otherwise, a policy by conditions and one by shares."""
    policy.criterion_ids = [
        Command.create({**metric(env, "growth"), "method": "bands", "weight": 1, **bands(-40, -10, 10, 50)}),
        Command.create({**metric(env, "tenure"), "method": "percentile", "weight": 1}),
    ]
    firms = policy.copy({"name": "Firms", "partner_domain": "[('is_company', '=', True)]", "sequence": 1})
    limits = ((200, -90), (900, -60), (1500, -30))
    for tier, (amount, growth) in zip(firms.tier_ids.sorted("entry_floor")[1:], limits, strict=True):
        tier.condition_ids = [
            Command.create({**metric(env, "monetary"), "value": amount}),
            Command.create({**metric(env, "growth"), "value": growth}),
        ]
    firms.method = "conditions"
    known = policy.copy({"name": "Known", "partner_domain": "[('name', 'like', '7')]", "sequence": 2})
    known.tier_ids.share = 25
    known.method = "customer_share"


def metric(env, key):
    if "customer.tiering.metric" in env:
        return {"metric_id": env["customer.tiering.metric"].search([("key", "=", key)]).id}
    return {"metric": key}


def bands(*limits):
    return {f"band_{place}": limit for place, limit in enumerate(limits, 1)}


def buy(env, company, orders):
    """Confirmed orders of ``(customer, days ago, amount)``."""
    products = env["product.product"]
    product = products.search([("default_code", "=", "upgrade")]) or products.create(
        {"name": "Compact disc", "default_code": "upgrade", "taxes_id": False}
    )
    placed = env["sale.order"].create(
        [
            {
                "partner_id": customer.id,
                "company_id": company.id,
                "order_line": [Command.create({"product_id": product.id, "product_uom_qty": 1, "price_unit": amount})],
            }
            for customer, _days, amount in orders
        ]
    )
    for order, (_customer, days, _amount) in zip(placed, orders, strict=True):
        order.write({"state": "sale", "date_order": datetime.combine(TODAY - timedelta(days=days), time(12))})


def run_all(env, company, day):
    policies = env["customer.tiering.policy"].search([("company_id", "=", company.id)])
    runs = env["customer.tiering.run"]
    for policy in policies:
        runs |= runs._queue(policy, trigger="manual")
        runs.filtered(lambda run, policy=policy: run.policy_id == policy)._compute(as_of=day)
    return runs


def again(env):
    for company in env["res.company"].search([("name", "in", COMPANIES)]):
        in_company = env(context={**env.context, "allowed_company_ids": company.ids})
        customers = in_company["res.partner"].search([("company_id", "=", company.id)], order="name")
        buy(in_company, company, [(customers[28], 0, 3000), (customers[33], 0, 20)])
        run_all(in_company, company, TODAY)


def quiet(env):
    for company in env["res.company"].search([("name", "in", COMPANIES)]):
        run_all(env(context={**env.context, "allowed_company_ids": company.ids}), company, TODAY)


def get_state(env):
    """How things stand, in words that mean the same in every version."""
    companies = env["res.company"].search([]).ids
    everything = env(context={"active_test": False, "allowed_company_ids": companies})
    cards = everything["customer.tiering.scorecard"].search([])
    return {
        "tiers": {card.partner_id.name: card.tier_id.name for card in cards},
        "explained": sum(bool(card.explanation_data) for card in cards)
        if "explanation_data" in cards._fields
        else None,
        "rows": {name: _get_rows(everything, model, *paths) for name, (model, *paths) in ROWS.items()},
    }


def _get_rows(env, model, *paths):
    """The values of all records of a model, in order; None if the version has no such model or field."""
    if model not in env or any(path.split(".")[0] not in env[model]._fields for path in paths):
        return None
    rows = [[record.mapped(path) for path in paths] for record in env[model].search([])]
    return sorted(" | ".join(str(value[0] if value else None) for value in row) for row in rows)


def main(database, addons, log, states, how, *steps):
    options = [f"--database={database}", f"--addons-path={addons}", f"--logfile={log}", "--log-level=warn"]
    config.parse_config(options, setup_logging=True)
    registry = Registry.new(
        database,
        update_module=how != "open",
        install_modules=[MODULE] if how == "install" else [],
        upgrade_modules=[MODULE] if how == "update" else [],
    )
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        found = {"start": get_state(env)}
        for step in steps:
            globals()[step](env)
            env.flush_all()
            if step == "fill":
                cr.commit()
            env.invalidate_all()
            found[step] = get_state(env)
        cr.rollback()
    with open(states, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
