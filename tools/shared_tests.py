"""pytest plugin: two runs side by side share the tests between them, and each test is run by one of them.

Both are told the same folder by ``SHARED_TESTS`` and collect the same tests. Before a test, a run claims it with a
file in this folder. One goes through the test classes from the first to the last, the other, with
``SHARED_TESTS_BACKWARDS`` set, from the last to the first: they meet at a test, whatever each takes, and hardly a
class is set up twice. ``tools/test_summary.py`` checks that none was left out.
"""

import contextlib
import itertools
import os
from pathlib import Path

import pytest


def _claims(items, folder):
    """Yield the tests that nobody else has claimed."""
    numbered = list(enumerate(items))
    if os.environ.get("SHARED_TESTS_BACKWARDS"):
        classes = [list(group) for _parent, group in itertools.groupby(numbered, lambda one: one[1].parent)]
        numbered = itertools.chain.from_iterable(reversed(classes))
    for number, item in numbered:
        with contextlib.suppress(FileExistsError):
            Path(folder, str(number)).touch(exist_ok=False)
            yield item


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """As pytest's own loop, which runs all."""
    if session.testsfailed or session.config.option.collectonly:
        return None
    claims = _claims(session.items, os.environ["SHARED_TESTS"])
    item = next(claims, None)
    while item:
        following = next(claims, None)  # pytest keeps the class set up for it
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True
