"""Time the customer screens: ``bin/python benchmarks/screens.py DATABASE``.

What a salesperson does by tier is compared with the same by a plain stored column of the partner:
the same calls as the web client's (recorded in a browser), with the fields of the real views, each
in a transaction of its own, in turns. Needs the scorecards that ``full_run.py`` leaves.
"""

import argparse
import statistics
import time
from functools import partial
from itertools import product
from operator import truediv
from typing import NamedTuple

from common import SALESPERSON, SIZE, describe_machine, format_table, get_parameter, open_registry, save, transaction
from lxml import etree

ROUNDS = 21
WARM_UP = 3
TARGET = 1.5
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    registry = open_registry(parser.parse_args().database)
    with transaction(registry) as env:
        size = get_parameter(env, SIZE)
        machine = describe_machine(env)
        env.cr.commit()
        env.cr._cnx.autocommit = True  # what autovacuum does some minutes after a run
        env.cr.execute("VACUUM (ANALYZE) customer_tiering_scorecard, res_partner")
    with transaction(registry, SALESPERSON) as env:
        tier, country = find_pair(env)
        views = {kind: get_specification(env, kind) for kind in ("list", "kanban")}
        aggregates = get_aggregates(env, views["list"])
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
    save(
        f"screens-{size}.md",
        f"""# The customer screens

{machine}. Median of {ROUNDS} calls each, in turns, after {WARM_UP} to warm up, as a salesperson; the ratio is the
median of the ratios of neighbouring calls.

By tier and by a stored column of the partner: {tier.count:,} customers are {tier.name}, {country.count:,} are
in {country.name}. The target is a ratio of at most {TARGET}.

{compare(registry, ["by tier ms", "by column ms"], compared)}

What the addon's columns and card lines add to screens that do not ask for a tier:

{compare(registry, ["with ms", "without ms"], added)}
""",
    )


def compare(registry, header, cases):
    rows = []
    for label, *calls in cases:
        durations = measure(registry, calls)
        first, second = (statistics.median(seconds) * 1000 for seconds in durations)
        # Neighbouring calls share what else the machine does just then.
        ratio = statistics.median(map(truediv, *durations))
        rows.append([label, f"{first:.0f}", f"{second:.0f}", f"{ratio:.2f}"])
    return format_table(["customers", *header, "ratio"], rows)


def measure(registry, calls):
    """Return the durations of each call, in seconds, as lists; the calls take turns."""
    durations = [[] for _ in calls]
    for turn in range(WARM_UP + ROUNDS):
        for call, seconds in zip(calls, durations, strict=True):
            arguments = dict(call)
            with transaction(registry, SALESPERSON) as env:
                Partner = env["res.partner"].with_context(
                    bin_size=True, read_group_expand=True, res_partner_search_mode="customer"
                )
                method = partial(getattr(Partner, arguments.pop("method")), **arguments)
                started = time.perf_counter()
                method()
                if turn >= WARM_UP:
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
        raise SystemExit("There are no scorecards: run benchmarks/full_run.py first.")
    return min(product(tiers[:-1], countries), key=lambda pair: abs(pair[0].count - pair[1].count))


def get_specification(env, view_type):
    """Return what the web client asks of each record for the view, as it does in its calls."""
    Partner = env["res.partner"]
    specification = {}
    for node in etree.fromstring(Partner.get_view(view_type=view_type)["arch"]).iter("field"):
        names = [node.get("name")]
        if names == ["activity_ids"]:
            names += ACTIVITY_FIELDS
        for name in names:
            spec = specification[name] = {}
            if Partner._fields[name].type == "many2one":
                spec["fields"] = {"display_name": {}}
            elif node.get("widget") == "many2many_tags":
                spec["fields"] = {"display_name": {}, "color": {}}
            elif Partner._fields[name].type in ("one2many", "many2many"):
                spec["fields"] = {}
    return specification


def get_aggregates(env, specification):
    """Return the aggregates that a grouped list asks for: of all its numbers, shown or not."""
    aggregates = []
    for name, description in env["res.partner"].fields_get(list(specification)).items():
        if description["type"] in ("integer", "float", "monetary") and description.get("aggregator"):
            aggregates.append(f"{name}:{description['aggregator']}")
            if description["type"] == "monetary":
                aggregates += [f"{description['currency_field']}:array_agg_distinct", f"{name}:sum_currency"]
    return aggregates


if __name__ == "__main__":
    main()
