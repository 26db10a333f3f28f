"""Times of the planning of follow-ups.

Beside them a plain loop that schedules the same activities one by one, as most addons do it. Everything
is rolled back.
"""

import time
from contextlib import contextmanager

from common import count_queries, format_table, transaction

from odoo.fields import Command

FOLLOWUPS = 10_000
LOOP = 200  # so many in the plain loop
PEOPLE = 20


def measure_all(registry, clock, as_of, result):
    """Return steps: what, number, seconds and queries, as :func:`render` takes them."""
    with transaction(registry) as env:
        buyers = [("company_id", "=", env.company.id), ("last_order_date", "!=", False)]
        count = env["customer.tiering.scorecard"].search_count(buyers, limit=FOLLOWUPS)
        if not count:
            raise SystemExit("There are no scorecards: compute them first.")
    with transaction(registry) as env:
        playbook = create_playbook(env, as_of)
        followups = env["customer.tiering.followup"]
        rows = []
        with timed(rows, "events taken in", env, count):
            followups._collect_present(playbook, since=as_of)
        keep(env, count)
        with timed(rows, "preview of all", env, count):
            preview = env["customer.tiering.playbook.preview"].create([{"playbook_id": playbook.id}])
            preview.action_compute()
        with timed(rows, "planned by the job", env, count):
            while followups._process(playbook, as_of):
                pass
        planned = env["mail.activity"].search_count([("automated", "=", True), ("summary", "=like", "Call %")])
        assert planned == count, planned
        per_followup = rows[-1][-2] / count
        env.cr.execute("UPDATE customer_tiering_scorecard SET last_contact_date = %s", (as_of,))
        with timed(rows, "closed by the job, the reason gone", env, count):
            while followups._process(playbook, as_of):
                pass
        with timed(rows, "plain loop", env, LOOP):
            loop(env, as_of)
    return {"steps": rows, "ratio": rows[-1][-2] / LOOP / per_followup}


def render(found):
    """Return what :func:`measure_all` found as Markdown."""
    table = format_table(
        ["what", "number", "s", "queries"],
        [[what, f"{number:,}", f"{seconds:.1f}", f"{queries:,}"] for what, number, seconds, queries in found["steps"]],
    )
    return f"""{table}

The plain loop takes {found["ratio"]:.0f} times as long for each activity.
"""


@contextmanager
def timed(rows, what, env, number):
    """Time the block, and add a row: what, number, seconds, queries."""
    started = time.perf_counter()
    with count_queries(env) as counted:
        yield
        env.flush_all()
    rows.append((what, number, time.perf_counter() - started, counted.queries))


def create_playbook(env, as_of):
    """Return a playbook for all customers, of twenty people in turn, without limits, switched on."""
    policy = env["customer.tiering.policy"].search([("company_id", "=", env.company.id)], limit=1)
    people = env["res.users"].create(
        [
            {
                "name": f"Person {number}",
                "login": f"followups_{number}",
                "group_ids": [Command.link(env.ref("sales_team.group_sale_salesman").id)],
            }
            for number in range(PEOPLE)
        ]
    )
    team = env["crm.team"].create({"name": "All", "member_ids": people.ids, "company_id": env.company.id})
    return env["customer.tiering.playbook"].create(
        {
            "name": "Everybody",
            "policy_id": policy.id,
            "trigger": "contact",
            "contact_days": 1,
            "assign": "team",
            "team_id": team.id,
            "user_day_limit": 0,
            "user_open_limit": 0,
            "enabled": True,
            "enabled_since": as_of,
            "step_ids": [
                Command.create(
                    {
                        "activity_type_id": env.ref("mail.mail_activity_data_call").id,
                        "summary": "Call {{ customer }}",
                        "note": "<p>{{ tier }}, {{ amount }}, last order {{ last_order }}. {{ reason }}</p>",
                    }
                )
            ],
        }
    )


def keep(env, count):
    """Forget all waiting follow-ups but ``count``."""
    env.cr.execute(
        """
        DELETE FROM customer_tiering_followup
         WHERE id NOT IN (SELECT id FROM customer_tiering_followup ORDER BY id LIMIT %s)
        """,
        (count,),
    )
    env.invalidate_all()


def loop(env, as_of):
    buyers = [("company_id", "=", env.company.id), ("last_order_date", "!=", False)]
    cards = env["customer.tiering.scorecard"].search(buyers, limit=LOOP)
    user = env["res.users"].search([("login", "=", "followups_0")])
    for card in cards:
        partner = card.partner_id
        open_ones = [("res_model", "=", "res.partner"), ("res_id", "=", partner.id), ("summary", "=", "Loop")]
        if not env["mail.activity"].search_count(open_ones):
            partner.activity_schedule(
                "mail.mail_activity_data_call", summary="Loop", user_id=user.id, date_deadline=as_of
            )
