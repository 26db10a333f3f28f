"""A year of real purchases, day by day: what fairness promises holds for every customer, every day.

The CDNOW sample, 2,357 customers from 1997 to June 1998. The first half-year is the past; the 365 days
after it are run one by one, each with a fit of its own, the decisions carried from day to day.
"""

import dataclasses
import json
import os

import numpy as np
import pandas as pd
import pytest
from engine import decision, pipeline, schema
from engine.rules import RetentionRules, TierRule

WINDOW = 365
DAYS = pd.date_range("1997-07-01", "1998-06-30")
QUICK_DAYS = pd.date_range("1998-01-01", "1998-03-31")  # when most fall, a year after the first purchases
QUICK_CUSTOMERS = 40
GRACE, STAY, PROTECTION = 30, 60, 200
FLOORS = (0, 40, 60, 80)
KEEP = 10  # points below the floor are enough to stay
POLICIES = {
    "grace": RetentionRules(),
    "step": RetentionRules(one_step=True, month_end=True, protection_days=PROTECTION),
}


@pytest.fixture(scope="module")
def orders():
    path = os.environ.get("CUSTOMER_TIERING_CDNOW")
    if not path:
        pytest.skip("CUSTOMER_TIERING_CDNOW must name the file CDNOW_sample.txt, as bin/test does.")
    return pd.read_csv(
        path,
        sep=r"\s+",
        names=["id", "customer", "day", "units", "amount"],
        parse_dates=["day"],
        date_format="%Y%m%d",
    )


@pytest.fixture(scope="module")
def purchases(orders):
    cents = (orders["amount"] * 100).round().astype("int64")
    return orders.assign(cents=cents)[cents > 0]


class Frames:
    """The frame of any day: what adds up from purchase to purchase is added up once, for all days."""

    def __init__(self, purchases, customers):
        days = purchases.groupby(["customer", "day"])["cents"].agg(["size", "sum"]).reset_index()
        of = days.groupby("customer")
        gap = days["day"].diff().dt.days.where(of.cumcount() > 0)
        until = gap.groupby(days["customer"]).expanding()
        self.until = pd.DataFrame(
            {
                schema.FIRST_ORDER_DATE: of["day"].transform("first"),
                schema.LAST_ORDER_DATE: days["day"],
                schema.PURCHASE_DAYS: of.cumcount() + 1,
                schema.GAP_MEDIAN_DAYS: until.median().droplevel(0),
                schema.GAP_STD_DAYS: until.std(ddof=0).droplevel(0),
                "orders": of["size"].cumsum(),
                "cents": of["sum"].cumsum(),
            }
        )
        # One row more, the last, for those who have not bought yet.
        self.until.loc[len(days)] = [pd.NaT, pd.NaT, 0, np.nan, np.nan, 0, 0]
        self.index = pd.Index(sorted(set(customers)), name=schema.CUSTOMER, dtype="int64")
        self.first_day = days["day"].min()
        # Per day and customer the row of the last purchase: rows of a customer rise from day to day.
        self.row = np.full(((DAYS[-1] - self.first_day).days + 1, len(self.index)), -1)
        self.row[(days["day"] - self.first_day).dt.days, self.index.get_indexer(days["customer"])] = days.index
        self.row = np.maximum.accumulate(self.row, axis=0)

    def _totals(self, day):
        number = (day - self.first_day).days
        row = self.row[number] if number >= 0 else np.full(len(self.index), -1)
        return (self.until[name].to_numpy()[row] for name in ("orders", "cents"))

    def frame(self, day):
        orders, cents = self._totals(day)
        _, middle_cents = self._totals(day - pd.Timedelta(days=WINDOW // 2))
        start_orders, start_cents = self._totals(day - pd.Timedelta(days=WINDOW))
        money = (cents - start_cents) / 100
        known = self.until.take(self.row[(day - self.first_day).days]).set_axis(self.index)
        return known.assign(
            **{
                schema.ORDER_COUNT: orders - start_orders,
                schema.GROSS_AMOUNT: money,
                schema.AMOUNT: money,
                schema.AMOUNT_LATE: (cents - middle_cents) / 100,
                schema.AMOUNT_EARLY: (middle_cents - start_cents) / 100,
                schema.CONTACT_COUNT: 0,
                schema.LAST_CONTACT_DATE: pd.NaT,
            }
        )[list(schema.DTYPES)].astype(schema.DTYPES)


@pytest.fixture(scope="module")
def frames(purchases, orders):
    return Frames(purchases, orders["customer"])


@dataclasses.dataclass
class Year:
    """Tables of shape (days, customers): places in the ladder, -1 for none, and days as datetime64[D]."""

    days: pd.DatetimeIndex
    place: np.ndarray
    pending: np.ndarray  # the day of the announced downgrade
    earned: np.ndarray
    kept: np.ndarray
    first_order: np.ndarray  # shape (customers,)

    @property
    def moves(self):
        """Up 1, down -1, else 0; nothing on the first day."""
        return moves_of(self.place)


def moves_of(place):
    return np.vstack([np.zeros_like(place[:1]), np.sign(np.diff(place, axis=0))])


@pytest.fixture(scope="module")
def years(frames, policy, quick):
    days = QUICK_DAYS if quick else DAYS
    tiers = [
        TierRule(key, floor, keep_floor=max(floor - KEEP, 0), grace_days=GRACE, stay_days=STAY)
        for key, floor in enumerate(FLOORS, start=1)
    ]
    # Retention comes after the scores: one fit a day is enough for all of them.
    rules = {name: policy(tiers=tiers, min_population=100, retention=rule) for name, rule in POLICIES.items()}
    tables = {name: [] for name in rules}
    empty = pd.DataFrame(None, frames.index, ["previous_tier", "pending_tier", "lock_id", "lock_tier"], dtype="Int64")
    empty = empty.assign(previous_since=pd.NaT, pending_date=pd.NaT, lock_mode=None)
    states = dict.fromkeys(rules, empty)
    for day in days:
        as_of, frame = day.date(), frames.frame(day)
        fit = pipeline.fit(rules["grace"], frame, as_of)
        scored = pipeline.apply(rules["grace"], fit, frame, as_of)
        for name, rule in rules.items():
            after = decision.decide(rule, fit, frame, scored, states[name], as_of)
            states[name] = states[name].assign(
                previous_tier=after["computed_tier"],
                previous_since=after["computed_since"],
                pending_tier=after["pending_tier"],
                pending_date=after["pending_date"],
            )
            assert after["tier"].equals(after["computed_tier"].rename("tier"))  # no locks here
            places = [after[column].fillna(0).to_numpy("int64") - 1 for column in ("tier", "earned", "kept")]
            tables[name].append([*places, after["pending_date"].to_numpy("datetime64[D]")])
    first_order = frames.frame(days[-1])[schema.FIRST_ORDER_DATE].to_numpy("datetime64[D]")
    found = {}
    for name, table in tables.items():
        place, earned, kept, pending = (np.array(column) for column in zip(*table, strict=True))
        found[name] = Year(days, place, pending, earned, kept, first_order)
    return found


@pytest.fixture(params=POLICIES)
def year(request, years):
    return years[request.param]


def tenure_before(place):
    """Days in the tier of the day before, shape (days, customers); the first day counts from itself."""
    number = np.arange(len(place))[:, None]
    entered = np.maximum.accumulate(np.where(moves_of(place) != 0, number, 0), axis=0)
    return number - np.vstack([entered[:1], entered[:-1]])


def test_every_customer_alone_gets_the_result_of_the_run(frames, policy, quick):
    """Each of the 2,357, by the fit as it is stored, without everyone else."""
    rules, frame, as_of = policy(), frames.frame(DAYS[-1]), DAYS[-1].date()
    fit = pipeline.fit(rules, frame, as_of)
    stored = pipeline.Fit.from_json(json.loads(json.dumps(fit.to_json())))
    columns = [schema.SCORE, schema.EARNED, schema.KEPT, schema.SEGMENT, schema.LIFECYCLE]
    columns += [schema.USUAL_GAP_DAYS, schema.RISK, schema.RISK_RANK, schema.EXPECTED_LOSS, schema.RISK_SIGNALS]
    asked = frame.iloc[:: len(frame) // QUICK_CUSTOMERS] if quick else frame
    alone = [pipeline.apply(rules, stored, asked.iloc[[place]], as_of)[columns] for place in range(len(asked))]
    together = pipeline.apply(rules, fit, frame, as_of)[columns]
    pd.testing.assert_frame_equal(pd.concat(alone), together.loc[asked.index])
    assert quick or len(alone) == 2357


@pytest.mark.parametrize("day", ["1997-07-01", "1997-12-24", "1998-02-28", "1998-06-30"])
def test_the_frame_of_a_day_is_that_of_plain_pandas(frames, purchases, day):
    day = pd.Timestamp(day)
    known = purchases[purchases["day"] <= day]
    ago = (day - known["day"]).dt.days
    of = known.groupby("customer")
    days = known.drop_duplicates(["customer", "day"])
    gaps = (days["day"] - days.groupby("customer")["day"].shift()).dt.days.groupby(days["customer"])
    money = {
        name: (known["amount"].where(during).groupby(known["customer"]).sum()).round(2)
        for name, during in {
            schema.GROSS_AMOUNT: ago < WINDOW,
            schema.AMOUNT: ago < WINDOW,
            schema.AMOUNT_LATE: ago < WINDOW // 2,
            schema.AMOUNT_EARLY: (ago < WINDOW) & (ago >= WINDOW // 2),
        }.items()
    }
    expected = pd.DataFrame(
        {
            schema.FIRST_ORDER_DATE: of["day"].min(),
            schema.LAST_ORDER_DATE: of["day"].max(),
            schema.PURCHASE_DAYS: of["day"].nunique(),
            schema.ORDER_COUNT: (ago < WINDOW).groupby(known["customer"]).sum(),
            **money,
            schema.GAP_MEDIAN_DAYS: gaps.median(),
            schema.GAP_STD_DAYS: gaps.std(ddof=0),
        }
    ).reindex(frames.index)
    found = frames.frame(day)[list(expected)]
    counts = [schema.PURCHASE_DAYS, schema.ORDER_COUNT, *money]
    expected[counts] = expected[counts].fillna(0)
    pd.testing.assert_frame_equal(found, expected.astype(found.dtypes), atol=1e-9)


def test_there_is_enough_to_see(year, quick):
    assert year.place.shape == (90 if quick else 365, 2357)
    moves, part = year.moves, len(year.days) / 365
    assert (moves > 0).sum() > 300 * part
    assert (moves < 0).sum() > 300 * part
    called_off = ~np.isnat(year.pending[:-1]) & np.isnat(year.pending[1:]) & (moves[1:] == 0)
    assert called_off.sum() > 100 * part


def test_nobody_falls_within_the_minimum_stay(year):
    falls = year.moves < 0
    assert tenure_before(year.place)[falls].min() >= STAY


def test_every_downgrade_was_announced_the_days_of_grace_before_and_comes_on_its_day(year):
    days = year.days.to_numpy("datetime64[D]")
    falls = year.moves < 0
    for day, customer in np.argwhere(falls):
        due = year.pending[day - 1, customer]
        assert due == days[day]
        told = day - 1
        while told > 0 and year.pending[told - 1, customer] == due:
            told -= 1
        assert day - told >= GRACE


def test_an_announced_date_never_moves_and_only_the_downgrade_or_the_customer_ends_it(year):
    before, after = year.pending[:-1], year.pending[1:]
    announced = ~np.isnat(before)
    stays_announced = announced & ~np.isnat(after) & (year.moves[1:] == 0)
    assert (before == after)[stays_announced].all()
    called_off = announced & np.isnat(after) & (year.moves[1:] >= 0)
    assert (np.maximum(year.earned, year.kept)[1:] >= year.place[:-1])[called_off].all()


def test_a_downgrade_is_announced_on_the_day_on_which_the_score_is_below_what_keeps(year):
    assert np.array_equal(~np.isnat(year.pending), year.kept < year.place)


def test_upgrades_happen_on_the_day_they_are_earned(year):
    earned, rises = year.earned[1:] > year.place[:-1], year.moves[1:] > 0
    assert np.array_equal(earned, rises)
    assert np.array_equal(year.place[1:][rises], year.earned[1:][rises])
    assert np.array_equal(year.place[0], year.earned[0])
    assert (year.place >= year.earned).all()


def test_who_never_bought_has_no_tier_and_the_others_always_one(year):
    never = np.isnat(year.first_order)
    assert never.sum() == 8  # who paid nothing for the only CDs they took
    assert (year.place[:, never] == -1).all()
    assert (year.place[:, ~never] >= 0).all()


def test_step_by_step_at_the_end_of_a_month_and_not_within_the_protection(years):
    year = years["step"]
    day, customer = np.nonzero(year.moves < 0)
    assert (np.diff(year.place, axis=0)[day - 1, customer] == -1).all()
    assert year.days[day].is_month_end.all()
    since_first = year.days[day].to_numpy("datetime64[D]") - year.first_order[customer]
    assert since_first.min() >= np.timedelta64(PROTECTION, "D")
    # The other policy does none of this.
    assert (np.diff(years["grace"].place, axis=0) < -1).any()


def test_retention_spares_most_of_the_moves(years):
    without = moves_of(years["grace"].earned)
    for name, year in years.items():
        ups, downs = (year.moves > 0).sum(), (year.moves < 0).sum()
        fewer = 1 - (ups + downs) / np.count_nonzero(without)
        print(
            f"\n{name}: {np.count_nonzero(without)} moves without retention "
            f"({(without > 0).sum()} up, {(without < 0).sum()} down), "
            f"{ups + downs} with it ({ups} up, {downs} down), {fewer:.0%} fewer; flaps within {STAY} days: "
            f"{flaps(without)} without, {flaps(year.moves)} with"
        )
        assert fewer > 0.3
        assert flaps(without) > 100
        assert flaps(year.moves) == 0


def flaps(moves):
    """How often a customer fell within the minimum stay after rising."""
    count = 0
    for of_customer in moves.T:
        days = np.flatnonzero(of_customer)
        signs = of_customer[days]
        count += np.sum((signs[:-1] > 0) & (signs[1:] < 0) & (np.diff(days) < STAY))
    return int(count)
