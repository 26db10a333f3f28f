"""Do one thing once, and write down what it cost: ``bin/python benchmarks/measure.py DATABASE WHAT FILE``.

``compare.py`` starts it in a process of its own for each figure, so that the memory of one is not that of
another, and stops it when it takes too long. The file gets the figures as JSON.
"""

import argparse
import datetime
import json
from pathlib import Path

import confirm
import followups
import ours
import pages
import screens
from clock import Clock, read_status
from common import AS_OF, get_parameter, open_registry, transaction
from peers import b0, cards, orm_loop, read_group

# Each takes (registry, clock, as_of, path of a file for the result by customer) and returns more figures.
MEASURED = {
    "idle": lambda *arguments: {},
    "clean": lambda registry, *arguments: cards.remove(registry),
    "B0-scan": b0.scan,
    "B0": b0.compute,
    "run": ours.run,
    "run, at night": ours.run_at_night,
    "compare always": ours.compare_always,
    "compare weekly": ours.compare_weekly,
    "every metric": ours.run_with_every_metric,
    "clusters": ours.run_by_clusters,
    "simulation": ours.simulate,
    "by lateness": ours.run_by_lateness,
    "by prediction": ours.run_by_prediction,
    "by prediction, learned": ours.run_by_prediction_learned,
    "quiet nights": ours.write_quiet_nights,
    "a year": ours.live_through_a_year,
    "stopped products": ours.find_gaps,
    "foreseen downgrades": ours.foresee_falls,
    "test of the forecast": ours.try_out_forecasts,
    "effect of tiers": ours.measure_tier_effects,
    "fairness": ours.check_fairness,
    "foresight": ours.look_back,
    "old orders": ours.fill_old_orders,
    "single": ours.refresh_singles,
    "ORM loop": orm_loop.compute,
    "read_group": read_group.compute,
    "screens": screens.measure_all,
    "pages": pages.measure_all,
    "confirm": confirm.measure_all,
    "followups": followups.measure_all,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    parser.add_argument("what", choices=MEASURED)
    parser.add_argument("file", type=Path)
    parser.add_argument("--result", type=Path, help="write what each customer got, as CSV")
    parser.add_argument("--days", type=int, default=0, help="so long after the last day of the data")
    options = parser.parse_args()
    registry = open_registry(options.database)
    with transaction(registry) as env:
        as_of = datetime.date.fromisoformat(get_parameter(env, AS_OF)) + datetime.timedelta(days=options.days)
    clock = Clock(read_status("VmRSS"))
    more = MEASURED[options.what](registry, clock, as_of, options.result)
    options.file.write_text(json.dumps({**clock.figures(), **(more or {})}), encoding="utf-8")


if __name__ == "__main__":
    main()
