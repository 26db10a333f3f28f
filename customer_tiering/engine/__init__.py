"""Scores, tiers and segments of customers, computed from plain frames.

The engine knows neither Odoo nor a clock nor global options: frames and frozen rules come
in, frames go out, and the caller's frame is never changed. Modules, in the order in which
they build on each other:

============ ============================================================================
grouped      sums and medians by group, of plain arrays
schema       column names, dtypes, the check of a frame at the door
purchases    from confirmed orders and credit notes to one row per customer
interactions from messages, activities and meetings to one row per customer
quotations   from quotations and orders of any state to one row per customer
products     from the lines of orders to one row per customer
behaviour    when customers buy
wishes       from orders to what customers wish, per customer
errors       what is wrong with rules, as a code with facts
profit       from the costs of goods and of service to margin and net profit
metrics      what can be measured about a customer
rules        the rules of a policy, checked when they are built
motives      what matters to a customer, proposed from how the customer buys
scoring      from a metric's values to 0..100 points: fit a scale once, apply it often
segments     from recency and frequency-monetary scores to a segment
lifecycle    from the rhythm of purchases to the stage of the relation
risk         from lateness, a falling amount and silence to the churn warning
backtest     what a warning was worth, beside the plainest rule there is
btyd         when customers order and stop, and what an order is worth: likelihoods and what follows
prediction   the next order of each customer, its chance and worth, learned from the company's own past
forecasts    what was predicted on earlier days and what came, beside the plainest rule there is
second_order who bought once, and after which day waiting for a second order is in vain
outlook      what of both is asked for a policy, and told of each customer
gaps         what customers stopped buying, what others like them buy, what they are likely to buy next
remedies     what would bring customers without a profit to zero
portfolios   customers shared out among people, so that each tier is spread evenly
clusters     groups of similar customers, ordered by score
tiers        from the policy's method to the tiers earned and kept, and the way to the next
ladder       where a tier stands: up, down, same
retention    from yesterday's tier and today's numbers to today's tier, fairly
calm         the rules of moving with which companies start
explain      the parts of a score, and their text
advisor      proposals of bands, window and floors from the company's own data
pipeline     all of it for one policy: ``fit`` and ``apply``
ways         from a customer's values to what is missing to a tier, by an order or metric by metric
idle         days on which nobody bought, and the fit that they do not age
decision     the tier that counts: the past, fairness and a person's lock
draft        what a customer's quotation would do to the score and the tier
outcome      of a run: why tiers change, what is no event, the drift of the comparison
changes      from what is kept and what is new to the rows that are written
moves        who was where on one day and where on another
grid         customers on a map of 5 x 5 cells
cohorts      customers by the period of their first purchase, and what became of them
history      how many were where on each of several days
replay       a policy lived through again, night by night: how many move, and back
foresight    which share of the next year the top tiers of past month-ends held; rules side by side; weights
calendar     the day on which a tier ends without an order, and at the usual rhythm
day          the day's list: whom to see to first, and how many fit into the day
border       who has just reached a tier and who just has not, from the past
effect       whether something did anything: held out by chance, the border of a tier, hints
fairness     a policy put to the test: more never lowers anybody, the same behaviour has the same tier, and so on
checks       data that would make tiers wrong: who is probably one customer, amounts beyond belief
============ ============================================================================

Nothing is imported here but what is asked for: ``engine.pipeline`` imports that module, and with it numpy and
pandas, which the server does not need to start.
"""

import importlib
from collections.abc import Callable, Collection
from types import ModuleType

MODULES = (
    "grouped",
    "schema",
    "purchases",
    "interactions",
    "quotations",
    "products",
    "behaviour",
    "wishes",
    "errors",
    "profit",
    "metrics",
    "rules",
    "motives",
    "scoring",
    "segments",
    "lifecycle",
    "risk",
    "backtest",
    "btyd",
    "prediction",
    "forecasts",
    "second_order",
    "outlook",
    "gaps",
    "remedies",
    "portfolios",
    "clusters",
    "tiers",
    "ladder",
    "retention",
    "calm",
    "explain",
    "advisor",
    "pipeline",
    "ways",
    "idle",
    "decision",
    "draft",
    "outcome",
    "changes",
    "moves",
    "grid",
    "cohorts",
    "history",
    "timeline",
    "replay",
    "foresight",
    "calendar",
    "day",
    "border",
    "effect",
    "fairness",
    "checks",
    "concessions",
)


def lazily(package: str, modules: Collection[str]) -> Callable[[str], ModuleType]:
    """The ``__getattr__`` of a package that imports its modules when they are first asked for.

    Parameters
    ----------
    package : name of the package
    modules : names of the modules in it
    """

    def import_module(name: str) -> ModuleType:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return import_module


__getattr__ = lazily(__name__, MODULES)
