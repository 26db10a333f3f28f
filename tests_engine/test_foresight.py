"""What the tiers of past month-ends foretold is what plain loops say; what foretells is found, and chance is not."""

import datetime
import itertools
import os

import numpy as np
import pandas as pd
import pytest
from engine import foresight, pipeline, purchases, replay, schema
from engine.errors import RuleError
from engine.purchases import Purchases
from engine.rules import ConditionRule, TierRule

AS_OF = datetime.date(2024, 6, 30)
ONE_DAY = datetime.timedelta(days=1)
NOTHING = np.zeros(0, dtype=int)


def make_history(rows, customers, as_of=AS_OF, window=365):
    """Of rows of (customer, date, money)."""
    who, day, money = zip(*rows, strict=True)
    bought = Purchases(
        np.array(who), np.array(day, dtype="datetime64[D]"), np.array(money, dtype="float64"), *[NOTHING] * 3
    )
    index = pd.RangeIndex(100, 100 + customers, name=schema.CUSTOMER).astype("int64")
    past = bought.day <= schema.day(as_of)
    known = Purchases(*(part[past] for part in bought[:3]), *[NOTHING] * 3)
    frame = purchases.summarize(index, known, (NOTHING, np.zeros(0)), as_of, window, 2)
    frame = frame.assign(contact_count=0, last_contact_date=np.datetime64("NaT", "s"))
    return replay.History(frame, bought, (NOTHING, np.zeros(0)), as_of, window, 2)


def make_rows(customers=80, seed=3, days=1500):
    """Some buy often, some seldom, some stop; a few give back more than they take."""
    random = np.random.default_rng(seed)
    rows = []
    for who in range(customers):
        gap, ago = random.integers(10, 200), int(random.integers(300, days))
        while ago > 0 and random.random() > 0.02:
            money = float(random.choice([-30.0, 0.0, 5.0, 20.0, 20.0, 80.0]))
            rows.append((who, AS_OF - ONE_DAY * ago, money))
            ago -= int(random.exponential(gap)) + 1
    return rows


@pytest.fixture(scope="module")
def rows():
    return make_rows()


@pytest.fixture(scope="module")
def history(rows):
    return make_history(rows, 80)


@pytest.fixture(scope="module")
def ruled(policy):
    tiers = tuple(TierRule(key, floor, max(floor - 5, 0), grace_days=10) for key, floor in enumerate((0, 40, 70), 1))
    return policy(tiers=tiers)


@pytest.fixture(scope="module")
def found(history, ruled):
    sets = [foresight.RuleSet("policy", ruled, prices={3: "low"}), foresight.RuleSet("amount", None, prices={3: "low"})]
    return foresight.look_back(sets, history, {}, 3)


def bought_between(rows, who, first, last):
    """Money of the days after the first until the last, of who ever bought anything."""
    if not any(money > 0 for one, _day, money in rows if one == who):
        return 0.0
    return sum(money for one, day, money in rows if one == who and first < day <= last)


def top(values, number):
    """The places of the largest with how much of each: of those who tie on the last place an equal part."""
    order = sorted(values.values(), reverse=True)
    border = order[number - 1] if number else np.inf
    above = [who for who, value in values.items() if value > border]
    equal = [who for who, value in values.items() if value == border]
    return {**dict.fromkeys(above, 1.0), **dict.fromkeys(equal, (number - len(above)) / max(len(equal), 1))}


def test_foresight_month_ends_are_the_last_two_years_of_them():
    first = min(day for _who, day, _money in make_rows())
    days = foresight.choose_days(first, AS_OF)
    spans = dict(zip(days.days, days.spans, strict=True))
    full = [day for day in days.days if spans[day] == 365]
    assert (full[0], full[-1]) == (datetime.date(2021, 7, 31), datetime.date(2023, 6, 30))
    assert len(full) == days.full == 24
    assert [day.month for day in days.days if spans[day] == 182] == [7, 8, 9, 10, 11, 12]  # 182 days since


def test_foresight_of_a_young_company_waits():
    days = foresight.choose_days(AS_OF - ONE_DAY * 100, AS_OF)
    assert days.days == ()
    assert days.first == datetime.date(2024, 3, 31)
    days = foresight.choose_days(AS_OF - ONE_DAY * 250, AS_OF)
    assert set(days.spans) == {182}
    assert days.full == 0


def test_foresight_of_the_29th_of_february(policy):
    """365 days lead from 29 February 2024 to 28 February 2025, and from 28 February 2023 to the day before it."""
    leap, before = datetime.date(2024, 2, 29), datetime.date(2023, 2, 28)
    spans = [
        dict(zip(*foresight.choose_days(datetime.date(2023, 2, 10), datetime.date(2025, 2, day))[:2], strict=True))
        for day in (27, 28)
    ]
    assert [found[leap] for found in spans] == [182, 365]
    assert datetime.date(2024, 2, 28) not in spans[0]
    rows = [
        (0, before, 1.0),
        (0, datetime.date(2023, 3, 1), 7.0),
        (0, datetime.date(2023, 3, 2), 3.0),
        (0, datetime.date(2024, 2, 28), 20.0),
        (1, leap, 10.0),
        (2, datetime.date(2024, 3, 1), 40.0),
        (0, datetime.date(2025, 2, 28), 100.0),
        (0, datetime.date(2025, 3, 1), 1000.0),
    ]
    history = make_history(rows, 3, as_of=datetime.date(2025, 6, 30))
    came = foresight.look_after(history, [before, leap], [365, 365])
    assert came.after[:, 0].tolist() == [7 + 3 + 20, 100]
    assert came.past.tolist() == [[1, 0, 0], [3 + 20, 10, 0]]
    lived = foresight.live_through([foresight.RuleSet("policy", policy())], history, [before, leap], came.past)
    assert (lived.places[0] >= 0).tolist() == [[True, False, False], [True, True, False]]


def test_foresight_of_each_day_by_plain_loops(rows, history, ruled, found):
    lived = foresight.live_through([foresight.RuleSet("policy", ruled)], history, *_days(found), _past(history, found))
    for number, point in enumerate(found.result["points"]):
        day = datetime.date.fromisoformat(point["day"])
        place = lived.places[0][number]
        who = [customer for customer in range(80) if place[customer] >= 0]
        # Somebody is a customer from the first purchase on.
        assert who == sorted({one for one, on, money in rows if on <= day and money > 0})
        past = {one: bought_between(rows, one, day - ONE_DAY * 365, day) for one in who}
        after = {one: max(bought_between(rows, one, day, day + ONE_DAY * point["span"]), 0) for one in who}
        total = sum(after.values())
        assert point["customers"] == len(who)
        assert point["amount"] == pytest.approx(total)
        for lowest, cut in zip((2, 1, 0), point["cuts"], strict=True):
            members = [one for one in who if place[one] >= lowest]
            assert cut["customers"] == len(members)
            assert cut["share"] == pytest.approx(sum(after[one] for one in members) / total)
            for name, by in (("naive", past), ("best", after)):
                expected = sum(part * after[one] for one, part in top(by, len(members)).items()) / total
                assert cut[name] == pytest.approx(expected), name
            assert cut["share"] <= cut["best"] + 1e-12


def _days(found):
    return ([datetime.date.fromisoformat(point["day"]) for point in found.result["points"]],)


def _past(history, found):
    days = _days(found)[0]
    return foresight.look_after(history, days, [365] * len(days)).past


def test_foresight_lives_as_computations_twice_a_month_do(history, ruled):
    """Each look by the engine's parts, one after the other: where grace lets nobody fall at once."""
    day = datetime.date(2023, 3, 31)
    looks = [day - ONE_DAY * 14, day, datetime.date(2023, 4, 16), datetime.date(2023, 4, 30)]
    standings = [standing[0] for _day, standing in replay.live_on([(ruled, history)], looks)]
    again = replay.History(history.frame, history.purchases, history.rebates, AS_OF, 365, 2)
    for number, look in enumerate(looks):
        known = again.purchases.day <= schema.day(look)
        kept = Purchases(*(part[known] for part in again.purchases[:3]), *[NOTHING] * 3)
        frame = purchases.summarize(again.frame.index, kept, again.rebates, look, 365, 2)
        frame = frame.assign(contact_count=0, last_contact_date=np.datetime64("NaT", "s"))
        scored = pipeline.apply(ruled, pipeline.fit(ruled, frame, look), frame, look)
        assert np.array_equal(standings[number].score, scored[schema.SCORE].to_numpy())
        earned = scored[schema.EARNED].astype("float64").to_numpy() - 1
        if not number:
            assert np.array_equal(standings[0].place[standings[0].place >= 0], earned[~np.isnan(earned)])
    for before, after, number in zip(standings, standings[1:], (1, 2, 3), strict=False):
        both = (before.place >= 0) & (after.place >= 0)
        fell = both & (after.place < before.place)
        # Who is announced on one look falls on the next: nobody falls on the first one after a month of calm.
        assert not (number == 1 and fell.any())


def test_foresight_side_by_side_by_plain_loops(rows, history, ruled, found):
    result = found.result
    days = [day for day, point in zip(*_days(found), result["points"], strict=True) if point["span"] == 365]
    sets = [foresight.RuleSet("policy", ruled), foresight.RuleSet("amount", None)]
    lived = foresight.live_through(sets, history, days, _past(history, found)[: len(days)])
    cut = result["set_cut"]
    assert result["set_days"] == [str(days[0]), str(days[-1])]
    for which, told in enumerate(result["sets"]):
        place = lived.places[which]
        moved = []
        for before, after in itertools.pairwise(place):
            both = [one for one in range(80) if before[one] >= 0 and after[one] >= 0]
            moved.append(sum(before[one] != after[one] for one in both) / len(both))
        assert told["moved"] == pytest.approx(np.mean(moved))
        back = set()
        for one in range(80):
            for then, later in itertools.combinations(range(1, len(days)), 2):
                fell = 0 <= place[then][one] < place[then - 1][one]
                near = days[later] - days[then] <= ONE_DAY * 90
                if fell and near and place[later][one] >= place[then - 1][one]:
                    back.add(one)
        assert told["back"] == pytest.approx(len(back) / np.count_nonzero((place >= 0).any(axis=0)))
        high = [(number, one) for number in range(len(days)) for one in range(80) if place[number][one] >= 3 - cut]
        silent = [
            not any(w == one and days[n] < day <= days[n] + ONE_DAY * 180 and m > 0 for w, day, m in rows)
            for n, one in high
        ]
        assert told["top"] == pytest.approx(len(high) / len(days))
        assert told["stopped"] == pytest.approx(np.mean(silent))
        other, priced = [], []
        for number, day in enumerate(days):
            past = {one: bought_between(rows, one, day - ONE_DAY * 365, day) for one in range(80)}
            differ = [one for one in range(80) if place[number][one] != lived.places[0][number][one]]
            other.append(sum(past[one] for one in differ))
            gold = [one for one in differ if 2 in (place[number][one], lived.places[0][number][one])]
            priced.append(sum(past[one] for one in gold))
        assert told["other_tier"] == pytest.approx(np.mean(other))
        assert told["other_prices"] == pytest.approx(np.mean(priced))
    plain = [point["cuts"][cut - 1]["naive"] for point in result["points"] if point["span"] == 365]
    assert result["sets"][1]["foresight"] == pytest.approx(np.mean(plain))
    own = [point["cuts"][cut - 1]["share"] for point in result["points"] if point["span"] == 365]
    assert result["sets"][0]["foresight"] == pytest.approx(np.mean(own))
    assert result["sets"][1]["difference"][0] == pytest.approx(np.mean(plain) - np.mean(own))
    assert result["difference"][0] == pytest.approx(np.mean(own) - np.mean(plain))


def test_foresight_beside_rules_with_fewer_tiers(policy):
    """The three highest of two tiers are both; who is in none of them is not among their customers."""
    four = policy(tiers=tuple(TierRule(key, floor, floor) for key, floor in enumerate((0, 30, 60, 90), 1)))
    two = policy(tiers=(TierRule(1, 0, 0), TierRule(2, 50, 50)))
    sets = [foresight.RuleSet("policy", four), foresight.RuleSet("two", two)]
    places = [np.array([[3, 2, 1, -1]]), np.array([[1, 0, -1, -1]])]
    ranks = [place * 1000.0 for place in places]
    came = foresight.Came(np.ones((1, 4)), np.ones((1, 4)), np.array([[False, True, True, True]]))
    told = foresight.compare(foresight.Lived(sets, [AS_OF], places, ranks), came, 3, [foresight.YEAR])
    assert [(each["top"], each["stopped"]) for each in told] == [(3, 2 / 3), (2, 1 / 2)]


def test_foresight_by_tiers_that_were_kept(history, ruled):
    day = datetime.date(2023, 5, 31)
    kept = np.full(80, 0)
    kept[:5] = 2
    sets = [foresight.RuleSet("policy", ruled)]
    found = foresight.look_back(sets, history, {day: kept, datetime.date(2023, 4, 30): np.full(80, -1)}, 3)
    points = {point["day"]: point for point in found.result["points"]}
    assert points["2023-05-31"]["kept"] is True
    assert points["2023-05-31"]["cuts"][0]["customers"] == 5
    assert points["2023-04-30"]["kept"] is False  # nobody had a tier yet
    assert found.members["2023-05-31"] == [[100, 101, 102, 103, 104], []]


def test_foresight_of_a_single_tier_names_its_customers(history, policy):
    sets = [foresight.RuleSet("policy", policy(tiers=(TierRule(1, 0, 0),)))]
    result, members = foresight.look_back(sets, history, {}, 1)
    for point in result["points"]:
        (cut,), ((*customers,),) = point["cuts"], members[point["day"]]
        assert cut["customers"] == len(customers) > 0
        assert cut["share"] in (1, None)
        assert point["listed"]


def test_foresight_without_purchases_or_without_rules(history):
    empty = make_history([(0, AS_OF, -5.0)], 2)
    nothing = foresight.look_back([], empty, {}, 3)
    assert nothing.result["first"] is None
    assert nothing.result["points"] == []
    plain = foresight.look_back([], history, {datetime.date(2023, 5, 31): np.repeat([0, 1], 40)}, 2)
    assert [point["day"] for point in plain.result["points"]] == ["2023-05-31"]
    assert plain.result["sets"] == []
    assert plain.result["advice"] is None


def test_foresight_where_nothing_came():
    point = foresight.tell_day(np.array([0, 1]), 2, np.ones(2), np.zeros(2))
    assert [cut["share"] for cut in point["cuts"]] == [None, None]
    assert foresight.differ(np.ones((1, 2)), np.zeros((1, 2)), np.zeros((1, 2))) is None


def of_conditions(policy):
    """Gold: 60 in the window or more, kept from 40 on. Silver: three purchases, or one in the last 30 days."""
    gold = TierRule(3, conditions=(ConditionRule("monetary", ">=", 60, 40),))
    silver = (ConditionRule("frequency", ">=", 3), ConditionRule("recency", "<=", 30))
    return policy(tiers=(gold, TierRule(2, conditions=silver, match_any=True), TierRule(1)), tier_method="conditions")


def test_foresight_by_conditions_by_plain_loops(rows, history, policy):
    """From look to look, as whoever was in Gold, or in Silver, stays there with 40."""
    rules, unknown = foresight.fit_to_past(of_conditions(policy))
    assert not unknown
    result, members = foresight.look_back([foresight.RuleSet("policy", rules)], history, {}, 3)
    tier = {}
    for point in result["points"]:
        end = datetime.date.fromisoformat(point["day"])
        for day in (end - ONE_DAY * 14, end):
            window = [row for row in rows if day - ONE_DAY * 365 < row[1] <= day]
            for one in {one for one, on, money in rows if on <= day and money > 0}:
                own = [(on, money) for who, on, money in window if who == one]
                paid, bought = sum(money for _on, money in own), [on for on, money in own if money > 0]
                silver = len(bought) >= 3 or (bool(bought) and (day - max(bought)).days <= 30)
                earned, kept = (2 if paid >= gold else int(silver) for gold in (60, 40))
                tier[one] = max(earned, min(tier.get(one, 0), kept))
        for place, listed in zip((2, 1), members[point["day"]], strict=True):
            assert listed == sorted(100 + one for one in tier if tier[one] == place)
            assert listed
        after = {one: max(bought_between(rows, one, end, end + ONE_DAY * point["span"]), 0) for one in tier}
        gold = sum(after[one] for one in tier if tier[one] == 2)
        assert point["cuts"][0]["share"] == pytest.approx(gold / sum(after.values()))


def test_foresight_by_conditions_on_what_is_not_known_is_refused(policy):
    talks = TierRule(2, conditions=(ConditionRule("contacts", ">=", 3),))
    rules = policy(tiers=(talks, TierRule(1)), tier_method="conditions")
    with pytest.raises(RuleError) as caught:
        foresight.fit_to_past(rules)
    assert caught.value.code == foresight.NOT_KNOWN
    assert "contacts" in caught.value.facts["metrics"]


def of_two_kinds():
    """Twenty who pay some 1,000 each month, and twenty who pay some 10 each quarter."""
    random = np.random.default_rng(11)
    rows = []
    for who in range(40):
        gap, money = (30, 1000) if who < 20 else (91, 10)
        day = AS_OF - ONE_DAY * int(random.integers(540, 600))
        while day <= AS_OF:
            rows.append((who, day, round(money * random.uniform(0.9, 1.1), 2)))
            day += ONE_DAY * gap
    return rows


def by_clusters(policy):
    return policy((("frequency", 50), ("monetary", 50)), floors=(0, 50), tier_method="clusters")


def test_foresight_by_clusters_finds_the_two_kinds(policy):
    """On each month-end once all are there; what came from the large ones is counted beside."""
    rows = of_two_kinds()
    rules, unknown = foresight.fit_to_past(by_clusters(policy))
    assert not unknown
    history = make_history(rows, 40)
    result, members = foresight.look_back([foresight.RuleSet("policy", rules)], history, {}, 2)
    settled = [point for point in result["points"] if point["day"] >= "2023-03-31"]
    assert [point["span"] for point in settled] == [365] * 4 + [182] * 6
    for point in settled:
        day = datetime.date.fromisoformat(point["day"])
        after = [bought_between(rows, one, day, day + ONE_DAY * point["span"]) for one in range(40)]
        assert members[point["day"]] == [list(range(100, 120))]
        assert point["cuts"][0]["customers"] == 20
        assert point["cuts"][0]["share"] == pytest.approx(sum(after[:20]) / sum(after))


@pytest.mark.parametrize("method", ["score", "conditions", "clusters"])
def test_foresight_knows_nothing_of_what_came_later(policy, method):
    """The tiers of a day are the same, whatever was bought after it."""
    rows = make_rows() if method != "clusters" else of_two_kinds()
    customers = 40 if method == "clusters" else 80
    last, *_others = days = [datetime.date(2023, month, 28) for month in (6, 5, 4)]
    rules = {"score": lambda make: make(), "conditions": of_conditions, "clusters": by_clusters}[method](policy)
    ruled = foresight.RuleSet("policy", foresight.fit_to_past(rules)[0])
    places = []
    for known in (rows, [row for row in rows if row[1] <= last], [*rows, (3, last + ONE_DAY, 1e6)]):
        history = make_history(known, customers)
        past = foresight.look_after(history, days[::-1], [365] * 3).past
        places.append(foresight.live_through([ruled], history, days[::-1], past).places[0])
    assert len(np.unique(places[0])) > 1
    assert np.array_equal(places[0], places[1])
    assert np.array_equal(places[0], places[2])


def test_foresight_leaves_out_what_is_known_of_today_only(policy):
    rules, unknown = foresight.fit_to_past(policy((("recency", 50), ("contacts", 20), ("monetary", 30))))
    assert unknown == ("contacts",)
    assert [criterion.metric for criterion in rules.criteria] == ["recency", "monetary"]
    with pytest.raises(RuleError, match=foresight.NOT_KNOWN):
        foresight.fit_to_past(policy((("contacts", 20),)))
    ranked = (TierRule(2, share=20), TierRule(1, share=80))
    with pytest.raises(RuleError, match=foresight.NOT_KNOWN):
        foresight.fit_to_past(policy(tiers=ranked, tier_method="customer_share", basis="contacts"))
    rules, unknown = foresight.fit_to_past(policy(tiers=ranked, tier_method="customer_share", basis="monetary"))
    assert not unknown
    assert not foresight.is_searched(rules)


# The interval -----------------------------------------------------------------------------


def test_foresight_interval_covers_the_true_difference():
    """Of 400 draws from one and the same pool of customers, 95 of 100 intervals hold what is true of the pool."""
    random = np.random.default_rng(7)
    size, hits = 20_000, 0
    pool = random.gamma(0.5, 100, size)
    one, other = (random.random(size) < 0.2 + 0.3 * (pool > 100)), random.random(size) < 0.2
    truth = (pool * one).sum() / pool.sum() - (pool * other).sum() / pool.sum()
    for _draw in range(400):
        who = random.integers(0, size, 500)
        found = foresight.differ(one[None, who] * 1.0, other[None, who] * 1.0, pool[None, who])
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 400 <= 0.98


# Weights ----------------------------------------------------------------------------------


def make_world(seed, *, foretells, customers=1500, months=60):
    """Customers who buy once a month. How often somebody buys foretells what comes only if asked for: else each
    amount is drawn anew, and of nobody more is to be expected than of another."""
    random = np.random.default_rng(seed)
    rows = []
    loyal = random.random(customers) < 0.3
    for month in range(months):
        day = AS_OF - ONE_DAY * (30 * month + 3)
        chance = np.where(loyal, 0.9, 0.1) if foretells else np.full(customers, 0.35)
        for who in np.flatnonzero(random.random(customers) < chance):
            # Who buys seldom buys much at a time, so that a good amount of one year is bad luck's.
            money = random.gamma(2, 10) if loyal[who] or not foretells else random.gamma(0.3, 300)
            rows.append((int(who), day, float(np.round(money + 1, 2))))
    return make_history(rows, customers)


def advise(history, rules):
    sets = [foresight.RuleSet("policy", rules), foresight.RuleSet("amount", None)]
    return foresight.look_back(sets, history, {}, 2).result


def test_foresight_finds_the_weights_that_foretell(policy):
    tiers = (TierRule(2, share=30), TierRule(1, share=70))
    amounts_only = policy((("average_order", 100), ("frequency", 0)), tiers=tiers, tier_method="customer_share")
    result = advise(make_world(1, foretells=True), amounts_only)
    advice = result["advice"]
    assert advice["verdict"] == "better"
    assert advice["weights"]["frequency"] > advice["weights"]["average_order"]
    assert advice["found"] > advice["present"] + 0.05
    assert advice["difference"][1] > 0
    assert result["sets"][1]["verdict"] == "more"  # than average orders: by the amount of the year before


def test_foresight_does_not_fall_for_chance(policy):
    tiers = (TierRule(2, share=30), TierRule(1, share=70))
    rules = policy((("recency", 40), ("frequency", 30), ("monetary", 30)), tiers=tiers, tier_method="customer_share")
    for seed in range(3):
        result = advise(make_world(seed, foretells=False, customers=400), rules)
        advice = result["advice"]
        assert advice["verdict"] == "same", seed
        assert advice["weights"] == advice["today"]
        assert result["verdict"] == "same"
        point = result["points"][0]["cuts"][0]
        assert point["share"] == pytest.approx(0.3, abs=0.06)  # as large a part as that of the customers


def test_foresight_share_of_each_weight_by_plain_loops():
    random = np.random.default_rng(2)
    points = random.choice([0.0, 25.0, 50.0, 100.0], (60, 3))
    points[random.random((60, 3)) < 0.2] = np.nan
    bought, after = random.random(60) < 0.9, random.gamma(1, 50, 60)
    weights = foresight.get_weights(3)
    found = foresight._share_all(points, bought, weights, 12, after)
    for which in (0, 17, 65):
        score = {}
        for one in np.flatnonzero(bought):
            pairs = [(p, w) for p, w in zip(points[one], weights[which], strict=True) if not np.isnan(p)]
            whole = sum(w for _p, w in pairs)
            score[one] = round(sum(p * w for p, w in pairs) / whole, 2) if whole else 0.0
        expected = sum(part * after[one] for one, part in top(score, 12).items()) / after[bought].sum()
        assert found[which] == pytest.approx(expected)


@pytest.mark.parametrize("criteria", [1, 2, 4, 8, 12])
def test_foresight_weights_are_all_ways_to_share_out(criteria):
    weights = foresight.get_weights(criteria)
    assert len(weights) <= foresight.MOST_WEIGHTS
    assert np.allclose(weights.sum(axis=1), 100)
    assert (weights >= 0).all()
    assert len(np.unique(weights, axis=0)) == len(weights)


# CDNOW ------------------------------------------------------------------------------------


def test_foresight_of_cdnow_by_what_came_later(policy):
    """Half a year after each month-end of 1997, of real customers, by pandas."""
    path = os.environ.get("CUSTOMER_TIERING_CDNOW")
    if not path:
        pytest.skip("CUSTOMER_TIERING_CDNOW must name the file CDNOW_sample.txt, as bin/test does.")
    rows = pd.read_csv(
        path, sep=r"\s+", names=["id", "customer", "day", "units", "amount"], parse_dates=["day"], date_format="%Y%m%d"
    )
    rows = rows[rows["amount"] > 0]
    code = rows["customer"].factorize(sort=True)[0]
    as_of = datetime.date(1998, 6, 30)
    history = make_history(zip(code, rows["day"].dt.date, rows["amount"], strict=True), code.max() + 1, as_of)
    result = foresight.look_back([foresight.RuleSet("policy", policy())], history, {}, 4).result
    points = {point["day"]: point for point in result["points"]}
    assert [point["span"] for point in points.values()] == [365] * 6 + [182] * 5
    for day, point in points.items():
        then, until = pd.Timestamp(day), pd.Timestamp(day) + pd.Timedelta(days=point["span"])
        before, later = rows[rows["day"] <= then], rows[(rows["day"] > then) & (rows["day"] <= until)]
        known = before.groupby("customer")["amount"].sum()
        after = later.groupby("customer")["amount"].sum().reindex(known.index).fillna(0)
        assert point["customers"] == len(known)
        assert point["amount"] == pytest.approx(after.sum())
        number = point["cuts"][0]["customers"]
        order = known.sort_values(ascending=False)
        border = order.iloc[number - 1]
        above, equal = after[known > border], after[known == border]
        expected = above.sum() + equal.mean() * (number - len(above))
        assert point["cuts"][0]["naive"] == pytest.approx(expected / after.sum())
        best = after.sort_values(ascending=False).iloc[:number].sum() / after.sum()
        assert point["cuts"][0]["best"] == pytest.approx(best)
        print(f"CDNOW, {day}: " + ", ".join(f"{cut['share']:.1%} ({cut['customers']})" for cut in point["cuts"][:2]))
        # The best tenth of these customers brings several times its part.
        assert point["cuts"][0]["share"] > 1.5 * number / len(known)
