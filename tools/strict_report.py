"""pytest plugin: a run is green only if everything ran and Odoo logged nothing unexpected.

* A skipped test fails the run, so that a missing browser cannot pass for a good result.
* A log record of Odoo at level WARNING or above fails the run. A test that expects one says so
  with ``assertLogs`` or ``mute_logger``, and then it does not arrive here.
* A test file that ``tests/__init__.py`` does not import fails the run: Odoo's own runner
  would never see it.
* Lines that a test prints and that begin with ``figures: `` are shown in the end.
* The counts and what the slowest tests took go as JSON to the file named by ``STRICT_REPORT``, for
  ``tools/test_summary.py`` to add up.
"""

import ast
import json
import logging
import os
import re
import sys
import time

import pytest

SLOWEST = 10
FIGURES = "figures: "
# Records that say nothing about this addon: (logger, regular expression for the message).
ALLOWED_RECORDS: list[tuple[str, str]] = []


def imported_names(init):
    """Names that the package's ``from . import …`` lines bring in."""
    return {
        alias.name
        for node in ast.walk(ast.parse(init.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


class StrictReport(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.item = None  # the running test
        self.browser_tests = set()  # ids of tests that drove a browser
        self.problems = []
        self.seconds = {}  # by test, with what sets it up and clears it away
        self.clock = time.perf_counter  # kept here, where tests that freeze the time do not reach it

    def emit(self, record):
        if record.name.partition(".")[0] != "odoo":
            return
        message = record.getMessage()
        for logger, pattern in ALLOWED_RECORDS:
            if record.name.startswith(logger) and re.search(pattern, message):
                return
        where = self.item.nodeid if self.item else "outside a test"
        self.problems.append(f"log {record.levelname} {record.name}: {message}\n    during {where}")

    def pytest_configure(self, config):
        logging.getLogger().addHandler(self)

    def pytest_unconfigure(self, config):
        logging.getLogger().removeHandler(self)

    def pytest_sessionstart(self, session):
        if "odoo.tests.common" in sys.modules:
            self._watch_browser(sys.modules["odoo.tests.common"].HttpCase)

    def _watch_browser(self, http_case):
        browser_js = http_case.browser_js  # start_tour() calls it too

        def watched(test, *args, **kwargs):
            self.browser_tests.add(self.item.nodeid)
            return browser_js(test, *args, **kwargs)

        http_case.browser_js = watched

    def pytest_collection_finish(self, session):
        for path in sorted({item.path for item in session.items}):
            init = path.with_name("__init__.py")
            if path.parent.name == "tests" and init.exists() and path.stem not in imported_names(init):
                self.problems.append(f"{init} does not import {path.stem}: Odoo's own runner would not see it")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.item, began = item, self.clock()
        try:
            return (yield)
        finally:
            self.item = None
            self.seconds[item.nodeid] = self.clock() - began

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        stats = session.config.pluginmanager.getplugin("terminalreporter").stats
        skipped = stats.get("skipped", [])
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            self.problems.append(f"skipped {report.nodeid}: {reason}")
        passed = {report.nodeid for report in stats.get("passed", [])}
        failed = {report.nodeid for key in ("failed", "error") for report in stats.get(key, [])}
        counts = {
            "collected": len(session.items),
            "run": len(self.seconds),
            "passed": len(passed - failed),
            "failed": len(failed),
            "skipped": len(skipped),
            "browser": len(self.browser_tests & passed - failed),
            "problems": len(self.problems),
            "slowest": sorted(((seconds, test) for test, seconds in self.seconds.items()), reverse=True)[:SLOWEST],
        }
        if path := os.environ.get("STRICT_REPORT"):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(counts, file)
        if self.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        for report in terminalreporter.stats.get("passed", []):
            for line in report.capstdout.splitlines():
                if line.startswith(FIGURES):
                    terminalreporter.line(line.removeprefix(FIGURES))
        if self.problems:
            terminalreporter.section("not accepted", red=True)
            for problem in self.problems:
                terminalreporter.line(problem)


def pytest_configure(config):
    config.pluginmanager.register(report := StrictReport(), "strict_report_recorder")
    report.pytest_configure(config)
