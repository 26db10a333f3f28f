"""Scores, tiers and segments of customers, computed from plain frames.

The engine knows neither Odoo nor a clock nor global options: frames and frozen rules come
in, frames go out, and the caller's frame is never changed. Modules, in the order in which
they build on each other:

========== ==========================================================================
grouped    sums and medians by group, of plain arrays
schema     column names, dtypes, the check of a frame at the door
purchases  from confirmed orders and credit notes to one row per customer
contacts   from messages, activities and meetings to one row per customer
quotations from quotations and orders of any state to one row per customer
products   from the lines of orders to one row per customer
metrics    what can be measured about a customer, and the registry of metrics
rules      the rules of a policy, checked when they are built
scoring    from a metric's values to 0..100 points: fit a scale once, apply it often
segments   from recency and frequency-monetary scores to a segment
lifecycle  from the rhythm of purchases to the stage of the relation
risk       from lateness, a falling amount and silence to the churn warning
backtest   what a warning was worth, beside the plainest rule there is
clusters   groups of similar customers, ordered by score
tiers      from the policy's method to the tiers earned and kept, and the way to the next
retention  from yesterday's tier and today's numbers to today's tier, fairly
explain    the parts of a score, and their text
ways       from a customer's values to what is missing to a tier, metric by metric
advisor    proposals of bands, window and floors from the company's own data
pipeline   all of it for one policy: ``fit`` and ``apply``
decision   the tier that counts: the past, fairness and a person's lock
========== ==========================================================================

Nothing is imported here: who needs pandas imports it by importing a module.
"""
