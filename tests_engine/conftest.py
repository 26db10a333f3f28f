"""Builders of frames and rules, session scoped, so that hypothesis may use them too; and ``--quick``.

With ``--quick`` every test still runs, but with few examples: for the inner loop. CI has all of them.
"""

import datetime
import math
import os

import pandas as pd
import pytest
from delivered import METRICS
from engine import rules, schema, segments
from hypothesis import settings

AS_OF = datetime.date(2024, 6, 30)
QUICK_EXAMPLES = 3


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="Run every test, but with few examples.")


def pytest_configure(config):
    # What runs on a busy machine has no deadline. CI judges a change by the same examples each time, so that what it
    # says is about the change; everybody else's runs look for others.
    same = "CI" in os.environ
    settings.register_profile("full", deadline=None, derandomize=same)
    settings.register_profile("quick", deadline=None, derandomize=same, max_examples=QUICK_EXAMPLES)
    settings.load_profile("quick" if config.getoption("--quick") else "full")


def examples(number: int) -> settings:
    """So many examples of a property; few with ``--quick``, as those that leave it to the profile."""
    return settings(max_examples=min(number, settings.default.max_examples))


def make_customers(*rows: dict) -> pd.DataFrame:
    """A checked frame: per row what matters, the rest as of a customer with one order of 100.

    `ago` stands for a last purchase that many days before the as-of date, None: a prospect.
    Optional columns are in the frame when a row has them; then all rows must.
    """
    records = [_record(**row) for row in rows]
    index = pd.RangeIndex(1, len(rows) + 1, name=schema.CUSTOMER).astype("int64")
    optional = {name: dtype for name, dtype in schema.OPTIONAL_DTYPES.items() if any(name in row for row in rows)}
    dtypes = schema.DTYPES | optional
    return pd.DataFrame(records, columns=list(dtypes), index=index).astype(dtypes)


def _record(ago: int | None = 10, orders: int = 1, amount: float = 100.0, **columns) -> dict:
    last = None if ago is None else AS_OF - datetime.timedelta(ago)
    orders = 0 if ago is None else orders
    gross = amount if orders and 0 < amount < math.inf else 0.0
    record = {
        schema.FIRST_ORDER_DATE: last,
        schema.LAST_ORDER_DATE: last,
        schema.PURCHASE_DAYS: int(ago is not None),
        schema.ORDER_COUNT: orders,
        schema.GROSS_AMOUNT: gross,
        schema.AMOUNT: amount if ago is not None else 0.0,
        schema.AMOUNT_LATE: gross,
        schema.AMOUNT_EARLY: 0.0,
        schema.GAP_MEDIAN_DAYS: None,
        schema.GAP_STD_DAYS: None,
        schema.CONTACT_COUNT: 0,
        schema.LAST_CONTACT_DATE: None,
    }
    unknown = columns.keys() - record.keys() - schema.OPTIONAL_DTYPES.keys()
    assert not unknown
    return record | columns


def make_rules(
    criteria=(("recency", 30), ("frequency", 30), ("monetary", 40)),
    floors=(0, 40, 60, 80),
    min_population=1,
    tiers=None,
    definitions=METRICS,
    **fields,
) -> rules.PolicyRules:
    """Rules with the default map; the keys of segments are their places in SEGMENT_CODES.

    `tiers` as the rules take them, or else `floors` of the tiers 1, 2, …
    """
    return rules.PolicyRules(
        criteria=tuple(rules.CriterionRule(*criterion) for criterion in criteria),
        tiers=tuple(tiers or (rules.TierRule(key, floor) for key, floor in enumerate(floors, start=1))),
        segment_map=tuple(tuple(segments.SEGMENT_CODES.index(code) for code in row) for row in segments.DEFAULT_MAP),
        min_population=min_population,
        definitions=tuple(definitions),
        **fields,
    )


@pytest.fixture(scope="session")
def quick(request) -> bool:
    """Whether few examples are enough; for tests that have other examples than hypothesis's."""
    return request.config.getoption("--quick")


@pytest.fixture(scope="session")
def as_of() -> datetime.date:
    return AS_OF


@pytest.fixture(scope="session")
def customers():
    return make_customers


@pytest.fixture(scope="session")
def policy():
    return make_rules
