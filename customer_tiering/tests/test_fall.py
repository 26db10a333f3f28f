from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .. import jobs
from .common import AS_OF
from .test_playbook import PlaybookCommon


@tagged("post_install", "-at_install")
class TestFall(PlaybookCommon):
    """Recency alone leads to the tiers: up to 30 days after an order Platinum, up to 90 Gold, up to 180 Silver, later
    Bronze. Ann ordered for 100 ten days ago: she is Platinum, and would be Gold in 21 days. The window has 365 days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.falls = cls.env["customer.tiering.fall"]
        cls.policy.foresees_falls = True
        cls.ann = cls.buyer("Ann", 10)

    def foresee(self, days=0):
        """A run and its job; return what is foreseen."""
        run = self.compute_after(days)
        self.assertEqual(run.fall_state, "waiting")
        self.falls._foresee(run)
        self.assertEqual(run.fall_state, "done")
        return self.falls.search([("company_id", "=", self.company.id)])

    def assertFall(self, fall, who, tier, to, on):  # noqa: N802 - like unittest's own
        day = AS_OF + timedelta(days=on)
        self.assertEqual((fall.partner_id, fall.tier_id, fall.to_tier_id, fall.date), (who, tier, to, day))

    # ------------------------------------------------------------------
    # What is foreseen
    # ------------------------------------------------------------------

    def test_who_falls_and_when(self):
        fall = self.foresee()
        self.assertFall(fall, self.ann, self.platinum, self.gold, 21)
        # She has ordered on one day only, so there is no usual rhythm; her order stays for 355 days more.
        self.assertEqual((fall.usual_date, fall.leave_date, fall.policy_id), (fall.date, False, self.policy))
        self.assertEqual(
            (fall.amount, fall.is_kept_by_order, fall.needed_amount), (100, True, 0)
        )  # any order is enough

    def test_it_happens_on_that_day(self):
        fall = self.foresee()
        self.compute(fall.date - timedelta(days=1))
        self.assertTiers({self.ann: "Platinum"})
        self.compute(fall.date)
        self.assertTiers({self.ann: fall.to_tier_id.name})

    def test_an_order_prevents_it(self):
        self.foresee()
        self.order(self.ann, -1)
        self.assertFall(self.foresee(1), self.ann, self.platinum, self.gold, 32)

    def test_who_goes_on_as_usual_does_not_fall(self):
        bob = self.buyer("Bob", 62, 36, 10)  # every 26 days
        fall = self.foresee().filtered(lambda fall: fall.partner_id == bob)
        self.assertFall(fall, bob, self.platinum, self.gold, 21)
        self.assertFalse(fall.usual_date)

    def test_a_lock_prevents_it_as_long_as_it_holds(self):
        lock = {"partner_id": self.ann.id, "company_id": self.company.id, "reason": "Promised"}
        with freeze_time(self.noon(AS_OF)):
            lock = self.env["customer.tiering.lock"].create(
                {**lock, "tier_id": self.platinum.id, "mode": "fixed", "date_end": AS_OF + timedelta(days=40)}
            )
        self.assertFall(self.foresee(), self.ann, self.platinum, self.gold, 41)
        with freeze_time(self.noon(AS_OF)):
            lock.date_end = False
        self.assertFalse(self.foresee())

    def test_the_order_that_leaves_the_window(self):
        """By money: Platinum from 1,000 in the window, Silver from 300; the order of 600 leaves it in 5 days."""
        limits = {"band_1": 100, "band_2": 300, "band_3": 600, "band_4": 1000, "band_unit": "value"}
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": self.metric("monetary"), "method": "bands", **limits}),
        ]
        bob = self.buyer("Bob", 360, amount=600)
        self.order(bob, 20, 500)
        fall = self.foresee().filtered(lambda fall: fall.partner_id == bob)
        self.assertFall(fall, bob, self.platinum, self.silver, 5)
        self.assertEqual((fall.leave_date, fall.document_date), (fall.date, AS_OF - timedelta(days=360)))
        self.assertEqual((fall.document_amount, fall.amount, fall.needed_amount), (600, 1100, 500))
        self.assertEqual(
            fall.sentence,
            "On 07/05/2026 the order of $\xa0600.00 leaves the window; Platinum would end on 07/05/2026 unless "
            "$\xa0500.00 is ordered.",
        )

    def test_sentences(self):
        fall = self.foresee()
        self.assertEqual(fall.sentence, "Platinum would end on 07/21/2026 unless something is ordered.")
        fall.needed_amount = 7
        self.assertEqual(fall.sentence, "Platinum would end on 07/21/2026 unless $\xa07.00 is ordered.")
        fall.is_kept_by_order = False
        self.assertEqual(fall.sentence, "Without more orders Platinum would end on 07/21/2026.")
        fall.write({"leave_date": AS_OF, "document_amount": 5})
        leaves = "On 06/30/2026 the order of $\xa05.00 leaves the window; "
        self.assertEqual(fall.sentence, f"{leaves}without more orders Platinum would end on 07/21/2026.")
        fall.write({"is_kept_by_order": True, "needed_amount": 0})
        self.assertEqual(fall.sentence, f"{leaves}Platinum would end on 07/21/2026 unless something is ordered.")
        fall.date = False
        self.assertEqual(fall.sentence, "At the usual rhythm of orders Platinum would end on 07/21/2026.")

    # ------------------------------------------------------------------
    # The job
    # ------------------------------------------------------------------

    def test_another_night_changes_nothing(self):
        fall = self.foresee()
        self.assertEqual(self.foresee(1), fall)
        self.assertFall(fall, self.ann, self.platinum, self.gold, 21)

    def test_who_falls_no_more_is_forgotten(self):
        self.foresee()
        self.ann.active = False
        self.assertFalse(self.foresee(1))

    def test_switched_off_nothing_is_foreseen(self):
        self.foresee()
        self.policy.foresees_falls = False
        self.assertFalse(self.falls.search([("company_id", "=", self.company.id)]))
        self.assertFalse(self.compute_after(1).fall_state)

    def test_switched_off_while_the_job_waits(self):
        run = self.compute_after(0)
        self.policy.foresees_falls = False
        self.falls._foresee(run)
        self.assertFalse(run.fall_state)
        self.assertFalse(self.falls.search([("company_id", "=", self.company.id)]))

    def test_switched_on_it_is_foreseen_by_the_last_run(self):
        self.policy.foresees_falls = False
        run = self.compute_after(0)
        self.assertFalse(run.fall_state)
        self.policy.foresees_falls = True
        self.assertEqual(run.fall_state, "waiting")

    def test_the_job_works_off_what_waits(self):
        earlier, run = self.compute_after(0), self.compute_after(1)
        with patch.object(jobs, "commit", lambda env, done=0, left=None: True):
            self.falls._cron_process()
        self.assertEqual((earlier.fall_state, run.fall_state, run.fall_attempts), (False, "done", 1))
        self.assertFall(
            self.falls.search([("company_id", "=", self.company.id)]), self.ann, self.platinum, self.gold, 21
        )

    def test_many_customers_are_foreseen_lot_by_lot(self):
        """Seven customers, of whom every second one falls; by two in a call: the same rows, the same day, and who falls
        no more is forgotten in the lot that he belongs to."""
        for number in range(6):
            self.buyer(f"Buyer {number}", 300 if number % 2 else 5 + number)
        together = self.foresee()
        kept = {fall.partner_id: (fall.to_tier_id, fall.date, fall.amount) for fall in together}
        self.assertEqual(len(kept), 4)
        gone = together[2].partner_id
        together[1].unlink()
        gone.active = False
        run = self.compute_after(0)
        calls = []
        with (
            patch("odoo.addons.customer_tiering.models.customer_tiering_fall.LOT", 2),
            patch.object(jobs, "call", lambda env, name: calls.append(name)),
            patch.object(jobs, "commit", lambda env, done=0, left=None: True),
        ):
            states = []
            while run.fall_state == "waiting":
                self.falls._take(run)
                states.append((run.fall_state, run.fall_attempts))
        # Six customers are left.
        self.assertEqual(states, [("waiting", 0), ("waiting", 0), ("done", 1)])
        self.assertEqual(calls, [jobs.FALLS] * 2)
        falls = self.falls.search([("company_id", "=", self.company.id)])
        found = {fall.partner_id: (fall.to_tier_id, fall.date, fall.amount) for fall in falls}
        kept.pop(gone)
        self.assertEqual(found, kept)
        self.assertEqual(len(falls & together), 2)  # rows that are the same stay

    def test_merged_customers_are_foreseen_anew(self):
        self.foresee()
        self.env["customer.tiering.former"]._hand_over({self.new_customer("Bob").id: self.ann.id})
        self.assertFalse(self.falls.search([("company_id", "=", self.company.id)]))

    # ------------------------------------------------------------------
    # Who sees it, and where
    # ------------------------------------------------------------------

    def test_the_customer_says_it_until_something_has_changed(self):
        fall = self.foresee()
        card = self.card(self.ann).with_user(self.salesperson)

        def told():
            self.env.invalidate_all()
            return card.explanation_data["fall"]

        self.assertEqual(told(), {"sentence": fall.sentence})
        self.policy.foresees_falls = False
        self.assertFalse(told())
        self.policy.foresees_falls = True
        fall = self.foresee()
        self.assertTrue(told())
        fall.amount = 99  # there was an order since
        self.env.flush_all()
        self.assertFalse(told())
        fall.amount = 100
        self.env.flush_all()
        self.card(self.ann).sudo().write({"pending_tier_id": self.gold.id, "pending_date": AS_OF})
        self.assertFalse(told())

    def test_salespeople_read_and_nobody_writes(self):
        fall = self.foresee()
        self.assertEqual(fall.with_user(self.salesperson).amount, 100)
        self.assertEqual(fall.with_user(self.salesperson).action_open_customer()["res_id"], self.ann.id)
        with self.assertRaises(AccessError):
            fall.with_user(self.manager).amount = 1
        with self.assertRaises(AccessError):
            fall.with_user(self.manager).unlink()

    def test_another_company_sees_nothing(self):
        fall = self.foresee()
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager", other)
        falls = self.falls.with_user(stranger).with_context(allowed_company_ids=other.ids)
        self.assertFalse(falls.search([]))
        with self.assertRaises(AccessError):
            falls.browse(fall.id).read(["amount"])

    # ------------------------------------------------------------------
    # Playbooks
    # ------------------------------------------------------------------

    def test_a_playbook_starts_once(self):
        playbook = self._playbook("foreseen", on=0, weeks_ahead=2)
        self.foresee()  # in 21 days
        self.assertFalse(self._rows(playbook))
        self.foresee(7)  # in 14 days
        self.assertEqual(self._rows(playbook).mapped("event"), [f"foreseen:2026-06-20:{self.platinum.id}"])
        self._plan_on(7, playbook)
        self.assertEqual(self._activities(self.ann).summary, "Call Ann")
        self.foresee(8)
        self._plan_on(8, playbook)
        self.assertEqual(len(self._rows(playbook)), 1)

    def test_another_day_is_the_same_reason_until_the_customer_orders_or_falls(self):
        """What others buy can move the day by some days each night; that is no news of the customer."""
        playbook = self._playbook("foreseen", on=0, cooldown_days=0)
        fall = self.foresee()
        self._plan_on(0, playbook)
        self._activities(self.ann).action_feedback()
        followups = self.env["customer.tiering.followup"]
        for days in (1, 2):
            fall.date += timedelta(days=1)
            followups._collect_foreseen(self.policy, AS_OF + timedelta(days=days))
        self.assertEqual(len(self._rows(playbook)), 1)
        fall.tier_id, fall.to_tier_id = self.gold, self.silver
        followups._collect_foreseen(self.policy, AS_OF + timedelta(days=3))
        self.assertEqual(len(self._rows(playbook)), 2)
        self.card(self.ann).last_order_date = AS_OF
        followups._collect_foreseen(self.policy, AS_OF + timedelta(days=3))
        self.assertEqual(len(self._rows(playbook)), 3)

    def test_a_playbook_is_closed_when_nothing_is_foreseen(self):
        playbook = self._playbook("foreseen", on=0)
        self.foresee()
        self._plan_on(0, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["open"])
        self.policy.foresees_falls = False
        self._plan_on(0, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["closed"])

    def test_a_playbook_needs_a_policy_that_foresees(self):
        self.policy.foresees_falls = False
        with self.assertRaisesRegex(UserError, "Foresee Downgrades"):
            self._playbook("foreseen", on=0)
