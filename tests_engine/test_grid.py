import random
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from engine import grid


def by_hand(values, higher_is_better):
    """The fifth of each value: by its place among all, equal ones by the middle of theirs."""
    ordered = sorted((value for value in values if value is not None), reverse=not higher_is_better)
    found = []
    for value in values:
        if value is None:
            found.append(None)
            continue
        places = [place for place, other in enumerate(ordered, start=1) if other == value]
        middle = sum(places) / len(places)
        found.append(min(int(5 * (middle - 0.5) / len(ordered)) + 1, 5))
    return found


@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_fifths_are_those_by_hand(seed, higher_is_better):
    dice = random.Random(seed)
    values = [dice.choice([None, *range(dice.choice([1, 3, 50]))]) for _ in range(dice.choice([1, 2, 7, 40]))]
    series = pd.Series(values, dtype="float64")
    begin = grid.fit(series, higher_is_better=higher_is_better)
    found = grid.place(series, begin, higher_is_better=higher_is_better)
    assert [None if pd.isna(fifth) else fifth for fifth in found] == by_hand(values, higher_is_better)


def test_different_values_are_shared_out_evenly():
    values = pd.Series(np.random.default_rng(1).permutation(100.0 + np.arange(1000)))
    fifths = grid.place(values, grid.fit(values, higher_is_better=True), higher_is_better=True)
    assert Counter(fifths) == dict.fromkeys(range(1, 6), 200)


def test_the_order_of_customers_does_not_matter():
    values = pd.Series([3.0, 1, 2, 2, 9, None], index=[5, 6, 7, 8, 9, 10])
    turned = values[::-1]
    begin = grid.fit(values, higher_is_better=True)
    assert begin.tolist() == pytest.approx(grid.fit(turned, higher_is_better=True).tolist(), nan_ok=True)


def test_nobody_is_lost_between_the_cells():
    dice = np.random.default_rng(2)
    places = pd.array(dice.integers(1, 6, 500), dtype="Int64")
    frame = pd.DataFrame(
        {
            "row": places,
            "column": places[::-1],
            "amount": dice.normal(size=500),
            "expected_loss": 1.0,
            "contacted": True,
            "by_email": True,
            "by_phone": False,
        }
    )
    frame.loc[:9, "row"] = pd.NA
    cells = grid.count(frame)
    assert cells["customers"].sum() == 490
    assert cells["amount"].sum() == pytest.approx(frame["amount"][10:].sum())
    assert cells[["expected_loss", "contacted"]].sum().tolist() == [490, 490]
