"""Times of the addon's own screens, of what follows a slider, of what a draft says, and of orders found by tier.

A screen is asked for as the web client asks when it opens, each call in a transaction of its own; its time is that of
its calls together. Needs scorecards. Nothing stands beside most of them: what counts is how long a person waits.
"""

import ast
import json
import math
import statistics
import subprocess
import time
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import screens
from common import SALESPERSON, count_queries, format_table, read_server_cpu, transaction
from lxml import etree

from odoo.tools import file_open
from odoo.tools.safe_eval import safe_eval

MANAGER = "admin"
ROUNDS = 5
LIMIT = 2  # seconds, to open
BEFORE = 500  # days ago, before the history
REDRAW_LIMIT = 200  # milliseconds, after a slider
DRAFT_LIMIT = 150  # milliseconds
ORDERS_RATIO = 1.5
DRAFTS = 40
#: Window actions of the addon, the view that opens, and the field that it groups by.
LISTS = (
    ("res_partner_my_customers_action", "kanban", None),
    ("res_partner_my_customers_action", "list", None),
    ("customer_tiering_risk_action", "list", None),
    ("customer_tiering_risk_action", "kanban", None),
    ("customer_tiering_scorecard_action", "list", None),
    ("customer_tiering_scorecard_action_table", "list", None),
    ("customer_tiering_gap_action", "list", None),
    ("customer_tiering_fall_action", "list", "date:week"),
    ("customer_tiering_fall_action", "list", None),
)
DASHBOARD = "spreadsheet_dashboard_customer_tiering/data/files/customer_tiering_dashboard.json"


def measure_all(registry, clock, as_of, result):
    """Return what all that costs, as :func:`render` takes it."""
    with transaction(registry) as env:
        env.cr.commit()
        env.cr._cnx.autocommit = True  # what autovacuum does some minutes after a run
        env.cr.execute("VACUUM (ANALYZE) customer_tiering_scorecard, customer_tier_change, customer_segment_change")
        env.cr.execute("VACUUM (ANALYZE) customer_tiering_gap, customer_tiering_fall, res_partner")
    rows = []
    for name, login, calls in get_screens(registry):
        screens.measure(registry, calls, login=login, warm_up=1, rounds=0)
        with measure_work(registry) as work:
            durations = screens.measure(registry, calls, login=login, warm_up=0, rounds=ROUNDS)
        together = [sum(seconds) for seconds in zip(*durations, strict=True)]
        rows.append(
            {
                "what": name,
                "seconds": statistics.median(together),
                "most": max(together),
                "work": work.seconds and work.seconds / ROUNDS,
            }
        )
    with transaction(registry, MANAGER) as env:
        cards = env["customer.tiering.scorecard"].search_count([("company_id", "=", env.company.id)])
        changes = env["customer.tier.change"].search_count([("company_id", "=", env.company.id)])
    program = Path(__file__).with_name("redraw.mjs")
    redrawn = subprocess.run(["node", program, str(cards)], check=True, capture_output=True, text=True)
    return {
        "cards": cards,
        "changes": changes,
        "rows": rows,
        "redrawn": json.loads(redrawn.stdout),
        "orders": screens.compare(registry, get_orders(registry)),
        "drafts": measure_drafts(registry),
    }


def render(found):
    """Return what :func:`measure_all` found as Markdown."""
    opened = format_table(
        ["screen", "s", "slowest s", "processor s"],
        [
            [row["what"], f"{row['seconds']:.2f}", f"{row['most']:.2f}", f"{row['work'] or math.nan:.2f}"]
            for row in found["rows"]
        ],
    )
    redrawn = format_table(["after a slider", "ms"], [[name, f"{ms:.0f}"] for name, ms in found["redrawn"].items()])
    drafts = found["drafts"]
    return f"""Of the first company, with {found["cards"]:,} scorecards and {found["changes"]:,} changes of tiers.
Median of {ROUNDS} times, after one to warm up; lists as a salesperson, the others as a manager. Processor time is that
of Odoo and of the whole database server, which others that use the machine do not lengthen as much.

{opened}

{redrawn}

Orders by the tier of their customers, and by a stored column, median of {screens.ROUNDS} calls each, in turns:

{screens.render_rows(["by tier ms", "by column ms"], found["orders"])}

What a quotation would do, {drafts["count"]} quotations of different customers: {drafts["median"]:.0f} ms
({drafts["least"]:.0f} to {drafts["most"]:.0f}), {drafts["queries"]:.0f} queries;
{1000 * (drafts["work"] or math.nan):.0f} ms of processor time.
"""


# ----------------------------------------------------------------------
# What is asked
# ----------------------------------------------------------------------


def get_screens(registry):
    """Return ``[(name, login, calls)]``."""
    found = []
    with transaction(registry, MANAGER) as env:
        today = env.company._get_tiering_today()
        policy = env["customer.tiering.policy"].search([("company_id", "=", env.company.id)], limit=1)
        metrics = env["customer.tiering.metric"].search([("key", "in", ["frequency", "monetary"])]).mapped("key")
        map_report, moves = "customer.tiering.map.report", "customer.tiering.moves.report"
        asked = {
            "Overview": ask("customer.tiering.overview", "get_data"),
            "Map": ask(map_report, "get_data"),
            "Map, two metrics": ask(map_report, "get_data", across=metrics[0], upwards=metrics[1]),
            **{
                f"Moves, {kind}s, {days} days": ask(
                    moves, "get_data", kind=kind, first=str(today - timedelta(days)), last=str(today)
                )
                for kind, days in (("tier", 30), ("tier", 365), ("segment", 30), ("segment", 365), ("tier", BEFORE))
            },
            "Cohorts": ask("customer.tiering.cohort.report", "get_data"),
            "Customer Profit": ask("customer.tiering.profit.report", "get_data"),
            "Test of the Forecast": ask("customer.tiering.forecast.report", "get_data"),
            "Live Numbers": ask("customer.tiering.live", "get_data", policy_id=policy.id),
        }
        found += [(name, MANAGER, [call]) for name, call in asked.items()]
        found.append(("Dashboard", MANAGER, get_dashboard(env)))
    with transaction(registry, SALESPERSON) as env:
        for action, kind, group in LISTS:
            name = f"{env.ref(f'customer_tiering.{action}').sudo().name}, {kind}{' by week' if group else ''}"
            found.append((name, SALESPERSON, get_list(env, f"customer_tiering.{action}", kind, group)))
    return found


def ask(model, method, **arguments):
    return {"model": model, "method": method, **arguments}


def get_list(env, action, kind, group):
    """Return the calls with which a window action opens, with the filters that are on and the panel beside it."""
    action = env.ref(action).sudo()  # as the web client, which may read it
    model = env[action.res_model]
    view = action.view_ids.filtered(lambda one: one.view_mode == kind).view_id
    arch = etree.fromstring(model.get_view(view.id, kind)["arch"])
    searched = etree.fromstring(model.get_view(action.search_view_id.id, "search")["arch"])
    known = {"uid": env.uid, "allowed_company_ids": env.companies.ids, "context_today": env.company._get_tiering_today}
    domain = safe_eval(action.domain or "[]", known)
    for name, on in safe_eval(action.context or "{}", known).items():
        for node in searched.xpath("//filter[@domain][@name=$name]", name=name.removeprefix("search_default_")):
            domain = [*domain, *(safe_eval(node.get("domain"), known) if on else [])]
    fields = screens.specify(model, arch)
    grouped = group or arch.get("default_group_by")
    if grouped:
        aggregates = screens.get_aggregates(env, fields, action.res_model) if kind == "list" else []
        call = ask(
            action.res_model,
            "web_read_group",
            domain=domain,
            groupby=[grouped],
            aggregates=aggregates,
            limit=screens.LIMIT if kind == "list" else None,
            auto_unfold=kind == "kanban",
            opening_info=[],
            unfold_read_specification=fields,
            unfold_read_default_limit=screens.LIMIT,
            groupby_read_specification={},
        )
    else:
        call = ask(
            action.res_model,
            "web_search_read",
            specification=fields,
            domain=domain,
            offset=0,
            limit=screens.LIMIT,
            order=arch.get("default_order", ""),
            count_limit=screens.COUNT_LIMIT,
        )
    panel = [
        ask(
            action.res_model,
            "search_panel_select_multi_range" if node.get("select") == "multi" else "search_panel_select_range",
            field_name=node.get("name"),
            enable_counters=bool(node.get("enable_counters")),
            search_domain=domain,
        )
        for node in searched.xpath("//searchpanel/field")
    ]
    return [call, *panel]


def get_dashboard(env):
    """Return what the pivots and the charts of the dashboard ask for, without its filters."""
    with file_open(DASHBOARD) as file:
        document = json.load(file)
    calls = []
    for pivot in document["pivots"].values():
        groups = [group["fieldName"] for group in (*pivot["rows"], *pivot["columns"])]
        names = [measure["fieldName"] for measure in pivot["measures"]]
        calls.append(ask_groups(env, pivot["model"], pivot["domain"], groups, names))
    for figure in document["sheets"][0]["figures"]:
        data = figure["data"]
        if data["type"].startswith("odoo_"):
            meta = data["metaData"]
            calls.append(
                ask_groups(env, meta["resModel"], data["searchParams"]["domain"], meta["groupBy"], [meta["measure"]])
            )
    return calls


def ask_groups(env, model, domain, groups, measures):
    fields = env[model]._fields
    return ask(
        model,
        "formatted_read_group",
        domain=domain if isinstance(domain, list) else ast.literal_eval(domain),
        groupby=groups,
        aggregates=[name if name == "__count" else f"{name}:{fields[name].aggregator}" for name in measures],
    )


def get_orders(registry):
    """Return what is compared: orders filtered and grouped by the tier of the customer, and by the salesperson."""
    with transaction(registry, SALESPERSON) as env:
        confirmed = [("state", "not in", ["draft", "sent", "cancel"])]
        counts = {
            fname: dict(env["sale.order"]._read_group(confirmed, [fname], ["__count"]))
            for fname in ("tiering_customer_tier_id", "user_id")
        }
        by_tier, by_user = counts["tiering_customer_tier_id"], counts["user_id"]
        pairs = product(filter(None, by_tier), filter(None, by_user))
        tier, user = min(pairs, key=lambda pair: abs(by_tier[pair[0]] - by_user[pair[1]]))
        fields = screens.specify(env["sale.order"], etree.fromstring(env["sale.order"].get_view(None, "list")["arch"]))
        label = f"orders filtered: {by_tier[tier]:,} of {tier.name}, {by_user[user]:,} of {user.name}"
        tier, user = tier.id, user.id
    plain = {name: one for name, one in fields.items() if not name.startswith("tiering_")}

    def search(condition, fields=plain):
        return ask(
            "sale.order",
            "web_search_read",
            specification=fields,
            domain=[*confirmed, *condition],
            offset=0,
            limit=screens.LIMIT,
            order="",
            count_limit=screens.COUNT_LIMIT,
        )

    def group(fname):
        return ask("sale.order", "web_read_group", domain=confirmed, groupby=[fname], aggregates=["amount_total:sum"])

    return [
        (label, search([("tiering_customer_tier_id", "=", tier)]), search([("user_id", "=", user)])),
        ("list with the addon's columns / without", search([], fields), search([])),
        ("list grouped, closed", group("tiering_customer_tier_id"), group("user_id")),
    ]


@contextmanager
def measure_work(registry):
    """Yield an object that has the ``seconds`` of processor time of the block, of this process and of the database
    server, once it is over; None: the server is on another machine. Nobody else may use it meanwhile."""
    work = SimpleNamespace(seconds=None)
    with transaction(registry) as env:
        before, own = read_server_cpu(env), time.process_time()
        yield work
        after = read_server_cpu(env)
        if after is not None:
            work.seconds = after - before + time.process_time() - own


def measure_drafts(registry):
    """Return what it costs to say what a quotation would do, in milliseconds; rolled back."""
    with measure_work(registry) as work:
        found = measure_drafts_one_by_one(registry)
    return found | {"work": work.seconds and work.seconds / (found["count"] + screens.WARM_UP)}


def measure_drafts_one_by_one(registry):
    with transaction(registry, SALESPERSON) as env:
        cards = env["customer.tiering.scorecard"].search(
            [("company_id", "=", env.company.id), ("order_count", ">", 0)], limit=20 * DRAFTS
        )
        partners = cards.partner_id[::17][:DRAFTS].ids
        products = env["product.product"].search([("sale_ok", "=", True)], limit=2).ids
        currency = env.company.currency_id.id
        pricelist = env["product.pricelist"].search([], limit=1).id
    seconds, queries = [], []
    for partner in partners:
        with transaction(registry, SALESPERSON) as env:
            form = {
                "company_id": env.company.id,
                "partner_id": partner,
                "currency_id": currency,
                "pricelist_id": pricelist,
                "amount_untaxed": 300,
                "lines": [
                    {
                        "product_id": product,
                        "product_uom_id": env["product.product"].browse(product).uom_id.id,
                        "product_uom_qty": 1,
                        "price_unit": 150,
                        "discount": 0,
                        "price_subtotal": 150,
                    }
                    for product in products
                ],
            }
            env.invalidate_all()
            with count_queries(env) as counted:
                started = time.perf_counter()
                told = env["customer.tiering.draft"].get_effect(False, form)
                seconds.append(1000 * (time.perf_counter() - started))
            if told["kind"] == "unknown":
                raise SystemExit(f"Nothing could be told: {told['text']}")
            queries.append(counted.queries)
    seconds, queries = seconds[screens.WARM_UP :], queries[screens.WARM_UP :]
    return {
        "count": len(seconds),
        "median": statistics.median(seconds),
        "least": min(seconds),
        "most": max(seconds),
        "queries": statistics.median(queries),
    }
