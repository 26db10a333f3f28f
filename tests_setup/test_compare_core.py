"""What ``bin/test core`` says of two runs of Odoo's own tests (tools/compare_core.py)."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parent.parent / "tools" / "compare_core.py"
MARKS = {"passed": "", "failed": "<failure/>", "error": "<error/>", "skipped": "<skipped/>"}


def report(path, **results):
    """Write what pytest reports of tests of the app *sale*."""
    cases = "".join(
        f'<testcase classname="sale.tests.test_order.TestOrder" name="{name}">{MARKS[result]}</testcase>'
        for name, result in results.items()
    )
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return path


def compare(tmp_path, without, with_addons):
    paths = report(tmp_path / "a.xml", **without), report(tmp_path / "b.xml", **with_addons)
    return subprocess.run([sys.executable, TOOL, *paths], capture_output=True, text=True, check=False)


def test_what_fails_without_the_addons_too_is_not_theirs(tmp_path):
    done = compare(tmp_path, {"one": "passed", "two": "failed"}, {"one": "passed", "two": "error"})
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].split() == ["all", "1", "1", "1", "1", "0", "0", "0"]


def test_a_test_that_fails_only_with_the_addons_is_named(tmp_path):
    done = compare(tmp_path, {"one": "passed", "two": "passed"}, {"one": "passed", "two": "error"})
    assert done.returncode == 1
    assert "fails only with the addons: sale.tests.test_order.TestOrder.two" in done.stdout
    assert done.stdout.splitlines()[2].split() == ["sale", "2", "1", "0", "1", "0", "0", "1"]


def test_runs_of_other_tests_say_nothing_about_each_other(tmp_path):
    assert "ran in one of the runs only" in compare(tmp_path, {"one": "passed"}, {"two": "passed"}).stdout
    done = compare(tmp_path, {"one": "passed", "two": "passed"}, {"one": "passed", "two": "skipped"})
    assert (done.returncode, "ran in one of the runs only: sale" in done.stdout) == (1, True)
    assert compare(tmp_path, {"one": "skipped"}, {"one": "skipped"}).returncode == 1  # nothing ran at all
