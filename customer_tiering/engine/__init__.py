"""Scores, tiers and segments of customers, computed from plain frames.

The engine knows neither Odoo nor a clock nor global options: frames and frozen rules come
in, frames go out, and the caller's frame is never changed. Modules, in the order in which
they build on each other:

========== ==========================================================================
schema     column names, dtypes, the check of a frame at the door
metrics    what can be measured about a customer, and the registry of metrics
rules      the rules of a policy, checked when they are built
scoring    from a metric's values to 0..100 points: fit a scale once, apply it often
segments   from recency and frequency-monetary scores to a segment
tiers      from a score to a tier, and the way to the next one
retention  from yesterday's tier and today's numbers to today's tier, fairly
explain    the parts of a score, and their JSON text
pipeline   all of it for one policy: ``fit`` and ``apply``
========== ==========================================================================

Nothing is imported here: who needs pandas imports it by importing a module.
"""
