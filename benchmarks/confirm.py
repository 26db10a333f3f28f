"""Times of the confirmation of quotations.

Quotations are confirmed one by one, each in a transaction of its own that is committed, as the web
client does it; with the addon and without its part in turns. Then the same while a run over all
customers is under way in another thread. What is created is removed again.
"""

import statistics
import threading
import time
from contextlib import contextmanager, nullcontext
from operator import truediv
from unittest import mock

from common import SALESPERSON, count_queries, format_table, transaction

from odoo.fields import Command

ROUNDS = 9
QUOTATIONS = 30  # of each kind in a round
WARM_UP = 10
WITHOUT, WITH, TELLING = "without the addon's part", "with it", "with it, where it is kept what tiers give"


def measure_all(registry, clock, as_of, result):
    """Return the seconds and ratios of all kinds, as :func:`render` takes them."""
    with transaction(registry) as env:
        if not env["customer.tiering.scorecard"].search_count([], limit=1):
            raise SystemExit("There are no scorecards: compute them first.")
    created = []
    try:
        return compare(registry, as_of, created)
    finally:
        remove(registry, created)


def compare(registry, as_of, created):
    kinds = {
        WITHOUT: no_addon,
        WITH: nothing,
        TELLING: keep_what_tiers_give,
    }
    medians = {kind: [] for kind in kinds}
    for quotation in create_quotations(registry, WARM_UP, created):
        confirm(registry, quotation)
    for number in range(ROUNDS):
        quotations = iter(create_quotations(registry, len(kinds) * QUOTATIONS, created))
        seconds = {kind: [] for kind in kinds}
        for turn in range(QUOTATIONS):
            order = list(kinds)[:: -1 if (turn + number) % 2 else 1]  # none is always the last
            for kind in order:
                with kinds[kind](registry):
                    seconds[kind].append(confirm(registry, next(quotations)))
        for kind in kinds:
            medians[kind].append(statistics.median(seconds[kind]))
    with_run, runs = confirm_during_run(registry, as_of, created)
    queue, queries = time_queue(registry)
    return {
        "kinds": [
            {
                "kind": kind,
                "seconds": statistics.median(of_rounds),
                "ratios": sorted(map(truediv, of_rounds, medians[WITHOUT])),
            }
            for kind, of_rounds in medians.items()
        ],
        "telling": {"ratios": sorted(map(truediv, medians[TELLING], medians[WITH])), **time_telling(registry)},
        "during_run": {
            "seconds": statistics.median(with_run),
            "slowest": max(with_run),
            "quotations": len(with_run),
            "runs": runs,
        },
        "queue": {"seconds": queue, "queries": queries},
    }


def render(found):
    """Return what :func:`measure_all` found as Markdown."""
    rows = [
        [
            kind["kind"],
            f"{1000 * kind['seconds']:.1f}",
            f"{statistics.median(kind['ratios']):.3f}",
            f"{kind['ratios'][0]:.2f} to {kind['ratios'][-1]:.2f}",
        ]
        for kind in found["kinds"]
    ]
    during, queue = found["during_run"], found["queue"]
    rows.append(["with it, while a run is under way", f"{1000 * during['seconds']:.1f}", "", ""])
    header = ["a quotation confirmed", "ms", "ratio", "ratios of the rounds"]
    return f"""Median of {ROUNDS} rounds with {QUOTATIONS} quotations of each kind in turns; the ratios are the medians
of those of the rounds.

{format_table(header, rows)}

The statement alone, without the commit: {1000 * queue["seconds"]:.2f} ms,
{queue["queries"]} {"query" if queue["queries"] == 1 else "queries"}.

{during["quotations"]} quotations were confirmed while {during["runs"]} runs over all customers were under way. None
failed, neither of the quotations nor of the runs; the slowest confirmation took {1000 * during["slowest"]:.0f} ms.
{render_telling(found)}"""


def render_telling(found):
    telling = found.get("telling")
    if not telling:  # measured before it was
        return ""
    low, middle, high = (telling["ratios"][0], statistics.median(telling["ratios"]), telling["ratios"][-1])
    return f"""
Where it is kept what tiers give, a confirmation takes {middle:.3f} ({low:.2f} to {high:.2f}) times as long. The job
keeps it afterwards: {1000 * telling["seconds"]:.1f} ms and {telling["queries"]:.1f} queries for each order, of
{telling["orders"]} with two lines by the prices of a tier.
"""


@contextmanager
def as_salesperson(registry):
    """Yield the environment of a call by the web client; what was done is committed."""
    with transaction(registry, SALESPERSON) as env:
        yield env
        env.flush_all()
        env.cr.commit()


def nothing(registry):
    return nullcontext()


def no_addon(registry):
    from odoo.addons.customer_tiering.models.sale_order import SaleOrder  # noqa: PLC0415 - not before the registry

    return mock.patch.object(SaleOrder, "_action_confirm", lambda orders: super(SaleOrder, orders)._action_confirm())


@contextmanager
def keep_what_tiers_give(registry):
    """By SQL: a write would empty the caches of all that is confirmed afterwards."""
    set_ledger(registry, True)
    try:
        yield
    finally:
        set_ledger(registry, False)


def set_ledger(registry, wanted):
    with transaction(registry) as env:
        company = env["res.users"].search([("login", "=", SALESPERSON)]).company_id
        env.cr.execute(
            "UPDATE res_company SET tiering_ledger = %s, tiering_ledger_since = CASE WHEN %s THEN now() END"
            " WHERE id = %s",
            (wanted, wanted, company.id),
        )
        env.cr.commit()


def time_telling(registry):
    """Return what the job takes for each of some orders by the prices of a tier; rolled back."""
    with transaction(registry) as env:
        company = env["res.users"].search([("login", "=", SALESPERSON)]).company_id
        env = env(context={"allowed_company_ids": company.ids, "tracking_disable": True})
        company = company.with_env(env)
        company.tiering_ledger = True
        pricelist = env["product.pricelist"].create(
            {"name": "Tier", "item_ids": [Command.create({"compute_price": "percentage", "percent_price": 10})]}
        )
        company.tiering_policy_ids.tier_ids.pricelist_id = pricelist
        cards = env["customer.tiering.scorecard"].search(
            [("company_id", "=", company.id), ("tier_id", "!=", False)], order="id DESC", limit=WARM_UP + QUOTATIONS
        )
        products = env["product.product"].search([("name", "=like", "Product %")], limit=2)
        lines = [Command.create({"product_id": product.id}) for product in products]
        orders = env["sale.order"].create(
            [{"partner_id": card.partner_id.id, "pricelist_id": pricelist.id, "order_line": lines} for card in cards]
        )
        orders.action_confirm()
        env.flush_all()
        concessions = env["customer.tiering.concession"]
        concessions._record(company, orders[:WARM_UP])
        env.flush_all()
        env.invalidate_all()
        timed = orders[WARM_UP:]
        with count_queries(env) as counted:
            started = time.perf_counter()
            concessions._record(company, timed)
            env.flush_all()
            seconds = time.perf_counter() - started
        if concessions.search_count([("order_id", "in", timed.ids), ("given", ">", 0)]) != 2 * len(timed):
            raise SystemExit("Not all that a tier gave was kept.")
        return {"seconds": seconds / len(timed), "queries": counted.queries / len(timed), "orders": len(timed)}


def create_quotations(registry, count, created):
    """Create quotations of as many customers, with two lines each; return their ids."""
    with as_salesperson(registry) as env:
        # Those with the largest ids: customers like all others.
        partners = env["res.partner"].search([("customer_rank", ">", 0)], order="id DESC", limit=count)
        products = env["product.product"].search([("name", "=like", "Product %")], limit=2)
        lines = [Command.create({"product_id": product.id, "price_unit": 50}) for product in products]
        quotations = env["sale.order"].create([{"partner_id": partner.id, "order_line": lines} for partner in partners])
        created += quotations.ids
        return quotations.ids


def confirm(registry, quotation):
    with transaction(registry, SALESPERSON) as env:
        started = time.perf_counter()
        env["sale.order"].browse(quotation).action_confirm()
        env.flush_all()
        env.cr.commit()
        return time.perf_counter() - started


def time_queue(registry):
    """Return the median seconds and the number of queries of queueing one customer."""
    seconds = []
    for _ in range(WARM_UP + QUOTATIONS):
        with transaction(registry, SALESPERSON) as env:
            partner = env["res.partner"].search([("customer_rank", ">", 0)], limit=1)
            with count_queries(env) as counted:
                started = time.perf_counter()
                env["customer.tiering.refresh"]._add(partner, env.company, "instant")
                env.flush_all()
                seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[WARM_UP:]), counted.queries


def confirm_during_run(registry, as_of, created):
    """Confirm quotations as long as runs are under way; return their seconds and the number of runs."""
    quotations = create_quotations(registry, 2 * QUOTATIONS, created)
    seconds, runs = [], 0
    while quotations:
        states = []
        computing = threading.Thread(target=compute, args=(registry, as_of, states))
        computing.start()
        while quotations and computing.is_alive():
            seconds.append(confirm(registry, quotations.pop()))
        computing.join()
        if states != ["done"]:
            raise SystemExit("A run failed while quotations were confirmed.")
        runs += 1
    return seconds, runs


def compute(registry, as_of, states):
    with transaction(registry) as env:
        run = env["customer.tiering.run"]._queue(env.company.tiering_policy_ids[:1], trigger="manual")
        env.cr.commit()
        original = type(run)._compute
        with mock.patch.object(type(run), "_compute", lambda run: original(run, as_of=as_of)):
            run._compute_and_record()
        states.append(run.state)
        env.cr.commit()


def remove(registry, created):
    with transaction(registry) as env:
        orders = env["sale.order"].browse(created).with_context(tracking_disable=True)
        orders._action_cancel()
        orders.unlink()
        env.cr.execute("TRUNCATE customer_tiering_refresh")
        env.cr.execute("DELETE FROM ir_cron_trigger")
        env.cr.commit()
