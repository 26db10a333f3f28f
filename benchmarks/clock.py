"""What a process measures of itself; for Odoo's environment and for the peers' own."""

import re
import time
from contextlib import contextmanager
from pathlib import Path


class Clock:
    """The figures of the work in ``with clock.measure():``, several such blocks added up.

    ``seconds``; ``cpu``, those of this process; ``peak``, the most memory it held (bytes, RSS) above ``idle``;
    ``virtual``, the most that it ever reserved, which Odoo's limit is about; ``queries``, by the function that
    counts them.
    """

    def __init__(self, idle=0):
        self.idle = idle
        self.seconds = self.cpu = 0.0
        self.peak = self.virtual = 0
        self.queries = None

    @contextmanager
    def measure(self, count_queries=None):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the high water
        before = count_queries() if count_queries else 0
        cpu, started = time.process_time(), time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started
        self.cpu += time.process_time() - cpu
        self.peak = max(self.peak, read_status("VmHWM") - self.idle)
        self.virtual = max(self.virtual, read_status("VmPeak"))
        if count_queries:
            self.queries = (self.queries or 0) + count_queries() - before

    def figures(self):
        return dict(vars(self))


def read_status(name):
    """Return a size in /proc/self/status, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)[1])
