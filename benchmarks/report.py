"""Make the tables and the plot of what compare.py kept: ``bin/python benchmarks/report.py``.

For each ``results/SIZE.json`` a ``results/SIZE.md``; what needs several sizes comes from all that are there, and so do
the targets of quiet.py and install.py. With a size after it, the report of that size is printed.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import confirm
import followups
import pages
import screens
from common import format_table

RESULTS = Path(__file__).parent / "results"
SIZES = ("2k", "20k", "200k", "1m")
MIB = 2**20

OURS = {
    "run": "full run, from nothing",
    "run, unchanged": "run on unchanged data",
    "run, changed": "run after 0.1 % of the customers bought",
    "run, changed, anew": "the same, where every run compares all customers anew",
    "run, next day": "run as of the next day, all last orders a day older",
    "run, at night": "full run with the rests of the night, without parallel plans",
    "every metric": "full run with every metric",
    "clusters": "full run by clusters",
    "simulation": "simulation of the same policies",
    "by lateness": "full run without anything foretold, rolled back",
    "by prediction": "the same with what customers will do, learned anew, once a week",
    "by prediction, learned": "the same by what was learned before, on the other nights",
}
OTHERS = {
    "B0": "B0, pure PostgreSQL, from nothing",
    "B0, unchanged": "B0 on unchanged data",
    "B0, changed": "B0 after 0.1 % of the customers bought",
    "B0-scan": "B0-scan, reading the orders once",
    "ORM loop": "ORM loop",
    "read_group": "read_group, sorted, one write per customer",
    "pandas notebook": "pandas notebook",
    "lifetimes": "lifetimes, summary only",
    "pymc-marketing": "pymc-marketing, summary only",
    "openretailscience": "openretailscience on DuckDB, scores only",
}
JOBS = (
    *("stopped products", "foreseen downgrades", "test of the forecast", "effect of tiers", "fairness", "foresight"),
    "old orders",
)
HOW_MEASURED = """\
Medians of the turns; the ratio is the median of those to B0 in the same turn. Memory is the most above an idle Odoo,
of peers without Odoo that of their process; PostgreSQL's own is not in it. Rows are those of all tables."""
HOW_COMPARED = """\
Share of the customers who bought in the window with the same value and the same score (1 to 5) as the addon's. Torn
apart: of those who have the same value as others, the share whose equals got another score. The same twice: two
computations of the same data gave the same to everybody. Different, of all: customers, whether they bought in the
window or not, of whom any value or score differs."""
SCREENS_RATIO = 1.5


class Target(NamedTuple):
    figure: str
    target: str
    measured: str
    met: bool
    when: str  # the days on which it was measured


def save(results):
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{results['size']}.json"
    path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return path


def load(size):
    return json.loads((RESULTS / f"{size}.json").read_text(encoding="utf-8"))


def write():
    """Write the report of every size, and the plot."""
    everything = {size: load(size) for size in (*SIZES, "cdnow") if (RESULTS / f"{size}.json").exists()}
    for size, results in everything.items():
        (RESULTS / f"{size}.md").write_text(render(results, everything), encoding="utf-8")
    if "BENCH_PYTHON" in os.environ:
        lines = {
            label: points
            for name, label in {**OURS, **OTHERS}.items()
            if (
                points := [
                    (everything[size]["customers"], median(everything[size], name))
                    for size in SIZES
                    if size in everything and median(everything[size], name)
                ]
            )
        }
        program = Path(__file__).with_name("plot.py")
        subprocess.run(
            [os.environ["BENCH_PYTHON"], str(program), str(RESULTS / "time-over-size.png")],
            check=True,
            input=json.dumps(lines),
            text=True,
        )


# ----------------------------------------------------------------------
# Figures
# ----------------------------------------------------------------------


def median(results, name, key="seconds"):
    """Return the median over the turns, or None when it was not measured."""
    values = [turn[key] for turn in results["figures"].get(name, []) if turn[key] is not None]
    return statistics.median(values) if values else None


def ratio(results, name, base="B0", key="seconds"):
    """Return the median of the ratios within a turn, or None."""
    others = {turn["turn"]: turn[key] for turn in results["figures"].get(base, [])}
    ratios = [turn[key] / others[turn["turn"]] for turn in results["figures"].get(name, []) if others.get(turn["turn"])]
    return statistics.median(ratios) if ratios else None


def count_rows(results, name, table=None):
    """Return how many rows were written, of one table or of all."""
    turns = [turn for turn in results["figures"].get(name, []) if turn["rows"] is not None]
    if not turns:
        return None
    return statistics.median(turn["rows"].get(table, 0) if table else sum(turn["rows"].values()) for turn in turns)


def get_days(found):
    """Return on which day, or from which to which, figures were measured."""
    days = sorted({one["date"] for one in found})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def describe_machines(results):
    """Return on what the figures of a size were measured, with the days where it was not always the same."""
    found = [turn for turns in results["figures"].values() for turn in turns] + list(results["once"].values())
    found += [read_others(name) for name in get_others(results["size"])]
    of_machine = {}
    for one in found:
        of_machine.setdefault(one["machine"], []).append(one)
    if len(of_machine) == 1:
        return f"Measured on {get_days(found)}: {next(iter(of_machine))}."
    return "\n".join(f"* {get_days(of_machine[machine])}: {machine}." for machine in sorted(of_machine))


# ----------------------------------------------------------------------
# The report of one size
# ----------------------------------------------------------------------


def render(results, everything):
    once = results["once"]
    parts = [
        f"# {results['size']}: {results['customers']:,} customers, {results['orders']:,} orders",
        f"As of {results['as_of']}. The peers' own environment: {results['packages']}.",
        describe_machines(results),
        "## Targets",
        format_table(
            ["figure", "target", "measured", "", "on"],
            [
                [one.figure, one.target, one.measured, "met" if one.met else "**missed**", one.when]
                for one in get_targets(results, everything)
            ],
        ),
        "## Time, memory and what is written",
        HOW_MEASURED,
        render_figures(results, OURS),
        render_figures(results, OTHERS),
        "Of the time of the addon's runs:",
        render_phases(results),
        "## Do the results agree?",
        HOW_COMPARED,
        render_agreement(results),
    ]
    if "single" in once:
        single = once["single"]
        text = (
            f"{1000 * single['median']:.0f} ms ({1000 * single['least']:.0f} to {1000 * single['most']:.0f}) and "
            f"{single['median_queries']:.0f} queries, median of {single['customers']}; "
            f"{1000 * single['together']:.1f} ms each where {single['together_customers']} wait together. Measured on "
            f"{get_days([single])}."
        )
        parts += ["## A single customer, as after an order", text]
    for name, title, module in (
        ("screens", "The screens", screens),
        ("confirm", "Confirming quotations", confirm),
        ("followups", "Activities of a playbook", followups),
        ("pages", "The addon's own screens", pages),
    ):
        if name in once:
            parts += [f"## {title}", f"Measured on {get_days([once[name]])}.", module.render(once[name]).strip()]
    if "a year" in once:
        parts += ["## A year of history, and the jobs", *render_year(once)]
    if rows := get_growth(everything):
        parts += ["## Growth", format_table(["full run", "time", "× the size before", "memory MiB"], rows)]
    return "\n\n".join(parts) + "\n"


def render_year(once):
    """Return what the history takes, and what the jobs cost on it, as parts of the report."""
    year, quiet = once["a year"], once.get("quiet nights")
    tables = format_table(
        ["table", "rows", "rows of a year of nights", "MB of a year of nights"],
        [
            [name, f"{one['rows']:,}", f"{one['a year']:,.0f}", f"{one['bytes a year'] / 1e6:,.0f}"]
            for name, one in year["tables"].items()
        ],
    )
    jobs = format_table(
        ["job", "s", "of it CPU of Odoo's process s", "memory MiB", "queries", "found"],
        [
            [
                name,
                f"{once[name]['seconds']:.1f}",
                f"{once[name]['cpu']:.1f}",
                f"{once[name]['peak'] / MIB:,.0f}",
                f"{once[name]['queries']:,}",
                f"{once[name]['found']:,}",
            ]
            for name in JOBS
            if name in once
        ],
    )
    text = f"""Measured on {get_days([year])}: a run each fortnight of a year, then a fortnight of nights, by which the
rows of a year are reckoned; {year["cards"]:,} scorecards."""
    if quiet:
        text += f"""
The run of the next day, where nobody bought, rewrites {quiet["lateness"]:,} of {quiet["customers"]:,} scorecards, with
what is foretold {quiet["prediction"]:,}."""
    return [
        text,
        tables,
        jobs,
    ]


def render_figures(results, names):
    rows = []
    for name, label in names.items():
        if name in results["failures"]:
            rows.append([label, results["failures"][name], *[""] * 6])
        elif (seconds := median(results, name)) is not None:
            to_b0 = ratio(results, name)
            queries, rows_written = median(results, name, "queries"), count_rows(results, name)
            wal = median(results, name, "wal")
            rows.append(
                [
                    label,
                    f"{seconds:.2f}",
                    f"{to_b0:.2f}" if to_b0 else "",
                    f"{median(results, name, 'peak') / MIB:,.0f}",
                    "" if queries is None else f"{queries:,.0f}",
                    "" if rows_written is None else f"{rows_written:,.0f}",
                    "" if wal is None else f"{wal / 1e6:,.1f}",
                    get_days(results["figures"][name]),
                ]
            )
    return format_table(["", "s", "ratio to B0", "memory MiB", "queries", "rows written", "WAL MB", "on"], rows)


def render_phases(results):
    phases = ("read", "compute", "write")
    rows = []
    for name, label in OURS.items():
        turns = results["figures"].get(name)
        if turns:
            rows.append(
                [
                    label,
                    *(f"{statistics.median(turn['phases'].get(phase, 0) for turn in turns):.2f}" for phase in phases),
                    f"{median(results, name, 'cpu'):.2f}",
                    f"{statistics.median(turn['written'] for turn in turns):,.0f}",
                ]
            )
    header = ["", "read s", "fit and apply s", "write s", "of it CPU of Odoo's process s", "scorecards written"]
    return format_table(header, rows)


def render_agreement(results):
    rows = []
    for peer, found in results["agreement"].items():
        shares = ["–" if share is None else f"{100 * share:.1f} %" for share in found["equal"].values()]
        torn = "–" if found["torn"] is None else f"{100 * found['torn']:.1f} %"
        same = {True: "yes", False: "no", None: "–"}[found.get("same")]
        everybody = found.get("different")
        rows.append([peer, *shares, torn, same, "" if everybody is None else f"{everybody:,}"])
    header = ["", "recency", "orders", "amount", "R", "F", "M", "torn apart", "the same twice", "different, of all"]
    return format_table(header, rows)


def get_growth(everything):
    rows = []
    before = None
    for size in SIZES:
        if size not in everything or (seconds := median(everything[size], "run")) is None:
            continue
        times = f"{seconds / before:.1f}" if before else ""
        rows.append([size, f"{seconds:.2f}", times, f"{median(everything[size], 'run', 'peak') / MIB:,.0f}"])
        before = seconds
    return rows


# ----------------------------------------------------------------------
# Targets
# ----------------------------------------------------------------------


def get_targets(results, everything):
    """Return the targets that this size can show."""
    targets = []

    def add(figure, target, value, limit, form="{:.2f}", more="", of="run"):
        if value is not None:
            when = get_days(results["figures"].get(of) or [results["once"][of]])
            targets.append(Target(figure, target, form.format(value) + more, value <= limit, when))

    scorecards = count_rows(results, "run", "customer_tiering_scorecard")
    at_200k = "" if results["size"] == "200k" else " (the target is for 200k)"
    add("full run" + at_200k, "≤ 1.0 × B0", ratio(results, "run"), 1.0)
    add("every metric", "≤ 2.0 × B0", ratio(results, "every metric"), 2.0, of="every metric")
    add("run on unchanged data", "≤ 0.6 × full run", ratio(results, "run, unchanged", "run"), 0.6)
    add(
        "run on unchanged data",
        "0 scorecards written",
        count_rows(results, "run, unchanged", "customer_tiering_scorecard"),
        0,
        "{:,.0f}",
    )
    add("run after 0.1 % changed", "≤ 0.6 × full run", ratio(results, "run, changed", "run"), 0.6)
    changed = count_rows(results, "run, changed", "customer_tiering_scorecard")
    if changed is not None and scorecards:
        share = 100 * changed / scorecards
        add("run after 0.1 % changed", "about 0.1 % of the rows written", share, 0.5, "{:.2f} %", f" ({changed:,.0f})")
    for size, smaller, limit in (("200k", "20k", 11), ("1m", "200k", 5.5)):
        if results["size"] == size and smaller in everything and (before := median(everything[smaller], "run")):
            add(f"growth {smaller} → {size}", f"≤ {limit} × the time", median(results, "run") / before, limit, "{:.1f}")
    if results["size"] == "1m":
        peak = median(results, "run", "peak")
        add("memory at 1M", "≤ 1 GiB above idle", peak and peak / 2**30, 1.0, "{:.2f}", " GiB")
        add("full run at 1M", "≤ 120 s", median(results, "run"), 120, "{:.0f}", " s")
        add("the same with the rests of the night", "≤ 120 s", median(results, "run, at night"), 120, "{:.0f}", " s")
        add("full run at 1M", "≤ 60 s CPU", median(results, "run", "cpu"), 60, "{:.0f}", " s")
        virtual = median(results, "run", "virtual")
        add("full run at 1M", "≤ 2 GiB, as Odoo's limit counts", virtual and virtual / 2**30, 2, "{:.2f}", " GiB")
    for name, label in (
        ("by prediction", "full run that learns"),
        ("by prediction, learned", "full run by what it knew"),
    ):
        share = ratio(results, name, "by lateness", "work")
        add(label, "≤ 1.15 × without prediction, CPU", share, 1.15, of=name)
    more = ratio(results, "by prediction", "by lateness", "peak")
    if more is not None:
        more = (more - 1) * median(results, "by lateness", "peak") / MIB
        add("memory of what is foretold", "≤ 60 MiB", more, 60, "{:.0f}", " MiB", "by prediction")
    once = results["once"]
    if "every metric" in once and "B0" in once:
        share = once["every metric"]["work"] / once["B0"]["work"]
        targets.append(
            Target(
                "every metric, by processor time", "≤ 2.5 × B0", f"{share:.2f}", share <= 2.5, get_days([once["B0"]])
            )
        )
    if "quiet nights" in once:
        quiet = once["quiet nights"]
        share = 100 * max(quiet["prediction"] - quiet["lateness"], 0) / quiet["customers"]
        add(
            "what is foretold in a night without orders",
            "≤ 2 % more scorecards",
            share,
            2,
            "{:.1f} %",
            of="quiet nights",
        )
    if "single" in once:
        single = once["single"]
        add("single customer, alone", "≤ 10 ms of work", 1000 * single["median"], 10, "{:.1f}", " ms", "single")
        together = 1000 * single["together"]
        add("single customer, of those who wait together", "≤ 10 ms of work", together, 10, "{:.1f}", " ms", "single")
    loop, run, again = (median(results, name) for name in ("ORM loop", "run", "run, unchanged"))
    at_20k = "" if results["size"] == "20k" else " (the target is for 20k)"
    if loop and run:
        figure, when = f"ORM loop{at_20k}", get_days(results["figures"]["ORM loop"])
        targets.append(Target(figure, "≥ 100 × slower", f"{loop / run:.0f}", loop / run >= 100, when))
    if loop and again:
        figure, when = f"ORM loop beside a run on unchanged data{at_20k}", get_days(results["figures"]["ORM loop"])
        targets.append(Target(figure, "≥ 100 × slower", f"{loop / again:.0f}", loop / again >= 100, when))
    if "screens" in once:
        worst = max(once["screens"]["compared"], key=lambda row: row["ratio"])
        add(
            "customers by tier" + at_200k,
            f"≤ {SCREENS_RATIO} × a stored column",
            worst["ratio"],
            SCREENS_RATIO,
            more=f" ({worst['what']})",
            of="screens",
        )
        form = once["screens"]["form"]
        extra = form["queries_with"] - form["queries_without"]
        add("partner form", "≤ 3 extra queries", extra, 3, "{:.0f}", of="screens")
        add("partner form", "≤ 1.10 × the time", form["ratio"], 1.1, of="screens")
    if "pages" in once:
        found = once["pages"]
        for slow in sorted(found["rows"], key=lambda row: -row["work"])[:3]:
            target, more = f"≤ {pages.LIMIT} s of processor time", f" s ({slow['what']})"
            add("slowest own screens" + at_200k, target, slow["work"], pages.LIMIT, more=more, of="pages")
        (slow, ms), most = max(found["redrawn"].items(), key=lambda pair: pair[1]), pages.REDRAW_LIMIT
        add("after a slider", f"≤ {most} ms", ms, most, "{:.0f}", f" ms ({slow})", "pages")
        worst, most = max(found["orders"], key=lambda row: row["ratio"]), pages.ORDERS_RATIO
        add(
            "orders by tier",
            f"≤ {most} × a stored column",
            worst["ratio"],
            most,
            more=f" ({worst['what']})",
            of="pages",
        )
        ms, most = 1000 * found["drafts"]["work"], pages.DRAFT_LIMIT
        add("what a quotation would do", f"≤ {most} ms of processor time", ms, most, "{:.0f}", " ms", "pages")
    if "confirm" in once:
        (with_it,) = (kind for kind in once["confirm"]["kinds"] if kind["kind"] == confirm.WITH)
        add(
            "order confirmation",
            "≤ 1.05 × the time",
            statistics.median(with_it["ratios"]),
            1.05,
            "{:.3f}",
            of="confirm",
        )
        if telling := once["confirm"].get("telling"):
            figure, most = "the same where it is kept what tiers give", 1.05
            add(figure, f"≤ {most} × the time", statistics.median(telling["ratios"]), most, "{:.3f}", of="confirm")
    for name in get_others(results["size"]):
        others = read_others(name)
        targets += [Target(*one, others["date"]) for one in others["targets"]]
    return targets


def get_others(size):
    """Return the names of the results that other scripts kept for this size."""
    return [name for name in (f"quiet-{size}", "install-1000k") if (RESULTS / f"{name}.json").exists()]


def read_others(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    write()
    for wanted in sys.argv[1:]:
        print((RESULTS / f"{wanted}.md").read_text(encoding="utf-8"))
