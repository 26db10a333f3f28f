from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo import SUPERUSER_ID, fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import config, mute_logger

from odoo.addons.customer_tiering.models import (
    customer_tiering_followup,
    customer_tiering_policy,
    customer_tiering_refresh,
    customer_tiering_run,
)
from odoo.addons.customer_tiering.tests.common import TieringCommon
from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError
from odoo.addons.queue_job.job import Job

from ..hooks import uninstall_hook

RUN_LOGGER = "odoo.addons.customer_tiering.models.customer_tiering_run"


class JobsCommon(TieringCommon):
    """Jobs are queued and performed here; that a job runner does so is the matter of ``test_job_runner``."""

    def _jobs(self, method=None):
        """The jobs that wait for a runner, the oldest first."""
        domain = [("state", "=", "pending"), ("model_name", "=like", "customer.tiering.%")]
        if method:
            domain.append(("method_name", "=", method))
        return self.env["queue.job"].search(domain, order="id")

    def _perform(self, record):
        """Do a job as a runner does; return its result."""
        job = Job.load(self.env, record.uuid)
        job.set_started()
        job.store()
        with self.env.cr.savepoint():
            result = job.perform()
        job.set_done()
        job.store()
        job.enqueue_waiting()
        self.env.flush_all()
        self.env.invalidate_all()
        return result

    def _calls(self, cron):
        """How often a scheduled action was called."""
        cron = self.env.ref(f"customer_tiering.{cron}")
        return self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)])

    def _lock(self, lock_class):
        """Let somebody else work on the company until the end of the test."""
        connection = psycopg2.connect(self.env.cr._cnx.dsn)  # another session than the test's own
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [lock_class, self.company.id])
            self.assertTrue(cursor.fetchone()[0])

    def _let_pass(self, model, ids, column):
        """Put a moment of records an hour and a minute back."""
        self.env.flush_all()
        self.env.cr.execute(
            f"UPDATE {self.env[model]._table} SET {column} = {column} - interval '61 minutes' WHERE id = ANY(%s)", [ids]
        )
        self.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestRunJobs(JobsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls.new_customer("Customer")
        cls.order(cls.customer, when=fields.Datetime.now() - timedelta(days=1))

    def _queue(self, policy=None):
        runs = self.env["customer.tiering.run"]._queue(policy or self.policy, trigger="nightly")
        runs._call_job()
        return runs

    def _messages(self, send):
        """Who was told what kind of message, from the calls of ``_bus_send``."""
        return [(call.args[0], call.args[2]["type"]) for call in send.mock_calls]

    def test_the_night_queues_a_job_per_company_and_policy(self):
        firms = self.other_policy()
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env["res.company"].create({"name": "Quiet Company", "tiering_nightly": False})
        calls = self._calls("ir_cron_process_queue")
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_nightly").method_direct_trigger()
        ours = self.policy | firms | other.tiering_policy_ids
        jobs = self._jobs().filtered(lambda job: job.records in ours)
        self.assertEqual(
            {(job.name, job.company_id, job.records) for job in jobs},
            {
                ("Customer tiering: Default policy", self.company, self.policy),
                ("Customer tiering: Firms", self.company, firms),
                ("Customer tiering: Default policy", other, other.tiering_policy_ids),
            },
        )
        self.assertEqual(len(jobs), 3)
        self.assertEqual(set(jobs.mapped("channel")), {"root.customer_tiering"})
        # nor the scheduled action, which would do the same at once
        self.assertEqual(self._calls("ir_cron_process_queue"), calls)

    def _queue_parts(self):
        """A run in parts, whose first job is done."""
        for number in range(5):
            self.order(self.new_customer(f"Customer {number}"), number, 100 * number, when=fields.Datetime.now())
        self.policy.partner_domain = "[('name', 'like', 'Customer')]"
        self.env.cr.execute("ANALYZE res_partner")
        run = self._queue()
        with self.parts_of(2):
            self._perform(self._jobs())
        self.assertEqual(len(run.part_ids), 3)
        return run

    def _perform_all(self, run):
        """Do all jobs, those of parts in the other order; return which were done, those of one phase together."""
        done = []
        while jobs := self._jobs():
            done.append(sorted(jobs.mapped("method_name")))
            for job in jobs[::-1]:
                self._perform(job)
        run.invalidate_recordset()
        return done

    def test_a_run_in_parts_is_a_graph_of_jobs(self):
        run = self._queue_parts()
        of_parts, together = ["_do_as_job"] * 3, ["_go_on"]
        jobs = self._jobs()
        self.assertEqual(set(jobs.mapped("channel")), {"root.customer_tiering"})
        self.assertIn("Customer tiering: Default policy, part 2", jobs.mapped("name"))
        # Read, learn, measure, compare, score, close.
        self.assertEqual(self._perform_all(run), [of_parts, together, of_parts, together, of_parts, together])
        self.assertEqual((run.state, run.customer_count, run.attempts), ("done", 6, 1))
        self.assertFalse(run.part_ids)
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        self.assertEqual(sorted(cards.mapped("amount")), [0, 100, 100, 200, 300, 400])

    def test_the_job_of_a_part_does_nothing_twice(self):
        run = self._queue_parts()
        part = run.part_ids[0]
        part._do_as_job("waiting")
        self.assertEqual(part.state, "read")
        part._do_as_job("waiting")
        self.assertEqual(part.state, "read", "not measured before all are read")
        self._perform_all(run)
        self.assertEqual((run.state, run.customer_count), ("done", 6))

    def test_the_jobs_of_a_policy_that_changes_begin_anew(self):
        run = self._queue_parts()
        self.policy.window_days -= 1
        with self.parts_of(2):
            self._perform_all(run)
        self.assertEqual((run.state, run.customer_count), ("done", 6))
        self.assertEqual(run.version_id.rules["window_days"], self.policy.window_days)

    def test_a_run_in_parts_is_stopped_between_two_jobs(self):
        run = self._queue_parts()
        self._perform(self._jobs()[0])
        run.with_user(self.manager).action_stop()
        self._perform_all(run)
        self.assertEqual(run.state, "skipped")
        self.assertFalse(run.part_ids)

    def test_a_part_whose_job_fails_for_good_fails_the_run(self):
        run = self._queue_parts()
        with mute_logger(RUN_LOGGER):
            run.part_ids[0]._fail_run("ValueError", "broken")
        self.assertEqual((run.state, run.error), ("failed", "broken"))
        self._perform_all(run)
        self.assertFalse(run.part_ids)

    def test_a_policy_is_never_queued_twice(self):
        self._queue()
        self._queue()
        self.policy.with_user(self.manager)._queue_run_job()
        self.assertEqual(len(self._jobs()), 1)

    def test_a_job_does_what_a_run_does_and_once_more_nothing(self):
        run = self._queue()
        job = self._jobs()
        self.assertIn("scored customers 1", self._perform(job))
        self.assertRecordValues(run, [{"state": "done", "trigger": "nightly", "attempts": 1, "customer_count": 1}])
        card = self.card(self.customer)
        self.assertTrue(card.tier_id)
        before = card.read()
        job.requeue()
        self.assertEqual(self._perform(job), "No run waits any more.")
        self.assertEqual(self.policy.run_ids, run)
        self.assertEqual(card.read(), before)

    def test_a_run_that_somebody_computed_meanwhile_is_not_computed_again(self):
        run = self._queue()
        run._compute()
        self.assertEqual(self._perform(self._jobs()), "No run waits any more.")

    def test_compute_now_on_many_orders_queues_a_job_and_tells_the_person_at_the_end(self):
        with patch.object(customer_tiering_policy, "DIRECT_ORDER_LIMIT", 0):
            self.policy.with_user(self.manager).with_context(active_test=False).action_compute_now()
        run, job = self.policy.run_ids, self._jobs()
        self.assertEqual((run.state, run.user_id), ("queued", self.manager))
        # as the scheduled action would do it: not as the person, nor in what the person's screen says
        self.assertEqual(job.user_id.id, SUPERUSER_ID)
        kept = job.with_env(self.env(context={})).records.env.context
        self.assertEqual(kept, {"allowed_company_ids": self.company.ids})
        with patch.object(self.env.registry["res.users"], "_bus_send", autospec=True) as send:
            self._perform(job)
        self.assertEqual(self._messages(send), [(self.manager, "success")])

    def test_a_job_waits_while_somebody_computes_the_company(self):
        run = self._queue()
        self._lock(customer_tiering_run.LOCK_CLASS)
        with self.assertRaisesRegex(RetryableJobError, "being computed right now") as caught:
            self._perform(self._jobs())
        self.assertTrue(caught.exception.ignore_retry)  # to wait is no failure, however long
        self.assertTrue(caught.exception.seconds)
        self.assertEqual((run.state, run.attempts), ("queued", 0))

    def test_a_job_asks_the_replica(self):
        """The real one is the matter of ``tests_replica``; a job has locked and counted before it reads."""
        self._queue()
        with (
            patch.dict(config.options, {"db_replica_host": "somewhere"}),
            patch.object(self.env.registry["customer.tiering.replica"], "_get_obstacle", return_value="it was asked"),
            self.assertLogs("odoo.addons.customer_tiering.models.customer_tiering_replica", "WARNING") as logged,
        ):
            self._perform(self._jobs())
        self.assertIn("it was asked", logged.output[0])

    def test_a_lost_race_is_retried_a_few_times(self):
        for error in (psycopg2.errors.SerializationFailure, psycopg2.errors.UniqueViolation):
            run = self._queue()
            job = Job.load(self.env, self._jobs().uuid)
            Writer = self.env.registry["customer.tiering.writer"]
            with patch.object(Writer, "_write_result", side_effect=error("concurrent update")):
                for _attempt in range(4):
                    with self.assertRaises(RetryableJobError), self.env.cr.savepoint():
                        job.perform()
                with self.assertRaisesRegex(FailedJobError, "concurrent update"), self.env.cr.savepoint():
                    job.perform()
            self.assertEqual((run.state, run.attempts), ("queued", 0))

    def test_the_seconds_until_a_retry_come_from_the_job_function(self):
        self._queue()
        job = Job.load(self.env, self._jobs().uuid)
        waits = []
        for job.retry in (1, 2, 3, 4):
            waits.append(job._get_retry_seconds())
        self.assertEqual(waits, [5, 30, 120, 120])

    def test_a_job_that_failed_for_good_says_so_on_its_run_and_to_the_person(self):
        self.policy.active = False
        run = self._queue()
        run.user_id = self.manager
        job = Job.load(self.env, self._jobs().uuid)
        with self.assertRaisesRegex(UserError, "is archived. Restore it"), self.env.cr.savepoint():
            job.perform()
        self.assertEqual(run.state, "queued")
        self.assertEqual(job.on_fail_method_name, "_fail_waiting_run")
        with (
            patch.object(self.env.registry["res.users"], "_bus_send", autospec=True) as send,
            self.assertLogs(RUN_LOGGER, "ERROR"),
        ):
            job.on_fail({"exc_name": "UserError", "exc_message": "Restore it.", "exc_info": "Traceback"})
        self.assertRecordValues(run, [{"state": "failed", "error": "Restore it."}])
        self.assertEqual(self._messages(send), [(self.manager, "danger")])

    def test_the_scheduled_action_leaves_runs_to_their_jobs_for_an_hour(self):
        run = self._queue()
        cron = self.env.ref("customer_tiering.ir_cron_process_queue")
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(run.state, "queued")
        self._let_pass("customer.tiering.run", run.ids, "create_date")
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(run.state, "done")
        self.assertEqual(self._perform(self._jobs()), "No run waits any more.")

    def test_a_deleted_policy_or_run_needs_no_job(self):
        run = self._queue()
        run.unlink()
        self.assertEqual(self._perform(self._jobs()), "No run waits any more.")
        self._queue()
        job = self._jobs()
        self.policy.unlink()
        self.assertEqual(self._perform(job), "No run waits any more.")

    def test_uninstalling_cancels_what_waits(self):
        self._queue()
        job = self._jobs()
        self.env["res.partner"].with_delay().search_count([])
        other = self.env["queue.job"].search([("model_name", "=", "res.partner")])
        uninstall_hook(self.env)
        self.assertEqual((job.state, other.state), ("cancelled", "pending"))


@tagged("post_install", "-at_install")
class TestFollowupJobs(JobsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        today = fields.Datetime.now() - timedelta(days=1)
        for number in range(5):
            cls.order(cls.new_customer(f"Customer {number}"), when=today)
        cls.compute(cls.company._get_tiering_today())
        cls.playbook = cls.env["customer.tiering.playbook"].create(
            {
                "name": "Keep in touch",
                "policy_id": cls.policy.id,
                "trigger": "contact",
                "contact_days": 1,
                "assign": "user",
                "user_id": cls.salesperson.id,
                "user_day_limit": 0,
                "user_open_limit": 0,
                "step_ids": [
                    Command.create(
                        {"activity_type_id": cls.env.ref("mail.mail_activity_data_call").id, "summary": "Call"}
                    )
                ],
            }
        )

    def _states(self):
        return self.env["customer.tiering.followup"].search([("playbook_id", "=", self.playbook.id)]).mapped("state")

    def test_chunk_after_chunk(self):
        calls = self._calls("ir_cron_followup")
        self.playbook.with_user(self.manager).action_enable()
        results = []
        with patch.object(customer_tiering_followup, "BATCH", 2):
            while jobs := self._jobs("_process_followups"):
                self.assertEqual(len(jobs), 1)
                self.assertEqual((jobs.name, jobs.company_id), ("Customer follow-ups: Keep in touch", self.company))
                results.append(self._perform(jobs))
        # 5 customers, 2 at a time; the last job finds nothing to do
        self.assertEqual(results, [f"Follow-ups planned or closed: {count}" for count in (2, 2, 1, 0)])
        self.assertEqual(self._states(), ["open"] * 5)
        self.assertEqual(self._calls("ir_cron_followup"), calls)

    def test_a_run_queues_the_follow_ups_of_its_playbooks(self):
        self.playbook.action_enable()
        self._jobs().unlink()
        self.compute(self.company._get_tiering_today())
        self.assertEqual(self._jobs().records, self.playbook)  # not those that are switched off

    def test_a_playbook_is_never_queued_twice(self):
        self.playbook._call_job()
        self.playbook._call_job(fields.Datetime.now() + timedelta(minutes=1))
        self.assertEqual(len(self._jobs()), 1)
        self.assertFalse(self._jobs().eta)

    def test_the_job_that_comes_later(self):
        later = fields.Datetime.now() + timedelta(minutes=1)
        self.playbook._call_job(later)
        self.assertEqual(self._jobs().eta, later)

    def test_a_job_waits_while_somebody_plans_for_the_company(self):
        self.playbook.action_enable()
        self._lock(customer_tiering_followup.LOCK_CLASS)
        with self.assertRaises(RetryableJobError) as caught:
            self._perform(self._jobs())
        self.assertTrue(caught.exception.ignore_retry)
        self.assertEqual(self._states(), ["waiting"] * 5)

    def test_a_lost_race_is_retried(self):
        self.playbook.action_enable()
        followups = self.env.registry["customer.tiering.followup"]
        error = psycopg2.errors.SerializationFailure("concurrent update")
        with patch.object(followups, "_plan", side_effect=error), self.assertRaises(RetryableJobError):
            self._perform(self._jobs())

    def test_a_deleted_playbook_needs_no_job(self):
        self.playbook._call_job()
        job = self._jobs()
        self.playbook.unlink()
        self.assertEqual(self._perform(job), "The playbook was deleted.")

    def test_the_scheduled_action_plans_without_a_job_runner(self):
        self.playbook.action_enable()
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_followup").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self._states(), ["open"] * 5)
        self.assertEqual(self._perform(self._jobs()), "Follow-ups planned or closed: 0")


@tagged("post_install", "-at_install")
class TestRefreshJobs(JobsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.new_customer("Ann") | cls.new_customer("Ben")
        long_ago = fields.Datetime.now() - timedelta(days=200)
        cls.orders = cls.env["sale.order"]
        for customer in cls.customers:
            cls.order(customer, when=long_ago)
            cls.orders |= cls.order(customer, state="draft", when=fields.Datetime.now())
        cls.compute(cls.company._get_tiering_today())

    def _cron(self):
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_refresh").method_direct_trigger()
        self.env.invalidate_all()

    def _counts(self):
        return [self.card(customer).order_count for customer in self.customers]

    def test_an_order_calls_the_scheduled_action_which_queues_a_job_per_company(self):
        other = self.env.ref("base.main_company")
        self.env["customer.tiering.refresh"]._add(self.customers, other, "instant")
        calls = self._calls("ir_cron_refresh")
        self.orders.action_confirm()
        self.assertFalse(self._jobs())  # confirming an order costs what it did
        self.assertGreater(self._calls("ir_cron_refresh"), calls)
        self._cron()
        self._cron()
        jobs = self._jobs()
        self.assertEqual(
            {(job.name, job.company_id) for job in jobs},
            {
                ("Customers to score again: Tiering Company", self.company),
                (f"Customers to score again: {other.name}", other),
            },
        )
        self.assertEqual(len(jobs), 2)
        self.assertEqual(self._counts(), [1, 1])
        for job in jobs:
            self._perform(job)
        self.assertEqual(self._counts(), [2, 2])
        self.assertFalse(self.env["customer.tiering.refresh"].search([]))
        self.assertFalse(self._jobs())

    def test_chunk_after_chunk(self):
        self.orders.action_confirm()
        self._cron()
        results = []
        with patch.object(customer_tiering_refresh, "BATCH", 1):
            while jobs := self._jobs():
                results.append(self._perform(jobs))
        self.assertEqual(results, ["Customers scored again: 1"] * 2)
        self.assertEqual(self._counts(), [2, 2])

    def test_a_job_waits_while_a_run_is_under_way(self):
        self.orders.action_confirm()
        self._cron()
        # The run above is this transaction's own, so that nobody else could hold the company's lock.
        under_way = customer_tiering_run.RunUnderWayError("A run is under way.")
        with (
            patch.object(self.env.registry["customer.tiering.run"], "_lock_company", side_effect=under_way),
            self.assertRaises(RetryableJobError) as caught,
        ):
            self._perform(self._jobs())
        self.assertTrue(caught.exception.ignore_retry)
        self.assertEqual(self._counts(), [1, 1])

    def test_a_lost_race_is_retried(self):
        self.orders.action_confirm()
        self._cron()
        error = psycopg2.errors.ForeignKeyViolation("concurrent update")
        with (
            patch.object(self.env.registry["customer.tiering.writer"], "_write_result", side_effect=error),
            self.assertRaises(RetryableJobError),
        ):
            self._perform(self._jobs())

    def test_the_scheduled_action_scores_them_when_nobody_runs_the_job(self):
        self.orders.action_confirm()
        self._cron()
        self._let_pass("queue.job", self._jobs().ids, "date_created")
        self._cron()
        self.assertEqual(self._counts(), [2, 2])
        self.assertEqual(self._perform(self._jobs()), "Customers scored again: 0")

    def test_the_job_of_an_archived_company_leaves_it_alone(self):
        self.orders.action_confirm()
        self._cron()
        job = self._jobs()
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_company SET active = FALSE WHERE id = %s", [self.company.id])
        self.env.invalidate_all()
        self.assertEqual(self._perform(job), "Customers scored again: 0")
        self._cron()
        self.assertFalse(self._jobs())
        self.assertEqual(self._counts(), [1, 1])
