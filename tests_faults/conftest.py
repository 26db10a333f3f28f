"""A PostgreSQL server and Odoo processes of its own, and the table of what befell them."""

import os
from collections import Counter
from pathlib import Path

import pytest
from servers import new_folder, new_server
from world import DATABASE, World, make_templates

# As in production: a commit is on the disk when it returns, so that none is lost when PostgreSQL ends at once.
SETTINGS = "synchronous_commit = on\nwal_level = minimal\nmax_wal_senders = 0\n"
# More tasks and more moments than a change of the code needs each time.
LONG = os.environ.get("FAULTS") == "long"
HEADER = ("what", "times", "struck", "lost", "doubled", "told", "healed")


@pytest.fixture(scope="session")
def world():
    source = os.environ["FAULTS_DATABASE"]
    with (
        new_folder("customer_tiering_faults_") as folder,
        new_server(folder, "server", 5435, source, SETTINGS) as server,
    ):
        server.ask(f"ALTER DATABASE {source} RENAME TO {DATABASE}")
        world = World(server)
        make_templates(world)
        yield world


class Table:
    """What befell the servers, what was lost and doubled, and when all was as if nothing had been."""

    def __init__(self):
        self.rows = {}

    def add(self, what, struck, lost, doubled, told, healed):
        row = self.rows.setdefault(
            what, {"times": 0, "struck": 0, "lost": 0, "doubled": 0, "told": 0, "healed": Counter()}
        )
        row["times"] += 1
        row["struck"] += struck
        row["lost"] += lost
        row["doubled"] += doubled
        row["told"] += told
        row["healed"][healed] += 1

    def __str__(self):
        rows = [HEADER, ["---"] * len(HEADER)]
        for what, row in self.rows.items():
            healed = ", ".join(f"{when} ({count})" for when, count in row["healed"].items())
            rows.append([what, *(str(row[name]) for name in HEADER[1:-1]), healed])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


TABLE = Table()


@pytest.fixture(scope="session")
def table():
    return TABLE


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only in the long form")


def pytest_collection_modifyitems(config, items):
    left_out = [] if LONG else [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter):
    if TABLE.rows:
        terminalreporter.section("faults")
        terminalreporter.line(str(TABLE))
        Path(os.environ["FAULTS_LOGS"], "faults.md").write_text(f"{TABLE}\n", encoding="utf-8")
