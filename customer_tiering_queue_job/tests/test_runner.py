import configparser
import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from odoo import SUPERUSER_ID, api
from odoo.fields import Command
from odoo.modules.registry import Registry
from odoo.sql_db import db_connect
from odoo.tests import tagged
from odoo.tests.common import BaseCase, get_db_name
from odoo.tools import SQL, config

WORKERS = 2
PATIENCE = 90  # seconds
# More follow-ups than one chunk, and fewer.
CUSTOMERS = {"Runner North": 700, "Runner South": 300}
CHUNKS = {"Runner North": [1000, 400, 0], "Runner South": [600, 0]}  # two steps per customer
# What the server may complain about: (logger, message). The worker that is killed, and the job that fails.
EXPECTED_COMPLAINTS = (
    ("odoo.addons.queue_job.jobrunner.runner", "Re-queued dead job"),
    ("odoo.addons.queue_job.jobrunner.runner", "exception in GET"),
    ("odoo.addons.queue_job.controllers.main", "Traceback"),
    ("odoo.addons.customer_tiering.models.customer_tiering_run", "failed: Policy “Archived” is archived"),
    ("odoo.http", "Policy “Archived” is archived"),
    ("odoo.http", "Exception during request handling"),
)
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Server:
    """Odoo with a job runner and several workers, as the readme says how to start it, in processes of its own."""

    def __init__(self, folder):
        self.log = Path(folder, "odoo.log")
        self.log.touch()
        script, options = Path(folder, "odoo-bin"), Path(folder, "odoo.conf")
        # A script, because Odoo starts itself again by its path.
        script.write_text("import odoo.cli\n\nodoo.cli.main()\n")
        parser = configparser.RawConfigParser()
        parser["options"] = {
            "addons_path": ",".join(config["addons_path"]),
            "data_dir": config["data_dir"],
            **{name: config[name] for name in ("db_host", "db_port", "db_user", "db_password") if config[name]},
            "db_name": get_db_name(),
            "http_interface": "127.0.0.1",
            "http_port": self._get_free_port(),
            "gevent_port": self._get_free_port(),
            "workers": WORKERS,
            "max_cron_threads": 0,  # only jobs
            "server_wide_modules": "web,queue_job",
            "logfile": self.log,
        }
        parser["queue_job"] = {"channels": f"root:{WORKERS}"}
        with options.open("w") as file:
            parser.write(file)
        libc = ctypes.CDLL(None)
        self.process = subprocess.Popen(
            [sys.executable, script, "--config", options],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # Whatever ends the tests ends the server, which ends its workers.
            preexec_fn=lambda: libc.prctl(DIE_WITH_PARENT, signal.SIGTERM),
        )

    def _get_free_port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()[1]

    def stop(self):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def get_complaints(self):
        """Return the records of level WARNING and above that nothing in the tests explains."""
        record = re.compile(r"^\S+ \S+ \d+ (?:WARNING|ERROR|CRITICAL) \S+ (\S+): (.*)", re.MULTILINE)
        found = record.findall(self.log.read_text())
        return [
            f"{logger}: {message}"
            for logger, message in found
            if not any(logger == name and part in message for name, part in EXPECTED_COMPLAINTS)
        ]


@tagged("-standard", "job_runner", "post_install", "-at_install")
class TestRunner(BaseCase):
    """What a job runner makes of the jobs, in a database that is of no use afterwards.

    Everything is committed. The same work is done twice: by the scheduled actions before the server
    is started, and by the jobs.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = Registry(get_db_name())
        with cls._transaction() as env:
            env["res.company"].search([]).tiering_nightly = False
            cls.companies = env["res.company"].create([{"name": name} for name in CUSTOMERS]).ids
            user = env["res.users"].create(
                {
                    "name": "Runner",
                    "login": "runner",
                    "company_id": cls.companies[0],
                    "company_ids": [Command.set(cls.companies)],
                    "group_ids": [Command.link(env.ref("sales_team.group_sale_salesman").id)],
                }
            )
            for company in env["res.company"].browse(cls.companies):
                cls._create_customers(env, company, CUSTOMERS[company.name])
                cls._create_playbook(env, company, user)
        cls.expected = cls._by_scheduled_actions()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.server = Server(folder)
        cls.addClassCleanup(cls.server.stop)
        cls._wait(lambda env: "database connections ready" in cls.server.log.read_text(), "the job runner")

    @classmethod
    @contextlib.contextmanager
    def _transaction(cls):
        with db_connect(get_db_name()).cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True, "no_reset_password": True})

    # ------------------------------------------------------------------
    # Customers and what there is to do
    # ------------------------------------------------------------------

    @classmethod
    def _create_customers(cls, env, company, count):
        """One to four orders each, 40 to 299 days ago: longer than the playbook waits for a contact."""
        partners = env["res.partner"].create([{"name": f"{company.name} {number}"} for number in range(count)])
        env.flush_all()
        env.cr.execute(
            SQL(
                """
                INSERT INTO sale_order (
                    name, company_id, partner_id, partner_invoice_id, partner_shipping_id, state, invoice_status,
                    date_order, currency_id, currency_rate, amount_untaxed, amount_tax, amount_total)
                SELECT 'R' || id || '/' || part, %(company)s, id, id, id, 'sale', 'to invoice',
                       now() AT TIME ZONE 'UTC' - (40 + (number * 7 + part * 31) %% 260) * interval '1 day',
                       %(currency)s, 1, amount, 0, amount
                  FROM unnest(%(partners)s) WITH ORDINALITY AS customer (id, number)
            CROSS JOIN LATERAL generate_series(1, 1 + number %% 4) AS part
            CROSS JOIN LATERAL (SELECT 10 + (number * 37 + part * 11) %% 500 AS amount) priced
                """,
                company=company.id,
                currency=company.currency_id.id,
                partners=partners.ids,
            )
        )

    @classmethod
    def _create_playbook(cls, env, company, user):
        step = {"activity_type_id": env.ref("mail.mail_activity_data_call").id, "days": 2}
        env["customer.tiering.playbook"].create(
            {
                "name": f"Keep in touch, {company.name}",
                "policy_id": company.tiering_policy_ids.id,
                "trigger": "contact",
                "contact_days": 30,
                "assign": "user",
                "user_id": user.id,
                "user_day_limit": 0,
                "user_open_limit": 0,
                "step_ids": [
                    Command.create({**step, "summary": "Call {{ customer }} of {{ tier }}"}),
                    Command.create({**step, "summary": "Write down what {{ customer }} needs"}),
                ],
            }
        )

    @classmethod
    def _get_policies(cls, env):
        return env["customer.tiering.policy"].search([("company_id", "in", cls.companies)])

    @classmethod
    def _get_playbooks(cls, env):
        return env["customer.tiering.playbook"].search(
            [("company_id", "in", cls.companies), ("name", "=like", "Keep in touch, %")]
        )

    @classmethod
    def _get_jobs(cls, env, method=None):
        return env["queue.job"].search([("method_name", "=", method)] if method else [], order="id")

    # ------------------------------------------------------------------
    # The same by the scheduled actions
    # ------------------------------------------------------------------

    @classmethod
    def _by_scheduled_actions(cls):
        """Return what they make of the customers when nobody runs jobs, and remove it again."""
        with cls._transaction() as env:
            runs = env["customer.tiering.run"]._queue(cls._get_policies(env), trigger="nightly")
            env.flush_all()
            env.cr.execute("UPDATE customer_tiering_run SET create_date = create_date - interval '2 hours'")
            env.invalidate_all()
            runs._cron_process_queue()
            cls._get_playbooks(env).action_enable()
            env["customer.tiering.followup"]._cron_process()
            expected = cls._get_result(env)
            env["mail.activity"].search([("summary", "like", "Runner")]).unlink()
            cls._get_playbooks(env).action_disable()
            env["customer.tiering.followup"].search([]).unlink()
            runs.unlink()
            cls._get_jobs(env).unlink()
            env.flush_all()
            env.cr.execute("TRUNCATE customer_tiering_scorecard, customer_tier_change")
        return expected

    @classmethod
    def _get_result(cls, env):
        """Return scorecards, changes of tier and activities without what tells one computation from another."""
        cards = env.execute_query(
            SQL(
                "SELECT to_jsonb(card) - ARRAY['id', 'run_id'] FROM customer_tiering_scorecard card "
                "WHERE company_id = ANY(%s) ORDER BY partner_id",
                cls.companies,
            )
        )
        changes = env["customer.tier.change"].search([("company_id", "in", cls.companies)])
        activities = env["mail.activity"].search([("res_model", "=", "res.partner"), ("summary", "like", "Runner")])
        followups = env["customer.tiering.followup"].search([("company_id", "in", cls.companies)])
        return {
            "cards": cards,
            "changes": sorted(
                (row.partner_id.id, row.to_tier_id.id, row.direction, row.reason, row.score_after) for row in changes
            ),
            "activities": sorted(
                (row.res_id, row.user_id.id, row.activity_type_id.id, row.summary, row.date_deadline)
                for row in activities
            ),
            "followups": sorted((row.partner_id.id, row.event, row.step_id.id, row.state) for row in followups),
        }

    # ------------------------------------------------------------------
    # Waiting for the other processes
    # ------------------------------------------------------------------

    @classmethod
    def _wait(cls, condition, what):
        """Wait until ``condition`` is true, which gets an environment of its own each time."""
        end = time.monotonic() + PATIENCE
        while True:
            with cls._transaction() as env:
                if done := condition(env):
                    return done
                jobs = cls._get_jobs(env).read(["name", "state", "retry", "result", "exc_message"])
                # The runner looks for dead jobs when something happens in the queue, at the latest after a minute.
                env.cr.execute("NOTIFY queue_job, 'look around'")
            if time.monotonic() > end or cls.server.process.poll() is not None:
                log = "\n".join(cls.server.log.read_text().splitlines()[-40:])
                raise AssertionError(f"Waited in vain for {what}.\n{jobs}\n{log}")
            time.sleep(0.2)

    @classmethod
    def _wait_for_jobs(cls, method):
        cls._wait(
            lambda env: not cls._get_jobs(env, method).filtered(lambda job: job.state not in ("done", "failed")),
            f"the jobs {method}",
        )

    @contextlib.contextmanager
    def _hold_writers(self):
        """Let the runs wait before they can write changes of tier, until the block is left."""
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute("LOCK TABLE customer_tier_change IN SHARE ROW EXCLUSIVE MODE")
            yield

    def _count_held(self, env):
        env.cr.execute(  # a copy of the database has a table of the same number
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE datname = current_database() AND relation = 'customer_tier_change'::regclass AND NOT granted"
        )
        return env.cr.fetchone()[0]

    # ------------------------------------------------------------------

    def test_several_workers_do_the_same_as_the_scheduled_actions_although_one_is_killed(self):
        # The night: both companies at the same moment, by two workers, one of which dies in the middle.
        with self._hold_writers():
            with self._transaction() as env:
                env["customer.tiering.run"]._cron_nightly()
            self._wait(lambda env: self._count_held(env) == WORKERS, "two runs in the middle of their work")
            with self._transaction() as env:
                north, south = self._get_jobs(env)
                self.assertEqual(north.mapped("name") + south.mapped("name"), ["Customer tiering: Default policy"] * 2)
                self.assertEqual((north | south).company_id.ids, self.companies)
                self.assertEqual((north | south).mapped("state"), ["started"] * 2)
                self.assertNotEqual(north.worker_pid, south.worker_pid)
                os.kill(north.worker_pid, signal.SIGKILL)
                killed = north.company_id.id
        self._wait(lambda env: self._get_jobs(env)[1].state == "done", "the job that nobody disturbed")
        self._wait_for_jobs("_compute_waiting_run")
        self.assertIn("Re-queued dead job", self.server.log.read_text())
        with self._transaction() as env:
            jobs = self._get_jobs(env)
            self.assertEqual([(job.state, job.retry) for job in jobs], [("done", 2), ("done", 1)])
            self.assertIn(f"scored customers {CUSTOMERS['Runner North']}", jobs[0].result)
            runs = env["customer.tiering.run"].search([("company_id", "in", self.companies)])
            self.assertEqual(runs.mapped("state"), ["done"] * 2)
            self.assertEqual(runs.mapped("trigger"), ["nightly"] * 2)
            # The killed one left nothing behind: all scorecards of the company are new to the run that counts.
            again = runs.filtered(lambda run: run.company_id.id == killed)
            self.assertEqual((again.written_count, again.new_count), (CUSTOMERS["Runner North"],) * 2)
            result = self._get_result(env)
            self.assertEqual(len(result["cards"]), sum(CUSTOMERS.values()))
            self.assertEqual(result["cards"], self.expected["cards"])
            self.assertEqual(result["changes"], self.expected["changes"])

        # The playbooks, chunk after chunk.
        with self._transaction() as env:
            self._get_playbooks(env).action_enable()
        self._wait_for_jobs("_process_followups")
        with self._transaction() as env:
            jobs = self._get_jobs(env, "_process_followups")
            self.assertEqual(set(jobs.mapped("state")), {"done"})
            self.assertEqual(
                {
                    company.name: [int(job.result.rpartition(" ")[2]) for job in ours]
                    for company, ours in jobs.grouped("company_id").items()
                },
                CHUNKS,
            )
            result = self._get_result(env)
            self.assertEqual(len(result["activities"]), 2 * sum(CUSTOMERS.values()))
            self.assertEqual(result, self.expected)

        # An order: the scheduled action hands the customer to a job.
        with self._transaction() as env:
            company = env["res.company"].browse(self.companies[0])
            customer = env["res.partner"].search([("name", "=", "Runner North 1")])
            env["customer.tiering.refresh"]._add(customer, company, "instant")
            env["customer.tiering.refresh"]._cron_process()
        self._wait_for_jobs("_process_waiting_customers")
        with self._transaction() as env:
            self.assertEqual(
                [(job.state, job.result) for job in self._get_jobs(env, "_process_waiting_customers")],
                [("done", "Customers scored again: 1")],
            )
        self.assertEqual(self.server.get_complaints(), [])

    def test_a_policy_that_cannot_be_used_fails_with_its_sentence(self):
        with self._transaction() as env:
            policy = self._get_policies(env)[0].copy({"name": "Archived", "active": False})
            run = env["customer.tiering.run"]._queue(policy, trigger="manual")
            run._call_job()
            run_id = run.id
        self._wait(lambda env: env["customer.tiering.run"].browse(run_id).state == "failed", "the run that fails")
        sentence = "Policy “Archived” is archived. Restore it before you compute its customers."
        with self._transaction() as env:
            self.assertEqual(env["customer.tiering.run"].browse(run_id).error, sentence)
            job = self._get_jobs(env).filtered(lambda job: job.name == "Customer tiering: Archived")
            self.assertEqual((job.state, job.exc_message), ("failed", sentence))
            job.unlink()
            env["customer.tiering.run"].browse(run_id).policy_id.unlink()
        self.assertEqual(self.server.get_complaints(), [])
