"""The engine is pure: no Odoo, no clock, no effect at import."""

import ast
import subprocess
import sys
from pathlib import Path

import engine
import pytest

ALLOWED = {"numpy", "pandas"} | sys.stdlib_module_names
SOURCES = sorted(Path(engine.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_modules_import_only_numpy_pandas_the_standard_library_and_each_other(source):
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= ALLOWED
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (not node.level and node.module.split(".")[0] in ALLOWED)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_module_asks_the_clock(source):
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & {"now", "today", "utcnow", "time", "set_option", "filterwarnings", "seed"}


def test_importing_the_package_does_not_import_pandas():
    code = "import sys, engine; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"
    folder = Path(engine.__path__[0]).parent
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, check=False)
    assert result.returncode == 0
