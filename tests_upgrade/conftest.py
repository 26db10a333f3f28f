"""Databases with earlier versions of the addon: the two oldest are kept in versions/, the others are in the history.

A checkout without history, as continuous integration may have one, tries the two oldest.
"""

import io
import json
import lzma
import os
import re
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import snapshot

from odoo import SUPERUSER_ID, api, sql_db
from odoo.modules.registry import Registry
from odoo.tools import config

ROOT = Path(__file__).parent.parent
# With Odoo's apps that the addon needs; and with those that it can be connected to.
BASE, APPS = os.environ["UPGRADE_BASE"], os.environ["UPGRADE_APPS"]
# The commit that each version was landed with.
COMMITS = {
    "19.0.1.0.0": "95d481f",
    "19.0.1.1.0": "75711c0",
    "19.0.1.2.0": "04e6a23",
    "19.0.1.3.0": "d2cc75f",
    "19.0.1.4.0": "f0d9812",
    "19.0.1.5.0": "c6ddf0c",
    "19.0.1.6.0": "7e729c6",
    "19.0.1.7.0": "23599da",
    "19.0.1.8.0": "273c515",
    "19.0.1.9.0": "f3dad12",
    "19.0.1.10.0": "a3d43c1",
    "19.0.1.11.0": "4d865ac",
    "19.0.1.12.0": "5404a2b",
    "19.0.1.13.0": "dc6bf20",
    "19.0.1.14.0": "ed74dcf",
    "19.0.1.15.0": "fd08c49",
}
COMPLAINT = re.compile(r"^[0-9-]+ [0-9:,]+ [0-9]+ (WARNING|ERROR|CRITICAL) ")


def pytest_addoption(parser):
    parser.addoption("--all-versions", action="store_true", help="Update from every version that was ever landed.")


def pytest_generate_tests(metafunc):
    if "updated" in metafunc.fixturenames:
        versions = list(COMMITS)
        if not metafunc.config.getoption("--all-versions"):
            versions = [*versions[:2], versions[-1]]
            versions = [version for version in versions if _find_archive(version).exists() or _is_in_history(version)]
        metafunc.parametrize("updated", versions, indirect=True, scope="module")


def get_source(version, folder):
    """Unpack the addon as it was in a version; return the folder that it is in."""
    if _find_archive(version).exists():
        archived = lzma.decompress(_find_archive(version).read_bytes())
    elif _is_in_history(version):
        archived = _git("archive", COMMITS[version], "customer_tiering").stdout
    else:
        pytest.fail(
            f"Version {version} of the addon is in commit {COMMITS[version]}, which this checkout does not have. Fetch "
            "the history: git fetch --unshallow"
        )
    with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _find_archive(version):
    return Path(__file__).with_name("versions") / f"{version}.tar.xz"


def _is_in_history(version):
    return _git("cat-file", "-e", f"{COMMITS[version]}^{{commit}}").returncode == 0


def _git(*arguments):
    # The checkout may belong to somebody else, as in a container.
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", ROOT, *arguments]
    return subprocess.run(command, capture_output=True, check=False)


def copy_database(source, name):
    subprocess.run([ROOT / "bin" / "dropdb", name], check=True)
    subprocess.run(["createdb", f"--template={source}", name], check=True)


def do_business(database, addons, folder, how, *steps):
    """Install or update the addon in a process of its own and take steps; return ``(states, log)``."""
    log, states = folder / f"{how}.log", folder / f"{how}.json"
    log.unlink(missing_ok=True)
    command = [sys.executable, Path(__file__).with_name("business.py"), database, addons, log, states, how, *steps]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:] + (log.read_text()[-3000:] if log.exists() else "")
    return json.loads(states.read_text()), log.read_text() if log.exists() else ""


class Updated:
    """What was with an earlier version, and what is after the update to the present one."""

    def __init__(self, version, folder):
        self.version = version
        self.database = f"{BASE}_{version.replace('.', '_')}"
        copy_database(BASE, self.database)
        old = get_source(version, folder / "old")
        self.old, _log = do_business(self.database, old, folder, "install", "fill", "again")
        self.new, self.log = do_business(self.database, ROOT, folder, "update", "again", "quiet")
        self.folder = folder


@pytest.fixture(scope="module")
def updated(request, tmp_path_factory):
    there = Updated(request.param, tmp_path_factory.mktemp("version"))
    yield there
    subprocess.run([ROOT / "bin" / "dropdb", there.database], check=True)


class Installation:
    """An Odoo whose modules come and go. No addon comes by itself because its apps are there."""

    def __init__(self, database):
        self.database = database
        options = [f"--database={database}", "--log-level=warn", "--skip-auto-install"]
        config.parse_config(options, setup_logging=True)
        with self.transaction() as env:
            env["ir.module.module"].update_list()

    @contextmanager
    def transaction(self):
        """Yield an environment as superuser; it is committed at the end."""
        with Registry(self.database).cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def install(self, *names):
        with self.transaction() as env:
            env["ir.module.module"].search([("name", "in", names)]).button_immediate_install()

    def uninstall(self, *names):
        with self.transaction() as env:
            env["ir.module.module"].search([("name", "in", names)]).button_immediate_uninstall()

    def take(self):
        with self.transaction() as env:
            return snapshot.take(env.cr)


@pytest.fixture(scope="module")
def odoo():
    name = f"{APPS}_uninstall"
    copy_database(APPS, name)
    yield Installation(name)
    sql_db.close_all()
    subprocess.run([ROOT / "bin" / "dropdb", name], check=True)
