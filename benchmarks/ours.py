"""The addon's own work, as its jobs do it: for all companies, each policy in a transaction of its own."""

import datetime
import statistics
import time
from contextlib import ExitStack, nullcontext
from unittest import mock

from common import read_server_cpu, transaction

PHASES = ("read", "compute", "write")
CUSTOMERS = 40  # scored one by one
WARM_UP = 5
FORTNIGHTS, NIGHTS = 26, 14  # of a year that is lived through


def run(registry, clock, as_of, result, context=nullcontext):
    """The work of the nightly job, without its rests.

    :param context: given each run, returns the context manager in which it is computed
    """
    from odoo.addons.customer_tiering.engine import pipeline  # noqa: F401, PLC0415 - read before the clock starts

    phases, counts = {}, []
    with transaction(registry) as env:
        runs = env["customer.tiering.run"]._queue(get_policies(env), trigger="nightly")
        env.cr.commit()
        with clock.measure(lambda: env.cr.sql_log_count):
            for one in runs:
                queries = env.cr.sql_log_count
                with context(one):
                    compute(registry, one, as_of, phases)
                env.cr.commit()
                counts.append(
                    {
                        "customers": one.customer_count,
                        "queries": env.cr.sql_log_count - queries,
                        "duration": one.duration,
                    }
                )
        written = sum(runs.mapped("written_count"))
    return {"phases": phases, "companies": counts, "written": written}


def run_at_night(registry, clock, as_of, result):
    """The nightly job with its rests."""
    return run(registry, clock, as_of, result, context=registry["customer.tiering.run"]._taking_time)


def compare_always(registry, clock, as_of, result):
    """From now on the policies compare all customers in each run again; they do so now. Not measured."""
    set_recalibration(registry, 0)
    with transaction(registry) as env:
        for one in env["customer.tiering.run"]._queue(get_policies(env), trigger="nightly"):
            one._compute(as_of=as_of)
            env.flush_all()
            env.cr.commit()


def compare_weekly(registry, clock, as_of, result):
    """The policies compare all customers once a week, as a new policy does. Not measured."""
    set_recalibration(registry, 7)


def set_recalibration(registry, days):
    with transaction(registry) as env:
        get_policies(env).recalibrate_days = days
        env.flush_all()
        env.cr.commit()


def run_with_every_metric(registry, clock, as_of, result):
    """All that the engine can score, from empty scorecards; rolled back."""
    return try_out(registry, clock, as_of, add_every_metric)


def run_by_clusters(registry, clock, as_of, result):
    return try_out(registry, clock, as_of, lambda policy: policy.write({"method": "clusters"}))


def run_by_lateness(registry, clock, as_of, result):
    """The run that compares anew, from empty scorecards, without anything foretold; rolled back."""
    return run_after_another(registry, clock, as_of, "lateness")


def run_by_prediction(registry, clock, as_of, result):
    """The same with what customers will do, learned anew."""
    return run_after_another(registry, clock, as_of, "prediction", learning=True)


def run_by_prediction_learned(registry, clock, as_of, result):
    """The same by what was learned the night before, as on six of seven nights."""
    return run_after_another(registry, clock, as_of, "prediction")


def run_after_another(registry, clock, as_of, method, learning=False):
    """The run of the night before has the same rules: each replaces its comparison, and does that work, too."""
    with transaction(registry) as env:
        policies = get_policies(env)
        policies.write({"risk_method": method, "recalibrate_days": 1})
        for one in env["customer.tiering.run"]._queue(policies, trigger="nightly"):
            one._compute(as_of=as_of - datetime.timedelta(1))
        env.flush_all()
        env.cr.execute("DELETE FROM customer_tiering_scorecard")
        env.invalidate_all()
        runs = env["customer.tiering.run"]._queue(policies, trigger="nightly")
        runs.recalibrate = learning
        return compute_all(registry, clock, as_of, runs)


def write_quiet_nights(registry, clock, as_of, result):
    """How many scorecards the run of the next day rewrites, nothing new, with and without prediction; rolled back."""
    found = {}
    for method in ("lateness", "prediction"):
        with transaction(registry) as env:
            env.cr.execute("DELETE FROM customer_tiering_scorecard")
            policies = get_policies(env)
            policies.risk_method = method
            for day in (as_of, as_of + datetime.timedelta(1)):
                runs = env["customer.tiering.run"]._queue(policies, trigger="nightly")
                for one in runs:
                    compute(registry, one, day, {})
            found[method] = sum(runs.mapped("written_count"))
            found["customers"] = sum(runs.mapped("customer_count"))
    return found


def live_through_a_year(registry, clock, as_of, result):
    """A run each fortnight of a year, then a fortnight of nights; then how much the history keeps of a year of nights.

    The purchases are those of each day; what was computed before is to be removed first.
    """
    days = [as_of - datetime.timedelta(NIGHTS + 14 * number) for number in range(FORTNIGHTS, 0, -1)]
    days += [as_of - datetime.timedelta(NIGHTS - number) for number in range(NIGHTS + 1)]
    with transaction(registry) as env:
        for day in days:
            for one in env["customer.tiering.run"]._queue(get_policies(env), trigger="nightly"):
                with clock.measure(lambda: env.cr.sql_log_count):
                    compute(registry, one, day, {})
                env.cr.commit()
        found = {"cards": env["customer.tiering.scorecard"].search_count([]), "tables": {}}
        for table in ("customer_tier_change", "customer_segment_change"):
            since = as_of - datetime.timedelta(NIGHTS)
            env.cr.execute(
                f"SELECT count(*), count(*) FILTER (WHERE date > %s), pg_total_relation_size('{table}') FROM {table}",
                (since,),
            )
            rows, lately, size = env.cr.fetchone()
            yearly = lately * 365 / NIGHTS
            found["tables"][table] = {"rows": rows, "a year": yearly, "bytes a year": yearly * size / max(rows, 1)}
    return found


def find_gaps(registry, clock, as_of, result):
    """The weekly job that looks for stopped and missing products, in all companies."""
    with transaction(registry) as env:
        policies = get_policies(env)
        policies.look_for_gaps = True
        env.flush_all()
        env.cr.commit()
        with clock.measure(lambda: env.cr.sql_log_count):
            for company in policies.company_id:
                env["customer.tiering.gap"]._find(company, as_of)
                env.cr.commit()
        return {"found": env["customer.tiering.gap"].search_count([])}


def foresee_falls(registry, clock, as_of, result):
    """The job after a run that foresees downgrades, for all policies."""
    with transaction(registry) as env:
        policies = get_policies(env)
        policies.foresees_falls = True
        env.flush_all()
        env.cr.commit()
        with clock.measure(lambda: env.cr.sql_log_count):
            for policy in policies:
                run = env["customer.tiering.run"]._get_last(policy)
                run.write({"fall_state": "waiting", "fall_partner_id": 0})
                while run.fall_state == "waiting":  # lot by lot
                    env["customer.tiering.fall"]._foresee(run)
                    env.cr.commit()
        return {"found": env["customer.tiering.fall"].search_count([])}


def try_out_forecasts(registry, clock, as_of, result):
    """The weekly test of what is foretold, for all policies."""
    with transaction(registry) as env:
        with clock.measure(lambda: env.cr.sql_log_count):
            for policy in get_policies(env):
                env["customer.tiering.forecast"]._queue(policy)._compute(as_of)
                env.cr.commit()
        return {"found": env["customer.tiering.forecast"].search_count([("grade", "!=", False)])}


def measure_tier_effects(registry, clock, as_of, result):
    """What came of the tiers of all policies: borders, follow-ups without a draw, locks."""
    found = ask_all(registry, clock, "customer.tiering.tier.effect", as_of=as_of)
    return {"found": sum(one["border"]["code"] == "judged" for one in found)}


def check_fairness(registry, clock, as_of, result):
    """The rules of the last computation of all policies put to the test."""
    return {"found": sum(one["customers"] for one in ask_all(registry, clock, "customer.tiering.fairness"))}


def look_back(registry, clock, as_of, result):
    """What the tiers of past month-ends foretold, beside the amount of the year before, of all policies."""
    found = ask_all(registry, clock, "customer.tiering.foresight", asked=["amount"], as_of=as_of)
    return {"found": sum(len(one["points"]) for one in found)}


def ask_all(registry, clock, name, asked=None, **day):
    """Have what is computed of a policy in the background computed of all; return what was found of each."""
    with transaction(registry) as env:
        policies = get_policies(env)
        with clock.measure(lambda: env.cr.sql_log_count):
            for policy in policies:
                record = env[name]._queue(policy, **({"asked": asked} if asked else {}))
                record._compute(**day)
                env.cr.commit()
        return [
            record.result for record in env[name].search([("policy_id", "in", policies.ids), ("as_of", "!=", False)])
        ]


def fill_old_orders(registry, clock, as_of, result):
    """The job that fills the tiers of orders that were confirmed before. Once: then none is left to fill."""
    with transaction(registry) as env:
        with clock.measure(lambda: env.cr.sql_log_count):
            env["sale.order"]._cron_fill_tiers()
        return {"found": env["sale.order"].search_count([("tiering_tier_filled", "=", True)])}


def simulate(registry, clock, as_of, result):
    """What the same policies would change; rolled back."""
    with transaction(registry) as env:
        policies = get_policies(env)
        drafts = policies.browse()
        for policy in policies:
            policy.action_simulate()
            drafts |= env["customer.tiering.simulation"].search([("base_id", "=", policy.id)], limit=1).draft_id
        runs = env["customer.tiering.run"]._queue(drafts, trigger="manual")
        return compute_all(registry, clock, as_of, runs)


def try_out(registry, clock, as_of, change):
    with transaction(registry) as env:
        env.cr.execute("DELETE FROM customer_tiering_scorecard")
        policies = get_policies(env)
        for policy in policies:
            change(policy)
        runs = env["customer.tiering.run"]._queue(policies, trigger="nightly")
        runs.recalibrate = True  # whatever was computed before
        return compute_all(registry, clock, as_of, runs)


def compute_all(registry, clock, as_of, runs):
    from odoo.addons.customer_tiering.engine import pipeline  # noqa: F401, PLC0415 - read before the clock starts

    phases = {}
    runs.env.flush_all()
    before = read_server_cpu(runs.env)
    with clock.measure(lambda: runs.env.cr.sql_log_count):
        for one in runs:
            compute(registry, one, as_of, phases)
    server = read_server_cpu(runs.env)
    return {
        "phases": phases,
        "written": sum(runs.mapped("written_count")),
        "work": clock.cpu + server - before if server else None,  # seconds of processor time, of both
    }


def add_every_metric(policy):
    others = policy.env["customer.tiering.metric"].search([]) - policy.criterion_ids.metric_id
    policy.env["customer.tiering.criterion"].create(
        [{"policy_id": policy.id, "metric_id": metric.id} for metric in others]
    )


def compute(registry, one, as_of, phases):
    """Compute a run; add its seconds to ``phases``."""
    from odoo.addons.customer_tiering.engine import pipeline  # noqa: PLC0415 - open_registry() makes addons known

    with ExitStack() as stack:
        for phase, owner, method in (
            ("read", registry["customer.tiering.reader"], "_read_customers"),
            ("read", registry["customer.tiering.reader"], "_read_cards"),
            ("read", registry["customer.tiering.reader"], "_read_states"),
            ("compute", pipeline, "fit"),
            ("compute", pipeline, "apply"),
            ("write", registry["customer.tiering.writer"], "_write_result"),
            ("write", registry["customer.tiering.simulation"], "_record"),
        ):
            stack.enter_context(mock.patch.object(owner, method, timed(getattr(owner, method), phase, phases)))
        one._compute(as_of=as_of)
        one.env.flush_all()


def timed(function, phase, phases):
    def wrapper(*args, **kwargs):
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            phases[phase] = phases.get(phase, 0) + time.perf_counter() - started

    return wrapper


def get_policies(env):
    return env["customer.tiering.policy"].search([])


def refresh_singles(registry, clock, as_of, result):
    """Score customers again one by one, as the job does it after an order, and as many at once; rolled back."""
    with transaction(registry) as env:
        cards = [("company_id", "=", env.company.id)]
        customers = env["customer.tiering.scorecard"].search(cards, limit=20 * CUSTOMERS).partner_id[::17]
        customers = customers[: WARM_UP + CUSTOMERS].ids
    alone = [refresh(registry, [customer]) for customer in customers][WARM_UP:]
    seconds, queries = zip(*alone, strict=True)
    together, _queries = refresh(registry, customers)
    return {
        "median": statistics.median(seconds),
        "least": min(seconds),
        "most": max(seconds),
        "median_queries": statistics.median(queries),
        "customers": len(seconds),
        "together": together / len(customers),
        "together_customers": len(customers),
    }


def refresh(registry, customers):
    """Score the customers again together; return the seconds and the number of queries."""
    with transaction(registry) as env:
        Refresh = env["customer.tiering.refresh"]
        Refresh._add(env["res.partner"].browse(customers), env.company, "instant")
        env.invalidate_all()
        before = env.cr.sql_log_count
        started = time.perf_counter()
        done = Refresh._process(env.company)
        env.flush_all()
        seconds = time.perf_counter() - started
        if done != len(customers):
            raise SystemExit("The queue was not empty.")
        return seconds, env.cr.sql_log_count - before
