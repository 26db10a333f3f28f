from datetime import datetime, timedelta
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from ..models.customer_tiering_run import LOCK_CLASS
from .common import AS_OF, TieringCommon

RUN_LOGGER = "odoo.addons.customer_tiering.models.customer_tiering_run"


@tagged("post_install", "-at_install")
class TestRun(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Fewer than 100 customers: the fixed bands decide. Recency up to 30 days is 100 points, over
        # 365 is 0; ten orders are 100, one is 0; money is measured in median orders.
        cls.best, cls.middle, cls.poor, cls.asked = (
            cls.new_customer(name) for name in ("Best", "Middle", "Poor", "Asked")
        )
        for days_ago in range(0, 100, 10):
            cls.order(cls.best, days_ago, 100)
        for days_ago in (40, 80, 120):
            cls.order(cls.middle, days_ago, 100)
        cls.order(cls.poor, 400, 100)
        cls.order(cls.asked, 10, 100, state="draft")

    def test_a_run_puts_customers_into_tiers(self):
        run = self.compute()
        # Best: 0 days → 100, 10 orders → 100, 1000 = 10 median orders → 100: score 100.
        # Middle: 40 days → 75, 3 orders → 50, 300 = 3 median orders → 50: score 58.33.
        # Poor: 400 days → 0, none in the window → 0, 0 → 0: score 0. Asked never bought: no tier.
        self.assertTiers({self.best: "Platinum", self.middle: "Silver", self.poor: "Bronze", self.asked: False})
        self.assertEqual(self.card(self.middle).score, 58.33)
        self.assertEqual(self.card(self.asked).segment_id.code, "prospect")
        self.assertEqual(self.card(self.poor).segment_id.code, "lost")
        self.assertRecordValues(
            run,
            [{"state": "done", "as_of": AS_OF, "customer_count": 4, "new_count": 3, "written_count": 4}],
        )
        self.assertIn("Customers who bought in the window: only 2", run.note)

    def test_the_explanation_adds_up_to_the_score(self):
        self.compute()
        for partner in (self.best, self.middle, self.poor):
            card = self.card(partner)
            lines = card.explanation_data["lines"]
            self.assertEqual([line["metric"] for line in lines], ["recency", "frequency", "monetary"])
            self.assertEqual(round(sum(line["contribution"] for line in lines), 2), card.score)
        middle = self.card(self.middle)
        self.assertEqual(middle.explanation_data["lines"][1]["text"], "3 orders")
        with freeze_time(AS_OF):
            middle.invalidate_recordset()
            self.assertEqual(middle.explanation_data["lines"][0]["text"], "40 days")
        self.assertEqual(middle.next_tier_id.name, "Gold")
        self.assertEqual(middle.points_to_next, 1.67)  # 60 - 58.33

    def test_the_explanation_of_a_prospect_has_no_lines(self):
        self.compute()
        self.assertEqual(self.card(self.asked).explanation_data["lines"], [])
        self.assertEqual(self.asked.tiering_explanation["lines"], [])
        self.assertFalse(self.asked.tiering_explanation["next"])
        self.assertEqual(len(self.poor.tiering_explanation["lines"]), 3)  # who bought long ago has all

    def test_days_count_to_today_where_the_company_is(self):
        self.compute()
        for timezone, days in (("UTC", 40), ("Europe/Brussels", 41), ("America/New_York", 40)):
            self.company.partner_id.tz = timezone
            # 22:30 in Greenwich is 00:30 of the next day in Brussels, 18:30 in New York
            with self.subTest(timezone=timezone), freeze_time("2026-06-30 22:30:00"):
                self.env.invalidate_all()
                self.assertEqual(self.card(self.middle).recency_days, days)
                self.assertEqual(self.middle.tiering_recency_days, days)
                self.assertEqual(self.card(self.middle).explanation_data["lines"][0]["text"], f"{days} days")

    def test_a_second_run_writes_nothing(self):
        self.compute()
        before = self.env["customer.tiering.scorecard"].search([]).read()
        self.env.flush_all()
        run = self.compute()
        self.assertRecordValues(
            run, [{"customer_count": 4, "written_count": 0, "new_count": 0, "up_count": 0, "down_count": 0}]
        )
        self.assertEqual(self.env["customer.tiering.scorecard"].search([]).read(), before)
        self.assertFalse(run.change_ids)

    def test_a_night_in_which_nothing_happened_writes_nothing(self):
        self.compute()
        run = self.compute_after(1)
        # a day older, but nobody has left a band or the window
        self.assertEqual((run.as_of, run.written_count), (AS_OF + timedelta(days=1), 0))

    def test_only_changed_scorecards_are_written(self):
        first = self.compute()
        self.order(self.poor, 1, 1)
        run = self.compute()
        # The new order of 1 leaves the median order of the three at 100, so it moves nobody's band;
        # but it makes Poor recent.
        self.assertEqual(run.written_count, 1)
        self.assertEqual(self.card(self.poor).run_id, run)
        self.assertEqual(self.card(self.best).run_id, first)

    def test_money_keeps_the_decimals_of_the_currency(self):
        self.company.currency_id = self.env["res.currency"].create({"name": "DIN", "symbol": "D", "rounding": 0.001})
        for amount, total in ((10.125, 10.125), (0.002, 10.127)):  # a new scorecard, then one that is there
            order = self.order(self.asked)
            self.env.flush_all()  # of the order, too, whose prices may have fewer decimals
            self.env.cr.execute("UPDATE sale_order SET amount_untaxed = %s WHERE id = %s", [amount, order.id])
            self.compute()
            self.assertAlmostEqual(self.card(self.asked).amount, total, 6)

    def test_the_tier_is_held_since_the_day_it_changed(self):
        self.compute()
        tomorrow = AS_OF + timedelta(days=1)
        self.order(self.best, -1, 100)
        for days_ago in range(10):
            self.order(self.middle, days_ago, 100)
        run = self.compute(tomorrow)
        self.assertEqual((self.card(self.best).run_id, self.card(self.middle).run_id), (run, run))
        # Best bought again and stays in Platinum; Middle moves there from Silver
        self.assertTiers({self.best: "Platinum", self.middle: "Platinum"})
        self.assertEqual(self.card(self.best).tier_since, AS_OF)
        self.assertEqual(self.card(self.middle).tier_since, tomorrow)

    def test_moves_are_recorded_with_direction_and_scores(self):
        self.compute()
        for days_ago in range(10):
            self.order(self.middle, days_ago, 100)
        self.compute()
        change = self.changes(self.middle)[:1]
        self.assertRecordValues(
            change,
            [{"direction": "up", "reason": "score", "score_before": 58.33, "score_after": 100, "date": AS_OF}],
        )
        self.assertEqual((change.from_tier_id.name, change.to_tier_id.name), ("Silver", "Platinum"))
        self.assertEqual(self.card(self.middle).tier_since, AS_OF)
        self.middle.sale_order_ids.filtered(lambda order: order.state == "sale").write({"state": "cancel"})
        self.compute()
        change = self.changes(self.middle)[:1]
        # who loses all orders has not bought: no tier any more, but not forgotten
        self.assertEqual((change.direction, change.reason), ("left", "score"))
        self.assertEqual(self.card(self.middle).segment_id.code, "prospect")

    def test_a_move_in_the_first_run_after_an_update_is_not_blamed_on_the_policy(self):
        # Runs of version 19.0.1.0 kept no version of the rules.
        self.compute().version_id = False
        for day in (1, 2, 3):
            self.order(self.poor, day, 500)
        self.compute()
        changes = self.card(self.poor).change_ids
        self.assertEqual(changes.mapped("reason"), ["score", "first"])

    def test_archived_customers_lose_their_scorecard_but_keep_their_history(self):
        self.compute()
        self.best.active = False
        run = self.compute()
        self.assertFalse(self.card(self.best))
        self.assertEqual(run.left_count, 1)
        change = self.changes(self.best)[:1]
        self.assertEqual((change.direction, change.reason, change.from_tier_id.name), ("left", "left", "Platinum"))

    def test_merged_customers_are_one_customer(self):
        self.compute()
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((self.poor | self.middle).ids, dst_partner=self.middle)
        self.assertFalse(self.poor.exists())
        run = self.compute()
        self.assertEqual(run.customer_count, 3)
        self.assertEqual(self.card(self.middle).first_order_date.isoformat(), "2025-05-26")  # 400 days before

    def test_the_number_of_queries_does_not_depend_on_the_number_of_customers(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            run = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            run._compute(as_of=AS_OF)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count()  # fills the caches
        self.order(self.poor, 1, 1000)  # in both runs there is something to write
        few = count()
        for number in range(50):
            self.order(self.new_customer(f"Customer {number}"), number, 10 * number)
        self.assertEqual(count(), few)

    def test_no_partner_is_written(self):
        def versions():
            """Where each row lies: an update puts a new version elsewhere, even twice in a transaction."""
            self.env.flush_all()
            self.env.cr.execute("SELECT id, ctid FROM res_partner")
            return dict(self.env.cr.fetchall())

        before = versions()
        self.compute()
        self.assertEqual(versions(), before)
        self.order(self.poor, 1, 1000)
        before = versions()
        self.assertTrue(self.compute().written_count)
        self.assertEqual(versions(), before)

    def test_a_company_without_orders_says_so(self):
        company = self.env["res.company"].create({"name": "Empty Company"})
        run = self.compute(policy=company.tiering_policy_ids)
        self.assertEqual((run.state, run.customer_count), ("done", 0))
        self.assertIn("No customer has a quotation or an order yet", run.note)

    def test_enormous_orders_are_no_problem(self):
        self.order(self.poor, 1, 1e12)
        self.compute()
        self.assertEqual(self.card(self.poor).amount, 1e12)

    def test_it_works_without_the_pricelist_feature(self):
        group = "product.group_product_pricelist"
        self.env.ref("base.group_user")._remove_group(self.env.ref(group))
        self.assertFalse(self.env["res.groups"]._is_feature_enabled(group))
        order = self.order(self.best, state="draft")
        self.compute()
        self.assertTiers({self.best: "Platinum", self.middle: "Silver", self.poor: "Bronze"})
        order.action_confirm()
        self.assertEqual(order.tiering_tier_id.name, "Platinum")

    def test_changes_of_a_run_by_hand_are_noted_in_the_chatter_when_wanted(self):
        self.compute()
        messages = len(self.middle.message_ids)
        for days_ago in range(10):
            self.order(self.middle, days_ago, 100)
        self.compute()
        self.assertEqual(len(self.middle.message_ids), messages)
        self.middle.sale_order_ids.filtered(lambda o: o.date_order.date() > AS_OF.replace(day=15)).state = "cancel"
        self.policy.post_changes = True
        self.compute()
        self.assertIn("Platinum → Silver", self.middle.message_ids[0].body)
        self.assertFalse(self.poor.message_ids.filtered(lambda message: "Tier:" in (message.body or "")))

    def test_changes_of_the_night_are_never_noted_in_the_chatter(self):
        self.policy.post_changes = True
        self.compute(trigger="nightly")
        for days_ago in range(10):
            self.order(self.middle, days_ago, 100)
        messages = self.middle.message_ids
        run = self.compute(trigger="nightly")
        self.assertEqual(run.up_count, 1)  # Middle: Silver → Platinum
        self.assertEqual(self.middle.message_ids, messages)

    # ------------------------------------------------------------------
    # The jobs
    # ------------------------------------------------------------------

    def _crons(self):
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_nightly").method_direct_trigger()
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()

    def test_the_night_computes_every_policy_of_every_company_that_wants_it(self):
        quiet = self.env["res.company"].create({"name": "Quiet Company", "tiering_nightly": False})
        busy = self.env["res.company"].create({"name": "Busy Company"})
        self._crons()
        self.assertEqual(self.policy.run_ids.mapped("state"), ["done"])
        self.assertEqual(self.policy.run_ids.trigger, "nightly")
        self.assertEqual(busy.tiering_policy_ids.run_ids.mapped("state"), ["done"])
        self.assertFalse(quiet.tiering_policy_ids.run_ids)
        self.assertTrue(self.card(self.best).tier_id)
        self._crons()
        self.assertEqual(self.policy.run_ids[0].written_count, 0)

    def test_the_night_leaves_archived_policies_alone(self):
        archived = self.policy.copy({"active": False})
        self._crons()
        self.assertEqual(self.policy.run_ids.mapped("state"), ["done"])
        self.assertFalse(archived.run_ids)

    def test_one_policys_failure_does_not_stop_the_others(self):
        other = self.env["res.company"].create({"name": "Other Company"}).tiering_policy_ids
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM customer_tier WHERE policy_id = %s", [self.policy.id])
        self.env.invalidate_all()
        with self.assertLogs(RUN_LOGGER, "ERROR"):
            self._crons()
        run = self.policy.run_ids
        self.assertEqual(run.state, "failed")
        self.assertIn("has no tier. Add at least one tier", run.error)
        self.assertEqual(other.run_ids.state, "done")

    def test_an_unexpected_error_is_shown_on_the_run_and_nothing_is_half_written(self):
        self._crons()
        before = self.env["customer.tiering.scorecard"].search([]).read()
        self.order(self.poor, 1, 1)
        Writer = type(self.env["customer.tiering.writer"])
        with (
            patch.object(Writer, "_insert_scorecards", side_effect=RuntimeError("disk on fire")),
            self.assertLogs(RUN_LOGGER, "ERROR"),
        ):
            self._crons()
        self.assertEqual(self.policy.run_ids[0].state, "failed")
        self.assertIn("disk on fire", self.policy.run_ids[0].error)
        self.assertEqual(self.env["customer.tiering.scorecard"].search([]).read(), before)
        self._crons()
        self.assertEqual(self.policy.run_ids[0].state, "done")
        self.assertEqual(self.policy.run_ids[0].written_count, 1)

    def test_a_lost_race_is_repeated_on_a_fresh_snapshot(self):
        Writer = type(self.env["customer.tiering.writer"])
        original, calls = Writer._write_result, []

        def flaky(*args):
            calls.append(args)
            if len(calls) == 1:
                raise psycopg2.errors.SerializationFailure("could not serialize access")
            return original(*args)

        with patch.object(Writer, "_write_result", flaky), mute_logger(RUN_LOGGER):
            self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
            with self.enter_registry_test_mode():
                self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(len(calls), 2)
        self.assertEqual(self.policy.run_ids.state, "done")

    def test_a_race_lost_again_and_again_ends_with_the_reason(self):
        Writer = type(self.env["customer.tiering.writer"])
        with (
            patch.object(
                Writer, "_write_result", side_effect=psycopg2.errors.SerializationFailure("concurrent update")
            ),
            self.assertLogs(RUN_LOGGER, "ERROR"),
        ):
            self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
            with self.enter_registry_test_mode():
                self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self.policy.run_ids.state, "failed")
        self.assertIn("Start the computation again", self.policy.run_ids.error)

    def test_a_second_run_of_the_company_says_that_one_is_under_way(self):
        connection = psycopg2.connect(self.env.cr._cnx.dsn)  # another session than the test's own
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, self.company.id])
        with self.assertRaisesRegex(UserError, "being computed right now"):
            self.compute()

    def _process_queue(self):
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()

    def test_nobody_is_told_to_wait_for_a_job_that_was_deleted(self):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
        self.env.ref("customer_tiering.ir_cron_process_queue").unlink()
        with self.assertRaisesRegex(UserError, "was deleted"):
            run._call_job()

    def test_a_waiting_run_waits_on_while_somebody_computes_the_company(self):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        other = self.env["res.company"].create({"name": "Other Company"}).tiering_policy_ids
        unhindered = self.env["customer.tiering.run"]._queue(other, trigger="nightly")
        connection = psycopg2.connect(self.env.cr._cnx.dsn)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, self.company.id])
            self._process_queue()
            self.assertEqual((run.state, run.error), ("queued", False))
            self.assertEqual(unhindered.state, "done")
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, self.company.id])
        self._process_queue()
        self.assertEqual(run.state, "done")

    def test_who_waits_for_another_computation_is_tried_again_a_minute_later(self):
        self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        cron = self.env.ref("customer_tiering.ir_cron_process_queue")
        connection = psycopg2.connect(self.env.cr._cnx.dsn)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, self.company.id])
            self._process_queue()
        later = fields.Datetime.now() + timedelta(seconds=50)
        calls = self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id), ("call_at", ">", later)])
        self.assertEqual(len(calls), 1)
        self.assertLess(calls.call_at, later + timedelta(seconds=20))

    def test_where_the_time_is_up_the_others_have_a_call_of_their_own(self):
        """The server ends who works for too long in one go, however many runs it were."""
        other = self.env["res.company"].create({"name": "Other Company"}).tiering_policy_ids
        runs = self.env["customer.tiering.run"]._queue(self.policy | other, trigger="nightly")
        cron = self.env.ref("customer_tiering.ir_cron_process_queue")
        calls = self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)])
        progress = []

        def over(cron, processed=0, remaining=None):
            progress.append(remaining)
            return 0

        with patch.object(self.env.registry["ir.cron"], "_commit_progress", over):
            self.env["customer.tiering.run"]._cron_process_queue()
            self.assertEqual(runs.mapped("state"), ["done", "queued"])
            self.assertEqual(progress[-1], 0)  # else Odoo goes on in the same go
            self.assertEqual(self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)]), calls + 1)
            self.env["customer.tiering.run"]._cron_process_queue()
            self.assertEqual(runs.mapped("state"), ["done", "done"])
            self.assertEqual(self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)]), calls + 1)

    def test_waiting_for_another_computation_is_no_interruption(self):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        connection = psycopg2.connect(self.env.cr._cnx.dsn)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, self.company.id])
            for _times in range(4):
                self._process_queue()
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, self.company.id])
        self.assertEqual((run.state, run.error), ("queued", False))
        self._process_queue()
        self.assertEqual(run.state, "done")

    def test_a_run_computed_by_hand_while_it_waits_is_not_computed_again(self):
        company = self.env["res.company"].create({"name": "Other Company"})
        runs = self.env["customer.tiering.run"]._queue(company.tiering_policy_ids | self.policy, trigger="nightly")
        Run = type(runs)
        original, computed = Run._compute_and_record, []

        def compute_the_next_by_hand(run):
            if not computed:
                self.policy.with_env(run.env).action_compute_now()
            computed.append(run.id)
            return original(run)

        with patch.object(Run, "_compute_and_record", compute_the_next_by_hand):
            self._process_queue()
        self.assertEqual(computed, runs[0].ids)
        self.assertRecordValues(runs[1], [{"state": "done", "trigger": "manual", "new_count": 3, "written_count": 4}])

    def test_a_waiting_run_of_a_policy_that_was_archived_computes_nothing(self):
        self.compute()
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        self.policy.active = False
        with mute_logger(RUN_LOGGER):
            self._process_queue()
        self.assertFalse(self.card(self.best))
        self.assertNotEqual(run.exists().state, "done")

    def test_an_archived_policy_is_not_computed_by_hand(self):
        self.policy.active = False
        with self.assertRaises(UserError):
            self.policy.with_user(self.manager).action_compute_now()
        self.assertFalse(self.card(self.best))

    def test_a_run_deleted_while_it_waits_is_left_out(self):
        company = self.env["res.company"].create({"name": "Other Company"})
        policies = self.policy | company.tiering_policy_ids | self.other_policy()
        runs = self.env["customer.tiering.run"]._queue(policies, trigger="nightly")
        Run = type(runs)
        original = Run._compute_and_record

        def delete_the_next(run):
            run.browse(runs.ids[1]).exists().unlink()
            return original(run)

        with (
            patch.object(Run, "_compute_and_record", delete_the_next),
            self.assertNoLogs("odoo.addons.base.models.ir_cron", "ERROR"),  # Odoo repeats a job that failed
        ):
            self._process_queue()
        self.assertEqual(runs.exists(), runs[0] | runs[2])
        self.assertEqual(runs.exists().mapped("state"), ["done", "done"])

    def test_a_run_that_stops_its_server_again_and_again_is_given_up(self):
        runs = self.env["customer.tiering.run"]._queue(self.policy | self.other_policy(), trigger="nightly")
        often, seldom = runs
        often.attempts = 3
        seldom.attempts = 2
        with self.assertLogs(RUN_LOGGER, "ERROR"):
            self._process_queue()
        self.assertRecordValues(
            runs,
            [
                {"state": "failed", "error": "The server was stopped 3 times during this run."},
                {"state": "done", "error": False},
            ],
        )
        self.assertTrue(often.started_at)
        # Once before, and once more in this call's count: what was not given up says how often it began.
        self.assertIn("So often: 2.", seldom.note)

    def test_a_scheduled_action_says_in_the_log_that_its_last_call_had_no_end(self):
        cron = self.env.ref("customer_tiering.ir_cron_process_queue")
        # As Odoo leaves it when a server is killed for the second time.
        self.env["ir.cron.progress"].create({"cron_id": cron.id, "timed_out_counter": 2})
        with self.assertLogs("odoo.addons.customer_tiering.jobs", "WARNING") as logged:
            self._process_queue()
        self.assertIn("so many times in a row: 2.", logged.output[0])
        with self.assertNoLogs("odoo.addons.customer_tiering.jobs", "WARNING"):
            self._process_queue()

    def test_where_the_database_is_away_the_log_says_which_run_has_failed(self):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        away = psycopg2.OperationalError("server closed the connection unexpectedly")
        with (
            patch.object(type(run), "_compute", side_effect=away),
            patch.object(self.env.cr, "rollback", side_effect=psycopg2.InterfaceError("connection closed")),
            self.assertLogs(RUN_LOGGER, "ERROR") as logged,
            self.assertRaises(psycopg2.InterfaceError),
        ):
            run._compute_and_record()
        self.assertIn(f"run {run.id} failed", logged.output[0])

    def test_a_night_before_the_last_run_computes_nothing_and_says_so(self):
        """The clock was set back by ten days, in which all orders of Best from the last ten would not be there yet."""
        self.compute()
        with freeze_time(self.noon(AS_OF, 10)):
            night = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
            night._compute()
            self.assertEqual(night.state, "skipped")
            self.assertIn("as of 06/30/2026 already, and today is 06/20/2026", night.note)
            self.assertEqual(self.card(self.best).order_count, 10)
            by_hand = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
            by_hand._compute()
            self.assertEqual(by_hand.state, "done")
            self.assertEqual(self.card(self.best).order_count, 9)  # all but the one of AS_OF: 10 days before is in
            night = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
            night._compute()
            self.assertEqual(night.state, "done", "a person has said that this is the day")

    def test_a_run_tells_when_it_started_and_how_long_it_took(self):
        Writer = type(self.env["customer.tiering.writer"])
        original = Writer._write_result
        with freeze_time("2026-06-30 02:00:00") as clock:

            def slow(*args):
                clock.tick(90)
                return original(*args)

            with patch.object(Writer, "_write_result", slow):
                run = self.compute()
        self.assertEqual((run.started_at, run.duration), (datetime(2026, 6, 30, 2), 90))

    def test_waiting_runs_are_not_doubled(self):
        Run = self.env["customer.tiering.run"]
        first = Run._queue(self.policy, trigger="nightly")
        second = Run._queue(self.policy, trigger="manual")
        self.assertEqual(first, second)
        self.assertEqual(first.trigger, "manual")

    def test_who_starts_a_large_computation_is_told_when_it_is_done(self):
        with patch("odoo.addons.customer_tiering.models.customer_tiering_policy.DIRECT_ORDER_LIMIT", 3):
            action = self.policy.with_user(self.manager).action_compute_now()
        self.assertIn("You will be told", action["params"]["message"])
        self.assertFalse(self.card(self.best))
        Users = type(self.env["res.users"])
        with patch.object(Users, "_bus_send", autospec=True) as send, self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()
        self.assertTrue(self.card(self.best))
        (users, kind, payload), _kwargs = send.call_args
        self.assertEqual((users, kind), (self.manager, "simple_notification"))
        self.assertIn("scored customers 4", payload["message"])

    def test_a_small_computation_is_done_at_once(self):
        action = self.policy.with_user(self.manager).action_compute_now()
        self.assertIn("scored customers 4", action["params"]["message"])
        self.assertEqual(self.policy.last_run_id.user_id, self.manager)
