"""The engine is pure: no Odoo, no clock, no effect at import."""

import ast
import subprocess
import sys
from pathlib import Path

import engine
import pytest

ALLOWED = {"numpy", "pandas"} | sys.stdlib_module_names
# Only where customers are clustered or compared with each other, or an effect is looked for, and not before.
ALLOWED_INSIDE = {"clusters": {"sklearn", "threadpoolctl"}, "effect": {"scipy"}, "gaps": {"scipy"}}
SOURCES = sorted(Path(engine.__path__[0]).glob("*.py"))


def imported(tree, allowed):
    """The packages that `tree` imports beside those of the engine and the allowed ones."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level != 1:
            names.add("." * node.level + (node.module or "").split(".")[0])
    return names - allowed


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_modules_import_only_numpy_pandas_the_standard_library_and_each_other(source):
    tree = ast.parse(source.read_text(encoding="utf-8"))
    inside = ALLOWED_INSIDE.get(source.stem, set())
    assert imported(tree, ALLOWED) == inside
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        function.body = [ast.Pass()]
    assert not imported(tree, ALLOWED)


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


def test_importing_the_pipeline_does_not_import_scikit_learn():
    code = "import sys, engine.pipeline; sys.exit('sklearn' in sys.modules or 'threadpoolctl' in sys.modules)"
    folder = Path(engine.__path__[0]).parent
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode == 0
