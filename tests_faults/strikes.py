"""What befalls a server. All of it happens in the process that is struck, at one of its dealings with the database."""

import errno
import logging
import os
import random
import resource
import signal
import threading
import time
from contextlib import contextmanager
from unittest import mock

from odoo.sql_db import Cursor

# The moment is drawn within so many seconds after the dealing has begun: in its middle, or in what is computed next.
LATER = 0.03


class Moments:
    """Counts the dealings of this process with the database, and strikes at one of them.

    A dealing is a statement, a COPY or the end of a transaction.

    :param number: of the dealing at which to strike; None only counts
    :param strike: is called with the cursor
    """

    def __init__(self, number=None, strike=None):
        self.number, self.strike = number, strike
        self.passed = 0

    @contextmanager
    def watched(self):
        execute, commit = Cursor.execute, Cursor.commit

        def watched_execute(cursor, *args, **kwargs):
            self._pass(cursor)
            return execute(cursor, *args, **kwargs)

        def watched_commit(cursor):
            self._pass(cursor)
            return commit(cursor)

        def watched_copy(cursor, *args, **kwargs):
            self._pass(cursor)
            return cursor._obj.copy_expert(*args, **kwargs)

        with (
            mock.patch.object(Cursor, "execute", watched_execute),
            mock.patch.object(Cursor, "commit", watched_commit),
            mock.patch.object(Cursor, "copy_expert", watched_copy, create=True),
        ):
            yield self

    def _pass(self, cursor):
        self.passed += 1
        if self.passed == self.number:
            self.strike(cursor)


def kill(seed):
    """``kill -9`` of this process, a moment later."""

    def strike(_cursor):
        delay = random.Random(seed).uniform(0, LATER)
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()

    return strike


def stop_database(pid):
    """End PostgreSQL at once, as ``pg_ctl stop -m immediate`` does; somebody starts it again."""

    def strike(_cursor):
        os.kill(pid, signal.SIGQUIT)
        time.sleep(0.2)

    return strike


def time_out(cursor):
    """This statement takes too long for ``statement_timeout``."""
    cursor._obj.execute("SET LOCAL statement_timeout = 5; SELECT pg_sleep(1)")


def use_up_processor_time(_cursor):
    """``limit_time_cpu`` is reached: the kernel sends a signal, and Odoo's worker answers it like this."""

    def expire(_signal, _frame):
        logging.getLogger("odoo.service.server").info("Worker (%d) CPU time limit (60) reached.", os.getpid())
        raise Exception("CPU time limit exceeded.")

    signal.signal(signal.SIGXCPU, expire)
    os.kill(os.getpid(), signal.SIGXCPU)


def use_up_memory(_cursor):
    """``limit_memory_hard`` is reached: from now on this process gets no more memory than it has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used, used))


class FullDisk:
    """The disk has no room for what is being copied: the reading stops after ``size`` bytes."""

    def __init__(self, file, size=100):
        self.file, self.left = file, size

    def read(self, size):
        if not self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        data = self.file.read(min(size, self.left))
        self.left -= len(data)
        return data


@contextmanager
def copy_breaks(number):
    """The ``number``-th COPY into a table breaks off in its middle."""
    copies = []

    def copy(cursor, statement, file, *args, **kwargs):
        if statement.endswith("FROM STDIN (FORMAT binary)"):
            copies.append(statement)
            if len(copies) == number:
                file = FullDisk(file)
        return cursor._obj.copy_expert(statement, file, *args, **kwargs)

    with mock.patch.object(Cursor, "copy_expert", copy, create=True):
        yield
