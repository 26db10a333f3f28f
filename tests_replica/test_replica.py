"""Where a run, a simulation, a back-test and an advice read, and that they miss nothing."""

import threading
import time
from contextlib import closing, contextmanager
from unittest import mock

import pytest
from conftest import CUSTOMERS, DATABASE, logs, order

from odoo import api, sql_db
from odoo.fields import Command
from odoo.tools import SQL

ON_THE_REPLICA = {"primary": False, "standby": True}
ON_THE_PRIMARY = {"primary": True, "standby": False}


@pytest.fixture
def impatient(installation):
    from odoo.addons.customer_tiering.models import customer_tiering_replica  # noqa: PLC0415 - known once Odoo runs

    with mock.patch.object(customer_tiering_replica, "PATIENCE", 0.5):
        yield


@contextmanager
def new_customer(odoo, name):
    """A customer with one order, who is gone afterwards."""
    with odoo.transaction() as env:
        partner = env["res.partner"].create({"name": name})
        order(partner, 10)
    try:
        yield
    finally:
        with odoo.transaction() as env:
            partner = partner.with_env(env)
            env["customer.tiering.scorecard"].search([("partner_id", "=", partner.id)]).unlink()
            env["customer.tier.change"].search([("partner_id", "=", partner.id)]).unlink()
            orders = env["sale.order"].search([("partner_id", "=", partner.id)])
            orders._action_cancel()
            orders.unlink()
            partner.unlink()


@contextmanager
def in_background(function):
    """Call ``function`` in a thread meanwhile; raise what it raises."""
    failures = []

    def target():
        try:
            function()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=30)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


@contextmanager
def locked(server, table):
    """Hold ``table`` so that nobody can read it, on the replica neither; yield what to call to let it go."""
    with closing(server.connect(DATABASE)) as connection:
        connection.autocommit = False
        connection.cursor().execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield connection.rollback


def wait_for_reader(odoo):
    """Wait until a statement on the replica waits for a table."""
    odoo.standby.wait_for(
        "EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock')", DATABASE
    )


# ----------------------------------------------------------------------
# On the replica
# ----------------------------------------------------------------------


def test_a_run_reads_on_the_replica_and_finds_what_it_finds_without_one(odoo):
    with odoo.without_replica(), odoo.reads(**ON_THE_PRIMARY):
        expected = odoo.run()
    with odoo.transaction() as env:
        env.cr.execute("TRUNCATE customer_tiering_scorecard, customer_tier_change, customer_tiering_followup")
    with odoo.reads(**ON_THE_REPLICA):
        found = odoo.run()
    assert found == expected
    # Customer k has min(k, 12) orders of 100 within a year: the last one 10 days ago, a month between two.
    assert {name: values[:2] for name, values in found.items() if name.startswith("Customer ")} == {
        f"Customer {k}": (k, 100 * k) for k in range(1, CUSTOMERS + 1)
    }


def test_a_second_run_of_other_rules_reads_on_the_replica_too(odoo):
    odoo.run()
    with odoo.transaction() as env:
        env.company.tiering_policy_ids[:1].window_days = 40
    try:
        with odoo.reads(**ON_THE_REPLICA):
            found = odoo.run()
        assert found["Customer 5"][:2] == (1, 100)  # 10 days ago; the one before 40 days ago, no longer in (0, 40]
    finally:
        with odoo.transaction() as env:
            env.company.tiering_policy_ids[:1].window_days = 365


def test_what_was_committed_a_moment_ago_is_read(odoo):
    for number in range(5):
        with new_customer(odoo, f"New {number}"), odoo.reads(**ON_THE_REPLICA):
            assert odoo.run()[f"New {number}"][:2] == (1, 100)


def test_a_job_of_the_queue_that_has_only_locked_and_counted_reads_on_the_replica(odoo):
    """Such a job is one transaction: it holds its own row and the run's, and counts how often the run was tried."""
    run_id = odoo.queue()
    with odoo.reads(**ON_THE_REPLICA), odoo.transaction() as env:
        run = env["customer.tiering.run"].browse(run_id)
        env.cr.execute("SELECT FROM res_company FOR UPDATE")
        assert run._hold()
        run.attempts += 1
        run.with_context(tiering_unwritten=True)._compute()
    assert odoo.get_scorecards(run_id)["Customer 3"][:2] == (3, 300)


def test_a_simulation_reads_on_the_replica_and_finds_what_it_finds_without_one(odoo):
    odoo.run()
    with odoo.transaction() as env:
        policy = env.company.tiering_policy_ids[:1]
        policy.action_simulate()
        simulation = env["customer.tiering.simulation"].search([("base_id", "=", policy.id)], limit=1)
        floors = zip(simulation.draft_id.tier_ids[:-1], (3, 2, 1), strict=True)  # nearly everybody moves up
        simulation.draft_id.tier_ids = [Command.update(tier.id, {"entry_floor": floor}) for tier, floor in floors]
        draft_id = simulation.draft_id.id

    def simulate():
        with odoo.transaction() as env:
            env["customer.tiering.run"]._queue(env["customer.tiering.policy"].browse(draft_id), trigger="manual")
        odoo.work_off()
        with odoo.transaction() as env:
            found = simulation.with_env(env)
            lines = found.line_ids.sorted("partner_id").mapped(lambda line: (line.partner_id.id, line.revenue))
            return found.result, lines

    try:
        with odoo.without_replica(), odoo.reads(**ON_THE_PRIMARY):
            expected = simulate()
        with odoo.reads(**ON_THE_REPLICA):
            assert simulate() == expected
        assert expected[0]["directions"]["up"] > 0
        assert expected[0]["moved"]["revenue"] > 0
    finally:
        with odoo.transaction() as env:
            simulation.with_env(env).unlink()
            env["customer.tiering.policy"].browse(draft_id).unlink()


def test_advice_and_tests_of_the_warning_read_on_the_replica(odoo):
    for action in ("action_advise", "action_test_warning"):
        with odoo.reads(**ON_THE_REPLICA), odoo.transaction() as env:
            getattr(env.company.tiering_policy_ids[:1], action)()


def test_customers_of_a_past_day_are_read_on_the_replica(odoo):
    with odoo.reads(**ON_THE_REPLICA), odoo.transaction() as env:
        policy = env.company.tiering_policy_ids[:1]
        found = policy.compute(policy.company_id._get_tiering_today())
    assert len(found) >= CUSTOMERS


def test_a_run_waits_until_the_replica_has_caught_up(odoo):
    odoo.standby.ask("SELECT pg_wal_replay_pause()")
    with new_customer(odoo, "New"):
        run_id = odoo.queue()
        with odoo.reads(**ON_THE_REPLICA), in_background(odoo.work_off):
            time.sleep(1)
            odoo.standby.ask("SELECT pg_wal_replay_resume()")
        assert odoo.get_scorecards(run_id)["New"][:2] == (1, 100)


def test_who_has_not_committed_does_not_hold_up_the_reading(odoo, impatient):
    """What they have done is in the log already, at its end, and nobody has asked for it to be written and sent."""
    with odoo.reads(**ON_THE_REPLICA), closing(odoo.primary.connect(DATABASE)) as connection:
        connection.autocommit = False
        with odoo.transaction() as env:
            policy = env.company.tiering_policy_ids[:1]
            connection.cursor().execute("UPDATE customer_segment SET color = color")
            policy.compute(policy.company_id._get_tiering_today())


def test_a_customer_whom_only_the_replica_knows_waits_for_the_next_run(odoo):
    run_id = odoo.queue()
    with odoo.transaction() as env:
        run = env["customer.tiering.run"].browse(run_id)
        assert run.state == "queued"  # from here on the transaction sees the database as it is now
        with new_customer(odoo, "New"):
            run._compute()
            env.cr.commit()
            assert "New" not in odoo.get_scorecards(run_id)
            assert odoo.run()["New"][:2] == (1, 100)


# ----------------------------------------------------------------------
# On the primary
# ----------------------------------------------------------------------


def test_where_the_replica_lags_the_primary_reads_and_nothing_is_missed(odoo, impatient):
    odoo.run()
    odoo.standby.ask("SELECT pg_wal_replay_pause()")
    with new_customer(odoo, "New"), logs("it is more than 0.5 seconds behind"), odoo.reads(**ON_THE_PRIMARY):
        found = odoo.run()
    assert found["New"][:2] == (1, 100)


def test_what_the_transaction_itself_has_written_is_read(odoo):
    with odoo.reads(**ON_THE_PRIMARY), odoo.transaction() as env:
        partner = env["res.partner"].create({"name": "Uncommitted"})
        order(partner, 10)
        policy = env.company.tiering_policy_ids[:1]
        found = {row["partner_id"]: row for row in policy.compute(policy.company_id._get_tiering_today())}
        assert found[partner.id]["order_count"] == 1
        env.cr.rollback()


def test_without_the_replica_the_primary_reads(odoo):
    odoo.run()
    odoo.standby.stop()
    try:
        with logs("server closed the connection"):  # which the pool still had
            assert odoo.run()["Customer 3"][:2] == (3, 300)
        with logs("it does not answer"):
            assert odoo.run()["Customer 3"][:2] == (3, 300)
        with logs("it does not answer"):  # where Odoo does not ask it again
            assert odoo.run()["Customer 3"][:2] == (3, 300)
    finally:
        odoo.standby.start()


def test_a_server_that_is_no_replica_is_not_read(odoo):
    """The address may be that of the primary itself, or of a replica that has been promoted."""
    replica, odoo.registry._db_readonly = odoo.registry._db_readonly, odoo.registry._db
    registry = odoo.registry
    connection = sql_db.Connection(sql_db.ConnectionPool(4, readonly=True), DATABASE, dict(registry._db.dsn))
    try:
        registry._db_readonly = connection
        with logs("the server there is none"):
            assert odoo.run()["Customer 3"][:2] == (3, 300)
    finally:
        registry._db_readonly = replica


# ----------------------------------------------------------------------
# The replica fails while it reads
# ----------------------------------------------------------------------


def test_where_the_connection_is_lost_meanwhile_the_primary_reads(odoo):
    run_id = odoo.queue()
    with logs("connection"), locked(odoo.primary, "account_move") as let_go, in_background(odoo.work_off):
        wait_for_reader(odoo)
        odoo.standby.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
            DATABASE,
        )
        let_go()
    assert odoo.get_scorecards(run_id)["Customer 3"][:2] == (3, 300)


def test_where_the_replica_dies_meanwhile_the_primary_reads(odoo):
    run_id = odoo.queue()
    try:
        with logs(""), locked(odoo.primary, "account_move") as let_go, in_background(odoo.work_off):
            wait_for_reader(odoo)
            odoo.standby.stop()
            let_go()
        assert odoo.get_scorecards(run_id)["Customer 3"][:2] == (3, 300)
    finally:
        odoo.standby.start()


def test_where_the_replica_cancels_the_statement_the_primary_reads(odoo):
    """What the primary does to a table can go before who reads it on the replica."""
    run_id = odoo.queue()
    with logs("conflict with recovery"), locked(odoo.primary, "account_move") as let_go, in_background(odoo.work_off):
        wait_for_reader(odoo)
        with locked(odoo.primary, "sale_order"):
            # It waits for account_move and has sale_order, which the primary wants to itself.
            odoo.primary.ask("SELECT pg_current_xact_id()")
            odoo.standby.wait_for(
                "NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock')", DATABASE
            )
        let_go()
    assert odoo.get_scorecards(run_id)["Customer 3"][:2] == (3, 300)


# ----------------------------------------------------------------------
# Screens and reports
# ----------------------------------------------------------------------

SCREENS = {
    "customer.tiering.scorecard": ["tier_id"],
    "customer.tier.change": ["date:month"],
    "customer.tiering.followup.report": ["policy_id"],
    "customer.tiering.resource.report": ["tier_id"],
    "customer.tiering.run": ["policy_id"],
    "customer.tiering.simulation.line": ["direction"],
    "res.partner": ["tiering_tier_id"],
}


@contextmanager
def on_the_replica(odoo):
    """An environment as a request has it that only reads, once the replica is where the primary is."""
    ((position,),) = odoo.primary.ask("SELECT pg_current_wal_insert_lsn()")
    odoo.primary.ask("SELECT pg_current_xact_id()")
    odoo.standby.wait_for("pg_last_wal_replay_lsn() >= %s", position)
    with odoo.registry.cursor(readonly=True) as cr:
        env = api.Environment(cr, api.SUPERUSER_ID, {})
        assert env.execute_query(SQL("SELECT pg_is_in_recovery()")) == [(True,)]
        yield env


@pytest.mark.parametrize("model", SCREENS)
def test_screens_and_reports_can_be_read_on_the_replica(odoo, model):
    odoo.run()
    with on_the_replica(odoo) as env:  # what Odoo warns of fails the test by itself
        Model = env[model]
        fields = Model.fields_get(attributes=["aggregator"]).items()
        aggregates = [f"{name}:{field['aggregator']}" for name, field in fields if field.get("aggregator")]
        Model.formatted_read_group([], SCREENS[model], ["__count", *aggregates])
        specification = {name: {} for name, field in Model._fields.items() if field.type != "binary"}
        found = Model.web_search_read([], specification, limit=5)["records"]
        assert found or model not in ("customer.tiering.scorecard", "res.partner")


# The buttons that only open something, by model.
BUTTONS = {
    "customer.tier": ["action_open_customers"],
    "customer.tiering.policy": [
        "action_open_playbooks",
        "action_open_runs",
        "action_open_scorecards",
        "action_open_simulations",
        "action_open_versions",
    ],
    "customer.tiering.playbook": ["action_open_followups"],
    "customer.tiering.run": ["action_open_changes"],
    "customer.tiering.scorecard": ["action_open_partner"],
    "res.partner": ["action_open_tiering_scorecard", "action_tiering_new_quotation", "action_tiering_write"],
}


def test_buttons_that_only_open_something_work_on_the_replica(odoo):
    odoo.run()
    with on_the_replica(odoo) as env:
        for model, names in BUTTONS.items():
            record = env[model].search([], limit=1)
            assert record
            for name in names:
                assert getattr(type(record), name)._readonly
                assert getattr(record, name)()["type"] == "ir.actions.act_window"
