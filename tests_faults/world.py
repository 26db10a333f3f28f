"""An Odoo that is struck: its processes, its database and what there is to do."""

import datetime
import json
import logging
import logging.handlers
import os
import signal
import sys
import time
from collections import namedtuple
from contextlib import contextmanager, nullcontext

from odoo import SUPERUSER_ID, api, sql_db
from odoo.fields import Command
from odoo.modules.registry import Registry
from odoo.tools import config

# The database that Odoo works on; templates are put in its place.
DATABASE = "faults"
# The generated purchases end on the last day. The customers were computed on the first.
FIRST_DAY, LAST_DAY = datetime.date(2026, 4, 30), datetime.date(2026, 6, 30)
JOBS = {name: f"ir_cron_{name}" for name in ("nightly", "process_queue", "refresh", "followup")}
FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
# So many have bought. With so many in a part of the work, it has parts.
CUSTOMERS, BATCH = 400, 100
# A child that takes longer hangs.
PATIENCE = 240

Ended = namedtuple("Ended", "status value log")


class Child:
    """A server process, forked from this one, which has loaded Odoo and has no connection to the database."""

    def __init__(self, world, work, context, logfile):
        self.log = world.server.folder / f"child-{world.count()}.log"
        self.log.touch()
        self.reader, writer = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            self._live(world, work, context, writer, logfile or self.log)
        os.close(writer)

    def _live(self, world, work, context, writer, logfile):
        status = 1
        try:
            os.close(self.reader)
            self._become_server(logfile)
            with context or nullcontext():
                value = work(world)
            os.write(writer, json.dumps(value).encode())
            status = 0
        except BaseException:
            logging.getLogger("odoo").exception("This server has died")
        finally:
            os._exit(status)

    def _become_server(self, logfile):
        root = logging.getLogger()
        for handler in list(root.handlers):
            root.removeHandler(handler)
        handler = logging.handlers.WatchedFileHandler(logfile)
        handler.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(handler)
        logging.getLogger("odoo").setLevel(logging.INFO)
        errors = os.open(self.log, os.O_WRONLY | os.O_APPEND)  # what logging itself complains of
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def wait(self, meanwhile=lambda: None, most=None):
        """Wait for the end, and call ``meanwhile`` again and again; return ``Ended``.

        :param most: so many seconds, after which it is killed, as Odoo kills who reaches ``limit_time_real``
        """
        deadline = time.monotonic() + (most or PATIENCE)
        while not os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            meanwhile()
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                if most:
                    break
                raise AssertionError(f"after {PATIENCE} seconds still at work:\n{self.log.read_text()}")
            time.sleep(0.01)
        _pid, status = os.waitpid(self.pid, 0)
        with os.fdopen(self.reader, "rb") as file:
            text = file.read()
        return Ended(os.waitstatus_to_exitcode(status), json.loads(text) if text else None, self.log.read_text())


class World:
    def __init__(self, server):
        self.server = server
        self.children = 0
        self.day = FIRST_DAY
        self.logs = []
        options = [f"--database={DATABASE}", "--log-level=warn", f"--data-dir={server.folder}/data"]
        options += [f"--db_host={server.folder}", f"--db_port={server.port}"]
        config.parse_config(options, setup_logging=True)
        self.registry = Registry(DATABASE)
        self._patch()
        sql_db.close_all()

    def _patch(self):
        # What the first computation imports, once for all processes.
        from odoo.addons.customer_tiering import pace  # noqa: PLC0415 - known once Odoo runs
        from odoo.addons.customer_tiering.engine import pipeline  # noqa: F401, PLC0415
        from odoo.addons.customer_tiering.models import (  # noqa: PLC0415
            customer_tiering_followup,
            customer_tiering_refresh,
        )

        customer_tiering_followup.BATCH = customer_tiering_refresh.BATCH = BATCH
        pace.REST = 0  # nobody waits for anybody here
        self.registry["res.company"]._get_tiering_today = lambda company: self.day

    def count(self):
        self.children += 1
        return self.children

    # ------------------------------------------------------------------
    # Databases
    # ------------------------------------------------------------------

    def keep(self, template):
        """Keep the database as it is."""
        self.wait_until_left()
        self.server.ask(f"CREATE DATABASE {template} TEMPLATE {DATABASE} STRATEGY file_copy")

    def restore(self, template):
        self.wait_until_left()
        self.server.ask(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.server.ask(f"CREATE DATABASE {DATABASE} OWNER odoo TEMPLATE {template} STRATEGY file_copy")
        self.day = LAST_DAY
        self.logs = []

    def put_aside(self):
        self.wait_until_left()
        self.server.ask(f"ALTER DATABASE {DATABASE} RENAME TO aside")
        self.kept = self.day, self.logs

    def take_back(self):
        self.wait_until_left()
        self.server.ask(f"DROP DATABASE {DATABASE}")
        self.server.ask(f"ALTER DATABASE aside RENAME TO {DATABASE}")
        self.day, self.logs = self.kept

    def keep_database_up(self):
        if self.server.process.poll() is not None:
            self.server.start()

    def wait_until_left(self):
        """PostgreSQL notices only after a while that somebody has died."""
        self.server.wait_for("NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s)", DATABASE)

    def ask(self, query, *parameters):
        return self.server.ask(query, *parameters, database=DATABASE)

    # ------------------------------------------------------------------
    # Processes
    # ------------------------------------------------------------------

    def start(self, work, context=None, logfile=None):
        return Child(self, work, context, logfile)

    def do(self, work, context=None, logfile=None, meanwhile=lambda: None, most=None):
        """Have a new server process do ``work`` and wait for its end, see :meth:`Child.wait`."""
        ended = self.start(work, context, logfile).wait(meanwhile, most)
        self.logs.append(ended.log)
        return ended

    def must_do(self, work, context=None):
        ended = self.do(work, context)
        assert ended.status == 0, ended.log
        return ended.value

    @contextmanager
    def transaction(self):
        """In a child: an environment as superuser, committed at the end."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    def get_job(self, env, name):
        return env.ref(f"customer_tiering.{JOBS[name]}")

    # ------------------------------------------------------------------
    # Time
    # ------------------------------------------------------------------

    def call(self, name):
        """Have a scheduled action called by the next look of the scheduler."""
        self.ask(
            """INSERT INTO ir_cron_trigger (cron_id, call_at)
               SELECT res_id, date_trunc('second', now() AT TIME ZONE 'UTC') FROM ir_model_data
                WHERE module = 'customer_tiering' AND name = %s""",
            JOBS[name],
        )

    def let_pass(self, hours):
        """Have the scheduler see the database so many hours later."""
        past = datetime.timedelta(hours=hours)
        self.ask("UPDATE ir_cron_trigger SET call_at = call_at - %s", past)
        self.ask("UPDATE ir_cron SET nextcall = nextcall - %s WHERE active", past)

    def settle(self):
        """Have a server work until nothing is ready."""
        self.must_do(look_until_nothing_is_ready)

    # ------------------------------------------------------------------
    # What people can read
    # ------------------------------------------------------------------

    def read_texts(self):
        """Return what the logs of this database's processes and the records of its runs say."""
        texts = list(self.logs)
        if self.ask("SELECT 1 FROM pg_class WHERE relname = 'customer_tiering_run'"):
            texts += [f"{note} {error}" for note, error in self.ask("SELECT note, error FROM customer_tiering_run")]
        return "\n".join(texts)


# ----------------------------------------------------------------------
# Work of a child
# ----------------------------------------------------------------------


def look(world, times=1):
    """What the scheduler does when it wakes up: call the actions that are ready."""
    from odoo.addons.base.models.ir_cron import IrCron  # noqa: PLC0415

    for _ in range(times):
        IrCron._process_jobs(DATABASE)


def look_until_nothing_is_ready(world):
    from odoo.addons.base.models.ir_cron import IrCron  # noqa: PLC0415

    for _ in range(20):
        with world.registry.cursor() as cr:
            if not IrCron._get_all_ready_jobs(cr):
                return
        look(world)
    raise AssertionError("The scheduled actions never end.")


def uninstall(world):
    with world.transaction() as env:
        env["ir.module.module"].search([("name", "=", "customer_tiering")]).button_immediate_uninstall()


def finish_uninstalling(world):
    """What an administrator does: start a server with ``-u``, or press the button again if nothing has begun."""
    with world.transaction() as env:
        state = env["ir.module.module"].search([("name", "=", "customer_tiering")]).state
    if state == "installed":
        uninstall(world)
    else:
        Registry.new(DATABASE, update_module=True)


def simulate_again(world):
    """What a manager does who reads that a simulation has failed."""
    with world.transaction() as env:
        drafts = env["customer.tiering.policy"].with_context(active_test=False).search([("is_simulation", "=", True)])
        failed = drafts.filtered(lambda draft: draft.run_ids.sorted("id")[-1:].state == "failed")
        if failed:
            env["customer.tiering.run"]._queue(failed, trigger="manual")._call_job()


def get_model(world, name):
    """Return the class of a model, for patches."""
    return world.registry[name]


def merge(world, partners):
    """What a person does who merges contacts: tried again when the database asks for it, as Odoo does."""
    import psycopg2  # noqa: PLC0415

    for _ in range(5):
        try:
            with world.transaction() as env:
                partners_of_both = env["res.partner"].browse(partners)
                env["base.partner.merge.automatic.wizard"].create({})._merge(partners, partners_of_both[0])
                return
        except psycopg2.errors.SerializationFailure:
            time.sleep(0.1)
    raise AssertionError("The contacts cannot be merged.")


# ----------------------------------------------------------------------
# Templates
# ----------------------------------------------------------------------


def make_templates(world):
    """Keep three databases: before a run, before all that follows it, and with a simulation to compute."""
    world.day = FIRST_DAY
    _shrink(world)
    world.must_do(_begin)
    world.settle()
    world.must_do(_switch_on)
    world.settle()
    _stop_clock(world)
    world.day = LAST_DAY
    world.call("nightly")
    world.must_do(look)
    world.keep("before_run")
    world.must_do(_compute_only)
    world.must_do(_let_things_happen)
    _stop_clock(world)
    world.keep("after_run")


def _shrink(world):
    """Leave few enough customers for a database that is quick to copy."""
    some = (
        "CREATE TEMPORARY TABLE other AS SELECT id FROM res_partner WHERE commercial_partner_id NOT IN "
        f"(SELECT DISTINCT partner_id FROM sale_order ORDER BY partner_id LIMIT {CUSTOMERS})"
    )
    of_others = "IN (SELECT id FROM other)"
    statements = [
        # What refers to what is deleted is deleted, too.
        "SET session_replication_role = replica",
        some,
        f"DELETE FROM sale_order WHERE partner_id {of_others}",
        "DELETE FROM sale_order_line WHERE order_id NOT IN (SELECT id FROM sale_order)",
        f"DELETE FROM account_move WHERE partner_id {of_others}",
        "DELETE FROM account_move_line WHERE move_id NOT IN (SELECT id FROM account_move)",
        f"DELETE FROM mail_activity WHERE res_model = 'res.partner' AND res_id {of_others}",
        f"DELETE FROM mail_message WHERE model = 'res.partner' AND res_id {of_others}",
        "TRUNCATE customer_tiering_scorecard, customer_tier_change, customer_tiering_refresh",
        "DELETE FROM customer_tiering_followup",
        "DELETE FROM customer_tiering_run",
        "UPDATE ir_cron SET active = FALSE",
        "DELETE FROM ir_cron_trigger",
    ]
    world.ask("; ".join(statements))
    world.ask("VACUUM FULL")


def _stop_clock(world):
    """Nothing is ready; only our scheduled actions exist."""
    world.ask("DELETE FROM ir_cron_trigger")
    world.ask("DELETE FROM ir_cron_progress")
    world.ask(
        """UPDATE ir_cron SET nextcall = (now() AT TIME ZONE 'UTC') + interval '50 minutes', failure_count = 0,
                  active = id IN (SELECT res_id FROM ir_model_data WHERE module = 'customer_tiering'
                                                                     AND model = 'ir.cron')"""
    )
    world.ask(
        "UPDATE ir_cron SET nextcall = nextcall + interval '9 hours' WHERE interval_type = 'days'",
    )


def _begin(world):
    """Compute the customers as of the first day."""
    with world.transaction() as env:
        for name in JOBS:
            world.get_job(env, name).active = True
        policies = env["customer.tiering.policy"].search([("is_simulation", "=", False)])
        policies.tier_ids.write({"grace_days": 0})
        policies.upgrade_when = "instant"
        env["customer.tiering.run"]._queue(policies, trigger="nightly")._call_job()


def _switch_on(world):
    """Switch playbooks on that call and write to customers."""
    with world.transaction() as env:
        seller = env["res.users"].search([("login", "=", "bench_1")])
        seller.company_ids = env["res.company"].search([])
        template = env["mail.template"].create(
            {
                "name": "Welcome",
                "model_id": env["ir.model"]._get_id("res.partner"),
                "subject": "Welcome {{ object.name }}",
                "body_html": "<p>Welcome</p>",
                "email_to": "{{ object.email_formatted }}",
            }
        )
        env.flush_all()
        env.cr.execute(
            "UPDATE res_partner SET email = address, email_normalized = address "
            "FROM (SELECT id AS known, 'c' || id || '@example.com' AS address FROM res_partner) made WHERE id = known"
        )
        env.invalidate_all(flush=False)
        call = env.ref("mail.mail_activity_data_call")
        limits = {"cooldown_days": 0, "day_limit": 40, "user_day_limit": 0, "user_open_limit": 0}
        for policy in env["customer.tiering.policy"].search([("is_simulation", "=", False)]):
            playbooks = env["customer.tiering.playbook"].create(
                [
                    {
                        "name": trigger,
                        "trigger": trigger,
                        "policy_id": policy.id,
                        "assign": "user",
                        "user_id": seller.id,
                        **limits,
                        "step_ids": [
                            Command.create({"kind": "activity", "activity_type_id": call.id, "summary": trigger}),
                            Command.create({"kind": "mail", "mail_template_id": template.id}),
                        ],
                    }
                    for trigger in ("enter", "down")
                ]
            )
            playbooks.action_enable()


def _compute_only(world):
    with world.transaction() as env:
        env["customer.tiering.run"]._cron_process_queue()
        assert set(env["customer.tiering.run"].search([]).mapped("state")) == {"done"}


def _let_things_happen(world):
    """Orders, merged contacts and locks put customers into the queue; a manager simulates other floors."""
    with world.transaction() as env:
        env["customer.tiering.refresh"].search([]).unlink()
        for company in env["res.company"].search([]):
            cards = env["customer.tiering.scorecard"].search([("company_id", "=", company.id)], order="id")
            # Big orders by SQL: of customers who are low, so that they move.
            low = cards.filtered(lambda card: card.tier_id == card.policy_id.tier_ids[-1]).partner_id[:30]
            env.cr.execute(
                """UPDATE sale_order SET date_order = %s, amount_untaxed = amount_untaxed + 50000
                    WHERE id IN (SELECT MAX(id) FROM sale_order
                                  WHERE partner_id = ANY(%s) AND company_id = %s AND state = 'sale'
                               GROUP BY partner_id)""",
                [datetime.datetime.combine(LAST_DAY, datetime.time(1)), low.ids, company.id],
            )
            env["customer.tiering.refresh"]._add(cards.partner_id[:250] | low, company, "instant")
        policy = env["customer.tiering.policy"].search([("is_simulation", "=", False)], order="company_id", limit=1)
        draft = env["customer.tiering.policy"].browse(policy.action_simulate()["res_id"])
        for tier, floor in zip(draft.tier_ids, (70, 50, 30, 0), strict=True):
            tier.write({"entry_floor": floor, "keep_floor": max(floor - 5, 0)})
        env["customer.tiering.run"]._queue(draft, trigger="manual")
