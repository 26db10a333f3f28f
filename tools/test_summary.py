"""Add up the counts of the test runs: ``test_summary.py all|SUITE FAILURES FOLDER``.

Prints what each took, the slowest tests, and the counts. Exits with 1 unless every kind of test ran, each of its
tests, and nothing failed.
"""

import json
import sys
from pathlib import Path

SUITES = ("engine", "addon", "queue", "glue", "replica", "modules", "upgrade", "faults", "bench")
SLOWEST = 10


def read_reports(folder, suite):
    """The reports of a suite's runs: one, or one for each of those that shared its tests."""
    return [json.loads(path.read_text()) for path in sorted(Path(folder).glob(f"{suite}*.json"))]


def print_times(folder, reports):
    """What each job and each suite's slowest tests took."""
    times = Path(folder, "times")
    for line in times.read_text().splitlines() if times.exists() else []:
        name, seconds, result = line.split()
        print(f"{name:<10} {int(seconds) // 60:>3}:{int(seconds) % 60:02}  {result}")
    for suite, runs in reports.items():
        found = [one for run in runs for one in run["slowest"]]
        slowest = [one for one in sorted(found, reverse=True)[:SLOWEST] if one[0] >= 0.1]
        if slowest:
            print(f"The slowest tests of {suite}:")
        for seconds, test in slowest:
            print(f"{seconds:>8.1f} s  {test}")


def main(what, failures, folder):
    reports = {suite: read_reports(folder, suite) for suite in SUITES}
    print_times(folder, reports)
    counts = {
        suite: {key: sum(run[key] for run in runs) for key in ("run", "passed", "failed", "problems", "browser")}
        for suite, runs in reports.items()
    }
    passed = {}
    for suite in SUITES:
        passed[suite] = counts[suite]["passed"] - counts[suite]["browser"]
        if suite == "addon":
            passed["browser"] = counts[suite]["browser"]
    failed = sum(count["failed"] + count["problems"] for count in counts.values())
    for suite, runs in reports.items():
        if any(run["collected"] != counts[suite]["run"] for run in runs):
            print(f"not every {suite} test ran: that counts as a failure")
            failed += 1
    expected = {"all": list(passed), "addon": []}.get(what, [what])
    for kind in expected:
        if not passed[kind]:
            print(f"no {kind} test passed: that counts as a failure")
            failed += 1
    failed = failed or int(failures)  # a run that broke before its first test has counted nothing
    print(", ".join(f"{kind}: {count} passed" for kind, count in passed.items()))
    print(f"{sum(passed.values())} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
