"""Times of the customer screens.

What a salesperson does by tier is compared with the same by a plain stored column of the partner:
the same calls as the web client's (recorded in a browser), with the fields of the real views, each
in a transaction of its own, in turns. Needs scorecards.
"""

import statistics
import time
from functools import partial
from itertools import product
from operator import truediv
from typing import NamedTuple

from common import SALESPERSON, count_queries, format_table, transaction
from lxml import etree

ROUNDS = 21
FORM_ROUNDS = 60
WARM_UP = 3
CUSTOMERS = [("customer_rank", ">", 0)]  # the filter that is on in Sales > Orders > Customers
LIMIT = 80
COUNT_LIMIT = 10_001
# What the web client adds to the fields of a view that shows the activities.
ACTIVITY_FIELDS = (
    "activity_exception_decoration",
    "activity_exception_icon",
    "activity_state",
    "activity_summary",
    "activity_type_icon",
    "activity_type_id",
)


class Group(NamedTuple):
    id: int
    name: str
    count: int  # customers


def measure_all(registry, clock, as_of, result):
    """Return the milliseconds and ratios of all screens, as :func:`render` takes them."""
    with transaction(registry) as env:
        env.cr.commit()
        env.cr._cnx.autocommit = True  # what autovacuum does some minutes after a run
        env.cr.execute("VACUUM (ANALYZE) customer_tiering_scorecard, res_partner")
    with transaction(registry, SALESPERSON) as env:
        tier, country = find_pair(env)
        views = {kind: get_specification(env, kind) for kind in ("list", "kanban")}
        aggregates = get_aggregates(env, views["list"])
        form = get_specification(env, "form")
        own = {name for name in form if env["res.partner"]._fields[name]._module == "customer_tiering"}
        partners = env["res.partner"].search(CUSTOMERS, limit=WARM_UP + FORM_ROUNDS, order="id DESC").ids
    plain_views = {
        kind: {name: spec for name, spec in fields.items() if not name.startswith("tiering_")}
        for kind, fields in views.items()
    }

    def search(kind, condition=(), order="", fields=views):
        return {
            "method": "web_search_read",
            "specification": fields[kind],
            "domain": [*CUSTOMERS, *condition],
            "offset": 0,
            "limit": LIMIT,
            "order": order,
            "count_limit": COUNT_LIMIT,
        }

    def group(kind, field, fields=views):
        return {
            "method": "web_read_group",
            "domain": CUSTOMERS,
            "groupby": [field],
            "aggregates": aggregates if kind == "list" and fields is views else [],
            "limit": LIMIT if kind == "list" else None,
            "auto_unfold": kind == "kanban",
            "opening_info": [],
            "unfold_read_specification": fields[kind],
            "unfold_read_default_limit": LIMIT,
            "groupby_read_specification": {},
        }

    by_tier, by_country = [("tiering_tier_id", "=", tier.id)], [("country_id", "=", country.id)]
    compared = [
        ("list filtered", search("list", by_tier), search("list", by_country)),
        ("kanban filtered", search("kanban", by_tier), search("kanban", by_country)),
        (
            f"list, search box “{tier.name[:4].lower()}” / “{country.name[:4].lower()}”",
            search("list", [("tiering_tier_id", "ilike", tier.name[:4])]),
            search("list", [("country_id", "ilike", country.name[:4])]),
        ),
        ("list filtered by “not”", search("list", negate(by_tier)), search("list", negate(by_country))),
        (
            "list sorted by score / creation date",
            search("list", order="tiering_score DESC"),
            search("list", order="create_date DESC"),
        ),
        ("list grouped, closed", group("list", "tiering_tier_id"), group("list", "country_id")),
        ("kanban grouped, open", group("kanban", "tiering_tier_id"), group("kanban", "country_id")),
    ]
    added = [
        ("list", search("list"), search("list", fields=plain_views)),
        ("kanban", search("kanban"), search("kanban", fields=plain_views)),
        ("list grouped by country", group("list", "country_id"), group("list", "country_id", fields=plain_views)),
        ("kanban grouped by country", group("kanban", "country_id"), group("kanban", "country_id", fields=plain_views)),
    ]
    pivot = {
        "model": "customer.tiering.scorecard",
        "method": "formatted_read_grouping_sets",
        "domain": [],
        "grouping_sets": [[], ["tier_id"]],
        "aggregates": ["amount:sum", "order_count:sum", "score:avg", "__count"],
    }
    sales_pivot = {
        "model": "sale.report",
        "method": "formatted_read_grouping_sets",
        "domain": [("state", "not in", ["draft", "cancel", "sent"])],
        "grouping_sets": [[], ["team_id"]],
        "aggregates": ["price_subtotal:sum", "__count"],
    }
    return {
        "tier": tier._asdict(),
        "column": country._asdict(),
        "compared": compare(registry, compared),
        "added": compare(registry, added),
        "pivot": compare(registry, [("scorecard pivot / Odoo's sales analysis", pivot, sales_pivot)]),
        "form": compare_forms(registry, partners, form, {name: form[name] for name in form if name not in own}),
    }


def render(found):
    """Return what :func:`measure_all` found as Markdown."""
    tier, column, form = found["tier"], found["column"], found["form"]
    return f"""Median of {ROUNDS} calls each, in turns, after {WARM_UP} to warm up, as a salesperson; the ratio is the
median of the ratios of neighbouring calls. By tier and by a stored column of the partner: {tier["count"]:,} customers
are {tier["name"]}, {column["count"]:,} are in {column["name"]}.

{render_rows(["by tier ms", "by column ms"], found["compared"])}

What the addon's columns and card lines add to screens that do not ask for a tier:

{render_rows(["with ms", "without ms"], found["added"])}

Beside a screen of Odoo's own:

{render_rows(["ours ms", "Odoo's ms"], found["pivot"])}

The partner form read with the addon's fields and without them, {FORM_ROUNDS} customers, none of them in the cache:
{1000 * form["with"]:.1f} and {1000 * form["without"]:.1f} ms, ratio {form["ratio"]:.2f}, {form["queries_with"]:.0f} and
{form["queries_without"]:.0f} queries.
"""


def render_rows(header, rows):
    return format_table(
        ["customers", *header, "ratio"],
        [[row["what"], f"{row['first']:.0f}", f"{row['second']:.0f}", f"{row['ratio']:.2f}"] for row in rows],
    )


def compare(registry, cases):
    """Return of each case, a label and two calls that take turns, the milliseconds of both and the ratio."""
    rows = []
    for label, *calls in cases:
        durations = measure(registry, calls)
        first, second = (statistics.median(seconds) * 1000 for seconds in durations)
        # Neighbouring calls share what else the machine does just then.
        ratio = statistics.median(map(truediv, *durations))
        rows.append({"what": label, "first": first, "second": second, "ratio": ratio})
    return rows


def compare_forms(registry, partners, *specifications):
    """Return the seconds and queries of the form with the first and with the second specification."""
    seconds, queries = ([], []), ([], [])
    for turn, partner in enumerate(partners):
        for place in (0, 1) if turn % 2 else (1, 0):  # neither is always the first
            with transaction(registry, SALESPERSON) as env:
                record = env["res.partner"].browse(partner)
                with count_queries(env) as counted:
                    started = time.perf_counter()
                    record.web_read(specifications[place])
                    duration = time.perf_counter() - started
                if turn >= WARM_UP:
                    seconds[place].append(duration)
                    queries[place].append(counted.queries)
    return {
        "with": statistics.median(seconds[0]),
        "without": statistics.median(seconds[1]),
        "ratio": statistics.median(map(truediv, *seconds)),
        "queries_with": statistics.median(queries[0]),
        "queries_without": statistics.median(queries[1]),
    }


def measure(registry, calls, login=SALESPERSON, warm_up=WARM_UP, rounds=ROUNDS):
    """Return the durations of each call, in seconds, as lists; the calls take turns."""
    durations = [[] for _ in calls]
    for turn in range(warm_up + rounds):
        for call, seconds in zip(calls, durations, strict=True):
            arguments = dict(call)
            with transaction(registry, login) as env:
                Model = env[arguments.pop("model", "res.partner")].with_context(
                    bin_size=True, read_group_expand=True, res_partner_search_mode="customer"
                )
                method = partial(getattr(Model, arguments.pop("method")), **arguments)
                started = time.perf_counter()
                method()
                if turn >= warm_up:
                    seconds.append(time.perf_counter() - started)
    return durations


def negate(condition):
    ((field, _operator, value),) = condition
    return [(field, "!=", value)]


def find_pair(env):
    """Return the tier (not the lowest) and the country that are nearest in their number of customers."""
    tiers, countries = (
        [
            Group(record.id, record.name, count)
            for record, count in env["res.partner"]._read_group(CUSTOMERS, [field], ["__count"])
            if record
        ]
        for field in ("tiering_tier_id", "country_id")
    )
    if not tiers:
        raise SystemExit("There are no scorecards: compute them first.")
    return min(product(tiers[:-1], countries), key=lambda pair: abs(pair[0].count - pair[1].count))


def get_specification(env, view_type):
    """Return what the web client asks of each record for the view, as it does in its calls."""
    arch = env["res.partner"].get_view(view_type=view_type)["arch"]
    return specify(env["res.partner"], etree.fromstring(arch))


def specify(model, arch):
    specification = {}
    # Of a field within a field, the inner one belongs to the view of the lines.
    for node in arch.xpath(".//field[count(ancestor::field) = $depth]", depth=len(list(arch.iterancestors("field")))):
        names = [node.get("name")]
        if names == ["activity_ids"]:
            names += ACTIVITY_FIELDS
        for name in names:
            field = model._fields[name]
            spec = specification.setdefault(name, {})
            if field.type == "many2one":
                spec["fields"] = {"display_name": {}}
            elif node.get("widget") == "many2many_tags":
                spec["fields"] = {"display_name": {}, "color": {}}
            elif field.type in ("one2many", "many2many"):
                views = node.xpath("list | kanban")
                spec["fields"] = specify(model.env[field.comodel_name], views[0]) if views else {}
    return specification


def get_aggregates(env, specification, model="res.partner"):
    """Return the aggregates that a grouped list asks for: of all its numbers, shown or not."""
    aggregates = []
    for name, description in env[model].fields_get(list(specification)).items():
        if description["type"] in ("integer", "float", "monetary") and description.get("aggregator"):
            aggregates.append(f"{name}:{description['aggregator']}")
            if description["type"] == "monetary":
                aggregates += [f"{description['currency_field']}:array_agg_distinct", f"{name}:sum_currency"]
    return aggregates
