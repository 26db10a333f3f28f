import random
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .. import jobs, pace
from .common import AS_OF, TieringCommon

# What says by which run, and in which order, something was written.
OWN = ("id", "run_id", "event")


class PartsCommon(TieringCommon):
    """Customers of all kinds, computed in one piece and in parts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draw = random.Random(3)
        cls.customers = cls.env["res.partner"]
        for number in range(24):
            customer = cls.new_customer(f"Customer {number:02}", is_company=number % 2 == 0)
            contact = cls.new_customer(f"Contact {number:02}", parent_id=customer.id)
            for _order in range(draw.randrange(6)):
                who = draw.choice((customer, contact))
                cls.order(who, draw.randrange(400), draw.choice((20, 100, 100, 450.5, 2000)))
            cls.customers |= customer
        cls.order(cls.customers[23], 5, state="sent")
        cls.env.cr.execute("ANALYZE res_partner")

    def divide(self, size):
        """Return a run of the default policy in parts of ``size`` contacts."""
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
        with self.parts_of(size):
            self.assertTrue(run._divide())
        self.assertGreater(len(run.part_ids), 1)
        return run

    def go_on(self, run, day=AS_OF, until=None):
        """Do the steps of a run in parts until it is done, or until ``until`` of its parts is true."""
        while run.state == "queued" and not (until and until(run.part_ids)):
            run._do_step(day)
        return run

    def in_parts(self, size, day=AS_OF):
        """Compute the default policy as of ``day``, in parts of ``size`` contacts; return its run."""
        return self.go_on(self.divide(size), day)

    def told(self):
        """All that was written of customers of the company, as text."""
        self.env.flush_all()
        found = {}
        for table, order in (
            ("customer_tiering_scorecard", "partner_id"),
            ("customer_tier_change", "partner_id, date, from_tier_id, to_tier_id"),
            ("customer_segment_change", "partner_id, date"),
            ("customer_tiering_followup", "partner_id, date"),
        ):
            rows = self.env.execute_query(
                SQL(
                    "SELECT (to_jsonb(kept) - %s::text[])::text FROM %s kept WHERE company_id = %s ORDER BY %s",
                    list(OWN),
                    SQL.identifier(table),
                    self.company.id,
                    SQL(order),
                )
            )
            found[table] = [row for (row,) in rows]
        return found

    def rolled_back(self, act):
        """Return what ``act`` returns; the database forgets it."""
        with self.env.cr.savepoint() as savepoint:
            found = act()
            self.env.flush_all()
            savepoint.rollback()
        self.env.invalidate_all(flush=False)
        self.env.registry.clear_cache()
        return found


@tagged("post_install", "-at_install")
class TestParts(PartsCommon):
    def test_parts_come_to_what_one_piece_comes_to(self):
        """Nights in a row, with a lock, customers who leave, and a playbook: row by row the same."""
        self.policy.partner_domain = "[('name', 'like', 'Customer')]"
        playbook = self.env["customer.tiering.playbook"].create(
            {
                "name": "Call them",
                "policy_id": self.policy.id,
                "trigger": "down",
                "step_ids": [Command.create({"activity_type_id": self.env.ref("mail.mail_activity_data_call").id})],
            }
        )
        best = self.policy.tier_ids.sorted("sequence")[:1]
        lock = self.env["customer.tiering.lock"].create(
            {"partner_id": self.customers[3].id, "mode": "fixed", "tier_id": best.id, "reason": "Contract"}
        )
        lock.active = False
        playbook.sudo().write({"enabled": True, "enabled_since": AS_OF - timedelta(days=30)})

        def live(compute):
            runs = [compute(AS_OF)]
            self.order(self.customers[0], 0, 5000)
            self.customers[1].name = "Gone"
            self.customers[2].active = False
            lock.active = True
            self.policy.recalibrate_days = 7
            runs += [compute(AS_OF + timedelta(days=days)) for days in (20, 90)]
            self.env.flush_all()
            counts = ["customer_count", "new_count", "up_count", "down_count", "left_count", "written_count", "drift"]
            return self.told(), [run.read([*counts, "pending_count", "last_purchase_date", "note"]) for run in runs]

        whole, numbers = self.rolled_back(lambda: live(self.compute))
        self.assertGreater(len(whole["customer_tiering_scorecard"]), 12)
        self.assertTrue(whole["customer_tier_change"])
        for size in (7, 1):
            with self.subTest(size=size):
                parts, told = self.rolled_back(lambda size=size: live(lambda day: self.in_parts(size, day)))
                for table, rows in whole.items():
                    self.assertEqual(parts[table], rows, table)
                for found, expected in zip(told, numbers, strict=True):
                    self.assertEqual(*({**row, "id": 0} for (row,) in (found, expected)))

    def test_parts_come_to_the_same_by_each_method(self):
        for values in (
            {"method": "customer_share"},
            {"method": "revenue_share"},
            {"method": "clusters"},
            {"method": "score", "risk_method": "prediction"},
            {"method": "score", "revenue_from": "order_invoice", "refunds_at_once": True},
        ):
            with self.subTest(values=values):
                for tier, share in zip(self.policy.tier_ids, (10, 20, 30, 40), strict=True):
                    tier.share = share
                self.policy.write(values)
                nights = AS_OF, AS_OF + timedelta(days=30)
                whole = self.rolled_back(
                    lambda nights=nights: [self.compute(night) for night in nights] and self.told()
                )
                parts = self.rolled_back(
                    lambda nights=nights: [self.in_parts(7, night) for night in nights] and self.told()
                )
                self.assertEqual(parts, whole)
                self.assertTrue(whole["customer_tiering_scorecard"])

    # ------------------------------------------------------------------
    # What happens in between
    # ------------------------------------------------------------------

    def read_one(self, run):
        """Have the first part of a run read, and no other."""
        self.go_on(run, until=lambda parts: "waiting" not in parts[:1].mapped("state"))
        self.assertEqual(set(run.part_ids[1:].mapped("state")), {"waiting"})

    def assertAsNow(self, run):  # noqa: N802 - like unittest's own
        """The scorecards are what a run in one piece would make of the customers as they are now."""

        def get_amounts():
            cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
            return {card.partner_id.name: (card.amount, card.order_count, card.tier_id.name) for card in cards}

        self.assertEqual(run.state, "done", run.error)
        found = get_amounts()

        def compute():
            self.env.cr.execute(SQL("DELETE FROM customer_tiering_scorecard WHERE company_id = %s", self.company.id))
            self.env.invalidate_all(flush=False)
            self.compute()
            return get_amounts()

        self.assertEqual(found, self.rolled_back(compute))
        return found

    def test_an_order_that_moves_while_the_parts_are_read_counts_once(self):
        first, last = self.customers[0], self.customers[23]
        there = self.order(first, 3, 70), self.order(first, 4, 30)
        back = self.order(last, 3, 500)
        run = self.divide(10)
        self.read_one(run)
        there[0].partner_id = last  # would count for both
        back.partner_id = first  # would count for nobody
        self.go_on(run)
        found = self.assertAsNow(run)
        self.assertEqual(found[last.name][0], 70)
        self.assertGreaterEqual(found[first.name][0], 530)

    def test_who_is_scored_by_others_in_between_is_scored_once_more(self):
        self.compute()
        run = self.divide(10)
        self.go_on(run, until=lambda parts: set(parts.mapped("state")) == {"scored"})
        buying, others = self.customers[5], self.customers[6]
        amount, gone = self.card(buying).amount, self.card(others)
        self.order(buying, 0, 3000)
        with freeze_time(self.noon(AS_OF)):
            self.env["customer.tiering.refresh"]._add(buying, self.company, "instant")
            self.env["customer.tiering.refresh"]._process(self.company)
        self.assertEqual(self.card(buying).amount, amount + 3000, "at once")
        self.go_on(run)
        self.assertEqual(self.card(buying).amount, amount + 3000, "and not overwritten by what was read before")
        self.assertEqual(self.card(others), gone)

    def test_who_is_archived_in_between_gets_no_scorecard(self):
        run = self.divide(10)
        self.go_on(run, until=lambda parts: set(parts.mapped("state")) == {"scored"})
        self.customers[5].active = False
        self.go_on(run)
        self.assertEqual(run.state, "done")
        self.assertFalse(self.card(self.customers[5]))
        self.assertFalse(self.changes(self.customers[5]))

    def test_a_policy_that_changes_in_between_begins_anew(self):
        run = self.divide(10)
        self.go_on(run, until=lambda parts: "scored" in parts.mapped("state"))
        self.policy.tier_ids.sorted("entry_floor")[1].entry_floor += 7
        run._do_step(AS_OF)
        self.assertEqual((run.state, len(run.part_ids), run.sudo().work), ("queued", 0, False))
        with self.parts_of(10):
            self.assertTrue(run._divide())
        self.go_on(run)
        self.assertAsNow(run)
        self.assertEqual(run.version_id.rules, self.policy._get_rules_values())

    def test_a_new_comparison_that_is_asked_for_in_between_begins_anew(self):
        self.policy.recalibrate_days = 7
        self.compute()
        run = self.divide(10)
        self.read_one(run)
        self.env["customer.tiering.run"]._queue(self.policy, trigger="manual", recalibrate=True)
        run._do_step(AS_OF)
        self.assertEqual((run.state, len(run.part_ids)), ("queued", 0))

    def test_a_run_computed_by_hand_in_between_leaves_no_parts(self):
        run = self.divide(10)
        self.read_one(run)
        self.compute()
        self.assertEqual(run.state, "done")
        self.assertFalse(run.part_ids)
        self.assertFalse(run.sudo().work)

    def test_what_the_database_has_lost_is_read_again(self):
        run = self.divide(10)
        self.go_on(run, until=lambda parts: "scored" in parts.mapped("state"))
        self.env.cr.execute("DELETE FROM customer_tiering_part_column")  # as after a crash
        run._do_step(AS_OF)
        self.assertEqual((run.state, len(run.part_ids)), ("queued", 0))

    def test_a_manager_sees_the_progress_and_stops_a_run(self):
        run = self.divide(10)
        self.read_one(run)
        count = len(run.part_ids)
        seen = run.with_user(self.manager)
        self.assertIn(f"Of {count} parts 1 are read and 0 are scored.", seen.progress)
        self.assertEqual(seen.part_ids[0].state, "read")
        with self.assertRaisesRegex(AccessError, "Only sales managers"):
            run.with_user(self.salesperson).action_stop()
        seen.action_stop()
        self.go_on(run)
        self.assertEqual((run.state, run.note), ("skipped", "It was stopped. All customers kept their tiers."))
        self.assertFalse(run.part_ids)
        self.assertFalse(run.progress)
        self.assertFalse(self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)]))

    def test_the_scheduled_action_goes_on_where_its_last_call_ended(self):
        """With no time but for one step, as many calls as there are steps."""
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        states = []
        with (
            freeze_time(self.noon(AS_OF)),
            self.enter_registry_test_mode(),
            self.parts_of(10),
            patch.object(jobs, "commit", lambda env, **progress: False),
            patch.object(pace, "AT_MOST", 0.01),
        ):
            while run.state == "queued":
                self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
                run.invalidate_recordset()
                states.append(run.part_ids.mapped("state"))
                self.assertLess(len(states), 30)
        count = len(states[1])
        # To begin, to read, to learn, to measure, to compare, to score, to write.
        self.assertEqual(len(states), 1 + count + 1 + count + 1 + count + 1)
        self.assertEqual(states[1], ["read"] + ["waiting"] * (count - 1))
        self.assertEqual((run.state, run.attempts), ("done", 1))
        self.assertNotIn("began anew", run.note)
        self.assertAsNow(run)

    def test_a_run_that_fails_leaves_no_parts(self):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
        with (
            self.enter_registry_test_mode(),
            self.parts_of(10),
            patch.object(type(run), "_compare", side_effect=ValueError("broken")),
            mute_logger("odoo.addons.customer_tiering.models.customer_tiering_run"),
        ):
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        run.invalidate_recordset()
        self.assertEqual((run.state, run.error), ("failed", "ValueError: broken"))
        self.assertFalse(run.part_ids)

    def test_nothing_is_left_of_the_parts(self):
        run = self.in_parts(10)
        self.assertFalse(run.part_ids)
        self.assertFalse(run.sudo().work)
        self.env.cr.execute("SELECT COUNT(*) FROM customer_tiering_part_column")
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_small_companies_are_computed_in_one_go(self):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
        self.assertEqual((run._get_part_size(), run._get_part_border()), (256_000, 1_500_000))
        self.assertFalse(run._divide())
        for memory, size in (("0", 0), ("64", 32_000), ("much", 256_000), ("-5", 0)):
            self.env["ir.config_parameter"].set_param("customer_tiering.part_memory", memory)
            self.assertEqual(run._get_part_size(), size)
        self.env["ir.config_parameter"].set_param("customer_tiering.part_border", "5")
        self.assertFalse(run._divide(), "no memory, no parts")
        self.env["ir.config_parameter"].set_param("customer_tiering.part_memory", "1")
        self.assertFalse(run._divide(), "one part is no part")
