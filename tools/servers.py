"""PostgreSQL servers in a folder of their own, for tests that strike them."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

OWNER = "pgserver"  # PostgreSQL refuses to run as root
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
shared_buffers = 128MB
max_connections = 40
fsync = off
autovacuum = off
log_min_messages = warning
"""
REPLICATED = """
wal_level = replica
# A commit is visible before it is in the log's file: the harder case for who waits for the log.
synchronous_commit = off
hot_standby = on
max_standby_streaming_delay = 300ms
# Else the primary's tidying would cancel statements on the standby whenever it happens.
hot_standby_feedback = on
wal_retrieve_retry_interval = 200ms
"""


class Server:
    def __init__(self, folder, name, port):
        self.folder, self.port = folder, port
        self.data, self.log = folder / name, folder / f"{name}.log"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = popen("postgres", "-D", self.data, "-p", self.port, stdout=log, stderr=log)
        for _ in range(300):
            with contextlib.suppress(psycopg2.OperationalError):
                return self.ask("SELECT 1")
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"PostgreSQL does not start:\n{self.log.read_text()}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)  # at once, as if it had died
            self.process.wait(timeout=30)

    def connect(self, database="postgres"):
        connection = psycopg2.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database)
        connection.autocommit = True
        return connection

    def ask(self, query, *parameters, database="postgres"):
        """Return the rows of a query in a connection of its own."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else None

    def wait_for(self, condition, *parameters, database="postgres"):
        for _ in range(200):
            if self.ask(f"SELECT {condition}", *parameters, database=database) == [(True,)]:
                return
            time.sleep(0.05)
        raise AssertionError(f"after 10 seconds still not: {condition}")

    def count_scans(self, database, table):
        """Return how often ``table`` was read on this server by Odoo's connections, all of them closed by now."""
        self.wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s AND usename = 'odoo')", database)
        query = "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = %s"
        ((count,),) = self.ask(query, table, database=database)
        return count


def popen(program, *arguments, **options):
    """Start a program of PostgreSQL, as root in the name of another user."""
    as_owner = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
    command = [Path(os.environ["PG_BIN"], program), *map(str, arguments)]
    # A session of its own: Ctrl-C does not reach it.
    return subprocess.Popen(command, cwd="/", start_new_session=True, **as_owner, **options)


def run(program, *arguments):
    process = popen(program, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output, _errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{program} failed:\n{output}")


@contextlib.contextmanager
def new_folder(prefix):
    """Yield a folder of the servers' owner, which is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if os.geteuid() == 0:
        entry = pwd.getpwnam(OWNER)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def new_server(folder, name, port, database, settings=""):
    """Yield a server that has a copy of ``database`` of the server in PGHOST."""
    server = Server(folder, name, port)
    run("initdb", "-D", server.data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync")
    file = server.data / "postgresql.auto.conf"
    file.write_text(file.read_text() + SETTINGS.format(folder=folder) + settings)
    try:
        server.start()
        server.ask("CREATE ROLE odoo LOGIN CREATEDB")
        copy(database, server)
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def primary_with_standby(database):
    """Yield two servers; the first has a copy of ``database`` of the server in PGHOST, the second replays it."""
    with (
        new_folder("customer_tiering_replica_") as folder,
        new_server(folder, "primary", 5433, database, REPLICATED) as primary,
    ):
        standby = Server(folder, "standby", 5434)
        address = ("-h", folder, "-p", primary.port, "-U", "postgres")
        run("pg_basebackup", *address, "-D", standby.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        try:
            standby.start()
            yield primary, standby
        finally:
            standby.stop()


def copy(database, server):
    server.ask(f'CREATE DATABASE "{database}" OWNER odoo TEMPLATE template0')
    programs = Path(os.environ["PG_BIN"])
    with subprocess.Popen([programs / "pg_dump", database], stdout=subprocess.PIPE) as dump:
        subprocess.run(
            [programs / "psql", "-qX", "-h", server.folder, "-p", str(server.port), "-U", "odoo", "-d", database],
            stdin=dump.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    if dump.returncode:
        raise RuntimeError(f"pg_dump of {database} failed")
