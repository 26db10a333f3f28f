"""Compare two runs of Odoo's own tests: ``compare_core.py WITHOUT.xml WITH.xml``, as pytest's --junitxml writes them.

Prints a row per app, and each test that fails only with the addons. Exits with 1 where there is one, or where a test
ran in only one of the runs: then they say nothing about each other.
"""

import sys
from collections import Counter, defaultdict
from xml.etree import ElementTree

KINDS = ("passed", "failed", "skipped")


def read_results(path):
    """Return ``{app: {test: passed, failed or skipped}}``."""
    results = defaultdict(dict)
    for case in ElementTree.parse(path).iter("testcase"):
        app = case.get("classname").partition(".")[0]
        test = f"{case.get('classname')}.{case.get('name')}"
        bad = case.find("failure") is not None or case.find("error") is not None
        kind = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        # A test whose tear-down fails too stands there twice.
        if results[app].get(test) != "failed":
            results[app][test] = kind
    return results


def compare(without, with_addons):
    """Return the rows of the table, and what is wrong, as sentences."""
    rows, problems = [], []
    for app in sorted(without.keys() | with_addons.keys()):
        before, after = without.get(app, {}), with_addons.get(app, {})
        kinds = {test: (before.get(test), after.get(test)) for test in sorted(before.keys() | after.keys())}
        new = [test for test, kind in kinds.items() if kind == ("passed", "failed")]
        counts = [Counter(results.values())[kind] for kind in KINDS for results in (before, after)]
        rows.append((app, *counts, len(new)))
        problems += [f"fails only with the addons: {test}" for test in new]
        # Skipped in one of the runs is as good as absent there.
        problems += [
            f"ran in one of the runs only: {test}"
            for test, kind in kinds.items()
            if sum(one in (None, "skipped") for one in kind) == 1
        ]
    if not any(row[1] for row in rows):
        problems.append("no test passed without the addons")
    return rows, problems


def main(without, with_addons):
    rows, problems = compare(read_results(without), read_results(with_addons))
    total = ("all", *(sum(row[place] for row in rows) for place in range(1, 2 + 2 * len(KINDS))))
    print(f"{'':<18}{'passed':>15}{'failed':>15}{'skipped':>15}{'failed only':>14}")
    print(f"{'app':<18}" + f"{'without':>9}{'with':>6}" * 3 + f"{'with':>14}")
    for app, *numbers in [*rows, total]:
        pairs = "".join(f"{first:>9}{second:>6}" for first, second in zip(numbers[:-1:2], numbers[1:-1:2], strict=True))
        print(f"{app:<18}{pairs}{numbers[-1]:>14}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
