from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

import psycopg2

from odoo.fields import Command
from odoo.tests import freeze_time, new_test_user, tagged

from ..models.customer_tiering_run import LOCK_CLASS
from .common import AS_OF, TieringCommon


@freeze_time("2026-06-30 10:00:00")
@tagged("post_install", "-at_install")
class TestRefresh(TieringCommon):
    """Between two runs: who bought is scored again at once, and nobody is downgraded.

    The only criterion is recency: an order up to 30 days ago is Platinum, 90 Gold, 180 Silver, older Bronze.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": cls.metric("recency"), "method": "bands"}),
        ]
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        cls.ann, cls.ben = cls.new_customer("Ann"), cls.new_customer("Ben")
        cls.old = cls.order(cls.ann, 100)
        cls.order(cls.ben, 100)
        cls.cron = cls.env.ref("customer_tiering.ir_cron_refresh")
        cls.Refresh = cls.env["customer.tiering.refresh"]

    def setUp(self):
        super().setUp()
        self.Refresh.search([]).unlink()
        self._triggers().unlink()

    def _triggers(self):
        return self.env["ir.cron.trigger"].search([("cron_id", "=", self.cron.id)])

    def _process(self):
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        self.env.invalidate_all()

    def _run_and_unlock(self):
        """Compute the policy without keeping the company's lock for the rest of the test's transaction."""
        with patch.object(type(self.env["customer.tiering.run"]), "_lock_company"):
            return self.compute()

    @contextmanager
    def _run_under_way(self):
        """Another session computes the company."""
        connection = psycopg2.connect(self.env.cr._cnx.dsn)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, self.company.id])
            self.assertTrue(cursor.fetchone()[0])
            yield
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, self.company.id])

    def _confirm(self, partner, amount=100.0, user=None):
        order = self.order(partner, 0, amount, state="draft")
        order.with_user(user or self.salesperson).action_confirm()
        order.date_order = self.noon(AS_OF, 0)
        return order

    def assertQueued(self, *rows):  # noqa: N802
        """Who waits, for which reason, because of whom; and the job was woken."""
        waiting = self.Refresh.search([])
        self.assertEqual(
            [(row.partner_id.name, row.reason, row.user_id.login) for row in waiting],
            [(partner.name, reason, user.login) for partner, reason, user in rows],
        )
        self.assertEqual(waiting.company_id, self.company if rows else waiting.company_id.browse())
        self.assertEqual(bool(self._triggers()), bool(rows))

    # ------------------------------------------------------------------
    # What wakes the job
    # ------------------------------------------------------------------

    def test_confirming_an_order(self):
        contact = self.new_customer("Contact", parent_id=self.ann.id)
        order = self.order(contact, 0, state="draft")
        self.assertQueued()
        order.with_user(self.salesperson).action_confirm()
        self.assertQueued((self.ann, "instant", self.salesperson))

    def test_confirming_many_orders_of_a_customer_is_one_row(self):
        orders = self.order(self.ann, 0, state="draft") | self.order(self.ann, 0, state="sent")
        orders.with_user(self.salesperson).action_confirm()
        self.assertQueued((self.ann, "instant", self.salesperson))

    def test_cancelling_a_confirmed_order(self):
        draft = self.order(self.ann, 0, state="draft")
        draft.with_user(self.salesperson)._action_cancel()
        self.assertQueued()
        self.old.with_user(self.salesperson)._action_cancel()
        self.assertQueued((self.ann, "instant", self.salesperson))

    def test_credit_notes(self):
        self.accounting()
        accountant = self.new_user("tiering_accountant", "account.group_account_manager")
        move = self.credit_note(self.ann, post=False)
        self.assertQueued()
        move.with_user(accountant).action_post()
        self.assertQueued((self.ann, "instant", accountant))
        self.setUp()
        move.with_user(accountant).button_draft()
        self.assertQueued((self.ann, "instant", accountant))

    def test_reversing_a_credit_note(self):
        self.accounting()
        move = self.credit_note(self.ann)
        self.setUp()
        reversal = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=move.ids)
        reversal.create({"journal_id": move.journal_id.id, "reason": "Mistake"}).refund_moves()
        self.assertQueued()  # a draft
        entry = move.reversal_move_ids
        self.assertEqual((entry.reversed_entry_id, entry.state), (move, "draft"))
        entry.action_post()
        self.assertQueued((self.ann, "instant", self.env.user))

    def test_an_invoice_wakes_nothing(self):
        self.accounting()
        invoice = self.credit_note(self.ann, post=False).copy({"move_type": "out_invoice"})
        invoice.invoice_date = AS_OF
        invoice.action_post()
        self.assertQueued()

    def test_merging_customers(self):
        self.compute()
        self.env["base.partner.merge.automatic.wizard"].create({})._merge(
            (self.ann | self.ben).ids, dst_partner=self.ben
        )
        self.assertQueued((self.ben, "merged", self.env.user))
        self._process()
        self.assertEqual(self.card(self.ben).order_count, 2)

    def test_merging_contacts_who_are_no_customers(self):
        one, two = self.new_customer("One"), self.new_customer("Two")
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((one | two).ids, dst_partner=two)
        self.assertQueued()

    def test_a_portal_customer_confirms(self):
        portal = new_test_user(
            self.env,
            "tiering_portal",
            "base.group_portal",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        self.compute()
        order = self.order(portal.partner_id, 0, state="sent")
        order.with_user(portal).sudo().action_confirm()  # as the portal's page does
        self.assertQueued((portal.partner_id, "instant", portal))
        self._process()
        self.assertTiers({portal.partner_id: "Platinum"})
        self.assertEqual(self.changes(portal.partner_id)[:1].user_id, portal)

    def test_a_user_without_rights_on_tiers_confirms(self):
        clerk = self.new_user("tiering_clerk", "base.group_user")
        self.compute()
        self.order(self.ann, 0, state="sent").with_user(clerk).sudo().action_confirm()
        self.assertQueued((self.ann, "instant", clerk))

    def test_orders_of_two_companies(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        orders = self.order(self.ann, 0, state="draft") | self.order(self.ben, 0, state="draft", company_id=other.id)
        orders.action_confirm()
        self.assertEqual(
            {(row.partner_id, row.company_id) for row in self.Refresh.search([])},
            {(self.ann, self.company), (self.ben, other)},
        )
        self.compute()
        self._process()
        self.assertFalse(self.card(self.ben, other))  # that company was never computed
        self.assertTiers({self.ann: "Platinum", self.ben: "Silver"})

    def test_a_customer_without_the_job(self):
        self.env["ir.model.data"].search([("name", "=", "ir_cron_refresh")]).unlink()
        self.cron.unlink()
        self._confirm(self.ann)
        self.assertEqual(self.Refresh.search([]).partner_id, self.ann)

    # ------------------------------------------------------------------
    # What the job does
    # ------------------------------------------------------------------

    def test_an_order_lifts_the_customer_at_once(self):
        run = self.compute()
        self.assertTiers({self.ann: "Silver", self.ben: "Silver"})
        self.order(self.ben)  # not noticed: no confirmation
        self._confirm(self.ann)
        self._process()
        self.assertTiers({self.ann: "Platinum", self.ben: "Silver"})
        self.assertFalse(self.Refresh.search([]))
        self.assertRecordValues(
            self.changes(self.ann)[:1],
            [
                {
                    "from_tier_id": self.silver.id,
                    "to_tier_id": self.platinum.id,
                    "direction": "up",
                    "reason": "instant",
                    "run_id": run.id,
                    "version_id": run.version_id.id,
                    "user_id": self.salesperson.id,
                    "date": AS_OF,
                    "score_before": 50,
                    "score_after": 100,
                }
            ],
        )
        self.assertEqual(run.version_id.number, 1)
        # the run that follows finds all of that, Ben's, and that 100 days are typical, of which there were none before
        self.assertEqual(self.card(self.ann).usual_gap_days, 90)
        self.assertEqual(self.compute().written_count, 2)
        self.assertEqual(self.card(self.ann).usual_gap_days, 100)

    def test_a_customer_who_never_bought_gets_a_tier_at_once(self):
        self.compute()
        new = self.new_customer("New")
        self._confirm(new)
        self._process()
        self.assertTiers({new: "Platinum"})
        self.assertEqual(self.changes(new)[:1].direction, "new")
        self.assertEqual(self.card(new).tier_since, AS_OF)

    def test_nobody_is_downgraded_between_runs(self):
        recent = self.order(self.ann, 10)
        self.compute()
        self.assertTiers({self.ann: "Platinum"})
        recent.with_user(self.salesperson)._action_cancel()
        self._process()
        card = self.card(self.ann)
        self.assertEqual((card.tier_id, card.score, card.pending_tier_id.id), (self.platinum, 50, False))
        (recent | self.old)._action_cancel()
        self._process()
        self.assertTiers({self.ann: "Platinum"})  # no order is left at all
        self.compute()
        self.assertTiers({self.ann: False})

    def test_an_order_calls_off_an_announced_downgrade(self):
        self.policy.grace_days = 14
        self.order(self.ann, 40)
        self.compute_after(-20)
        self.assertTiers({self.ann: "Platinum"})
        self.compute()
        card = self.card(self.ann)
        self.assertEqual((card.pending_tier_id, card.pending_date), (self.gold, AS_OF + timedelta(days=14)))
        self._confirm(self.ann)
        self._process()
        card = self.card(self.ann)
        self.assertEqual((card.tier_id, card.pending_tier_id.id, card.pending_date), (self.platinum, False, False))

    def test_upgrades_in_the_nightly_run_only(self):
        self.policy.upgrade_when = "run"
        self.compute()
        self._confirm(self.ann)
        self._process()
        card = self.card(self.ann)
        # the numbers follow, the tier waits
        self.assertEqual((card.tier_id, card.score, card.order_count), (self.silver, 100, 2))
        self.assertFalse(self.Refresh.search([]))
        self.compute()
        self.assertTiers({self.ann: "Platinum"})

    def test_customers_are_scored_by_what_the_last_run_measured(self):
        from ..engine import pipeline  # noqa: PLC0415

        self.policy.write(
            {
                "min_population": 1,
                "criterion_ids": [
                    Command.clear(),
                    Command.create({"metric_id": self.metric("frequency"), "weight": 1}),
                    Command.create({"metric_id": self.metric("monetary"), "weight": 2}),
                ],
            }
        )
        self.order(self.ben, 50, 300)
        run = self.compute()
        # Ann: 1 order, 100; Ben: 2 orders, 400. By rank 25 and 75 points.
        self.assertEqual((self.card(self.ann).score, self.card(self.ben).score), (25, 75))
        self._confirm(self.ann, 200)
        self._confirm(self.new_customer("New"), 1000)
        self._process()
        # On the lines between 1 and 2 orders, and between 100 and 400: 2 orders 75, 300 are 58.33;
        # (75 + 2 × 58.33) / 3 = 63.89. Compared anew it would be less, because of the new customer.
        self.assertEqual(self.card(self.ann).score, 63.89)
        reader = self.env["customer.tiering.reader"]
        rules = self.policy._get_rules()
        frame = reader._read_customers(self.policy._get_scope(AS_OF), rules.columns)
        expected = pipeline.apply(rules, pipeline.Fit.from_json(run.fitted), frame, AS_OF)
        cards = self.env["customer.tiering.scorecard"].search([("policy_id", "=", self.policy.id)])
        self.assertEqual(len(cards), 3)
        for card in cards:
            self.assertEqual(card.score, expected["score"][card.partner_id.id])
            self.assertEqual(card.frequency_score, expected["frequency_score"][card.partner_id.id])
            self.assertEqual(card.segment_id.id, expected["segment"][card.partner_id.id])
        fresh = pipeline.apply(rules, pipeline.fit(rules, frame, AS_OF), frame, AS_OF)
        self.assertNotEqual(fresh["score"][self.ann.id], self.card(self.ann).score)

    def test_a_policy_without_a_run_is_left_to_its_first_one(self):
        self._confirm(self.ann)
        self._process()
        self.assertFalse(self.card(self.ann))
        self.assertFalse(self.Refresh.search([]))

    def test_edited_rules_begin_with_the_next_run(self):
        run = self.compute()
        self.gold.entry_floor = 75  # unchanged in effect
        self.silver.entry_floor = 10
        self.platinum.entry_floor = 99
        self.policy.tier_ids = [Command.create({"name": "Diamond", "entry_floor": 100})]
        self.assertEqual(self.policy.version_ids.sorted("number").mapped("number"), [1, 2])
        self._confirm(self.ann)
        self._process()
        self.assertTiers({self.ann: "Platinum"})  # not Diamond yet
        change = self.changes(self.ann)[:1]
        self.assertEqual((change.run_id, change.version_id), (run, run.version_id))
        self.assertEqual(run.version_id.number, 1)
        self.compute()
        self.assertTiers({self.ann: "Diamond"})

    def test_the_window_of_the_last_run_counts(self):
        self.compute()
        self.policy.window_days = 10
        self._confirm(self.ann)
        self._process()
        self.assertEqual(self.card(self.ann).order_count, 2)
        self.compute()
        self.assertEqual(self.card(self.ann).order_count, 1)

    def test_customers_of_two_policies(self):
        firms = self.other_policy()
        firm = self.new_customer("Firm", is_company=True)
        self.order(firm, 100)
        runs = self.compute(policy=firms) | self.compute()
        self._confirm(firm)
        self._confirm(self.ann)
        self._process()
        self.assertEqual(self.card(firm).policy_id, firms)
        self.assertTiers({firm: "Platinum", self.ann: "Platinum"})
        self.assertEqual(self.changes(firm)[:1].run_id | self.changes(self.ann)[:1].run_id, runs)

    def test_customers_move_to_another_policy_in_its_run_only(self):
        firms = self.other_policy()
        self.compute(policy=firms)
        self.compute()
        self.ann.is_company = True
        self._confirm(self.ann)
        self._process()
        self.assertEqual((self.card(self.ann).policy_id, self.card(self.ann).order_count), (self.policy, 1))
        self.compute(policy=firms)
        card = self.card(self.ann)
        self.assertEqual((card.policy_id, card.order_count, card.tier_id.name), (firms, 2, "Platinum"))
        # the same when the filter of a policy changes
        firms.partner_domain = "[('name', '=', 'Ben')]"
        for partner in (self.ann, self.ben):
            self._confirm(partner)
        self._process()
        self.assertEqual((self.card(self.ann).policy_id, self.card(self.ben).policy_id), (firms, self.policy))
        self.assertEqual(self.card(self.ann).order_count, 3)

    def test_a_tier_deleted_since_the_last_run(self):
        """Nobody was in it, so it is gone; the run's rules still lead there."""
        self.compute()
        self.platinum.unlink()
        self.assertFalse(self.platinum.exists())
        self._confirm(self.ann)
        self._process()
        self.assertFalse(self.Refresh.search([]))
        self.compute()
        self.assertTiers({self.ann: "Gold", self.ben: "Silver"})

    def test_a_lock_after_a_tier_was_deleted(self):
        self.compute()
        self.gold.unlink()  # the next tier of both
        self.assertFalse(self.gold.exists())
        lock = self.env["customer.tiering.lock"].with_user(self.manager)
        lock.create({"partner_id": self.ann.id, "tier_id": self.platinum.id, "reason": "Promised"})
        self.compute()
        self.assertTiers({self.ann: "Platinum", self.ben: "Silver"})

    def test_a_segment_deleted_since_the_last_run(self):
        mine = self.env["customer.segment"].create({"name": "Mine", "code": "mine"})
        default = self.policy.segment_map
        self.policy.segment_map = [*default[:4], [mine.id] * 5]
        self.compute()
        self.policy.segment_map = default
        mine.unlink()
        self._confirm(self.ann)  # the old map would put Ann there
        self._process()
        self.assertFalse(self.Refresh.search([]))
        self.compute()
        self.assertTiers({self.ann: "Platinum"})

    def test_a_run_under_way_leaves_the_customers_waiting(self):
        self._run_and_unlock()
        self._confirm(self.ann)
        self._triggers().unlink()
        with self._run_under_way():
            self._process()
            self.assertQueued((self.ann, "instant", self.salesperson))
            self.assertTiers({self.ann: "Silver"})
            self.assertEqual(self._triggers().mapped("call_at"), [datetime(2026, 6, 30, 10, 1)])
        self._process()
        self.assertTiers({self.ann: "Platinum"})
        self.assertFalse(self.Refresh.search([]))

    def test_a_company_that_cannot_be_scored_does_not_hold_up_the_next(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        queue = self.env["customer.tiering.refresh"]
        queue.search([]).unlink()
        for company in (self.company, other):
            queue._add(self.env["res.partner"].search([], limit=1), company, "instant")
        process = type(queue)._process

        def fail(queue, company, partners=None):
            if company == self.company:
                raise ZeroDivisionError("of this company")
            return process(queue, company, partners)

        with (
            patch.object(type(queue), "_process", fail),
            self.assertLogs("odoo.addons.customer_tiering.models.customer_tiering_refresh", "ERROR") as logged,
            self.enter_registry_test_mode(),
        ):
            self.cron.method_direct_trigger()
        self.env.invalidate_all()
        self.assertIn(f"company {self.company.id} cannot be scored", logged.output[0])
        self.assertEqual(queue.search([]).company_id, self.company)

    def test_a_lock_during_a_run_waits(self):
        self._run_and_unlock()
        with self._run_under_way():
            self.env["customer.tiering.lock"].with_user(self.manager).create(
                {"partner_id": self.ann.id, "tier_id": self.platinum.id, "reason": "Promised"}
            )
            self.assertTiers({self.ann: "Silver"})
            self.assertQueued((self.ann, "lock", self.manager))
        self._process()
        self.assertTiers({self.ann: "Platinum"})
        self.assertEqual(self.changes(self.ann)[:1].reason, "lock")
        self.assertEqual(self.changes(self.ann)[:1].user_id, self.manager)

    def test_merged_customers_are_recorded_as_merged(self):
        self.order(self.ann, 10)
        self.compute()
        self.assertTiers({self.ann: "Platinum", self.ben: "Silver"})
        self.env["base.partner.merge.automatic.wizard"].create({})._merge(
            (self.ann | self.ben).ids, dst_partner=self.ben
        )
        self._process()
        self.assertTiers({self.ben: "Platinum"})
        change = self.changes(self.ben)[:1]
        self.assertEqual((change.reason, change.direction, change.user_id), ("merged", "up", self.env.user))

    def test_who_waits_when_merged_waits_as_the_one_that_stays(self):
        self.compute()
        self._confirm(self.ann)
        self.env["base.partner.merge.automatic.wizard"].create({})._merge(
            (self.ann | self.ben).ids, dst_partner=self.ben
        )
        self.assertQueued((self.ben, "instant", self.salesperson), (self.ben, "merged", self.env.user))
        self._process()
        self.assertTiers({self.ben: "Platinum"})
        self.assertEqual(self.changes(self.ben)[:1].reason, "merged")
        self.assertFalse(self.Refresh.search([]))

    def test_an_archived_policy_takes_nobody(self):
        self.compute()
        self.policy.active = False
        self._confirm(self.ann)
        self._process()
        self.assertFalse(self.card(self.ann))
        self.assertFalse(self.Refresh.search([]))

    def test_the_number_of_queries_does_not_depend_on_the_number_of_customers(self):
        self.compute()

        def count(number):
            partners = self.env["res.partner"].create([{"name": f"Customer {n}"} for n in range(number)])
            for partner in partners:
                self.order(partner, 1)
            self.Refresh._add(partners, self.company, "instant")
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertEqual(self.Refresh._process(self.company), number)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(3)  # fills the caches
        few = count(3)
        self.assertEqual(count(30), few)
