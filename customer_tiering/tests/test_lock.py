from datetime import timedelta

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .common import AS_OF, TieringCommon

TODAY = AS_OF.isoformat()


@freeze_time(TODAY)
@tagged("post_install", "-at_install")
class TestLock(TieringCommon):
    """What a person decides about a tier, beside what runs compute.

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
        cls.best, cls.late = cls.new_customer("Best"), cls.new_customer("Late")
        cls.order(cls.best, 0)
        cls.order(cls.late, 100)
        cls.compute()
        cls.Lock = cls.env["customer.tiering.lock"].with_user(cls.manager)

    def _lock(self, partner, tier, mode="floor", **values):
        return self.Lock.create(
            {"partner_id": partner.id, "tier_id": tier.id, "mode": mode, "reason": "Promised", **values}
        )

    def _wizard(self, records, **values):
        context = {"active_model": records._name, "active_ids": records.ids, "active_id": records[:1].id}
        wizard = self.env["customer.tiering.lock.wizard"].with_user(self.manager).with_context(**context)
        return wizard.create({"reason": "Promised", **values})

    # ------------------------------------------------------------------
    # What a lock does
    # ------------------------------------------------------------------

    def test_at_least_a_tier(self):
        self.assertTiers({self.best: "Platinum", self.late: "Silver"})
        for partner in (self.best, self.late):
            self._lock(partner, self.gold)
        # who is above stays there, who is below is lifted; at once
        self.assertTiers({self.best: "Platinum", self.late: "Gold"})
        self.assertEqual(self.compute().written_count, 0)
        self.order(self.late, 0)
        self.compute()
        self.assertTiers({self.late: "Platinum"})
        self.compute_after(200)
        self.assertTiers({self.best: "Gold", self.late: "Gold"})

    def test_exactly_a_tier(self):
        for partner in (self.best, self.late):
            self._lock(partner, self.gold, "fixed")
        self.assertTiers({self.best: "Gold", self.late: "Gold"})
        self.order(self.late, 0)
        self.compute()
        self.assertTiers({self.late: "Gold"})

    def test_the_computed_tier_stays_visible_beside_the_lock(self):
        lock = self._lock(self.late, self.platinum)
        card = self.card(self.late)
        self.assertRecordValues(
            card,
            [
                {
                    "tier_id": self.platinum.id,
                    "computed_tier_id": self.silver.id,
                    "differs": True,
                    "lock_id": lock.id,
                    "lock_mode": "floor",
                    "lock_reason": "Promised",
                    "lock_user_id": self.manager.id,
                }
            ],
        )
        self.assertEqual((self.late.tiering_computed_tier_id, self.late.tiering_lock_id), (self.silver, lock))
        explained = self.late.with_user(self.salesperson).tiering_explanation["lock"]
        self.assertEqual(
            explained,
            {
                "mode": "floor",
                "tier": "Platinum",
                "computed": "Silver",
                "differs": True,
                "reason": "Promised",
                "user": self.manager.name,
                "date_end": False,
                "holds": True,
                "sentence": f"At least Platinum, decided by {self.manager.name}: Promised. "
                "The rules alone come to Silver.",
            },
        )

    def test_runs_compute_on_under_a_lock(self):
        self.policy.grace_days = 10
        self._lock(self.best, self.platinum)
        self.compute_after(31)
        card = self.card(self.best)
        self.assertEqual((card.computed_tier_id, card.pending_tier_id, card.differs), (self.platinum, self.gold, False))
        self.compute_after(41)
        card = self.card(self.best)
        self.assertEqual((card.tier_id, card.computed_tier_id, card.differs), (self.platinum, self.gold, True))
        self.assertFalse(card.pending_tier_id)
        self.assertEqual(card.tier_since, AS_OF)

    def test_a_lock_is_recorded_as_a_change_of_tier(self):
        lock = self._lock(self.late, self.platinum)
        expected = {
            "from_tier_id": self.silver.id,
            "to_tier_id": self.platinum.id,
            "direction": "up",
            "reason": "lock",
            "user_id": self.manager.id,
            "date": AS_OF,
        }
        self.assertRecordValues(self.changes(self.late)[:1], [expected])
        lock.action_end()
        expected |= {
            "from_tier_id": self.platinum.id,
            "to_tier_id": self.silver.id,
            "direction": "down",
            "reason": "lock_ended",
        }
        self.assertRecordValues(self.changes(self.late)[:1], [expected])

    def test_a_lock_that_changes_no_tier_is_no_change(self):
        before = self.changes(self.best)[:1]
        lock = self._lock(self.best, self.platinum, "fixed")
        self.assertEqual(self.changes(self.best)[:1], before)
        card = self.card(self.best)
        self.assertEqual((card.lock_id, card.differs, card.tier_id), (lock, False, self.platinum))

    # ------------------------------------------------------------------
    # What a lock must be
    # ------------------------------------------------------------------

    def test_a_lock_needs_a_reason(self):
        for reason in ("  ", ""):
            with self.assertRaisesRegex(ValidationError, "Say why the tier is locked"), self.env.cr.savepoint():
                self._lock(self.late, self.gold, reason=reason)
            with self.assertRaisesRegex(UserError, "Say why the tier is locked"), self.env.cr.savepoint():
                self._wizard(self.late, tier_id=self.gold.id, reason=reason).action_apply()
        with self.assertRaisesRegex(UserError, "Choose the tier"), self.env.cr.savepoint():
            self._wizard(self.late, tier_id=False).action_apply()
        lock = self._lock(self.late, self.gold)
        with self.assertRaisesRegex(ValidationError, "Say why the tier is locked"), self.env.cr.savepoint():
            lock.reason = " "

    def test_a_lock_cannot_end_before_it_begins(self):
        with (
            self.assertRaisesRegex(ValidationError, "Late would have ended on 06/29/2026 already"),
            self.env.cr.savepoint(),
        ):
            self._lock(self.late, self.gold, date_end=AS_OF - timedelta(days=1))
        lock = self._lock(self.late, self.gold, date_end=AS_OF)  # the last day counts
        self.assertTiers({self.late: "Gold"})
        with self.assertRaisesRegex(ValidationError, "ended on 06/28/2026"), self.env.cr.savepoint():
            lock.date_end = AS_OF - timedelta(days=2)

    def test_today_is_a_day_of_the_company(self):
        self.company.partner_id.tz = "Pacific/Kiritimati"  # UTC+14
        with (
            freeze_time("2026-06-30 12:00:00"),  # 1 July there
            self.assertRaisesRegex(ValidationError, "Choose today or a later day"),
            self.env.cr.savepoint(),
        ):
            self._lock(self.late, self.gold, date_end=AS_OF)

    def test_the_tier_is_one_of_the_customers_policy(self):
        firms = self.other_policy()
        firm = self.new_customer("Firm", is_company=True)
        self.order(firm, 0)
        self.compute(policy=firms)
        self.assertEqual(self.card(firm).policy_id, firms)
        with (
            self.assertRaisesRegex(ValidationError, "Firm belongs to the policy “Firms”, which has no tier Gold"),
            self.env.cr.savepoint(),
        ):
            self._lock(firm, self.gold)
        wizard = self._wizard(firm | self.late, tier_id=self.gold.id)
        self.assertFalse(wizard.policy_id)
        with self.assertRaisesRegex(ValidationError, "Firm belongs to the policy"), self.env.cr.savepoint():
            wizard.action_apply()
        self.assertFalse(self.Lock.search([]))
        self.assertEqual(self._wizard(firm).policy_id, firms)
        self._wizard(firm, tier_id=firms.tier_ids[1].id, action="fixed").action_apply()
        self.assertTiers({firm: "Gold"})

    def test_the_tier_is_one_of_the_company(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.manager.company_ids |= other
        theirs = other.tiering_policy_ids.tier_ids[0]
        with self.assertRaisesRegex(ValidationError, "is a tier of another company"), self.env.cr.savepoint():
            self._lock(self.late, theirs)

    # ------------------------------------------------------------------
    # The end of a lock
    # ------------------------------------------------------------------

    def test_a_lock_ends_in_the_run_after_its_last_day(self):
        lock = self._lock(self.late, self.platinum, date_end=AS_OF + timedelta(days=7))
        self.compute_after(7)
        self.assertTiers({self.late: "Platinum"})
        self.compute_after(8)
        self.assertTiers({self.late: "Silver"})
        card = self.card(self.late)
        self.assertEqual((card.lock_id.id, card.differs), (False, False))
        change = self.changes(self.late)[:1]
        self.assertEqual((change.reason, change.direction, change.date), ("lock_ended", "down", AS_OF + timedelta(8)))
        self.assertEqual(lock.reason, "Promised")

    def test_back_to_automatic(self):
        lock = self._lock(self.late, self.platinum)
        lock.action_end()
        self.assertTiers({self.late: "Silver"})
        self.assertRecordValues(
            lock,
            [{"active": False, "user_id": self.manager.id, "ended_by_id": self.manager.id, "reason": "Promised"}],
        )
        self.assertEqual(lock.ended_on.date(), AS_OF)
        again = self._lock(self.late, self.gold)
        self.assertTiers({self.late: "Gold"})
        contact = self.new_customer("Contact", parent_id=self.late.id)
        contact.with_user(self.manager).action_tiering_unlock()
        self.assertTiers({self.late: "Silver"})
        self.assertFalse(again.active)
        contact.with_user(self.manager).action_tiering_unlock()  # there is nothing left to end

    def test_lock_and_back_from_the_scorecard(self):
        card = self.card(self.late).with_user(self.manager)
        self.assertEqual(
            card.action_tiering_lock()["context"],
            {"active_model": "res.partner", "active_ids": self.late.ids, "active_id": self.late.id},
        )
        lock = self._lock(self.late, self.platinum)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            card.with_user(self.salesperson).action_tiering_unlock()
        self.assertTiers({self.late: "Platinum"})
        card.action_tiering_unlock()
        self.assertTiers({self.late: "Silver"})
        self.assertEqual(lock.ended_by_id, self.manager)

    def test_who_ended_a_lock_is_kept(self):
        other = self.new_user("tiering_manager_2", "sales_team.group_sale_manager")
        lock = self._lock(self.late, self.platinum)
        lock.with_user(other).action_end()
        self.assertEqual((lock.user_id, lock.ended_by_id), (self.manager, other))
        lock.action_end()  # ended already: stays as it is
        self.assertEqual(lock.ended_by_id, other)

    def test_a_lock_that_somebody_archives_is_ended(self):
        lock = self._lock(self.late, self.platinum)
        lock.action_archive()
        self.assertTiers({self.late: "Silver"})
        self.assertEqual((lock.ended_by_id, lock.ended_on.date()), (self.manager, AS_OF))
        lock.action_unarchive()
        self.assertTiers({self.late: "Platinum"})
        self.assertEqual((lock.ended_by_id.id, lock.ended_on), (False, False))

    def test_a_lock_is_never_deleted(self):
        lock = self._lock(self.late, self.platinum)
        for user in (self.manager, self.env.user):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                lock.with_user(user).unlink()
        self.assertTrue(lock.exists())

    def test_a_second_lock_replaces_the_first(self):
        first = self._lock(self.late, self.platinum)
        second = self._lock(self.late, self.gold, "fixed")
        self.assertTiers({self.late: "Gold"})
        self.assertRecordValues(first | second, [{"active": False}, {"active": True}])
        self.assertEqual((first.ended_by_id, self.card(self.late).lock_id), (self.manager, second))
        self.assertEqual(self.changes(self.late)[:1].reason, "lock")
        second.action_end()
        self.assertTiers({self.late: "Silver"})  # not back to the first one

    # ------------------------------------------------------------------
    # Who
    # ------------------------------------------------------------------

    def test_a_salesperson_reads_locks_and_makes_none(self):
        lock = self._lock(self.late, self.gold)
        theirs = self.env["customer.tiering.lock"].with_user(self.salesperson)
        self.assertEqual(theirs.search([]).mapped("reason"), ["Promised"])
        values = {"partner_id": self.best.id, "tier_id": self.gold.id, "reason": "Mine"}
        for forbidden in (
            lambda: theirs.create(values),
            lambda: lock.with_user(self.salesperson).write({"reason": "Mine"}),
            lambda: lock.with_user(self.salesperson).action_end(),
            lambda: self.late.with_user(self.salesperson).action_tiering_unlock(),
            lambda: (
                self.env["customer.tiering.lock.wizard"]
                .with_user(self.salesperson)
                .create({"partner_ids": self.late.ids, "tier_id": self.gold.id, "reason": "Mine"})
            ),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                forbidden()
        self.assertTrue(lock.active)
        self.assertTiers({self.late: "Gold"})

    def test_locks_are_those_of_a_company(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        self.manager.company_ids |= other
        self.order(self.late, 100, company_id=other.id)
        self.compute(policy=other.tiering_policy_ids)
        theirs = other.tiering_policy_ids.tier_ids[0]
        here = self._lock(self.late, self.gold)
        there = self.Lock.with_context(allowed_company_ids=[other.id, self.company.id]).create(
            {"partner_id": self.late.id, "tier_id": theirs.id, "mode": "fixed", "reason": "There"}
        )
        self.assertEqual(there.company_id, other)
        self.assertTrue(here.active)
        self.assertEqual(self.card(self.late).tier_id, self.gold)
        self.assertEqual(self.card(self.late, other).tier_id, theirs)
        self.late.with_user(self.manager).with_company(other).action_tiering_unlock()
        self.assertEqual((here.active, there.active), (True, False))
        # 100 days: 50 points; one order: 0; one median order: 25: 25 points
        self.assertEqual(self.card(self.late, other).tier_id.name, "Bronze")

    # ------------------------------------------------------------------
    # Many at once
    # ------------------------------------------------------------------

    def test_partners_are_locked_from_their_list(self):
        contacts = self.new_customer("A", parent_id=self.late.id) | self.new_customer("B", parent_id=self.late.id)
        wizard = self._wizard(contacts | self.best, tier_id=self.gold.id, action="fixed")
        self.assertEqual((wizard.partner_ids, wizard.partner_count), (self.late | self.best, 2))
        self.assertEqual(wizard.policy_id, self.policy)
        wizard.action_apply()
        self.assertTiers({self.best: "Gold", self.late: "Gold"})
        self.assertEqual(self.Lock.search([]).partner_id, self.late | self.best)
        self._wizard(contacts | self.best, action="automatic", reason=False).action_apply()
        self.assertTiers({self.best: "Platinum", self.late: "Silver"})
        self.assertFalse(self.Lock.search([]))

    def test_customers_are_locked_from_the_list_of_scorecards(self):
        cards = self.card(self.best) | self.card(self.late)
        wizard = self._wizard(cards, tier_id=self.gold.id)
        self.assertEqual(wizard.partner_ids, self.late | self.best)
        wizard.action_apply()
        self.assertTiers({self.best: "Platinum", self.late: "Gold"})

    def test_the_wizard_proposes_the_tier_the_customers_have(self):
        self.assertEqual(self._wizard(self.late).tier_id, self.silver)
        self.assertFalse(self._wizard(self.late | self.best).tier_id)

    def test_nobody_chosen(self):
        with self.assertRaisesRegex(UserError, "Choose at least one customer"):
            self._wizard(self.late, tier_id=self.gold.id, partner_ids=[Command.clear()]).action_apply()

    def test_partners_and_scorecards_are_found_by_what_their_locks_change(self):
        self._lock(self.late, self.platinum)
        self._lock(self.best, self.gold)  # changes nothing
        asked = self.new_customer("Never Scored")
        mine = [("id", "in", (self.best | self.late | asked).ids)]
        partners = self.env["res.partner"].with_user(self.salesperson)
        self.assertEqual(partners.search([*mine, ("tiering_differs", "=", True)]), self.late)
        self.assertEqual(partners.search([*mine, ("tiering_differs", "=", False)]), self.best | asked)
        self.assertEqual(partners.search([*mine, ("tiering_lock_id", "!=", False)]), self.best | self.late)
        cards = self.env["customer.tiering.scorecard"].with_user(self.salesperson)
        own = [("company_id", "=", self.company.id)]
        self.assertEqual(cards.search([*own, ("differs", "=", True)]).partner_id, self.late)
        self.assertEqual(cards.search([*own, ("differs", "=", False)]).partner_id, self.best)
        self.assertEqual(cards.search([*own, ("lock_reason", "ilike", "prom")]).partner_id, self.best | self.late)

    # ------------------------------------------------------------------
    # Around
    # ------------------------------------------------------------------

    def test_a_prospect_can_have_a_tier_by_a_lock(self):
        stranger = self.new_customer("Stranger")  # not even a quotation
        lock = self._lock(stranger, self.gold)
        self.assertTiers({stranger: "Gold"})
        card = self.card(stranger)
        self.assertEqual((card.computed_tier_id.id, card.differs, card.segment_id.code), (False, True, "prospect"))
        self.assertEqual(self.compute().written_count, 0)
        lock.action_end()
        self.assertTiers({stranger: False})
        change = self.changes(stranger)[:1]
        self.assertEqual((change.direction, change.reason), ("left", "lock_ended"))

    def test_a_lock_before_the_first_run_waits_for_it(self):
        company = self.env["res.company"].create({"name": "New Company"})
        self.env.user.company_ids |= company
        self.manager.company_ids |= company
        policy = company.tiering_policy_ids
        self.order(self.late, 100, company_id=company.id)
        self.Lock = self.Lock.with_context(allowed_company_ids=company.ids)
        self._lock(self.late, policy.tier_ids[0])
        self.assertFalse(self.card(self.late, company))
        self.compute(policy=policy)
        self.assertEqual(self.card(self.late, company).tier_id, policy.tier_ids[0])

    def test_a_lock_on_an_archived_tier_counts_no_more(self):
        lock = self._lock(self.late, self.gold)
        self.gold.active = False
        self.compute()
        self.assertTiers({self.late: "Silver"})
        card = self.card(self.late)
        self.assertEqual((card.lock_id.id, card.differs), (False, False))
        self.assertEqual(self.changes(self.late)[:1].reason, "lock_ended")
        self.assertTrue(lock.active)
        self.gold.active = True
        self.compute()
        self.assertTiers({self.late: "Gold"})

    def test_a_locked_tier_is_archived_when_somebody_deletes_it(self):
        self._lock(self.best, self.gold)
        self.gold.with_user(self.manager).unlink()
        self.assertTrue(self.gold.exists())
        self.assertFalse(self.gold.active)

    def test_merged_customers_keep_the_latest_lock(self):
        for older, newer, tier in ((self.platinum, self.gold, "Gold"), (self.bronze, self.platinum, "Platinum")):
            with self.subTest(tier=tier):
                stays, goes = self.new_customer("Stays"), self.new_customer("Goes")
                for partner in (stays, goes):
                    self.order(partner, 100)
                self.compute()
                self._lock(stays, older, "fixed")
                newest = self._lock(goes, newer, "fixed")
                wizard = self.env["base.partner.merge.automatic.wizard"].create({})
                wizard._merge((stays | goes).ids, dst_partner=stays)
                self.assertEqual(newest.partner_id, stays)
                self.compute()
                self.assertTiers({stays: tier})
                self.assertEqual(self.card(stays).lock_id, newest)
                stays.with_user(self.manager).action_tiering_unlock()
                self.assertTiers({stays: "Silver"})

    def test_locks_are_noted_in_the_chatter_when_wanted(self):
        lock = self._lock(self.late, self.gold)
        self.assertFalse(self.late.message_ids.filtered(lambda message: "Tier" in (message.body or "")))
        lock.action_end()
        self.policy.post_changes = True
        lock = self._lock(self.late, self.gold, "fixed")
        note = self.late.message_ids[0]
        self.assertIn("Tier locked (Exactly this tier): Gold. Promised", note.body)
        self.assertEqual(note.author_id, self.manager.partner_id)
        lock.action_end()
        self.assertIn("Tier back to automatic", self.late.message_ids[0].body)

    def test_the_number_of_queries_does_not_depend_on_the_number_of_customers(self):
        def count(number):
            partners = self.env["res.partner"].create([{"name": f"Customer {n}"} for n in range(number)])
            for partner in partners:
                self.order(partner, 100)
            self.compute()
            wizard = self._wizard(partners, tier_id=self.gold.id)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            wizard.action_apply()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(2)  # fills the caches
        few = count(3)
        self.assertLessEqual(count(30), few + 5)
