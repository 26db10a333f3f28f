"""What holds whoever is shared out among whomever."""

import copy
import random
from collections import Counter

import pytest
from engine.portfolios import share_out

TIERS = ("Platinum", "Gold", None)


def draw(seed):
    chance = random.Random(seed)
    people = [f"Person {number}" for number in range(chance.randint(1, 5))]
    load = {person: {tier: chance.randint(0, 4) for tier in TIERS if chance.random() < 0.7} for person in people}
    customers = [(chance.choice(TIERS), chance.choice([*people, "Outsider", None])) for _ in range(40)]
    return customers, load


@pytest.mark.parametrize("seed", range(20))
def test_nobody_gets_one_while_another_has_two_fewer(seed):
    customers, load = draw(seed)
    persons = share_out(customers, load)
    for tier in TIERS:
        got = Counter(person for (of, _present), person in zip(customers, persons, strict=True) if of == tier)
        after = {person: tiers.get(tier, 0) + got[person] for person, tiers in load.items()}
        for person in got:
            assert after[person] <= min(after.values()) + 1


@pytest.mark.parametrize("seed", range(20))
def test_nobody_gets_more_than_they_have_room_for_and_the_input_is_left_alone(seed):
    customers, load = draw(seed)
    before = copy.deepcopy((customers, load))
    capacity = {"Platinum": 3, "Gold": 6}
    persons = share_out(customers, load, capacity)
    assert (customers, load) == before
    assert persons == share_out(customers, load, capacity)
    for tier in TIERS:
        got = Counter(person for (of, _present), person in zip(customers, persons, strict=True) if of == tier)
        room = {person: max(capacity.get(tier, 99) - tiers.get(tier, 0), 0) for person, tiers in load.items()}
        assert all(got[person] <= room[person] for person in load)
        # nobody is left over as long as somebody has room
        assert got[None] == max(sum(got.values()) - sum(room.values()), 0)


def test_who_shares_evenly_already_keeps_everybody():
    customers = [("Gold", person) for person in ("Ann", "Ben", "Cid")] * 3
    random.Random(1).shuffle(customers)
    persons = share_out(customers, {"Ann": {}, "Ben": {}, "Cid": {}})
    assert Counter(persons) == {"Ann": 3, "Ben": 3, "Cid": 3}
