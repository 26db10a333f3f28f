"""The doctests of the engine are the specification of its small functions."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import engine
import pytest

MODULES = [module.name for module in pkgutil.iter_modules(engine.__path__, "engine.")]
WITH_EXAMPLES = [
    name for name in MODULES if ">>> " in Path(importlib.util.find_spec(name).origin).read_text(encoding="utf-8")
]


def test_most_modules_have_doctests():
    assert set(MODULES) - set(WITH_EXAMPLES) == {"engine.decision"}


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_doctests_run_and_pass(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
