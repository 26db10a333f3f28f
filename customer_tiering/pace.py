"""Rests in work that nobody waits for, so that who works meanwhile does not wait for it either."""

import threading
import time
from contextlib import contextmanager

#: Seconds of rest per second of work, in the beginning.
REST = 4.0

#: Seconds of rest in all, which are approached and never reached: a server gives a job 120 seconds by default.
AT_MOST = 45.0

_current = threading.local()


@contextmanager
def resting():
    """Until the end, :func:`rest` rests."""
    _current.pace = _Pace()
    try:
        yield
    finally:
        del _current.pace


@contextmanager
def not_resting():
    """Until the end, nobody rests: what is done there is in nobody's way, and shall be done soon."""
    pace = vars(_current).pop("pace", None)
    try:
        yield
    finally:
        if pace:
            pace.since = time.monotonic()
            _current.pace = pace


def is_resting():
    """Whether :func:`rest` rests now, in this thread."""
    return hasattr(_current, "pace")


def rest():
    """Rest for as long as the work since the last rest deserves, if at all.

    The work is measured by the clock. So where the machine has much to do, the rests are longer, too.
    """
    if is_resting():
        _current.pace.rest()


class _Pace:
    def __init__(self):
        self.left = AT_MOST
        self.since = time.monotonic()

    def rest(self):
        worked = time.monotonic() - self.since
        # The longer it takes the less it rests: one part of what is left, whatever the size of the parts.
        seconds = self.left * min(worked * REST / AT_MOST, 1 / 2)
        time.sleep(seconds)
        self.left -= seconds
        self.since = time.monotonic()
