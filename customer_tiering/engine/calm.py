"""The rules of moving with which companies start, so that a tier is worth having.

They are chosen by ``benchmarks/calm.py``, which lives through real purchases with them, night by night: few customers
move, hardly anybody falls to come back, and the tiers hold as many customers as the scores alone would put there.
"""

#: Who has a tier stays in it down to so many points below its floor.
KEEP_MARGIN = 4

#: The rest, by the names of the policy's fields. The form says all of these numbers beside *Use Calm Rules*, too.
POLICY = {"grace_days": 10, "enter_margin": 5, "upgrade_days": 7, "at_once_margin": 25, "skip_idle_days": True}


def keep_floor(floor: float) -> float:
    """The lowest score that stays in the tier of a floor.

    >>> keep_floor(60.0), keep_floor(0.0)
    (56.0, 0)
    """
    return max(floor - KEEP_MARGIN, 0)
