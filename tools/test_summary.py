"""Add up the counts of the test runs: ``test_summary.py all|engine|addon|queue|replica|bench FAILURES FOLDER``.

Exits with 1 unless every kind of test ran and nothing failed.
"""

import json
import sys
from pathlib import Path


def main(what, failures, folder):
    reports = {}
    for name in ("engine", "addon", "queue", "replica", "bench"):
        path = Path(folder, f"{name}.json")
        reports[name] = json.loads(path.read_text()) if path.exists() else {}
    passed = {
        "engine": reports["engine"].get("passed", 0),
        "addon": reports["addon"].get("passed", 0) - reports["addon"].get("browser", 0),
        "browser": reports["addon"].get("browser", 0),
        "queue": reports["queue"].get("passed", 0),
        "replica": reports["replica"].get("passed", 0),
        "bench": reports["bench"].get("passed", 0),
    }
    failed = sum(report.get("failed", 0) + report.get("problems", 0) for report in reports.values())
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
