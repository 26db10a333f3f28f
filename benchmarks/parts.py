"""What it costs to compute a company in parts instead of in one piece, and how much memory a part takes."""

import time

from clock import Clock, read_status
from common import read_server_cpu, transaction

NUMBERS = (2, 4, 7)


def compare(registry, clock, as_of, result):
    """The largest company from empty scorecards, in one piece and in so many parts; rolled back."""
    whole = measure(registry, as_of, None)
    found = {"whole": whole}
    for number in NUMBERS:
        parts = found[str(number)] = measure(registry, as_of, number)
        if parts["result"] != whole["result"]:
            raise SystemExit(f"{number} parts: {parts['result']}, one piece: {whole['result']}.")
        parts["work_ratio"] = parts["work"] / whole["work"]
        parts["alongside"] = expect(parts["steps"], 2)
    return found


def measure(registry, as_of, number):
    from odoo.addons.customer_tiering.engine import pipeline  # noqa: F401, PLC0415 - read before the clock starts

    with transaction(registry) as env:
        env.cr.execute("DELETE FROM customer_tiering_scorecard")
        env.cr.execute(
            "SELECT policy_id FROM customer_tiering_run WHERE state = 'done'"
            " GROUP BY 1 ORDER BY MAX(customer_count) DESC LIMIT 1"
        )
        policy = env["customer.tiering.policy"].browse(env.cr.fetchone()[0])
        run = env["customer.tiering.run"]._queue(policy, trigger="manual")
        run.recalibrate = True
        before, started = read_server_cpu(env), time.perf_counter()
        clock = Clock(read_status("VmRSS"))
        steps = []
        if number:
            customers = policy._get_scope(as_of).candidates
            env.cr.execute(f"SELECT COUNT(*) FROM ({env.cr.mogrify(customers.code, customers.params).decode()}) c")
            size = -(-env.cr.fetchone()[0] // number)
            type(run)._get_part_size = type(run)._get_part_border = lambda self: size
            env.cr.execute("ANALYZE res_partner")
            run._divide()
            while run.state == "queued":
                step = Clock(clock.idle)
                states = {part: part.state for part in run.part_ids}
                with step.measure():
                    run._do_step(as_of)
                    env.flush_all()
                kind = next((part.state for part in states if part.exists() and part.state != states[part]), "together")
                steps.append((kind, step.seconds, step.peak))
                clock.cpu += step.cpu
                clock.peak = max(clock.peak, step.peak)
        else:
            with clock.measure():
                run._compute(as_of=as_of)
                env.flush_all()
        seconds = time.perf_counter() - started
        work = clock.cpu + read_server_cpu(env) - before
        env.cr.execute(
            "SELECT COUNT(*), SUM(digest::numeric), SUM(tier_id), SUM(hashtext(parts)::bigint)"
            " FROM customer_tiering_scorecard WHERE policy_id = %s",
            [policy.id],
        )
        result = [float(value or 0) for value in env.cr.fetchone()]
        return {"seconds": seconds, "work": work, "peak": clock.peak, "steps": steps, "result": result}


def expect(steps, workers):
    """The seconds that so many servers need at least, which do not hinder each other: what is done of parts is done
    alongside, what is done of all together is not."""
    seconds = {}
    for kind, took, _peak in steps:
        seconds.setdefault(kind, []).append(took)
    together = sum(seconds.pop("together", []))
    return together + sum(max(sum(took) / workers, max(took)) for took in seconds.values())
