"""The addon is updated from earlier versions, with data of all kinds; no tier moves, nothing is lost.

By default from the two oldest versions and the newest; ``--all-versions``: from each that was ever landed.
"""

import re
import subprocess
from pathlib import Path

from conftest import COMMITS, COMPLAINT, ROOT, do_business

# What the first update to a version with playbooks adds to every policy, see its migration; versions of rules come with
# the first run of a version that has them.
ADDED = {"playbooks", "versions"}


def get_moves(before, after):
    """Return ``{customer: (tier before, tier after)}`` of those who moved."""
    tiers = after["tiers"]
    return {name: (tier, tiers[name]) for name, tier in before["tiers"].items() if tier != tiers[name]}


def test_it_is_updated_without_complaint(updated):
    assert [line for line in updated.log.splitlines() if COMPLAINT.match(line)] == []


def test_no_tier_moves_and_nothing_is_lost(updated):
    before, after = updated.old["fill"], updated.new["start"]
    assert len(set(before["tiers"].values())) > 3  # there is something to keep
    assert after["tiers"] == before["tiers"]
    for kind, rows in before["rows"].items():
        if rows is not None:
            assert after["rows"][kind] == rows, kind
        elif kind not in ADDED:
            assert after["rows"][kind] is not None, kind


def test_every_customer_is_explained_before_the_next_run(updated):
    assert updated.new["start"]["explained"] == len(updated.old["fill"]["tiers"])


def test_the_next_run_moves_who_would_have_moved_and_nobody_else(updated):
    would = get_moves(updated.old["fill"], updated.old["again"])
    assert {"North 28", "South 28"} <= would.keys()  # who has bought
    moved = get_moves(updated.new["start"], updated.new["again"])
    assert moved == would
    assert get_moves(updated.new["again"], updated.new["quiet"]) == {}


def test_an_update_that_is_made_again_changes_nothing(updated):
    """As after a restored backup of the list of modules: the scripts find what they have done."""
    forget = f"UPDATE ir_module_module SET latest_version = '{updated.version}' WHERE name = 'customer_tiering'"
    subprocess.run(["psql", "--quiet", f"--dbname={updated.database}", f"--command={forget}"], check=True)
    again, log = do_business(updated.database, ROOT, updated.folder, "update", "again")
    assert [line for line in log.splitlines() if COMPLAINT.match(line)] == []
    assert again["start"] == updated.new["start"]
    assert again["again"]["tiers"] == updated.new["again"]["tiers"]


def test_no_version_is_forgotten():
    """Whoever brings a migration adds the commit of the version before it to the list."""
    manifest = Path(ROOT, "customer_tiering", "__manifest__.py").read_text()
    present = re.search(r'"version": "([0-9.]+)"', manifest).group(1)
    migrated = {path.name for path in Path(ROOT, "customer_tiering", "migrations").iterdir() if path.name[0].isdigit()}
    assert migrated - {present} <= COMMITS.keys()
